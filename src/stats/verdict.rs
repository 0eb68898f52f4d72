//! The verdict: which of the levels of success, set before the study was run, it reaches.
//!
//! The levels are fixed here and nowhere else. A statistic that is undefined meets no criterion.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::stats::statistics::{Stat, Statistics};

/// A level of success of the study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// r > 0.6.
    Minimum,
    /// r > 0.8, RMSE < 0.15, MAE < 0.10.
    Target,
    /// r > 0.9, RMSE < 0.10, MAE < 0.05.
    Stretch,
}

impl Level {
    /// All levels, lowest first.
    pub const ALL: [Level; 3] = [Level::Minimum, Level::Target, Level::Stretch];

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Level::Minimum => "minimum",
            Level::Target => "target",
            Level::Stretch => "stretch",
        }
    }

    /// Returns the level's demands: Pearson's r above the first number, RMSE and MAE below the
    /// others.
    fn demands(self) -> (f64, Option<f64>, Option<f64>) {
        match self {
            Level::Minimum => (0.6, None, None),
            Level::Target => (0.8, Some(0.15), Some(0.10)),
            Level::Stretch => (0.9, Some(0.10), Some(0.05)),
        }
    }
}

/// The levels of success that a study reaches.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// The highest level reached, if any.
    pub reached: Option<Level>,
    /// Each level with its criteria.
    pub levels: Vec<LevelResult>,
}

/// The standing of a study at one level.
#[derive(Debug, Serialize)]
pub struct LevelResult {
    /// The level.
    pub level: Level,
    /// `true` if all its criteria are met.
    pub met: bool,
    /// The criteria.
    pub criteria: Vec<Criterion>,
}

/// One demand on one statistic. A statistic that is undefined meets none.
#[derive(Debug, Serialize)]
pub struct Criterion {
    /// The name of the statistic.
    pub statistic: &'static str,
    /// Side on which it must be.
    pub must_be: Side,
    /// The threshold.
    pub threshold: f64,
    /// The value that was found.
    pub found: Stat,
    /// `true` if that is enough.
    pub met: bool,
}

/// A side of a threshold; the threshold itself is on neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Greater.
    Above,
    /// Less.
    Below,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Above => ">",
            Side::Below => "<",
        })
    }
}

impl Serialize for Side {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Verdict {
    /// The verdict on the statistics over all rows.
    pub fn new(overall: &Statistics) -> Verdict {
        let levels: Vec<LevelResult> = Level::ALL
            .into_iter()
            .map(|level| {
                let (r, rmse, mae) = level.demands();
                let correlation = overall.pearson.coefficient;
                let mut criteria = vec![Criterion::new("r", Side::Above, r, correlation)];
                let below = |statistic, threshold: Option<f64>, found| {
                    threshold.map(|it| Criterion::new(statistic, Side::Below, it, found))
                };
                criteria.extend(below("RMSE", rmse, overall.rmse));
                criteria.extend(below("MAE", mae, overall.mae));
                LevelResult { level, met: criteria.iter().all(|it| it.met), criteria }
            })
            .collect();
        let reached = levels.iter().filter(|it| it.met).map(|it| it.level).max();
        Verdict { reached, levels }
    }
}

impl Criterion {
    fn new(statistic: &'static str, must_be: Side, threshold: f64, found: Stat) -> Criterion {
        let met = found.value().is_some_and(|value| match must_be {
            Side::Above => value > threshold,
            Side::Below => value < threshold,
        });
        Criterion { statistic, must_be, threshold, found, met }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_verdict(r: Stat, rmse: f64, mae: f64, expected: Option<Level>) {
        let mut overall = Statistics::new(&[(0.0, 0.0), (0.5, 0.4), (1.0, 0.3)]);
        overall.pearson.coefficient = r;
        overall.rmse = Stat::Defined(rmse);
        overall.mae = Stat::Defined(mae);
        let verdict = Verdict::new(&overall);
        assert_eq!(verdict.reached, expected);
        assert!(verdict.levels.iter().all(|it| it.met == it.criteria.iter().all(|it| it.met)));
    }

    #[test]
    fn levels_are_reached_by_all_their_criteria() {
        let r = Stat::Defined;
        check_verdict(r(0.95), 0.09, 0.04, Some(Level::Stretch));
        check_verdict(r(0.95), 0.10, 0.04, Some(Level::Target));
        check_verdict(r(0.95), 0.09, 0.05, Some(Level::Target));
        check_verdict(r(0.85), 0.14, 0.09, Some(Level::Target));
        check_verdict(r(0.8), 0.01, 0.01, Some(Level::Minimum));
        check_verdict(r(0.95), 0.15, 0.01, Some(Level::Minimum));
        check_verdict(r(0.95), 9.0, 9.0, Some(Level::Minimum));
        check_verdict(r(0.6), 0.0, 0.0, None);
        check_verdict(r(-1.0), 0.0, 0.0, None);
        check_verdict(Stat::Undefined("the exact value is constant"), 0.0, 0.0, None);
    }
}
