//! The settings of a study: [`Settings`], in one canonical order, so that equal settings are equal
//! values.
//!
//! They hold everything, the tables of networks from files included: a holder of them needs no
//! other file to make the same [`Suite`](crate::suite::Suite). Settings of one rule, state and
//! formalism are written as they were before there were others.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::escape::terminal;
use crate::model::dynamics::Rule;
use crate::model::formalism::{Exact, Formalism};
use crate::model::key::{NetworkName, State};
use crate::model::network::{Network, StatePattern, Tables};
use crate::model::seeded::SeededStream;
use crate::model::topology::{MAX_UNITS, Topology};
use crate::wording::{list, numbers, short};

/// The states in which a network is analysed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "StatesForm", try_from = "StatesForm")]
pub enum States {
    /// These.
    Patterns(Vec<StatePattern>),
    /// All 2ⁿ, each of which must be reachable: it must be possible that some state leads to it.
    All,
    /// All that are reachable.
    Reachable,
    /// Some of those that are reachable, drawn without replacement; all, if there are not more.
    Sampled {
        /// Their number.
        count: usize,
        /// The seed of the draw.
        seed: u64,
    },
}

/// States as JSON and TOML have them.
#[derive(Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum StatesForm {
    Word(String),
    List(Vec<StatePattern>),
    Sampled { sampled: usize, seed: u64 },
}

impl From<States> for StatesForm {
    fn from(states: States) -> StatesForm {
        match states {
            States::Patterns(patterns) => StatesForm::List(patterns),
            States::All => StatesForm::Word("all".to_owned()),
            States::Reachable => StatesForm::Word("reachable".to_owned()),
            States::Sampled { count, seed } => StatesForm::Sampled { sampled: count, seed },
        }
    }
}

impl TryFrom<StatesForm> for States {
    type Error = Error;

    fn try_from(form: StatesForm) -> Result<States, Error> {
        match form {
            StatesForm::Word(word) => States::from_word(&word),
            StatesForm::List(patterns) => Ok(States::Patterns(patterns)),
            StatesForm::Sampled { sampled, seed } => Ok(States::Sampled { count: sampled, seed }),
        }
    }
}

impl States {
    /// The purpose of the stream that samples are drawn from. The numbers are the seed and the
    /// identity of the network's content, so equal networks get equal samples. The states that are
    /// reachable, ascending (unit 0 in the lowest bit), are a list from which a Fisher-Yates
    /// shuffle takes one at a time: the k-th, counted from 0, is exchanged with that at `k + ⌊w (m
    /// - k) / 2⁶⁴⌋`, `m` being their number and `w` the next 8 bytes.
    pub const PURPOSE: &str = "phi-validation sampled states v1";

    /// Parses a word that stands for states: `all`, `reachable`, or a [`StatePattern`].
    ///
    /// # Errors
    /// [`Error::UnknownName`].
    pub fn from_word(word: &str) -> Result<States, Error> {
        match word {
            "all" => Ok(States::All),
            "reachable" => Ok(States::Reachable),
            pattern => pattern.parse().map(|it| States::Patterns(vec![it])).map_err(|_| {
                Error::UnknownName {
                    what: "state",
                    name: word.to_owned(),
                    known: "off, on, a string of 0 and 1 with unit 0 first, all, reachable"
                        .to_owned(),
                }
            }),
        }
    }

    /// The one pattern, if there is but one for all networks.
    pub fn single(&self) -> Option<&StatePattern> {
        match self {
            States::Patterns(patterns) if patterns.len() == 1 => patterns.first(),
            _ => None,
        }
    }

