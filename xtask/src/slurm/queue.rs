//! Slurm's answers as plain values: the queue, submissions, the accounting, the cluster's limits.
//!
//! Everything here is a pure function of a program's output and is tested on recorded ones. Fields
//! are separated by `|`; what users choose themselves comes last: the folder, which may hold
//! anything, and the job's name, which has no `|` where xtask has chosen it.

use std::collections::BTreeSet;

use serde::Serialize;

/// Fields of `squeue -O`, in the order in which [`parse_queue`] takes them apart.
pub(super) const QUEUE_FIELDS: &str =
    "ArrayJobID:|,ArrayTaskID:|,State:|,Reason:|,exit_code:|,NodeList:|,WorkDir:|,Name:|";

/// Fields of `sacct -P -o`, in the order in which [`parse_accounting`] takes them apart.
pub(super) const ACCOUNTING_FIELDS: &str = "JobID,State,ExitCode,NodeList,JobName";

/// Fields of `sinfo -O`, in the order in which [`parse_nodes`] takes them apart.
pub(super) const NODE_FIELDS: &str =
    "Partition:|,NodeHost:|,StateLong:|,CPUsState:|,Memory:|,Time:|,Oversubscribe:|";

/// The state of a task, as Slurm calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum SlurmState {
    Pending,
    Running,
    /// Its processes are being ended, or its node does not answer.
    Completing,
    Completed,
    Cancelled,
    Failed,
    Timeout,
    OutOfMemory,
    NodeFail,
    Preempted,
    /// It has ended in another way: a boot that failed, a deadline.
    Ended,
    /// The controller does not know it any more. Whatever came of it is in the journals.
    Forgotten,
}

impl SlurmState {
    /// By the name that squeue and sacct use; what is not known to be an end is taken for running.
    fn named(name: &str) -> SlurmState {
        // sacct writes `CANCELLED by 1000`.
        match name.split_whitespace().next().unwrap_or_default() {
            "PENDING" | "REQUEUED" | "REQUEUE_HOLD" | "REQUEUE_FED" | "SPECIAL_EXIT"
            | "RESV_DEL_HOLD" => SlurmState::Pending,
            "COMPLETING" => SlurmState::Completing,
            "COMPLETED" => SlurmState::Completed,
            "CANCELLED" => SlurmState::Cancelled,
            "FAILED" => SlurmState::Failed,
            "TIMEOUT" => SlurmState::Timeout,
            "OUT_OF_MEMORY" => SlurmState::OutOfMemory,
            "NODE_FAIL" => SlurmState::NodeFail,
            "PREEMPTED" => SlurmState::Preempted,
            "BOOT_FAIL" | "DEADLINE" | "REVOKED" | "LAUNCH_FAILED" => SlurmState::Ended,
            _ => SlurmState::Running,
        }
    }

    /// `true` if something of it may still happen.
    pub(super) fn is_active(self) -> bool {
        self <= SlurmState::Completing
    }

    /// The name people know from `squeue`.
    pub(super) fn name(self) -> &'static str {
        match self {
            SlurmState::Pending => "PENDING",
            SlurmState::Running => "RUNNING",
            SlurmState::Completing => "COMPLETING",
            SlurmState::Completed => "COMPLETED",
            SlurmState::Cancelled => "CANCELLED",
            SlurmState::Failed => "FAILED",
            SlurmState::Timeout => "TIMEOUT",
            SlurmState::OutOfMemory => "OUT_OF_MEMORY",
            SlurmState::NodeFail => "NODE_FAIL",
            SlurmState::Preempted => "PREEMPTED",
            SlurmState::Ended => "ENDED",
            SlurmState::Forgotten => "FORGOTTEN",
        }
    }
}

/// The end of a process, as `wait` tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ExitStatus {
    pub(super) code: u32,
    pub(super) signal: u32,
}

impl ExitStatus {
    /// `32512` (squeue: the raw status) or `127:0` (sacct and scontrol).
    fn parse(text: &str) -> Option<ExitStatus> {
        if let Some((code, signal)) = text.split_once(':') {
            return Some(ExitStatus { code: code.parse().ok()?, signal: signal.parse().ok()? });
        }
        let raw: u32 = text.parse().ok()?;
        Some(ExitStatus { code: (raw >> 8) & 0xff, signal: raw & 0x7f }).map(|it| {
            // A signal leaves no exit code; Slurm keeps other things in these bits.
            if it.signal > 0 { ExitStatus { code: 0, ..it } } else { it }
        })
    }
}

