//! A run as a folder that holds everything about it.
//!
//! | file | what it holds |
//! |---|---|
//! | `settings.json` | the settings, versioned; a folder takes only runs of these |
//! | `journal.jsonl` | one JSON line a session (a start of the program) and one a finished comparison |
//! | `results.csv` | the rows of the journal as CSV, for other programs |
//! | `summary.json` | the statistics, written at the end |
//! | `timeline.jsonl` | memory and progress over time (see [`timeline`](crate::timeline)) |
//! | `build.json` | the record of the program's build, where there is one |
//! | `lock` | locked while a session runs |
//!
//! The journal is the truth: it only grows, a line is on the disk before its row counts as finished, and
//! everything else can be written anew from it. A line that a crash cut short is dropped and its
//! comparison done again. Nothing is changed before all of it was read and found to belong to the run.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::append_file::{AppendFile, Lines, write_whole};
use crate::error::Error;
use crate::input;
use crate::journal::{ExactRecord, SettingsFile};
use crate::ledger::Ledger;
use crate::network::ProblemId;
use crate::provenance::{Provenance, cpu_ms, peak_memory_bytes};
use crate::row::{Row, close};
use crate::solver::{ExactPhi, TieRange};
use crate::suite::{Formalism, Key, Settings, Suite};
use crate::summary::Summaries;

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Line {
    /// The program was started.
    Session(Session),
    /// A comparison was finished.
    Comparison(Entry),
}

/// A start of the program in this folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// When, in milliseconds since 1970 (UTC).
    pub started_unix_ms: u64,
    /// What computed, and where.
    pub provenance: Provenance,
}

impl Session {
    /// That of this process, from now on.
    pub(crate) fn here() -> Session {
        Session { started_unix_ms: unix_ms(), provenance: Provenance::here() }
    }
}

/// A finished comparison, with everything about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Which comparison.
    #[serde(flatten)]
    pub key: Key,
    /// Its exact problem.
    pub problem: ProblemId,
    /// The estimates of all estimators, by name.
    pub estimates: BTreeMap<String, f64>,
    /// The exact result.
    pub exact: ExactPhi,
    /// The wall time that the exact problem took, in milliseconds.
    pub duration_ms: f64,
    /// The wall time since the start of the session, in milliseconds.
    pub elapsed_ms: f64,
    /// The processor time of the session so far, in milliseconds, where the system tells.
    pub cpu_ms: Option<u64>,
    /// The most memory the process has used so far, in bytes, where the system tells.
    pub peak_memory_bytes: Option<u64>,
    /// Its session, counted from 1, if that is not the last before it: in a run merged from several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<usize>,
}

impl Entry {
    /// The row of the CSV, with the estimates of `estimator`.
    ///
    /// # Errors
    /// If the entry lacks that estimator.
    pub fn row(&self, estimator: &str) -> Result<Row, String> {
        let phi_hdc = self.estimates.get(estimator).copied();
        let phi_hdc =
            phi_hdc.ok_or_else(|| format!("no estimate {estimator:?}, which the run is about"))?;
        let Entry { key, duration_ms, .. } = *self;
        Ok(Row { key, phi_hdc, phi_exact: self.exact.phi, duration_ms })
    }
}

/// What a journal says, read without changing anything.
#[derive(Debug, Clone)]
pub struct Contents {
    /// The suite of its settings.
    pub suite: Suite,
    /// The starts of the program.
    pub sessions: Vec<Session>,
    /// The finished comparisons, in the order in which they were finished.
    pub entries: Vec<Entry>,
    /// For each of them its session, counted from 1.
    pub session_of: Vec<usize>,
    /// Their rows.
    pub rows: Vec<Row>,
    /// For each of them its line in the journal, counted from 1.
    pub(crate) line_of: Vec<usize>,
    /// The bytes of whole lines.
    whole_len: usize,
    /// Whether a line was cut short.
    pub torn: bool,
}

