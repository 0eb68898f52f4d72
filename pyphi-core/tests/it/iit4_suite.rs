//! Every golden record of IIT 4.0, and the published figures.
//!
//! `PHI_IIT4_ORACLE_UNITS` sets up to how many units the oracle computes whole structures.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use pyphi_core::{Options, TiePolicy, UnitSet, iit4};
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use crate::answer::subsystem;
use crate::iit4_answer::{
    Answer, ByOracle, Sums, by_engine, by_oracle, different, far, phi_s_by_engine, phi_s_by_oracle,
    rules,
};
use crate::iit4_oracle::{self, Cap, System, Ties};
use crate::iit4_relations;
use crate::networks::{Network, logistic};
use crate::oracle::{Mask, elements, subsets};
use crate::properties::count;
use crate::suite::read;

/// A network with the answer of PyPhi 2.0-dev under one of its presets.
#[derive(Deserialize)]
struct Golden {
    #[serde(flatten)]
    network: Network,
    preset: String,
    flags: Vec<String>,
    #[serde(flatten)]
    answer: Answer,
    /// φ_s by the published formula of 2026; PyPhi has another one.
    paper_2026: Option<Paper2026>,
    /// The answer by the principled rules for ties, where it is another one.
    tolerant_policy: Option<Tolerant>,
    /// The figures of the paper. In PyPhi's examples something else, or nothing.
    published: Option<Value>,
    figure: Option<String>,
}

#[derive(Deserialize)]
struct Paper2026 {
    phi_s: f64,
}

#[derive(Clone, Deserialize)]
struct Tolerant {
    system_cause_state: Vec<u8>,
    system_effect_state: Vec<u8>,
    mechanisms: Vec<Vec<usize>>,
    #[serde(flatten)]
    sums: Sums,
}

impl Golden {
    fn cap(&self) -> Cap {
        match self.preset.as_str() {
            "iit4_2023" => Cap::None,
            "iit4_2026" => Cap::Pyphi,
            preset => panic!("no preset {preset}"),
        }
    }

    /// The number of partitions that are tied for the minimum; not recorded for six units.
    fn n_tied_mips(&self) -> Option<usize> {
        let mut counts = self.flags.iter().filter_map(|flag| flag.strip_prefix("mip_tie_"));
        let count = counts.next().map_or(1, |count| count.parse().expect("a count"));
        (self.network.nodes.len() < 6).then_some(count)
    }

    /// Returns the fault of an answer, by the rules for ties that it was made with.
    fn difference(&self, actual: &Answer, ties: Ties) -> Option<String> {
        if let Some(difference) = self.answer.system.difference(&actual.system) {
            return Some(difference);
        }
        let (expected, actual) = (self.answer.structure.as_ref()?, actual.structure.as_ref()?);
        match (&self.tolerant_policy, ties) {
            (Some(tolerant), Ties::Principled) => {
                let states = [&tolerant.system_cause_state, &tolerant.system_effect_state];
                let found = [&actual.system_cause_state, &actual.system_effect_state];
                different("system states", states, found)
                    .or_else(|| {
                        different("distinctions", &tolerant.mechanisms, &actual.mechanisms())
                    })
                    .or_else(|| tolerant.sums.difference(&actual.sums))
            }
            _ => expected.difference(actual, ties == Ties::Principled),
        }
    }
}

fn goldens() -> Vec<Golden> {
    let [dev, papers] = ["iit4_dev.json", "iit4_papers.json"].map(read::<Golden>);
    assert_eq!((dev.len(), papers.len()), (148, 42));
    let mut goldens: Vec<Golden> = dev.into_iter().chain(papers).collect();
    // A structure that cannot be read would pass for one that was not asked for.
    let without = goldens.iter().filter(|it| it.answer.structure.is_none());
    let without: Vec<&str> = without.map(|it| it.network.name.as_str()).collect();
    assert_eq!(without, ["paper_6E_full"]);
    // The structure is the same under both presets. Of one network the principled one is recorded
    // with the first preset only.
    let tolerant: HashMap<String, Tolerant> = goldens
        .iter()
        .filter_map(|it| Some((it.network.name.clone(), it.tolerant_policy.clone()?)))
        .collect();
    for golden in &mut goldens {
        golden.tolerant_policy = tolerant.get(&golden.network.name).cloned();
    }
    assert_eq!(goldens.iter().filter(|it| it.tolerant_policy.is_some()).count(), 11);
    goldens
}

