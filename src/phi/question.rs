//! Questions about networks of one's own, and the answers in the order of the input.
//!
//! If a single network in one state is invalid, that is an error. In a list, JSON lines, or several
//! states, each network that can be analysed is, and the others get a record that says what is
//! wrong with them.

use std::io::{self, Write};
use std::str::FromStr;
use std::sync::OnceLock;

use serde::Serialize;

use crate::engine::exact::{
    CheckedNetwork, ComplexesRecord, Cut, Direction, Engine, Entry, Form, Input, Listing,
    MechanismRecord, OwnNetwork, PartDirection, PhiComplexesRecord, PhiPurviewRecord, PhiRecord,
    PhiStructureRecord, PurviewRecord, Rejected, Rules, Scope, SpectrumRules, States,
    SystemPartition, SystemRecord, UnitName, sizes,
};
use crate::engine::grains::{AskedGrain, Grains, GrainsRecord};
use crate::engine::intrinsic::{AskedUnits, IntrinsicUnitsRecord, UnitBounds};
use crate::engine::steps::{Detail, Steps};
use crate::error::Error;
use crate::phi::answers::{self, Failure};
use crate::phi::{Names, complexes_text, grains, intrinsic, mechanism, structure, text, values_of};
use crate::suite::Settings;

/// Networks, and what is asked of them.
#[derive(Debug)]
pub struct Question {
    input: Input,
    /// The result of checking each network, once it is known.
    checked: Vec<OnceLock<Result<CheckedNetwork, Rejected>>>,
    /// The name of the file in errors.
    place: String,
    scope: Scope,
    /// Count tied choices over all cuts, whatever the size, and give all Φ that ties allow.
    ties: Option<SpectrumRules>,
    /// IIT 4.0 by these rules instead of IIT 3.0.
    iit4: Option<Rules>,
    /// A mechanism of the system, instead of the whole of it.
    mechanism: Option<MechanismUnits>,
    /// A cut of the system, instead of the one that takes least.
    cut: Option<CutUnits>,
    /// IIT 4.0: which relations are listed.
    relations: Listing,
    /// A macro system instead: on one grain, or on the one of these that has the largest Φ.
    grains: Option<(Option<AskedGrain>, Grains)>,
    /// Intrinsic units of IIT 4.0 instead, within these bounds; and whether given ones are judged.
    units: Option<(UnitBounds, bool)>,
    /// The display of how many networks of many are done.
    detail: Detail,
}

/// A mechanism, and what of it is asked for.
#[derive(Debug, Clone)]
pub struct MechanismUnits {
    /// Its units.
    pub mechanism: Vec<UnitName>,
    /// Units of one purview; `None` for all purviews with φ > 0.
    pub purview: Option<Vec<UnitName>>,
    /// Causes, effects, or both.
    pub directions: Vec<Direction>,
}

/// A cut that severs the connections from some units to the others; or, under IIT 4.0, a partition
/// in any number of parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutUnits {
    /// With what is cut of each part.
    parts: Vec<(Vec<UnitName>, PartDirection)>,
    /// It was given with an arrow.
    is_directed: bool,
}

impl FromStr for CutUnits {
    type Err = String;

    /// `A,B -> C`, with `→` as well; `A | B in | C out`.
    fn from_str(text: &str) -> Result<CutUnits, String> {
        let arrow = text.split_once("->").or_else(|| text.split_once('→'));
        let parts: Vec<_> = match arrow {
            Some((from, to)) => vec![
                (UnitName::parse_list(from), PartDirection::OutputsCut),
                (UnitName::parse_list(to), PartDirection::InputsCut),
            ],
            None => text.split('|').map(part).collect(),
        };
        if parts.iter().any(|(units, _)| units.is_empty()) || parts.len() < 2 {
            return Err(format!(
                "{text:?}, expected the units on both sides of an arrow: A,B -> C; or, under IIT \
                 4.0, parts: A | B in | C out"
            ));
        }
        Ok(CutUnits { parts, is_directed: arrow.is_some() })
    }
}

/// The units of a part, and which of its connections are cut: `A,B`, `A,B in`, `A,B out`.
fn part(text: &str) -> (Vec<UnitName>, PartDirection) {
    let cut_one_way = |word: &str| text.trim_end().strip_suffix(word)?.strip_suffix(' ');
    let (units, direction) = match (cut_one_way("in"), cut_one_way("out")) {
        (Some(units), _) => (units, PartDirection::InputsCut),
        (_, Some(units)) => (units, PartDirection::OutputsCut),
        _ => (text, PartDirection::Both),
    };
    (UnitName::parse_list(units), direction)
}

