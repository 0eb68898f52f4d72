//! Damaged records: every reader gives what was written, or an error, and never another number. A
//! record that can be read can also be summed up, drawn and gone on with.
//!
//! `PHI_DAMAGE=N` does N times as many. All hostile values are read every time; a report of what
//! can be read takes its time, so some are written, N times as many of them.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cluster::folder::{JobFile, JobFolder};
use crate::cluster::job::Spec;
use crate::cluster::journals::{Header, TaskJournal};
use crate::cluster::rounds::{self, RoundOptions};
use crate::cluster::study::{self, StudyJob};
use crate::engine::exact::Engine;
use crate::engine::result::{PhiStructure, TieRange};
use crate::engine::steps::Detail;
use crate::error::Error;
use crate::estimate::Registry;
use crate::files::seal::{resealed, seal, unseal};
use crate::fixtures::{finish, record, row, suite, temporary};
use crate::model::seeded::SeededStream;
use crate::model::topology::Topology;
use crate::report::Report;
use crate::run::journal::{IfExists, Outputs};
use crate::run::ledger::Ledger;
use crate::run::store::{Contents, Entry, RunFolder, Session, list};
use crate::run::timeline::{self, Sample, Timeline};
use crate::study::dataset::Dataset;
use crate::suite::{Formalism, Settings, Suite};
use crate::ui::progress::{Display, Listeners, Progress};
use crate::wording::short;

/// Multiple of the usual amount that is asked for.
fn times() -> u64 {
    std::env::var("PHI_DAMAGE").ok().and_then(|it| it.parse().ok()).unwrap_or(1)
}

/// Something that happens to a file.
fn damaged(whole: &[u8], random: &mut SeededStream) -> (Vec<u8>, &'static str) {
    let mut content = whole.to_vec();
    let mut below = |n: usize| (random.next_u64() % n.max(1) as u64) as usize;
    let lines: Vec<&[u8]> = whole.split_inclusive(|it| *it == b'\n').collect();
    let (at, line, other) = (below(whole.len()), below(lines.len()), below(lines.len()));
    let without = |line: usize| {
        let mut kept = lines.clone();
        kept.remove(line);
        kept
    };
    let what = match below(10) {
        0..=3 => {
            content[at] ^= 1 << below(8);
            "a bit was flipped"
        }
        4 => {
            content.truncate(at);
            "it was cut"
        }
        5 => {
            let end = (at + 1 + below(200)).min(content.len());
            content[at..end].fill(0);
            "zeros"
        }
        6 => {
            content = without(line).concat();
            "a line was lost"
        }
        7 => {
            let mut kept = lines.clone();
            kept.insert(other, lines[line]);
            content = kept.concat();
            "a line was written again"
        }
        8 => {
            let mut kept = lines.clone();
            kept.swap(line, other);
            content = kept.concat();
            "lines were exchanged"
        }
        _ => {
            // A digit for another is what is read most easily.
            let digits: Vec<usize> =
                (0..content.len()).filter(|it| content[*it].is_ascii_digit()).collect();
            if let Some(&digit) = digits.get(below(digits.len())) {
                content[digit] = b'0' + below(10) as u8;
            }
            "a digit was changed"
        }
    };
    (content, what)
}

/// A finished run of the small study.
fn finished() -> (TempDir, PathBuf, Suite) {
    let (runs, suite) = (temporary(), suite());
    let folder = runs.path().join("first");
    let mut run = RunFolder::open(&folder, &suite).unwrap();
    run.append_record(record(&suite, 0)).unwrap();
    run.append_row(row(&suite, 0), &[("spectral".to_owned(), 0.25)]).unwrap();
    drop(run);
    // Two sessions.
    let mut run = RunFolder::open(&folder, &suite).unwrap();
    finish(&mut run, &suite);
    let mut timeline = Timeline::open(&folder, 2).unwrap();
    for elapsed in 0..5 {
        timeline.append(&sample(f64::from(elapsed) * 200.0)).unwrap();
    }
    drop(run);
    (runs, folder, suite)
}

