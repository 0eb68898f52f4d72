//! The commands `cluster plan | next | status | task | gather`.
//!
//! Each prints what it did: as text, or as one JSON document that a program which submits the tasks
//! reads.

use std::fs;
use std::io::{self, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use phi_protocol::{
    JOB_FOLDER, JobState, JobStatus, Launch, Question, TASK_SCHEMA, TASK_VERSION, TaskDone,
};

use super::launch::{answer, answer_other};
use super::output::{Format, display, output_failed, print};
use super::runs::{run_path, set_aside};
use super::study::{StudyArgs, check_results, conclude};
use super::{interrupt, program_name};
use crate::cluster::folder::{JobFile, JobFolder, program};
use crate::cluster::job::{Job, Spec};
use crate::cluster::journals::{CHECKPOINT, Header, Journals, TaskJournal};
use crate::cluster::phi::{self, PhiJob};
use crate::cluster::rounds::{self, RoundOptions};
use crate::cluster::study::{self, StudyJob};
use crate::engine::exact::{Engine, PhiRecord};
use crate::engine::steps::Detail;
use crate::error::Error;
use crate::escape::{shell, terminal};
use crate::estimate::Registry;
use crate::phi::{Names, reading};
use crate::run::store::{Session, results_in};
use crate::study::Study;
use crate::suite::Suite;
use crate::suite::settings::Settings;
use crate::ui::events::Events;
use crate::ui::progress::{Listeners, Progress, Watch};

/// Work in tasks.
#[derive(Debug, Args)]
pub(crate) struct ClusterArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a job of a study or of one Φ, and its first tasks; or make tasks of what is missing of
    /// that job
    ///
    /// Takes the flags of the study itself, --run among them; for one Φ `--run NAME phi --network
    /// FILE`.
    Plan(Box<PlanArgs>),
    /// Make tasks of what is missing
    Next(NextArgs),
    /// Say how far a job is
    Status(StatusArgs),
    /// Do a task; on any machine that sees the folder
    Task(TaskArgs),
    /// Make an ordinary run of what was done
    Gather(GatherArgs),
}

#[derive(Debug, Args)]
struct PlanArgs {
    #[command(flatten)]
    shape: Shape,
    /// Processors, and threads, of each task
    #[arg(
        long,
        value_name = "C",
        default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..=1024)
    )]
    cpus: u16,
    #[command(flatten)]
    study: StudyArgs,
    #[command(subcommand)]
    of: Option<PlanOf>,
}

#[derive(Debug, Subcommand)]
enum PlanOf {
    /// One Φ (IIT 3.0) of your own network, divided by mechanisms and cuts
    Phi(PhiOfArgs),
}

#[derive(Debug, Args)]
struct PhiOfArgs {
    /// JSON file with the fields tpm, cm, state and nodes; - for standard input
    #[arg(long, value_name = "FILE")]
    network: PathBuf,
    /// The same as before `phi`
    #[arg(long, value_name = "NAME")]
    run: Option<String>,
    /// The same as before `phi`
    #[arg(long, value_name = "FOLDER")]
    runs: Option<PathBuf>,
    /// State instead of that in the file: a value for each unit, unit 0 first (1,0,0), or its name
    /// (high,off,on)
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
}

/// The division of the work into tasks.
#[derive(Debug, Args)]
struct Shape {
    /// The number of tasks that run at the same time [default: the processors of this machine]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    slots: Option<u32>,
    /// The most tasks [default: 10000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_tasks: Option<u32>,
    /// Expected time of each task, in seconds [default: half of what is left for each slot, again
    /// and again, from 5 s to half an hour]
    #[arg(long, value_name = "S", value_parser = positive)]
    task_seconds: Option<f64>,
}

/// The job that is meant.
#[derive(Debug, Args)]
struct JobArgs {
    /// The job's folder (runs/NAME/cluster), that of its run, or the run's name
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// The folder of the runs
    #[arg(long, value_name = "FOLDER", default_value = "runs")]
    runs: PathBuf,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Args)]
struct NextArgs {
    #[command(flatten)]
    which: JobArgs,
    #[command(flatten)]
    shape: Shape,
    /// Ask for so many times the memory: after tasks ran out of it
    #[arg(long, value_name = "F", default_value_t = 1.0, value_parser = positive)]
    memory_factor: f64,
    /// Expect so many times the time: after tasks ran out of it
    #[arg(long, value_name = "F", default_value_t = 1.0, value_parser = positive)]
    time_factor: f64,
}

