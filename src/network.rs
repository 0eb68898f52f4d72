//! A network in a state: what exact Φ and its estimates are computed of.
//!
//! A [`Network`] is a graph, a rule and a state. It computes the two tables that define it for the
//! theory, the transition probabilities and the connectivity, and a [`ProblemId`] of their content,
//! so that a network reached in two ways is recognised as one exact problem.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::dynamics::Rule;
use crate::error::Error;
use crate::topology::Graph;

/// A network of binary units in a state.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    graph: Graph,
    rule: Rule,
    state: Vec<u8>,
}

impl Network {
    /// The units of `graph`, all following `rule`, in `state` (one entry a unit, 0 or 1).
    ///
    /// # Panics
    /// If `state` has another length or other values: a [`StatePattern`] gives only fitting ones.
    pub fn new(graph: Graph, rule: Rule, state: Vec<u8>) -> Network {
        assert_eq!(state.len(), graph.n_units(), "entries of the state");
        assert!(state.iter().all(|&bit| bit <= 1), "a state of {state:?}");
        Network { graph, rule, state }
    }

    /// The undirected graph. Its edges are the connections, in both directions.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The rule that every unit follows.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// The state at t, one entry a unit, 0 (OFF) or 1 (ON).
    pub fn state(&self) -> &[u8] {
        &self.state
    }

    /// The number of units.
    pub fn n_units(&self) -> usize {
        self.graph.n_units()
    }

    /// P(unit `j` is ON at t+1 | the network is in state `s` at t); bit `i` of `s` is unit `i`.
    pub fn probability_on(&self, s: u32, j: usize) -> f64 {
        let inputs = self.graph.neighbour_mask(j);
        self.rule.probability_on((s & inputs).count_ones(), inputs.count_ones())
    }

    /// The transition probabilities, state by node: entry `[s][j]` is
    /// [`probability_on`](Network::probability_on)`(s, j)`. 2ⁿ rows of n.
    ///
    /// ```
    /// use phi_validation::dynamics::Rule;
    /// use phi_validation::network::Network;
    /// use phi_validation::topology::Topology;
    ///
    /// let pair = Network::new(Topology::Line.graph(2, 0), Rule::Or, vec![0, 0]);
    /// // Each unit copies the other; in row 1, unit 0 is ON.
    /// assert_eq!(pair.tpm(), [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
    /// ```
    pub fn tpm(&self) -> Vec<Vec<f64>> {
        let n = self.n_units();
        (0..1_u64 << n)
            .map(|s| (0..n).map(|j| self.probability_on(s as u32, j)).collect())
            .collect()
    }

    /// The bytes that [`tpm`](Network::tpm) takes for `n` units: 2ⁿ rows of `n` doubles and a
    /// header each.
    pub fn tpm_bytes(n: usize) -> u128 {
        let row = n * size_of::<f64>() + size_of::<Vec<f64>>();
        (1_u128 << n) * row as u128
    }

    /// What identifies the exact problem of this network under a formalism: equal for two networks
    /// exactly if their transition probabilities, connectivity and state are equal bit by bit
    /// (up to collisions of a 64-bit hash).
    pub fn problem_id(&self, formalism: &str) -> ProblemId {
        let n = self.n_units();
        let mut hasher = blake3::Hasher::new_derive_key("phi-validation exact problem v1");
        hasher.update(&(formalism.len() as u64).to_le_bytes());
        hasher.update(formalism.as_bytes());
        hasher.update(&(n as u64).to_le_bytes());
        for i in 0..n {
            hasher.update(&self.graph.neighbour_mask(i).to_le_bytes());
        }
        hasher.update(&self.state);
        // What a unit does depends on the number of its active inputs only, and the inputs are in
        // the hash already: the d + 1 probabilities of each unit say all that its 2ⁿ rows do.
        for j in 0..n {
            let d = self.graph.degree(j);
            for a in 0..=d {
                hasher.update(&self.rule.probability_on(a, d).to_bits().to_le_bytes());
            }
        }
        let mut id = [0; 8];
        hasher.finalize_xof().fill(&mut id);
        ProblemId(u64::from_be_bytes(id))
    }
}

/// The identity of an exact problem: a hash of transition probabilities, connectivity, state and
/// formalism. Printed as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ProblemId(u64);

impl fmt::Display for ProblemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for ProblemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<ProblemId> for String {
    fn from(id: ProblemId) -> String {
        id.to_string()
    }
}

impl TryFrom<String> for ProblemId {
    type Error = String;

    fn try_from(text: String) -> Result<ProblemId, String> {
        u64::from_str_radix(&text, 16)
            .ok()
            .filter(|_| text.len() == 16)
            .map(ProblemId)
            .ok_or_else(|| format!("{text:?} is not a problem id: expected 16 hexadecimal digits"))
    }
}

/// The state in which every network of a study is analysed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum StatePattern {
    /// All units OFF.
    Off,
    /// All units ON.
    On,
    /// These values, unit 0 first; it fits networks of this many units only.
    Bits(Vec<u8>),
}

impl StatePattern {
    /// The state of a network of `n` units.
    ///
    /// # Errors
    /// If the pattern is a string of bits of another length.
    pub fn state(&self, n: usize) -> Result<Vec<u8>, Error> {
        match self {
            StatePattern::Off => Ok(vec![0; n]),
            StatePattern::On => Ok(vec![1; n]),
            StatePattern::Bits(bits) if bits.len() == n => Ok(bits.clone()),
            StatePattern::Bits(bits) => Err(Error::Settings(format!(
                "state {self} has {} units, but the sizes include {n}: expected one digit for \
                 each unit",
                bits.len()
            ))),
        }
    }
}

