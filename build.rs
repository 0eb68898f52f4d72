//! Tells the program what it was built from, for the provenance in its reports.
//!
//! Where git or the repository is missing, the commit is unknown and the build goes on.

use std::path::Path;
use std::process::Command;

fn main() {
    let commit = output("git", &["rev-parse", "HEAD"]);
    let status = output("git", &["status", "--porcelain", "--untracked-files=no"]);
    let dirty = status.map(|changes| (!changes.is_empty()).to_string());
    let rustc = std::env::var("RUSTC").ok().and_then(|rustc| output(&rustc, &["--version"]));
    let variable = |name: &str| std::env::var(name).ok();
    for (name, value) in [
        ("PHI_COMMIT", commit),
        ("PHI_DIRTY", dirty),
        ("PHI_RUSTC", rustc),
        ("PHI_PROFILE", variable("PROFILE")),
        ("PHI_OPT_LEVEL", variable("OPT_LEVEL")),
        ("PHI_TARGET", variable("TARGET")),
    ] {
        println!("cargo:rustc-env={name}={}", value.unwrap_or_else(|| "unknown".to_owned()));
    }

    let tracked = ["HEAD", "logs/HEAD"];
    let git = tracked.iter().filter_map(|it| output("git", &["rev-parse", "--git-path", it]));
    let sources = ["build.rs", "Cargo.toml", "Cargo.lock", "src", "examples", "pyphi-core/src"];
    // A path that does not exist would build everything anew each time.
    for path in git.chain(sources.map(str::to_owned)).filter(|it| Path::new(it).exists()) {
        println!("cargo:rerun-if-changed={path}");
    }
}

/// The standard output of a command that succeeds, without its last newline.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}
