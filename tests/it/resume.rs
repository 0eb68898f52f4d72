use std::fs;
use std::process::Child;
use std::thread;
use std::time::Duration;

use crate::program::{Finished, Place};

/// A study of a few seconds in a debug build.
const STUDY: &str = "--sizes 5,6 --seeds 42,123";

/// A study of a few milliseconds: 4 rows, 2 exact problems.
const SHORT: &str = "--topologies Ring,Line --sizes 4 --seeds 42,123";

fn n_rows(place: &Place, csv: &str) -> usize {
    let text = fs::read_to_string(place.path(csv)).unwrap_or_default();
    text.matches('\n').count().saturating_sub(1)
}

/// Waits until the CSV has so many rows, or the run ended.
fn wait_for_rows(place: &Place, csv: &str, wanted: usize, child: &mut Child) {
    while n_rows(place, csv) < wanted && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(2));
    }
}

#[cfg(unix)]
pub(crate) fn interrupt(child: &Child) {
    let pid = child.id().to_string();
    let killed =
        std::process::Command::new("sh").args(["-c", &format!("kill -INT {pid}")]).status();
    assert!(killed.unwrap().success());
}

#[test]
fn a_killed_run_goes_on_to_the_same_rows() {
    let place = Place::new();
    place.run(&format!("{STUDY} --out whole.csv --quiet")).succeeded();
    let whole = place.untimed("whole.csv");
    assert_eq!(whole.len(), 33);
    let mut n_killed = 0;
    for wanted in [0, 1, 7, 16, 17, 20, 31] {
        let csv = format!("killed-{wanted}.csv");
        let arguments = format!("{STUDY} --out {csv} --quiet");
        let mut child = place.command(&arguments).spawn().unwrap();
        wait_for_rows(&place, &csv, wanted, &mut child);
        child.kill().unwrap();
        let status = child.wait().unwrap();
        let n_found = n_rows(&place, &csv);
        n_killed += usize::from(status.code().is_none() && (1..32).contains(&n_found));
        let resumed = place.run(&format!("{arguments} --resume")).succeeded();
        assert_eq!(place.untimed(&csv), whole, "killed at {wanted} rows");
        assert!(resumed.stdout.contains("32 comparisons"));
    }
    assert!(n_killed > 0, "no run was killed between its first and its last row");
}

#[test]
fn a_run_cut_at_any_byte_of_its_last_row_is_finished() {
    let place = Place::new();
    place.run(&format!("{SHORT} --quiet")).succeeded();
    let (csv, journal) = (place.read("results.csv"), place.read("results.journal.jsonl"));
    let untimed = place.untimed("results.csv");
    let last = journal.trim_end().rfind('\n').unwrap() + 1;
    let lost: String = csv.split_inclusive('\n').take(4).collect();
    for len in (last..=journal.len()).step_by(7).chain([last + 1, journal.len() - 1, journal.len()])
    {
        place.write("results.journal.jsonl", &journal[..len]);
        place.write("results.csv", &lost);
        let resumed = place.run(&format!("{SHORT} --resume")).succeeded();
        assert_eq!(place.untimed("results.csv"), untimed, "cut at {len}");
        let torn = "results.journal.jsonl: the last line was cut short by a crash";
        assert_eq!(resumed.stderr.contains(torn), (last + 1..journal.len()).contains(&len));
    }
    // A CSV that was cut is written again, and nothing is computed.
    place.write("results.journal.jsonl", &journal);
    for len in [0, 1, 40, csv.find('\n').unwrap(), csv.find('\n').unwrap() + 1, csv.len() - 3] {
        place.write("results.csv", &csv[..len]);
        let resumed = place.run(&format!("{SHORT} --resume")).succeeded();
        assert!(resumed.stderr.contains("; 4 rows are done"), "{}", resumed.stderr);
        assert_eq!(place.read("results.csv"), csv, "cut at {len}");
    }
}

#[test]
fn a_journal_that_is_gone_or_shorter_than_the_csv_is_said() {
    let place = Place::new();
    place.run(&format!("{SHORT} --quiet")).succeeded();
    let journal = place.read("results.journal.jsonl");
    let kept: String = journal.split_inclusive('\n').take(3).collect();
    place.write("results.journal.jsonl", kept);
    let resume = format!("{SHORT} --resume");
    let message = "error: results.journal.jsonl: has 2 rows, but results.csv has more (line 4: ";
    check_refused(&place, &resume, message);
    fs::remove_file(place.path("results.journal.jsonl")).unwrap();
    check_refused(&place, &resume, "error: results.journal.jsonl: has 0 rows, but results.csv has");
    assert!(!place.path("results.journal.jsonl").exists());
    // The remedy that is named.
    place.write("results.journal.jsonl", journal);
    place.run(&resume).succeeded();
}

