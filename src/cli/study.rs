//! The study: its arguments, where its results go, and what is shown at its end.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use phi_protocol::{EVENTS_SCHEMA, EVENTS_VERSION, Launch, Question, Task, Workers};

use super::interrupt;
use super::launch::{answer, answer_other};
use super::output::{Format, display, output_failed, print};
use super::own::OwnEstimators;
use super::runs::{run_path, set_aside};
use crate::engine::exact::Engine;
use crate::engine::steps::Detail;
use crate::error::Error;
use crate::escape::terminal_lines;
use crate::estimate::Registry;
use crate::files::input::check_not_read;
use crate::model::dynamics::Rule;
use crate::model::network::StatePattern;
use crate::model::topology::Topology;
use crate::report::text::write_matrix;
use crate::report::{Links, Report};
use crate::run::journal::{IfExists, Outputs, check_summary};
use crate::run::ledger::Ledger;
use crate::run::store::{Contents, RunFolder, results_beside, results_in};
use crate::run::timeline::Timeline;
use crate::stats::summary::Summaries;
use crate::study::{SHARED_BYTES, Study, WORKER_BYTES};
use crate::suite::from_toml::{self, Overrides};
use crate::suite::{Exact, Formalism, Settings, States, Suite};
use crate::ui::events::{self, Event, Events};
use crate::ui::progress::{Display, Listeners, Progress, Work};

#[derive(Debug, Default, Args)]
pub(super) struct StudyArgs {
    /// The comparisons, from a TOML file (docs/study.md): topologies, sizes, seeds, rules, states,
    /// formalisms, estimators, networks from files, random networks. Or a built-in suite by name:
    /// comparisons-160 (the default), threshold, rules, tables, large
    #[arg(long, value_name = "FILE|NAME")]
    suite: Option<PathBuf>,
    /// Topologies [default: all: Dense,Star,Ring,Line,BinaryTree,Lattice,Modular,Random]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    topologies: Vec<Topology>,
    /// Numbers of units [default: 5,6,7,8]
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    sizes: Vec<usize>,
    /// Seeds, of the estimate and of the Random topology [default: 42,123,456,789,999]
    #[arg(long, value_name = "S,S", value_delimiter = ',')]
    seeds: Vec<u64>,
    /// Dynamics of every unit: majority, and, or, xor, logistic [default: majority; under IIT 4.0
    /// logistic]
    #[arg(long)]
    rule: Option<Rule>,
    /// Gain of the logistic rule [default: 4]
    #[arg(long, value_name = "K", allow_negative_numbers = true)]
    gain: Option<f64>,
    /// State of every network: off, on, or a digit for each unit, unit 0 first [default: off]
    #[arg(long)]
    state: Option<StatePattern>,
    /// Estimates of Φ
    #[arg(long, visible_alias = "estimator", value_name = "NAME,NAME", value_delimiter = ',')]
    estimators: Vec<String>,
    #[command(flatten)]
    pub(super) own: OwnEstimators,
    /// Theory of exact Φ: iit3; iit4-2023, iit4-2026 or iit4-2026-paper, against φ_s and Φ
    /// [default: iit3]
    #[arg(long)]
    formalism: Option<Formalism>,
    /// Whose Φ the exact value is: system, the whole network; major-complex, of all subsystems that
    /// with the largest Φ (IIT 4.0: φ_s). Estimates are of the whole network [default: system]
    #[arg(long, value_name = "WHOSE")]
    exact: Option<Exact>,
    /// Numberings of the units, drawn at random, over which the smallest and largest Φ of each
    /// exact problem are taken where they are not quickly proven over all choices among ties. 0
    /// for no such range [default: 32]
    #[arg(long, value_name = "N")]
    tie_orders: Option<u32>,
    /// Threads [default: one for each CPU]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// File for the rows; FILE.settings.json, FILE.journal.jsonl and FILE.summary.json are written
    /// beside it [default: results.csv]
    #[arg(long, value_name = "FILE.csv")]
    pub(super) out: Option<PathBuf>,
    /// Keep everything in a folder of this name instead: settings, journal, rows and statistics. A
    /// run that was stopped goes on when it is started again with the same settings
    #[arg(long, value_name = "NAME", conflicts_with_all = ["out", "force"])]
    pub(super) run: Option<String>,
    /// The folder of the runs [default: runs]
    #[arg(long, value_name = "FOLDER")]
    runs: Option<PathBuf>,
    /// Go on from an output of the same matrix, as a run in a folder does by itself
    #[arg(long, conflicts_with = "force")]
    resume: bool,
    /// Write an output that exists anew
    #[arg(long)]
    pub(super) force: bool,
    /// Print the matrix and its exact problems, and do nothing
    #[arg(long)]
    pub(super) list: bool,
    /// No progress on standard error
    #[arg(long)]
    quiet: bool,
    /// Format of standard output: the summary at the end as text, or events as JSON lines
    #[arg(long, value_enum, default_value_t = Format::Text, conflicts_with = "list")]
    pub(super) format: Format,
}

