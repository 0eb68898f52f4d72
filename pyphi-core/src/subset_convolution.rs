//! Ways to divide two sets among blocks so that the sum of what the blocks cost is least: the inner
//! loops of every search over partitions of a mechanism together with a purview.
//!
//! A row has an entry for each set of purview units, at the number whose bits are the units. Rows
//! are of one length, which is a power of two.

use crate::limits::steps;
use crate::unit_set::submasks;

/// The smaller of two numbers; unlike `f64::min` one instruction, as neither is NaN here.
#[inline]
pub(crate) fn smaller(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// `row[q]` becomes the smallest entry over the subsets of q.
pub(crate) fn least_of_subsets(row: &mut [f64]) {
    let mut bit = 1;
    while bit < row.len() {
        for pair in row.chunks_exact_mut(2 * bit) {
            let (without, with) = pair.split_at_mut(bit);
            with.iter_mut().zip(without).for_each(|(a, b)| *a = smaller(*a, *b));
        }
        bit *= 2;
    }
}

/// `row[p]` becomes at most `g[q] + h[p - q]` for every q ⊆ p: the subset convolution of (min, +).
/// Four sets at a time, those of the two lowest units.
pub(crate) fn divide(g: &[f64], h: &[f64], row: &mut [f64]) {
    if let ([g0, g1], [h0, h1], [row0, row1]) = (g, h, &mut *row) {
        *row0 = smaller(*row0, g0 + h0);
        *row1 = smaller(*row1, smaller(g0 + h1, g1 + h0));
        return;
    }
    let (g, h) = (g.as_chunks::<4>().0, h.as_chunks::<4>().0);
    for (p, least) in row.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let mut now = *least;
        let mut q = p;
        loop {
            let ([g0, g1, g2, g3], [h0, h1, h2, h3]) = (g[q], h[p ^ q]);
            now[0] = smaller(now[0], g0 + h0);
            now[1] = smaller(now[1], smaller(g0 + h1, g1 + h0));
            now[2] = smaller(now[2], smaller(g0 + h2, g2 + h0));
            now[3] = smaller(now[3], smaller(smaller(g0 + h3, g3 + h0), smaller(g1 + h2, g2 + h1)));
            if q == 0 {
                break;
            }
            q = (q - 1) & p;
        }
        *least = now;
    }
}

/// The blocks that a least sum is of: m's lowest unit is in the first one, with the units of p that
/// it keeps, and so on. `cost` has the row of a block, `least` that of all mechanism units which
/// are still to be divided.
pub(crate) fn trace<'a>(
    mut m: usize,
    mut p: usize,
    cost: impl Fn(usize) -> &'a [f64],
    least: impl Fn(usize) -> &'a [f64],
    blocks: &mut Vec<(u32, u32)>,
) {
    while m != 0 {
        let lowest = m & m.wrapping_neg();
        let mut smallest = f64::INFINITY;
        let mut next = (0, 0);
        steps(1 << ((m ^ lowest).count_ones() + p.count_ones()));
        for rest in submasks((m ^ lowest) as u32) {
            let rest = rest as usize;
            let (g, h) = (cost(m ^ rest), least(rest));
            for q in submasks(p as u32) {
                let q = q as usize;
                let value = g[q] + h[p ^ q];
                if value < smallest {
                    (smallest, next) = (value, (rest, q));
                }
            }
        }
        blocks.push(((m ^ next.0) as u32, next.1 as u32));
        (m, p) = (next.0, p ^ next.1);
    }
}
