//! The plan of a build, from resources and past builds to a ladder: fast first, frugal last.
//!
//! `plan` is pure. What a strategy needs comes, in this order, from the ledger of past builds,
//! from the peaks of the single compilers in it, from the figures measured for the program on
//! another machine ([`measured`]), from a strategy that is known by the measured weight of what
//! differs, and at last from the user's estimates for a large dependency tree. An estimate only
//! chooses where to start; it never refuses a build.
//!
//! Measurements have decided which strategies are on the ladder: fewer jobs always help; switching
//! off LTO helps where it is fat, debug information where there is any, several codegen units where
//! there was one. Building the library first lowers no peak, so it is there by name only. A debug
//! build with debug information can need twice the memory of a release build, so the last rung goes
//! without.

pub mod measured;
pub(crate) mod obstacle;
pub mod preflight;
mod show;
pub mod strategy;

pub use show::checks_shown;

use serde::Serialize;

use self::{
    measured::Figures,
    strategy::{Estimate, Strategy, weight_of},
};
use crate::{
    build_ledger::{BuildKey, BuildLedger, UnitKind},
    machine::resources::Resources,
    numbers::{as_f64, bytes, sum, times},
    workspace::Workspace,
    workspace::profile::{ProfileSettings, variable_name},
};

/// A need is the expected peak times this. Peaks are sampled, and a neighbour shifts them.
const SAFETY_MEASURED: f64 = 1.25;
/// The memory that cargo itself holds: 20 to 40 MiB.
const CARGO_BYTES: u64 = 40 << 20;
/// Attempts before giving up: one as it should be, the most frugal release build, and a debug
/// build.
const ATTEMPTS_MOST: usize = 3;

/// The strategy that the user chooses to build with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The fastest strategy that fits, then the more frugal ones.
    #[default]
    Auto,
    /// This strategy alone.
    Strategy(Strategy),
    /// Pause or stop processes that the user chooses, then build with one job (option d).
    MakeRoom,
}

/// The memory that a strategy is expected to hold at its peak, and the time that it is expected to
/// take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Expected {
    pub(crate) peak_bytes: u64,
    pub(crate) source: Source,
    /// The time from an empty target folder; `None` if there is no idea.
    pub(crate) build_seconds: Option<f64>,
}

/// The source of an expectation, the most trustworthy first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Source {
    /// This build was done before in this target folder.
    Measured,
    /// The compilers of past builds with these settings.
    Compilers,
    /// Measured for this project on another machine.
    Shipped,
    /// Another strategy that is known, by the measured weight of the difference.
    Derived,
    /// The user's estimate for another project.
    Prior,
}

/// Relation of a need to what there is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fit {
    /// In memory.
    Fits,
    /// Not all compilers at once, or not with the reserve: the guard lets in as many as fit, and
    /// what does not fit alone costs an attempt and does no harm.
    Guarded,
    /// Only with the help of swap, which is slow.
    WithSwap,
    No,
}

/// One way to build, ready to be tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Rung {
    pub(crate) strategy: Strategy,
    /// Most compilers at once.
    pub(crate) jobs: usize,
    /// The key under which the ledger remembers this build.
    pub(crate) key: BuildKey,
    /// Environment that makes the strategy what it is.
    pub(crate) env: Vec<(String, String)>,
    /// Arguments of cargo, one list per step.
    pub(crate) steps: Vec<Vec<String>>,
    pub(crate) expected: Expected,
    /// The expected peak and what is kept in reserve.
    pub(crate) need_bytes: u64,
    /// With less than this it is not tried: the need, or under a guard a little less than the
    /// largest compiler was seen to hold. 0 if nothing is known.
    pub(crate) least_bytes: u64,
    /// The memory that it held when it ran out of memory, or when part of it was up to date. It
    /// needs no less. 0 if it was never tried.
    pub(crate) at_least_bytes: u64,
    pub(crate) fit: Fit,
    /// Expected for the 160 comparisons on all CPUs; `None` in another workspace.
    pub(crate) run_seconds: Option<u64>,
    /// `true` if it can lower the peak here; if not, it is tried only by name.
    pub(crate) on_ladder: bool,
    /// The measured effect of the strategy, in words.
    pub(crate) finding: String,
    pub(crate) prior: Estimate,
}

/// The ladder and where to start on it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Plan {
    /// Every strategy, fastest first.
    pub(crate) rungs: Vec<Rung>,
    /// Indices of the rungs to be tried, in order; empty if none fits.
    pub(crate) order: Vec<usize>,
    /// The reason for the first rung.
    pub(crate) reason: String,
    /// `true` if the strategy was named by the user.
    pub(crate) by_name: bool,
    /// `true` if room is to be made first (option d).
    pub(crate) make_room_first: bool,
}

/// Everything a plan follows from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) resources: &'a Resources,
    pub(crate) workspace: &'a Workspace,
    /// As [`crate::workspace::Toolchain::key`] gives it.
    pub(crate) toolchain: &'a str,
    pub(crate) ledger: &'a BuildLedger,
    /// Figures that were measured elsewhere for this workspace.
    pub(crate) figures: Option<&'a Figures>,
    /// The estimate for a build of which nothing was measured.
    pub(crate) estimate: fn(Strategy) -> Estimate,
    /// Jobs of a plain cargo build.
    pub(crate) full_jobs: usize,
    /// `true` if compilers are held back while cargo runs, so that with any number of jobs only as
    /// many run as fit.
    pub(crate) guarded: bool,
}

