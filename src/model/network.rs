//! A network in a state: what exact Φ and its estimates are computed of.
//!
//! A [`Network`] is a graph, a rule and a state, or the [`Tables`] of a file and a state. It
//! computes the two tables that define it for the theory, the transition probabilities and the
//! connectivity, and a [`ProblemId`] of their content, so that a network reached in two ways is
//! recognised as one exact problem.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::model::dynamics::Rule;
use crate::model::key::State;
use crate::model::topology::{Graph, MAX_UNITS};

/// The tables of a network from a file: what each unit does in each state, and which are its
/// inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Tables {
    /// State by node: entry `[s][j]` is P(unit `j` is ON at t+1 | state `s` at t); bit `i` of `s`
    /// is unit `i`.
    tpm: Vec<Vec<f64>>,
    /// Entry `[i][j]` is 1 where `i` is an input of `j`.
    cm: Vec<Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    tpm: Vec<Vec<f64>>,
    cm: Vec<Vec<u8>>,
}

impl TryFrom<Unchecked> for Tables {
    type Error = String;

    fn try_from(Unchecked { tpm, cm }: Unchecked) -> Result<Tables, String> {
        Tables::new(tpm, cm)
    }
}

impl Tables {
    /// The tables with these entries. Whether a unit depends on its inputs only is left to the
    /// engine.
    ///
    /// # Errors
    /// If an entry is wrong. The message names it and says what was expected: `cm` of n rows of n
    /// entries 0 or 1 for at most [`MAX_UNITS`] units, `tpm` of 2ⁿ rows of n probabilities.
    pub fn new(mut tpm: Vec<Vec<f64>>, cm: Vec<Vec<u8>>) -> Result<Tables, String> {
        let n = cm.len();
        if n > MAX_UNITS {
            return Err(format!("cm: {n} rows, expected at most {MAX_UNITS}"));
        }
        for (i, row) in cm.iter().enumerate() {
            if row.len() != n || row.iter().any(|it| *it > 1) {
                return Err(format!("cm[{i}]: {row:?}, expected {n} entries, each 0 or 1"));
            }
        }
        if tpm.len() as u64 != 1 << n {
            return Err(format!("tpm: {} rows, expected {}", tpm.len(), 1_u64 << n));
        }
        for (s, row) in tpm.iter_mut().enumerate() {
            if row.len() != n {
                return Err(format!("tpm[{s}]: {} entries, expected {n}", row.len()));
            }
            for (j, p) in row.iter_mut().enumerate() {
                if !(0.0..=1.0).contains(p) {
                    return Err(format!("tpm[{s}][{j}]: {p}, expected a probability"));
                }
                *p += 0.0; // -0 and 0 are the same content
            }
        }
        Ok(Tables { tpm, cm })
    }

    /// The number of units.
    pub fn n_units(&self) -> usize {
        self.cm.len()
    }

    /// The undirected graph that estimates see: units are joined where there is a connection in
    /// either direction.
    fn graph(&self) -> Graph {
        let n = self.n_units();
        let pairs = (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
        Graph::new(n, pairs.filter(|&(i, j)| i != j && self.cm[i][j] == 1))
    }

    /// For each unit P(ON) by the number of its active inputs, if the tables are such that a
    /// topology and some rule could have made them: connections in both directions, none of a unit
    /// to itself, and nothing but the number of active inputs matters.
    fn by_count(&self, graph: &Graph) -> Option<Vec<Vec<f64>>> {
        if graph.connectivity() != self.cm {
            return None;
        }
        let unit = |j: usize| {
            let inputs = graph.neighbour_mask(j);
            let mut by_count: Vec<Option<f64>> = vec![None; graph.degree(j) as usize + 1];
            for (s, row) in self.tpm.iter().enumerate() {
                let known = &mut by_count[(s as u32 & inputs).count_ones() as usize];
                if known.get_or_insert(row[j]).to_bits() != row[j].to_bits() {
                    return None;
                }
            }
            by_count.into_iter().collect()
        };
        (0..self.n_units()).map(unit).collect()
    }
}

/// The mechanism that decides the next state of the units.
#[derive(Debug, Clone, PartialEq)]
enum Dynamics {
    /// All follow this rule of their neighbours in the graph.
    Rule(Rule),
    /// As in a file.
    Tables(Arc<Tables>),
}

/// A network of binary units in a state.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    graph: Graph,
    dynamics: Dynamics,
    state: State,
}

