//! The state of a run: kept here, shown on standard error, told to programs, sampled into the run's
//! folder.
//!
//! A [`Progress`] is told by the study what happens; its readers (the live view of a terminal,
//! the lines of a log, the events, the timeline) ask it. On a terminal the view is drawn again and
//! again; elsewhere, as in a log, there is a line now and then. What the view looks like is in
//! [`live`](crate::ui::live), what the remaining time is guessed from in
//! [`forecast`](crate::ui::forecast).

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::engine::steps::{Detail, Steps};
use crate::escape::terminal;
use crate::machine::provenance::{available_bytes, memory_bytes, peak_memory_bytes};
use crate::model::network::ProblemId;
use crate::run::journal::ExactRecord;
use crate::run::ledger::Ledger;
use crate::run::row::Row;
use crate::run::timeline::{self, Sample, Timeline};
use crate::suite::{Formalism, Problem, Suite};
use crate::ui::events::{self, Event, Events};
use crate::ui::forecast::{Forecasts, Load};
use crate::ui::live::{Memory, SizeProgress, StyledLine, Tone, View};
use crate::ui::screen::Screen;

/// Shows how far a single analysis has come, until it is dropped. Short ones show nothing.
#[derive(Debug)]
pub struct Watch {
    stop: Arc<(Mutex<bool>, Condvar)>,
    ticker: Option<JoinHandle<()>>,
}

impl Watch {
    /// Shows what `detail` says: redrawn in place on a terminal, else in a line now and then.
    pub fn new(display: Display, detail: Detail) -> Watch {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let ticker = (display != Display::Quiet).then(|| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || Watch::tick(display, &detail, &stop))
        });
        Watch { stop, ticker }
    }

    fn tick(display: Display, detail: &Detail, (stopped, wake): &(Mutex<bool>, Condvar)) {
        let mut screen = Screen::new();
        let mut guard = stopped.lock().unwrap_or_else(PoisonError::into_inner);
        while !*guard {
            let waited = wake.wait_timeout(guard, display.interval());
            (guard, _) = waited.unwrap_or_else(PoisonError::into_inner);
            let Some(steps) = detail.get().filter(|_| !*guard) else { continue };
            let text = steps.to_string();
            match display {
                Display::Live => screen.show(&[StyledLine { text, tone: Tone::Plain }]),
                Display::Lines => {
                    let _ = writeln!(std::io::stderr(), "{text}");
                }
                Display::Quiet => {}
            }
        }
        screen.show(&[]);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        if let Some(ticker) = self.ticker.take() {
            let _ = ticker.join();
        }
    }
}

/// The display of a run's progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Display {
    /// A view that is drawn again and again.
    Live,
    /// A line now and then.
    Lines,
    /// Nothing.
    Quiet,
}

impl Display {
    /// The view on a terminal outside continuous integration, else lines; nothing if asked to be
    /// quiet.
    pub fn choose(quiet: bool, is_terminal: bool, is_ci: bool) -> Display {
        match (quiet, is_terminal && !is_ci) {
            (true, _) => Display::Quiet,
            (false, true) => Display::Live,
            (false, false) => Display::Lines,
        }
    }

    /// Time between two renewals of the display.
    fn interval(self) -> Duration {
        match self {
            Display::Live => Duration::from_millis(250),
            Display::Lines | Display::Quiet => Duration::from_secs(30),
        }
    }
}

/// The state of a run's work. Times are counted from its start.
#[derive(Debug, Clone, Default)]
pub struct Work {
    sizes: Vec<SizeProgress>,
    n_problems: usize,
    /// The problems that are not solved, the one under way included. In the order of identities:
    /// the sum of their times must not depend on that of a hash map.
    left: BTreeMap<ProblemId, (Formalism, Load)>,
    forecasts: Forecasts,
    /// `true` if the forecast has learned anything of this run.
    learned: bool,
    current: Option<Current>,
    last: Vec<Row>,
    correlation: Correlation,
}

