use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::program::{PHI, Place};

const HEADER: &str = "topology,n,seed,phi_hdc,phi_exact,error,relative_error,duration_ms";

/// The rows of a CSV as maps from column to text.
fn rows(csv: &str) -> Vec<HashMap<&str, &str>> {
    let mut lines = csv.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    lines.map(|line| columns.iter().copied().zip(line.split(',')).collect()).collect()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

#[test]
fn cells_of_the_matrix_have_their_known_values() {
    let place = Place::new();
    // Other tests have ties, which take ten times as long.
    place.run("--sizes 5,6 --tie-orders 0 --quiet").succeeded();
    let csv = place.read("results.csv");
    let rows = rows(&csv);
    assert_eq!(rows.len(), 80);

    let text = include_str!("../fixtures/matrix_n5_n6.json");
    let known: Vec<Value> = serde_json::from_str(text).unwrap();
    assert_eq!(known.len(), 12);
    let summary = place.json("results.summary.json");
    let records = summary["exact_problems"].as_array().unwrap();
    assert_eq!(records.len(), 24);
    for known in &known {
        let (topology, n) = (known["topology"].as_str().unwrap(), known["n"].as_u64().unwrap());
        let phi = known["phi"].as_f64().unwrap();
        let cell =
            |row: &&HashMap<&str, &str>| row["topology"] == topology && row["n"] == n.to_string();
        let of_cell: Vec<_> = rows.iter().filter(cell).collect();
        assert_eq!(of_cell.len(), 5, "{topology} {n}");
        for row in of_cell {
            let found = number(row["phi_exact"]);
            assert!((found - phi).abs() < 1e-9, "{topology} {n}: {found}, expected {phi}");
        }
        let record = records.iter().find(|it| it["topology"] == topology && it["n"] == n).unwrap();
        assert_eq!(record["cut"], known["cut"], "{topology} {n}");
        assert_eq!(record["n_concepts"], known["n_concepts"], "{topology} {n}");
    }
    // Not among the records: the value that PyPhi 1.2.0 gives, to its precision.
    let modular = rows.iter().find(|it| (it["topology"], it["n"]) == ("Modular", "6")).unwrap();
    assert!((number(modular["phi_exact"]) - 0.9138).abs() < 5e-5);
}

#[test]
fn columns_belong_together() {
    let place = Place::new();
    place.run("--sizes 4,5 --rule or --estimator spectral").succeeded();
    let csv = place.read("results.csv");
    assert_eq!(csv.lines().next(), Some(HEADER));
    let mut n_zero = 0;
    for row in rows(&csv) {
        let (estimate, exact) = (number(row["phi_hdc"]), number(row["phi_exact"]));
        assert!((0.0..=1.0).contains(&estimate) && exact >= 0.0);
        assert_eq!(number(row["error"]), estimate - exact);
        if exact > 1e-6 {
            assert_eq!(number(row["relative_error"]), (estimate - exact).abs() / exact);
        } else {
            assert_eq!(row["relative_error"], "");
            n_zero += 1;
        }
        assert!(number(row["duration_ms"]) >= 0.0);
    }
    assert!(n_zero < 80);
    // Only Random is solved more than once, and its estimate is that of its own graph.
    let of = |topology: &str, column: &str| -> HashSet<String> {
        let wanted = |row: &&HashMap<&str, &str>| row["topology"] == topology && row["n"] == "5";
        rows(&csv).iter().filter(wanted).map(|row| row[column].to_owned()).collect()
    };
    assert_eq!(of("Ring", "phi_exact").len(), 1);
    assert_eq!(of("Ring", "duration_ms").len(), 1);
    assert!(of("Random", "phi_hdc").len() > 1);
}

#[test]
fn the_summary_can_be_computed_from_the_rows() {
    let place = Place::new();
    let finished = place.run("--sizes 4,5 --out some.csv").succeeded();
    let csv = place.read("some.csv");
    let rows = rows(&csv);
    let summary = place.json("some.summary.json");
    assert_eq!(summary["schema"], "phi-validation/summary");
    assert_eq!(summary["version"], 1);
    assert_eq!(summary["csv"], "some.csv");
    assert_eq!(summary["n_comparisons"], 80);

    let x: Vec<f64> = rows.iter().map(|row| number(row["phi_hdc"])).collect();
    let y: Vec<f64> = rows.iter().map(|row| number(row["phi_exact"])).collect();
    // Other formulas than the program's: moments about zero.
    let n = rows.len() as f64;
    let sum = |f: &dyn Fn(f64, f64) -> f64| x.iter().zip(&y).map(|(x, y)| f(*x, *y)).sum::<f64>();
    let (sx, sy) = (sum(&|x, _| x), sum(&|_, y| y));
    let (sxx, sxy, syy) = (sum(&|x, _| x * x), sum(&|x, y| x * y), sum(&|_, y| y * y));
    let r = (n * sxy - sx * sy) / ((n * sxx - sx * sx) * (n * syy - sy * sy)).sqrt();
    let overall = &summary["overall"];
    let check = |found: &Value, expected: f64| {
        let found = found["value"].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
    };
    check(&overall["pearson"]["coefficient"], r);
    check(&overall["rmse"], (sum(&|x, y| (x - y).powi(2)) / n).sqrt());
    check(&overall["mae"], sum(&|x, y| (x - y).abs()) / n);
    check(&overall["bias"], (sx - sy) / n);
    check(&overall["line"]["slope"], (n * sxy - sx * sy) / (n * sxx - sx * sx));
    check(&overall["line"]["r_squared"], r * r);
    let topologies = summary["by_topology"].as_array().unwrap();
    assert!(topologies.iter().all(|it| it["statistics"]["n"] == 10));
    let sizes = summary["by_size"].as_array().unwrap();
    assert!(sizes.iter().all(|it| it["statistics"]["n"] == 40));

    // The distinct problems, counted from the rows: on 4 units Ring is a Lattice in another order.
    let problems = summary["n_exact_problems"].as_u64().unwrap();
    assert_eq!(problems as usize, summary["exact_problems"].as_array().unwrap().len());
    let sentence = format!("Only {problems} of the 80 comparisons are independent exact problems");
    assert!(finished.stdout.contains(&sentence), "{}", finished.stdout);
    assert!(summary["independence"].as_str().unwrap().starts_with(&sentence));
    assert!(finished.stdout.contains(&format!("r = {r:.4} (> 0.6: ")), "{}", finished.stdout);
}

#[test]
fn a_study_without_spread_is_undefined_with_a_reason() {
    let place = Place::new();
    let finished = place.run("--topologies Star --sizes 4 --estimator hdc-limit").succeeded();
    let summary = place.read("results.summary.json");
    assert!(!summary.contains("NaN") && !finished.stdout.contains("NaN"));
    let reason = "the estimate and the exact value are constant";
    assert!(finished.stdout.contains(reason), "{}", finished.stdout);
    let summary = place.json("results.summary.json");
    let r = &summary["overall"]["pearson"]["coefficient"];
    assert!(r["value"].is_null());
    assert_eq!(r["reason"], reason);
    assert!(summary["verdict"]["reached"].is_null());
    assert!(finished.stdout.contains("Verdict: not even the minimum level is reached"));
}

#[test]
fn the_result_does_not_depend_on_the_threads() {
    let place = Place::new();
    let one = place.run("--sizes 5 --jobs 1 --out one.csv").succeeded();
    let two = place.run("--sizes 5 --jobs 2 --out two.csv").succeeded();
    assert_eq!(place.untimed("one.csv"), place.untimed("two.csv"));
    assert_eq!(one.stdout, two.stdout);
}

#[test]
fn the_list_is_the_matrix_and_touches_nothing() {
    let place = Place::new();
    let finished = place.run("--list").succeeded();
    assert_eq!(finished.stderr, "");
    let lines: Vec<Vec<&str>> =
        finished.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["topology", "n", "seed", "problem"]);
    assert_eq!(lines[1][..3], ["Dense", "5", "42"]);
    assert_eq!(lines.len(), 162);
    let ids: HashSet<&str> = lines[1..161].iter().map(|it| it[3]).collect();
    assert_eq!(ids.len(), 48);
    assert_eq!(finished.stdout.lines().last(), Some("160 comparisons, 48 exact problems"));
    assert!(place.files().is_empty());
}

