//! `si`, `si-atomic`, `si-obs`: stochastic interaction.

use crate::error::Error;
use crate::estimate::transitions::{Past, entropy, known};
use crate::estimate::{About, Case, Estimator, Reads};

/// Stochastic interaction (Ay 2001 and 2015; Barrett and Seth 2011; Oizumi, Tsuchiya, Amari 2016,
/// PNAS, eq. 15): the smallest H(Y_A | X_A) + H(Y_B | X_B) - H(Y | X) over the bipartitions {A, B},
/// X uniform.
#[derive(Debug, Clone, Copy)]
pub struct Si;

impl Estimator for Si {
    fn name(&self) -> &str {
        "si"
    }

    fn summary(&self) -> &str {
        "stochastic interaction, at the minimum bipartition"
    }

    fn about(&self) -> About {
        About::asked_for(Reads::Dynamics, "bits", "6^n", 10)
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        interaction(case, Past::Uniform)
    }
}

/// [`Si`] of the partition into single units: Σ_j H(Y_j | X_j) - H(Y | X).
#[derive(Debug, Clone, Copy)]
pub struct SiAtomic;

impl Estimator for SiAtomic {
    fn name(&self) -> &str {
        "si-atomic"
    }

    fn summary(&self) -> &str {
        "stochastic interaction of all units"
    }

    fn about(&self) -> About {
        About::asked_for(Reads::Dynamics, "bits", "n 2^n", 16)
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        let transitions = case.transitions();
        let past = transitions.past(Past::Uniform);
        let alone = |j: usize| {
            let joint = transitions.joint(&past, 1 << j);
            entropy(&joint) - entropy(&[joint[0] + joint[1], joint[2] + joint[3]])
        };
        let sum: f64 = (0..transitions.n_units()).map(alone).sum();
        Ok(known(sum - transitions.noise(&past, transitions.all())))
    }
}

/// [`Si`] with an [observed](Past::Observed) past.
#[derive(Debug, Clone, Copy)]
pub struct SiObserved;

impl Estimator for SiObserved {
    fn name(&self) -> &str {
        "si-obs"
    }

    fn summary(&self) -> &str {
        "si after an observed past"
    }

    fn about(&self) -> About {
        About::asked_for(Reads::Dynamics, "bits", "6^n", 10)
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        interaction(case, Past::Observed)
    }
}

/// Stochastic interaction after this past.
fn interaction(case: &Case, past: Past) -> Result<f64, Error> {
    let parts = case.parts(past)?;
    let whole = parts.noise(case.transitions().all());
    let more = |a, b| parts.noise(a) + parts.noise(b) - whole;
    case.at_minimum_bipartition(|a, b| Ok(more(a, b))).map(known)
}
