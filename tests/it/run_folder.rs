use std::fs;
use std::thread;
use std::time::Duration;

use phi_validation::model::seeded::SeededStream;
use serde_json::Value;

use crate::program::{Finished, Place, how_many};

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

/// The journal's comparisons without what no two runs share: times, memory and counters, and so the
/// check.
fn results(place: &Place) -> Vec<Value> {
    let mut lines = journal(place);
    lines.retain(|line| line["kind"] == "comparison");
    for line in &mut lines {
        for field in ["duration_ms", "elapsed_ms", "cpu_ms", "peak_memory_bytes", "check"] {
            line[field].take();
        }
        line["exact"]["counters"].take();
        line["exact"]["range"]["duration_ms"].take();
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
    let features: &[&str] = if cfg!(feature = "pyphi") { &["pyphi"] } else { &[] };
    assert_eq!(provenance["features"], serde_json::json!(features));
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

/// 12 rows of 6 exact problems: few enough that statistics and report of a finished run take no
/// time.
const SMALL: &str = "--run first --topologies Star,Random --sizes 4,5 --seeds 42,123,456 --jobs 1";

/// A count of kills and their effects.
#[derive(Default)]
struct Kills {
    /// Kills that hit.
    killed: usize,
    /// Those that hit between the first and the last row.
    inside: usize,
    /// Starts that found a line cut short.
    torn: usize,
    /// Runs that were finished and compared.
    finished: usize,
}

/// Starts the small study again and again, kills it at random moments, lets it come to its end once
/// in a while, and compares what it has then with `expected`. Half of the moments are spread over
/// `span`, wherever that is on a busy machine; half come soon after a row, so that many are inside
/// the run on every machine.
fn kill(wanted: usize, seed: u64, span: Duration, expected: &Place) -> Kills {
    let n_rows = |place: &Place| {
        let journal = fs::read_to_string(place.path("runs/first/journal.jsonl"));
        journal.map_or(0, |it| it.matches("\"comparison\"").count())
    };
    let mut random = SeededStream::new("phi-validation kill test", &[seed]);
    let mut kills = Kills::default();
    let mut place = Place::new();
    let mut left = 6 + random.next_u64() % 10;
    while kills.killed < wanted || kills.finished == 0 {
        let mut child = place.command(SMALL).spawn().unwrap();
        let in_peace = left == 0 || kills.killed == wanted;
        if !in_peace {
            let share = (random.next_u64() % 1000) as f64 / 1000.0;
            if random.next_u64().is_multiple_of(2) {
                thread::sleep(span.mul_f64(share));
            } else {
                let wanted = n_rows(&place) + random.next_u64() as usize % 3;
                while n_rows(&place) < wanted && child.try_wait().unwrap().is_none() {
                    thread::sleep(Duration::from_millis(1));
                }
                thread::sleep(Duration::from_millis(4).mul_f64(share));
            }
            child.kill().unwrap();
        }
        let stopped = Finished::from(child.wait_with_output().unwrap());
        kills.torn += usize::from(stopped.stderr.contains("the last line was cut short"));
        match stopped.code {
            None => {
                kills.killed += 1;
                left = left.saturating_sub(1);
                kills.inside += usize::from((1..12).contains(&n_rows(&place)));
            }
            Some(0) => {
                assert_eq!(results(&place), results(expected), "after {} kills", kills.killed);
                let untimed = |place: &Place| place.untimed("runs/first/results.csv");
                assert_eq!(untimed(&place), untimed(expected));
                kills.finished += 1;
                place = Place::new();
                left = 6 + random.next_u64() % 10;
            }
            other => {
                panic!("exit code {other:?} after {} kills: {}", kills.killed, stopped.stderr)
            }
        }
    }
    kills
}

#[cfg(unix)]
#[test]
fn killed_many_times_the_results_are_the_same() {
    let undisturbed = Place::new();
    undisturbed.run(SMALL).succeeded();
    // From the start to a little after half of the rows, on this machine at this hour.
    let last = journal(&undisturbed).pop().unwrap();
    let rows = Duration::from_secs_f64(last["elapsed_ms"].as_f64().unwrap() / 1e3);
    let span = rows.mul_f64(0.6) + Duration::from_millis(15);
    let expected = &undisturbed;
    let n_kills = how_many(50, 200);
    let of_both = thread::scope(|scope| {
        let threads =
            [1, 2].map(|seed| scope.spawn(move || kill(n_kills / 2, seed, span, expected)));
        threads.map(|it| it.join().unwrap())
    });
    let sum = |what: fn(&Kills) -> usize| of_both.iter().map(what).sum::<usize>();
    assert!(sum(|it| it.killed) >= n_kills);
    let (inside, finished) = (sum(|it| it.inside), sum(|it| it.finished));
    assert!(
        inside > n_kills / 4,
        "{inside} of {n_kills} kills came between the first and the last row"
    );
    assert!(
        finished >= n_kills / 30,
        "{finished} runs were finished, {} torn lines",
        sum(|it| it.torn)
    );
}

#[test]
fn a_run_of_other_settings_is_refused() {
    let place = Place::new();
    place.run(SHORT).succeeded();
    let before = place.read("runs/first/journal.jsonl");
    let refused = place.run(&format!("{SHORT} --rule xor"));
    assert_eq!(refused.code, Some(2));
    let message = "error: runs/first: holds a run of other settings (rule: majority, not xor): \
                   pass \
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
    let limited = place.run_after("trap '' XFSZ; ulimit -f 16", STUDY);
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

/// The run must end with exit code 2 and a message that starts so, and change no file of the
/// folder.
#[track_caller]
fn check_refused(place: &Place, arguments: &str, message: &str) {
    let names = ["settings.json", "journal.jsonl", "results.csv", "summary.json", "report.html"];
    let content =
        || names.map(|name| fs::read(place.path("runs/first").join(name)).unwrap_or_default());
    let before = content();
    let refused = place.run(arguments);
    assert_eq!(refused.code, Some(2), "{arguments}: {}", refused.stderr);
    let expected = format!("error: {message}");
    assert!(refused.stderr.starts_with(&expected), "{}\nexpected {expected}", refused.stderr);
    assert_eq!(refused.stdout, "");
    assert!(content() == before, "{arguments} changed files");
}

#[test]
fn damaged_folders_are_refused_with_file_and_line_by_run_and_report() {
    let place = Place::new();
    place.run(SHORT).succeeded();
    let files = ["settings.json", "journal.jsonl", "results.csv"];
    let whole = files.map(|it| place.read(&format!("runs/first/{it}")));
    let check = |file: &str, content: &[u8], message: &str| {
        place.write(&format!("runs/first/{file}"), content);
        for arguments in [SHORT, "report first"] {
            check_refused(&place, arguments, &format!("runs/first/{file}{message}"));
        }
        for (name, content) in files.iter().zip(&whole) {
            place.write(&format!("runs/first/{name}"), content);
        }
    };
    let [settings, journal, csv] = &whole;
    check("settings.json", b"", ": no check at its end");
    check("settings.json", &settings.as_bytes()[..30], ": no check at its end");
    let old = settings.replacen("\"version\": 1", "\"version\": 0", 1);
    check("settings.json", old.as_bytes(), ": check \"");
    check("journal.jsonl", b"\xff\xfe\n", ", line 1: ");
    check("journal.jsonl", b"topology,n,seed\nRing,4,42\n", ", line 1: no check at its end");
    let edited = journal.replacen("\"ties\":", "\"ties\":-", 1);
    check("journal.jsonl", edited.as_bytes(), ", line 2: check \"");
    let without: String = journal.split_inclusive('\n').take(4).collect();
    let message = ": has 3 rows, but runs/first/results.csv has more (line 5: ";
    check("journal.jsonl", without.as_bytes(), message);
    // Even if no CSV contradicts it.
    let edited = journal.replacen("\"hdc\":0.", "\"hdc\":1.", 1);
    fs::remove_file(place.path("runs/first/results.csv")).unwrap();
    check("journal.jsonl", edited.as_bytes(), ", line 2: check \"");
    // What one session wrote twice is the same row.
    let twice = format!("{journal}{}\n", journal.lines().nth(1).unwrap());
    place.write("runs/first/journal.jsonl", twice);
    let again = place.run(SHORT).succeeded();
    assert!(again.stderr.contains("journal.jsonl: 1 lines say again"), "{}", again.stderr);
    place.write("runs/first/journal.jsonl", journal);
    check("results.csv", b"\xff\xfe\n", ", line 1: ");
    check("results.csv", csv.replacen("Line,4,42", "Line,4,43", 1).as_bytes(), ", line 4: ");
    check("results.csv", csv.replacen(',', ";", 1).as_bytes(), ", line 1: ");
    // And whole again it is a finished run.
    place.run(SHORT).succeeded();
}

#[test]
fn a_folder_that_cannot_hold_a_run_is_refused() {
    let place = Place::new();
    fs::create_dir(place.path("runs")).unwrap();
    place.write("runs/first", "a file");
    let refused = place.run(SHORT);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.starts_with("error: cannot read runs/first: "), "{}", refused.stderr);
    assert_eq!(place.read("runs/first"), "a file");
    fs::remove_file(place.path("runs/first")).unwrap();
    place.run(SHORT).succeeded();
    let journal = place.read("runs/first/journal.jsonl");
    for name in ["figures", "report.html"] {
        let path = place.path("runs/first").join(name);
        let aside = place.path("aside");
        fs::rename(&path, &aside).unwrap();
        // A folder where a file must be, and the other way round.
        if name == "figures" {
            fs::write(&path, "").unwrap()
        } else {
            fs::create_dir(&path).unwrap()
        }
        let refused = place.run("report first");
        assert_eq!(refused.code, Some(2), "{name}");
        let message = format!("error: runs/first/{name}: is a f");
        assert!(refused.stderr.starts_with(&message), "{}", refused.stderr);
        if name == "figures" {
            fs::remove_file(&path).unwrap()
        } else {
            fs::remove_dir(&path).unwrap()
        }
        fs::rename(&aside, &path).unwrap();
    }
    assert_eq!(place.read("runs/first/journal.jsonl"), journal);
}

#[cfg(unix)]
#[test]
fn a_folder_takes_one_session_at_a_time_and_reports_while_it_runs() {
    let place = Place::new();
    // Dense of 9 takes many seconds: the test ends it.
    let arguments = "--run first --topologies Dense --sizes 4,9 --seeds 42";
    let mut child = place.command(arguments).spawn().unwrap();
    let n_rows = || {
        let csv = fs::read_to_string(place.path("runs/first/results.csv")).unwrap_or_default();
        csv.lines().count().saturating_sub(1)
    };
    while n_rows() < 1 && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(5));
    }
    check_refused(
        &place,
        arguments,
        "runs/first: another process is running it: wait for it to end, or choose another name",
    );
    let listed = place.run("runs").succeeded().stdout;
    assert!(listed.contains("1/2") && listed.contains("running"), "{listed}");
    place.run("report first").succeeded();
    let page = place.read("runs/first/report.html");
    assert!(page.contains("This run is not finished: 1 of 2 comparisons are done"));
    child.kill().unwrap();
    child.wait().unwrap();
    // What a killed session leaves is no lock.
    place.run("report first").succeeded();
    assert!(place.run("runs").succeeded().stdout.contains("unfinished"));
}

