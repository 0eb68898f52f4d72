//! Try the rungs of a plan until one builds.
//!
//! Only a lack of memory leads to the next rung; anything else ends the ladder at once. cargo's own
//! words are passed through as they come.

use std::{
    collections::VecDeque,
    env, fs, mem,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::{
    build::{
        outcome::{ENDED_AFTER_A_KILL_HINT, MemoryCurve, Outcome, Symptoms, classify},
        supervise::{
            GuardNews, InterruptPolicy, Lines, OutputPiece, Supervision, say_available,
            supervise_guarded,
        },
    },
    build_ledger::{BuildKey, BuildLedger, UnitKey},
    child::{Ending, keeper::Streams},
    console::{Console, status_line},
    exit::Exit,
    files::{remove_unfinished, write_whole},
    guard::{
        Guard, ObservedRun, Unit,
        guard_record::{Details, GuardRecord},
        timeline_svg, user_key,
    },
    machine::cgroup::KillCounters,
    numbers::bytes,
    plan::{Plan, Rung, strategy::Strategy},
    workspace::{ENCODED_RUSTFLAGS, Workspace, cargo},
};

/// The pause before the next rung. The memory of a killed process is back within 0.4 s.
const AFTER_A_KILL: Duration = Duration::from_millis(500);

/// The hint after a build that was killed, but not for lack of memory.
pub(super) const KILLED_HINT: &str = "if earlyoom or systemd-oomd runs here, look into its log; \
    else another process sent the signal";

/// One attempt to build by a rung of the plan.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Attempt {
    pub(crate) strategy: Strategy,
    pub(crate) commands: Vec<String>,
    pub(crate) outcome: Outcome,
    /// Observations that support the outcome.
    pub(crate) evidence: Vec<String>,
    /// cargo's exit code, if it had one.
    pub(crate) cargo_exit_code: Option<i32>,
    /// The signal that ended cargo itself.
    pub(crate) cargo_signal: Option<i32>,
    pub(crate) seconds: f64,
    /// Most memory that cargo and everything below it held for itself at once.
    pub(crate) peak_bytes: u64,
    /// Lowest sample of the memory available to this process.
    pub(crate) lowest_available_bytes: Option<u64>,
    /// The kernel's kills for lack of memory meanwhile.
    pub(crate) memory_kills: KillCounters,
    /// Targets that were compiled, and that were up to date.
    pub(crate) n_compiled: usize,
    pub(crate) n_fresh: usize,
    /// The executables that were asked for, in cargo's order.
    pub(crate) executables: Vec<PathBuf>,
    /// The guard's records, one per command. Empty where there is no guard.
    pub(crate) guard: Vec<GuardRecord>,
    /// The needs of each compiler, for the ledger.
    #[serde(skip)]
    pub(crate) observed: Vec<ObservedRun>,
}

impl Attempt {
    /// `true` if programs stood still for lack of memory for more than a tenth of the time, so it
    /// may have got less than it needs.
    pub(crate) fn was_stalled(&self) -> bool {
        let stalled_ms: u64 = self.guard.iter().map(|it| it.stalled_ms).sum();
        stalled_ms as f64 > self.seconds * 1000.0 / 10.0
    }

    /// `true` if it had a guard, and the guard did not find a compiler that does not fit alone.
    fn no_compiler_was_too_large(&self) -> bool {
        !self.guard.is_empty() && self.guard.iter().all(|it| it.misfit.is_none())
    }

    /// An attempt of which nothing is known yet but how it is made.
    fn of(rung: &Rung) -> Attempt {
        Attempt {
            strategy: rung.strategy,
            commands: rung.commands(),
            outcome: Outcome::Built,
            evidence: Vec::new(),
            cargo_exit_code: None,
            cargo_signal: None,
            seconds: 0.0,
            peak_bytes: 0,
            lowest_available_bytes: None,
            memory_kills: KillCounters::default(),
            n_compiled: 0,
            n_fresh: 0,
            executables: Vec::new(),
            guard: Vec::new(),
            observed: Vec::new(),
        }
    }
}

