//! Follows a job folder to its end: submit a round, watch it, submit what is missing, until all is
//! there.
//!
//! The loop has neither clock nor I/O of its own: it asks a [`ClusterAccess`], and the simulation
//! is one. What is done is what the program finds in the journals; the queue only says whether
//! anything may still happen and why a task ended. Whatever is submitted is written down first, so
//! the loop can be left at any point and begun again by another process.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, bail};
use headroom::{Coded, Exit, numbers::as_f64};
use phi_protocol::{JobState, JobStatus};
use serde::Serialize;

use super::{
    diagnosis::{self, Cause},
    program::items,
    queue::{ExitStatus, Extent, NotSubmitted, QueueEntry, SlurmState, ids},
    site::TaskResources,
    slurm_record::{Array, Round, SlurmRecord},
};

/// Between two looks at the queue: a tenth of the time that the round has taken, within these.
const LOOK: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));
/// Between two questions about the journals, likewise.
const ASK: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(60));
/// The part of the time that questions may take.
const COST: u32 = 20;
/// Between two attempts to submit into a full queue, or to a silent controller.
const AGAIN: Duration = Duration::from_secs(10);
/// Tasks on a node that does not answer are COMPLETING until the controller gives it up.
const COMPLETING: Duration = Duration::from_secs(300);
/// Tasks that will not start by themselves for so long are worth a warning.
const STUCK: Duration = Duration::from_secs(30);
/// Outputs of failed tasks that are read in a round.
const N_READ: usize = 20;
/// Attempts to submit one array while the controller answers everything else.
const N_SUBMISSIONS: u32 = 5;

/// Everything outside the loop.
pub(super) trait ClusterAccess {
    /// The time since a fixed point.
    fn now(&self) -> Duration;
    /// Waits this long, or until the user interrupts.
    fn sleep(&mut self, time: Duration);
    /// `true` if the user wants to go.
    fn is_interrupted(&self) -> bool;
    /// The tasks of this user that the controller knows, or why it does not say.
    fn queue(&mut self) -> Result<Vec<QueueEntry>, String>;
    /// Submits an array.
    fn submit(
        &mut self,
        record: &SlurmRecord,
        round: &Round,
        array: &Array,
    ) -> Result<u64, NotSubmitted>;
    /// Returns the id of an array of this name that left a trace besides the queue: in the
    /// accounting, or in files that its tasks have begun.
    fn traces(&mut self, round: u32, name: &str) -> Option<u64>;
    /// Returns the accounting's entries for an array, where there is an accounting.
    fn accounting(&mut self, name: &str) -> Vec<QueueEntry>;
    /// Cancels what the queue shows under the name of an array of this run, as far as it was
    /// submitted from this folder. Returns the number of tasks among them that were not.
    fn cancel(&mut self, entries: &[&QueueEntry], extent: Extent) -> u64;
    /// The state of the work.
    fn status(&mut self) -> anyhow::Result<JobStatus>;
    /// Have the program plan what is missing.
    fn next(&mut self, memory_factor: f64, time_factor: f64) -> anyhow::Result<JobStatus>;
    /// Chooses the resources to ask for in a round.
    fn request(&mut self, record: &SlurmRecord, plan: &JobStatus) -> Result<TaskResources, Coded>;
    /// Tasks of one array at most.
    fn array_size(&self) -> u64;
    /// Nodes of the partition that may run tasks.
    fn n_nodes(&self) -> usize;
    /// The end of what a task has printed.
    fn printed(&mut self, round: u32, name: &str, job_id: u64, task: u32) -> Option<String>;
    /// Writes the scripts of a round.
    fn write_scripts(&mut self, record: &SlurmRecord, round: &Round) -> anyhow::Result<()>;
    /// Writes down what is submitted.
    fn save(&mut self, record: &SlurmRecord) -> anyhow::Result<()>;
    fn note(&mut self, message: &str);
    fn warning(&mut self, message: &str, hint: &str);
    /// Shows the progress.
    fn show(&mut self, progress: &Progress);
}

/// The progress of the job.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Progress {
    pub(super) round: u32,
    pub(super) stage: String,
    pub(super) n_tasks: u64,
    pub(super) n_waiting: u64,
    /// The reason why most of them wait.
    pub(super) waiting_for: Option<String>,
    pub(super) n_running: u64,
    /// Ended well, or in a way that is not known any more.
    pub(super) n_ended: u64,
    /// Ended otherwise, by how.
    pub(super) failures: BTreeMap<String, u64>,
    /// The name of the items: `mechanisms`, `exact problems`, …
    pub(super) items: String,
    pub(super) n_items: u64,
    pub(super) items_done: u64,
    /// The part of the expected cost of the round that is done.
    pub(super) fraction_done: f64,
    pub(super) seconds_left: Option<f64>,
}

