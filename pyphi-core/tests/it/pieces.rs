//! One Φ in pieces: any division, order, repetition, interruption and bound gives the bits of one
//! search, and what does not belong together is refused.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyphi_core::pieces::{
    Bound, CutDecision, CutDecisions, CutDistance, IntactStructure, MechanismDecision,
    MechanismDecisions, Pieces, deal,
};
use pyphi_core::{
    BigPhi, Error, Limits, Observer, Options, Phase, Stats, StopReason, Subsystem, TieOrder,
    big_phi, fixtures, predicted_bytes,
};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::answer::subsystem;
use crate::networks::{Family, Network, random};
use crate::properties::how_many;

/// The division of an analysis, and the faults of the first attempt.
#[derive(Clone, Copy, Debug)]
struct Division {
    n_pieces: usize,
    /// Threads of each piece.
    n_threads: usize,
    /// The seed of the order in which pieces and their reports arrive.
    seed: u64,
    bounds: Bounds,
    /// Pieces are cancelled after so many reports.
    interrupted_after: Option<usize>,
    /// Pieces are done by two processes, and some reports come once more.
    is_repeated: bool,
}

#[derive(Clone, Copy, Debug)]
enum Bounds {
    /// No piece knows of the others.
    Alone,
    /// Every piece has the best of those before it.
    HandedOn,
    /// Far too low: a tenth of a unit of distance.
    Wrong,
    /// As low as can be: it says that Φ = 0.
    Zero,
}

impl Division {
    fn into(n_pieces: usize) -> Division {
        Division {
            n_pieces,
            n_threads: 1,
            seed: n_pieces as u64,
            bounds: Bounds::HandedOn,
            interrupted_after: None,
            is_repeated: false,
        }
    }
}

/// Returns the value that another process would read.
fn through_json<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let text = serde_json::to_string(value).expect("plain data");
    serde_json::from_str(&text).unwrap_or_else(|err| panic!("{err}: {text}"))
}

/// The reports of one stage: items are divided again and again until none is left. `decide` does a
/// piece with the options of its own process; `take` keeps the reports and says what is left.
fn stage<D: Send>(
    division: &Division,
    options: &Options,
    mut left: Vec<usize>,
    rng: &mut ChaCha8Rng,
    decide: impl Fn(&Options, &[usize], bool, &(dyn Fn(D) + Sync)) + Sync,
    mut take: impl FnMut(Vec<D>, &mut ChaCha8Rng) -> Vec<usize>,
) {
    let pool = ThreadPoolBuilder::new().num_threads(division.n_threads).build().expect("threads");
    let mut is_first = true;
    while !left.is_empty() {
        let mut pieces = deal(&left, division.n_pieces);
        pieces.shuffle(rng);
        if division.is_repeated && is_first {
            pieces.extend_from_within(..);
        }
        let before = left.len();
        for piece in pieces {
            let cancel = Arc::new(AtomicBool::new(false));
            let options = Options { cancel: Some(Arc::clone(&cancel)), ..options.clone() };
            let reports = Mutex::new(Vec::new());
            let n_reports = AtomicUsize::new(0);
            let report = |decision: D| {
                reports.lock().expect("no panic").push(decision);
                let n_reports = n_reports.fetch_add(1, Ordering::Relaxed) + 1;
                if is_first && Some(n_reports) == division.interrupted_after {
                    cancel.store(true, Ordering::Relaxed);
                }
            };
            pool.install(|| decide(&options, &piece, is_first, &report));
            left = take(reports.into_inner().expect("no panic"), rng);
        }
        assert!(left.len() < before || is_first, "nothing was decided");
        is_first = false;
    }
}

/// Shuffles the reports, and says some of them once more.
fn arrive<D: Clone>(division: &Division, mut reports: Vec<D>, rng: &mut ChaCha8Rng) -> Vec<D> {
    if division.is_repeated {
        let n_again = rng.random_range(0..=reports.len());
        reports.extend_from_within(..n_again);
    }
    reports.shuffle(rng);
    reports
}