impl CutUnits {
    fn of(&self, network: &OwnNetwork) -> Result<Cut, Error> {
        let ([(from, _), (to, _)], true) = (self.parts.as_slice(), self.is_directed) else {
            let message = "--cut in parts with iit3: expected two parts and an arrow, \"A,B -> C\"";
            return Err(Error::Settings(message.to_owned()));
        };
        network.cut(network.units(from, "cut")?, network.units(to, "cut")?)
    }

    fn partition(&self, network: &OwnNetwork) -> Result<SystemPartition, Error> {
        let part = |(units, direction): &(Vec<UnitName>, PartDirection)| {
            Ok((network.units(units, "cut")?, *direction))
        };
        let parts = self.parts.iter().map(part).collect::<Result<_, Error>>()?;
        Ok(SystemPartition { parts })
    }
}

/// A network in one of its states; or, where the network is wrong, that.
#[derive(Debug, Clone)]
struct Item {
    entry: usize,
    state: Vec<u8>,
}

/// The outcome for an item.
enum Outcome {
    Answer(Answer),
    /// Nothing to be said of: a state that the network cannot be in, where only reachable ones are
    /// asked for.
    Passed,
    /// It has no answer.
    Refused(Refusal),
    /// It has no answer, and nothing after it will have one.
    Stopped(Error),
}

/// The answer for one network.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Answer {
    System(Box<PhiRecord>),
    Complexes(Box<ComplexesRecord>),
    PhiS(Box<SystemRecord>),
    Mechanism(MechanismRecord<PurviewRecord>),
    PhiMechanism(MechanismRecord<PhiPurviewRecord>),
    PhiStructure(Box<PhiStructureRecord>),
    PhiComplexes(PhiComplexesRecord),
    Grains(Box<GrainsRecord>),
    Units(Box<IntrinsicUnitsRecord>),
}

/// Writes the answer of an item, or why it has none.
type WriteAnswer<'a> = dyn FnMut(&Item, Result<&Answer, &Refusal>) -> io::Result<()> + 'a;

/// The record that stands in the place of an answer.
#[derive(Debug, Clone, Serialize)]
struct Refusal {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The number of the network in the file, from 0.
    record: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    state: Vec<u8>,
    error: String,
    /// It is no mistake of the file's.
    #[serde(skip)]
    is_expected: bool,
}

/// Up to this many units a problem is too small to keep all threads busy: several are solved at
/// once.
const SMALL: usize = 8;

/// Number of networks that are solved before their answers are written.
const CHUNK: usize = 256;

impl Question {
    /// Up to this many states, those of 6 units with two values, `purview_ties` is counted without
    /// being asked for: it is cheap there.
    pub const TIES_UP_TO: u64 = 1 << 6;

    /// A question about networks that come from `place`. With `ties`, choices tied over all cuts
    /// are counted for networks of any size, for which every cut is evaluated in full, and of a
    /// system all Φ that ties allow are given. With `iit4`, the answer is that of IIT 4.0.
    ///
    /// # Errors
    /// [`Error::Network`] if there is one network, in one state, and it cannot be analysed; or if
    /// none can be read.
    pub fn new(
        input: Input,
        place: &str,
        scope: Scope,
        ties: Option<SpectrumRules>,
        iit4: Option<Rules>,
    ) -> Result<Question, Error> {
        let place = place.to_owned();
        let checked = input.networks.iter().map(|_| OnceLock::new()).collect();
        let question = Question {
            input,
            checked,
            place,
            scope,
            ties,
            iit4,
            mechanism: None,
            cut: None,
            relations: Listing::None,
            grains: None,
            units: None,
            detail: Detail::default(),
        };
        let is_hopeless = question.input.networks.iter().all(|it| it.record.is_err());
        if question.is_single() || is_hopeless {
            question.networks().next().expect("there is one")?;
        }
        Ok(question)
    }

    /// The same question, telling `detail` how many networks are done.
    #[must_use]
    pub fn telling(mut self, detail: Detail) -> Question {
        self.detail = detail;
        self
    }

    /// The same about one mechanism of each system.
    #[must_use]
    pub fn of_mechanism(mut self, mechanism: MechanismUnits) -> Question {
        self.mechanism = Some(mechanism);
        self
    }

    /// The same under one cut of each system, or under IIT 4.0 one partition.
    #[must_use]
    pub fn under(mut self, cut: Option<CutUnits>) -> Question {
        self.cut = cut;
        self
    }

    /// The same with these relations of each Φ-structure listed.
    #[must_use]
    pub fn listing_relations(mut self, relations: Listing) -> Question {
        self.relations = relations;
        self
    }

