//! A study as a job: an item is an exact problem with all its comparisons.
//!
//! Problems have the numbers of their places in the suite. The process that plans expands the suite; a process that does a
//! task does its part of the study by [`Study::run`](crate::study::Study::run), as one process alone would; and what is gathered is
//! put together as the shards of a study are, so that a study has the same rows whichever way it is done.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::costs;
use super::folder::{JobFolder, Task};
use super::job::{Item, Job, Stage};
use super::journals::{Found, Journals, TaskJournal};
use super::rounds::NAMED;
use crate::error::Error;
use crate::estimator::Registry;
use crate::forecast::{Forecasts, Load};
use crate::journal::ExactRecord;
use crate::ledger::Ledger;
use crate::merge::Assembled;
use crate::network::ProblemId;
use crate::progress::{Progress, Work};
use crate::provenance::{cpu_ms, peak_memory_bytes};
use crate::row::{Row, close};
use crate::run_folder::{self, Contents, Entry, Session, milliseconds};
use crate::solver::{ExactPhi, Solver};
use crate::study::Study;
use crate::suite::{Formalism, Key, Problem, Settings, Suite};

/// The only stage.
pub const STAGE: &str = "comparisons";

/// What a process needs besides what the engine plans for, in bytes: measured, `docs/cluster.md`.
pub const BASE_BYTES: u64 = 128 << 20;

/// A study, for the process that plans it.
pub struct StudyJob {
    suite: Suite,
    n_comparisons: Vec<usize>,
    /// Which problems the run's own journal has.
    is_done: Vec<bool>,
    forecasts: Forecasts,
    /// The memory that the engine plans for, by theory and number of units.
    bytes: BTreeMap<(Formalism, usize), u64>,
}

impl StudyJob {
    /// The study of `settings` whose run is kept in the folder `run`, to be done on `cpus` threads a task. What is in the run's
    /// folder already is not done again, and expected costs are learned from all runs beside it.
    ///
    /// # Errors
    /// As [`Suite::new`], [`Study::check`] and [`Contents::read`]; [`Error::Output`] if the folder holds a run of other
    /// settings.
    pub fn open(
        settings: &Settings,
        run: &Path,
        solver: &dyn Solver,
        cpus: usize,
    ) -> Result<StudyJob, Error> {
        let suite = Suite::new(settings.clone())?;
        let sizes: BTreeSet<(Formalism, usize)> =
            suite.problems().iter().map(|it| (it.formalism, it.network.n_units())).collect();
        let bytes_of = |(formalism, n)| solver.predicted_bytes(n, formalism, cpus).unwrap_or(0);
        let bytes = sizes.into_iter().map(|it| (it, bytes_of(it))).collect();
        let mut n_comparisons = vec![0; suite.problems().len()];
        suite.comparisons().iter().for_each(|it| n_comparisons[it.problem] += 1);
        let mut is_missing = n_comparisons.clone();
        if let Some(contents) = local(run, settings)? {
            for row in &contents.rows {
                let position = suite.position(row.key).expect("a row of the same settings");
                is_missing[suite.comparisons()[position].problem] -= 1;
            }
        }
        let is_done = is_missing.into_iter().map(|it| it == 0).collect();
        let forecasts = costs::forecasts(settings, run.parent().unwrap_or(Path::new(".")));
        Ok(StudyJob { suite, n_comparisons, is_done, forecasts, bytes })
    }

    /// The comparisons and problems.
    pub fn suite(&self) -> &Suite {
        &self.suite
    }
}

