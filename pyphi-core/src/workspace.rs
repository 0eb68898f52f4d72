//! The memory that a search works in. That of a small system is left for the next one on the same
//! thread: in a survey of thousands of small networks, asking for it each time is what they cost.

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

use crate::mip::{CauseMemo, KEPT_UNITS, Scratch};
use crate::stats::Stats;

/// The memory that searches have left, for systems of as many units.
#[derive(Debug, Default)]
struct Left {
    memo: Option<CauseMemo>,
    /// The scratch space of at most one thread.
    idle: Vec<Scratch>,
}

thread_local! {
    /// By number of units, of up to [`KEPT_UNITS`]: half a megabyte in all.
    static LEFT: RefCell<[Left; KEPT_UNITS + 1]> = const {
        RefCell::new([const { Left { memo: None, idle: Vec::new() } }; KEPT_UNITS + 1])
    };
}

/// Runs `work` on the memory left for systems of `n` units. Returns `None` if nothing is kept of
/// them, or the thread is ending.
fn with_left<T>(n: usize, work: impl FnOnce(&mut Left) -> T) -> Option<T> {
    LEFT.try_with(|left| left.borrow_mut().get_mut(n).map(work)).ok().flatten()
}

/// The memory of one search.
#[derive(Debug)]
pub(crate) struct Workspace {
    n: usize,
    pub(crate) memo: CauseMemo,
    /// Scratch space that no thread is working in.
    idle: Mutex<Vec<Scratch>>,
}

impl Workspace {
    /// A workspace for a system of `n` units, with a memo or with one that has no slot.
    pub(crate) fn new(n: usize, has_memo: bool) -> Workspace {
        let (memo, mut idle) = with_left(n, |left| {
            let memo = if has_memo { left.memo.take() } else { None };
            (memo, std::mem::take(&mut left.idle))
        })
        .unwrap_or_default();
        idle.iter_mut().for_each(Scratch::renew);
        let memo = match memo {
            _ if !has_memo => CauseMemo::none(),
            Some(mut memo) => {
                memo.renew();
                memo
            }
            None => CauseMemo::new(n),
        };
        Workspace { n, memo, idle: Mutex::new(idle) }
    }

    /// Does some work in scratch space that was used before, if there is some.
    pub(crate) fn work_in<T>(&self, work: impl FnOnce(&mut Scratch) -> T) -> (T, Stats) {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = idle().pop();
        let mut scratch = taken.unwrap_or_else(|| Scratch::new(self.n));
        let result = work(&mut scratch);
        let stats = std::mem::take(&mut scratch.stats);
        scratch.n_tied_searches = 0;
        scratch.n_open_choices = 0;
        idle().push(scratch);
        (result, stats)
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        let memo = std::mem::replace(&mut self.memo, CauseMemo::none());
        let mut idle = std::mem::take(self.idle.get_mut().unwrap_or_else(PoisonError::into_inner));
        idle.truncate(1);
        idle.iter_mut().for_each(Scratch::leave);
        with_left(self.n, |left| {
            if !memo.is_none() {
                left.memo = Some(memo);
            }
            left.idle = idle;
        });
    }
}
