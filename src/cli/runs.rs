//! Runs that were started with `--run`: their list, and their reports.

use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use clap::Args;

use super::output::{Format, ThreadArgs, display, print, print_path};
use crate::engine::steps::{Detail, Steps};
use crate::error::Error;
use crate::escape::is_hidden;
use crate::phi::explore;
use crate::report::Report;
use crate::report::text::runs;
use crate::run::set_aside;
use crate::run::store::{self, Contents};
use crate::stats::summary::Summaries;
use crate::ui::progress::Watch;

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// The name of the run, or the path of its folder; it need not be finished
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The folder of the runs
    #[arg(long, value_name = "FOLDER", default_value = "runs")]
    runs: PathBuf,
    /// Also write a page to look at each network, as `explore` does, and let the rows lead to them.
    /// They are in the folder `explore` of the run, 100 MB of them at most
    #[arg(long)]
    explore: bool,
    #[command(flatten)]
    threads: ThreadArgs,
}

#[derive(Debug, Args)]
pub(super) struct RunsArgs {
    /// The folder of the runs
    #[arg(long, value_name = "FOLDER", default_value = "runs")]
    runs: PathBuf,
    /// Form of the list
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl RunsArgs {
    pub(super) fn run(self) -> Result<(), Error> {
        let listed = store::list(&self.runs)?;
        match self.format {
            Format::Text => print(&runs(&listed, &self.runs.display().to_string())),
            Format::Json => {
                print(&(serde_json::to_string_pretty(&listed).expect("plain data") + "\n"))
            }
        }
    }
}

impl ReportArgs {
    pub(super) fn run(self) -> Result<(), Error> {
        let folder = named(&self.runs, self.run);
        if !self.explore {
            return print_path(&Report::write(&folder)?);
        }
        let contents = Contents::read(&folder)?;
        Report::check_paths(&folder)?;
        explore::check_folder(&folder)?;
        let detail = Detail::default();
        let engine = self.threads.engine()?;
        let watch = Watch::new(display(false), detail.clone());
        let told = |done, total| {
            detail.set(Some(Steps { what: "pages", done, total, best: None, remaining: None }));
        };
        let links = explore::of_run(&engine, &folder, &contents, &told)?;
        drop(watch);
        print_path(&Report::write_of(&folder, &contents, &Summaries::of(&contents), &links)?)
    }
}

/// The folder of a run that is named by its name or by its path.
pub(super) fn named(runs: &Path, run: PathBuf) -> PathBuf {
    let named = runs.join(&run);
    if named.is_dir() || !run.exists() { named } else { run }
}

/// Moves an earlier run out of the way and says where it is now.
pub(super) fn set_aside(folder: &Path) -> Result<(), Error> {
    if let Some(moved) = set_aside::set_aside(folder)? {
        let _ = writeln!(io::stderr(), "the old results are in {}", moved.display());
    }
    Ok(())
}

/// The folder of the run `name`.
pub(super) fn run_path(runs: &Path, name: &str) -> Result<PathBuf, Error> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(part)), None) if part == name && !name.contains(is_hidden) => {
            Ok(runs.join(name))
        }
        _ => Err(Error::Settings(format!(
            "run {name:?}: expected a name that can be that of a folder, without separators and \
             control characters"
        ))),
    }
}
