//! A data set: networks in states with their exact values and estimates, a line each.
//!
//! It is for programs that learn from it, so it says nothing that differs from run to run: no times
//! and no places. Lines come in the order of the suite. The file is its own record: what a crash
//! cut short is taken back, and what is there is not computed again.

#[cfg(feature = "parquet")]
mod parquet;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::engine::exact::{Engine, TiePolicy, rules};
use crate::engine::result::ExactPhi;
use crate::engine::steps::{Detail, Steps};
use crate::error::Error;
use crate::escape::{csv, markdown, terminal};
use crate::estimate::{self, Case, Estimator};
use crate::files::append::{
    AppendFile, beside, check_beginning, check_ours, exists, len_of_file, without_locks,
    write_whole,
};
use crate::files::input;
use crate::files::seal::{LineChecks, seal, unseal};
use crate::machine::provenance::Provenance;
use crate::model::formalism::Formalism;
use crate::model::network::Network;
use crate::run::journal::IfExists;
use crate::run::row::Row;
use crate::suite::{Comparison, Problem, Settings, Suite};

/// The form of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Cells, after a line with the names of the columns.
    Csv,
    /// An object a line.
    Jsonl,
}

impl Form {
    /// Returns the form of a file's lines, by the end of its name. A Parquet file is made of JSON
    /// lines.
    ///
    /// # Errors
    /// [`Error::Settings`] if that is another.
    pub fn of(path: &Path) -> Result<Form, Error> {
        let refuse =
            |message: &str| Err(Error::Settings(format!("output {}: {message}", path.display())));
        match path.extension().and_then(|it| it.to_str()) {
            Some("csv") => Ok(Form::Csv),
            Some("jsonl") => Ok(Form::Jsonl),
            Some(PARQUET) if cfg!(feature = "parquet") => Ok(Form::Jsonl),
            Some(PARQUET) => refuse(
                "this program was built without Parquet: build it with `--features parquet`, or \
                 write FILE.csv",
            ),
            _ => refuse("expected FILE.csv, FILE.jsonl or FILE.parquet"),
        }
    }
}

/// The contents of a data set.
#[derive(Clone)]
pub struct Dataset<'a> {
    /// The networks and states.
    pub suite: &'a Suite,
    /// The text that describes them, for a reader of the record.
    pub suite_text: &'a str,
    /// The estimates.
    pub estimators: Vec<&'a dyn Estimator>,
    /// The ranges of exact values over ties, too.
    pub has_ranges: bool,
    /// The major complexes, too.
    pub has_complexes: bool,
    /// The licence that its card names.
    pub licence: String,
    /// The exact engine, which does several networks at once.
    pub engine: &'a Engine,
}

/// The record beside the lines, by which a reader knows what they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    schema: String,
    version: u32,
    /// The programs that computed it.
    programs: BTreeSet<String>,
    licence: String,
    form: Form,
    n_rows: usize,
    columns: Vec<String>,
    /// A hash of the settings, with the tables of all networks.
    settings: String,
    /// The suite as it was given.
    suite: String,
}

/// A row: the comparisons of one network in one state by each theory.
type RowOf<'a> = &'a [Comparison];

/// The numberings for the ranges of IIT 3.0.
const NUMBERINGS: u32 = 32;
/// The rows of a size that each thread does before the first of them are on the disk.
const FIRST: usize = 8;
/// The time between two writes to the disk, about.
const BETWEEN_WRITES: Duration = Duration::from_secs(2);
/// No row is longer: one of 12 units with all its numbers has half a MiB.
const LONGEST_ROW: usize = 16 << 20;

impl Record {
    /// The lines of the finished file: its rows, and before them the names of its columns if it
    /// has cells.
    fn n_lines(&self) -> usize {
        self.n_rows + usize::from(self.form == Form::Csv)
    }

    /// Returns the text of its file.
    fn text(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("plain data");
        seal(Dataset::SCHEMA, &text) + "\n"
    }

