//! Calibration: the prediction of exact Φ by an estimate whose scale is learned, judged on networks
//! it has not seen.
//!
//! A [`Model`] is fitted to some rows and predicts others. It is judged by leaving out one
//! topology, or one size, at a time: a prediction never comes from a fit that saw the row, another
//! row of its topology (or size), or a row with its exact problem. [`Model::Mean`] knows only the
//! exact values of the training rows: a model that does no better has learned nothing from the
//! estimate.

use std::collections::HashSet;

use serde::Serialize;

use crate::run::row::Row;
use crate::stats::statistics::{SAME, Stat, Statistics};

/// A way to turn an estimate into a prediction of exact Φ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Model {
    /// The mean exact value of the training rows, whatever the estimate.
    Mean,
    /// `a + b · estimate`, by least squares.
    Affine,
    /// `exp(a + b · estimate)`, by least squares of ln Φ; training rows with Φ = 0 are left out.
    Log,
    /// The non-decreasing step function with the least squared error (pool adjacent violators;
    /// Barlow, Bartholomew, Bremner and Brunk 1972), linear between the training estimates,
    /// constant beyond.
    Isotonic,
}

impl Model {
    /// All models.
    pub const ALL: [Model; 4] = [Model::Mean, Model::Affine, Model::Log, Model::Isotonic];

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Model::Mean => "mean",
            Model::Affine => "affine",
            Model::Log => "log",
            Model::Isotonic => "isotonic",
        }
    }

    /// The model fitted to `(estimate, exact)` points.
    ///
    /// # Errors
    /// If the points do not determine the model. The message says why.
    ///
    /// ```
    /// use phi_validation::stats::calibration::Model;
    ///
    /// let line = Model::Affine.fit(&[(0.0, 1.0), (0.5, 2.0), (1.0, 3.0)]).unwrap();
    /// assert_eq!(line.predict(2.0), 5.0);
    /// ```
    pub fn fit(self, points: &[(f64, f64)]) -> Result<Fitted, &'static str> {
        let line = |points: &[(f64, f64)]| {
            let line = Statistics::new(points).line;
            match (line.intercept, line.slope) {
                (Stat::Defined(a), Stat::Defined(b)) => Ok((a, b)),
                (Stat::Undefined(reason), _) | (_, Stat::Undefined(reason)) => Err(reason),
            }
        };
        match self {
            _ if points.is_empty() => Err("no rows to learn from"),
            Model::Mean => {
                let sum: f64 = points.iter().map(|(_, exact)| exact).sum();
                Ok(Fitted::Line { intercept: sum / points.len() as f64, slope: 0.0 })
            }
            Model::Affine => {
                line(points).map(|(intercept, slope)| Fitted::Line { intercept, slope })
            }
            Model::Log => {
                let positive = points.iter().filter(|(_, exact)| *exact > Row::ZERO);
                let logs: Vec<(f64, f64)> = positive.map(|(x, exact)| (*x, exact.ln())).collect();
                if logs.is_empty() {
                    return Err("no row to learn from has Φ > 0");
                }
                line(&logs).map(|(intercept, slope)| Fitted::Exponential { intercept, slope })
            }
            Model::Isotonic => Ok(Fitted::Steps(isotonic(points))),
        }
    }
}

/// A model with its numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Fitted {
    /// `intercept + slope · x`.
    Line {
        /// At x = 0.
        intercept: f64,
        /// Per unit of x.
        slope: f64,
    },
    /// `exp(intercept + slope · x)`.
    Exponential {
        /// ln Φ at x = 0.
        intercept: f64,
        /// The change of ln Φ per unit of x.
        slope: f64,
    },
    /// Linear between these points, ascending in both; constant beyond.
    Steps(Vec<(f64, f64)>),
}

impl Fitted {
    /// The predicted exact Φ at the estimate `x`.
    pub fn predict(&self, x: f64) -> f64 {
        match self {
            Fitted::Line { intercept, slope } => intercept + slope * x,
            Fitted::Exponential { intercept, slope } => (intercept + slope * x).exp(),
            Fitted::Steps(steps) => {
                let above = steps.partition_point(|(at, _)| *at < x);
                match (above.checked_sub(1).map(|below| steps[below]), steps.get(above)) {
                    (None, Some(&(_, y))) | (Some((_, y)), None) => y,
                    (Some((x0, y0)), Some((x1, y1))) => y0 + (y1 - y0) * (x - x0) / (x1 - x0),
                    (None, None) => f64::NAN,
                }
            }
        }
    }
}

