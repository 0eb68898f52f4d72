//! Transition probability matrices: a checked state-by-node table.
//!
//! Invariant: a row for each state at t (in the order of [`Alphabet`], unit 0 fastest). With two
//! values a unit, a row has `n` entries in [0, 1], P(unit is ON); with more, it has a distribution
//! for each unit. This module knows nothing of connectivity or of a current state.

use crate::alphabet::{Alphabet, check_unit_count};
use crate::error::{ErrorKind, Result};

/// The distance that the sum of a row of a state-by-state TPM may have from 1, and an entry from
/// the product of its marginals.
const TOLERANCE: f64 = 1e-6;

/// The distance that the sum of a unit's distribution over its values may have from 1.
const SUM_TOLERANCE: f64 = 1e-9;

/// A state-by-node TPM: `row(s)[j]` is P(unit j is ON at t+1 | the network is in state s at t). Of
/// units with more values than two it has their distributions instead.
#[derive(Debug, Clone, PartialEq)]
pub struct Tpm {
    n_units: usize,
    /// Row-major, `2^n × n`. Empty where a unit has more than two values, so that what only knows
    /// of ON and OFF cannot read anything else.
    entries: Vec<f64>,
    alphabet: Alphabet,
    /// The distributions one after the other, row-major; empty where all units are binary.
    distributions: Vec<f64>,
    /// By unit: where its distribution begins in a row.
    starts: Vec<usize>,
}

