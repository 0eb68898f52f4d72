//! The one error of this crate: an opaque [`Error`] over an [`ErrorKind`].
//!
//! Every message names the place, the value found there and what was expected, so that a caller
//! only has to add the name of the file.

use std::fmt;

/// An error in an input: its kind, and the place where it is.
///
/// ```
/// use pyphi_core::{ErrorKind, Tpm};
///
/// let error = Tpm::from_state_by_node(&[vec![0.0], vec![1.5]]).unwrap_err();
/// assert!(matches!(error.kind(), ErrorKind::NotAProbability { row: 1, column: 0, .. }));
/// let message =
///     "tpm: row 1, column 0: 1.5 is not a probability, expected a number from 0 to 1";
/// assert_eq!(error.to_string(), message);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    kind: ErrorKind,
    place: Option<String>,
}

/// The kinds of [`Error`].
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A TPM without rows.
    #[error("tpm: no rows, expected 2^n rows for n units")]
    EmptyTpm,
    /// The number of rows of a TPM is not a power of two.
    #[error("tpm: {rows} rows, expected a power of two (2^n rows for n units)")]
    TpmRows {
        /// Rows found.
        rows: usize,
    },
    /// A row of a TPM has the wrong length.
    #[error("tpm: row {row}: {found} columns, expected {expected}")]
    TpmColumns {
        /// The row.
        row: usize,
        /// Columns found.
        found: usize,
        /// Columns expected.
        expected: usize,
    },
    /// An entry of a TPM is outside [0, 1] or not a number.
    #[error(
        "tpm: row {row}, column {column}: {value} is not a probability, expected a number from 0 \
         to 1"
    )]
    NotAProbability {
        /// The row: the state at t, unit 0 in the lowest bit.
        row: usize,
        /// The column: a unit (state-by-node) or a state at t+1 (state-by-state).
        column: usize,
        /// The value found.
        value: f64,
    },
    /// A row of a state-by-state TPM does not sum to 1.
    #[error("tpm: row {row} sums to {sum}, expected 1")]
    RowSum {
        /// The row.
        row: usize,
        /// Its sum.
        sum: f64,
    },
    /// A state-by-state TPM has no state-by-node form.
    #[error(
        "tpm: row {row}, column {column}: {found}, expected {expected}: the units are not \
         conditionally independent given the previous state"
    )]
    ConditionallyDependent {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
        /// The entry.
        found: f64,
        /// The product of the units' marginals.
        expected: f64,
    },
    /// The connectivity matrix is not n by n.
    #[error("cm: {place}: {found} entries, expected {expected} (one per unit)")]
    CmShape {
        /// `rows`, or which row.
        place: String,
        /// Entries found.
        found: usize,
        /// Entries expected.
        expected: usize,
    },
    /// An entry of the connectivity matrix is neither 0 nor 1.
    #[error("cm: row {row}, column {column}: {value}, expected 0 or 1")]
    CmEntry {
        /// The row: the sending unit.
        row: usize,
        /// The column: the receiving unit.
        column: usize,
        /// The value found.
        value: String,
    },
    /// A unit depends on another although cm does not connect them (IIT 4.0; IIT 3.0 averages over
    /// it).
    #[error(
        "cm: row {from}, column {to}: 0, expected 1: unit {to} depends on unit {from} (tpm: rows \
         {row} and {other_row} differ in column {to})"
    )]
    MissingConnection {
        /// The unit that it depends on.
        from: usize,
        /// The unit that depends on it.
        to: usize,
        /// A row of the TPM in which the first is OFF.
        row: usize,
        /// The row that differs from it only in that the first is ON.
        other_row: usize,
    },
    /// A label that two units have.
    #[error("labels[{unit}]: {label:?} is that of unit {other} too, expected each label once")]
    DuplicateLabel {
        /// The label.
        label: String,
        /// The unit that has it first.
        other: usize,
        /// The other one.
        unit: usize,
    },
    /// A wrong number of labels.
    #[error("labels: {found}, expected {expected} (one per unit)")]
    Labels {
        /// Labels found.
        found: usize,
        /// Labels expected.
        expected: usize,
    },
    /// A label that would spoil what it is printed in.
    #[error(
        "labels[{unit}]: {found}, expected at most {longest} characters, none a control character"
    )]
    Label {
        /// The unit.
        unit: usize,
        /// The fault of its label.
        found: String,
        /// The most characters of a label.
        longest: usize,
    },
    /// A state of the wrong length.
    #[error("state: {found} entries, expected {expected} (one per unit)")]
    StateLength {
        /// Entries found.
        found: usize,
        /// Entries expected.
        expected: usize,
    },
    /// An entry of a state is neither 0 nor 1.
    #[error("state: unit {unit}: {value}, expected 0 (OFF) or 1 (ON)")]
    StateEntry {
        /// The unit.
        unit: usize,
        /// The value found.
        value: String,
    },
    /// An entry of a state that is no value of its unit.
    #[error("state: unit {unit}: {value}, expected a value from 0 to {last}")]
    StateValue {
        /// The unit.
        unit: usize,
        /// The value found.
        value: String,
        /// The last value of the unit.
        last: usize,
    },
    /// A unit with too few or too many values.
    #[error(
        "alphabet[{unit}]: {found}, expected 2 to {} values (a unit with one value is a constant)",
        crate::Alphabet::MOST_VALUES
    )]
    Values {
        /// The unit.
        unit: usize,
        /// The number of its values.
        found: usize,
    },
    /// More states than can be numbered or analysed.
    #[error("{n_states} states, expected at most {most_states}")]
    TooManyStates {
        /// The number of states.
        n_states: u128,
        /// The most.
        most_states: u128,
    },
    /// The number of rows of a TPM is not the number of states.
    #[error("tpm: {rows} rows, expected {expected}, one for each state of {alphabet}{hint}")]
    TpmStates {
        /// Rows found.
        rows: usize,
        /// Rows expected.
        expected: usize,
        /// The alphabet.
        alphabet: String,
        /// A hint at what else it may be, or nothing.
        hint: String,
    },
    /// An entry that is not the distribution of a unit over its values.
    #[error("tpm: row {row}, unit {unit}: {found}, expected {expected}")]
    Distribution {
        /// The row.
        row: usize,
        /// The unit.
        unit: usize,
        /// The value that was found.
        found: String,
        /// The expectation.
        expected: String,
    },
    /// A feature that does not exist for units with more than two values.
    #[error("alphabet {alphabet}: {what} is for units with two values only, expected 2 each")]
    NotBinary {
        /// The alphabet.
        alphabet: String,
        /// The feature that was asked for.
        what: &'static str,
    },
    /// No previous state leads to the state.
    #[error(
        "state: {state} of the units {units} is unreachable: no previous state gives every unit \
         its present value, expected a state that the network can be in"
    )]
    Unreachable {
        /// The state of those units, first unit first.
        state: String,
        /// The units of the subsystem.
        units: String,
    },
    /// A transition that does not happen (actual causation).
    #[error(
        "after: unit {unit} has probability 0 of being {value} after {before}, expected a state \
         that can follow"
    )]
    ImpossibleTransition {
        /// The unit that cannot be as it is, by its label or number.
        unit: String,
        /// Its value after.
        value: u8,
        /// The state before.
        before: String,
    },
    /// Boxes, outputs, groups and time scale that do not fit together.
    #[error("grain: {0}")]
    Grain(String),
    /// An asymmetric measure of repertoires with a distance of structures that needs a symmetric
    /// one.
    #[error(
        "measure {measure} with the structure distance EMD: it is asymmetric, expected \
         SUM_SMALL_PHI with it, or one of EMD, L1, ENTROPY_DIFFERENCE, PSQ2"
    )]
    AsymmetricMeasure {
        /// The measure.
        measure: String,
    },
    /// A partition that is none of a system.
    #[error("partition {partition}: expected all units of {units}, each once, in several parts")]
    NoSystemPartition {
        /// The partition.
        partition: String,
        /// The units of the system.
        units: String,
    },
    /// Two structures on different units have no distance.
    #[error("structures on the units {found} and {expected}: expected the same units")]
    OtherUnits {
        /// The units of the second.
        found: String,
        /// The units of the first.
        expected: String,
    },
    /// Numbers for the units that are no permutation.
    #[error("numbering: {number} is not a number of its own below {n_units}")]
    Numbering {
        /// The number that is there twice, or too large.
        number: usize,
        /// The number of units, and so of numbers.
        n_units: usize,
    },
    /// A unit that the network does not have.
    #[error("nodes: unit {unit}, expected a unit from 0 to {last}", last = n_units - 1)]
    NoSuchUnit {
        /// The unit.
        unit: usize,
        /// Units of the network.
        n_units: usize,
    },
    /// A unit named twice.
    #[error("nodes: unit {unit} is named twice, expected each unit once")]
    DuplicateUnit {
        /// The unit.
        unit: usize,
    },
    /// A cut that does not divide the units in two.
    #[error("cut {cut}: expected the units {units} in two parts, each unit in one of them")]
    NoCut {
        /// The cut.
        cut: String,
        /// The units of the system.
        units: String,
    },
    /// More units than the numbering or the memory can hold.
    #[error(
        "{units} units would need {} of memory, expected at most {most_units} units ({} at most)",
        human_bytes(*needed_bytes),
        human_bytes(*most_bytes)
    )]
    TooLarge {
        /// Units asked for.
        units: usize,
        /// Most units that can be analysed within `most_bytes`.
        most_units: usize,
        /// Memory that the analysis would need, in bytes.
        needed_bytes: u128,
        /// Memory it may use, in bytes.
        most_bytes: u128,
    },
    /// An analysis that [`Limits::memory_bytes`](crate::Limits::memory_bytes) forbids.
    #[error(
        "{units} would need {} of memory, expected at most {}",
        human_bytes(u128::from(*needed_bytes)),
        human_bytes(u128::from(*most_bytes))
    )]
    Memory {
        /// The units of the system.
        units: String,
        /// Memory that the analysis would need, in bytes.
        needed_bytes: u64,
        /// Memory it may use, in bytes.
        most_bytes: u64,
    },
    /// A decision of another analysis than the one it is handed to.
    #[error(
        "analysis {found}, expected {expected}: made for another network, state or setting, or by \
         another version of this program"
    )]
    OtherAnalysis {
        /// The analysis that the decision belongs to.
        found: String,
        /// The analysis that it was handed to.
        expected: String,
    },
    /// A mechanism or cut that the analysis does not have.
    #[error("{what} {rank}, expected a number below {count}")]
    NoSuchItem {
        /// `mechanism` or `cut`.
        what: &'static str,
        /// Its number.
        rank: usize,
        /// The number of mechanisms or cuts.
        count: usize,
    },
    /// A decision that no analysis can make.
    #[error("{item}: {found}, expected {expected}")]
    NoDecision {
        /// The mechanism or cut.
        item: String,
        /// The value that was found.
        found: String,
        /// The expectation.
        expected: &'static str,
    },
    /// Two decisions about one thing that cannot both be true.
    #[error("{item}: {first} and {second}, expected the same each time that it is decided")]
    Contradiction {
        /// The mechanism or cut.
        item: String,
        /// The first decision.
        first: String,
        /// The second decision.
        second: String,
    },
    /// Text that is not the JSON of a network.
    #[error("{0}")]
    Json(String),
}

/// Shorthand for a result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The kind of the error, to match on.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// The same error, said of a place (`record 3`).
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Error {
        let place = place.into();
        self.place = Some(match self.place {
            None => place,
            Some(inner) => format!("{place}: {inner}"),
        });
        self
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Error {
        Error { kind, place: None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            None => self.kind.fmt(f),
            Some(place) => write!(f, "{place}: {}", self.kind),
        }
    }
}

impl std::error::Error for Error {}

/// A number of bytes as a person would write it: `3.5 GiB`.
fn human_bytes(bytes: u128) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_named_outermost_first() {
        let error = Error::from(ErrorKind::EmptyTpm).at("record 2").at("nets.json");
        assert_eq!(
            error.to_string(),
            "nets.json: record 2: tpm: no rows, expected 2^n rows for n units"
        );
    }

    #[test]
    fn sizes_are_readable() {
        assert_eq!(human_bytes(512), "512 B");
        assert_eq!(human_bytes(3 << 29), "1.5 GiB");
    }
}
