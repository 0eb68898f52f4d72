//! The cluster before anything is submitted: what there is, what may be asked for, and what stands
//! in the way.
//!
//! [`Site::sample`] looks; the rest is pure. Whether the nodes see the runs' folder and can run the
//! program is decided for good by the first task; here only what can be known from this machine is
//! said.

use std::path::Path;

use headroom::{
    Coded, Exit,
    machine::system::Mount,
    numbers::{as_f64, bytes, mib, round, sum},
    plan::preflight::{Check, Status},
};
use phi_protocol::JobStatus;
use serde::Serialize;

use super::{
    client::{self, NoAnswer},
    options::{Mebibytes, Minutes, TaskOptions},
    program::Division,
    queue::{Limits, Node},
};

/// Slurm's own default.
const DEFAULT_MAX_ARRAY_SIZE: u64 = 1001;
/// One round may have at most one in so many of the jobs that the controller keeps.
const SHARE_OF_JOBS: u64 = 2;
/// A task may take this many times the expected time, and as many minutes more for a slow start.
const TIME_MARGIN: u64 = 3;
const START_MINUTES: u64 = 5;
/// Memory that was not asked for in `slurm.conf` is 1 MB.
const UNSET_MEMORY_MIB: u64 = 1;

/// The limits and the nodes of the cluster.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Site {
    pub(super) limits: Limits,
    /// Jobs of this user that may be in the queue, where the accounting tells.
    pub(super) submit_limit: Option<u64>,
    /// The nodes of the partition that is meant.
    #[serde(skip)]
    pub(super) nodes: Vec<Node>,
    pub(super) partition: Option<String>,
    /// Names of all partitions.
    #[serde(skip)]
    pub(super) partitions: Vec<String>,
}

/// The resources to ask for in one round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TaskResources {
    pub(super) cpus: u64,
    pub(super) mem: Option<Mebibytes>,
    pub(super) time: Minutes,
}

impl Site {
    /// Looks at the cluster.
    pub(super) fn sample(task_options: &TaskOptions) -> Result<Site, NoAnswer> {
        // Without the program that submits, there is nothing to ask.
        client::installed("sbatch")?;
        let limits = client::limits()?;
        let all = client::nodes(None)?;
        let submit_limit = if limits.has_accounting { client::submit_limit() } else { None };
        // sbatch listens to this variable too.
        let by_variable = || std::env::var("SBATCH_PARTITION").ok().filter(|it| !it.is_empty());
        Ok(Site::of(limits, submit_limit, all, task_options.partition.clone().or_else(by_variable)))
    }

    fn of(
        limits: Limits,
        submit_limit: Option<u64>,
        all: Vec<Node>,
        named: Option<String>,
    ) -> Site {
        let mut partitions: Vec<String> = all.iter().map(|it| it.partition.clone()).collect();
        partitions.dedup();
        partitions.sort();
        partitions.dedup();
        let default = || all.iter().find(|it| it.is_default).map(|it| it.partition.clone());
        let partition = named.or_else(default);
        let names: Vec<&str> = partition.iter().flat_map(|it| it.split(',')).collect();
        let is_meant = |it: &Node| names.contains(&it.partition.as_str());
        let nodes = all.iter().filter(|it| is_meant(it)).cloned().collect();
        Site { limits, submit_limit, nodes, partition, partitions }
    }

    /// Tasks of one array.
    pub(super) fn array_size(&self) -> u64 {
        // The index itself has to stay below, and ours begin with 1.
        self.limits.max_array_size.unwrap_or(DEFAULT_MAX_ARRAY_SIZE).saturating_sub(1)
    }

    /// The most tasks that a round may have, and what says so.
    fn most_tasks(&self) -> Option<(u64, &'static str)> {
        let jobs = self.limits.max_job_count.map(|it| (it, "MaxJobCount of slurm.conf"));
        let own = self.submit_limit.map(|it| (it, "MaxSubmitJobs of your account"));
        [jobs, own].into_iter().flatten().min()
    }