/// One of cargo's messages on stdout.
#[derive(Deserialize)]
struct Message {
    reason: String,
    fresh: Option<bool>,
    executable: Option<PathBuf>,
}

/// Whatever cargo's messages hold is read without a panic; for fuzzing.
pub(crate) fn parse_message(line: &str) {
    serde_json::from_str::<Message>(line).ok();
}

/// Tries the plan's rungs in order. The result ends with the attempt that decided; empty if nothing
/// fitted.
///
/// Under a guard compilers run one by one if they must, so fewer jobs are not on the ladder. Where
/// no compiler was too large, what a build script has started was: with one job it starts less.
pub(crate) fn climb(
    plan: &Plan,
    mut attempt: impl FnMut(&Rung) -> anyhow::Result<Attempt>,
) -> anyhow::Result<Vec<Attempt>> {
    let mut attempts: Vec<Attempt> = Vec::new();
    let mut rungs: VecDeque<&Rung> = plan.ladder().collect();
    while let Some(rung) = rungs.pop_front() {
        let attempt = attempt(rung)?;
        let (outcome, no_compiler) = (attempt.outcome, attempt.no_compiler_was_too_large());
        attempts.push(attempt);
        if outcome != Outcome::OutOfMemory {
            break;
        }
        if no_compiler && let Some(one_job) = plan.with_one_job(rung) {
            rungs.push_front(one_job);
        }
    }
    Ok(attempts)
}

/// The exit code that an ended ladder calls for.
pub(crate) fn exit(attempts: &[Attempt]) -> Exit {
    match attempts.last().map(|it| it.outcome) {
        None => Exit::NotReady,
        Some(Outcome::Built) => Exit::Success,
        Some(Outcome::OutOfMemory) => Exit::OutOfMemory,
        Some(Outcome::Killed) => Exit::Killed,
        Some(Outcome::NeighbourKilled) => Exit::NeighbourKilled,
        Some(Outcome::CompileError | Outcome::DiskFull | Outcome::CargoFailed) => Exit::CargoFailed,
        Some(Outcome::Interrupted) => Exit::Interrupted,
    }
}

/// Tells of the end of a ladder that led nowhere.
pub(crate) fn say_nothing_fitted(attempts: &[Attempt], console: &Console) {
    let Some(last) = attempts.last() else { return };
    let tried: Vec<&str> = attempts.iter().map(|it| it.strategy.name()).collect();
    console.warning(
        &format!(
            "no memory for any of the options tried ({}); the last held {} when it ended",
            tried.join(", "),
            bytes(last.peak_bytes)
        ),
        "make room (`--option d` lists candidates, `--stop PID` ends one), wait for it \
         (`--wait`), or \
         raise the container's limit",
    );
}

/// Builds by the rungs of the plan until one succeeds. Memory that other programs have taken
/// meanwhile is waited for at least as long as `wait` says.
pub(crate) fn build(
    workspace: &Workspace,
    plan: &Plan,
    ledger: &BuildLedger,
    wait: Duration,
    price_hint: &str,
    console: &mut Console,
) -> anyhow::Result<Vec<Attempt>> {
    remove_unfinished(&workspace.target_dir.join("xtask"));
    let mut is_first = true;
    climb(plan, |rung| {
        if !mem::replace(&mut is_first, false) {
            thread::sleep(AFTER_A_KILL);
            plan.say_step_down(rung, price_hint, console);
        }
        let attempt = attempt(workspace, rung, ledger, wait, console)?;
        attempt.say(console);
        console.append("attempts", &attempt);
        Ok(attempt)
    })
}

