//! Cause and effect repertoires: what a mechanism in its state says about a purview.
//!
//! A repertoire is a dense table over the purview's states. It is non-negative and sums to 1. This
//! module never sees a partition: `mip` multiplies the tables made here.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::emd::EmdSolver;
use crate::fixed::{Fixed, place_distribution, to_f64};
use crate::limits::steps;
use crate::tables::{SAFE_SUM, Tables, Wiring};
use crate::unit_set::{UnitSet, bits, extract};
use crate::wide::{Wide, to_common_scale};

/// Causes or effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// About the past: which previous states could have led here.
    Cause,
    /// About the future: which next states follow from here.
    Effect,
}

/// A distribution over the states of a purview (Oizumi et al. 2014, Text S2).
#[derive(Debug, Clone, PartialEq)]
pub struct Repertoire {
    /// The units the distribution is over, in the numbering of the network.
    pub purview: UnitSet,
    /// A probability for each state of the purview, its first unit fastest (of binary units bit i
    /// of the index is the i-th unit).
    pub probabilities: Vec<f64>,
}

impl Repertoire {
    /// Earth mover's distance to another repertoire over the same purview of units with two values,
    /// in expected bit flips.
    ///
    /// `min Σ f(x, y)·h(x, y)` over flows f ≥ 0 with row sums `self` and column sums `other`; h is
    /// the Hamming distance. Exact on a grid of 2⁻⁵⁶, on which both are placed first.
    ///
    /// ```
    /// use pyphi_core::{Repertoire, UnitSet};
    ///
    /// let purview = UnitSet::all(2);
    /// let over = |it: [f64; 4]| Repertoire { purview, probabilities: it.to_vec() };
    /// let both_equal = over([0.5, 0.0, 0.0, 0.5]);
    /// let both_differ = over([0.0, 0.5, 0.5, 0.0]);
    /// // The units have the same marginals, yet one flips.
    /// assert_eq!(both_equal.emd(&both_differ), 1.0);
    /// ```
    ///
    /// # Panics
    /// If the purviews differ, or a repertoire has not one entry for each state of its purview.
    pub fn emd(&self, other: &Repertoire) -> f64 {
        assert_eq!(self.purview, other.purview, "repertoires over different purviews");
        let place = |repertoire: &Repertoire| {
            let probabilities = &repertoire.probabilities;
            assert_eq!(
                probabilities.len(),
                1 << repertoire.purview.len(),
                "entries of a repertoire"
            );
            let mut placed = vec![0; probabilities.len()];
            place_distribution(probabilities, &mut placed);
            placed
        };
        to_f64(EmdSolver::default().distance(&place(self), &place(other)))
    }
}

/// The buffers that repertoires are made in; one per thread.
#[derive(Debug, Default)]
pub(crate) struct RepertoireScratch {
    index: Vec<u16>,
    other_index: Vec<u16>,
    fold: Vec<f64>,
}

/// The cause repertoire of `mechanism` over `purview`, into `out`, which has `2^|purview|` entries.
///
/// Proportional to the product over the units of the mechanism of P(unit = its state | purview = z,
/// its other inputs uniform): every factor is averaged over the inputs outside the purview by
/// itself.
pub(crate) fn cause_repertoire(
    tables: &Tables,
    wiring: &Wiring,
    mechanism: u32,
    purview: u32,
    scratch: &mut RepertoireScratch,
    out: &mut [f64],
) {
    let k = purview.count_ones();
    debug_assert_eq!(out.len(), 1 << k);
    steps((mechanism.count_ones() as usize + 2) << k);
    match k {
        0 => return out[0] = 1.0,
        1 => return small_cause_repertoire::<2>(tables, wiring, mechanism, purview, out),
        2 => return small_cause_repertoire::<4>(tables, wiring, mechanism, purview, out),
        3 => return small_cause_repertoire::<8>(tables, wiring, mechanism, purview, out),
        4 => return small_cause_repertoire::<16>(tables, wiring, mechanism, purview, out),
        _ => out.fill(1.0),
    }
    for j in bits(mechanism) {
        let known = purview & wiring.inputs[j];
        if known == 0 {
            // A constant factor, and not 0, since the state is reachable.
            continue;
        }
        let table = tables.cause(j, known);
        if known == purview {
            out.iter_mut().zip(table).for_each(|(p, factor)| *p *= factor);
        } else {
            let known = extract(known, purview);
            if let Some(index) = SPREAD.get(known as usize).filter(|_| k <= SPREAD_UNITS) {
                out.iter_mut().zip(index).for_each(|(p, &idx)| *p *= table[idx as usize]);
            } else {
                spread_index(known, k, &mut scratch.index);
                out.iter_mut().zip(&scratch.index).for_each(|(p, &idx)| *p *= table[idx as usize]);
            }
        }
    }
    let mut sum: f64 = out.iter().sum();
    if sum < SAFE_SUM {
        sum = products_of_tiny_factors(tables, wiring, mechanism, purview, out);
    }
    out.iter_mut().for_each(|p| *p /= sum);
}

