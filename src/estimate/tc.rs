//! `tc`: total correlation.

use crate::error::Error;
use crate::estimate::transitions::{Past, entropy, known, marginal};
use crate::estimate::{About, Case, Estimator, Reads};

/// Total correlation of the next state (Watanabe 1960; Tononi, Sporns, Edelman 1994): Σ_j H(Y_j) -
/// H(Y), X uniform.
#[derive(Debug, Clone, Copy)]
pub struct Tc;

impl Estimator for Tc {
    fn name(&self) -> &str {
        "tc"
    }

    fn summary(&self) -> &str {
        "total correlation of the next state"
    }

    fn about(&self) -> About {
        About::asked_for(Reads::Dynamics, "bits", "4^n", 12)
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        let transitions = case.transitions();
        let next = transitions.next(&transitions.past(Past::Uniform));
        let alone = |j: usize| entropy(&marginal(&next, 1 << j));
        let sum: f64 = (0..transitions.n_units()).map(alone).sum();
        Ok(known(sum - entropy(&next)))
    }
}
