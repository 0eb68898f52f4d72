//! Every file that the program writes, with a fault at every call: writing, flushing, renaming and
//! the like fail, or the process or the machine dies there. And processes that are killed at random
//! moments.

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use phi_validation::model::seeded::SeededStream;
use serde_json::Value;

use self::harness::{Ended, Files, Finished, KILLS, Scenario, files, run, write};
use crate::grains::{SEARCHES, place_of_searches};
use crate::own_network::or_and_xor;
use crate::program::{program, sealed, unsealed};

#[path = "../crash/harness.rs"]
mod harness;

/// A study of 4 rows and 2 exact problems, in the same order every time.
const STUDY: &str = "--topologies Ring,Line --sizes 4 --seeds 42,123 --jobs 1 --quiet";

fn command(arguments: &str) -> Command {
    let mut command = Command::new(program());
    command.args(arguments.split_whitespace());
    command.env_remove("CI").env_remove("RUST_BACKTRACE");
    command
}

/// Runs the program in a folder; it must end well.
#[track_caller]
fn succeed(folder: &Path, arguments: &str) -> Ended {
    let ended = run(command(arguments).current_dir(folder));
    assert_eq!(ended.code, Some(0), "{arguments}: {}", ended.stderr);
    ended
}

/// Returns the files that runs of these arguments leave beside the files of others.
fn left_by(before: &Files, arguments: &[&str]) -> Files {
    let place = tempfile::tempdir().unwrap();
    write(place.path(), before);
    arguments.iter().for_each(|it| drop(succeed(place.path(), it)));
    files(place.path())
}

/// Files of other people, with names that a careless program could take for its own.
fn of_others() -> Files {
    let mut files = Files::new();
    for name in ["thesis.tex", "results.csv.tmp", "results.csv.4711.tmp", "runs/notes.txt"] {
        files.insert(name.into(), Some(format!("{name} of someone else\n").into_bytes()));
    }
    for name in ["runs", "runs/lifeguard-2024", "runs/lifeguard-2024/figures"] {
        files.insert(name.into(), None);
    }
    files
}

/// JSON without what no two runs share.
fn timeless(value: &mut Value) {
    const TIMES: [&str; 11] = [
        "duration_ms",
        "elapsed_ms",
        "cpu_ms",
        "peak_memory_bytes",
        "session",
        "counters",
        "started_unix_ms",
        "provenance",
        "check",
        "seconds",
        "work",
    ];
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !TIMES.contains(&name.as_str()));
            fields.values_mut().for_each(timeless);
        }
        Value::Array(items) => items.iter_mut().for_each(timeless),
        _ => {}
    }
}

fn timeless_text(text: &str) -> String {
    let mut value: Value = serde_json::from_str(text).unwrap_or_else(|it| panic!("{it}: {text}"));
    timeless(&mut value);
    value.to_string()
}

/// The whole lines of a file, which may be missing.
fn lines(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let whole = text.rfind('\n').map_or(0, |it| it + 1);
    text[..whole].lines().map(str::to_owned).collect()
}

/// The rows in the journal of a run.
fn rows_of_run(folder: &Path) -> Finished {
    let rows = lines(&folder.join("journal.jsonl")).into_iter().filter_map(|line| {
        let row: Value = serde_json::from_str(&line).unwrap_or_else(|it| panic!("{it}: {line}"));
        (row["kind"] == "comparison").then(|| {
            let place = format!("{} {} {}", row["topology"], row["n"], row["seed"]);
            (place, timeless_text(&line))
        })
    });
    rows.collect()
}

/// The rows of a CSV without their times.
fn rows_of_csv(file: &Path) -> Finished {
    let rows = lines(file).into_iter().skip(1).map(|line| {
        let (row, _) = line.rsplit_once(',').unwrap();
        (row.splitn(4, ',').take(3).collect::<Vec<_>>().join(" "), row.to_owned())
    });
    rows.collect()
}

