//! Shards put together: the runs of all parts of a study become one run, as if it had never been divided.
//!
//! Nothing is merged but what fits: the runs must be of the same settings, and together have every row of
//! the matrix exactly once. The merged rows stand in the order of the matrix, so everything that is computed
//! from them has the same bits as in a run of the whole. The runs themselves are not changed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::files::append::write_whole;
use crate::run::journal::SettingsFile;
use crate::run::store::{Contents, Entry, Reading, Session, journal_of};
use crate::run::timeline::{self, Sample};
use crate::suite::{Settings, Suite};
use crate::wording::list;

/// The rows that are named in an error before the others are only counted.
const NAMED: usize = 5;

/// Merges the runs in `folders` into a new one in `target`. The order of the folders does not matter.
///
/// # Errors
/// [`Error::Output`] if `target` exists; as [`Contents::read`]; [`Error::Settings`] that names what differs,
/// which rows are there twice, or which are missing; [`Error::Write`]. `target` does not exist then, or, if
/// the disk is full, is not the folder of a run.
pub fn merge(folders: &[PathBuf], target: &Path) -> Result<Contents, Error> {
    let refuse =
        |message: &str| Err(Error::Output { path: target.to_owned(), message: message.to_owned() });
    match fs::symlink_metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(Error::Read { path: target.to_owned(), source }),
        Ok(_) => return refuse("exists: choose another name for the merged run"),
    }
    let mut parts = Vec::with_capacity(folders.len());
    for folder in folders {
        parts.push(Part { folder, contents: Contents::read(folder)? });
    }
    let whole = check_settings(&parts)?;
    let rows = Rows::find(&parts, &whole)?;
    // The order in which the parts were named leaves no trace.
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|&part| rows.of.iter().position(|(it, _)| *it == part));

    let mut run = Assembled::new(whole);
    let mut session_before = vec![0; parts.len()];
    for part in order {
        session_before[part] = run.contents().sessions.len();
        for session in &parts[part].contents.sessions {
            run.start(session.clone()).map_err(Error::Internal)?;
        }
    }
    for &(part, index) in &rows.of {
        let Part { folder, contents } = &parts[part];
        let session = session_before[part] + contents.session_of[index];
        run.add(contents.entries[index].clone(), session).map_err(|message| Error::Content {
            place: format!(
                "{}, line {}",
                folder.join("journal.jsonl").display(),
                contents.line_of[index]
            ),
            message,
        })?;
    }
    let written = |source| Error::Write { path: target.to_owned(), source, note: String::new() };
    if let Some(runs) = target.parent() {
        fs::create_dir_all(runs).map_err(written)?;
    }
    fs::create_dir(target).map_err(written)?;
    let samples = samples(&parts, &session_before);
    if !samples.is_empty() {
        write_whole(&target.join(timeline::NAME), samples)?;
    }
    run.write(target)
}

/// A run that is put together from pieces, not yet on the disk.
pub(crate) struct Assembled(Reading);

impl Assembled {
    /// A run of `suite` without rows.
    pub(crate) fn new(suite: Suite) -> Assembled {
        Assembled(Reading::new(suite))
    }

    /// What it has so far.
    pub(crate) fn contents(&self) -> &Contents {
        &self.0.contents
    }

    /// Adds a session.
    ///
    /// # Errors
    /// What of it cannot be.
    pub(crate) fn start(&mut self, session: Session) -> Result<(), String> {
        self.0.start(session)
    }

    /// Adds a row of a session (counted from 1); rows come in the order of the matrix, after all sessions.
    ///
    /// # Errors
    /// What of it cannot be.
    pub(crate) fn add(&mut self, entry: Entry, session: usize) -> Result<(), String> {
        let contents = self.contents();
        let line = contents.sessions.len() + contents.rows.len() + 1;
        self.0.add(Entry { session: Some(session), ..entry }, session, line)
    }

