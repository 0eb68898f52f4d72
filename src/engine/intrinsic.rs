//! Intrinsic units of IIT 4.0 by `pyphi-core`: what given units are as a system, and which units of
//! a network are intrinsic.

use std::time::Instant;

use pyphi_core::grain::{
    FoundSystem, IntrinsicComplexes, IntrinsicSystem, IntrinsicUnit, Mapping, Part, Verdict,
    intrinsic_complexes, validity,
};
pub use pyphi_core::grain::{Mappings, UnitBounds};
use pyphi_core::iit4::Rules;
pub use pyphi_core::input::AskedUnit;
use pyphi_core::{Options, State};
use serde::Serialize;

use crate::engine::exact::{
    Engine, NetworkRecord, OwnNetwork, PhiStructureRecord, ended, stopped, wrong,
};
use crate::error::Error;

/// A question about intrinsic units of a network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AskedUnits<'a> {
    /// The units; `None` for the best of all.
    pub units: Option<&'a [AskedUnit]>,
    /// The states of the network, the oldest first; `None` for the one that it is in.
    pub history: Option<&'a [Vec<u8>]>,
    /// The bounds of the search, and of the units that compete with given ones.
    pub bounds: UnitBounds,
    /// `true` if given units are judged.
    pub has_validity: bool,
    /// The theory.
    pub rules: Rules,
}

/// The rule by which a unit is ON, as JSON has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MappingRecord {
    /// The numbers of its parts that are ON.
    Coarse(Vec<usize>),
    /// Parts that all are ON at the last update.
    BlackBox(Vec<usize>),
    /// By the states of the parts at all updates.
    Table(Vec<u8>),
}

/// A part of a unit, as JSON has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum PartRecord {
    /// A unit of the network.
    Micro(usize),
    /// A unit of units.
    Unit(Box<UnitRecord>),
}

/// A unit, as JSON has it and as a file may have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnitRecord {
    /// Its constituents.
    pub parts: Vec<PartRecord>,
    /// The number of their updates in one of its own.
    pub grain: u32,
    /// The rule by which it is ON.
    pub mapping: MappingRecord,
    /// Background that counts as its own.
    pub apportioned: Vec<usize>,
}

/// The verdict on parts as a unit, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerdictRecord {
    /// The parts.
    pub parts: Vec<PartRecord>,
    /// The background that is apportioned to the unit.
    pub apportioned: Vec<usize>,
    /// φ_s of the system of the parts.
    pub phi_s: f64,
    /// The largest φ_s of another system within; null if there is none.
    pub best_competitor: Option<f64>,
    /// `VALID`, `NOT_INTEGRATED`, `NOT_MAXIMAL`, `TIED`.
    pub validity: String,
}

/// A system of units with its Φ-structure, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IntrinsicRecord {
    /// The units.
    pub units: Vec<UnitRecord>,
    /// T_c: by state of all units, for each P(ON).
    pub cause_tpm: Vec<Vec<f64>>,
    /// T_e: by state of all units, for each P(ON).
    pub effect_tpm: Vec<Vec<f64>>,
    /// The Φ-structure, in which units are numbered as they are given here.
    pub structure: PhiStructureRecord,
}

/// A system that a search has found, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FoundRecord {
    /// Its units.
    pub units: Vec<UnitRecord>,
    /// φ_s.
    pub phi_s: f64,
}

/// A search over units, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UnitSearchRecord {
    /// The number of valid units, those of the network included.
    pub n_units: usize,
    /// The number of systems of them that have a φ_s.
    pub n_systems: u64,
    /// The number of further systems that cannot be in their state.
    pub n_unreachable: u64,
    /// The verdicts on all units that were tried, whatever their mapping and grain.
    pub verdicts: Vec<VerdictRecord>,
    /// The complexes.
    pub complexes: Vec<FoundRecord>,
    /// The systems that would be complexes, did they not tie with another system.
    pub tied: Vec<FoundRecord>,
}

/// The answer about intrinsic units of one network, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IntrinsicUnitsRecord {
    /// Name of the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// States of the network, the oldest first.
    pub history: Vec<Vec<u8>>,
    /// The theory.
    pub formalism: String,
    /// The verdicts on the units that were given, but for those of the network, in their order;
    /// absent if they were not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdicts: Option<Vec<VerdictRecord>>,
    /// The search; absent if units were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<UnitSearchRecord>,
    /// The system of the given units, or the complex with the largest φ_s; null if there is no
    /// complex.
    pub found: Option<IntrinsicRecord>,
}

impl From<&Mapping> for MappingRecord {
    fn from(mapping: &Mapping) -> MappingRecord {
        match mapping {
            Mapping::Coarse(on) => MappingRecord::Coarse(on.clone()),
            Mapping::BlackBox(outputs) => MappingRecord::BlackBox(outputs.clone()),
            Mapping::Table(table) => {
                MappingRecord::Table(table.iter().map(|&it| u8::from(it)).collect())
            }
        }
    }
}

