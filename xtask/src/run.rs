//! Start the validation, watch it, and make sense of its end.
//!
//! Everything goes to one folder that outlives it all: a second start goes on there, `--fresh` has the program move it
//! aside, nothing here touches it. Ctrl-C is handed on to the run, which keeps its rows; asked a second time, it is killed. When memory
//! is short the study is started with fewer workers, and stopped and gone on with by half of them if it still is.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    io::{self, BufRead as _, BufReader, IsTerminal as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::bail;
use headroom::{
    Coded, Console, Exit, Format,
    build::supervise::{Care, Patience, Piece, say_available, supervise},
    child::{Ending, keeper::Streams, signal_name},
    files::read_short,
    machine::cgroup::KillCounters,
    numbers::{bytes, duration},
};
use serde::Serialize;

/// The name of the run when the user gives none.
pub(crate) const DEFAULT_RUN: &str = "validation";

/// What one worker of the study may need, and what they share: the largest single problem measured held 89 MiB with two
/// workers (complete graph of 9 units), the 160 comparisons 25 MiB.
const WORKER_BYTES: u64 = 48 << 20;
const SHARED_BYTES: u64 = 32 << 20;
/// With less than this available a run with several workers is stopped, to go on with half of them.
const STOP_BELOW_BYTES: u64 = 32 << 20;

/// That of a million rows has some MiB.
const MOST_SUMMARY_BYTES: u64 = 64 << 20;

/// What the run is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) args: Vec<OsString>,
    /// The CSV file; `None` if this is not a run of the study (`phi`, `--list`, `--help`).
    pub(crate) out: Option<PathBuf>,
    /// The run's folder, unless the user asked for single files with `--out`.
    pub(crate) folder: Option<PathBuf>,
}

/// A finished run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Run {
    pub(crate) command: Vec<String>,
    pub(crate) out: Option<PathBuf>,
    /// Beside `out`.
    pub(crate) summary_file: Option<PathBuf>,
    /// Whether there were finished rows to go on from.
    pub(crate) resumed: bool,
    /// Complete rows in `out` before and after.
    pub(crate) n_rows_before: usize,
    pub(crate) n_rows: usize,
    pub(crate) exit_code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) interrupted: bool,
    pub(crate) seconds: f64,
    pub(crate) peak_bytes: u64,
    pub(crate) lowest_available_bytes: Option<u64>,
    /// Threads it was given in the end; `None` if that was left to the run.
    pub(crate) workers: Option<usize>,
    /// How often it was started again with fewer of them, because memory was short.
    pub(crate) n_restarts: usize,
    /// The kernel's kills for lack of memory meanwhile.
    pub(crate) memory_kills: KillCounters,
    /// The content of `summary_file`.
    pub(crate) summary: Option<serde_json::Value>,
}

/// The folder of the runs: outside `target`, so that `cargo clean` spares it.
pub(crate) fn default_runs(workspace_root: &Path) -> PathBuf {
    workspace_root.join("runs")
}

/// Complete the user's arguments by the run's name and the folder of the runs.
///
/// Output files that the user names with `--out` are left to the run, with everything the user says about them.
///
/// # Errors
/// `--force`, which would delete finished rows of a run folder.
pub(crate) fn arguments(user: &[OsString], default_runs: &Path) -> Result<Arguments, Coded> {
    let mut args = user.to_vec();
    let other_command = user.first().is_some_and(|it| !it.to_string_lossy().starts_with('-'));
    let has = |names: &[&str]| user.iter().any(|it| names.iter().any(|name| it == name));
    if other_command || has(&["--list", "--help", "-h", "--version", "-V"]) {
        return Ok(Arguments { args, out: None, folder: None });
    }
    if let Some(out) = value_of(user, "--out") {
        return Ok(Arguments { args, out: Some(out.into()), folder: None });
    }
    if has(&["--force"]) {
        let message = "--force is for files named with --out; `cargo xtask validate --fresh` starts over and keeps the \
                       old results";
        return Err(Coded { exit: Exit::Usage, message: message.into() });
    }
    // A run folder goes on by itself.
    args.retain(|it| it != "--resume");
    let name = value_of(user, "--run").unwrap_or_else(|| {
        args.extend(["--run".into(), DEFAULT_RUN.into()]);
        DEFAULT_RUN.into()
    });
    let runs = value_of(user, "--runs").unwrap_or_else(|| {
        args.extend(["--runs".into(), default_runs.into()]);
        default_runs.into()
    });
    let folder = Path::new(&runs).join(name);
    Ok(Arguments { args, out: Some(folder.join("results.csv")), folder: Some(folder) })
}

