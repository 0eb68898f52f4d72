//! `cut-one`: Φ over the cuts of one unit.

use crate::engine::approximate::Approximation;
use crate::error::Error;
use crate::estimate::{About, Case, Estimator, Reads};

/// Φ of IIT 3.0 over the 2n cuts that part one unit from the rest (Mayner et al. 2018; A of Nilsen,
/// Juel, Marshall 2019), instead of all 2ⁿ - 2: an upper bound on Φ.
#[derive(Debug, Clone, Copy)]
pub struct CutOne;

impl Estimator for CutOne {
    fn name(&self) -> &str {
        "cut-one"
    }

    fn summary(&self) -> &str {
        "Φ over the cuts that part one unit from the rest"
    }

    fn about(&self) -> About {
        About::asked_for(Reads::State, "φ · bit flips", "4^n and 2n cuts", 11)
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        case.approximate(Approximation::CutOne)
    }
}
