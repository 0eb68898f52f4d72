//! Actual causation: the engine against the oracle on random transitions, and laws that hold for
//! all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyphi_core::causation::{self, Account, Background, Scheme, Transition};
use pyphi_core::{
    Alphabet, Direction, Limits, Network, Observer, Options, State, StopReason, Tpm, UnitSet,
};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::causation_oracle as oracle;
use crate::causation_suite::set;
use crate::networks::{self, Family};
use crate::properties::how_many;
use crate::{values, values_oracle};

/// Every family but that in which units depend on others without a connection.
const FAMILIES: [Family; 8] = [
    Family::Boolean,
    Family::Threshold,
    Family::Parity,
    Family::Symmetric,
    Family::Noisy,
    Family::Quarters,
    Family::Free,
    Family::Logistic,
];

/// The transition that this seed stands for: of 2 to 4 units, at most 3 of which are considered on
/// either side. Every third has units with up to four values.
fn random(seed: usize) -> oracle::Transition {
    if seed % 3 == 2 { random_of_values(seed) } else { random_of_bits(seed) }
}

fn random_of_values(seed: usize) -> oracle::Transition {
    let values_oracle::Network { sizes, tpm, cm, state: before, .. } = values::random(seed as u64);
    let cm = cm.iter().map(|row| row.iter().map(|&it| u8::from(it)).collect()).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed as u64);
    let all = values_oracle::states(&sizes);
    let row = all.iter().position(|it| *it == before).expect("a state");
    let follows = |of: &Vec<f64>| {
        let mut left = rng.random_range(0.0..1.0);
        let last = of.iter().rposition(|&p| p > 0.0).expect("a value that can follow");
        let is_it = |&p: &f64| {
            left -= p;
            left < 0.0
        };
        of.iter().position(is_it).unwrap_or(last)
    };
    let after = tpm[row].iter().map(follows).collect();
    let considered = considered(sizes.len(), &mut rng);
    of_network((sizes, tpm, cm), [before, after], considered)
}

fn random_of_bits(seed: usize) -> oracle::Transition {
    let n = [2, 3, 3, 4][seed / FAMILIES.len() % 4];
    let network = networks::random(FAMILIES[seed % FAMILIES.len()], n, seed as u64);
    let mut rng = ChaCha8Rng::seed_from_u64(seed as u64);
    let before: Vec<usize> = (0..n).map(|_| rng.random_range(0..2)).collect();
    let row: usize = before.iter().enumerate().map(|(i, &value)| value << i).sum();
    // What can follow: a value of probability 0 is not taken.
    let after = network.tpm[row].iter().map(|&on| usize::from(rng.random_range(0.0..1.0) < on));
    let after = after.collect();
    let distributions = |row: &Vec<f64>| row.iter().map(|&on| vec![1.0 - on, on]).collect();
    let tpm = network.tpm.iter().map(distributions).collect();
    let considered = considered(n, &mut rng);
    of_network((vec![2; n], tpm, network.cm), [before, after], considered)
}

/// Units before and after, whether the others are noise, and the partitions.
type Considered = ([Vec<usize>; 2], bool, oracle::Scheme);

fn considered(n: usize, rng: &mut ChaCha8Rng) -> Considered {
    let mut some = |most: usize| {
        let mut units: Vec<usize> = (0..n).collect();
        units.shuffle(rng);
        let n_units = if rng.random_bool(0.5) { n } else { rng.random_range(1..=n) };
        units.truncate(n_units.min(most));
        units.sort_unstable();
        units
    };
    let sides = [some(3), some(3)];
    let is_noise = rng.random_bool(0.2);
    let scheme = match rng.random_range(0..10) {
        0 => oracle::Scheme::Bi,
        1 => oracle::Scheme::Tri,
        _ => oracle::Scheme::All,
    };
    (sides, is_noise, scheme)
}

