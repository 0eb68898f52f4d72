use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::own_network::{answer, check_same, dense, networks_of, phi};
use crate::program::Place;

const PAPERS: &str = include_str!("../../pyphi-core/tests/fixtures/iit4_papers.json");
const FIGURE_1: &str = include_str!("../../examples/networks/albantakis_2023_fig1.json");

fn figure_1() -> Value {
    serde_json::from_str(FIGURE_1).unwrap()
}

/// The records of the paper of 2023 with up to five units.
fn papers() -> Vec<Value> {
    let records: Vec<Value> = serde_json::from_str(PAPERS).unwrap();
    let of_paper = records.into_iter().filter(|it| it["kind"] == "paper" && it["n"] != 6);
    of_paper.collect()
}

#[test]
fn answers_are_those_of_the_golden_records() {
    let records = papers();
    assert_eq!(records.len(), 6);
    let found = answer(&networks_of(&records), "--formalism iit4-2023 --ties-policy pyphi");
    for (found, record) in found.as_array().unwrap().iter().zip(&records) {
        let name = record["name"].as_str().unwrap();
        for field in [
            "name",
            "nodes",
            "state",
            "phi_s",
            "normalized_phi_s",
            "phi_cause",
            "phi_effect",
            "reasons",
            "intrinsic_differentiation",
            "system_cause_state",
            "system_effect_state",
            "dropped_incongruent",
            "sum_phi_d",
            "n_relations",
            "sum_phi_r",
            "big_phi",
        ] {
            check_same(&found[field], &record[field], &format!("{name}: {field}"));
        }
        check_same(&found["partition"]["cut_edges"], &record["partition"]["cut_edges"], name);
        let pairs = found["distinctions"].as_array().unwrap().iter();
        for (found, record) in pairs.zip(record["distinctions"].as_array().unwrap()) {
            for field in ["mechanism", "phi_d"] {
                check_same(&found[field], &record[field], &format!("{name}: {field}"));
            }
            for side in ["cause", "effect"] {
                for field in ["purview", "state", "phi"] {
                    let place = format!("{name}: {side} {field}");
                    check_same(&found[side][field], &record[side][field], &place);
                }
            }
        }
    }
}

#[test]
fn the_policy_and_the_version_matter_where_they_should() {
    let records = papers();
    let figure = records.iter().find(|it| it["name"] == "paper_7B").unwrap();
    let figure = &networks_of(std::slice::from_ref(figure))[0];
    let of = |arguments: &str| answer(figure, &format!("--formalism {arguments}"));
    let largest = of("iit4-2023");
    assert_eq!(largest, of("iit4-2023 --ties-policy max-phi"));
    assert_eq!((&largest["choice"]["proven"], &largest["exact"]), (&json!(true), &json!(true)));
    let principled = of("iit4-2023 --ties-policy principled");
    let pyphi = of("iit4-2023 --ties-policy pyphi");
    assert_eq!(largest["big_phi"], principled["big_phi"]);
    assert_eq!((&principled["n_relations"], &pyphi["n_relations"]), (&json!(13498), &json!(13111)));
    assert_eq!(principled["phi_s"], pyphi["phi_s"]);
    let phi_s = |version: &str| {
        answer(&figure_1(), &format!("--formalism {version}"))["phi_s"].as_f64().unwrap()
    };
    assert!((phi_s("iit4-2023") - 0.171_863).abs() < 1e-6);
    assert!((phi_s("iit4-2026") - 0.171_863).abs() < 1e-6);
    assert!((phi_s("iit4-2026-paper") - 0.040_497).abs() < 1e-6);
}

