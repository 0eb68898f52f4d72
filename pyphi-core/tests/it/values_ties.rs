//! Units with more than two values under IIT 3.0: ties, orders of choice, and the search with
//! bounds, against lists of all choices and against the search without.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyphi_core::{
    CutChoices, Options, PhiSpectrum, SpectrumRules, Subsystem, TieOrder, TieRule, UnitSet,
    big_phi, complex_ranges, complexes, cut_distances, phi_by_order, phi_range, phi_spectrum,
    tie_range,
};
use rayon::prelude::*;

use crate::answer::far;
use crate::oracle::{Eligible, TOLERANCE};
use crate::properties::how_many;
use crate::spectrum::distinct;
use crate::values::{Random, beside, in_state, random, renumbered, with_other_values};
use crate::values_iit3_oracle::System;
use crate::values_oracle::{self as oracle, Network};

/// More pairs of structures under one cut are not listed.
const MOST_PAIRS: usize = 1_000;

/// A network whose purviews tie often: every next value is certain, or one of few probabilities.
fn tying(seed: u64) -> Network {
    let mut random = Random(seed);
    let sizes = [[3, 2], [2, 3], [3, 3], [4, 2], [2, 2]][random.below(5)].to_vec();
    // Beside two binary units a third with three values.
    let sizes = if sizes == [2, 2] { vec![2, 2, 3] } else { sizes };
    let n = sizes.len();
    let is_noisy = random.below(3) == 0;
    let all = oracle::states(&sizes);
    let next = |random: &mut Random, k: usize| {
        let value = random.below(k);
        let p = |at: usize| match (at == value, is_noisy) {
            (true, true) => 0.5,
            (false, true) => 0.5 / (k - 1) as f64,
            (is_it, false) => f64::from(u8::from(is_it)),
        };
        (0..k).map(p).collect::<Vec<f64>>()
    };
    let tpm = all.iter().map(|_| sizes.iter().map(|&k| next(&mut random, k)).collect()).collect();
    let state = sizes.iter().map(|&k| random.below(k)).collect();
    let cm = vec![vec![true; n]; n];
    Network { sizes, tpm, cm, state, nodes: (0..n).collect() }
}

/// Three units that do the same, two of them with the same input: what ties is a matter of
/// symmetry.
fn alike(seed: u64) -> Network {
    let mut random = Random(seed);
    let k = 2 + random.below(2);
    let sizes = vec![k, k, 3];
    let all = oracle::states(&sizes);
    // By how many of the first two have each value, and by the third unit.
    let table: Vec<usize> = (0..k * k * 3).map(|_| random.below(k)).collect();
    let of_third: Vec<usize> = (0..k * k * 3).map(|_| random.below(3)).collect();
    let one = |k: usize, at: usize| (0..k).map(|it| f64::from(u8::from(it == at))).collect();
    let row = |state: &Vec<usize>| -> Vec<Vec<f64>> {
        let (low, high) = (state[0].min(state[1]), state[0].max(state[1]));
        let at = (low * k + high) * 3 + state[2];
        vec![one(k, table[at]), one(k, table[at]), one(3, of_third[at])]
    };
    let tpm = all.iter().map(row).collect();
    // Both of the twins in what they may both be.
    let first = random.below(k);
    let state = vec![first, first, random.below(3)];
    Network { sizes, tpm, cm: vec![vec![true; 3]; 3], state, nodes: vec![0, 1, 2] }
}

fn subsystem(network: &Network) -> Option<Subsystem> {
    let (core, state) = in_state(network);
    let units: UnitSet = network.nodes.iter().copied().collect();
    Subsystem::of(&Arc::new(core), state, units).ok()
}

fn values(spectrum: &PhiSpectrum) -> Vec<f64> {
    spectrum.values.iter().flatten().map(|it| it.phi).collect()
}

