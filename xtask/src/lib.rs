//! `cargo xtask`: preflight, a build that fits into memory, and the run.
//!
//! Resources are sampled into plain values, judged, turned into a plan, and only then acted on; every step hands the
//! next one a value, so the middle is tested without a machine.
//!
//! This is a library only for its own program, and for tests and fuzz targets, which reach its parsers
//! through [`fuzzing`]. Nothing in it is promised to other crates.

mod bench;
mod build;
mod cgroup;
mod cli;
mod cpu;
// The study's own file, so that there is one rule for names; xtask does not build the study, which it builds by need.
#[allow(dead_code, unreachable_pub, reason = "it escapes for more places than xtask has")]
#[path = "../../src/escape.rs"]
mod escape;
mod exec;
mod exit;
mod figures;
mod files;
#[doc(hidden)]
pub mod fuzzing;
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux has a guard"))]
mod guard;
mod interrupt;
mod keeper;
mod ledger;
mod live;
mod make_room;
mod numbers;
mod outcome;
mod plan;
mod preflight;
mod process;
mod profile;
mod report;
mod resources;
mod run;
mod slurm;
mod strategy;
mod study;
mod supervise;
mod wait;
mod watchdog;
mod workspace;

use std::{
    env, mem,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio, Termination as _},
};

use anyhow::{Context as _, bail};
use clap::Parser as _;
use xshell::Shell;

use crate::{
    build::Attempt,
    cli::{BuildFlags, Choice, Cli, Format, Selection},
    exit::{Coded, Exit},
    guard::{Guard, Observed},
    ledger::{Ledger, Observation},
    make_room::{Named, Room},
    outcome::Outcome,
    plan::{Facts, Plan},
    preflight::Preflight,
    report::Report,
    resources::Resources,
    wait::Patience,
    workspace::{Toolchain, Workspace},
};

/// The whole program.
#[doc(hidden)]
pub fn main() -> ExitCode {
    // One program: as cargo's wrapper around rustc it is another one, and has to be quick.
    if let Some(code) = guard::entered().or_else(keeper::entered) {
        return code;
    }
    run().report()
}

fn run() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return report::usage(&error),
    };
    match cli.command {
        cli::Command::Watchdog => {
            watchdog::serve();
            Exit::Success
        }
        cli::Command::Preflight(it) => it.run(),
        cli::Command::Plan(it) => it.run(),
        cli::Command::Build(it) => it.run(),
        cli::Command::Validate(it) => it.run(),
        cli::Command::Exec(it) => it.run(),
        cli::Command::Report(it) => it.run(),
        cli::Command::Runs(it) => it.run(),
        cli::Command::Merge(it) => it.run(),
        cli::Command::Bench(it) => it.run(),
    }
}

impl cli::Preflight {
    fn run(&self) -> Exit {
        let mut report = Report::new("preflight", self.judgement.format, false);
        let outcome = Look::at(&self.selection, self.option, self.judgement.strict, &mut report)
            .map(|look| if look.preflight.ready { Exit::Success } else { Exit::NotReady });
        report.finish(outcome)
    }
}

impl cli::Plan {
    fn run(&self) -> Exit {
        let mut report = Report::new("plan", self.format, false);
        let outcome = Look::at(&self.selection, self.option, false, &mut report).map(|look| {
            report.plan(&look.plan, &look.resources);
            if look.plan.order.is_empty() { Exit::NotReady } else { Exit::Success }
        });
        report.finish(outcome)
    }
}

impl cli::Build {
    fn run(&self) -> Exit {
        let mut report = Report::new("build", self.flags.judgement.format, self.flags.dry_run);
        let dry_run = self.flags.dry_run;
        let outcome = build_example(&self.flags, dry_run, &mut report).map(|it| it.exit);
        report.finish(outcome)
    }
}

impl cli::Validate {
    fn run(&self) -> Exit {
        let mut report = Report::new("validate", self.flags.judgement.format, self.flags.dry_run);
        let outcome = self.validate(&mut report);
        report.finish(outcome)
    }

