//! Ctrl-C, SIGTERM and SIGHUP: a number that grows while a child is watched, the end otherwise.
//!
//! The owner of a [`Watcher`] looks at [`count`] and decides what to do. The default action would
//! end this process at once and leave the compilers it started running. With no child there is
//! nothing to take care of.

use std::{
    process,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::Context as _;

use crate::exit::Exit;

static N_INTERRUPTS: AtomicUsize = AtomicUsize::new(0);
static N_WATCHERS: AtomicUsize = AtomicUsize::new(0);

/// Takes over the signals. Call once, before the first child. A SIGHUP that is ignored, as under
/// `nohup`, stays so.
pub fn install() -> anyhow::Result<()> {
    #[cfg(unix)]
    let ignores_hangup = ignore_hangup();
    // This runs on a thread of its own, not in the signal handler: anything is allowed.
    ctrlc::set_handler(|| {
        N_INTERRUPTS.fetch_add(1, Ordering::SeqCst);
        if N_WATCHERS.load(Ordering::SeqCst) == 0 {
            process::exit(Exit::Interrupted.code().into());
        }
    })
    .context("could not install the Ctrl-C handler")?;
    #[cfg(unix)]
    if ignores_hangup {
        ignore_hangup();
    }
    Ok(())
}

/// Has SIGHUP ignored, and tells whether it was already.
#[cfg(unix)]
fn ignore_hangup() -> bool {
    use nix::sys::signal::{SigHandler, Signal, signal};
    // SAFETY: no handler is set, so nothing runs in one.
    let before = unsafe { signal(Signal::SIGHUP, SigHandler::SigIgn) };
    matches!(before, Ok(SigHandler::SigIgn))
}

/// Number of times that the user asked to stop.
pub fn count() -> usize {
    N_INTERRUPTS.load(Ordering::SeqCst)
}

/// While this lives, its owner promises to look at [`count`].
#[derive(Debug)]
pub struct Watcher(());

impl Watcher {
    /// Begins to watch: from now on nothing ends this process without [`count`] having grown.
    #[expect(clippy::new_without_default, reason = "it has an effect")]
    pub fn new() -> Watcher {
        N_WATCHERS.fetch_add(1, Ordering::SeqCst);
        Watcher(())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        N_WATCHERS.fetch_sub(1, Ordering::SeqCst);
    }
}