/// The problem under way.
#[derive(Debug, Clone)]
struct Current {
    what: String,
    problem: ProblemId,
    since: Duration,
}

/// Number of rows that are remembered to be shown.
const LAST: usize = 8;

impl Work {
    /// The work on a suite of which the ledger has a part.
    pub fn new(suite: &Suite, ledger: &dyn Ledger) -> Work {
        let mut work = Work { n_problems: suite.problems().len(), ..Work::default() };
        for n in suite.settings().all_sizes() {
            let all = suite.comparisons().iter().filter(|it| it.key.n == n).count();
            work.sizes.push(SizeProgress { n, done: 0, all });
        }
        for problem in suite.problems() {
            work.left.insert(problem.id, (problem.formalism, Load::of(&problem.network)));
        }
        let problem_of = |row: &Row| {
            let comparison = suite.comparisons()[suite.position(row.key)?];
            Some(suite.problems()[comparison.problem].id)
        };
        for row in ledger.rows() {
            work.row(row);
            if let Some(problem) = problem_of(row) {
                work.solved(problem, row.duration_ms / 1e3);
            }
        }
        // Problems that were solved, but have no row yet.
        for problem in suite.problems() {
            if let Some(record) = ledger.record(problem.id) {
                work.solved(problem.id, record.duration_ms / 1e3);
            }
        }
        work
    }

    /// The finished rows, and those there will be.
    pub fn rows(&self) -> (usize, usize) {
        self.sizes.iter().fold((0, 0), |(done, all), it| (done + it.done, all + it.all))
    }

    /// The solved problems, and all.
    pub fn problems(&self) -> (usize, usize) {
        (self.n_problems - self.left.len(), self.n_problems)
    }

    fn row(&mut self, row: &Row) {
        if let Some(size) = self.sizes.iter_mut().find(|it| it.n == row.key.n) {
            size.done += 1;
        }
        if self.last.len() == LAST {
            self.last.remove(0);
        }
        self.last.push(*row);
        self.correlation.add(row.phi_hdc, row.phi_exact);
    }

    fn solved(&mut self, problem: ProblemId, seconds: f64) {
        if let Some((formalism, load)) = self.left.remove(&problem) {
            self.forecasts.learn(formalism, load, seconds);
            self.learned = true;
        }
    }

    /// The time that the problem takes, in seconds.
    fn expected(&self, problem: ProblemId) -> Option<f64> {
        let (formalism, load) = self.left.get(&problem)?;
        Some(self.forecasts.seconds(*formalism, load))
    }

    /// The time that is left; unknown before a problem was solved.
    fn remaining(&self, now: Duration) -> Option<Duration> {
        if !self.learned {
            return None;
        }
        let is_current = |id: &ProblemId| self.current.as_ref().is_some_and(|it| it.problem == *id);
        let waiting = self.left.iter().filter(|(id, _)| !is_current(id));
        let seconds =
            waiting.map(|(_, (formalism, load))| self.forecasts.seconds(*formalism, load));
        let mut left: f64 = seconds.sum();
        if let Some(current) = &self.current {
            let taken = now.saturating_sub(current.since).as_secs_f64();
            let expected = self.expected(current.problem).unwrap_or(taken);
            // A problem that takes longer than expected is never done before it is.
            left += (expected - taken).max(0.05 * taken);
        }
        Duration::try_from_secs_f64(left).ok()
    }

    fn view(&self, now: Duration, steps: Option<Steps>, memory: Memory) -> View {
        View {
            sizes: self.sizes.clone(),
            problems: self.problems(),
            elapsed: now,
            remaining: self.remaining(now),
            current: self.current.as_ref().map(|it| (it.what.clone(), steps)),
            memory,
            last: self.last.clone(),
            correlation: self.correlation.value(),
            stopping: false,
        }
    }
}

