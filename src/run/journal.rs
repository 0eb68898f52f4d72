//! The files of a run without a folder, and what every run keeps beside its journal.
//!
//! Beside the CSV that a user names stand three companions, with the same content as those in the
//! folder of a run (see [`run_folder`](crate::run::store)):
//!
//! | file | what it holds |
//! |---|---|
//! | `X.csv` | one [`Row`] a comparison |
//! | `X.settings.json` | the settings of the matrix the rows belong to |
//! | `X.journal.jsonl` | the truth: one line a session and one a finished comparison |
//! | `X.summary.json` | the statistics (see [`summary`](crate::stats::summary)) |
//!
//! The user names the CSV only, so the others are overwritten only if this program has written
//! them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::engine::result::ExactPhi;
use crate::error::Error;
use crate::files::append::{Lines, check_ours, exists, len_of_file, read_own, write_whole};
use crate::files::seal::{seal, unseal};
use crate::model::network::ProblemId;
use crate::run::row::Row;
use crate::suite::{Key, Settings, Suite};
use crate::wording::short;

/// The files of a run without a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outputs {
    /// The rows.
    pub csv: PathBuf,
    /// The settings.
    pub settings: PathBuf,
    /// The journal.
    pub journal: PathBuf,
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
        Ok(Outputs {
            csv: csv.to_owned(),
            settings: companion(".settings.json"),
            journal: companion(".journal.jsonl"),
            summary: companion(".summary.json"),
        })
    }

    /// Checks that the run may write these files: none is there, or those that are may be touched.
    ///
    /// # Errors
    /// [`Error::Output`] that names the file which may not, and why.
    pub(crate) fn check(&self, if_exists: IfExists) -> Result<(), Error> {
        let Outputs { csv, settings, journal, summary } = self;
        let mut found = Vec::new();
        for path in [csv, settings, journal, summary] {
            // If the folder itself is missing, opening the CSV says so better.
            if len_of_file(path)?.is_some() {
                found.push(path);
            }
        }
        check_summary(summary)?;
        match (if_exists, found.first()) {
            (_, None) => return Ok(()),
            (IfExists::Refuse, Some(path)) => {
                return Err(Error::Output {
                    path: (*path).clone(),
                    message: IfExists::EXISTS.to_owned(),
                });
            }
            _ => {}
        }
        if if_exists == IfExists::Resume {
            // The others are read, and what is not ours is refused then.
            return Ok(());
        }
        let schema = format!("{{\n  \"schema\": {:?}", SettingsFile::SCHEMA);
        check_ours(settings, |text| text.is_empty() || text.starts_with(&schema))?;
        check_ours(journal, |text| text.is_empty() || text.starts_with("{\"kind\":\"session\""))
    }

    /// Checks that the CSV begins as one of this program, or is empty.
    pub(crate) fn check_header(&self, content: &[u8], suite: &Suite) -> Result<(), Error> {
        let lines = Lines::new(content);
        // A file with other columns is one of other settings, which is said elsewhere.
        let is_ours = [Row::HEADER_OF_CASES, Row::HEADER].iter().any(|columns| {
            let columns = columns.as_bytes();
            match lines.whole.first() {
                Some(header) => {
                    let more = header.strip_prefix(columns);
                    more.is_some_and(|it| it.first().is_none_or(|it| *it == b','))
                }
                None => {
                    let n = columns.len().min(lines.torn.len());
                    columns[..n] == lines.torn[..n] || lines.torn.contains(&0)
                }
            }
        });
        if is_ours {
            return Ok(());
        }
        Err(Error::Output {
            path: self.csv.clone(),
            message: format!(
                "is not a file of this program: expected the first line {:?}",
                Row::header(suite.settings())
            ),
        })
    }
}

/// One solved problem, as `summary.json` has it.
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

/// The policy for an output that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfExists {
    /// Refuse.
    Refuse,
    /// Go on from it, if it belongs to the same matrix.
    Resume,
    /// Write it anew.
    Overwrite,
}

