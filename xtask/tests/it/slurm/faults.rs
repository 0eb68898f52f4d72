//! Whatever happens to tasks, nodes, the controller and xtask: the run finishes by itself, nothing
//! is lost, nothing counts twice.
//!
//! `PHI_SLURM_FAULTS=50 PHI_SLURM_SEED=1 cargo test -p xtask --test it faults -- --nocapture`
//! injects that many, into as many runs as that takes, and names each. Which faults come, and to
//! whom, follows from the seed; when they come does not. Only processes of the test's own cluster
//! are killed, and the xtask that the test started.

use std::{
    collections::BTreeMap,
    env, fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::PathBuf,
    thread,
    time::Duration,
};

use super::{
    cluster::{NODES, Process},
    login::{Login, PATIENCE, program},
};
use crate::common::{Running, tell};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    /// `scancel` of a task.
    CancelTask,
    /// `scancel` of all tasks.
    CancelAll,
    /// `kill -9` of a task's process.
    KillTask,
    /// `kill -9` of a node's daemon, which is started again; its jobs go on meanwhile.
    KillDaemon,
    /// `kill -9` of a node's daemon and everything it runs, as if it lost power; it is started
    /// again.
    LoseNode,
    /// A node is set down, then resumed.
    NodeDown,
    /// `kill -9` of the controller, once it has saved what was submitted; it is started again.
    KillController,
    /// `kill -9` of the xtask that follows, then `runs attach`.
    KillXtask,
}

const ALL: [Fault; 8] = [
    Fault::CancelTask,
    Fault::KillTask,
    Fault::KillXtask,
    Fault::LoseNode,
    Fault::NodeDown,
    Fault::KillDaemon,
    Fault::KillController,
    Fault::CancelAll,
];

/// After this many resubmissions an item is given up, so the last round is left in peace.
const ROUNDS_WITH_FAULTS: usize = 3;

/// The same numbers for the same seed.
struct Chance {
    seed: u64,
    n_drawn: u64,
}

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.n_drawn += 1;
        let mut hasher = DefaultHasher::new();
        (self.seed, self.n_drawn).hash(&mut hasher);
        (hasher.finish() % n as u64) as usize
    }
}

fn number(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |it| it.parse().expect(variable))
}

/// The tasks that run, as processes.
fn tasks(login: &Login) -> Vec<Process> {
    let mut all = login.cluster.job_processes();
    all.retain(|it| it.command.contains("/program cluster task "));
    all
}

/// `17_3` for each array task of a state.
fn queued(login: &Login, state: &str) -> Vec<String> {
    let ended =
        login.cluster.run(&format!("squeue --noheader --array --states={state} --format=%i"));
    ended.stdout.lines().map(|it| it.trim().to_owned()).collect()
}

/// The variable of a process that says which node it runs on.
fn node_of(process: &Process) -> Option<String> {
    let environment = fs::read(format!("/proc/{}/environ", process.pid)).ok()?;
    let environment = String::from_utf8_lossy(&environment).into_owned();
    environment.split('\0').find_map(|it| it.strip_prefix("SLURMD_NODENAME=")).map(str::to_owned)
}

fn set_node(login: &Login, node: &str, state: &str) {
    login.cluster.run(&format!("scontrol update nodename={node} state={state} reason=test"));
}

