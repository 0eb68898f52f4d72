//! All grains of some units.

use std::ops::ControlFlow;

use super::macro_system::{BlackBoxing, CoarseGraining, Group};
use crate::iit4::set_partitions;
use crate::unit_set::{UnitSet, submasks};

/// All ways to put units into parts, but for that in which every unit is alone.
fn partitions(units: UnitSet) -> Vec<Vec<UnitSet>> {
    let single: Vec<u32> = units.iter().map(|unit| 1 << unit).collect();
    let mut all = Vec::new();
    let flow = set_partitions(&single, &mut Vec::new(), &mut |parts| {
        if parts.len() < single.len() || single.len() == 1 {
            all.push(parts.iter().map(|&it| UnitSet::from_bits(it)).collect());
        }
        ControlFlow::<std::convert::Infallible>::Continue(())
    });
    let ControlFlow::Continue(()) = flow;
    all
}

/// All choices of one item from each list.
fn choices<T: Clone>(lists: &[Vec<T>]) -> Vec<Vec<T>> {
    lists.iter().fold(vec![Vec::new()], |all, list| {
        let with = |chosen: &Vec<T>| -> Vec<Vec<T>> {
            list.iter().map(|it| [&chosen[..], std::slice::from_ref(it)].concat()).collect()
        };
        all.iter().flat_map(with).collect()
    })
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
    let graining = |parts: Vec<UnitSet>| {
        let groups: Vec<Vec<Group>> = parts.iter().map(of_group).collect();
        choices(&groups).into_iter().map(|groups| CoarseGraining { groups })
    };
    partitions(units).into_iter().flat_map(graining).collect()
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
    let of_box = |it: &UnitSet| -> Vec<UnitSet> {
        submasks(it.bits()).skip(1).map(UnitSet::from_bits).collect()
    };
    let boxing = |boxes: Vec<UnitSet>| {
        let outputs: Vec<Vec<UnitSet>> = boxes.iter().map(of_box).collect();
        choices(&outputs).into_iter().map(move |outputs| BlackBoxing {
            boxes: boxes.clone(),
            outputs: outputs.into_iter().fold(UnitSet::EMPTY, UnitSet::union),
        })
    };
    partitions(units).into_iter().flat_map(boxing).collect()
}
