use std::fs;

use serde_json::Value;

use crate::program::{Finished, Place};

const STUDY: &str = "--run first --topologies Star,Ring,Random --sizes 3,4,5 --seeds 42,123";

/// The events of a run, each with its time, which never goes back.
#[track_caller]
fn events(stdout: &str) -> Vec<Value> {
    let events: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect();
    let times: Vec<f64> = events.iter().map(|it| it["elapsed_ms"].as_f64().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    events
}

fn of<'a>(events: &'a [Value], name: &'a str) -> impl Iterator<Item = &'a Value> + Clone {
    events.iter().filter(move |it| it["event"] == name)
}

/// A row as the CSV has it.
fn csv_line(row: &Value) -> String {
    let text = |field: &str| match &row[field] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let fields = ["topology", "n", "seed", "phi_hdc", "phi_exact", "error", "relative_error"];
    let duration = row["duration_ms"].as_f64().unwrap();
    format!("{},{duration:.3}", fields.map(text).join(","))
}

#[test]
fn every_line_is_an_event_and_the_rows_are_those_of_the_csv() {
    let place = Place::new();
    let finished = place.run(&format!("{STUDY} --format json")).succeeded();
    let events = events(&finished.stdout);
    let names: Vec<&str> = events.iter().map(|it| it["event"].as_str().unwrap()).collect();
    let started = &events[0];
    assert_eq!((names[0], *names.last().unwrap()), ("started", "finished"));
    assert_eq!(started["schema"], "phi-validation/events");
    assert_eq!(started["version"], 1);
    assert_eq!(started["settings"]["sizes"], serde_json::json!([3, 4, 5]));
    assert_eq!((started["n_rows"].as_u64(), started["rows_done"].as_u64()), (Some(18), Some(0)));

    let rows: Vec<String> = of(&events, "row").map(csv_line).collect();
    let csv = place.read("runs/first/results.csv");
    assert_eq!(rows, csv.lines().skip(1).collect::<Vec<_>>());
    let n_problems = started["n_problems"].as_u64().unwrap() as usize;
    for name in ["problem", "solved", "checkpoint"] {
        assert_eq!(of(&events, name).count(), n_problems, "{name}");
    }
    // A checkpoint says what is on the disk, after the rows that it counts.
    let mut n_rows = 0;
    for event in &events {
        match event["event"].as_str().unwrap() {
            "row" => n_rows += 1,
            "checkpoint" => assert_eq!(event["rows_done"], n_rows),
            _ => {}
        }
    }
    let summary = of(&events, "summary").next().unwrap();
    assert_eq!(summary["summary"], place.json("runs/first/summary.json"));
    assert_eq!(events.last().unwrap()["output"], "runs/first");
    let last = of(&events, "checkpoint").last().unwrap();
    let r = summary["summary"]["overall"]["pearson"]["coefficient"]["value"].as_f64().unwrap();
    assert!((last["pearson"].as_f64().unwrap() - r).abs() < 1e-9);
    // Standard error is for people as ever.
    assert!(finished.stderr.ends_with("everything in runs/first\n"), "{}", finished.stderr);
    let quiet = place.run(&format!("{STUDY} --format json --quiet")).succeeded();
    assert_eq!(quiet.stderr, "");
}

#[test]
fn a_run_that_goes_on_tells_of_the_new_rows_only() {
    let place = Place::new();
    place.run(STUDY).succeeded();
    let journal = place.read("runs/first/journal.jsonl");
    let kept: Vec<&str> = journal.lines().take(6).collect();
    place.write("runs/first/journal.jsonl", kept.join("\n") + "\n{\"kind\"");
    std::fs::remove_file(place.path("runs/first/results.csv")).unwrap();
    let resumed = place.run(&format!("{STUDY} --format json")).succeeded();
    let events = events(&resumed.stdout);
    assert_eq!(events[0]["rows_done"], 5);
    assert!(events[0]["notes"][0].as_str().unwrap().contains("cut short by a crash"));
    let rows: Vec<String> = of(&events, "row").map(csv_line).collect();
    let csv = place.read("runs/first/results.csv");
    assert_eq!(rows, csv.lines().skip(6).collect::<Vec<_>>());
    // Nothing left to do: the end is told again.
    let again = place.run(&format!("{STUDY} --format json")).succeeded();
    let names: Vec<Value> = again
        .stdout
        .lines()
        .map(|it| serde_json::from_str::<Value>(it).unwrap()["event"].take())
        .collect();
    assert_eq!(names, ["started", "summary", "finished"]);
}

#[test]
fn files_without_a_folder_have_events_too() {
    let place = Place::new();
    let short = "--topologies Ring,Line --sizes 4 --seeds 42,123 --format json";
    let events = events(&place.run(short).succeeded().stdout);
    assert_eq!(events[0]["csv"], "results.csv");
    let rows: Vec<String> = of(&events, "row").map(csv_line).collect();
    assert_eq!(rows, place.read("results.csv").lines().skip(1).collect::<Vec<_>>());
}

#[test]
fn a_failure_is_an_event() {
    let place = Place::new();
    let refused = place.run("--sizes 1 --format json");
    assert_eq!(refused.code, Some(2));
    let events = events(&refused.stdout);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["event"], "stopped");
    assert_eq!(events[0]["exit_code"], 2);
    let message = events[0]["message"].as_str().unwrap();
    assert_eq!(refused.stderr, format!("error: {message}\n"));
}

