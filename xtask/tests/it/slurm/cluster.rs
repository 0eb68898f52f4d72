//! A Slurm of two nodes with one CPU each, on this machine, for one test.
//!
//! A controller, two node daemons and the munge they trust each other by, in a temporary folder and
//! on free ports. Nothing is shared with a Slurm that the machine may have, nor among tests. All of
//! it, and every job, runs in a PID namespace of its own, whose first process is a shell that reads
//! this process's pipe: when the test ends, in whatever way, the pipe closes, the shell ends, and
//! the kernel ends everything in the namespace. So nothing is left running, and a process may be
//! killed by a test exactly if it is in that namespace.
//!
//! The daemons sit in the mount namespace of the shell; the commands of Slurm (`sbatch`, `squeue`)
//! and xtask run outside, as on a login node, with `SLURM_CONF`.

use std::{
    collections::HashMap,
    env,
    ffi::{OsStr, OsString},
    fs,
    io::{Read as _, Write as _},
    iter,
    net::TcpListener,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use xshell::{Shell, TempDir};

use crate::common::{Ended, skipped};

/// Long enough for anything here on a busy machine; nothing waits this long when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The names of the nodes.
pub(crate) const NODES: [&str; 2] = ["n1", "n2"];

/// Two nodes, stopped when this is dropped.
pub(crate) struct Cluster {
    dir: TempDir,
    /// `unshare`, whose one child is the first process of the namespace.
    shell: Child,
    /// The PID of that process out here.
    first: u32,
    /// The namespace, as `/proc/PID/ns/pid` names it.
    namespace: PathBuf,
    /// Its CPU time; after the processes that are in it.
    accounting: Accounting,
}

/// A process in the cluster's namespace, by its number out here.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    parent: u32,
    /// Its arguments, with spaces between them.
    pub(crate) command: String,
}

impl Process {
    fn is_step(&self) -> bool {
        self.command.starts_with("slurmstepd:")
    }
}

impl Cluster {
    /// Waits until both nodes are idle. `None`, with a line, where Slurm cannot be started.
    pub(crate) fn start() -> Option<Cluster> {
        Cluster::with("")
    }

    /// `extra` are more lines for `slurm.conf`.
    pub(crate) fn with(extra: &str) -> Option<Cluster> {
        if let Err(why) = is_possible() {
            skipped(&format!("no Slurm for this test: {why}"));
            return None;
        }
        // Another program may take a port between the look and the start.
        for _ in 0..3 {
            match Cluster::try_start(extra) {
                Ok(cluster) => return Some(cluster),
                Err(log) => skipped(&format!("a Slurm did not start; its last words:\n{log}")),
            }
        }
        skipped("no Slurm for this test: it does not start");
        None
    }