    /// The states of `network`, ascending. Its own state does not matter.
    ///
    /// # Errors
    /// If a pattern does not fit; if all states are asked for and one of them is not reachable.
    pub fn of(&self, network: &Network) -> Result<Vec<State>, String> {
        let n = network.n_units();
        let state = |bits: usize| State::new(n, bits as u32);
        if let States::Patterns(patterns) = self {
            let states = patterns.iter().map(|it| it.state(n)).collect::<Result<Vec<_>, Error>>();
            let mut states = states.map_err(|error| error.to_string())?;
            states.sort_unstable();
            // Two patterns may be one state: "on" and "111".
            states.dedup();
            return Ok(states);
        }
        let reachable = network.reachable();
        let mut states: Vec<State> = reachable
            .iter()
            .enumerate()
            .filter(|(_, it)| **it)
            .map(|(bits, _)| state(bits))
            .collect();
        match *self {
            States::All => {
                if let Some(first) = reachable.iter().position(|it| !it) {
                    return Err(format!(
                        "state {} is not reachable: no state of the network leads to it, so it \
                         has no Φ; \
                         expected states = \"reachable\", which are {} of {}",
                        state(first),
                        states.len(),
                        reachable.len()
                    ));
                }
            }
            States::Sampled { count, seed } => {
                let mut stream = SeededStream::new(States::PURPOSE, &[seed, network.content()]);
                let count = count.min(states.len());
                for k in 0..count {
                    let n_left = (states.len() - k) as u128;
                    let drawn = (u128::from(stream.next_u64()) * n_left) >> 64;
                    states.swap(k, k + drawn as usize);
                }
                states.truncate(count);
                states.sort_unstable();
            }
            States::Patterns(_) | States::Reachable => {}
        }
        Ok(states)
    }
}

/// `off`; `off, 11000`; `all`; `reachable`; `4 reachable ones sampled with seed 1`.
impl fmt::Display for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            States::Patterns(patterns) => f.write_str(&list(patterns)),
            States::All => f.write_str("all"),
            States::Reachable => f.write_str("reachable"),
            States::Sampled { count, seed } => {
                write!(f, "{count} reachable ones sampled with seed {seed}")
            }
        }
    }
}

/// A network from a file, with everything that was in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileNetwork {
    /// Its name in the study.
    pub name: NetworkName,
    /// The states in which it is analysed.
    pub states: States,
    /// The dynamics of its units. They are shared, since settings are copied about.
    #[serde(with = "shared")]
    pub tables: Arc<Tables>,
}

/// `Arc` of plain data, as the data.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        value: &Arc<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        T::serialize(value, serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(deserializer).map(Arc::new)
    }
}

/// The settings of a study. Two runs may share an output file exactly if their settings are equal.
///
/// Every topology of every size, with every rule, in every state, by every formalism, with every
/// seed, is a comparison; so is every network from a file, in its states, by every formalism, with
/// every seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Form", try_from = "Form")]
pub struct Settings {
    /// The topologies, in the order of [`Topology::ALL`]. Empty, like the sizes and rules, if there
    /// are only networks from files.
    pub topologies: Vec<Topology>,
    /// The numbers of units, ascending, each from 2 up.
    pub sizes: Vec<usize>,
    /// The seeds, ascending.
    pub seeds: Vec<u64>,
    /// The seeds of the topology Random, ascending, where it has others; else none.
    pub random_seeds: Vec<u64>,
    /// The dynamics of every unit, in their order.
    pub rules: Vec<Rule>,
    /// The states of every network that is not from a file.
    pub states: States,
    /// The name of the estimator that the rows, the statistics and the verdict are about.
    pub estimator: String,
    /// The names of others that are kept beside it; if there are none, those that cost
    /// nothing.
    pub other_estimators: Vec<String>,
    /// The theories of the exact values, in the order of [`Formalism::ALL`].
    pub formalisms: Vec<Formalism>,
    /// The system whose Φ the exact values are.
    pub exact: Exact,
    /// Networks from files, in the order of their names.
    pub networks: Vec<FileNetwork>,
    /// The random numberings of the units over which the range of each exact value is taken; 0 for
    /// no range. Only Φ of whole networks by IIT 3.0 has such ranges.
    pub tie_orders: u32,
}

