//! Units with more than two values: golden records, a slow reference, laws, and the file format.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use pyphi_core::grain::{self, Grain, Grains, MacroSystem};
use pyphi_core::iit4::{
    self, PhiStructure, Rules, System, SystemIrreducibilityAnalysis, SystemState,
};
use pyphi_core::input::{self, Reader};
use pyphi_core::{
    Alphabet, CauseEffectStructure, DifferentiationCap, Direction, Network, Options, PhiSummary,
    State, Subsystem, TiePolicy, Tpm, UnitSet, Variant, big_phi, big_phi_many, ces_distance,
    complexes, memory_needed_of_complexes,
};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::properties::how_many;
use crate::values_iit3_oracle as iit3_oracle;
use crate::values_oracle::{self as oracle, Side};

/// The distance that a value may have from a golden one.
const FAR: f64 = 1e-9;

fn goldens() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/multivalued.json");
    serde_json::from_str(&fs::read_to_string(path).expect("a fixture")).expect("a list")
}

/// The network of a golden record as a file has it.
fn network(golden: &Value) -> input::NetworkRecord {
    let mut file = json!({"row_order": "first-unit-fastest"});
    for field in ["name", "alphabet", "tpm", "cm", "state", "nodes"] {
        file[field] = golden[field].clone();
    }
    let input = Reader { strict: true, ..Reader::default() }.json(&file.to_string());
    let entry = input.expect("JSON").networks.remove(0);
    entry.record.expect("a network")
}

fn is_far(found: f64, expected: &Value) -> bool {
    (found - expected.as_f64().expect("a number")).abs() > FAR
}

fn flags(golden: &Value) -> Vec<&str> {
    golden["flags"].as_array().expect("flags").iter().filter_map(Value::as_str).collect()
}

#[track_caller]
fn same(name: &str, what: &str, found: f64, expected: &Value) {
    assert!(!is_far(found, expected), "{name}: {what} {found}, expected {expected}");
}

fn structure(system: &System, ties: TiePolicy) -> PhiStructure {
    iit4::phi_structure(system, Rules { cap: None, ties }, &Options::default())
}

#[test]
fn golden_records_of_iit4() {
    let goldens = goldens();
    assert!(goldens.len() > 40);
    for golden in &goldens {
        let name = golden["name"].as_str().expect("a name");
        let expected = &golden["iit4"];
        let system = network(golden).system().expect("a system");
        let found = structure(&system, TiePolicy::Pyphi);
        let sia = &found.sia;
        same(name, "φ_s", sia.phi_s, &expected["phi_s"]);
        if expected["reason"].is_string() {
            assert!(!sia.reasons.is_empty(), "{name}: {}", expected["reason"]);
        } else {
            check_states(name, sia, expected);
        }
        if let Some(edges) = expected["mip"].as_array()
            && !flags(golden).contains(&"mip_tie")
        {
            let mut found: Vec<_> = sia.partition.as_ref().expect("a partition").cut_edges();
            found.sort_unstable();
            let mut edges = edges.clone();
            edges.sort_by_key(|it| (it[0].as_u64(), it[1].as_u64()));
            assert_eq!(json!(found), json!(edges), "{name}: partition");
            same(name, "φ_c", sia.phi_cause.expect("a search"), &expected["phi_cause"]);
            same(name, "φ_e", sia.phi_effect.expect("a search"), &expected["phi_effect"]);
        }
        if !expected["phi_s_2026"].is_null() {
            let rules = Rules { cap: Some(DifferentiationCap::CurrentState), ..Rules::default() };
            let of_2026 = iit4::system_irreducibility_analysis(&system, rules, &Options::default());
            same(name, "φ_s of 2026", of_2026.phi_s, &expected["phi_s_2026"]);
        }
        check_structure(name, &found, &expected["structure"]);
        let principled = match &expected["structure_principled"] {
            Value::Null => &expected["structure"],
            other => other,
        };
        check_structure(name, &structure(&system, TiePolicy::Principled), principled);
    }
}

fn check_states(name: &str, sia: &SystemIrreducibilityAnalysis, expected: &Value) {
    same(name, "normalized φ_s", sia.normalized_phi_s, &expected["normalized"]);
    let sides = [&sia.cause, &sia.effect].map(|it| it.as_ref().expect("a system with units"));
    let differentiation = |side: &SystemState| side.differentiation_of_current_state;
    for (side, what) in sides.into_iter().zip(["cause", "effect"]) {
        let ties: Vec<Vec<u8>> = side.ties.iter().map(|it| it.values()).collect();
        same(name, what, side.intrinsic_information, &expected[format!("ii_{what}")]);
        assert_eq!(json!(ties), expected[format!("{what}_ties")], "{name}: {what} ties");
        let state = json!(side.state.values());
        assert_eq!(state, expected[format!("{what}_state")], "{name}: {what} state");
    }
    for (side, idiff) in sides.into_iter().zip(expected["idiff"].as_array().expect("two")) {
        same(name, "differentiation", differentiation(side), idiff);
    }
    let n_tied = expected["state_pairs_tied"].as_u64().expect("a number");
    if sia.reasons.is_empty() {
        assert_eq!(sia.tied_state_pairs as u64, n_tied, "{name}: pairs of states");
    }
}

