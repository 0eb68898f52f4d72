//! What a study found: its statistics and verdict, as text and as `summary.json`.
//!
//! A [`Summary`] is computed from the finished rows alone (what is known of the exact problems is
//! added to it), so a study that is resumed after its last row prints it again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::fs;
use std::io;
use std::path::Path;

use serde::{Serialize, Serializer};

use crate::append_file::write_whole;
use crate::error::Error;
use crate::journal::{ExactRecord, Journal};
use crate::row::Row;
use crate::statistics::{Correlation, Stat, Statistics};
use crate::suite::{Key, Settings, Suite};
use crate::topology::Topology;

/// What a study found.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// What kind of document this is.
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
    /// What these two numbers mean for the statistics.
    pub independence: String,
    /// Over all rows.
    pub overall: Statistics,
    /// Over the rows of each topology.
    pub by_topology: Vec<Group<Topology>>,
    /// Over the rows of each size.
    pub by_size: Vec<Group<usize>>,
    /// Which levels of success are reached.
    pub verdict: Verdict,
    /// The exact problems, in the order in which they were solved.
    pub exact_problems: Vec<ExactRecord>,
}

/// The statistics of some of the rows.
#[derive(Debug, Serialize)]
pub struct Group<T> {
    /// What the rows have in common.
    pub group: T,
    /// The number of different exact problems in them.
    pub n_exact_problems: usize,
    /// Their statistics.
    pub statistics: Statistics,
}

impl<T: PartialEq> Group<T> {
    fn new(suite: &Suite, rows: &[Row], group: T, group_of: impl Fn(&Row) -> T) -> Group<T> {
        let (statistics, n_exact_problems) = statistics(suite, rows, |row| group_of(row) == group);
        Group { group, n_exact_problems, statistics }
    }
}

impl Summary {
    /// The schema of `summary.json`.
    pub const SCHEMA: &str = "phi-validation/summary";

    /// The version of that schema.
    pub const VERSION: u32 = 1;

    /// The summary of the rows in a journal.
    pub fn new(suite: &Suite, journal: &Journal) -> Summary {
        let rows = journal.rows();
        let settings = suite.settings().clone();
        let (overall, n_exact_problems) = statistics(suite, rows, |_| true);
        let by_topology = settings
            .topologies
            .iter()
            .map(|&it| Group::new(suite, rows, it, |row| row.key.topology));
        let by_size = settings.sizes.iter().map(|&it| Group::new(suite, rows, it, |row| row.key.n));
        let (by_topology, by_size) = (by_topology.collect(), by_size.collect());
        let csv = journal.outputs().csv.file_name().unwrap_or_default();
        Summary {
            schema: Summary::SCHEMA,
            version: Summary::VERSION,
            csv: csv.to_string_lossy().into_owned(),
            n_comparisons: rows.len(),
            n_exact_problems,
            independence: independence(rows.len(), n_exact_problems),
            verdict: Verdict::new(&overall),
            overall,
            by_topology,
            by_size,
            exact_problems: suite
                .problems()
                .iter()
                .filter_map(|problem| journal.record(problem.id).cloned())
                .collect(),
            settings,
        }
    }

    /// Whether `path` can become a summary: it does not exist, or it is one.
    ///
    /// # Errors
    /// [`Error::Output`] if it is something else, which must not be overwritten.
    pub fn check_path(path: &Path) -> Result<(), Error> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            // The folder itself is missing or not a folder: opening the CSV says so better.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(()),
            Err(source) => return Err(Error::Read { path: path.to_owned(), source }),
        };
        let schema = serde_json::from_str::<serde_json::Value>(&text)
            .ok()
            .and_then(|json| Some(json.get("schema")?.as_str()? == Summary::SCHEMA));
        if schema == Some(true) {
            return Ok(());
        }
        Err(Error::Output {
            path: path.to_owned(),
            message: "exists and was not written by this program, which writes its summary under \
                      that name beside the CSV: choose an --out in another folder"
                .to_owned(),
        })
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

fn statistics(suite: &Suite, rows: &[Row], wanted: impl Fn(&Row) -> bool) -> (Statistics, usize) {
    let rows: Vec<&Row> = rows.iter().filter(|row| wanted(row)).collect();
    let points: Vec<(f64, f64)> = rows.iter().map(|row| (row.phi_hdc, row.phi_exact)).collect();
    let problems: BTreeSet<usize> = rows
        .iter()
        .filter_map(|row| suite.position(row.key))
        .map(|position| suite.comparisons()[position].problem)
        .collect();
    (Statistics::new(&points), problems.len())
}

