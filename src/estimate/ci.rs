//! `ci`: conceptual information.

use crate::error::Error;
use crate::estimate::{About, Case, Estimator, Reads};

/// Conceptual information of IIT 3.0 (Oizumi, Albantakis, Tononi 2014): Σ φ · distance to the null
/// concept, over the concepts of the intact system; the distance of its structure from none at all.
/// No cut is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Ci;

impl Estimator for Ci {
    fn name(&self) -> &str {
        "ci"
    }

    fn summary(&self) -> &str {
        "conceptual information: the structure against none at all"
    }

    fn about(&self) -> About {
        About::asked_for(Reads::State, "φ · bit flips", "4^n", 11)
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        Ok(case.concepts()?.information)
    }
}
