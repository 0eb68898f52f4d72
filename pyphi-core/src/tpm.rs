//! Transition probability matrices: a checked state-by-node table.
//!
//! Invariant: `2^n` rows of `n` entries, all in [0, 1]. Rows are states at t (unit 0 in the lowest
//! bit of the row index), columns are units. This module knows nothing of connectivity or of a
//! current state.

use crate::error::{ErrorKind, Result};
use crate::state::check_unit_count;

/// How far a row of a state-by-state TPM may be from 1, and an entry from the product of its
/// marginals.
const TOLERANCE: f64 = 1e-6;

/// A state-by-node TPM: `row(s)[j]` is P(unit j is ON at t+1 | the network is in state s at t).
#[derive(Debug, Clone, PartialEq)]
pub struct Tpm {
    n_units: usize,
    /// Row-major, `2^n × n`.
    entries: Vec<f64>,
}

/// What was found out about a state-by-state TPM while its units' own probabilities were added up.
#[derive(Debug)]
pub(crate) struct Marginals {
    /// The row whose sum differs most from 1, and the sum.
    pub(crate) worst_sum: Option<(usize, f64)>,
    /// The entry that differs most from the product of the units' probabilities, if one does.
    pub(crate) dependence: Option<ErrorKind>,
}

impl Tpm {
    /// A TPM from its rows, state-by-node: `2^n` rows of `n` probabilities.
    ///
    /// ```
    /// // Two units that copy each other.
    /// let tpm = pyphi_core::Tpm::from_state_by_node(&[
    ///     vec![0.0, 0.0],
    ///     vec![0.0, 1.0],
    ///     vec![1.0, 0.0],
    ///     vec![1.0, 1.0],
    /// ])?;
    /// assert_eq!(tpm.row(0b01), [0.0, 1.0]);
    /// # Ok::<(), pyphi_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the number of rows is not a power of two, a row has not one entry per unit, or an entry
    /// is not a probability.
    pub fn from_state_by_node(rows: &[Vec<f64>]) -> Result<Tpm> {
        let n_units = unit_count(rows)?;
        check_entries(rows, n_units)?;
        Ok(Tpm { n_units, entries: rows.concat() })
    }

    /// A TPM from its state-by-state form: `2^n` rows of `2^n` probabilities that sum to 1.
    ///
    /// ```
    /// let swap = pyphi_core::Tpm::from_state_by_state(&[
    ///     vec![1.0, 0.0, 0.0, 0.0],
    ///     vec![0.0, 0.0, 1.0, 0.0],
    ///     vec![0.0, 1.0, 0.0, 0.0],
    ///     vec![0.0, 0.0, 0.0, 1.0],
    /// ])?;
    /// assert_eq!(swap.row(0b01), [0.0, 1.0]);
    /// # Ok::<(), pyphi_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Tpm::from_state_by_node`]; also if a row does not sum to 1 within 1e-6, or if the units
    /// are not conditionally independent given the previous state (an entry differs by more than
    /// 1e-6 from the product of the units' marginals): such a TPM has no state-by-node form. The
    /// error names the largest difference; [`Tpm::project`] makes a TPM of it all the same.
    pub fn from_state_by_state(rows: &[Vec<f64>]) -> Result<Tpm> {
        match Tpm::marginals(rows)? {
            (tpm, Marginals { dependence: None, .. }) => Ok(tpm),
            (_, Marginals { dependence: Some(kind), .. }) => Err(kind.into()),
        }
    }

    /// The TPM of the units' own probabilities in a state-by-state TPM, whether they are
    /// independent or not: P(unit j is ON at t+1 | s) is the sum over all next states in which it
    /// is. Where the units depend on each other given the previous state, which is common in TPMs
    /// counted from data, that is another system.
    ///
    /// # Errors
    /// As [`Tpm::from_state_by_state`], without the last.
    pub fn project(rows: &[Vec<f64>]) -> Result<Tpm> {
        Tpm::marginals(rows).map(|it| it.0)
    }