/// The analysis in pieces, each of which is like a process of its own.
fn in_pieces(subsystem: &Subsystem, options: &Options, division: &Division) -> BigPhi {
    let mut rng = ChaCha8Rng::seed_from_u64(division.seed);
    let pieces = Pieces::new(subsystem, options);

    let mut known = MechanismDecisions::new(&pieces);
    let decide = |options: &Options,
                  piece: &[usize],
                  _: bool,
                  report: &(dyn Fn(MechanismDecision) + Sync)| {
        Pieces::new(subsystem, options).decide_mechanisms(piece, report).expect("true items");
    };
    stage(division, options, known.undecided(), &mut rng, decide, |reports, rng| {
        for decision in arrive(division, reports, rng) {
            known.add(&through_json(&decision)).expect("a true decision");
        }
        known.undecided()
    });
    let intact = through_json(&known.intact_structure().expect("all mechanisms are decided"));

    let known = Mutex::new(CutDecisions::new(&pieces, &intact).expect("its own structure"));
    let decide = |options: &Options,
                  piece: &[usize],
                  is_first: bool,
                  report: &(dyn Fn(CutDecision) + Sync)| {
        let best = known.lock().expect("no panic").best();
        let wrong = |text: &str| Some(text.parse().expect("a whole number"));
        let bound = match division.bounds {
            Bounds::Alone => None,
            Bounds::Wrong if is_first => wrong("126765060022822940149670320537"),
            Bounds::Zero if is_first => wrong("0"),
            _ => best,
        };
        let pieces = Pieces::new(subsystem, options);
        pieces.decide_cuts(&intact, piece, &Bound::new(bound), report).expect("true items");
    };
    let left = known.lock().expect("no panic").undecided();
    stage(division, options, left, &mut rng, decide, |reports, rng| {
        let mut known = known.lock().expect("no panic");
        for decision in arrive(division, reports, rng) {
            known.add(&through_json(&decision)).expect("a true decision");
        }
        known.undecided()
    });
    let known = known.into_inner().expect("no panic");
    pieces.big_phi(&intact, &known).expect("its own decisions").expect("all cuts are decided")
}

/// Everything of a result but what depends on the course of the search, to the last bit: two
/// numbers that are not the same are not written the same.
fn bits(result: BigPhi) -> String {
    format!("{:?}", BigPhi { stats: Stats::default(), cuts_decided: 0, ..result })
}

#[track_caller]
fn check(subsystem: &Subsystem, options: &Options, expected: &str, divisions: &[Division]) {
    for division in divisions {
        let actual = bits(in_pieces(subsystem, options, division));
        assert!(actual == expected, "{division:?}: {actual}, expected {expected}");
    }
}

#[test]
fn a_large_network_in_any_division() {
    let subsystem = fixtures::generic_logistic(how_many(6, 7), 1);
    let options = Options::default();
    let expected = bits(big_phi(&subsystem, &options));
    let [one, two, seven, many] = [1, 2, 7, 64].map(Division::into);
    check(
        &subsystem,
        &options,
        &expected,
        &[
            one,
            Division { n_threads: 2, bounds: Bounds::Alone, is_repeated: true, ..two },
            Division { n_threads: 4, ..seven },
            many,
        ],
    );
}

#[test]
fn a_large_network_with_mishaps() {
    let subsystem = fixtures::generic_logistic(how_many(6, 7), 2);
    let options = Options::default();
    let expected = bits(big_phi(&subsystem, &options));
    let interrupted = Division { interrupted_after: Some(1), ..Division::into(64) };
    let in_the_middle = Division { interrupted_after: Some(9), n_threads: 2, ..Division::into(7) };
    let wrong = Division { bounds: Bounds::Wrong, ..Division::into(7) };
    let zero = Division { bounds: Bounds::Zero, is_repeated: true, ..Division::into(2) };
    check(&subsystem, &options, &expected, &[interrupted, in_the_middle, wrong, zero]);
}