impl Job for StudyJob {
    fn stage(&self, journals: &Journals) -> Result<Stage, Error> {
        let done = journals.done(STAGE);
        let problems = self.suite.problems();
        let mut forecasts = self.forecasts.clone();
        let cost = |(item, seconds): (&u64, &f64)| {
            let problem = problems.get(usize::try_from(*item).ok()?)?;
            Some((problem.formalism, Load::of(&problem.network), *seconds))
        };
        forecasts.learn_all(done.iter().filter_map(cost));
        let numbers = (0..problems.len() as u64).zip(&self.is_done);
        let left = numbers.filter(|(number, is_done)| !**is_done && !done.contains_key(number));
        let item = |number: u64| {
            let place = number as usize;
            let Problem { formalism, network, .. } = &problems[place];
            let seconds =
                costs::expected(&forecasts, *formalism, network, self.n_comparisons[place]);
            let bytes = BASE_BYTES + self.bytes[&(*formalism, network.n_units())];
            Item { number, seconds, bytes }
        };
        let left = left.map(|(number, _)| item(number)).collect();
        Ok(Stage { name: STAGE, is_last: true, n_items: problems.len() as u64, left })
    }

    fn item_name(&self, _stage: &str, item: u64) -> String {
        let problem = usize::try_from(item).ok().and_then(|it| self.suite.problems().get(it));
        problem.map_or_else(|| format!("problem {item}"), |it| it.key.to_string())
    }
}

/// What is in a run's own folder, if there is a run; an error if it is another one.
fn local(run: &Path, settings: &Settings) -> Result<Option<Contents>, Error> {
    if !run.join("settings.json").exists() {
        return Ok(None);
    }
    let contents = Contents::read(run)?;
    let differences = contents.suite.settings().differences(settings);
    if differences.is_empty() {
        return Ok(Some(contents));
    }
    Err(Error::Output {
        path: run.to_owned(),
        message: format!(
            "holds a run of other settings ({}): pass the same settings, or choose another name",
            differences.join("; ")
        ),
    })
}

/// What a journal says of a problem: the same whoever solves it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Solved {
    problem: ProblemId,
    /// Without counters and times.
    exact: ExactPhi,
    comparisons: Vec<Compared>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Compared {
    #[serde(flatten)]
    key: Key,
    estimates: BTreeMap<String, f64>,
}

/// What a journal says of how it was solved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct How {
    duration_ms: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    range_ms: Option<f64>,
    counters: BTreeMap<String, u64>,
    elapsed_ms: f64,
    cpu_ms: Option<u64>,
    peak_memory_bytes: Option<u64>,
}

/// Does the items of a task but those in `skip`, and keeps each in the journal. `show` makes the display of
/// what is to be done.
///
/// # Errors
/// As [`Study::run`]; [`Error::Content`] if the task has an item that the study has not.
pub fn work(
    settings: &Settings,
    task: &Task,
    skip: &BTreeSet<u64>,
    solver: &dyn Solver,
    registry: &Registry,
    journal: &TaskJournal,
    show: impl FnOnce(Work) -> Progress,
) -> Result<(), Error> {
    let whole = Suite::new(settings.clone())?;
    let numbers: BTreeSet<u64> =
        task.items.iter().copied().filter(|it| !skip.contains(it)).collect();
    if let Some(last) = numbers.last().filter(|it| **it >= whole.problems().len() as u64) {
        return Err(Error::Content {
            place: format!("round {} task {}", task.round, task.task),
            message: format!("item {last}: expected one of {}", whole.problems().len()),
        });
    }
    let suite = whole.only(numbers.iter().map(|it| *it as usize));
    drop(whole);
    let study = Study {
        suite: &suite,
        estimator: registry.get(&settings.estimator)?,
        others: registry.iter().filter(|it| settings.keeps(it.name())).collect(),
        solver,
    };
    study.check()?;
    let mut ledger = TaskLedger::new(&suite, numbers.into_iter().collect(), journal);
    let progress = show(Work::new(&suite, &ledger));
    study.run(&mut ledger, &progress)
}

/// Takes the rows of a part of a study, and hands them on to the journal by problem.
struct TaskLedger<'a> {
    suite: &'a Suite,
    /// For each problem its number in the whole.
    numbers: Vec<u64>,
    /// For each problem the comparisons that are still to come.
    to_come: Vec<usize>,
    comparisons: Vec<Vec<Compared>>,
    records: HashMap<ProblemId, ExactRecord>,
    rows: Vec<Row>,
    journal: &'a TaskJournal,
    started: Instant,
}

