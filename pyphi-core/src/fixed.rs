//! Fixed-point numbers: how the engine compares, adds and minimises.
//!
//! Repertoires are computed in floating point, then placed on a grid of 2⁻⁵⁶ (1.4e-17, finer than a
//! float near 1). From there on every sum, every transport problem and every comparison is integer
//! arithmetic: no result depends on the order in which it was added up, which solution of a
//! degenerate problem a solver happened to find, or how the work was spread over threads. Placing
//! one entry on the grid moves it by at most 2⁻⁵⁷, so a φ over a purview of k units moves by at
//! most k·2ᵏ·2⁻⁵⁷ (7e-14 at k = 10).

/// A number in units of 2⁻⁵⁶. Probabilities, φ values and distances, all at most a few dozen.
pub(crate) type Fixed = i64;

/// 1 as a [`Fixed`].
pub(crate) const ONE: Fixed = 1 << 56;

/// Masses of the transport between structures and its distances are in units of 2⁻⁵⁰: φ values add
/// up.
pub(crate) const COARSE_SHIFT: u32 = 6;
/// 1 on the coarse grid.
pub(crate) const COARSE_ONE: i64 = ONE >> COARSE_SHIFT;

/// The nearest point of the grid, of a number that is not negative.
#[inline]
pub(crate) fn to_fixed(value: f64) -> Fixed {
    debug_assert!(value >= 0.0);
    (value * ONE as f64 + 0.5) as Fixed
}

/// The value of a grid point.
#[inline]
pub(crate) fn to_f64(value: Fixed) -> f64 {
    value as f64 / ONE as f64
}

/// Rounds a value on the fine grid to the nearest on the coarse one. Monotone, so bounds stay
/// bounds.
#[inline]
pub(crate) fn to_coarse(value: Fixed) -> i64 {
    (value + (1 << (COARSE_SHIFT - 1))) >> COARSE_SHIFT
}

/// The value of a product of a coarse mass and a coarse distance.
#[inline]
pub(crate) fn cost_to_f64(cost: i128) -> f64 {
    cost as f64 / (COARSE_ONE as f64 * COARSE_ONE as f64)
}

/// Places a distribution on the grid so that it sums to exactly [`ONE`]: what rounding left over
/// goes to the largest entry, the first of them if several are equal.
#[inline]
pub(crate) fn place_distribution(distribution: &[f64], out: &mut [Fixed]) {
    let mut sum = 0;
    let (mut largest, mut most) = (0, f64::NEG_INFINITY);
    for (idx, (&p, cell)) in distribution.iter().zip(out.iter_mut()).enumerate() {
        *cell = probability_to_fixed(p);
        sum += *cell;
        if p > most {
            (largest, most) = (idx, p);
        }
    }
    out[largest] += ONE - sum;
}

/// As [`to_fixed`], of a number of at most 1.
#[inline]
fn probability_to_fixed(p: f64) -> Fixed {
    debug_assert!((0.0..2.0).contains(&p));
    let scaled = p * ONE as f64 + 0.5;
    let scaled = if scaled > 0.0 { scaled } else { 0.0 };
    let scaled = if scaled < 2.0 * ONE as f64 { scaled } else { 2.0 * ONE as f64 };
    // SAFETY: a number between 0 and 2⁵⁷: what is not a number became 0. (A cast with `as` asks
    // again, which takes longer than all the rest.)
    unsafe { scaled.to_int_unchecked() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placed_distribution_sums_to_one() {
        let thirds = [1.0 / 3.0; 3];
        let mut cells = [0; 3];
        place_distribution(&thirds, &mut cells);
        assert_eq!(cells.iter().sum::<Fixed>(), ONE);
        assert!(cells.iter().all(|&cell| (to_f64(cell) - 1.0 / 3.0).abs() < 1e-16));
    }

    #[test]
    fn coarse_is_monotone() {
        let fine = [0, 31, 32, 33, 95, 96, ONE];
        assert!(fine.windows(2).all(|pair| to_coarse(pair[0]) <= to_coarse(pair[1])));
        assert_eq!(to_coarse(ONE), COARSE_ONE);
    }
}
