//! The messages between gate and controller: one line each, fields between tabs.
//!
//! Gate: [`Message::Ask`], then `started PID` and [`CompilerExit`], and so on from the beginning if
//! the answer is [`AGAIN`]. Controller: [`GO`] to an ask; [`AGAIN`] or [`FINAL`] to an end that is
//! no success; [`NOT_YOURS`] to a gate of another user.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use crate::{build_ledger::UnitKind, numbers::MOST_BYTES};

/// The variable that names the controller's socket. The socket is an abstract one: its name is in a
/// list of the kernel and not in a folder.
pub(crate) const SOCKET: &str = "XTASK_GUARD_SOCKET";
/// The variable that names the file in which a gate that cannot reach the controller says so.
pub(crate) const NOTE: &str = "XTASK_GUARD_NOTE";
/// The variable that names the `RUSTC_WRAPPER` that the user has set up, as sccache.
pub(crate) const INNER: &str = "XTASK_GUARD_INNER_WRAPPER";
/// The variable that is set for what a compiler runs.
pub(crate) const INSIDE: &str = "XTASK_GUARD_INSIDE_COMPILER";
/// The variable that names the `RUSTDOC` that the user has set up.
pub(crate) const RUSTDOC: &str = "XTASK_GUARD_RUSTDOC";
/// The variable that says how many doctests may run at once.
pub(crate) const DOCTESTS: &str = "XTASK_GUARD_DOCTESTS";
/// The name that the folder of the gates begins with: this program, started from such a folder, is
/// one.
pub(crate) const GATE: &str = "xtask-gate";
/// The folder of the gates that cargo's configuration names: with no controller around, such a gate
/// is one for its own compiler.
pub(crate) const ALWAYS: &str = "xtask-gate-always";
/// The gate with this name stands before rustdoc.
pub(crate) const RUSTDOC_GATE: &str = "rustdoc";
/// The gate with this name stands before programs that cargo runs.
pub(crate) const RUN_GATE: &str = "headroom-run";
/// The `cc` crate puts a wrapper with one of these names before C and C++ compilers as well, and so
/// does the guard.
pub(crate) const C_WRAPPERS: [&str; 4] = ["sccache", "cachepot", "buildcache", "kache"];
/// The name of the gate before compilers where the user has no such wrapper.
pub(crate) const PLAIN_GATE: &str = "cachepot";

/// `true` if a program of this path is a gate. The folder's name alone does not make it one: this
/// program may have been installed into a folder of any name.
pub(crate) fn is_gate(program: &Path) -> bool {
    let name = |it: Option<&OsStr>| it.and_then(OsStr::to_str).map(str::to_owned);
    name(program.file_name()).is_some_and(|it| is_gate_name(&it))
        && name(program.parent().and_then(Path::file_name)).is_some_and(|it| it.starts_with(GATE))
}

/// `true` if a process of this name may be a gate.
pub(crate) fn is_gate_name(name: &str) -> bool {
    C_WRAPPERS.contains(&name) || [RUSTDOC_GATE, RUN_GATE].contains(&name)
}

/// `true` if a program of this path is a gate that cargo's configuration names.
pub(crate) fn is_always(program: &Path) -> bool {
    let folder = program.parent().and_then(Path::file_name);
    folder.is_some_and(|it| it == ALWAYS) && is_gate(program)
}

/// The file beside those gates that switches them off.
pub(crate) fn off_switch(folder: &Path) -> PathBuf {
    folder.join("off")
}

/// The name that a gate before compilers has where the user has set up this wrapper: build scripts
/// go by it.
pub(crate) fn gate_name(inner: Option<&str>) -> &'static str {
    let stem = inner.and_then(|it| Path::new(it).file_stem()?.to_str());
    C_WRAPPERS.into_iter().find(|it| stem == Some(*it)).unwrap_or(PLAIN_GATE)
}

pub(crate) const GO: &str = "go";
pub(crate) const AGAIN: &str = "again";
pub(crate) const FINAL: &str = "final";
pub(crate) const NOT_YOURS: &str = "no";

/// The unit that is about to be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) package: String,
    pub(crate) version: String,
    pub(crate) kind: UnitKind,
    pub(crate) crate_name: String,
    /// For a crate that is the same in every workspace, since it is from a registry or a commit:
    /// its features, as a number.
    pub(crate) features: Option<u64>,
}

/// A message of the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Ask(Unit),
    /// The compiler runs and leads a process group of this number.
    Started(u32),
    Ended(CompilerExit),
}

