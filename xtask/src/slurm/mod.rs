//! The study on the nodes of a Slurm cluster: submit, follow, submit what is missing, gather.
//!
//! This knows Slurm and nothing of Φ; the study's program knows the work and nothing of Slurm.
//! Between the two is the job folder, `runs/NAME/cluster`: the program plans rounds of tasks there
//! and finds in its journals what is done; here they are submitted, and watched until nothing of
//! them is in the queue. Whatever a round leaves missing is the next round. Invariants: nothing is
//! submitted that is not written down before; only jobs that this folder submitted are cancelled;
//! what the queue says never decides what is done.

mod client;
mod diagnosis;
mod display;
mod follow;
#[cfg(test)]
mod follow_simulation;
mod follower;
mod node_cpu;
mod options;
mod own_file;
mod program;
mod queue;
mod script;
// The study's own, so that there is one form of a sealed document.
#[allow(dead_code, reason = "only the study has journals")]
#[path = "../../../src/files/seal.rs"]
mod seal;
mod site;
mod slurm_record;

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    io::{ErrorKind, Read as _, Seek as _, SeekFrom},
    mem,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use headroom::{
    BuildRequest, Coded, Console, Exit,
    child::interrupt,
    console::status_line,
    escape::shell,
    files::write_whole,
    machine::system::host_name,
    numbers::{as_f64, bytes, duration, round},
    plan::{checks_shown, preflight::Status},
};
use phi_protocol::{JOB_FILE, JOB_FOLDER, JobState, JobStatus, Launch, Task};
use serde::Serialize;

pub(crate) use self::options::ClusterFlags;
use self::{
    follow::{ClusterAccess, FollowEnd, Progress},
    follower::Follower,
    options::TaskOptions,
    program::Division,
    queue::{Extent, NotSubmitted, QueueEntry},
    site::{Site, TaskResources},
    slurm_record::{Array, Round, SlurmRecord},
};
use crate::{
    flags::BuildFlags,
    project::{self, HOST},
    run::{self, Prepared, Start},
};

/// Runs the parsers of Slurm's answers on a text; for fuzzing.
pub(crate) fn parse_answers(text: &str) {
    queue::parse_queue(text);
    queue::parse_accounting(text);
    queue::parse_config(text);
    queue::parse_nodes(text);
    queue::parse_submitted(text);
    queue::parse_refusal(text);
    queue::parse_minutes(text);
    queue::parse_submit_limit(text);
}

/// `slurm.json`, with and without the check that only what xtask has written has; for fuzzing.
pub(crate) fn parse_record(text: &[u8]) {
    SlurmRecord::parse(text).ok();
    let Some(sealed) = str::from_utf8(text).ok().and_then(seal_record) else { return };
    if let Ok(record) = SlurmRecord::parse(sealed.as_bytes()) {
        let text = record.text().expect("plain data");
        let again = SlurmRecord::parse(text.as_bytes()).expect("what was written is read");
        assert_eq!(again, record);
    }
}

/// A `slurm.json` with this content, if it is a JSON object; for fuzzing and tests.
pub(crate) fn seal_record(object: &str) -> Option<String> {
    let object = object.trim_end();
    let is_object = object.starts_with('{') && object.ends_with('}');
    is_object.then(|| seal::seal(slurm_record::SCHEMA, object) + "\n")
}

/// The document of the study's program; for fuzzing.
pub(crate) fn parse_plan(text: &[u8]) {
    program::parse(text).ok();
}

/// The copy of the program that the tasks run, so that another build changes nothing.
const PROGRAM: &str = "program";
/// The length of the end of a task's output that is read.
const TAIL_BYTES: u64 = 16 << 10;
/// Items that are named when some are missing.
const N_EXAMPLES: usize = 5;
/// Between two questions to a controller that does not answer.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// The interval at which a sleep checks for an interrupt by the user.
const TICK: Duration = Duration::from_millis(100);

/// The part of the document of `--format json` about the cluster.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ClusterDocument {
    folder: PathBuf,
    submissions: SlurmRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<Site>,
    /// The last look.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<Progress>,
    /// `finished`, `given-up`, `detached`, `written` (a dry run) or `stopped`.
    left: &'static str,
}

