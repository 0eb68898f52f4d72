//! The files of a run, written so that a crash at any byte loses nothing finished.
//!
//! Beside the CSV stand two companions and, at the end, the summary:
//!
//! | file | what it holds |
//! |---|---|
//! | `X.csv` | one [`Row`] a comparison, appended as soon as it is done |
//! | `X.settings.json` | the settings of the matrix the rows belong to |
//! | `X.exact.jsonl` | one [`ExactRecord`] an exact problem, appended before its first row |
//! | `summary.json` | the statistics (see [`summary`](crate::summary)) |
//!
//! A line is on the disk before the next is begun; a line without its final newline is torn and done
//! again. Nothing is changed before all of it was read and found to belong to the run, and while a run
//! writes a CSV it holds a lock on it.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::append_file::{AppendFile, Lines, write_whole};
use crate::error::Error;
use crate::ledger::Ledger;
use crate::network::ProblemId;
use crate::row::{Row, close};
use crate::solver::ExactPhi;
use crate::suite::{Key, Settings, Suite};

/// Where a run writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outputs {
    /// The rows.
    pub csv: PathBuf,
    /// The settings.
    pub settings: PathBuf,
    /// The exact problems.
    pub exact: PathBuf,
    /// The statistics.
    pub summary: PathBuf,
}

impl Outputs {
    /// The files of the run whose rows go to `csv`.
    ///
    /// # Errors
    /// If `csv` names no file, a folder, or the same file as one of its companions.
    pub fn new(csv: &Path) -> Result<Outputs, Error> {
        let refuse = |why: &str| {
            Err(Error::Settings(format!("output {}: {why}; expected FILE.csv", csv.display())))
        };
        let Some(stem) = csv.file_stem() else { return refuse("names no file") };
        if csv.is_dir() {
            return refuse("is a folder");
        }
        let companion = |suffix: &str| {
            let mut name = stem.to_owned();
            name.push(suffix);
            csv.with_file_name(name)
        };
        let outputs = Outputs {
            csv: csv.to_owned(),
            settings: companion(".settings.json"),
            exact: companion(".exact.jsonl"),
            summary: csv.with_file_name("summary.json"),
        };
        if [&outputs.settings, &outputs.exact, &outputs.summary].contains(&&outputs.csv) {
            return refuse("is the name of another file of the run");
        }
        Ok(outputs)
    }
}

/// One solved problem: a line of the companion `.exact.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExactRecord {
    /// The problem's identity.
    pub problem: ProblemId,
    /// The first comparison that needs it.
    #[serde(flatten)]
    pub key: Key,
    /// The result.
    #[serde(flatten)]
    pub exact: ExactPhi,
    /// The wall time it took, in milliseconds.
    pub duration_ms: f64,
}

/// What a run does about an output that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfExists {
    /// Refuse.
    Refuse,
    /// Go on from it, if it belongs to the same matrix.
    Resume,
    /// Write it anew.
    Overwrite,
}

/// The open files of a run, and what they hold.
#[derive(Debug)]
pub struct Journal {
    outputs: Outputs,
    csv: AppendFile,
    exact: AppendFile,
    rows: Vec<Row>,
    records: HashMap<ProblemId, ExactRecord>,
    notes: Vec<String>,
}

impl Journal {
    /// Opens the files for the rows of `suite`.
    ///
    /// # Errors
    /// [`Error::Output`] if they exist and must not be touched, or belong to another matrix;
    /// [`Error::Content`] if they were damaged other than by a crash; [`Error::Read`] and
    /// [`Error::Write`] for what the system refuses. Existing content is unchanged then.
    pub fn open(outputs: Outputs, suite: &Suite, if_exists: IfExists) -> Result<Journal, Error> {
        let exists = match fs::symlink_metadata(&outputs.csv) {
            Ok(_) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(source) => return Err(Error::Read { path: outputs.csv, source }),
        };
        match (exists, if_exists) {
            (true, IfExists::Refuse) => Err(Error::Output {
                path: outputs.csv,
                message: "exists: pass --resume to go on from it, --force to write it anew, or \
                          another --out"
                    .to_owned(),
            }),
            (true, IfExists::Resume) => Journal::resume(outputs, suite),
            (true, IfExists::Overwrite) | (false, _) => Journal::create(outputs, suite, exists),
        }
    }

