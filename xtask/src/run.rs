//! Start the validation, watch it, and make sense of its end.
//!
//! The program's own first event says where its results go and what memory a worker needs; the
//! user's arguments are passed on unread. Everything goes to one folder that outlives the run: a
//! second start goes on there, and `--fresh` has the program move it aside. Ctrl-C is handed on to
//! the run, which keeps its rows; a second one kills it. When memory is short, the study is started
//! with fewer workers. It is stopped and started again with half of them if memory is still short.

use std::{
    env,
    ffi::OsString,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};
use headroom::{
    Coded, Console, Exit, Format,
    build::supervise::{InterruptPolicy, OutputPiece, Supervision, say_available, supervise},
    child::{Ending, keeper::Streams, signal_name},
    files::read_short,
    machine::cgroup::KillCounters,
    numbers::{bytes, duration},
};
use phi_protocol::{
    EVENTS_SCHEMA, EVENTS_VERSION, Event, EventLine, Exit as StudyExit, Launch, Question, Results,
    Task, Workers,
};
use serde::Serialize;
use serde_json::value::RawValue;

/// The name of the run when the user gives none.
pub(crate) const DEFAULT_RUN: &str = "validation";

/// With less than this available a run with several workers is stopped, to go on with half of them.
const STOP_BELOW_BYTES: u64 = 32 << 20;

/// The statistics of a million rows have some MiB.
const MOST_SUMMARY_BYTES: u64 = 64 << 20;
/// An answer names a few paths.
const MOST_ANSWER_BYTES: usize = 1 << 20;

/// A program and what it is started with.
pub(crate) struct Start<'a> {
    pub(crate) program: &'a Path,
    /// The user's arguments, or those of xtask: they are passed on unread.
    pub(crate) args: Vec<OsString>,
    /// The settings that the arguments may leave open. `None` for a program that is not the
    /// study's, and for a command whose results are not counted.
    pub(crate) launch: Option<Launch>,
}

impl Start<'_> {
    /// All arguments of the program.
    fn arguments(&self, workers: Option<usize>) -> Vec<OsString> {
        match &self.launch {
            Some(launch) => Launch { workers, ..launch.clone() }.arguments(&self.args),
            None => self.args.clone(),
        }
    }

    /// The same for people.
    pub(crate) fn words(&self) -> String {
        let args = self.arguments(None);
        let words: Vec<_> = args.iter().map(|it| it.to_string_lossy()).collect();
        words.join(" ")
    }
}

/// A finished run.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Run {
    pub(crate) command: Vec<String>,
    pub(crate) out: Option<PathBuf>,
    pub(crate) summary_file: Option<PathBuf>,
    /// `true` if there were finished rows to go on from.
    pub(crate) resumed: bool,
    /// Complete rows in `out` before and after.
    pub(crate) n_rows_before: u64,
    pub(crate) n_rows: u64,
    pub(crate) exit_code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) interrupted: bool,
    pub(crate) seconds: f64,
    pub(crate) peak_bytes: u64,
    pub(crate) lowest_available_bytes: Option<u64>,
    /// Threads it was given in the end; `None` if that was left to the run.
    pub(crate) workers: Option<usize>,
    /// Number of new starts with fewer of them, because memory was short.
    pub(crate) n_restarts: usize,
    /// The kernel's kills for lack of memory meanwhile.
    pub(crate) memory_kills: KillCounters,
    /// The content of `summary_file`.
    pub(crate) summary: Option<Box<RawValue>>,
}

/// The folder of the runs: outside `target`, so that `cargo clean` spares it.
pub(crate) fn default_runs(workspace_root: &Path) -> PathBuf {
    workspace_root.join("runs")
}

/// The record of the build in this target folder, if there is one.
pub(crate) fn build_record(target_dir: &Path) -> Option<PathBuf> {
    Some(target_dir.join("xtask").join("build.json")).filter(|it| it.is_file())
}

/// The answer of the study's program to a question, or its end if it refuses.
enum Answer {
    Done(Vec<u8>),
    Refused { ending: Ending, interrupted: bool },
}

