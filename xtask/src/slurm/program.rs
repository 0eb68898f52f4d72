//! The study's program as a planner: what it is asked and the document it answers with.
//!
//! It knows the work and nothing of Slurm; this is the only place where its words are read.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, anyhow, bail};
use headroom::{
    Coded, Console, Exit,
    build::supervise::{Care, Patience, Piece, supervise},
    child::keeper::Streams,
    numbers::MOST_BYTES,
};
use serde::Deserialize;

use super::slurm_record::as_counted;
use crate::run;

const SCHEMA: &str = "phi-validation/cluster-round";
const VERSION: u32 = 1;
/// A document names few items, however many there are; one that is cut here is no document.
const MOST_DOCUMENT_BYTES: usize = 16 << 20;
/// Of all CPUs together, 30,000 years.
const MOST_SECONDS: f64 = 1e12;

/// What `cluster plan`, `next` and `status` print.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Plan {
    schema: String,
    version: u32,
    /// The job folder.
    pub(super) folder: PathBuf,
    /// `study` or `phi`.
    #[serde(default)]
    pub(super) job: String,
    pub(super) state: State,
    #[serde(default)]
    pub(super) round: u32,
    #[serde(default)]
    pub(super) stage: String,
    #[serde(default)]
    pub(super) n_items: u64,
    #[serde(default)]
    pub(super) items_done: u64,
    #[serde(default)]
    pub(super) n_tasks: u64,
    #[serde(default)]
    pub(super) tasks_done: u64,
    #[serde(default = "one")]
    pub(super) cpus: u64,
    #[serde(default)]
    pub(super) memory_bytes: u64,
    #[serde(default)]
    pub(super) task_seconds: f64,
    #[serde(default)]
    pub(super) cpu_seconds: f64,
    #[serde(default)]
    pub(super) cpu_seconds_done: f64,
    #[serde(default)]
    pub(super) efficiency: Option<f64>,
    /// Instructions beyond those of every x86-64 that the program may use.
    #[serde(default)]
    pub(super) cpu_features: Vec<String>,
    #[serde(default)]
    pub(super) given_up: Vec<GivenUp>,
    #[serde(default)]
    pub(super) n_given_up: Option<u64>,
}

fn one() -> u64 {
    1
}

/// How far the work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    /// There is a round to submit, or being run.
    Planned,
    /// Everything is there.
    Finished,
    /// Some items are missing after all attempts.
    GivenUp,
}

/// An item that no attempt could finish.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct GivenUp {
    pub(super) item: String,
    pub(super) attempts: u64,
}

impl Plan {
    pub(super) fn parse(text: &[u8]) -> anyhow::Result<Plan> {
        let plan: Plan = serde_json::from_slice(text).context("not the document of a round")?;
        if plan.schema != SCHEMA || plan.version != VERSION {
            let Plan { schema, version, .. } = plan;
            bail!("`{schema}` of version {version}; expected `{SCHEMA}` of version {VERSION}");
        }
        let Plan { n_tasks, memory_bytes, task_seconds, cpu_seconds, cpu_seconds_done, .. } = plan;
        as_counted(n_tasks).map_err(|it| anyhow!(it))?;
        if memory_bytes > MOST_BYTES {
            bail!("memory_bytes {memory_bytes}: expected at most {MOST_BYTES}");
        }
        for seconds in [task_seconds, cpu_seconds, cpu_seconds_done] {
            if !(0.0..=MOST_SECONDS).contains(&seconds) {
                bail!("{seconds:?} seconds: expected a number from 0 to {MOST_SECONDS:?}");
            }
        }
        Ok(plan)
    }

    /// What the items of this stage are.
    pub(super) fn items(&self) -> &str {
        match self.stage.as_str() {
            "comparisons" => "exact problems",
            "concepts" => "mechanisms",
            "" => "items",
            other => other,
        }
    }

    pub(super) fn n_given_up(&self) -> u64 {
        self.n_given_up.unwrap_or(self.given_up.len() as u64)
    }
}

/// How the work is to be divided.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Division {
    /// Tasks that can run at once.
    pub(super) slots: Option<u64>,
    pub(super) max_tasks: Option<u64>,
    /// The longest time a task should be expected to take.
    pub(super) task_seconds: Option<u64>,
    pub(super) cpus: Option<u64>,
}

