//! The uncertainty of a statistic when rows share exact problems.
//!
//! Rows that have one exact problem are not independent, so resampling draws whole *clusters*: the
//! rows of one exact problem together. [`Uncertainty`] is a bootstrap over clusters with percentile
//! and BCa intervals (Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapters 13 and
//! 14), and beside it the naive one that draws single rows. [`Permutation`] asks how often the
//! estimates would follow the exact values as closely if topologies were matched with each other at
//! random. Everything drawn comes from a [`SeededStream`], so an analysis repeated gives the same
//! digits.

use std::collections::HashMap;

use serde::{Serialize, Serializer};
use statrs::distribution::{ContinuousCDF, Normal};

use crate::model::seeded::SeededStream;
use crate::stats::statistics::{Moments, SAME, Stat, Statistics, TOO_LARGE, are_too_large, ranks};

/// The statistics that have intervals, in the order of [`Uncertainty::intervals`].
pub const NAMES: [&str; 10] = [
    "r",
    "ρ",
    "RMSE",
    "MAE",
    "bias",
    "median error",
    "median absolute error",
    "R²",
    "slope",
    "intercept",
];

/// The settings of a bootstrap.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bootstrap {
    /// The number of resamples.
    pub n_resamples: usize,
    /// The share of the distribution within an interval.
    pub level: f64,
    /// The seed of the draws.
    pub seed: u64,
}

impl Default for Bootstrap {
    /// 10,000 resamples, 95 %.
    fn default() -> Bootstrap {
        Bootstrap { n_resamples: 10_000, level: 0.95, seed: 1 }
    }
}

impl Bootstrap {
    /// The rows up to which all resamples are drawn.
    const ALL_UP_TO: usize = 1_000;

    /// The fewest resamples, which are enough for 95 % intervals (Efron and Tibshirani 1993,
    /// section 14.3).
    const FEWEST: usize = 1_000;

    /// The clusters, or groups of them, that the jackknife leaves out one at a time, at most.
    const MAX_LEFT_OUT: usize = 1_000;

    /// The bootstrap of so many rows: the default, with fewer resamples where there are more than a
    /// thousand rows, so that what it costs does not grow with the rows until it would be too few.
    pub fn of(n_rows: usize) -> Bootstrap {
        let all = Bootstrap::default();
        let fewer = all.n_resamples * Bootstrap::ALL_UP_TO / n_rows.max(1);
        let n_resamples = fewer.clamp(Bootstrap::FEWEST, all.n_resamples);
        Bootstrap { n_resamples, ..all }
    }

    /// The purpose of the streams from which resamples are drawn. The numbers are the seed, and 0
    /// for clusters or 1 for single rows; every 4 bytes (lowest first) are a 32-bit fraction that
    /// chooses one of the clusters.
    pub const PURPOSE: &str = "phi-validation bootstrap v1";

    /// With fewer clusters than this an interval would only look exact.
    pub const MIN_CLUSTERS: usize = 8;
}

/// An interval, or why there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Interval {
    /// Its ends.
    Defined {
        /// The lower end.
        low: f64,
        /// The upper end.
        high: f64,
    },
    /// The reason why the data define none.
    Undefined(&'static str),
}

impl Interval {
    /// The ends, if there are any.
    pub fn ends(self) -> Option<(f64, f64)> {
        match self {
            Interval::Defined { low, high } => Some((low, high)),
            Interval::Undefined(_) => None,
        }
    }
}

/// `{"low": 0.1, "high": 0.5}`, or `{"low": null, "high": null, "reason": "…"}`.
impl Serialize for Interval {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields {
            low: Option<f64>,
            high: Option<f64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            reason: Option<&'static str>,
        }
        let reason = match self {
            Interval::Defined { .. } => None,
            Interval::Undefined(reason) => Some(*reason),
        };
        let (low, high) = self.ends().unzip();
        Fields { low, high, reason }.serialize(serializer)
    }
}

/// The intervals of one statistic.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Intervals {
    /// Which, of [`NAMES`].
    pub statistic: &'static str,
    /// Its value on all rows.
    pub value: Stat,
    /// Percentiles of the bootstrap over clusters.
    pub percentile: Interval,
    /// The same, bias-corrected and accelerated.
    pub bca: Interval,
    /// Percentiles of a bootstrap over single rows, as if they were independent: too narrow where
    /// rows share exact problems.
    pub naive: Interval,
    /// The resamples over clusters that do not define the statistic; they are left out.
    pub n_undefined: usize,
}