    fn whole_nodes(&self) -> bool {
        self.limits.whole_nodes
            || (!self.nodes.is_empty() && self.nodes.iter().all(|it| it.is_exclusive))
    }

    /// Idle and busy CPUs.
    fn n_cpus(&self) -> u64 {
        sum(self.nodes.iter().map(|it| it.n_cpus))
    }

    /// The longest time a task may ask for.
    fn limit_minutes(&self) -> Option<u64> {
        self.nodes.iter().filter_map(|it| it.limit_minutes).min()
    }

    fn node_mib(&self) -> Option<u64> {
        self.nodes.iter().map(|it| it.memory_mib).max().filter(|it| *it > UNSET_MEMORY_MIB)
    }

    /// CPUs of one task: one, unless a job gets whole nodes anyway.
    fn cpus(&self, task_options: &TaskOptions) -> Option<u64> {
        let smallest = || self.nodes.iter().map(|it| it.n_cpus).filter(|it| *it > 0).min();
        task_options.cpus.or_else(|| smallest().filter(|_| self.whole_nodes()))
    }

    /// Chooses how the work is to be divided.
    pub(super) fn division(&self, task_options: &TaskOptions) -> Division {
        let cpus = self.cpus(task_options);
        let slots = (self.n_cpus() / cpus.unwrap_or(1)).max(1);
        let most = self.most_tasks().map(|(n, _)| (n / SHARE_OF_JOBS).max(1));
        Division {
            slots: Some(slots).filter(|_| !self.nodes.is_empty()),
            max_tasks: task_options.max_tasks.or(most),
            task_seconds: None,
            cpus,
        }
    }

    /// The longest time that a task should be expected to take, where there is a limit.
    pub(super) fn task_seconds(&self, task_options: &TaskOptions) -> Option<u64> {
        let limit = task_options.time.map(|it| it.0).or_else(|| self.limit_minutes())?;
        let start = START_MINUTES.min(limit / 2);
        Some(((limit - start).saturating_mul(60) / TIME_MARGIN).max(1))
    }

    /// Chooses the resources to ask for in the tasks of this plan.
    ///
    /// # Errors
    /// If no node of the partition is large enough, or its time limit is too short.
    pub(super) fn request(
        &self,
        plan: &JobStatus,
        task_options: &TaskOptions,
    ) -> Result<TaskResources, Coded> {
        let partition = self.partition.as_deref().unwrap_or("the partition");
        let expected = (plan.task_seconds / 60.0).ceil().max(0.0);
        let wanted = round(expected).saturating_mul(TIME_MARGIN).saturating_add(START_MINUTES);
        let limit = self.limit_minutes();
        let time = task_options.time.map_or(wanted.min(limit.unwrap_or(u64::MAX)), |it| it.0);
        if let Some(limit) = limit.filter(|it| *it < time) {
            return Err(refused(format!(
                "--time {}: partition {partition} allows {} at most; ask for less, or name \
                 another with --partition",
                Minutes(time),
                Minutes(limit)
            )));
        }
        // Later rounds ask for more than before, and take what there is.
        let is_first = plan.round <= 1;
        if is_first && expected > as_f64(time) {
            return Err(refused(format!(
                "a task is expected to take {} min and may take {} in partition {partition}: name \
                 one with a longer limit with --partition{}",
                round(expected),
                Minutes(time),
                if task_options.time.is_some() { ", or give a longer --time" } else { "" }
            )));
        }
        let largest = self.node_mib();
        let most = largest.filter(|_| !is_first).unwrap_or(u64::MAX);
        let planned = plan.memory_bytes.div_ceil(1 << 20).clamp(1, most);
        let mem = task_options.mem.unwrap_or(Mebibytes(planned));
        if let Some(largest) = largest.filter(|it| *it < mem.0) {
            return Err(refused(format!(
                "a task needs {} of memory and the largest node of partition {partition} has {}: \
                 name a partition with larger nodes with --partition{}",
                bytes(mib(mem.0)),
                bytes(mib(largest)),
                if task_options.mem.is_some() { ", or give a smaller --mem" } else { "" }
            )));
        }
        // Where nodes have no memory in slurm.conf, every request for it would be refused. Off the
        // cluster it is not known.
        let counted = self.nodes.is_empty() || largest.is_some();
        let cpus = self.cpus(task_options).unwrap_or(plan.cpus).max(1);
        Ok(TaskResources { cpus, mem: Some(mem).filter(|_| counted), time: Minutes(time.max(1)) })
    }

