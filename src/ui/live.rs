//! The display of a run while it goes on: lines for a terminal, or one line for a log.
//!
//! Everything here is a pure function of a [`View`]: no clock, no terminal, no file. The lines fit
//! the width they are asked for; colours are left to what shows them.

use std::time::Duration;

use crate::engine::steps::Steps;
use crate::run::row::Row;
use crate::suite::Key;
use crate::wording::{duration, size};

/// The state of a run at some moment.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The rows of each number of units, ascending.
    pub sizes: Vec<SizeProgress>,
    /// The exact problems that are solved, and all.
    pub problems: (usize, usize),
    /// The time since the start of this session.
    pub elapsed: Duration,
    /// The time that is probably left; unknown before a problem was solved.
    pub remaining: Option<Duration>,
    /// The problem under way, and how far it is.
    pub current: Option<(String, Option<Steps>)>,
    /// The memory of this process and of the machine.
    pub memory: Memory,
    /// The last rows, the newest last.
    pub last: Vec<Row>,
    /// Pearson's correlation of estimate and exact Φ over the rows so far, where it is defined.
    pub correlation: Option<f64>,
    /// `true` if the user has asked to stop.
    pub stopping: bool,
}

/// State of the networks of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeProgress {
    /// The number of units.
    pub n: usize,
    /// The rows that are done.
    pub done: usize,
    /// The rows there will be.
    pub all: usize,
}

/// Memory in bytes, as far as the system tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// The memory that this process uses now.
    pub now: Option<u64>,
    /// The most it has used so far.
    pub peak: Option<u64>,
    /// The memory that the machine could still give.
    pub available: Option<u64>,
}

/// A line for a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StyledLine {
    /// The text, without colours.
    pub text: String,
    /// The tone in which it is shown.
    pub tone: Tone,
}

/// The tone in which a line is shown where there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// The most important lines.
    Strong,
    /// As it is.
    Plain,
    /// The less important lines.
    Faint,
}

/// The width from which on the last rows stand beside the rest.
const WIDE: usize = 120;

impl View {
    fn rows(&self) -> (usize, usize) {
        self.sizes.iter().fold((0, 0), |(done, all), it| (done + it.done, all + it.all))
    }

    /// The share of the time that is over; of the rows, while the time is unknown.
    pub fn fraction(&self) -> f64 {
        let (done, all) = self.rows();
        match self.remaining {
            _ if done == all => 1.0,
            Some(left) => {
                let elapsed = self.elapsed.as_secs_f64();
                // Not all before it is all.
                (elapsed / (elapsed + left.as_secs_f64()).max(1e-9)).min(0.99)
            }
            None => done as f64 / all.max(1) as f64,
        }
    }

    /// Everything that matters, in one line for a log.
    pub fn line(&self) -> String {
        let (done, all) = self.rows();
        let mut line = format!("{done}/{all} rows");
        if let Some((what, _)) = &self.current {
            line += &format!(", {what}");
        }
        if let Some(left) = self.remaining.filter(|it| done < all && !it.is_zero()) {
            line += &format!(", about {} left", duration(left));
        }
        if let Some(now) = self.memory.now {
            line += &format!(", {}", size(now));
        }
        if let Some(r) = self.correlation {
            line += &format!(", r = {r:.2}");
        }
        if let Some((_, Some(steps))) = &self.current {
            line += &format!(" ({steps})");
        }
        line
    }

    /// The lines for a terminal of `width` columns and `height` lines: none is longer, and there
    /// are not more.
    pub fn lines(&self, width: usize, height: usize) -> Vec<StyledLine> {
        let mut lines = vec![self.bar(width), self.counts()];
        let (left, gap) = if width >= WIDE { (width * 3 / 5, 3) } else { (width, 0) };
        let mut facts = self.by_size(left - gap);
        facts.extend(self.facts(left - gap));
        if self.stopping {
            let text = "stopping; Ctrl-C once more to stop at once".to_owned();
            lines.push(StyledLine { text, tone: Tone::Strong });
        }
        let rows = self.last_rows();
        if gap > 0 {
            for k in 0..facts.len().max(rows.len()) {
                let (fact, row) = (facts.get(k), rows.get(k));
                let left_text = fact.map(|it| cut(&it.text, left - gap)).unwrap_or_default();
                let right = row.map(|it| it.text.as_str()).unwrap_or_default();
                let text = format!("{left_text:<left$}{right}").trim_end().to_owned();
                lines.push(StyledLine { text, tone: fact.or(row).expect("one of them").tone });
            }
        } else {
            lines.extend(facts);
            lines.extend(rows);
        }
        lines.truncate(height.saturating_sub(1).max(1));
        for line in &mut lines {
            line.text = cut(&line.text, width);
        }
        lines
    }

