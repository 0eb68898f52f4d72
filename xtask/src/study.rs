//! `report` and `runs`: build the study within the machine's memory, and ask it.
//!
//! The output is the study's own; nothing here knows a run's files.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::bail;
use clap::{Args, Subcommand};
use headroom::{Coded, Console, Exit};

use crate::{
    exit_help,
    flags::{BuildFlags, Format},
    project::{self, HOST},
    run::{self, DEFAULT_RUN, Start},
    slurm,
};

/// Write the report of a run again, finished or not: report.html, report.md and figures.
#[derive(Debug, Args)]
#[command(after_help = exit_help::table())]
pub(crate) struct Report {
    /// The name of the run, or the path of its folder.
    #[arg(value_name = "RUN", default_value = DEFAULT_RUN)]
    run: PathBuf,

    #[command(flatten)]
    common: Common,
}

/// List the runs: how far they are and what they compare.
#[derive(Debug, Args)]
#[command(after_help = exit_help::table(), args_conflicts_with_subcommands = true)]
pub(crate) struct Runs {
    #[command(subcommand)]
    command: Option<RunsCommand>,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum RunsCommand {
    Attach(Attach),
}

/// Go on with a run on a cluster, wherever it was left: follow it, submit what is missing, write
/// its report.
///
/// Nothing is built: the run has its own copy of the program.
#[derive(Debug, Args)]
#[command(after_help = exit_help::table())]
struct Attach {
    /// The name of the run, or the path of its folder.
    #[arg(value_name = "RUN", default_value = DEFAULT_RUN)]
    run: PathBuf,

    /// The folder of the runs. [default: `runs` in the workspace]
    #[arg(long, value_name = "FOLDER")]
    runs: Option<PathBuf>,

    /// Submit what is missing, and do not stay.
    #[arg(long)]
    detach: bool,

    /// Format of the result on stdout.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl Attach {
    fn run(&self) -> Exit {
        let mut console = Console::new("attach", self.format.into(), false);
        let runs = self.runs.as_deref();
        let outcome = slurm::attach(&self.run, runs, self.detach, &mut console);
        console.finish(outcome)
    }
}

#[derive(Debug, Args)]
struct Common {
    /// The folder of the runs. [default: `runs` in the workspace]
    #[arg(long, value_name = "FOLDER")]
    runs: Option<PathBuf>,

    #[command(flatten)]
    flags: BuildFlags,
}

impl Report {
    pub(crate) fn run(self) -> Exit {
        let format = self.common.flags.judgement.format;
        ask("report", vec!["report".into(), self.run.into()], &self.common, format)
    }
}

impl Runs {
    pub(crate) fn run(self) -> Exit {
        if let Some(RunsCommand::Attach(attach)) = self.command {
            return attach.run();
        }
        let format = match self.common.flags.judgement.format {
            Format::Text => "text",
            Format::Json => "json",
        };
        // The list is the document, so xtask has none of its own.
        let args = vec!["runs".into(), "--format".into(), format.into()];
        ask("runs", args, &self.common, Format::Text)
    }
}

/// Builds the study and starts it with these arguments.
fn ask(command: &'static str, args: Vec<OsString>, common: &Common, format: Format) -> Exit {
    let mut console = Console::new(command, format.into(), common.flags.dry_run);
    let outcome = answer(args, common, &mut console);
    console.finish(outcome)
}

fn answer(
    mut args: Vec<OsString>,
    Common { runs, flags }: &Common,
    console: &mut Console,
) -> anyhow::Result<Exit> {
    if !project::is_study(&flags.selection.selected())? {
        let message = "this is not the workspace of the study, which has the runs";
        bail!(Coded { exit: Exit::Usage, message: message.into() });
    }
    let built = headroom::build(&HOST, &flags.request(), console)?;
    let default = || run::default_runs(&built.root);
    args.extend(["--runs".into(), runs.clone().unwrap_or_else(default).into()]);
    let program = built.executables.first();
    let start =
        Start { program: program.map_or(Path::new(""), PathBuf::as_path), args, launch: None };
    if flags.dry_run {
        console.would(&format!("would run it with {}", start.words()));
    }
    if program.is_none() {
        return Ok(built.exit);
    }
    let run = run::run(&start, None, console)?;
    let exit = run::exit(run.ending(), run.interrupted);
    run.say(exit, console);
    Ok(exit)
}
