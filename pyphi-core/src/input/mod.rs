//! Networks as people have them: the one door for files.
//!
//! [`Reader`] takes JSON (this crate's own form, PyPhi's, the web calculator's), JSON lines, YAML,
//! and TPMs as CSV or as numpy's `.npy`, and makes a [`NetworkRecord`] of each network. What it had
//! to guess, convert or round is said in a note; [`Reader::strict`] forbids it.
//!
//! The own form is an object with `tpm` and, where wanted, the other fields:
//!
//! - `tpm`: state-by-node, `2^n` rows of n; state-by-state, `2^n` rows of `2^n`; or
//!   multidimensional, `tpm[a][b][c]` being the probabilities after unit 0 in state a, unit 1 in b,
//!   unit 2 in c
//! - `row_order`: `first-unit-fastest` (unit 0 is the lowest bit of a row's number, little-endian,
//!   as PyPhi has it; the default) or `last-unit-fastest` (big-endian)
//! - `cm`: n rows of n entries 0 or 1, row = sender. Without it, a connection is where an input
//!   makes a difference in the TPM
//! - `state`: a 0 or 1 for each unit, unit 0 first: `[1, 0, 0]` or `"100"`
//! - `states`: instead of `state`: `"all"`, `"reachable"`, or a list of states
//! - `nodes`: the units of the subsystem, by number or by label; all by default
//! - `labels`: a name for each unit
//! - `name`: a name of the network
//! - `alphabet`: the number of values of each unit, where it is not 2. Then `tpm` has a row for
//!   each state, in it a distribution over its values for each unit (`[[0.2, 0.3, 0.5], [1, 0]]`),
//!   or state-by-state; and `row_order` is required
//! - `next`: instead of `tpm`, with `alphabet`: a row for each state, in it the next value of each
//!   unit
//! - `marginals`: instead of `tpm`, as PyPhi 2 has it: for each unit an array with an index for the
//!   value of every unit and one for its own next value
//! - `values`: with `alphabet`: for each unit a list of names of its values, which `state` may use
//! - `before`, `after`: two states, for actual causation instead of `state`
//! - `cause`, `effect`: the units considered before and after; all by default
//! - `units`: intrinsic units of IIT 4.0: a list of units of the network, and of objects with
//!   `parts` (units of the network, or such objects), `grain` (how many updates of the parts are
//!   one; 1 by default), `mapping` (`{"coarse": [ON counts]}`, `{"blackbox": [parts]}` or
//!   `{"table": [0, 1, ...]}`) and `apportioned` units
//! - `history`: for them: states, oldest first, the last of which is `state`
//! - `transitions`: a list of objects with `before`, `after`, `cause` and `effect`; what one does
//!   not say is as above
//! - `counts`: what the TPM was counted from ([`Series`]); kept with it, and not looked at
//!
//! A file holds one such object, a list of them, or one in each line. Each field is there once, and
//! there are no others: a field that is misspelt, or given twice, would silently be another
//! question.

mod json;
mod npy;
mod series;
mod table;
mod units;
mod values;
mod yaml;

use crate::alphabet::Alphabet;
use crate::error::{Error, ErrorKind, Result};
use crate::iit4::System;
use crate::network::Network;
use crate::state::State;
use crate::subsystem::Subsystem;
use crate::tpm::Tpm;
use crate::unit_set::UnitSet;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

pub use json::unknown_field;
pub(crate) use json::unprintable;
pub use series::{CountedTpm, Series, Unseen};
pub use table::Table;
pub use units::AskedUnit;

/// The distance that an entry may be outside [0, 1] to be taken for one of the two, written with
/// rounding errors.
pub const NOISE: f64 = 1e-9;

/// A difference between two entries that is no larger is taken for rounding: it makes no
/// connection.
pub const DEPENDS: f64 = 1e-12;

