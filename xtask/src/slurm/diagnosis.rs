//! The reason why a task ended, in words: from its state, its exit status and what it printed.
//!
//! None of this decides what is done: journals do. It explains, it chooses what the next round asks
//! for, and it tells a program that cannot run on a node from one that had bad luck, so that three
//! more rounds of the same are not waited for.

use super::queue::{ExitStatus, SlurmState};

/// Slurm's signal for a task whose output file could not be opened.
const NO_OUTPUT_FILE: u32 = 53;
const SIGILL: u32 = 4;

/// The cause of a task's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The time limit.
    Time,
    /// The memory limit, or the kernel's.
    Memory,
    /// The node failed or was taken away.
    Node,
    /// It was cancelled.
    Cancelled,
    /// It failed in a way that another attempt may mend.
    Failed(String),
    /// It cannot run there: what is wrong, and what to do.
    Hopeless { what: String, remedy: String },
}

impl Cause {
    /// A few words for counts.
    pub(super) fn name(&self) -> String {
        match self {
            Cause::Time => SlurmState::Timeout.name().into(),
            Cause::Memory => SlurmState::OutOfMemory.name().into(),
            Cause::Node => SlurmState::NodeFail.name().into(),
            Cause::Cancelled => SlurmState::Cancelled.name().into(),
            Cause::Failed(how) => how.clone(),
            Cause::Hopeless { .. } => "cannot run there".into(),
        }
    }
}

/// Tells why a task ended. Returns `None` if all went well or nothing is known. `printed` is the
/// end of its output.
pub(super) fn diagnose(
    state: SlurmState,
    status: Option<ExitStatus>,
    printed: Option<&str>,
) -> Option<Cause> {
    match state {
        SlurmState::Pending | SlurmState::Running | SlurmState::Completing => None,
        SlurmState::Completed | SlurmState::Forgotten => None,
        SlurmState::Timeout => Some(Cause::Time),
        SlurmState::OutOfMemory => Some(Cause::Memory),
        SlurmState::NodeFail | SlurmState::Preempted | SlurmState::Ended => Some(Cause::Node),
        SlurmState::Cancelled => Some(Cause::Cancelled),
        SlurmState::Failed => {
            Some(failure(status.unwrap_or_default(), printed.unwrap_or_default()))
        }
    }
}

fn failure(status: ExitStatus, printed: &str) -> Cause {
    let rebuild = || {
        "build on a machine like the nodes, or on the oldest of them; then give the run a new \
         name or start it with --fresh"
            .to_owned()
    };
    let hopeless = |what: &str, remedy: String| Cause::Hopeless { what: what.to_owned(), remedy };
    let line = |needle: &str| printed.lines().rev().find(|it| it.contains(needle)).map(str::trim);
    let in_words = ["GLIBC_", "GLIBCXX_", "error while loading shared libraries"];
    if let Some(line) = in_words.iter().find_map(|it| line(it)) {
        let what = format!(
            "the program does not run on the nodes: their system library is another one ({line})"
        );
        let remedy = "build on the cluster itself (its oldest system), or for \
            x86_64-unknown-linux-musl, which needs no system library; then start with --fresh"
            .to_owned();
        return hopeless(&what, remedy);
    }
    if line("does not see the folder").is_some() || status.signal == NO_OUTPUT_FILE {
        return hopeless(
            "the nodes do not see the runs' folder, or may not write to it",
            "put it on a file system that they share with this machine: `-- --runs FOLDER`".into(),
        );
    }
    if line("xec format error").is_some() {
        return hopeless(
            "the program was built for another kind of processor than the nodes have",
            rebuild(),
        );
    }
    if status.signal == SIGILL
        || status.code == 128 + SIGILL
        || line("llegal instruction").is_some()
    {
        return hopeless(
            "the program uses instructions that the nodes' processors do not have",
            "build for all with `--cpu x86-64 --fresh`, or choose newer nodes with --partition or \
             --sbatch=--constraint=FEATURE"
                .into(),
        );
    }
    match status {
        ExitStatus { code: 126, .. } => hopeless(
            "the nodes may not execute the program in the runs' folder",
            "its file system may be mounted `noexec` there: choose another with `-- --runs FOLDER`"
                .into(),
        ),
        ExitStatus { code: 127, .. } => hopeless(
            "the program, or something it needs, is not there on the nodes",
            "see that the runs' folder is on a shared file system (`-- --runs FOLDER`)".into(),
        ),
        // The program has said it: a folder of another version, a file that is not what it should
        // be.
        ExitStatus { code: 2, .. } => {
            let said = line("error")
                .or_else(|| printed.lines().rev().map(str::trim).find(|it| !it.is_empty()));
            let said = said.map(|it| it.strip_prefix("error: ").unwrap_or(it));
            hopeless(
                said.unwrap_or("the program refuses the task"),
                "see above; a run with another name begins anew".into(),
            )
        }
        // What the kernel does for lack of memory where Slurm does not watch it; or a kill by
        // another process.
        ExitStatus { signal: 9, .. } | ExitStatus { code: 137, .. } => {
            Cause::Failed("killed (SIGKILL)".into())
        }
        ExitStatus { signal: 15, .. } | ExitStatus { code: 130 | 143, .. } => {
            Cause::Failed("was asked to stop".into())
        }
        ExitStatus { code: 0, signal: 0 } => Cause::Failed("could not be started".into()),
        ExitStatus { code, signal: 0 } => Cause::Failed(format!("exit code {code}")),
        ExitStatus { signal, .. } => Cause::Failed(format!("signal {signal}")),
    }
}

