//! `sum-phi`: what there is of small φ.

use crate::error::Error;
use crate::estimate::{About, Case, Estimator, Reads};

/// Σ φ over the concepts of the intact system, by IIT 3.0 (Oizumi, Albantakis, Tononi 2014). No cut
/// is looked at.
#[derive(Debug, Clone, Copy)]
pub struct SumPhi;

impl Estimator for SumPhi {
    fn name(&self) -> &str {
        "sum-phi"
    }

    fn summary(&self) -> &str {
        "the sum of small φ over the concepts"
    }

    fn about(&self) -> About {
        About::asked_for(Reads::State, "φ · bit flips", "4^n", 11)
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        Ok(case.concepts()?.sum_phi)
    }
}
