//! What is built: the workspace, the selection within it, its profiles, and the toolchain it asks for.
//!
//! The workspace is the one cargo itself would find: around the current folder, or of `--manifest-path`. The selection is
//! cargo's own; only where the user gives none is this project's study meant, in this project's workspace.

use std::{
    env,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, anyhow, bail};
use serde::{Deserialize, Serialize};
use xshell::{Shell, cmd};

use crate::{
    cli::Selection,
    exit::{Coded, Exit},
    profile::Profiles,
};

/// This project's own example and the package that has it.
pub(crate) const STUDY: &str = "pyphi_validation";
const STUDY_PACKAGE: &str = "phi-validation";

/// A workspace and what to build in it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target_dir: PathBuf,
    /// cargo's arguments for the packages and targets; empty for cargo's own default.
    pub(crate) targets: Vec<String>,
    /// cargo's arguments for the features.
    pub(crate) features: Vec<String>,
    /// The profile of the fastest strategies.
    pub(crate) profile: String,
    /// `--target-dir`, `--locked` and `--offline`, if they were given.
    pub(crate) further: Vec<String>,
    /// rustc's flags in the place of those of the environment, as cargo encodes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rustflags: Option<String>,
    /// cargo runs here.
    pub(crate) folder: PathBuf,
    /// Whether a library of its own could be built first.
    pub(crate) has_lib: bool,
    /// The oldest rustc that the packages promise to build with.
    pub(crate) rust_version: Option<Version>,
    /// Whether it is this project's study: only then do the figures measured for it apply.
    pub(crate) is_study: bool,
    #[serde(skip)]
    pub(crate) profiles: Profiles,
}

/// A compiler version, ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) patch: u32,
}

/// What cargo will call.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Toolchain {
    /// `None`: it does not run.
    pub(crate) cargo: Option<Version>,
    /// `None`: it does not run.
    pub(crate) rustc: Option<Version>,
    /// What rustc compiles for if it is not told otherwise; empty if it does not run.
    pub(crate) host: String,
    pub(crate) linker: Linker,
}

/// The program that links, as far as it can be told from outside rustc.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Linker {
    /// In the `PATH`, or named by an environment variable.
    Found(PathBuf),
    /// This name was looked for.
    Missing(String),
    /// rustc finds it by other means (MSVC).
    LeftToRustc,
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
        Selected::of(&Selection::default(), &metadata, Path::new("/")).ok();
    }
}

