//! The report of a run: one page that needs nothing else, the same as Markdown, and its figures as
//! files.
//!
//! A [`Report`] is a list of blocks computed from the journal alone; the two formats are two ways
//! to write them, so they say the same. The page has no script that is needed to read it (one sorts
//! the table of rows), no network, no fonts of its own, and follows the reader's choice of light or
//! dark.

pub mod course;
pub mod drawing;
pub mod figures;
pub mod leaderboard;
mod pdf;
pub mod plot;
pub mod text;

use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use phi_protocol::{BuildAttempt, BuildRecord};

use crate::engine::result::TieRange;
use crate::error::Error;
use crate::escape::{markdown, markdown_code, shell, xml};
use crate::files::append::{check_folder, check_ours, make_folder, write_whole};
use crate::machine::provenance::Provenance;
use crate::model::network::ProblemId;
use crate::model::topology::Topology;
use crate::report::drawing::Theme;
use crate::report::figures::{Figure, by_estimator, estimators, figures};
use crate::report::text::{columns_of, date, interval, p_value, permutation, ties_of_iit4};
use crate::run::row::Row;
use crate::run::store::{Contents, build_record};
use crate::run::timeline::{self, Sample};
use crate::stats::statistics::number;
use crate::stats::statistics::{Stat, Statistics};
use crate::stats::summary::{Findings, Group, Summaries, Summary};
use crate::stats::ties::TieSensitivity;
use crate::stats::uncertainty::{Interval, Uncertainty};
use crate::suite::{Formalism, Settings};
use crate::wording::{duration, size};
use crate::wording::{list, numbers};

/// One piece of a report.
#[derive(Debug)]
enum Block {
    Heading(String),
    Text(String),
    /// Something the reader must not overlook.
    Warning(String),
    Table(Table),
    Figure(Figure),
    /// Text to be copied.
    Code(String),
}

/// A table; numbers stand to the right.
#[derive(Debug, Default)]
struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    /// `true` if it is long: folded away at first in the page, and sortable.
    long: bool,
    /// For each row where its first cell leads, if it leads somewhere.
    links: Vec<Option<String>>,
}

impl Table {
    fn new(head: &[&str]) -> Table {
        Table { head: head.iter().map(|it| (*it).to_owned()).collect(), ..Table::default() }
    }

    /// Takes the last column away if there is nothing in it.
    fn drop_empty_last(&mut self) {
        if self.rows.iter().all(|row| row.last().is_some_and(String::is_empty)) {
            self.head.pop();
            self.rows.iter_mut().for_each(|row| drop(row.pop()));
        }
    }

    fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }
}

/// The folder of the figures beside a page.
const FIGURES: &str = "figures";

/// The links of a report's rows.
#[derive(Debug, Default)]
pub struct Links {
    /// The place of the page of each exact problem, relative to the report.
    pub of: HashMap<ProblemId, String>,
    /// The sentence that explains them.
    pub said: String,
}

/// The results of a run, ready to be written.
#[derive(Debug)]
pub struct Report {
    title: String,
    /// The theory that the next blocks are about, if there are several.
    theory: Option<Formalism>,
    blocks: Vec<Block>,
}

impl Report {
    /// The rows of a theory in the table of rows, at most: a page of very many would not open.
    pub(crate) const ROWS: usize = 2_000;

    /// The report of what a run holds by now; `summaries` are its statistics, `samples` its
    /// timeline, `build` is the record of its build, if there is one, or why it cannot be read.
    /// Rows lead to their `links`.
    pub fn new(
        name: &str,
        contents: &Contents,
        summaries: &Summaries,
        samples: &[Sample],
        build: &Result<Option<BuildRecord>, String>,
        links: &Links,
    ) -> Report {
        let mut report =
            Report { title: format!("{}{name}", Report::TITLE), theory: None, blocks: vec![] };
        let parts = contents.by_formalism();
        let several = parts.len() > 1;
        if several {
            report.text(format!(
                "Each theory for itself: {}. Their values are different quantities.",
                list(&contents.suite.settings().formalisms)
            ));
        }
        for (part, summary) in parts.iter().zip(summaries.by_formalism()) {
            report.theory = summary.settings.formalism().filter(|_| several);
            report.part(part, summary);
        }
        report.theory = None;
        report.heading("Provenance");
        report.provenance(name, contents, build);
        let over_time = [
            course::course(contents, samples),
            build.iter().flatten().next().and_then(course::build),
        ];
        report.blocks.extend(over_time.into_iter().flatten().map(Block::Figure));
        for part in &parts {
            report.theory = part.suite.settings().formalism().filter(|_| several);
            report.heading("All rows");
            report.rows(part, links);
        }
        report
    }

