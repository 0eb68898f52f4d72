//! Helpers that the tests share: commands that run and that have ended, turns, and saying that a
//! test was skipped.

#![cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "some tests are for Linux"))]

use std::{
    io::{self, Read, Write as _},
    process::{Child, Command, Output},
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value;

/// The kernel counts its kills for the whole machine.
static KERNEL_KILLS: RwLock<()> = RwLock::new(());

/// For a test in which the kernel may kill. Such tests run side by side.
pub(crate) fn kernel_may_kill() -> RwLockReadGuard<'static, ()> {
    KERNEL_KILLS.read().unwrap_or_else(PoisonError::into_inner)
}

/// For a test that a kill in another test would change.
pub(crate) fn kernel_does_not_kill() -> RwLockWriteGuard<'static, ()> {
    KERNEL_KILLS.write().unwrap_or_else(PoisonError::into_inner)
}

/// The same command, started inside a control group, with its output piped.
#[cfg(target_os = "linux")]
pub(crate) fn started_in(group: &std::path::Path, command: &Command) -> Command {
    use std::process::Stdio;
    let mut shell = Command::new("sh");
    shell.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]).arg(group.join("cgroup.procs"));
    shell.arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    shell
}

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

/// Says so past the test harness, which keeps the words of a test that passes to itself.
#[expect(clippy::explicit_write, reason = "`eprintln!` is what the harness keeps to itself")]
pub(crate) fn skipped(why: &str) {
    writeln!(io::stderr(), "skipped: {why}").unwrap();
}

/// A started xtask, killed if the test ends early.
pub(crate) struct Running {
    pub(crate) child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
    patience: Duration,
}

impl Running {
    /// `patience`: how long it may take from when it is waited for. Its pipes are read at once.
    pub(crate) fn new(mut child: Child, patience: Duration) -> Running {
        fn read(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
            thread::spawn(move || {
                let mut text = String::new();
                from.read_to_string(&mut text).unwrap();
                text
            })
        }
        let stdout = child.stdout.take().map(read);
        let stderr = child.stderr.take().map(read);
        Running { child, stdout, stderr, patience }
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub(crate) fn wait(mut self) -> Ended {
        let deadline = Instant::now() + self.patience;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "xtask does not end");
            thread::sleep(Duration::from_millis(20));
        };
        let text = |pipe: &mut Option<JoinHandle<String>>| {
            pipe.take().map(|it| it.join().unwrap()).unwrap_or_default()
        };
        Ended {
            code: status.code(),
            stdout: text(&mut self.stdout),
            stderr: text(&mut self.stderr),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A line for a person who runs the test with `--nocapture`.
#[expect(clippy::print_stdout, reason = "what was measured is for people")]
pub(crate) fn tell(line: &str) {
    println!("{line}");
}

/// `true` if the tests run under `nohup`: a SIGHUP that is ignored does not end xtask either.
pub(crate) fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|it| it.strip_prefix("SigIgn:"));
    ignored.is_some_and(|it| u64::from_str_radix(it.trim(), 16).is_ok_and(|it| it & 1 == 1))
}
