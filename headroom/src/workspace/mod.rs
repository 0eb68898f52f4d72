//! The build's subject: the workspace, the selection within it, its profiles, and the toolchain it
//! asks for.
//!
//! The workspace is the one cargo itself would find: around the current folder, or of
//! `--manifest-path`. The selection is cargo's own. Only where the user gives none does the program
//! that hosts this library say what is meant ([`DefaultTarget`]).

pub(crate) mod build_lock;
pub(crate) mod profile;
pub(crate) mod toolchain;

use std::{
    collections::BTreeMap,
    env,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, anyhow, bail};
use serde::{Deserialize, Serialize};

use self::{profile::Profiles, toolchain::Version};
use crate::exit::{Coded, Exit};

/// cargo's variable for flags of rustc with spaces in them, which comes before every other source
/// of flags.
pub(crate) const ENCODED_RUSTFLAGS: &str = "CARGO_ENCODED_RUSTFLAGS";

/// The program that is meant where the user selects nothing, in the one workspace that has it.
#[derive(Clone, Copy, Debug)]
pub struct DefaultTarget {
    /// The package that has the example.
    pub package: &'static str,
    /// The example.
    pub example: &'static str,
    /// Its features, if the user says nothing of features.
    pub features: &'static [&'static str],
    /// The field of the JSON document that says whether this program is built.
    pub json_field: &'static str,
}

/// The targets to build, in cargo's own words.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// rustc's flags in the place of those of the environment, as cargo encodes them.
    pub rustflags: Option<String>,
    /// Build in the workspace of this manifest instead of the one around the current folder.
    pub manifest_path: Option<PathBuf>,
    /// Packages of the workspace.
    pub package: Vec<String>,
    /// The library.
    pub lib: bool,
    /// Programs.
    pub bin: Vec<String>,
    /// Examples.
    pub example: Vec<String>,
    /// Features.
    pub features: Vec<String>,
    /// All features.
    pub all_features: bool,
    /// Without the default features.
    pub no_default_features: bool,
    /// The profile of the fastest strategies; `release` if none is given.
    pub profile: Option<String>,
    /// The folder to build in, if not cargo's.
    pub target_dir: Option<PathBuf>,
    /// Refuse to build if `Cargo.lock` would change.
    pub locked: bool,
    /// Build without the network.
    pub offline: bool,
    /// Most jobs at once, if not as many as cargo would take.
    pub jobs: Option<usize>,
    /// Other arguments of `cargo build`, word for word: `--workspace`, `--tests`, `--target …`.
    pub more: Vec<String>,
}

impl Selection {
    /// `true` if it says which program is meant.
    pub fn names_a_target(&self) -> bool {
        !self.bin.is_empty() || !self.example.is_empty()
    }
}

/// A workspace and what to build in it.
#[derive(Clone, Debug, Serialize)]
pub struct Workspace {
    /// The folder of its manifest.
    pub root: PathBuf,
    /// The folder that it is built in.
    pub target_dir: PathBuf,
    /// cargo's arguments for the packages and targets; empty for cargo's own default.
    pub(crate) targets: Vec<String>,
    /// cargo's arguments for the features.
    pub(crate) features: Vec<String>,
    /// The profile of the fastest strategies.
    pub(crate) profile: String,
    /// `--target-dir`, `--locked` and `--offline`, if they were given.
    pub(crate) further: Vec<String>,
    /// Most jobs at once, if they were given.
    #[serde(skip)]
    pub(crate) jobs: Option<usize>,
    /// rustc's flags in the place of those of the environment, as cargo encodes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rustflags: Option<String>,
    /// cargo runs here.
    pub(crate) folder: PathBuf,
    /// `true` if a library of its own could be built first.
    pub(crate) has_lib: bool,
    /// The oldest rustc that the packages promise to build with.
    pub(crate) rust_version: Option<Version>,
    /// The same under the name that the host gives it in the document.
    #[serde(flatten)]
    pub(crate) marks: BTreeMap<&'static str, bool>,
    /// `true` if it is the host's default target.
    #[serde(skip)]
    pub is_default_target: bool,
    #[serde(skip)]
    pub(crate) profiles: Profiles,
}

