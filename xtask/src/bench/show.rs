//! The display of measurements, as text and as JSON.

use headroom::{Console, console::table::table, escape::terminal, numbers::bytes};

use super::{Count, Measurements};

impl Measurements {
    /// The table of what was measured.
    pub(super) fn show(&self, console: &mut Console) {
        let changes = if self.has_local_changes { " and local changes" } else { "" };
        let mut text = format!(
            "{}, {} CPUs, {}, commit {}{changes}; median of {}\n",
            terminal(&self.cpu),
            self.n_cpus,
            terminal(&self.rustc),
            terminal(&self.commit),
            self.repeat
        );
        let words = ["what", "at most", "aim", "wall", "CPU", "peak", ""];
        let mut rows = vec![words.map(str::to_owned).to_vec()];
        for row in &self.rows {
            rows.push(vec![
                row.name.clone(),
                fine_duration(row.at_most_seconds),
                fine_duration(row.aim_seconds),
                fine_duration(row.wall_seconds),
                row.cpu_seconds.map_or_else(String::new, fine_duration),
                row.peak_bytes.map_or_else(String::new, bytes),
                met(row.wall_seconds <= row.at_most_seconds, row.wall_seconds <= row.aim_seconds),
            ]);
        }
        text += &table(&rows, &[1, 2, 3, 4, 5]);
        if let Some(factor) = self.second_core {
            text += &format!("  the second core makes generic 7 {factor:.2} times as fast\n");
        }
        if let Some(first) = self.pyphi.first() {
            let pyphi = format!("PyPhi {}", first.pyphi_version);
            let words = ["against", "", "here", "ratio", "Φ there", "Φ here", ""];
            let mut rows = vec![words.map(str::to_owned).to_vec()];
            rows[0][1].clone_from(&pyphi);
            for row in &self.pyphi {
                rows.push(vec![
                    row.name.clone(),
                    fine_duration(row.pyphi_seconds),
                    fine_duration(row.seconds),
                    format!("{:.0}", row.ratio),
                    format!("{:.6}", row.pyphi_phi),
                    format!("{:.6}", row.phi),
                    met(row.ratio >= row.at_least, row.ratio >= 10.0 * row.at_least),
                ]);
            }
            text += &table(&rows, &[1, 2, 3, 4, 5]);
        }
        console.result(&text);
        console.record("bench", self);
    }
}

/// Instruction counts beside the committed ones.
pub(super) fn counts(counts: &[Count], console: &mut Console) {
    let words = ["case", "instructions", "committed", "growth", ""];
    let mut rows = vec![words.map(str::to_owned).to_vec()];
    for count in counts {
        let verdict = match count.growth() {
            None => "no committed figure: --bless",
            Some(_) if count.is_too_large() => "too many",
            Some(_) if count.has_improved() => "better: --bless",
            Some(_) => "",
        };
        rows.push(vec![
            count.name.clone(),
            count.instructions.to_string(),
            count.committed.map_or_else(String::new, |it| it.to_string()),
            count.growth().map_or_else(String::new, |it| format!("{:+.2} %", 100.0 * (it - 1.0))),
            verdict.to_owned(),
        ]);
    }
    console.result(&table(&rows, &[1, 2, 3]));
    if !counts.is_empty() {
        console.record("counts", &counts);
    }
}

/// Words for a figure within its limit, or within what was aimed at.
fn met(limit: bool, aim: bool) -> String {
    match (limit, aim) {
        (false, _) => "missed",
        (true, false) => "within the limit",
        (true, true) => "within the aim",
    }
    .to_owned()
}

/// A measured time, three digits of it.
fn fine_duration(seconds: f64) -> String {
    let (value, unit) = match seconds {
        ..1e-3 => (seconds * 1e6, "µs"),
        ..1.0 => (seconds * 1e3, "ms"),
        _ => (seconds, "s"),
    };
    let decimals = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.decimals$} {unit}")
}
