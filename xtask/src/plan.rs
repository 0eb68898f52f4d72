//! From resources to a ladder of builds: fast first, frugal last.
//!
//! [`plan`] is pure. What a strategy needs is measured for this project's own example ([`STUDY_FIGURES`]); for any
//! other the user's estimates for a large tree are the prior, and a prior never refuses a build.

use serde::Serialize;

use crate::{cli::Choice, resources::Resources, workspace::Workspace};

/// A need is the measured peak times this: peaks are sampled, and another linker, rustc or neighbour shifts them.
const SAFETY: f64 = 1.5;

/// The ways to build, fastest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Strategy {
    /// Release, all CPUs.
    Full,
    /// Release, one job.
    A,
    /// Release, one job, no LTO, more codegen units.
    ALight,
    /// Release, one job, library first.
    C,
    /// Debug without debug information, one job.
    B,
}

/// What one strategy costs in this project, measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figure {
    /// Peak of the whole process tree with one job, MiB of its own pages.
    pub(crate) one_job_mib: u32,
    /// What every further job adds.
    pub(crate) further_job_mib: u32,
    /// Where it stops growing: the dependency graph is only so wide.
    pub(crate) most_mib: u32,
    /// Time from an empty target folder with one job.
    pub(crate) build_one_job_seconds: u32,
    /// The same with two jobs on two CPUs.
    pub(crate) build_two_jobs_seconds: u32,
    /// CPU time of the 160 comparisons.
    pub(crate) run_cpu_seconds: u32,
}

/// The figures of every strategy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) full: Figure,
    pub(crate) a: Figure,
    pub(crate) a_light: Figure,
    pub(crate) c: Figure,
    pub(crate) b: Figure,
    /// Size of the target folder after the largest of the builds.
    pub(crate) target_mib: u32,
}

/// The user's estimates, made for a larger dependency tree; shown beside the measured figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Prior {
    pub(crate) memory: &'static str,
    pub(crate) build: &'static str,
    pub(crate) run: &'static str,
    /// Upper end of `memory`, in bytes of 1000³.
    pub(crate) memory_most_bytes: u64,
}

/// Memory a strategy is taken to need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Need {
    pub(crate) bytes: u64,
    pub(crate) source: Source,
}

/// Where a need comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Source {
    /// Measured peak times the safety factor.
    Measured,
    /// The user's estimate for another project.
    Prior,
}

/// Whether a need can be met now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fit {
    /// In memory.
    Fits,
    /// Only with the help of swap, which is slow.
    WithSwap,
    No,
}

/// One way to build, ready to be tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Rung {
    pub(crate) strategy: Strategy,
    pub(crate) jobs: usize,
    /// Environment that makes the strategy what it is.
    pub(crate) env: Vec<(String, String)>,
    /// Arguments of cargo, one list per step.
    pub(crate) steps: Vec<Vec<String>>,
    pub(crate) need: Need,
    pub(crate) fit: Fit,
    /// Measured peak, without the safety factor.
    pub(crate) measured_peak_bytes: Option<u64>,
    /// Expected from an empty target folder.
    pub(crate) build_seconds: Option<u64>,
    /// Expected for the 160 comparisons on all CPUs.
    pub(crate) run_seconds: Option<u64>,
    pub(crate) prior: Prior,
}

/// The ladder and where to start on it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Plan {
    /// Every strategy, fastest first.
    pub(crate) rungs: Vec<Rung>,
    /// Indices of the rungs to be tried, in order; empty if none fits.
    pub(crate) order: Vec<usize>,
    /// Why it starts where it starts.
    pub(crate) reason: String,
    /// Whether processes are to be stopped first (option d).
    pub(crate) make_room_first: bool,
}

/// Not measured yet.
pub(crate) const STUDY_FIGURES: Option<Figures> = None;