fn attempt(
    workspace: &Workspace,
    rung: &Rung,
    ledger: &BuildLedger,
    wait: Duration,
    console: &Console,
) -> anyhow::Result<Attempt> {
    let mut attempt = Attempt::of(rung);
    let kills_before = KillCounters::read(Path::new("/"));
    let supervision =
        Supervision { patience: InterruptPolicy::Short, expendable: true, stop_below_bytes: None };
    for (args, command) in rung.steps.iter().zip(rung.commands()) {
        console.command(&command);
        let mut symptoms = Symptoms::default();
        let (mut stdout, mut stderr) = (Lines::default(), Lines::default());
        let mut cargo = command_of(workspace, rung, args);
        let known = known(ledger, rung);
        let guard = Guard::start(Some(&workspace.target_dir), &mut cargo, wait, None, known);
        let guard = Guard::or_warning(guard, console);
        let watched = supervise_guarded(
            &cargo,
            Streams::piped(),
            supervision,
            guard.as_ref(),
            |piece| match piece {
                OutputPiece::Stderr(bytes) => {
                    console.pass_through(bytes);
                    stderr.push(bytes, |line| symptoms.read(line));
                }
                OutputPiece::Stdout(bytes) => {
                    stdout.push(bytes, |line| attempt.hear(line));
                }
                OutputPiece::Stopping => console.stopping("stopping the build"),
                OutputPiece::Available(bytes) => say_available(bytes, console),
            },
            |news| match news {
                GuardNews::Event(event) => event.say(console),
                GuardNews::Live(live) if Console::stderr_has_progress() => {
                    if let Some(line) = live.line(rung.strategy.name()) {
                        status_line::show(&line);
                    }
                }
                GuardNews::Live(_) => {}
            },
        );
        status_line::clear();
        let watched = watched?;
        watched.left.say(console);
        stderr.finish(|line| symptoms.read(line));
        stdout.finish(|line| attempt.hear(line));

        attempt.seconds += watched.seconds;
        let record = guard.map(|it| {
            let (record, observed) = it.finish();
            record.say_unguarded(console);
            attempt.observed.extend(observed);
            record
        });
        let curve = record.as_ref().map(MemoryCurve::of).unwrap_or_default();
        let peak = record.as_ref().map_or(watched.peak_bytes, |it| it.peak_bytes);
        attempt.peak_bytes = attempt.peak_bytes.max(peak);
        let lowest = record.as_ref().map(|it| it.lowest_headroom_bytes);
        attempt.lowest_available_bytes =
            [attempt.lowest_available_bytes, lowest.or(watched.lowest_available_bytes)]
                .into_iter()
                .flatten()
                .min();
        attempt.guard.extend(record);
        let Ending { code, signal } = watched.ending;
        (attempt.cargo_exit_code, attempt.cargo_signal) = (code, signal);
        attempt.memory_kills = KillCounters::read(Path::new("/")).since(kills_before);
        let verdict =
            classify(watched.ending, &symptoms, attempt.memory_kills, &curve, watched.interrupted);
        (attempt.outcome, attempt.evidence) = (verdict.outcome, verdict.evidence);
        if attempt.outcome != Outcome::Built {
            break;
        }
    }
    Ok(attempt)
}

