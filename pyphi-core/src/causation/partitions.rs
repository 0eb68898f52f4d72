//! The least sum over the partitions of a mechanism together with a purview, for all mechanisms and
//! purviews at once, without listing the partitions.
//!
//! In IIT 4.0 the minimum over partitions is sought of φ divided by what is severed, so every pair
//! of a mechanism and a purview is a search of its own. Here nothing is divided by, so the best way
//! to divide m with p is the same whatever m and p are part of, and one table by m and p has all
//! minima. With 6 units on both sides that replaces a listing of 5 million partitions for the
//! largest pair alone.
//!
//! `cost(b, q)` is what a block of mechanism units b with purview units q adds to the sum; blocks
//! without either cost nothing. Purview units may also be in no block, for nothing.

use std::fmt;
use std::str::FromStr;

use rayon::prelude::*;

use crate::limits::{Stop, Watch, steps};
use crate::subset_convolution::{divide, least_of_subsets, smaller, trace};
use crate::unit_set::{bits, submasks};

/// The partitions that are tried. The complete one, which severs everything, always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scheme {
    /// The mechanism in any number of parts from two on, every unit of the purview with one of them
    /// or with none: the partitions of the paper.
    #[default]
    All,
    /// The mechanism in exactly two parts. An approximation.
    Tri,
    /// Mechanism and purview in two parts, one of which may lack units of either, as in IIT 3.0.
    /// Gives other accounts than those published.
    Bi,
}

impl Scheme {
    /// All of them.
    pub const ALL: [Scheme; 3] = [Scheme::All, Scheme::Tri, Scheme::Bi];
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scheme::All => "all",
            Scheme::Tri => "tri",
            Scheme::Bi => "bi",
        })
    }
}

impl FromStr for Scheme {
    type Err = String;

    fn from_str(text: &str) -> Result<Scheme, String> {
        let found = Scheme::ALL.into_iter().find(|it| it.to_string() == text);
        found.ok_or_else(|| format!("{text:?}, expected all, tri or bi"))
    }
}

/// The number of steps from which on they are divided among threads.
const SHARED_FROM: f64 = 4e6;

/// Mechanisms and purviews of together this many units are searched with an eye on the clock.
const LONG_FROM: usize = 16;

/// Mechanism units and purview units of each block.
pub(super) type Blocks = Vec<(u32, u32)>;

/// The costs of blocks, and the least sums.
#[derive(Debug, Clone)]
pub(super) struct PartitionSearch {
    scheme: Scheme,
    n_mechanism: usize,
    n_purview: usize,
    /// By block.
    cost: Vec<f64>,
    /// By mechanism and purview: the least sum over the partitions proper.
    least: Vec<f64>,
    /// The least cost of mechanism units that are what is left of a larger mechanism, with some or
    /// all of the purview units.
    rest: Vec<f64>,
}

impl PartitionSearch {
    /// `cost` is by mechanism units and then purview units, `2^mechanism × 2^purview`. `None` if it
    /// was stopped. Each mechanism is told to `watch`.
    pub(super) fn new(
        scheme: Scheme,
        n_mechanism: usize,
        n_purview: usize,
        cost: Vec<f64>,
        stop: &Stop,
        watch: Option<&Watch<'_>>,
    ) -> Option<PartitionSearch> {
        let n_sets = 1usize << n_purview;
        let (least, rest) = (vec![0.0; cost.len()], vec![0.0; cost.len()]);
        let mut search = PartitionSearch { scheme, n_mechanism, n_purview, cost, least, rest };
        let mut mechanisms: Vec<usize> = (1..1usize << n_mechanism).collect();
        mechanisms.sort_by_key(|m| m.count_ones());
        let is_large = 3f64.powi((n_mechanism + n_purview) as i32) > SHARED_FROM;
        // Smaller mechanisms first: what is left of a mechanism is smaller than it.
        for level in mechanisms.chunk_by(|a, b| a.count_ones() == b.count_ones()) {
            let rows = |&m: &usize| {
                let rows = search.rows(m, stop);
                if let Some(watch) = watch {
                    watch.add(1, None);
                }
                rows
            };
            let rows: Vec<[Vec<f64>; 2]> = match is_large {
                true => level.par_iter().map(rows).collect::<Option<_>>()?,
                false => level.iter().map(rows).collect::<Option<_>>()?,
            };
            for (m, [least, rest]) in level.iter().zip(rows) {
                search.least[m * n_sets..][..n_sets].copy_from_slice(&least);
                search.rest[m * n_sets..][..n_sets].copy_from_slice(&rest);
            }
        }
        Some(search)
    }

