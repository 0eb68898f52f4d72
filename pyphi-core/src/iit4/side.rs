//! One direction of a system with its specified state, and what a partition takes from it.
//!
//! With the system's cause and effect states fixed, both sides of φ are sums over the units, and a
//! partition only says which units each unit still knows: its own part, and, if the outputs of its
//! part are cut, the parts whose inputs are cut. So the side φ of a partition with parts Q, of
//! which I have their inputs cut and O their outputs, is
//! `R · (Σ_Q own(Q) + Σ_{Q in O} (known(Q, I) - own(Q)) - whole)`, where own(Q) is the sum over the
//! units of Q of -log2 of their probability given Q alone, and known(Q, I) the same given Q and I.
//!
//! Everything that reports φ of a partition computes it here, or adds up the same numbers in the
//! same order: the bits do not depend on how the partition was found.

use std::collections::BTreeMap;

use super::measure::{TIE_TOLERANCE, ZERO_TOLERANCE, is_tied};
use super::partition::SystemPartition;
use super::system::{Causes, System};
use crate::limits::steps;
use crate::unit_set::{UnitSet, bits};

/// One direction with its specified state: what the partitions are looked up in.
pub(crate) struct Side {
    n: usize,
    pub(crate) selectivity: f64,
    /// -log2 of the forward probability of the intact system, up to a number that all sums have in
    /// common.
    pub(crate) whole: f64,
    /// The same where no unit knows any.
    pub(crate) nothing_known: f64,
    /// By part: own(Q).
    pub(crate) own: Vec<f64>,
    /// -log2 of the probability of each unit, by the units that it knows; the unit varies fastest.
    surprise: Vec<f64>,
}

impl Side {
    /// For a cause state of this selectivity.
    pub(crate) fn of_cause(system: &System, state: u32, selectivity: f64) -> Side {
        // -log2 P(unit as it is | known units of the specified past state).
        let surprise = |i: usize| -> Vec<f64> {
            match &system.causes {
                Causes::Floats(causes) => {
                    let given = system.floats_given(causes, i, state);
                    given.iter().map(|p| -p.log2()).collect()
                }
                Causes::Wide(causes) => {
                    let given = system.wide_given(causes, i, state);
                    // Less what it is with all known, but for its fraction: the sums are compared
                    // with that, and digits would be lost to thousands of bits that they have in
                    // common.
                    let all = given[system.all() as usize];
                    given.iter().map(|p| p.surprise(-all.exponent())).collect()
                }
            }
        };
        Side::new(system.n, selectivity, surprise)
    }

    /// For an effect state of this selectivity.
    pub(crate) fn of_effect(system: &System, state: u32, selectivity: f64) -> Side {
        // -log2 P(unit as specified | known units of the present state).
        let surprise = |i: usize| -> Vec<f64> {
            let given = system.effects_given(i, system.alphabet.value(state, i), system.present);
            given.iter().map(|p| -p.log2()).collect()
        };
        Side::new(system.n, selectivity, surprise)
    }

    /// Makes a side from the surprise of each unit, by the units that it knows.
    fn new(n: usize, selectivity: f64, by_unit: impl Fn(usize) -> Vec<f64>) -> Side {
        steps((3 * n) << n);
        let mut surprise = vec![0.0; n << n];
        for i in 0..n {
            for (known, value) in by_unit(i).into_iter().enumerate() {
                surprise[known * n + i] = value;
            }
        }
        let all = UnitSet::all(n).bits();
        let mut side =
            Side { n, selectivity, whole: 0.0, nothing_known: 0.0, own: Vec::new(), surprise };
        side.own = (0..=all).map(|part| side.known(part, 0)).collect();
        side.whole = side.own[all as usize];
        side.nothing_known = bits(all).map(|i| side.surprise[i]).sum();
        side
    }

    /// known(Q, I).
    fn known(&self, part: u32, known: u32) -> f64 {
        let surprise = &self.surprise_given(part | known);
        bits(part).map(|i| surprise[i]).sum()
    }

