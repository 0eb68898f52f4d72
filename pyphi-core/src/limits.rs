//! What an analysis may take, how it can be stopped and watched, and what it says when it was.
//!
//! Nothing here but the order of choice among ties changes a result that is complete. A stopped analysis returns what is proven so far.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::mip::CauseMemo;
use crate::tie_order::TieOrder;

/// How an analysis is run. But for `tie_order`, none of it changes a result that is complete.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What the analysis may take. [default: no limits]
    pub limits: Limits,
    /// Set this to stop the analysis soon; its result then says [`StopReason::Cancelled`].
    /// [default: cannot be cancelled]
    pub cancel: Option<Arc<AtomicBool>>,
    /// Told about every step that is done. [default: nobody]
    pub progress: Option<Observer>,
    /// Evaluate every partition, purview and cut instead of those that bounds leave open. For checking: the
    /// result has the same bits.
    /// [default: false]
    pub exhaustive: bool,
    /// Search every core cause and core effect of every cut, also where the result does not depend on it,
    /// so that [`BigPhi::purview_ties`](crate::BigPhi::purview_ties) is known. [default: false]
    pub count_ties: bool,
    /// Work φ out anew for every arrangement of interchangeable units. For checking. [default: false]
    pub no_symmetry: bool,
    /// Which of the core causes or core effects of IIT 3.0 that φ and size leave tied is chosen, and under IIT 4.0
    /// with principled ties which of the congruent purviews. Where there are such ties Φ depends on it; see
    /// [`phi_range`](crate::phi_range) and [`iit4::phi_range`](crate::iit4::phi_range). [default: lexicographically
    /// the first]
    pub tie_order: TieOrder,
}

/// What an analysis may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Wall time. When it is over, the analysis stops within a moment and says what it has.
    /// [default: no limit]
    pub time: Option<Duration>,
    /// Memory that the tables of the search may take, in bytes; see [`predicted_bytes`]. An analysis that
    /// would need more does not start. [default: no limit]
    pub memory_bytes: Option<u64>,
}

/// Why an analysis ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// Everything was decided: the result is exact.
    Complete,
    /// [`Options::cancel`] was set.
    Cancelled,
    /// [`Limits::time`], which was this, is over.
    TimeLimit(Duration),
    /// The tables would need more than [`Limits::memory_bytes`]: nothing was computed.
    MemoryLimit {
        /// What they would need, in bytes.
        needed_bytes: u64,
    },
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StopReason::Complete => f.write_str("complete"),
            StopReason::Cancelled => f.write_str("cancelled"),
            StopReason::TimeLimit(limit) => {
                write!(f, "time limit of {:.3} s reached", limit.as_secs_f64())
            }
            StopReason::MemoryLimit { needed_bytes } => {
                write!(f, "not started: it would need {needed_bytes} bytes of memory")
            }
        }
    }
}

/// How far an analysis has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Steps of the phase that are done: mechanisms searched, cuts or partitions decided, orders
    /// tried.
    pub done: u64,
    /// Steps of the phase in all.
    pub total: u64,
    /// The smallest distance of a cut so far: an upper bound on Φ.
    pub best: Option<f64>,
    /// Time since the analysis began.
    pub elapsed: Duration,
    /// Time the phase may still take, judged by its pace so far. Most cuts are decided faster once good ones
    /// are known, so it tends to be too long.
    pub remaining: Option<Duration>,
}

/// The parts of an analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// IIT 3.0: the concepts of the intact system.
    Concepts,
    /// IIT 3.0: the distances of the cuts.
    Cuts,
    /// IIT 3.0: Φ under other orders of choice; see [`phi_range`](crate::phi_range).
    Orders,
    /// IIT 4.0: the partitions of the system.
    SystemPartitions,
    /// IIT 4.0: the distinctions, mechanism by mechanism.
    Distinctions,
    /// IIT 4.0: the candidate systems of a substrate.
    Systems,
}

