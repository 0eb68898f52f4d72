//! The study's topologies: undirected graphs on a few units.
//!
//! A [`Graph`] has no self-loops, and each of its edges stands for two connections, one in either
//! direction. Every [`Topology`] gives a connected graph of any size from 2 units up. Only
//! [`Topology::Random`] looks at the seed. This module knows nothing of dynamics or states.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::model::seeded::SeededStream;

/// The most units a [`Graph`] can have: one bit each in a 32-bit word.
pub const MAX_UNITS: usize = 32;

/// A family of graphs, one for each number of units (and, for Random, each seed).
///
/// `n` is the number of units, which are numbered from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Topology {
    /// All pairs.
    Dense,
    /// Unit 0 with all others.
    Star,
    /// Unit `i` with `i + 1 mod n`.
    Ring,
    /// Unit `i` with `i + 1`.
    Line,
    /// Unit `i` with `(i - 1) / 2` for `i >= 1`.
    BinaryTree,
    /// Rows of `⌈√n⌉` units, filled in order; each unit with its right and lower neighbour where
    /// they exist. The last row may be short.
    Lattice,
    /// The first `⌈n/2⌉` units and the rest, each complete, joined by one edge between the last
    /// unit of the first module and the first unit of the second.
    Modular,
    /// Every pair with probability 1/2, drawn again until the graph is connected.
    ///
    /// The draw is fixed for ever. Attempt `t = 0, 1, …` reads the
    /// [`SeededStream`] with purpose [`Topology::RANDOM_PURPOSE`] and the numbers seed, `n`, `t`.
    /// The pairs in lexicographic order, (0, 1), (0, 2), …, (n-2, n-1), are numbered `k = 0, 1, …`;
    /// pair `k` is an edge if bit `k mod 8` (the lowest is bit 0) of byte `⌊k/8⌋` is 1. The first
    /// attempt that gives a connected graph counts.
    Random,
    /// No family: a network of one's own, from a file, with connections and transition
    /// probabilities of its own. It stands in keys and groups, is not among [`Topology::ALL`] and
    /// has no graph.
    Own,
}

impl Topology {
    /// All families of graphs, in the order of the study.
    pub const ALL: [Topology; 8] = [
        Topology::Dense,
        Topology::Star,
        Topology::Ring,
        Topology::Line,
        Topology::BinaryTree,
        Topology::Lattice,
        Topology::Modular,
        Topology::Random,
    ];

    /// The purpose of the stream that [`Topology::Random`] reads.
    pub const RANDOM_PURPOSE: &str = "phi-validation random topology v1";

    /// The name, as it is written in results and understood on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Topology::Dense => "Dense",
            Topology::Star => "Star",
            Topology::Ring => "Ring",
            Topology::Line => "Line",
            Topology::BinaryTree => "BinaryTree",
            Topology::Lattice => "Lattice",
            Topology::Modular => "Modular",
            Topology::Random => "Random",
            Topology::Own => "Own",
        }
    }

    /// The graph of `n` units.
    ///
    /// # Panics
    /// If `n` is not in 2..=[`MAX_UNITS`], or for [`Topology::Own`]: both are checked where they
    /// come in.
    ///
    /// ```
    /// use phi_validation::model::topology::Topology;
    ///
    /// let lattice = Topology::Lattice.graph(5, 42);
    /// assert_eq!(lattice.edges(), [(0, 1), (0, 3), (1, 2), (1, 4), (3, 4)]);
    /// ```
    pub fn graph(self, n: usize, seed: u64) -> Graph {
        assert!((2..=MAX_UNITS).contains(&n), "a topology of {n} units");
        match self {
            Topology::Dense => Graph::new(n, pairs(n)),
            Topology::Star => Graph::new(n, (1..n).map(|i| (0, i))),
            Topology::Ring => Graph::new(n, (0..n).map(|i| (i, (i + 1) % n))),
            Topology::Line => Graph::new(n, (1..n).map(|i| (i - 1, i))),
            Topology::BinaryTree => Graph::new(n, (1..n).map(|i| ((i - 1) / 2, i))),
            Topology::Lattice => lattice(n),
            Topology::Modular => {
                let first = n.div_ceil(2);
                Graph::new(
                    n,
                    pairs(n).filter(|&(i, j)| {
                        (i < first) == (j < first) || (i, j) == (first - 1, first)
                    }),
                )
            }
            Topology::Random => random(n, seed),
            Topology::Own => panic!("the graph of a network from a file"),
        }
    }
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Topology {
    type Err = Error;

    /// Reads the name of a family, in any mixture of upper and lower case, with or without hyphens.
    fn from_str(text: &str) -> Result<Topology, Error> {
        let wanted = text.trim().replace(['-', '_'], "");
        Topology::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(&wanted)).ok_or_else(
            || Error::UnknownName {
                what: "topology",
                name: text.to_owned(),
                known: Topology::ALL.map(Topology::name).join(", "),
            },
        )
    }
}