    fn parse(text: &str) -> Result<Record, String> {
        let text = unseal(Dataset::SCHEMA, text.trim_end())?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    /// Returns what differs between this record and that of the settings of now. Empty if it is the
    /// same data set, whichever program computed it. What counts of a suite is what it says, not
    /// its comments.
    fn differences(&self, now: &Record) -> Vec<String> {
        let mut what = Vec::new();
        if (&self.schema, self.version) != (&now.schema, now.version) {
            let form = |it: &Record| format!("{:?} version {}", it.schema, it.version);
            what.push(format!("schema {}, not {}", form(self), form(now)));
        }
        if (self.form, self.n_rows) != (now.form, now.n_rows) {
            let size = |it: &Record| format!("{} rows as {:?}", it.n_rows, it.form);
            what.push(format!("{}, not {}", size(self), size(now)));
        }
        if self.settings != now.settings {
            what.push("networks, states or theories".to_owned());
        }
        if self.columns != now.columns {
            let columns = [&self.columns, &now.columns].map(|it| it.join(","));
            what.push(format!("columns: {}, not {}", columns[0], columns[1]));
        }
        if self.licence != now.licence {
            what.push(format!("licence: {}, not {}", self.licence, now.licence));
        }
        what
    }
}

impl Dataset<'_> {
    /// The schema of the record beside it.
    pub const SCHEMA: &'static str = "phi-validation/dataset";
    const VERSION: u32 = 1;

    /// Asks the engine and the estimators whether they accept every network.
    ///
    /// # Errors
    /// [`Error::Network`] for the first that is not accepted.
    pub fn check(&self) -> Result<(), Error> {
        let check = |engine: &Engine, it: &Problem| {
            let place = it.key.to_string();
            engine.check(&it.network, it.formalism, &place)?;
            let mut estimators = self.estimators.iter();
            estimators.try_for_each(|estimator| estimate::check(*estimator, &it.network, &place))
        };
        // Of millions each takes its time.
        self.engine.batch(self.suite.problems(), check)?.into_iter().collect()
    }

    /// Writes the lines that the file lacks, and the card. Returns the number of all rows. `say` is
    /// told what a user should know beforehand.
    ///
    /// # Errors
    /// [`Error::Output`] if the file exists and is not to be touched, or is another;
    /// [`Error::Interrupted`]; [`Error::Write`]; [`Error::Memory`]. The lines so far are kept.
    pub fn write(
        &self,
        path: &Path,
        if_exists: IfExists,
        detail: &Detail,
        say: &dyn Fn(&str),
    ) -> Result<usize, Error> {
        let form = Form::of(path)?;
        let is_parquet = path.extension().is_some_and(|it| it == PARQUET);
        let lines = if is_parquet { beside(path, "jsonl") } else { path.to_owned() };
        let card = beside(path, "card.md");
        for path in [path, lines.as_path()] {
            input::check_not_read(path, self.suite.files())?;
        }
        check_ours(&card, |text| text.starts_with(CARD))?;
        #[cfg(feature = "parquet")]
        {
            if is_parquet {
                parquet::check(path, if_exists)?;
            }
        }
        let record = self.write_lines(&lines, form, if_exists, detail, say)?;
        #[cfg(feature = "parquet")]
        {
            if is_parquet {
                parquet::write(&lines, &record.columns, path, self.engine)?;
            }
        }
        write_whole(&card, self.card(path, &lines, &record)?)?;
        Ok(record.n_rows)
    }

    /// Writes the lines that the file lacks.
    fn write_lines(
        &self,
        path: &Path,
        form: Form,
        if_exists: IfExists,
        detail: &Detail,
        say: &dyn Fn(&str),
    ) -> Result<Record, Error> {
        let rows: Vec<RowOf<'_>> = self.rows().collect();
        let record = Record {
            schema: Dataset::SCHEMA.to_owned(),
            version: Dataset::VERSION,
            programs: [Provenance::here().program()].into(),
            licence: self.licence.clone(),
            form,
            n_rows: rows.len(),
            columns: self.columns(),
            settings: identity(self.suite.settings()),
            suite: self.suite_text.to_owned(),
        };
        let (mut file, record, n_done) = self.open(path, if_exists, record, say)?;
        let first = FIRST * self.engine.n_threads();
        let (mut at, mut n_next, mut units) = (n_done, first, 0);
        while at < rows.len() {
            let start = Instant::now();
            // Larger networks take longer: what was learned of smaller ones does not hold.
            let n = rows[at][0].key.n;
            if n != units {
                (units, n_next) = (n, first);
            }
            let some = rows[at..].iter().take(n_next).take_while(|it| it[0].key.n == n).count();
            let some = &rows[at..at + some];
            let lines = self.engine.batch(some, |engine, row| self.line(engine, row, form))?;
            let lines = lines.into_iter().collect::<Result<String, Error>>();
            file.append(&lines.map_err(|error| match error {
                Error::Interrupted(_) => Error::Interrupted(format!(
                    ": {at} of {} rows are in {}; the same command with --resume goes on from \
                     there",
                    rows.len(),
                    path.display()
                )),
                other => other,
            })?)?;
            at += some.len();
            let took = start.elapsed();
            n_next = match took {
                it if it < BETWEEN_WRITES / 2 => (2 * n_next).min(1 << 14),
                it if it > BETWEEN_WRITES * 2 => (n_next / 2).max(self.engine.n_threads()),
                _ => n_next,
            };
            let (done, total) = (at as u64, rows.len() as u64);
            let left = took.mul_f64((rows.len() - at) as f64 / some.len() as f64);
            let remaining = Some(left);
            detail.set(Some(Steps { what: "rows", done, total, best: None, remaining }));
        }
        Ok(record)
    }

