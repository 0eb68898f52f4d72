//! The study's program: arguments in, the study or one exact Φ out.
//!
//! Standard output is the result, standard error the conversation. Every failure ends here, in one
//! place, with one line and an [`Exit`] code.

pub mod cluster;
pub mod interrupt;
mod leaderboard;
mod tpm;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use phi_protocol::{EVENTS_SCHEMA, EVENTS_VERSION, Launch, Question, Task, Workers};

use crate::cli::cluster::ClusterArgs;
use crate::cli::leaderboard::LeaderboardArgs;
use crate::cli::tpm::TpmArgs;
use crate::engine::exact::{
    self, CutChoices, Direction, Engine, Listing, Rules, Scope, SpectrumRules, TiePolicy, TieRule,
    UnitName, Variant,
};
use crate::engine::steps::{Detail, Steps};
use crate::error::Error;
use crate::escape::{is_hidden, terminal, terminal_lines};
use crate::estimate::Registry;
use crate::exit::Exit;
use crate::files::append::{exists, write_whole};
use crate::model::dynamics::Rule;
use crate::model::network::StatePattern;
use crate::model::topology::Topology;
use crate::phi::causes::{Asked, Causes, TransitionArgs, given_state};
use crate::phi::explore::{self, Theories, Which};
use crate::phi::grains::GrainArgs;
use crate::phi::picture::{self, Kind};
use crate::phi::reading::{NetworkArgs, read};
use crate::phi::variant::{ApproximationArgs, SmallPhiArgs, StructureArgs};
use crate::phi::{self, CutUnits, MechanismUnits};
use crate::report::Report;
use crate::report::drawing::{Drawing, Theme};
use crate::report::text::{runs, write_matrix};
use crate::run::journal::{IfExists, Outputs, check_summary};
use crate::run::ledger::Ledger;
use crate::run::set_aside;
use crate::run::store::{self, Contents, RunFolder, results_beside, results_in};
use crate::run::timeline::Timeline;
use crate::stats::summary::Summaries;
use crate::study::{SHARED_BYTES, Study, WORKER_BYTES};
use crate::suite::from_toml;
use crate::suite::{Formalism, Settings, States, Suite};
use crate::ui::events::{self, Event, Events};
use crate::ui::progress::{Display, Progress, Told, Watch, Work};

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
    /// What caused what: actual causation in a transition of your own network
    ///
    /// The account of a transition between two states (Albantakis et al. 2019): actual causes and
    /// effects with α, and how irreducible all of it is, 𝒜. The file has before and after instead
    /// of state, and perhaps cause and effect, the units considered; or a list of transitions.
    Causes(CausesArgs),
    /// Φ of your own network on coarser grains, by IIT 3.0: black boxes, groups, time scales
    ///
    /// On one grain (--boxes, --groups), or on the one with the largest Φ of all coarse grainings
    /// of all sets of units, and how much that exceeds Φ of the micro units (emergence); with
    /// `nodes`, of those units only. Cuts are of micro units. The file is as for `compute`.
    Grains(GrainsArgs),
    /// How far the cause-effect structures of two networks are apart, by IIT 3.0
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

/// [`Launch`], as it is given on the command line.
#[derive(Debug, Args)]
struct LaunchArgs {
    /// Check the command, say what it asks for, and do nothing
    #[arg(long)]
    prepare: bool,
    /// Check the command, move an earlier run of the same name aside, and do nothing more
    #[arg(long, conflicts_with = "prepare")]
    set_aside: bool,
    /// The name of the run of a study that names neither a run nor a file
    #[arg(long, value_name = "NAME")]
    run: Option<String>,
    /// The folder of the runs, if the command does not say
    #[arg(long, value_name = "FOLDER")]
    runs: Option<PathBuf>,
    /// Threads, if the command does not say
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    /// The record of the program's build (JSON), which a run in a folder keeps for its report
    #[arg(long, value_name = "FILE")]
    build_record: Option<PathBuf>,
    /// The arguments of the command
    #[arg(last = true)]
    command: Vec<OsString>,
}