impl Contents {
    /// Reads and checks the settings, the journal and the rows in `folder`.
    ///
    /// # Errors
    /// [`Error::Read`] if there are none; [`Error::Content`] with file and line if they were damaged
    /// other than by a crash, or if `results.csv` says something that the journal does not.
    pub fn read(folder: &Path) -> Result<Contents, Error> {
        let path = folder.join("settings.json");
        if !path.exists() {
            return Err(Error::Output {
                path: folder.to_owned(),
                message: "is not the folder of a run: expected a settings.json in it".to_owned(),
            });
        }
        let suite = Suite::new(SettingsFile::read(&path)?)?;
        let path = folder.join("journal.jsonl");
        let content = match fs::read(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(Error::Read { path, source }),
        };
        let contents = Contents::parse(&content, suite, &path)?;
        let path = folder.join("results.csv");
        match fs::read(&path) {
            Ok(csv) => check_csv(&csv, &contents, &path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(Error::Read { path, source }),
        }
        Ok(contents)
    }

    pub(crate) fn parse(content: &[u8], suite: Suite, path: &Path) -> Result<Contents, Error> {
        let lines = Lines::new(content);
        let mut contents = Contents {
            suite,
            sessions: Vec::new(),
            entries: Vec::new(),
            session_of: Vec::new(),
            rows: Vec::new(),
            line_of: Vec::new(),
            whole_len: lines.torn_at,
            torn: !lines.torn.is_empty(),
        };
        let mut seen: HashMap<Key, usize> = HashMap::new();
        let mut phi_of: HashMap<ProblemId, (f64, usize)> = HashMap::new();
        for (index, line) in lines.whole.iter().enumerate() {
            let number = index + 1;
            let wrong = |message: String| Error::Content {
                place: format!("{}, line {number}", path.display()),
                message,
            };
            match serde_json::from_slice(line).map_err(|error| wrong(error.to_string()))? {
                Line::Session(session) => contents.sessions.push(session),
                Line::Comparison(entry) => {
                    if contents.sessions.is_empty() {
                        return Err(wrong("expected a session before the first comparison".into()));
                    }
                    contents.check(&entry).map_err(wrong)?;
                    if let Some(first) = seen.insert(entry.key, number) {
                        return Err(wrong(format!("{} is in line {first} already", entry.key)));
                    }
                    let phi = entry.exact.phi;
                    let (known, first) = *phi_of.entry(entry.problem).or_insert((phi, number));
                    if !close(phi, known) {
                        return Err(wrong(format!(
                            "phi {phi:?}: expected {known:?} as in line {first}, which has the same \
                             exact problem"
                        )));
                    }
                    let estimator = &contents.suite.settings().estimator;
                    contents.rows.push(entry.row(estimator).map_err(wrong)?);
                    let (last, named) = (contents.sessions.len(), entry.session);
                    if named.is_some_and(|it| it == 0 || it > last) {
                        let named = named.unwrap_or_default();
                        return Err(wrong(format!("session {named}: expected 1 to {last}")));
                    }
                    contents.session_of.push(named.unwrap_or(last));
                    contents.entries.push(entry);
                    contents.line_of.push(number);
                }
            }
        }
        Ok(contents)
    }

    /// Whether an entry belongs to the suite and has possible numbers.
    fn check(&self, entry: &Entry) -> Result<(), String> {
        let Some(position) = self.suite.position(entry.key) else {
            return Err(format!("{} is not in the matrix of settings.json", entry.key));
        };
        let problem = &self.suite.problems()[self.suite.comparisons()[position].problem];
        if entry.problem != problem.id {
            return Err(format!("problem {}: expected {}", entry.problem, problem.id));
        }
        let phi = entry.exact.phi;
        if !(phi.is_finite() && phi >= 0.0) {
            return Err(format!("phi {phi:?}: expected a number of at least 0"));
        }
        let duration = entry.duration_ms;
        if !(duration.is_finite() && duration >= 0.0) {
            return Err(format!("duration_ms {duration:?}: expected a number of at least 0"));
        }
        let n = entry.key.n;
        let mut severed =
            entry.exact.cut.iter().flat_map(|cut| cut.severed_from.iter().chain(&cut.severed_to));
        if let Some(unit) = severed.find(|unit| **unit >= n) {
            return Err(format!("cut with unit {unit}: expected units 0 to {}", n - 1));
        }
        if let Some(TieRange { low, high, .. }) = entry.exact.range
            && !(low >= 0.0 && low <= phi && phi <= high && high.is_finite())
        {
            return Err(format!("range from {low:?} to {high:?}: expected phi {phi:?} within it"));
        }
        Ok(())
    }

    /// What is known of the exact problems, each once.
    pub fn records(&self) -> Vec<ExactRecord> {
        let mut known = HashSet::new();
        let first = self.entries.iter().filter(|it| known.insert(it.problem));
        first.map(Entry::record).collect()
    }

    /// The statistics of what is finished.
    pub fn summary(&self) -> Summaries {
        Summaries::new(&self.suite, "results.csv", &self.rows, &self.records())
    }

    /// What there is of each theory, in their order; of a single one that is everything.
    pub fn by_formalism(&self) -> Vec<Cow<'_, Contents>> {
        if self.suite.settings().formalism().is_some() {
            return vec![Cow::Borrowed(self)];
        }
        let formalisms = self.suite.settings().formalisms.iter();
        formalisms.map(|it| Cow::Owned(self.of_formalism(*it))).collect()
    }

