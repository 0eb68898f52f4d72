//! One line at the bottom of a terminal that says how things stand, and goes out of the way of everything else.

use std::{
    io::{self, Write as _},
    sync::atomic::{AtomicBool, Ordering},
};

use crate::{escape::terminal, guard::Live, numbers::bytes};

/// Whether the line is on the screen: whoever writes to stderr takes it away first.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// Cells of the bar.
const N_CELLS: u64 = 20;

/// Put the line there, or a new one in its place.
pub(crate) fn show(line: &str) {
    let mut stderr = io::stderr().lock();
    // No wrapping: a narrow terminal cuts the line off.
    write!(stderr, "\r\x1b[K\x1b[?7l{}\x1b[?7h", terminal(line)).and_then(|()| stderr.flush()).ok();
    SHOWN.store(true, Ordering::SeqCst);
}

/// Take it away.
pub(crate) fn clear() {
    if SHOWN.swap(false, Ordering::SeqCst) {
        io::stderr().write_all(b"\r\x1b[K").ok();
    }
}

/// `memory [########------------] 812 MiB left of 1.4 GiB | a | 2 run (syn, regex), 1 stopped, 3 wait`
pub(crate) fn line(live: &Live, rung: &str) -> Option<String> {
    let point = live.point?;
    let room = live.room_bytes.max(1);
    let used = room.saturating_sub(point.headroom_bytes);
    let n_full = used.saturating_mul(N_CELLS).div_ceil(room).min(N_CELLS);
    let bar = |n: u64, cell: &str| cell.repeat(usize::try_from(n).unwrap_or(0));
    let mut line = format!(
        "memory [{}{}] {} left of {} | {rung} | {} run",
        bar(n_full, "#"),
        bar(N_CELLS - n_full, "-"),
        bytes(point.headroom_bytes),
        bytes(room),
        point.n_running
    );
    if !live.running.is_empty() {
        line += &format!(" ({})", live.running);
    }
    for (n, what) in [(point.n_suspended, "stopped"), (point.n_waiting, "wait")] {
        if n > 0 {
            line += &format!(", {n} {what}");
        }
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::record::Point;

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
        let live = Live { point: Some(point), room_bytes: 400 << 20, running: "syn, regex".into() };
        assert_eq!(
            line(&live, "full").unwrap(),
            "memory [#####---------------] 300 MiB left of 400 MiB | full | 2 run (syn, regex), 3 wait"
        );
        // More than at the start: somebody else has ended.
        let point = Point { headroom_bytes: 500 << 20, n_waiting: 0, ..point };
        let live = Live { point: Some(point), running: String::new(), ..live };
        assert!(line(&live, "a").unwrap().contains("[--------------------]"));
    }
}