    fn try_start(extra: &str) -> Result<Cluster, String> {
        let sh = Shell::new().unwrap();
        let dir = sh.create_temp_dir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        // munge wants its folders writable by its user alone, and its socket reachable by all.
        for (folder, mode) in [("", 0o755), ("munge", 0o755), ("state", 0o700), ("spool", 0o755)] {
            let folder = root.join(folder);
            fs::create_dir_all(&folder).unwrap();
            set_mode(&folder, mode);
        }
        for node in NODES {
            fs::create_dir(root.join("spool").join(node)).unwrap();
        }
        let mut key = [0; 128];
        fs::File::open("/dev/urandom").unwrap().read_exact(&mut key).unwrap();
        fs::write(root.join("munge.key"), key).unwrap();
        set_mode(&root.join("munge.key"), 0o600);
        fs::write(root.join("slurm.conf"), configuration(&root, extra)).unwrap();
        fs::write(root.join("init.sh"), INIT).unwrap();

        let log = fs::File::create(root.join("init.log")).unwrap();
        let accounting = Accounting::new();
        let shell = accounting
            .around("unshare")
            .args(["--pid", "--fork", "--kill-child", "--mount-proc", "bash"])
            .args([&root.join("init.sh"), &root])
            .env("SLURM_CONF", root.join("slurm.conf"))
            .env("PATH", path())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut cluster = Cluster { dir, shell, first: 0, namespace: PathBuf::new(), accounting };
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(first) = child_of(cluster.shell.id()) {
                cluster.first = first;
                cluster.namespace =
                    fs::read_link(format!("/proc/{first}/ns/pid")).unwrap_or_default();
            }
            let has_ended = cluster.shell.try_wait().unwrap().is_some();
            let has_started = cluster.path("started").exists();
            if has_ended || has_started && cluster.lacks_a_daemon() || Instant::now() > deadline {
                return Err(cluster.logs());
            }
            // Not sooner: Slurm's commands look for the controller for a while.
            let nodes = if has_started { cluster.nodes() } else { HashMap::new() };
            if nodes.values().filter(|it| *it == "IDLE").count() == NODES.len() {
                return Ok(cluster);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// `true` if one of the four daemons has ended again: munge, the controller, two nodes.
    fn lacks_a_daemon(&self) -> bool {
        let processes = self.processes();
        let is_daemon = |it: &&Process| it.parent == self.first;
        processes.iter().filter(is_daemon).count() < 4
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    /// A program on the login node.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("SLURM_CONF", self.path("slurm.conf"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs one of Slurm's commands; arguments are separated by spaces.
    pub(crate) fn run(&self, command: &str) -> Ended {
        let mut words = command.split_whitespace();
        let program = words.next().unwrap();
        self.command(program).args(words).output().unwrap().into()
    }

    /// Have the namespace's first process do something, in bash.
    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.shell.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// The state of each node; empty while the controller does not answer.
    pub(crate) fn nodes(&self) -> HashMap<String, String> {
        let ended = self.run("sinfo --noheader --Node --format %N|%T");
        let pairs = ended.stdout.lines().filter_map(|it| it.split_once('|'));
        pairs.map(|(node, state)| (node.to_owned(), state.to_uppercase())).collect()
    }

    /// Waits until both nodes take jobs.
    pub(crate) fn until_up(&self) {
        let is_up = |state: &String| ["IDLE", "ALLOCATED", "MIXED"].contains(&state.as_str());
        self.until("both nodes are up", || {
            self.nodes().values().filter(|it| is_up(it)).count() == 2
        });
    }

    #[track_caller]
    pub(crate) fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < deadline, "never: {what}\n{}", self.logs());
            thread::sleep(Duration::from_millis(50));
        }
    }

    // ---- processes ----