    /// Opens the files, with the record that holds for them and the number of rows that are there.
    fn open(
        &self,
        path: &Path,
        if_exists: IfExists,
        mut record: Record,
        say: &dyn Fn(&str),
    ) -> Result<(RowFiles, Record, usize), Error> {
        let refuse =
            |path: &Path, message: String| Err(Error::Output { path: path.to_owned(), message });
        let record_path = beside(path, "dataset.json");
        let checks_path = beside(path, "checks");
        let len = len_of_file(path)?;
        check_ours(&record_path, |text| text.contains(Dataset::SCHEMA))?;
        check_beginning(&checks_path, LineChecks::BEGINNING, LineChecks::begins)?;
        let is_there = len.is_some() || exists(&record_path)?;
        if is_there && if_exists == IfExists::Refuse {
            return refuse(path, IfExists::EXISTS.to_owned());
        }
        let mut earlier = BTreeSet::new();
        // A file without a byte is left by a start that came to nothing, perhaps before there was a
        // record, and perhaps beside that of a data set which it was to replace.
        if is_there && len != Some(0) && if_exists == IfExists::Resume {
            if !exists(&record_path)? {
                let record = record_path.display();
                return refuse(path, format!("its record {record} is missing: pass --force"));
            }
            if len.is_some() && !exists(&checks_path)? {
                let checks = checks_path.display();
                return refuse(path, format!("its checks {checks} are missing: pass --force"));
            }
            let text = input::text(&record_path, input::RECORD)?;
            let theirs = Record::parse(&text).map_err(|message| Error::Content {
                place: record_path.display().to_string(),
                message,
            })?;
            let what = theirs.differences(&record);
            if !what.is_empty() {
                return refuse(
                    path,
                    format!(
                        "is another data set ({}): pass the same settings, --force to write it \
                         anew, or another --out",
                        what.join("; ")
                    ),
                );
            }
            earlier = theirs.programs;
        }
        let mut lines = AppendFile::open(path)?;
        if !lines.lock()? {
            say(&without_locks(path));
        }
        let mut checks = AppendFile::open(&checks_path)?;
        let (n_lines, len, check) = match if_exists {
            IfExists::Resume => known(path, &checks_path, record.n_lines())?,
            _ => (0, 0, LineChecks::new(CHECKS)),
        };
        let n_rows = n_lines.saturating_sub(record.n_lines() - record.n_rows);
        if n_rows == record.n_rows {
            record.programs = earlier;
        } else if n_rows > 0 {
            let others: Vec<&str> = earlier.difference(&record.programs).map(|it| &**it).collect();
            if !others.is_empty() {
                say(&format!(
                    "rows of {} were computed by another program, version {}; this is version {}, \
                     and computes the others",
                    path.display(),
                    others.join(", "),
                    Provenance::here().program()
                ));
            }
            record.programs.append(&mut earlier);
        }
        lines.truncate(len)?;
        checks.truncate(n_lines * LineChecks::BEGINNING)?;
        write_whole(&record_path, record.text())?;
        let mut files = RowFiles { lines, checks, check };
        let header = self.header(record.form);
        if n_lines == 0 && !header.is_empty() {
            files.append(&header)?;
        }
        Ok((files, record, n_rows))
    }