#[derive(Debug, Args)]
struct StatusArgs {
    #[command(flatten)]
    which: JobArgs,
}

#[derive(Debug, Args)]
struct TaskArgs {
    #[command(flatten)]
    which: JobArgs,
    /// The round, counted from 1
    #[arg(long, value_name = "R")]
    round: usize,
    /// The task of the round, counted from 1
    #[arg(long, value_name = "T")]
    task: usize,
    /// Threads [default: as planned]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// The time that a finished item may wait before it is on the disk, in seconds [default: 5]
    #[arg(long, value_name = "S", value_parser = positive)]
    checkpoint_seconds: Option<f64>,
}

#[derive(Debug, Args)]
struct GatherArgs {
    #[command(flatten)]
    which: JobArgs,
    /// Make do with the rows that are there
    #[arg(long)]
    partial: bool,
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|it| it.is_finite() && *it > 0.0);
    number.ok_or_else(|| "expected a number above 0".to_owned())
}

impl PhiOfArgs {
    fn network(&self) -> Result<serde_json::Value, Error> {
        let (place, text) = reading::text(&self.network)?;
        phi::network(&text, &place, self.state.clone())
    }
}

impl Shape {
    fn ask(&self) -> RoundOptions {
        RoundOptions {
            slots: self.slots.map(|it| it as usize),
            max_tasks: self.max_tasks.map(|it| it as usize),
            task_seconds: self.task_seconds,
            ..RoundOptions::default()
        }
    }
}

impl JobArgs {
    /// The folder and what is computed there.
    fn job(&self) -> Result<(JobFolder, JobFile), Error> {
        let folder = JobFolder::locate(&self.runs, &self.folder)?;
        match folder.job()? {
            Some(file) => Ok((folder, file)),
            None => Err(Error::Internal(format!("{} is gone", folder.path().display()))),
        }
    }
}

impl ClusterArgs {
    /// Does what is asked for.
    pub(crate) fn run(self, registry: &Registry, launch: &Launch) -> Result<(), Error> {
        match (self.command, launch.question) {
            (Command::Plan(args), _) => args.run(registry, launch),
            (Command::Gather(args), Some(Question::Prepare)) => answer(args.prepared()?),
            (_, Some(question)) => answer_other(question),
            (Command::Next(args), None) => args.run(),
            (Command::Status(args), None) => args.run(),
            (Command::Task(args), None) => args.run(registry),
            (Command::Gather(args), None) => args.run(),
        }
    }
}

/// An engine for questions about networks, which solves none.
fn asked_only() -> Result<Engine, Error> {
    Engine::new(1, Arc::new(AtomicBool::new(false)))
}

impl PlanArgs {
    fn run(self, registry: &Registry, launch: &Launch) -> Result<(), Error> {
        self.check()?;
        let name = self.name(launch)?;
        let runs = match &self.of {
            Some(PlanOf::Phi(of)) if of.runs.is_some() => of.runs.clone().unwrap_or_default(),
            _ => self.study.runs(launch),
        };
        let run = run_path(&runs, &name)?;
        let spec = match &self.of {
            Some(PlanOf::Phi(of)) => {
                let usual = Suite::new(Settings::default())?;
                if self.study.matrix(registry)?.settings() != usual.settings() {
                    return Err(Error::Settings(
                        "cluster plan phi with settings of a study: expected only --run, --runs \
                         and --format besides --network and --state"
                            .to_owned(),
                    ));
                }
                Spec::Phi { network: of.network()? }
            }
            None => {
                let suite = self.study.matrix(registry)?;
                Spec::Study { settings: Box::new(suite.settings().clone()) }
            }
        };
        let engine = asked_only()?;
        // All is checked before a launcher is answered, or anything is moved.
        let phi = match &spec {
            Spec::Phi { network } => Some(PhiJob::open(network, asked_only()?, self.cpus.into())?),
            Spec::Study { settings } => {
                let estimator = registry.get(&settings.estimator)?;
                let suite = Suite::new((**settings).clone())?;
                Study { suite: &suite, estimator, others: Vec::new(), engine: &engine }.check()?;
                None
            }
        };
        match launch.question {
            Some(Question::SetAside) => return set_aside(&run),
            Some(Question::Prepare) => {
                let folder = JobFolder::of_run(&run).path().to_owned();
                return answer(phi_protocol::Task::Plan { run: name, folder });
            }
            None => {}
        }
        self.plan(&run, &runs, spec.clone(), |cpus| match (phi, &spec) {
            (Some(job), _) => Ok(Box::new(job)),
            (None, Spec::Study { settings }) => Ok(Box::new(StudyJob::open(settings, &run, cpus)?)),
            (None, Spec::Phi { .. }) => unreachable!("it was opened above"),
        })
    }

