//! Forecast of the time that exact problems take: a guess that learns from those that are done.
//!
//! The time of exact Φ grows by a factor for every unit and with the density of the connections,
//! and both the factors and the speed depend on machine, rule and build. So the logarithm of the
//! time is a linear function of `1`, `n - 5` and `n · (density - ½)`, whose coefficients are found
//! by Bayesian linear regression: a prior from measured studies, and what was solved so far. The
//! first few problems already give the order of magnitude; nothing here reads a clock. Theories
//! differ by more than a factor: each has a [`Forecast`] of its own, and [`Forecasts`] are those of
//! a study.

use std::collections::{BTreeMap, VecDeque};

use crate::model::network::Network;
use crate::suite::Formalism;

/// The properties of a network that a forecast uses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load([f64; 3]);

impl Load {
    /// Returns the load of a network. Its density is the share of the pairs of different units that
    /// are connected.
    pub fn of(network: &Network) -> Load {
        let n = network.n_units() as f64;
        Load([1.0, n - 5.0, n * (network.density() - 0.5)])
    }
}

/// The times of exact problems, as far as they are known.
#[derive(Debug, Clone)]
pub struct Forecast {
    precision: [[f64; 3]; 3],
    moment: [f64; 3],
    coefficients: [f64; 3],
    /// The last ones.
    seen: VecDeque<(Load, f64)>,
    /// The mean of e^residual: the mean of times is more than e^(the mean of their logarithms)
    /// (Duan 1983).
    smearing: f64,
}

impl Forecast {
    /// The coefficients from the 48 problems of the study by least squares, in logarithms of
    /// seconds: 1.2 ms for 5 units at half density, 10 times as long for each unit more, and e^0.59
    /// for n · density. They scatter around that by a factor of 2.
    const PRIOR: [f64; 3] = [-6.7, 2.3, 0.6];

    /// The same of IIT 4.0: whole Φ-structures of 5, 6 and 7 units in 1.0, 5.3 and 27 ms
    /// (`docs/iit4.md`).
    const PRIOR_OF_IIT4: [f64; 3] = [-6.9, 1.65, 0.6];

    /// The problems whose scatter is looked at: what one more costs must not depend on how many
    /// there were.
    const SCATTER: usize = 1000;

    /// Weight of the prior, in problems: little for the speed, more for its growth.
    const WORTH: [f64; 3] = [0.1, 4.0, 4.0];

    /// The time that a problem takes, in seconds.
    pub fn seconds(&self, load: &Load) -> f64 {
        dot(&self.coefficients, &load.0).exp() * self.smearing
    }

    /// By what factor the last of the problems that were learned took longer than what is expected
    /// of the logarithm, each: how far a forecast may err.
    pub fn scatter(&self) -> Vec<f64> {
        let residual =
            |(load, logarithm): &(Load, f64)| logarithm - dot(&self.coefficients, &load.0);
        self.seen.iter().map(|it| residual(it).exp() / self.smearing).collect()
    }

    /// Learns that a problem took so many seconds.
    pub fn learn(&mut self, load: Load, seconds: f64) {
        self.learn_all([(load, seconds)]);
    }

    /// Learns of many problems at once.
    pub fn learn_all(&mut self, times: impl IntoIterator<Item = (Load, f64)>) {
        for (load, seconds) in times {
            // A clock has steps: what took no time took less than one.
            let logarithm = seconds.max(1e-6).ln();
            for i in 0..3 {
                for j in 0..3 {
                    self.precision[i][j] += load.0[i] * load.0[j];
                }
                self.moment[i] += load.0[i] * logarithm;
            }
            if self.seen.len() == Forecast::SCATTER {
                self.seen.pop_front();
            }
            self.seen.push_back((load, logarithm));
        }
        if self.seen.is_empty() {
            return;
        }
        self.coefficients = solve(&self.precision, &self.moment);
        let residuals = (self.seen.iter())
            .map(|(load, logarithm)| logarithm - dot(&self.coefficients, &load.0));
        self.smearing = residuals.map(f64::exp).sum::<f64>() / self.seen.len() as f64;
    }
}

impl Forecast {
    /// A forecast of problems of this theory that has seen nothing.
    pub fn new(formalism: Formalism) -> Forecast {
        let prior = if formalism.is_iit4() { Forecast::PRIOR_OF_IIT4 } else { Forecast::PRIOR };
        let [a, b, c] = Forecast::WORTH;
        Forecast {
            precision: [[a, 0.0, 0.0], [0.0, b, 0.0], [0.0, 0.0, c]],
            moment: [a * prior[0], b * prior[1], c * prior[2]],
            coefficients: prior,
            seen: VecDeque::new(),
            smearing: 1.0,
        }
    }
}