impl Facts<'_> {
    fn asked(&self) -> ProfileSettings {
        self.workspace.profiles.settings(&self.workspace.profile)
    }

    /// The profile's name and what is changed in it, as the ledger writes it: `dev debug=0`.
    fn profile(&self, strategy: Strategy) -> String {
        let changes = strategy.changes(self.asked());
        let changes = changes.iter().map(|(name, value)| format!(" {name}={value}"));
        std::iter::once(strategy.profile(self.workspace).to_owned()).chain(changes).collect()
    }

    fn key(&self, strategy: Strategy, jobs: usize) -> BuildKey {
        BuildKey {
            selection: self.workspace.selection(),
            profile: self.profile(strategy),
            jobs,
            toolchain: self.toolchain.to_owned(),
        }
    }

    /// Predicts the memory and the time of the strategy with so many jobs.
    fn expected(&self, strategy: Strategy, jobs: usize) -> Expected {
        self.known(strategy, jobs).or_else(|| self.derived(strategy, jobs)).unwrap_or_else(|| {
            let prior = (self.estimate)(strategy).memory_most_bytes;
            // Between one job and all of them: on a straight line.
            let one = (self.estimate)(Strategy::A).memory_most_bytes;
            let peak_bytes = if strategy == Strategy::Fewer {
                let share = as_f64(jobs - 1) / as_f64(self.full_jobs.max(2) - 1);
                sum([one, times(prior.saturating_sub(one), share)])
            } else {
                prior
            };
            Expected { peak_bytes, source: Source::Prior, build_seconds: None }
        })
    }

    /// Looks up the measurements for these very settings, made here or elsewhere.
    fn known(&self, strategy: Strategy, jobs: usize) -> Option<Expected> {
        let key = self.key(strategy, jobs);
        if let Some(need) = self.ledger.build(&key).filter(|it| it.times_seen > 0) {
            let (peak_bytes, build_seconds) = (need.peak_bytes, need.seconds);
            return Some(Expected { peak_bytes, source: Source::Measured, build_seconds });
        }
        self.by_compilers(&key).or_else(|| {
            let figures = self.figures?;
            Some(Expected {
                peak_bytes: figures.peak_bytes(strategy, jobs),
                source: Source::Shipped,
                build_seconds: Some(figures.build_seconds(strategy, jobs)),
            })
        })
    }

    /// The largest compilers of past builds at once: more than that cannot run. A build with other
    /// jobs that was measured narrows it: fewer jobs cannot need more, more jobs cannot need less.
    fn by_compilers(&self, key: &BuildKey) -> Option<Expected> {
        let other_jobs = self.ledger.builds().filter(|(it, need)| {
            it.selection == key.selection
                && it.profile == key.profile
                && it.toolchain == key.toolchain
                && need.times_seen > 0
        });
        let other_jobs: Vec<(usize, u64)> =
            other_jobs.map(|(it, need)| (it.jobs, need.peak_bytes)).collect();
        let most = other_jobs.iter().filter(|(jobs, _)| *jobs >= key.jobs).map(|it| it.1).min();
        let least = other_jobs.iter().filter(|(jobs, _)| *jobs <= key.jobs).map(|it| it.1).max();
        let units = self.ledger.units().filter(|(it, _)| {
            // Build scripts are compiled in another way; which of their runs belongs to which
            // profile is not told.
            it.profile == key.profile && it.toolchain == key.toolchain
        });
        let units: Vec<_> = units.collect();
        if units.is_empty() && other_jobs.is_empty() {
            return None;
        }
        let mut peaks: Vec<u64> = units.iter().map(|(_, need)| need.peak_bytes).collect();
        peaks.sort_unstable_by_key(|it| std::cmp::Reverse(*it));
        let together = sum(peaks.into_iter().take(key.jobs).chain([CARGO_BYTES]));
        let peak_bytes = if units.is_empty() {
            // More jobs than were ever measured: in proportion.
            most.or_else(|| {
                let (jobs, peak) = other_jobs.iter().max_by_key(|it| it.0)?;
                Some(times(*peak, as_f64(key.jobs) / as_f64(*jobs)))
            })?
        } else {
            together.min(most.unwrap_or(u64::MAX)).max(least.unwrap_or(0))
        };
        let seconds: Option<f64> = units.iter().map(|(_, need)| need.seconds).sum();
        let longest = units.iter().filter_map(|(_, need)| need.seconds).fold(0.0, f64::max);
        let links = units.iter().any(|(it, _)| it.kind == UnitKind::Bin);
        let build_seconds =
            seconds.filter(|_| links).map(|it| (it / as_f64(key.jobs)).max(longest));
        Some(Expected { peak_bytes, source: Source::Compilers, build_seconds })
    }

    /// Derives an expectation from a strategy that is known, by the weight of what differs.
    fn derived(&self, strategy: Strategy, jobs: usize) -> Option<Expected> {
        let asked = self.asked();
        let own = weight_of(strategy.settings(asked));
        let from = |other: Strategy| {
            let known = self.known(other, jobs)?;
            let factor = own / weight_of(other.settings(asked));
            let peak_bytes = times(known.peak_bytes, factor);
            Some(Expected { peak_bytes, source: Source::Derived, build_seconds: None })
        };
        [Strategy::A, Strategy::NoLto, Strategy::NoDebuginfo, Strategy::B]
            .into_iter()
            .find_map(from)
    }
}

/// Lays out the ladder.
pub(crate) fn plan(facts: &Facts<'_>, choice: Choice) -> Plan {
    let fewer = fewer_jobs(facts);
    let rungs: Vec<Rung> =
        Strategy::ALL.into_iter().map(|strategy| rung(strategy, facts, fewer)).collect();
    let index = |strategy| Strategy::ALL.iter().position(|it| *it == strategy).unwrap_or_default();
    let named = match choice {
        Choice::Auto => None,
        Choice::Strategy(strategy) => Some(strategy),
        // Room is made before the build; the build is then the recommended one.
        Choice::MakeRoom => Some(Strategy::A),
    };
    let (order, reason) = match named {
        Some(strategy) => {
            (vec![index(strategy)], format!("option {} was asked for", strategy.name()))
        }
        None => automatic(&rungs, facts),
    };
    let by_name = choice != Choice::Auto;
    Plan { rungs, order, reason, by_name, make_room_first: choice == Choice::MakeRoom }
}

/// Most jobs whose need is met, at least 1.
fn fewer_jobs(facts: &Facts<'_>) -> usize {
    let full = facts.full_jobs.max(1);
    let fits = |jobs: &usize| {
        let expected = facts.expected(Strategy::Fewer, *jobs);
        fit(need(expected), facts.resources) == Fit::Fits
    };
    (2..full).rev().find(fits).unwrap_or(1)
}

