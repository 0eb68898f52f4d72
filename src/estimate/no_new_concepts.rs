//! `no-new-concepts`: Φ if cuts make no new concepts.

use crate::engine::approximate::Approximation;
use crate::error::Error;
use crate::estimate::{About, Case, Estimator, Reads};

/// Φ of IIT 3.0 if a mechanism without a concept in the intact system has none under a cut either
/// (Mayner et al. 2018; B of Nilsen, Juel, Marshall 2019). No bound.
#[derive(Debug, Clone, Copy)]
pub struct NoNewConcepts;

impl Estimator for NoNewConcepts {
    fn name(&self) -> &str {
        "no-new-concepts"
    }

    fn summary(&self) -> &str {
        "Φ if a cut makes no new concept"
    }

    fn about(&self) -> About {
        About::asked_for(Reads::State, "φ · bit flips", "as exact Φ, a little less", 11)
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        case.approximate(Approximation::NoNewConcepts)
    }
}
