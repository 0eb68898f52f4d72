//! Macro systems of IIT 3.0 by `pyphi-core`: Φ on a grain, and the grain with the largest Φ.

use std::time::Instant;

use pyphi_core::grain::{
    BlackBoxing, CoarseGraining, Emergence, Grain, Group, MacroPhi, MacroSystem, best_grain,
    effective_information, emergence, macro_phi,
};
pub use pyphi_core::grain::{EffectiveInformation, Grains};
pub use pyphi_core::{Journal, SearchStep};
use pyphi_core::{Options, StopReason, predicted_bytes};
use serde::Serialize;

use crate::engine::exact::{
    ConceptRecord, Cut, Engine, OwnNetwork, UnitName, UnitSet, stopped, wrong,
};
use crate::error::Error;

/// A grain as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AskedGrain {
    /// The number of updates in one step.
    pub time_scale: u32,
    /// Boxes, if there are any.
    pub boxes: Option<Vec<Vec<UnitName>>>,
    /// Their outputs.
    pub outputs: Option<Vec<UnitName>>,
    /// Groups, if there are any.
    pub groups: Option<Vec<Vec<UnitName>>>,
    /// For each group the numbers of ON units for which it is OFF.
    pub off: Vec<Vec<usize>>,
}

/// A grain, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GrainRecord {
    /// Micro units of the system.
    pub nodes: Vec<usize>,
    /// The number of updates in one step.
    pub time_scale: u32,
    /// The boxes; null if there are none.
    pub boxes: Option<Vec<Vec<usize>>>,
    /// Their outputs; null if there are none.
    pub outputs: Option<Vec<usize>>,
    /// The groups; null if there are none.
    pub groups: Option<Vec<Vec<usize>>>,
    /// For each group the numbers of ON units for which it is OFF.
    pub off: Option<Vec<Vec<usize>>>,
}

/// EI and what it is made of, as JSON has it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EffectiveInformationRecord {
    /// EI in bits.
    pub bits: f64,
    /// Determinism, from 0 to 1.
    pub determinism: f64,
    /// Degeneracy, from 0 to 1.
    pub degeneracy: f64,
}

/// A macro system with its Φ, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MacroRecord {
    /// The grain.
    pub grain: GrainRecord,
    /// The TPM of the macro units, state-by-node.
    pub tpm: Vec<Vec<f64>>,
    /// Their connections.
    pub cm: Vec<Vec<u8>>,
    /// Their state.
    pub state: Vec<u8>,
    /// EI of the macro TPM.
    pub effective_information: EffectiveInformationRecord,
    /// Φ.
    pub phi: f64,
    /// The cut of the micro units that takes least; null where none was tried.
    pub cut: Option<Cut>,
    /// Concepts of the macro units, by their numbers.
    pub ces: Vec<ConceptRecord>,
    /// Concepts under the cut.
    pub partitioned_ces: Vec<ConceptRecord>,
}

/// The answer about one network, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GrainsRecord {
    /// Name of the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// State of the whole network.
    pub state: Vec<u8>,
    /// EI of the TPM of the whole network.
    pub effective_information: EffectiveInformationRecord,
    /// The search; absent if one grain was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchRecord>,
    /// The grain that was asked for, or the one with the largest Φ; null if no grain has Φ > 0.
    pub found: Option<MacroRecord>,
}

/// A search over grains, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchRecord {
    /// The largest Φ of all grains minus that of the micro units.
    pub emergence: f64,
    /// Φ of the micro units.
    pub micro_phi: f64,
    /// The micro units; empty if no units have Φ > 0.
    pub micro: Vec<usize>,
    /// The number of grains that were tried.
    pub n_grains: usize,
    /// The number of those that make no macro system.
    pub n_without_system: usize,
}

impl From<EffectiveInformation> for EffectiveInformationRecord {
    fn from(it: EffectiveInformation) -> EffectiveInformationRecord {
        let EffectiveInformation { bits, determinism, degeneracy } = it;
        EffectiveInformationRecord { bits, determinism, degeneracy }
    }
}

fn list(units: UnitSet) -> Vec<usize> {
    units.iter().collect()
}

impl From<&Grain> for GrainRecord {
    fn from(grain: &Grain) -> GrainRecord {
        let (boxes, groups) = (grain.boxes.as_ref(), grain.groups.as_ref());
        GrainRecord {
            nodes: list(grain.units),
            time_scale: grain.time_scale,
            boxes: boxes.map(|it| it.boxes.iter().map(|&it| list(it)).collect()),
            outputs: boxes.map(|it| list(it.outputs)),
            groups: groups.map(|it| it.groups.iter().map(|it| list(it.units)).collect()),
            off: groups.map(|it| it.groups.iter().map(|it| it.off()).collect()),
        }
    }
}

impl MacroRecord {
    /// # Errors
    /// The reason, if it was stopped.
    fn new(
        system: &MacroSystem,
        found: &MacroPhi,
        options: &Options,
    ) -> Result<MacroRecord, StopReason> {
        let information = effective_information(system.tpm(), options)?;
        let subsystem = system.subsystem();
        let concepts = |ces: &pyphi_core::CauseEffectStructure| {
            ces.concepts.iter().map(ConceptRecord::from).collect()
        };
        Ok(MacroRecord {
            grain: system.grain().into(),
            tpm: system.tpm().to_rows(),
            cm: subsystem.network().cm(),
            state: subsystem.state().values(),
            effective_information: information.into(),
            phi: found.phi,
            cut: found.cut,
            ces: concepts(&found.ces),
            partitioned_ces: concepts(&found.partitioned_ces),
        })
    }
}

