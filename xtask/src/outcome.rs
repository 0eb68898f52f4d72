//! How a build ended: built, out of memory, killed by someone, or failed.
//!
//! cargo exits with 101 for a type error and for a killed compiler alike, so the code decides nothing. Text alone does
//! not either: anyone may send SIGKILL. A kill counts as out of memory when the kernel's counters moved, or
//! where they cannot be read. An allocation that failed speaks for itself. This module sees only what it
//! is given; `docs/build.md` explains the rules to the reader.

use serde::Serialize;

use crate::cgroup::KillCounters;

/// The verdict on one attempt to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    Built,
    /// Memory ran out: the next strategy may fit.
    OutOfMemory,
    /// Ended by a signal that had nothing to do with memory.
    Killed,
    /// The code does not compile.
    CompileError,
    /// The disk below the target folder is full.
    DiskFull,
    /// cargo failed otherwise: a manifest, a missing linker, the network.
    CargoFailed,
    /// The user asked to stop.
    Interrupted,
}

/// How cargo itself ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
}

/// An outcome and what speaks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    /// Sentences for the report, the strongest evidence first.
    pub(crate) evidence: Vec<String>,
}

/// What cargo's stderr has said so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Symptoms {
    /// A compiler, build script or linker died of SIGKILL.
    kills: Vec<String>,
    /// The same with SIGTERM, which some memory daemons send first.
    terminations: Vec<String>,
    /// An allocation was refused.
    refused: Vec<String>,
    n_crates_with_errors: usize,
    n_failed_links: usize,
    disk_full: bool,
}

impl Symptoms {
    /// Read one line of cargo's stderr, colours and all.
    ///
    /// Texts count only where cargo, rustc and the linkers print them: a diagnostic may quote a source line
    /// that holds any of them.
    pub(crate) fn read(&mut self, line: &str) {
        let line = anstream::adapter::strip_str(line).to_string();
        let line = line.trim();
        // `12 | source text` and the frames around it.
        let number = line.trim_start_matches(|it: char| it.is_ascii_digit());
        if number.trim_start().starts_with('|') {
            return;
        }
        // rustc passes the linker's words on as a note.
        let said = line.trim_start_matches("= note: ");

        let ends = |endings: &[&str]| endings.iter().any(|it| line.ends_with(it));
        let process_ended = line.starts_with("process didn't exit successfully: `")
            || said.starts_with("error: linking with `");
        let linker_says = ["collect2:", "ld:", "ld.lld:", "lld:", "mold:", "cc:", "gcc:", "clang:"]
            .iter()
            .any(|it| said.starts_with(it));
        let linker_says_that =
            |words: &[&str]| linker_says && words.iter().any(|it| said.contains(it));
        if process_ended
            && ends(&["(signal: 9, SIGKILL: kill)", "signal: 9 (SIGKILL)", "(exit status: 137)"])
            || linker_says_that(&[
                "terminated with signal 9",
                "Killed signal terminated program",
                "unable to execute command: Killed",
            ])
        {
            self.kills.push(shown(said));
        }
        if process_ended
            && ends(&["(signal: 15, SIGTERM: termination signal)", "(exit status: 143)"])
            || linker_says_that(&["terminated with signal 15"])
        {
            self.terminations.push(shown(said));
        }
        let allocation = said
            .strip_prefix("memory allocation of ")
            .and_then(|it| it.split_once(" bytes failed"))
            .is_some_and(|(n, _)| n.bytes().all(|it| it.is_ascii_digit()));
        let lower = said.to_ascii_lowercase();
        let llvm = (said.starts_with("rustc-LLVM ERROR:") || said.starts_with("LLVM ERROR:"))
            && lower.contains("out of memory");
        let linker = linker_says
            && (lower.contains("memory exhausted") || lower.contains("cannot allocate memory"))
            || lower.starts_with("link : fatal error lnk1102")
            || linker_says && lower.contains("out of memory");
        if allocation || llvm || linker {
            self.refused.push(shown(said));
        }
        if line.starts_with("error: could not compile `")
            && (line.contains(" previous error") && line.contains(" due to "))
        {
            self.n_crates_with_errors += 1;
        }
        if line.starts_with("error: linking with `") {
            self.n_failed_links += 1;
        }
        self.disk_full |= line.contains("No space left on device");
    }