fn sample(elapsed_ms: f64) -> Sample {
    Sample {
        session: 2,
        elapsed_ms,
        rows_done: 3,
        memory_bytes: Some(24 << 20),
        available_bytes: None,
    }
}

/// The content of a run: its sessions, its rows, and the session of each row.
type RunContents = (Vec<Session>, Vec<Entry>, Vec<usize>);

fn said(contents: &Contents) -> RunContents {
    (contents.sessions.clone(), contents.entries.clone(), contents.session_of.clone())
}

/// Reads a folder with each of its readers, which are named in the result.
fn read(folder: &Path, suite: &Suite) -> Vec<(&'static str, Result<RunContents, Error>)> {
    let runs = folder.parent().unwrap();
    let listed = list(runs).unwrap();
    let listed = listed.into_iter().find(|it| it.name == "first");
    let mut read = vec![("report", Contents::read(folder).map(|it| said(&it)))];
    if let Some(it) = listed {
        let is_read = read[0].1.is_ok();
        assert_eq!(it.rows.is_some(), is_read, "{:?}", it.error);
        assert!(it.rows.is_none_or(|it| it == (4, 4)), "{:?}", it.rows);
    }
    // The run itself comes last: it may repair.
    let run = RunFolder::open(folder, suite).map(|run| {
        let (mut sessions, entries, session_of) = said(run.contents());
        sessions.pop();
        (
            sessions,
            entries.into_iter().map(|it| Entry { session: None, ..it }).collect(),
            session_of,
        )
    });
    read.push(("run", run));
    read
}

#[test]
fn a_damaged_run_is_refused_or_read_as_it_was_written() {
    let (_runs, folder, suite) = finished();
    let names = ["settings.json", "journal.jsonl", "results.csv", timeline::NAME];
    let whole = names.map(|it| fs::read(folder.join(it)).unwrap());
    let restore = || {
        for (name, content) in names.iter().zip(&whole) {
            fs::write(folder.join(name), content).unwrap();
        }
    };
    let expected = said(&Contents::read(&folder).unwrap());
    let samples = timeline::read(&folder).unwrap();
    assert_eq!((expected.0.len(), expected.1.len(), samples.len()), (2, 4, 5));
    let mut random = SeededStream::new("phi-validation damage", &[1]);
    let (mut n_refused, mut n_read) = (0, 0);
    for _ in 0..3_000 * times() {
        let file = (random.next_u64() % names.len() as u64) as usize;
        let (content, what) = damaged(&whole[file], &mut random);
        fs::write(folder.join(names[file]), &content).unwrap();
        for (reader, found) in read(&folder, &suite) {
            match found {
                Ok(found) => {
                    let place = format!("{reader} of {} after: {what}", names[file]);
                    assert_eq!(found, expected, "{place}\n{}", content.escape_ascii());
                    n_read += 1;
                }
                Err(_) => n_refused += 1,
            }
        }
        let found = timeline::read(&folder).unwrap();
        assert!(found.iter().all(|it| samples.contains(it)), "{what}: {found:?}");
        restore();
    }
    assert!(n_refused > 1000 && n_read > 1000, "{n_refused} refused, {n_read} read");
}

