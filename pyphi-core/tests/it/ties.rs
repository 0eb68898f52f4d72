//! Φ in other orders of choice among tied purviews: against the oracle, against renumbered
//! networks, and the range over them.

use pyphi_core::{
    Numbering, Options, TieOrder, big_phi, complexes, fixtures, phi_by_order, phi_range,
};
use rayon::prelude::*;

use crate::answer::{by_engine, difference, far, subsystem};
use crate::networks::{Family, Network, majority, random};
use crate::oracle::Order;
use crate::properties::how_many;

/// Deterministic networks, most of them symmetric or nearly so, in the order of their seeds.
fn deterministic() -> impl Iterator<Item = Network> {
    let families = [Family::Boolean, Family::Threshold, Family::Parity, Family::Symmetric];
    (0..).map(move |idx| random(families[idx % 4], [3, 4][idx / 4 % 2], 5_000 + idx as u64))
}

/// The first of them, and as many of which the engine says that Φ hangs on ties.
fn tied_networks(count: usize) -> Vec<Network> {
    let mut orders: Vec<TieOrder> = (0..6).map(TieOrder::Seeded).collect();
    orders.push(TieOrder::Numbering(Numbering::new(&[2, 1, 0]).expect("a permutation")));
    let hangs_on_ties = |network: &Network| {
        let phis = phi_by_order(&subsystem(network), &Options::default(), &orders);
        phis.iter().any(|phi| far(*phi, phis[0]))
    };
    deterministic()
        .take(count)
        .chain(deterministic().skip(count).filter(hangs_on_ties).take(count))
        .collect()
}

/// Some numberings of `n` units: rotations, and the reverse.
fn numberings(n: usize) -> Vec<Vec<usize>> {
    let rotations = (1..n).map(|by| (0..n).map(|unit| (unit + by) % n).collect());
    rotations.chain([(0..n).rev().collect()]).collect()
}

fn numbering(numbers: &[usize]) -> TieOrder {
    TieOrder::Numbering(Numbering::new(numbers).expect("a permutation"))
}

/// A numbering of the units of a network as the oracle has it, for the units of the candidate
/// system.
fn within(network: &Network, numbers: &[usize]) -> Order {
    Order::Numbering(network.nodes.iter().map(|&unit| numbers[unit]).collect())
}

/// Panics with the first network in which something is broken. Returns how often the answer in some
/// order was another than in the order of the units' numbers.
#[track_caller]
fn check(
    networks: Vec<Network>,
    broken: impl Fn(&Network) -> Result<usize, String> + Sync,
) -> usize {
    check_all(networks, &broken)
}

#[track_caller]
fn check_all(
    networks: Vec<Network>,
    broken: &(dyn Fn(&Network) -> Result<usize, String> + Sync),
) -> usize {
    let answers: Vec<Result<usize, String>> = networks.par_iter().map(broken).collect();
    for (network, answer) in networks.iter().zip(&answers) {
        if let Err(why) = answer {
            panic!("{why}\n{network}");
        }
    }
    answers.into_iter().flatten().sum()
}

#[test]
fn orders_agree_with_oracle() {
    let orders_of = |network: &Network| {
        let numbered = numberings(network.n_units())
            .into_iter()
            .map(|it| (numbering(&it), within(network, &it)));
        let seeded = (1..4).map(|seed| (TieOrder::Seeded(seed), Order::Seeded(seed)));
        numbered.chain(seeded).collect::<Vec<_>>()
    };
    let n_changed = check(tied_networks(how_many(4, 20)), |network| {
        let system = network.system().expect("the state is reachable");
        let usual = system.big_phi().phi;
        let mut n_changed = 0;
        for (order, oracle_order) in orders_of(network) {
            let expected = system.clone().with_order(oracle_order).big_phi();
            n_changed += usize::from(far(expected.phi, usual));
            for exhaustive in [false, true] {
                let options = Options {
                    tie_order: order,
                    count_ties: exhaustive,
                    exhaustive,
                    ..Options::default()
                };
                let actual = by_engine(network, &options);
                if let Some(difference) = difference(&expected.clone().into(), &actual) {
                    return Err(format!("{order:?}, exhaustive {exhaustive}: {difference}"));
                }
            }
        }
        Ok(n_changed)
    });
    assert!(n_changed >= how_many(4, 20), "another order mattered only {n_changed} times");
}