    fn validate(&self, report: &mut Report) -> anyhow::Result<Exit> {
        if self.cluster.on.is_some() {
            if self.flags.selection.names_a_target() || !Look::is_study(&self.flags.selection)? {
                let message = "only this project's study runs on a cluster: leave out --example and --bin, or --on";
                bail!(Coded { exit: Exit::Usage, message: message.into() });
            }
            return slurm::validate(self, report);
        }
        // Bad arguments are told before anything is built.
        let runs = |root: &Path| run::arguments(&self.run_args, &run::default_runs(root));
        let has_folder = runs(Path::new(""))?.folder.is_some();
        if self.fresh && !has_folder {
            let message = "--fresh is for runs in folders; with --out, give the run --force";
            bail!(Coded { exit: Exit::Usage, message: message.into() });
        }
        let is_study = Look::is_study(&self.flags.selection)?;
        if !self.flags.selection.names_a_target() && !is_study {
            let message =
                "this is not the workspace of the study: name what to run with --example or --bin";
            bail!(Coded { exit: Exit::Usage, message: message.into() });
        }
        if self.fresh && !is_study {
            let message =
                "--fresh is for this project's study, which knows the folders of its runs";
            bail!(Coded { exit: Exit::Usage, message: message.into() });
        }
        let built = build_example(&self.flags, self.flags.dry_run, report)?;
        let mut arguments = runs(&built.look.workspace.root)?;
        let record = study::build_record(&arguments, &built.look.workspace.target_dir);
        arguments.args.extend(record);
        if self.flags.dry_run {
            let words: Vec<_> = arguments.args.iter().map(|it| it.to_string_lossy()).collect();
            report.would(&format!("would run it with {}", words.join(" ")));
        }
        let Some(executable) = built.executables.first() else { return Ok(built.exit) };
        if self.fresh {
            run::set_aside(executable, &[], &arguments.args, report)?;
        }
        if arguments.out.as_ref().is_some_and(|it| it.is_file())
            && let Some(folder) = &arguments.folder
        {
            report.note(&format!("going on in {}", folder.display()));
        }
        // What there is now, after the build.
        let room = if built.look.workspace.is_study {
            let now = Resources::sample(&built.look.workspace.target_dir)?;
            Some((now.available_bytes(), now.n_cpus))
        } else {
            None
        };
        let format = self.flags.judgement.format;
        let run = run::run(executable, &arguments, room, format, report)?;
        let exit = run::exit(run.ending(), run.interrupted);
        report.run(&run, exit);
        Ok(exit)
    }
}

impl cli::Exec {
    fn run(&self) -> Exit {
        let mut report = Report::new("exec", Format::Text, false);
        let outcome = self.exec(&mut report);
        report.finish(outcome)
    }

    fn exec(&self, report: &mut Report) -> anyhow::Result<Exit> {
        let mut room = Room::default();
        let resources = Resources::sample(&env::current_dir()?)?;
        let pause = make_room::named(&resources, &self.room.pause)?;
        let stop = make_room::named(&resources, &self.room.stop)?;
        interrupt::install()?;
        report.stopped(&make_room::stop(&stop));
        report.paused(&room.pause(&pause)?, &resources);
        if let Some(patience) = self.room.wait {
            let here = env::current_dir()?;
            wait::until_clear(patience, report, || {
                Ok(wait::obstacles_to_a_command(&Resources::sample(&here)?))
            })?;
        }
        // Of the workspace around, if the command builds in that one; it need not.
        let sh = Shell::new()?;
        let has_manifest = |it: &Path| it.join("Cargo.toml").is_file();
        let around = env::current_dir()?.ancestors().any(has_manifest);
        let around = around.then(|| Workspace::locate(&sh, &Selection::default()).ok()).flatten();
        let target_dir = around.map(|it| it.target_dir);
        let toolchain = Toolchain::sample(&sh).key();
        let run = exec::exec(&self.command, target_dir.as_deref(), &toolchain, report)?;
        Ok(report.command_ended(&run))
    }
}

impl cli::Bench {
    fn run(&self) -> Exit {
        let mut report = Report::new("bench", self.format, false);
        let outcome = self.bench(&mut report);
        report.finish(outcome)
    }

    fn bench(&self, report: &mut Report) -> anyhow::Result<Exit> {
        let study =
            Selection { example: vec![workspace::STUDY.to_owned()], ..Selection::default() };
        let workspace = Workspace::locate(&Shell::new()?, &study)?;
        let (root, target) = (&workspace.root, &workspace.target_dir);
        if self.instructions {
            let Some(counts) = bench::count(root, target, self.bless)? else {
                report
                    .note("skipped: instructions are counted by valgrind, which is not installed");
                return Ok(Exit::Success);
            };
            let is_fine = self.bless || !counts.iter().any(bench::Count::is_too_large);
            report.counts(counts);
            return Ok(if is_fine { Exit::Success } else { Exit::Internal });
        }
        let repeat = usize::from(self.repeat);
        let say = |what: &str| report.note(what);
        let python = self.against_pyphi.as_deref();
        let measured = bench::measure(root, target, repeat, self.only.as_deref(), python, say)?;
        report.bench(measured);
        Ok(Exit::Success)
    }
}

/// A look at the machine and what follows from it.
struct Look {
    workspace: Workspace,
    toolchain: Toolchain,
    resources: Resources,
    plan: Plan,
    preflight: Preflight,
    ledger: Ledger,
}

impl Look {
    fn is_study(selection: &Selection) -> anyhow::Result<bool> {
        Ok(Workspace::locate(&Shell::new()?, selection)?.is_study)
    }