    fn of_formalism(&self, formalism: Formalism) -> Contents {
        let is_of = |row: &Row| row.key.case.is_some_and(|it| it.formalism == formalism);
        let kept: Vec<usize> = (0..self.rows.len()).filter(|&at| is_of(&self.rows[at])).collect();
        Contents {
            suite: self.suite.of_formalism(formalism),
            sessions: self.sessions.clone(),
            entries: kept.iter().map(|&at| self.entries[at].clone()).collect(),
            session_of: kept.iter().map(|&at| self.session_of[at]).collect(),
            rows: kept.iter().map(|&at| self.rows[at]).collect(),
            line_of: kept.iter().map(|&at| self.line_of[at]).collect(),
            whole_len: self.whole_len,
            torn: self.torn,
        }
    }

    /// Whether every comparison is there.
    pub fn is_finished(&self) -> bool {
        self.rows.len() == self.suite.comparisons().len()
    }

    /// The CSV of the rows.
    pub fn csv(&self) -> String {
        let lines = self.rows.iter().map(|row| row.to_line() + "\n");
        let header = Row::header(self.suite.settings().has_cases());
        format!("{header}\n{}", lines.collect::<String>())
    }
}

impl Entry {
    fn record(&self) -> ExactRecord {
        ExactRecord {
            problem: self.problem,
            key: self.key,
            exact: self.exact.clone(),
            duration_ms: self.duration_ms,
        }
    }
}

/// A run folder that this process writes to.
#[derive(Debug)]
pub struct RunFolder {
    folder: PathBuf,
    journal: AppendFile,
    csv: AppendFile,
    _lock: AppendFile,
    contents: Contents,
    records: HashMap<ProblemId, ExactRecord>,
    started: Instant,
    notes: Vec<String>,
}

