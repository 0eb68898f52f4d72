//! Agreement of two columns of numbers: correlations, errors and a fitted line.
//!
//! A statistic that the data do not define is a [`Stat::Undefined`] with its reason, never a NaN.
//! Two values within [`SAME`] of each other count as equal where equality matters (ranks, constant
//! columns): the exact engine gives the same Φ for two networks only up to its last digits. This
//! module knows nothing of networks.

use crate::run::row::Row;
use serde::{Serialize, Serializer};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Values at most this far apart count as equal.
pub const SAME: f64 = Row::SAME;

/// A number, or why there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stat {
    /// The number. Finite.
    Defined(f64),
    /// The reason why the data define none.
    Undefined(&'static str),
}

impl Stat {
    /// The number, if there is one.
    pub fn value(self) -> Option<f64> {
        match self {
            Stat::Defined(value) => Some(value),
            Stat::Undefined(_) => None,
        }
    }

    /// Returns the reason why there is no value, or `None` if there is one.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Stat::Defined(_) => None,
            Stat::Undefined(reason) => Some(reason),
        }
    }

    fn map(self, f: impl FnOnce(f64) -> f64) -> Stat {
        match self {
            Stat::Defined(value) => Stat::Defined(f(value)),
            undefined => undefined,
        }
    }
}

/// `{"value": 0.5}`, or `{"value": null, "reason": "…"}`.
impl Serialize for Stat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields {
            value: Option<f64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            reason: Option<&'static str>,
        }
        Fields { value: self.value(), reason: self.reason() }.serialize(serializer)
    }
}

/// A correlation and its significance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Correlation {
    /// The coefficient, within [-1, 1].
    pub coefficient: Stat,
    /// The two-sided p-value of the hypothesis that it is 0, by Student's t with n - 2 degrees of
    /// freedom. It takes the points as independent.
    pub p_value: Stat,
}

/// A straight line, fitted by least squares: y ≈ intercept + slope · x.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FittedLine {
    /// The change of y with x.
    pub slope: Stat,
    /// The y at x = 0.
    pub intercept: Stat,
    /// The standard error of the slope: `√(s² / Σ (x - x̄)²)`, `s² = Σ residual² / (n - 2)`. It
    /// takes the points as independent.
    pub slope_error: Stat,
    /// The standard error of the intercept: `√(s² (1/n + x̄² / Σ (x - x̄)²))`.
    pub intercept_error: Stat,
    /// The share of the variance of y that the line explains, within [0, 1]: the square of
    /// Pearson's r.
    pub r_squared: Stat,
}

/// Statistics of how estimates follow the exact values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statistics {
    /// The number of points.
    pub n: usize,
    /// Pearson's r.
    pub pearson: Correlation,
    /// Spearman's ρ: Pearson's r of the ranks, ties sharing the mean of theirs.
    pub spearman: Correlation,
    /// The root of the mean squared error.
    pub rmse: Stat,
    /// The mean absolute error.
    pub mae: Stat,
    /// The mean error, estimate minus exact.
    pub bias: Stat,
    /// The median error.
    pub median_error: Stat,
    /// The median of the absolute errors.
    pub median_absolute_error: Stat,
    /// `1 - Σ error² / Σ (exact - mean)²`: what the estimates explain as they are, without fitting.
    /// At most 1; negative if the mean of the exact values would do better.
    pub r_squared: Stat,
    /// The exact value as a line in the estimate.
    pub line: FittedLine,
}

impl Statistics {
    /// The statistics of `(estimate, exact)` points.
    ///
    /// # Panics
    /// If a number is not finite: they are checked where they come in.
    pub fn new(points: &[(f64, f64)]) -> Statistics {
        let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
        assert!(x.iter().chain(&y).all(|value| value.is_finite()), "a point is not finite");
        if are_too_large(points) {
            return Statistics::undefined(points.len(), TOO_LARGE);
        }
        let errors: Vec<f64> = points.iter().map(|(estimate, exact)| estimate - exact).collect();
        Statistics {
            n: points.len(),
            pearson: pearson(&x, &y),
            spearman: spearman(&x, &y),
            rmse: mean(errors.iter().map(|error| error * error)).map(f64::sqrt),
            mae: mean(errors.iter().map(|error| error.abs())),
            bias: mean(errors.iter().copied()),
            median_error: median(&errors),
            median_absolute_error: median(&errors.iter().map(|it| it.abs()).collect::<Vec<_>>()),
            r_squared: r_squared(&errors, &y),
            line: line(&x, &y),
        }
    }

