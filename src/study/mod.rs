//! The run: for each comparison its estimate and its exact Φ, row by row into the ledger.
//!
//! Comparisons are done in the order of the suite, each exact problem once, when its first row
//! needs it. A row is in the file before the next begins.

pub mod dataset;

use std::collections::{HashMap, HashSet};
use std::ptr;
use std::time::Instant;

use crate::engine::exact::Engine;
use crate::error::Error;
use crate::estimate::{self, Case, Estimator};
use crate::model::network::ProblemId;
use crate::run::journal::ExactRecord;
use crate::run::ledger::Ledger;
use crate::run::row::Row;
use crate::stats::statistics::SAME;
use crate::suite::{Comparison, Problem, Suite};
use crate::ui::progress::Progress;

/// The memory that one thread of a study may need: the largest single problem that was measured
/// held 89 MiB with two threads (the complete graph of 9 units), the 160 comparisons 25 MiB.
pub const WORKER_BYTES: u64 = 48 << 20;
/// The memory that all threads of a study share.
pub const SHARED_BYTES: u64 = 32 << 20;

/// The suite, estimators and engine that a run needs besides its files.
#[derive(Clone)]
pub struct Study<'a> {
    /// The matrix.
    pub suite: &'a Suite,
    /// The estimator that its settings name.
    pub estimator: &'a dyn Estimator,
    /// Other estimators, whose estimates are kept beside it where the files have room for them.
    pub others: Vec<&'a dyn Estimator>,
    /// The exact engine.
    pub engine: &'a Engine,
}

