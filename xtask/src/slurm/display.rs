//! The progress of a job, in one line.

use headroom::numbers::{duration, round};

use super::follow::{Progress, tasks};

/// `round 1, 11 tasks: 3 wait (others are before them), 2 run, 5 ended, 1 TIMEOUT | 40 of 160 exact
/// problems, 31 % | 12 min left`
pub(super) fn line(progress: &Progress) -> String {
    let Progress { round: number, n_waiting, n_running, n_ended, .. } = *progress;
    let mut parts = Vec::new();
    if n_waiting > 0 {
        let why = progress.waiting_for.as_deref().map(|it| format!(" ({it})")).unwrap_or_default();
        parts.push(format!("{n_waiting} wait{why}"));
    }
    for (n, what) in [(n_running, "run"), (n_ended, "ended")] {
        if n > 0 {
            parts.push(format!("{n} {what}"));
        }
    }
    parts.extend(progress.failures.iter().map(|(how, n)| format!("{n} {how}")));
    let done = round(100.0 * progress.fraction_done).min(100);
    let mut line = format!(
        "round {number}, {}: {} | {} of {} {}, {done} %",
        tasks(progress.n_tasks),
        parts.join(", "),
        progress.items_done,
        progress.n_items,
        progress.items
    );
    if let Some(left) = progress.seconds_left.filter(|_| progress.fraction_done < 1.0) {
        line += &format!(" | {} left", duration(round(left)));
    }
    line
}

/// Returns `true` if the next line is due where nothing can be redrawn: ever more rarely.
pub(super) fn is_due(seconds: f64, last: Option<f64>) -> bool {
    last.is_none_or(|last| seconds - last >= (last / 10.0).clamp(30.0, 600.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_waits_what_runs_and_what_failed() {
        let mut progress = Progress {
            round: 1,
            stage: "comparisons".into(),
            n_tasks: 11,
            n_waiting: 3,
            waiting_for: Some("others are before them".into()),
            n_running: 2,
            n_ended: 5,
            failures: [("TIMEOUT".to_owned(), 1)].into(),
            items: "exact problems".into(),
            n_items: 160,
            items_done: 40,
            fraction_done: 0.31,
            seconds_left: Some(720.0),
        };
        assert_eq!(
            line(&progress),
            "round 1, 11 tasks: 3 wait (others are before them), 2 run, 5 ended, 1 TIMEOUT | 40 of \
            160 exact problems, 31 % | 12 min left"
        );
        progress.seconds_left = None;
        assert!(line(&progress).ends_with("31 %"));
    }

    #[test]
    fn lines_get_rarer() {
        assert!(is_due(0.0, None));
        assert!(!is_due(29.0, Some(0.0)) && is_due(30.0, Some(0.0)));
        assert!(!is_due(3700.0, Some(3600.0)) && is_due(3960.0, Some(3600.0)));
    }
}