    /// The comparisons of one network in one state, one by each theory.
    fn rows(&self) -> impl Iterator<Item = RowOf<'_>> {
        let without_theory = |it: &Comparison| {
            let case = it.key.case.map(|it| (it.network, it.rule, it.state));
            (it.key.topology, it.key.n, it.key.seed, case)
        };
        self.suite.comparisons().chunk_by(move |a, b| without_theory(a) == without_theory(b))
    }

    /// The names of the columns.
    fn columns(&self) -> Vec<String> {
        let names = KEY.iter().chain(&NETWORK).map(|it| (*it).to_owned());
        let mut columns: Vec<String> = names.collect();
        for &theory in &self.suite.settings().formalisms {
            columns.extend(self.exact_columns(theory).iter().map(|it| format!("{it}_{theory}")));
        }
        columns.extend(self.estimators.iter().map(|it| it.name().to_owned()));
        columns
    }

    /// Returns the names of a theory's columns.
    fn exact_columns(&self, theory: Formalism) -> Vec<&'static str> {
        let mut columns = match theory.is_iit4() {
            false => vec!["phi", "cut", "concepts", "ties"],
            true => vec!["phi_s", "phi", "distinctions", "ties"],
        };
        if self.has_ranges {
            columns.extend(["phi_low", "phi_high", "range_is_proven"]);
        }
        if self.has_complexes {
            columns.extend(["complexes", "major"]);
            match theory.is_iit4() {
                false => columns.push("major_phi"),
                true => columns.extend(["major_phi_s", "major_phi"]),
            }
        }
        columns
    }

    fn header(&self, form: Form) -> String {
        match form {
            Form::Jsonl => String::new(),
            Form::Csv => {
                let columns = self.columns();
                columns.iter().map(|it| csv(it)).collect::<Vec<_>>().join(",") + "\n"
            }
        }
    }

    /// Returns the beginning of a line, by which its row is known.
    fn begin(&self, row: RowOf<'_>, form: Form) -> String {
        let mut line = String::new();
        for (name, value) in KEY.iter().zip(self.key(&row[0])) {
            push(&mut line, name, &value, form);
        }
        line
    }

    /// Returns the cells that identify a row.
    fn key(&self, comparison: &Comparison) -> [Value; KEY.len()] {
        let (key, network) = (comparison.key, self.suite.network(comparison));
        let case = key.case;
        // Where all rows have one rule, the settings say it.
        let rule = match case {
            Some(case) => case.rule,
            None => self.suite.settings().rules.first().copied(),
        };
        [
            json!(key.topology.to_string()),
            json!(key.n),
            json!(key.seed),
            json!(case.and_then(|it| it.network).map(|it| it.to_string())),
            json!(rule.map(|it| it.code())),
            json!(network.state().to_string()),
            json!(format!("{:016x}", network.content())),
        ]
    }

    /// A whole line, with its newline.
    fn line(&self, engine: &Engine, row: RowOf<'_>, form: Form) -> Result<String, Error> {
        let network = self.suite.network(&row[0]);
        let mut line = self.begin(row, form);
        for (name, value) in
            NETWORK.iter().zip([json!(network.connectivity()), json!(network.tpm())])
        {
            push(&mut line, name, &value, form);
        }
        for comparison in row {
            let theory = self.suite.problems()[comparison.problem].formalism;
            let place = comparison.key.to_string();
            let values = self.exact(engine, network, theory, &place)?;
            let names = self.exact_columns(theory);
            debug_assert_eq!(names.len(), values.len());
            for (name, value) in names.iter().zip(values) {
                push(&mut line, &format!("{name}_{theory}"), &value, form);
            }
        }
        let case = Case::new(network, engine).of(row[0].key);
        for estimator in &self.estimators {
            let value = case.value(*estimator, row[0].key.seed)?;
            if value.is_nan() || value.abs() > Row::LARGEST {
                let (name, key) = (estimator.name(), row[0].key);
                return Err(Error::Internal(format!("estimator {name} gave {value} for {key}")));
            }
            push(&mut line, estimator.name(), &json!(value), form);
        }
        line.pop();
        line.push_str(if form == Form::Jsonl { "}\n" } else { "\n" });
        Ok(line)
    }

    /// Computes the columns of a theory for a network.
    fn exact(
        &self,
        engine: &Engine,
        network: &Network,
        theory: Formalism,
        place: &str,
    ) -> Result<Vec<Value>, Error> {
        let n = network.n_units();
        let digits = |units: &[usize]| -> String {
            (0..n).map(|unit| if units.contains(&unit) { '1' } else { '0' }).collect()
        };
        let iit4 = rules(theory, TiePolicy::Principled);
        let numberings = if self.has_ranges && iit4.is_none() { NUMBERINGS } else { 0 };
        let found = engine.solve(network, theory, numberings, place)?;
        let big_phi = |it: &ExactPhi| it.structure.as_ref().map(|it| it.big_phi);
        let mut values = vec![json!(found.phi)];
        match iit4 {
            None => values.push(json!(found.cut.as_ref().map(|it| digits(&it.severed_from)))),
            Some(_) => values.push(json!(big_phi(&found))),
        }
        values.extend([json!(found.n_concepts), json!(found.ties)]);
        if self.has_ranges {
            let range = match iit4 {
                None => found.range.map(|it| (it.low, it.high, it.is_exact)),
                Some(rules) => Some(engine.big_phi_range(network, rules, place)?),
            };
            let (low, high, is_proven) = range.expect("it was asked for");
            values.extend([json!(low), json!(high), json!(is_proven)]);
        }
        if self.has_complexes {
            let (n_complexes, major) = engine.major_complex(network, theory, place)?;
            values.push(json!(n_complexes));
            values.push(json!(major.complex.as_ref().map(|it| digits(it))));
            values.push(json!(major.phi));
            values.extend(big_phi(&major).map(|it| json!(it)));
        }
        Ok(values)
    }

    /// The card of the finished file.
    fn card(&self, path: &Path, lines: &Path, record: &Record) -> Result<String, Error> {
        let read_error = |source| Error::Read { path: path.to_owned(), source };
        let mut hasher = blake3::Hasher::new();
        let mut file = File::open(path).map_err(read_error)?;
        let mut bytes = vec![0; 1 << 16];
        loop {
            match file.read(&mut bytes).map_err(read_error)? {
                0 => break,
                n => hasher.update(&bytes[..n]),
            };
        }
        let networks: BTreeSet<u64> =
            self.suite.problems().iter().map(|it| it.network.content()).collect();
        let mut sizes: Vec<String> = Vec::new();
        let settings = self.suite.settings();
        for n in settings.all_sizes() {
            let count = self.rows().filter(|it| it[0].key.n == n).count();
            sizes.push(format!("{count} of {n} units"));
        }
        let theories: Vec<&str> = settings.formalisms.iter().map(|it| it.name()).collect();
        let about = |name: &str| -> String {
            let known =
                ABOUT.iter().find(|(it, _)| name == *it || name.starts_with(&format!("{it}_")));
            let estimator = self.estimators.iter().find(|it| it.name() == name);
            match (estimator, known) {
                (Some(it), _) => format!("{}, in {}", it.summary(), it.about().unit),
                (None, Some((_, about))) => (*about).to_owned(),
                (None, None) => String::new(),
            }
        };
        let columns: String =
            record.columns.iter().map(|it| format!("| `{it}` | {} |\n", about(it))).collect();
        let programs: Vec<&str> = record.programs.iter().map(String::as_str).collect();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let record_name = beside(lines, "dataset.json");
        let record_name = record_name.file_name().unwrap_or_default().to_string_lossy();
        // Nothing is escaped within code.
        let record_name = terminal(&record_name).replace('`', "'").replace('|', "\\|");
        Ok(format!(
            "{CARD} {}\n\n\
             | | |\n|---|---|\n\
             | what | {} rows: {}; {} different networks; what they are: {} |\n\
             | exact values by | {} |\n\
             | computed by | phi-validation {} |\n\
             | suite | it is in `{record_name}`, with a hash of all that it says |\n\
             | licence | {} |\n\
             | BLAKE3 of the file | {} |\n\n\
             Each row is a network of binary units in a state. The same settings give the same \
             bytes on every machine and with any number of threads.\n\n\
             | column | meaning |\n|---|---|\n{columns}\n\
             Φ of IIT 3.0 is in bit flips weighted by φ, φ_s and Φ of IIT 4.0 in bits. Nothing is \
             sampled or rounded; comparisons within the theory have a tolerance of 1e-6. Where \
             `ties` is not 0, Φ depends on a choice that the theory leaves open.\n\n\
             Rows of one network are not independent, and small networks are often equal: divide \
             by `network_id`, not by rows, into what is learned from and what is tested on.\n",
            markdown(&name),
            record.n_rows,
            sizes.join(", "),
            networks.len(),
            settings.what_networks().join(", "),
            theories.join(", "),
            markdown(&programs.join("; ")),
            markdown(&self.licence),
            hasher.finalize().to_hex(),
        ))
    }
}