/// The non-decreasing least-squares fit: its value at each different x. Points whose x are within
/// [`SAME`] are one point with their mean, weighted by their number.
fn isotonic(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut tied: Vec<(f64, f64, f64)> = Vec::new(); // x, Σ y, weight
    for (x, y) in sorted {
        match tied.last_mut() {
            Some((at, sum, weight)) if x - *at <= SAME => {
                *sum += y;
                *weight += 1.0;
            }
            _ => tied.push((x, y, 1.0)),
        }
    }
    // Blocks of one value: Σ y, weight, how many x.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for (_, sum, weight) in &tied {
        let mut block = (*sum, *weight, 1);
        while let Some(last) = blocks.last()
            && last.0 / last.1 >= block.0 / block.1
        {
            block = (last.0 + block.0, last.1 + block.1, last.2 + block.2);
            blocks.pop();
        }
        blocks.push(block);
    }
    let values = blocks.iter().flat_map(|(sum, weight, n)| std::iter::repeat_n(sum / weight, *n));
    tied.iter().zip(values).map(|((x, ..), y)| (*x, y)).collect()
}

/// The rows that are left out of the fit that predicts a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LeftOut {
    /// All rows of the same topology.
    Topology,
    /// All rows of the same size.
    Size,
}

impl LeftOut {
    /// Both.
    pub const ALL: [LeftOut; 2] = [LeftOut::Topology, LeftOut::Size];

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            LeftOut::Topology => "topology",
            LeftOut::Size => "size",
        }
    }

    fn together(self, a: &Row, b: &Row) -> bool {
        match self {
            LeftOut::Topology => a.key.topology == b.key.topology,
            LeftOut::Size => a.key.n == b.key.n,
        }
    }
}

/// The quality of a model on rows that it has not seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// The model.
    pub model: Model,
    /// The rows without which each prediction was made.
    pub left_out: LeftOut,
    /// The reason why there are no predictions, if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undefined: Option<&'static str>,
    /// The statistics of prediction and exact value; of no points if there are no predictions.
    pub statistics: Statistics,
    /// The prediction for each row.
    #[serde(skip)]
    pub predictions: Vec<f64>,
}

impl Calibration {
    /// Judges a model on rows; `problem[k]` names the exact problem of the k-th.
    ///
    /// # Panics
    /// If the lists differ in length.
    pub fn new(model: Model, left_out: LeftOut, rows: &[Row], problem: &[usize]) -> Calibration {
        assert_eq!(rows.len(), problem.len(), "a problem for each row");
        let predictions = predictions(model, left_out, rows, problem);
        let (predictions, undefined) = match predictions {
            Ok(predictions) => (predictions, None),
            Err(reason) => (Vec::new(), Some(reason)),
        };
        let points: Vec<(f64, f64)> =
            predictions.iter().zip(rows).map(|(it, row)| (*it, row.phi_exact)).collect();
        let statistics = Statistics::new(&points);
        Calibration { model, left_out, undefined, statistics, predictions }
    }

    /// Every model with everything that can be left out.
    pub fn all(rows: &[Row], problem: &[usize]) -> Vec<Calibration> {
        let pairs = LeftOut::ALL.into_iter().flat_map(|out| Model::ALL.map(|model| (model, out)));
        pairs.map(|(model, out)| Calibration::new(model, out, rows, problem)).collect()
    }
}