/// Asks the study's program about its arguments. Its stderr goes to the user's.
fn ask(
    program: &Path,
    launch: &Launch,
    question: Question,
    args: &[OsString],
    console: &Console,
) -> anyhow::Result<Answer> {
    let mut command = Command::new(program);
    command.args(launch.asking(question).arguments(args));
    let supervision =
        Supervision { patience: InterruptPolicy::Short, expendable: false, stop_below_bytes: None };
    let mut said = Vec::new();
    let watched = supervise(&command, Streams::piped(), supervision, |piece| match piece {
        OutputPiece::Stdout(bytes) => {
            said.extend_from_slice(&bytes[..bytes.len().min(MOST_ANSWER_BYTES - said.len())]);
        }
        OutputPiece::Stderr(bytes) => console.pass_through(bytes),
        OutputPiece::Stopping | OutputPiece::Available(_) => {}
    })?;
    watched.left.say(console);
    let (ending, interrupted) = (watched.ending, watched.interrupted);
    Ok(match exit(ending, interrupted) {
        Exit::Success => Answer::Done(said),
        _ => Answer::Refused { ending, interrupted },
    })
}

/// Have the study's program check all arguments and move an old run of this name aside: it knows
/// which folders are its runs, and says where the old results are.
///
/// # Errors
/// If the program refuses, and has said why. Its exit code is passed on.
pub(crate) fn set_aside(start: &Start<'_>, console: &Console) -> anyhow::Result<()> {
    let Some(launch) = &start.launch else { return Ok(()) };
    match ask(start.program, launch, Question::SetAside, &start.args, console)? {
        Answer::Done(_) => Ok(()),
        Answer::Refused { ending, interrupted } => {
            let exit = exit(ending, interrupted);
            bail!(Coded { exit, message: "--fresh: nothing was moved and nothing begun".into() })
        }
    }
}

/// Reads the program's answer to [`Question::Prepare`].
///
/// # Errors
/// If the answer is something else, or of another version.
pub(crate) fn parse_prepared(answer: &[u8]) -> anyhow::Result<Task> {
    let line: EventLine = serde_json::from_slice(answer).context("not an event of the study")?;
    let Event::Prepared { schema, version, task, .. } = line.event else {
        bail!("another event; expected `prepared`");
    };
    if schema != EVENTS_SCHEMA || version != EVENTS_VERSION {
        bail!(
            "`{schema}` of version {version}; expected `{EVENTS_SCHEMA}` of version \
             {EVENTS_VERSION}"
        );
    }
    Ok(task)
}

/// The outcome of having the program check its arguments.
pub(crate) enum Prepared {
    Task(Task),
    /// The program refuses them, and has said why.
    Refused {
        ending: Ending,
        interrupted: bool,
    },
}

/// Have the study's program check its arguments and say what they ask for.
pub(crate) fn prepare(start: &Start<'_>, console: &Console) -> anyhow::Result<Prepared> {
    let Some(launch) = &start.launch else { return Ok(Prepared::Task(Task::Other)) };
    match ask(start.program, launch, Question::Prepare, &start.args, console)? {
        Answer::Done(said) => parse_prepared(&said)
            .map(Prepared::Task)
            .with_context(|| format!("{} answered", start.program.display())),
        Answer::Refused { ending, interrupted } => Ok(Prepared::Refused { ending, interrupted }),
    }
}

fn results_of(task: Task) -> Option<Results> {
    match task {
        Task::Study { results, .. } | Task::Gather { results } => Some(results),
        Task::Plan { .. } | Task::Other => None,
    }
}

/// Number of workers that there is room for.
pub(crate) fn workers(needed: &Workers, available_bytes: u64, n_cpus: usize) -> usize {
    let room = available_bytes.saturating_sub(needed.shared_bytes) / needed.worker_bytes.max(1);
    usize::try_from(room).unwrap_or(usize::MAX).clamp(1, n_cpus.max(1))
}