/// Orders tried one after the other, sharing what was found, give the bits that each gives alone.
#[test]
fn sharing_changes_nothing() {
    let mut networks = tied_networks(how_many(30, 60));
    networks.extend((0..how_many(6, 12)).map(|seed| random(Family::ALL[seed % 4], 5, seed as u64)));
    networks.extend(["Lattice", "Modular", "Ring"].map(|topology| majority(topology, 6)));
    let n_changed = check(networks, |network| {
        let subsystem = subsystem(network);
        let mut orders = vec![TieOrder::Seeded(9), TieOrder::Lexicographic];
        orders.extend(numberings(network.n_units()).iter().map(|it| numbering(it)));
        orders.push(TieOrder::Seeded(3));
        let alone: Vec<f64> = orders
            .iter()
            .map(|&order| {
                let options = Options { tie_order: order, ..Options::default() };
                big_phi(&subsystem, &options).phi
            })
            .collect();
        let shared = phi_by_order(&subsystem, &Options::default(), &orders);
        if shared != alone {
            return Err(format!("{shared:?}, but one at a time {alone:?}"));
        }
        Ok(alone.iter().filter(|phi| far(**phi, alone[1])).count())
    });
    assert!(n_changed >= how_many(25, 50), "another order mattered only {n_changed} times");
}

/// Where units are interchangeable, only kinds of purviews are looked at, and the choice is among
/// their members.
#[test]
fn orders_agree_with_and_without_symmetry() {
    for subsystem in [fixtures::complete_majority(6), subsystem(&majority("Star", 7))] {
        let n = subsystem.n_units();
        let mut orders: Vec<TieOrder> = (0..3).map(TieOrder::Seeded).collect();
        orders.extend(numberings(n).iter().take(3).map(|it| numbering(it)));
        let with = phi_by_order(&subsystem, &Options::default(), &orders);
        let options = Options { no_symmetry: true, ..Options::default() };
        assert_eq!(with, phi_by_order(&subsystem, &options, &orders));
    }
}

/// An order by other numbers of the units is the network with its units renumbered.
#[test]
fn a_numbering_is_a_renumbered_network() {
    let n_changed = check(tied_networks(60), |network| {
        let engine = subsystem(network);
        let usual = big_phi(&engine, &Options::default()).phi;
        let mut n_changed = 0;
        for numbers in numberings(network.n_units()) {
            let options = Options { tie_order: numbering(&numbers), ..Options::default() };
            let phi = big_phi(&engine, &options).phi;
            let renumbered = by_engine(&network.relabelled(&numbers), &Options::default()).phi;
            if far(phi, renumbered) {
                return Err(format!("Φ is {phi} by {numbers:?}, but renumbered {renumbered}"));
            }
            n_changed += usize::from(far(phi, usual));
        }
        Ok(n_changed)
    });
    assert!(n_changed >= 50, "the numbering mattered only {n_changed} times");
}

/// The order holds for all subsystems, also those that do the same on other units.
#[test]
fn complexes_are_found_in_the_order_asked_for() {
    check(tied_networks(30), |network| {
        let engine = subsystem(network);
        for numbers in numberings(network.n_units()) {
            let options = Options { tie_order: numbering(&numbers), ..Options::default() };
            let found = complexes(engine.network(), engine.state(), &options);
            for complex in found.expect("a valid state") {
                let nodes: Vec<usize> = complex.units.iter().collect();
                let alone = subsystem(&Network { nodes, ..network.clone() });
                let phi = big_phi(&alone, &options).phi;
                if phi != complex.phi {
                    return Err(format!("{}: Φ {}, alone {phi}", complex.units, complex.phi));
                }
            }
        }
        Ok(0)
    });
}

