//! `cargo xtask bench`: what exact Φ takes on this machine, measured.
//!
//! Times are medians of several runs of release binaries; ratios are between runs of the same
//! invocation. The instruction counts need valgrind, do not depend on the clock, and are compared
//! with committed figures.

mod show;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use headroom::{
    Console, Exit, Selection,
    files::write_whole,
    machine::{cpu_seconds_of, peak_bytes_of, system::cpu_name},
};
use serde::Serialize;
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::{
    exit_help,
    flags::Format,
    project::{self, STUDY},
};

/// Measure what exact Φ takes: wall time, CPU time and memory of the study and of named networks.
///
/// Builds in release and runs everything several times, one after the other; the largest networks
/// take minutes. Close other programs first. With `--instructions`, counts instructions of small
/// cases by valgrind instead, and fails if they have grown by more than 5 % over the committed
/// figures.
#[derive(Debug, Args)]
#[command(after_help = exit_help::table())]
pub(crate) struct Bench {
    /// Run PyPhi 1.2.0 in this Python on the same networks, for the ratios.
    #[arg(long, value_name = "PYTHON")]
    against_pyphi: Option<PathBuf>,

    /// Runs of each, of which the median counts.
    #[arg(long, value_name = "N", default_value_t = 3)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    repeat: u16,

    /// Only rows whose name contains this, as `generic` or `complete 9`.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,

    /// Count instructions instead.
    #[arg(long)]
    instructions: bool,

    /// Commit to the counts found: write them to `pyphi-core/benches/instructions.json`.
    #[arg(long, requires = "instructions")]
    bless: bool,

