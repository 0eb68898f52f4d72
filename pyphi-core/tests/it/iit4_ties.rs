//! IIT 4.0: the smallest and the largest Φ over all choices among ties, against a list of all of
//! them.
//!
//! `PHI_TIED_NETWORKS` sets how many random networks with ties are compared.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyphi_core::iit4::{self, PhiSpectrum, PhiStructure, Rules, phi_spectrum, phi_structure};
use pyphi_core::{Options, TiePolicy, fixtures};
use rayon::prelude::*;

use crate::answer::subsystem;
use crate::iit4_answer::far;
use crate::iit4_oracle::{Mice, System, Ties};
use crate::iit4_relations::{Distinction, sum_phi_r};
use crate::networks::{Family, Network, numberings, random};
use crate::oracle::{Direction, Mask, subsets};
use crate::properties::{count, how_many};

const MAX_PHI: Rules = Rules { cap: None, ties: TiePolicy::MaxPhi };

/// More choices than that are not listed.
const MOST_CHOICES: usize = 60_000;

/// Every Φ that some choice gives. `None` if there are too many choices.
///
/// With `may_drop` causes and effects may also be chosen that are not congruent: the distinction is
/// then dropped.
fn all_phi(system: &System, units: Mask, may_drop: bool) -> Option<Vec<f64>> {
    let ties = Ties::Principled;
    let found = subsets(units).into_iter().filter_map(|mechanism| {
        let side = |direction| system.mices(direction, mechanism, ties);
        let (causes, effects) = (side(Direction::Cause), side(Direction::Effect));
        (!causes.is_empty() && !effects.is_empty()).then_some((mechanism, causes, effects))
    });
    let found: Vec<(Mask, Vec<Mice>, Vec<Mice>)> = found.collect();
    let mut all = Vec::new();
    for specified in system.tied_pairs(ties) {
        let mut choices: Vec<Vec<Option<Distinction>>> = Vec::new();
        for (mechanism, causes, effects) in &found {
            let states = |mices: &[Mice]| -> Vec<(f64, Mask, Mask)> {
                let of = |it: &Mice| {
                    it.states.iter().map(|&z| (it.phi, it.purview, z)).collect::<Vec<_>>()
                };
                mices.iter().flat_map(of).collect()
            };
            let mut ways: Vec<Option<Distinction>> = Vec::new();
            let mut may_be_missing = false;
            for cause in states(causes) {
                for effect in states(effects) {
                    let agrees = cause.2 == specified.cause & cause.1
                        && effect.2 == specified.effect & effect.1;
                    let phi_d = causes[0].phi.min(effects[0].phi);
                    let way = Distinction { mechanism: *mechanism, phi_d, cause, effect };
                    may_be_missing |= !agrees;
                    ways.extend(agrees.then_some(Some(way)));
                }
            }
            if ways.is_empty() || may_drop && may_be_missing {
                ways.push(None);
            }
            choices.push(ways);
        }
        let n_choices = choices.iter().map(|it| it.len() as f64).product::<f64>();
        if n_choices > (MOST_CHOICES - all.len()) as f64 {
            return None;
        }
        for number in 0..n_choices as usize {
            let mut rest = number;
            let chosen = choices.iter().filter_map(|ways| {
                let way = ways[rest % ways.len()];
                rest /= ways.len();
                way
            });
            let chosen: Vec<Distinction> = chosen.collect();
            let sum_phi_d: f64 = chosen.iter().map(|it| it.phi_d).sum();
            all.push(sum_phi_d + sum_phi_r(&chosen));
        }
    }
    Some(all)
}

fn spectrum(network: &Network) -> Option<PhiSpectrum> {
    let system = iit4::System::new(&subsystem(network)).ok()?;
    Some(phi_spectrum(&system, MAX_PHI, &Options::default()))
}

/// `None` if the state is unreachable.
fn max_phi(network: &Network) -> Option<PhiStructure> {
    let system = iit4::System::new(&subsystem(network)).ok()?;
    Some(phi_structure(&system, MAX_PHI, &Options::default()))
}

/// Random networks of 2 and 3 units, most of them of families that tie, one in three part of a
/// larger one.
fn tied() -> impl ParallelIterator<Item = Network> {
    let families = Family::TYING;
    let n_networks = count("PHI_TIED_NETWORKS", how_many(1500, 12_000));
    (0..n_networks).into_par_iter().map(move |idx| {
        random(families[idx % families.len()], [3, 3, 2][idx / 6 % 3], 40_000 + idx as u64)
    })
}