/// `cargo xtask validate --on slurm`.
pub(crate) fn validate(
    flags: &BuildFlags,
    fresh: bool,
    cluster: &ClusterFlags,
    run_args: &[OsString],
    console: &mut Console,
) -> anyhow::Result<Exit> {
    let dry_run = flags.dry_run;
    let root = project::workspace(&flags.selection.selected())?.root;
    let runs = run::default_runs(&root);
    if fresh && dry_run {
        bail!(usage(
            "--fresh moves old results aside, which a dry run must not do: leave one of them out"
                .into()
        ));
    }

    let task_options = &cluster.task_options;
    let site = match Site::sample(task_options) {
        Ok(site) => {
            let checks = site.judge(task_options);
            console.say(&checks_shown(&checks));
            if checks.iter().any(|it| it.status == Status::Fail) && !flags.yes {
                return Ok(Exit::NotReady);
            }
            site
        }
        // Scripts can be written for another machine.
        Err(no_answer) if dry_run => {
            console.note(&format!(
                "{}: the scripts are for Slurm's own default limits",
                no_answer.message()
            ));
            Site::default()
        }
        Err(no_answer) => bail!(no_slurm(&no_answer)),
    };

    // A dry run builds too: what it writes is complete.
    let mut rustflags = None;
    let named = cluster.cpu.as_deref();
    named.map(node_cpu::check).transpose()?;
    if let Some(node_cpu::Flags { encoded, without }) = node_cpu::flags_here(named) {
        if !without.is_empty() {
            console.note(&format!(
                "building without `{}` of the environment, which is for this machine; `--cpu` says \
                what the nodes have",
                without.join(" ")
            ));
        }
        rustflags = Some(encoded);
    }
    let request =
        BuildRequest { dry_run: false, show_checks: dry_run, ..flags.with_rustflags(rustflags) };
    let built = headroom::build(&HOST, &request, console)?;
    let Some(executable) = built.executables.first() else { return Ok(built.exit) };
    let here = host_name().unwrap_or_default();
    let launch = Launch {
        run: Some(run::DEFAULT_RUN.to_owned()),
        runs: Some(std::path::absolute(runs)?),
        ..Launch::default()
    };
    let job = match UserJob::of(executable, run_args, launch, console)? {
        Ok(job) => job,
        Err(exit) => return Ok(exit),
    };
    script::check_folder(&job.folder)?;
    if !site.nodes.is_empty() {
        console.say(&checks_shown(&[site.judge_folder(&job.folder, Some(&here))]));
    }

    // This very run may have been begun.
    let old = SlurmRecord::load(&job.folder)?;
    if let Some(old) = &old {
        let active = match active(old) {
            Ok(active) => active,
            // What is at work in a folder that moves would lose what it does.
            Err(no_answer) if fresh => bail!(no_slurm(&no_answer)),
            Err(_) => Vec::new(),
        };
        if !active.is_empty() {
            let ids = active.join(" ");
            if fresh || dry_run || old.run_args != job.written_args() {
                let name = &job.name;
                bail!(usage(format!(
                    "tasks of the run {name} are in the queue (jobs {ids}): `cargo xtask runs \
                    attach {name}` follows them, `scancel {ids}` cancels them; or give this one \
                    another name with `-- --run NAME`"
                )));
            }
            console.note(&format!(
                "tasks of this run are in the queue (jobs {ids}): going on with them"
            ));
            interrupt::install()?;
            return attend(&job.folder, site, cluster.detach, console);
        }
    }

    if fresh {
        if is_job(&job.folder)? {
            // Another process that follows the old run would lose it.
            drop(Follower::new(&job.folder, &here)?);
        }
        run::set_aside(&job.start(&[]), console)?;
    }
    // An old folder is this process's from here on; a new one does not exist yet.
    let early = is_job(&job.folder)?.then(|| Follower::new(&job.folder, &here)).transpose()?;
    let (plan, folder) = job.plan(&site, task_options, console)?;
    let follower = early.map_or_else(|| Follower::new(&folder, &here), Ok)?;
    if named.is_none() && !plan.cpu_features.is_empty() {
        bail!(node_cpu::not_portable(&plan.cpu_features));
    }
    if plan.state == JobState::Planned {
        tell_plan(&plan, console);
    }
    let mut record = match SlurmRecord::load(&folder)? {
        Some(mut record) => {
            record.task_options = task_options.clone();
            record.run_args = job.written_args();
            record
        }
        None => SlurmRecord::new(&job.name, job.written_args(), task_options.clone(), nonce()),
    };
    let program =
        fs::read(executable).with_context(|| format!("could not read {}", executable.display()))?;
    let copy = folder.join(PROGRAM);
    let is_same = own_file::len(&copy)? == Some(program.len() as u64)
        && fs::read(&copy).is_ok_and(|it| it == program);
    if !is_same {
        write_whole(&copy, &program, true)?;
        // Where this one runs is to be seen.
        record.proven = false;
        record.exclude.clear();
    }
    record.save(&folder)?;
    if dry_run {
        let mut world = Cluster::new(&folder, site, console);
        follow::write_only(&mut world, &mut record, &plan)?;
        let document = world.document(&record, "written");
        console.record("cluster", &document);
        let scripts = script::round_folder(&folder, plan.round);
        console.would(&format!("the scripts are in {}; nothing is submitted", scripts.display()));
        let submit = scripts.join("submit.sh");
        console.would(&format!("to submit: bash {}", shell(&submit.to_string_lossy())));
        return Ok(Exit::Success);
    }
    let stay = !cluster.detach;
    FollowedRun { folder, record, plan, site, follower, stay }.follow(console)
}

