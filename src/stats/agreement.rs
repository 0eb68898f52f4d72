//! The agreement of several estimates with the same exact values, by which they are ranked.
//!
//! Pooled over networks of several sizes, two columns that both grow with the size agree whatever
//! else they do; so there is an agreement with the size taken out ([`Agreement::given_n`]). An
//! estimate that does not know the state is one number for all states of a network; so there is an
//! agreement per network ([`Agreement::peak`]). Networks with Φ = 0 or Φ = 1 are often trivial
//! (nothing is integrated; a ring of copies), so there is one without them.
//!
//! States of one network are not independent, so the bootstrap resamples networks.

use serde::Serialize;

use crate::model::seeded::SeededStream;
use crate::stats::statistics::{Moments, SAME, Stat, Statistics, pearson, ranks, spearman};

/// A comparison, as it counts here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Compared {
    /// The exact value.
    pub exact: f64,
    /// The number of units.
    pub n: usize,
    /// The network: the same number for all its states.
    pub network: usize,
}

/// The agreement of one estimate with the exact values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// The comparisons.
    pub n_rows: usize,
    /// Pearson's r.
    pub r: Stat,
    /// The interval of r: the 2.5th and 97.5th percentile over resampled networks; `None` where r
    /// is not defined in all resamples.
    pub r_interval: Option<(f64, f64)>,
    /// Spearman's ρ.
    pub rho: Stat,
    /// The root of the mean squared error.
    pub rmse: Stat,
    /// The mean absolute error.
    pub mae: Stat,
    /// Spearman's ρ with the number of units taken out: the partial correlation of the ranks.
    pub given_n: Stat,
    /// The area under the ROC curve: the share of the pairs of one row with Φ > 0 and one with Φ =
    /// 0 in which the estimate is larger for the first. A tie counts half.
    pub auc: Stat,
    /// Without the comparisons whose exact value is 0 or 1: how many are left, r and ρ.
    pub nontrivial: (usize, Stat, Stat),
    /// Per network, the largest estimate against the largest exact value: networks, r and ρ.
    pub peak: (usize, Stat, Stat),
    /// Per network, the mean of both.
    pub mean: (usize, Stat, Stat),
    /// The share of the resamples in which its r is the largest of all estimates.
    pub is_first: f64,
}

/// The purpose of the streams that networks are resampled from; the number is the resample.
pub const PURPOSE: &str = "phi-validation resampled networks v1";
/// The resamples.
pub const N_RESAMPLES: usize = 1_000;

/// The agreement of each of several estimates with the same exact values.
///
/// # Panics
/// If an estimate has another number of values than there are comparisons, or one is not finite.
pub fn agreements(compared: &[Compared], estimates: &[Vec<f64>]) -> Vec<Agreement> {
    let exact: Vec<f64> = compared.iter().map(|it| it.exact).collect();
    let resampled = resampled(compared, estimates, &exact);
    let of = |(estimate, Resampled { interval, is_first }): (&Vec<f64>, Resampled)| {
        let points: Vec<(f64, f64)> = estimate.iter().copied().zip(exact.iter().copied()).collect();
        let all = Statistics::new(&points);
        let is_trivial = |it: f64| it <= SAME || (it - 1.0).abs() <= SAME;
        let nontrivial: Vec<(f64, f64)> =
            points.iter().copied().filter(|(_, exact)| !is_trivial(*exact)).collect();
        Agreement {
            n_rows: points.len(),
            r: all.pearson.coefficient,
            r_interval: interval,
            rho: all.spearman.coefficient,
            rmse: all.rmse,
            mae: all.mae,
            given_n: given_n(compared, estimate, &exact),
            auc: auc(&points),
            nontrivial: correlations(&nontrivial),
            peak: correlations(&per_network(compared, estimate, |values| {
                values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
            })),
            mean: correlations(&per_network(compared, estimate, |values| {
                values.iter().sum::<f64>() / values.len() as f64
            })),
            is_first,
        }
    };
    estimates.iter().zip(resampled).map(of).collect()
}

/// Number of points, r and ρ.
fn correlations(points: &[(f64, f64)]) -> (usize, Stat, Stat) {
    let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    (points.len(), pearson(&x, &y).coefficient, spearman(&x, &y).coefficient)
}