/// What a reader must know before believing a p-value.
fn independence(n_comparisons: usize, n_exact_problems: usize) -> String {
    if n_comparisons == n_exact_problems {
        return format!(
            "Each of the {n_comparisons} comparisons is an exact problem of its own; the p-values \
             take them as independent."
        );
    }
    format!(
        "Only {n_exact_problems} of the {n_comparisons} comparisons are independent exact \
         problems, since exact Φ depends on the seed only for Random; the p-values take all rows \
         as independent and are therefore too small."
    )
}

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

    /// What the level demands: Pearson's r above the first number, RMSE and MAE below the others.
    fn demands(self) -> (f64, Option<f64>, Option<f64>) {
        match self {
            Level::Minimum => (0.6, None, None),
            Level::Target => (0.8, Some(0.15), Some(0.10)),
            Level::Stretch => (0.9, Some(0.10), Some(0.05)),
        }
    }
}

/// Which levels of success a study reaches.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// The highest level reached, if any.
    pub reached: Option<Level>,
    /// Each level with its criteria.
    pub levels: Vec<LevelResult>,
}

/// How a study stands to one level.
#[derive(Debug, Serialize)]
pub struct LevelResult {
    /// The level.
    pub level: Level,
    /// Whether all its criteria are met.
    pub met: bool,
    /// The criteria.
    pub criteria: Vec<Criterion>,
}

/// One demand on one statistic. A statistic that is undefined meets none.
#[derive(Debug, Serialize)]
pub struct Criterion {
    /// The name of the statistic.
    pub statistic: &'static str,
    /// Whether it must be above or below.
    pub must_be: Side,
    /// Of what.
    pub threshold: f64,
    /// What it is.
    pub found: Stat,
    /// Whether that is enough.
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

/// The summary as text for a person.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { rule, state, estimator, formalism, .. } = &self.settings;
        writeln!(
            f,
            "{} comparisons, {} exact problems; {formalism}, rule {rule}, state {state}, \
             estimator {estimator}",
            self.n_comparisons, self.n_exact_problems
        )?;
        writeln!(f)?;

        let mut lines = vec![columns()];
        let mut notes: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut add = |name: String, statistics: &Statistics| {
            for note in undefined(statistics) {
                notes.entry(note).or_default().push(name.clone());
            }
            lines.push(cells(name, statistics));
        };
        add("all".to_owned(), &self.overall);
        self.by_topology.iter().for_each(|it| add(it.group.to_string(), &it.statistics));
        self.by_size.iter().for_each(|it| add(format!("n = {}", it.group), &it.statistics));
        f.write_str(&table(&lines))?;
        writeln!(f, "error = estimate - exact; line: exact Φ ≈ intercept + slope · estimate")?;
        if !notes.is_empty() {
            writeln!(f, "\n- is undefined:")?;
            notes.iter().try_for_each(|(note, of)| writeln!(f, "  {}: {note}", of.join(", ")))?;
        }

        let tied = self.exact_problems.iter().filter(|it| it.exact.ties > 0).count();
        let zero = self.exact_problems.iter().filter(|it| it.exact.phi <= Row::ZERO).count();
        writeln!(f, "\n{}", self.independence)?;
        if !self.exact_problems.is_empty() {
            writeln!(
                f,
                "Of {} exact values, {zero} are 0, and {tied} depend on the order of choice among \
                 tied core causes or effects.",
                self.exact_problems.len()
            )?;
        }

        writeln!(f)?;
        match self.verdict.reached {
            Some(level) => writeln!(f, "Verdict: {} level reached", level.name())?,
            None => writeln!(f, "Verdict: not even the minimum level is reached")?,
        }
        let mut lines = Vec::new();
        for result in &self.verdict.levels {
            let mut line = vec![
                result.level.name().to_owned(),
                if result.met { "reached" } else { "not reached" }.to_owned(),
            ];
            line.extend(result.criteria.iter().map(|it| {
                let Criterion { statistic, must_be, threshold, .. } = it;
                let met = if it.met { "yes" } else { "no" };
                format!("{statistic} = {} ({must_be} {threshold}: {met})", number(it.found))
            }));
            line.resize(5, String::new());
            lines.push(line);
        }
        f.write_str(&left_table(&lines))
    }
}

