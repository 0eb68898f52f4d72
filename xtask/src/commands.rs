//! `preflight`, `plan`, `build` and `exec`: the library's own commands with this project's facts.

use std::ffi::OsString;

use clap::Args;
use headroom::{Console, Exit};

use crate::{
    exit_help,
    flags::{BuildFlags, CheckFlags, Choice, Format, RoomFlags, Selection},
    project::HOST,
};

/// Check that this machine can build and run; change nothing.
///
/// Every check passes, warns or fails with its number, its threshold and a hint. Exit code 0 means
/// that a build may start.
#[derive(Debug, Args)]
#[command(after_help = exit_help::table())]
pub(crate) struct Preflight {
    #[command(flatten)]
    pub(crate) selection: Selection,

    /// The strategy that is to fit into memory.
    #[arg(long, value_enum, default_value_t = Choice::Auto, value_name = "NAME")]
    pub(crate) option: Choice,

    #[command(flatten)]
    pub(crate) judgement: CheckFlags,
}

/// Show the ways to build with what each needs and takes, and which would be tried; change nothing.
///
/// The figures come from past builds in this target folder, where there are any. Exit code 0 means
/// that at least one way fits into the memory there is now.
#[derive(Debug, Args)]
#[command(after_help = exit_help::table())]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) selection: Selection,

    /// Plan for this strategy.
    #[arg(long, value_enum, default_value_t = Choice::Auto, value_name = "NAME")]
    pub(crate) option: Choice,

    /// Format of the result on stdout.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// Build by the fastest strategy that fits; step down when memory runs out.
///
/// The strategies, fastest first: `full` (release, all CPUs), `fewer` (as many jobs as fit), `a`
/// (one job), `no-lto` and `no-debuginfo` (one job, where the profile asks for them), `b` (debug
/// without debug information: the run is slower). `c` (library first) is there by name only: it
/// lowers no peak. `d` makes room and then does `a`. `auto` starts at the first that fits and goes
/// on from there; a strategy that is named is tried alone. A compile error stops at once. Nothing
/// is paused or stopped without your naming it.
#[derive(Debug, Args)]
#[command(after_help = exit_help::table())]
pub(crate) struct Build {
    #[command(flatten)]
    pub(crate) flags: BuildFlags,
}

/// Run any command that builds with cargo underneath, watched as a build:
/// `exec -- cargo nextest run`.
///
/// The command's own output and exit code are passed on. A compiler, linker or build script that
/// dies for lack of memory is recognised, and nothing of the command is left running afterwards.
#[derive(Debug, Args)]
#[command(after_help = exit_help::table())]
pub(crate) struct Exec {
    #[command(flatten)]
    pub(crate) room: RoomFlags,

    /// Hold back the programs that cargo runs, too: tests, benches. They are suspended, and never
    /// ended.
    #[arg(long)]
    pub(crate) run_too: bool,

    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

impl Preflight {
    pub(crate) fn run(&self) -> Exit {
        let mut console = Console::new("preflight", self.judgement.format.into(), false);
        let (selection, choice) = (self.selection.selected(), self.option.into());
        let strict = self.judgement.strict;
        let outcome = headroom::preflight(&HOST, &selection, choice, strict, &mut console);
        console.finish(outcome)
    }
}

impl Plan {
    pub(crate) fn run(&self) -> Exit {
        let mut console = Console::new("plan", self.format.into(), false);
        let (selection, choice) = (self.selection.selected(), self.option.into());
        let outcome = headroom::plan(&HOST, &selection, choice, &mut console);
        console.finish(outcome)
    }
}

impl Build {
    pub(crate) fn run(&self) -> Exit {
        let format = self.flags.judgement.format.into();
        let mut console = Console::new("build", format, self.flags.dry_run);
        let built = headroom::build(&HOST, &self.flags.request(), &mut console);
        if let Ok(built) = &built {
            built.show(&console);
        }
        console.finish(built.map(|it| it.exit))
    }
}

impl Exec {
    pub(crate) fn run(&self) -> Exit {
        let mut console = Console::new("exec", Format::Text.into(), false);
        let room = headroom::RoomRequest { run_too: self.run_too, ..self.room.request() };
        let outcome = headroom::exec(&self.command, &room, &mut console);
        console.finish(outcome)
    }
}
