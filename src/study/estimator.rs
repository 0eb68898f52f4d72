//! Cheap estimates of Φ, and the registry in which a study finds them by name.
//!
//! An [`Estimator`] is a pure function of a network and a seed. The three here follow one idea:
//! weigh each pair of units by a similarity, and take the second smallest eigenvalue of the
//! normalised Laplacian of those weights, halved, as the estimate. It is 0 if the units fall apart
//! into unrelated groups and grows with how hard they are to separate.
//!
//! To add one, implement the trait and register it:
//!
//! ```
//! use phi_validation::study::estimator::{Estimator, Registry};
//! use phi_validation::model::network::Network;
//!
//! /// Edges per pair of units.
//! struct Density;
//!
//! impl Estimator for Density {
//!     fn name(&self) -> &str {
//!         "density"
//!     }
//!     fn summary(&self) -> &str {
//!         "edges per pair of units"
//!     }
//!     fn estimate(&self, network: &Network, _seed: u64) -> f64 {
//!         let n = network.n_units();
//!         network.graph().edges().len() as f64 / (n * (n - 1) / 2) as f64
//!     }
//! }
//!
//! let registry = Registry::default().with(Density);
//! assert_eq!(registry.names(), ["hdc", "hdc-limit", "spectral", "density"]);
//! assert!(registry.get("density").is_ok());
//! ```
//!
//! [`cli::main`](crate::cli::main) takes such a registry; a copy of `examples/pyphi_validation.rs`
//! with one more line is a program that knows the new estimator.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Error;
use crate::model::network::Network;
use crate::model::seeded::{SeededStream, symmetric_unit};
use crate::model::topology::Graph;

/// A cheap estimate of Φ.
pub trait Estimator: Send + Sync {
    /// The name by which a study asks for it: lower case, digits and hyphens.
    fn name(&self) -> &str;

    /// What it is, in a few words for `--help`.
    fn summary(&self) -> &str;

    /// The estimate for `network`; a finite number.
    ///
    /// It must depend on the arguments only, on every platform alike to about 1e-12: a resumed
    /// study computes it again and compares.
    fn estimate(&self, network: &Network, seed: u64) -> f64;
}

/// The estimators a study can choose from. `Registry::default()` holds those of this module.
pub struct Registry {
    estimators: Vec<Box<dyn Estimator>>,
}

impl Default for Registry {
    fn default() -> Registry {
        Registry { estimators: Vec::new() }.with(Hdc::default()).with(HdcLimit).with(Spectral)
    }
}

impl Registry {
    /// This registry and one estimator more.
    ///
    /// # Panics
    /// If the name is taken: a mistake in the program that registers it.
    pub fn with(mut self, estimator: impl Estimator + 'static) -> Registry {
        let name = estimator.name();
        assert!(!self.names().contains(&name), "two estimators of the name {name:?}");
        self.estimators.push(Box::new(estimator));
        self
    }

    /// All names, in the order of registration.
    pub fn names(&self) -> Vec<&str> {
        self.iter().map(Estimator::name).collect()
    }

    /// The estimators, in the order of registration.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Estimator> {
        self.estimators.iter().map(Box::as_ref)
    }

    /// The estimator of this name.
    ///
    /// # Errors
    /// If there is none; the message names those that there are.
    pub fn get(&self, name: &str) -> Result<&dyn Estimator, Error> {
        self.iter().find(|it| it.name() == name).ok_or_else(|| Error::UnknownName {
            what: "estimator",
            name: name.to_owned(),
            known: self.names().join(", "),
        })
    }
}