fn check_structure(name: &str, found: &PhiStructure, expected: &Value) {
    let distinctions = expected["distinctions"].as_array().expect("a list");
    let mechanisms = |list: &[iit4::Distinction]| -> Vec<Vec<usize>> {
        list.iter().map(|it| it.mechanism.iter().collect()).collect()
    };
    let of_golden: Vec<&Value> = distinctions.iter().map(|it| &it["mechanism"]).collect();
    assert_eq!(json!(mechanisms(&found.distinctions)), json!(of_golden), "{name}: mechanisms");
    assert_eq!(
        json!(mechanisms(&found.incongruent)),
        expected["dropped_incongruent"],
        "{name}: incongruent"
    );
    for (found, expected) in found.distinctions.iter().zip(distinctions) {
        let name = format!("{name}, mechanism {}", found.mechanism);
        same(&name, "φ_d", found.phi, &expected["phi"]);
        for (mice, what) in [(&found.cause, "cause"), (&found.effect, "effect")] {
            let expected = &expected[what];
            same(&name, what, mice.phi, &expected["phi"]);
            let units: Vec<usize> = mice.state.purview.iter().collect();
            assert_eq!(json!(units), expected["purview"], "{name}: {what} purview");
            assert_eq!(json!(mice.state.values()), expected["state"], "{name}: {what} state");
            let n_tied: usize = expected["tied"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|it| it[1].as_array().expect("states").len())
                .sum();
            assert_eq!(mice.tied.len(), n_tied, "{name}: {what} ties");
        }
    }
    same(name, "Σφ_d", found.sum_phi_d, &expected["sum_phi_d"]);
    same(name, "Σφ_r", found.sum_phi_r, &expected["sum_phi_r"]);
    same(name, "Φ", found.big_phi, &expected["big_phi"]);
    assert_eq!(found.n_relations.to_string(), expected["n_relations"].to_string(), "{name}");
}

fn subsystem(golden: &Value) -> Subsystem {
    let record = network(golden);
    let network = Arc::new(record.network().expect("a network"));
    let state = network.state(&record.state).expect("a state");
    let units = record.units(&network).expect("units");
    Subsystem::of(&network, state, units).expect("a subsystem")
}

#[test]
fn golden_records_of_iit3() {
    let mut n_compared = [0, 0];
    for golden in &goldens() {
        let name = golden["name"].as_str().expect("a name");
        for (idx, (field, variant)) in
            [("iit3_emd", Variant::default()), ("iit3_aid", Variant::AID)].into_iter().enumerate()
        {
            let expected = &golden[field];
            if expected.is_null() {
                continue;
            }
            let name = format!("{name}, {field}");
            let subsystem = subsystem(golden);
            let options = Options { variant, ..Options::default() };
            let found = big_phi(&subsystem, &options);
            same(&name, "Φ", found.phi, &expected["phi"]);
            if expected["cut_ties"] == 1 && expected["phi"].as_f64() > Some(0.0) {
                let cut = found.cut.expect("a cut");
                let units = |it: UnitSet| it.iter().collect::<Vec<usize>>();
                let cut = json!([units(cut.severed_from), units(cut.severed_to)]);
                assert_eq!(cut, expected["cut"], "{name}: cut");
            }
            // Where Φ is 0 without search, no concept is listed.
            if let (Some(concepts), None) =
                (expected["ces"].as_array(), expected["reason"].as_str())
            {
                let ces = match found.ces.concepts.is_empty() {
                    true => subsystem.structure(&options).expect("not stopped"),
                    false => found.ces,
                };
                check_concepts(&name, &ces, concepts);
                // One concept by itself is the same, by IIT 3.0 as published.
                for mechanism in subsystem.units().subsets_by_size() {
                    let alone = variant.is_default().then(|| subsystem.concept(mechanism));
                    let of_all = ces.concepts.iter().find(|it| it.mechanism == mechanism);
                    assert!(alone.is_none_or(|it| it.as_ref() == of_all), "{name}: {mechanism}");
                }
            }
            n_compared[idx] += 1;
        }
    }
    assert_eq!(n_compared, [40, 40]);
}

/// Gomez et al. 2021: Φ as it is printed, mostly rounded, the number of concepts, and the mean of Φ
/// over the states that the network can be in.
#[test]
fn published_figures() {
    let options = Options { variant: Variant::AID, ..Options::default() };
    let cases = [
        ("p53_Mdm2_001", 0.44, 3, None),
        ("p53_FaureKaji", 0.51, 4, None),
        ("p53_Tonello", 0.71, 12, None),
        ("neurons_ternary_110", 0.03, 5, Some(0.018_511)),
        ("neurons_binary_110", 0.11, 5, Some(0.132_076)),
    ];
    let goldens = goldens();
    for (name, published, n_concepts, mean) in cases {
        let golden = goldens.iter().find(|it| it["name"] == name).expect("a golden record");
        let subsystem = subsystem(golden);
        let found = big_phi(&subsystem, &options);
        // One is cut off after two digits, not rounded.
        assert!((found.phi - published).abs() < 0.005, "{name}: {}", found.phi);
        assert_eq!(found.ces.concepts.len(), n_concepts, "{name}");
        let Some(expected) = mean else { continue };
        let network = Arc::new(subsystem.network().clone());
        let phis: Vec<f64> = (0..network.alphabet().n_states())
            .filter_map(|row| {
                let state = network.state(&network.alphabet().values(row)).expect("a state");
                let subsystem = Subsystem::of(&network, state, network.units()).ok()?;
                Some(big_phi(&subsystem, &options).phi)
            })
            .collect();
        let mean = phis.iter().sum::<f64>() / phis.len() as f64;
        assert!((mean - expected).abs() < 1e-6, "{name}: mean {mean} of {}", phis.len());
    }
}

