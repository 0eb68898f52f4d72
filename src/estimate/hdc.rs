//! `hdc`: the hyperdimensional estimate.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Error;
use crate::estimate::laplacian::half_lambda2;
use crate::estimate::{About, Case, Estimator, Reads};
use crate::model::seeded::{SeededStream, symmetric_unit};
use crate::model::topology::Graph;

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

    /// Φ_HDC of a graph under `seed`.
    pub fn of(&self, graph: &Graph, seed: u64) -> f64 {
        let n = graph.n_units();
        let units: Vec<Vec<f64>> = (0..n).map(|i| self.representation(graph, seed, i)).collect();
        let norms: Vec<f64> = units.iter().map(|unit| dot(unit, unit).sqrt()).collect();
        half_lambda2(n, |i, j| {
            let norm = norms[i] * norms[j];
            let cosine = if norm > 0.0 { dot(&units[i], &units[j]) / norm } else { 0.0 };
            (1.0 + cosine) / 2.0
        })
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

    fn about(&self) -> About {
        About { reads: Reads::Graph, cost: "n² · 16,384", ..About::default() }
    }

    fn estimate(&self, case: &Case, seed: u64) -> Result<f64, Error> {
        Ok(self.of(case.network().graph(), seed))
    }
}

/// `Σ x_k y_k`, summed in order so that it is the same everywhere.
fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::HdcLimit;
    use crate::model::topology::Topology;

    #[test]
    fn hdc_approaches_its_limit() {
        // A cosine of random vectors of dimension D has standard deviation 1/√D: 0.0078, and 0.002
        // at sixteen times the dimension. The eigenvalue averages such errors.
        let coarse = Hdc::new(1 << 14);
        let fine = Hdc::new(1 << 18);
        for topology in Topology::ALL {
            let graph = topology.graph(6, 42);
            let limit = HdcLimit.of(&graph);
            for (hdc, tolerance) in [(&coarse, 0.01), (&fine, 0.0025)] {
                let distance = (hdc.of(&graph, 7) - limit).abs();
                assert!(distance < tolerance, "{topology}: {distance} from the limit");
                assert!(distance > 0.0, "{topology}: the limit itself");
            }
        }
    }

    #[test]
    fn hdc_depends_on_seed_and_graph_only() {
        let (ring, line) = (Topology::Ring.graph(5, 42), Topology::Line.graph(5, 42));
        let fresh = Hdc::default().of(&ring, 42);
        let used = Hdc::default();
        used.of(&line, 42);
        used.of(&ring, 43);
        assert_eq!(used.of(&ring, 42), fresh);
        assert_ne!(used.of(&ring, 43), fresh);
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
            let found = hdc.of(&topology.graph(5, 42), 42);
            assert!((found - expected).abs() < 1e-12, "{topology}: {found}, expected {expected}");
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
}
