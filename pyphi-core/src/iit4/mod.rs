//! Exact IIT 4.0 (Albantakis et al. 2023, PLoS Comput Biol 19(10): e1011465), and its 2026 refinement.
//!
//! Everything starts from a [`System`]: some units of a substrate in its state. How irreducible it is, is φ_s,
//! the outcome of the [`system_irreducibility_analysis`]. What it specifies is its [`PhiStructure`]: distinctions,
//! relations and Φ, the outcome of [`phi_structure`].
//!
//! Networks, states, sets of units, limits and errors are those of the whole crate. What differs from IIT 3.0,
//! and has its room here: causes are averaged over the background's past; intrinsic information instead of the
//! earth mover's distance; directed set partitions of systems and joint partitions of mechanisms with purviews;
//! normalisation by what a partition severs; ties.

mod canonical;
mod complexes;
mod congruence;
mod distinction;
mod measure;
mod mip;
mod partition;
mod pyphi_order;
pub mod record;
mod relation;
mod sia;
mod structure;
mod system;

pub use complexes::{Complexes, complexes, sweep};
pub use distinction::{Distinction, Mice};
pub use measure::{IntrinsicInformation, SpecifiedState, TIE_TOLERANCE, ZERO_TOLERANCE};
pub use partition::{JointPartition, PartDirection, SystemPartition};
pub use relation::{Face, FaceIter, FaceSide, Relation, RelationIter, Relations};
pub use sia::{Reason, SystemIrreducibilityAnalysis, SystemState, system_irreducibility_analysis};
pub use structure::{PhiStructure, PhiStructureRange, distinction, phi_range, phi_structure};
pub use system::System;

use crate::formalism::{DifferentiationCap, Formalism, TiePolicy};

/// The rules of an analysis that change its result. The default is the formulation of 2023 with principled ties.
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

/// Memory that an analysis of `n_units` units plans for with `n_threads` threads, in bytes; `None` if that does
/// not fit in a `u64`. All share tables of 3ⁿ entries for every unit; each thread has two and a half of 4ⁿ entries, for
/// sets of mechanism units and of purview units.
///
/// ```
/// use pyphi_core::iit4::predicted_bytes;
///
/// assert!(predicted_bytes(7, 2).unwrap() < 2 << 20);
/// assert!(predicted_bytes(12, 2).unwrap() > 512 << 20);
/// ```
pub fn predicted_bytes(n_units: usize, n_threads: usize) -> Option<u64> {
    let n = u32::try_from(n_units).ok()?;
    let (known, pairs) = (3u64.checked_pow(n)?, 4u64.checked_pow(n)?);
    // Causes, effects, their complements and logarithms; the index; both sides of the system's partitions.
    let of_system = known.checked_mul(4 * 8 * n_units as u64 + 4 + 16)?;
    let of_thread = pairs.checked_mul(20)?.checked_add(known.checked_mul(16)?)?;
    of_system.checked_add(of_thread.checked_mul(n_threads as u64)?)
}
