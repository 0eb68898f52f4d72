//! One comparison as a line of the CSV, there and back.
//!
//! A line has redundant columns (error, relative error), which must agree with the others when it is
//! read: a line edited by hand is noticed. This module knows no files.

use crate::statistics::SAME;
use crate::suite::Key;
use crate::topology::Topology;

/// One comparison: a line of the CSV.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Which comparison.
    pub key: Key,
    /// The estimate, by whichever estimator the study uses.
    pub phi_hdc: f64,
    /// Exact Φ.
    pub phi_exact: f64,
    /// The wall time that exact Φ took, in milliseconds. Rows that share an exact problem repeat it,
    /// since the problem is solved once.
    pub duration_ms: f64,
}

impl Row {
    /// The first line of the CSV.
    pub const HEADER: &str = "topology,n,seed,phi_hdc,phi_exact,error,relative_error,duration_ms";

    /// A Φ of at most this is 0, by the tolerance of the theory's comparisons.
    pub const ZERO: f64 = 1e-6;

    /// Estimate minus exact.
    pub fn error(&self) -> f64 {
        self.phi_hdc - self.phi_exact
    }

    /// |error| / exact; none where exact Φ is 0.
    pub fn relative_error(&self) -> Option<f64> {
        (self.phi_exact > Row::ZERO).then(|| self.error().abs() / self.phi_exact)
    }

    /// The line of the CSV, without its newline. Numbers have all the digits it takes to read the
    /// same number back; the time is rounded to microseconds.
    ///
    /// ```
    /// use phi_validation::row::Row;
    /// use phi_validation::suite::Key;
    /// use phi_validation::topology::Topology;
    ///
    /// let key = Key { topology: Topology::Ring, n: 5, seed: 42 };
    /// let row = Row { key, phi_hdc: 0.75, phi_exact: 0.5, duration_ms: 12.0 };
    /// assert_eq!(row.to_line(), "Ring,5,42,0.75,0.5,0.25,0.5,12.000");
    /// assert_eq!(Row::parse("Ring,5,42,0.75,0.5,0.25,0.5,12.000").unwrap(), row);
    /// ```
    pub fn to_line(&self) -> String {
        let Key { topology, n, seed } = self.key;
        let relative = self.relative_error().map(|it| format!("{it:?}")).unwrap_or_default();
        format!(
            "{topology},{n},{seed},{:?},{:?},{:?},{relative},{:.3}",
            self.phi_hdc,
            self.phi_exact,
            self.error(),
            self.duration_ms
        )
    }

    /// Reads what [`to_line`](Row::to_line) wrote.
    ///
    /// # Errors
    /// What is wrong with the line and what was expected, for a person.
    pub fn parse(line: &str) -> Result<Row, String> {
        let fields: Vec<&str> = line.split(',').collect();
        let &[topology, n, seed, phi_hdc, phi_exact, error, relative_error, duration_ms] =
            fields.as_slice()
        else {
            return Err(format!("{} fields, expected 8", fields.len()));
        };
        let key = Key {
            topology: topology.parse::<Topology>().map_err(|error| error.to_string())?,
            n: whole("n", n)?,
            seed: whole("seed", seed)?,
        };
        let row = Row {
            key,
            phi_hdc: finite("phi_hdc", phi_hdc)?,
            phi_exact: finite("phi_exact", phi_exact)?,
            duration_ms: finite("duration_ms", duration_ms)?,
        };
        if row.phi_exact < 0.0 {
            return Err(format!("phi_exact {phi_exact}: expected at least 0"));
        }
        if !close(finite("error", error)?, row.error()) {
            return Err(format!("error {error}: expected phi_hdc - phi_exact = {:?}", row.error()));
        }
        match (relative_error, row.relative_error()) {
            ("", None) => {}
            (text, Some(expected)) if !text.is_empty() => {
                if !close(finite("relative_error", text)?, expected) {
                    return Err(format!(
                        "relative_error {text}: expected |error| / phi_exact = {expected:?}"
                    ));
                }
            }
            (text, expected) => {
                let expected = expected.map_or("nothing".to_owned(), |it| format!("{it:?}"));
                return Err(format!("relative_error {text:?}: expected {expected}"));
            }
        }
        Ok(row)
    }
}

fn whole<T: std::str::FromStr>(what: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{what} {text:?}: expected a whole number"))
}

fn finite(what: &str, text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|it| it.is_finite());
    number.ok_or_else(|| format!("{what} {text:?}: expected a number"))
}

/// Whether two numbers are equal but for what another program may make of the last digits.
pub(crate) fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= SAME * b.abs().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extreme_numbers_survive() {
        let key = Key { topology: Topology::Star, n: 8, seed: u64::MAX };
        for phi_exact in [0.0, 5e-324, 1e-7, 0.1 + 0.2, 4.559795240000001, 1e300] {
            for phi_hdc in [0.0, 1.0 / 3.0, 1.0 - f64::EPSILON] {
                let row = Row { key, phi_hdc, phi_exact, duration_ms: 1e9 };
                assert_eq!(Row::parse(&row.to_line()), Ok(row));
            }
        }
    }
}