impl From<&Part> for PartRecord {
    fn from(part: &Part) -> PartRecord {
        match part {
            Part::Micro(unit) => PartRecord::Micro(*unit),
            Part::Unit(unit) => PartRecord::Unit(Box::new(UnitRecord::from(&**unit))),
        }
    }
}

impl From<&IntrinsicUnit> for UnitRecord {
    fn from(unit: &IntrinsicUnit) -> UnitRecord {
        UnitRecord {
            parts: unit.parts().iter().map(PartRecord::from).collect(),
            grain: unit.grain(),
            mapping: unit.mapping().into(),
            apportioned: unit.apportioned().iter().collect(),
        }
    }
}

impl UnitRecord {
    /// The unit of the network that it is, if it is one.
    pub fn as_micro(&self) -> Option<usize> {
        let is_itself = match &self.mapping {
            MappingRecord::Table(table) => table[..] == [0, 1],
            MappingRecord::Coarse(on) => on[..] == [1],
            MappingRecord::BlackBox(outputs) => outputs[..] == [0],
        };
        match self.parts[..] {
            [PartRecord::Micro(unit)]
                if self.grain == 1 && is_itself && self.apportioned.is_empty() =>
            {
                Some(unit)
            }
            _ => None,
        }
    }
}

impl From<&Verdict> for VerdictRecord {
    fn from(it: &Verdict) -> VerdictRecord {
        VerdictRecord {
            parts: it.parts.iter().map(PartRecord::from).collect(),
            apportioned: it.apportioned.iter().collect(),
            phi_s: it.phi_s,
            best_competitor: it.best_competitor,
            validity: it.validity.name().to_owned(),
        }
    }
}

impl Engine {
    /// Given units of a network as a system, or those that are intrinsic (IIT 4.0).
    ///
    /// # Errors
    /// [`Error::Network`] if the units, their history or the bounds do not fit;
    /// [`Error::Interrupted`]; [`Error::Memory`].
    pub fn intrinsic_units(
        &self,
        network: &OwnNetwork,
        asked: AskedUnits<'_>,
    ) -> Result<IntrinsicUnitsRecord, Error> {
        let place = network.place();
        let refuse = |error: pyphi_core::Error| wrong(&place, &error);
        let (core, present) = network.binary_whole("a grain").map_err(refuse)?;
        let state = |(number, values): (usize, &Vec<u8>)| {
            let state = core.state(values);
            state.map_err(|error| refuse(error.at(format!("history[{number}]"))))
        };
        let history: Vec<State> = match asked.history {
            None => vec![present],
            Some(history) => history.iter().enumerate().map(state).collect::<Result<_, _>>()?,
        };
        if let Some(last) = history.last().filter(|it| **it != present) {
            let message = format!("history: it ends in {last}, expected the state {present}");
            return Err(Error::Network { place, message });
        }
        let answer = IntrinsicUnitsRecord {
            name: network.name().map(str::to_owned),
            history: history.iter().map(|it| it.values()).collect(),
            formalism: asked.rules.formalism().to_string(),
            verdicts: None,
            search: None,
            found: None,
        };
        let Some(units) = asked.units else {
            return self.searched_units(core, &history, asked, answer, &place);
        };
        let units = AskedUnit::units(units, network.labels()).map_err(refuse)?;
        let found = self.intrinsic_system(core, &history, &units, asked.rules, &place)?;
        if !asked.has_validity {
            return Ok(IntrinsicUnitsRecord { found: Some(found), ..answer });
        }
        let verdicts = self.within_memory(&place, needed(core, &units), |options: Options| {
            // The limit on time is that of all of them.
            let began = Instant::now();
            let judge = |it: &IntrinsicUnit| {
                let AskedUnits { bounds, rules, .. } = asked;
                validity(core, &history, it, &bounds, rules, &options.left(began))
            };
            let mut verdicts = Vec::new();
            for verdict in units.iter().filter(|it| it.as_micro().is_none()).map(judge) {
                let is_last = !matches!(verdict, Ok(Ok(_)));
                verdicts.push(verdict);
                // What follows would be kept as steps of this one.
                if is_last {
                    break;
                }
            }
            verdicts
        })?;
        let verdict = |it: pyphi_core::Result<Result<Verdict, _>>| {
            let found = it.map_err(refuse)?.or_else(|reason| stopped(reason, &place))?;
            Ok(VerdictRecord::from(&found))
        };
        let verdicts = verdicts.into_iter().map(verdict).collect::<Result<_, Error>>()?;
        Ok(IntrinsicUnitsRecord { verdicts: Some(verdicts), found: Some(found), ..answer })
    }