/// For each network its estimates and its exact values, each as one number.
fn per_network(
    compared: &[Compared],
    estimate: &[f64],
    one: impl Fn(&[f64]) -> f64,
) -> Vec<(f64, f64)> {
    let n_networks = compared.iter().map(|it| it.network + 1).max().unwrap_or(0);
    let mut values = vec![(Vec::new(), Vec::new()); n_networks];
    for (it, estimate) in compared.iter().zip(estimate) {
        values[it.network].0.push(*estimate);
        values[it.network].1.push(it.exact);
    }
    values.retain(|it| !it.0.is_empty());
    values.iter().map(|(estimates, exact)| (one(estimates), one(exact))).collect()
}

/// The partial correlation of the ranks: (r_xy - r_xz r_yz) / √((1 - r_xz²)(1 - r_yz²)).
fn given_n(compared: &[Compared], estimate: &[f64], exact: &[f64]) -> Stat {
    let sizes: Vec<f64> = compared.iter().map(|it| it.n as f64).collect();
    let xy = spearman(estimate, exact).coefficient;
    let Stat::Defined(xy) = xy else { return xy };
    let (Stat::Defined(xz), Stat::Defined(yz)) =
        (spearman(estimate, &sizes).coefficient, spearman(exact, &sizes).coefficient)
    else {
        // There is but one size: nothing is to be taken out.
        return Stat::Defined(xy);
    };
    let left = (1.0 - xz * xz) * (1.0 - yz * yz);
    if left <= 1e-12 {
        return Stat::Undefined("the number of units decides a column");
    }
    Stat::Defined(((xy - xz * yz) / left.sqrt()).clamp(-1.0, 1.0))
}

fn auc(points: &[(f64, f64)]) -> Stat {
    let estimates: Vec<f64> = points.iter().map(|it| it.0).collect();
    let is_positive = |it: &(f64, f64)| it.1 > SAME;
    let n_positive = points.iter().filter(|it| is_positive(it)).count();
    let n_zero = points.len() - n_positive;
    if n_positive == 0 || n_zero == 0 {
        return Stat::Undefined("all exact values are 0, or none is");
    }
    let of_positive = ranks(&estimates).into_iter().zip(points).filter(|(_, it)| is_positive(it));
    let sum: f64 = of_positive.map(|(rank, _)| rank).sum();
    let least = n_positive as f64 * (n_positive as f64 + 1.0) / 2.0;
    Stat::Defined((sum - least) / (n_positive as f64 * n_zero as f64))
}

/// The results of the resamples for one estimate; see [`Agreement`].
struct Resampled {
    interval: Option<(f64, f64)>,
    is_first: f64,
}

