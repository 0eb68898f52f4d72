//! Interchangeable units.
//!
//! Two units are twins if exchanging them leaves the unit tables, the connections and the state as
//! they are. Being twins is an equivalence (if (i j) and (j k) are symmetries, so is (i k)), and
//! the symmetries of a class of twins are all its permutations. φ of a mechanism over a purview
//! under a cut only depends on how many units of each class are in which of the three sets. So it
//! is worked out once for one arrangement, the canonical one, and looked up for the others;
//! purviews that differ by an exchange of twins are looked at once.
//!
//! The *choice* among tied purviews is not symmetric. It is made afterwards, by the order of the
//! theory: of the purviews with the same numbers of units of each kind, the lexicographically first
//! has the lowest units of each kind.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::fixed::Fixed;
use crate::limits::steps;
use crate::tables::Tables;
use crate::unit_set::{bits, extract, submasks};

/// The classes of twins with more than one unit, as sets.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Symmetry {
    classes: Vec<u32>,
    /// Units without a twin.
    single: u32,
}

/// The arrangement that a cut of a mechanism from a purview comes down to: three sets of units.
/// `from` is the part of A that matters, 0 if nothing is severed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Arrangement {
    pub(crate) mechanism: u32,
    pub(crate) purview: u32,
    pub(crate) from: u32,
}

impl Symmetry {
    /// The twins among the units of a subsystem, if there are enough of them for this to pay:
    /// looking up one arrangement at a time costs more than working out all purviews of a mechanism
    /// together. Else none.
    pub(crate) fn find(tables: &Tables) -> Symmetry {
        const WORTHWHILE: f64 = 0.1;
        let symmetry = Symmetry::find_all(tables);
        if symmetry.share_left() <= WORTHWHILE { symmetry } else { Symmetry::default() }
    }

    /// Which share of the arrangements is left when equivalent ones count once. A unit can be in
    /// neither set, or in one or both of mechanism and purview on either side of the cut: 7 ways.
    fn share_left(&self) -> f64 {
        self.classes
            .iter()
            .map(|class| {
                let size = class.count_ones();
                // Ways to distribute `size` equal units over 7 kinds, over 7^size.
                (1..=size).map(|k| f64::from(k + 6) / f64::from(k) / 7.0).product::<f64>()
            })
            .product()
    }

    /// The classes of units that can be exchanged without changing anything, as sets of at least
    /// two.
    pub(crate) fn classes(tables: &Tables) -> Vec<u32> {
        Symmetry::find_all(tables).classes
    }

    /// The twins among the units of a subsystem.
    fn find_all(tables: &Tables) -> Symmetry {
        let n = tables.n;
        let all = ((1u64 << n) - 1) as u32;
        let (mut classes, mut single) = (Vec::new(), 0);
        let mut left = all;
        while left != 0 {
            let first = left.trailing_zeros() as usize;
            let class = bits(left)
                .filter(|&unit| are_twins(tables, first, unit))
                .fold(0, |set, unit| set | 1 << unit);
            left &= !class;
            if class.count_ones() > 1 { classes.push(class) } else { single |= class }
        }
        Symmetry { classes, single }
    }

    /// Returns `true` if there are no twins.
    pub(crate) fn is_trivial(&self) -> bool {
        self.classes.is_empty()
    }

    /// The arrangement that stands for all that differ from this one by an exchange of twins: in
    /// each class, units sorted by the sets they are in.
    pub(crate) fn canonical(&self, arrangement: Arrangement) -> Arrangement {
        let Arrangement { mechanism, purview, from } = arrangement;
        let mut canonical = Arrangement {
            mechanism: mechanism & self.single,
            purview: purview & self.single,
            from: from & self.single,
        };
        for &class in &self.classes {
            let mut left = class;
            for kind in 0..8u32 {
                let pick = |bit: u32, set: u32| if kind >> bit & 1 == 1 { set } else { !set };
                let n_units =
                    (class & pick(0, mechanism) & pick(1, purview) & pick(2, from)).count_ones();
                let mut units = 0;
                for _ in 0..n_units {
                    units |= left & left.wrapping_neg();
                    left &= left - 1;
                }
                canonical.mechanism |= if kind & 1 == 1 { units } else { 0 };
                canonical.purview |= if kind >> 1 & 1 == 1 { units } else { 0 };
                canonical.from |= if kind >> 2 & 1 == 1 { units } else { 0 };
            }
        }
        canonical
    }

