//! The store in which a study keeps what it has finished, whatever the files look like.
//!
//! A row is on the disk when [`append_row`](Ledger::append_row) returns.

use crate::error::Error;
use crate::model::network::ProblemId;
use crate::run::journal::ExactRecord;
use crate::run::row::Row;

/// The finished part of a study.
pub trait Ledger {
    /// The finished rows, in the order in which they were finished.
    fn rows(&self) -> &[Row];

    /// The result of a problem, if it is known.
    fn record(&self, problem: ProblemId) -> Option<&ExactRecord>;

    /// Keeps a solved problem; at the latest with the first of its rows it is on the disk.
    ///
    /// # Errors
    /// [`Error::Write`].
    fn append_record(&mut self, record: ExactRecord) -> Result<(), Error>;

    /// Keeps a finished row. `estimates` are those of all estimators, by name.
    ///
    /// # Errors
    /// [`Error::Write`]; the rows before it are kept and whole.
    fn append_row(&mut self, row: Row, estimates: &[(String, f64)]) -> Result<(), Error>;

    /// The file and line of a finished row.
    fn place(&self, index: usize) -> String;

    /// Says where the rows are and how to go on from them, for the message of an interruption.
    fn how_to_go_on(&self) -> String;
}