impl IfExists {
    /// The message about an output that exists and may not be touched.
    pub(crate) const EXISTS: &str =
        "exists: pass --resume to go on from it, --force to write it anew, or another --out";

    /// Chooses the policy that `--resume` and `--force` ask for. At most one of them is given.
    pub(crate) fn asked(resume: bool, force: bool) -> IfExists {
        match (resume, force) {
            (true, _) => IfExists::Resume,
            (false, true) => IfExists::Overwrite,
            (false, false) => IfExists::Refuse,
        }
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
    pub(crate) const SCHEMA: &str = "phi-validation/settings";
    const VERSION: u32 = 1;

    /// Writes the settings; the file appears whole or not at all.
    pub(crate) fn write(path: &Path, settings: &Settings) -> Result<(), Error> {
        write_whole(path, SettingsFile::text(settings))
    }

    /// The file of these settings.
    pub(crate) fn text(settings: &Settings) -> String {
        let file = SettingsFile {
            schema: SettingsFile::SCHEMA.to_owned(),
            version: SettingsFile::VERSION,
            settings: settings.clone(),
        };
        let json = serde_json::to_string_pretty(&file).expect("plain data");
        seal(SettingsFile::SCHEMA, &json) + "\n"
    }

    /// Reads the settings.
    pub(crate) fn read(path: &Path) -> Result<Settings, Error> {
        let text =
            read_own(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let text = str::from_utf8(&text).map_err(|_| "not UTF-8".to_owned());
        text.and_then(SettingsFile::parse).map_err(|message| Error::Content {
            place: path.display().to_string(),
            message: short(&message),
        })
    }

    /// The settings in the text of a file.
    pub(crate) fn parse(text: &str) -> Result<Settings, String> {
        let text = unseal(SettingsFile::SCHEMA, text.strip_suffix('\n').unwrap_or(text))?;
        let file: SettingsFile = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        if (file.schema.as_str(), file.version) != (SettingsFile::SCHEMA, SettingsFile::VERSION) {
            return Err(format!(
                "schema {:?} version {}: expected {:?} version {}",
                file.schema,
                file.version,
                SettingsFile::SCHEMA,
                SettingsFile::VERSION
            ));
        }
        Ok(file.settings)
    }

    /// Checks that the rows beside the settings file belong to `suite`.
    pub(crate) fn check(outputs: &Outputs, suite: &Suite) -> Result<(), Error> {
        let path = &outputs.settings;
        let refuse = |message: String| Err(Error::Output { path: outputs.csv.clone(), message });
        if !exists(path)? {
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

/// The schemas of a summary: of a single theory, and of several.
pub(crate) const SUMMARY_SCHEMAS: [&str; 2] =
    ["phi-validation/summary", "phi-validation/summaries"];

/// Checks that `path` can become a summary: it does not exist, or it is one.
///
/// # Errors
/// [`Error::Output`] if it is something else, which must not be overwritten.
pub(crate) fn check_summary(path: &Path) -> Result<(), Error> {
    check_ours(path, |text| {
        let json = serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
        json["schema"].as_str().is_some_and(|it| SUMMARY_SCHEMAS.contains(&it))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{finish, row, suite};
    use crate::run::ledger::Ledger;
    use crate::run::store::RunFolder;
    use std::fs;
    use tempfile::TempDir;

    /// A folder with the finished files of [`suite`].
    fn finished(suite: &Suite) -> (TempDir, Outputs) {
        let folder = tempfile::tempdir().unwrap();
        let outputs = Outputs::new(&folder.path().join("results.csv")).unwrap();
        let mut run = RunFolder::beside(&outputs, suite, IfExists::Refuse).unwrap();
        finish(&mut run, suite);
        (folder, outputs)
    }

    fn resume(outputs: &Outputs, suite: &Suite) -> Result<RunFolder, Error> {
        RunFolder::beside(outputs, suite, IfExists::Resume)
    }

    fn contents(outputs: &Outputs) -> Vec<Option<Vec<u8>>> {
        let Outputs { csv, settings, journal, summary } = outputs;
        [csv, settings, journal, summary].map(|it| fs::read(it).ok()).to_vec()
    }

    /// Opening must fail with this message (`{}` stands for the folder) and change nothing.
    #[track_caller]
    fn check_refused(outputs: &Outputs, suite: &Suite, if_exists: IfExists, message: &str) {
        let before = contents(outputs);
        let error = RunFolder::beside(outputs, suite, if_exists).unwrap_err();
        let folder = outputs.csv.parent().unwrap().display().to_string();
        let found = error.to_string().replace(&folder, "{}");
        assert!(found.starts_with(message), "{found}\nexpected {message}");
        assert_eq!(error.exit(), crate::exit::Exit::BadInput);
        assert_eq!(contents(outputs), before);
    }

    #[test]
    fn rows_are_read_as_they_were_written() {
        let suite = suite();
        let (_folder, outputs) = finished(&suite);
        let run = resume(&outputs, &suite).unwrap();
        let expected: Vec<Row> = (0..4).map(|position| row(&suite, position)).collect();
        assert_eq!(run.rows(), expected);
        assert!(run.notes().is_empty(), "{:?}", run.notes());
        let text = fs::read_to_string(&outputs.csv).unwrap();
        assert_eq!(text.lines().next(), Some(Row::HEADER));
        // Φ = 0 has no relative error.
        assert_eq!(text.lines().nth(1), Some("Ring,5,42,0.5,0.0,0.5,,0.125"));
    }

    #[test]
    fn a_csv_cut_at_any_byte_is_written_again() {
        let suite = suite();
        let (_folder, outputs) = finished(&suite);
        let whole = fs::read(&outputs.csv).unwrap();
        for len in 0..=whole.len() {
            fs::write(&outputs.csv, &whole[..len]).unwrap();
            let run = resume(&outputs, &suite).unwrap();
            assert_eq!(run.rows().len(), 4, "cut at {len}");
            drop(run);
            assert_eq!(fs::read(&outputs.csv).unwrap(), whole, "cut at {len}");
        }
        fs::remove_file(&outputs.csv).unwrap();
        drop(resume(&outputs, &suite).unwrap());
        assert_eq!(fs::read(&outputs.csv).unwrap(), whole);
    }

    #[test]
    fn a_journal_that_lost_rows_is_no_reason_to_begin_again() {
        let suite = suite();
        let (_folder, outputs) = finished(&suite);
        let whole = fs::read_to_string(&outputs.journal).unwrap();
        let first_two: String = whole.split_inclusive('\n').take(2).collect();
        for (kept, n) in [(Some(&*first_two), 1), (Some(""), 0), (None, 0)] {
            match kept {
                Some(kept) => fs::write(&outputs.journal, kept).unwrap(),
                None => fs::remove_file(&outputs.journal).unwrap(),
            }
            let before = fs::read(&outputs.csv).unwrap();
            let error = resume(&outputs, &suite).unwrap_err().to_string();
            let expected = format!(
                "results.journal.jsonl: has {n} rows, but {} has more (line {}: \"",
                outputs.csv.display(),
                n + 2
            );
            assert!(error.contains(&expected), "{error}");
            assert!(
                error.ends_with(&format!("move that CSV away to go on from {n} rows")),
                "{error}"
            );
            assert_eq!(fs::read(&outputs.csv).unwrap(), before);
        }
    }

    #[test]
    fn a_run_stopped_before_it_began_is_begun() {
        let suite = suite();
        let folder = tempfile::tempdir().unwrap();
        let outputs = Outputs::new(&folder.path().join("results.csv")).unwrap();
        for content in ["", "topology,n", &format!("{}\n", Row::HEADER)] {
            fs::write(&outputs.csv, content).unwrap();
            let _ = fs::remove_file(&outputs.settings);
            let _ = fs::remove_file(&outputs.journal);
            assert!(resume(&outputs, &suite).unwrap().rows().is_empty());
            assert_eq!(fs::read_to_string(&outputs.csv).unwrap(), format!("{}\n", Row::HEADER));
            assert!(outputs.settings.exists());
        }
    }

    #[test]
    fn existing_files_are_not_touched_without_being_asked() {
        let suite = suite();
        let (_folder, outputs) = finished(&suite);
        fs::write(&outputs.summary, format!("{{\"schema\": {:?}}}", SUMMARY_SCHEMAS[0])).unwrap();
        let Outputs { csv, settings, journal, summary } = &outputs;
        // Each of the four files alone is reason enough.
        for kept in [csv, settings, journal, summary] {
            let (_folder, other) = finished(&suite);
            fs::copy(summary, &other.summary).unwrap();
            let name = kept.file_name().unwrap();
            for path in [&other.csv, &other.settings, &other.journal, &other.summary] {
                if path.file_name().unwrap() != name {
                    fs::remove_file(path).unwrap();
                }
            }
            let message = format!("{{}}/{}: exists: pass --resume", name.display());
            check_refused(&other, &suite, IfExists::Refuse, &message);
        }
        let run = RunFolder::beside(&outputs, &suite, IfExists::Overwrite).unwrap();
        assert!(run.rows().is_empty());
        assert_eq!(fs::read_to_string(csv).unwrap(), format!("{}\n", Row::HEADER));
        assert_eq!(fs::read_to_string(journal).unwrap().lines().count(), 1);
    }

    #[test]
    fn files_of_others_are_not_overwritten_even_if_asked() {
        let suite = suite();
        for name in ["results.settings.json", "results.journal.jsonl", "results.summary.json"] {
            for with_csv in [false, true] {
                let (folder, outputs) = finished(&suite);
                if !with_csv {
                    fs::remove_file(&outputs.csv).unwrap();
                }
                fs::write(folder.path().join(name), "{\"mine\": true}\n").unwrap();
                let message = format!("{{}}/{name}: exists and was not written by this program");
                check_refused(&outputs, &suite, IfExists::Overwrite, &message);
                let message = format!("{{}}/{name}");
                check_refused(&outputs, &suite, IfExists::Resume, &message);
            }
        }
    }

    #[test]
    fn files_of_another_matrix_are_refused() {
        let suite = suite();
        let (_folder, outputs) = finished(&suite);
        let more = Settings { seeds: vec![42, 123, 456], ..suite.settings().clone() };
        check_refused(
            &outputs,
            &Suite::new(more).unwrap(),
            IfExists::Resume,
            "{}/results.csv: belongs to another matrix (seeds: 42, 123, not 42, 123, 456): pass \
             the same settings, --force to write it anew, or another --out",
        );
        let foreign = format!(
            "{{}}/results.csv: is not a file of this program: expected the first line {:?}",
            Row::HEADER
        );
        let csv = fs::read(&outputs.csv).unwrap();
        for content in ["name,value\na,1\n", "notes"] {
            fs::write(&outputs.csv, content).unwrap();
            check_refused(&outputs, &suite, IfExists::Resume, &foreign);
        }
        fs::write(&outputs.csv, csv).unwrap();
        fs::remove_file(&outputs.settings).unwrap();
        check_refused(
            &outputs,
            &suite,
            IfExists::Resume,
            "{}/results.csv: its settings file {}/results.settings.json is missing, so it cannot \
             be known which matrix it belongs to",
        );
    }

    #[test]
    fn one_run_at_a_time_writes_a_file() {
        let suite = suite();
        let (_folder, outputs) = finished(&suite);
        let first = resume(&outputs, &suite).unwrap();
        for mode in [IfExists::Resume, IfExists::Overwrite] {
            let error = RunFolder::beside(&outputs, &suite, mode).unwrap_err();
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
        let nowhere = folder.path().join("missing/results.csv");
        let outputs = Outputs::new(&nowhere).unwrap();
        let error = RunFolder::beside(&outputs, &suite(), IfExists::Refuse).unwrap_err();
        assert!(error.to_string().contains("missing/results.csv: No such file"), "{error}");
        assert_eq!(error.exit(), crate::exit::Exit::BadInput);
    }
}
