//! Laws of the engine of IIT 4.0 itself: its searches against listings, any number of threads,
//! limits.

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use pyphi_core::iit4::{
    self, Distinction, JointPartition, Mice, PhiStructure, Reason, Rules, System, phi_structure,
};
use pyphi_core::{Limits, Observer, Options, StopReason, Subsystem, TiePolicy, UnitSet, fixtures};
use rayon::prelude::*;

use crate::answer::subsystem;
use crate::networks::{Family, Network, logistic, majority, random};

/// Random networks of every family that IIT 4.0 takes: it wants all dependencies connected.
fn systems(sizes: &[usize], count: usize) -> Vec<(Network, System)> {
    let families = Family::ALL.into_iter().filter(|&family| family != Family::Overheard);
    let families: Vec<Family> = families.collect();
    let network = |idx: usize| {
        let n = sizes[idx / families.len() % sizes.len()];
        random(families[idx % families.len()], n, idx as u64)
    };
    let with_system = |network: Network| {
        let system = System::new(&subsystem(&network)).ok()?;
        Some((network, system))
    };
    (0..count).map(network).filter_map(with_system).collect()
}

fn structure(system: &System, options: &Options) -> PhiStructure {
    phi_structure(system, Rules::default(), options)
}

fn all_mice(structure: &PhiStructure) -> impl Iterator<Item = (&Distinction, &Mice)> {
    let distinctions = structure.distinctions.iter().chain(&structure.incongruent);
    distinctions.flat_map(|it| [(it, &it.cause), (it, &it.effect)])
}

/// Every mechanism and purview with all partitions listed, none left out by a bound.
#[test]
fn searching_finds_what_listing_finds() {
    let systems = systems(&[2, 3, 4, 3], 400);
    let n_compared = AtomicU64::new(0);
    systems.par_iter().for_each(|(network, system)| {
        let searched = structure(system, &Options::default());
        let listed = structure(system, &Options { exhaustive: true, ..Options::default() });
        assert_eq!(searched.distinctions.len(), listed.distinctions.len(), "{network}");
        assert_eq!(searched.incongruent.len(), listed.incongruent.len(), "{network}");
        for ((distinction, a), (_, b)) in all_mice(&searched).zip(all_mice(&listed)) {
            n_compared.fetch_add(1, Ordering::Relaxed);
            let mechanism = distinction.mechanism;
            assert!(
                (a.phi - b.phi).abs() <= 1e-12,
                "{mechanism}: {} or {}\n{network}",
                a.phi,
                b.phi
            );
            assert_eq!((a.state, &a.tied), (b.state, &b.tied), "{mechanism}\n{network}");
            let partitions = JointPartition::all(mechanism, a.state.purview);
            let is_same = |it: &JointPartition| {
                let mut blocks = it.blocks.clone();
                let mut wanted = a.partition.blocks.clone();
                blocks.sort();
                wanted.sort();
                blocks == wanted
            };
            assert!(partitions.iter().any(is_same), "{}\n{network}", a.partition);
        }
    });
    let n_compared = n_compared.into_inner();
    assert!(n_compared > 1000, "only {n_compared} causes and effects were compared");
}