/// As [`cause_repertoire`], by the same operations, over `N` states: loops of known length are
/// unrolled.
fn small_cause_repertoire<const N: usize>(
    tables: &Tables,
    wiring: &Wiring,
    mechanism: u32,
    purview: u32,
    out: &mut [f64],
) {
    let mut products = [1.0; N];
    for j in bits(mechanism) {
        let known = purview & wiring.inputs[j];
        if known == 0 {
            continue;
        }
        let table = tables.cause(j, known);
        if known == purview {
            products.iter_mut().zip(table).for_each(|(product, factor)| *product *= factor);
            continue;
        }
        let index = &SPREAD[extract(known, purview) as usize];
        for (product, &idx) in products.iter_mut().zip(index) {
            *product *= table[usize::from(idx)];
        }
    }
    let mut sum: f64 = products.iter().sum();
    if sum < SAFE_SUM {
        sum = products_of_tiny_factors(tables, wiring, mechanism, purview, &mut products);
    }
    out.iter_mut().zip(products).for_each(|(p, product)| *p = product / sum);
}

/// The products of [`cause_repertoire`], all multiplied by the same number, where they are so small
/// that floats lose some of them; and their sum. It is not 0, since the state is reachable.
#[cold]
fn products_of_tiny_factors(
    tables: &Tables,
    wiring: &Wiring,
    mechanism: u32,
    purview: u32,
    out: &mut [f64],
) -> f64 {
    let products: Vec<Wide> = (0..1u32 << purview.count_ones())
        .map(|z| {
            let known_of = |j: usize| purview & wiring.inputs[j];
            bits(mechanism).filter(|&j| known_of(j) != 0).fold(Wide::ONE, |product, j| {
                let known = known_of(j);
                let part = extract(z, extract(known, purview)) as usize;
                product.times(Wide::new(tables.cause(j, known)[part], 0))
            })
        })
        .collect();
    let mut scaled = Vec::new();
    to_common_scale(&products, &mut scaled);
    out.copy_from_slice(&scaled);
    let sum = out.iter().sum();
    debug_assert!(sum > 0.0, "a mechanism in a reachable state has a cause");
    sum
}

/// The most units whose [`spread_index`] is tabulated.
const SPREAD_UNITS: u32 = 5;

/// [`spread_index`] by subset.
static SPREAD: [[u8; 1 << SPREAD_UNITS]; 1 << SPREAD_UNITS] = spread();

const fn spread() -> [[u8; 1 << SPREAD_UNITS]; 1 << SPREAD_UNITS] {
    let mut all = [[0; 1 << SPREAD_UNITS]; 1 << SPREAD_UNITS];
    let mut entry = 0;
    while entry < 1 << (2 * SPREAD_UNITS) {
        let (subset, z) = (entry >> SPREAD_UNITS, entry & ((1 << SPREAD_UNITS) - 1));
        let (mut unit, mut place) = (0, 0);
        while unit < SPREAD_UNITS {
            if subset >> unit & 1 == 1 {
                all[subset][z] |= ((z >> unit & 1) << place) as u8;
                place += 1;
            }
            unit += 1;
        }
        entry += 1;
    }
    all
}

/// For every state of k units, the index of its part in `subset`: `index[z] = extract(z, subset)`.
fn spread_index(subset: u32, k: u32, index: &mut Vec<u16>) {
    index.clear();
    index.push(0);
    let mut next = 1u16;
    for bit in 0..k {
        let added = if subset >> bit & 1 == 1 {
            let added = next;
            next <<= 1;
            added
        } else {
            0
        };
        index.extend_from_within(..);
        let half = index.len() / 2;
        index[half..].iter_mut().for_each(|idx| *idx |= added);
    }
}

/// The probability that each unit of the purview is ON, written to `lanes` at the unit's number.
pub(crate) fn marginals(
    repertoire: &[f64],
    purview: u32,
    scratch: &mut RepertoireScratch,
    lanes: &mut [f64],
) {
    match repertoire.len() {
        2 => return small_marginals::<2>(repertoire, purview, lanes),
        4 => return small_marginals::<4>(repertoire, purview, lanes),
        8 => return small_marginals::<8>(repertoire, purview, lanes),
        16 => return small_marginals::<16>(repertoire, purview, lanes),
        _ => {}
    }
    let fold = &mut scratch.fold;
    fold.clear();
    fold.extend_from_slice(repertoire);
    // From the highest unit down: its ON half, then both halves added.
    let mut units = purview;
    while units != 0 {
        let unit = 31 - units.leading_zeros();
        units &= !(1 << unit);
        let half = fold.len() / 2;
        let (off, on) = fold.split_at_mut(half);
        lanes[unit as usize] = on.iter().sum();
        off.iter_mut().zip(on.iter()).for_each(|(a, b)| *a += b);
        fold.truncate(half);
    }
}

