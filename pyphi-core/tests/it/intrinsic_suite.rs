//! Intrinsic units of IIT 4.0: every golden record, what is published, and laws.

use pyphi_core::fixtures::dense_logistic_network;
use pyphi_core::grain::{
    FoundSystem, IntrinsicSystem, IntrinsicUnit, Mapping, Mappings, Part, UnitBounds,
    intrinsic_complexes, validity,
};
use pyphi_core::iit4::{
    PhiStructure, Rules, System, SystemState, phi_structure, system_irreducibility_analysis,
};
use pyphi_core::{Limits, Network, Options, State, StopReason, Tpm};
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use crate::causation_suite::set;
use crate::networks::{Family, random};
use crate::properties::how_many;
use crate::suite::read;

#[derive(Deserialize)]
struct Golden {
    name: String,
    tpm: Vec<Vec<f64>>,
    units: Vec<UnitOfGolden>,
    history: Vec<Vec<u8>>,
    state: Vec<u8>,
    /// By unit and state.
    #[serde(rename = "T_cause")]
    cause: Vec<Vec<f64>>,
    #[serde(rename = "T_effect")]
    effect: Vec<Vec<f64>>,
    sia: Sia,
}

#[derive(Deserialize)]
struct Sia {
    phi_s: f64,
    normalized: Option<f64>,
    cause_state: Option<Vec<u8>>,
    effect_state: Option<Vec<u8>>,
    ii_cause: f64,
    ii_effect: f64,
}

/// A unit as the fixture has it: parts are numbers, or units again.
#[derive(Deserialize)]
pub(crate) struct UnitOfGolden {
    parts: Vec<Value>,
    grain: u32,
    mapping: Vec<u8>,
    apportioned: Vec<usize>,
}

impl UnitOfGolden {
    pub(crate) fn unit(&self) -> IntrinsicUnit {
        let part = |it: &Value| match it.as_u64() {
            Some(micro) => Part::Micro(micro as usize),
            None => serde_json::from_value::<UnitOfGolden>(it.clone()).unwrap().unit().into(),
        };
        let table = self.mapping.iter().map(|&it| it == 1).collect();
        let parts = self.parts.iter().map(part).collect();
        IntrinsicUnit::new(parts, self.grain, Mapping::Table(table), set(&self.apportioned))
            .unwrap()
    }
}

/// A network in which every unit is connected with every unit.
pub(crate) fn full_network(tpm: &[Vec<f64>]) -> Network {
    let n = tpm[0].len();
    Network::from_state_by_node(tpm, &vec![vec![1; n]; n]).unwrap()
}

pub(crate) fn states(history: &[Vec<u8>]) -> Vec<State> {
    history.iter().map(|it| State::new(it).unwrap()).collect()
}

#[track_caller]
pub(crate) fn near(what: &str, actual: f64, expected: f64) {
    assert!((actual - expected).abs() <= 1e-9, "{what}: {actual}, expected {expected}");
}

/// By unit and state.
#[track_caller]
fn near_tpm(what: &str, found: &Tpm, expected: &[Vec<f64>]) {
    assert_eq!(found.n_units(), expected.len(), "{what}");
    for (unit, of_unit) in expected.iter().enumerate() {
        assert_eq!(found.n_states(), of_unit.len(), "{what}");
        for (row, &expected) in of_unit.iter().enumerate() {
            near(what, found.row(row)[unit], expected);
        }
    }
}

