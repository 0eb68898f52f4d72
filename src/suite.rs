//! The matrix of a study: which comparisons there are, and which exact problems they hold.
//!
//! A [`Settings`] is what the user asks for, in one canonical order, so that equal settings are
//! equal values. A [`Suite`] is its expansion: the comparisons in the order in which they are
//! done (by size, then topology, then seed: the order of their keys), and the exact problems, each once
//! however many comparisons share it. Making a suite solves nothing and builds no table.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::dynamics::Rule;
use crate::error::Error;
use crate::network::{Network, ProblemId, StatePattern};
use crate::shard::Shard;
use crate::text::list;
use crate::topology::{MAX_UNITS, Topology};

/// The theory by which exact Φ is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Formalism {
    /// IIT 3.0 (Oizumi, Albantakis, Tononi 2014), by the rules of PyPhi 1.2.0.
    #[serde(rename = "iit3")]
    Iit3,
    /// IIT 4.0 (Albantakis et al. 2023).
    #[serde(rename = "iit4-2023")]
    Iit4_2023,
    /// IIT 4.0 with the cap on φ_s of Mayner, Marshall and Tononi 2026, as PyPhi 2.0-dev computes it.
    #[serde(rename = "iit4-2026")]
    Iit4_2026,
    /// The same with the cap as the paper defines it.
    #[serde(rename = "iit4-2026-paper")]
    Iit4_2026Paper,
}

impl Formalism {
    /// All formalisms.
    pub const ALL: [Formalism; 4] =
        [Formalism::Iit3, Formalism::Iit4_2023, Formalism::Iit4_2026, Formalism::Iit4_2026Paper];

    /// The name, as it is understood on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Formalism::Iit3 => "iit3",
            Formalism::Iit4_2023 => "iit4-2023",
            Formalism::Iit4_2026 => "iit4-2026",
            Formalism::Iit4_2026Paper => "iit4-2026-paper",
        }
    }

    /// Whether it is a version of IIT 4.0: the exact value is then φ_s, and there is Φ of the Φ-structure too.
    pub fn is_iit4(self) -> bool {
        self != Formalism::Iit3
    }

    /// The dynamics of a study that asks for none.
    ///
    /// Deterministic units at a fixed point lose nothing by a cut under IIT 4.0: φ_s would be 0 throughout.
    pub fn default_rule(self) -> Rule {
        match self {
            Formalism::Iit3 => Rule::Majority,
            Formalism::Iit4_2023 | Formalism::Iit4_2026 | Formalism::Iit4_2026Paper => {
                Rule::Logistic { gain: Rule::DEFAULT_GAIN }
            }
        }
    }
}

impl fmt::Display for Formalism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Formalism {
    type Err = Error;

    fn from_str(text: &str) -> Result<Formalism, Error> {
        let wanted = text.trim();
        Formalism::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(wanted)).ok_or_else(
            || Error::UnknownName {
                what: "formalism",
                name: text.to_owned(),
                known: Formalism::ALL.map(Formalism::name).join(", "),
            },
        )
    }
}

/// What a study is made of. Two runs may share an output file exactly if their settings are equal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The topologies, in the order of [`Topology::ALL`].
    pub topologies: Vec<Topology>,
    /// The numbers of units, ascending, each from 2 up.
    pub sizes: Vec<usize>,
    /// The seeds, ascending.
    pub seeds: Vec<u64>,
    /// The dynamics of every unit.
    pub rule: Rule,
    /// The state of every network.
    pub state: StatePattern,
    /// The name of the estimator.
    pub estimator: String,
    /// The theory of the exact values.
    pub formalism: Formalism,
    /// Which part of the matrix; none for all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// The random numberings of the units over which the range of each exact value is taken; 0 for no range.
    /// 0 in settings that were written before there were ranges.
    #[serde(default)]
    pub tie_orders: u32,
}

impl Default for Settings {
    /// The 160 comparisons.
    fn default() -> Settings {
        Settings {
            topologies: Topology::ALL.to_vec(),
            sizes: Settings::SIZES.to_vec(),
            seeds: Settings::SEEDS.to_vec(),
            rule: Formalism::Iit3.default_rule(),
            state: StatePattern::Off,
            estimator: "hdc".to_owned(),
            formalism: Formalism::Iit3,
            shard: None,
            tie_orders: Settings::TIE_ORDERS,
        }
    }
}

impl Settings {
    /// The sizes of the 160 comparisons.
    pub const SIZES: [usize; 4] = [5, 6, 7, 8];

    /// The seeds of the 160 comparisons.
    pub const SEEDS: [u64; 5] = [42, 123, 456, 789, 999];

    /// The random numberings of the 160 comparisons.
    pub const TIE_ORDERS: u32 = 32;