    /// The same on one grain; or, without one, on all of these.
    #[must_use]
    pub fn on_grains(mut self, asked: Option<AskedGrain>, searched: Grains) -> Question {
        self.grains = Some((asked, searched));
        self
    }

    /// The intrinsic units of the file instead, each judged if it `has_validity`; or those within
    /// these bounds.
    #[must_use]
    pub fn of_units(mut self, bounds: UnitBounds, has_validity: bool) -> Question {
        self.units = Some((bounds, has_validity));
        self
    }

    /// Returns the notes on guesses, conversions and ignored fields in reading, each once.
    pub fn notes(&self) -> Vec<String> {
        answers::notes(&self.input, &self.place)
    }

    /// All that is said of the one network in its one state, in words that differ if it does; none
    /// if there are several.
    pub fn identity(&self) -> Option<String> {
        let item = self.items().next().filter(|_| self.is_single())?;
        let network = self.network(&item).ok()?.to_json();
        let Entry { units, history, .. } = &self.input.networks[item.entry];
        Some(format!("{network} {units:?} {history:?}"))
    }

    /// One network in one state.
    fn is_single(&self) -> bool {
        let states = &self.input.networks[0].states;
        self.input.form == Form::One
            && matches!(states, States::Listed(states) if states.len() <= 1)
    }

