//! Intrinsic units: laws that hold for all systems of them, and the engine against the oracle on
//! random ones.

use pyphi_core::grain::{
    IntrinsicComplexes, IntrinsicSystem, IntrinsicUnit, Mapping, Part, UnitBounds,
    intrinsic_complexes,
};
use pyphi_core::iit4::{Rules, system_irreducibility_analysis};
use pyphi_core::{Options, State, UnitSet};
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::intrinsic_oracle::{Bounds, Table, Unit, Universe};
use crate::intrinsic_suite::full_network;
use crate::networks::{Family, random};
use crate::oracle::Mask;
use crate::properties::how_many;

/// A random unit of these micro units.
fn random_unit(micro: &[usize], apportioned: Mask, rng: &mut ChaCha8Rng) -> Unit {
    let is_nested = micro.len() > 1 && rng.random_bool(0.3);
    let (parts, grains): (Vec<Unit>, &[usize]) = match is_nested {
        true => {
            let at = rng.random_range(1..micro.len());
            let (grain, inner) = (rng.random_range(1..=2), 0);
            let part = |of: &[usize], rng: &mut ChaCha8Rng| {
                random_made(of.iter().map(|&it| Unit::Micro(it)).collect(), grain, inner, rng)
            };
            (vec![part(&micro[..at], rng), part(&micro[at..], rng)], &[1])
        }
        false => (micro.iter().map(|&it| Unit::Micro(it)).collect(), &[1, 1, 2, 3]),
    };
    let grain = if micro.len() > 2 { 1 } else { *grains.choose(rng).unwrap() };
    random_made(parts, grain, apportioned, rng)
}

fn random_made(parts: Vec<Unit>, grain: usize, apportioned: Mask, rng: &mut ChaCha8Rng) -> Unit {
    loop {
        let n_entries = 1usize << (parts.len() * grain);
        let table: Vec<bool> = (0..n_entries).map(|_| rng.random()).collect();
        if table.iter().any(|it| *it != table[0]) {
            return Unit::Made { parts, grain, table, apportioned };
        }
    }
}

/// A random network of 2 to 4 units with a history, and a system of it.
fn random_system(seed: u64) -> (Universe, Vec<Unit>) {
    let families = [Family::Free, Family::Logistic, Family::Noisy, Family::Boolean];
    let n = [2, 3, 3, 4][seed as usize / 4 % 4];
    let network = random(families[seed as usize % 4], n, seed);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut left: Vec<usize> = (0..n).collect();
    left.shuffle(&mut rng);
    let mut system = Vec::new();
    while !left.is_empty() {
        let mut micro = left.split_off(left.len() - rng.random_range(1..=left.len()));
        if rng.random_bool(0.7) {
            micro.sort_unstable();
        }
        let has_background = !left.is_empty() && rng.random_bool(0.3);
        let apportioned = if has_background { 1 << left.pop().unwrap() } else { 0 };
        let is_micro = micro.len() == 1 && apportioned == 0 && rng.random_bool(0.5);
        system.push(match is_micro {
            true => Unit::Micro(micro[0]),
            false => random_unit(&micro, apportioned, &mut rng),
        });
        if rng.random_bool(0.3) {
            break;
        }
    }
    let n_updates = system.iter().map(Unit::grain).max().unwrap();
    let mut history: Vec<Mask> = (1..n_updates).map(|_| rng.random_range(0..1 << n)).collect();
    history.push(network.state.iter().enumerate().map(|(i, &on)| usize::from(on) << i).sum());
    (Universe { tpm: network.tpm, history }, system)
}

fn set(mask: Mask) -> UnitSet {
    (0..32).filter(|it| mask >> it & 1 == 1).collect()
}

fn made(unit: &Unit) -> IntrinsicUnit {
    let part = |it: &Unit| match it {
        Unit::Micro(unit) => Part::Micro(*unit),
        made_of_others => Part::Unit(Box::new(made(made_of_others))),
    };
    match unit {
        Unit::Micro(unit) => IntrinsicUnit::micro(*unit),
        Unit::Made { parts, grain, table, apportioned } => {
            let parts = parts.iter().map(part).collect();
            let mapping = Mapping::Table(table.clone());
            IntrinsicUnit::new(parts, *grain as u32, mapping, set(*apportioned)).unwrap()
        }
    }
}

