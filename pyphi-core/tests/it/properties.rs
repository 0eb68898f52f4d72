//! The engine against the oracle on random networks, and laws that hold for all of them.
//!
//! `PHI_ORACLE_NETWORKS` sets how many networks of 2 to 4 units are compared, `PHI_ORACLE_NETWORKS_5` how
//! many of 5 units.

use std::env;

use proptest::prelude::*;
use pyphi_core::{Direction, Options, Partition, UnitSet, big_phi, complexes, major_complex};
use rayon::prelude::*;

use crate::answer::{Answer, by_engine, by_oracle, difference, far, json_by_engine, subsystem};
use crate::networks::{Family, Network, majority, random};
use crate::oracle::{self, Mask};

/// The value of an environment variable that holds a count.
fn count(variable: &str, default: usize) -> usize {
    match env::var(variable) {
        Ok(value) => value.parse().unwrap_or_else(|_| panic!("{variable}={value}: not a count")),
        Err(_) => default,
    }
}

/// The first networks of 2 to 4 units, every family in turn.
fn networks(count: usize) -> impl IndexedParallelIterator<Item = Network> {
    let n_families = Family::ALL.len();
    (0..count).into_par_iter().map(move |idx| {
        let n = [2, 3, 4, 3][idx / n_families % 4];
        random(Family::ALL[idx % n_families], n, idx as u64)
    })
}

/// Panics with the smallest network that breaks a law, as a record for `phi --network`, and how many do.
#[track_caller]
fn check(
    networks: impl ParallelIterator<Item = Network>,
    broken: impl Fn(&Network) -> Option<String> + Sync,
) {
    let mut failures: Vec<(Network, String)> =
        networks.filter_map(|network| broken(&network).map(|why| (network, why))).collect();
    failures.sort_by_key(|(network, _)| (network.n_units(), network.nodes.len()));
    if let Some((network, why)) = failures.first() {
        panic!("{} networks, the smallest: {why}\n{network}", failures.len());
    }
}

fn exhaustive() -> Options {
    Options { exhaustive: true, ..Options::default() }
}

/// The purviews or mechanisms of a candidate system: all its subsets, the empty one included.
fn all_subsets(network: &Network) -> impl Iterator<Item = Mask> + Clone {
    0..1 << network.nodes.len()
}

fn unit_set(system: &oracle::System, set: Mask) -> UnitSet {
    system.units(set).into_iter().collect()
}

const DIRECTIONS: [(Direction, oracle::Direction); 2] = [
    (Direction::Cause, oracle::Direction::Cause),
    (Direction::Effect, oracle::Direction::Effect),
];

// --- Engine and oracle -------------------------------------------------------------------------------

fn engine_differs(network: &Network) -> Option<String> {
    let expected = by_oracle(network);
    if let Some(why) = difference(&expected, &by_engine(network, &Options::default())) {
        return Some(format!("pruned: {why}"));
    }
    let why = difference(&expected, &by_engine(network, &exhaustive()))?;
    Some(format!("exhaustive: {why}"))
}

#[test]
fn engine_agrees_with_oracle() {
    check(networks(count("PHI_ORACLE_NETWORKS", 3000)), engine_differs);
}

#[test]
fn engine_agrees_with_oracle_on_five_units() {
    let count = count("PHI_ORACLE_NETWORKS_5", 9);
    let networks = (0..count).into_par_iter().map(|idx| {
        let family = Family::ALL[idx % Family::ALL.len()];
        random(family, 5, idx as u64)
    });
    check(networks, engine_differs);
}

#[test]
fn repertoires_agree_with_oracle_and_sum_to_one() {
    check(networks(400), |network| {
        let (system, engine) = (network.system()?, subsystem(network));
        for mechanism in all_subsets(network) {
            for purview in all_subsets(network) {
                let (m, p) = (unit_set(&system, mechanism), unit_set(&system, purview));
                for (direction, oracle_direction) in DIRECTIONS {
                    let expected = system.repertoire(oracle_direction, mechanism, purview);
                    let actual = engine.repertoire(direction, m, p).probabilities;
                    let equal = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-13;
                    let sum: f64 = actual.iter().sum();
                    if expected.len() != actual.len()
                        || !expected.iter().zip(&actual).all(equal)
                        || actual.iter().any(|&probability| probability < 0.0)
                        || (sum - 1.0).abs() > 1e-13
                    {
                        return Some(format!(
                            "{direction:?} repertoire of {m} over {p}: {actual:?}, expected {expected:?}"
                        ));
                    }
                }
            }
        }
        None
    });
}

#[test]
fn small_phi_and_its_partition_agree_with_oracle() {
    check(networks(600), |network| {
        let (system, engine) = (network.system()?, subsystem(network));
        for mechanism in all_subsets(network).skip(1) {
            for purview in all_subsets(network).skip(1) {
                let (m, p) = (unit_set(&system, mechanism), unit_set(&system, purview));
                for (direction, oracle_direction) in DIRECTIONS {
                    let (phi, parts) = system.mip(oracle_direction, mechanism, purview);
                    let actual = engine.mip(direction, m, p);
                    // Up to the tolerance φ is 0, and which partition shows it does not matter.
                    let is_zero = phi <= oracle::TOLERANCE;
                    let expected = parts.map(|(m, p)| (unit_set(&system, m), unit_set(&system, p)));
                    let found = actual.partition.map(|it: Partition| {
                        [
                            (it.first_mechanism, it.first_purview),
                            (it.second_mechanism, it.second_purview),
                        ]
                    });
                    let agrees = if is_zero {
                        (0.0..=oracle::TOLERANCE).contains(&actual.phi)
                    } else {
                        !far(actual.phi, phi) && found == Some(expected)
                    };
                    if !agrees {
                        return Some(format!(
                            "{direction:?} φ of {m} over {p}: {} by {found:?}, expected {phi} by {expected:?}",
                            actual.phi
                        ));
                    }
                }
            }
        }
        None
    });
}