    /// Format of the result on stdout.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// The path of the committed instruction counts, from the root of the workspace.
const INSTRUCTIONS: &str = "pyphi-core/benches/instructions.json";
/// A count may grow by this factor before it is an error, and shrink by it before it should be
/// renewed.
const TOLERANCE: f64 = 1.05;
/// The cases whose instructions are counted: small ones, valgrind is slow. `twins` has two
/// interchangeable units, too few for the symmetry to pay: using it all the same once cost 30 times
/// as much.
const COUNTED: [&str; 12] = [
    "or-and-xor",
    "generic 3 1",
    "generic 4 1",
    "survey 3 10",
    "survey 4 1",
    "ring 7",
    "twins 5 1",
    "complete 5",
    "dense4 4 1",
    "dense4 6 1 --iit4 phi-s",
    "dense4 9 1 --iit4 phi-s",
    "fig6d",
];

/// One network of the table: its name for `named`, the time it may take at most, the time aimed at,
/// seconds.
const NETWORKS: [(&str, f64, f64); 33] = [
    ("or-and-xor --repeat 1000", 25e-6, 8e-6),
    ("generic 3 1 --repeat 1000", 25e-6, 10e-6),
    ("generic 4 1 --repeat 200", 0.3e-3, 0.1e-3),
    // 8,000 and 16,000 Φ of small networks in a row, on all cores.
    ("survey 3 1000", 0.1, 40e-3),
    ("survey 4 1000", 2.4, 0.8),
    ("generic 5 1", 0.1, 0.01),
    ("generic 6 1", 1.0, 0.1),
    ("generic 7 1", 20.0, 3.0),
    ("generic 8 1", 360.0, 60.0),
    ("ring 10", 1.0, 0.1),
    ("complete 8", 3.0, 0.3),
    ("complete 9", 30.0, 3.0),
    ("complete 10", 600.0, 60.0),
    // IIT 4.0: φ_s, whole Φ-structures, all complexes of one state.
    ("dense4 5 1 --iit4 phi-s --repeat 1000", 1e-3, 0.1e-3),
    ("dense4 6 1 --iit4 phi-s --repeat 100", 10e-3, 1e-3),
    ("dense4 7 1 --iit4 phi-s --repeat 10", 0.1, 10e-3),
    ("dense4 8 1 --iit4 phi-s --repeat 10", 3e-3, 1e-3),
    ("dense4 10 1 --iit4 phi-s --repeat 10", 30e-3, 10e-3),
    ("dense4 12 1 --iit4 phi-s", 1.0, 0.2),
    ("dense4 14 1 --iit4 phi-s", 20.0, 3.0),
    ("dense4 16 1 --iit4 phi-s", 600.0, 60.0),
    ("dense4 4 1 --repeat 100", 5e-3, 0.5e-3),
    ("dense4 5 1 --repeat 10", 0.1, 5e-3),
    ("dense4 6 1", 5.0, 0.2),
    ("dense4 7 1", 600.0, 20.0),
    ("dense4 8 1", 0.2, 0.05),
    ("dense4 9 1", 1.0, 0.3),
    ("dense4 10 1", 6.0, 2.0),
    ("dense4 6 1 --iit4 complexes --repeat 10", 0.2, 10e-3),
    ("dense4 8 1 --iit4 complexes --repeat 10", 50e-3, 10e-3),
    ("dense4 10 1 --iit4 complexes", 1.0, 0.1),
    ("dense4 12 1 --iit4 complexes", 60.0, 5.0),
    ("fig6d", 5.0, 0.2),
];
/// Networks on which PyPhi is run too, and the ratio to be reached at least.
const AGAINST_PYPHI: [&str; 3] = ["complete 5", "generic 4 1", "generic 5 1"];
const LEAST_RATIO: f64 = 3000.0;

/// Reads a network from stdin and says how long PyPhi takes for its Φ, and what it is.
const PYPHI: &str = r#"
import json, os, sys, time
os.environ["PYPHI_WELCOME_OFF"] = "yes"
import numpy, pyphi
for option in ("PARALLEL_CONCEPT_EVALUATION", "PARALLEL_CUT_EVALUATION", "PARALLEL_COMPLEX_EVALUATION", "PROGRESS_BARS"):
    setattr(pyphi.config, option, False)
record = json.load(sys.stdin)
network = pyphi.Network(numpy.array(record["tpm"]), cm=numpy.array(record["cm"]))
subsystem = pyphi.Subsystem(network, tuple(record["state"]), tuple(range(len(record["state"]))))
start = time.perf_counter()
phi = pyphi.compute.phi(subsystem)
print(json.dumps({"seconds": time.perf_counter() - start, "phi": float(phi), "version": pyphi.__version__}))
"#;

impl Bench {
    pub(crate) fn run(&self) -> Exit {
        let mut console = Console::new("bench", self.format.into(), false);
        let outcome = self.bench(&mut console);
        console.finish(outcome)
    }

    fn bench(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let study = Selection { example: vec![STUDY.to_owned()], ..Selection::default() };
        let workspace = project::workspace(&study)?;
        let (root, target) = (&workspace.root, &workspace.target_dir);
        if self.instructions {
            let Some(counts) = count(root, target, self.bless)? else {
                console
                    .note("skipped: instructions are counted by valgrind, which is not installed");
                return Ok(Exit::Success);
            };
            let is_fine = self.bless || !counts.iter().any(Count::is_too_large);
            show::counts(&counts, console);
            return Ok(if is_fine { Exit::Success } else { Exit::Internal });
        }
        let repeat = usize::from(self.repeat);
        let say = |what: &str| console.note(what);
        let python = self.against_pyphi.as_deref();
        let measured = measure(root, target, repeat, self.only.as_deref(), python, say)?;
        measured.show(console);
        Ok(Exit::Success)
    }
}

/// The measurements, with the machine and the commit that they were taken on.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Measurements {
    pub(crate) commit: String,
    pub(crate) has_local_changes: bool,
    pub(crate) rustc: String,
    pub(crate) cpu: String,
    pub(crate) n_cpus: usize,
    pub(crate) repeat: usize,
    pub(crate) rows: Vec<Row>,
    /// Wall time on one thread over wall time on two, generic network of 7 units.
    pub(crate) second_core: Option<f64>,
    pub(crate) pyphi: Vec<PyphiRow>,
}

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) at_most_seconds: f64,
    pub(crate) aim_seconds: f64,
    /// Median.
    pub(crate) wall_seconds: f64,
    /// The CPU time of the same run.
    pub(crate) cpu_seconds: Option<f64>,
    pub(crate) peak_bytes: Option<u64>,
    /// The counters of the engine, where it prints them.
    pub(crate) stats: Value,
}

