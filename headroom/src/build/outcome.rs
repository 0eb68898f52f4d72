//! The outcome of a build: built, out of memory, killed by another process, or failed.
//!
//! cargo exits with 101 for a type error and for a killed compiler alike, so the code decides
//! nothing. Text alone does not either: any process of the user may send SIGKILL. A kill counts as
//! out of memory when the kernel's counters moved, or where they cannot be read. An allocation that
//! failed speaks for itself. This module sees only what it is given; `docs/build.md` explains the
//! rules to the reader.

use serde::Serialize;

use crate::{
    child::{Ending, signal_name},
    guard::guard_record::{GuardRecord, OversizedCompiler},
    machine::cgroup::KillCounters,
    numbers::bytes,
};

/// The verdict on one attempt to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    Built,
    /// It built, but the kernel killed something else for lack of memory meanwhile.
    NeighbourKilled,
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

/// An outcome and what speaks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    /// Sentences for the report, the strongest evidence first.
    pub(crate) evidence: Vec<String>,
}

/// The observations of the watch over memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryCurve {
    /// A compiler that does not fit, not even alone: the guard has ended it, and then the build.
    pub(crate) misfit: Option<OversizedCompiler>,
    /// Memory left in the last seconds, and what was to stay free.
    pub(crate) last_and_floor_bytes: Option<(u64, u64)>,
    /// `true` if memory that is shared with programs outside this build's group was ever shorter
    /// than that.
    pub(crate) was_short_for_others: bool,
    /// The kernel's kills that hit this very build.
    pub(crate) n_own_kills: u64,
}

impl MemoryCurve {
    pub(crate) fn of(record: &GuardRecord) -> MemoryCurve {
        MemoryCurve {
            misfit: record.misfit.clone(),
            last_and_floor_bytes: Some((record.last_headroom_bytes, record.floor_bytes)),
            was_short_for_others: record.was_short_for_others,
            n_own_kills: record.n_kernel_kills as u64,
        }
    }

    /// A sentence, if there was next to nothing left in the end.
    fn shortage(&self) -> Option<String> {
        let (last, floor) = self.last_and_floor_bytes?;
        (last < floor).then(|| format!("only {} of memory was left then", bytes(last)))
    }
}

/// The symptoms found in cargo's stderr so far.
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

/// Sentences of a kind that are kept: more would say nothing new.
const N_SENTENCES: usize = 8;

fn keep(sentences: &mut Vec<String>, said: &str) {
    if sentences.len() < N_SENTENCES {
        sentences.push(shown(said));
    }
}

impl Symptoms {
    /// Reads one line of cargo's stderr, colours and all.
    ///
    /// Texts count only where cargo, rustc and the linkers print them: a diagnostic may quote a
    /// source line that holds any of them.
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
            keep(&mut self.kills, said);
        }
        if process_ended
            && ends(&["(signal: 15, SIGTERM: termination signal)", "(exit status: 143)"])
            || linker_says_that(&["terminated with signal 15"])
        {
            keep(&mut self.terminations, said);
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
            keep(&mut self.refused, said);
        }
        if line.starts_with("error: could not compile `")
            && (line.contains(" previous error") && line.contains(" due to "))
        {
            self.n_crates_with_errors += 1;
        }
        if line.starts_with("error: linking with `") {
            self.n_failed_links += 1;
        }
        // A linker writes through mapped memory: on a full disk that ends it with SIGBUS.
        self.disk_full |= line.contains("No space left on device")
            || linker_says_that(&["terminated with signal 7 [Bus error]"]);
    }

    /// A failed link is reported as an error of its crate; what is left are errors in the code.
    fn has_compile_errors(&self) -> bool {
        self.n_crates_with_errors > self.n_failed_links
    }
}

