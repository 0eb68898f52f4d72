//! The matrix of a study: which comparisons there are, and which exact problems they hold.
//!
//! A [`Suite`] is the expansion of [`Settings`]: the comparisons in the order in which they are
//! done (by size, then topology, then seed: the order of their keys), and the exact problems, each
//! once however many comparisons share it. Making a suite solves nothing and builds no table.

pub mod from_toml;
pub mod settings;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Error;
use crate::machine::memory;
use crate::model::dynamics::Rule;
pub use crate::model::formalism::{Exact, Formalism};
pub use crate::model::key::{Key, RowCase};
use crate::model::key::{NetworkName, State};
use crate::model::network::{Network, ProblemId};
use crate::model::topology::Topology;
use crate::suite::settings::FileNetwork;
pub use crate::suite::settings::{Settings, States};

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
    /// The identity of its content, formalism included.
    pub id: ProblemId,
    /// The first comparison that needs it.
    pub key: Key,
    /// The network.
    pub network: Network,
    /// The theory.
    pub formalism: Formalism,
}

/// The comparisons of a study and the exact problems they hold.
///
/// The keys of the comparisons ascend, and each problem belongs to at least one of them.
#[derive(Debug, Clone)]
pub struct Suite {
    settings: Settings,
    comparisons: Vec<Comparison>,
    problems: Vec<Problem>,
    /// What it was read from. The settings hold all that is in them.
    files: Vec<PathBuf>,
}

impl Suite {
    /// The suite that `settings` describe.
    ///
    /// # Errors
    /// As [`Settings::canonical`]; if the comparisons would take more memory than there is; if all
    /// states of a network are asked for and not all are reachable.
    ///
    /// ```
    /// use phi_validation::suite::{Settings, Suite};
    ///
    /// let suite = Suite::new(Settings::default()).unwrap();
    /// assert_eq!(suite.comparisons().len(), 160);
    /// assert_eq!(suite.problems().len(), 48);
    /// ```
    pub fn new(settings: Settings) -> Result<Suite, Error> {
        Suite::within(settings, memory::left().unwrap_or(Suite::MEMORY))
    }

    /// The memory that a suite may take where the system does not tell what there is.
    const MEMORY: u64 = 4 << 30;

    /// The suite, if it takes at most `memory` bytes.
    pub(crate) fn within(settings: Settings, memory: u64) -> Result<Suite, Error> {
        let settings = settings.canonical()?;
        let at_least = Size::at_least(&settings);
        at_least.check("", memory)?;
        let mut made = Expansion::new(&settings, memory);
        // If it is not known exactly, it grows.
        made.comparisons.reserve_exact(usize::try_from(at_least.n_rows).unwrap_or_default());
        for n in settings.all_sizes() {
            if settings.sizes.contains(&n) {
                for &topology in &settings.topologies {
                    made.topology(topology, n)?;
                }
            }
            made.own(n)?;
        }
        let Expansion { comparisons, problems, .. } = made;
        // A row that is there twice could never be told from its double.
        if let Some(pair) = comparisons.windows(2).find(|it| it[0].key >= it[1].key) {
            return Err(Error::Settings(format!(
                "{} is in the matrix twice: expected settings that name every comparison once",
                pair[1].key
            )));
        }
        Ok(Suite { settings, comparisons, problems, files: Vec::new() })
    }

    /// The files that it was read from, which must not be written over: its own, and those of
    /// networks that it names.
    pub fn files(&self) -> impl Iterator<Item = &Path> + Clone {
        self.files.iter().map(PathBuf::as_path)
    }

    /// The memory that a run keeps for each finished comparison, in bytes. From 2,000 rows to
    /// 20,000 the peak grew by 1.6 KiB a row.
    const BYTES_OF_ROW: u128 = 2 << 10;

