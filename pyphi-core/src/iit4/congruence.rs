//! The congruence of distinctions: their causes and effects must agree with the state that the
//! system specifies.
//!
//! Only congruent distinctions belong to the Φ-structure (Albantakis et al. 2023). Where several
//! purviews or states tie for the largest φ this is also where one of them is chosen: see
//! [`TiePolicy`].

use std::cmp::Reverse;

use super::distinction::{Distinction, Mice, TiedPurview, TiedPurviews, Undecided};
use super::pyphi_order;
use super::system::System;
use crate::alphabet::Alphabet;
use crate::formalism::TiePolicy;
use crate::repertoire::Direction;
use crate::tie_order::LocalOrder;

/// A distinction, and whether its cause and its effect are congruent with the system's states
/// `cause` and `effect`.
pub(crate) fn decide(
    system: &System,
    undecided: &Undecided,
    [cause, effect]: [u32; 2],
    policy: TiePolicy,
    order: LocalOrder,
) -> (Distinction, bool) {
    let (mechanism, alphabet) = (undecided.mechanism, system.alphabet());
    let side = |direction, tied: &TiedPurviews, specified| -> (Mice, bool) {
        let (purview, state, is_congruent) = match policy {
            // Of one distinction alone there is no Φ to make large.
            TiePolicy::Principled | TiePolicy::MaxPhi => {
                let place = |it| order.place(direction, mechanism, it);
                largest_congruent(alphabet, tied, specified, place)
            }
            TiePolicy::Pyphi => first_of_pyphi(alphabet, tied, specified, || {
                pyphi_order::purviews(system, direction, mechanism)
            }),
        };
        (tied.describe(system, mechanism, purview, state), is_congruent)
    };
    let (cause, cause_is_congruent) = side(Direction::Cause, &undecided.cause, cause);
    let (effect, effect_is_congruent) = side(Direction::Effect, &undecided.effect, effect);
    let distinction =
        Distinction { mechanism: system.to_network(mechanism), phi: undecided.phi, cause, effect };
    (distinction, cause_is_congruent && effect_is_congruent)
}

/// The state of a tied purview that is congruent with the specified state of the system, by
/// position.
fn congruent_state(alphabet: &Alphabet, it: &TiedPurview, specified: u32) -> Option<usize> {
    let wanted = alphabet.part(specified, it.purview);
    it.states.iter().position(|&(z, _)| z == wanted)
}

/// The purview and the state, by position, that count under the principled policy, and whether they
/// are congruent with the specified state of the system. `place` decides among purviews of one
/// size.
fn largest_congruent<P: Ord>(
    alphabet: &Alphabet,
    tied: &TiedPurviews,
    specified: u32,
    place: impl Fn(u32) -> P,
) -> (usize, usize, bool) {
    let rank = |idx: usize| {
        let purview = tied.purviews[idx].purview;
        (Reverse(purview.count_ones()), place(purview))
    };
    let all = 0..tied.purviews.len();
    all.clone()
        .filter_map(|idx| {
            Some((idx, congruent_state(alphabet, &tied.purviews[idx], specified)?, true))
        })
        .min_by_key(|&(idx, ..)| rank(idx))
        .or_else(|| all.map(|idx| (idx, 0, false)).min_by_key(|&(idx, ..)| rank(idx)))
        .expect("at least one purview")
}

/// The same under the policy `pyphi`; `order` is that of its set of candidates.
fn first_of_pyphi(
    alphabet: &Alphabet,
    tied: &TiedPurviews,
    specified: u32,
    order: impl Fn() -> Vec<u32>,
) -> (usize, usize, bool) {
    let purviews = &tied.purviews;
    let mut in_order: Vec<usize> = (0..purviews.len()).collect();
    if in_order.len() > 1 {
        let order = order();
        in_order.sort_by_key(|&idx| order.iter().position(|&it| it == purviews[idx].purview));
    }
    let representative = in_order[0];
    if let Some(state) = congruent_state(alphabet, &purviews[representative], specified) {
        return (representative, state, true);
    }
    // Of the others only the first state counts, and of these the first of the largest purviews.
    let size = |idx: usize| purviews[idx].purview.count_ones();
    in_order[1..]
        .iter()
        .copied()
        .filter(|&idx| congruent_state(alphabet, &purviews[idx], specified) == Some(0))
        .reduce(|a, b| if size(b) > size(a) { b } else { a })
        .map_or((representative, 0, false), |idx| (idx, 0, true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iit4::mip::Minimum;

    fn tied(purviews: &[(u32, &[u32])]) -> TiedPurviews {
        let state = |&z: &u32| (z, Minimum { phi: 1.0, blocks: Vec::new() });
        let purviews = purviews.iter().map(|&(purview, states)| TiedPurview {
            purview,
            phi: 1.0,
            states: states.iter().map(state).collect(),
        });
        TiedPurviews { phi: 1.0, purviews: purviews.collect() }
    }

    #[test]
    fn the_policies_differ_where_purviews_tie() {
        // Units 0 and 1 and both of them; the system says 01.
        let tied = tied(&[(0b01, &[1]), (0b10, &[1]), (0b11, &[0b10, 0b01])]);
        let order = || vec![0b10, 0b01, 0b11];
        let alphabet = Alphabet::binary(2);
        let principled = |specified| largest_congruent(&alphabet, &tied, specified, |it| it);
        let pyphi = |specified| first_of_pyphi(&alphabet, &tied, specified, order);
        assert_eq!(principled(0b01), (2, 1, true));
        // The first is incongruent; of {0,1} only its first state counts, which is too.
        assert_eq!(pyphi(0b01), (0, 0, true));
        assert_eq!(pyphi(0b10), (1, 0, true));
        assert_eq!(pyphi(0b00), (1, 0, false));
        assert_eq!(principled(0b00), (2, 0, false));
    }
}
