//! Rounds: missing items go into the next one, and the status of the job.
//!
//! The missing items are known from the journals alone. An item that is missing after
//! [`MOST_ATTEMPTS`] rounds that it was in is given up.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use phi_protocol::{GivenUpItem, JobState, JobStatus};

use super::folder::{JobFile, JobFolder, MOST_ATTEMPTS, Plan, PlannedTask, program};
use super::job::{Item, Job, Spec, Stage};
use super::journals::Journals;
use super::packing::{OVERHEAD, TaskDivision, efficiency, pack};
use crate::error::Error;
use crate::machine::cpu::compiled_for;

/// The most things that are named in one list.
pub const NAMED: usize = 100;

/// The wishes for a round. `None` means: as in the job's file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoundOptions {
    /// The number of tasks that run at the same time.
    pub slots: Option<usize>,
    /// The most tasks.
    pub max_tasks: Option<usize>,
    /// The expected time of each task, in seconds.
    pub task_seconds: Option<f64>,
    /// The factor for the memory.
    pub memory_factor: f64,
    /// The factor for the expected time of the longest task.
    pub time_factor: f64,
}

impl Default for RoundOptions {
    fn default() -> RoundOptions {
        RoundOptions {
            slots: None,
            max_tasks: None,
            task_seconds: None,
            memory_factor: 1.0,
            time_factor: 1.0,
        }
    }
}

/// Plans the next round of a job: everything that is missing and was not given up. If `is_fresh`,
/// no attempt so far counts. Where nothing is to be planned, nothing is written.
///
/// # Errors
/// As [`Journals::read`], [`Job::stage`] and [`JobFolder::write_round`].
pub fn next(
    folder: &JobFolder,
    file: &JobFile,
    job: &dyn Job,
    ask: &RoundOptions,
    is_fresh: bool,
) -> Result<JobStatus, Error> {
    let journals = Journals::read_all(folder, &file.job.fingerprint())?;
    let stage = job.stage(&journals)?;
    let plans = folder.plans()?;
    let attempts = if is_fresh { HashMap::new() } else { attempts(&plans, stage.name) };
    let attempts_of = |item: &Item| attempts.get(&item.number).copied().unwrap_or(0);
    let (given_up, left): (Vec<Item>, Vec<Item>) =
        stage.left.iter().partition(|it| attempts_of(it) >= MOST_ATTEMPTS);
    let named = given_up.iter().take(NAMED).map(|it| GivenUpItem {
        item: job.item_name(stage.name, it.number),
        attempts: attempts_of(it) as u64,
    });
    let given_up_named: Vec<GivenUpItem> = named.collect();
    if left.is_empty() {
        let mut status = status_by(folder, &file.job, plans.last(), &journals);
        status.stage = stage.name.to_owned();
        status.n_items = stage.n_items;
        status.items_done = stage.n_items - given_up.len() as u64;
        status.n_given_up = given_up.len() as u64;
        status.state = if given_up.is_empty() { JobState::Finished } else { JobState::GivenUp };
        status.given_up = given_up_named;
        return Ok(status);
    }
    let wish = TaskDivision {
        slots: ask.slots.unwrap_or(file.slots),
        max_tasks: ask.max_tasks.unwrap_or(file.max_tasks),
        task_seconds: ask.task_seconds.or(file.task_seconds),
    };
    let plan = Plan {
        round: plans.len() + 1,
        is_fresh,
        n_given_up: given_up.len(),
        given_up: given_up_named,
        cpus: file.cpus,
        ..planned(&stage, &left, &wish, ask)
    };
    folder.write_round(&plan, |items| job.task_input(stage.name, items))?;
    Ok(status_by(folder, &file.job, Some(&plan), &journals))
}

/// Number of times that each item of a stage was tried, since attempts were last counted anew.
fn attempts(plans: &[Plan], stage: &str) -> HashMap<u64, usize> {
    let first = plans.iter().rposition(|it| it.is_fresh).unwrap_or(0);
    let mut attempts = HashMap::new();
    for plan in plans[first..].iter().filter(|it| it.stage == stage) {
        for item in plan.tasks.iter().flat_map(PlannedTask::items) {
            *attempts.entry(item).or_insert(0) += 1;
        }
    }
    attempts
}