#[test]
fn damaged_files_beside_a_csv_are_refused_or_read_as_they_were_written() {
    let (folder, suite) = (temporary(), suite());
    let outputs = Outputs::new(&folder.path().join("results.csv")).unwrap();
    let mut run = RunFolder::beside(&outputs, &suite, IfExists::Refuse).unwrap();
    finish(&mut run, &suite);
    let expected = said(run.contents()).1;
    drop(run);
    let Outputs { csv, settings, journal, .. } = &outputs;
    let paths = [settings, journal, csv];
    let whole = paths.map(|it| fs::read(it).unwrap());
    let mut random = SeededStream::new("phi-validation damage", &[2]);
    for _ in 0..5_000 * times() {
        let file = (random.next_u64() % 3) as usize;
        let (content, what) = damaged(&whole[file], &mut random);
        fs::write(paths[file], &content).unwrap();
        if let Ok(run) = RunFolder::beside(&outputs, &suite, IfExists::Resume) {
            let entries = said(run.contents()).1;
            let plain = entries.into_iter().map(|it| Entry { session: None, ..it });
            assert_eq!(plain.collect::<Vec<_>>(), expected, "{} {what}", paths[file].display());
        }
        for (path, content) in paths.iter().zip(&whole) {
            fs::write(path, content).unwrap();
        }
    }
}

/// A finished data set, and what writes it again.
struct Finished {
    folder: TempDir,
    path: PathBuf,
    suite: Suite,
    engine: Engine,
}

impl Finished {
    fn new(name: &str) -> Finished {
        let settings = Settings {
            topologies: vec![Topology::Ring, Topology::Random],
            sizes: vec![2, 3],
            seeds: vec![1, 2, 3],
            ..Settings::default()
        };
        let folder = temporary();
        let engine = Engine::new(1, Arc::new(AtomicBool::new(false))).unwrap();
        let (path, suite) = (folder.path().join(name), Suite::new(settings).unwrap());
        let it = Finished { folder, path, suite, engine };
        assert_eq!(it.write(IfExists::Refuse).unwrap(), 12);
        it
    }

    fn write(&self, if_exists: IfExists) -> Result<usize, Error> {
        let dataset = Dataset {
            suite: &self.suite,
            suite_text: "a suite",
            estimators: Vec::new(),
            has_ranges: false,
            has_complexes: false,
            licence: "CC0-1.0".to_owned(),
            engine: &self.engine,
        };
        dataset.write(&self.path, if_exists, &Detail::default(), &|_| {})
    }

    /// Its lines, their checks, and its record.
    fn paths(&self) -> [PathBuf; 3] {
        let name = self.path.file_name().unwrap().to_str().unwrap();
        let beside = |suffix: &str| self.folder.path().join(format!("{name}{suffix}"));
        ["", ".checks", ".dataset.json"].map(beside)
    }
}

#[test]
fn a_damaged_data_set_is_refused_or_becomes_what_it_was() {
    for name in ["x.csv", "x.jsonl"] {
        let set = Finished::new(name);
        let paths = set.paths();
        let read = || paths.each_ref().map(|it| fs::read(it).unwrap());
        let whole = read();
        let mut random = SeededStream::new("phi-validation damage", &[4, name.len() as u64]);
        let (mut n_refused, mut n_read) = (0, 0);
        for _ in 0..1_500 * times() {
            let file = (random.next_u64() % 3) as usize;
            let (content, what) = damaged(&whole[file], &mut random);
            fs::write(&paths[file], &content).unwrap();
            let place = || format!("{} after: {what}", paths[file].display());
            match set.write(IfExists::Resume) {
                Ok(_) => {
                    let found = read();
                    assert!(found == whole, "{}\n{}", place(), content.escape_ascii());
                    n_read += 1;
                }
                Err(error) => {
                    let error = error.to_string();
                    let named = paths[file].display().to_string();
                    assert!(error.contains(&named), "{}: {error}", place());
                    // A row is named by its line. A file that has lost its whole beginning is none
                    // of this program.
                    let is_said = file == 2 || error.contains(", line ");
                    assert!(
                        is_said || error.contains("was not written by"),
                        "{}: {error}",
                        place()
                    );
                    assert_eq!(fs::read(&paths[file]).unwrap(), content, "{}", place());
                    for (path, content) in paths.iter().zip(&whole) {
                        fs::write(path, content).unwrap();
                    }
                    n_refused += 1;
                }
            }
        }
        assert!(n_refused > 500 && n_read > 30, "{n_refused} refused, {n_read} read");
    }
}

