//! IIT 3.0 by other measures, and what is asked of structures and cuts.

use serde_json::{Value, json};

use crate::own_network::{and_or, answer, or_and_xor, phi};
use crate::program::Place;

#[track_caller]
fn check_phi(arguments: &str, expected: f64, variant: &Value) {
    let found = answer(&or_and_xor(), arguments);
    let phi = found["phi"].as_f64().unwrap();
    assert!((phi - expected).abs() < 2e-6, "{arguments}: {phi}");
    assert_eq!(&found["variant"], variant, "{arguments}");
    let is_approximation = arguments.contains("cut-one") || arguments.contains("no-new");
    assert_eq!(found["exact"], !is_approximation, "{arguments}");
}

/// Values of PyPhi 1.2.0 that is set so.
#[test]
fn a_variant_is_asked_for_and_named_in_the_answer() {
    check_phi("", 1.916667, &Value::Null);
    check_phi("--measure L1", 4.784722, &json!({"MEASURE": "L1"}));
    let sum = "--ces-distance SUM_SMALL_PHI";
    let variant = json!({"MEASURE": "KLD", "CES_DISTANCE": "SUM_SMALL_PHI"});
    check_phi(&format!("--measure kld {sum}"), 1.753258, &variant);
    let variant = json!({"MEASURE": "KLM", "CES_DISTANCE": "SUM_SMALL_PHI"});
    check_phi(&format!("--measure BLD {sum}"), 0.943828, &variant);
    let variant = json!({"MEASURE": "PSQ2", "PARTITION_TYPE": "ALL"});
    check_phi("--measure PSQ2 --partitions ALL", 1.303863, &variant);
    check_phi("--smallest-purview", 1.743056, &json!({"PICK_SMALLEST_PURVIEW": true}));
    check_phi("--cut-one", 1.916667, &json!({"CUT_ONE_APPROXIMATION": true}));
    let variant = json!({"ASSUME_CUTS_CANNOT_CREATE_NEW_CONCEPTS": true});
    check_phi("--no-new-concepts", 1.916667, &variant);
    let text = phi(&or_and_xor(), "--cut-one").succeeded().stdout;
    let line = "IIT 3.0 by CUT_ONE_APPROXIMATION (an approximation: the exact Φ is not larger)\nΦ";
    assert!(text.contains(line), "{text}");
    let found = answer(&or_and_xor(), "--complexes --measure L1");
    assert_eq!(found["complexes"][0]["variant"], json!({"MEASURE": "L1"}));
    assert_eq!(found["major_over_ties"], Value::Null);
}

#[test]
fn variants_that_cannot_be_are_refused() {
    let refused = |arguments: &str, message: &str| {
        let refused = phi(&or_and_xor(), arguments);
        assert!(refused.stderr.contains(message), "{}", refused.stderr);
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
    };
    refused("--measure KLD", "--measure KLD with --ces-distance EMD: the measure is asymmetric");
    refused("--measure XYZ", "XYZ: expected one of EMD, L1, KLD");
    refused("--measure L1 --formalism iit4-2023", "MEASURE = L1 with iit4-2023: expected");
    refused("--measure L1 --ties", "--ties with MEASURE = L1: expected one of them");
}

#[test]
fn small_phi_is_by_the_measure_too() {
    let arguments = "mechanism - --mechanism A,B --purview C --partitions ALL --measure L1";
    let found = Place::new()
        .run_with_input(&format!("{arguments} --format json"), &or_and_xor().to_string());
    let found: Value = serde_json::from_str(&found.succeeded().stdout).unwrap();
    assert_eq!(found["variant"], json!({"MEASURE": "L1", "PARTITION_TYPE": "ALL"}));
    assert_eq!(found["effect"][0]["phi"], 1.0);
    let mips = found["effect"][0]["mips"].as_array().unwrap();
    assert!(mips.iter().any(|it| it.as_array().unwrap().len() == 3), "{mips:?}");
}

#[test]
fn conceptual_information_is_in_the_answer() {
    let found = answer(&or_and_xor(), "")["conceptual_information"].as_f64().unwrap();
    assert!((found - 2.111_111_111).abs() < 1e-9, "{found}");
    // Without a search there are no concepts to know it from.
    let mut alone = and_or();
    alone["nodes"] = json!([0]);
    assert_eq!(answer(&alone, "")["conceptual_information"], Value::Null);
}

