//! Every flag; its doc comment is its help text.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{exit, slurm::ClusterFlags, wait::Patience};

/// Check this machine, build the validation within its memory, and run it.
#[derive(Debug, Parser)]
#[command(name = "xtask", bin_name = "cargo xtask", after_help = exit::help())]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Preflight(Preflight),
    Plan(Plan),
    Build(Build),
    Validate(Validate),
    Exec(Exec),
    Report(crate::study::Report),
    Runs(crate::study::Runs),
    Merge(crate::study::Merge),
    Bench(Bench),
    /// What xtask starts beside itself, to clean up after a SIGKILL.
    #[command(name = crate::watchdog::COMMAND, hide = true)]
    Watchdog,
}

/// Check that this machine can build and run; change nothing.
///
/// Every check passes, warns or fails with its number, its threshold and a hint. Exit code 0 means that a build
/// may start.
#[derive(Debug, Args)]
#[command(after_help = exit::help())]
pub(crate) struct Preflight {
    #[command(flatten)]
    pub(crate) selection: Selection,

    /// The strategy that is to fit into memory.
    #[arg(long, value_enum, default_value_t = Choice::Auto, value_name = "NAME")]
    pub(crate) option: Choice,

    #[command(flatten)]
    pub(crate) judgement: Judgement,
}

/// Show the ways to build with what each needs and takes, and which would be tried; change nothing.
///
/// The figures come from past builds in this target folder, where there are any. Exit code 0 means that at least one
/// way fits into the memory there is now.
#[derive(Debug, Args)]
#[command(after_help = exit::help())]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) selection: Selection,

    /// Plan for this strategy.
    #[arg(long, value_enum, default_value_t = Choice::Auto, value_name = "NAME")]
    pub(crate) option: Choice,

    /// What goes to stdout.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// Build by the fastest strategy that fits; step down when memory runs out.
///
/// The strategies, fastest first: `full` (release, all CPUs), `fewer` (as many jobs as fit), `a` (one job), `no-lto`
/// and `no-debuginfo` (one job, where the profile asks for them), `b` (debug without debug information: the run is
/// slower). `c` (library first) is there by name only: it lowers no peak. `d` makes room and then does `a`.
/// `auto` starts at the first that fits and goes on from there; a strategy that is named is tried alone. A compile
/// error stops at once. Nothing is paused or stopped without your naming it.
#[derive(Debug, Args)]
#[command(after_help = exit::help())]
pub(crate) struct Build {
    #[command(flatten)]
    pub(crate) flags: BuildFlags,
}

/// Preflight, build, run the 160 comparisons, and print their summary.
///
/// Settings, journal, rows and statistics go to `runs/validation` in the workspace; the run's arguments may name
/// another run (`-- --run NAME`) or single files (`-- --out FILE.csv`). Started again, it goes on where it was
/// interrupted. With `--on slurm` the nodes of a cluster compute, and the results are the same.
#[derive(Debug, Args)]
#[command(after_help = exit::help())]
pub(crate) struct Validate {
    #[command(flatten)]
    pub(crate) flags: BuildFlags,

    /// Start over; the old results are kept as the run `validation.1`, `.2`, …
    #[arg(long)]
    pub(crate) fresh: bool,

    #[command(flatten)]
    pub(crate) cluster: ClusterFlags,

    /// Arguments for the run itself, as `-- --sizes 5,6`.
    #[arg(last = true, value_name = "RUN_ARGS")]
    pub(crate) run_args: Vec<OsString>,
}

/// Run any command that builds with cargo underneath, watched as a build: `exec -- cargo nextest run`.
///
/// The command's own output and exit code are passed on. A compiler, linker or build script that dies for lack of memory
/// is recognised, and nothing of the command is left running afterwards.
#[derive(Debug, Args)]
#[command(after_help = exit::help())]
pub(crate) struct Exec {
    #[command(flatten)]
    pub(crate) room: RoomFlags,

    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// Measure what exact Φ takes: wall time, CPU time and memory of the study and of named networks.
///
/// Builds in release and runs everything several times, one after the other; the largest networks take minutes.
/// Close other programs first. With `--instructions`, counts instructions of small cases by valgrind instead, and
/// fails if they have grown by more than 5 % over the committed figures.
#[derive(Debug, Args)]
#[command(after_help = exit::help())]
pub(crate) struct Bench {
    /// Run PyPhi 1.2.0 in this Python on the same networks, for the ratios.
    #[arg(long, value_name = "PYTHON")]
    pub(crate) against_pyphi: Option<PathBuf>,

    /// Runs of each, of which the median counts.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) repeat: u16,

    /// Only rows whose name contains this, as `generic` or `complete 9`.
    #[arg(long, value_name = "TEXT")]
    pub(crate) only: Option<String>,

    /// Count instructions instead.
    #[arg(long)]
    pub(crate) instructions: bool,

