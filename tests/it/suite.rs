use std::fs;
use std::path::Path;

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use phi_validation::model::dynamics::Rule;
use phi_validation::model::key::State;
use phi_validation::model::network::Network;
use phi_validation::model::topology::Topology;
use serde_json::{Value, json};

use crate::own_network::or_and_xor;
use crate::program::{Finished, Place, how_many};

/// Two rules, two formalisms, sampled states, two own networks: one of them is the Ring of 4 under
/// xor again.
const SUITE: &str = r#"
topologies = ["Ring", "Line", "Random"]
sizes = [3, 4]
seeds = [42, 123]
random_seeds = { from = 1, count = 6 }
rules = ["majority", "xor"]
states = { sampled = 2, seed = 7 }
formalisms = ["iit3", "iit4-2023"]
estimators = ["hdc-limit", "spectral"]
tie_orders = 4

[[networks]]
file = "networks/oizumi.json"
states = "reachable"

[[networks]]
file = "networks/ring.json"
name = "xor-ring"
states = { sampled = 2, seed = 7 }
"#;

/// Returns that suite, or a smaller one for tests that compute it several times: fewer random
/// networks, of one size.
fn repeated_suite() -> String {
    let small = || SUITE.replace("sizes = [3, 4]", "sizes = [4]").replace("count = 6", "count = 2");
    if how_many(0, 1) == 1 { SUITE.to_owned() } else { small() }
}

/// A place with that suite and its networks.
fn place() -> Place {
    let place = Place::new();
    std::fs::create_dir(place.path("networks")).unwrap();
    place.write("networks/oizumi.json", or_and_xor().to_string());
    let ring = Network::new(Topology::Ring.graph(4, 0), Rule::Xor, State::new(4, 0));
    let ring = json!({"tpm": ring.tpm(), "cm": ring.connectivity(), "state": [0, 0, 0, 0]});
    place.write("networks/ring.json", ring.to_string());
    place.write("suite.toml", SUITE);
    place
}

/// A place with the suite for tests that compute it several times.
fn place_of_repeated() -> Place {
    let place = place();
    place.write("suite.toml", repeated_suite());
    place
}

/// The events of a run that were told on standard output, by name.
fn events(run: &Finished) -> BTreeMap<String, Vec<Value>> {
    let mut events: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in run.stdout.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        events.entry(event["event"].as_str().unwrap().to_owned()).or_default().push(event);
    }
    events
}

#[test]
fn a_suite_is_a_run_with_everything_by_each_theory_for_itself() {
    let place = place();
    let run = place.run("--suite suite.toml --run all --format json --jobs 1").succeeded();
    // (2 topologies with 2 seeds + Random with 6) of 2 sizes by 2 rules in 2 states, and the own
    // networks with 2 seeds in the reachable states of OR-AND-XOR and 2 of the ring; all by 2
    // formalisms.
    let csv = place.read("runs/all/results.csv");
    let header = "topology,n,seed,network,rule,state,formalism,phi_hdc,phi_exact,error,\
                  relative_error,duration_ms,spectral";
    assert_eq!(csv.lines().next(), Some(header));
    let rows: Vec<Vec<&str>> = csv.lines().skip(1).map(|it| it.split(',').collect()).collect();
    let keys: BTreeSet<&[&str]> = rows.iter().map(|it| &it[..7]).collect();
    assert_eq!(keys.len(), rows.len());
    let count = |column: usize, value: &str| rows.iter().filter(|it| it[column] == value).count();
    assert_eq!(count(6, "iit3"), count(6, "iit4-2023"));
    assert_eq!(rows.len(), 2 * count(6, "iit3"));
    assert_eq!(count(4, "majority"), 2 * 2 * 2 * (2 + 2 + 6));
    assert_eq!(count(3, "xor-ring"), 2 * 2 * 2);
    assert_eq!(count(0, "Own"), count(3, "xor-ring") + count(3, "oizumi"));

    // Equal problems are solved once, those of the file that is a Ring again not at all.
    let journal = place.read("runs/all/journal.jsonl");
    let entries: Vec<Value> = journal.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    let entries: Vec<&Value> = entries.iter().filter(|it| it["kind"] == "comparison").collect();
    let problems: BTreeSet<&str> =
        entries.iter().map(|it| it["problem"].as_str().unwrap()).collect();
    let told = events(&run);
    assert_eq!(told["started"][0]["n_problems"], problems.len());
    assert_eq!(told["solved"].len(), problems.len());
    assert_eq!((problems.len(), rows.len()), (100, 192));
    assert!(told["problem"].iter().all(|it| it["case"]["network"] != "xor-ring"));
    let solved =
        |name: &str| told["problem"].iter().filter(|it| it["case"]["network"] == name).count();
    assert_eq!(solved("oizumi") * 2, count(3, "oizumi"));
    for entry in &entries {
        let estimates = entry["estimates"].as_object().unwrap();
        assert_eq!(estimates.keys().collect::<Vec<_>>(), ["hdc-limit", "spectral"]);
        let is_iit4 = entry["case"]["formalism"] == "iit4-2023";
        assert_eq!(entry["exact"]["structure"].is_object(), is_iit4);
        assert_eq!(entry["exact"]["range"].is_object(), !is_iit4);
    }
    // Φ of the published example is where it should be.
    let published = rows.iter().find(|it| it[3] == "oizumi" && it[5] == "100" && it[6] == "iit3");
    let phi: f64 = published.unwrap()[8].parse().unwrap();
    assert!((phi - 23.0 / 12.0).abs() < 1e-6, "{phi}");

    // What different theories found is never in one statistic.
    let summary = place.json("runs/all/summary.json");
    assert_eq!(summary["schema"], "phi-validation/summaries");
    assert_eq!(summary["n_exact_problems"], problems.len());
    let parts = summary["by_formalism"].as_array().unwrap();
    for (part, formalism) in parts.iter().zip(["iit3", "iit4-2023"]) {
        assert_eq!(part["schema"], "phi-validation/summary");
        assert_eq!(part["settings"]["formalism"], formalism);
        assert_eq!(part["n_comparisons"], count(6, formalism));
        let exact =
            rows.iter().filter(|it| it[6] == formalism).map(|it| it[8].parse::<f64>().unwrap());
        let mean = exact.sum::<f64>() / count(6, formalism) as f64;
        let found = part["overall"]["mean_exact"].as_f64();
        assert!(found.is_none_or(|it| (it - mean).abs() < 1e-9));
        let groups = |name: &str| -> Vec<String> {
            let groups = part[name].as_array().unwrap().iter();
            groups.map(|it| it["group"].to_string().replace('"', "")).collect()
        };
        assert_eq!(groups("by_topology"), ["Ring", "Line", "Random", "Own"]);
        assert_eq!(groups("by_size"), ["3", "4"]);
        assert_eq!(groups("by_rule"), ["majority", "xor"]);
        let n_of = |at: usize| part["by_rule"][at]["statistics"]["n"].as_u64().unwrap() as usize;
        assert_eq!(n_of(0) + n_of(1) + count(0, "Own") / 2, count(6, formalism));
    }
    let page = place.read("runs/all/report.md");
    for heading in ["iit3: Verdict", "iit4-2023: Verdict", "iit3: All rows", "iit4-2023: All rows"]
    {
        assert!(page.contains(&format!("\n## {heading}\n")), "{heading}");
    }
    assert!(page.contains("figures/iit4-2023-scatter.svg"));
    assert!(place.path("runs/all/figures/iit3-scatter.svg").exists());
}