    /// Starts the files anew. The settings come first: rows never stand without them.
    fn create(outputs: Outputs, suite: &Suite, exists: bool) -> Result<Journal, Error> {
        let mut csv = AppendFile::open(&outputs.csv, !exists)?;
        csv.lock()?;
        csv.truncate(0)?;
        let mut exact = AppendFile::open(&outputs.exact, false)?;
        exact.truncate(0)?;
        SettingsFile::write(&outputs.settings, suite.settings())?;
        csv.append(Row::header(suite.settings().has_cases()))?;
        Ok(Journal {
            outputs,
            csv,
            exact,
            rows: Vec::new(),
            records: HashMap::new(),
            notes: Vec::new(),
        })
    }

    fn resume(outputs: Outputs, suite: &Suite) -> Result<Journal, Error> {
        let mut csv = AppendFile::open(&outputs.csv, false)?;
        csv.lock()?;
        let refuse = |message: String| Error::Output { path: outputs.csv.clone(), message };
        let content = csv.read()?;
        let lines = Lines::new(&content);
        let header = lines.whole.first().copied();
        let has_cases = suite.settings().has_cases();
        let is_header = |has_cases| match header {
            Some(header) => header == Row::header(has_cases).as_bytes(),
            None => Row::header(has_cases).as_bytes().starts_with(lines.torn),
        };
        // A file of the other kind is one of other settings, which is said below.
        if !is_header(has_cases) && !is_header(!has_cases) {
            return Err(refuse(format!(
                "is not a file of this program: expected the first line {:?}",
                Row::header(has_cases)
            )));
        }
        if lines.whole.len() <= 1 && !outputs.settings.exists() {
            // A run that was stopped before its settings were written holds nothing yet.
            drop(csv);
            return Journal::create(outputs, suite, true);
        }
        SettingsFile::check(&outputs, suite)?;

        let mut notes = Vec::new();
        let mut rows: Vec<Row> = Vec::new();
        let mut line_of: HashMap<Key, usize> = HashMap::new();
        let mut phi_of: HashMap<ProblemId, (f64, usize)> = HashMap::new();
        for (index, line) in lines.whole.iter().enumerate().skip(1) {
            let number = index + 1;
            let wrong = |message: String| Error::Content {
                place: format!("{}, line {number}", outputs.csv.display()),
                message,
            };
            let text = str::from_utf8(line).map_err(|_| wrong("not UTF-8".to_owned()))?;
            let row = Row::parse(text, has_cases).map_err(wrong)?;
            let Some(position) = suite.position(row.key) else {
                return Err(refuse(format!(
                    "belongs to another matrix: line {number}, {}, is not in the one asked for",
                    row.key
                )));
            };
            if let Some(first) = line_of.insert(row.key, number) {
                return Err(wrong(format!("{} is in line {first} already", row.key)));
            }
            let problem = &suite.problems()[suite.comparisons()[position].problem];
            let (phi, first) = *phi_of.entry(problem.id).or_insert((row.phi_exact, number));
            if !close(row.phi_exact, phi) {
                return Err(wrong(format!(
                    "phi_exact {:?}: expected {phi:?} as in line {first}, which has the same \
                     exact problem",
                    row.phi_exact
                )));
            }
            rows.push(row);
        }

        let mut exact = AppendFile::open(&outputs.exact, false)?;
        let exact_content = exact.read()?;
        let exact_lines = Lines::new(&exact_content);
        let mut records = HashMap::new();
        let problems: HashSet<ProblemId> = suite.problems().iter().map(|it| it.id).collect();
        for (index, line) in exact_lines.whole.iter().enumerate() {
            let wrong = |message: String| Error::Content {
                place: format!("{}, line {}", outputs.exact.display(), index + 1),
                message: format!("{message}; without this file the rows alone are resumed"),
            };
            let record: ExactRecord =
                serde_json::from_slice(line).map_err(|error| wrong(error.to_string()))?;
            if !problems.contains(&record.problem) {
                return Err(wrong(format!("problem {} is not in the matrix", record.problem)));
            }
            if let Some((phi, number)) = phi_of.get(&record.problem)
                && !close(record.exact.phi, *phi)
            {
                return Err(wrong(format!(
                    "phi {:?}: expected {phi:?} as in line {number} of the CSV",
                    record.exact.phi
                )));
            }
            records.insert(record.problem, record);
        }

        // Everything was read and belongs to this run: only now the files may change.
        if lines.torn_at < content.len() {
            notes.push(format!(
                "{}: the last line was cut short by a crash and is done again",
                outputs.csv.display()
            ));
            csv.truncate(lines.torn_at)?;
        }
        if header.is_none() {
            csv.append(Row::header(has_cases))?;
        }
        if exact_lines.torn_at < exact_content.len() {
            exact.truncate(exact_lines.torn_at)?;
        }
        Ok(Journal { outputs, csv, exact, rows, records, notes })
    }