    /// Commit to the counts found: write them to `pyphi-core/benches/instructions.json`.
    #[arg(long, requires = "instructions")]
    pub(crate) bless: bool,

    /// What goes to stdout.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct BuildFlags {
    #[command(flatten)]
    pub(crate) selection: Selection,

    /// How to build.
    #[arg(long, value_enum, default_value_t = Choice::Auto, value_name = "NAME")]
    pub(crate) option: Choice,

    /// Start even if a check fails. This never stops a process.
    #[arg(long)]
    pub(crate) yes: bool,

    /// Print the checks and the plan, with expected memory and times, and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) room: RoomFlags,

    #[command(flatten)]
    pub(crate) judgement: Judgement,
}

/// Waiting for room, and making it.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct RoomFlags {
    /// Wait until a release build fits into memory and no other cargo builds in the same folder, for at most this
    /// long (`90s`, `15m`, `2h`), or as long as it takes.
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "endless")]
    pub(crate) wait: Option<Patience>,

    /// Pause these programs of yours, with all they have started, until the build is done.
    #[arg(long, value_name = "PID", num_args = 1.., value_delimiter = ',')]
    pub(crate) pause: Vec<u32>,

    /// Ask these programs of yours, with all they have started, to end (SIGTERM) before building.
    #[arg(long, value_name = "PID", num_args = 1.., value_delimiter = ',')]
    pub(crate) stop: Vec<u32>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Judgement {
    /// Treat the advisory thresholds (25 GB used, 8 GB available, other builds) as binding.
    #[arg(long)]
    pub(crate) strict: bool,

    /// What goes to stdout.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// What to build: cargo's own flags.
///
/// Without any: this project's study, or in another workspace what a plain `cargo build` builds.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "What to build, as cargo takes it")]
pub(crate) struct Selection {
    /// rustc's flags in the place of those of the environment, as cargo encodes them.
    #[arg(skip)]
    pub(crate) rustflags: Option<String>,

    /// Build in the workspace of this manifest. [default: around the current folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest_path: Option<PathBuf>,

    /// A package of the workspace; may be repeated.
    #[arg(short, long, value_name = "SPEC")]
    pub(crate) package: Vec<String>,

    /// The library.
    #[arg(long)]
    pub(crate) lib: bool,

    /// A program; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) bin: Vec<String>,

    /// An example; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) example: Vec<String>,

    /// Features, separated by commas. [default: `pyphi` for this project's study, else none]
    #[arg(short = 'F', long, value_name = "LIST")]
    pub(crate) features: Vec<String>,

    /// All features.
    #[arg(long)]
    pub(crate) all_features: bool,

    /// Without the default features.
    #[arg(long)]
    pub(crate) no_default_features: bool,

    /// The profile of the fastest strategies. [default: release]
    #[arg(long, value_name = "NAME", conflicts_with = "release")]
    pub(crate) profile: Option<String>,

    /// The release profile, which is the default here.
    #[arg(short, long)]
    pub(crate) release: bool,

    /// Where to build. [default: cargo's]
    #[arg(long, value_name = "DIR")]
    pub(crate) target_dir: Option<PathBuf>,

    /// Refuse to build if `Cargo.lock` would change.
    #[arg(long)]
    pub(crate) locked: bool,

    /// Build without the network.
    #[arg(long)]
    pub(crate) offline: bool,
}

impl Selection {
    /// Whether it says which program is meant.
    pub(crate) fn names_a_target(&self) -> bool {
        !self.bin.is_empty() || !self.example.is_empty()
    }
}

/// A strategy by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// The fastest that fits, then the more frugal ones.
    Auto,
    /// Release, all CPUs.
    Full,
    /// Release, as many jobs as fit.
    Fewer,
    /// Release, one job.
    A,
    /// Release, one job, without what LTO and a single codegen unit add.
    #[value(alias = "a-light")]
    NoLto,
    /// The same without debug information.
    NoDebuginfo,
    /// Release, one job, the library first and then the rest.
    C,
    /// Debug without debug information, one job.
    B,
    /// Make room: pause or stop processes that you choose, then `a`.
    D,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One document, for programs.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

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
        assert_eq!(room(&["--wait", "--lib"]).wait, Some(Patience::Endless));
        let minutes = Patience::For(std::time::Duration::from_secs(900));
        assert_eq!(room(&["--wait=15m"]).wait, Some(minutes));
        let room = room(&["--pause", "1", "2,3", "--stop", "4", "--pause", "5"]);
        assert_eq!((room.pause, room.stop), (vec![1, 2, 3, 5], vec![4]));
    }

    #[test]
    fn help_of_every_command_ends_with_the_exit_codes() {
        for name in
            ["preflight", "plan", "build", "validate", "exec", "report", "runs", "merge", "bench"]
        {
            let mut command = Cli::command();
            let help = command.find_subcommand_mut(name).unwrap().render_long_help().to_string();
            assert!(help.contains("Exit codes:") && help.contains("128+N"), "{help}");
        }
    }
}