/// Seven units of which every one is the majority of the others tie in more ways than can be tried.
#[test]
fn what_is_not_proven_to_be_largest_is_an_interval() {
    let cm: Vec<Vec<u8>> = (0..7).map(|i| (0..7).map(|j| u8::from(i != j)).collect()).collect();
    let on = |s: u32, j: u32| u8::from(2 * (s & !(1 << j)).count_ones() > 6);
    let tpm: Vec<Vec<u8>> = (0..128).map(|s| (0..7).map(|j| on(s, j)).collect()).collect();
    let network = json!({"tpm": tpm, "cm": cm, "state": vec![0; 7]});
    let text = phi(&network, "--formalism iit4-2023").succeeded().stdout;
    assert!(text.contains("\nΦ is at least "), "{text}");
    let found = answer(&network, "--formalism iit4-2023");
    let (phi, at_most) = (&found["big_phi"], &found["choice"]["big_phi_at_most"]);
    assert!(phi.as_f64() < at_most.as_f64(), "{phi} {at_most}");
    assert_eq!((&found["exact"], &found["choice"]["proven"]), (&json!(false), &json!(false)));
    assert_eq!(answer(&network, "--formalism iit4-2023 --ties-policy principled")["exact"], true);
}

/// The network of the README, and the answer that it shows.
#[test]
fn the_text_is_a_readable_structure() {
    let text = phi(&figure_1(), "--formalism iit4-2023").succeeded().stdout;
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&text), "README.md lacks this text:\n{text}");
    assert!(readme.contains("examples/networks/albantakis_2023_fig1.json"));
    let text = phi(&figure_1(), "--formalism iit4-2026-paper --complexes").succeeded().stdout;
    expect_test::expect![[r#"
        Albantakis et al. 2023, Fig. 1
        state (0,1,1); iit4-2026-paper, ties max-phi
        2 complexes, largest φ_s first
        units  φ_s       partition                         distinctions  relations  Φ
        {C}    0.212220  {C} cut                           1             1          0.424439
        {A,B}  0.040497  {A} outputs cut | {B} inputs cut  3             7          1.562686

        Complex {C}
        φ_s = 0.212219553, minimum information partition {C} cut
        integrated cause information 0.212220, effect information 0.291060, normalized φ_s 0.212220
        specified cause (1), intrinsic information 0.212220; effect (1), intrinsic information 0.291060
        intrinsic differentiation: cause 0.663793, effect 1.000000

        Φ = 0.424439106
        1 relation, Σφ_r = 0.212220
        1 distinction, Σφ_d = 0.212220
        mechanism  φ_d       cause    φ         effect   φ
        {C}        0.212220  {C}=(1)  0.212220  {C}=(1)  0.291060
    "#]].assert_eq(&text);
}

#[test]
fn the_text_says_what_is_zero_left_out_and_tied() {
    let all = json!([0, 1, 2]);
    let mut whole = figure_1();
    whole["nodes"] = all;
    let text = phi(&whole, "--formalism iit4-2023").succeeded().stdout;
    assert!(text.contains("left out, not congruent with the specified states: {C} (0.305637)"));
    let text = phi(&dense(4), "--formalism iit4-2023").succeeded().stdout;
    assert!(
        text.contains("φ_s = 0: the partition {0,1,2} inputs cut | {3} outputs cut makes no"),
        "{text}"
    );
    assert!(text.contains("\ntied: another purview has the same φ\n"), "{text}");
    let weak = json!({"tpm": [[0.2, 0.1], [0.2, 0.9], [0.2, 0.1], [0.2, 0.9]],
        "cm": [[0, 1], [0, 0]], "state": [0, 0]});
    let text = phi(&weak, "--formalism iit4-2023").succeeded().stdout;
    assert!(text.contains("φ_s = 0: the units are not strongly connected\n"), "{text}");
    let text = phi(&weak, "--formalism iit4-2023 --complexes").succeeded().stdout;
    assert!(text.contains("no complexes: "), "{text}");
    // Seven units that all hear all: more relations than a machine word holds.
    let all_on: Vec<Vec<f64>> =
        (0..128_u32).map(|s| vec![f64::from(s.count_ones()) / 8.0 + 0.06; 7]).collect();
    let many = json!({"tpm": all_on, "cm": vec![vec![1; 7]; 7], "state": vec![1; 7]});
    let text = phi(&many, "--formalism iit4-2023").succeeded().stdout;
    let answer = answer(&many, "--formalism iit4-2023");
    let digits = answer["n_relations"].as_str().expect("a string of digits");
    assert!(
        digits.len() > 20 && text.contains(&format!("\n{digits} relations, Σφ_r = ")),
        "{text}"
    );
}

#[test]
fn complexes_are_listed_largest_first_with_their_structures() {
    let found = answer(&figure_1(), "--formalism iit4-2023 --complexes");
    let complexes = found["complexes"].as_array().unwrap();
    let nodes: Vec<&Value> = complexes.iter().map(|it| &it["nodes"]).collect();
    assert_eq!(nodes, [&json!([2]), &json!([0, 1])]);
    assert_eq!(complexes[1], answer(&figure_1(), "--formalism iit4-2023"));
}

#[test]
fn phi_s_alone_is_that_of_the_structure() {
    for formalism in ["iit4-2023", "iit4-2026"] {
        let alone = answer(&figure_1(), &format!("--formalism {formalism} --phi-s-only"));
        let whole = answer(&figure_1(), &format!("--formalism {formalism}"));
        for (field, value) in alone.as_object().unwrap() {
            assert_eq!(*value, whole[field], "{field}");
        }
        assert!(alone.get("distinctions").is_none(), "{alone}");
        let text = phi(&figure_1(), &format!("--formalism {formalism}")).succeeded().stdout;
        let alone = phi(&figure_1(), &format!("--formalism {formalism} --phi-s-only"));
        assert_eq!(text.split("\n\n").next().unwrap(), alone.succeeded().stdout.trim_end());
    }
}

/// A ring of units of which each follows the one before it, more than IIT 3.0 takes.
fn ring(n: usize) -> Value {
    let follows = |state: usize, unit: usize| [0.1, 0.9][state >> ((unit + n - 1) % n) & 1];
    let row = |state: usize| (0..n).map(|unit| follows(state, unit)).collect::<Vec<f64>>();
    let is_before = |i: usize, j: usize| u8::from(j == (i + 1) % n);
    json!({
        "tpm": (0..1 << n).map(row).collect::<Vec<_>>(),
        "cm": (0..n).map(|i| (0..n).map(|j| is_before(i, j)).collect()).collect::<Vec<Vec<u8>>>(),
        "state": vec![1; n],
    })
}

#[test]
fn phi_s_is_that_of_up_to_16_units() {
    let found = answer(&ring(13), "--formalism iit4-2023 --phi-s-only");
    let small = answer(&ring(7), "--formalism iit4-2023 --phi-s-only");
    // Two halves, whose two connections carry log2(0.9 / 0.5) bits each, in a state of selectivity
    // 0.9ⁿ. One of the connections alone has the same normalized φ.
    for (n, found) in [(13, &found), (7, &small)] {
        let phi_s = found["phi_s"].as_f64().unwrap();
        let expected = 2.0 * 0.9f64.powi(n) * (0.9f64 / 0.5).log2();
        assert!((phi_s - expected).abs() < 1e-9, "{phi_s}, expected {expected}");
    }
    check_refused(&ring(17), "--formalism iit4-2023 --phi-s-only", "expected at most 16 units");
}

/// Fig. 1 without the connections from one of its units: nothing is lost by cutting them.
#[test]
fn the_structure_of_what_is_no_complex_says_so() {
    let mut network = figure_1();
    network["cm"][0] = json!([1, 0, 0]);
    let text = phi(&network, "--force-cm --formalism iit4-2023").succeeded().stdout;
    assert!(text.contains("φ_s = 0"), "{text}");
    let says = text.contains("The system is not a complex, since φ_s = 0. Its structure:\nΦ = ");
    assert!(says, "{text}");
}

#[track_caller]
fn check_refused(network: &Value, arguments: &str, message: &str) {
    let finished = phi(network, arguments);
    assert_eq!(finished.code, Some(2));
    assert_eq!(finished.stdout, "");
    assert!(finished.stderr.contains(message), "{}", finished.stderr);
}

#[test]
fn what_is_no_question_of_iit4_is_refused() {
    let one = figure_1();
    let message = "a rule for --ties with iit4-2023: expected --formalism iit3, or --ties alone";
    check_refused(&one, "--formalism iit4-2023 --ties=largest", message);
    let message = "--ties with --complexes: expected one of them";
    check_refused(&one, "--formalism iit4-2023 --ties --complexes", message);
    let message = "--phi-s-only with iit3: expected --formalism iit4-2023";
    check_refused(&one, "--phi-s-only", message);
    let message = "--ties-policy with iit3: expected --formalism iit4-2023";
    check_refused(&one, "--ties-policy pyphi", message);
    let message = "expected one of principled, pyphi";
    check_refused(&one, "--formalism iit4-2023 --ties-policy random", message);
    let mut unconnected = one.clone();
    unconnected["cm"][2][1] = json!(0);
    let message = "cm: 0, expected 1, for 2 → 1: there the tpm has a dependence (--force-cm \
                   averages over it)";
    for arguments in ["--formalism iit4-2023", "--formalism iit4-2023 --complexes", ""] {
        check_refused(&unconnected, arguments, &format!("standard input: {message}"));
        phi(&unconnected, &format!("--force-cm {arguments}")).succeeded();
        // The first record is fine and is answered.
        let finished = phi(&json!([one, unconnected]), &format!("--format json {arguments}"));
        assert_eq!(finished.code, Some(3));
        let answers: Value = serde_json::from_str(&finished.stdout).expect("a list");
        assert_eq!(answers[0], answer(&one, arguments));
        assert_eq!(answers[1], json!({ "record": 1, "error": message }));
        let message = "standard input: 1 of 2 networks have no answer";
        assert!(finished.stderr.contains(message), "{}", finished.stderr);
    }
}

// --- Studies -------------------------------------------------------------------------------------

#[test]
fn a_study_compares_with_phi_s_and_with_phi() {
    let place = Place::new();
    let arguments = "--formalism iit4-2023 --sizes 3,4 --estimator hdc-limit --run four";
    let text = place.run(arguments).succeeded().stdout;
    assert!(text.contains("; iit4-2023, rule logistic with gain 4, state off"), "{text}");
    assert!(text.contains("Against φ_s, the irreducibility of the system:"), "{text}");
    assert!(text.contains("Against Φ, the sum over distinctions and relations:"), "{text}");
    let summary = place.json("runs/four/summary.json");
    assert_eq!(summary["settings"]["formalism"], "iit4-2023");
    let n = summary["n_comparisons"].clone();
    assert_eq!(summary["against_big_phi"]["overall"]["n"], n);
    let pearson = |it: &Value| it["overall"]["pearson"]["coefficient"]["value"].as_f64().unwrap();
    assert_ne!(pearson(&summary), pearson(&summary["against_big_phi"]));

    // Every row is φ_s of the network that `phi` sees.
    let problems = summary["exact_problems"].as_array().unwrap();
    let ring = problems.iter().find(|it| it["topology"] == "Ring" && it["n"] == 4).unwrap();
    let on = |heard: usize| 1.0 / (1.0 + (-4.0 * (heard as f64 - 1.0)).exp());
    let row = |s: usize| -> Vec<f64> {
        (0..4).map(|j| on((s >> ((j + 1) % 4) & 1) + (s >> ((j + 3) % 4) & 1))).collect()
    };
    let network = json!({
        "tpm": (0..16).map(row).collect::<Vec<_>>(),
        "cm": [[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]],
        "state": [0, 0, 0, 0],
    });
    let known = answer(&network, "--formalism iit4-2023");
    check_same(&ring["phi"], &known["phi_s"], "φ_s");
    check_same(&ring["structure"]["big_phi"], &known["big_phi"], "Φ");
    assert_eq!(ring["structure"]["n_relations"], known["n_relations"].to_string());
    let csv = place.read("runs/four/results.csv");
    let row = csv.lines().find(|line| line.starts_with("Ring,4,42,")).unwrap();
    let phi_exact: f64 = row.split(',').nth(4).unwrap().parse().unwrap();
    assert_eq!(Some(phi_exact), ring["phi"].as_f64());

    let report = place.read("runs/four/report.md");
    for text in ["## How the estimate follows Φ of the Φ-structure", "Exact value: φ_s"] {
        assert!(report.contains(text), "{report}");
    }
    // Numberings of the units are IIT 3.0's.
    assert!(!report.contains("Ranges: ") && !report.contains("lowest Φ"), "{report}");
    assert!(report.contains("| Φ | Σφ of distinctions | relations |"), "{report}");
    let exact = known["big_phi"].as_f64().unwrap();
    assert!(report.contains(&format!("| {exact:.4} | ")), "{report}");
}

#[test]
fn a_stopped_study_goes_on_with_its_structures() {
    let place = Place::new();
    let arguments = "--formalism iit4-2026 --sizes 3 --estimator hdc-limit --out whole.csv";
    place.run(arguments).succeeded();
    let whole = place.json("whole.summary.json");
    let arguments = arguments.replace("whole", "parts");
    place.run(&arguments).succeeded();
    // The rows after the third are lost.
    for (name, kept) in [("parts.csv", 4), ("parts.journal.jsonl", 4)] {
        let text = place.read(name);
        let kept: Vec<&str> = text.lines().take(kept).collect();
        place.write(name, kept.join("\n") + "\n");
    }
    place.run(&format!("{arguments} --resume")).succeeded();
    assert_eq!(place.untimed("parts.csv"), place.untimed("whole.csv"));
    let parts = place.json("parts.summary.json");
    assert_eq!(parts["against_big_phi"], whole["against_big_phi"]);
}

#[test]
fn example_networks_are_networks() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/networks");
    let mut n_found = 0;
    for file in fs::read_dir(folder).unwrap() {
        let network: Value =
            serde_json::from_str(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
        // The large ones take minutes; the engine's tests compare them with their family.
        if network["state"].as_array().unwrap().len() <= 6 {
            answer(&network, "--formalism iit4-2023 --complexes");
            n_found += 1;
        }
    }
    assert!(n_found > 0);
}

/// The smallest and the largest Φ are proven, whatever policy decides what is shown.
#[test]
fn ties_of_iit4_have_a_range() {
    let network = json!({
        "tpm": [[0, 0], [1, 0], [1, 0], [0, 1]],
        "cm": [[1, 1], [1, 1]],
        "state": [0, 0],
    });
    let six = |it: &Value| format!("{:.6}", it.as_f64().unwrap());
    for (policy, shown) in [("max-phi", "3.043608"), ("principled", "2.974435")] {
        let arguments = format!("--formalism iit4-2023 --ties --ties-policy {policy}");
        let found = answer(&network, &arguments);
        assert_eq!(six(&found["big_phi"]), shown);
        let spectrum = &found["spectrum"];
        assert_eq!(spectrum["proven"], true);
        assert_eq!(six(&spectrum["largest"]["at_least"]), "3.043608");
        assert_eq!(spectrum["largest"]["at_least"], spectrum["largest"]["at_most"]);
        assert_eq!(spectrum["smallest"]["at_least"], spectrum["smallest"]["at_most"]);
        assert!(spectrum["smallest"]["at_most"].as_f64() < spectrum["largest"]["at_most"].as_f64());
        assert!(spectrum["combinations"].as_u64().unwrap() > 1);
    }
    let text = phi(&network, "--formalism iit4-2023 --ties").succeeded().stdout;
    let line = "\nAll choices among causes, effects and system states that tie: Φ from ";
    assert!(
        text.contains(line) && text.contains(" to 3.0436") && text.contains(" (proven); "),
        "{text}"
    );
    assert!(answer(&network, "--formalism iit4-2023").get("spectrum").is_none());
}
