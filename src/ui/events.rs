//! The events of a run, as JSON lines for programs.
//!
//! One object a line, each with `event`, its name, and `elapsed_ms`, the time since the start of
//! the session. The types are those of [`phi_protocol`], which says what the fields are. A reader
//! that goes away ends the events, not the run.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use phi_protocol::EventLine;

use crate::error::Error;
use crate::run::row::Row;
use crate::stats::summary::Summaries;
use crate::suite::{Key, Settings};

/// Something that happened; see [`phi_protocol::Event`].
pub type Event<'a> = phi_protocol::Event<&'a Settings, Key, &'a Summaries>;

/// A finished row.
pub fn row(row: &Row) -> Event<'static> {
    Event::Row {
        key: row.key,
        phi_hdc: row.phi_hdc,
        phi_exact: row.phi_exact,
        error: row.error(),
        relative_error: row.relative_error(),
        duration_ms: row.duration_ms,
    }
}

/// The end of a run by an error.
pub fn stopped(error: &Error) -> Event<'static> {
    Event::Stopped { exit_code: error.exit().code(), message: error.to_string() }
}

/// The stream that events are written to; its clones are the same.
#[derive(Clone)]
pub struct Events {
    sink: Arc<Mutex<Sink>>,
    started: Instant,
}

struct Sink {
    out: Box<dyn Write + Send>,
    failed: Option<io::Error>,
}

impl Events {
    /// Events as lines to `out`. Times are counted from now.
    pub fn new(out: Box<dyn Write + Send>) -> Events {
        let sink = Arc::new(Mutex::new(Sink { out, failed: None }));
        Events { sink, started: Instant::now() }
    }

    /// Writes an event, unless one could not be written before.
    pub fn emit(&self, event: &Event<'_>) {
        let elapsed_ms = (self.started.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        let line =
            serde_json::to_string(&EventLine { event, elapsed_ms }).expect("plain data") + "\n";
        let mut sink = self.sink();
        if sink.failed.is_none() {
            sink.failed = sink.out.write_all(line.as_bytes()).and_then(|()| sink.out.flush()).err();
        }
    }

    /// Returns the error because of which events could not be written, if there is one.
    pub fn failure(&self) -> Option<io::Error> {
        self.sink().failed.take()
    }

    fn sink(&self) -> MutexGuard<'_, Sink> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