/// The end of a compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CompilerExit {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    /// The largest resident set of the compiler or a linker, shared pages included.
    pub(crate) max_resident_bytes: u64,
    /// The compiler says that its linker died of SIGKILL.
    pub(crate) linker_was_killed: bool,
}

impl CompilerExit {
    pub(crate) fn is_success(self) -> bool {
        self.code == Some(0)
    }
}

impl Unit {
    /// Reads the unit from a compiler and its arguments, and cargo's variables as `variable` gives
    /// them. Returns `None` if nothing is compiled.
    pub(crate) fn of(args: &[String], variable: impl Fn(&str) -> Option<String>) -> Option<Unit> {
        let or_empty = |name| clean(&variable(name).unwrap_or_default());
        if compiles_c(args) {
            return Some(Unit::of_a_build_script(C_COMPILER, variable));
        }
        let value = |name: &str| {
            let position = args.iter().position(|it| it == name)?;
            args.get(position + 1).cloned()
        };
        // `___` is the crate of cargo's questions about the target.
        let crate_name = value("--crate-name").filter(|it| it != "___")?;
        let crate_type = value("--crate-type");
        let kind = match crate_type.as_deref() {
            _ if args.iter().any(|it| it == "--test") => UnitKind::Test,
            Some("bin") if crate_name.starts_with("build_script_") => UnitKind::BuildScriptCompile,
            Some("bin" | "cdylib" | "dylib" | "staticlib") => UnitKind::Bin,
            Some("proc-macro") => UnitKind::ProcMacro,
            _ => UnitKind::Lib,
        };
        Some(Unit {
            package: or_empty("CARGO_PKG_NAME"),
            version: or_empty("CARGO_PKG_VERSION"),
            kind,
            crate_name: clean(&crate_name),
            features: is_of_all(&or_empty("CARGO_MANIFEST_DIR")).then(|| features(args)),
        })
    }

    /// Makes the unit of a program that cargo runs: `target/debug/deps/it-0123456789abcdef`.
    pub(crate) fn of_a_run(program: &str, variable: impl Fn(&str) -> Option<String>) -> Unit {
        let or_empty = |name| clean(&variable(name).unwrap_or_default());
        let stem = Path::new(program).file_stem().and_then(OsStr::to_str).unwrap_or_default();
        let is_hash = |it: &str| it.len() == 16 && it.bytes().all(|it| it.is_ascii_hexdigit());
        let name = stem.rsplit_once('-').filter(|it| is_hash(it.1)).map_or(stem, |it| it.0);
        Unit {
            package: or_empty("CARGO_PKG_NAME"),
            version: or_empty("CARGO_PKG_VERSION"),
            kind: UnitKind::Run,
            crate_name: clean(name),
            features: None,
        }
    }

    /// Makes the unit of a compiler or linker that a build script has started, with the variables
    /// that it was given.
    pub(crate) fn of_a_build_script(tool: &str, variable: impl Fn(&str) -> Option<String>) -> Unit {
        let or_empty = |name| clean(&variable(name).unwrap_or_default());
        // One figure for all files of a package: the ledger need not know each.
        Unit {
            package: or_empty("CARGO_PKG_NAME"),
            version: or_empty("CARGO_PKG_VERSION"),
            kind: UnitKind::BuildScriptCompile,
            crate_name: tool.into(),
            features: None,
        }
    }

    /// `true` if the compiler runs other programs: a linker, or what really compiles C.
    pub(crate) fn links(&self) -> bool {
        self.kind != UnitKind::Lib
    }
}

/// Makes a text one that may stand between two tabs.
fn clean(text: &str) -> String {
    text.replace(['\t', '\n'], " ")
}

const C_COMPILER: &str = "C compiler";

/// Tells from the name of a process whether it compiles or links: what really does, and not the
/// program that starts it, as `gcc` does.
pub(crate) fn tool(name: &str) -> Option<&'static str> {
    match name {
        "cc1" | "cc1plus" | "cc1obj" | "cc1objplus" | "lto1" | "f951" | "cicc" => Some(C_COMPILER),
        "ld" | "ld.bfd" | "ld.gold" | "ld.lld" | "lld" | "mold" => Some("linker"),
        // `clang-19`
        _ => {
            let name = name.trim_end_matches(|it: char| it.is_ascii_digit() || it == '-');
            matches!(name, "clang" | "clang++").then_some(C_COMPILER)
        }
    }
}

/// `true` if a crate in this folder is the same for all workspaces: cargo has it from a registry or
/// from a commit of a repository.
fn is_of_all(manifest_dir: &str) -> bool {
    ["/registry/src/", "/git/checkouts/"].iter().any(|it| manifest_dir.contains(it))
}

