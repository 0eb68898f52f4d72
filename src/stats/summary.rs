//! The findings of a study: its statistics, how sure they are, and the verdict, as `summary.json`
//! has them.
//!
//! A [`Summary`] is computed from the finished rows alone (what is known of the exact problems is
//! added to it), so a study that is resumed after its last row prints it again.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use serde::{Serialize, Serializer};

use crate::error::Error;
use crate::files::append::write_whole;
use crate::model::topology::Topology;
use crate::run::journal::{ExactRecord, SUMMARY_SCHEMAS};
use crate::run::row::Row;
use crate::run::store::Contents;
use crate::stats::calibration::Calibration;
use crate::stats::statistics::Statistics;
use crate::stats::ties::TieSensitivity;
use crate::stats::uncertainty::{Bootstrap, Permutation, Uncertainty};
use crate::stats::verdict::Verdict;
use crate::suite::{Formalism, Key, Settings, Suite};

/// The findings of a study.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// The kind of document.
    pub schema: &'static str,
    /// The version of its fields; a change that could break a reader raises it.
    pub version: u32,
    /// The name of the CSV, which lies in the same folder.
    pub csv: String,
    /// The matrix.
    pub settings: Settings,
    /// The number of rows.
    pub n_comparisons: usize,
    /// The number of different exact problems in them.
    pub n_exact_problems: usize,
    /// The meaning of these two numbers for the statistics.
    pub independence: String,
    /// Over all rows.
    pub overall: Statistics,
    /// The uncertainty of the statistics.
    pub uncertainty: Uncertainty,
    /// Test for correlations that come from matching topologies at random.
    pub permutation: Permutation,
    /// Predictions of fitted models for what they have not seen.
    pub calibration: Vec<Calibration>,
    /// Over the rows of each topology.
    pub by_topology: Vec<Group<Topology>>,
    /// Over the rows of each size.
    pub by_size: Vec<Group<usize>>,
    /// Over the rows of each rule, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_rule: Vec<Group<String>>,
    /// The verdict: the levels of success that are reached.
    pub verdict: Verdict,
    /// Under IIT 4.0, where everything above is about φ_s: the same about Φ of the Φ-structure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against_big_phi: Option<Findings>,
    /// The same with all exact values at either end of their ranges; `None` if these are not known.
    pub ties: Option<TieSensitivity>,
    /// The exact problems, in the order in which they were solved.
    pub exact_problems: Vec<ExactRecord>,
}

/// The findings for one exact value: how the estimate follows it.
#[derive(Debug, Serialize)]
pub struct Findings {
    /// Over all rows.
    pub overall: Statistics,
    /// The uncertainty of the statistics.
    pub uncertainty: Uncertainty,
    /// Over the rows of each topology.
    pub by_topology: Vec<Group<Topology>>,
    /// Over the rows of each size.
    pub by_size: Vec<Group<usize>>,
    /// Over the rows of each rule, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_rule: Vec<Group<String>>,
    /// The verdict: the levels of success that are reached.
    pub verdict: Verdict,
}

impl Findings {
    fn new(suite: &Suite, rows: &[Row]) -> Findings {
        let settings = suite.settings();
        let points = points(rows);
        let overall = Statistics::new(&points);
        let by_topology = settings.families().into_iter();
        let by_topology = by_topology.map(|it| Group::new(suite, rows, it, |row| row.key.topology));
        let by_size = settings.all_sizes().into_iter();
        let by_size = by_size.map(|it| Group::new(suite, rows, it, |row| row.key.n));
        let rules = settings.rules.iter().filter(|_| settings.rules.len() > 1);
        let by_rule = rules.map(|it| {
            let rule_of = |row: &Row| row.key.case.and_then(|it| it.rule);
            let Group { n_exact_problems, statistics, uncertainty, .. } =
                Group::new(suite, rows, Some(*it), rule_of);
            Group { group: it.code(), n_exact_problems, statistics, uncertainty }
        });
        Findings {
            verdict: Verdict::new(&overall),
            overall,
            uncertainty: Uncertainty::new(
                &points,
                &problems(suite, rows),
                Bootstrap::of(rows.len()),
            ),
            by_topology: by_topology.collect(),
            by_size: by_size.collect(),
            by_rule: by_rule.collect(),
        }
    }
}

