//! One Φ (IIT 3.0) as a job: first an item is a mechanism of the intact system (stage `concepts`),
//! then a cut of the system (stage `cuts`).
//!
//! The content of the items, and their meaning together, is the business of
//! [`pieces`](crate::engine::exact::pieces). A line of a journal is a decision. Tasks of the second
//! stage read the concepts in the journals of the first, and every few seconds what other tasks
//! have found meanwhile: the smallest distance so far lets them dismiss most cuts early. So two
//! processes may find two lower bounds for the distance of one cut, and both are right. Only
//! decisions that cannot be true together are an error.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;
use serde_json::Value;

use super::folder::{JobFolder, Task};
use super::job::{Item, Job, Spec, Stage};
use super::journals::{JournalItem, Journals, TaskJournal};
use super::rounds::NAMED;
use super::study::{BASE_BYTES, some};
use crate::engine::exact::pieces::{
    Bound, CutDecision, CutDecisions, CutDistance, IntactStructure, MechanismDecision,
    MechanismDecisions, PieceEnd, Pieces,
};
use crate::engine::exact::{Engine, OwnNetwork, PhiRecord, StopReason, ended};
use crate::error::Error;
use crate::files::append::{check_ours, write_whole};
use crate::phi::Question;
use crate::run::store;

/// The first stage.
pub const CONCEPTS: &str = "concepts";
/// The second stage.
pub const CUTS: &str = "cuts";

/// Time between two looks of a task for what others have found.
pub const LISTEN: Duration = Duration::from_secs(3);

/// The network of one Φ, in the state that was asked for, as a job's file has it: one network from
/// `text`, which comes from `place`.
///
/// # Errors
/// [`Error::Network`], also for a list of networks.
pub fn network(text: &str, place: &str, state: Option<String>) -> Result<Value, Error> {
    OwnNetwork::read(text, place, state).map(|it| it.to_json())
}

fn own_network(network: &Value) -> Result<OwnNetwork, Error> {
    OwnNetwork::read(&network.to_string(), "job.json: network", None)
}

/// As `phi --format json` does it.
fn counts_ties(network: &OwnNetwork) -> bool {
    network.n_states() <= Question::TIES_UP_TO
}

/// One Φ, for the process that plans it, and for the one that puts it together.
#[derive(Debug)]
pub struct PhiJob {
    spec: Spec,
    network: OwnNetwork,
    engine: Engine,
    cpus: usize,
}

impl PhiJob {
    /// Φ of `network` as [`network`](network()) gives it, to be done on `cpus` threads a task.
    ///
    /// # Errors
    /// [`Error::Network`].
    pub fn open(network: &Value, engine: Engine, cpus: usize) -> Result<PhiJob, Error> {
        let spec = Spec::Phi { network: network.clone() };
        Ok(PhiJob { spec, network: own_network(network)?, engine, cpus })
    }