/// The file as it must be after every course of events.
fn normal(name: &Path, content: &[u8]) -> Vec<u8> {
    let text = || String::from_utf8(content.to_vec()).unwrap();
    let ends_with = |end: &str| assert!(text().trim_end().ends_with(end), "{}", name.display());
    let file = name.file_name().unwrap().to_string_lossy();
    let is_whole = match name.extension().and_then(|it| it.to_str()) {
        Some("html") => {
            ends_with("</html>");
            true
        }
        Some("svg") => {
            ends_with("</svg>");
            true
        }
        Some("png") => {
            assert!(content.ends_with(b"IEND\xaeB`\x82"), "{}", name.display());
            true
        }
        Some("md") => true,
        _ => false,
    };
    if is_whole {
        return Vec::new();
    }
    let jsonl = || {
        let lines = text().lines().map(timeless_text).collect::<Vec<_>>();
        lines.into_iter().filter(|it| !it.contains("\"kind\":\"session\"")).collect::<Vec<_>>()
    };
    match &*file {
        "journal.jsonl" | "results.journal.jsonl" => jsonl().join("\n").into_bytes(),
        _ if file.ends_with(".journal.jsonl") => steps_of_search(content).join("\n").into_bytes(),
        // It is for looking at; its lines are read one by one, and what cannot be read is passed
        // over.
        "timeline.jsonl" => Vec::new(),
        "summary.json" | "results.summary.json" => timeless_text(&text()).into_bytes(),
        "results.csv" => {
            let row = |line: &str| line.rsplit_once(',').unwrap().0.to_owned();
            text().lines().map(row).collect::<Vec<_>>().join("\n").into_bytes()
        }
        _ => content.to_vec(),
    }
}

/// All files as they must be after every course of events, those of others included. Journals of
/// tasks are compared by what they have together.
fn normal_files(folder: &Path) -> Files {
    let of_tasks = |name: &Path| name.components().any(|it| it.as_os_str() == "cluster");
    let files = files(folder).into_iter().filter(|(name, _)| !of_tasks(name));
    files
        .map(|(name, content)| {
            let content = content.map(|it| normal(&name, &it));
            (name, content)
        })
        .collect()
}

/// A run that was stopped after 2 rows, in the middle of the next.
fn stopped_run(before: &Files) -> Files {
    let mut files = left_by(before, &[&format!("{STUDY} --run a")]);
    let mut cut = |name: &str, n_lines: usize, n_more: usize| {
        let content = files.get_mut(Path::new(name)).unwrap().as_mut().unwrap();
        let mut ends = content.iter().enumerate().filter(|(_, it)| **it == b'\n').map(|(at, _)| at);
        let end = ends.nth(n_lines - 1).unwrap() + 1;
        content.truncate(end + n_more);
    };
    cut("runs/a/journal.jsonl", 3, 40);
    cut("runs/a/results.csv", 3, 7);
    files.retain(|name, _| {
        let text = name.to_string_lossy();
        !text.starts_with("runs/a/report") && !text.starts_with("runs/a/figures")
    });
    files.remove(Path::new("runs/a/summary.json"));
    files.insert("runs/a/my notes.txt".into(), Some(b"of someone else\n".to_vec()));
    files
}

#[test]
fn a_run_in_a_folder() {
    let mut before = of_others();
    before.insert(
        "build.json".into(),
        Some(b"{\"version\":1,\"reason\":\"\",\"attempts\":[]}\n".to_vec()),
    );
    let start = format!("launch --build-record build.json -- {STUDY} --run a");
    Scenario {
        name: "run",
        sample: 7,
        before,
        program: program(),
        command: &|_| command(&start),
        codes: &[2],
        optional: &["timeline.jsonl", "a/build.json"],
        go_on: &|folder| drop(succeed(folder, &start)),
        finished: &|folder| rows_of_run(&folder.join("runs/a")),
        normal: &normal_files,
    }
    .check();
}

#[test]
fn a_run_that_goes_on() {
    let start = format!("{STUDY} --run a");
    Scenario {
        name: "run that goes on",
        sample: 7,
        before: stopped_run(&of_others()),
        program: program(),
        command: &|_| command(&start),
        codes: &[2],
        optional: &["timeline.jsonl"],
        go_on: &|folder| drop(succeed(folder, &start)),
        finished: &|folder| rows_of_run(&folder.join("runs/a")),
        normal: &normal_files,
    }
    .check();
}

#[test]
fn a_study_beside_others() {
    let start = format!("{STUDY} --out results.csv");
    let resume = format!("{start} --resume");
    let before = of_others();
    let whole = left_by(&before, &[&start]);
    let mut stopped = whole.clone();
    // The last row is cut in the journal, and not yet in the CSV.
    let mut cut = |name: &str, n_more: usize| {
        let content = stopped.get_mut(Path::new(name)).unwrap().as_mut().unwrap();
        let last = content[..content.len() - 1].iter().rposition(|it| *it == b'\n').unwrap() + 1;
        content.truncate(last + n_more);
    };
    cut("results.journal.jsonl", 40);
    cut("results.csv", 0);
    stopped.remove(Path::new("results.summary.json"));
    let scenario = |name, before, start: &str, sample| {
        Scenario {
            name,
            sample,
            before,
            program: program(),
            command: &|_| command(start),
            codes: &[2],
            optional: &[],
            go_on: &|folder| drop(succeed(folder, &resume)),
            finished: &|folder| rows_of_csv(&folder.join("results.csv")),
            normal: &normal_files,
        }
        .check();
    };
    scenario("--out", before, &start, 7);
    scenario("--out --resume", stopped, &resume, 7);
}