/// The lattice of 5 majority units: Φ = 61/450 or, with its units numbered otherwise, 1/18.
#[test]
fn the_range_of_the_lattice() {
    let lattice = subsystem(&majority("Lattice", 5));
    for (n_more, is_exhaustive) in [(32, false), (119, true)] {
        let range = phi_range(&lattice, &Options::default(), n_more, 1);
        assert!(!far(range.low, 1.0 / 18.0), "{}", range.low);
        assert!(!far(range.high, 61.0 / 450.0), "{}", range.high);
        assert_eq!(range.result.phi, range.high);
        assert_eq!(range.is_exhaustive, is_exhaustive);
        assert!(range.result.ties > 0);
    }
}

/// All numberings, by their range and one by one.
#[test]
fn an_exhaustive_range_has_the_extremes() {
    let all = |n: usize| {
        let mut all = vec![Vec::new()];
        for unit in 0..n {
            let insert = |order: &Vec<usize>| {
                (0..=unit)
                    .map(|at| [&order[..at], &[unit], &order[at..]].concat())
                    .collect::<Vec<_>>()
            };
            all = all.iter().flat_map(insert).collect();
        }
        all
    };
    let n_wide = check(tied_networks(60), |network| {
        let engine = subsystem(network);
        let range = phi_range(&engine, &Options::default(), 23, 1);
        let phis: Vec<f64> = all(network.n_units())
            .iter()
            .map(|it| by_engine(&network.relabelled(it), &Options::default()).phi)
            .collect();
        let low = phis.iter().copied().fold(f64::INFINITY, f64::min);
        let high = phis.iter().copied().fold(0.0, f64::max);
        if !range.is_exhaustive || far(range.low, low) || far(range.high, high) {
            return Err(format!("{} to {}, expected {low} to {high}", range.low, range.high));
        }
        Ok(usize::from(far(low, high)))
    });
    assert!(n_wide >= 10, "only {n_wide} ranges are wide");
}

/// A tie under a cut that is not the minimal one is enough: another numbering makes that cut the
/// minimal one.
#[test]
fn a_tie_under_another_cut_counts() {
    let engine = subsystem(&random(Family::Boolean, 3, 134_793));
    let range = phi_range(&engine, &Options::default(), 5, 1);
    assert_eq!(range.result.ties, 0);
    assert!(!far(range.low, 1.691_432_823_129_251_3), "{}", range.low);
    assert!(!far(range.high, 1.716_517_857_142_857_2), "{}", range.high);
}

/// Nothing is tied: nothing is tried again.
#[test]
fn without_ties_the_range_is_a_point() {
    let range = phi_range(&fixtures::generic_logistic(5, 1), &Options::default(), 32, 1);
    assert_eq!((range.low, range.high), (range.result.phi, range.result.phi));
    let complete = phi_range(&fixtures::complete_majority(5), &Options::default(), 32, 1);
    assert_eq!((complete.numberings, complete.is_exhaustive), (1, true));
    assert_eq!((complete.low, complete.high), (complete.result.phi, complete.result.phi));
    let copies = fixtures::or_and_xor();
    assert_eq!(phi_range(&copies, &Options::default(), 0, 1).numberings, 1);
}

/// The range does not depend on the number of threads.
#[test]
fn threads_do_not_matter() {
    let networks = [majority("Lattice", 6), random(Family::Boolean, 5, 3), majority("Modular", 6)];
    let ranges = [1, 3].map(|n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().expect("threads");
        networks.each_ref().map(|network| {
            let range = pool.install(|| phi_range(&subsystem(network), &Options::default(), 8, 1));
            (range.result.phi.to_bits(), range.low.to_bits(), range.high.to_bits())
        })
    });
    assert_eq!(ranges[0], ranges[1]);
}

/// Stopped between two orders, the range says so and is that of the orders so far.
#[test]
fn a_range_can_be_stopped() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let cancel = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&cancel);
    let observer = pyphi_core::Observer::new(move |progress| {
        if progress.phase == pyphi_core::Phase::Orders && progress.done == 3 {
            flag.store(true, Ordering::Relaxed);
        }
    });
    let options = Options { cancel: Some(cancel), progress: Some(observer), ..Options::default() };
    let range = phi_range(&subsystem(&majority("Lattice", 5)), &options, 32, 1);
    assert_eq!(range.stop_reason, pyphi_core::StopReason::Cancelled);
    assert!(range.result.is_complete());
    assert!(range.low <= range.result.phi && range.result.phi <= range.high);
}
