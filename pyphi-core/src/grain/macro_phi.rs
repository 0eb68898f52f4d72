//! Φ of a macro system: what is lost by the least harmful cut of its micro units.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rayon::prelude::*;

use super::macro_system::MacroSystem;
use crate::limits::{Options, Stop, StopReason};
use crate::partition::Cut;
use crate::structure::{CauseEffectStructure, ces_distance};
use crate::subsystem::TOLERANCE;
use crate::unit_set::{UnitSet, bits, deposit};

/// Φ of a macro system.
#[derive(Debug, Clone, PartialEq)]
pub struct MacroPhi {
    /// Φ; 0 if it is within the tolerance.
    pub phi: f64,
    /// The cut of the micro units that takes least, the first of those that tie; `None` where no
    /// cut was tried.
    pub cut: Option<Cut>,
    /// The concepts of the macro units.
    pub ces: CauseEffectStructure,
    /// The concepts under the cut.
    pub partitioned_ces: CauseEffectStructure,
}

/// Φ of a macro system by IIT 3.0. Cuts are of the micro units, and under each the macro system is
/// made anew. Mechanisms that had no concept can get one only if the cut goes through their micro
/// units. Φ is 0 without a search if the macro units do not reach each other, there is no concept,
/// or there is a single micro unit.
///
/// # Errors
/// The reason, if the analysis was stopped, or needs more memory than it may take.
pub fn macro_phi(system: &MacroSystem, options: &Options) -> Result<MacroPhi, StopReason> {
    let found = macro_phi_above(system, f64::NEG_INFINITY, options)?;
    Ok(found.expect("every distance is above that"))
}

/// As [`macro_phi`]; `None` if some cut takes no more than `floor`, which ends the search: Φ is at
/// most [`TOLERANCE`] above the distance of any cut, since the cut that is chosen is at most so
/// much above the least.
pub(super) fn macro_phi_above(
    system: &MacroSystem,
    floor: f64,
    options: &Options,
) -> Result<Option<MacroPhi>, StopReason> {
    let (stop, began) = (Stop::new(options), Instant::now());
    let intact = system.subsystem();
    let ces = intact.structure(options)?;
    let micro = system.grain().units;
    let is_connected = intact.network().is_strongly_connected(intact.units());
    let none = CauseEffectStructure::default();
    if micro.len() == 1 || !is_connected || ces.concepts.is_empty() {
        return Ok(Some(MacroPhi { phi: 0.0, cut: None, ces, partitioned_ces: none }));
    }
    let micro_units = system.grain().micro_units();
    let all = (1u32 << micro.len()) - 1;
    let part = |local: u32| UnitSet::from_bits(deposit(local, micro.bits()));
    let cuts: Vec<Cut> = (1..all)
        .map(|first| Cut { severed_from: part(first), severed_to: part(all ^ first) })
        .collect();
    // The limit on time is that of all cuts.
    let why = |reason| stop.reason().unwrap_or(reason);
    let under = |cut: Cut| -> Result<(f64, CauseEffectStructure), StopReason> {
        if let Some(reason) = stop.reason() {
            return Err(reason);
        }
        // What can be, can be under a cut: no probability becomes 0 that was not.
        let severed = system.under(cut, &stop).expect("the cut system can be in its state");
        let severed = severed.ok_or_else(|| stop.why())?;
        let goes_through = |mechanism: UnitSet| {
            let of = |it: usize| micro_units[it];
            let units = bits(mechanism.bits()).map(of).fold(UnitSet::EMPTY, UnitSet::union);
            [cut.severed_from, cut.severed_to].iter().all(|it| !it.intersection(units).is_empty())
        };
        let mut found = severed.structure(&options.left(began)).map_err(why)?;
        found.concepts.retain(|it| {
            ces.concepts.iter().any(|that| that.mechanism == it.mechanism)
                || goes_through(it.mechanism)
        });
        // What a concept leaves open is as in the intact macro system.
        let distance = ces_distance((intact, &ces), (intact, &found), options.variant);
        Ok((distance.expect("the same units"), found))
    };
    // The structures of all cuts together would take too much memory.
    let is_over = AtomicBool::new(false);
    let distance = |cut: &Cut| -> Result<Option<f64>, StopReason> {
        if is_over.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let distance = under(*cut)?.0;
        if distance <= floor {
            is_over.store(true, Ordering::Relaxed);
            return Ok(None);
        }
        Ok(Some(distance))
    };
    let distances = cuts.par_iter().map(distance).collect::<Result<Option<Vec<f64>>, _>>()?;
    let Some(distances) = distances else { return Ok(None) };
    let least = (0..cuts.len()).reduce(|least, next| {
        if distances[next] < distances[least] - TOLERANCE { next } else { least }
    });
    let cut = cuts[least.expect("two units have a cut")];
    let (phi, partitioned_ces) = under(cut)?;
    let phi = if phi <= TOLERANCE { 0.0 } else { phi };
    Ok(Some(MacroPhi { phi, cut: Some(cut), ces, partitioned_ces }))
}
