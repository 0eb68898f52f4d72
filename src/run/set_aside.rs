//! Moves the folder of a run out of the way of a new run, which loses nothing.
//!
//! A name that a user has mistyped must never move a folder that is not a run. So only a plain
//! folder with the mark of this program moves, only to a name beside it that is free, and never
//! while a process is at work in it.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::Error;
use crate::files::append::sync_folder;
use crate::run::store;

/// The marks of a run's folder: a file in it, and the name that the file gives its form. The
/// version does not matter here, since to move a run aside is what helps when another version of
/// this program wrote it.
const MARKS: [(&str, &str); 2] =
    [("settings.json", "phi-validation/settings"), ("cluster/job.json", "phi-validation/cluster")];

/// Moves the folder of a run to the first free name among `NAME.1`, `NAME.2`, …, and says which
/// that is; `None` if there is no run yet.
///
/// # Errors
/// [`Error::Output`] if it is something else than the folder of a run, or a process is at work in
/// it; [`Error::Read`]; [`Error::Write`].
pub(crate) fn set_aside(folder: &Path) -> Result<Option<PathBuf>, Error> {
    if !check(folder)? {
        return Ok(None);
    }
    let lock = store::lock(folder)?;
    // There, a folder in which a file is open cannot be moved.
    let _lock = (!cfg!(windows)).then_some(lock);
    let numbered = |n: u32| {
        let mut name = folder.as_os_str().to_owned();
        name.push(format!(".{n}"));
        PathBuf::from(name)
    };
    // A symbolic link that leads nowhere is something, too.
    let is_free = |it: &PathBuf| {
        fs::symlink_metadata(it).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    };
    let Some(free) = (1..=99_999).map(numbered).find(is_free) else {
        return Err(refused(folder, "has been set aside too often: remove old runs"));
    };
    let moved = fs::rename(folder, &free);
    moved.map_err(|source| Error::Write {
        path: folder.to_owned(),
        source,
        note: format!(", which was to become {}", free.display()),
    })?;
    sync_folder(&free);
    Ok(Some(free))
}

/// `true` if there is the folder of a run.
fn check(folder: &Path) -> Result<bool, Error> {
    let read_error = |source| Error::Read { path: folder.to_owned(), source };
    let metadata = match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        metadata => metadata.map_err(read_error)?,
    };
    if !metadata.is_dir() {
        return Err(refused(folder, "is not a folder, so it is not moved"));
    }
    let is_hidden = |it: &std::ffi::OsStr| it.to_string_lossy().starts_with('.');
    if folder.file_name().is_none_or(is_hidden) {
        return Err(refused(folder, "is hidden, so it is not moved"));
    }
    if MARKS.iter().any(|(file, schema)| has_mark(folder, file, schema)) {
        return Ok(true);
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(read_error)? {
        names.push(entry.map_err(read_error)?.file_name());
    }
    // What a run leaves that was ended before it had begun.
    if names.iter().all(|it| it == "lock") {
        return Ok(false);
    }
    let (settings, schema) = MARKS[0];
    Err(refused(
        folder,
        &format!(
            "is not the folder of a run, so it is not moved: expected a {settings} of the schema \
             {schema:?} in it; choose another name, or move it away yourself"
        ),
    ))
}

/// `true` if the file is one of that schema, in the folder itself: not behind a symbolic link.
fn has_mark(folder: &Path, file: &str, schema: &str) -> bool {
    #[derive(Deserialize)]
    struct Form {
        schema: String,
    }
    let parts = Path::new(file).ancestors().filter(|it| !it.as_os_str().is_empty());
    let metadata = |it: &Path| fs::symlink_metadata(folder.join(it)).ok();
    let is_within = parts.skip(1).all(|it| metadata(it).is_some_and(|it| it.is_dir()));
    let is_file = metadata(Path::new(file)).is_some_and(|it| it.is_file());
    if !(is_within && is_file) {
        return false;
    }
    // The settings of a large study are long, so they are read past and not kept.
    let form = File::open(folder.join(file)).map(BufReader::new);
    let form = form.ok().and_then(|it| serde_json::from_reader::<_, Form>(it).ok());
    form.is_some_and(|it| it.schema == schema)
}

