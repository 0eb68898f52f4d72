//! `slurm.json`: what was submitted, so that any process can go on from there.
//!
//! It is written whole (a new file, flushed, renamed) *before* a job is submitted: a job whose
//! number was never written down is found by its name, which no other job has. It is sealed, as the
//! study's own documents are; a number in it is no proof of what has that number now.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context as _, anyhow, bail, ensure};
use headroom::files::write_whole;
use serde::{Deserialize, Serialize};

use super::{
    options::{Mebibytes, Minutes, TaskOptions},
    own_file, seal,
};

pub(super) const FILE: &str = "slurm.json";
pub(super) const SCHEMA: &str = "phi-validation/slurm";
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
#[serde(deny_unknown_fields)]
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
#[serde(deny_unknown_fields)]
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
#[serde(deny_unknown_fields)]
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
        let prefix = format!("{}{nonce:x}", SlurmRecord::beginning(run));
        SlurmRecord {
            schema: SCHEMA.to_owned(),
            version: VERSION,
            run: run.to_owned(),
            run_args,
            task_options,
            prefix,
            proven: false,
            exclude: Vec::new(),
            rounds: Vec::new(),
        }
    }

    /// The beginning of every prefix of a run.
    fn beginning(run: &str) -> String {
        let plain =
            |it: char| if it.is_ascii_alphanumeric() || "-_.".contains(it) { it } else { '_' };
        let short: String = run.chars().map(plain).take(32).collect();
        format!("phi-{short}-")
    }

    /// Reads the record in a folder. Returns `None` if there is none yet.
    ///
    /// # Errors
    /// If it is not exactly what xtask has written, or no file. Nothing is submitted or cancelled
    /// then, so the error says how to go on.
    pub(super) fn load(folder: &Path) -> anyhow::Result<Option<SlurmRecord>> {
        let file = folder.join(FILE);
        let Some(text) = own_file::read(&file, MOST_BYTES)? else { return Ok(None) };
        let record = SlurmRecord::parse(&text).map_err(|it| {
            anyhow!(
                "{}: {it:#}. If `squeue --me` shows no tasks of this run any more, remove that \
                 file and start the run again with its arguments: only what is missing is computed",
                file.display()
            )
        })?;
        Ok(Some(record))
    }

    pub(super) fn parse(text: &[u8]) -> anyhow::Result<SlurmRecord> {
        let text = str::from_utf8(text).context("not what xtask writes")?;
        let object = seal::unseal(SCHEMA, text.strip_suffix('\n').unwrap_or(text));
        let object = object.map_err(|it| anyhow!(it))?;
        let record: SlurmRecord = serde_json::from_str(&object).context("not what xtask writes")?;
        if record.schema != SCHEMA || record.version != VERSION {
            let SlurmRecord { schema, version, .. } = record;
            bail!("`{schema}` of version {version}; expected `{SCHEMA}` of version {VERSION}");
        }
        record.check()?;
        Ok(record)
    }

    /// Checks that xtask may have chosen these names and numbers.
    fn check(&self) -> anyhow::Result<()> {
        let SlurmRecord { run, prefix, .. } = self;
        let nonce = prefix.strip_prefix(&SlurmRecord::beginning(run));
        let is_nonce =
            |it: &&str| u64::from_str_radix(it, 16).is_ok_and(|n| format!("{n:x}") == **it);
        ensure!(nonce.filter(is_nonce).is_some(), "prefix {prefix:?}: not one of the run {run:?}");
        let (mut rounds, mut jobs) = (BTreeSet::new(), BTreeSet::new());
        for round in &self.rounds {
            let number = round.round;
            ensure!(rounds.insert(number), "round {number} is there twice");
            let n_tasks =
                as_counted(round.n_tasks).map_err(|it| anyhow!("round {number}: {it}"))?;
            let mut n_before = 0;
            for (index, array) in round.arrays.iter().enumerate() {
                let Array { name, offset, n_tasks: n, job_id, .. } = array;
                let expected = self.array_name(number, index);
                ensure!(*name == expected, "round {number}, array {name:?}: expected {expected:?}");
                let left = n_tasks - n_before;
                ensure!(
                    *offset == n_before && (1..=left).contains(n),
                    "array {name}: {n} tasks from {offset} on: expected some of {left} from \
                     {n_before} on"
                );
                n_before += n;
                if let Some(id) = job_id {
                    ensure!(jobs.insert(id), "array {name}: another one is job {id}, too");
                }
            }
            ensure!(n_before == n_tasks, "round {number}: its arrays have {n_before} of its tasks");
        }
        Ok(())
    }

    pub(super) fn save(&self, folder: &Path) -> anyhow::Result<()> {
        write_whole(&folder.join(FILE), self.text()?.as_bytes(), false)
    }

    /// The file of this record.
    pub(super) fn text(&self) -> serde_json::Result<String> {
        Ok(seal::seal(SCHEMA, &serde_json::to_string_pretty(self)?) + "\n")
    }

    /// `true` if a job of this name is an array of this folder.
    pub(super) fn owns(&self, name: &str) -> bool {
        name.strip_prefix(&self.prefix).is_some_and(|it| it.starts_with("-r"))
    }

    fn array_name(&self, round: u32, index: usize) -> String {
        format!("{}-r{round}-{}", self.prefix, index + 1)
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
            let name = self.array_name(round, arrays.len());
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
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        record.version = 9;
        record.save(dir.path()).unwrap();
        let error = format!("{:#}", SlurmRecord::load(dir.path()).unwrap_err());
        assert!(error.contains("of version 9; expected"), "{error}");
    }

    /// A record of two arrays that were submitted.
    fn submitted() -> SlurmRecord {
        let mut record = SlurmRecord::new("a", Vec::new(), TaskOptions::default(), 0xbeef);
        let mut arrays = record.arrays(1, 4, 3);
        arrays[0].job_id = Some(17);
        arrays[1].job_id = Some(18);
        let (mem, time) = (None, Minutes(6));
        let (round, n_tasks, items_before, cpus, over) = (1, 4, 0, 1, false);
        let round = Round { round, n_tasks, items_before, cpus, mem, time, over, arrays };
        record.rounds.push(round);
        record
    }

    #[test]
    fn a_record_that_was_changed_in_any_bit_or_cut_anywhere_is_refused() {
        let text = submitted().text().unwrap();
        assert_eq!(SlurmRecord::parse(text.as_bytes()).unwrap(), submitted());
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                assert!(SlurmRecord::parse(&bytes).is_err(), "bit {bit} of byte {at}");
            }
            let is_whole = at + 1 == text.len();
            assert_eq!(SlurmRecord::parse(&text.as_bytes()[..at]).is_ok(), is_whole, "{at}");
        }
        // A number that another job has.
        let error = SlurmRecord::parse(text.replace("17", "90").as_bytes()).unwrap_err();
        assert!(error.to_string().contains("it was changed or damaged"), "{error}");
        // What an earlier version wrote.
        let unsealed = serde_json::to_vec_pretty(&submitted()).unwrap();
        let error = SlurmRecord::parse(&unsealed).unwrap_err().to_string();
        assert!(error.contains("written by an earlier version"), "{error}");
    }

    #[test]
    fn a_record_with_a_right_check_and_wrong_names_or_numbers_is_refused() {
        let refused = |text: String| {
            SlurmRecord::parse(seal::seal(SCHEMA, &text).as_bytes()).unwrap_err().to_string()
        };
        let changed = |change: &dyn Fn(&mut SlurmRecord)| {
            let mut record = submitted();
            change(&mut record);
            refused(serde_json::to_string(&record).unwrap())
        };
        let array = |change: fn(&mut Array)| changed(&|it| change(&mut it.rounds[0].arrays[1]));
        let error = changed(&|it| it.rounds[0].n_tasks = u64::MAX);
        assert_eq!(error, "round 1: 18446744073709551615 tasks: expected at most 10000000");
        let error = changed(&|it| it.rounds[0].n_tasks = 5);
        assert_eq!(error, "round 1: its arrays have 4 of its tasks");
        let error = array(|it| it.offset = u64::MAX);
        assert!(error.contains("1 tasks from 18446744073709551615 on: expected"), "{error}");
        for n_tasks in [0, 2, u64::MAX] {
            let error = changed(&|it| it.rounds[0].arrays[1].n_tasks = n_tasks);
            assert!(error.contains(&format!("{n_tasks} tasks from 3 on: expected")), "{error}");
        }
        // The same tasks would be submitted once more.
        let error = array(|it| it.name = "phi-a-beef-r1-3".into());
        assert!(error.contains("expected \"phi-a-beef-r1-2\""), "{error}");
        let error = array(|it| it.job_id = Some(17));
        assert_eq!(error, "array phi-a-beef-r1-2: another one is job 17, too");
        for prefix in ["", "phi-", "phi-a-", "phi-a-BEEF", "phi-a-+f", "phi-b-beef", "other"] {
            let error = changed(&|it| it.prefix = prefix.into());
            assert!(error.contains("not one of the run \"a\""), "{error}");
        }
        let error = changed(&|it| it.rounds.push(it.rounds[0].clone()));
        assert_eq!(error, "round 1 is there twice");
        // Keys that are not known, at every level.
        let text = serde_json::to_string(&submitted()).unwrap();
        for object in ["{\"schema\"", "{\"round\"", "{\"name\"", "\"wishes\":{"] {
            let (before, after) = text.split_once(object).unwrap();
            let at = object.find('{').unwrap() + 1;
            let comma = if object.ends_with('{') { "" } else { "," };
            let more = format!("\"jobid\":7{comma}");
            let error = refused(format!("{before}{}{more}{}{after}", &object[..at], &object[at..]));
            assert_eq!(error, "not what xtask writes", "{object}");
        }
    }
}
