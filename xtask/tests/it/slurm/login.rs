//! A user's place on the login node: xtask and the study's program, built as the tests are, and a
//! folder for runs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
    time::Duration,
};

use serde_json::Value;

use super::cluster::{Accounting, Cluster};
use crate::common::{Ended, Running};

/// Time for a cold build of the study on a busy machine, and a run. Nothing waits this long when
/// all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1200);

/// A study that is planned as several tasks, since networks of 8 units are known to take long; with
/// this rule they do not.
pub(crate) const TASKS: &str = "--sizes 8 --rule and --tie-orders 0";

/// The folder of runs and the cluster that computes them.
pub(crate) struct Login {
    pub(crate) cluster: Cluster,
}

impl Login {
    /// `None` where there is no Slurm.
    pub(crate) fn start() -> Option<Login> {
        Login::with("")
    }

    /// `extra`: as of [`Cluster::with`].
    pub(crate) fn with(extra: &str) -> Option<Login> {
        let cluster = Cluster::with(extra)?;
        fs::create_dir(cluster.path("runs")).unwrap();
        Some(Login { cluster })
    }

    pub(crate) fn runs(&self) -> PathBuf {
        self.cluster.path("runs")
    }

    /// The text of a file in the folder of a run.
    pub(crate) fn read(&self, file: &str) -> String {
        let path = self.runs().join(file);
        fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
    }

    /// `cargo xtask ARGS`; arguments are separated by spaces.
    pub(crate) fn xtask(&self, args: &str) -> Command {
        let mut command = self.cluster.command(env!("CARGO_BIN_EXE_xtask"));
        command.args(args.split_whitespace()).current_dir(workspace());
        for name in ["CARGO_BUILD_JOBS", "CARGO_TERM_COLOR", "NO_COLOR", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        command.env("CARGO_TARGET_DIR", target_dir());
        command
    }

    /// `cargo xtask validate --on slurm FLAGS -- --run NAME RUN_ARGS`, as a command.
    pub(crate) fn validate(&self, flags: &str, name: &str, run_args: &str) -> Command {
        let runs = self.runs();
        let mut command = self.xtask(&format!("validate --on slurm --profile dev {flags} --"));
        command.args(run_args.split_whitespace()).args(["--run", name, "--runs"]).arg(runs);
        command
    }

    pub(crate) fn attach(&self, name: &str) -> Command {
        let mut command = self.xtask("runs attach");
        command.arg(self.runs().join(name));
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, mut command: Command) -> Ended {
        Running::new(command.spawn().unwrap(), PATIENCE).wait()
    }

    /// The study in one process, as `runs/NAME`; gives its CPU time, where that can be told.
    pub(crate) fn one_process(&self, name: &str, run_args: &str) -> Option<f64> {
        let accounting = Accounting::new();
        let mut command = accounting.around(program());
        command.args(run_args.split_whitespace()).args(["--quiet", "--run", name, "--runs"]);
        command.arg(self.runs()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        self.run(command).code(0);
        accounting.cpu_seconds()
    }

    /// The rows of a run without their last column, the time, sorted.
    pub(crate) fn rows(&self, name: &str) -> Vec<String> {
        let text = self.read(&format!("{name}/results.csv"));
        let mut rows: Vec<String> =
            text.lines().map(|it| it.rsplit_once(',').unwrap().0.to_owned()).collect();
        rows.sort();
        rows
    }

    /// Both runs are finished, and the same but for times.
    #[track_caller]
    pub(crate) fn is_the_same(&self, name: &str, expected: &str) {
        assert_eq!(self.rows(name), self.rows(expected));
        assert!(self.runs().join(name).join("report.html").exists());
        let summary = |name: &str| -> Value {
            serde_json::from_str(&self.read(&format!("{name}/summary.json"))).unwrap()
        };
        let mut found = Vec::new();
        differences(&summary(name), &summary(expected), "summary.json", &mut found);
        // How long and what effort it took; the effort depends on the number of threads.
        found.retain(|it| !it.contains("duration") && !it.contains("/counters/"));
        assert_eq!(found, [""; 0], "{name} and {expected}");
    }
}

/// The places where two documents differ.
fn differences(one: &Value, other: &Value, place: &str, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) if one.len() == other.len() => {
            for (key, value) in one {
                let place = format!("{place}/{key}");
                differences(value, other.get(key).unwrap_or(&Value::Null), &place, found);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (at, (one, other)) in one.iter().zip(other).enumerate() {
                differences(one, other, &format!("{place}/{at}"), found);
            }
        }
        _ if one == other => {}
        _ => found.push(format!("{place}: {one} and {other}")),
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Returns the target folder of the cargo that built this test, where the study is built already if
/// all tests are run.
fn target_dir() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned()
}

/// The study's program, built as xtask builds it here.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--locked", "--example", "pyphi_validation", "--features", "pyphi"]);
        cargo.current_dir(workspace()).env("CARGO_TARGET_DIR", target_dir());
        let status = cargo.status().unwrap();
        assert!(status.success(), "{status}");
        target_dir().join("debug/examples/pyphi_validation")
    });
    &PROGRAM
}
