//! The files of a run, which hold everything about it.
//!
//! | file | what it holds |
//! |---|---|
//! | `settings.json` | the settings, versioned; a folder takes only runs of these |
//! | `journal.jsonl` | one JSON line for each session (start of the program) and comparison |
//! | `results.csv` | the rows of the journal as CSV, for other programs |
//! | `summary.json` | the statistics, written at the end |
//! | `timeline.jsonl` | memory and progress over time (see [`timeline`]) |
//! | `build.json` | the record of the program's build, where there is one |
//! | `lock` | locked while a session runs |
//!
//! A run without a folder has the first four beside its CSV (see [`Outputs`]), and locks the CSV.
//!
//! The journal is the truth: it only grows, a line is on the disk before its row counts as
//! finished, and everything else can be written anew from it. A line that a crash cut short is
//! dropped and its comparison done again. Every line carries a check (see `seal`), and the CSV says
//! nothing that the journal does not. Nothing is changed before all of it was read and found to
//! belong to the run.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use phi_protocol::{BuildRecord, Results};
use serde::{Deserialize, Serialize};

use crate::engine::result::{ExactPhi, check_bytes, check_ms};
use crate::error::Error;
use crate::files::append::{
    AppendFile, Lines, Lock, exists, len_of_file, open_own, read_or_nothing, without_locks,
    write_whole,
};
use crate::files::input;
use crate::files::seal::{Chain, Link};
use crate::machine::provenance::{Provenance, cpu_ms, peak_memory_bytes};
use crate::model::network::ProblemId;
use crate::run::journal::{ExactRecord, IfExists, Outputs, SettingsFile};
use crate::run::ledger::Ledger;
use crate::run::row::{Row, close};
use crate::run::timeline;
use crate::suite::{Formalism, Key, Settings, Suite};
use crate::wording::short;

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum JournalLine {
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
    /// The program, the build and the machine.
    pub provenance: Provenance,
}

impl Session {
    /// The first moment that is too late for a session: the year 10000, which dates cannot write.
    const TOO_LATE_UNIX_MS: u64 = 253_402_300_800_000;

    /// Returns the session of this process, from now on.
    pub(crate) fn here() -> Session {
        let started_unix_ms = unix_ms().min(Session::TOO_LATE_UNIX_MS - 1);
        Session { started_unix_ms, provenance: Provenance::here() }
    }

    /// Checks that its numbers can be.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.started_unix_ms >= Session::TOO_LATE_UNIX_MS {
            return Err(format!(
                "started_unix_ms {}: expected less than {}, the year 10000",
                self.started_unix_ms,
                Session::TOO_LATE_UNIX_MS
            ));
        }
        check_bytes("memory_bytes", self.provenance.memory_bytes)
    }
}

/// A finished comparison, with everything about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The key of the comparison.
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
    /// Its session, counted from 1, if that is not the last before it: in a run merged from
    /// several.
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

    /// `true` if both have the same result, but for the last digits: times and counters may differ.
    pub(crate) fn agrees(&self, other: &Entry) -> bool {
        let close_estimate = |(name, it): (&String, &f64)| {
            other.estimates.get(name).is_some_and(|other| close(*it, *other))
        };
        (self.key, self.problem) == (other.key, other.problem)
            && close(self.exact.phi, other.exact.phi)
            && self.estimates.len() == other.estimates.len()
            && self.estimates.iter().all(close_estimate)
    }

    /// Checks that it belongs to the suite and its numbers can be.
    pub(crate) fn check(&self, suite: &Suite) -> Result<(), String> {
        let Some(position) = suite.position(self.key) else {
            return Err(format!("{} is not in the matrix of the settings", self.key));
        };
        let problem = &suite.problems()[suite.comparisons()[position].problem];
        if self.problem != problem.id {
            return Err(format!("problem {}: expected {}", self.problem, problem.id));
        }
        for (name, estimate) in &self.estimates {
            if name.len() > 100 || name.chars().any(char::is_control) {
                return Err(format!("estimate {name:?}: expected the name of an estimator"));
            }
            if !(-Row::LARGEST..=Row::LARGEST).contains(estimate) {
                let most = Row::LARGEST;
                return Err(format!(
                    "estimate {name} {estimate:?}: expected a number from -{most:e} to {most:e}"
                ));
            }
        }
        self.exact.check(self.key.n)?;
        check_ms("duration_ms", self.duration_ms)?;
        check_ms("elapsed_ms", self.elapsed_ms)?;
        check_ms("cpu_ms", self.cpu_ms.unwrap_or(0) as f64)?;
        check_bytes("peak_memory_bytes", self.peak_memory_bytes)
    }

    fn record(&self) -> ExactRecord {
        ExactRecord {
            problem: self.problem,
            key: self.key,
            exact: self.exact.clone(),
            duration_ms: self.duration_ms,
        }
    }
}