/// `cargo xtask runs attach NAME`.
pub(crate) fn attach(
    name: &Path,
    runs: Option<&Path>,
    detach: bool,
    console: &mut Console,
) -> anyhow::Result<Exit> {
    let default = || {
        let root = project::workspace(&Default::default())?.root;
        anyhow::Ok(run::default_runs(&root))
    };
    // The folder of a run, or of its job, can be named from anywhere.
    let of = |run: &Path| {
        for it in [run.to_owned(), run.join(JOB_FOLDER)] {
            if is_job(&it)? {
                return anyhow::Ok(Some(it));
            }
        }
        Ok(None)
    };
    let found = match of(name)? {
        Some(folder) => Some(folder),
        None => {
            let runs = runs.map_or_else(default, |it| Ok(it.to_owned()))?;
            of(&runs.join(name))?
        }
    };
    let Some(folder) = found else {
        bail!(usage(format!(
            "{} is no run on a cluster: expected a name or a folder that `cargo xtask validate \
            --on slurm` made",
            name.display()
        )));
    };
    let folder = std::path::absolute(folder)?;
    let Some(record) = SlurmRecord::load(&folder)? else {
        bail!(usage(format!(
            "nothing was submitted from {}: `cargo xtask validate --on slurm` with the arguments \
            of this run does",
            folder.display()
        )));
    };
    let site = Site::sample(&record.task_options).or_else(|no_answer| match no_answer {
        client::NoAnswer::NotInstalled(_) => Err(no_slurm(&no_answer)),
        // A controller that is away is waited for; limits do not change what is submitted already.
        client::NoAnswer::Failed(_) => Ok(Site::default()),
    })?;
    interrupt::install()?;
    attend(&folder, site, detach, console)
}

/// Goes on with a job folder, wherever it was left.
fn attend(folder: &Path, site: Site, detach: bool, console: &mut Console) -> anyhow::Result<Exit> {
    let follower = Follower::new(folder, &host_name().unwrap_or_default())?;
    let Some(record) = SlurmRecord::load(folder)? else { bail!("{} is gone", folder.display()) };
    let plan = program::ask(&folder.join(PROGRAM), "status", &[folder.into()], None, console)?;
    let (folder, stay) = (folder.to_owned(), !detach);
    FollowedRun { folder, record, plan, site, follower, stay }.follow(console)
}

/// A job that is planned, and who follows it.
struct FollowedRun {
    folder: PathBuf,
    record: SlurmRecord,
    plan: JobStatus,
    site: Site,
    follower: Follower,
    stay: bool,
}