/// One line of the queue: a task, or in the accounting those of an array that still wait together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct QueueEntry {
    /// The array's job id.
    pub(super) job_id: u64,
    /// First and last task of each range.
    pub(super) tasks: Vec<(u32, u32)>,
    pub(super) state: SlurmState,
    /// The reason why it waits, or how it ended, in Slurm's words.
    pub(super) reason: String,
    pub(super) status: Option<ExitStatus>,
    pub(super) node: String,
    /// The folder it was submitted from. Empty in the accounting.
    pub(super) folder: String,
    pub(super) name: String,
}

impl QueueEntry {
    /// Returns the number of its tasks.
    pub(super) fn n_tasks(&self) -> u64 {
        let n = |&(first, last): &(u32, u32)| u64::from(last.saturating_sub(first)) + 1;
        self.tasks.iter().map(n).sum()
    }
}

/// How much is cancelled of the jobs whose tasks the queue shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// These tasks.
    Tasks,
    /// All tasks of these jobs that have not started.
    Waiting,
    /// These jobs.
    Jobs,
}

/// Returns the ids by which `scancel` knows them: `17`, `17_3`, `17_[3-5]`. There is no other way
/// to such an id than an entry of the queue.
pub(super) fn ids(entries: &[&QueueEntry], extent: Extent) -> Vec<String> {
    if extent != Extent::Tasks {
        let jobs: BTreeSet<u64> = entries.iter().map(|it| it.job_id).collect();
        return jobs.iter().map(u64::to_string).collect();
    }
    let id = |job: u64, &(first, last): &(u32, u32)| {
        if first == last { format!("{job}_{first}") } else { format!("{job}_[{first}-{last}]") }
    };
    entries.iter().flat_map(|it| it.tasks.iter().map(|tasks| id(it.job_id, tasks))).collect()
}

/// The output of `squeue -h -r -O` with [`QUEUE_FIELDS`]. Lines that are no tasks of an array are
/// left out.
pub(super) fn parse_queue(text: &str) -> Vec<QueueEntry> {
    text.lines().filter_map(parse_entry).collect()
}

fn parse_entry(line: &str) -> Option<QueueEntry> {
    let mut fields = line.splitn(7, '|');
    let mut next = || fields.next();
    let mut trimmed = || next().map(str::trim);
    let (job_id, tasks, state) =
        (trimmed()?.parse().ok()?, ranges(trimmed()?)?, SlurmState::named(trimmed()?));
    let (reason, status, node) =
        (trimmed()?.to_owned(), ExitStatus::parse(trimmed()?), trimmed()?.to_owned());
    let rest = next()?.trim_end();
    let (folder, name) = rest.strip_suffix('|').unwrap_or(rest).rsplit_once('|')?;
    let (folder, name) = (folder.to_owned(), name.trim().to_owned());
    Some(QueueEntry { job_id, tasks, state, reason, status, node, folder, name })
}

/// `3`, `1-5`, `1,3-5%2`; `None` for `N/A`, as a job has that is no array.
fn ranges(text: &str) -> Option<Vec<(u32, u32)>> {
    let plain = text.split('%').next()?.trim_matches(|it| it == '[' || it == ']');
    let range = |it: &str| match it.split_once('-') {
        // A step of several is written `0-6:2`.
        Some((first, last)) if !last.contains(':') => {
            Some((first.parse().ok()?, last.parse().ok()?))
        }
        Some(_) => None,
        None => it.parse().ok().map(|it| (it, it)),
    };
    plain.split(',').map(range).collect()
}

/// The output of `sacct -n -P -X -o` with [`ACCOUNTING_FIELDS`].
pub(super) fn parse_accounting(text: &str) -> Vec<QueueEntry> {
    let parse = |line: &str| {
        let mut fields = line.splitn(5, '|');
        let (job_id, tasks) = fields.next()?.split_once('_')?;
        let (job_id, tasks) = (job_id.parse().ok()?, ranges(tasks)?);
        let state = SlurmState::named(fields.next()?);
        let status = ExitStatus::parse(fields.next()?);
        let node = fields.next()?.to_owned();
        let name = fields.next()?.to_owned();
        let (reason, folder) = (String::new(), String::new());
        Some(QueueEntry { job_id, tasks, state, reason, status, node, folder, name })
    };
    text.lines().filter_map(parse).collect()
}

/// The job id that `sbatch --parsable` prints: `17`, or `17;cluster`.
pub(super) fn parse_submitted(text: &str) -> Option<u64> {
    // Sites let sbatch greet its users on stdout too: the id is the last line.
    text.trim().lines().last()?.split(';').next()?.trim().parse().ok()
}