    /// Adds the results under one theory.
    fn part(&mut self, contents: &Contents, summary: &Summary) {
        let report = self;
        if report.theory.is_some() {
            report.heading("Verdict");
        }
        report.verdict(contents, summary);
        let mut figures = figures(contents, summary, report.theory.is_some()).into_iter();
        let mut next = |report: &mut Report, n: usize| {
            report.blocks.extend(figures.by_ref().take(n).map(Block::Figure));
        };
        report.heading("How the estimate follows exact Φ");
        next(report, 1);
        report.overall(summary);
        next(report, 2);
        report.groups(&summary.by_topology, &summary.by_size, &summary.by_rule);
        if let Some(findings) = &summary.against_big_phi {
            report.big_phi(findings);
        }
        report.heading("Errors");
        next(report, 3);
        report.heading("Calibration");
        report.calibration(summary);
        next(report, 1);
        report.heading("Ranking of the topologies");
        next(report, 1);
        report.heading("Estimators");
        report.estimators(contents);
        next(report, 2);
        report.heading("Method");
        report.method(contents, summary);
    }

    /// The beginning of the page and of the Markdown, before the name of the run.
    const TITLE: &str = "Exact Φ and its estimate: ";

    /// Checks that a report can be written into `folder`: there is none, or one of this program.
    ///
    /// # Errors
    /// [`Error::Output`] if there is something else, which must not be overwritten.
    pub fn check_paths(folder: &Path) -> Result<(), Error> {
        Report::check_files(folder, "report", Report::TITLE)
    }

    /// Reads the run in `folder` and writes `report.html`, `report.md` and `figures/` into it,
    /// without links. The path of the page is returned.
    ///
    /// # Errors
    /// As [`Contents::read`]; [`Error::Write`].
    pub fn write(folder: &Path) -> Result<PathBuf, Error> {
        let contents = Contents::read(folder)?;
        Report::check_paths(folder)?;
        Report::write_of(folder, &contents, &Summaries::of(&contents), &Links::default())
    }

    /// Writes the same of a run that was read already, and its statistics.
    ///
    /// # Errors
    /// [`Error::Read`] for a timeline; [`Error::Write`].
    pub fn write_of(
        folder: &Path,
        contents: &Contents,
        summaries: &Summaries,
        links: &Links,
    ) -> Result<PathBuf, Error> {
        // A report must not fail because of what another program has written.
        let build = build_record(folder).map_err(|it| it.to_string());
        let name = folder.canonicalize().ok();
        let name = name.as_deref().unwrap_or(folder).file_name().unwrap_or_default();
        let samples = timeline::read(folder)?;
        let name = name.to_string_lossy();
        let report = Report::new(&name, contents, summaries, &samples, &build, links);
        report.write_files(folder, "report")
    }

    /// Writes the figures, `NAME.md` and `NAME.html`, whose path is returned.
    fn write_files(&self, folder: &Path, name: &str) -> Result<PathBuf, Error> {
        let figures = folder.join(FIGURES);
        make_folder(&figures)?;
        for block in &self.blocks {
            if let Block::Figure(Figure { name, drawing, .. }) = block {
                write_whole(&figures.join(format!("{name}.svg")), drawing.svg_file(Theme::Light))?;
                write_whole(&figures.join(format!("{name}.png")), drawing.png(2.0, Theme::Light)?)?;
            }
        }
        write_whole(&folder.join(format!("{name}.md")), self.markdown())?;
        let page = folder.join(format!("{name}.html"));
        write_whole(&page, self.html())?;
        Ok(page)
    }

    /// Checks that what is in `folder` under the name of a page and its Markdown is of this
    /// program, and that figures can be written.
    fn check_files(folder: &Path, name: &str, title: &str) -> Result<(), Error> {
        let in_page = format!("<title>{title}");
        check_ours(&folder.join(format!("{name}.html")), |text| {
            text.starts_with("<!DOCTYPE html>") && text.contains(&in_page)
        })?;
        let first_line = format!("# {title}");
        check_ours(&folder.join(format!("{name}.md")), |text| text.starts_with(&first_line))?;
        check_folder(&folder.join(FIGURES), &["svg", "png"])
    }

    fn heading(&mut self, text: &str) {
        let theory = self.theory.map(|it| format!("{it}: ")).unwrap_or_default();
        self.blocks.push(Block::Heading(format!("{theory}{text}")));
    }

    fn text(&mut self, text: String) {
        self.blocks.push(Block::Text(text));
    }

