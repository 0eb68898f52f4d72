//! Which grain has the largest Φ, and by how much it exceeds that of the micro units.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::time::Instant;

use super::enumeration::{for_each_black_boxing, for_each_coarse_graining};
use super::macro_phi::{MacroPhi, macro_phi_above};
use super::macro_system::{Grain, MacroSystem, check_size};
use crate::big_phi::{BigPhi, big_phi};
use crate::complex::major_complex;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Course, SearchStep};
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
        let mut all = Vec::new();
        let ControlFlow::Continue(()) = self.for_each(units, |it| {
            if it.is_valid() {
                all.push(it);
            }
            ControlFlow::<Infallible>::Continue(())
        });
        all
    }

    /// Visits [`Grains::of`], of which there may be too many to keep, and some that are not valid.
    fn for_each<B>(
        &self,
        units: UnitSet,
        mut visit: impl FnMut(Grain) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let micro = Grain::micro(units);
        if self.coarse {
            for_each_coarse_graining(units, |it| {
                visit(Grain { groups: Some(it), ..micro.clone() })
            })?;
        }
        let time_scales = if self.black_boxes { &self.time_scales[..] } else { &[] };
        for &time_scale in time_scales {
            for_each_black_boxing(units, |boxes| {
                let outputs = boxes.outputs;
                let grain = Grain { time_scale, boxes: Some(boxes), ..micro.clone() };
                visit(grain.clone())?;
                if !self.coarse {
                    return ControlFlow::Continue(());
                }
                for_each_coarse_graining(outputs, |it| {
                    visit(Grain { groups: Some(it), ..grain.clone() })
                })
            })?;
        }
        ControlFlow::Continue(())
    }
}

/// The comparison of Φ of the best grain with that of the micro units.
#[derive(Debug, Clone)]
pub struct Emergence {
    /// The largest Φ of all grains minus that of the micro units; may be negative.
    pub emergence: f64,
    /// The grain with the largest Φ, the first of those that tie; `None` if no grain has a Φ > 0.
    pub grain: Option<Grain>,
    /// Its Φ.
    pub found: Option<MacroPhi>,
    /// The other side of the comparison: Φ of the major complex, or of the micro units of the one
    /// system in question. `None` if that is 0 or they are in an unreachable state.
    pub micro: Option<BigPhi>,
    /// The number of grains that were tried.
    pub n_grains: usize,
    /// The number of those that make no macro system, because their units depend on each other
    /// given the past or their state is unreachable.
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
    check_size(network.units())?;
    let all: Vec<UnitSet> = network.units().subsets_by_size().collect();
    search(network, state, &all, grains, options, || major_complex(network, state, options))
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
    search(network, state, &[units], grains, options, || {
        match Subsystem::new(network, state, units) {
            Ok(micro) => Ok(Some(big_phi(&micro, options))),
            Err(error) if makes_no_system(&error) => Ok(None),
            Err(error) => Err(error),
        }
    })
}