/// Panics with everything that differs, each with the name of its network.
#[track_caller]
fn check(goldens: &[Golden], difference: impl Fn(&Golden) -> Option<String> + Sync) {
    check_all(goldens, &difference);
}

#[track_caller]
fn check_all(goldens: &[Golden], difference: &(dyn Fn(&Golden) -> Option<String> + Sync)) {
    let failures: Vec<String> = goldens
        .par_iter()
        .filter_map(|golden| {
            let difference = difference(golden)?;
            Some(format!("{}, {}: {difference}", golden.network.name, golden.preset))
        })
        .collect();
    assert!(failures.is_empty(), "{} records:\n{}", failures.len(), failures.join("\n"));
}

// --- The oracle ----------------------------------------------------------------------------------

#[track_caller]
fn check_oracle(ties: Ties) {
    let n_units = count("PHI_IIT4_ORACLE_UNITS", 4);
    let goldens: Vec<Golden> =
        goldens().into_iter().filter(|it| it.network.nodes.len() <= n_units.max(5)).collect();
    check(&goldens, |golden| {
        let whole = golden.answer.structure.is_some() && golden.network.nodes.len() <= n_units;
        let program = if whole { by_oracle } else { phi_s_by_oracle };
        let answer = |cap| program(&golden.network, ties, cap).expect("the state is reachable");
        let ByOracle { answer: actual, tied_cuts, .. } = answer(golden.cap());
        if golden.answer.system.has_mip() {
            let expected = &golden.answer.system.partition.cut_edges;
            let n_tied = golden.n_tied_mips().unwrap_or(tied_cuts.len());
            let found = tied_cuts.contains(expected) && tied_cuts.len() == n_tied;
            if !found {
                return Some(format!("partitions {tied_cuts:?}, expected {expected:?}"));
            }
        }
        if let Some(paper) = &golden.paper_2026 {
            let by_paper = phi_s_by_oracle(&golden.network, ties, Cap::Paper)?;
            let phi_s = by_paper.answer.system.phi_s;
            if far(paper.phi_s, phi_s) {
                return Some(format!("φ_s by the paper is {phi_s}, expected {}", paper.phi_s));
            }
        }
        if !whole {
            return golden.answer.system.difference(&actual.system);
        }
        golden.difference(&actual, ties)
    });
}

#[test]
fn oracle_as_pyphi() {
    check_oracle(Ties::Pyphi);
}

#[test]
fn oracle_principled() {
    check_oracle(Ties::Principled);
}

#[test]
fn golden_partitions_cut_what_they_say() {
    check(&goldens(), |golden| {
        let partition = &golden.answer.system.partition;
        (!partition.cuts_what_it_says()).then(|| format!("{partition:?}"))
    });
}

// --- The engine ----------------------------------------------------------------------------------

#[track_caller]
fn check_engine(ties: Ties) {
    check(&goldens(), |golden| {
        let Golden { network, .. } = golden;
        let actual = by_engine(network, ties, golden.cap()).expect("a network of IIT 4.0");
        if let Some(difference) = golden.difference(&actual, ties) {
            return Some(difference);
        }
        // The golden partition is among the tied ones of the oracle, which is tested above.
        let oracle = phi_s_by_oracle(network, ties, golden.cap()).expect("it is reached");
        if let Some(difference) = oracle.partition_difference(&actual.system) {
            return Some(difference);
        }
        let paper = golden.paper_2026.as_ref()?;
        let by_paper = phi_s_by_engine(network, ties, Cap::Paper).expect("the same network");
        far(paper.phi_s, by_paper.phi_s)
            .then(|| format!("φ_s by the paper is {}, expected {}", by_paper.phi_s, paper.phi_s))
    });
}