    /// Writes it into the folder `target`, over what is there of a run that it has all rows of.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub(crate) fn write(self, target: &Path) -> Result<Contents, Error> {
        let contents = self.0.contents;
        // Rows in another order than the journal's would be refused if this were interrupted.
        let csv = target.join("results.csv");
        match fs::remove_file(&csv) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(Error::Write { path: csv, source, note: String::new() });
            }
            _ => {}
        }
        write_whole(&target.join("journal.jsonl"), journal_of(&contents))?;
        write_whole(&csv, contents.csv())?;
        // The settings come last: they make it the folder of a run.
        SettingsFile::write(&target.join("settings.json"), contents.suite.settings())?;
        Ok(contents)
    }
}

/// The timelines of all runs as one. They are for looking at: one that cannot be read is left out.
fn samples(parts: &[Part<'_>], session_before: &[usize]) -> String {
    let mut samples = Vec::new();
    for (part, before) in parts.iter().zip(session_before) {
        let found = timeline::read(part.folder).unwrap_or_default();
        samples.extend(found.into_iter().map(|it| Sample { session: it.session + before, ..it }));
    }
    // Each session as it was.
    samples.sort_by_key(|it| it.session);
    samples.iter().map(timeline::line).collect()
}

/// One of the runs.
struct Part<'a> {
    folder: &'a Path,
    contents: Contents,
}

impl Part<'_> {
    fn settings(&self) -> &Settings {
        self.contents.suite.settings()
    }

    /// `runs/a (shard 1/3)`.
    fn name(&self) -> String {
        let shard = self.settings().shard;
        let shard = shard.map(|it| format!(" (shard {it})")).unwrap_or_default();
        format!("{}{shard}", self.folder.display())
    }

    /// The names of the estimators that its rows have.
    fn estimators(&self) -> BTreeSet<&str> {
        let estimates = self.contents.entries.iter().flat_map(|it| it.estimates.keys());
        estimates.map(String::as_str).collect()
    }
}