    /// Refuses what has no meaning in tasks.
    fn check(&self) -> Result<(), Error> {
        let StudyArgs { out, force, list, .. } = &self.study;
        let refused = [
            (out.is_some(), "--out", "the results are in a run folder; expected --run NAME"),
            (*force, "--force", "an earlier run is kept; expected another --run NAME"),
            (*list, "--list", "it computes nothing; expected it without cluster plan"),
        ];
        if let Some(flag) = self.study.own.given() {
            return Err(Error::Settings(format!(
                "cluster plan with {flag}: a task has no estimators but those of this program; \
                 expected a study in one process"
            )));
        }
        match refused.into_iter().find(|(is_given, ..)| *is_given) {
            None => Ok(()),
            Some((_, flag, why)) => {
                Err(Error::Settings(format!("cluster plan with {flag}: {why}")))
            }
        }
    }

    /// The name of the run: the user's, or that of the launcher.
    fn name(&self, launch: &Launch) -> Result<String, Error> {
        let of = self.of.as_ref().map(|PlanOf::Phi(of)| of);
        let given = of.and_then(|it| it.run.as_ref()).or(self.study.run.as_ref());
        if let Some(name) = given {
            return Ok(name.clone());
        }
        match (&launch.run, of) {
            (Some(name), None) => Ok(name.clone()),
            (Some(_), Some(of)) => {
                let stem = of.network.file_stem().unwrap_or("network".as_ref());
                Ok(format!("phi-{}", stem.to_string_lossy()))
            }
            (None, _) => Err(Error::Settings(
                "cluster plan without a name for the run: expected --run NAME".to_owned(),
            )),
        }
    }

    /// Makes the job of `spec` in the folder of a run, or goes on with it, and plans a round.
    fn plan<'a>(
        &self,
        run: &Path,
        runs: &Path,
        spec: Spec,
        open: impl FnOnce(usize) -> Result<Box<dyn Job + 'a>, Error>,
    ) -> Result<(), Error> {
        let folder = JobFolder::of_run(run);
        match folder.job()? {
            Some(there) => {
                let differences = there.job.differences(&spec);
                if !differences.is_empty() {
                    return Err(Error::Output {
                        path: folder.path().to_owned(),
                        message: format!(
                            "holds a job of other settings ({}): pass the same settings, or \
                             choose another name",
                            differences.join("; ")
                        ),
                    });
                }
            }
            None => check_free(run, spec.kind())?,
        }
        let cpus = usize::from(self.cpus);
        let job = open(cpus)?;
        let ask = self.shape.ask();
        let here = std::thread::available_parallelism().map_or(1, usize::from);
        let file = JobFile {
            job: spec,
            program: program(),
            cpus,
            slots: ask.slots.unwrap_or(here),
            max_tasks: ask.max_tasks.unwrap_or(10_000),
            task_seconds: ask.task_seconds,
        };
        folder.write_job(&file)?;
        let folder = JobFolder::locate(runs, folder.path())?;
        let status = rounds::next(&folder, &file, &*job, &ask, true)?;
        show(&status, self.study.format)
    }
}

/// Checks that a folder can become that of a run, or is that of a study, if the job is one.
fn check_free(run: &Path, kind: &str) -> Result<(), Error> {
    let found = match fs::read_dir(run) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(Error::Read { path: run.to_owned(), source }),
    };
    let names: Vec<_> = found.filter_map(|it| Some(it.ok()?.file_name())).collect();
    let other = names.iter().find(|it| *it != JOB_FOLDER && *it != "lock");
    let is_study = kind == "study" && names.iter().any(|it| it == "settings.json");
    match other.filter(|_| !is_study) {
        None => Ok(()),
        Some(other) => Err(Error::Output {
            path: run.to_owned(),
            message: format!(
                "is not the folder of a run, but holds {other:?}: choose another name"
            ),
        }),
    }
}