/// The place for the results of a study.
enum Target {
    /// A folder, in which a run goes on by itself.
    Folder(PathBuf),
    /// A CSV file and its companions.
    File(Outputs),
}

impl StudyArgs {
    pub(super) fn run(self, registry: &Registry, launch: &Launch) -> Result<(), Error> {
        match self.format {
            Format::Json if launch.question.is_none() => {
                let events = Events::new(Box::new(io::stdout()));
                let done = self.study(registry, launch, Some(&events));
                if let Err(error) = &done {
                    events.emit(&events::stopped(error));
                }
                done.and(events.failure().map_or(Ok(()), output_failed))
            }
            _ => self.study(registry, launch, None),
        }
    }

    fn study(
        &self,
        registry: &Registry,
        launch: &Launch,
        events: Option<&Events>,
    ) -> Result<(), Error> {
        let registry = &self.own.added_to(registry)?;
        let suite = self.matrix(registry)?;
        let settings = suite.settings();
        self.own.check_used(settings)?;
        let estimator = registry.get(&settings.estimator)?;
        if self.list {
            if let Some(question) = launch.question {
                return answer_other(question);
            }
            let mut out = BufWriter::new(io::stdout().lock());
            let written = write_matrix(&suite, &mut out).and_then(|()| out.flush());
            return written.or_else(output_failed);
        }
        suite.check_run()?;
        let target = self.target(launch)?;
        if let Target::File(Outputs { csv, settings, journal, summary }) = &target {
            for path in [csv, settings, journal, summary] {
                check_not_read(path, suite.files().chain(self.own.files()))?;
            }
        }
        let cancel = interrupt::flag(display(self.quiet) != Display::Live)?;
        let mut listeners =
            Listeners { events: events.cloned(), stopping: Arc::clone(&cancel), timeline: None };
        let detail = Detail::default();
        let workers = self.jobs.map(usize::from).or(launch.workers);
        let engine = Engine::new(workers.unwrap_or(0), cancel)?.telling(detail.clone());
        // A run without a folder has no report: it keeps only what was asked for.
        let others = match &target {
            Target::File(_) if settings.other_estimators.is_empty() => Vec::new(),
            _ => registry.kept(&settings.estimator, &settings.other_estimators)?,
        };
        let study = Study { suite: &suite, estimator, others, engine: &engine };
        study.check()?;
        if let Some(question) = launch.question {
            return self.answer(question, &target);
        }
        match &target {
            Target::Folder(folder) => {
                check_results(folder)?;
                let mut run = RunFolder::open(folder, &suite)?;
                let mut notes = run.notes().to_vec();
                if let Some(record) = &launch.build_record
                    && let Err(error) = run.keep_build_record(record)
                {
                    notes.push(format!("the record of the build is not kept: {error}"));
                }
                listeners.timeline = Timeline::open(folder, run.contents().sessions.len()).ok();
                let (csv, results) = (results_in(folder).csv, [&**folder]);
                let files = Files { csv: &csv, results: &results, notes: &notes };
                self.compute(&study, &mut run, detail, &files, listeners)?;
                conclude(folder, run.contents(), events)
            }
            Target::File(outputs) => {
                let if_exists = IfExists::asked(self.resume, self.force);
                let mut run = RunFolder::beside(outputs, &suite, if_exists)?;
                let notes = run.notes().to_vec();
                let Outputs { csv, summary: path, .. } = outputs;
                let files = Files { csv, results: &[csv, path], notes: &notes };
                self.compute(&study, &mut run, detail, &files, listeners)?;
                // Even if one of them cannot be written, the other may.
                let name = csv.file_name().unwrap_or_default().to_string_lossy();
                let records = run.contents().records();
                let summary = Summaries::new(&suite, &name, run.rows(), &records);
                let written = summary.write(path);
                show(&summary, csv, events, written)
            }
        }
    }

