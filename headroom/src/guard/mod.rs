//! The guard: under it a build does not run out of memory as long as one compiler at a time fits.
//!
//! cargo starts every compiler through a gate (`gate`, this program as `RUSTC_WRAPPER`), which asks
//! a controller (a thread, `controller`) first. The controller looks at memory
//! (`machine::headroom`), tells a state machine (`policy`) and does what that says: let in,
//! suspend, resume, end and start again. It knows of other builds of the user (`agreement`), so
//! that they share memory. cargo notices nothing but time. The watchdog
//! ([`crate::child::watchdog`]) ends the compilers if this process is killed. `docs/memory.md`
//! tells it to the reader; `policy_simulation` tries the policy on made-up machines.
//!
//! Only Linux says quickly enough how much memory is left, and to whom. Elsewhere [`Guard::start`]
//! gives `None`, and a build is watched from outside as any command.

use std::path::PathBuf;

pub(crate) mod guard_record;
mod needs;
mod policy;
#[cfg(test)]
mod policy_simulation;
mod show;
pub(crate) mod timeline_svg;
mod wire;

#[cfg(target_os = "linux")]
mod agreement;
#[cfg(target_os = "linux")]
mod controller;
#[cfg(target_os = "linux")]
mod gate;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{Guard, entered, gates_for_always, held_by_other_builds, switch_gates_off};

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{
    Guard, entered, gates_for_always, held_by_other_builds, switch_gates_off,
};

/// The gates that cargo's configuration names, after they were switched off.
pub(crate) struct GatesOff {
    /// Their folder; `None` if there are none.
    pub(crate) folder: Option<PathBuf>,
    /// The one that the configuration names in the current folder.
    pub(crate) named: Option<String>,
}

pub(crate) use needs::{known_for_all, learn_for_all, user_key};
pub(crate) use wire::Unit;

use crate::numbers::bytes;

/// Lines between gate and controller; for fuzzing. What is understood is said again in the same
/// words.
pub(crate) fn parse_messages(text: &str) {
    for message in text.split('\n').filter_map(wire::Message::parse) {
        let said = message.line();
        assert_eq!(wire::Message::parse(said.trim_end_matches('\n')), Some(message));
    }
}

/// The arguments of a compiler; for fuzzing.
pub(crate) fn parse_arguments(text: &str) {
    let args: Vec<String> = text.lines().map(str::to_owned).collect();
    Unit::of(&args, |_| None);
}

/// The observed needs of one run of a compiler.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ObservedRun {
    pub(crate) unit: Unit,
    pub(crate) peak_bytes: u64,
    pub(crate) seconds: f64,
    /// `true` if it ran to its end.
    pub(crate) complete: bool,
}

/// Cells of the bar.
const N_CELLS: u64 = 20;

/// The present state of the guard, for a line on the terminal.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct GuardStatus {
    pub(crate) point: Option<guard_record::Point>,
    /// The memory that was left at the start.
    pub(crate) room_bytes: u64,
    /// Names of compilers that run, the first few.
    pub(crate) running: String,
}

impl GuardStatus {
    /// `memory [########----] 812 MiB left of 1.4 GiB | a | 2 run (syn, regex), 1 stopped, 3 wait`
    pub(crate) fn line(&self, option: &str) -> Option<String> {
        let point = self.point?;
        let room = self.room_bytes.max(1);
        let used = room.saturating_sub(point.headroom_bytes);
        let n_full = used.saturating_mul(N_CELLS).div_ceil(room).min(N_CELLS);
        let bar = |n: u64, cell: &str| cell.repeat(usize::try_from(n).unwrap_or(0));
        let mut line = format!(
            "memory [{}{}] {} left of {} | {option} | {} run",
            bar(n_full, "#"),
            bar(N_CELLS - n_full, "-"),
            bytes(point.headroom_bytes),
            bytes(room),
            point.n_running
        );
        if !self.running.is_empty() {
            line += &format!(" ({})", self.running);
        }
        for (n, what) in [(point.n_suspended, "stopped"), (point.n_waiting, "wait")] {
            if n > 0 {
                line += &format!(", {n} {what}");
            }
        }
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::guard_record::Point;
    use super::*;

    #[test]
    fn the_line_says_what_is_left_and_who_runs() {
        let point = Point {
            at_ms: 0,
            headroom_bytes: 300 << 20,
            build_bytes: 0,
            swap_headroom_bytes: 0,
            pressure: 0.0,
            n_running: 2,
            n_suspended: 0,
            n_waiting: 3,
        };
        let live =
            GuardStatus { point: Some(point), room_bytes: 400 << 20, running: "syn, regex".into() };
        assert_eq!(
            live.line("full").unwrap(),
            "memory [#####---------------] 300 MiB left of 400 MiB | full | 2 run (syn, regex), 3 \
            wait"
        );
        // More than at the start: another program has ended.
        let point = Point { headroom_bytes: 500 << 20, n_waiting: 0, ..point };
        let live = GuardStatus { point: Some(point), running: String::new(), ..live };
        assert!(live.line("a").unwrap().contains("[--------------------]"));
    }
}
