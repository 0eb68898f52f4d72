//! Rounds: what is missing goes into the next one, and how far the job is.
//!
//! What is missing is known from the journals alone. An item that is missing after
//! [`MOST_ATTEMPTS`] rounds that it was in is given up.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use serde::Serialize;

use super::folder::{GivenUp, JobFile, JobFolder, MOST_ATTEMPTS, Plan, PlannedTask, program};
use super::job::{Item, Job, Spec, Stage};
use super::journals::Journals;
use super::packing::{OVERHEAD, Wish, efficiency, pack};
use crate::error::Error;
use crate::machine::cpu::compiled_for;

/// The most things that are named in one list.
pub const NAMED: usize = 100;

/// What a round is asked to be like; what is none is as in the job's file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ask {
    /// How many tasks run at the same time.
    pub slots: Option<usize>,
    /// The most tasks.
    pub max_tasks: Option<usize>,
    /// The expected time of each task, in seconds.
    pub task_seconds: Option<f64>,
    /// What the memory is multiplied by.
    pub memory_factor: f64,
    /// What the expected time of the longest task is multiplied by.
    pub time_factor: f64,
}

impl Default for Ask {
    fn default() -> Ask {
        Ask {
            slots: None,
            max_tasks: None,
            task_seconds: None,
            memory_factor: 1.0,
            time_factor: 1.0,
        }
    }
}

/// Whether there is something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// There is a round to be submitted, or under way, or to be planned.
    Planned,
    /// Everything is there.
    Finished,
    /// What is missing has been tried often enough.
    GivenUp,
}

/// How far a job is: what `plan`, `next` and `status` print.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// `phi-validation/cluster-round`.
    pub schema: &'static str,
    /// 1.
    pub version: u32,
    /// The job's folder.
    pub folder: PathBuf,
    /// The kind of job.
    pub job: &'static str,
    /// Whether there is something to do.
    pub state: State,
    /// The last round; 0 if there was nothing to plan.
    pub round: usize,
    /// Its stage.
    pub stage: String,
    /// The items of the stage.
    pub n_items: u64,
    /// Those that are done.
    pub items_done: u64,
    /// The tasks of the round.
    pub n_tasks: usize,
    /// Those all of whose items are done.
    pub tasks_done: usize,
    /// The processors, and threads, of a task.
    pub cpus: usize,
    /// The memory that a task needs, in bytes.
    pub memory_bytes: u64,
    /// The expected time of the longest task, in seconds.
    pub task_seconds: f64,
    /// The expected time of all items of the round, in seconds.
    pub cpu_seconds: f64,
    /// That of those that are done.
    pub cpu_seconds_done: f64,
    /// The predicted share of the time of all slots that is spent on items.
    pub efficiency: f64,
    /// Instructions beyond those of every x86-64 that this program may use: nodes need them too.
    pub cpu_features: Vec<&'static str>,
    /// The first tasks of the round that are not done, counted from 1.
    pub unfinished_tasks: Vec<usize>,
    /// How many items were given up.
    pub n_given_up: usize,
    /// The first of them.
    pub given_up: Vec<GivenUp>,
}

