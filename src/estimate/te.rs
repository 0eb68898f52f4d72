//! `te`: transfer entropy.

use crate::error::Error;
use crate::estimate::transitions::{binary_entropy, known};
use crate::estimate::{About, Case, Estimator, Reads};

/// Transfer entropy (Schreiber 2000), as the causal density of Seth, Barrett, Barnett 2011: the
/// mean over the ordered pairs i ≠ j of H(Y_j | X without X_i) - H(Y_j | X), X uniform; X without
/// X_i has X_j. Pairs without a connection add 0 and count. 0 of a single unit.
#[derive(Debug, Clone, Copy)]
pub struct Te;

impl Estimator for Te {
    fn name(&self) -> &str {
        "te"
    }

    fn summary(&self) -> &str {
        "transfer entropy, the mean over pairs of units"
    }

    fn about(&self) -> About {
        About::asked_for(Reads::Dynamics, "bits a pair", "n² 2^n", 16)
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        let transitions = case.transitions();
        let (n, n_states) = (transitions.n_units(), transitions.n_states());
        let mut sum = 0.0;
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).filter(|(i, j)| i != j) {
            case.go_on()?;
            for x in (0..n_states).filter(|x| x >> i & 1 == 0) {
                let (off, on) = (transitions.on(x, j), transitions.on(x | 1 << i, j));
                let known = (binary_entropy(off) + binary_entropy(on)) / 2.0;
                sum += 2.0 * (binary_entropy((off + on) / 2.0) - known);
            }
        }
        Ok(known(sum / n_states as f64 / (n * (n - 1)).max(1) as f64))
    }
}
