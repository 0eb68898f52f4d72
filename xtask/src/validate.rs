//! `validate`: preflight, build, and the run of the study, here or on a cluster.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::bail;
use clap::Args;
use headroom::{Coded, Console, Exit, machine::resources::Resources};
use phi_protocol::Launch;

use crate::{
    exit_help,
    flags::BuildFlags,
    project::{self, HOST},
    run::{self, Start},
    slurm::{self, ClusterFlags},
};

/// Preflight, build, run the 160 comparisons, and print their summary.
///
/// Settings, journal, rows and statistics go to `runs/validation` in the workspace; the run's
/// arguments may name another run (`-- --run NAME`) or single files (`-- --out FILE.csv`). Started
/// again, it goes on where it was interrupted. With `--on slurm` the nodes of a cluster compute,
/// and the results are the same.
#[derive(Debug, Args)]
#[command(after_help = exit_help::table())]
pub(crate) struct Validate {
    #[command(flatten)]
    pub(crate) flags: BuildFlags,

    /// Start over; the old results are kept as the run `validation.1`, `.2`, …
    #[arg(long)]
    pub(crate) fresh: bool,

    #[command(flatten)]
    pub(crate) cluster: ClusterFlags,

    /// Arguments for the run itself, as `-- --sizes 5,6`.
    #[arg(last = true, value_name = "RUN_ARGS")]
    pub(crate) run_args: Vec<OsString>,
}

impl Validate {
    pub(crate) fn run(&self) -> Exit {
        let format = self.flags.judgement.format.into();
        let mut console = Console::new("validate", format, self.flags.dry_run);
        let outcome = self.validate(&mut console);
        console.finish(outcome)
    }

    fn validate(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let selection = self.flags.selection.selected();
        if self.cluster.on.is_some() {
            if selection.names_a_target() || !project::is_study(&selection)? {
                let message = "only this project's study runs on a cluster: leave out --example \
                    and --bin, or --on";
                bail!(Coded { exit: Exit::Usage, message: message.into() });
            }
            let Validate { flags, fresh, cluster, run_args } = self;
            return slurm::validate(flags, *fresh, cluster, run_args, console);
        }
        let is_study = project::is_study(&selection)?;
        if !selection.names_a_target() && !is_study {
            let message =
                "this is not the workspace of the study: name what to run with --example or --bin";
            bail!(Coded { exit: Exit::Usage, message: message.into() });
        }
        if self.fresh && !is_study {
            let message =
                "--fresh is for this project's study, which knows the folders of its runs";
            bail!(Coded { exit: Exit::Usage, message: message.into() });
        }
        let built = headroom::build(&HOST, &self.flags.request(), console)?;
        let launch = is_study.then(|| Launch {
            run: Some(run::DEFAULT_RUN.to_owned()),
            runs: Some(run::default_runs(&built.root)),
            build_record: run::build_record(&built.target_dir),
            ..Launch::default()
        });
        let program = built.executables.first();
        let start = Start {
            program: program.map_or(Path::new(""), PathBuf::as_path),
            args: self.run_args.clone(),
            launch,
        };
        if self.flags.dry_run {
            console.would(&format!("would run it with {}", start.words()));
        }
        if program.is_none() {
            return Ok(built.exit);
        }
        if self.fresh {
            run::set_aside(&start, console)?;
        }
        // What there is now, after the build.
        let room = if built.is_default_target {
            let now = Resources::sample(&built.target_dir)?;
            Some((now.available_bytes(), now.n_cpus))
        } else {
            None
        };
        let run = run::run(&start, room, console)?;
        let exit = run::exit(run.ending(), run.interrupted);
        run.say(exit, console);
        Ok(exit)
    }
}