#[test]
fn hostile_values_in_the_record_of_a_data_set_are_refused_or_do_no_harm() {
    let set = Finished::new("x.csv");
    let [lines, checks, record] = set.paths();
    let whole = fs::read_to_string(&record).unwrap();
    let rows = || [&lines, &checks].map(|it| fs::read(it).unwrap());
    let expected = rows();
    let object = unseal(Dataset::SCHEMA, whole.trim_end()).unwrap();
    let object: Value = serde_json::from_str(&object).unwrap();
    let mut found = Vec::new();
    places(&object, "", &mut found);
    let (mut n_refused, mut n_read) = (0, 0);
    for place in &found {
        for value in hostile() {
            let mut object = object.clone();
            *object.pointer_mut(place).unwrap() = value.clone();
            if !object.is_object() {
                continue;
            }
            let text = serde_json::to_string_pretty(&object).unwrap();
            fs::write(&record, seal(Dataset::SCHEMA, &text) + "\n").unwrap();
            let done = catch_unwind(AssertUnwindSafe(|| set.write(IfExists::Resume)));
            match done {
                Err(_) => panic!("{place} = {}", short(&value.to_string())),
                Ok(Ok(_)) => n_read += 1,
                Ok(Err(error)) => {
                    let error = error.to_string();
                    assert!(!error.contains("()"), "no reason: {error}");
                    n_refused += 1;
                }
            }
            assert!(rows() == expected, "{place} = {}", short(&value.to_string()));
        }
    }
    // The suite's own words and the programs may be any.
    assert!(n_refused > 200 && n_read > 0, "{n_refused} refused, {n_read} read");
}

/// Every value in a document, by the way to it.
fn places(value: &Value, place: &str, found: &mut Vec<String>) {
    found.push(place.to_owned());
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            places(
                value,
                &format!("{place}/{}", name.replace('~', "~0").replace('/', "~1")),
                found,
            );
        }),
        Value::Array(items) => items.iter().enumerate().take(3).for_each(|(at, value)| {
            places(value, &format!("{place}/{at}"), found);
        }),
        _ => {}
    }
}

/// Values that nothing expects.
fn hostile() -> Vec<Value> {
    let numbers = [
        "-1",
        "-5",
        "0",
        "1",
        "1e308",
        "-1e308",
        "1e155",
        "5e-324",
        "1e12",
        "1e13",
        "-0.0",
        "1.5",
        "253402300799999",
        "253402300800000",
        "9007199254740993",
        "1152921504606846975",
        "18446744073709551615",
        "-9223372036854775808",
        "4294967296",
    ];
    let mut values: Vec<Value> =
        numbers.iter().map(|it| serde_json::from_str(it).unwrap()).collect();
    values.extend([json!(null), json!(true), json!([]), json!({}), json!([1e308, -1]), json!("")]);
    values.extend(
        ["NaN", "\u{1b}[31m\n|", "=1+1", "../..", "99999999999999999999"].map(|it| json!(it)),
    );
    values.push(json!("x".repeat(100_000)));
    values
}

/// A run of IIT 3.0 with ranges, or of IIT 4.0 with structures.
fn rich(formalism: Formalism) -> (TempDir, PathBuf, Suite) {
    let settings = Settings { formalisms: vec![formalism], ..suite().settings().clone() };
    let (runs, suite) = (temporary(), Suite::new(settings).unwrap());
    let folder = runs.path().join("first");
    let mut run = RunFolder::open(&folder, &suite).unwrap();
    for position in 0..4 {
        let problem = suite.comparisons()[position].problem;
        let mut solved = record(&suite, problem);
        let phi = solved.exact.phi;
        if formalism.is_iit4() {
            solved.exact.structure = Some(PhiStructure {
                big_phi: 3.0 * phi,
                sum_phi_d: phi,
                sum_phi_r: 2.0 * phi,
                n_relations: "12".to_owned(),
                cut_edges: vec![(0, 1)],
            });
            solved.exact.cut = None;
        } else {
            let (low, high) = (phi, phi + 0.5);
            solved.exact.range = Some(TieRange {
                low,
                high,
                numberings: 7,
                is_exhaustive: false,
                is_exact: position % 2 == 0,
                duration_ms: 1.0,
            });
        }
        run.append_record(solved).unwrap();
        run.append_row(row(&suite, position), &[("spectral".to_owned(), 0.25)]).unwrap();
    }
    Timeline::open(&folder, 1).unwrap().append(&sample(200.0)).unwrap();
    (runs, folder, suite)
}

