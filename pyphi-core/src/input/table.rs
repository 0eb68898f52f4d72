//! TPMs as tables of numbers, wherever they come from.

use crate::error::{Error, ErrorKind, Result};

use super::npy;

/// A TPM as it was read, before anything is known of its units.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    pub(super) rows: Vec<Vec<f64>>,
    /// It had an index for each unit, so that the order of its rows was not a matter of convention.
    pub(super) is_multidimensional: bool,
    /// The names of the columns.
    pub(super) labels: Option<Vec<String>>,
}

fn wrong(message: String) -> Error {
    ErrorKind::Json(message).into()
}

impl Table {
    /// Reads the rows of a TPM from a text with a row in each line and commas, semicolons, tabs or
    /// spaces between numbers. Lines that begin with `#` are passed over. A first line of names is
    /// taken for the units' labels.
    ///
    /// ```
    /// use pyphi_core::input::{Reader, States, Table};
    ///
    /// let tpm = Table::csv("A,B\n0,0\n0,1\n1,0\n1,1\n")?;
    /// let states = Some(States::parse("01")?);
    /// let input = Reader { states, ..Reader::default() }.table(tpm);
    /// let record = input.networks[0].record.as_ref().unwrap();
    /// assert_eq!(record.labels.as_deref().unwrap(), ["A", "B"]);
    /// # Ok::<(), pyphi_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a cell is not a number; the message names line and column, from 1.
    pub fn csv(text: &str) -> Result<Table> {
        let mut table = Table::default();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let cells = cells(line);
            let numbers: std::result::Result<Vec<f64>, usize> =
                cells.iter().enumerate().map(|(at, it)| it.parse().map_err(|_| at)).collect();
            match numbers {
                Ok(numbers) => {
                    if let Some(column) = numbers.iter().position(|it| !it.is_finite()) {
                        let row = table.rows.len();
                        let value = numbers[column];
                        return Err(ErrorKind::NotAProbability { row, column, value }.into());
                    }
                    table.rows.push(numbers);
                }
                // A row of names has no number in it at all.
                Err(_)
                    if table.rows.is_empty()
                        && table.labels.is_none()
                        && cells.iter().all(|it| it.parse::<f64>().is_err()) =>
                {
                    table.labels = Some(cells.iter().map(|it| (*it).to_owned()).collect());
                }
                Err(at) => {
                    let (line, column) = (index + 1, at + 1);
                    let cell: String = cells[at].chars().take(40).collect();
                    return Err(wrong(format!(
                        "line {line}, column {column}: {cell:?}, expected a number"
                    )));
                }
            }
        }
        if let (Some(labels), Some(row)) = (&table.labels, table.rows.first()) {
            let (found, expected) = (labels.len(), row.len());
            if found != expected {
                return Err(wrong(format!(
                    "line 1: {found} names, expected {expected} as in the rows"
                )));
            }
            // The columns of a state-by-state TPM are states, whose names say nothing of the units.
            if table.rows.len() == expected && expected > 1 {
                table.labels = None;
            }
        }
        Ok(table)
    }

    /// Reads a TPM from numpy's format: two dimensions, or one for each unit and one more.
    ///
    /// # Errors
    /// If the bytes are no such array.
    pub fn npy(bytes: &[u8]) -> Result<Table> {
        let npy::Array { shape, values } = npy::read(bytes)?;
        Table::shaped(&shape, values)
    }

    /// The same TPM of units with these names.
    #[must_use]
    pub fn with_labels(self, labels: Vec<String>) -> Table {
        Table { labels: Some(labels), ..self }
    }

    /// A matrix of 0 and 1 from numpy's format.
    ///
    /// # Errors
    /// If the bytes are no such array.
    pub fn npy_matrix(bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
        let npy::Array { shape, values } = npy::read(bytes)?;
        let &[_, columns] = shape.as_slice() else {
            return Err(wrong(format!("cm: {} dimensions, expected 2", shape.len())));
        };
        matrix(&values.chunks(columns.max(1)).map(<[f64]>::to_vec).collect::<Vec<_>>())
    }

    /// This table as a connectivity matrix.
    ///
    /// # Errors
    /// If an entry is neither 0 nor 1.
    pub fn matrix(&self) -> Result<Vec<Vec<u8>>> {
        matrix(&self.rows)
    }

    /// A TPM from an array of this shape, last index fastest: two dimensions, or one for each unit
    /// and one more.
    ///
    /// ```
    /// use pyphi_core::input::Table;
    ///
    /// let rows = Table::shaped(&[4, 2], vec![0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0])?;
    /// assert!(Table::shaped(&[4, 3], vec![0.0; 4]).is_err()); // expected 12 numbers
    /// # Ok::<(), pyphi_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the shape is no such shape, or another number of values has it.
    pub fn shaped(shape: &[usize], values: Vec<f64>) -> Result<Table> {
        let n_values = shape.iter().try_fold(1_usize, |product, it| product.checked_mul(*it));
        if n_values != Some(values.len()) {
            let found = values.len();
            return Err(wrong(format!("tpm: {found} numbers, expected those of shape {shape:?}")));
        }
        let &[_, columns] = shape else {
            let n = shape.len().saturating_sub(1);
            let fits = shape.split_last().is_some_and(|(last, units)| {
                n > 1 && *last == n && units.iter().all(|it| *it == 2)
            });
            if fits {
                return Ok(multidimensional(&values, n));
            }
            let expected = "expected 2 dimensions, or 2 × … × 2 × n for n units of two values";
            return Err(wrong(format!("tpm: an array of shape {shape:?}, {expected}")));
        };
        let rows = values.chunks(columns.max(1)).map(<[f64]>::to_vec).collect();
        Ok(Table { rows, ..Table::default() })
    }
}

