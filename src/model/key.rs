//! The identity of a row: small values that name it among all comparisons of a study.
//!
//! A [`Key`] can be copied, ordered and hashed, and says all that its network is made of, so the
//! network can be made from the key and the settings alone. Where all rows of a study have the same
//! rule, state and formalism, as in the 160 comparisons, the settings say so once and keys have no
//! [`RowCase`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::dynamics::Rule;
use crate::model::formalism::Formalism;
use crate::model::topology::{MAX_UNITS, Topology};

/// The identity of a comparison, and so of a row within a study.
///
/// Keys are ordered as comparisons are done: by size, then topology, then seed, then case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The topology; [`Topology::Own`] for a network from a file.
    pub topology: Topology,
    /// The number of units.
    pub n: usize,
    /// The seed: of the estimate, and of the graph if the topology is Random.
    pub seed: u64,
    /// The further properties that tell the rows of a study apart. `None` where the settings give
    /// them for all rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<RowCase>,
}

impl Key {
    /// The key of a row in a study of one rule, state and formalism.
    pub fn new(topology: Topology, n: usize, seed: u64) -> Key {
        Key { topology, n, seed, case: None }
    }

    /// Returns the name of the network for people, without its size: its topology, or its own name.
    pub fn network(&self) -> String {
        match self.case.and_then(|it| it.network) {
            Some(name) => name.to_string(),
            None => self.topology.to_string(),
        }
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Key) -> std::cmp::Ordering {
        let order = |it: &Key| (it.n, it.topology, it.seed, it.case);
        order(self).cmp(&order(other))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Key) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// `Ring n = 5 seed 42`, and in studies of several cases `Ring n = 5 seed 42, xor, state 00000,
/// iit3`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} n = {} seed {}", self.network(), self.n, self.seed)?;
        let Some(RowCase { rule, state, formalism, .. }) = self.case else { return Ok(()) };
        if let Some(rule) = rule {
            write!(f, ", {}", rule.code())?;
        }
        write!(f, ", state {state}, {formalism}")
    }
}

/// The properties that tell the rows of a study apart that has several rules, states, formalisms,
/// or own networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowCase {
    /// The network from a file; `None` where a topology and a rule make it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkName>,
    /// The dynamics of every unit; `None` for a network from a file, which has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// The state.
    pub state: State,
    /// The theory of the exact value.
    pub formalism: Formalism,
}

/// The state of a network of at most [`MAX_UNITS`] units. Written with a digit for each unit, unit
/// 0 first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct State {
    n: u8,
    /// Bit `i` is unit `i`; none above the last unit.
    bits: u32,
}

impl State {
    /// The state of `n` units in which unit `i` is ON if bit `i` of `bits` is 1.
    ///
    /// # Panics
    /// If there are more than [`MAX_UNITS`] units, or bits beyond them.
    ///
    /// ```
    /// use phi_validation::model::key::State;
    ///
    /// let state = State::new(4, 0b0011);
    /// assert_eq!(state.to_string(), "1100");
    /// assert_eq!(state.values(), [1, 1, 0, 0]);
    /// ```
    pub fn new(n: usize, bits: u32) -> State {
        assert!(n <= MAX_UNITS && u64::from(bits) < 1 << n, "state {bits:b} of {n} units");
        State { n: n as u8, bits }
    }

    /// The state with these entries, 0 or 1, one a unit.
    ///
    /// # Panics
    /// As [`new`](State::new).
    pub fn of(values: &[u8]) -> State {
        let bits = values.iter().rev().fold(0, |bits, value| bits << 1 | u32::from(*value & 1));
        State::new(values.len(), bits)
    }

    /// One entry a unit, 0 (OFF) or 1 (ON).
    pub fn values(self) -> Vec<u8> {
        (0..self.n).map(|unit| (self.bits >> unit & 1) as u8).collect()
    }