    fn undefined(n: usize, reason: &'static str) -> Statistics {
        let stat = Stat::Undefined(reason);
        let correlation = Correlation { coefficient: stat, p_value: stat };
        Statistics {
            n,
            pearson: correlation,
            spearman: correlation,
            rmse: stat,
            mae: stat,
            bias: stat,
            median_error: stat,
            median_absolute_error: stat,
            r_squared: stat,
            line: FittedLine {
                slope: stat,
                intercept: stat,
                slope_error: stat,
                intercept_error: stat,
                r_squared: stat,
            },
        }
    }
}

/// The reason why large numbers have no statistics: sums of their squares and cubes are more than a
/// number holds. Φ of a Φ-structure can be so large, since relations are counted by powers of
/// powers of 2.
pub(crate) const TOO_LARGE: &str = "a value is above 1e100";

/// `true` if a point has a coordinate above 1e100.
pub(crate) fn are_too_large(points: &[(f64, f64)]) -> bool {
    points.iter().any(|(x, y)| x.abs().max(y.abs()) > 1e100)
}

/// Pearson's product-moment correlation of two columns of one length.
///
/// `r = Σ (x - x̄)(y - ȳ) / √(Σ (x - x̄)² · Σ (y - ȳ)²)`; undefined for fewer than 3 points or a
/// constant column.
///
/// ```
/// use phi_validation::stats::statistics::pearson;
///
/// let r = pearson(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 4.0]).coefficient;
/// assert!((r.value().unwrap() - 0.8).abs() < 1e-15);
/// assert_eq!(pearson(&[1.0; 4], &[1.0, 3.0, 2.0, 4.0]).coefficient.value(), None);
/// ```
pub fn pearson(x: &[f64], y: &[f64]) -> Correlation {
    match undefined(x, y) {
        Some(reason) => {
            Correlation { coefficient: Stat::Undefined(reason), p_value: Stat::Undefined(reason) }
        }
        None => {
            let r = Moments::new(x, y).correlation();
            Correlation {
                coefficient: Stat::Defined(r),
                p_value: Stat::Defined(p_value(r, x.len())),
            }
        }
    }
}

/// Spearman's rank correlation: [`pearson`] of the [`ranks`].
pub fn spearman(x: &[f64], y: &[f64]) -> Correlation {
    match undefined(x, y) {
        // The columns themselves name the reason better than their ranks.
        Some(_) => pearson(x, y),
        None => pearson(&ranks(x), &ranks(y)),
    }
}

/// The rank of each value, from 1; tied values share the mean of their ranks.
///
/// In ascending order, a value is tied with the first of a group if it is within [`SAME`] of it.
///
/// ```
/// use phi_validation::stats::statistics::ranks;
///
/// assert_eq!(ranks(&[0.3, 0.1, 0.2, 0.2]), [4.0, 1.0, 2.5, 2.5]);
/// ```
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let first = values[order[start]];
        let tied = order[start..].iter().take_while(|&&at| values[at] - first <= SAME).count();
        // The mean of start + 1, …, start + tied.
        let rank = start as f64 + (tied + 1) as f64 / 2.0;
        order[start..start + tied].iter().for_each(|&at| ranks[at] = rank);
        start += tied;
    }
    ranks
}