#[test]
fn extremes_are_those_of_all_choices() {
    let (n_open, n_states, n_skipped, n_ranges) =
        (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    crate::properties::check(tied(), |network| {
        let found = spectrum(network)?;
        let Network { tpm, cm, state, nodes, .. } = network;
        let oracle = System::new(tpm, cm, state, nodes).expect("the engine has one");
        let units = nodes.iter().map(|&unit| 1 << unit).sum();
        if !found.is_complete() {
            return Some("not proven".to_owned());
        }
        let Some(all) = all_phi(&oracle, units, false) else {
            n_skipped.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let dropping = all_phi(&oracle, units, true);
        let smallest = all.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = all.iter().copied().chain(dropping.into_iter().flatten());
        let largest = largest.fold(f64::NEG_INFINITY, f64::max);
        let is_open = |n: &AtomicUsize, it: bool| n.fetch_add(usize::from(it), Ordering::Relaxed);
        is_open(&n_open, all.len() > 1);
        is_open(&n_states, found.largest.choice.as_ref()?.state_pairs > 1);
        is_open(&n_ranges, far(smallest, largest));
        let (low, high) = (found.smallest, found.largest.big_phi);
        (far(low, smallest) || far(high, largest) || found.bounds() != (low, high)).then(|| {
            format!("Φ from {low} to {high}, expected {smallest} to {largest} of {}", all.len())
        })
    });
    let [n_open, n_states, n_skipped, n_ranges] =
        [n_open, n_states, n_skipped, n_ranges].map(AtomicUsize::into_inner);
    assert!(n_open > 500 && n_states > 100 && n_ranges > 50, "{n_open}, {n_states}, {n_ranges}");
    assert!(n_skipped < n_open, "{n_skipped} skipped of {n_open}");
}

/// The largest Φ has the same value in every numbering of the units.
#[test]
fn largest_phi_does_not_hang_on_numbers() {
    let differs = |network: Network| -> Option<String> {
        let phi = max_phi(&network)?.big_phi;
        numberings(network.n_units()).iter().find_map(|order| {
            let other = max_phi(&network.relabelled(order))?;
            (far(phi, other.big_phi) || !other.is_complete())
                .then(|| format!("{phi} and {} as {order:?}\n{network}", other.big_phi))
        })
    };
    let families = [Family::Boolean, Family::Parity, Family::Symmetric, Family::Threshold];
    let failure = (0..how_many(160, 800)).into_par_iter().find_map_first(|idx| {
        differs(random(families[idx % 4], [3, 4][idx / 4 % 2], 70_000 + idx as u64))
    });
    assert_eq!(failure, None);
}

fn network(tpm: &[&[u8]], cm: &[&[u8]], state: &[u8]) -> Network {
    Network {
        name: String::new(),
        tpm: tpm.iter().map(|row| row.iter().map(|&p| f64::from(p)).collect()).collect(),
        cm: cm.iter().map(|row| row.to_vec()).collect(),
        state: state.to_vec(),
        nodes: (0..cm.len()).collect(),
    }
}

/// Small networks whose Φ the other policies make smaller or let depend on the numbering.
#[test]
fn minimal_cases() {
    let full: &[&[u8]] = &[&[1, 1], &[1, 1]];
    let rule: &[&[u8]] = &[&[0, 0], &[0, 1], &[0, 1], &[1, 0]];
    let renumbered: &[&[u8]] = &[&[0, 0], &[1, 0], &[1, 0], &[0, 1]];
    let three: &[&[u8]] = &[
        &[0, 0, 0],
        &[0, 0, 0],
        &[0, 0, 1],
        &[0, 0, 1],
        &[0, 1, 0],
        &[0, 1, 0],
        &[1, 1, 1],
        &[1, 1, 1],
    ];
    for (network, phi) in [
        (network(rule, full, &[1, 0]), "2.191729"),
        (network(rule, full, &[0, 0]), "3.043608"),
        (network(renumbered, full, &[0, 0]), "3.043608"),
        (network(three, &[&[0, 0, 0], &[1, 0, 1], &[1, 1, 0]], &[1, 1, 1]), "4.000000"),
    ] {
        let structure = max_phi(&network).expect("a system of IIT 4.0");
        assert_eq!(format!("{:.6}", structure.big_phi), phi, "{network}");
        assert!(structure.is_complete());
        assert_eq!(structure.most_phi(), structure.big_phi);
    }
}

/// Fig. 6D of Albantakis et al. 2023 has a tie that the published Φ decides the other way.
#[test]
fn figure_6d() {
    let system = iit4::System::new(&fixtures::iit4_figure_6d()).expect("a system");
    let structure = phi_structure(&system, MAX_PHI, &Options::default());
    assert_eq!(format!("{:.2}", structure.big_phi), "12394.62");
    let choice = structure.choice.as_ref().expect("a choice");
    assert!(structure.is_complete() && choice.is_proven);
    assert_eq!((choice.state_pairs, choice.combinations.to_string()), (1, "2".to_owned()));
}
