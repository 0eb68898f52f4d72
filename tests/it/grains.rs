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

#[test]
fn units_of_more_values_have_no_grains_yet() {
    let place = Place::new();
    place.write("net.json", copies_of_three_values().to_string());
    let refused = place.run("grains net.json");
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("a grain"), "{}", refused.stderr);
}