#[test]
fn two_studies_in_one_folder_keep_their_files() {
    let place = Place::new();
    place.run(SHORT).succeeded();
    let names =
        ["results.csv", "results.settings.json", "results.journal.jsonl", "results.summary.json"];
    let before = names.map(|it| place.read(it));
    place.run(&format!("{SHORT} --rule xor --out b.csv")).succeeded();
    assert_eq!(names.map(|it| place.read(it)), before);
    assert_eq!(place.json("b.summary.json")["csv"], "b.csv");
    // Any of its files is reason enough not to begin another study under the name.
    for name in names {
        let aside = format!("{name}.aside");
        for other in names.iter().filter(|it| **it != name) {
            fs::rename(place.path(other), place.path(&format!("{other}.aside"))).unwrap();
        }
        check_refused(&place, SHORT, &format!("error: {name}: exists: pass --resume"));
        for other in names.iter().filter(|it| **it != name) {
            fs::rename(place.path(&format!("{other}.aside")), place.path(other)).unwrap();
        }
        assert!(!place.path(&aside).exists());
    }
}

#[test]
fn a_finished_run_prints_its_summary_again() {
    let place = Place::new();
    let first = place.run(SHORT).succeeded();
    let csv = place.read("results.csv");
    fs::remove_file(place.path("results.summary.json")).unwrap();
    let again = place.run(&format!("{SHORT} --resume")).succeeded();
    assert_eq!(again.stdout, first.stdout);
    assert!(again.stderr.contains("; 4 rows are done"), "{}", again.stderr);
    assert_eq!(place.read("results.csv"), csv);
    assert!(place.path("results.summary.json").exists());
}

#[test]
fn resuming_nothing_is_starting() {
    let place = Place::new();
    place.run(&format!("{SHORT} --resume")).succeeded();
    assert_eq!(n_rows(&place, "results.csv"), 4);
}

/// The run must end with exit code 2 and this message, and leave the files as they are.
#[track_caller]
fn check_refused(place: &Place, arguments: &str, message: &str) {
    let content = |name: &String| fs::read(place.path(name)).unwrap();
    let before: Vec<_> = place.files().iter().map(content).collect();
    let refused = place.run(arguments);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains(message), "{}", refused.stderr);
    assert_eq!(refused.stdout, "");
    let after: Vec<_> = place.files().iter().map(content).collect();
    assert_eq!(before, after);
}

#[test]
fn an_output_that_exists_is_kept() {
    let place = Place::new();
    place.run(SHORT).succeeded();
    check_refused(&place, SHORT, "error: results.csv: exists: pass --resume");
    check_refused(
        &place,
        "--topologies Line,Ring --sizes 4,5 --seeds 42,123 --resume",
        "error: results.csv: belongs to another matrix (sizes: 4, not 4, 5)",
    );
    check_refused(
        &place,
        &format!("{SHORT} --estimator spectral --resume"),
        "belongs to another matrix (estimator: hdc, not spectral)",
    );
    place.write("foreign.csv", "a,b\n1,2\n");
    check_refused(
        &place,
        &format!("{SHORT} --out foreign.csv --resume"),
        "error: foreign.csv: is not a file of this program: expected the first line",
    );
    check_refused(&place, &format!("{SHORT} --out foreign.csv"), "foreign.csv: exists");
    let edited = place.read("results.csv").replacen("Ring,4,42,", "Ring,4,77,", 1);
    place.write("results.csv", edited);
    check_refused(&place, &format!("{SHORT} --resume"), "results.csv, line 2: \"Ring,4,77,");
}

#[test]
fn rows_edited_by_hand_are_noticed() {
    let place = Place::new();
    place.run(SHORT).succeeded();
    let resume = format!("{SHORT} --resume");
    let whole = place.read("results.csv");
    let lines: Vec<&str> = whole.lines().collect();
    for line in [lines[1], "Ring,4,123,half,0.0,0.5,,1", "", "Ring,4,123,0.5,0.0,0.5,,1"] {
        let mut edited = lines.clone();
        edited[2] = line;
        place.write("results.csv", edited.join("\n") + "\n");
        let message =
            format!("results.csv, line 3: {line:?}: expected {:?} as in the journal", lines[2]);
        check_refused(&place, &resume, &message);
    }
    place.write("results.csv", &whole);
    let journal = place.read("results.journal.jsonl");
    place.write("results.journal.jsonl", journal.replacen("\"phi\":0", "\"phi\":1", 1));
    check_refused(&place, &resume, "results.journal.jsonl, line 2: check \"");
}