/// Kinds of random networks, some of each of which a set must have, or the test shows little.
#[derive(Default)]
struct Kinds {
    integrated: AtomicUsize,
    /// Φ = 0 without search.
    disconnected: AtomicUsize,
    without_concepts: AtomicUsize,
    /// Concepts, but a cut without effect.
    reducible: AtomicUsize,
    with_ties: AtomicUsize,
}

impl Kinds {
    fn count(&self, subsystem: &Subsystem, result: &BigPhi) {
        let is_found = subsystem.n_units() > 1 && subsystem.is_strongly_connected();
        let kind = match (is_found, result.ces.concepts.is_empty(), result.phi > 0.0) {
            (false, ..) => &self.disconnected,
            (_, true, _) => &self.without_concepts,
            (_, _, false) => &self.reducible,
            (_, _, true) => &self.integrated,
        };
        kind.fetch_add(1, Ordering::Relaxed);
        self.with_ties.fetch_add(usize::from(result.ties > 0), Ordering::Relaxed);
    }

    #[track_caller]
    fn expect_some_of_each(&self) {
        let Kinds { integrated, disconnected, without_concepts, reducible, with_ties } = self;
        let counts = [integrated, disconnected, without_concepts, reducible, with_ties]
            .map(|it| it.load(Ordering::Relaxed));
        assert!(counts.iter().all(|&it| it >= how_many(3, 5)), "{counts:?}");
    }
}

#[test]
fn small_networks_in_any_division() {
    let kinds = Kinds::default();
    (0..how_many(81, 540) as u64).into_par_iter().for_each(|seed| {
        let family = Family::ALL[seed as usize % Family::ALL.len()];
        let n_units = [2, 3, 4, 3, 4, 5][seed as usize / Family::ALL.len() % 6];
        let network: Network = random(family, n_units, 9_000 + seed);
        let subsystem = subsystem(&network);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let options = Options {
            count_ties: rng.random_bool(0.3),
            exhaustive: rng.random_bool(0.1),
            no_symmetry: rng.random_bool(0.1),
            tie_order: match rng.random_range(0..4) {
                0 => TieOrder::Seeded(seed),
                _ => TieOrder::Lexicographic,
            },
            ..Options::default()
        };
        let result = big_phi(&subsystem, &options);
        kinds.count(&subsystem, &result);
        let expected = bits(result);
        for _ in 0..3 {
            let division = Division {
                n_pieces: rng.random_range(1..12),
                n_threads: [1, 2, 4][rng.random_range(0..3)],
                seed: rng.random(),
                bounds: [Bounds::Alone, Bounds::HandedOn, Bounds::Wrong, Bounds::Zero]
                    [rng.random_range(0..4)],
                interrupted_after: rng.random_bool(0.3).then(|| rng.random_range(1..6)),
                is_repeated: rng.random_bool(0.3),
            };
            let actual = bits(in_pieces(&subsystem, &options, &division));
            assert!(
                actual == expected,
                "{division:?}, {options:?}: {actual}, expected {expected}\n{network}"
            );
        }
    });
    kinds.expect_some_of_each();
}

/// Units with more than two values: the same bits however it is divided.
#[test]
fn units_of_several_values_in_any_division() {
    let n_searched: usize = (0..how_many(80, 800) as u64)
        .into_par_iter()
        .map(|seed| {
            let network = crate::values::random(seed);
            let (core, state) = crate::values::in_state(&network);
            let units = network.nodes.iter().copied().collect();
            let Ok(it) = Subsystem::of(&Arc::new(core), state, units) else { return 0 };
            let options = Options { count_ties: seed % 4 == 0, ..Options::default() };
            let result = big_phi(&it, &options);
            let is_searched = usize::from(result.cuts_total > 0);
            let repeated = Division { is_repeated: true, n_threads: 2, ..Division::into(3) };
            let wrong = Division { bounds: Bounds::Wrong, ..Division::into(5) };
            check(&it, &options, &bits(result), &[Division::into(2), repeated, wrong]);
            is_searched
        })
        .sum();
    assert!(n_searched > how_many(15, 150), "{n_searched}");
}

