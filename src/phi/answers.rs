//! Answers to questions about several networks: how each is written as soon as it is there, and
//! what its network is called.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::engine::exact::{Form, Input};
use crate::error::Error;
use crate::escape::terminal_lines;

/// The reason why an answer is not complete.
#[derive(Debug)]
pub enum Failure {
    /// The analysis was stopped, or some networks could not be analysed.
    Study(Error),
    /// The answer could not be written.
    Output(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Output(error)
    }
}

/// Returns the notes on guesses, conversions and ignored fields in reading, each once.
pub(super) fn notes(input: &Input, place: &str) -> Vec<String> {
    let mut by_note: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, entry) in input.networks.iter().enumerate() {
        for note in &entry.notes {
            by_note.entry(note).or_default().push(index);
        }
    }
    let said = |(note, of): (&str, Vec<usize>)| match (input.form, of.as_slice()) {
        (Form::One, _) => format!("{}: {note}", place),
        (_, [index]) => format!("{}: record {index}: {note}", place),
        (_, all) => format!("{}: {} records: {note}", place, all.len()),
    };
    by_note.into_iter().map(said).collect()
}

/// Returns the name of a file's network in errors.
pub(super) fn record_place(
    place: &str,
    form: Form,
    record: usize,
    name: Option<&String>,
) -> String {
    match (form, name) {
        (Form::One, _) => place.to_owned(),
        (_, None) => format!("{place}: record {record}"),
        (_, Some(name)) => format!("{place}: record {record} ({name})"),
    }
}

/// Writes an answer for a person, apart from the one before.
pub(super) fn block(out: &mut dyn Write, is_first: &mut bool, answer: &str) -> io::Result<()> {
    let separator = if std::mem::replace(is_first, false) { "" } else { "\n" };
    // Names went through `terminal` one by one; this is for what was forgotten.
    write!(out, "{separator}{}", terminal_lines(answer))?;
    out.flush()
}

/// Answers as JSON, a line each.
pub(super) struct Lines<'a> {
    out: &'a mut dyn Write,
    is_list: bool,
    is_first: bool,
}

impl Lines<'_> {
    /// Writes an answer.
    pub(super) fn write(&mut self, answer: &impl Serialize) -> io::Result<()> {
        if !std::mem::replace(&mut self.is_first, false) {
            writeln!(self.out, "{}", if self.is_list { "," } else { "" })?;
        }
        write!(self.out, "{}", serde_json::to_string(answer).expect("plain data"))?;
        self.out.flush()
    }
}

/// Writes what `answer` has to say as JSON, in a list if it `is_list`, which is closed whatever
/// becomes of it.
///
/// # Errors
/// [`Failure`].
pub(super) fn json(
    out: &mut dyn Write,
    is_list: bool,
    answer: impl FnOnce(&mut Lines<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if is_list {
        writeln!(out, "[")?;
    }
    let mut lines = Lines { out, is_list, is_first: true };
    let answered = answer(&mut lines);
    if let Err(Failure::Output(error)) = answered {
        return Err(Failure::Output(error));
    }
    let Lines { out, is_first, .. } = lines;
    match (is_list, is_first) {
        (true, false) => writeln!(out, "\n]")?,
        (true, true) => writeln!(out, "]")?,
        (false, false) => writeln!(out)?,
        (false, true) => {}
    }
    out.flush()?;
    answered
}