    fn row<'a>(&self, table: &'a [f64], m: usize) -> &'a [f64] {
        &table[m << self.n_purview..][..1 << self.n_purview]
    }

    /// The rows `least` and `rest` of a mechanism.
    fn rows(&self, m: usize, stop: &Stop) -> Option<[Vec<f64>; 2]> {
        if stop.is_due() {
            return None;
        }
        let looks_at_clock = self.n_mechanism + self.n_purview >= LONG_FROM;
        let n_sets = 1usize << self.n_purview;
        let mut subsets = self.row(&self.cost, m).to_vec();
        steps((self.n_purview + 2) * n_sets);
        least_of_subsets(&mut subsets);
        let mut least = match self.scheme {
            // The complete partition.
            Scheme::All | Scheme::Tri => vec![0.0; n_sets],
            // All of the mechanism with some of the purview, but not with all.
            Scheme::Bi => (0..n_sets)
                .map(|p| {
                    let fewer = bits(p as u32).map(|unit| subsets[p ^ 1 << unit]);
                    fewer.fold(if p == 0 { 0.0 } else { f64::INFINITY }, smaller)
                })
                .collect(),
        };
        let lowest = m & m.wrapping_neg();
        for other in submasks((m ^ lowest) as u32).skip(1) {
            if looks_at_clock && stop.is_due() {
                return None;
            }
            let other = other as usize;
            steps(3usize.pow(self.n_purview as u32));
            divide(self.row(&self.cost, m ^ other), self.row(&self.rest, other), &mut least);
        }
        let rest = match self.scheme {
            Scheme::All => least
                .iter()
                .zip(&subsets)
                .map(|(divided, whole)| smaller(*divided, *whole))
                .collect(),
            Scheme::Tri => subsets,
            Scheme::Bi => self.row(&self.cost, m).to_vec(),
        };
        Some([least, rest])
    }

    /// Returns the cost of a block.
    pub(super) fn cost(&self, m: u32, p: u32) -> f64 {
        self.cost[(m as usize) << self.n_purview | p as usize]
    }

    /// The least sum over the partitions of a mechanism and a purview that are not empty.
    pub(super) fn least(&self, m: u32, p: u32) -> f64 {
        self.least[(m as usize) << self.n_purview | p as usize]
    }

    /// A partition with the least sum: the blocks that have units of both sides, then what is left
    /// of the mechanism, then what is left of the purview.
    pub(super) fn partition(&self, m: u32, p: u32) -> Blocks {
        let (all_m, all_p) = (m as usize, p as usize);
        let lowest = all_m & all_m.wrapping_neg();
        // What the first block, which has the lowest unit, leaves over.
        let mut found = None;
        let mut smallest = f64::INFINITY;
        steps(1 << ((all_m ^ lowest).count_ones() + p.count_ones()));
        for other in submasks((all_m ^ lowest) as u32) {
            let cost = self.row(&self.cost, all_m ^ other as usize);
            let rest = self.row(&self.rest, other as usize);
            for q in submasks(p) {
                let value = match (other, self.scheme) {
                    (0, Scheme::Bi) if q != p => cost[q as usize],
                    (0, _) => continue,
                    _ => cost[q as usize] + rest[all_p ^ q as usize],
                };
                if value < smallest {
                    (smallest, found) = (value, Some((other, q)));
                }
            }
        }
        let mut blocks = Vec::new();
        // The complete partition costs nothing.
        if let Some((other, q)) = found.filter(|_| smallest < 0.0) {
            blocks.push((m ^ other, q));
            let (other, left) = (other as usize, all_p ^ q as usize);
            match self.scheme {
                Scheme::All => trace(
                    other,
                    left,
                    |it| self.row(&self.cost, it),
                    |it| self.row(&self.rest, it),
                    &mut blocks,
                ),
                Scheme::Tri => {
                    let cost = self.row(&self.cost, other);
                    let kept = submasks(left as u32)
                        .min_by(|a, b| cost[*a as usize].total_cmp(&cost[*b as usize]));
                    blocks.push((other as u32, kept.unwrap_or(0)));
                }
                Scheme::Bi => blocks.push((other as u32, left as u32)),
            }
        }
        let has_both = |it: &(u32, u32)| it.0 != 0 && it.1 != 0;
        let mut kept: Blocks = blocks.into_iter().filter(has_both).collect();
        let (left_m, left_p) =
            kept.iter().fold((m, p), |left, block| (left.0 & !block.0, left.1 & !block.1));
        // Blocks without purview units are one as well as several.
        kept.extend([(left_m, 0), (0, left_p)].into_iter().filter(|it| it.0 | it.1 != 0));
        kept
    }
}