    /// Runs `work` on the analysis and returns its result.
    fn divided<T: Send>(&self, work: impl FnOnce(&Pieces<'_>) -> T + Send) -> T {
        self.engine.divided(&self.network, counts_ties(&self.network), work)
    }

    /// Φ, from what all journals say; and in the folder of the run as `phi.json`: what `phi
    /// --format json` prints.
    ///
    /// # Errors
    /// As [`Journals::results`]; [`Error::Settings`] that says what is missing; [`Error::Output`]
    /// if another process is running it; [`Error::Write`].
    pub fn gather(&self, folder: &JobFolder) -> Result<PhiRecord, Error> {
        let _lock = store::lock(folder.run())?;
        let path = folder.run().join("phi.json");
        check_ours(&path, |text| text.starts_with("{") && text.contains("\"partitioned_ces\":"))?;
        let journals = Journals::read_all(folder, &self.spec.fingerprint())?;
        let stage = self.stage(&journals)?;
        if !stage.left.is_empty() {
            let names = stage.left.iter().take(NAMED);
            let names: Vec<String> =
                names.map(|it| self.item_name(stage.name, it.number)).collect();
            return Err(Error::Settings(format!(
                "{}: {} of {} {} are missing: {}; `cluster next` plans them, and without them \
                 there is no Φ",
                folder.path().display(),
                stage.left.len(),
                stage.n_items,
                stage.name,
                some(&names, stage.left.len())
            )));
        }
        let result = self.divided(|pieces| {
            let intact = concepts(pieces, &journals)?.intact_structure();
            let intact = intact.expect("nothing is left of the first stage");
            let cuts = cuts(pieces, &intact, &journals)?;
            pieces.big_phi(&intact, &cuts).map_err(|error| Error::Internal(error.to_string()))
        })?;
        let result = result.expect("nothing is left of the second stage");
        ended(result.stop_reason, &self.network.place())?;
        let answer = self.network.answer(&result);
        let text = serde_json::to_string(&answer).expect("plain data") + "\n";
        write_whole(&path, text)?;
        Ok(answer)
    }

    /// The names of the units, if the network has them.
    pub fn labels(&self) -> Option<&[String]> {
        self.network.labels()
    }
}

impl Job for PhiJob {
    fn stage(&self, journals: &Journals) -> Result<Stage, Error> {
        let bytes = BASE_BYTES.saturating_add(self.network.predicted_bytes(self.cpus));
        let in_all = seconds_in_all(&self.network);
        let item = |(number, seconds): (usize, f64)| Item { number: number as u64, seconds, bytes };
        self.divided(|pieces| {
            let known = concepts(pieces, journals)?;
            let Some(intact) = known.intact_structure() else {
                let all = concept_seconds(pieces, in_all);
                let pace = pace(&journals.done(CONCEPTS), &all);
                let mut left = known.undecided();
                left.sort_unstable();
                let left = left.into_iter().map(|rank| item((rank, pace * all[rank]))).collect();
                let n_items = pieces.n_mechanisms() as u64;
                return Ok(Stage { name: CONCEPTS, is_last: false, n_items, left });
            };
            let all = cut_seconds(pieces, &intact, in_all)?;
            // What the concepts took says how far this network is from the usual one.
            let pace = match journals.done(CUTS) {
                done if done.is_empty() => {
                    pace(&journals.done(CONCEPTS), &concept_seconds(pieces, in_all))
                }
                done => pace(&done, &all),
            };
            let mut left = cuts(pieces, &intact, journals)?.undecided();
            left.sort_unstable();
            let left = left.into_iter().map(|rank| item((rank, pace * all[rank]))).collect();
            Ok(Stage { name: CUTS, is_last: true, n_items: all.len() as u64, left })
        })
    }