/// The intervals of all statistics of some rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Uncertainty {
    /// The settings of the bootstrap.
    #[serde(flatten)]
    pub bootstrap: Bootstrap,
    /// The number of clusters (exact problems) in the rows.
    pub n_clusters: usize,
    /// For each statistic its intervals.
    pub intervals: Vec<Intervals>,
}

impl Uncertainty {
    /// The intervals for `(estimate, exact)` points, `cluster[k]` naming the cluster of the k-th.
    ///
    /// # Panics
    /// If the lists differ in length or a number is not finite.
    pub fn new(points: &[(f64, f64)], cluster: &[usize], bootstrap: Bootstrap) -> Uncertainty {
        assert_eq!(points.len(), cluster.len(), "a cluster for each point");
        let clusters = members(cluster);
        if are_too_large(points) {
            let undefined = Interval::Undefined(TOO_LARGE);
            let intervals = NAMES.iter().map(|statistic| Intervals {
                statistic,
                value: Stat::Undefined(TOO_LARGE),
                percentile: undefined,
                bca: undefined,
                naive: undefined,
                n_undefined: bootstrap.n_resamples,
            });
            let n_clusters = clusters.len();
            return Uncertainty { bootstrap, n_clusters, intervals: intervals.collect() };
        }
        let rows: Vec<Vec<usize>> = (0..points.len()).map(|row| vec![row]).collect();
        let sample = Sample::new(points);
        let values = named(&Statistics::new(points));
        let over_clusters = Resampled::new(&sample, &clusters, bootstrap, 0);
        let over_rows = Resampled::new(&sample, &rows, bootstrap, 1);
        let intervals = (0..NAMES.len())
            .map(|which| {
                let value = values[which];
                Intervals {
                    statistic: NAMES[which],
                    value,
                    percentile: over_clusters.percentile(which, value, bootstrap.level),
                    bca: over_clusters.bca(which, value, bootstrap.level),
                    naive: over_rows.percentile(which, value, bootstrap.level),
                    n_undefined: over_clusters.n_undefined(which),
                }
            })
            .collect();
        Uncertainty { bootstrap, n_clusters: clusters.len(), intervals }
    }

    /// The intervals of the statistic of this name.
    pub fn get(&self, name: &str) -> Option<&Intervals> {
        self.intervals.iter().find(|it| it.statistic == name)
    }
}

/// The statistics that have intervals, in the order of [`NAMES`].
fn named(statistics: &Statistics) -> [Stat; NAMES.len()] {
    [
        statistics.pearson.coefficient,
        statistics.spearman.coefficient,
        statistics.rmse,
        statistics.mae,
        statistics.bias,
        statistics.median_error,
        statistics.median_absolute_error,
        statistics.r_squared,
        statistics.line.slope,
        statistics.line.intercept,
    ]
}

/// The rows of each cluster, clusters in the order of their first row.
fn members(cluster: &[usize]) -> Vec<Vec<usize>> {
    let mut place: HashMap<usize, usize> = HashMap::new();
    let mut members: Vec<Vec<usize>> = Vec::new();
    for (row, name) in cluster.iter().enumerate() {
        let at = *place.entry(*name).or_insert(members.len());
        if at == members.len() {
            members.push(Vec::new());
        }
        members[at].push(row);
    }
    members
}

/// Points prepared so that the statistics of any resample take one pass: a resample is a weight for
/// each point, how often it was drawn.
struct Sample {
    x: Vec<f64>,
    y: Vec<f64>,
    errors: Vec<f64>,
    /// Groups of tied points, ascending.
    by_x: Vec<Vec<usize>>,
    by_y: Vec<Vec<usize>>,
    by_error: Vec<usize>,
    by_absolute_error: Vec<usize>,
}

impl Sample {
    fn new(points: &[(f64, f64)]) -> Sample {
        let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
        let errors: Vec<f64> = points.iter().map(|(estimate, exact)| estimate - exact).collect();
        let sorted = |values: &dyn Fn(usize) -> f64| {
            let mut order: Vec<usize> = (0..points.len()).collect();
            order.sort_by(|&a, &b| values(a).total_cmp(&values(b)));
            order
        };
        let groups = |values: &[f64]| {
            let mut groups: Vec<Vec<usize>> = Vec::new();
            for at in sorted(&|at| values[at]) {
                match groups.last_mut() {
                    Some(group) if values[at] - values[group[0]] <= SAME => group.push(at),
                    _ => groups.push(vec![at]),
                }
            }
            groups
        };
        Sample {
            by_x: groups(&x),
            by_y: groups(&y),
            by_error: sorted(&|at| errors[at]),
            by_absolute_error: sorted(&|at| errors[at].abs()),
            x,
            y,
            errors,
        }
    }

