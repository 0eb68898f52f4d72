//! A study as a job: an item is an exact problem with all its comparisons.
//!
//! Problems have the numbers of their places in the suite. The process that plans expands the
//! suite; a process that does a task does its part of the study by
//! [`Study::run`](crate::study::Study::run), as one process alone would; and what is gathered is
//! put together in the order of the matrix, so that a study has the same rows whichever way it is
//! done.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::costs;
use super::folder::{JobFolder, Task};
use super::job::{Item, Job, Stage};
use super::journals::{JournalItem, Journals, TaskJournal, item_line};
use super::rounds::NAMED;
use crate::engine::exact::Engine;
use crate::engine::result::ExactPhi;
use crate::error::Error;
use crate::estimate::{Case, Estimator, Registry};
use crate::files::append::{exists, read_own};
use crate::machine::provenance::{cpu_ms, peak_memory_bytes};
use crate::model::network::ProblemId;
use crate::model::topology::Topology;
use crate::run::assembled::Assembled;
use crate::run::journal::ExactRecord;
use crate::run::ledger::Ledger;
use crate::run::row::Row;
use crate::run::store::{self, Contents, Entry, Session, milliseconds};
use crate::study::Study;
use crate::suite::{Formalism, Key, Problem, Settings, Suite};
use crate::ui::forecast::{Forecasts, Load};
use crate::ui::progress::{Progress, Work};

/// The only stage.
pub const STAGE: &str = "comparisons";

/// The memory that a process needs besides what the engine plans for, in bytes: measured,
/// `docs/cluster.md`.
pub const BASE_BYTES: u64 = 128 << 20;

/// A study, for the process that plans it.
pub struct StudyJob {
    suite: Suite,
    n_comparisons: Vec<usize>,
    comparisons_of: ComparisonsOf,
    /// By problem: `true` if the run's own journal has it.
    is_done: Vec<bool>,
    forecasts: Forecasts,
    /// The memory that the engine plans for, by theory and number of units.
    bytes: BTreeMap<(Formalism, usize), u64>,
}

impl StudyJob {
    /// The study of `settings` whose run is kept in the folder `run`, to be done on `cpus` threads
    /// a task. What is in the run's folder already is not done again, and expected costs are
    /// learned from all runs beside it.
    ///
    /// # Errors
    /// As [`Suite::new`], [`Study::check`] and [`Contents::read`]; [`Error::Output`] if the folder
    /// holds a run of other settings.
    pub fn open(settings: &Settings, run: &Path, cpus: usize) -> Result<StudyJob, Error> {
        let suite = Suite::new(settings.clone())?;
        let sizes: BTreeSet<(Formalism, usize)> =
            suite.problems().iter().map(|it| (it.formalism, it.network.n_units())).collect();
        let has_ranges = settings.tie_orders > 0;
        let bytes_of =
            |(formalism, n)| Engine::predicted_bytes(n, formalism, cpus, has_ranges).unwrap_or(0);
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
        let comparisons_of = ComparisonsOf::new(&suite, &n_comparisons);
        Ok(StudyJob { suite, n_comparisons, comparisons_of, is_done, forecasts, bytes })
    }

    /// The same study, with costs expected by these.
    #[must_use]
    pub fn expecting(self, forecasts: Forecasts) -> StudyJob {
        StudyJob { forecasts, ..self }
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
        let with_range = self.suite.settings().tie_orders > 0;
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
            let seconds = costs::expected(
                &forecasts,
                *formalism,
                with_range,
                network,
                self.n_comparisons[place],
            );
            let bytes = BASE_BYTES + self.bytes[&(*formalism, network.n_units())];
            Item { number, seconds, bytes }
        };
        let left = left.map(|(number, _)| item(number)).collect();
        Ok(Stage { name: STAGE, is_last: true, n_items: problems.len() as u64, left })
    }

    fn task_input(&self, _stage: &str, items: &[u64]) -> Value {
        let items = items.iter().map(|it| *it as usize);
        serde_json::to_value(Part::new(&self.suite, &self.comparisons_of, items))
            .expect("plain data")
    }

    fn item_name(&self, _stage: &str, item: u64) -> String {
        let problem = usize::try_from(item).ok().and_then(|it| self.suite.problems().get(it));
        problem.map_or_else(|| format!("problem {item}"), |it| it.key.to_string())
    }
}