    /// The folder of the runs.
    pub(super) fn runs(&self, launch: &Launch) -> PathBuf {
        let runs = self.runs.as_ref().or(launch.runs.as_ref());
        runs.map_or_else(|| PathBuf::from("runs"), Clone::clone)
    }

    fn target(&self, launch: &Launch) -> Result<Target, Error> {
        let file = |path: &Path| Outputs::new(path).map(Target::File);
        match (&self.run, &self.out, &launch.run) {
            (None, Some(out), _) => file(out),
            (None, None, None) => file(Path::new("results.csv")),
            (None, None, Some(_)) if self.force => Err(Error::Settings(
                "--force is for files named with --out: an earlier run in a folder is kept; \
                 expected \
                 another --run NAME, or that it is set aside"
                    .to_owned(),
            )),
            (Some(name), ..) | (None, None, Some(name)) => {
                run_path(&self.runs(launch), name).map(Target::Folder)
            }
        }
    }

    fn answer(&self, question: Question, target: &Target) -> Result<(), Error> {
        let results = match (question, target) {
            (Question::SetAside, Target::Folder(folder)) => return set_aside(folder),
            (Question::SetAside, Target::File(outputs)) => {
                return Err(Error::Settings(format!(
                    "{} is no run in a folder, so it is not set aside: give the run --force, or \
                     another --out",
                    outputs.csv.display()
                )));
            }
            (Question::Prepare, Target::Folder(folder)) => results_in(folder),
            (Question::Prepare, Target::File(outputs)) => results_beside(outputs),
        };
        let asked = self.jobs.map(u64::from);
        let workers = Workers { asked, worker_bytes: WORKER_BYTES, shared_bytes: SHARED_BYTES };
        answer(Task::Study { results, workers })
    }

    /// Does the comparisons that the ledger lacks, and shows and tells how far it is.
    fn compute(
        &self,
        study: &Study<'_>,
        ledger: &mut dyn Ledger,
        detail: Detail,
        files: &Files<'_>,
        listeners: Listeners,
    ) -> Result<(), Error> {
        let work = Work::new(study.suite, ledger);
        let ((rows_done, n_rows), (problems_done, n_problems)) = (work.rows(), work.problems());
        if let Some(events) = &listeners.events {
            events.emit(&Event::Started {
                schema: EVENTS_SCHEMA.to_owned(),
                version: EVENTS_VERSION,
                program: env!("CARGO_PKG_VERSION").to_owned(),
                settings: study.suite.settings(),
                n_rows,
                rows_done,
                n_problems,
                problems_done,
                csv: files.csv.to_owned(),
                notes: files.notes.to_vec(),
            });
        }
        let progress =
            Progress::new(display(self.quiet), work, detail, Box::new(io::stderr()), listeners);
        files.notes.iter().for_each(|note| progress.say(note));
        progress.say(&format!(
            "{n_rows} comparisons, {n_problems} exact problems; {rows_done} rows are done"
        ));
        study.run(ledger, &progress)?;
        for path in files.results {
            let what = match path.extension().and_then(|it| it.to_str()) {
                Some("csv") => "rows",
                Some("json") => "statistics",
                _ => "everything",
            };
            progress.say(&format!("{what} in {}", path.display()));
        }
        Ok(())
    }