/// Returns the reason why a task waits, for people.
pub(super) fn waits_for(reason: &str) -> &str {
    let plain = reason.trim();
    if plain.starts_with("ReqNodeNotAvail") {
        return "nodes are down or reserved";
    }
    match plain {
        "" | "None" => "not looked at yet",
        "Resources" => "waiting for a free node",
        "Priority" => "others are before them",
        "BeginTime" => "starts again in a moment",
        "PartitionDown" | "PartitionInactive" => "the partition is closed",
        "Dependency" => "waiting for other jobs",
        "Cleaning" => "its last attempt is being cleaned up",
        "NodeDown" => "a node is down",
        "JobArrayTaskLimit" => "the array's limit",
        other => other,
    }
}

/// For tasks that will not start by themselves: what to do.
pub(super) fn stuck(reason: &str) -> Option<&'static str> {
    let plain: String = reason.chars().filter(|it| !" _".contains(*it)).collect();
    match plain.as_str() {
        "PartitionTimeLimit" => Some(
            "the time asked for is longer than the partition allows: cancel, and name less with \
            --time",
        ),
        "PartitionNodeLimit" | "BadConstraints" => Some(
            "no node is like what was asked for: cancel, and choose another --partition, --mem or \
            --sbatch option",
        ),
        "JobHeldUser" => Some("you hold it: `scontrol release JOB`"),
        "JobHeldAdmin" => Some("an administrator holds it"),
        "AccountNotAllowed" | "InvalidAccount" => Some("cancel, and name another --account"),
        "QOSNotAllowed" | "InvalidQOS" => Some("cancel, and name another --qos"),
        "PartitionDown" | "PartitionInactive" => {
            Some("the administrators have closed the partition; others: `sinfo`")
        }
        it if it.contains("MaxWallDuration") => Some("cancel, and name less with --time"),
        it if it.contains("MaxMemPerJob") || it.contains("MaxMemoryPerJob") => {
            Some("cancel, and name less with --mem")
        }
        it if it.starts_with("ReqNodeNotAvail") => {
            Some("the nodes it needs are down, drained or reserved: `sinfo -R` says why")
        }
        _ => None,
    }
}

/// Slurm could not start it and has put it aside; it stays there until a user acts.
pub(super) fn was_put_aside(reason: &str) -> bool {
    let plain: String = reason.chars().filter(|it| it.is_ascii_alphabetic()).collect();
    plain.to_lowercase().contains("launchfailedrequeuedheld")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: u32, signal: u32, printed: &str, expected: &str) {
        let cause =
            diagnose(SlurmState::Failed, Some(ExitStatus { code, signal }), Some(printed)).unwrap();
        let told = match &cause {
            Cause::Hopeless { what, remedy } => {
                assert!(!remedy.is_empty());
                format!("hopeless: {what}")
            }
            it => it.name(),
        };
        assert!(told.contains(expected), "{told}");
    }

    #[test]
    fn a_program_that_cannot_run_there_is_told_from_bad_luck() {
        let glibc = "/r/program: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.39' not found \
            (required by /r/program)\n";
        check(1, 0, glibc, "hopeless: the program does not run on the nodes: their system library");
        check(
            127,
            0,
            "/r/program: error while loading shared libraries: x.so",
            "hopeless: the program does not run",
        );
        check(0, 53, "", "hopeless: the nodes do not see the runs' folder");
        check(127, 0, "n1 does not see the folder /r\n", "hopeless: the nodes do not see");
        check(
            126,
            0,
            "task.sh: line 17: /r/program: Permission denied",
            "hopeless: the nodes may not execute",
        );
        check(
            126,
            0,
            "/r/program: cannot execute binary file: Exec format error",
            "hopeless: the program was built for",
        );
        check(127, 0, "", "hopeless: the program, or something it needs");
        check(0, 4, "", "hopeless: the program uses instructions");
        check(132, 0, "", "hopeless: the program uses instructions");
        check(
            2,
            0,
            "error: the job is of version 0.2.0\n",
            "hopeless: the job is of version 0.2.0",
        );
        check(2, 0, "", "hopeless: the program refuses the task");
        check(1, 0, "error: 2 items failed\n", "exit code 1");
        check(0, 9, "", "killed");
        check(137, 0, "", "killed");
        check(0, 15, "", "asked to stop");
        check(0, 11, "", "signal 11");
    }

    #[test]
    fn states_say_the_rest() {
        let of = |state| diagnose(state, None, None).map(|it| it.name());
        assert_eq!(of(SlurmState::Completed), None);
        assert_eq!(of(SlurmState::Forgotten), None);
        assert_eq!(of(SlurmState::Timeout).as_deref(), Some("TIMEOUT"));
        assert_eq!(of(SlurmState::OutOfMemory).as_deref(), Some("OUT_OF_MEMORY"));
        assert_eq!(of(SlurmState::NodeFail).as_deref(), Some("NODE_FAIL"));
        assert_eq!(of(SlurmState::Cancelled).as_deref(), Some("CANCELLED"));
        assert!(was_put_aside("launch failed requeued held"));
        assert!(was_put_aside("(launch_failed_requeued_held)"));
        assert!(!was_put_aside("JobHeldUser"));
        assert!(stuck("PartitionTimeLimit").is_some() && stuck("Resources").is_none());
        assert_eq!(waits_for("ReqNodeNotAvail, UnavailableNodes:n1"), "nodes are down or reserved");
    }
}
