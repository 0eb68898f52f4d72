//! The engine against the oracle on random networks, and laws that hold for all of them.
//!
//! `PHI_ORACLE_NETWORKS` sets how many networks of 2 to 4 units are compared,
//! `PHI_ORACLE_NETWORKS_5` how many of 5 units. `PHI_SLOW_TESTS=1` takes three to six times as many
//! networks in every test.

use std::env;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyphi_core::{
    Cut, Direction, Options, Partition, PhiSummary, Repertoire, UnitSet, big_phi, big_phi_many,
    big_phi_under, complexes, major_complex,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::answer::{
    Answer, by_engine, difference, engine_differs, far, json_by_engine, subsystem,
};
use crate::networks::{Family, Network, logistic, majority, numberings, random};
use crate::oracle::{self, Mask};

/// The value of an environment variable that holds a count.
pub(crate) fn count(variable: &str, default: usize) -> usize {
    match env::var(variable) {
        Ok(value) => value.parse().unwrap_or_else(|_| panic!("{variable}={value}: not a count")),
        Err(_) => default,
    }
}

/// Returns the number of random networks for a test: `full` is the long version, which takes too
/// long for every day.
pub(crate) fn how_many(quick: usize, full: usize) -> usize {
    if env::var_os("PHI_SLOW_TESTS").is_some() { full } else { quick }
}

/// The first networks of 2 to 4 units, every family in turn.
fn networks(count: usize) -> impl IndexedParallelIterator<Item = Network> {
    let n_families = Family::ALL.len();
    (0..count).into_par_iter().map(move |idx| {
        let n = [2, 3, 4, 3][idx / n_families % 4];
        random(Family::ALL[idx % n_families], n, idx as u64)
    })
}

/// Panics with the smallest network that breaks a law, as a record for `phi --network`, and how
/// many do.
#[track_caller]
pub(crate) fn check(
    networks: impl ParallelIterator<Item = Network>,
    broken: impl Fn(&Network) -> Option<String> + Sync,
) {
    check_all(networks.collect(), &broken);
}

/// Not generic: the iterator is compiled once, not for every law.
#[track_caller]
fn check_all(networks: Vec<Network>, broken: &(dyn Fn(&Network) -> Option<String> + Sync)) {
    let mut failures: Vec<(Network, String)> = (networks.into_par_iter())
        .filter_map(|network| broken(&network).map(|why| (network, why)))
        .collect();
    failures.sort_by_key(|(network, _)| (network.n_units(), network.nodes.len()));
    if let Some((network, why)) = failures.first() {
        panic!("{} networks, the smallest: {why}\n{network}", failures.len());
    }
}

/// The purviews or mechanisms of a candidate system: all its subsets, the empty one included.
fn all_subsets(network: &Network) -> impl Iterator<Item = Mask> + Clone {
    0..1 << network.nodes.len()
}

fn unit_set(system: &oracle::System, set: Mask) -> UnitSet {
    system.units(set).into_iter().collect()
}

const DIRECTIONS: [(Direction, oracle::Direction); 2] =
    [(Direction::Cause, oracle::Direction::Cause), (Direction::Effect, oracle::Direction::Effect)];

// --- Engine and oracle ---------------------------------------------------------------------------

#[test]
fn engine_agrees_with_oracle() {
    check(networks(count("PHI_ORACLE_NETWORKS", how_many(250, 3000))), engine_differs);
}

#[test]
fn engine_agrees_with_oracle_on_five_units() {
    let count = count("PHI_ORACLE_NETWORKS_5", how_many(4, 9));
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
                            "{direction:?} repertoire of {m} over {p}: {actual:?}, expected \
                             {expected:?}"
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
                    let found = actual.partition.map(|it: Partition| it.parts);
                    let agrees = if is_zero {
                        (0.0..=oracle::TOLERANCE).contains(&actual.phi)
                    } else {
                        !far(actual.phi, phi) && found == Some(expected.to_vec())
                    };
                    if !agrees {
                        return Some(format!(
                            "{direction:?} φ of {m} over {p}: {} by {found:?}, expected {phi} by \
                             {expected:?}",
                            actual.phi
                        ));
                    }
                }
            }
        }
        None
    });
}