/// A network in a state, with the units to analyse.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NetworkRecord {
    /// A name to recognise it by.
    pub name: Option<String>,
    /// State-by-node, `2^n` rows of n; or state-by-state, `2^n` rows of `2^n`. With an alphabet, a
    /// row for each state, in it the distributions of the units one after the other.
    pub tpm: Vec<Vec<f64>>,
    /// `cm[i][j] = 1` for i → j.
    pub cm: Vec<Vec<u8>>,
    /// The value of each unit: 0 or 1 of binary units.
    pub state: Vec<u8>,
    /// The units of the subsystem.
    pub nodes: Option<Vec<usize>>,
    /// A name for each unit.
    pub labels: Option<Vec<String>>,
    /// The number of values of each unit, where one has more than two.
    pub alphabet: Option<Vec<usize>>,
    /// By unit: a name for each of its values.
    pub values: Option<Vec<Vec<String>>>,
}

impl Serialize for NetworkRecord {
    /// As files have it: with an alphabet, the distributions of a row are lists of their own. Names
    /// of values need one, also if it is that of binary units, whose table stays as it is.
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        let NetworkRecord { name, tpm, cm, state, nodes, labels, alphabet, values } = self;
        let mut object = to.serialize_map(None)?;
        if let Some(name) = name {
            object.serialize_entry("name", name)?;
        }
        match alphabet {
            None => {
                if values.is_some() {
                    object.serialize_entry("alphabet", &vec![2; cm.len()])?;
                }
                object.serialize_entry("tpm", tpm)?;
            }
            Some(sizes) => {
                let distributions = |row: &Vec<f64>| {
                    let mut left = &row[..];
                    let of_unit = |&k: &usize| {
                        let (distribution, rest) = left.split_at(k.min(left.len()));
                        left = rest;
                        distribution.to_vec()
                    };
                    sizes.iter().map(of_unit).collect::<Vec<Vec<f64>>>()
                };
                object.serialize_entry("alphabet", sizes)?;
                object.serialize_entry("row_order", "first-unit-fastest")?;
                let rows: Vec<_> = tpm.iter().map(distributions).collect();
                object.serialize_entry("tpm", &rows)?;
            }
        }
        object.serialize_entry("cm", cm)?;
        object.serialize_entry("state", state)?;
        if let Some(nodes) = nodes {
            object.serialize_entry("nodes", nodes)?;
        }
        if let Some(labels) = labels {
            object.serialize_entry("labels", labels)?;
        }
        if let Some(values) = values {
            object.serialize_entry("values", values)?;
        }
        object.end()
    }
}

impl NetworkRecord {
    /// The most characters of `name`.
    pub const LONGEST_NAME: usize = 256;

    /// The checked network.
    ///
    /// # Errors
    /// As [`Network::from_state_by_node`], or [`Network::from_state_by_state`] where the rows have
    /// `2^n` entries; also if the labels do not fit.
    pub fn network(&self) -> Result<Network> {
        let is_state_by_state = self.tpm.first().is_some_and(|row| row.len() == self.tpm.len());
        let tpm = if let Some(sizes) = &self.alphabet {
            Tpm::from_rows_of(&Alphabet::new(sizes)?, &self.tpm)?
        } else if is_state_by_state {
            Tpm::from_state_by_state(&self.tpm)?
        } else {
            Tpm::from_state_by_node(&self.tpm)?
        };
        let mut network = Network::new(tpm, &self.cm)?;
        if let Some(labels) = &self.labels {
            network = network.with_labels(labels.clone())?;
        }
        match &self.values {
            None => Ok(network),
            Some(values) => network.with_value_names(values.clone()),
        }
    }

    /// The subsystem the record asks about.
    ///
    /// # Errors
    /// As [`NetworkRecord::network`] and [`Subsystem::new`]; also if a unit is named twice, or none
    /// is.
    pub fn subsystem(&self) -> Result<Subsystem> {
        let (network, state, units) = self.in_state()?;
        Subsystem::new(&network, state, units)
    }

