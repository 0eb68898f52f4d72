//! One line at the bottom of a terminal that says how things stand, and goes out of the way of
//! everything else.

use std::{
    io::{self, Write as _},
    sync::atomic::{AtomicBool, Ordering},
};

use crate::escape::terminal;

/// `true` if the line is on the screen. It is taken away before anything else is written to stderr.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// Puts the line there, or a new one in its place.
pub fn show(line: &str) {
    let mut stderr = io::stderr().lock();
    // No wrapping: a narrow terminal cuts the line off.
    write!(stderr, "\r\x1b[K\x1b[?7l{}\x1b[?7h", terminal(line)).and_then(|()| stderr.flush()).ok();
    SHOWN.store(true, Ordering::SeqCst);
}

/// Takes it away.
pub fn clear() {
    if SHOWN.swap(false, Ordering::SeqCst) {
        io::stderr().write_all(b"\r\x1b[K").ok();
    }
}
