//! A build within the memory there is: look, make room if it was asked for, wait, climb the ladder.

use std::{
    io::{self, IsTerminal as _},
    mem,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};

use super::{
    BuildRequest, Host, WaitTimeout,
    look::Look,
    make_room::{self, NamedProgram, PausedPrograms},
    wait,
};
use crate::{
    build::{
        attempt::{self, Attempt},
        outcome::Outcome,
    },
    build_ledger::Observation,
    child::interrupt,
    console::Console,
    escape::terminal,
    exit::{Coded, Exit},
    guard::learn_for_all,
    plan::obstacle,
    workspace::build_lock::BuildLock,
};

/// The result of a build.
#[derive(Debug)]
pub struct BuildResult {
    /// The workspace's root.
    pub root: PathBuf,
    /// The target folder.
    pub target_dir: PathBuf,
    /// `true` if it was the host's default target.
    pub is_default_target: bool,
    /// Executables that were built, in cargo's order. Empty if there is nothing to run.
    pub executables: Vec<PathBuf>,
    /// The exit code it calls for.
    pub exit: Exit,
}

impl BuildResult {
    /// Prints the paths of the executables, as the result of a command that only builds.
    pub fn show(&self, console: &Console) {
        // For a program that reads it, the path is the path.
        let is_shown = io::stdout().is_terminal();
        let shown = |it: &str| if is_shown { terminal(it) } else { it.to_owned() };
        for it in &self.executables {
            console.result(&format!("{}\n", shown(&it.to_string_lossy())));
        }
    }

    fn new(look: &Look, executables: Vec<PathBuf>, exit: Exit) -> BuildResult {
        BuildResult {
            root: look.workspace.root.clone(),
            target_dir: look.workspace.target_dir.clone(),
            is_default_target: look.workspace.is_default_target,
            executables,
            exit,
        }
    }
}

/// Looks, stops what was named, builds, and offers to make room if nothing fitted.
///
/// # Errors
/// If the machine or the workspace cannot be looked at, cargo cannot be started, or the wait timed
/// out.
pub fn build(
    host: &Host,
    request: &BuildRequest,
    console: &mut Console,
) -> anyhow::Result<BuildResult> {
    let BuildRequest { selection, choice, strict, yes, dry_run, room, show_checks } = request;
    let take = |console: &mut Console| Look::take(host, selection, *choice, *strict, console);
    // What is not ready yet is no verdict if it is waited for.
    let verdict = room.wait.is_none() || *dry_run;
    let mut look = take(console)?;
    let tell = |look: &Look, console: &mut Console| match *dry_run || *show_checks {
        true => look.show(console),
        false => look.preflight.say_briefly(&look.plan, verdict, console),
    };
    tell(&look, console);
    let pause = make_room::named(&look.resources, &room.pause)?;
    let stop = make_room::named(&look.resources, &room.stop)?;
    if *dry_run {
        console.result(&look.plan.shown(&look.resources));
        for it in pause {
            console.would(&format!("would pause process {} ({})", it.root.pid, it.name));
        }
        for it in stop {
            console.would(&format!("would ask process {} ({}) to end", it.root.pid, it.name));
        }
        let exit = if look.preflight.ready { Exit::Success } else { Exit::NotReady };
        return Ok(BuildResult::new(&look, Vec::new(), exit));
    }
    interrupt::install()?;

    // What is paused goes on when this is dropped.
    let mut paused = PausedPrograms::default();
    let by_name = !(pause.is_empty() && stop.is_empty());
    let made_room = if by_name {
        make_room(&look, &mut paused, &pause, &stop, console)?;
        true
    } else {
        // Option D asks; so does a plan in which nothing fits, unless it is waited for.
        let nothing_fits = look.plan.order.is_empty() && !yes && room.wait.is_none();
        (look.plan.make_room_first || nothing_fits) && ask_for_room(&look, &mut paused, console)?
    };
    if look.plan.make_room_first && !made_room {
        console.note("nothing was paused or stopped, so option d has nothing to build on");
        return Ok(BuildResult::new(&look, Vec::new(), Exit::NotReady));
    }
    if made_room {
        look = take(console)?;
        tell(&look, console);
    }
    if let Some(patience) = room.wait {
        wait_for_room(host, &mut look, request, patience, console)?;
    }
    if *yes && look.plan.order.is_empty() {
        look.plan = look.plan.with_the_most_frugal();
    }
    if !look.preflight.ready && !yes {
        return Ok(BuildResult::new(&look, Vec::new(), Exit::NotReady));
    }

    let wait = room.longest_wait();
    let mut attempts = climb(host, &mut look, wait, console)?;
    if attempt::exit(&attempts) == Exit::OutOfMemory {
        attempt::say_nothing_fitted(&attempts, console);
        if ask_for_room(&look, &mut paused, console)? {
            look = take(console)?;
            tell(&look, console);
            attempts = climb(host, &mut look, wait, console)?;
        }
    }
    let exit = attempt::exit(&attempts);
    let executables = finished(host, &look, attempts)?;
    if !executables.is_empty() {
        console.record("executables", &executables);
    }
    if !paused.is_empty() {
        drop(paused);
        console.note("what was paused goes on");
    }
    Ok(BuildResult::new(&look, executables, exit))
}