#[test]
fn engine_as_pyphi() {
    check_engine(Ties::Pyphi);
}

#[test]
fn engine_principled() {
    check_engine(Ties::Principled);
}

/// Under `max-phi` every golden network has a Φ that is proven to be the largest: φ_s is the same,
/// and no other policy finds more.
#[test]
fn engine_with_the_largest_phi() {
    check(&goldens(), |golden| {
        let system = iit4::System::new(&subsystem(&golden.network)).expect("a system");
        let structure = |ties| {
            let rules = iit4::Rules { ties, ..iit4::Rules::default() };
            iit4::phi_structure(&system, rules, &Options::default())
        };
        let largest = structure(TiePolicy::MaxPhi);
        let [principled, pyphi] = [TiePolicy::Principled, TiePolicy::Pyphi].map(structure);
        let phi = largest.big_phi;
        let is_least = [&principled, &pyphi].iter().all(|it| it.big_phi <= phi + 1e-9 * phi);
        let same = largest.sia.phi_s == principled.sia.phi_s;
        (!(is_least && same && largest.is_complete()))
            .then(|| format!("Φ {phi}, not {} or {}", principled.big_phi, pyphi.big_phi))
    });
    for (name, phi) in [("paper_6D", "12394.62"), ("paper_7B", "19.32")] {
        let golden = goldens().into_iter().find(|it| it.network.name == name).expect("a figure");
        let system = iit4::System::new(&subsystem(&golden.network)).expect("a system");
        let rules = iit4::Rules { ties: TiePolicy::MaxPhi, ..iit4::Rules::default() };
        let found = iit4::phi_structure(&system, rules, &Options::default());
        assert_eq!(format!("{:.2}", found.big_phi), phi, "{name}");
    }
}

// --- The figures of the 2023 paper ---------------------------------------------------------------

/// The systems of Figs. 1, 2, 4, 6A-E and 7A-C.
fn figures() -> Vec<Golden> {
    let is_paper = |it: &Golden| it.network.name.starts_with("paper_");
    let mut figures: Vec<Golden> = goldens().into_iter().filter(is_paper).collect();
    assert_eq!(figures.len(), 16);
    figures.sort_by_key(|it| it.figure.clone());
    figures
}

/// Returns `true` if a value is the published one to all its decimals, which the paper mostly cuts
/// off, but rounds in places.
fn is_published(published: &str, value: f64) -> bool {
    let n_decimals = published.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let scale = 10_f64.powi(n_decimals as i32);
    [(value * scale).trunc() / scale, value]
        .iter()
        .any(|it| format!("{it:.n_decimals$}") == published)
}

#[test]
fn published_decimals_are_cut_off_or_rounded() {
    assert!(is_published("0.45", 0.4569) && is_published("0.46", 0.4569));
    assert!(!is_published("0.45", 0.4601) && !is_published("0.44", 0.4501));
    assert!(is_published("11452", 11451.99) && is_published("1.1", 1.1055));
}