    fn verdict(&mut self, contents: &Contents, summary: &Summary) {
        let all = contents.suite.comparisons().len();
        if !contents.is_finished() {
            self.blocks.push(Block::Warning(format!(
                "This run is not finished: {} of {all} comparisons are done, and everything here \
                 is about those.",
                contents.rows.len()
            )));
        }
        let programs = contents.programs();
        if programs.len() > 1 {
            let each = programs.iter().map(|(program, n)| format!("{n} by version {program}"));
            self.blocks.push(Block::Warning(format!(
                "Several programs have computed these rows: {}.",
                list(each)
            )));
        }
        let formalism = summary.settings.formalism().expect("one formalism in a statistic");
        let reached = match summary.verdict.reached {
            Some(level) => format!("The {} level of success is reached.", level.name()),
            None => "Not even the minimum level of success is reached.".to_owned(),
        };
        self.text(format!(
            "{reached} {} comparisons of {} exact problems; {formalism}, {}.",
            summary.n_comparisons,
            summary.n_exact_problems,
            summary.settings.what()
        ));
        let mut table = Table::new(&["level", "reached", "r", "RMSE", "MAE"]);
        for level in &summary.verdict.levels {
            let met = if level.met { "yes" } else { "no" };
            let mut cells = vec![level.level.name().to_owned(), met.to_owned()];
            for statistic in ["r", "RMSE", "MAE"] {
                let criterion = level.criteria.iter().find(|it| it.statistic == statistic);
                cells.push(criterion.map_or(String::new(), |it| {
                    let met = if it.met { "yes" } else { "no" };
                    format!("{} ({} {}: {met})", number(it.found), it.must_be, it.threshold)
                }));
            }
            table.row(cells);
        }
        self.blocks.push(Block::Table(table));
        self.text(summary.independence.clone());
        if formalism.is_iit4() {
            return self.text(ties_of_iit4(summary));
        }
        let tied = summary.exact_problems.iter().filter(|it| it.exact.ties > 0).count();
        let zero = summary.exact_problems.iter().filter(|it| it.exact.phi <= Row::ZERO).count();
        self.text(format!(
            "Of {} exact values, {zero} are 0, and {tied} hang on ties: core causes or effects \
             were chosen among equals, and another numbering of the units may give another Φ.",
            summary.exact_problems.len()
        ));
        match &summary.ties {
            Some(ties) => {
                self.text(ties.sentence());
                self.extremes(ties);
            }
            None => self.text(
                "How far other numberings would change exact Φ is not known for every row: the \
                 run had --tie-orders 0, or a formalism without such ranges."
                    .to_owned(),
            ),
        }
    }

    /// The statistics with all exact values at either end of their ranges.
    fn extremes(&mut self, ties: &TieSensitivity) {
        let mut table = Table::new(&["exact Φ", "level reached", "r", "ρ", "RMSE", "MAE", "bias"]);
        for (name, it) in [("all at their lowest", &ties.low), ("all at their highest", &ties.high)]
        {
            let level = it.verdict.reached.map_or("none", |level| level.name());
            let Statistics { pearson, spearman, rmse, mae, bias, .. } = &it.statistics;
            let mut cells = vec![name.to_owned(), level.to_owned()];
            cells.extend(
                [pearson.coefficient, spearman.coefficient, *rmse, *mae, *bias].map(number),
            );
            table.row(cells);
        }
        self.blocks.push(Block::Table(table));
    }

    fn overall(&mut self, summary: &Summary) {
        let bootstrap = summary.uncertainty.bootstrap;
        self.text(format!(
            "Over all rows, with {} % intervals. BCa and percentile: bootstrap over the {} exact \
             problems \
             ({} resamples, each problem with all its rows), BCa being the one to quote. Naive: \
             over single rows as if they were independent, for comparison only.",
            bootstrap.level * 100.0,
            summary.uncertainty.n_clusters,
            bootstrap.n_resamples
        ));
        self.intervals(&summary.uncertainty);
        let Statistics { pearson, spearman, line, .. } = &summary.overall;
        self.text(format!(
            "Naive p-values: {} for r, {} for ρ. Least-squares line: exact Φ ≈ {} + {} · \
             estimate, standard errors {} and {} (naive).",
            p_value(pearson.p_value),
            p_value(spearman.p_value),
            number(line.intercept),
            number(line.slope),
            number(line.intercept_error),
            number(line.slope_error)
        ));
        self.text(permutation(&summary.permutation).trim_end().to_owned() + ".");
    }

    fn intervals(&mut self, uncertainty: &Uncertainty) {
        let mut table =
            Table::new(&["statistic", "value", "BCa", "percentile", "naive", "why undefined"]);
        for it in &uncertainty.intervals {
            let reasons = [it.bca, it.percentile, it.naive].map(|interval| match interval {
                Interval::Undefined(reason) => reason,
                Interval::Defined { .. } => "",
            });
            let reason = reasons.into_iter().find(|it| !it.is_empty()).unwrap_or_default();
            table.row(vec![
                it.statistic.to_owned(),
                number(it.value),
                interval(it.bca),
                interval(it.percentile),
                interval(it.naive),
                reason.to_owned(),
            ]);
        }
        table.drop_empty_last();
        self.blocks.push(Block::Table(table));
    }

