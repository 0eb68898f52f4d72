//! Work in tasks: what `cluster plan | next | status | task` print with `--format json`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::path::{lossy, lossy_if_any};

/// The folder of a job within that of its run.
pub const JOB_FOLDER: &str = "cluster";
/// The file that makes a folder that of a job: what is computed.
pub const JOB_FILE: &str = "job.json";

/// [`JobStatus::schema`].
pub const JOB_SCHEMA: &str = "phi-validation/cluster-round";
/// [`JobStatus::version`].
pub const JOB_VERSION: u32 = 1;
/// [`TaskDone::schema`].
pub const TASK_SCHEMA: &str = "phi-validation/cluster-task-done";
/// [`TaskDone::version`].
pub const TASK_VERSION: u32 = 1;

/// The status of a job: what `cluster plan`, `next` and `status` print.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobStatus {
    /// [`JOB_SCHEMA`].
    pub schema: String,
    /// [`JOB_VERSION`].
    pub version: u32,
    /// The folder of the job.
    #[serde(serialize_with = "lossy")]
    pub folder: PathBuf,
    /// The kind of job: `study` or `phi`.
    pub job: String,
    /// The next step for the job.
    pub state: JobState,
    /// The last round; 0 if there was nothing to plan.
    pub round: u32,
    /// The stage of the round; empty if there is none.
    pub stage: String,
    /// The items of the stage.
    pub n_items: u64,
    /// The items that are done.
    pub items_done: u64,
    /// The tasks of the round.
    pub n_tasks: u64,
    /// The tasks all of whose items are done.
    pub tasks_done: u64,
    /// The processors, and threads, of a task.
    pub cpus: u64,
    /// The memory that a task needs.
    pub memory_bytes: u64,
    /// The expected time of the longest task.
    pub task_seconds: f64,
    /// The expected time of all items of the round.
    pub cpu_seconds: f64,
    /// The expected time of the items that are done.
    pub cpu_seconds_done: f64,
    /// The predicted share of the time of all slots that is spent on items.
    pub efficiency: f64,
    /// Instructions beyond those of every x86-64 that the program may use: nodes need them too.
    pub cpu_features: Vec<String>,
    /// The first tasks of the round that are not done, counted from 1.
    pub unfinished_tasks: Vec<u64>,
    /// Number of items that were given up.
    pub n_given_up: u64,
    /// The first of the items that were given up.
    pub given_up: Vec<GivenUpItem>,
}

impl JobStatus {
    /// The status of a job in which nothing was to be planned.
    pub fn nothing_to_do(folder: PathBuf, job: &str) -> JobStatus {
        JobStatus {
            schema: JOB_SCHEMA.to_owned(),
            version: JOB_VERSION,
            folder,
            job: job.to_owned(),
            state: JobState::Finished,
            round: 0,
            stage: String::new(),
            n_items: 0,
            items_done: 0,
            n_tasks: 0,
            tasks_done: 0,
            cpus: 0,
            memory_bytes: 0,
            task_seconds: 0.0,
            cpu_seconds: 0.0,
            cpu_seconds_done: 0.0,
            efficiency: 1.0,
            cpu_features: Vec::new(),
            unfinished_tasks: Vec::new(),
            n_given_up: 0,
            given_up: Vec::new(),
        }
    }
}

/// The next step for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    /// There is a round to be submitted, or under way, or to be planned.
    Planned,
    /// Everything is there.
    Finished,
    /// Some items are missing, and each has been tried often enough.
    GivenUp,
}

/// An item that no attempt could finish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenUpItem {
    /// The name of the item for people.
    pub item: String,
    /// Number of times that it was tried.
    pub attempts: u64,
}

/// The document that `cluster task` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskDone {
    /// [`TASK_SCHEMA`].
    pub schema: String,
    /// [`TASK_VERSION`].
    pub version: u32,
    /// The round, counted from 1.
    pub round: u64,
    /// The task of the round, counted from 1.
    pub task: u64,
    /// The items of the task.
    pub n_items: u64,
    /// The items that another process had done before.
    pub n_there: u64,
    /// The journal of the other items; `None` if there are none.
    #[serde(serialize_with = "lossy_if_any")]
    pub journal: Option<PathBuf>,
}