/// The TPM of n units whose first index is that of unit 0, last index fastest.
pub(super) fn multidimensional(values: &[f64], n: usize) -> Table {
    let row = |state: usize| {
        let at = reversed_bits(state, n);
        values[at * n..][..n].to_vec()
    };
    Table { rows: (0..1 << n).map(row).collect(), is_multidimensional: true, labels: None }
}

/// The lowest n bits in the opposite order.
fn reversed_bits(bits: usize, n: usize) -> usize {
    if n == 0 { 0 } else { bits.reverse_bits() >> (usize::BITS as usize - n) }
}

/// The rows, and for a state-by-state TPM the columns, of states whose last unit is the lowest bit,
/// in the order of those whose first is. What is no TPM stays as it is: it is refused later, with
/// its own places.
pub(super) fn reversed(rows: Vec<Vec<f64>>, is_state_by_state: bool) -> Vec<Vec<f64>> {
    if !rows.len().is_power_of_two()
        || is_state_by_state && rows.iter().any(|it| it.len() != rows.len())
    {
        return rows;
    }
    let n = rows.len().trailing_zeros() as usize;
    let states = || (0..rows.len()).map(|state| reversed_bits(state, n));
    match is_state_by_state {
        false => states().map(|at| rows[at].clone()).collect(),
        true => states().map(|at| states().map(|column| rows[at][column]).collect()).collect(),
    }
}

/// Adds what was probably meant to an error about the shape of a TPM.
pub(super) fn hint(error: Error, rows: &[Vec<f64>]) -> Error {
    let (n_rows, columns) = (rows.len(), rows.first().map_or(0, Vec::len));
    let add = |what: String| ErrorKind::Json(format!("{error}; {what}")).into();
    match *error.kind() {
        ErrorKind::TpmColumns { row: 0, expected, .. } if columns > expected => add(format!(
            "{n_rows} rows are the states of {expected} units, so a row has {expected} entries \
             (state-by-node) or \
             {n_rows} (state-by-state). A table from the states of some units (sensors, hidden \
             units) to the next \
             states of others (hidden units, motors) needs a row for every state of all {columns} \
             units and a column \
             for each of them: a motor's state changes no row, a sensor's column is what it does \
             without its inputs"
        )),
        ErrorKind::TpmRows { .. }
            if columns.is_power_of_two()
                && columns > 1
                && n_rows == columns.trailing_zeros() as usize =>
        {
            add(format!("{n_rows} rows of {columns}: is it transposed?"))
        }
        ErrorKind::TpmRows { .. } if columns > 0 && columns < 32 => add(format!(
            "{columns} columns are {columns} units (state-by-node), which have {} states",
            1_u64 << columns
        )),
        _ => error,
    }
}

fn matrix(rows: &[Vec<f64>]) -> Result<Vec<Vec<u8>>> {
    let entry = |row: usize, column: usize, value: f64| match value {
        0.0 => Ok(0),
        1.0 => Ok(1),
        _ => Err(ErrorKind::CmEntry { row, column, value: value.to_string() }.into()),
    };
    let rows = rows.iter().enumerate();
    rows.map(|(row, cells)| {
        cells.iter().enumerate().map(|(column, value)| entry(row, column, *value)).collect()
    })
    .collect()
}

/// The cells of a line, by the first of the separators that is in it.
pub(super) fn cells(line: &str) -> Vec<&str> {
    let separator = [';', '\t', ','].into_iter().find(|it| line.contains(*it));
    let trim = |it| str::trim_matches(it, [' ', '"']);
    match separator {
        None => line.split_whitespace().map(trim).collect(),
        // Many programs end every line with a separator.
        Some(separator) => line.trim_end_matches(separator).split(separator).map(trim).collect(),
    }
}