#[test]
fn spectra_are_those_of_all_choices() {
    let n_networks = how_many(150, 3000) as u64;
    let [n_several, n_skipped, n_compared] = [const { AtomicUsize::new(0) }; 3];
    (0..n_networks).into_par_iter().for_each(|seed| {
        let network = if seed % 5 == 0 { random(seed) } else { tying(seed) };
        let Some(engine) = subsystem(&network) else { return };
        let most_states = if seed % 15 == 1 { 12 } else { how_many(9, 12) };
        if network.sizes.iter().product::<usize>() > most_states {
            return;
        }
        let system = System::new(&network);
        for (ties, eligible) in [
            (TieRule::All, Eligible::All),
            (TieRule::Largest, Eligible::Largest),
            (TieRule::Smallest, Eligible::Smallest),
            (TieRule::UnresolvedDropped, Eligible::Single),
        ] {
            for cuts in [CutChoices::Inherited, CutChoices::Independent] {
                let inherits = cuts == CutChoices::Inherited;
                let Some(all) = system.all_big_phi(eligible, inherits, MOST_PAIRS) else {
                    n_skipped.fetch_add(1, Ordering::Relaxed);
                    continue;
                };
                n_compared.fetch_add(1, Ordering::Relaxed);
                let expected = distinct(all);
                n_several.fetch_add(usize::from(expected.len() > 1), Ordering::Relaxed);
                let rules = SpectrumRules { ties, cuts };
                let found = phi_spectrum(&engine, &Options::default(), rules);
                let what = || format!("seed {seed}, {ties}, {cuts}: {found:?}, {expected:?}");
                let listed = values(&found);
                assert_eq!(listed.len(), expected.len(), "{}", what());
                let are_near = listed.iter().zip(&expected).all(|(a, b)| !far(*a, *b));
                assert!(are_near && found.is_complete(), "{}", what());
                assert!(!far(found.smallest.at_least, expected[0]), "{}", what());
                assert!(!far(found.largest.at_most, expected[expected.len() - 1]), "{}", what());
            }
        }
    });
    let [n_several, n_skipped, n_compared] =
        [n_several, n_skipped, n_compared].map(AtomicUsize::into_inner);
    assert!(n_several > how_many(40, 400), "{n_several} with several values of {n_compared}");
    assert!(n_skipped * 5 < n_compared, "{n_skipped} skipped, {n_compared} compared");
}

/// Neither the numbers of units nor those of values are known to a spectrum.
#[test]
fn relabelling_changes_no_spectrum() {
    let n_several: usize = (0..how_many(150, 1500) as u64)
        .into_par_iter()
        .map(|seed| {
            let network = if seed % 2 == 0 { tying(seed) } else { alike(seed) };
            let Some(engine) = subsystem(&network) else { return 0 };
            let order: Vec<usize> = (0..network.sizes.len()).rev().collect();
            let rules = SpectrumRules::default();
            let found = phi_spectrum(&engine, &Options::default(), rules);
            for other in [renumbered(&network, &order), with_other_values(&network)] {
                let other = subsystem(&other).expect("the same network");
                let again = phi_spectrum(&other, &Options::default(), rules);
                assert_eq!(found.choices, again.choices, "seed {seed}");
                if !(found.is_complete() && again.is_complete()) {
                    // How far an interval is narrowed is a matter of luck; they hold one truth.
                    assert!(found.smallest.at_least <= again.smallest.at_most + 2e-6);
                    assert!(again.largest.at_least <= found.largest.at_most + 2e-6);
                    continue;
                }
                assert!(!far(found.smallest.at_least, again.smallest.at_least), "seed {seed}");
                assert!(!far(found.largest.at_most, again.largest.at_most), "seed {seed}");
                let (found, again) = (values(&found), values(&again));
                assert_eq!(found.len(), again.len(), "seed {seed}");
                assert!(found.iter().zip(&again).all(|(a, b)| !far(*a, *b)), "seed {seed}");
            }
            usize::from(found.largest.at_most > found.smallest.at_least + TOLERANCE)
        })
        .sum();
    assert!(n_several > how_many(20, 200), "{n_several}");
}

