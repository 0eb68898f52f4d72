use phi_validation::model::dynamics::Rule;
use phi_validation::model::key::State;
use phi_validation::model::network::Network;
use phi_validation::model::topology::Topology;
use serde_json::{Value, json};

use crate::program::{Finished, Place};

const NETWORKS: &str = include_str!("../fixtures/networks.json");

/// Oizumi et al. 2014, Fig. 4: A = OR(B, C), B = AND(A, C), C = XOR(A, B), in the state (1, 0, 0).
pub(crate) fn or_and_xor() -> Value {
    let row = |s: u8| {
        let (a, b, c) = (s & 1, s >> 1 & 1, s >> 2 & 1);
        [b | c, a & c, a ^ b]
    };
    json!({
        "name": "OR-AND-XOR",
        "tpm": (0..8).map(row).collect::<Vec<_>>(),
        "cm": [[0, 1, 1], [1, 0, 1], [1, 1, 0]],
        "state": [1, 0, 0],
        "labels": ["A", "B", "C"],
    })
}

/// Two units of three values that copy each other.
pub(crate) fn copies_of_three_values() -> Value {
    let next: Vec<[usize; 2]> = (0..9).map(|state| [state / 3, state % 3]).collect();
    json!({
        "alphabet": [3, 3],
        "row_order": "first-unit-fastest",
        "next": next,
        "cm": [[0, 1], [1, 0]],
        "state": [2, 1],
    })
}

/// A cell of the study's matrix.
fn majority(topology: Topology, n: usize) -> Value {
    let network = Network::new(topology.graph(n, 42), Rule::Majority, State::new(n, 0));
    let cm = network.graph().connectivity();
    json!({"tpm": network.tpm(), "cm": cm, "state": network.state().values()})
}

pub(crate) fn dense(n: usize) -> Value {
    majority(Topology::Dense, n)
}