/// φ_s with all partitions listed: every field has the same bits, the partition and the number of
/// ties included. Many of these systems are full of ties, many are reducible. `PHI_LISTED_UNITS=8`
/// for larger systems.
#[test]
fn the_partition_of_a_system_is_that_of_the_listing() {
    let most = env::var("PHI_LISTED_UNITS").map_or(6, |it| it.parse().expect("a number of units"));
    let small = systems(&[2, 3, 4, 5], 3200);
    let large = (6..=most).flat_map(|n| systems(&[n], if n == 6 { 480 } else { 160 }));
    let (n_tied, n_zero) = (AtomicU64::new(0), AtomicU64::new(0));
    small.into_iter().chain(large).collect::<Vec<_>>().par_iter().for_each(|(network, system)| {
        let [searched, listed] = [false, true].map(|exhaustive| {
            let options = Options { exhaustive, ..Options::default() };
            iit4::system_irreducibility_analysis(system, Rules::default(), &options)
        });
        n_tied.fetch_add(u64::from(listed.mip_ties > 1), Ordering::Relaxed);
        let is_zero = listed.partition.is_some() && listed.phi_s == 0.0;
        n_zero.fetch_add(u64::from(is_zero), Ordering::Relaxed);
        assert_eq!(format!("{searched:?}"), format!("{listed:?}"), "{network}");
    });
    let (n_tied, n_zero) = (n_tied.into_inner(), n_zero.into_inner());
    assert!(n_tied > 100 && n_zero > 100, "{n_tied} with ties, {n_zero} reducible");
}

/// The same of networks all of whose units are alike, or nearly.
#[test]
fn the_partition_of_a_regular_system_is_that_of_the_listing() {
    let pairs = |n: usize, within: f64, between: f64, slope: f64| {
        logistic(n, slope, move |i, j| match (i == j, i / 2 == j / 2) {
            (true, _) => 0.0,
            (false, true) => within,
            (false, false) => between,
        })
    };
    let mut networks: Vec<Network> = Vec::new();
    for n in 2..=6 {
        for topology in ["Dense", "Star", "Ring", "Line"] {
            networks.push(majority(topology, n));
        }
        for (within, between) in [(1.0, 1.0), (1.0, 0.2), (0.2, 1.0), (1.0, 1e-3), (1e-6, 1e-6)] {
            networks.extend([0.1, 1.0, 4.0].map(|slope| pairs(n, within, between, slope)));
        }
    }
    let mut most_tied = 0;
    for network in &networks {
        for on in 0..2 {
            let state = network.state.iter().map(|_| on).collect();
            let network = Network { state, ..network.clone() };
            if network.system().is_none() {
                continue;
            }
            let system = System::new(&subsystem(&network)).expect("a reachable state");
            let [searched, listed] = [false, true].map(|exhaustive| {
                let options = Options { exhaustive, ..Options::default() };
                iit4::system_irreducibility_analysis(&system, Rules::default(), &options)
            });
            assert_eq!(format!("{searched:?}"), format!("{listed:?}"), "{network}");
            most_tied = most_tied.max(listed.mip_ties);
        }
    }
    assert!(most_tied >= 15, "at most {most_tied} partitions tie");
}

/// The same bits on any number of threads.
#[test]
fn threads_do_not_matter_to_structures() {
    let systems = systems(&[5], 16);
    let answers = [1, 2, 4].map(|n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().expect("threads");
        pool.install(|| {
            let answer = |(_, system): &(Network, System)| {
                format!("{:?}", structure(system, &Options::default()))
            };
            systems.iter().map(answer).collect::<Vec<String>>()
        })
    });
    for (idx, (network, _)) in systems.iter().enumerate() {
        assert!(answers.iter().all(|it| it[idx] == answers[0][idx]), "{network}");
    }
}

/// Systems large enough for the search to be shared out: reducible and irreducible.
#[test]
fn threads_do_not_matter_to_phi_s() {
    for subsystem in [fixtures::dense_logistic(9, 2), fixtures::generic_logistic(9, 2)] {
        let system = System::new(&subsystem).expect("a reachable state");
        let answers = [1, 3].map(|n_threads| {
            let pool =
                rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().expect("threads");
            let options = Options::default();
            let sia = || iit4::system_irreducibility_analysis(&system, Rules::default(), &options);
            format!("{:?}", pool.install(sia))
        });
        assert_eq!(answers[0], answers[1]);
    }
}