impl Strategy {
    pub(crate) const ALL: [Strategy; 5] =
        [Strategy::Full, Strategy::A, Strategy::ALight, Strategy::C, Strategy::B];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Strategy::Full => "full",
            Strategy::A => "a",
            Strategy::ALight => "a-light",
            Strategy::C => "c",
            Strategy::B => "b",
        }
    }

    pub(crate) fn description(self) -> &'static str {
        match self {
            Strategy::Full => "release, all CPUs",
            Strategy::A => "release, one job",
            Strategy::ALight => "release, one job, no LTO, more codegen units",
            Strategy::C => "release, one job, library first",
            Strategy::B => "debug without debug information, one job",
        }
    }

    fn prior(self) -> Prior {
        let prior = |memory, most_gb: u64, build, run| Prior {
            memory,
            build,
            run,
            memory_most_bytes: most_gb * 1_000_000_000,
        };
        match self {
            Strategy::Full => prior("8-10 GB", 10, "10 min", "8-15 h"),
            // The user has no figure for the light variant.
            Strategy::A | Strategy::ALight => prior("4-5 GB", 5, "20-30 min", "8-15 h"),
            Strategy::C => prior("4-5 GB in two stages", 5, "25-35 min", "8-15 h"),
            Strategy::B => prior("2-3 GB", 3, "5-10 min", "80-150 h"),
        }
    }

    /// Variables that turn the plain command into this strategy.
    fn env(self) -> Vec<(String, String)> {
        let jobs = ("CARGO_BUILD_JOBS", "1");
        let env: &[(&str, &str)] = match self {
            Strategy::Full => &[],
            Strategy::A | Strategy::C => &[jobs],
            Strategy::ALight => &[
                jobs,
                ("CARGO_PROFILE_RELEASE_LTO", "off"),
                ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256"),
            ],
            // Debug information is what makes a debug build need more memory than a release build.
            Strategy::B => &[jobs, ("CARGO_PROFILE_DEV_DEBUG", "0")],
        };
        env.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    fn steps(self, workspace: &Workspace) -> Vec<Vec<String>> {
        let command = |what: &[&str]| {
            let mut args: Vec<&str> = vec!["build"];
            args.extend(what);
            if !workspace.features.is_empty() {
                args.extend(["--features", &workspace.features]);
            }
            if self != Strategy::B {
                args.push("--release");
            }
            args.into_iter().map(String::from).collect::<Vec<_>>()
        };
        let example = command(&["--example", &workspace.example]);
        if self == Strategy::C && workspace.has_lib {
            // The features must be the same, or the library is built twice.
            vec![command(&["--lib"]), example]
        } else {
            vec![example]
        }
    }
}

impl Figures {
    /// What the target folder may grow by.
    pub(crate) fn disk_bytes(&self) -> u64 {
        with_safety(u64::from(self.target_mib) << 20)
    }

    fn of(&self, strategy: Strategy) -> &Figure {
        match strategy {
            Strategy::Full => &self.full,
            Strategy::A => &self.a,
            Strategy::ALight => &self.a_light,
            Strategy::C => &self.c,
            Strategy::B => &self.b,
        }
    }
}

impl Figure {
    fn peak_bytes(&self, jobs: usize) -> u64 {
        let further = u64::try_from(jobs - 1).unwrap_or(u64::MAX);
        let mib = u64::from(self.further_job_mib)
            .saturating_mul(further)
            .saturating_add(self.one_job_mib.into());
        mib.min(self.most_mib.into()) << 20
    }

    /// Amdahl's law through the two measured times.
    fn build_seconds(&self, jobs: usize) -> u64 {
        let (one, two) =
            (f64::from(self.build_one_job_seconds), f64::from(self.build_two_jobs_seconds));
        let serial = (2.0 * two - one).max(0.0);
        round(serial + (one - serial) / as_f64(jobs))
    }

    /// The comparisons share nothing, so they divide among the CPUs.
    fn run_seconds(&self, n_cpus: usize) -> u64 {
        round(f64::from(self.run_cpu_seconds) / as_f64(n_cpus))
    }
}

/// Lay out the ladder for `workspace` on a machine with these resources.
///
/// `full_jobs` is the number of jobs of a plain cargo build. `figures` are the measured needs, if there are any for
/// this workspace.
pub(crate) fn plan(
    resources: &Resources,
    workspace: &Workspace,
    figures: Option<&Figures>,
    full_jobs: usize,
    choice: Choice,
) -> Plan {
    let rungs: Vec<Rung> = Strategy::ALL
        .into_iter()
        .map(|strategy| rung(strategy, resources, workspace, figures, full_jobs))
        .collect();
    let index = |strategy| Strategy::ALL.iter().position(|it| *it == strategy).unwrap_or_default();
    let named = match choice {
        Choice::Auto => None,
        Choice::Full => Some(Strategy::Full),
        // Making room comes before the build; the build is then the recommended one.
        Choice::A | Choice::D => Some(Strategy::A),
        Choice::ALight => Some(Strategy::ALight),
        Choice::C => Some(Strategy::C),
        Choice::B => Some(Strategy::B),
    };
    let (order, reason) = match named {
        Some(strategy) => {
            (vec![index(strategy)], format!("option {} was asked for", strategy.name()))
        }
        None => automatic(&rungs, resources),
    };
    Plan { rungs, order, reason, make_room_first: choice == Choice::D }
}

