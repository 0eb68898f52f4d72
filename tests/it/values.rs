//! Units with more than two values on the command line.

use serde_json::{Value, json};

use crate::own_network::{answer, phi};

/// Gomez et al. 2021, Fig. 3A.
fn p53() -> Value {
    json!({
        "name": "p53-Mdm2",
        "labels": ["P", "Mc", "Mn"],
        "alphabet": [3, 2, 2],
        "row_order": "first-unit-fastest",
        "next": [[2, 0, 1], [2, 0, 0], [2, 1, 0], [2, 0, 1], [2, 0, 1], [2, 1, 1],
                 [0, 0, 1], [0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 1, 1]],
        "state": [0, 0, 1],
    })
}

#[track_caller]
fn check(arguments: &str, field: &str, expected: f64) -> Value {
    let found = answer(&p53(), arguments);
    let value = found[field].as_f64().expect("a number");
    assert!((value - expected).abs() < 1e-6, "{arguments}: {field} {value}");
    found
}

#[test]
fn both_theories_know_them() {
    let found = check("--formalism iit4-2023 --ties-policy principled", "big_phi", 1.5);
    assert_eq!(found["alphabet"], json!([3, 2, 2]));
    assert_eq!(found["phi_s"], 0.0);
    // Of the states that tie, the ones with the largest Φ.
    check("--formalism iit4-2023", "big_phi", 1.938_721_876);
    check("--formalism iit4-2026 --phi-s-only", "phi_s", 0.0);
    check("", "phi", 1.0 / 3.0);
    let found = check("--settings iit3-aid", "phi", 0.438_721_875);
    assert_eq!(found["variant"]["CES_DISTANCE"], "ABSOLUTE_SUM_SMALL_PHI");
    // The same state as a text, and one that only a unit with three values has.
    check("--settings iit3-aid --state 201", "phi", 0.438_721_875);
    let text = phi(&p53(), "--formalism iit4-2023 --state 2,1,0").succeeded().stdout;
    assert!(text.starts_with("p53-Mdm2\nunits {P,Mc,Mn}, state (2,1,0); iit4-2023"), "{text}");
}

#[test]
fn all_states_and_complexes() {
    let all = answer(&p53(), "--formalism iit4-2023 --phi-s-only --state reachable");
    let states: Vec<&Value> =
        all.as_array().expect("a list").iter().map(|it| &it["state"]).collect();
    // Those that a row of the table leads to.
    assert_eq!(states.len(), 8, "{states:?}");
    let found = answer(&p53(), "--formalism iit4-2023 --complexes");
    assert!(found["complexes"].is_array(), "{found}");
    // Of IIT 3.0 by the EMD and as published: P and Mn are more than the whole.
    for (variant, whole) in [("", 1.0 / 3.0), ("--settings iit3-aid", 0.438_721_875)] {
        let found = answer(&p53(), &format!("--complexes {variant}"));
        assert_eq!(found["condensed"], json!([[0, 2]]));
        let complexes = found["complexes"].as_array().expect("a list");
        let nodes: Vec<&Value> = complexes.iter().map(|it| &it["nodes"]).collect();
        assert_eq!(nodes, [&json!([0, 2]), &json!([0, 1, 2])]);
        let phi = complexes[1]["phi"].as_f64().expect("a number");
        assert!((phi - whole).abs() < 1e-6, "{found}");
        let alone = answer(&p53(), &format!("--nodes P,Mn {variant}"));
        assert_eq!(complexes[0]["phi"], alone["phi"]);
    }
}

/// Names of values are shown wherever a state is.
#[test]
fn values_are_shown_by_their_names() {
    let named = named();
    let shown = |arguments: &str| phi(&named, arguments).succeeded().stdout;
    let text = shown("--formalism iit4-2023 --ties-policy principled");
    assert!(text.contains("units {P,Mc,Mn}, state (none,off,on); iit4-2023"), "{text}");
    assert!(text.contains("specified cause (none,off,on), intrinsic"), "{text}");
    assert!(text.contains("  {Mn}=(on)  ") && text.contains("  {Mc,Mn}=(off,on)  "), "{text}");
    assert!(shown("").contains("units {P,Mc,Mn}, state (none,off,on)\n"));
    assert!(shown("--complexes").contains("state (none,off,on)\n"));
    let chosen = "mechanism - --mechanism P --purview Mc --formalism iit4-2023";
    let place = crate::program::Place::new();
    let text = place.run_with_input(chosen, &named.to_string()).succeeded().stdout;
    assert!(text.contains("(off)") && !text.contains("(0)"), "{text}");
    // Without names, by number.
    assert!(phi(&p53(), "").succeeded().stdout.contains("state (0,0,1)\n"));
}