impl Study<'_> {
    /// Asks the engine and the estimators whether they accept every network, before any work is
    /// done.
    ///
    /// # Errors
    /// [`Error::Network`] for the first that is not accepted.
    pub fn check(&self) -> Result<(), Error> {
        self.suite.problems().iter().try_for_each(|it| {
            let place = it.key.to_string();
            self.engine.check(&it.network, it.formalism, &place)?;
            self.estimators()
                .try_for_each(|estimator| estimate::check(estimator, &it.network, &place))
        })?;
        let keys = || self.suite.comparisons().iter().map(|it| it.key);
        self.estimators().try_for_each(|it| it.prepare(&mut keys()))
    }

    /// All its estimators, each once.
    fn estimators(&self) -> impl Iterator<Item = &dyn Estimator> {
        let others = self.others.iter().copied().filter(|it| it.name() != self.estimator.name());
        [self.estimator].into_iter().chain(others)
    }

    /// Does the comparisons that the journal lacks.
    ///
    /// # Errors
    /// [`Error::Content`] if a row that is there has another estimate than the estimator gives;
    /// [`Error::Interrupted`] if the user asked to stop; [`Error::Write`]. The rows so far are
    /// kept. [`Error::Memory`] if there was not enough memory for some problems: all other rows are
    /// there then.
    pub fn run(&self, ledger: &mut dyn Ledger, progress: &Progress) -> Result<(), Error> {
        self.compare(ledger, progress).map_err(|error| match error {
            Error::Interrupted(_) => Error::Interrupted(self.where_to_go_on(ledger)),
            other => other,
        })
    }

    fn compare(&self, ledger: &mut dyn Ledger, progress: &Progress) -> Result<(), Error> {
        self.check_estimates(ledger)?;
        let mut known = self.known(ledger);
        let mut done = vec![false; self.suite.comparisons().len()];
        for row in ledger.rows() {
            done[self.suite.position(row.key).expect("the journal checked its keys")] = true;
        }
        let mut last = None;
        let mut left_out = LeftOut::default();
        let mut cases = Cases::new(self);
        for (comparison, _) in self.suite.comparisons().iter().zip(done).filter(|(_, it)| !it) {
            let problem = &self.suite.problems()[comparison.problem];
            if last.replace(comparison.problem).is_some_and(|it| it != comparison.problem) {
                progress.checkpoint();
            }
            if progress.is_stopping() {
                return Err(Error::Interrupted(String::new()));
            }
            let solved = match known.get(&problem.id) {
                Some(solved) => *solved,
                None if left_out.problems.contains(&problem.id) => {
                    left_out.n_rows += 1;
                    continue;
                }
                None => match self.solve(problem, ledger, progress) {
                    Ok(solved) => *known.entry(problem.id).or_insert(solved),
                    Err(error @ Error::Memory { .. }) => {
                        progress.say(&format!("{error}; it is left out, the others go on"));
                        left_out.add(problem.id, error);
                        continue;
                    }
                    Err(error) => return Err(error),
                },
            };
            let row = Row {
                key: comparison.key,
                phi_hdc: cases.estimate(self.estimator, comparison)?,
                phi_exact: solved.phi,
                duration_ms: solved.duration_ms,
            };
            let mut estimates = Vec::with_capacity(self.others.len());
            for other in &self.others {
                let is_first = other.name() == self.estimator.name();
                let estimate = match is_first {
                    true => row.phi_hdc,
                    false => cases.estimate(*other, comparison)?,
                };
                estimates.push((other.name().to_owned(), estimate));
            }
            ledger.append_row(row, &estimates)?;
            progress.row(&row);
        }
        if last.is_some() {
            progress.checkpoint();
        }
        self.estimators().try_for_each(Estimator::finish)?;
        left_out.error(|| self.where_to_go_on(ledger))
    }

    fn solve(
        &self,
        problem: &Problem,
        ledger: &mut dyn Ledger,
        progress: &Progress,
    ) -> Result<Solved, Error> {
        progress.start(problem);
        let start = Instant::now();
        // Only IIT 3.0 has such ranges.
        let tie_orders =
            if problem.formalism.is_iit4() { 0 } else { self.suite.settings().tie_orders };
        let place = problem.key.to_string();
        let exact = self.engine.exact(
            self.suite.settings().exact,
            &problem.network,
            problem.formalism,
            tie_orders,
            &place,
        )?;
        // The range over numberings has a time of its own. What is kept are microseconds, so that a
        // resumed run repeats the same digits.
        let range_ms = exact.range.map_or(0.0, |it| it.duration_ms);
        let own = (start.elapsed().as_secs_f64() - range_ms / 1e3).max(0.0);
        let duration_ms = (own * 1e6).round() / 1e3;
        let solved = Solved { phi: exact.phi, duration_ms };
        let record = ExactRecord { problem: problem.id, key: problem.key, exact, duration_ms };
        ledger.append_record(record.clone())?;
        progress.solved(&record);
        Ok(solved)
    }

    /// Checks that the estimates in the file are those of this estimator.
    fn check_estimates(&self, ledger: &dyn Ledger) -> Result<(), Error> {
        let mut cases = Cases::new(self);
        for (index, row) in ledger.rows().iter().enumerate() {
            let position = self.suite.position(row.key).expect("the journal checked its keys");
            let expected = cases.estimate(self.estimator, &self.suite.comparisons()[position])?;
            if (row.phi_hdc - expected).abs() > SAME {
                return Err(Error::Content {
                    place: ledger.place(index),
                    message: format!(
                        "phi_hdc {:?}: expected {expected:?} by the estimator {}",
                        row.phi_hdc,
                        self.estimator.name()
                    ),
                });
            }
        }
        Ok(())
    }

    /// The exact values that the journal holds.
    fn known(&self, ledger: &dyn Ledger) -> HashMap<ProblemId, Solved> {
        let records = self.suite.problems().iter().filter_map(|problem| {
            let record = ledger.record(problem.id)?;
            let solved = Solved { phi: record.exact.phi, duration_ms: record.duration_ms };
            Some((problem.id, solved))
        });
        records.collect()
    }

    fn where_to_go_on(&self, ledger: &dyn Ledger) -> String {
        format!(
            ": {} of {} rows are in {}",
            ledger.rows().len(),
            self.suite.comparisons().len(),
            ledger.how_to_go_on()
        )
    }
}

/// Problems that there was not enough memory for.
#[derive(Default)]
struct LeftOut {
    problems: HashSet<ProblemId>,
    n_rows: usize,
    first: Option<Error>,
}

impl LeftOut {
    fn add(&mut self, problem: ProblemId, error: Error) {
        self.problems.insert(problem);
        self.n_rows += 1;
        self.first.get_or_insert(error);
    }