    /// Everything in the namespace that still runs.
    pub(crate) fn processes(&self) -> Vec<Process> {
        if self.namespace.as_os_str().is_empty() {
            return Vec::new();
        }
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|it| it.file_name().to_str()?.parse().ok());
        pids.filter_map(|pid| self.process(pid)).collect()
    }

    /// `None` if it is not in the namespace, or has ended.
    fn process(&self, pid: u32) -> Option<Process> {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        if fs::read_link(folder.join("ns/pid")).ok()? != self.namespace {
            return None;
        }
        let stat = fs::read_to_string(folder.join("stat")).ok()?;
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        let (state, parent) = (fields.next()?, fields.next()?.parse().ok()?);
        let command = fs::read(folder.join("cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).replace('\0', " ").trim().to_owned();
        (!matches!(state, "Z" | "X")).then_some(Process { pid, parent, command })
    }

    /// Ends a process of the cluster at once; `false` if it was gone already.
    pub(crate) fn kill(&self, process: &Process) -> bool {
        // Looked at once more: the number may be another process's by now.
        let is_ours = self.process(process.pid).is_some_and(|it| it.command == process.command);
        is_ours && {
            let pid = process.pid.to_string();
            let mut kill = Command::new("kill");
            kill.args(["-s", "KILL", &pid]).stderr(Stdio::null()).status().unwrap().success()
        }
    }

    /// The daemon of this node.
    pub(crate) fn node_daemon(&self, node: &str) -> Option<Process> {
        let command = format!("slurmd -D -N {node}");
        self.processes().into_iter().find(|it| it.command == command)
    }

    pub(crate) fn controller(&self) -> Option<Process> {
        self.processes().into_iter().find(|it| it.command == "slurmctld -D")
    }

    pub(crate) fn start_node(&mut self, node: &str) {
        self.tell(&format!("start slurmd -D -N {node}"));
    }

    pub(crate) fn start_controller(&mut self) {
        self.tell("start slurmctld -D");
    }

    /// The processes of jobs: what the daemons of jobs (`slurmstepd`) have started, and what those
    /// have.
    pub(crate) fn job_processes(&self) -> Vec<Process> {
        let all = self.processes();
        let parent = |of: &Process| all.iter().find(|it| it.pid == of.parent);
        let is_below_a_step = |it: &&Process| {
            iter::successors(parent(it), |it| parent(it)).any(Process::is_step) && !it.is_step()
        };
        all.iter().filter(is_below_a_step).cloned().collect()
    }

    /// The daemon of the job that a process is of.
    pub(crate) fn step_of(&self, process: &Process) -> Option<Process> {
        let parent = |of: &Process| self.process(of.parent);
        iter::successors(parent(process), parent).find(Process::is_step)
    }

    /// CPU time of everything so far, in seconds; where it cannot be told, `None`.
    pub(crate) fn cpu_seconds(&self) -> Option<f64> {
        self.accounting.cpu_seconds()
    }

    /// The last lines of every log.
    pub(crate) fn logs(&self) -> String {
        let mut text = String::new();
        for name in ["init.log", "slurmctld.log", "n1.log", "n2.log"] {
            let log = fs::read_to_string(self.path(name)).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(25)..];
            text += &format!("--- {name}\n{}\n", last.join("\n"));
        }
        text
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Its first process reads the end of its input, ends, and all others with it.
        drop(self.shell.stdin.take());
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.shell.try_wait().is_ok_and(|it| it.is_none()) {
            if Instant::now() > deadline {
                self.shell.kill().ok();
                self.shell.wait().ok();
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The script of the namespace's first process. Its input is a pipe of the test.
const INIT: &str = r#"
root=$1
start() { "$@" </dev/null >/dev/null 2>&1 & }
munged --foreground --key-file="$root/munge.key" --socket="$root/munge/socket" --pid-file="$root/munge/pid" \
    --log-file="$root/munge/log" --seed-file="$root/munge/seed" </dev/null &
until [ -S "$root/munge/socket" ]; do sleep 0.02; done
start slurmctld -D
start slurmd -D -N n1
start slurmd -D -N n2
touch "$root/started"
while read -r line; do eval "$line"; done
"#;

/// Everything as prompt as Slurm allows: jobs start within a second of being submitted or of room.
fn configuration(root: &Path, extra: &str) -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let host = host.trim().split('.').next().unwrap().to_owned();
    // All three at once, so that they differ.
    let sockets = [(); 3].map(|()| TcpListener::bind(("0.0.0.0", 0)).unwrap());
    let [controller, n1, n2] = sockets.map(|it| it.local_addr().unwrap().port());
    let root = root.display();
    format!(
        "\
ClusterName=phi
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
AuthType=auth/munge
# A job that lost its node starts again after the time for which credentials are valid: 5 s at
# least, 120 by default.
AuthInfo=socket={root}/munge/socket,cred_expire=5
SlurmUser=root
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1,sched_min_interval=0,batch_sched_delay=0
KillWait=2
# A job that has ended is forgotten soon, as on a cluster whose users sleep.
MinJobAge=5
SlurmctldPidFile={root}/slurmctld.pid
SlurmctldLogFile={root}/slurmctld.log
SlurmdPidFile={root}/%n.pid
SlurmdLogFile={root}/%n.log
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool/%n
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={n1} CPUs=1 RealMemory=2000
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={n2} CPUs=1 RealMemory=2000
PartitionName=main Nodes=n1,n2 Default=YES State=UP
{extra}
"
    )
}

fn is_possible() -> Result<(), String> {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return Err("it needs root".into());
    }
    let has = |name: &&str| env::split_paths(&path()).any(|it| it.join(name).is_file());
    let programs = ["munged", "slurmctld", "slurmd", "sbatch", "unshare", "bash"];
    if let Some(name) = programs.iter().find(|it| !has(it)) {
        return Err(format!("there is no program `{name}` (on Debian: slurm-wlm and munge)"));
    }
    let mut unshare = Command::new("unshare");
    unshare.args(["--pid", "--fork", "--mount-proc", "true"]).stderr(Stdio::null());
    match unshare.status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err("no PID namespace can be made here".into()),
    }
}

/// The daemons are not in every user's PATH.
fn path() -> OsString {
    let own = env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    env::join_paths(env::split_paths(&own).chain(more)).unwrap()
}

/// The one child of a process.
fn child_of(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

/// A group of the `cpuacct` controller (cgroup v1), where there is one that can be written.
pub(crate) struct Accounting(Option<PathBuf>);

impl Accounting {
    pub(crate) fn new() -> Accounting {
        static N: AtomicU32 = AtomicU32::new(0);
        let name = format!("xtask-slurm-{}-{}", process::id(), N.fetch_add(1, Ordering::Relaxed));
        let group = Path::new("/sys/fs/cgroup/cpuacct").join(name);
        Accounting(fs::create_dir(&group).is_ok().then_some(group))
    }

    /// A program, started inside.
    pub(crate) fn around(&self, program: impl AsRef<OsStr>) -> Command {
        let Some(group) = &self.0 else { return Command::new(program) };
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo $$ > \"$0\"; exec \"$@\""]).arg(group.join("cgroup.procs"));
        shell.arg(program);
        shell
    }

    pub(crate) fn cpu_seconds(&self) -> Option<f64> {
        let text = fs::read_to_string(self.0.as_ref()?.join("cpuacct.usage")).ok()?;
        Some(text.trim().parse::<f64>().ok()? / 1e9)
    }
}

