//! Try the rungs of a plan until one builds.
//!
//! Only a lack of memory leads to the next rung; anything else ends the ladder at once. cargo's own words are
//! passed through as they come.

use std::{
    env, fs, mem,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use xshell::{Shell, cmd};

use crate::{
    cgroup::KillCounters,
    cpu,
    exit::Exit,
    files::write_whole,
    guard::{
        Guard, Observed, Unit, figure,
        record::{Details, Record},
    },
    keeper::Streams,
    ledger::{BuildKey, Ledger, UnitKey},
    outcome::{Curve, Ending, Outcome, Symptoms, classify},
    plan::{Plan, Rung},
    report::Report,
    strategy::Strategy,
    supervise::{Care, Lines, Patience, Piece, supervise},
    workspace::{Workspace, cargo},
};

/// A killed process's memory is back within 0.4 s; trying sooner would meet it still in use.
const AFTER_A_KILL: Duration = Duration::from_millis(500);

/// One rung, tried.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Attempt {
    pub(crate) strategy: Strategy,
    pub(crate) commands: Vec<String>,
    pub(crate) outcome: Outcome,
    /// What speaks for the outcome.
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
    /// What was asked for and can be run, in cargo's order.
    pub(crate) executables: Vec<PathBuf>,
    /// What the guard did, one record per command; empty where there is no guard.
    pub(crate) guard: Vec<Record>,
    /// What each compiler needed, for the ledger.
    #[serde(skip)]
    pub(crate) observed: Vec<Observed>,
}

/// What cargo says about itself on stdout.
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

