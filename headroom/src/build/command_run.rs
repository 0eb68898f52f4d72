//! `exec`: any command that builds with cargo underneath, watched as a build is.
//!
//! Nothing is chosen for it and nothing but single compilers is tried again: what the command does
//! besides building is not known here. It runs under the guard, in a process group of its own that
//! is ended with it; its death for lack of memory is recognised, and otherwise its own exit code is
//! passed on.

use std::{
    env,
    ffi::OsString,
    io::{self, ErrorKind, IsTerminal as _},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    build::{
        attempt::{KILLED_HINT, unit_key},
        outcome::{ENDED_AFTER_A_KILL_HINT, MemoryCurve, Outcome, Symptoms, classify},
        supervise::{
            GuardNews, InterruptPolicy, Lines, OutputPiece, Supervision, say_available,
            supervise_guarded,
        },
    },
    build_ledger::{BuildKey, BuildLedger, UnitKey},
    child::{Ending, NotStarted, keeper::Streams},
    console::Console,
    exit::{Coded, Exit},
    files::remove_unfinished,
    guard::{Guard, ObservedRun, Unit, known_for_all, learn_for_all},
    machine::cgroup::KillCounters,
    numbers::bytes,
    workspace::toolchain::Toolchain,
};

/// A command that has ended.
#[derive(Clone, Debug)]
pub(crate) struct CommandRun {
    pub(crate) ending: Ending,
    pub(crate) outcome: Outcome,
    /// Observations that support the outcome.
    pub(crate) evidence: Vec<String>,
    pub(crate) seconds: f64,
    pub(crate) peak_bytes: u64,
}

/// The profile under which the ledger remembers the command's compilers: its real one is not known.
/// No plan is made from these figures, and every later `exec` starts with them.
const PROFILE: &str = "exec";

/// Runs the command and stays until all of it has ended. `target_dir` is that of the workspace
/// around, if there is one: its ledger tells what compilers need, and learns it. Memory that other
/// programs have taken meanwhile is waited for at least as long as `wait` says. With `run_too` the
/// programs that cargo runs are held back, too.
///
/// # Errors
/// If the command cannot be started.
pub(crate) fn run(
    words: &[OsString],
    target_dir: Option<&Path>,
    toolchain: &Toolchain,
    wait: Duration,
    run_too: bool,
    console: &Console,
) -> anyhow::Result<CommandRun> {
    let runner = run_too.then(|| toolchain.runner_variable());
    let toolchain = &toolchain.key();
    if let Some(target_dir) = target_dir {
        remove_unfinished(&target_dir.join("xtask"));
    }
    let (program, args) =
        words.split_first().map_or((OsString::new(), words), |(a, b)| (a.clone(), b));
    let mut command = Command::new(program);
    command.args(args);
    let streams = Streams {
        // It is not in the terminal's foreground group: reading from the terminal would stop it.
        stdin: if io::stdin().is_terminal() { Stdio::null() } else { Stdio::inherit() },
        stdout: Stdio::inherit(),
        stderr: Stdio::piped(),
    };
    // cargo sees a pipe where there is a terminal.
    if Console::stderr_has_color() && env::var_os("CARGO_TERM_COLOR").is_none() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let kills_before = KillCounters::read(Path::new("/"));
    let mut symptoms = Symptoms::default();
    let mut stderr = Lines::default();
    let supervision =
        Supervision { patience: InterruptPolicy::Short, expendable: true, stop_below_bytes: None };
    let guard = Guard::start(
        target_dir,
        &mut command,
        wait,
        runner.as_deref(),
        known(target_dir, toolchain),
    );
    let guard = Guard::or_warning(guard, console);
    let watched = supervise_guarded(
        &command,
        streams,
        supervision,
        guard.as_ref(),
        |piece| match piece {
            OutputPiece::Stdout(bytes) => console.pass_through(bytes),
            OutputPiece::Stderr(bytes) => {
                console.pass_through(bytes);
                stderr.push(bytes, |line| symptoms.read(line));
            }
            OutputPiece::Stopping => console.stopping("stopping the command"),
            OutputPiece::Available(bytes) => say_available(bytes, console),
        },
        |news| match news {
            GuardNews::Event(event) => event.say(console),
            // The command may draw on the terminal itself.
            GuardNews::Live(_) => {}
        },
    )
    .map_err(not_started)?;
    watched.left.say(console);
    let record = guard.map(|it| {
        let (record, observed) = it.finish();
        record.say_unguarded(console);
        learn_for_all(observed.iter().map(|it| (it, PROFILE)), toolchain);
        if let Err(error) = learn(target_dir, toolchain, &observed) {
            console.warning(
                &format!("{error:#}"),
                "the next build will not know what this one needed",
            );
        }
        record
    });
    let curve = record.as_ref().map(MemoryCurve::of).unwrap_or_default();
    stderr.finish(|line| symptoms.read(line));
    let kills = KillCounters::read(Path::new("/")).since(kills_before);
    let verdict = classify(watched.ending, &symptoms, kills, &curve, watched.interrupted);
    Ok(CommandRun {
        ending: watched.ending,
        outcome: verdict.outcome,
        evidence: verdict.evidence,
        seconds: watched.seconds,
        peak_bytes: record.map_or(watched.peak_bytes, |it| it.peak_bytes),
    })
}