/// `--name VALUE` or `--name=VALUE`.
pub(crate) fn value_of(args: &[OsString], name: &str) -> Option<OsString> {
    args.iter().enumerate().find_map(|(index, arg)| {
        if arg == OsStr::new(name) {
            return args.get(index + 1).cloned();
        }
        arg.to_str()?.strip_prefix(name)?.strip_prefix('=').map(OsString::from)
    })
}

/// The arguments by which a run in a folder keeps the record of its build, if there is one.
pub(crate) fn build_record(arguments: &Arguments, target_dir: &Path) -> Vec<OsString> {
    let record = target_dir.join("xtask").join("build.json");
    if arguments.folder.is_none() || !record.is_file() {
        return Vec::new();
    }
    vec!["--build-record".into(), record.into()]
}

/// Have the study's program check all arguments and move an old run of this name aside: it knows which folders are
/// its runs, and says where the old results are.
///
/// # Errors
/// It refuses, and has said why; its exit code is passed on.
pub(crate) fn set_aside(
    program: &Path,
    question: &[&str],
    args: &[OsString],
    console: &Console,
) -> anyhow::Result<()> {
    let mut command = Command::new(program);
    // The flag before what the user wrote, which may name a command of its own: `phi`.
    command.args(question).arg("--set-aside").args(args);
    let care = Care { patience: Patience::Short, expendable: false, stop_below_bytes: None };
    let watched = supervise(&command, Streams::piped(), care, |piece| match piece {
        Piece::Stdout(bytes) | Piece::Stderr(bytes) => console.pass_through(bytes),
        Piece::Stopping | Piece::Available(_) => {}
    })?;
    watched.left.say(console);
    match exit(watched.ending, watched.interrupted) {
        Exit::Success => Ok(()),
        exit => {
            bail!(Coded { exit, message: "--fresh: nothing was moved and nothing begun".into() })
        }
    }
}

/// Rows after the header; a last line that a crash has cut short does not count.
fn n_rows(out: &Path) -> usize {
    let Some(file) =
        fs::metadata(out).ok().filter(fs::Metadata::is_file).and_then(|_| fs::File::open(out).ok())
    else {
        return 0;
    };
    let (mut from, mut n_lines) = (BufReader::new(file), 0);
    while let Ok(bytes @ [_, ..]) = from.fill_buf() {
        n_lines += bytes.iter().filter(|it| **it == b'\n').count();
        let n = bytes.len();
        from.consume(n);
    }
    n_lines.saturating_sub(1)
}

/// How many workers there is room for.
pub(crate) fn workers(available_bytes: u64, n_cpus: usize) -> usize {
    let room = available_bytes.saturating_sub(SHARED_BYTES) / WORKER_BYTES;
    usize::try_from(room).unwrap_or(usize::MAX).clamp(1, n_cpus.max(1))
}