impl FollowedRun {
    /// To its end, or until the user goes.
    fn follow(self, console: &mut Console) -> anyhow::Result<Exit> {
        let FollowedRun { folder, mut record, plan, site, follower, stay } = self;
        let watcher = interrupt::Watcher::new();
        let mut world = Cluster::new(&folder, site, console);
        world.follower = Some(follower);
        let left = follow::follow(&mut world, &mut record, plan, stay);
        status_line::clear();
        let name = match &left {
            Ok(FollowEnd::Finished) => "finished",
            Ok(FollowEnd::GivenUp(_)) => "given-up",
            Ok(FollowEnd::Detached) => "detached",
            Err(_) => "stopped",
        };
        let document = world.document(&record, name);
        let is_lost = world.follower.take().is_some_and(|it| it.is_lost());
        let jobs = world.jobs(&record);
        console.record("cluster", &document);
        drop(watcher);
        match left {
            Ok(FollowEnd::Finished) => gather(&folder, false, console),
            Ok(FollowEnd::GivenUp(plan)) => {
                tell_given_up(&folder, &plan, console);
                gather(&folder, true, console)?;
                Ok(Exit::Internal)
            }
            Ok(FollowEnd::Detached) if is_lost => {
                let message =
                    "another process follows this run now, so this one leaves; the tasks go on";
                bail!(Coded { exit: Exit::NotReady, message: message.into() });
            }
            Ok(FollowEnd::Detached) => Ok(tell_detached(&folder, &record, &jobs, console)),
            // It was the program that Ctrl-C met.
            Err(error) if Exit::of(&error) == Exit::Interrupted => {
                Ok(tell_detached(&folder, &record, &jobs, console))
            }
            Err(error) => Err(error),
        }
    }
}

fn tell_given_up(folder: &Path, plan: &JobStatus, console: &Console) {
    let given_up = plan.given_up.iter().take(N_EXAMPLES);
    let examples: Vec<String> =
        given_up.map(|it| format!("{} ({} attempts)", it.item, it.attempts)).collect();
    let n = plan.n_given_up;
    let more = match n.saturating_sub(examples.len() as u64) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    console.warning(
        &format!(
            "{n} {} missing after all attempts: {}{more}",
            if n == 1 { "item is" } else { "items are" },
            examples.join(", ")
        ),
        &format!(
            "what their tasks said is in {}; `cargo xtask validate --on slurm` with the same \
            arguments tries them again, with --mem or --time if that was it",
            script::out_folder(folder, plan.round).display()
        ),
    );
}

/// Message for a user who has gone or did not want to stay: the way to come back, and the way to
/// cancel the jobs that are known to be there.
fn tell_detached(
    folder: &Path,
    record: &SlurmRecord,
    jobs: &BTreeSet<u64>,
    console: &Console,
) -> Exit {
    let arrays = record.rounds.iter().filter(|it| !it.over).flat_map(|it| &it.arrays);
    let rest = match arrays.filter(|it| it.job_id.is_none()).map(|it| it.n_tasks).sum() {
        0 => String::new(),
        n => format!("; {} not submitted yet", follow::tasks(n)),
    };
    let run = folder.parent().unwrap_or(folder).to_string_lossy();
    let message = format!("detached; the tasks go on{rest}");
    let is_interrupted = interrupt::count() > 0;
    if is_interrupted {
        console.stopping(&message);
    } else {
        console.note(&message);
    }
    console.detail(&format!("to come back: cargo xtask runs attach {}", shell(&run)));
    if !jobs.is_empty() {
        let ids: Vec<String> = jobs.iter().map(u64::to_string).collect();
        console.detail(&format!("to cancel:    scancel {}", ids.join(" ")));
    }
    if is_interrupted { Exit::Interrupted } else { Exit::Success }
}

/// Puts the results together, as the program does it, and passes on what it prints.
fn gather(folder: &Path, partial: bool, console: &mut Console) -> anyhow::Result<Exit> {
    let mut args: Vec<OsString> =
        vec!["cluster".into(), "gather".into(), folder.as_os_str().to_owned()];
    if partial {
        args.push("--partial".into());
    }
    let program = folder.join(PROGRAM);
    let start = Start { program: &program, args, launch: Some(Launch::default()) };
    let run = run::run(&start, None, console)?;
    let exit = run::exit(run.ending(), run.interrupted);
    run.say(exit, console);
    Ok(exit)
}

