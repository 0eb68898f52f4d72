use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

/// The program with and without the engine.
pub(crate) struct Programs {
    pub(crate) with_engine: PathBuf,
    pub(crate) without_engine: PathBuf,
}

pub(crate) fn programs() -> &'static Programs {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        // Both builds put the program in the same place: keep others out until it was copied.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        fs::create_dir_all(folder).unwrap();
        let lock = File::create(folder.join("programs.lock")).unwrap();
        lock.lock().unwrap();
        let without_engine = build(&[], &folder.join("pyphi_validation-without-engine"));
        let with_engine =
            build(&["--features", "pyphi"], &folder.join("pyphi_validation-with-engine"));
        Programs { with_engine, without_engine }
    })
}

/// Builds the example as a user would, in the profile of this test, and copies it.
fn build(features: &[&str], copy: &Path) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["build", "--locked", "--example", "pyphi_validation"]).args(features);
    cargo.arg("--message-format=json-render-diagnostics");
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let output = cargo.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "cargo build: {}", output.status);
    let built = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|message| message["target"]["name"] == "pyphi_validation")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo names the program it built");
    let whole = copy.with_extension(std::process::id().to_string());
    fs::copy(built, &whole).unwrap();
    fs::rename(&whole, copy).unwrap();
    copy.to_owned()
}

/// What a finished program left.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Finished {
    fn from(output: Output) -> Finished {
        Finished {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Finished {
    /// Fails unless the program ended well.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Finished {
        assert_eq!(self.code, Some(0), "stderr: {}", self.stderr);
        self
    }
}

/// A folder of its own in which a test runs the program.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// The names of the files here, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The command, ready to run here; arguments are separated by spaces.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        self.command_of(&programs().with_engine, arguments)
    }

    fn command_of(&self, program: impl AsRef<OsStr>, arguments: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).args(arguments.split_whitespace());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env_remove("CI").env_remove("RUST_BACKTRACE");
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &str) -> Finished {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs the program that was built without the engine.
    pub(crate) fn run_without_engine(&self, arguments: &str) -> Finished {
        self.command_of(&programs().without_engine, arguments).output().unwrap().into()
    }

    /// Runs the program with `input` on its standard input.
    pub(crate) fn run_with_input(&self, arguments: &str, input: &str) -> Finished {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        // A program that refuses its arguments may end without reading.
        match child.stdin.take().unwrap().write_all(input.as_bytes()) {
            Err(err) if err.kind() != std::io::ErrorKind::BrokenPipe => panic!("{err}"),
            _ => {}
        }
        child.wait_with_output().unwrap().into()
    }

    /// Runs the program under a shell that first does `setup`.
    #[cfg(unix)]
    pub(crate) fn run_after(&self, setup: &str, arguments: &str) -> Finished {
        let program = programs().with_engine.display();
        let script = format!("{setup}; exec '{program}' {arguments}");
        let mut shell = self.command_of("sh", "-c");
        shell.arg(script).output().unwrap().into()
    }

    /// The lines of a CSV without their last column, the time.
    pub(crate) fn untimed(&self, csv: &str) -> Vec<String> {
        let untimed = |line: &str| line.rsplit_once(',').unwrap().0.to_owned();
        self.read(csv).lines().map(untimed).collect()
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }
}
