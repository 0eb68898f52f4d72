use serde_json::{Value, json};

use crate::own_network::copies_of_three_values;
use crate::program::{Finished, Place};

/// The example of PyPhi's documentation: four units in two pairs, each of which is ON for sure if
/// both of the other pair are.
fn macro_network() -> Value {
    let row = |s: u32| {
        let [first, second] = [s & 3 == 3, s >> 2 == 3].map(|on| if on { 1.0 } else { 0.3 });
        [second, second, first, first]
    };
    json!({
        "name": "pairs",
        "tpm": (0..16).map(row).collect::<Vec<_>>(),
        "cm": [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]],
        "state": [0, 0, 0, 0],
        "labels": ["A", "B", "C", "D"],
    })
}

fn grains(network: &Value, arguments: &[&str]) -> Finished {
    let arguments = [&["grains", "-"], arguments].concat();
    Place::new().run_arguments_with_input(&arguments, &network.to_string())
}

fn answer(network: &Value, arguments: &[&str]) -> Value {
    let finished = grains(network, &[&["--format", "json"], arguments].concat()).succeeded();
    serde_json::from_str(&finished.stdout).unwrap()
}

#[track_caller]
fn near(found: &Value, expected: f64) {
    let found = found.as_f64().expect("a number");
    assert!((found - expected).abs() < 2e-6, "{found}, expected {expected}");
}

const PAIRS: [&str; 4] = ["--groups", "A,B | C,D", "--off", "0,1 | 0,1"];

#[test]
fn a_grain_has_its_phi() {
    let found = answer(&macro_network(), &PAIRS);
    near(&found["found"]["phi"], 0.597212);
    near(&found["effective_information"]["bits"], 1.148579);
    assert_eq!(found["found"]["grain"]["groups"], json!([[0, 1], [2, 3]]));
    assert_eq!(found["found"]["tpm"][3], json!([1.0, 1.0]));
    assert_eq!(found.get("search"), None);
    let shown = grains(&macro_network(), &PAIRS).succeeded().stdout;
    let line = "grain of {A,B,C,D}, groups {A,B} OFF if 0 or 1 ON, {C,D} OFF if 0 or 1 ON\n";
    assert!(shown.contains(line), "{shown}");
    assert!(shown.contains("Φ = 0.597213, lost by severing"), "{shown}");
    assert!(shown.contains("(1,0)  0.090000  1.000000"), "{shown}");
    let boxes = ["--boxes", "A,B | C,D", "--outputs", "B,D", "--time-scale", "2"];
    let found = answer(&macro_network(), &boxes);
    assert_eq!(found["found"]["grain"]["outputs"], json!([1, 3]));
    assert_eq!(found["found"]["grain"]["time_scale"], 2);
}

#[test]
fn the_best_grain_is_found() {
    let found = answer(&macro_network(), &[]);
    near(&found["search"]["emergence"], 0.483323);
    near(&found["search"]["micro_phi"], 0.113889);
    assert_eq!(found["found"]["grain"]["off"], json!([[0, 1], [0, 1]]));
    let shown = grains(&macro_network(), &[]).succeeded().stdout;
    let line = "emergence 0.483324: the micro units {A,B,C,D} have Φ = 0.113889\n";
    assert!(shown.contains(line), "{shown}");
    // Of all units only, and of fewer.
    let whole = answer(&macro_network(), &["--nodes", "A,B,C,D"]);
    assert_eq!(whole["search"]["n_grains"], 88);
    let part = answer(&macro_network(), &["--nodes", "A,B", "--black-boxes"]);
    assert!(part["search"]["n_grains"].as_u64().unwrap() > 3, "{part}");
}

#[test]
fn what_is_wrong_is_said() {
    let check = |arguments: &[&str], message: &str| {
        let refused = grains(&macro_network(), arguments);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(message), "{}", refused.stderr);
    };
    let missing = "grain: groups: {3} are in none, expected each in one";
    check(&["--groups", "A,B | C", "--off", "0 | 0"], missing);
    check(&["--groups", "A,B | C,D", "--off", "0"], "--off: 1 lists, expected one for each of the");
    check(&["--groups", "A,B | C,D", "--off", "0 | x"], "--off \"x\": expected counts");
    check(&["--boxes", "A,B | C,D", "--outputs", "A"], "outputs: none of the box {2,3}");
    check(&["--groups", "A,X | C,D", "--off", "0 | 0"], "groups: no unit \"X\"");
    check(&["--time-scale", "2"], "--time-scale: expected --boxes with it");
}

/// Marshall et al. 2024, example 1, by its rule: two pairs of units, each of which is one unit that
/// is ON if both are.
fn coarse_example() -> Value {
    let row = |s: u32| {
        let [a, b, c, d] = [0, 1, 2, 3].map(|it| f64::from(s >> it & 1));
        let on = |own: f64, beside: f64, others: [f64; 2]| {
            let both = if others == [1.0, 1.0] { 0.8 } else { 0.0 };
            0.05 + 0.01 * own + 0.1 * beside + both
        };
        [on(a, b, [c, d]), on(b, a, [c, d]), on(c, d, [a, b]), on(d, c, [a, b])]
    };
    json!({
        "tpm": (0..16).map(row).collect::<Vec<_>>(),
        "cm": [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]],
        "history": ["0000"],
        "labels": ["A", "B", "C", "D"],
    })
}