    /// The largest table of transition probabilities that a study builds, in bytes.
    const MAX_TPM_BYTES: u128 = 64 << 20;

    /// The same settings in their canonical order.
    ///
    /// # Errors
    /// If there is nothing to compare, something is listed twice, a size is too small or too large
    /// to be held, the state does not fit a size, or the gain is not finite.
    pub fn canonical(mut self) -> Result<Settings, Error> {
        sort("topologies", "topology", &mut self.topologies)?;
        sort("sizes", "size", &mut self.sizes)?;
        sort("seeds", "seed", &mut self.seeds)?;
        for &n in &self.sizes {
            check_size(n)?;
            self.state.state(n)?;
        }
        if let Rule::Logistic { gain } = self.rule
            && !gain.is_finite()
        {
            return Err(Error::Settings(format!("gain {gain}: expected a finite number")));
        }
        Ok(self)
    }

    /// The settings in which `self` differs from `other`, one line each, or nothing.
    pub fn differences(&self, other: &Settings) -> Vec<String> {
        let mut lines = Vec::new();
        let mut compare = |what: &str, mine: String, theirs: String| {
            if mine != theirs {
                lines.push(format!("{what}: {mine}, not {theirs}"));
            }
        };
        compare("topologies", list(&self.topologies), list(&other.topologies));
        compare("sizes", list(&self.sizes), list(&other.sizes));
        compare("seeds", list(&self.seeds), list(&other.seeds));
        compare("rule", self.rule.to_string(), other.rule.to_string());
        compare("state", self.state.to_string(), other.state.to_string());
        compare("estimator", self.estimator.clone(), other.estimator.clone());
        compare("formalism", self.formalism.to_string(), other.formalism.to_string());
        let shard = |it: &Settings| it.shard.map_or("none".to_owned(), |it| it.to_string());
        compare("shard", shard(self), shard(other));
        compare("tie orders", self.tie_orders.to_string(), other.tie_orders.to_string());
        lines
    }
}

fn sort<T: Ord + fmt::Display>(what: &str, one: &str, items: &mut [T]) -> Result<(), Error> {
    if items.is_empty() {
        return Err(Error::Settings(format!("no {what}: expected at least one {one}")));
    }
    items.sort();
    match items.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::Settings(format!("{one} {} is listed twice", pair[0]))),
        None => Ok(()),
    }
}

fn check_size(n: usize) -> Result<(), Error> {
    if n < 2 {
        return Err(Error::Settings(format!(
            "size {n}: expected at least 2 units; fewer have Φ = 0 by definition and no estimate"
        )));
    }
    if n > MAX_UNITS {
        return Err(Error::Settings(format!(
            "size {n}: expected at most {MAX_UNITS} units; the transition probabilities alone are \
             2^{n} rows of {n} numbers"
        )));
    }
    let bytes = Network::tpm_bytes(n);
    if bytes > Settings::MAX_TPM_BYTES {
        let gib = bytes as f64 / f64::from(1 << 30);
        return Err(Error::Settings(format!(
            "size {n}: its transition probabilities alone need {gib:.2} GiB; expected a size \
             that needs at most {} MiB",
            Settings::MAX_TPM_BYTES >> 20
        )));
    }
    Ok(())
}

/// Which comparison: it identifies a row within a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The topology.
    pub topology: Topology,
    /// The number of units.
    pub n: usize,
    /// The seed: of the estimate, and of the graph if the topology is Random.
    pub seed: u64,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} n = {} seed {}", self.topology, self.n, self.seed)
    }
}

/// The order in which comparisons are done: by size, then topology, then seed.
impl Ord for Key {
    fn cmp(&self, other: &Key) -> Ordering {
        let order = |it: &Key| (it.n, it.topology, it.seed);
        order(self).cmp(&order(other))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Key) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// One row to be.
#[derive(Debug, Clone, Copy)]
pub struct Comparison {
    /// Its identity.
    pub key: Key,
    /// Its exact problem: an index into [`Suite::problems`].
    pub problem: usize,
}

/// One network whose exact Φ is needed.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The identity of its content.
    pub id: ProblemId,
    /// The first comparison that needs it.
    pub key: Key,
    /// The network.
    pub network: Network,
}

/// The comparisons of a study and the exact problems they hold.
///
/// The keys of the comparisons ascend, and each problem belongs to at least one of them.
#[derive(Debug, Clone)]
pub struct Suite {
    settings: Settings,
    comparisons: Vec<Comparison>,
    problems: Vec<Problem>,
}