fn climb(
    host: &Host,
    look: &mut Look,
    wait: Duration,
    console: &mut Console,
) -> anyhow::Result<Vec<Attempt>> {
    if let Some(start) = look.plan.start() {
        let name = start.strategy.name();
        console.note(&format!("building with option {name}: {}", look.plan.reason));
        if look.plan.by_name {
            console.note(&format!("option {name}: {}", start.finding));
        }
        look.plan.say_price(start, host.debug_build_hint, console);
    }
    let hint = host.debug_build_hint;
    let Look { workspace, plan, ledger, .. } = &*look;
    let attempts = attempt::build(workspace, plan, ledger, wait, hint, console)?;
    for it in &attempts {
        let rung = look.plan.rungs.iter().find(|rung| rung.strategy == it.strategy);
        let observation = Observation {
            peak_bytes: it.peak_bytes,
            seconds: it.seconds,
            complete: it.outcome == Outcome::Built && it.n_fresh == 0 && !it.was_stalled(),
        };
        if let Some(rung) = rung.filter(|_| it.n_compiled > 0) {
            look.ledger.observe_build(rung.key.clone(), observation);
        }
        let Some(rung) = rung else { continue };
        for seen in &it.observed {
            look.ledger.observe_unit(attempt::unit_key(&seen.unit, &rung.key), seen.into());
        }
        let observed = it.observed.iter().map(|seen| (seen, rung.key.profile.as_str()));
        learn_for_all(observed, &rung.key.toolchain);
    }
    let (target_dir, reason) = (&look.workspace.target_dir, &look.plan.reason);
    if let Err(error) = attempt::write_record(target_dir, reason, &attempts) {
        console.warning(&format!("{error:#}"), "there is no record of this build");
    }
    // The build has succeeded even if the ledger cannot be saved.
    if let Err(error) = look.ledger.save() {
        console.warning(&format!("{error:#}"), "the next build will not know what this one needed");
    }
    Ok(attempts)
}

/// Shows the programs that could be paused or stopped, asks, and does what was said. Whether
/// anything was paused or stopped.
fn ask_for_room(
    look: &Look,
    paused: &mut PausedPrograms,
    console: &mut Console,
) -> anyhow::Result<bool> {
    let Some(chosen) = make_room::ask(&look.resources, console)? else { return Ok(false) };
    if chosen.is_empty() {
        return Ok(false);
    }
    let pause = make_room::named(&look.resources, &chosen.pause)?;
    let stop = make_room::named(&look.resources, &chosen.stop)?;
    make_room(look, paused, &pause, &stop, console)?;
    Ok(true)
}

fn make_room(
    look: &Look,
    paused: &mut PausedPrograms,
    pause: &[NamedProgram],
    stop: &[NamedProgram],
    console: &mut Console,
) -> anyhow::Result<()> {
    make_room::say_stopped(&make_room::stop(stop), console);
    make_room::say_paused(&paused.pause(pause)?, &look.resources, console);
    Ok(())
}

/// Looks again and again until nothing stands in the way.
///
/// # Errors
/// If the time is up, or waiting cannot help.
fn wait_for_room(
    host: &Host,
    look: &mut Look,
    request: &BuildRequest,
    patience: WaitTimeout,
    console: &mut Console,
) -> anyhow::Result<()> {
    let BuildRequest { choice, strict, yes, .. } = *request;
    let mut is_first = true;
    let waited = wait::until_clear(patience, console, || {
        if !mem::replace(&mut is_first, false) {
            look.refresh(host, choice, strict)?;
        }
        if !look.preflight.can_be_waited_for() && !yes {
            let message = "not ready, and waiting cannot help: see what fails above".to_owned();
            bail!(Coded { exit: Exit::NotReady, message });
        }
        if let Some(message) = obstacle::hopeless(&look.resources, &look.plan) {
            bail!(Coded { exit: Exit::NotReady, message });
        }
        let profile = look.plan.first_profile(&look.workspace);
        let lock = BuildLock::find(&look.workspace.target_dir, profile);
        Ok(obstacle::obstacles(&look.resources, &look.plan, &look.preflight, lock, strict))
    })?;
    if waited {
        look.record(console);
        look.preflight.say_briefly(&look.plan, false, console);
    }
    Ok(())
}

/// The executables of a build that worked. That of the host's default target must answer `--help`.
fn finished(host: &Host, look: &Look, mut attempts: Vec<Attempt>) -> anyhow::Result<Vec<PathBuf>> {
    let Some(last) = attempts.pop().filter(|it| it.outcome == Outcome::Built) else {
        return Ok(Vec::new());
    };
    if let Some(target) = host.default_target.filter(|_| look.workspace.is_default_target) {
        let executable = last.executables.first().with_context(|| {
            format!("cargo succeeded, but named no executable for {}", target.example)
        })?;
        if !answers_help(executable) {
            bail!("{} was built, but `--help` fails", executable.display());
        }
    }
    Ok(last.executables)
}

fn answers_help(executable: &Path) -> bool {
    let mut command = Command::new(executable);
    command.arg("--help").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|it| it.success())
}
