//! Asks Slurm: sbatch, squeue, scancel, sinfo, scontrol, sacct.
//!
//! A question ends after a while even if the controller never answers, and Ctrl-C in the terminal
//! does not reach it: a submission is never torn in two. What the answers mean is in
//! [`super::queue`].

use std::{
    env,
    ffi::{OsStr, OsString},
    io::{ErrorKind, Read},
    mem,
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use headroom::child::{interrupt, kill_group, own_group};

use super::options::VARIABLES;
use super::queue::{
    ACCOUNTING_FIELDS, Extent, Limits, NODE_FIELDS, Node, NotSubmitted, QUEUE_FIELDS, QueueEntry,
    ids, last_words, parse_accounting, parse_config, parse_nodes, parse_queue, parse_refusal,
    parse_submit_limit, parse_submitted,
};

/// The limits after which a question is given up.
#[derive(Clone, Copy)]
struct QueryLimits {
    time: Duration,
    /// Number of times that the user has asked to go.
    n_interrupts: usize,
}

/// Slurm's own programs give up on a controller after about this long.
const QUESTION: QueryLimits = QueryLimits { time: Duration::from_secs(60), n_interrupts: 1 };
/// sbatch tries again for two minutes by itself when the queue is full, and is not torn away from
/// that by a single Ctrl-C.
const CHANGE: QueryLimits = QueryLimits { time: Duration::from_secs(180), n_interrupts: 2 };
/// Time between two looks at a running question.
const TICK: Duration = Duration::from_millis(5);
/// The longest answer: a task of the queue has about 100 bytes, and clusters have some hundred
/// thousand of them.
const MOST_BYTES: usize = if cfg!(test) { 1 << 20 } else { 256 << 20 };
/// Time for which a program that has ended may keep its pipes open, by something that it has left
/// behind.
const AFTERWARDS: Duration = Duration::from_secs(1);
/// Ids on one command line.
const MANY: usize = 500;

/// The reason why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The program is not in the `PATH`.
    NotInstalled(String),
    /// It said this, or nothing in time.
    Failed(String),
}

impl NoAnswer {
    pub(super) fn message(&self) -> String {
        match self {
            NoAnswer::NotInstalled(program) => format!("`{program}` is not in the PATH"),
            NoAnswer::Failed(message) => message.clone(),
        }
    }
}

struct Answer {
    ok: bool,
    stdout: String,
    stderr: String,
    /// It was ended because it took too long.
    late: bool,
}

fn ask(
    program: &str,
    args: &[impl AsRef<OsStr>],
    patience: QueryLimits,
) -> Result<Answer, NoAnswer> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Ranges of waiting tasks in full, and times and words as they are parsed.
    command.env("SLURM_BITSTR_LEN", "0").env("LC_ALL", "C").env_remove("SLURM_TIME_FORMAT");
    for name in VARIABLES {
        command.env_remove(name);
    }
    own_group(&mut command);
    let mut child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => NoAnswer::NotInstalled(program.to_owned()),
        _ => NoAnswer::Failed(format!("could not start `{program}`: {error}")),
    })?;
    let stdout = PipeReader::by(child.stdout.take());
    let stderr = PipeReader::by(child.stderr.take());
    let (started, asked_before) = (Instant::now(), interrupt::count());
    let mut late = false;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if !late && patience.is_over(started.elapsed(), asked_before) => {
                late = true;
                kill_group(&mut child);
            }
            Ok(None) => thread::sleep(TICK),
            Err(error) => return Err(NoAnswer::Failed(format!("`{program}`: {error}"))),
        }
    };
    let (stdout, stderr) = (stdout.collect(), stderr.collect());
    if stdout.len() > MOST_BYTES {
        // Half an answer could be taken for jobs that have ended.
        return Err(NoAnswer::Failed(format!(
            "`{program}` answered more than {} MiB",
            MOST_BYTES >> 20
        )));
    }
    let [stdout, stderr] = [stdout, stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
    Ok(Answer { ok: status.success() && !late, stdout, stderr, late })
}