#[test]
fn figures_of_the_paper() {
    check(&figures(), |golden| {
        let published = golden.published.as_ref().expect("a figure has values");
        let answer = by_engine(&golden.network, Ties::Pyphi, Cap::None).expect("a network");
        let (system, structure) = (&answer.system, answer.structure.as_ref().expect("asked for"));
        let value = |name: &str| match name {
            "phi_s" => system.phi_s,
            "phi_cause" => system.phi_cause.unwrap_or(f64::NAN),
            "phi_effect" => system.phi_effect.unwrap_or(f64::NAN),
            "big_phi" => structure.sums.big_phi,
            "n_distinctions" => structure.distinctions.len() as f64,
            "n_relations" => structure.sums.n_relations as f64,
            name => panic!("no value {name}"),
        };
        // Distinctions and relations in detail: the test of Figs. 2 and 4.
        let values = published.as_object().expect("values by name").iter();
        let mut values =
            values.filter(|(name, _)| !matches!(&name[..], "distinctions" | "relation"));
        values.find_map(|(name, published)| {
            let text = published.as_str().map_or(published.to_string(), str::to_owned);
            let value = value(name);
            (!is_published(&text, value)).then(|| format!("{name} is {value}, published {text}"))
        })
    });
}

/// Figs. 2 and 4: the distinctions of A and B, and the nine faces of a relation.
#[test]
fn distinctions_and_faces_of_the_paper() {
    let golden = golden("paper_1D_aB");
    let system = subsystem(&golden.network);
    let system = iit4::System::new(&system).expect("a network of IIT 4.0");
    let structure =
        iit4::phi_structure(&system, rules(Ties::Pyphi, Cap::None), &Options::default());
    let published = golden.published.expect("a figure has values");
    let published_distinctions = published["distinctions"].as_array().expect("a list");
    assert_eq!(structure.distinctions.len(), published_distinctions.len());
    let units = |value: &Value| -> UnitSet {
        let units = value.as_array().expect("units").iter();
        units.map(|unit| unit.as_u64().expect("a unit") as usize).collect()
    };
    for (found, published) in structure.distinctions.iter().zip(published_distinctions) {
        assert_eq!(found.mechanism, units(&published["mechanism"]));
        assert_eq!(found.cause.state.purview, units(&published["cause_purview"]));
        assert_eq!(found.effect.state.purview, units(&published["effect_purview"]));
        assert!(is_published(published["phi_d"].as_str().expect("decimals"), found.phi));
    }
    let published = &published["relation"];
    let mechanisms: Vec<UnitSet> =
        published["mechanisms"].as_array().expect("a list").iter().map(units).collect();
    let relations = structure.relations();
    let of = |it: &iit4::Relation| -> Vec<UnitSet> {
        it.distinctions.iter().map(|&at| structure.distinctions[at].mechanism).collect()
    };
    let relation = relations.iter().find(|it| of(it) == mechanisms).expect("it is related");
    assert!(is_published(published["phi_r"].as_str().expect("decimals"), relation.phi));
    assert_eq!(relations.faces(&relation).count() as u64, published["faces"]);
    assert_eq!(relations.n_faces(&relation), published["faces"].as_u64().expect("a count").into());
}

