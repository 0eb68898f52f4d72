//! The output for a program that launches this one. The documents in `phi-protocol/golden` are also
//! compared with xtask's side (in its `run.rs` and `slurm/program.rs`).

use std::fs;
use std::path::Path;

use phi_protocol::{BuildRecord, Event, EventLine, Exit, JobStatus, Listed, Task, TaskDone};
use serde_json::Value;

use crate::program::Place;

const SMALL: &str = "--topologies Ring --sizes 3 --seeds 42 --tie-orders 0";

fn golden(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("phi-protocol/golden").join(name);
    fs::read_to_string(path).unwrap()
}

/// Without what differs from day to day, and without digits of times.
fn steady(place: &Place, text: &str) -> Value {
    let here = place.path("").canonicalize().unwrap();
    let mut document: Value =
        serde_json::from_str(&text.replace(here.to_str().unwrap().trim_end_matches('/'), "/here"))
            .unwrap();
    for field in [
        "elapsed_ms",
        "program",
        "cpu_features",
        "memory_bytes",
        "task_seconds",
        "cpu_seconds",
        "efficiency",
    ] {
        if !document[field].is_null() {
            document[field] = "differs".into();
        }
    }
    document
}

#[track_caller]
fn answered(place: &Place, command: &str) -> Value {
    let finished = place.run(command).succeeded();
    assert_eq!(finished.stderr, "", "{finished:?}");
    steady(place, &finished.stdout)
}

#[test]
fn a_launcher_is_told_what_the_arguments_ask_for() {
    let place = Place::new();
    place
        .run(&format!("{SMALL} --seeds 1,2,3,4 --run first").replace("--seeds 42 ", ""))
        .succeeded();
    place.run(&format!("cluster plan --run tasks {SMALL}")).succeeded();
    let commands = [
        "launch --prepare --run first --runs runs -- --sizes 3",
        "launch --prepare --run first --workers 2 -- --out rows.csv --jobs 3",
        "launch --prepare --run first -- cluster plan --format json --sizes 3",
        "launch --prepare -- cluster gather runs/tasks/cluster",
        "launch --prepare --run first -- --list --sizes 3",
    ];
    let golden = golden("prepared.jsonl");
    for (command, line) in commands.iter().zip(golden.lines()) {
        let expected = steady(&place, line);
        assert_eq!(answered(&place, command), expected, "{command}");
    }
    let other = steady(&place, golden.lines().last().unwrap());
    for command in
        ["--help", "--version", "runs", "phi --help", "phi --network no.json", "report x"]
    {
        let asked = answered(&place, &format!("launch --prepare --run first -- {command}"));
        assert_eq!(asked, other, "{command}");
    }
    // Nothing was done, and nothing is answered where something is wrong.
    assert_eq!(place.files(), ["runs"]);
    for (command, why) in [
        ("--sizes 1", "size 1"),
        ("--szies 3", "unexpected argument"),
        ("--force", "--force is for files named with --out"),
        ("cluster plan --out rows.csv", "cluster plan with --out"),
        ("cluster plan --list", "cluster plan with --list"),
        ("launch -- runs", "no run in a folder"),
    ] {
        let question = if command.starts_with("launch") { "--set-aside" } else { "--prepare" };
        let refused = place.run(&format!("launch {question} --run first -- {command}"));
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{command}");
        assert!(refused.stderr.contains(why), "{command}: {}", refused.stderr);
    }
}

#[test]
fn every_document_is_one_of_the_types() {
    let place = Place::new();
    let run = place.run(&format!("launch --run first -- {SMALL} --format json")).succeeded();
    let lines: Vec<EventLine> =
        run.stdout.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert!(matches!(lines[0].event, Event::Started { n_rows: 1, .. }), "{:?}", lines[0]);
    assert!(matches!(lines.last().unwrap().event, Event::Finished { .. }), "{lines:?}");
    let stopped = place
        .run(&format!("--run first {SMALL} --sizes 4 --format json").replace("--sizes 3 ", ""));
    let line: EventLine = serde_json::from_str(&stopped.stdout).unwrap();
    let Event::Stopped { exit_code, .. } = line.event else { panic!("{line:?}") };
    assert_eq!(Exit::of_code(exit_code.into()), Some(Exit::BadInput));
    assert_eq!(stopped.code, Some(2));

    let listed = place.run("runs --format json").succeeded().stdout;
    let listed: Vec<Listed> = serde_json::from_str(&listed).unwrap();
    assert_eq!((listed[0].name.as_str(), listed[0].rows), ("first", Some((1, 1))));

    let plan = "cluster plan --format json --task-seconds 0.000001 --run tasks --topologies \
                Ring,Line --sizes 3 --seeds 42 --tie-orders 0";
    let planned = place.run(plan).succeeded().stdout;
    let expected = steady(&place, &golden("job-status.json"));
    assert_eq!(steady(&place, &planned), expected);
    let status: JobStatus = serde_json::from_str(&planned).unwrap();
    let task = "cluster task runs/tasks/cluster --round 1 --task 1 --format json";
    let done: TaskDone = serde_json::from_str(&place.run(task).succeeded().stdout).unwrap();
    assert_eq!((done.task, done.n_items, done.journal.is_some()), (1, 1, true));
    assert_eq!(status.n_tasks, 2);
    // Unknown fields are those that only people read.
    let build: BuildRecord = serde_json::from_str(&golden("build.json")).unwrap();
    assert_eq!(build.attempts[0].details[0].timeline.len(), 2);
}

#[test]
fn a_launch_that_says_nothing_changes_nothing() {
    let place = Place::new();
    place.run(&format!("launch -- {SMALL} --out a.csv")).succeeded();
    place.run(&format!("{SMALL} --out b.csv")).succeeded();
    assert_eq!(place.untimed("a.csv"), place.untimed("b.csv"));
    // The user's word counts more than the launcher's.
    place.run(&format!("launch --run no --runs no -- {SMALL} --run yes --runs here")).succeeded();
    assert!(place.path("here/yes/results.csv").exists() && !place.path("no").exists());
}

#[cfg(unix)]
#[test]
fn names_that_are_no_unicode_are_passed_on() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let name = OsStr::from_bytes(b"caf\xe9");
    let asked =
        place.command("launch --prepare --run first --runs").arg(name).arg("--").output().unwrap();
    let line: EventLine = serde_json::from_slice(&asked.stdout).unwrap();
    let Event::Prepared { task: Task::Study { results, .. }, .. } = line.event else {
        panic!("{line:?}");
    };
    assert_eq!(results.csv, Path::new("caf\u{fffd}/first/results.csv"));
    let run =
        place.command(&format!("{SMALL} --format json --run first --runs")).arg(name).output();
    assert!(run.unwrap().status.success());
    assert!(place.path("").join(name).join("first/results.csv").exists());
}