    /// The system of IIT 4.0 that the record asks about.
    ///
    /// # Errors
    /// As [`NetworkRecord::network`] and [`System::of`]; also if a unit is named twice, or none is.
    pub fn system(&self) -> Result<System> {
        let (network, state, units) = self.in_state()?;
        System::of(&network, state, units)
    }

    /// A state of the network as a person writes it, `2,0,1`, `201` or `(2, 0, 1)`, unit 0 first;
    /// with the names of values, where the units have such.
    ///
    /// # Errors
    /// If there is not one value for each unit, or a unit does not have its value.
    pub fn state_of(&self, text: &str) -> Result<State> {
        let n_units = self.cm.len();
        let alphabet = match &self.alphabet {
            None if self.values.is_none() => {
                return State::of(&state(text)?, &Alphabet::binary(n_units));
            }
            None => Alphabet::binary(n_units),
            Some(sizes) => Alphabet::new(sizes)?,
        };
        let text = serde_json::Value::from(text);
        let values = values::values(&text, &alphabet, self.values.as_deref(), "state")?;
        State::of(&values, &alphabet)
    }

    fn in_state(&self) -> Result<(Network, State, UnitSet)> {
        let network = self.network()?;
        let units = self.units(&network)?;
        let state = network.state(&self.state)?;
        Ok((network, state, units))
    }

    /// The units that are asked for: those of `nodes`, or all.
    ///
    /// # Errors
    /// If a unit is named twice or does not exist.
    pub fn units(&self, network: &Network) -> Result<UnitSet> {
        let n_units = network.n_units();
        let Some(nodes) = &self.nodes else { return Ok(network.units()) };
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
        Ok(units)
    }
}

/// The states in which a network is to be analysed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum States {
    /// These, unit 0 first.
    Listed(Vec<Vec<u8>>),
    /// Every state, whether the network can be in it or not.
    All,
    /// Every state that the network can be in.
    Reachable,
}

impl States {
    /// Reads the value of `states` or of a command line: `all`, `reachable`, or one state.
    ///
    /// ```
    /// use pyphi_core::input::States;
    ///
    /// assert_eq!(States::parse("reachable")?, States::Reachable);
    /// assert_eq!(States::parse("[1, 0, 0]")?, States::Listed(vec![vec![1, 0, 0]]));
    /// # Ok::<(), pyphi_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`state`].
    pub fn parse(text: &str) -> Result<States> {
        match text.trim() {
            "all" => Ok(States::All),
            "reachable" => Ok(States::Reachable),
            other => state_of_values(other).map(|it| States::Listed(vec![it])),
        }
    }
}

/// The values of a text: `2,0,1`, `(2, 0, 1)`; or, without separators, a digit each: `201`.
fn split_values(text: &str) -> Vec<String> {
    let inner = text.trim().trim_matches(|it| matches!(it, '(' | ')' | '[' | ']'));
    if inner.contains(',') {
        return inner.split(',').map(|it| it.trim().to_owned()).collect();
    }
    match inner.contains(char::is_whitespace) {
        true => inner.split_whitespace().map(str::to_owned).collect(),
        false => inner.chars().map(String::from).collect(),
    }
}

/// A state of units with any number of values.
fn state_of_values(text: &str) -> Result<Vec<u8>> {
    let values: Option<Vec<u8>> = split_values(text).iter().map(|it| it.parse().ok()).collect();
    values.filter(|it| !it.is_empty()).ok_or_else(|| {
        let shown: String = text.chars().take(80).collect();
        let expected = "expected the value of each unit, as in 1,0,0";
        ErrorKind::Json(format!("state {shown:?}: {expected}")).into()
    })
}

