//! IIT 4.0: the engine against the oracle on random networks, and laws that hold for all of them.
//!
//! `PHI_IIT4_NETWORKS` sets how many networks of 1 to 3 units are compared, `PHI_IIT4_NETWORKS_4` how many of
//! 4 units.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyphi_core::ErrorKind;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::iit4_answer::{SystemAnswer, different, far, phi_s_by_engine, phi_s_by_oracle};
use crate::iit4_oracle::{Cap, Ties};
use crate::networks::{Family, Network, logistic, numberings, random};
use crate::properties::{check, count};

const POLICIES: [Ties; 2] = [Ties::Principled, Ties::Pyphi];
const CAPS: [Cap; 3] = [Cap::None, Cap::Pyphi, Cap::Paper];

/// A ring of logistic units that all hear the same from their neighbours: full of ties that rounding could
/// tell apart.
fn symmetric_logistic(n: usize, seed: u64) -> Network {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let weights: Vec<f64> =
        (0..n).map(|_| *[0.0, 0.2, 0.3, 0.4, 1.0, -0.7].choose(&mut rng).expect("some")).collect();
    let slope = *[0.7, 1.3, 2.0, 4.0].choose(&mut rng).expect("some");
    let mut network = logistic(n, slope, |i, j| weights[(j + n - i) % n]);
    network.name = format!("symmetric logistic, {n} units, seed {seed}");
    let n_on = rng.random_range(0..=n);
    network.state = (0..n).map(|i| u8::from(i < n_on)).collect();
    if n > 1 && rng.random_bool(0.2) {
        network.nodes.pop();
    }
    network
}

/// The first networks of the given sizes, every family in turn. Units that hear what the CM does not connect
/// are left out: IIT 4.0 refuses them.
fn networks(sizes: &'static [usize], count: usize) -> impl IndexedParallelIterator<Item = Network> {
    let families: Vec<Option<Family>> = (Family::ALL.into_iter().map(Some))
        .filter(|&it| it != Some(Family::Overheard))
        .chain([None])
        .collect();
    (0..count).into_par_iter().map(move |idx| {
        let n = sizes[idx / families.len() % sizes.len()];
        match families[idx % families.len()] {
            Some(family) => random(family, n, idx as u64),
            None => symmetric_logistic(n, idx as u64),
        }
    })
}

const UP_TO_THREE: &[usize] = &[3, 2, 3, 3, 1];
const FOUR: &[usize] = &[4];

// --- Engine and oracle -----------------------------------------------------------------------------------

/// What is wrong with the engine's partition, given all that are tied.
fn partition_differs(actual: &SystemAnswer, tied: &[Vec<(usize, usize)>]) -> Option<String> {
    let found = &actual.partition;
    if !found.cuts_what_it_says() {
        return Some(format!("{found:?}"));
    }
    let is_minimal = tied.is_empty() || tied.contains(&found.cut_edges);
    (!is_minimal).then(|| format!("{found:?}, expected one of {tied:?}"))
}

fn phi_s_differs(network: &Network) -> Option<String> {
    POLICIES.into_iter().find_map(|ties| {
        CAPS.into_iter().find_map(|cap| {
            let expected = phi_s_by_oracle(network, ties, cap);
            let why = match (&expected, phi_s_by_engine(network, ties, cap)) {
                (None, Err(err)) if matches!(err.kind(), ErrorKind::Unreachable { .. }) => None,
                (Some(expected), Ok(actual)) => {
                    let system = &expected.answer.system;
                    let difference = system.difference(&actual);
                    difference.or_else(|| partition_differs(&actual, &expected.tied_cuts))
                }
                (expected, actual) => Some(format!(
                    "{actual:?}, expected a state that is reached: {}",
                    expected.is_some()
                )),
            };
            why.map(|why| format!("{ties:?}, {cap:?}: {why}"))
        })
    })
}

#[test]
fn phi_s_agrees_with_oracle() {
    check(networks(UP_TO_THREE, count("PHI_IIT4_NETWORKS", 3000)), phi_s_differs);
}

#[test]
fn phi_s_agrees_with_oracle_on_four_units() {
    check(networks(FOUR, count("PHI_IIT4_NETWORKS_4", 300)), phi_s_differs);
}

