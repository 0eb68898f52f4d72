use std::fs;
use std::thread;
use std::time::Duration;

use phi_validation::seeded::SeededStream;
use serde_json::Value;

use crate::program::{Finished, Place};

/// 36 rows of 17 exact problems in a fraction of a second.
const STUDY: &str =
    "--run first --topologies Star,Ring,Line,Random --sizes 3,4,5 --seeds 42,123,456";

/// 4 rows, 2 exact problems.
const SHORT: &str = "--run first --topologies Ring,Line --sizes 4 --seeds 42,123";

/// The lines of the journal of a run.
fn journal(place: &Place) -> Vec<Value> {
    let text = place.read("runs/first/journal.jsonl");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The journal's comparisons without what no two runs share: times, memory and counters.
fn results(place: &Place) -> Vec<Value> {
    let mut lines = journal(place);
    lines.retain(|line| line["kind"] == "comparison");
    for line in &mut lines {
        for field in ["duration_ms", "elapsed_ms", "cpu_ms", "peak_memory_bytes"] {
            line[field].take();
        }
        line["exact"]["counters"].take();
    }
    lines
}

#[test]
fn a_run_is_a_folder_with_everything() {
    let place = Place::new();
    let finished = place.run(STUDY).succeeded();
    assert_eq!(place.files(), ["runs"]);
    assert!(finished.stderr.ends_with("everything in runs/first\n"), "{}", finished.stderr);
    let settings = place.json("runs/first/settings.json");
    assert_eq!(settings["schema"], "phi-validation/settings");
    assert_eq!(settings["version"], 1);
    let summary = place.json("runs/first/summary.json");
    assert_eq!(summary["n_comparisons"], 36);
    assert!(finished.stdout.starts_with("36 comparisons, "));

    let lines = journal(&place);
    assert_eq!(lines.len(), 37);
    let provenance = &lines[0]["provenance"];
    assert_eq!(provenance["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(provenance["features"], serde_json::json!(["pyphi"]));
    assert_eq!(provenance["arguments"][0], "--run");
    for line in &lines[1..] {
        for estimator in ["hdc", "hdc-limit", "spectral"] {
            assert!(line["estimates"][estimator].is_f64(), "{line}");
        }
        assert!(line["exact"]["n_concepts"].is_u64() && line["exact"]["ties"].is_u64());
        assert!(line["elapsed_ms"].is_f64());
    }
    let star = &lines[1]["exact"];
    assert!(star["counters"]["cuts_evaluated"].as_u64().unwrap() > 0);
    assert!(star["cut"]["severed_from"].is_array());

    // The CSV and the statistics are those of a run without a folder.
    let flags = STUDY.strip_prefix("--run first ").unwrap();
    let csv = place.run(flags).succeeded();
    assert_eq!(place.untimed("runs/first/results.csv"), place.untimed("results.csv"));
    assert_eq!(csv.stdout, finished.stdout);
}

#[test]
fn every_statistic_can_be_computed_from_the_journal() {
    let place = Place::new();
    place.run(STUDY).succeeded();
    let summary = place.json("runs/first/summary.json");
    let lines = results(&place);
    let points: Vec<(f64, f64)> = lines
        .iter()
        .map(|it| (it["estimates"]["hdc"].as_f64().unwrap(), it["exact"]["phi"].as_f64().unwrap()))
        .collect();
    let n = points.len() as f64;
    let mean = |f: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>() / n;
    let (mx, my) = (mean(&|p| p.0), mean(&|p| p.1));
    let (xx, yy) = (mean(&|p| (p.0 - mx).powi(2)), mean(&|p| (p.1 - my).powi(2)));
    let xy = mean(&|p| (p.0 - mx) * (p.1 - my));
    let check = |found: &Value, expected: f64| {
        let found = found.as_f64().unwrap();
        assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
    };
    let overall = &summary["overall"];
    check(&overall["pearson"]["coefficient"]["value"], xy / (xx * yy).sqrt());
    check(&overall["rmse"]["value"], mean(&|p| (p.0 - p.1).powi(2)).sqrt());
    check(&overall["bias"]["value"], mx - my);
    check(&overall["line"]["slope"]["value"], xy / xx);
    let problems: std::collections::BTreeSet<&str> =
        lines.iter().map(|it| it["problem"].as_str().unwrap()).collect();
    assert_eq!(summary["uncertainty"]["n_clusters"], problems.len());
}

#[cfg(unix)]
#[test]
fn killed_two_hundred_times_the_results_are_the_same() {
    let undisturbed = Place::new();
    undisturbed.run(STUDY).succeeded();
    let expected = results(&undisturbed);

    let mut random = SeededStream::new("phi-validation kill test", &[1]);
    let (mut n_killed, mut n_finished, mut n_torn, mut n_partial) = (0, 0, 0, 0);
    let mut place = Place::new();
    while n_killed < 200 || n_finished == 0 {
        let mut child = place.command(&format!("{STUDY} --jobs 1")).spawn().unwrap();
        // Up to 50 ms: a start takes some milliseconds, the whole run some hundred.
        thread::sleep(Duration::from_micros(random.next_u64() % 50_000));
        // Once in a while a run may end by itself.
        let in_peace = random.next_u64().is_multiple_of(16);
        if !in_peace {
            child.kill().unwrap();
        }
        let stopped = Finished::from(child.wait_with_output().unwrap());
        n_torn += usize::from(stopped.stderr.contains("the last line was cut short"));
        match stopped.code {
            None => {
                n_killed += 1;
                let journal = fs::read_to_string(place.path("runs/first/journal.jsonl"));
                n_partial += usize::from(journal.is_ok_and(|it| it.contains("comparison")));
            }
            Some(0) => {
                assert_eq!(results(&place), expected, "after {n_killed} kills");
                let untimed = |place: &Place| place.untimed("runs/first/results.csv");
                assert_eq!(untimed(&place), untimed(&undisturbed));
                n_finished += 1;
                place = Place::new();
            }
            other => panic!("exit code {other:?} after {n_killed} kills: {}", stopped.stderr),
        }
    }
    assert!(n_partial > 20, "{n_partial} of {n_killed} kills came between two rows");
    assert!(n_finished > 3, "{n_finished} runs were finished, {n_torn} torn lines");
}

#[test]
fn a_run_of_other_settings_is_refused() {
    let place = Place::new();
    place.run(SHORT).succeeded();
    let before = place.read("runs/first/journal.jsonl");
    let refused = place.run(&format!("{SHORT} --rule xor"));
    assert_eq!(refused.code, Some(2));
    let message = "error: runs/first: holds a run of other settings (rule: majority, not xor): pass \
                   the same settings, or choose another name\n";
    assert_eq!(refused.stderr, message);
    assert_eq!(place.read("runs/first/journal.jsonl"), before);
    for name in ["..", "a/b", ".", "/tmp"] {
        let refused = place.run(&format!("--run {name} --sizes 4"));
        assert_eq!(refused.code, Some(2), "{name}");
        assert!(refused.stderr.contains("expected a name that can be that of a folder"));
    }
    let both = place.run(&format!("{SHORT} --out other.csv"));
    assert_eq!(both.code, Some(2));
    assert!(both.stderr.contains("cannot be used with"), "{}", both.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_keeps_what_is_finished() {
    let place = Place::new();
    // A limit on the size of files: one block is 512 bytes.
    let limited = place.run_after("trap '' XFSZ; ulimit -f 12", STUDY);
    assert_eq!(limited.code, Some(2), "{}", limited.stderr);
    assert!(
        limited.stderr.contains("cannot write runs/first/journal.jsonl: "),
        "{}",
        limited.stderr
    );
    assert!(limited.stderr.contains("finished rows are kept: put it right and start it again"));
    assert!(!results(&place).is_empty());
    place.run(STUDY).succeeded();
    let whole = Place::new();
    whole.run(STUDY).succeeded();
    assert_eq!(results(&place), results(&whole));
}

#[test]
fn runs_are_listed() {
    let place = Place::new();
    assert_eq!(place.run("runs").succeeded().stdout, "no runs in runs\n");
    place.run(SHORT).succeeded();
    place.run(&SHORT.replace("first", "second")).succeeded();
    let text = place.read("runs/second/journal.jsonl");
    let kept: Vec<&str> = text.lines().take(3).collect();
    place.write("runs/second/journal.jsonl", kept.join("\n") + "\n");
    place.run(&SHORT.replace("first", "third")).succeeded();
    place.write("runs/third/journal.jsonl", "{}\n");
    let listed = place.run("runs").succeeded().stdout;
    let lines: Vec<Vec<&str>> = listed.lines().map(|it| it.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["run", "rows", "state", "started", "what"]);
    assert_eq!(lines[1][..3], ["first", "4/4", "finished"]);
    assert!(listed.contains("iit3, majority, hdc, n = 4"), "{listed}");
    assert_eq!(lines[2][..3], ["second", "2/4", "unfinished"]);
    assert_eq!(lines[3][..3], ["third", "-", "broken"]);
    assert!(listed.contains("runs/third/journal.jsonl, line 1: missing field"), "{listed}");
    let json = place.run("runs --format json").succeeded().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[1]["rows"], serde_json::json!([2, 4]));
    assert_eq!(json[0]["is_running"], false);
}
