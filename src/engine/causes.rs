//! Actual causation by `pyphi-core`: what caused what in transitions of networks from files.

use std::sync::Arc;
use std::time::Instant;

use pyphi_core::causation::record::background;
pub use pyphi_core::causation::record::{
    AccountRecord, CandidateRecord, EventRecord, IrreducibilityRecord, LinkRecord,
    NexusTransitionRecord,
};
use pyphi_core::causation::{self, Transition, predicted_bytes_of, predicted_bytes_of_nexus};
pub use pyphi_core::causation::{Background, Scheme};
pub use pyphi_core::input::AskedTransition;
pub use pyphi_core::record::ValuesRecord;
use pyphi_core::{
    Direction, Options, State, StopReason, major_complex, memory_needed_of_complexes,
};
use serde::Serialize;

use crate::engine::exact::{Engine, NetworkRecord, UnitName, UnitSet, ended, named_units, stopped};
use crate::error::Error;

/// A transition of a network from a file, checked and ready to be analysed.
#[derive(Debug, Clone)]
pub struct OwnTransition {
    /// The name of the transition in errors.
    place: String,
    record: Arc<NetworkRecord>,
    network: Arc<pyphi_core::Network>,
    before: State,
    after: State,
    cause: UnitSet,
    effect: UnitSet,
    rules: CausalRules,
}

/// The rules for an analysis of a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CausalRules {
    /// The treatment of units that are not considered before.
    pub background: Background,
    /// The partitions that are tried.
    pub scheme: Scheme,
}

/// The nexus of a pair of states, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NexusRecord {
    /// Name of the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The number of values of each unit, and their names.
    #[serde(flatten)]
    pub values: ValuesRecord,
    /// State of the whole network before.
    pub before: Vec<u8>,
    /// State of the whole network after.
    pub after: Vec<u8>,
    /// `fixed` or `noise`.
    pub background: String,
    /// The partitions tried.
    pub scheme: String,
    /// The parts of the transition with 𝒜 > 0, the largest first: the first is the causal nexus.
    pub nexus: Vec<NexusTransitionRecord>,
}

/// The events in three successive states, as JSON has them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventsRecord {
    /// Name of the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The number of values of each unit, and their names.
    #[serde(flatten)]
    pub values: ValuesRecord,
    /// State of the whole network in which causes are.
    pub previous: Vec<u8>,
    /// State of the whole network in which occurrences are.
    pub current: Vec<u8>,
    /// State of the whole network in which effects are.
    pub next: Vec<u8>,
    /// Units of the complex.
    pub nodes: Vec<usize>,
    /// `true` if causes and effects are looked for among all units.
    pub extrinsic: bool,
    /// `fixed` or `noise`.
    pub background: String,
    /// The partitions tried.
    pub scheme: String,
    /// Φ of the complex by IIT 3.0; absent if its units were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phi: Option<f64>,
    /// The occurrences with their causes and effects.
    pub events: Vec<EventRecord>,
}

impl OwnTransition {
    /// The transition that is asked about of a network as it was read. `place` is what it is called
    /// in errors.
    ///
    /// # Errors
    /// [`Error::Network`] that says what is wrong, where, and what was expected.
    pub fn new(
        record: &NetworkRecord,
        asked: &AskedTransition,
        rules: CausalRules,
        place: String,
    ) -> Result<OwnTransition, Error> {
        let refuse = |message| Error::Network { place: place.clone(), message };
        OwnTransition::read(record, asked, rules, place.clone()).map_err(refuse)
    }

    fn read(
        record: &NetworkRecord,
        asked: &AskedTransition,
        rules: CausalRules,
        place: String,
    ) -> Result<OwnTransition, String> {
        let network = record.network().map_err(|it| it.to_string())?;
        let state = |asked: &Option<Vec<u8>>, name: &str| {
            let missing = || format!("{name}: missing, expected a state of the network");
            let values = asked.as_ref().ok_or_else(missing)?;
            network.state(values).map_err(|error| error.at(name).to_string())
        };
        let (before, after) = (state(&asked.before, "before")?, state(&asked.after, "after")?);
        let units = |names: &Option<Vec<UnitName>>, field: &str| match names {
            None => Ok(network.units()),
            Some(names) => {
                let expected = format!("a unit from 0 to {}", network.n_units() - 1);
                named_units(names, record.labels.as_deref(), field, network.units(), &expected)
            }
        };
        let (cause, effect) = (units(&asked.cause, "cause")?, units(&asked.effect, "effect")?);
        let (record, network) = (Arc::new(record.clone()), Arc::new(network));
        Ok(OwnTransition { place, record, network, before, after, cause, effect, rules })
    }

    /// Adds the place to an error about the transition.
    pub(crate) fn wrong(&self, error: &pyphi_core::Error) -> Error {
        Error::Network { place: self.place.clone(), message: error.to_string() }
    }

    fn transition(&self) -> Result<Transition, Error> {
        let OwnTransition { network, before, after, cause, effect, rules, .. } = self;
        Transition::of_shared(network, *before, *after, *cause, *effect, rules.background)
            .map_err(|error| self.wrong(&error))
    }