impl Default for Settings {
    /// The 160 comparisons.
    fn default() -> Settings {
        Settings {
            topologies: Topology::ALL.to_vec(),
            sizes: Settings::SIZES.to_vec(),
            seeds: Settings::SEEDS.to_vec(),
            random_seeds: Vec::new(),
            rules: vec![Formalism::Iit3.default_rule()],
            states: States::Patterns(vec![StatePattern::Off]),
            estimator: "hdc".to_owned(),
            other_estimators: Vec::new(),
            formalisms: vec![Formalism::Iit3],
            exact: Exact::System,
            networks: Vec::new(),
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
    /// to be held, a state does not fit a size, or a gain is not finite.
    pub fn canonical(mut self) -> Result<Settings, Error> {
        self.rules.iter_mut().for_each(|it| {
            if let Rule::Logistic { gain } = it {
                *it = Rule::logistic(*gain);
            }
        });
        // With networks from files there need be no others.
        if self.networks.is_empty() || !(self.topologies.is_empty() && self.sizes.is_empty()) {
            sort("topologies", "topology", &mut self.topologies, Topology::to_string)?;
            sort("sizes", "size", &mut self.sizes, usize::to_string)?;
            sort("rules", "rule", &mut self.rules, Rule::to_string)?;
        } else {
            // What nothing is made of must not tell settings apart.
            self.rules.clear();
            self.random_seeds.clear();
            self.states = Settings::default().states;
        }
        sort("seeds", "seed", &mut self.seeds, u64::to_string)?;
        sort("formalisms", "formalism", &mut self.formalisms, Formalism::to_string)?;
        if !self.random_seeds.is_empty() {
            sort("random_seeds", "random seed", &mut self.random_seeds, u64::to_string)?;
            if !self.topologies.contains(&Topology::Random) || self.random_seeds == self.seeds {
                self.random_seeds.clear();
            }
        }
        if !self.networks.is_empty() {
            self.networks.sort_by_key(|it| it.name);
            sort("networks", "network", &mut names(&self.networks), NetworkName::to_string)?;
        }
        if self.topologies.contains(&Topology::Own) {
            return Err(Error::UnknownName {
                what: "topology",
                name: Topology::Own.to_string(),
                known: list(Topology::ALL),
            });
        }
        self.sizes.iter().try_for_each(|&n| check_size(n))?;
        self.networks.iter().try_for_each(|it| check_size(it.tables.n_units()))?;
        for n in &self.sizes {
            check_states(&self.states, *n, "the sizes include")?;
        }
        for it in &self.networks {
            check_states(&it.states, it.tables.n_units(), "the network has")?;
        }
        self.rules.iter().try_for_each(check_rule)?;
        for name in [&self.estimator].into_iter().chain(&self.other_estimators) {
            if !(1..=100).contains(&name.len()) || name.chars().any(char::is_control) {
                return Err(Error::Settings(format!(
                    "estimator {:?}: expected a name of 1 to 100 letters",
                    short(name)
                )));
            }
        }
        self.other_estimators.sort();
        self.other_estimators.dedup();
        self.other_estimators.retain(|it| *it != self.estimator);
        if self.formalisms.iter().all(|it| it.is_iit4()) || self.exact != Exact::System {
            self.tie_orders = 0;
        }
        Ok(self)
    }

    /// `true` if rows need a [`RowCase`](crate::model::key::RowCase) to be told apart: there are
    /// several rules, states or formalisms, or networks from files.
    pub fn has_cases(&self) -> bool {
        self.rules.len() != 1
            || self.states.single().is_none()
            || self.formalisms.len() != 1
            || !self.networks.is_empty()
    }

    /// The theory, if there is but one.
    pub fn formalism(&self) -> Option<Formalism> {
        match self.formalisms[..] {
            [formalism] => Some(formalism),
            _ => None,
        }
    }

    /// The topologies, and [`Topology::Own`] if there are networks from files: the groups of
    /// statistics.
    pub fn families(&self) -> Vec<Topology> {
        let own = (!self.networks.is_empty()).then_some(Topology::Own);
        self.topologies.iter().copied().chain(own).collect()
    }

    /// The sizes of all networks, ascending.
    pub fn all_sizes(&self) -> Vec<usize> {
        let own = self.networks.iter().map(|it| it.tables.n_units());
        let sizes: BTreeSet<usize> = self.sizes.iter().copied().chain(own).collect();
        sizes.into_iter().collect()
    }

    /// The seeds of a topology.
    pub fn seeds_of(&self, topology: Topology) -> &[u64] {
        match topology {
            Topology::Random if !self.random_seeds.is_empty() => &self.random_seeds,
            _ => &self.seeds,
        }
    }

    /// Rule, state and estimator for a person: `rule majority, state off, estimator hdc`.
    pub fn what(&self) -> String {
        let mut parts = self.what_networks();
        if self.exact != Exact::System {
            parts.push("exact values of the major complex".to_owned());
        }
        parts.push(format!("estimator {}", terminal(&self.estimator)));
        parts.join(", ")
    }

    /// Describes the networks for people: `rule majority`, `state off`.
    pub(crate) fn what_networks(&self) -> Vec<String> {
        let mut parts = Vec::new();
        match &self.rules[..] {
            [] => {}
            [rule] => parts.push(format!("rule {rule}")),
            rules => parts.push(format!("rules {}", list(rules.iter().map(|it| it.code())))),
        }
        match (self.rules.is_empty(), self.states.single()) {
            (true, _) => {}
            (_, Some(state)) => parts.push(format!("state {state}")),
            (_, None) => parts.push(format!("states {}", self.states)),
        }
        match self.networks.len() {
            0 => {}
            1 => parts.push(format!("own network {}", self.networks[0].name)),
            n => parts.push(format!("{n} own networks")),
        }
        parts
    }

    /// The settings in which `self` differs from `other`, one line each, or nothing.
    pub fn differences(&self, other: &Settings) -> Vec<String> {
        let mut lines = Vec::new();
        // Equal lists, which may be long, are not turned into text.
        fn compare<T: PartialEq + ?Sized>(
            lines: &mut Vec<String>,
            what: &str,
            (mine, theirs): (&T, &T),
            text: impl Fn(&T) -> String,
        ) {
            if mine != theirs {
                let (one, two) = (text(mine), text(theirs));
                let same = if one == two { " (of another content)" } else { "" };
                lines.push(format!("{what}: {one}, not {two}{same}"));
            }
        }
        let it = &mut lines;
        compare(it, "topologies", (&self.topologies, &other.topologies), |it| list(it));
        compare(it, "sizes", (&self.sizes, &other.sizes), |it| list(it));
        compare(it, "seeds", (&self.seeds, &other.seeds), |it| numbers(it));
        let seeds = |seeds: &Vec<u64>| match seeds.is_empty() {
            true => "as seeds".to_owned(),
            false => numbers(seeds),
        };
        compare(it, "random seeds", (&self.random_seeds, &other.random_seeds), seeds);
        compare(it, "rule", (&self.rules, &other.rules), |it| list(it));
        compare(it, "state", (&self.states, &other.states), States::to_string);
        compare(it, "estimator", (&self.estimator, &other.estimator), String::clone);
        let others = (&self.other_estimators, &other.other_estimators);
        compare(it, "other estimators", others, |it| match it.is_empty() {
            true => "all".to_owned(),
            false => list(it),
        });
        compare(it, "formalism", (&self.formalisms, &other.formalisms), |it| list(it));
        compare(it, "exact value", (&self.exact, &other.exact), Exact::to_string);
        let own = |networks: &Vec<FileNetwork>| match networks.is_empty() {
            true => "none".to_owned(),
            false => list(networks.iter().map(|it| it.name)),
        };
        compare(it, "own networks", (&self.networks, &other.networks), own);
        compare(it, "tie orders", (&self.tie_orders, &other.tie_orders), u32::to_string);
        lines
    }
}

fn names(networks: &[FileNetwork]) -> Vec<NetworkName> {
    networks.iter().map(|it| it.name).collect()
}

fn sort<T: Ord>(
    what: &str,
    one: &str,
    items: &mut [T],
    text: impl Fn(&T) -> String,
) -> Result<(), Error> {
    if items.is_empty() {
        return Err(Error::Settings(format!("no {what}: expected at least one {one}")));
    }
    items.sort();
    match items.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::Settings(format!("{one} {} is listed twice", text(&pair[0])))),
        None => Ok(()),
    }
}