/// `p53` with names for the values of its units.
fn named() -> Value {
    let mut named = p53();
    named["values"] = json!([["none", "some", "much"], ["off", "on"], ["off", "on"]]);
    named
}

/// All Φ that ties allow, and whether they could change the major complex.
#[test]
fn ties_are_looked_at() {
    let found = check("--ties", "phi", 1.0 / 3.0);
    let spectrum = &found["spectrum"];
    assert_eq!(spectrum["proven"], true);
    let values = spectrum["values"].as_array().expect("few");
    let values: Vec<String> =
        values.iter().map(|it| format!("{:.6}", it["phi"].as_f64().expect("Φ"))).collect();
    assert_eq!(values, ["0.222222", "0.333333", "0.354167"]);
    let text = phi(&named(), "--ties=largest").succeeded().stdout;
    assert!(text.contains("All choices among core causes and effects"), "{text}");
    let found = answer(&p53(), "--complexes --ties");
    assert_eq!(found["major_over_ties"]["could_change"], false, "{found}");
}

/// Φ in tasks of several processes is that of one, with the state by its names.
#[test]
fn one_phi_in_tasks() {
    let place = crate::program::Place::new();
    place.write("net.json", named().to_string());
    let expected =
        place.run("phi --network net.json --state 2,1,0 --format json").succeeded().stdout;
    let plan = "cluster plan --format json --slots 2 --run p53 phi --network net.json --state \
                much,on,off";
    let mut standing = crate::cluster::json(place.run(plan));
    while standing["state"] == "planned" {
        let round = &standing["round"];
        for task in 1..=standing["n_tasks"].as_u64().expect("a number") {
            place.run(&format!("cluster task p53 --round {round} --task {task}")).succeeded();
        }
        standing = crate::cluster::json(place.run("cluster next p53 --format json"));
    }
    assert_eq!(place.run("cluster gather p53 --format json").succeeded().stdout, expected);
}

/// A state by the names of its values, in; and the names beside the numbers, out.
#[test]
fn names_of_values_are_read_and_written() {
    let names = &named()["values"];
    for (formalism, fields) in
        [("--formalism iit3", "phi"), ("--formalism iit4-2023 --ties-policy principled", "phi_s")]
    {
        let of = |state: &str| answer(&named(), &format!("{formalism} --state {state}"));
        let found = of("much,off,on");
        assert_eq!(found, of("2,0,1"));
        assert_eq!((&found["state"], &found["values"]), (&json!([2, 0, 1]), names));
        assert_eq!(found["alphabet"], json!([3, 2, 2]));
        assert!(found[fields].is_f64(), "{found}");
        let complexes = answer(&named(), &format!("{formalism} --complexes"));
        assert_eq!((&complexes["values"], &complexes["state"]), (names, &json!([0, 0, 1])));
        let all = answer(&named(), &format!("{formalism} --state reachable"));
        assert!(all.as_array().expect("a list").iter().all(|it| it["values"] == *names));
        // Without names there are none.
        assert!(answer(&p53(), formalism).get("values").is_none());
    }
    let place = crate::program::Place::new();
    let chosen = "mechanism - --mechanism P --purview Mc --format json";
    let found = place.run_with_input(chosen, &named().to_string()).succeeded().stdout;
    let found: Value = serde_json::from_str(&found).expect("JSON");
    assert_eq!(found["values"], *names);
    let refused = phi(&named(), "--state much,off,often");
    let message = "state[2]: expected a value from 0 to 1, or one of off, on, found \"often\"";
    assert!(refused.stderr.contains(message), "{}", refused.stderr);
    let refused = phi(&p53(), "--state much,off,on");
    let message = "state \"much,off,on\": expected the value of each unit, as in 1,0,0";
    assert!(refused.stderr.contains(message), "{}", refused.stderr);
}

#[test]
fn what_is_for_two_values_says_so() {
    let refused = |arguments: &str, message: &str| {
        let refused = phi(&p53(), arguments);
        assert!(refused.stderr.contains(message), "{arguments}: {}", refused.stderr);
        assert_ne!(refused.code, Some(0));
    };
    let place = crate::program::Place::new();
    let grains = place.run_with_input("grains -", &p53().to_string());
    let only = "alphabet (3,2,2): a grain is for units with two values only";
    assert!(grains.stderr.contains(only), "{}", grains.stderr);
    assert_ne!(grains.code, Some(0));
    refused("--state 3,0,0", "state: unit 0: 3, expected a value from 0 to 2");
    refused("--state 0,2,0", "state: unit 1: 2, expected 0 (OFF) or 1 (ON)");
}