/// Reads a state as a person writes it: `1,0,0`, `100`, `(1, 0, 0)` or `[1, 0, 0]`, unit 0 first.
///
/// # Errors
/// If anything but 0, 1 and separators is in it, or no digit.
pub fn state(text: &str) -> Result<Vec<u8>> {
    let wrong = || {
        let shown: String = text.chars().take(80).collect();
        let expected = "expected a 0 or 1 for each unit, as in 1,0,0";
        Error::from(ErrorKind::Json(format!("state {shown:?}: {expected}")))
    };
    let digits = text.chars().filter(|it| !matches!(it, ',' | ' ' | '(' | ')' | '[' | ']'));
    let bits: Vec<u8> = digits
        .map(|digit| match digit {
            '0' => Ok(0),
            '1' => Ok(1),
            _ => Err(wrong()),
        })
        .collect::<Result<_>>()?;
    if bits.is_empty() { Err(wrong()) } else { Ok(bits) }
}

/// A unit, by its number or by its label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitName {
    /// Its number, from 0.
    Number(usize),
    /// Its label.
    Label(String),
}

impl UnitName {
    /// Reads a list as a command line has it: `0,2` or `A,C`. What reads as a number is one; a
    /// label that looks like a number is put in double quotes.
    ///
    /// ```
    /// use pyphi_core::input::UnitName;
    ///
    /// let names = UnitName::parse_list("A, 2, \"7\"");
    /// let label = |it: &str| UnitName::Label(it.to_owned());
    /// assert_eq!(names, [label("A"), UnitName::Number(2), label("7")]);
    /// ```
    pub fn parse_list(text: &str) -> Vec<UnitName> {
        let name = |item: &str| {
            let item = item.trim();
            let quoted = item.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
            match (quoted, item.parse()) {
                (Some(label), _) => UnitName::Label(label.to_owned()),
                (None, Ok(number)) => UnitName::Number(number),
                (None, Err(_)) => UnitName::Label(item.to_owned()),
            }
        };
        text.split(',').filter(|it| !it.trim().is_empty()).map(name).collect()
    }

    /// The number of the unit among those with these labels. `field` is what names it, in errors.
    ///
    /// # Errors
    /// If no unit has that label.
    pub fn number(&self, labels: Option<&[String]>, field: &str) -> Result<usize> {
        match self {
            UnitName::Number(number) => Ok(*number),
            UnitName::Label(label) => {
                let all = labels.unwrap_or_default();
                all.iter().position(|it| it == label).ok_or_else(|| {
                    let expected = match all {
                        [] => "a number, since the units have no labels".to_owned(),
                        _ => format!("one of {}", all.join(", ")),
                    };
                    ErrorKind::Json(format!("{field}: no unit {label:?}, expected {expected}"))
                        .into()
                })
            }
        }
    }
}

/// The order of rows: which bit of a row's number is which unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RowOrder {
    /// Unit 0 is the lowest bit (PyPhi's little-endian): 000, 100, 010, 110, …
    #[default]
    FirstUnitFastest,
    /// The last unit is the lowest bit (big-endian): 000, 001, 010, 011, …
    LastUnitFastest,
}

/// The source of the connections of a network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Connectivity {
    /// The file; where it has none, as [`Connectivity::Inferred`].
    #[default]
    File,
    /// The TPM: a connection where an input makes a difference.
    Inferred,
    /// Every unit is connected with every unit, itself included, as PyPhi takes it where there is
    /// no matrix.
    Full,
    /// These rows.
    Rows(Vec<Vec<u8>>),
}

/// A transition that is asked about, as far as it is stated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AskedTransition {
    /// The state before.
    pub before: Option<Vec<u8>>,
    /// The state after.
    pub after: Option<Vec<u8>>,
    /// Units considered before.
    pub cause: Option<Vec<UnitName>>,
    /// Units considered after.
    pub effect: Option<Vec<UnitName>>,
}

