//! `few-cuts`: Φ over few cuts, well chosen.

use crate::engine::approximate::Approximation;
use crate::error::Error;
use crate::estimate::{About, Case, Estimator, Reads};

/// Φ of IIT 3.0 over the 2n cuts of [`CutOne`](super::CutOne) and the 2n of all cuts under which
/// the structure of mechanisms and purviews of at most 3 units moves least; of equal distances (in
/// units of 1e-9) the first. An upper bound on Φ, and Φ for n ≤ 3.
#[derive(Debug, Clone, Copy)]
pub struct FewCuts;

impl Estimator for FewCuts {
    fn name(&self) -> &str {
        "few-cuts"
    }

    fn summary(&self) -> &str {
        "Φ over at most 4n cuts that small mechanisms choose"
    }

    fn about(&self) -> About {
        About::asked_for(Reads::State, "φ · bit flips", "4^n and at most 4n cuts", 11)
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        case.approximate(Approximation::FewCuts { order: 3, each: 2, only_others: false })
    }
}