/// Does everything that is done with a run; true if it could be read.
fn use_all(folder: &Path, suite: &Suite) -> bool {
    let runs = folder.parent().unwrap();
    let text = crate::report::text::runs(&list(runs).unwrap(), "runs");
    assert!(text.contains("first"));
    let contents = Contents::read(folder);
    if contents.is_err() {
        return false;
    }
    Report::write(folder).unwrap();
    if let Ok(run) = RunFolder::open(folder, suite) {
        let summary = crate::stats::summary::Summaries::of(run.contents());
        // There is no NaN in it: `serde_json` would write it as null, where a number is expected.
        let json = serde_json::to_value(&summary).unwrap();
        let statistics = &json["overall"];
        for name in ["rmse", "mae", "bias", "median_error"] {
            let it = &statistics[name];
            assert!(it["value"].is_f64() || it["reason"].is_string(), "{name}: {it}");
        }
        assert!(!summary.to_string().contains("NaN"));
    }
    true
}

/// Puts every hostile value at every place of a line, and does everything that is done with a run.
fn check_line(formalism: Formalism, line: usize, share: u64) {
    let (_runs, folder, suite) = rich(formalism);
    let path = folder.join("journal.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    let csv = fs::read(folder.join("results.csv")).unwrap();
    let object: Value = serde_json::from_str(whole.lines().nth(line).unwrap()).unwrap();
    let mut found = Vec::new();
    places(&object, "", &mut found);
    found.retain(|it| it != "/check");
    let (mut n_read, mut n_accepted, mut n_tried) = (0, 0, 0);
    for place in &found {
        for value in hostile() {
            let with = |object: &str| {
                let mut object: Value = serde_json::from_str(object).unwrap();
                *object.pointer_mut(place).unwrap() = value.clone();
                object.to_string()
            };
            let journal = resealed("journal", &whole, |objects| {
                let lines = objects.lines().enumerate();
                let lines = lines.map(|(at, it)| if at == line { with(it) } else { it.to_owned() });
                lines.map(|it| it + "\n").collect()
            });
            let Some(journal) = journal else { continue };
            fs::write(&path, journal).unwrap();
            let _ = fs::remove_file(folder.join("results.csv"));
            n_tried += 1;
            // Few values are accepted, and a report takes its time.
            let is_read = Contents::read(&folder).is_ok();
            n_accepted += u64::from(is_read);
            if is_read && !n_accepted.is_multiple_of(share) {
                continue;
            }
            let done = catch_unwind(AssertUnwindSafe(|| use_all(&folder, &suite)));
            let done = done
                .unwrap_or_else(|_| panic!("line {line}, {place} = {}", short(&value.to_string())));
            assert_eq!(done, is_read);
            n_read += u64::from(done);
        }
    }
    assert!(n_tried > 100 && n_read > 0, "{n_read} of {n_tried} were read and used");
    fs::write(&path, whole).unwrap();
    fs::write(folder.join("results.csv"), csv).unwrap();
    assert!(use_all(&folder, &suite));
}

#[test]
fn hostile_values_in_a_journal_are_refused_or_do_no_harm() {
    let share = 50_u64.div_ceil(times());
    check_line(Formalism::Iit3, 0, share);
    check_line(Formalism::Iit3, 2, share);
    check_line(Formalism::Iit4_2023, 3, share);
}

#[test]
fn hostile_values_in_other_files_are_refused_or_do_no_harm() {
    let (_runs, folder, suite) = rich(Formalism::Iit3);
    let point = json!({"at_ms": 1, "build_bytes": 2, "n_running": 3, "headroom_bytes": 4});
    let record = json!({"version": 1, "reason": "it fits", "attempts": [{"strategy": "a",
        "commands": ["cargo build"], "outcome": "built", "seconds": 1.5, "peak_bytes": 1000,
        "details": [{"timeline": [point]}]}]});
    fs::write(folder.join("build.json"), record.to_string()).unwrap();
    let kinds = [
        ("settings.json", Some("phi-validation/settings")),
        (timeline::NAME, Some(timeline::NAME)),
        ("build.json", None),
    ];
    for (name, kind) in kinds {
        let path = folder.join(name);
        let whole = fs::read_to_string(&path).unwrap();
        let object = match kind {
            Some(kind) => unseal(kind, whole.trim_end()).unwrap(),
            None => whole.clone(),
        };
        let object: Value = serde_json::from_str(&object).unwrap();
        let mut found = Vec::new();
        places(&object, "", &mut found);
        let mut random = SeededStream::new("phi-validation hostile", &[name.len() as u64]);
        for place in &found {
            for value in hostile() {
                let mut object = object.clone();
                *object.pointer_mut(place).unwrap() = value.clone();
                if !object.is_object() {
                    continue;
                }
                let text = object.to_string();
                let text = kind.map_or(text.clone(), |kind| seal(kind, &text));
                fs::write(&path, text + "\n").unwrap();
                let is_used = random.next_u64() % 60 < times();
                let done = catch_unwind(AssertUnwindSafe(|| {
                    drop(list(folder.parent().unwrap()).unwrap());
                    drop(Contents::read(&folder));
                    drop(timeline::read(&folder));
                    is_used && use_all(&folder, &suite)
                }));
                done.unwrap_or_else(|_| panic!("{name}, {place} = {}", short(&value.to_string())));
            }
        }
        fs::write(&path, whole).unwrap();
    }
}

/// A small job of a study, with everything done in two tasks by two processes each.
fn job() -> (TempDir, JobFolder, Settings) {
    let runs = temporary();
    let settings = Settings {
        topologies: vec![Topology::Ring, Topology::Line],
        sizes: vec![3],
        seeds: vec![42, 123],
        tie_orders: 2,
        ..Settings::default()
    };
    let settings = Suite::new(settings).unwrap().settings().clone();
    let registry = Registry::default();
    let engine = Engine::new(1, Arc::new(AtomicBool::new(false))).unwrap();
    let run = runs.path().join("first");
    let job = StudyJob::open(&settings, &run, 1).unwrap();
    let folder = JobFolder::of_run(&run);
    let spec = Spec::Study { settings: Box::new(settings.clone()) };
    let fingerprint = spec.fingerprint();
    let file = JobFile {
        job: spec,
        program: "1".to_owned(),
        cpus: 1,
        slots: 2,
        max_tasks: 2,
        task_seconds: Some(1e-6),
    };
    folder.write_job(&file).unwrap();
    rounds::next(&folder, &file, &job, &RoundOptions::default(), true).unwrap();
    for task in [1, 2, 1, 2] {
        let planned = folder.task(1, task).unwrap();
        let header = Header {
            job: fingerprint.clone(),
            stage: planned.stage.clone(),
            round: 1,
            task,
            session: Session::here(),
            items: Vec::new(),
        };
        let journal = TaskJournal::new(&folder, header, Duration::ZERO);
        let show = |work| {
            let out = Box::new(std::io::sink());
            Progress::new(Display::Quiet, work, Detail::default(), out, Listeners::default())
        };
        let none = BTreeSet::new();
        study::work(&settings, &planned, &none, &engine, &registry, &journal, show).unwrap();
        journal.finish().unwrap();
    }
    (runs, folder, settings)
}

/// Reads the files of a job, in the order in which one would ask. The run is gathered anew.
fn read_job(folder: &JobFolder) -> Result<(Vec<Entry>, String), Error> {
    for name in ["settings.json", "journal.jsonl", "results.csv"] {
        let _ = fs::remove_file(folder.run().join(name));
    }
    let file = folder.job()?.expect("there is a job");
    let standing = rounds::status(folder, &file)?;
    let tasks = (1..=standing.n_tasks).map(|it| folder.task(1, it as usize));
    let tasks = tasks.collect::<Result<Vec<_>, Error>>()?;
    let Spec::Study { settings } = &file.job else { panic!("another kind of job") };
    let contents = study::gather(folder, settings, false)?;
    let plain = contents.entries.into_iter().map(|it| Entry { session: None, ..it });
    Ok((plain.collect(), format!("{file:?} {standing:?} {tasks:?}")))
}

#[test]
fn a_damaged_job_is_refused_or_read_as_it_was_written() {
    let (_runs, folder, _) = job();
    let journals = fs::read_dir(folder.journals()).unwrap().map(|it| it.unwrap().path());
    let mut paths: Vec<PathBuf> = journals.collect();
    paths.extend(
        ["job.json", "round-1/plan.json", "round-1/t00002.json"].map(|it| folder.path().join(it)),
    );
    assert_eq!(paths.len(), 7);
    let expected = read_job(&folder).unwrap();
    let mut random = SeededStream::new("phi-validation damage", &[3]);
    let (mut n_refused, mut n_read) = (0, 0);
    for _ in 0..3_000 * times() {
        let path = &paths[(random.next_u64() % paths.len() as u64) as usize];
        let whole = fs::read(path).unwrap();
        let (content, what) = damaged(&whole, &mut random);
        fs::write(path, &content).unwrap();
        match read_job(&folder) {
            Ok(found) => {
                assert_eq!(found, expected, "{} after: {what}", path.display());
                n_read += 1;
            }
            Err(_) => n_refused += 1,
        }
        fs::write(path, whole).unwrap();
    }
    assert!(n_refused > 200 && n_read > 0, "{n_refused} refused, {n_read} read");
}

#[test]
fn hostile_values_in_a_job_are_refused_or_do_no_harm() {
    let (_runs, folder, _) = job();
    let journal = fs::read_dir(folder.journals()).unwrap().next().unwrap().unwrap().path();
    let kinds = [
        (folder.path().join("job.json"), "phi-validation/cluster", 0),
        (folder.path().join("round-1/plan.json"), "phi-validation/cluster-plan", 0),
        (folder.path().join("round-1/t00001.json"), "phi-validation/cluster-task", 0),
        (journal.clone(), "phi-validation/cluster-journal", 0),
        (journal, "phi-validation/cluster-item", 1),
    ];
    for (path, kind, at) in kinds {
        let whole = fs::read_to_string(&path).unwrap();
        let line = whole.lines().nth(at).unwrap();
        let object: Value = serde_json::from_str(&unseal(kind, line).unwrap()).unwrap();
        let mut found = Vec::new();
        places(&object, "", &mut found);
        for place in &found {
            for value in hostile() {
                let mut object = object.clone();
                *object.pointer_mut(place).unwrap() = value.clone();
                if !object.is_object() {
                    continue;
                }
                let changed = whole.replacen(line, &seal(kind, &object.to_string()), 1);
                fs::write(&path, changed).unwrap();
                let done = catch_unwind(AssertUnwindSafe(|| match read_job(&folder) {
                    // What is expected to take so long, and so much memory, can also be shown.
                    Ok((_, text)) => drop(text),
                    Err(error) => drop(error.to_string()),
                }));
                done.unwrap_or_else(|_| panic!("{kind}, {place} = {}", short(&value.to_string())));
            }
        }
        fs::write(&path, whole).unwrap();
    }
}