/// The reason why sbatch submitted nothing, or perhaps did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotSubmitted {
    /// The controller refuses, and will refuse it again.
    Refused(String),
    /// Too many tasks of this user, or of all, are in the queue at the moment.
    Full(String),
    /// The controller did not answer: the job may be in the queue or not.
    Unsure(String),
}

/// Classifies a refusal by sbatch's words on stderr.
pub(super) fn parse_refusal(stderr: &str) -> NotSubmitted {
    let message = last_words(stderr);
    let has = |words: &[&str]| words.iter().any(|it| stderr.contains(it));
    let unsure = [
        "timed out",
        "Unable to contact",
        "Connection refused",
        "Zero Bytes",
        "Transport endpoint",
        "Communication connection",
        "Unexpected message",
        "backup controller",
    ];
    let full = [
        "submit limit",
        "temporarily unable",
        "Resource temporarily unavailable",
        "MaxSubmit",
        "Job violates accounting/QOS policy",
        "maximum number of jobs",
        "Job limit",
    ];
    if has(&unsure) || message.is_empty() {
        NotSubmitted::Unsure(message)
    } else if has(&full) {
        NotSubmitted::Full(message)
    } else {
        NotSubmitted::Refused(message)
    }
}

/// The last line of what a program of Slurm said, without its own name and `error:`.
pub(super) fn last_words(stderr: &str) -> String {
    let line = stderr.trim().lines().last().unwrap_or_default().trim();
    line.rsplit("error: ").next().unwrap_or(line).to_owned()
}

/// The cluster's limits, from `scontrol show config`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Limits {
    pub(super) version: String,
    /// Indices of an array are below this. [default of Slurm: 1001]
    pub(super) max_array_size: Option<u64>,
    /// Jobs of all users that the controller keeps, ended ones among them for a while. [default of
    /// Slurm: 10000]
    pub(super) max_job_count: Option<u64>,
    /// `true` if a job gets whole nodes.
    pub(super) whole_nodes: bool,
    /// `true` if memory can be asked for.
    pub(super) counts_memory: bool,
    /// `true` if ended jobs are remembered in a data base, which sacct asks.
    pub(super) has_accounting: bool,
}

/// The output of `scontrol show config`.
pub(super) fn parse_config(text: &str) -> Limits {
    let value = |name: &str| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == name).then(|| value.trim())
        })
    };
    let select = value("SelectType").unwrap_or_default();
    let parameters = value("SelectTypeParameters").unwrap_or_default().to_uppercase();
    let accounting = value("AccountingStorageType").unwrap_or("accounting_storage/none");
    Limits {
        version: value("SLURM_VERSION").unwrap_or("of unknown version").to_owned(),
        max_array_size: value("MaxArraySize").and_then(|it| it.parse().ok()),
        max_job_count: value("MaxJobCount").and_then(|it| it.parse().ok()),
        whole_nodes: select.ends_with("/linear"),
        counts_memory: parameters.contains("MEMORY"),
        has_accounting: !accounting.ends_with("/none"),
    }
}

/// A node in a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Node {
    pub(super) partition: String,
    /// `true` if jobs go to this partition that name none.
    pub(super) is_default: bool,
    pub(super) host: String,
    /// `true` if it may run something sooner or later.
    pub(super) is_up: bool,
    /// In use or idle.
    pub(super) n_cpus: u64,
    pub(super) memory_mib: u64,
    /// The longest time that a job may ask for. `None` if there is no limit.
    pub(super) limit_minutes: Option<u64>,
    /// `true` if the partition gives whole nodes only.
    pub(super) is_exclusive: bool,
}

/// The output of `sinfo -h -N -O` with [`NODE_FIELDS`].
pub(super) fn parse_nodes(text: &str) -> Vec<Node> {
    text.lines().filter_map(parse_node).collect()
}

fn parse_node(line: &str) -> Option<Node> {
    let mut fields = line.split('|').map(str::trim);
    let mut next = || fields.next();
    let (partition, host, state) = (next()?, next()?, next()?);
    let cpus: Vec<u64> = next()?.split('/').map_while(|it| it.parse().ok()).collect();
    let &[allocated, idle, _, total] = cpus.as_slice() else { return None };
    let memory_mib = next()?.trim_end_matches('+').parse().ok()?;
    let limit_minutes = parse_minutes(next()?);
    let is_exclusive = next()?.starts_with("EXCLUSIVE");
    let broken = ["down", "drain", "fail", "maint", "unknown", "error"];
    let is_up = !broken.iter().any(|it| state.to_lowercase().contains(it));
    Some(Node {
        partition: partition.trim_end_matches('*').to_owned(),
        is_default: partition.ends_with('*'),
        host: host.to_owned(),
        is_up,
        n_cpus: if is_up { allocated.saturating_add(idle).min(total) } else { 0 },
        memory_mib,
        limit_minutes,
        is_exclusive,
    })
}