/// The whole analysis of OR-AND-XOR as decisions.
fn decided(subsystem: &Subsystem, options: &Options) -> (IntactStructure, Vec<CutDecision>) {
    let pieces = Pieces::new(subsystem, options);
    let known = Mutex::new(MechanismDecisions::new(&pieces));
    let add = |decision| known.lock().expect("no panic").add(&decision).expect("true");
    pieces.decide_mechanisms(&pieces.mechanisms_largest_first(), add).expect("all items");
    let intact = known.into_inner().expect("no panic").intact_structure().expect("all decided");
    let cuts = Mutex::new(Vec::new());
    let all: Vec<usize> = (0..pieces.n_cuts()).collect();
    let add = |decision| cuts.lock().expect("no panic").push(decision);
    pieces.decide_cuts(&intact, &all, &Bound::default(), add).expect("all items");
    (intact, cuts.into_inner().expect("no panic"))
}

#[track_caller]
fn refused<T>(result: Result<T, Error>, expected: &str) {
    match result {
        Ok(_) => panic!("accepted, expected the error: {expected}"),
        Err(error) => {
            assert!(error.to_string().contains(expected), "{error}, expected {expected}");
        }
    }
}

/// The same with something in its JSON replaced.
#[track_caller]
fn with<T: Serialize + DeserializeOwned>(value: &T, place: &str, new: Value) -> T {
    let mut json = serde_json::to_value(value).expect("plain data");
    *json.pointer_mut(place).unwrap_or_else(|| panic!("no {place}")) = new;
    serde_json::from_value(json).expect("the form of a decision")
}

#[test]
fn what_belongs_to_another_analysis_is_refused() {
    let (subsystem, options) = (fixtures::or_and_xor(), Options::default());
    let (intact, cuts) = decided(&subsystem, &options);
    let network = subsystem.network();
    let state = pyphi_core::State::new(&[1, 1, 0]).expect("three units");
    let in_another_state =
        Subsystem::new(network, state, network.units()).expect("a reachable state");
    let ordered = Options { tie_order: TieOrder::Seeded(1), ..Options::default() };
    let counting = Options { count_ties: true, ..Options::default() };
    let finer = subsystem.clone().with_tolerance(1e-9);
    for (subsystem, options) in [
        (&in_another_state, &options),
        (&fixtures::complete_majority(3), &options),
        (&finer, &options),
        (&subsystem, &ordered),
        (&subsystem, &counting),
    ] {
        let pieces = Pieces::new(subsystem, options);
        let expected = format!("expected {}", pieces.analysis());
        refused(CutDecisions::new(&pieces, &intact), &expected);
        refused(pieces.decide_cuts(&intact, &[0], &Bound::default(), |_| ()), &expected);
        let (own, _) = decided(subsystem, options);
        let mut known = CutDecisions::new(&pieces, &own).expect("its own structure");
        refused(known.add(&cuts[0]), &expected);
    }
    // What changes no result changes no analysis.
    let quick = Options { exhaustive: true, no_symmetry: true, ..Options::default() };
    assert_eq!(
        Pieces::new(&subsystem, &quick).analysis(),
        Pieces::new(&subsystem, &options).analysis()
    );
}