    /// All recorded results, in no order.
    pub fn records(&self) -> Vec<ExactRecord> {
        self.records.values().cloned().collect()
    }

    /// What was found and put right on opening, for a person.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Where the files are.
    pub fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    fn with_note(&self, error: Error) -> Error {
        match error {
            Error::Write { path, source, .. } => {
                let n = self.rows.len();
                let note = format!(
                    "; {n} finished rows are kept in {}: put it right and go on with --resume",
                    self.outputs.csv.display()
                );
                Error::Write { path, source, note }
            }
            other => other,
        }
    }
}

impl Ledger for Journal {
    fn rows(&self) -> &[Row] {
        &self.rows
    }

    fn record(&self, problem: ProblemId) -> Option<&ExactRecord> {
        self.records.get(&problem)
    }

    /// It is on the disk when this returns.
    fn append_record(&mut self, record: ExactRecord) -> Result<(), Error> {
        let json = serde_json::to_string(&record).expect("plain data");
        self.exact.append(&json).map_err(|error| self.with_note(error))?;
        self.records.insert(record.problem, record);
        Ok(())
    }

    /// The CSV has the estimate of the study only.
    fn append_row(&mut self, row: Row, _estimates: &[(String, f64)]) -> Result<(), Error> {
        self.csv.append(&row.to_line()).map_err(|error| self.with_note(error))?;
        self.rows.push(row);
        Ok(())
    }

    fn place(&self, index: usize) -> String {
        format!("{}, line {}", self.outputs.csv.display(), index + 2)
    }

    fn how_to_go_on(&self) -> String {
        format!("{}; the same command with --resume goes on from there", self.outputs.csv.display())
    }
}

/// The content of a settings file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingsFile {
    schema: String,
    version: u32,
    settings: Settings,
}

impl SettingsFile {
    const SCHEMA: &str = "phi-validation/settings";
    const VERSION: u32 = 1;

    /// Writes the settings; the file appears whole or not at all.
    pub(crate) fn write(path: &Path, settings: &Settings) -> Result<(), Error> {
        let file = SettingsFile {
            schema: SettingsFile::SCHEMA.to_owned(),
            version: SettingsFile::VERSION,
            settings: settings.clone(),
        };
        let mut json = serde_json::to_string_pretty(&file).expect("plain data");
        json.push('\n');
        write_whole(path, &json)
    }

    /// Reads the settings.
    pub(crate) fn read(path: &Path) -> Result<Settings, Error> {
        let text = fs::read_to_string(path)
            .map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let wrong = |message: String| Error::Content { place: path.display().to_string(), message };
        let file: SettingsFile =
            serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if (file.schema.as_str(), file.version) != (SettingsFile::SCHEMA, SettingsFile::VERSION) {
            return Err(wrong(format!(
                "schema {:?} version {}: expected {:?} version {}",
                file.schema,
                file.version,
                SettingsFile::SCHEMA,
                SettingsFile::VERSION
            )));
        }
        Ok(file.settings)
    }