    pub(crate) fn marginals(rows: &[Vec<f64>]) -> Result<(Tpm, Marginals)> {
        let n_units = unit_count(rows)?;
        check_entries(rows, rows.len())?;
        let mut entries = Vec::with_capacity(rows.len() * n_units);
        let mut found_marginals = Marginals { worst_sum: None, dependence: None };
        let mut largest = TOLERANCE;
        for (row, cells) in rows.iter().enumerate() {
            let sum: f64 = cells.iter().sum();
            if (sum - 1.0).abs() > TOLERANCE {
                return Err(ErrorKind::RowSum { row, sum }.into());
            }
            let worst = found_marginals.worst_sum;
            if sum != 1.0 && worst.is_none_or(|(_, it)| (sum - 1.0).abs() > (it - 1.0).abs()) {
                found_marginals.worst_sum = Some((row, sum));
            }
            let marginals: Vec<f64> = (0..n_units)
                .map(|unit| {
                    let on: f64 = cells
                        .iter()
                        .enumerate()
                        .filter(|(next, _)| next >> unit & 1 == 1)
                        .map(|(_, p)| p)
                        .sum();
                    (on / sum).clamp(0.0, 1.0)
                })
                .collect();
            for (column, &found) in cells.iter().enumerate() {
                let expected: f64 = marginals
                    .iter()
                    .enumerate()
                    .map(|(unit, &on)| if column >> unit & 1 == 1 { on } else { 1.0 - on })
                    .product();
                if (found - expected).abs() > largest {
                    largest = (found - expected).abs();
                    found_marginals.dependence =
                        Some(ErrorKind::ConditionallyDependent { row, column, found, expected });
                }
            }
            entries.extend(marginals);
        }
        Ok((Tpm { n_units, entries }, found_marginals))
    }

    /// How much unit `to` depends on unit `from`, at `from * n + to`: the largest difference that
    /// `from` alone makes.
    pub(crate) fn dependences(&self) -> Vec<f64> {
        let n = self.n_units;
        let mut largest = vec![0.0_f64; n * n];
        for (from, of_from) in largest.chunks_mut(n.max(1)).enumerate() {
            for row in (0..self.n_states()).filter(|row| row >> from & 1 == 0) {
                let pairs = self.row(row).iter().zip(self.row(row | 1 << from));
                for (most, (off, on)) in of_from.iter_mut().zip(pairs) {
                    *most = most.max((off - on).abs());
                }
            }
        }
        largest
    }

    /// The same TPM with every unit averaged, uniformly, over the units that `cm` does not connect
    /// to it.
    pub(crate) fn averaged(&self, cm: &[Vec<u8>]) -> Tpm {
        let n = self.n_units;
        let mut entries = self.entries.clone();
        for (from, connects) in cm.iter().enumerate() {
            for to in (0..n).filter(|to| connects[*to] == 0) {
                for off in (0..self.n_states()).filter(|row| row >> from & 1 == 0) {
                    let (off, on) = (off * n + to, (off | 1 << from) * n + to);
                    let mean = f64::midpoint(entries[off], entries[on]);
                    (entries[off], entries[on]) = (mean, mean);
                }
            }
        }
        Tpm { n_units: n, entries }
    }

    /// Number of units.
    pub fn n_units(&self) -> usize {
        self.n_units
    }

    /// Number of states, `2^n`.
    pub fn n_states(&self) -> usize {
        1 << self.n_units
    }

    /// P(unit is ON at t+1) for every unit, given state `row` at t.
    ///
    /// # Panics
    /// If `row >= 2^n`.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.entries[row * self.n_units..][..self.n_units]
    }

    /// The rows, as the JSON format has them.
    pub fn to_rows(&self) -> Vec<Vec<f64>> {
        self.entries.chunks(self.n_units).map(<[f64]>::to_vec).collect()
    }
}

/// The number of units of a TPM with these rows.
fn unit_count(rows: &[Vec<f64>]) -> Result<usize> {
    if rows.is_empty() {
        return Err(ErrorKind::EmptyTpm.into());
    }
    // One row would be a network of no units.
    if !rows.len().is_power_of_two() || rows.len() == 1 {
        return Err(ErrorKind::TpmRows { rows: rows.len() }.into());
    }
    let n_units = rows.len().trailing_zeros() as usize;
    check_unit_count(n_units)?;
    Ok(n_units)
}

fn check_entries(rows: &[Vec<f64>], columns: usize) -> Result<()> {
    for (row, cells) in rows.iter().enumerate() {
        if cells.len() != columns {
            return Err(ErrorKind::TpmColumns { row, found: cells.len(), expected: columns }.into());
        }
        if let Some(column) = cells.iter().position(|p| !(0.0..=1.0).contains(p)) {
            return Err(ErrorKind::NotAProbability { row, column, value: cells[column] }.into());
        }
    }
    Ok(())
}