/// The reason for the end of the loop.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum FollowEnd {
    /// Everything is there.
    Finished,
    /// Some items are missing after all attempts.
    GivenUp(Box<JobStatus>),
    /// The user has gone; the tasks go on.
    Detached,
}

/// Goes on until all is there. `plan`: the round that is planned.
///
/// With `stay` false, only sees to it that its tasks are submitted.
///
/// # Errors
/// If the cluster refuses the tasks, or the program cannot run there.
pub(super) fn follow(
    world: &mut impl ClusterAccess,
    record: &mut SlurmRecord,
    mut plan: JobStatus,
    stay: bool,
) -> anyhow::Result<FollowEnd> {
    loop {
        if plan.state != JobState::Planned {
            find_unnumbered(world, record)?;
        }
        match plan.state {
            JobState::Finished => return Ok(FollowEnd::Finished),
            JobState::GivenUp => return Ok(FollowEnd::GivenUp(Box::new(plan))),
            JobState::Planned => {}
        }
        if record.round(plan.round).is_some_and(|it| it.over) {
            // An earlier follower has seen its end.
            plan = world.next(1.0, 1.0)?;
            continue;
        }
        prepare(world, record, &plan)?;
        let mut watch = Watch::new(record, &plan, world.now());
        let ended = watch.round(world, record, stay)?;
        let Some(finished) = ended else { return Ok(FollowEnd::Detached) };
        watch.close(world, record)?;
        if let Some(found) = finished {
            plan = found;
            continue;
        }
        let factor = |cause: &Cause| {
            let happened = watch.failures.contains_key(&cause.name());
            if happened { 2.0 } else { 1.0 }
        };
        plan = world.next(factor(&Cause::Memory), factor(&Cause::Time))?;
        if plan.state == JobState::Planned {
            watch.tell_missing(world, &plan);
        }
    }
}

/// Notes the numbers of jobs that were submitted and of which no number could be written down: by
/// their names, in the queue or from what they have left. A run that is done meanwhile would look
/// for them no more.
fn find_unnumbered(world: &mut impl ClusterAccess, record: &mut SlurmRecord) -> anyhow::Result<()> {
    let is_unnumbered = |it: &Array| it.tried && it.job_id.is_none();
    if !record.rounds.iter().flat_map(|it| &it.arrays).any(is_unnumbered) {
        return Ok(());
    }
    let entries = world.queue().unwrap_or_default();
    let mut has_found = false;
    for round in &mut record.rounds {
        let number = round.round;
        for array in round.arrays.iter_mut().filter(|it| is_unnumbered(it)) {
            let queued = entries.iter().find(|it| it.name == array.name).map(|it| it.job_id);
            array.job_id = queued.or_else(|| world.traces(number, &array.name));
            has_found |= array.job_id.is_some();
        }
    }
    if has_found { world.save(record) } else { Ok(()) }
}

/// Writes the round down before anything of it is submitted.
fn prepare(
    world: &mut impl ClusterAccess,
    record: &mut SlurmRecord,
    plan: &JobStatus,
) -> anyhow::Result<()> {
    if record.round(plan.round).is_none() {
        let TaskResources { cpus, mem, time } = world.request(record, plan)?;
        let arrays = record.arrays(plan.round, plan.n_tasks, world.array_size());
        let JobStatus { round, n_tasks, items_done: items_before, .. } = *plan;
        let over = false;
        record.rounds.push(Round { round, n_tasks, items_before, cpus, mem, time, over, arrays });
        if let Some(round) = record.round(plan.round) {
            world.write_scripts(record, round)?;
        }
    }
    record.proven |= has_grown(record, plan);
    world.save(record)
}

/// `true` if something was done since the round was planned: by its tasks, so the program runs
/// there.
fn has_grown(record: &SlurmRecord, plan: &JobStatus) -> bool {
    record.round(plan.round).is_some_and(|it| plan.items_done > it.items_before)
}

/// Writes the next round's scripts, and submits nothing.
pub(super) fn write_only(
    world: &mut impl ClusterAccess,
    record: &mut SlurmRecord,
    plan: &JobStatus,
) -> anyhow::Result<()> {
    prepare(world, record, plan)?;
    // The user may submit it by hand.
    if let Some(round) = record.rounds.iter_mut().find(|it| it.round == plan.round) {
        round.arrays.iter_mut().for_each(|it| it.tried = true);
    }
    world.save(record)
}

