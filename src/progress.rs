//! How far a run is and how long it still takes, on standard error.
//!
//! On a terminal there is a bar; elsewhere, as in a log, a line now and then. The remaining time
//! weighs each exact problem by its [`cost`], since one problem of 8 units takes as long as
//! thousands of 5, and learns the machine's speed from the problems done.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::network::Network;

/// What the exact Φ of a network costs, in arbitrary units: only ratios matter.
///
/// `(7.4 · 2.5^density)ⁿ`, the density being the share of the pairs of units that are joined. Fitted by
/// least squares to the logarithms of the times that the study's problems of 5 to 8 units took;
/// they scatter around it by a factor of 1.5.
pub fn cost(network: &Network) -> f64 {
    let n = network.n_units() as f64;
    let density = network.graph().edges().len() as f64 / (n * (n - 1.0) / 2.0);
    (7.4 * 2.5_f64.powf(density)).powf(n)
}

/// What the engine says of the problem under way: written by it, read by the display.
#[derive(Debug, Clone, Default)]
pub struct Detail(Arc<Mutex<String>>);

impl Detail {
    /// Says how far the problem has come; nothing if empty.
    pub fn set(&self, text: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }

    fn get(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

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
        let mut bar: Option<ProgressBar> = None;
        let mut guard = stopped.lock().unwrap_or_else(PoisonError::into_inner);
        while !*guard {
            let waited = wake.wait_timeout(guard, display.interval());
            (guard, _) = waited.unwrap_or_else(PoisonError::into_inner);
            let text = detail.get();
            if *guard || text.is_empty() {
                continue;
            }
            match display {
                Display::Bar => {
                    let bar = bar.get_or_insert_with(ProgressBar::new_spinner);
                    bar.set_message(text);
                    bar.tick();
                }
                Display::Lines => {
                    let _ = writeln!(std::io::stderr(), "{text}");
                }
                Display::Quiet => {}
            }
        }
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
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

/// How a run shows its progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Display {
    /// A bar that is drawn again and again.
    Bar,
    /// A line now and then.
    Lines,
    /// Nothing.
    Quiet,
}

impl Display {
    /// A bar on a terminal outside continuous integration, else lines; nothing if asked to be quiet.
    pub fn choose(quiet: bool, is_terminal: bool, is_ci: bool) -> Display {
        match (quiet, is_terminal && !is_ci) {
            (true, _) => Display::Quiet,
            (false, true) => Display::Bar,
            (false, false) => Display::Lines,
        }
    }

    /// How often the display is renewed.
    fn interval(self) -> Duration {
        match self {
            Display::Bar => Duration::from_millis(250),
            Display::Lines | Display::Quiet => Duration::from_secs(30),
        }
    }
}

/// What is known of a run. Times are counted from its start.
#[derive(Debug, Clone, PartialEq)]
struct Work {
    n_rows: usize,
    rows_done: usize,
    /// The cost of all problems that this run has to solve.
    cost: f64,
    /// The cost of those solved, and the time it took.
    cost_done: f64,
    time_done: Duration,
    current: Option<Current>,
}

/// The problem under way.
#[derive(Debug, Clone, PartialEq)]
struct Current {
    what: String,
    cost: f64,
    since: Duration,
}

impl Work {
    /// The time that a problem of unit cost takes here; unknown before one was solved.
    fn seconds_per_cost(&self) -> Option<f64> {
        (self.cost_done > 0.0).then(|| self.time_done.as_secs_f64() / self.cost_done)
    }

    /// The share of the problem under way that is probably done: the engine does not say.
    fn current_share(&self, now: Duration) -> f64 {
        match (&self.current, self.seconds_per_cost()) {
            (Some(Current { cost, since, .. }), Some(pace)) if cost * pace > 0.0 => {
                ((now - *since).as_secs_f64() / (cost * pace)).min(0.95)
            }
            _ => 0.0,
        }
    }

    /// The share of the work that is done, from 0 to 1.
    fn fraction(&self, now: Duration) -> f64 {
        let current = self.current.as_ref().map_or(0.0, |it| it.cost * self.current_share(now));
        if self.cost > 0.0 { ((self.cost_done + current) / self.cost).clamp(0.0, 1.0) } else { 1.0 }
    }