/// The comparisons of each problem of a suite.
struct ComparisonsOf {
    /// By problem.
    comparisons: Vec<u32>,
    /// The position at which each problem's comparisons begin, and that at which all end.
    from: Vec<usize>,
}

impl ComparisonsOf {
    fn new(suite: &Suite, n_comparisons: &[usize]) -> ComparisonsOf {
        let mut from = vec![0];
        from.extend(n_comparisons.iter().scan(0, |sum, n| {
            *sum += n;
            Some(*sum)
        }));
        let mut next = from.clone();
        let mut comparisons = vec![0; suite.comparisons().len()];
        for (index, it) in suite.comparisons().iter().enumerate() {
            comparisons[next[it.problem]] = index as u32;
            next[it.problem] += 1;
        }
        ComparisonsOf { comparisons, from }
    }

    fn of(&self, problem: usize) -> &[u32] {
        &self.comparisons[self.from[problem]..self.from[problem + 1]]
    }
}

/// As much of a study's matrix as has all comparisons of some problems: a process that does these
/// need not expand the whole, which may have a million.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Part {
    topologies: BTreeSet<Topology>,
    sizes: BTreeSet<usize>,
    seeds: BTreeSet<u64>,
    random_seeds: BTreeSet<u64>,
    /// In the order of the task's items.
    problems: Vec<ProblemId>,
}

impl Part {
    fn new(suite: &Suite, comparisons: &ComparisonsOf, items: impl Iterator<Item = usize>) -> Part {
        let (topologies, sizes) = (BTreeSet::new(), BTreeSet::new());
        let (seeds, random_seeds) = (BTreeSet::new(), BTreeSet::new());
        let mut part = Part { topologies, sizes, seeds, random_seeds, problems: Vec::new() };
        for item in items {
            part.problems.push(suite.problems()[item].id);
            for &index in comparisons.of(item) {
                let Key { topology, n, seed, .. } = suite.comparisons()[index as usize].key;
                if topology != Topology::Own {
                    part.topologies.insert(topology);
                    part.sizes.insert(n);
                }
                let is_random = topology == Topology::Random;
                if is_random { &mut part.random_seeds } else { &mut part.seeds }.insert(seed);
            }
        }
        part
    }

    /// The suite of the items with these places in the task, and their numbers in its order. `None`
    /// if the part does not have them.
    fn suite(
        &self,
        settings: &Settings,
        task: &Task,
        skip: &BTreeSet<u64>,
    ) -> Option<(Suite, Vec<u64>)> {
        let (mut seeds, mut random_seeds) = (self.seeds.clone(), self.random_seeds.clone());
        if settings.random_seeds.is_empty() {
            seeds.append(&mut random_seeds);
        }
        // Something must stand there even if nothing is made with it.
        if seeds.is_empty() {
            seeds.extend(settings.seeds.first());
        }
        let part = Settings {
            topologies: self.topologies.iter().copied().collect(),
            sizes: self.sizes.iter().copied().collect(),
            seeds: seeds.into_iter().collect(),
            random_seeds: random_seeds.into_iter().collect(),
            ..settings.clone()
        };
        // Keys say as much as in the whole.
        let part = Suite::new(part).ok()?;
        let is_like_whole = part.settings().has_cases() == settings.has_cases();
        let places: HashMap<ProblemId, usize> =
            part.problems().iter().enumerate().map(|(place, it)| (it.id, place)).collect();
        let wanted = task.items.iter().zip(&self.problems).filter(|(item, _)| !skip.contains(item));
        let numbers = wanted.map(|(item, id)| Some((*places.get(id)?, *item)));
        let numbers: BTreeMap<usize, u64> = numbers.collect::<Option<_>>()?;
        let chosen = part.only(numbers.keys().copied());
        is_like_whole.then(|| (chosen, numbers.into_values().collect()))
    }
}