fn check_concepts(name: &str, found: &CauseEffectStructure, expected: &[Value]) {
    let units = |it: UnitSet| json!(it.iter().collect::<Vec<usize>>());
    let mechanisms: Vec<Value> = found.concepts.iter().map(|it| units(it.mechanism)).collect();
    let of_golden: Vec<&Value> = expected.iter().map(|it| &it["mechanism"]).collect();
    assert_eq!(json!(mechanisms), json!(of_golden), "{name}: concepts");
    for (found, expected) in found.concepts.iter().zip(expected) {
        let name = format!("{name}, mechanism {}", found.mechanism);
        same(&name, "φ", found.phi, &expected["phi"]);
        for (direction, what) in [(Direction::Cause, "cause"), (Direction::Effect, "effect")] {
            let core = found.core(direction);
            same(&name, what, core.phi, &expected[format!("{what}_phi")]);
            assert_eq!(units(core.purview), expected[what], "{name}: {what} purview");
            let repertoire = expected[format!("{what}_repertoire")].as_array().expect("a list");
            assert_eq!(core.repertoire.len(), repertoire.len(), "{name}: {what}");
            for (p, expected) in core.repertoire.iter().zip(repertoire) {
                same(&name, "repertoire", *p, expected);
            }
        }
    }
}

/// Numbers from a seed (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ word >> 31
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A random network in a state: free, deterministic or noisy, with some of all connections, whole
/// or with a background.
pub(crate) fn random(seed: u64) -> oracle::Network {
    let mut random = Random(seed);
    let n = 2 + random.below(2);
    let most = if n == 2 { 4 } else { 3 };
    let sizes: Vec<usize> = (0..n).map(|_| 2 + random.below(most - 1)).collect();
    let kind = random.below(3);
    let density = [0.6, 0.9, 1.0][random.below(3)];
    let cm: Vec<Vec<bool>> =
        (0..n).map(|_| (0..n).map(|_| random.unit() < density).collect()).collect();
    let all = oracle::states(&sizes);
    // By the state of its inputs: the distribution of each unit.
    let mut met: Vec<(usize, Vec<usize>, Vec<f64>)> = Vec::new();
    let mut tpm = Vec::new();
    for state in &all {
        let mut row = Vec::new();
        for unit in 0..n {
            let inputs: Vec<usize> =
                (0..n).filter(|&from| cm[from][unit]).map(|from| state[from]).collect();
            let known = met.iter().find(|it| it.0 == unit && it.1 == inputs);
            let distribution = known.map(|it| it.2.clone()).unwrap_or_else(|| {
                let (k, next) = (sizes[unit], random.below(sizes[unit]));
                let mut of: Vec<f64> = (0..k)
                    .map(|value| match kind {
                        0 => 0.01 + random.unit(),
                        1 => f64::from(u8::from(value == next)),
                        _ => {
                            if value == next {
                                0.8
                            } else {
                                0.2 / (k - 1) as f64
                            }
                        }
                    })
                    .collect();
                let sum: f64 = of.iter().sum();
                of.iter_mut().for_each(|p| *p /= sum);
                of
            });
            met.push((unit, inputs, distribution.clone()));
            row.push(distribution);
        }
        tpm.push(row);
    }
    let state = sizes.iter().map(|&k| random.below(k)).collect();
    let nodes = match random.below(4) {
        0 if n == 3 => vec![0, 2],
        1 if n == 3 => vec![0, 1],
        2 => vec![n - 1],
        _ => (0..n).collect(),
    };
    oracle::Network { sizes, tpm, cm, state, nodes }
}

/// The same for the engine; `None` if it cannot be in its state.
fn system(network: &oracle::Network) -> Option<System> {
    let (core, state) = in_state(network);
    let units: UnitSet = network.nodes.iter().copied().collect();
    System::of(&core, state, units).ok()
}

fn is_near(a: f64, b: f64) -> bool {
    (a - b).abs() <= FAR * a.abs().max(1.0)
}

#[test]
fn random_networks_agree_with_the_oracle() {
    let (mut n_compared, mut n_irreducible, mut n_tied) = (0, 0, 0);
    for seed in 0..how_many(800, 6000) as u64 {
        let network = random(seed);
        let Some(system) = system(&network) else { continue };
        let reference = oracle::System::new(&network);
        let found = structure(&system, TiePolicy::Principled);
        let (phi_s, pairs) = reference.phi_s();
        assert!(is_near(found.sia.phi_s, phi_s), "seed {seed}: φ_s {} {phi_s}", found.sia.phi_s);
        let sides = [&found.sia.cause, &found.sia.effect].map(|it| it.as_ref().expect("units"));
        let [cause, effect] = sides.map(|it| -> oracle::State {
            it.state.values().into_iter().map(usize::from).collect()
        });
        assert!(
            pairs.contains(&(cause.clone(), effect.clone())),
            "seed {seed}: {cause:?} {effect:?}"
        );
        let all: Vec<usize> = (0..network.nodes.len()).collect();
        for (side, it) in [Side::Cause, Side::Effect].into_iter().zip(sides) {
            let (information, ties) = reference.specified(side, &all, &all);
            assert!(is_near(it.intrinsic_information, information), "seed {seed}");
            assert_eq!(it.ties.len(), ties.len(), "seed {seed}");
        }
        let (big_phi, mechanisms) = reference.structure(&cause, &effect);
        assert!(is_near(found.big_phi, big_phi), "seed {seed}: Φ {} {big_phi}", found.big_phi);
        let local = |unit: usize| network.nodes.iter().position(|&it| it == unit).expect("a node");
        let of_engine: Vec<Vec<usize>> =
            found.distinctions.iter().map(|it| it.mechanism.iter().map(local).collect()).collect();
        assert_eq!(of_engine, mechanisms, "seed {seed}");
        n_compared += 1;
        n_irreducible += usize::from(phi_s > 0.0);
        n_tied += usize::from(pairs.len() > 1);
    }
    // Not only what is trivial.
    assert!(
        n_compared > 400 && n_irreducible > 100 && n_tied > 50,
        "{n_compared} {n_irreducible} {n_tied}"
    );
}