/// As [`marginals`], by the same operations, over `N` states.
fn small_marginals<const N: usize>(repertoire: &[f64], mut units: u32, lanes: &mut [f64]) {
    let mut fold = [0.0; N];
    fold.copy_from_slice(repertoire);
    let mut half = N / 2;
    while half > 0 {
        let unit = 31 - units.leading_zeros();
        units &= !(1 << unit);
        let (off, on) = fold.split_at_mut(half);
        lanes[unit as usize] = on[..half].iter().sum();
        off.iter_mut().zip(on).for_each(|(a, b)| *a += *b);
        half /= 2;
    }
}

/// The distribution in which the units of `purview` are independent, unit j being ON with `on[j]`.
pub(crate) fn product_repertoire(on: &[f64], purview: u32, out: &mut Vec<f64>) {
    out.clear();
    out.push(1.0);
    for unit in bits(purview) {
        out.extend_from_within(..);
        let half = out.len() / 2;
        let p = on[unit];
        out[..half].iter_mut().for_each(|it| *it *= 1.0 - p);
        out[half..].iter_mut().for_each(|it| *it *= p);
    }
}

/// The probability that each unit is ON given `mechanism`: what an effect repertoire is made of.
pub(crate) fn effect_on(tables: &Tables, wiring: &Wiring, mechanism: u32) -> SmallVec<[f64; 8]> {
    (0..tables.n).map(|j| tables.effect_on(wiring.seen_by(j, mechanism))[j]).collect()
}

/// Multiplies two distributions over disjoint sets of units into one over their union.
pub(crate) fn multiply(
    first: &[f64],
    first_units: u32,
    second: &[f64],
    purview: u32,
    scratch: &mut RepertoireScratch,
    out: &mut Vec<f64>,
) {
    let first_in = extract(first_units, purview);
    let k = purview.count_ones();
    let second_in = !first_in & ((1u32 << k) - 1);
    out.clear();
    if first_in == 0 {
        out.extend(second.iter().map(|q| first[0] * q));
    } else if second_in == 0 {
        out.extend(first.iter().map(|p| p * second[0]));
    } else if k <= SPREAD_UNITS {
        let (i, j) = (&SPREAD[first_in as usize], &SPREAD[second_in as usize]);
        let both = i.iter().zip(j).take(1 << k);
        out.extend(both.map(|(&i, &j)| first[usize::from(i)] * second[usize::from(j)]));
    } else {
        let RepertoireScratch { index: i, other_index: j, .. } = scratch;
        spread_index(first_in, k, i);
        spread_index(second_in, k, j);
        out.extend(i.iter().zip(j.iter()).map(|(&i, &j)| first[i as usize] * second[j as usize]));
    }
}

/// As [`multiply`], by the same operations, over `N` states; placed on the grid. `first_in` are the
/// units of the first factor among those of the product.
#[inline(always)]
pub(crate) fn placed_product<const N: usize>(
    first: &[f64],
    first_in: u32,
    second: &[f64],
) -> [Fixed; N] {
    let i = &SPREAD[first_in as usize % N];
    let j = &SPREAD[!first_in as usize % N];
    let mut product = [0.0; N];
    for ((product, &i), &j) in product.iter_mut().zip(i).zip(j) {
        *product = first[usize::from(i)] * second[usize::from(j)];
    }
    let mut placed = [0; N];
    place_distribution(&product, &mut placed);
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_and_marginals_are_inverse() {
        let on = [0.25, 0.5, 0.75];
        let mut repertoire = Vec::new();
        product_repertoire(&on, 0b101, &mut repertoire);
        assert_eq!(repertoire, [0.1875, 0.0625, 0.5625, 0.1875]);
        let mut lanes = [0.0; 3];
        marginals(&repertoire, 0b101, &mut RepertoireScratch::default(), &mut lanes);
        assert_eq!(lanes, [0.25, 0.0, 0.75]);
    }

    #[test]
    fn tabulated_indices_are_those_that_are_made() {
        let mut index = Vec::new();
        for (subset, tabulated) in SPREAD.iter().enumerate() {
            spread_index(subset as u32, SPREAD_UNITS, &mut index);
            assert!(index.iter().zip(tabulated).all(|(&a, &b)| a == u16::from(b)), "{subset:b}");
        }
    }

    #[test]
    fn multiply_interleaves_the_units() {
        let mut out = Vec::new();
        // Units 0 and 2 in the first factor, unit 1 in the second.
        let mut scratch = RepertoireScratch::default();
        multiply(&[0.1, 0.2, 0.3, 0.4], 0b101, &[0.5, 0.5], 0b111, &mut scratch, &mut out);
        assert_eq!(out, [0.05, 0.1, 0.05, 0.1, 0.15, 0.2, 0.15, 0.2]);
        let mut placed = [0; 8];
        place_distribution(&out, &mut placed);
        assert_eq!(placed_product::<8>(&[0.1, 0.2, 0.3, 0.4], 0b101, &[0.5, 0.5]), placed);
    }
}
