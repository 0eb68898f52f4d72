//! Which causes and effects of distinctions agree with the state that the system specifies.
//!
//! Only they belong to the Φ-structure (Albantakis et al. 2023). Where several purviews or
//! states tie for the largest φ this is also where one of them is chosen: see [`TiePolicy`].

use super::distinction::{Distinction, Mice, Tied, Undecided};
use super::pyphi_order;
use super::system::System;
use crate::formalism::TiePolicy;
use crate::repertoire::Direction;
use crate::unit_set::extract;

/// A distinction, and whether its cause and its effect are congruent with the system's states `cause` and `effect`.
pub(crate) fn decide(
    system: &System,
    undecided: &Undecided,
    [cause, effect]: [u32; 2],
    policy: TiePolicy,
) -> (Distinction, bool) {
    let mechanism = undecided.mechanism;
    let side = |direction, tied: &Tied, specified| -> (Mice, bool) {
        let choice =
            choose(tied, specified, policy, || pyphi_order::purviews(system, direction, mechanism));
        let (purview, state, is_congruent) = choice;
        (tied.describe(system, mechanism, purview, state), is_congruent)
    };
    let (cause, cause_is_congruent) = side(Direction::Cause, &undecided.cause, cause);
    let (effect, effect_is_congruent) = side(Direction::Effect, &undecided.effect, effect);
    let distinction =
        Distinction { mechanism: system.to_network(mechanism), phi: undecided.phi, cause, effect };
    (distinction, cause_is_congruent && effect_is_congruent)
}

/// The purview and the state, by position, that count, and whether they are congruent with the specified state of
/// the system.
fn choose(
    tied: &Tied,
    specified: u32,
    policy: TiePolicy,
    order: impl Fn() -> Vec<u32>,
) -> (usize, usize, bool) {
    let purviews = &tied.purviews;
    let congruent_state = |idx: usize| {
        let wanted = extract(specified, purviews[idx].purview);
        purviews[idx].states.iter().position(|&(z, _)| z == wanted)
    };
    let size = |idx: usize| purviews[idx].purview.count_ones();
    // The first of the largest.
    let largest_of = |candidates: Vec<(usize, usize)>| {
        candidates.into_iter().reduce(|a, b| if size(b.0) > size(a.0) { b } else { a })
    };
    match policy {
        TiePolicy::Principled => {
            let congruent =
                (0..purviews.len()).filter_map(|idx| Some((idx, congruent_state(idx)?))).collect();
            match largest_of(congruent) {
                Some((purview, state)) => (purview, state, true),
                None => {
                    let all = (0..purviews.len()).map(|idx| (idx, 0)).collect();
                    let (purview, state) = largest_of(all).expect("at least one purview");
                    (purview, state, false)
                }
            }
        }
        TiePolicy::Pyphi => {
            let mut in_order: Vec<usize> = (0..purviews.len()).collect();
            if in_order.len() > 1 {
                let order = order();
                in_order
                    .sort_by_key(|&idx| order.iter().position(|&it| it == purviews[idx].purview));
            }
            let representative = in_order[0];
            if let Some(state) = congruent_state(representative) {
                return (representative, state, true);
            }
            // Of the others only the first state counts.
            let others = in_order[1..]
                .iter()
                .filter(|&&idx| congruent_state(idx) == Some(0))
                .map(|&idx| (idx, 0))
                .collect();
            match largest_of(others) {
                Some((purview, state)) => (purview, state, true),
                None => (representative, 0, false),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iit4::distinction::TiedPurview;
    use crate::iit4::mip::Minimum;

    fn tied(purviews: &[(u32, &[u32])]) -> Tied {
        let state = |&z: &u32| (z, Minimum { phi: 1.0, blocks: Vec::new() });
        let purviews = purviews.iter().map(|&(purview, states)| TiedPurview {
            purview,
            phi: 1.0,
            states: states.iter().map(state).collect(),
        });
        Tied { phi: 1.0, purviews: purviews.collect() }
    }

    #[test]
    fn the_policies_differ_where_purviews_tie() {
        // Units 0 and 1 and both of them; the system says 01.
        let tied = tied(&[(0b01, &[1]), (0b10, &[1]), (0b11, &[0b10, 0b01])]);
        let order = || vec![0b10, 0b01, 0b11];
        assert_eq!(choose(&tied, 0b01, TiePolicy::Principled, order), (2, 1, true));
        // The first is incongruent; of {0,1} only its first state counts, which is too.
        assert_eq!(choose(&tied, 0b01, TiePolicy::Pyphi, order), (0, 0, true));
        assert_eq!(choose(&tied, 0b10, TiePolicy::Pyphi, order), (1, 0, true));
        assert_eq!(choose(&tied, 0b00, TiePolicy::Pyphi, order), (1, 0, false));
        assert_eq!(choose(&tied, 0b00, TiePolicy::Principled, order), (2, 0, false));
    }
}
