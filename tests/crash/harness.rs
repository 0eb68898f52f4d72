//! Runs a program again and again, with a fault at another call each time.
//!
//! A [`Scenario`] says what is there, which command meets the fault, how a user goes on, and what
//! must be there in the end. [`Scenario::check`] first runs it undisturbed, which tells how many
//! calls there are. Then, for each fault and the k-th call, it starts from the same files, lets the
//! fault happen, goes on without faults, and compares. The faults are made by `faults.rs`, which is
//! compiled here.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

/// With the value `all`, every fault happens at every call; otherwise at a sample of them.
pub(crate) const HOW_MANY: &str = "PHI_CRASH";

/// The number of processes that are killed at random moments, in each of the tests that do so.
pub(crate) const KILLS: &str = "PHI_CRASH_KILLS";

/// The fault at the k-th call. `faults.rs` says what each means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Eio,
    Full,
    Quota,
    Unreadable,
    Kill,
    Torn,
    Power,
}

impl Fault {
    pub(crate) const ALL: [Fault; 7] = [
        Fault::Torn,
        Fault::Eio,
        Fault::Power,
        Fault::Full,
        Fault::Kill,
        Fault::Unreadable,
        Fault::Quota,
    ];

    fn name(self) -> &'static str {
        match self {
            Fault::Eio => "eio",
            Fault::Full => "full",
            Fault::Quota => "quota",
            Fault::Unreadable => "unreadable",
            Fault::Kill => "kill",
            Fault::Torn => "torn",
            Fault::Power => "power",
        }
    }

    /// `true` if the process does not outlive it.
    fn is_death(self) -> bool {
        matches!(self, Fault::Kill | Fault::Torn | Fault::Power)
    }
}

/// A call of the program about a file of its own.
struct Call {
    reads: bool,
    operation: String,
    path: PathBuf,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.operation, self.path.display())
    }
}

/// The calls that a program has made. Empty if it has met no library.
fn calls(log: &Path) -> Vec<Call> {
    let text = fs::read_to_string(log).unwrap_or_default();
    let call = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let mut word = || words.next().expect("three words");
        Call { reads: word() == "reads", operation: word().to_owned(), path: word().into() }
    };
    text.lines().map(call).collect()
}

/// Looks at what a command does elsewhere, where that can be seen.
#[allow(dead_code, reason = "not all tests use it")]
pub(crate) fn watch(command: &mut Command, program: &Path, folder: &Path) -> Option<Watch> {
    let watch = Watch::new();
    watch.over(command, library()?, program, folder);
    Some(watch)
}

/// The compiled library; none, and a line that says so, where programs cannot be made to load it.
fn library() -> Option<&'static Path> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    LIBRARY
        .get_or_init(|| {
            let can = cfg!(all(
                target_os = "linux",
                target_env = "gnu",
                target_pointer_width = "64",
                not(target_feature = "crt-static")
            ));
            if !can {
                let why = "skipped: no fault can be injected but on 64-bit Linux with glibc";
                writeln!(io::stderr(), "{why}").ok();
                return None;
            }
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
            fs::create_dir_all(folder).unwrap();
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
            let source = source.map(|it| it.join("tests/crash/faults.rs")).find(|it| it.exists());
            let library = folder.join("libfaults.so");
            let own = folder.join(format!("libfaults.{}.so", std::process::id()));
            let beside = Path::new(env!("CARGO")).with_file_name("rustc");
            let compiler = if beside.exists() { beside.as_os_str() } else { OsStr::new("rustc") };
            let mut rustc = Command::new(compiler);
            rustc.args(["--edition", "2024", "--crate-type", "cdylib", "-C", "panic=abort", "-O"]);
            rustc.arg("-o").arg(&own).arg(source.expect("the library's source"));
            assert!(rustc.status().unwrap().success(), "the library of faults does not compile");
            fs::rename(&own, &library).unwrap();
            Some(library)
        })
        .as_deref()
}