impl Workspace {
    /// Ask cargo for the workspace and look for what was selected in it.
    pub(crate) fn locate(sh: &Shell, selection: &Selection) -> anyhow::Result<Workspace> {
        let cargo = cargo();
        let manifest_path = selection.manifest_path.as_deref();
        if let Some(path) = manifest_path.filter(|it| !it.is_file()) {
            bail!(usage(format!("--manifest-path: no file {}", path.display())));
        }
        let manifest = manifest_path.into_iter().flat_map(|it| [Path::new("--manifest-path"), it]);
        let network = flags([("--locked", selection.locked), ("--offline", selection.offline)]);
        let shown = &network;
        let command: Command =
            cmd!(sh, "{cargo} metadata --no-deps --format-version 1 {manifest...} {shown...}")
                .into();
        let json = answer(command)?;
        let metadata: Metadata =
            serde_json::from_str(&json).context("`cargo metadata` gave something unexpected")?;
        let here = match manifest_path.and_then(Path::parent) {
            Some(folder) => {
                absolute(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?
            }
            None => sh.current_dir(),
        };
        let target_dir = selection.target_dir.as_deref().map(absolute).transpose()?;
        let variables = env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let profiles = Profiles::read(&metadata.workspace_root, variables);
        let selected = Selected::of(selection, &metadata, &here).map_err(usage)?;
        let further =
            target_dir.iter().flat_map(|it| ["--target-dir".to_owned(), it.display().to_string()]);
        Ok(Workspace {
            target_dir: target_dir.clone().unwrap_or(metadata.target_directory),
            targets: selected.targets,
            features: selected.features,
            profile: selection.profile.clone().unwrap_or_else(|| "release".into()),
            further: further.chain(network).collect(),
            rustflags: selection.rustflags.clone(),
            folder: selected.folder,
            has_lib: selected.has_lib,
            rust_version: selected.rust_version,
            is_study: selected.is_study,
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

/// What the flags mean in this workspace.
struct Selected {
    targets: Vec<String>,
    features: Vec<String>,
    folder: PathBuf,
    has_lib: bool,
    rust_version: Option<Version>,
    is_study: bool,
}

impl Selected {
    /// # Errors
    /// A program or an example that no package has; the message is for the user.
    fn of(selection: &Selection, metadata: &Metadata, here: &Path) -> Result<Selected, String> {
        let study = || {
            metadata.packages.iter().find(|it| it.name == STUDY_PACKAGE && it.has("example", STUDY))
        };
        let nothing_selected = selection.package.is_empty()
            && !selection.lib
            && selection.bin.is_empty()
            && selection.example.is_empty();
        let is_study_named = selection.example == [STUDY]
            && !selection.lib
            && selection.bin.is_empty()
            && selection.package.iter().all(|it| it == STUDY_PACKAGE);
        let is_study = (nothing_selected || is_study_named) && study().is_some();
        let mut example = selection.example.clone();
        if is_study && example.is_empty() {
            example.push(STUDY.into());
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
        // cargo looks for a target in the package around the folder it runs in: run it where the target is.
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
        let mut features = flags([
            ("--all-features", selection.all_features),
            ("--no-default-features", selection.no_default_features),
        ]);
        let mut listed = selection.features.clone();
        if is_study && listed.is_empty() && features.is_empty() {
            listed.push("pyphi".into());
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
            is_study,
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

impl Toolchain {
    /// Run `cargo` and `rustc` once, and look for the linker in the `PATH`.
    pub(crate) fn sample(sh: &Shell) -> Toolchain {
        let cargo = cargo();
        let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let ask = |command: xshell::Cmd<'_>| command.quiet().ignore_stderr().read().ok();
        let cargo_version = ask(cmd!(sh, "{cargo} --version"));
        let rustc_version = ask(cmd!(sh, "{rustc} -vV"));
        let field = |name: &str| {
            rustc_version.as_deref()?.lines().find_map(|it| it.strip_prefix(name)).map(str::trim)
        };
        Toolchain {
            cargo: cargo_version
                .as_deref()
                .and_then(|it| Version::parse(it.split_whitespace().nth(1)?)),
            rustc: field("release:").and_then(Version::parse),
            host: field("host:").unwrap_or_default().to_owned(),
            linker: Linker::find(field("host:").unwrap_or_default()),
        }
    }
}

impl Toolchain {
    /// What figures of memory and time are remembered by.
    pub(crate) fn key(&self) -> String {
        let release = self.rustc.map_or("unknown".into(), |it| it.to_string());
        format!("{release} {}", self.host).trim_end().to_owned()
    }
}

impl Linker {
    fn find(host: &str) -> Linker {
        let variable =
            format!("CARGO_TARGET_{}_LINKER", host.to_uppercase().replace(['-', '.'], "_"));
        let name = match env::var(variable) {
            Ok(name) => name,
            Err(_) if host.ends_with("-msvc") => return Linker::LeftToRustc,
            Err(_) if host.ends_with("-windows-gnu") => "gcc".to_owned(),
            Err(_) => "cc".to_owned(),
        };
        match in_path(&name) {
            Some(path) => Linker::Found(path),
            None => Linker::Missing(name),
        }
    }
}

impl Version {
    /// `1.95`, `1.95.0` or `1.97.0-nightly`.
    pub(crate) fn parse(text: &str) -> Option<Version> {
        let plain = text.split(['-', '+']).next()?;
        let mut parts = plain.split('.').map(|it| it.parse::<u32>());
        let major = parts.next()?.ok()?;
        let minor = parts.next()?.ok()?;
        let patch = parts.next().map_or(Some(0), Result::ok)?;
        Some(Version { major, minor, patch })
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What cargo prints; its errors go to the user's stderr.
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

/// The cargo that started xtask, else the one in the `PATH`.
pub(crate) fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

fn usage(message: String) -> Coded {
    Coded { exit: Exit::Usage, message }
}

/// Like `which`.
fn in_path(name: &str) -> Option<PathBuf> {
    let exists = |it: &Path| it.is_file();
    if Path::new(name).components().count() > 1 {
        return Some(PathBuf::from(name)).filter(|it| exists(it));
    }
    let candidates = env::split_paths(&env::var_os("PATH")?)
        .map(|it| it.join(format!("{name}{}", env::consts::EXE_SUFFIX)))
        .collect::<Vec<_>>();
    candidates.into_iter().find(|it| exists(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let version = |text| Version::parse(text).unwrap();
        assert!(version("1.100.0") > version("1.95"));
        assert!(version("1.97.0-nightly") > version("1.95.1"));
        assert_eq!(version("1.95"), version("1.95.0"));
        assert_eq!(version("1.95").to_string(), "1.95.0");
        for bad in ["", "stable", "1", "1.x", "1.2.y"] {
            assert_eq!(Version::parse(bad), None, "{bad}");
        }
    }

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
    fn check(selection: Selection, expected: &str, folder: &str, is_study: bool) {
        let it = Selected::of(&selection, &metadata(), Path::new("/w/tool")).unwrap();
        let words = [it.targets, it.features].concat().join(" ");
        assert_eq!(
            (words.as_str(), it.folder.to_str().unwrap(), it.is_study),
            (expected, folder, is_study)
        );
    }

    #[test]
    fn the_study_is_the_default_and_anything_else_is_cargo_s_own_selection() {
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
        let odd = Selection { package: names(&["to*"]), bin: names(&["tool"]), ..none() };
        check(odd, "-p to* --bin tool", "/w/tool", false);
    }

    #[test]
    fn a_target_that_nobody_has_is_refused() {
        let refused = |selection: Selection| {
            Selected::of(&selection, &metadata(), Path::new("/w")).err().expect("refused")
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

    #[test]
    fn this_toolchain_is_found() {
        let toolchain = Toolchain::sample(&Shell::new().unwrap());
        assert!(toolchain.rustc.is_some() && toolchain.cargo.is_some());
        let key = toolchain.key();
        assert!(key.contains('.') && key.contains(' ') && key.contains('-'), "{key}");
        assert!(!matches!(toolchain.linker, Linker::Missing(_)), "{:?}", toolchain.linker);
    }
}