/// Tells the observer, if there is one, how far a phase has come.
pub(crate) struct Watch<'a> {
    observer: Option<&'a Observer>,
    analysis_began: Instant,
    phase: Phase,
    total: u64,
    done: AtomicU64,
    began: Instant,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(
        options: &'a Options,
        analysis_began: Instant,
        phase: Phase,
        total: u64,
    ) -> Watch<'a> {
        let (observer, done) = (options.progress.as_ref(), AtomicU64::new(0));
        Watch { observer, analysis_began, phase, total, done, began: Instant::now() }
    }

    /// `steps` more are done.
    pub(crate) fn add(&self, steps: u64, best: Option<f64>) {
        let done = self.done.fetch_add(steps, Ordering::Relaxed) + steps;
        if let Some(observer) = self.observer {
            let left = self.total.saturating_sub(done) as f64 / done.max(1) as f64;
            observer.tell(Progress {
                phase: self.phase,
                done,
                total: self.total,
                best,
                elapsed: self.analysis_began.elapsed(),
                remaining: Some(self.began.elapsed().mul_f64(left)),
            });
        }
    }
}

/// A function that is told about progress, from any thread of the analysis, often: it should return soon.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::sync::Arc;
/// use pyphi_core::{Observer, Options, big_phi, fixtures};
///
/// let decided = Arc::new(AtomicU64::new(0));
/// let seen = Arc::clone(&decided);
/// let observer = Observer::new(move |progress| seen.store(progress.done, Ordering::Relaxed));
/// big_phi(&fixtures::or_and_xor(), &Options { progress: Some(observer), ..Options::default() });
/// assert_eq!(decided.load(Ordering::Relaxed), 6); // cuts of three units
/// ```
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(Progress) + Send + Sync>);

impl Observer {
    /// An observer that calls `tell`.
    pub fn new(tell: impl Fn(Progress) + Send + Sync + 'static) -> Observer {
        Observer(Arc::new(tell))
    }

    pub(crate) fn tell(&self, progress: Progress) {
        (self.0)(progress);
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// Memory that the search for Φ of `n_units` units plans for with `n_threads` threads, in bytes; `None` if
/// that does not fit in a `u64`. Each thread has a table of the marginals of 4ⁿ pairs of a mechanism and a
/// purview; all share the values of φ that cuts have in common, 7ⁿ up to 8 units and 4ⁿ beyond. What else is
/// needed is small beside that, except for networks with interchangeable units, which keep some MiB of φ values
/// for their arrangements instead.
///
/// ```
/// assert!(pyphi_core::predicted_bytes(8, 2).unwrap() < 64 << 20);
/// assert!(pyphi_core::predicted_bytes(12, 2).unwrap() > 3 << 30);
/// ```
pub fn predicted_bytes(n_units: usize, n_threads: usize) -> Option<u64> {
    let pairs = 1u64.checked_shl(u32::try_from(2 * n_units).ok()?)?;
    let of_thread = 8 * n_units.next_multiple_of(4) as u64 + 4;
    let shared = CauseMemo::n_slots(n_units).checked_mul(8)?;
    pairs.checked_mul(of_thread.checked_mul(n_threads as u64)?)?.checked_add(shared)
}

/// When to stop.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    cancel: Option<Arc<AtomicBool>>,
    deadline: Option<(Instant, Duration)>,
}

impl Stop {
    pub(crate) fn new(options: &Options) -> Stop {
        Stop {
            cancel: options.cancel.clone(),
            deadline: options
                .limits
                .time
                .and_then(|time| Some((Instant::now().checked_add(time)?, time))),
        }
    }

    /// Never.
    pub(crate) fn never() -> Stop {
        Stop { cancel: None, deadline: None }
    }

    /// Whether to stop now, and why.
    pub(crate) fn reason(&self) -> Option<StopReason> {
        if self.cancel.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            return Some(StopReason::Cancelled);
        }
        self.deadline
            .filter(|(at, _)| Instant::now() >= *at)
            .map(|(_, limit)| StopReason::TimeLimit(limit))
    }

    pub(crate) fn is_due(&self) -> bool {
        self.reason().is_some()
    }
}