/// The file of rows, and the one of their checks: rows are data for any program, so the checks
/// cannot be among them.
struct RowFiles {
    lines: AppendFile,
    checks: AppendFile,
    /// The check of the last line.
    check: LineChecks,
}

impl RowFiles {
    /// Appends whole lines, with their newlines. Their checks come first: a crash may leave checks
    /// without a line, but no line without its check.
    fn append(&mut self, lines: &str) -> Result<(), Error> {
        let checks: String = lines
            .split_terminator('\n')
            .map(|it| self.check.follow(it.as_bytes()) + "\n")
            .collect();
        self.checks.append_lines(&checks)?;
        self.lines.append_lines(lines)
    }
}

/// The number of lines that are in the file as they were written, their bytes, and the check of the
/// last of them. A line that was cut short is none of them.
///
/// # Errors
/// [`Error::Content`] if a line or a check was changed, a line has no check, or there are more than
/// `n_lines`.
fn known(path: &Path, checks: &Path, n_lines: usize) -> Result<(usize, usize, LineChecks), Error> {
    let open = |path: &Path| match File::open(path) {
        Ok(file) => Ok(BufReader::new(file)),
        Err(source) => Err(Error::Read { path: path.to_owned(), source }),
    };
    known_of((path, open(path)?), (checks, open(checks)?), n_lines)
}