/// The best of the grains of these sets of units, after the `micro` units that it is compared with.
/// The limit on time is that of all of it.
fn search(
    network: &Network,
    state: State,
    sets: &[UnitSet],
    grains: &Grains,
    options: &Options,
    micro: impl FnOnce() -> Result<Option<BigPhi>>,
) -> Result<std::result::Result<Emergence, StopReason>> {
    let (stop, began) = (Stop::new(options), Instant::now());
    let mut course = Course::new(options);
    let known = match course.known() {
        None => None,
        Some(SearchStep::Micro(units)) if units.is_subset(network.units()) => Some(units),
        Some(_) => return Ok(Err(course.refuse())),
    };
    let micro = match known {
        None => micro()?,
        Some(units) if units.is_empty() => None,
        // One system instead of all of them.
        Some(units) => match Subsystem::new(network, state, units) {
            Ok(micro) => Some(big_phi(&micro, options)),
            Err(_) => return Ok(Err(course.refuse())),
        },
    };
    // Complexes that there was no time for are missing without a word.
    let unfinished = micro.as_ref().filter(|it| !it.is_complete()).map(|it| it.stop_reason);
    if let Some(reason) = stop.reason().or(unfinished) {
        return Ok(Err(reason));
    }
    let micro = micro.filter(|it| it.phi > 0.0);
    let micro_units = micro.as_ref().map_or(UnitSet::EMPTY, |it| it.units);
    if known.is_none()
        && let ControlFlow::Break(reason) = course.add(SearchStep::Micro(micro_units))
    {
        return Ok(Err(reason));
    }
    type Ended = ControlFlow<Result<StopReason>>;
    let for_each = |visit: &mut dyn FnMut(Grain) -> Ended| -> Ended {
        let mut visit_valid = |it: Grain| match stop.reason() {
            Some(reason) => ControlFlow::Break(Ok(reason)),
            None if it.is_valid() => visit(it),
            None => ControlFlow::Continue(()),
        };
        sets.iter().try_for_each(|&units| grains.for_each(units, &mut visit_valid))
    };
    let mut n_grains = 0;
    let counted = for_each(&mut |_| {
        n_grains += 1;
        ControlFlow::Continue(())
    });
    if let ControlFlow::Break(ended) = counted {
        return ended.map(Err);
    }
    let watch = Watch::new(options, began, Phase::Grains, n_grains as u64);
    // What an inner search says of its own steps would be lost among them.
    let inner = Options { progress: None, ..options.clone() };
    let mut n_without_system = 0;
    // The best grain, its Φ, and what else is known of it.
    let mut best: Option<(Grain, f64, Option<MacroPhi>)> = None;
    let tried = for_each(&mut |grain| {
        let largest = best.as_ref().map_or(0.0, |it| it.1);
        let known = course.known();
        match known {
            Some(SearchStep::Value(phi)) if phi.is_finite() && phi > largest + TOLERANCE => {
                best = Some((grain, phi, None));
            }
            Some(SearchStep::NoSystem) => n_without_system += 1,
            Some(SearchStep::Dismissed) => {}
            Some(_) => return ControlFlow::Break(Ok(course.refuse())),
            None => {
                // A grain of which one cut takes no more is not the best one.
                let floor = if inner.exhaustive { f64::NEG_INFINITY } else { largest };
                let step = match MacroSystem::until(network, state, &grain, &stop) {
                    Ok(Some(system)) => match macro_phi_above(&system, floor, &inner.left(began)) {
                        Ok(Some(found)) if found.phi > largest + TOLERANCE => {
                            let phi = found.phi;
                            best = Some((grain, phi, Some(found)));
                            SearchStep::Value(phi)
                        }
                        Ok(_) => SearchStep::Dismissed,
                        Err(reason) => {
                            return ControlFlow::Break(Ok(stop.reason().unwrap_or(reason)));
                        }
                    },
                    Ok(None) => return ControlFlow::Break(Ok(stop.why())),
                    Err(error) if makes_no_system(&error) => {
                        n_without_system += 1;
                        SearchStep::NoSystem
                    }
                    Err(error) => return ControlFlow::Break(Err(error)),
                };
                if let ControlFlow::Break(reason) = course.add(step) {
                    return ControlFlow::Break(Ok(reason));
                }
            }
        }
        watch.add(1, None);
        ControlFlow::Continue(())
    });
    if let ControlFlow::Break(ended) = tried {
        return ended.map(Err);
    }
    if let Some(reason) = stop.reason() {
        return Ok(Err(reason));
    }
    let best = match best {
        Some((grain, phi, None)) => {
            // Only its Φ was kept.
            let described = MacroSystem::until(network, state, &grain, &stop);
            let system = match described {
                Ok(Some(system)) => system,
                Ok(None) => return Ok(Err(stop.why())),
                Err(_) => return Ok(Err(course.refuse())),
            };
            let found = macro_phi_above(&system, f64::NEG_INFINITY, &inner.left(began));
            match found {
                Ok(Some(found)) if found.phi == phi => Some((grain, found)),
                Ok(_) => return Ok(Err(course.refuse())),
                Err(reason) => return Ok(Err(stop.reason().unwrap_or(reason))),
            }
        }
        Some((grain, _, Some(found))) => Some((grain, found)),
        None => None,
    };
    let (grain, found) = best.unzip();
    let of = |it: &Option<BigPhi>| it.as_ref().map_or(0.0, |it| it.phi);
    let emergence = found.as_ref().map_or(0.0, |it: &MacroPhi| it.phi) - of(&micro);
    Ok(Ok(Emergence { emergence, grain, found, micro, n_grains, n_without_system }))
}

/// Returns `true` if a grain with this error is only passed over.
fn makes_no_system(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unreachable { .. } | ErrorKind::ConditionallyDependent { .. })
}