/// Does it; `false` if there was no process to do it to.
fn inject(
    fault: Fault,
    login: &mut Login,
    xtask: &mut Running,
    name: &str,
    chance: &mut Chance,
) -> bool {
    let node = NODES[chance.below(NODES.len())];
    let which = chance.below(64);
    match fault {
        Fault::CancelTask | Fault::CancelAll => {
            let running = queued(login, "RUNNING,PENDING");
            if running.is_empty() {
                return false;
            }
            let job = &running[which % running.len()];
            let job = if fault == Fault::CancelAll { job.split('_').next().unwrap() } else { job };
            login.cluster.run(&format!("scancel {job}"));
        }
        Fault::KillTask => {
            let tasks = tasks(login);
            if tasks.is_empty() {
                return false;
            }
            return login.cluster.kill(&tasks[which % tasks.len()]);
        }
        Fault::KillDaemon | Fault::LoseNode => {
            let Some(daemon) = login.cluster.node_daemon(node) else { return false };
            let mut lost = vec![daemon];
            if fault == Fault::LoseNode {
                let jobs = login.cluster.job_processes();
                let here = jobs.into_iter().filter(|it| node_of(it).as_deref() == Some(node));
                lost.extend(here.flat_map(|it| [login.cluster.step_of(&it), Some(it)]).flatten());
            }
            for process in &lost {
                login.cluster.kill(process);
            }
            login.cluster.until("the node is off", || login.cluster.node_daemon(node).is_none());
            if fault == Fault::LoseNode {
                // What the controller does by itself after some minutes (SlurmdTimeout).
                set_node(login, node, "down");
            }
            login.cluster.start_node(node);
        }
        Fault::NodeDown => {
            set_node(login, node, "down");
            // It may be back by itself already, which scontrol calls an error.
            set_node(login, node, "resume");
        }
        Fault::KillController => {
            let Some(controller) = login.cluster.controller() else { return false };
            // It saves its state some seconds after a submission; what it has not saved it forgets.
            let saved = |path: PathBuf| fs::metadata(path).and_then(|it| it.modified()).ok();
            let submitted = saved(login.runs().join(name).join("cluster/slurm.json"));
            if saved(login.cluster.path("state/job_state")) <= submitted {
                return false;
            }
            login.cluster.kill(&controller);
            login.cluster.until("the controller is gone", || login.cluster.controller().is_none());
            login.cluster.start_controller();
        }
        Fault::KillXtask => {
            xtask.signal("KILL");
            let attached = login.attach(name).spawn().unwrap();
            drop(std::mem::replace(xtask, Running::new(attached, PATIENCE)));
        }
    }
    true
}

#[test]
fn faults_leave_the_run_as_it_would_be() {
    let n_faults = number("PHI_SLURM_FAULTS", 1) as usize;
    let seed = number("PHI_SLURM_SEED", 7);
    let Some(mut login) = Login::start() else { return };
    program();
    let args = "--sizes 8 --tie-orders 0";
    login.one_process("one", args);
    let mut chance = Chance { seed, n_drawn: 0 };
    let mut injected: BTreeMap<Fault, usize> = BTreeMap::new();
    let mut n_runs = 0;
    while injected.values().sum::<usize>() < n_faults {
        n_runs += 1;
        let name = format!("run-{n_runs}");
        let command = login.validate("--max-tasks 8", &name, args).spawn().unwrap();
        let mut xtask = Running::new(command, PATIENCE);
        let mut n_idle = 0;
        while !xtask.has_ended() {
            let next_round = format!("{name}/cluster/round-{}", ROUNDS_WITH_FAULTS + 1);
            let in_peace = login.runs().join(next_round).exists()
                || injected.values().sum::<usize>() == n_faults;
            if in_peace || tasks(&login).is_empty() {
                n_idle += 1;
                if n_idle % 100 == 0 {
                    // Nodes tell the controller what they run, as they do by themselves every few
                    // minutes: a task that ended while the controller was away counts as running
                    // until then.
                    login.cluster.run("scontrol reconfigure");
                }
                thread::sleep(Duration::from_millis(50));
                continue;
            }
            thread::sleep(Duration::from_millis(chance.below(800) as u64));
            let fault = ALL[chance.below(ALL.len())];
            if inject(fault, &mut login, &mut xtask, &name, &mut chance) {
                tell(&format!("{name}: {fault:?}"));
                *injected.entry(fault).or_default() += 1;
            }
        }
        let ended = xtask.wait();
        assert_eq!(ended.code, Some(0), "{name}: {ended:#?}\n{}", login.cluster.logs());
        login.is_the_same(&name, "one");
        let rounds = fs::read_dir(login.runs().join(&name).join("cluster")).unwrap().flatten();
        let is_round = |name: &str| name.starts_with("round-");
        let n_rounds = rounds.filter(|it| it.file_name().to_str().is_some_and(is_round)).count();
        tell(&format!("{name}: the same as one process, after {n_rounds} rounds"));
    }
    tell(&format!("seed {seed}: {n_faults} faults in {n_runs} runs: {injected:?}"));
}