/// Checks that a study can hold networks of `n` units.
pub(crate) fn check_size(n: usize) -> Result<(), Error> {
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

/// Checks that a rule has the numbers it needs.
pub(crate) fn check_rule(rule: &Rule) -> Result<(), Error> {
    match rule {
        Rule::Logistic { gain } if !gain.is_finite() => {
            Err(Error::Settings(format!("gain {gain}: expected a finite number")))
        }
        _ => Ok(()),
    }
}

/// Checks that states fit networks of `n` units; `who` says which networks these are.
pub(crate) fn check_states(states: &States, n: usize, who: &str) -> Result<(), Error> {
    match states {
        States::Patterns(patterns) if patterns.is_empty() => {
            Err(Error::Settings("no states: expected at least one state".to_owned()))
        }
        States::Patterns(patterns) => {
            let mut seen = HashSet::with_capacity(patterns.len());
            for pattern in patterns {
                if !seen.insert(pattern) {
                    return Err(Error::Settings(format!("state {pattern} is listed twice")));
                }
                if let StatePattern::Bits(bits) = pattern
                    && bits.len() != n
                {
                    return Err(Error::Settings(format!(
                        "state {pattern} has {} units, but {who} {n}: expected one digit for each \
                         unit",
                        bits.len()
                    )));
                }
            }
            Ok(())
        }
        States::Sampled { count: 0, .. } => {
            Err(Error::Settings("sampled 0 states: expected at least 1 of each network".to_owned()))
        }
        States::Sampled { .. } | States::All | States::Reachable => Ok(()),
    }
}

/// Settings as JSON has them: with `rule`, `state` and `formalism` where there is one of them, else
/// with `rules`, `states` and `formalisms`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    topologies: Vec<Topology>,
    sizes: Vec<usize>,
    seeds: Seeds,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    random_seeds: Option<Seeds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<Rule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rules: Option<Vec<Rule>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<StatePattern>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    states: Option<States>,
    estimator: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    other_estimators: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    formalism: Option<Formalism>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    formalisms: Option<Vec<Formalism>>,
    #[serde(default, skip_serializing_if = "Exact::is_default")]
    exact: Exact,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    networks: Vec<FileNetwork>,
    /// 0 in settings that were written before there were ranges.
    #[serde(default)]
    tie_orders: u32,
}

