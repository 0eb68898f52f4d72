//! The partitions of IIT 4.0: directed set partitions of a system, joint partitions of a mechanism
//! and a purview. Enumeration and counting only, no probabilities.

use std::fmt;
use std::ops::ControlFlow;

use crate::error::{ErrorKind, Result};
use crate::unit_set::{UnitSet, bits};

/// The connections of a part, with the other parts, that are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartDirection {
    /// Those that come in.
    InputsCut,
    /// Those that go out.
    OutputsCut,
    /// All.
    Both,
}

/// A partition of a system: its parts, each with a direction (Albantakis et al. 2023). The
/// connection u → v between two parts survives only if the part of u has its inputs cut and that of
/// v its outputs.
///
/// The one partition of a single unit has one part, and cuts its connection with itself. Displays
/// as `{0,1} ⊣in × {2} ⊣out`: the inputs of `{0,1}` and the outputs of `{2}` are cut.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SystemPartition {
    /// The parts, by their lowest unit.
    pub parts: Vec<(UnitSet, PartDirection)>,
}

impl SystemPartition {
    /// Makes a partition from parts, those whose inputs are cut only, and those whose outputs are
    /// (all three as unions of units). If there are not both kinds everything between the parts is
    /// cut.
    pub(crate) fn new(parts: &[UnitSet], inputs_cut: UnitSet, outputs_cut: UnitSet) -> Self {
        let is_directed = !inputs_cut.is_empty() && !outputs_cut.is_empty();
        let direction = |part: UnitSet| {
            if is_directed && part.is_subset(inputs_cut) {
                PartDirection::InputsCut
            } else if is_directed && part.is_subset(outputs_cut) {
                PartDirection::OutputsCut
            } else {
                PartDirection::Both
            }
        };
        SystemPartition { parts: parts.iter().map(|&part| (part, direction(part))).collect() }
    }

    /// Checks that this is a partition of a system of these units.
    ///
    /// # Errors
    /// If it does not divide them in two parts or more (one of a single unit).
    pub fn check(&self, units: UnitSet) -> Result<()> {
        let mut seen = UnitSet::EMPTY;
        let is_apart = self.parts.iter().all(|&(part, _)| {
            let is_new = !part.is_empty() && part.intersection(seen).is_empty();
            seen = seen.union(part);
            is_new
        });
        let is_parted = self.parts.len() > 1 || units.len() == 1;
        if is_apart && seen == units && is_parted {
            return Ok(());
        }
        let (partition, units) = (self.to_string(), units.to_string());
        Err(ErrorKind::NoSystemPartition { partition, units }.into())
    }

    /// Every ordered pair (u, v) such that u → v is cut, whether the network has that connection or
    /// not. Their number is the normalisation of φ_s.
    ///
    /// ```
    /// use pyphi_core::iit4::{PartDirection, SystemPartition};
    ///
    /// let [ab, c] = [[0, 1].into_iter().collect(), [2].into_iter().collect()];
    /// let parts = vec![(ab, PartDirection::InputsCut), (c, PartDirection::OutputsCut)];
    /// assert_eq!(SystemPartition { parts }.cut_edges(), [(2, 0), (2, 1)]);
    /// ```
    pub fn cut_edges(&self) -> Vec<(usize, usize)> {
        if let [(only, _)] = self.parts.as_slice() {
            return only.iter().flat_map(|u| only.iter().map(move |v| (u, v))).collect();
        }
        let mut edges = Vec::new();
        for (idx, &(from, from_direction)) in self.parts.iter().enumerate() {
            for (other, &(to, to_direction)) in self.parts.iter().enumerate() {
                let survives = from_direction == PartDirection::InputsCut
                    && to_direction == PartDirection::OutputsCut;
                if idx != other && !survives {
                    edges.extend(from.iter().flat_map(|u| to.iter().map(move |v| (u, v))));
                }
            }
        }
        edges.sort_unstable();
        edges
    }