/// The paths of a run's files.
#[derive(Debug, Clone)]
struct Paths {
    /// The folder, or the CSV of a run without one: what a person calls the run.
    root: PathBuf,
    settings: PathBuf,
    journal: PathBuf,
    csv: PathBuf,
    /// `true` if there is no folder.
    is_beside: bool,
}

impl Paths {
    fn of_folder(folder: &Path) -> Paths {
        Paths {
            root: folder.to_owned(),
            settings: folder.join("settings.json"),
            journal: folder.join("journal.jsonl"),
            csv: folder.join("results.csv"),
            is_beside: false,
        }
    }

    fn beside(outputs: &Outputs) -> Paths {
        let Outputs { csv, settings, journal, .. } = outputs.clone();
        Paths { root: csv.clone(), settings, journal, csv, is_beside: true }
    }
}

/// The contents of a journal, read without changing anything.
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
    /// `true` if a line was cut short.
    pub torn: bool,
}

impl Contents {
    /// Reads and checks the settings, the journal and the rows in `folder`.
    ///
    /// # Errors
    /// [`Error::Read`] if there are none; [`Error::Content`] with file and line if they were
    /// damaged other than by a crash, or if `results.csv` says something that the journal does not;
    /// [`Error::Output`] if the journal has lost rows that `results.csv` has.
    pub fn read(folder: &Path) -> Result<Contents, Error> {
        let paths = Paths::of_folder(folder);
        if !exists(&paths.settings)? {
            return Err(Error::Output {
                path: folder.to_owned(),
                message: "is not the folder of a run: expected a settings.json in it".to_owned(),
            });
        }
        let suite = Suite::new(SettingsFile::read(&paths.settings)?)?;
        Ok(Files::read(&paths, suite)?.reading.contents)
    }

    /// The contents of a journal in the file `path`.
    pub(crate) fn parse(content: &[u8], suite: Suite, path: &Path) -> Result<Contents, Error> {
        Reading::of(content, suite, path).map(|it| it.contents)
    }

    fn new(suite: Suite) -> Contents {
        Contents {
            suite,
            sessions: Vec::new(),
            entries: Vec::new(),
            session_of: Vec::new(),
            rows: Vec::new(),
            line_of: Vec::new(),
            torn: false,
        }
    }

    /// Returns the records of the exact problems, each once.
    pub fn records(&self) -> Vec<ExactRecord> {
        let mut known = HashSet::new();
        let first = self.entries.iter().filter(|it| known.insert(it.problem));
        first.map(Entry::record).collect()
    }

    /// Divides the contents by theory, in the order of the theories. Contents of a single theory
    /// stay as they are.
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
            torn: self.torn,
        }
    }

    /// `true` if every comparison is there.
    pub fn is_finished(&self) -> bool {
        self.rows.len() == self.suite.comparisons().len()
    }

    /// The CSV of the rows.
    pub fn csv(&self) -> String {
        let rows = self.rows.iter().zip(&self.entries);
        let lines = rows.map(|(row, entry)| self.line(*row, &entry.estimates) + "\n");
        format!("{}\n{}", Row::header(self.suite.settings()), lines.collect::<String>())
    }

    /// The line of a row in the CSV.
    fn line(&self, row: Row, estimates: &BTreeMap<String, f64>) -> String {
        let others = self.suite.settings().other_estimators.iter();
        row.to_line_with(others.map(|it| estimates.get(it).copied()))
    }

    /// The CSV as earlier versions wrote it, with one estimate a row.
    fn narrow_csv(&self) -> String {
        let lines = self.rows.iter().map(|row| row.to_line() + "\n");
        format!("{}\n{}", Row::first_columns(self.suite.settings()), lines.collect::<String>())
    }

    /// `true` if a CSV has one estimate a row though the run has several.
    fn is_narrow(&self, csv: &[u8]) -> bool {
        let settings = self.suite.settings();
        let after = csv.strip_prefix(Row::first_columns(settings).as_bytes());
        !settings.other_estimators.is_empty() && after.is_some_and(|it| it.starts_with(b"\n"))
    }

    /// The programs that computed the rows, with the number of rows of each, in the order of their
    /// first rows.
    pub fn programs(&self) -> Vec<(String, usize)> {
        let mut programs: Vec<(String, usize)> = Vec::new();
        let of_session: Vec<String> =
            self.sessions.iter().map(|it| it.provenance.program()).collect();
        for session in &self.session_of {
            let program = &of_session[session - 1];
            match programs.iter_mut().find(|(it, _)| it == program) {
                Some((_, count)) => *count += 1,
                None => programs.push((program.clone(), 1)),
            }
        }
        programs
    }
}

/// The one reader of journals: lines in, [`Contents`] out.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) contents: Contents,
    chain: Chain,
    /// The place of each row among the entries.
    places: HashMap<Key, usize>,
    /// Φ of each exact problem, and the line that said so first.
    phi_of: HashMap<ProblemId, (f64, usize)>,
    /// The bytes of whole lines.
    whole_len: usize,
    /// Lines that say what an earlier one has said.
    n_doubled: usize,
    /// `true` if several sessions have written at the same time.
    is_mixed: bool,
}