    /// The statistics of the points, each counted `weights` times; NaN where they are undefined,
    /// which does not leave this module.
    fn evaluate(&self, weights: &[f64], ranks: &mut [Vec<f64>; 2]) -> [f64; NAMES.len()] {
        let n: f64 = weights.iter().sum();
        let constant = |groups: &[Vec<usize>]| {
            let drawn = |group: &&Vec<usize>| group.iter().any(|&at| weights[at] > 0.0);
            groups.iter().filter(drawn).take(2).count() < 2
        };
        let (flat_x, flat_y) = (constant(&self.by_x), constant(&self.by_y));
        let m = Moments::weighted(&self.x, &self.y, weights);
        let (mut squared, mut absolute, mut sum) = (0.0, 0.0, 0.0);
        for (error, weight) in self.errors.iter().zip(weights) {
            squared += weight * error * error;
            absolute += weight * error.abs();
            sum += weight * error;
        }
        let few = n < 3.0;
        let if_defined = |undefined: bool, value: f64| if undefined { f64::NAN } else { value };
        let no_correlation = few || flat_x || flat_y;
        let rho = if no_correlation {
            f64::NAN
        } else {
            weighted_ranks(&self.by_x, weights, &mut ranks[0]);
            weighted_ranks(&self.by_y, weights, &mut ranks[1]);
            Moments::weighted(&ranks[0], &ranks[1], weights).correlation()
        };
        let slope = if_defined(few || flat_x, m.xy / m.xx);
        [
            if_defined(no_correlation, m.correlation()),
            rho,
            (squared / n).sqrt(),
            absolute / n,
            sum / n,
            weighted_median(&self.by_error, weights, n, |at| self.errors[at]),
            weighted_median(&self.by_absolute_error, weights, n, |at| self.errors[at].abs()),
            if_defined(few || flat_y, 1.0 - squared / m.yy),
            slope,
            m.mean_y - slope * m.mean_x,
        ]
    }
}

/// Ranks within a resample, ties sharing the mean of theirs.
fn weighted_ranks(groups: &[Vec<usize>], weights: &[f64], ranks: &mut [f64]) {
    let mut below = 0.0;
    for group in groups {
        let weight: f64 = group.iter().map(|&at| weights[at]).sum();
        group.iter().for_each(|&at| ranks[at] = below + (weight + 1.0) / 2.0);
        below += weight;
    }
}

/// The median of a resample of `n` values: the middle one, or the mean of the middle two.
fn weighted_median(order: &[usize], weights: &[f64], n: f64, value: impl Fn(usize) -> f64) -> f64 {
    // The ⌊(n+1)/2⌋-th and the ⌈(n+1)/2⌉-th value, counted from 1.
    let (first, second) = (((n + 1.0) / 2.0).floor(), ((n + 1.0) / 2.0).ceil());
    let mut seen = 0.0;
    let mut lower = f64::NAN;
    for &at in order {
        seen += weights[at];
        if lower.is_nan() && seen >= first {
            lower = value(at);
        }
        if seen >= second {
            return (lower + value(at)) / 2.0;
        }
    }
    f64::NAN
}

/// The statistics of many resamples of one way to group the rows.
struct Resampled {
    n_clusters: usize,
    n_resamples: usize,
    /// For each statistic its defined values, ascending.
    values: Vec<Vec<f64>>,
    /// For each cluster, or group of them if there are very many, the statistics of the rows
    /// without it.
    jackknife: Vec<[f64; NAMES.len()]>,
}