#[derive(Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    target_directory: PathBuf,
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    rust_version: Option<String>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// The answer of `cargo metadata`; for fuzzing.
pub(crate) fn parse_metadata(text: &[u8]) {
    if let Ok(metadata) = serde_json::from_slice::<Metadata>(text) {
        Selected::of(&Selection::default(), None, &metadata, Path::new("/")).ok();
    }
}

impl Workspace {
    /// Asks cargo for the workspace and looks for what was selected in it.
    ///
    /// # Errors
    /// If cargo cannot read the workspace, or the selection has something that the workspace has
    /// not.
    pub fn locate(
        selection: &Selection,
        default_target: Option<&DefaultTarget>,
    ) -> anyhow::Result<Workspace> {
        let cargo = cargo();
        let manifest_path = selection.manifest_path.as_deref();
        if let Some(path) = manifest_path.filter(|it| !it.is_file()) {
            bail!(usage(format!("--manifest-path: no file {}", path.display())));
        }
        let manifest = manifest_path.into_iter().flat_map(|it| [Path::new("--manifest-path"), it]);
        let network = flags([("--locked", selection.locked), ("--offline", selection.offline)]);
        let mut command = Command::new(cargo);
        command.args(["metadata", "--no-deps", "--format-version", "1"]);
        command.args(manifest).args(&network);
        let json = answer(command)?;
        let metadata: Metadata =
            serde_json::from_str(&json).context("`cargo metadata` gave something unexpected")?;
        let here = match manifest_path.and_then(Path::parent) {
            Some(folder) => {
                absolute(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?
            }
            None => env::current_dir().context("the current folder cannot be told")?,
        };
        let target_dir = selection.target_dir.as_deref().map(absolute).transpose()?;
        let variables = env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let profiles = Profiles::read(&metadata.workspace_root, variables);
        let selected = Selected::of(selection, default_target, &metadata, &here).map_err(usage)?;
        let further =
            target_dir.iter().flat_map(|it| ["--target-dir".to_owned(), it.display().to_string()]);
        Ok(Workspace {
            target_dir: target_dir.clone().unwrap_or(metadata.target_directory),
            targets: selected.targets,
            features: selected.features,
            profile: selection.profile.clone().unwrap_or_else(|| "release".into()),
            further: further.chain(network).collect(),
            jobs: selection.jobs,
            rustflags: selection.rustflags.clone(),
            folder: selected.folder,
            has_lib: selected.has_lib,
            rust_version: selected.rust_version,
            marks: default_target
                .map(|it| (it.json_field, selected.is_default_target))
                .into_iter()
                .collect(),
            is_default_target: selected.is_default_target,
            profiles,
            root: metadata.workspace_root,
        })
    }

    /// The selection as one line: what a build is remembered by.
    pub(crate) fn selection(&self) -> String {
        let words: Vec<&str> =
            self.targets.iter().chain(&self.features).map(String::as_str).collect();
        if words.is_empty() {
            self.folder.strip_prefix(&self.root).map_or_else(
                |_| "default".into(),
                |it| format!("default {}", it.display()).trim_end().to_owned(),
            )
        } else {
            words.join(" ")
        }
    }
}

/// The meaning of the flags in this workspace.
struct Selected {
    targets: Vec<String>,
    features: Vec<String>,
    folder: PathBuf,
    has_lib: bool,
    rust_version: Option<Version>,
    is_default_target: bool,
}

impl Selected {
    /// # Errors
    /// If no package has the program or the example that is selected. The message is for the user.
    fn of(
        selection: &Selection,
        default_target: Option<&DefaultTarget>,
        metadata: &Metadata,
        here: &Path,
    ) -> Result<Selected, String> {
        let is_there = |target: &&DefaultTarget| {
            let has = |it: &Package| it.name == target.package && it.has("example", target.example);
            metadata.packages.iter().any(has)
        };
        let nothing_selected = selection.package.is_empty()
            && !selection.lib
            && selection.bin.is_empty()
            && selection.example.is_empty()
            && selection.more.is_empty();
        let is_named = |target: &DefaultTarget| {
            selection.example == [target.example]
                && !selection.lib
                && selection.bin.is_empty()
                && selection.package.iter().all(|it| it == target.package)
        };
        let default_target =
            default_target.filter(|it| nothing_selected || is_named(it)).filter(is_there);
        let mut example = selection.example.clone();
        if let Some(target) = default_target.filter(|_| example.is_empty()) {
            example.push(target.example.into());
        }

        let named =
            |it: &&Package| selection.package.is_empty() || selection.package.contains(&it.name);
        for (kind, names) in [("bin", &selection.bin), ("example", &example)] {
            // What is not a plain name (`serde@1`, `ba*`) is cargo's to resolve.
            let can_tell = selection
                .package
                .iter()
                .all(|it| metadata.packages.iter().any(|package| package.name == *it));
            for name in names {
                let found = metadata.packages.iter().filter(named).any(|it| it.has(kind, name));
                if can_tell && !found && !name.contains(['*', '?', '[']) {
                    let root = metadata.workspace_root.display();
                    let kind = if kind == "bin" { "program" } else { "example" };
                    let article = if kind == "example" { "an" } else { "a" };
                    return Err(format!(
                        "no package of the workspace {root} has {article} {kind} `{name}`"
                    ));
                }
            }
        }
        // cargo looks for a target in the package around the folder it runs in: run it where the
        // target is.
        let has_all = |it: &&Package| {
            selection.bin.iter().all(|name| it.has("bin", name))
                && example.iter().all(|name| it.has("example", name))
        };
        let holder = metadata.packages.iter().filter(named).find(has_all);
        let by_name = !selection.bin.is_empty() || !example.is_empty();
        let holder = holder.filter(|_| by_name && selection.package.is_empty());
        let around = || metadata.packages.iter().find(|it| it.folder() == here);
        let is_concerned = |it: &&Package| match holder.or_else(around) {
            _ if !selection.package.is_empty() => named(it),
            Some(one) => one.name == it.name,
            None => true,
        };
        let concerned = || metadata.packages.iter().filter(is_concerned);

        let mut targets = Vec::new();
        let mut add = |flag: &str, values: &[String]| {
            targets.extend(values.iter().flat_map(|it| [flag.to_owned(), it.clone()]));
        };
        add("-p", &selection.package);
        add("--bin", &selection.bin);
        add("--example", &example);
        targets.extend(flags([("--lib", selection.lib)]));
        targets.extend_from_slice(&selection.more);
        let mut features = flags([
            ("--all-features", selection.all_features),
            ("--no-default-features", selection.no_default_features),
        ]);
        let mut listed = selection.features.clone();
        if let Some(target) = default_target.filter(|_| listed.is_empty() && features.is_empty()) {
            listed.extend(target.features.iter().map(|it| (*it).to_owned()));
        }
        listed.retain(|it| !it.is_empty());
        if !listed.is_empty() {
            features.extend(["--features".into(), listed.join(",")]);
        }
        Ok(Selected {
            targets,
            features,
            folder: holder.map_or(here, |it| it.folder()).to_owned(),
            has_lib: !selection.lib
                && concerned().any(|it| it.targets.iter().any(|it| it.is("lib"))),
            rust_version: concerned()
                .filter_map(|it| Version::parse(it.rust_version.as_deref()?))
                .max(),
            is_default_target: default_target.is_some(),
        })
    }
}

impl Package {
    fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(Path::new(""))
    }

