//! `ci`: conceptual information.

use crate::error::Error;
use crate::estimate::{About, Case, Estimator, Reads};

/// Conceptual information of IIT 3.0 (Oizumi, Albantakis, Tononi 2014): Σ φ · distance to the null
/// concept, over the concepts of the intact system; the distance of its structure from none at all.
/// No cut is looked at.
///
/// It is no upper bound on Φ. What holds for every cut c, with C the intact structure, C_c that
/// under the cut and CI(·) the distance from none at all: the concepts of C may all be moved to the
/// null concept, and those of C_c be made from it, so D(C, C_c) ≤ CI(C) + CI(C_c), since the
/// distance of concepts is a metric. So Φ ≤ CI(C) + CI(C_c) for every c, and Φ ≤ CI(C) where some
/// cut leaves no concept. But a cut may make concepts stronger: two units with P(ON) = (0.1, 0.3),
/// (0.5, 0), (0.8, 0), (0.1, 0.6) after 00, 10, 01, 11, both ON, have Φ = 0.169 and CI = 0.140,
/// since φ of {0,1} grows under both cuts.
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