#[derive(Debug, Default, Args)]
pub(crate) struct StudyArgs {
    /// What is compared, from a TOML file (docs/study.md): topologies, sizes, seeds, rules, states,
    /// formalisms, estimators, networks from files, random networks. Or a built-in suite by name:
    /// comparisons-160 (the default), threshold, rules, tables, large
    #[arg(long, value_name = "FILE|NAME")]
    suite: Option<PathBuf>,
    /// Topologies [default: all: Dense,Star,Ring,Line,BinaryTree,Lattice,Modular,Random]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    topologies: Vec<Topology>,
    /// Numbers of units [default: 5,6,7,8]
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    sizes: Vec<usize>,
    /// Seeds, of the estimate and of the Random topology [default: 42,123,456,789,999]
    #[arg(long, value_name = "S,S", value_delimiter = ',')]
    seeds: Vec<u64>,
    /// Dynamics of every unit: majority, and, or, xor, logistic [default: majority; under IIT 4.0
    /// logistic]
    #[arg(long)]
    rule: Option<Rule>,
    /// Gain of the logistic rule [default: 4]
    #[arg(long, value_name = "K", allow_negative_numbers = true)]
    gain: Option<f64>,
    /// State of every network: off, on, or a digit for each unit, unit 0 first [default: off]
    #[arg(long)]
    state: Option<StatePattern>,
    /// Estimates of Φ
    #[arg(long, visible_alias = "estimator", value_name = "NAME,NAME", value_delimiter = ',')]
    estimators: Vec<String>,
    /// Theory of exact Φ: iit3; iit4-2023, iit4-2026 or iit4-2026-paper, against φ_s and Φ
    /// [default: iit3]
    #[arg(long)]
    formalism: Option<Formalism>,
    /// Numberings of the units, drawn at random, over which the smallest and largest Φ of each
    /// exact problem are taken where they are not quickly proven over all choices among ties. 0
    /// for no such range [default: 32]
    #[arg(long, value_name = "N")]
    tie_orders: Option<u32>,
    /// Threads [default: one for each CPU]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Where the rows go; FILE.settings.json, FILE.journal.jsonl and FILE.summary.json are written
    /// beside it [default: results.csv]
    #[arg(long, value_name = "FILE.csv")]
    out: Option<PathBuf>,
    /// Keep everything in a folder of this name instead: settings, journal, rows and statistics. A
    /// run that was stopped goes on when it is started again with the same settings
    #[arg(long, value_name = "NAME", conflicts_with_all = ["out", "force"])]
    run: Option<String>,
    /// The folder of the runs [default: runs]
    #[arg(long, value_name = "FOLDER")]
    runs: Option<PathBuf>,
    /// Go on from an output of the same matrix, as a run in a folder does by itself
    #[arg(long, conflicts_with = "force")]
    resume: bool,
    /// Write an output that exists anew
    #[arg(long)]
    force: bool,
    /// Print the matrix and its exact problems, and do nothing
    #[arg(long)]
    list: bool,
    /// No progress on standard error
    #[arg(long)]
    quiet: bool,
    /// What goes to standard output: the summary at the end as text, or events as JSON lines
    #[arg(long, value_enum, default_value_t = Format::Text, conflicts_with = "list")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
struct PhiArgs {
    #[command(flatten)]
    networks: NetworkArgs,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Theory: iit3; iit4-2023, iit4-2026 (its cap on φ_s as PyPhi has it), iit4-2026-paper (as
    /// published)
    #[arg(long, default_value = "iit3")]
    formalism: Formalism,
    /// IIT 4.0: which of several causes or effects with the same φ counts. max-phi: those that make
    /// Φ largest; principled: the largest that is congruent, then the first in order; pyphi: as
    /// PyPhi 2.0-dev has it [default: max-phi]
    #[arg(long, value_name = "POLICY")]
    ties_policy: Option<TiePolicy>,
    /// All complexes of the network, instead of Φ of the units in `nodes`
    #[arg(long)]
    complexes: bool,
    /// IIT 4.0: φ_s of the system alone, without its Φ-structure
    #[arg(long, conflicts_with = "complexes")]
    phi_s_only: bool,
    /// What this one cut takes away, instead of the one that takes least. It severs the connections
    /// from some units to the others: "A,B -> C". IIT 4.0 (φ_s): or any partition, "A | B in | C
    /// out": what is between the parts is cut, but for what goes from parts whose inputs only are
    /// cut (in) to those whose outputs only are (out)
    #[arg(long, value_name = "UNITS -> UNITS",
          conflicts_with_all = ["complexes", "ties", "relations"])]
    cut: Option<CutUnits>,
    /// IIT 4.0: list the first N relations of the Φ-structure; in JSON each with N faces at most
    #[arg(long, value_name = "N", conflicts_with_all = ["complexes", "phi_s_only"])]
    relations: Option<usize>,
    /// All Φ that ties allow: the smallest and the largest, proven or as intervals, and where they
    /// are few all values with their choices; under IIT 3.0 also purviews within 1e-4 of the
    /// winner, and the number of tied choices over all cuts (purview_ties). RULE says which of the
    /// purviews of a mechanism that tie count: all; largest (in units), as PyPhi has it; smallest;
    /// unresolved-dropped (a mechanism that has several has no concept) [default: all]
    #[arg(long, value_name = "RULE", num_args = 0..=1, require_equals = true,
          default_missing_value = "all")]
    ties: Option<TieRule>,
    /// With --ties, what a cut leaves to choose: inherited (what it does not touch keeps its
    /// choice, as in PyPhi) or independent (everything is chosen anew, as in PyPhi-Spectrum)
    /// [default: inherited]
    #[arg(long, value_name = "WHICH", requires = "ties")]
    cut_choices: Option<CutChoices>,
    #[command(flatten)]
    variant: ApproximationArgs,
    /// Threads [default: one for each CPU]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
}