/// Runs the study (or whatever the arguments ask of it) and waits for its end.
///
/// `room`, the available bytes and the number of CPUs, decides on the workers of the study. `None`
/// leaves them to the program, as does a user who asks for a number of threads, or for a file
/// instead of a folder, in which the study could not go on.
pub(crate) fn run(
    start: &Start<'_>,
    room: Option<(u64, usize)>,
    console: &Console,
) -> anyhow::Result<Run> {
    let shown = |args: &[OsString]| -> Vec<String> {
        let words = [start.program.as_os_str()].into_iter().chain(args.iter().map(AsRef::as_ref));
        words.map(|it| it.to_string_lossy().into_owned()).collect()
    };
    let task = match prepare(start, console)? {
        Prepared::Task(task) => task,
        Prepared::Refused { ending, interrupted } => {
            return Ok(Run {
                command: shown(&start.arguments(None)),
                exit_code: ending.code,
                signal: ending.signal,
                interrupted,
                ..Run::default()
            });
        }
    };
    let needed = match &task {
        Task::Study { workers, results } if workers.asked.is_none() => {
            results.folder.as_ref().map(|_| workers.clone())
        }
        _ => None,
    };
    let results = results_of(task);
    let rows = |it: &Option<Results>| it.as_ref().map_or(0, |it| it.rows_done);
    let n_rows_before = rows(&results);
    if let Some(Results { folder: Some(folder), csv, .. }) = &results
        && csv.is_file()
    {
        console.note(&format!("going on in {}", folder.display()));
    }
    let kills_before = KillCounters::read(Path::new("/"));
    let room = room.zip(needed);
    // As many as there are CPUs is what the run does by itself.
    let mut count =
        room.as_ref().map(|((available, n_cpus), needed)| workers(needed, *available, *n_cpus));
    let mut given = count.filter(|it| room.as_ref().is_some_and(|((_, n_cpus), _)| it < n_cpus));
    if let Some(n) = given {
        console.note(&format!("memory for {n} worker{}", if n == 1 { "" } else { "s" }));
    }
    let (mut seconds, mut peak_bytes, mut lowest, mut n_restarts) = (0.0, 0, None, 0);
    loop {
        let args = start.arguments(given);
        let mut command = Command::new(start.program);
        command.args(&args);
        let streams = Streams {
            // The run is not in the terminal's foreground group: reading from the terminal would
            // stop it.
            stdin: if io::stdin().is_terminal() { Stdio::null() } else { Stdio::inherit() },
            // With JSON, stdout is for the one document.
            stdout: match console.format() {
                Format::Text => Stdio::inherit(),
                Format::Json => Stdio::piped(),
            },
            stderr: Stdio::inherit(),
        };
        let stop_below = |available: u64| STOP_BELOW_BYTES.min(available / 4);
        let stop_below_bytes = room
            .as_ref()
            .filter(|_| count > Some(1))
            .map(|((available, _), _)| stop_below(*available));
        let patience = InterruptPolicy::UntilAskedAgain;
        let supervision = Supervision { patience, expendable: false, stop_below_bytes };
        let kills = KillCounters::read(Path::new("/"));
        let watched = supervise(&command, streams, supervision, |piece| match piece {
            OutputPiece::Stdout(bytes) | OutputPiece::Stderr(bytes) => console.pass_through(bytes),
            OutputPiece::Stopping => {
                console.stopping("asked the run to stop; again: kill it (finished rows are kept)");
            }
            OutputPiece::Available(bytes) => say_available(bytes, console),
        })?;
        watched.left.say(console);
        seconds += watched.seconds;
        peak_bytes = watched.peak_bytes.max(peak_bytes);
        lowest = [lowest, watched.lowest_available_bytes].into_iter().flatten().min();
        let kills = KillCounters::read(Path::new("/")).since(kills);
        let was_killed = watched.ending.signal == Some(9) && kills.moved();
        let gave_way = watched.stopped_for_memory
            && watched.ending.code == Some(StudyExit::Interrupted.code().into());
        if let Some(n @ 2..) = count
            && (was_killed || gave_way)
            && !watched.interrupted
        {
            let why = if was_killed {
                "the kernel killed the run for lack of memory"
            } else {
                "memory is short"
            };
            (count, given) = (Some(n / 2), Some(n / 2));
            n_restarts += 1;
            let workers = if n / 2 == 1 { "1 worker".into() } else { format!("{} workers", n / 2) };
            console.note(&format!("{why}: it goes on with {workers}; no finished row is lost"));
            continue;
        }
        // What it says now is what its files hold, whatever ended it.
        let after = match &results {
            Some(_) => match prepare(start, console) {
                Ok(Prepared::Task(task)) => results_of(task),
                Ok(Prepared::Refused { .. }) | Err(_) => None,
            }
            .or_else(|| results.clone()),
            None => None,
        };
        let n_rows = rows(&after);
        let summary_file = after.as_ref().map(|it| it.summary.clone()).filter(|it| it.exists());
        return Ok(Run {
            command: shown(&args),
            out: after.map(|it| it.csv),
            resumed: n_rows_before > 0,
            n_rows_before,
            n_rows,
            exit_code: watched.ending.code,
            signal: watched.ending.signal,
            interrupted: watched.interrupted,
            seconds,
            peak_bytes,
            lowest_available_bytes: lowest,
            workers: given,
            n_restarts,
            memory_kills: KillCounters::read(Path::new("/")).since(kills_before),
            summary: summary_file.as_ref().and_then(|it| {
                serde_json::from_slice(&read_short(it, MOST_SUMMARY_BYTES).ok()?).ok()
            }),
            summary_file,
        });
    }
}