impl Reading {
    /// Nothing yet.
    pub(crate) fn new(suite: Suite) -> Reading {
        Reading {
            contents: Contents::new(suite),
            chain: Chain::new("journal"),
            places: HashMap::new(),
            phi_of: HashMap::new(),
            whole_len: 0,
            n_doubled: 0,
            is_mixed: false,
        }
    }

    fn of(content: &[u8], suite: Suite, path: &Path) -> Result<Reading, Error> {
        let lines = Lines::new(content);
        let mut reading = Reading::new(suite);
        for (index, line) in lines.whole.iter().enumerate() {
            let number = index + 1;
            reading.line(line, number).map_err(|message| {
                let remedy = match index {
                    0 => "",
                    _ => {
                        "; the lines before it are whole: with only these in the file, and \
                          without the CSV, the run goes on from there"
                    }
                };
                Error::Content {
                    place: format!("{}, line {number}", path.display()),
                    message: format!("{}{remedy}", short(&message)),
                }
            })?;
        }
        reading.whole_len = lines.torn_at;
        reading.contents.torn = !lines.torn.is_empty();
        Ok(reading)
    }

    fn line(&mut self, line: &[u8], number: usize) -> Result<(), String> {
        let text = str::from_utf8(line).map_err(|_| "not UTF-8".to_owned())?;
        let is_start = |object: &str| object.starts_with("{\"kind\":\"session\"");
        let (object, link) = self.chain.read(text, is_start)?;
        let line: JournalLine = serde_json::from_str(&object).map_err(|error| error.to_string())?;
        match (line, link) {
            (_, Link::Again(_)) => self.n_doubled += 1,
            (JournalLine::Session(session), Link::Start) => self.start(session)?,
            (JournalLine::Comparison(entry), Link::Of(session)) => {
                self.is_mixed |= session + 1 != self.contents.sessions.len();
                let session = entry.session.unwrap_or(session + 1);
                self.add(entry, session, number)?;
            }
            _ => return Err("expected a session before the first comparison".to_owned()),
        }
        Ok(())
    }

    /// Adds a start of the program.
    ///
    /// # Errors
    /// If the session cannot be one of this run.
    pub(crate) fn start(&mut self, session: Session) -> Result<(), String> {
        session.check()?;
        self.contents.sessions.push(session);
        Ok(())
    }

    /// Adds a finished comparison of a session (counted from 1), unless it is there with the same
    /// result. `line` is where it stands in the journal.
    ///
    /// # Errors
    /// If the comparison cannot be one of this run. The message says what was expected.
    pub(crate) fn add(&mut self, entry: Entry, session: usize, line: usize) -> Result<(), String> {
        let contents = &mut self.contents;
        entry.check(&contents.suite)?;
        if let Some(&place) = self.places.get(&entry.key) {
            let (there, first) = (&contents.entries[place], contents.line_of[place]);
            if there.agrees(&entry) {
                self.n_doubled += 1;
                return Ok(());
            }
            return Err(format!(
                "{} is in line {first} already, with another result (phi {:?}, not {:?})",
                entry.key, there.exact.phi, entry.exact.phi
            ));
        }
        let phi = entry.exact.phi;
        let (known, first) = *self.phi_of.entry(entry.problem).or_insert((phi, line));
        if !close(phi, known) {
            return Err(format!(
                "phi {phi:?}: expected {known:?} as in line {first}, which has the same exact \
                 problem"
            ));
        }
        let row = entry.row(&contents.suite.settings().estimator)?;
        let last = contents.sessions.len();
        if !(1..=last).contains(&session) {
            return Err(format!("session {session}: expected 1 to {last}"));
        }
        self.places.insert(entry.key, contents.rows.len());
        contents.rows.push(row);
        contents.session_of.push(session);
        contents.entries.push(entry);
        contents.line_of.push(line);
        Ok(())
    }
}