/// All partitions that tie, and the first with what it leaves of the repertoire.
#[test]
fn all_partitions_that_tie_agree_with_oracle() {
    let n_tied = AtomicUsize::new(0);
    check(networks(200), |network| {
        let (system, engine) = (network.system()?, subsystem(network));
        for mechanism in all_subsets(network).skip(1) {
            for purview in all_subsets(network).skip(1) {
                let (m, p) = (unit_set(&system, mechanism), unit_set(&system, purview));
                for (direction, oracle_direction) in DIRECTIONS {
                    let options = Options::default();
                    let found = engine.purview_analysis(None, direction, m, p, &options);
                    let found = found.expect("nothing stops it");
                    let alone = engine.mip(direction, m, p);
                    let first = found.mips.first().cloned();
                    if (found.phi, &first) != (alone.phi, &alone.partition) {
                        return Some(format!(
                            "{direction:?} of {m} over {p}: {found:?}, {alone:?}"
                        ));
                    }
                    // Where nothing connects them no partition is looked at.
                    if found.mips.is_empty() {
                        continue;
                    }
                    let units = |(m, p): (Mask, Mask)| (unit_set(&system, m), unit_set(&system, p));
                    let expected: Vec<_> = system.mips(oracle_direction, mechanism, purview);
                    let expected: Vec<_> = expected.into_iter().map(|it| it.map(units)).collect();
                    let listed: Vec<_> = found.mips.iter().map(|it| it.parts.clone()).collect();
                    if listed != expected {
                        return Some(format!(
                            "{direction:?} of {m} over {p}: {listed:?}, expected {expected:?}"
                        ));
                    }
                    n_tied.fetch_add(usize::from(listed.len() > 1), Ordering::Relaxed);
                    let partitioned =
                        found.partitioned.expect("there is a partition").probabilities;
                    let whole = &found.repertoire.probabilities;
                    let phi = match direction {
                        Direction::Cause => oracle::emd(whole, &partitioned),
                        Direction::Effect => oracle::marginal_distance(whole, &partitioned),
                    };
                    if far(phi, found.phi) && phi > oracle::TOLERANCE {
                        return Some(format!(
                            "{direction:?} of {m} over {p}: {phi} from the repertoires, φ is {}",
                            found.phi
                        ));
                    }
                }
            }
        }
        None
    });
    assert!(n_tied.into_inner() > 1000);
}

/// The first purview is that of the core cause or core effect.
#[test]
fn purviews_begin_with_the_core() {
    check(networks(200), |network| {
        let engine = subsystem(network);
        for mechanism in engine.units().subsets_by_size() {
            let options = Options::default();
            let first = |direction| {
                let all = engine.purview_analyses(None, direction, mechanism, &options);
                all.expect("nothing stops it").first().map(|it| (it.purview, it.phi))
            };
            let found = first(Direction::Cause).zip(first(Direction::Effect));
            let concept = engine.concept(mechanism);
            let expected = concept
                .map(|it| ((it.cause.purview, it.cause.phi), (it.effect.purview, it.effect.phi)));
            if found != expected {
                return Some(format!("{mechanism}: {found:?}, expected {expected:?}"));
            }
        }
        None
    });
}

/// Φ is the least that a cut takes, and the cut that takes it takes as much alone.
#[test]
fn of_all_cuts_phi_is_the_smallest() {
    check(networks(100), |network| {
        let engine = subsystem(network);
        let whole = big_phi(&engine, &Options::default());
        let cuts: Vec<Cut> = Cut::all(engine.units()).collect();
        let alone =
            |cut: Cut| big_phi_under(&engine, cut, &Options::default()).expect("a cut in two").phi;
        let least = cuts.iter().map(|&cut| alone(cut)).fold(f64::INFINITY, f64::min);
        let is_least = match whole.cut {
            Some(cut) => alone(cut) == whole.phi && far(least, whole.phi).eq(&false),
            None => cuts.is_empty() || whole.ces.concepts.is_empty() || least == 0.0,
        };
        (!is_least).then(|| format!("Φ = {}, the least of its cuts {least}", whole.phi))
    });
}

#[test]
fn complexes_agree_with_oracle() {
    check(networks(how_many(100, 300)), |network| {
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
        let major =
            major_complex(engine.network(), engine.state(), &options).expect("a valid state");
        let major = major.map(|it| it.units);
        (major != expected).then(|| format!("major complex {major:?}, expected {expected:?}"))
    });
}

// --- Laws ----------------------------------------------------------------------------------------