    /// The first of them, with what became of all.
    fn error(self, where_to_go_on: impl Fn() -> String) -> Result<(), Error> {
        match self.first {
            Some(Error::Memory { place, needed_bytes, left_bytes, .. }) => {
                let note = format!(
                    "; of {} exact problems with {} rows that were left out for want of memory it \
                     is the first{}",
                    self.problems.len(),
                    self.n_rows,
                    where_to_go_on()
                );
                Err(Error::Memory { place, needed_bytes, left_bytes, note })
            }
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

/// The networks of the comparisons one after another, as they are estimated. Those that follow each
/// other often have the same network, whose tables are kept until another comes.
struct Cases<'a> {
    study: &'a Study<'a>,
    last: Option<Case<'a>>,
}

impl<'a> Cases<'a> {
    fn new(study: &'a Study<'a>) -> Cases<'a> {
        Cases { study, last: None }
    }

    fn estimate(
        &mut self,
        estimator: &dyn Estimator,
        comparison: &Comparison,
    ) -> Result<f64, Error> {
        let (key, network) = (comparison.key, self.study.suite.network(comparison));
        let case = match self.last.take() {
            Some(case) if ptr::eq(case.network(), network) => self.last.insert(case),
            _ => self.last.insert(Case::new(network, self.study.engine)),
        };
        case.set_key(key);
        let name = estimator.name();
        let value = case.value(estimator, key.seed).map_err(|error| match error {
            Error::Memory { needed_bytes, left_bytes, note, .. } => {
                let place = format!("estimator {name} of {key}");
                Error::Memory { place, needed_bytes, left_bytes, note }
            }
            other => other,
        })?;
        if value.abs() <= Row::LARGEST {
            return Ok(value);
        }
        let most = Row::LARGEST;
        Err(Error::Internal(format!(
            "estimator {name} gave {value} for {key}: expected a number from -{most:e} to {most:e}"
        )))
    }
}

/// The values that the rows of a problem share.
#[derive(Clone, Copy)]
struct Solved {
    phi: f64,
    duration_ms: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::steps::Detail;
    use crate::estimate::{HdcLimit, Registry, Spectral};
    use crate::model::topology::Topology;
    use crate::run::journal::{IfExists, Outputs};
    use crate::run::store::RunFolder;
    use crate::suite::{Settings, States};
    use crate::ui::events::Events;
    use crate::ui::progress::{Display, Listeners, Work};
    use std::fs;
    use std::io::{self, Write};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    /// A user who counts the problems that are solved, and asks to stop after `limit` of them.
    #[derive(Clone)]
    struct User {
        limit: usize,
        solved: Arc<AtomicUsize>,
        stops: Arc<AtomicBool>,
    }