/// Try the plan's rungs in order. The result ends with the attempt that decided; empty if nothing fitted.
pub(crate) fn climb<'a>(
    rungs: impl IntoIterator<Item = &'a Rung>,
    mut attempt: impl FnMut(&Rung) -> anyhow::Result<Attempt>,
) -> anyhow::Result<Vec<Attempt>> {
    let mut attempts = Vec::new();
    for rung in rungs {
        let attempt = attempt(rung)?;
        let stop = attempt.outcome != Outcome::OutOfMemory;
        attempts.push(attempt);
        if stop {
            break;
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

/// Climb the plan's ladder for real.
pub(crate) fn build(
    sh: &Shell,
    workspace: &Workspace,
    plan: &Plan,
    ledger: &Ledger,
    report: &mut Report,
) -> anyhow::Result<Vec<Attempt>> {
    let mut is_first = true;
    climb(plan.ladder(), |rung| {
        if !mem::replace(&mut is_first, false) {
            thread::sleep(AFTER_A_KILL);
            report.steps_down(rung, plan);
        }
        let attempt = attempt(sh, workspace, rung, ledger, report)?;
        report.attempt(&attempt);
        Ok(attempt)
    })
}

fn attempt(
    sh: &Shell,
    workspace: &Workspace,
    rung: &Rung,
    ledger: &Ledger,
    report: &mut Report,
) -> anyhow::Result<Attempt> {
    let mut attempt = Attempt {
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
    };
    let kills_before = KillCounters::read(Path::new("/"));
    let care = Care { patience: Patience::Short, expendable: true, stop_below_bytes: None };
    for (args, command) in rung.steps.iter().zip(rung.commands()) {
        report.command(&command);
        let mut symptoms = Symptoms::default();
        let (mut stdout, mut stderr) = (Lines::default(), Lines::default());
        let mut cargo = command_of(sh, workspace, rung, args);
        let known = known(ledger, rung);
        let guard = Guard::start(Some(&workspace.target_dir), &mut cargo, known);
        let guard = report.guard_or_warning(guard);
        let watched =
            supervise(&cargo, Streams::piped(), care, guard.as_ref(), |piece| match piece {
                Piece::Stderr(bytes) => {
                    report.pass_through(bytes);
                    stderr.push(bytes, |line| symptoms.read(line));
                }
                Piece::Stdout(bytes) => {
                    stdout.push(bytes, |line| attempt.hear(line));
                }
                Piece::Stopping => report.stopping("stopping the build"),
                Piece::Available(bytes) => report.available(bytes),
                Piece::Guard(event) => report.guard_event(event),
                Piece::Live(live) => report.live(live, rung),
            });
        report.live_ends();
        let watched = watched?;
        report.left_behind(&watched.left);
        stderr.finish(|line| symptoms.read(line));
        stdout.finish(|line| attempt.hear(line));

        attempt.seconds += watched.seconds;
        let record = guard.map(|it| {
            let (record, observed) = it.finish();
            report.unguarded(&record);
            attempt.observed.extend(observed);
            record
        });
        let curve = record.as_ref().map(Curve::of).unwrap_or_default();
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

/// `build.json` and its figure, beside the ledger: what the last build tried and why, and what happened meanwhile.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn write_record(
    target_dir: &Path,
    reason: &str,
    attempts: &[Attempt],
) -> anyhow::Result<PathBuf> {
    #[derive(Serialize)]
    struct Document<'a> {
        version: u32,
        /// Why the ladder started where it did.
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
    let parts: Vec<(String, &Record)> = attempts
        .iter()
        .flat_map(|it| it.guard.iter().map(|record| (it.strategy.name().to_owned(), record)))
        .collect();
    let write = |name: &str, text: Vec<u8>| {
        let file = folder.join(name);
        write_whole(&file, &text, false).map(|()| file)
    };
    let file = write("build.json", serde_json::to_vec(&document)?)?;
    write("build.svg", figure::draw(&parts).into_bytes())?;
    Ok(file)
}

/// What the units of this rung are known to need.
fn known(ledger: &Ledger, rung: &Rung) -> impl Fn(&Unit) -> Option<u64> + Send + 'static {
    let (ledger, build) = (ledger.clone(), rung.key.clone());
    move |unit| ledger.unit(&unit_key(unit, &build)).map(|it| it.peak_bytes)
}

/// How the ledger remembers a unit of a build.
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
    /// Read one line of cargo's messages.
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

/// The rung's command, with what makes its output readable to both people and xtask.
fn command_of(sh: &Shell, workspace: &Workspace, rung: &Rung, args: &[String]) -> Command {
    let cargo = cargo();
    // cargo sees a pipe where there is a terminal.
    let color = (Report::stderr_has_color() && env::var_os("CARGO_TERM_COLOR").is_none())
        .then_some(["--color", "always"]);
    let color = color.iter().flatten();
    let mut command: Command =
        cmd!(sh, "{cargo} {args...} --message-format json-render-diagnostics {color...}").into();
    // Not always the caller's: there `--example` might select another package.
    command.current_dir(&workspace.folder);
    command.envs(rung.env.iter().map(|(name, value)| (name, value)));
    if let Some(flags) = &workspace.rustflags {
        command.env(cpu::ENCODED, flags);
    }
    if env::var_os("CARGO_TARGET_DIR").is_some() {
        // A relative one was meant from the caller's folder.
        command.env("CARGO_TARGET_DIR", &workspace.target_dir);
    }
    if Guard::IS_SUPPORTED && Report::stderr_has_progress() {
        // The guard's line takes the place of cargo's bar.
        command.env("CARGO_TERM_PROGRESS_WHEN", "never");
    } else if Report::stderr_has_progress() && env::var_os("CARGO_TERM_PROGRESS_WHEN").is_none() {
        command.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "78");
    }
    for name in foreign_environment(env::vars_os().filter_map(|(name, _)| name.into_string().ok()))
    {
        command.env_remove(name);
    }
    command
}

/// Variables that describe xtask's own build, or someone else's: a jobserver that is inherited makes cargo ignore
/// `CARGO_BUILD_JOBS` without a word.
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
        cli::Choice,
        plan::tests::{planned, workspace},
        resources::tests::machine,
    };

    fn ended(rung: &Rung, outcome: Outcome) -> Attempt {
        Attempt {
            strategy: rung.strategy,
            commands: rung.commands(),
            outcome,
            evidence: Vec::new(),
            cargo_exit_code: None,
            cargo_signal: None,
            seconds: 1.0,
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

    /// Climbs a ladder on which the strategies end as listed, and names those that were tried.
    #[track_caller]
    fn check(outcomes: &[Outcome], tried: &[&str], expected: Exit) {
        let plan = planned(&machine(64.0, 60.0, 0.0, 0.0, 8), &workspace(), Choice::Auto);
        let mut outcomes = outcomes.iter();
        let attempts =
            climb(plan.ladder(), |rung| Ok(ended(rung, *outcomes.next().expect("one more"))))
                .unwrap();
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
    fn cargo_s_messages_give_the_executable_and_what_was_fresh() {
        let plan = planned(&machine(64.0, 60.0, 0.0, 0.0, 8), &workspace(), Choice::A);
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