impl RunFolder {
    /// Opens the folder for a session of a run of `suite`, or makes it. A run that is not finished
    /// goes on by itself.
    ///
    /// # Errors
    /// [`Error::Output`] if the folder holds something else, a run of other settings, or a run that
    /// another process is writing; as [`Contents::read`]; [`Error::Content`] if `results.csv` says
    /// something that the journal does not. Nothing was changed then.
    pub fn open(folder: &Path, suite: &Suite) -> Result<RunFolder, Error> {
        let refuse = |message: String| Error::Output { path: folder.to_owned(), message };
        let path = |name: &str| folder.join(name);
        let is_run = path("settings.json").exists();
        if !is_run {
            match fs::read_dir(folder) {
                Ok(found) => {
                    let ours = |name: &Path| {
                        let name = name.to_string_lossy();
                        name == "lock" || name.starts_with("settings.json.")
                    };
                    let mut found = found.filter_map(Result::ok);
                    if let Some(other) = found.find(|it| !ours(Path::new(&it.file_name()))) {
                        return Err(refuse(format!(
                            "is not the folder of a run, but holds {:?}: choose another name",
                            other.file_name()
                        )));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    fs::create_dir_all(folder).map_err(|source| write_error(folder, source))?;
                }
                Err(source) => return Err(Error::Read { path: folder.to_owned(), source }),
            }
        }
        let lock = lock(folder)?;
        if is_run {
            let theirs = SettingsFile::read(&path("settings.json"))?;
            let differences = theirs.differences(suite.settings());
            if !differences.is_empty() {
                return Err(refuse(format!(
                    "holds a run of other settings ({}): pass the same settings, or choose another \
                     name",
                    differences.join("; ")
                )));
            }
        } else {
            SettingsFile::write(&path("settings.json"), suite.settings())?;
        }

        let mut journal = AppendFile::open(&path("journal.jsonl"), false)?;
        let content = journal.read()?;
        let contents = Contents::parse(&content, suite.clone(), &path("journal.jsonl"))?;
        let mut notes = Vec::new();
        let mut csv = AppendFile::open(&path("results.csv"), false)?;
        let old = csv.read()?;
        check_csv(&old, &contents, &path("results.csv"))?;

        // Everything was read and belongs to this run: only now the files may change.
        if contents.torn {
            notes.push(format!(
                "{}: the last line was cut short by a crash; what it was about is done again",
                path("journal.jsonl").display()
            ));
        }
        journal.truncate(contents.whole_len)?;
        let text = contents.csv();
        if old != text.as_bytes() {
            write_whole(&path("results.csv"), &text)?;
            csv = AppendFile::open(&path("results.csv"), false)?;
            csv.read()?;
        }
        let session = Session::here();
        journal.append(&json(&Line::Session(session.clone())))?;
        let mut run = RunFolder {
            folder: folder.to_owned(),
            journal,
            csv,
            _lock: lock,
            records: contents.records().into_iter().map(|it| (it.problem, it)).collect(),
            contents,
            started: Instant::now(),
            notes,
        };
        run.contents.sessions.push(session);
        Ok(run)
    }

    /// What the run holds by now.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// What was found and put right on opening, for a person.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Copies the record of the program's build into the folder, instead of that of an earlier session.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Content`] if it is no JSON; [`Error::Write`].
    pub fn keep_build_record(&self, record: &Path) -> Result<(), Error> {
        let text = input::text(record, input::RECORD)?;
        serde_json::from_str::<serde_json::Value>(&text).map_err(|error| Error::Content {
            place: record.display().to_string(),
            message: error.to_string(),
        })?;
        write_whole(&self.folder.join("build.json"), text)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn with_note(&self, error: Error) -> Error {
        match error {
            Error::Write { path, source, .. } => {
                let n = self.contents.rows.len();
                let note = format!("; {n} finished rows are kept: put it right and start it again");
                Error::Write { path, source, note }
            }
            other => other,
        }
    }
}

impl Ledger for RunFolder {
    fn rows(&self) -> &[Row] {
        &self.contents.rows
    }

    fn record(&self, problem: ProblemId) -> Option<&ExactRecord> {
        self.records.get(&problem)
    }

    fn append_record(&mut self, record: ExactRecord) -> Result<(), Error> {
        self.records.insert(record.problem, record);
        Ok(())
    }

    fn append_row(&mut self, row: Row, estimates: &[(String, f64)]) -> Result<(), Error> {
        let suite = &self.contents.suite;
        let position = suite.position(row.key).expect("a row of the suite");
        let problem = suite.problems()[suite.comparisons()[position].problem].id;
        let record = self.records.get(&problem).expect("solved before its rows");
        let mut estimates: BTreeMap<String, f64> = estimates.iter().cloned().collect();
        estimates.insert(suite.settings().estimator.clone(), row.phi_hdc);
        let entry = Entry {
            key: row.key,
            problem,
            estimates,
            exact: record.exact.clone(),
            duration_ms: row.duration_ms,
            elapsed_ms: milliseconds(self.started.elapsed()),
            cpu_ms: cpu_ms(),
            peak_memory_bytes: peak_memory_bytes(),
            session: None,
        };
        let line = json(&Line::Comparison(entry.clone()));
        self.journal.append(&line).map_err(|error| self.with_note(error))?;
        self.contents.entries.push(entry);
        self.contents.session_of.push(self.contents.sessions.len());
        self.contents.rows.push(row);
        let n_lines = self.contents.entries.len() + self.contents.sessions.len();
        self.contents.line_of.push(n_lines);
        self.csv.append(&row.to_line()).map_err(|error| self.with_note(error))
    }

    fn place(&self, index: usize) -> String {
        let journal = self.folder.join("journal.jsonl");
        format!("{}, line {}", journal.display(), self.contents.line_of[index])
    }

    fn how_to_go_on(&self) -> String {
        format!("{}; the same command goes on from there", self.folder.display())
    }
}

/// Whether a `results.csv` says nothing that the journal does not: its rows are the first of the journal's,
/// or rows that a torn journal has lost.
fn check_csv(content: &[u8], contents: &Contents, path: &Path) -> Result<(), Error> {
    let expected = contents.csv();
    let mut expected = expected.lines();
    for (index, line) in Lines::new(content).whole.iter().enumerate() {
        let wrong = |message: String| Error::Content {
            place: format!("{}, line {}", path.display(), index + 1),
            message: format!("{message}; without this file it is written anew"),
        };
        let text = str::from_utf8(line).map_err(|_| wrong("not UTF-8".to_owned()))?;
        match expected.next() {
            Some(expected) if expected == text => {}
            Some(expected) => {
                return Err(wrong(format!("{text:?}: expected {expected:?} as in the journal")));
            }
            None => {
                let row = Row::parse(text, contents.suite.settings().has_cases()).map_err(wrong)?;
                if contents.suite.position(row.key).is_none() {
                    return Err(wrong(format!("{} is not in the matrix", row.key)));
                }
            }
        }
    }
    Ok(())
}

/// A run among others, as the list of runs shows it.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// The name of its folder.
    pub name: String,
    /// The rows that are finished, and those there will be; none if the folder cannot be read.
    pub rows: Option<(usize, usize)>,
    /// When it was first started, in milliseconds since 1970 (UTC).
    pub started_unix_ms: Option<u64>,
    /// Whether a process is writing it now.
    pub is_running: bool,
    /// What it compares.
    pub settings: Option<Settings>,
    /// Why it cannot be read, if so.
    pub error: Option<String>,
}

/// The runs in a folder of runs, by name. Folders without settings are no runs.
///
/// # Errors
/// [`Error::Read`]; a folder that does not exist has no runs.
pub fn list(runs: &Path) -> Result<Vec<Listed>, Error> {
    let found = match fs::read_dir(runs) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(Error::Read { path: runs.to_owned(), source }),
    };
    let mut folders: Vec<PathBuf> = found.filter_map(|it| Some(it.ok()?.path())).collect();
    folders.retain(|it| it.join("settings.json").exists());
    folders.sort();
    let listed = folders.into_iter().map(|folder| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_running = is_locked(&folder.join("lock"));
        match Contents::read(&folder) {
            Ok(contents) => Listed {
                name,
                rows: Some((contents.rows.len(), contents.suite.comparisons().len())),
                started_unix_ms: contents.sessions.first().map(|it| it.started_unix_ms),
                is_running,
                settings: Some(contents.suite.settings().clone()),
                error: None,
            },
            Err(error) => Listed {
                name,
                rows: None,
                started_unix_ms: None,
                is_running,
                settings: None,
                error: Some(error.to_string()),
            },
        }
    });
    Ok(listed.collect())
}