/// The least-squares line of `y` in `x`, of two columns of one length.
pub fn line(x: &[f64], y: &[f64]) -> FittedLine {
    if let Some(reason) = undefined(x, y).filter(|reason| *reason != CONSTANT_EXACT) {
        let undefined = Stat::Undefined(reason);
        return FittedLine {
            slope: undefined,
            intercept: undefined,
            slope_error: undefined,
            intercept_error: undefined,
            r_squared: undefined,
        };
    }
    let moments = Moments::new(x, y);
    let slope = moments.xy / moments.xx;
    let intercept = moments.mean_y - slope * moments.mean_x;
    let residuals = x.iter().zip(y).map(|(x, y)| y - (intercept + slope * x));
    let n = x.len() as f64;
    let variance = residuals.map(|it| it * it).sum::<f64>() / (n - 2.0);
    let spread = 1.0 / n + moments.mean_x * moments.mean_x / moments.xx;
    FittedLine {
        slope: Stat::Defined(slope),
        intercept: Stat::Defined(intercept),
        slope_error: Stat::Defined((variance / moments.xx).sqrt()),
        intercept_error: Stat::Defined((variance * spread).sqrt()),
        r_squared: pearson(x, y).coefficient.map(|r| r * r),
    }
}

const NO_POINTS: &str = "no points";
const FEW_POINTS: &str = "fewer than 3 points";
const CONSTANT_ESTIMATE: &str = "the estimate is constant";
const CONSTANT_EXACT: &str = "the exact value is constant";
const CONSTANT_BOTH: &str = "the estimate and the exact value are constant";

/// Returns the reason why two columns have no correlation, or `None` if they have one.
fn undefined(x: &[f64], y: &[f64]) -> Option<&'static str> {
    assert_eq!(x.len(), y.len(), "columns of different lengths");
    match (x.len(), is_constant(x), is_constant(y)) {
        (0, ..) => Some(NO_POINTS),
        (1 | 2, ..) => Some(FEW_POINTS),
        (_, true, true) => Some(CONSTANT_BOTH),
        (_, true, false) => Some(CONSTANT_ESTIMATE),
        (_, false, true) => Some(CONSTANT_EXACT),
        (_, false, false) => None,
    }
}

fn is_constant(values: &[f64]) -> bool {
    let min = values.iter().copied().fold(f64::INFINITY, f64::min);
    let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    max - min <= SAME
}

/// The two-sided p-value of a correlation `r` of `n >= 3` points: `t = r √((n-2) / (1-r²))`.
fn p_value(r: f64, n: usize) -> f64 {
    let unexplained = (1.0 - r) * (1.0 + r);
    if unexplained <= 0.0 {
        return 0.0;
    }
    let freedom = (n - 2) as f64;
    let t = r.abs() * (freedom / unexplained).sqrt();
    let students_t = StudentsT::new(0.0, 1.0, freedom).expect("n - 2 is positive");
    (2.0 * students_t.sf(t)).clamp(0.0, 1.0)
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> Stat {
    match values.len() {
        0 => Stat::Undefined(NO_POINTS),
        n => Stat::Defined(values.sum::<f64>() / n as f64),
    }
}

/// The middle value, or the mean of the two middle ones.
fn median(values: &[f64]) -> Stat {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => Stat::Undefined(NO_POINTS),
        n if n % 2 == 1 => Stat::Defined(sorted[n / 2]),
        n => Stat::Defined((sorted[n / 2 - 1] + sorted[n / 2]) / 2.0),
    }
}

fn r_squared(errors: &[f64], exact: &[f64]) -> Stat {
    match exact.len() {
        0 => Stat::Undefined(NO_POINTS),
        1 | 2 => Stat::Undefined(FEW_POINTS),
        _ if is_constant(exact) => Stat::Undefined(CONSTANT_EXACT),
        _ => {
            let residual: f64 = errors.iter().map(|error| error * error).sum();
            Stat::Defined(1.0 - residual / Moments::new(exact, exact).xx)
        }
    }
}

/// Means and centred second moments (sums, not divided) of points that may have weights.
pub(crate) struct Moments {
    pub(crate) mean_x: f64,
    pub(crate) mean_y: f64,
    pub(crate) xx: f64,
    pub(crate) xy: f64,
    pub(crate) yy: f64,
}

impl Moments {
    fn new(x: &[f64], y: &[f64]) -> Moments {
        Moments::weighted(x, y, &vec![1.0; x.len()])
    }