    /// A failed link is reported as an error of its crate; what is left are errors in the code.
    fn has_compile_errors(&self) -> bool {
        self.n_crates_with_errors > self.n_failed_links
    }
}

/// Judge one attempt. `kills` are the kernel's kills while it ran.
pub(crate) fn classify(
    ending: Ending,
    symptoms: &Symptoms,
    kills: KillCounters,
    interrupted: bool,
) -> Verdict {
    let verdict = |outcome, evidence: Vec<String>| Verdict { outcome, evidence };
    if ending.code == Some(0) {
        return verdict(Outcome::Built, Vec::new());
    }
    if interrupted {
        return verdict(Outcome::Interrupted, Vec::new());
    }
    if symptoms.has_compile_errors() {
        return verdict(Outcome::CompileError, Vec::new());
    }
    if !symptoms.refused.is_empty() {
        return verdict(Outcome::OutOfMemory, symptoms.refused.clone());
    }
    let counters = counters(kills);

    let mut killed = symptoms.kills.clone();
    if ending.signal == Some(9) || ending.code == Some(137) {
        killed.insert(0, "cargo itself was ended by signal 9 (SIGKILL)".into());
    }
    if !killed.is_empty() {
        let (outcome, because) = if kills.moved() || !kills.readable() {
            (Outcome::OutOfMemory, counters)
        } else {
            (Outcome::Killed, "no memory kill was counted by the kernel meanwhile".into())
        };
        return verdict(outcome, [vec![because], killed].concat());
    }
    // No text that is known here, but something in this very group was killed and nothing else explains the end.
    if kills.group.is_some_and(|it| it > 0) {
        return verdict(Outcome::OutOfMemory, vec![counters]);
    }
    let mut terminated = symptoms.terminations.clone();
    if let Some(signal) = ending.signal {
        terminated.insert(0, format!("cargo itself was ended by {}", signal_name(signal)));
    }
    if !terminated.is_empty() {
        return verdict(Outcome::Killed, terminated);
    }
    if symptoms.disk_full {
        return verdict(Outcome::DiskFull, Vec::new());
    }
    verdict(Outcome::CargoFailed, Vec::new())
}

/// What the kernel counted, in words.
pub(crate) fn counters(kills: KillCounters) -> String {
    let processes = |n: u64| if n == 1 { "1 process".into() } else { format!("{n} processes") };
    match (kills.group, kills.machine) {
        (Some(n), _) if n > 0 => {
            format!("the kernel killed {} of this group for lack of memory", processes(n))
        }
        (_, Some(n)) if n > 0 => {
            format!("the kernel killed {} of this machine for lack of memory", processes(n))
        }
        (None, None) => {
            "the kernel's memory kills cannot be counted here, so a SIGKILL is taken for one".into()
        }
        _ => "the kernel killed nothing for lack of memory".into(),
    }
}

/// `SIGKILL (9)`; the number alone where the name is not known.
pub(crate) fn signal_name(signal: i32) -> String {
    #[cfg(unix)]
    if let Ok(name) = nix::sys::signal::Signal::try_from(signal) {
        return format!("{name} ({signal})");
    }
    format!("signal {signal}")
}

