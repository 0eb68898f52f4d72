//! The study's program: arguments in, the study or one exact Φ out.
//!
//! Standard output is the result, standard error the conversation. Every failure ends here, in one
//! place, with one line and an [`Exit`] code.

pub mod cluster;
mod compute;
mod dataset;
pub mod interrupt;
mod launch;
mod leaderboard;
mod output;
mod own;
mod pictures;
mod runs;
mod study;
mod tpm;

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use phi_protocol::Launch;

use self::cluster::ClusterArgs;
use self::compute::{CausesArgs, DistanceArgs, GrainsArgs, MechanismArgs, PhiArgs};
use self::dataset::DatasetArgs;
use self::launch::{LaunchArgs, answer_other};
use self::leaderboard::LeaderboardArgs;
use self::output::output_failed;
use self::pictures::{DrawArgs, ExploreArgs};
use self::runs::{ReportArgs, RunsArgs};
use self::study::StudyArgs;
use self::tpm::TpmArgs;
use crate::error::Error;
use crate::escape::{is_hidden, terminal};
use crate::estimate::Registry;
use crate::exit::Exit;

const AFTER_HELP: &str = "\
Rows are written as soon as they are done; a run that was stopped goes on with --resume.

Exit codes: 0 done, whatever the verdict; 1 internal failure; 2 bad input or usage, a file that
cannot be read or written, an output that exists or belongs to another matrix (nothing was changed);
3 some networks of several have no answer (the others' are whole); 130 interrupted (finished rows
are kept).";

const COMPUTE_AFTER_HELP: &str = r#"Examples:
  PROGRAM network.json
  PROGRAM network.json --complexes --format json
  PROGRAM network.json --formalism iit4-2023
  echo '{"tpm": [[0,0],[0,1],[1,0],[1,1]], "cm": [[0,1],[1,0]], "state": [0,0]}' \
    | PROGRAM -"#;

/// Compare a cheap estimate of integrated information (Φ) with the exact value.
///
/// Without a subcommand: the study, by default 8 topologies × 4 sizes × 5 seeds = 160 comparisons.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    args_conflicts_with_subcommands = true,
    after_help = AFTER_HELP
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    study: StudyArgs,
}