/// A random distribution over the states of `n_units` units: few distinct masses and many zeros, or
/// any.
fn distribution(rng: &mut ChaCha8Rng, n_units: u32) -> Vec<f64> {
    let is_coarse = rng.random_bool(0.5);
    let mut mass = || match is_coarse {
        true => f64::from(rng.random_range(0..4_u8)),
        false => rng.random_range(0.0..1.0),
    };
    loop {
        let masses: Vec<f64> = (0..1 << n_units).map(|_| mass()).collect();
        let total: f64 = masses.iter().sum();
        if total > 0.0 {
            return masses.iter().map(|mass| mass / total).collect();
        }
    }
}

fn emd(p: &[f64], q: &[f64]) -> f64 {
    let repertoire = |probabilities: &[f64]| Repertoire {
        purview: UnitSet::all(probabilities.len().ilog2() as usize),
        probabilities: probabilities.to_vec(),
    };
    repertoire(p).emd(&repertoire(q))
}

#[test]
fn emd_is_a_metric_and_agrees_with_oracle() {
    for seed in 0..how_many(2000, 20_000) as u64 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let n_units = rng.random_range(0..=5);
        let [p, q, r] = std::array::from_fn(|_| distribution(&mut rng, n_units));
        let told = format!("seed {seed}: {p:?}, {q:?}, {r:?}");
        let distance = emd(&p, &q);
        assert!((distance - oracle::emd(&p, &q)).abs() <= 1e-12, "{told}");
        assert_eq!(distance, emd(&q, &p), "{told}");
        assert_eq!(emd(&p, &p), 0.0, "{told}");
        assert!(emd(&p, &r) <= distance + emd(&q, &r) + 1e-15, "{told}");
        // Mass in the wrong place moves by at least one bit, and by at most all of them.
        let misplaced: f64 = p.iter().zip(&q).map(|(a, b)| (a - b).max(0.0)).sum();
        let n_bits = f64::from(p.len().ilog2());
        let within = misplaced - 1e-12..=n_bits * misplaced + 1e-12;
        assert!(within.contains(&distance), "{told}");
    }
}

/// Every φ(M, P) is that of the renamed units.
#[test]
fn relabelling_permutes_small_phi() {
    check(networks(how_many(100, 400)), |network| {
        let engine = subsystem(network);
        for order in numberings(network.n_units()) {
            let relabelled = subsystem(&network.relabelled(&order));
            let renamed = |set: UnitSet| set.iter().map(|unit| order[unit]).collect::<UnitSet>();
            for m in engine.units().subsets_by_size() {
                for p in engine.units().subsets_by_size() {
                    for (direction, _) in DIRECTIONS {
                        let phi = engine.mip(direction, m, p).phi;
                        let after = relabelled.mip(direction, renamed(m), renamed(p)).phi;
                        if far(phi, after) {
                            return Some(format!(
                                "{direction:?} φ of {m} over {p} is {phi}, and {after} under \
                                 {order:?}"
                            ));
                        }
                    }
                }
            }
        }
        None
    });
}

/// Φ is the same under every numbering if φ and size alone decided which purviews are core.
#[test]
fn relabelling_keeps_phi_without_ties() {
    let (n_untied, n_networks) = (AtomicUsize::new(0), how_many(180, 600));
    check(networks(n_networks), |network| {
        let big_phi = network.system()?.big_phi();
        if big_phi.phi == 0.0 || big_phi.ties.in_size > 0 {
            return None;
        }
        n_untied.fetch_add(1, Ordering::Relaxed);
        numberings(network.n_units()).into_iter().find_map(|order| {
            let Answer { phi, .. } = by_engine(&network.relabelled(&order), &Options::default());
            let differs = far(phi, big_phi.phi);
            differs.then(|| format!("Φ is {}, and {phi} under {order:?}", big_phi.phi))
        })
    });
    let n_untied = n_untied.into_inner();
    assert!(n_untied >= n_networks / 6, "only {n_untied} networks without ties were tried");
}

/// The different values of Φ under all numberings, smallest first.
fn values_by_numbering(network: &Network) -> Vec<f64> {
    let mut values: Vec<f64> = numberings(network.n_units())
        .par_iter()
        .map(|order| by_engine(&network.relabelled(order), &Options::default()).phi)
        .collect();
    values.sort_by(f64::total_cmp);
    values.dedup_by(|a, b| !far(*a, *b));
    values
}