#[test]
fn two_structures_have_a_distance() {
    let place = Place::new();
    let mut other = or_and_xor();
    other["state"] = json!([0, 0, 0]);
    place.write("a.json", or_and_xor().to_string());
    place.write("b.json", other.to_string());
    let found = place.run("distance a.json b.json --format json").succeeded();
    let found: Value = serde_json::from_str(&found.stdout).unwrap();
    // 1.47222 in PyPhi 1.2.0.
    let distance = found["distance"].as_f64().unwrap();
    assert!((distance - 1.472_222_222).abs() < 1e-9, "{distance}");
    let structures = found["structures"].as_array().unwrap();
    let states: Vec<&Value> = structures.iter().map(|it| &it["state"]).collect();
    assert_eq!(states, [&json!([1, 0, 0]), &json!([0, 0, 0])]);
    assert_eq!(structures[0]["ces"], answer(&or_and_xor(), "")["ces"]);
    // In one file as well: a list, or one network in two states.
    let list = json!([or_and_xor(), other]);
    let mut states = or_and_xor();
    states.as_object_mut().unwrap().remove("state");
    states["states"] = json!([[1, 0, 0], [0, 0, 0]]);
    for file in [list, states] {
        place.write("both.json", file.to_string());
        let text = place.run("distance both.json").succeeded().stdout;
        assert!(text.starts_with("distance 1.472222\n\nOR-AND-XOR\nunits {A,B,C}"), "{text}");
        assert!(text.contains("Σφ = 1.666667, conceptual information 2.111111"), "{text}");
    }
    let refused = place.run("distance a.json");
    assert!(refused.stderr.contains("distance of 1 networks: expected two"), "{}", refused.stderr);
    other["nodes"] = json!([0, 1]);
    place.write("b.json", other.to_string());
    let refused = place.run("distance a.json b.json");
    assert!(refused.stderr.contains("structures on the units {0,1} and {0,1,2}: expected"));
    let summed = "distance a.json a.json --measure KLD";
    assert!(place.run(summed).stderr.contains("expected --ces-distance SUM_SMALL_PHI"));
}

fn under(cut: &str, formalism: &str) -> crate::program::Finished {
    let arguments = ["phi", "--network", "-", "--formalism", formalism, "--cut", cut];
    Place::new().run_arguments_with_input(&arguments, &or_and_xor().to_string())
}

#[test]
fn a_partition_is_asked_for_under_iit4() {
    let least = answer(&or_and_xor(), "--formalism iit4-2023 --phi-s-only");
    // 0.5 for each of two pairs that this partition cuts.
    assert!(least["normalized_phi_s"].as_f64().unwrap() <= 0.25, "{least}");
    let text = under("A,B -> C", "iit4-2023").succeeded().stdout;
    let line = "φ_s = 0.500000000, under the partition {A,B} outputs cut | {C} inputs cut\n";
    assert!(text.contains(line), "{text}");
    let text = under("A | B in | C out", "iit4-2026").succeeded().stdout;
    assert!(text.contains(", under the partition {A} cut | {B} inputs cut | {C} outputs cut\n"));
    let refused = under("A | B in", "iit4-2023");
    assert!(refused.stderr.contains("expected all units of {0,1,2}"), "{}", refused.stderr);
    let refused = under("A | B,C", "iit3");
    assert!(refused.stderr.contains("--cut in parts with iit3: expected"), "{}", refused.stderr);
    assert_eq!(refused.code, Some(2));
}

#[test]
fn complexes_say_whether_ties_could_change_the_major_one() {
    let found = answer(&or_and_xor(), "--complexes");
    let over_ties = &found["major_over_ties"];
    assert_eq!(over_ties["could_change"], false);
    let ranges = over_ties["ranges"].as_array().unwrap();
    assert_eq!(ranges.len(), 3);
    assert!((ranges[2]["smallest"].as_f64().unwrap() - 1.743_055_556).abs() < 1e-9, "{found}");
    let text = phi(&or_and_xor(), "--complexes").succeeded().stdout;
    let line = "whatever is chosen among ties it stays the major complex: {A,B,C} has Φ from \
                1.743056 to 1.916667, others at most 1.000000\n";
    assert!(text.contains(line), "{text}");
    // AND and OR with self-loops have a Φ from 0 to 0.180556 by the choice. Of two such pairs
    // either can have more.
    let one = and_or();
    let row = |s: usize| {
        let of = |s: usize| one["tpm"][s].as_array().unwrap().clone();
        [of(s & 3), of(s >> 2)].concat()
    };
    let cm = [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]];
    let tpm: Vec<_> = (0..16).map(row).collect();
    let two = json!({"tpm": tpm, "cm": cm, "state": [0, 0, 0, 0]});
    let over_ties = answer(&two, "--complexes")["major_over_ties"].clone();
    assert_eq!(over_ties["could_change"], true, "{over_ties}");
    let text = phi(&two, "--complexes").succeeded().stdout;
    let line = "ties could make another one the major complex: {2,3} has Φ from 0.000000 to \
                0.180556, {0,1} has Φ from 0.000000 to 0.180556\n";
    assert!(text.contains(line), "{text}");
}