    /// One purview of each kind, given a mechanism and a cut, with how many there are of that kind:
    /// the lexicographically first. In no particular order; the empty purview is not listed.
    pub(crate) fn purviews(&self, mechanism: u32, from: u32) -> Vec<(u32, u32)> {
        let mut purviews = vec![(0u32, 1u32)];
        for unit in bits(self.single) {
            purviews.extend_from_within(..);
            let half = purviews.len() / 2;
            purviews[half..].iter_mut().for_each(|(purview, _)| *purview |= 1 << unit);
        }
        for &class in &self.classes {
            for kind in 0..4u32 {
                let pick = |bit: u32, set: u32| if kind >> bit & 1 == 1 { set } else { !set };
                let group = class & pick(0, mechanism) & pick(1, from);
                if group == 0 {
                    continue;
                }
                let before = purviews.len();
                let (mut units, mut ways) = (0, 1u32);
                for (taken, unit) in bits(group).enumerate() {
                    // From binomial(g, t) to binomial(g, t + 1).
                    ways = ways * (group.count_ones() - taken as u32) / (taken as u32 + 1);
                    units |= 1 << unit;
                    purviews.extend_from_within(..before);
                    let start = purviews.len() - before;
                    for (purview, count) in &mut purviews[start..] {
                        *purview |= units;
                        *count *= ways;
                    }
                }
            }
        }
        purviews.retain(|&(purview, _)| purview != 0);
        purviews
    }

    /// All purviews of one kind, given a mechanism and a cut: those with as many units of each
    /// class in each of the sets.
    pub(crate) fn members(&self, purview: u32, mechanism: u32, from: u32) -> Vec<u32> {
        let mut members = vec![purview & self.single];
        for &class in &self.classes {
            for kind in 0..4u32 {
                let pick = |bit: u32, set: u32| if kind >> bit & 1 == 1 { set } else { !set };
                let group = class & pick(0, mechanism) & pick(1, from);
                let n_units = (group & purview).count_ones();
                let ways: Vec<u32> =
                    submasks(group).filter(|it| it.count_ones() == n_units).collect();
                members =
                    members.iter().flat_map(|set| ways.iter().map(move |it| set | it)).collect();
            }
        }
        members
    }
}

/// Returns `true` if exchanging two units changes nothing.
fn are_twins(tables: &Tables, i: usize, j: usize) -> bool {
    if i == j {
        return true;
    }
    steps(tables.n << tables.n);
    let exchange = |set: u32| {
        let differ = (set >> i ^ set >> j) & 1;
        set ^ (differ << i | differ << j)
    };
    let unit = |k: usize| {
        if k == i {
            j
        } else if k == j {
            i
        } else {
            k
        }
    };
    let same_inputs =
        || (0..tables.n).all(|k| tables.inputs[unit(k)] == exchange(tables.inputs[k]));
    if let Some(values) = &tables.values {
        return same_inputs() && values.may_exchange(i, j);
    }
    tables.is_on(i) == tables.is_on(j)
        && same_inputs()
        && (0..1u32 << tables.n).all(|state| {
            (0..tables.n).all(|k| {
                let (here, there) = (tables.inputs[k], tables.inputs[unit(k)]);
                tables.cause(k, here)[extract(state, here) as usize]
                    == tables.cause(unit(k), there)[extract(exchange(state), there) as usize]
            })
        })
}

/// A φ, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KnownPhi {
    Exactly(Fixed),
    AtMost(Fixed),
}

/// φ by canonical arrangement, for one direction; shared by all threads and all cuts.
#[derive(Debug)]
pub(crate) struct PhiCache {
    shards: Vec<Mutex<HashMap<Arrangement, KnownPhi>>>,
}

