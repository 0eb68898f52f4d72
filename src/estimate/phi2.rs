//! `phi2`: integrated information of IIT 2.0.

use crate::error::Error;
use crate::estimate::transitions::{bipartitions, known, marginal, packed};
use crate::estimate::{About, Case, Estimator, Reads};

/// Integrated information of IIT 2.0 (Balduzzi and Tononi 2008). y is the current state, p(x) ∝ P(y
/// | x), and p_A(x_A) ∝ P(y_A | x_A), which is averaged uniformly over the units outside A
/// together. φ(A, B) is the relative entropy D(p ‖ p_A p_B). The value is φ of the bipartition with
/// the smallest φ / min(|A|, |B|); of those within 1e-9, the smallest φ. Only bipartitions are
/// looked at, of 2008's partitions.
#[derive(Debug, Clone, Copy)]
pub struct Phi2;

impl Estimator for Phi2 {
    fn name(&self) -> &str {
        "phi2"
    }

    fn summary(&self) -> &str {
        "integrated information of IIT 2.0, at the minimum bipartition"
    }

    fn about(&self) -> About {
        About::asked_for(Reads::State, "bits", "4^n", 12)
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        let transitions = case.transitions();
        let now = case.network().state().values();
        // P(y_A | x) by x, for the units A.
        let likelihood = |units: u32| -> Vec<f64> {
            let agrees = |x: usize, j: usize| {
                let p = transitions.on(x, j);
                if now[j] == 1 { p } else { 1.0 - p }
            };
            let units = (0..transitions.n_units()).filter(move |j| units >> j & 1 == 1);
            (0..transitions.n_states())
                .map(|x| units.clone().map(|j| agrees(x, j)).product())
                .collect()
        };
        let whole = normalised(likelihood(transitions.all()));
        let mut found: Vec<(f64, f64)> = Vec::new();
        for (a, b) in bipartitions(transitions.n_units()) {
            case.go_on()?;
            let of = |units| normalised(marginal(&likelihood(units), units));
            let (of_a, of_b) = (of(a), of(b));
            let phi: f64 = whole
                .iter()
                .enumerate()
                .filter(|(_, p)| **p > 0.0)
                .map(|(x, p)| {
                    let x = x as u32;
                    p * (p / (of_a[packed(x, a)] * of_b[packed(x, b)])).log2()
                })
                .sum();
            found.push((phi / f64::from(a.count_ones().min(b.count_ones())), phi));
        }
        let least = found.iter().map(|it| it.0).fold(f64::INFINITY, f64::min);
        let tied = found.iter().filter(|it| it.0 <= least + SAME).map(|it| it.1);
        Ok(known(tied.min_by(f64::total_cmp).unwrap_or(0.0)))
    }
}

/// Normalised φ of two bipartitions that differ by no more are equal.
const SAME: f64 = 1e-9;

/// Weights, divided by their sum.
fn normalised(mut weights: Vec<f64>) -> Vec<f64> {
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|it| *it /= sum);
    weights
}
