//! `slurm.json`: what was submitted, so that any process can go on from there.
//!
//! It is written whole (a new file, flushed, renamed) *before* a job is submitted: a job whose
//! number was never written down is found by its name, which no other job has.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use headroom::files::{read_short, write_whole};
use serde::{Deserialize, Serialize};

use super::options::{Mebibytes, Minutes, TaskOptions};

pub(super) const FILE: &str = "slurm.json";
const SCHEMA: &str = "phi-validation/slurm";
const VERSION: u32 = 1;
/// An array has about 200 bytes, and at least one task.
const MOST_BYTES: u64 = 256 << 20;

/// More tasks than any cluster takes.
const MOST_TASKS: u64 = 10_000_000;

/// A number of tasks from a file.
pub(super) fn as_counted(n_tasks: u64) -> Result<u64, String> {
    match n_tasks {
        0..=MOST_TASKS => Ok(n_tasks),
        _ => Err(format!("{n_tasks} tasks: expected at most {MOST_TASKS}")),
    }
}

/// The submissions of a job folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SlurmRecord {
    pub(super) schema: String,
    pub(super) version: u32,
    /// The run's name.
    pub(super) run: String,
    /// The arguments of the run, to tell another one of the same name.
    pub(super) run_args: Vec<String>,
    #[serde(rename = "wishes")]
    pub(super) task_options: TaskOptions,
    /// Begins the name of every job of this folder, and of no other.
    pub(super) prefix: String,
    /// `true` if any task has finished something: then the program that is there now runs on the
    /// nodes.
    pub(super) proven: bool,
    /// Nodes on which the program does not run.
    pub(super) exclude: Vec<String>,
    pub(super) rounds: Vec<Round>,
}

/// One submission of tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Round {
    pub(super) round: u32,
    pub(super) n_tasks: u64,
    /// The number of items that were done when the round was planned.
    pub(super) items_before: u64,
    pub(super) cpus: u64,
    /// The memory of a task. `None` if the cluster does not count memory.
    #[serde(rename = "mem_mib")]
    pub(super) mem: Option<Mebibytes>,
    #[serde(rename = "time_minutes")]
    pub(super) time: Minutes,
    /// `true` if its end has been seen: nothing more is to be expected of it.
    pub(super) over: bool,
    pub(super) arrays: Vec<Array>,
}

/// A job array: its task i is task `offset + i` of the round, and i is from 1 to `n_tasks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Array {
    pub(super) name: String,
    pub(super) offset: u64,
    pub(super) n_tasks: u64,
    /// `true` if a submission was begun; with no number, whether it arrived is to be found out.
    pub(super) tried: bool,
    pub(super) job_id: Option<u64>,
}

impl SlurmRecord {
    /// `nonce` is new for every folder and start.
    pub(super) fn new(
        run: &str,
        run_args: Vec<String>,
        task_options: TaskOptions,
        nonce: u64,
    ) -> SlurmRecord {
        let plain =
            |it: char| if it.is_ascii_alphanumeric() || "-_.".contains(it) { it } else { '_' };
        let short: String = run.chars().map(plain).take(32).collect();
        SlurmRecord {
            schema: SCHEMA.to_owned(),
            version: VERSION,
            run: run.to_owned(),
            run_args,
            task_options,
            prefix: format!("phi-{short}-{nonce:x}"),
            proven: false,
            exclude: Vec::new(),
            rounds: Vec::new(),
        }
    }

