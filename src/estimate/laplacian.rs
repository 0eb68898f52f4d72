//! Half the second eigenvalue of a similarity: what `hdc`, `hdc-limit` and `spectral` share.

/// Half the second smallest eigenvalue of the normalised Laplacian of a similarity, within [0, 1].
///
/// `L = I - D^(-1/2) S D^(-1/2)`, `S_ij = similarity(i, j)` off the diagonal and 0 on it, `D =
/// diag(row sums of S)`. `similarity` must be symmetric and not negative; it is asked for `i < j`
/// only. A unit with row sum 0 has a row of zeros in `L` (Chung 1997), so that units that fall
/// apart give 0. Fewer than two units: 0.
pub fn half_lambda2(n: usize, similarity: impl Fn(usize, usize) -> f64) -> f64 {
    let mut s = vec![vec![0.0; n]; n];
    for (i, j) in (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))) {
        let value = similarity(i, j);
        s[i][j] = value;
        s[j][i] = value;
    }
    let scale: Vec<f64> = s
        .iter()
        .map(|row| row.iter().sum::<f64>())
        .map(|sum| if sum > 0.0 { 1.0 / sum.sqrt() } else { 0.0 })
        .collect();
    for i in 0..n {
        for j in 0..n {
            let diagonal = if i == j && scale[i] > 0.0 { 1.0 } else { 0.0 };
            s[i][j] = diagonal - scale[i] * s[i][j] * scale[j];
        }
    }
    eigenvalues(s).get(1).map_or(0.0, |lambda2| (lambda2 / 2.0).clamp(0.0, 1.0))
}

/// The eigenvalues of a symmetric matrix, ascending, by Jacobi's cyclic method: rotations of two
/// axes at a time make the elements off the diagonal vanish, quadratically in the end.
fn eigenvalues(mut a: Vec<Vec<f64>>) -> Vec<f64> {
    let n = a.len();
    let size: f64 = a.iter().flatten().map(|it| it * it).sum();
    // Six to eight sweeps are usual. Rotations keep `size`, so what is left is below the precision
    // of all values.
    for _ in 0..50 {
        let off: f64 =
            (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i][j] * a[i][j]).sum();
        if off <= size * f64::EPSILON * f64::EPSILON * 1e-4 {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, p, q);
            }
        }
    }
    let mut values: Vec<f64> = (0..n).map(|i| a[i][i]).collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Turns the axes `p` and `q` so that the element `(p, q)` vanishes (Golub and Van Loan, 8.5).
fn rotate(a: &mut [Vec<f64>], p: usize, q: usize) {
    if a[p][q] == 0.0 {
        return;
    }
    let tau = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
    let t = tau.signum() / (tau.abs() + tau.hypot(1.0));
    let cos = 1.0 / t.hypot(1.0);
    let sin = t * cos;
    let change = t * a[p][q];
    a[p][p] -= change;
    a[q][q] += change;
    a[p][q] = 0.0;
    a[q][p] = 0.0;
    for k in (0..a.len()).filter(|&k| k != p && k != q) {
        let (x, y) = (a[k][p], a[k][q]);
        a[k][p] = cos * x - sin * y;
        a[k][q] = sin * x + cos * y;
        a[p][k] = a[k][p];
        a[q][k] = a[k][q];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    /// Checks matrices whose eigenvalues are known: a path of n vertices, and a complete graph with
    /// its n - 1 equal ones.
    #[test]
    fn eigenvalues_are_exact_to_the_last_digits() {
        for n in [1, 2, 3, 8, 31] {
            let matrix = |value: fn(usize, usize) -> f64| -> Vec<Vec<f64>> {
                (0..n).map(|i| (0..n).map(|j| value(i, j)).collect()).collect()
            };
            let path = matrix(|i, j| if i.abs_diff(j) == 1 { 1.0 } else { 0.0 });
            let of_path = (1..=n).rev().map(|k| 2.0 * (PI * k as f64 / (n + 1) as f64).cos());
            let complete = matrix(|i, j| if i == j { 0.0 } else { 1.0 });
            let of_complete = (0..n).map(|k| if k + 1 == n { n as f64 - 1.0 } else { -1.0 });
            for (matrix, expected) in
                [(path, of_path.collect::<Vec<_>>()), (complete, of_complete.collect())]
            {
                let found = eigenvalues(matrix);
                let is_close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-14 * n as f64;
                assert!(found.iter().zip(&expected).all(is_close), "{found:?}, not {expected:?}");
                assert_eq!(found.len(), n);
            }
        }
        assert!(eigenvalues(Vec::new()).is_empty());
    }
}
