//! The steps of one long search, and its result.
//!
//! | file | what it holds |
//! |---|---|
//! | `X` | the result, written whole when the search is done |
//! | `X.journal.jsonl` | what was asked, then the steps of the search in their order, many a line |
//!
//! The journal is the truth: it only grows, its lines are on the disk before the search goes on,
//! and every line carries a check (see `seal`). A line that a crash cut short is dropped and its
//! steps done again. A search that goes on reads all steps first, and does what follows them; the
//! result is the same to the byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::vec;

use serde::{Deserialize, Serialize};

use crate::engine::exact::UnitSet;
use crate::engine::grains::{Journal, SearchStep};
use crate::error::Error;
use crate::files::append::{
    AppendFile, Lines, beside, check_beginning, len_of_file, read_or_nothing, without_locks,
    write_whole,
};
use crate::files::seal::{Chain, Link};
use crate::machine::memory;
use crate::machine::provenance::Provenance;
use crate::run::journal::IfExists;
use crate::wording::short;

/// The question of a search: its steps are those of another one only if all of this is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedSearch {
    /// The program, with the commit that it was built from.
    program: String,
    /// A hash of the network with its state, and of what else is in its file.
    network: String,
    /// The settings, by name.
    settings: BTreeMap<String, String>,
}

impl AskedSearch {
    /// A search by this program. `network` is all that its file says, in words that differ if it
    /// does.
    pub fn new(network: &str, settings: BTreeMap<String, String>) -> AskedSearch {
        let program = Provenance::here().program();
        let network = blake3::hash(network.as_bytes()).to_hex().to_string();
        AskedSearch { program, network, settings }
    }

    /// Names the differences, for people.
    fn differences(&self, other: &AskedSearch) -> Vec<String> {
        let mut found = Vec::new();
        if self.network != other.network {
            found.push("another network, state or history".to_owned());
        }
        let names = self.settings.keys().chain(other.settings.keys());
        let names: std::collections::BTreeSet<&String> = names.collect();
        for name in names {
            let [one, two] = [self, other].map(|it| it.settings.get(name));
            if one != two {
                let said = |it: Option<&String>| it.map_or("none", String::as_str).to_owned();
                found.push(format!("{name}: {}, not {}", said(one), said(two)));
            }
        }
        if self.program != other.program {
            found.push(format!("program {}, not {}", self.program, other.program));
        }
        found
    }
}

/// A line of the journal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum SearchLine {
    /// The question. No journal of a study begins like this one.
    Search(AskedSearch),
    /// Steps that follow those before.
    Steps { steps: Vec<Step> },
}

/// A step: a number, null, false, or a list of units.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Step {
    Value(f64),
    Dismissed(bool),
    Micro(Vec<usize>),
    NoSystem,
}

impl From<SearchStep> for Step {
    fn from(step: SearchStep) -> Step {
        match step {
            SearchStep::Value(value) => Step::Value(value),
            SearchStep::NoSystem => Step::NoSystem,
            SearchStep::Dismissed => Step::Dismissed(false),
            SearchStep::Micro(units) => Step::Micro(units.iter().collect()),
        }
    }
}

impl Step {
    fn read(self) -> Result<SearchStep, String> {
        match self {
            Step::Value(value) => Ok(SearchStep::Value(value)),
            Step::NoSystem => Ok(SearchStep::NoSystem),
            Step::Dismissed(false) => Ok(SearchStep::Dismissed),
            Step::Dismissed(true) => Err("a step true: expected false".to_owned()),
            Step::Micro(units) if units.iter().all(|it| *it < UnitSet::MAX_UNITS) => {
                Ok(SearchStep::Micro(units.into_iter().collect()))
            }
            Step::Micro(units) => Err(format!("units {units:?}: expected numbers below 32")),
        }
    }
}

/// A search of which the steps and the result are kept in files.
#[derive(Debug)]
pub struct SearchFiles {
    result: PathBuf,
    if_exists: IfExists,
    note: Option<String>,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug)]