/// Runs a script in which `$P` is the program, as the superuser in mounts of its own; `None` where
/// that cannot be.
#[cfg(target_os = "linux")]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn with_mounts(place: &Place, script: &str) -> Option<Finished> {
    let mut probe = std::process::Command::new("unshare");
    probe.args(["--mount", "sh", "-c", "mkdir -p m && mount -t tmpfs none m"]);
    probe.current_dir(place.path("."));
    if !probe.output().is_ok_and(|it| it.status.success()) {
        eprintln!("skipped: file systems can be mounted by the superuser only");
        return None;
    }
    let mut command = std::process::Command::new("unshare");
    command.args(["--mount", "sh", "-c", script]).current_dir(place.path("."));
    command.env("P", place.command("").get_program()).env_remove("CI");
    Some(command.output().unwrap().into())
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_loses_no_row() {
    let whole = Place::new();
    whole.run(STUDY).succeeded();
    let place = Place::new();
    // A disk of 5 pages: it is full after some rows. What is on it is copied away before it goes.
    let script = format!(
        "mkdir -p runs kept; mount -t tmpfs -o size=20k none runs || exit 99
         $P {STUDY}; code=$?; cp -r runs/. kept/; exit $code"
    );
    let Some(full) = with_mounts(&place, &script) else { return };
    assert_eq!(full.code, Some(2), "{}", full.stderr);
    assert!(full.stderr.contains("error: cannot write runs/first/"), "{}", full.stderr);
    assert!(full.stderr.contains("No space left on device"), "{}", full.stderr);
    fs::remove_dir(place.path("runs")).unwrap();
    fs::rename(place.path("kept"), place.path("runs")).unwrap();
    let kept = results(&place);
    assert!(!kept.is_empty() && kept.len() < 36, "{} rows", kept.len());
    assert_eq!(kept, results(&whole)[..kept.len()]);
    place.run(STUDY).succeeded();
    assert_eq!(results(&place), results(&whole));
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_read_only_is_said_and_can_be_read() {
    let place = Place::new();
    let script = format!(
        "mkdir -p runs; mount -t tmpfs none runs || exit 99
         $P {SHORT} > whole.txt 2> /dev/null || exit 98
         mount -o remount,ro runs || exit 97
         $P {SHORT} 2> run.txt; echo $? >> run.txt
         $P {} 2> new.txt; echo $? >> new.txt
         $P report first 2> report.txt; echo $? >> report.txt
         $P runs > listed.txt",
        SHORT.replace("first", "second")
    );
    let Some(done) = with_mounts(&place, &script) else { return };
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let refused = |file: &str, path: &str| {
        let text = place.read(file);
        let message = format!("error: cannot write runs/{path}: Read-only file system");
        assert!(text.starts_with(&message) && text.ends_with("\n2\n"), "{text}");
    };
    refused("run.txt", "first/lock");
    refused("new.txt", "second");
    refused("report.txt", "first/figures/scatter.svg");
    assert!(place.read("listed.txt").contains("finished"));
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
    let csv = place.read("runs/second/results.csv");
    place.write("runs/second/results.csv", csv.split_inclusive('\n').take(3).collect::<String>());
    let listed = place.run("runs").succeeded().stdout;
    let lines: Vec<Vec<&str>> = listed.lines().map(|it| it.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["run", "rows", "state", "started", "what"]);
    assert_eq!(lines[1][..3], ["first", "4/4", "finished"]);
    assert!(listed.contains("iit3, majority, hdc, n = 4"), "{listed}");
    assert_eq!(lines[2][..3], ["second", "2/4", "unfinished"]);
    assert_eq!(lines[3][..3], ["third", "-", "broken"]);
    assert!(listed.contains("runs/third/journal.jsonl, line 1: no check"), "{listed}");
    let json = place.run("runs --format json").succeeded().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[1]["rows"], serde_json::json!([2, 4]));
    assert_eq!(json[0]["is_running"], false);
    // Its settings cannot be looked at, which does not mean that it has none.
    #[cfg(unix)]
    {
        fs::create_dir(place.path("runs/fourth")).unwrap();
        let settings = place.path("runs/fourth/settings.json");
        std::os::unix::fs::symlink("settings.json", settings).unwrap();
        let listed = place.run("runs").succeeded().stdout;
        assert!(listed.contains("cannot read runs/fourth/settings.json: "), "{listed}");
    }
}