    /// The number of units.
    pub fn n_units(self) -> usize {
        self.n.into()
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.values().iter().try_for_each(|value| write!(f, "{value}"))
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<State> for String {
    fn from(state: State) -> String {
        state.to_string()
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<State, String> {
        let digits: Option<Vec<u8>> =
            text.bytes().map(|it| it.checked_sub(b'0').filter(|it| *it <= 1)).collect();
        let digits = digits.filter(|it| (1..=MAX_UNITS).contains(&it.len()));
        digits
            .map(|it| State::of(&it))
            .ok_or_else(|| format!("state {text:?}: expected a 0 or 1 for each unit, unit 0 first"))
    }
}

impl TryFrom<String> for State {
    type Error = String;

    fn try_from(text: String) -> Result<State, String> {
        text.parse()
    }
}

/// The name of a network from a file: letters, digits, `-`, `_` and `.`, at most
/// [`NetworkName::MAX`] of them.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(not(test), derive(PartialEq, Eq, PartialOrd, Ord, Hash))]
#[serde(into = "String", try_from = "String")]
pub struct NetworkName {
    /// ASCII, then zeros. In place, so that keys can be copied.
    bytes: [u8; NetworkName::MAX],
}

impl NetworkName {
    /// The most letters of a name.
    pub const MAX: usize = 24;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        let len = self.bytes.iter().position(|it| *it == 0).unwrap_or(NetworkName::MAX);
        str::from_utf8(&self.bytes[..len]).expect("ASCII")
    }
}

impl fmt::Display for NetworkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for NetworkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl From<NetworkName> for String {
    fn from(name: NetworkName) -> String {
        name.to_string()
    }
}

impl FromStr for NetworkName {
    type Err = String;

    fn from_str(text: &str) -> Result<NetworkName, String> {
        let allowed = |it: u8| it.is_ascii_alphanumeric() || b"-_.".contains(&it);
        let fits = (1..=NetworkName::MAX).contains(&text.len()) && text.bytes().all(allowed);
        if !fits {
            return Err(format!(
                "network name {text:?}: expected 1 to {} letters, digits, \"-\", \"_\" or \".\"",
                NetworkName::MAX
            ));
        }
        let mut bytes = [0; NetworkName::MAX];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(NetworkName { bytes })
    }
}

impl TryFrom<String> for NetworkName {
    type Error = String;

    fn try_from(text: String) -> Result<NetworkName, String> {
        text.parse()
    }
}

/// The comparisons of names, counted: how they grow with the number of names tells a pass from a
/// search.
#[cfg(test)]
pub(crate) mod counted {
    use std::cell::Cell;
    use std::cmp::Ordering;
    use std::hash::{Hash, Hasher};

    use super::NetworkName;

    thread_local! {
        static COMPARED: Cell<usize> = const { Cell::new(0) };
    }

    /// Number of names that were compared on this thread since this was asked.
    pub(crate) fn compared() -> usize {
        COMPARED.replace(0)
    }

    impl Hash for NetworkName {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.bytes.hash(state);
        }
    }

    impl PartialEq for NetworkName {
        fn eq(&self, other: &NetworkName) -> bool {
            self.cmp(other) == Ordering::Equal
        }
    }

    impl Eq for NetworkName {}

    impl Ord for NetworkName {
        fn cmp(&self, other: &NetworkName) -> Ordering {
            COMPARED.set(COMPARED.get() + 1);
            self.bytes.cmp(&other.bytes)
        }
    }

    impl PartialOrd for NetworkName {
        fn partial_cmp(&self, other: &NetworkName) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_names_are_read_as_they_are_written() {
        for text in ["0", "1", "10110", "11111111111111111111111111111111"] {
            let state: State = text.parse().unwrap();
            assert_eq!(state.to_string(), text);
            assert_eq!(State::of(&state.values()), state);
            assert_eq!(state.n_units(), text.len());
        }
        for wrong in ["", "012", "off", "111111111111111111111111111111111"] {
            assert!(wrong.parse::<State>().unwrap_err().contains("expected a 0 or 1"), "{wrong}");
        }
        for text in ["a", "fig-1_A.2", "123456789012345678901234"] {
            assert_eq!(text.parse::<NetworkName>().unwrap().to_string(), text);
        }
        for wrong in ["", "a,b", "a b", "é", "1234567890123456789012345"] {
            let error = wrong.parse::<NetworkName>().unwrap_err();
            assert!(error.contains("expected 1 to 24 letters"), "{error}");
        }
    }

    #[test]
    fn a_key_of_one_case_is_written_as_ever() {
        let classical = Key::new(Topology::Ring, 5, 42);
        let json = serde_json::to_string(&classical).unwrap();
        assert_eq!(json, r#"{"topology":"Ring","n":5,"seed":42}"#);
        assert_eq!(serde_json::from_str::<Key>(&json).unwrap(), classical);
        assert_eq!(classical.to_string(), "Ring n = 5 seed 42");
    }

    #[test]
    fn a_key_says_its_case() {
        let state = State::new(5, 0b00001);
        let rule = Some(Rule::Logistic { gain: 2.0 });
        let case = RowCase { network: None, rule, state, formalism: Formalism::Iit4_2023 };
        let key = Key { case: Some(case), ..Key::new(Topology::Ring, 5, 42) };
        assert_eq!(key.to_string(), "Ring n = 5 seed 42, logistic:2.0, state 10000, iit4-2023");
        let own = RowCase { network: Some("fig1".parse().unwrap()), rule: None, ..case };
        let own = Key { topology: Topology::Own, case: Some(own), ..key };
        assert_eq!(own.to_string(), "fig1 n = 5 seed 42, state 10000, iit4-2023");
        for key in [key, own] {
            let json = serde_json::to_string(&key).unwrap();
            assert_eq!(serde_json::from_str::<Key>(&json).unwrap(), key, "{json}");
        }
        assert!(key < own && Key::new(Topology::Random, 5, 42) < own);
        assert!(own < Key::new(Topology::Dense, 6, 1));
    }
}
