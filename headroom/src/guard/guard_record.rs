//! The observations and actions of the guard, for `build.json` and its figure.
//!
//! The timeline has a fixed size: when it is full, every two points become one, so a build of hours
//! costs no more memory than one of seconds.

use serde::Serialize;

use super::policy::Millis;
use crate::build_ledger::UnitKind;

/// Points of a timeline at most.
const N_POINTS: usize = 1024;
/// The first distance between them.
const FIRST_DISTANCE: Millis = 100;
/// Compiler runs and events that are kept one by one.
const N_ROWS: usize = 4096;

/// The record of one guarded command.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct GuardRecord {
    /// Memory at the start: headroom, and whether a group's limit set it.
    pub(crate) room_bytes: u64,
    pub(crate) limited_by_group: bool,
    /// The reserve that was to stay free.
    pub(crate) floor_bytes: u64,
    pub(crate) n_compilers: usize,
    pub(crate) n_suspensions: usize,
    pub(crate) n_evictions: usize,
    /// Compilers and linkers of this build that the kernel killed for lack of memory.
    pub(crate) n_kernel_kills: usize,
    /// Most memory of the build at once: its own pages.
    pub(crate) peak_bytes: u64,
    pub(crate) lowest_headroom_bytes: u64,
    /// The same in the last two seconds.
    pub(crate) last_headroom_bytes: u64,
    /// The slowest reaction, from the look before the one that saw memory short to the signal: an
    /// upper bound of the reaction time.
    pub(crate) slowest_reaction_ms: Option<Millis>,
    /// The largest resident set of this process itself, and the part that is not its program text.
    pub(crate) xtask_peak_resident_bytes: Option<u64>,
    pub(crate) xtask_own_bytes: Option<u64>,
    /// The time in which programs stood still for lack of memory for a good part of it.
    pub(crate) stalled_ms: Millis,
    /// For some seconds nothing of this build ran, because another build of the user had its turn.
    pub(crate) was_held_up_by_another_build: bool,
    /// Messages of gates that could not reach the controller, one line each.
    pub(crate) unguarded: Vec<String>,
    /// The compiler that did not fit, not even alone.
    pub(crate) misfit: Option<OversizedCompiler>,
    /// Memory was shorter than the reserve where programs outside this build's own group share it.
    #[serde(skip)]
    pub(crate) was_short_for_others: bool,
    /// Too long for the document on stdout; `build.json` has it.
    #[serde(skip)]
    pub(crate) details: Details,
}

/// Runs, events and the timeline, each in order.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Details {
    pub(crate) runs: Vec<CompilerRun>,
    pub(crate) events: Vec<Event>,
    pub(crate) timeline: Vec<Point>,
}

/// A compiler that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct OversizedCompiler {
    pub(crate) package: String,
    pub(crate) crate_name: String,
    /// The memory that it held when it was ended. It needs more.
    pub(crate) held_bytes: u64,
    /// The memory that there was for it.
    pub(crate) room_bytes: u64,
    /// The memory that it waited for at last, which other programs kept.
    pub(crate) waited_for_bytes: Option<u64>,
}

/// One start of a compiler.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct CompilerRun {
    pub(crate) package: String,
    pub(crate) version: String,
    pub(crate) crate_name: String,
    pub(crate) kind: UnitKind,
    pub(crate) asked_ms: Millis,
    pub(crate) started_ms: Millis,
    pub(crate) ended_ms: Millis,
    pub(crate) peak_bytes: u64,
    pub(crate) end: RunEnd,
}

/// The end of a compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RunEnd {
    Succeeded,
    Failed,
    /// By the guard; it was started again unless the guard gave up.
    Evicted,
    /// By the kernel, for lack of memory.
    KernelKilled,
    /// With the whole build.
    Abandoned,
    /// By itself, or by the kernel: of a compiler that no gate has let in that is not known.
    NotTold,
}

/// Something the guard did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Event {
    pub(crate) at_ms: Millis,
    pub(crate) what: GuardAction,
    pub(crate) crate_name: String,
    pub(crate) held_bytes: u64,
    pub(crate) headroom_bytes: u64,
    /// The memory that must be available before a waiting compiler starts.
    pub(crate) wanted_bytes: Option<u64>,
    /// The other build that is waited for, for people.
    pub(crate) other_build: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum GuardAction {
    Suspended,
    Resumed,
    Evicted,
    KernelKilled,
    /// It waits for memory that other programs have, or for another build.
    Waits,
    GaveUp,
}