/// The journal of a run that has these sessions, then these comparisons, each with its session
/// counted from 1.
pub(crate) fn journal_of(contents: &Contents) -> String {
    let mut chain = Chain::new("journal");
    let sessions = contents.sessions.iter().cloned().map(JournalLine::Session);
    let entries = contents.entries.iter().zip(&contents.session_of);
    let entries = entries.map(|(it, session)| {
        JournalLine::Comparison(Entry { session: Some(*session), ..it.clone() })
    });
    let mut text = String::new();
    for line in sessions.chain(entries) {
        let is_start = matches!(line, JournalLine::Session(_));
        let line = chain.next(&json(&line));
        chain.read(&line, |_| is_start).expect("it follows the line before it");
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// The contents of a run's files, checked and unchanged.
struct Files {
    reading: Reading,
    journal_len: usize,
    csv: Vec<u8>,
    /// The CSV has one estimate a row though the run has several: an earlier version wrote it.
    is_narrow: bool,
}

impl Files {
    fn read(paths: &Paths, suite: Suite) -> Result<Files, Error> {
        // In this order, since a run may be writing: a row is in the journal first.
        let csv = read_or_nothing(&paths.csv)?;
        let journal = read_or_nothing(&paths.journal)?;
        let reading = Reading::of(&journal, suite, &paths.journal)?;
        let contents = &reading.contents;
        let is_narrow = contents.is_narrow(&csv);
        let expected = if is_narrow { contents.narrow_csv() } else { contents.csv() };
        check_csv(&csv, &expected, contents, paths)?;
        Ok(Files { reading, journal_len: journal.len(), csv, is_narrow })
    }
}

/// The files of a run that this process writes to.
#[derive(Debug)]
pub struct RunFolder {
    paths: Paths,
    journal: AppendFile,
    csv: AppendFile,
    /// The lock of the folder. `None` for a run without a folder, which locks its CSV.
    lock: Option<Lock>,
    reading: Reading,
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
    /// another process is writing; as [`Contents::read`]. Nothing was changed then.
    pub fn open(folder: &Path, suite: &Suite) -> Result<RunFolder, Error> {
        let refuse = |message: String| Error::Output { path: folder.to_owned(), message };
        let paths = Paths::of_folder(folder);
        check_files(folder)?;
        let is_run = exists(&paths.settings)?;
        if is_run {
            // Nothing is made in a folder that only looks like one of ours.
            SettingsFile::read(&paths.settings)?;
        } else {
            match fs::read_dir(folder) {
                Ok(found) => {
                    let ours = |name: &Path| {
                        let name = name.to_string_lossy();
                        name == LOCK || name.starts_with("settings.json.")
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
        // Another process may have made the run meanwhile.
        if exists(&paths.settings)? {
            let theirs = SettingsFile::read(&paths.settings)?;
            let differences = theirs.differences(suite.settings());
            if !differences.is_empty() {
                return Err(refuse(format!(
                    "holds a run of other settings ({}): pass the same settings, or choose another \
                     name",
                    differences.join("; ")
                )));
            }
        } else {
            SettingsFile::write(&paths.settings, suite.settings())?;
        }
        let holds = lock.holds();
        RunFolder::go_on(paths, Some(lock), holds, None, suite)
    }

    /// Opens the files of a run without a folder for a session.
    ///
    /// # Errors
    /// [`Error::Output`] if they exist and must not be touched, belong to another matrix, or
    /// another process is writing them; as [`Contents::read`]. Existing content is unchanged then.
    pub fn beside(
        outputs: &Outputs,
        suite: &Suite,
        if_exists: IfExists,
    ) -> Result<RunFolder, Error> {
        outputs.check(if_exists)?;
        let paths = Paths::beside(outputs);
        if if_exists == IfExists::Resume && exists(&paths.settings)? && !exists(&paths.csv)? {
            // The CSV is made and locked only if all else is as it should be.
            SettingsFile::check(outputs, suite)?;
            Files::read(&paths, suite.clone())?;
        }
        let mut csv = AppendFile::open(&paths.csv)?;
        let holds = csv.lock()?;
        if if_exists == IfExists::Overwrite {
            csv.truncate(0)?;
            // In this order, what a crash leaves is a run of the old settings, or one of the new.
            AppendFile::open(&paths.journal)?.truncate(0)?;
            SettingsFile::write(&paths.settings, suite.settings())?;
        } else {
            let content = read_or_nothing(&paths.csv)?;
            outputs.check_header(&content, suite)?;
            let is_begun = Lines::new(&content).whole.len() > 1 || exists(&paths.journal)?;
            if exists(&paths.settings)? || is_begun {
                SettingsFile::check(outputs, suite)?;
            } else {
                SettingsFile::write(&paths.settings, suite.settings())?;
            }
        }
        RunFolder::go_on(paths, None, holds, Some(csv), suite)
    }

    /// Reads what is there, puts right what a crash has left, and begins a session.
    fn go_on(
        paths: Paths,
        lock: Option<Lock>,
        holds: bool,
        csv: Option<AppendFile>,
        suite: &Suite,
    ) -> Result<RunFolder, Error> {
        let Files { mut reading, journal_len, csv: old, is_narrow } =
            Files::read(&paths, suite.clone())?;
        let session = Session::here();

        // Everything was read and belongs to this run: only now the files may change.
        let mut journal = AppendFile::open(&paths.journal)?.has(journal_len);
        let csv = csv.map_or_else(|| AppendFile::open(&paths.csv), Ok)?;
        let mut csv = csv.has(old.len());
        let place = paths.journal.display();
        let mut notes = Vec::new();
        if !holds {
            notes.push(without_locks(&paths.root));
        }
        if reading.contents.torn {
            notes.push(format!(
                "{place}: the last line was cut short by a crash; what it was about is done again"
            ));
        }
        if reading.is_mixed {
            notes.push(format!(
                "{place}: several sessions wrote it at the same time; no row is lost"
            ));
        }
        // The CSV first: a cut line in it is of a row that may be lost only while the journal shows
        // the same cut. Without that, the journal would seem to have lost a row.
        let kept = if is_narrow { 0 } else { Lines::new(&old).torn_at };
        if kept < old.len() {
            csv.truncate(kept)?;
        }
        if reading.n_doubled > 0 {
            notes.push(format!(
                "{place}: {} lines say again what earlier ones say, with the same result, and are \
                 taken out",
                reading.n_doubled
            ));
            let text = journal_of(&reading.contents);
            write_whole(&paths.journal, &text)?;
            journal = AppendFile::open(&paths.journal)?.has(text.len());
            reading = Reading::of(text.as_bytes(), suite.clone(), &paths.journal)?;
        } else if reading.whole_len < journal_len {
            journal.truncate(reading.whole_len)?;
        }
        let expected = reading.contents.csv();
        if kept < expected.len() {
            csv.append_lines(&expected[kept..])?;
        }
        notes.extend(other_programs(&reading.contents, &session));
        let mut run = RunFolder {
            paths,
            journal,
            csv,
            lock,
            records: reading.contents.records().into_iter().map(|it| (it.problem, it)).collect(),
            reading,
            started: Instant::now(),
            notes,
        };
        run.append_line(&JournalLine::Session(session))?;
        Ok(run)
    }

    /// Appends a line to the journal, and takes in what it says.
    fn append_line(&mut self, line: &JournalLine) -> Result<(), Error> {
        if let Some(lock) = &mut self.lock
            && !lock.keep()?
        {
            return Err(taken(&self.paths.root));
        }
        let text = self.reading.chain.next(&json(line));
        self.journal.append(&text).map_err(|error| self.with_note(error))?;
        let number = self.reading.chain.len() + 1;
        self.reading.line(text.as_bytes(), number).map_err(Error::Internal)
    }

    /// Returns the present contents of the run.
    pub fn contents(&self) -> &Contents {
        &self.reading.contents
    }

    /// Returns the problems that were found and repaired when the run was opened, for people.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Copies the record of the program's build into the folder, instead of that of an earlier
    /// session.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Content`] if it is no such record; [`Error::Write`].
    pub fn keep_build_record(&self, record: &Path) -> Result<(), Error> {
        let text = input::text(record, input::RECORD)?;
        parse_build_record(&text, record)?;
        write_whole(&self.paths.root.join(BUILD_RECORD), text)
    }

    fn with_note(&self, error: Error) -> Error {
        match error {
            Error::Write { path, source, .. } => {
                let n = self.contents().rows.len();
                let note = match self.paths.is_beside {
                    false => {
                        format!("; {n} finished rows are kept: put it right and start it again")
                    }
                    true => format!(
                        "; {n} finished rows are kept in {}: put it right and go on with --resume",
                        self.paths.csv.display()
                    ),
                };
                Error::Write { path, source, note }
            }
            other => other,
        }
    }
}

const BUILD_RECORD: &str = "build.json";

/// Checks that the files of a run can be written into a folder.
///
/// # Errors
/// [`Error::Output`] where something else than a file stands; [`Error::Read`].
pub(crate) fn check_files(folder: &Path) -> Result<(), Error> {
    let [settings, journal, csv] = ["settings.json", "journal.jsonl", "results.csv"];
    let mut names = [LOCK, settings, journal, csv, timeline::NAME, BUILD_RECORD].into_iter();
    names.try_for_each(|it| len_of_file(&folder.join(it)).map(drop))
}

/// The name of the file that a process holds in the folder of a run while it writes there.
const LOCK: &str = "lock";

fn parse_build_record(text: &str, path: &Path) -> Result<BuildRecord, Error> {
    serde_json::from_str(text).map_err(|error| Error::Content {
        place: path.display().to_string(),
        message: error.to_string(),
    })
}

/// The record of the program's build in the folder of a run, if there is one.
///
/// # Errors
/// [`Error::Read`]; [`Error::Content`].
pub fn build_record(folder: &Path) -> Result<Option<BuildRecord>, Error> {
    let path = folder.join(BUILD_RECORD);
    if !exists(&path)? {
        return Ok(None);
    }
    parse_build_record(&input::text(&path, input::RECORD)?, &path).map(Some)
}

/// Names the other programs that have computed rows of this run, if any.
fn other_programs(contents: &Contents, session: &Session) -> Option<String> {
    let here = session.provenance.program();
    let mut programs = contents.programs();
    programs.retain(|(program, _)| *program != here);
    let (first, _) = programs.first()?;
    let n: usize = programs.iter().map(|(_, count)| count).sum();
    let more = match programs.len() {
        1 => String::new(),
        n => format!(" and {} others", n - 1),
    };
    Some(format!(
        "{n} rows were computed by another program, version {first}{more}; this is version \
         {here}, and computes the others"
    ))
}

impl Ledger for RunFolder {
    fn rows(&self) -> &[Row] {
        &self.contents().rows
    }

    fn record(&self, problem: ProblemId) -> Option<&ExactRecord> {
        self.records.get(&problem)
    }

    fn append_record(&mut self, record: ExactRecord) -> Result<(), Error> {
        self.records.insert(record.problem, record);
        Ok(())
    }

    fn append_row(&mut self, row: Row, estimates: &[(String, f64)]) -> Result<(), Error> {
        let suite = &self.contents().suite;
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
        // What would not be read again is not written.
        let wrong = |message| Error::Internal(format!("{}: {message}", row.key));
        entry.check(suite).map_err(wrong)?;
        let line = self.contents().line(row, &entry.estimates);
        self.append_line(&JournalLine::Comparison(entry))?;
        self.csv.append(&line).map_err(|error| self.with_note(error))
    }

    fn place(&self, index: usize) -> String {
        format!("{}, line {}", self.paths.journal.display(), self.contents().line_of[index])
    }

    fn how_to_go_on(&self) -> String {
        let how = if self.paths.is_beside { "with --resume " } else { "" };
        format!("{}; the same command {how}goes on from there", self.paths.root.display())
    }
}

/// Checks that a CSV says nothing that the journal does not: its rows are the first of the
/// journal's.
fn check_csv(
    content: &[u8],
    expected: &str,
    contents: &Contents,
    paths: &Paths,
) -> Result<(), Error> {
    let mut expected = expected.lines();
    let lines = Lines::new(content);
    let torn = Some(lines.torn).filter(|it| !it.is_empty());
    for (index, line) in lines.whole.iter().copied().chain(torn).enumerate() {
        let is_torn = index == lines.whole.len();
        let text = short(&String::from_utf8_lossy(line));
        match expected.next() {
            Some(expected) if expected.as_bytes() == line => {}
            // A crash may leave a part of a line, or zeros.
            Some(expected)
                if is_torn && (expected.as_bytes().starts_with(line) || line.contains(&0)) => {}
            // The same may have cut both.
            None if is_torn && (contents.torn || line.iter().all(|it| *it == 0)) => {}
            Some(expected) => {
                return Err(Error::Content {
                    place: format!("{}, line {}", paths.csv.display(), index + 1),
                    message: format!(
                        "{text:?}: expected {expected:?} as in the journal; without this file it \
                         is written anew"
                    ),
                });
            }
            None => {
                let n = contents.rows.len();
                return Err(Error::Output {
                    path: paths.journal.clone(),
                    message: format!(
                        "has {n} rows, but {} has more (line {}: {text:?}): it was cut or \
                         removed; put it back, or move that CSV away to go on from {n} rows",
                        paths.csv.display(),
                        index + 1
                    ),
                });
            }
        }
    }
    Ok(())
}

/// The results of a run in `folder`, in the form that a launcher reads.
pub fn results_in(folder: &Path) -> Results {
    let Paths { csv, .. } = Paths::of_folder(folder);
    let rows_done = complete_rows(&csv);
    let summary = folder.join("summary.json");
    Results { folder: Some(folder.to_owned()), csv, summary, rows_done }
}

/// The results of a run without a folder, in the form that a launcher reads.
pub fn results_beside(outputs: &Outputs) -> Results {
    let Outputs { csv, summary, .. } = outputs.clone();
    Results { folder: None, rows_done: complete_rows(&csv), csv, summary }
}

/// The lines after the header; a last line that a crash has cut short is none.
fn complete_rows(csv: &Path) -> u64 {
    let is_file = fs::metadata(csv).is_ok_and(|it| it.is_file());
    let Some(file) = is_file.then(|| fs::File::open(csv).ok()).flatten() else { return 0 };
    let (mut from, mut n_lines) = (BufReader::new(file), 0_u64);
    while let Ok(bytes @ [_, ..]) = from.fill_buf() {
        n_lines += bytes.iter().filter(|it| **it == b'\n').count() as u64;
        let n = bytes.len();
        from.consume(n);
    }
    n_lines.saturating_sub(1)
}

/// A run among others, as the list of runs shows it.
pub type Listed = phi_protocol::Listed<Settings>;

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
    let mut folders = found
        .map(|it| it.map(|it| it.path()))
        .collect::<io::Result<Vec<PathBuf>>>()
        .map_err(|source| Error::Read { path: runs.to_owned(), source })?;
    // A folder that cannot be looked into is listed with the reason, not passed over.
    folders.retain(|it| exists(&it.join("settings.json")).unwrap_or(true));
    folders.sort();
    let listed = folders.into_iter().map(|folder| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_running = is_locked(&folder.join(LOCK));
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
pub(crate) fn lock(folder: &Path) -> Result<Lock, Error> {
    Lock::take(&folder.join(LOCK))?.ok_or_else(|| taken(folder))
}

fn taken(folder: &Path) -> Error {
    let message = "another process is running it: wait for it to end, or choose another name";
    Error::Output { path: folder.to_owned(), message: message.to_owned() }
}

/// `true` if another process holds this lock.
fn is_locked(lock: &Path) -> bool {
    open_own(lock).is_ok_and(|it| matches!(it.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_millis() as u64)
}

/// In steps of a microsecond.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

fn json(line: &JournalLine) -> String {
    serde_json::to_string(line).expect("plain data")
}

fn write_error(path: &Path, source: io::Error) -> Error {
    Error::Write { path: path.to_owned(), source, note: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::append::tests::WITHOUT_LOCKS;
    use crate::files::seal::resealed;
    use crate::fixtures::{finish, record, row, suite, temporary};
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
        // And what a run makes of it, on the disk: at every byte of the last two lines, around the
        // ends of the others and at bytes between them.
        let near_end =
            |len: usize| whole[len.saturating_sub(2)..(len + 2).min(whole.len())].contains('\n');
        let last_two = whole.match_indices('\n').rev().nth(2).expect("five lines").0;
        let is_cut =
            |len: usize| len < 3 || len.is_multiple_of(61) || near_end(len) || len > last_two;
        for len in (0..=whole.len()).filter(|&len| is_cut(len)) {
            fs::write(folder.join("journal.jsonl"), &whole[..len]).unwrap();
            // The CSV as long as the journal, or behind it by a row.
            let n_entries = whole[..len].matches("\n").count().saturating_sub(1);
            let n_kept = if len % 2 == 0 { n_entries + 1 } else { n_entries };
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
            // Changed by hand, the check says so; and what a wrong program wrote is refused for
            // what it says.
            fs::write(folder.join("journal.jsonl"), whole.replacen(from, to, 1)).unwrap();
            check_refused(&folder, &suite, "{}/journal.jsonl, line 2: check");
            let wrong = resealed("journal", &whole, |it| it.replacen(from, to, 1)).unwrap();
            fs::write(folder.join("journal.jsonl"), wrong).unwrap();
            check_refused(&folder, &suite, &format!("{{}}/journal.jsonl, {message}"));
        };
        check("\"n\":5", "\"n\":6", "line 2: Ring n = 6 seed 42 is not in the matrix");
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
        let row = whole.lines().nth(1).unwrap();
        fs::write(folder.join("journal.jsonl"), format!("{row}\n")).unwrap();
        check_refused(&folder, &suite, "{}/journal.jsonl, line 1: check");
    }

    #[test]
    fn rows_that_are_there_twice_are_taken_out_if_they_agree() {
        let suite = suite();
        let (_runs, folder) = finished(&suite);
        let path = folder.join("journal.jsonl");
        let (whole, csv) = (read(&folder, "journal.jsonl"), read(&folder, "results.csv"));
        let times = |text: &str| text.replacen("\"elapsed_ms\":", "\"elapsed_ms\":9", 1);
        let again = whole.lines().nth(2).unwrap();
        // A line that was written twice, and one that another session computed again at the same
        // time.
        let twice = whole.replacen(again, &format!("{again}\n{again}"), 1);
        let row = |text: &str| text.lines().nth(2).unwrap().to_owned();
        let computed =
            resealed("journal", &whole, |it| format!("{it}{}\n", times(&row(it)))).unwrap();
        for content in [twice, computed] {
            fs::write(&path, &content).unwrap();
            assert_eq!(Contents::read(&folder).unwrap().csv(), csv);
            let run = RunFolder::open(&folder, &suite).unwrap();
            let note = &run.notes()[0];
            assert!(
                note.contains("journal.jsonl: 1 lines say again what earlier ones say"),
                "{note}"
            );
            drop(run);
            assert!(RunFolder::open(&folder, &suite).unwrap().notes().is_empty());
            assert_eq!(Contents::read(&folder).unwrap().csv(), csv);
            assert_eq!(read(&folder, "results.csv"), csv);
        }
        let other = |text: &str| row(text).replacen("\"hdc\":0.", "\"hdc\":1.", 1);
        let differs = resealed("journal", &whole, |it| format!("{it}{}\n", other(it))).unwrap();
        fs::write(&path, differs).unwrap();
        let message =
            "{}/journal.jsonl, line 6: Ring n = 5 seed 123 is in line 3 already, with another";
        check_refused(&folder, &suite, message);
        // The remedy that is named works.
        fs::write(&path, &whole).unwrap();
        drop(RunFolder::open(&folder, &suite).unwrap());
    }

    #[test]
    fn two_sessions_without_locks_do_no_harm() {
        let suite = suite();
        let runs = temporary();
        let folder = runs.path().join("first");
        WITHOUT_LOCKS.set(true);
        let mut first = RunFolder::open(&folder, &suite).unwrap();
        assert!(first.notes()[0].contains("this file system has no locks"), "{:?}", first.notes());
        first.append_record(record(&suite, 0)).unwrap();
        first.append_row(row(&suite, 0), &[]).unwrap();
        let mut second = RunFolder::open(&folder, &suite).unwrap();
        let error = first.append_row(row(&suite, 1), &[]).unwrap_err().to_string();
        assert!(error.contains("another process writes to it, so this run stops"), "{error}");
        finish(&mut second, &suite);
        drop((first, second));
        WITHOUT_LOCKS.set(false);
        assert!(Contents::read(&folder).unwrap().is_finished());
        assert_eq!(RunFolder::open(&folder, &suite).unwrap().rows().len(), 4);
    }

    #[test]
    fn lines_that_two_sessions_wrote_at_once_are_read() {
        let suite = suite();
        let runs = temporary();
        let of = |name: &str| runs.path().join(name).join("journal.jsonl");
        // Both begin with the same session; then each goes on as if it were alone.
        drop(RunFolder::open(&runs.path().join("a"), &suite).unwrap());
        fs::create_dir(runs.path().join("b")).unwrap();
        for name in ["settings.json", "journal.jsonl"] {
            fs::copy(runs.path().join("a").join(name), runs.path().join("b").join(name)).unwrap();
        }
        let shared = fs::read_to_string(of("a")).unwrap();
        let more = |name: &str| {
            let mut run = RunFolder::open(&runs.path().join(name), &suite).unwrap();
            finish(&mut run, &suite);
            drop(run);
            let text = fs::read_to_string(of(name)).unwrap();
            text.strip_prefix(&shared).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let a = more("a");
        // Two sessions that begin in the same millisecond begin with the same line.
        let after_a = Instant::now();
        while after_a.elapsed() < Duration::from_millis(2) {}
        let b = more("b");
        let mixed = a.iter().zip(&b).map(|(a, b)| format!("{a}\n{b}\n")).collect::<String>();
        fs::write(of("a"), shared + &mixed).unwrap();
        let contents = Contents::read(&runs.path().join("a")).unwrap();
        assert!(contents.is_finished());
        assert_eq!((contents.sessions.len(), &*contents.session_of), (3, &[2, 2, 2, 2][..]));
        let run = RunFolder::open(&runs.path().join("a"), &suite).unwrap();
        let notes = run.notes().join("\n");
        assert!(notes.contains("several sessions wrote it at the same time"), "{notes}");
        assert!(notes.contains("4 lines say again"), "{notes}");
    }

    #[cfg(unix)]
    #[test]
    fn a_session_whose_lock_was_removed_keeps_others_out() {
        let suite = suite();
        let (_runs, folder) = finished(&suite);
        fs::remove_file(folder.join("journal.jsonl")).unwrap();
        fs::remove_file(folder.join("results.csv")).unwrap();
        let mut first = RunFolder::open(&folder, &suite).unwrap();
        fs::remove_file(folder.join("lock")).unwrap();
        first.append_record(record(&suite, 0)).unwrap();
        first.append_row(row(&suite, 0), &[]).unwrap();
        check_refused(&folder, &suite, "{}: another process is running it");
        // A second session that began before the first could know.
        fs::remove_file(folder.join("lock")).unwrap();
        let second = RunFolder::open(&folder, &suite).unwrap();
        let error = first.append_row(row(&suite, 1), &[]).unwrap_err().to_string();
        assert!(error.contains("another process is running it"), "{error}");
        drop((first, second));
        assert_eq!(RunFolder::open(&folder, &suite).unwrap().rows().len(), 1);
    }

    #[test]
    fn rows_of_another_version_are_said() {
        let suite = suite();
        let (_runs, folder) = finished(&suite);
        let version = format!("\"version\":\"{}\"", env!("CARGO_PKG_VERSION"));
        let other = |it: &str| it.replacen(&version, "\"version\":\"0.0.9\"", 1);
        let journal = resealed("journal", &read(&folder, "journal.jsonl"), other).unwrap();
        fs::write(folder.join("journal.jsonl"), journal).unwrap();
        let run = RunFolder::open(&folder, &suite).unwrap();
        let note = run.notes().last().unwrap();
        assert!(
            note.starts_with("4 rows were computed by another program, version 0.0.9"),
            "{note}"
        );
    }

    #[test]
    fn a_csv_edited_by_hand_is_refused_with_the_line() {
        let suite = suite();
        let (_runs, folder) = finished(&suite);
        let csv = read(&folder, "results.csv");
        fs::write(folder.join("results.csv"), csv.replacen(",123,", ",124,", 1)).unwrap();
        check_refused(&folder, &suite, "{}/results.csv, line 3: \"Ring,5,124,");
        fs::write(folder.join("results.csv"), csv.clone() + "total,1\n").unwrap();
        let message =
            "{}/journal.jsonl: has 4 rows, but {}/results.csv has more (line 6: \"total,1\"";
        check_refused(&folder, &suite, message);
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
        check_refused(&folder, &suite, "{}/settings.json: check \"");
        let listed = list(runs.path()).unwrap();
        assert_eq!(listed.len(), 1);
        assert!(listed[0].error.as_ref().unwrap().contains("it was changed or damaged"));
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