    /// The comparison with Φ of the Φ-structure (IIT 4.0).
    fn big_phi(&mut self, findings: &Findings) {
        self.heading("How the estimate follows Φ of the Φ-structure");
        self.text(
            "Under IIT 4.0 the exact value of this report is φ_s, the irreducibility of the \
             system. This section \
             alone compares the estimate with Φ, the sum of φ over the distinctions and relations."
                .to_owned(),
        );
        self.intervals(&findings.uncertainty);
        self.groups(&findings.by_topology, &findings.by_size, &findings.by_rule);
    }

    fn groups(
        &mut self,
        by_topology: &[Group<Topology>],
        by_size: &[Group<usize>],
        by_rule: &[Group<String>],
    ) {
        let head = [
            "group",
            "rows",
            "exact problems",
            "r",
            "ρ",
            "RMSE",
            "MAE",
            "bias",
            "median error",
            "R²",
        ];
        let mut table = Table::new(&head);
        let mut notes: Vec<String> = Vec::new();
        let mut add = |name: String, problems: usize, statistics: &Statistics| {
            let Statistics { n, pearson, spearman, rmse, mae, bias, .. } = statistics;
            if let Some(reason) = pearson.coefficient.reason() {
                notes.push(format!("{name}: {reason}"));
            }
            let mut cells = vec![name, n.to_string(), problems.to_string()];
            let others = [*rmse, *mae, *bias, statistics.median_error, statistics.r_squared];
            cells.extend([pearson.coefficient, spearman.coefficient].map(number));
            cells.extend(others.map(number));
            table.row(cells);
        };
        for it in by_topology {
            add(it.group.to_string(), it.n_exact_problems, &it.statistics);
        }
        for it in by_size {
            add(format!("n = {}", it.group), it.n_exact_problems, &it.statistics);
        }
        for it in by_rule {
            add(it.group.clone(), it.n_exact_problems, &it.statistics);
        }
        self.blocks.push(Block::Table(table));
        if !notes.is_empty() {
            self.text(format!("“-” is undefined. {}.", notes.join("; ")));
        }
    }

    fn calibration(&mut self, summary: &Summary) {
        self.text(
            "What fitted models predict for networks that their fit has not seen, leaving out one \
             topology \
             or one size at a time. The model mean ignores the estimate: a model that does no \
             better has learned nothing from it."
                .to_owned(),
        );
        let head =
            ["model", "left out", "RMSE", "MAE", "median |error|", "R²", "ρ", "why undefined"];
        let mut table = Table::new(&head);
        for it in &summary.calibration {
            let Statistics { rmse, mae, median_absolute_error, r_squared, spearman, .. } =
                &it.statistics;
            let mut cells = vec![it.model.name().to_owned(), it.left_out.name().to_owned()];
            let numbers = [*rmse, *mae, *median_absolute_error, *r_squared, spearman.coefficient];
            cells.extend(numbers.map(number));
            cells.push(it.undefined.unwrap_or_default().to_owned());
            table.row(cells);
        }
        table.drop_empty_last();
        self.blocks.push(Block::Table(table));
    }

    fn estimators(&mut self, contents: &Contents) {
        let mut table = Table::new(&["estimator", "r", "ρ", "RMSE", "MAE", "bias", "R²"]);
        for name in estimators(&contents.entries) {
            let it = by_estimator(&contents.entries, &name);
            let numbers = [
                it.pearson.coefficient,
                it.spearman.coefficient,
                it.rmse,
                it.mae,
                it.bias,
                it.r_squared,
            ];
            let mut cells = vec![name];
            cells.extend(numbers.map(number));
            table.row(cells);
        }
        self.blocks.push(Block::Table(table));
    }

    fn method(&mut self, contents: &Contents, summary: &Summary) {
        let settings = &summary.settings;
        let of_random = match settings.random_seeds.is_empty() {
            true => String::new(),
            false => format!(", of Random {}", numbers(&settings.random_seeds)),
        };
        self.text(format!(
            "Topologies {}; numbers of units {}; seeds {}{of_random}.",
            list(settings.families()),
            list(settings.all_sizes()),
            numbers(&settings.seeds)
        ));
        if settings.has_cases() {
            self.text(cases(settings));
        }
        let records = contents.records();
        let ranges: Vec<_> = records.iter().filter_map(|it| it.exact.range).collect();
        let of_ranges = if ranges.is_empty() {
            ""
        } else {
            "Ranges: IIT 3.0 does not say which of several purviews of the same φ and size is the \
             core cause or \
             core effect; the first by the numbers of its units is taken, as in PyPhi 1.2.0, so Φ \
             can depend on \
             how the units are numbered. The smallest and largest Φ are over all choices among \
             such purviews where that is quickly proven; else over random numberings, \
             besides that of the network, interchangeable units being renumbered in one way only."
        };
        for text in [
            exact_phi(settings.formalism().expect("one formalism in a statistic")),
            "Estimate hdc: every unit has a random vector of 16,384 dimensions; a unit is \
             represented by the \
             mean of its vector times each neighbour's; the estimate is half the second smallest \
             eigenvalue of the normalised Laplacian of S = (1 + cos) / 2. hdc-limit is its limit \
             for infinite dimension, spectral the same of the adjacency.",
            of_ranges,
            "r is Pearson's correlation, ρ Spearman's with tied ranks averaged; error = estimate \
             − exact Φ; \
             R² = 1 − Σ error² / Σ (exact Φ − mean)². Intervals: Efron and Tibshirani 1993, \
             chapters 13 and 14. Values within 1e-9 count as equal.",
        ]
        .into_iter()
        .filter(|text| !text.is_empty())
        {
            self.text(text.to_owned());
        }
        let solved: f64 = records.iter().map(|it| it.duration_ms).sum();
        let ranged: f64 = ranges.iter().map(|it| it.duration_ms).sum();
        let more = match ranges.is_empty() {
            true => String::new(),
            false => format!(", their ranges over ties {:.1} s more", ranged / 1e3),
        };
        self.text(format!(
            "The exact problems took {:.1} s of wall time in all{more}.",
            solved / 1e3
        ));
    }