    fn item_name(&self, stage: &str, item: u64) -> String {
        let rank = item as usize;
        self.divided(|pieces| match stage {
            CONCEPTS if rank < pieces.n_mechanisms() => {
                format!("mechanism {}", pieces.mechanism(rank))
            }
            CUTS if rank < pieces.n_cuts() => format!("cut {}", pieces.cut(rank)),
            _ => format!("item {item}"),
        })
    }
}

/// Expected time of one Φ of a generic network in all, in seconds of one processor: measured from 7
/// to 10 units (`docs/engine.md`). Of units with more than two values, most of it goes into pairs
/// of states, of which there are as many more.
fn seconds_in_all(network: &OwnNetwork) -> f64 {
    let n_units = network.n_units() as i32;
    let factor: f64 = if n_units > 8 { 5.6 } else { 10.0 };
    let more_states = network.n_states() as f64 / 2f64.powi(n_units);
    5.3 * factor.powi(n_units - 8) * more_states.powi(2)
}

/// The share of that which goes into the concepts of the intact system.
const SHARE_OF_CONCEPTS: f64 = 0.08;

/// Factor by which a cut takes longer that is looked at before there is a good bound.
const FIRST_CUTS: f64 = 5.0;

/// Expected time of each mechanism, in seconds: as it has partitions.
fn concept_seconds(pieces: &Pieces<'_>, in_all: f64) -> Vec<f64> {
    let ranks = 0..pieces.n_mechanisms();
    let weights: Vec<f64> =
        ranks.map(|rank| f64::from(1_u32 << pieces.mechanism(rank).len())).collect();
    let all = SHARE_OF_CONCEPTS * in_all / weights.iter().sum::<f64>();
    weights.into_iter().map(|it| it * all).collect()
}

/// Expected time of each cut, in seconds: those that are likely to be minimal take longer, and so
/// every task gets some of them.
fn cut_seconds(
    pieces: &Pieces<'_>,
    intact: &IntactStructure,
    in_all: f64,
) -> Result<Vec<f64>, Error> {
    let known = CutDecisions::new(pieces, intact).map_err(|it| Error::Internal(it.to_string()))?;
    let likely_first = known.undecided();
    let n_units = (pieces.n_mechanisms() + 1).ilog2() as usize;
    let mut weights = vec![1.0; likely_first.len()];
    likely_first.iter().take(2 * n_units).for_each(|&rank| weights[rank] = FIRST_CUTS);
    let all = (1.0 - SHARE_OF_CONCEPTS) * in_all / weights.iter().sum::<f64>();
    Ok(weights.into_iter().map(|it| it * all).collect())
}

/// Time of the items as a multiple of what was expected; 1 if there were none.
fn pace(done: &std::collections::BTreeMap<u64, f64>, expected: &[f64]) -> f64 {
    let of_done = done.iter().filter_map(|(&item, seconds)| {
        Some((*seconds, *expected.get(usize::try_from(item).ok()?)?))
    });
    let (took, expected) = of_done.fold((0.0, 0.0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
    if took > 0.0 && expected > 0.0 { took / expected } else { 1.0 }
}

/// Reads the decisions about the mechanisms from the journals.
fn concepts<'a>(
    pieces: &'a Pieces<'a>,
    journals: &Journals,
) -> Result<MechanismDecisions<'a>, Error> {
    let mut known = MechanismDecisions::new(pieces);
    for (item, found) in journals.results(CONCEPTS)? {
        let decision: MechanismDecision = decision(&found, journals)?;
        check_item(item, decision.mechanism, &found, journals)?;
        known.add(&decision).map_err(|error| found.wrong(journals, error.to_string()))?;
    }
    Ok(known)
}

/// Reads the decisions about the cuts from the journals.
fn cuts<'a>(
    pieces: &'a Pieces<'a>,
    intact: &IntactStructure,
    journals: &Journals,
) -> Result<CutDecisions<'a>, Error> {
    let known = CutDecisions::new(pieces, intact);
    let mut known = known.map_err(|error| Error::Internal(error.to_string()))?;
    let mut places: HashMap<u64, String> = HashMap::new();
    journals.each_line(CUTS, |found| {
        let decision: CutDecision = decision(&found, journals)?;
        let item = found.line.item;
        check_item(item, decision.cut, &found, journals)?;
        known.add(&decision).map_err(|error| {
            let others = places.get(&item).map_or(String::new(), |it| format!("; see also {it}"));
            found.wrong(journals, format!("{error}{others}"))
        })?;
        let place = found.place(journals);
        places.entry(item).and_modify(|it| *it += &format!("; {place}")).or_insert(place);
        Ok(())
    })?;
    Ok(known)
}

fn decision<T: serde::de::DeserializeOwned>(
    found: &JournalItem,
    journals: &Journals,
) -> Result<T, Error> {
    serde_json::from_str(found.line.result.get())
        .map_err(|error| found.wrong(journals, error.to_string()))
}

fn check_item(
    item: u64,
    decided: usize,
    found: &JournalItem,
    journals: &Journals,
) -> Result<(), Error> {
    if item == decided as u64 {
        return Ok(());
    }
    Err(found
        .wrong(journals, format!("a decision about {decided}, expected one about item {item}")))
}

/// The cost of deciding an item.
#[derive(Debug, Serialize)]
struct DecisionWork {
    seconds: f64,
}

