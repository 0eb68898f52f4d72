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
pub fn cost(network: &Network) -> f64 {
    let n = network.n_units() as f64;
    let density = network.graph().edges().len() as f64 / (n * (n - 1.0) / 2.0);
    18_f64.powf(n) * density.powi(2)
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

/// What is known of a run at one moment.
#[derive(Debug, Clone, PartialEq)]
struct Work {
    n_rows: usize,
    rows_done: usize,
    /// The cost of all problems that this run has to solve.
    cost: f64,
    /// The cost of those solved.
    cost_done: f64,
    /// The problem under way: what it is, its cost, and the share of it that is done.
    current: Option<(String, f64, f64)>,
}

impl Work {
    /// The share of the work that is done, from 0 to 1.
    fn fraction(&self) -> f64 {
        let current = self.current.as_ref().map_or(0.0, |(_, cost, share)| cost * share);
        if self.cost > 0.0 { ((self.cost_done + current) / self.cost).clamp(0.0, 1.0) } else { 1.0 }
    }

    /// The time that is left, after `elapsed`; unknown before anything was done.
    fn remaining(&self, elapsed: Duration) -> Option<Duration> {
        let fraction = self.fraction();
        let left = elapsed.as_secs_f64() * (1.0 - fraction) / fraction;
        Duration::try_from_secs_f64(left).ok()
    }

    /// Everything in one line.
    fn line(&self, elapsed: Duration) -> String {
        let Work { rows_done, n_rows, .. } = self;
        let mut line = format!("{rows_done}/{n_rows} rows");
        if let Some((what, ..)) = &self.current {
            line.push_str(&format!(", {what}"));
        }
        if self.fraction() < 1.0
            && let Some(remaining) = self.remaining(elapsed)
        {
            line.push_str(&format!(", about {} left", duration(remaining)));
        }
        line
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
    work: Work,
    stopped: bool,
    lines: Box<dyn Write + Send>,
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
        let work = Work { n_rows, rows_done, cost, cost_done: 0.0, current: None };
        let shared = Arc::new(Shared {
            display,
            started: Instant::now(),
            bar,
            state: Mutex::new(State { work, stopped: false, lines }),
            stop: Condvar::new(),
        });
        let ticker = (display != Display::Quiet).then(|| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.tick(interval))
        });
        Progress { shared, ticker }
    }

    /// A problem of this cost is under way; `what` names it.
    pub fn start(&self, what: String, cost: f64) {
        self.shared.state().work.current = Some((what, cost, 0.0));
    }

    /// This share of the problem under way is done.
    pub fn advance(&self, share: f64) {
        if let Some((_, _, done)) = &mut self.shared.state().work.current {
            *done = share.clamp(0.0, 1.0);
        }
    }

    /// The problem under way is solved.
    pub fn solved(&self) {
        let mut state = self.shared.state();
        if let Some((_, cost, _)) = state.work.current.take() {
            state.work.cost_done += cost;
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
                self.bar.set_position((state.work.fraction() * 1000.0) as u64);
                self.bar.set_message(state.work.line(self.started.elapsed()));
            }
            let waited = self.stop.wait_timeout_while(state, interval, |it| !it.stopped);
            let timeout;
            (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if !timeout.timed_out() {
                return;
            }
            if self.display == Display::Lines {
                let line = state.work.line(self.started.elapsed());
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

    fn work(cost_done: f64, current: Option<(&str, f64, f64)>) -> Work {
        let current = current.map(|(what, cost, share)| (what.to_owned(), cost, share));
        Work { n_rows: 160, rows_done: 40, cost: 200.0, cost_done, current }
    }

    #[track_caller]
    fn check(work: Work, elapsed_s: u64, expected: &str) {
        assert_eq!(work.line(Duration::from_secs(elapsed_s)), expected);
    }

    #[test]
    fn remaining_time_follows_the_cost_not_the_rows() {
        check(work(0.0, None), 0, "40/160 rows");
        check(work(0.0, None), 9, "40/160 rows");
        check(work(50.0, None), 10, "40/160 rows, about 30 s left");
        check(
            work(50.0, Some(("Dense n = 8", 100.0, 0.5))),
            100,
            "40/160 rows, Dense n = 8, about 2 min left",
        );
        check(work(200.0, None), 10, "40/160 rows");
        check(Work { cost: 0.0, ..work(0.0, None) }, 10, "40/160 rows");
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
            assert!(cost(topology, 8) > 5.0 * cost(topology, 7), "{topology}");
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
        progress.start("Ring n = 5".to_owned(), 10.0);
        progress.advance(0.5);
        let text = || String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        while !text().contains("0/2 rows, Ring n = 5, about 1 s left\n") {
            std::thread::yield_now();
        }
        progress.solved();
        progress.row();
        while !text().ends_with("1/2 rows\n") {
            std::thread::yield_now();
        }
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