    /// Makes the checks that are possible before the build.
    pub(super) fn judge(&self, task_options: &TaskOptions) -> Vec<Check> {
        let n_all = self.nodes.len();
        let mut checks = vec![Check::new(
            "slurm",
            Status::Pass,
            format!("the controller of Slurm {} answers", self.limits.version),
            None,
        )];
        let list = self.partitions.join(", ");
        let name = self.partition.clone().unwrap_or_default();
        let n_up = self.nodes.iter().filter(|it| it.is_up).count();
        let unknown = name.split(',').find(|it| !self.partitions.iter().any(|known| known == it));
        checks.push(if name.is_empty() {
            let message = "no partition is the default".to_owned();
            Check::new(
                "partition",
                Status::Fail,
                message,
                Some(format!("name one with --partition: {list}")),
            )
        } else if let Some(unknown) = unknown {
            let message = format!("there is no partition {unknown}");
            Check::new(
                "partition",
                Status::Fail,
                message,
                Some(format!("name another with --partition: {list}")),
            )
        } else if n_up == 0 {
            let message = format!("all {n_all} nodes of partition {name} are down or drained");
            let hint = format!("tasks would wait until they are back; others: --partition {list}");
            Check::new("partition", Status::Warn, message, Some(hint))
        } else {
            let limit = self
                .limit_minutes()
                .map_or("no time limit".into(), |it| format!("at most {} a task", Minutes(it)));
            let memory = self.node_mib().map_or("memory is not counted".into(), |it| {
                format!("up to {} a node", bytes(mib(it)))
            });
            let whole = if self.whole_nodes() { ", whole nodes only" } else { "" };
            let message = format!(
                "{name}: {n_up} of {n_all} nodes up, {} CPUs, {memory}, {limit}{whole}",
                self.n_cpus()
            );
            Check::new("partition", Status::Pass, message, None)
        });
        let size = self.array_size();
        checks.push(if size == 0 {
            let message = "MaxArraySize of slurm.conf allows no job arrays".to_owned();
            let hint = "ask the administrators to allow arrays (MaxArraySize=1001)".to_owned();
            Check::new("job arrays", Status::Fail, message, Some(hint))
        } else {
            Check::new("job arrays", Status::Pass, format!("up to {size} tasks an array"), None)
        });
        if let (Some(wanted), Some((most, why))) = (task_options.max_tasks, self.most_tasks())
            && wanted > most
        {
            let message = format!("--max-tasks {wanted} is more than {why} allows, {most}");
            let hint =
                format!("say --max-tasks {most} or less: tasks get longer, not fewer results");
            checks.push(Check::new("tasks", Status::Fail, message, Some(hint)));
        }
        if let Some(wanted) = task_options.cpus {
            let largest = self.nodes.iter().map(|it| it.n_cpus).max().unwrap_or(0);
            if largest > 0 && wanted > largest {
                let message = format!("--cpus {wanted}: the largest node has {largest} CPUs");
                let hint = format!("say --cpus {largest} or less");
                checks.push(Check::new("CPUs", Status::Fail, message, Some(hint)));
            }
        }
        checks
    }