impl Network {
    /// The units of `graph`, all following `rule`, in `state`.
    ///
    /// # Panics
    /// If `state` is of another number of units: a [`StatePattern`] gives only fitting ones.
    pub fn new(graph: Graph, rule: Rule, state: State) -> Network {
        assert_eq!(state.n_units(), graph.n_units(), "units of the state");
        Network { graph, dynamics: Dynamics::Rule(rule), state }
    }

    /// The network of these tables in `state`.
    ///
    /// # Panics
    /// As [`new`](Network::new).
    pub fn own(tables: Arc<Tables>, state: State) -> Network {
        assert_eq!(state.n_units(), tables.n_units(), "units of the state");
        Network { graph: tables.graph(), dynamics: Dynamics::Tables(tables), state }
    }

    /// The same network in another state.
    ///
    /// # Panics
    /// As [`new`](Network::new).
    #[must_use]
    pub fn in_state(&self, state: State) -> Network {
        assert_eq!(state.n_units(), self.n_units(), "units of the state");
        Network { state, ..self.clone() }
    }

    /// The undirected graph, which is what estimates see. Its edges are the connections, in both
    /// directions; of a network from a file, the pairs of units with a connection in either
    /// direction.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The state at t.
    pub fn state(&self) -> State {
        self.state
    }

    /// The number of units.
    pub fn n_units(&self) -> usize {
        self.graph.n_units()
    }

    /// The connections: entry `[i][j]` is 1 where `i` is an input of `j`.
    pub fn connectivity(&self) -> Vec<Vec<u8>> {
        match &self.dynamics {
            Dynamics::Rule(_) => self.graph.connectivity(),
            Dynamics::Tables(tables) => tables.cm.clone(),
        }
    }

    /// The share of the ordered pairs of different units that are connected.
    pub fn density(&self) -> f64 {
        let n = self.n_units();
        let n_connections = match &self.dynamics {
            Dynamics::Rule(_) => (0..n).map(|i| self.graph.degree(i) as usize).sum(),
            Dynamics::Tables(tables) => {
                let row = |i: usize| (0..n).filter(move |&j| i != j && tables.cm[i][j] == 1);
                (0..n).flat_map(row).count()
            }
        };
        n_connections as f64 / (n * (n - 1)).max(1) as f64
    }

    /// P(unit `j` is ON at t+1 | the network is in state `s` at t); bit `i` of `s` is unit `i`.
    pub fn probability_on(&self, s: u32, j: usize) -> f64 {
        match &self.dynamics {
            Dynamics::Rule(rule) => {
                let inputs = self.graph.neighbour_mask(j);
                rule.probability_on((s & inputs).count_ones(), inputs.count_ones())
            }
            Dynamics::Tables(tables) => tables.tpm[s as usize][j],
        }
    }