impl AskedTransition {
    /// The same, with what it does not say as in another one.
    #[must_use]
    pub fn or(self, other: &AskedTransition) -> AskedTransition {
        AskedTransition {
            before: self.before.or_else(|| other.before.clone()),
            after: self.after.or_else(|| other.after.clone()),
            cause: self.cause.or_else(|| other.cause.clone()),
            effect: self.effect.or_else(|| other.effect.clone()),
        }
    }
}

/// The rules by which networks are read.
///
/// ```
/// use pyphi_core::input::{Reader, States};
///
/// // As PyPhi 1.2 writes a network: multidimensional, without a state.
/// let text = r#"{"tpm": [[[0, 0], [1, 0]], [[0, 1], [1, 1]]], "node_labels": ["A", "B"]}"#;
/// let states = Some(States::parse("10")?);
/// let input = Reader { states, ..Reader::default() }.json(text)?;
/// let network = &input.networks[0];
/// let record = network.record.as_ref().expect("a network");
/// assert_eq!(record.cm, [[0, 1], [1, 0]]); // inferred
/// assert_eq!(network.notes.len(), 1); // which is said
/// # Ok::<(), pyphi_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reader {
    /// Nothing is guessed, rounded or passed over: where a note would be made there is an error.
    pub strict: bool,
    /// Instead of the order that the file states.
    pub row_order: Option<RowOrder>,
    /// The source of the connections.
    pub connectivity: Connectivity,
    /// A dependence that `cm` denies is averaged over, instead of being an error.
    pub force_cm: bool,
    /// Of a state-by-state TPM whose units are not conditionally independent, the units' own
    /// probabilities are taken.
    pub project: bool,
    /// These states instead of those of the file.
    pub states: Option<States>,
    /// This state instead of `states` and of the file's, as a person writes it: a value for each
    /// unit, by number, or by name where the file names values.
    pub state: Option<String>,
    /// These states of a network for which the file has none, instead of an error.
    pub default_states: Option<States>,
    /// These units instead of those of the file.
    pub nodes: Option<Vec<UnitName>>,
}

/// The networks of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The networks, in their order.
    pub networks: Vec<Entry>,
    /// One, a list, or one in each line: the answer is to have the same form.
    pub form: Form,
}

/// The form in which several networks are put into one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One object.
    One,
    /// A JSON list.
    List,
    /// JSON lines: objects one after the other.
    Lines,
}

/// One network of a text: what it is, or what is wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The network. Its state is the first of `states`, or empty where they are to be enumerated.
    pub record: Result<NetworkRecord>,
    /// The states in which it is to be analysed.
    pub states: States,
    /// Notes on what was guessed, converted, rounded or ignored, each in one line.
    pub notes: Vec<String>,
    /// The transitions that are asked about: one, of which nothing may be stated, or those of
    /// `transitions`.
    pub transitions: Vec<AskedTransition>,
    /// The intrinsic units that are asked about, if there are.
    pub units: Option<Vec<AskedUnit>>,
    /// The last states of the network, the oldest first, if they are given.
    pub history: Option<Vec<Vec<u8>>>,
}

/// Reads one network, a list of them, or JSON lines, each with its state, by the rules of
/// [`Reader::default`].
///
/// ```
/// let text = r#"{"tpm": [[0, 0], [0, 1], [1, 0], [1, 1]], "cm": [[0, 1], [1, 0]],
///     "state": [0, 0]}"#;
/// let records = pyphi_core::input::parse(text)?;
/// let subsystem = records[0].subsystem()?;
/// assert_eq!(subsystem.n_units(), 2);
/// # Ok::<(), pyphi_core::Error>(())
/// ```
///
/// # Errors
/// If the text is not JSON, or any network of it is wrong; the message names the record, the field
/// and the place in it.
pub fn parse(text: &str) -> Result<Vec<NetworkRecord>> {
    let Input { networks, form } = Reader::default().json(text)?;
    let one = |(index, entry): (usize, Entry)| {
        let place = |error: Error| match form {
            Form::One => error,
            Form::List | Form::Lines => error.at(format!("record {index}")),
        };
        let record = entry.record.map_err(place)?;
        match entry.states {
            States::Listed(states) if states.len() == 1 => Ok(record),
            _ => {
                let message = "states: several, expected one state".to_owned();
                Err(place(ErrorKind::Json(message).into()))
            }
        }
    };
    networks.into_iter().enumerate().map(one).collect()
}