    fn provenance(
        &mut self,
        name: &str,
        contents: &Contents,
        build: &Result<Option<BuildRecord>, String>,
    ) {
        let unknown = || "unknown".to_owned();
        let mut table = Table::new(&["", ""]);
        let mut add = |what: &str, value: String| table.row(vec![what.to_owned(), value]);
        if let (Some(session), count) = (contents.sessions.last(), contents.sessions.len()) {
            let Provenance { version, commit, dirty, rustc, profile, opt_level, .. } =
                &session.provenance;
            let it = &session.provenance;
            add("started (UTC)", date(contents.sessions[0].started_unix_ms));
            add("sessions", count.to_string());
            add("version", version.clone());
            let programs = contents.programs();
            if programs.len() > 1 {
                add("rows by program", list(programs.iter().map(|(it, n)| format!("{it}: {n}"))));
            }
            let dirty = match dirty {
                Some(true) => ", with changes that are not in it",
                Some(false) => "",
                None => ", unknown whether there were changes",
            };
            add("commit", commit.clone().map_or_else(unknown, |it| it + dirty));
            add("rustc", rustc.clone().unwrap_or_else(unknown));
            let profile = profile.clone().unwrap_or_else(unknown);
            add("profile", format!("{profile}, opt-level {}", opt_level.as_deref().unwrap_or("?")));
            add("features", it.features.join(", "));
            add("target", it.target.clone().unwrap_or_else(unknown));
            add(
                "processor",
                format!("{} ({} used)", it.cpu.clone().unwrap_or_else(unknown), it.n_cpus),
            );
            let gib = |bytes: u64| format!("{:.2} GiB", bytes as f64 / f64::from(1 << 30));
            add("memory", it.memory_bytes.map_or_else(unknown, gib));
            let peak = contents.entries.iter().filter_map(|it| it.peak_memory_bytes).max();
            add(
                "peak memory of the run",
                peak.map_or_else(unknown, |it| {
                    format!("{:.1} MiB", it as f64 / f64::from(1 << 20))
                }),
            );
        }
        // The last line of each session has its times.
        let mut last_of = vec![None; contents.sessions.len()];
        for (entry, session) in contents.entries.iter().zip(&contents.session_of) {
            last_of[session - 1] = Some(entry);
        }
        let last: Vec<_> = last_of.into_iter().flatten().collect();
        let wall: f64 = last.iter().map(|it| it.elapsed_ms).sum();
        let cpu: Option<u64> = last.iter().map(|it| it.cpu_ms).sum();
        add("wall time", duration(std::time::Duration::from_secs_f64(wall / 1e3)));
        add("processor time", cpu.map_or_else(unknown, |it| format!("{:.1} s", it as f64 / 1e3)));
        match build {
            Ok(Some(BuildRecord { version, reason, attempts })) => {
                add("build: version", version.to_string());
                add("build: reason", reason.clone());
                for (k, attempt) in attempts.iter().enumerate() {
                    add(&format!("build: attempt {}", k + 1), attempted(attempt));
                }
            }
            Ok(None) => add("build record", "none".to_owned()),
            Err(error) => add("build record", error.clone()),
        }
        self.blocks.push(Block::Table(table));
        let command = contents.sessions.first().map(|it| reproducing(&it.provenance.arguments));
        self.text("The command that reproduces it, under a name that is free:".to_owned());
        let command = command.unwrap_or_else(|| format!("--run {}", shell(name)));
        self.blocks.push(Block::Code(format!("pyphi_validation {command}")));
    }