fn tell_plan(plan: &JobStatus, console: &Console) {
    let efficiency = format!(", {:.0} % of the CPUs' time of use", 100.0 * plan.efficiency);
    let seconds = |it: f64| duration(round(it));
    console.note(&format!(
        "planned {} for {} {}: {} of CPU time expected, {} the longest, {} each{efficiency}",
        follow::tasks(plan.n_tasks),
        plan.n_items.saturating_sub(plan.items_done),
        program::items(plan),
        seconds(plan.cpu_seconds),
        seconds(plan.task_seconds),
        bytes(plan.memory_bytes)
    ));
}

/// Jobs of the record that are still in the queue.
fn active(record: &SlurmRecord) -> Result<Vec<String>, client::NoAnswer> {
    let entries = client::queue()?;
    let own = entries.iter().filter(|it| record.owns(&it.name) && it.state.is_active());
    let mut ids: Vec<u64> = own.map(|it| it.job_id).collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(ids.iter().map(u64::to_string).collect())
}

/// Returns `true` if this is the folder of a job.
///
/// # Errors
/// If this cannot be told. The folder may be one, and perhaps another process follows it.
fn is_job(folder: &Path) -> anyhow::Result<bool> {
    let file = folder.join(JOB_FILE);
    match fs::metadata(&file) {
        Ok(found) => Ok(found.is_file()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(error) => Err(error).with_context(|| format!("could not look at {}", file.display())),
    }
}

/// The task that the user's arguments ask for, as the study's program understands them.
struct UserJob<'a> {
    program: &'a Path,
    /// The name of the run.
    name: String,
    /// The folder of the job.
    folder: PathBuf,
    user: &'a [OsString],
    launch: Launch,
}

impl<'a> UserJob<'a> {
    /// Have the program check the arguments; the exit code to end with if it refuses them.
    fn of(
        program: &'a Path,
        user: &'a [OsString],
        launch: Launch,
        console: &Console,
    ) -> anyhow::Result<Result<UserJob<'a>, Exit>> {
        let (name, folder) = (String::new(), PathBuf::new());
        let job = UserJob { program, name, folder, user, launch };
        match run::prepare(&job.start(&[]), console)? {
            Prepared::Task(Task::Plan { run: name, folder }) => {
                let folder = std::path::absolute(folder)?;
                Ok(Ok(UserJob { name, folder, ..job }))
            }
            Prepared::Task(_) => {
                bail!(usage("--on slurm: these arguments compute nothing; leave it out".into()))
            }
            Prepared::Refused { ending, interrupted } => Ok(Err(run::exit(ending, interrupted))),
        }
    }

    /// The command that plans, with these arguments before the user's.
    fn start(&self, more: &[OsString]) -> Start<'a> {
        let args = program::arguments("plan", &[more, self.user].concat());
        Start { program: self.program, args, launch: Some(self.launch.clone()) }
    }

    /// For `slurm.json`.
    fn written_args(&self) -> Vec<String> {
        self.user.iter().map(|it| it.to_string_lossy().into_owned()).collect()
    }

    /// Have the program plan it; its folder must be the one that is expected.
    fn plan(
        &self,
        site: &Site,
        task_options: &TaskOptions,
        console: &Console,
    ) -> anyhow::Result<(JobStatus, PathBuf)> {
        let ask = |division: &Division| {
            let args = [&division.args(true), self.user].concat();
            program::ask(self.program, "plan", &args, Some(&self.launch), console)
        };
        let mut division = site.division(task_options);
        let mut plan = ask(&division)?;
        // Where the time limit is short, so are the tasks.
        if plan.state == JobState::Planned
            && let Some(most) = site.task_seconds(task_options)
            && plan.task_seconds > as_f64(most)
        {
            division.task_seconds = Some(most);
            plan = ask(&division)?;
        }
        if !is_same(&plan.folder, &self.folder) {
            bail!(
                "the program planned in {}; expected {}",
                plan.folder.display(),
                self.folder.display()
            );
        }
        Ok((plan, self.folder.clone()))
    }
}

fn is_same(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// The cluster itself.
struct Cluster<'a> {
    folder: PathBuf,
    site: Site,
    console: &'a mut Console,
    started: Instant,
    last: Option<Progress>,
    /// The time of the last line that is not redrawn.
    line_at: Option<f64>,
    n_interrupts: usize,
    /// The jobs that the queue showed at the last look, with their names and folders.
    queued: BTreeSet<(u64, String, String)>,
    /// The jobs that were submitted since.
    submitted: BTreeSet<u64>,
    /// This process as the one that follows; `None` if it only writes.
    follower: Option<Follower>,
}