#[test]
fn complexes_agree_with_oracle() {
    check(networks(300), |network| {
        let expected = oracle::complexes(&network.tpm, &network.cm, &network.state);
        let engine = subsystem(network);
        let options = Options::default();
        let found = complexes(engine.network(), engine.state(), &options).expect("a valid state");
        let units = |it: &[usize]| it.iter().copied().collect::<UnitSet>();
        if found.len() != expected.len() {
            return Some(format!("{} complexes, expected {}", found.len(), expected.len()));
        }
        for (nodes, big_phi) in &expected {
            match found.iter().find(|it| it.units == units(nodes)) {
                Some(it) if !far(it.phi, big_phi.phi) => {}
                it => {
                    let phi = it.map(|it| it.phi);
                    return Some(format!("complex {nodes:?}: Φ {phi:?}, expected {}", big_phi.phi));
                }
            }
        }
        let expected = oracle::major_complex(&expected).map(|(nodes, _)| units(nodes));
        let major = major_complex(engine.network(), engine.state(), &options).expect("a valid state");
        let major = major.map(|it| it.units);
        (major != expected).then(|| format!("major complex {major:?}, expected {expected:?}"))
    });
}

// --- Laws --------------------------------------------------------------------------------------------

/// A numbering of the units, another one for every seed.
fn numbering(n: usize, seed: usize) -> Vec<usize> {
    let mut left: Vec<usize> = (0..n).collect();
    (0..n).map(|k| left.remove((seed / (k + 1)) % left.len())).collect()
}

/// Every φ(M, P) and every repertoire is that of the renamed units; Φ is the same where only φ and size
/// decided which purviews are core.
#[test]
fn relabelling_permutes_small_phi() {
    check(networks(400).enumerate().map(|(seed, network)| Network { name: format!("{seed}"), ..network }), |network| {
        let order = numbering(network.n_units(), network.name.parse().expect("a number"));
        let renamed = |set: UnitSet| set.iter().map(|unit| order[unit]).collect::<UnitSet>();
        let (engine, relabelled) = (subsystem(network), subsystem(&network.relabelled(&order)));
        let units = engine.units();
        for m in units.subsets_by_size() {
            for p in units.subsets_by_size() {
                for (direction, _) in DIRECTIONS {
                    let phi = engine.mip(direction, m, p).phi;
                    let after = relabelled.mip(direction, renamed(m), renamed(p)).phi;
                    if far(phi, after) || phi < 0.0 {
                        return Some(format!(
                            "{direction:?} φ of {m} over {p} is {phi}, and {after} under {order:?}"
                        ));
                    }
                }
            }
        }
        None
    });
}

#[test]
fn relabelling_keeps_phi_without_ties() {
    let seeds: Vec<usize> = (0..600).collect();
    let n_untied: usize = networks(seeds.len())
        .zip(seeds)
        .map(|(network, seed)| {
            let big_phi = network.system().expect("the state is reachable").big_phi();
            if big_phi.phi == 0.0 || big_phi.ties.in_size > 0 {
                return 0;
            }
            let order = numbering(network.n_units(), seed);
            let relabelled = by_engine(&network.relabelled(&order), &Options::default());
            let Answer { phi, .. } = relabelled;
            assert!(!far(phi, big_phi.phi), "Φ is {}, and {phi} under {order:?}\n{network}", big_phi.phi);
            1
        })
        .sum();
    assert!(n_untied >= 100, "only {n_untied} networks without ties were tried");
}

#[test]
fn phi_is_zero_unless_strongly_connected() {
    let n_weak: usize = networks(1200)
        .map(|network| {
            if network.system().is_some_and(|it| it.strongly_connected()) && network.nodes.len() > 1 {
                return 0;
            }
            let answer = by_engine(&network, &Options::default());
            assert!(answer.phi == 0.0 && answer.cut.is_none() && answer.ces.is_empty(), "{network}");
            1
        })
        .sum();
    assert!(n_weak >= 100, "only {n_weak} networks that are not strongly connected were tried");
}

/// The same bits on any number of threads.
#[test]
fn threads_do_not_matter() {
    let mut cases: Vec<Network> =
        (0..18).map(|idx| random(Family::ALL[idx % Family::ALL.len()], 5, idx as u64)).collect();
    cases.extend(["Dense", "Lattice", "Modular"].map(|topology| majority(topology, 5)));
    cases.push(majority("Lattice", 6));
    let by_threads = [1, 2, 4].map(|n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().expect("threads");
        pool.install(|| {
            let answer = |network| json_by_engine(network, &Options::default());
            cases.iter().map(answer).collect::<Vec<String>>()
        })
    });
    for (idx, network) in cases.iter().enumerate() {
        for answers in &by_threads[1..] {
            assert_eq!(answers[idx], by_threads[0][idx], "{network}");
        }
    }
}