fn rung(strategy: Strategy, facts: &Facts<'_>, fewer: usize) -> Rung {
    let Facts { resources, workspace, .. } = *facts;
    let asked = facts.asked();
    let full = facts.full_jobs.max(1);
    let jobs = match strategy {
        Strategy::Full => full,
        Strategy::Fewer => fewer,
        _ => 1,
    };
    let key = facts.key(strategy, jobs);
    let at_least_bytes = facts.ledger.build(&key).map_or(0, |it| it.peak_bytes);
    let mut expected = facts.expected(strategy, jobs);
    if expected.source != Source::Prior {
        expected.peak_bytes = expected.peak_bytes.max(at_least_bytes);
    }
    let need_bytes = need(expected);
    let one = facts.expected(if jobs > 1 { Strategy::A } else { strategy }, 1);
    let at_least_alone = if jobs > 1 { 0 } else { at_least_bytes };
    let least_bytes = match one.source {
        Source::Prior => at_least_alone,
        _ if !facts.guarded => need_bytes,
        // The peak was measured where there was room for everything at once: a little less may do.
        _ => need_bytes.min(one.peak_bytes.max(at_least_alone) / 8 * 7),
    };
    let fit = match fit(need_bytes, resources) {
        Fit::WithSwap | Fit::No if facts.guarded && fit(least_bytes, resources) == Fit::Fits => {
            Fit::Guarded
        }
        other => other,
    };
    let profile = strategy.profile(workspace);
    let variable = |(name, value): (&str, &str)| {
        let name = name.to_uppercase().replace('-', "_");
        (format!("CARGO_PROFILE_{}_{name}", variable_name(profile)), value.to_owned())
    };
    let mut env = Vec::new();
    if strategy != Strategy::Full || workspace.jobs.is_some() {
        env.push(("CARGO_BUILD_JOBS".to_owned(), jobs.to_string()));
    }
    env.extend(strategy.changes(asked).into_iter().map(variable));
    // As many jobs as all, or as one, is another rung already.
    let is_another = match strategy {
        Strategy::Fewer => jobs == 1 || jobs >= full,
        Strategy::A => full == 1,
        _ => false,
    };
    Rung {
        strategy,
        jobs,
        key,
        env,
        steps: strategy.steps(workspace),
        expected,
        need_bytes,
        least_bytes,
        at_least_bytes,
        fit,
        run_seconds: facts.figures.map(|it| it.run_seconds(strategy, resources.n_cpus)),
        on_ladder: strategy.is_real(asked, profile) && !is_another,
        finding: strategy.finding(asked),
        prior: (facts.estimate)(strategy),
    }
}

/// The expected peak and a reserve.
fn need(expected: Expected) -> u64 {
    match expected.source {
        Source::Measured => times(expected.peak_bytes, SAFETY_MEASURED),
        // A sum of peaks that hardly meet, or with a reserve of its own.
        Source::Compilers => times(expected.peak_bytes, SAFETY_MEASURED),
        Source::Shipped | Source::Derived => times(expected.peak_bytes, measured::SAFETY),
        Source::Prior => expected.peak_bytes,
    }
}

fn fit(need_bytes: u64, resources: &Resources) -> Fit {
    let available = resources.room_bytes();
    if need_bytes <= available {
        Fit::Fits
    } else if need_bytes <= available.saturating_add(resources.swap_available_bytes()) {
        Fit::WithSwap
    } else {
        Fit::No
    }
}

/// Starts at the fastest strategy that fits into memory, else at the first with one job that fits
/// with swap: what a second compiler gains, swapping for it loses many times over.
fn automatic(rungs: &[Rung], facts: &Facts<'_>) -> (Vec<usize>, String) {
    let resources = facts.resources;
    let ladder: Vec<usize> = (0..rungs.len()).filter(|it| rungs[*it].on_ladder).collect();
    let first = |fits: &dyn Fn(&Rung) -> bool| ladder.iter().position(|it| fits(&rungs[*it]));
    let attempts = |from: usize| attempts(&ladder[from..], rungs, facts.guarded);
    let is_known = ladder.iter().any(|it| rungs[*it].expected.source != Source::Prior);
    let (ram, swap) = (resources.room_bytes(), resources.swap_available_bytes());
    let available = bytes(ram);
    let with_swap =
        if swap == 0 { String::new() } else { format!(" plus {} of swap", bytes(swap)) };

    if let Some(start) = first(&|it| matches!(it.fit, Fit::Fits | Fit::Guarded))
        // An estimate for another project chooses among the release builds; it does not give them
        // up.
        && (is_known || rungs[ladder[start]].strategy != Strategy::B)
    {
        let rung = &rungs[ladder[start]];
        let (name, need) = (rung.strategy.name(), bytes(rung.need_bytes));
        let reason = match (rung.fit, rung.expected.source) {
            (Fit::Guarded, Source::Prior) => format!(
                "what this workspace needs is not known yet, and {available} is available: {name}, \
                with as many compilers at once as fit"
            ),
            (Fit::Guarded, _) if rung.jobs > 1 => format!(
                "{name} is the fastest that fits: it needs {need} for all compilers at once, \
                {available} is available, and as many run as fit"
            ),
            (_, Source::Prior) => format!(
                "what this workspace needs is not known yet, and {available} is available: {name}"
            ),
            _ => format!(
                "{name} is the fastest that fits: it needs {need}, and {available} is available"
            ),
        };
        return (attempts(start), reason);
    }
    // Nothing is known of this workspace: begin frugally and learn.
    if !is_known {
        let may_fit = |it: &Rung| it.jobs == 1 && it.at_least_bytes < ram.saturating_add(swap);
        let start = first(&may_fit).unwrap_or(ladder.len() - 1);
        let reason = if rungs[ladder[start]].strategy == Strategy::B {
            format!(
                "{available}{with_swap} is less than a release build held when it ran out of memory"
            )
        } else {
            format!(
                "what this workspace needs is not known yet, and {available} is little: one job at \
                a time"
            )
        };
        return (attempts(start), reason);
    }
    if let Some(start) = first(&|it| it.fit == Fit::WithSwap && it.jobs == 1) {
        let rung = &rungs[ladder[start]];
        let reason = format!(
            "{} is the fastest that fits: it needs {}, and {available}{with_swap} is available",
            rung.strategy.name(),
            bytes(rung.need_bytes)
        );
        return (attempts(start), reason);
    }
    let untried = |it: &Rung| {
        it.expected.source == Source::Derived
            && it.jobs == 1
            && it.at_least_bytes < ram.saturating_add(swap)
    };
    if let Some(start) = first(&untried) {
        let reason = format!(
            "nothing that was measured fits into {available}{with_swap}; what {} needs is only \
            derived",
            rungs[ladder[start]].strategy.name()
        );
        return (attempts(start), reason);
    }
    let least = ladder.iter().map(|it| rungs[*it].least_bytes).min().unwrap_or_default();
    let reason = format!(
        "nothing fits: the most frugal strategy needs {}, and {available}{with_swap} is available",
        bytes(least)
    );
    (Vec::new(), reason)
}