#[test]
fn a_log_has_plain_lines_and_a_quiet_run_none() {
    let place = Place::new();
    let loud = place.run("--sizes 4 --out loud.csv").succeeded();
    let lines: Vec<&str> = loud.stderr.lines().collect();
    assert!(lines[0].starts_with("40 comparisons, "), "{}", loud.stderr);
    assert!(lines[0].ends_with("; 0 rows are done"), "{}", loud.stderr);
    assert_eq!(lines[1..], ["rows in loud.csv", "statistics in loud.summary.json"]);
    assert!(!loud.stderr.contains('\u{1b}') && !loud.stderr.contains('\r'));
    let quiet = place.run("--sizes 4 --out quiet.csv --quiet").succeeded();
    assert_eq!(quiet.stderr, "");
    assert_eq!(quiet.stdout, loud.stdout);
}

#[test]
fn other_dynamics_and_states_can_be_asked_for() {
    let place = Place::new();
    let logistic = "--sizes 4 --rule logistic --gain 2 --state 1010 --seeds 7";
    place.run(&format!("{logistic} --estimator hdc-limit")).succeeded();
    let settings = &place.json("results.summary.json")["settings"];
    assert_eq!(settings["rule"]["name"], "logistic");
    assert_eq!(settings["rule"]["gain"], 2.0);
    assert_eq!(settings["state"], "1010");
    assert_eq!(settings["estimator"], "hdc-limit");
    assert_eq!(settings["seeds"], serde_json::json!([7]));
    let csv = place.read("results.csv");
    assert!(rows(&csv).iter().all(|row| number(row["phi_exact"]) > 0.0));
}

