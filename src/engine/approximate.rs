//! Parts of the analysis by IIT 3.0 that are cheaper than the whole, for estimates of Φ.

use pyphi_core::{
    Cut, Options, StopReason, Subsystem, Variant, big_phi, big_phi_over, conceptual_information,
    cut_distances, is_zero_without_search, memory_needed,
};

use crate::engine::exact::{Engine, ended, subsystem};
use crate::error::Error;
use crate::model::formalism::Formalism;
use crate::model::network::Network;

/// A part of the analysis, or a shorter one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approximation {
    /// Φ over the cuts that part one unit from the rest.
    CutOne,
    /// Φ if a cut makes no new concept.
    NoNewConcepts,
    /// Φ of mechanisms and purviews of at most so many units, over the cuts of
    /// [`CutOne`](Approximation::CutOne).
    Order(u32),
    /// Φ over the cuts of [`CutOne`](Approximation::CutOne) and those that move the structure of
    /// mechanisms and purviews of at most `order` units least.
    FewCuts {
        /// The most units of a mechanism or a purview by which cuts are chosen.
        order: u32,
        /// The cuts that are chosen, for each unit.
        each: usize,
        /// Cuts that part one unit from the rest are not chosen: they are looked at anyway.
        only_others: bool,
    },
}

/// Distances are equal if they are so as multiples of this.
const GRID: f64 = 1e-9;

/// Sums over the concepts of the intact system, for which no cut is looked at. Both are 0 where Φ
/// is 0 without search.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Concepts {
    /// Conceptual information, Σ φ · distance to the null concept.
    pub information: f64,
    /// Σ φ.
    pub sum_phi: f64,
}

impl Engine {
    /// The sums over the concepts of the intact system by IIT 3.0.
    ///
    /// # Errors
    /// As [`approximate`](Engine::approximate).
    pub fn concepts(&self, network: &Network, place: &str) -> Result<Concepts, Error> {
        let subsystem = subsystem(network, Formalism::Iit3, place)?;
        if is_zero_without_search(&subsystem) {
            return Ok(Concepts::default());
        }
        let needed = |n_threads| memory_needed(&subsystem, n_threads, false);
        let found = self.within_memory(place, needed, |options| {
            // How far the problem under way has come is told, and this is none.
            subsystem.structure(&Options { progress: None, ..options })
        })?;
        let structure = match found {
            Ok(structure) => structure,
            Err(reason) => return ended(reason, place).map(|()| Concepts::default()),
        };
        let information = conceptual_information(&subsystem, &structure, Variant::default());
        let information = information.expect("the earth mover's distance is symmetric");
        Ok(Concepts { information, sum_phi: structure.sum_phi() })
    }

    /// A part of the analysis of a network by IIT 3.0, as a number; 0 where Φ is 0 without search.
    ///
    /// # Errors
    /// [`Error::Network`] if the engine does not accept the network, of which `place` says which it
    /// is; [`Error::Interrupted`]; [`Error::Memory`].
    pub fn approximate(
        &self,
        network: &Network,
        approximation: Approximation,
        place: &str,
    ) -> Result<f64, Error> {
        let subsystem = subsystem(network, Formalism::Iit3, place)?;
        let found = self.within_memory(
            place,
            |n_threads| memory_needed(&subsystem, n_threads, false),
            |options| approximation.of(&subsystem, &Options { progress: None, ..options }),
        )?;
        found.or_else(|reason| ended(reason, place).map(|()| 0.0))
    }
}

impl Approximation {
    fn of(self, subsystem: &Subsystem, options: &Options) -> Result<f64, StopReason> {
        let with = |variant| Options { variant, ..options.clone() };
        let phi_with = |variant| {
            let found = big_phi(subsystem, &with(variant));
            if found.is_complete() { Ok(found.phi) } else { Err(found.stop_reason) }
        };
        let one = Variant { cut_one: true, ..Variant::default() };
        match self {
            Approximation::CutOne => phi_with(one),
            Approximation::NoNewConcepts => {
                phi_with(Variant { no_new_concepts: true, ..Variant::default() })
            }
            Approximation::Order(most) => phi_with(Variant { largest_order: Some(most), ..one }),
            Approximation::FewCuts { order, each, only_others } => {
                few_cuts(subsystem, order, each, only_others, options)
            }
        }
    }
}

fn few_cuts(
    subsystem: &Subsystem,
    order: u32,
    each: usize,
    only_others: bool,
    options: &Options,
) -> Result<f64, StopReason> {
    if is_zero_without_search(subsystem) {
        return Ok(0.0);
    }
    let limited = Variant { largest_order: Some(order), ..Variant::default() };
    let limited = Options { variant: limited, ..options.clone() };
    let mut candidates = cut_distances(subsystem, &limited)?;
    candidates.retain(|(cut, _)| !(only_others && cut.parts_one_unit()));
    // Of equal ones the first in the order of cuts.
    candidates.sort_by_key(|(_, distance)| (distance / GRID).round() as i64);
    let chosen = candidates.iter().take(each * subsystem.n_units()).map(|(cut, _)| *cut);
    let mut cuts: Vec<Cut> = Cut::all(subsystem.units()).filter(Cut::parts_one_unit).collect();
    cuts.extend(chosen.filter(|it| !it.parts_one_unit()));
    let found = big_phi_over(subsystem, &cuts, options).expect("cuts of the subsystem");
    if found.is_complete() { Ok(found.phi) } else { Err(found.stop_reason) }
}