    fn has(&self, kind: &str, name: &str) -> bool {
        self.targets.iter().any(|it| it.name == name && it.is(kind))
    }
}

impl Target {
    fn is(&self, kind: &str) -> bool {
        self.kind.iter().any(|it| it == kind)
    }
}

/// The flags that are set.
fn flags<const N: usize>(flags: [(&str, bool); N]) -> Vec<String> {
    flags.into_iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| flag.to_owned()).collect()
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("cannot make {} absolute", path.display()))
}

/// Returns cargo's output. Its errors go to the user's stderr.
fn answer(mut command: Command) -> anyhow::Result<String> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| {
        let program = command.get_program().to_string_lossy().into_owned();
        let hint = match (error.kind(), env::var_os("CARGO")) {
            (ErrorKind::NotFound, None) => ": it is not in the PATH; https://rustup.rs installs it",
            (_, None) => "",
            (_, Some(_)) => ", which the variable CARGO names",
        };
        anyhow!("could not start `{program}`{hint} ({error})")
    })?;
    if !output.status.success() {
        bail!(Coded {
            exit: Exit::CargoFailed,
            message: "cargo cannot read this workspace".into()
        });
    }
    String::from_utf8(output.stdout).context("`cargo metadata` gave something unexpected")
}

/// The cargo that started this program, else the one in the `PATH`.
pub(crate) fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