#[test]
fn a_stopped_structure_is_part_of_the_whole_one() {
    let system = System::new(&fixtures::dense_logistic(6, 1)).expect("a reachable state");
    let whole = structure(&system, &Options::default());
    let cancel = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&cancel);
    // After a third of the mechanisms.
    let observer = Observer::new(move |progress| {
        if progress.phase == pyphi_core::Phase::Distinctions && progress.done >= 21 {
            seen.store(true, Ordering::Relaxed);
        }
    });
    let options = Options { cancel: Some(cancel), progress: Some(observer), ..Options::default() };
    let part = structure(&system, &options);
    assert_eq!(part.stop_reason, StopReason::Cancelled);
    assert!(part.sia.is_complete() && part.sia.phi_s == whole.sia.phi_s);
    assert!((1..63).contains(&part.distinctions.len()));
    assert!(part.distinctions.iter().all(|it| whole.distinctions.contains(it)));
    assert!(part.big_phi < whole.big_phi && part.n_relations < whole.n_relations);
}

#[test]
fn a_stopped_search_says_what_it_has() {
    let system = System::new(&fixtures::dense_logistic(9, 1)).expect("a reachable state");
    let limits = Limits { time: Some(Duration::ZERO), ..Limits::default() };
    let stopped = structure(&system, &Options { limits, ..Options::default() });
    assert_eq!(stopped.stop_reason, StopReason::TimeLimit(Duration::ZERO));
    assert!(!stopped.sia.is_complete() && stopped.distinctions.is_empty());
    let rules = Rules::default();
    let exact = iit4::system_irreducibility_analysis(&system, rules, &Options::default());
    assert!(exact.is_complete() && exact.phi_s <= stopped.sia.phi_s);
    assert!(exact.normalized_phi_s <= stopped.sia.normalized_phi_s);

    let limits = Limits { memory_bytes: Some(1000), ..Limits::default() };
    let stopped = structure(&system, &Options { limits, ..Options::default() });
    assert!(matches!(stopped.stop_reason, StopReason::MemoryLimit { needed_bytes: 1001.. }));
    assert_eq!(stopped.sia.phi_s, f64::INFINITY);
}

/// A system of more units than IIT 3.0 takes has the same result in another numbering, and is
/// stopped at once.
#[test]
fn thirteen_units_are_searched_and_stopped() {
    let (network, state) = fixtures::dense_logistic_network(13, 1);
    let rules = Rules::default();
    let order: Vec<usize> = (0..13).map(|unit| (5 * unit + 2) % 13).collect();
    let renumbered = |row: usize| (0..13).map(|unit| (row >> unit & 1) << order[unit]).sum();
    let mut tpm = vec![vec![0.0; 13]; 1 << 13];
    for (row, probabilities) in network.tpm().to_rows().iter().enumerate() {
        let to: usize = renumbered(row);
        (0..13).for_each(|unit| tpm[to][order[unit]] = probabilities[unit]);
    }
    let cm = network.cm();
    assert!(cm.iter().flatten().all(|&entry| entry == 1));
    let other = pyphi_core::Network::from_state_by_node(&tpm, &cm).expect("a network");
    let sia = |network, options: &Options| {
        let system = System::of(network, state, network.units()).expect("a reachable state");
        iit4::system_irreducibility_analysis(&system, rules, options)
    };
    let [a, b] = [&network, &other].map(|network| sia(network, &Options::default()));
    assert!((a.phi_s - b.phi_s).abs() <= 1e-12 && a.phi_s > 9e-5, "{} or {}", a.phi_s, b.phi_s);
    let cut_edges = |sia: &iit4::SystemIrreducibilityAnalysis| {
        sia.partition.as_ref().expect("a partition").cut_edges()
    };
    let mut edges: Vec<(usize, usize)> =
        cut_edges(&a).iter().map(|&(from, to)| (order[from], order[to])).collect();
    edges.sort_unstable();
    assert_eq!(edges, cut_edges(&b));

    let limits = Limits { time: Some(Duration::ZERO), ..Limits::default() };
    let stopped = sia(&network, &Options { limits, ..Options::default() });
    assert_eq!(stopped.stop_reason, StopReason::TimeLimit(Duration::ZERO));
    assert!(stopped.phi_s >= a.phi_s);
}