/// The statistics of some of the rows.
#[derive(Debug, Serialize)]
pub struct Group<T> {
    /// The property that the rows have in common.
    pub group: T,
    /// The number of different exact problems in them.
    pub n_exact_problems: usize,
    /// Their statistics.
    pub statistics: Statistics,
    /// The uncertainty of the statistics.
    pub uncertainty: Uncertainty,
}

impl<T: PartialEq> Group<T> {
    fn new(suite: &Suite, rows: &[Row], group: T, group_of: impl Fn(&Row) -> T) -> Group<T> {
        let rows: Vec<Row> = rows.iter().filter(|row| group_of(row) == group).copied().collect();
        let problems = problems(suite, &rows);
        Group {
            group,
            n_exact_problems: problems.iter().collect::<BTreeSet<_>>().len(),
            statistics: Statistics::new(&points(&rows)),
            uncertainty: Uncertainty::new(&points(&rows), &problems, Bootstrap::of(rows.len())),
        }
    }
}

impl Summary {
    /// The schema of `summary.json`.
    pub const SCHEMA: &str = SUMMARY_SCHEMAS[0];

    /// The version of that schema.
    pub const VERSION: u32 = 1;

    /// The summary of finished rows; `records` are what is known of their exact problems, `csv` is
    /// the name of the file that holds the rows.
    ///
    /// # Panics
    /// If the suite is of several formalisms: [`Summaries`] are for that.
    pub fn new(suite: &Suite, csv: &str, rows: &[Row], records: &[ExactRecord]) -> Summary {
        let settings = suite.settings().clone();
        let formalism = settings.formalism().expect("one formalism in a statistic");
        let problems = problems(suite, rows);
        let n_exact_problems = problems.iter().collect::<BTreeSet<_>>().len();
        let Findings { overall, uncertainty, by_topology, by_size, by_rule, verdict } =
            Findings::new(suite, rows);
        let recorded: HashMap<_, _> = records.iter().map(|it| (it.problem, it)).collect();
        let range = |&problem: &usize| recorded.get(&suite.problems()[problem].id)?.exact.range;
        let ranges: Vec<_> = problems.iter().map(range).collect();
        Summary {
            schema: Summary::SCHEMA,
            version: Summary::VERSION,
            csv: csv.to_owned(),
            n_comparisons: rows.len(),
            n_exact_problems,
            independence: independence(rows.len(), n_exact_problems, settings.has_cases()),
            ties: TieSensitivity::new(rows, &ranges, &verdict, settings.tie_orders),
            verdict,
            overall,
            uncertainty,
            permutation: Permutation::new(&cells(&settings, rows), Bootstrap::default().seed),
            calibration: Calibration::all(rows, &problems),
            by_topology,
            by_size,
            by_rule,
            against_big_phi: formalism.is_iit4().then(|| {
                let rows = rows.iter().zip(&problems).filter_map(|(row, &problem)| {
                    let record = recorded.get(&suite.problems()[problem].id)?;
                    Some(Row { phi_exact: record.exact.structure.as_ref()?.big_phi, ..*row })
                });
                Findings::new(suite, &rows.collect::<Vec<Row>>())
            }),
            exact_problems: suite
                .problems()
                .iter()
                .filter_map(|problem| recorded.get(&problem.id).map(|it| (*it).clone()))
                .collect(),
            settings,
        }
    }
}

/// The findings of a study, for each theory by itself: Φ of IIT 3.0 and φ_s of IIT 4.0 are
/// different quantities. Those of a single theory are written as its [`Summary`].
#[derive(Debug)]
pub struct Summaries {
    csv: String,
    settings: Settings,
    n_comparisons: usize,
    by_formalism: Vec<Summary>,
}

impl Summaries {
    /// The schema of `summary.json` where there are several theories.
    pub const SCHEMA: &str = SUMMARY_SCHEMAS[1];

    /// The version of that schema.
    pub const VERSION: u32 = 1;