impl Division {
    pub(super) fn args(&self, with_cpus: bool) -> Vec<OsString> {
        let cpus = self.cpus.filter(|_| with_cpus);
        [
            ("--slots", self.slots),
            ("--max-tasks", self.max_tasks),
            ("--task-seconds", self.task_seconds),
            ("--cpus", cpus),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some([name.into(), value?.to_string().into()]))
        .flatten()
        .collect()
    }
}

/// Ask the program for the document of `plan`, `next` or `status`; its stderr goes to the user's.
///
/// # Errors
/// It fails; its exit code 2 (bad input) is passed on.
pub(super) fn ask(
    program: &Path,
    question: &str,
    args: &[OsString],
    console: &Console,
) -> anyhow::Result<Plan> {
    let mut command = Command::new(program);
    // The form before what the user wrote, which may name a command of its own: `phi`.
    command.args(["cluster", question, "--format", "json"]).args(args);
    let mut document = Vec::new();
    let care = Care { patience: Patience::Short, expendable: false, stop_below_bytes: None };
    let watched = supervise(&command, Streams::piped(), care, |piece| match piece {
        Piece::Stdout(bytes) => {
            document
                .extend_from_slice(&bytes[..bytes.len().min(MOST_DOCUMENT_BYTES - document.len())]);
        }
        Piece::Stderr(bytes) => console.pass_through(bytes),
        Piece::Stopping | Piece::Available(_) => {}
    })?;
    watched.left.say(console);
    match run::exit(watched.ending, watched.interrupted) {
        Exit::Success => Plan::parse(&document).with_context(|| {
            format!("`{} cluster {question}` printed something else", program.display())
        }),
        exit => {
            let how = watched.ending.code.map_or("by a signal".into(), |it| format!("with {it}"));
            bail!(Coded { exit, message: format!("`cluster {question}` ended {how}") })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_that_of_the_contract() {
        let text = br#"{"schema": "phi-validation/cluster-round", "version": 1, "folder": "/r/x/cluster",
            "job": "study", "state": "planned", "round": 1, "stage": "comparisons", "n_items": 48, "items_done": 3,
            "n_tasks": 7, "tasks_done": 1, "cpus": 1, "memory_bytes": 123456789, "task_seconds": 12.5,
            "cpu_seconds": 80.1, "cpu_seconds_done": 4.0, "efficiency": 0.97, "unfinished_tasks": [3, 5],
            "given_up": [{"item": "Random n = 8 seed 42", "attempts": 4}], "n_given_up": 1, "new": {}}"#;
        let plan = Plan::parse(text).unwrap();
        assert_eq!((plan.state, plan.round, plan.n_tasks), (State::Planned, 1, 7));
        assert_eq!((plan.items_done, plan.n_given_up(), plan.items()), (3, 1, "exact problems"));
        assert_eq!(plan.given_up[0].attempts, 4);
        let least = br#"{"schema": "phi-validation/cluster-round", "version": 1, "folder": "/r", "state": "finished"}"#;
        assert_eq!(Plan::parse(least).unwrap().state, State::Finished);
        let other = br#"{"schema": "other", "version": 1, "folder": "/r", "state": "finished"}"#;
        assert!(Plan::parse(other).unwrap_err().to_string().starts_with("`other` of version 1"));
        assert!(Plan::parse(b"").is_err());
        let with = |figure: &str| {
            let head = r#"{"schema": "phi-validation/cluster-round", "version": 1, "folder": "/r", "state": "planned", "#;
            Plan::parse(format!("{head}{figure}}}").as_bytes()).unwrap_err().to_string()
        };
        assert!(with(r#""n_tasks": 18446744073709551615"#).contains("expected at most 10000000"));
        assert!(with(r#""memory_bytes": 18446744073709551615"#).starts_with("memory_bytes 1844"));
        assert_eq!(
            with(r#""task_seconds": -1"#),
            "-1.0 seconds: expected a number from 0 to 1000000000000.0"
        );
    }

    #[test]
    fn a_division_is_said_as_far_as_it_is_known() {
        assert_eq!(Division::default().args(true), Vec::<OsString>::new());
        let division = Division { slots: Some(2), cpus: Some(4), ..Division::default() };
        assert_eq!(division.args(true), ["--slots", "2", "--cpus", "4"]);
        assert_eq!(division.args(false), ["--slots", "2"]);
    }
}