/// `build.json` and its figure, beside the ledger: what the last build tried and why, and what
/// happened meanwhile.
///
/// # Errors
/// If a file cannot be written.
pub(crate) fn write_record(
    target_dir: &Path,
    reason: &str,
    attempts: &[Attempt],
) -> anyhow::Result<PathBuf> {
    #[derive(Serialize)]
    struct Document<'a> {
        version: u32,
        /// The reason for the rung of the ladder that was tried first.
        reason: &'a str,
        attempts: Vec<AttemptDocument<'a>>,
    }
    #[derive(Serialize)]
    struct AttemptDocument<'a> {
        #[serde(flatten)]
        attempt: &'a Attempt,
        /// One per record in `guard`.
        details: Vec<&'a Details>,
    }
    let folder = target_dir.join("xtask");
    fs::create_dir_all(&folder)
        .with_context(|| format!("could not create {}", folder.display()))?;
    let document = Document {
        version: 1,
        reason,
        attempts: attempts
            .iter()
            .map(|attempt| {
                let details = attempt.guard.iter().map(|it| &it.details).collect();
                AttemptDocument { attempt, details }
            })
            .collect(),
    };
    let parts: Vec<(String, &GuardRecord)> = attempts
        .iter()
        .flat_map(|it| it.guard.iter().map(|record| (it.strategy.name().to_owned(), record)))
        .collect();
    let write = |name: &str, text: Vec<u8>| {
        let file = folder.join(name);
        write_whole(&file, &text, false).map(|()| file)
    };
    let file = write("build.json", serde_json::to_vec(&document)?)?;
    write("build.svg", timeline_svg::draw(&parts).into_bytes())?;
    Ok(file)
}

/// Returns a function that looks up the known peak of a unit of this rung.
fn known(ledger: &BuildLedger, rung: &Rung) -> impl Fn(&Unit) -> Option<u64> + Send + 'static {
    let (ledger, build) = (ledger.clone(), rung.key.clone());
    let of_user = BuildLedger::load_of_user();
    move |unit| {
        let elsewhere =
            || of_user.as_ref()?.unit(&user_key(unit, &build.profile, &build.toolchain)?);
        ledger.unit(&unit_key(unit, &build)).or_else(elsewhere).map(|it| it.peak_bytes)
    }
}

/// Returns the key under which the ledger remembers a unit of a build.
pub(crate) fn unit_key(unit: &Unit, build: &BuildKey) -> UnitKey {
    UnitKey {
        package: unit.package.clone(),
        version: unit.version.clone(),
        kind: unit.kind,
        crate_name: unit.crate_name.clone(),
        profile: build.profile.clone(),
        toolchain: build.toolchain.clone(),
    }
}

impl Attempt {
    /// Tells how it ended.
    fn say(&self, console: &Console) {
        let name = self.strategy.name();
        let peak = bytes(self.peak_bytes);
        let time = format!("{:.1} s", self.seconds);
        match self.outcome {
            Outcome::Built => {
                let counts = match (self.n_compiled, self.n_fresh) {
                    (0, _) => "everything was up to date".to_owned(),
                    (compiled, 0) => format!("{compiled} targets compiled"),
                    (compiled, fresh) => format!("{compiled} targets compiled, {fresh} up to date"),
                };
                // A build of nothing has no peak worth a word.
                let peak =
                    if self.n_compiled > 0 { format!(", peak {peak}") } else { String::new() };
                console.note(&format!("option {name} built in {time}{peak}; {counts}"));
                if !self.evidence.is_empty() {
                    console.warning(
                        &format!("it built, but {}", self.evidence.join("; ")),
                        "another program may have been ended: have a look at `dmesg`",
                    );
                }
            }
            Outcome::OutOfMemory => {
                console.note(&format!("option {name} ran out of memory after {time}, peak {peak}"));
                self.evidence.iter().for_each(|it| console.detail(&format!("because: {it}")));
            }
            Outcome::Killed => {
                let evidence = self.evidence.join("; ");
                console.warning(
                    &format!("option {name} was killed, and not by the kernel: {evidence}"),
                    KILLED_HINT,
                );
            }
            Outcome::DiskFull => {
                console.warning(
                    "the disk is full",
                    "run `cargo clean`, or point CARGO_TARGET_DIR at a disk with more room",
                );
            }
            Outcome::NeighbourKilled => {
                console.warning(
                    &format!("option {name} built, but {}", self.evidence.join("; ")),
                    "another program has died of this build: have a look at `dmesg`; the same \
                     command again finds everything built",
                );
            }
            Outcome::Interrupted if !self.evidence.is_empty() => {
                let because = self.evidence.join("; ");
                console.warning(
                    &format!("option {name} was ended after {time}, and {because}"),
                    ENDED_AFTER_A_KILL_HINT,
                );
            }
            // cargo has said it all.
            Outcome::CompileError | Outcome::CargoFailed | Outcome::Interrupted => {}
        }
    }