// --- Laws --------------------------------------------------------------------------------------------------

/// φ_s and what goes with it does not depend on how the units are numbered, whatever is tied.
#[test]
fn relabelling_keeps_phi_s() {
    check(networks(UP_TO_THREE, 600), |network| {
        let ties = Ties::Principled;
        let before = phi_s_by_engine(network, ties, Cap::None).ok()?;
        numberings(network.n_units()).into_iter().find_map(|order| {
            let after = phi_s_by_engine(&network.relabelled(&order), ties, Cap::None).ok()?;
            let ii = |it: &SystemAnswer| {
                it.sia_system_state.as_ref().map_or([0.0; 2], |it| [it.cause.ii, it.effect.ii])
            };
            let differs = far(before.phi_s, after.phi_s)
                || far(before.normalized_phi_s, after.normalized_phi_s)
                || before.reasons != after.reasons
                || ii(&before).iter().zip(ii(&after)).any(|(a, b)| far(*a, b));
            differs.then(|| format!("{before:?}, and {after:?} under {order:?}"))
        })
    });
}

/// The cap of 2026 only lowers φ_s.
#[test]
fn phi_s_of_2026_is_at_most_that_of_2023() {
    let n_lowered = AtomicUsize::new(0);
    check(networks(UP_TO_THREE, 1200), |network| {
        let answer = |cap| phi_s_by_engine(network, Ties::Principled, cap).ok();
        let uncapped = answer(Cap::None)?;
        [Cap::Pyphi, Cap::Paper].into_iter().find_map(|cap| {
            let capped = answer(cap)?;
            n_lowered.fetch_add(usize::from(capped.phi_s < uncapped.phi_s), Ordering::Relaxed);
            let is_wrong = capped.phi_s > uncapped.phi_s || capped.phi_s < 0.0;
            let what = is_wrong.then(|| format!("{} > {}", capped.phi_s, uncapped.phi_s));
            let cut = |it: &SystemAnswer| it.partition.cut_edges.clone();
            what.or_else(|| different("partition", cut(&uncapped), cut(&capped)))
        })
    });
    let n_lowered = n_lowered.into_inner();
    assert!(n_lowered >= 50, "only {n_lowered} networks were capped");
}

#[test]
fn phi_s_is_zero_unless_strongly_connected() {
    let n_weak = AtomicUsize::new(0);
    check(networks(UP_TO_THREE, 1500), |network| {
        if network.system()?.strongly_connected() {
            return None;
        }
        n_weak.fetch_add(1, Ordering::Relaxed);
        let answer = phi_s_by_engine(network, Ties::Principled, Cap::None).ok()?;
        let is_zero = answer.phi_s == 0.0 && answer.reasons == ["NO_STRONG_CONNECTIVITY"];
        (!is_zero).then(|| format!("{answer:?}"))
    });
    let n_weak = n_weak.into_inner();
    assert!(n_weak >= 100, "only {n_weak} networks that are not strongly connected were tried");
}

/// A unit that depends on another one without a connection makes no network of IIT 4.0.
#[test]
fn what_is_heard_must_be_connected() {
    let n_refused = AtomicUsize::new(0);
    let overheard = (0..200).into_par_iter().map(|seed| random(Family::Overheard, 3, seed));
    check(overheard, |network| {
        let n = network.n_units();
        let depends = |i: usize, j: usize| {
            let rows = (0..1 << n).filter(|row| row >> i & 1 == 0);
            { rows }.any(|row: usize| network.tpm[row][j] != network.tpm[row | 1 << i][j])
        };
        let is_heard =
            (0..n * n).any(|at| network.cm[at / n][at % n] == 0 && depends(at / n, at % n));
        n_refused.fetch_add(usize::from(is_heard), Ordering::Relaxed);
        match phi_s_by_engine(network, Ties::Principled, Cap::None) {
            Err(err) if matches!(err.kind(), ErrorKind::MissingConnection { .. }) => {
                (!is_heard).then(|| err.to_string())
            }
            answer => is_heard.then(|| format!("{answer:?}")),
        }
    });
    assert!(n_refused.into_inner() >= 100);
}