    /// Checks that the nodes can see the folder of a run, as far as this machine knows.
    pub(super) fn judge_folder(&self, run: &Path, here: Option<&str>) -> Check {
        let elsewhere = self.nodes.iter().any(|it| Some(it.host.as_str()) != here);
        match Mount::of(run).as_ref().and_then(local_kind).filter(|_| elsewhere) {
            Some(kind) => {
                let message =
                    format!("{} is {kind}, which other machines do not see", run.display());
                let hint = "name a folder on a shared file system: `-- --runs FOLDER`".to_owned();
                Check::new("runs folder", Status::Warn, message, Some(hint))
            }
            None => Check::new("runs folder", Status::Pass, run.display().to_string(), None),
        }
    }
}

fn refused(message: String) -> Coded {
    Coded { exit: Exit::Usage, message }
}

/// The kind of a file system that surely is this machine's own, by its type and its path.
fn local_kind(mount: &Mount) -> Option<&'static str> {
    match mount.kind.as_str() {
        "tmpfs" | "ramfs" => Some("in this machine's memory"),
        "overlay" => Some("inside a container"),
        // A shared file system may be mounted there; the root's own folder is the machine's.
        _ if mount.point == Path::new("/")
            && ["/tmp", "/var/tmp"].iter().any(|it| mount.folder.starts_with(it)) =>
        {
            Some("on a disk of this machine")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use phi_protocol::JobState;

    use super::*;

    fn node(partition: &str, n_cpus: u64, memory_mib: u64, limit_minutes: Option<u64>) -> Node {
        Node {
            partition: partition.into(),
            is_default: partition == "main",
            host: "n1".into(),
            is_up: n_cpus > 0,
            n_cpus,
            memory_mib,
            limit_minutes,
            is_exclusive: false,
        }
    }

    fn site(named: Option<&str>) -> Site {
        let limits = Limits {
            version: "22.05.8".into(),
            max_array_size: Some(1001),
            max_job_count: Some(200),
            ..Limits::default()
        };
        let nodes = vec![
            node("main", 4, 2000, Some(120)),
            node("main", 0, 2000, Some(120)),
            node("big", 64, 256_000, None),
            node("plain", 2, 1, None),
        ];
        Site::of(limits, None, nodes, named.map(str::to_owned))
    }

    fn plan(task_seconds: f64, memory_bytes: u64) -> JobStatus {
        JobStatus {
            state: JobState::Planned,
            round: 1,
            cpus: 1,
            task_seconds,
            memory_bytes,
            ..JobStatus::nothing_to_do("/r".into(), "study")
        }
    }

    #[test]
    fn a_task_asks_for_three_times_what_is_expected_within_the_partition_s_limits() {
        let task_options = TaskOptions::default;
        let request = |site: &Site, plan: &JobStatus, task_options: &TaskOptions| {
            let it = site.request(plan, task_options).unwrap();
            (it.cpus, it.mem.map(|it| it.0), it.time.0)
        };
        let main = site(None);
        assert_eq!(request(&main, &plan(12.5, 100 << 20), &task_options()), (1, Some(100), 8));
        assert_eq!(
            request(&main, &plan(3600.0, (100 << 20) + 1), &task_options()),
            (1, Some(101), 120)
        );
        let named =
            TaskOptions { time: Some(Minutes(90)), mem: Some(Mebibytes(500)), ..task_options() };
        assert_eq!(request(&main, &plan(3600.0, 1), &named), (1, Some(500), 90));
        // Without memory in slurm.conf none is asked for.
        assert_eq!(
            request(&site(Some("plain")), &plan(1.0, 1 << 30), &task_options()),
            (1, None, 8)
        );
        // A limit that no cluster has is a limit.
        let endless = TaskOptions { time: Some(Minutes(u64::MAX)), ..task_options() };
        assert_eq!(Site::default().task_seconds(&endless), Some(u64::MAX / 3));
        let most = TaskOptions { mem: Some(Mebibytes(u64::MAX)), ..task_options() };
        let error = main.request(&plan(1.0, 1), &most).unwrap_err().message;
        assert!(error.starts_with("a task needs 17179869184.0 GiB"), "{error}");
        // Off the cluster nothing is known.
        assert_eq!(
            request(&Site::default(), &plan(60.0, 1 << 30), &task_options()),
            (1, Some(1024), 8)
        );
        let refused = |plan: &JobStatus, task_options: &TaskOptions| {
            let error = main.request(plan, task_options).unwrap_err();
            assert_eq!(error.exit, Exit::Usage);
            error.message
        };
        let message = refused(&plan(7300.0, 1), &task_options());
        assert!(message.contains("expected to take 122 min and may take 02:00:00"), "{message}");
        let message = refused(&plan(1.0, 3 << 30), &task_options());
        assert!(message.contains("needs 3.0 GiB of memory and the largest node"), "{message}");
        let mut again = plan(7300.0, 3 << 30);
        again.round = 2;
        assert_eq!(request(&main, &again, &task_options()), (1, Some(2000), 120));
        let long = TaskOptions { time: Some(Minutes(121)), ..task_options() };
        assert!(
            refused(&plan(1.0, 1), &long).starts_with("--time 02:01:00: partition main allows")
        );
    }

    #[test]
    fn the_work_is_divided_by_what_the_partition_has() {
        let task_options = TaskOptions::default();
        let division = site(None).division(&task_options);
        let expected =
            Division { slots: Some(4), max_tasks: Some(100), task_seconds: None, cpus: None };
        assert_eq!(division, expected);
        assert_eq!(Site::default().division(&task_options), Division::default());
        let mut whole = site(Some("big"));
        whole.limits.whole_nodes = true;
        let division = whole.division(&task_options);
        assert_eq!((division.slots, division.cpus), (Some(1), Some(64)));
        let both =
            site(Some("main,big")).division(&TaskOptions { max_tasks: Some(7), ..task_options });
        assert_eq!((both.slots, both.max_tasks), (Some(68), Some(7)));
    }

    #[test]
    fn what_stands_in_the_way_is_said_with_a_remedy() {
        let shared = Path::new("/no/such/folder");
        let found = |site: &Site, task_options: &TaskOptions, runs: &Path| -> Vec<String> {
            let checks =
                [site.judge(task_options), vec![site.judge_folder(runs, Some("login"))]].concat();
            let bad = checks.into_iter().filter(|it| it.status != Status::Pass);
            bad.map(|it| format!("{}: {} ({})", it.name, it.message, it.hint.unwrap())).collect()
        };
        let none = TaskOptions::default;
        assert_eq!(found(&site(None), &none(), shared), [""; 0]);
        let nope = found(&site(Some("nope")), &none(), shared);
        let expected = "partition: there is no partition nope (name another with --partition: big, \
            main, plain)";
        assert_eq!(nope, [expected]);
        let many = TaskOptions { max_tasks: Some(201), ..none() };
        let many = found(&site(None), &many, shared);
        assert!(many[0].starts_with("tasks: --max-tasks 201 is more than MaxJobCount"), "{many:?}");
        let mut no_arrays = site(None);
        no_arrays.limits.max_array_size = Some(1);
        assert!(found(&no_arrays, &none(), shared)[0].starts_with("job arrays: MaxArraySize"));
        let mut down = site(None);
        down.nodes.retain(|it| !it.is_up);
        assert!(
            found(&down, &none(), shared)[0].contains("all 1 nodes of partition main are down")
        );
    }

    #[test]
    fn folders_that_only_this_machine_has_are_known_by_their_mounts() {
        let mounts = "/dev/vda / ext4 rw 0 0\ntmpfs /dev/shm tmpfs rw 0 0\n\
            nas:/home /home nfs4 rw 0 0\n\
                      nas:/x /tmp/my\\040share nfs rw 0 0\n";
        let kind = |path: &str| local_kind(&Mount::parse(Path::new(path), mounts).unwrap());
        assert_eq!(kind("/dev/shm/x"), Some("in this machine's memory"));
        assert_eq!(kind("/home/ada/runs"), None);
        assert_eq!(kind("/tmp/runs"), Some("on a disk of this machine"));
        assert_eq!(kind("/tmp/my share/runs"), None);
        assert_eq!(kind("/srv/runs"), None);
    }
}