/// A network as a file states it, in whatever form, before anything is checked or filled in.
#[derive(Debug, Default)]
struct Draft {
    name: Option<String>,
    tpm: Option<Table>,
    row_order: Option<RowOrder>,
    cm: Option<Vec<Vec<u8>>>,
    states: Option<States>,
    nodes: Option<Vec<UnitName>>,
    labels: Option<Vec<String>>,
    /// Instead of `tpm`, where there is an alphabet.
    values: Option<values::Values>,
    /// Instead of `states`, while the alphabet is not known; and the field they are from.
    of_values: Option<(&'static str, values::StateText)>,
    alphabet: Option<Alphabet>,
    value_names: Option<Vec<Vec<String>>>,
    notes: Vec<String>,
    transition: AskedTransition,
    transitions: Option<Vec<AskedTransition>>,
    units: Option<Vec<AskedUnit>>,
    history: Option<Vec<Vec<u8>>>,
}

impl Draft {
    fn asked_transitions(&self) -> Vec<AskedTransition> {
        match &self.transitions {
            None => vec![self.transition.clone()],
            Some(all) => all.iter().map(|it| it.clone().or(&self.transition)).collect(),
        }
    }
}

impl Reader {
    /// Reads JSON or JSON lines. A byte order mark before it is passed over.
    ///
    /// # Errors
    /// If the text is not JSON, or an empty list. What is wrong with one of the networks is in its
    /// [`Entry`].
    pub fn json(&self, text: &str) -> Result<Input> {
        let (drafts, form) = json::drafts(text, self.strict)?;
        let networks = drafts.into_iter().map(|draft| self.entry(draft)).collect();
        Ok(Input { networks, form })
    }

    /// Reads YAML: the same fields as JSON, several documents being a list.
    ///
    /// # Errors
    /// If the text is not YAML, or as [`Reader::json`].
    pub fn yaml(&self, text: &str) -> Result<Input> {
        self.json(&yaml::to_json(text)?)
    }

    /// Makes a network of a TPM read by itself ([`Table::csv`], [`Table::npy`]).
    pub fn table(&self, tpm: Table) -> Input {
        let labels = tpm.labels.clone();
        let entry = self.entry(Ok(Draft { tpm: Some(tpm), labels, ..Draft::default() }));
        Input { networks: vec![entry], form: Form::One }
    }

    fn entry(&self, draft: Result<Draft>) -> Entry {
        let (mut notes, mut states) = (Vec::new(), States::Listed(Vec::new()));
        let transitions = draft.as_ref().map_or_else(|_| Vec::new(), Draft::asked_transitions);
        let (units, history) = match &draft {
            Ok(draft) => (draft.units.clone(), draft.history.clone()),
            Err(_) => (None, None),
        };
        let record = draft.and_then(|draft| self.record(draft, &mut notes, &mut states));
        Entry { record, states, notes, transitions, units, history }
    }