/// Judge one attempt. `kills` are the kernel's kills while it ran.
///
/// The evidence counts in this order: an error in the code; the guard's own decision; the kernel's
/// counters together with a death by SIGKILL; such a death when memory was seen to be short (a
/// memory daemon, or counters that cannot be read); what rustc, LLVM and the linkers say; cargo's
/// own end.
pub(crate) fn classify(
    ending: Ending,
    symptoms: &Symptoms,
    kills: KillCounters,
    curve: &MemoryCurve,
    interrupted: bool,
) -> Verdict {
    let verdict = |outcome, evidence: Vec<String>| Verdict { outcome, evidence };
    if ending.code == Some(0) {
        return built(kills, curve);
    }
    if interrupted {
        // systemd ends a whole scope when the kernel has killed one process of it.
        let killed_before = kills.group.is_some_and(|it| it > curve.n_own_kills);
        let evidence = killed_before.then(|| counters(kills));
        return verdict(Outcome::Interrupted, evidence.into_iter().collect());
    }
    if symptoms.has_compile_errors() {
        return verdict(Outcome::CompileError, Vec::new());
    }
    if let Some(misfit) = &curve.misfit {
        let because = match misfit.waited_for_bytes {
            None => format!(
                "the compiler of {} held {} when the guard ended it, alone; there was {} for it",
                misfit.crate_name,
                bytes(misfit.held_bytes),
                bytes(misfit.room_bytes)
            ),
            Some(wanted) => format!(
                "the compiler of {} needs {}, and programs outside this build kept all but {}",
                misfit.crate_name,
                bytes(wanted),
                bytes(misfit.room_bytes)
            ),
        };
        return verdict(Outcome::OutOfMemory, vec![because]);
    }
    let counters = counters(kills);
    let mut killed = symptoms.kills.clone();
    if ending.signal == Some(9) || ending.code == Some(137) {
        killed.insert(0, "cargo itself was ended by signal 9 (SIGKILL)".into());
    }
    if !killed.is_empty() && kills.moved() {
        return verdict(Outcome::OutOfMemory, [vec![counters], killed].concat());
    }
    let mut terminated = symptoms.terminations.clone();
    if let Some(signal) = ending.signal.filter(|it| *it != 9) {
        terminated.insert(0, format!("cargo itself was ended by {}", signal_name(signal)));
    }
    if let Some(shortage) = curve.shortage()
        && !(killed.is_empty() && terminated.is_empty())
    {
        // earlyoom and systemd-oomd end programs before the kernel does.
        return verdict(Outcome::OutOfMemory, [vec![shortage], killed, terminated].concat());
    }
    if !symptoms.refused.is_empty() {
        return verdict(Outcome::OutOfMemory, symptoms.refused.clone());
    }
    if !killed.is_empty() {
        // With neither counters nor a curve a SIGKILL is taken for what it mostly is.
        let (outcome, because) = if !kills.readable() && curve.last_and_floor_bytes.is_none() {
            (Outcome::OutOfMemory, counters)
        } else if kills.readable() {
            (Outcome::Killed, "no memory kill was counted by the kernel meanwhile".into())
        } else {
            (Outcome::Killed, "memory was not short".into())
        };
        return verdict(outcome, [vec![because], killed].concat());
    }
    // No text that is known here, but something in this very group was killed and nothing else
    // explains the end.
    if kills.group.is_some_and(|it| it > 0) {
        return verdict(Outcome::OutOfMemory, vec![counters]);
    }
    if !terminated.is_empty() {
        return verdict(Outcome::Killed, terminated);
    }
    if symptoms.disk_full {
        return verdict(Outcome::DiskFull, Vec::new());
    }
    verdict(Outcome::CargoFailed, Vec::new())
}

/// The hint after an end that the user, or systemd, has asked for.
pub(crate) const ENDED_AFTER_A_KILL_HINT: &str = "if it was not you who ended it, systemd did: \
    with OOMPolicy=continue it leaves the rest of a scope alone";

/// A build that worked: at whose cost?
fn built(kills: KillCounters, curve: &MemoryCurve) -> Verdict {
    let others = |it: Option<u64>| it.unwrap_or(0).saturating_sub(curve.n_own_kills);
    // A kill elsewhere on the machine is this build's doing only if both take from the same memory.
    let (group, machine) = (others(kills.group), others(kills.machine));
    let neighbour = group > 0 || machine > 0 && curve.was_short_for_others;
    let outcome = if neighbour { Outcome::NeighbourKilled } else { Outcome::Built };
    let evidence = if group > 0 || machine > 0 { vec![counters(kills)] } else { Vec::new() };
    Verdict { outcome, evidence }
}