/// A stretch of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Point {
    pub(crate) at_ms: Millis,
    /// The lowest in the stretch.
    pub(crate) headroom_bytes: u64,
    /// The highest in the stretch.
    pub(crate) build_bytes: u64,
    /// The lowest in the stretch.
    pub(crate) swap_headroom_bytes: u64,
    /// Part of the time some program stood still for lack of memory, 0 to 1; the highest in the
    /// stretch.
    pub(crate) pressure: f32,
    pub(crate) n_running: u16,
    pub(crate) n_suspended: u16,
    pub(crate) n_waiting: u16,
}

/// Collects points.
#[derive(Debug)]
pub(crate) struct Timeline {
    points: Vec<Point>,
    distance: Millis,
}

impl Timeline {
    pub(crate) fn new() -> Timeline {
        Timeline { points: Vec::with_capacity(N_POINTS), distance: FIRST_DISTANCE }
    }

    pub(crate) fn push(&mut self, point: Point) {
        if let Some(last) = self.points.last_mut()
            && point.at_ms < last.at_ms + self.distance
        {
            *last = last.and(point);
            return;
        }
        if self.points.len() == N_POINTS {
            for pair in 0..N_POINTS / 2 {
                self.points[pair] = self.points[2 * pair].and(self.points[2 * pair + 1]);
            }
            self.points.truncate(N_POINTS / 2);
            self.distance *= 2;
        }
        self.points.push(point);
    }

    /// The lowest headroom in the last stretches of this length altogether.
    pub(crate) fn lowest_lately(&self, length: Millis) -> Option<u64> {
        let since = self.points.last()?.at_ms.saturating_sub(length);
        let lately = self.points.iter().rev().take_while(|it| it.at_ms >= since);
        lately.map(|it| it.headroom_bytes).min()
    }

    pub(crate) fn into_points(self) -> Vec<Point> {
        self.points
    }
}

impl Point {
    /// Both stretches as one.
    fn and(self, later: Point) -> Point {
        Point {
            at_ms: self.at_ms,
            headroom_bytes: self.headroom_bytes.min(later.headroom_bytes),
            build_bytes: self.build_bytes.max(later.build_bytes),
            swap_headroom_bytes: self.swap_headroom_bytes.min(later.swap_headroom_bytes),
            pressure: self.pressure.max(later.pressure),
            n_running: self.n_running.max(later.n_running),
            n_suspended: self.n_suspended.max(later.n_suspended),
            n_waiting: self.n_waiting.max(later.n_waiting),
        }
    }
}

/// Appends unless there are too many rows already.
pub(crate) fn push_row<T>(rows: &mut Vec<T>, row: T) {
    if rows.len() < N_ROWS {
        rows.push(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_timeline_keeps_its_extremes_and_its_size() {
        let point = |at_ms, headroom| Point {
            at_ms,
            headroom_bytes: headroom,
            build_bytes: 1000 - headroom,
            swap_headroom_bytes: 0,
            pressure: 0.0,
            n_running: 1,
            n_suspended: 0,
            n_waiting: 0,
        };
        let mut timeline = Timeline::new();
        for at in 0..400_000 {
            timeline.push(point(at * 25, if at == 123_456 { 1 } else { 900 }));
        }
        let points = timeline.into_points();
        assert!(points.len() <= N_POINTS && points.len() >= N_POINTS / 2);
        assert_eq!(points[0].at_ms, 0);
        assert!(points.is_sorted_by_key(|it| it.at_ms));
        let lowest = points.iter().min_by_key(|it| it.headroom_bytes).unwrap();
        assert_eq!((lowest.headroom_bytes, lowest.build_bytes), (1, 999));
        // It stands where it was seen, within one stretch.
        let distance = points[1].at_ms - points[0].at_ms;
        assert!((lowest.at_ms..lowest.at_ms + 2 * distance).contains(&(123_456 * 25)));
    }
}