/// Plans the next round of a job: everything that is missing and was not given up. If `is_fresh`, no attempt so far
/// counts. Where nothing is to be planned, nothing is written.
///
/// # Errors
/// As [`Journals::read`], [`Job::stage`] and [`JobFolder::write_round`].
pub fn next(
    folder: &JobFolder,
    file: &JobFile,
    job: &dyn Job,
    ask: &Ask,
    is_fresh: bool,
) -> Result<Standing, Error> {
    let journals = Journals::read_all(folder, &file.job.fingerprint())?;
    let stage = job.stage(&journals)?;
    let plans = folder.plans()?;
    let attempts = if is_fresh { HashMap::new() } else { attempts(&plans, stage.name) };
    let attempts_of = |item: &Item| attempts.get(&item.number).copied().unwrap_or(0);
    let (given_up, left): (Vec<Item>, Vec<Item>) =
        stage.left.iter().partition(|it| attempts_of(it) >= MOST_ATTEMPTS);
    let named = given_up.iter().take(NAMED).map(|it| GivenUp {
        item: job.item_name(stage.name, it.number),
        attempts: attempts_of(it),
    });
    let given_up_named: Vec<GivenUp> = named.collect();
    if left.is_empty() {
        let mut standing = standing(folder, &file.job, plans.last(), &journals);
        standing.stage = stage.name.to_owned();
        standing.n_items = stage.n_items;
        standing.items_done = stage.n_items - given_up.len() as u64;
        standing.n_given_up = given_up.len();
        standing.state = if given_up.is_empty() { State::Finished } else { State::GivenUp };
        standing.given_up = given_up_named;
        return Ok(standing);
    }
    let wish = Wish {
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
    Ok(standing(folder, &file.job, Some(&plan), &journals))
}

/// How often each item of a stage was tried, since attempts were last counted anew.
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
fn planned(stage: &Stage, left: &[Item], wish: &Wish, ask: &Ask) -> Plan {
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

/// How far a job is, by its last round and its journals. Cheap: nothing is expanded, and of the journals only the
/// first lines are read.
///
/// # Errors
/// As [`Journals::read`]; [`Error::Read`]; [`Error::Content`].
pub fn status(folder: &JobFolder, file: &JobFile) -> Result<Standing, Error> {
    let journals = Journals::read_all(folder, &file.job.fingerprint())?;
    let last = match folder.n_rounds()? {
        0 => None,
        round => Some(folder.plan(round)?),
    };
    Ok(standing(folder, &file.job, last.as_ref(), &journals))
}

fn standing(folder: &JobFolder, job: &Spec, last: Option<&Plan>, journals: &Journals) -> Standing {
    let mut standing = Standing {
        schema: "phi-validation/cluster-round",
        version: 1,
        folder: folder.path().to_owned(),
        job: job.kind(),
        state: State::Finished,
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
        cpu_features: compiled_for(),
        unfinished_tasks: Vec::new(),
        n_given_up: 0,
        given_up: Vec::new(),
    };
    let Some(plan) = last else { return standing };
    let done: BTreeMap<u64, f64> = journals.done(&plan.stage);
    let mut done_here = 0;
    for (index, task) in plan.tasks.iter().enumerate() {
        let of_task = task.0.iter().filter(|(item, _)| done.contains_key(item));
        let (n, seconds) = of_task.fold((0, 0.0), |(n, sum), (_, it)| (n + 1, sum + it));
        done_here += n;
        standing.cpu_seconds_done += seconds;
        if n == task.0.len() {
            standing.tasks_done += 1;
        } else if standing.unfinished_tasks.len() < NAMED {
            standing.unfinished_tasks.push(index + 1);
        }
    }
    let is_over = standing.tasks_done == plan.tasks.len() && plan.is_last_stage;
    standing.state = match (is_over, plan.n_given_up) {
        (true, 0) => State::Finished,
        (true, _) => State::GivenUp,
        (false, _) => State::Planned,
    };
    standing.round = plan.round;
    standing.stage.clone_from(&plan.stage);
    standing.n_items = plan.n_items;
    standing.items_done = plan.items_done + done_here as u64;
    standing.n_tasks = plan.tasks.len();
    standing.cpus = plan.cpus;
    standing.memory_bytes = plan.memory_bytes;
    standing.task_seconds = plan.task_seconds;
    standing.cpu_seconds = plan.cpu_seconds;
    standing.efficiency = plan.efficiency;
    standing.n_given_up = plan.n_given_up;
    standing.given_up.clone_from(&plan.given_up);
    standing
}

/// The tasks' items that some journal has already.
pub fn done_of(items: &[u64], done: &BTreeMap<u64, f64>) -> BTreeSet<u64> {
    items.iter().copied().filter(|it| done.contains_key(it)).collect()
}

/// Whether a task may be done by this program.
///
/// # Errors
/// [`Error::Settings`] that names both programs.
pub fn check_program(folder: &JobFolder, file: &JobFile) -> Result<(), Error> {
    let mine = program();
    if file.program == mine {
        return Ok(());
    }
    Err(Error::Settings(format!(
        "{}: the job was planned by version {} of this program, but this is {mine}: start its tasks with the \
         program that planned it, or plan it again with this one",
        folder.path().display(),
        file.program
    )))
}
