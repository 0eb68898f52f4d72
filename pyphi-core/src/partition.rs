//! Bipartitions of a mechanism over a purview, and the directed cuts of a system: enumeration only.

use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, Result};
use crate::unit_set::{UnitSet, deposit, submasks};

/// A partition of a mechanism M over a purview P: {M1/P1, M2/P2}, or more parts where
/// [`MechanismPartitions`](crate::MechanismPartitions) allows them.
///
/// Displays as `{0}/{} × {1}/{0,1}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Partition {
    /// The mechanism units and the purview units of each part.
    pub parts: Vec<(UnitSet, UnitSet)>,
}

impl Partition {
    /// The bipartitions of `mechanism` over `purview`, in the order that decides ties: every one
    /// except that in which the first part is empty.
    ///
    /// ```
    /// use pyphi_core::{Partition, UnitSet};
    ///
    /// let all = Partition::all(UnitSet::all(1), UnitSet::all(2)).map(|it| it.to_string());
    /// let all: Vec<String> = all.collect();
    /// assert_eq!(all, ["{}/{0} × {0}/{1}", "{}/{1} × {0}/{0}", "{}/{0,1} × {0}/{}"]);
    /// ```
    pub fn all(mechanism: UnitSet, purview: UnitSet) -> impl Iterator<Item = Partition> {
        let (m, p) = (mechanism.bits(), purview.bits());
        local_partitions(m, p)
            .map(move |first| Partition::of_local(&two_parts(m, p, first), u32::MAX))
    }

    /// The partition with the first part (m1, p1), all sets in the numbering of the subsystem whose
    /// units are `members`.
    pub(crate) fn from_local(
        mechanism: u32,
        purview: u32,
        first: (u32, u32),
        members: u32,
    ) -> Partition {
        Partition::of_local(&two_parts(mechanism, purview, first), members)
    }

    /// The partition with these parts, in the numbering of the subsystem whose units are `members`.
    pub(crate) fn of_local(parts: &[(u32, u32)], members: u32) -> Partition {
        let network = |local: u32| UnitSet::from_bits(deposit(local, members));
        Partition { parts: parts.iter().map(|&(m, p)| (network(m), network(p))).collect() }
    }

    /// The number of partitions that [`Partition::all`] yields: 2^(|M|-1) · 2^|P| - 1.
    pub fn count(n_mechanism: usize, n_purview: usize) -> u64 {
        if n_mechanism == 0 { 0 } else { (1u64 << (n_mechanism - 1 + n_purview)) - 1 }
    }
}

impl std::fmt::Display for Partition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (idx, (mechanism, purview)) in self.parts.iter().enumerate() {
            write!(f, "{}{mechanism}/{purview}", if idx > 0 { " × " } else { "" })?;
        }
        Ok(())
    }
}

/// The two parts of a bipartition, given the first.
pub(crate) fn two_parts(mechanism: u32, purview: u32, (m1, p1): (u32, u32)) -> [(u32, u32); 2] {
    [(m1, p1), (mechanism & !m1, purview & !p1)]
}

/// First parts (mechanism, purview) of the partitions, in order: the last unit of the mechanism is
/// always in the second part, or every partition would come twice.
pub(crate) fn local_partitions(
    mechanism: u32,
    purview: u32,
) -> impl Iterator<Item = (u32, u32)> + Clone {
    let firsts = (mechanism != 0).then(|| submasks(mechanism & !last(mechanism)));
    firsts
        .into_iter()
        .flatten()
        .flat_map(move |m1| submasks(purview).map(move |p1| (m1, p1)))
        .filter(|&(m1, p1)| m1 | p1 != 0)
}

/// The last unit of a set that is not empty.
#[inline]
pub(crate) fn last(set: u32) -> u32 {
    1 << (31 - set.leading_zeros())
}

/// A directed cut of a system: the connections from one part to the other are severed.
///
/// Displays as `{0,1} ≠> {2}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cut {
    /// The units whose outgoing connections to `severed_to` are removed.
    pub severed_from: UnitSet,
    /// The units that see noise instead.
    pub severed_to: UnitSet,
}

impl Cut {
    /// Checks that this is a cut of a system of these units.
    ///
    /// # Errors
    /// If it does not divide them in two.
    pub fn check(self, units: UnitSet) -> Result<()> {
        let Cut { severed_from: from, severed_to: to } = self;
        let is_apart = from.intersection(to).is_empty() && from.union(to) == units;
        if is_apart && !from.is_empty() && !to.is_empty() {
            return Ok(());
        }
        Err(ErrorKind::NoCut { cut: self.to_string(), units: units.to_string() }.into())
    }

    /// Returns `true` if it parts one unit from the rest, in either direction.
    pub fn parts_one_unit(&self) -> bool {
        self.severed_from.len() == 1 || self.severed_to.len() == 1
    }

    /// The `2^n - 2` directed cuts of a set of n units, in the order that decides ties.
    ///
    /// ```
    /// use pyphi_core::{Cut, UnitSet};
    ///
    /// let cuts: Vec<String> = Cut::all(UnitSet::all(3)).map(|it| it.to_string()).collect();
    /// assert_eq!(cuts[..3], ["{0} ≠> {1,2}", "{1} ≠> {0,2}", "{0,1} ≠> {2}"]);
    /// assert_eq!(cuts[3..], ["{2} ≠> {0,1}", "{0,2} ≠> {1}", "{1,2} ≠> {0}"]);
    /// ```
    pub fn all(units: UnitSet) -> impl Iterator<Item = Cut> {
        submasks(units.bits()).filter(move |&a| a != 0 && a != units.bits()).map(move |a| Cut {
            severed_from: UnitSet::from_bits(a),
            severed_to: UnitSet::from_bits(units.bits() & !a),
        })
    }
}

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ≠> {}", self.severed_from, self.severed_to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_distinct_and_counted() {
        for (m, p) in [(1, 1), (2, 1), (2, 2), (3, 2), (3, 4)] {
            let all: Vec<_> = local_partitions((1 << m) - 1, (1 << p) - 1).collect();
            let distinct: std::collections::HashSet<_> = all.iter().copied().collect();
            assert_eq!(all.len() as u64, Partition::count(m, p));
            assert_eq!(distinct.len(), all.len());
        }
    }
}