#[test]
fn contradictions_are_refused_and_named() {
    let (subsystem, options) = (fixtures::or_and_xor(), Options::default());
    let pieces = Pieces::new(&subsystem, &options);
    let (intact, cuts) = decided(&subsystem, &options);
    let mut known = CutDecisions::new(&pieces, &intact).expect("its own structure");
    cuts.iter().for_each(|decision| known.add(decision).expect("true"));
    let result = bits(pieces.big_phi(&intact, &known).expect("its own").expect("all decided"));

    let best = known.best().expect("a distance");
    let of_best = |it: &&CutDecision| it.distance == CutDistance::Exact(best);
    let decision = cuts.iter().find(of_best).expect("the best has a cut");
    let name = format!("cut {} ({})", decision.cut, pieces.cut(decision.cut));
    let twice = (2 * best.to_string().parse::<i128>().expect("a number")).to_string();
    let other = with(decision, "/distance/exact", json!(twice));
    refused(known.add(&other), &format!("{name}: exactly {best} and exactly {twice}"));
    let above = with(decision, "/distance", json!({ "at_least": twice }));
    refused(known.add(&above), &format!("{name}: exactly {best} and at least {twice}"));
    let mut other_way = CutDecisions::new(&pieces, &intact).expect("its own structure");
    other_way.add(&above).expect("nothing is known yet");
    refused(other_way.add(decision), &format!("{name}: at least {twice} and exactly {best}"));
    // Less than is known is no contradiction.
    known.add(&with(decision, "/distance", json!({ "at_least": "1" }))).expect("true");
    assert_eq!(bits(pieces.big_phi(&intact, &known).expect("its own").expect("decided")), result);

    let decision = mechanism(&pieces, 6);
    let mut known = MechanismDecisions::new(&pieces);
    known.add(&decision).expect("true");
    assert!(decision.has_concept());
    known.add(&decision).expect("the same again");
    let other = with(&decision, "/concept/cause/phi", json!("36028797018963969"));
    refused(known.add(&other), "mechanism 6 ({0,1,2}): ");
    refused(known.add(&with(&decision, "/concept", json!(null))), "mechanism 6 ({0,1,2}): ");
}

/// Decides one mechanism.
fn mechanism(pieces: &Pieces<'_>, rank: usize) -> MechanismDecision {
    let found = Mutex::new(None);
    let keep = |decision| *found.lock().expect("no panic") = Some(decision);
    pieces.decide_mechanisms(&[rank], keep).expect("one of its mechanisms");
    found.into_inner().expect("no panic").expect("it is decided")
}

#[test]
fn ties_that_differ_are_a_contradiction() {
    let options = Options { count_ties: true, ..Options::default() };
    let subsystem = fixtures::complete_majority(3);
    let pieces = Pieces::new(&subsystem, &options);
    let (intact, cuts) = decided(&subsystem, &options);
    let mut known = CutDecisions::new(&pieces, &intact).expect("its own structure");
    known.add(&cuts[0]).expect("true");
    let name = format!("cut {} (", cuts[0].cut);
    refused(known.add(&with(&cuts[0], "/purview_ties", json!(1_000))), &name);
    let uncounted = with(&cuts[0], "/purview_ties", json!(null));
    refused(known.add(&uncounted), "purview_ties: none, expected a number");
    // Where ties are counted, no bound decides.
    let mut known = CutDecisions::new(&pieces, &intact).expect("its own structure");
    for decision in &cuts[1..] {
        known.add(decision).expect("true");
    }
    let most = i128::MAX.to_string();
    known.add(&with(&cuts[0], "/distance", json!({ "at_least": most }))).expect("it may be");
    assert_eq!(known.undecided(), [cuts[0].cut]);
}