/// Describes the kernel's counters in words.
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

    const RUSTC: &str = "error: could not compile `eater` (lib)\n\n\
        Caused by:\n  process didn't exit successfully: `/some/.rustup/toolchains/stable/bin/rustc \
        --crate-name eater --edition=2024 lib.rs --crate-type lib --emit=dep-info,metadata,link -C \
        embed-bitcode=no -C debuginfo=2` (signal: 9, SIGKILL: kill)\n";
    const BUILD_SCRIPT: &str = "error: failed to run custom build command for `buildrs v0.1.0 \
        (/w/buildrs)`\n\n\
        Caused by:\n  process didn't exit successfully: \
        `/w/target/release/build/buildrs-1a2b/build-script-build` (signal: 9, SIGKILL: kill)\n";
    const LINKER: &str = "error: linking with `cc` failed: exit status: 1\n  |\n  = note:  \"cc\" \
        \"-m64\" \"x.o\"\n  = note: some arguments are omitted. use `--verbose` to show all linker \
        arguments\n  = note: collect2: fatal error: ld terminated with signal 9 \
        [Killed]\n          compilation terminated.\n\n\n\
        error: could not compile `fatlink` (bin \"fatlink\") due to 1 previous error\n";
    const LINKER_ITSELF: &str = "error: linking with `rust-lld` failed: signal: 9 (SIGKILL)\n  |\n\
        error: could not compile `fatlink` (bin \"fatlink\") due to 1 previous error\n";
    const WRAPPER: &str = "error: could not compile `nofit` (lib)\n\n\
        Caused by:\n  process didn't exit successfully: `/w/wrap.sh /bin/rustc --crate-name nofit` \
        (exit status: 137)\n";
    const TYPE_ERROR: &str = "error[E0308]: mismatched types\n --> src/lib.rs:1:24\n  |\n\
        1 | pub fn f() -> u32 { \"a\" }\n\
        \nerror: could not compile `broken` (lib) due to 1 previous error\n";
    const ALLOCATION: &str = "memory allocation of 1073741824 bytes failed\n\
        error: could not compile `x` (lib)\n\n\
        Caused by:\n  process didn't exit successfully: `/bin/rustc --crate-name x` (signal: 6, \
        SIGABRT: process abort signal)\n";
    const LLVM: &str =
        "rustc-LLVM ERROR: out of memory\nAllocation failed\nerror: could not compile `x` (lib)\n";
    const QUOTED: &str = "error[E0425]: cannot find value `x` in this scope\n --> \
        src/lib.rs:2:5\n  |\n\
        2 |   process didn't exit successfully: `rustc` (signal: 9, SIGKILL: kill)\n  |     ^ not \
        found\n\
        error: could not compile `quoted` (lib) due to 1 previous error\n";
    const TERMINATED: &str = "error: could not compile `x` (lib)\n\n\
        Caused by:\n  process didn't exit successfully: `/bin/rustc --crate-name x` (signal: 15, \
        SIGTERM: termination signal)\n";
    const DISK: &str = "error: failed to write `/w/target/release/deps/x.d`\n\n\
        Caused by:\n  No space left on device (os error 28)\n";
    const DISK_LINK: &str = "error: linking with `cc` failed: exit status: 1\n  |\n  = note:  \
        \"cc\" \"-m64\"\n  = note: collect2: fatal error: ld terminated with signal 7 [Bus \
        error]\n          compilation terminated.\n\n\
        error: could not compile `eater` (lib) due to 1 previous error\n";
    const MANIFEST: &str = "error: failed to parse manifest at `/w/Cargo.toml`\n";

    fn read(text: &str) -> Symptoms {
        let mut symptoms = Symptoms::default();
        text.lines().for_each(|line| symptoms.read(line));
        symptoms
    }

    #[track_caller]
    fn check(text: &str, ending: Ending, kills: KillCounters, expected: Outcome) {
        let verdict = classify(ending, &read(text), kills, &MemoryCurve::default(), false);
        assert_eq!(verdict.outcome, expected, "{text}\n{ending:?} {kills:?} {verdict:?}");
        // The same in colour.
        let coloured: String =
            text.lines().map(|it| format!("\x1b[1m\x1b[91m{it}\x1b[0m\n")).collect();
        assert_eq!(
            classify(ending, &read(&coloured), kills, &MemoryCurve::default(), false),
            verdict
        );
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
        }
        check(TERMINATED, EXIT_101, NONE, Outcome::Killed);
        check(DISK, EXIT_101, NONE, Outcome::DiskFull);
        check(DISK_LINK, EXIT_101, NONE, Outcome::DiskFull);
        check(MANIFEST, EXIT_101, ELSEWHERE, Outcome::CargoFailed);
    }

    #[test]
    fn a_signal_is_read_together_with_the_memory_curve() {
        let curve = |last| MemoryCurve {
            last_and_floor_bytes: Some((last, 20 << 20)),
            ..MemoryCurve::default()
        };
        let outcome =
            |text, kills, last| classify(EXIT_101, &read(text), kills, &curve(last), false);
        // A memory daemon: nothing counted, but nothing left either.
        for text in [RUSTC, LINKER, TERMINATED] {
            let verdict = outcome(text, NONE, 5 << 20);
            assert_eq!(verdict.outcome, Outcome::OutOfMemory);
            assert_eq!(verdict.evidence[0], "only 5 MiB of memory was left then");
            assert_eq!(outcome(text, NONE, 500 << 20).outcome, Outcome::Killed);
        }
        // Counters that cannot be read no longer make every SIGKILL one.
        assert_eq!(outcome(RUSTC, UNREADABLE, 500 << 20).outcome, Outcome::Killed);
        assert_eq!(outcome(RUSTC, UNREADABLE, 5 << 20).outcome, Outcome::OutOfMemory);
        // Little memory alone proves nothing.
        assert_eq!(outcome(TYPE_ERROR, NONE, 0).outcome, Outcome::CompileError);
        assert_eq!(outcome(DISK, NONE, 0).outcome, Outcome::DiskFull);
        assert_eq!(outcome(MANIFEST, NONE, 0).outcome, Outcome::CargoFailed);
    }

    #[test]
    fn a_compiler_that_does_not_fit_is_evidence_by_itself() {
        let misfit = OversizedCompiler {
            package: "nofit".into(),
            crate_name: "nofit".into(),
            held_bytes: 430 << 20,
            room_bytes: 450 << 20,
            waited_for_bytes: None,
        };
        let curve = MemoryCurve { misfit: Some(misfit), ..MemoryCurve::default() };
        let killed = Ending { code: None, signal: Some(9) };
        let verdict = classify(killed, &read(""), NONE, &curve, false);
        assert_eq!(verdict.outcome, Outcome::OutOfMemory);
        assert!(verdict.evidence[0].contains("nofit held 430 MiB"), "{verdict:?}");
        assert_eq!(
            classify(EXIT_101, &read(TYPE_ERROR), NONE, &curve, false).outcome,
            Outcome::CompileError
        );
    }

    #[test]
    fn a_build_that_lived_because_a_neighbour_died_has_an_outcome_of_its_own() {
        let built = Ending { code: Some(0), signal: None };
        let outcome = |kills, n_own_kills, was_short_for_others| {
            let curve = MemoryCurve { n_own_kills, was_short_for_others, ..MemoryCurve::default() };
            classify(built, &read(""), kills, &curve, false).outcome
        };
        assert_eq!(outcome(NONE, 0, true), Outcome::Built);
        assert_eq!(outcome(UNREADABLE, 0, true), Outcome::Built);
        assert_eq!(outcome(KILLED, 0, false), Outcome::NeighbourKilled);
        // It was a compiler of its own, started again.
        assert_eq!(outcome(KILLED, 1, true), Outcome::Built);
        assert_eq!(outcome(ELSEWHERE, 1, true), Outcome::NeighbourKilled);
        // Some other container's kill.
        assert_eq!(outcome(ELSEWHERE, 0, false), Outcome::Built);
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
        let verdict = classify(EXIT_101, &read(RUSTC), KILLED, &MemoryCurve::default(), true);
        assert_eq!(verdict.outcome, Outcome::Interrupted);
    }

    #[test]
    fn evidence_keeps_both_ends_of_a_long_line() {
        let verdict = classify(EXIT_101, &read(RUSTC), KILLED, &MemoryCurve::default(), false);
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