impl Resampled {
    fn new(
        sample: &Sample,
        clusters: &[Vec<usize>],
        bootstrap: Bootstrap,
        purpose: u64,
    ) -> Resampled {
        let n_rows = sample.x.len();
        let n_clusters = clusters.len();
        let mut resampled = Resampled {
            n_clusters,
            n_resamples: bootstrap.n_resamples,
            values: vec![Vec::with_capacity(bootstrap.n_resamples); NAMES.len()],
            jackknife: Vec::new(),
        };
        if n_clusters < Bootstrap::MIN_CLUSTERS {
            return resampled;
        }
        let mut ranks = [vec![0.0; n_rows], vec![0.0; n_rows]];
        let mut weights = vec![0.0; n_rows];
        let mut stream = SeededStream::new(Bootstrap::PURPOSE, &[bootstrap.seed, purpose]);
        let mut bytes = vec![0; 4 * n_clusters];
        for _ in 0..bootstrap.n_resamples {
            stream.fill(&mut bytes);
            weights.fill(0.0);
            for word in bytes.as_chunks::<4>().0 {
                let fraction = u64::from(u32::from_le_bytes(*word));
                let drawn = (fraction * n_clusters as u64) >> 32;
                clusters[drawn as usize].iter().for_each(|&row| weights[row] += 1.0);
            }
            let found = sample.evaluate(&weights, &mut ranks);
            for (values, value) in resampled.values.iter_mut().zip(found) {
                if value.is_finite() {
                    values.push(value);
                }
            }
        }
        resampled.values.iter_mut().for_each(|values| values.sort_by(f64::total_cmp));
        // Of very many clusters whole groups are left out: the skewness of the mean of g values is
        // 1/√g of theirs, and the acceleration divides by the root of the number of groups, so g
        // drops out.
        let n_groups = n_clusters.min(Bootstrap::MAX_LEFT_OUT);
        for group in 0..n_groups {
            weights.fill(1.0);
            let left_out = clusters.iter().skip(group).step_by(n_groups);
            left_out.flatten().for_each(|&row| weights[row] = 0.0);
            resampled.jackknife.push(sample.evaluate(&weights, &mut ranks));
        }
        resampled
    }

    fn n_undefined(&self, which: usize) -> usize {
        if self.n_clusters < Bootstrap::MIN_CLUSTERS {
            return 0;
        }
        self.n_resamples - self.values[which].len()
    }

    /// Returns the reason why there is no interval, or `None` if there is one.
    fn undefined(&self, which: usize, value: Stat) -> Option<&'static str> {
        if let Some(reason) = value.reason() {
            return Some(reason);
        }
        if self.n_clusters < Bootstrap::MIN_CLUSTERS {
            return Some("fewer than 8 independent units to resample");
        }
        if 20 * self.n_undefined(which) > self.n_resamples {
            return Some("undefined in more than 5 % of the resamples");
        }
        None
    }

    fn percentile(&self, which: usize, value: Stat, level: f64) -> Interval {
        if let Some(reason) = self.undefined(which, value) {
            return Interval::Undefined(reason);
        }
        let tail = (1.0 - level) / 2.0;
        let values = &self.values[which];
        Interval::Defined { low: quantile(values, tail), high: quantile(values, 1.0 - tail) }
    }

    fn bca(&self, which: usize, value: Stat, level: f64) -> Interval {
        if let Some(reason) = self.undefined(which, value) {
            return Interval::Undefined(reason);
        }
        let estimate = value.value().expect("defined");
        let values = &self.values[which];
        let less = values.partition_point(|it| *it < estimate - SAME);
        let equal = values.partition_point(|it| *it <= estimate + SAME) - less;
        let share = (less as f64 + equal as f64 / 2.0) / values.len() as f64;
        if share <= 0.0 || share >= 1.0 {
            return Interval::Undefined("all resamples lie on one side of the value");
        }
        let left_out: Vec<f64> = self.jackknife.iter().map(|it| it[which]).collect();
        if left_out.iter().any(|it| !it.is_finite()) {
            return Interval::Undefined("undefined without one of the exact problems");
        }
        let mean = left_out.iter().sum::<f64>() / left_out.len() as f64;
        let (mut cubes, mut squares) = (0.0, 0.0);
        for value in left_out {
            let d = mean - value;
            squares += d * d;
            cubes += d * d * d;
        }
        let acceleration = if squares > 0.0 { cubes / (6.0 * squares.powf(1.5)) } else { 0.0 };
        let normal = Normal::new(0.0, 1.0).expect("a valid distribution");
        let bias = normal.inverse_cdf(share);
        let tail = (1.0 - level) / 2.0;
        let corrected = |tail: f64| {
            let z = bias + normal.inverse_cdf(tail);
            normal.cdf(bias + z / (1.0 - acceleration * z))
        };
        let (low, high) = (corrected(tail), corrected(1.0 - tail));
        if low.is_nan() || high.is_nan() || low >= high {
            return Interval::Undefined("the acceleration is too large for the correction");
        }
        Interval::Defined { low: quantile(values, low), high: quantile(values, high) }
    }
}

/// The quantile of ascending values: linear between the two next ones (Hyndman and Fan 1996, type
/// 7).
fn quantile(values: &[f64], share: f64) -> f64 {
    let at = share * (values.len() - 1) as f64;
    let below = (at.floor() as usize).min(values.len() - 1);
    let above = (below + 1).min(values.len() - 1);
    values[below] + (values[above] - values[below]) * (at - below as f64)
}

