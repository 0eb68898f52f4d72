//! Exact IIT 4.0 (Albantakis et al. 2023, PLoS Comput Biol 19(10): e1011465), and its 2026
//! refinement.
//!
//! Everything starts from a [`System`]: some units of a substrate in its state. How irreducible it
//! is, is φ_s, the outcome of the [`system_irreducibility_analysis`]. What it specifies is its
//! [`PhiStructure`]: distinctions, relations and Φ, the outcome of [`phi_structure`].
//!
//! Networks, states, sets of units, limits and errors are those of the whole crate. What differs
//! from IIT 3.0, and has its room here: causes are averaged over the background's past; intrinsic
//! information instead of the earth mover's distance; directed set partitions of systems and joint
//! partitions of mechanisms with purviews; normalisation by what a partition severs; ties.

mod canonical;
mod complexes;
mod congruence;
mod distinction;
mod listing;
mod max_phi;
mod measure;
mod mip;
mod partition;
mod pyphi_order;
pub mod record;
mod relation;
mod sia;
mod side;
mod structure;
mod system;
mod system_mip;

pub use complexes::{Complexes, complexes, sweep};
pub use distinction::{Distinction, Mice, PurviewAnalysis, PurviewState};
pub use max_phi::ChoiceProof;
pub use measure::{IntrinsicInformation, SpecifiedState, TIE_TOLERANCE, ZERO_TOLERANCE};
pub(crate) use partition::for_each_joint;
pub use partition::{JointPartition, PartDirection, SystemPartition};
pub use relation::{Face, FaceIter, FaceSide, Relation, RelationIter, Relations};
pub use sia::{
    Reason, SystemIrreducibilityAnalysis, SystemState, phi_s_under, system_irreducibility_analysis,
};
pub use structure::{
    PhiSpectrum, PhiStructure, PhiStructureRange, distinction, phi_range, phi_spectrum,
    phi_structure,
};
pub use system::System;
pub(crate) use system::check_connections;

use crate::formalism::{DifferentiationCap, Formalism, TiePolicy};
use crate::network::Network;

/// The rules of an analysis that change its result. The default is the formulation of 2023 with the
/// ties that make Φ largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rules {
    /// The cap on φ_s of the 2026 formulation; none in 2023.
    pub cap: Option<DifferentiationCap>,
    /// What to do with ties between purviews.
    pub ties: TiePolicy,
}

impl Rules {
    /// The rules of a formulation of IIT 4.0; `None` for IIT 3.0.
    pub fn of(formalism: Formalism, ties: TiePolicy) -> Option<Rules> {
        formalism.is_iit4().then(|| Rules { cap: formalism.differentiation_cap(), ties })
    }

    /// The formulation that has these rules.
    pub fn formalism(self) -> Formalism {
        self.cap.map_or(Formalism::Iit4_2023, Formalism::Iit4_2026)
    }
}

/// Memory that a Φ-structure of `n_units` units plans for with `n_threads` threads, in bytes;
/// `None` if that does not fit in a `u64`. All share tables of 3ⁿ entries for every unit; each
/// thread has two and a half of 4ⁿ entries, for sets of mechanism units and of purview units.
///
/// ```
/// use pyphi_core::iit4::predicted_bytes;
///
/// assert!(predicted_bytes(7, 2).unwrap() < 2 << 20);
/// assert!(predicted_bytes(12, 2).unwrap() > 512 << 20);
/// ```
pub fn predicted_bytes(n_units: usize, n_threads: usize) -> Option<u64> {
    let of_known = bytes_of_known(n_units)?.checked_add(bytes_of_threads(n_units, n_threads)?)?;
    of_known.checked_add(predicted_bytes_of_phi_s(n_units, n_threads)?)
}

/// Memory that φ_s of `n_units` units plans for with `n_threads` threads, in bytes; `None` if that
/// does not fit in a `u64`: some tables of 2ⁿ entries for every unit, and of 2ⁿ on each thread.
///
/// ```
/// use pyphi_core::iit4::{predicted_bytes, predicted_bytes_of_phi_s};
///
/// assert!(predicted_bytes_of_phi_s(12, 2) < predicted_bytes(8, 2));
/// ```
pub fn predicted_bytes_of_phi_s(n_units: usize, n_threads: usize) -> Option<u64> {
    // Causes, which may be wide numbers, effects and their complements; what the states are
    // specified by.
    let states = 1u64.checked_shl(u32::try_from(n_units).ok()?)?;
    let of_state = 8 * (4 * n_units as u64 + 6);
    states.checked_mul(of_state)?.checked_add(system_mip::bytes(n_units, n_threads)?)
}

/// Memory that [`complexes`] plans for with `n_threads` threads, in bytes; `None` if that does not
/// fit in a `u64`. Every thread searches a candidate system, the largest of which are all units
/// that reach each other; all share a number for each state of the network. Where candidates tie in
/// φ_s and overlap, Φ decides, and [`predicted_bytes`] is looked at then.
///
/// ```
/// use pyphi_core::iit4::{predicted_bytes_of_complexes, predicted_bytes_of_phi_s};
/// use pyphi_core::fixtures;
///
/// let network = fixtures::or_and_xor().network().clone();
/// assert!(predicted_bytes_of_complexes(&network, 2) > predicted_bytes_of_phi_s(3, 2));
/// ```
pub fn predicted_bytes_of_complexes(network: &Network, n_threads: usize) -> Option<u64> {
    let of_states = (network.tpm().n_states() as u64).checked_mul(16)?;
    let of_system = predicted_bytes_of_phi_s(network.most_connected(), 1)?;
    of_system.checked_mul(n_threads as u64)?.checked_add(of_states)
}

/// Memory that the Φ-structure of a system plans for with `n_threads` threads, in bytes; `u64::MAX`
/// where that is more. With probabilities near the end of the range of floats it is more than
/// [`predicted_bytes`].
pub fn memory_needed(system: &System, n_threads: usize) -> u64 {
    let n = system.n_units();
    let of_wide = match system.causes {
        system::Causes::Floats(_) => 0,
        system::Causes::Wide(_) => 3u64.saturating_pow(n as u32).saturating_mul(16 * n as u64),
    };
    predicted_bytes(n, n_threads).map_or(u64::MAX, |bytes| bytes.saturating_add(of_wide))
}

/// Memory that φ_s of a system plans for with `n_threads` threads, in bytes; `u64::MAX` where that
/// is more. See [`predicted_bytes_of_phi_s`].
pub fn memory_needed_of_phi_s(system: &System, n_threads: usize) -> u64 {
    predicted_bytes_of_phi_s(system.n_units(), n_threads).unwrap_or(u64::MAX)
}

/// Causes, effects, their complements and logarithms; the index.
fn bytes_of_known(n_units: usize) -> Option<u64> {
    let known = 3u64.checked_pow(u32::try_from(n_units).ok()?)?;
    known.checked_mul(4 * 8 * n_units as u64 + 4)
}

/// Sums over sets of mechanism units and of purview units, forward probabilities.
fn bytes_of_threads(n_units: usize, n_threads: usize) -> Option<u64> {
    let n = u32::try_from(n_units).ok()?;
    let (known, pairs) = (3u64.checked_pow(n)?, 4u64.checked_pow(n)?);
    // Of relations: how many distinctions have each set of the elements, of which there are two a
    // unit.
    let of_relations = pairs.checked_mul(4)?;
    let of_thread = pairs.checked_mul(20)?.checked_add(known.checked_mul(24)?)?;
    of_thread.checked_mul(n_threads as u64)?.checked_add(of_relations)
}