    /// Checks that there is memory for a run of all comparisons, which keeps what it has found
    /// until its statistics.
    ///
    /// # Errors
    /// [`Error::Settings`] with what it would take and what there is.
    pub fn check_run(&self) -> Result<(), Error> {
        self.check_run_within(memory::left().unwrap_or(Suite::MEMORY))
    }

    fn check_run_within(&self, memory: u64) -> Result<(), Error> {
        let needed = Suite::BYTES_OF_ROW * self.comparisons.len() as u128;
        if needed <= u128::from(memory) {
            return Ok(());
        }
        Err(Error::Settings(format!(
            "a run of {} comparisons would take {} MiB of memory in the end, expected at most {} \
             MiB, which are available; `cluster plan` divides it",
            self.comparisons.len(),
            needed.div_ceil(1 << 20),
            memory >> 20
        )))
    }

    /// The suite of some of the exact problems (indices into [`problems`](Suite::problems), in any
    /// order), with all their comparisons and the same settings. What it costs does not depend on
    /// the size of the whole but for one pass over it.
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
        let (settings, files) = (self.settings.clone(), self.files.clone());
        Suite { settings, comparisons, problems: chosen, files }
    }

    /// The comparisons by one theory, with settings that ask for no other. What is found by
    /// different theories is never put into one statistic.
    pub fn of_formalism(&self, formalism: Formalism) -> Suite {
        let of = |it: &usize| self.problems[*it].formalism == formalism;
        let mut part = self.only((0..self.problems.len()).filter(of));
        part.settings.formalisms = vec![formalism];
        if formalism.is_iit4() {
            part.settings.tie_orders = 0;
        }
        part
    }

    /// The settings, in canonical order.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The comparisons, in the order in which a run does them: that of their keys.
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

/// The size of a suite.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Size {
    n_rows: u128,
    n_problems: u128,
}

impl Size {
    /// The memory that a problem takes besides itself: its place among those known, and the lists
    /// of its graph.
    const BESIDE_PROBLEM: u128 = 128;

    /// Returns a lower bound on the size of a suite of these settings, before anything is made of
    /// them. The number of reachable states is not known then: one is counted. Of the exact
    /// problems only those are counted that no two comparisons can share, the states.
    fn at_least(settings: &Settings) -> Size {
        let n_states = |states: &States, n: usize| match states {
            States::Patterns(patterns) => patterns.len() as u128,
            States::All => 1 << n,
            States::Reachable | States::Sampled { .. } => 1,
        };
        let n_formalisms = settings.formalisms.len() as u128;
        let mut size = Size { n_rows: 0, n_problems: 0 };
        let mut add = |n_seeds: usize, n_rules: usize, n_states: u128| {
            // Each factor is at most the length of a list, and the states are at most 2³²: in 128
            // bits that fits.
            let n_cases = n_states.saturating_mul(n_formalisms);
            let n_rows = n_cases.saturating_mul(n_rules as u128).saturating_mul(n_seeds as u128);
            size.n_rows = size.n_rows.saturating_add(n_rows);
            size.n_problems = size.n_problems.max(n_cases);
        };
        for &n in &settings.sizes {
            for &topology in &settings.topologies {
                let n_seeds = settings.seeds_of(topology).len();
                add(n_seeds, settings.rules.len(), n_states(&settings.states, n));
            }
        }
        for own in &settings.networks {
            add(settings.seeds.len(), 1, n_states(&own.states, own.tables.n_units()));
        }
        size
    }

    fn bytes(self) -> u128 {
        let of_problem = size_of::<Problem>() as u128 + Size::BESIDE_PROBLEM;
        let rows = self.n_rows.saturating_mul(size_of::<Comparison>() as u128);
        rows.saturating_add(self.n_problems.saturating_mul(of_problem))
    }

