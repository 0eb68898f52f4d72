//! The processors that the program for a cluster is compiled for.
//!
//! By default the program is compiled for every x86-64: that is rustc's own choice, and the
//! engine's inner loops are compiled a second time for AVX2 and chosen when they are called. Flags
//! in the environment that say otherwise (`RUSTFLAGS="-C target-cpu=native"`) are for this machine,
//! not for the nodes, and are taken out; `--cpu` says what the nodes have. The flags of a cargo
//! configuration are only seen in the finished program, which names the instructions it may use.

use std::{env, process::Command};

use headroom::{Coded, Exit};

/// cargo's variable for flags with spaces in them, which comes before every other source of flags.
pub(crate) const ENCODED: &str = "CARGO_ENCODED_RUSTFLAGS";
const PLAIN: &str = "RUSTFLAGS";
/// Between two flags in [`ENCODED`].
const SEPARATOR: char = '\u{1f}';

/// The flags that cargo is to be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flags {
    /// The value of [`ENCODED`].
    pub(crate) encoded: String,
    /// Flags of the environment that do not count.
    pub(crate) without: Vec<String>,
}

/// The flags of a build for nodes with this processor, or for any; `None` if cargo need not be told
/// anything.
pub(crate) fn flags(cpu: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Option<Flags> {
    let own = match (variable(ENCODED), variable(PLAIN)) {
        (Some(encoded), _) => encoded.split(SEPARATOR).map(str::to_owned).collect(),
        (None, Some(plain)) => plain.split_whitespace().map(str::to_owned).collect(),
        (None, None) => Vec::new(),
    };
    let (mut kept, without) = divide(own);
    if cpu.is_none() && without.is_empty() {
        return None;
    }
    kept.extend(cpu.map(|it| format!("-Ctarget-cpu={it}")));
    Some(Flags { encoded: kept.join(&SEPARATOR.to_string()), without })
}

/// Flags that do not choose instructions, and those that do: `-C target-cpu=x`,
/// `--codegen=target-feature=+y`.
fn divide(flags: Vec<String>) -> (Vec<String>, Vec<String>) {
    let chooses = |value: &str| {
        let name = value.trim_start().split('=').next().unwrap_or_default().replace('_', "-");
        name == "target-cpu" || name == "target-feature"
    };
    let (mut kept, mut without) = (Vec::new(), Vec::new());
    let mut flags = flags.into_iter().filter(|it| !it.is_empty()).peekable();
    while let Some(flag) = flags.next() {
        let is_open = flag == "-C" || flag == "--codegen";
        let value = flag.strip_prefix("--codegen=").or_else(|| flag.strip_prefix("-C"));
        if is_open && flags.peek().is_some_and(|it| chooses(it)) {
            without.extend(flags.next().map(|value| format!("{flag} {value}")));
        } else if value.is_some_and(chooses) {
            without.push(flag);
        } else {
            kept.push(flag);
        }
    }
    (kept, without)
}

/// [`flags`] of this process's environment.
pub(crate) fn flags_here(cpu: Option<&str>) -> Option<Flags> {
    flags(cpu, |name| env::var(name).ok())
}

/// Checks that rustc can compile for it.
///
/// # Errors
/// If rustc does not know the processor. It would only warn, and compile for any processor.
pub(crate) fn check(cpu: &str) -> anyhow::Result<()> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let asked =
        Command::new(rustc).arg(format!("-Ctarget-cpu={cpu}")).args(["--print", "cfg"]).output();
    // A compiler that does not run is told of elsewhere.
    let Ok(answer) = asked else { return Ok(()) };
    let said = String::from_utf8_lossy(&answer.stderr);
    if answer.status.success() && !said.contains("is not a recognized processor") {
        return Ok(());
    }
    let message = format!(
        "--cpu {cpu}: rustc knows no such processor; expected x86-64, x86-64-v2, x86-64-v3, \
        x86-64-v4, native or one of `rustc --print target-cpus`"
    );
    Err(Coded { exit: Exit::Usage, message }.into())
}

/// The program may use these instructions beyond every x86-64, though it was not asked for with
/// `--cpu`.
pub(crate) fn not_portable(features: &[String]) -> Coded {
    let message = format!(
        "the program was compiled for processors with {}, which the nodes may not have, because a \
        cargo configuration (`rustflags` in .cargo/config.toml, or a CARGO_…_RUSTFLAGS) says so: \
        `--cpu x86-64` builds it for all instead, `--cpu native` says that the nodes are like this \
        machine",
        features.join(", ")
    );
    Coded { exit: Exit::NotReady, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_flags(
        cpu: Option<&str>,
        variables: &[(&str, &str)],
        expected: Option<(&str, &[&str])>,
    ) {
        let variable = |name: &str| {
            let found = variables.iter().find(|it| it.0 == name);
            found.map(|it| it.1.replace('|', &SEPARATOR.to_string()))
        };
        let expected = expected.map(|(encoded, without)| Flags {
            encoded: encoded.replace('|', &SEPARATOR.to_string()),
            without: without.iter().map(|it| (*it).to_owned()).collect(),
        });
        assert_eq!(flags(cpu, variable), expected);
    }

    #[test]
    fn flags_for_this_machine_do_not_reach_the_nodes() {
        check_flags(None, &[], None);
        // A linker is not taken away.
        check_flags(None, &[(PLAIN, "-C link-arg=-fuse-ld=lld -Dwarnings")], None);
        check_flags(
            None,
            &[(PLAIN, "-C target-cpu=native")],
            Some(("", &["-C target-cpu=native"])),
        );
        check_flags(
            None,
            &[(PLAIN, "-Clink-arg=-s -Ctarget-cpu=native  --codegen=target-feature=+avx2,+fma -g")],
            Some((
                "-Clink-arg=-s|-g",
                &["-Ctarget-cpu=native", "--codegen=target-feature=+avx2,+fma"],
            )),
        );
        // The encoded one wins, as for cargo.
        let both = [(ENCODED, "--codegen|target_cpu=znver3|-C|link-arg=a b"), (PLAIN, "-g")];
        check_flags(None, &both, Some(("-C|link-arg=a b", &["--codegen target_cpu=znver3"])));
        // Not a value of -C.
        check_flags(None, &[(PLAIN, "--cfg target-cpu=native -C")], None);
    }

    #[test]
    fn a_processor_that_is_named_takes_the_place_of_any_other() {
        check_flags(Some("native"), &[], Some(("-Ctarget-cpu=native", &[])));
        check_flags(
            Some("x86-64"),
            &[(PLAIN, "-g -C target-cpu=native")],
            Some(("-g|-Ctarget-cpu=x86-64", &["-C target-cpu=native"])),
        );
    }

    #[test]
    fn rustc_is_asked_for_the_processor() {
        check("native").unwrap();
        let refused = check("no-such-processor").unwrap_err().to_string();
        assert!(refused.starts_with("--cpu no-such-processor: rustc knows no such"), "{refused}");
    }
}
