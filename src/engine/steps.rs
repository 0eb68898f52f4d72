//! State of the engine in the problem under way.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::wording::duration;

/// State of an exact problem.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Steps {
    /// The unit of the steps: `mechanisms`, `cuts`, `partitions`, `systems`.
    pub what: &'static str,
    /// Those done.
    pub done: u64,
    /// Those there are.
    pub total: u64,
    /// An upper bound on Φ, once one is known.
    pub best: Option<f64>,
    /// The time it will take at most, by the pace so far.
    pub remaining: Option<Duration>,
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} {}", self.done, self.total, self.what)?;
        if let Some(best) = self.best {
            write!(f, ", Φ ≤ {best:.6}")?;
        }
        match self.remaining.filter(|left| left.as_secs() > 0) {
            Some(left) => write!(f, ", at most {} left", duration(left)),
            None => Ok(()),
        }
    }
}

/// Report of the engine on the problem under way: written by it, read by what shows it.
#[derive(Debug, Clone, Default)]
pub struct Detail(Arc<Mutex<Option<Steps>>>);

impl Detail {
    /// Says how far the problem has come; nothing before it says so.
    pub fn set(&self, steps: Option<Steps>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = steps;
    }

    /// State of the problem, if it was said.
    pub(crate) fn get(&self) -> Option<Steps> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
