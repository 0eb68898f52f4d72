//! Standard output, and how progress is shown.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use clap::{Args, ValueEnum};

use super::interrupt;
use crate::engine::exact::Engine;
use crate::error::Error;
use crate::escape::terminal;
use crate::ui::progress::Display;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs, as documented.
    Json,
}

/// Chooses the display of progress for this stderr.
pub(super) fn display(quiet: bool) -> Display {
    let is_ci = env::var_os("CI").is_some_and(|it| !it.is_empty());
    let can_redraw =
        io::stderr().is_terminal() && env::var_os("TERM").is_none_or(|it| it != "dumb");
    Display::choose(quiet, can_redraw, is_ci)
}

/// Writes the path of a file as a line to standard output.
pub(super) fn print_path(path: &Path) -> Result<(), Error> {
    print(&format!("{}\n", terminal(&path.display().to_string())))
}

/// Writes to standard output.
pub(super) fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).or_else(output_failed)
}

/// A reader that has seen enough, as in `| head`, is no failure.
pub(super) fn output_failed(source: io::Error) -> Result<(), Error> {
    match source.kind() {
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(Error::Write { path: "standard output".into(), source, note: String::new() }),
    }
}

/// The number of threads that compute.
#[derive(Debug, Args)]
pub(super) struct ThreadArgs {
    /// Threads [default: one for each CPU]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
}

impl ThreadArgs {
    /// An engine that ends at Ctrl-C.
    pub(super) fn engine(&self) -> Result<Engine, Error> {
        Engine::new(self.jobs.unwrap_or(0).into(), interrupt::flag(true)?)
    }
}