struct Kept {
    path: PathBuf,
    file: AppendFile,
    asked: AskedSearch,
    /// `true` once the file is of this search, and no longer as it was found.
    has_begun: bool,
    chain: Chain,
    known: vec::IntoIter<SearchStep>,
    n_steps: u64,
    /// The bytes of whole lines when it was read.
    whole_len: usize,
    /// Why the search was told to end.
    failed: Option<Error>,
}

/// The contents of a journal, read without changing anything.
struct Reading {
    chain: Chain,
    asked: Option<AskedSearch>,
    steps: Vec<SearchStep>,
    whole_len: usize,
}

/// The beginning of the first line.
const START: &str = "{\"kind\":\"search\"";

/// The kind of the lines, as their checks have it.
pub(crate) const CHAIN: &str = "search";

/// The first line has fewer bytes than these, in all likelihood: what is longer and begins
/// otherwise was not cut short by a crash.
const LOOKED_AT: usize = 1 << 16;

pub(crate) fn is_start(object: &str) -> bool {
    object.starts_with(START)
}

/// Returns `true` if a file that begins with these bytes is a journal of a search. A crash may have
/// cut its first line short, or left zeros in it.
fn is_ours(beginning: &[u8]) -> bool {
    let n_kept = beginning.iter().rposition(|it| *it != 0).map_or(0, |last| last + 1);
    let is_torn = beginning.len() < LOOKED_AT && START.as_bytes().starts_with(&beginning[..n_kept]);
    is_torn || beginning.starts_with(START.as_bytes())
}

/// The memory that reading a journal takes, for each of its bytes: its text, and 16 bytes for a
/// step, which may be the 5 bytes `null,` in it.
const BYTES_OF_BYTE: u64 = 5;

/// Checks that there is memory to read a journal of so many bytes.
fn check_memory(path: &Path, len: u64, left_bytes: Option<u64>) -> Result<(), Error> {
    let needed_bytes = len.saturating_mul(BYTES_OF_BYTE);
    match left_bytes {
        Some(left_bytes) if needed_bytes > left_bytes => Err(Error::Memory {
            place: path.display().to_string(),
            needed_bytes,
            left_bytes,
            note: String::new(),
        }),
        _ => Ok(()),
    }
}

/// Reads the journal in a text: the question, if that is there, and the steps.
///
/// # Errors
/// [`Error::Content`].
pub(crate) fn parse(
    content: &[u8],
    path: &Path,
) -> Result<(Option<AskedSearch>, Vec<SearchStep>), Error> {
    Reading::of(content, path).map(|it| (it.asked, it.steps))
}

/// The text of a journal.
pub(crate) fn journal_of(asked: &AskedSearch, steps: &[SearchStep]) -> String {
    let steps = steps.iter().copied().map(Step::from).collect();
    let mut chain = Chain::new(CHAIN);
    let mut text = String::new();
    for line in [SearchLine::Search(asked.clone()), SearchLine::Steps { steps }] {
        let line = chain.next(&serde_json::to_string(&line).expect("plain data"));
        chain.read(&line, is_start).expect("it follows the line before it");
        text += &(line + "\n");
    }
    text
}

impl Reading {
    fn of(content: &[u8], path: &Path) -> Result<Reading, Error> {
        let lines = Lines::new(content);
        let chain = Chain::new(CHAIN);
        let whole_len = lines.torn_at;
        // There is a comma for each step at least, so that no list is made anew as it grows.
        let steps = Vec::with_capacity(content.iter().filter(|it| **it == b',').count());
        let mut reading = Reading { chain, asked: None, steps, whole_len };
        for (index, line) in lines.whole.iter().enumerate() {
            reading.line(line).map_err(|message| {
                let remedy = match index {
                    0 => "; pass --force to write it anew, or another --out",
                    _ => {
                        "; the lines before it are whole: with only these in the file, the \
                          search goes on from there"
                    }
                };
                Error::Content {
                    place: format!("{}, line {}", path.display(), index + 1),
                    message: format!("{}{remedy}", short(&message)),
                }
            })?;
        }
        Ok(reading)
    }

    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        let text = str::from_utf8(line).map_err(|_| "not UTF-8".to_owned())?;
        let (object, link) = self.chain.read(text, is_start)?;
        let line: SearchLine = serde_json::from_str(&object).map_err(|error| error.to_string())?;
        match (line, link) {
            (_, Link::Again(_)) => {}
            (SearchLine::Search(asked), Link::Start) if self.asked.is_none() => {
                self.asked = Some(asked);
            }
            (SearchLine::Steps { steps }, Link::Of(0)) => {
                for step in steps {
                    self.steps.push(step.read()?);
                }
            }
            _ => return Err("expected one search, then its steps".to_owned()),
        }
        Ok(())
    }
}