/// At most three of the ladder: its first, the most frugal release build, and the debug build.
///
/// Under a guard a build runs out of memory only if one compiler alone does not fit, and then the
/// number of jobs changes nothing.
fn attempts(ladder: &[usize], rungs: &[Rung], guarded: bool) -> Vec<usize> {
    let mut order = ladder.to_vec();
    if guarded {
        order.dedup_by(|next, before| rungs[*next].key.profile == rungs[*before].key.profile);
    }
    if order.len() > ATTEMPTS_MOST {
        let last = order.len() - 1;
        order = vec![order[0], order[last - 1], order[last]];
    }
    order
}

impl Plan {
    /// For a user who insists although nothing fits: the strategy that needs least, alone.
    pub(crate) fn with_the_most_frugal(self) -> Plan {
        let ladder = (0..self.rungs.len()).filter(|it| self.rungs[*it].on_ladder);
        let least =
            ladder.min_by_key(|it| (self.rungs[*it].least_bytes, self.rungs[*it].need_bytes));
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

    /// The same build with one job, where that is another one and not on the ladder already.
    pub(crate) fn with_one_job(&self, rung: &Rung) -> Option<&Rung> {
        let is_it = |it: &&Rung| it.strategy == Strategy::A && it.key.profile == rung.key.profile;
        let one = self.rungs.iter().find(is_it)?;
        let is_new = !self.ladder().any(|it| it.strategy == Strategy::A);
        (rung.jobs > 1 && !self.by_name && is_new).then_some(one)
    }

    /// The profile that is built first.
    pub(crate) fn first_profile<'a>(&'a self, workspace: &'a Workspace) -> &'a str {
        self.start().map_or(&workspace.profile, |it| it.strategy.profile(workspace))
    }

    /// The rung that needs least, of those that may be tried.
    pub(crate) fn most_frugal(&self) -> Option<&Rung> {
        let ladder = self.rungs.iter().filter(|it| it.on_ladder);
        ladder.min_by_key(|it| (it.least_bytes, it.need_bytes))
    }
}

impl Rung {
    /// The command lines, as one would type them.
    pub(crate) fn commands(&self) -> Vec<String> {
        let env: String = self.env.iter().map(|(name, value)| format!("{name}={value} ")).collect();
        self.steps.iter().map(|args| format!("{env}cargo {}", args.join(" "))).collect()
    }

    /// Time of the run as a multiple of that after the fastest build.
    pub(crate) fn slowdown(&self, fastest: &Rung) -> Option<f64> {
        let (own, fast) = (self.run_seconds?, fastest.run_seconds?);
        (fast > 0).then(|| as_f64(own) / as_f64(fast))
    }
}

/// More jobs than any build has at once.
const MOST_JOBS: usize = 1 << 16;

/// The number of jobs of a plain `cargo build`: `CARGO_BUILD_JOBS` if it is a positive number, else
/// the CPUs.
pub(crate) fn full_jobs(variable: Option<&str>, n_cpus: usize) -> usize {
    let asked = variable.and_then(|it| it.trim().parse().ok()).filter(|it| *it > 0);
    asked.unwrap_or(n_cpus).min(MOST_JOBS)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        build_ledger::{Observation, UnitKey},
        machine::resources::tests::{contained, machine, users_evening},
        plan::measured::tests::{STUDY_FIGURES, figures},
        workspace::profile::Profiles,
    };

    #[test]
    fn figures_that_are_as_large_as_can_be_are_planned_with() {
        let workspace = workspace();
        let mut known = BuildLedger::load(std::path::Path::new("/no/such/folder"));
        for crate_name in ["one", "two"] {
            let key = UnitKey {
                package: crate_name.into(),
                version: "1.0.0".into(),
                kind: UnitKind::Bin,
                crate_name: crate_name.into(),
                profile: "release".into(),
                toolchain: TOOLCHAIN.into(),
            };
            let most = Observation { peak_bytes: u64::MAX, seconds: f64::MAX, complete: true };
            known.observe_unit(key, most);
        }
        let mut resources = machine(64.0, 60.0, 8.0, 8.0, 4);
        resources.memory.available_bytes = u64::MAX;
        for (full_jobs, guarded) in [(full_jobs(Some("18446744073709551615"), 4), true), (1, false)]
        {
            let facts = Facts {
                resources: &resources,
                workspace: &workspace,
                toolchain: TOOLCHAIN,
                ledger: &known,
                figures: Some(&STUDY_FIGURES),
                estimate: Strategy::estimate,
                full_jobs,
                guarded,
            };
            let plan = plan(&facts, Choice::Auto);
            assert_eq!(plan.rungs.len(), Strategy::ALL.len());
        }
    }

    const MIB: u64 = 1 << 20;
    const TOOLCHAIN: &str = "1.95.0 x86_64-unknown-linux-gnu";

    pub(crate) fn workspace() -> Workspace {
        let words = |text: &str| text.split_whitespace().map(String::from).collect::<Vec<_>>();
        Workspace {
            root: "/w".into(),
            target_dir: "/w/target".into(),
            targets: words("--example pyphi_validation"),
            features: words("--features pyphi"),
            profile: "release".into(),
            further: Vec::new(),
            jobs: None,
            rustflags: None,
            folder: "/w".into(),
            has_lib: true,
            rust_version: None,
            marks: Default::default(),
            is_default_target: true,
            profiles: Profiles::default(),
        }
    }

    /// The same with these profiles in its manifest.
    fn with_profiles(manifest: &str) -> Workspace {
        let sh = xshell::Shell::new().unwrap();
        let dir = sh.create_temp_dir().unwrap();
        sh.write_file(dir.path().join("Cargo.toml"), manifest).unwrap();
        Workspace { profiles: Profiles::read(dir.path(), std::iter::empty()), ..workspace() }
    }

