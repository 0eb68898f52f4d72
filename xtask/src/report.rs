//! What is said: text or one JSON document on stdout, the conversation on stderr.
//!
//! This is the only file that knows either format. Colours follow the terminal and `NO_COLOR`.

use std::{
    cell::RefCell,
    env,
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
    sync::Once,
    time::Duration,
};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::{
    bench::{Bench, Count},
    build::Attempt,
    cli::Format,
    escape::{is_hidden, terminal},
    exec::CommandRun,
    exit::Exit,
    guard::{
        Guard, Live,
        record::{Deed, Event, Record},
    },
    keeper::Left,
    live,
    make_room::{Paused, Stopped},
    numbers::{bytes, sum},
    outcome::{Outcome, signal_name},
    plan::{Fit, Plan, Rung, Source},
    preflight::{Check, Preflight, Status},
    resources::{ProcessTree, Resources},
    run::Run,
    slurm,
    strategy::Strategy,
    wait::Obstacle,
    workspace::{Toolchain, Workspace},
};

/// Grows when a field changes its meaning or goes away.
const DOCUMENT_VERSION: u32 = 1;
/// How many processes are shown, and from which size on.
const N_PROCESSES: usize = 10;
const LARGE_PROCESS_BYTES: u64 = 16 << 20;
/// Below this much available memory a running child gets a warning.
const LITTLE_MEMORY_BYTES: u64 = 256 << 20;

const BOLD: Style = Style::new().bold();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const CYAN: Style = AnsiColor::Cyan.on_default();

/// Says things as they happen and collects them for the JSON document.
#[derive(Debug)]
pub(crate) struct Report {
    format: Format,
    document: Document,
    warned_of_little_memory: bool,
    /// Whether a build that is not ready is waited for: then that is no verdict yet.
    waits: bool,
    /// The first error in writing to stdout.
    unwritten: RefCell<Option<io::Error>>,
}

/// Everything a command has found out; what it did not reach is absent.
#[derive(Debug, Default, Serialize)]
struct Document {
    version: u32,
    command: &'static str,
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace: Option<Workspace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    toolchain: Option<Toolchain>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<Resources>,
    /// Programs that hold most memory, each with all it has started.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    processes: Vec<ProcessTree>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preflight: Option<Preflight>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Plan>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stopped: Vec<Stopped>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paused: Vec<Paused>,
    /// How long `--wait` held on, and what for at first.
    #[serde(skip_serializing_if = "Option::is_none")]
    waited_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waited_for: Vec<Obstacle>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attempts: Vec<Attempt>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    executables: Vec<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<slurm::Told>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<Run>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bench: Option<Bench>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    counts: Vec<Count>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    exit_code: u8,
    exit: &'static str,
}

impl Report {
    pub(crate) fn new(command: &'static str, format: Format, dry_run: bool) -> Report {
        let document =
            Document { version: DOCUMENT_VERSION, command, dry_run, ..Document::default() };
        let unwritten = RefCell::default();
        Report { format, document, warned_of_little_memory: false, waits: false, unwritten }
    }

    /// Whether cargo should colour what it writes to its pipe.
    pub(crate) fn stderr_has_color() -> bool {
        anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
    }

    /// Whether a progress bar is welcome.
    pub(crate) fn stderr_has_progress() -> bool {
        io::stderr().is_terminal() && env::var_os("CI").is_none()
    }