    /// The time that is left; unknown before a problem was solved.
    fn remaining(&self, now: Duration) -> Option<Duration> {
        let left = self.cost * (1.0 - self.fraction(now)) * self.seconds_per_cost()?;
        Duration::try_from_secs_f64(left).ok()
    }

    /// Everything in one line.
    fn line(&self, now: Duration) -> String {
        let Work { rows_done, n_rows, .. } = self;
        let mut line = format!("{rows_done}/{n_rows} rows");
        if let Some(Current { what, .. }) = &self.current {
            line.push_str(&format!(", {what}"));
        }
        match self.remaining(now) {
            Some(left) if !left.is_zero() => line + &format!(", about {} left", duration(left)),
            _ => line,
        }
    }
}

/// A duration for a person: `40 s`, `12 min`, `3 h 20 min`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().ceil() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// The progress of a run. It shows itself until it is dropped.
pub struct Progress {
    shared: Arc<Shared>,
    ticker: Option<JoinHandle<()>>,
}

struct Shared {
    display: Display,
    started: Instant,
    bar: ProgressBar,
    state: Mutex<State>,
    stop: Condvar,
}

struct State {
    detail: Detail,
    work: Work,
    stopped: bool,
    lines: Box<dyn Write + Send>,
}

impl State {
    fn line(&self, now: Duration) -> String {
        let (line, detail) = (self.work.line(now), self.detail.get());
        if detail.is_empty() { line } else { format!("{line} ({detail})") }
    }
}

impl Progress {
    /// Shows a run of `n_rows` rows, some done before, that has to solve problems of this `cost` in
    /// all. `lines` takes what is not a bar.
    pub fn new(
        display: Display,
        n_rows: usize,
        rows_done: usize,
        cost: f64,
        lines: Box<dyn Write + Send>,
    ) -> Progress {
        Progress::with_interval(display, display.interval(), n_rows, rows_done, cost, lines)
    }