/// A command that cannot be started ends as a shell has it end: with 127 if there is none, with 126
/// if it cannot be run.
fn not_started(error: anyhow::Error) -> anyhow::Error {
    let code = match error.downcast_ref::<NotStarted>().map(|it| it.0.kind()) {
        Some(ErrorKind::NotFound) => 127,
        Some(_) => 126,
        None => return error,
    };
    Coded { exit: Exit::Command(code), message: format!("{error:#}") }.into()
}

/// The most a unit has needed, whatever the profile: which one the command uses is not known.
fn known(
    target_dir: Option<&Path>,
    toolchain: &str,
) -> impl Fn(&Unit) -> Option<u64> + Send + 'static {
    let ledger = target_dir.map(BuildLedger::load);
    let of_user = known_for_all(Some(toolchain));
    move |unit| {
        let is_it = |key: &UnitKey| {
            (&key.package, &key.version, key.kind, &key.crate_name)
                == (&unit.package, &unit.version, unit.kind, &unit.crate_name)
        };
        let units = ledger.iter().flat_map(BuildLedger::units);
        let known = units.filter(|it| is_it(it.0)).map(|it| it.1.peak_bytes).max();
        known.or_else(|| of_user(unit))
    }
}

fn learn(
    target_dir: Option<&Path>,
    toolchain: &str,
    observed: &[ObservedRun],
) -> anyhow::Result<()> {
    let Some(target_dir) = target_dir else { return Ok(()) };
    let mut ledger = BuildLedger::load(target_dir);
    let build = BuildKey {
        selection: String::new(),
        profile: PROFILE.into(),
        jobs: 0,
        toolchain: toolchain.into(),
    };
    for seen in observed {
        ledger.observe_unit(unit_key(&seen.unit, &build), seen.into());
    }
    ledger.save()
}

impl CommandRun {
    /// Tells how it ended.
    pub(crate) fn say(&self, console: &Console) {
        let time = format!("{:.1} s", self.seconds);
        let peak = bytes(self.peak_bytes);
        match self.outcome {
            Outcome::OutOfMemory => {
                console.warning(
                    &format!("the command ran out of memory after {time}, peak {peak}"),
                    "try it with CARGO_BUILD_JOBS=1, wait for room (`--wait`), or make some \
                     (`--stop PID`)",
                );
                self.evidence.iter().for_each(|it| console.detail(&format!("because: {it}")));
            }
            Outcome::Killed => {
                let evidence = self.evidence.join("; ");
                console.warning(
                    &format!("the command was killed, and not by the kernel: {evidence}"),
                    KILLED_HINT,
                );
            }
            Outcome::Interrupted if !self.evidence.is_empty() => {
                let because = self.evidence.join("; ");
                console.warning(
                    &format!("the command was ended after {time}, and {because}"),
                    ENDED_AFTER_A_KILL_HINT,
                );
            }
            _ => console.note(&format!("ended after {time}, peak {peak}")),
        }
    }

    /// The exit code it calls for.
    pub(crate) fn exit(&self) -> Exit {
        let signal = |it: i32| u8::try_from(it).unwrap_or(u8::MAX);
        match (self.outcome, self.ending) {
            (Outcome::Built, _) => Exit::Success,
            (Outcome::OutOfMemory, _) => Exit::OutOfMemory,
            (Outcome::NeighbourKilled, _) => Exit::NeighbourKilled,
            (Outcome::Interrupted, _) => Exit::Interrupted,
            (_, Ending { signal: Some(it), .. }) => Exit::RunSignal(signal(it)),
            // Its own codes, which mean what it says they mean. Windows has larger ones.
            (_, Ending { code, .. }) => {
                Exit::Command(code.and_then(|it| u8::try_from(it).ok()).unwrap_or(1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_s_own_code_is_passed_on_unless_memory_ran_out() {
        let exit = |outcome, code, signal| {
            let ending = Ending { code, signal };
            CommandRun { ending, outcome, evidence: Vec::new(), seconds: 0.0, peak_bytes: 0 }.exit()
        };
        assert_eq!(exit(Outcome::Built, Some(0), None), Exit::Success);
        assert_eq!(exit(Outcome::CompileError, Some(101), None), Exit::Command(101));
        assert_eq!(exit(Outcome::CargoFailed, Some(3), None), Exit::Command(3));
        assert_eq!(exit(Outcome::CargoFailed, Some(70_000), None), Exit::Command(1));
        assert_eq!(exit(Outcome::Killed, None, Some(11)), Exit::RunSignal(11));
        assert_eq!(exit(Outcome::OutOfMemory, Some(101), None), Exit::OutOfMemory);
        assert_eq!(exit(Outcome::Interrupted, None, Some(2)), Exit::Interrupted);
    }
}