    /// Computes the moments of points that count `weights` times.
    pub(crate) fn weighted(x: &[f64], y: &[f64], weights: &[f64]) -> Moments {
        let n: f64 = weights.iter().sum();
        let mean = |values: &[f64]| {
            values.iter().zip(weights).map(|(value, weight)| value * weight).sum::<f64>() / n
        };
        let (mean_x, mean_y) = (mean(x), mean(y));
        let mut moments = Moments { mean_x, mean_y, xx: 0.0, xy: 0.0, yy: 0.0 };
        for ((x, y), weight) in x.iter().zip(y).zip(weights) {
            let (dx, dy) = (x - mean_x, y - mean_y);
            moments.xx += weight * dx * dx;
            moments.xy += weight * dx * dy;
            moments.yy += weight * dy * dy;
        }
        moments
    }

    /// Pearson's r; NaN where it is not defined.
    pub(crate) fn correlation(&self) -> f64 {
        (self.xy / (self.xx.sqrt() * self.yy.sqrt())).clamp(-1.0, 1.0)
    }
}

/// A statistic for a person: four decimals, `-` where it is undefined.
pub(crate) fn number(stat: Stat) -> String {
    match stat.value() {
        None => "-".to_owned(),
        // No sign on what is rounded to zero.
        Some(value) if value.abs() < 5e-5 => "0.0000".to_owned(),
        // Φ of a Φ-structure can have any number of digits.
        Some(value) if value.abs() >= 1e7 => format!("{value:.4e}"),
        Some(value) => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: Stat, expected: f64, tolerance: f64) {
        let found = found.value().expect("defined");
        assert!((found - expected).abs() <= tolerance, "{found}, expected {expected}");
    }

    /// Anscombe 1973, The American Statistician 27: 17-21.
    const ANSCOMBE_X: [f64; 11] = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
    const ANSCOMBE_X4: [f64; 11] = [8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 19.0, 8.0, 8.0, 8.0];
    const ANSCOMBE_Y: [[f64; 11]; 4] = [
        [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68],
        [9.14, 8.14, 8.74, 8.77, 9.26, 8.10, 6.13, 3.10, 9.13, 7.26, 4.74],
        [7.46, 6.77, 12.74, 7.11, 7.81, 8.84, 6.08, 5.39, 8.15, 6.42, 5.73],
        [6.58, 5.76, 7.71, 8.84, 8.47, 7.04, 5.25, 12.50, 5.56, 7.91, 6.89],
    ];

    #[test]
    fn anscombe_quartet() {
        // Published: r = 0.816, y = 3.00 + 0.500 x in all four. More digits: SciPy 1.17.1,
        // linregress.
        for (set, y) in ANSCOMBE_Y.iter().enumerate() {
            let x = if set == 3 { &ANSCOMBE_X4 } else { &ANSCOMBE_X };
            let line = line(x, y);
            let (r, p, slope, intercept) = SCIPY_ANSCOMBE[set];
            check(pearson(x, y).coefficient, r, 1e-12);
            check(pearson(x, y).p_value, p, 1e-12);
            check(line.slope, slope, 1e-12);
            check(line.intercept, intercept, 1e-12);
            check(line.r_squared, r * r, 1e-12);
            let (slope_error, intercept_error) = SCIPY_ANSCOMBE_ERRORS[set];
            check(line.slope_error, slope_error, 1e-12);
            check(line.intercept_error, intercept_error, 1e-12);
            // Published: 0.118 and 1.125 in all four.
            assert!((slope_error - 0.118).abs() < 1e-3 && (intercept_error - 1.125).abs() < 2e-3);
            assert!((r - 0.816).abs() < 1e-3 && (slope - 0.5).abs() < 1e-3);
        }
    }

    /// r, its p-value, slope, intercept.
    const SCIPY_ANSCOMBE: [(f64, f64, f64, f64); 4] = [
        (0.8164205163448399, 0.0021696288730787905, 0.5000909090909091, 3.0000909090909103),
        (0.816236506000243, 0.0021788162369107858, 0.5000000000000001, 3.000909090909089),
        (0.8162867394895984, 0.0021763052792280156, 0.4997272727272729, 3.002454545454544),
        (0.8165214368885028, 0.0021646023471972235, 0.4999090909090909, 3.0017272727272726),
    ];

    /// Standard errors of slope and intercept.
    const SCIPY_ANSCOMBE_ERRORS: [(f64, f64); 4] = [
        (0.11790550059563408, 1.1247467908086437),
        (0.11796374596764074, 1.1253024162452265),
        (0.11787766222100221, 1.124481229639993),
        (0.11781894172968553, 1.1239210718540587),
    ];

    #[test]
    fn p_values_agree_with_the_t_table() {
        // Two-sided 5 % and 1 % points of Student's t: with these values of t, r = t / √(t² + df).
        for (freedom, t, p) in [
            (1, 12.706204736174705, 0.05),
            (4, 2.7764451051977943, 0.05),
            (10, 2.2281388519862753, 0.05),
            (10, 3.1692726726169504, 0.01),
            (30, 2.042272456301238, 0.05),
            (158, 1.9750920727120846, 0.05),
        ] {
            let r = t / (t * t + f64::from(freedom)).sqrt();
            let found = p_value(r, freedom as usize + 2);
            assert!((found - p).abs() < 1e-12, "t({freedom}) = {t}: p = {found}, expected {p}");
            assert_eq!(p_value(-r, freedom as usize + 2), found);
        }
        assert_eq!(p_value(0.0, 10), 1.0);
        assert_eq!(p_value(1.0, 10), 0.0);
        // Far in the tail, where 1 - cdf would be 0: SciPy 1.17.1, 2 * t.sf.
        let far = p_value(0.99, 160);
        assert!((far / FAR - 1.0).abs() < 1e-9, "{far:e}");
    }

    const FAR: f64 = 2.603916746400004e-136;

    #[test]
    fn spearman_without_ties() {
        // IQ and hours of television, the worked example of the encyclopaedia article on Spearman's
        // rank correlation: ρ = -29/165.
        let iq = [106.0, 100.0, 86.0, 101.0, 99.0, 103.0, 97.0, 113.0, 112.0, 110.0];
        let hours = [7.0, 27.0, 2.0, 50.0, 28.0, 29.0, 20.0, 12.0, 6.0, 17.0];
        let found = spearman(&iq, &hours);
        check(found.coefficient, -29.0 / 165.0, 1e-12);
        check(found.p_value, 0.6271883447764846, 1e-12);
    }

    #[test]
    fn spearman_averages_ties() {
        let x = [1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0, 5.0];
        let y = [2.0, 1.0, 3.0, 3.0, 5.0, 4.0, 4.0, 4.0];
        assert_eq!(ranks(&x), [1.0, 2.5, 2.5, 5.0, 5.0, 5.0, 7.0, 8.0]);
        assert_eq!(ranks(&y), [2.0, 1.0, 3.5, 3.5, 8.0, 6.0, 6.0, 6.0]);
        let found = spearman(&x, &y);
        check(found.coefficient, SCIPY_TIES.0, 1e-12);
        check(found.p_value, SCIPY_TIES.1, 1e-12);
    }

    /// ρ and its p-value: SciPy 1.17.1, spearmanr.
    const SCIPY_TIES: (f64, f64) = (0.7278481012658229, 0.04066731845953844);

    #[test]
    fn last_digits_make_no_ranks() {
        let noise =
            [0.138_888_888_888_888_9, 0.138_888_888_888_888_95, 0.2, 0.138_888_888_888_888_87];
        assert_eq!(ranks(&noise), [2.0, 2.0, 4.0, 2.0]);
        let flat: Vec<f64> =
            noise.iter().map(|x| if *x < 0.15 { *x } else { 0.138_888_888_9 }).collect();
        let found = pearson(&[1.0, 2.0, 3.0, 4.0], &flat);
        assert_eq!(found.coefficient, Stat::Undefined(CONSTANT_EXACT));
    }

    #[test]
    fn errors_by_hand() {
        // (estimate, exact): errors 0.1, -0.2, 0.3, 0; exact mean 0.5, Σ (exact - mean)² = 0.2.
        let points = [(0.3, 0.2), (0.2, 0.4), (0.9, 0.6), (0.8, 0.8)];
        let statistics = Statistics::new(&points);
        assert_eq!(statistics.n, 4);
        check(statistics.rmse, (0.14_f64 / 4.0).sqrt(), 1e-15);
        check(statistics.mae, 0.15, 1e-15);
        check(statistics.bias, 0.05, 1e-15);
        check(statistics.median_error, 0.05, 1e-15);
        check(statistics.median_absolute_error, 0.15, 1e-15);
        let odd = Statistics::new(&points[..3]);
        check(odd.median_error, 0.1, 1e-15);
        check(odd.median_absolute_error, 0.2, 1e-15);
        check(statistics.r_squared, 1.0 - 0.14 / 0.2, 1e-14);
    }

    #[test]
    fn a_perfect_line_is_perfect() {
        let points: Vec<(f64, f64)> = (0..10).map(f64::from).map(|x| (x, 2.0 * x + 1.0)).collect();
        let statistics = Statistics::new(&points);
        check(statistics.pearson.coefficient, 1.0, 1e-15);
        check(statistics.spearman.coefficient, 1.0, 1e-15);
        check(statistics.line.slope, 2.0, 1e-12);
        check(statistics.line.intercept, 1.0, 1e-12);
        let falling: Vec<(f64, f64)> = points.iter().map(|(x, y)| (-x, *y)).collect();
        check(Statistics::new(&falling).pearson.coefficient, -1.0, 1e-15);
        check(Statistics::new(&points).pearson.p_value, 0.0, 1e-12);
    }

    /// The reasons of correlation, errors, R² and line.
    #[track_caller]
    fn check_reasons(points: &[(f64, f64)], expected: [Option<&str>; 4]) {
        let statistics = Statistics::new(points);
        let found = [
            statistics.pearson.coefficient.reason(),
            statistics.rmse.reason(),
            statistics.r_squared.reason(),
            statistics.line.slope.reason(),
        ];
        assert_eq!(found, expected, "{points:?}");
        assert_eq!(statistics.spearman, statistics.pearson);
        let json = serde_json::to_string(&statistics).unwrap();
        let n_undefined = json.matches("null").count();
        assert_eq!(n_undefined, json.matches("\"reason\"").count(), "{json}");
        assert!(n_undefined > 0);
    }

    #[test]
    fn what_the_data_do_not_define_has_a_reason() {
        let (estimate, exact) = (Some(CONSTANT_ESTIMATE), Some(CONSTANT_EXACT));
        let few = Some(FEW_POINTS);
        check_reasons(&[], [Some(NO_POINTS); 4]);
        check_reasons(&[(0.1, 0.2)], [few, None, few, few]);
        check_reasons(&[(0.1, 0.2), (0.2, 0.3)], [few, None, few, few]);
        check_reasons(&[(0.1, 0.2), (0.1, 0.3), (0.1, 0.4)], [estimate, None, None, estimate]);
        check_reasons(&[(0.1, 0.2), (0.2, 0.2), (0.3, 0.2)], [exact, None, exact, None]);
        let both = Some(CONSTANT_BOTH);
        check_reasons(&[(0.1, 0.0); 3], [both, None, exact, both]);
    }

    #[test]
    fn a_statistic_in_json_has_a_value_or_a_reason() {
        let json = |stat: Stat| serde_json::to_string(&stat).unwrap();
        assert_eq!(json(Stat::Defined(0.5)), r#"{"value":0.5}"#);
        assert_eq!(
            json(Stat::Undefined(FEW_POINTS)),
            r#"{"value":null,"reason":"fewer than 3 points"}"#
        );
    }

    #[test]
    #[should_panic(expected = "a point is not finite")]
    fn infinities_do_not_get_in() {
        Statistics::new(&[(f64::NAN, 0.0)]);
    }
}