    /// The gain of the part Q if it knows I as well: known(Q, I) - own(Q).
    pub(crate) fn gain(&self, part: u32, known: u32) -> f64 {
        self.known(part, known) - self.own[part as usize]
    }

    /// -log2 of the probability of each unit given that it knows these.
    pub(crate) fn surprise_given(&self, known: u32) -> &[f64] {
        &self.surprise[known as usize * self.n..][..self.n]
    }
}

/// Both directions of a system, or one of them.
#[derive(Clone, Copy)]
pub(crate) struct Sides<'a> {
    pub(crate) n: usize,
    pub(crate) sides: [Option<&'a Side>; 2],
}

impl Sides<'_> {
    /// φ of both sides, infinite where there is none, from the sums of own and of gain.
    pub(crate) fn phi(&self, own: [f64; 2], gain: [f64; 2]) -> [f64; 2] {
        [0, 1].map(|it: usize| {
            self.sides[it]
                .map_or(f64::INFINITY, |side| side.selectivity * (own[it] - side.whole + gain[it]))
        })
    }

    /// The sum of own over the parts.
    pub(crate) fn own(&self, parts: &[u32]) -> [f64; 2] {
        self.sides.map(|side| {
            side.map_or(0.0, |side| parts.iter().map(|&part| side.own[part as usize]).sum())
        })
    }

    /// The gains of the part Q on both sides if it knows I as well.
    pub(crate) fn gain(&self, part: u32, known: u32) -> [f64; 2] {
        self.sides.map(|side| side.map_or(0.0, |side| side.gain(part, known)))
    }

    /// Evaluates a partition. The parts are in the order of their lowest units.
    pub(crate) fn evaluate(
        &self,
        parts: &[u32],
        inputs_cut: u32,
        outputs_cut: u32,
    ) -> PartitionCut {
        let mut gain = [0.0; 2];
        // From the last part to the first, as the listing adds them up.
        for &part in parts.iter().rev().filter(|&&part| part & outputs_cut != 0) {
            let of_part = self.gain(part, inputs_cut);
            gain = [gain[0] + of_part[0], gain[1] + of_part[1]];
        }
        let n_cut = n_between(self.n, parts) - n_kept(inputs_cut, outputs_cut);
        let sides = self.phi(self.own(parts), gain);
        PartitionCut { n_cut: f64::from(n_cut), sides, inputs_cut, outputs_cut }
    }
}

/// The number of ordered pairs of units of different parts.
pub(crate) fn n_between(n: usize, parts: &[u32]) -> u32 {
    (n * n) as u32 - parts.iter().map(|part| part.count_ones().pow(2)).sum::<u32>()
}

/// The number of these pairs that stay connected.
pub(crate) fn n_kept(inputs_cut: u32, outputs_cut: u32) -> u32 {
    inputs_cut.count_ones() * outputs_cut.count_ones()
}

/// The directions of a partition's parts, and φ of both sides under it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PartitionCut {
    /// The number of pairs that are cut.
    pub(crate) n_cut: f64,
    pub(crate) sides: [f64; 2],
    pub(crate) inputs_cut: u32,
    pub(crate) outputs_cut: u32,
}

impl PartitionCut {
    pub(crate) fn phi(&self) -> f64 {
        self.sides[0].min(self.sides[1])
    }

    pub(crate) fn normalized(&self) -> f64 {
        self.phi() / self.n_cut
    }

    /// Returns `true` if the partition makes no difference.
    pub(crate) fn is_zero(&self) -> bool {
        self.phi() <= ZERO_TOLERANCE
    }

    /// Rows of the cut matrix, each a number whose highest bit is unit 0, so that they compare like
    /// bytes.
    fn matrix(&self, n: usize, parts: &[u32]) -> Vec<u32> {
        let all = UnitSet::all(n).bits();
        (0..n)
            .map(|from| {
                let part = parts.iter().find(|&it| it >> from & 1 == 1).copied().unwrap_or(0);
                let kept = if self.inputs_cut >> from & 1 == 1 { self.outputs_cut } else { 0 };
                (all & !part & !kept).reverse_bits()
            })
            .collect()
    }
}