/// A network solved by PyPhi and by this engine on one thread.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PyphiRow {
    pub(crate) name: String,
    pub(crate) pyphi_seconds: f64,
    pub(crate) seconds: f64,
    pub(crate) ratio: f64,
    pub(crate) at_least: f64,
    pub(crate) pyphi_phi: f64,
    pub(crate) phi: f64,
    pub(crate) pyphi_version: String,
}

/// Builds what is measured and measures it. `say` is told what is going on.
pub(crate) fn measure(
    root: &Path,
    target: &Path,
    repeat: usize,
    only: Option<&str>,
    pyphi: Option<&Path>,
    say: impl Fn(&str),
) -> anyhow::Result<Measurements> {
    let sh = Shell::new()?;
    sh.change_dir(root);
    say("building in release");
    cmd!(sh, "cargo build --quiet --release -p pyphi-core --example named").run()?;
    cmd!(sh, "cargo build --quiet --release --example pyphi_validation --features pyphi").run()?;
    let named = target.join("release/examples/named");
    let mut bench = Measurements {
        commit: cmd!(sh, "git rev-parse --short HEAD").ignore_stderr().read().unwrap_or_default(),
        has_local_changes: !cmd!(sh, "git status --porcelain")
            .ignore_stderr()
            .read()
            .unwrap_or_default()
            .is_empty(),
        rustc: cmd!(sh, "rustc --version").read()?,
        cpu: cpu_name(),
        n_cpus: thread::available_parallelism().map_or(1, usize::from),
        repeat,
        ..Measurements::default()
    };
    let is_wanted = |name: &str| only.is_none_or(|only| name.contains(only));
    for (profile, flag, at_most, aim) in
        [("release", Some("--release"), 20.0, 5.0), ("debug", None, 600.0, 180.0)]
    {
        let name = format!("160 comparisons, {profile}");
        if !is_wanted(&name) {
            continue;
        }
        if profile == "debug" {
            say("building in debug");
            cmd!(sh, "cargo build --quiet {flag...} --example pyphi_validation --features pyphi")
                .run()?;
        }
        say(&name);
        let program = target.join(profile).join("examples/pyphi_validation");
        let runs =
            (0..repeat).map(|_| study(&program, target)).collect::<anyhow::Result<Vec<_>>>()?;
        bench.rows.push(Row { name, at_most_seconds: at_most, aim_seconds: aim, ..median(runs) });
    }
    for (name, at_most, aim) in NETWORKS {
        if is_wanted(name) {
            say(name);
            let runs = (0..repeat)
                .map(|_| solve(&named, name, None))
                .collect::<anyhow::Result<Vec<_>>>()?;
            bench.rows.push(Row { at_most_seconds: at_most, aim_seconds: aim, ..median(runs) });
        }
    }
    if bench.n_cpus > 1 && is_wanted("second core") {
        say("second core");
        let time = |threads| -> anyhow::Result<f64> {
            let runs = (0..repeat).map(|_| solve(&named, "generic 7 1", Some(threads)));
            Ok(median(runs.collect::<anyhow::Result<Vec<_>>>()?).wall_seconds)
        };
        bench.second_core = Some(time(1)? / time(2)?);
    }
    if let Some(python) = pyphi {
        for name in AGAINST_PYPHI {
            say(&format!("{name} with PyPhi"));
            bench.pyphi.push(against_pyphi(&named, python, name, repeat)?);
        }
    }
    Ok(bench)
}

/// The run in the middle by wall time.
fn median(mut runs: Vec<Row>) -> Row {
    runs.sort_by(|a, b| a.wall_seconds.total_cmp(&b.wall_seconds));
    runs.swap_remove(runs.len() / 2)
}

