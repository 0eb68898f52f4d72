//! The folder of a job: what is computed, and the rounds in which it is.
//!
//! | file | what it holds |
//! |---|---|
//! | `job.json` | what is computed, by which version of the program |
//! | `round-R/plan.json` | the tasks of the R-th round, with the expected cost of each item |
//! | `round-R/t00017.json` | one task: all that the process which does it has to read |
//! | `journals/` | what was done (see [`journals`](super::journals)) |
//!
//! A round appears with all its files at once, since its folder is made under another name and
//! renamed. Other programs may keep files of their own beside these.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use phi_protocol::{GivenUpItem, JOB_FILE, JOB_FOLDER};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::job::Spec;
use crate::engine::result::check_bytes;
use crate::error::Error;
use crate::files::append::{
    exists, make_folder, read_own, sync_folder, write_one_of_many, write_whole,
};
use crate::files::seal::{seal, unseal};
use crate::files::temporary::{Temporary, remove_all_left_over, remove_left_over};

/// The most rounds that an item is in before it is given up: the first, and three more.
pub const MOST_ATTEMPTS: usize = 4;

/// The folder of a job.
#[derive(Debug, Clone)]
pub struct JobFolder {
    path: PathBuf,
}

/// `job.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobFile {
    /// The specification of the job.
    pub job: Spec,
    /// The program that computes it: [`program`].
    pub program: String,
    /// The processors, and threads, of a task.
    pub cpus: usize,
    /// Number of tasks that were expected to run at the same time.
    pub slots: usize,
    /// The most tasks that a round was to have.
    pub max_tasks: usize,
    /// The time that a task was to take, in seconds, if that was asked for.
    pub task_seconds: Option<f64>,
}

/// This program: its version, and the commit it was built from where that is known. All tasks of a
/// job are done by the same.
pub fn program() -> String {
    match env!("PHI_COMMIT") {
        "unknown" => env!("CARGO_PKG_VERSION").to_owned(),
        commit => format!("{} ({commit})", env!("CARGO_PKG_VERSION")),
    }
}

/// `plan.json`: a round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The number of the round, counted from 1.
    pub round: usize,
    /// The stage that its items are of.
    pub stage: String,
    /// `true` if the job is done when all items of this stage are.
    pub is_last_stage: bool,
    /// `true` if attempts are counted anew from this round on.
    pub is_fresh: bool,
    /// The items of the stage.
    pub n_items: u64,
    /// Those that were done when the round was planned.
    pub items_done: u64,
    /// Those that were given up by then, with the first of them by name.
    pub n_given_up: usize,
    /// Up to [`NAMED`](super::rounds::NAMED) of these.
    pub given_up: Vec<GivenUpItem>,
    /// The processors, and threads, of a task.
    pub cpus: usize,
    /// The memory that a task needs, in bytes.
    pub memory_bytes: u64,
    /// The expected time of the longest task, in seconds.
    pub task_seconds: f64,
    /// The expected time of all items, in seconds.
    pub cpu_seconds: f64,
    /// The predicted share of the time of all slots that is spent on items.
    pub efficiency: f64,
    /// The tasks, the longest first.
    pub tasks: Vec<PlannedTask>,
}

/// A task of a plan: its items, each with its expected time in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedTask(pub Vec<(u64, f64)>);

impl PlannedTask {
    /// The items.
    pub fn items(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|(item, _)| *item)
    }

    /// The expected time of all items, in seconds.
    pub fn seconds(&self) -> f64 {
        self.0.iter().map(|(_, seconds)| seconds).sum()
    }
}

/// `t00017.json`: a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The round, counted from 1.
    pub round: usize,
    /// The number of the task in its round, counted from 1.
    pub task: usize,
    /// The stage.
    pub stage: String,
    /// The processors, and threads.
    pub cpus: usize,
    /// The items.
    pub items: Vec<u64>,
    /// Further input that the items need. It depends on the kind of job.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub input: Value,
}

