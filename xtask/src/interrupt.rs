//! Ctrl-C, SIGTERM and SIGHUP as a number that grows.
//!
//! Nothing is done in a handler: whoever waits for a child looks at [`count`] and decides. Without
//! this, the default action would end xtask at once and leave the compilers it started running.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Start counting. Call once, before the first child.
pub(crate) fn install() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        COUNT.fetch_add(1, Ordering::SeqCst);
    })
    .context("could not install the Ctrl-C handler")
}

/// How often the user asked to stop.
pub(crate) fn count() -> usize {
    COUNT.load(Ordering::SeqCst)
}
