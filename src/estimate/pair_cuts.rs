//! `pair-cuts`: Φ over cuts that single units and pairs choose.

use crate::engine::approximate::Approximation;
use crate::error::Error;
use crate::estimate::{About, Case, Estimator, Reads};

/// Φ of IIT 3.0 over the 2n cuts of [`CutOne`](super::CutOne) and 5n more: those under which the
/// structure of mechanisms and purviews of at most 2 units moves least; of equal distances (in
/// units of 1e-9) the first. An upper bound on Φ, and Φ for n ≤ 5.
///
/// 5n is the smallest multiple of n that gives Φ itself for every network of 3 to 6 units of the
/// suites `threshold`, `rules` and `tables`. So it is if mechanisms and purviews of 3 units choose,
/// which takes longer.
#[derive(Debug, Clone, Copy)]
pub struct PairCuts;

impl Estimator for PairCuts {
    fn name(&self) -> &str {
        "pair-cuts"
    }

    fn summary(&self) -> &str {
        "Φ over 7n cuts that single units and pairs choose"
    }

    fn about(&self) -> About {
        About::asked_for(Reads::State, "φ · bit flips", "4^n and 7n cuts", 11)
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        case.approximate(Approximation::FewCuts { order: 2, each: 5, only_others: true })
    }
}
