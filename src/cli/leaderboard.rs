//! `leaderboard`: several suites, one after another, and how each estimator follows exact Φ in
//! them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;

use super::interrupt;
use super::output::{Format, display, print};
use super::own::OwnEstimators;
use super::runs::run_path;
use crate::engine::exact::Engine;
use crate::engine::steps::Detail;
use crate::error::Error;
use crate::escape::terminal_lines;
use crate::estimate::{self, Case, Registry};
use crate::report::leaderboard::{Judgement, Leaderboard};
use crate::run::store::RunFolder;
use crate::study::Study;
use crate::suite::from_toml::{self, Overrides};
use crate::suite::{Exact, Formalism, Suite};
use crate::ui::progress::{Listeners, Progress, Work};

/// The networks of a suite, at most, on which the time of an estimate is measured.
const TIMED: usize = 20;

#[derive(Debug, Args)]
pub(crate) struct LeaderboardArgs {
    /// Suites: built-in ones by name, or TOML files
    #[arg(long, value_name = "A,B", value_delimiter = ',', default_values_t = built_in())]
    suites: Vec<String>,
    /// Estimators, of those that `study --help` lists
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',', default_value = estimate::ALL)]
    estimators: Vec<String>,
    #[command(flatten)]
    own: OwnEstimators,
    /// Theories of exact Φ; IIT 4.0 gives φ_s and Φ
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',', default_value = "iit3")]
    formalisms: Vec<Formalism>,
    /// Whose Φ the exact values are, as for `study` [default: that of the suite, or system]
    #[arg(long, value_name = "WHOSE")]
    exact: Option<Exact>,
    /// The folder within that of the runs; each suite is a run within it, which goes on where it
    /// was stopped
    #[arg(long, value_name = "NAME", default_value = "leaderboard")]
    run: String,
    /// The folder of the runs
    #[arg(long, value_name = "FOLDER", default_value = "runs")]
    runs: PathBuf,
    /// Threads [default: one for each CPU]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// No progress on standard error
    #[arg(long)]
    quiet: bool,
    /// Format of the result on standard output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

fn built_in() -> Vec<String> {
    from_toml::BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect()
}

impl LeaderboardArgs {
    pub(crate) fn run(self, registry: &Registry) -> Result<(), Error> {
        let registry = &self.own.added_to(registry)?;
        let folder = run_path(&self.runs, &self.run)?;
        Leaderboard::check_paths(&folder)?;
        // All suites are read before the first is begun.
        let mut suites = Vec::with_capacity(self.suites.len());
        for suite in &self.suites {
            let name = Path::new(suite).file_stem().unwrap_or_default().to_string_lossy();
            let path = run_path(&folder, &name)?;
            if Leaderboard::is_taken(&name) {
                return Err(Error::Settings(format!(
                    "suite {name}: the leaderboard has something of its own under that name, where \
                     the run of the suite would be; expected another name"
                )));
            }
            if suites.iter().any(|(known, _, _)| *known == name) {
                return Err(Error::Settings(format!("two suites of the name {name}")));
            }
            let file = Path::new(suite);
            let LeaderboardArgs { estimators, formalisms, exact, .. } = &self;
            let overrides = Overrides { estimators, formalisms, exact: *exact };
            let read = from_toml::read(file, registry, overrides)?;
            self.own.check_used(read.settings())?;
            suites.push((name.into_owned(), path, read));
        }
        let cancel = interrupt::flag(!self.quiet)?;
        let jobs = self.jobs.map_or(0, usize::from);
        let mut judgements = Vec::new();
        let checker = Engine::new(1, Arc::clone(&cancel))?;
        for (_, _, suite) in &suites {
            suite.check_run()?;
            study(suite, registry, &checker)?.check()?;
        }
        for (name, path, suite) in &suites {
            let detail = Detail::default();
            let engine = Engine::new(jobs, Arc::clone(&cancel))?.telling(detail.clone());
            let study = study(suite, registry, &engine)?;
            let mut run = RunFolder::open(path, suite)?;
            let listeners = Listeners { stopping: Arc::clone(&cancel), ..Listeners::default() };
            let work = Work::new(suite, &run);
            let stderr = Box::new(std::io::stderr());
            let progress = Progress::new(display(self.quiet), work, detail, stderr, listeners);
            progress.say(&format!("suite {name}"));
            study.run(&mut run, &progress)?;
            drop(progress);
            let costs = costs(&study)?;
            judgements.extend(Judgement::of(name, run.contents(), &costs));
        }
        let leaderboard = Leaderboard::new(judgements);
        leaderboard.write(&folder)?;
        match self.format {
            Format::Json => print(&leaderboard.json()),
            Format::Text => print(&terminal_lines(&format!(
                "{}\neverything in {}\n",
                leaderboard.text(),
                folder.display()
            ))),
        }
    }
}

/// The study of a suite.
fn study<'a>(
    suite: &'a Suite,
    registry: &'a Registry,
    engine: &'a Engine,
) -> Result<Study<'a>, Error> {
    let settings = suite.settings();
    Ok(Study {
        suite,
        estimator: registry.get(&settings.estimator)?,
        others: registry.kept(&settings.estimator, &settings.other_estimators)?,
        engine,
    })
}

/// The mean time of an estimate in milliseconds, over some networks of a suite.
fn costs(study: &Study<'_>) -> Result<BTreeMap<String, f64>, Error> {
    let problems = study.suite.problems();
    let step = problems.len().div_ceil(TIMED).max(1);
    let some: Vec<_> = problems.iter().step_by(step).collect();
    let mut costs = BTreeMap::new();
    for estimator in [study.estimator].into_iter().chain(study.others.iter().copied()) {
        let start = Instant::now();
        for problem in &some {
            Case::new(&problem.network, study.engine)
                .of(problem.key)
                .value(estimator, problem.key.seed)?;
        }
        let ms = start.elapsed().as_secs_f64() * 1e3 / some.len() as f64;
        costs.insert(estimator.name().to_owned(), ms);
    }
    Ok(costs)
}
