//! Counters of what was evaluated, pruned and reused: plain data.

use std::fmt;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Counts of the work of one analysis. With pruning and several threads some counts depend on which
/// cut was finished first; the results never do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Mechanism partitions whose cause side was bounded by marginals.
    pub partitions_bounded: u64,
    /// Earth mover's distances computed for mechanism partitions.
    pub emds_solved: u64,
    /// Earth mover's distances computed between concepts.
    pub concept_emds_solved: u64,
    /// Purviews whose exact φ was not needed.
    pub purviews_pruned: u64,
    /// Purviews whose φ was evaluated.
    pub purviews_evaluated: u64,
    /// φ values taken over from the intact system.
    pub phi_reused: u64,
    /// System cuts whose distance was computed.
    pub cuts_evaluated: u64,
    /// System cuts dismissed by a bound.
    pub cuts_pruned: u64,
}

impl AddAssign for Stats {
    fn add_assign(&mut self, other: Stats) {
        self.partitions_bounded += other.partitions_bounded;
        self.emds_solved += other.emds_solved;
        self.concept_emds_solved += other.concept_emds_solved;
        self.purviews_pruned += other.purviews_pruned;
        self.purviews_evaluated += other.purviews_evaluated;
        self.phi_reused += other.phi_reused;
        self.cuts_evaluated += other.cuts_evaluated;
        self.cuts_pruned += other.cuts_pruned;
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "partitions bounded {}, EMDs solved {} (+ {} between concepts), purviews evaluated {} \
             (pruned {}), φ values reused {}, cuts evaluated {} (pruned {})",
            self.partitions_bounded,
            self.emds_solved,
            self.concept_emds_solved,
            self.purviews_evaluated,
            self.purviews_pruned,
            self.phi_reused,
            self.cuts_evaluated,
            self.cuts_pruned,
        )
    }
}