/// Start at the fastest strategy that fits into memory, else at the fastest that fits with swap.
fn automatic(rungs: &[Rung], resources: &Resources) -> (Vec<usize>, String) {
    let first = |fit| rungs.iter().position(|it| it.fit == fit);
    let available = bytes(resources.available_bytes());
    let because = |start: usize, with: &str| {
        let need = rungs[start].need;
        let words = match need.source {
            Source::Measured => "needs",
            Source::Prior => "is taken to need",
        };
        format!("{words} {}, and {available}{with} is available", bytes(need.bytes))
    };
    let with_swap = format!(" plus {} of swap", bytes(resources.swap_available_bytes()));
    let start = first(Fit::Fits)
        .map(|it| (it, because(it, "")))
        .or_else(|| first(Fit::WithSwap).map(|it| (it, because(it, &with_swap))));
    match start {
        Some((start, because)) => {
            let name = rungs[start].strategy.name();
            (
                (start..rungs.len()).collect(),
                format!("{name} is the fastest that fits: it {because}"),
            )
        }
        // Nothing is known of this workspace: begin frugally and learn.
        None if rungs.iter().all(|it| it.need.source == Source::Prior) => (
            (1..rungs.len()).collect(),
            format!(
                "what this workspace needs is not known, and {available} is little: one job at a time"
            ),
        ),
        None => {
            let least = rungs.iter().map(|it| it.need.bytes).min().unwrap_or_default();
            let reason = format!(
                "nothing fits: the most frugal strategy needs {}, and {available}{with_swap} is available",
                bytes(least)
            );
            (Vec::new(), reason)
        }
    }
}

fn rung(
    strategy: Strategy,
    resources: &Resources,
    workspace: &Workspace,
    figures: Option<&Figures>,
    full_jobs: usize,
) -> Rung {
    let jobs = if strategy == Strategy::Full { full_jobs.max(1) } else { 1 };
    let prior = strategy.prior();
    let figure = figures.map(|it| it.of(strategy));
    let measured_peak_bytes = figure.map(|it| it.peak_bytes(jobs));
    let need = match measured_peak_bytes {
        Some(peak) => Need { bytes: with_safety(peak), source: Source::Measured },
        None => Need { bytes: prior.memory_most_bytes, source: Source::Prior },
    };
    let available = resources.available_bytes();
    let fit = if need.bytes <= available {
        Fit::Fits
    } else if need.bytes <= available.saturating_add(resources.swap_available_bytes()) {
        Fit::WithSwap
    } else {
        Fit::No
    };
    Rung {
        strategy,
        jobs,
        env: strategy.env(),
        steps: strategy.steps(workspace),
        need,
        fit,
        measured_peak_bytes,
        build_seconds: figure.map(|it| it.build_seconds(jobs)),
        run_seconds: figure.map(|it| it.run_seconds(resources.n_cpus)),
        prior,
    }
}

impl Plan {
    /// For a user who insists although nothing fits: the strategy that needs least, alone.
    pub(crate) fn with_the_most_frugal(self) -> Plan {
        let least = (0..self.rungs.len()).min_by_key(|it| self.rungs[*it].need.bytes);
        let reason = format!("{}; started all the same, because of --yes", self.reason);
        Plan { order: least.into_iter().collect(), reason, ..self }
    }

    /// The rung that is tried first.
    pub(crate) fn start(&self) -> Option<&Rung> {
        self.order.first().map(|it| &self.rungs[*it])
    }

    /// The rungs to be tried, in order.
    pub(crate) fn ladder(&self) -> impl Iterator<Item = &Rung> {
        self.order.iter().map(|it| &self.rungs[*it])
    }
}

impl Rung {
    /// The command lines, as one would type them.
    pub(crate) fn commands(&self) -> Vec<String> {
        let env: String = self.env.iter().map(|(name, value)| format!("{name}={value} ")).collect();
        self.steps.iter().map(|args| format!("{env}cargo {}", args.join(" "))).collect()
    }

    /// How many times longer the run takes than after the fastest build.
    pub(crate) fn slowdown(&self, fastest: &Rung) -> Option<f64> {
        let (own, fast) = (self.run_seconds?, fastest.run_seconds?);
        (fast > 0).then(|| as_f64(own) / as_f64(fast))
    }
}

/// The number of jobs of a plain `cargo build`: `CARGO_BUILD_JOBS` if it is a positive number, else the CPUs.
pub(crate) fn full_jobs(variable: Option<&str>, n_cpus: usize) -> usize {
    variable.and_then(|it| it.trim().parse().ok()).filter(|it| *it > 0).unwrap_or(n_cpus)
}

/// A size for people: GiB with one decimal, or MiB.
pub(crate) fn bytes(n: u64) -> String {
    const GIB: u64 = 1 << 30;
    if n >= GIB {
        format!("{:.1} GiB", as_f64(n) / as_f64(GIB))
    } else {
        format!("{} MiB", n >> 20)
    }
}

fn with_safety(bytes: u64) -> u64 {
    round(as_f64(bytes) * SAFETY)
}

/// Exact below 2⁵³, which no size or time here reaches.
fn as_f64(n: impl TryInto<u64>) -> f64 {
    n.try_into().unwrap_or(u64::MAX) as f64
}

/// `as` saturates, and nothing here is negative.
fn round(x: f64) -> u64 {
    x.round() as u64
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn workspace() -> Workspace {
        Workspace {
            root: "/w".into(),
            target_dir: "/w/target".into(),
            example: "pyphi_validation".into(),
            features: "pyphi".into(),
            package_dir: "/w".into(),
            has_lib: true,
            rust_version: None,
            is_study: true,
        }
    }
}