/// One run of `named`.
fn solve(named: &Path, name: &str, threads: Option<usize>) -> anyhow::Result<Row> {
    let answer = named_json(named, name, threads)?;
    let number = |field: &str| answer[field].as_f64();
    let (name, is_repeated) = match name.split_once(" --repeat") {
        Some((name, _)) => (name.to_owned(), true),
        None => (name.to_owned(), false),
    };
    Ok(Row {
        wall_seconds: number("seconds").with_context(|| format!("{name}: no time in {answer}"))?,
        // Of a repeated analysis only the fastest is timed: its CPU time is not known.
        cpu_seconds: number("cpu_seconds").filter(|_| !is_repeated),
        peak_bytes: answer["peak_bytes"].as_u64(),
        stats: answer["stats"].clone(),
        name,
        at_most_seconds: 0.0,
        aim_seconds: 0.0,
    })
}

fn named_json(named: &Path, name: &str, threads: Option<usize>) -> anyhow::Result<Value> {
    let mut command = Command::new(named);
    command.args(name.split(' '));
    if let Some(threads) = threads {
        command.env("RAYON_NUM_THREADS", threads.to_string());
    }
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("{}", named.display()))?;
    ensure!(output.status.success(), "{} {name}: {}", named.display(), output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// One run of the whole study, from start to the end of its summary.
fn study(program: &Path, target: &Path) -> anyhow::Result<Row> {
    let folder = target.join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("{}", folder.display()))?;
    let start = Instant::now();
    let mut child = Command::new(program)
        .arg("--out")
        .arg(folder.join("results.csv"))
        .args(["--force", "--quiet"])
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("{}", program.display()))?;
    // The last look before the end has nearly all of the time, and the largest size.
    let (mut cpu, mut peak) = (None, None);
    let status = loop {
        cpu = cpu_seconds_of(child.id()).or(cpu);
        peak = peak_bytes_of(child.id()).or(peak);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        thread::sleep(Duration::from_millis(5));
    };
    ensure!(status.success(), "{}: {status}", program.display());
    Ok(Row {
        name: String::new(),
        at_most_seconds: 0.0,
        aim_seconds: 0.0,
        wall_seconds: start.elapsed().as_secs_f64(),
        cpu_seconds: cpu,
        peak_bytes: peak,
        stats: Value::Null,
    })
}

/// The same network by both programs on one thread, one after the other.
fn against_pyphi(
    named: &Path,
    python: &Path,
    name: &str,
    repeat: usize,
) -> anyhow::Result<PyphiRow> {
    let network = named_json(named, &format!("{name} --network"), None)?;
    let mut child = Command::new(python)
        .args(["-c", PYPHI])
        // PyPhi writes a log file where it is started.
        .current_dir(env::temp_dir())
        .env("OMP_NUM_THREADS", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{}", python.display()))?;
    serde_json::to_writer(child.stdin.take().context("no stdin")?, &network)?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{} with PyPhi 1.2.0 on {name}: {}", python.display(), output.status);
    }
    // Its last line: PyPhi may greet.
    let text = String::from_utf8_lossy(&output.stdout);
    let theirs: Value =
        serde_json::from_str(text.trim_end().lines().next_back().unwrap_or_default())
            .with_context(|| format!("the answer of PyPhi: {text}"))?;
    let runs = (0..repeat).map(|_| named_json(named, &format!("{name} --repeat 20"), Some(1)));
    let runs = runs.collect::<anyhow::Result<Vec<_>>>()?;
    let mut seconds: Vec<f64> = runs.iter().filter_map(|run| run["seconds"].as_f64()).collect();
    seconds.sort_by(f64::total_cmp);
    let seconds = seconds[seconds.len() / 2];
    let pyphi_seconds = theirs["seconds"].as_f64().context("PyPhi gave no time")?;
    Ok(PyphiRow {
        name: name.to_owned(),
        pyphi_seconds,
        seconds,
        ratio: pyphi_seconds / seconds,
        at_least: LEAST_RATIO,
        pyphi_phi: theirs["phi"].as_f64().unwrap_or(f64::NAN),
        phi: runs[0]["phi"].as_f64().unwrap_or(f64::NAN),
        pyphi_version: theirs["version"].as_str().unwrap_or_default().to_owned(),
    })
}

