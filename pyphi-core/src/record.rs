//! Networks and results as JSON.
//!
//! A network is an object with `tpm` (state-by-node, `2^n` rows of n; or state-by-state, `2^n` rows of
//! `2^n`), `cm` (n rows of n entries 0 or 1, row = sender), `state` (n entries 0 or 1) and, if wanted,
//! `nodes` (the units of the subsystem; all by default), `name` and `labels`. Each field is there once, and there
//! are no others: a field that is misspelt, or given twice, would silently be another question. A file holds one
//! such object or a list of them. A result repeats `name`, `nodes` and `state` and adds `phi`, `cut`, `ces`,
//! `partitioned_ces` and the counts of ties.

use std::fmt;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::big_phi::BigPhi;
use crate::concept::{Concept, CoreRepertoire, unit_list};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::StopReason;
use crate::network::Network;
use crate::partition::Cut;
use crate::phi_range::PhiRange;
use crate::state::State;
use crate::structure::CauseEffectStructure;
use crate::subsystem::Subsystem;
use crate::tpm::Tpm;
use crate::unit_set::UnitSet;

/// A network in a state, with the units to analyse, as a file has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NetworkRecord {
    /// A name to recognise it by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// State-by-node, `2^n` rows of n; or state-by-state, `2^n` rows of `2^n`.
    pub tpm: Vec<Vec<f64>>,
    /// `cm[i][j] = 1` for i → j.
    pub cm: Vec<Vec<u8>>,
    /// 0 or 1 for each unit.
    pub state: Vec<u8>,
    /// The units of the subsystem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Vec<usize>>,
    /// A name for each unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
}

/// What a file holds: one network, or a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Records {
    /// The networks.
    pub records: Vec<NetworkRecord>,
    /// Whether the file has a list, so that the answer is to be one too.
    pub is_list: bool,
}

/// Reads one network or a list of them. A byte order mark before it is passed over.
///
/// ```
/// let text = r#"{"tpm": [[0, 0], [0, 1], [1, 0], [1, 1]], "cm": [[0, 1], [1, 0]], "state": [0, 0]}"#;
/// let records = pyphi_core::record::parse(text)?;
/// assert!(!records.is_list);
/// let subsystem = records.records[0].subsystem()?;
/// assert_eq!(subsystem.n_units(), 2);
/// # Ok::<(), pyphi_core::Error>(())
/// ```
///
/// # Errors
/// If the text is not JSON, or a field is missing, unknown, there twice or of the wrong kind, or if a list is empty;
/// the message names the record, the field and the place in it. Whether the numbers make a network is checked by
/// [`NetworkRecord::subsystem`].
pub fn parse(text: &str) -> Result<Records> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.trim_start().starts_with('[') {
        let item = serde_json::from_str(text).map_err(not_json)?;
        return Ok(Records { records: vec![NetworkRecord::from_json(item)?], is_list: false });
    }
    // What is wrong with a record is kept beside the reader, whose own errors are those of the JSON.
    let mut refused = None;
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = reader.deserialize_seq(List { refused: &mut refused });
    match (read.and_then(|records| reader.end().map(|()| records)), refused) {
        (_, Some(error)) => Err(error),
        (Err(error), None) => Err(not_json(error)),
        (Ok(records), None) if records.is_empty() => {
            Err(ErrorKind::Json("no networks: expected at least one".to_owned()).into())
        }
        (Ok(records), None) => Ok(Records { records, is_list: true }),
    }
}

fn not_json(error: serde_json::Error) -> Error {
    ErrorKind::Json(format!("not JSON: {error}")).into()
}

/// The records of a list, each read before the next is looked at.
struct List<'a> {
    refused: &'a mut Option<Error>,
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = Vec<NetworkRecord>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of networks")
    }

    fn visit_seq<A: SeqAccess<'de>>(
        self,
        mut list: A,
    ) -> std::result::Result<Self::Value, A::Error> {
        let mut records = Vec::new();
        while let Some(item) = list.next_element::<&RawValue>()? {
            match NetworkRecord::from_json(item) {
                Ok(record) => records.push(record),
                Err(error) => {
                    *self.refused = Some(error.at(format!("record {}", records.len())));
                    return Err(de::Error::custom("refused"));
                }
            }
        }
        Ok(records)
    }
}

/// The fields of an object in their order, each as text. A map would keep the last of two of one name, silently.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Fields<'de>, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A table of numbers that stops where it cannot be a TPM any more: `n` entries in a row make at most `2^n` rows.
/// Without that, a file of nothing but brackets would take many times its size.
struct Rows(Vec<Vec<f64>>);

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Rows, D::Error> {
        struct Table;
        impl<'de> Visitor<'de> for Table {
            type Value = Rows;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of lists of numbers")
            }

            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut list: A,
            ) -> std::result::Result<Rows, A::Error> {
                let mut rows: Vec<Vec<f64>> = Vec::new();
                while let Some(row) = list.next_element::<Vec<f64>>()? {
                    rows.push(row);
                    let n = rows[0].len();
                    if n < 32 && rows.len() > 1 << n {
                        return Err(de::Error::custom(TooManyRows(n)));
                    }
                }
                Ok(Rows(rows))
            }
        }
        deserializer.deserialize_seq(Table)
    }
}

