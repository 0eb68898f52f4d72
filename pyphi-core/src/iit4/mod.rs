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
pub(crate) use measure::is_tied;
pub use measure::{IntrinsicInformation, SpecifiedState, TIE_TOLERANCE, ZERO_TOLERANCE};
pub use partition::{JointPartition, PartDirection, SystemPartition};
pub(crate) use partition::{for_each_joint, set_partitions};
pub use relation::{Face, FaceIter, FaceSide, Relation, RelationIter, Relations};
pub(crate) use sia::analyse;
pub use sia::{
    Reason, SystemIrreducibilityAnalysis, SystemState, phi_s_under, system_irreducibility_analysis,
};
pub use structure::{
    PhiSpectrum, PhiStructure, PhiStructureRange, distinction, phi_range, phi_spectrum,
    phi_structure,
};
pub use system::System;
pub(crate) use system::{Substrate, check_connections};

use crate::alphabet::Alphabet;
use crate::formalism::{DifferentiationCap, Formalism, TiePolicy};
use crate::network::Network;

/// The rules of an analysis that change its result. The default is the formulation of 2023 with the
/// ties that make Φ largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rules {
    /// The cap on φ_s of the 2026 formulation; `None` in 2023.
    pub cap: Option<DifferentiationCap>,
    /// The choice among purviews that tie.
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
    let two = || std::iter::repeat_n(2, n_units);
    let known = n_known(two())?;
    let of_threads = bytes_of_threads(n_units, known, n_threads)?;
    let of_known = bytes_of_known(two(), known)?.checked_add(of_threads)?;
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
    let two = || std::iter::repeat_n(2, n_units);
    bytes_of_states(two())?.checked_add(system_mip::bytes(n_units, n_threads)?)
}

/// [`predicted_bytes`] of units with any number of values: what has an entry for each state has
/// one for each state of these.
///
/// ```
/// use pyphi_core::Alphabet;
/// use pyphi_core::iit4::{predicted_bytes, predicted_bytes_of_values};
///
/// assert_eq!(predicted_bytes_of_values(&Alphabet::binary(7), 2), predicted_bytes(7, 2));
/// let four = Alphabet::new(&[4; 7])?;
/// assert!(predicted_bytes_of_values(&four, 2) > predicted_bytes(7, 2));
/// # Ok::<(), pyphi_core::Error>(())
/// ```
pub fn predicted_bytes_of_values(alphabet: &Alphabet, n_threads: usize) -> Option<u64> {
    let n = alphabet.n_units();
    let known = n_known(sizes(alphabet))?;
    let of_known = bytes_of_known(sizes(alphabet), known)?;
    let of_threads = bytes_of_threads(n, known, n_threads)?;
    let of_states = bytes_of_states(sizes(alphabet))?;
    let of_phi_s = of_states.checked_add(system_mip::bytes(n, n_threads)?)?;
    of_known.checked_add(of_threads)?.checked_add(of_phi_s)
}

fn sizes(alphabet: &Alphabet) -> impl Iterator<Item = u64> + Clone + use<> {
    alphabet.sizes().into_iter().map(|k| k as u64)
}

/// The number of pairs of a set of known units and their state.
fn n_known(mut sizes: impl Iterator<Item = u64>) -> Option<u64> {
    sizes.try_fold(1u64, |product, k| product.checked_mul(k + 1))
}

/// Causes, which may be wide numbers, effects of each value; what the states are specified by.
fn bytes_of_states(sizes: impl Iterator<Item = u64> + Clone) -> Option<u64> {
    let of_state = 8 * (sizes.clone().map(|k| k + 2).sum::<u64>() + 6);
    let states = { sizes }.try_fold(1u64, |product, k| product.checked_mul(k))?;
    states.checked_mul(of_state)
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
    // The largest one in units and that in states may be two.
    let of_searches = system_mip::bytes(network.most_connected(), 1)?;
    let largest = network.alphabet().of_units(network.largest_component().bits());
    let of_system = of_searches.checked_add(bytes_of_states(sizes(&largest))?)?;
    of_system.checked_mul(n_threads as u64)?.checked_add(of_states)
}

/// Memory that the Φ-structure of a system plans for with `n_threads` threads, in bytes; `u64::MAX`
/// where that is more. With probabilities near the end of the range of floats it is more than
/// [`predicted_bytes`].
pub fn memory_needed(system: &System, n_threads: usize) -> u64 {
    let n = system.n_units();
    let of_wide = match system.causes {
        system::Causes::Floats(_) => 0,
        system::Causes::Wide(_) => {
            n_known(sizes(system.alphabet())).unwrap_or(u64::MAX).saturating_mul(16 * n as u64)
        }
    };
    let bytes = predicted_bytes_of_values(system.alphabet(), n_threads);
    bytes.map_or(u64::MAX, |bytes| bytes.saturating_add(of_wide))
}

/// Memory that φ_s of a system plans for with `n_threads` threads, in bytes; `u64::MAX` where that
/// is more. See [`predicted_bytes_of_phi_s`].
pub fn memory_needed_of_phi_s(system: &System, n_threads: usize) -> u64 {
    let of_searches = system_mip::bytes(system.n_units(), n_threads);
    let of_states = bytes_of_states(sizes(system.alphabet()));
    of_searches.zip(of_states).and_then(|(a, b)| a.checked_add(b)).unwrap_or(u64::MAX)
}

/// Causes and their logarithms, effects of each value; the index, and where states are in it.
fn bytes_of_known(sizes: impl Iterator<Item = u64>, known: u64) -> Option<u64> {
    known.checked_mul(8 * sizes.map(|k| k + 2).sum::<u64>() + 4)
}

/// Sums over sets of mechanism units and of purview units, forward probabilities.
fn bytes_of_threads(n_units: usize, known: u64, n_threads: usize) -> Option<u64> {
    let pairs = 4u64.checked_pow(u32::try_from(n_units).ok()?)?;
    // Of relations: how many distinctions have each set of the elements, of which there are two a
    // unit.
    let of_relations = pairs.checked_mul(4)?;
    let of_thread = pairs.checked_mul(20)?.checked_add(known.checked_mul(24)?)?;
    of_thread.checked_mul(n_threads as u64)?.checked_add(of_relations)
}