/// Exact integrated information (Φ) of networks, and how well a cheap estimate follows it.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = AFTER_HELP)]
struct PhiCli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Exact Φ of your own network, with its cause-effect structure
    ///
    /// The file has one network, or several: tpm[s][j] is the probability that unit j is ON after
    /// state s (bit i of s is unit i), and state has a 0 or 1 for each unit. Optional: cm, whose
    /// [i][j] is 1 where i is an input of j; nodes (the units of the system), name, labels.
    Compute(PhiArgs),
    /// The same as `compute FILE`
    Phi(PhiArgs),
    /// One mechanism of your own network: small φ of its purviews, partitions and repertoires
    ///
    /// Over one purview with --purview, with all partitions that tie and the repertoires; else over
    /// all purviews with φ > 0, the largest first. The file is as for `compute`.
    Mechanism(MechanismArgs),
    /// Actual causation in a transition of your own network: what caused what
    ///
    /// The account of a transition between two states (Albantakis et al. 2019): actual causes and
    /// effects with α, and how irreducible all of it is, 𝒜. The file has before and after instead
    /// of state, and perhaps cause and effect, the units considered; or a list of transitions.
    Causes(CausesArgs),
    /// Φ of your own network on coarser grains: macro systems of IIT 3.0, intrinsic units of 4.0
    ///
    /// By IIT 3.0 on one grain (--boxes, --groups), or on the one with the largest Φ of all coarse
    /// grainings of all sets of units, and how much that exceeds Φ of the micro units (emergence);
    /// with `nodes`, of those units only. Cuts are of micro units. The file is as for `compute`.
    ///
    /// By IIT 4.0 the `units` of the file as a system, and whether each is valid; or, without them,
    /// all valid units within bounds, and the complexes of them. The file may have a `history`, the
    /// last states of the network, instead of `state`.
    Grains(GrainsArgs),
    /// Distance between the cause-effect structures of two networks, by IIT 3.0
    ///
    /// The extended earth mover's distance, with each structure and its conceptual information. The
    /// two are in two files, or in one: two networks, or one with a list of two `states`. They have
    /// the same units.
    Distance(DistanceArgs),
    /// Compare a cheap estimate of Φ with the exact value
    ///
    /// By default on 8 topologies × 4 sizes × 5 seeds = 160 comparisons.
    #[command(after_help = AFTER_HELP)]
    Study(Box<StudyArgs>),
    /// Compare all estimators over several suites, and rank them
    ///
    /// By default all estimators over the built-in suites, against Φ of IIT 3.0. Writes
    /// leaderboard.html, .md and .json into the folder of the runs.
    Leaderboard(LeaderboardArgs),
    /// Write a data set: networks in states with exact values, ties, complexes and estimates
    ///
    /// One line a network and state, always in the same order and the same bytes, with a data card.
    /// A file that was stopped goes on with --resume.
    Dataset(DatasetArgs),
    /// Draw your own network and what the theory finds in it, as SVG, PNG or PDF
    ///
    /// The graph shows the state of the units and the connections that the system's minimum
    /// information partition severs; beside it the structure, complexes, Φ in every state, and the
    /// tables (--show). The file is as for `compute`; with --causes as for `causes`, and the
    /// account of the transition is drawn.
    Draw(DrawArgs),
    /// Write one page to look at your own network: units to switch, Φ of both theories in every
    /// state, and the structures in three dimensions
    Explore(ExploreArgs),
    /// Make a TPM from data
    Tpm(TpmArgs),
    /// List the runs that were started with --run
    Runs(RunsArgs),
    /// Write the report of a run again: report.html, report.md and figures
    Report(ReportArgs),
    /// Do a study in tasks, on many machines
    ///
    /// `plan` makes tasks, `task` does one, on any machine; `next` makes tasks of what is missing;
    /// `gather` makes an ordinary run of what was done. Slurm, or whatever starts the tasks, is not
    /// of this program's concern.
    Cluster(ClusterArgs),
    /// Do a command for another program that launches it
    #[command(name = Launch::COMMAND, hide = true)]
    Launch(LaunchArgs),
}

/// The name by which the user knows this program: `phi` once it is installed, or its first name.
pub(crate) fn program_name() -> &'static str {
    let called = env::args_os().next().map(PathBuf::from);
    let is_phi = called.is_some_and(|it| it.file_stem().is_some_and(|stem| stem == "phi"));
    if is_phi { "phi" } else { "pyphi_validation" }
}

/// The whole program `pyphi_validation`, on the arguments of the process. Without a subcommand it
/// is the study.
pub fn main(registry: &Registry) -> Exit {
    start(registry, parse(registry, env::args_os().skip(1)))
}

/// The whole program `phi`, on the arguments of the process: the same with a subcommand for
/// everything. Called by the name `pyphi_validation`, it is that program.
pub fn phi_main(registry: &Registry) -> Exit {
    if program_name() != "phi" {
        return main(registry);
    }
    let command = described(registry, PhiCli::command())
        .mut_subcommand("phi", |it| it.hide(true))
        .arg_required_else_help(true);
    let parsed = command.try_get_matches_from(with_name(env::args_os().skip(1)));
    let cli = parsed.and_then(|it| PhiCli::from_arg_matches(&it));
    start(registry, cli.map(|it| Cli::of(it.command)))
}

fn start(registry: &Registry, cli: Result<Cli, clap::Error>) -> Exit {
    match cli {
        Ok(Cli { command: Some(Command::Launch(args)), .. }) => args.run(registry),
        Ok(cli) => ended(cli.run(registry, &Launch::default())),
        Err(error) => usage(&error),
    }
}

fn ended(done: Result<(), Error>) -> Exit {
    match done {
        Ok(()) => Exit::Success,
        Err(error) => failed(&error),
    }
}