    /// The number of different partitions of a system of `n` units: `sum over k >= 2 of S(n, k) ·
    /// (3^k - 2^(k+1) + 2)`, S being Stirling numbers of the second kind; for one unit 1.
    /// Saturates.
    ///
    /// ```
    /// use pyphi_core::iit4::SystemPartition;
    ///
    /// assert_eq!([2, 3, 4, 5].map(SystemPartition::count), [3, 22, 150, 1061]);
    /// ```
    pub fn count(n: usize) -> u64 {
        if n == 1 {
            return 1;
        }
        // Row n of the Stirling numbers: S(n, k) = k S(n-1, k) + S(n-1, k-1).
        let mut stirling = vec![1u64];
        for size in 1..=n {
            let mut row = vec![0u64; size + 1];
            for (k, entry) in row.iter_mut().enumerate().skip(1) {
                let joined = stirling.get(k).map_or(0, |&it| it.saturating_mul(k as u64));
                *entry = joined.saturating_add(stirling[k - 1]);
            }
            stirling = row;
        }
        (2..=n)
            .map(|k| stirling[k].saturating_mul(3u64.pow(k as u32) - (1 << (k + 1)) + 2))
            .fold(0, u64::saturating_add)
    }
}

impl fmt::Display for SystemPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, (part, direction)) in self.parts.iter().enumerate() {
            if idx > 0 {
                f.write_str(" × ")?;
            }
            let cut = match direction {
                PartDirection::InputsCut => "⊣in",
                PartDirection::OutputsCut => "⊣out",
                PartDirection::Both => "⊣",
            };
            write!(f, "{part} {cut}")?;
        }
        Ok(())
    }
}

/// A partition of a mechanism together with a purview: blocks of mechanism units, each with the
/// purview units it keeps (Albantakis et al. 2023). Every connection between different blocks is
/// severed.
///
/// Displays as `{0}/{1} × {1}/{} × {}/{0}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JointPartition {
    /// Mechanism units and purview units of each block. Purview units that are severed from the
    /// whole mechanism are in a last block without mechanism units.
    pub blocks: Vec<(UnitSet, UnitSet)>,
}

impl JointPartition {
    /// All partitions of a mechanism and a purview: the complete one, which severs all connections,
    /// and, for every set partition of the mechanism into two blocks or more, every assignment of
    /// each purview unit to one of them or to none.
    ///
    /// ```
    /// use pyphi_core::{UnitSet, iit4::JointPartition};
    ///
    /// let all = JointPartition::all(UnitSet::all(2), UnitSet::all(2));
    /// assert_eq!(all.len() as u64, JointPartition::count(2, 2));
    /// assert_eq!(all[0].to_string(), "{0,1}/{} × {}/{0,1}");
    /// ```
    pub fn all(mechanism: UnitSet, purview: UnitSet) -> Vec<JointPartition> {
        let mut all = Vec::new();
        let flow = for_each_joint(mechanism.bits(), purview.bits(), |blocks| {
            all.push(JointPartition::from_local(blocks, UnitSet::from_bits));
            ControlFlow::<std::convert::Infallible>::Continue(())
        });
        let ControlFlow::Continue(()) = flow;
        all
    }

    /// The number of partitions that [`JointPartition::all`] lists: `1 + sum over k >= 2 of S(|M|,
    /// k) · (k + 1)^|P|`. Saturates.
    pub fn count(n_mechanism: usize, n_purview: usize) -> u64 {
        // By the number of ways to grow a set partition, unit by unit.
        let mut by_blocks = vec![1u64];
        for _ in 0..n_mechanism {
            let mut next = vec![0u64; by_blocks.len() + 1];
            for (k, &ways) in by_blocks.iter().enumerate() {
                next[k] = next[k].saturating_add(ways.saturating_mul(k as u64));
                next[k + 1] = next[k + 1].saturating_add(ways);
            }
            by_blocks = next;
        }
        (2..by_blocks.len())
            .map(|k| by_blocks[k].saturating_mul((k as u64 + 1).saturating_pow(n_purview as u32)))
            .fold(1, u64::saturating_add)
    }

    /// The number of pairs of a mechanism unit and a purview unit that are severed: the
    /// normalisation of φ_d.
    pub fn n_severed(&self) -> usize {
        let n_purview: usize = self.blocks.iter().map(|(_, p)| p.len()).sum();
        self.blocks.iter().map(|(m, p)| m.len() * (n_purview - p.len())).sum()
    }