/// Φ_HDC: similarities of random high-dimensional vectors that encode each unit's neighbourhood.
///
/// Every unit `i` has a vector `v_i` of [`Hdc::dimension`] reals, uniform in [-1, 1). Binding two
/// vectors is their elementwise product, bundling some is their elementwise mean; unit `i` is
/// represented by `r_i`, the bundle of `v_i` bound with each neighbour's vector. The similarity of
/// units is `S_ij = (1 + cos(r_i, r_j)) / 2`, and the estimate is [`half_lambda2`] of it. A unit
/// without neighbours has no representation; its cosine with any other counts as 0.
///
/// The vector of unit `i` under a seed is fixed for ever: it reads the
/// [`SeededStream`] with purpose [`Hdc::PURPOSE`] and the numbers seed, `i`, 8 bytes (lowest first)
/// an entry, each turned into a real by [`symmetric_unit`].
pub struct Hdc {
    dimension: usize,
    /// All topologies and sizes under a seed share their unit vectors.
    vectors: Mutex<UnitVectors>,
}

/// Unit vectors by (seed, unit).
type UnitVectors = HashMap<(u64, usize), Arc<[f64]>>;

impl Default for Hdc {
    fn default() -> Hdc {
        Hdc::new(Hdc::DIMENSION)
    }
}

impl Hdc {
    /// The dimension of the study's vectors.
    pub const DIMENSION: usize = 16_384;

    /// The purpose of the streams that the unit vectors are read from.
    pub const PURPOSE: &str = "phi-validation unit vector v1";

    /// The vectors kept at once: 64 MiB of them at the study's dimension.
    const CACHED: usize = 512;

    /// The estimator with vectors of `dimension` entries.
    pub fn new(dimension: usize) -> Hdc {
        Hdc { dimension, vectors: Mutex::default() }
    }

    /// The number of entries of each vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The vector of unit `i` under `seed`.
    pub fn unit_vector(&self, seed: u64, i: usize) -> Arc<[f64]> {
        let mut vectors = self.vectors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(vector) = vectors.get(&(seed, i)) {
            return Arc::clone(vector);
        }
        if vectors.len() >= Hdc::CACHED {
            vectors.clear();
        }
        let mut stream = SeededStream::new(Hdc::PURPOSE, &[seed, i as u64]);
        let mut bytes = vec![0; 8 * self.dimension];
        stream.fill(&mut bytes);
        let (words, _) = bytes.as_chunks::<8>();
        let vector: Arc<[f64]> =
            words.iter().map(|word| symmetric_unit(u64::from_le_bytes(*word))).collect();
        vectors.insert((seed, i), Arc::clone(&vector));
        vector
    }

    /// `r_i`: the mean over neighbours `j` of `v_i · v_j`, elementwise; zero without neighbours.
    fn representation(&self, graph: &Graph, seed: u64, i: usize) -> Vec<f64> {
        let mut bundle = vec![0.0; self.dimension];
        for j in graph.neighbours(i) {
            let vector = self.unit_vector(seed, j);
            bundle.iter_mut().zip(vector.iter()).for_each(|(sum, x)| *sum += x);
        }
        let own = self.unit_vector(seed, i);
        let n_bound = f64::from(graph.degree(i).max(1));
        bundle.iter_mut().zip(own.iter()).for_each(|(sum, x)| *sum *= x / n_bound);
        bundle
    }
}

impl Estimator for Hdc {
    fn name(&self) -> &str {
        "hdc"
    }

    fn summary(&self) -> &str {
        "hyperdimensional: cosine similarity of 16,384-dimensional encodings of the neighbourhoods"
    }

    fn estimate(&self, network: &Network, seed: u64) -> f64 {
        let graph = network.graph();
        let n = graph.n_units();
        let units: Vec<Vec<f64>> = (0..n).map(|i| self.representation(graph, seed, i)).collect();
        let norms: Vec<f64> = units.iter().map(|unit| dot(unit, unit).sqrt()).collect();
        half_lambda2(n, |i, j| {
            let norm = norms[i] * norms[j];
            let cosine = if norm > 0.0 { dot(&units[i], &units[j]) / norm } else { 0.0 };
            (1.0 + cosine) / 2.0
        })
    }
}