#[test]
fn golden_intrinsic_systems() {
    let goldens: Vec<Golden> = read("macro_iit4_dev.json");
    assert_eq!(goldens.len(), 36);
    goldens.par_iter().for_each(|golden| {
        let name = &golden.name;
        let units: Vec<IntrinsicUnit> = golden.units.iter().map(UnitOfGolden::unit).collect();
        let history = states(&golden.history);
        let network = full_network(&golden.tpm);
        let system = IntrinsicSystem::new(&network, &history, &units).expect(name);
        assert_eq!(system.state().values(), golden.state, "{name}");
        near_tpm(&format!("{name}: T_c"), system.cause_tpm(), &golden.cause);
        near_tpm(&format!("{name}: T_e"), system.effect_tpm(), &golden.effect);
        let found =
            system_irreducibility_analysis(system.system(), Rules::default(), &Options::default());
        near(name, found.phi_s, golden.sia.phi_s);
        let of_side = |it: &SystemState| it.state.values();
        let (cause, effect) = (found.cause.as_ref().unwrap(), found.effect.as_ref().unwrap());
        near(name, cause.intrinsic_information, golden.sia.ii_cause);
        near(name, effect.intrinsic_information, golden.sia.ii_effect);
        if found.phi_s > 0.0 {
            near(name, found.normalized_phi_s, golden.sia.normalized.unwrap());
            assert_eq!(Some(of_side(cause)), golden.sia.cause_state, "{name}");
            assert_eq!(Some(of_side(effect)), golden.sia.effect_state, "{name}");
        }
    });
}

fn structure(system: &System) -> PhiStructure {
    phi_structure(system, Rules::default(), &Options::default())
}

/// Units of one micro unit and one update, whatever the background, are the micro system, to the
/// bit.
#[test]
fn units_as_they_are_are_the_micro_system() {
    (0..how_many(200, 4000)).into_par_iter().for_each(|seed| {
        let families = [Family::Boolean, Family::Noisy, Family::Quarters, Family::Logistic];
        let it = random(families[seed % 4], 2 + seed % 3, seed as u64);
        let network = full_network(&it.tpm);
        let state = State::new(&it.state).unwrap();
        let micro = System::of(&network, state, set(&it.nodes));
        let units: Vec<IntrinsicUnit> =
            it.nodes.iter().map(|&unit| IntrinsicUnit::micro(unit)).collect();
        let found = IntrinsicSystem::new(&network, &[state], &units);
        let (micro, found) = match (micro, found) {
            (Err(_), Err(_)) => return,
            (micro, found) => (micro.unwrap(), found.unwrap()),
        };
        let [expected, found] = [structure(&micro), structure(found.system())];
        assert_eq!(found.sia.phi_s, expected.sia.phi_s, "seed {seed}");
        let sides = |it: &PhiStructure| {
            let of = |side: &Option<SystemState>| side.as_ref().unwrap().intrinsic_information;
            [of(&it.sia.cause), of(&it.sia.effect)]
        };
        assert_eq!(sides(&found), sides(&expected), "seed {seed}");
        let phi_d = |it: &PhiStructure| -> Vec<f64> {
            it.distinctions.iter().chain(&it.incongruent).map(|it| it.phi).collect()
        };
        if expected.sia.tied_state_pairs == 1 {
            assert_eq!(phi_d(&found), phi_d(&expected), "seed {seed}");
        }
    });
}

