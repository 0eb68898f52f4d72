//! A command that another program launches: it is told what the command asks for.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use clap::Args;
use phi_protocol::{EVENTS_SCHEMA, EVENTS_VERSION, Launch, Question, Task};

use super::output::output_failed;
use super::{ended, parse, usage};
use crate::error::Error;
use crate::estimate::Registry;
use crate::exit::Exit;
use crate::ui::events::{Event, Events};

/// [`Launch`], as it is given on the command line.
#[derive(Debug, Args)]
pub(super) struct LaunchArgs {
    /// Check the command, say what it asks for, and do nothing
    #[arg(long)]
    prepare: bool,
    /// Check the command, move an earlier run of the same name aside, and do nothing more
    #[arg(long, conflicts_with = "prepare")]
    set_aside: bool,
    /// The name of the run of a study that names neither a run nor a file
    #[arg(long, value_name = "NAME")]
    run: Option<String>,
    /// The folder of the runs, if the command does not say
    #[arg(long, value_name = "FOLDER")]
    runs: Option<PathBuf>,
    /// Threads, if the command does not say
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    /// The record of the program's build (JSON), which a run in a folder keeps for its report
    #[arg(long, value_name = "FILE")]
    build_record: Option<PathBuf>,
    /// The arguments of the command
    #[arg(last = true)]
    command: Vec<OsString>,
}

impl LaunchArgs {
    fn split(self) -> (Launch, Vec<OsString>) {
        let LaunchArgs { prepare, set_aside, run, runs, workers, build_record, command } = self;
        let question = match (prepare, set_aside) {
            (true, _) => Some(Question::Prepare),
            (_, true) => Some(Question::SetAside),
            _ => None,
        };
        let workers = workers.map(usize::from);
        (Launch { run, runs, workers, build_record, question }, command)
    }

    pub(super) fn run(self, registry: &Registry) -> Exit {
        let (launch, command) = self.split();
        match (parse(registry, command), launch.question) {
            (Ok(cli), _) => ended(cli.run(registry, &launch)),
            (Err(error), Some(question)) if !error.use_stderr() => ended(answer_other(question)),
            (Err(error), _) => usage(&error),
        }
    }
}

/// Tells a launcher what its command asks for.
pub(super) fn answer(task: Task) -> Result<(), Error> {
    let events = Events::new(Box::new(io::stdout()));
    events.emit(&Event::Prepared {
        schema: EVENTS_SCHEMA.to_owned(),
        version: EVENTS_VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        task,
    });
    events.failure().map_or(Ok(()), output_failed)
}

/// Answers a launcher whose command has no run in a folder.
pub(super) fn answer_other(question: Question) -> Result<(), Error> {
    match question {
        Question::Prepare => answer(Task::Other),
        Question::SetAside => Err(Error::Settings(
            "this command has no run in a folder that could be set aside".to_owned(),
        )),
    }
}