/// Help and version are results (standard output, 0); anything else is bad usage (2).
fn usage(error: &clap::Error) -> Exit {
    match (print_usage(error), error.use_stderr()) {
        (_, true) => Exit::BadInput,
        (printed, false) => ended(printed),
    }
}

impl Cli {
    /// The study by its own name is what it is without one.
    fn of(command: Command) -> Cli {
        match command {
            Command::Study(study) => Cli { command: None, study: *study },
            command => Cli { command: Some(command), study: StudyArgs::default() },
        }
    }

    fn run(self, registry: &Registry, launch: &Launch) -> Result<(), Error> {
        match (self.command, launch.question) {
            (None, _) => self.study.run(registry, launch),
            (Some(Command::Study(study)), _) => study.run(registry, launch),
            (Some(Command::Cluster(args)), _) => args.run(registry, launch),
            (Some(_), Some(question)) => answer_other(question),
            (Some(Command::Compute(args) | Command::Phi(args)), None) => args.run(),
            (Some(Command::Mechanism(args)), None) => args.run(),
            (Some(Command::Causes(args)), None) => args.run(),
            (Some(Command::Grains(args)), None) => args.run(),
            (Some(Command::Distance(args)), None) => args.run(),
            (Some(Command::Draw(args)), None) => args.run(),
            (Some(Command::Explore(args)), None) => args.run(),
            (Some(Command::Tpm(args)), None) => args.run(),
            (Some(Command::Runs(args)), None) => args.run(),
            (Some(Command::Report(args)), None) => args.run(),
            (Some(Command::Leaderboard(args)), None) => args.run(registry),
            (Some(Command::Dataset(args)), None) => args.run(registry),
            (Some(Command::Launch(_)), None) => Err(Error::Settings(
                "a launch within a launch: expected a command after --".to_owned(),
            )),
        }
    }
}

fn failed(error: &Error) -> Exit {
    let _ = writeln!(io::stderr(), "error: {}", terminal(&error.to_string()));
    error.exit()
}

/// Prints help, or what is wrong with the arguments. They are quoted there as they are, so with one
/// that could forge lines all of it becomes one line.
fn print_usage(error: &clap::Error) -> Result<(), Error> {
    let printed = match env::args_os().any(|it| it.to_string_lossy().contains(is_hidden)) {
        true => writeln!(io::stderr(), "{}", terminal(error.render().to_string().trim_end())),
        false => error.print().and_then(|()| io::stdout().flush()),
    };
    printed.or_else(output_failed)
}

/// The arguments of `pyphi_validation`, without its name.
fn parse(
    registry: &Registry,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Cli, clap::Error> {
    let (short, long) = estimates(registry);
    let command = described(registry, Cli::command())
        .mut_arg("estimators", |arg| arg.help(short).long_help(long));
    Cli::from_arg_matches(&command.try_get_matches_from(with_name(arguments))?)
}

fn with_name(arguments: impl IntoIterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    [OsString::from(program_name())].into_iter().chain(arguments)
}

/// The help about `--estimators`, short and long.
fn estimates(registry: &Registry) -> (String, String) {
    let lines = registry.iter().map(|it| format!("\n- {}: {}", it.name(), it.summary()));
    let what = "Estimates of Φ: the first is that of the rows, the statistics and the verdict; the \
                others are kept beside it [default: hdc";
    let long = format!("{what}]. `all` is all of these:{}", lines.collect::<String>());
    (format!("{what}]: all, {}", registry.names().join(", ")), long)
}

/// A command with what its help has to name: this program, and the estimators that there are.
fn described(registry: &Registry, command: clap::Command) -> clap::Command {
    let (short, long) = estimates(registry);
    let name = program_name();
    let examples =
        |command: &str| COMPUTE_AFTER_HELP.replace("PROGRAM", &format!("{name} {command}"));
    command
        .name(name)
        .bin_name(name)
        .mut_subcommand("compute", |it| it.after_help(examples("compute")))
        .mut_subcommand("phi", |it| it.after_help(examples("phi --network")))
        .mut_subcommand("study", |it| {
            it.mut_arg("estimators", |arg| arg.help(short).long_help(long))
        })
}