    /// Reads one line of cargo's messages.
    fn hear(&mut self, line: &str) {
        let Ok(message) = serde_json::from_str::<Message>(line) else { return };
        if message.reason != "compiler-artifact" {
            return;
        }
        match message.fresh {
            Some(true) => self.n_fresh += 1,
            _ => self.n_compiled += 1,
        }
        // cargo links no program that was not asked for. In stages, one may be reported twice.
        let new = message.executable.filter(|it| !self.executables.contains(it));
        self.executables.extend(new);
    }
}

/// The rung's command, with what makes its output readable to both people and this program.
fn command_of(workspace: &Workspace, rung: &Rung, args: &[String]) -> Command {
    let cargo = cargo();
    // cargo sees a pipe where there is a terminal.
    let color = (Console::stderr_has_color() && env::var_os("CARGO_TERM_COLOR").is_none())
        .then_some(["--color", "always"]);
    let color = color.iter().flatten();
    let mut command = Command::new(cargo);
    command.args(args).args(["--message-format", "json-render-diagnostics"]).args(color);
    // Not always the caller's folder, where `--example` might select another package.
    command.current_dir(&workspace.folder);
    command.envs(rung.env.iter().map(|(name, value)| (name, value)));
    if let Some(flags) = &workspace.rustflags {
        command.env(ENCODED_RUSTFLAGS, flags);
    }
    if env::var_os("CARGO_TARGET_DIR").is_some() {
        // A relative path was meant from the caller's folder.
        command.env("CARGO_TARGET_DIR", &workspace.target_dir);
    }
    if Guard::IS_SUPPORTED && Console::stderr_has_progress() {
        // The guard's line takes the place of cargo's bar.
        command.env("CARGO_TERM_PROGRESS_WHEN", "never");
    } else if Console::stderr_has_progress() && env::var_os("CARGO_TERM_PROGRESS_WHEN").is_none() {
        command.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "78");
    }
    for name in foreign_environment(env::vars_os().filter_map(|(name, _)| name.into_string().ok()))
    {
        command.env_remove(name);
    }
    command
}