/// The end of a program.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code. `None` if it was killed.
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Ended {
        Ended {
            code: output.status.code(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ended {
    command.stdin(Stdio::null()).output().unwrap().into()
}

/// All that stands in a folder, by its path in it. Of a folder: nothing.
pub(crate) type Files = BTreeMap<PathBuf, Option<Vec<u8>>>;

pub(crate) fn files(folder: &Path) -> Files {
    fn add(files: &mut Files, folder: &Path, name: &Path) {
        for entry in fs::read_dir(folder.join(name)).unwrap() {
            let entry = entry.unwrap();
            let name = name.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                files.insert(name.clone(), None);
                add(files, folder, &name);
            } else {
                files.insert(name, Some(fs::read(entry.path()).unwrap_or_default()));
            }
        }
    }
    let mut all = Files::new();
    add(&mut all, folder, Path::new(""));
    all
}

/// Puts them there; scripts can be run.
pub(crate) fn write(folder: &Path, files: &Files) {
    for (name, content) in files {
        let path = folder.join(name);
        let Some(content) = content else {
            fs::create_dir_all(path).unwrap();
            continue;
        };
        fs::write(&path, content).unwrap();
        #[cfg(unix)]
        if content.starts_with(b"#!") {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
}

/// The content that must not be lost from some moment on: finished rows, by their place, without
/// their times.
pub(crate) type Finished = BTreeMap<String, String>;

/// A command that meets faults.
pub(crate) struct Scenario<'a> {
    pub(crate) name: &'a str,
    /// Number of faults in a sample.
    pub(crate) sample: usize,
    /// The files that are there before. A file that the command does not write is not its own and
    /// must stay as it is.
    pub(crate) before: Files,
    /// The program's name, for it may start others.
    pub(crate) program: &'a Path,
    /// The command, to be run in a folder.
    pub(crate) command: &'a dyn Fn(&Path) -> Command,
    /// The exit codes that may come with a fault, besides success.
    pub(crate) codes: &'a [i32],
    /// Parts of the names of files without which the program may say that all is done.
    pub(crate) optional: &'a [&'a str],
    /// Goes on as a user does, without faults, until all is done.
    pub(crate) go_on: &'a dyn Fn(&Path),
    /// Returns the finished content. It may be asked for at any moment.
    pub(crate) finished: &'a dyn Fn(&Path) -> Finished,
    /// The files of the end as they must always be, without times.
    pub(crate) normal: &'a dyn Fn(&Path) -> Files,
}

/// A count of the faults that were tried, and of their effects.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// The calls of an undisturbed run.
    pub(crate) n_calls: usize,
    /// The faults that happened.
    pub(crate) n_faults: usize,
    /// Those after which the process was dead.
    pub(crate) n_deaths: usize,
    /// Those that the program reported.
    pub(crate) n_errors: usize,
    /// Processes that outlived the command, each of which is an error.
    pub(crate) n_left: usize,
    /// Files elsewhere that were touched, each of which is an error.
    pub(crate) n_outside: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { n_calls, n_faults, n_deaths, n_errors, n_left, n_outside } = self;
        let n_without = n_faults - n_deaths - n_errors;
        write!(
            f,
            "{n_calls} calls, {n_faults} faults: {n_deaths} deaths, {n_errors} reported errors, \
             {n_without} without effect; {n_left} processes left, {n_outside} files elsewhere \
             touched"
        )
    }
}