/// The same network with other numbers for the units: unit `order[i]` becomes unit i.
pub(crate) fn renumbered(network: &oracle::Network, order: &[usize]) -> oracle::Network {
    let sizes: Vec<usize> = order.iter().map(|&it| network.sizes[it]).collect();
    let all = oracle::states(&network.sizes);
    let row = |state: &oracle::State| {
        let mut old = vec![0; order.len()];
        order.iter().zip(state).for_each(|(&unit, &value)| old[unit] = value);
        let at = all.iter().position(|it| *it == old).expect("a state");
        order.iter().map(|&unit| network.tpm[at][unit].clone()).collect()
    };
    let mut nodes: Vec<usize> =
        (0..order.len()).filter(|&it| network.nodes.contains(&order[it])).collect();
    nodes.sort_unstable();
    oracle::Network {
        tpm: oracle::states(&sizes).iter().map(row).collect(),
        cm: order.iter().map(|&i| order.iter().map(|&j| network.cm[i][j]).collect()).collect(),
        state: order.iter().map(|&it| network.state[it]).collect(),
        nodes,
        sizes,
    }
}

/// The same network with other numbers for the values of each unit, all moved on by one.
pub(crate) fn with_other_values(network: &oracle::Network) -> oracle::Network {
    let sizes = &network.sizes;
    let moved = |state: &oracle::State| -> oracle::State {
        state.iter().zip(sizes).map(|(value, k)| (value + 1) % k).collect()
    };
    let all = oracle::states(sizes);
    let mut tpm = network.tpm.clone();
    for (state, row) in all.iter().zip(&network.tpm) {
        let at = all.iter().position(|it| *it == moved(state)).expect("a state");
        for (unit, distribution) in row.iter().enumerate() {
            for (value, p) in distribution.iter().enumerate() {
                tpm[at][unit][(value + 1) % sizes[unit]] = *p;
            }
        }
    }
    oracle::Network { tpm, state: moved(&network.state), ..network.clone() }
}

/// The network with its state, for the engine.
pub(crate) fn in_state(network: &oracle::Network) -> (Network, State) {
    let alphabet = Alphabet::new(&network.sizes).expect("an alphabet");
    let tpm = Tpm::from_distributions(&alphabet, &network.tpm).expect("a TPM");
    let row = |it: &Vec<bool>| it.iter().map(|&it| u8::from(it)).collect();
    let cm: Vec<Vec<u8>> = network.cm.iter().map(row).collect();
    let values: Vec<u8> = network.state.iter().map(|&it| it as u8).collect();
    let state = State::of(&values, &alphabet).expect("a state");
    (Network::new(tpm, &cm).expect("a network"), state)
}

/// Networks that the slow reference of IIT 3.0 gets through.
fn is_small(network: &oracle::Network) -> bool {
    let most = if std::env::var_os("PHI_SLOW_TESTS").is_some() { 18 } else { 9 };
    network.sizes.iter().product::<usize>() <= most
}

/// Φ of IIT 3.0 of all sets of units, and the concepts of one of them, against the slow reference.
#[test]
fn random_networks_agree_with_the_oracle_under_iit3() {
    let seeds = (0..how_many(1200, 12_000) as u64).into_par_iter();
    let found: Vec<[usize; 2]> = seeds
        .map(|seed| {
            let it = random(seed);
            if !is_small(&it) {
                return [0; 2];
            }
            let (network, state) = in_state(&it);
            let options = Options::default();
            let mut found: Vec<(Vec<usize>, f64)> = complexes(&network, state, &options)
                .expect("complexes")
                .iter()
                .map(|it| (it.units.iter().collect(), it.phi))
                .collect();
            found.sort_by_key(|it| (it.0.len(), it.0.clone()));
            let expected = iit3_oracle::complexes(&it);
            let what = format!("seed {seed}: {it:?}: {found:?}, expected {expected:?}");
            assert_eq!(found.len(), expected.len(), "{what}");
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!(found.0, expected.0, "{what}");
                assert!((found.1 - expected.1).abs() < 1e-6, "{what}");
            }
            let system = iit3_oracle::System::new(&it);
            let units: UnitSet = it.nodes.iter().copied().collect();
            let subsystem = Subsystem::of(&Arc::new(network), state, units);
            assert_eq!(subsystem.is_ok(), system.is_reachable(), "{what}");
            let Ok(subsystem) = subsystem else { return [expected.len(), 0] };
            let concepts = subsystem.structure(&options).expect("not stopped").concepts;
            let of_oracle = system.structure();
            assert_eq!(concepts.len(), of_oracle.len(), "{what}");
            for (found, expected) in concepts.iter().zip(&of_oracle) {
                let list = |units: UnitSet| units.iter().collect::<Vec<_>>();
                assert_eq!(list(found.mechanism), expected.mechanism, "{what}");
                assert!((found.phi - expected.phi).abs() < 1e-6, "{what}");
                let cores = [(&found.cause, &expected.cause), (&found.effect, &expected.effect)];
                for (core, expected) in cores {
                    assert_eq!(list(core.purview), expected.purview, "{what}");
                    assert!((core.phi - expected.phi).abs() < 1e-6, "{what}");
                    let near = |(p, q): (&f64, &f64)| (p - q).abs() < 1e-9;
                    assert!(core.repertoire.iter().zip(&expected.repertoire).all(near), "{what}");
                }
            }
            [expected.len(), of_oracle.len()]
        })
        .collect();
    let sum = |of: usize| found.iter().map(|it| it[of]).sum::<usize>();
    let (n_complexes, n_concepts) = (sum(0), sum(1));
    assert!(n_complexes > 100 && n_concepts > 500, "{n_complexes}, {n_concepts}");
}

