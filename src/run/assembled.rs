//! A run that is put together from what tasks have found, as if one process had done it.
//!
//! Its rows stand in the order of the matrix, so everything that is computed from them has the same
//! bits as in a run that was never divided.

use std::fs;
use std::io;
use std::path::Path;

use crate::error::Error;
use crate::files::append::write_whole;
use crate::run::journal::SettingsFile;
use crate::run::store::{Contents, Entry, Reading, Session, journal_of};
use crate::suite::Suite;

/// A run that is put together from pieces, not yet on the disk.
pub(crate) struct Assembled(Reading);

impl Assembled {
    /// A run of `suite` without rows.
    pub(crate) fn new(suite: Suite) -> Assembled {
        Assembled(Reading::new(suite))
    }

    /// Returns the present contents.
    pub(crate) fn contents(&self) -> &Contents {
        &self.0.contents
    }

    /// Adds a session.
    ///
    /// # Errors
    /// If the session cannot be one of this run.
    pub(crate) fn start(&mut self, session: Session) -> Result<(), String> {
        self.0.start(session)
    }

    /// Adds a row of a session (counted from 1); rows come in the order of the matrix, after all
    /// sessions.
    ///
    /// # Errors
    /// If the row cannot be one of this run.
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
