//! The results of the processes of a job: one file for each, in one folder.
//!
//! A [`TaskJournal`] is the file of one process, `r1-t00017.<host>-<pid>-<start in ns>.jsonl`: a
//! [`Header`], which lists the items in it, and a line an item. It is written whole again and again
//! while the process works, so it is readable at any time and at worst some seconds old.
//! [`Journals`] is the union of all files. What an item's line says is the business of the kind of
//! job; this module only knows what of it must agree if an item was done twice:
//! [`ItemLine::result`].

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::folder::{JobFolder, check_seconds, from_json, to_json};
use crate::error::Error;
use crate::files::append::{open_own, read_own, write_one_of_many};
use crate::files::seal::{seal, unseal};
use crate::run::row::close;
use crate::run::store::Session;

const SCHEMA: &str = "phi-validation/cluster-journal";

/// Longest time between the end of an item and its being on the disk.
pub const CHECKPOINT: Duration = Duration::from_secs(5);
/// The same, if more is asked for.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The first line of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The [`fingerprint`](super::job::Spec::fingerprint) of the job.
    pub job: String,
    /// The stage that all items are of.
    pub stage: String,
    /// The round, counted from 1.
    pub round: usize,
    /// The task, counted from 1.
    pub task: usize,
    /// The process.
    pub session: Session,
    /// The items of the lines that follow, each with the time that it took in seconds.
    pub items: Vec<(u64, f64)>,
}

impl Header {
    /// Reads what [`to_line`](Header::to_line) wrote.
    fn parse(line: &str) -> Result<Header, String> {
        let header: Header = from_json(SCHEMA, line)?;
        header.session.check()?;
        let mut seconds = header.items.iter().map(|(_, seconds)| *seconds);
        seconds.try_for_each(|it| check_seconds("seconds of an item", it))?;
        Ok(header)
    }

    /// The line, with its newline.
    pub fn to_line(&self) -> String {
        to_json(SCHEMA, self)
    }
}

/// The line of an item, with its newline.
pub(crate) fn item_line(item: u64, result: &impl Serialize, work: &impl Serialize) -> String {
    #[derive(Serialize)]
    struct Line<'a, R, W> {
        item: u64,
        result: &'a R,
        work: &'a W,
    }
    seal(ITEM, &serde_json::to_string(&Line { item, result, work }).expect("plain data")) + "\n"
}

/// The kind under which the lines of items are sealed.
const ITEM: &str = "phi-validation/cluster-item";

/// The line of an item that was done.
#[derive(Debug, Serialize, Deserialize)]
pub struct ItemLine {
    /// The number of the item.
    pub item: u64,
    /// Result: the same in every process, but for the last digits of floating-point numbers.
    pub result: Box<RawValue>,
    /// How: times, counters, whatever may differ.
    pub work: Box<RawValue>,
}

/// The journal of this process.
#[derive(Debug)]
pub struct TaskJournal {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    interval: Duration,
    state: Mutex<TaskState>,
    changed: Condvar,
}

#[derive(Debug)]
struct TaskState {
    header: Header,
    lines: String,
    /// Number of the items that are in the file.
    written: usize,
    failed: Option<Error>,
    is_over: bool,
}