#[test]
fn a_report() {
    let before = left_by(&of_others(), &[&format!("{STUDY} --run a")]);
    Scenario {
        name: "report",
        sample: 7,
        before,
        program: program(),
        command: &|_| command("report a"),
        codes: &[2],
        optional: &[],
        go_on: &|folder| drop(succeed(folder, "report a")),
        finished: &|folder| rows_of_run(&folder.join("runs/a")),
        // Of the same journal it is the same to the byte.
        normal: &files,
    }
    .check();
}

#[test]
fn drawings() {
    let mut before = of_others();
    before.insert("net.json".into(), Some(or_and_xor().to_string().into_bytes()));
    for (name, draw, sample) in [
        ("draw", "draw --network net.json --out figures", 7),
        ("draw --out FILE", "draw --network net.json --out both.png", 5),
    ] {
        Scenario {
            name,
            sample,
            before: before.clone(),
            program: program(),
            command: &|_| command(draw),
            codes: &[2],
            optional: &[],
            go_on: &|folder| drop(succeed(folder, &format!("{draw} --force"))),
            finished: &|_| Finished::new(),
            normal: &files,
        }
        .check();
    }
}

/// Returns the steps of a search, one by one: how many stand in a line depends on their time.
fn steps_of_search(content: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(content);
    let whole = &text[..text.rfind('\n').map_or(0, |it| it + 1)];
    let lines = whole.lines().map(|it| serde_json::from_str::<Value>(it).unwrap());
    let steps = |line: Value| line["steps"].as_array().cloned().unwrap_or_default();
    lines.flat_map(steps).map(|it| it.to_string()).collect()
}

/// The same journal in about eight lines. A short search hands all of its steps over at once.
fn in_eight_lines(content: &[u8]) -> Vec<u8> {
    let steps = steps_of_search(content);
    let some = steps.chunks(steps.len().div_ceil(8));
    let some = some.map(|it| format!("{{\"kind\":\"steps\",\"steps\":[{}]", it.join(",")));
    let first = str::from_utf8(content).unwrap().lines().next().unwrap();
    let bodies = std::iter::once(unsealed(first).to_owned()).chain(some);
    let mut after = [0; 8];
    bodies.map(|it| sealed("search", &it, &mut after)).collect::<String>().into_bytes()
}

#[test]
fn a_search_over_grains() {
    let mut before = of_others();
    before.extend(files(&place_of_searches().path("")));
    for (search, out) in SEARCHES.iter().zip(["units.json", "grain.txt"]) {
        let start = format!("{search} --jobs 1 --out {out}");
        let resume = format!("{start} --resume");
        let journal = format!("{out}.journal.jsonl");
        let mut stopped = left_by(&before, &[&start]);
        stopped.remove(Path::new(out));
        // The second half of the lines is missing, and the one before it is torn.
        let content = stopped.get_mut(Path::new(&journal)).unwrap().as_mut().unwrap();
        *content = in_eight_lines(content);
        let ends = content.iter().enumerate().filter(|(_, it)| **it == b'\n');
        let ends: Vec<usize> = ends.map(|it| it.0 + 1).collect();
        content.truncate(ends[ends.len() / 2 - 1] + 30);
        assert!(!steps_of_search(content).is_empty(), "no step is known");
        let scenario = |name: &str, before: &Files, arguments: &str, n_kills: usize| {
            let name = format!("{name}, {out}");
            let scenario = Scenario {
                name: &name,
                sample: 7,
                before: before.clone(),
                program: program(),
                command: &|_| command(arguments),
                codes: &[2],
                optional: &[],
                go_on: &|folder| drop(succeed(folder, &resume)),
                finished: &|folder| {
                    let content = fs::read(folder.join(&journal)).unwrap_or_default();
                    let steps = steps_of_search(&content).into_iter().enumerate();
                    steps.map(|(number, step)| (format!("{number:06}"), step)).collect()
                },
                normal: &normal_files,
            };
            match n_kills {
                0 => drop(scenario.check()),
                n => scenario.kill_at_random(n),
            }
        };
        scenario("grains", &before, &start, 0);
        scenario("grains --resume", &stopped, &resume, 0);
        scenario("grains --resume", &before, &resume, 8);
    }
}