impl SearchFiles {
    /// Opens the files of a search whose result goes to `result`. What is there is changed only
    /// once the search has found a step, or is done.
    ///
    /// # Errors
    /// [`Error::Output`] if they exist and must not be touched, are of another search or of another
    /// program, or another process is writing them; [`Error::Content`] if the journal was damaged
    /// other than by a crash.
    pub fn open(
        result: &Path,
        if_exists: IfExists,
        asked: &AskedSearch,
    ) -> Result<SearchFiles, Error> {
        let refuse =
            |path: &Path, message: String| Err(Error::Output { path: path.to_owned(), message });
        let path = beside(result, "journal.jsonl");
        let (of_result, of_journal) = (len_of_file(result)?, len_of_file(&path)?);
        // One without a line is what a search leaves that was refused, or ended before its first
        // step.
        let (has_result, has_journal) = (of_result.is_some(), of_journal.is_some_and(|it| it > 0));
        check_beginning(&path, LOOKED_AT, is_ours)?;
        if has_result || has_journal {
            match if_exists {
                IfExists::Refuse => {
                    let there = if has_result { result } else { &path };
                    return refuse(there, IfExists::EXISTS.to_owned());
                }
                IfExists::Resume if !has_journal => {
                    let journal = path.display();
                    return refuse(result, format!("its {journal} is missing: pass --force"));
                }
                _ => {}
            }
        }
        let file = AppendFile::open(&path)?;
        let note = (!file.lock()?).then(|| without_locks(&path));
        let content = match if_exists {
            IfExists::Overwrite => Vec::new(),
            _ => {
                check_memory(&path, of_journal.unwrap_or_default(), memory::left())?;
                read_or_nothing(&path)?
            }
        };
        let reading = Reading::of(&content, &path)?;
        if let Some(theirs) = &reading.asked
            && theirs != asked
        {
            return refuse(
                &path,
                format!(
                    "is of another search ({}): pass the same settings to the same program, \
                     --force to write it anew, or another --out",
                    theirs.differences(asked).join("; ")
                ),
            );
        }
        let len = match if_exists {
            IfExists::Overwrite => len_of_file(&path)?.unwrap_or_default() as usize,
            _ => content.len(),
        };
        let kept = Kept::new(path, file.has(len), asked.clone(), reading);
        let kept = Arc::new(Mutex::new(kept));
        Ok(SearchFiles { result: result.to_owned(), if_exists, note, kept })
    }

