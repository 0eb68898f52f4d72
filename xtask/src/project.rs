//! This project's own facts: its study, and what building and running it was measured to cost.

use headroom::{
    DefaultTarget, Estimate, Host, Selection, Strategy, Workspace,
    plan::measured::{Figure, Figures, Parallel},
};

/// The example that is the study.
pub(crate) const STUDY: &str = "pyphi_validation";

/// What the library needs to know of this project.
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

/// What building and running the study costs, measured on 2 cores with 24 GiB (x86-64, Linux 6.18,
/// rustc 1.95, rust-lld) on 2026-11-22; the builds at commit 3281e43.
///
/// Peaks: the highest of two or three builds from an empty target folder,
/// `CARGO_TARGET_DIR=$(mktemp -d) CARGO_BUILD_JOBS=N cargo xtask build --option NAME --format
/// json`, field `peak_bytes`. With N = 1, 2, 4, 8, 16, 64 jobs the plain release build held 458,
/// 562, 805, 983, 1079, 1032 MiB. One compiler decides the peak with one job (the crate `wide`,
/// whatever the profile), so no strategy with one job needs much less than another.
///
/// Times: CPU seconds for one job, wall time for two. The run: CPU seconds of all 160 comparisons
/// in release (13.2) and in debug (15.5), `time pyphi_validation --quiet`; no-lto by its ratio to
/// release (1.16) on three networks of 8 units.
const FIGURES: Figures = Figures {
    a: Figure { peak_mib: 458, build_seconds: 88, run_cpu_seconds: 13 },
    no_lto: Figure { peak_mib: 460, build_seconds: 80, run_cpu_seconds: 15 },
    c: Figure { peak_mib: 453, build_seconds: 97, run_cpu_seconds: 13 },
    b: Figure { peak_mib: 432, build_seconds: 81, run_cpu_seconds: 16 },
    parallel: Parallel { further_job_mib: 116, most_mib: 1079, two_jobs_seconds: 54 },
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