#[test]
fn relabelling_may_change_phi_with_ties() {
    let values = values_by_numbering(&majority("Lattice", 5));
    assert_eq!(values.len(), 2, "{values:?}");
    assert!(!far(values[0], 1.0 / 18.0) && !far(values[1], 61.0 / 450.0), "{values:?}");
}

/// A tie under any cut is enough, not only under the minimal one: here another numbering makes
/// another cut the minimal one.
#[test]
fn relabelling_may_change_the_minimal_cut_with_ties() {
    let network = random(Family::Boolean, 3, 134_793);
    let ties = network.system().expect("the state is reachable").big_phi().ties;
    assert!(ties.in_size > 0, "{ties:?}");
    let answer = |order: &[usize]| by_engine(&network.relabelled(order), &Options::default());
    let (first, second) = (answer(&[0, 1, 2]), answer(&[1, 2, 0]));
    assert!(!far(first.phi, 1.716_517_857_142_857_2), "{}", first.phi);
    assert!(!far(second.phi, 1.691_432_823_129_251_3), "{}", second.phi);
    assert_eq!(first.cut.expect("Φ > 0").severed_from, [1, 2]);
    // Unit 0, which is called 1 there.
    assert_eq!(second.cut.expect("Φ > 0").severed_from, [1]);
}

#[test]
fn phi_is_zero_unless_strongly_connected() {
    let n_weak = AtomicUsize::new(0);
    check(networks(1200), |network| {
        if network.system()?.strongly_connected() && network.nodes.len() > 1 {
            return None;
        }
        n_weak.fetch_add(1, Ordering::Relaxed);
        let answer = by_engine(network, &Options::default());
        let is_zero = answer.phi == 0.0 && answer.cut.is_none() && answer.ces.is_empty();
        (!is_zero).then(|| format!("Φ is {}, with {} concepts", answer.phi, answer.ces.len()))
    });
    let n_weak = n_weak.into_inner();
    assert!(n_weak >= 100, "only {n_weak} networks that are not strongly connected were tried");
}

#[test]
fn phi_of_no_unit_and_of_one_unit_is_zero() {
    check(networks(200), |network| {
        let nothing = Network { nodes: Vec::new(), ..network.clone() };
        let single =
            network.nodes.iter().map(|&unit| Network { nodes: vec![unit], ..network.clone() });
        [nothing].into_iter().chain(single).find_map(|small| {
            small.system()?;
            let answer = by_engine(&small, &Options::default());
            let is_zero = answer.phi == 0.0 && answer.cut.is_none() && answer.ces.is_empty();
            (!is_zero).then(|| format!("Φ of {:?} is {}", small.nodes, answer.phi))
        })
    });
}

/// A state-by-state TPM says the same as the state-by-node one that it is the product of.
#[test]
fn state_by_state_is_state_by_node() {
    check(networks(300), |network| {
        let units = 0..network.n_units();
        let joint = |row: &Vec<f64>| -> Vec<f64> {
            let unit =
                |next: usize, j: usize| if next >> j & 1 == 1 { row[j] } else { 1.0 - row[j] };
            (0..network.tpm.len())
                .map(|next| units.clone().map(|j| unit(next, j)).product())
                .collect()
        };
        let tpm = network.tpm.iter().map(joint).collect();
        let by_state = Network { tpm, ..network.clone() };
        let options = Options::default();
        difference(&by_engine(network, &options), &by_engine(&by_state, &options))
    });
}

// --- Settings ------------------------------------------------------------------------------------

/// Every setting of the engine gives the same bits on any number of threads: all that a user gets
/// to see.
fn settings_do_not_matter(networks: &[Network], settings: &[(&str, Options)]) {
    let pools = [1, 2, 4].map(|n_threads| {
        rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().expect("threads")
    });
    for network in networks {
        let expected = pools[0].install(|| json_by_engine(network, &Options::default()));
        for (setting, options) in settings {
            for pool in &pools {
                let answer = pool.install(|| json_by_engine(network, options));
                let n_threads = pool.current_num_threads();
                assert_eq!(answer, expected, "{network}: {setting}, {n_threads} threads");
            }
        }
    }
}

