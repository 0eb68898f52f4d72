//! `dataset`: networks with exact values and estimates, for programs that learn from them.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::compute::say_note;
use super::output::{ThreadArgs, display, print_path};
use crate::engine::steps::Detail;
use crate::error::Error;
use crate::escape::is_hidden;
use crate::estimate::Registry;
use crate::run::journal::IfExists;
use crate::study::dataset::{Dataset, Form};
use crate::suite::Formalism;
use crate::suite::from_toml::{self, Overrides};
use crate::ui::progress::Watch;

#[derive(Debug, Args)]
pub(crate) struct DatasetArgs {
    /// Networks and states: a built-in suite by name, or a TOML file, as for `study`
    #[arg(long, value_name = "FILE|NAME")]
    suite: PathBuf,
    /// The file; its name ends in .csv, .jsonl or .parquet. FILE.card.md, FILE.dataset.json
    /// and FILE.checks are written beside it; FILE.parquet is made of FILE.parquet.jsonl, which has
    /// the latter two
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Theories of exact values, a column or more of each [default: those of the suite]
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    formalisms: Vec<Formalism>,
    /// Estimates, a column each, of those that `study --help` lists [default: none]
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    estimators: Vec<String>,
    /// The smallest and the largest Φ that ties allow, too
    #[arg(long)]
    ranges: bool,
    /// The major complex and its Φ, too
    #[arg(long)]
    complexes: bool,
    /// The licence that the data card names
    #[arg(long, value_name = "NAME", default_value = "CC0-1.0")]
    licence: String,
    /// Go on from a file of the same settings
    #[arg(long, conflicts_with = "force")]
    resume: bool,
    /// Write a file that exists anew
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    threads: ThreadArgs,
    /// No progress on standard error
    #[arg(long)]
    quiet: bool,
}

impl DatasetArgs {
    pub(crate) fn run(self, registry: &Registry) -> Result<(), Error> {
        Form::of(&self.out)?;
        if self.licence.chars().any(is_hidden) {
            return Err(Error::Settings(format!(
                "--licence {:?}: expected text without control characters",
                self.licence
            )));
        }
        let (path, formalisms) = (&self.suite, &self.formalisms);
        let text = from_toml::text(path)?;
        let overrides = Overrides { formalisms, ..Overrides::default() };
        let suite = from_toml::of_text(&text, path, registry, overrides)?;
        let chosen = registry.chosen(&self.estimators)?;
        let estimators = chosen.iter().map(|it| registry.get(it)).collect::<Result<_, _>>()?;
        let detail = Detail::default();
        let engine = self.threads.engine()?;
        let dataset = Dataset {
            suite: &suite,
            suite_text: &text,
            estimators,
            has_ranges: self.ranges,
            has_complexes: self.complexes,
            licence: self.licence,
            engine: &engine,
        };
        dataset.check()?;
        let if_exists = IfExists::asked(self.resume, self.force);
        let watch = Watch::new(display(self.quiet), detail.clone());
        let n_rows = dataset.write(&self.out, if_exists, &detail, &say_note)?;
        drop(watch);
        if !self.quiet {
            let _ = writeln!(std::io::stderr(), "{n_rows} rows");
        }
        print_path(&self.out)
    }
}