fn states(universe: &Universe) -> Vec<State> {
    let n = universe.tpm[0].len();
    let state = |it: &Mask| {
        let values: Vec<u8> = (0..n).map(|unit| (it >> unit & 1) as u8).collect();
        State::new(&values).unwrap()
    };
    universe.history.iter().map(state).collect()
}

fn engine(universe: &Universe, system: &[Unit]) -> Option<IntrinsicSystem> {
    let units: Vec<IntrinsicUnit> = system.iter().map(made).collect();
    IntrinsicSystem::new(&full_network(&universe.tpm), &states(universe), &units).ok()
}

fn phi_s(system: &IntrinsicSystem) -> f64 {
    let options = Options::default();
    system_irreducibility_analysis(system.system(), Rules::default(), &options).phi_s
}

#[test]
fn random_systems_are_as_the_oracle_has_them() {
    let n_there: usize = (0..how_many(400, 6000) as u64)
        .into_par_iter()
        .map(|seed| {
            let (universe, system) = random_system(seed);
            let what = format!("seed {seed}: {system:?}, {:?}", universe.history);
            let expected = universe.tables(&system).zip(universe.phi_s(&system));
            let found = engine(&universe, &system);
            assert_eq!(found.is_some(), expected.is_some(), "{what}");
            let (Some(found), Some(([cause, effect], phi))) = (found, expected) else { return 0 };
            assert_eq!(found.state().values(), universe.state(&system), "{what}");
            for (tpm, table) in [(found.cause_tpm(), &cause), (found.effect_tpm(), &effect)] {
                let of: Table = (0..system.len())
                    .map(|unit| (0..tpm.n_states()).map(|row| tpm.row(row)[unit]).collect())
                    .collect();
                for (found, expected) in of.iter().flatten().zip(table.iter().flatten()) {
                    assert!((found - expected).abs() < 1e-12, "{what}: {of:?}, {table:?}");
                }
            }
            let found = phi_s(&found);
            assert!((found - phi).abs() < 1e-9, "{what}: {found}, expected {phi}");
            1
        })
        .sum();
    assert!(n_there * 10 > how_many(400, 6000) * 7, "only {n_there}");
}

/// The numbers of units do not matter, nor do the order of constituents or the names of states.
#[test]
fn names_change_nothing() {
    (0..how_many(400, 6000) as u64).into_par_iter().for_each(|seed| {
        let (universe, system) = random_system(seed);
        let Some(found) = engine(&universe, &system) else { return };
        let n = universe.tpm[0].len();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut numbers: Vec<usize> = (0..n).collect();
        numbers.shuffle(&mut rng);
        let moved = |mask: Mask| -> Mask {
            (0..n).filter(|i| mask >> i & 1 == 1).map(|i| 1 << numbers[i]).sum()
        };
        let mut tpm = vec![vec![0.0; n]; 1 << n];
        for (u, row) in universe.tpm.iter().enumerate() {
            row.iter().enumerate().for_each(|(i, p)| tpm[moved(u)][numbers[i]] = *p);
        }
        let history = universe.history.iter().map(|&it| moved(it)).collect();
        let other = Universe { tpm, history };
        let system: Vec<Unit> =
            system.iter().map(|it| renamed(it, &numbers, &moved, &mut rng)).collect();
        let again = engine(&other, &system).expect("the same system");
        let (expected, found) = (phi_s(&found), phi_s(&again));
        assert!((found - expected).abs() < 1e-9, "seed {seed}: {found}, {expected}");
    });
}

/// A unit of other numbers, with its constituents in another order, and complemented.
fn renamed(
    unit: &Unit,
    numbers: &[usize],
    moved: &dyn Fn(Mask) -> Mask,
    rng: &mut ChaCha8Rng,
) -> Unit {
    match unit {
        Unit::Micro(unit) => Unit::Micro(numbers[*unit]),
        Unit::Made { parts, grain, table, apportioned } => {
            let mut order: Vec<usize> = (0..parts.len()).collect();
            order.shuffle(rng);
            let n = parts.len();
            let entry = |index: usize| {
                let bit = |it: usize| {
                    let (update, position) = (it / n, it % n);
                    (index >> it & 1) << (update * n + order[position])
                };
                !table[(0..n * grain).map(bit).sum::<usize>()]
            };
            let table = (0..table.len()).map(entry).collect();
            // Parts keep the names of their states: the table is of these.
            let part = |it: &usize| keeping_names(&parts[*it], numbers, moved);
            let parts = order.iter().map(part).collect();
            Unit::Made { parts, grain: *grain, table, apportioned: moved(*apportioned) }
        }
    }
}