/// A document with the name and the version of its form. All are sealed.
#[derive(Serialize, Deserialize)]
struct Document<T> {
    schema: String,
    version: u32,
    #[serde(flatten)]
    content: T,
}

/// The version of all these forms.
const VERSION: u32 = 1;

/// A document as text, sealed: see `seal`.
pub(crate) fn to_json<T: Serialize>(schema: &str, content: T) -> String {
    let document = Document { schema: schema.to_owned(), version: VERSION, content };
    seal(schema, &serde_json::to_string(&document).expect("plain data")) + "\n"
}

/// A document from text; the error says what was expected.
pub(crate) fn from_json<T: DeserializeOwned>(schema: &str, text: &str) -> Result<T, String> {
    #[derive(Deserialize)]
    struct Form {
        schema: String,
        version: u32,
    }
    let text = unseal(schema, text.strip_suffix('\n').unwrap_or(text))?;
    // The form first: another version may have other fields.
    let form: Form = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    if (form.schema.as_str(), form.version) != (schema, VERSION) {
        return Err(format!(
            "schema {:?} version {}: expected {schema:?} version {VERSION}",
            form.schema, form.version
        ));
    }
    let document: Document<T> = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    Ok(document.content)
}

/// Reads a document whose numbers must pass `check`.
fn read<T: DeserializeOwned>(
    path: &Path,
    schema: &str,
    check: impl Fn(&T) -> Result<(), String>,
) -> Result<T, Error> {
    let text = read_own(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let text = str::from_utf8(&text).map_err(|_| "not UTF-8".to_owned());
    text.and_then(|text| from_json(schema, text))
        .and_then(|content| check(&content).map(|()| content))
        .map_err(|message| Error::Content { place: path.display().to_string(), message })
}

/// Checks that a time in seconds can be.
pub(crate) fn check_seconds(what: &str, seconds: f64) -> Result<(), String> {
    match (0.0..=1e12).contains(&seconds) {
        true => Ok(()),
        false => {
            Err(format!("{what} {seconds:?}: expected a number of at least 0 and at most 1e12"))
        }
    }
}

/// Checks that a task can have so many processors, as the command line can ask for.
fn check_cpus(cpus: usize) -> Result<(), String> {
    match u16::try_from(cpus) {
        Ok(1..) => Ok(()),
        _ => Err(format!("cpus {cpus}: expected a number from 1 to {}", u16::MAX)),
    }
}

impl JobFile {
    fn check(&self) -> Result<(), String> {
        check_cpus(self.cpus)?;
        if self.slots == 0 || self.max_tasks == 0 {
            return Err("slots or max_tasks 0: expected at least 1 of each".to_owned());
        }
        check_seconds("task_seconds", self.task_seconds.unwrap_or(0.0))
    }
}

impl Plan {
    fn check(&self, round: usize) -> Result<(), String> {
        if self.round != round {
            return Err(format!("round {}: expected {round}", self.round));
        }
        check_cpus(self.cpus)?;
        let Plan { items_done, n_items, .. } = *self;
        if items_done > n_items {
            return Err(format!(
                "{items_done} items of {n_items} are done: expected at most all of them"
            ));
        }
        check_bytes("memory_bytes", Some(self.memory_bytes))?;
        check_seconds("task_seconds", self.task_seconds)?;
        check_seconds("cpu_seconds", self.cpu_seconds)?;
        check_seconds("efficiency", self.efficiency)?;
        let mut items = self.tasks.iter().flat_map(|it| &it.0);
        items.try_for_each(|(item, seconds)| match item {
            item if *item >= n_items => Err(format!("item {item}: expected one of {n_items}")),
            _ => check_seconds("seconds of an item", *seconds),
        })
    }
}

impl Task {
    fn check(&self, round: usize, task: usize) -> Result<(), String> {
        check_cpus(self.cpus)?;
        if (self.round, self.task) != (round, task) {
            return Err(format!(
                "round {} task {}: expected round {round} task {task}",
                self.round, self.task
            ));
        }
        let mut there = HashSet::new();
        match self.items.iter().find(|it| !there.insert(**it)) {
            Some(item) => Err(format!("item {item} twice: expected each item once")),
            None => Ok(()),
        }
    }
}

const JOB: &str = "phi-validation/cluster";
const PLAN: &str = "phi-validation/cluster-plan";
const TASK: &str = "phi-validation/cluster-task";

impl JobFolder {
    /// Returns the folder of the job of the run in `run`.
    pub fn of_run(run: &Path) -> JobFolder {
        JobFolder { path: run.join(JOB_FOLDER) }
    }

    /// The job that is named by its folder, by that of its run, or by the name of the run among
    /// `runs`.
    ///
    /// # Errors
    /// [`Error::Output`] if there is none.
    pub fn locate(runs: &Path, named: &Path) -> Result<JobFolder, Error> {
        let candidates =
            [named.to_owned(), named.join(JOB_FOLDER), runs.join(named).join(JOB_FOLDER)];
        match candidates.into_iter().find(|it| it.join(JOB_FILE).is_file()) {
            // Tasks run in other folders and on other machines.
            Some(path) => match fs::canonicalize(&path) {
                Ok(path) => Ok(JobFolder { path }),
                Err(source) => Err(Error::Read { path, source }),
            },
            None => Err(Error::Output {
                path: named.to_owned(),
                message:
                    "is not the folder of a cluster job that this machine can see: expected a \
                          job.json in it; a folder that all machines share must hold the runs"
                        .to_owned(),
            }),
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the run that the job is about.
    pub fn run(&self) -> &Path {
        self.path.parent().expect("a folder within that of the run")
    }

    /// The folder of the journals.
    pub fn journals(&self) -> PathBuf {
        self.path.join("journals")
    }

    /// The folder of a round.
    pub fn round(&self, round: usize) -> PathBuf {
        self.path.join(format!("round-{round}"))
    }

    /// Returns the file of the job, or `None` if there is no job yet.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Content`].
    pub fn job(&self) -> Result<Option<JobFile>, Error> {
        let path = self.path.join(JOB_FILE);
        if exists(&path)? { read(&path, JOB, JobFile::check).map(Some) } else { Ok(None) }
    }

    /// Says what is computed, and makes room for it.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_job(&self, job: &JobFile) -> Result<(), Error> {
        make_folder(&self.path)?;
        make_folder(&self.journals())?;
        write_whole(&self.path.join(JOB_FILE), to_json(JOB, job))
    }

    /// All rounds, the first first.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Content`].
    pub fn plans(&self) -> Result<Vec<Plan>, Error> {
        (1..=self.n_rounds()?).map(|round| self.plan(round)).collect()
    }

    /// Number of rounds.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn n_rounds(&self) -> Result<usize, Error> {
        let mut n = 0;
        while exists(&self.round(n + 1).join("plan.json"))? {
            n += 1;
        }
        Ok(n)
    }

    /// A round.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Content`].
    pub fn plan(&self, round: usize) -> Result<Plan, Error> {
        let check = |plan: &Plan| plan.check(round);
        read(&self.round(round).join("plan.json"), PLAN, check)
    }

    /// A task.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Content`].
    pub fn task(&self, round: usize, task: usize) -> Result<Task, Error> {
        let check = |it: &Task| it.check(round, task);
        read(&self.round(round).join(task_name(task)), TASK, check)
    }

    /// Removes what tasks that were killed have left behind: journals that were not finished, of
    /// which each has its predecessor.
    pub fn tidy(&self) {
        remove_all_left_over(&self.journals(), |name| name.ends_with(".jsonl"));
    }

    /// Adds a round. `input` is what a task needs besides its items.
    ///
    /// # Errors
    /// [`Error::Write`]; [`Error::Output`] if another process has added this round meanwhile.
    pub fn write_round(
        &self,
        plan: &Plan,
        input: impl Fn(&[u64]) -> Value + Sync,
    ) -> Result<(), Error> {
        let target = self.round(plan.round);
        remove_left_over(&target);
        make_folder(&self.path)?;
        let made = Temporary::folder(&target);
        let temporary = made.map_err(|source| write_error(&target, source))?;
        let beside = &temporary.path;
        let task_of = |index: usize| {
            let items: Vec<u64> = plan.tasks[index].items().collect();
            Task {
                round: plan.round,
                task: index + 1,
                stage: plan.stage.clone(),
                cpus: plan.cpus,
                input: input(&items),
                items,
            }
        };
        // Flushing waits for the disk, many at once for about as long as one.
        let n_threads = plan.tasks.len().min(16);
        let written = thread::scope(|scope| {
            let writer = |first: usize| {
                let task_of = &task_of;
                scope.spawn(move || {
                    (first..plan.tasks.len()).step_by(n_threads).try_for_each(|index| {
                        write_one_of_many(
                            &beside.join(task_name(index + 1)),
                            to_json(TASK, task_of(index)),
                        )
                    })
                })
            };
            let writers: Vec<_> = (0..n_threads).map(writer).collect();
            writers.into_iter().try_for_each(|it| it.join().expect("writing does not panic"))
        });
        let written = written
            .and_then(|()| write_one_of_many(&beside.join("plan.json"), to_json(PLAN, plan)))
            .and_then(|()| match fs::rename(beside, &target) {
                Ok(()) => {
                    sync_folder(&target);
                    Ok(())
                }
                Err(_) if target.exists() => Err(Error::Output {
                    path: target.clone(),
                    message: "exists: another process has planned this round".to_owned(),
                }),
                Err(source) => Err(write_error(&target, source)),
            });
        if written.is_err() {
            let _ = fs::remove_dir_all(beside);
        }
        written
    }
}

/// The name of the file of a task.
fn task_name(task: usize) -> String {
    format!("t{task:05}.json")
}

fn write_error(path: &Path, source: io::Error) -> Error {
    Error::Write { path: path.to_owned(), source, note: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_process_is_planning_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        let folder = JobFolder::of_run(place.path());
        // In another container, or on another machine, with the same PID.
        let others = folder.path.join(format!("round-1.{}.tmp", std::process::id()));
        fs::create_dir_all(&others).unwrap();
        fs::write(others.join("t00001.json"), "half of it").unwrap();
        let plan = Plan {
            round: 1,
            stage: "all".to_owned(),
            is_last_stage: true,
            is_fresh: true,
            n_items: 1,
            items_done: 0,
            n_given_up: 0,
            given_up: Vec::new(),
            cpus: 1,
            memory_bytes: 0,
            task_seconds: 1.0,
            cpu_seconds: 1.0,
            efficiency: 1.0,
            tasks: vec![PlannedTask(vec![(0, 1.0)])],
        };
        folder.write_round(&plan, |_| Value::Null).unwrap();
        assert_eq!(folder.plan(1).unwrap(), plan);
        let error = folder.write_round(&plan, |_| Value::Null).unwrap_err();
        assert!(error.to_string().contains("another process has planned this round"), "{error}");
        assert_eq!(fs::read_to_string(others.join("t00001.json")).unwrap(), "half of it");
        let names = fs::read_dir(&folder.path).unwrap().map(|it| it.unwrap().file_name());
        assert_eq!(names.count(), 2, "something of a round that was refused is left");

        // What cannot be is refused where it is read.
        let whole = folder.task(1, 1).unwrap();
        let wrong = |task: Task| task.check(1, 1).unwrap_err();
        assert_eq!(
            wrong(Task { cpus: 1_000_000, ..whole.clone() }),
            "cpus 1000000: expected a number from 1 to 65535"
        );
        assert_eq!(
            wrong(Task { items: vec![0, 0], ..whole }),
            "item 0 twice: expected each item once"
        );
        assert!(Plan { cpus: usize::MAX, ..plan }.check(1).unwrap_err().contains("expected"));
    }
}