/// Hashes the features in `--cfg feature="std"`, in the order of the arguments, which cargo sorts:
/// FNV-1a, the same in every version of this program.
fn features(args: &[String]) -> u64 {
    let features = args.iter().filter(|it| it.starts_with("feature="));
    let bytes = features.flat_map(|it| it.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, it| {
        (hash ^ u64::from(it)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// `true` if a C or C++ compiler is to compile a file.
pub(crate) fn compiles_c(args: &[String]) -> bool {
    is_c_compiler(args) && args.iter().any(|it| it == "-c")
}

/// `true` if the first of these is a C or C++ compiler.
pub(crate) fn is_c_compiler(args: &[String]) -> bool {
    let Some(program) = args.first() else { return false };
    let stem = Path::new(program).file_stem().and_then(OsStr::to_str).unwrap_or_default();
    // `x86_64-linux-gnu-g++-12`
    let name = stem.trim_end_matches(|it: char| it.is_ascii_digit() || matches!(it, '-' | '.'));
    let names = ["cc", "c++", "gcc", "g++", "clang", "clang++"];
    let is_it =
        |it: &str| name.strip_suffix(it).is_some_and(|rest| rest.is_empty() || rest.ends_with('-'));
    names.iter().any(|it| is_it(it))
}

impl Message {
    pub(crate) fn line(&self) -> String {
        match self {
            Message::Ask(Unit { package, version, kind, crate_name, features }) => {
                let kind = kind_name(*kind);
                let features = features.map_or_else(String::new, |it| format!("\t{it}"));
                format!("ask\t{package}\t{version}\t{kind}\t{crate_name}{features}\n")
            }
            Message::Started(pid) => format!("started\t{pid}\n"),
            Message::Ended(it) => {
                let number = |it: Option<i32>| it.map_or_else(|| "-".into(), |it| it.to_string());
                let (code, signal) = (number(it.code), number(it.signal));
                let (bytes, linker) = (it.max_resident_bytes, u8::from(it.linker_was_killed));
                format!("ended\t{code}\t{signal}\t{bytes}\t{linker}\n")
            }
        }
    }

    pub(crate) fn parse(line: &str) -> Option<Message> {
        let mut fields = line.split('\t');
        let mut next = || fields.next();
        Some(match next()? {
            "ask" => Message::Ask(Unit {
                package: next()?.to_owned(),
                version: next()?.to_owned(),
                kind: kind_of(next()?)?,
                crate_name: next()?.to_owned(),
                features: next().map(str::parse).transpose().ok()?,
            }),
            "started" => Message::Started(next()?.parse().ok()?),
            "ended" => Message::Ended(CompilerExit {
                code: next()?.parse().ok(),
                signal: next()?.parse().ok(),
                max_resident_bytes: next()?.parse::<u64>().ok()?.min(MOST_BYTES),
                linker_was_killed: next()? == "1",
            }),
            _ => return None,
        })
    }
}

const KINDS: [(UnitKind, &str); 6] = [
    (UnitKind::Lib, "lib"),
    (UnitKind::ProcMacro, "proc-macro"),
    (UnitKind::Bin, "bin"),
    (UnitKind::BuildScriptCompile, "build-script"),
    (UnitKind::Test, "test"),
    (UnitKind::Run, "run"),
];

fn kind_name(kind: UnitKind) -> &'static str {
    KINDS.iter().find(|it| it.0 == kind).map_or("lib", |it| it.1)
}

fn kind_of(name: &str) -> Option<UnitKind> {
    KINDS.iter().find(|it| it.1 == name).map(|it| it.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(args: &str) -> Option<Unit> {
        let args: Vec<String> = args.split_whitespace().map(String::from).collect();
        Unit::of(&args, |it| (it == "CARGO_PKG_NAME").then(|| "a package".into()))
    }

    #[test]
    fn units_are_told_from_rustc_s_arguments() {
        let kind = |args| unit(args).map(|it| it.kind);
        assert_eq!(kind("-vV"), None);
        assert_eq!(kind("- --crate-name ___ --print=file-names --crate-type bin"), None);
        for (args, expected) in [
            ("--crate-name syn --crate-type lib --emit=metadata", UnitKind::Lib),
            ("--crate-name x --crate-type rlib", UnitKind::Lib),
            ("--crate-name x --crate-type bin", UnitKind::Bin),
            ("--crate-name x --crate-type cdylib", UnitKind::Bin),
            ("--crate-name serde_derive --crate-type proc-macro", UnitKind::ProcMacro),
            ("--crate-name build_script_build --crate-type bin", UnitKind::BuildScriptCompile),
            ("--crate-name x --test", UnitKind::Test),
        ] {
            assert_eq!(kind(args), Some(expected), "{args}");
        }
        assert_eq!(unit("--crate-name x --crate-type lib").unwrap().package, "a package");
    }

    #[test]
    fn features_are_told_of_crates_that_are_the_same_in_every_workspace() {
        let features = |folder: &str, args: &str| {
            let args = ["rustc", "--crate-name", "a", "--crate-type", "lib", "--cfg", args];
            let folder = |it: &str| (it == "CARGO_MANIFEST_DIR").then(|| folder.to_owned());
            Unit::of(&args.map(str::to_owned), folder).unwrap().features
        };
        let registry = "/home/u/.cargo/registry/src/index-1/a-1.0.0";
        let std = features(registry, "feature=\"std\"");
        assert!(std.is_some() && std == features(registry, "feature=\"std\""));
        assert_ne!(std, features(registry, "feature=\"alloc\""));
        assert_eq!(features(registry, "other"), Some(0xcbf2_9ce4_8422_2325));
        assert!(features("/h/.cargo/git/checkouts/a-1/2", "x").is_some());
        assert_eq!(features("/home/u/a", "feature=\"std\""), None);
    }

    #[test]
    fn programs_that_cargo_runs_are_named_without_their_hashes() {
        let name = |it| Unit::of_a_run(it, |_| None).crate_name;
        assert_eq!(name("/t/debug/deps/it-0123456789abcdef"), "it");
        assert_eq!(name("/t/debug/deps/my-test-0123456789abcdef"), "my-test");
        assert_eq!(
            (name("/t/debug/cargo-headroom"), name("")),
            ("cargo-headroom".into(), "".into())
        );
    }

    #[test]
    fn c_compilers_are_told_from_what_only_asks_them() {
        for args in
            ["cc -O2 -c a.c -o a.o", "/usr/bin/x86_64-linux-gnu-g++-12 -c a.cc", "clang -c x"]
        {
            assert_eq!(unit(args).unwrap().crate_name, "C compiler", "{args}");
        }
        for name in ["cc1", "cc1plus", "clang", "clang-19", "clang++-19"] {
            assert_eq!(tool(name), Some("C compiler"), "{name}");
        }
        assert_eq!((tool("ld.lld"), tool("ld")), (Some("linker"), Some("linker")));
        // Programs that have others compile, and such that have nothing to do with it.
        assert!(["cc", "gcc", "g++", "make", "cc15", "clangd", "ar"].map(tool) == [None; 7]);
        for args in ["cc --version", "cc -E a.c", "gccgo -c a.go", "rustc -c", "accc -c a.c"] {
            assert_eq!(unit(args), None, "{args}");
        }
    }

    #[test]
    fn a_gate_has_the_name_of_a_wrapper_that_build_scripts_go_by() {
        assert_eq!(gate_name(None), "cachepot");
        assert_eq!(gate_name(Some("/opt/bin/sccache")), "sccache");
        assert_eq!(gate_name(Some("my-wrapper")), "cachepot");
        assert!(is_gate(Path::new("/t/xtask/xtask-gates/cachepot")));
        assert!(is_gate(Path::new("/tmp/xtask-gate.aBc123/rustdoc")));
        assert!(!is_gate(Path::new("/usr/bin/sccache")) && !is_gate(Path::new("xtask-gate")));
        assert!(!is_gate(Path::new("/opt/xtask-gate-1/cargo-headroom")));
    }

    #[test]
    fn messages_come_back_as_they_were_sent() {
        let mut messages = vec![
            Message::Started(4711),
            Message::Ended(CompilerExit {
                code: Some(101),
                signal: None,
                max_resident_bytes: 1 << 40,
                linker_was_killed: true,
            }),
            Message::Ended(CompilerExit {
                code: None,
                signal: Some(9),
                max_resident_bytes: 0,
                linker_was_killed: false,
            }),
        ];
        for (kind, _) in KINDS {
            messages.push(Message::Ask(Unit {
                package: "a b".into(),
                version: String::new(),
                kind,
                crate_name: "a_b".into(),
                features: (kind != UnitKind::Bin).then_some(u64::MAX),
            }));
        }
        for message in messages {
            let line = message.line();
            assert_eq!(Message::parse(line.trim_end_matches('\n')), Some(message), "{line}");
        }
        for bad in ["", "ask", "ask\ta\tb\tother\tc", "started\tx", "ended\t0", "halt\t1"] {
            assert_eq!(Message::parse(bad), None, "{bad}");
        }
    }
}