    fn record(
        &self,
        mut draft: Draft,
        notes: &mut Vec<String>,
        states: &mut States,
    ) -> Result<NetworkRecord> {
        notes.append(&mut draft.notes);
        let json = |message: String| Error::from(ErrorKind::Json(message));
        let tpm = match (draft.tpm, draft.values) {
            (_, Some(values)) => self.tpm_of_values(values, draft.row_order, notes)?,
            (Some(table), None) => self.tpm(table, draft.row_order, notes)?,
            (None, None) => return Err(json("tpm: missing, expected a list".to_owned())),
        };
        if let Some(alphabet) = draft.alphabet.filter(|it| it != tpm.alphabet()) {
            let found = tpm.alphabet();
            return Err(json(format!("alphabet: {alphabet}, expected {found} as in the tpm")));
        }
        let (cm, tpm) = self.connections(tpm, draft.cm, notes)?;
        // A history ends in the present state.
        let present = draft.history.as_ref().and_then(|it| it.last());
        let present = present.map(|it| States::Listed(vec![it.clone()]));
        let named = self.state.as_deref().map(|text| match &draft.value_names {
            None => States::parse(text),
            Some(names) => {
                let text = serde_json::Value::from(text);
                let values = values::values(&text, tpm.alphabet(), Some(names), "state")?;
                Ok(States::Listed(vec![values]))
            }
        });
        let stated = named.transpose()?.or_else(|| self.states.clone());
        let stated = stated.or(draft.states).or(present);
        let chosen = stated.or_else(|| self.default_states.clone());
        *states = chosen.ok_or_else(|| json("state: missing, expected a list".to_owned()))?;
        let mut first = Vec::new();
        if let States::Listed(list) = states {
            list.iter().try_for_each(|state| tpm.alphabet().check(state))?;
            let none = || json("states: none, expected at least one".to_owned());
            first.clone_from(list.first().ok_or_else(none)?);
        }
        let names = self.nodes.as_ref().or(draft.nodes.as_ref());
        let numbers = |names: &Vec<UnitName>| {
            names
                .iter()
                .map(|it| it.number(draft.labels.as_deref(), "nodes"))
                .collect::<Result<Vec<_>>>()
        };
        let record = NetworkRecord {
            name: draft.name,
            tpm: tpm.to_rows(),
            cm,
            state: first,
            nodes: names.map(numbers).transpose()?,
            labels: draft.labels,
            alphabet: (!tpm.alphabet().is_binary()).then(|| tpm.alphabet().sizes()),
            values: draft.value_names,
        };
        if record.units(&record.network()?)?.is_empty() {
            return Err(json("nodes: no units, expected at least one".to_owned()));
        }
        Ok(record)
    }

    /// Says what was done, or refuses it.
    fn note(&self, notes: &mut Vec<String>, what: String) -> Result<()> {
        if self.strict {
            return Err(ErrorKind::Json(format!("{what} (which strict reading forbids)")).into());
        }
        notes.push(what);
        Ok(())
    }

    fn tpm(&self, table: Table, stated: Option<RowOrder>, notes: &mut Vec<String>) -> Result<Tpm> {
        let Table { mut rows, is_multidimensional, .. } = table;
        let order = self.row_order.or(stated).unwrap_or_default();
        self.clip(&mut rows, notes)?;
        let n_rows = rows.len();
        let is_state_by_state = n_rows > 1 && rows[0].len() == n_rows;
        if order == RowOrder::LastUnitFastest {
            if is_multidimensional {
                let message = "tpm: multidimensional, so that its rows have no order; expected two \
                               dimensions for big-endian rows";
                return Err(ErrorKind::Json(message.to_owned()).into());
            }
            rows = table::reversed(rows, is_state_by_state);
        }
        if !is_state_by_state {
            return Tpm::from_state_by_node(&rows).map_err(|error| table::hint(error, &rows));
        }
        let (tpm, report) = Tpm::marginals(&rows)?;
        if let Some((row, sum)) = report.worst_sum.filter(|(_, sum)| (sum - 1.0).abs() > NOISE) {
            self.note(notes, format!("tpm: row {row} sums to {sum} and was divided by it"))?;
        }
        match report.dependence {
            None => Ok(tpm),
            Some(kind) if self.project => {
                let ErrorKind::ConditionallyDependent { row, column, found, expected } = kind
                else {
                    return Err(kind.into());
                };
                notes.push(format!(
                    "tpm: the units are not conditionally independent; their own probabilities \
                     were taken, which \
                     changes row {row}, column {column} from {found} to {expected} and nothing by \
                     more"
                ));
                Ok(tpm)
            }
            Some(kind) => Err(ErrorKind::Json(format!(
                "{kind}; nothing differs by more (--project takes the units' own probabilities)"
            ))
            .into()),
        }
    }

