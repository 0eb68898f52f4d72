//! The output: text or one JSON document on stdout, the conversation on stderr.
//!
//! The console knows formats and streams and none of the results: a result says itself how it is
//! shown, and hands in the part of the document that is its own. Colours follow the terminal and
//! `NO_COLOR`.

mod document;
pub mod status_line;
pub mod table;

use std::{
    cell::RefCell,
    env,
    io::{self, IsTerminal as _, Write as _},
};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use self::document::Document;
use crate::{escape::terminal, exit::Exit};

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const RED: Style = AnsiColor::Red.on_default().bold();
pub(crate) const CYAN: Style = AnsiColor::Cyan.on_default();

/// The format of the result on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The results as text.
    Text,
    /// One document, for programs.
    Json,
}

/// Says things as they happen and collects results for the JSON document.
#[derive(Debug)]
pub struct Console {
    format: Format,
    document: Document,
    /// Topics of warnings that are given only once.
    warned_of: RefCell<Vec<&'static str>>,
    /// The first error in writing to stdout.
    unwritten: RefCell<Option<io::Error>>,
}

impl Console {
    /// The console of one command. The document names the command and says whether it is a dry run.
    pub fn new(command: &'static str, format: Format, dry_run: bool) -> Console {
        Console {
            format,
            document: Document::new(command, dry_run),
            warned_of: RefCell::default(),
            unwritten: RefCell::default(),
        }
    }

    /// Returns the format of stdout.
    pub fn format(&self) -> Format {
        self.format
    }

    /// `true` if programs that are started should colour what they write to a pipe.
    pub fn stderr_has_color() -> bool {
        anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
    }

    /// `true` if a line that is drawn again and again is welcome on stderr.
    pub fn stderr_has_progress() -> bool {
        io::stderr().is_terminal() && env::var_os("CI").is_none()
    }

    /// Puts a value into the document, in the place of an earlier one of this name.
    pub fn record(&mut self, name: &'static str, value: &impl Serialize) {
        self.document.set(name, value);
    }

    /// Appends a value to a list in the document.
    pub fn append(&mut self, name: &'static str, value: &impl Serialize) {
        self.document.push(name, value);
    }

    /// `true` if the document has a value of this name.
    pub fn has_recorded(&self, name: &str) -> bool {
        self.document.has(name)
    }

    /// Text for stdout, unless stdout is for the document. Names in it are escaped already.
    pub fn result(&self, text: &str) {
        match self.format {
            Format::Text => self.keep_error(write_to(anstream::stdout().lock(), text)),
            Format::Json => {}
        }
    }

    /// A line of a dry run, on stdout.
    pub fn would(&self, what: &str) {
        self.result(&format!("{}\n", terminal(what)));
    }

    /// A command that is about to run.
    pub fn command(&self, command: &str) {
        say(&format!("{CYAN}${CYAN:#} {}\n", terminal(command)));
    }

    /// The words of a program that runs, as they are.
    pub fn pass_through(&self, bytes: &[u8]) {
        status_line::clear();
        let mut stderr = io::stderr().lock();
        stderr.write_all(bytes).and_then(|()| stderr.flush()).ok();
    }

    /// Something that is good to know.
    pub fn note(&self, message: &str) {
        say(&format!("{BOLD}note{BOLD:#}: {}\n", terminal(message)));
    }

    /// A further line of what was said last.
    pub fn detail(&self, line: &str) {
        say(&format!("   {}\n", terminal(line)));
    }

    /// Something that may need an action, and the action.
    pub fn warning(&self, message: &str, hint: &str) {
        say(&format!("{YELLOW}warning{YELLOW:#}: {}\n", terminal(message)));
        self.detail(&format!("hint: {hint}"));
    }

    /// A warning that is given once, however often it is true.
    pub fn warning_once(&self, topic: &'static str, message: &str, hint: &str) {
        if !self.is_said(topic) {
            self.warning(message, hint);
        }
    }

    /// A note that is given once, however often it is true.
    pub fn note_once(&self, topic: &'static str, message: &str) {
        if !self.is_said(topic) {
            self.note(message);
        }
    }

    fn is_said(&self, topic: &'static str) -> bool {
        let mut said = self.warned_of.borrow_mut();
        let is_said = said.contains(&topic);
        if !is_said {
            said.push(topic);
        }
        is_said
    }

    /// A question, after which the user types an answer.
    pub fn question(&self, question: &str) {
        say(&format!("{BOLD}{question}{BOLD:#}: "));
    }

    /// The user asked to stop, and this is what follows.
    pub fn stopping(&self, message: &str) {
        say(&format!("\n{BOLD}interrupted{BOLD:#}: {}\n", terminal(message)));
    }

    /// Text for stderr, which is laid out and escaped already.
    pub fn say(&self, text: &str) {
        say(text);
    }

    /// The last words: the error, if there is one, and the JSON document.
    pub fn finish(mut self, outcome: anyhow::Result<Exit>) -> Exit {
        let exit = outcome.unwrap_or_else(|err| {
            let message = format!("{err:#}");
            error(&message);
            self.document.set("error", &message);
            Exit::of(&err)
        });
        if self.format == Format::Json {
            let json = self.document.finish(exit);
            self.keep_error(write_to(io::stdout().lock(), &format!("{json}\n")));
        }
        match (self.unwritten.take(), exit) {
            // The result has not arrived, so the command has not succeeded.
            (Some(source), Exit::Success) => unwritten(&source),
            (Some(source), exit) => {
                unwritten(&source);
                exit
            }
            (None, exit) => exit,
        }
    }

    fn keep_error(&self, written: io::Result<()>) {
        if let Err(error) = written {
            self.unwritten.borrow_mut().get_or_insert(error);
        }
    }
}

/// stdout did not take what was to be written to it.
pub fn unwritten(source: &io::Error) -> Exit {
    error(&format!("could not write to stdout: {source}"));
    Exit::Internal
}

fn error(message: &str) {
    say(&format!("{RED}error{RED:#}: {}\n", terminal(message)));
}

/// Text for stderr, which is laid out and escaped already.
pub fn say(text: &str) {
    status_line::clear();
    // There is no other place to say it.
    write_to(anstream::stderr().lock(), text).ok();
}

/// A reader that has gone away (`| head`) is no error.
fn write_to(mut to: impl io::Write, text: &str) -> io::Result<()> {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
