//! One comparison as a line of the CSV, there and back.
//!
//! A line has redundant columns (error, relative error), which must agree with the others when it is
//! read: a line edited by hand is noticed. This module knows no files.

use crate::dynamics::Rule;
use crate::error::Error;
use crate::escape::csv;
use crate::key::{Case, Key};
use crate::statistics::SAME;
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

    /// The first line of the CSV where keys have cases.
    pub const HEADER_OF_CASES: &str = "topology,n,seed,network,rule,state,formalism,\
                                       phi_hdc,phi_exact,error,relative_error,duration_ms";

    /// The first line of the CSV, for keys with or without cases.
    pub fn header(has_cases: bool) -> &'static str {
        if has_cases { Row::HEADER_OF_CASES } else { Row::HEADER }
    }

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
    /// let key = Key::new(Topology::Ring, 5, 42);
    /// let row = Row { key, phi_hdc: 0.75, phi_exact: 0.5, duration_ms: 12.0 };
    /// assert_eq!(row.to_line(), "Ring,5,42,0.75,0.5,0.25,0.5,12.000");
    /// assert_eq!(Row::parse("Ring,5,42,0.75,0.5,0.25,0.5,12.000", false).unwrap(), row);
    /// ```
    pub fn to_line(&self) -> String {
        let Key { topology, n, seed, case } = self.key;
        let case = case.map_or(String::new(), |Case { network, rule, state, formalism }| {
            let network = network.map(|it| csv(it.as_str())).unwrap_or_default();
            let rule = rule.map(Rule::code).unwrap_or_default();
            format!("{network},{rule},{state},{formalism},")
        });
        let relative = self.relative_error().map(|it| format!("{it:?}")).unwrap_or_default();
        format!(
            "{topology},{n},{seed},{case}{:?},{:?},{:?},{relative},{:.3}",
            self.phi_hdc,
            self.phi_exact,
            self.error(),
            self.duration_ms
        )
    }

    /// Reads what [`to_line`](Row::to_line) wrote, in a study whose keys have cases or have none.
    ///
    /// # Errors
    /// What is wrong with the line and what was expected, for a person.
    pub fn parse(line: &str, has_cases: bool) -> Result<Row, String> {
        let mut fields: Vec<&str> = line.split(',').collect();
        let expected = Row::header(has_cases).split(',').count();
        if fields.len() != expected {
            return Err(format!("{} fields, expected {expected}", fields.len()));
        }
        let case: Option<Vec<&str>> = has_cases.then(|| fields.drain(3..7).collect());
        let case = case.map(|it| parse_case(&it)).transpose()?;
        let &[topology, n, seed, phi_hdc, phi_exact, error, relative_error, duration_ms] =
            fields.as_slice()
        else {
            unreachable!("their number was checked");
        };
        let topology = match topology == Topology::Own.name() {
            true => Topology::Own,
            false => topology.parse().map_err(|error: Error| error.to_string())?,
        };
        let key = Key { topology, n: whole("n", n)?, seed: whole("seed", seed)?, case };
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

/// Network, rule, state and formalism.
fn parse_case(fields: &[&str]) -> Result<Case, String> {
    let message = |error: Error| error.to_string();
    Ok(Case {
        network: Some(fields[0]).filter(|it| !it.is_empty()).map(str::parse).transpose()?,
        rule: Some(fields[1])
            .filter(|it| !it.is_empty())
            .map(Rule::from_code)
            .transpose()
            .map_err(message)?,
        state: fields[2].parse()?,
        formalism: fields[3].parse().map_err(message)?,
    })
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
    use crate::formalism::Formalism;

    #[test]
    fn extreme_numbers_survive() {
        let key = Key::new(Topology::Star, 8, u64::MAX);
        for phi_exact in [0.0, 5e-324, 1e-7, 0.1 + 0.2, 4.559795240000001, 1e300] {
            for phi_hdc in [0.0, 1.0 / 3.0, 1.0 - f64::EPSILON] {
                let row = Row { key, phi_hdc, phi_exact, duration_ms: 1e9 };
                assert_eq!(Row::parse(&row.to_line(), false), Ok(row));
            }
        }
    }

    #[test]
    fn rows_with_cases_have_columns_more() {
        let case = |network: Option<&str>, rule| Case {
            network: network.map(|it| it.parse().unwrap()),
            rule,
            state: "01101".parse().unwrap(),
            formalism: Formalism::Iit4_2026Paper,
        };
        let row = |topology, case| Row {
            key: Key { case: Some(case), ..Key::new(topology, 5, 7) },
            phi_hdc: 0.75,
            phi_exact: 0.5,
            duration_ms: 1.0,
        };
        let made = row(Topology::Ring, case(None, Some(Rule::Logistic { gain: 0.1 })));
        let line = "Ring,5,7,,logistic:0.1,01101,iit4-2026-paper,0.75,0.5,0.25,0.5,1.000";
        assert_eq!(made.to_line(), line);
        assert_eq!(Row::parse(line, true), Ok(made));
        assert_eq!(Row::parse(line, false), Err("12 fields, expected 8".to_owned()));
        let own = row(Topology::Own, case(Some("fig1"), None));
        let line = "Own,5,7,fig1,,01101,iit4-2026-paper,0.75,0.5,0.25,0.5,1.000";
        assert_eq!((own.to_line().as_str(), Row::parse(line, true)), (line, Ok(own)));
        let check = |from: &str, to: &str, message: &str| {
            let error = Row::parse(&line.replace(from, to), true).unwrap_err();
            assert!(error.starts_with(message), "{error}");
        };
        check(",01101,", ",0110x,", "state \"0110x\": expected a 0 or 1 for each unit");
        check("fig1,,", "fig1,nand,", "unknown rule \"nand\"");
        check("fig1", "fig 1", "network name \"fig 1\": expected 1 to 24 letters");
        check("iit4-2026-paper", "iit5", "unknown formalism \"iit5\"");
    }
}