    fn rows(&mut self, contents: &Contents, links: &Links) {
        let settings = contents.suite.settings();
        let is_iit4 = settings.formalism().is_some_and(Formalism::is_iit4);
        let marks = if is_iit4 {
            "Exact Φ is φ_s, “Φ” that of the Φ-structure. Marked: 0 where φ_s is 0; T where \
             causes or effects of \
             distinctions were chosen among equals, with their number: Φ can depend on it, φ_s \
             does not."
        } else {
            "Marked: 0 where exact Φ is 0; T where it hangs on ties, with the number of choices \
             still tied \
             after the size rule; ↕ where another choice among them gave another Φ, with the \
             smallest and \
             largest under “lowest Φ” and “highest Φ”: over all choices, or over the different \
             numberings of the units tried (all: there are no others)."
        };
        self.text(marks.to_owned());
        let more = match is_iit4 {
            true => ["Φ", "Σφ of distinctions", "relations"],
            false => ["lowest Φ", "highest Φ", "tried"],
        };
        let mut head = vec!["topology", "n", "seed"];
        if settings.has_cases() {
            head.extend(["network", "rule", "state", "formalism"]);
        }
        head.extend([
            "estimate",
            "exact Φ",
            more[0],
            more[1],
            more[2],
            "error",
            "relative error",
            "marks",
            "cut",
            "concepts",
            "time (ms)",
        ]);
        let mut table = Table::new(&head);
        table.long = true;
        if !links.said.is_empty() {
            self.text(links.said.clone());
        }
        if contents.rows.len() > Report::ROWS {
            self.text(format!(
                "The first {} of {} rows; all are in results.csv.",
                Report::ROWS,
                contents.rows.len()
            ));
        }
        for (row, entry) in contents.rows.iter().zip(&contents.entries).take(Report::ROWS) {
            let exact = &entry.exact;
            let zero = if exact.phi <= Row::ZERO { "0 " } else { "" };
            let ties = if exact.ties > 0 { format!("T {} ", exact.ties) } else { String::new() };
            let wide = if exact.range.is_some_and(|it| it.is_wide()) { "↕" } else { "" };
            let more = match (&exact.structure, exact.range) {
                (Some(it), _) => [
                    number(Stat::Defined(it.big_phi)),
                    number(Stat::Defined(it.sum_phi_d)),
                    match it.n_relations.parse::<f64>() {
                        Ok(count) if count >= 1e7 => number(Stat::Defined(count)),
                        _ => it.n_relations.clone(),
                    },
                ],
                (None, None) => ["-", "-", "-"].map(str::to_owned),
                (None, Some(TieRange { low, high, numberings, is_exhaustive, is_exact, .. })) => {
                    let tried = match (is_exact, is_exhaustive) {
                        (true, _) => "all choices".to_owned(),
                        (false, true) => format!("{numberings} numberings (all)"),
                        (false, false) => format!("{numberings} numberings"),
                    };
                    [format!("{low:.6}"), format!("{high:.6}"), tried]
                }
            };
            let units = |units: &[usize]| {
                let units: Vec<String> = units.iter().map(usize::to_string).collect();
                format!("{{{}}}", units.join(","))
            };
            let cut = exact.cut.as_ref().map_or("-".to_owned(), |cut| {
                format!("{} → {}", units(&cut.severed_from), units(&cut.severed_to))
            });
            let relative = row.relative_error().map_or("-".to_owned(), |it| format!("{it:.4}"));
            let mut cells = columns_of(row.key);
            cells.extend([
                format!("{:.6}", row.phi_hdc),
                format!("{:.6}", row.phi_exact),
                more[0].clone(),
                more[1].clone(),
                more[2].clone(),
                number(Stat::Defined(row.error())),
                relative,
                format!("{zero}{ties}{wide}").trim().to_owned(),
                cut,
                exact.n_concepts.to_string(),
                format!("{:.1}", row.duration_ms),
            ]);
            table.row(cells);
            table.links.push(links.of.get(&entry.problem).cloned());
        }
        self.blocks.push(Block::Table(table));
    }

    /// The page.
    pub fn html(&self) -> String {
        let title = xml(&self.title);
        let mut body = format!("<h1>{title}</h1>\n");
        for block in &self.blocks {
            let _ = match block {
                Block::Heading(text) => writeln!(body, "<h2>{}</h2>", xml(text)),
                Block::Text(text) => writeln!(body, "<p>{}</p>", xml(text)),
                Block::Warning(text) => writeln!(body, "<p class=\"warning\">{}</p>", xml(text)),
                Block::Code(text) => writeln!(body, "<pre>{}</pre>", xml(text)),
                Block::Figure(Figure { name, caption, drawing, names_at }) => writeln!(
                    body,
                    "<figure id=\"{name}\"><div class=\"scroll\" tabindex=\"0\">{}</div>\
                     <figcaption>{}</figcaption></figure>",
                    drawing.inline_svg(*names_at),
                    xml(caption)
                ),
                Block::Table(table) => writeln!(body, "{}", table.html()),
            };
        }
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n\
             <script>{SCRIPT}</script>\n\
             </body>\n</html>\n"
        )
    }

    /// The same as Markdown, with the figures as files beside it.
    pub fn markdown(&self) -> String {
        let mut text = format!("# {}\n", markdown(&self.title));
        for block in &self.blocks {
            let _ = match block {
                Block::Heading(heading) => writeln!(text, "\n## {}", markdown(heading)),
                Block::Text(paragraph) => writeln!(text, "\n{}", markdown(paragraph)),
                Block::Warning(warning) => writeln!(text, "\n> **{}**", markdown(warning)),
                Block::Code(code) => writeln!(text, "\n{}", markdown_code(code)),
                Block::Figure(Figure { name, caption, drawing, .. }) => writeln!(
                    text,
                    "\n![{}](figures/{name}.svg)\n\n*{}*",
                    markdown(&drawing.title),
                    markdown(caption)
                ),
                Block::Table(table) => write!(text, "\n{}", table.markdown()),
            };
        }
        text
    }
}