    /// Whether the rows beside the settings file belong to `suite`.
    fn check(outputs: &Outputs, suite: &Suite) -> Result<(), Error> {
        let path = &outputs.settings;
        let refuse = |message: String| Err(Error::Output { path: outputs.csv.clone(), message });
        if !path.exists() {
            return refuse(format!(
                "its settings file {} is missing, so it cannot be known which matrix it belongs to",
                path.display()
            ));
        }
        let differences = SettingsFile::read(path)?.differences(suite.settings());
        if differences.is_empty() {
            Ok(())
        } else {
            refuse(format!(
                "belongs to another matrix ({}): pass the same settings, --force to write it \
                 anew, or another --out",
                differences.join("; ")
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{finish, record, row, suite};
    use tempfile::TempDir;

    /// A folder with the finished files of [`suite`].
    fn finished(suite: &Suite) -> (TempDir, Outputs) {
        let folder = tempfile::tempdir().unwrap();
        let outputs = Outputs::new(&folder.path().join("results.csv")).unwrap();
        let mut journal = Journal::open(outputs.clone(), suite, IfExists::Refuse).unwrap();
        finish(&mut journal, suite);
        (folder, outputs)
    }

    fn resume(outputs: &Outputs, suite: &Suite) -> Result<Journal, Error> {
        Journal::open(outputs.clone(), suite, IfExists::Resume)
    }

    /// Resuming must fail with this message (`{}` stands for the folder) and change nothing.
    #[track_caller]
    fn check_refused(outputs: &Outputs, suite: &Suite, message: &str) {
        let before = fs::read(&outputs.csv).unwrap();
        let error = resume(outputs, suite).unwrap_err();
        let folder = outputs.csv.parent().unwrap().display().to_string();
        assert_eq!(error.to_string(), message.replace("{}", &folder));
        assert_eq!(error.exit(), crate::exit::Exit::BadInput);
        assert_eq!(fs::read(&outputs.csv).unwrap(), before);
    }

    #[test]
    fn rows_are_read_as_they_were_written() {
        let suite = suite();
        let (_folder, outputs) = finished(&suite);
        let journal = resume(&outputs, &suite).unwrap();
        let expected: Vec<Row> = (0..4).map(|position| row(&suite, position)).collect();
        assert_eq!(journal.rows(), expected);
        for (position, problem) in suite.problems().iter().enumerate() {
            assert_eq!(journal.record(problem.id), Some(&record(&suite, position)));
        }
        assert!(journal.notes().is_empty());
        let text = fs::read_to_string(&outputs.csv).unwrap();
        assert_eq!(text.lines().next(), Some(Row::HEADER));
        // Φ = 0 has no relative error.
        assert_eq!(text.lines().nth(1), Some("Ring,5,42,0.5,0.0,0.5,,0.125"));
    }

    #[test]
    fn a_file_cut_at_any_byte_is_resumed() {
        let suite = suite();
        let (_folder, outputs) = finished(&suite);
        let whole = fs::read(&outputs.csv).unwrap();
        for len in 0..=whole.len() {
            fs::write(&outputs.csv, &whole[..len]).unwrap();
            let mut journal = resume(&outputs, &suite).unwrap();
            let n_lines = whole[..len].iter().filter(|&&byte| byte == b'\n').count();
            let n_rows = n_lines.saturating_sub(1);
            assert_eq!(journal.rows().len(), n_rows, "cut at {len}");
            let torn = len > 0 && whole[len - 1] != b'\n';
            assert_eq!(!journal.notes().is_empty(), torn, "cut at {len}");
            for position in n_rows..4 {
                journal.append_row(row(&suite, position), &[]).unwrap();
            }
            drop(journal);
            assert_eq!(fs::read(&outputs.csv).unwrap(), whole, "cut at {len}");
        }
    }

    #[test]
    fn the_record_of_problems_may_be_cut_or_missing() {
        let suite = suite();
        let (_folder, outputs) = finished(&suite);
        let whole = fs::read(&outputs.exact).unwrap();
        for len in 0..=whole.len() {
            fs::write(&outputs.exact, &whole[..len]).unwrap();
            let mut journal = resume(&outputs, &suite).unwrap();
            let n_lines = whole[..len].iter().filter(|&&byte| byte == b'\n').count();
            assert_eq!(journal.records.len(), n_lines, "cut at {len}");
            for problem in n_lines..suite.problems().len() {
                journal.append_record(record(&suite, problem)).unwrap();
            }
            drop(journal);
            assert_eq!(fs::read(&outputs.exact).unwrap(), whole, "cut at {len}");
        }
        fs::remove_file(&outputs.exact).unwrap();
        assert_eq!(resume(&outputs, &suite).unwrap().rows().len(), 4);
    }

    #[test]
    fn a_run_stopped_before_it_began_is_begun() {
        let suite = suite();
        let folder = tempfile::tempdir().unwrap();
        let outputs = Outputs::new(&folder.path().join("results.csv")).unwrap();
        for content in ["", "topology,n", &format!("{}\n", Row::HEADER)] {
            fs::write(&outputs.csv, content).unwrap();
            let _ = fs::remove_file(&outputs.settings);
            assert!(resume(&outputs, &suite).unwrap().rows().is_empty());
            assert_eq!(fs::read_to_string(&outputs.csv).unwrap(), format!("{}\n", Row::HEADER));
            assert!(outputs.settings.exists());
        }
    }

    #[test]
    fn an_existing_file_is_not_touched_without_being_asked() {
        let suite = suite();
        let (_folder, outputs) = finished(&suite);
        let before = fs::read(&outputs.csv).unwrap();
        let error = Journal::open(outputs.clone(), &suite, IfExists::Refuse).unwrap_err();
        assert_eq!(error.exit(), crate::exit::Exit::BadInput);
        assert!(error.to_string().contains("results.csv: exists: pass --resume"), "{error}");
        assert_eq!(fs::read(&outputs.csv).unwrap(), before);
        let journal = Journal::open(outputs.clone(), &suite, IfExists::Overwrite).unwrap();
        assert!(journal.rows().is_empty());
        assert_eq!(fs::read_to_string(&outputs.csv).unwrap(), format!("{}\n", Row::HEADER));
        assert_eq!(fs::read(&outputs.exact).unwrap(), b"");
    }

    #[test]
    fn files_of_another_matrix_are_refused() {
        let suite = suite();
        let (_folder, outputs) = finished(&suite);
        let more = Settings { seeds: vec![42, 123, 456], ..suite.settings().clone() };
        check_refused(
            &outputs,
            &Suite::new(more).unwrap(),
            "{}/results.csv: belongs to another matrix (seeds: 42, 123, not 42, 123, 456): pass \
             the same settings, --force to write it anew, or another --out",
        );
        fs::write(&outputs.csv, "name,value\na,1\n").unwrap();
        let foreign = format!(
            "{{}}/results.csv: is not a file of this program: expected the first line {:?}",
            Row::HEADER
        );
        check_refused(&outputs, &suite, &foreign);
        fs::write(&outputs.csv, "notes").unwrap();
        check_refused(&outputs, &suite, &foreign);
        let stranger = format!("{}\nDense,5,42,0.75,0.5,0.25,0.5,1.000\n", Row::HEADER);
        fs::write(&outputs.csv, stranger).unwrap();
        check_refused(
            &outputs,
            &suite,
            "{}/results.csv: belongs to another matrix: line 2, Dense n = 5 seed 42, is not in \
             the one asked for",
        );
        fs::remove_file(&outputs.settings).unwrap();
        check_refused(
            &outputs,
            &suite,
            "{}/results.csv: its settings file {}/results.settings.json is missing, so it cannot \
             be known which matrix it belongs to",
        );
    }

    /// Resuming must fail with this message if line 3 of the CSV is replaced.
    #[track_caller]
    fn check_line(line: &str, message: &str) {
        let suite = suite();
        let (_folder, outputs) = finished(&suite);
        let text = fs::read_to_string(&outputs.csv).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines[2] = line;
        fs::write(&outputs.csv, lines.join("\n") + "\n").unwrap();
        let message = format!("{{}}/results.csv, line 3: {message}");
        check_refused(&outputs, &suite, &message);
    }

    #[test]
    fn edited_rows_are_named() {
        check_line("Ring,5,123", "3 fields, expected 8");
        check_line("Ring,5,123,0.5,0.0,0.5,", "7 fields, expected 8");
        check_line("Ring,five,123,0.5,0.0,0.5,,1", "n \"five\": expected a whole number");
        check_line("Ring,5,123,NaN,0.0,0.5,,1", "phi_hdc \"NaN\": expected a number");
        check_line("Ring,5,123,0.5,-1.0,1.5,,1", "phi_exact -1.0: expected at least 0");
        check_line("Ring,5,123,0.5,0.0,0.4,,1", "error 0.4: expected phi_hdc - phi_exact = 0.5");
        check_line("Ring,5,123,0.5,0.0,0.5,2,1", "relative_error \"2\": expected nothing");
        check_line("Ring,5,123,0.5,0.25,0.25,,1", "relative_error \"\": expected 1.0");
        check_line(
            "Ring,5,123,0.5,0.25,0.25,2,1",
            "relative_error 2: expected |error| / phi_exact = 1.0",
        );
        check_line("Ring,5,42,0.5,0.0,0.5,,1", "Ring n = 5 seed 42 is in line 2 already");
        check_line(
            "Ring,5,123,0.5,0.25,0.25,1.0,1",
            "phi_exact 0.25: expected 0.0 as in line 2, which has the same exact problem",
        );
    }

    #[test]
    fn damaged_companions_are_named() {
        let suite = suite();
        let (_folder, outputs) = finished(&suite);
        let whole = fs::read_to_string(&outputs.exact).unwrap();
        let note = "; without this file the rows alone are resumed";
        fs::write(&outputs.exact, whole.replacen("\"n\":5", "\"n\":-5", 1)).unwrap();
        let error = resume(&outputs, &suite).unwrap_err().to_string();
        assert!(
            error.contains("results.exact.jsonl, line 1: ") && error.ends_with(note),
            "{error}"
        );
        fs::write(&outputs.exact, whole.replacen("\"phi\":0.0", "\"phi\":0.25", 1)).unwrap();
        let error = resume(&outputs, &suite).unwrap_err().to_string();
        let message = "phi 0.25: expected 0.0 as in line 2 of the CSV";
        assert!(error.ends_with(&format!("{message}{note}")), "{error}");
        fs::write(&outputs.exact, whole).unwrap();
        fs::write(&outputs.settings, "{}").unwrap();
        let error = resume(&outputs, &suite).unwrap_err();
        assert!(error.to_string().contains("results.settings.json: missing field"), "{error}");
        assert_eq!(error.exit(), crate::exit::Exit::BadInput);
    }

    #[test]
    fn one_run_at_a_time_writes_a_file() {
        let suite = suite();
        let (_folder, outputs) = finished(&suite);
        let first = resume(&outputs, &suite).unwrap();
        for mode in [IfExists::Resume, IfExists::Overwrite] {
            let error = Journal::open(outputs.clone(), &suite, mode).unwrap_err();
            assert!(error.to_string().contains("another run is writing it"), "{error}");
        }
        drop(first);
        assert_eq!(resume(&outputs, &suite).unwrap().rows().len(), 4);
    }

    #[test]
    fn names_that_cannot_be_written_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |path: &Path| Outputs::new(path).unwrap_err().to_string();
        assert!(refused(folder.path()).ends_with("is a folder; expected FILE.csv"));
        assert!(refused(Path::new("..")).ends_with("names no file; expected FILE.csv"));
        let own = refused(Path::new("summary.json"));
        assert!(own.contains("is the name of another file of the run"), "{own}");
        let nowhere = folder.path().join("missing/results.csv");
        let outputs = Outputs::new(&nowhere).unwrap();
        let error = Journal::open(outputs, &suite(), IfExists::Refuse).unwrap_err();
        assert!(error.to_string().contains("missing/results.csv: No such file"), "{error}");
        assert_eq!(error.exit(), crate::exit::Exit::BadInput);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_said_and_takes_no_row() {
        let suite = suite();
        let (_folder, outputs) = finished(&suite);
        let mut journal = resume(&outputs, &suite).unwrap();
        let full = fs::OpenOptions::new().append(true).open("/dev/full").unwrap();
        journal.csv.redirect(full);
        let error = journal.append_row(row(&suite, 0), &[]).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("results.csv: No space left on device"), "{message}");
        assert!(message.contains("; 4 finished rows are kept in "), "{message}");
        assert_eq!(journal.rows().len(), 4);
    }
}