/// The irregularities of a state-by-state TPM, found while its units' own probabilities were added
/// up.
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
        Ok(Tpm::of_binary(n_units, rows.concat()))
    }

    fn of_binary(n_units: usize, entries: Vec<f64>) -> Tpm {
        let alphabet = Alphabet::binary(n_units);
        Tpm { n_units, entries, alphabet, distributions: Vec::new(), starts: Vec::new() }
    }

    /// A TPM of units with any number of values: for each state, in the order of the alphabet, and
    /// each unit the distribution over its values at t+1. Where all have two values it is the TPM
    /// of the probabilities of value 1.
    ///
    /// ```
    /// use pyphi_core::{Alphabet, Tpm};
    ///
    /// // One unit that counts to three.
    /// let next = [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]];
    /// let rows: Vec<Vec<Vec<f64>>> = next.iter().map(|it| vec![it.to_vec()]).collect();
    /// let tpm = Tpm::from_distributions(&Alphabet::new(&[3])?, &rows)?;
    /// assert_eq!(tpm.probability(2, 0, 0), 1.0);
    /// # Ok::<(), pyphi_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// If there is not one row for each state and in it one distribution for each unit; or one has
    /// not an entry for each value, has one that is no probability, or does not sum to 1 within
    /// 1e-9.
    pub fn from_distributions(alphabet: &Alphabet, rows: &[Vec<Vec<f64>>]) -> Result<Tpm> {
        let n_units = alphabet.n_units();
        if n_units == 0 {
            return Err(ErrorKind::EmptyTpm.into());
        }
        check_row_count(alphabet, rows.len())?;
        for (row, of_units) in rows.iter().enumerate() {
            if of_units.len() != n_units {
                let (found, expected) = (of_units.len(), n_units);
                return Err(ErrorKind::TpmColumns { row, found, expected }.into());
            }
            let sizes = alphabet.sizes();
            let is_reversed = of_units.iter().map(Vec::len).eq(sizes.iter().rev().copied());
            for (unit, distribution) in of_units.iter().enumerate() {
                check_distribution(row, unit, sizes[unit], distribution, is_reversed)?;
            }
        }
        if alphabet.is_binary() {
            let on = rows.iter().flatten().map(|distribution| distribution[1]);
            return Ok(Tpm::of_binary(n_units, on.collect()));
        }
        let mut next = 0;
        let start = |unit: usize| {
            let start = next;
            next += alphabet.size(unit);
            start
        };
        Ok(Tpm {
            n_units,
            entries: Vec::new(),
            starts: (0..n_units).map(start).collect(),
            distributions: rows.iter().flatten().flatten().copied().collect(),
            alphabet: alphabet.clone(),
        })
    }

    /// A deterministic TPM: for each state, in the order of the alphabet, the next value of each
    /// unit.
    ///
    /// ```
    /// use pyphi_core::{Alphabet, Tpm};
    ///
    /// let tpm = Tpm::from_next_values(&Alphabet::new(&[3])?, &[vec![1], vec![2], vec![0]])?;
    /// assert_eq!(tpm.probability(2, 0, 0), 1.0);
    /// # Ok::<(), pyphi_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// If there is not one row for each state and in it one value for each unit, or a unit does not
    /// have its value.
    pub fn from_next_values(alphabet: &Alphabet, rows: &[Vec<u8>]) -> Result<Tpm> {
        check_row_count(alphabet, rows.len())?;
        let mut distributions = Vec::with_capacity(rows.len());
        for (row, values) in rows.iter().enumerate() {
            alphabet.check(values).map_err(|error| error.at(format!("next: row {row}")))?;
            let certain = |(unit, &value): (usize, &u8)| {
                let of = |it: usize| f64::from(u8::from(it == usize::from(value)));
                (0..alphabet.size(unit)).map(of).collect()
            };
            distributions.push(values.iter().enumerate().map(certain).collect());
        }
        Tpm::from_distributions(alphabet, &distributions)
    }

    /// A TPM of units with any number of values from its state-by-state form: a row and a column
    /// for each state.
    ///
    /// # Errors
    /// As [`Tpm::from_state_by_state`], the tolerance being 1e-9 throughout.
    pub fn from_state_by_state_of(alphabet: &Alphabet, rows: &[Vec<f64>]) -> Result<Tpm> {
        check_row_count(alphabet, rows.len())?;
        check_entries(rows, rows.len())?;
        let n_units = alphabet.n_units();
        let mut distributions = Vec::with_capacity(rows.len());
        for (row, cells) in rows.iter().enumerate() {
            let sum: f64 = cells.iter().sum();
            if (sum - 1.0).abs() > SUM_TOLERANCE {
                return Err(ErrorKind::RowSum { row, sum }.into());
            }
            let mut of_units: Vec<Vec<f64>> =
                (0..n_units).map(|unit| vec![0.0; alphabet.size(unit)]).collect();
            for (next, p) in cells.iter().enumerate() {
                for (unit, distribution) in of_units.iter_mut().enumerate() {
                    distribution[alphabet.value(next as u32, unit) as usize] += p / sum;
                }
            }
            of_units.iter_mut().flatten().for_each(|p| *p = p.clamp(0.0, 1.0));
            for (column, &found) in cells.iter().enumerate() {
                let value = |unit| alphabet.value(column as u32, unit) as usize;
                let expected: f64 =
                    of_units.iter().enumerate().map(|(unit, it)| it[value(unit)]).product();
                if (found - expected).abs() > SUM_TOLERANCE {
                    let kind = ErrorKind::ConditionallyDependent { row, column, found, expected };
                    return Err(kind.into());
                }
            }
            distributions.push(of_units);
        }
        Tpm::from_distributions(alphabet, &distributions)
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
        Ok((Tpm::of_binary(n_units, entries), found_marginals))
    }

    /// Returns the dependence of unit `to` on unit `from`, at `from * n + to`: the largest
    /// difference that `from` alone makes.
    pub(crate) fn dependences(&self) -> Vec<f64> {
        let n = self.n_units;
        let mut largest = vec![0.0_f64; n * n];
        for (from, of_from) in largest.chunks_mut(n.max(1)).enumerate() {
            if !self.alphabet.is_binary() {
                of_from.iter_mut().enumerate().for_each(|(to, it)| *it = self.dependence(from, to));
                continue;
            }
            for row in (0..self.n_states()).filter(|row| row >> from & 1 == 0) {
                let pairs = self.row(row).iter().zip(self.row(row | 1 << from));
                for (most, (off, on)) in of_from.iter_mut().zip(pairs) {
                    *most = most.max((off - on).abs());
                }
            }
        }
        largest
    }

    /// The largest difference that a unit alone makes to another, between any two of its values and
    /// whatever the others are.
    fn dependence(&self, from: usize, to: usize) -> f64 {
        let (k, stride) = (self.alphabet.size(from), self.alphabet.stride(from));
        let mut most = 0.0_f64;
        for row in (0..self.n_states()).filter(|row| row / stride % k == 0) {
            for value in 0..self.alphabet.size(to) {
                let of = |of_from: usize| self.probability(row + of_from * stride, to, value);
                let range = (0..k)
                    .map(of)
                    .fold((f64::INFINITY, 0.0_f64), |(low, high), p| (low.min(p), high.max(p)));
                most = most.max(range.1 - range.0);
            }
        }
        most
    }

    /// The same TPM with every unit averaged, uniformly, over the units that `cm` does not connect
    /// to it.
    pub(crate) fn averaged(&self, cm: &[Vec<u8>]) -> Tpm {
        let n = self.n_units;
        if !self.alphabet.is_binary() {
            return self.averaged_over_values(cm);
        }
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
        Tpm::of_binary(n, entries)
    }

    fn averaged_over_values(&self, cm: &[Vec<u8>]) -> Tpm {
        let mut averaged = self.clone();
        for (from, connects) in cm.iter().enumerate() {
            let (k, stride) = (self.alphabet.size(from), self.alphabet.stride(from));
            for to in (0..self.n_units).filter(|&to| connects[to] == 0) {
                for first in (0..self.n_states()).filter(|row| row / stride % k == 0) {
                    for value in 0..self.alphabet.size(to) {
                        let at = |it: usize| averaged.place(first + it * stride, to, value);
                        let places: Vec<usize> = (0..k).map(at).collect();
                        let sum: f64 = places.iter().map(|&at| averaged.distributions[at]).sum();
                        places.iter().for_each(|&at| averaged.distributions[at] = sum / k as f64);
                    }
                }
            }
        }
        averaged
    }

    /// The number of values of each unit.
    pub fn alphabet(&self) -> &Alphabet {
        &self.alphabet
    }

    /// P(unit has this value at t+1 | state `row` at t).
    ///
    /// # Panics
    /// If there is no such row, unit or value.
    #[inline]
    pub fn probability(&self, row: usize, unit: usize, value: usize) -> f64 {
        if !self.alphabet.is_binary() {
            assert!(value < self.alphabet.size(unit), "unit {unit} has no value {value}");
            return self.distributions[self.place(row, unit, value)];
        }
        let on = self.row(row)[unit];
        match value {
            0 => 1.0 - on,
            1 => on,
            _ => panic!("unit {unit} has no value {value}"),
        }
    }

    /// Returns the index of a probability among the distributions.
    fn place(&self, row: usize, unit: usize, value: usize) -> usize {
        row * self.row_len() + self.starts[unit] + value
    }

    /// Entries of a row.
    fn row_len(&self) -> usize {
        match self.starts.last() {
            None => self.n_units,
            Some(last) => last + self.alphabet.size(self.n_units - 1),
        }
    }

    /// Number of units.
    pub fn n_units(&self) -> usize {
        self.n_units
    }

    /// Number of states: `2^n` for binary units.
    pub fn n_states(&self) -> usize {
        self.alphabet.n_states()
    }

    /// P(unit is ON at t+1) for every unit, given state `row` at t. Of binary units.
    ///
    /// # Panics
    /// If `row >= 2^n`, or a unit has more than two values.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.entries[row * self.n_units..][..self.n_units]
    }

    /// The rows, as the JSON format has them; with the distributions of a row one after the other,
    /// where a unit has more than two values.
    pub fn to_rows(&self) -> Vec<Vec<f64>> {
        let entries = if self.starts.is_empty() { &self.entries } else { &self.distributions };
        entries.chunks(self.row_len()).map(<[f64]>::to_vec).collect()
    }

    /// The TPM of such rows.
    ///
    /// # Errors
    /// As [`Tpm::from_distributions`].
    pub(crate) fn from_rows_of(alphabet: &Alphabet, rows: &[Vec<f64>]) -> Result<Tpm> {
        let expected: usize = alphabet.sizes().iter().sum();
        let distributions = |(row, cells): (usize, &Vec<f64>)| {
            if cells.len() != expected {
                let found = cells.len();
                return Err(ErrorKind::TpmColumns { row, found, expected }.into());
            }
            let mut left = &cells[..];
            let of_unit = |k: usize| {
                let (distribution, rest) = left.split_at(k);
                left = rest;
                distribution.to_vec()
            };
            Ok(alphabet.sizes().into_iter().map(of_unit).collect())
        };
        let rows = rows.iter().enumerate().map(distributions).collect::<Result<Vec<_>>>()?;
        Tpm::from_distributions(alphabet, &rows)
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

/// A row for each state. Where that fits the alphabet in another order of units, or another number
/// of values, the error says so.
fn check_row_count(alphabet: &Alphabet, rows: usize) -> Result<()> {
    let expected = alphabet.n_states();
    if rows == expected {
        return Ok(());
    }
    let n_units = alphabet.n_units();
    let hint = match rows.checked_ilog2() {
        Some(bits) if bits as usize == n_units && rows.is_power_of_two() => {
            " (these are as many as of units with two values each)".to_owned()
        }
        _ => String::new(),
    };
    Err(ErrorKind::TpmStates { rows, expected, alphabet: alphabet.to_string(), hint }.into())
}

fn check_distribution(
    row: usize,
    unit: usize,
    k: usize,
    distribution: &[f64],
    is_reversed: bool,
) -> Result<()> {
    let wrong = |found: String, expected: &str| {
        let expected = expected.to_owned();
        Err(ErrorKind::Distribution { row, unit, found, expected }.into())
    };
    if distribution.len() != k {
        let found = format!("{} probabilities", distribution.len());
        let hint = if is_reversed { " (the row fits the alphabet in reverse order)" } else { "" };
        return wrong(found, &format!("{k}, one for each value of the unit{hint}"));
    }
    if let Some(value) = distribution.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return wrong(value.to_string(), "probabilities, numbers from 0 to 1");
    }
    let sum: f64 = distribution.iter().sum();
    if (sum - 1.0).abs() > SUM_TOLERANCE {
        return wrong(format!("a sum of {sum}"), "probabilities that sum to 1");
    }
    Ok(())
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
