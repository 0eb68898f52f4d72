//! What the test programs of xtask have in common: how a command ended, and saying that a test was skipped.

#![allow(dead_code, reason = "every test program is compiled with it, and not each needs all")]

use std::{
    io::{self, Write as _},
    process::Output,
};

use serde_json::Value;

/// A command that has ended, and what it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Ended {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Ended {
    #[track_caller]
    pub(crate) fn code(&self, expected: i32) -> &Ended {
        assert_eq!(self.code, Some(expected), "{self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Ended {
        assert!(self.stderr.contains(text), "no `{text}` on stderr\n{self:#?}");
        self
    }

    /// stdout is one JSON document that knows its exit code.
    #[track_caller]
    pub(crate) fn document(&self) -> Value {
        let document: Value = serde_json::from_str(&self.stdout).expect(&self.stdout);
        assert_eq!(document["version"], 1);
        assert_eq!(document["exit_code"].as_i64(), self.code.map(i64::from));
        document
    }
}

/// Say so past the test harness, which keeps the words of a test that passes to itself.
#[expect(clippy::explicit_write, reason = "`eprintln!` is what the harness keeps to itself")]
pub(crate) fn skipped(why: &str) {
    writeln!(io::stderr(), "skipped: {why}").unwrap();
}