    /// Returns a note about the files, if there is one, though they can be used.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The journal that the search reads known steps from, and hands new ones to.
    pub fn journal(&self) -> Arc<Mutex<dyn Journal>> {
        let kept: Arc<Mutex<Kept>> = Arc::clone(&self.kept);
        kept
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says in an error why a search has come to no end, and how it goes on.
    pub fn explained(&self, error: Error) -> Error {
        let mut kept = self.kept();
        match (kept.failed.take(), error) {
            (Some(failed), _) => failed,
            // The file is as it was found, and may be of another search.
            (None, Error::Interrupted(note)) if kept.n_steps == 0 => Error::Interrupted(note),
            (None, Error::Interrupted(_)) => Error::Interrupted(format!(
                ": {} steps are in {}; the same command with --resume goes on from there",
                kept.n_steps,
                kept.path.display()
            )),
            (None, Error::Memory { place, needed_bytes, left_bytes, note }) if kept.n_steps > 0 => {
                let (n_steps, path) = (kept.n_steps, kept.path.display());
                let note =
                    format!("{note}; {n_steps} steps are in {path}: --resume goes on from there");
                Error::Memory { place, needed_bytes, left_bytes, note }
            }
            (None, other) => other,
        }
    }

    /// Writes the result of the search, which is done.
    ///
    /// # Errors
    /// [`Error::Content`] if the journal has steps that the search has not; [`Error::Output`] if
    /// something else has come to stand where the result goes; [`Error::Write`].
    pub fn finish(self, result: &str) -> Result<(), Error> {
        let mut kept = self.kept();
        if let Some(failed) = kept.failed.take() {
            return Err(failed);
        }
        if !kept.known.as_slice().is_empty() {
            return Err(kept.strange());
        }
        kept.begin()?;
        let len = len_of_file(&self.result)?;
        if self.if_exists == IfExists::Overwrite || len.is_none() {
            return write_whole(&self.result, result).map_err(|error| match error {
                Error::Write { path, source, .. } => {
                    let note = "; all steps are kept: put it right and pass --resume".to_owned();
                    Error::Write { path, source, note }
                }
                other => other,
            });
        }
        if len == Some(result.len() as u64) && read_or_nothing(&self.result)? == result.as_bytes() {
            return Ok(());
        }
        Err(Error::Output {
            path: self.result.clone(),
            message: "exists and is not this answer: move it away and pass --resume, which loses \
                      no step"
                .to_owned(),
        })
    }
}

impl Kept {
    fn new(path: PathBuf, file: AppendFile, asked: AskedSearch, reading: Reading) -> Kept {
        let Reading { chain, steps, whole_len, .. } = reading;
        let (n_steps, known) = (steps.len() as u64, steps.into_iter());
        let (has_begun, failed) = (false, None);
        Kept { path, file, asked, has_begun, chain, known, n_steps, whole_len, failed }
    }

    /// Makes the file that of this search, once: what a crash has left of a line, or all that is
    /// written over, goes only now that the search is known to be possible.
    fn begin(&mut self) -> Result<(), Error> {
        if self.has_begun {
            return Ok(());
        }
        self.file.check_unchanged()?;
        self.file.truncate(self.whole_len)?;
        if self.chain.len() == 0 {
            self.append(&SearchLine::Search(self.asked.clone()))?;
        }
        self.has_begun = true;
        Ok(())
    }

    fn append(&mut self, line: &SearchLine) -> Result<(), Error> {
        let line = self.chain.next(&serde_json::to_string(line).expect("plain data"));
        self.file.append(&line).map_err(|error| match error {
            Error::Write { path, source, .. } => {
                let note = "; the lines in it are whole: with --resume the search goes on from \
                            there"
                    .to_owned();
                Error::Write { path, source, note }
            }
            other => other,
        })?;
        self.chain.read(&line, is_start).map(drop).map_err(Error::Internal)
    }

    /// A journal that only looks like one of this search.
    fn strange(&self) -> Error {
        let n_used = self.n_steps as usize - self.known.as_slice().len();
        Error::Content {
            place: self.path.display().to_string(),
            message: format!(
                "its {} steps, of which {n_used} were looked at, are none of this search: pass \
                 --force to write it anew, or another --out",
                self.n_steps
            ),
        }
    }
}

impl Journal for Kept {
    fn next(&mut self) -> Option<SearchStep> {
        self.known.next()
    }

    fn keep(&mut self, steps: &[SearchStep]) -> bool {
        // Steps before these are missing: what follows them must not stand in their place.
        if self.failed.is_some() {
            return false;
        }
        let line = SearchLine::Steps { steps: steps.iter().copied().map(Step::from).collect() };
        match self.begin().and_then(|()| self.append(&line)) {
            Ok(()) => {
                self.n_steps += steps.len() as u64;
                true
            }
            Err(error) => {
                self.failed = Some(error);
                false
            }
        }
    }