    /// Takes what is outside [0, 1] by rounding errors only for 0 and 1.
    fn clip(&self, rows: &mut [Vec<f64>], notes: &mut Vec<String>) -> Result<()> {
        let mut most: Option<(usize, usize, f64)> = None;
        for (row, cells) in rows.iter_mut().enumerate() {
            for (column, cell) in cells.iter_mut().enumerate() {
                let near = cell.clamp(0.0, 1.0);
                let change = (*cell - near).abs();
                if change > 0.0 && change <= NOISE {
                    if most
                        .is_none_or(|(.., before)| change > (before - before.clamp(0.0, 1.0)).abs())
                    {
                        most = Some((row, column, *cell));
                    }
                    *cell = near;
                }
            }
        }
        let Some((row, column, value)) = most else { return Ok(()) };
        let near = value.clamp(0.0, 1.0);
        let what = format!(
            "tpm: row {row}, column {column}: {value} was taken for {near}, the largest such change"
        );
        self.note(notes, what)
    }

    fn connections(
        &self,
        tpm: Tpm,
        stated: Option<Vec<Vec<u8>>>,
        notes: &mut Vec<String>,
    ) -> Result<(Vec<Vec<u8>>, Tpm)> {
        let n = tpm.n_units();
        let stated = match &self.connectivity {
            Connectivity::File => stated,
            Connectivity::Inferred => None,
            Connectivity::Full => Some(vec![vec![1; n]; n]),
            Connectivity::Rows(rows) => Some(rows.clone()),
        };
        let dependences = tpm.dependences();
        let Some(cm) = stated else {
            let (cm, mut n_connections, mut noise) = (&dependences, 0, 0.0_f64);
            let rows: Vec<Vec<u8>> = (0..n)
                .map(|from| (0..n).map(|to| u8::from(cm[from * n + to] > DEPENDS)).collect())
                .collect();
            for &difference in cm {
                match difference > DEPENDS {
                    true => n_connections += 1,
                    false => noise = noise.max(difference),
                }
            }
            let mut what =
                format!("cm: inferred from tpm, {n_connections} of {} connections", n * n);
            if noise > 0.0 {
                what += &format!("; differences of up to {noise:e} were taken for rounding");
            }
            if self.connectivity == Connectivity::File {
                self.note(notes, what)?;
            } else if noise > 0.0 {
                notes.push(what);
            }
            return Ok((rows, tpm));
        };
        // The shape and the entries are checked before they are looked at.
        drop(Network::new(tpm.clone(), &cm)?);
        let denied: Vec<(usize, usize)> = (0..n)
            .flat_map(|from| (0..n).map(move |to| (from, to)))
            .filter(|&(from, to)| cm[from][to] == 0 && dependences[from * n + to] > DEPENDS)
            .collect();
        if denied.is_empty() {
            return Ok((cm, tpm));
        }
        let denied = connections(&denied);
        if !self.force_cm {
            let message = format!(
                "cm: 0, expected 1, for {denied}: there the tpm has a dependence (--force-cm \
                 averages over it)"
            );
            return Err(ErrorKind::Json(message).into());
        }
        notes.push(format!("cm: the tpm was averaged over what the cm denies: {denied}"));
        let tpm = tpm.averaged(&cm);
        Ok((cm, tpm))
    }
}

/// Connections as a person would write them, the first of many: `0 → 1, 2 → 0`.
fn connections(edges: &[(usize, usize)]) -> String {
    const MOST: usize = 64;
    let shown = edges.iter().take(MOST).map(|(from, to)| format!("{from} → {to}"));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match edges.len().checked_sub(MOST) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}