/// Seeds as a list, or a long run of consecutive ones by its ends.
#[derive(Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Seeds {
    List(Vec<u64>),
    Run { from: u64, count: u64 },
}

impl Seeds {
    /// The number of consecutive seeds from which on they are written by their ends.
    const LONG: usize = 20;
}

impl From<Vec<u64>> for Seeds {
    fn from(seeds: Vec<u64>) -> Seeds {
        let is_run = seeds.is_sorted_by(|a, b| a.checked_add(1) == Some(*b));
        match seeds.first() {
            Some(&from) if is_run && seeds.len() >= Seeds::LONG => {
                Seeds::Run { from, count: seeds.len() as u64 }
            }
            _ => Seeds::List(seeds),
        }
    }
}

impl TryFrom<Seeds> for Vec<u64> {
    type Error = String;

    fn try_from(seeds: Seeds) -> Result<Vec<u64>, String> {
        match seeds {
            Seeds::List(seeds) => Ok(seeds),
            Seeds::Run { from, count } => run_of_seeds(from, count),
        }
    }
}

/// The most seeds that a run can have: more would not be a study of small networks, but of memory.
pub(crate) const MAX_SEEDS: u64 = 10_000_000;

/// `count` seeds from `from` on.
pub(crate) fn run_of_seeds(from: u64, count: u64) -> Result<Vec<u64>, String> {
    if !(1..=MAX_SEEDS).contains(&count) {
        return Err(format!("{count} seeds: expected 1 to {MAX_SEEDS}"));
    }
    let end = from.checked_add(count - 1);
    let end =
        end.ok_or_else(|| format!("{count} seeds from {from}: expected at most {}", u64::MAX))?;
    Ok((from..=end).collect())
}