    fn refuse(&mut self) {
        self.failed = Some(self.strange());
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use tempfile::TempDir;

    use super::*;
    use std::fs;

    fn asked(grain: usize) -> AskedSearch {
        let settings = [("grain", grain.to_string()), ("depth", "1".to_owned())];
        let settings = settings.map(|(name, value)| (name.to_owned(), value));
        AskedSearch::new("a network", settings.into())
    }

    fn steps() -> Vec<SearchStep> {
        let values = [0.1 + 0.2, 0.0, 1e-300, 5e-324, 1.004_020_995_784_611_2];
        let mut all = vec![SearchStep::Micro(UnitSet::from_bits(0b101))];
        all.extend(values.map(SearchStep::Value));
        all.extend([
            SearchStep::NoSystem,
            SearchStep::Dismissed,
            SearchStep::Micro(UnitSet::EMPTY),
        ]);
        all
    }

    /// A folder with a search that has kept these steps, some a line.
    fn kept(steps: &[SearchStep]) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let result = folder.path().join("found.json");
        let files = SearchFiles::open(&result, IfExists::Refuse, &asked(2)).unwrap();
        let journal = files.journal();
        for some in steps.chunks(2) {
            assert_eq!(journal.lock().unwrap().next(), None);
            assert!(journal.lock().unwrap().keep(some));
        }
        (folder, result)
    }

    fn known(files: &SearchFiles) -> Vec<SearchStep> {
        let journal = files.journal();
        let mut journal = journal.lock().unwrap();
        std::iter::from_fn(|| journal.next()).collect()
    }

    fn resume(result: &Path) -> Result<SearchFiles, Error> {
        SearchFiles::open(result, IfExists::Resume, &asked(2))
    }

    #[test]
    fn a_journal_cut_at_any_byte_goes_on_with_its_whole_lines() {
        let steps = steps();
        let (_folder, result) = kept(&steps);
        let path = beside(&result, "journal.jsonl");
        let whole = fs::read(&path).unwrap();
        for len in 0..=whole.len() {
            fs::write(&path, &whole[..len]).unwrap();
            let files = resume(&result).unwrap();
            let n_lines = whole[..len].iter().filter(|it| **it == b'\n').count();
            let n_known = (2 * n_lines.saturating_sub(1)).min(steps.len());
            assert_eq!(known(&files), steps[..n_known], "cut at {len}");
            for some in steps[n_known..].chunks(2) {
                assert!(files.journal().lock().unwrap().keep(some));
            }
            files.finish("found").unwrap();
            assert_eq!(fs::read(&path).unwrap(), whole, "cut at {len}");
            assert_eq!(fs::read_to_string(&result).unwrap(), "found");
        }
    }

    #[test]
    fn a_journal_that_was_changed_at_any_bit_is_refused() {
        let (_folder, result) = kept(&steps());
        let path = beside(&result, "journal.jsonl");
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1 << (at % 8);
            fs::write(&path, &changed).unwrap();
            match resume(&result) {
                Err(Error::Content { .. } | Error::Output { .. }) => {
                    assert_eq!(fs::read(&path).unwrap(), changed, "byte {at}");
                }
                Err(error) => panic!("byte {at}: {error}"),
                // What a crash may have left: a last line without its end.
                Ok(_) if at == whole.len() - 1 => {}
                Ok(_) => panic!("byte {at}: it was not noticed"),
            }
        }
    }

    #[test]
    fn another_search_or_program_is_refused() {
        let (_folder, result) = kept(&steps());
        let path = beside(&result, "journal.jsonl");
        let before = fs::read(&path).unwrap();
        let other_program = AskedSearch { program: "0.1.0".to_owned(), ..asked(2) };
        let other_network = AskedSearch { network: String::new(), ..asked(2) };
        let here = Provenance::here().program();
        for (other, what) in [
            (asked(3), "grain: 2, not 3".to_owned()),
            (other_program, format!("program {here}, not 0.1.0")),
            (other_network, "another network, state or history".to_owned()),
        ] {
            let refused = SearchFiles::open(&result, IfExists::Resume, &other).unwrap_err();
            let expected = format!(
                "is of another search ({what}): pass the same settings to the same program, \
                 --force to write it anew, or another --out"
            );
            assert!(refused.to_string().ends_with(&expected), "{refused}");
            assert_eq!(fs::read(&path).unwrap(), before);
        }
        let refused = SearchFiles::open(&result, IfExists::Refuse, &asked(2)).unwrap_err();
        assert!(refused.to_string().contains("exists: pass --resume"), "{refused}");
        let other = SearchFiles::open(&result, IfExists::Overwrite, &asked(3)).unwrap();
        assert!(known(&other).is_empty());
        let refused = SearchFiles::open(&result, IfExists::Resume, &asked(3)).unwrap_err();
        assert!(refused.to_string().contains("another run is writing it"), "{refused}");
    }