/// Numbers of values, distributions by state and unit, connections.
type Parts = (Vec<usize>, Vec<Vec<Vec<f64>>>, Vec<Vec<u8>>);

fn of_network(
    (sizes, tpm, cm): Parts,
    [before, after]: [Vec<usize>; 2],
    ([cause, effect], is_noise, scheme): Considered,
) -> oracle::Transition {
    oracle::Transition { sizes, tpm, cm, before, after, cause, effect, is_noise, scheme }
}

fn direction(of: oracle::Direction) -> Direction {
    match of {
        oracle::Direction::Cause => Direction::Cause,
        oracle::Direction::Effect => Direction::Effect,
    }
}

fn network_of(it: &oracle::Transition) -> Network {
    let alphabet = Alphabet::new(&it.sizes).unwrap();
    Network::new(Tpm::from_distributions(&alphabet, &it.tpm).unwrap(), &it.cm).unwrap()
}

fn states_of(it: &oracle::Transition) -> [State; 2] {
    let alphabet = Alphabet::new(&it.sizes).unwrap();
    [&it.before, &it.after].map(|values| {
        let values: Vec<u8> = values.iter().map(|&it| it as u8).collect();
        State::of(&values, &alphabet).unwrap()
    })
}

fn transition_of(it: &oracle::Transition) -> Transition {
    let [before, after] = states_of(it);
    let background = if it.is_noise { Background::Noise } else { Background::Fixed };
    let (cause, effect) = (set(&it.cause), set(&it.effect));
    Transition::new(&network_of(it), before, after, cause, effect, background).unwrap()
}

fn account_of(it: &oracle::Transition) -> Account {
    let scheme = match it.scheme {
        oracle::Scheme::All => Scheme::All,
        oracle::Scheme::Tri => Scheme::Tri,
        oracle::Scheme::Bi => Scheme::Bi,
    };
    causation::account(&transition_of(it), scheme, &Options::default()).unwrap()
}

#[test]
fn accounts_are_those_of_the_oracle() {
    let n_links: usize = (0..how_many(4000, 40_000))
        .into_par_iter()
        .map(|seed| {
            let transition = random(seed);
            let (account, links) = (account_of(&transition), transition.account());
            let what = || format!("seed {seed}: {transition:?}: {links:?}, {:?}", account.links());
            assert_eq!(account.links().len(), links.len(), "{}", what());
            for (link, expected) in account.links().iter().zip(&links) {
                assert_eq!(link.direction, direction(expected.direction), "{}", what());
                assert_eq!(link.mechanism, set(&expected.mechanism), "{}", what());
                assert!((link.alpha - expected.alpha).abs() < 1e-9, "{}", what());
                let purviews = expected.purviews.iter().map(|it| set(it));
                assert_eq!(link.purviews, purviews.collect::<Vec<_>>(), "{}", what());
                // The partition takes α away.
                let list = |units: UnitSet| units.iter().collect::<Vec<_>>();
                let of = expected.direction;
                let p = |m: UnitSet, p: UnitSet| transition.probability(of, &list(m), &list(p));
                let under: f64 = link.partition.blocks.iter().map(|&(a, b)| p(a, b)).product();
                let lost = (p(link.mechanism, link.purviews[0]) / under).log2();
                assert!((lost - link.alpha).abs() < 1e-9, "{}: {}", what(), link.partition);
            }
            links.len()
        })
        .sum();
    assert!(n_links > 4000, "only {n_links} links");
}