impl From<Settings> for Form {
    fn from(settings: Settings) -> Form {
        fn one_or_all<T: Clone>(all: Vec<T>) -> (Option<T>, Option<Vec<T>>) {
            match &all[..] {
                [one] => (Some(one.clone()), None),
                _ => (None, Some(all)),
            }
        }
        let (rule, rules) = one_or_all(settings.rules);
        let (formalism, formalisms) = one_or_all(settings.formalisms);
        let state = settings.states.single().cloned();
        Form {
            topologies: settings.topologies,
            sizes: settings.sizes,
            seeds: settings.seeds.into(),
            random_seeds: Some(settings.random_seeds).filter(|it| !it.is_empty()).map(Seeds::from),
            rule,
            rules,
            states: state.is_none().then_some(settings.states),
            state,
            estimator: settings.estimator,
            other_estimators: settings.other_estimators,
            formalism,
            formalisms,
            exact: settings.exact,
            networks: settings.networks,
            tie_orders: settings.tie_orders,
        }
    }
}

impl TryFrom<Form> for Settings {
    type Error = String;

    fn try_from(form: Form) -> Result<Settings, String> {
        fn all<T>(what: &str, one: Option<T>, all: Option<Vec<T>>) -> Result<Vec<T>, String> {
            match (one, all) {
                (Some(one), None) => Ok(vec![one]),
                (None, Some(all)) => Ok(all),
                (None, None) => Err(format!("missing field `{what}`")),
                (Some(_), Some(_)) => Err(format!("both {what} and {what}s: expected one of them")),
            }
        }
        let state = form.state.map(|it| States::Patterns(vec![it]));
        let states = all("state", state, form.states.map(|it| vec![it]))?;
        Ok(Settings {
            topologies: form.topologies,
            sizes: form.sizes,
            seeds: form.seeds.try_into()?,
            random_seeds: form.random_seeds.map_or(Ok(Vec::new()), Vec::try_from)?,
            rules: all("rule", form.rule, form.rules)?,
            states: states.into_iter().next().expect("one"),
            estimator: form.estimator,
            other_estimators: form.other_estimators,
            formalisms: all("formalism", form.formalism, form.formalisms)?,
            exact: form.exact,
            networks: form.networks,
            tie_orders: form.tie_orders,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    fn bits(bits: &[u8]) -> States {
        States::Patterns(vec![StatePattern::Bits(bits.to_vec())])
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
            Settings { rules: vec![Rule::Logistic { gain: f64::NAN }], ..default() },
            "gain NaN: expected a finite number",
        );
        check_refused(
            Settings { states: bits(&[1, 0, 0, 0, 0]), ..default() },
            "state 10000 has 5 units, but the sizes include 6: expected one digit for each unit",
        );
    }

    #[test]
    fn differences_are_named() {
        let mine = Settings::default();
        assert_eq!(mine.differences(&mine), Vec::<String>::new());
        let theirs = Settings {
            sizes: vec![5],
            rules: vec![Rule::Logistic { gain: 2.0 }],
            ..Settings::default()
        };
        assert_eq!(
            mine.differences(&theirs),
            ["sizes: 5, 6, 7, 8, not 5", "rule: majority, not logistic with gain 2"]
        );
    }

    #[test]
    fn settings_survive_json() {
        let settings = Settings {
            rules: vec![Rule::Logistic { gain: 0.1 + 0.2 }],
            seeds: vec![u64::MAX],
            states: bits(&[1, 0, 0, 0, 0]),
            sizes: vec![5],
            ..Settings::default()
        };
        let text = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
    }

    #[test]
    fn settings_of_one_case_are_written_as_ever() {
        let text = serde_json::to_string(&Settings::default()).unwrap();
        assert_eq!(
            text,
            r#"{"topologies":["Dense","Star","Ring","Line","BinaryTree","Lattice","Modular","Random"],"sizes":[5,6,7,8],"seeds":[42,123,456,789,999],"rule":{"name":"majority"},"state":"off","estimator":"hdc","formalism":"iit3","tie_orders":32}"#
        );
        assert!(!Settings::default().has_cases());
        // As runs have them that were begun before there were ranges.
        let old = text.replace(",\"tie_orders\":32", "");
        let old: Settings = serde_json::from_str(&old).unwrap();
        assert_eq!(old, Settings { tie_orders: 0, ..Settings::default() });
        for (field, message) in [
            (",\"rule\":{\"name\":\"majority\"}", "missing field `rule`"),
            (",\"formalism\":\"iit3\"", "missing field `formalism`"),
            ("\"seeds\":[42,123,456,789,999],", "missing field `seeds`"),
        ] {
            let error = serde_json::from_str::<Settings>(&text.replace(field, "")).unwrap_err();
            assert!(error.to_string().starts_with(message), "{error}");
        }
        let both = text.replace("\"state\":\"off\"", "\"state\":\"off\",\"states\":\"all\"");
        let error = serde_json::from_str::<Settings>(&both).unwrap_err().to_string();
        assert!(error.starts_with("both state and states"), "{error}");
    }

    /// Settings of every kind that can be written.
    fn wide() -> Settings {
        let tables = Tables::new(
            vec![vec![0.0, 0.25], vec![1.0, 0.0], vec![0.5; 2], vec![1.0; 2]],
            vec![vec![1; 2]; 2],
        );
        let tables = Arc::new(tables.unwrap());
        let own = |name: &str, states| FileNetwork {
            name: name.parse().unwrap(),
            states,
            tables: Arc::clone(&tables),
        };
        Settings {
            random_seeds: (7..1007).collect(),
            rules: vec![Rule::Xor, Rule::Logistic { gain: 0.1 }],
            states: States::Sampled { count: 3, seed: 9 },
            other_estimators: vec!["spectral".to_owned()],
            formalisms: Formalism::ALL.to_vec(),
            networks: vec![own("b", States::Reachable), own("a", States::All)],
            ..Settings::default()
        }
    }

    #[test]
    fn settings_of_many_cases_survive_json() {
        let settings = wide().canonical().unwrap();
        assert_eq!(settings.networks[0].name.to_string(), "a");
        let json = serde_json::to_value(&settings).unwrap();
        assert_eq!(json["random_seeds"], serde_json::json!({"from": 7, "count": 1000}));
        assert_eq!(json["states"], serde_json::json!({"sampled": 3, "seed": 9}));
        assert_eq!(json["rules"][1]["gain"], 0.1);
        assert_eq!(json["networks"][0]["states"], "all");
        assert_eq!(serde_json::from_value::<Settings>(json).unwrap(), settings);
        let states = [States::All, States::Reachable, bits(&[1, 0])];
        for states in states {
            let json = serde_json::to_string(&states).unwrap();
            assert_eq!(serde_json::from_str::<States>(&json).unwrap(), states);
        }
        assert!(serde_json::from_str::<States>("\"some\"").is_err());
        assert!(
            serde_json::from_str::<Settings>(
                &serde_json::to_string(&settings).unwrap().replace("0.25", "1.25")
            )
            .is_err()
        );
    }

    #[test]
    fn what_makes_no_difference_is_none() {
        let canonical = |settings: Settings| settings.canonical().unwrap();
        // Random is not asked for; it has the same seeds; there is nothing but networks from files.
        let ring = Settings { topologies: vec![Topology::Ring], ..Settings::default() };
        let other = Settings { random_seeds: vec![7], ..ring.clone() };
        assert_eq!(canonical(other), canonical(ring));
        let same = Settings { random_seeds: Settings::SEEDS.to_vec(), ..Settings::default() };
        assert_eq!(canonical(same), canonical(Settings::default()));
        let own = Settings { topologies: vec![], sizes: vec![], ..wide() };
        let other =
            Settings { rules: vec![], states: States::All, random_seeds: vec![], ..own.clone() };
        assert_eq!(canonical(own), canonical(other));
        let zero = |gain| Settings { rules: vec![Rule::Logistic { gain }], ..Settings::default() };
        assert_eq!(canonical(zero(-0.0)), canonical(zero(0.0)));
        let iit4 = Settings { formalisms: vec![Formalism::Iit4_2023], ..Settings::default() };
        assert_eq!(canonical(iit4).tie_orders, 0);
    }

    #[test]
    fn differences_of_many_cases_are_named() {
        let mine = wide().canonical().unwrap();
        let mut theirs = mine.clone();
        theirs.random_seeds.pop();
        theirs.states = States::All;
        theirs.networks[1].states = States::All;
        theirs.formalisms.truncate(1);
        theirs.other_estimators.clear();
        assert_eq!(
            mine.differences(&theirs),
            [
                "random seeds: 7 to 1006, not 7 to 1005",
                "state: 3 reachable ones sampled with seed 9, not all",
                "other estimators: spectral, not all",
                "formalism: iit3, iit4-2023, iit4-2026, iit4-2026-paper, not iit3",
                "own networks: a, b, not a, b (of another content)",
            ]
        );
    }

    #[test]
    fn mistakes_in_many_cases_are_refused() {
        let wide = || wide();
        check_refused(
            Settings { rules: vec![Rule::Xor, Rule::Xor], ..wide() },
            "rule xor is listed twice",
        );
        // However 0 is written, a row of it is one row.
        check_refused(
            Settings { rules: [0.0, -0.0].map(|gain| Rule::Logistic { gain }).to_vec(), ..wide() },
            "rule logistic with gain 0 is listed twice",
        );
        check_refused(Settings { rules: vec![], ..wide() }, "no rules: expected at least one rule");
        check_refused(
            Settings { states: States::Patterns(vec![]), ..wide() },
            "no states: expected at least one state",
        );
        check_refused(
            Settings { states: States::Sampled { count: 0, seed: 1 }, ..wide() },
            "sampled 0 states: expected at least 1 of each network",
        );
        check_refused(
            Settings { topologies: vec![Topology::Own], ..wide() },
            "unknown topology \"Own\": expected one of Dense, Star, Ring, Line, BinaryTree, \
             Lattice, \
             Modular, Random",
        );
        let mut twice = wide();
        twice.networks[0].name = twice.networks[1].name;
        check_refused(twice, "network a is listed twice");
        let mut misfit = wide();
        misfit.networks[1].states = bits(&[1, 0, 1]);
        check_refused(
            misfit,
            "state 101 has 3 units, but the network has 2: expected one digit for each unit",
        );
        let run = |from, count| run_of_seeds(from, count).unwrap_err();
        assert_eq!(run(1, 0), "0 seeds: expected 1 to 10000000");
        assert_eq!(
            run(u64::MAX, 2),
            "2 seeds from 18446744073709551615: expected at most 18446744073709551615"
        );
    }
}