    /// The transition probabilities, state by node: entry `[s][j]` is
    /// [`probability_on`](Network::probability_on)`(s, j)`. 2ⁿ rows of n.
    ///
    /// ```
    /// use phi_validation::model::dynamics::Rule;
    /// use phi_validation::model::key::State;
    /// use phi_validation::model::network::Network;
    /// use phi_validation::model::topology::Topology;
    ///
    /// let pair = Network::new(Topology::Line.graph(2, 0), Rule::Or, State::new(2, 0));
    /// // Each unit copies the other; in row 1, unit 0 is ON.
    /// assert_eq!(pair.tpm(), [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
    /// ```
    pub fn tpm(&self) -> Vec<Vec<f64>> {
        if let Dynamics::Tables(tables) = &self.dynamics {
            return tables.tpm.clone();
        }
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

    /// The states that the network can be in: those that some state leads to. Entry `s` says so of
    /// the state with these bits.
    pub fn reachable(&self) -> Vec<bool> {
        let n = self.n_units();
        reachable(n, |s, j| self.probability_on(s, j))
    }

    /// Returns the identity of the exact problem of this network under a formalism. It is equal for
    /// two networks exactly if their transition probabilities, connectivity and state are equal bit
    /// by bit (up to collisions of a 64-bit hash), wherever they come from.
    pub fn problem_id(&self, formalism: &str) -> ProblemId {
        self.hash(formalism, &self.state.values())
    }

    /// The identity of transition probabilities and connectivity alone.
    pub(crate) fn content(&self) -> u64 {
        self.hash("", &[]).0
    }

    fn hash(&self, formalism: &str, state: &[u8]) -> ProblemId {
        let n = self.n_units();
        let hasher = |context: &str| {
            let mut hasher = blake3::Hasher::new_derive_key(context);
            hasher.update(&(formalism.len() as u64).to_le_bytes());
            hasher.update(formalism.as_bytes());
            hasher.update(&(n as u64).to_le_bytes());
            hasher
        };
        // What a unit does depends on the number of its active inputs only, and the inputs are in
        // the hash already: the d + 1 probabilities of each unit say all that its 2ⁿ rows do.
        let hash_counts = |of: &dyn Fn(usize, u32) -> f64| {
            let mut hasher = hasher("phi-validation exact problem v1");
            for i in 0..n {
                hasher.update(&self.graph.neighbour_mask(i).to_le_bytes());
            }
            hasher.update(state);
            for j in 0..n {
                for a in 0..=self.graph.degree(j) {
                    hasher.update(&of(j, a).to_bits().to_le_bytes());
                }
            }
            hasher
        };
        let hasher = match &self.dynamics {
            Dynamics::Rule(rule) => {
                hash_counts(&|j, a| rule.probability_on(a, self.graph.degree(j)))
            }
            Dynamics::Tables(tables) => match tables.by_count(&self.graph) {
                Some(by_count) => hash_counts(&|j, a| by_count[j][a as usize]),
                // No topology and rule make such a network, so it is never that of another hash.
                None => {
                    let mut hasher = hasher("phi-validation exact problem of own tables v1");
                    for row in &tables.cm {
                        hasher.update(row);
                    }
                    hasher.update(state);
                    for p in tables.tpm.iter().flatten() {
                        hasher.update(&p.to_bits().to_le_bytes());
                    }
                    hasher
                }
            },
        };
        let mut id = [0; 8];
        hasher.finalize_xof().fill(&mut id);
        ProblemId(u64::from_be_bytes(id))
    }
}

/// The states that some state of `n` units leads to, where unit `j` is ON with this probability
/// after state `s`.
pub(crate) fn reachable(n: usize, probability_on: impl Fn(u32, usize) -> f64) -> Vec<bool> {
    let mut reachable = vec![false; 1 << n];
    let mut n_left = reachable.len();
    // Where a state leads: the units that are ON for certain, and those that can be either.
    let mut seen = HashSet::new();
    for s in 0..1_u64 << n {
        let (mut on, mut open) = (0_u32, 0_u32);
        for j in 0..n {
            let p = probability_on(s as u32, j);
            on |= u32::from(p >= 1.0) << j;
            open |= u32::from(p > 0.0 && p < 1.0) << j;
        }
        if n_left == 0 {
            break;
        }
        if !seen.insert((on, open)) {
            continue;
        }
        // All subsets of the open units.
        let mut chosen = open;
        loop {
            let to = &mut reachable[(on | chosen) as usize];
            n_left -= usize::from(!*to);
            *to = true;
            if chosen == 0 {
                break;
            }
            chosen = (chosen - 1) & open;
        }
    }
    reachable
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
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    pub fn state(&self, n: usize) -> Result<State, Error> {
        match self {
            StatePattern::Off => Ok(State::of(&vec![0; n])),
            StatePattern::On => Ok(State::of(&vec![1; n])),
            StatePattern::Bits(bits) if bits.len() == n => Ok(State::of(bits)),
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
    use crate::model::topology::Topology;

    fn network(topology: Topology, n: usize, rule: Rule) -> Network {
        Network::new(topology.graph(n, 42), rule, State::new(n, 0))
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
        let on = Network::new(Topology::Star.graph(5, 42), Rule::Majority, State::new(5, 31));
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

    /// The same network, as a file has it.
    fn own(network: &Network) -> Network {
        let tables = Tables::new(network.tpm(), network.connectivity()).unwrap();
        Network::own(Arc::new(tables), network.state())
    }

    #[test]
    fn a_network_from_a_file_is_known_by_its_content() {
        let rules = [Rule::Majority, Rule::And, Rule::Xor, Rule::Logistic { gain: 4.0 }];
        for topology in Topology::ALL {
            for (n, rule) in (2..=5).flat_map(|n| rules.map(|rule| (n, rule))) {
                let made = network(topology, n, rule);
                let read = own(&made);
                assert_eq!(
                    read.problem_id("iit3"),
                    made.problem_id("iit3"),
                    "{topology} {n} {rule}"
                );
                assert_eq!((read.tpm(), read.density()), (made.tpm(), made.density()));
                assert_eq!(read.graph(), made.graph());
            }
        }
        // Other content is another problem: a probability, a connection, the state.
        let ring = network(Topology::Ring, 4, Rule::Majority);
        let (tpm, cm) = (ring.tpm(), ring.connectivity());
        let mut ids = HashSet::from([ring.problem_id("iit3")]);
        let mut check = |tpm: Vec<Vec<f64>>, cm: Vec<Vec<u8>>, state| {
            let tables = Arc::new(Tables::new(tpm, cm).unwrap());
            let read = Network::own(tables, State::new(4, state));
            assert!(ids.insert(read.problem_id("iit3")), "{read:?}");
        };
        check(tpm.clone(), cm.clone(), 1);
        let mut other = tpm.clone();
        other[3][0] = 0.25;
        check(other.clone(), cm.clone(), 0);
        other[3][0] = 0.5;
        check(other, cm.clone(), 0);
        for (i, j, connected) in [(0, 1, 0), (0, 0, 1), (0, 2, 1)] {
            let mut other = cm.clone();
            other[i][j] = connected;
            check(tpm.clone(), other, 0);
        }
        assert_eq!(ids.len(), 7);
    }

    #[test]
    fn tables_are_checked_where_they_come_in() {
        let check = |tpm: &str, cm: &str, message: &str| {
            let json = format!(r#"{{"tpm": {tpm}, "cm": {cm}}}"#);
            let error = serde_json::from_str::<Tables>(&json).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        };
        check("[[0], [1]]", "[[0, 1]]", "cm[0]: [0, 1], expected 1 entries, each 0 or 1");
        check("[[0], [1]]", "[[2]]", "cm[0]: [2], expected 1 entries, each 0 or 1");
        check("[[0]]", "[[1]]", "tpm: 1 rows, expected 2");
        check("[[0], []]", "[[1]]", "tpm[1]: 0 entries, expected 1");
        check("[[0], [1.5]]", "[[1]]", "tpm[1][0]: 1.5, expected a probability");
    }

    #[test]
    fn reachable_states_are_those_that_some_state_leads_to() {
        // By the definition: some row of the table gives the state a positive probability.
        let by_definition = |network: &Network| -> Vec<bool> {
            let tpm = network.tpm();
            let leads = |row: &[f64], to: usize| {
                row.iter()
                    .enumerate()
                    .all(|(j, p)| if to >> j & 1 == 1 { *p > 0.0 } else { *p < 1.0 })
            };
            (0..tpm.len()).map(|to| tpm.iter().any(|row| leads(row, to))).collect()
        };
        let rules = [Rule::Majority, Rule::And, Rule::Or, Rule::Xor];
        let rules = rules.into_iter().chain([4.0, 1e3].map(|gain| Rule::Logistic { gain }));
        for rule in rules {
            for topology in Topology::ALL {
                let network = network(topology, 5, rule);
                let expected = by_definition(&network);
                assert_eq!(network.reachable(), expected, "{topology} {rule}");
                let all = expected.iter().all(|it| *it);
                match rule {
                    Rule::Logistic { gain } => assert!(all || gain > 4.0, "{topology}"),
                    // Over GF(2) an alternating matrix of odd size is singular, so this holds for
                    // xor too.
                    _ => assert!(!all, "{topology} {rule}"),
                }
            }
        }
        // Some units certain, others not.
        let tpm = vec![vec![0.0, 0.5], vec![0.0, 0.0], vec![0.0, 1.0], vec![0.5, 0.0]];
        let tables = Tables::new(tpm, vec![vec![1; 2]; 2]).unwrap();
        let network = Network::own(Arc::new(tables), State::new(2, 0));
        assert_eq!(network.reachable(), [true, true, true, false]);
        assert_eq!(network.density(), 1.0);
    }

    #[test]
    fn states_are_read_and_fitted() {
        let state = |text: &str, n| text.parse::<StatePattern>().and_then(|it| it.state(n));
        assert_eq!(state("off", 3).unwrap().values(), [0, 0, 0]);
        assert_eq!(state("ON", 2).unwrap().values(), [1, 1]);
        assert_eq!(state("100", 3).unwrap().values(), [1, 0, 0]);
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
