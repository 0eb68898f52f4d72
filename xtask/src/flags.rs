//! Flags that several commands have; the doc comment of a flag is its help text.

use std::{num::NonZero, path::PathBuf};

use clap::{Args, ValueEnum};
use headroom::{BuildRequest, RoomRequest, Strategy, WaitTimeout};

#[derive(Clone, Debug, Args)]
pub(crate) struct BuildFlags {
    #[command(flatten)]
    pub(crate) selection: Selection,

    /// Strategy to build with.
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
    pub(crate) judgement: CheckFlags,
}

/// Waiting for room, and making it.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct RoomFlags {
    /// Wait until a release build fits into memory and no other cargo builds in the same folder,
    /// for at most this long (`90s`, `15m`, `2h`), or as long as it takes.
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "endless")]
    pub(crate) wait: Option<WaitTimeout>,

    /// Pause these programs of yours, with all they have started, until the build is done.
    #[arg(long, value_name = "PID", num_args = 1.., value_delimiter = ',')]
    pub(crate) pause: Vec<u32>,

    /// Ask these programs of yours, with all they have started, to end (SIGTERM) before building.
    #[arg(long, value_name = "PID", num_args = 1.., value_delimiter = ',')]
    pub(crate) stop: Vec<u32>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct CheckFlags {
    /// Treat the advisory thresholds (25 GB used, 8 GB available, other builds) as binding.
    #[arg(long)]
    pub(crate) strict: bool,

    /// Format of the result on stdout.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// Targets to build, chosen by cargo's own flags.
///
/// Without any: this project's study, or in another workspace what a plain `cargo build` builds.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "What to build, as cargo takes it")]
pub(crate) struct Selection {
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

    /// Folder to build in. [default: cargo's]
    #[arg(long, value_name = "DIR")]
    pub(crate) target_dir: Option<PathBuf>,

    /// Refuse to build if `Cargo.lock` would change.
    #[arg(long)]
    pub(crate) locked: bool,

    /// Build without the network.
    #[arg(long)]
    pub(crate) offline: bool,

    /// Most jobs at once. [default: as cargo]
    #[arg(short, long, value_name = "N")]
    pub(crate) jobs: Option<NonZero<usize>>,

    #[command(flatten)]
    pub(crate) more: CargoFlags,
}

/// Flags that are handed to cargo as they are.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct CargoFlags {
    /// All packages of the workspace.
    #[arg(long)]
    pub(crate) workspace: bool,

    /// All programs.
    #[arg(long)]
    pub(crate) bins: bool,

    /// All examples.
    #[arg(long)]
    pub(crate) examples: bool,

    /// All tests.
    #[arg(long)]
    pub(crate) tests: bool,

    /// All benchmarks.
    #[arg(long)]
    pub(crate) benches: bool,

    /// All targets.
    #[arg(long)]
    pub(crate) all_targets: bool,

    /// Build for this platform.
    #[arg(long, value_name = "TRIPLE")]
    pub(crate) target: Option<String>,

    /// Go on with what does not depend on a crate that failed.
    #[arg(long)]
    pub(crate) keep_going: bool,
}

impl CargoFlags {
    fn words(&self) -> Vec<String> {
        let flags = [
            ("--workspace", self.workspace),
            ("--bins", self.bins),
            ("--examples", self.examples),
            ("--tests", self.tests),
            ("--benches", self.benches),
            ("--all-targets", self.all_targets),
            ("--keep-going", self.keep_going),
        ];
        let flags = flags.into_iter().filter(|it| it.1).map(|it| it.0.to_owned());
        let target = self.target.iter().flat_map(|it| ["--target".to_owned(), it.clone()]);
        flags.chain(target).collect()
    }
}

impl Selection {
    /// Converts the flags into the library's type. `rustflags` are those of a build for other
    /// machines.
    pub(crate) fn with_rustflags(&self, rustflags: Option<String>) -> headroom::Selection {
        let it = self.clone();
        headroom::Selection {
            rustflags,
            manifest_path: it.manifest_path,
            package: it.package,
            lib: it.lib,
            bin: it.bin,
            example: it.example,
            features: it.features,
            all_features: it.all_features,
            no_default_features: it.no_default_features,
            profile: it.profile,
            target_dir: it.target_dir,
            locked: it.locked,
            offline: it.offline,
            jobs: it.jobs.map(NonZero::get),
            more: it.more.words(),
        }
    }

    pub(crate) fn selected(&self) -> headroom::Selection {
        self.with_rustflags(None)
    }
}

impl BuildFlags {
    /// Converts the flags into the library's type. `rustflags` are those of a build for other
    /// machines.
    pub(crate) fn with_rustflags(&self, rustflags: Option<String>) -> BuildRequest {
        BuildRequest {
            selection: self.selection.with_rustflags(rustflags),
            choice: self.option.into(),
            strict: self.judgement.strict,
            yes: self.yes,
            dry_run: self.dry_run,
            show_checks: false,
            room: self.room.request(),
        }
    }

    pub(crate) fn request(&self) -> BuildRequest {
        self.with_rustflags(None)
    }
}

impl RoomFlags {
    pub(crate) fn request(&self) -> RoomRequest {
        RoomRequest {
            wait: self.wait,
            pause: self.pause.clone(),
            stop: self.stop.clone(),
            ..RoomRequest::default()
        }
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

impl From<Choice> for headroom::Choice {
    fn from(choice: Choice) -> headroom::Choice {
        let strategy = headroom::Choice::Strategy;
        match choice {
            Choice::Auto => headroom::Choice::Auto,
            Choice::Full => strategy(Strategy::Full),
            Choice::Fewer => strategy(Strategy::Fewer),
            Choice::A => strategy(Strategy::A),
            Choice::NoLto => strategy(Strategy::NoLto),
            Choice::NoDebuginfo => strategy(Strategy::NoDebuginfo),
            Choice::C => strategy(Strategy::C),
            Choice::B => strategy(Strategy::B),
            Choice::D => headroom::Choice::MakeRoom,
        }
    }
}

impl From<Format> for headroom::Format {
    fn from(format: Format) -> headroom::Format {
        match format {
            Format::Text => headroom::Format::Text,
            Format::Json => headroom::Format::Json,
        }
    }
}
