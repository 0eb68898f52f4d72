//! The arguments with which one program launches the study's program for a user.
//!
//! The launcher does not read the user's arguments. It passes them on as they are, behind what they
//! may leave open:
//!
//! ```text
//! phi launch --run validation --runs /w/runs --workers 2 -- --sizes 5,6
//! ```

use std::ffi::OsString;
use std::path::PathBuf;

/// The settings that a launcher decides where the user's arguments leave them open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Launch {
    /// The name of the run of a study whose arguments name neither a run nor a file.
    pub run: Option<String>,
    /// The folder of the runs.
    pub runs: Option<PathBuf>,
    /// The threads of a study, if its arguments do not say.
    pub workers: Option<usize>,
    /// The record of the program's build, which a run in a folder keeps.
    pub build_record: Option<PathBuf>,
    /// The question to answer instead of doing what the arguments say.
    pub question: Option<Question>,
}

/// A question, or a preparation, that a launcher asks for before it starts a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// All arguments are checked. [`Event::Prepared`](crate::Event::Prepared) on standard output
    /// says what they ask for; nothing is done.
    Prepare,
    /// All arguments are checked, and an earlier run of the same name is moved aside.
    SetAside,
}

impl Launch {
    /// The subcommand of the study's program, which its help does not list.
    pub const COMMAND: &str = "launch";

    /// All arguments of the study's program: the subcommand, and the user's arguments unchanged.
    pub fn arguments(&self, user: &[OsString]) -> Vec<OsString> {
        let mut all: Vec<OsString> = vec![Launch::COMMAND.into()];
        match self.question {
            Some(Question::Prepare) => all.push("--prepare".into()),
            Some(Question::SetAside) => all.push("--set-aside".into()),
            None => {}
        }
        let workers = self.workers.map(|it| it.to_string());
        let mut option = |name: &str, value: Option<OsString>| {
            all.extend(value.into_iter().flat_map(|it| [name.into(), it]));
        };
        option("--run", self.run.clone().map(Into::into));
        option("--runs", self.runs.clone().map(Into::into));
        option("--workers", workers.map(Into::into));
        option("--build-record", self.build_record.clone().map(Into::into));
        all.push("--".into());
        all.extend_from_slice(user);
        all
    }

    /// The same with a question.
    #[must_use]
    pub fn asking(&self, question: Question) -> Launch {
        Launch { question: Some(question), ..self.clone() }
    }
}