/// Says so of a table whose first row has so many entries.
struct TooManyRows(usize);

impl fmt::Display for TooManyRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = 1_u64 << self.0;
        write!(f, "more than {rows} rows, the first of {} entries: expected at most {rows}", self.0)
    }
}

/// The fields of a network.
const FIELDS: [&str; 6] = ["tpm", "cm", "state", "nodes", "name", "labels"];

/// What PyPhi calls some of them.
const PYPHI_FIELDS: [(&str, &str); 3] =
    [("connectivity_matrix", "cm"), ("node_indices", "nodes"), ("node_labels", "labels")];

/// What is said of a field that is not one of those known, with the one that was probably meant.
///
/// ```
/// use pyphi_core::record::unknown_field;
///
/// assert_eq!(
///     unknown_field("nodse", &["state", "nodes"]),
///     "unknown field \"nodse\", perhaps for \"nodes\": expected one of state, nodes"
/// );
/// ```
pub fn unknown_field(name: &str, known: &[&str]) -> String {
    const LONGEST: usize = 40;
    let expected = known.join(", ");
    if name.chars().count() > LONGEST {
        let start: String = name.chars().take(LONGEST).collect();
        return format!("unknown field {:?}: expected one of {expected}", start + "…");
    }
    let distance = |known: &str| strsim::osa_distance(&name.to_lowercase(), known);
    let nearest = known.iter().min_by_key(|it| distance(it));
    let nearest = nearest.filter(|it| distance(it) <= 1 + it.len() / 4);
    let perhaps = nearest.map(|it| format!(", perhaps for {it:?}")).unwrap_or_default();
    format!("unknown field {name:?}{perhaps}: expected one of {expected}")
}

impl NetworkRecord {
    /// The most characters of `name`.
    pub const LONGEST_NAME: usize = 256;

    /// The checked network.
    ///
    /// # Errors
    /// As [`Network::from_state_by_node`], or [`Network::from_state_by_state`] where the rows have `2^n`
    /// entries; also if the labels do not fit.
    pub fn network(&self) -> Result<Network> {
        // With one unit both forms have... two rows; one column is state-by-node, two are state-by-state.
        let is_state_by_state = self.tpm.first().is_some_and(|row| row.len() == self.tpm.len());
        let tpm = if is_state_by_state {
            Tpm::from_state_by_state(&self.tpm)?
        } else {
            Tpm::from_state_by_node(&self.tpm)?
        };
        let network = Network::new(tpm, &self.cm)?;
        match &self.labels {
            None => Ok(network),
            Some(labels) => network.with_labels(labels.clone()),
        }
    }

    /// The subsystem the record asks about.
    ///
    /// # Errors
    /// As [`NetworkRecord::network`] and [`Subsystem::new`]; also if a unit is named twice.
    pub fn subsystem(&self) -> Result<Subsystem> {
        let network = self.network()?;
        let n_units = network.n_units();
        if self.state.len() != n_units {
            return Err(
                ErrorKind::StateLength { found: self.state.len(), expected: n_units }.into()
            );
        }
        let state = State::new(&self.state)?;
        let units = match &self.nodes {
            None => network.units(),
            Some(nodes) => {
                let mut units = UnitSet::EMPTY;
                for &unit in nodes {
                    if unit >= n_units {
                        return Err(ErrorKind::NoSuchUnit { unit, n_units }.into());
                    }
                    if units.contains(unit) {
                        return Err(ErrorKind::DuplicateUnit { unit }.into());
                    }
                    units = units.union(UnitSet::from_bits(1 << unit));
                }
                units
            }
        };
        Subsystem::new(&network, state, units)
    }

