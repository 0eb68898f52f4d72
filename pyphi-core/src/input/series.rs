//! TPMs counted from time series of binary units.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};

fn wrong(message: String) -> Error {
    ErrorKind::Json(message).into()
}

/// The treatment of a state that was never seen with a successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unseen {
    /// It is an error, which names the states.
    Refuse,
    /// All next states are equally likely.
    Uniform,
    /// The state is its own successor.
    Absorb,
}

impl FromStr for Unseen {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Unseen, String> {
        match name {
            "refuse" => Ok(Unseen::Refuse),
            "uniform" => Ok(Unseen::Uniform),
            "absorb" => Ok(Unseen::Absorb),
            _ => Err(format!("{name:?}: expected one of refuse, uniform, absorb")),
        }
    }
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unseen::Refuse => "refuse",
            Unseen::Uniform => "uniform",
            Unseen::Absorb => "absorb",
        })
    }
}

/// Binary time series: trials, each a row of states.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Series {
    labels: Option<Vec<String>>,
    n_units: usize,
    /// States as bits, unit 0 lowest.
    trials: Vec<Vec<u32>>,
}

/// A TPM counted from series, as a file of a network without a state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CountedTpm {
    /// State-by-state, unit 0 being the lowest bit of a state.
    pub tpm: Vec<Vec<f64>>,
    /// The number of times that each state was followed by each.
    pub counts: Vec<Vec<u64>>,
    /// The names of the units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
}

impl Series {
    /// The most units: the counts of 12 are 128 MiB.
    pub const MAX_UNITS: usize = 12;

    /// Adds the trials of a text that has a point in time in each line and a unit, 0 or 1, in each
    /// column. An empty line ends a trial, as the end of the text does; a first line of names gives
    /// the labels.
    ///
    /// # Errors
    /// If an entry is neither 0 nor 1, or a line has not as many as the others; the message names
    /// line and column.
    pub fn add_csv(&mut self, text: &str) -> Result<()> {
        let mut trial = Vec::new();
        let mut is_first = true;
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            if line.trim().is_empty() {
                self.end(&mut trial);
                continue;
            }
            if line.trim_start().starts_with('#') {
                continue;
            }
            let at = |column: usize| format!("line {}, column {}", index + 1, column + 1);
            let cells = super::table::cells(line.trim());
            if std::mem::take(&mut is_first) && cells.iter().all(|it| it.parse::<f64>().is_err()) {
                let labels: Vec<String> = cells.iter().map(|it| (*it).to_owned()).collect();
                if self.labels.as_ref().is_some_and(|before| *before != labels) {
                    let before = self.labels.as_deref().unwrap_or_default().join(", ");
                    return Err(wrong(format!("{}: other names than before ({before})", at(0))));
                }
                self.set_units(labels.len(), &at(0))?;
                self.labels = Some(labels);
                continue;
            }
            self.set_units(cells.len(), &at(0))?;
            let mut state = 0;
            for (unit, cell) in cells.iter().enumerate() {
                match cell.parse::<f64>() {
                    Ok(0.0) => {}
                    Ok(1.0) => state |= 1 << unit,
                    _ => {
                        let found: String = cell.chars().take(40).collect();
                        return Err(wrong(format!("{}: {found:?}, expected 0 or 1", at(unit))));
                    }
                }
            }
            trial.push(state);
        }
        self.end(&mut trial);
        Ok(())
    }

    fn end(&mut self, trial: &mut Vec<u32>) {
        if !trial.is_empty() {
            self.trials.push(std::mem::take(trial));
        }
    }

    fn set_units(&mut self, n: usize, place: &str) -> Result<()> {
        if n > Series::MAX_UNITS {
            let most = Series::MAX_UNITS;
            return Err(wrong(format!("{place}: {n} units, expected at most {most}")));
        }
        if self.n_units == 0 {
            self.n_units = n;
        }
        let expected = self.n_units;
        if n != expected {
            return Err(wrong(format!("{place}: {n} columns, expected {expected} as before")));
        }
        Ok(())
    }

    /// The number of trials.
    pub fn n_trials(&self) -> usize {
        self.trials.len()
    }

    /// Counts how often a state is followed by another `lag` steps later, within a trial, and makes
    /// a TPM of that: each count plus `pseudo_count`, divided by the sum of its row.
    ///
    /// ```
    /// use pyphi_core::input::{Series, Unseen};
    ///
    /// let mut series = Series::default();
    /// series.add_csv("A,B\n0,0\n0,1\n1,0\n0,1\n")?;
    /// let counted = series.tpm(1, 0.0, Unseen::Absorb)?;
    /// assert_eq!(counted.counts[0b10], [0, 1, 0, 0]); // B alone was followed by A alone, once
    /// assert_eq!(counted.tpm[0b11], [0.0, 0.0, 0.0, 1.0]); // never seen
    /// # Ok::<(), pyphi_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// If there are no units, no transitions, a lag of 0, a pseudo-count that is no number from 0
    /// on, or unseen states that are to be refused.
    pub fn tpm(&self, lag: usize, pseudo_count: f64, unseen: Unseen) -> Result<CountedTpm> {
        if lag == 0 {
            return Err(wrong("lag: 0, expected at least 1".to_owned()));
        }
        if !(pseudo_count >= 0.0 && pseudo_count.is_finite()) {
            return Err(wrong(format!(
                "pseudo-count: {pseudo_count}, expected a number from 0 on"
            )));
        }
        let n_states = 1_usize << self.n_units;
        let mut counts = vec![vec![0_u64; n_states]; n_states];
        let mut n_transitions = 0_u64;
        for trial in &self.trials {
            for (from, to) in trial.iter().zip(trial.iter().skip(lag)) {
                counts[*from as usize][*to as usize] += 1;
                n_transitions += 1;
            }
        }
        if n_transitions == 0 {
            let n = self.trials.len();
            return Err(wrong(format!(
                "no state has a successor {lag} later in {n} trials, expected one at least"
            )));
        }
        let sum = |row: &[u64]| row.iter().sum::<u64>();
        let is_unseen = |row: &[u64]| pseudo_count == 0.0 && sum(row) == 0;
        let missing: Vec<String> = (0..n_states)
            .filter(|state| unseen == Unseen::Refuse && is_unseen(&counts[*state]))
            .map(|state| {
                (0..self.n_units)
                    .map(|unit| if state >> unit & 1 == 1 { '1' } else { '0' })
                    .collect()
            })
            .collect();
        if !missing.is_empty() {
            let shown = missing.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
            let more = if missing.len() > 8 { ", …" } else { "" };
            return Err(wrong(format!(
                "{} of {n_states} states were never seen with a successor ({shown}{more}); \
                 expected all, a pseudo-count above 0, or unseen states to be uniform or absorbing",
                missing.len()
            )));
        }
        let tpm = counts.iter().enumerate().map(|(state, row)| {
            if is_unseen(row) {
                let absorbing = |to| if to == state { 1.0 } else { 0.0 };
                return match unseen {
                    Unseen::Absorb => (0..n_states).map(absorbing).collect(),
                    Unseen::Refuse | Unseen::Uniform => vec![1.0 / n_states as f64; n_states],
                };
            }
            let total = sum(row) as f64 + pseudo_count * n_states as f64;
            row.iter().map(|count| (*count as f64 + pseudo_count) / total).collect()
        });
        let tpm = tpm.collect();
        Ok(CountedTpm { tpm, counts, labels: self.labels.clone() })
    }
}