impl Scenario<'_> {
    /// Fails unless every fault at every call, or a sample of them, leaves everything right.
    pub(crate) fn check(&self) -> Tally {
        let Some(library) = library() else { return Tally::default() };
        let mut tally = Tally::default();
        let (expected, calls) = self.undisturbed(library);
        let n_reads = calls.iter().filter(|it| it.reads).count();
        let n_changes = calls.len() - n_reads;
        assert!(n_changes > 0 && n_reads > 0, "{}: the library was not loaded", self.name);
        tally.n_calls = calls.len();
        let mut n_failed = 0;
        for (fault, at) in self.faults(&calls) {
            let disturbed =
                AssertUnwindSafe(|| self.disturb(library, fault, at, &expected, &mut tally));
            n_failed += usize::from(panic::catch_unwind(disturbed).is_err());
        }
        writeln!(io::stderr(), "{}: {tally}", self.name).ok();
        assert_eq!(n_failed, 0, "{}: so many faults did harm, as said above", self.name);
        tally
    }

    /// Kills the command at so many random moments, goes on now and then until all is done, and
    /// fails unless everything is right. What the command itself takes up again may be killed, too.
    #[allow(dead_code, reason = "not all tests use it")]
    pub(crate) fn kill_at_random(&self, n_kills: usize) {
        let Some(library) = library() else { return };
        let since = Instant::now();
        let (expected, _) = self.undisturbed(library);
        let duration = since.elapsed();
        // Any numbers will do, and the same every time.
        let mut state = self.name.len() as u64;
        let mut fraction = || {
            state =
                state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
            (state >> 40) as f64 / (1_u64 << 24) as f64
        };
        let (mut n_killed, mut n_done, mut n_left, mut n_outside) = (0, 0, 0, 0);
        while n_killed < n_kills {
            let place = self.place();
            let mut kept = Finished::new();
            loop {
                let watch = Watch::new();
                let mut command = (self.command)(place.path());
                watch.over(&mut command, library, self.program, place.path());
                command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
                let mut child = command.spawn().unwrap();
                thread::sleep(duration.mul_f64(fraction()));
                child.kill().unwrap();
                let is_killed = child.wait().unwrap().code().is_none();
                n_killed += usize::from(is_killed);
                let what = format!("{}: kill {n_killed}", self.name);
                let (left, outside) = (watch.left(), watch.outside());
                n_left += left.len();
                n_outside += outside.len();
                assert!(left.is_empty(), "{what}: left behind: {left:?}");
                assert!(outside.is_empty(), "{what}: touched: {outside:?}");
                let now = (self.finished)(place.path());
                for (place, row) in &kept {
                    assert_eq!(now.get(place), Some(row), "{what}: {place} was finished");
                }
                kept = now;
                if is_killed && n_killed < n_kills && fraction() < 0.6 {
                    continue;
                }
                (self.go_on)(place.path());
                assert_eq!((self.finished)(place.path()), expected.finished, "{what}");
                same(&(self.normal)(place.path()), &expected.normal, &what);
                nothing_left_over(place.path(), &self.before, &what);
                n_done += 1;
                break;
            }
        }
        let line = format!(
            "{}: {n_killed} processes killed at random moments, gone on with {n_done} times to the \
             end; {n_left} processes left, {n_outside} files elsewhere touched",
            self.name
        );
        writeln!(io::stderr(), "{line}").ok();
    }

    /// Chooses which fault happens at which call. Calls are counted among those that the fault can
    /// meet.
    fn faults(&self, calls: &[Call]) -> Vec<(Fault, usize)> {
        let n_reads = calls.iter().filter(|it| it.reads).count();
        let n_changes = calls.len() - n_reads;
        let n_calls = |fault| if fault == Fault::Unreadable { n_reads } else { n_changes };
        let all = |fault| (1..=n_calls(fault)).map(move |at| (fault, at));
        if env::var_os(HOW_MANY).is_some_and(|it| it == "all") {
            return Fault::ALL.into_iter().flat_map(all).collect();
        }
        // Evenly from the first call to the last, each with another fault, and other calls in each
        // scenario.
        let first = self.name.len() % Fault::ALL.len();
        let faults = Fault::ALL.into_iter().cycle().skip(first);
        let at = |(index, fault): (usize, Fault)| {
            let n = n_calls(fault);
            (fault, (1 + (2 * index + 1) * n / (2 * self.sample)).min(n))
        };
        let sample = faults.take(self.sample).enumerate().map(at);
        // A death where a file is cut is always tried: what is torn in two files must be cut in the
        // right order, or the next run takes one of them for damaged.
        let changes = calls.iter().filter(|it| !it.reads).zip(1..);
        let cuts = changes.filter(|(it, _)| it.operation == "truncate");
        // So is a lock that cannot be looked at: nothing is known of another process then.
        let reads = calls.iter().filter(|it| it.reads).zip(1..);
        let mut locks = reads.filter(|(it, _)| it.operation == "stat" && it.path.ends_with("lock"));
        let lock = locks.next().map(|(_, at)| (Fault::Unreadable, at));
        sample.chain(cuts.map(|(_, at)| (Fault::Kill, at))).chain(lock).collect()
    }

    fn place(&self) -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        write(place.path(), &self.before);
        place
    }

    fn run(&self, library: &Path, folder: &Path, fault: &str, at: usize, watch: &Watch) -> Ended {
        let mut command = (self.command)(folder);
        watch.over(&mut command, library, self.program, folder);
        command.env("FAULTS_AT", at.to_string()).env("FAULTS_KIND", fault);
        run(&mut command)
    }

    /// The names of all files that must be there when the command has done its work.
    fn names(&self, folder: &Path) -> Vec<String> {
        let names = files(folder).into_keys().map(|it| it.to_string_lossy().into_owned());
        // What a process calls its own file is never the same.
        let common = |name: String| match name.rsplit_once("/journals/") {
            Some((folder, name)) => {
                format!("{folder}/journals/{}", name.split('.').next().unwrap_or_default())
            }
            None => name,
        };
        let is_optional = |name: &String| self.optional.iter().any(|it| name.contains(it));
        names.filter(|it| !is_optional(it)).map(common).collect()
    }

    /// The end of a run without a fault, and its calls.
    fn undisturbed(&self, library: &Path) -> (Expected, Vec<Call>) {
        let (place, watch) = (self.place(), Watch::new());
        let ended = self.run(library, place.path(), "nothing", 1, &watch);
        assert_eq!(ended.code, Some(0), "{}: {}", self.name, ended.stderr);
        let names = self.names(place.path());
        (self.go_on)(place.path());
        let finished = (self.finished)(place.path());
        (Expected { names, normal: (self.normal)(place.path()), finished }, calls(&watch.log()))
    }

    fn disturb(
        &self,
        library: &Path,
        fault: Fault,
        at: usize,
        expected: &Expected,
        tally: &mut Tally,
    ) {
        let (place, watch) = (self.place(), Watch::new());
        let folder = place.path();
        let ended = self.run(library, folder, fault.name(), at, &watch);
        let calls = calls(&watch.log());
        // Threads do not always make the same number of calls.
        let Some(call) = calls.get(at - 1) else { return };
        let what = format!("{}: {fault:?} at call {at}, {call}", self.name);
        tally.n_faults += 1;
        let (left, outside) = (watch.left(), watch.outside());
        tally.n_left += left.len();
        tally.n_outside += outside.len();
        assert!(left.is_empty(), "{what}: left behind: {left:?}");
        assert!(outside.is_empty(), "{what}: touched: {outside:?}");
        match ended.code {
            None => {
                assert!(fault.is_death(), "{what}: killed");
                tally.n_deaths += 1;
            }
            Some(0) => assert!(!fault.is_death(), "{what}: nothing happened"),
            Some(code) => {
                assert!(self.codes.contains(&code), "{what}: exit code {code}: {}", ended.stderr);
                let names = |it: &Call| ended.stderr.contains(&named(&it.path));
                // A full disk may only matter to a later call.
                assert!(calls[at - 1..].iter().any(names), "{what}: not named in {}", ended.stderr);
                assert!(!ended.stderr.contains("panicked"), "{what}: {}", ended.stderr);
                tally.n_errors += 1;
            }
        }
        if ended.code == Some(0) {
            // A failure that nothing is said of must have cost nothing.
            assert_eq!(self.names(folder), expected.names, "{what}: said to be done");
        }
        let kept = (self.finished)(folder);
        (self.go_on)(folder);
        let finished = (self.finished)(folder);
        for (place, row) in &kept {
            assert_eq!(finished.get(place), Some(row), "{what}: {place} was finished");
        }
        assert_eq!(finished, expected.finished, "{what}");
        same(&(self.normal)(folder), &expected.normal, &what);
        nothing_left_over(folder, &self.before, &what);
    }
}