#[test]
fn intrinsic_units_of_a_file_are_a_system() {
    let mut network = coarse_example();
    network["units"] = json!([
        {"parts": ["A", "B"], "mapping": {"coarse": [2]}},
        {"parts": [2, 3], "grain": 1, "mapping": {"table": [0, 0, 0, 1]}, "apportioned": []},
    ]);
    let found = answer(&network, &[]);
    near(&found["found"]["structure"]["phi_s"], 1.004021);
    near(&found["found"]["cause_tpm"][3][0], 0.9216);
    assert_eq!(found["formalism"], "iit4-2023");
    assert_eq!(found["verdicts"][0]["validity"], "VALID");
    assert_eq!(found["found"]["units"][0]["mapping"], json!({"coarse": [2]}));
    assert_eq!(answer(&network, &["--no-validity"]).get("verdicts"), None);
    let shown = grains(&network, &["--formalism", "iit4"]).succeeded().stdout;
    assert!(shown.contains("0: {A,B} ON if 2 are\n"), "{shown}");
    assert!(shown.contains("(1,1)  0.921600"), "{shown}");
    assert!(shown.contains("1.004021"), "{shown}");

    // Updates and history: the unit looks at the last one of two.
    network["history"] = json!(["0000", [1, 1, 0, 0]]);
    network["units"][0] = json!({"parts": [0, 1], "grain": 2, "mapping": {"blackbox": [0]}});
    let found = answer(&network, &[]);
    assert_eq!(found["found"]["structure"]["state"], json!([1, 0]));
    let shown = grains(&network, &[]).succeeded().stdout;
    assert!(shown.contains("0: {A,B} ON if A is at the last of 2 updates\n"), "{shown}");
}

#[test]
fn intrinsic_units_are_searched() {
    let found = answer(&coarse_example(), &["--formalism", "iit4", "--micro-units", "2"]);
    let complexes = found["search"]["complexes"].as_array().unwrap();
    assert_eq!(complexes.len(), 1);
    near(&complexes[0]["phi_s"], 1.004021);
    assert_eq!(found["search"]["n_units"], 14);
    near(&found["found"]["structure"]["phi_s"], 1.004021);
    let arguments = ["--formalism", "iit4-2023", "--micro-units", "2"];
    let shown = grains(&coarse_example(), &arguments).succeeded().stdout;
    let line = "φ_s = 1.004021  {A,B} ON if 2 are | {C,D} ON if 2 are\n";
    assert!(shown.contains(line), "{shown}");
    assert!(
        shown.contains("{A,C}    0.000000          0.003976    not valid: its parts are"),
        "{shown}"
    );
}

#[test]
fn what_is_wrong_with_intrinsic_units_is_said() {
    let unit = json!({"parts": [0, 1], "mapping": {"coarse": [2]}});
    let check = |units: Value, arguments: &[&str], message: &str| {
        let mut network = coarse_example();
        network["units"] = units;
        let refused = grains(&network, arguments);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(message), "{message}: {}", refused.stderr);
    };
    check(json!([]), &[], "units: none, expected one at least");
    check(json!([{"parts": [0, 1]}]), &[], "units[0].mapping: missing, expected an object with");
    check(
        json!([{"parts": [0, 9], "mapping": {"coarse": [2]}}]),
        &[],
        "units[0]: grain: unit 9, expected units from 0 to 3",
    );
    check(
        json!([{"parts": [0], "grian": 2}]),
        &[],
        "unknown field \"grian\", perhaps for \"grain\"",
    );
    check(
        json!([{"parts": ["A", "X"], "mapping": {"coarse": [2]}}]),
        &[],
        "units[0].parts[1]: no unit \"X\"",
    );
    // What is too long is refused before its items are made, of which the last cannot be.
    let too_many = |last: Value| -> Value {
        (0..16).map(|_| unit.clone()).chain([last]).collect::<Vec<_>>().into()
    };
    let wrong = json!({"parts": ["X"], "mapping": {"coarse": [1]}});
    check(too_many(wrong.clone()), &[], "17 units would need");
    check(
        json!([{"parts": too_many(wrong), "mapping": {"coarse": [1]}}]),
        &[],
        "units[0]: grain: grain: 1 with 17 parts, expected 1 or more, and at most 16 for all parts",
    );
    check(
        json!([{"parts": [0, 1], "mapping": {"table": [0, 1]}}]),
        &[],
        "units[0]: grain: mapping: table of 2 entries, expected 4",
    );
    check(
        json!([unit, {"parts": [1, 2], "mapping": {"coarse": [2]}}]),
        &[],
        "units[0]: grain: {1} belongs to units[1], expected one owner",
    );
    check(
        json!([{"parts": [0], "grain": 2, "mapping": {"blackbox": [0]}}]),
        &[],
        "history: 1 states, expected 2, as many updates as the slowest unit takes",
    );
    check(json!([unit]), &["--state", "1000"], "history: it ends in (0,0,0,0), expected the state");
    check(json!([unit]), &["--nodes", "A,B"], "nodes: with intrinsic units, expected units");
    check(json!([unit]), &["--formalism", "iit3"], "units with iit3: expected --formalism iit4");
    check(json!([unit]), &["--black-boxes"], "--black-boxes with intrinsic units: expected");
    check(json!(7), &[], "units: expected a list");
    let refused = grains(&macro_network(), &["--grain", "2"]);
    assert!(refused.stderr.contains("--grain with iit3: expected"), "{}", refused.stderr);
}

#[test]
fn units_of_more_values_have_no_grains_yet() {
    let place = Place::new();
    place.write("net.json", copies_of_three_values().to_string());
    let refused = place.run("grains net.json");
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("a grain"), "{}", refused.stderr);
}