    fn at(
        selection: &Selection,
        choice: Choice,
        strict: bool,
        report: &mut Report,
    ) -> anyhow::Result<Look> {
        let sh = Shell::new()?;
        let workspace = Workspace::locate(&sh, selection)?;
        let toolchain = Toolchain::sample(&sh);
        let ledger = Ledger::load(&workspace.target_dir);
        if let Some(warning) = ledger.warning() {
            report.warning(warning, "nothing needs to be done");
        }
        let resources = Resources::sample(&workspace.target_dir)?;
        let (plan, preflight) = judge(&resources, &workspace, &toolchain, &ledger, choice, strict);
        report.preflight(&workspace, &toolchain, &resources, &plan, &preflight);
        Ok(Look { workspace, toolchain, resources, plan, preflight, ledger })
    }

    /// Look at the machine once more.
    fn refresh(&mut self, choice: Choice, strict: bool) -> anyhow::Result<()> {
        self.resources = Resources::sample(&self.workspace.target_dir)?;
        (self.plan, self.preflight) =
            judge(&self.resources, &self.workspace, &self.toolchain, &self.ledger, choice, strict);
        Ok(())
    }
}

fn judge(
    resources: &Resources,
    workspace: &Workspace,
    toolchain: &Toolchain,
    ledger: &Ledger,
    choice: Choice,
    strict: bool,
) -> (Plan, Preflight) {
    let figures = workspace.is_study.then_some(&figures::STUDY_FIGURES);
    let jobs = env::var("CARGO_BUILD_JOBS").ok();
    let full_jobs = plan::full_jobs(jobs.as_deref(), resources.n_cpus);
    let key = toolchain.key();
    let guarded = Guard::IS_SUPPORTED;
    let facts =
        Facts { resources, workspace, toolchain: &key, ledger, figures, full_jobs, guarded };
    let plan = plan::plan(&facts, choice);
    let disk_need = figures.map_or(0, |it| it.disk_bytes());
    let preflight = preflight::judge(resources, toolchain, workspace, &plan, disk_need, strict);
    (plan, preflight)
}

/// What a build led to.
struct Built {
    look: Look,
    /// Empty if there is nothing to run.
    executables: Vec<PathBuf>,
    exit: Exit,
}

/// Look, stop what was named, build, and offer to make room if nothing fitted.
fn build_example(flags: &BuildFlags, dry_run: bool, report: &mut Report) -> anyhow::Result<Built> {
    let strict = flags.judgement.strict;
    if flags.room.wait.is_some() && !dry_run {
        report.will_wait();
    }
    let mut look = Look::at(&flags.selection, flags.option, strict, report)?;
    let pause = make_room::named(&look.resources, &flags.room.pause)?;
    let stop = make_room::named(&look.resources, &flags.room.stop)?;
    if dry_run {
        report.plan(&look.plan, &look.resources);
        for it in pause {
            report.would(&format!("would pause process {} ({})", it.root.pid, it.name));
        }
        for it in stop {
            report.would(&format!("would ask process {} ({}) to end", it.root.pid, it.name));
        }
        let exit = if look.preflight.ready { Exit::Success } else { Exit::NotReady };
        return Ok(Built { look, executables: Vec::new(), exit });
    }
    interrupt::install()?;

    // Whatever is paused goes on when this is dropped.
    let mut room = Room::default();
    let by_name = !(pause.is_empty() && stop.is_empty());
    let made_room = if by_name {
        make_room(&look, &mut room, &pause, &stop, report)?;
        true
    } else {
        // Option D asks; so does a plan in which nothing fits, unless it is waited for.
        let nothing_fits = look.plan.order.is_empty() && !flags.yes && flags.room.wait.is_none();
        (look.plan.make_room_first || nothing_fits) && ask_for_room(&look, &mut room, report)?
    };
    if look.plan.make_room_first && !made_room {
        report.note("nothing was paused or stopped, so option d has nothing to build on");
        return Ok(Built { look, executables: Vec::new(), exit: Exit::NotReady });
    }
    if made_room {
        look = Look::at(&flags.selection, flags.option, strict, report)?;
    }
    if let Some(patience) = flags.room.wait {
        wait_for_room(&mut look, flags, patience, report)?;
    }
    if flags.yes && look.plan.order.is_empty() {
        look.plan = look.plan.with_the_most_frugal();
    }
    if !look.preflight.ready && !flags.yes {
        return Ok(Built { look, executables: Vec::new(), exit: Exit::NotReady });
    }

    let sh = Shell::new()?;
    let mut attempts = climb(&sh, &mut look, report)?;
    if build::exit(&attempts) == Exit::OutOfMemory {
        report.nothing_fitted(&attempts);
        if ask_for_room(&look, &mut room, report)? {
            look = Look::at(&flags.selection, flags.option, strict, report)?;
            attempts = climb(&sh, &mut look, report)?;
        }
    }
    let exit = build::exit(&attempts);
    let executables = finished(&look.workspace, attempts)?;
    report.built(&executables);
    if !room.is_empty() {
        drop(room);
        report.note("what was paused goes on");
    }
    Ok(Built { look, executables, exit })
}