/// The rows of a data set, by their lines.
fn rows_of_dataset(file: &Path) -> Finished {
    let rows = lines(file).into_iter().enumerate();
    rows.map(|(number, row)| (format!("{number:06}"), row)).collect()
}

#[test]
fn a_data_set() {
    // Rows are written eight at a time, and those of another size apart from them.
    let suite = "topologies = [\"Ring\", \"Line\"]\nsizes = [2, 3]\nseeds = [1, 2, 3, 4, 5]\n\
                 formalisms = [\"iit3\"]\n";
    let mut before = of_others();
    before.insert("some.toml".into(), Some(suite.into()));
    let mut outputs = vec![("x.csv", "x.csv", 7), ("x.jsonl", "x.jsonl", 3)];
    if cfg!(feature = "parquet") {
        outputs.push(("x.parquet", "x.parquet.jsonl", 5));
    }
    for (out, rows, sample) in outputs {
        let start = format!("dataset --suite some.toml --jobs 1 --quiet --out {out}");
        let resume = format!("{start} --resume");
        let whole = left_by(&before, &[&start]);
        let with = |name: &str, cut: &dyn Fn(&mut Vec<u8>), files: &mut Files| {
            cut(files.get_mut(Path::new(name)).unwrap().as_mut().unwrap());
        };
        // The tenth row is torn, and of its check and the next two only the last one is.
        let up_to = |n_lines: usize, n_more: usize| {
            move |content: &mut Vec<u8>| {
                let mut ends = (0..content.len()).filter(|it| content[*it] == b'\n');
                let end = ends.nth(n_lines - 1).unwrap() + 1;
                content.truncate(end + n_more);
            }
        };
        let mut stopped = whole.clone();
        with(rows, &up_to(9, 30), &mut stopped);
        with(&format!("{rows}.checks"), &up_to(11, 5), &mut stopped);
        for name in [format!("{out}.card.md"), "x.parquet".to_owned()] {
            stopped.remove(Path::new(&name));
        }
        let scenario = |name: &str, before: Files, arguments: &str, go_on: &str| {
            Scenario {
                name: &format!("{name} {out}"),
                sample,
                before,
                program: program(),
                command: &|_| command(arguments),
                codes: &[2],
                optional: &[],
                go_on: &|folder| drop(succeed(folder, go_on)),
                finished: &|folder| match go_on == resume {
                    true => rows_of_dataset(&folder.join(rows)),
                    false => Finished::new(),
                },
                // It says nothing that differs from run to run.
                normal: &files,
            }
            .check();
        };
        scenario("dataset", before.clone(), &start, &resume);
        scenario("dataset --resume", stopped, &resume, &resume);
        // In the place of another one, which is as it was, or gone on from as the new one.
        let other = left_by(&before, &[&format!("{start} --licence MIT")]);
        let force = format!("{start} --force");
        scenario("dataset --force", other, &force, &force);
    }
}

/// Returns the items that the tasks of a job have done: all that is in their journals.
fn items(folder: &Path) -> Finished {
    let journals = folder.join("runs/a/cluster/journals");
    let found = fs::read_dir(journals).into_iter().flatten().map(|it| it.unwrap().path());
    let found = found.filter(|it| it.extension().is_some_and(|it| it == "jsonl"));
    let items = found.flat_map(|file| lines(&file)).filter_map(|line| {
        let line = timeless_text(&line);
        let item: Value = serde_json::from_str(&line).unwrap();
        item.get("item").map(|it| (it.to_string(), item["result"].to_string()))
    });
    items.collect()
}

/// Does what is missing of a job, in one process at a time, and puts it together.
fn do_all(folder: &Path) {
    loop {
        let mut next = command("cluster next a --format json");
        let next = next.current_dir(folder).output().unwrap();
        assert!(next.status.success(), "{}", String::from_utf8_lossy(&next.stderr));
        let standing: Value = serde_json::from_slice(&next.stdout).unwrap();
        if standing["state"] != "planned" {
            break;
        }
        for task in 1..=standing["n_tasks"].as_u64().unwrap() {
            let round = &standing["round"];
            succeed(folder, &format!("cluster task a --round {round} --task {task} --jobs 1"));
        }
    }
    succeed(folder, "cluster gather a");
}