/// The same of two readers, with the names of their files.
fn known_of(
    (path, mut lines): (&Path, impl BufRead),
    (checks, mut found): (&Path, impl BufRead),
    n_lines: usize,
) -> Result<(usize, usize, LineChecks), Error> {
    let of = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Read { path: path.clone(), source }
    };
    let (read_error, check_error) = (of(path), of(checks));
    let (mut n_known, mut len, mut check) = (0, 0, LineChecks::new(CHECKS));
    let (mut line, mut its) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        its.clear();
        let most = LONGEST_ROW as u64 + 1;
        lines.by_ref().take(most).read_until(b'\n', &mut line).map_err(&read_error)?;
        let one = LineChecks::BEGINNING as u64;
        found.by_ref().take(one).read_until(b'\n', &mut its).map_err(&check_error)?;
        let wrong = |message: String| {
            let place = format!("{}, line {}", path.display(), n_known + 1);
            Err(Error::Content { place, message })
        };
        if line.len() > LONGEST_ROW {
            return wrong(format!("expected a row of at most {} MiB", LONGEST_ROW >> 20));
        }
        let Some(text) = line.strip_suffix(b"\n") else { break };
        if n_known == n_lines {
            return wrong("expected no line: pass --force to write the file anew".to_owned());
        }
        let mut next = check;
        if (next.follow(text) + "\n").as_bytes() != its {
            // After a power cut there may be zeros where a part of the last line was to be.
            if text.contains(&0) && lines.fill_buf().map_err(&read_error)?.is_empty() {
                break;
            }
            return wrong(format!(
                "expected the line with the check in line {} of {}, so one of them was changed or \
                 damaged: pass --force to write both anew",
                n_known + 1,
                checks.display()
            ));
        }
        (check, n_known, len) = (next, n_known + 1, len + line.len());
    }
    Ok((n_known, len, check))
}

/// Reads a record, and lines with their checks, from any bytes: what is read is what was written.
/// `rows` are first read with the checks that they would have, then with `found`.
pub(crate) fn read_any(record: &str, rows: &[u8], found: &[u8]) {
    Record::parse(record).ok();
    let text = record.trim_end();
    if text.starts_with('{')
        && text.ends_with('}')
        && let Ok(record) = Record::parse(&seal(Dataset::SCHEMA, text))
    {
        let again = Record::parse(&record.text()).expect("what was written is read");
        assert_eq!(again, record);
        assert!(again.differences(&record).is_empty());
    }
    let read = |found: &[u8], n_lines: usize| {
        known_of((Path::new("x.csv"), rows), (Path::new("x.csv.checks"), found), n_lines)
    };
    let n_lines = rows.iter().filter(|it| **it == b'\n').count();
    let mut check = LineChecks::new(CHECKS);
    let whole = rows.split_inclusive(|it| *it == b'\n').filter_map(|it| it.strip_suffix(b"\n"));
    let checks: String = whole.map(|it| check.follow(it) + "\n").collect();
    let (n_known, len, _) = read(checks.as_bytes(), n_lines).expect("each line has its check");
    assert_eq!((n_known, rows[..len].last().is_none_or(|it| *it == b'\n')), (n_lines, true));
    assert!(n_lines == 0 || read(checks.as_bytes(), n_lines - 1).is_err());
    // No line is taken whose check is another one.
    if let Ok((n_known, _, _)) = read(found, n_lines) {
        let n_bytes = n_known * LineChecks::BEGINNING;
        assert_eq!(found[..n_bytes], checks.as_bytes()[..n_bytes]);
    }
}

