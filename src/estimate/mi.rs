//! `mi`: what two parts have in common at one time.

use crate::error::Error;
use crate::estimate::transitions::{Past, entropy, known, marginal};
use crate::estimate::{About, Case, Estimator, Reads};

/// Mutual information of two parts at one time (Tononi, Sporns, Edelman 1994; MI of Nilsen, Juel,
/// Marshall 2019): the smallest H(X_A) + H(X_B) - H(X) over the bipartitions {A, B}, X
/// [observed](Past::Observed). After a uniform past it would be 0.
#[derive(Debug, Clone, Copy)]
pub struct Mi;

impl Estimator for Mi {
    fn name(&self) -> &str {
        "mi"
    }

    fn summary(&self) -> &str {
        "mutual information of two parts, at the minimum bipartition"
    }

    fn about(&self) -> About {
        About::asked_for(Reads::Dynamics, "bits", "8 · 4^n", 12)
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        let transitions = case.transitions();
        let observed = transitions.past(Past::Observed);
        let whole = entropy(&observed);
        let of = |units| entropy(&marginal(&observed, units));
        case.at_minimum_bipartition(|a, b| Ok(of(a) + of(b) - whole)).map(known)
    }
}