/// An undirected graph without self-loops on at most [`MAX_UNITS`] units.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Graph {
    /// Bit `j` of entry `i`: whether units `i` and `j` are joined. Symmetric, zero diagonal.
    neighbours: Vec<u32>,
}

impl Graph {
    /// The graph of `n` units with these edges; an edge may be named more than once.
    ///
    /// # Panics
    /// If `n` is more than [`MAX_UNITS`], an edge names a unit that is not there, or joins a unit
    /// to itself.
    pub fn new(n: usize, edges: impl IntoIterator<Item = (usize, usize)>) -> Graph {
        assert!(n <= MAX_UNITS, "a graph of {n} units");
        let mut neighbours = vec![0; n];
        for (i, j) in edges {
            assert!(i != j && i < n && j < n, "edge {i}-{j} in a graph of {n} units");
            neighbours[i] |= 1 << j;
            neighbours[j] |= 1 << i;
        }
        Graph { neighbours }
    }

    /// The number of units.
    pub fn n_units(&self) -> usize {
        self.neighbours.len()
    }

    /// The units joined to unit `i`, ascending.
    pub fn neighbours(&self, i: usize) -> impl Iterator<Item = usize> {
        let mask = self.neighbours[i];
        (0..self.n_units()).filter(move |j| mask >> j & 1 == 1)
    }

    /// The units joined to unit `i` as a bit set, unit 0 in the lowest bit.
    pub fn neighbour_mask(&self, i: usize) -> u32 {
        self.neighbours[i]
    }

    /// `true` if units `i` and `j` are joined.
    pub fn has_edge(&self, i: usize, j: usize) -> bool {
        self.neighbours[i] >> j & 1 == 1
    }

    /// Number of units that are joined to unit `i`.
    pub fn degree(&self, i: usize) -> u32 {
        self.neighbours[i].count_ones()
    }

    /// The edges as pairs `(i, j)` with `i < j`, in lexicographic order.
    pub fn edges(&self) -> Vec<(usize, usize)> {
        pairs(self.n_units()).filter(|&(i, j)| self.has_edge(i, j)).collect()
    }

    /// `true` if every unit can be reached from every other along edges. True of a single unit.
    pub fn is_connected(&self) -> bool {
        let n = self.n_units();
        let mut reached: u32 = 1;
        loop {
            let grown = (0..n)
                .filter(|i| reached >> i & 1 == 1)
                .fold(reached, |set, i| set | self.neighbours[i]);
            if grown == reached {
                return reached.count_ones() as usize == n;
            }
            reached = grown;
        }
    }

    /// The connectivity matrix: entry `[i][j]` is 1 where `i` is an input of `j`. Symmetric.
    pub fn connectivity(&self) -> Vec<Vec<u8>> {
        let n = self.n_units();
        (0..n).map(|i| (0..n).map(|j| u8::from(self.has_edge(i, j))).collect()).collect()
    }
}

/// The pairs `(i, j)` with `i < j < n`, in lexicographic order.
fn pairs(n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n).flat_map(move |i| (i + 1..n).map(move |j| (i, j)))
}

fn lattice(n: usize) -> Graph {
    let columns = (1..=n).find(|c| c * c >= n).expect("n is large enough for n columns");
    let right = (1..n).filter(move |i| i % columns != 0).map(|i| (i - 1, i));
    let below = (columns..n).map(|i| (i - columns, i));
    Graph::new(n, right.chain(below))
}

