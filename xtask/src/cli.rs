//! The command line: every command, and what is wrong with the arguments.

use std::{
    env,
    io::{self, Write as _},
};

use clap::{Parser, Subcommand};
use headroom::{
    Exit, console,
    escape::{is_hidden, terminal},
};

use crate::{bench::Bench, commands, exit_help, study, validate::Validate};

/// Check this machine, build the validation within its memory, and run it.
#[derive(Debug, Parser)]
#[command(name = "xtask", bin_name = "cargo xtask", after_help = exit_help::table())]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Preflight(commands::Preflight),
    Plan(commands::Plan),
    Build(commands::Build),
    Validate(Validate),
    Exec(commands::Exec),
    Report(study::Report),
    Runs(study::Runs),
    Bench(Bench),
}

/// Help and version, which are results, or what is wrong with the arguments.
pub(crate) fn usage(error: &clap::Error) -> Exit {
    // They are quoted there as they are, so with one that could forge lines all of it becomes one
    // line.
    let has_hidden = env::args_os().any(|it| it.to_string_lossy().contains(is_hidden));
    if error.use_stderr() && has_hidden {
        console::say(&format!("{}\n", terminal(error.render().to_string().trim_end())));
        return Exit::Usage;
    }
    let printed = error.print().and_then(|()| io::stdout().flush());
    match (error.use_stderr(), printed) {
        (true, _) => Exit::Usage,
        (false, Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => {
            console::unwritten(&error)
        }
        (false, _) => Exit::Success,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use headroom::WaitTimeout;

    use super::*;
    use crate::flags::Choice;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn everything_after_two_dashes_is_for_the_run() {
        let args = ["xtask", "validate", "--option", "no-lto", "--", "--sizes", "5,6", "--yes"];
        let Command::Validate(validate) = Cli::parse_from(args).command else { panic!() };
        assert_eq!(validate.flags.option, Choice::NoLto);
        assert!(!validate.flags.yes);
        assert_eq!(validate.run_args, ["--sizes", "5,6", "--yes"]);
    }

    #[test]
    fn waiting_takes_a_time_or_none_and_pids_come_in_lists() {
        let room = |args: &[&str]| {
            let args = [&["xtask", "build"][..], args].concat();
            let Command::Build(build) = Cli::parse_from(args).command else { panic!() };
            build.flags.room
        };
        assert_eq!(room(&[]).wait, None);
        assert_eq!(room(&["--wait", "--lib"]).wait, Some(WaitTimeout::Endless));
        let minutes = WaitTimeout::For(std::time::Duration::from_secs(900));
        assert_eq!(room(&["--wait=15m"]).wait, Some(minutes));
        let room = room(&["--pause", "1", "2,3", "--stop", "4", "--pause", "5"]);
        assert_eq!((room.pause, room.stop), (vec![1, 2, 3, 5], vec![4]));
    }

    #[test]
    fn help_of_every_command_ends_with_the_exit_codes() {
        for name in ["preflight", "plan", "build", "validate", "exec", "report", "runs", "bench"] {
            let mut command = Cli::command();
            let help = command.find_subcommand_mut(name).unwrap().render_long_help().to_string();
            assert!(help.contains("Exit codes:") && help.contains("128+N"), "{help}");
        }
    }
}