/// Takes a folder for this process, until what is returned is dropped.
///
/// # Errors
/// [`Error::Output`] if another process has it; [`Error::Write`].
pub(crate) fn lock(folder: &Path) -> Result<AppendFile, Error> {
    let lock = AppendFile::open(&folder.join("lock"), false)?;
    let message = "another process is running it: wait for it to end, or choose another name";
    let taken = lock.lock();
    taken.map_err(|_| Error::Output { path: folder.to_owned(), message: message.to_owned() })?;
    Ok(lock)
}

/// Whether another process holds this lock.
fn is_locked(lock: &Path) -> bool {
    let file = fs::File::open(lock);
    file.is_ok_and(|it| matches!(it.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_millis() as u64)
}

/// In steps of a microsecond.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

fn json(line: &Line) -> String {
    serde_json::to_string(line).expect("plain data")
}

fn write_error(path: &Path, source: io::Error) -> Error {
    Error::Write { path: path.to_owned(), source, note: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{finish, suite, temporary};
    use tempfile::TempDir;

    fn finished(suite: &Suite) -> (TempDir, PathBuf) {
        let runs = temporary();
        let folder = runs.path().join("first");
        finish(&mut RunFolder::open(&folder, suite).unwrap(), suite);
        (runs, folder)
    }

    fn read(folder: &Path, name: &str) -> String {
        fs::read_to_string(folder.join(name)).unwrap()
    }

    #[test]
    fn a_run_is_read_as_it_was_written() {
        let suite = suite();
        let (_runs, folder) = finished(&suite);
        let contents = Contents::read(&folder).unwrap();
        assert!(contents.is_finished() && !contents.torn);
        assert_eq!((contents.sessions.len(), contents.entries.len()), (1, 4));
        assert_eq!(contents.csv(), read(&folder, "results.csv"));
        let entry = &contents.entries[1];
        assert_eq!(entry.estimates["spectral"], 0.25);
        assert_eq!(entry.estimates["hdc"], contents.rows[1].phi_hdc);
        assert_eq!(entry.exact.counters["cuts"], 7);
        assert_eq!(contents.records().len(), suite.problems().len());
        // Opened again there is nothing to do, and only a session more.
        let run = RunFolder::open(&folder, &suite).unwrap();
        assert_eq!((run.rows().len(), run.contents().sessions.len()), (4, 2));
        assert!(run.notes().is_empty());
    }

    #[test]
    fn a_journal_cut_at_any_byte_goes_on() {
        let suite = suite();
        let (_runs, folder) = finished(&suite);
        let whole = read(&folder, "journal.jsonl");
        let csv = read(&folder, "results.csv");
        // What is read of a journal that ends at any byte: its whole lines.
        for len in 0..=whole.len() {
            let part = &whole[..len];
            let contents =
                Contents::parse(part.as_bytes(), suite.clone(), Path::new("journal.jsonl"))
                    .unwrap();
            let n_lines = part.matches('\n').count();
            assert_eq!(contents.sessions.len() + contents.rows.len(), n_lines, "cut at {len}");
            assert_eq!(contents.torn, !part.is_empty() && !part.ends_with('\n'), "cut at {len}");
        }
        // And what a run makes of it, on the disk: at every byte of the last two lines, around the ends of the
        // others and at bytes between them.
        let near_end =
            |len: usize| whole[len.saturating_sub(2)..(len + 2).min(whole.len())].contains('\n');
        let last_two = whole.match_indices('\n').rev().nth(2).expect("five lines").0;
        let is_cut =
            |len: usize| len < 3 || len.is_multiple_of(61) || near_end(len) || len > last_two;
        for len in (0..=whole.len()).filter(|&len| is_cut(len)) {
            fs::write(folder.join("journal.jsonl"), &whole[..len]).unwrap();
            // The CSV as it was when the journal was cut (a power cut), or behind it by a row.
            let n_entries = whole[..len].matches("\n").count().saturating_sub(1);
            let n_kept = if len % 2 == 0 { 5 } else { n_entries };
            let kept: String = csv.split_inclusive('\n').take(n_kept).collect();
            fs::write(folder.join("results.csv"), kept).unwrap();
            let mut run = RunFolder::open(&folder, &suite).unwrap();
            assert_eq!(run.rows().len(), n_entries, "cut at {len}");
            let torn = len > 0 && whole.as_bytes()[len - 1] != b'\n';
            assert_eq!(!run.notes().is_empty(), torn, "cut at {len}");
            finish(&mut run, &suite);
            drop(run);
            assert_eq!(read(&folder, "results.csv"), csv, "cut at {len}");
            assert_eq!(Contents::read(&folder).unwrap().csv(), csv, "cut at {len}");
        }
    }

    /// Opening must fail with this message (`{}` stands for the folder) and change nothing.
    #[track_caller]
    fn check_refused(folder: &Path, suite: &Suite, message: &str) {
        let content =
            || ["journal.jsonl", "results.csv"].map(|name| fs::read(folder.join(name)).ok());
        let before = content();
        let error = RunFolder::open(folder, suite).unwrap_err();
        let found = error.to_string().replace(&folder.display().to_string(), "{}");
        assert!(found.starts_with(message), "{found}\nexpected {message}");
        assert_eq!(error.exit(), crate::exit::Exit::BadInput);
        assert_eq!(content(), before);
    }

    #[test]
    fn broken_and_foreign_journals_are_refused_with_the_line() {
        let suite = suite();
        let (_runs, folder) = finished(&suite);
        let whole = read(&folder, "journal.jsonl");
        let check = |from: &str, to: &str, message: &str| {
            assert!(whole.contains(from), "{from}");
            fs::write(folder.join("journal.jsonl"), whole.replacen(from, to, 1)).unwrap();
            check_refused(&folder, &suite, &format!("{{}}/journal.jsonl, {message}"));
        };
        check("\"n\":5", "\"n\":6", "line 2: Ring n = 6 seed 42 is not in the matrix");
        check("\"seed\":123", "\"seed\":42", "line 3: Ring n = 5 seed 42 is in line 2 already");
        check("\"phi\":0.0", "\"phi\":-1.0", "line 2: phi -1.0: expected a number of at least 0");
        check("\"phi\":0.0", "\"phi\":0.5", "line 3: phi 0.0: expected 0.5 as in line 2, which");
        check(
            "\"duration_ms\":0.125",
            "\"duration_ms\":-1.0",
            "line 2: duration_ms -1.0: expected a number of at least 0",
        );
        check(
            "\"severed_from\":[0]",
            "\"severed_from\":[7]",
            "line 2: cut with unit 7: expected units 0 to 4",
        );
        check("\"kind\":\"comparison\"", "\"kind\":\"joke\"", "line 2: unknown variant `joke`");
        check("\"hdc\":", "\"cdh\":", "line 2: no estimate \"hdc\", which the run is about");
        check("{\"kind\":\"session\"", "{\"kind\":\"comparison\"", "line 1: missing field");
    }

    #[test]
    fn a_csv_edited_by_hand_is_refused_with_the_line() {
        let suite = suite();
        let (_runs, folder) = finished(&suite);
        let csv = read(&folder, "results.csv");
        fs::write(folder.join("results.csv"), csv.replacen(",123,", ",124,", 1)).unwrap();
        check_refused(&folder, &suite, "{}/results.csv, line 3: \"Ring,5,124,");
        fs::write(folder.join("results.csv"), csv.clone() + "total,1\n").unwrap();
        check_refused(&folder, &suite, "{}/results.csv, line 6: 2 fields, expected 8");
        fs::remove_file(folder.join("results.csv")).unwrap();
        RunFolder::open(&folder, &suite).unwrap();
        assert_eq!(read(&folder, "results.csv"), csv);
    }

    #[test]
    fn a_folder_takes_one_run_of_its_settings_at_a_time() {
        let suite = suite();
        let (runs, folder) = finished(&suite);
        let more = Settings { seeds: vec![42], ..suite.settings().clone() };
        check_refused(
            &folder,
            &Suite::new(more).unwrap(),
            "{}: holds a run of other settings (seeds: 42, 123, not 42): pass the same settings",
        );
        let first = RunFolder::open(&folder, &suite).unwrap();
        assert!(list(runs.path()).unwrap()[0].is_running);
        check_refused(&folder, &suite, "{}: another process is running it");
        drop(first);
        assert!(!list(runs.path()).unwrap()[0].is_running);
        let other = runs.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("thesis.tex"), "").unwrap();
        check_refused(&other, &suite, "{}: is not the folder of a run, but holds \"thesis.tex\"");
        let settings = read(&folder, "settings.json").replace("\"version\": 1", "\"version\": 9");
        fs::write(folder.join("settings.json"), settings).unwrap();
        check_refused(
            &folder,
            &suite,
            "{}/settings.json: schema \"phi-validation/settings\" version 9",
        );
        let listed = list(runs.path()).unwrap();
        assert_eq!(listed.len(), 1);
        assert!(listed[0].error.as_ref().unwrap().contains("version 9"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_said_and_takes_no_row() {
        let suite = suite();
        let (_runs, folder) = finished(&suite);
        let mut run = RunFolder::open(&folder, &suite).unwrap();
        run.journal.redirect(fs::OpenOptions::new().append(true).open("/dev/full").unwrap());
        let row = run.rows()[0];
        let message = run.append_row(row, &[]).unwrap_err().to_string();
        assert!(message.contains("journal.jsonl: No space left on device"), "{message}");
        assert!(message.ends_with("; 4 finished rows are kept: put it right and start it again"));
        assert_eq!(run.rows().len(), 4);
    }
}