/// The tasks of what is left of a stage.
fn planned(stage: &Stage, left: &[Item], wish: &TaskDivision, ask: &RoundOptions) -> Plan {
    let costs: Vec<f64> = left.iter().map(|it| it.seconds).collect();
    let packed = pack(&costs, wish);
    let task = |items: &Vec<usize>| {
        // Enough digits for a plan, and few enough for a short file.
        let seconds = |it: &Item| (it.seconds * 1e6).round() / 1e6;
        PlannedTask(items.iter().map(|&it| (left[it].number, seconds(&left[it]))).collect())
    };
    let bytes = left.iter().map(|it| it.bytes).max().unwrap_or_default();
    Plan {
        round: 0,
        stage: stage.name.to_owned(),
        is_last_stage: stage.is_last,
        is_fresh: false,
        n_items: stage.n_items,
        items_done: stage.n_items - stage.left.len() as u64,
        n_given_up: 0,
        given_up: Vec::new(),
        cpus: 1,
        memory_bytes: (bytes as f64 * ask.memory_factor).ceil() as u64,
        task_seconds: packed.costs.first().copied().unwrap_or_default() * ask.time_factor,
        cpu_seconds: packed.costs.iter().sum(),
        efficiency: efficiency(&packed.costs, wish.slots, OVERHEAD),
        tasks: packed.tasks.iter().map(task).collect(),
    }
}

/// State of a job, by its last round and its journals. Cheap: nothing is expanded, and of the
/// journals only the first lines are read.
///
/// # Errors
/// As [`Journals::read`]; [`Error::Read`]; [`Error::Content`].
pub fn status(folder: &JobFolder, file: &JobFile) -> Result<JobStatus, Error> {
    let journals = Journals::read_all(folder, &file.job.fingerprint())?;
    let last = match folder.n_rounds()? {
        0 => None,
        round => Some(folder.plan(round)?),
    };
    Ok(status_by(folder, &file.job, last.as_ref(), &journals))
}

fn status_by(
    folder: &JobFolder,
    job: &Spec,
    last: Option<&Plan>,
    journals: &Journals,
) -> JobStatus {
    let mut status = JobStatus::nothing_to_do(folder.path().to_owned(), job.kind());
    status.cpu_features = compiled_for().into_iter().map(str::to_owned).collect();
    let Some(plan) = last else { return status };
    let done: BTreeMap<u64, f64> = journals.done(&plan.stage);
    let mut done_here = 0;
    for (index, task) in plan.tasks.iter().enumerate() {
        let of_task = task.0.iter().filter(|(item, _)| done.contains_key(item));
        let (n, seconds) = of_task.fold((0, 0.0), |(n, sum), (_, it)| (n + 1, sum + it));
        done_here += n;
        status.cpu_seconds_done += seconds;
        if n == task.0.len() {
            status.tasks_done += 1;
        } else if status.unfinished_tasks.len() < NAMED {
            status.unfinished_tasks.push(index as u64 + 1);
        }
    }
    let is_over = status.tasks_done == plan.tasks.len() as u64 && plan.is_last_stage;
    status.state = match (is_over, plan.n_given_up) {
        (true, 0) => JobState::Finished,
        (true, _) => JobState::GivenUp,
        (false, _) => JobState::Planned,
    };
    status.round = plan.round as u32;
    status.stage.clone_from(&plan.stage);
    status.n_items = plan.n_items;
    status.items_done = plan.items_done + done_here as u64;
    status.n_tasks = plan.tasks.len() as u64;
    status.cpus = plan.cpus as u64;
    status.memory_bytes = plan.memory_bytes;
    status.task_seconds = plan.task_seconds;
    status.cpu_seconds = plan.cpu_seconds;
    status.efficiency = plan.efficiency;
    status.n_given_up = plan.n_given_up as u64;
    status.given_up.clone_from(&plan.given_up);
    status
}

/// The tasks' items that some journal has already.
pub fn done_of(items: &[u64], done: &BTreeMap<u64, f64>) -> BTreeSet<u64> {
    items.iter().copied().filter(|it| done.contains_key(it)).collect()
}

/// Checks that a task may be done by this program.
///
/// # Errors
/// [`Error::Settings`] that names both programs.
pub fn check_program(folder: &JobFolder, file: &JobFile) -> Result<(), Error> {
    let mine = program();
    if file.program == mine {
        return Ok(());
    }
    Err(Error::Settings(format!(
        "{}: the job was planned by version {} of this program, but this is {mine}: start its \
         tasks with the program that planned it, or plan it again with this one",
        folder.path().display(),
        file.program
    )))
}
