//! Ctrl-C and requests to terminate.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::error::Error;
use crate::exit::Exit;

static AT_ONCE: OnceLock<fn()> = OnceLock::new();

/// Sets the function that is called before the process ends at once. Only the first call counts.
pub(crate) fn at_once(last: fn()) {
    AT_ONCE.get_or_init(|| last);
}

/// A flag that is set by the first Ctrl-C (or SIGTERM, SIGHUP). The second ends the process at
/// once; that loses nothing either, since rows are in the file as soon as they are finished.
///
/// `announce` says on standard error that the request was heard; not where a live view says so.
///
/// # Errors
/// [`Error::Internal`] if the system refuses, or if called twice in a process.
pub fn flag(announce: bool) -> Result<Arc<AtomicBool>, Error> {
    let flag = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&flag);
    let handler = move || {
        if set.swap(true, Ordering::Relaxed) {
            if let Some(last) = AT_ONCE.get() {
                last();
            }
            std::process::exit(Exit::Interrupted as i32);
        }
        if announce {
            let _ = writeln!(std::io::stderr(), "stopping; once more to stop at once");
        }
    };
    listen(handler)?;
    Ok(flag)
}

/// A flag that is set by every such request, however many there are: for a process that has
/// something to write before it ends, and whose scheduler may ask twice.
///
/// # Errors
/// As [`flag`].
pub fn patient_flag() -> Result<Arc<AtomicBool>, Error> {
    let flag = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&flag);
    listen(move || set.store(true, Ordering::Relaxed))?;
    Ok(flag)
}

fn listen(handler: impl FnMut() + Send + 'static) -> Result<(), Error> {
    ctrlc::set_handler(handler)
        .map_err(|error| Error::Internal(format!("cannot listen for Ctrl-C: {error}")))
}