    /// The checks, and who holds the memory.
    pub(crate) fn preflight(
        &mut self,
        workspace: &Workspace,
        toolchain: &Toolchain,
        resources: &Resources,
        plan: &Plan,
        preflight: &Preflight,
    ) {
        let mut large = resources.trees();
        large.retain(|it| sum([it.own_bytes, it.swapped_bytes]) >= LARGE_PROCESS_BYTES);
        large.truncate(N_PROCESSES);
        // For the command of that name all of it is the result; others mention what did not pass.
        if self.document.command == "preflight" || self.document.dry_run {
            self.result(&checks(&preflight.checks));
            self.result(&format!(
                "\n{}",
                processes("Who holds the memory (a program with all it has started)", &large)
            ));
            self.result(&format!("\n{}", verdict(preflight, plan)));
        } else if self.document.command != "plan" {
            let passed = |it: &&Check| it.status == Status::Pass;
            let n_passed = preflight.checks.iter().filter(passed).count();
            let others: Vec<Check> =
                preflight.checks.iter().filter(|it| !passed(it)).cloned().collect();
            self.note(&format!("preflight: {n_passed} of {} checks pass", preflight.checks.len()));
            say(&checks(&others));
            if !preflight.ready && !self.waits {
                say(&verdict(preflight, plan));
            }
        }
        self.document.processes = large;
        self.document.workspace = Some(workspace.clone());
        self.document.toolchain = Some(toolchain.clone());
        self.document.resources = Some(resources.clone());
        self.document.preflight = Some(preflight.clone());
        self.document.plan = Some(plan.clone());
    }

    /// What was found of a cluster.
    pub(crate) fn cluster_checks(&self, found: &[Check]) {
        say(&checks(found));
    }

    /// What was submitted to it, and how far it is.
    pub(crate) fn cluster(&mut self, told: slurm::Told) {
        self.document.cluster = Some(told);
    }

    /// The ladder with its figures.
    pub(crate) fn plan(&self, plan: &Plan, resources: &Resources) {
        self.result(&ladder(plan, resources));
    }

    /// A line of a dry run.
    pub(crate) fn would(&self, what: &str) {
        self.result(&format!("{}\n", terminal(what)));
    }

    /// A command that is about to run.
    pub(crate) fn command(&self, command: &str) {
        say(&format!("{CYAN}${CYAN:#} {}\n", terminal(command)));
    }

    /// The child's own words, as they are.
    pub(crate) fn pass_through(&self, bytes: &[u8]) {
        live::clear();
        let mut stderr = io::stderr().lock();
        stderr.write_all(bytes).and_then(|()| stderr.flush()).ok();
    }

    pub(crate) fn note(&self, message: &str) {
        say(&format!("{BOLD}note{BOLD:#}: {}\n", terminal(message)));
    }

    /// A further line of what was said last.
    pub(crate) fn detail(&self, line: &str) {
        say(&format!("   {}\n", terminal(line)));
    }

    pub(crate) fn warning(&self, message: &str, hint: &str) {
        say(&format!("{YELLOW}warning{YELLOW:#}: {}\n", terminal(message)));
        self.detail(&format!("hint: {hint}"));
    }

    pub(crate) fn question(&self, question: &str) {
        say(&format!("{BOLD}{question}{BOLD:#}: "));
    }

    pub(crate) fn stopping(&self, message: &str) {
        say(&format!("\n{BOLD}interrupted{BOLD:#}: {}\n", terminal(message)));
    }

    /// Memory available to a running child; says so once if it is little.
    pub(crate) fn available(&mut self, available: u64) {
        if available < LITTLE_MEMORY_BYTES && !self.warned_of_little_memory {
            self.warned_of_little_memory = true;
            self.warning(
                &format!("{} of memory left", bytes(available)),
                "close what you can spare, or the kernel may end a process",
            );
        }
    }

    /// A build without a guard is better than none.
    pub(crate) fn guard_or_warning(&self, guard: anyhow::Result<Option<Guard>>) -> Option<Guard> {
        guard.unwrap_or_else(|error| {
            self.warning(
                &format!("there is no guard: {error:#}"),
                "compilers are not held back; what the kernel kills for lack of memory is recognised",
            );
            None
        })
    }

    /// Processes that a command had left, where there were any.
    pub(crate) fn left_behind(&self, left: &Left) {
        if !left.ended.is_empty() {
            let n = left.ended.len();
            let (what, them) = if n == 1 { ("a process", "it") } else { ("processes", "them") };
            self.note(&format!(
                "the command had left {what} running, which {} ended with it: {}; to keep {them}, start {them} beforehand",
                if n == 1 { "was" } else { "were" },
                first_few(&left.ended)
            ));
        }
        if !left.alive.is_empty() {
            self.warning(
                &format!("still running, and started by the command: {}", first_few(&left.alive)),
                "they may be another user's, or wait for a disk",
            );
        }
        static ONCE: Once = Once::new();
        if left.only_group {
            ONCE.call_once(|| {
                self.note(
                    "here only the command's process group ends with it: what has left the group goes on",
                );
            });
        }
    }