/// Returns for each estimate the interval of r, and how often its r is the largest. All estimates
/// are judged on the same resamples.
fn resampled(compared: &[Compared], estimates: &[Vec<f64>], exact: &[f64]) -> Vec<Resampled> {
    let n_networks = compared.iter().map(|it| it.network + 1).max().unwrap_or(0);
    let mut found = vec![Vec::with_capacity(N_RESAMPLES); estimates.len()];
    let mut first = vec![0.0; estimates.len()];
    for resample in 0..N_RESAMPLES {
        let mut stream = SeededStream::new(PURPOSE, &[resample as u64]);
        let mut counts = vec![0.0; n_networks];
        for _ in 0..n_networks {
            let draw = u128::from(stream.next_u64()) * n_networks as u128;
            counts[(draw >> 64) as usize] += 1.0;
        }
        let weights: Vec<f64> = compared.iter().map(|it| counts[it.network]).collect();
        let all = estimates.iter().map(|it| Moments::weighted(it, exact, &weights).correlation());
        let all: Vec<f64> = all.collect();
        let best = all.iter().copied().filter(|it| it.is_finite()).fold(f64::NAN, f64::max);
        let is_best = |it: f64| it >= best - SAME;
        let n_best = all.iter().filter(|it| is_best(**it)).count().max(1);
        for ((r, found), first) in all.iter().zip(&mut found).zip(&mut first) {
            *first += f64::from(u8::from(is_best(*r))) / n_best as f64 / N_RESAMPLES as f64;
            if r.is_finite() {
                found.push(*r);
            }
        }
    }
    let ends = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| values[(share * (values.len() - 1) as f64).round() as usize];
        (values.len() == N_RESAMPLES).then(|| (at(0.025), at(0.975)))
    };
    let one = |(interval, is_first)| Resampled { interval, is_first };
    found.into_iter().map(ends).zip(first).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(exact: &[f64], n: &[usize], network: &[usize]) -> Vec<Compared> {
        let all = exact.iter().zip(n).zip(network);
        all.map(|((exact, n), network)| Compared { exact: *exact, n: *n, network: *network })
            .collect()
    }

    fn value(stat: Stat) -> f64 {
        stat.value().unwrap()
    }

    #[test]
    fn what_grows_with_the_size_alone_does_not_agree_within_a_size() {
        let rows =
            compared(&[1.0, 2.0, 3.0, 11.0, 12.0, 13.0], &[3, 3, 3, 4, 4, 4], &[0, 1, 2, 3, 4, 5]);
        let size = vec![2.0, 1.9, 2.1, 5.0, 5.1, 4.9];
        let inside = vec![1.0, 2.0, 3.0, 1.1, 2.1, 3.1];
        let [size, inside] = &agreements(&rows, &[size, inside])[..] else { panic!() };
        assert!(value(size.r) > 0.95 && value(size.given_n).abs() < 0.2, "{size:?}");
        assert!(value(inside.r) < 0.3 && value(inside.given_n) > 0.9, "{inside:?}");
    }

    /// Ranks of 0, 3 | 1, 2, 5: of the six pairs (Φ > 0, Φ = 0), 4 are in order.
    #[test]
    fn the_area_under_the_curve_counts_pairs() {
        let of = |estimates: &[f64], exact: &[f64]| {
            let points: Vec<(f64, f64)> =
                estimates.iter().copied().zip(exact.iter().copied()).collect();
            auc(&points)
        };
        let exact = [0.0, 0.0, 0.5, 0.5, 2.0];
        assert_eq!(value(of(&[0.0, 3.0, 1.0, 2.0, 5.0], &exact)), 4.0 / 6.0);
        assert_eq!(value(of(&[1.0; 5], &exact)), 0.5);
        assert!(of(&[1.0, 2.0], &[0.0, 0.0]).value().is_none());
    }

    #[test]
    fn states_of_a_network_become_one_number() {
        let rows = compared(&[1.0, 3.0, 0.0, 1.0, 2.0, 9.0], &[3; 6], &[0, 0, 1, 1, 1, 2]);
        let estimate = [5.0, 5.0, 1.0, 1.0, 1.0, 8.0];
        let most = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert_eq!(per_network(&rows, &estimate, most), [(5.0, 3.0), (1.0, 2.0), (8.0, 9.0)]);
        let [it] = &agreements(&rows, &[estimate.to_vec()])[..] else { panic!() };
        assert!(it.peak.0 == 3 && (value(it.peak.2) - 1.0).abs() < 1e-9, "{it:?}");
        // Without Φ = 0 and Φ = 1: three rows of three networks.
        assert!(it.nontrivial.0 == 3 && (value(it.nontrivial.2) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_best_estimate_ranks_first_and_ties_share() {
        let exact: Vec<f64> = (0..40).map(|it| f64::from(it % 7)).collect();
        let networks: Vec<usize> = (0..40).collect();
        let rows = compared(&exact, &[3; 40], &networks);
        let bad: Vec<f64> = (0..40).map(|it| f64::from(it % 5)).collect();
        let same: Vec<f64> = exact.iter().map(|it| 2.0 * it + 1.0).collect();
        let constant = vec![1.0; 40];
        let found = agreements(&rows, &[exact.clone(), same, bad, constant]);
        let first: Vec<f64> = found.iter().map(|it| it.is_first).collect();
        assert!((first[0] - 0.5).abs() < 1e-9 && (first[1] - 0.5).abs() < 1e-9, "{first:?}");
        assert_eq!(first[2..], [0.0, 0.0]);
        let (low, high) = found[2].r_interval.unwrap();
        let r = value(found[2].r);
        assert!(low < r && r < high && high - low < 0.9, "{low} {r} {high}");
        assert!(found[3].r_interval.is_none() && found[3].r.value().is_none());
    }
}