impl<'a> TaskLedger<'a> {
    fn new(suite: &'a Suite, numbers: Vec<u64>, journal: &'a TaskJournal) -> TaskLedger<'a> {
        let mut to_come = vec![0; numbers.len()];
        suite.comparisons().iter().for_each(|it| to_come[it.problem] += 1);
        TaskLedger {
            suite,
            comparisons: vec![Vec::new(); numbers.len()],
            numbers,
            to_come,
            records: HashMap::new(),
            rows: Vec::new(),
            journal,
            started: Instant::now(),
        }
    }

    /// All comparisons of a problem are there.
    fn finish(&mut self, problem: usize) {
        let id = self.suite.problems()[problem].id;
        let record = &self.records[&id];
        let mut exact = record.exact.clone();
        let range_ms = exact.range.as_mut().map(|it| std::mem::take(&mut it.duration_ms));
        let how = How {
            duration_ms: record.duration_ms,
            range_ms,
            counters: std::mem::take(&mut exact.counters),
            elapsed_ms: milliseconds(self.started.elapsed()),
            cpu_ms: cpu_ms(),
            peak_memory_bytes: peak_memory_bytes(),
        };
        let comparisons = std::mem::take(&mut self.comparisons[problem]);
        let seconds = (how.duration_ms + range_ms.unwrap_or_default()) / 1e3;
        let solved = Solved { problem: id, exact, comparisons };
        self.journal.append(self.numbers[problem], seconds, &solved, &how);
    }
}

impl Ledger for TaskLedger<'_> {
    fn rows(&self) -> &[Row] {
        &self.rows
    }

    fn record(&self, problem: ProblemId) -> Option<&ExactRecord> {
        self.records.get(&problem)
    }

    fn append_record(&mut self, record: ExactRecord) -> Result<(), Error> {
        self.records.insert(record.problem, record);
        Ok(())
    }

    fn append_row(&mut self, row: Row, estimates: &[(String, f64)]) -> Result<(), Error> {
        let position = self.suite.position(row.key).expect("a row of the suite");
        let problem = self.suite.comparisons()[position].problem;
        let mut estimates: BTreeMap<String, f64> = estimates.iter().cloned().collect();
        estimates.insert(self.suite.settings().estimator.clone(), row.phi_hdc);
        self.comparisons[problem].push(Compared { key: row.key, estimates });
        self.rows.push(row);
        self.to_come[problem] -= 1;
        if self.to_come[problem] == 0 {
            self.finish(problem);
        }
        Ok(())
    }

    fn place(&self, index: usize) -> String {
        format!("{}, {}", self.journal.path().display(), self.rows[index].key)
    }

    fn how_to_go_on(&self) -> String {
        format!("{}; the next round does the others", self.journal.path().display())
    }
}