/// `docs/iit4.md` shows what the engine gives.
#[test]
fn the_table_of_figures_is_true() {
    let mut table = String::new();
    for golden in figures() {
        let Golden { network, figure, published, .. } = golden;
        let answer = |ties| by_engine(&network, ties, Cap::None).expect("a network");
        let published = published.expect("a figure has values");
        let text = |name: &str| match &published[name] {
            Value::Null => "-".to_owned(),
            Value::String(decimals) => decimals.clone(),
            number => number.to_string(),
        };
        let counts = |answer: &Answer| {
            let structure = answer.structure.as_ref().expect("asked for");
            format!("{}, {}", structure.distinctions.len(), structure.sums.n_relations)
        };
        let big_phi = |answer: &Answer| answer.structure.as_ref().map_or(0.0, |it| it.sums.big_phi);
        let (pyphi, principled) = (answer(Ties::Pyphi), answer(Ties::Principled));
        let cells = [
            figure.expect("a figure has a name"),
            text("phi_s"),
            format!("{:.6}", principled.system.phi_s),
            text("big_phi"),
            format!("{:.6}", big_phi(&pyphi)),
            format!("{:.6}", big_phi(&principled)),
            format!("{}, {}", text("n_distinctions"), text("n_relations")),
            counts(&pyphi),
            counts(&principled),
        ];
        table += &format!("| {} |\n", cells.join(" | "));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/iit4.md");
    let page = fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    assert!(page.contains(&table), "{} lacks this table:\n{table}", path.display());
}

// --- The parts of the oracle, by counts and worked numbers ---------------------------------------

fn units(set: Mask) -> Vec<usize> {
    elements(set).collect()
}

fn golden(name: &str) -> Golden {
    let found = goldens().into_iter().find(|it| it.network.name == name);
    found.unwrap_or_else(|| panic!("no record {name}"))
}

#[test]
fn partitions_are_as_many_as_they_should_be() {
    let n_system = (2..=6).map(|n| iit4_oracle::system_partitions((1 << n) - 1).len());
    assert_eq!(n_system.collect::<Vec<_>>(), [3, 22, 150, 1061, 7896]);
    let n_joint = |mechanism: u32| {
        let counts = (1..=4).map(|purview: u32| {
            iit4_oracle::joint_partitions((1 << mechanism) - 1, (1 << purview) - 1).count()
        });
        counts.collect::<Vec<_>>()
    };
    assert_eq!(n_joint(1), [1, 1, 1, 1]);
    assert_eq!(n_joint(2), [4, 10, 28, 82]);
    assert_eq!(n_joint(3), [14, 44, 146, 500]);
    assert_eq!(n_joint(4), [51, 185, 699, 2729]);
}

#[test]
fn a_python_set_of_tuples_has_an_order_of_its_own() {
    let order = iit4_oracle::python_set_order(subsets(0b111));
    assert_eq!(order, [0b011, 0b100, 0b110, 0b111, 0b010, 0b101, 0b001]);
    assert_eq!(iit4_oracle::python_set_order(subsets(0b11)), [0b01, 0b10, 0b11]);
}

/// Fig. 4 of the 2023 paper: two of its distinctions are related through nine faces.
#[test]
fn relations_of_the_example() {
    let Network { tpm, cm, state, nodes, .. } = golden("paper_1D_aB").network;
    let system = System::new(&tpm, &cm, &state, &nodes).expect("the state is reachable");
    let states = system.irreducibility(Ties::Principled, Cap::None).states;
    let structure = system.structure(states, Ties::Principled);
    let mechanisms: Vec<_> = structure.distinctions.iter().map(|it| units(it.mechanism)).collect();
    assert_eq!(mechanisms, [vec![0], vec![1], vec![0, 1]]);
    let relations = iit4_relations::relations(&structure.distinctions);
    assert_eq!(relations.len(), 7);
    let a_and_ab = relations.iter().find(|it| it.relata == 0b101).expect("they share B = 0");
    assert!((a_and_ab.phi_r - 0.035_720).abs() < 1e-6, "{a_and_ab:?}");
    assert_eq!(a_and_ab.n_faces, 9);
}

#[test]
fn the_closed_form_counts_every_relation() {
    let mut n_listed = 0;
    for golden in goldens() {
        let Network { name, tpm, cm, state, nodes } = &golden.network;
        if golden.preset != "iit4_2023" || nodes.len() > 4 {
            continue;
        }
        let system = System::new(tpm, cm, state, nodes).expect("the state is reachable");
        let states = system.irreducibility(Ties::Principled, Cap::None).states;
        let structure = system.structure(states, Ties::Principled);
        if structure.distinctions.len() > 12 {
            continue;
        }
        let relations = iit4_relations::relations(&structure.distinctions);
        assert_eq!(relations.len() as i128, structure.n_relations, "{name}");
        let sum = relations.iter().map(|it| it.phi_r).sum();
        assert!(!far(sum, structure.sum_phi_r), "{name}: {sum} {}", structure.sum_phi_r);
        n_listed += relations.len();
    }
    assert!(n_listed > 2000, "{n_listed} relations");
}

#[track_caller]
fn check_complexes(network: &Network, ties: Ties, expected: &[(&[usize], f64)]) {
    let Network { tpm, cm, state, .. } = network;
    let found = iit4_oracle::complexes(tpm, cm, state, ties, Cap::None);
    let same = found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, expected)| {
            units(found.0) == expected.0 && (found.1 - expected.1).abs() < 1e-6
        });
    assert!(same, "{:?}", found.iter().map(|it| (units(it.0), it.1)).collect::<Vec<_>>());
}