/// An attempt to build as a sentence; the rest of its record is for the figure, or for a person who
/// reads the file.
fn attempted(attempt: &BuildAttempt) -> String {
    let BuildAttempt { strategy, outcome, seconds, peak_bytes, commands, .. } = attempt;
    let parts = [
        format!("option {strategy}"),
        outcome.clone(),
        format!("{seconds:.1} s"),
        format!("peak {}", size(*peak_bytes)),
    ];
    list(parts.iter().chain(commands))
}

/// The arguments without those that change no number: what a launcher adds.
fn reproducing(arguments: &[String]) -> String {
    let mut kept = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if ["--build-record", "--workers"].contains(&argument.as_str()) {
            arguments.next();
        } else {
            kept.push(shell(argument));
        }
    }
    kept.join(" ")
}

/// Describes the properties that tell the rows apart besides topology, size and seed.
fn cases(settings: &Settings) -> String {
    let mut text = format!("In detail: {}.", settings.what());
    if !settings.networks.is_empty() {
        let own = settings
            .networks
            .iter()
            .map(|it| format!("{} (n = {}; states {})", it.name, it.tables.n_units(), it.states));
        text += &format!(
            " Own networks: {}. Estimates see of them which units are joined, whatever the \
             direction.",
            list(own)
        );
    }
    text
}

/// Describes the exact value.
fn exact_phi(formalism: Formalism) -> &'static str {
    match formalism {
        Formalism::Iit3 => {
            "Exact Φ: the system-level integrated information of IIT 3.0 (Oizumi, Albantakis, \
             Tononi 2014, \
             PLoS Comput Biol 10(5): e1003588), by the rules of PyPhi 1.2.0 (Mayner et al. 2018, \
             PLoS Comput Biol 14(7): e1006343); nothing is sampled or approximated."
        }
        Formalism::Iit4_2023 => {
            "Exact value: φ_s, the system integrated information of IIT 4.0 (Albantakis et al. \
             2023, PLoS \
             Comput Biol 19(10): e1011465), and Φ, the sum of φ over the distinctions and \
             relations of the \
             Φ-structure; ties by principled rules (docs/iit4.md); nothing is sampled or \
             approximated."
        }
        Formalism::Iit4_2026 | Formalism::Iit4_2026Paper => {
            "Exact value: φ_s, the system integrated information of IIT 4.0 (Albantakis et al. \
             2023, PLoS \
             Comput Biol 19(10): e1011465), at most the intrinsic differentiation and information \
             of the system \
             (Mayner, Marshall, Tononi 2026), and Φ, the sum of φ over the distinctions and \
             relations of the \
             Φ-structure; ties by principled rules (docs/iit4.md); nothing is sampled or \
             approximated."
        }
    }
}

/// `true` if a column holds numbers, by its first cell that is not empty.
fn is_number(cell: &str) -> bool {
    cell == "-" || cell.replace('−', "-").parse::<f64>().is_ok()
}

impl Table {
    fn to_the_right(&self, column: usize) -> bool {
        let mut cells =
            self.rows.iter().map(|row| row[column].as_str()).filter(|it| !it.is_empty());
        cells.clone().next().is_some() && cells.all(is_number)
    }

    /// Returns the link of a row.
    fn link(&self, row: usize) -> Option<&str> {
        self.links.get(row)?.as_deref()
    }