#[test]
fn what_is_wrong_with_units_is_said() {
    let table = |bits: &[u8]| Mapping::Table(bits.iter().map(|&it| it == 1).collect());
    let micro = |units: &[usize]| units.iter().map(|&it| Part::Micro(it)).collect::<Vec<_>>();
    let check_unit = |parts: Vec<Part>, grain, mapping, apportioned: &[usize], expected: &str| {
        let found = IntrinsicUnit::new(parts, grain, mapping, set(apportioned)).expect_err("wrong");
        assert_eq!(found.to_string(), expected);
    };
    let check_pair = |grain, mapping, expected: &str| {
        check_unit(micro(&[0, 1]), grain, mapping, &[], expected);
    };
    let both = || Mapping::Coarse(vec![2]);
    let pair = IntrinsicUnit::new(micro(&[0, 1]), 1, both(), set(&[4])).unwrap();
    let slow = IntrinsicUnit::new(micro(&[2, 3]), 2, Mapping::BlackBox(vec![0]), set(&[])).unwrap();
    check_unit(vec![], 1, both(), &[], "grain: parts: none, expected one at least");
    check_unit(
        vec![pair.clone().into(), Part::Micro(1)],
        1,
        both(),
        &[4],
        "grain: parts: {1} is in several, expected it in one",
    );
    check_unit(
        vec![Part::Micro(5), slow.into()],
        1,
        both(),
        &[],
        "grain: parts: {2,3} takes 2 micro updates, expected 1 as the first",
    );
    check_unit(
        vec![pair.clone().into(), Part::Micro(2)],
        1,
        both(),
        &[],
        "grain: apportioned: {4} is apportioned to a part, expected it here too",
    );
    check_unit(
        micro(&[0, 1]),
        1,
        both(),
        &[1, 2],
        "grain: apportioned: {1} is in the parts, expected others",
    );
    check_pair(2, both(), "grain: mapping: coarse with grain 2, expected grain 1");
    check_pair(
        1,
        Mapping::Coarse(vec![3]),
        "grain: mapping: coarse: 3 of 2 parts ON, expected at most 2",
    );
    check_pair(
        1,
        Mapping::BlackBox(vec![2]),
        "grain: mapping: blackbox: output 2, expected positions of parts, below 2",
    );
    check_pair(1, table(&[0, 1]), "grain: mapping: table of 2 entries, expected 4");
    check_pair(1, table(&[1, 1, 1, 1]), "grain: mapping: always ON, expected both ON and OFF");
    check_pair(
        9,
        Mapping::BlackBox(vec![0]),
        "grain: grain: 9 with 2 parts, expected 1 or more, and at most 16 for all parts",
    );

    // A table of all micro states of this one would take 16 GiB.
    let many = |from: usize| {
        let parts = (from..from + 16).map(Part::Micro).collect();
        IntrinsicUnit::new(parts, 1, Mapping::Coarse(vec![1]), set(&[])).unwrap().into()
    };
    check_unit(
        vec![many(0), many(16)],
        1,
        both(),
        &[],
        "grain: parts: 32 micro units, expected at most 16, as many as a network may have",
    );
    // Units of two updates, which remember all of the first one.
    let remembers = |from: usize, n: usize| {
        let table = (0..1usize << (2 * n)).map(|it| it >> n == it & ((1 << n) - 1)).collect();
        let parts = (from..from + n).map(Part::Micro).collect();
        IntrinsicUnit::new(parts, 2, Mapping::Table(table), set(&[])).unwrap().into()
    };
    check_unit(
        vec![remembers(0, 8), remembers(8, 8)],
        1,
        both(),
        &[],
        "grain: a unit tells too many sequences of micro states apart, expected at most 2^22 \
         changes of what it remembers",
    );

    let goldens: Vec<Golden> = read("macro_iit4_dev.json");
    let network = full_network(&goldens[0].tpm);
    let off = State::all_off(4);
    let check = |history: &[State], units: &[IntrinsicUnit], expected: &str| {
        let found = IntrinsicSystem::new(&network, history, units).expect_err("wrong");
        assert_eq!(found.to_string(), expected);
    };
    let pair = |units: [usize; 2], apportioned: &[usize]| {
        IntrinsicUnit::new(micro(&units), 1, both(), set(apportioned)).unwrap()
    };
    check(&[off], &[], "grain: units: none, expected one at least");
    check(
        &[off, off],
        &[pair([0, 1], &[])],
        "grain: history: 2 states, expected 1, as many updates as the slowest unit takes",
    );
    check(
        &[off],
        &[pair([0, 1], &[]), pair([1, 2], &[])],
        "units[0]: grain: {1} belongs to units[1], expected one owner",
    );
    check(
        &[off],
        &[pair([0, 1], &[2]), IntrinsicUnit::micro(2)],
        "units[0]: grain: {2} belongs to units[1], expected one owner",
    );
    check(
        &[off],
        &[
            IntrinsicUnit::new(micro(&[0]), 1, Mapping::Coarse(vec![1]), set(&[3])).unwrap(),
            IntrinsicUnit::new(micro(&[1]), 1, Mapping::Coarse(vec![1]), set(&[3])).unwrap(),
        ],
        "units[0]: grain: apportioned: {3} is apportioned to units[1] too, expected one owner",
    );
    let found = IntrinsicSystem::new(&network, &[off], &[IntrinsicUnit::micro(4)]);
    let found = found.expect_err("no such unit").to_string();
    assert_eq!(found, "units[0]: grain: unit 4, expected units from 0 to 3");

    // A state that nothing leads to.
    let always_on = full_network(&vec![vec![1.0, 0.5]; 4]);
    let found = IntrinsicSystem::new(&always_on, &[State::all_off(2)], &[IntrinsicUnit::micro(1)]);
    let found = found.expect_err("an unreachable state").to_string();
    assert!(found.starts_with("history[0]: state: (0,0)"), "{found}");
}