fn bounds_and_symmetry() -> [(&'static str, Options); 4] {
    let default = Options::default;
    [
        ("default", default()),
        ("without symmetry", Options { no_symmetry: true, ..default() }),
        ("exhaustive", Options { exhaustive: true, ..default() }),
        (
            "exhaustive, without symmetry",
            Options { exhaustive: true, no_symmetry: true, ..default() },
        ),
    ]
}

#[test]
fn settings_do_not_matter_up_to_five_units() {
    let mut networks: Vec<Network> = (0..how_many(4, 18))
        .map(|idx| random(Family::ALL[idx % Family::ALL.len()], 5, idx as u64))
        .collect();
    networks.extend(
        (0..how_many(36, 90)).map(|idx| {
            random(Family::ALL[idx % Family::ALL.len()], 3 + idx % 2, 1000 + idx as u64)
        }),
    );
    networks.extend(["Dense", "Lattice", "Modular"].map(|topology| majority(topology, 5)));
    settings_do_not_matter(&networks, &bounds_and_symmetry());
}

/// From six units on there can be enough interchangeable units for symmetry to be used.
#[test]
fn settings_do_not_matter_with_interchangeable_units() {
    settings_do_not_matter(&[majority("Star", 6)], &bounds_and_symmetry());
    settings_do_not_matter(&[majority("Dense", 6)], &bounds_and_symmetry()[..3]);
    let topologies = &["Lattice", "Dense"][..how_many(1, 2)];
    let networks: Vec<Network> = topologies.iter().map(|it| majority(it, 7)).collect();
    settings_do_not_matter(&networks, &bounds_and_symmetry()[..2]);
}

/// The numbers for many subsystems are those that each has by itself, to the last bit.
#[test]
fn many_at_once_have_the_numbers_of_each() {
    let subsystems: Vec<_> = (0..how_many(240, 2000))
        .map(|idx| {
            let n = [1, 2, 3, 4, 3, 4, 5][idx / Family::ALL.len() % 7];
            subsystem(&random(Family::ALL[idx % Family::ALL.len()], n, idx as u64))
        })
        .collect();
    let exhaustive = Options { count_ties: true, exhaustive: true, ..Options::default() };
    for options in [Options::default(), exhaustive] {
        let found = big_phi_many(&subsystems, &options);
        let alone: Vec<PhiSummary> =
            subsystems.par_iter().map(|it| (&big_phi(it, &options)).into()).collect();
        for ((found, alone), it) in found.iter().zip(&alone).zip(&subsystems) {
            assert_eq!(found, alone, "{it:?}");
        }
        // Networks of every kind are among them.
        for kind in [
            |it: &PhiSummary| it.phi > 0.0 && it.ties > 0,
            |it: &PhiSummary| it.phi == 0.0 && it.n_concepts > 0,
            |it: &PhiSummary| it.conceptual_information.is_none(),
        ] {
            assert!(found.iter().any(kind));
        }
    }
}

/// Of dense networks the cuts with the smallest bounds are looked at first: the result is that of a
/// search that finds out the distance of every cut.
#[test]
fn dense_networks_have_the_result_of_all_cuts() {
    // What units do to each other: all to all, all but what the first does, two groups.
    let connects: [fn(usize, usize) -> bool; 3] =
        [|_, _| true, |from, to| from != 0 || to == 0, |from, to| (from < 3) == (to < 3)];
    let all = (0..how_many(6, 10)).into_par_iter().flat_map_iter(|seed| {
        connects.into_iter().enumerate().map(move |(kind, connects)| {
            // Searches of all cuts of six units take long.
            let n = if seed < 6 { 5 } else { 6 };
            // Any fixed numbers that are not equal.
            let weight = |from: usize, to: usize| {
                let it = (7 * from + 13 * to + 5 * seed + 3) * (seed + 2) % 31;
                if connects(from, to) { it as f64 / 10.0 - 1.5 } else { 0.0 }
            };
            let mut network = logistic(n, 1.0, weight);
            // Connected, though some have no effect.
            network.cm = vec![vec![1; n]; n];
            network.name = format!("dense, kind {kind}, seed {seed}");
            network
        })
    });
    let n_zero = AtomicUsize::new(0);
    check(all, |network| {
        let exhaustive = Options { exhaustive: true, ..Options::default() };
        let [found, expected] = [Options::default(), exhaustive].map(|it| {
            let found = big_phi(&subsystem(network), &it);
            (found.phi, found.cut, found.ces, found.partitioned_ces, found.ties)
        });
        n_zero.fetch_add(usize::from(expected.0 == 0.0), Ordering::Relaxed);
        (found != expected).then(|| format!("{found:?}, expected {expected:?}"))
    });
    // Two of three kinds, and not the third.
    assert_eq!(n_zero.into_inner(), 2 * how_many(6, 10));
}