    pub(crate) fn from_local(
        blocks: &[(u32, u32)],
        to_network: impl Fn(u32) -> UnitSet,
    ) -> JointPartition {
        let blocks = blocks.iter().map(|&(m, p)| (to_network(m), to_network(p))).collect();
        JointPartition { blocks }
    }
}

impl fmt::Display for JointPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, (m, p)) in self.blocks.iter().enumerate() {
            if idx > 0 {
                f.write_str(" × ")?;
            }
            write!(f, "{m}/{p}")?;
        }
        Ok(())
    }
}

/// Every partition of a mechanism and a purview, as the blocks of [`JointPartition`].
pub(crate) fn for_each_joint<B>(
    mechanism: u32,
    purview: u32,
    mut visit: impl FnMut(&[(u32, u32)]) -> ControlFlow<B>,
) -> ControlFlow<B> {
    visit(&[(mechanism, 0), (0, purview)])?;
    let units: Vec<u32> = bits(mechanism).map(|unit| 1 << unit).collect();
    let mut parts = Vec::new();
    set_partitions(&units, &mut parts, &mut |parts| {
        let k = parts.len();
        if k >= 2 {
            for mut assignment in 0..(k + 1).pow(purview.count_ones()) {
                let mut blocks: Vec<(u32, u32)> = parts.iter().map(|&part| (part, 0)).collect();
                blocks.push((0, 0));
                for unit in bits(purview) {
                    blocks[assignment % (k + 1)].1 |= 1 << unit;
                    assignment /= k + 1;
                }
                if blocks[k].1 == 0 {
                    blocks.pop();
                }
                visit(&blocks)?;
            }
        }
        ControlFlow::Continue(())
    })
}

/// Every way to add the `units` (one bit each), in order, to existing `parts` or as parts of their
/// own. Parts come in the order of their lowest unit if the units do.
pub(crate) fn set_partitions<B>(
    units: &[u32],
    parts: &mut Vec<u32>,
    visit: &mut impl FnMut(&[u32]) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let Some((&unit, rest)) = units.split_first() else { return visit(parts) };
    for idx in 0..parts.len() {
        parts[idx] |= unit;
        set_partitions(rest, parts, visit)?;
        parts[idx] &= !unit;
    }
    parts.push(unit);
    set_partitions(rest, parts, visit)?;
    parts.pop();
    ControlFlow::Continue(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn joint_partitions_are_distinct_and_counted() {
        for (m, p, expected) in [(1, 4, 1), (2, 1, 4), (2, 3, 28), (3, 2, 44), (4, 4, 2729)] {
            let all = JointPartition::all(UnitSet::all(m), UnitSet::all(p));
            assert_eq!(all.len(), expected);
            assert_eq!(JointPartition::count(m, p), expected as u64);
            assert_eq!(all.iter().collect::<HashSet<_>>().len(), expected);
            assert!(all.iter().all(|it| it.n_severed() > 0));
        }
    }

    #[test]
    fn system_partitions_are_counted() {
        assert_eq!([6, 7, 8].map(SystemPartition::count), [7896, 61_888, 510_313]);
        assert_eq!([0, 1].map(SystemPartition::count), [0, 1]);
    }

    /// Over all directions of all parts, as many different sets of cut connections as are counted.
    #[test]
    fn directions_that_cut_the_same_are_one_partition() {
        for n in 2..=4 {
            let units: Vec<u32> = (0..n).map(|unit| 1 << unit).collect();
            let mut cuts = HashSet::new();
            let _ = set_partitions(&units, &mut Vec::new(), &mut |parts| {
                let k = parts.len() as u32;
                for mut directions in 0..if k > 1 { 3u32.pow(k) } else { 0 } {
                    let parts = parts.iter().map(|&part| {
                        let all = [
                            PartDirection::InputsCut,
                            PartDirection::OutputsCut,
                            PartDirection::Both,
                        ];
                        let direction = all[directions as usize % 3];
                        directions /= 3;
                        (UnitSet::from_bits(part), direction)
                    });
                    cuts.insert(SystemPartition { parts: parts.collect() }.cut_edges());
                }
                ControlFlow::<()>::Continue(())
            });
            assert_eq!(cuts.len() as u64, SystemPartition::count(n));
        }
    }
}