    /// Checks that it fits into `memory` bytes; `more` says if the numbers are but the beginning.
    fn check(self, more: &str, memory: u64) -> Result<(), Error> {
        if self.bytes() <= u128::from(memory) {
            return Ok(());
        }
        let mib = |bytes: u128| bytes.div_ceil(1 << 20);
        Err(Error::Settings(format!(
            "{more}{} comparisons would take {} MiB of memory before the first is done, expected \
             at most {} MiB, \
             which are available; there are fewer with fewer seeds, sizes, rules or states",
            self.n_rows,
            mib(self.bytes()),
            memory >> 20
        )))
    }
}

/// A suite that is being made.
struct Expansion<'a> {
    settings: &'a Settings,
    /// The bytes that it may take.
    memory: u64,
    comparisons: Vec<Comparison>,
    problems: Vec<Problem>,
    known: HashMap<ProblemId, u32>,
}

impl<'a> Expansion<'a> {
    fn new(settings: &'a Settings, memory: u64) -> Expansion<'a> {
        let (comparisons, problems) = (Vec::new(), Vec::new());
        Expansion { settings, memory, comparisons, problems, known: HashMap::new() }
    }

    /// Checks that there is memory for `n_more` comparisons. How many states are reachable is known
    /// by now.
    fn check(&self, n_more: usize) -> Result<(), Error> {
        let n_rows = (self.comparisons.len() + n_more) as u128;
        Size { n_rows, n_problems: self.problems.len() as u128 }.check("more than ", self.memory)
    }

    /// All comparisons of one topology and size.
    fn topology(&mut self, topology: Topology, n: usize) -> Result<(), Error> {
        let settings = self.settings;
        // Only Random looks at the seed: the networks of the others are made once.
        let mut made = None;
        for &seed in settings.seeds_of(topology) {
            let key = Key::new(topology, n, seed);
            if made.is_none() || topology == Topology::Random {
                let mut problems = Vec::new();
                let graph = topology.graph(n, seed);
                for &rule in &settings.rules {
                    // The state is chosen afterwards.
                    let network = Network::new(graph.clone(), rule, State::new(n, 0));
                    let case = CaseOf { network: None, rule: Some(rule) };
                    self.cases(key, case, network, &settings.states, &mut problems)?;
                }
                made = Some(problems);
            }
            self.check(made.as_ref().map_or(0, Vec::len))?;
            let problems = made.iter().flatten();
            self.comparisons.extend(
                problems.map(|&(case, problem)| Comparison { key: Key { case, ..key }, problem }),
            );
        }
        Ok(())
    }

    /// All comparisons of networks of `n` units from files.
    fn own(&mut self, n: usize) -> Result<(), Error> {
        let settings = self.settings;
        let networks: Vec<&FileNetwork> =
            settings.networks.iter().filter(|it| it.tables.n_units() == n).collect();
        let Some(&first) = settings.seeds.first().filter(|_| !networks.is_empty()) else {
            return Ok(());
        };
        let mut problems = Vec::new();
        for own in networks {
            let network = Network::own(Arc::clone(&own.tables), State::new(n, 0));
            let case = CaseOf { network: Some(own.name), rule: None };
            let key = Key::new(Topology::Own, n, first);
            self.cases(key, case, network, &own.states, &mut problems)?;
        }
        for &seed in &settings.seeds {
            self.check(problems.len())?;
            let key = |case| Key { case, ..Key::new(Topology::Own, n, seed) };
            let comparisons = problems.iter();
            self.comparisons
                .extend(comparisons.map(|&(case, problem)| Comparison { key: key(case), problem }));
        }
        Ok(())
    }

    /// The problems of one network in each of its states by each formalism.
    fn cases(
        &mut self,
        key: Key,
        of: CaseOf,
        network: Network,
        states: &States,
        problems: &mut Vec<(Option<RowCase>, usize)>,
    ) -> Result<(), Error> {
        let CaseOf { network: name, rule } = of;
        let found = states.of(&network).map_err(|message| {
            let rule = rule.map(|it| format!(", {it}")).unwrap_or_default();
            let who = name.map_or(key.to_string(), |it| format!("{it} n = {}", key.n));
            Error::States(format!("{who}{rule}: {message}"))
        })?;
        for state in found {
            for &formalism in &self.settings.formalisms {
                let case = RowCase { network: name, rule, state, formalism };
                let case = self.settings.has_cases().then_some(case);
                let network = network.in_state(state);
                problems.push((case, self.problem(Key { case, ..key }, network, formalism)));
            }
        }
        Ok(())
    }

    /// The place of a problem, which is new unless its content is known.
    fn problem(&mut self, key: Key, network: Network, formalism: Formalism) -> usize {
        let id = match self.settings.exact {
            Exact::System => network.problem_id(formalism.name()),
            other => network.problem_id(&format!("{formalism} {other}")),
        };
        let next = self.problems.len();
        let at = *self.known.entry(id).or_insert(next as u32) as usize;
        if at == next {
            self.problems.push(Problem { id, key, network, formalism });
        }
        at
    }
}

/// The properties that a case has besides its state and its formalism.
struct CaseOf {
    network: Option<NetworkName>,
    rule: Option<Rule>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::provenance::{cpu_ms, peak_memory_bytes};
    use crate::model::network::Tables;
    use std::collections::{BTreeMap, HashSet};

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
        // On two units all topologies are the same edge. On three, Dense and Ring are a triangle,
        // Star, BinaryTree and Lattice a path with unit 0 in the middle, Line and Modular one with
        // unit 1.
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