/// The exit code that an ended run calls for.
pub(crate) fn exit(ending: Ending, interrupted: bool) -> Exit {
    match (ending.code.map(StudyExit::of_code), ending.signal) {
        (Some(Some(StudyExit::Success)), _) => Exit::Success,
        (Some(Some(StudyExit::Interrupted)), _) => Exit::Interrupted,
        (Some(Some(StudyExit::BadInput)), _) => Exit::Usage,
        (_, Some(_)) if interrupted => Exit::Interrupted,
        (_, Some(signal)) => Exit::RunSignal(u8::try_from(signal).unwrap_or(u8::MAX)),
        (_, None) => Exit::Internal,
    }
}

impl Run {
    /// Says how the run ended and what to do next.
    pub(crate) fn say(&self, exit: Exit, console: &mut Console) {
        let out = self.out_shown().unwrap_or_default();
        let rows = |n: u64| if n == 1 { "1 row".to_owned() } else { format!("{n} rows") };
        let resume = "`cargo xtask validate` with the same arguments goes on from there";
        let time = duration(self.seconds.round() as u64);
        match exit {
            Exit::Success if self.out.is_none() => {}
            Exit::Success if self.n_rows == self.n_rows_before && self.n_rows > 0 => {
                console.note(&format!(
                    "{out} was complete already ({}); nothing was computed. `--fresh` starts over",
                    rows(self.n_rows)
                ))
            }
            Exit::Success => console.note(&format!(
                "{} in {out} after {time}, peak memory {}",
                rows(self.n_rows),
                bytes(self.peak_bytes)
            )),
            Exit::Interrupted if self.out.is_none() => {
                console.note(&format!("stopped after {time}"));
            }
            Exit::Interrupted => {
                console.note(&format!(
                    "stopped after {time} with {} in {out}; {resume}",
                    rows(self.n_rows)
                ));
            }
            // The run has said what is wrong; only what xtask can do about it is added.
            Exit::Usage if self.out.is_some() => console.note(
                "if it is the output: choose another (`-- --run NAME`, `-- --out FILE.csv`), or \
                start over with `--fresh`, which keeps the old results",
            ),
            Exit::RunSignal(signal) => {
                let memory = if self.memory_kills.moved() {
                    "; the kernel killed it for lack of memory".to_owned()
                } else {
                    String::new()
                };
                let kept = match self.out {
                    Some(_) => format!("; {} are in {out}", rows(self.n_rows)),
                    None => String::new(),
                };
                console.warning(
                    &format!("the run was ended by {}{memory}{kept}", signal_name(signal.into())),
                    if self.out.is_some() { resume } else { "its own message, if any, is above" },
                );
            }
            _ if self.out.is_some() => console.warning(
                &format!(
                    "the run failed (exit code {}); {} are in {out}",
                    self.exit_code.unwrap_or_default(),
                    rows(self.n_rows)
                ),
                "its own message is above",
            ),
            Exit::Usage => {}
            _ => console.warning(
                &format!("the run failed (exit code {})", self.exit_code.unwrap_or_default()),
                "its own message is above",
            ),
        }
        console.record("run", self);
    }