fn climb(sh: &Shell, look: &mut Look, report: &mut Report) -> anyhow::Result<Vec<Attempt>> {
    if let Some(start) = look.plan.start() {
        report.note(&format!(
            "building with option {}: {}",
            start.strategy.name(),
            look.plan.reason
        ));
        if look.plan.by_name {
            report.note(&format!("option {}: {}", start.strategy.name(), start.finding));
        }
        report.price(start, &look.plan);
    }
    let attempts = build::build(sh, &look.workspace, &look.plan, &look.ledger, report)?;
    for it in &attempts {
        let rung = look.plan.rungs.iter().find(|rung| rung.strategy == it.strategy);
        let observation = Observation {
            peak_bytes: it.peak_bytes,
            seconds: it.seconds,
            complete: it.outcome == Outcome::Built && it.n_fresh == 0,
        };
        if let Some(rung) = rung.filter(|_| it.n_compiled > 0) {
            look.ledger.observe_build(rung.key.clone(), observation);
        }
        let Some(rung) = rung else { continue };
        for seen in &it.observed {
            let Observed { peak_bytes, seconds, complete, .. } = *seen;
            let observation = Observation { peak_bytes, seconds, complete };
            look.ledger.observe_unit(build::unit_key(&seen.unit, &rung.key), observation);
        }
    }
    let (target_dir, reason) = (&look.workspace.target_dir, &look.plan.reason);
    if let Err(error) = build::write_record(target_dir, reason, &attempts) {
        report.warning(&format!("{error:#}"), "there is no record of this build");
    }
    // Lost knowledge is no reason to fail a build.
    if let Err(error) = look.ledger.save() {
        report.warning(&format!("{error:#}"), "the next build will not know what this one needed");
    }
    Ok(attempts)
}

/// Show who could be paused or stopped, ask, and do what was said. Whether anything was.
fn ask_for_room(look: &Look, room: &mut Room, report: &mut Report) -> anyhow::Result<bool> {
    let Some(chosen) = make_room::ask(&look.resources, report)? else { return Ok(false) };
    if chosen.is_empty() {
        return Ok(false);
    }
    let pause = make_room::named(&look.resources, &chosen.pause)?;
    let stop = make_room::named(&look.resources, &chosen.stop)?;
    make_room(look, room, &pause, &stop, report)?;
    Ok(true)
}

fn make_room(
    look: &Look,
    room: &mut Room,
    pause: &[Named],
    stop: &[Named],
    report: &mut Report,
) -> anyhow::Result<()> {
    report.stopped(&make_room::stop(stop));
    report.paused(&room.pause(pause)?, &look.resources);
    Ok(())
}

/// Look again and again until nothing stands in the way.
///
/// # Errors
/// Time is up, or waiting cannot help.
fn wait_for_room(
    look: &mut Look,
    flags: &BuildFlags,
    patience: Patience,
    report: &mut Report,
) -> anyhow::Result<()> {
    let strict = flags.judgement.strict;
    let mut is_first = true;
    let waited = wait::until_clear(patience, report, || {
        if !mem::replace(&mut is_first, false) {
            look.refresh(flags.option, strict)?;
        }
        if !look.preflight.can_be_waited_for() && !flags.yes {
            let message = "not ready, and waiting cannot help: see what fails above".to_owned();
            bail!(Coded { exit: Exit::NotReady, message });
        }
        if let Some(message) = wait::hopeless(&look.resources, &look.plan) {
            bail!(Coded { exit: Exit::NotReady, message });
        }
        let lock = wait::lock(&look.workspace, look.plan.start());
        Ok(wait::obstacles(&look.resources, &look.plan, &look.preflight, lock, strict))
    })?;
    if waited {
        let Look { workspace, toolchain, resources, plan, preflight, .. } = look;
        report.preflight(workspace, toolchain, resources, plan, preflight);
    }
    Ok(())
}

/// The executables of a build that worked; the study's must answer `--help`.
fn finished(workspace: &Workspace, mut attempts: Vec<Attempt>) -> anyhow::Result<Vec<PathBuf>> {
    let Some(last) = attempts.pop().filter(|it| it.outcome == Outcome::Built) else {
        return Ok(Vec::new());
    };
    if workspace.is_study {
        let executable = last.executables.first();
        let executable = executable.with_context(|| {
            format!("cargo succeeded, but named no executable for {}", workspace::STUDY)
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
