//! Which grain has the largest Φ, and by how much it exceeds that of the micro units.

use super::enumeration::{black_boxings, coarse_grainings};
use super::macro_phi::{MacroPhi, macro_phi};
use super::macro_system::{Grain, MacroSystem};
use crate::big_phi::{BigPhi, big_phi};
use crate::complex::major_complex;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::{Options, Phase, Stop, StopReason, Watch};
use crate::network::Network;
use crate::state::State;
use crate::subsystem::{Subsystem, TOLERANCE};
use crate::unit_set::UnitSet;

/// Which grains are tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grains {
    /// Coarse grainings; of black boxes, those of their outputs. [default: true]
    pub coarse: bool,
    /// Black boxings. [default: false]
    pub black_boxes: bool,
    /// Time scales of black boxes. [default: 1]
    pub time_scales: Vec<u32>,
}

impl Default for Grains {
    fn default() -> Grains {
        Grains { coarse: true, black_boxes: false, time_scales: vec![1] }
    }
}

impl Grains {
    /// All grains of these units, in a fixed order.
    pub fn of(&self, units: UnitSet) -> Vec<Grain> {
        let micro = Grain::micro(units);
        let mut all = Vec::new();
        if self.coarse {
            let grain = |it| Grain { groups: Some(it), ..micro.clone() };
            all.extend(coarse_grainings(units).into_iter().map(grain));
        }
        if !self.black_boxes {
            return all;
        }
        for &time_scale in &self.time_scales {
            for boxes in black_boxings(units) {
                let outputs = boxes.outputs;
                let grain = Grain { time_scale, boxes: Some(boxes), ..micro.clone() };
                let coarse = |it| Grain { groups: Some(it), ..grain.clone() };
                let coarse: Vec<Grain> = match self.coarse {
                    true => coarse_grainings(outputs).into_iter().map(coarse).collect(),
                    false => Vec::new(),
                };
                all.push(grain);
                all.extend(coarse);
            }
        }
        all.retain(|it| it.is_valid());
        all
    }
}

/// How Φ of the best grain compares with that of the micro units.
#[derive(Debug, Clone)]
pub struct Emergence {
    /// The largest Φ of all grains minus that of the micro units; may be negative.
    pub emergence: f64,
    /// The grain with the largest Φ, the first of those that tie; none if no grain has a Φ > 0.
    pub grain: Option<Grain>,
    /// Its Φ.
    pub found: Option<MacroPhi>,
    /// What it is compared with: Φ of the major complex, or of the micro units of the one system in
    /// question; none if that is 0 or they are in an unreachable state.
    pub micro: Option<BigPhi>,
    /// How many grains were tried.
    pub n_grains: usize,
    /// How many of them make no macro system, because their units depend on each other given the
    /// past or their state is unreachable.
    pub n_without_system: usize,
}

/// Emergence: the largest Φ of all grains of all sets of units, and the Φ of the micro major
/// complex.
///
/// # Errors
/// As [`MacroSystem::new`], of what does not depend on the grain. Inside: the reason, if the
/// analysis was stopped.
pub fn emergence(
    network: &Network,
    state: State,
    grains: &Grains,
    options: &Options,
) -> Result<std::result::Result<Emergence, StopReason>> {
    let micro = major_complex(network, state, options)?;
    let all = network.units().subsets_by_size().flat_map(|units| grains.of(units)).collect();
    search(network, state, all, micro, options)
}

/// As [`emergence`], over the coarse grainings of some units, compared with these.
///
/// # Errors
/// As [`emergence`].
pub fn coarse_graining(
    network: &Network,
    state: State,
    units: UnitSet,
    options: &Options,
) -> Result<std::result::Result<Emergence, StopReason>> {
    best_grain(network, state, units, &Grains::default(), options)
}

/// As [`emergence`], over the grains of some units, compared with these.
///
/// # Errors
/// As [`emergence`].
pub fn best_grain(
    network: &Network,
    state: State,
    units: UnitSet,
    grains: &Grains,
    options: &Options,
) -> Result<std::result::Result<Emergence, StopReason>> {
    network.check_part(state, units)?;
    let micro = match Subsystem::new(network, state, units) {
        Ok(micro) => Some(big_phi(&micro, options)),
        Err(error) if makes_no_system(&error) => None,
        Err(error) => return Err(error),
    };
    search(network, state, grains.of(units), micro, options)
}

fn search(
    network: &Network,
    state: State,
    all: Vec<Grain>,
    micro: Option<BigPhi>,
    options: &Options,
) -> Result<std::result::Result<Emergence, StopReason>> {
    let stop = Stop::new(options);
    let began = std::time::Instant::now();
    let watch = Watch::new(options, began, Phase::Grains, all.len() as u64);
    // What an inner search says of its own steps would be lost among them.
    let inner = Options { progress: None, ..options.clone() };
    let (n_grains, mut n_without_system) = (all.len(), 0);
    let mut best: Option<(Grain, MacroPhi)> = None;
    for grain in all {
        if let Some(reason) = stop.reason() {
            return Ok(Err(reason));
        }
        match MacroSystem::new(network, state, &grain) {
            Ok(system) => match macro_phi(&system, &inner) {
                Ok(found) => {
                    let largest = best.as_ref().map_or(0.0, |it| it.1.phi);
                    if found.phi > largest + TOLERANCE {
                        best = Some((grain, found));
                    }
                }
                Err(reason) => return Ok(Err(reason)),
            },
            Err(error) if makes_no_system(&error) => n_without_system += 1,
            Err(error) => return Err(error),
        }
        watch.add(1, None);
    }
    if let Some(reason) = stop.reason() {
        return Ok(Err(reason));
    }
    let (grain, found) = best.unzip();
    let of = |it: &Option<BigPhi>| it.as_ref().map_or(0.0, |it| it.phi);
    let emergence = found.as_ref().map_or(0.0, |it: &MacroPhi| it.phi) - of(&micro);
    let micro = micro.filter(|it| it.phi > 0.0);
    Ok(Ok(Emergence { emergence, grain, found, micro, n_grains, n_without_system }))
}

/// Whether a grain is only passed over.
fn makes_no_system(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unreachable { .. } | ErrorKind::ConditionallyDependent { .. })
}