/// A watch over the files that a command touches elsewhere, and over the processes it leaves
/// behind.
pub(crate) struct Watch {
    scratch: tempfile::TempDir,
}

impl Watch {
    pub(crate) fn new() -> Watch {
        let scratch = tempfile::tempdir().unwrap();
        fs::create_dir(scratch.path().join("tmp")).unwrap();
        Watch { scratch }
    }

    /// Looks at the calls of a command that is to run in a folder. It has a folder of its own for
    /// temporary files.
    pub(crate) fn over(&self, it: &mut Command, library: &Path, program: &Path, folder: &Path) {
        it.current_dir(folder).env("LD_PRELOAD", library).env("FAULTS_LOG", self.log());
        it.env("FAULTS_OUTSIDE", self.scratch.path().join("outside"));
        it.env("FAULTS_BELOW", folder.canonicalize().unwrap());
        it.env("FAULTS_PROGRAM", program.file_name().unwrap());
        it.env("FAULTS_AT", "1").env("FAULTS_KIND", "nothing");
        it.env("TMPDIR", self.scratch.path().join("tmp"));
    }

    fn log(&self) -> PathBuf {
        self.scratch.path().join("calls")
    }

    /// The calls that changed something outside the command's folder and the one for temporary
    /// files.
    pub(crate) fn outside(&self) -> Vec<String> {
        let text = fs::read_to_string(self.scratch.path().join("outside")).unwrap_or_default();
        let tmp = self.scratch.path().join("tmp").canonicalize().unwrap();
        let is_elsewhere = |line: &&str| {
            let (_, path) = line.split_once(' ').expect("two words");
            !Path::new(path).starts_with(&tmp)
        };
        text.lines().filter(is_elsewhere).map(str::to_owned).collect()
    }

