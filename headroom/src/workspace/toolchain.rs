//! The toolchain that cargo will call: its versions, and the program that links.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::Serialize;

use super::cargo;

/// A compiler version, ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) patch: u32,
}

/// The tools that cargo will call.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Toolchain {
    /// The version of cargo. `None` if it does not run.
    pub(crate) cargo: Option<Version>,
    /// The version of rustc. `None` if it does not run.
    pub(crate) rustc: Option<Version>,
    /// The platform that rustc compiles for by default. Empty if rustc does not run.
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

impl Toolchain {
    /// Runs `cargo` and `rustc` once, and looks for the linker in the `PATH`.
    pub(crate) fn sample() -> Toolchain {
        let cargo = cargo();
        let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let cargo_version = words_of(Command::new(cargo).arg("--version"));
        let rustc_version = words_of(Command::new(rustc).arg("-vV"));
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
    /// Returns the key under which figures of memory and time are remembered.
    pub(crate) fn key(&self) -> String {
        let release = self.rustc.map_or("unknown".into(), |it| it.to_string());
        format!("{release} {}", self.host).trim_end().to_owned()
    }

    /// Returns the name of cargo's variable for what starts the programs that it runs.
    pub(crate) fn runner_variable(&self) -> String {
        target_variable(&self.host, "RUNNER")
    }
}

/// Makes the name of a variable of cargo's for a target.
fn target_variable(target: &str, key: &str) -> String {
    format!("CARGO_TARGET_{}_{key}", target.to_uppercase().replace(['-', '.'], "_"))
}

impl Linker {
    fn find(host: &str) -> Linker {
        let name = match env::var(target_variable(host, "LINKER")) {
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

/// Returns the output of a program, or `None` if it does not run or fails.
fn words_of(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).ok())?
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
        let toolchain = Toolchain::sample();
        assert!(toolchain.rustc.is_some() && toolchain.cargo.is_some());
        let key = toolchain.key();
        assert!(key.contains('.') && key.contains(' ') && key.contains('-'), "{key}");
        assert!(!matches!(toolchain.linker, Linker::Missing(_)), "{:?}", toolchain.linker);
    }
}