/// The engine makes no account anew under a cut; the oracle does.
#[test]
fn irreducibility_is_that_of_the_oracle() {
    use oracle::Direction::{Cause, Effect};
    let n_positive: usize = (0..how_many(3000, 30_000))
        .into_par_iter()
        .map(|seed| {
            let transition = random(seed);
            if transition.cause.len() + transition.effect.len() > 5 {
                return 0;
            }
            let account = account_of(&transition);
            let both: &[oracle::Direction] = &[Cause, Effect];
            let all = [
                (None, both),
                (Some(Direction::Cause), &[Cause]),
                (Some(Direction::Effect), &[Effect]),
            ];
            let found = all.map(|(of, as_listed)| {
                let found = account.irreducibility(of, &Options::default()).unwrap();
                let expected = transition.irreducibility(as_listed);
                let is_equal = (found.irreducibility - expected).abs() < 1e-9;
                assert!(is_equal, "seed {seed}: {transition:?}: {found:?}, expected {expected}");
                usize::from(expected > 0.0)
            });
            found.iter().sum()
        })
        .sum();
    assert!(n_positive > 500, "only {n_positive} are irreducible");
}

#[test]
fn the_nexus_is_what_the_accounts_say() {
    let n_found: usize = (0..how_many(60, 600))
        .into_par_iter()
        .map(|seed| {
            let mut it = random(seed);
            let (network, [before, after]) = (network_of(&it), states_of(&it));
            let background = if it.is_noise { Background::Noise } else { Background::Fixed };
            let options = Options::default();
            let found =
                causation::nexus(&network, before, after, background, Scheme::All, &options);
            let found = found.unwrap();
            assert_eq!(found.stop_reason, StopReason::Complete);
            it.scheme = oracle::Scheme::All;
            let mut n_expected = 0;
            for cause in network.units().subsets_by_size() {
                for effect in network.units().subsets_by_size() {
                    it.cause = cause.iter().collect();
                    it.effect = effect.iter().collect();
                    let account = account_of(&it);
                    let expected = account.irreducibility(None, &options).unwrap().irreducibility;
                    let is_it =
                        |it: &&causation::NexusTransition| (it.cause, it.effect) == (cause, effect);
                    let listed = found.transitions.iter().find(is_it);
                    let listed = listed.map_or(0.0, |it| it.irreducibility);
                    assert!(
                        (listed - expected).abs() < 1e-9,
                        "seed {seed}: {cause} {effect}: {listed}, expected {expected}"
                    );
                    n_expected += usize::from(expected > 0.0);
                }
            }
            assert_eq!(found.transitions.len(), n_expected);
            let is_sorted = found
                .transitions
                .is_sorted_by(|a, b| a.irreducibility >= b.irreducibility - causation::TOLERANCE);
            assert!(is_sorted, "seed {seed}: {found:?}");
            n_expected
        })
        .sum();
    assert!(n_found > 500, "only {n_found} irreducible transitions");
}

/// The same transition with other numbers for the units (unit i becomes `order[i]`), and with other
/// numbers for the values of each: all moved on by one.
fn renamed(it: &oracle::Transition, order: &[usize]) -> oracle::Transition {
    let n = order.len();
    let by_unit = |of: &dyn Fn(usize) -> usize| -> Vec<usize> {
        let mut all = vec![0; n];
        (0..n).for_each(|unit| all[order[unit]] = of(unit));
        all
    };
    let state = |old: &[usize]| by_unit(&|unit| (old[unit] + 1) % it.sizes[unit]);
    let set = |units: &[usize]| -> Vec<usize> {
        let mut all: Vec<usize> = units.iter().map(|&unit| order[unit]).collect();
        all.sort_unstable();
        all
    };
    let mut new = it.clone();
    new.sizes = by_unit(&|unit| it.sizes[unit]);
    (new.before, new.after) = (state(&it.before), state(&it.after));
    (new.cause, new.effect) = (set(&it.cause), set(&it.effect));
    let all = values_oracle::states(&new.sizes);
    for (old, row) in values_oracle::states(&it.sizes).iter().zip(&it.tpm) {
        let at = all.iter().position(|it| *it == state(old)).expect("a state");
        for (unit, distribution) in row.iter().enumerate() {
            let mut moved = distribution.clone();
            moved.rotate_right(1);
            new.tpm[at][order[unit]] = moved;
        }
    }
    for (from, row) in it.cm.iter().enumerate() {
        row.iter().enumerate().for_each(|(to, &is)| new.cm[order[from]][order[to]] = is);
    }
    new
}

