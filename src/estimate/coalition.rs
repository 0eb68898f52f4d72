//! `coalition`: how many states are seen.

use crate::error::Error;
use crate::estimate::transitions::{Past, entropy, known};
use crate::estimate::{About, Case, Estimator, Reads};

/// Coalition entropy (S of Schartner et al. 2015 and of Nilsen, Juel, Marshall 2019): H(X), X
/// [observed](Past::Observed). Not divided by the number of units, nor by that of a shuffled
/// series.
#[derive(Debug, Clone, Copy)]
pub struct Coalition;

impl Estimator for Coalition {
    fn name(&self) -> &str {
        "coalition"
    }

    fn summary(&self) -> &str {
        "the entropy of the states that are observed"
    }

    fn about(&self) -> About {
        About::asked_for(Reads::Dynamics, "bits", "8 · 4^n; 8 · 2^n if no unit is noisy", 12)
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        Ok(known(entropy(&case.transitions().past(Past::Observed))))
    }
}