/// What Φ_HDC tends to as the dimension grows: `cos(r_i, r_j)` becomes `a_ij / √(d_i d_j)`, with
/// the adjacency `a` and the degrees `d`. It does not depend on the seed.
///
/// Why: the product of `v_i v_j` and `v_k v_l` has mean 0 unless both are the same pair, so of the
/// `d_i d_k` products in `r_i · r_k` one is left if `i` and `k` are neighbours, and none otherwise;
/// `r_i · r_i` has `d_i`.
#[derive(Debug, Clone, Copy)]
pub struct HdcLimit;

impl Estimator for HdcLimit {
    fn name(&self) -> &str {
        "hdc-limit"
    }

    fn summary(&self) -> &str {
        "the closed-form limit of hdc for infinite dimension"
    }

    fn estimate(&self, network: &Network, _seed: u64) -> f64 {
        let graph = network.graph();
        half_lambda2(graph.n_units(), |i, j| {
            let cosine = if graph.has_edge(i, j) {
                1.0 / (f64::from(graph.degree(i)) * f64::from(graph.degree(j))).sqrt()
            } else {
                0.0
            };
            (1.0 + cosine) / 2.0
        })
    }
}

/// [`half_lambda2`] of the adjacency itself: half the graph's normalised algebraic connectivity. It
/// does not depend on the seed.
#[derive(Debug, Clone, Copy)]
pub struct Spectral;

impl Estimator for Spectral {
    fn name(&self) -> &str {
        "spectral"
    }

    fn summary(&self) -> &str {
        "half the second eigenvalue of the graph's normalised Laplacian"
    }

    fn estimate(&self, network: &Network, _seed: u64) -> f64 {
        let graph = network.graph();
        half_lambda2(graph.n_units(), |i, j| f64::from(u8::from(graph.has_edge(i, j))))
    }
}

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