/// Other numbers for the units and for their values change no α and no 𝒜, and all tied purviews are
/// the same.
#[test]
fn relabelling_changes_nothing() {
    (0..how_many(400, 4000)).into_par_iter().for_each(|seed| {
        let it = random(seed);
        let n = it.cm.len();
        let mut order: Vec<usize> = (0..n).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed as u64));
        let renamed = renamed(&it, &order);
        let (a, b) = (account_of(&it), account_of(&renamed));
        assert_eq!(a.links().len(), b.links().len(), "seed {seed}");
        let to_other = |units: UnitSet| -> UnitSet { units.iter().map(|it| order[it]).collect() };
        for link in a.links() {
            let is_it = |it: &&causation::CausalLink| {
                (it.direction, it.mechanism) == (link.direction, to_other(link.mechanism))
            };
            let twin = b.links().iter().find(is_it).expect("the same link");
            assert!((link.alpha - twin.alpha).abs() < 1e-12, "seed {seed}: {link}, {twin}");
            assert!(link.alpha > 0.0);
            let mut expected: Vec<UnitSet> = link.purviews.iter().map(|&it| to_other(it)).collect();
            let mut found = twin.purviews.clone();
            expected.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, expected, "seed {seed}: {link}, {twin}");
        }
        let options = Options::default();
        let [a, b] = [a, b].map(|it| it.irreducibility(None, &options).unwrap().irreducibility);
        assert!((a - b).abs() < 1e-12 && a >= 0.0, "seed {seed}: {a}, {b}");
    });
}

fn dense(n: usize) -> Transition {
    let (network, state) = pyphi_core::fixtures::dense_logistic_network(n, 1);
    let all = network.units();
    Transition::new(&network, state, state, all, all, Background::Fixed).unwrap()
}

#[test]
fn threads_change_nothing() {
    let transition = dense(8);
    let on = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| {
            let options = Options::default();
            let account = causation::account(&transition, Scheme::All, &options).unwrap();
            let whole = account.irreducibility(None, &options).unwrap();
            (account.links().to_vec(), whole)
        })
    };
    assert_eq!(on(1), on(4));
}

#[test]
fn an_analysis_ends_when_it_is_told_to() {
    let transition = dense(9);
    let limits = Limits { memory_bytes: Some(1000), ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    let found = causation::account(&transition, Scheme::All, &options);
    let needed_bytes = causation::predicted_bytes(9, 9).unwrap();
    assert_eq!(found.err(), Some(StopReason::MemoryLimit { needed_bytes }));

    // Told after the first step of which it says something.
    let cancel = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&cancel);
    let options = Options {
        cancel: Some(Arc::clone(&cancel)),
        progress: Some(Observer::new(move |_| set.store(true, Ordering::Relaxed))),
        ..Options::default()
    };
    let found = causation::account(&transition, Scheme::All, &options);
    assert_eq!(found.err(), Some(StopReason::Cancelled));

    let account =
        causation::account(&transition, Scheme::All, &Options::default()).expect("not stopped");
    assert_eq!(account.irreducibility(None, &options).err(), Some(StopReason::Cancelled));
    let (network, state) = (transition.network(), transition.before());
    let fixed = Background::Fixed;
    let nexus = causation::nexus(network, state, state, fixed, Scheme::All, &options).unwrap();
    assert_eq!((nexus.transitions.len(), nexus.stop_reason), (0, StopReason::Cancelled));
}