#[cfg(unix)]
#[test]
fn an_interruption_is_an_event_and_problems_tell_how_far_they_are() {
    use std::io::{BufRead, BufReader};

    let place = Place::new();
    // Random of 9 takes a while: without the interruption the test would not end in time.
    let arguments =
        "--run first --topologies Random --sizes 4,10 --seeds 42 --format json --jobs 1";
    let mut child = place.command(arguments).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut stdout = String::new();
    let mut next = || {
        let line = lines.next()?.unwrap();
        stdout.push_str(&line);
        stdout.push('\n');
        Some(serde_json::from_str::<Value>(&line).unwrap())
    };
    let progress = loop {
        let event = next().expect("a problem that tells how far it is");
        if event["event"] == "progress" {
            break event;
        }
    };
    assert!(progress["total"].as_u64().unwrap() >= progress["done"].as_u64().unwrap());
    let pid = child.id().to_string();
    let sent = std::process::Command::new("sh").args(["-c", &format!("kill -INT {pid}")]).status();
    assert!(sent.unwrap().success());
    while next().is_some() {}
    let stopped = Finished::from(child.wait_with_output().unwrap());
    assert_eq!(stopped.code, Some(130));
    let events = events(&stdout);
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["exit_code"]), (&"stopped".into(), &130.into()));
    assert!(last["message"].as_str().unwrap().starts_with("interrupted: 1 of 2 rows are in"));
    assert_eq!(of(&events, "row").count(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_reader_that_goes_away_does_not_stop_the_run() {
    let place = Place::new();
    let script = format!("{STUDY} --format json --quiet | head -n 3 > head.txt");
    place.run_after("true", &script).succeeded();
    assert_eq!(place.read("head.txt").lines().count(), 3);
    assert_eq!(place.read("runs/first/results.csv").lines().count(), 19);
    // A full disk under the events is said at the end.
    let full = place.run_after(
        "exec >/dev/full",
        &format!("{} --format json", STUDY.replace("first", "second")),
    );
    assert_eq!(full.code, Some(2));
    assert!(full.stderr.contains("cannot write standard output: No space left"), "{}", full.stderr);
    assert_eq!(place.read("runs/second/results.csv").lines().count(), 19);
    assert!(fs::metadata(place.path("runs/second/report.html")).is_ok());
}
