//! The minimum information partition of a system with all partitions looked at, in the order of
//! their enumeration: what the search of `system_mip` is checked by.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rayon::prelude::*;

use super::partition::{SystemPartition, set_partitions};
use super::side::{CandidatePartition, PartitionCut, Sides, Smallest, n_between, n_kept};
use super::system_mip::SystemOutcome;
use crate::limits::{Options, Phase, Stop, Watch, steps};
use crate::unit_set::bits;

/// Systems of this many units or more are searched on all threads: smaller ones take less than 10
/// ms.
const PARALLEL_FROM: usize = 9;

/// The result of one share of the partitions.
struct Share {
    smallest: Smallest,
    /// A partition that makes no difference: nothing else matters.
    zero: Option<CandidatePartition>,
    was_stopped: bool,
}

/// Looks at all partitions of a system of 2 units or more.
pub(crate) fn list(sides: Sides, options: &Options, stop: &Stop, began: Instant) -> SystemOutcome {
    let n = sides.n;
    let units: Vec<u32> = (0..n).map(|unit| 1 << unit).collect();
    let n_shared = if n < PARALLEL_FROM { 0 } else { 5 };
    let mut prefixes = Vec::new();
    let _ = set_partitions(&units[..n_shared], &mut Vec::new(), &mut |parts| {
        prefixes.push(parts.to_vec());
        ControlFlow::<()>::Continue(())
    });
    let watch = Watch::new(options, began, Phase::SystemPartitions, SystemPartition::count(n));
    // The first share with a partition that makes no difference: later ones need not finish.
    let zero_at = AtomicUsize::new(usize::MAX);
    let work = |(idx, prefix): (usize, &Vec<u32>)| {
        let is_over = || zero_at.load(Ordering::Relaxed) < idx || stop.is_due();
        let (share, n_evaluated) = share(sides, &units[n_shared..], prefix, is_over);
        if share.zero.is_some() {
            zero_at.fetch_min(idx, Ordering::Relaxed);
        }
        watch.add(n_evaluated, None);
        share
    };
    let mut shares: Vec<Share> = if n < PARALLEL_FROM {
        prefixes.iter().enumerate().map(work).collect()
    } else {
        prefixes.par_iter().enumerate().map(work).collect()
    };
    if let Some(zero) = shares.iter_mut().find_map(|share| share.zero.take()) {
        return SystemOutcome::Zero { partition: zero, is_complete: true };
    }
    let is_complete = !shares.iter().any(|share| share.was_stopped);
    let smallest = shares.into_iter().map(|share| share.smallest).reduce(Smallest::merge);
    SystemOutcome::of(smallest.and_then(Smallest::choose), is_complete)
}

/// All partitions that extend `prefix`.
fn share(sides: Sides, units: &[u32], prefix: &[u32], is_over: impl Fn() -> bool) -> (Share, u64) {
    let mut smallest = Smallest::new(sides.n);
    let mut parts = prefix.to_vec();
    let mut directions = Directions::default();
    let (mut n_seen, mut n_evaluated) = (0u64, 0u64);
    let flow = set_partitions(units, &mut parts, &mut |parts| {
        n_seen += 1;
        if n_seen.is_multiple_of(256) && is_over() {
            return ControlFlow::Break(None);
        }
        directions.of(sides, parts, |cut| {
            n_evaluated += 1;
            if cut.is_zero() {
                return ControlFlow::Break(Some(CandidatePartition { cut, parts: parts.to_vec() }));
            }
            smallest.offer(parts, cut);
            ControlFlow::Continue(())
        })
    });
    let (zero, was_stopped) = match flow {
        ControlFlow::Continue(()) => (None, false),
        ControlFlow::Break(None) => (None, true),
        ControlFlow::Break(zero) => (zero, false),
    };
    (Share { smallest, zero, was_stopped }, n_evaluated)
}

/// Room for the directions of one set partition.
#[derive(Default)]
pub(crate) struct Directions {
    /// The parts whose inputs are not cut, and what they gain.
    others: Vec<(u32, [f64; 2])>,
    sums: Vec<(u32, [f64; 2])>,
}

impl Directions {
    /// Every way to give directions to two parts or more, those that cut the same only once.
    pub(crate) fn of<B>(
        &mut self,
        sides: Sides,
        parts: &[u32],
        mut visit: impl FnMut(PartitionCut) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if parts.len() < 2 {
            return ControlFlow::Continue(());
        }
        let n_between = n_between(sides.n, parts);
        let own = sides.own(parts);
        let cut = |inputs_cut: u32, outputs_cut: u32, gain: [f64; 2]| PartitionCut {
            n_cut: f64::from(n_between - n_kept(inputs_cut, outputs_cut)),
            sides: sides.phi(own, gain),
            inputs_cut,
            outputs_cut,
        };
        visit(cut(0, 0, [0.0; 2]))?;
        for chosen in 1..(1u32 << parts.len()) - 1 {
            let inputs_cut = bits(chosen).fold(0, |all, idx| all | parts[idx]);
            let others = parts.iter().enumerate().filter(|(idx, _)| chosen >> idx & 1 == 0);
            self.others.clear();
            self.others.extend(others.map(|(_, &it)| (it, sides.gain(it, inputs_cut))));
            self.sums.clear();
            self.sums.push((0, [0.0; 2]));
            // By subset of the other parts: its units, and what it gains.
            for set in 1..1usize << self.others.len() {
                let (part, gain) = self.others[set.trailing_zeros() as usize];
                let (units, sum) = self.sums[set & (set - 1)];
                let (units, sum) = (units | part, [sum[0] + gain[0], sum[1] + gain[1]]);
                steps(1);
                self.sums.push((units, sum));
                visit(cut(inputs_cut, units, sum))?;
            }
        }
        ControlFlow::Continue(())
    }
}