/// A time as Slurm writes it: `90`, `90:00`, `1:30:00`, `2-12`, `2-12:30`, `2-12:30:00`; in
/// minutes, rounded up.
pub(super) fn parse_minutes(text: &str) -> Option<u64> {
    let (days, rest) = match text.split_once('-') {
        Some((days, rest)) => (Some(days.parse::<u64>().ok()?), rest),
        None => (None, text),
    };
    let parts: Option<Vec<u64>> = rest.split(':').map(|it| it.parse().ok()).collect();
    let (hours, minutes, seconds) = match (days, parts?.as_slice()) {
        (None, &[minutes]) => (0, minutes, 0),
        (None, &[minutes, seconds]) => (0, minutes, seconds),
        (Some(_), &[hours]) => (hours, 0, 0),
        (Some(_), &[hours, minutes]) => (hours, minutes, 0),
        (_, &[hours, minutes, seconds]) => (hours, minutes, seconds),
        _ => return None,
    };
    let hours = days.unwrap_or(0).checked_mul(24)?.checked_add(hours)?;
    hours.checked_mul(60)?.checked_add(minutes)?.checked_add(seconds.div_ceil(60))
}

/// The smallest `MaxSubmitJobs` of `sacctmgr -nP show assoc`, one field a line.
pub(super) fn parse_submit_limit(text: &str) -> Option<u64> {
    text.lines().filter_map(|it| it.trim().parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Slurm 22.05.8: an array whose tasks did nothing, `exit 127`, `kill -4 $$`, and were
    /// cancelled; one that could not open its output file; a job that is no array; an array that
    /// waits.
    const QUEUE: &str = "\
11|1|COMPLETED|None|0|n2|/r/a/cluster|phi-x-1|
11|3|FAILED|JobLaunchFailure|4|n2|/r/a/cluster|phi-x-1|
11|2|FAILED|NonZeroExitCode|32512|n2|/r/a/cluster|phi-x-1|
7|N/A|PENDING|PartitionTimeLimit|0||/r|task.sh|
11|4|CANCELLED|None|15|n2|/r/a/cluster|phi-x-1|
1|5|FAILED|JobLaunchFailure|4021|n2|/r/a|b|c|
2|1-2,4%3|PENDING|Resources|0||/r/it's b/cluster |phi-nofolder|
2|3|COMPLETING|None|0|n1|/r/it's b/cluster |phi-nofolder|
";

    #[test]
    fn the_queue_is_read_as_squeue_22_05_writes_it() {
        let entries = parse_queue(QUEUE);
        let told: Vec<String> = entries
            .iter()
            .map(|it| {
                let status = it.status.unwrap();
                let ExitStatus { code, signal } = status;
                format!(
                    "{} {:?} {} {} {code}:{signal} {} {:?} {}",
                    it.job_id,
                    it.tasks,
                    it.state.name(),
                    it.reason,
                    it.node,
                    it.folder,
                    it.name
                )
            })
            .collect();
        let expected = [
            r#"11 [(1, 1)] COMPLETED None 0:0 n2 "/r/a/cluster" phi-x-1"#,
            r#"11 [(3, 3)] FAILED JobLaunchFailure 0:4 n2 "/r/a/cluster" phi-x-1"#,
            r#"11 [(2, 2)] FAILED NonZeroExitCode 127:0 n2 "/r/a/cluster" phi-x-1"#,
            r#"11 [(4, 4)] CANCELLED None 0:15 n2 "/r/a/cluster" phi-x-1"#,
            r#"1 [(5, 5)] FAILED JobLaunchFailure 0:53 n2 "/r/a|b" c"#,
            r#"2 [(1, 2), (4, 4)] PENDING Resources 0:0  "/r/it's b/cluster " phi-nofolder"#,
            r#"2 [(3, 3)] COMPLETING None 0:0 n1 "/r/it's b/cluster " phi-nofolder"#,
        ];
        assert_eq!(told, expected);
        assert_eq!(parse_queue("slurm_load_jobs error: garbage\n\n|||\n"), []);
        // The ids are those of the queue.
        let waiting = [&entries[5], &entries[0]];
        assert_eq!(ids(&waiting, Extent::Tasks), ["2_[1-2]", "2_4", "11_1"]);
        assert_eq!(ids(&waiting, Extent::Waiting), ["2", "11"]);
        assert_eq!(waiting.map(QueueEntry::n_tasks), [3, 1]);
    }

    #[test]
    fn the_accounting_is_read_as_sacct_writes_it() {
        let text = "11_1|COMPLETED|0:0|n1|phi\n11_[2-4]|PENDING|0:0|None assigned|phi\n\
            11_5|CANCELLED by 1000|0:15|n2|phi\n\
                    11_6|OUT_OF_MEMORY|0:125|n2|phi\n12|FAILED|1:0|n2|other\n";
        let entries = parse_accounting(text);
        let told: Vec<_> = entries.iter().map(|it| (it.tasks[0], it.state)).collect();
        let expected = [
            ((1, 1), SlurmState::Completed),
            ((2, 4), SlurmState::Pending),
            ((5, 5), SlurmState::Cancelled),
            ((6, 6), SlurmState::OutOfMemory),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn only_states_that_can_still_change_are_active() {
        for name in ["PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "STAGE_OUT"] {
            assert!(SlurmState::named(name).is_active(), "{name}");
        }
        for name in ["COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "BOOT_FAIL"] {
            assert!(!SlurmState::named(name).is_active(), "{name}");
        }
        assert!(!SlurmState::Forgotten.is_active());
    }

    #[test]
    fn a_submission_is_a_number_and_a_refusal_is_sorted_by_what_can_be_done() {
        assert_eq!(parse_submitted("17\n"), Some(17));
        assert_eq!(parse_submitted("Welcome!\n17;big\n"), Some(17));
        assert_eq!(parse_submitted(""), None);
        let refused = "sbatch: error: invalid partition specified: nope\n\
            sbatch: error: Batch job submission failed: Invalid partition name specified\n";
        let message = "Batch job submission failed: Invalid partition name specified".to_owned();
        assert_eq!(parse_refusal(refused), NotSubmitted::Refused(message));
        for text in [
            "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
            "sbatch: error: Batch job submission failed: Unable to contact slurm controller \
            (connect failure)",
            "",
        ] {
            assert!(matches!(parse_refusal(text), NotSubmitted::Unsure(_)), "{text}");
        }
        let text = "sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission \
            failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time \
            limits)";
        assert!(matches!(parse_refusal(text), NotSubmitted::Full(_)));
    }

    #[test]
    fn the_limits_are_those_of_scontrol() {
        let text = "Configuration data as of 2026-11-22T22:10:00\n\
            AccountingStorageType   = accounting_storage/none\n\
                    MaxArraySize            = 6\nMaxJobCount             = 200\n\
                    SelectType              = select/cons_tres\n\
                    SelectTypeParameters    = CR_CPU_MEMORY\nSLURM_VERSION           = 22.05.8\n";
        let limits = parse_config(text);
        assert_eq!((limits.max_array_size, limits.max_job_count), (Some(6), Some(200)));
        assert!(limits.counts_memory && !limits.whole_nodes && !limits.has_accounting);
        assert_eq!(limits.version, "22.05.8");
        let linear =
            "SelectType = select/linear\nAccountingStorageType = accounting_storage/slurmdbd\n";
        let limits = parse_config(linear);
        assert!(limits.whole_nodes && limits.has_accounting && !limits.counts_memory);
        assert_eq!(parse_submit_limit("\n500\n\n200\n"), Some(200));
        assert_eq!(parse_submit_limit("\n\n"), None);
    }

    #[test]
    fn nodes_that_are_down_have_no_cpus() {
        let text = "main*|vm|down*|0/0/1/1|2000|2:00:00|NO|\n\
            main*|vm|idle|0/1/0/1|2000|2:00:00|NO|\n\
                    one|vm2|mixed|3/1/0/4|1|infinite|EXCLUSIVE|\n";
        let nodes = parse_nodes(text);
        assert_eq!(nodes.iter().map(|it| it.n_cpus).collect::<Vec<_>>(), [0, 1, 4]);
        assert!(nodes[0].is_default && !nodes[2].is_default && nodes[2].is_exclusive);
        assert_eq!((nodes[1].limit_minutes, nodes[2].limit_minutes), (Some(120), None));
        assert_eq!(nodes[2].partition, "one");
    }

    #[test]
    fn times_are_slurm_s() {
        let cases = [
            ("90", Some(90)),
            ("90:30", Some(91)),
            ("1:30:00", Some(90)),
            ("2-12", Some(3600)),
            ("2-12:30", Some(3630)),
            ("2-12:30:01", Some(3631)),
            ("infinite", None),
            ("UNLIMITED", None),
            ("n/a", None),
            ("", None),
            ("-1", None),
        ];
        for (text, minutes) in cases {
            assert_eq!(parse_minutes(text), minutes, "{text}");
        }
    }
}