    fn html(&self) -> String {
        let classes: Vec<&str> = (0..self.head.len())
            .map(|column| if self.to_the_right(column) { " class=\"number\"" } else { "" })
            .collect();
        let line = |cells: &[String], tag: &str, link: Option<&str>| {
            let cells = cells.iter().zip(&classes).enumerate().map(|(at, (cell, class))| {
                let text = xml(cell);
                let text = match link.filter(|_| at == 0) {
                    Some(link) => format!("<a href=\"{}\">{text}</a>", xml(link)),
                    None => text,
                };
                format!("<{tag}{class}>{text}</{tag}>")
            });
            format!("<tr>{}</tr>\n", cells.collect::<String>())
        };
        let rows = self.rows.iter().enumerate().map(|(at, row)| line(row, "td", self.link(at)));
        let rows: String = rows.collect();
        let head = if self.head.iter().all(String::is_empty) {
            String::new()
        } else {
            format!("<thead>{}</thead>", line(&self.head, "th", None))
        };
        let class = if self.long { " class=\"sortable\"" } else { "" };
        let table = format!(
            "<div class=\"scroll\" \
             tabindex=\"0\"><table{class}>{head}<tbody>{rows}</tbody></table></div>"
        );
        if self.long {
            let n = self.rows.len();
            format!("<details open><summary>{n} rows</summary>{table}</details>")
        } else {
            table
        }
    }

    fn markdown(&self) -> String {
        let line = |cells: &[String], link: Option<&str>| {
            let mut cells: Vec<String> = cells.iter().map(|it| markdown(it)).collect();
            if let (Some(link), Some(first)) = (link, cells.first_mut()) {
                // In angle brackets, which a link of this program does not have.
                *first = format!("[{first}](<{link}>)");
            }
            format!("| {} |\n", cells.join(" | "))
        };
        let rule: Vec<&str> = (0..self.head.len())
            .map(|column| if self.to_the_right(column) { "---:" } else { "---" })
            .collect();
        let rows = self.rows.iter().enumerate().map(|(at, row)| line(row, self.link(at)));
        let rows: String = rows.collect();
        format!("{}| {} |\n{rows}", line(&self.head, None), rule.join(" | "))
    }
}

const STYLE: &str = "
:root { --ink: #1A1D21; --muted: #5B6470; --grid: #DDE1E6; --paper: #FFFFFF; --soft: #F4F6F8; \
--warn: #FFF3D6; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #E8EAED; --muted: #A3ACB8; --grid: #363C44; --paper: #15181C; --soft: #1E2227; \
  --warn: #4A3A10; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, \
sans-serif; }
main { max-width: 960px; margin: 0 auto; padding: 24px 20px 64px; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 16px; }
h2 { font-size: 1.25rem; margin: 44px 0 8px; border-bottom: 1px solid var(--grid); \
padding-bottom: 4px; }
p { max-width: 72ch; }
.warning { background: var(--warn); padding: 10px 14px; border-radius: 6px; font-weight: 600; }
figure { margin: 24px 0; }
figcaption { color: var(--muted); font-size: 0.9rem; max-width: 72ch; margin-top: 6px; }
.scroll { overflow-x: auto; }
svg { display: block; width: 100%; min-width: 640px; max-width: 860px; height: auto; }
table { border-collapse: collapse; font-size: 0.88rem; margin: 12px 0; font-variant-numeric: \
tabular-nums; }
th, td { padding: 4px 12px 4px 0; text-align: left; border-bottom: 1px solid var(--grid); \
vertical-align: top; }
td { white-space: nowrap; }
th { color: var(--muted); font-weight: 600; vertical-align: bottom; }
.number { text-align: right; }
.sortable th { cursor: pointer; }
pre { background: var(--soft); padding: 12px 14px; border-radius: 6px; overflow-x: auto; }
summary { cursor: pointer; }
a { color: inherit; text-underline-offset: 2px; }
.point .name { visibility: hidden; }
.point:hover .name { visibility: visible; }
.point:hover path { stroke-width: 3; fill-opacity: 1; }
@media print {
  :root { --ink: #000000; --muted: #333333; --grid: #CCCCCC; --paper: #FFFFFF; --soft: #FFFFFF; \
  --warn: #FFFFFF; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  .scroll { overflow: visible; }
  svg { min-width: 0; max-width: 100%; }
  figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
  table { font-size: 7.5pt; }
  td, th { padding-right: 6px; }
}
";

const SCRIPT: &str = "
for (const table of document.querySelectorAll('table.sortable')) {
  const heads = [...table.querySelectorAll('th')];
  heads.forEach((th, column) => {
    th.title = 'sort';
    th.tabIndex = 0;
    const sort = () => {
      const up = th.ariaSort !== 'ascending';
      heads.forEach(it => it.removeAttribute('aria-sort'));
      th.ariaSort = up ? 'ascending' : 'descending';
      const body = table.tBodies[0];
      const value = row => row.cells[column].textContent;
      const rows = [...body.rows].sort((a, b) => {
        const [x, y] = [parseFloat(value(a)), parseFloat(value(b))];
        // What is no number comes last, either way.
        if (isNaN(x) !== isNaN(y)) return isNaN(x) ? 1 : -1;
        const order = isNaN(x) ? value(a).localeCompare(value(b), 'en', { numeric: true }) : x - y;
        return up ? order : -order;
      });
      body.append(...rows);
    };
    th.addEventListener('click', sort);
    th.addEventListener('keydown', event => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      sort();
    });
  });
}
";