/// Counted and committed instructions of one case.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Count {
    pub(crate) name: String,
    pub(crate) instructions: u64,
    pub(crate) committed: Option<u64>,
}

impl Count {
    /// Instructions over those committed.
    pub(crate) fn growth(&self) -> Option<f64> {
        self.committed.map(|committed| self.instructions as f64 / committed as f64)
    }

    /// `true` if it takes more than it may.
    pub(crate) fn is_too_large(&self) -> bool {
        self.growth().is_none_or(|growth| growth > TOLERANCE)
    }

    /// `true` if the committed figure is out of date, for the better.
    pub(crate) fn has_improved(&self) -> bool {
        self.growth().is_some_and(|growth| growth < 1.0 / TOLERANCE)
    }
}

/// Counts the instructions of a few small cases; `None` where valgrind is missing. `bless` writes
/// the counts to the committed file.
pub(crate) fn count(root: &Path, target: &Path, bless: bool) -> anyhow::Result<Option<Vec<Count>>> {
    let sh = Shell::new()?;
    sh.change_dir(root);
    if cmd!(sh, "valgrind --version").quiet().ignore_stderr().read().is_err() {
        return Ok(None);
    }
    cmd!(sh, "cargo build --quiet --release -p pyphi-core --example named").run()?;
    let named = target.join("release/examples/named");
    let path = root.join(INSTRUCTIONS);
    let committed: BTreeMap<String, u64> = match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).with_context(|| format!("{}", path.display()))?,
        Err(_) => BTreeMap::new(),
    };
    let mut counts = Vec::new();
    for name in COUNTED {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(&named)
            .args(name.split(' '))
            // Threads take turns as they like.
            .env("RAYON_NUM_THREADS", "1")
            .output()?;
        let text = String::from_utf8_lossy(&output.stderr);
        let instructions =
            collected(&text).with_context(|| format!("callgrind on {name} said: {text}"))?;
        counts.push(Count {
            name: name.to_owned(),
            instructions,
            committed: committed.get(name).copied(),
        });
    }
    if bless {
        let new: BTreeMap<&str, u64> =
            counts.iter().map(|it| (it.name.as_str(), it.instructions)).collect();
        let text = serde_json::to_string_pretty(&new)? + "\n";
        write_whole(&path, text.as_bytes(), false)?;
    }
    Ok(Some(counts))
}

/// The total in callgrind's last words.
fn collected(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.split_once("Collected :"))?.1;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callgrinds_total_is_found() {
        assert_eq!(
            collected("==1== Events    : Ir\n==1== Collected : 1747906\n==1== \n"),
            Some(1_747_906)
        );
        assert_eq!(collected("valgrind: no such file"), None);
    }

    #[test]
    fn a_count_may_grow_a_little() {
        let count =
            |instructions, committed| Count { name: String::new(), instructions, committed };
        assert!(!count(104, Some(100)).is_too_large());
        assert!(count(106, Some(100)).is_too_large());
        assert!(count(1, None).is_too_large(), "a case without a committed figure has to get one");
        assert!(count(90, Some(100)).has_improved() && !count(99, Some(100)).has_improved());
    }

    #[test]
    fn the_median_is_the_middle_run() {
        let run = |wall_seconds| Row {
            name: String::new(),
            at_most_seconds: 0.0,
            aim_seconds: 0.0,
            wall_seconds,
            cpu_seconds: None,
            peak_bytes: None,
            stats: Value::Null,
        };
        assert_eq!(median(vec![run(3.0), run(1.0), run(2.0)]).wall_seconds, 2.0);
    }
}