fn usage(message: String) -> Coded {
    Coded { exit: Exit::Usage, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STUDY: &str = "pyphi_validation";
    const TARGET: DefaultTarget = DefaultTarget {
        package: "phi-validation",
        example: STUDY,
        features: &["pyphi"],
        json_field: "is_study",
    };

    fn metadata() -> Metadata {
        let json = r#"{
            "workspace_root": "/w", "target_directory": "/w/target", "packages": [
                {"name": "phi-validation", "manifest_path": "/w/Cargo.toml", "rust_version": "1.95",
                 "targets": [{"name": "phi", "kind": ["lib"]}, {"name": "pyphi_validation", "kind": ["example"]}]},
                {"name": "tool", "manifest_path": "/w/tool/Cargo.toml", "rust_version": null,
                 "targets": [{"name": "tool", "kind": ["bin"]}]}
            ]}"#;
        serde_json::from_str(json).unwrap()
    }

    #[track_caller]
    fn check(selection: Selection, expected: &str, folder: &str, is_default: bool) {
        let it =
            Selected::of(&selection, Some(&TARGET), &metadata(), Path::new("/w/tool")).unwrap();
        let words = [it.targets, it.features].concat().join(" ");
        assert_eq!(
            (words.as_str(), it.folder.to_str().unwrap(), it.is_default_target),
            (expected, folder, is_default)
        );
    }

    #[test]
    fn a_default_target_holds_in_its_workspace_and_anything_else_is_cargo_s_own_selection() {
        let names = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let none = Selection::default;
        check(none(), "--example pyphi_validation --features pyphi", "/w", true);
        let study = || Selection { example: names(&[STUDY]), ..none() };
        check(study(), "--example pyphi_validation --features pyphi", "/w", true);
        let features = Selection { features: names(&["a", "b,c"]), ..study() };
        check(features, "--example pyphi_validation --features a,b,c", "/w", true);
        check(
            Selection { features: names(&[""]), ..study() },
            "--example pyphi_validation",
            "/w",
            true,
        );
        let all = Selection { all_features: true, ..none() };
        check(all, "--example pyphi_validation --all-features", "/w", true);
        check(Selection { bin: names(&["tool"]), ..none() }, "--bin tool", "/w/tool", false);
        check(Selection { package: names(&["tool"]), ..none() }, "-p tool", "/w/tool", false);
        check(Selection { lib: true, ..none() }, "--lib", "/w/tool", false);
        let all = Selection { more: names(&["--workspace", "--tests"]), ..none() };
        check(all, "--workspace --tests", "/w/tool", false);
        let odd = Selection { package: names(&["to*"]), bin: names(&["tool"]), ..none() };
        check(odd, "-p to* --bin tool", "/w/tool", false);
    }

    #[test]
    fn a_target_that_no_package_has_is_refused() {
        let refused = |selection: Selection| {
            Selected::of(&selection, Some(&TARGET), &metadata(), Path::new("/w"))
                .err()
                .expect("refused")
        };
        let names = |name: &str| vec![name.to_owned()];
        let nope = refused(Selection { example: names("nope"), ..Selection::default() });
        assert_eq!(nope, "no package of the workspace /w has an example `nope`");
        let elsewhere =
            Selection { package: names("tool"), example: names(STUDY), ..Selection::default() };
        assert!(refused(elsewhere).ends_with("has an example `pyphi_validation`"));
        let program = refused(Selection { bin: names("phi"), ..Selection::default() });
        assert!(program.ends_with("has a program `phi`"), "{program}");
    }
}
