//! `phi-star`: what a decoder loses that takes two parts for independent.

use crate::error::Error;
use crate::estimate::transitions::{Past, entropy, packed};
use crate::estimate::{About, Case, Estimator, Reads};

/// Φ* (Oizumi, Amari et al. 2016, PLoS Comput Biol, eqs. 8, 9, 20, 21; L of Nilsen, Juel, Marshall
/// 2019): the smallest I(X; Y) - I* over the bipartitions {A, B}, X [observed](Past::Observed). I*
/// is the information of a decoder that takes the parts for independent, q(y | x) = p(y_A | x_A)
/// p(y_B | x_B): the largest over β of -Σ_y p(y) log Σ_x p(x) q(y | x)^β + β Σ_{x,y} p(x, y) log
/// q(y | x). It is concave in β, which is looked for in [1e-9, 1000], so that a decoder that is
/// never wrong has a value.
#[derive(Debug, Clone, Copy)]
pub struct PhiStar;

impl Estimator for PhiStar {
    fn name(&self) -> &str {
        "phi-star"
    }

    fn summary(&self) -> &str {
        "what mismatched decoding loses, at the minimum bipartition"
    }

    fn about(&self) -> About {
        About::asked_for(Reads::Dynamics, "bits", "30 · 8^n", 9)
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        phi_star(case, Past::Observed)
    }
}

/// A value of smaller magnitude is what rounding leaves of 0.
const NOTHING: f64 = 1e-9;
/// The ends of β.
const BETA: (f64, f64) = (1e-9, 1000.0);

/// Φ* for a distribution of the past.
pub(super) fn phi_star(case: &Case, past: Past) -> Result<f64, Error> {
    let transitions = case.transitions();
    let past = transitions.past(past);
    let after = transitions.next(&past);
    let information = entropy(&after) - transitions.noise(&past, transitions.all());
    let least = case.at_minimum_bipartition(|a, b| {
        let decoded = Decoder::new(case, &past, &after, a, b).information()?;
        Ok(information - decoded / std::f64::consts::LN_2)
    })?;
    Ok(if least >= NOTHING { least } else { 0.0 })
}

/// The decoder of one bipartition.
struct Decoder<'a> {
    case: &'a Case<'a>,
    /// P(x) of the possible states before.
    weights: Vec<f64>,
    /// For each possible state after: P(y), the largest ln q(y | x) and, by x, ln q(y | x) minus
    /// that.
    columns: Vec<(f64, f64, Vec<f64>)>,
    /// Σ p(x, y) ln q(y | x).
    cross: f64,
}

impl Decoder<'_> {
    fn new<'a>(case: &'a Case<'a>, past: &[f64], after: &[f64], a: u32, b: u32) -> Decoder<'a> {
        let transitions = case.transitions();
        // ln P(y_A | x_A), -∞ where it is 0.
        let part = |units: u32| -> Vec<f64> {
            let mut table = transitions.joint(past, units);
            for row in table.chunks_exact_mut(1 << units.count_ones()) {
                let sum: f64 = row.iter().sum();
                row.iter_mut().for_each(|it| *it = (*it / sum).ln());
            }
            table
        };
        let (in_a, in_b) = (part(a), part(b));
        let possible =
            |p: &[f64]| -> Vec<usize> { (0..p.len()).filter(|it| p[*it] > 0.0).collect() };
        let before = possible(past);
        let log = |x: usize, y: usize| {
            let (x, y) = (x as u32, y as u32);
            let at = |units: u32| packed(x, units) << units.count_ones() | packed(y, units);
            in_a[at(a)] + in_b[at(b)]
        };
        let column = |y: usize| {
            let mut logs: Vec<f64> = before.iter().map(|&x| log(x, y)).collect();
            let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            logs.iter_mut().for_each(|it| *it -= most);
            (after[y], most, logs)
        };
        let columns = possible(after).into_iter().map(column).collect();
        let mut cross = 0.0;
        let mut row = Vec::new();
        for &x in &before {
            transitions.row(x, transitions.all(), &mut row);
            cross += past[x] * row.iter().map(|&(y, p)| p * log(x, y)).sum::<f64>();
        }
        let weights = before.iter().map(|&x| past[x]).collect();
        Decoder { case, weights, columns, cross }
    }

    /// The value at β, its slope there and the slope of that.
    fn at(&self, beta: f64) -> Result<[f64; 3], Error> {
        self.case.go_on()?;
        let mut found = [beta * self.cross, self.cross, 0.0];
        for (p, most, logs) in &self.columns {
            let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
            for (weight, log) in self.weights.iter().zip(logs).filter(|(_, it)| it.is_finite()) {
                let term = weight * (beta * log).exp();
                sum += term;
                first += term * log;
                second += term * log * log;
            }
            let mean = first / sum;
            found[0] -= p * (beta * most + sum.ln());
            found[1] -= p * (most + mean);
            found[2] -= p * (second / sum - mean * mean);
        }
        Ok(found)
    }

    /// I*, in nats.
    fn information(&self) -> Result<f64, Error> {
        let (mut low, mut high) = BETA;
        for (end, sign) in [(high, 1.0), (low, -1.0)] {
            let [value, slope, _] = self.at(end)?;
            if slope * sign >= 0.0 {
                return Ok(value);
            }
        }
        // The slope falls: Newton's steps, halving where one would leave the interval.
        let mut beta = 1.0;
        loop {
            let [value, slope, bend] = self.at(beta)?;
            if slope > 0.0 {
                low = beta
            } else {
                high = beta
            }
            let step = beta - slope / bend;
            let next = if step > low && step < high { step } else { (low + high) / 2.0 };
            if slope == 0.0 || (next - beta).abs() <= 1e-13 * beta {
                return Ok(value);
            }
            beta = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::exact::Engine;
    use crate::estimate::PhiWms;
    use crate::model::dynamics::Rule;
    use crate::model::key::State;
    use crate::model::network::Network;
    use crate::model::topology::Topology;

    /// With a uniform past the best β is 1, and nothing but the sum of the parts is left.
    #[test]
    fn after_a_uniform_past_it_is_whole_minus_sum() {
        let engine = Engine::new(1, Default::default()).unwrap();
        for topology in Topology::ALL {
            for rule in [Rule::Majority, Rule::Xor, Rule::Logistic { gain: 2.0 }] {
                let network = Network::new(topology.graph(4, 7), rule, State::new(4, 0));
                let case = Case::new(&network, &engine);
                let found = phi_star(&case, Past::Uniform).unwrap();
                let expected = PhiWms.estimate(&case, 0).unwrap();
                assert!(
                    (found - expected).abs() < 1e-9,
                    "{topology}, {rule:?}: {found}, expected {expected}"
                );
            }
        }
    }
}
