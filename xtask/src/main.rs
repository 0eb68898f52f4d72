//! `cargo xtask`: preflight, a build that fits into memory, and the run.
//!
//! Resources are sampled into plain values, judged, turned into a plan, and only then acted on; every step hands the
//! next one a value, so the middle is tested without a machine.

mod bench;
mod build;
mod cgroup;
mod cli;
mod exit;
mod interrupt;
#[allow(dead_code, reason = "the guard and the plan use it from their next commits on")]
mod ledger;
mod make_room;
mod outcome;
mod plan;
mod preflight;
#[allow(dead_code, reason = "pausing uses the rest of it from its next commit on")]
mod process;
mod profile;
mod report;
mod resources;
mod run;
mod supervise;
#[allow(dead_code, reason = "the guard and pausing use it from their next commits on")]
mod watchdog;
mod workspace;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};
use clap::Parser as _;
use xshell::Shell;

use crate::{
    build::Attempt,
    cli::{BuildFlags, Choice, Cli, Selection},
    exit::{Coded, Exit},
    ledger::{Ledger, Observation},
    outcome::Outcome,
    plan::{Facts, Plan},
    preflight::Preflight,
    report::Report,
    resources::Resources,
    workspace::{Toolchain, Workspace},
};

fn main() -> Exit {
    match Cli::parse().command {
        cli::Command::Watchdog => {
            watchdog::serve();
            Exit::Success
        }
        cli::Command::Preflight(it) => it.run(),
        cli::Command::Plan(it) => it.run(),
        cli::Command::Build(it) => it.run(),
        cli::Command::Validate(it) => it.run(),
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
        let outcome = build_example(&self.flags, &mut report).map(|it| it.exit);
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
        // Bad arguments are told before anything is built.
        let runs = |root: &Path| run::arguments(&self.run_args, &run::default_runs(root));
        let has_folder = runs(Path::new(""))?.folder.is_some();
        if self.fresh && !has_folder {
            let message = "--fresh is for runs in folders; with --out, give the run --force";
            bail!(Coded { exit: Exit::Usage, message: message.into() });
        }
        if !self.flags.selection.names_a_target() && !Look::is_study(&self.flags.selection)? {
            let message =
                "this is not the workspace of the study: name what to run with --example or --bin";
            bail!(Coded { exit: Exit::Usage, message: message.into() });
        }
        let built = build_example(&self.flags, report)?;
        let arguments = runs(&built.look.workspace.root)?;
        if self.flags.dry_run {
            let words: Vec<_> = arguments.args.iter().map(|it| it.to_string_lossy()).collect();
            report.would(&format!("would run it with {}", words.join(" ")));
        }
        let Some(executable) = built.executables.first() else { return Ok(built.exit) };
        let folder = arguments.folder.as_deref();
        if let Some(folder) = folder.filter(|_| self.fresh)
            && let Some(moved) = run::move_aside(folder)?
        {
            report.note(&format!("the old results are in {}", moved.display()));
        }
        if let Some(folder) = folder.filter(|it| it.exists()) {
            report.note(&format!("going on in {}", folder.display()));
        }
        let run = run::run(executable, &arguments, self.flags.judgement.format, report)?;
        let exit = run::exit(run.ending(), run.interrupted);
        report.run(&run, exit);
        Ok(exit)
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
        let resources = Resources::sample(&workspace.target_dir)?;
        let figures = workspace.is_study.then_some(&plan::STUDY_FIGURES);
        let jobs = env::var("CARGO_BUILD_JOBS").ok();
        let full_jobs = plan::full_jobs(jobs.as_deref(), resources.n_cpus);
        let ledger = Ledger::load(&workspace.target_dir);
        if let Some(warning) = ledger.warning() {
            report.warning(warning, "nothing needs to be done");
        }
        let facts = Facts {
            resources: &resources,
            workspace: &workspace,
            toolchain: &toolchain.key(),
            ledger: &ledger,
            figures,
            full_jobs,
        };
        let plan = plan::plan(&facts, choice);
        let disk_need = figures.map_or(0, |it| it.disk_bytes());
        let preflight =
            preflight::judge(&resources, &toolchain, &workspace, &plan, disk_need, strict);
        report.preflight(&workspace, &toolchain, &resources, &plan, &preflight);
        Ok(Look { workspace, resources, plan, preflight, ledger })
    }
}

/// What a build led to.
struct Built {
    look: Look,
    /// Empty if there is nothing to run.
    executables: Vec<PathBuf>,
    exit: Exit,
}

/// Look, stop what was named, build, and offer to make room if nothing fitted.
fn build_example(flags: &BuildFlags, report: &mut Report) -> anyhow::Result<Built> {
    let strict = flags.judgement.strict;
    let mut look = Look::at(&flags.selection, flags.option, strict, report)?;
    let stop = make_room::named(&look.resources, &flags.stop)?;
    if flags.dry_run {
        report.plan(&look.plan, &look.resources);
        for it in stop {
            report.would(&format!("would ask process {} ({}) to end", it.pid, it.name));
        }
        let exit = if look.preflight.ready { Exit::Success } else { Exit::NotReady };
        return Ok(Built { look, executables: Vec::new(), exit });
    }
    interrupt::install()?;

    let made_room = if !stop.is_empty() {
        report.stopped(&make_room::stop(&stop)?);
        true
    } else {
        // Option D asks; so does a plan in which nothing fits.
        let wanted = look.plan.make_room_first || look.plan.order.is_empty() && !flags.yes;
        wanted && ask_for_room(&look, report)?
    };
    if look.plan.make_room_first && !made_room {
        report.note("nothing was stopped, so option d has nothing to build on");
        return Ok(Built { look, executables: Vec::new(), exit: Exit::NotReady });
    }
    if made_room {
        look = Look::at(&flags.selection, flags.option, strict, report)?;
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
        if ask_for_room(&look, report)? {
            look = Look::at(&flags.selection, flags.option, strict, report)?;
            attempts = climb(&sh, &mut look, report)?;
        }
    }
    let exit = build::exit(&attempts);
    let executables = finished(&look.workspace, attempts)?;
    report.built(&executables);
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
    let attempts = build::build(sh, &look.workspace, &look.plan, report)?;
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
    }
    // Lost knowledge is no reason to fail a build.
    if let Err(error) = look.ledger.save() {
        report.warning(&format!("{error:#}"), "the next build will not know what this one needed");
    }
    Ok(attempts)
}

/// Show who could be stopped, ask, and stop what was named. Whether anything was.
fn ask_for_room(look: &Look, report: &mut Report) -> anyhow::Result<bool> {
    let Some(pids) = make_room::ask(&look.resources, report)? else { return Ok(false) };
    let processes = make_room::named(&look.resources, &pids)?;
    if processes.is_empty() {
        return Ok(false);
    }
    report.stopped(&make_room::stop(&processes)?);
    Ok(true)
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
    Command::new(executable).arg("--help").output().is_ok_and(|it| it.status.success())
}
