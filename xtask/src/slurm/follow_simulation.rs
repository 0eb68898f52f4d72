//! The loop against clusters that are made up, with faults at random: hundreds of seeded worlds.
//!
//! A world is a cluster, a program that plans and remembers what is done, and a disk with
//! `slurm.json`. Tasks are cancelled, killed, run out of time or memory, lose their node or are put
//! aside; the controller falls silent and forgets; sbatch gets no answer although the job arrived;
//! the follower dies at any step and another one goes on from the disk.

use std::{collections::BTreeSet, time::Duration};

use anyhow::bail;
use headroom::{Coded, Exit, numbers::as_f64};
use phi_protocol::{JobState, JobStatus};

use super::{
    follow::{ClusterAccess, FollowEnd, Progress, follow},
    options::{Mebibytes, Minutes, TaskOptions},
    queue::{ExitStatus, Extent, NotSubmitted, QueueEntry, SlurmState, ids},
    site::TaskResources,
    slurm_record::{Array, Round, SlurmRecord},
};

/// The controller remembers ended jobs for this long.
const MEMORY: f64 = 20.0;
/// Items of a task, one second each.
const PER_TASK: usize = 3;
/// The folder of the run, and the one of another.
const FOLDER: &str = "/runs/sim/cluster";
const OTHER_FOLDER: &str = "/copies/sim/cluster";
/// The number of another job of this user.
const OTHER_JOB: u64 = 9999;
/// The reason that Slurm gives for a task that it has put aside.
const ASIDE: &str = "launch failed requeued held";
/// After so many rounds the world has no more faults.
const BAD_ROUNDS: u32 = 2;