/// Other numbers for the values change no Φ of IIT 3.0, and the copy of a pair elsewhere has the
/// same.
#[test]
fn complexes_of_iit3_do_not_know_the_numbers_of_values() {
    let options = Options::default();
    let mut n_compared = 0;
    for seed in 0..how_many(200, 2000) as u64 {
        let network = random(seed);
        if !is_small(&network) {
            continue;
        }
        let [found, again] = [network.clone(), with_other_values(&network)].map(|it| {
            let (network, state) = in_state(&it);
            complexes(&network, state, &options).expect("complexes")
        });
        assert_eq!(found.len(), again.len(), "seed {seed}");
        for (found, again) in found.iter().zip(&again) {
            assert_eq!(found.units, again.units, "seed {seed}");
            assert!((found.phi - again.phi).abs() < 1e-6, "seed {seed}");
            n_compared += 1;
        }
    }
    assert!(n_compared > 20, "only {n_compared}");

    // Two pairs of units with three values that copy each other, in different states.
    let alphabet = Alphabet::new(&[3; 4]).expect("an alphabet");
    let next = |row: usize| {
        let now = alphabet.values(row);
        vec![now[2], now[3], now[0], now[1]]
    };
    let rows: Vec<Vec<u8>> = (0..81).map(next).collect();
    let tpm = Tpm::from_next_values(&alphabet, &rows).expect("a TPM");
    let cm = [[0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0]].map(Vec::from);
    let network = Network::new(tpm, &cm).expect("a network");
    for state in [[1, 1, 2, 2], [0, 1, 2, 0]] {
        let found = complexes(&network, network.state(&state).unwrap(), &options).unwrap();
        let found: Vec<String> =
            found.iter().map(|it| format!("{} {:.6}", it.units, it.phi)).collect();
        assert_eq!(found, ["{1,3} 1.777778", "{0,2} 1.777778"]);
    }
    let price = memory_needed_of_complexes(&network, 1);
    assert!(price > 0 && price < 100_000, "{price}");
}

/// More states than a system may have are an error, not a system that is left out.
#[test]
fn what_has_too_many_states_is_no_complex_without_a_word() {
    let alphabet = Alphabet::new(&[90, 90]).expect("an alphabet");
    let rows: Vec<Vec<u8>> =
        (0..8100).map(|row| alphabet.values(row).into_iter().rev().collect()).collect();
    let tpm = Tpm::from_next_values(&alphabet, &rows).expect("a TPM");
    let network = Network::new(tpm, &[vec![0, 1], vec![1, 0]]).expect("a network");
    let state = network.state(&[1, 2]).expect("a state");
    let error = complexes(&network, state, &Options::default()).expect_err("too many states");
    assert!(error.to_string().contains("8100 states"), "{error}");
}

#[test]
fn relabelling_units_or_values_changes_nothing() {
    let mut n_compared = 0;
    for seed in 0..how_many(400, 3000) as u64 {
        let network = random(seed);
        let Some(first) = system(&network) else { continue };
        let order: Vec<usize> = (0..network.sizes.len()).rev().collect();
        let found = structure(&first, TiePolicy::MaxPhi);
        for other in [renumbered(&network, &order), with_other_values(&network)] {
            let other = system(&other).expect("the same network");
            let again = structure(&other, TiePolicy::MaxPhi);
            assert!(is_near(found.sia.phi_s, again.sia.phi_s), "seed {seed}: φ_s");
            assert!(is_near(found.big_phi, again.big_phi), "seed {seed}: Φ");
            assert_eq!(found.sia.tied_state_pairs, again.sia.tied_state_pairs, "seed {seed}");
        }
        n_compared += 1;
    }
    assert!(n_compared > 200);
}

/// Three binary units with connections of all kinds, and beside them a unit with three values that
/// has nothing to do with them: the numbers of all states are others. Deterministic, if purviews
/// are to tie.
pub(crate) fn beside(seed: u64, is_tying: bool) -> [(Arc<Network>, State, UnitSet); 2] {
    let mut random = Random(seed);
    let mut next = |_| if is_tying { random.unit().round() } else { random.unit() };
    let p: Vec<Vec<f64>> = (0..8).map(|_| (0..3).map(&mut next).collect()).collect();
    let state: Vec<u8> = (0..3).map(|_| random.below(2) as u8).collect();
    // The units of a network without some of its connections average over them (IIT 3.0).
    let denied = (random.below(3), random.below(3));
    let cm = |from: usize, to: usize| u8::from(seed.is_multiple_of(2) || (from, to) != denied);
    let rows: Vec<Vec<u8>> = (0..3).map(|from| (0..3).map(|to| cm(from, to)).collect()).collect();
    let binary = Network::from_state_by_node(&p, &rows).expect("a network");
    let own = State::new(&state).expect("a state");

    let alphabet = Alphabet::new(&[2, 3, 2, 2]).expect("an alphabet");
    let distributions = |row: usize| {
        let values = alphabet.values(row);
        let of_binary = usize::from(values[0] + 2 * values[2] + 4 * values[3]);
        let [a, b, c] = [0, 1, 2].map(|unit| vec![1.0 - p[of_binary][unit], p[of_binary][unit]]);
        vec![a, vec![0.2, 0.3, 0.5], b, c]
    };
    let tpm: Vec<Vec<Vec<f64>>> = (0..24).map(distributions).collect();
    let tpm = Tpm::from_distributions(&alphabet, &tpm).expect("a TPM");
    let mut rows: Vec<Vec<u8>> = rows.iter().map(|row| vec![row[0], 0, row[1], row[2]]).collect();
    rows.insert(1, vec![0; 4]);
    let mixed = Network::new(tpm, &rows).expect("a network");
    let of_mixed = mixed.state(&[state[0], 2, state[1], state[2]]).expect("a state");
    let units = binary.units();
    [(Arc::new(binary), own, units), (Arc::new(mixed), of_mixed, UnitSet::from_iter([0, 2, 3]))]
}