    /// A ledger without a file.
    fn ledger() -> BuildLedger {
        BuildLedger::load(std::path::Path::new("/nowhere"))
    }

    fn observe_build(ledger: &mut BuildLedger, profile: &str, jobs: usize, peak_mib: u64) {
        let key = BuildKey {
            selection: workspace().selection(),
            profile: profile.into(),
            jobs,
            toolchain: TOOLCHAIN.into(),
        };
        let peak_bytes = peak_mib * MIB;
        ledger.observe_build(key, Observation { peak_bytes, seconds: 60.0, complete: true });
    }

    fn observe_units(ledger: &mut BuildLedger, profile: &str, peaks_mib: &[u64]) {
        for (index, peak_mib) in peaks_mib.iter().enumerate() {
            let name = format!("crate{index}");
            let kind = if index == 0 { UnitKind::Bin } else { UnitKind::Lib };
            let key = UnitKey {
                package: name.clone(),
                version: "1.0.0".into(),
                kind,
                crate_name: name,
                profile: profile.into(),
                toolchain: TOOLCHAIN.into(),
            };
            let peak_bytes = peak_mib * MIB;
            ledger.observe_unit(key, Observation { peak_bytes, seconds: 10.0, complete: true });
        }
    }

    /// A plan of a workspace that nothing is known of.
    pub(crate) fn planned(resources: &Resources, workspace: &Workspace, choice: Choice) -> Plan {
        planned_with(resources, workspace, None, choice)
    }

    /// The same, for a build under a guard.
    pub(crate) fn guarded_plan(resources: &Resources, workspace: &Workspace) -> Plan {
        let ledger = ledger();
        let facts = Facts { guarded: true, ..facts(resources, workspace, None, &ledger) };
        plan(&facts, Choice::Auto)
    }

    pub(crate) fn planned_with(
        resources: &Resources,
        workspace: &Workspace,
        figures: Option<&Figures>,
        choice: Choice,
    ) -> Plan {
        planned_from(resources, workspace, figures, &ledger(), choice)
    }

    fn planned_from(
        resources: &Resources,
        workspace: &Workspace,
        figures: Option<&Figures>,
        ledger: &BuildLedger,
        choice: Choice,
    ) -> Plan {
        plan(&facts(resources, workspace, figures, ledger), choice)
    }