    /// The second lot of steps would stand where the first one is missing.
    #[cfg(target_os = "linux")]
    #[test]
    fn after_steps_that_could_not_be_kept_none_are() {
        let (_folder, result) = kept(&[]);
        let path = beside(&result, "journal.jsonl");
        let files = resume(&result).unwrap();
        let keep = |step| files.journal().lock().unwrap().keep(&[SearchStep::Value(step)]);
        assert!(keep(0.25));
        let before = fs::read(&path).unwrap();
        let open = |path: &Path| fs::OpenOptions::new().append(true).open(path).unwrap();
        files.kept().file.redirect(open(Path::new("/dev/full")));
        assert!(!keep(0.5));
        files.kept().file.redirect(open(&path));
        assert!(!keep(0.75));
        assert_eq!(fs::read(&path).unwrap(), before);
        let error = files.finish("found").unwrap_err().to_string();
        let expected = "No space left on device (os error 28); the lines in it are whole: with \
                        --resume the search goes on from there";
        assert!(error.ends_with(expected), "{error}");
        assert!(!result.exists());
    }

    #[test]
    fn what_is_there_changes_only_once_there_is_something_to_keep() {
        let (_folder, result) = kept(&steps());
        let path = beside(&result, "journal.jsonl");
        fs::write(&result, "mine").unwrap();
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"torn").unwrap();
        let before = fs::read(&path).unwrap();
        for (how, grain) in [(IfExists::Overwrite, 3), (IfExists::Resume, 2)] {
            let files = SearchFiles::open(&result, how, &asked(grain)).unwrap();
            let interrupted = files.explained(Error::Interrupted(String::new())).to_string();
            let says_how = interrupted.ends_with("--resume goes on from there");
            assert_eq!(says_how, how == IfExists::Resume, "{interrupted}");
            drop(files);
            assert_eq!(fs::read(&path).unwrap(), before, "{how:?}");
        }
        let files = SearchFiles::open(&result, IfExists::Overwrite, &asked(3)).unwrap();
        assert!(files.journal().lock().unwrap().keep(&[SearchStep::NoSystem]));
        assert!(fs::read(&path).unwrap().len() < before.len());
        assert_eq!(fs::read_to_string(&result).unwrap(), "mine");
        files.finish("found").unwrap();
        assert_eq!(fs::read_to_string(&result).unwrap(), "found");
        let files = SearchFiles::open(&result, IfExists::Resume, &asked(3)).unwrap();
        assert_eq!(known(&files), [SearchStep::NoSystem]);
    }

    #[test]
    fn a_search_that_was_refused_is_not_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let result = folder.path().join("found.json");
        for how in [IfExists::Refuse, IfExists::Resume, IfExists::Refuse] {
            SearchFiles::open(&result, how, &asked(2)).unwrap();
            assert_eq!(fs::read(beside(&result, "journal.jsonl")).unwrap(), b"");
        }
    }

    #[test]
    fn a_result_that_is_not_this_answer_is_left_alone() {
        let (_folder, result) = kept(&steps());
        fs::write(&result, "mine").unwrap();
        let finish = |answer: &str| {
            let files = resume(&result).unwrap();
            known(&files);
            files.finish(answer)
        };
        for answer in ["found", "MINE"] {
            let refused = finish(answer).unwrap_err().to_string();
            let expected = "found.json: exists and is not this answer: move it away and pass \
                            --resume, which loses no step";
            assert!(refused.ends_with(expected), "{refused}");
            assert_eq!(fs::read_to_string(&result).unwrap(), "mine");
        }
        finish("mine").unwrap();
        fs::remove_file(&result).unwrap();
        finish("found").unwrap();
        assert_eq!(fs::read_to_string(&result).unwrap(), "found");
    }

    #[cfg(unix)]
    #[test]
    fn links_pipes_and_folders_are_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let result = folder.path().join("found.json");
        let refused = |result: &Path| {
            let each = [IfExists::Refuse, IfExists::Resume, IfExists::Overwrite];
            for how in each {
                let error = SearchFiles::open(result, how, &asked(2)).unwrap_err().to_string();
                assert!(error.ends_with("expected the name of a file"), "{error}");
            }
        };
        let other = folder.path().join("other");
        fs::write(&other, "mine").unwrap();
        for there in [result.clone(), beside(&result, "journal.jsonl")] {
            std::os::unix::fs::symlink(&other, &there).unwrap();
            refused(&result);
            fs::remove_file(&there).unwrap();
            nix::unistd::mkfifo(&there, nix::sys::stat::Mode::S_IRWXU).unwrap();
            refused(&result);
            fs::remove_file(&there).unwrap();
            fs::create_dir(&there).unwrap();
            refused(&result);
            fs::remove_dir(&there).unwrap();
        }
        for name in ["found/", "found/.", "..", "/"] {
            refused(&folder.path().join(name));
        }
        // One that has come to be there during the search.
        let files = SearchFiles::open(&result, IfExists::Overwrite, &asked(2)).unwrap();
        std::os::unix::fs::symlink(&other, &result).unwrap();
        let error = files.finish("found").unwrap_err().to_string();
        assert!(error.contains("is a folder, a link"), "{error}");
        assert_eq!(fs::read_to_string(&other).unwrap(), "mine");
    }

    #[test]
    fn a_journal_for_which_there_is_no_memory_is_not_read() {
        let path = Path::new("found.journal.jsonl");
        check_memory(path, 1 << 30, Some(5 << 30)).unwrap();
        check_memory(path, 1 << 30, None).unwrap();
        let error = check_memory(path, 1 << 30, Some((5 << 30) - 1)).unwrap_err();
        assert!(matches!(error, Error::Memory { needed_bytes, .. } if needed_bytes == 5 << 30));
        assert_eq!(size_of::<SearchStep>(), 16);
    }

    #[test]
    fn where_there_are_no_locks_this_is_said() {
        let (_folder, result) = kept(&steps());
        assert_eq!(resume(&result).unwrap().note(), None);
        crate::files::append::tests::WITHOUT_LOCKS.set(true);
        let files = resume(&result).unwrap();
        let note = files.note().unwrap();
        assert!(note.contains("json.journal.jsonl: this file system has no locks"), "{note}");
    }

    #[test]
    fn files_of_others_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let result = folder.path().join("found.json");
        let path = beside(&result, "journal.jsonl");
        fs::write(&result, "mine").unwrap();
        let refused = resume(&result).unwrap_err().to_string();
        assert!(refused.ends_with("journal.jsonl is missing: pass --force"), "{refused}");
        fs::write(&path, "mine").unwrap();
        for how in [IfExists::Refuse, IfExists::Resume, IfExists::Overwrite] {
            let refused = SearchFiles::open(&result, how, &asked(2)).unwrap_err().to_string();
            assert!(refused.contains("was not written by this program"), "{refused}");
        }
        let refused = SearchFiles::open(folder.path(), IfExists::Refuse, &asked(2));
        assert!(refused.unwrap_err().to_string().contains("is a folder"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        assert_eq!(fs::read_to_string(&result).unwrap(), "mine");
    }

    /// A journal with steps that the search has not, or that were refused, gives no result.
    #[test]
    fn a_journal_with_too_many_steps_gives_no_result() {
        let (_folder, result) = kept(&steps());
        let files = resume(&result).unwrap();
        let first = files.journal().lock().unwrap().next();
        assert!(first.is_some());
        let refused = files.finish("found").unwrap_err().to_string();
        let expected = "its 9 steps, of which 1 were looked at, are none of this search: pass";
        assert!(refused.contains(expected), "{refused}");
        let files = resume(&result).unwrap();
        known(&files);
        files.journal().lock().unwrap().refuse();
        let refused = files.explained(Error::Interrupted(String::new())).to_string();
        assert!(refused.contains("of which 9 were looked at"), "{refused}");
        assert!(!result.exists());
    }
}