/// Φ in any order of choice is within the spectrum; ranges over numberings are the extremes of
/// renumbered networks; neither bounds, nor interchangeable units, nor an earlier order change a
/// bit.
#[test]
fn orders_give_values_of_the_spectrum() {
    let n_wide: usize = (0..how_many(150, 1500) as u64)
        .into_par_iter()
        .map(|seed| {
            let network = if seed % 2 == 0 { tying(seed) } else { alike(seed) };
            let Some(engine) = subsystem(&network) else { return 0 };
            let options = Options::default();
            let rules = SpectrumRules { ties: TieRule::Largest, ..SpectrumRules::default() };
            let found = phi_spectrum(&engine, &options, rules);
            let orders: Vec<TieOrder> = std::iter::once(TieOrder::Lexicographic)
                .chain((0..4).map(TieOrder::Seeded))
                .collect();
            let phis = phi_by_order(&engine, &options, &orders);
            for (&tie_order, &phi) in orders.iter().zip(&phis) {
                let alone = |exhaustive| {
                    let options = Options {
                        tie_order,
                        exhaustive,
                        no_symmetry: exhaustive,
                        ..Options::default()
                    };
                    big_phi(&engine, &options).phi
                };
                assert_eq!([alone(false), alone(true)], [phi; 2], "seed {seed}, {tie_order:?}");
                let (least, most) = (found.smallest.at_least, found.largest.at_most);
                assert!(least - 2e-6 <= phi && phi <= most + 2e-6, "seed {seed}: {phi} {found:?}");
                let listed = values(&found);
                let is_listed = listed.iter().any(|it| (it - phi).abs() <= 2e-6);
                assert!(found.values.is_none() || is_listed, "seed {seed}: {phi} {listed:?}");
            }
            let range = phi_range(&engine, &options, 5, 1);
            assert!(range.is_exhaustive, "seed {seed}");
            let numbered = |order: &[usize]| {
                let other = subsystem(&renumbered(&network, order)).expect("the same network");
                big_phi(&other, &options).phi
            };
            let n = network.sizes.len();
            let all: Vec<f64> = match n {
                2 => [[0, 1], [1, 0]].iter().map(|it| numbered(it)).collect(),
                _ => [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
                    .iter()
                    .map(|it| numbered(it))
                    .collect(),
            };
            let low = all.iter().copied().fold(f64::INFINITY, f64::min);
            let high = all.iter().copied().fold(0.0, f64::max);
            assert!(
                !far(range.low, low) && !far(range.high, high),
                "seed {seed}: {range:?} {all:?}"
            );
            let tied = tie_range(&engine, &options, 5, 1);
            assert!(tied.low <= range.low && range.high <= tied.high, "seed {seed}");
            if tied.is_exact && found.is_complete() {
                assert!(!far(tied.low, found.smallest.at_least), "seed {seed}: {tied:?} {found:?}");
                assert!(!far(tied.high, found.largest.at_most), "seed {seed}: {tied:?} {found:?}");
            }
            usize::from(far(tied.low, tied.high))
        })
        .sum();
    assert!(n_wide > how_many(10, 100), "{n_wide}");
}

/// Of every set of units that can be a complex the smallest and the largest Φ, and of every cut the
/// distance.
#[test]
fn sets_and_cuts_have_what_they_have_alone() {
    let mut n_compared = 0;
    for seed in 0..how_many(60, 600) as u64 {
        let network = if seed % 2 == 0 { tying(seed) } else { alike(seed) };
        let (core, state) = in_state(&network);
        let (options, rules) = (Options::default(), SpectrumRules::default());
        let ranges = complex_ranges(&core, state, &options, rules).expect("ranges");
        let found = complexes(&core, state, &options).expect("complexes");
        for complex in &found {
            let it = ranges.iter().find(|it| it.units == complex.units).expect("a candidate");
            if let Some((least, most)) = it.range {
                assert!(least - 2e-6 <= complex.phi && complex.phi <= most + 2e-6, "seed {seed}");
                n_compared += 1;
            }
        }
        let Some(engine) = subsystem(&network) else { continue };
        let result = big_phi(&engine, &options);
        let distances = cut_distances(&engine, &options).expect("not stopped");
        if !distances.is_empty() {
            let least = distances.iter().map(|it| it.1).fold(f64::INFINITY, f64::min);
            let least = if least <= TOLERANCE { 0.0 } else { least };
            assert_eq!(least, result.phi, "seed {seed}");
        }
    }
    assert!(n_compared > 20, "{n_compared}");
}

/// Where ties are among binary units alone, a unit with three values beside them changes nothing:
/// the lanes of many values against those of two.
#[test]
fn binary_units_beside_others_have_the_same_spectrum() {
    let mut n_several = 0;
    for seed in 0..how_many(60, 600) as u64 {
        let [a, b] = beside(seed, true).map(|(network, state, units)| {
            let it = Subsystem::of(&network, state, units).ok()?;
            Some(phi_spectrum(&it, &Options::default(), SpectrumRules::default()))
        });
        let (Some(a), Some(b)) = (a, b) else { continue };
        assert_eq!(a.choices, b.choices, "seed {seed}");
        assert!(!far(a.smallest.at_least, b.smallest.at_least), "seed {seed}");
        assert!(!far(a.largest.at_most, b.largest.at_most), "seed {seed}");
        let (a, b) = (values(&a), values(&b));
        assert_eq!(a.len(), b.len(), "seed {seed}");
        assert!(a.iter().zip(&b).all(|(a, b)| !far(*a, *b)), "seed {seed}");
        n_several += usize::from(a.len() > 1);
    }
    assert!(n_several > 5, "{n_several}");
}