impl Drop for Accounting {
    fn drop(&mut self) {
        let Some(group) = &self.0 else { return };
        let deadline = Instant::now() + Duration::from_secs(5);
        while fs::remove_dir(group).is_err() && group.exists() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn jobs_run_on_both_nodes_and_nothing_is_left() {
    let Some(cluster) = Cluster::start() else { return };
    let script = "#!/bin/bash\necho $SLURMD_NODENAME > $SLURM_ARRAY_TASK_ID; exec sleep 1000\n";
    fs::write(cluster.path("job.sh"), script).unwrap();
    let mut sbatch = cluster.command("sbatch");
    sbatch.args(["--parsable", "--array=1-3", "job.sh"]).current_dir(cluster.path(""));
    let submitted = Ended::from(sbatch.output().unwrap());
    submitted.code(0);
    let ran_on = |task: u32| fs::read_to_string(cluster.path(&task.to_string()));
    let sleepers = || {
        let mut all = cluster.job_processes();
        all.retain(|it| it.command == "sleep 1000");
        all
    };
    cluster.until("two tasks run", || sleepers().len() == 2);
    let mut nodes = [1, 2].map(|task| ran_on(task).unwrap().trim().to_owned());
    nodes.sort();
    assert_eq!(nodes, NODES);
    // The third has the place of one that is killed.
    let killed = sleepers().remove(0);
    assert!(cluster.kill(&killed));
    cluster.until("the third runs", || ran_on(3).is_ok() && sleepers().len() == 2);
    assert!(!cluster.kill(&killed), "it is gone");

    let all = cluster.processes();
    assert!(all.len() > 6, "{all:?}");
    let (namespace, folder) = (cluster.namespace.clone(), cluster.path(""));
    drop(cluster);
    let is_there = |it: &&Process| {
        fs::read_link(format!("/proc/{}/ns/pid", it.pid)).is_ok_and(|it| it == namespace)
    };
    assert_eq!(all.iter().find(is_there).map(|it| &it.command), None);
    assert!(!folder.exists());
}

#[test]
fn daemons_that_are_killed_come_back() {
    let Some(mut cluster) = Cluster::start() else { return };
    let node = cluster.node_daemon("n1").unwrap();
    let controller = cluster.controller().unwrap();
    assert!(cluster.kill(&node) && cluster.kill(&controller));
    cluster.until("they are gone", || {
        cluster.node_daemon("n1").is_none() && cluster.controller().is_none()
    });
    cluster.start_node("n1");
    cluster.start_controller();
    cluster.until_up();
    assert!(cluster.node_daemon("n1").is_some_and(|it| it.pid != node.pid));
}