/// The bytes that come out of a pipe, collected by a thread.
struct PipeReader {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl PipeReader {
    fn by(pipe: Option<impl Read + Send + 'static>) -> PipeReader {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let (Some(mut pipe), mut buffer) = (pipe, [0; 8192]) else { return };
            loop {
                let n = match pipe.read(&mut buffer) {
                    Ok(0) => return,
                    Ok(n) => n,
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(_) => return,
                };
                let mut bytes = to.lock().unwrap_or_else(PoisonError::into_inner);
                bytes.extend_from_slice(&buffer[..n]);
                if bytes.len() > MOST_BYTES {
                    return;
                }
            }
        });
        PipeReader { bytes, reader }
    }

    /// All of it, now that the program has ended.
    fn collect(self) -> Vec<u8> {
        let until = Instant::now() + AFTERWARDS;
        while !self.reader.is_finished() && Instant::now() < until {
            thread::sleep(TICK);
        }
        mem::take(&mut *self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl QueryLimits {
    /// `n_before`: how often the user had asked to go before the question, which did not keep it
    /// from being asked.
    fn is_over(self, took: Duration, n_before: usize) -> bool {
        let n = interrupt::count();
        took > self.time || n > n_before && n >= self.n_interrupts
    }
}

/// stdout of a question that was answered.
fn answer(program: &str, args: &[&str], patience: QueryLimits) -> Result<String, NoAnswer> {
    let answer = ask(program, args, patience)?;
    if answer.ok {
        return Ok(answer.stdout);
    }
    let words = last_words(&answer.stderr);
    Err(NoAnswer::Failed(match words.as_str() {
        _ if answer.late => format!("`{program}` did not answer in time"),
        "" => format!("`{program}` failed"),
        words => format!("`{program}`: {words}"),
    }))
}

/// Checks that a program of Slurm is in the `PATH`.
pub(super) fn installed(program: &str) -> Result<(), NoAnswer> {
    match ask(program, &["--version"], QUESTION) {
        Err(no_answer @ NoAnswer::NotInstalled(_)) => Err(no_answer),
        _ => Ok(()),
    }
}

/// All array tasks of this user that the controller knows, ended ones among them.
pub(super) fn queue() -> Result<Vec<QueueEntry>, NoAnswer> {
    // One line a task: of tasks that wait together, squeue mixes the reasons.
    let args = ["-h", "-r", "-t", "all", "--me", "-O", QUEUE_FIELDS];
    answer("squeue", &args, QUESTION).map(|it| parse_queue(&it))
}

/// Asks the accounting for the jobs of this name that ended at most a month ago.
pub(super) fn accounting(name: &str) -> Result<Vec<QueueEntry>, NoAnswer> {
    let name = format!("--name={name}");
    let args = ["-n", "-P", "-X", "-S", "now-30days", "-o", ACCOUNTING_FIELDS, &name];
    answer("sacct", &args, QUESTION).map(|it| parse_accounting(&it))
}

/// Submits once.
pub(super) fn submit(args: &[OsString]) -> Result<u64, NotSubmitted> {
    let answer = match ask("sbatch", args, CHANGE) {
        Ok(answer) => answer,
        Err(no_answer @ NoAnswer::NotInstalled(_)) => {
            return Err(NotSubmitted::Refused(no_answer.message()));
        }
        Err(NoAnswer::Failed(message)) => return Err(NotSubmitted::Unsure(message)),
    };
    match parse_submitted(&answer.stdout) {
        Some(id) => Ok(id),
        None if answer.late => Err(NotSubmitted::Unsure("sbatch did not answer in time".into())),
        None => Err(parse_refusal(&answer.stderr)),
    }
}

/// Cancels what the queue has shown, and nothing else.
pub(super) fn cancel(entries: &[&QueueEntry], extent: Extent) -> Result<(), NoAnswer> {
    for ids in ids(entries, extent).chunks(MANY) {
        let mut args: Vec<&str> = Vec::new();
        if extent == Extent::Waiting {
            args.push("--state=PENDING");
        }
        args.extend(ids.iter().map(String::as_str));
        answer("scancel", &args, CHANGE)?;
    }
    Ok(())
}

/// Limits of the cluster; fails if no controller answers.
pub(super) fn limits() -> Result<Limits, NoAnswer> {
    answer("scontrol", &["show", "config"], QUESTION).map(|it| parse_config(&it))
}

/// The nodes of these partitions (`a` or `a,b`), or of all.
pub(super) fn nodes(partition: Option<&str>) -> Result<Vec<Node>, NoAnswer> {
    let mut args = vec!["-h", "-N", "-O", NODE_FIELDS];
    args.extend(partition.iter().flat_map(|it| ["-p", it]));
    answer("sinfo", &args, QUESTION).map(|it| parse_nodes(&it))
}

/// Number of jobs that this user may have in the queue, where the accounting tells.
pub(super) fn submit_limit() -> Option<u64> {
    let user = env::var("USER").ok()?;
    let user = format!("user={user}");
    let args = ["-n", "-P", "show", "assoc", &user, "format=MaxSubmitJobs"];
    parse_submit_limit(&answer("sacctmgr", &args, QUESTION).ok()?)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_answered_fails_or_takes_too_long() {
        let shell = |script: &str, patience| ask("sh", &["-c", script], patience).unwrap();
        let answer = shell("echo out; echo err >&2", QUESTION);
        assert_eq!(
            (answer.ok, answer.stdout.as_str(), answer.stderr.as_str()),
            (true, "out\n", "err\n")
        );
        assert!(!shell("exit 3", QUESTION).ok);
        let endless = ask("sh", &["-c", "exec yes"], QUESTION).err().unwrap();
        assert_eq!(endless.message(), "`sh` answered more than 1 MiB");
        let answer = shell(
            "echo begun; exec sleep 100",
            QueryLimits { time: Duration::from_millis(300), ..QUESTION },
        );
        assert!(answer.late && !answer.ok);
        // What it has left behind, and holds its pipes, is not waited for.
        let answer = shell("sleep 100 & echo $!", QUESTION);
        assert!(answer.ok && !answer.late);
        let left = answer.stdout.trim();
        assert!(Command::new("kill").args(["-s", "KILL", left]).status().unwrap().success());
        let no_answer = ask("no-such-program", &["x"], QUESTION).err().unwrap();
        assert_eq!(no_answer.message(), "`no-such-program` is not in the PATH");
    }
}