/// A sequence of numbers that looks random (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// Returns `true` once in so many times.
    fn once_in(&mut self, n: u64) -> bool {
        self.next().is_multiple_of(n)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

struct Task {
    number: usize,
    state: SlurmState,
    reason: &'static str,
    status: ExitStatus,
    node: usize,
    started: f64,
    ended: f64,
    /// The fault that will end the task, and the time from its start to the fault.
    fault: Option<(f64, SlurmState, ExitStatus)>,
}

struct Job {
    id: u64,
    name: String,
    round: u32,
    offset: u64,
    folder: &'static str,
    tasks: Vec<Task>,
}

/// The faults of this world that do not come from the random generator.
#[derive(Clone, Copy, Default)]
struct Faults {
    /// One task in so many.
    tasks: Option<u64>,
    silence: bool,
    /// The follower dies at one step in so many.
    deaths: Option<u64>,
    /// The most tasks in the queue.
    most: Option<usize>,
    /// No task can run, or none on node 0.
    hopeless: bool,
    bad_node: bool,
    /// Number of times that the controller loses the jobs that have not begun.
    losses: u32,
    /// The first task that starts ends like this.
    first: Option<SlurmState>,
}

struct Sim {
    chance: Chance,
    faults: Faults,
    now: f64,
    jobs: Vec<Job>,
    n_nodes: usize,
    done: BTreeSet<usize>,
    n_items: usize,
    /// The items of each round's tasks.
    rounds: Vec<Vec<Vec<usize>>>,
    disk: Option<SlurmRecord>,
    silent_until: f64,
    /// Arrays that were submitted although one of their jobs was there.
    n_twice: usize,
    n_submissions: usize,
    cancelled: Vec<String>,
    asked: Vec<(f64, f64)>,
    /// The user goes then.
    gone_after: Option<f64>,
    last: Option<Progress>,
    said: Vec<String>,
}

impl Sim {
    fn new(seed: u64, n_items: usize, faults: Faults) -> Sim {
        let mut sim = Sim {
            chance: Chance(seed),
            faults,
            now: 0.0,
            jobs: Vec::new(),
            n_nodes: 3,
            done: BTreeSet::new(),
            n_items,
            rounds: Vec::new(),
            disk: None,
            silent_until: -1.0,
            n_twice: 0,
            n_submissions: 0,
            cancelled: Vec::new(),
            asked: Vec::new(),
            gone_after: None,
            last: None,
            said: Vec::new(),
        };
        sim.plan_missing();
        let record = SlurmRecord::new("sim", Vec::new(), TaskOptions::default(), seed);
        sim.disk = Some(record);
        sim
    }

    fn plan_missing(&mut self) {
        let missing: Vec<usize> = (0..self.n_items).filter(|it| !self.done.contains(it)).collect();
        if !missing.is_empty() {
            self.rounds.push(missing.chunks(PER_TASK).map(<[usize]>::to_vec).collect());
        }
    }

    fn document(&self) -> JobStatus {
        let tasks = self.rounds.last().unwrap();
        let is_done = |it: &&Vec<usize>| it.iter().all(|it| self.done.contains(it));
        let state = match self.done.len() == self.n_items {
            true => JobState::Finished,
            false if self.rounds.len() > 5 => JobState::GivenUp,
            false => JobState::Planned,
        };
        let count = |it: usize| u64::try_from(it).unwrap();
        JobStatus {
            state,
            round: u32::try_from(self.rounds.len()).unwrap(),
            n_items: count(self.n_items),
            items_done: count(self.done.len()),
            n_tasks: count(tasks.len()),
            tasks_done: count(tasks.iter().filter(is_done).count()),
            cpu_seconds: as_f64(count(self.n_items)),
            cpu_seconds_done: as_f64(count(self.done.len())),
            task_seconds: 3.0,
            ..JobStatus::nothing_to_do("/r".into(), "study")
        }
    }

    fn may_fail(&self) -> bool {
        self.rounds.len() <= BAD_ROUNDS as usize
    }

    /// The follower may die here.
    fn step(&mut self) -> anyhow::Result<()> {
        if let Some(n) = self.faults.deaths
            && self.chance.once_in(n)
        {
            bail!("died");
        }
        Ok(())
    }

    /// Lets the cluster work.
    fn advance(&mut self, until: f64) {
        while self.now < until {
            self.now += 0.25;
            let now = self.now;
            let running = |it: &Task| it.state == SlurmState::Running;
            let mut busy: BTreeSet<usize> = self
                .jobs
                .iter()
                .flat_map(|it| &it.tasks)
                .filter(|it| running(it))
                .map(|it| it.node)
                .collect();
            let may_fail = self.may_fail();
            for job in &mut self.jobs {
                for task in &mut job.tasks {
                    if task.state == SlurmState::Pending && task.reason == "Resources" {
                        let Some(node) = (0..self.n_nodes).find(|it| !busy.contains(it)) else {
                            continue;
                        };
                        busy.insert(node);
                        (task.state, task.node, task.started) = (SlurmState::Running, node, now);
                        task.fault = None;
                        if may_fail && self.faults.tasks.is_some_and(|n| self.chance.once_in(n)) {
                            let after = self.chance.below(16) as f64 / 4.0;
                            let killed = ExitStatus { code: 0, signal: 9 };
                            let kind = match self.chance.below(7) {
                                0 => (SlurmState::Cancelled, ExitStatus::default()),
                                1 => (SlurmState::Timeout, ExitStatus::default()),
                                2 => (SlurmState::OutOfMemory, killed),
                                3 => (SlurmState::NodeFail, ExitStatus::default()),
                                // Put back into the queue, or aside.
                                4 => (SlurmState::Pending, ExitStatus::default()),
                                _ => (SlurmState::Failed, killed),
                            };
                            task.fault = Some((after, kind.0, kind.1));
                        }
                        if let Some(state) = self.faults.first.take() {
                            task.fault = Some((0.0, state, ExitStatus::default()));
                        }
                        if self.faults.hopeless || self.faults.bad_node && node == 0 {
                            task.fault = Some((
                                0.0,
                                SlurmState::Failed,
                                ExitStatus { code: 127, signal: 0 },
                            ));
                        }
                    }
                    if task.state != SlurmState::Running {
                        continue;
                    }
                    let items = &self.rounds[job.round as usize - 1][task.number];
                    let ran = now - task.started;
                    let stops_at = task.fault.map_or(f64::INFINITY, |it| it.0);
                    let n_done = (ran.min(stops_at) as usize).min(items.len());
                    self.done.extend(&items[..n_done]);
                    if ran >= stops_at {
                        let (_, state, status) = task.fault.take().unwrap();
                        (task.state, task.status, task.ended) = (state, status, now);
                        if state == SlurmState::Pending {
                            let aside = self.chance.once_in(2);
                            task.reason = if aside { ASIDE } else { "Resources" };
                        }
                    } else if n_done == items.len() {
                        (task.state, task.ended) = (SlurmState::Completed, now);
                    }
                }
            }
        }
    }

    fn is_silent(&mut self) -> bool {
        if self.faults.silence
            && self.now > self.silent_until + 10.0
            && self.chance.once_in(12)
            && self.may_fail()
        {
            self.silent_until = self.now + self.chance.below(60) as f64;
        }
        self.now < self.silent_until
    }

    fn n_active(&self) -> usize {
        self.jobs.iter().flat_map(|it| &it.tasks).filter(|it| it.state.is_active()).count()
    }
}

impl ClusterAccess for Sim {
    fn now(&self) -> Duration {
        Duration::from_secs_f64(self.now)
    }

    fn sleep(&mut self, time: Duration) {
        assert!(time >= Duration::from_millis(500), "{time:?} is a busy loop");
        self.advance(self.now + time.as_secs_f64());
        assert!(self.now < 20_000.0, "it does not end: {:?}, {:?}", self.last, self.said);
    }

    fn is_interrupted(&self) -> bool {
        self.gone_after.is_some_and(|it| self.now > it)
    }

    fn queue(&mut self) -> Result<Vec<QueueEntry>, String> {
        if self.is_silent() {
            return Err("no answer".into());
        }
        let unbegun = |it: &Job| it.tasks.iter().all(|it| it.started == 0.0);
        if self.faults.losses > 0 && self.jobs.iter().any(unbegun) && self.chance.once_in(3) {
            self.faults.losses -= 1;
            self.jobs.retain(|it| !unbegun(it));
        }
        let mut entries = Vec::new();
        for job in &self.jobs {
            let known = |it: &&Task| it.state.is_active() || self.now - it.ended < MEMORY;
            for (index, task) in job.tasks.iter().enumerate().filter(|(_, it)| known(it)) {
                let number = u32::try_from(index + 1).unwrap();
                let node = if task.state == SlurmState::Pending {
                    String::new()
                } else {
                    format!("n{}", task.node)
                };
                entries.push(QueueEntry {
                    job_id: job.id,
                    tasks: vec![(number, number)],
                    state: task.state,
                    reason: task.reason.into(),
                    status: Some(task.status),
                    node,
                    folder: job.folder.into(),
                    name: job.name.clone(),
                });
            }
        }
        // Another user's job.
        let (state, status, name) = (SlurmState::Running, None, "other".to_owned());
        let (reason, node) = ("None".to_owned(), "n1".to_owned());
        let folder = FOLDER.to_owned();
        entries.push(QueueEntry {
            job_id: OTHER_JOB,
            tasks: vec![(1, 9)],
            state,
            reason,
            status,
            node,
            folder,
            name,
        });
        Ok(entries)
    }

    fn submit(
        &mut self,
        _: &SlurmRecord,
        round: &Round,
        array: &Array,
    ) -> Result<u64, NotSubmitted> {
        let on_disk = self.disk.as_ref().unwrap().round(round.round).expect("written down before");
        let written = on_disk.arrays.iter().find(|it| it.name == array.name).unwrap();
        assert!(written.tried, "a submission that no follower would look for");
        let n_tasks = usize::try_from(array.n_tasks).unwrap();
        if self.faults.most.is_some_and(|most| self.n_active() + n_tasks > most) {
            return Err(NotSubmitted::Full("job submit limit".into()));
        }
        let is_silent = self.is_silent();
        if is_silent && self.chance.once_in(2) {
            return Err(NotSubmitted::Unsure("timed out".into()));
        }
        self.n_submissions += 1;
        self.n_twice += usize::from(self.jobs.iter().any(|it| it.name == array.name));
        let id = self.n_submissions as u64 + 100;
        let task = |number: usize| Task {
            number: usize::try_from(array.offset).unwrap() + number,
            state: SlurmState::Pending,
            reason: "Resources",
            status: ExitStatus::default(),
            node: 0,
            started: 0.0,
            ended: 0.0,
            fault: None,
        };
        let tasks = (0..n_tasks).map(task).collect();
        let (name, offset, folder) = (array.name.clone(), array.offset, FOLDER);
        self.jobs.push(Job { id, name, round: round.round, offset, folder, tasks });
        if is_silent { Err(NotSubmitted::Unsure("timed out".into())) } else { Ok(id) }
    }

    fn traces(&mut self, _: u32, name: &str) -> Option<u64> {
        let job = self.jobs.iter().find(|it| it.name == name)?;
        job.tasks.iter().any(|it| it.started > 0.0).then_some(job.id)
    }

    fn accounting(&mut self, _: &str) -> Vec<QueueEntry> {
        Vec::new()
    }

    fn cancel(&mut self, entries: &[&QueueEntry], extent: Extent) -> u64 {
        let (own, others): (Vec<&QueueEntry>, Vec<&QueueEntry>) =
            entries.iter().partition(|it| it.folder == FOLDER);
        let ids = ids(&own, extent);
        self.cancelled.extend(ids.iter().cloned());
        for id in &ids {
            let (job, task) = id.split_once('_').unwrap_or((id, ""));
            let job = self.jobs.iter_mut().find(|it| it.id.to_string() == job).expect("an own job");
            for (index, it) in job.tasks.iter_mut().enumerate() {
                let is_meant = task.is_empty() || task == (index + 1).to_string();
                if is_meant
                    && it.state.is_active()
                    && (extent != Extent::Waiting || it.state == SlurmState::Pending)
                {
                    (it.state, it.ended) = (SlurmState::Cancelled, self.now);
                }
            }
        }
        others.iter().map(|it| it.n_tasks()).sum()
    }

    fn status(&mut self) -> anyhow::Result<JobStatus> {
        self.step()?;
        Ok(self.document())
    }

    fn next(&mut self, memory_factor: f64, time_factor: f64) -> anyhow::Result<JobStatus> {
        self.step()?;
        self.asked.push((memory_factor, time_factor));
        self.plan_missing();
        self.step()?;
        Ok(self.document())
    }

    fn request(&mut self, _: &SlurmRecord, _: &JobStatus) -> Result<TaskResources, Coded> {
        Ok(TaskResources { cpus: 1, mem: Some(Mebibytes(64)), time: Minutes(8) })
    }

    fn array_size(&self) -> u64 {
        5
    }

    fn n_nodes(&self) -> usize {
        self.n_nodes
    }

    fn printed(&mut self, _: u32, _: &str, _: u64, _: u32) -> Option<String> {
        None
    }

    fn write_scripts(&mut self, _: &SlurmRecord, _: &Round) -> anyhow::Result<()> {
        self.step()
    }

    fn save(&mut self, record: &SlurmRecord) -> anyhow::Result<()> {
        // Before or after it is on the disk.
        self.step()?;
        self.disk = Some(record.clone());
        self.step()
    }

    fn note(&mut self, message: &str) {
        self.said.push(message.to_owned());
    }

    fn warning(&mut self, message: &str, hint: &str) {
        assert!(!hint.is_empty());
        self.said.push(message.to_owned());
    }

    fn show(&mut self, progress: &Progress) {
        let failed: u64 = progress.failures.values().sum();
        let all = progress.n_waiting + progress.n_running + progress.n_ended + failed;
        assert!(all >= progress.n_tasks, "{progress:?}");
        self.last = Some(progress.clone());
    }
}

/// Follows to the end, going on from the disk after every death.
fn run(sim: &mut Sim) -> anyhow::Result<FollowEnd> {
    for _ in 0..1000 {
        let mut record = sim.disk.clone().unwrap();
        let plan = sim.document();
        match follow(sim, &mut record, plan, true) {
            Err(error) if error.root_cause().to_string() == "died" => {
                // What has no place on the disk is said.
                if let Some(job) = sim.jobs.last().filter(|_| error.chain().count() > 1) {
                    let told = format!("job {} was submitted", job.id);
                    assert!(error.to_string().starts_with(&told), "{error:#}");
                }
                // Time passes until a follower comes back.
                let away = sim.chance.below(60) as f64;
                sim.advance(sim.now + away);
            }
            other => return other,
        }
    }
    panic!("a thousand deaths: {:?}", sim.said);
}

#[track_caller]
fn check(seeds: std::ops::Range<u64>, faults: Faults) {
    for seed in seeds {
        let mut sim = Sim::new(seed, 40, faults);
        let left = run(&mut sim).unwrap_or_else(|error| panic!("seed {seed}: {error:#}"));
        assert_eq!(left, FollowEnd::Finished, "seed {seed}: {:?}", sim.said);
        assert_eq!(sim.done.len(), 40, "seed {seed}");
        assert_eq!(sim.n_twice, 0, "seed {seed}: submitted twice: {:?}", sim.said);
        let record = sim.disk.clone().unwrap();
        for array in record.rounds.iter().flat_map(|it| &it.arrays) {
            let has_begun = sim.traces(0, &array.name).is_some();
            assert!(!has_begun || array.job_id.is_some(), "seed {seed}: the number of {array:?}");
        }
        let other = OTHER_JOB.to_string();
        assert!(!sim.cancelled.iter().any(|it| it.starts_with(&other)), "seed {seed}");
        // Nothing is asked to be computed in rounds that are not needed.
        assert!(
            sim.rounds.len() <= BAD_ROUNDS as usize + 2,
            "seed {seed}: {} rounds",
            sim.rounds.len()
        );
    }
}

#[test]
fn without_faults_there_is_one_round() {
    let mut sim = Sim::new(1, 40, Faults::default());
    assert_eq!(run(&mut sim).unwrap(), FollowEnd::Finished);
    assert_eq!((sim.rounds.len(), sim.n_submissions), (1, 3));
    let job = sim.jobs.last().unwrap();
    assert_eq!((job.offset, job.tasks.len()), (10, 4));
    assert_eq!(sim.cancelled, [""; 0]);
    // 40 s of work on three nodes.
    assert!(sim.now < 25.0, "{} s", sim.now);
}

#[test]
fn tasks_that_fail_in_any_way_are_done_again() {
    check(0..200, Faults { tasks: Some(3), ..Faults::default() });
}

#[test]
fn a_controller_that_falls_silent_is_waited_for() {
    check(1000..1200, Faults { tasks: Some(5), silence: true, ..Faults::default() });
}

#[test]
fn a_follower_that_dies_at_any_step_is_replaced() {
    let faults = Faults { tasks: Some(4), deaths: Some(9), ..Faults::default() };
    check(2000..2300, faults);
    check(3000..3300, Faults { silence: true, ..faults });
}

#[test]
fn what_the_controller_loses_is_submitted_again_in_the_same_round() {
    for seed in 5000..5200 {
        let mut sim = Sim::new(seed, 40, Faults { losses: 4, ..Faults::default() });
        assert_eq!(run(&mut sim).unwrap(), FollowEnd::Finished, "seed {seed}: {:?}", sim.said);
        assert_eq!((sim.rounds.len(), sim.n_twice), (1, 0), "seed {seed}: {:?}", sim.said);
    }
    check(
        6000..6200,
        Faults { losses: 3, tasks: Some(4), deaths: Some(20), silence: true, ..Faults::default() },
    );
}

#[test]
fn what_the_queue_does_not_take_now_follows_later() {
    check(4000..4100, Faults { tasks: Some(4), most: Some(7), ..Faults::default() });
    let mut sim = Sim::new(1, 40, Faults { most: Some(3), ..Faults::default() });
    let error = run(&mut sim).unwrap_err();
    assert_eq!(Exit::of(&error), Exit::NotReady);
    assert!(error.to_string().contains("try --max-tasks"), "{error}");
}

#[test]
fn a_program_that_runs_nowhere_is_given_up_at_the_first_task() {
    let mut sim = Sim::new(1, 40, Faults { hopeless: true, ..Faults::default() });
    let error = run(&mut sim).unwrap_err();
    assert!(error.to_string().contains("is not there on the nodes"), "{error}");
    assert_eq!((sim.rounds.len(), sim.n_active()), (1, 0));
    assert!(sim.disk.as_ref().unwrap().rounds[0].over, "no follower looks at these tasks again");
    // With the cause mended, the same folder goes on.
    sim.faults = Faults::default();
    assert_eq!(run(&mut sim).unwrap(), FollowEnd::Finished);
}

#[test]
fn a_node_on_which_it_does_not_run_is_left_out() {
    let mut found = 0;
    for seed in 0..20 {
        let mut sim = Sim::new(seed, 40, Faults { bad_node: true, ..Faults::default() });
        // The first task to end says so; another task has to have finished something by then.
        let mut proven = sim.disk.clone().unwrap();
        proven.proven = true;
        sim.disk = Some(proven);
        assert!(matches!(run(&mut sim).unwrap(), FollowEnd::Finished | FollowEnd::GivenUp(_)));
        found += usize::from(sim.disk.as_ref().unwrap().exclude == ["n0"]);
    }
    assert_eq!(found, 20);
}

/// A run whose arrays are in the queue, and none of whose tasks has begun.
fn submitted() -> Sim {
    let mut sim = Sim::new(1, 40, Faults::default());
    let (mut record, plan) = (sim.disk.clone().unwrap(), sim.document());
    assert_eq!(follow(&mut sim, &mut record, plan, false).unwrap(), FollowEnd::Detached);
    assert_eq!((sim.jobs.len(), sim.now), (3, 0.0));
    sim
}

impl Sim {
    /// The record says that every array is another job.
    fn misnumber(&mut self) {
        let arrays = self.disk.as_mut().unwrap().rounds.iter_mut().flat_map(|it| &mut it.arrays);
        arrays.for_each(|it| it.job_id = Some(OTHER_JOB));
    }

    fn put_aside(&mut self, job: usize) {
        let task = &mut self.jobs[job].tasks[0];
        (task.state, task.reason) = (SlurmState::Pending, ASIDE);
    }
}

#[test]
fn what_is_cancelled_has_the_number_that_the_queue_shows() {
    // A task that was put aside.
    let mut sim = submitted();
    sim.misnumber();
    sim.put_aside(1);
    assert_eq!(run(&mut sim).unwrap(), FollowEnd::Finished);
    assert_eq!(sim.cancelled, ["102_1"]);
    // Tasks that still wait when all is done.
    let mut sim = submitted();
    sim.misnumber();
    sim.done.extend(0..40);
    sim.jobs.iter_mut().flat_map(|it| &mut it.tasks).for_each(|it| it.reason = "Priority");
    let (mut record, mut plan) = (sim.disk.clone().unwrap(), sim.document());
    plan.state = JobState::Planned;
    assert_eq!(follow(&mut sim, &mut record, plan, true).unwrap(), FollowEnd::Finished);
    assert_eq!(sim.cancelled, ["101", "102", "103"]);
    // A program that does not run there.
    let mut sim = submitted();
    sim.misnumber();
    sim.faults.hopeless = true;
    let error = run(&mut sim).unwrap_err().to_string();
    assert!(error.contains("; the other tasks are cancelled)"), "{error}");
    assert_eq!((sim.n_active(), sim.cancelled.join(" ").contains("9999")), (0, false));
}

#[test]
fn of_an_array_that_was_submitted_twice_the_right_task_is_cancelled() {
    let mut sim = submitted();
    // The first submission was thought lost; the record has the number of the second.
    let (record, name) = (sim.disk.clone().unwrap(), sim.jobs[0].name.clone());
    let round = &record.rounds[0];
    let array = round.arrays.iter().find(|it| it.name == name).unwrap();
    assert_eq!((array.job_id, sim.submit(&record, round, array)), (Some(101), Ok(104)));
    sim.disk.as_mut().unwrap().rounds[0].arrays[0].job_id = Some(104);
    sim.put_aside(0);
    assert_eq!(run(&mut sim).unwrap(), FollowEnd::Finished);
    assert!(sim.cancelled.contains(&"101_1".to_owned()), "{:?}", sim.cancelled);
    assert!(!sim.cancelled.contains(&"104_1".to_owned()), "{:?}", sim.cancelled);
}

#[test]
fn tasks_of_the_same_name_and_another_folder_are_not_cancelled() {
    // The folder of a run was copied while its tasks wait: they are those of the first one.
    let mut sim = submitted();
    sim.jobs.iter_mut().for_each(|it| it.folder = OTHER_FOLDER);
    sim.put_aside(0);
    let mut record = sim.disk.clone().unwrap();
    let plan = sim.document();
    sim.gone_after = Some(60.0);
    assert_eq!(follow(&mut sim, &mut record, plan, true).unwrap(), FollowEnd::Detached);
    assert_eq!(sim.cancelled, [""; 0]);
    let said: Vec<_> = sim.said.iter().filter(|it| it.contains("shows another folder")).collect();
    assert_eq!(said.len(), 1, "{:?}", sim.said);
    assert!(said[0].starts_with("Slurm holds 1 task with the name of this run"), "{said:?}");
    assert!(!sim.said.iter().any(|it| it.contains("could not start")), "{:?}", sim.said);
}

#[test]
fn time_and_memory_that_ran_out_are_asked_for_twice() {
    let factors = |state| {
        let mut sim = Sim::new(1, 1, Faults { first: Some(state), ..Faults::default() });
        assert_eq!(run(&mut sim).unwrap(), FollowEnd::Finished);
        sim.asked
    };
    assert_eq!(factors(SlurmState::Timeout), [(1.0, 2.0)]);
    assert_eq!(factors(SlurmState::OutOfMemory), [(2.0, 1.0)]);
    assert_eq!(factors(SlurmState::NodeFail), [(1.0, 1.0)]);
}