impl fmt::Display for StatePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StatePattern::Off => f.write_str("off"),
            StatePattern::On => f.write_str("on"),
            StatePattern::Bits(bits) => bits.iter().try_for_each(|bit| write!(f, "{bit}")),
        }
    }
}

impl FromStr for StatePattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<StatePattern, Error> {
        let text = text.trim();
        match text.to_ascii_lowercase().as_str() {
            "off" => Ok(StatePattern::Off),
            "on" => Ok(StatePattern::On),
            "" => Err(unknown_state(text)),
            bits => bits
                .bytes()
                .map(|digit| match digit {
                    b'0' => Ok(0),
                    b'1' => Ok(1),
                    _ => Err(unknown_state(text)),
                })
                .collect::<Result<_, _>>()
                .map(StatePattern::Bits),
        }
    }
}

fn unknown_state(text: &str) -> Error {
    Error::UnknownName {
        what: "state",
        name: text.to_owned(),
        known: "off, on, a string of 0 and 1 with unit 0 first".to_owned(),
    }
}

impl From<StatePattern> for String {
    fn from(pattern: StatePattern) -> String {
        pattern.to_string()
    }
}

impl TryFrom<String> for StatePattern {
    type Error = Error;

    fn try_from(text: String) -> Result<StatePattern, Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::Topology;

    fn network(topology: Topology, n: usize, rule: Rule) -> Network {
        Network::new(topology.graph(n, 42), rule, vec![0; n])
    }

    #[test]
    fn rows_of_the_tpm_are_little_endian() {
        // A star of 3 under majority: the centre needs both leaves, each leaf copies the centre.
        let star = network(Topology::Star, 3, Rule::Majority);
        let tpm = star.tpm();
        assert_eq!(tpm.len(), 8);
        assert_eq!(tpm[0b001], [0.0, 1.0, 1.0]);
        assert_eq!(tpm[0b010], [0.0, 0.0, 0.0]);
        assert_eq!(tpm[0b110], [1.0, 0.0, 0.0]);
        assert_eq!(tpm[0b111], [1.0, 1.0, 1.0]);
    }

    #[test]
    fn the_id_is_that_of_the_content() {
        let id = |topology, n, rule| network(topology, n, rule).problem_id("iit3");
        let star = id(Topology::Star, 5, Rule::Majority);
        assert_eq!(star, id(Topology::Star, 5, Rule::Majority));
        assert_ne!(star, id(Topology::Star, 6, Rule::Majority));
        assert_ne!(star, id(Topology::Ring, 5, Rule::Majority));
        assert_ne!(star, id(Topology::Star, 5, Rule::Or));
        assert_ne!(star, network(Topology::Star, 5, Rule::Majority).problem_id("iit4"));
        let on = Network::new(Topology::Star.graph(5, 42), Rule::Majority, vec![1; 5]);
        assert_ne!(star, on.problem_id("iit3"));
        // On two units every topology is one edge, and with one input majority, and, or and xor
        // all copy it.
        let pair = id(Topology::Dense, 2, Rule::Majority);
        for topology in Topology::ALL {
            for rule in [Rule::And, Rule::Or, Rule::Xor] {
                assert_eq!(id(topology, 2, rule), pair);
            }
        }
    }

    #[test]
    fn equal_ids_mean_equal_tables() {
        let rules = [Rule::Majority, Rule::And, Rule::Or, Rule::Xor, Rule::Logistic { gain: 4.0 }];
        let networks: Vec<Network> = Topology::ALL
            .into_iter()
            .flat_map(|topology| (2..=4).map(move |n| (topology, n)))
            .flat_map(|(topology, n)| rules.map(|rule| network(topology, n, rule)))
            .collect();
        for a in &networks {
            for b in &networks {
                let same = a.tpm() == b.tpm() && a.graph() == b.graph() && a.state() == b.state();
                assert_eq!(a.problem_id("iit3") == b.problem_id("iit3"), same, "{a:?}\n{b:?}");
            }
        }
    }

    #[test]
    fn states_are_read_and_fitted() {
        let state = |text: &str, n| text.parse::<StatePattern>().and_then(|it| it.state(n));
        assert_eq!(state("off", 3).unwrap(), [0, 0, 0]);
        assert_eq!(state("ON", 2).unwrap(), [1, 1]);
        assert_eq!(state("100", 3).unwrap(), [1, 0, 0]);
        assert_eq!(
            state("100", 5).unwrap_err().to_string(),
            "state 100 has 3 units, but the sizes include 5: expected one digit for each unit"
        );
        for bad in ["", "102", "up"] {
            assert_eq!(
                state(bad, 3).unwrap_err().to_string(),
                format!(
                    "unknown state {bad:?}: expected one of off, on, a string of 0 and 1 with \
                     unit 0 first"
                )
            );
        }
    }

    #[test]
    fn ids_and_states_survive_json() {
        let id = network(Topology::Star, 5, Rule::Majority).problem_id("iit3");
        let text = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<ProblemId>(&text).unwrap(), id);
        assert!(serde_json::from_str::<ProblemId>("\"12\"").is_err());
        let bits = StatePattern::Bits(vec![1, 0, 1]);
        assert_eq!(serde_json::to_string(&bits).unwrap(), "\"101\"");
        assert_eq!(serde_json::from_str::<StatePattern>("\"101\"").unwrap(), bits);
    }

    #[test]
    fn the_size_of_a_table_is_known_before_it_is_built() {
        assert_eq!(Network::tpm_bytes(8), 256 * (64 + 24));
        assert_eq!(Network::tpm_bytes(32) >> 30, 1120);
    }
}