impl<'a> Cluster<'a> {
    fn new(folder: &Path, site: Site, console: &'a mut Console) -> Cluster<'a> {
        let n_interrupts = interrupt::count();
        let (started, folder) = (Instant::now(), folder.to_owned());
        Cluster {
            folder,
            site,
            console,
            started,
            last: None,
            line_at: None,
            n_interrupts,
            queued: BTreeSet::new(),
            submitted: BTreeSet::new(),
            follower: None,
        }
    }

    /// The jobs of this run that are in the queue, as far as this process has seen or submitted
    /// them itself.
    fn jobs(&self, record: &SlurmRecord) -> BTreeSet<u64> {
        let own = self.queued.iter().filter(|(_, name, folder)| {
            record.owns(name) && is_same(Path::new(folder), &self.folder)
        });
        own.map(|it| it.0).chain(self.submitted.iter().copied()).collect()
    }

    fn document(&self, record: &SlurmRecord, left: &'static str) -> ClusterDocument {
        ClusterDocument {
            folder: self.folder.clone(),
            submissions: record.clone(),
            cluster: Some(self.site.clone()).filter(|it| it.partition.is_some()),
            progress: self.last.clone(),
            left,
        }
    }

    /// Makes sure that the cluster's limits are known before something new is asked of it.
    ///
    /// # Errors
    /// If the user does not want to wait for the controller.
    fn look_around(&mut self, task_options: &TaskOptions) -> Result<(), Coded> {
        let mut is_silent = false;
        // Scripts can be written off the cluster.
        while self.site.nodes.is_empty() && self.follower.is_some() {
            match Site::sample(task_options) {
                Ok(site) => {
                    self.site = site;
                    return Ok(());
                }
                Err(no_answer) if !mem::replace(&mut is_silent, true) => {
                    self.console.warning(
                        &format!("the cluster's limits are not known ({})", no_answer.message()),
                        "nothing is lost: this waits until Slurm's controller answers",
                    );
                }
                Err(_) => {}
            }
            self.sleep(LOOK_AGAIN);
            if self.is_interrupted() {
                let message = "left before Slurm's controller answered".to_owned();
                return Err(Coded { exit: Exit::Interrupted, message });
            }
        }
        Ok(())
    }

    fn ask(&self, question: &str, flags: &[OsString]) -> anyhow::Result<JobStatus> {
        let args = [&[self.folder.clone().into()], flags].concat();
        program::ask(&self.folder.join(PROGRAM), question, &args, None, self.console)
    }
}

impl ClusterAccess for Cluster<'_> {
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn sleep(&mut self, time: Duration) {
        if let Some(follower) = &mut self.follower {
            follower.renew();
        }
        let until = Instant::now() + time;
        while !self.is_interrupted() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(TICK));
        }
    }

    fn is_interrupted(&self) -> bool {
        let is_lost = self.follower.as_ref().is_some_and(Follower::is_lost);
        is_lost || interrupt::count() > self.n_interrupts
    }

    fn queue(&mut self) -> Result<Vec<QueueEntry>, String> {
        let entries = client::queue().map_err(|it| it.message())?;
        let active = entries.iter().filter(|it| it.state.is_active());
        self.queued = active.map(|it| (it.job_id, it.name.clone(), it.folder.clone())).collect();
        self.submitted.clear();
        Ok(entries)
    }

    fn submit(
        &mut self,
        record: &SlurmRecord,
        round: &Round,
        array: &Array,
    ) -> Result<u64, NotSubmitted> {
        let folder = self.folder.to_string_lossy();
        let args = script::sbatch_args(record, round, array, &folder);
        let args: Vec<OsString> = args.into_iter().map(OsString::from).collect();
        let id = client::submit(&args)?;
        self.submitted.insert(id);
        Ok(id)
    }

    fn traces(&mut self, round: u32, name: &str) -> Option<u64> {
        let known = self.accounting(name).first().map(|it| it.job_id);
        known.or_else(|| {
            let files = fs::read_dir(script::out_folder(&self.folder, round)).ok()?;
            let mut names = files.filter_map(|it| Some(it.ok()?.file_name()));
            names.find_map(|it| script::job_of_out_file(it.to_str()?, name))
        })
    }

    fn accounting(&mut self, name: &str) -> Vec<QueueEntry> {
        if !self.site.limits.has_accounting {
            return Vec::new();
        }
        client::accounting(name).unwrap_or_default()
    }

    fn cancel(&mut self, entries: &[&QueueEntry], extent: Extent) -> u64 {
        let mut here: BTreeSet<&str> = entries.iter().map(|it| it.folder.as_str()).collect();
        here.retain(|it| is_same(Path::new(it), &self.folder));
        let (own, others): (Vec<&QueueEntry>, Vec<&QueueEntry>) =
            entries.iter().copied().partition(|it| here.contains(it.folder.as_str()));
        if let Err(no_answer) = client::cancel(&own, extent) {
            self.console.note(&format!(
                "could not cancel {}: {}",
                queue::ids(&own, extent).join(" "),
                no_answer.message()
            ));
        }
        others.iter().map(|it| it.n_tasks()).sum()
    }

    fn status(&mut self) -> anyhow::Result<JobStatus> {
        self.ask("status", &[])
    }

    fn next(&mut self, memory_factor: f64, time_factor: f64) -> anyhow::Result<JobStatus> {
        let record = SlurmRecord::load(&self.folder)?;
        let task_options = record.map(|it| it.task_options).unwrap_or_default();
        let mut args: Vec<OsString> = Vec::new();
        // How long tasks should be is remembered by the program.
        let division = self.site.division(&task_options);
        for (name, factor) in [("--memory-factor", memory_factor), ("--time-factor", time_factor)] {
            if factor > 1.0 {
                args.extend([name.into(), factor.to_string().into()]);
            }
        }
        args.extend(division.args(false));
        self.ask("next", &args)
    }

    fn request(&mut self, record: &SlurmRecord, plan: &JobStatus) -> Result<TaskResources, Coded> {
        self.look_around(&record.task_options)?;
        self.site.request(plan, &record.task_options)
    }

    fn array_size(&self) -> u64 {
        self.site.array_size()
    }

    fn n_nodes(&self) -> usize {
        self.site.nodes.iter().filter(|it| it.is_up).count()
    }

    fn printed(&mut self, round: u32, name: &str, job_id: u64, task: u32) -> Option<String> {
        let path = script::out_file(&self.folder, round, name, job_id, task);
        let length = own_file::len(&path).ok()??;
        let mut file = fs::File::open(path).ok()?;
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES))).ok()?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn write_scripts(&mut self, record: &SlurmRecord, round: &Round) -> anyhow::Result<()> {
        script::write(record, round, &self.folder)
    }

    fn save(&mut self, record: &SlurmRecord) -> anyhow::Result<()> {
        record.save(&self.folder)
    }

    fn note(&mut self, message: &str) {
        self.console.note(message);
    }

    fn warning(&mut self, message: &str, hint: &str) {
        self.console.warning(message, hint);
    }

    fn show(&mut self, progress: &Progress) {
        let line = display::line(progress);
        if Console::stderr_has_progress() {
            status_line::show(&line);
        } else {
            let seconds = self.started.elapsed().as_secs_f64();
            if self.last.as_ref() != Some(progress) && display::is_due(seconds, self.line_at) {
                self.console.note(&line);
                self.line_at = Some(seconds);
            }
        }
        self.last = Some(progress.clone());
    }
}

fn usage(message: String) -> Coded {
    Coded { exit: Exit::Usage, message }
}

fn no_slurm(no_answer: &client::NoAnswer) -> Coded {
    let hint = match no_answer {
        client::NoAnswer::NotInstalled(_) => {
            "run this on the cluster's login node, or write scripts for it with --dry-run"
        }
        client::NoAnswer::Failed(_) => {
            "see `scontrol ping`, and try again when the controller answers"
        }
    };
    Coded {
        exit: Exit::NotReady,
        message: format!("no Slurm to submit to: {}; {hint}", no_answer.message()),
    }
}

/// Different for every folder that any process makes.
fn nonce() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let nanoseconds = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
    nanoseconds ^ (u64::from(std::process::id()) << 44)
}
