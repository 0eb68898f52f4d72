//! This project's own facts: its study, and what building and running it was measured to cost.

use headroom::{
    DefaultTarget, Estimate, Host, Selection, Strategy, Workspace,
    plan::measured::{Figure, Figures, Parallel},
};

/// The example that is the study.
pub(crate) const STUDY: &str = "pyphi_validation";

/// The facts about this project that the library needs.
pub(crate) const HOST: Host = Host {
    default_target: Some(DefaultTarget {
        package: "phi-validation",
        example: STUDY,
        features: &["pyphi"],
        json_field: "is_study",
    }),
    figures: Some(&FIGURES),
    estimate,
    debug_build_hint: "free memory for a release build, or run a part: `-- --sizes 5,6`",
};

/// The cost of building and running the study, measured on 2 quiet cores with 24 GiB (x86-64, Linux
/// 6.18, rustc 1.95, rust-lld) on 2026-11-28, at commit 782506c.
///
/// Peaks: one build each from an empty target folder, `CARGO_TARGET_DIR=$(mktemp -d)
/// CARGO_BUILD_JOBS=N cargo xtask build --option NAME --format json`, field `peak_bytes`. With
/// N = 1, 2, 8 jobs the plain release build held 605, 1104, 987 MiB: two crates of this project are
/// the largest, and are compiled side by side. One of them decides the peak with one job, whatever
/// the profile, so no strategy with one job needs much less than another.
///
/// Times: wall time, with one job and with two. The run: CPU seconds of all 160 comparisons in
/// release (27.9) and in debug (50.4), `time pyphi_validation --quiet`; no-lto by the ratio of the
/// engine in four codegen units to that in one (1.35) on 120 networks of 6 to 8 units. The target
/// folder was measured at commit 3281e43; that of the release build has 221 MiB now.
const FIGURES: Figures = Figures {
    a: Figure { peak_mib: 606, build_seconds: 150, run_cpu_seconds: 28 },
    no_lto: Figure { peak_mib: 606, build_seconds: 159, run_cpu_seconds: 38 },
    c: Figure { peak_mib: 604, build_seconds: 247, run_cpu_seconds: 28 },
    b: Figure { peak_mib: 506, build_seconds: 133, run_cpu_seconds: 50 },
    parallel: Parallel { further_job_mib: 499, most_mib: 1105, two_jobs_seconds: 79 },
    target_mib: 315,
};

/// The user's estimates, made for a larger dependency tree; shown beside what was measured.
fn estimate(strategy: Strategy) -> Estimate {
    let of = |memory, build, run| Estimate { memory, build, run, ..strategy.estimate() };
    match strategy {
        Strategy::Full => of("8-10 GB", "10 min", "8-15 h"),
        // The user has no figure for what lies between.
        Strategy::Fewer | Strategy::NoLto | Strategy::NoDebuginfo => of("", "", "8-15 h"),
        Strategy::A => of("4-5 GB", "20-30 min", "8-15 h"),
        Strategy::C => of("4-5 GB in two stages", "25-35 min", "8-15 h"),
        Strategy::B => of("2-3 GB", "5-10 min", "80-150 h"),
    }
}

/// The workspace of what is selected.
pub(crate) fn workspace(selection: &Selection) -> anyhow::Result<Workspace> {
    Workspace::locate(selection, HOST.default_target.as_ref())
}

/// `true` if the study is what is selected.
pub(crate) fn is_study(selection: &Selection) -> anyhow::Result<bool> {
    Ok(workspace(selection)?.is_default_target)
}
