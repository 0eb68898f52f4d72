//! The sensitivity of a study's findings to ties.
//!
//! Where core causes or core effects tie, exact Φ depends on which of them is taken, and the study
//! knows how small and how large it can get: over all choices where that is quickly proven, else
//! over numberings of the units, which decide such choices. [`TieSensitivity`] repeats statistics
//! and verdict with every exact value at the low end of its range, and with every one at the high
//! end.

use serde::Serialize;

use crate::engine::result::TieRange;
use crate::run::row::Row;
use crate::stats::statistics::Statistics;
use crate::stats::verdict::Verdict;

/// The study with all exact values at one end of their ranges.
#[derive(Debug, Serialize)]
pub struct Extreme {
    /// Over all rows.
    pub statistics: Statistics,
    /// The verdict: the levels of success that are reached.
    pub verdict: Verdict,
}

/// Influence of ties on what a study finds.
#[derive(Debug, Serialize)]
pub struct TieSensitivity {
    /// The random numberings that each range is over, at most, if it is not over all choices.
    pub tie_orders: u32,
    /// The rows whose range is over all choices: its ends are proven.
    pub n_exact_rows: usize,
    /// The rows whose Φ depends on the choice.
    pub n_wide_rows: usize,
    /// All exact values as small as they get.
    pub low: Extreme,
    /// All exact values as large as they get.
    pub high: Extreme,
    /// `true` if the verdict is the same with all lows, with all highs, and as found.
    pub verdict_survives: bool,
}

impl TieSensitivity {
    /// Repeats the study; `ranges` has the range of each row. `None` if one of them is not known,
    /// or if there are no rows.
    pub fn new(
        rows: &[Row],
        ranges: &[Option<TieRange>],
        found: &Verdict,
        tie_orders: u32,
    ) -> Option<TieSensitivity> {
        let ranges: Vec<TieRange> = ranges.iter().copied().collect::<Option<_>>()?;
        if rows.is_empty() {
            return None;
        }
        let extreme = |exact: fn(&TieRange) -> f64| {
            let points = rows.iter().zip(&ranges).map(|(row, range)| (row.phi_hdc, exact(range)));
            let statistics = Statistics::new(&points.collect::<Vec<_>>());
            Extreme { verdict: Verdict::new(&statistics), statistics }
        };
        let (low, high) = (extreme(|it| it.low), extreme(|it| it.high));
        let reached = |it: &Extreme| it.verdict.reached == found.reached;
        Some(TieSensitivity {
            tie_orders,
            n_exact_rows: ranges.iter().filter(|it| it.is_exact).count(),
            n_wide_rows: ranges.iter().filter(|it| it.is_wide()).count(),
            verdict_survives: reached(&low) && reached(&high),
            low,
            high,
        })
    }

    /// Returns the effect of ties in one sentence, for a reader.
    pub fn sentence(&self) -> String {
        let Extreme { statistics: low, verdict: of_low } = &self.low;
        let Extreme { statistics: high, verdict: of_high } = &self.high;
        let number = crate::stats::statistics::number;
        let level = |it: &Verdict| it.reached.map_or("none", |it| it.name());
        let survives = if self.verdict_survives {
            "The verdict survives both"
        } else {
            "The verdict does not survive both"
        };
        format!(
            "Exact Φ of {} rows is not the same for every choice among ties; of {} rows the \
             smallest and largest Φ are proven to be those of all choices, of the others they are \
             over up to {} random numberings of the units besides their own. \
             {survives}: with all exact values at their lowest, r = {}, RMSE = {} and MAE = {} \
             (level reached: {}); \
             at their highest, r = {}, RMSE = {} and MAE = {} (level reached: {}).",
            self.n_wide_rows,
            self.n_exact_rows,
            self.tie_orders,
            number(low.pearson.coefficient),
            number(low.rmse),
            number(low.mae),
            level(of_low),
            number(high.pearson.coefficient),
            number(high.rmse),
            number(high.mae),
            level(of_high),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::topology::Topology;
    use crate::stats::verdict::Level;
    use crate::suite::Key;

    #[test]
    fn a_verdict_that_hangs_on_ties_does_not_survive() {
        let row = |seed: u64, exact: f64| {
            let key = Key::new(Topology::Ring, 5, seed);
            Row { key, phi_hdc: seed as f64, phi_exact: exact, duration_ms: 1.0 }
        };
        let range = |low: f64, high: f64| {
            Some(TieRange {
                low,
                high,
                numberings: 33,
                is_exhaustive: false,
                is_exact: low == high,
                duration_ms: 1.0,
            })
        };
        let rows: Vec<Row> = (0..4).map(|seed| row(seed, seed as f64)).collect();
        let found =
            Verdict::new(&Statistics::new(&[(0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]));
        assert_eq!(found.reached, Some(Level::Stretch));
        let point = |at: f64| range(at, at);
        let mut ranges = [point(0.0), point(1.0), point(2.0), point(3.0)];
        let same = TieSensitivity::new(&rows, &ranges, &found, 32).unwrap();
        assert!(same.verdict_survives);
        assert_eq!((same.n_wide_rows, same.n_exact_rows), (0, 4));
        // The last of the lows falls to 0: r = 0.5 / √(5 · 2.75); at the highs all is as it was.
        ranges[3] = range(0.0, 3.0);
        ranges[1] = range(1.0, 1.0 + 1e-7);
        let fallen = TieSensitivity::new(&rows, &ranges, &found, 32).unwrap();
        assert_eq!(fallen.n_wide_rows, 1, "a difference below the tolerance is none");
        assert_eq!(fallen.n_exact_rows, 2);
        assert!(!fallen.verdict_survives);
        assert_eq!(fallen.low.verdict.reached, None);
        assert_eq!(fallen.high.verdict.reached, Some(Level::Stretch));
        let r = fallen.low.statistics.pearson.coefficient.value().unwrap();
        assert!((r - 0.1348399724926484).abs() < 1e-12, "{r}");
        assert!(fallen.sentence().contains("does not survive both"), "{}", fallen.sentence());
        ranges[0] = None;
        assert!(TieSensitivity::new(&rows, &ranges, &found, 32).is_none());
    }
}