#[test]
fn binary_units_beside_others_stay_what_they_are() {
    for seed in (0..60u64).step_by(2) {
        let [a, b] = beside(seed, false).map(|(network, state, units)| {
            let system = System::of_shared(&network, state, units).expect("a system");
            structure(&system, TiePolicy::Principled)
        });
        assert!(is_near(a.sia.phi_s, b.sia.phi_s) && is_near(a.big_phi, b.big_phi), "seed {seed}");
        assert_eq!(a.n_relations, b.n_relations);
    }
}

/// IIT 3.0: the tables of units with any number of values against those of binary units, and the
/// search by definition against the one with bounds.
#[test]
fn binary_units_beside_others_stay_what_they_are_under_iit3() {
    for seed in 0..how_many(30, 300) as u64 {
        let both = beside(seed, false);
        for variant in [Variant::default(), Variant::AID] {
            let options = Options { variant, ..Options::default() };
            let [a, b] = both.clone().map(|(network, state, units)| {
                big_phi(&Subsystem::of(&network, state, units).expect("it"), &options)
            });
            assert!(is_near(a.phi, b.phi), "seed {seed}, {variant}: Φ {} {}", a.phi, b.phi);
            assert_eq!(a.ces.concepts.len(), b.ces.concepts.len(), "seed {seed}, {variant}");
            for (a, b) in a.ces.concepts.iter().zip(&b.ces.concepts) {
                assert!(is_near(a.phi, b.phi), "seed {seed}, {variant}");
                for direction in [Direction::Cause, Direction::Effect] {
                    let pairs =
                        a.core(direction).repertoire.iter().zip(&b.core(direction).repertoire);
                    assert!(pairs.clone().all(|(p, q)| is_near(*p, *q)), "seed {seed}, {variant}");
                }
            }
        }
    }
}

/// Two units of `k` values that copy each other; if `beside` is not 0, beside a unit with as many
/// values that copies itself.
fn copies(k: usize, beside: usize, state: [u8; 2]) -> Subsystem {
    let sizes = if beside == 0 { vec![k; 2] } else { vec![k, k, beside] };
    let alphabet = Alphabet::new(&sizes).expect("an alphabet");
    let next = |row: usize| {
        let values = alphabet.values(row);
        [&[values[1], values[0]], &values[2..]].concat()
    };
    let next: Vec<Vec<u8>> = (0..alphabet.n_states()).map(next).collect();
    let tpm = Tpm::from_next_values(&alphabet, &next).expect("a TPM");
    let cm = [vec![0, 1, 0], vec![1, 0, 0], vec![0, 0, 1]];
    let n = sizes.len();
    let cm: Vec<Vec<u8>> = cm[..n].iter().map(|row| row[..n].to_vec()).collect();
    let network = Arc::new(Network::new(tpm, &cm).expect("a network"));
    let values = [&state[..], &vec![0; n - 2]].concat();
    let state = network.state(&values).expect("a state");
    Subsystem::of(&network, state, UnitSet::all(2)).expect("a subsystem")
}

/// Every function answers or refuses units with three values.
#[test]
fn every_function_knows_three_values_or_says_that_it_does_not() {
    let it = copies(3, 0, [1, 2]);
    let (network, state, all) = (it.network(), it.state(), it.units());
    let options = Options::default();
    let expected = big_phi(&it, &options);
    for found in big_phi_many(&[it.clone(), it.clone()], &options) {
        assert_eq!(found, PhiSummary::from(&expected));
    }
    let information = grain::effective_information(network.tpm(), &options).unwrap();
    assert!(is_near(information.bits, 9f64.log2()), "{information:?}");
    assert_eq!(information.determinism, 1.0);
    assert!(is_near(information.degeneracy, 0.0), "{information:?}");

    let [found] = &complexes(network, state, &options).expect("complexes")[..] else {
        panic!("one complex")
    };
    assert_eq!((found.phi, found.cut), (expected.phi, expected.cut));
    let refused: [Option<pyphi_core::Error>; 3] = [
        MacroSystem::new(network, state, &Grain::micro(all)).err(),
        grain::emergence(network, state, &Grains::default(), &options).err(),
        grain::best_grain(network, state, all, &Grains::default(), &options).err(),
    ];
    for (at, error) in refused.into_iter().enumerate() {
        let error = error.expect("an error").to_string();
        assert!(error.contains("is for units with two values only"), "{at}: {error}");
    }
}

/// The same binary units in a network of their own and beside a unit with three values.
#[test]
fn structures_of_binary_units_have_a_distance_whatever_is_beside_them() {
    let alone = |state| copies(2, 0, state);
    let distance = |first: &Subsystem, second: &Subsystem, variant| {
        let options = Options { variant, ..Options::default() };
        let of = |it: &Subsystem| it.structure(&options).expect("not stopped");
        ces_distance((first, &of(first)), (second, &of(second)), variant).expect("a distance")
    };
    for variant in [Variant::default(), Variant::AID] {
        let expected = distance(&alone([1, 0]), &alone([1, 1]), variant);
        let beside = copies(2, 3, [1, 1]);
        assert!(is_near(distance(&alone([1, 0]), &beside, variant), expected));
        assert!(is_near(distance(&beside, &alone([1, 0]), variant), expected));
        assert!(is_near(distance(&beside, &copies(2, 3, [1, 0]), variant), expected));
        assert!(is_near(distance(&beside, &alone([1, 1]), variant), 0.0));
    }
}