/// Reads a run's own folder. Returns `None` if there is no run in it, and an error if it is another
/// one.
fn local(run: &Path, settings: &Settings) -> Result<Option<Contents>, Error> {
    if !exists(&run.join("settings.json"))? {
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

/// Record of a problem in a journal: the same in every process that solves it.
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

/// The part of a journal's line about the way to a solution: times, counters, memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SolutionWork {
    duration_ms: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    range_ms: Option<f64>,
    counters: BTreeMap<String, u64>,
    elapsed_ms: f64,
    cpu_ms: Option<u64>,
    peak_memory_bytes: Option<u64>,
}

/// Does the items of a task but those in `skip`, and keeps each in the journal. `show` makes the
/// display of what is to be done.
///
/// # Errors
/// As [`Study::run`]; [`Error::Content`] if the task has an item that the study has not.
pub fn work(
    settings: &Settings,
    task: &Task,
    skip: &BTreeSet<u64>,
    engine: &Engine,
    registry: &Registry,
    journal: &TaskJournal,
    show: impl FnOnce(Work) -> Progress,
) -> Result<(), Error> {
    let part: Option<Part> = serde_json::from_value(task.input.clone()).ok();
    let (suite, numbers) = match part.and_then(|it| it.suite(settings, task, skip)) {
        Some(part) => part,
        None => from_whole(settings, task, skip)?,
    };
    let study = Study {
        suite: &suite,
        estimator: registry.get(&settings.estimator)?,
        others: registry.kept(&settings.estimator, &settings.other_estimators)?,
        engine,
    };
    study.check()?;
    let mut ledger = TaskLedger::new(&suite, numbers, journal);
    let progress = show(Work::new(&suite, &ledger));
    study.run(&mut ledger, &progress)
}

/// The suite of a task's items, and their numbers in its order, from the whole.
fn from_whole(
    settings: &Settings,
    task: &Task,
    skip: &BTreeSet<u64>,
) -> Result<(Suite, Vec<u64>), Error> {
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
    Ok((suite, numbers.into_iter().collect()))
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
        let how = SolutionWork {
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

/// Puts everything that is done into the folder of the run: a finished run, as if one process had
/// done it, or, if `partial`, one with the rows that are there.
///
/// # Errors
/// As [`Journals::results`] and [`Contents::read`]; [`Error::Settings`] that says what is missing,
/// unless `partial`; [`Error::Output`] if another process is running it; [`Error::Write`].
pub fn gather(folder: &JobFolder, settings: &Settings, partial: bool) -> Result<Contents, Error> {
    let run = folder.run();
    store::check_files(run)?;
    let _lock = store::lock(run)?;
    let suite = Suite::new(settings.clone())?;
    let job = super::job::Spec::Study { settings: Box::new(settings.clone()) };
    let journals = Journals::read_all(folder, &job.fingerprint())?;
    let results = journals.results(STAGE)?;
    let mut rows: Vec<Option<(Entry, String)>> = vec![None; suite.comparisons().len()];
    let mut sessions: Vec<Session> = Vec::new();

    let local = local(run, settings)?;
    if local.is_none() {
        check_unfinished(run, &suite)?;
    }
    if let Some(contents) = &local {
        sessions.clone_from(&contents.sessions);
        for (index, entry) in contents.entries.iter().enumerate() {
            let position = suite.position(entry.key).expect("a row of the same settings");
            let place = run.join("journal.jsonl");
            let place = format!("{}, line {}", place.display(), contents.line_of[index]);
            let session = Some(contents.session_of[index]);
            rows[position] = Some((Entry { session, ..entry.clone() }, place));
        }
    }
    let n_local = rows.iter().flatten().count();
    // The sessions of a journal come into the run with its first row; a run that was gathered
    // before has some.
    let mut session_of_journal: HashMap<usize, usize> = HashMap::new();
    for found in results.values() {
        for entry in entries(found, &journals)? {
            entry.check(&suite).map_err(|message| found.wrong(&journals, message))?;
            let position = suite.position(entry.key).expect("it belongs to the suite");
            match &mut rows[position] {
                Some((there, place)) if !there.agrees(&entry) => {
                    let message = format!(
                        "{} is another row than in {place}: phi {:?}, not {:?}",
                        entry.key, entry.exact.phi, there.exact.phi
                    );
                    return Err(found.wrong(&journals, message));
                }
                Some(_) => {}
                empty => {
                    let session = *session_of_journal.entry(found.journal).or_insert_with(|| {
                        let session = journals.session(found.journal);
                        let known = sessions.iter().position(|it| it == session);
                        known.unwrap_or_else(|| {
                            sessions.push(session.clone());
                            sessions.len() - 1
                        }) + 1
                    });
                    let entry = Entry { session: Some(session), ..entry };
                    *empty = Some((entry, found.place(&journals)));
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
            "{}: {} of {} exact problems are missing: {}; `cluster next` plans them, and \
             --partial writes the rows that are there",
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
    let mut assembled = Assembled::new(suite);
    for session in sessions {
        assembled.start(session).map_err(Error::Internal)?;
    }
    for (entry, place) in rows.into_iter().flatten() {
        let session = entry.session.expect("every row has one");
        let added = assembled.add(entry, session);
        added.map_err(|message| Error::Content { place, message })?;
    }
    assembled.write(run)
}

/// Checks that a folder without settings has at most what an interrupted [`gather`] leaves, which
/// may be written anew.
fn check_unfinished(run: &Path, suite: &Suite) -> Result<(), Error> {
    let (journal, csv) = (run.join("journal.jsonl"), run.join("results.csv"));
    let refuse = |path: &Path| {
        Err(Error::Output {
            path: path.to_owned(),
            message:
                "exists, but there is no settings.json beside it, so it is not known to be of this \
                      job: move it away"
                    .to_owned(),
        })
    };
    match read_own(&journal) {
        Ok(content) => match Contents::parse(&content, suite.clone(), &journal) {
            Ok(_) => Ok(()),
            Err(_) => refuse(&journal),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => match exists(&csv)? {
            true => refuse(&csv),
            false => Ok(()),
        },
        Err(source) => Err(Error::Read { path: journal, source }),
    }
}

/// The first few of `n` names.
pub(super) fn some(names: &[String], n: usize) -> String {
    let shown = names.len().min(5);
    let more = n - shown;
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", names[..shown].join(", "))
}

/// The rows that a line of a journal stands for.
fn entries(found: &JournalItem, journals: &Journals) -> Result<Vec<Entry>, Error> {
    let wrong = |error: serde_json::Error| found.wrong(journals, error.to_string());
    let solved: Solved = serde_json::from_str(found.line.result.get()).map_err(wrong)?;
    let how: SolutionWork = serde_json::from_str(found.line.work.get()).map_err(wrong)?;
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

/// The result of one problem, from which lines of journals are made that look like real ones.
pub struct SolvedSample {
    solved: Solved,
    how: SolutionWork,
}

impl SolvedSample {
    /// Solves the first problem of a suite.
    ///
    /// # Errors
    /// As [`Engine::solve`].
    ///
    /// # Panics
    /// If the suite is empty.
    pub fn solve(
        suite: &Suite,
        engine: &Engine,
        registry: &Registry,
    ) -> Result<SolvedSample, Error> {
        let problem = &suite.problems()[0];
        let place = problem.key.to_string();
        let tie_orders = suite.settings().tie_orders;
        let (what, formalism) = (suite.settings().exact, problem.formalism);
        let mut exact = engine.exact(what, &problem.network, formalism, tie_orders, &place)?;
        let counters = std::mem::take(&mut exact.counters);
        let range_ms = exact.range.as_mut().map(|it| std::mem::take(&mut it.duration_ms));
        let seed = problem.key.seed;
        let case = Case::new(&problem.network, engine);
        let estimate = |it: &dyn Estimator| Ok((it.name().to_owned(), it.estimate(&case, seed)?));
        let settings = suite.settings();
        let kept = registry.kept(&settings.estimator, &settings.other_estimators)?;
        let estimates = kept.into_iter().map(estimate).collect::<Result<_, Error>>()?;
        Ok(SolvedSample {
            solved: Solved {
                problem: problem.id,
                exact,
                comparisons: vec![Compared { key: problem.key, estimates }],
            },
            how: SolutionWork {
                duration_ms: 1234.567,
                range_ms,
                counters,
                elapsed_ms: 123_456.789,
                cpu_ms: cpu_ms(),
                peak_memory_bytes: peak_memory_bytes(),
            },
        })
    }

    /// The line of an item that has the same result, and the estimates of these comparisons.
    pub fn line(&self, suite: &Suite, item: u64, comparisons: &[usize]) -> String {
        let compared = |&index: &usize| Compared {
            key: suite.comparisons()[index].key,
            estimates: self.solved.comparisons[0].estimates.clone(),
        };
        let solved = Solved {
            problem: suite.problems()[item as usize].id,
            exact: self.solved.exact.clone(),
            comparisons: comparisons.iter().map(compared).collect(),
        };
        item_line(item, &solved, &self.how)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dynamics::Rule;
    use crate::suite::settings::States;

    /// Every task must make of its own file what it would make of the whole suite.
    #[track_caller]
    fn check(settings: Settings) {
        let suite = Suite::new(settings).unwrap();
        let settings = suite.settings();
        let mut n_comparisons = vec![0; suite.problems().len()];
        suite.comparisons().iter().for_each(|it| n_comparisons[it.problem] += 1);
        let comparisons = ComparisonsOf::new(&suite, &n_comparisons);
        let n = suite.problems().len();
        for step in [1, 2, 7, n] {
            for first in 0..step.min(n) {
                let places: Vec<usize> = (first..n).step_by(step).collect();
                let input = Part::new(&suite, &comparisons, places.iter().copied());
                let input = serde_json::to_value(input).unwrap();
                let items: Vec<u64> = places.iter().map(|it| *it as u64).collect();
                let (round, stage, cpus) = (1, STAGE.to_owned(), 1);
                let task = Task { round, task: 1, stage, cpus, items, input };
                let skip = task.items.iter().copied().skip(2).take(1).collect();
                let part: Part = serde_json::from_value(task.input.clone()).unwrap();
                let (mine, numbers) =
                    part.suite(settings, &task, &skip).expect("a part of its own");
                let (whole, expected) = from_whole(settings, &task, &skip).unwrap();
                assert_eq!(numbers, expected);
                let ids = |it: &Suite| it.problems().iter().map(|it| it.id).collect::<Vec<_>>();
                let keys =
                    |it: &Suite| it.comparisons().iter().map(|it| it.key).collect::<Vec<_>>();
                assert_eq!((ids(&mine), keys(&mine)), (ids(&whole), keys(&whole)));
            }
        }
    }

    #[test]
    fn a_task_needs_only_its_own_part_of_the_matrix() {
        check(Settings::default());
        check(Settings { random_seeds: (1..=30).collect(), ..Settings::default() });
        check(Settings {
            sizes: vec![3, 4],
            seeds: vec![1, 2],
            rules: vec![Rule::Xor, Rule::Majority],
            states: States::Reachable,
            formalisms: vec![Formalism::Iit3, Formalism::Iit4_2023],
            ..Settings::default()
        });
    }
}