fn predictions(
    model: Model,
    left_out: LeftOut,
    rows: &[Row],
    problem: &[usize],
) -> Result<Vec<f64>, &'static str> {
    let mut predictions = vec![f64::NAN; rows.len()];
    for first in 0..rows.len() {
        if !predictions[first].is_nan() {
            continue;
        }
        let test: Vec<usize> =
            (first..rows.len()).filter(|&at| left_out.together(&rows[first], &rows[at])).collect();
        // A row that is predicted has its own problem, so this leaves out the row itself as well.
        let of_test: HashSet<usize> = test.iter().map(|&it| problem[it]).collect();
        let points: Vec<(f64, f64)> = (0..rows.len())
            .filter(|&at| !of_test.contains(&problem[at]))
            .map(|at| (rows[at].phi_hdc, rows[at].phi_exact))
            .collect();
        let fitted = model.fit(&points)?;
        for at in test {
            let prediction = fitted.predict(rows[at].phi_hdc);
            if !prediction.is_finite() {
                return Err("a prediction is too large for a number");
            }
            predictions[at] = prediction;
        }
    }
    Ok(predictions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::topology::Topology;
    use crate::suite::Key;

    #[track_caller]
    fn check(fitted: &Fitted, x: f64, expected: f64) {
        let found = fitted.predict(x);
        assert!((found - expected).abs() < 1e-12, "at {x}: {found}, expected {expected}");
    }

    #[test]
    fn isotonic_pools_what_falls() {
        // Barlow et al.'s principle by hand: 1, (3, 2) → 2.5, 4, (6, 5, 1) → 4, pooled with 4.
        let y = [1.0, 3.0, 2.0, 4.0, 6.0, 5.0, 1.0];
        let points: Vec<(f64, f64)> = y.iter().enumerate().map(|(x, y)| (x as f64, *y)).collect();
        let fitted = Model::Isotonic.fit(&points).unwrap();
        for (x, expected) in [1.0, 2.5, 2.5, 4.0, 4.0, 4.0, 4.0].into_iter().enumerate() {
            check(&fitted, x as f64, expected);
        }
        check(&fitted, 0.5, 1.75);
        check(&fitted, -9.0, 1.0);
        check(&fitted, 9.0, 4.0);
        // Tied estimates share the mean.
        let fitted = Model::Isotonic.fit(&[(1.0, 0.0), (1.0, 2.0), (2.0, 4.0)]).unwrap();
        check(&fitted, 1.0, 1.0);
        check(&fitted, 1.5, 2.5);
        // Points that rise are kept, points that fall become their mean.
        let falling = Model::Isotonic.fit(&[(0.0, 3.0), (1.0, 2.0), (2.0, 1.0)]).unwrap();
        check(&falling, 1.7, 2.0);
    }

    #[test]
    fn models_recover_their_own_laws() {
        let points = |law: &dyn Fn(f64) -> f64| -> Vec<(f64, f64)> {
            (0..9).map(|k| f64::from(k) / 8.0).map(|x| (x, law(x))).collect()
        };
        check(&Model::Affine.fit(&points(&|x| 3.0 - 2.0 * x)).unwrap(), 0.3, 2.4);
        let mut exponential = points(&|x| (1.0 + 2.0 * x).exp());
        check(&Model::Log.fit(&exponential).unwrap(), 0.3, 1.6_f64.exp());
        exponential.push((0.5, 0.0)); // Φ = 0 has no logarithm
        check(&Model::Log.fit(&exponential).unwrap(), 0.3, 1.6_f64.exp());
        check(&Model::Mean.fit(&points(&|x| x)).unwrap(), 0.9, 0.5);
        assert_eq!(Model::Log.fit(&points(&|_| 0.0)), Err("no row to learn from has Φ > 0"));
        assert_eq!(Model::Affine.fit(&[(1.0, 0.0); 4]).unwrap_err().split(' ').next(), Some("the"));
        assert_eq!(Model::Isotonic.fit(&[]), Err("no rows to learn from"));
    }

    fn row(topology: Topology, n: usize, seed: u64, phi_hdc: f64, phi_exact: f64) -> Row {
        Row { key: Key::new(topology, n, seed), phi_hdc, phi_exact, duration_ms: 0.0 }
    }

    #[test]
    fn predictions_never_see_their_own_group_or_problem() {
        let rows = [
            row(Topology::Ring, 5, 1, 0.1, 1.0),
            row(Topology::Ring, 5, 2, 0.2, 1.0),
            row(Topology::Ring, 6, 1, 0.3, 10.0),
            row(Topology::Line, 5, 1, 0.4, 100.0),
            row(Topology::Line, 6, 1, 0.5, 1000.0),
        ];
        let of = |left_out, problem: [usize; 5]| {
            Calibration::new(Model::Mean, left_out, &rows, &problem).predictions
        };
        let own = [0, 0, 1, 2, 3];
        assert_eq!(of(LeftOut::Topology, own), [550.0, 550.0, 550.0, 4.0, 4.0]);
        assert_eq!(of(LeftOut::Size, own), [505.0, 505.0, 34.0, 505.0, 34.0]);
        // The Line of 5 is the Ring of 5 in disguise: neither may teach the other.
        let shared = [0, 0, 1, 0, 3];
        assert_eq!(of(LeftOut::Topology, shared), [1000.0, 1000.0, 1000.0, 10.0, 10.0]);
    }

    #[test]
    fn a_law_that_holds_everywhere_is_found_and_one_group_alone_is_not_judged() {
        let rows: Vec<Row> = Topology::ALL
            .iter()
            .flat_map(|&topology| [5, 6, 7].map(|n| (topology, n)))
            .enumerate()
            .map(|(k, (topology, n))| {
                let x = (k * 7 % 24) as f64 / 24.0;
                row(topology, n, 1, x, 2.0 * x + 1.0)
            })
            .collect();
        let problem: Vec<usize> = (0..rows.len()).collect();
        for calibration in Calibration::all(&rows, &problem) {
            let rmse = calibration.statistics.rmse.value().unwrap();
            let (model, out) = (calibration.model, calibration.left_out);
            match model {
                Model::Affine => assert!(rmse < 1e-12, "{model:?} {out:?}: {rmse}"),
                Model::Log | Model::Isotonic => assert!(rmse < 0.3, "{model:?} {out:?}: {rmse}"),
                Model::Mean => assert!(rmse > 0.5, "{model:?} {out:?}: {rmse}"),
            }
        }
        let ring: Vec<Row> =
            rows.iter().filter(|row| row.key.topology == Topology::Ring).copied().collect();
        let alone = Calibration::new(Model::Affine, LeftOut::Topology, &ring, &[0, 1, 2]);
        assert_eq!(alone.undefined, Some("no rows to learn from"));
        assert_eq!(alone.statistics.n, 0);
    }
}