    /// One event arrives at a time.
    impl Write for User {
        fn write(&mut self, event: &[u8]) -> io::Result<usize> {
            if event.starts_with(br#"{"event":"solved""#)
                && self.solved.fetch_add(1, Ordering::Relaxed) + 1 >= self.limit
            {
                self.stops.store(true, Ordering::Relaxed);
            }
            Ok(event.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn user(limit: usize) -> User {
        User { limit, solved: Arc::default(), stops: Arc::default() }
    }

    impl User {
        fn n_solved(&self) -> usize {
            self.solved.load(Ordering::Relaxed)
        }
    }

    fn settings() -> Settings {
        let topologies = vec![Topology::Ring, Topology::Random];
        Settings {
            topologies,
            sizes: vec![4, 5],
            estimator: "hdc-limit".into(),
            ..Settings::default()
        }
    }

    fn run(
        suite: &Suite,
        estimator: &dyn Estimator,
        user: &User,
        journal: &mut RunFolder,
    ) -> Result<(), Error> {
        let engine = Engine::new(1, Arc::clone(&user.stops)).unwrap();
        let work = Work::new(suite, journal);
        let listeners = Listeners {
            events: Some(Events::new(Box::new(user.clone()))),
            stopping: Arc::clone(&user.stops),
            ..Listeners::default()
        };
        let progress =
            Progress::new(Display::Quiet, work, Detail::default(), Box::new(io::sink()), listeners);
        Study { suite, estimator, others: Vec::new(), engine: &engine }.run(journal, &progress)
    }

    /// The CSV without its last column, the time.
    fn untimed(outputs: &Outputs) -> Vec<String> {
        let text = fs::read_to_string(&outputs.csv).unwrap();
        text.lines().map(|line| line.rsplit_once(',').unwrap().0.to_owned()).collect()
    }

    #[test]
    fn each_problem_is_solved_once_however_often_the_run_stops() {
        let suite = Suite::new(settings()).unwrap();
        let n_problems = suite.problems().len();
        let folder = tempfile::tempdir().unwrap();
        let outputs = |name: &str| Outputs::new(&folder.path().join(name)).unwrap();

        let whole = outputs("whole.csv");
        let mut journal = RunFolder::beside(&whole, &suite, IfExists::Refuse).unwrap();
        let all = user(usize::MAX);
        run(&suite, &HdcLimit, &all, &mut journal).unwrap();
        assert_eq!(all.n_solved(), n_problems);
        assert_eq!(journal.rows().len(), suite.comparisons().len());

        // One problem a start.
        let parts = outputs("parts.csv");
        let mut n_starts = 0;
        loop {
            let mut journal = RunFolder::beside(&parts, &suite, IfExists::Resume).unwrap();
            n_starts += 1;
            match run(&suite, &HdcLimit, &user(1), &mut journal) {
                Ok(()) => break,
                Err(error) => {
                    let rows = journal.rows().len();
                    let expected = format!(
                        "interrupted: {rows} of 20 rows are in {}; the same command with --resume \
                         goes on from there",
                        parts.csv.display()
                    );
                    assert_eq!(error.to_string(), expected);
                }
            }
        }
        assert_eq!(n_starts, n_problems);
        assert_eq!(untimed(&parts), untimed(&whole));
    }

    #[test]
    fn a_row_is_enough_to_go_on_with_its_problem() {
        let suite = Suite::new(settings()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let outputs = Outputs::new(&folder.path().join("results.csv")).unwrap();
        let mut journal = RunFolder::beside(&outputs, &suite, IfExists::Refuse).unwrap();
        run(&suite, &HdcLimit, &user(usize::MAX), &mut journal).unwrap();
        drop(journal);
        let whole = untimed(&outputs);
        // Keep the session and the first row of Ring, which stands for five.
        let text = fs::read_to_string(&outputs.journal).unwrap();
        let kept: Vec<&str> = text.lines().take(2).collect();
        fs::write(&outputs.journal, kept.join("\n") + "\n").unwrap();
        fs::remove_file(&outputs.csv).unwrap();
        let mut journal = RunFolder::beside(&outputs, &suite, IfExists::Resume).unwrap();
        let all = user(usize::MAX);
        run(&suite, &HdcLimit, &all, &mut journal).unwrap();
        assert_eq!(all.n_solved(), suite.problems().len() - 1);
        assert_eq!(untimed(&outputs), whole);
    }

    #[test]
    fn rows_of_another_estimator_are_noticed() {
        let suite = Suite::new(settings()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let outputs = Outputs::new(&folder.path().join("results.csv")).unwrap();
        let mut journal = RunFolder::beside(&outputs, &suite, IfExists::Refuse).unwrap();
        run(&suite, &Spectral, &user(1), &mut journal).unwrap_err();
        let error = run(&suite, &HdcLimit, &user(1), &mut journal).unwrap_err().to_string();
        let (_, found) = error.split_once("results.journal.jsonl, line 2: phi_hdc ").unwrap();
        let found: f64 = found.split(':').next().unwrap().parse().unwrap();
        assert!((found - 0.5).abs() < 1e-12, "{error}");
        assert!(error.ends_with("by the estimator hdc-limit"), "{error}");
    }

    #[test]
    fn an_estimate_that_is_no_number_ends_the_run() {
        struct Broken;
        impl Estimator for Broken {
            fn name(&self) -> &str {
                "broken"
            }
            fn summary(&self) -> &str {
                "divides by zero"
            }
            fn estimate(&self, _: &Case, _: u64) -> Result<f64, Error> {
                Ok(f64::NAN)
            }
        }
        let registry = Registry::default().with(Broken);
        let suite = Suite::new(settings()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let outputs = Outputs::new(&folder.path().join("results.csv")).unwrap();
        let mut journal = RunFolder::beside(&outputs, &suite, IfExists::Refuse).unwrap();
        let broken = registry.get("broken").unwrap();
        let error = run(&suite, broken, &user(9), &mut journal).unwrap_err().to_string();
        assert_eq!(
            error,
            "estimator broken gave NaN for Ring n = 4 seed 42: expected a number from -1e12 to 1e12"
        );
    }

    #[test]
    fn a_network_the_engine_rejects_is_named_before_anything_is_done() {
        // All leaves of a star do what its hub did.
        let suite = Suite::new(Settings {
            sizes: vec![5],
            topologies: vec![Topology::Star],
            states: States::Patterns(vec!["01000".parse().unwrap()]),
            ..settings()
        })
        .unwrap();
        let engine = Engine::new(1, Arc::default()).unwrap();
        let study =
            Study { suite: &suite, estimator: &HdcLimit, others: Vec::new(), engine: &engine };
        let error = study.check().unwrap_err().to_string();
        assert!(error.starts_with("Star n = 5 seed 42"), "{error}");
    }
}