impl Suite {
    /// The suite that `settings` describe.
    ///
    /// # Errors
    /// As [`Settings::canonical`]; if there are more shards than exact problems.
    ///
    /// ```
    /// use phi_validation::suite::{Settings, Suite};
    ///
    /// let suite = Suite::new(Settings::default()).unwrap();
    /// assert_eq!(suite.comparisons().len(), 160);
    /// assert_eq!(suite.problems().len(), 48);
    /// ```
    pub fn new(settings: Settings) -> Result<Suite, Error> {
        let settings = settings.canonical()?;
        let mut comparisons = Vec::new();
        let mut problems: Vec<Problem> = Vec::new();
        let mut known = HashMap::new();
        for &n in &settings.sizes {
            let state = settings.state.state(n)?;
            for &topology in &settings.topologies {
                for &seed in &settings.seeds {
                    let key = Key { topology, n, seed };
                    let graph = topology.graph(n, seed);
                    let network = Network::new(graph, settings.rule, state.clone());
                    let id = network.problem_id(settings.formalism.name());
                    let problem = *known.entry(id).or_insert_with(|| {
                        problems.push(Problem { id, key, network });
                        problems.len() - 1
                    });
                    comparisons.push(Comparison { key, problem });
                }
            }
        }
        let suite = Suite { settings, comparisons, problems };
        match suite.settings.shard {
            Some(shard) => suite.part(shard),
            None => Ok(suite),
        }
    }

    /// The comparisons of the problems that are dealt to `shard`.
    fn part(&self, shard: Shard) -> Result<Suite, Error> {
        if shard.of() > self.problems.len() {
            return Err(Error::Settings(format!(
                "shard {shard}: the matrix has only {0} exact problems; expected at most {0} shards",
                self.problems.len()
            )));
        }
        let shards = Shard::deal(self.problems.iter().map(|it| &it.network), shard.of());
        Ok(self.only((0..self.problems.len()).filter(|&it| shards[it] == shard.index())))
    }

    /// The suite of some of the exact problems (indices into [`problems`](Suite::problems), in any order), with
    /// all their comparisons and the same settings. What it costs does not depend on the size of the whole but for
    /// one pass over it.
    ///
    /// # Panics
    /// If there is no such problem.
    ///
    /// ```
    /// use phi_validation::suite::{Settings, Suite};
    ///
    /// let suite = Suite::new(Settings::default()).unwrap();
    /// let part = suite.only([3, 0]);
    /// assert_eq!(part.problems().len(), 2);
    /// assert_eq!(part.problems()[1].id, suite.problems()[3].id);
    /// assert_eq!(part.comparisons().len(), 10);
    /// ```
    pub fn only(&self, problems: impl IntoIterator<Item = usize>) -> Suite {
        const ABSENT: usize = usize::MAX;
        let mut place = vec![ABSENT; self.problems.len()];
        problems.into_iter().for_each(|it| place[it] = 0);
        let mut chosen = Vec::new();
        for (place, problem) in place.iter_mut().zip(&self.problems).filter(|it| *it.0 != ABSENT) {
            *place = chosen.len();
            chosen.push(problem.clone());
        }
        let comparisons = self.comparisons.iter().filter(|it| place[it.problem] != ABSENT);
        let comparisons =
            comparisons.map(|it| Comparison { problem: place[it.problem], ..*it }).collect();
        Suite { settings: self.settings.clone(), comparisons, problems: chosen }
    }

    /// The settings, in canonical order.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The comparisons, in the order in which a run does them.
    pub fn comparisons(&self) -> &[Comparison] {
        &self.comparisons
    }

    /// The exact problems, in the order in which a run first needs them.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The comparison of this key, as an index into [`comparisons`](Suite::comparisons).
    pub fn position(&self, key: Key) -> Option<usize> {
        self.comparisons.binary_search_by_key(&key, |it| it.key).ok()
    }