/// The last known state of one task.
#[derive(Clone, Debug)]
struct TaskState {
    state: SlurmState,
    reason: String,
}

/// One round, watched.
struct Watch {
    /// Its place in the record.
    at: usize,
    stage: String,
    began: Duration,
    /// For each array the tasks as last seen. `None` if the controller has not been asked since the
    /// array was submitted.
    tasks: Vec<Option<Vec<TaskState>>>,
    /// The tasks that the queue showed last under the names of these arrays, and that may still
    /// change. What is cancelled is one of them: a number that was written down once may mean
    /// another job.
    queued: Vec<QueueEntry>,
    /// Looks in a row that found nothing active.
    n_idle: u32,
    /// The time since which only tasks that are being ended are left.
    completing_since: Option<Duration>,
    /// The last answer about the journals, when it was given, and how long it took.
    status: JobStatus,
    asked_at: Option<Duration>,
    ask_cost: Duration,
    /// Expected seconds done, and when: of the first answer while tasks ran.
    rate_from: Option<(Duration, f64)>,
    /// The controller does not answer.
    is_silent: bool,
    /// The time before which nothing is submitted.
    submit_at: Duration,
    n_failed_submissions: u32,
    /// Number of times that arrays were submitted again that the controller had lost.
    n_lost: u32,
    failures: BTreeMap<String, u64>,
    n_read: usize,
    /// Reasons for which tasks will not start by themselves, and since when.
    stuck: BTreeMap<String, Duration>,
    /// Messages that were given already.
    said: Vec<String>,
}

impl Watch {
    fn new(record: &SlurmRecord, plan: &JobStatus, now: Duration) -> Watch {
        let at = record.rounds.iter().position(|it| it.round == plan.round).unwrap_or(0);
        let n_arrays = record.rounds.get(at).map_or(0, |it| it.arrays.len());
        Watch {
            at,
            stage: plan.stage.clone(),
            began: now,
            tasks: vec![None; n_arrays],
            queued: Vec::new(),
            n_idle: 0,
            completing_since: None,
            status: plan.clone(),
            asked_at: None,
            ask_cost: Duration::ZERO,
            rate_from: None,
            is_silent: false,
            submit_at: Duration::ZERO,
            n_failed_submissions: 0,
            n_lost: 0,
            failures: BTreeMap::new(),
            n_read: 0,
            stuck: BTreeMap::new(),
            said: Vec::new(),
        }
    }

    /// Until the round is over: `None` if the user has gone, else what the journals say if that is
    /// known already.
    fn round(
        &mut self,
        world: &mut impl ClusterAccess,
        record: &mut SlurmRecord,
        stay: bool,
    ) -> anyhow::Result<Option<Option<JobStatus>>> {
        loop {
            if world.is_interrupted() {
                return Ok(None);
            }
            let begun = world.now();
            let looked = world.queue();
            let cost = world.now().saturating_sub(begun);
            match looked {
                Ok(entries) => {
                    if std::mem::take(&mut self.is_silent) {
                        world.note("Slurm's controller answers again");
                    }
                    self.look(world, record, &entries)?;
                    self.submit(world, record, &entries)?;
                }
                Err(why) => self.silence(world, &why),
            }
            let all_submitted = self.arrays(record).iter().all(|it| it.job_id.is_some());
            if !stay && all_submitted {
                return Ok(None);
            }
            let is_over = self.is_over(world.now()) && all_submitted && !self.is_silent;
            if world.is_interrupted() {
                return Ok(None);
            }
            if stay && (is_over || self.is_time_to_ask(world.now())) {
                self.ask(world, record)?;
                if self.status.state != JobState::Planned || self.all_done(record) {
                    return Ok(Some(self.done(world)));
                }
            }
            self.warn_of_the_stuck(world);
            if self.tasks.iter().any(Option::is_some) {
                world.show(&self.progress(record, world.now()));
            }
            if is_over && !self.submit_the_lost(world, record)? {
                return Ok(Some(None));
            }
            world.sleep(self.pause(world.now(), cost));
        }
    }

    /// Nothing more is to be expected of this round.
    fn close(
        &self,
        world: &mut impl ClusterAccess,
        record: &mut SlurmRecord,
    ) -> anyhow::Result<()> {
        if let Some(round) = record.rounds.get_mut(self.at) {
            round.over = true;
        }
        world.save(record)
    }