    fn with_interval(
        display: Display,
        interval: Duration,
        n_rows: usize,
        rows_done: usize,
        cost: f64,
        lines: Box<dyn Write + Send>,
    ) -> Progress {
        let bar = match display {
            Display::Bar => ProgressBar::new(1000),
            Display::Lines | Display::Quiet => ProgressBar::hidden(),
        };
        let style = ProgressStyle::with_template("{bar:24} {percent:>3} %  {wide_msg}");
        bar.set_style(style.expect("a valid template"));
        let time_done = Duration::ZERO;
        let work = Work { n_rows, rows_done, cost, cost_done: 0.0, time_done, current: None };
        let shared = Arc::new(Shared {
            display,
            started: Instant::now(),
            bar,
            state: Mutex::new(State { detail: Detail::default(), work, stopped: false, lines }),
            stop: Condvar::new(),
        });
        let ticker = (display != Display::Quiet).then(|| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.tick(interval))
        });
        Progress { shared, ticker }
    }

    /// Shows what `detail` says beside the problem under way.
    pub fn follow(&self, detail: Detail) {
        self.shared.state().detail = detail;
    }

    /// A problem of this cost is under way; `what` names it.
    pub fn start(&self, what: String, cost: f64) {
        let since = self.shared.started.elapsed();
        self.shared.state().work.current = Some(Current { what, cost, since });
    }

    /// The problem under way is solved.
    pub fn solved(&self) {
        let now = self.shared.started.elapsed();
        let mut state = self.shared.state();
        state.detail.set(String::new());
        let work = &mut state.work;
        if let Some(Current { cost, since, .. }) = work.current.take() {
            work.cost_done += cost;
            work.time_done += now - since;
        }
    }

    /// One more row is done.
    pub fn row(&self) {
        self.shared.state().work.rows_done += 1;
    }

    /// Says something to the user without breaking the bar. Quiet runs say nothing.
    pub fn say(&self, message: &str) {
        match self.shared.display {
            Display::Bar => self.shared.bar.println(message),
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
        if let Some(ticker) = self.ticker.take() {
            let _ = ticker.join();
        }
        self.shared.bar.finish_and_clear();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Renews the display until the run is over.
    fn tick(&self, interval: Duration) {
        let mut state = self.state();
        loop {
            if self.display == Display::Bar {
                let now = self.started.elapsed();
                self.bar.set_position((state.work.fraction(now) * 1000.0) as u64);
                self.bar.set_message(state.line(now));
            }
            let waited = self.stop.wait_timeout_while(state, interval, |it| !it.stopped);
            let timeout;
            (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if !timeout.timed_out() {
                return;
            }
            if self.display == Display::Lines {
                let line = state.line(self.started.elapsed());
                let _ = writeln!(state.lines, "{line}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamics::Rule;
    use crate::topology::Topology;

    /// A run of cost 200 in which solving `cost_done` took `time_done` seconds.
    fn work(cost_done: f64, time_done: u64) -> Work {
        let time_done = Duration::from_secs(time_done);
        Work { n_rows: 160, rows_done: 40, cost: 200.0, cost_done, time_done, current: None }
    }

    /// The same with a problem under way, since second 10.
    fn busy(work: Work, cost: f64) -> Work {
        let (what, since) = ("Dense n = 8".to_owned(), Duration::from_secs(10));
        Work { current: Some(Current { what, cost, since }), ..work }
    }

    #[track_caller]
    fn check(work: &Work, now: u64, expected: &str) {
        assert_eq!(work.line(Duration::from_secs(now)), expected);
    }

    #[test]
    fn remaining_time_follows_the_cost_not_the_rows() {
        check(&work(0.0, 0), 9, "40/160 rows");
        check(&busy(work(0.0, 0), 100.0), 15, "40/160 rows, Dense n = 8");
        check(&work(50.0, 10), 10, "40/160 rows, about 30 s left");
        check(&work(200.0, 10), 10, "40/160 rows");
        check(&Work { cost: 0.0, ..work(0.0, 0) }, 10, "40/160 rows");
        // 100 of the 150 left are under way and will take 20 s; 10 s later half of them is done.
        let busy = busy(work(50.0, 10), 100.0);
        check(&busy, 10, "40/160 rows, Dense n = 8, about 30 s left");
        check(&busy, 20, "40/160 rows, Dense n = 8, about 20 s left");
        // A problem that takes longer than expected is never done before it is.
        check(&busy, 500, "40/160 rows, Dense n = 8, about 11 s left");
        let share = busy.fraction(Duration::from_secs(500));
        assert!((share - 145.0 / 200.0).abs() < 1e-12, "{share}");
    }

    #[test]
    fn durations_are_for_people() {
        let text = |seconds| duration(Duration::from_secs_f64(seconds));
        assert_eq!(text(0.2), "1 s");
        assert_eq!(text(59.0), "59 s");
        assert_eq!(text(61.0), "2 min");
        assert_eq!(text(3600.0 * 3.0 + 60.0 * 20.0), "3 h 20 min");
    }

    #[test]
    fn larger_and_denser_networks_cost_more() {
        let cost = |topology: Topology, n| {
            cost(&Network::new(topology.graph(n, 42), Rule::Majority, vec![0; n]))
        };
        for topology in Topology::ALL {
            assert!(cost(topology, 8) > 2.0 * cost(topology, 7), "{topology}");
        }
        assert!(cost(Topology::Dense, 7) > cost(Topology::Ring, 7));
    }

    #[test]
    fn a_bar_is_for_terminals_and_people() {
        assert_eq!(Display::choose(false, true, false), Display::Bar);
        assert_eq!(Display::choose(false, true, true), Display::Lines);
        assert_eq!(Display::choose(false, false, false), Display::Lines);
        assert_eq!(Display::choose(true, true, false), Display::Quiet);
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

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
        let lines = Box::new(log.clone());
        let progress =
            Progress::with_interval(Display::Lines, Duration::from_millis(1), 2, 0, 10.0, lines);
        progress.say("hello");
        let text = || String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let wait = |line: &str| {
            while !text().ends_with(line) {
                std::thread::yield_now();
            }
        };
        progress.start("Ring n = 5".to_owned(), 10.0);
        wait("\n0/2 rows, Ring n = 5\n");
        progress.solved();
        progress.row();
        wait("\n1/2 rows\n");
        drop(progress);
        let end = text();
        assert!(end.starts_with("hello\n"));
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(text(), end);
    }

    #[test]
    fn a_quiet_run_says_nothing() {
        let log = Log::default();
        let progress = Progress::new(Display::Quiet, 2, 0, 1.0, Box::new(log.clone()));
        progress.say("hello");
        progress.start("Ring n = 5".to_owned(), 1.0);
        drop(progress);
        assert!(log.0.lock().unwrap().is_empty());
    }
}