    /// The network of a comparison.
    pub fn network(&self, comparison: &Comparison) -> &Network {
        &self.problems[comparison.problem].network
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_default_is_160_comparisons_of_48_problems() {
        let suite = Suite::new(Settings::default()).unwrap();
        assert_eq!(suite.comparisons().len(), 160);
        let keys: HashSet<Key> = suite.comparisons().iter().map(|it| it.key).collect();
        assert_eq!(keys.len(), 160);
        let ids: HashSet<ProblemId> = suite.problems().iter().map(|it| it.id).collect();
        assert_eq!((suite.problems().len(), ids.len()), (48, 48));
        let random = |it: &&Problem| it.key.topology == Topology::Random;
        assert_eq!(suite.problems().iter().filter(random).count(), 20);
        assert!(suite.comparisons().is_sorted_by(|a, b| a.key < b.key));
        for (position, comparison) in suite.comparisons().iter().enumerate() {
            let network = suite.network(comparison);
            let key = comparison.key;
            assert_eq!(network.graph(), &key.topology.graph(key.n, key.seed));
            assert_eq!(suite.position(key), Some(position));
        }
    }

    #[test]
    fn some_of_the_problems_keep_all_their_comparisons() {
        let whole = Suite::new(Settings::default()).unwrap();
        let chosen = [47, 2, 30, 2];
        let part = whole.only(chosen);
        let expected = [2, 30, 47].map(|it| whole.problems()[it].id);
        assert_eq!(part.problems().iter().map(|it| it.id).collect::<Vec<_>>(), expected);
        let mut of_part = part.comparisons().iter();
        for (position, it) in whole.comparisons().iter().enumerate() {
            let here = part.position(it.key);
            assert_eq!(here.is_some(), chosen.contains(&it.problem), "{}", it.key);
            if here.is_some() {
                let same = of_part.next().unwrap();
                assert_eq!(part.network(same), whole.network(&whole.comparisons()[position]));
            }
        }
        assert!(of_part.next().is_none());
        assert!(whole.only([]).comparisons().is_empty());
    }

    #[test]
    fn networks_of_equal_content_are_one_problem() {
        // On two units all topologies are the same edge. On three, Dense and Ring are a triangle, Star,
        // BinaryTree and Lattice a path with unit 0 in the middle, Line and Modular one with unit 1.
        let sizes = |sizes: &[usize]| {
            let settings = Settings { sizes: sizes.to_vec(), ..Settings::default() };
            let topologies = settings.topologies.iter().filter(|it| **it != Topology::Random);
            let topologies = topologies.copied().collect();
            Suite::new(Settings { topologies, ..settings }).unwrap().problems().len()
        };
        assert_eq!(sizes(&[2]), 1);
        assert_eq!(sizes(&[3]), 3);
        assert_eq!(sizes(&[2, 3]), 4);
    }

    #[test]
    fn settings_are_put_in_one_order() {
        let asked = Settings {
            topologies: vec![Topology::Ring, Topology::Dense],
            sizes: vec![6, 5],
            seeds: vec![999, 42],
            ..Settings::default()
        };
        let settings = asked.canonical().unwrap();
        assert_eq!(settings.topologies, [Topology::Dense, Topology::Ring]);
        assert_eq!((settings.sizes, settings.seeds), (vec![5, 6], vec![42, 999]));
    }

    #[track_caller]
    fn check_refused(settings: Settings, expected: &str) {
        assert_eq!(settings.canonical().unwrap_err().to_string(), expected);
    }

    #[test]
    fn settings_without_a_matrix_are_refused() {
        let default = Settings::default;
        check_refused(
            Settings { sizes: vec![], ..default() },
            "no sizes: expected at least one size",
        );
        check_refused(Settings { sizes: vec![5, 6, 5], ..default() }, "size 5 is listed twice");
        check_refused(Settings { seeds: vec![1, 1], ..default() }, "seed 1 is listed twice");
        check_refused(
            Settings { sizes: vec![1], ..default() },
            "size 1: expected at least 2 units; fewer have Φ = 0 by definition and no estimate",
        );
        check_refused(
            Settings { sizes: vec![26], ..default() },
            "size 26: its transition probabilities alone need 14.50 GiB; expected a size that \
             needs at most 64 MiB",
        );
        check_refused(
            Settings { sizes: vec![64], ..default() },
            "size 64: expected at most 32 units; the transition probabilities alone are 2^64 rows \
             of 64 numbers",
        );
        check_refused(
            Settings { rule: Rule::Logistic { gain: f64::NAN }, ..default() },
            "gain NaN: expected a finite number",
        );
        check_refused(
            Settings { state: StatePattern::Bits(vec![1, 0, 0, 0, 0]), ..default() },
            "state 10000 has 5 units, but the sizes include 6: expected one digit for each unit",
        );
    }

    #[test]
    fn differences_are_named() {
        let mine = Settings::default();
        assert_eq!(mine.differences(&mine), Vec::<String>::new());
        let theirs =
            Settings { sizes: vec![5], rule: Rule::Logistic { gain: 2.0 }, ..Settings::default() };
        assert_eq!(
            mine.differences(&theirs),
            ["sizes: 5, 6, 7, 8, not 5", "rule: majority, not logistic with gain 2"]
        );
    }

    #[test]
    fn settings_survive_json() {
        let settings = Settings {
            rule: Rule::Logistic { gain: 0.1 + 0.2 },
            seeds: vec![u64::MAX],
            state: StatePattern::Bits(vec![1, 0, 0, 0, 0]),
            sizes: vec![5],
            ..Settings::default()
        };
        let text = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
    }
}