/// cargo's line holds the whole command of rustc: keep both ends.
fn shown(line: &str) -> String {
    const END: usize = 60;
    let chars: Vec<char> = line.chars().collect();
    if chars.len() <= 2 * END + 3 {
        return line.to_owned();
    }
    let (start, end) = (&chars[..END], &chars[chars.len() - END..]);
    start.iter().chain(&[' ', '…', ' ']).chain(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KILLED: KillCounters = KillCounters { group: Some(1), machine: Some(1) };
    const ELSEWHERE: KillCounters = KillCounters { group: None, machine: Some(2) };
    const NONE: KillCounters = KillCounters { group: Some(0), machine: Some(0) };
    const UNREADABLE: KillCounters = KillCounters { group: None, machine: None };

    const EXIT_101: Ending = Ending { code: Some(101), signal: None };

    const RUSTC: &str = "error: could not compile `eater` (lib)\n\nCaused by:\n  process didn't exit successfully: \
        `/some/.rustup/toolchains/stable/bin/rustc --crate-name eater --edition=2024 lib.rs --crate-type lib \
        --emit=dep-info,metadata,link -C embed-bitcode=no -C debuginfo=2` (signal: 9, SIGKILL: kill)\n";
    const BUILD_SCRIPT: &str = "error: failed to run custom build command for `buildrs v0.1.0 (/w/buildrs)`\n\n\
        Caused by:\n  process didn't exit successfully: `/w/target/release/build/buildrs-1a2b/build-script-build` \
        (signal: 9, SIGKILL: kill)\n";
    const LINKER: &str = "error: linking with `cc` failed: exit status: 1\n  |\n  = note:  \"cc\" \"-m64\" \"x.o\"\n  \
        = note: some arguments are omitted. use `--verbose` to show all linker arguments\n  \
        = note: collect2: fatal error: ld terminated with signal 9 [Killed]\n          compilation terminated.\n\n\n\
        error: could not compile `fatlink` (bin \"fatlink\") due to 1 previous error\n";
    const LINKER_ITSELF: &str = "error: linking with `rust-lld` failed: signal: 9 (SIGKILL)\n  |\n\
        error: could not compile `fatlink` (bin \"fatlink\") due to 1 previous error\n";
    const WRAPPER: &str = "error: could not compile `nofit` (lib)\n\nCaused by:\n  process didn't exit successfully: \
        `/w/wrap.sh /bin/rustc --crate-name nofit` (exit status: 137)\n";
    const TYPE_ERROR: &str = "error[E0308]: mismatched types\n --> src/lib.rs:1:24\n  |\n1 | pub fn f() -> u32 { \"a\" }\n\
        \nerror: could not compile `broken` (lib) due to 1 previous error\n";
    const ALLOCATION: &str = "memory allocation of 1073741824 bytes failed\nerror: could not compile `x` (lib)\n\n\
        Caused by:\n  process didn't exit successfully: `/bin/rustc --crate-name x` (signal: 6, SIGABRT: process \
        abort signal)\n";
    const LLVM: &str =
        "rustc-LLVM ERROR: out of memory\nAllocation failed\nerror: could not compile `x` (lib)\n";
    const QUOTED: &str = "error[E0425]: cannot find value `x` in this scope\n --> src/lib.rs:2:5\n  |\n\
        2 |   process didn't exit successfully: `rustc` (signal: 9, SIGKILL: kill)\n  |     ^ not found\n\
        error: could not compile `quoted` (lib) due to 1 previous error\n";
    const TERMINATED: &str = "error: could not compile `x` (lib)\n\nCaused by:\n  process didn't exit successfully: \
        `/bin/rustc --crate-name x` (signal: 15, SIGTERM: termination signal)\n";
    const DISK: &str = "error: failed to write `/w/target/release/deps/x.d`\n\nCaused by:\n  No space left on device \
        (os error 28)\n";
    const MANIFEST: &str = "error: failed to parse manifest at `/w/Cargo.toml`\n";

    fn read(text: &str) -> Symptoms {
        let mut symptoms = Symptoms::default();
        text.lines().for_each(|line| symptoms.read(line));
        symptoms
    }

    #[track_caller]
    fn check(text: &str, ending: Ending, kills: KillCounters, expected: Outcome) {
        let verdict = classify(ending, &read(text), kills, false);
        assert_eq!(verdict.outcome, expected, "{text}\n{ending:?} {kills:?} {verdict:?}");
        // The same in colour.
        let coloured: String =
            text.lines().map(|it| format!("\x1b[1m\x1b[91m{it}\x1b[0m\n")).collect();
        assert_eq!(classify(ending, &read(&coloured), kills, false), verdict);
    }

    #[test]
    fn a_kill_is_a_lack_of_memory_only_with_a_counter() {
        for text in [RUSTC, BUILD_SCRIPT, LINKER, LINKER_ITSELF, WRAPPER] {
            check(text, EXIT_101, KILLED, Outcome::OutOfMemory);
            check(text, EXIT_101, ELSEWHERE, Outcome::OutOfMemory);
            check(text, EXIT_101, UNREADABLE, Outcome::OutOfMemory);
            check(text, EXIT_101, NONE, Outcome::Killed);
        }
    }

    #[test]
    fn cargo_s_own_death_is_judged_the_same_way() {
        for ending in [
            Ending { code: None, signal: Some(9) },
            // Behind a shell.
            Ending { code: Some(137), signal: None },
        ] {
            check("", ending, KILLED, Outcome::OutOfMemory);
            check("", ending, UNREADABLE, Outcome::OutOfMemory);
            check("", ending, NONE, Outcome::Killed);
        }
        check("", Ending { code: None, signal: Some(15) }, NONE, Outcome::Killed);
    }

    #[test]
    fn a_refused_allocation_needs_no_counter() {
        for text in [ALLOCATION, LLVM, "  = note: ld: memory exhausted\n"] {
            check(text, EXIT_101, NONE, Outcome::OutOfMemory);
            check(text, EXIT_101, UNREADABLE, Outcome::OutOfMemory);
        }
    }

    #[test]
    fn other_failures_are_not_about_memory_whatever_the_counters_say() {
        for kills in [KILLED, ELSEWHERE, NONE, UNREADABLE] {
            check(TYPE_ERROR, EXIT_101, kills, Outcome::CompileError);
            check(QUOTED, EXIT_101, kills, Outcome::CompileError);
            // A type error stays one when another compiler was killed beside it.
            check(&format!("{RUSTC}{TYPE_ERROR}"), EXIT_101, kills, Outcome::CompileError);
            check("", Ending { code: Some(0), signal: None }, kills, Outcome::Built);
        }
        check(TERMINATED, EXIT_101, NONE, Outcome::Killed);
        check(DISK, EXIT_101, NONE, Outcome::DiskFull);
        check(MANIFEST, EXIT_101, ELSEWHERE, Outcome::CargoFailed);
    }

    #[test]
    fn a_kill_in_this_group_explains_an_end_without_words() {
        check(
            "error: linking with `cc` failed: exit status: 254\n",
            EXIT_101,
            KILLED,
            Outcome::OutOfMemory,
        );
        check(
            "error: linking with `cc` failed: exit status: 254\n",
            EXIT_101,
            NONE,
            Outcome::CargoFailed,
        );
    }

    #[test]
    fn an_interruption_is_one_whatever_died_of_it() {
        let verdict = classify(EXIT_101, &read(RUSTC), KILLED, true);
        assert_eq!(verdict.outcome, Outcome::Interrupted);
    }

    #[test]
    fn evidence_keeps_both_ends_of_a_long_line() {
        let verdict = classify(EXIT_101, &read(RUSTC), KILLED, false);
        assert_eq!(
            verdict.evidence[0],
            "the kernel killed 1 process of this group for lack of memory"
        );
        let line = &verdict.evidence[1];
        assert!(line.starts_with("process didn't exit successfully: `/some"), "{line}");
        assert!(line.ends_with("(signal: 9, SIGKILL: kill)"), "{line}");
        assert!(line.chars().count() <= 123);
    }
}
