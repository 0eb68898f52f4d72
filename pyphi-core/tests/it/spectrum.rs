//! IIT 3.0: all Φ that ties allow, against a list of all choices.
//!
//! `PHI_TIED_NETWORKS` sets how many random networks are compared under each rule.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyphi_core::{
    CutChoices, Options, PhiSpectrum, SpectrumRules, TieOrder, TieRule, big_phi, fixtures,
    phi_by_order, phi_spectrum,
};
use rayon::prelude::*;

use crate::answer::{far, subsystem};
use crate::networks::{Family, Network, random};
use crate::oracle::{Eligible, TOLERANCE};
use crate::properties::{check, count, how_many};

/// More pairs of structures under one cut are not listed.
const MOST_PAIRS: usize = 3_000;

fn tied(n_networks: usize, sizes: &'static [usize]) -> impl ParallelIterator<Item = Network> {
    let families = Family::TYING;
    (0..n_networks).into_par_iter().map(move |idx| {
        let n = sizes[idx / families.len() % sizes.len()];
        random(families[idx % families.len()], n, 90_000 + idx as u64)
    })
}

fn spectrum(network: &Network, rules: SpectrumRules) -> PhiSpectrum {
    phi_spectrum(&subsystem(network), &Options::default(), rules)
}

/// Sorted, and of values within the tolerance of each other the first.
pub(crate) fn distinct(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    let mut found: Vec<f64> = Vec::new();
    for value in values {
        if found.last().is_none_or(|last| value > last + TOLERANCE) {
            found.push(value);
        }
    }
    found
}

#[test]
fn spectra_are_those_of_all_choices() {
    let n_networks = count("PHI_TIED_NETWORKS", how_many(120, 3000));
    let [n_several, n_skipped, n_compared] = [const { AtomicUsize::new(0) }; 3];
    for (ties, eligible) in [
        (TieRule::All, Eligible::All),
        (TieRule::Largest, Eligible::Largest),
        (TieRule::Smallest, Eligible::Smallest),
        (TieRule::UnresolvedDropped, Eligible::Single),
    ] {
        for cuts in [CutChoices::Inherited, CutChoices::Independent] {
            check(tied(n_networks, &[3, 3, 2]), |network| {
                let inherits = cuts == CutChoices::Inherited;
                let system = network.system().expect("a random network can be in its state");
                let Some(all) = system.all_big_phi(eligible, inherits, MOST_PAIRS) else {
                    n_skipped.fetch_add(1, Ordering::Relaxed);
                    return None;
                };
                n_compared.fetch_add(1, Ordering::Relaxed);
                let expected = distinct(all);
                n_several.fetch_add(usize::from(expected.len() > 1), Ordering::Relaxed);
                let found = spectrum(network, SpectrumRules { ties, cuts });
                let values = found
                    .values
                    .as_ref()
                    .map(|values| values.iter().map(|it| it.phi).collect::<Vec<f64>>());
                let values = values.unwrap_or_default();
                let differs = values.len() != expected.len()
                    || values.iter().zip(&expected).any(|(a, b)| far(*a, *b))
                    || far(found.smallest.at_least, expected[0])
                    || far(found.largest.at_most, *expected.last().expect("a value"))
                    || !found.is_complete();
                differs.then(|| format!("{ties}, {cuts:?}: {found:?}, expected {expected:?}"))
            });
        }
    }
    let [n_several, n_skipped, n_compared] =
        [n_several, n_skipped, n_compared].map(AtomicUsize::into_inner);
    assert!(n_several > how_many(75, 150), "{n_several} with several values of {n_compared}");
    assert!(n_skipped * 5 < n_compared, "{n_skipped} skipped, {n_compared} compared");
}

