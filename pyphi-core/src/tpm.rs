//! Transition probability matrices: a checked state-by-node table.
//!
//! Invariant: `2^n` rows of `n` entries, all in [0, 1]. Rows are states at t (unit 0 in the lowest bit of
//! the row index), columns are units. This module knows nothing of connectivity or of a current state.

use crate::error::{ErrorKind, Result};
use crate::state::check_unit_count;

/// How far a row of a state-by-state TPM may be from 1, and an entry from the product of its marginals.
const TOLERANCE: f64 = 1e-6;

/// A state-by-node TPM: `row(s)[j]` is P(unit j is ON at t+1 | the network is in state s at t).
#[derive(Debug, Clone, PartialEq)]
pub struct Tpm {
    n_units: usize,
    /// Row-major, `2^n × n`.
    entries: Vec<f64>,
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
    /// If the number of rows is not a power of two, a row has not one entry per unit, or an entry is not a
    /// probability.
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
    /// As [`Tpm::from_state_by_node`]; also if a row does not sum to 1 within 1e-6, or if the units are not
    /// conditionally independent given the previous state (an entry differs by more than 1e-6 from the
    /// product of the units' marginals): such a TPM has no state-by-node form.
    pub fn from_state_by_state(rows: &[Vec<f64>]) -> Result<Tpm> {
        let n_units = unit_count(rows)?;
        check_entries(rows, rows.len())?;
        let mut entries = Vec::with_capacity(rows.len() * n_units);
        for (row, cells) in rows.iter().enumerate() {
            let sum: f64 = cells.iter().sum();
            if (sum - 1.0).abs() > TOLERANCE {
                return Err(ErrorKind::RowSum { row, sum }.into());
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
                if (found - expected).abs() > TOLERANCE {
                    return Err(
                        ErrorKind::ConditionallyDependent { row, column, found, expected }.into()
                    );
                }
            }
            entries.extend(marginals);
        }
        Ok(Tpm { n_units, entries })
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