#[test]
fn force_writes_an_output_anew() {
    let place = Place::new();
    place.run(SHORT).succeeded();
    let other = "--topologies Star --sizes 4 --seeds 42 --force";
    place.run(other).succeeded();
    assert_eq!(n_rows(&place, "results.csv"), 1);
    place.run("--topologies Star --sizes 4 --seeds 42 --resume").succeeded();
}

#[test]
fn a_summary_of_someone_else_is_kept() {
    let place = Place::new();
    place.write("results.summary.json", "{\"mine\": true}");
    check_refused(
        &place,
        SHORT,
        "error: results.summary.json: exists and was not written by this program",
    );
    assert_eq!(place.files(), ["results.summary.json"]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_keeps_its_rows_and_says_how_to_go_on() {
    let place = Place::new();
    // Dense of 9 takes many minutes: without the interruption the test would not end in time.
    let arguments = "--topologies Dense --sizes 4,9 --seeds 42,123";
    let mut child = place.command(arguments).spawn().unwrap();
    wait_for_rows(&place, "results.csv", 2, &mut child);
    interrupt(&child);
    let stopped = Finished::from(child.wait_with_output().unwrap());
    assert_eq!(stopped.code, Some(130), "{}", stopped.stderr);
    assert_eq!(stopped.stdout, "");
    let message = "error: interrupted: 2 of 4 rows are in results.csv; the same command with \
                   --resume goes on from there\n";
    assert!(stopped.stderr.ends_with(message), "{}", stopped.stderr);
    assert_eq!(n_rows(&place, "results.csv"), 2);
    assert!(!place.path("results.summary.json").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn two_runs_do_not_write_one_file() {
    let place = Place::new();
    let arguments = "--topologies Dense --sizes 4,9 --seeds 42";
    let mut child = place.command(arguments).spawn().unwrap();
    wait_for_rows(&place, "results.csv", 1, &mut child);
    for how in ["--resume", "--force"] {
        let second = place.run(&format!("{arguments} {how}"));
        assert_eq!(second.code, Some(2), "{}", second.stderr);
        assert!(second.stderr.contains("another run is writing it"), "{}", second.stderr);
    }
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(n_rows(&place, "results.csv"), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_and_loses_no_row() {
    let place = Place::new();
    // A limit on the size of files ends the run in the middle: one block is 512 bytes.
    let arguments = format!("{STUDY} --quiet");
    let limited = place.run_after("trap '' XFSZ; ulimit -f 3", &arguments);
    assert_eq!(limited.code, Some(2), "{}", limited.stderr);
    assert!(limited.stderr.contains("error: cannot write results."), "{}", limited.stderr);
    assert!(
        limited.stderr.contains(
            "finished rows are kept in results.csv: put it right and go on with --resume"
        ),
        "{}",
        limited.stderr
    );
    let kept = place.read("results.csv");
    assert!(kept.ends_with('\n') && n_rows(&place, "results.csv") > 0);
    place.run(&format!("{arguments} --resume")).succeeded();
    assert!(place.read("results.csv").starts_with(&kept));
    place.run(&format!("{arguments} --out whole.csv")).succeeded();
    assert_eq!(place.untimed("results.csv"), place.untimed("whole.csv"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_printed_is_in_the_file() {
    let place = Place::new();
    let unprinted = place.run_after("exec >/dev/full", SHORT);
    assert_eq!(unprinted.code, Some(2), "{}", unprinted.stderr);
    assert!(
        unprinted.stderr.contains("error: cannot write standard output: No space left on device"),
        "{}",
        unprinted.stderr
    );
    assert!(place.path("results.summary.json").exists());
    for arguments in ["--help", "--version", "cluster --help", "--list"] {
        let unprinted = place.run_after("exec >/dev/full", arguments);
        assert_eq!(unprinted.code, Some(2), "{arguments}: {}", unprinted.stderr);
        assert!(unprinted.stderr.contains("cannot write standard output"), "{}", unprinted.stderr);
    }
    // What is put together is there, and the reader of the document is told that it is not whole.
    place.run("cluster plan --run tasks --topologies Ring --sizes 4 --seeds 42").succeeded();
    place.run("cluster task tasks --round 1 --task 1").succeeded();
    for format in ["text", "json"] {
        let unprinted =
            place.run_after("exec >/dev/full", &format!("cluster gather tasks --format {format}"));
        assert_eq!(unprinted.code, Some(2), "{format}: {}", unprinted.stderr);
        assert!(place.path("runs/tasks/summary.json").exists());
    }
}