    /// Two topologies of 3 units, two rules, all reachable states, two formalisms, a network of
    /// one's own.
    fn wide() -> Settings {
        // The Ring of 3 under xor, as a file has it, in one state.
        let ring = Network::new(Topology::Ring.graph(3, 0), Rule::Xor, State::new(3, 0));
        let own = FileNetwork {
            name: "triangle".parse().unwrap(),
            states: States::Patterns(vec!["000".parse().unwrap()]),
            tables: Arc::new(Tables::new(ring.tpm(), ring.connectivity()).unwrap()),
        };
        Settings {
            topologies: vec![Topology::Ring, Topology::Line],
            sizes: vec![3],
            seeds: vec![1, 2],
            rules: vec![Rule::Xor, Rule::Majority],
            states: States::Reachable,
            formalisms: vec![Formalism::Iit4_2023, Formalism::Iit3],
            networks: vec![own],
            ..Settings::default()
        }
    }

    #[test]
    fn every_rule_state_and_formalism_is_a_comparison_of_its_own() {
        let suite = Suite::new(wide()).unwrap();
        // Reachable: of the Ring under xor 000 and the three with two units ON, under majority
        // (each of 2 inputs: both) 000, the three with one unit ON, and 111; of the Line (the ends
        // copy the middle) under xor 000, 010, 101, 111, under majority the same.
        let n_states = 4 + 5 + 4 + 4;
        assert_eq!(suite.comparisons().len(), (n_states + 1) * 2 * 2);
        assert!(suite.comparisons().is_sorted_by(|a, b| a.key < b.key));
        for (position, it) in suite.comparisons().iter().enumerate() {
            let case = it.key.case.unwrap();
            let problem = &suite.problems()[it.problem];
            assert_eq!(suite.position(it.key), Some(position));
            assert_eq!((problem.formalism, problem.network.state()), (case.formalism, case.state));
            assert_eq!(problem.id, problem.network.problem_id(case.formalism.name()));
            assert_eq!(case.network.is_some(), it.key.topology == Topology::Own);
            assert_eq!(case.rule.is_some(), it.key.topology != Topology::Own);
            assert!(problem.network.reachable()[bits(case.state)], "{}", it.key);
        }
        let ids: HashSet<ProblemId> = suite.problems().iter().map(|it| it.id).collect();
        assert_eq!(ids.len(), suite.problems().len());
        // Seeds make no new problem, nor does one's own network, which is the Ring under xor.
        assert_eq!(ids.len(), n_states * 2);
        let own = suite.comparisons().iter().filter(|it| it.key.topology == Topology::Own);
        for it in own {
            let first = suite.problems()[it.problem].key;
            assert_eq!(first.topology, Topology::Ring, "{} is solved as {first}", it.key);
        }
    }