/// The Φ of any order of choice is within the bounds, proven or not; and it is one of the values.
#[test]
fn orders_are_within_the_bounds() {
    let orders: Vec<TieOrder> =
        std::iter::once(TieOrder::Lexicographic).chain((0..6).map(TieOrder::Seeded)).collect();
    let n_intervals = AtomicUsize::new(0);
    check(tied(how_many(60, 400), &[3, 4]), |network| {
        let phis = phi_by_order(&subsystem(network), &Options::default(), &orders);
        let found =
            spectrum(network, SpectrumRules { ties: TieRule::Largest, ..Default::default() });
        n_intervals.fetch_add(usize::from(!found.is_complete()), Ordering::Relaxed);
        let is_within = |phi: &f64| {
            *phi >= found.smallest.at_least - TOLERANCE && *phi <= found.largest.at_most + TOLERANCE
        };
        let is_listed = |phi: &f64| {
            found
                .values
                .as_ref()
                .is_none_or(|all| all.iter().any(|it| (it.phi - phi).abs() <= 2e-6))
        };
        let extremes = [found.smallest, found.largest];
        let is_sound = extremes.iter().all(|it| it.at_least <= it.at_most);
        (!(is_sound && phis.iter().all(|it| is_within(it) && is_listed(it))))
            .then(|| format!("{phis:?} and {extremes:?}, {:?}", found.values.map(|it| it.len())))
    });
}

/// Five units that tie in too many ways to list: the interval holds what orders give.
#[test]
fn what_cannot_be_listed_is_an_interval() {
    let subsystem = fixtures::complete_majority(5);
    let orders: Vec<TieOrder> = (0..8).map(TieOrder::Seeded).collect();
    let phis = phi_by_order(&subsystem, &Options::default(), &orders);
    let rules = SpectrumRules { ties: TieRule::Largest, ..SpectrumRules::default() };
    let found = phi_spectrum(&subsystem, &Options::default(), rules);
    assert!(found.values.is_none() && !found.is_complete());
    for phi in phis {
        assert!(phi >= found.smallest.at_least && phi <= found.largest.at_most, "{phi} {found:?}");
    }
}

/// The noise of PyPhi 1.2.0 decides an exact tie here: it prints 0.4375, and exact transport gives
/// 0.465278.
#[test]
fn near_ties_are_told() {
    let bits = ["011", "010", "111", "100", "011", "000", "111", "110"];
    let row = |it: &&str| it.bytes().map(|it| f64::from(it - b'0')).collect();
    let network = Network {
        name: String::new(),
        tpm: bits.iter().map(row).collect(),
        cm: vec![vec![0, 1, 1], vec![1, 1, 0], vec![0, 1, 1]],
        state: vec![0, 1, 0],
        nodes: vec![0, 1, 2],
    };
    let phi = big_phi(&subsystem(&network), &Options::default()).phi;
    assert_eq!(format!("{phi:.6}"), "0.465278");
    let found = spectrum(&network, SpectrumRules::default());
    let values: Vec<String> =
        found.values.as_ref().expect("few").iter().map(|it| format!("{:.6}", it.phi)).collect();
    assert!(values.contains(&"0.465278".to_owned()), "{values:?}");
    assert!(values.contains(&"0.437500".to_owned()), "{values:?}");
    assert!(!found.near_ties.is_empty());
    assert!(found.near_ties.iter().all(|it| it.purviews.len() > 1));
}

/// A = AND(A, B) and B = OR(A, B), both OFF: the example of Hanson and Walker (2021).
/// PyPhi-Spectrum prints all distances up to the least maximum of a cut, also such as no single
/// choice makes minimal; all of ours are among them, up to its transport's noise.
#[test]
fn and_or_has_the_published_values() {
    let network = Network {
        name: String::new(),
        tpm: vec![vec![0.0, 0.0], vec![0.0, 1.0], vec![0.0, 1.0], vec![1.0, 1.0]],
        cm: vec![vec![1, 1], vec![1, 1]],
        state: vec![0, 0],
        nodes: vec![0, 1],
    };
    let rules = SpectrumRules { cuts: CutChoices::Independent, ..SpectrumRules::default() };
    let found = spectrum(&network, rules);
    assert!(found.is_complete());
    assert_eq!(found.choices, 81.0);
    // In units of 1/144.
    let published = [
        0, 4, 6, 8, 9, 10, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
        30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52,
        53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 64, 65, 66, 68, 70, 74,
    ];
    let values: Vec<f64> = found.values.expect("few").iter().map(|it| it.phi * 144.0).collect();
    assert_eq!(values.len(), 53);
    for value in &values {
        assert!(published.iter().any(|&it| (f64::from(it) - value).abs() < 1e-6), "{value}");
    }
    assert_eq!((values[0], values[52].round()), (0.0, 62.0));
}