fn columns() -> Vec<String> {
    [
        "",
        "rows",
        "r",
        "p",
        "ρ",
        "p",
        "RMSE",
        "MAE",
        "bias",
        "R²",
        "slope",
        "intercept",
        "R² of line",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn cells(name: String, statistics: &Statistics) -> Vec<String> {
    let Statistics { n, pearson, spearman, rmse, mae, bias, r_squared, line } = statistics;
    let correlation = |it: &Correlation| [number(it.coefficient), p_value(it.p_value)];
    let mut cells = vec![name, n.to_string()];
    cells.extend(correlation(pearson));
    cells.extend(correlation(spearman));
    let errors = [*rmse, *mae, *bias, *r_squared, line.slope, line.intercept, line.r_squared];
    cells.extend(errors.map(number));
    cells
}

/// Which statistics of a group have no value, and why: a line for each reason.
fn undefined(statistics: &Statistics) -> Vec<String> {
    let Statistics { pearson, spearman, rmse, r_squared, line, .. } = statistics;
    let named = [
        ("r", pearson.coefficient),
        ("ρ", spearman.coefficient),
        ("errors", *rmse),
        ("R²", *r_squared),
        ("line", line.slope),
        ("R² of line", line.r_squared),
    ];
    let reasons: BTreeSet<&str> = named.iter().filter_map(|(_, stat)| stat.reason()).collect();
    reasons
        .into_iter()
        .map(|reason| {
            let of = named.iter().filter(|(_, stat)| stat.reason() == Some(reason));
            let of: Vec<&str> = of.map(|(statistic, _)| *statistic).collect();
            format!("{}, because {reason}", of.join(", "))
        })
        .collect()
}

fn number(stat: Stat) -> String {
    match stat.value() {
        None => "-".to_owned(),
        // No sign on what is rounded to zero.
        Some(value) if value.abs() < 5e-5 => "0.0000".to_owned(),
        Some(value) => format!("{value:.4}"),
    }
}

fn p_value(stat: Stat) -> String {
    match stat.value() {
        None => "-".to_owned(),
        Some(p) if p < 1e-99 => "<1e-99".to_owned(),
        Some(p) if p < 1e-3 => format!("{p:.0e}"),
        Some(p) => format!("{p:.3}"),
    }
}

/// The matrix of a suite: a line a comparison with the identity of its exact problem.
pub fn matrix(suite: &Suite) -> String {
    let mut lines = vec![["topology", "n", "seed", "problem"].map(str::to_owned).to_vec()];
    lines.extend(suite.comparisons().iter().map(|comparison| {
        let Key { topology, n, seed } = comparison.key;
        let id = suite.problems()[comparison.problem].id;
        vec![topology.to_string(), n.to_string(), seed.to_string(), id.to_string()]
    }));
    let (comparisons, problems) = (suite.comparisons().len(), suite.problems().len());
    format!("{}{comparisons} comparisons, {problems} exact problems\n", table(&lines))
}

/// Lines of cells as text: the first column to the left, the others to the right.
fn table(lines: &[Vec<String>]) -> String {
    align(lines, |column| column == 0)
}

/// Lines of cells as text, all columns to the left.
pub(crate) fn left_table(lines: &[Vec<String>]) -> String {
    align(lines, |_| true)
}

fn align(lines: &[Vec<String>], to_the_left: impl Fn(usize) -> bool) -> String {
    let n_columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        lines.iter().filter_map(|it| it.get(column)).map(|it| it.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..n_columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let mut out = String::new();
        for (column, cell) in line.iter().enumerate() {
            let width = widths[column];
            let gap = if column == 0 { "" } else { "  " };
            let _ = if to_the_left(column) {
                write!(out, "{gap}{cell:<width$}")
            } else {
                write!(out, "{gap}{cell:>width$}")
            };
        }
        text.push_str(out.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{IfExists, Outputs};
    use crate::solver::ExactPhi;

    /// A finished study of Ring and Random; exact Φ is `line(estimate)`, and 0 on rings.
    fn summary(line: impl Fn(f64) -> f64) -> Summary {
        let settings = Settings {
            topologies: vec![Topology::Ring, Topology::Random],
            sizes: vec![4, 5],
            seeds: vec![42, 123, 456],
            ..Settings::default()
        };
        let suite = Suite::new(settings).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let outputs = Outputs::new(&folder.path().join("results.csv")).unwrap();
        let mut journal = Journal::open(outputs, &suite, IfExists::Refuse).unwrap();
        for (position, comparison) in suite.comparisons().iter().enumerate() {
            let phi_hdc = 0.1 * position as f64;
            let ring = comparison.key.topology == Topology::Ring;
            let phi_exact = if ring { 0.0 } else { line(phi_hdc) };
            let key = comparison.key;
            journal.append_row(Row { key, phi_hdc, phi_exact, duration_ms: 1.0 }).unwrap();
            let problem = &suite.problems()[comparison.problem];
            let exact =
                ExactPhi { phi: phi_exact, cut: None, n_concepts: 1, ties: u64::from(ring) };
            let record = ExactRecord {
                problem: problem.id,
                topology: key.topology,
                n: key.n,
                seed: key.seed,
                exact,
                duration_ms: 1.0,
            };
            journal.append_record(record).unwrap();
        }
        Summary::new(&suite, &journal)
    }

    #[test]
    fn the_text_says_everything() {
        let text = summary(|estimate| estimate + 0.5).to_string();
        expect_test::expect![[r#"
            12 comparisons, 8 exact problems; iit3, rule majority, state off, estimator hdc

                    rows       r       p       ρ       p    RMSE     MAE     bias       R²   slope  intercept  R² of line
            all       12  0.6271   0.029  0.6345   0.027  0.5033  0.4500  -0.0500   0.3796  1.1608    -0.0385      0.3933
            Ring       6       -       -       -       -  0.5066  0.4000   0.4000        -  0.0000     0.0000           -
            Random     6  1.0000  <1e-99  1.0000  <1e-99  0.5000  0.5000  -0.5000  -1.5862  1.0000     0.5000      1.0000
            n = 4      6  0.9142   0.011  0.9411   0.005  0.3651  0.3000  -0.2000   0.3522  2.4286    -0.1571      0.8357
            n = 5      6  0.9017   0.014  0.9411   0.005  0.6110  0.6000   0.1000   0.3402  3.9714    -2.6257      0.8130
            error = estimate - exact; line: exact Φ ≈ intercept + slope · estimate

            - is undefined:
              Ring: r, ρ, R², R² of line, because the exact value is constant

            Only 8 of the 12 comparisons are independent exact problems, since exact Φ depends on the seed only for Random; the p-values take all rows as independent and are therefore too small.
            Of 8 exact values, 2 are 0, and 2 depend on the order of choice among tied core causes or effects.

            Verdict: minimum level reached
            minimum  reached      r = 0.6271 (> 0.6: yes)
            target   not reached  r = 0.6271 (> 0.8: no)   RMSE = 0.5033 (< 0.15: no)  MAE = 0.4500 (< 0.1: no)
            stretch  not reached  r = 0.6271 (> 0.9: no)   RMSE = 0.5033 (< 0.1: no)   MAE = 0.4500 (< 0.05: no)
        "#]].assert_eq(&text);
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
        assert_eq!(json["exact_problems"].as_array().unwrap().len(), 8);
        assert_eq!(json["verdict"]["levels"][1]["criteria"][1]["must_be"], "<");
    }

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

    #[test]
    fn a_foreign_file_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.json");
        Summary::check_path(&path).unwrap();
        summary(|estimate| estimate).write(&path).unwrap();
        Summary::check_path(&path).unwrap();
        for foreign in ["", "{}", "[1]", "{\"schema\": \"another\"}"] {
            fs::write(&path, foreign).unwrap();
            let error = Summary::check_path(&path).unwrap_err();
            assert!(error.to_string().contains("was not written by this program"), "{error}");
        }
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(number(Stat::Defined(-0.00001)), "0.0000");
        assert_eq!(number(Stat::Defined(-0.12345)), "-0.1235");
        assert_eq!(p_value(Stat::Defined(0.0)), "<1e-99");
        assert_eq!(p_value(Stat::Defined(2.3e-7)), "2e-7");
        assert_eq!(p_value(Stat::Defined(0.0456)), "0.046");
    }
}