    /// Reads the record in a folder. Returns `None` if there is none yet.
    pub(super) fn load(folder: &Path) -> anyhow::Result<Option<SlurmRecord>> {
        let file = folder.join(FILE);
        let text = match read_short(&file, MOST_BYTES) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("could not read {}", file.display()));
            }
        };
        SlurmRecord::parse(&text).map(Some).with_context(|| file.display().to_string())
    }

    pub(super) fn parse(text: &[u8]) -> anyhow::Result<SlurmRecord> {
        let record: SlurmRecord = serde_json::from_slice(text).context("not what xtask writes")?;
        if record.schema != SCHEMA || record.version != VERSION {
            let SlurmRecord { schema, version, .. } = record;
            bail!("`{schema}` of version {version}; expected `{SCHEMA}` of version {VERSION}");
        }
        for round in &record.rounds {
            let number = round.round;
            let n_tasks =
                as_counted(round.n_tasks).map_err(|it| anyhow!("round {number}: {it}"))?;
            for Array { name, offset, n_tasks: n, .. } in &round.arrays {
                if offset.checked_add(*n).is_none_or(|it| it > n_tasks) {
                    bail!(
                        "round {number}, array {name}: {n} tasks from {offset} on: expected some \
                         of {n_tasks}"
                    );
                }
            }
        }
        Ok(record)
    }

    pub(super) fn save(&self, folder: &Path) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        write_whole(&folder.join(FILE), &text, false)
    }

    /// The job numbers that are known, oldest first.
    pub(super) fn job_ids(&self) -> Vec<u64> {
        self.rounds.iter().flat_map(|it| &it.arrays).filter_map(|it| it.job_id).collect()
    }

    pub(super) fn round(&self, round: u32) -> Option<&Round> {
        self.rounds.iter().find(|it| it.round == round)
    }

    /// The arrays of a round of `n_tasks` tasks, each of at most `array_size`.
    pub(super) fn arrays(&self, round: u32, n_tasks: u64, array_size: u64) -> Vec<Array> {
        let array_size = array_size.max(1);
        let mut arrays = Vec::new();
        let mut offset = 0;
        while offset < n_tasks {
            let n = (n_tasks - offset).min(array_size);
            let name = format!("{}-r{round}-{}", self.prefix, arrays.len() + 1);
            arrays.push(Array { name, offset, n_tasks: n, tried: false, job_id: None });
            offset += n;
        }
        arrays
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn tasks_are_dealt_to_arrays_and_the_record_comes_back() {
        let mut record =
            SlurmRecord::new("a b/ü", vec!["--sizes".into()], TaskOptions::default(), 0xbeef);
        assert_eq!(record.prefix, "phi-a_b__-beef");
        let arrays = record.arrays(2, 7, 3);
        let dealt: Vec<_> = arrays.iter().map(|it| (it.offset, it.n_tasks)).collect();
        assert_eq!(dealt, [(0, 3), (3, 3), (6, 1)]);
        assert_eq!(arrays[2].name, "phi-a_b__-beef-r2-3");
        let (mem, time) = (Some(Mebibytes(64)), Minutes(6));
        let (round, n_tasks, items_before, cpus, over) = (2, 7, 0, 1, false);
        let round = Round { round, n_tasks, items_before, cpus, mem, time, over, arrays };
        record.rounds.push(round);
        record.rounds[0].arrays[1].job_id = Some(17);
        let sh = xshell::Shell::new().unwrap();
        let dir = sh.create_temp_dir().unwrap();
        assert_eq!(SlurmRecord::load(dir.path()).unwrap(), None);
        record.save(dir.path()).unwrap();
        assert_eq!(SlurmRecord::load(dir.path()).unwrap(), Some(record.clone()));
        assert_eq!(record.job_ids(), [17]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        record.version = 9;
        record.save(dir.path()).unwrap();
        let error = format!("{:#}", SlurmRecord::load(dir.path()).unwrap_err());
        assert!(error.contains("of version 9; expected"), "{error}");
        let damaged = |change: &dyn Fn(&mut SlurmRecord)| {
            let mut record = SlurmRecord { version: VERSION, ..record.clone() };
            change(&mut record);
            SlurmRecord::parse(&serde_json::to_vec(&record).unwrap()).unwrap_err().to_string()
        };
        let error = damaged(&|it| it.rounds[0].n_tasks = u64::MAX);
        assert_eq!(error, "round 2: 18446744073709551615 tasks: expected at most 10000000");
        let error = damaged(&|it| it.rounds[0].arrays[2].offset = u64::MAX);
        assert!(
            error.contains("1 tasks from 18446744073709551615 on: expected some of 7"),
            "{error}"
        );
    }
}
