//! One comparison as a line of the CSV.
//!
//! The CSV is for other programs: this one reads the journal, and compares a CSV with what it would
//! write itself. This module knows no files.

use crate::engine::result::ExactPhi;
use crate::escape::csv;
use crate::model::dynamics::Rule;
use crate::model::key::{Key, RowCase};
use crate::suite::Settings;

/// One comparison: a line of the CSV.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// The key of the comparison.
    pub key: Key,
    /// The estimate, by whichever estimator the study uses.
    pub phi_hdc: f64,
    /// Exact Φ.
    pub phi_exact: f64,
    /// The wall time that exact Φ took, in milliseconds. Rows that share an exact problem repeat
    /// it, since the problem is solved once.
    pub duration_ms: f64,
}

impl Row {
    /// The first line of the CSV.
    pub const HEADER: &str = "topology,n,seed,phi_hdc,phi_exact,error,relative_error,duration_ms";

    /// The first line of the CSV where keys have cases.
    pub const HEADER_OF_CASES: &str = "topology,n,seed,network,rule,state,formalism,\
                                       phi_hdc,phi_exact,error,relative_error,duration_ms";

    /// The first line of the CSV of a run with these settings: the estimates of other estimators
    /// are columns by their names.
    pub fn header(settings: &Settings) -> String {
        let first = Row::first_columns(settings);
        let others = settings.other_estimators.iter().map(|it| format!(",{}", csv(it)));
        [first.to_owned()].into_iter().chain(others).collect()
    }

    /// The columns that the CSV of every run with cases, or without, has first.
    pub(crate) fn first_columns(settings: &Settings) -> &'static str {
        if settings.has_cases() { Row::HEADER_OF_CASES } else { Row::HEADER }
    }

    /// A Φ of at most this is 0, by the tolerance of the theory's comparisons.
    pub const ZERO: f64 = ExactPhi::ZERO;

    /// No Φ and no estimate is larger.
    pub const LARGEST: f64 = ExactPhi::LARGEST;

    /// Two values within this of each other count as equal where equality matters.
    pub const SAME: f64 = 1e-9;

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
    /// use phi_validation::run::row::Row;
    /// use phi_validation::suite::Key;
    /// use phi_validation::model::topology::Topology;
    ///
    /// let key = Key::new(Topology::Ring, 5, 42);
    /// let row = Row { key, phi_hdc: 0.75, phi_exact: 0.5, duration_ms: 12.0 };
    /// assert_eq!(row.to_line(), "Ring,5,42,0.75,0.5,0.25,0.5,12.000");
    /// ```
    pub fn to_line(&self) -> String {
        let Key { topology, n, seed, case } = self.key;
        let case = case.map_or(String::new(), |RowCase { network, rule, state, formalism }| {
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

    /// The line of the CSV with the estimates of others, which may be missing.
    pub(crate) fn to_line_with(self, others: impl Iterator<Item = Option<f64>>) -> String {
        let others = others.map(|it| it.map_or(",".to_owned(), |it| format!(",{it:?}")));
        [self.to_line()].into_iter().chain(others).collect()
    }
}

/// `true` if two numbers are equal but for what another program may make of the last digits.
pub(crate) fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= Row::SAME * b.abs().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::formalism::Formalism;
    use crate::model::topology::Topology;

    #[test]
    fn numbers_have_all_their_digits() {
        let key = Key::new(Topology::Star, 8, u64::MAX);
        for phi_exact in [0.0, 5e-324, 1e-7, 0.1 + 0.2, 4.559795240000001, Row::LARGEST] {
            for phi_hdc in [0.0, 1.0 / 3.0, 1.0 - f64::EPSILON] {
                let row = Row { key, phi_hdc, phi_exact, duration_ms: 1e9 };
                let line = row.to_line();
                let numbers: Vec<f64> =
                    line.split(',').skip(3).take(3).map(|it| it.parse().unwrap()).collect();
                assert_eq!(numbers, [phi_hdc, phi_exact, phi_hdc - phi_exact], "{line}");
            }
        }
    }

    #[test]
    fn rows_with_cases_have_columns_more() {
        let case = |network: Option<&str>, rule| RowCase {
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
        assert_eq!(Row::HEADER_OF_CASES.split(',').count(), line.split(',').count());
        let own = row(Topology::Own, case(Some("fig1"), None));
        let line = "Own,5,7,fig1,,01101,iit4-2026-paper,0.75,0.5,0.25,0.5,1.000";
        assert_eq!(own.to_line(), line);
    }

    #[test]
    fn other_estimates_are_columns_by_name() {
        let key = Key::new(Topology::Ring, 5, 42);
        let row = Row { key, phi_hdc: 0.75, phi_exact: 0.5, duration_ms: 12.0 };
        let line = "Ring,5,42,0.75,0.5,0.25,0.5,12.000,0.1,";
        assert_eq!(row.to_line_with([Some(0.1), None].into_iter()), line);
        let settings = Settings {
            other_estimators: vec!["mi".to_owned(), "own, quoted".to_owned()],
            ..Settings::default()
        };
        assert_eq!(Row::header(&settings), format!("{},mi,\"own, quoted\"", Row::HEADER));
    }
}
