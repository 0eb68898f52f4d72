//! Actual causation: what caused what in a transition between two states (Albantakis, Marshall,
//! Hoel, Tononi 2019, Entropy 21(5): 459).
//!
//! A [`Transition`] is a network that was in one state and then in another, with the units that are
//! considered before (candidate causes) and after (candidate effects). What it comes to is its
//! [`Account`]: a [`CausalLink`] for each occurrence that has an actual cause or an actual effect,
//! with its strength α; and how irreducible all of it is, 𝒜. The [`nexus`] has the 𝒜 of all parts
//! of a transition, [`events`] what has both a cause and an effect in three successive states.
//!
//! ```
//! use pyphi_core::causation::{Background, Scheme, Transition, account};
//! use pyphi_core::{Direction, Network, Options, State};
//!
//! // Fig. 6 of the paper: an OR and an AND gate, each with inputs from both.
//! let tpm = [vec![0.0, 0.0], vec![1.0, 0.0], vec![1.0, 0.0], vec![1.0, 1.0]];
//! let network = Network::from_state_by_node(&tpm, &[vec![1, 1], vec![1, 1]])?;
//! let [before, after] = [State::new(&[1, 0])?, State::new(&[1, 0])?];
//! let both = network.units();
//! let transition = Transition::new(&network, before, after, both, both, Background::Fixed)?;
//!
//! let account = account(&transition, Scheme::All, &Options::default()).unwrap();
//! let links: Vec<String> = account.links().iter().map(|it| it.to_string()).collect();
//! assert_eq!(
//!     links,
//!     [
//!         "{0} <- {0} 0.415037",
//!         "{1} <- {1} 0.415037",
//!         "{0,1} <- {0,1} 0.169925",
//!         "{0} -> {0} 0.415037",
//!         "{1} -> {1} 0.415037",
//!     ]
//! );
//! let whole = account.irreducibility(None, &Options::default()).unwrap();
//! assert!((whole.irreducibility - 0.169925).abs() < 1e-6);
//! # Ok::<(), pyphi_core::Error>(())
//! ```

mod account;
mod alpha;
mod events;
mod irreducibility;
mod nexus;
mod partitions;
pub mod record;
mod transition;

pub use account::{Account, Candidate, CausalLink, account};
pub use events::{Event, events, extrinsic_events};
pub use irreducibility::{Irreducibility, Reason};
pub use nexus::{Nexus, NexusTransition, nexus};
pub use partitions::Scheme;
pub use transition::{Background, Transition};

use crate::network::Network;
use crate::unit_set::UnitSet;

/// Values of α and 𝒜 closer than this are tied; those that are no larger are 0.
pub const TOLERANCE: f64 = 1e-12;

/// Memory that the account of a transition from `n_cause` to `n_effect` units with two values each
/// plans for, in bytes; `None` if that does not fit in a `u64`. For every occurrence and every
/// candidate there are some numbers, `2^(causes + effects)` each; and a table of `3^causes` for
/// each effect.
///
/// ```
/// use pyphi_core::causation::predicted_bytes;
///
/// assert!(predicted_bytes(6, 6).unwrap() < 1 << 20);
/// assert!(predicted_bytes(12, 12).unwrap() > 1 << 30);
/// ```
pub fn predicted_bytes(n_cause: usize, n_effect: usize) -> Option<u64> {
    bytes(std::iter::repeat_n(2, n_cause), n_effect)
}

/// [`predicted_bytes`] from the units `cause` to the units `effect` of a network, with as many
/// values as they have: a table has an entry for each value of a unit, and one for the unit not
/// being known.
///
/// ```
/// use pyphi_core::causation::{predicted_bytes, predicted_bytes_of};
/// use pyphi_core::fixtures;
///
/// let (network, _) = fixtures::dense_logistic_network(4, 1);
/// let all = network.units();
/// assert_eq!(predicted_bytes_of(&network, all, all), predicted_bytes(4, 4));
/// ```
pub fn predicted_bytes_of(network: &Network, cause: UnitSet, effect: UnitSet) -> Option<u64> {
    let sizes: Vec<u64> = cause.iter().map(|it| network.alphabet().size(it) as u64).collect();
    bytes(sizes.iter().copied(), effect.len())
}

fn bytes(cause: impl ExactSizeIterator<Item = u64> + Clone, n_effect: usize) -> Option<u64> {
    // What blocks cost, the least sums and what is left of them, in both directions, as long as the
    // account; the same for 𝒜 with one more table and the rows of a level.
    const TABLES: u64 = 6 + 6;
    let product = |more: u64| {
        cause.clone().try_fold(n_effect as u64, |product, k| product.checked_mul(k + more))
    };
    let known = product(1)?;
    // The probabilities of each unit by the states of the causes, and products of them.
    let by_state = if cause.clone().all(|k| k == 2) { 0 } else { product(0)?.checked_mul(2)? };
    let pairs = 1u64.checked_shl(u32::try_from(cause.len() + n_effect).ok()?)?;
    let all = pairs.checked_mul(TABLES)?.checked_add(known)?.checked_add(by_state)?;
    all.checked_mul(8)
}

/// Memory that the [`nexus`] of a network plans for with `n_threads` threads, in bytes; `None` if
/// that does not fit in a `u64`. Every thread searches the transitions from one set of units.
///
/// ```
/// use pyphi_core::causation::{predicted_bytes, predicted_bytes_of_nexus};
/// use pyphi_core::fixtures;
///
/// let (network, _) = fixtures::dense_logistic_network(4, 1);
/// let expected = predicted_bytes(4, 4).map(|it| it + (1 << 8) * 80);
/// assert_eq!(predicted_bytes_of_nexus(&network, 1), expected);
/// ```
pub fn predicted_bytes_of_nexus(network: &Network, n_threads: usize) -> Option<u64> {
    let [causes, effects] = nexus::sides(network);
    let of_thread = predicted_bytes_of(network, causes, effects)?.checked_mul(n_threads as u64)?;
    let n_pairs = 1u64.checked_shl(u32::try_from(causes.len() + effects.len()).ok()?)?;
    of_thread.checked_add(n_pairs.checked_mul(80)?)
}