    fn from_json(json: &RawValue) -> Result<NetworkRecord> {
        if !json.get().starts_with('{') {
            let expected = "expected an object with the fields tpm, cm and state";
            return Err(self::json(expected, &value("record", json)?));
        }
        let Fields(fields) = serde_json::from_str(json.get()).map_err(not_json)?;
        for (at, (name, _)) in fields.iter().enumerate() {
            let refuse = |message| Err(ErrorKind::Json(message).into());
            if let Some((_, ours)) = PYPHI_FIELDS.iter().find(|(theirs, _)| theirs == name) {
                return refuse(format!("field {name:?} of PyPhi's files: expected {ours:?}"));
            }
            if !FIELDS.contains(&name.as_str()) {
                return refuse(unknown_field(name, &FIELDS));
            }
            // There are at most six names, so this is soon over.
            if fields[..at].iter().any(|(before, _)| before == name) {
                return refuse(format!("field {name:?} is there twice, expected it once"));
            }
        }
        let find = |name: &str| fields.iter().find(|(found, _)| found == name).map(|it| it.1);
        let required = |name: &str| {
            find(name).ok_or_else(|| {
                Error::from(ErrorKind::Json(format!("{name}: missing, expected a list")))
            })
        };
        let optional = |name: &str| match find(name).filter(|it| it.get() != "null") {
            None => Ok(None),
            Some(json) => value(name, json).map(Some),
        };
        let name = match optional("name")? {
            None => None,
            Some(Value::String(name)) => Some(check_name(name)?),
            Some(other) => return Err(self::json("name: expected a string", &other)),
        };
        let labels = match optional("labels")? {
            None => None,
            Some(value) => Some(items(&value, "labels", |item, place| match item {
                Value::String(label) => Ok(label.clone()),
                other => Err(self::json(&format!("{place}: expected a string"), other)),
            })?),
        };
        let nodes = match optional("nodes")? {
            None => None,
            Some(value) => Some(items(&value, "nodes", |item, place| {
                item.as_u64().and_then(|unit| usize::try_from(unit).ok()).ok_or_else(|| {
                    self::json(&format!("{place}: expected the number of a unit"), item)
                })
            })?),
        };
        let tpm = tpm(required("tpm")?)?;
        let cm = value("cm", required("cm")?)?;
        let state = value("state", required("state")?)?;
        Ok(NetworkRecord {
            name,
            tpm,
            cm: items(&cm, "cm", |row, place| items(row, &place.to_string(), zero_or_one))?,
            state: items(&state, "state", zero_or_one)?,
            nodes,
            labels,
        })
    }
}

/// The longest text of a field but `tpm`, in bytes: many times what 32 units need.
const LONGEST_FIELD: usize = 1 << 20;

/// A field, or why its text has no value: numbers too large, names that are no Unicode, lists nested too deep.
fn value(name: &str, json: &RawValue) -> Result<Value> {
    let len = json.get().len();
    if len > LONGEST_FIELD {
        let message = format!("{name}: {len} bytes, expected at most {LONGEST_FIELD}");
        return Err(ErrorKind::Json(message).into());
    }
    serde_json::from_str(json.get()).map_err(|error| in_field(name, &error))
}

/// The table, read fast; what is wrong with one is found out afterwards.
fn tpm(json: &RawValue) -> Result<Vec<Vec<f64>>> {
    let error = match serde_json::from_str(json.get()) {
        Ok(Rows(rows)) => return Ok(rows),
        Err(error) => error,
    };
    if json.get().len() <= LONGEST_FIELD {
        items(&value("tpm", json)?, "tpm", |row, place| {
            items(row, &place.to_string(), |cell, place| match cell {
                Value::Number(_) => Ok(()),
                _ => Err(self::json(&format!("{place}: expected a number from 0 to 1"), cell)),
            })
        })?;
    }
    Err(in_field("tpm", &error))
}

/// An error without its place in the text, which is that in the field alone.
fn in_field(name: &str, error: &serde_json::Error) -> Error {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&place).unwrap_or(&text);
    ErrorKind::Json(format!("{name}: {text}")).into()
}

/// Refuses names that would spoil what they are printed in.
fn check_name(name: String) -> Result<String> {
    match unprintable(&name, NetworkRecord::LONGEST_NAME) {
        Some(found) => {
            let longest = NetworkRecord::LONGEST_NAME;
            let expected = format!("at most {longest} characters, none a control character");
            Err(ErrorKind::Json(format!("name: {found}, expected {expected}")).into())
        }
        None => Ok(name),
    }
}

/// What is wrong with a name that is longer than so many characters, or has a control character.
pub(crate) fn unprintable(name: &str, longest: usize) -> Option<String> {
    let len = name.chars().count();
    let control = name.chars().position(char::is_control);
    if len > longest {
        return Some(format!("{len} characters"));
    }
    control.map(|at| format!("{name:?} with a control character as number {}", at + 1))
}

/// The items of a list, each read by `read`, which is told its place (`tpm[3]`).
fn items<T>(
    value: &Value,
    place: &str,
    read: impl Fn(&Value, Place<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let Value::Array(list) = value else {
        return Err(json(&format!("{place}: expected a list"), value));
    };
    list.iter().enumerate().map(|(idx, item)| read(item, Place(place, idx))).collect()
}

/// An item of a list. It is text only where something is wrong with it.
#[derive(Clone, Copy)]
struct Place<'a>(&'a str, usize);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.0, self.1)
    }
}

