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
}

#[test]
fn what_is_for_two_values_says_so() {
    let refused = |arguments: &str, message: &str| {
        let refused = phi(&p53(), arguments);
        assert!(refused.stderr.contains(message), "{arguments}: {}", refused.stderr);
        assert_ne!(refused.code, Some(0));
    };
    let only = "is for units with two values only";
    refused("--complexes", &format!("alphabet (3,2,2): IIT 3.0 {only}"));
    refused("--ties", &format!("alphabet (3,2,2): what ties allow {only}"));
    refused("--state 3,0,0", "state: unit 0: 3, expected a value from 0 to 2");
    refused("--state 0,2,0", "state: unit 1: 2, expected 0 (OFF) or 1 (ON)");
}