    /// The processes that the command has left: all have inherited the name of the log. What is
    /// ending may take a while to do so, but not for ever.
    pub(crate) fn left(&self) -> Vec<String> {
        let since = Instant::now();
        loop {
            let left = processes_with(&self.log());
            if left.is_empty() || since.elapsed() > Duration::from_secs(60) {
                return left;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The processes of this user that have this log in their environment.
fn processes_with(log: &Path) -> Vec<String> {
    let wanted = format!("FAULTS_LOG={}", log.display());
    let has = |process: &Path| {
        let environment = fs::read(process.join("environ")).unwrap_or_default();
        environment.split(|it| *it == 0).any(|it| it == wanted.as_bytes())
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|it| it.path());
    let shown = |process: PathBuf| {
        let command = fs::read(process.join("cmdline")).unwrap_or_default();
        format!("{}: {}", process.display(), String::from_utf8_lossy(&command).replace('\0', " "))
    };
    processes.filter(|it| has(it)).map(shown).collect()
}

/// The end of a run that meets no fault.
struct Expected {
    /// The names of all files when the command has ended.
    names: Vec<String>,
    normal: Files,
    finished: Finished,
}

/// Fails if there are unfinished files that were not there before.
#[track_caller]
pub(crate) fn nothing_left_over(folder: &Path, before: &Files, what: &str) {
    for name in files(folder).into_keys().filter(|it| !before.contains_key(it)) {
        let is_unfinished = name.extension().is_some_and(|it| it == "tmp");
        assert!(!is_unfinished, "{what}: {} is left over", name.display());
    }
}

/// Fails unless the files are the same, and says which are not.
#[track_caller]
pub(crate) fn same(found: &Files, expected: &Files, what: &str) {
    let names: Vec<_> = found.keys().collect();
    assert_eq!(names, expected.keys().collect::<Vec<_>>(), "{what}");
    for (name, content) in expected {
        let text = |it: &Option<Vec<u8>>| {
            it.as_ref().map(|it| String::from_utf8_lossy(it).into_owned()).unwrap_or_default()
        };
        assert!(
            found[name] == *content,
            "{what}: {}\n{}\nexpected\n{}",
            name.display(),
            text(&found[name]),
            text(content)
        );
    }
}

/// Returns the word by which a message must name a file: its name, or that of the file which a
/// temporary one becomes.
fn named(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match name.strip_suffix(".tmp").and_then(|it| it.rsplit_once('.')) {
        Some((name, _)) => name.to_owned(),
        None => name.into_owned(),
    }
}