    fn facts<'a>(
        resources: &'a Resources,
        workspace: &'a Workspace,
        figures: Option<&'a Figures>,
        ledger: &'a BuildLedger,
    ) -> Facts<'a> {
        let full_jobs = resources.n_cpus;
        let toolchain = TOOLCHAIN;
        let estimate = Strategy::estimate;
        let guarded = false;
        Facts { resources, workspace, toolchain, ledger, figures, estimate, full_jobs, guarded }
    }

    /// The strategies that would be tried, in order; `fewer` with its jobs.
    fn order(plan: &Plan) -> String {
        let shown = |it: &Rung| match it.strategy {
            Strategy::Fewer => format!("fewer({})", it.jobs),
            _ => it.strategy.name().to_owned(),
        };
        plan.ladder().map(shown).collect::<Vec<_>>().join(" ")
    }

    #[track_caller]
    fn check(resources: &Resources, expected: &str) {
        let plan = planned_with(resources, &workspace(), Some(&figures()), Choice::Auto);
        assert_eq!(order(&plan), expected, "{}", plan.reason);
    }

    #[test]
    fn it_starts_at_the_fastest_that_fits() {
        // Full with 8 jobs: (400 + 7 · 100) · 1.5 = 1650 MiB. One job: 600 MiB. B: 450 MiB.
        check(&machine(16.0, 12.0, 0.0, 0.0, 8), "full a b");
        check(&machine(16.0, 1.7, 0.0, 0.0, 8), "full a b");
        check(&machine(16.0, 1.6, 0.0, 0.0, 8), "fewer(7) a b");
        check(&machine(16.0, 1.0, 0.0, 0.0, 8), "fewer(3) a b");
        check(&machine(16.0, 0.7, 0.0, 0.0, 8), "a b");
        check(&machine(2.0, 0.45, 0.0, 0.0, 2), "b");
        check(&machine(1.0, 0.3, 0.0, 0.0, 1), "");
        // Swap helps only where nothing fits without it.
        check(&machine(2.0, 0.45, 4.0, 4.0, 2), "b");
        check(&machine(1.0, 0.3, 2.0, 2.0, 4), "a b");
        check(&contained(machine(64.0, 60.0, 8.0, 8.0, 32), 1.0, 0.3), "a b");
        // One CPU: all of them is one job.
        check(&machine(2.0, 1.0, 0.0, 0.0, 1), "full b");
    }

    /// The rungs differ in the settings that the profile asks for, and there are never more than
    /// three attempts.
    #[test]
    fn measurements_decide_which_rungs_are_real() {
        #[track_caller]
        fn check(manifest: &str, on_ladder: &str, tried: &str) {
            let workspace = with_profiles(manifest);
            let resources = machine(16.0, 1.6, 0.0, 0.0, 8);
            let plan = planned_with(&resources, &workspace, Some(&figures()), Choice::Auto);
            let real: Vec<&str> =
                plan.rungs.iter().filter(|it| it.on_ladder).map(|it| it.strategy.name()).collect();
            assert_eq!(
                (real.join(" ").as_str(), order(&plan).as_str()),
                (on_ladder, tried),
                "{manifest}"
            );
        }
        check("", "full fewer a b", "fewer(7) a b");
        // Thin LTO needs no more than none.
        check("[profile.release]\nlto = 'thin'", "full fewer a b", "fewer(7) a b");
        check("[profile.release]\nlto = true", "full fewer a no-lto b", "fewer(7) no-lto b");
        check("[profile.release]\ncodegen-units = 1", "full fewer a no-lto b", "fewer(7) no-lto b");
        check(
            "[profile.release]\ndebug = 1",
            "full fewer a no-debuginfo b",
            "fewer(7) no-debuginfo b",
        );
        let all = "[profile.release]\nlto = 'fat'\ncodegen-units = 1\ndebug = true";
        check(all, "full fewer a no-lto no-debuginfo b", "fewer(7) no-debuginfo b");
    }

    #[test]
    fn variables_change_only_what_the_profile_asks_for() {
        #[track_caller]
        fn check(manifest: &str, profile: &str, strategy: Strategy, expected: &str, key: &str) {
            let workspace = Workspace { profile: profile.into(), ..with_profiles(manifest) };
            let plan = planned(&machine(64.0, 60.0, 0.0, 0.0, 8), &workspace, Choice::Auto);
            let rung = plan.rungs.iter().find(|it| it.strategy == strategy).unwrap();
            assert_eq!(rung.commands().join("; "), expected);
            assert_eq!(rung.key.profile, key);
        }
        let fat = "[profile.release]\nlto = 'fat'\ncodegen-units = 1\n[profile.my-dist]\n\
            inherits = 'release'\ndebug = 1";
        let what = "--example pyphi_validation --features pyphi";
        let one = "CARGO_BUILD_JOBS=1";
        check(fat, "release", Strategy::Full, &format!("cargo build {what} --release"), "release");
        check(
            fat,
            "release",
            Strategy::A,
            &format!("{one} cargo build {what} --release"),
            "release",
        );
        check(
            fat,
            "release",
            Strategy::NoLto,
            &format!(
                "{one} CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 cargo \
                build {what} --release"
            ),
            "release lto=off codegen-units=16",
        );
        check(
            fat,
            "my-dist",
            Strategy::NoDebuginfo,
            &format!(
                "{one} CARGO_PROFILE_MY_DIST_LTO=off CARGO_PROFILE_MY_DIST_CODEGEN_UNITS=16 \
                 CARGO_PROFILE_MY_DIST_DEBUG=0 cargo build {what} --profile my-dist"
            ),
            "my-dist lto=off codegen-units=16 debug=0",
        );
        check(
            "",
            "release",
            Strategy::C,
            &format!(
                "{one} cargo build --lib --features pyphi --release; {one} cargo build {what} \
                --release"
            ),
            "release",
        );
        check(
            "",
            "release",
            Strategy::B,
            &format!("{one} CARGO_PROFILE_DEV_DEBUG=0 cargo build {what}"),
            "dev debug=0",
        );
        check("", "dev", Strategy::Full, &format!("cargo build {what}"), "dev");
        let no_lib = Workspace { has_lib: false, ..workspace() };
        assert_eq!(Strategy::C.steps(&no_lib).len(), 1);
        let further = Workspace { further: vec!["--locked".into()], ..workspace() };
        assert!(Strategy::C.steps(&further).iter().all(|it| it.ends_with(&["--locked".into()])));
    }

    /// The measured figures on the machines people have.
    #[test]
    fn the_study_is_planned_for_five_machines() {
        #[track_caller]
        fn check(what: &str, resources: &Resources, expected: &str, fit: Fit) {
            let plan = planned_with(resources, &workspace(), Some(&STUDY_FIGURES), Choice::Auto);
            assert_eq!(order(&plan), expected, "{what}: {}", plan.reason);
            assert_eq!(plan.start().map(|it| it.fit), Some(fit), "{what}");
        }
        // 16 jobs need 1.6 GiB, and 1.4 are free; swap would do, but five jobs do without.
        check("the user's evening", &users_evening(), "fewer(5) a b", Fit::Fits);
        check("2 GiB VPS", &machine(2.0, 1.6, 0.0, 0.0, 1), "full b", Fit::Fits);
        check("2 GiB VPS, busy", &machine(2.0, 0.5, 2.0, 1.9, 1), "full b", Fit::WithSwap);
        check("4 GiB Pi", &machine(4.0, 3.2, 0.1, 0.1, 4), "full a b", Fit::Fits);
        check(
            "4 GiB Pi with a desktop",
            &machine(4.0, 1.1, 0.1, 0.1, 4),
            "fewer(3) a b",
            Fit::Fits,
        );
        let host = machine(128.0, 100.0, 0.0, 0.0, 32);
        check("6 GiB container", &contained(host.clone(), 6.0, 0.5), "full a b", Fit::Fits);
        check("1 GiB container", &contained(host, 1.0, 0.1), "fewer(2) a b", Fit::Fits);
        check("64 GiB laptop", &machine(64.0, 50.0, 0.0, 0.0, 16), "full a b", Fit::Fits);
    }

    /// The user's original project: LTO, a large tree, nothing known but the estimates.
    #[test]
    fn a_large_unknown_tree_is_planned_for_five_machines() {
        #[track_caller]
        fn check(what: &str, resources: &Resources, expected: &str) {
            let workspace = with_profiles("[profile.release]\nlto = true");
            let plan = planned(resources, &workspace, Choice::Auto);
            assert_eq!(order(&plan), expected, "{what}: {}", plan.reason);
            assert!(plan.rungs.iter().all(|it| it.expected.source == Source::Prior));
        }
        // 1.4 GiB + 7.7 of swap would hold one job (5 GB), and no more.
        check("the user's evening", &users_evening(), "a no-lto b");
        check("2 GiB VPS", &machine(2.0, 1.6, 0.0, 0.0, 1), "full no-lto b");
        check("4 GiB Pi", &machine(4.0, 3.2, 0.1, 0.1, 4), "a no-lto b");
        let host = machine(128.0, 100.0, 0.0, 0.0, 32);
        check("6 GiB container", &contained(host, 6.0, 0.5), "fewer(6) no-lto b");
        check("64 GiB laptop", &machine(64.0, 50.0, 0.0, 0.0, 16), "full no-lto b");
    }

    /// The same machines once the ledger knows the build: 60 crates, one of which needs 2 GiB.
    #[test]
    fn past_builds_replace_the_estimates_on_five_machines() {
        let mut known = ledger();
        let mut peaks = vec![300; 59];
        peaks.push(2048);
        observe_units(&mut known, "release", &peaks);
        observe_units(&mut known, "dev debug=0", &[1200, 200, 200]);
        let workspace = workspace();
        #[track_caller]
        fn check(what: &str, plan: &Plan, expected: &str) {
            assert_eq!(order(plan), expected, "{what}: {}", plan.reason);
        }
        let planned =
            |resources: &Resources| planned_from(resources, &workspace, None, &known, Choice::Auto);
        // One job: (2048 + 40) · 1.25 = 2610 MiB; every further one 375. B: 1550 MiB.
        check("the user's evening", &planned(&users_evening()), "a b");
        check("2 GiB VPS", &planned(&machine(2.0, 1.6, 0.0, 0.0, 1)), "b");
        check("2 GiB VPS with 1.4", &planned(&machine(2.0, 1.4, 0.0, 0.0, 1)), "");
        check("4 GiB Pi", &planned(&machine(4.0, 3.2, 0.1, 0.1, 4)), "fewer(2) a b");
        let host = machine(128.0, 100.0, 0.0, 0.0, 32);
        check("6 GiB container", &planned(&contained(host, 6.0, 0.5)), "fewer(9) a b");
        check("64 GiB laptop", &planned(&machine(64.0, 50.0, 0.0, 0.0, 16)), "full a b");
    }

    #[test]
    fn the_best_source_is_taken() {
        let resources = machine(64.0, 60.0, 0.0, 0.0, 8);
        let expected = |known: &BuildLedger, figures: Option<&Figures>, strategy: Strategy| {
            let plan = planned_from(&resources, &workspace(), figures, known, Choice::Auto);
            let rung = plan.rungs.into_iter().find(|it| it.strategy == strategy).unwrap();
            (rung.expected.peak_bytes / MIB, rung.expected.source)
        };
        let figures = figures();
        let mut known = ledger();
        assert_eq!(expected(&known, None, Strategy::A), (5_000_000_000 / MIB, Source::Prior));
        assert_eq!(expected(&known, Some(&figures), Strategy::A), (400, Source::Shipped));

        // The compilers of a release build: the two largest at once, or eight.
        observe_units(&mut known, "release", &[500, 300, 100, 100]);
        assert_eq!(expected(&known, Some(&figures), Strategy::A), (540, Source::Compilers));
        assert_eq!(expected(&known, None, Strategy::Full), (1040, Source::Compilers));
        // A debug build is not known, but what it differs by is.
        let derived = (540.0_f64 * 0.93) as u64;
        assert_eq!(expected(&known, None, Strategy::B), (derived, Source::Derived));

        // Measured: with four jobs 700 MiB. One job cannot need more, eight not less.
        observe_build(&mut known, "release", 4, 700);
        assert_eq!(expected(&known, None, Strategy::A), (540, Source::Compilers));
        assert_eq!(expected(&known, None, Strategy::Full), (1040, Source::Compilers));
        observe_build(&mut known, "release", 8, 800);
        assert_eq!(expected(&known, None, Strategy::Full), (800, Source::Measured));
        observe_build(&mut known, "release", 1, 520);
        assert_eq!(expected(&known, Some(&figures), Strategy::A), (520, Source::Measured));
        // Without the compilers: in proportion, upwards only.
        let mut builds = ledger();
        observe_build(&mut builds, "release", 2, 300);
        assert_eq!(expected(&builds, None, Strategy::Full), (1200, Source::Compilers));
        assert_eq!(expected(&builds, None, Strategy::A), (300, Source::Compilers));
    }

    #[test]
    fn another_toolchain_or_selection_is_another_build() {
        let resources = machine(64.0, 60.0, 0.0, 0.0, 8);
        let mut known = ledger();
        observe_build(&mut known, "release", 8, 800);
        let source = |workspace: &Workspace, toolchain: &str| {
            let facts = Facts { toolchain, ..facts(&resources, workspace, None, &known) };
            plan(&facts, Choice::Auto).rungs[0].expected.source
        };
        assert_eq!(source(&workspace(), TOOLCHAIN), Source::Measured);
        assert_eq!(source(&workspace(), "1.96.0 x86_64-unknown-linux-gnu"), Source::Prior);
        let other = Workspace { features: Vec::new(), ..workspace() };
        assert_eq!(source(&other, TOOLCHAIN), Source::Prior);
    }

    #[test]
    fn a_strategy_by_name_is_tried_alone_and_d_is_a_with_room() {
        let roomy = machine(16.0, 12.0, 0.0, 0.0, 8);
        let cases = [
            (Choice::Strategy(Strategy::Full), "full"),
            (Choice::Strategy(Strategy::Fewer), "fewer(7)"),
            (Choice::Strategy(Strategy::A), "a"),
            (Choice::Strategy(Strategy::NoLto), "no-lto"),
            (Choice::Strategy(Strategy::NoDebuginfo), "no-debuginfo"),
            (Choice::Strategy(Strategy::C), "c"),
            (Choice::Strategy(Strategy::B), "b"),
            (Choice::MakeRoom, "a"),
        ];
        for (choice, expected) in cases {
            let plan = planned_with(&roomy, &workspace(), Some(&figures()), choice);
            assert_eq!(order(&plan), expected);
            assert_eq!(plan.make_room_first, choice == Choice::MakeRoom);
            assert!(plan.rungs.iter().all(|it| !it.finding.is_empty()));
        }
    }

    #[test]
    fn an_unknown_workspace_is_never_refused() {
        let order = |available| {
            let resources = machine(64.0, available, 0.0, 0.0, 8);
            order(&planned(&resources, &workspace(), Choice::Auto))
        };
        assert_eq!(order(40.0), "full a b");
        assert_eq!(order(6.0), "fewer(3) a b");
        // An estimate is no reason for a debug build either.
        assert_eq!(order(3.5), "a b");
        assert_eq!(order(0.1), "a b");
    }

    /// Under the guard the number of jobs is no rung of its own: it lets in as many compilers as
    /// fit.
    #[test]
    fn under_the_guard_only_settings_lead_downwards() {
        #[track_caller]
        fn check(manifest: &str, known: &BuildLedger, gib: f64, expected: &str, fit: Option<Fit>) {
            let (workspace, resources) = (with_profiles(manifest), machine(64.0, gib, 0.0, 0.0, 8));
            let facts = Facts { guarded: true, ..facts(&resources, &workspace, None, known) };
            let plan = plan(&facts, Choice::Auto);
            assert_eq!(order(&plan), expected, "{gib} GiB: {}", plan.reason);
            assert_eq!(plan.start().map(|it| it.fit), fit, "{gib} GiB: {}", plan.reason);
        }
        let all = "[profile.release]\nlto = 'fat'\ncodegen-units = 1\ndebug = true";
        // Unknown: as plain cargo, and the guard is frugal by itself.
        let mut known = ledger();
        check("", &known, 40.0, "full b", Some(Fit::Fits));
        check("", &known, 0.3, "full b", Some(Fit::Guarded));
        check(all, &known, 0.3, "full no-debuginfo b", Some(Fit::Guarded));
        // One compiler needs (1000 + 40) · 1.25 = 1300 MiB, eight at once 3925.
        observe_units(&mut known, "release", &[1000, 300, 300, 300, 300, 300, 300, 300, 300]);
        check("", &known, 4.0, "full b", Some(Fit::Fits));
        // Without a reserve, and even with an eighth less, it is tried.
        check("", &known, 1.0, "full b", Some(Fit::Guarded));
        check("", &known, 0.9, "full b", Some(Fit::Guarded));
        // The debug build is derived from it, and tried where even that seems too much.
        check("", &known, 0.85, "b", Some(Fit::Guarded));
        check("", &known, 0.8, "b", Some(Fit::No));
        observe_units(&mut known, "dev debug=0", &[500, 100]);
        check("", &known, 0.8, "b", Some(Fit::Fits));
        check("", &known, 0.5, "b", Some(Fit::Guarded));
        check("", &known, 0.4, "", None);
    }

    /// The memory that an attempt held when it ran out of memory is a lower bound, and nothing else
    /// is known then.
    #[test]
    fn what_ran_out_of_memory_is_not_tried_again_with_less() {
        let (workspace, mut known) = (workspace(), ledger());
        let resources = |gib| machine(64.0, gib, 0.0, 0.0, 8);
        let plan = |known: &BuildLedger, gib| {
            order(&planned_from(&resources(gib), &workspace, None, known, Choice::Auto))
        };
        assert_eq!(plan(&known, 0.4), "a b");
        let key = planned(&resources(0.4), &workspace, Choice::Strategy(Strategy::A))
            .start()
            .unwrap()
            .key
            .clone();
        let seen = Observation { peak_bytes: 450 * MIB, seconds: 1.0, complete: false };
        known.observe_build(key, seen);
        assert_eq!(plan(&known, 0.4), "b");
        assert_eq!(plan(&known, 0.5), "a b");
    }

    /// Laws of every plan, on machines and ledgers drawn at random.
    #[test]
    fn whatever_the_machine_a_plan_is_sound() {
        let mut state = 1_u64;
        let mut draw = |below: u64| {
            // Numerical Recipes' generator; its high bits are good enough for this.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let manifests = [
            "",
            "[profile.release]\nlto = 'fat'",
            "[profile.release]\ncodegen-units = 1\ndebug = true\nlto = true",
        ];
        let workspaces = manifests.map(with_profiles);
        for _ in 0..1000 {
            let n_cpus = 1 + draw(32) as usize;
            let (available, swap) = (draw(8192) as f64 / 1024.0, draw(4096) as f64 / 1024.0);
            let resources =
                machine(16.0, available, 16.0, if draw(2) == 0 { 0.0 } else { swap }, n_cpus);
            let workspace = workspaces[draw(3) as usize].clone();
            let mut known = ledger();
            for profile in ["release", "release lto=off", "dev debug=0"] {
                if draw(2) == 0 {
                    let peaks: Vec<u64> = (0..draw(20)).map(|_| 50 + draw(2000)).collect();
                    observe_units(&mut known, profile, &peaks);
                }
                if draw(3) == 0 {
                    observe_build(&mut known, profile, 1 + draw(32) as usize, 100 + draw(6000));
                }
            }
            let figures = figures();
            let figures = (draw(2) == 0).then_some(&figures);
            let guarded = draw(2) == 0;
            let facts = Facts { guarded, ..facts(&resources, &workspace, figures, &known) };
            let found = plan(&facts, Choice::Auto);
            let shown = || format!("{found:#?}");

            assert_eq!(found, plan(&facts, Choice::Auto), "the same facts give the same plan");
            assert!(found.order.len() <= ATTEMPTS_MOST, "{}", shown());
            assert!(
                found.order.is_sorted() && found.ladder().all(|it| it.on_ladder),
                "{}",
                shown()
            );
            let fits = |it: &Rung| matches!(it.fit, Fit::Fits | Fit::Guarded);
            let optimised = |it: &&Rung| it.on_ladder && it.strategy != Strategy::B && fits(it);
            match found.start() {
                // Nothing is refused that fits, or whose need was never measured.
                None => assert!(
                    found.rungs.iter().filter(|it| it.on_ladder).all(|it| !fits(it)
                        && it.expected.source != Source::Prior
                        && (it.jobs > 1 || it.fit == Fit::No)),
                    "{}",
                    shown()
                ),
                // No optimised build that fits is passed over, neither for a slower one nor for the
                // debug build.
                Some(start) => {
                    let fastest = found.rungs.iter().find(optimised);
                    assert!(fastest.is_none_or(|it| it.strategy == start.strategy), "{}", shown());
                }
            }
        }
    }

    #[test]
    fn a_user_who_insists_gets_the_most_frugal() {
        let figures = figures();
        let small = machine(1.0, 0.2, 0.0, 0.0, 1);
        let plan = planned_with(&small, &workspace(), Some(&figures), Choice::Auto);
        assert!(
            plan.start().is_none() && plan.reason.starts_with("nothing fits"),
            "{}",
            plan.reason
        );
        assert_eq!(plan.most_frugal().unwrap().strategy, Strategy::B);
        assert_eq!(plan.with_the_most_frugal().start().unwrap().strategy, Strategy::B);
    }

    #[test]
    fn the_reason_holds_both_numbers() {
        let plan = planned_with(&users_evening(), &workspace(), Some(&figures()), Choice::Auto);
        assert_eq!(
            plan.reason,
            "fewer is the fastest that fits: it needs 1.3 GiB, and 1.4 GiB is available"
        );
    }

    #[test]
    fn jobs_of_a_plain_build_follow_cargo_s_variable() {
        let cases =
            [(None, 8), (Some("3"), 3), (Some("0"), 8), (Some("default"), 8), (Some("-1"), 8)];
        for (variable, expected) in cases {
            assert_eq!(full_jobs(variable, 8), expected, "{variable:?}");
        }
    }
}