/// A job for the process that plans it.
fn open(folder: &JobFolder, file: &JobFile) -> Result<Box<dyn Job>, Error> {
    match &file.job {
        Spec::Study { settings } => {
            let job = StudyJob::open(settings, folder.run(), file.cpus)?;
            Ok(Box::new(job))
        }
        Spec::Phi { network } => Ok(Box::new(PhiJob::open(network, asked_only()?, file.cpus)?)),
    }
}

impl NextArgs {
    fn run(self) -> Result<(), Error> {
        let (folder, file) = self.which.job()?;
        let job = open(&folder, &file)?;
        let (memory_factor, time_factor) = (self.memory_factor, self.time_factor);
        let ask = RoundOptions { memory_factor, time_factor, ..self.shape.ask() };
        show(&rounds::next(&folder, &file, &*job, &ask, false)?, self.which.format)
    }
}

impl StatusArgs {
    fn run(self) -> Result<(), Error> {
        let (folder, file) = self.which.job()?;
        show(&rounds::status(&folder, &file)?, self.which.format)
    }
}

fn show(status: &JobStatus, format: Format) -> Result<(), Error> {
    match format {
        Format::Text => print(&text(status)),
        Format::Json => print(&(serde_json::to_string_pretty(status).expect("plain data") + "\n")),
    }
}

impl TaskArgs {
    fn run(self, registry: &Registry) -> Result<(), Error> {
        // Asked for first, so that a request to stop is never missed.
        let cancel = interrupt::patient_flag()?;
        let (folder, file) = self.which.job()?;
        rounds::check_program(&folder, &file)?;
        let (round, number) = (self.round, self.task);
        let task = folder.task(round, number)?;
        let fingerprint = file.job.fingerprint();
        // Only a process of this very task can have done its items, or one of an earlier round that
        // has gone on since this round was planned.
        let planned = changed(&folder.round(round).join("plan.json"));
        let is_wanted = |its_round: usize, its_task: usize, path: &Path| {
            (its_round, its_task) == (round, number)
                || its_round < round && changed(path) >= planned
        };
        let there = Journals::read(&folder, &fingerprint, is_wanted)?.done(&task.stage);
        let skip = rounds::done_of(&task.items, &there);
        if skip.len() == task.items.len() {
            return self.done(&task.items, skip.len(), None);
        }
        let header = Header {
            job: fingerprint,
            stage: task.stage.clone(),
            round,
            task: number,
            session: Session::here(),
            items: Vec::new(),
        };
        // Too many to be counted: what is done is written at the end.
        let interval = self
            .checkpoint_seconds
            .map_or(CHECKPOINT, |it| Duration::try_from_secs_f64(it).unwrap_or(Duration::MAX));
        let detail = Detail::default();
        // More threads than processors would bring nothing.
        let n_here = thread::available_parallelism().map_or(1, NonZero::get);
        let jobs = self.jobs.map_or(task.cpus.min(n_here), usize::from);
        let engine = Engine::new(jobs, Arc::clone(&cancel))?.telling(detail.clone());
        let journal = TaskJournal::new(&folder, header, interval);
        let path = journal.path().to_owned();
        let worked = match &file.job {
            Spec::Phi { network } => {
                let _watch = Watch::new(display(false), detail);
                phi::work(network, &task, &skip, &engine, &folder, &journal)
            }
            Spec::Study { settings } => {
                study::work(settings, &task, &skip, &engine, registry, &journal, |work| {
                    let listeners = Listeners { stopping: cancel, ..Listeners::default() };
                    Progress::new(display(false), work, detail, Box::new(io::stderr()), listeners)
                })
            }
        };
        // What is done is kept, whatever stopped it.
        let kept = journal.finish();
        worked.and(kept)?;
        self.done(&task.items, skip.len(), Some(&path))
    }

    fn done(&self, items: &[u64], n_there: usize, journal: Option<&Path>) -> Result<(), Error> {
        let (round, task, n_items) = (self.round, self.task, items.len());
        let done = TaskDone {
            schema: TASK_SCHEMA.to_owned(),
            version: TASK_VERSION,
            round: round as u64,
            task: task as u64,
            n_items: n_items as u64,
            n_there: n_there as u64,
            journal: journal.map(Path::to_owned),
        };
        match (self.which.format, journal) {
            (Format::Json, _) => print(&(serde_json::to_string(&done).expect("plain data") + "\n")),
            (Format::Text, None) => {
                print(&format!("round {round} task {task}: all {n_items} items were done before\n"))
            }
            (Format::Text, Some(journal)) => {
                let before = match n_there {
                    0 => String::new(),
                    n => format!(" ({n} were done before)"),
                };
                let journal = terminal(&journal.display().to_string());
                print(&format!(
                    "round {round} task {task}: {n_items} items{before}, in {journal}\n"
                ))
            }
        }
    }
}