#[derive(Debug, Args)]
struct MechanismArgs {
    #[command(flatten)]
    networks: NetworkArgs,
    /// Units of the mechanism, by number or label
    #[arg(long, value_name = "UNIT,UNIT")]
    mechanism: String,
    /// Units of the purview [default: all purviews with φ > 0]
    #[arg(long, value_name = "UNIT,UNIT")]
    purview: Option<String>,
    /// Causes or effects [default: both]
    #[arg(long, value_enum)]
    direction: Option<Side>,
    /// IIT 3.0: under this cut of the system, which severs the connections from some units to the
    /// others: "A,B -> C"
    #[arg(long, value_name = "UNITS -> UNITS")]
    cut: Option<CutUnits>,
    #[command(flatten)]
    variant: SmallPhiArgs,
    /// Theory: iit3, or iit4-2023 (the later versions of IIT 4.0 do not differ here)
    #[arg(long, default_value = "iit3")]
    formalism: Formalism,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Threads, for several networks [default: one for each CPU]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Side {
    /// The past of the mechanism.
    Cause,
    /// The future of the mechanism.
    Effect,
}

#[derive(Debug, Args)]
struct DistanceArgs {
    /// One file or two, with two networks in all, as for `compute`
    #[arg(value_name = "FILE", required = true, num_args = 1..=2)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    variant: StructureArgs,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Threads [default: one for each CPU]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
}

#[derive(Debug, Args)]
struct CausesArgs {
    #[command(flatten)]
    networks: NetworkArgs,
    #[command(flatten)]
    transition: TransitionArgs,
    /// List α of every candidate as well
    #[arg(long)]
    candidates: bool,
    /// All parts of the transition with 𝒜 > 0 instead, the causal nexus first
    #[arg(long, conflicts_with = "candidates")]
    nexus: bool,
    /// Events instead: what has an actual cause in the state before and an actual effect in this
    /// one, being itself in the state after. Of the units in `nodes`; without them of the major
    /// complex by IIT 3.0
    #[arg(long, value_name = "BITS", conflicts_with_all = ["candidates", "nexus"])]
    next: Option<String>,
    /// With --next, causes and effects among all units, also outside of the complex
    #[arg(long, requires = "next")]
    extrinsic: bool,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Threads [default: one for each CPU]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
}

#[derive(Debug, Args)]
struct GrainsArgs {
    #[command(flatten)]
    networks: NetworkArgs,
    #[command(flatten)]
    grains: GrainArgs,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Threads [default: one for each CPU]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
}

#[derive(Debug, Args)]
struct DrawArgs {
    #[command(flatten)]
    networks: NetworkArgs,
    /// The account of a transition instead: the units before and after, and causal links as arrows
    #[arg(long)]
    causes: bool,
    #[command(flatten)]
    transition: TransitionArgs,
    /// Theory: iit3, iit4-2023, iit4-2026 or iit4-2026-paper
    #[arg(long, default_value = "iit3")]
    formalism: Formalism,
    /// IIT 4.0, which of tied causes and effects count: max-phi, principled or pyphi, as for
    /// `compute` [default: max-phi]
    #[arg(long, value_name = "POLICY")]
    ties_policy: Option<TiePolicy>,
    /// What is drawn [default: graph,structure, under IIT 4.0 also lattice]
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    show: Vec<Kind>,
    /// A file ending in .svg, .png or .pdf for all drawings, one below the other, or a folder for
    /// NAME.graph.svg, NAME.structure.svg and so on (with --causes NAME.account.svg), NAME being
    /// that of the network's file
    #[arg(long, value_name = "FILE|FOLDER", default_value = ".")]
    out: PathBuf,
    /// On dark paper
    #[arg(long)]
    dark: bool,
    /// Write files anew that exist
    #[arg(long)]
    force: bool,
    /// Threads [default: one for each CPU]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
}

#[derive(Debug, Args)]
struct ExploreArgs {
    #[command(flatten)]
    networks: NetworkArgs,
    /// Theories: iit3, iit4-2023, iit4-2026 or iit4-2026-paper; one, or iit3 and one of the others
    #[arg(long, value_delimiter = ',', default_value = "iit3,iit4-2023")]
    formalism: Vec<Formalism>,
    /// IIT 4.0, which of tied causes and effects count, as for `compute` [default: max-phi]
    #[arg(long, value_name = "POLICY")]
    ties_policy: Option<TiePolicy>,
    /// States in the page [default: all up to 5 units, given for more]
    #[arg(long, value_enum)]
    states: Option<Which>,
    /// The page [default: NAME.html here, NAME being that of the network's file]
    #[arg(long, value_name = "FILE.html")]
    out: Option<PathBuf>,
    /// Write the file anew if it exists
    #[arg(long)]
    force: bool,
    /// Threads [default: one for each CPU]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
}

#[derive(Debug, Args)]
struct ReportArgs {
    /// The name of the run, or the path of its folder; it need not be finished
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The folder of the runs
    #[arg(long, value_name = "FOLDER", default_value = "runs")]
    runs: PathBuf,
}

#[derive(Debug, Args)]
struct RunsArgs {
    /// The folder of the runs
    #[arg(long, value_name = "FOLDER", default_value = "runs")]
    runs: PathBuf,
    /// Form of the list
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs, as documented.
    Json,
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
            (Some(Command::Launch(_)), None) => Err(Error::Settings(
                "a launch within a launch: expected a command after --".to_owned(),
            )),
        }
    }
}

impl LaunchArgs {
    fn split(self) -> (Launch, Vec<OsString>) {
        let LaunchArgs { prepare, set_aside, run, runs, workers, build_record, command } = self;
        let question = match (prepare, set_aside) {
            (true, _) => Some(Question::Prepare),
            (_, true) => Some(Question::SetAside),
            _ => None,
        };
        let workers = workers.map(usize::from);
        (Launch { run, runs, workers, build_record, question }, command)
    }

    fn run(self, registry: &Registry) -> Exit {
        let (launch, command) = self.split();
        match (parse(registry, command), launch.question) {
            (Ok(cli), _) => ended(cli.run(registry, &launch)),
            (Err(error), Some(question)) if !error.use_stderr() => ended(answer_other(question)),
            (Err(error), _) => usage(&error),
        }
    }
}

/// Tells a launcher what its command asks for.
pub(crate) fn answer(task: Task) -> Result<(), Error> {
    let events = Events::new(Box::new(io::stdout()));
    events.emit(&Event::Prepared {
        schema: EVENTS_SCHEMA.to_owned(),
        version: EVENTS_VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        task,
    });
    events.failure().map_or(Ok(()), output_failed)
}