#[test]
fn what_is_wrong_is_said() {
    let tpm = [vec![0.0, 0.0], vec![1.0, 0.0], vec![1.0, 0.0], vec![1.0, 1.0]];
    let network = Network::from_state_by_node(&tpm, &[vec![1, 1], vec![1, 1]]).unwrap();
    let named = network.clone().with_labels(vec!["OR".to_owned(), "AND".to_owned()]).unwrap();
    let check = |network: &Network, before: &[u8], after: &[u8], cause, effect, expected: &str| {
        let [before, after] = [before, after].map(|it| State::new(it).unwrap());
        let found = Transition::new(network, before, after, cause, effect, Background::Fixed);
        assert_eq!(found.expect_err("an error").to_string(), expected);
    };
    let all = network.units();
    check(
        &named,
        &[1, 0],
        &[1, 1],
        all,
        all,
        "after: unit AND has probability 0 of being 1 after (1,0), expected a state that can \
         follow",
    );
    let short = "before: state: 1 entries, expected 2 (one per unit)";
    check(&network, &[1], &[1, 0], all, all, short);
    let long = "after: state: 3 entries, expected 2 (one per unit)";
    check(&network, &[1, 0], &[1, 0, 0], all, all, long);
    let other = "effect: nodes: unit 2, expected a unit from 0 to 1";
    check(&network, &[1, 0], &[1, 0], all, UnitSet::all(3), other);
    let denied = Network::from_state_by_node(&tpm, &[vec![1, 0], vec![1, 1]]).unwrap();
    let [before, after] = [&[1, 0], &[1, 0]].map(|it| State::new(it).unwrap());
    let found = Transition::new(&denied, before, after, all, all, Background::Fixed);
    assert!(found.unwrap_err().to_string().starts_with("cm: row 0, column 1: 0, expected 1"));

    // A unit that is not considered need not be possible; no units give an empty account.
    let [or, none] = [set(&[0]), UnitSet::EMPTY];
    let after = State::new(&[1, 1]).unwrap();
    for (cause, effect, n_links) in [(all, or, 2), (none, or, 0), (all, none, 0)] {
        let it = Transition::new(&network, before, after, cause, effect, Background::Fixed);
        let account = causation::account(&it.unwrap(), Scheme::All, &Options::default()).unwrap();
        assert_eq!(account.links().len(), n_links);
        let whole = account.irreducibility(None, &Options::default()).unwrap();
        assert_eq!(whole.alpha, account.alpha(), "{whole:?}");
    }
}

/// Products of these probabilities are far below the range of floats, and their ratios are not.
#[test]
fn tiny_probabilities_are_told_apart() {
    for tiny in [1e-200, 1e-300, f64::MIN_POSITIVE, 5e-324] {
        // Two units that become ON by chance, or for sure if the other was ON.
        let tpm = [vec![tiny, tiny], vec![tiny, 1.0], vec![1.0, tiny], vec![1.0, 1.0]];
        let network = Network::from_state_by_node(&tpm, &[vec![0, 1], vec![1, 0]]).unwrap();
        let [off, on] = [&[0, 0], &[1, 1]].map(|it| State::new(it).unwrap());
        let all = network.units();
        let account = |before| {
            let it = Transition::new(&network, before, on, all, all, Background::Fixed);
            causation::account(&it.unwrap(), Scheme::All, &Options::default()).unwrap()
        };
        let links: Vec<String> = account(on).links().iter().map(|it| it.to_string()).collect();
        let expected = [
            "{0} <- {1} 1.000000",
            "{1} <- {0} 1.000000",
            "{0} -> {1} 1.000000",
            "{1} -> {0} 1.000000",
        ];
        assert_eq!(links, expected, "{tiny}");
        // What came by chance has no cause.
        assert!(account(off).links().is_empty(), "{tiny}");
        let together = account(off).candidate(Direction::Cause, all, all).expect("a candidate");
        let expected = 2.0 * (tiny / (1.0 + tiny) * 2.0).log2();
        let is_near = (together.ratio - expected).abs() < 1e-9;
        assert!(is_near, "{tiny}: {together:?}, expected {expected}");
    }
}