/// A partition with its φ.
#[derive(Debug, Clone)]
pub(crate) struct CandidatePartition {
    pub(crate) cut: PartitionCut,
    pub(crate) parts: Vec<u32>,
}

impl CandidatePartition {
    pub(crate) fn describe(&self, system: &System) -> SystemPartition {
        let parts: Vec<UnitSet> = self.parts.iter().map(|&part| system.to_network(part)).collect();
        SystemPartition::new(
            &parts,
            system.to_network(self.cut.inputs_cut),
            system.to_network(self.cut.outputs_cut),
        )
    }
}

/// The partitions within the tolerance of the smallest normalized φ so far. Those of the same
/// normalized and plain φ are counted; the one with the smallest cut matrix stands for them.
#[derive(Debug)]
pub(crate) struct Smallest {
    n: usize,
    /// No partition of a larger normalized φ is among the smallest.
    limit: f64,
    /// By the bits of normalized and of plain φ, which are positive.
    groups: BTreeMap<[u64; 2], Group>,
}

#[derive(Debug)]
struct Group {
    first: CandidatePartition,
    matrix: Vec<u32>,
    n_tied: u64,
}

impl Smallest {
    pub(crate) fn new(n: usize) -> Smallest {
        Smallest { n, limit: f64::INFINITY, groups: BTreeMap::new() }
    }

    /// Every partition once. Its φ is more than 0.
    #[inline]
    pub(crate) fn offer(&mut self, parts: &[u32], cut: PartitionCut) {
        // A division is slower than the rest.
        if cut.phi() <= self.limit * cut.n_cut * (1.0 + TIE_TOLERANCE) {
            let matrix = cut.matrix(self.n, parts);
            self.add(Group {
                first: CandidatePartition { cut, parts: parts.to_vec() },
                matrix,
                n_tied: 1,
            });
        }
    }

    fn add(&mut self, group: Group) {
        let (normalized, phi) = (group.first.cut.normalized(), group.first.cut.phi());
        // Room for rounding: what is tied is decided at the end.
        self.limit = self.limit.min(normalized + 2.0 * TIE_TOLERANCE * normalized.max(1.0));
        drop(self.groups.split_off(&[self.limit.to_bits() + 1, 0]));
        if normalized > self.limit {
            return;
        }
        let key = [normalized.to_bits(), phi.to_bits()];
        match self.groups.get_mut(&key) {
            None => drop(self.groups.insert(key, group)),
            Some(same) => {
                let n_tied = same.n_tied + group.n_tied;
                if group.matrix < same.matrix {
                    *same = group;
                }
                same.n_tied = n_tied;
            }
        }
    }

    /// The smallest of two lots.
    pub(crate) fn merge(mut self, other: Smallest) -> Smallest {
        other.groups.into_values().for_each(|group| self.add(group));
        self
    }

    /// The minimum information partition: smallest normalized φ, then largest φ, then smallest cut
    /// matrix, row by row; and how many tie up to the matrix.
    pub(crate) fn choose(self) -> Option<(CandidatePartition, u64)> {
        let normalized = |group: &Group| group.first.cut.normalized();
        let phi = |group: &Group| group.first.cut.phi();
        let smallest = normalized(self.groups.values().next()?);
        let tied = || self.groups.values().filter(|it| is_tied(normalized(it), smallest));
        let largest = tied().map(phi).max_by(f64::total_cmp)?;
        let n_tied = tied().filter(|it| is_tied(phi(it), largest)).map(|it| it.n_tied).sum();
        let first = self
            .groups
            .into_values()
            .filter(|it| is_tied(normalized(it), smallest) && is_tied(phi(it), largest))
            .min_by(|a, b| a.matrix.cmp(&b.matrix))?;
        Some((first.first, n_tied))
    }
}