    /// `━━━━━━───── 27 %`.
    fn bar(&self, width: usize) -> StyledLine {
        let length = width.saturating_sub(7).min(100);
        let percent = (self.fraction() * 100.0).floor();
        let text = format!("{} {percent:>3} %", bar(self.fraction(), length));
        StyledLine { text, tone: Tone::Strong }
    }

    fn counts(&self) -> StyledLine {
        let (done, all) = self.rows();
        let (solved, problems) = self.problems;
        let mut text = format!("{done}/{all} rows · {solved}/{problems} problems");
        text += &format!(" · {}", duration(self.elapsed));
        if let Some(left) = self.remaining.filter(|it| done < all && !it.is_zero()) {
            text += &format!(" · about {} left", duration(left));
        }
        StyledLine { text, tone: Tone::Plain }
    }

    /// The sizes, each with its own bar, as many in a line as fit.
    fn by_size(&self, width: usize) -> Vec<StyledLine> {
        const GAP: usize = 3;
        let digits = |numbers: &dyn Fn(&SizeProgress) -> usize| {
            self.sizes.iter().map(|it| numbers(it).to_string().len()).max().unwrap_or(1)
        };
        let (n_digits, digits) = (digits(&|it| it.n), digits(&|it| it.all));
        let item = |it: &SizeProgress| {
            let share = it.done as f64 / it.all.max(1) as f64;
            let bar = bar(share, 10);
            format!("n = {:>n_digits$} {bar} {:>digits$}/{:<digits$}", it.n, it.done, it.all)
        };
        let length = 4 + n_digits + 1 + 10 + 1 + 2 * digits + 1;
        let in_a_line = ((width + GAP) / (length + GAP)).max(1);
        let lines = self.sizes.chunks(in_a_line).map(|sizes| {
            let items: Vec<String> = sizes.iter().map(item).collect();
            StyledLine {
                text: items.join(&" ".repeat(GAP)).trim_end().to_owned(),
                tone: Tone::Plain,
            }
        });
        lines.collect()
    }

    fn facts(&self, width: usize) -> Vec<StyledLine> {
        let mut lines = Vec::new();
        let mut add = |text: String, tone| lines.push(StyledLine { text, tone });
        match &self.current {
            Some((what, Some(steps))) => {
                let whole = format!("now     {what}: {steps}");
                if whole.chars().count() <= width {
                    add(whole, Tone::Plain);
                } else {
                    add(format!("now     {what}"), Tone::Plain);
                    add(format!("        {steps}"), Tone::Plain);
                }
            }
            Some((what, None)) => add(format!("now     {what}"), Tone::Plain),
            None => add("now     -".to_owned(), Tone::Plain),
        }
        let Memory { now, peak, available } = self.memory;
        if let Some(now) = now {
            let mut text = format!("memory  {}", size(now));
            if let Some(peak) = peak {
                text += &format!(", peak {}", size(peak));
            }
            if let Some(available) = available {
                text += &format!("; {} available", size(available));
            }
            add(text, Tone::Plain);
        }
        let (done, _) = self.rows();
        let r = self.correlation.map_or("-".to_owned(), |it| format!("{it:.4}"));
        add(format!("r       {r} over {done} rows, which are not independent"), Tone::Plain);
        lines
    }

    fn last_rows(&self) -> Vec<StyledLine> {
        if self.last.is_empty() {
            return Vec::new();
        }
        let faint = |text| StyledLine { text, tone: Tone::Faint };
        let mut lines =
            vec![faint(format!("{:<28}{:>9}{:>11}", "last rows", "estimate", "exact Φ"))];
        lines.extend(self.last.iter().map(|row| {
            let Key { n, seed, .. } = row.key;
            let name = format!("{} n = {n} seed {seed}", row.key.network());
            faint(format!("{name:<28}{:>9.4}{:>11.6}", row.phi_hdc, row.phi_exact))
        }));
        lines
    }
}

/// A bar of `length` letters of which a share is full. It needs no colours to be read.
fn bar(share: f64, length: usize) -> String {
    let full = ((share * length as f64) as usize).min(length);
    format!("{}{}", "█".repeat(full), "░".repeat(length - full))
}