/// Variables that describe the build of this program, or another build: a jobserver that is
/// inherited makes cargo ignore `CARGO_BUILD_JOBS` without a word.
fn foreign_environment(names: impl Iterator<Item = String>) -> Vec<String> {
    let exact = ["MAKEFLAGS", "MFLAGS", "CARGO_MAKEFLAGS", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"];
    let prefixes = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
    let foreign = |it: &String| {
        exact.contains(&it.as_str()) || prefixes.iter().any(|prefix| it.starts_with(prefix))
    };
    names.filter(foreign).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        guard::guard_record::OversizedCompiler,
        machine::resources::tests::machine,
        plan::Choice,
        plan::tests::{guarded_plan, planned, workspace},
    };

    fn ended(rung: &Rung, outcome: Outcome) -> Attempt {
        Attempt { outcome, seconds: 1.0, ..Attempt::of(rung) }
    }

    /// Climbs a ladder on which the strategies end as listed, and names those that were tried.
    #[track_caller]
    fn check(outcomes: &[Outcome], tried: &[&str], expected: Exit) {
        let plan = planned(&machine(64.0, 60.0, 0.0, 0.0, 8), &workspace(), Choice::Auto);
        let mut outcomes = outcomes.iter();
        let attempts =
            climb(&plan, |rung| Ok(ended(rung, *outcomes.next().expect("one more")))).unwrap();
        let names: Vec<&str> = attempts.iter().map(|it| it.strategy.name()).collect();
        assert_eq!(names, tried);
        assert_eq!(exit(&attempts), expected);
    }

    #[test]
    fn only_a_lack_of_memory_leads_downwards() {
        use Outcome::{
            Built, CargoFailed, CompileError, DiskFull, Interrupted, Killed, OutOfMemory,
        };
        check(&[Built], &["full"], Exit::Success);
        check(&[OutOfMemory, Built], &["full", "a"], Exit::Success);
        check(&[OutOfMemory; 3], &["full", "a", "b"], Exit::OutOfMemory);
        check(&[OutOfMemory, CompileError], &["full", "a"], Exit::CargoFailed);
        check(&[CompileError], &["full"], Exit::CargoFailed);
        check(&[DiskFull], &["full"], Exit::CargoFailed);
        check(&[CargoFailed], &["full"], Exit::CargoFailed);
        check(&[Killed], &["full"], Exit::Killed);
        check(&[Interrupted], &["full"], Exit::Interrupted);
        assert_eq!(exit(&[]), Exit::NotReady);
    }

    #[test]
    fn where_no_compiler_was_too_large_one_job_comes_before_another_profile() {
        let plan = guarded_plan(&machine(64.0, 60.0, 0.0, 0.0, 8), &workspace());
        let names = |misfit: Option<OversizedCompiler>| {
            let attempts = climb(&plan, |rung| {
                let record = GuardRecord { misfit: misfit.clone(), ..GuardRecord::default() };
                Ok(Attempt { guard: vec![record], ..ended(rung, Outcome::OutOfMemory) })
            });
            let attempts = attempts.unwrap();
            attempts.iter().map(|it| it.strategy.name()).collect::<Vec<_>>()
        };
        assert_eq!(names(None), ["full", "a", "b"]);
        let misfit = OversizedCompiler {
            package: "x".into(),
            crate_name: "x".into(),
            held_bytes: 1,
            room_bytes: 1,
            waited_for_bytes: None,
        };
        assert_eq!(names(Some(misfit)), ["full", "b"]);
    }

    #[test]
    fn cargo_s_messages_give_the_executable_and_what_was_fresh() {
        let plan =
            planned(&machine(64.0, 60.0, 0.0, 0.0, 8), &workspace(), Choice::Strategy(Strategy::A));
        let mut attempt = ended(plan.start().unwrap(), Outcome::Built);
        for line in [
            r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"pyphi_validation"},"fresh":true,"executable":null}"#,
            r#"{"reason":"compiler-artifact","target":{"kind":["custom-build"],"name":"build-script-build"},"fresh":false,"executable":null}"#,
            r#"{"reason":"build-script-executed","package_id":"libc"}"#,
            r#"{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"other"},"fresh":false,"executable":"/t/other"}"#,
            r#"{"reason":"compiler-artifact","target":{"kind":["example"],"name":"pyphi_validation"},"fresh":false,"executable":"/t/release/examples/pyphi_validation"}"#,
            r#"{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"other"},"fresh":true,"executable":"/t/other"}"#,
            r#"{"reason":"build-finished","success":true}"#,
            "not a message",
        ] {
            attempt.hear(line);
        }
        assert_eq!((attempt.n_compiled, attempt.n_fresh), (3, 2));
        let expected: [PathBuf; 2] =
            ["/t/other".into(), "/t/release/examples/pyphi_validation".into()];
        assert_eq!(attempt.executables, expected);
    }

    #[test]
    fn another_build_s_variables_are_not_handed_on() {
        let names = ["PATH", "CARGO_MAKEFLAGS", "CARGO_PKG_NAME", "CARGO_HOME", "CARGO_BUILD_JOBS"];
        let foreign = foreign_environment(names.map(String::from).into_iter());
        assert_eq!(foreign, ["CARGO_MAKEFLAGS", "CARGO_PKG_NAME"]);
    }
}