/// Returns the time when a file was last written, by the clock of its file system.
fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|it| it.modified()).ok()
}

impl GatherArgs {
    fn prepared(self) -> Result<phi_protocol::Task, Error> {
        let (folder, file) = self.which.job()?;
        Ok(match file.job {
            Spec::Study { .. } => phi_protocol::Task::Gather { results: results_in(folder.run()) },
            Spec::Phi { .. } => phi_protocol::Task::Other,
        })
    }

    fn run(self) -> Result<(), Error> {
        let (folder, file) = self.which.job()?;
        match &file.job {
            Spec::Phi { network } => {
                let engine = Engine::new(0, interrupt::flag(true)?)?;
                let job = PhiJob::open(network, engine, file.cpus)?;
                let answer = job.gather(&folder)?;
                folder.tidy();
                let path = folder.run().join("phi.json");
                let _ = writeln!(
                    io::stderr(),
                    "everything in {}",
                    terminal(&path.display().to_string())
                );
                match self.which.format {
                    Format::Text => {
                        // Of ties over all cuts `phi` tells people only if they ask.
                        let answer = PhiRecord { purview_ties: None, ..answer };
                        let width = console::Term::stdout().size_checked();
                        let width = width.map(|(_, width)| width.into());
                        let names = Names { labels: job.labels(), values: None };
                        print(&crate::phi::text(&answer, names, width))
                    }
                    Format::Json => {
                        print(&(serde_json::to_string(&answer).expect("plain data") + "\n"))
                    }
                }
            }
            Spec::Study { settings } => {
                check_results(folder.run())?;
                let contents = study::gather(&folder, settings, self.partial)?;
                if !self.partial {
                    folder.tidy();
                }
                let _ = writeln!(
                    io::stderr(),
                    "everything in {}",
                    terminal(&folder.run().display().to_string())
                );
                match self.which.format {
                    Format::Text => conclude(folder.run(), &contents, None),
                    Format::Json => {
                        let events = Events::new(Box::new(io::stdout()));
                        let done = conclude(folder.run(), &contents, Some(&events));
                        done.and(events.failure().map_or(Ok(()), output_failed))
                    }
                }
            }
        }
    }
}

/// For a person: a few lines, and what to do next.
fn text(status: &JobStatus) -> String {
    let folder = status.folder.display().to_string();
    let mut lines = vec![terminal(&folder)];
    // What follows is to be copied to a shell.
    let folder = terminal(&shell(&folder));
    if status.n_items > 0 {
        let JobStatus { stage, items_done, n_items, .. } = status;
        let stage = terminal(stage);
        lines.push(format!("{stage}: {items_done} of {n_items} items are done"));
    }
    if status.round > 0 {
        lines.push(format!(
            "round {}: {} of {} tasks are done; the longest was expected to take {:.1} s, all \
             together {:.1} s ({:.1} s are done); {} CPU and {} MiB each, efficiency {:.1} %",
            status.round,
            status.tasks_done,
            status.n_tasks,
            status.task_seconds,
            status.cpu_seconds,
            status.cpu_seconds_done,
            status.cpus,
            status.memory_bytes >> 20,
            100.0 * status.efficiency
        ));
    }
    if status.n_given_up > 0 {
        let names: Vec<String> =
            status.given_up.iter().take(5).map(|it| terminal(&it.item)).collect();
        lines.push(format!("{} items are given up: {} …", status.n_given_up, names.join(", ")));
    }
    let program = program_name();
    lines.push(match status.state {
        JobState::Finished => format!("everything is there: {program} cluster gather {folder}"),
        JobState::GivenUp => {
            format!("nothing else is to be tried: {program} cluster gather --partial {folder}")
        }
        JobState::Planned => format!(
            "{program} cluster task {folder} --round {} --task 1 to {}, then cluster next",
            status.round, status.n_tasks
        ),
    });
    lines.join("\n") + "\n"
}
