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
    pub(crate) peak_mib: u32,
    /// Time from an empty target folder with one job.
    pub(crate) build_seconds: u32,
    /// CPU time of the 160 comparisons.
    pub(crate) run_cpu_seconds: u32,
}

/// What more than one job changes, measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parallel {
    /// What every further job adds to the peak.
    pub(crate) further_job_mib: u32,
    /// Where it stops growing: the dependency graph is only so wide.
    pub(crate) most_mib: u32,
    /// Build time with two jobs on two CPUs.
    pub(crate) two_jobs_seconds: u32,
}

/// The figures of a workspace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// A plain release build, with as many jobs as there are CPUs, is this and `parallel`.
    pub(crate) a: Figure,
    pub(crate) a_light: Figure,
    pub(crate) c: Figure,
    pub(crate) b: Figure,
    pub(crate) parallel: Parallel,
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

/// What building and running the study costs, measured on 2 cores with 24 GiB (x86-64, Linux 6.18, rustc 1.95, rust-lld)
/// on 2026-11-22; the builds at commit 3281e43.
///
/// Peaks: the highest of two or three builds from an empty target folder, `CARGO_TARGET_DIR=$(mktemp -d)
/// CARGO_BUILD_JOBS=N cargo xtask build --option NAME --format json`, field `peak_bytes`. With N = 1, 2, 4, 8, 16, 64
/// jobs the plain release build held 458, 562, 805, 983, 1079, 1032 MiB. One compiler decides the peak with one job
/// (the crate `wide`, whatever the profile), so no strategy with one job needs much less than another.
///
/// Times: CPU seconds for one job, wall time for two. The run: CPU seconds of all 160 comparisons in release (13.2) and in
/// debug (15.5), `time pyphi_validation --quiet`; a-light by its ratio to release (1.16) on three networks of 8 units.
pub(crate) const STUDY_FIGURES: Figures = Figures {
    a: Figure { peak_mib: 458, build_seconds: 88, run_cpu_seconds: 13 },
    a_light: Figure { peak_mib: 460, build_seconds: 80, run_cpu_seconds: 15 },
    c: Figure { peak_mib: 453, build_seconds: 97, run_cpu_seconds: 13 },
    b: Figure { peak_mib: 432, build_seconds: 81, run_cpu_seconds: 16 },
    parallel: Parallel { further_job_mib: 116, most_mib: 1079, two_jobs_seconds: 54 },
    target_mib: 315,
};

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
            Strategy::Full | Strategy::A => &self.a,
            Strategy::ALight => &self.a_light,
            Strategy::C => &self.c,
            Strategy::B => &self.b,
        }
    }

    fn peak_bytes(&self, strategy: Strategy, jobs: usize) -> u64 {
        let one = u64::from(self.of(strategy).peak_mib);
        let further = u64::try_from(jobs - 1).unwrap_or(u64::MAX);
        let sum =
            u64::from(self.parallel.further_job_mib).saturating_mul(further).saturating_add(one);
        sum.min(u64::from(self.parallel.most_mib).max(one)) << 20
    }

    /// Amdahl's law through the times with one and with two jobs.
    fn build_seconds(&self, strategy: Strategy, jobs: usize) -> u64 {
        let one = f64::from(self.of(strategy).build_seconds);
        let serial = (2.0 * f64::from(self.parallel.two_jobs_seconds) - one).max(0.0);
        if jobs == 1 { round(one) } else { round(serial + (one - serial) / as_f64(jobs)) }
    }

    /// The comparisons share nothing, so they divide among the CPUs.
    fn run_seconds(&self, strategy: Strategy, n_cpus: usize) -> u64 {
        round(f64::from(self.of(strategy).run_cpu_seconds) / as_f64(n_cpus))
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
    let measured_peak_bytes = figures.map(|it| it.peak_bytes(strategy, jobs));
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
        build_seconds: figures.map(|it| it.build_seconds(strategy, jobs)),
        run_seconds: figures.map(|it| it.run_seconds(strategy, resources.n_cpus)),
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
    use crate::resources::tests::{contained, machine, users_evening};

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

    /// Made-up figures, round so that the tests can be read: 400 MiB for one job, 100 for each further one.
    pub(crate) fn figures() -> Figures {
        let figure = |peak_mib| Figure { peak_mib, build_seconds: 100, run_cpu_seconds: 1000 };
        Figures {
            a: figure(400),
            a_light: figure(350),
            c: figure(400),
            b: Figure { run_cpu_seconds: 3000, ..figure(300) },
            parallel: Parallel { further_job_mib: 100, most_mib: 2000, two_jobs_seconds: 60 },
            target_mib: 200,
        }
    }

    /// The strategies that would be tried, in order.
    fn order(resources: &Resources, figures: Option<&Figures>, choice: Choice) -> String {
        let plan = plan(resources, &workspace(), figures, resources.n_cpus, choice);
        plan.ladder().map(|it| it.strategy.name()).collect::<Vec<_>>().join(" ")
    }

    #[track_caller]
    fn check(resources: &Resources, expected: &str) {
        assert_eq!(order(resources, Some(&figures()), Choice::Auto), expected);
    }

    #[test]
    fn it_starts_at_the_fastest_that_fits() {
        // Full with 8 jobs: (400 + 7 · 100) · 1.5 = 1650 MiB. One job: 600 MiB. B: 450 MiB.
        check(&machine(16.0, 12.0, 0.0, 0.0, 8), "full a a-light c b");
        check(&machine(16.0, 1.7, 0.0, 0.0, 8), "full a a-light c b");
        check(&machine(16.0, 1.6, 0.0, 0.0, 8), "a a-light c b");
        check(&machine(2.0, 0.55, 0.0, 0.0, 2), "a-light c b");
        check(&machine(2.0, 0.45, 0.0, 0.0, 2), "b");
        check(&machine(1.0, 0.3, 0.0, 0.0, 1), "");
        // Swap helps only where nothing fits without it.
        check(&machine(2.0, 0.55, 4.0, 4.0, 2), "a-light c b");
        check(&machine(1.0, 0.3, 2.0, 2.0, 1), "full a a-light c b");
        check(&contained(machine(64.0, 60.0, 8.0, 8.0, 32), 1.0, 0.3), "a a-light c b");
    }

    /// The measured figures on the machines people have.
    #[test]
    fn the_study_is_planned_for_five_machines() {
        #[track_caller]
        fn check(what: &str, resources: &Resources, start: &str, fit: Fit) {
            let jobs = resources.n_cpus;
            let plan = plan(resources, &workspace(), Some(&STUDY_FIGURES), jobs, Choice::Auto);
            let found = plan.start().map(|it| (it.strategy.name(), it.fit));
            assert_eq!(found, Some((start, fit)), "{what}: {}", plan.reason);
        }
        // 16 jobs need 1.6 GiB, and 1.4 are free: swap would do, but one job does without.
        check("the user's evening", &users_evening(), "a", Fit::Fits);
        check("2 GiB VPS", &machine(2.0, 1.6, 0.0, 0.0, 1), "full", Fit::Fits);
        check("2 GiB VPS, busy", &machine(2.0, 0.5, 2.0, 1.9, 1), "full", Fit::WithSwap);
        check("4 GiB Pi", &machine(4.0, 3.2, 0.1, 0.1, 4), "full", Fit::Fits);
        check("4 GiB Pi with a desktop", &machine(4.0, 1.1, 0.1, 0.1, 4), "a", Fit::Fits);
        let host = machine(128.0, 100.0, 0.0, 0.0, 32);
        check("6 GiB container", &contained(host.clone(), 6.0, 0.5), "full", Fit::Fits);
        check("1 GiB container", &contained(host, 1.0, 0.1), "a", Fit::Fits);
        check("64 GiB laptop", &machine(64.0, 50.0, 0.0, 0.0, 16), "full", Fit::Fits);
    }

    #[test]
    fn a_strategy_by_name_is_tried_alone_and_d_is_a_with_room() {
        let roomy = machine(16.0, 12.0, 0.0, 0.0, 8);
        let cases = [
            (Choice::Full, "full"),
            (Choice::A, "a"),
            (Choice::ALight, "a-light"),
            (Choice::C, "c"),
            (Choice::B, "b"),
            (Choice::D, "a"),
        ];
        for (choice, expected) in cases {
            assert_eq!(order(&roomy, Some(&figures()), choice), expected);
            let plan = plan(&roomy, &workspace(), None, 8, choice);
            assert_eq!(plan.make_room_first, choice == Choice::D);
        }
    }

    #[test]
    fn an_unknown_workspace_is_never_refused() {
        let order = |available| order(&machine(64.0, available, 0.0, 0.0, 8), None, Choice::Auto);
        assert_eq!(order(40.0), "full a a-light c b");
        assert_eq!(order(6.0), "a a-light c b");
        assert_eq!(order(0.1), "a a-light c b");
    }

    #[test]
    fn whoever_insists_gets_the_most_frugal() {
        let figures = figures();
        let small = machine(1.0, 0.2, 0.0, 0.0, 1);
        let plan = plan(&small, &workspace(), Some(&figures), 1, Choice::Auto);
        assert!(
            plan.start().is_none() && plan.reason.starts_with("nothing fits"),
            "{}",
            plan.reason
        );
        assert_eq!(plan.with_the_most_frugal().start().unwrap().strategy, Strategy::B);
    }

    #[test]
    fn the_reason_holds_both_numbers() {
        let plan = plan(&users_evening(), &workspace(), Some(&figures()), 16, Choice::Auto);
        assert_eq!(
            plan.reason,
            "a is the fastest that fits: it needs 600 MiB, and 1.4 GiB is available"
        );
    }

    #[test]
    fn the_commands_are_the_user_s() {
        let plan = plan(&machine(16.0, 12.0, 0.0, 0.0, 8), &workspace(), None, 8, Choice::Auto);
        let commands =
            |strategy| plan.rungs.iter().find(|it| it.strategy == strategy).unwrap().commands();
        let release = "cargo build --example pyphi_validation --features pyphi --release";
        assert_eq!(commands(Strategy::Full), [release]);
        assert_eq!(commands(Strategy::A), [format!("CARGO_BUILD_JOBS=1 {release}")]);
        assert_eq!(
            commands(Strategy::C),
            [
                "CARGO_BUILD_JOBS=1 cargo build --lib --features pyphi --release".to_owned(),
                format!("CARGO_BUILD_JOBS=1 {release}")
            ]
        );
        assert_eq!(
            commands(Strategy::B),
            [
                "CARGO_BUILD_JOBS=1 CARGO_PROFILE_DEV_DEBUG=0 cargo build --example pyphi_validation --features pyphi"
            ]
        );
        let no_lib = Workspace { has_lib: false, ..workspace() };
        assert_eq!(Strategy::C.steps(&no_lib).len(), 1);
    }

    #[test]
    fn expected_times_follow_jobs_and_cpus() {
        let figures = figures();
        // 100 s with one job and 60 with two: 20 s cannot be divided.
        for (jobs, expected) in [(1, 100), (2, 60), (8, 30)] {
            assert_eq!(figures.build_seconds(Strategy::Full, jobs), expected);
        }
        assert_eq!(figures.run_seconds(Strategy::Full, 8), 125);
        assert_eq!(figures.run_seconds(Strategy::B, 8), 375);
        assert_eq!(figures.peak_bytes(Strategy::Full, 4), 700 << 20);
        assert_eq!(figures.peak_bytes(Strategy::Full, 32), 2000 << 20);
    }

    #[test]
    fn jobs_of_a_plain_build_follow_cargo_s_variable() {
        let cases =
            [(None, 8), (Some("3"), 3), (Some("0"), 8), (Some("default"), 8), (Some("-1"), 8)];
        for (variable, expected) in cases {
            assert_eq!(full_jobs(variable, 8), expected, "{variable:?}");
        }
    }

    #[test]
    fn sizes_are_short() {
        let cases = [
            (0, "0 MiB"),
            (1 << 29, "512 MiB"),
            (3 << 29, "1.5 GiB"),
            (25_000_000_000, "23.3 GiB"),
        ];
        for (n, expected) in cases {
            assert_eq!(bytes(n), expected);
        }
    }
}