impl AskedGrain {
    /// Returns `true` if a grain is asked for at all.
    pub fn is_given(&self) -> bool {
        self.boxes.is_some() || self.groups.is_some()
    }

    fn of(&self, network: &OwnNetwork, units: UnitSet) -> Result<Grain, Error> {
        let sets = |sets: &Vec<Vec<UnitName>>, field: &str| {
            sets.iter().map(|it| network.units(it, field)).collect::<Result<Vec<_>, _>>()
        };
        let boxes = match (&self.boxes, &self.outputs) {
            (None, _) => None,
            (Some(boxes), outputs) => {
                let none = Vec::new();
                let outputs = outputs.as_ref().unwrap_or(&none);
                let outputs = network.units(outputs, "outputs")?;
                Some(BlackBoxing { boxes: sets(boxes, "boxes")?, outputs })
            }
        };
        let groups = match &self.groups {
            None => None,
            Some(groups) => {
                let groups = sets(groups, "groups")?.into_iter().zip(&self.off);
                let groups = groups.map(|(units, off)| Group::new(units, off)).collect();
                Some(CoarseGraining { groups })
            }
        };
        Ok(Grain { units, time_scale: self.time_scale, boxes, groups })
    }
}

impl Engine {
    /// Φ (IIT 3.0) of a network from a file on a grain.
    ///
    /// # Errors
    /// [`Error::Network`] if the grain does not fit; [`Error::Interrupted`]; [`Error::Memory`].
    pub fn on_grain(
        &self,
        network: &OwnNetwork,
        asked: &AskedGrain,
    ) -> Result<GrainsRecord, Error> {
        let (core, state, units) = network.binary_parts("a grain")?;
        let place = network.place();
        let refuse = |error: pyphi_core::Error| wrong(&place, &error);
        let grain = asked.of(network, units)?;
        let found = self.within_memory(&place, needed(units.len()), |options: Options| {
            let began = Instant::now();
            let system = MacroSystem::within(core, state, &grain, &options)?;
            Ok(system.and_then(|system| {
                let information = effective_information(core.tpm(), &options.left(began))?;
                let found = macro_phi(&system, &options.left(began))?;
                let found = MacroRecord::new(&system, &found, &options.left(began))?;
                Ok((information, found))
            }))
        })?;
        let (information, found) =
            found.map_err(refuse)?.or_else(|reason| stopped(reason, &place))?;
        Ok(GrainsRecord {
            name: network.name().map(str::to_owned),
            state: state.values(),
            effective_information: information.into(),
            search: None,
            found: Some(found),
        })
    }

    /// The grain of a network from a file with the largest Φ (IIT 3.0): of all its units, or if it
    /// `has_nodes` over the grains of those only.
    ///
    /// # Errors
    /// As [`on_grain`](Engine::on_grain).
    pub fn search_grains(
        &self,
        network: &OwnNetwork,
        grains: &Grains,
        has_nodes: bool,
    ) -> Result<GrainsRecord, Error> {
        let (core, state, units) = network.binary_parts("a grain")?;
        let place = network.place();
        let refuse = |error: pyphi_core::Error| wrong(&place, &error);
        let n_units = if has_nodes { units.len() } else { core.n_units() };
        let found = self.within_memory(&place, needed(n_units), |options: Options| {
            let began = Instant::now();
            let searched = match has_nodes {
                true => best_grain(core, state, units, grains, &options),
                false => emergence(core, state, grains, &options),
            };
            let searched = match searched? {
                Ok(searched) => searched,
                Err(reason) => return Ok(Err(reason)),
            };
            let system = match &searched.grain {
                Some(grain) => {
                    match MacroSystem::within(core, state, grain, &options.left(began))? {
                        Ok(system) => Some(system),
                        Err(reason) => return Ok(Err(reason)),
                    }
                }
                None => None,
            };
            let described = || -> Result<_, StopReason> {
                let information = effective_information(core.tpm(), &options.left(began))?;
                let found = system.as_ref().zip(searched.found.as_ref());
                let found = found.map(|it| MacroRecord::new(it.0, it.1, &options.left(began)));
                Ok((information, found.transpose()?))
            };
            let described = described();
            Ok(described.map(|described| (searched, described)))
        })?;
        let (searched, (information, found)) =
            found.map_err(refuse)?.or_else(|reason| stopped(reason, &place))?;
        let Emergence { emergence, micro, n_grains, n_without_system, .. } = searched;
        Ok(GrainsRecord {
            name: network.name().map(str::to_owned),
            state: state.values(),
            effective_information: information.into(),
            search: Some(SearchRecord {
                emergence,
                micro_phi: micro.as_ref().map_or(0.0, |it| it.phi),
                micro: micro.map(|it| list(it.units)).unwrap_or_default(),
                n_grains,
                n_without_system,
            }),
            found,
        })
    }
}

/// The memory that is planned for: matrices over the states of the micro units, and IIT 3.0 of as
/// many macro units.
fn needed(n_units: usize) -> impl Fn(usize) -> u64 {
    move |n_threads| {
        let matrices = 3u64 << (2 * n_units + 3).min(60);
        let of_search = predicted_bytes(n_units, n_threads).unwrap_or(u64::MAX);
        of_search.saturating_add(matrices.saturating_mul(n_threads as u64))
    }
}