/// Puts everything that is done into the folder of the run: a finished run, as if one process had done it, or, if
/// `partial`, one with the rows that are there.
///
/// # Errors
/// As [`Journals::results`] and [`Contents::read`]; [`Error::Settings`] that says what is missing, unless `partial`;
/// [`Error::Output`] if another process is running it; [`Error::Write`].
pub fn gather(folder: &JobFolder, settings: &Settings, partial: bool) -> Result<Contents, Error> {
    let run = folder.run();
    let _lock = run_folder::lock(run)?;
    let suite = Suite::new(settings.clone())?;
    let job = super::job::Spec::Study { settings: settings.clone() };
    let journals = Journals::read_all(folder, &job.fingerprint())?;
    let results = journals.results(STAGE)?;
    let mut rows: Vec<Option<Entry>> = vec![None; suite.comparisons().len()];
    let mut sessions: Vec<Session> = Vec::new();

    let local = local(run, settings)?;
    if let Some(contents) = &local {
        sessions.clone_from(&contents.sessions);
        for (entry, session) in contents.entries.iter().zip(&contents.session_of) {
            let position = suite.position(entry.key).expect("a row of the same settings");
            rows[position] = Some(Entry { session: Some(*session), ..entry.clone() });
        }
    }
    let n_local = rows.iter().flatten().count();
    // The sessions of a journal come into the run with its first row; a run that was gathered before has some.
    let mut session_of_journal: HashMap<usize, usize> = HashMap::new();
    for found in results.values() {
        for entry in entries(found, &journals)? {
            let position = suite.position(entry.key).ok_or_else(|| {
                let message = format!("{} is not in the matrix of the job", entry.key);
                found.wrong(&journals, message)
            })?;
            match &mut rows[position] {
                Some(there) => check_same(there, &entry, run)
                    .map_err(|message| found.wrong(&journals, message))?,
                empty => {
                    let session = *session_of_journal.entry(found.journal).or_insert_with(|| {
                        let session = journals.session(found.journal);
                        let known = sessions.iter().position(|it| it == session);
                        known.unwrap_or_else(|| {
                            sessions.push(session.clone());
                            sessions.len() - 1
                        }) + 1
                    });
                    *empty = Some(Entry { session: Some(session), ..entry });
                }
            }
        }
    }
    let missing: BTreeSet<usize> = suite
        .comparisons()
        .iter()
        .zip(&rows)
        .filter(|(_, row)| row.is_none())
        .map(|(comparison, _)| comparison.problem)
        .collect();
    if !missing.is_empty() && !partial {
        let names = missing.iter().map(|it| suite.problems()[*it].key.to_string());
        let names: Vec<String> = names.take(NAMED).collect();
        return Err(Error::Settings(format!(
            "{}: {} of {} exact problems are missing: {}; `cluster next` plans them, and --partial writes the \
             rows that are there",
            folder.path().display(),
            missing.len(),
            suite.problems().len(),
            some(&names, missing.len())
        )));
    }
    if let Some(contents) = local
        && rows.iter().flatten().count() == n_local
    {
        return Ok(contents);
    }
    Assembled::new(run, suite, sessions, rows.into_iter().flatten())?.write(run)
}

/// The first few of `n` names.
fn some(names: &[String], n: usize) -> String {
    let shown = names.len().min(5);
    let more = n - shown;
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", names[..shown].join(", "))
}

/// The rows that a line of a journal stands for.
fn entries(found: &Found, journals: &Journals) -> Result<Vec<Entry>, Error> {
    let wrong = |error: serde_json::Error| found.wrong(journals, error.to_string());
    let solved: Solved = serde_json::from_str(found.line.result.get()).map_err(wrong)?;
    let how: How = serde_json::from_str(found.line.work.get()).map_err(wrong)?;
    let mut exact = solved.exact;
    exact.counters = how.counters;
    if let (Some(range), Some(range_ms)) = (&mut exact.range, how.range_ms) {
        range.duration_ms = range_ms;
    }
    let entry = |it: Compared| Entry {
        key: it.key,
        problem: solved.problem,
        estimates: it.estimates,
        exact: exact.clone(),
        duration_ms: how.duration_ms,
        elapsed_ms: how.elapsed_ms,
        cpu_ms: how.cpu_ms,
        peak_memory_bytes: how.peak_memory_bytes,
        session: None,
    };
    Ok(solved.comparisons.into_iter().map(entry).collect())
}

/// Whether a row that the run had before is the same as that of a journal.
fn check_same(there: &Entry, entry: &Entry, run: &Path) -> Result<(), String> {
    let estimates = |it: &Entry| it.estimates.keys().cloned().collect::<Vec<_>>();
    let is_same = there.problem == entry.problem
        && close(there.exact.phi, entry.exact.phi)
        && estimates(there) == estimates(entry)
        && there.estimates.iter().all(|(name, it)| close(*it, entry.estimates[name]));
    if is_same {
        return Ok(());
    }
    Err(format!(
        "{} is another row than in {}: phi {:?}, not {:?}",
        entry.key,
        run.join("journal.jsonl").display(),
        entry.exact.phi,
        there.exact.phi
    ))
}