/// A hash of settings, which may be hundreds of megabytes of tables.
fn identity(settings: &Settings) -> String {
    struct Hashing(blake3::Hasher);
    impl Write for Hashing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    // What a data set does not have must not tell two apart.
    let default = Settings::default();
    let settings = Settings {
        estimator: default.estimator,
        other_estimators: default.other_estimators,
        exact: default.exact,
        tie_orders: default.tie_orders,
        ..settings.clone()
    };
    let mut hasher = Hashing(blake3::Hasher::new());
    serde_json::to_writer(&mut hasher, &settings).expect("plain data");
    hasher.0.finalize().to_hex().to_string()
}

/// The columns that say which row it is.
const KEY: [&str; 7] = ["topology", "n", "seed", "network", "rule", "state", "network_id"];
/// The columns of the network.
const NETWORK: [&str; 2] = ["cm", "tpm"];
/// The end of the name of a Parquet file.
const PARQUET: &str = "parquet";
/// The kind of the checks of lines.
const CHECKS: &str = "phi-validation/dataset-line";
/// The beginning of the card.
const CARD: &str = "# Data card of";

/// Descriptions of the columns, by their names, or by the part before `_` and a theory.
const ABOUT: [(&str, &str); 22] = [
    ("topology", "the graph's family; `Own` for a network of the suite's own"),
    ("n", "number of units"),
    ("seed", "the seed of the graph and of estimates"),
    ("network_id", "equal for equal networks (tpm and cm)"),
    ("network", "the name of a network of the suite's own"),
    ("rule", "what every unit does, if one rule makes the network"),
    ("state", "the state at t: a digit for each unit, unit 0 first"),
    ("cm", "connections, row by row: [i][j] is 1 where i is an input of j"),
    ("tpm", "P(unit j is ON at t+1), row by row: bit i of the number of the row is unit i at t"),
    ("phi_low", "the smallest Φ that ties allow"),
    ("phi_high", "the largest Φ that ties allow"),
    (
        "range_is_proven",
        "whether these are the ends over all choices; else IIT 3.0: over 32 numberings of the \
         units, IIT 4.0: no Φ is beyond them",
    ),
    ("phi_s", "φ_s, the irreducibility of the system"),
    ("phi", "Φ of the whole network"),
    (
        "cut",
        "the minimum information partition: 1 for units whose outputs it severs; none if Φ = 0",
    ),
    ("concepts", "number of concepts"),
    ("distinctions", "number of distinctions"),
    ("ties", "core causes and effects that were chosen among equals"),
    ("complexes", "number of complexes, which do not overlap"),
    ("major_phi_s", "φ_s of the major complex"),
    ("major_phi", "Φ of the major complex"),
    ("major", "the units of the major complex; none if there is none"),
];

/// Adds a cell or a member to a line, with what divides it from the next.
fn push(line: &mut String, name: &str, value: &Value, form: Form) {
    match form {
        Form::Jsonl => {
            line.push_str(if line.is_empty() { "{" } else { "" });
            let name = Value::from(name);
            line.push_str(&format!("{name}:{value},"));
        }
        Form::Csv => {
            match value {
                Value::Null => {}
                Value::String(text) => line.push_str(&csv(text)),
                Value::Array(_) => push_numbers(line, value),
                other => line.push_str(&other.to_string()),
            }
            line.push(',');
        }
    }
}

/// The numbers in nested lists, with spaces between them; whole ones without a point.
fn push_numbers(line: &mut String, value: &Value) {
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    line.push(' ');
                }
                push_numbers(line, item);
            }
        }
        other => {
            let text = other.to_string();
            line.push_str(text.strip_suffix(".0").unwrap_or(&text));
        }
    }
}