    /// The summaries of finished rows; arguments as of [`Summary::new`].
    pub fn new(suite: &Suite, csv: &str, rows: &[Row], records: &[ExactRecord]) -> Summaries {
        let settings = suite.settings().clone();
        let n_comparisons = rows.len();
        let by_formalism = match settings.formalism() {
            Some(_) => vec![Summary::new(suite, csv, rows, records)],
            None => {
                let of = |&formalism: &Formalism| {
                    let is_of = |it: &&Row| it.key.case.is_some_and(|it| it.formalism == formalism);
                    let rows: Vec<Row> = rows.iter().filter(is_of).copied().collect();
                    Summary::new(&suite.of_formalism(formalism), csv, &rows, records)
                };
                settings.formalisms.iter().map(of).collect()
            }
        };
        Summaries { csv: csv.to_owned(), settings, n_comparisons, by_formalism }
    }

    /// The summary of each theory, in their order.
    pub fn by_formalism(&self) -> &[Summary] {
        &self.by_formalism
    }

    /// The settings of the whole.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The statistics of what is finished in a run.
    pub fn of(contents: &Contents) -> Summaries {
        Summaries::new(&contents.suite, "results.csv", &contents.rows, &contents.records())
    }

    /// Writes the summary as JSON.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let mut json = serde_json::to_string_pretty(self).expect("plain data");
        json.push('\n');
        write_whole(path, &json)
    }
}

impl Serialize for Summaries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Document<'a> {
            schema: &'static str,
            version: u32,
            csv: &'a str,
            settings: &'a Settings,
            n_comparisons: usize,
            n_exact_problems: usize,
            by_formalism: &'a [Summary],
        }
        if let [one] = &self.by_formalism[..] {
            return one.serialize(serializer);
        }
        let n_exact_problems = self.by_formalism.iter().map(|it| it.n_exact_problems).sum();
        Document {
            schema: Summaries::SCHEMA,
            version: Summaries::VERSION,
            csv: &self.csv,
            settings: &self.settings,
            n_comparisons: self.n_comparisons,
            n_exact_problems,
            by_formalism: &self.by_formalism,
        }
        .serialize(serializer)
    }
}

fn points(rows: &[Row]) -> Vec<(f64, f64)> {
    rows.iter().map(|row| (row.phi_hdc, row.phi_exact)).collect()
}

/// The exact problem of each row, as an index into those of the suite.
///
/// # Panics
/// If a row is not in the suite: the readers of rows check that.
fn problems(suite: &Suite, rows: &[Row]) -> Vec<usize> {
    let problem = |row: &Row| {
        let position = suite.position(row.key).expect("a row of the suite");
        suite.comparisons()[position].problem
    };
    rows.iter().map(problem).collect()
}

/// The points of all topologies for each size, seed and case that has all of them.
fn cells(settings: &Settings, rows: &[Row]) -> Vec<Vec<(f64, f64)>> {
    let found: HashMap<_, _> =
        rows.iter().map(|row| (row.key, (row.phi_hdc, row.phi_exact))).collect();
    // In the order of sizes, seeds and cases, whatever the order of the rows.
    let cells = rows.iter().filter(|it| settings.topologies.contains(&it.key.topology));
    let cells: BTreeSet<_> = cells.map(|it| (it.key.n, it.key.seed, it.key.case)).collect();
    cells
        .into_iter()
        .filter_map(|(n, seed, case)| {
            let point = |&topology| found.get(&Key { topology, n, seed, case }).copied();
            settings.topologies.iter().map(point).collect()
        })
        .collect()
}