/// A test of the correlation that does not take rows as independent.
///
/// The null hypothesis: which topology an estimate is of says nothing about exact Φ. Under it the
/// estimates of one topology (all its sizes and seeds) could as well stand beside the exact values
/// of another. Two-sided: the share of the matchings of topologies whose correlation is at least as
/// far from
/// 0. All matchings are looked at if there are at most [`Permutation::MAX_EXHAUSTIVE`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Permutation {
    /// The topologies (or other groups) that were matched.
    pub n_groups: usize,
    /// The rows: those of the cells (size and seed) that every group has.
    pub n_rows: usize,
    /// The matchings looked at, the true one among them.
    pub n_permutations: usize,
    /// `true` if these are all.
    pub exhaustive: bool,
    /// For Pearson's r.
    pub p_pearson: Stat,
    /// For Spearman's ρ.
    pub p_spearman: Stat,
}

impl Permutation {
    /// All permutations of eight topologies.
    pub const MAX_EXHAUSTIVE: usize = 40_320;

    /// The permutations drawn where there are more.
    pub const DRAWN: usize = 10_000;

    /// The purpose of the stream they are drawn from; the number is the seed. Each is a
    /// Fisher-Yates shuffle from the last place down, 8 bytes a place.
    pub const PURPOSE: &str = "phi-validation permutation v1";

    /// The test on `cells[c][g] = (estimate, exact)` of group `g` in cell `c`.
    ///
    /// # Panics
    /// If the cells differ in length.
    pub fn new(cells: &[Vec<(f64, f64)>], seed: u64) -> Permutation {
        let n_groups = cells.first().map_or(0, Vec::len);
        let points: Vec<(f64, f64)> = cells.iter().flatten().copied().collect();
        let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
        let statistics = Statistics::new(&points);
        let reason = match (n_groups, statistics.pearson.coefficient.reason()) {
            (0 | 1, _) => Some("fewer than 2 topologies"),
            (_, reason) => reason,
        };
        let n_all = (1..=n_groups).try_fold(1_usize, |all, k| all.checked_mul(k));
        let exhaustive = n_all.is_some_and(|all| all <= Permutation::MAX_EXHAUSTIVE);
        let n_permutations = if exhaustive { n_all.unwrap_or(1) } else { Permutation::DRAWN };
        let mut test = Permutation {
            n_groups,
            n_rows: points.len(),
            n_permutations,
            exhaustive,
            p_pearson: Stat::Undefined(reason.unwrap_or("")),
            p_spearman: Stat::Undefined(reason.unwrap_or("")),
        };
        if reason.is_some() {
            return test;
        }
        let tables =
            [Products::new(&x, &y, n_groups), Products::new(&ranks(&x), &ranks(&y), n_groups)];
        let observed = tables.each_ref().map(|it| it.sum(0..n_groups).abs());
        let mut as_far = [0_usize; 2];
        let mut look = |order: &[usize]| {
            for ((table, observed), as_far) in tables.iter().zip(observed).zip(&mut as_far) {
                let sum = table.sum(order.iter().copied()).abs();
                // What is equal but for the order of summation is as far.
                *as_far += usize::from(sum >= observed - SAME * observed.max(table.scale));
            }
        };
        let mut order: Vec<usize> = (0..n_groups).collect();
        if exhaustive {
            every_permutation(&mut order, 0, &mut look);
        } else {
            let mut stream = SeededStream::new(Permutation::PURPOSE, &[seed]);
            look(&order);
            for _ in 1..n_permutations {
                for place in (1..n_groups).rev() {
                    let other = u128::from(stream.next_u64()) * (place as u128 + 1);
                    order.swap(place, (other >> 64) as usize);
                }
                look(&order);
            }
        }
        let share = |count: usize| Stat::Defined(count as f64 / n_permutations as f64);
        (test.p_pearson, test.p_spearman) = (share(as_far[0]), share(as_far[1]));
        test
    }
}

/// For each pair of groups what it adds to Σ (x - x̄)(y - ȳ) if the estimates of one stand beside
/// the exact values of the other. The means and variances are the same for all matchings, so a sum
/// of n of these orders the matchings as their correlation does.
struct Products {
    /// `table[u][g]`: estimates of u, exact values of g.
    table: Vec<Vec<f64>>,
    /// The largest magnitude that the sum could have: √(Σ (x - x̄)² Σ (y - ȳ)²).
    scale: f64,
}