#[test]
fn help_and_version_are_results() {
    let place = Place::new();
    let help = place.run("--help").succeeded();
    assert_eq!(help.stderr, "");
    for flag in [
        "--topologies",
        "--sizes",
        "--seeds",
        "--rule",
        "--gain",
        "--state",
        "--estimator",
        "--formalism",
        "--jobs",
        "--out",
        "--resume",
        "--force",
        "--list",
        "--quiet",
        "phi",
    ] {
        assert!(help.stdout.contains(flag), "{flag} is missing in --help");
    }
    let version = env!("CARGO_PKG_VERSION");
    let found = place.run("--version").succeeded();
    assert_eq!(found.stdout, format!("pyphi_validation {version}\n"));
    let found = place.run("phi --version").succeeded();
    assert_eq!(found.stdout, format!("pyphi_validation-phi {version}\n"));
    let help = place.run("phi --help").succeeded();
    for word in [
        "--network",
        "--format",
        "--formalism",
        "--state",
        "--complexes",
        "--ties-policy",
        "--ties",
        "--jobs",
        "Examples:",
    ] {
        assert!(help.stdout.contains(word), "{word} is missing in phi --help");
    }
    assert_eq!(help.stderr, "");
}

#[cfg(unix)]
#[test]
fn it_answers_to_the_name_by_which_it_was_called() {
    use std::os::unix::fs::symlink;

    let place = Place::new();
    let version = env!("CARGO_PKG_VERSION");
    for name in ["phi", "pyphi_validation"] {
        symlink(PHI, place.path(name)).unwrap();
        let run = |arguments| place.run_program(&place.path(name), arguments).succeeded().stdout;
        assert_eq!(run("--version"), format!("{name} {version}\n"));
        assert!(run("--help").contains(&format!("Usage: {name} ")));
        assert!(run("phi --help").contains(&format!("  {name} phi --network network.json\n")));
        assert!(run("compute --help").contains(&format!("  {name} compute network.json\n")));
    }
}

#[test]
fn the_short_names_do_what_the_long_ones_do() {
    let place = Place::new();
    let network = include_str!("../../examples/networks/oizumi_2014_fig4.json");
    place.write("net.json", network);
    let long = place.run("phi --network net.json --format json").succeeded();
    let short = place.phi("compute net.json --format json").succeeded();
    assert_eq!(short.stdout, long.stdout);
    let still = place.phi("phi --network net.json --format json").succeeded();
    assert_eq!(still.stdout, long.stdout);
    place.phi("draw net.json --out short.svg").succeeded();
    place.run("draw --network net.json --out long.svg").succeeded();
    assert_eq!(place.read("short.svg"), place.read("long.svg"));
    let study = "--topologies Ring --sizes 4 --seeds 42 --tie-orders 0 --quiet";
    place.phi(&format!("study {study} --out short.csv")).succeeded();
    place.run(&format!("{study} --out long.csv")).succeeded();
    assert_eq!(place.untimed("short.csv"), place.untimed("long.csv"));
    place.phi(&format!("study {study} --run first")).succeeded();
    assert!(place.phi("runs").succeeded().stdout.contains("first"));

    // Everything has a name there: nothing begins by itself.
    let nothing = place.phi("");
    assert_eq!(nothing.code, Some(2));
    assert!(nothing.stderr.contains("Usage: phi <COMMAND>"), "{}", nothing.stderr);
    assert!(!nothing.stderr.contains("launch"), "{}", nothing.stderr);
    assert_eq!(place.phi("--sizes 4").code, Some(2));
    assert_eq!(place.phi("draw").code, Some(2));
    assert_eq!(place.phi("draw net.json --network net.json").code, Some(2));
}

#[path = "../../examples/own_estimator.rs"]
mod own_estimator;

#[test]
fn the_example_of_an_own_estimator_runs() {
    own_estimator::main().unwrap();
}