#[test]
fn a_job_in_tasks() {
    const OF_STUDY: &str = "--topologies Ring,Line --sizes 4 --seeds 42,123";
    let plan = format!("cluster plan {OF_STUDY} --run a --slots 2 --task-seconds 0.001");
    let task = "cluster task a --round 1 --task 1 --jobs 1 --checkpoint-seconds 0.001";
    let planned = left_by(&of_others(), &[&plan]);
    let place = tempfile::tempdir().unwrap();
    write(place.path(), &planned);
    do_all(place.path());
    let mut done = files(place.path());
    let is_gathered = |name: &Path| {
        name.starts_with("runs/a")
            && name != Path::new("runs/a")
            && !name.starts_with("runs/a/cluster")
    };
    done.retain(|name, _| !is_gathered(name));

    let scenario = |name, before, arguments: &str, sample, repeats: &str| {
        Scenario {
            name,
            sample,
            before,
            program: program(),
            command: &|_| command(arguments),
            codes: &[2],
            optional: &["timeline.jsonl"],
            go_on: &|folder| {
                if !repeats.is_empty() {
                    succeed(folder, repeats);
                }
                do_all(folder);
            },
            finished: &items,
            normal: &normal_files,
        }
        .check();
    };
    scenario("cluster plan", of_others(), &plan, 7, &plan);
    scenario("cluster task", planned, task, 7, "");
    scenario("cluster gather", done, "cluster gather a", 7, "");
}

/// A study of which a debug build finishes some rows between two kills.
const LONGER: &str =
    "--topologies Ring,Line,Star,Random --sizes 4,5 --seeds 42,123 --jobs 1 --quiet";

/// Kills a command at random moments, again and again, starts anew in another place when it is
/// done, and counts rows.
fn kill_at_random(what: &str, start: &str, finished: &dyn Fn(&Path) -> Finished) {
    let n_kills = env::var(KILLS).map_or(8, |it| it.parse().expect("a number of kills"));
    let before = of_others();
    let undisturbed = tempfile::tempdir().unwrap();
    write(undisturbed.path(), &before);
    let since = Instant::now();
    succeed(undisturbed.path(), start);
    let duration = since.elapsed();
    let (expected, normal) = (finished(undisturbed.path()), normal_files(undisturbed.path()));

    let mut stream = SeededStream::new("phi-validation test of kills v1", &[start.len() as u64]);
    let mut fraction = move || (stream.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let (mut n_killed, mut n_done, mut n_lost, mut n_wrong) = (0, 0, 0, 0);
    let (mut left, mut outside) = (Vec::new(), Vec::new());
    let mut place = tempfile::tempdir().unwrap();
    write(place.path(), &before);
    let mut known = Finished::new();
    let mut compare = |known: &mut Finished, folder: &Path| {
        let now = finished(folder);
        n_lost += known.iter().filter(|(place, _)| !now.contains_key(*place)).count();
        n_wrong += now.iter().filter(|(place, row)| expected.get(*place) != Some(row)).count();
        *known = now;
    };
    while n_killed < n_kills {
        let mut child = command(start);
        child.current_dir(place.path()).stdin(Stdio::null()).stdout(Stdio::null());
        let watch = harness::watch(&mut child, program(), place.path());
        let mut child = child.stderr(Stdio::null()).spawn().unwrap();
        // A run that goes on has less and less to do.
        thread::sleep(duration.mul_f64(fraction() * if n_killed % 2 == 0 { 1.0 } else { 0.3 }));
        let has_ended = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        let is_killed = child.wait().unwrap().code().is_none();
        n_killed += usize::from(is_killed);
        left.extend(watch.iter().flat_map(harness::Watch::left));
        outside.extend(watch.iter().flat_map(harness::Watch::outside));
        compare(&mut known, place.path());
        if has_ended || n_killed == n_kills {
            succeed(place.path(), start);
            compare(&mut known, place.path());
            harness::same(&normal_files(place.path()), &normal, what);
            harness::nothing_left_over(place.path(), &before, what);
            n_done += 1;
            place = tempfile::tempdir().unwrap();
            write(place.path(), &before);
            known = Finished::new();
        }
    }
    let line = format!(
        "{what}: {n_killed} processes killed in {n_done} runs; {n_lost} rows lost, {n_wrong} rows \
         wrong, {} processes left, {} files elsewhere touched",
        left.len(),
        outside.len()
    );
    writeln!(io::stderr(), "{line}").ok();
    assert_eq!((n_lost, n_wrong), (0, 0), "{line}");
    assert!(left.is_empty() && outside.is_empty(), "{line}: {left:?} {outside:?}");
}

#[test]
fn killed_at_random_moments() {
    let start = format!("{LONGER} --run a");
    kill_at_random("run", &start, &|folder| rows_of_run(&folder.join("runs/a")));
    let start = format!("{LONGER} --out results.csv --resume");
    kill_at_random("--out", &start, &|folder| rows_of_csv(&folder.join("results.csv")));
}