#[test]
fn what_is_no_decision_is_refused() {
    let (subsystem, options) = (fixtures::or_and_xor(), Options::default());
    let pieces = Pieces::new(&subsystem, &options);
    let (intact, cuts) = decided(&subsystem, &options);
    let nothing = |_: MechanismDecision| panic!("nothing is to be decided");
    refused(pieces.decide_mechanisms(&[0, 7], nothing), "mechanism 7, expected a number below 7");
    let nothing = |_: CutDecision| panic!("nothing is to be decided");
    let bound = Bound::default();
    refused(pieces.decide_cuts(&intact, &[6], &bound, nothing), "cut 6, expected a number below 6");
    let mut known = CutDecisions::new(&pieces, &intact).expect("its own structure");
    refused(known.add(&with(&cuts[0], "/cut", json!(9))), "cut 9, expected a number below 6");
    let negative = with(&cuts[0], "/distance", json!({ "at_least": "-1" }));
    refused(known.add(&negative), "at least -1, expected a distance that is not negative");

    let decision = mechanism(&pieces, 6);
    let mut known = MechanismDecisions::new(&pieces);
    refused(known.add(&with(&decision, "/mechanism", json!(7))), "mechanism 7, expected");
    for (place, wrong, expected) in [
        ("cause/purview", json!([0, 3]), "purview {0,3}, expected units of the subsystem"),
        ("effect/purview", json!([]), "purview {}, expected"),
        ("effect/phi", json!("72057594037"), "phi 72057594037, expected a number above"),
        ("cause/phi", json!(i64::MAX.to_string()), "expected a number above the tolerance"),
        ("cause/tied", json!(0), "0 tied, 1 in size, expected at least 1 each"),
        ("to_null", json!("-5"), "to_null -5, expected a distance"),
    ] {
        refused(known.add(&with(&decision, &format!("/concept/{place}"), wrong.clone())), expected);
        let intact = with(&intact, &format!("/concepts/6/{place}"), wrong);
        refused(CutDecisions::new(&pieces, &intact), expected);
    }
    assert_eq!(known.undecided().len(), 7, "nothing of that was kept");
}

#[test]
fn pieces_stop_like_a_search() {
    let subsystem = fixtures::generic_logistic(5, 1);
    let (intact, _) = decided(&subsystem, &Options::default());
    let cancelled = Some(Arc::new(AtomicBool::new(true)));
    let time = Limits { time: Some(Duration::ZERO), ..Limits::default() };
    let memory = Limits { memory_bytes: Some(1_000), ..Limits::default() };
    let needed_bytes = predicted_bytes(5, rayon::current_num_threads()).expect("not much");
    for (options, expected) in [
        (Options { cancel: cancelled, ..Options::default() }, StopReason::Cancelled),
        (Options { limits: time, ..Options::default() }, StopReason::TimeLimit(Duration::ZERO)),
        (
            Options { limits: memory, ..Options::default() },
            StopReason::MemoryLimit { needed_bytes },
        ),
    ] {
        let pieces = Pieces::new(&subsystem, &options);
        let nothing = |it: MechanismDecision| panic!("decided: {it:?}");
        let end = pieces.decide_mechanisms(&[3, 4], nothing).expect("two of its mechanisms");
        assert_eq!(end.stop_reason, expected);
        let nothing = |it: CutDecision| panic!("decided: {it:?}");
        let end = pieces.decide_cuts(&intact, &[3, 4], &Bound::default(), nothing);
        assert_eq!(end.expect("two of its cuts").stop_reason, expected);
    }
}

/// An observer sees the items of the piece, and the best so far.
#[test]
fn pieces_are_watched_like_a_search() {
    let subsystem = fixtures::generic_logistic(4, 1);
    let (intact, cuts) = decided(&subsystem, &Options::default());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let seen_here = Arc::clone(&seen);
    let observer =
        Observer::new(move |progress| seen_here.lock().expect("no panic").push(progress));
    let options = Options { progress: Some(observer), ..Options::default() };
    let pieces = Pieces::new(&subsystem, &options);
    let exact = |it: &CutDecision| match it.distance {
        CutDistance::Exact(distance) => Some(distance),
        CutDistance::AtLeast(_) => None,
    };
    let best = cuts.iter().filter_map(exact).min().expect("a distance");
    let bound = Bound::new(Some(best));
    let end = pieces.decide_cuts(&intact, &[0, 5, 9], &bound, |_| ()).expect("its cuts");
    assert_eq!(end.stop_reason, StopReason::Complete);
    let seen = seen.lock().expect("no panic");
    let steps: Vec<(u64, u64)> = seen.iter().map(|it| (it.done, it.total)).collect();
    assert_eq!(steps, [(1, 3), (2, 3), (3, 3)]);
    assert!(seen.iter().all(|it| it.phase == Phase::Cuts && it.best == Some(best.to_f64())));
}

