use std::sync::{Arc, Mutex};

use pyphi_core::grain::{
    Emergence, Grains, UnitBounds, best_grain, emergence, intrinsic_complexes, validity,
};
use pyphi_core::iit4::Rules;
use pyphi_core::{Journal, Network, Options, SearchStep, State, StopReason, UnitSet};

use crate::intrinsic_suite::full_network;
use crate::networks::{Family, random};
use crate::properties::how_many;

/// Steps in memory.
#[derive(Debug, Default)]
struct Kept {
    known: Vec<SearchStep>,
    n_used: usize,
    found: Vec<SearchStep>,
    /// After so many that are found there is no place left.
    n_most: Option<usize>,
    is_refused: bool,
}

impl Journal for Kept {
    fn next(&mut self) -> Option<SearchStep> {
        let step = self.known.get(self.n_used).copied()?;
        self.n_used += 1;
        Some(step)
    }

    fn keep(&mut self, steps: &[SearchStep]) -> bool {
        self.found.extend(steps);
        self.n_most.is_none_or(|most| self.found.len() <= most)
    }

    fn refuse(&mut self) {
        self.is_refused = true;
    }
}

/// The answer of a search that knows these steps, and the steps that it has kept.
fn with<T>(known: &[SearchStep], search: impl Fn(&Options) -> T) -> (T, Kept) {
    let kept = Arc::new(Mutex::new(Kept { known: known.to_vec(), ..Kept::default() }));
    let journal: Arc<Mutex<dyn Journal>> = kept.clone();
    let found = search(&Options { journal: Some(journal), ..Options::default() });
    (found, Arc::into_inner(kept).expect("the search is over").into_inner().unwrap())
}

/// A search that goes on after any number of steps says the same, does the others only, and tells
/// steps of another search from its own.
fn check(what: &str, search: impl Fn(&Options) -> String) {
    let expected = search(&Options::default());
    let (whole, Kept { found: steps, .. }) = with(&[], &search);
    assert_eq!(whole, expected, "{what}");
    assert!(steps.len() > 1, "{what}");
    for n_known in (0..=steps.len()).step_by(steps.len().div_ceil(9)).chain([steps.len()]) {
        let (known, left) = steps.split_at(n_known);
        let (found, kept) = with(known, &search);
        assert_eq!(found, expected, "{what}, {n_known} of {} known", steps.len());
        assert_eq!((kept.n_used, kept.is_refused), (n_known, false), "{what}, {n_known}");
        assert_eq!(kept.found, left, "{what}, {n_known} known");
    }
    for wrong in [
        SearchStep::Value(f64::NAN),
        SearchStep::Value(f64::INFINITY),
        SearchStep::Value(-0.5),
        SearchStep::Micro(UnitSet::from_bits(1 << 30)),
    ] {
        for at in [0, steps.len() / 2, steps.len() - 1] {
            let mut known = steps.clone();
            known[at] = wrong;
            let (found, kept) = with(&known, &search);
            assert!(kept.is_refused, "{what}, {wrong:?} at {at}");
            assert!(kept.n_used > at, "{what}, {wrong:?} at {at}");
            assert!(found.contains("Cancelled"), "{what}: {found}");
        }
    }
}

fn given(seed: u64) -> (Network, Vec<State>) {
    let families = [Family::Free, Family::Logistic, Family::Noisy];
    let network = random(families[seed as usize % 3], 3, seed);
    let state = State::new(&network.state).unwrap();
    (full_network(&network.tpm), vec![state; 2])
}

