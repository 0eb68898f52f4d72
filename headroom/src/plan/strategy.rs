//! The ways to build: what each changes, and what was measured about it.
//!
//! A strategy is a name; what it means follows from what the profile asks for. Nothing here knows a
//! machine.

use serde::Serialize;

use crate::{
    workspace::Workspace,
    workspace::profile::{Lto, ProfileSettings},
};

/// The factors by which settings change the peak of a build, as measured (peak with / peak without;
/// the smaller effect of a graph of 64 packages and of one heavy crate). They are only used where a
/// neighbouring strategy is known and this one is not.
mod weight {
    /// Fat LTO switched off: 288 → 198 and 255 → 132 MiB.
    pub(super) const NO_FAT_LTO: f64 = 0.69;
    /// One codegen unit → 16: 252 → 205 and 204 → 140 MiB.
    pub(super) const NO_SINGLE_CODEGEN_UNIT: f64 = 0.82;
    /// Debug information of a release build switched off: 241 → 205 and 332 → 140 MiB.
    pub(super) const NO_DEBUGINFO: f64 = 0.86;
    /// Release → debug without debug information: 205 → 191, 140 → 116 and 715 → 612 MiB.
    pub(super) const DEBUG_BUILD: f64 = 0.93;
}

/// The ways to build, fastest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// As the profile says, all CPUs.
    Full,
    /// As many jobs as fit.
    Fewer,
    /// One job.
    A,
    /// One job, without what LTO and a single codegen unit add.
    NoLto,
    /// The same without debug information.
    NoDebuginfo,
    /// One job, library first.
    C,
    /// Debug without debug information, one job.
    B,
}

/// The estimate for a build of which nothing was measured, made for a large dependency tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// The memory, for people.
    pub memory: &'static str,
    /// The time to build, for people.
    pub build: &'static str,
    /// The time of the program's usual run, for people.
    pub run: &'static str,
    /// Upper end of `memory`, in bytes of 1000³.
    pub memory_most_bytes: u64,
}