    fn bits(state: State) -> usize {
        state.values().iter().rev().fold(0, |bits, it| bits << 1 | usize::from(*it))
    }

    #[test]
    fn a_suite_of_one_theory_has_its_comparisons() {
        let suite = Suite::new(wide()).unwrap();
        let parts = [Formalism::Iit3, Formalism::Iit4_2023].map(|it| suite.of_formalism(it));
        for part in &parts {
            let formalism = part.settings().formalism().unwrap();
            assert_eq!(part.comparisons().len() * 2, suite.comparisons().len());
            assert!(part.problems().iter().all(|it| it.formalism == formalism));
            assert!(part.comparisons().iter().all(|it| suite.position(it.key).is_some()));
        }
        assert_eq!((parts[0].settings().tie_orders, parts[1].settings().tie_orders), (32, 0));
    }

    #[test]
    fn samples_are_some_of_the_reachable_states() {
        let states = |states| {
            let settings =
                Settings { sizes: vec![5], seeds: vec![1], states, ..Settings::default() };
            let suite = Suite::new(settings).unwrap();
            let mut found: BTreeMap<Topology, Vec<State>> = BTreeMap::new();
            for it in suite.comparisons() {
                found.entry(it.key.topology).or_default().push(it.key.case.unwrap().state);
            }
            found
        };
        let sampled = |count, seed| states(States::Sampled { count, seed });
        let all = states(States::Reachable);
        let three = sampled(3, 1);
        for (topology, of_it) in &three {
            assert_eq!(of_it.len(), 3);
            assert!(of_it.is_sorted_by(|a, b| a < b), "without replacement: {of_it:?}");
            assert!(of_it.iter().all(|it| all[topology].contains(it)));
        }
        assert_eq!(three, sampled(3, 1));
        assert_ne!(three, sampled(3, 2));
        // More than there are.
        assert_eq!(sampled(32, 1), all);
        // A larger sample has the smaller one in it.
        let four = sampled(4, 1);
        assert!(three.iter().all(|(topology, it)| it.iter().all(|it| four[topology].contains(it))));
    }

    #[test]
    fn samples_are_pinned() {
        // If one of these changes, published results no longer reproduce.
        let logistic = Rule::Logistic { gain: 4.0 };
        let network = Network::new(Topology::Ring.graph(5, 0), logistic, State::new(5, 0));
        let found = States::Sampled { count: 4, seed: 1 }.of(&network).unwrap();
        let found: Vec<String> = found.iter().map(State::to_string).collect();
        assert_eq!(found, SAMPLE);
    }

    const SAMPLE: [&str; 4] = ["00100", "11100", "10110", "00001"];

    #[test]
    fn all_states_must_be_reachable() {
        let settings = Settings {
            topologies: vec![Topology::Line],
            sizes: vec![3],
            states: States::All,
            ..Settings::default()
        };
        let error = Suite::new(settings.clone()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Line n = 3 seed 42, majority: state 100 is not reachable: no state of the network \
             leads to it, so it has no Φ; expected states = \"reachable\", which are 4 of 8"
        );
        let noisy = Rule::Logistic { gain: 1.0 };
        let all = Suite::new(Settings { rules: vec![noisy], ..settings }).unwrap();
        assert_eq!((all.comparisons().len(), all.problems().len()), (8 * 5, 8));
    }