#[test]
fn a_search_over_intrinsic_units_goes_on_after_any_step() {
    let bounds = UnitBounds { micro_units: 3, grain: 2, ..UnitBounds::default() };
    let deep = UnitBounds { micro_units: 3, depth: 2, ..UnitBounds::default() };
    for seed in 0..how_many(6, 60) as u64 {
        let (network, history) = given(seed);
        let rules = Rules::default();
        check(&format!("seed {seed}"), |options| {
            format!("{:?}", intrinsic_complexes(&network, &history, &bounds, rules, options))
        });
        check(&format!("seed {seed}, deep"), |options| {
            let history = &history[..1];
            format!("{:?}", intrinsic_complexes(&network, history, &deep, rules, options))
        });
        let found = intrinsic_complexes(&network, &history, &bounds, rules, &Options::default());
        let found = found.unwrap();
        let Some(unit) = found.units.iter().find(|it| it.as_micro().is_none()) else { continue };
        check(&format!("seed {seed}, one unit"), |options| {
            format!("{:?}", validity(&network, &history, unit, &bounds, rules, options))
        });
    }
}

/// All of it but for how much work it was.
fn said(found: &Result<Emergence, StopReason>) -> String {
    let Emergence { emergence, grain, found, micro, n_grains, n_without_system } = match found {
        Ok(found) => found,
        Err(reason) => return format!("{reason:?}"),
    };
    let micro = micro.as_ref().map(|it| (it.units, it.phi, it.cut));
    format!("{emergence} {grain:?} {found:?} {micro:?} {n_grains} {n_without_system}")
}

#[test]
fn a_search_over_grains_goes_on_after_any_step() {
    let grains = Grains { black_boxes: true, time_scales: vec![1, 2], ..Grains::default() };
    for seed in 0..how_many(6, 60) as u64 {
        let (network, history) = given(seed);
        check(&format!("seed {seed}"), |options| {
            said(&emergence(&network, history[0], &grains, options).unwrap())
        });
        check(&format!("seed {seed}, all units"), |options| {
            let all = network.units();
            said(&best_grain(&network, history[0], all, &grains, options).unwrap())
        });
    }
}

/// Φ that was kept is worked out again with all that belongs to it, and has to be the same.
#[test]
fn another_phi_than_that_of_the_grain_is_noticed() {
    let (network, history) = given(1);
    let grains = Grains { black_boxes: true, ..Grains::default() };
    let search = |options: &Options| emergence(&network, history[0], &grains, options).unwrap();
    let (found, Kept { found: mut steps, .. }) = with(&[], search);
    assert!(found.unwrap().grain.is_some());
    let last = steps.iter().rposition(|it| matches!(it, SearchStep::Value(_))).unwrap();
    let SearchStep::Value(phi) = &mut steps[last] else { panic!("it is one") };
    *phi += 1e-3;
    let (found, kept) = with(&steps, search);
    assert_eq!(found.err(), Some(StopReason::Cancelled));
    assert!(kept.is_refused);
}

#[test]
fn a_search_whose_steps_cannot_be_kept_ends() {
    // Every unit depends on itself, and so is one over any number of updates.
    let on = |row: u32, unit: usize| {
        0.1 + 0.5 * f64::from(row >> unit & 1) + 0.1 * f64::from(row.count_ones())
    };
    let tpm: Vec<Vec<f64>> = (0..8).map(|row| (0..3).map(|it| on(row, it)).collect()).collect();
    let (network, history) = (full_network(&tpm), vec![State::all_off(3); 12]);
    let kept = Arc::new(Mutex::new(Kept { n_most: Some(0), ..Kept::default() }));
    let journal: Arc<Mutex<dyn Journal>> = kept.clone();
    let options = Options { journal: Some(journal), ..Options::default() };
    // Enough steps to be handed over before the end.
    let bounds = UnitBounds { micro_units: 1, grain: 12, ..UnitBounds::default() };
    let search = |options: &Options| {
        intrinsic_complexes(&network, &history, &bounds, Rules::default(), options).unwrap()
    };
    assert_eq!(search(&Options::default()).n_systems, 13_u64.pow(3) - 1);
    let found = search(&options);
    assert_eq!(found.stop_reason, StopReason::Cancelled);
    assert!(found.complexes.is_empty());
    assert!(kept.lock().unwrap().found.len() >= 1000);
}
