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
    let mut named = p53();
    named["values"] = json!([["none", "some", "much"], ["off", "on"], ["off", "on"]]);
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

#[test]
fn what_is_for_two_values_says_so() {
    let refused = |arguments: &str, message: &str| {
        let refused = phi(&p53(), arguments);
        assert!(refused.stderr.contains(message), "{arguments}: {}", refused.stderr);
        assert_ne!(refused.code, Some(0));
    };
    let only = "is for units with two values only";
    refused("--ties", &format!("alphabet (3,2,2): what ties allow {only}"));
    refused("--state 3,0,0", "state: unit 0: 3, expected a value from 0 to 2");
    refused("--state 0,2,0", "state: unit 1: 2, expected 0 (OFF) or 1 (ON)");
}
