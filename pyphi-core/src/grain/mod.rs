//! The same network on a coarser grain, by IIT 3.0 and by IIT 4.0.
//!
//! IIT 4.0 has **intrinsic units** (Marshall, Findlay, Albantakis, Tononi 2024): an
//! [`IntrinsicUnit`] is made of micro units, or of units again, over some updates, and several are
//! an [`IntrinsicSystem`], which has causes and effects of its own and is cut between its units.
//! [`intrinsic_complexes`] finds out which units are valid, and which systems are complexes.
//!
//! IIT 3.0 has macro systems (Hoel et al. 2013, 2016; Marshall et al. 2018). The two share names
//! and nothing else.
//!
//! A [`Grain`] puts units into boxes with outputs and hidden units ([`BlackBoxing`]), into groups
//! that only count how many are ON ([`CoarseGraining`]), and updates into steps of a time scale. A
//! [`MacroSystem`] is what a network is on a grain; its Φ is what is lost by the least harmful cut
//! of its **micro** units ([`macro_phi`]). [`emergence`] asks all grains.
//!
//! ```
//! use pyphi_core::grain::{CoarseGraining, Grain, Group, MacroSystem, macro_phi};
//! use pyphi_core::{Network, Options, State, UnitSet};
//!
//! // Four units in two pairs: each is ON for sure if both of the other pair are, else rarely.
//! let tpm: Vec<Vec<f64>> = (0..16)
//!     .map(|s: u32| {
//!         let [first, second] = [s & 3 == 3, s >> 2 == 3].map(|on| if on { 1.0 } else { 0.3 });
//!         vec![second, second, first, first]
//!     })
//!     .collect();
//! let network = Network::from_state_by_node(&tpm, &vec![vec![1; 4]; 4])?;
//! let pair = |units: [usize; 2]| Group::new(UnitSet::from_iter(units), &[0, 1]);
//! let groups = CoarseGraining { groups: vec![pair([0, 1]), pair([2, 3])] };
//! let grain = Grain { groups: Some(groups), ..Grain::micro(network.units()) };
//! let system = MacroSystem::new(&network, State::all_off(4), &grain)?;
//! let after = system.tpm().row(0b01); // of the macro units, the first of which was ON
//! assert!((after[0] - 0.09).abs() < 1e-12 && (after[1] - 1.0).abs() < 1e-12);
//! let found = macro_phi(&system, &Options::default()).unwrap();
//! assert!((found.phi - 0.597213).abs() < 1e-6);
//! # Ok::<(), pyphi_core::Error>(())
//! ```

mod automaton;
mod effective_information;
mod emergence;
mod enumeration;
mod intrinsic_search;
mod intrinsic_system;
mod macro_phi;
mod macro_system;
mod unit;

pub use effective_information::{EffectiveInformation, effective_information};
pub use emergence::{Emergence, Grains, best_grain, coarse_graining, emergence};
pub use enumeration::{black_boxings, coarse_grainings};
pub use intrinsic_search::{
    FoundSystem, IntrinsicComplexes, Mappings, UnitBounds, Validity, Verdict, intrinsic_complexes,
    validity,
};
pub use intrinsic_system::IntrinsicSystem;
pub use macro_phi::{MacroPhi, macro_phi};
pub use macro_system::{BlackBoxing, CoarseGraining, Grain, Group, MacroSystem};
pub use unit::{IntrinsicUnit, Mapping, Part};
