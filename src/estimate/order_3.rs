//! `order-3`: Φ of small mechanisms and purviews.

use crate::engine::approximate::Approximation;
use crate::error::Error;
use crate::estimate::{About, Case, Estimator, Reads};

/// Φ of IIT 3.0 of mechanisms and purviews of at most 3 units, over the cuts of
/// [`CutOne`](super::CutOne). It does not see what only larger mechanisms do, as those of xor. No
/// bound.
#[derive(Debug, Clone, Copy)]
pub struct Order3;

impl Estimator for Order3 {
    fn name(&self) -> &str {
        "order-3"
    }

    fn summary(&self) -> &str {
        "Φ of mechanisms and purviews of at most 3 units"
    }

    fn about(&self) -> About {
        About::asked_for(Reads::State, "φ · bit flips", "n^6 small φ and 2n cuts", 14)
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        case.approximate(Approximation::Order(3))
    }
}
