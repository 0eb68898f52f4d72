//! `d1`: how many states the network can be in.

use crate::error::Error;
use crate::estimate::{About, Case, Estimator, Reads};
use crate::model::network::reachable;

/// The number of states that some state leads to (D1 of Marshall, Gomez-Ramirez, Tononi 2016, and
/// of Nilsen, Juel, Marshall 2019): those `y` with P(y | x) > 0 for some `x`. Neither its logarithm
/// nor its share of all states.
#[derive(Debug, Clone, Copy)]
pub struct D1;

impl Estimator for D1 {
    fn name(&self) -> &str {
        "d1"
    }

    fn summary(&self) -> &str {
        "the number of reachable states"
    }

    fn about(&self) -> About {
        About::asked_for(Reads::Dynamics, "states", "2^n; 4^n if units are noisy", 14)
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        let transitions = case.transitions();
        let n = transitions.n_units();
        let is_reachable = reachable(n, |x, j| transitions.on(x as usize, j));
        Ok(is_reachable.into_iter().filter(|it| *it).count() as f64)
    }
}