/// Run the study (or whatever the arguments ask of it) and wait for its end.
///
/// `available_bytes` and `n_cpus` decide on the workers of the study; `None` leaves them to the program, as does a user who
/// says `--jobs` or asks for files instead of a folder, in which it could not go on.
pub(crate) fn run(
    program: &Path,
    arguments: &Arguments,
    room: Option<(u64, usize)>,
    console: &Console,
) -> anyhow::Result<Run> {
    let out = arguments.out.as_deref();
    let n_rows_before = out.map_or(0, n_rows);
    let kills_before = KillCounters::read(Path::new("/"));
    let free = value_of(&arguments.args, "--jobs").is_none() && arguments.folder.is_some();
    let room = room.filter(|_| free);
    // As many as there are CPUs is what the run does by itself.
    let mut count = room.map(|(available, n_cpus)| workers(available, n_cpus));
    let mut given = count.filter(|it| room.is_some_and(|(_, n_cpus)| *it < n_cpus));
    if let Some(n) = given {
        console.note(&format!("memory for {n} worker{}", if n == 1 { "" } else { "s" }));
    }
    let (mut seconds, mut peak_bytes, mut lowest, mut n_restarts) = (0.0, 0, None, 0);
    loop {
        let mut args = arguments.args.clone();
        args.extend(given.iter().flat_map(|it| ["--jobs".into(), it.to_string().into()]));
        let mut command = Command::new(program);
        command.args(&args);
        let streams = Streams {
            // The run is not in the terminal's foreground group: reading from the terminal would stop it.
            stdin: if io::stdin().is_terminal() { Stdio::null() } else { Stdio::inherit() },
            // With JSON, stdout is for the one document.
            stdout: match console.format() {
                Format::Text => Stdio::inherit(),
                Format::Json => Stdio::piped(),
            },
            stderr: Stdio::inherit(),
        };
        let stop_below = |available: u64| STOP_BELOW_BYTES.min(available / 4);
        let stop_below_bytes =
            room.filter(|_| count > Some(1)).map(|(available, _)| stop_below(available));
        let patience = Patience::UntilAskedAgain;
        let care = Care { patience, expendable: false, stop_below_bytes };
        let kills = KillCounters::read(Path::new("/"));
        let watched = supervise(&command, streams, care, |piece| match piece {
            Piece::Stdout(bytes) | Piece::Stderr(bytes) => console.pass_through(bytes),
            Piece::Stopping => {
                console.stopping("asked the run to stop; again: kill it (finished rows are kept)");
            }
            Piece::Available(bytes) => say_available(bytes, console),
        })?;
        watched.left.say(console);
        seconds += watched.seconds;
        peak_bytes = watched.peak_bytes.max(peak_bytes);
        lowest = [lowest, watched.lowest_available_bytes].into_iter().flatten().min();
        let kills = KillCounters::read(Path::new("/")).since(kills);
        let was_killed = watched.ending.signal == Some(9) && kills.moved();
        let gave_way = watched.stopped_for_memory && watched.ending.code == Some(130);
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
        let in_folder = arguments.folder.as_ref().map(|it| it.join("summary.json"));
        let beside = || out.map(|it| it.with_extension("summary.json"));
        let summary_file = in_folder.or_else(beside).filter(|it| it.exists());
        let words = [program.as_os_str()].into_iter().chain(args.iter().map(AsRef::as_ref));
        return Ok(Run {
            command: words.map(|it| it.to_string_lossy().into_owned()).collect(),
            out: arguments.out.clone(),
            resumed: n_rows_before > 0,
            n_rows_before,
            n_rows: out.map_or(0, n_rows),
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
    match ending {
        Ending { code: Some(0), .. } => Exit::Success,
        Ending { code: Some(130), .. } => Exit::Interrupted,
        Ending { signal: Some(_), .. } if interrupted => Exit::Interrupted,
        Ending { code: Some(2), .. } => Exit::Usage,
        Ending { signal: Some(signal), .. } => {
            Exit::RunSignal(u8::try_from(signal).unwrap_or(u8::MAX))
        }
        Ending { .. } => Exit::Internal,
    }
}

impl Run {
    /// How the run ended and what to do next.
    pub(crate) fn say(&self, exit: Exit, console: &mut Console) {
        let out = self.out_shown().unwrap_or_default();
        let rows = |n: usize| if n == 1 { "1 row".to_owned() } else { format!("{n} rows") };
        let resume = "`cargo xtask validate` with the same arguments goes on from there";
        let time = duration(self.seconds.round() as u64);
        match exit {
            Exit::Success if self.out.is_none() => {}
            Exit::Success if self.n_rows == self.n_rows_before && self.n_rows > 0 => console.note(&format!(
                "{out} was complete already ({}); nothing was computed. `--fresh` starts over",
                rows(self.n_rows)
            )),
            Exit::Success => console.note(&format!(
                "{} in {out} after {time}, peak memory {}",
                rows(self.n_rows),
                bytes(self.peak_bytes)
            )),
            Exit::Interrupted => {
                console.note(&format!("stopped after {time} with {} in {out}; {resume}", rows(self.n_rows)));
            }
            // The run has said what is wrong; only what xtask can do about it is added.
            Exit::Usage if self.out.is_some() => console.note(
                "if it is the output: choose another (`-- --run NAME`, `-- --out FILE.csv`), or start over \
                 with `--fresh`, which keeps the old results",
            ),
            Exit::RunSignal(signal) => {
                let memory = if self.memory_kills.moved() {
                    "; the kernel killed it for lack of memory".to_owned()
                } else {
                    String::new()
                };
                console.warning(
                    &format!(
                        "the run was ended by {}{memory}; {} are in {out}",
                        signal_name(signal.into()),
                        rows(self.n_rows)
                    ),
                    resume,
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
            _ => {}
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

    fn completed(user: &[&str]) -> Result<Arguments, Coded> {
        let user: Vec<OsString> = user.iter().map(OsString::from).collect();
        arguments(&user, Path::new("/w/runs"))
    }

    #[track_caller]
    fn check(user: &[&str], args: &[&str], out: Option<&str>, folder: Option<&str>) {
        let arguments = completed(user).unwrap();
        assert_eq!(arguments.args, args, "{user:?}");
        assert_eq!(arguments.out.as_deref(), out.map(Path::new), "{user:?}");
        assert_eq!(arguments.folder.as_deref(), folder.map(Path::new), "{user:?}");
    }

    #[test]
    fn the_run_s_folder_is_added_unless_the_user_names_one_or_files() {
        let (csv, folder) = ("/w/runs/validation/results.csv", "/w/runs/validation");
        let added = ["--run", "validation", "--runs", "/w/runs"];
        check(&[], &added, Some(csv), Some(folder));
        check(&["--resume"], &added, Some(csv), Some(folder));
        let args = [&["--sizes", "5,6"], &added[..]].concat();
        check(&["--sizes", "5,6"], &args, Some(csv), Some(folder));
        check(
            &["--run", "pilot"],
            &["--run", "pilot", "--runs", "/w/runs"],
            Some("/w/runs/pilot/results.csv"),
            Some("/w/runs/pilot"),
        );
        check(
            &["--runs=/x", "--run=pilot"],
            &["--runs=/x", "--run=pilot"],
            Some("/x/pilot/results.csv"),
            Some("/x/pilot"),
        );
        check(&["--out", "x.csv"], &["--out", "x.csv"], Some("x.csv"), None);
        check(&["--out=x.csv", "--force"], &["--out=x.csv", "--force"], Some("x.csv"), None);
        check(&["phi", "--network", "n.json"], &["phi", "--network", "n.json"], None, None);
        check(&["runs"], &["runs"], None, None);
        check(&["--list"], &["--list"], None, None);
        check(&["--sizes", "5", "--help"], &["--sizes", "5", "--help"], None, None);
        let refused = completed(&["--force"]).unwrap_err();
        assert_eq!(refused.exit, Exit::Usage);
    }

    #[test]
    fn there_are_as_many_workers_as_there_is_room_for() {
        let mib = |it: u64| it << 20;
        for (available, n_cpus, expected) in
            [(0, 8, 1), (79, 8, 1), (128, 8, 2), (300, 8, 5), (9999, 8, 8), (9999, 0, 1)]
        {
            assert_eq!(workers(mib(available), n_cpus), expected, "{available} MiB, {n_cpus} CPUs");
        }
    }

    #[test]
    fn a_row_cut_short_is_not_counted() {
        let sh = xshell::Shell::new().unwrap();
        let dir = sh.create_temp_dir().unwrap();
        let out = dir.path().join("results.csv");
        assert_eq!(n_rows(&out), 0);
        for (text, expected) in [("", 0), ("topology,n\n", 0), ("topology,n\nring,5\nst", 1)] {
            sh.write_file(&out, text).unwrap();
            assert_eq!(n_rows(&out), expected, "{text:?}");
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