    pub(crate) fn ending(&self) -> Ending {
        Ending { code: self.exit_code, signal: self.signal }
    }

    /// `out` as one would type it from the current folder.
    pub(crate) fn out_shown(&self) -> Option<String> {
        let out = self.out.as_deref()?;
        let here = env::current_dir().ok();
        let relative = here.as_deref().and_then(|it| out.strip_prefix(it).ok()).unwrap_or(out);
        Some(relative.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_s_arguments_are_passed_on_unread() {
        let args: Vec<OsString> = ["--out=x", "phi", "--", "--run"].map(Into::into).into();
        let launch = Launch { run: Some(DEFAULT_RUN.into()), ..Launch::default() };
        let program = Path::new("p");
        let start = Start { program, args, launch: Some(launch) };
        assert_eq!(start.words(), "launch --run validation -- --out=x phi -- --run");
        assert_eq!(start.arguments(Some(2))[3], "--workers");
        let other = Start { launch: None, ..start };
        assert_eq!(other.words(), "--out=x phi -- --run");
    }

    #[test]
    fn the_first_event_is_that_of_the_study() {
        // The same file is what a test of the study compares its own answers with.
        let golden = include_str!("../../phi-protocol/golden/prepared.jsonl");
        let tasks: Vec<Task> =
            golden.lines().map(|it| parse_prepared(it.as_bytes()).unwrap()).collect();
        let [Task::Study { results, workers }, file, plan, gather, Task::Other] = &tasks[..] else {
            panic!("{tasks:?}");
        };
        assert_eq!(results.folder.as_deref(), Some(Path::new("runs/first")));
        assert_eq!((results.rows_done, workers.asked), (4, None));
        assert!(matches!(file, Task::Study { results, .. } if results.folder.is_none()));
        assert!(matches!(plan, Task::Plan { run, .. } if run == "first"));
        assert!(matches!(gather, Task::Gather { .. }));
        for (text, why) in [
            ("", "not an event of the study"),
            (r#"{"event": "finished", "output": "x", "elapsed_ms": 1}"#, "another event"),
            (
                &golden.lines().next().unwrap().replace("/events", "/other"),
                "`phi-validation/other`",
            ),
        ] {
            let error = parse_prepared(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(why), "{error}");
        }
    }

    #[test]
    fn there_are_as_many_workers_as_there_is_room_for() {
        let mib = |it: u64| it << 20;
        let needed = Workers { asked: None, worker_bytes: mib(48), shared_bytes: mib(32) };
        for (available, n_cpus, expected) in
            [(0, 8, 1), (79, 8, 1), (128, 8, 2), (300, 8, 5), (9999, 8, 8), (9999, 0, 1)]
        {
            assert_eq!(
                workers(&needed, mib(available), n_cpus),
                expected,
                "{available} MiB, {n_cpus} CPUs"
            );
        }
    }

    #[test]
    fn the_run_s_end_is_mapped_to_a_documented_code() {
        let code = |it| Ending { code: Some(it), signal: None };
        let signal = |it| Ending { code: None, signal: Some(it) };
        let cases = [
            (code(0), false, Exit::Success),
            // Ctrl-C that came after the last row.
            (code(0), true, Exit::Success),
            (code(1), false, Exit::Internal),
            (code(2), false, Exit::Usage),
            (code(77), false, Exit::Internal),
            (code(130), true, Exit::Interrupted),
            (signal(9), true, Exit::Interrupted),
            (signal(9), false, Exit::RunSignal(9)),
            (signal(11), false, Exit::RunSignal(11)),
        ];
        for (ending, interrupted, expected) in cases {
            assert_eq!(exit(ending, interrupted), expected, "{ending:?} {interrupted}");
        }
    }
}