impl TaskJournal {
    /// A journal for the task that `header` names, in the folder of `job`. There is no file before
    /// the first item is done; then items are in it at most about `interval` after they were added.
    pub fn new(job: &JobFolder, header: Header, interval: Duration) -> TaskJournal {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = format!(
            "r{}-t{:05}.{}-{}-{}.jsonl",
            header.round,
            header.task,
            host(),
            std::process::id(),
            since_1970.as_nanos()
        );
        let state =
            TaskState { header, lines: String::new(), written: 0, failed: None, is_over: false };
        let shared = Arc::new(Shared {
            path: job.journals().join(name),
            interval,
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let writer = Arc::clone(&shared);
        TaskJournal { writer: Some(std::thread::spawn(move || writer.write())), shared }
    }

    /// Adds a finished item that took so many seconds.
    pub fn append(&self, item: u64, seconds: f64, result: &impl Serialize, work: &impl Serialize) {
        let line = item_line(item, result, work);
        let mut state = self.shared.state();
        state.header.items.push((item, seconds));
        state.lines += &line;
        drop(state);
        self.shared.changed.notify_all();
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Number of items that were added.
    pub fn len(&self) -> usize {
        self.shared.state().header.items.len()
    }

    /// `true` if none was.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes what is not in the file yet, and ends.
    ///
    /// # Errors
    /// [`Error::Write`]; the file has what it had before then.
    ///
    /// # Panics
    /// If the thread that writes has, so that no item is lost in silence.
    pub fn finish(mut self) -> Result<(), Error> {
        if let Err(panic) = self.stop() {
            resume_unwind(panic);
        }
        let mut state = self.shared.state();
        state.failed.take().map_or(Ok(()), Err)
    }

    fn stop(&mut self) -> thread::Result<()> {
        self.shared.state().is_over = true;
        self.shared.changed.notify_all();
        self.writer.take().map_or(Ok(()), JoinHandle::join)
    }
}

impl Drop for TaskJournal {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, TaskState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the file when it is time, until all is over. A failure is tried again with the next
    /// checkpoint: a file server may come back.
    fn write(&self) {
        let mut due = Instant::now();
        let mut state = self.state();
        loop {
            let has_news = state.header.items.len() > state.written;
            let now = Instant::now();
            if state.is_over && !has_news {
                return;
            }
            if has_news && (state.is_over || now >= due) {
                let n_items = state.header.items.len();
                let text = state.header.to_line() + &state.lines;
                drop(state);
                let written = write_one_of_many(&self.path, text);
                // Writing must not become the work.
                due = Instant::now() + self.interval.max(20 * now.elapsed()).min(LONGEST);
                state = self.state();
                match written {
                    Ok(()) => (state.written, state.failed) = (n_items, None),
                    Err(error) => {
                        state.failed = Some(error);
                        if state.is_over {
                            return;
                        }
                    }
                }
                continue;
            }
            // Without news only a notification matters.
            let wait = if has_news { due - now } else { Duration::from_secs(3600) };
            let woken = self.changed.wait_timeout(state, wait);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// The name of this machine, as far as a file's name can have it.
fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let fits = |it: &char| it.is_ascii_alphanumeric() || *it == '-' || *it == '_';
    let name: String = name.split('.').next().unwrap_or_default().chars().filter(fits).collect();
    if name.is_empty() { "host".to_owned() } else { name }
}

/// Parses the round and the task from a file's name. Returns `None` if it is no journal's name.
fn parse_name(name: &str) -> Option<(usize, usize)> {
    let (task, _) = name.strip_suffix(".jsonl")?.split_once('.')?;
    let (round, task) = task.strip_prefix('r')?.split_once("-t")?;
    Some((round.parse().ok()?, task.parse().ok()?))
}

/// All journals of a job.
#[derive(Debug)]
pub struct Journals {
    files: Vec<(PathBuf, Header)>,
}

impl Journals {
    /// Reads the headers of the journals of a job whose fingerprint is `job`, of all rounds and
    /// tasks that `is_wanted`. Files that a process has not finished writing (`*.tmp`) or that the
    /// system hides (`.*`) are passed over.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Content`] that names a file that is no journal, or not of this
    /// job.
    pub fn read(
        folder: &JobFolder,
        job: &str,
        is_wanted: impl Fn(usize, usize, &Path) -> bool,
    ) -> Result<Journals, Error> {
        let path = folder.journals();
        let read_error = |source| Error::Read { path: path.clone(), source };
        let mut found = Vec::new();
        for entry in fs::read_dir(&path).map_err(read_error)? {
            let entry = entry.map_err(read_error)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".tmp") || name.starts_with('.') {
                continue;
            }
            let Some((round, task)) = parse_name(&name) else {
                return Err(Error::Content {
                    place: entry.path().display().to_string(),
                    message: "is not a journal of this program: expected names like \
                              r1-t00017.node-123-456.jsonl in this folder"
                        .to_owned(),
                });
            };
            if is_wanted(round, task, &entry.path()) {
                found.push((round, task, name));
            }
        }
        found.sort();
        let mut files = Vec::with_capacity(found.len());
        for (.., name) in found {
            let path = path.join(name);
            let header = Journals::read_header(&path, job)?;
            files.push((path, header));
        }
        Ok(Journals { files })
    }

    /// All journals of a job.
    ///
    /// # Errors
    /// As [`read`](Journals::read).
    pub fn read_all(folder: &JobFolder, job: &str) -> Result<Journals, Error> {
        Journals::read(folder, job, |_, _, _| true)
    }

    fn read_header(path: &Path, job: &str) -> Result<Header, Error> {
        let mut line = String::new();
        let read = open_own(path).and_then(|file| BufReader::new(file).read_line(&mut line));
        let wrong = |message: String| content_error(path, 1, message);
        match read {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(wrong("not UTF-8".to_owned()));
            }
            Err(source) => return Err(Error::Read { path: path.to_owned(), source }),
        }
        let header = Header::parse(&line).map_err(wrong)?;
        if header.job != job {
            let message = format!("belongs to another job ({}): expected {job}", header.job);
            return Err(content_error(path, 1, message));
        }
        Ok(header)
    }

    /// The headers, by round and task.
    pub fn headers(&self) -> impl Iterator<Item = &Header> {
        self.files.iter().map(|(_, header)| header)
    }

    /// The items of a stage that are done, each with the time that it took in seconds.
    pub fn done(&self, stage: &str) -> BTreeMap<u64, f64> {
        let headers = self.headers().filter(|it| it.stage == stage);
        headers.flat_map(|it| it.items.iter().copied()).collect()
    }

    /// Returns the results of the items of a stage. If an item was done several times, the first
    /// one counts, by the names of the files.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Content`] with file and line if a journal is damaged, or if an
    /// item has two results, with both files and lines.
    pub fn results(&self, stage: &str) -> Result<BTreeMap<u64, JournalItem>, Error> {
        let mut results: BTreeMap<u64, JournalItem> = BTreeMap::new();
        self.each_line(stage, |found| {
            match results.get(&found.line.item) {
                Some(first) => {
                    if let Err(how) = agree(first.line.result.get(), found.line.result.get()) {
                        let message = format!(
                            "item {} has another result than in {}: {how}; one of the two \
                             machines computes wrongly, or a file was changed",
                            found.line.item,
                            first.place(self)
                        );
                        return Err(found.wrong(self, message));
                    }
                }
                None => drop(results.insert(found.line.item, found)),
            }
            Ok(())
        })?;
        Ok(results)
    }

    /// Calls `visit` with every line about an item of a stage, file by file in the order of their
    /// names, also where an item was done several times.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Content`] with file and line if a journal is damaged; what `visit`
    /// says.
    pub fn each_line(
        &self,
        stage: &str,
        mut visit: impl FnMut(JournalItem) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for (index, (path, _)) in self.files.iter().enumerate() {
            let header = &self.files[index].1;
            if header.stage != stage {
                continue;
            }
            let read_error = |source| Error::Read { path: path.clone(), source };
            let text = String::from_utf8(read_own(path).map_err(read_error)?)
                .map_err(|error| read_error(io::Error::new(io::ErrorKind::InvalidData, error)))?;
            // The file may have grown since its header was read: what counts is the one it has now.
            let wrong = |number: usize| move |message| content_error(path, number, message);
            let first = text.lines().next().unwrap_or_default();
            let listed = Header::parse(first).map_err(wrong(1))?.items;
            let mut items = Vec::with_capacity(listed.len());
            for (number, line) in text.lines().enumerate().skip(1).map(|(at, it)| (at + 1, it)) {
                let object = unseal(ITEM, line).map_err(wrong(number))?;
                let line: ItemLine = serde_json::from_str(&object)
                    .map_err(|error| content_error(path, number, error.to_string()))?;
                items.push(line.item);
                visit(JournalItem { journal: index, number, line })?;
            }
            if !listed.iter().map(|(item, _)| item).eq(&items) {
                let message =
                    "the items of the lines are not those that the first line lists; without \
                               this file they are done again"
                        .to_owned();
                return Err(content_error(path, 1, message));
            }
        }
        Ok(())
    }

    /// The process that wrote a journal.
    pub fn session(&self, journal: usize) -> &Session {
        &self.files[journal].1.session
    }

    /// The file of a journal.
    pub fn path(&self, journal: usize) -> &Path {
        &self.files[journal].0
    }
}

/// A line of a journal, and its place.
#[derive(Debug)]
pub struct JournalItem {
    /// The position among the [`Journals`].
    pub journal: usize,
    /// The line, counted from 1.
    pub number: usize,
    /// The content of the line.
    pub line: ItemLine,
}

impl JournalItem {
    /// The file and the line.
    pub(crate) fn place(&self, journals: &Journals) -> String {
        format!("{}, line {}", journals.path(self.journal).display(), self.number)
    }

    /// Makes the error that the content of the line is impossible.
    pub fn wrong(&self, journals: &Journals, message: String) -> Error {
        content_error(journals.path(self.journal), self.number, message)
    }
}

fn content_error(path: &Path, line: usize, message: String) -> Error {
    Error::Content { place: format!("{}, line {line}", path.display()), message }
}

/// Checks that two results are the same, but for the last digits of numbers that are not whole.
pub(crate) fn agree(a: &str, b: &str) -> Result<(), String> {
    if a == b {
        return Ok(());
    }
    let parse = |text: &str| serde_json::from_str::<Value>(text).map_err(|it| it.to_string());
    values_agree(&parse(a)?, &parse(b)?, "result")
}

fn values_agree(a: &Value, b: &Value, place: &str) -> Result<(), String> {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) if x.len() == y.len() => {
            x.iter().try_for_each(|(name, value)| match y.get(name) {
                Some(other) => values_agree(value, other, &format!("{place}.{name}")),
                None => Err(format!("{place}.{name} is missing")),
            })
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => x
            .iter()
            .zip(y)
            .enumerate()
            .try_for_each(|(at, (x, y))| values_agree(x, y, &format!("{place}[{at}]"))),
        (Value::Number(x), Value::Number(y)) if x.is_f64() && y.is_f64() => {
            match (x.as_f64(), y.as_f64()) {
                (Some(x), Some(y)) if close(x, y) => Ok(()),
                _ => Err(format!("{place} is {y}, not {x}")),
            }
        }
        _ if a == b => Ok(()),
        _ => Err(format!("{place} is {b}, not {a}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_kept_however_seldom_they_are_to_be_written() {
        let place = tempfile::tempdir().unwrap();
        let folder = JobFolder::of_run(place.path());
        fs::create_dir_all(folder.journals()).unwrap();
        let header = Header {
            job: "a".to_owned(),
            stage: "all".to_owned(),
            round: 1,
            task: 1,
            session: Session::here(),
            items: Vec::new(),
        };
        let journal = TaskJournal::new(&folder, header, Duration::MAX);
        journal.append(0, 1.0, &1, &());
        while !journal.path().exists() {
            thread::sleep(Duration::from_millis(1));
        }
        // The writer has counted the time until it writes again.
        journal.append(1, 1.0, &2, &());
        let path = journal.path().to_owned();
        journal.finish().unwrap();
        assert_eq!(fs::read_to_string(path).unwrap().lines().count(), 3);
    }
}