    #[test]
    fn the_size_is_known_before_anything_is_made() {
        // Each of several cases, counted and made.
        let noisy = Rule::Logistic { gain: 1.0 };
        let all = |sizes: &[usize]| Settings {
            sizes: sizes.to_vec(),
            rules: vec![noisy],
            states: States::All,
            formalisms: vec![Formalism::Iit3, Formalism::Iit4_2023],
            ..Settings::default()
        };
        for settings in [Settings::default(), all(&[3, 4])] {
            let size = Size::at_least(&settings);
            let suite = Suite::within(settings, u64::MAX).unwrap();
            assert_eq!(size.n_rows, suite.comparisons().len() as u128);
            assert!(size.n_problems <= suite.problems().len() as u128);
        }
        // With the largest of everything the numbers still are numbers.
        let seeds = |count: u64| Settings { seeds: (1..=count).collect(), ..Settings::default() };
        let error = Suite::within(seeds(100_000), 100 << 20).unwrap_err();
        assert_eq!(error.exit(), crate::exit::Exit::BadInput);
        let error = error.to_string();
        assert!(error.starts_with("3200000 comparisons would take "), "{error}");
        assert!(error.contains("expected at most 100 MiB"), "{error}");
        // What is known only while the suite is made stops that.
        let reachable = Settings {
            sizes: vec![8],
            rules: vec![noisy],
            states: States::Reachable,
            seeds: (1..=100).collect(),
            ..Settings::default()
        };
        let whole = Suite::new(Settings::default()).unwrap();
        whole.check_run_within(320 << 10).unwrap();
        let error = whole.check_run_within((320 << 10) - 1).unwrap_err().to_string();
        let expected = "a run of 160 comparisons would take 1 MiB of memory in the end, expected \
                        at most 0 MiB";
        assert!(error.starts_with(expected), "{error}");
        let error = Suite::within(reachable, 1 << 20).unwrap_err().to_string();
        assert!(error.starts_with("more than "), "{error}");
    }

    /// `PHI_SLOW_TESTS=1 cargo test --lib a_million -- --nocapture` says what it costs.
    #[test]
    #[expect(clippy::print_stdout, reason = "a measurement is to be read")]
    fn a_million_networks_fit_in_memory() {
        let slow = std::env::var_os("PHI_SLOW_TESTS").is_some();
        let n_seeds = if slow { 250_000 } else { 2_500 };
        let settings = Settings {
            topologies: vec![Topology::Random],
            seeds: (1..=n_seeds).collect(),
            ..Settings::default()
        };
        let (cpu, peak) = (cpu_ms(), peak_memory_bytes());
        let suite = Suite::new(settings).unwrap();
        let used = |before: Option<u64>, now: Option<u64>| Some(now? - before?);
        if slow {
            let mib = used(peak, peak_memory_bytes()).map(|it| it >> 20);
            let ms = used(cpu, cpu_ms());
            println!(
                "{} comparisons of {} problems",
                suite.comparisons().len(),
                suite.problems().len()
            );
            println!("{ms:?} ms of processor time, {mib:?} MiB");
            assert!(mib.is_none_or(|it| it < 700), "{mib:?} MiB");
        }
        assert_eq!(suite.comparisons().len() as u64, 4 * n_seeds);
        for at in [0, suite.comparisons().len() / 3, suite.comparisons().len() - 1] {
            assert_eq!(suite.position(suite.comparisons()[at].key), Some(at));
        }
        assert_eq!(suite.position(Key::new(Topology::Random, 5, n_seeds + 1)), None);
    }

    #[test]
    fn random_may_have_seeds_of_its_own() {
        let settings = Settings {
            topologies: vec![Topology::Ring, Topology::Random],
            sizes: vec![5],
            seeds: vec![42],
            random_seeds: (1..=30).collect(),
            ..Settings::default()
        };
        let suite = Suite::new(settings).unwrap();
        let of = |topology| {
            let of = suite.comparisons().iter().filter(|it| it.key.topology == topology);
            of.map(|it| it.key.seed).collect::<Vec<u64>>()
        };
        assert_eq!(of(Topology::Ring), [42]);
        assert_eq!(of(Topology::Random), (1..=30).collect::<Vec<u64>>());
        assert!(suite.comparisons().iter().all(|it| it.key.case.is_none()));
    }
}