/// `Σ a_i b_i`.
fn dot(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// The x of `A x = b` for a positive definite `A`, by its Cholesky factor.
fn solve(a: &[[f64; 3]; 3], b: &[f64; 3]) -> [f64; 3] {
    let mut l = [[0.0; 3]; 3];
    for i in 0..3 {
        for j in 0..=i {
            let rest = a[i][j] - (0..j).map(|k| l[i][k] * l[j][k]).sum::<f64>();
            l[i][j] = if i == j { rest.sqrt() } else { rest / l[j][j] };
        }
    }
    let mut x = *b;
    for i in 0..3 {
        x[i] = (x[i] - (0..i).map(|k| l[i][k] * x[k]).sum::<f64>()) / l[i][i];
    }
    for i in (0..3).rev() {
        x[i] = (x[i] - (i + 1..3).map(|k| l[k][i] * x[k]).sum::<f64>()) / l[i][i];
    }
    x
}

impl Default for Forecast {
    /// A forecast of problems of IIT 3.0 that has seen nothing.
    fn default() -> Forecast {
        Forecast::new(Formalism::Iit3)
    }
}

/// The forecasts of a study, one for each theory.
#[derive(Debug, Clone, Default)]
pub struct Forecasts(BTreeMap<Formalism, Forecast>);

impl Forecasts {
    /// The time that a problem of this theory takes, in seconds.
    pub fn seconds(&self, formalism: Formalism, load: &Load) -> f64 {
        match self.0.get(&formalism) {
            Some(forecast) => forecast.seconds(load),
            None => Forecast::new(formalism).seconds(load),
        }
    }

    /// `true` if there was a problem of this theory.
    pub fn has_learned(&self, formalism: Formalism) -> bool {
        self.0.contains_key(&formalism)
    }

    /// The forecast of a theory.
    pub fn of(&self, formalism: Formalism) -> Forecast {
        self.0.get(&formalism).cloned().unwrap_or_else(|| Forecast::new(formalism))
    }

    /// Learns that a problem of this theory took so many seconds.
    pub fn learn(&mut self, formalism: Formalism, load: Load, seconds: f64) {
        self.learn_all([(formalism, load, seconds)]);
    }

    /// Learns of many problems at once.
    pub fn learn_all(&mut self, times: impl IntoIterator<Item = (Formalism, Load, f64)>) {
        let mut by_formalism: BTreeMap<Formalism, Vec<(Load, f64)>> = BTreeMap::new();
        for (formalism, load, seconds) in times {
            by_formalism.entry(formalism).or_default().push((load, seconds));
        }
        for (formalism, times) in by_formalism {
            let forecast = self.0.entry(formalism).or_insert_with(|| Forecast::new(formalism));
            forecast.learn_all(times);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dynamics::Rule;
    use crate::model::key::State;
    use crate::model::topology::Topology;

    fn load(topology: Topology, n: usize) -> Load {
        Load::of(&Network::new(topology.graph(n, 42), Rule::Majority, State::new(n, 0)))
    }

    #[test]
    fn equations_are_solved() {
        let a = [[4.0, 2.0, -1.0], [2.0, 5.0, 0.5], [-1.0, 0.5, 3.0]];
        let x = [1.5, -2.0, 0.25];
        let found = solve(&a, &[0, 1, 2].map(|i| dot(&a[i], &x)));
        assert!(x.iter().zip(found).all(|(x, found)| (x - found).abs() < 1e-15), "{found:?}");
    }

    #[test]
    fn larger_and_denser_networks_take_longer() {
        let forecast = Forecast::default();
        let seconds = |topology, n| forecast.seconds(&load(topology, n));
        for topology in Topology::ALL {
            assert!(seconds(topology, 8) > 2.0 * seconds(topology, 7), "{topology}");
        }
        assert!(seconds(Topology::Dense, 7) > seconds(Topology::Ring, 7));
    }

    #[test]
    fn one_problem_tells_the_speed_and_many_tell_how_it_grows() {
        // A machine that is a hundred times slower, and times that grow by 4 instead of 10 for each
        // unit.
        let truth = |it: &Load| 0.1 * 4.0_f64.powf(it.0[1]) * (0.1 * it.0[2]).exp();
        let mut forecast = Forecast::default();
        let ring = load(Topology::Ring, 5);
        forecast.learn(ring, truth(&ring));
        let ratio = forecast.seconds(&ring) / truth(&ring);
        assert!((0.5..2.0).contains(&ratio), "{ratio}");
        for n in [5, 6, 7] {
            for topology in Topology::ALL {
                let load = load(topology, n);
                forecast.learn(load, truth(&load));
            }
        }
        for topology in Topology::ALL {
            let load = load(topology, 8);
            // The prior is wrong by a factor of (10/4)³ and says so no longer.
            let ratio = forecast.seconds(&load) / truth(&load);
            assert!((0.4..2.5).contains(&ratio), "{topology}: {ratio}");
        }
    }

    #[test]
    fn theories_are_learned_apart() {
        let (ring, mut forecasts) = (load(Topology::Ring, 7), Forecasts::default());
        let [iit3, iit4] = [Formalism::Iit3, Formalism::Iit4_2023];
        let before = forecasts.seconds(iit3, &ring);
        assert!(forecasts.seconds(iit4, &ring) < before);
        for _ in 0..9 {
            forecasts.learn(iit4, ring, 1e3);
        }
        assert!((500.0..2000.0).contains(&forecasts.seconds(iit4, &ring)));
        assert_eq!(forecasts.seconds(iit3, &ring), before);
    }

    #[test]
    fn of_a_long_study_the_last_problems_tell_the_scatter() {
        let (ring, mut forecast) = (load(Topology::Ring, 5), Forecast::default());
        for k in 0..3 * Forecast::SCATTER {
            forecast.learn(ring, if k % 2 == 0 { 1.0 } else { 4.0 });
        }
        assert_eq!(forecast.seen.len(), Forecast::SCATTER);
        // The mean of times, not of their logarithms.
        let found = forecast.seconds(&ring);
        assert!((found - 2.5).abs() < 0.01, "{found}");
    }

    #[test]
    fn times_are_finite_whatever_was_seen() {
        let mut forecast = Forecast::default();
        for seconds in [0.0, 1e-9, 1e9] {
            forecast.learn(load(Topology::Line, 2), seconds);
            let found = forecast.seconds(&load(Topology::Dense, 12));
            assert!(found.is_finite() && found > 0.0, "{found}");
        }
    }
}