/// Answers a launcher whose command has no run in a folder.
pub(crate) fn answer_other(question: Question) -> Result<(), Error> {
    match question {
        Question::Prepare => answer(Task::Other),
        Question::SetAside => Err(Error::Settings(
            "this command has no run in a folder that could be set aside".to_owned(),
        )),
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

/// Where the results of a study go.
enum Target {
    /// A folder, in which a run goes on by itself.
    Folder(PathBuf),
    /// A CSV file and its companions.
    File(Outputs),
}

impl StudyArgs {
    fn run(self, registry: &Registry, launch: &Launch) -> Result<(), Error> {
        match self.format {
            Format::Json if launch.question.is_none() => {
                let events = Events::new(Box::new(io::stdout()));
                let done = self.study(registry, launch, Some(&events));
                if let Err(error) = &done {
                    events.emit(&events::stopped(error));
                }
                done.and(events.failure().map_or(Ok(()), output_failed))
            }
            _ => self.study(registry, launch, None),
        }
    }

    fn study(
        &self,
        registry: &Registry,
        launch: &Launch,
        events: Option<&Events>,
    ) -> Result<(), Error> {
        let suite = self.matrix(registry)?;
        let settings = suite.settings();
        let estimator = registry.get(&settings.estimator)?;
        if self.list {
            if let Some(question) = launch.question {
                return answer_other(question);
            }
            let mut out = BufWriter::new(io::stdout().lock());
            let written = write_matrix(&suite, &mut out).and_then(|()| out.flush());
            return written.or_else(output_failed);
        }
        suite.check_run()?;
        let target = self.target(launch)?;
        let cancel = interrupt::flag(display(self.quiet) != Display::Live)?;
        let mut told =
            Told { events: events.cloned(), stopping: Arc::clone(&cancel), timeline: None };
        let detail = Detail::default();
        let workers = self.jobs.map(usize::from).or(launch.workers);
        let engine = Engine::new(workers.unwrap_or(0), cancel)?.telling(detail.clone());
        // A file has a column for one estimate only.
        let others = match &target {
            Target::Folder(_) => registry.kept(&settings.estimator, &settings.other_estimators)?,
            Target::File(_) => Vec::new(),
        };
        let study = Study { suite: &suite, estimator, others, engine: &engine };
        study.check()?;
        if let Some(question) = launch.question {
            return self.answer(question, &target);
        }
        match &target {
            Target::Folder(folder) => {
                check_results(folder)?;
                let mut run = RunFolder::open(folder, &suite)?;
                let mut notes = run.notes().to_vec();
                if let Some(record) = &launch.build_record
                    && let Err(error) = run.keep_build_record(record)
                {
                    notes.push(format!("the record of the build is not kept: {error}"));
                }
                told.timeline = Timeline::open(folder, run.contents().sessions.len()).ok();
                let (csv, results) = (results_in(folder).csv, [&**folder]);
                let files = Files { csv: &csv, results: &results, notes: &notes };
                self.compute(&study, &mut run, detail, &files, told)?;
                conclude(folder, run.contents(), events)
            }
            Target::File(outputs) => {
                let if_exists = match (self.resume, self.force) {
                    (true, _) => IfExists::Resume,
                    (false, true) => IfExists::Overwrite,
                    (false, false) => IfExists::Refuse,
                };
                let mut run = RunFolder::beside(outputs, &suite, if_exists)?;
                let notes = run.notes().to_vec();
                let Outputs { csv, summary: path, .. } = outputs;
                let files = Files { csv, results: &[csv, path], notes: &notes };
                self.compute(&study, &mut run, detail, &files, told)?;
                // Even if one of them cannot be written, the other may.
                let name = csv.file_name().unwrap_or_default().to_string_lossy();
                let records = run.contents().records();
                let summary = Summaries::new(&suite, &name, run.rows(), &records);
                let written = summary.write(path);
                show(&summary, csv, events, written)
            }
        }
    }

    /// The folder of the runs.
    pub(crate) fn runs(&self, launch: &Launch) -> PathBuf {
        let runs = self.runs.as_ref().or(launch.runs.as_ref());
        runs.map_or_else(|| PathBuf::from("runs"), Clone::clone)
    }

    fn target(&self, launch: &Launch) -> Result<Target, Error> {
        let file = |path: &Path| Outputs::new(path).map(Target::File);
        match (&self.run, &self.out, &launch.run) {
            (None, Some(out), _) => file(out),
            (None, None, None) => file(Path::new("results.csv")),
            (None, None, Some(_)) if self.force => Err(Error::Settings(
                "--force is for files named with --out: an earlier run in a folder is kept; \
                 expected \
                 another --run NAME, or that it is set aside"
                    .to_owned(),
            )),
            (Some(name), ..) | (None, None, Some(name)) => {
                run_path(&self.runs(launch), name).map(Target::Folder)
            }
        }
    }

    fn answer(&self, question: Question, target: &Target) -> Result<(), Error> {
        let results = match (question, target) {
            (Question::SetAside, Target::Folder(folder)) => return set_aside(folder),
            (Question::SetAside, Target::File(outputs)) => {
                return Err(Error::Settings(format!(
                    "{} is no run in a folder, so it is not set aside: give the run --force, or \
                     another --out",
                    outputs.csv.display()
                )));
            }
            (Question::Prepare, Target::Folder(folder)) => results_in(folder),
            (Question::Prepare, Target::File(outputs)) => results_beside(outputs),
        };
        let asked = self.jobs.map(u64::from);
        let workers = Workers { asked, worker_bytes: WORKER_BYTES, shared_bytes: SHARED_BYTES };
        answer(Task::Study { results, workers })
    }

    /// Does the comparisons that the ledger lacks, and shows and tells how far it is.
    fn compute(
        &self,
        study: &Study<'_>,
        ledger: &mut dyn Ledger,
        detail: Detail,
        files: &Files<'_>,
        told: Told,
    ) -> Result<(), Error> {
        let work = Work::new(study.suite, ledger);
        let ((rows_done, n_rows), (problems_done, n_problems)) = (work.rows(), work.problems());
        if let Some(events) = &told.events {
            events.emit(&Event::Started {
                schema: EVENTS_SCHEMA.to_owned(),
                version: EVENTS_VERSION,
                program: env!("CARGO_PKG_VERSION").to_owned(),
                settings: study.suite.settings(),
                n_rows,
                rows_done,
                n_problems,
                problems_done,
                csv: files.csv.to_owned(),
                notes: files.notes.to_vec(),
            });
        }
        let progress =
            Progress::new(display(self.quiet), work, detail, Box::new(io::stderr()), told);
        files.notes.iter().for_each(|note| progress.say(note));
        progress.say(&format!(
            "{n_rows} comparisons, {n_problems} exact problems; {rows_done} rows are done"
        ));
        study.run(ledger, &progress)?;
        for path in files.results {
            let what = match path.extension().and_then(|it| it.to_str()) {
                Some("csv") => "rows",
                Some("json") => "statistics",
                _ => "everything",
            };
            progress.say(&format!("{what} in {}", path.display()));
        }
        Ok(())
    }

    /// The suite that the arguments ask for.
    pub(crate) fn matrix(&self, registry: &Registry) -> Result<Suite, Error> {
        let Some(file) = &self.suite else { return Suite::new(self.settings(registry)?) };
        let decided = [
            ("--topologies", !self.topologies.is_empty(), "topologies"),
            ("--sizes", !self.sizes.is_empty(), "sizes"),
            ("--seeds", !self.seeds.is_empty(), "seeds"),
            ("--rule", self.rule.is_some(), "rules"),
            ("--gain", self.gain.is_some(), "rules"),
            ("--state", self.state.is_some(), "states"),
            ("--formalism", self.formalism.is_some(), "formalisms"),
            ("--tie-orders", self.tie_orders.is_some(), "tie_orders"),
        ];
        if let Some((flag, _, field)) = decided.into_iter().find(|(_, is_given, _)| *is_given) {
            return Err(Error::Settings(format!(
                "{flag} with --suite: the suite decides that; expected it in {} alone, as {field}",
                file.display()
            )));
        }
        from_toml::read(file, registry, &self.estimators, &[])
    }

    /// The settings that the flags ask for.
    fn settings(&self, registry: &Registry) -> Result<Settings, Error> {
        fn or<T: Clone>(asked: &[T], default: &[T]) -> Vec<T> {
            if asked.is_empty() { default.to_vec() } else { asked.to_vec() }
        }
        let default = Settings::default();
        let formalism = self.formalism.unwrap_or(Formalism::Iit3);
        let mut rule = self.rule.unwrap_or(formalism.default_rule());
        match (&mut rule, self.gain) {
            (Rule::Logistic { gain }, Some(asked)) => *gain = asked,
            (_, None) => {}
            (other, Some(gain)) => {
                return Err(Error::Settings(format!(
                    "gain {gain} with the rule {other}: expected --rule logistic, the only one \
                     that has a gain"
                )));
            }
        }
        let mut estimators = registry.chosen(&self.estimators)?.into_iter();
        Ok(Settings {
            topologies: or(&self.topologies, &default.topologies),
            sizes: or(&self.sizes, &default.sizes),
            seeds: or(&self.seeds, &default.seeds),
            rules: vec![rule],
            states: States::Patterns(vec![self.state.clone().unwrap_or(StatePattern::Off)]),
            estimator: estimators.next().unwrap_or(default.estimator),
            other_estimators: estimators.collect(),
            formalisms: vec![formalism],
            tie_orders: self.tie_orders.unwrap_or(Settings::TIE_ORDERS),
            ..default
        })
    }
}

/// How progress is shown on this stderr.
pub(crate) fn display(quiet: bool) -> Display {
    let is_ci = env::var_os("CI").is_some_and(|it| !it.is_empty());
    let can_redraw =
        io::stderr().is_terminal() && env::var_os("TERM").is_none_or(|it| it != "dumb");
    Display::choose(quiet, can_redraw, is_ci)
}

impl PhiArgs {
    fn run(self) -> Result<(), Error> {
        let scope = match (self.complexes, self.phi_s_only) {
            (true, _) => Scope::Complexes,
            (false, true) => Scope::SystemAlone,
            (false, false) => Scope::System,
        };
        let rules = self.rules()?;
        let variant = self.variant.variant()?;
        only_iit3(self.formalism, &variant)?;
        let spectrum = self.spectrum()?;
        if spectrum.is_some() && !variant.is_default() {
            return Err(Error::Settings(format!("--ties with {variant}: expected one of them")));
        }
        let (place, networks) = self.networks.read()?;
        let question = phi::Question::new(networks, &place, scope, spectrum, rules)?;
        let relations = self.relations.map_or(Listing::None, Listing::First);
        let question = question.under(self.cut).listing_relations(relations);
        write_answers(question, variant, self.format, self.jobs)
    }

    /// Which Φ are asked for besides that of the theory's own choices.
    fn spectrum(&self) -> Result<Option<SpectrumRules>, Error> {
        let Some(ties) = self.ties else { return Ok(None) };
        let is_plain = ties == TieRule::All && self.cut_choices.is_none();
        let refuse = |message: String| Err(Error::Settings(message));
        if self.phi_s_only {
            return refuse("--ties with --phi-s-only: expected one of them".to_owned());
        }
        if self.complexes && (self.formalism.is_iit4() || !is_plain) {
            return refuse(
                "--ties with --complexes: expected one of them, or, of IIT 3.0, --ties alone, \
                 which counts ties"
                    .to_owned(),
            );
        }
        if self.formalism.is_iit4() && !is_plain {
            return refuse(format!(
                "a rule for --ties with {}: expected --formalism iit3, or --ties alone",
                self.formalism
            ));
        }
        let cuts = self.cut_choices.unwrap_or_default();
        Ok(Some(SpectrumRules { ties, cuts }))
    }

    /// The rules of IIT 4.0, if that is asked for.
    fn rules(&self) -> Result<Option<Rules>, Error> {
        only_iit4(self.formalism, "--phi-s-only", self.phi_s_only)?;
        only_iit4(self.formalism, "--relations", self.relations.is_some())?;
        iit4_rules(self.formalism, self.ties_policy)
    }
}

/// The rules of IIT 4.0, if that is asked for.
fn iit4_rules(formalism: Formalism, policy: Option<TiePolicy>) -> Result<Option<Rules>, Error> {
    only_iit4(formalism, "--ties-policy", policy.is_some())?;
    Ok(exact::rules(formalism, policy.unwrap_or_default()))
}

/// IIT 3.0 has no such option.
fn only_iit4(formalism: Formalism, option: &str, is_asked: bool) -> Result<(), Error> {
    if is_asked && !formalism.is_iit4() {
        return Err(Error::Settings(format!(
            "{option} with {formalism}: expected --formalism iit4-2023, iit4-2026 or \
             iit4-2026-paper"
        )));
    }
    Ok(())
}

impl MechanismArgs {
    fn run(self) -> Result<(), Error> {
        let rules = exact::rules(self.formalism, TiePolicy::default());
        if rules.is_some() && self.cut.is_some() {
            let asked = self.formalism;
            return Err(Error::Settings(format!("--cut with {asked}: expected --formalism iit3")));
        }
        let variant = self.variant.variant();
        only_iit3(self.formalism, &variant)?;
        let mechanism = MechanismUnits {
            mechanism: UnitName::parse_list(&self.mechanism),
            purview: self.purview.as_deref().map(UnitName::parse_list),
            directions: match self.direction {
                Some(Side::Cause) => vec![Direction::Cause],
                Some(Side::Effect) => vec![Direction::Effect],
                None => vec![Direction::Cause, Direction::Effect],
            },
        };
        let (place, networks) = self.networks.read()?;
        let question = phi::Question::new(networks, &place, Scope::System, None, rules)?;
        let question = question.of_mechanism(mechanism).under(self.cut);
        write_answers(question, variant, self.format, self.jobs)
    }
}

/// IIT 4.0 has no variants.
fn only_iit3(formalism: Formalism, variant: &Variant) -> Result<(), Error> {
    if formalism.is_iit4() && !variant.is_default() {
        return Err(Error::Settings(format!(
            "{variant} with {formalism}: expected --formalism iit3"
        )));
    }
    Ok(())
}

impl DistanceArgs {
    fn run(self) -> Result<(), Error> {
        let variant = self.variant.variant()?;
        let read = |path: &PathBuf| {
            let (place, input) = read(path, &exact::Reader::default(), false)?;
            let question = phi::Question::new(input, &place, Scope::System, None, None)?;
            say_notes(&question);
            question.networks().collect::<Result<Vec<_>, _>>()
        };
        let networks = self.files.iter().map(read).collect::<Result<Vec<_>, _>>()?.concat();
        let [first, second] = networks.as_slice() else {
            return Err(Error::Settings(format!(
                "distance of {} networks: expected two, in two files or in one",
                networks.len()
            )));
        };
        let engine = Engine::new(self.jobs.unwrap_or(0).into(), interrupt::flag(true)?)?;
        let found = engine.by(variant).distance([first, second])?;
        match self.format {
            Format::Text => {
                let width = console::Term::stdout().size_checked().map(|(_, width)| width.into());
                let text = phi::distance::text(&found, [first, second], width);
                print(&terminal_lines(&text))
            }
            Format::Json => print(&(serde_json::to_string(&found).expect("plain data") + "\n")),
        }
    }
}

/// Writes the answers to a question to standard output.
fn write_answers(
    question: phi::Question,
    variant: Variant,
    format: Format,
    jobs: Option<u16>,
) -> Result<(), Error> {
    let detail = Detail::default();
    let question = question.telling(detail.clone());
    say_notes(&question);
    let engine = Engine::new(jobs.unwrap_or(0).into(), interrupt::flag(true)?)?;
    let engine = engine.by(variant).telling(detail.clone());
    let _watch = Watch::new(display(false), detail);
    let mut out = io::stdout().lock();
    let solved = match format {
        Format::Text => {
            let width = console::Term::stdout().size_checked().map(|(_, width)| width.into());
            question.answer_text(&engine, width, &mut out)
        }
        Format::Json => question.answer_json(&engine, &mut out),
    };
    answered(solved)
}

fn answered(solved: Result<(), phi::Failure>) -> Result<(), Error> {
    match solved {
        Ok(()) => Ok(()),
        Err(phi::Failure::Study(error)) => Err(error),
        Err(phi::Failure::Output(error)) => output_failed(error),
    }
}

/// Says what was guessed, converted or passed over in reading.
fn say_notes(question: &phi::Question) {
    question.notes().iter().for_each(|note| say_note(note));
}

fn say_note(note: &str) {
    let _ = writeln!(io::stderr(), "note: {}", terminal(note));
}

impl GrainsArgs {
    fn run(self) -> Result<(), Error> {
        let (asked, searched) = (self.grains.asked()?, self.grains.searched());
        let (place, networks) = self.networks.read()?;
        let question = phi::Question::new(networks, &place, Scope::System, None, None)?;
        let question = question.on_grains(asked, searched);
        write_answers(question, Variant::default(), self.format, self.jobs)
    }
}

impl CausesArgs {
    fn run(self) -> Result<(), Error> {
        let asked = match (&self.next, self.nexus) {
            (Some(next), _) => {
                Asked::Events { next: given_state(next, "--next")?, is_extrinsic: self.extrinsic }
            }
            (None, true) => Asked::Nexus,
            (None, false) => Asked::Account { has_candidates: self.candidates },
        };
        if !matches!(asked, Asked::Account { .. }) && self.transition.names_units() {
            return Err(Error::Settings(
                "--cause or --effect with --nexus or --next: expected them with an account"
                    .to_owned(),
            ));
        }
        let (place, input) = self.networks.read_transitions()?;
        let question = Causes::new(input, place, &self.transition, asked)?;
        question.notes().iter().for_each(|note| say_note(note));
        let detail = Detail::default();
        let engine = Engine::new(self.jobs.unwrap_or(0).into(), interrupt::flag(true)?)?;
        let engine = engine.telling(detail.clone());
        let _watch = Watch::new(display(false), detail);
        let mut out = io::stdout().lock();
        answered(match self.format {
            Format::Text => question.answer_text(&engine, &mut out),
            Format::Json => question.answer_json(&engine, &mut out),
        })
    }
}

impl DrawArgs {
    fn run(self) -> Result<(), Error> {
        if self.causes {
            if !self.show.is_empty() || self.formalism.is_iit4() {
                return Err(Error::Settings(
                    "--causes with --show or --formalism: expected one of them".to_owned(),
                ));
            }
            let (place, input) = self.networks.read_transitions()?;
            let asked = Asked::Account { has_candidates: false };
            let question = Causes::new(input, place, &self.transition, asked)?;
            let all = question.transitions().collect::<Result<Vec<_>, _>>()?;
            question.notes().iter().for_each(|note| say_note(note));
            let kinds = ["account".to_owned()];
            return self.draw(all.len(), "transitions", &kinds, |engine, index, name| {
                Ok(vec![question.draw(engine, &all[index], name)?])
            });
        }
        if self.transition.is_given() {
            return Err(Error::Settings(
                "a transition without --causes: expected both, or neither".to_owned(),
            ));
        }
        let rules = iit4_rules(self.formalism, self.ties_policy)?;
        let (place, networks) = self.networks.read()?;
        let question = phi::Question::new(networks, &place, Scope::System, None, rules)?;
        let networks = question.networks().collect::<Result<Vec<_>, _>>()?;
        say_notes(&question);
        let kinds = match self.show.as_slice() {
            [] => Kind::usual(rules),
            some => some.to_vec(),
        };
        let names: Vec<String> = kinds.iter().map(|it| it.name()).collect();
        self.draw(networks.len(), "networks", &names, |engine, index, name| {
            picture::draw(engine, &networks[index], rules, name, &kinds)
        })
    }

    /// Draws what there is, each in several kinds of drawings.
    fn draw(
        &self,
        n_drawn: usize,
        what: &str,
        kinds: &[String],
        draw: impl Fn(&Engine, usize, &str) -> Result<Vec<Drawing>, Error>,
    ) -> Result<(), Error> {
        let stem = self.networks.stem();
        let names: Vec<String> = match n_drawn {
            1 => vec![stem],
            n => (0..n).map(|index| format!("{stem}-{index}")).collect(),
        };
        let extension = self.out.extension().and_then(|it| it.to_str());
        let one = extension.filter(|it| ["svg", "png", "pdf"].contains(it) && !self.out.is_dir());
        if one.is_some() && n_drawn != 1 {
            return Err(Error::Settings(format!(
                "output {}: the file has {n_drawn} {what}; expected a folder",
                self.out.display()
            )));
        }
        // All names are checked before anything is computed.
        let paths = |name: &str| match one {
            Some(_) => vec![self.out.clone()],
            None => kinds.iter().map(|it| self.out.join(format!("{name}.{it}.svg"))).collect(),
        };
        for path in names.iter().flat_map(|it| paths(it)) {
            if !self.force && exists(&path)? {
                let message = "exists: pass --force to write it anew, or another --out".to_owned();
                return Err(Error::Output { path, message });
            }
        }
        if one.is_none() {
            fs::create_dir_all(&self.out).map_err(|source| Error::Write {
                path: self.out.clone(),
                source,
                note: String::new(),
            })?;
        }
        let detail = Detail::default();
        let engine = Engine::new(self.jobs.unwrap_or(0).into(), interrupt::flag(true)?)?;
        let engine = engine.telling(detail.clone());
        let _watch = Watch::new(display(false), detail);
        let theme = if self.dark { Theme::Dark } else { Theme::Light };
        for (index, name) in names.iter().enumerate() {
            let drawings = draw(&engine, index, name)?;
            let contents = match one {
                None => drawings.iter().map(|it| it.svg_file(theme).into_bytes()).collect(),
                Some(form) => {
                    let all = drawings.into_iter().reduce(Drawing::above).expect("a drawing");
                    vec![match form {
                        "png" => (all.png(2.0, theme))
                            .or_else(|error| self.instead_of_png(&all, theme, error))?,
                        "pdf" => all.pdf(theme),
                        _ => all.svg_file(theme).into_bytes(),
                    }]
                }
            };
            for (path, content) in paths(name).iter().zip(contents) {
                write_whole(path, content)?;
                print_path(path)?;
            }
        }
        Ok(())
    }

    /// Keeps a drawing that is too large for a PNG as an SVG beside it, if that is free: its Φ may
    /// have taken hours.
    fn instead_of_png(
        &self,
        drawing: &Drawing,
        theme: Theme,
        error: Error,
    ) -> Result<Vec<u8>, Error> {
        let path = self.out.with_extension("svg");
        if exists(&path)? {
            return Err(error);
        }
        write_whole(&path, drawing.svg_file(theme))?;
        Err(Error::Settings(format!("{error}; the drawing is in {}", path.display())))
    }
}

impl ExploreArgs {
    fn run(self) -> Result<(), Error> {
        let theories = self.theories()?;
        let (place, networks) = self.networks.read()?;
        let rules = theories.iit4.filter(|_| !theories.iit3);
        let question = phi::Question::new(networks, &place, Scope::System, None, rules)?;
        let networks = question.networks().collect::<Result<Vec<_>, _>>()?;
        say_notes(&question);
        let [network] = networks.as_slice() else {
            let n = networks.len();
            return Err(Error::Settings(format!("{place}: {n} networks or states; expected one")));
        };
        let name = self.networks.stem();
        let path = self.out.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.html")));
        if !self.force && exists(&path)? {
            let message = "exists: pass --force to write it anew, or another --out".to_owned();
            return Err(Error::Output { path, message });
        }
        let detail = Detail::default();
        let engine = Engine::new(self.jobs.unwrap_or(0).into(), interrupt::flag(true)?)?;
        let _watch = Watch::new(display(false), detail.clone());
        let told = |done, total| {
            detail.set(Some(Steps { what: "states", done, total, best: None, remaining: None }));
        };
        let page = explore::page(&engine, network, theories, self.states, &name, &told)?;
        let said = match page.n_left_out {
            0 => String::new(),
            n => format!("; {n} do not fit"),
        };
        let bytes = page.html.len();
        write_whole(&path, page.html)?;
        let mib = bytes as f64 / f64::from(1 << 20);
        let _ = writeln!(io::stderr(), "note: {mib:.1} MiB, {} states{said}", page.n_states);
        print_path(&path)
    }

    fn theories(&self) -> Result<Theories, Error> {
        let (iit4, iit3): (Vec<Formalism>, Vec<Formalism>) =
            self.formalism.iter().partition(|it| it.is_iit4());
        if iit3.len() > 1 || iit4.len() > 1 {
            return Err(Error::Settings(
                "--formalism: expected one theory, or iit3 and a version of IIT 4.0".to_owned(),
            ));
        }
        let rules = match iit4.first() {
            Some(it) => iit4_rules(*it, self.ties_policy)?,
            None => iit4_rules(Formalism::Iit3, self.ties_policy)?,
        };
        Ok(Theories { iit3: !iit3.is_empty(), iit4: rules })
    }
}

impl RunsArgs {
    fn run(self) -> Result<(), Error> {
        let listed = store::list(&self.runs)?;
        match self.format {
            Format::Text => print(&runs(&listed, &self.runs.display().to_string())),
            Format::Json => {
                print(&(serde_json::to_string_pretty(&listed).expect("plain data") + "\n"))
            }
        }
    }
}

impl ReportArgs {
    fn run(self) -> Result<(), Error> {
        let page = Report::write(&named(&self.runs, self.run))?;
        print_path(&page)
    }
}

/// Check that statistics and report can be written into the folder of a run: there are none, or
/// those of this program.
pub(crate) fn check_results(folder: &Path) -> Result<(), Error> {
    check_summary(&folder.join("summary.json"))?;
    Report::check_paths(folder)
}

/// Statistics, report and verdict of a finished run. Even if one of them cannot be written, the
/// others may.
pub(crate) fn conclude(
    folder: &Path,
    contents: &Contents,
    events: Option<&Events>,
) -> Result<(), Error> {
    let summary = Summaries::of(contents);
    let written = summary.write(&folder.join("summary.json"));
    let reported = Report::write_of(folder, contents, &summary);
    show(&summary, folder, events, written.and(reported.map(drop)))
}

/// Shows what was found, and tells that the run is finished if everything was written.
fn show(
    summary: &Summaries,
    output: &Path,
    events: Option<&Events>,
    written: Result<(), Error>,
) -> Result<(), Error> {
    match events {
        None => print(&terminal_lines(&summary.to_string()))?,
        Some(events) => {
            events.emit(&Event::Summary { summary });
            if written.is_ok() {
                events.emit(&Event::Finished { output: output.to_owned() });
            }
        }
    }
    written
}

/// The files of a run, as far as it is told of them.
struct Files<'a> {
    /// The rows.
    csv: &'a Path,
    /// What the user may want to look at in the end.
    results: &'a [&'a Path],
    /// What was found and put right on opening.
    notes: &'a [String],
}