/// Pearson's correlation, point by point, by the updates of Welford (1962).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Correlation {
    n: f64,
    mean: (f64, f64),
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Correlation {
    fn add(&mut self, x: f64, y: f64) {
        self.n += 1.0;
        let (dx, dy) = (x - self.mean.0, y - self.mean.1);
        self.mean.0 += dx / self.n;
        self.mean.1 += dy / self.n;
        self.xx += dx * (x - self.mean.0);
        self.yy += dy * (y - self.mean.1);
        self.xy += dx * (y - self.mean.1);
    }

    /// The correlation. `None` where the statistics would say that it is undefined: fewer than 3
    /// points, a constant column.
    fn value(&self) -> Option<f64> {
        let least = self.n * crate::stats::statistics::SAME.powi(2);
        (self.n >= 3.0 && self.xx > least && self.yy > least)
            .then(|| (self.xy / (self.xx * self.yy).sqrt()).clamp(-1.0, 1.0))
    }
}

/// The listeners that are told of a run, besides the user in front of the terminal.
#[derive(Default)]
pub struct Listeners {
    /// Programs, by events.
    pub events: Option<Events>,
    /// The user, by the view, that a request to stop was heard.
    pub stopping: Arc<AtomicBool>,
    /// The run's folder.
    pub timeline: Option<Timeline>,
}

/// The progress of a run. It shows itself until it is dropped.
pub struct Progress {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    display: Display,
    started: Instant,
    events: Option<Events>,
    detail: Detail,
    stopping: Arc<AtomicBool>,
    state: Mutex<ProgressState>,
    stop: Condvar,
}

struct ProgressState {
    work: Work,
    stopped: bool,
    lines: Box<dyn Write + Send>,
    screen: Screen,
}

impl Progress {
    /// Shows the work of a run, of which `detail` tells how far the problem under way is. `lines`
    /// takes what is not drawn.
    pub fn new(
        display: Display,
        work: Work,
        detail: Detail,
        lines: Box<dyn Write + Send>,
        listeners: Listeners,
    ) -> Progress {
        Progress::with_interval(display, display.interval(), work, detail, lines, listeners)
    }

    fn with_interval(
        display: Display,
        interval: Duration,
        work: Work,
        detail: Detail,
        lines: Box<dyn Write + Send>,
        listeners: Listeners,
    ) -> Progress {
        let Listeners { events, stopping, timeline } = listeners;
        let shared = Arc::new(Shared {
            display,
            started: Instant::now(),
            events,
            detail,
            stopping,
            state: Mutex::new(ProgressState { work, stopped: false, lines, screen: Screen::new() }),
            stop: Condvar::new(),
        });
        let mut threads = Vec::new();
        let mut spawn = |watch: Box<dyn FnOnce(&Shared) + Send>| {
            let shared = Arc::clone(&shared);
            threads.push(std::thread::spawn(move || watch(&shared)));
        };
        match display {
            Display::Live => spawn(Box::new(move |it| it.draw(interval))),
            Display::Lines => spawn(Box::new(move |it| it.log(interval))),
            Display::Quiet => {}
        }
        if shared.events.is_some() {
            spawn(Box::new(Shared::tell));
        }
        if let Some(timeline) = timeline {
            spawn(Box::new(move |it| it.sample(timeline)));
        }
        Progress { shared, threads }
    }

    /// Shows and tells nothing.
    pub fn silent(suite: &Suite, ledger: &dyn Ledger) -> Progress {
        let (work, lines) = (Work::new(suite, ledger), Box::new(std::io::sink()));
        Progress::new(Display::Quiet, work, Detail::default(), lines, Listeners::default())
    }