/// Says what a reader must know before believing a p-value.
fn independence(n_comparisons: usize, n_exact_problems: usize, has_cases: bool) -> String {
    if n_comparisons == n_exact_problems {
        return format!(
            "Each of the {n_comparisons} comparisons is an exact problem of its own; the p-values \
             take them as independent."
        );
    }
    let why = match has_cases {
        false => "since exact Φ depends on the seed only for Random",
        true => "since equal networks in equal states have one exact value",
    };
    format!(
        "Only {n_exact_problems} of the {n_comparisons} comparisons are independent exact \
         problems, {why}; the p-values take all rows as independent and are therefore too small."
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::engine::result::ExactPhi;
    use crate::run::journal::check_summary;
    use std::fs;

    /// A finished study of Ring and Random; exact Φ is `line(estimate)`, and 0 on rings.
    pub(crate) fn summary(line: impl Fn(f64) -> f64) -> Summary {
        let settings = Settings {
            topologies: vec![Topology::Ring, Topology::Random],
            sizes: vec![4, 5],
            seeds: vec![42, 123, 456],
            ..Settings::default()
        };
        let suite = Suite::new(settings).unwrap();
        let (mut rows, mut records) = (Vec::new(), Vec::new());
        for (position, comparison) in suite.comparisons().iter().enumerate() {
            let phi_hdc = 0.1 * position as f64;
            let ring = comparison.key.topology == Topology::Ring;
            let phi_exact = if ring { 0.0 } else { line(phi_hdc) };
            let key = comparison.key;
            rows.push(Row { key, phi_hdc, phi_exact, duration_ms: 1.0 });
            let problem = &suite.problems()[comparison.problem];
            let exact = ExactPhi {
                phi: phi_exact,
                cut: None,
                n_concepts: 1,
                ties: u64::from(ring),
                range: None,
                counters: Default::default(),
                complex: None,
                structure: None,
            };
            let record = ExactRecord { problem: problem.id, key, exact, duration_ms: 1.0 };
            records.push(record);
        }
        Summary::new(&suite, "results.csv", &rows, &records)
    }

    #[test]
    fn the_json_is_versioned_and_has_no_holes() {
        let summary = summary(|estimate| estimate);
        let json = serde_json::to_value(&summary).unwrap();
        assert_eq!(json["schema"], "phi-validation/summary");
        assert_eq!(json["version"], 1);
        assert_eq!(json["csv"], "results.csv");
        assert_eq!(json["settings"]["rule"]["name"], "majority");
        assert_eq!(json["n_comparisons"], 12);
        assert_eq!(json["n_exact_problems"], 8);
        assert_eq!(json["overall"]["n"], 12);
        assert!(json["overall"]["pearson"]["coefficient"]["value"].is_f64());
        assert_eq!(json["by_topology"][0]["group"], "Ring");
        assert_eq!(json["by_topology"][0]["n_exact_problems"], 2);
        let ring = &json["by_topology"][0]["statistics"];
        assert!(ring["pearson"]["coefficient"]["value"].is_null());
        assert_eq!(ring["pearson"]["coefficient"]["reason"], "the exact value is constant");
        assert_eq!(json["by_size"][1]["group"], 5);
        let intervals = json["uncertainty"]["intervals"].as_array().unwrap();
        assert_eq!((json["uncertainty"]["n_clusters"].as_u64(), intervals.len()), (Some(8), 10));
        assert_eq!(json["uncertainty"]["n_resamples"], 10_000);
        assert!(intervals[0]["bca"]["low"].is_f64() && intervals[0]["naive"]["high"].is_f64());
        let small = &json["by_size"][0]["uncertainty"]["intervals"][0]["percentile"];
        assert_eq!(small["reason"], "fewer than 8 independent units to resample");
        assert_eq!(json["permutation"]["n_permutations"], 2);
        assert_eq!(json["calibration"][2]["model"], "log");
        assert_eq!(json["calibration"][2]["undefined"], "no row to learn from has Φ > 0");
        assert!(json["calibration"][5]["statistics"]["rmse"]["value"].is_f64());
        assert_eq!(json["exact_problems"].as_array().unwrap().len(), 8);
        assert!(json["ties"].is_null());
        assert_eq!(json["verdict"]["levels"][1]["criteria"][1]["must_be"], "<");
    }

    #[test]
    fn a_foreign_file_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.json");
        check_summary(&path).unwrap();
        write_whole(&path, serde_json::to_string(&summary(|estimate| estimate)).unwrap()).unwrap();
        check_summary(&path).unwrap();
        for foreign in ["", "{}", "[1]", "{\"schema\": \"another\"}"] {
            fs::write(&path, foreign).unwrap();
            let error = check_summary(&path).unwrap_err();
            assert!(error.to_string().contains("was not written by this program"), "{error}");
        }
    }
}
