//! What happens in a run, as JSON lines for programs.
//!
//! One object a line, each with `event`, its name, and `elapsed_ms`, the time since the start of the
//! session. `docs/study.md` lists the events and their fields; a change that could break a reader raises
//! [`VERSION`]. A reader that goes away ends the events, not the run.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;

use crate::error::Error;
use crate::model::network::ProblemId;
use crate::run::row::Row;
use crate::stats::summary::Summaries;
use crate::suite::{Key, Settings};

/// The schema of the events.
pub const SCHEMA: &str = "phi-validation/events";

/// The version of their fields.
pub const VERSION: u32 = 1;

/// Something that happened.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'a> {
    /// The run begins: what it is about, and what is done before.
    Started {
        /// [`SCHEMA`].
        schema: &'static str,
        /// [`VERSION`].
        version: u32,
        /// The version of the program.
        program: &'static str,
        /// The matrix.
        settings: &'a Settings,
        /// The rows there will be, and those that are finished.
        n_rows: usize,
        /// See `n_rows`.
        rows_done: usize,
        /// The exact problems there are, and those that are solved.
        n_problems: usize,
        /// See `n_problems`.
        problems_done: usize,
        /// Where the rows go.
        csv: PathBuf,
        /// What was found and put right on opening.
        notes: &'a [String],
    },
    /// An exact problem is begun.
    Problem {
        /// Its identity.
        problem: ProblemId,
        /// The first comparison that needs it.
        #[serde(flatten)]
        key: Key,
        /// The time it will probably take.
        expected_ms: f64,
    },
    /// How far the problem under way is; at most once a second.
    Progress {
        /// Its identity.
        problem: ProblemId,
        /// What is counted: `mechanisms`, then `cuts`; under IIT 4.0 `partitions`.
        steps: &'static str,
        /// Those done.
        done: u64,
        /// Those there are.
        total: u64,
        /// An upper bound on Φ, once one is known.
        phi_at_most: Option<f64>,
        /// The time it will take at most, by the pace so far.
        remaining_ms: Option<f64>,
    },
    /// The problem under way is solved.
    Solved {
        /// Its identity.
        problem: ProblemId,
        /// Exact Φ.
        phi: f64,
        /// The time it took.
        duration_ms: f64,
    },
    /// A row is on the disk. The fields are the columns of the CSV.
    Row {
        /// Which comparison.
        #[serde(flatten)]
        key: Key,
        /// The estimate.
        phi_hdc: f64,
        /// Exact Φ.
        phi_exact: f64,
        /// Estimate minus exact.
        error: f64,
        /// |error| / exact; null where exact Φ is 0.
        relative_error: Option<f64>,
        /// The time of the exact problem.
        duration_ms: f64,
    },
    /// All rows of a problem are on the disk: whatever happens now, they are kept.
    Checkpoint {
        /// The rows that are finished, those of earlier sessions included.
        rows_done: usize,
        /// The rows there will be.
        n_rows: usize,
        /// The problems that are solved.
        problems_done: usize,
        /// The problems there are.
        n_problems: usize,
        /// The time that is probably left.
        remaining_ms: Option<f64>,
        /// Pearson's correlation over the rows so far; null where it is undefined.
        pearson: Option<f64>,
        /// The memory of the process.
        memory_bytes: Option<u64>,
        /// The most it has used so far.
        peak_memory_bytes: Option<u64>,
        /// What the machine could still give.
        available_bytes: Option<u64>,
    },
    /// Every row is done: the content of `summary.json`.
    Summary {
        /// That.
        summary: &'a Summaries,
    },
    /// The end of a run that is complete.
    Finished {
        /// The folder of the run, or the CSV.
        output: PathBuf,
    },
    /// The end of a run that is not: the user stopped it, or it failed.
    Stopped {
        /// The exit code.
        exit_code: u8,
        /// What is said on standard error.
        message: String,
    },
}

impl Event<'_> {
    /// A finished row.
    pub fn row(row: &Row) -> Event<'static> {
        Event::Row {
            key: row.key,
            phi_hdc: row.phi_hdc,
            phi_exact: row.phi_exact,
            error: row.error(),
            relative_error: row.relative_error(),
            duration_ms: row.duration_ms,
        }
    }

    /// The end of a run by an error.
    pub fn stopped(error: &Error) -> Event<'static> {
        Event::Stopped { exit_code: error.exit() as u8, message: error.to_string() }
    }
}

/// A line: an event and when it happened.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    event: &'a Event<'a>,
    elapsed_ms: f64,
}

/// Where events go; its clones are the same.
#[derive(Clone)]
pub struct Events {
    sink: Arc<Mutex<Sink>>,
    started: Instant,
}

struct Sink {
    out: Box<dyn Write + Send>,
    failed: Option<io::Error>,
}

impl Events {
    /// Events as lines to `out`. Times are counted from now.
    pub fn new(out: Box<dyn Write + Send>) -> Events {
        let sink = Arc::new(Mutex::new(Sink { out, failed: None }));
        Events { sink, started: Instant::now() }
    }

    /// Writes an event, unless one could not be written before.
    pub fn emit(&self, event: &Event<'_>) {
        let elapsed_ms = (self.started.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        let line = serde_json::to_string(&Line { event, elapsed_ms }).expect("plain data") + "\n";
        let mut sink = self.sink();
        if sink.failed.is_none() {
            sink.failed = sink.out.write_all(line.as_bytes()).and_then(|()| sink.out.flush()).err();
        }
    }

    /// Why events could not be written, if so.
    pub fn failure(&self) -> Option<io::Error> {
        self.sink().failed.take()
    }

    fn sink(&self) -> MutexGuard<'_, Sink> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
