//! Which workspace is built: its root, its target folder, its example, and the toolchain it asks for.
//!
//! The workspace is the one cargo itself would find: around the current folder, or of `--manifest-path`.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use xshell::{Shell, cmd};

use crate::{
    cli::Selection,
    exit::{Coded, Exit},
};

/// This project's own example.
pub(crate) const STUDY: &str = "pyphi_validation";

/// A workspace and the example to build in it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target_dir: PathBuf,
    pub(crate) example: String,
    /// Comma-separated, as cargo takes them; empty for none.
    pub(crate) features: String,
    /// The folder of the package that has the example; cargo runs here.
    pub(crate) package_dir: PathBuf,
    /// Whether that package has a library.
    pub(crate) has_lib: bool,
    /// The oldest rustc the package promises to build with.
    pub(crate) rust_version: Option<Version>,
    /// Whether it is this project's study: only then do the figures measured for it apply.
    pub(crate) is_study: bool,
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

impl Workspace {
    /// Ask cargo for the workspace and look for the example in it.
    pub(crate) fn locate(sh: &Shell, selection: &Selection) -> anyhow::Result<Workspace> {
        let cargo = cargo();
        let manifest_path = selection.manifest_path.as_deref();
        if let Some(path) = manifest_path.filter(|it| !it.is_file()) {
            bail!(usage(format!("--manifest-path: no file {}", path.display())));
        }
        let manifest = manifest_path.into_iter().flat_map(|it| [Path::new("--manifest-path"), it]);
        let json = cmd!(sh, "{cargo} metadata --no-deps --format-version 1 {manifest...}")
            .quiet()
            .read()
            .map_err(|_| Coded {
                exit: Exit::CargoFailed,
                message: "cargo cannot read this workspace".into(),
            })?;
        let metadata: Metadata =
            serde_json::from_str(&json).context("`cargo metadata` gave something unexpected")?;
        let example = &selection.example;
        let has_example = |it: &&Package| {
            let is_it =
                |it: &Target| it.name == *example && it.kind.iter().any(|kind| kind == "example");
            it.targets.iter().any(is_it)
        };
        let Some(package) = metadata.packages.iter().find(has_example) else {
            bail!(usage(format!(
                "no package of the workspace {} has an example `{example}`",
                metadata.workspace_root.display()
            )));
        };
        let is_study = package.name == "phi-validation" && selection.example == STUDY;
        let default_features = if is_study { "pyphi" } else { "" };
        Ok(Workspace {
            root: metadata.workspace_root,
            target_dir: metadata.target_directory,
            example: selection.example.clone(),
            features: selection.features.clone().unwrap_or_else(|| default_features.into()),
            package_dir: package.manifest_path.parent().unwrap_or(Path::new("")).to_owned(),
            has_lib: package.targets.iter().any(|it| it.kind.iter().any(|kind| kind == "lib")),
            rust_version: package.rust_version.as_deref().and_then(Version::parse),
            is_study,
        })
    }
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
            linker: Linker::find(field("host:").unwrap_or_default()),
        }
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

    #[test]
    fn this_toolchain_is_found() {
        let toolchain = Toolchain::sample(&Shell::new().unwrap());
        assert!(toolchain.rustc.is_some() && toolchain.cargo.is_some());
        assert!(!matches!(toolchain.linker, Linker::Missing(_)), "{:?}", toolchain.linker);
    }
}