fn zero_or_one(value: &Value, place: Place<'_>) -> Result<u8> {
    match value {
        Value::Bool(bit) => Ok(u8::from(*bit)),
        _ => match value.as_f64() {
            Some(0.0) => Ok(0),
            Some(1.0) => Ok(1),
            _ => Err(json(&format!("{place}: expected 0 or 1"), value)),
        },
    }
}

/// What was expected, and what was found (cut short).
fn json(expected: &str, found: &Value) -> Error {
    let mut found = found.to_string();
    if found.chars().count() > 40 {
        found = found.chars().take(40).collect::<String>() + "…";
    }
    ErrorKind::Json(format!("{expected}, found {found}")).into()
}

/// The result of one analysis, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhiRecord {
    /// Name of the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Units of the subsystem.
    pub nodes: Vec<usize>,
    /// State of the whole network.
    pub state: Vec<u8>,
    /// Φ.
    pub phi: f64,
    /// The system's MIP; null where Φ = 0.
    pub cut: Option<Cut>,
    /// Concepts of the intact system.
    pub ces: Vec<ConceptRecord>,
    /// Concepts of the cut system; empty where Φ = 0.
    pub partitioned_ces: Vec<ConceptRecord>,
    /// Core causes and core effects with several purviews of the same φ, over the intact and all cut
    /// systems; absent where not all cuts were evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purview_ties: Option<u64>,
    /// Of those in the two structures listed here, the choices still open after the size rule. If this is
    /// not 0, Φ depends on the numbering of the units.
    pub ties: u64,
    /// Φ over numberings of the units; absent where that was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<RangeRecord>,
    /// False if the analysis was stopped: `phi` is then an upper bound.
    pub exact: bool,
}

/// How far Φ depends on the numbering of the units, as JSON has it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RangeRecord {
    /// The smallest Φ.
    pub low: f64,
    /// The largest Φ.
    pub high: f64,
    /// The different numberings tried, the network's own included.
    pub numberings: u32,
    /// Whether these are all there are.
    pub is_exhaustive: bool,
}

impl From<&PhiRange> for RangeRecord {
    fn from(range: &PhiRange) -> RangeRecord {
        let PhiRange { low, high, numberings, is_exhaustive, .. } = *range;
        RangeRecord { low, high, numberings, is_exhaustive }
    }
}

/// A concept, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConceptRecord {
    /// Units of the mechanism.
    pub mechanism: Vec<usize>,
    /// φ.
    pub phi: f64,
    /// The core cause.
    pub cause: CoreRecord,
    /// The core effect.
    pub effect: CoreRecord,
}

/// A core cause or core effect, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoreRecord {
    /// φ.
    pub phi: f64,
    /// Units of the purview.
    pub purview: Vec<usize>,
    /// `2^k` probabilities, bit i of the index being the i-th unit of the purview.
    pub repertoire: Vec<f64>,
    /// The minimum information partition, its two parts.
    pub mip: [PartRecord; 2],
    /// Other purviews of the same size and φ.
    pub ties: u32,
}

/// One part of a mechanism partition, as JSON has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRecord {
    /// Mechanism units.
    pub mechanism: Vec<usize>,
    /// Purview units.
    pub purview: Vec<usize>,
}

impl PhiRecord {
    /// The result of the analysis of a record.
    pub fn new(network: &NetworkRecord, result: &BigPhi) -> PhiRecord {
        let concepts =
            |ces: &CauseEffectStructure| ces.concepts.iter().map(ConceptRecord::from).collect();
        PhiRecord {
            name: network.name.clone(),
            nodes: unit_list(result.units),
            state: network.state.clone(),
            phi: result.phi,
            cut: result.cut,
            ces: concepts(&result.ces),
            partitioned_ces: concepts(&result.partitioned_ces),
            purview_ties: result.purview_ties,
            ties: result.ties,
            range: None,
            exact: result.stop_reason == StopReason::Complete,
        }
    }
}

impl From<&Concept> for ConceptRecord {
    fn from(concept: &Concept) -> ConceptRecord {
        ConceptRecord {
            mechanism: unit_list(concept.mechanism),
            phi: concept.phi,
            cause: (&concept.cause).into(),
            effect: (&concept.effect).into(),
        }
    }
}

impl From<&CoreRepertoire> for CoreRecord {
    fn from(core: &CoreRepertoire) -> CoreRecord {
        let part = |mechanism, purview| PartRecord {
            mechanism: unit_list(mechanism),
            purview: unit_list(purview),
        };
        CoreRecord {
            phi: core.phi,
            purview: unit_list(core.purview),
            repertoire: core.repertoire.clone(),
            mip: [
                part(core.mip.first_mechanism, core.mip.first_purview),
                part(core.mip.second_mechanism, core.mip.second_purview),
            ],
            ties: core.ties,
        }
    }
}