fn keeping_names(unit: &Unit, numbers: &[usize], moved: &dyn Fn(Mask) -> Mask) -> Unit {
    match unit {
        Unit::Micro(unit) => Unit::Micro(numbers[*unit]),
        Unit::Made { parts, grain, table, apportioned } => Unit::Made {
            parts: parts.iter().map(|it| keeping_names(it, numbers, moved)).collect(),
            grain: *grain,
            table: table.clone(),
            apportioned: moved(*apportioned),
        },
    }
}

#[test]
fn random_searches_are_as_the_oracle_has_them() {
    let all = [
        (2, Bounds { micro_units: 2, grain: 1, depth: 1 }),
        (2, Bounds { micro_units: 2, grain: 2, depth: 1 }),
        (2, Bounds { micro_units: 2, grain: 1, depth: 2 }),
        (3, Bounds { micro_units: 2, grain: 1, depth: 1 }),
        (3, Bounds { micro_units: 3, grain: 1, depth: 1 }),
    ];
    let n_valid: usize = (0..how_many(40, 1000) as u64)
        .into_par_iter()
        .map(|seed| {
            let (n, bounds) = all[seed as usize % all.len()];
            let families = [Family::Free, Family::Logistic, Family::Noisy];
            let network = random(families[seed as usize / all.len() % 3], n, seed);
            let present = network.state.iter().enumerate();
            let present: Mask = present.map(|(i, &on)| usize::from(on) << i).sum();
            let n_updates = bounds.grain.pow(bounds.depth as u32);
            let history = vec![present; n_updates];
            let universe = Universe { tpm: network.tpm, history };
            let expected = universe.search(bounds);
            let within = UnitBounds {
                micro_units: bounds.micro_units,
                grain: bounds.grain as u32,
                depth: bounds.depth as u32,
                ..UnitBounds::default()
            };
            let found: IntrinsicComplexes = intrinsic_complexes(
                &full_network(&universe.tpm),
                &states(&universe),
                &within,
                Rules::default(),
                &Options::default(),
            )
            .unwrap();
            let what = format!("seed {seed}, {bounds:?}");
            assert_eq!(found.units.len(), expected.units.len(), "{what}");
            assert_eq!(found.verdicts.len(), expected.verdicts.len(), "{what}");
            let name = |parts: Vec<IntrinsicUnit>| {
                let of = |it: &IntrinsicUnit| (it.micro_units(), it.grain(), it.table());
                let mut names: Vec<String> =
                    parts.iter().map(|it| format!("{:?}", of(it))).collect();
                names.sort_unstable();
                names
            };
            for (parts, phi, best, verdict) in &expected.verdicts {
                let parts = name(parts.iter().map(made).collect());
                let is_same = |it: &&pyphi_core::grain::Verdict| {
                    name(it.parts.iter().map(Part::unit).collect()) == parts
                };
                let found = found.verdicts.iter().find(is_same).expect(&what);
                assert!((found.phi_s - phi).abs() < 1e-9, "{what}: {parts:?}");
                let best = (found.best_competitor, *best);
                assert_eq!(best.0.is_some(), best.1.is_some(), "{what}");
                assert!((best.0.unwrap_or(0.0) - best.1.unwrap_or(0.0)).abs() < 1e-9, "{what}");
                assert_eq!(found.validity.name(), *verdict, "{what}: {parts:?}");
            }
            assert_eq!(found.complexes.len(), expected.complexes.len(), "{what}");
            assert_eq!(found.tied.len(), expected.n_tied, "{what}");
            for (system, phi) in &expected.complexes {
                let system = name(system.iter().map(made).collect());
                let is_same = |it: &&pyphi_core::grain::FoundSystem| {
                    name(it.units.iter().map(|&it| found.units[it].clone()).collect()) == system
                };
                let found = found.complexes.iter().find(is_same).expect(&what);
                assert!((found.phi_s - phi).abs() < 1e-9, "{what}: {system:?}");
            }
            found.units.len() - n
        })
        .sum();
    assert!(n_valid > how_many(40, 1000), "only {n_valid}");
}