    /// Compilers that ran without the guard are told of.
    pub(crate) fn unguarded(&self, record: &Record) {
        let Some(first) = record.unguarded.first() else { return };
        let n = match record.unguarded.len() {
            1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        self.warning(
            &format!("{first}{n}"),
            "the command may run in a sandbox or as another user, where xtask cannot be reached; these compilers were not \
             held back",
        );
    }

    /// How things stand, on a terminal.
    pub(crate) fn live(&self, live: &Live, rung: &Rung) {
        if Report::stderr_has_progress()
            && let Some(line) = live::line(live, rung.strategy.name())
        {
            live::show(&line);
        }
    }

    /// Nothing more is to be said about how things stand.
    pub(crate) fn live_ends(&self) {
        live::clear();
    }

    /// What the guard did that makes a build slower. Suspending is too common for a line.
    pub(crate) fn guard_event(&self, event: &Event) {
        let Event { crate_name, held_bytes, headroom_bytes, .. } = event;
        let (held, left) = (bytes(*held_bytes), bytes(*headroom_bytes));
        match event.what {
            Deed::Suspended | Deed::Resumed => {}
            Deed::Evicted => self.note(&format!(
                "{left} of memory left: took back the {held} of {crate_name}'s compiler, which starts again when there is \
                 room"
            )),
            Deed::KernelKilled => self.note(&format!(
                "the kernel killed the compiler of {crate_name} for lack of memory; it starts again alone"
            )),
            Deed::GaveUp => self.note(&format!(
                "the compiler of {crate_name} does not fit, not even alone; it held {held}"
            )),
        }
    }

    /// The next rung is tried.
    pub(crate) fn steps_down(&self, to: &Rung, plan: &Plan) {
        let Rung { strategy, .. } = to;
        self.note(&format!("next is option {} ({})", strategy.name(), strategy.description()));
        self.price(to, plan);
    }

    /// What choosing a slow build costs later.
    pub(crate) fn price(&self, rung: &Rung, plan: &Plan) {
        if rung.strategy != Strategy::B {
            return;
        }
        let fastest = &plan.rungs[0];
        let price = match (rung.slowdown(fastest), rung.run_seconds) {
            (Some(factor), Some(seconds)) => format!(
                "the run after a debug build takes about {} instead of {} ({factor:.1} times as long)",
                duration(seconds),
                duration(fastest.run_seconds.unwrap_or_default())
            ),
            _ => "a program built without optimisation runs several times slower".into(),
        };
        self.warning(&price, "free memory for a release build, or run a part: `-- --sizes 5,6`");
    }

    /// How an attempt ended.
    pub(crate) fn attempt(&mut self, attempt: &Attempt) {
        let name = attempt.strategy.name();
        let peak = bytes(attempt.peak_bytes);
        let time = format!("{:.1} s", attempt.seconds);
        match attempt.outcome {
            Outcome::Built => {
                let counts = match (attempt.n_compiled, attempt.n_fresh) {
                    (0, _) => "everything was up to date".to_owned(),
                    (compiled, 0) => format!("{compiled} targets compiled"),
                    (compiled, fresh) => format!("{compiled} targets compiled, {fresh} up to date"),
                };
                // A build of nothing has no peak worth a word.
                let peak =
                    if attempt.n_compiled > 0 { format!(", peak {peak}") } else { String::new() };
                self.note(&format!("option {name} built in {time}{peak}; {counts}"));
                if !attempt.evidence.is_empty() {
                    self.warning(
                        &format!("it built, but {}", attempt.evidence.join("; ")),
                        "another program may have been ended: have a look at `dmesg`",
                    );
                }
            }
            Outcome::OutOfMemory => {
                self.note(&format!("option {name} ran out of memory after {time}, peak {peak}"));
                attempt.evidence.iter().for_each(|it| self.detail(&format!("because: {it}")));
            }
            Outcome::Killed => {
                let evidence = attempt.evidence.join("; ");
                self.warning(
                    &format!("option {name} was killed, and not by the kernel: {evidence}"),
                    "if earlyoom or systemd-oomd runs here, look into its log; else someone sent the signal",
                );
            }
            Outcome::DiskFull => {
                self.warning(
                    "the disk is full",
                    "run `cargo clean`, or point CARGO_TARGET_DIR at a disk with more room",
                );
            }
            Outcome::NeighbourKilled => {
                self.warning(
                    &format!("option {name} built, but {}", attempt.evidence.join("; ")),
                    "another program has died of this build: have a look at `dmesg`; the same command again finds \
                     everything built",
                );
            }
            // cargo has said it all.
            Outcome::CompileError | Outcome::CargoFailed | Outcome::Interrupted => {}
        }
        self.document.attempts.push(attempt.clone());
    }

    /// The end of a ladder that led nowhere.
    pub(crate) fn nothing_fitted(&self, attempts: &[Attempt]) {
        let Some(last) = attempts.last() else { return };
        let tried: Vec<&str> = attempts.iter().map(|it| it.strategy.name()).collect();
        self.warning(
            &format!(
                "no memory for any of the options tried ({}); the last held {} when it ended",
                tried.join(", "),
                bytes(last.peak_bytes)
            ),
            "make room (`--option d` lists candidates, `--stop PID` ends one), wait for it (`--wait`), or raise the container's limit",
        );
    }

    /// The programs that could be paused or stopped.
    pub(crate) fn candidates(&self, candidates: &[ProcessTree], resources: &Resources) {
        if candidates.is_empty() {
            self.note(
                "no program of yours holds 50 MiB or more: there is nothing to pause or stop",
            );
            return;
        }
        let sum = sum(candidates.iter().map(|it| it.own_bytes));
        say(&processes("Programs of yours that could be paused or stopped", candidates));
        self.note(&format!(
            "stopping all of these would free about {}; {}. xtask touches only what you name (`--pause PID`, `--stop PID`)",
            bytes(sum),
            if resources.swap_available_bytes() == 0 {
                "without swap, pausing frees nothing and only keeps them from growing"
            } else {
                "what is paused can be moved to swap when memory is needed"
            }
        ));
    }

    /// The programs that were asked to end.
    pub(crate) fn stopped(&mut self, stopped: &[Stopped]) {
        for it in stopped {
            let Stopped { pid, name, .. } = it;
            if it.gone {
                self.note(&format!("{name} ({pid}) has ended; it held {}", bytes(it.own_bytes)));
            } else {
                self.warning(
                    &format!("{name} ({pid}) was asked to end and still runs"),
                    "end it yourself, or choose another",
                );
            }
        }
        self.document.stopped.extend_from_slice(stopped);
    }

    /// The programs that were paused.
    pub(crate) fn paused(&mut self, paused: &[Paused], resources: &Resources) {
        for it in paused {
            let Paused { pid, name, n_processes, own_bytes } = it;
            let processes = if *n_processes == 1 {
                "1 process".into()
            } else {
                format!("{n_processes} processes")
            };
            self.note(&format!(
                "{name} ({pid}) is paused until the build is done: {processes}, {}",
                bytes(*own_bytes)
            ));
        }
        if !paused.is_empty() && resources.swap_available_bytes() == 0 {
            self.warning(
                "there is no swap, so what is paused keeps its memory and only stops growing",
                "`--stop PID` frees it",
            );
        }
        self.document.paused.extend_from_slice(paused);
    }

    /// What is not ready now will be waited for.
    pub(crate) fn will_wait(&mut self) {
        self.waits = true;
    }

    /// What a build waits for.
    pub(crate) fn waiting(&mut self, obstacles: &[Obstacle], since: Duration) {
        let after = match since.as_secs() {
            0 => String::new(),
            seconds => format!(" ({} so far)", duration(seconds)),
        };
        for it in obstacles {
            self.note(&format!("waiting{after}: {it}"));
        }
        if self.document.waited_for.is_empty() {
            self.document.waited_for = obstacles.to_vec();
        }
    }

    /// Nothing stands in the way any more.
    pub(crate) fn waited(&mut self, time: Duration) {
        self.note(&format!("waited {}; going on", duration(time.as_secs())));
        self.document.waited_seconds = Some(time.as_secs_f64());
    }

    /// How the command of `exec` ended; its exit code.
    pub(crate) fn command_ended(&self, run: &CommandRun) -> Exit {
        let time = format!("{:.1} s", run.seconds);
        let peak = bytes(run.peak_bytes);
        match run.outcome {
            Outcome::OutOfMemory => {
                self.warning(
                    &format!("the command ran out of memory after {time}, peak {peak}"),
                    "try it with CARGO_BUILD_JOBS=1, wait for room (`--wait`), or make some (`--stop PID`)",
                );
                run.evidence.iter().for_each(|it| self.detail(&format!("because: {it}")));
            }
            Outcome::Killed => {
                self.warning(
                    &format!("the command was killed, and not by the kernel: {}", run.evidence.join("; ")),
                    "if earlyoom or systemd-oomd runs here, look into its log; else someone sent the signal",
                );
            }
            _ => self.note(&format!("ended after {time}, peak {peak}")),
        }
        run.exit()
    }

    /// What was built and can be run.
    pub(crate) fn built(&mut self, executables: &[PathBuf]) {
        if self.document.command == "build" {
            // For a program that reads it, the path is the path.
            let is_shown = io::stdout().is_terminal();
            let shown = |it: &str| if is_shown { terminal(it) } else { it.to_owned() };
            let path = |it: &PathBuf| format!("{}\n", shown(&it.to_string_lossy()));
            executables.iter().for_each(|it| self.result(&path(it)));
        }
        self.document.executables = executables.to_vec();
    }

    /// How the run ended and what to do next.
    pub(crate) fn run(&mut self, run: &Run, exit: Exit) {
        let out = run.out_shown().unwrap_or_default();
        let rows = |n: usize| if n == 1 { "1 row".to_owned() } else { format!("{n} rows") };
        let resume = "`cargo xtask validate` with the same arguments goes on from there";
        let time = duration(run.seconds.round() as u64);
        match exit {
            Exit::Success if run.out.is_none() => {}
            Exit::Success if run.n_rows == run.n_rows_before && run.n_rows > 0 => self.note(&format!(
                "{out} was complete already ({}); nothing was computed. `--fresh` starts over",
                rows(run.n_rows)
            )),
            Exit::Success => self.note(&format!(
                "{} in {out} after {time}, peak memory {}",
                rows(run.n_rows),
                bytes(run.peak_bytes)
            )),
            Exit::Interrupted => {
                self.note(&format!("stopped after {time} with {} in {out}; {resume}", rows(run.n_rows)));
            }
            // The run has said what is wrong; only what xtask can do about it is added.
            Exit::Usage if run.out.is_some() => self.note(
                "if it is the output: choose another (`-- --run NAME`, `-- --out FILE.csv`), or start over \
                 with `--fresh`, which keeps the old results",
            ),
            Exit::RunSignal(signal) => {
                let memory = if run.memory_kills.moved() {
                    "; the kernel killed it for lack of memory".to_owned()
                } else {
                    String::new()
                };
                self.warning(
                    &format!(
                        "the run was ended by {}{memory}; {} are in {out}",
                        signal_name(signal.into()),
                        rows(run.n_rows)
                    ),
                    resume,
                );
            }
            _ if run.out.is_some() => self.warning(
                &format!(
                    "the run failed (exit code {}); {} are in {out}",
                    run.exit_code.unwrap_or_default(),
                    rows(run.n_rows)
                ),
                "its own message is above",
            ),
            _ => {}
        }
        self.document.run = Some(run.clone());
    }

    /// The table of what was measured.
    pub(crate) fn bench(&mut self, bench: Bench) {
        let changes = if bench.has_local_changes { " and local changes" } else { "" };
        let mut text = format!(
            "{}, {} CPUs, {}, commit {}{changes}; median of {}\n",
            terminal(&bench.cpu),
            bench.n_cpus,
            terminal(&bench.rustc),
            terminal(&bench.commit),
            bench.repeat
        );
        let words = ["what", "at most", "aim", "wall", "CPU", "peak", ""];
        let mut rows = vec![words.map(str::to_owned).to_vec()];
        for row in &bench.rows {
            rows.push(vec![
                row.name.clone(),
                fine_duration(row.at_most_seconds),
                fine_duration(row.aim_seconds),
                fine_duration(row.wall_seconds),
                row.cpu_seconds.map_or_else(String::new, fine_duration),
                row.peak_bytes.map_or_else(String::new, bytes),
                met(row.wall_seconds <= row.at_most_seconds, row.wall_seconds <= row.aim_seconds),
            ]);
        }
        text += &table(&rows, &[1, 2, 3, 4, 5]);
        if let Some(factor) = bench.second_core {
            text += &format!("  the second core makes generic 7 {factor:.2} times as fast\n");
        }
        if let Some(first) = bench.pyphi.first() {
            let pyphi = format!("PyPhi {}", first.pyphi_version);
            let words = ["against", "", "here", "ratio", "Φ there", "Φ here", ""];
            let mut rows = vec![words.map(str::to_owned).to_vec()];
            rows[0][1].clone_from(&pyphi);
            for row in &bench.pyphi {
                rows.push(vec![
                    row.name.clone(),
                    fine_duration(row.pyphi_seconds),
                    fine_duration(row.seconds),
                    format!("{:.0}", row.ratio),
                    format!("{:.6}", row.pyphi_phi),
                    format!("{:.6}", row.phi),
                    met(row.ratio >= row.at_least, row.ratio >= 10.0 * row.at_least),
                ]);
            }
            text += &table(&rows, &[1, 2, 3, 4, 5]);
        }
        self.result(&text);
        self.document.bench = Some(bench);
    }

    /// Instruction counts beside the committed ones.
    pub(crate) fn counts(&mut self, counts: Vec<Count>) {
        let words = ["case", "instructions", "committed", "growth", ""];
        let mut rows = vec![words.map(str::to_owned).to_vec()];
        for count in &counts {
            let verdict = match count.growth() {
                None => "no committed figure: --bless",
                Some(_) if count.is_too_large() => "too many",
                Some(_) if count.has_improved() => "better: --bless",
                Some(_) => "",
            };
            rows.push(vec![
                count.name.clone(),
                count.instructions.to_string(),
                count.committed.map_or_else(String::new, |it| it.to_string()),
                count
                    .growth()
                    .map_or_else(String::new, |it| format!("{:+.2} %", 100.0 * (it - 1.0))),
                verdict.to_owned(),
            ]);
        }
        self.result(&table(&rows, &[1, 2, 3]));
        self.document.counts = counts;
    }

    /// The last words: the error, if any, and the JSON document.
    pub(crate) fn finish(mut self, outcome: anyhow::Result<Exit>) -> Exit {
        let exit = outcome.unwrap_or_else(|err| {
            let message = format!("{err:#}");
            error(&message);
            self.document.error = Some(message);
            Exit::of(&err)
        });
        self.document.exit_code = exit.code();
        self.document.exit = exit.name();
        if self.format == Format::Json {
            // A path that is not Unicode has no JSON; the end is told even then.
            let json = serde_json::to_string_pretty(&self.document).unwrap_or_else(|err| {
                let Document { version, command, exit_code, exit, .. } = self.document;
                let error = err.to_string();
                serde_json::json!({
                    "version": version,
                    "command": command,
                    "error": error,
                    "exit_code": exit_code,
                    "exit": exit,
                })
                .to_string()
            });
            self.keep_error(write_to(io::stdout().lock(), &format!("{json}\n")));
        }
        match (self.unwritten.take(), exit) {
            // The result has not arrived, so nothing is done.
            (Some(source), Exit::Success) => unwritten(&source),
            (Some(source), exit) => {
                unwritten(&source);
                exit
            }
            (None, exit) => exit,
        }
    }

    /// Text for stdout, unless stdout is for the document.
    fn result(&self, text: &str) {
        match self.format {
            Format::Text => self.keep_error(write_to(anstream::stdout().lock(), text)),
            Format::Json => {}
        }
    }

    fn keep_error(&self, written: io::Result<()>) {
        if let Err(error) = written {
            self.unwritten.borrow_mut().get_or_insert(error);
        }
    }
}

/// Help and version, which are results, or what is wrong with the arguments.
pub(crate) fn usage(error: &clap::Error) -> Exit {
    // They are quoted there as they are, so with one that could forge lines all of it becomes one line.
    let has_hidden = env::args_os().any(|it| it.to_string_lossy().contains(is_hidden));
    if error.use_stderr() && has_hidden {
        say(&format!("{}\n", terminal(error.render().to_string().trim_end())));
        return Exit::Usage;
    }
    let printed = error.print().and_then(|()| io::stdout().flush());
    match (error.use_stderr(), printed) {
        (true, _) => Exit::Usage,
        (false, Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => unwritten(&error),
        (false, _) => Exit::Success,
    }
}

/// stdout did not take what was to be written to it.
fn unwritten(source: &io::Error) -> Exit {
    error(&format!("could not write to stdout: {source}"));
    Exit::Internal
}

fn error(message: &str) {
    say(&format!("{RED}error{RED:#}: {}\n", terminal(message)));
}

/// Text for stderr.
fn say(text: &str) {
    live::clear();
    // There is no other place to say it.
    write_to(anstream::stderr().lock(), text).ok();
}

/// A reader that has gone away (`| head`) is no error.
fn write_to(mut to: impl io::Write, text: &str) -> io::Result<()> {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

fn checks(checks: &[Check]) -> String {
    let mut text = String::new();
    for check in checks {
        let (style, word) = match check.status {
            Status::Pass => (GREEN, "pass"),
            Status::Warn => (YELLOW, "warn"),
            Status::Fail => (RED, "FAIL"),
        };
        let message = terminal(&check.message);
        text += &format!("{:<20} {style}{word}{style:#}  {message}\n", check.name);
        if let Some(hint) = &check.hint {
            text += &format!("{:<20}       hint: {}\n", "", terminal(hint));
        }
    }
    text
}

fn processes(title: &str, trees: &[ProcessTree]) -> String {
    if trees.is_empty() {
        return format!("no program holds {} or more\n", bytes(LARGE_PROCESS_BYTES));
    }
    let header = ["PID", "processes", "memory", "in swap", "looks like", "command"];
    let rows = trees.iter().map(|it| {
        let command =
            if it.command.is_empty() { format!("[{}]", it.name) } else { it.command.clone() };
        vec![
            it.root.pid.to_string(),
            it.n_processes.to_string(),
            bytes(it.own_bytes),
            bytes(it.swapped_bytes),
            it.kind.name().into(),
            command,
        ]
    });
    let rows: Vec<Vec<String>> =
        [header.map(String::from).to_vec()].into_iter().chain(rows).collect();
    format!("{BOLD}{title}{BOLD:#}\n{}", table(&rows, &[0, 1, 2, 3]))
}

fn verdict(preflight: &Preflight, plan: &Plan) -> String {
    let reason = terminal(&plan.reason);
    if preflight.ready {
        return format!("{GREEN}ready{GREEN:#}: {reason}\n");
    }
    let failed = preflight.checks.iter().filter(|it| it.status == Status::Fail);
    let failed: Vec<&str> = failed.map(|it| it.name).collect();
    format!("{RED}not ready{RED:#}: {} ({reason})\n", failed.join(", "))
}

fn ladder(plan: &Plan, resources: &Resources) -> String {
    let columns = [
        "option", "jobs", "peak", "need", "fits", "build", "run", "figures", "", "memory", "build",
        "run",
    ];
    let rows = plan.rungs.iter().enumerate().map(|(index, it)| {
        let known = it.expected.source != Source::Prior;
        let mark = match plan.order.iter().position(|rung| *rung == index) {
            Some(at) => format!(" {}.", at + 1),
            None => String::new(),
        };
        vec![
            format!("{}{mark}", it.strategy.name()),
            it.jobs.to_string(),
            if known { bytes(it.expected.peak_bytes) } else { "?".into() },
            if known { bytes(it.need_bytes) } else { "?".into() },
            match it.fit {
                _ if !it.on_ladder => "by name".into(),
                Fit::Fits => "yes".into(),
                Fit::Guarded => "under guard".into(),
                Fit::WithSwap => "with swap".into(),
                Fit::No => "no".into(),
            },
            it.expected.build_seconds.map_or("?".into(), |it| duration(it.round() as u64)),
            match (it.run_seconds, it.strategy) {
                (Some(seconds), _) => duration(seconds),
                // The user's estimate for code that is not optimised.
                (None, Strategy::B) => "10 x".into(),
                (None, _) => "1 x".into(),
            },
            match it.expected.source {
                Source::Measured => "measured",
                Source::Compilers => "compilers",
                Source::Shipped => "shipped",
                Source::Derived => "derived",
                Source::Prior => "estimate",
            }
            .into(),
            "|".into(),
            it.prior.memory.into(),
            it.prior.build.into(),
            it.prior.run.into(),
        ]
    });
    let rows: Vec<Vec<String>> =
        [columns.map(String::from).to_vec()].into_iter().chain(rows).collect();
    let mut text = format!(
        "\n{BOLD}Ways to build{BOLD:#} (left: for this workspace on {} CPUs; right: the user's estimates for a larger \
         tree)\n{}",
        resources.n_cpus,
        table(&rows, &[1, 2, 3, 5, 6])
    );
    text += "d: pause or stop processes that you choose, then a. \"need\" is the peak with a reserve\n\n";
    for rung in &plan.rungs {
        let name = rung.strategy.name();
        let finding = terminal(&rung.finding);
        text += &format!("{name:<12} {}; {finding}\n", rung.strategy.description());
        for command in rung.commands() {
            text += &format!("{:<12} {CYAN}${CYAN:#} {}\n", "", terminal(&command));
        }
    }
    let order: Vec<&str> = plan.ladder().map(|it| it.strategy.name()).collect();
    let order = if order.is_empty() { "nothing".into() } else { order.join(", then ") };
    text + &format!("\nwould try {BOLD}{order}{BOLD:#}: {}\n", terminal(&plan.reason))
}

/// Columns as wide as their widest cell; those listed are aligned to the right, and the last is not padded.
fn table(rows: &[Vec<String>], right: &[usize]) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| terminal(cell)).collect()).collect();
    let n_columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|it| it.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..n_columns).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            line += &match right.contains(&column) {
                true => format!("{cell:>width$}  "),
                false => format!("{cell:<width$}  "),
            };
        }
        text += &format!("  {}\n", line.trim_end());
    }
    text
}