    /// A problem is under way.
    pub fn start(&self, problem: &Problem) {
        let now = self.shared.started.elapsed();
        let (key, id) = (problem.key, problem.id);
        let mut state = self.shared.state();
        let what = format!("{} n = {}", key.network(), key.n);
        state.work.current = Some(Current { what, problem: id, since: now });
        let expected_ms = state.work.expected(id).unwrap_or_default() * 1e3;
        drop(state);
        self.shared.emit(&Event::Problem { problem: id.to_string(), key, expected_ms });
    }

    /// The problem under way is solved.
    pub fn solved(&self, record: &ExactRecord) {
        let mut state = self.shared.state();
        self.shared.detail.set(None);
        state.work.current = None;
        state.work.solved(record.problem, record.duration_ms / 1e3);
        drop(state);
        let (problem, duration_ms) = (record.problem.to_string(), record.duration_ms);
        self.shared.emit(&Event::Solved { problem, phi: record.exact.phi, duration_ms });
    }

    /// One more row is on the disk.
    pub fn row(&self, row: &Row) {
        self.shared.state().work.row(row);
        self.shared.emit(&events::row(row));
    }

    /// All rows of a problem are on the disk.
    pub fn checkpoint(&self) {
        if self.shared.events.is_none() {
            return;
        }
        let view = self.shared.view();
        let ms = |it: Duration| it.as_millis() as f64;
        let (rows_done, n_rows) = self.shared.state().work.rows();
        self.shared.emit(&Event::Checkpoint {
            rows_done,
            n_rows,
            problems_done: view.problems.0,
            n_problems: view.problems.1,
            remaining_ms: view.remaining.map(ms),
            pearson: view.correlation,
            memory_bytes: view.memory.now,
            peak_memory_bytes: view.memory.peak,
            available_bytes: view.memory.available,
        });
    }