/// The text if it is at most `width` letters long, else its beginning and `…`.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::topology::Topology;
    use expect_test::{Expect, expect};

    fn row(topology: Topology, n: usize, phi_hdc: f64, phi_exact: f64) -> Row {
        Row { key: Key::new(topology, n, 42), phi_hdc, phi_exact, duration_ms: 12.0 }
    }

    fn view() -> View {
        let size = |n, done| SizeProgress { n, done, all: 40 };
        let steps = Steps {
            what: "cuts",
            done: 17,
            total: 254,
            best: Some(1.25),
            remaining: Some(Duration::from_secs(3)),
        };
        View {
            sizes: vec![size(5, 40), size(6, 40), size(7, 40), size(8, 3)],
            problems: (37, 48),
            elapsed: Duration::from_secs(90),
            remaining: Some(Duration::from_secs(210)),
            current: Some(("Dense n = 8".to_owned(), Some(steps))),
            memory: Memory {
                now: Some(24 << 20),
                peak: Some(31 << 20),
                available: Some(12_025_908_428),
            },
            last: vec![
                row(Topology::Modular, 7, 0.3123, 2.5),
                row(Topology::BinaryTree, 7, 0.39871, 0.027778),
                row(Topology::Random, 7, 0.40, 130.125),
            ],
            correlation: Some(0.20754),
            stopping: false,
        }
    }

    #[track_caller]
    fn check(view: &View, width: usize, height: usize, expected: &Expect) {
        let lines = view.lines(width, height);
        assert!(lines.len() < height);
        for line in &lines {
            assert!(line.text.chars().count() <= width, "{}", line.text);
        }
        let text: Vec<String> = lines.into_iter().map(|it| it.text + "\n").collect();
        expected.assert_eq(&text.concat());
    }

    #[test]
    fn sixty_columns() {
        check(
            &view(),
            60,
            24,
            &expect![[r#"
                ███████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  30 %
                123/160 rows · 37/48 problems · 2 min · about 4 min left
                n = 5 ██████████ 40/40   n = 6 ██████████ 40/40
                n = 7 ██████████ 40/40   n = 8 ░░░░░░░░░░  3/40
                now     Dense n = 8
                        17 of 254 cuts, Φ ≤ 1.250000, at most 3 s left
                memory  24 MiB, peak 31 MiB; 11.2 GiB available
                r       0.2075 over 123 rows, which are not independent
                last rows                    estimate    exact Φ
                Modular n = 7 seed 42          0.3123   2.500000
                BinaryTree n = 7 seed 42       0.3987   0.027778
                Random n = 7 seed 42           0.4000 130.125000
            "#]],
        );
    }

    #[test]
    fn two_hundred_columns() {
        check(
            &view(),
            200,
            50,
            &expect![[r#"
                ██████████████████████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  30 %
                123/160 rows · 37/48 problems · 2 min · about 4 min left
                n = 5 ██████████ 40/40   n = 6 ██████████ 40/40   n = 7 ██████████ 40/40   n = 8 ░░░░░░░░░░  3/40                       last rows                    estimate    exact Φ
                now     Dense n = 8: 17 of 254 cuts, Φ ≤ 1.250000, at most 3 s left                                                     Modular n = 7 seed 42          0.3123   2.500000
                memory  24 MiB, peak 31 MiB; 11.2 GiB available                                                                         BinaryTree n = 7 seed 42       0.3987   0.027778
                r       0.2075 over 123 rows, which are not independent                                                                 Random n = 7 seed 42           0.4000 130.125000
            "#]],
        );
    }

    #[test]
    fn nothing_is_known_at_first() {
        let size = SizeProgress { n: 5, done: 0, all: 4 };
        let view = View {
            sizes: vec![size],
            problems: (0, 3),
            elapsed: Duration::ZERO,
            remaining: None,
            current: None,
            memory: Memory::default(),
            last: vec![],
            correlation: None,
            stopping: true,
        };
        check(
            &view,
            60,
            24,
            &expect![[r#"
                ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   0 %
                0/4 rows · 0/3 problems · 0 s
                stopping; Ctrl-C once more to stop at once
                n = 5 ░░░░░░░░░░ 0/4
                now     -
                r       - over 0 rows, which are not independent
            "#]],
        );
        assert_eq!(view.line(), "0/4 rows");
    }

    #[test]
    fn nothing_is_wider_or_higher_than_the_terminal() {
        for width in 1..250 {
            for height in [2, 5, 12] {
                let lines = view().lines(width, height);
                assert!(lines.len() < height, "{width} × {height}");
                assert!(lines.iter().all(|it| it.text.chars().count() <= width), "{width}");
            }
        }
    }

    #[test]
    fn a_log_gets_one_line() {
        let line = "123/160 rows, Dense n = 8, about 4 min left, 24 MiB, r = 0.21 (17 of 254 \
                    cuts, Φ ≤ 1.250000, at most 3 s left)";
        assert_eq!(view().line(), line);
    }

    #[test]
    fn durations_and_sizes_are_for_people() {
        let text = |seconds| duration(Duration::from_secs_f64(seconds));
        assert_eq!(text(0.2), "1 s");
        assert_eq!(text(59.0), "59 s");
        assert_eq!(text(61.0), "2 min");
        assert_eq!(text(3600.0 * 3.0 + 60.0 * 20.0), "3 h 20 min");
        assert_eq!((size(5 << 20), size(3 << 29)), ("5 MiB".to_owned(), "1.5 GiB".to_owned()));
    }
}