fn random(n: usize, seed: u64) -> Graph {
    let n_pairs = n * (n - 1) / 2;
    let mut bytes = vec![0; n_pairs.div_ceil(8)];
    let mut attempt = 0;
    loop {
        SeededStream::new(Topology::RANDOM_PURPOSE, &[seed, n as u64, attempt]).fill(&mut bytes);
        let drawn = pairs(n).enumerate().filter(|(k, _)| bytes[k / 8] >> (k % 8) & 1 == 1);
        let graph = Graph::new(n, drawn.map(|(_, pair)| pair));
        if graph.is_connected() {
            return graph;
        }
        attempt += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(topology: Topology, n: usize, edges: &[(usize, usize)]) {
        assert_eq!(topology.graph(n, 42).edges(), edges, "{topology} of {n}");
    }

    #[test]
    fn edges_follow_the_definitions() {
        check(Topology::Dense, 4, &[(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]);
        check(Topology::Star, 5, &[(0, 1), (0, 2), (0, 3), (0, 4)]);
        check(Topology::Ring, 5, &[(0, 1), (0, 4), (1, 2), (2, 3), (3, 4)]);
        check(Topology::Ring, 2, &[(0, 1)]);
        check(Topology::Line, 4, &[(0, 1), (1, 2), (2, 3)]);
        check(Topology::BinaryTree, 6, &[(0, 1), (0, 2), (1, 3), (1, 4), (2, 5)]);
        check(Topology::Lattice, 4, &[(0, 1), (0, 2), (1, 3), (2, 3)]);
        check(Topology::Lattice, 5, &[(0, 1), (0, 3), (1, 2), (1, 4), (3, 4)]);
        check(
            Topology::Lattice,
            7,
            &[(0, 1), (0, 3), (1, 2), (1, 4), (2, 5), (3, 4), (3, 6), (4, 5)],
        );
        check(Topology::Modular, 2, &[(0, 1)]);
        check(Topology::Modular, 5, &[(0, 1), (0, 2), (1, 2), (2, 3), (3, 4)]);
        check(Topology::Modular, 6, &[(0, 1), (0, 2), (1, 2), (2, 3), (3, 4), (3, 5), (4, 5)]);
    }

    #[test]
    fn every_graph_is_connected_and_only_random_sees_the_seed() {
        for topology in Topology::ALL {
            for n in 2..=MAX_UNITS {
                let graph = topology.graph(n, 42);
                assert_eq!(graph.n_units(), n);
                assert!(graph.is_connected(), "{topology} of {n}");
                let seeded = (0..20).any(|seed| topology.graph(n, seed) != graph);
                assert_eq!(seeded, topology == Topology::Random && n > 2, "{topology} of {n}");
            }
        }
    }

    #[test]
    fn an_isolated_unit_is_noticed() {
        assert!(!Graph::new(3, [(0, 1)]).is_connected());
        assert!(!Graph::new(4, [(0, 1), (2, 3)]).is_connected());
        assert!(Graph::new(1, []).is_connected());
    }

    #[test]
    fn random_graphs_are_pinned() {
        // The study's seeds, drawn by a second program in another language from the recipe above.
        // If one of these changes, published results no longer reproduce.
        for (n, seed, edges) in RANDOM {
            let text = Topology::Random.graph(n, seed).edges();
            let text: Vec<String> = text.iter().map(|(i, j)| format!("{i}{j}")).collect();
            assert_eq!(text.join(" "), edges, "n = {n}, seed {seed}");
        }
    }

    const RANDOM: [(usize, u64, &str); 20] = [
        (5, 42, "01 03 04 12 23 24"),
        (5, 123, "01 02 04 14 23"),
        (5, 456, "02 14 24 34"),
        (5, 789, "01 02 04 13 14 23 34"),
        (5, 999, "01 12 13 14 24 34"),
        (6, 42, "01 02 04 05 12 14 24 25 34 35"),
        (6, 123, "02 03 04 13 23 24 25 34"),
        (6, 456, "02 05 12 13 14 25 34"),
        (6, 789, "01 02 03 04 13 15 24 25 35"),
        (6, 999, "02 05 13 14 15 23 24 25 35"),
        (7, 42, "03 12 14 23 24 25 26 35 36 45"),
        (7, 123, "01 04 12 13 15 24 25 34 36 45"),
        (7, 456, "02 03 12 13 14 15 16 26 35 36"),
        (7, 789, "01 02 03 04 15 23 34 46 56"),
        (7, 999, "02 03 04 05 12 14 15 16 26 34 35 46"),
        (8, 42, "02 07 12 23 24 27 34 47 57 67"),
        (8, 123, "02 04 05 06 12 14 15 16 17 23 24 25 27 37 45 46 47 56 57 67"),
        (8, 456, "03 04 06 07 12 13 14 15 17 25 27 34 37 45 47 67"),
        (8, 789, "01 03 04 05 07 13 23 26 34 36 46 57"),
        (8, 999, "02 05 07 12 14 17 23 26 27 34 35 36 45 47 56 57"),
    ];

    #[test]
    fn random_pairs_are_edges_half_of_the_time() {
        // 200 seeds × 190 pairs: the standard deviation of the share is 0.0026.
        let edges: usize =
            (0..200).map(|seed| Topology::Random.graph(20, seed).edges().len()).sum();
        let share = edges as f64 / (200.0 * 190.0);
        assert!((share - 0.5).abs() < 0.015, "{share} of the pairs are edges");
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for topology in Topology::ALL {
            assert_eq!(topology.name().parse::<Topology>().unwrap(), topology);
        }
        assert_eq!("binary-tree".parse::<Topology>().unwrap(), Topology::BinaryTree);
        let error = "Torus".parse::<Topology>().unwrap_err().to_string();
        assert_eq!(
            error,
            "unknown topology \"Torus\": expected one of Dense, Star, Ring, Line, BinaryTree, \
             Lattice, Modular, Random"
        );
    }
}
