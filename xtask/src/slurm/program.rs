//! The study's program as a planner: what it is asked and the document it answers with.
//!
//! It knows the work and nothing of Slurm; this is the only place where its words are read.

use std::{ffi::OsString, path::Path, process::Command};

use anyhow::{Context as _, anyhow, bail};
use headroom::{
    Coded, Console, Exit,
    build::supervise::{InterruptPolicy, OutputPiece, Supervision, supervise},
    child::keeper::Streams,
    numbers::MOST_BYTES,
};
use phi_protocol::{JOB_SCHEMA, JOB_VERSION, JobStatus, Launch};

use super::slurm_record::as_counted;
use crate::run;

/// A document names few items, however many there are; one that is cut here is no document.
const MOST_DOCUMENT_BYTES: usize = 16 << 20;
/// The time of all CPUs together, at most: 30,000 years.
const MOST_SECONDS: f64 = 1e12;

/// Reads the document that `cluster plan`, `next` and `status` print.
///
/// # Errors
/// If the text is something else, of another version, or has impossible numbers.
pub(super) fn parse(text: &[u8]) -> anyhow::Result<JobStatus> {
    let status: JobStatus = serde_json::from_slice(text).context("not the document of a round")?;
    if status.schema != JOB_SCHEMA || status.version != JOB_VERSION {
        let JobStatus { schema, version, .. } = status;
        bail!("`{schema}` of version {version}; expected `{JOB_SCHEMA}` of version {JOB_VERSION}");
    }
    let JobStatus { n_tasks, memory_bytes, task_seconds, cpu_seconds, cpu_seconds_done, .. } =
        status;
    as_counted(n_tasks).map_err(|it| anyhow!(it))?;
    if memory_bytes > MOST_BYTES {
        bail!("memory_bytes {memory_bytes}: expected at most {MOST_BYTES}");
    }
    for seconds in [task_seconds, cpu_seconds, cpu_seconds_done] {
        if !(0.0..=MOST_SECONDS).contains(&seconds) {
            bail!("{seconds:?} seconds: expected a number from 0 to {MOST_SECONDS:?}");
        }
    }
    Ok(status)
}

/// Returns the name of the items of this stage.
pub(super) fn items(status: &JobStatus) -> &str {
    match status.stage.as_str() {
        "comparisons" => "exact problems",
        "concepts" => "mechanisms",
        "" => "items",
        other => other,
    }
}

/// The division of the work into tasks.
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

/// The arguments of `cluster`, with their answer as a document.
///
/// The form comes before what the user wrote, which may name a command of its own: `phi`.
pub(super) fn arguments(question: &str, args: &[OsString]) -> Vec<OsString> {
    let mut all: Vec<OsString> = ["cluster", question, "--format", "json"].map(Into::into).into();
    all.extend_from_slice(args);
    all
}

/// Asks the program for the document of `plan`, `next` or `status`; its stderr goes to the user's.
///
/// # Errors
/// If the program fails. Its exit code 2 (bad input) is passed on.
pub(super) fn ask(
    program: &Path,
    question: &str,
    args: &[OsString],
    launch: Option<&Launch>,
    console: &Console,
) -> anyhow::Result<JobStatus> {
    let mut command = Command::new(program);
    let args = arguments(question, args);
    command.args(launch.map_or(args.clone(), |it| it.arguments(&args)));
    let mut document = Vec::new();
    let supervision =
        Supervision { patience: InterruptPolicy::Short, expendable: false, stop_below_bytes: None };
    let watched = supervise(&command, Streams::piped(), supervision, |piece| match piece {
        OutputPiece::Stdout(bytes) => {
            document
                .extend_from_slice(&bytes[..bytes.len().min(MOST_DOCUMENT_BYTES - document.len())]);
        }
        OutputPiece::Stderr(bytes) => console.pass_through(bytes),
        OutputPiece::Stopping | OutputPiece::Available(_) => {}
    })?;
    watched.left.say(console);
    match run::exit(watched.ending, watched.interrupted) {
        Exit::Success => parse(&document).with_context(|| {
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
    use phi_protocol::JobState;

    use super::*;

    /// The same file is what a test of the study compares its own document with.
    const GOLDEN: &str = include_str!("../../../phi-protocol/golden/job-status.json");

    #[test]
    fn the_document_is_that_of_the_study() {
        let status = parse(GOLDEN.as_bytes()).unwrap();
        assert_eq!((status.state, status.round, status.n_tasks), (JobState::Planned, 1, 2));
        assert_eq!((status.items_done, items(&status)), (0, "exact problems"));
        let fields: serde_json::Value = serde_json::from_str(GOLDEN).unwrap();
        assert_eq!(serde_json::to_value(&status).unwrap(), fields);
    }

    #[test]
    fn a_document_that_cannot_be_is_refused() {
        let with = |field: &str, value: serde_json::Value| {
            let mut fields: serde_json::Value = serde_json::from_str(GOLDEN).unwrap();
            fields[field] = value;
            parse(fields.to_string().as_bytes()).unwrap_err().to_string()
        };
        assert!(parse(b"").is_err());
        assert!(with("schema", "other".into()).starts_with("`other` of version 1"));
        assert!(with("n_tasks", u64::MAX.into()).contains("expected at most 10000000"));
        assert!(with("memory_bytes", u64::MAX.into()).starts_with("memory_bytes 1844"));
        assert_eq!(
            with("task_seconds", (-1).into()),
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