    /// Arrays that the controller knows nothing of and of which nothing ever began: it was killed
    /// before it wrote them down. They are submitted again in the same round, which is no attempt
    /// of anything. Whether there are any.
    fn submit_the_lost(
        &mut self,
        world: &mut impl ClusterAccess,
        record: &mut SlurmRecord,
    ) -> anyhow::Result<bool> {
        if self.n_lost >= N_SUBMISSIONS {
            return Ok(false);
        }
        let round = self.round_number(record);
        let mut n_tasks = 0;
        for (index, tasks) in self.tasks.iter_mut().enumerate() {
            let all = tasks.iter().flatten().all(|it| it.state == SlurmState::Forgotten);
            let Some(array) = record.rounds[self.at].arrays.get_mut(index) else { continue };
            if all && tasks.is_some() && world.traces(round, &array.name).is_none() {
                array.job_id = None;
                *tasks = None;
                n_tasks += array.n_tasks;
            }
        }
        if n_tasks == 0 {
            return Ok(false);
        }
        self.n_lost += 1;
        self.n_idle = 0;
        let message = format!("the controller has lost {} before they began", self::tasks(n_tasks));
        world.warning(&message, "nothing needs to be done: they are submitted again");
        world.save(record)?;
        Ok(true)
    }

    fn arrays<'a>(&self, record: &'a SlurmRecord) -> &'a [Array] {
        record.rounds.get(self.at).map_or(&[], |it| &it.arrays)
    }

    /// The journals have all of this round.
    fn done(&self, world: &mut impl ClusterAccess) -> Option<JobStatus> {
        // Tasks that still wait in the queue have nothing left to do.
        let waits = |it: &&QueueEntry| it.state == SlurmState::Pending;
        let waiting: Vec<&QueueEntry> = self.queued.iter().filter(waits).collect();
        if !waiting.is_empty() && !self.is_silent {
            world.cancel(&waiting, Extent::Waiting);
        }
        (self.status.state != JobState::Planned).then(|| self.status.clone())
    }

    fn all_done(&self, record: &SlurmRecord) -> bool {
        let n_tasks = record.rounds.get(self.at).map_or(0, |it| it.n_tasks);
        self.status.round == self.round_number(record)
            && n_tasks > 0
            && self.status.tasks_done >= n_tasks
    }

    fn round_number(&self, record: &SlurmRecord) -> u32 {
        record.rounds.get(self.at).map_or(0, |it| it.round)
    }

    /// Takes in what the queue shows.
    fn look(
        &mut self,
        world: &mut impl ClusterAccess,
        record: &mut SlurmRecord,
        entries: &[QueueEntry],
    ) -> anyhow::Result<()> {
        let mut ended = Vec::new();
        let mut adopted = false;
        let Some(round) = record.rounds.get_mut(self.at) else { return Ok(()) };
        self.queued.clear();
        for (array, tasks) in round.arrays.iter_mut().zip(&mut self.tasks) {
            let own = || entries.iter().filter(|it| it.name == array.name);
            self.queued.extend(own().filter(|it| it.state.is_active()).cloned());
            let found = own().map(|it| it.job_id).next();
            if array.job_id.is_none() && found.is_some() {
                array.job_id = found;
                adopted = true;
            }
            if array.job_id.is_none() {
                continue;
            }
            let n_tasks = usize::try_from(array.n_tasks).unwrap_or(usize::MAX);
            // The controller does not mention these tasks, so it has forgotten them.
            let unknown = TaskState { state: SlurmState::Forgotten, reason: String::new() };
            let mut now = vec![unknown; n_tasks];
            let mut lines = vec![None; n_tasks];
            for entry in own() {
                for &(first, last) in &entry.tasks {
                    for task in
                        first.max(1)..=last.min(u32::try_from(array.n_tasks).unwrap_or(u32::MAX))
                    {
                        let index = task as usize - 1;
                        // Submitted twice, it is over when both are: the more alive one counts.
                        if lines[index].is_none() || entry.state < now[index].state {
                            now[index] =
                                TaskState { state: entry.state, reason: entry.reason.clone() };
                            lines[index] = Some((entry, task));
                        }
                    }
                }
            }
            let before = tasks.replace(now.clone());
            for (index, task) in now.iter().enumerate() {
                let was = before.as_ref().map(|it| &it[index]);
                let known_end =
                    was.is_some_and(|it| !it.state.is_active() && it.state == task.state);
                // Once its end is known, being forgotten changes nothing.
                if let (Some(was), SlurmState::Forgotten, Some(tasks)) =
                    (was, task.state, tasks.as_mut())
                    && !was.state.is_active()
                {
                    tasks[index] = was.clone();
                    continue;
                }
                if task.state.is_active() || known_end {
                    continue;
                }
                let (status, node, job_id) = match lines[index] {
                    Some((line, _)) => (line.status, line.node.clone(), line.job_id),
                    None => (None, String::new(), array.job_id.unwrap_or_default()),
                };
                ended.push(EndedTask {
                    name: array.name.clone(),
                    job_id,
                    task: u32::try_from(index + 1).unwrap_or(u32::MAX),
                    state: task.state,
                    status,
                    node,
                });
            }
        }
        if adopted {
            world.save(record)?;
        }
        self.free_those_put_aside(world);
        self.explain(world, record, ended)
    }

    /// Tasks that Slurm has put aside wait for ever; cancelled, they go into the next round.
    fn free_those_put_aside(&mut self, world: &mut impl ClusterAccess) {
        let is_aside = |it: &&QueueEntry| {
            it.state == SlurmState::Pending && diagnosis::was_put_aside(&it.reason)
        };
        let aside: Vec<&QueueEntry> = self.queued.iter().filter(is_aside).collect();
        if aside.is_empty() {
            return;
        }
        let n_aside: u64 = aside.iter().map(|it| it.n_tasks()).sum();
        let n_others = world.cancel(&aside, Extent::Tasks);
        let n = n_aside.saturating_sub(n_others);
        if n > 0 {
            world.note(&format!(
                "Slurm could not start {} and holds {}: cancelled, to be submitted again with the \
                 next round",
                tasks(n),
                if n == 1 { "it" } else { "them" }
            ));
        }
        if n_others > 0 {
            self.once(
                world,
                &format!(
                    "Slurm holds {} with the name of this run, and shows another folder for them: \
                     not cancelled",
                    tasks(n_others)
                ),
                "this waits for them; `squeue --me` lists them, `scancel` cancels what is yours",
            );
        }
    }

    /// Counts and explains the tasks that have ended since the last look.
    fn explain(
        &mut self,
        world: &mut impl ClusterAccess,
        record: &mut SlurmRecord,
        mut ended: Vec<EndedTask>,
    ) -> anyhow::Result<()> {
        let mut asked: BTreeMap<String, Vec<QueueEntry>> = BTreeMap::new();
        for it in &mut ended {
            if it.state == SlurmState::Forgotten {
                // The accounting remembers longer than the controller.
                let known =
                    asked.entry(it.name.clone()).or_insert_with(|| world.accounting(&it.name));
                let is_it = |entry: &&QueueEntry| {
                    entry.tasks.iter().any(|&(first, last)| (first..=last).contains(&it.task))
                };
                if let Some(entry) = known.iter().find(is_it) {
                    (it.state, it.status) = (entry.state, entry.status);
                    it.node.clone_from(&entry.node);
                }
            }
        }
        let round = self.round_number(record);
        for it in &ended {
            if it.state == SlurmState::Completed && !record.proven {
                record.proven = true;
                world.save(record)?;
            }
        }
        for it in ended {
            let mut printed = None;
            if it.state == SlurmState::Failed && self.n_read < N_READ {
                self.n_read += 1;
                printed = world.printed(round, &it.name, it.job_id, it.task);
            }
            let Some(cause) = diagnosis::diagnose(it.state, it.status, printed.as_deref()) else {
                continue;
            };
            *self.failures.entry(cause.name()).or_default() += 1;
            if let Cause::Hopeless { what, remedy } = cause {
                self.hopeless(world, record, &it.node, &what, &remedy)?;
            }
        }
        Ok(())
    }

    /// The program cannot run on a node: on that one, or nowhere.
    fn hopeless(
        &mut self,
        world: &mut impl ClusterAccess,
        record: &mut SlurmRecord,
        node: &str,
        what: &str,
        remedy: &str,
    ) -> anyhow::Result<()> {
        if !record.proven {
            // Another process may have finished something meanwhile.
            self.ask(world, record)?;
        }
        let others = world.n_nodes() > record.exclude.len() + 1;
        let has_node = !node.is_empty() && !node.contains(['[', ',']);
        if record.proven && others && has_node {
            if !record.exclude.iter().any(|it| it == node) {
                record.exclude.push(node.to_owned());
                world.save(record)?;
                let message =
                    format!("node {node}: {what}; its tasks go to other nodes in the next round");
                world.warning(&message, remedy);
            }
            return Ok(());
        }
        if record.proven {
            // The program has run on other nodes, so the next rounds will tell.
            self.once(world, what, remedy);
            return Ok(());
        }
        let queued: Vec<&QueueEntry> = self.queued.iter().collect();
        let others = match world.cancel(&queued, Extent::Jobs) {
            0 => String::new(),
            n => format!(", but for {} of another folder", tasks(n)),
        };
        self.close(world, record)?;
        bail!(Coded {
            exit: Exit::NotReady,
            message: format!(
                "{what} (seen on node {node}; the other tasks are cancelled{others}): {remedy}"
            ),
        })
    }

    fn once(&mut self, world: &mut impl ClusterAccess, message: &str, hint: &str) {
        if !self.said.iter().any(|it| it == message) {
            self.said.push(message.to_owned());
            world.warning(message, hint);
        }
    }

    /// Submits what is not in the queue yet.
    fn submit(
        &mut self,
        world: &mut impl ClusterAccess,
        record: &mut SlurmRecord,
        entries: &[QueueEntry],
    ) -> anyhow::Result<()> {
        if world.now() < self.submit_at {
            return Ok(());
        }
        let round = self.round_number(record);
        for index in 0..self.arrays(record).len() {
            if self.arrays(record)[index].job_id.is_some() {
                continue;
            }
            if world.is_interrupted() {
                return Ok(());
            }
            let name = self.arrays(record)[index].name.clone();
            if self.arrays(record)[index].tried {
                // The submission was begun and its number was not written down; it is not in the
                // queue, which has just been looked at.
                if let Some(id) = world.traces(round, &name) {
                    record.rounds[self.at].arrays[index].job_id = Some(id);
                    world.save(record)?;
                    continue;
                }
            } else {
                record.rounds[self.at].arrays[index].tried = true;
                world.save(record)?;
            }
            let this = &record.rounds[self.at];
            match world.submit(record, this, &this.arrays[index]) {
                Ok(id) => {
                    record.rounds[self.at].arrays[index].job_id = Some(id);
                    world.save(record).with_context(|| {
                        let run = &record.run;
                        format!(
                            "job {id} was submitted, and its number could not be written down; \
                             when there is room again, `cargo xtask runs attach {run}` finds it by \
                             its name, {name}"
                        )
                    })?;
                    self.n_failed_submissions = 0;
                    self.n_idle = 0;
                    self.tell_submitted(world, record, index, id);
                }
                Err(NotSubmitted::Unsure(why)) => {
                    // Look whether it has arrived, then try again.
                    self.n_failed_submissions += 1;
                    if self.n_failed_submissions > N_SUBMISSIONS {
                        bail!(Coded {
                            exit: Exit::NotReady,
                            message: format!(
                                "sbatch fails again and again ({why}); `cargo xtask runs attach \
                                 {}` tries once more",
                                record.run
                            ),
                        });
                    }
                    world.note(&format!(
                        "sbatch got no answer ({why}); looking whether the tasks arrived"
                    ));
                    self.submit_at = world.now() + LOOK.0;
                    return Ok(());
                }
                Err(NotSubmitted::Full(why)) => {
                    if !self.is_anything_active(entries, record) {
                        bail!(Coded {
                            exit: Exit::NotReady,
                            message: format!(
                                "sbatch: {why}: {} are more than you may submit now; try \
                                 --max-tasks with a smaller \
                                 number, or wait until other jobs of yours have ended",
                                tasks(record.rounds[self.at].arrays[index].n_tasks)
                            ),
                        });
                    }
                    let message = format!(
                        "the queue takes no more tasks now ({why}): the rest is submitted as \
                         others end"
                    );
                    if !self.said.contains(&message) {
                        world.note(&message);
                        self.said.push(message);
                    }
                    self.submit_at = world.now() + AGAIN;
                    return Ok(());
                }
                Err(NotSubmitted::Refused(why)) => {
                    bail!(Coded {
                        exit: Exit::NotReady,
                        message: format!("sbatch: {why}{}", remedy_of_refusal(&why)),
                    });
                }
            }
        }
        Ok(())
    }

    /// `true` if anything of this folder may still leave the queue: as just seen, or submitted
    /// since.
    fn is_anything_active(&self, entries: &[QueueEntry], record: &SlurmRecord) -> bool {
        let is_own = |it: &&QueueEntry| record.owns(&it.name);
        let mut since = self.arrays(record).iter().zip(&self.tasks);
        entries.iter().filter(is_own).any(|it| it.state.is_active())
            || since.any(|(array, tasks)| array.job_id.is_some() && tasks.is_none())
    }

    fn tell_submitted(
        &mut self,
        world: &mut impl ClusterAccess,
        record: &SlurmRecord,
        index: usize,
        id: u64,
    ) {
        let round = &record.rounds[self.at];
        let (array, n_arrays) = (&round.arrays[index], round.arrays.len());
        let which = if n_arrays > 1 {
            format!(" ({} of {n_arrays} arrays)", index + 1)
        } else {
            String::new()
        };
        let mem = round.mem.map(|it| format!(", {it} of memory")).unwrap_or_default();
        let cpus = if round.cpus == 1 { "1 CPU".into() } else { format!("{} CPUs", round.cpus) };
        world.note(&format!(
            "round {}: submitted {} as job {id}{which}: {cpus}{mem}, at most {} each",
            round.round,
            tasks(array.n_tasks),
            round.time
        ));
    }

    fn silence(&mut self, world: &mut impl ClusterAccess, why: &str) {
        if !std::mem::replace(&mut self.is_silent, true) {
            world.warning(
                &format!("Slurm's controller does not answer ({why})"),
                "nothing is lost: tasks that run go on, and this waits until it answers",
            );
        }
    }

    /// `true` if nothing can happen any more, as far as the queue knows: two looks in a row say so.
    fn is_over(&mut self, now: Duration) -> bool {
        let all = || self.tasks.iter().flatten().flatten();
        let n_active = all().filter(|it| it.state.is_active()).count();
        let n_completing = all().filter(|it| it.state == SlurmState::Completing).count();
        if n_active > 0 && n_active == n_completing {
            let since = *self.completing_since.get_or_insert(now);
            if now.saturating_sub(since) >= COMPLETING {
                return true;
            }
        } else {
            self.completing_since = None;
        }
        let is_idle = n_active == 0 && self.tasks.iter().all(Option::is_some) && !self.is_silent;
        self.n_idle = if is_idle { self.n_idle + 1 } else { 0 };
        self.n_idle >= 2
    }

    fn is_time_to_ask(&self, now: Duration) -> bool {
        let Some(at) = self.asked_at else { return self.elapsed(now) >= ASK.0 };
        let every = (self.elapsed(now) / 10).clamp(ASK.0, ASK.1).max(self.ask_cost * COST);
        let is_due = now.saturating_sub(at) >= every;
        // Nothing runs: nothing changes. The queue may be wrong while the controller is silent.
        let runs =
            |it: &TaskState| matches!(it.state, SlurmState::Running | SlurmState::Completing);
        is_due
            && (self.is_silent
                || self.n_idle > 0
                || self.tasks.iter().flatten().flatten().any(runs))
    }

    fn elapsed(&self, now: Duration) -> Duration {
        now.saturating_sub(self.began)
    }

    fn ask(
        &mut self,
        world: &mut impl ClusterAccess,
        record: &mut SlurmRecord,
    ) -> anyhow::Result<()> {
        let begun = world.now();
        let status = match world.status() {
            Ok(status) => status,
            // A file system that is away for a moment is no reason to leave; the end of a round
            // asks again.
            Err(error) => {
                self.asked_at = Some(begun);
                if world.is_interrupted() {
                    return Ok(());
                }
                self.once(
                    world,
                    &format!("the journals cannot be read: {error:#}"),
                    "this tries again",
                );
                return Ok(());
            }
        };
        self.ask_cost = world.now().saturating_sub(begun);
        self.asked_at = Some(world.now());
        if !record.proven && has_grown(record, &status) {
            record.proven = true;
            world.save(record)?;
        }
        let done = status.cpu_seconds_done;
        if self.rate_from.is_none()
            && self.tasks.iter().flatten().flatten().any(|it| it.state == SlurmState::Running)
        {
            self.rate_from = Some((begun, done));
        }
        self.status = status;
        Ok(())
    }

    /// Time until the next look.
    fn pause(&self, now: Duration, cost: Duration) -> Duration {
        if self.n_idle > 0 {
            return LOOK.0;
        }
        let pause = (self.elapsed(now) / 10).clamp(LOOK.0, LOOK.1).max(cost * COST);
        if self.is_silent { pause.max(AGAIN / 2) } else { pause }
    }

    /// Says once for each reason that tasks will not start by themselves.
    fn warn_of_the_stuck(&mut self, world: &mut impl ClusterAccess) {
        let mut found: BTreeMap<String, u64> = BTreeMap::new();
        for task in self.tasks.iter().flatten().flatten() {
            if task.state == SlurmState::Pending && diagnosis::stuck(&task.reason).is_some() {
                *found.entry(task.reason.clone()).or_default() += 1;
            }
        }
        // Nodes that start up, or a partition that opens again, are not worth a word.
        self.stuck.retain(|reason, _| found.contains_key(reason));
        for (reason, n) in found {
            let now = world.now();
            let since = *self.stuck.entry(reason.clone()).or_insert(now);
            let Some(remedy) = diagnosis::stuck(&reason) else { continue };
            let key = format!("stuck: {reason}");
            if now.saturating_sub(since) < STUCK || self.said.contains(&key) {
                continue;
            }
            self.said.push(key);
            let stuck: Vec<&QueueEntry> =
                self.queued.iter().filter(|it| it.reason == reason).collect();
            let they = if n == 1 { "itself" } else { "themselves" };
            let message = format!("{} will not start by {they}: {reason}", tasks(n));
            let jobs = ids(&stuck, Extent::Jobs).join(" ");
            world.warning(&message, &format!("{remedy} (jobs {jobs})"));
        }
    }

    fn progress(&self, record: &SlurmRecord, now: Duration) -> Progress {
        let all = || self.tasks.iter().flatten().flatten();
        let count =
            |state: fn(SlurmState) -> bool| all().filter(|it| state(it.state)).count() as u64;
        let round = &record.rounds[self.at];
        // Not submitted yet, or not looked at since.
        let unseen = round.arrays.iter().zip(&self.tasks).filter(|(_, it)| it.is_none());
        let n_unseen: u64 = unseen.map(|(it, _)| it.n_tasks).sum();
        let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
        for task in all().filter(|it| it.state == SlurmState::Pending) {
            *reasons.entry(diagnosis::waits_for(&task.reason)).or_default() += 1;
        }
        let waiting_for = reasons.into_iter().max_by_key(|(_, n)| *n).map(|(it, _)| it.to_owned());
        let status = &self.status;
        let fraction_done = if status.cpu_seconds > 0.0 {
            (status.cpu_seconds_done / status.cpu_seconds).clamp(0.0, 1.0)
        } else {
            as_f64(status.items_done) / as_f64(status.n_items.max(1))
        };
        let left = (status.cpu_seconds - status.cpu_seconds_done).max(0.0);
        let seconds_left = self.rate_from.zip(self.asked_at).and_then(|((from, before), at)| {
            let done = status.cpu_seconds_done - before;
            let took = at.saturating_sub(from).as_secs_f64();
            // Since the journals were read, time has passed.
            let since = now.saturating_sub(at).as_secs_f64();
            let expected = (done > 0.0 && took > 0.0).then(|| left * took / done - since)?;
            // An estimate that has run out is no estimate.
            Some(expected).filter(|it| *it >= 1.0)
        });
        let n_failed: u64 = self.failures.values().sum();
        let n_over = count(|it| !it.is_active());
        Progress {
            round: round.round,
            stage: self.stage.clone(),
            n_tasks: round.n_tasks,
            n_waiting: count(|it| it == SlurmState::Pending) + n_unseen,
            waiting_for,
            n_running: count(|it| matches!(it, SlurmState::Running | SlurmState::Completing)),
            n_ended: n_over.saturating_sub(n_failed),
            failures: self.failures.clone(),
            items: items(status).to_owned(),
            n_items: status.n_items,
            items_done: status.items_done,
            fraction_done,
            seconds_left,
        }
    }

    fn tell_missing(&self, world: &mut impl ClusterAccess, plan: &JobStatus) {
        if plan.stage != self.stage {
            world.note(&format!("the stage {} is done; next: {}", self.stage, plan.stage));
            return;
        }
        let failures: Vec<String> =
            self.failures.iter().map(|(how, n)| format!("{n} × {how}")).collect();
        let why =
            if failures.is_empty() { String::new() } else { format!(" ({})", failures.join(", ")) };
        let missing = plan.n_items.saturating_sub(plan.items_done);
        world.note(&format!(
            "{} of {} {} are missing after round {}{why}: only these go into round {}",
            missing,
            plan.n_items,
            items(plan),
            plan.round.saturating_sub(1),
            plan.round
        ));
    }
}

/// A task that has ended.
#[derive(Clone, Debug)]
struct EndedTask {
    name: String,
    job_id: u64,
    task: u32,
    state: SlurmState,
    status: Option<ExitStatus>,
    node: String,
}

/// `1 task`, `7 tasks`.
pub(super) fn tasks(n: u64) -> String {
    if n == 1 { "1 task".to_owned() } else { format!("{n} tasks") }
}

fn remedy_of_refusal(why: &str) -> &'static str {
    let known = [
        ("partition", "; name another with --partition (`sinfo -s` lists them)"),
        ("account", "; name another with --account"),
        ("qos", "; name another with --qos"),
        ("QOS", "; name another with --qos"),
        ("time limit", "; name less with --time"),
        ("array", "; try --max-tasks with a smaller number"),
        ("memory", "; name less with --mem, or another --partition"),
        ("Memory", "; name less with --mem, or another --partition"),
        (
            "node configuration",
            "; no node of the partition is like that: another --partition, or less with --mem or \
            --cpus",
        ),
    ];
    known.iter().find(|(word, _)| why.contains(word)).map_or("", |(_, remedy)| remedy)
}