/// Whether a figure is within its limit, and within what was aimed at.
fn met(limit: bool, aim: bool) -> String {
    match (limit, aim) {
        (false, _) => "missed",
        (true, false) => "within the limit",
        (true, true) => "within the aim",
    }
    .to_owned()
}

/// A measured time, three digits of it.
fn fine_duration(seconds: f64) -> String {
    let (value, unit) = match seconds {
        ..1e-3 => (seconds * 1e6, "µs"),
        ..1.0 => (seconds * 1e3, "ms"),
        _ => (seconds, "s"),
    };
    let decimals = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.decimals$} {unit}")
}

/// A time for people.
pub(crate) fn duration(seconds: u64) -> String {
    match seconds {
        0..300 => format!("{seconds} s"),
        300..5400 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{}.{} h", seconds / 3600, seconds % 3600 / 360),
    }
}

fn first_few(names: &[String]) -> String {
    let shown = names.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len() {
        n @ 6.. => format!("{shown} and {} more", n - 5),
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        let cases = [
            (0, "0 s"),
            (299, "299 s"),
            (300, "5 min"),
            (5399, "90 min"),
            (5400, "1.5 h"),
            (9000, "2.5 h"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(duration(seconds), expected);
        }
    }

    #[test]
    fn tables_are_aligned() {
        let rows = [["a", "12", "x"], ["bcd", "3", "y z"]].map(|it| it.map(String::from).to_vec());
        assert_eq!(table(&rows, &[1]), "  a    12  x\n  bcd   3  y z\n");
    }
}