/// A bound that is lowered while a piece is at work spares it work: with the best from the first
/// report on, cuts are dismissed that were not without it.
#[test]
fn a_bound_is_heard_while_at_work() {
    let subsystem = fixtures::generic_logistic(6, 3);
    let options = Options::default();
    let pieces = Pieces::new(&subsystem, &options);
    let (intact, cuts) = decided(&subsystem, &options);
    let mut known = CutDecisions::new(&pieces, &intact).expect("its own structure");
    cuts.iter().for_each(|it| known.add(it).expect("true"));
    let best = known.best().expect("a distance");
    // The cuts that come last are far from minimal, those before them less so.
    let all = CutDecisions::new(&pieces, &intact).expect("its own structure").undecided();
    let late: Vec<usize> = all.iter().rev().take(50).copied().collect();
    let n_exact = |tell: bool| {
        let (bound, n_exact) = (Bound::default(), AtomicUsize::new(0));
        let pool = ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
        let report = |it: CutDecision| {
            let is_exact = matches!(it.distance, CutDistance::Exact(_));
            n_exact.fetch_add(usize::from(is_exact), Ordering::Relaxed);
            if tell {
                bound.lower(best);
            }
        };
        pool.install(|| pieces.decide_cuts(&intact, &late, &bound, report)).expect("its cuts");
        n_exact.into_inner()
    };
    assert_eq!(n_exact(true), 1, "only the first was looked at without the bound");
    assert!(n_exact(false) > 1);
}

/// The lines in the head of the module's documentation.
#[test]
fn decisions_have_the_documented_form() {
    let subsystem = fixtures::or_and_xor();
    let options = Options::default();
    let pieces = Pieces::new(&subsystem, &options);
    let (intact, cuts) = decided(&subsystem, &options);
    let known = Bound::new(cuts.iter().find(|it| it.cut == 2).map(|it| match it.distance {
        CutDistance::Exact(distance) | CutDistance::AtLeast(distance) => distance,
    }));
    let lines = Mutex::new(vec![
        serde_json::to_string(&mechanism(&pieces, 3)).expect("plain data"),
        serde_json::to_string(&mechanism(&pieces, 4)).expect("plain data"),
    ]);
    let add = |it: CutDecision| {
        lines.lock().expect("no panic").push(serde_json::to_string(&it).expect("plain data"));
    };
    pieces.decide_cuts(&intact, &[2], &known, add).expect("its cut");
    pieces.decide_cuts(&intact, &[0], &known, add).expect("its cut");
    let id = pieces.analysis().to_string();
    let lines = lines.into_inner().expect("no panic").join("\n").replace(&id, "1-…");
    assert_eq!(
        lines,
        concat!(
            r#"{"analysis":"1-…","mechanism":3,"concept":{"cause":{"purview":[0,1,2],"phi":"18014398509481984","#,
            r#""tied":3,"tied_in_size":1},"effect":{"purview":[2],"phi":"36028797018963968","tied":1,"#,
            r#""tied_in_size":1},"to_null":"1125899906842624"}}"#,
            "\n",
            r#"{"analysis":"1-…","mechanism":4,"concept":null}"#,
            "\n",
            r#"{"analysis":"1-…","cut":2,"distance":{"exact":"2429663650437439217077053292544"}}"#,
            "\n",
            r#"{"analysis":"1-…","cut":0,"distance":{"at_least":"2500088683783029624039592281134"}}"#,
        )
    );
}