#[test]
fn complexes_exclude_what_they_overlap() {
    for ties in [Ties::Principled, Ties::Pyphi] {
        let example = golden("paper_1D_aB").network;
        check_complexes(&example, ties, &[(&[2], 0.212_220), (&[0, 1], 0.171_863)]);
        // Three pairs are tied, and exclude each other, for which the whole remains.
        let ring = logistic(3, 1.3, |i, j| if i == j { 0.2 } else { 1.0 });
        check_complexes(&ring, ties, &[(&[0, 1, 2], 0.310_640)]);
    }
}

/// The effect of both units is the first alone or both, with equal φ: the policies take one each.
#[test]
fn the_policies_choose_differently_among_tied_purviews() {
    let network = Network {
        name: "two units".to_owned(),
        tpm: [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 1.0]].map(Vec::from).into(),
        cm: vec![vec![0, 1], vec![1, 1]],
        state: vec![0, 0],
        nodes: vec![0, 1],
    };
    for (ties, expected) in [(Ties::Pyphi, 8.5), (Ties::Principled, 9.0)] {
        let answer = by_oracle(&network, ties, Cap::None).expect("the state is reachable").answer;
        assert_eq!(answer.structure.expect("asked for").sums.big_phi, expected);
    }
}

#[test]
fn short_circuits_give_their_reason() {
    let two = |rows: [[f64; 2]; 4], cm: [[u8; 2]; 2]| Network {
        name: "two units".to_owned(),
        tpm: rows.map(Vec::from).into(),
        cm: cm.map(Vec::from).into(),
        state: vec![1, 0],
        nodes: vec![0, 1],
    };
    let reasons = |network: &Network| {
        Some(phi_s_by_oracle(network, Ties::Principled, Cap::None)?.answer.system.reasons)
    };
    let noise = two([[0.5; 2]; 4], [[1; 2]; 2]);
    assert_eq!(reasons(&noise), Some(vec!["NO_CAUSE".to_owned(), "NO_EFFECT".to_owned()]));
    let feed_forward = two([[0.5, 0.1], [0.5, 0.9], [0.5, 0.1], [0.5, 0.9]], [[0, 1], [0, 0]]);
    assert_eq!(reasons(&feed_forward), Some(vec!["NO_STRONG_CONNECTIVITY".to_owned()]));
    let alone = Network { nodes: vec![0], ..feed_forward };
    assert_eq!(reasons(&alone), Some(vec!["MONAD_WITH_NO_SELFLOOP".to_owned()]));
    let and_and = two([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [1.0, 1.0]], [[1; 2]; 2]);
    assert_eq!(reasons(&and_and), None);
}

/// Neither unit is ever ON, so there is nothing in a state with one ON; that is no error.
#[test]
fn a_network_in_a_state_it_cannot_be_in_has_no_complexes() {
    let network = pyphi_core::Network::from_state_by_node(
        &[vec![0.0, 0.0], vec![0.0, 0.0], vec![0.0, 0.0], vec![0.0, 0.0]],
        &[vec![0, 1], vec![1, 0]],
    )
    .expect("a network");
    let state = pyphi_core::State::new(&[0, 1]).expect("a state");
    let (rules, options) = (iit4::Rules::default(), pyphi_core::Options::default());
    let found = iit4::complexes(&network, state, rules, &options).expect("no error");
    assert!(found.is_complete() && found.complexes.is_empty() && found.irreducible.is_empty());
}