/// `Σ x_k y_k`, summed in order so that it is the same everywhere.
fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dynamics::Rule;
    use crate::model::key::State;
    use crate::model::topology::Topology;
    use std::f64::consts::PI;

    fn network(topology: Topology, n: usize) -> Network {
        Network::new(topology.graph(n, 42), Rule::Majority, State::new(n, 0))
    }

    #[track_caller]
    fn check(estimator: &dyn Estimator, topology: Topology, n: usize, expected: f64) {
        let found = estimator.estimate(&network(topology, n), 42);
        let name = estimator.name();
        assert!(
            (found - expected).abs() < 1e-12,
            "{name} of {topology} {n}: {found}, expected {expected}"
        );
    }

    #[test]
    fn spectral_is_half_the_known_eigenvalue() {
        // Spectra of the normalised Laplacian (Chung 1997, Spectral Graph Theory, section 1.2):
        // complete graph n/(n-1); star 1; cycle 1 - cos(2π/n); path 1 - cos(π/(n-1)).
        for n in 3..=9 {
            let m = n as f64;
            check(&Spectral, Topology::Dense, n, m / (m - 1.0) / 2.0);
            check(&Spectral, Topology::Star, n, 0.5);
            check(&Spectral, Topology::Ring, n, (1.0 - (2.0 * PI / m).cos()) / 2.0);
            check(&Spectral, Topology::Line, n, (1.0 - (PI / (m - 1.0)).cos()) / 2.0);
        }
        // Two complete modules of two, joined: a path of four.
        check(&Spectral, Topology::Modular, 4, (1.0 - (PI / 3.0).cos()) / 2.0);
    }

    #[test]
    fn the_limit_is_that_of_the_weights_worked_out_by_hand() {
        // Complete graph: all weights equal, so the value is that of the graph itself.
        for n in 3..=8 {
            let m = n as f64;
            check(&HdcLimit, Topology::Dense, n, m / (m - 1.0) / 2.0);
        }
        // Ring: circulant, weight 3/4 to either neighbour and 1/2 to the n - 3 others; the row sum
        // is n/2; eigenvalue 1 - (-1/2 + (1/2) cos(2πk/n)) / (n/2), smallest at k = 1.
        for n in 4..=8 {
            let m = n as f64;
            let lambda2 = 1.0 - (-0.5 + 0.5 * (2.0 * PI / m).cos()) / (m / 2.0);
            check(&HdcLimit, Topology::Ring, n, lambda2 / 2.0);
        }
    }

    #[test]
    fn hdc_approaches_its_limit() {
        // A cosine of random vectors of dimension D has standard deviation 1/√D: 0.0078, and 0.002
        // at sixteen times the dimension. The eigenvalue averages such errors.
        let coarse = Hdc::new(1 << 14);
        let fine = Hdc::new(1 << 18);
        for topology in Topology::ALL {
            let network = network(topology, 6);
            let limit = HdcLimit.estimate(&network, 0);
            for (hdc, tolerance) in [(&coarse, 0.01), (&fine, 0.0025)] {
                let distance = (hdc.estimate(&network, 7) - limit).abs();
                assert!(distance < tolerance, "{topology}: {distance} from the limit");
                assert!(distance > 0.0, "{topology}: the limit itself");
            }
        }
    }

    #[test]
    fn hdc_depends_on_seed_and_network_only() {
        let (ring, line) = (network(Topology::Ring, 5), network(Topology::Line, 5));
        let fresh = Hdc::default().estimate(&ring, 42);
        let used = Hdc::default();
        used.estimate(&line, 42);
        used.estimate(&ring, 43);
        assert_eq!(used.estimate(&ring, 42), fresh);
        assert_ne!(used.estimate(&ring, 43), fresh);
    }

    #[test]
    fn the_cache_forgets_without_changing_a_vector() {
        let hdc = Hdc::new(64);
        let first = hdc.unit_vector(1, 0);
        for seed in 0..2 * Hdc::CACHED as u64 {
            hdc.unit_vector(seed, 0);
        }
        assert!(hdc.vectors.lock().unwrap().len() <= Hdc::CACHED);
        assert_eq!(hdc.unit_vector(1, 0), first);
    }

    #[test]
    fn unit_vectors_are_pinned() {
        let vector = Hdc::default().unit_vector(42, 3);
        assert_eq!(vector.len(), 16_384);
        assert_eq!(vector[..3], PINNED);
    }

    const PINNED: [f64; 3] = [-0.5662033250521201, -0.27463995867871094, 0.3689487947348593];

    #[test]
    fn estimates_of_the_study_are_pinned() {
        // Computed from the definition by a second program with another linear algebra (NumPy).
        let hdc = Hdc::default();
        for (topology, expected) in Topology::ALL.into_iter().zip(ESTIMATES) {
            check(&hdc, topology, 5, expected);
        }
    }

    const ESTIMATES: [f64; 8] = [
        0.6232768959793881,
        0.6080640775881803,
        0.5676633259203386,
        0.5283083682668737,
        0.540783724470951,
        0.5588883500224087,
        0.5336241899296759,
        0.594175629585049,
    ];

    /// Of matrices whose eigenvalues are known: a path of n vertices, and a complete graph with its
    /// n - 1 equal ones.
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

    #[test]
    fn degenerate_graphs_have_an_estimate() {
        let single = Network::new(Graph::new(1, []), Rule::Majority, State::new(1, 0));
        let apart = Network::new(Graph::new(3, [(0, 1)]), Rule::Majority, State::new(3, 0));
        for estimator in Registry::default().iter() {
            assert_eq!(estimator.estimate(&single, 42), 0.0);
            assert!(estimator.estimate(&apart, 42).is_finite());
        }
        assert_eq!(Spectral.estimate(&apart, 42), 0.0);
    }

    #[test]
    fn an_unknown_name_is_refused_with_those_known() {
        let registry = Registry::default();
        let error = registry.get("magic").err().unwrap().to_string();
        assert_eq!(error, "unknown estimator \"magic\": expected one of hdc, hdc-limit, spectral");
    }

    #[test]
    #[should_panic(expected = "two estimators of the name \"spectral\"")]
    fn a_name_is_registered_once() {
        let _ = Registry::default().with(Spectral);
    }
}
