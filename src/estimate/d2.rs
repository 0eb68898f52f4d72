//! `d2`: how much the units vary with the state before.

use crate::error::Error;
use crate::estimate::transitions::known;
use crate::estimate::{About, Case, Estimator, Reads};

/// Cumulative variance (D2 of Marshall, Gomez-Ramirez, Tononi 2016, and of Nilsen, Juel, Marshall
/// 2019): Σ_j Var[t_j(X)], t_j(x) = P(unit j is ON | x), X uniform. Of a noisy unit it is the
/// variance that the past explains.
#[derive(Debug, Clone, Copy)]
pub struct D2;

impl Estimator for D2 {
    fn name(&self) -> &str {
        "d2"
    }

    fn summary(&self) -> &str {
        "the variance of the units that the past explains"
    }

    fn about(&self) -> About {
        About::asked_for(Reads::Dynamics, "1", "n 2^n", 16)
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        let transitions = case.transitions();
        let n_states = transitions.n_states();
        let variance = |j: usize| {
            let mean = |of: fn(f64) -> f64| {
                (0..n_states).map(|x| of(transitions.on(x, j))).sum::<f64>() / n_states as f64
            };
            mean(|p| p * p) - mean(|p| p).powi(2)
        };
        Ok(known((0..transitions.n_units()).map(variance).sum()))
    }
}