#[derive(Deserialize)]
struct GoldenSearch {
    name: String,
    tpm: Vec<Vec<f64>>,
    history: Vec<Vec<u8>>,
    bounds: Bounds,
    pool: usize,
    evaluated: u64,
    verdicts: Vec<GoldenVerdict>,
    complexes: Vec<Units>,
    tied_tops: Vec<Units>,
    best: Units,
}

#[derive(Deserialize)]
struct Bounds {
    max_constituents: usize,
    max_grain: u32,
    depth: u32,
}

#[derive(Deserialize)]
struct GoldenVerdict {
    micro: Vec<usize>,
    parts: Vec<Vec<usize>>,
    grains: Vec<u32>,
    maps: Vec<Vec<u8>>,
    phi: f64,
    best_competitor: Option<f64>,
    reason: String,
}

#[derive(Debug, Deserialize)]
struct Units {
    units: Vec<UnitOfSystem>,
    phi_s: f64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct UnitOfSystem {
    micro: Vec<usize>,
    tau: u32,
    mapping: Vec<u8>,
}

fn of_table(unit: &IntrinsicUnit) -> UnitOfSystem {
    UnitOfSystem {
        micro: unit.micro_units().iter().collect(),
        tau: unit.micro_grain(),
        mapping: unit.table().into_iter().map(u8::from).collect(),
    }
}

/// Systems by their units; of each the units in the order of their micro units.
fn near_systems(what: &str, units: &[IntrinsicUnit], found: &[FoundSystem], expected: &[Units]) {
    let of = |it: &FoundSystem| {
        let mut of: Vec<UnitOfSystem> =
            it.units.iter().map(|&number| of_table(&units[number])).collect();
        of.sort_by(|a, b| a.micro.cmp(&b.micro));
        of
    };
    assert_eq!(found.len(), expected.len(), "{what}: {found:?}");
    for expected in expected {
        let mut units = expected.units.clone();
        units.sort_by(|a, b| a.micro.cmp(&b.micro));
        let found = found.iter().find(|it| of(it) == units);
        near(what, found.unwrap_or_else(|| panic!("{what}: {units:?}")).phi_s, expected.phi_s);
    }
}

#[test]
fn golden_searches_over_intrinsic_units() {
    let goldens: Vec<GoldenSearch> = read("macro_iit4_searches.json");
    assert_eq!(goldens.len(), 13);
    for golden in &goldens {
        let (name, network) = (&golden.name, full_network(&golden.tpm));
        let history = states(&golden.history);
        let Bounds { max_constituents, max_grain, depth } = golden.bounds;
        let bounds = UnitBounds {
            micro_units: max_constituents,
            grain: max_grain,
            depth,
            ..Default::default()
        };
        let (rules, options) = (Rules::default(), Options::default());
        let found = intrinsic_complexes(&network, &history, &bounds, rules, &options).unwrap();
        assert_eq!(found.stop_reason, StopReason::Complete);
        assert_eq!(found.units.len(), golden.pool, "{name}");
        assert_eq!(found.n_systems, golden.evaluated, "{name}");
        assert_eq!(found.verdicts.len(), golden.verdicts.len(), "{name}");
        for verdict in &found.verdicts {
            let parts: Vec<UnitOfSystem> =
                verdict.parts.iter().map(|it| of_table(&it.unit())).collect();
            let micro =
                verdict.parts.iter().flat_map(|it| it.micro_units().iter().collect::<Vec<_>>());
            let mut micro: Vec<usize> = micro.collect();
            micro.sort_unstable();
            let is_same = |it: &&GoldenVerdict| {
                let of = it.parts.iter().zip(&it.grains).zip(&it.maps);
                let of = of.map(|((micro, &tau), mapping)| UnitOfSystem {
                    micro: micro.clone(),
                    tau,
                    mapping: mapping.clone(),
                });
                it.micro == micro && of.collect::<Vec<_>>() == parts
            };
            let expected = golden.verdicts.iter().find(is_same).expect(name);
            near(name, verdict.phi_s, expected.phi);
            assert_eq!(verdict.best_competitor.is_some(), expected.best_competitor.is_some());
            let competitor = (verdict.best_competitor, expected.best_competitor);
            near(name, competitor.0.unwrap_or(0.0), competitor.1.unwrap_or(0.0));
            assert_eq!(verdict.validity.name(), expected.reason, "{name}");
            // Asked for by itself.
            let unit = |mapping| IntrinsicUnit::new(verdict.parts.clone(), 1, mapping, set(&[]));
            let n_parts = verdict.parts.len();
            let unit = unit(Mapping::BlackBox((0..n_parts).collect())).unwrap();
            let alone = validity(&network, &history, &unit, &bounds, rules, &options).unwrap();
            assert_eq!(alone.unwrap(), *verdict, "{name}");
        }
        near_systems(name, &found.units, &found.complexes, &golden.complexes);
        near_systems(name, &found.units, &found.tied, &golden.tied_tops);
        near(name, found.best.unwrap().phi_s, golden.best.phi_s);
        // Whatever the number of threads, and bit for bit.
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let search = || intrinsic_complexes(&network, &history, &bounds, rules, &options).unwrap();
        let again = one.install(search);
        assert_eq!(again.complexes, found.complexes, "{name}");
        assert_eq!((again.tied, again.verdicts), (found.tied, found.verdicts), "{name}");
    }
}

#[test]
fn a_search_over_units_ends_when_it_is_told_to() {
    let network = full_network(&dense_logistic_network(10, 1).0.tpm().to_rows());
    let history = [State::all_off(10)];
    let (bounds, rules) = (UnitBounds::default(), Rules::default());
    let cancel = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let options = Options { cancel: Some(cancel), ..Options::default() };
    let found = intrinsic_complexes(&network, &history, &bounds, rules, &options).unwrap();
    assert_eq!(found.stop_reason, StopReason::Cancelled);
    assert!(found.complexes.is_empty());
    let limits = Limits { memory_bytes: Some(1000), ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    let found = intrinsic_complexes(&network, &history, &bounds, rules, &options).unwrap();
    assert!(matches!(found.stop_reason, StopReason::MemoryLimit { .. }));

    let check = |bounds: UnitBounds, n_states: usize, expected: &str| {
        let history = vec![State::all_off(10); n_states];
        let found = intrinsic_complexes(&network, &history, &bounds, rules, &Options::default());
        assert_eq!(found.expect_err("wrong").to_string(), expected);
    };
    check(
        UnitBounds { grain: 2, ..bounds },
        1,
        "grain: history: 1 states, expected 2, as many updates as the slowest unit may take",
    );
    check(
        UnitBounds { grain: 5, ..bounds },
        5,
        "grain: units of 4 micro units over 5 updates, expected 1 or more, and a product of at \
         most 16",
    );
    check(
        UnitBounds { grain: 4, depth: 4, ..bounds },
        1,
        "grain: 256 micro updates of a unit, expected at most 64",
    );
    check(
        UnitBounds { mappings: Mappings::Exhaustive, ..bounds },
        1,
        "grain: all tables of 4 micro units over 1 updates, expected a product of at most 3",
    );
}