    /// The names of the units, if the file gives them.
    pub fn labels(&self) -> Option<&[String]> {
        self.record.labels.as_deref()
    }

    /// The names of the values of each unit, if the file gives them.
    pub fn value_names(&self) -> Option<&[Vec<String>]> {
        self.record.values.as_deref()
    }

    /// The name of the network, if the file gives it.
    pub fn name(&self) -> Option<&str> {
        self.record.name.as_deref()
    }
}

impl Engine {
    /// The account of a transition with its 𝒜, and with all candidates if it `has_candidates`.
    ///
    /// # Errors
    /// [`Error::Network`] if the transition is impossible; [`Error::Interrupted`];
    /// [`Error::Memory`].
    pub fn account(
        &self,
        asked: &OwnTransition,
        has_candidates: bool,
    ) -> Result<AccountRecord, Error> {
        let (transition, place) = (asked.transition()?, asked.place.clone());
        let needed = |_| transition.predicted_bytes().unwrap_or(u64::MAX);
        let found = self.within_memory(&place, needed, |options: Options| {
            let began = Instant::now();
            let account = causation::account(&transition, asked.rules.scheme, &options)?;
            let of = |direction| account.irreducibility(direction, &options.left(began));
            let all = [of(None)?, of(Some(Direction::Cause))?, of(Some(Direction::Effect))?];
            let name = asked.record.name.as_deref();
            Ok::<_, StopReason>(AccountRecord::new(name, &account, &all, has_candidates))
        })?;
        found.or_else(|reason| stopped(reason, &place))
    }

    /// The 𝒜 of all parts of a transition, whatever units are considered.
    ///
    /// # Errors
    /// As [`account`](Engine::account); no part that is impossible is looked at.
    pub fn nexus(&self, asked: &OwnTransition) -> Result<NexusRecord, Error> {
        let OwnTransition { network, before, after, rules, .. } = asked;
        let place = asked.place.clone();
        let needed = |n_threads| predicted_bytes_of_nexus(network, n_threads).unwrap_or(u64::MAX);
        let found = self.within_memory(&place, needed, |options: Options| {
            causation::nexus(network, *before, *after, rules.background, rules.scheme, &options)
        })?;
        let found = found.map_err(|error| asked.wrong(&error))?;
        ended(found.stop_reason, &place)?;
        Ok(NexusRecord {
            name: asked.record.name.clone(),
            values: ValuesRecord::from(&**network),
            before: before.values(),
            after: after.values(),
            background: background(rules.background).to_owned(),
            scheme: rules.scheme.to_string(),
            nexus: found.transitions.iter().map(NexusTransitionRecord::from).collect(),
        })
    }

    /// The events of a complex: what has a cause in the state before and an effect in the state
    /// `next`. The complex has the units of `nodes`; without them it is the major complex by IIT
    /// 3.0 in the state after.
    ///
    /// # Errors
    /// As [`account`](Engine::account); also if there is no complex.
    pub fn events(
        &self,
        asked: &OwnTransition,
        next: &[u8],
        is_extrinsic: bool,
    ) -> Result<EventsRecord, Error> {
        let OwnTransition { record, network, before, after, rules, .. } = asked;
        let place = asked.place.clone();
        let wrong = |error: pyphi_core::Error| asked.wrong(&error);
        let next = network.state(next).map_err(|it| wrong(it.at("next")))?;
        let (units, phi) = match record.nodes {
            Some(_) => (record.units(network).map_err(wrong)?, None),
            None => {
                let needed = |n_threads| memory_needed_of_complexes(network, n_threads);
                let found = self.within_memory(&place, needed, |options: Options| {
                    major_complex(network, *after, &options)
                })?;
                if self.is_stopped() {
                    return Err(Error::Interrupted(String::new()));
                }
                let none = || Error::Network {
                    place: place.clone(),
                    message: format!(
                        "nodes: missing, and no units have Φ > 0 in {after}, expected a complex"
                    ),
                };
                let major = found.map_err(wrong)?.ok_or_else(none)?;
                (major.units, Some(major.phi))
            }
        };
        let considered = if is_extrinsic { network.units() } else { units };
        let needed = |_| {
            let of_one = predicted_bytes_of(network, considered, considered);
            of_one.and_then(|it| it.checked_mul(2)).unwrap_or(u64::MAX)
        };
        let states = [*before, *after, next];
        let events = self.within_memory(&place, needed, |options: Options| {
            let CausalRules { background, scheme } = *rules;
            let of = if is_extrinsic { causation::extrinsic_events } else { causation::events };
            of(network, states, units, background, scheme, &options)
        })?;
        let events = match events.map_err(wrong)? {
            Ok(events) => events,
            Err(reason) => return stopped(reason, &place),
        };
        Ok(EventsRecord {
            name: record.name.clone(),
            values: ValuesRecord::from(&**network),
            previous: before.values(),
            current: after.values(),
            next: next.values(),
            nodes: units.iter().collect(),
            extrinsic: is_extrinsic,
            background: background(rules.background).to_owned(),
            scheme: rules.scheme.to_string(),
            phi,
            events: events.iter().map(EventRecord::from).collect(),
        })
    }
}
