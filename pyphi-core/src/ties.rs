//! The results of searches for a core cause or core effect before the order of choice decides, kept
//! for other orders.
//!
//! φ does not depend on the order; only which of the tied purviews is taken does. So a search is
//! done once, and another order chooses among what it found.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::fixed::Fixed;
use crate::limits::Stop;
use crate::repertoire::Direction;
use crate::transport::Transport;

/// The purviews that φ and size leave tied.
#[derive(Debug, Clone)]
pub(crate) struct TiedPurviews {
    /// Each with how many purviews of its kind it stands for, and φ. Never empty.
    pub(crate) kinds: Box<[(u32, u32, Fixed)]>,
    /// Purviews tied for the largest φ, of whatever size.
    pub(crate) n_tied: u32,
    /// Those of them that size leaves tied.
    pub(crate) n_tied_in_size: u32,
}

impl TiedPurviews {
    /// Of `purviews`, each with how many it stands for and φ, those tied for the largest φ and for
    /// size, the largest or the smallest; `None` if φ is 0 for all.
    pub(crate) fn new(
        purviews: impl Iterator<Item = (u32, u32, Fixed)> + Clone,
        tolerance: Fixed,
        smallest: bool,
    ) -> Option<TiedPurviews> {
        let best = purviews.clone().map(|(_, _, phi)| phi).max()?;
        if best <= tolerance {
            return None;
        }
        let tied = purviews.filter(|&(_, _, phi)| phi >= best - tolerance && phi > tolerance);
        let sizes = tied.clone().map(|(purview, ..)| purview.count_ones());
        let size = if smallest { sizes.min()? } else { sizes.max()? };
        let kinds: Box<[_]> =
            tied.clone().filter(|(purview, ..)| purview.count_ones() == size).collect();
        Some(TiedPurviews {
            n_tied: tied.map(|(_, count, _)| count).sum(),
            n_tied_in_size: kinds.iter().map(|(_, count, _)| count).sum(),
            kinds,
        })
    }
}

/// The searches under one wiring, by direction and mechanism.
#[derive(Debug, Default)]
pub(crate) struct Choices {
    found: Mutex<HashMap<(Direction, u32), Option<TiedPurviews>>>,
    pub(crate) prices: Prices,
}

/// The prices of the cut system's concepts, by mechanism (0: the null concept), when the distance
/// of the structures was last bounded or computed. Other orders change few concepts, so the same
/// prices soon prove that the distance is still too large; that any prices prove some bound is weak
/// duality.
#[derive(Debug, Default)]
pub(crate) struct Prices {
    by_mechanism: Mutex<HashMap<u32, i64>>,
}

impl Prices {
    /// Returns `true` if the minimum of a problem is at least `stop_at`, its columns being these
    /// mechanisms. Also returns `false` if the analysis is to stop.
    pub(crate) fn reaches(
        &self,
        problem: &mut Transport,
        mechanisms: &[u32],
        stop_at: i128,
        stop: &Stop,
    ) -> bool {
        if self.bound(problem, mechanisms).is_some_and(|bound| bound >= stop_at) {
            return true;
        }
        problem.start(&[]);
        let reaches = problem.reaches(stop_at, stop);
        if reaches {
            self.keep(problem, mechanisms);
        }
        reaches
    }

    /// A lower bound on the minimum; `None` if there are no prices yet.
    pub(crate) fn bound(&self, problem: &Transport, mechanisms: &[u32]) -> Option<i128> {
        let known = self.by_mechanism.lock().expect("no thread panics with the lock held");
        (!known.is_empty())
            .then(|| problem.bound_by(|column| known.get(&mechanisms[column]).copied()))
    }

    /// Keeps the prices with which a problem was solved.
    pub(crate) fn keep(&self, problem: &Transport, mechanisms: &[u32]) {
        let mut known = self.by_mechanism.lock().expect("no thread panics with the lock held");
        known.clear();
        known.extend(mechanisms.iter().copied().zip(problem.prices().iter().copied()));
    }
}

impl Choices {
    /// Runs `use_it` on a search that was done. Returns `None` if it was not done.
    pub(crate) fn with<T>(
        &self,
        direction: Direction,
        mechanism: u32,
        use_it: impl FnOnce(Option<&TiedPurviews>) -> T,
    ) -> Option<T> {
        let found = self.found.lock().expect("no thread panics with the lock held");
        found.get(&(direction, mechanism)).map(|tied| use_it(tied.as_ref()))
    }

    pub(crate) fn keep(&self, direction: Direction, mechanism: u32, tied: Option<TiedPurviews>) {
        let mut found = self.found.lock().expect("no thread panics with the lock held");
        found.insert((direction, mechanism), tied);
    }
}