impl Strategy {
    pub(crate) const ALL: [Strategy; 7] = [
        Strategy::Full,
        Strategy::Fewer,
        Strategy::A,
        Strategy::NoLto,
        Strategy::NoDebuginfo,
        Strategy::C,
        Strategy::B,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Strategy::Full => "full",
            Strategy::Fewer => "fewer",
            Strategy::A => "a",
            Strategy::NoLto => "no-lto",
            Strategy::NoDebuginfo => "no-debuginfo",
            Strategy::C => "c",
            Strategy::B => "b",
        }
    }

    pub(crate) fn description(self) -> &'static str {
        match self {
            Strategy::Full => "all CPUs",
            Strategy::Fewer => "as many jobs as fit",
            Strategy::A => "one job",
            Strategy::NoLto => "one job, no LTO, several codegen units",
            Strategy::NoDebuginfo => "one job, no LTO, no debug information",
            Strategy::C => "one job, library first",
            Strategy::B => "debug without debug information, one job",
        }
    }

    /// An estimate for a large dependency tree, for programs that bring none of their own.
    pub fn estimate(self) -> Estimate {
        let most_gb = match self {
            Strategy::Full | Strategy::Fewer => 10,
            Strategy::A | Strategy::C | Strategy::NoLto | Strategy::NoDebuginfo => 5,
            Strategy::B => 3,
        };
        Estimate { memory: "", build: "", run: "", memory_most_bytes: most_gb * 1_000_000_000 }
    }

    /// Describes the measured effect of the strategy in this profile.
    pub(crate) fn finding(self, asked: ProfileSettings) -> String {
        match self {
            Strategy::Full | Strategy::Fewer => {
                "the number of jobs is the strongest lever: in a graph of 64 packages one, two and \
                four jobs held 205, 341 and 631 MiB"
            }
            Strategy::A => {
                "the least memory without changing the program, and what was compiled is kept"
            }
            Strategy::NoLto => match (asked.lto, asked.single_codegen_unit) {
                (Lto::Fat, _) => "fat LTO raised the peak by 40 to 90 %, so switching it off helps",
                (_, true) => {
                    "a single codegen unit raised the peak by a quarter to a half, so 16 help"
                }
                (Lto::Thin, _) => {
                    "it lowers no peak here: thin LTO needed no more memory than none"
                }
                _ => "it lowers no peak here: the profile has no LTO among crates",
            },
            Strategy::NoDebuginfo if asked.debuginfo => {
                "debug information raised the peak of release builds by 18 to 140 %, so going \
                without helps"
            }
            Strategy::NoDebuginfo => "it lowers no peak here: the profile has no debug information",
            Strategy::C => {
                "it lowers no peak: with one job compilers run one at a time anyway (112 and 112 \
                MiB), and without the same features the library would be compiled twice"
            }
            Strategy::B => {
                "with debug information a debug build held up to twice as much as a release build \
                (247 against 123 MiB), so it goes without (116)"
            }
        }
        .to_owned()
    }

    /// The settings it builds with, if the profile asks for `asked`.
    pub(crate) fn settings(self, asked: ProfileSettings) -> ProfileSettings {
        match self {
            Strategy::Full | Strategy::Fewer | Strategy::A | Strategy::C => asked,
            Strategy::NoLto => without_lto(asked),
            Strategy::NoDebuginfo => ProfileSettings { debuginfo: false, ..without_lto(asked) },
            Strategy::B => {
                ProfileSettings { debuginfo: false, optimised: false, ..without_lto(asked) }
            }
        }
    }

    /// `true` if it can lower the peak of what comes before it.
    pub(crate) fn is_real(self, asked: ProfileSettings, profile: &str) -> bool {
        match self {
            Strategy::Full | Strategy::Fewer | Strategy::A => true,
            Strategy::NoLto => asked.lto == Lto::Fat || asked.single_codegen_unit,
            // Of a debug build it is option b.
            Strategy::NoDebuginfo => asked.debuginfo && profile != "dev",
            Strategy::C => false,
            Strategy::B => true,
        }
    }

    pub(crate) fn profile(self, workspace: &Workspace) -> &str {
        if self == Strategy::B { "dev" } else { &workspace.profile }
    }

    /// Variables that turn the plain command into this strategy, as
    /// `(name within the profile, value)`.
    ///
    /// Only what changes something: each of them has cargo build everything once more.
    pub(crate) fn changes(self, asked: ProfileSettings) -> Vec<(&'static str, &'static str)> {
        let mut changes = Vec::new();
        if matches!(self, Strategy::NoLto | Strategy::NoDebuginfo) {
            if matches!(asked.lto, Lto::Fat | Lto::Thin) {
                changes.push(("lto", "off"));
            }
            if asked.single_codegen_unit {
                changes.push(("codegen-units", "16"));
            }
        }
        if self == Strategy::B || self == Strategy::NoDebuginfo && asked.debuginfo {
            changes.push(("debug", "0"));
        }
        changes
    }

    pub(crate) fn steps(self, workspace: &Workspace) -> Vec<Vec<String>> {
        let command = |targets: &[String]| {
            let mut args = vec!["build".to_owned()];
            args.extend_from_slice(targets);
            args.extend_from_slice(&workspace.features);
            match self.profile(workspace) {
                "dev" => {}
                "release" => args.push("--release".into()),
                other => args.extend(["--profile".into(), other.into()]),
            }
            args.extend_from_slice(&workspace.further);
            args
        };
        let all = command(&workspace.targets);
        if self == Strategy::C && workspace.has_lib {
            // The features must be the same, or the library is built twice.
            let package = workspace.targets.iter().position(|it| it == "-p");
            let package = package.map_or(&[][..], |at| &workspace.targets[at..at + 2]);
            return vec![command(&[package, &["--lib".to_owned()]].concat()), all];
        }
        vec![all]
    }
}

fn without_lto(asked: ProfileSettings) -> ProfileSettings {
    let lto = if matches!(asked.lto, Lto::Fat | Lto::Thin) { Lto::Off } else { asked.lto };
    ProfileSettings { lto, single_codegen_unit: false, ..asked }
}

/// The peak of a build with these settings, relative to one with the most demanding.
pub(crate) fn weight_of(settings: ProfileSettings) -> f64 {
    let mut weight = 1.0;
    if settings.lto != Lto::Fat {
        weight *= weight::NO_FAT_LTO;
    }
    if !settings.single_codegen_unit {
        weight *= weight::NO_SINGLE_CODEGEN_UNIT;
    }
    if !settings.debuginfo {
        weight *= weight::NO_DEBUGINFO;
    }
    if !settings.optimised {
        weight *= weight::DEBUG_BUILD;
    }
    weight
}