fn refused(folder: &Path, message: &str) -> Error {
    Error::Output { path: folder.to_owned(), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{finish, suite, temporary};
    use crate::run::store::RunFolder;

    #[test]
    fn a_run_moves_with_all_its_files_to_the_first_free_number() {
        let runs = temporary();
        let folder = runs.path().join("first");
        assert_eq!(set_aside(&folder).unwrap(), None);
        let suite = suite();
        for n in 1..=2 {
            finish(&mut RunFolder::open(&folder, &suite).unwrap(), &suite);
            let journal = fs::read(folder.join("journal.jsonl")).unwrap();
            let moved = set_aside(&folder).unwrap().unwrap();
            assert_eq!(moved, runs.path().join(format!("first.{n}")));
            assert_eq!(fs::read(moved.join("journal.jsonl")).unwrap(), journal);
            assert!(!folder.exists());
        }
        // A run of another version is one; a name that leads nowhere is taken.
        fs::create_dir(&folder).unwrap();
        let settings = "{\"schema\": \"phi-validation/settings\", \"version\": 99, \"x\": [1]}";
        fs::write(folder.join("settings.json"), settings).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("nowhere", runs.path().join("first.3")).unwrap();
        #[cfg(not(unix))]
        fs::write(runs.path().join("first.3"), "").unwrap();
        assert_eq!(set_aside(&folder).unwrap(), Some(runs.path().join("first.4")));
        // One Φ in tasks has no settings.
        fs::create_dir_all(folder.join("cluster")).unwrap();
        let job = "{\"schema\": \"phi-validation/cluster\", \"version\": 1}";
        fs::write(folder.join("cluster/job.json"), job).unwrap();
        assert_eq!(set_aside(&folder).unwrap(), Some(runs.path().join("first.5")));
    }

    #[test]
    fn a_run_that_is_at_work_stays() {
        let runs = temporary();
        let folder = runs.path().join("first");
        let run = RunFolder::open(&folder, &suite()).unwrap();
        let message = set_aside(&folder).unwrap_err().to_string();
        assert!(message.contains("another process is running it"), "{message}");
        drop(run);
        assert!(set_aside(&folder).unwrap().is_some());
    }

    /// Nothing may move.
    #[track_caller]
    fn check_stays(folder: &Path, expected: &str) {
        let message = set_aside(folder).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}\nexpected {expected}");
        assert!(fs::symlink_metadata(folder).is_ok());
        assert!(!folder.with_extension("1").exists());
    }

    #[test]
    fn what_is_no_run_stays() {
        let runs = temporary();
        let path = |name: &str| runs.path().join(name);
        let settings = "{\"schema\": \"phi-validation/settings\", \"version\": 1}";
        fs::create_dir(path("thesis")).unwrap();
        fs::write(path("thesis/thesis.tex"), "all of it").unwrap();
        check_stays(&path("thesis"), "is not the folder of a run");
        for other in ["{\"schema\": \"another/settings\"}", "{}", "[]", "", "\0"] {
            fs::write(path("thesis/settings.json"), other).unwrap();
            check_stays(&path("thesis"), "is not the folder of a run");
        }
        fs::create_dir(path(".git")).unwrap();
        fs::write(path(".git/settings.json"), settings).unwrap();
        check_stays(&path(".git"), "is hidden");
        fs::write(path("file"), settings).unwrap();
        check_stays(&path("file"), "is not a folder");
        // A run that has not begun has nothing to keep.
        fs::create_dir(path("empty")).unwrap();
        fs::write(path("empty/lock"), "").unwrap();
        assert_eq!(set_aside(&path("empty")).unwrap(), None);
        assert!(path("empty").exists());
    }

    #[cfg(unix)]
    #[test]
    fn nothing_moves_that_is_behind_a_symbolic_link() {
        use std::os::unix::fs::symlink;
        let runs = temporary();
        let path = |name: &str| runs.path().join(name);
        let suite = suite();
        drop(RunFolder::open(&path("run"), &suite).unwrap());
        symlink(path("run"), path("link")).unwrap();
        check_stays(&path("link"), "is not a folder");
        fs::create_dir(path("other")).unwrap();
        fs::write(path("other/photo"), "").unwrap();
        symlink(path("run/settings.json"), path("other/settings.json")).unwrap();
        check_stays(&path("other"), "is not the folder of a run");
        symlink(path("run"), path("other/cluster")).unwrap();
        fs::write(path("run/job.json"), "{\"schema\": \"phi-validation/cluster\"}").unwrap();
        check_stays(&path("other"), "is not the folder of a run");
    }
}