    /// `true` if the user has asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Relaxed)
    }

    /// Says something to the user without spoiling the view. Quiet runs say nothing.
    pub fn say(&self, message: &str) {
        let message = terminal(message);
        match self.shared.display {
            Display::Live => self.shared.state().screen.say(&message),
            Display::Lines => {
                let _ = writeln!(self.shared.state().lines, "{message}");
            }
            Display::Quiet => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.shared.state().stopped = true;
        self.shared.stop.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        self.shared.state().screen.show(&[]);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, ProgressState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn emit(&self, event: &Event<'_>) {
        if let Some(events) = &self.events {
            events.emit(event);
        }
    }

    fn view(&self) -> View {
        let memory =
            Memory { now: memory_bytes(), peak: peak_memory_bytes(), available: available_bytes() };
        let steps = self.detail.get();
        let stopping = self.stopping.load(Ordering::Relaxed);
        View { stopping, ..self.state().work.view(self.started.elapsed(), steps, memory) }
    }

    /// Waits so long; whether the run is still going on then.
    fn wait(&self, time: Duration) -> bool {
        let waited = self.stop.wait_timeout_while(self.state(), time, |it| !it.stopped);
        waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Draws the view again and again.
    fn draw(&self, interval: Duration) {
        // A run that is over at once does not flicker.
        while self.wait(interval) {
            let view = self.view();
            let screen = &mut self.state().screen;
            let (width, height) = screen.size();
            screen.show(&view.lines(width, height));
        }
    }

    /// Writes a line now and then: after 2 s, then whenever the run has gone on for twice as long,
    /// but at least as often as `interval` says.
    fn log(&self, interval: Duration) {
        let next = || self.started.elapsed().max(Duration::from_secs(2)).min(interval);
        while self.wait(next()) {
            let line = self.view().line();
            let _ = writeln!(self.state().lines, "{line}");
        }
    }

    /// Tells programs how far the problem under way is, if it is further than a second before.
    fn tell(&self) {
        let mut before = None;
        while self.wait(Duration::from_secs(1)) {
            let steps = self.detail.get();
            let problem = self.state().work.current.as_ref().map(|it| it.problem);
            let (Some(problem), Some(it)) = (problem, steps.filter(|_| steps != before)) else {
                continue;
            };
            before = steps;
            self.emit(&Event::Progress {
                problem: problem.to_string(),
                steps: it.what.to_owned(),
                done: it.done,
                total: it.total,
                phi_at_most: it.best,
                remaining_ms: it.remaining.map(|it| it.as_millis() as f64),
            });
        }
    }

    /// Samples the run into its folder, at its end too, for as long as that can be written.
    fn sample(&self, mut timeline: Timeline) {
        let mut goes_on = true;
        loop {
            let elapsed = self.started.elapsed();
            let sample = Sample {
                session: timeline.session(),
                elapsed_ms: elapsed.as_millis() as f64,
                rows_done: self.state().work.rows().0,
                memory_bytes: memory_bytes(),
                available_bytes: available_bytes(),
            };
            if timeline.append(&sample).is_err() || !goes_on {
                return;
            }
            goes_on = self.wait(timeline::interval(elapsed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{finish, record, row, suite};
    use crate::run::journal::{IfExists, Outputs};
    use crate::run::store::RunFolder;
    use crate::stats::statistics::Statistics;

    /// The work on the small study of the fixtures, of which nothing is done.
    fn work() -> (Suite, Work) {
        let suite = suite();
        let folder = tempfile::tempdir().unwrap();
        let outputs = Outputs::new(&folder.path().join("results.csv")).unwrap();
        let journal = RunFolder::beside(&outputs, &suite, IfExists::Refuse).unwrap();
        let work = Work::new(&suite, &journal);
        (suite, work)
    }

    fn view(work: &Work, seconds: f64) -> View {
        work.view(Duration::from_secs_f64(seconds), None, Memory::default())
    }

    #[test]
    fn remaining_time_learns_from_what_is_done() {
        let (suite, mut work) = work();
        let current = |work: &mut Work, problem: usize, since: u64| {
            let since = Duration::from_secs(since);
            let (id, what) = (suite.problems()[problem].id, "it".to_owned());
            work.current = Some(Current { what, problem: id, since });
        };
        assert_eq!(view(&work, 5.0).remaining, None);
        current(&mut work, 0, 0);
        assert_eq!(view(&work, 5.0).remaining, None);
        work.solved(suite.problems()[0].id, 40.0);
        current(&mut work, 1, 40);
        // Two more of the same size: each about as long.
        let left = view(&work, 40.0).remaining.unwrap().as_secs_f64();
        assert!((40.0..160.0).contains(&left), "{left}");
        // 10 s later 10 s less are left.
        let later = view(&work, 50.0).remaining.unwrap().as_secs_f64();
        assert!((left - later - 10.0).abs() < 1e-6, "{left}, then {later}");
        // A problem that takes longer than expected is never done before it is.
        let late = view(&work, 4040.0);
        assert!(late.remaining.unwrap() > Duration::from_secs(200));
        assert!(late.fraction() < 0.99);
        work.solved(suite.problems()[1].id, 40.0);
        work.solved(suite.problems()[2].id, 40.0);
        work.current = None;
        assert_eq!(view(&work, 120.0).remaining, Some(Duration::ZERO));
        // It is not over before the last row.
        assert_eq!(view(&work, 120.0).fraction(), 0.99);
    }

    #[test]
    fn a_resumed_run_knows_what_was_done_before() {
        let suite = suite();
        let folder = tempfile::tempdir().unwrap();
        let outputs = Outputs::new(&folder.path().join("results.csv")).unwrap();
        let mut journal = RunFolder::beside(&outputs, &suite, IfExists::Refuse).unwrap();
        journal.append_record(record(&suite, 0)).unwrap();
        journal.append_row(row(&suite, 0), &[]).unwrap();
        journal.append_record(record(&suite, 1)).unwrap();
        let work = Work::new(&suite, &journal);
        assert_eq!((work.rows(), work.problems()), ((1, 4), (2, 3)));
        assert!(view(&work, 0.0).remaining.is_some());
        assert_eq!(work.last, [row(&suite, 0)]);
        finish(&mut journal, &suite);
        let work = Work::new(&suite, &journal);
        assert_eq!((work.rows(), work.problems()), ((4, 4), (3, 3)));
        assert_eq!(view(&work, 0.0).fraction(), 1.0);
    }

    #[test]
    fn the_running_correlation_is_that_of_the_statistics() {
        let points: Vec<(f64, f64)> =
            (0..40).map(f64::from).map(|k| ((k * 0.7).sin(), 1e3 + k.sqrt())).collect();
        let mut correlation = Correlation::default();
        for (k, (x, y)) in points.iter().enumerate() {
            correlation.add(*x, *y);
            let expected = Statistics::new(&points[..=k]).pearson.coefficient.value();
            match (correlation.value(), expected) {
                (Some(found), Some(expected)) => assert!((found - expected).abs() < 1e-9, "{k}"),
                (found, expected) => assert_eq!(found, expected, "{k}"),
            }
        }
        let mut constant = Correlation::default();
        (0..9).for_each(|k| constant.add(f64::from(k), 0.1));
        assert_eq!(constant.value(), None);
    }

    #[test]
    fn the_view_is_for_terminals_and_people() {
        assert_eq!(Display::choose(false, true, false), Display::Live);
        assert_eq!(Display::choose(false, true, true), Display::Lines);
        assert_eq!(Display::choose(false, false, false), Display::Lines);
        assert_eq!(Display::choose(true, true, false), Display::Quiet);
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Log {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_log_gets_a_line_now_and_then_until_the_end() {
        let log = Log::default();
        let (suite, work) = work();
        let progress = Progress::with_interval(
            Display::Lines,
            Duration::from_millis(1),
            work,
            Detail::default(),
            Box::new(log.clone()),
            Listeners::default(),
        );
        progress.say("hello");
        let wait = |line: &str| {
            while !log.text().lines().any(|it| it.starts_with(line)) {
                std::thread::yield_now();
            }
        };
        progress.start(&suite.problems()[0]);
        wait("0/4 rows, Ring n = 5");
        progress.solved(&record(&suite, 0));
        progress.row(&row(&suite, 0));
        wait("1/4 rows, about ");
        drop(progress);
        let end = log.text();
        assert!(end.starts_with("hello\n"));
        assert!(!end.contains('\u{1b}') && !end.contains('\r'));
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(log.text(), end);
    }

    #[test]
    fn a_quiet_run_says_nothing_but_tells_programs_and_its_folder() {
        let (log, told) = (Log::default(), Log::default());
        let (suite, work) = work();
        let folder = tempfile::tempdir().unwrap();
        let timeline = Timeline::open(folder.path(), 3).unwrap();
        let events = Events::new(Box::new(told.clone()));
        let progress = Progress::new(
            Display::Quiet,
            work,
            Detail::default(),
            Box::new(log.clone()),
            Listeners { events: Some(events), timeline: Some(timeline), ..Listeners::default() },
        );
        progress.say("hello");
        progress.start(&suite.problems()[0]);
        progress.solved(&record(&suite, 0));
        progress.row(&row(&suite, 0));
        progress.checkpoint();
        drop(progress);
        assert!(log.text().is_empty());
        let events: Vec<serde_json::Value> =
            told.text().lines().map(|it| serde_json::from_str(it).unwrap()).collect();
        let names: Vec<&str> = events.iter().map(|it| it["event"].as_str().unwrap()).collect();
        assert_eq!(names, ["problem", "solved", "row", "checkpoint"]);
        assert_eq!(events[2]["relative_error"], serde_json::Value::Null);
        assert_eq!(events[3]["rows_done"], 1);
        let samples = timeline::read(folder.path()).unwrap();
        assert_eq!(samples.last().map(|it| (it.session, it.rows_done)), Some((3, 1)));
    }
}