#[test]
fn the_folder_of_a_run_needs_no_other_file() {
    let place = place_of_repeated();
    place.run("--suite suite.toml --run first --quiet").succeeded();
    let again = place.run("--suite suite.toml --run first").succeeded();
    let n_rows = place.untimed("runs/first/results.csv").len() - 1;
    assert!(again.stderr.contains(&format!("; {n_rows} rows are done")), "{}", again.stderr);
    // The same with another file in place of the network is another study.
    let mut other = or_and_xor();
    // Now C = XNOR(A, B).
    for row in other["tpm"].as_array_mut().unwrap() {
        row[2] = json!(1 - row[2].as_u64().unwrap());
    }
    place.write("networks/oizumi.json", other.to_string());
    let refused = place.run("--suite suite.toml --run first");
    assert_eq!(refused.code, Some(2));
    let message = "(own networks: oizumi, xor-ring, not oizumi, xor-ring (of another content)";
    assert!(refused.stderr.contains(message), "{}", refused.stderr);
    std::fs::remove_dir_all(place.path("networks")).unwrap();
    let report = place.run("report first").succeeded();
    assert!(report.stdout.ends_with("report.html\n"));
    // The classical files do it too.
    place.write("suite.toml", repeated_suite().split("[[networks]]").next().unwrap());
    place.run("--suite suite.toml --out rows.csv --quiet").succeeded();
    let whole = place.untimed("rows.csv");
    let text = place.read("rows.csv");
    let kept: usize = text.lines().take(20).map(|it| it.len() + 1).sum();
    place.write("rows.csv", &text[..kept + 9]);
    place.run("--suite suite.toml --out rows.csv --resume --quiet").succeeded();
    assert_eq!(place.untimed("rows.csv"), whole);
    let refused = place.run("--out rows.csv --resume");
    assert!(
        refused.stderr.contains("rows.csv: belongs to another matrix (topologies: "),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_suite_that_was_killed_goes_on_to_the_same_rows() {
    let place = place_of_repeated();
    place.run("--suite suite.toml --run whole --quiet").succeeded();
    let whole = place.untimed("runs/whole/results.csv");
    let arguments = "--suite suite.toml --run killed --quiet --jobs 1";
    let n_rows = |place: &Place| {
        let csv =
            std::fs::read_to_string(place.path("runs/killed/results.csv")).unwrap_or_default();
        csv.matches('\n').count().saturating_sub(1)
    };
    let mut n_killed = 0;
    let n_whole = whole.len() - 1;
    for wanted in [1, n_whole / 6, n_whole / 3, n_whole / 2, n_whole * 2 / 3] {
        let mut child = place.command(arguments).spawn().unwrap();
        while n_rows(&place) < wanted && child.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        n_killed += usize::from(child.wait().unwrap().code().is_none());
    }
    assert!(n_killed > 0, "no run was killed");
    place.run(arguments).succeeded();
    assert_eq!(place.untimed("runs/killed/results.csv"), whole);
    // Nothing that was on the disk was solved again: a problem is in one session.
    let journal = place.read("runs/killed/journal.jsonl");
    let (mut session, mut session_of) = (0, BTreeMap::new());
    for line in journal.lines().map(|it| serde_json::from_str::<Value>(it).unwrap()) {
        if line["kind"] == "session" {
            session += 1;
        } else if let Some(duration) =
            session_of.insert(line["problem"].to_string(), line["duration_ms"].clone())
        {
            assert_eq!(duration, line["duration_ms"], "{line}");
        }
    }
    assert!(session > 1);
}

#[test]
fn tasks_of_a_suite_on_machines_that_share_nothing_become_the_run_of_the_whole() {
    let place = place_of_repeated();
    place.run("--suite suite.toml --run whole --quiet").succeeded();
    let plan = "cluster plan --suite suite.toml --run tasks --slots 3 --max-tasks 3";
    place.run(&format!("{plan} --task-seconds 0.000001")).succeeded();
    for task in 1..=3 {
        // The networks of the suite are in the job.
        let machine = Place::new();
        copy(&place.path("runs/tasks/cluster"), &machine.path("job"));
        machine.run(&format!("cluster task job --round 1 --task {task}")).succeeded();
        copy(&machine.path("job/journals"), &place.path("runs/tasks/cluster/journals"));
    }
    place.run("cluster gather tasks").succeeded();
    assert_eq!(place.untimed("runs/tasks/results.csv"), place.untimed("runs/whole/results.csv"));
    assert_eq!(place.read("runs/tasks/settings.json"), place.read("runs/whole/settings.json"));
    let timeless = |run: &str| {
        let mut summary = place.json(&format!("runs/{run}/summary.json"));
        for part in summary["by_formalism"].as_array_mut().unwrap() {
            for problem in part["exact_problems"].as_array_mut().unwrap() {
                problem["duration_ms"].take();
                problem["range"].as_object_mut().map(|it| it.remove("duration_ms"));
                problem["counters"].take();
            }
        }
        summary
    };
    assert_eq!(timeless("tasks"), timeless("whole"));
}

/// A folder and all that is in it, into one that may be there.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

#[test]
fn the_examples_say_what_they_hold() {
    let place = Place::new();
    let suites = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/suites");
    let classical = place.run("--list").succeeded();
    let file = place.run(&format!("--list --suite {suites}/comparisons-160.toml")).succeeded();
    assert_eq!(file.stdout, classical.stdout);
    let survey = place.run(&format!("--list --suite {suites}/survey.toml")).succeeded();
    let end: Vec<&str> = survey.stdout.lines().rev().take(20).collect();
    assert_eq!(end[0], "7788 comparisons, 4164 exact problems");
    let line = |name: &str| {
        let line = end.iter().find(|it| it.starts_with(name)).unwrap();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(line("iit3"), ["iit3", "3894", "2082"]);
    assert_eq!(line("iit4-2023"), ["iit4-2023", "3894", "2082"]);
    assert_eq!(line("Own"), ["Own", "12", "12"]);
    assert!(place.files().is_empty());
}

#[test]
fn what_the_file_decides_is_not_asked_twice() {
    let place = place();
    let check = |arguments: &str, message: &str| {
        let refused = place.run(&format!("--suite {arguments}"));
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert_eq!(refused.stderr, format!("error: {message}\n"));
    };
    for (flag, value, field) in [
        ("--topologies", "Ring", "topologies"),
        ("--sizes", "5", "sizes"),
        ("--seeds", "1", "seeds"),
        ("--rule", "xor", "rules"),
        ("--gain", "2", "rules"),
        ("--state", "off", "states"),
        ("--formalism", "iit3", "formalisms"),
        ("--tie-orders", "0", "tie_orders"),
    ] {
        check(
            &format!("suite.toml {flag} {value}"),
            &format!(
                "{flag} with --suite: the suite decides that; expected it in suite.toml alone, as \
                 {field}"
            ),
        );
    }
    check("none.toml", "cannot read none.toml: No such file or directory (os error 2)");
    place.write("bad.toml", "sizes = [5]\nrules = [\"majority\", \"nor\"]\n");
    check(
        "bad.toml --run bad",
        "bad.toml, line 2, column 22: unknown rule \"nor\": expected one of majority, and, or, \
         xor, logistic",
    );
    place.write("deep.toml", "sizes = 3\n[[networks]]\nfile = \"none.json\"\n");
    check(
        "deep.toml --run bad",
        "deep.toml, line 3, column 8: cannot read none.json: No such file or directory (os error \
         2)",
    );
    assert!(!place.path("runs").exists());
}