/// The networks of a list of records, without what else these have: answers are no fields of a
/// network.
pub(crate) fn networks_of(records: &[Value]) -> Value {
    let fields = ["name", "tpm", "cm", "state", "nodes", "labels"];
    let network = |record: &Value| -> Value {
        let kept = record.as_object().unwrap().iter();
        kept.filter(|it| fields.contains(&it.0.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    records.iter().map(network).collect()
}

/// Runs `phi` on a network given on standard input.
pub(crate) fn phi(network: &Value, arguments: &str) -> Finished {
    Place::new().run_with_input(&format!("phi --network - {arguments}"), &network.to_string())
}

pub(crate) fn answer(network: &Value, arguments: &str) -> Value {
    let finished = phi(network, &format!("--format json {arguments}")).succeeded();
    serde_json::from_str(&finished.stdout).unwrap()
}

/// Every field of `expected` that the program answers is the same in `found`, numbers to 1e-9.
#[track_caller]
pub(crate) fn check_same(found: &Value, expected: &Value, place: &str) {
    match (found, expected) {
        (Value::Number(found), Value::Number(expected)) => {
            let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
            assert!((found - expected).abs() < 1e-9, "{place}: {found}, expected {expected}");
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{place}");
            for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
                check_same(found, expected, &format!("{place}[{index}]"));
            }
        }
        (Value::Object(found), Value::Object(expected)) => {
            for (name, expected) in expected {
                let found = found.get(name).unwrap_or_else(|| panic!("{place}: no {name}"));
                check_same(found, expected, &format!("{place}.{name}"));
            }
        }
        _ => assert_eq!(found, expected, "{place}"),
    }
}

#[test]
fn answers_are_those_of_the_golden_records() {
    let records: Vec<Value> = serde_json::from_str(NETWORKS).unwrap();
    let found = answer(&networks_of(&records), "");
    let found = found.as_array().unwrap();
    assert_eq!(found.len(), records.len());
    for (found, record) in found.iter().zip(&records) {
        let fields = ["name", "nodes", "state", "phi", "cut", "ces", "partitioned_ces"];
        for field in fields.into_iter().chain(["purview_ties"]) {
            let name = record["name"].as_str().unwrap();
            // Where Φ = 0 after a search, the records do not say which cut makes no difference.
            if field == "cut" && record["phi"] == 0.0 {
                continue;
            }
            check_same(&found[field], &record[field], &format!("{name}: {field}"));
        }
    }
}

#[test]
fn cells_of_the_matrix_are_counted_with_all_their_ties() {
    let text = include_str!("../fixtures/matrix_n5_n6.json");
    let known: Vec<Value> = serde_json::from_str(text).unwrap();
    let networks: Vec<Value> = known
        .iter()
        .map(|known| {
            let topology: Topology = known["topology"].as_str().unwrap().parse().unwrap();
            let n = known["n"].as_u64().unwrap() as usize;
            majority(topology, n)
        })
        .collect();
    let found = answer(&json!(networks), "");
    for (found, known) in found.as_array().unwrap().iter().zip(&known) {
        let place = format!("{} {}", known["topology"], known["n"]);
        for field in ["phi", "cut", "purview_ties"] {
            if field == "cut" && known["phi"] == 0.0 {
                continue;
            }
            check_same(&found[field], &known[field], &format!("{place}: {field}"));
        }
        assert_eq!(found["ces"].as_array().unwrap().len() as u64, known["n_concepts"], "{place}");
    }
}

#[test]
fn one_network_gives_one_answer_and_a_list_a_list() {
    let network = or_and_xor();
    let single = answer(&network, "");
    assert_eq!(single["name"], "OR-AND-XOR");
    assert!((single["phi"].as_f64().unwrap() - 1.916_666_666_666_667).abs() < 1e-9);
    assert_eq!(answer(&json!([network]), ""), json!([single]));
    assert_eq!(answer(&json!([network, network]), ""), json!([single, single]));
    assert_eq!(answer(&network, "--jobs 1"), single);

    let place = Place::new();
    place.write("network.json", network.to_string());
    let from_file = place.run("phi --network network.json --format json").succeeded();
    assert_eq!(serde_json::from_str::<Value>(&from_file.stdout).unwrap(), single);
    assert_eq!(from_file.stderr, "");
}

#[test]
fn the_example_of_the_documentation_is_that_network() {
    let text = include_str!("../../docs/study.md");
    let (_, after) = text.split_once("```json\n").unwrap();
    let (example, _) = after.split_once("```").unwrap();
    let example: Value = serde_json::from_str(example).unwrap();
    assert_eq!(answer(&example, ""), answer(&or_and_xor(), ""));
}

#[test]
fn the_state_can_be_asked_for() {
    let mut other = or_and_xor();
    other["state"] = json!([1, 1, 1]);
    for state in ["1,1,1", "111", "(1,1,1)"] {
        assert_eq!(answer(&or_and_xor(), &format!("--state {state}")), answer(&other, ""));
    }
    assert_ne!(answer(&other, "")["phi"], answer(&or_and_xor(), "")["phi"]);
}

#[test]
fn the_text_is_a_readable_structure() {
    let text = phi(&or_and_xor(), "").succeeded().stdout;
    expect_test::expect![[r#"
        OR-AND-XOR
        units {A,B,C}, state (1,0,0)
        Φ = 1.916667, lost by severing the connections from {A,B} to {C}

        Cause-effect structure: 6 concepts, Σφ = 1.666667, conceptual information 2.111111
        mechanism  φ         cause    φ         partition              effect  φ         partition
        {A}        0.166667  {B,C}    0.166667  ∅/{B} × {A}/{C}        {B}     0.250000  ∅/{B} × {A}/∅
        {B}        0.166667  {A,C}    0.166667  ∅/{A} × {B}/{C}        {A}     0.250000  ∅/{A} × {B}/∅
        {C}        0.250000  {A,B}    0.500000  ∅/{A} × {C}/{B}        {A,B}   0.250000  ∅/{A} × {C}/{B}
        {A,B}      0.250000  {A,B,C}  0.250000  ∅/{A} × {A,B}/{B,C}    {C}     0.500000  ∅/{C} × {A,B}/∅
        {B,C}      0.333333  {A,B}    0.333333  {B}/∅ × {C}/{A,B}      {A}     0.500000  {B}/∅ × {C}/{A}
        {A,B,C}    0.500000  {A,B,C}  0.500000  ∅/{C} × {A,B,C}/{A,B}  {A,C}   0.500000  ∅/{C} × {A,B,C}/{A}

        Under the cut: 2 concepts, Σφ = 0.333333
        mechanism  φ         cause  φ         partition        effect  φ         partition
        {A}        0.166667  {B,C}  0.166667  ∅/{B} × {A}/{C}  {B}     0.250000  ∅/{B} × {A}/∅
        {B}        0.166667  {A,C}  0.166667  ∅/{A} × {B}/{C}  {A}     0.250000  ∅/{A} × {B}/∅
    "#]].assert_eq(&text);
}

#[test]
fn the_text_says_what_is_not_unique_and_what_is_zero() {
    // Five units, each with all others: full of ties.
    let text = phi(&dense(5), "").succeeded().stdout;
    assert!(text.contains("16 core causes or effects were chosen among equals: with another"));
    assert!(text.contains("\ntied: another purview of the same size has the same φ\n"), "{text}");
    assert_eq!(answer(&dense(5), "")["ties"], 16);
    let records: Vec<Value> = serde_json::from_str(NETWORKS).unwrap();
    let zero = records.iter().find(|it| it["name"] == "any_n2_s2001_014").unwrap();
    let text = phi(&networks_of(&[zero.clone(), zero.clone()]), "").succeeded().stdout;
    let one = "any_n2_s2001_014\nunits {0,1}, state (";
    assert_eq!(text.matches(one).count(), 2, "{text}");
    assert_eq!(text.matches("Φ = 0\n\nCause-effect structure: no concepts\n").count(), 2, "{text}");
}

#[test]
fn ties_over_all_cuts_are_counted_where_it_is_cheap_or_asked_for() {
    let of = |n: usize, arguments: &str| answer(&majority(Topology::Line, n), arguments);
    assert!(of(6, "")["purview_ties"].is_u64());
    let large = of(7, "");
    assert_eq!(large.get("purview_ties"), None);
    let counted = of(7, "--ties");
    assert!(counted["purview_ties"].is_u64());
    assert_eq!(counted["phi"], large["phi"]);
    let text = phi(&majority(Topology::Line, 4), "--ties").succeeded().stdout;
    let expected = of(4, "")["purview_ties"].as_u64().unwrap();
    let line =
        format!("\n{expected} core causes or effects of the intact and all cut systems have");
    assert!(text.contains(&line), "{text}");
}

/// A = AND(A, B) and B = OR(A, B), both OFF (Hanson and Walker 2021).
pub(crate) fn and_or() -> Value {
    json!({"tpm": [[0, 0], [0, 1], [0, 1], [1, 1]], "cm": [[1, 1], [1, 1]], "state": [0, 0],
           "labels": ["A*", "B"]})
}

#[test]
fn all_values_that_ties_allow_are_listed_with_their_choices() {
    let of = |rule: &str| answer(&and_or(), rule)["spectrum"].clone();
    let ends = |it: &Value| {
        assert_eq!(it["proven"], true, "{it}");
        [&it["smallest"], &it["largest"]].map(|it| {
            assert_eq!(it["at_least"], it["at_most"]);
            format!("{:.6}", it["at_least"].as_f64().unwrap())
        })
    };
    for (rule, expected, n_values) in [
        ("--ties", ["0.000000", "0.180556"], 12),
        ("--ties=all", ["0.000000", "0.180556"], 12),
        ("--ties=largest", ["0.090278", "0.090278"], 1),
        ("--ties=smallest", ["0.000000", "0.180556"], 5),
        ("--ties=unresolved-dropped", ["0.000000", "0.000000"], 1),
        ("--ties --cut-choices independent", ["0.000000", "0.430556"], 53),
    ] {
        let found = of(rule);
        assert_eq!(ends(&found), expected, "{rule}");
        assert_eq!(found["values"].as_array().unwrap().len(), n_values, "{rule}");
    }
    let whole = answer(&and_or(), "--ties");
    // What is proven needs no numberings.
    assert!(whole.get("range").is_none());
    for value in whole["spectrum"]["values"].as_array().unwrap() {
        assert!(value["cut"].is_object(), "{value}");
        let chosen = value["intact"].as_array().unwrap();
        assert!(chosen.iter().all(|it| it["cause"].is_array() && it["effect"].is_array()));
    }
    let text = phi(&and_or(), "--ties=smallest").succeeded().stdout;
    let (_, spectrum) = text.split_once("\n\nAll choices").unwrap();
    let (spectrum, _) = spectrum.split_once("\n\nCause-effect structure").unwrap();
    expect_test::expect![[r#"
         among core causes and effects of the same φ (rule smallest, with fewest units):
        Φ from 0.000000 to 0.180556 (proven), 5 values; 16 choices in the intact system
        Φ         severed     chosen in the intact system          chosen under the cut
        0.000000  {B} → {A*}  {A*}: {A*} / {A*}; {B}: {A*} / {B}   -
        0.055556  {B} → {A*}  {A*}: {B} / {A*}; {B}: {A*} / {B}    -
        0.083333  {A*} → {B}  {A*}: {A*} / {B}; {B}: {B} / {A*}    -
        0.125000  {B} → {A*}  {A*}: {A*} / {A*}; {B}: {A*} / {A*}  -
        0.180556  {B} → {A*}  {A*}: {B} / {A*}; {B}: {A*} / {A*}   -
        chosen: mechanism: purview of its cause / purview of its effect
        warning: in 4 searches, of the intact system and of the cut ones, other purviews are within 1e-4 of the winner; noise decides there in programs whose transport is inexact, as that of PyPhi 1.2.0 (5e-6)
          cause of {A*}: {A*} 0.166667, {B} 0.166667, {A*,B} 0.166667
          effect of {A*}: {A*} 0.250000, {B} 0.250000, {A*,B} 0.250000
          cause of {B}: {A*} 0.500000, {B} 0.500000, {A*,B} 0.500000
          effect of {B}: {A*} 0.250000, {B} 0.250000, {A*,B} 0.250000"#]].assert_eq(spectrum);
}

/// PyPhi 1.2.0 prints 0.4375, since the noise of its transport decides an exact tie.
#[test]
fn near_ties_are_warned_of() {
    let network = json!({
        "tpm": [[0, 1, 1], [0, 1, 0], [1, 1, 1], [1, 0, 0], [0, 1, 1], [0, 0, 0], [1, 1, 1],
                [1, 1, 0]],
        "cm": [[0, 1, 1], [1, 1, 0], [0, 1, 1]],
        "state": [0, 1, 0],
    });
    let found = answer(&network, "--ties");
    assert_eq!(format!("{:.6}", found["phi"].as_f64().unwrap()), "0.465278");
    let values = found["spectrum"]["values"].as_array().unwrap();
    let values: Vec<String> =
        values.iter().map(|it| format!("{:.6}", it["phi"].as_f64().unwrap())).collect();
    assert_eq!(values.len(), 6, "{values:?}");
    assert!(values.contains(&"0.437500".to_owned()) && values.contains(&"0.465278".to_owned()));
    assert!(found["spectrum"]["n_near_ties"].as_u64().unwrap() > 0);
    let text = phi(&network, "--ties").succeeded().stdout;
    assert!(text.contains("\nwarning: in "), "{text}");
    assert!(text.contains(" within 1e-4 of the winner"), "{text}");
    // Nothing ties in a generic network.
    let records: Vec<Value> = serde_json::from_str(NETWORKS).unwrap();
    let generic = records.iter().find(|it| it["name"] == "freestochastic_n2_s2001_002").unwrap();
    let text = phi(&networks_of(std::slice::from_ref(generic))[0], "--ties").succeeded().stdout;
    assert!(text.contains("whatever is chosen (proven); 1 choice"), "{text}");
    assert!(text.contains("\nNo purview is within 1e-4 of a winner.\n"), "{text}");
}

#[test]
fn what_is_not_proven_is_an_interval_with_what_was_tried() {
    let found = answer(&dense(5), "--ties");
    let spectrum = &found["spectrum"];
    assert_eq!((&spectrum["proven"], &spectrum["values"]), (&json!(false), &Value::Null));
    let end = |extreme: &str, end: &str| spectrum[extreme][end].as_f64().unwrap();
    let phi_of = |it: &Value| it.as_f64().unwrap();
    let (low, high) = (phi_of(&found["range"]["low"]), phi_of(&found["range"]["high"]));
    assert!(low <= phi_of(&found["phi"]) && phi_of(&found["phi"]) <= high);
    assert!(end("smallest", "at_least") < end("smallest", "at_most"));
    assert!(end("smallest", "at_most") <= low && high <= end("largest", "at_least"));
    assert!(end("largest", "at_least") < end("largest", "at_most"));
    let text = phi(&dense(5), "--ties").succeeded().stdout;
    assert!(text.contains("\nthe smallest Φ is between "), "{text}");
    assert!(text.contains("\ntried: the network's own numbering, which gives Φ = "), "{text}");
    assert!(!text.contains("Φ from "), "{text}");
}

#[test]
fn rules_for_ties_are_named() {
    let refused = phi(&and_or(), "--ties=oldest");
    assert_eq!(refused.code, Some(2));
    let names = "expected one of all, largest, smallest, unresolved-dropped";
    assert!(refused.stderr.contains(names), "{}", refused.stderr);
    let refused = phi(&and_or(), "--ties=smallest --complexes");
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("--ties with --complexes"), "{}", refused.stderr);
    assert_eq!(phi(&and_or(), "--cut-choices independent").code, Some(2));
}

/// A label that ends in a star is no mark.
#[test]
fn marks_of_ties_are_no_labels() {
    let text = phi(&and_or(), "").succeeded().stdout;
    assert!(text.contains("{A*}") && !text.contains("tied"), "{text}");
}

/// Connected both ways, but a cut makes no difference: PyPhi names one too.
#[test]
fn the_cut_that_makes_no_difference_is_named() {
    let records: Vec<Value> = serde_json::from_str(NETWORKS).unwrap();
    let record = records.iter().find(|it| it["name"] == "deterministic_n3_s2001_010").unwrap();
    let network = &networks_of(std::slice::from_ref(record))[0];
    let one = answer(network, "--jobs 1");
    assert_eq!((&one["phi"], &one["partitioned_ces"]), (&json!(0.0), &json!([])));
    assert!(one["cut"]["severed_from"].is_array(), "{one}");
    for jobs in 2..=4 {
        assert_eq!(answer(network, &format!("--jobs {jobs}")), one);
    }
    let text = phi(network, "").succeeded().stdout;
    assert!(text.contains("\nΦ = 0: severing the connections from {"), "{text}");
    assert!(text.contains(" makes no difference\n"), "{text}");
    assert!(!text.contains("Under the cut"), "{text}");
}

#[test]
fn all_complexes_are_listed_largest_first() {
    let text = phi(&or_and_xor(), "--complexes").succeeded().stdout;
    let (head, structure) = text.split_once("\nMajor complex {A,B,C}\n").unwrap();
    expect_test::expect![[r#"
        OR-AND-XOR
        state (1,0,0)
        3 complexes, the major complex first
        units    Φ         severed      concepts  ties
        {A,B,C}  1.916667  {A,B} → {C}  6         0
        {B,C}    1.000000  {B} → {C}    2         0
        {A,C}    1.000000  {A} → {C}    2         0
        without those that overlap: {A,B,C}
        whatever is chosen among ties it stays the major complex: {A,B,C} has Φ from 1.743056 to 1.916667, others at most 1.000000
    "#]]
    .assert_eq(head);
    let whole = phi(&or_and_xor(), "").succeeded().stdout;
    assert!(whole.ends_with(structure), "{structure}");

    // Every complex is what Φ of its units alone gives, and all others have Φ = 0.
    let mut network = majority(Topology::Modular, 5);
    let found = answer(&network, "--complexes");
    let complexes = found["complexes"].as_array().unwrap();
    assert!(complexes.len() > 1, "{found}");
    assert_eq!(found["condensed"][0], complexes[0]["nodes"]);
    let mut expected = Vec::new();
    for mask in 1..32_usize {
        network["nodes"] = (0..5).filter(|unit| mask >> unit & 1 == 1).collect();
        let single = answer(&network, "");
        if single["phi"].as_f64().unwrap() > 0.0 {
            expected.push(single);
        }
    }
    assert_eq!(complexes.len(), expected.len());
    assert!(expected.iter().all(|it| complexes.contains(it)));
    let phi_of = |it: &Value| it["phi"].as_f64().unwrap();
    assert!(complexes.is_sorted_by(|a, b| phi_of(a) > phi_of(b) - 1e-6));
    // `nodes` does not restrict the search, and a list is answered by a list.
    assert_eq!(answer(&json!([network]), "--complexes"), json!([found]));
}

#[test]
fn a_network_in_an_unreachable_state_may_have_complexes() {
    let mut network = or_and_xor();
    network["state"] = json!([0, 1, 0]);
    let found = answer(&network, "--complexes");
    assert!(found["complexes"].is_array());
    // What is wrong with the network itself is refused all the same.
    network["state"] = json!([0, 1]);
    let refused = phi(&network, "--complexes");
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("state: 2 entries, expected 3"), "{}", refused.stderr);
    // Two units that do nothing.
    let idle = json!({"tpm": [[0, 0], [0, 0], [0, 0], [0, 0]], "cm": [[0, 0], [0, 0]],
                      "state": [0, 0]});
    let text = phi(&idle, "--complexes").succeeded().stdout;
    assert!(
        text.ends_with("\nno complexes: every subsystem has Φ = 0 or is in an unreachable state\n")
    );
}

/// Runs `mechanism` on a network given on standard input.
fn mechanism(network: &Value, arguments: &[&str]) -> Finished {
    let mut all = vec!["mechanism", "-"];
    all.extend(arguments);
    Place::new().run_arguments_with_input(&all, &network.to_string())
}

#[test]
fn one_mechanism_is_shown_with_all_that_ties() {
    let text = mechanism(&or_and_xor(), &["--mechanism", "A,B"]).succeeded().stdout;
    expect_test::expect![[r#"
        OR-AND-XOR
        units {A,B,C}, state (1,0,0); iit3, mechanism {A,B}

        Cause
        purview  φ         partition
        {A,B,C}  0.250000  ∅/{A} × {A,B}/{B,C} (and 1 more)
        {A,C}    0.250000  ∅/{A} × {A,B}/{C} (and 4 more)
        {B,C}    0.250000  ∅/{B} × {A,B}/{C} (and 4 more)

        Effect
        purview  φ         partition
        {C}      0.500000  ∅/{C} × {A,B}/∅ (and 2 more)
        {A,B,C}  0.250000  ∅/{A} × {A,B}/{B,C} (and 1 more)
        {A,C}    0.250000  ∅/{A} × {A,B}/{C}
        {B,C}    0.250000  ∅/{B} × {A,B}/{C}
    "#]]
    .assert_eq(&text);
    let chosen = ["--mechanism", "A,B", "--purview", "C", "--direction", "effect"];
    let text = mechanism(&or_and_xor(), &chosen).succeeded().stdout;
    let (_, effect) = text.split_once("\n\n").unwrap();
    expect_test::expect![[r#"
        Effect
        purview  φ         partition
        {C}      0.500000  ∅/{C} × {A,B}/∅
                           {A}/∅ × {B}/{C}
                           {A}/{C} × {B}/∅
        state  repertoire  partitioned  unconstrained
        (0)    0.000000    0.500000     0.500000
        (1)    1.000000    0.500000     0.500000
    "#]]
    .assert_eq(effect);

    // The same as JSON, and the cut changes it.
    let json = |arguments: &[&str]| -> Value {
        let found = mechanism(&or_and_xor(), &[&["--format", "json"], arguments].concat());
        serde_json::from_str(&found.succeeded().stdout).unwrap()
    };
    let found = json(&chosen);
    assert_eq!(found["cause"], Value::Null);
    assert_eq!(found["effect"][0]["mips"].as_array().unwrap().len(), 3);
    let found = json(&[&chosen[..], &["--cut", "A -> B,C"]].concat());
    assert_eq!(found["cut"], json!({"severed_from": [0], "severed_to": [1, 2]}));
    assert_eq!(found["effect"][0]["phi"], json!(0.0));

    let found = json(&["--mechanism", "A,B", "--purview", "C", "--formalism", "iit4-2023"]);
    let effect = &found["effect"][0];
    assert_eq!((&effect["phi"], &effect["ii"]), (&json!(1.0), &json!(1.0)));
    assert_eq!(effect["states"][0]["state"], json!([1]));
    assert_eq!(effect["forward_repertoire"], json!([0.0, 1.0]));
    assert_eq!(effect["unconstrained_forward_repertoire"], json!([0.5, 0.5]));
}

#[test]
fn units_and_cuts_that_are_none_are_refused() {
    let refused = |arguments: &[&str], message: &str| {
        let refused = mechanism(&or_and_xor(), arguments);
        assert!(refused.stderr.contains(message), "{}", refused.stderr);
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
    };
    refused(&["--mechanism", "A,D"], "mechanism: no unit \"D\", expected one of A, B, C");
    refused(&["--mechanism", "7"], "mechanism: unit 7, expected units of {0,1,2}");
    refused(&["--mechanism", "40"], "mechanism: unit 40, expected units of {0,1,2}");
    refused(&["--mechanism", "A,A"], "mechanism: unit 0 is named twice");
    refused(&["--mechanism", ""], "mechanism: no units");
    refused(&["--mechanism", "A", "--purview", "B", "--nodes", "A,C"], "purview: unit 1, expected");
    refused(&["--mechanism", "A", "--cut", "A B"], "expected the units on both sides of an arrow");
    refused(&["--mechanism", "A", "--cut", "A -> B"], "cut {0} ≠> {1}: expected the units {0,1,2}");
    let iit4 = ["--mechanism", "A", "--cut", "A -> B,C", "--formalism", "iit4-2023"];
    refused(&iit4, "--cut with iit4-2023: expected --formalism iit3");
}

#[test]
fn one_cut_is_asked_for_instead_of_the_least() {
    let place = Place::new();
    let cut = ["phi", "--network", "-", "--format", "json", "--cut", "A → B,C"];
    let found = place.run_arguments_with_input(&cut, &or_and_xor().to_string()).succeeded();
    let found: Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(found["cut"], json!({"severed_from": [0], "severed_to": [1, 2]}));
    assert!((found["phi"].as_f64().unwrap() - 2.041_666_667).abs() < 1e-9, "{found}");
    assert!(!found["partitioned_ces"].as_array().unwrap().is_empty());
}

#[test]
fn relations_are_listed_up_to_a_limit() {
    let text = phi(&or_and_xor(), "--formalism iit4-2023 --relations 3").succeeded().stdout;
    let (_, relations) = text.split_once("\nThe first 3 of 7 relations\n").unwrap();
    expect_test::expect![[r#"
        mechanisms     in common  φ_r       faces
        {B}            {A}=(0)    0.276692  1
        {B} {C}        {A}=(0)    0.250000  9
        {B} {C} {B,C}  {A}=(0)    0.138346  27
    "#]]
    .assert_eq(relations);
    let found = answer(&or_and_xor(), "--formalism iit4-2023 --relations 100");
    let relations = found["relations"].as_array().unwrap();
    assert_eq!(json!(relations.len()), found["n_relations"]);
    let sum: f64 = relations.iter().map(|it| it["phi_r"].as_f64().unwrap()).sum();
    assert!((sum - found["sum_phi_r"].as_f64().unwrap()).abs() < 1e-9);
    for relation in relations {
        assert_eq!(json!(relation["faces"].as_array().unwrap().len()), relation["n_faces"]);
    }
}

/// `phi` on this network must fail with this message and answer nothing.
#[track_caller]
fn check_refused(network: &Value, message: &str) {
    let refused = phi(network, "--format json");
    assert_eq!(refused.stderr, format!("error: standard input: {message}\n"));
    assert_eq!(refused.code, Some(2));
    assert_eq!(refused.stdout, "");
}

#[test]
fn bad_networks_are_refused_with_the_place() {
    let with = |field: &str, value: Value| {
        let mut network = or_and_xor();
        network[field] = value;
        network
    };
    let with_cell = |value: Value| {
        let mut network = or_and_xor();
        network["tpm"][3][1] = value;
        network
    };
    check_refused(
        &with_cell(json!(1.5)),
        "tpm: row 3, column 1: 1.5 is not a probability, expected a number from 0 to 1",
    );
    check_refused(&with("state", json!([1, 0])), "state: 2 entries, expected 3 (one per unit)");
    check_refused(
        &with("state", json!([0, 1, 0])),
        "state: (0,1,0) of the units {0,1,2} is unreachable: no previous state gives every unit \
         its present value, expected a state that the network can be in",
    );
    check_refused(
        &with("tpm", json!([[0, 0], [1, 1], [0, 1]])),
        "tpm: 3 rows, expected a power of two (2^n rows for n units); 2 columns are 2 units \
         (state-by-node), which \
         have 4 states",
    );
    // In a list the others are answered.
    let second =
        json!([with("state", json!([0, 1, 0])), or_and_xor(), with("nodes", json!([0, 3]))]);
    let finished = phi(&second, "--format json");
    assert_eq!(finished.code, Some(3));
    let answers: Value = serde_json::from_str(&finished.stdout).expect("a list");
    assert_eq!(answers[0]["state"], json!([0, 1, 0]));
    assert!(answers[0]["error"].as_str().unwrap().contains("is unreachable"), "{answers}");
    assert_eq!(answers[1]["phi"], 1.9166666666666663);
    let message = "nodes: unit 3, expected a unit from 0 to 2";
    assert_eq!(answers[2], json!({ "record": 2, "error": message }));
    assert!(finished.stderr.contains("2 of 3 networks have no answer"), "{}", finished.stderr);
    let text = phi(&second, "").stdout;
    assert!(text.contains(&format!("standard input: record 2: {message}\n")), "{text}");
    check_refused(
        &json!([with("nodes", json!([0, 3]))]),
        "record 0: nodes: unit 3, expected a unit from 0 to 2",
    );
    // What the engine says of other fields is tested there; here, that the message arrives.
    for (field, value) in [
        ("cm", json!([[0, 1], [1, 0]])),
        ("cm", json!([[0, 1, 2], [1, 0, 1], [1, 1, 0]])),
        ("tpm", json!("no")),
        ("labels", json!(["A"])),
        ("nodes", json!([0, 0])),
    ] {
        let refused = phi(&with(field, value), "");
        assert_eq!(refused.code, Some(2));
        let expected = format!("error: standard input: {field}");
        assert!(refused.stderr.starts_with(&expected), "{}", refused.stderr);
        assert!(refused.stderr.contains("expected"), "{}", refused.stderr);
    }
}

#[test]
fn text_that_is_no_network_is_refused_with_the_place() {
    let place = Place::new();
    for (text, message) in [
        ("", "not JSON: EOF while parsing"),
        ("{\"tpm\": [[0, NaN]]}", "tpm: row 0, column 1: NaN is not a probability"),
        ("3", "expected an object with the fields tpm, cm and state, found 3"),
        ("[{}]", "record 0: tpm: missing"),
        ("[]", "no networks: expected at least one"),
    ] {
        place.write("bad.json", text);
        let refused = place.run("phi --network bad.json");
        assert_eq!(refused.code, Some(2));
        let expected = format!("error: bad.json: {message}");
        assert!(refused.stderr.starts_with(&expected), "{}", refused.stderr);
        assert_eq!(refused.stdout, "");
    }
    place.write("bytes.json", [0xff, 0xfe]);
    let refused = place.run("phi --network bytes.json");
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("cannot read bytes.json: "), "{}", refused.stderr);
    let missing = place.run("phi --network missing.json");
    assert_eq!(missing.code, Some(2));
    assert!(missing.stderr.starts_with("error: cannot read missing.json: No such file"));
    let state = phi(&or_and_xor(), "--state 1,2,0");
    assert_eq!(state.code, Some(2));
    assert_eq!(
        state.stderr,
        "error: standard input: state: unit 1: 2, expected 0 (OFF) or 1 (ON)\n"
    );
}

#[cfg(unix)]
#[test]
fn an_interrupted_list_is_valid_json_with_the_answers_so_far() {
    use std::io::{BufRead, BufReader, Read};

    let place = Place::new();
    place.write("networks.json", json!([or_and_xor(), dense(9)]).to_string());
    let mut child = place.command("phi --network networks.json --format json").spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    // The opening bracket and the beginning of the first answer.
    let mut text = String::new();
    out.read_line(&mut text).unwrap();
    let mut bytes = Vec::new();
    out.read_until(b'}', &mut bytes).unwrap();
    let kill = format!("kill -INT {}", child.id());
    assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    out.read_to_end(&mut bytes).unwrap();
    text.push_str(&String::from_utf8(bytes).unwrap());
    let stopped = Finished::from(child.wait_with_output().unwrap());
    assert_eq!(stopped.code, Some(130));
    assert!(
        stopped.stderr.ends_with("error: interrupted: 1 of 2 networks were analysed\n"),
        "{}",
        stopped.stderr
    );
    let answers: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(answers.len(), 1);
}

// --- Forms, states, lines ------------------------------------------------------------------------

/// The files of `pyphi-core`'s tests, written by PyPhi and numpy.
fn forms() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pyphi-core/tests/fixtures/forms")
}

#[test]
fn files_of_other_programs_are_read_by_their_names() {
    let place = Place::new();
    let phi = |arguments: &str| {
        let arguments = arguments.replace("FORMS", &forms().display().to_string());
        place.run(&format!("phi --format json {arguments}"))
    };
    for arguments in [
        "--network FORMS/pyphi_1_2_network.json --state [1,0,0]",
        "--network FORMS/pyphi_1_2_subsystem.json",
        "--network FORMS/pyphi_2_system.json",
        "--network FORMS/web_calculator.json",
        "--network FORMS/network.yaml",
        "--tpm FORMS/tpm_fortran.npy --cm FORMS/cm.npy --state 100",
        "--tpm FORMS/tpm_big_endian.csv --big-endian --state 100",
        "--tpm FORMS/tpm_state_by_state.csv --cm inferred --state 100",
        "--network FORMS/network.yaml --cm full --nodes A,B,2",
    ] {
        let answer: Value = serde_json::from_str(&phi(arguments).succeeded().stdout).unwrap();
        check_same(&answer["phi"], &json!(2.3125), arguments);
    }
    let said = phi("--network FORMS/network.yaml").stderr;
    assert!(said.starts_with("note: ") && said.ends_with("5 of 9 connections\n"), "{said}");
    assert_eq!(phi("--network FORMS/network.yaml --cm inferred --strict").stderr, "");
    let refused = phi("--network FORMS/network.yaml --strict");
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("which strict reading forbids"), "{}", refused.stderr);
}

#[test]
fn a_network_is_analysed_in_all_its_states() {
    let mut network = or_and_xor();
    network.as_object_mut().unwrap().remove("state");
    let answers = |network: &Value, arguments: &str| -> Vec<Value> {
        let finished = phi(network, &format!("--format json {arguments}")).succeeded();
        serde_json::from_str(&finished.stdout).expect("a list")
    };
    let all = answers(&network, "--state all");
    assert_eq!(all.len(), 8);
    let (found, unreachable): (Vec<&Value>, Vec<&Value>) =
        all.iter().partition(|it| it.get("phi").is_some());
    assert!(unreachable.iter().all(|it| it["error"].as_str().unwrap().contains("unreachable")));
    for answer in &found {
        let mut one = network.clone();
        one["state"] = answer["state"].clone();
        let alone: Value =
            serde_json::from_str(&phi(&one, "--format json").succeeded().stdout).unwrap();
        assert_eq!(**answer, alone);
    }
    network["states"] = json!("reachable");
    let reachable = answers(&network, "");
    assert_eq!(reachable.iter().collect::<Vec<_>>(), found);
    network["states"] = json!(["100", [0, 0, 0]]);
    let listed = answers(&network, "");
    assert_eq!([&listed[0]["state"], &listed[1]["state"]], [&json!([1, 0, 0]), &json!([0, 0, 0])]);
}

#[test]
fn lines_are_answered_with_lines() {
    let place = Place::new();
    let (good, bad) = (or_and_xor(), json!({ "tpm": 1 }));
    place.write("lines.jsonl", format!("{good}\n{bad}\n{good}\n"));
    let finished = place.run("phi --network lines.jsonl --format json");
    assert_eq!(finished.code, Some(3));
    let lines: Vec<Value> =
        finished.stdout.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0], lines[2]);
    assert_eq!(lines[1], json!({ "record": 1, "error": "tpm: expected a list, found 1" }));
}

#[test]
fn a_tpm_is_counted_from_series_and_analysed() {
    let place = Place::new();
    place.write("a.csv", "A,B\n0,0\n1,1\n0,0\n1,0\n0,1\n1,0\n\n1,1\n0,0\n0,0\n");
    let refused = place.run("tpm from-series a.csv --lag 9");
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("no state has a successor 9 later"), "{}", refused.stderr);
    let counted = place.run("tpm from-series a.csv").succeeded().stdout;
    let network: Value = serde_json::from_str(&counted).unwrap();
    assert_eq!(network["counts"], json!([[1, 1, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0], [2, 0, 0, 0]]));
    place.write("net.json", &counted);
    let arguments = "phi --network net.json --state 00 --format json";
    let refused = place.run(arguments);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("--project takes"), "{}", refused.stderr);
    let finished =
        place.run(&format!("{arguments} --project --formalism IIT_4_0_2023")).succeeded();
    assert!(finished.stderr.contains("the units are not conditionally independent"));
    let answer: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(answer["formalism"], "iit4-2023");
    place.write("b.csv", "0,1\n0,x\n");
    let refused = place.run("tpm from-series a.csv b.csv").stderr;
    assert_eq!(refused, "error: b.csv: line 2, column 2: \"x\", expected 0 or 1\n");
}