#[test]
fn a_run_is_set_aside_only_if_everything_that_is_asked_for_is_right() {
    let place = Place::new();
    place.run(SHORT).succeeded();
    let csv = place.read("runs/first/results.csv");
    let refused = |arguments: &str, message: &str| {
        let finished = place.run(arguments);
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(finished.stderr.contains(message), "{}\nexpected {message}", finished.stderr);
        assert_eq!(place.read("runs/first/results.csv"), csv);
    };
    refused("launch --set-aside -- --run first --sizes 1", "size 1");
    refused("launch --set-aside -- --run first --szies 5", "unexpected argument");
    refused("launch --set-aside -- --out rows.csv", "rows.csv is no run in a folder");
    refused("launch --set-aside -- runs", "no run in a folder");
    refused("launch --set-aside -- cluster plan --run first --sizes 1", "size 1");
    for (folder, file) in [("adir", "photo"), (".git", "HEAD")] {
        fs::create_dir(place.path(folder)).unwrap();
        place.write(&format!("{folder}/{file}"), "mine");
    }
    let absolute = place.path("adir").display().to_string();
    for name in ["../adir", "..", ".", "", &absolute] {
        let finished =
            place.command("launch --set-aside --").args(["--run", name]).output().unwrap();
        assert_eq!(finished.status.code(), Some(2), "{name:?} {finished:?}");
    }
    let not_a_run = "is not the folder of a run, so it is not moved";
    refused("launch --set-aside -- --runs . --run adir", not_a_run);
    refused("launch --set-aside -- --runs . --run .git", "is hidden, so it is not moved");
    assert_eq!(place.files(), [".git", "adir", "runs"]);

    // Other settings are what a fresh start is for; nothing is computed yet.
    let moved = place.run("launch --run first --set-aside -- --sizes 5").succeeded();
    assert_eq!(
        (moved.stdout.as_str(), moved.stderr.as_str()),
        ("", "the old results are in runs/first.1\n")
    );
    assert_eq!(place.read("runs/first.1/results.csv"), csv);
    assert!(!place.path("runs/first").exists());
    let nothing = place.run("launch --run first --set-aside").succeeded();
    assert_eq!(nothing.stderr, "");
    // The job of one Φ, and of a study, in tasks.
    place.run("cluster plan --run first --topologies Ring --sizes 4 --seeds 42").succeeded();
    let moved =
        place.run("launch --set-aside --run first -- cluster plan --topologies Ring").succeeded();
    assert_eq!(moved.stderr, "the old results are in runs/first.2\n");
}