impl PhiCache {
    /// A cache for systems with these twins. Without twins nothing is looked up.
    pub(crate) fn for_twins(symmetry: &Symmetry) -> PhiCache {
        let n_shards = if symmetry.is_trivial() { 0 } else { 64 };
        PhiCache { shards: (0..n_shards).map(|_| Mutex::default()).collect() }
    }

    fn shard(&self, arrangement: &Arrangement) -> &Mutex<HashMap<Arrangement, KnownPhi>> {
        let Arrangement { mechanism, purview, from } = arrangement;
        let mixed =
            (mechanism ^ purview.rotate_left(11) ^ from.rotate_left(22)).wrapping_mul(0x9E37_79B1);
        &self.shards[(mixed >> 26) as usize]
    }

    pub(crate) fn get(&self, arrangement: &Arrangement) -> Option<KnownPhi> {
        self.shard(arrangement)
            .lock()
            .expect("no thread panics with the lock held")
            .get(arrangement)
            .copied()
    }

    pub(crate) fn set(&self, arrangement: Arrangement, known: KnownPhi) {
        let mut shard =
            self.shard(&arrangement).lock().expect("no thread panics with the lock held");
        shard
            .entry(arrangement)
            .and_modify(|old| {
                *old = match (*old, known) {
                    (KnownPhi::AtMost(a), KnownPhi::AtMost(b)) => KnownPhi::AtMost(a.min(b)),
                    (exact @ KnownPhi::Exactly(_), _) | (_, exact) => exact,
                }
            })
            .or_insert(known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{complete_majority, generic_logistic, generic_twins, or_and_xor};

    #[test]
    fn twins_are_found() {
        assert_eq!(Symmetry::find_all(&complete_majority(5).tables).classes, [0b11111]);
        assert!(Symmetry::find_all(&generic_logistic(4, 1).tables).is_trivial());
        assert!(Symmetry::find_all(&or_and_xor().tables).is_trivial());
        assert!(!Symmetry::find(&complete_majority(4).tables).is_trivial());
        assert_eq!(Symmetry::find_all(&generic_twins(5, 1).tables).classes, [0b00011]);
        assert!(Symmetry::find(&generic_twins(5, 1).tables).is_trivial(), "too few to pay");
    }

    #[test]
    fn arrangements_are_counted() {
        let share = |size: u32| Symmetry { classes: vec![(1 << size) - 1], single: 0 }.share_left();
        assert!((share(2) - 28.0 / 49.0).abs() < 1e-12);
        assert!((share(3) - 84.0 / 343.0).abs() < 1e-12);
    }

    #[test]
    fn purviews_of_all_kinds_are_all_purviews() {
        let symmetry = Symmetry { classes: vec![0b011010, 0b100001], single: 0b000100 };
        for (mechanism, from) in [(0b000011, 0), (0b110000, 0b011000), (0b111111, 0b000001)] {
            let purviews = symmetry.purviews(mechanism, from);
            assert_eq!(purviews.iter().map(|it| it.1).sum::<u32>(), 63);
            for &(purview, count) in &purviews {
                let members = symmetry.members(purview, mechanism, from);
                assert_eq!(members.len(), count as usize);
                let canonical =
                    |purview| symmetry.canonical(Arrangement { mechanism, purview, from });
                assert!(members.iter().all(|&it| canonical(it) == canonical(purview)));
            }
            // Every purview has the arrangement of exactly one of those listed, which comes no
            // later.
            for purview in 1..64 {
                let canonical =
                    |purview| symmetry.canonical(Arrangement { mechanism, purview, from });
                let same: Vec<u32> = purviews
                    .iter()
                    .map(|it| it.0)
                    .filter(|&it| canonical(it) == canonical(purview))
                    .collect();
                assert_eq!(same.len(), 1);
                assert!(crate::unit_set::cmp_lexicographic(same[0], purview).is_le());
            }
        }
    }
}