    /// The suite that the arguments ask for.
    pub(super) fn matrix(&self, registry: &Registry) -> Result<Suite, Error> {
        let Some(file) = &self.suite else { return Suite::new(self.settings(registry)?) };
        let decided = [
            ("--topologies", !self.topologies.is_empty(), "topologies"),
            ("--sizes", !self.sizes.is_empty(), "sizes"),
            ("--seeds", !self.seeds.is_empty(), "seeds"),
            ("--rule", self.rule.is_some(), "rules"),
            ("--gain", self.gain.is_some(), "rules"),
            ("--state", self.state.is_some(), "states"),
            ("--formalism", self.formalism.is_some(), "formalisms"),
            ("--tie-orders", self.tie_orders.is_some(), "tie_orders"),
        ];
        if let Some((flag, _, field)) = decided.into_iter().find(|(_, is_given, _)| *is_given) {
            return Err(Error::Settings(format!(
                "{flag} with --suite: the suite decides that; expected it in {} alone, as {field}",
                file.display()
            )));
        }
        let estimators = &self.asked();
        let overrides = Overrides { estimators, exact: self.exact, ..Overrides::default() };
        from_toml::read(file, registry, overrides)
    }

    /// The estimators that the flags ask for.
    fn asked(&self) -> Vec<String> {
        // A suite may name those of one's own.
        match &self.suite {
            Some(_) => self.estimators.clone(),
            None => self.own.or_asked(&self.estimators),
        }
    }

    /// The settings that the flags ask for.
    fn settings(&self, registry: &Registry) -> Result<Settings, Error> {
        fn or<T: Clone>(asked: &[T], default: &[T]) -> Vec<T> {
            if asked.is_empty() { default.to_vec() } else { asked.to_vec() }
        }
        let default = Settings::default();
        let formalism = self.formalism.unwrap_or(Formalism::Iit3);
        let mut rule = self.rule.unwrap_or(formalism.default_rule());
        match (&mut rule, self.gain) {
            (Rule::Logistic { gain }, Some(asked)) => *gain = asked,
            (_, None) => {}
            (other, Some(gain)) => {
                return Err(Error::Settings(format!(
                    "gain {gain} with the rule {other}: expected --rule logistic, the only one \
                     that has a gain"
                )));
            }
        }
        let mut estimators = registry.chosen(&self.asked())?.into_iter();
        Ok(Settings {
            topologies: or(&self.topologies, &default.topologies),
            sizes: or(&self.sizes, &default.sizes),
            seeds: or(&self.seeds, &default.seeds),
            rules: vec![rule],
            states: States::Patterns(vec![self.state.clone().unwrap_or(StatePattern::Off)]),
            estimator: estimators.next().unwrap_or(default.estimator),
            other_estimators: estimators.collect(),
            formalisms: vec![formalism],
            exact: self.exact.unwrap_or_default(),
            tie_orders: self.tie_orders.unwrap_or(Settings::TIE_ORDERS),
            ..default
        })
    }
}

/// Checks that statistics and report can be written into the folder of a run: there are none, or
/// those of this program.
pub(super) fn check_results(folder: &Path) -> Result<(), Error> {
    check_summary(&folder.join("summary.json"))?;
    Report::check_paths(folder)
}

/// Statistics, report and verdict of a finished run. Even if one of them cannot be written, the
/// others may.
pub(super) fn conclude(
    folder: &Path,
    contents: &Contents,
    events: Option<&Events>,
) -> Result<(), Error> {
    let summary = Summaries::of(contents);
    let written = summary.write(&folder.join("summary.json"));
    let reported = Report::write_of(folder, contents, &summary, &Links::default());
    show(&summary, folder, events, written.and(reported.map(drop)))
}

/// Shows what was found, and tells that the run is finished if everything was written.
fn show(
    summary: &Summaries,
    output: &Path,
    events: Option<&Events>,
    written: Result<(), Error>,
) -> Result<(), Error> {
    match events {
        None => print(&terminal_lines(&summary.to_string()))?,
        Some(events) => {
            events.emit(&Event::Summary { summary });
            if written.is_ok() {
                events.emit(&Event::Finished { output: output.to_owned() });
            }
        }
    }
    written
}

/// The files of a run that the user is told of.
struct Files<'a> {
    /// The rows.
    csv: &'a Path,
    /// The files that the user may want to look at in the end.
    results: &'a [&'a Path],
    /// The problems that were found and repaired when the run was opened.
    notes: &'a [String],
}
