//! The events of a run, written as JSON lines.

use std::path::PathBuf;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::path::{lossy, lossy_if_any};

/// The schema of the events.
pub const EVENTS_SCHEMA: &str = "phi-validation/events";
/// The version of their fields. A change that could break a reader raises it.
pub const EVENTS_VERSION: u32 = 1;

/// A line: an event and when it happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EventLine<E = Event> {
    /// The event.
    #[serde(flatten)]
    pub event: E,
    /// The time since the start of the session.
    pub elapsed_ms: f64,
}

/// Something that happened.
///
/// Settings, the key of a comparison and the statistics are the study's own: a launcher passes over
/// them, which is the default here.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<Settings = IgnoredAny, Key = IgnoredAny, Summary = IgnoredAny> {
    /// The answer to [`Question::Prepare`](crate::Question::Prepare).
    Prepared {
        /// [`EVENTS_SCHEMA`].
        schema: String,
        /// [`EVENTS_VERSION`].
        version: u32,
        /// The version of the program.
        program: String,
        /// The task that the arguments ask for.
        task: Task,
    },
    /// The run begins: what it is about, and what is done before.
    Started {
        /// [`EVENTS_SCHEMA`].
        schema: String,
        /// [`EVENTS_VERSION`].
        version: u32,
        /// The version of the program.
        program: String,
        /// The matrix.
        settings: Settings,
        /// The rows there will be.
        n_rows: usize,
        /// The rows that are finished.
        rows_done: usize,
        /// The exact problems there are.
        n_problems: usize,
        /// The exact problems that are solved.
        problems_done: usize,
        /// The file for the rows.
        #[serde(serialize_with = "lossy")]
        csv: PathBuf,
        /// The problems that were found and repaired when the run was opened.
        notes: Vec<String>,
    },
    /// An exact problem is begun.
    Problem {
        /// The identity of the problem.
        problem: String,
        /// The first comparison that needs it.
        #[serde(flatten)]
        key: Key,
        /// The time it will probably take.
        expected_ms: f64,
    },
    /// State of the problem under way; at most once a second.
    Progress {
        /// The identity of the problem.
        problem: String,
        /// The unit of the steps: `mechanisms`, then `cuts`; under IIT 4.0 `partitions`.
        steps: String,
        /// The steps that are done.
        done: u64,
        /// The steps there are.
        total: u64,
        /// An upper bound on Φ, once one is known.
        phi_at_most: Option<f64>,
        /// The time it will take at most, by the pace so far.
        remaining_ms: Option<f64>,
    },
    /// The problem under way is solved.
    Solved {
        /// The identity of the problem.
        problem: String,
        /// Exact Φ.
        phi: f64,
        /// The time it took.
        duration_ms: f64,
    },
    /// A row is on the disk. The fields are the columns of the CSV.
    Row {
        /// The key of the comparison.
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
        /// The memory that the machine could still give.
        available_bytes: Option<u64>,
    },
    /// Every row is done: the content of the run's file of statistics.
    Summary {
        /// The statistics.
        summary: Summary,
    },
    /// The end of a run that is complete.
    Finished {
        /// The folder of the run, or the CSV.
        #[serde(serialize_with = "lossy")]
        output: PathBuf,
    },
    /// The end of a run that is not: the user stopped it, or it failed.
    Stopped {
        /// The exit code.
        exit_code: u8,
        /// The message on standard error.
        message: String,
    },
}

/// The task that the arguments of the study's program ask for, as far as a launcher has to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Task {
    /// The study itself.
    Study {
        /// The files of the results, and what they hold.
        results: Results,
        /// The threads it may be given.
        workers: Workers,
    },
    /// A study, or one Φ, is to be planned in tasks.
    Plan {
        /// The name of the run.
        run: String,
        /// The folder of the job.
        #[serde(serialize_with = "lossy")]
        folder: PathBuf,
    },
    /// The results of the tasks of a study are to be put together.
    Gather {
        /// The files of the results, and what they hold.
        results: Results,
    },
    /// Something that has no results which go on.
    Other,
}

/// The files of results, and what they hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Results {
    /// The folder of the run; `None` if the user has named a file. Only a run in a folder goes on
    /// when the same command is given again.
    #[serde(serialize_with = "lossy_if_any")]
    pub folder: Option<PathBuf>,
    /// The rows.
    #[serde(serialize_with = "lossy")]
    pub csv: PathBuf,
    /// The statistics, once there are any.
    #[serde(serialize_with = "lossy")]
    pub summary: PathBuf,
    /// The complete rows that `csv` holds.
    pub rows_done: u64,
}

/// The threads of a study, and what they need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workers {
    /// The threads that the user has asked for; `None` leaves it to the launcher.
    pub asked: Option<u64>,
    /// The memory that one worker may need.
    pub worker_bytes: u64,
    /// The memory that all of them share.
    pub shared_bytes: u64,
}

/// A run among others: what `runs --format json` prints a list of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Listed<Settings = IgnoredAny> {
    /// The name of its folder.
    pub name: String,
    /// The rows that are finished, and those there will be; `None` if the folder cannot be read.
    pub rows: Option<(usize, usize)>,
    /// The time of its first start, in milliseconds since 1970 (UTC).
    pub started_unix_ms: Option<u64>,
    /// A process is writing it now.
    pub is_running: bool,
    /// The settings of the study: the matrix that it compares.
    pub settings: Option<Settings>,
    /// The reason why it cannot be read, if so.
    pub error: Option<String>,
}