impl Products {
    /// Makes the table from columns that list the groups within each cell.
    fn new(x: &[f64], y: &[f64], n_groups: usize) -> Products {
        let n = x.len() as f64;
        let (mean_x, mean_y) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
        let mut table = vec![vec![0.0; n_groups]; n_groups];
        let (mut xx, mut yy) = (0.0, 0.0);
        for (x, y) in x.chunks(n_groups).zip(y.chunks(n_groups)) {
            for u in 0..n_groups {
                for g in 0..n_groups {
                    table[u][g] += (x[u] - mean_x) * (y[g] - mean_y);
                }
                xx += (x[u] - mean_x).powi(2);
                yy += (y[u] - mean_y).powi(2);
            }
        }
        Products { table, scale: (xx * yy).sqrt() }
    }

    fn sum(&self, order: impl Iterator<Item = usize>) -> f64 {
        order.enumerate().map(|(g, u)| self.table[u][g]).sum()
    }
}

/// Calls `look` on every permutation of the places from `from` on.
fn every_permutation(order: &mut Vec<usize>, from: usize, look: &mut impl FnMut(&[usize])) {
    if from + 1 >= order.len() {
        look(order);
        return;
    }
    for other in from..order.len() {
        order.swap(from, other);
        every_permutation(order, from + 1, look);
        order.swap(from, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` numbers, uniform in [-1, 1).
    fn uniform(purpose: u64, n: usize) -> Vec<f64> {
        let mut stream = SeededStream::new("phi-validation test", &[purpose]);
        (0..n).map(|_| crate::model::seeded::symmetric_unit(stream.next_u64())).collect()
    }

    fn few(n_resamples: usize) -> Bootstrap {
        Bootstrap { n_resamples, ..Bootstrap::default() }
    }

    #[test]
    fn a_resample_has_the_statistics_of_its_rows() {
        // A resample written out row by row must give what the weights give.
        let (x, noise) = (uniform(1, 12), uniform(2, 12));
        let mut points: Vec<(f64, f64)> =
            x.iter().zip(&noise).map(|(x, noise)| (*x, x + 0.5 * noise)).collect();
        points[3].0 = points[4].0;
        points[7].1 = points[8].1;
        let sample = Sample::new(&points);
        let mut ranks = [vec![0.0; 12], vec![0.0; 12]];
        for round in 0..50 {
            let counts: Vec<usize> =
                uniform(10 + round, 12).iter().map(|it| ((it + 1.0) * 1.6) as usize).collect();
            let weights: Vec<f64> = counts.iter().map(|it| *it as f64).collect();
            let written: Vec<(f64, f64)> = points
                .iter()
                .zip(&counts)
                .flat_map(|(point, count)| std::iter::repeat_n(*point, *count))
                .collect();
            let expected = named(&Statistics::new(&written));
            let found = sample.evaluate(&weights, &mut ranks);
            for (which, (found, expected)) in found.iter().zip(expected).enumerate() {
                let name = NAMES[which];
                match expected.value() {
                    Some(expected) => {
                        assert!((found - expected).abs() < 1e-12, "{name}: {found}, {expected}");
                    }
                    None => assert!(found.is_nan(), "{name}: {found}"),
                }
            }
        }
    }

    #[test]
    fn intervals_agree_with_another_program() {
        // SciPy 1.17.1, stats.bootstrap(paired, 200,000 resamples): the ends here are those of
        // 10,000 other resamples, whose scatter is about 1 % of the width.
        let x: Vec<f64> = (0..20).map(f64::from).collect();
        let y: Vec<f64> = x.iter().map(|x| (x * 7.0 % 11.0) + 0.4 * x).collect();
        let points: Vec<(f64, f64)> = x.iter().copied().zip(y).collect();
        let cluster: Vec<usize> = (0..20).collect();
        let found = Uncertainty::new(&points, &cluster, Bootstrap::default());
        for (name, percentile, bca) in SCIPY {
            let found = found.get(name).unwrap();
            for (found, expected) in [(found.percentile, percentile), (found.bca, bca)] {
                let (low, high) = found.ends().unwrap();
                let close = |a: f64, b: f64| (a - b).abs() < 0.03 * (expected.1 - expected.0);
                assert!(
                    close(low, expected.0) && close(high, expected.1),
                    "{name}: {low} to {high}, expected {expected:?}"
                );
            }
        }
    }

    type Ends = (f64, f64);

    /// Statistic, percentile interval, BCa interval.
    const SCIPY: [(&str, Ends, Ends); 3] = [
        ("r", (0.24087444, 0.80526229), (0.24315440, 0.80636527)),
        ("bias", (-1.26, 2.88), (-1.25, 2.88)),
        ("RMSE", (3.44963766, 6.01996678), (3.65568051, 6.25429518)),
    ];

    #[test]
    fn clusters_make_intervals_as_wide_as_they_must_be() {
        // 20 clusters of 5 equal rows: the mean error has the standard deviation of 20 numbers, not
        // of
        // 100. Uniform errors: 0.577 / √20 = 0.129, so a 95 % interval is about 0.5 wide.
        let (mut covered, mut naively) = (0, 0);
        for round in 0..100 {
            let errors = uniform(1000 + round, 20);
            let points: Vec<(f64, f64)> =
                (0..100).map(|row| (errors[row / 5] + row as f64, row as f64)).collect();
            let cluster: Vec<usize> = (0..100).map(|row| row / 5).collect();
            let found = Uncertainty::new(&points, &cluster, few(400));
            let bias = found.get("bias").unwrap();
            let covers = |interval: Interval| {
                interval.ends().is_some_and(|(low, high)| low <= 0.0 && 0.0 <= high)
            };
            covered += usize::from(covers(bias.percentile));
            naively += usize::from(covers(bias.naive));
        }
        // Binomial with 95 %: at least 88 of 100 but for once in 300; the naive one covers 60 %.
        assert!(covered >= 88, "{covered} of 100 intervals cover the true value");
        assert!(naively <= 75, "{naively} of 100 naive intervals cover the true value");
    }

    #[test]
    fn many_rows_have_fewer_resamples() {
        let of = |n_rows| Bootstrap::of(n_rows).n_resamples;
        assert_eq!([0, 8, 160, 1000].map(of), [10_000; 4]);
        assert_eq!([2000, 5000, 10_000, 1_000_000].map(of), [5000, 2000, 1000, 1000]);
        assert_eq!(Bootstrap::of(160), Bootstrap::default());
    }

    #[test]
    fn leaving_out_groups_gives_the_acceleration_of_single_ones() {
        // Skew errors, each a cluster of its own: four to a group.
        let n = 4 * Bootstrap::MAX_LEFT_OUT;
        let mut stream = SeededStream::new("test of the jackknife", &[1]);
        let mut uniform = || (stream.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let errors: Vec<f64> = (0..n).map(|_| -(1.0 - uniform()).ln()).collect();
        let points: Vec<(f64, f64)> = errors.iter().map(|error| (*error, 0.0)).collect();
        let clusters: Vec<Vec<usize>> = (0..n).map(|row| vec![row]).collect();
        let resampled = Resampled::new(&Sample::new(&points), &clusters, few(1), 0);
        assert_eq!(resampled.jackknife.len(), Bootstrap::MAX_LEFT_OUT);
        let acceleration = |left_out: &[f64]| {
            let mean = left_out.iter().sum::<f64>() / left_out.len() as f64;
            let power = |k: i32| left_out.iter().map(|it| (mean - it).powi(k)).sum::<f64>();
            power(3) / (6.0 * power(2).powf(1.5))
        };
        // The mean without one of them falls as that one rises.
        let single: Vec<f64> = errors.iter().map(|it| -it).collect();
        let bias = NAMES.iter().position(|it| *it == "bias").unwrap();
        let grouped: Vec<f64> = resampled.jackknife.iter().map(|it| it[bias]).collect();
        let (single, grouped) = (acceleration(&single), acceleration(&grouped));
        assert!((grouped / single - 1.0).abs() < 0.3, "{single}, {grouped}");
    }

    #[test]
    fn the_same_seed_gives_the_same_digits() {
        let points: Vec<(f64, f64)> = uniform(1, 16).into_iter().zip(uniform(2, 16)).collect();
        let cluster: Vec<usize> = (0..16).map(|row| row / 2).collect();
        let of = |seed| Uncertainty::new(&points, &cluster, Bootstrap { seed, ..few(200) });
        assert_eq!(of(1), of(1));
        assert_ne!(of(1).intervals, of(2).intervals);
        assert_eq!(of(1).n_clusters, 8);
    }

    #[test]
    fn what_cannot_be_resampled_has_a_reason() {
        let of = |points: &[(f64, f64)], n_clusters: usize| {
            let cluster: Vec<usize> = (0..points.len()).map(|row| row % n_clusters).collect();
            Uncertainty::new(points, &cluster, few(100)).get("r").unwrap().clone()
        };
        let points: Vec<(f64, f64)> = uniform(1, 30).into_iter().zip(uniform(2, 30)).collect();
        let reason = Interval::Undefined("fewer than 8 independent units to resample");
        let found = of(&points, 7);
        assert_eq!((found.percentile, found.bca, found.n_undefined), (reason, reason, 0));
        assert!(found.naive.ends().is_some());
        assert!(of(&points, 8).bca.ends().is_some());
        let flat: Vec<(f64, f64)> = points.iter().map(|(x, _)| (*x, 0.0)).collect();
        let reason = Interval::Undefined("the exact value is constant");
        assert_eq!(of(&flat, 30).percentile, reason);
        assert_eq!(of(&flat, 30).naive, reason);
        // One row of 30 differs: a third of the resamples lack it.
        let mut nearly = flat;
        nearly[5].1 = 1.0;
        let found = of(&nearly, 30);
        assert_eq!(
            found.percentile,
            Interval::Undefined("undefined in more than 5 % of the resamples")
        );
        assert!(found.n_undefined > 20 && found.n_undefined < 60, "{}", found.n_undefined);
        let nothing = of(&[], 1);
        assert_eq!(nothing.percentile, Interval::Undefined("no points"));
    }

    #[test]
    fn intervals_in_json_have_ends_or_a_reason() {
        let json = |interval: Interval| serde_json::to_string(&interval).unwrap();
        assert_eq!(json(Interval::Defined { low: 0.5, high: 1.0 }), r#"{"low":0.5,"high":1.0}"#);
        assert_eq!(
            json(Interval::Undefined("no points")),
            r#"{"low":null,"high":null,"reason":"no points"}"#
        );
    }

    #[test]
    fn quantiles_by_hand() {
        let values = [1.0, 2.0, 4.0, 8.0, 16.0];
        assert_eq!(quantile(&values, 0.0), 1.0);
        assert_eq!(quantile(&values, 0.5), 4.0);
        assert_eq!(quantile(&values, 0.625), 6.0);
        assert_eq!(quantile(&values, 1.0), 16.0);
    }

    #[test]
    fn matchings_are_counted_by_hand() {
        // Three groups in one cell, estimates 0, 1, 2 beside exact 0, 1, 5: the six sums Σ
        // (x-1)(y-2) are 5, 4, 1, -1, -4, -5; two of them are at least 5 away from 0.
        let test = Permutation::new(&[vec![(0.0, 0.0), (1.0, 1.0), (2.0, 5.0)]], 1);
        assert_eq!((test.n_groups, test.n_rows, test.n_permutations), (3, 3, 6));
        assert!(test.exhaustive);
        assert_eq!(test.p_pearson, Stat::Defined(2.0 / 6.0));
        assert_eq!(test.p_spearman, Stat::Defined(2.0 / 6.0));
        // Estimates in another order: the sum is 4, and 4, -4, 5, -5 are as far.
        let test = Permutation::new(&[vec![(0.0, 1.0), (1.0, 0.0), (2.0, 5.0)]], 1);
        assert_eq!(test.p_pearson, Stat::Defined(4.0 / 6.0));
        // Groups that are all alike: every matching is as far.
        let same = vec![(0.0, 0.0), (0.0, 0.0)];
        let other = vec![(1.0, 1.0), (1.0, 1.0)];
        let test = Permutation::new(&[same, other], 1);
        assert_eq!(test.p_pearson, Stat::Defined(1.0));
    }

    #[test]
    fn more_matchings_than_can_be_listed_are_drawn() {
        let x = uniform(5, 20);
        let follows: Vec<Vec<(f64, f64)>> =
            x.chunks(10).map(|cell| cell.iter().map(|x| (*x, 2.0 * x)).collect()).collect();
        let test = Permutation::new(&follows, 7);
        assert!(!test.exhaustive);
        assert_eq!(test.n_permutations, Permutation::DRAWN);
        assert_eq!(test.p_pearson, Stat::Defined(1.0 / 10_000.0));
        assert_eq!(test, Permutation::new(&follows, 7));
        let unrelated: Vec<Vec<(f64, f64)>> = x
            .chunks(10)
            .zip(uniform(6, 20).chunks(10))
            .map(|(x, y)| x.iter().copied().zip(y.iter().copied()).collect())
            .collect();
        let p = Permutation::new(&unrelated, 7).p_pearson.value().unwrap();
        assert!(p > 0.05, "{p}");
        assert_eq!(
            Permutation::new(&[vec![(0.0, 1.0)], vec![(1.0, 2.0)], vec![(2.0, 3.0)]], 1).p_pearson,
            Stat::Undefined("fewer than 2 topologies")
        );
    }
}
