use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

/// The program `phi`, as cargo built it for these tests.
pub(crate) const PHI: &str = env!("CARGO_BIN_EXE_phi");

/// The same program under its first name, `pyphi_validation`.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let name = format!("pyphi_validation{}", std::env::consts::EXE_SUFFIX);
        // Tests of other processes may use the file meanwhile.
        let new = folder.join(format!("{}-{name}", std::process::id()));
        fs::hard_link(PHI, &new).or_else(|_| fs::copy(PHI, &new).map(drop)).unwrap();
        let link = folder.join(name);
        fs::rename(&new, &link).unwrap();
        // It stays if both were links to the same file.
        let _ = fs::remove_file(new);
        link
    });
    &PROGRAM
}

/// The size of a test: `full` is the long version, which takes too long for every day.
pub(crate) fn how_many(quick: usize, full: usize) -> usize {
    if std::env::var_os("PHI_SLOW_TESTS").is_some() { full } else { quick }
}

/// The exit code and the output of a finished program.
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

    /// `pyphi_validation`, ready to run here; arguments are separated by spaces.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        self.command_of(program(), arguments)
    }

    fn command_of(&self, program: impl AsRef<OsStr>, arguments: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).args(arguments.split_whitespace());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env_remove("CI").env_remove("RUST_BACKTRACE");
        command
    }

    /// Runs `phi` to its end.
    pub(crate) fn phi(&self, arguments: &str) -> Finished {
        self.command_of(PHI, arguments).output().unwrap().into()
    }

    /// Runs `pyphi_validation` to its end.
    pub(crate) fn run(&self, arguments: &str) -> Finished {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs another program, or this one under another name, to its end.
    #[cfg(unix)]
    pub(crate) fn run_program(&self, program: &Path, arguments: &str) -> Finished {
        self.command_of(program, arguments).output().unwrap().into()
    }

    /// Runs the program with `input` on its standard input.
    pub(crate) fn run_with_input(&self, arguments: &str, input: &str) -> Finished {
        self.run_arguments_with_input(&arguments.split_whitespace().collect::<Vec<_>>(), input)
    }

    /// The same with arguments that may have spaces.
    pub(crate) fn run_arguments_with_input(&self, arguments: &[&str], input: &str) -> Finished {
        let mut command = self.command("");
        let mut child = command.args(arguments).stdin(Stdio::piped()).spawn().unwrap();
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
        let script = format!("{setup}; exec '{}' {arguments}", program().display());
        let mut shell = self.command_of("sh", "-c");
        shell.arg(script).output().unwrap().into()
    }

    /// The lines of a CSV without their time.
    pub(crate) fn untimed(&self, csv: &str) -> Vec<String> {
        let csv = self.read(csv);
        let header = csv.lines().next().unwrap_or_default();
        let time = header.split(',').position(|it| it == "duration_ms").unwrap();
        let untimed = |line: &str| {
            let cells = line.split(',').enumerate().filter(|(column, _)| *column != time);
            cells.map(|it| it.1).collect::<Vec<_>>().join(",")
        };
        csv.lines().map(untimed).collect()
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }
}

/// Lines or a document as the program would have sealed them, with `change` made to them: each
/// object has a check of its own, a hash of its kind and of every byte before the check.
pub(crate) fn resealed(kind: &str, text: &str, change: impl Fn(&str) -> String) -> String {
    text.lines().map(|line| sealed(kind, &change(unsealed(line)), &mut [0; 8])).collect()
}

/// A line without its check, and without the end of its object.
pub(crate) fn unsealed(line: &str) -> &str {
    line.rsplit_once(",\"check\":\"").unwrap().0
}

/// A line with the check that follows another one, which is then that of this line.
pub(crate) fn sealed(kind: &str, body: &str, after: &mut [u8; 8]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("phi-validation sealed record v1");
    hasher.update(&(kind.len() as u64).to_le_bytes());
    hasher.update(kind.as_bytes());
    hasher.update(&*after);
    hasher.update(body.as_bytes());
    let hash = hasher.finalize();
    after.copy_from_slice(&hash.as_bytes()[..8]);
    format!("{body},\"check\":\"{}\"}}\n", &hash.to_hex()[..16])
}