    fn searched_units(
        &self,
        core: &pyphi_core::Network,
        history: &[State],
        asked: AskedUnits<'_>,
        answer: IntrinsicUnitsRecord,
        place: &str,
    ) -> Result<IntrinsicUnitsRecord, Error> {
        let AskedUnits { bounds, rules, .. } = asked;
        let micro: Vec<IntrinsicUnit> = core.units().iter().map(IntrinsicUnit::micro).collect();
        let found = self.within_memory(place, needed(core, &micro), |options: Options| {
            intrinsic_complexes(core, history, &bounds, rules, &options)
        })?;
        let found = found.map_err(|error| wrong(place, &error))?;
        ended(found.stop_reason, place)?;
        let IntrinsicComplexes { units, complexes, tied, .. } = &found;
        let of_system = |it: &FoundSystem| FoundRecord {
            units: it.units.iter().map(|&number| UnitRecord::from(&units[number])).collect(),
            phi_s: it.phi_s,
        };
        let best = complexes.first().map(|it| {
            let of: Vec<IntrinsicUnit> = it.units.iter().map(|&it| units[it].clone()).collect();
            let most = of.iter().map(IntrinsicUnit::micro_grain).max().unwrap_or(1) as usize;
            let history = &history[history.len() - most..];
            self.intrinsic_system(core, history, &of, rules, place)
        });
        Ok(IntrinsicUnitsRecord {
            search: Some(UnitSearchRecord {
                n_units: units.len(),
                n_systems: found.n_systems,
                n_unreachable: found.n_unreachable,
                verdicts: found.verdicts.iter().map(VerdictRecord::from).collect(),
                complexes: complexes.iter().map(of_system).collect(),
                tied: tied.iter().map(of_system).collect(),
            }),
            found: best.transpose()?,
            ..answer
        })
    }

    fn intrinsic_system(
        &self,
        core: &pyphi_core::Network,
        history: &[State],
        units: &[IntrinsicUnit],
        rules: Rules,
        place: &str,
    ) -> Result<IntrinsicRecord, Error> {
        let needed = |_| IntrinsicSystem::predicted_bytes(core, units);
        let found = self.within_memory(place, needed, |options: Options| {
            IntrinsicSystem::within(core, history, units, &options)
        })?;
        let found = found.map_err(|error| wrong(place, &error))?;
        let found = found.or_else(|reason| stopped(reason, place))?;
        let structure = self.structure(found.system(), rules, place)?;
        let record = NetworkRecord { state: found.state().values(), ..NetworkRecord::default() };
        Ok(IntrinsicRecord {
            units: units.iter().map(UnitRecord::from).collect(),
            cause_tpm: found.cause_tpm().to_rows(),
            effect_tpm: found.effect_tpm().to_rows(),
            structure: PhiStructureRecord::new(&record, rules, &structure),
        })
    }
}

/// The memory that is planned for: as many systems of these units at once as there are threads.
fn needed(core: &pyphi_core::Network, units: &[IntrinsicUnit]) -> impl Fn(usize) -> u64 {
    let of_system = IntrinsicSystem::predicted_bytes(core, units);
    move |n_threads| of_system.saturating_mul(n_threads as u64)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::engine::exact::UnitName;
    use crate::engine::grains::{Journal, SearchStep};

    /// Where the first steps cannot be kept, but those after them could.
    #[derive(Debug, Default)]
    struct FullOnce {
        n_lost: usize,
        kept: Vec<SearchStep>,
    }

    impl Journal for FullOnce {
        fn next(&mut self) -> Option<SearchStep> {
            None
        }

        fn keep(&mut self, steps: &[SearchStep]) -> bool {
            let is_kept = self.n_lost > 0;
            if is_kept {
                self.kept.extend(steps)
            } else {
                self.n_lost = steps.len()
            }
            is_kept
        }

        fn refuse(&mut self) {
            panic!("no step was known");
        }
    }

    /// Steps of the second unit would be read as those of the first one.
    #[test]
    fn units_after_one_that_was_stopped_are_not_judged() {
        let row = |s: u32| (0..4).map(move |unit| 0.2 + 0.15 * f64::from(s >> (unit ^ 1) & 1));
        let tpm: Vec<Vec<f64>> = (0..16).map(|s| row(s).collect()).collect();
        let file = serde_json::json!({ "tpm": tpm, "cm": vec![vec![1; 4]; 4], "state": "0000" });
        let network = OwnNetwork::read(&file.to_string(), "four", None).unwrap();
        let unit = |parts: [usize; 2]| AskedUnit::Made {
            parts: parts.map(|it| AskedUnit::Micro(UnitName::Number(it))).to_vec(),
            grain: 1,
            mapping: Mapping::Coarse(vec![2]),
            apportioned: Vec::new(),
        };
        let units = [unit([0, 1]), unit([2, 3])];
        let asked = AskedUnits {
            units: Some(&units),
            history: None,
            bounds: UnitBounds::default(),
            has_validity: true,
            rules: Rules::default(),
        };
        let journal = Arc::new(Mutex::new(FullOnce::default()));
        let engine = Engine::new(1, Arc::default()).unwrap().keeping(journal.clone());
        let stopped = engine.intrinsic_units(&network, asked).unwrap_err();
        assert!(matches!(stopped, Error::Interrupted(_)), "{stopped}");
        let journal = journal.lock().unwrap();
        assert!(journal.n_lost > 0);
        assert_eq!(journal.kept, []);
    }
}