const NEXT: &str = r#"{"labels": ["P", "Mc", "Mn"], "alphabet": [3, 2, 2],
    "row_order": "first-unit-fastest", "next": [[2,0,1],[2,0,0],[2,1,0],[2,0,1],[2,0,1],[2,1,1],
    [0,0,1],[0,0,0],[0,1,0],[0,0,1],[0,0,1],[0,1,1]], "state": [0, 0, 1]}"#;

fn read(text: &str) -> Result<input::NetworkRecord, String> {
    let input = Reader::default().json(text).map_err(|error| error.to_string())?;
    input.networks.into_iter().next().expect("one").record.map_err(|error| error.to_string())
}

#[test]
fn forms_of_the_file_are_one_network() {
    let record = read(NEXT).expect("a network");
    assert_eq!(record.alphabet.as_deref(), Some(&[3, 2, 2][..]));
    assert_eq!(record.cm, [[0, 1, 1], [0, 0, 1], [1, 0, 0]]);
    // Written and read again.
    let written = serde_json::to_string(&record).expect("plain data");
    assert_eq!(read(&written).as_ref(), Ok(&record));
    let network = record.network().expect("a network");
    let tpm = network.tpm();
    let alphabet = network.alphabet();
    // The last unit fastest.
    let mut rows: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for row in 0..12 {
        let next =
            |unit| (0..alphabet.size(unit)).position(|it| tpm.probability(row, unit, it) == 1.0);
        let next = (0..3).map(|unit| next(unit).expect("certain") as u8).collect();
        rows.push((alphabet.values(row), next));
    }
    rows.sort();
    let next: Vec<&Vec<u8>> = rows.iter().map(|it| &it.1).collect();
    let file = json!({"alphabet": [3, 2, 2], "row_order": "last-unit-fastest", "next": next,
        "state": "001", "labels": ["P", "Mc", "Mn"]});
    assert_eq!(read(&file.to_string()).as_ref(), Ok(&record));
    // State-by-state.
    let columns = |row: usize| -> Vec<f64> {
        let p = |next: usize| {
            let values = alphabet.values(next);
            (0..3).map(|unit| tpm.probability(row, unit, usize::from(values[unit]))).product()
        };
        (0..12).map(p).collect()
    };
    let file = json!({"alphabet": [3, 2, 2], "row_order": "first-unit-fastest", "state": [0, 0, 1],
        "tpm": (0..12).map(columns).collect::<Vec<_>>(), "labels": ["P", "Mc", "Mn"]});
    assert_eq!(read(&file.to_string()).as_ref(), Ok(&record));
    // An array with an index for each unit, as PyPhi 2 has it.
    let marginal = |unit: usize| -> Value {
        let at = |a: u8, b: u8, c: u8| -> Vec<f64> {
            let row = alphabet.row(&[a, b, c]);
            (0..alphabet.size(unit)).map(|value| tpm.probability(row, unit, value)).collect()
        };
        json!([0, 1, 2].map(|a| [0, 1].map(|b| [0, 1].map(|c| at(a, b, c)))))
    };
    let marginals = [0, 1, 2].map(marginal);
    let file = json!({"marginals": marginals, "state": [0, 0, 1],
        "labels": ["P", "Mc", "Mn"]});
    assert_eq!(read(&file.to_string()).as_ref(), Ok(&record));
    // Values by name.
    let mut file: Value = serde_json::from_str(NEXT).expect("JSON");
    file["values"] = json!([["no", "some", "much"], ["off", "on"], ["off", "on"]]);
    file["state"] = json!(["no", "off", "on"]);
    let named = read(&file.to_string()).expect("a network");
    assert_eq!(named.state, [0, 0, 1]);
    assert_eq!(read(&serde_json::to_string(&named).expect("plain data")), Ok(named));
}

#[test]
fn an_alphabet_of_two_values_is_the_binary_format() {
    let binary = r#"{"tpm": [[0.1,0.2],[0.3,0.9],[0.8,0.4],[0.6,0.5]], "state": [1, 0]}"#;
    let many = r#"{"alphabet": [2, 2], "row_order": "first-unit-fastest", "state": [1, 0],
        "tpm": [[[0.9,0.1],[0.8,0.2]],[[0.7,0.3],[0.1,0.9]],[[0.2,0.8],[0.6,0.4]],
        [[0.4,0.6],[0.5,0.5]]]}"#;
    let mut file: Value = serde_json::from_str(many).expect("JSON");
    let [binary, many] = [binary, many].map(|it| read(it).expect("a network"));
    assert_eq!(binary, many);
    // With names, which need the alphabet, written and read again.
    file["values"] = json!([["off", "on"], ["low", "high"]]);
    file["state"] = json!("on,low");
    let named = read(&file.to_string()).expect("a network");
    assert_eq!((&named.state, &named.tpm), (&binary.state, &binary.tpm));
    assert!(named.values.is_some() && named.alphabet.is_none());
    assert_eq!(read(&serde_json::to_string(&named).expect("plain data")), Ok(named));
}

