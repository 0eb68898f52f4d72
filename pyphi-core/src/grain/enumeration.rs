//! All grains of some units.

use std::convert::Infallible;
use std::ops::ControlFlow;

use super::macro_system::{BlackBoxing, CoarseGraining, Group};
use crate::iit4::set_partitions;
use crate::unit_set::{UnitSet, submasks};

/// Visits all ways to put units into parts, but for that in which every unit is alone.
fn for_each_partition<B>(
    units: UnitSet,
    visit: &mut impl FnMut(&[UnitSet]) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let single: Vec<u32> = units.iter().map(|unit| 1 << unit).collect();
    set_partitions(&single, &mut Vec::new(), &mut |parts| {
        if parts.len() == single.len() && single.len() != 1 {
            return ControlFlow::Continue(());
        }
        let parts: Vec<UnitSet> = parts.iter().map(|&it| UnitSet::from_bits(it)).collect();
        visit(&parts)
    })
}

/// Visits all choices of one item from each list, after those that are chosen.
fn for_each_choice<T: Clone, B>(
    lists: &[Vec<T>],
    chosen: &mut Vec<T>,
    visit: &mut impl FnMut(&[T]) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let Some((first, rest)) = lists.split_first() else { return visit(chosen) };
    for item in first {
        chosen.push(item.clone());
        for_each_choice(rest, chosen, visit)?;
        chosen.pop();
    }
    ControlFlow::Continue(())
}

/// All that is visited.
fn all<T>(
    for_each: impl FnOnce(&mut dyn FnMut(T) -> ControlFlow<Infallible>) -> ControlFlow<Infallible>,
) -> Vec<T> {
    let mut all = Vec::new();
    let ControlFlow::Continue(()) = for_each(&mut |it| {
        all.push(it);
        ControlFlow::Continue(())
    });
    all
}

/// All coarse grainings of some units: every way to put them into groups but for that in which
/// every unit is alone, and in each group every choice of the numbers of ON units for which the
/// macro unit is OFF. None of them ON is always OFF.
///
/// ```
/// use pyphi_core::{UnitSet, grain::coarse_grainings};
///
/// assert_eq!([3, 4].map(|n| coarse_grainings(UnitSet::all(n)).len()), [16, 88]);
/// ```
pub fn coarse_grainings(units: UnitSet) -> Vec<CoarseGraining> {
    all(|visit| for_each_coarse_graining(units, visit))
}

/// Visits [`coarse_grainings`], of which there may be too many to keep.
pub(super) fn for_each_coarse_graining<B>(
    units: UnitSet,
    mut visit: impl FnMut(CoarseGraining) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let of_group = |&units: &UnitSet| -> Vec<Group> {
        let all = (1u64 << units.len()) - 1;
        // Which numbers but 0 are OFF; not all of them.
        let off = 0..all;
        let group = |rest: u64| {
            let counts: Vec<usize> =
                (0..=units.len()).filter(|&k| k == 0 || rest >> (k - 1) & 1 == 1).collect();
            Group::new(units, &counts)
        };
        off.map(group).collect()
    };
    for_each_partition(units, &mut |parts| {
        let groups: Vec<Vec<Group>> = parts.iter().map(of_group).collect();
        for_each_choice(&groups, &mut Vec::new(), &mut |groups| {
            visit(CoarseGraining { groups: groups.to_vec() })
        })
    })
}

/// All black boxings of some units: every way to put them into boxes but for that in which every
/// unit is alone, with one output at least in each box.
///
/// ```
/// use pyphi_core::{UnitSet, grain::black_boxings};
///
/// assert_eq!([3, 4].map(|n| black_boxings(UnitSet::all(n)).len()), [16, 88]);
/// ```
pub fn black_boxings(units: UnitSet) -> Vec<BlackBoxing> {
    all(|visit| for_each_black_boxing(units, visit))
}

/// Visits [`black_boxings`], of which there may be too many to keep.
pub(super) fn for_each_black_boxing<B>(
    units: UnitSet,
    mut visit: impl FnMut(BlackBoxing) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let of_box = |it: &UnitSet| -> Vec<UnitSet> {
        submasks(it.bits()).skip(1).map(UnitSet::from_bits).collect()
    };
    for_each_partition(units, &mut |boxes| {
        let outputs: Vec<Vec<UnitSet>> = boxes.iter().map(of_box).collect();
        for_each_choice(&outputs, &mut Vec::new(), &mut |outputs| {
            let outputs = outputs.iter().fold(UnitSet::EMPTY, |all, it| all.union(*it));
            visit(BlackBoxing { boxes: boxes.to_vec(), outputs })
        })
    })
}
