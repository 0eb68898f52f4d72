//! The steps of a long search, kept outside so that it can go on where it ended.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::limits::{Options, StopReason};
use crate::unit_set::UnitSet;

/// The result of one step of a search over grains. A search of the same network within the same
/// bounds has the same steps in the same order, with any number of threads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SearchStep {
    /// φ_s of a system of intrinsic units (IIT 4.0), or Φ of a grain that has more than all before
    /// it (IIT 3.0).
    Value(f64),
    /// There is no such system: it cannot be in its state, or its units depend on each other given
    /// the past.
    NoSystem,
    /// There is a system whose value changes nothing.
    Dismissed,
    /// The micro units that the grains of IIT 3.0 are compared with; empty if no Φ of them is above
    /// 0.
    Micro(UnitSet),
}

/// Where the steps of a search are kept, for [`Options::journal`]. A search first asks for the
/// steps that are known, and does the work of those that are not.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use pyphi_core::grain::{Grains, emergence};
/// use pyphi_core::{Journal, Network, Options, SearchStep, State};
///
/// /// Steps in memory, of which the first are known.
/// #[derive(Debug, Default)]
/// struct Kept {
///     steps: Vec<SearchStep>,
///     n_known: usize,
///     n_used: usize,
/// }
///
/// impl Journal for Kept {
///     fn next(&mut self) -> Option<SearchStep> {
///         let step = self.steps[..self.n_known].get(self.n_used).copied()?;
///         self.n_used += 1;
///         Some(step)
///     }
///
///     fn keep(&mut self, steps: &[SearchStep]) -> bool {
///         self.steps.extend(steps);
///         true
///     }
///
///     fn refuse(&mut self) {
///         panic!("these are the steps of another search");
///     }
/// }
///
/// let tpm = [[0.3, 0.3], [0.3, 1.0], [1.0, 0.3], [1.0, 1.0]].map(Vec::from);
/// let network = Network::from_state_by_node(&tpm, &vec![vec![1; 2]; 2])?;
/// let search = |kept: &Arc<Mutex<Kept>>| {
///     let journal: Arc<Mutex<dyn Journal>> = kept.clone();
///     let options = Options { journal: Some(journal), ..Options::default() };
///     emergence(&network, State::all_off(2), &Grains::default(), &options)
/// };
/// let kept = Arc::new(Mutex::new(Kept::default()));
/// let whole = search(&kept)?.unwrap();
/// // All but the last step are known: only that one is done.
/// let steps = kept.lock().unwrap().steps.clone();
/// let known = steps[..steps.len() - 1].to_vec();
/// let kept = Kept { n_known: known.len(), steps: known, n_used: 0 };
/// let kept = Arc::new(Mutex::new(kept));
/// assert_eq!(search(&kept)?.unwrap().emergence, whole.emergence);
/// assert_eq!(kept.lock().unwrap().steps, steps);
/// # Ok::<(), pyphi_core::Error>(())
/// ```
pub trait Journal: Send + fmt::Debug {
    /// The next step that is known; `None` from where on none is.
    fn next(&mut self) -> Option<SearchStep>;

    /// Keeps steps that were found, which follow those before. `false` ends the search, as if it
    /// had been cancelled.
    fn keep(&mut self, steps: &[SearchStep]) -> bool;

    /// The last step that was known cannot be one of this search, which ends now, as if it had been
    /// cancelled.
    fn refuse(&mut self);
}

/// So many steps are handed over at once, or those of so much time.
const TOGETHER: usize = 1024;
const BETWEEN: Duration = Duration::from_secs(2);

/// The steps of one search: those that are known, then those that are found. What was found is
/// handed over at the latest when the search ends, whatever ended it.
pub(crate) struct Course {
    journal: Option<Arc<Mutex<dyn Journal>>>,
    found: Vec<SearchStep>,
    handed_over: Instant,
}

impl Course {
    pub(crate) fn new(options: &Options) -> Course {
        let journal = options.journal.clone();
        Course { journal, found: Vec::new(), handed_over: Instant::now() }
    }

    /// A course whose steps are not kept.
    pub(crate) fn unkept() -> Course {
        Course::new(&Options::default())
    }

    /// Returns `true` if steps are kept.
    pub(crate) fn is_kept(&self) -> bool {
        self.journal.is_some()
    }

    fn journal(&self) -> Option<MutexGuard<'_, dyn Journal + 'static>> {
        let journal = self.journal.as_ref()?;
        Some(journal.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The next step, if it is known.
    pub(crate) fn known(&self) -> Option<SearchStep> {
        self.journal()?.next()
    }

    /// The next step was found.
    pub(crate) fn add(&mut self, step: SearchStep) -> ControlFlow<StopReason> {
        if !self.is_kept() {
            return ControlFlow::Continue(());
        }
        self.found.push(step);
        match self.found.len() >= TOGETHER || self.handed_over.elapsed() >= BETWEEN {
            true => self.hand_over(),
            false => ControlFlow::Continue(()),
        }
    }

    /// Hands over what was found.
    pub(crate) fn hand_over(&mut self) -> ControlFlow<StopReason> {
        let found = std::mem::take(&mut self.found);
        self.handed_over = Instant::now();
        let is_kept = match self.journal() {
            Some(mut journal) => found.is_empty() || journal.keep(&found),
            None => true,
        };
        match is_kept {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(StopReason::Cancelled),
        }
    }

    /// The known step is none of this search.
    pub(crate) fn refuse(&self) -> StopReason {
        if let Some(mut journal) = self.journal() {
            journal.refuse();
        }
        StopReason::Cancelled
    }
}

impl Drop for Course {
    fn drop(&mut self) {
        // The search has ended, and says why.
        let _ = self.hand_over();
    }
}