#[test]
fn the_value_of_one_unit_has_a_name() {
    let file = json!({"alphabet": [3], "row_order": "first-unit-fastest", "next": [[1], [2], [0]],
        "values": [["low", "1b", "very high"]], "state": "low"});
    assert_eq!(read(&file.to_string()).expect("a network").state, [0]);
    for (text, state) in [("very high", 2), (" 1b ", 1), ("2", 2), ("(low)", 0)] {
        let reader = Reader { state: Some(text.to_owned()), ..Reader::default() };
        let input = reader.json(&file.to_string()).expect("a file");
        let found = input.networks[0].record.as_ref().map(|it| it.state.clone());
        let found = found.map_err(|it| it.to_string());
        let expected = if text == "(low)" { None } else { Some(vec![state]) };
        assert_eq!(found.ok(), expected, "{text:?}");
    }
}

#[test]
fn what_is_wrong_names_row_and_unit() {
    let with = |field: &str, value: Value| {
        let mut file: Value = serde_json::from_str(NEXT).expect("JSON");
        file[field] = value;
        read(&file.to_string()).expect_err("an error")
    };
    let tpm_with = |row: usize, value: Value| {
        let record = read(NEXT).expect("a network");
        let mut file = serde_json::to_value(&record).expect("plain data");
        file["tpm"][row] = value;
        read(&file.to_string()).expect_err("an error")
    };
    let cases = [
        (with("row_order", Value::Null), "row_order: missing, expected first-unit-fastest"),
        (with("alphabet", json!([3, 2, 1])), "alphabet[2]: 1, expected 2 to 256 values"),
        (
            with("alphabet", json!([2, 2, 2])),
            "next: row 0[0]: expected a value from 0 to 1, found 2",
        ),
        (with("alphabet", json!([3, 2])), "next: row 0: state: 3 entries, expected 2"),
        (with("state", json!([0, 0, 2])), "state[2]: expected a value from 0 to 1, found 2"),
        (with("state", json!([0, 0])), "state: 2 entries, expected 3"),
        (with("state", json!([0, 0, "on"])), "state[2]: expected a value from 0 to 1, found"),
        (with("next", json!([[0, 0, 0]])), "tpm: 1 rows, expected 12"),
        (
            with("values", json!([["a"], ["b"], ["c"]])),
            "values: [1, 1, 1] names, expected [3, 2, 2]",
        ),
        (with("tpm", json!([[[0.5]]])), "several are there"),
        (
            tpm_with(3, json!([[0, 0, 1], [1], [0, 1]])),
            "tpm: row 3, unit 1: 1 probabilities, expected 2",
        ),
        (tpm_with(3, json!([[0, 0, 1], [1, 0.5], [0, 1]])), "tpm: row 3, unit 1: a sum of 1.5"),
        (tpm_with(3, json!([[0, 0, 1], [1.5, -0.5], [0, 1]])), "tpm: row 3, unit 1: 1.5, expected"),
        (
            tpm_with(3, json!([[1, 0], [0, 1], [0, 0, 1]])),
            "the row fits the alphabet in reverse order",
        ),
        (tpm_with(3, json!([[0, 0, 1], [0, 1]])), "tpm: row 3: 2 columns, expected 3"),
        (tpm_with(3, json!([[0, 0, 1], [0, 1], [0, 1], [1, 0]])), "more than 3"),
    ];
    for (found, expected) in cases {
        assert!(found.contains(expected), "{found}: expected {expected}");
    }
    // As many states as an alphabet can have, and a table without rows for them.
    let vast = r#"{"alphabet": [256, 256, 256, 256], "row_order": "last-unit-fastest",
        "next": [[0, 0, 0, 0]], "state": [0, 0, 0, 0]}"#;
    let found = read(vast).expect_err("an error");
    assert!(found.contains("tpm: 1 rows, expected 4294967296"), "{found}");
    let binary = r#"{"alphabet": [3, 2], "row_order": "first-unit-fastest", "state": [1, 0],
        "tpm": [[0, 0], [0, 1], [1, 0], [1, 1]]}"#;
    let found = read(binary).expect_err("an error");
    assert!(found.contains("as in [[1,0,0],[1,0]] (alphabet (3,2))"), "{found}");
}

/// The worked numbers of the theory for single units and for two.
#[test]
fn worked_numbers() {
    let of = |sizes: &[usize], tpm: Vec<Vec<Vec<f64>>>, state: &[usize]| {
        let n = sizes.len();
        let cm = vec![vec![true; n]; n];
        let (state, nodes) = (state.to_vec(), (0..n).collect());
        let network = oracle::Network { sizes: sizes.to_vec(), tpm, cm, state, nodes };
        structure(&system(&network).expect("a system"), TiePolicy::MaxPhi)
    };
    let certain = |k: usize, value: usize| -> Vec<f64> {
        (0..k).map(|it| f64::from(u8::from(it == value))).collect()
    };
    let rotating = of(&[4], (0..4).map(|it| vec![certain(4, (it + 1) % 4)]).collect(), &[2]);
    assert!(is_near(rotating.sia.phi_s, 2.0) && is_near(rotating.big_phi, 2.0));
    assert_eq!(rotating.n_relations, 0u32.into());
    let keeping = |it: usize| vec![(0..3).map(|to| if to == it { 0.8 } else { 0.1 }).collect()];
    let kept = of(&[3], (0..3).map(keeping).collect(), &[1]);
    assert!((kept.sia.phi_s - 1.010_428).abs() < 1e-6);
    assert!((kept.big_phi - 2.020_855).abs() < 1e-6);
    let copies: Vec<Vec<Vec<f64>>> = oracle::states(&[3, 3])
        .iter()
        .map(|it| vec![certain(3, it[1]), certain(3, it[0])])
        .collect();
    let copying = of(&[3, 3], copies, &[1, 2]);
    assert!(is_near(copying.sia.phi_s, 2.0 * 3f64.log2()));
    assert!(is_near(copying.big_phi, 4.0 * 3f64.log2()));
}