/// The whole matrix, of which all runs must be parts.
fn check_settings(parts: &[Part<'_>]) -> Result<Suite, Error> {
    let Some((first, others)) = parts.split_first() else {
        return Err(Error::Settings("no runs to merge: expected at least one".to_owned()));
    };
    let whole = Settings { shard: None, ..first.settings().clone() };
    for part in others {
        let mut differences =
            whole.differences(&Settings { shard: None, ..part.settings().clone() });
        let of = |it: &Part<'_>| it.settings().shard.map_or(1, |it| it.of());
        if of(first) != of(part) {
            differences.push(format!("shards: {}, not {}", of(first), of(part)));
        }
        let (theirs, mine) = (first.estimators(), part.estimators());
        if !theirs.is_empty() && !mine.is_empty() && theirs != mine {
            differences.push(format!("estimators: {}, not {}", list(&theirs), list(&mine)));
        }
        if !differences.is_empty() {
            return Err(Error::Settings(format!(
                "cannot merge: {} and {} differ in their settings ({})",
                first.name(),
                part.name(),
                differences.join("; ")
            )));
        }
    }
    Suite::new(whole)
}

/// Where each row of the matrix is: in which run, and its place there.
struct Rows {
    of: Vec<(usize, usize)>,
}

impl Rows {
    fn find(parts: &[Part<'_>], whole: &Suite) -> Result<Rows, Error> {
        let mut found: Vec<Option<(usize, usize)>> = vec![None; whole.comparisons().len()];
        let mut twice = Vec::new();
        let place = |part: &Part<'_>, index| {
            format!("{}, line {}", part.folder.display(), part.contents.line_of[index])
        };
        for (number, part) in parts.iter().enumerate() {
            for (index, row) in part.contents.rows.iter().enumerate() {
                let position = whole.position(row.key).expect("a row of a part of the matrix");
                match found[position] {
                    Some((first, there)) => twice.push(format!(
                        "{} ({} and {})",
                        row.key,
                        place(&parts[first], there),
                        place(part, index)
                    )),
                    None => found[position] = Some((number, index)),
                }
            }
        }
        if !twice.is_empty() {
            let message = format!(
                "cannot merge: {} are in more than one run: {}",
                count(twice.len()),
                some(&twice)
            );
            return Err(Error::Settings(message));
        }
        let missing: Vec<String> = whole
            .comparisons()
            .iter()
            .zip(&found)
            .filter(|(_, it)| it.is_none())
            .map(|(comparison, _)| comparison.key.to_string())
            .collect();
        if !missing.is_empty() {
            let message = format!(
                "cannot merge: {} of {} are in none of the runs: {}{}",
                count(missing.len()),
                found.len(),
                some(&missing),
                why_missing(parts)
            );
            return Err(Error::Settings(message));
        }
        Ok(Rows { of: found.into_iter().flatten().collect() })
    }
}

/// Which runs are unfinished, and which shards are not there.
fn why_missing(parts: &[Part<'_>]) -> String {
    let mut why = String::new();
    for part in parts.iter().filter(|it| !it.contents.is_finished()) {
        let (done, all) = (part.contents.rows.len(), part.contents.suite.comparisons().len());
        why += &format!("; {} is unfinished: {done} of {all} rows are done", part.name());
    }
    let shards: BTreeSet<usize> =
        parts.iter().filter_map(|it| it.settings().shard).map(|it| it.index()).collect();
    if let Some(of) = parts.iter().find_map(|it| it.settings().shard).map(|it| it.of()) {
        let absent: Vec<String> =
            (1..=of).filter(|it| !shards.contains(it)).map(|it| format!("{it}/{of}")).collect();
        match absent.len() {
            0 => {}
            1 => why += &format!("; there is no run of shard {}", absent[0]),
            _ => why += &format!("; there are no runs of shards {}", some(&absent)),
        }
    }
    why
}

fn count(rows: usize) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

/// The first of the items, and how many there are more.
fn some(items: &[String]) -> String {
    match items.len().checked_sub(NAMED) {
        None | Some(0) => items.join(", "),
        Some(more) => format!("{} and {more} more", items[..NAMED].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{finish, suite};
    use crate::run::ledger::Ledger;
    use crate::run::store::RunFolder;
    use crate::suite::shard::Shard;
    use tempfile::TempDir;

    /// The finished run of a shard, which takes its numbers from the whole.
    fn run(runs: &TempDir, name: &str, shard: Option<Shard>) -> PathBuf {
        let whole = suite();
        let part = Suite::new(Settings { shard, ..whole.settings().clone() }).unwrap();
        let folder = runs.path().join(name);
        let mut run = RunFolder::open(&folder, &part).unwrap();
        finish(&mut run, &part);
        folder
    }

    fn shards(runs: &TempDir, of: usize) -> Vec<PathBuf> {
        (1..=of).map(|index| run(runs, &format!("{index}"), Shard::new(index, of))).collect()
    }

    /// Merging must fail with this message, where `{}` stands for the folder of the runs.
    #[track_caller]
    fn check_refused(runs: &TempDir, folders: &[PathBuf], message: &str) {
        let target = runs.path().join("merged");
        let error = merge(folders, &target).unwrap_err();
        let found = error.to_string().replace(&runs.path().display().to_string(), "{}");
        assert_eq!(found, message);
        assert_eq!(error.exit(), crate::exit::Exit::BadInput);
        assert!(!target.exists());
    }

    #[test]
    fn shards_become_one_run_whatever_their_order() {
        let runs = tempfile::tempdir().unwrap();
        let mut folders = shards(&runs, 3);
        // A second session leaves its mark.
        drop(RunFolder::open(&folders[1], &Contents::read(&folders[1]).unwrap().suite).unwrap());
        let forwards = runs.path().join("forwards");
        merge(&folders, &forwards).unwrap();
        folders.reverse();
        let backwards = runs.path().join("backwards");
        merge(&folders, &backwards).unwrap();
        for name in ["journal.jsonl", "results.csv", "settings.json"] {
            let read = |folder: &Path| fs::read_to_string(folder.join(name)).unwrap();
            assert_eq!(read(&forwards), read(&backwards), "{name}");
        }
        let merged = Contents::read(&forwards).unwrap();
        assert!(merged.is_finished());
        assert_eq!(merged.sessions.len(), 4);
        let keys: Vec<_> = suite().comparisons().iter().map(|it| it.key).collect();
        assert_eq!(merged.rows.iter().map(|it| it.key).collect::<Vec<_>>(), keys);
        // Each row still knows its session.
        for (index, entry) in merged.entries.iter().enumerate() {
            let session = &merged.sessions[merged.session_of[index] - 1];
            let here = folders
                .iter()
                .map(|it| Contents::read(it).unwrap())
                .find(|part| part.entries.iter().any(|it| it.key == entry.key));
            assert!(here.unwrap().sessions.contains(session));
        }
        // It is a run like others: opened again there is nothing to do.
        let run = RunFolder::open(&forwards, &suite()).unwrap();
        assert_eq!(run.rows().len(), 4);
        let line = run.place(3);
        assert!(line.ends_with("journal.jsonl, line 8"), "{line}");
    }

    #[test]
    fn a_run_that_is_there_twice_is_refused() {
        let runs = tempfile::tempdir().unwrap();
        let mut folders = shards(&runs, 3);
        folders.push(folders[2].clone());
        let problem = Contents::read(&folders[2]).unwrap().rows;
        let named: Vec<String> = problem
            .iter()
            .enumerate()
            .map(|(k, row)| format!("{} ({{}}/3, line {1} and {{}}/3, line {1})", row.key, k + 2))
            .collect();
        let n = if named.len() == 1 { "1 row".to_owned() } else { format!("{} rows", named.len()) };
        let message = format!("cannot merge: {n} are in more than one run: {}", named.join(", "));
        check_refused(&runs, &folders, &message);
    }

    #[test]
    fn missing_rows_are_named_with_their_reason() {
        let runs = tempfile::tempdir().unwrap();
        let folders = shards(&runs, 3);
        let missing = Contents::read(&folders[1]).unwrap().rows;
        let names: Vec<String> = missing.iter().map(|it| it.key.to_string()).collect();
        let n = if names.len() == 1 { "1 row".to_owned() } else { format!("{} rows", names.len()) };
        let none = format!("cannot merge: {n} of 4 are in none of the runs: {}", names.join(", "));
        check_refused(
            &runs,
            &[folders[0].clone(), folders[2].clone()],
            &format!("{none}; there is no run of shard 2/3"),
        );
        let journal = folders[1].join("journal.jsonl");
        let text = fs::read_to_string(&journal).unwrap();
        fs::write(&journal, text.lines().next().unwrap().to_owned() + "\n").unwrap();
        fs::remove_file(folders[1].join("results.csv")).unwrap();
        let unfinished =
            format!("; {{}}/2 (shard 2/3) is unfinished: 0 of {} rows are done", names.len());
        check_refused(&runs, &folders, &format!("{none}{unfinished}"));
    }

    #[test]
    fn other_settings_are_refused_by_name() {
        let runs = tempfile::tempdir().unwrap();
        let mut folders = shards(&runs, 3);
        folders[1] = run(&runs, "other", Shard::new(2, 2));
        check_refused(
            &runs,
            &folders,
            "cannot merge: {}/1 (shard 1/3) and {}/other (shard 2/2) differ in their settings \
             (shards: 3, not 2)",
        );
        let xor = Settings {
            rules: vec![crate::model::dynamics::Rule::Xor],
            shard: Shard::new(2, 3),
            ..suite().settings().clone()
        };
        folders[1] = runs.path().join("xor");
        drop(RunFolder::open(&folders[1], &Suite::new(xor).unwrap()).unwrap());
        check_refused(
            &runs,
            &folders,
            "cannot merge: {}/1 (shard 1/3) and {}/xor (shard 2/3) differ in their settings \
             (rule: majority, not xor)",
        );
        check_refused(&runs, &[], "no runs to merge: expected at least one");
    }

    #[test]
    fn what_exists_is_not_touched() {
        let runs = tempfile::tempdir().unwrap();
        let folders = shards(&runs, 2);
        let before = fs::read(folders[0].join("journal.jsonl")).unwrap();
        let error = merge(&folders, &folders[0]).unwrap_err().to_string();
        assert!(error.ends_with("exists: choose another name for the merged run"), "{error}");
        assert_eq!(fs::read(folders[0].join("journal.jsonl")).unwrap(), before);
    }
}