    /// Each network in each of its states. They are many, and made when they are asked for.
    fn items(&self) -> impl Iterator<Item = Item> + '_ {
        self.input.networks.iter().enumerate().flat_map(|(entry, it)| {
            (0..n_items(it)).map(move |number| {
                let state = match &it.states {
                    _ if it.record.is_err() => Vec::new(),
                    States::Listed(states) => states[number].clone(),
                    States::All | States::Reachable => {
                        let record = it.record.as_ref().expect("looked at before");
                        values_of(number, &sizes(record)).collect()
                    }
                };
                Item { entry, state }
            })
        })
    }

    /// The number of networks, each counted in each of its states.
    pub fn len(&self) -> usize {
        self.input.networks.iter().map(n_items).sum()
    }

    /// `true` if there are none.
    pub fn is_empty(&self) -> bool {
        self.input.networks.is_empty()
    }

    /// The networks in their states, checked.
    ///
    /// # Errors
    /// [`Error::Network`] for each that cannot be analysed.
    pub fn networks(&self) -> impl Iterator<Item = Result<OwnNetwork, Error>> + '_ {
        self.items().map(|item| self.network(&item).map_err(|refusal| self.as_error(&refusal)))
    }

    fn network(&self, item: &Item) -> Result<OwnNetwork, Refusal> {
        let entry = &self.input.networks[item.entry];
        let refusal = |name: Option<&String>, error: String, is_expected| Refusal {
            name: name.cloned(),
            record: item.entry,
            state: item.state.clone(),
            error,
            is_expected,
        };
        let record = match &entry.record {
            Ok(record) => record,
            Err(error) => return Err(refusal(None, error.to_string(), false)),
        };
        let (scope, iit4) = (self.scope, self.iit4);
        let checked = self.checked[item.entry]
            .get_or_init(|| CheckedNetwork::new(record.clone(), scope, iit4))
            .as_ref()
            .map_err(Rejected::clone);
        let network = checked.and_then(|it| OwnNetwork::new(it, &item.state, scope, iit4));
        network.map_err(|rejected| {
            let is_listed = matches!(entry.states, States::Listed(_));
            let is_expected = rejected.is_unreachable && !is_listed;
            refusal(record.name.as_ref(), rejected.message, is_expected)
        })
    }

    fn as_error(&self, refusal: &Refusal) -> Error {
        let Refusal { name, record, error, .. } = refusal;
        let place = answers::record_place(&self.place, self.input.form, *record, name.as_ref());
        Error::Network { place, message: error.clone() }
    }

    /// Writes Φ and structure of each network for a person. Concepts are in a table; in blocks,
    /// where that is wider than `width`, if there is a width.
    ///
    /// # Errors
    /// [`Failure`]; the answers before it are written.
    pub fn answer_text(
        &self,
        engine: &Engine,
        width: Option<usize>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let mut is_first = true;
        self.answer(engine, &|_| self.ties.is_some(), &mut |item, outcome| {
            let record = self.input.networks[item.entry].record.as_ref().ok();
            let names = Names::of(record);
            let labels = names.labels;
            let answer = match outcome {
                Ok(Answer::System(answer)) => text(answer, names, width),
                Ok(Answer::Complexes(answer)) => complexes_text(answer, names, width),
                Ok(Answer::PhiS(answer)) => {
                    structure::system_text(answer, names, self.cut.is_some())
                }
                Ok(Answer::Mechanism(answer)) => mechanism::text(answer, names, self.has_purview()),
                Ok(Answer::PhiMechanism(answer)) => {
                    mechanism::iit4_text(answer, names, self.has_purview())
                }
                Ok(Answer::PhiStructure(answer)) => structure::text(answer, names),
                Ok(Answer::PhiComplexes(answer)) => structure::complexes_text(answer, names),
                Ok(Answer::Grains(answer)) => grains::text(answer, labels, width),
                Ok(Answer::Units(answer)) => intrinsic::text(answer, labels),
                Err(refusal) if refusal.state.is_empty() => {
                    format!("{}\n", self.as_error(refusal))
                }
                Err(refusal) => {
                    format!(
                        "{}, in state {}\n",
                        self.as_error(refusal),
                        names.state(&refusal.state)
                    )
                }
            };
            answers::block(out, &mut is_first, &answer)
        })
    }

    /// Writes the answers as JSON, a line each: an object; a list for a list, or for several
    /// states; lines for lines.
    ///
    /// # Errors
    /// [`Failure`]; the answers before it are written, and the list is closed.
    pub fn answer_json(&self, engine: &Engine, out: &mut dyn Write) -> Result<(), Failure> {
        let is_list = self.input.form != Form::Lines && !self.is_single();
        let counts_ties = |n_states| self.ties.is_some() || n_states <= Question::TIES_UP_TO;
        answers::json(out, is_list, |lines| {
            self.answer(engine, &counts_ties, &mut |_, outcome| match outcome {
                Ok(answer) => lines.write(answer),
                Err(refusal) => lines.write(refusal),
            })
        })
    }

    /// Tells `write` the answer of every item, or why it has none, in their order.
    fn answer(
        &self,
        engine: &Engine,
        counts_ties: &(dyn Fn(u64) -> bool + Sync),
        write: &mut WriteAnswer<'_>,
    ) -> Result<(), Failure> {
        let total = self.len();
        let (mut done, mut refused) = (0, 0);
        let mut items = self.items();
        let is_small = |it: &Item| {
            let entry = &self.input.networks[it.entry];
            entry.record.as_ref().map_or(0, |it| it.cm.len()) <= SMALL
        };
        let mut chunk: Vec<Item> = Vec::new();
        loop {
            let next = items.next();
            let is_full = chunk.len() == CHUNK
                || chunk.last().is_some_and(|it| !is_small(it))
                || next.as_ref().is_some_and(|it| !is_small(it));
            if (is_full || next.is_none()) && !chunk.is_empty() {
                let outcomes = match chunk.as_slice() {
                    [item] => vec![self.outcome(engine, item, counts_ties)],
                    several => {
                        let outcome =
                            |engine: &Engine, item: &Item| self.outcome(engine, item, counts_ties);
                        engine.batch(several, outcome).map_err(Failure::Study)?
                    }
                };
                for (item, outcome) in chunk.drain(..).zip(outcomes) {
                    match outcome {
                        Outcome::Answer(answer) => write(&item, Ok(&answer))?,
                        Outcome::Passed => {}
                        Outcome::Refused(refusal) => {
                            refused += usize::from(!refusal.is_expected);
                            write(&item, Err(&refusal))?;
                        }
                        Outcome::Stopped(Error::Interrupted(_)) => {
                            let so_far = format!(": {done} of {total} networks were analysed");
                            return Err(Failure::Study(Error::Interrupted(so_far)));
                        }
                        Outcome::Stopped(error) => return Err(Failure::Study(error)),
                    }
                    done += 1;
                }
                if total > 1 {
                    self.detail.set(Some(Steps {
                        what: "networks",
                        done: done as u64,
                        total: total as u64,
                        best: None,
                        remaining: None,
                    }));
                }
            }
            let Some(item) = next else { break };
            chunk.push(item);
        }
        match refused {
            0 => Ok(()),
            n => {
                Err(Failure::Study(Error::Refused { place: self.place.clone(), refused: n, total }))
            }
        }
    }

    fn outcome(
        &self,
        engine: &Engine,
        item: &Item,
        counts_ties: &(dyn Fn(u64) -> bool + Sync),
    ) -> Outcome {
        let network = match self.network(item) {
            Ok(network) => network,
            Err(refusal)
                if refusal.is_expected
                    && self.input.networks[item.entry].states == States::Reachable =>
            {
                return Outcome::Passed;
            }
            Err(refusal) => return Outcome::Refused(refusal),
        };
        if engine.is_cancelled() {
            return Outcome::Stopped(Error::Interrupted(String::new()));
        }
        let has_ties = counts_ties(network.n_states());
        match self.analyse(engine, item, &network, has_ties) {
            Ok(answer) => Outcome::Answer(answer),
            Err(error @ (Error::Network { .. } | Error::Memory { .. })) if !self.is_single() => {
                Outcome::Refused(Refusal {
                    name: None,
                    record: item.entry,
                    state: item.state.clone(),
                    error: error.to_string(),
                    is_expected: false,
                })
            }
            Err(error) => Outcome::Stopped(error),
        }
    }

    fn has_purview(&self) -> bool {
        self.mechanism.as_ref().is_some_and(|it| it.purview.is_some())
    }

    fn mechanism(
        &self,
        engine: &Engine,
        network: &OwnNetwork,
        asked: &MechanismUnits,
    ) -> Result<Answer, Error> {
        let mechanism = network.units(&asked.mechanism, "mechanism")?;
        let purview = asked.purview.as_ref().map(|it| network.units(it, "purview")).transpose()?;
        let cut = self.cut.as_ref().map(|it| it.of(network)).transpose()?;
        let directions = &asked.directions;
        match self.iit4 {
            None => engine
                .mechanism(network, mechanism, purview, directions, cut)
                .map(Answer::Mechanism),
            Some(rules) => engine
                .phi_mechanism(network, rules, mechanism, purview, directions)
                .map(Answer::PhiMechanism),
        }
    }

    fn analyse(
        &self,
        engine: &Engine,
        item: &Item,
        network: &OwnNetwork,
        count_ties: bool,
    ) -> Result<Answer, Error> {
        if let Some(asked) = &self.mechanism {
            return self.mechanism(engine, network, asked);
        }
        if let (Some((bounds, has_validity)), Some(rules)) = (self.units, self.iit4) {
            let entry = &self.input.networks[item.entry];
            if entry.record.as_ref().is_ok_and(|it| it.nodes.is_some()) {
                let message = "nodes: with intrinsic units, expected units instead".to_owned();
                return Err(Error::Network { place: network.place(), message });
            }
            let (units, history) = (entry.units.as_deref(), entry.history.as_deref());
            let asked = AskedUnits { units, history, bounds, has_validity, rules };
            let answer = engine.intrinsic_units(network, asked);
            return answer.map(|it| Answer::Units(Box::new(it)));
        }
        if let Some((asked, searched)) = &self.grains {
            let answer = match asked {
                Some(asked) => engine.on_grain(network, asked),
                None => engine.search_grains(network, searched, network.has_nodes()),
            };
            return answer.map(|it| Answer::Grains(Box::new(it)));
        }
        if let Some(cut) = &self.cut {
            return match self.iit4 {
                None => {
                    let answer = engine.under_cut(network, cut.of(network)?);
                    answer.map(|it| Answer::System(Box::new(it)))
                }
                Some(rules) => {
                    let answer = engine.under_partition(network, &cut.partition(network)?, rules);
                    answer.map(|it| Answer::PhiS(Box::new(it)))
                }
            };
        }
        match (self.scope, self.iit4) {
            (Scope::System, None) => {
                let answer = engine.analyse(network, count_ties, self.ties, Settings::TIE_ORDERS);
                answer.map(|it| Answer::System(Box::new(it)))
            }
            (Scope::SystemAlone, None) => panic!("φ_s is a question about IIT 4.0"),
            (Scope::SystemAlone, Some(rules)) => {
                engine.phi_s(network, rules).map(|it| Answer::PhiS(Box::new(it)))
            }
            (Scope::Complexes, None) => {
                let has_ranges = count_ties || network.n_all_states() <= Question::TIES_UP_TO;
                let answer = engine.complexes(network, count_ties, has_ranges);
                answer.map(|it| Answer::Complexes(Box::new(it)))
            }
            (Scope::System, Some(rules)) => {
                let has_spectrum = self.ties.is_some();
                let answer = engine.phi_structure(network, rules, has_spectrum, self.relations);
                answer.map(|it| Answer::PhiStructure(Box::new(it)))
            }
            (Scope::Complexes, Some(rules)) => {
                engine.phi_complexes(network, rules).map(Answer::PhiComplexes)
            }
        }
    }
}

/// Number of items of one network. One that is wrong is said to be so once.
fn n_items(entry: &Entry) -> usize {
    match (&entry.record, &entry.states) {
        (Err(_), _) => 1,
        (Ok(_), States::Listed(states)) => states.len(),
        (Ok(record), States::All | States::Reachable) => sizes(record).iter().product(),
    }
}
