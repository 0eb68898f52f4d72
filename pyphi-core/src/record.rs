//! Networks and results as JSON.
//!
//! A network is an object with `tpm` (state-by-node, `2^n` rows of n; or state-by-state, `2^n` rows of
//! `2^n`), `cm` (n rows of n entries 0 or 1, row = sender), `state` (n entries 0 or 1) and, if wanted,
//! `nodes` (the units of the subsystem; all by default), `name` and `labels`. A file holds one such object
//! or a list of them. A result repeats `name`, `nodes` and `state` and adds `phi`, `cut`, `ces`,
//! `partitioned_ces` and the counts of ties.

use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// Reads one network or a list of them.
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
/// If the text is not JSON, or a field is missing or of the wrong kind; the message names the record, the
/// field and the place in it. Whether the numbers make a network is checked by [`NetworkRecord::subsystem`].
pub fn parse(text: &str) -> Result<Records> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| Error::from(ErrorKind::Json(format!("not JSON: {error}"))))?;
    match value {
        Value::Array(items) => {
            let records = items
                .iter()
                .enumerate()
                .map(|(idx, item)| {
                    NetworkRecord::from_value(item)
                        .map_err(|error| error.at(format!("record {idx}")))
                })
                .collect::<Result<_>>()?;
            Ok(Records { records, is_list: true })
        }
        item => Ok(Records { records: vec![NetworkRecord::from_value(&item)?], is_list: false }),
    }
}

impl NetworkRecord {
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

    fn from_value(value: &Value) -> Result<NetworkRecord> {
        let Value::Object(fields) = value else {
            return Err(json("expected an object with the fields tpm, cm and state", value));
        };
        let required = |name: &str| {
            fields.get(name).ok_or_else(|| {
                Error::from(ErrorKind::Json(format!("{name}: missing, expected a list")))
            })
        };
        let optional = |name: &str| fields.get(name).filter(|it| !it.is_null());
        let name = match optional("name") {
            None => None,
            Some(Value::String(name)) => Some(name.clone()),
            Some(other) => return Err(json("name: expected a string", other)),
        };
        let labels = match optional("labels") {
            None => None,
            Some(value) => Some(items(value, "labels", |item, place| match item {
                Value::String(label) => Ok(label.clone()),
                other => Err(json(&format!("{place}: expected a string"), other)),
            })?),
        };
        let nodes = match optional("nodes") {
            None => None,
            Some(value) => Some(items(value, "nodes", |item, place| {
                item.as_u64()
                    .and_then(|unit| usize::try_from(unit).ok())
                    .ok_or_else(|| json(&format!("{place}: expected the number of a unit"), item))
            })?),
        };
        Ok(NetworkRecord {
            name,
            tpm: items(required("tpm")?, "tpm", |row, place| {
                items(row, place, |cell, place| {
                    cell.as_f64().ok_or_else(|| {
                        json(&format!("{place}: expected a number from 0 to 1"), cell)
                    })
                })
            })?,
            cm: items(required("cm")?, "cm", |row, place| items(row, place, zero_or_one))?,
            state: items(required("state")?, "state", zero_or_one)?,
            nodes,
            labels,
        })
    }
}

/// The items of a list, each read by `read`, which is told its place (`tpm[3]`).
fn items<T>(
    value: &Value,
    place: &str,
    read: impl Fn(&Value, &str) -> Result<T>,
) -> Result<Vec<T>> {
    let Value::Array(list) = value else {
        return Err(json(&format!("{place}: expected a list"), value));
    };
    list.iter().enumerate().map(|(idx, item)| read(item, &format!("{place}[{idx}]"))).collect()
}

fn zero_or_one(value: &Value, place: &str) -> Result<u8> {
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