/// The folder of a run that is named by its name or by its path.
pub(crate) fn named(runs: &Path, run: PathBuf) -> PathBuf {
    let named = runs.join(&run);
    if named.is_dir() || !run.exists() { named } else { run }
}

/// Moves an earlier run out of the way and says where it is now.
pub(crate) fn set_aside(folder: &Path) -> Result<(), Error> {
    if let Some(moved) = set_aside::set_aside(folder)? {
        let _ = writeln!(io::stderr(), "the old results are in {}", moved.display());
    }
    Ok(())
}

/// The folder of the run `name`.
pub(crate) fn run_path(runs: &Path, name: &str) -> Result<PathBuf, Error> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(part)), None) if part == name && !name.contains(is_hidden) => {
            Ok(runs.join(name))
        }
        _ => Err(Error::Settings(format!(
            "run {name:?}: expected a name that can be that of a folder, without separators and \
             control \
             characters"
        ))),
    }
}

/// Writes the path of a file as a line to standard output.
fn print_path(path: &Path) -> Result<(), Error> {
    print(&format!("{}\n", terminal(&path.display().to_string())))
}

/// Writes to standard output.
pub(crate) fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).or_else(output_failed)
}

/// A reader that has seen enough, as in `| head`, is no failure.
pub(crate) fn output_failed(source: io::Error) -> Result<(), Error> {
    match source.kind() {
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(Error::Write { path: "standard output".into(), source, note: String::new() }),
    }
}