/// Does the items of a task but those in `skip`, and keeps each in the journal.
///
/// # Errors
/// [`Error::Interrupted`]; [`Error::Content`] if the task has an item that the analysis has not, or
/// comes before its time; as [`Journals::results`].
pub fn work(
    network: &Value,
    task: &Task,
    skip: &BTreeSet<u64>,
    engine: &Engine,
    folder: &JobFolder,
    journal: &TaskJournal,
) -> Result<(), Error> {
    let fingerprint = Spec::Phi { network: network.clone() }.fingerprint();
    let network = own_network(network)?;
    let items = task.items.iter().filter(|it| !skip.contains(it));
    let items: Vec<usize> = items.map(|&it| usize::try_from(it).unwrap_or(usize::MAX)).collect();
    let here = |message: String| Error::Content {
        place: format!("round {} task {}", task.round, task.task),
        message,
    };
    // The processors' time since something was reported last: exact where there is one.
    let last = Mutex::new(Instant::now());
    let n_threads = engine.n_threads() as f64;
    let seconds = || {
        let now = Instant::now();
        let mut last = last.lock().expect("no thread panics with the lock held");
        let since = now.duration_since(*last).as_secs_f64();
        *last = now;
        (since * n_threads * 1e6).round() / 1e6
    };
    let end: PieceEnd = engine.divided(&network, counts_ties(&network), |pieces| {
        if task.stage == CONCEPTS {
            let report = |decision: MechanismDecision| {
                let seconds = seconds();
                journal.append(
                    decision.mechanism as u64,
                    seconds,
                    &decision,
                    &DecisionWork { seconds },
                );
            };
            return pieces.decide_mechanisms(&items, report).map_err(|it| here(it.to_string()));
        }
        let of_first_stage = |round: usize, _: usize, _: &Path| round <= task.round;
        let journals = Journals::read(folder, &fingerprint, of_first_stage)?;
        let known = concepts(pieces, &journals)?;
        let intact = known.intact_structure().ok_or_else(|| {
            let n = known.undecided().len();
            here(format!("{n} mechanisms are undecided: expected all of them in the journals"))
        })?;
        let bound = Bound::default();
        let mut listener = Listener { folder, fingerprint: &fingerprint, seen: HashMap::new() };
        listener.listen(pieces, journal.path(), &bound);
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let listening = scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    thread::park_timeout(LISTEN);
                    listener.listen(pieces, journal.path(), &bound);
                }
            });
            let report = |decision: CutDecision| {
                let seconds = seconds();
                journal.append(decision.cut as u64, seconds, &decision, &DecisionWork { seconds });
            };
            // Also if deciding panics: or the other thread would listen for ever.
            let over = Over(&is_over);
            let end = pieces.decide_cuts(&intact, &items, &bound, report);
            drop(over);
            listening.thread().unpark();
            end.map_err(|it| here(it.to_string()))
        })
    })?;
    match end.stop_reason {
        StopReason::Complete | StopReason::MemoryLimit { .. } => {
            ended(end.stop_reason, &network.place())
        }
        _ => Err(Error::Interrupted(format!(
            ": {}; the next round does the others",
            journal.path().display()
        ))),
    }
}

/// Says when it is dropped that something is over.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Reads what other processes have found.
struct Listener<'a> {
    folder: &'a JobFolder,
    fingerprint: &'a str,
    /// Length and time of the files as they were read last.
    seen: HashMap<PathBuf, (u64, Option<SystemTime>)>,
}

impl Listener<'_> {
    /// Lowers `bound` to the smallest distance in the journals of others. What cannot be read now
    /// is left for the next time: a bound only spares work, and who gathers will say what is wrong.
    fn listen(&mut self, pieces: &Pieces<'_>, own: &Path, bound: &Bound) {
        let news = Mutex::new(Vec::new());
        let is_new = |_: usize, _: usize, path: &Path| {
            let Ok(now) = std::fs::metadata(path) else { return false };
            let now = (now.len(), now.modified().ok());
            let is_new = path != own && self.seen.get(path) != Some(&now);
            if is_new {
                news.lock().expect("one thread").push((path.to_owned(), now));
            }
            is_new
        };
        let Ok(journals) = Journals::read(self.folder, self.fingerprint, is_new) else { return };
        let read = journals.each_line(CUTS, |found| {
            let decision: CutDecision = decision(&found, &journals)?;
            if let CutDistance::Exact(distance) = decision.distance
                && decision.analysis == *pieces.analysis()
            {
                bound.lower(distance);
            }
            Ok(())
        });
        if read.is_ok() {
            self.seen.extend(news.into_inner().expect("one thread"));
        }
    }
}