/// A system that falls apart into two halves, searched on all threads: which partition makes no
/// difference first is a question of its own.
#[test]
fn the_first_partition_that_makes_no_difference_is_that_of_the_listing() {
    for (n, slope) in [(9, 1.0), (10, 3.0)] {
        // Even and odd units: they are connected, but a weight of 1e-30 is as good as none.
        let weight = |i: usize, j: usize| if (i + j).is_multiple_of(2) { 0.3 } else { 1e-30 };
        let network = logistic(n, slope, weight);
        let system = System::new(&subsystem(&network)).expect("a reachable state");
        let [searched, listed] = [false, true].map(|exhaustive| {
            let options = Options { exhaustive, ..Options::default() };
            iit4::system_irreducibility_analysis(&system, Rules::default(), &options)
        });
        assert!(listed.phi_s == 0.0 && listed.partition.is_some());
        assert_eq!(format!("{searched:?}"), format!("{listed:?}"));
    }
}

#[test]
fn more_units_than_a_system_can_have_are_refused() {
    let (network, state) = fixtures::dense_logistic_network(17, 1);
    let expected =
        "17 units would need 175.0 MiB of memory, expected at most 16 units (83.5 MiB at most)";
    let error = System::of(&network, state, network.units()).expect_err("too large");
    assert_eq!(error.to_string(), expected);
    let found = iit4::complexes(&network, state, Rules::default(), &Options::default());
    assert_eq!(found.expect_err("too large").to_string(), expected);
}

#[test]
fn nothing_specifies_nothing() {
    let figure = fixtures::iit4_figure_1();
    let nothing = Subsystem::new(figure.network(), figure.state(), UnitSet::EMPTY);
    let system = System::new(&nothing.expect("a system without units")).expect("the same");
    let structure = structure(&system, &Options::default());
    assert_eq!(structure.sia.reasons, [Reason::NoSystem]);
    assert!(structure.is_complete() && structure.sia.cause.is_none());
    assert_eq!((structure.sia.phi_s, structure.big_phi), (0.0, 0.0));
    assert_eq!(structure.n_relations, 0u32.into());
    assert_eq!(structure.relations().iter().count(), 0);
}

/// In spite of ties a policy only chooses: what is tied is the same.
#[test]
fn policies_choose_among_the_same() {
    let n_different = AtomicU64::new(0);
    systems(&[3, 4], 160).par_iter().for_each(|(network, system)| {
        let [principled, pyphi, _] = TiePolicy::ALL.map(|ties| {
            phi_structure(system, Rules { ties, ..Rules::default() }, &Options::default())
        });
        assert_eq!(principled.sia.phi_s, pyphi.sia.phi_s, "{network}");
        // What is congruent with one choice among the tied is congruent with the best one.
        assert!(principled.distinctions.len() >= pyphi.distinctions.len(), "{network}");
        for it in &pyphi.distinctions {
            let other =
                principled.distinctions.iter().find(|other| other.mechanism == it.mechanism);
            let other = other.unwrap_or_else(|| panic!("{} is missing\n{network}", it.mechanism));
            assert_eq!(other.phi, it.phi, "{network}");
            for (a, b) in [(&other.cause, &it.cause), (&other.effect, &it.effect)] {
                assert_eq!(a.tied, b.tied, "{network}");
                assert!(a.tied.contains(&b.state) && a.tied.contains(&a.state), "{network}");
                assert!(a.state.purview.len() >= b.state.purview.len(), "{network}");
                n_different.fetch_add(u64::from(a.state != b.state), Ordering::Relaxed);
            }
        }
    });
    let n_different = n_different.into_inner();
    assert!(n_different > 20, "only {n_different} choices differ");
}
