//! The guard end to end: builds whose compilers need a known amount of memory, under real limits.
//!
//! Every test makes its own workspace, in which a procedural macro has the compiler of each crate
//! hold what the test says, and its own cgroup with a limit, in which everything runs: xtask,
//! cargo, compilers and neighbours. Where no such group can be made (it takes root and cgroup v1) a
//! test is skipped with a line. Processes are ended only if the test started them.
//!
//! `XTASK_GUARD_TABLE=1 cargo test -p xtask --test it guard::table -- --nocapture` measures the
//! table of `docs/memory.md`, with plain cargo beside it; it takes some minutes and wants a quiet
//! machine.

use std::{
    fmt::Write as _,
    fs,
    ops::Deref,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use xshell::{Shell, TempDir, cmd};

use crate::common::{Ended, ignores_hangup, kernel_does_not_kill, kernel_may_kill, skipped};

/// Long enough for anything here on a busy machine; nothing waits this long when all is well.
const PATIENCE: Duration = Duration::from_secs(240);

#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: never");
        thread::sleep(Duration::from_millis(5));
    }
}

// ---- crates of known appetite ----

/// The memory that the compiler of one crate holds on top of what it needs anyway (10 to 20 MiB).
#[derive(Clone, Copy)]
struct Appetite {
    release_mib: u32,
    debug_mib: u32,
    ramp_ms: u32,
    hold_ms: u32,
}

/// The same in release and debug.
fn appetite(mib: u32, ramp_ms: u32, hold_ms: u32) -> Appetite {
    Appetite { release_mib: mib, debug_mib: mib, ramp_ms, hold_ms }
}

const EATER: &str = r#"
use std::{thread::sleep, time::{Duration, Instant}};
#[proc_macro]
pub fn eat(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let n: Vec<u64> = input.to_string().split(',').map(|it| it.trim().parse().unwrap()).collect();
    let mib = if cfg!(debug_assertions) { n[1] } else { n[0] };
    meet();
    let began = Instant::now();
    let mut blocks = Vec::new();
    for i in 1..=mib {
        let mut block = vec![0_u8; 1 << 20];
        block.iter_mut().step_by(4096).for_each(|it| *it = 1);
        blocks.push(block);
        sleep(Duration::from_millis(n[2] * i / mib).saturating_sub(began.elapsed()));
    }
    // Until then, or until the test says `go`.
    let until = Duration::from_millis(n[2] + n[3]);
    while began.elapsed() < until && !std::fs::exists("go").unwrap() {
        sleep(Duration::from_millis(20).min(until.saturating_sub(began.elapsed())));
    }
    std::hint::black_box(&blocks);
    proc_macro::TokenStream::new()
}
/// Waits for other compilers, where the test is about several at once on a machine of any speed.
fn meet() {
    let Ok(n_at_once) = std::env::var("EATERS_MEET") else { return };
    let n_at_once: usize = n_at_once.parse().unwrap();
    std::fs::write(format!("eats-{}", std::process::id()), "").unwrap();
    let began = Instant::now();
    let n_eaters = || {
        let names = std::fs::read_dir(".").unwrap().map(|it| it.unwrap().file_name());
        names.filter(|it| it.to_str().unwrap().starts_with("eats-")).count()
    };
    while n_eaters() < n_at_once && began.elapsed() < Duration::from_secs(120) {
        sleep(Duration::from_millis(10));
    }
}
#[proc_macro]
pub fn die(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let pid = std::process::id().to_string();
    std::process::Command::new("kill").args(["-9", &pid]).status().unwrap();
    loop { sleep(Duration::from_secs(1)); }
}
"#;

/// A program that holds memory: `hold MIB DELAY_MS RAMP_MS` until it is ended, `eat MIB RAMP_MS
/// HOLD_MS` as a test that ends, or as a linker that holds `EAT_MIB` for a release build before it
/// links.
const HELPER: &str = r#"
use std::{env, process::Command, thread::sleep, time::Duration};
fn grow(blocks: &mut Vec<Vec<u8>>, mib: u64, ramp_ms: u64) {
    for _ in 0..mib {
        blocks.push(vec![1; 1 << 20]);
        sleep(Duration::from_micros(ramp_ms * 1000 / mib));
    }
}
fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let mut blocks = Vec::new();
    if args.first().is_some_and(|it| it == "hold") {
        let n: Vec<u64> = args[1..].iter().map(|it| it.parse().unwrap()).collect();
        sleep(Duration::from_millis(n[1]));
        grow(&mut blocks, n[0], n[2]);
        loop { sleep(Duration::from_secs(3600)); }
    }
    if args.first().is_some_and(|it| it == "eat") {
        let n: Vec<u64> = args[1..].iter().map(|it| it.parse().unwrap()).collect();
        grow(&mut blocks, n[0], n[1]);
        sleep(Duration::from_millis(n[2]));
        return;
    }
    if args.iter().any(|it| it.contains("/release/examples/")) {
        grow(&mut blocks, env::var("EAT_MIB").unwrap().parse().unwrap(), 600);
    }
    let status = Command::new("cc").args(&args).status().unwrap();
    std::hint::black_box(&blocks);
    std::process::exit(status.code().unwrap_or(1));
}
"#;

/// A program compiled for all tests.
static HELPERS: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let sh = Shell::new().unwrap();
    let dir = sh.create_temp_dir().unwrap();
    let (source, program) = (dir.path().join("helper.rs"), dir.path().join("helper"));
    sh.write_file(&source, HELPER).unwrap();
    cmd!(sh, "rustc {source} -O -o {program}").quiet().run().unwrap();
    (dir, program)
});

fn helper() -> &'static Path {
    &HELPERS.1
}

/// A workspace with an example `demo` that depends on one crate for each appetite.
struct Fixture {
    sh: Shell,
    dir: TempDir,
}

impl Fixture {
    fn new(crates: &[(&str, Appetite)]) -> Fixture {
        let sh = Shell::new().unwrap();
        let dir = sh.create_temp_dir().unwrap();
        let fixture = Fixture { sh, dir };
        let package = |name: &str| {
            format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n")
        };
        let mut manifest =
            package("fixture") + "[workspace]\n\n[dependencies]\neater = { path = \"eater\" }\n";
        for (name, it) in crates {
            writeln!(manifest, "{name} = {{ path = \"{name}\" }}").unwrap();
            let own = package(name) + "[dependencies]\neater = { path = \"../eater\" }\n";
            fixture.write(&format!("{name}/Cargo.toml"), &own);
            let Appetite { release_mib, debug_mib, ramp_ms, hold_ms } = it;
            let source = format!(
                "eater::eat!({release_mib}, {debug_mib}, {ramp_ms}, {hold_ms});\n\
                pub fn name() -> u8 {{ let unused = 1; 2 }}\n"
            );
            fixture.write(&format!("{name}/src/lib.rs"), &source);
        }
        fixture.write("Cargo.toml", &manifest);
        fixture.write("src/lib.rs", "");
        fixture.write("examples/demo.rs", "fn main() { println!(\"hello\"); }\n");
        fixture.write("eater/Cargo.toml", &(package("eater") + "[lib]\nproc-macro = true\n"));
        fixture.write("eater/src/lib.rs", EATER);
        fixture
    }

    /// `n` crates of the same appetite.
    fn wide(n: u32, it: Appetite) -> Fixture {
        let names: Vec<String> = (0..n).map(|it| format!("w{it}")).collect();
        Fixture::new(&names.iter().map(|name| (name.as_str(), it)).collect::<Vec<_>>())
    }

    fn write(&self, path: &str, text: &str) {
        self.sh.write_file(self.path(path), text).unwrap();
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// `cargo xtask build --example demo --format json` with so many jobs.
    fn xtask(&self, jobs: u32) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(["build", "--example", "demo", "--format", "json"]);
        self.isolate(&mut command, jobs);
        command
    }

    /// The same build by plain cargo.
    fn cargo(&self, jobs: u32) -> Command {
        let mut command = Command::new(env!("CARGO"));
        command.args(["build", "--example", "demo", "--release"]);
        self.isolate(&mut command, jobs);
        command
    }

    /// Runs plain cargo, of whose compilers so many grow at the same time: the kernel kills, or the
    /// test would show nothing of the guard.
    #[track_caller]
    fn is_killed_without_the_guard(&self, group: &Group, cargo: &mut Command, n_at_once: usize) {
        let plain = group.run(cargo.env("EATERS_MEET", n_at_once.to_string()));
        plain.code(101);
        assert!(plain.kills > 0, "all fit at once: {plain:#?}");
        self.clean(false);
    }

    fn isolate(&self, command: &mut Command, jobs: u32) {
        command.current_dir(self.path(".")).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
            .env("CARGO_TARGET_DIR", self.path("target"))
            .env("CARGO_BUILD_JOBS", jobs.to_string());
        let of_the_user = ["CARGO_TERM_COLOR", "NO_COLOR", "CLICOLOR_FORCE", "RUSTFLAGS"];
        for name in of_the_user.into_iter().chain(["RUSTC_WRAPPER", "RUST_TEST_THREADS"]) {
            command.env_remove(name);
        }
    }

    /// Forgets what was built, and what is known of it unless `keep_ledger`.
    fn clean(&self, keep_ledger: bool) {
        let ledger = fs::read(self.path("target/xtask/ledger.json")).ok();
        fs::remove_dir_all(self.path("target")).ok();
        if let Some(ledger) = ledger.filter(|_| keep_ledger) {
            fs::create_dir_all(self.path("target/xtask")).unwrap();
            fs::write(self.path("target/xtask/ledger.json"), ledger).unwrap();
        }
    }
}

// ---- what a guard sees ----

/// The folder in which a build tells others what its compilers hold at each look of its guard.
struct Builds(PathBuf);

impl Builds {
    /// A folder for this command only.
    fn of(fixture: &Fixture, command: &mut Command) -> Builds {
        let folder = fixture.path("runtime");
        fs::DirBuilder::new().mode(0o700).create(&folder).unwrap();
        command.env("XDG_RUNTIME_DIR", &folder);
        Builds(folder.join("cargo-headroom"))
    }

    /// Returns the memory that the compilers held at the last look. A file that is just being
    /// written is not counted.
    fn hold(&self) -> u64 {
        let files = fs::read_dir(&self.0).into_iter().flatten().flatten().map(|it| it.path());
        let told = files.filter_map(|it| serde_json::from_slice(&fs::read(it).ok()?).ok());
        told.map(|it: Value| it["published"]["held_bytes"].as_u64().unwrap()).sum()
    }
}

// ---- groups with a limit ----

/// A memory group below the one of this process, removed at the end.
pub(crate) struct Group(pub(crate) PathBuf);

impl Group {
    /// `None`, with a line, where it cannot be made.
    pub(crate) fn new(limit_mib: u64) -> Option<Group> {
        static N: AtomicU32 = AtomicU32::new(0);
        let own = fs::read_to_string("/proc/self/cgroup").unwrap();
        let own = own.lines().find_map(|it| it.split_once(":memory:")).map(|(_, path)| path);
        let n = N.fetch_add(1, Ordering::Relaxed);
        let group = own.map(|it| {
            Group(
                format!("/sys/fs/cgroup/memory{it}/xtask-guard-{}-{n}", std::process::id()).into(),
            )
        });
        let limited = group.filter(|it| fs::create_dir(&it.0).is_ok() && it.limit(limit_mib));
        if limited.is_none() {
            skipped("no cgroup v1 memory controller that can be written (needs root)");
        }
        limited
    }

    fn limit(&self, mib: u64) -> bool {
        fs::write(self.0.join("memory.limit_in_bytes"), (mib << 20).to_string()).is_ok()
    }

    /// A group below, without a limit of its own.
    pub(crate) fn nested(&self) -> Group {
        let group = Group(self.0.join("nested"));
        fs::create_dir(&group.0).unwrap();
        group
    }

    /// The same command, started inside.
    pub(crate) fn around(&self, command: &Command) -> Command {
        crate::common::started_in(&self.0, command)
    }

    fn run(&self, command: &Command) -> Watched {
        let began = Instant::now();
        let kills = self.kills();
        let output = self.around(command).output().unwrap();
        Watched::new(output, began.elapsed(), self.kills() - kills)
    }

    /// Starts a program of the test in here, ended when dropped.
    fn neighbour(&self, mib: u32, delay_ms: u32, ramp_ms: u32) -> Neighbour {
        let mut command = Command::new(helper());
        command.arg("hold").args([mib, delay_ms, ramp_ms].map(|it| it.to_string()));
        Neighbour(self.around(&command).spawn().unwrap())
    }

    fn usage(&self) -> u64 {
        let text = fs::read_to_string(self.0.join("memory.usage_in_bytes")).unwrap();
        text.trim().parse().unwrap()
    }

    fn kills(&self) -> u64 {
        let text = fs::read_to_string(self.0.join("memory.oom_control")).unwrap();
        let count = text.lines().find_map(|it| it.strip_prefix("oom_kill ")).unwrap();
        count.trim().parse().unwrap()
    }

    /// Everything that runs in here; what has ended and was not collected does not count.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let text = fs::read_to_string(self.0.join("cgroup.procs")).unwrap();
        let runs = |pid: &u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            !matches!(stat.rsplit_once(") ").map_or("Z", |it| &it.1[..1]), "Z" | "X")
        };
        text.lines().map(|it| it.parse().unwrap()).filter(runs).collect()
    }

    #[track_caller]
    fn is_empty_soon(&self) {
        let deadline = Instant::now() + Duration::from_secs(5);
        while !self.processes().is_empty() {
            assert!(Instant::now() < deadline, "still there: {:?}", self.processes());
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(5);
        while fs::remove_dir(&self.0).is_err() && self.0.exists() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A file system of 1 MiB in memory.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None`, with a line, where it cannot be mounted.
    fn new(folder: PathBuf) -> Option<SmallDisk> {
        fs::create_dir(&folder).unwrap();
        let sh = Shell::new().unwrap();
        let mount = cmd!(sh, "mount -t tmpfs -o size=1m tmpfs {folder}");
        if mount.quiet().ignore_stderr().run().is_err() {
            skipped("no small file system can be mounted");
            return None;
        }
        Some(SmallDisk(folder))
    }

    /// Fails, and says which processes are in the way, if anything still uses it. Any process of
    /// the machine may do so for some milliseconds, for instance to ask how full the disks are.
    #[track_caller]
    fn unmount(self) {
        let deadline = Instant::now() + PATIENCE;
        let unmount = || Command::new("umount").arg(&self.0).output().unwrap();
        loop {
            let ended = Ended::from(unmount());
            // What `umount` says is not what counts: it fails, too, where nothing is mounted.
            if ended.code == Some(0) || !self.is_mounted() {
                return;
            }
            let users = self.users();
            assert!(Instant::now() < deadline, "{ended:?}, used by {users:#?}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn is_mounted(&self) -> bool {
        let device = |it: &Path| fs::metadata(it).unwrap().dev();
        device(&self.0) != device(self.0.parent().unwrap())
    }

    /// Returns the processes that have a file of it open or mapped, or one of its folders as their
    /// own.
    fn users(&self) -> Vec<String> {
        let disk = fs::metadata(&self.0).unwrap().dev();
        let entries = |folder: PathBuf| {
            fs::read_dir(folder).into_iter().flatten().flatten().map(|it| it.path())
        };
        let is_process = |it: &PathBuf| it.join("task").is_dir();
        let mut users = Vec::new();
        for process in entries("/proc".into()).filter(is_process) {
            for thread in entries(process.join("task")) {
                let own = ["cwd", "root", "exe"].map(|it| thread.join(it)).into_iter();
                let links =
                    own.chain(entries(thread.join("fd"))).chain(entries(process.join("map_files")));
                let on_it = links.filter(|it| fs::metadata(it).is_ok_and(|it| it.dev() == disk));
                users.extend(on_it.map(|it| {
                    let read =
                        |name: &str| fs::read_to_string(thread.join(name)).unwrap_or_default();
                    let command = read("cmdline").replace('\0', " ");
                    format!(
                        "{}: {:?}: {command}\n{}",
                        it.display(),
                        fs::read_link(&it),
                        read("cgroup")
                    )
                }));
            }
        }
        users
    }
}

impl Drop for SmallDisk {
    /// Nothing stays mounted behind a test that has failed.
    fn drop(&mut self) {
        let lazily =
            Command::new("umount").arg("--lazy").arg(&self.0).stderr(Stdio::null()).status();
        lazily.ok();
    }
}

struct Neighbour(Child);

impl Neighbour {
    fn is_alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A command that has ended in a group.
#[derive(Debug)]
struct Watched {
    ended: Ended,
    seconds: f64,
    /// Kills by the kernel meanwhile.
    kills: u64,
}

impl Deref for Watched {
    type Target = Ended;

    fn deref(&self) -> &Ended {
        &self.ended
    }
}

impl Watched {
    fn new(output: Output, time: Duration, kills: u64) -> Watched {
        Watched { ended: output.into(), seconds: time.as_secs_f64(), kills }
    }

    /// Strategy and outcome of every attempt.
    #[track_caller]
    fn attempts(&self) -> Vec<(String, String)> {
        let document = self.document();
        let word = |it: &Value| it.as_str().unwrap().to_owned();
        let attempts = document["attempts"].as_array().into_iter().flatten();
        attempts.map(|it| (word(&it["strategy"]), word(&it["outcome"]))).collect()
    }

    /// Built as the profile says, at the first attempt, without a kill by the kernel.
    #[track_caller]
    fn is_built_in_release(&self) -> &Watched {
        self.code(0);
        assert_eq!(self.attempts(), [("full".into(), "built".into())], "{self:#?}");
        assert_eq!(self.kills, 0, "{self:#?}");
        self
    }

    /// A number of the first attempt's record.
    #[track_caller]
    fn guard(&self, field: &str) -> u64 {
        let document = self.document();
        let value = &document["attempts"][0]["guard"][0][field];
        value.as_u64().unwrap_or_else(|| panic!("no {field}: {document:#}"))
    }
}

// ---- the situations ----

#[test]
fn with_plenty_of_memory_nothing_is_held_up_and_cargo_finds_it_built() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(3000) else { return };
    let fixture = Fixture::wide(4, appetite(60, 100, 100_000));
    let mut command = fixture.xtask(4);
    let builds = Builds::of(&fixture, &mut command);
    let ended = thread::scope(|scope| {
        let running = scope.spawn(|| group.run(&{ command }));
        until("the guard sees that all run at once", || builds.hold() > 200 << 20);
        fixture.write("go", "");
        running.join().unwrap()
    });
    ended.is_built_in_release();
    assert_eq!((ended.guard("n_suspensions"), ended.guard("n_evictions")), (0, 0));
    assert!(ended.guard("peak_bytes") > 200 << 20, "they did not run at once: {ended:#?}");
    // The controller and everything around it.
    assert!(ended.guard("xtask_own_bytes") < 20 << 20, "{ended:#?}");
    // Each warning once, as cargo gives it.
    assert_eq!(ended.stderr.matches("unused variable: `unused`").count(), 4, "{ended:#?}");

    let cargo = group.run(&fixture.cargo(4));
    assert!(!cargo.code(0).stderr.contains("Compiling"), "{cargo:#?}");
}

#[test]
fn where_one_compiler_fits_and_two_do_not_they_run_one_by_one() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(300) else { return };
    let fixture = Fixture::wide(2, appetite(150, 400, 200));
    fixture.is_killed_without_the_guard(&group, &mut fixture.cargo(4), 2);
    group.run(&fixture.xtask(4)).is_built_in_release();

    // The limit is the parent's, and what each compiler needs is known.
    fixture.clean(true);
    let nested = group.nested();
    let ended = nested.run(&fixture.xtask(4));
    ended.is_built_in_release();
    assert_eq!(ended.guard("n_evictions"), 0, "{ended:#?}");
}

#[test]
fn a_compiler_that_is_ended_for_room_starts_again_unseen() {
    let _turn = kernel_may_kill();
    // It is not known that each needs 240 MiB, so two are let in.
    let Some(group) = Group::new(400) else { return };
    let fixture = Fixture::wide(2, appetite(230, 1500, 200));
    let ended = group.run(&fixture.xtask(4));
    ended.is_built_in_release();
    assert!(ended.guard("n_evictions") >= 1, "{ended:#?}");
    ended.says("which starts again when there is room");
    assert_eq!(ended.guard("n_compilers"), 5, "a compiler that starts again is not another one");
    assert_eq!(ended.stderr.matches("unused variable: `unused`").count(), 2, "{ended:#?}");
    // Known now.
    fixture.clean(true);
    let ended = group.run(&fixture.xtask(4));
    ended.is_built_in_release();
    assert_eq!(ended.guard("n_evictions"), 0, "{ended:#?}");
}

#[test]
fn a_compiler_that_starts_again_reads_its_source_again() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(400) else { return };
    let fixture = Fixture::wide(2, appetite(1, 1, 1));
    // As autocfg asks whether the compiler takes something; this it must not take. Of an empty
    // source, the answer would be yes.
    let probe = r#"
use std::{env, fs, io::Write as _, path::Path, process::{Command, Stdio}};
fn main() {
    let out = env::var("OUT_DIR").unwrap();
    let release = Path::new(&out).ancestors().nth(3).unwrap();
    let eater = fs::read_dir(release.join("deps")).unwrap().map(|it| it.unwrap().path()).find(|it| {
        it.file_name().unwrap().to_str().unwrap().starts_with("libeater")
            && it.extension().is_some_and(|it| it == "so")
    });
    let eater = format!("eater={}", eater.unwrap().display());
    let mut rustc = Command::new(env::var("RUSTC_WRAPPER").unwrap());
    rustc.arg(env::var("RUSTC").unwrap());
    rustc.args(["--crate-name", "probe", "--crate-type", "lib", "--emit", "metadata", "-"]);
    rustc.args(["--edition", "2024", "--out-dir", &out, "--extern", &eater]);
    // Both probes hold memory at once, on a machine of any speed.
    rustc.current_dir(release).env("EATERS_MEET", "2");
    let mut rustc = rustc.stdin(Stdio::piped()).spawn().unwrap();
    let source = "eater::eat!(230, 230, 1500, 200); pub fn name() -> u8 { \"a\" }";
    rustc.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
    assert_eq!(rustc.wait().unwrap().code(), Some(1), "the probe passes");
}
"#;
    for name in ["w0", "w1"] {
        let manifest = fixture.path(&format!("{name}/Cargo.toml"));
        let text = fs::read_to_string(manifest).unwrap();
        let text = text + "[build-dependencies]\neater = { path = \"../eater\" }\n";
        fixture.write(&format!("{name}/Cargo.toml"), &text);
        fixture.write(&format!("{name}/build.rs"), probe);
    }
    let ended = group.run(&fixture.xtask(4));
    ended.is_built_in_release();
    assert!(ended.guard("n_evictions") >= 1, "no probe was ended: {ended:#?}");
}

#[test]
fn a_compiler_that_the_kernel_kills_starts_once_more() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(400) else { return };
    let fixture = Fixture::wide(2, appetite(230, 1500, 300));
    let xtask = group.around(&fixture.xtask(4)).spawn().unwrap();
    let signal = |name: &str| {
        let pid = xtask.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    };
    let names = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let is_compiler = |it: &String| !it.contains("xtask-gate") && it.contains("--crate-name\0w");
    let n_compilers = || group.processes().iter().map(names).filter(is_compiler).count();
    until("two compilers run", || n_compilers() == 2);
    // The guard looks away, and the kernel acts.
    signal("STOP");
    until("the kernel kills", || group.kills() > 0);
    signal("CONT");
    let output = xtask.wait_with_output().unwrap();
    let kills = group.kills();
    let ended = Watched::new(output, Duration::ZERO, kills);
    ended.code(0);
    assert_eq!(ended.attempts(), [("full".into(), "built".into())], "{ended:#?}");
    assert_eq!(ended.guard("n_kernel_kills"), kills, "{ended:#?}");
    group.is_empty_soon();
}

#[test]
fn light_crates_run_together_and_a_heavy_one_waits_for_room() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(420) else { return };
    let light = appetite(20, 50, 250);
    let names: Vec<String> = (0..8).map(|it| format!("l{it}")).collect();
    let mut crates: Vec<(&str, Appetite)> = names.iter().map(|it| (it.as_str(), light)).collect();
    crates.push(("heavy", appetite(260, 500, 200)));
    let fixture = Fixture::new(&crates);
    let ended = group.run(&fixture.xtask(4));
    ended.is_built_in_release();
    let record: Value =
        serde_json::from_str(&fs::read_to_string(fixture.path("target/xtask/build.json")).unwrap())
            .unwrap();
    let timeline = record["attempts"][0]["details"][0]["timeline"].as_array().unwrap();
    let most = timeline.iter().map(|it| it["n_running"].as_u64().unwrap()).max();
    assert!(most >= Some(2), "the light ones did not run together");
    let svg = fs::read_to_string(fixture.path("target/xtask/build.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("heavy"), "{svg}");
}

#[test]
fn a_neighbour_that_grows_meanwhile_is_not_harmed() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(420) else { return };
    let fixture = Fixture::wide(3, appetite(120, 500, 500));
    let mut neighbour = group.neighbour(200, 700, 700);
    let ended = group.run(&fixture.xtask(4));
    ended.is_built_in_release();
    assert!(neighbour.is_alive());
}

#[test]
fn a_neighbour_that_the_kernel_kills_makes_the_build_one_that_failed() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(300) else { return };
    // It builds until the neighbour is dead.
    let fixture = Fixture::wide(1, appetite(30, 100, 100_000));
    let (target, go) = (fixture.path("target/release"), fixture.path("go"));
    let (ended, mut neighbour) = thread::scope(|scope| {
        let neighbour = scope.spawn(|| {
            // It comes when the build runs, and outgrows the group by itself, whatever the build
            // does.
            let deadline = Instant::now() + PATIENCE;
            while !target.exists() {
                assert!(Instant::now() < deadline, "the build does not begin");
                thread::sleep(Duration::from_millis(5));
            }
            let mut neighbour = group.neighbour(400, 300, 700);
            // Ordinary programs are chosen before a build's, unless they are preferred as this one
            // is.
            let pid = neighbour.0.id();
            fs::write(format!("/proc/{pid}/oom_score_adj"), "1000").unwrap();
            while neighbour.is_alive() {
                assert!(Instant::now() < deadline, "the neighbour is not killed");
                thread::sleep(Duration::from_millis(5));
            }
            fs::write(&go, "").unwrap();
            neighbour
        });
        (group.run(&fixture.xtask(2)), neighbour.join().unwrap())
    });
    assert!(!neighbour.is_alive());
    assert!(ended.kills > 0);
    ended.code(7).says("another program has died of this build");
    assert_eq!(ended.attempts(), [("full".into(), "neighbour-killed".into())], "{ended:#?}");
    // Everything is built, so the same command has nothing to answer for.
    group.run(&fixture.xtask(2)).is_built_in_release();
}

#[test]
fn a_release_build_that_does_not_fit_becomes_a_debug_build() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(300) else { return };
    let hungry = Appetite { release_mib: 500, debug_mib: 10, ramp_ms: 1500, hold_ms: 100 };
    let fixture = Fixture::wide(1, hungry);
    let ended = group.run(&fixture.xtask(1));
    ended.code(0).says("does not fit, not even alone").says("next is option b");
    let expected = [("full", "out-of-memory"), ("b", "built")];
    assert_eq!(ended.attempts(), expected.map(|(a, b)| (a.to_owned(), b.to_owned())), "{ended:#?}");
    assert!(ended.kills <= 1, "{ended:#?}");
    let document = ended.document();
    let because = document["attempts"][0]["evidence"][0].as_str().unwrap();
    assert!(because.starts_with("the compiler of w0 held "), "{because}");
    let executable = document["executables"][0].as_str().unwrap();
    assert_eq!(Command::new(executable).output().unwrap().stdout, b"hello\n");
    group.is_empty_soon();
}

#[test]
fn a_link_that_does_not_fit_leads_to_the_next_rung() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(300) else { return };
    let fixture = Fixture::wide(1, appetite(10, 10, 10));
    let mut command = fixture.xtask(1);
    command.env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER", helper()).env("EAT_MIB", "500");
    let ended = group.run(&command);
    ended.code(0).says("next is option b");
    assert_eq!(ended.attempts().last().unwrap(), &("b".to_owned(), "built".to_owned()));
    assert!(ended.kills <= 1, "{ended:#?}");
}

#[test]
fn when_nothing_fits_it_gives_up_and_says_what_would_help() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(250) else { return };
    let fixture = Fixture::wide(1, appetite(500, 1500, 100));
    let mut command = fixture.xtask(4);
    command.arg("--yes");
    let ended = group.run(&command);
    ended
        .code(5)
        .says("no memory for any of the options tried")
        .says("or raise the container's limit");
    assert!(ended.attempts().len() <= 3, "{ended:#?}");
    assert!(ended.kills <= 1, "{ended:#?}");
    group.is_empty_soon();
}

#[test]
fn what_is_no_lack_of_memory_stops_at_once() {
    let _turn = kernel_does_not_kill();
    let Some(group) = Group::new(400) else { return };
    let stops = |fixture: &Fixture, code: i32, outcome: &str, text: &str| {
        // Plain cargo beside it: the same words, and 101 for all of them.
        group.run(&fixture.cargo(2)).code(101).says(text);
        let ended = group.run(&fixture.xtask(2));
        ended.code(code).says(text);
        assert_eq!(ended.attempts(), [("full".to_owned(), outcome.to_owned())], "{ended:#?}");
        assert!(!ended.stderr.contains("does not fit") && !ended.stderr.contains("next is option"));
        ended
    };
    let fixture = Fixture::wide(1, appetite(10, 10, 10));
    fixture.write("w0/src/lib.rs", "pub fn name() -> u8 { \"a\" }\n");
    stops(&fixture, 101, "compile-error", "error[E0308]: mismatched types");

    // A compiler that another process ends with SIGKILL, as cargo shows it.
    let fixture = Fixture::wide(1, appetite(10, 10, 10));
    fixture.write("w0/src/lib.rs", "eater::die!();\n");
    stops(&fixture, 6, "killed", "(signal: 9, SIGKILL: kill)");

    // A linker that does not work.
    let fixture = Fixture::wide(1, appetite(10, 10, 10));
    let with_a_broken_linker = |mut command: Command| {
        command.env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER", "false");
        let ended = group.run(&command);
        ended.code(101).says("linking with `false` failed");
        ended
    };
    with_a_broken_linker(fixture.cargo(2));
    let ended = with_a_broken_linker(fixture.xtask(2));
    assert_eq!(ended.attempts(), [("full".to_owned(), "cargo-failed".to_owned())], "{ended:#?}");

    // A disk that is full.
    let fixture = Fixture::wide(2, appetite(10, 10, 10));
    let Some(disk) = SmallDisk::new(fixture.path("target")) else { return };
    fs::write(disk.0.join("filler"), vec![0; 700 << 10]).unwrap();
    let ended = group.run(&fixture.xtask(2));
    let left = group.processes();
    let plain = group.run(&fixture.cargo(2));
    disk.unmount();
    assert_eq!(left, [0; 0], "xtask has ended before all that it had started");
    plain.code(101);
    ended.code(101).says("the disk is full");
    assert_eq!(ended.attempts(), [("full".to_owned(), "disk-full".to_owned())], "{ended:#?}");
}

#[test]
fn nothing_is_left_when_xtask_is_ended_in_the_middle() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(500) else { return };
    let is_rustc = |pid: u32| {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        name.trim() == "rustc"
    };
    for signal in ["KILL", "TERM", "INT", "HUP"] {
        if signal == "HUP" && ignores_hangup() {
            continue;
        }
        let fixture = Fixture::wide(3, appetite(60, 100, 60_000));
        let mut command = group.around(&fixture.xtask(3));
        let mut xtask = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + PATIENCE;
        // One of the crates that take a minute.
        let rustc = loop {
            let deps = fs::read_dir(fixture.path("target/release/deps"));
            let has_begun = deps.into_iter().flatten().flatten().any(|it| {
                let name = it.file_name();
                name.to_string_lossy().starts_with("libeater")
            });
            let rustc = group.processes().into_iter().find(|it| is_rustc(*it));
            if let Some(rustc) = rustc.filter(|_| has_begun) {
                break rustc.to_string();
            }
            assert!(Instant::now() < deadline, "no compiler was started");
            thread::sleep(Duration::from_millis(20));
        };
        // It stands still, as if the guard had stopped it (unless it was the first, on its way
        // out).
        Command::new("kill").args(["-s", "STOP", &rustc]).status().unwrap();
        let pid = xtask.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        let status = xtask.wait().unwrap();
        if signal != "KILL" {
            assert_eq!(group.processes(), [0; 0], "{signal}: xtask ended first");
        }
        group.is_empty_soon();
        assert_eq!(status.code(), if signal == "KILL" { None } else { Some(130) }, "{signal}");
    }
}

#[test]
fn a_wrapper_that_is_set_up_already_is_kept() {
    let fixture = Fixture::wide(1, appetite(1, 1, 1));
    fixture.write("wrapper", "#!/bin/sh\necho \"$*\" >> \"$WRAPPER_LOG\"\nexec \"$@\"\n");
    let wrapper = fixture.path("wrapper");
    let sh = Shell::new().unwrap();
    cmd!(sh, "chmod +x {wrapper}").quiet().run().unwrap();
    let log = fixture.path("log");
    let mut command = fixture.xtask(2);
    command.env("WRAPPER_LOG", &log).env("RUSTC_WRAPPER", &wrapper);
    let began = Instant::now();
    Watched::new(command.output().unwrap(), began.elapsed(), 0).is_built_in_release();
    assert!(fs::read_to_string(&log).unwrap().contains("--crate-name w0"));

    // In cargo's configuration, with a path from there.
    fixture.clean(false);
    fs::remove_file(&log).unwrap();
    fixture.write(".cargo/config.toml", "[build]\nrustc-wrapper = \"./wrapper\"\n");
    let mut command = fixture.xtask(2);
    command.env("WRAPPER_LOG", &log);
    Watched::new(command.output().unwrap(), began.elapsed(), 0).is_built_in_release();
    assert!(fs::read_to_string(&log).unwrap().contains("--crate-name w0"));
}

/// `xtask exec` around a command of cargo in this workspace.
fn exec(fixture: &Fixture, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["exec", "--", env!("CARGO")]).args(args);
    fixture.isolate(&mut command, 4);
    command
}

#[test]
fn a_wrapper_is_found_wherever_it_is_set_up_and_build_scripts_know_it_by_its_name() {
    let fixture = Fixture::wide(1, appetite(1, 1, 1));
    let wrapper = fixture.path("bin/sccache");
    fixture.write("bin/sccache", "#!/bin/sh\necho \"$*\" >> \"$WRAPPER_LOG\"\nexec \"$@\"\n");
    let sh = Shell::new().unwrap();
    cmd!(sh, "chmod +x {wrapper}").quiet().run().unwrap();
    // As the crate `cc` does.
    let script = r#"
fn main() {
    let wrapper = std::path::PathBuf::from(std::env::var("RUSTC_WRAPPER").unwrap());
    assert_eq!(wrapper.file_stem().unwrap(), "sccache");
    std::fs::write("../a.c", "int a;").unwrap();
    let out = std::env::var("OUT_DIR").unwrap();
    let mut cc = std::process::Command::new(wrapper);
    cc.args(["cc", "-c", "../a.c", "-o"]).arg(out + "/a.o");
    assert!(cc.status().unwrap().success());
}
"#;
    fixture.write("w0/build.rs", script);
    let log = fixture.path("log");
    let config = format!("build.rustc-wrapper={wrapper:?}");
    for args in [&["--config", &config, "build"][..], &["build", "--config", &config]] {
        fixture.clean(false);
        let mut command = exec(&fixture, args);
        command.env("WRAPPER_LOG", &log);
        Ended::from(command.output().unwrap()).code(0);
        let said = fs::read_to_string(&log).unwrap();
        assert!(said.contains("--crate-name w0") && said.contains("cc -c ../a.c"), "{said}");
        fs::remove_file(&log).unwrap();
    }
    // One that is made for rustc only does not come before a C compiler.
    let other = fixture.path("bin/other");
    cmd!(sh, "mv {wrapper} {other}").quiet().run().unwrap();
    fixture.write("w0/build.rs", &script.replace("\"sccache\"", "\"cachepot\""));
    let mut command = exec(&fixture, &["build"]);
    command.env("WRAPPER_LOG", &log).env("RUSTC_WRAPPER", &other);
    Ended::from(command.output().unwrap()).code(0);
    let said = fs::read_to_string(&log).unwrap();
    assert!(said.contains("--crate-name w0") && !said.contains("cc -c"), "{said}");
}

/// A build script with this in its `main`. Called with the word, it is a compiler itself, which
/// takes 120 MiB.
fn script_that_compiles(word: &str, main: &str) -> String {
    let compiler = r#"
use std::{env, fs, path::Path, process::Command, thread::sleep, time::Duration};
fn main() {
    if env::args().any(|it| it == "WORD") {
        let mut blocks = Vec::new();
        for _ in 0..120 {
            blocks.push(vec![1_u8; 1 << 20]);
            sleep(Duration::from_millis(5));
        }
        sleep(Duration::from_millis(300));
        return;
    }
"#;
    format!("{}{main}}}\n", compiler.replace("WORD", word))
}

#[test]
fn c_compilers_of_build_scripts_are_held_back() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(420) else { return };
    let fixture = Fixture::wide(1, appetite(1, 1, 1));
    // The script itself is the compiler that it starts six times at once, as `cc` with `parallel`.
    let script = script_that_compiles(
        "-c",
        r#"
    let gcc = Path::new(&env::var("OUT_DIR").unwrap()).join("gcc");
    fs::copy(env::current_exe().unwrap(), &gcc).unwrap();
    let start = |it: u32| {
        let mut command = match env::var_os("RUSTC_WRAPPER") {
            Some(wrapper) => Command::new(wrapper),
            None => Command::new("env"),
        };
        command.arg(&gcc).args(["-c", &format!("{it}.c")]).spawn().unwrap()
    };
    let started: Vec<_> = (0..6).map(start).collect();
    for mut it in started {
        assert!(it.wait().unwrap().success());
    }
"#,
    );
    fixture.write("w0/build.rs", &script);
    fixture.is_killed_without_the_guard(&group, &mut fixture.cargo(4), 1);
    group.run(&fixture.xtask(4)).is_built_in_release();
}

#[test]
fn compilers_that_make_starts_take_turns() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(420) else { return };
    if Command::new("make").arg("--version").output().is_err() {
        return skipped("no make");
    }
    let fixture = Fixture::wide(1, appetite(1, 1, 1));
    // The script itself is the compiler, which make starts six times at once.
    let script = script_that_compiles(
        "compile",
        r#"
    let out = env::var("OUT_DIR").unwrap();
    fs::copy(env::current_exe().unwrap(), Path::new(&out).join("cc1")).unwrap();
    let makefile = "all: a b c d e f\na b c d e f:\n\t./cc1 compile $@\n";
    fs::write(Path::new(&out).join("Makefile"), makefile).unwrap();
    let mut make = Command::new("make");
    make.args(["-j6", "-C", &out]).env_remove("MAKEFLAGS");
    assert!(make.status().unwrap().success());
"#,
    );
    fixture.write("w0/build.rs", &script);
    fixture.is_killed_without_the_guard(&group, &mut fixture.cargo(4), 1);
    let ended = group.run(&fixture.xtask(4));
    assert!(ended.is_built_in_release().guard("n_suspensions") >= 1, "{ended:#?}");
    let ledger = fs::read_to_string(fixture.path("target/xtask/ledger.json")).unwrap();
    assert!(ledger.contains("\"crate_name\": \"C compiler\""), "{ledger}");
    group.is_empty_soon();
}

#[test]
fn after_a_kill_that_hit_no_compiler_one_job_in_release_comes_first() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(300) else { return };
    let fixture = Fixture::wide(1, appetite(1, 1, 1));
    // It takes what it may, by itself.
    let script = r#"
fn main() {
    let jobs: usize = std::env::var("NUM_JOBS").unwrap().parse().unwrap();
    let blocks: Vec<Vec<u8>> = (0..jobs * 120).map(|_| vec![1; 1 << 20]).collect();
    std::hint::black_box(&blocks);
}
"#;
    fixture.write("w0/build.rs", script);
    let ended = group.run(&fixture.xtask(4));
    ended.code(0).says("next is option a");
    let expected = [("full", "out-of-memory"), ("a", "built")];
    assert_eq!(ended.attempts(), expected.map(|(a, b)| (a.to_owned(), b.to_owned())), "{ended:#?}");
}

#[test]
fn documentation_is_held_back_and_doctests_are_as_many_as_fit() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(420) else { return };
    let fixture = Fixture::wide(2, appetite(230, 800, 100));
    let doctest =
        "//! ```\n//! assert_eq!(std::env::var(\"RUST_TEST_THREADS\").unwrap(), \"1\");\n//! ```\n";
    fixture.write("src/lib.rs", doctest);
    let mut plain = Command::new(env!("CARGO"));
    plain.args(["doc", "-j4"]);
    fixture.isolate(&mut plain, 4);
    fixture.is_killed_without_the_guard(&group, &mut plain, 2);
    let ended = group.run(&exec(&fixture, &["doc"]));
    ended.code(0);
    assert_eq!(ended.kills, 0, "{ended:#?}");
    let ended = group.run(&exec(&fixture, &["test", "--doc"]));
    ended.code(0);
    assert!(ended.stdout.contains("1 passed"), "{ended:#?}");
}

#[test]
fn tests_take_turns_where_they_are_held_back_too() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(420) else { return };
    let fixture = Fixture::wide(1, appetite(1, 1, 1));
    // As nextest does: each test is a process, started by the runner.
    let script = r#"
runner=$(env | sed -n 's/^CARGO_TARGET_.*_RUNNER=//p')
for i in 1 2 3 4 5; do $runner "$0" eat 150 600 300 & all="$all $!"; done
for it in $all; do wait $it || exit 9; done
"#;
    let exec = |options: &[&str], command: &[&str]| {
        let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
        xtask.arg("exec").args(options).arg("--").args(command);
        fixture.isolate(&mut xtask, 4);
        xtask
    };
    let at_once = ["sh", "-c", script, helper().to_str().unwrap()];
    let ended = group.run(&exec(&[], &at_once));
    assert!(ended.kills > 0, "all fit at once: {ended:#?}");
    let ended = group.run(&exec(&["--run-too"], &at_once));
    assert_eq!((ended.code(0).code, ended.kills), (Some(0), 0), "{ended:#?}");
    group.is_empty_soon();

    // What they say and read is theirs, and so is how they end. What a test compiles is not held
    // back: it would wait for the test.
    let test = "#[test] fn t() {
        assert!(std::env::var_os(\"XTASK_GUARD_SOCKET\").is_none());
        println!(\"{} of it\", std::io::stdin().lines().count());
        std::process::exit(std::env::var(\"CODE\").unwrap().parse().unwrap());
    }";
    fixture.write("tests/t.rs", test);
    let cargo = [env!("CARGO"), "test", "--test", "t", "--", "--nocapture"];
    let run = |code: &str| {
        let mut command = exec(&["--run-too"], &cargo);
        command.env("CODE", code);
        Ended::from(group.around(&command).output().unwrap())
    };
    assert!(run("0").code(0).stdout.contains("0 of it"), "{:#?}", run("0"));
    run("17").code(17).says("exit status: 17");
    let ledger = fs::read_to_string(fixture.path("target/xtask/ledger.json")).unwrap();
    assert!(ledger.contains("\"kind\": \"run\""), "{ledger}");
    // Where a runner is set up already, it stays.
    let host = cmd!(fixture.sh, "rustc --print host-tuple").quiet().read().unwrap();
    fixture.write(".cargo/config.toml", &format!("[target.{host}]\nrunner = \"env\"\n"));
    run("0").code(101).says(&format!("not held back: target.{host}.runner starts them"));
}

#[test]
fn another_workspace_is_built_within_its_budget() {
    let fixture = Fixture::wide(3, appetite(150, 500, 300));
    // Nor is it told what this project takes.
    let mut plan = Command::new(env!("CARGO_BIN_EXE_xtask"));
    plan.arg("plan");
    fixture.isolate(&mut plan, 4);
    let ended = Ended::from(plan.output().unwrap());
    assert!(!ended.code(0).stdout.contains("8-15 h") && !ended.stdout.contains("GB"), "{ended:#?}");
    let mut command = fixture.xtask(4);
    command.env("HEADROOM_BUDGET", "350M").args(["--jobs", "3", "--keep-going"]);
    let ended = Watched::new(command.output().unwrap(), Duration::ZERO, 0);
    ended.is_built_in_release();
    assert!(ended.guard("peak_bytes") < 350 << 20, "{ended:#?}");
    assert!(ended.guard("room_bytes") == 350 << 20, "{ended:#?}");
    let document = ended.document();
    let command = document["attempts"][0]["commands"][0].as_str().unwrap();
    assert!(
        command.contains("CARGO_BUILD_JOBS=3") && command.contains("--keep-going"),
        "{command}"
    );
}

#[test]
fn a_crate_from_a_registry_is_known_in_every_workspace() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(400) else { return };
    let cache = Shell::new().unwrap().create_temp_dir().unwrap();
    let ledger = cache.path().join("cargo-headroom/ledger.json");
    let n_evictions = || {
        // Two let in are one too many, which is not known of a crate of a new workspace.
        let fixture = Fixture::wide(2, appetite(230, 1200, 200));
        let replace = |file: &str, from: &str, to: &str| {
            let text = fs::read_to_string(fixture.path(file)).unwrap();
            fixture.write(file, &text.replace(from, to));
        };
        fs::create_dir_all(fixture.path("registry/src")).unwrap();
        for name in ["w0", "w1"] {
            replace(&format!("{name}/Cargo.toml"), "../eater", "../../../eater");
            fs::rename(fixture.path(name), fixture.path(&format!("registry/src/{name}"))).unwrap();
            replace("Cargo.toml", &format!("\"{name}\""), &format!("\"registry/src/{name}\""));
        }
        let mut command = fixture.xtask(4);
        command.env("XDG_CACHE_HOME", cache.path());
        let ended = group.run(&command);
        ended.is_built_in_release();
        ended.guard("n_evictions")
    };
    // A file that says nothing costs nothing but what is in it.
    fs::create_dir(ledger.parent().unwrap()).unwrap();
    fs::write(&ledger, "{").unwrap();
    assert!(n_evictions() >= 1);
    let text = fs::read_to_string(&ledger).unwrap();
    assert!(text.contains("w1") && !text.contains("eater"), "{text}");
    assert_eq!(n_evictions(), 0);
}

#[test]
fn plain_cargo_is_held_back_by_a_gate_in_its_configuration() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(300) else { return };
    let gates = Shell::new().unwrap().create_temp_dir().unwrap();
    let gate = gates.path().join("xtask-gate-always/cachepot");
    fs::create_dir(gate.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_xtask"), &gate).unwrap();
    let config = format!("[build]\nrustc-wrapper = {gate:?}\n");
    let fixtures = [(); 2].map(|()| Fixture::wide(2, appetite(150, 500, 200)));
    fixtures.iter().for_each(|it| it.write(".cargo/config.toml", &config));
    // Two builds at once, each of which is two compilers too many for the other.
    let commands = fixtures.each_ref().map(|it| it.cargo(2));
    thread::scope(|scope| {
        let group = &group;
        let running = commands.map(|it| scope.spawn(move || group.run(&it)));
        for it in running.map(|it| it.join().unwrap()) {
            assert_eq!((it.code(0).code, it.kills), (Some(0), 0), "{it:#?}");
        }
    });
    // Under a guard the gate is that of the guard.
    let [fixture, _] = fixtures;
    fixture.clean(false);
    let ended = group.run(&fixture.xtask(4));
    assert_eq!(ended.is_built_in_release().guard("n_compilers"), 5, "{ended:#?}");
    // One that does not fit.
    let fixture = Fixture::wide(1, appetite(500, 2500, 100));
    fixture.write(".cargo/config.toml", &config);
    let ended = group.run(&fixture.cargo(1));
    ended.code(101).says("out of memory: the compiler of w0 does not fit, not even alone");
    group.is_empty_soon();
}

// ---- several builds at once ----

/// All of them at the same time, each from its own workspace.
fn at_once(group: &Group, fixtures: &[Fixture]) -> Vec<Watched> {
    thread::scope(|scope| {
        let commands = fixtures.iter().map(|it| it.xtask(2));
        let running: Vec<_> =
            commands.map(|command| scope.spawn(move || group.run(&command))).collect();
        running.into_iter().map(|it| it.join().unwrap()).collect()
    })
}

#[test]
fn builds_at_the_same_time_take_turns() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(450) else { return };
    // They grow slowly enough for guards that share their processors with other work.
    let fixtures = [(); 3].map(|()| Fixture::wide(1, appetite(300, 2400, 400)));
    for ended in at_once(&group, &fixtures) {
        ended.is_built_in_release();
    }
    // What each needs is known now.
    fixtures[..2].iter().for_each(|it| it.clean(true));
    for ended in at_once(&group, &fixtures[..2]) {
        ended.is_built_in_release();
    }
}

#[test]
fn a_build_that_begins_while_another_holds_the_memory_waits_for_it() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(450) else { return };
    let first = Fixture::wide(1, appetite(300, 800, 100_000));
    let second = Fixture::wide(1, appetite(300, 800, 100));
    group.run(&second.xtask(2)).is_built_in_release();
    second.clean(true);
    thread::scope(|scope| {
        let command = first.xtask(2);
        let holds = scope.spawn(|| group.run(&{ command }));
        until("the first build grows", || group.usage() > 300 << 20);
        let said = second.path("said");
        let mut command = group.around(&second.xtask(2));
        let waits = command.stderr(fs::File::create(&said).unwrap()).spawn().unwrap();
        let told = || fs::read_to_string(&said).unwrap();
        until("it waits", || told().contains("another build holds memory (process "));
        first.write("go", "");
        let ended = Watched::new(waits.wait_with_output().unwrap(), Duration::ZERO, 0);
        ended.is_built_in_release();
        holds.join().unwrap().is_built_in_release();
    });
}

// ---- what is not the guard's ----

/// Folders of others whose names remind of the guard's, with a file in each.
fn strangers(below: &Path) -> Vec<PathBuf> {
    let names =
        ["lifeguard-2024", "my-guard-1999-photos", "guard-4194999-0", "xtask-guard-4194999-0"];
    let folders = names.map(|it| below.join(it));
    for it in &folders {
        fs::create_dir_all(it).unwrap();
        fs::write(it.join("photo"), "of last summer").unwrap();
    }
    folders.into()
}

#[track_caller]
fn are_untouched(strangers: &[PathBuf]) {
    for it in strangers {
        assert_eq!(
            fs::read_to_string(it.join("photo")).ok().as_deref(),
            Some("of last summer"),
            "{}",
            it.display()
        );
    }
}

#[test]
fn nothing_that_others_have_made_is_removed() {
    let fixture = Fixture::new(&[]);
    // Outside any workspace, with folders beside where the gate is made.
    let (temp, outside) = (fixture.path("temp"), fixture.sh.create_temp_dir().unwrap());
    let beside = strangers(&temp);
    let exec = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(["exec", "--"]).args(words);
        fixture.isolate(&mut command, 1);
        command.current_dir(outside.path()).env("TMPDIR", &temp).env_remove("XDG_RUNTIME_DIR");
        command.env_remove("CARGO_TARGET_DIR");
        command
    };
    let names = || {
        let names = fs::read_dir(&temp).unwrap().map(|it| it.unwrap().file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    };
    let before = names();
    let gate = exec(&["sh", "-c", "test -x \"$RUSTC_WRAPPER\" && echo $RUSTC_WRAPPER"]);
    let ended = Ended::from({ gate }.output().unwrap());
    let gate = PathBuf::from(ended.code(0).stdout.trim());
    assert!(gate.starts_with(&temp), "{ended:#?}");
    are_untouched(&beside);
    assert_eq!(names(), before, "the gate is still there");

    // Killed, it leaves nothing either.
    let mut command = exec(&["sh", "-c", "echo $RUSTC_WRAPPER > \"$TMPDIR/../gate\"; sleep 300"]);
    let mut xtask = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the command runs", || {
        fs::read_to_string(fixture.path("gate")).is_ok_and(|it| it.ends_with('\n'))
    });
    assert!(names().len() > before.len());
    xtask.kill().unwrap();
    xtask.wait().unwrap();
    until("the gate is removed", || names() == before);
    are_untouched(&beside);

    // In a workspace, at a path of any length.
    let deep = fixture.path(&"a-folder-with-a-rather-long-name/".repeat(5));
    let beside = strangers(&deep.join("xtask"));
    for target in [fixture.path("target"), deep] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(["exec", "--", "true"]);
        fixture.isolate(&mut command, 1);
        command.env("CARGO_TARGET_DIR", &target);
        Ended::from(command.output().unwrap()).code(0);
        assert!(target.join("xtask/xtask-gates").read_dir().unwrap().count() > 0);
    }
    are_untouched(&beside);
}

#[test]
fn a_compiler_that_cannot_reach_the_guard_is_told_of() {
    let sandbox = ["unshare", "--net"];
    if !Command::new(sandbox[0])
        .args([sandbox[1], "true"])
        .output()
        .is_ok_and(|it| it.status.success())
    {
        skipped("no network namespace can be made (needs root)");
        return;
    }
    let fixture = Fixture::wide(1, appetite(1, 1, 1));
    let exec = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(["exec", "--"]).args(words);
        command.args([env!("CARGO"), "build", "--offline", "--example", "demo"]);
        fixture.isolate(&mut command, 1);
        command
    };
    let ended = |mut command: Command| Ended::from(command.output().unwrap());
    let notes = || {
        let files = fs::read_dir(fixture.path("target/xtask")).into_iter().flatten();
        let files = files.map(|it| it.unwrap().path());
        let is_note = |it: &PathBuf| it.file_name().unwrap().to_string_lossy().contains("unguard");
        files.filter(is_note).collect::<Vec<_>>()
    };
    // Killed in the middle, it leaves the note in which its compilers have written this.
    let mut command = exec(&[sandbox[0], sandbox[1], "sh", "-c", "\"$@\"; sleep 300", "sh"]);
    let mut xtask = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while !notes().iter().any(|it| fs::metadata(it).is_ok_and(|it| it.len() > 0)) {
        assert!(Instant::now() < deadline, "no compiler has said that it has no guard");
        thread::sleep(Duration::from_millis(5));
    }
    // What is in use is not removed, and has no other name than its own.
    let note = notes();
    ended(exec(&["true"])).code(0);
    assert_eq!(notes(), note);
    xtask.kill().unwrap();
    xtask.wait().unwrap();
    assert_eq!(notes(), note);
    // The next start removes it, and none that others have made.
    let strangers = ["unguarded", "unguarded.4711.tmp", "villages.unguarded"];
    let strangers = strangers.map(|it| fixture.path("target/xtask").join(it));
    for it in &strangers {
        fs::write(it, "a stranger's").unwrap();
    }
    ended(exec(&["true"])).code(0);
    assert!(!note[0].exists());
    for it in &strangers {
        fs::remove_file(it).unwrap();
    }
    assert!(notes().is_empty(), "{:?}", notes());

    fs::remove_dir_all(fixture.path("target/debug")).unwrap();
    let told = ended(exec(&sandbox));
    told.code(0).says("eater was compiled without the guard").says("(and 3 more)");
    // It is told once, and not by cargo in every later build.
    let told = ended(exec(&[]));
    assert!(!told.code(0).stderr.contains("without the guard"), "{told:#?}");
    assert!(notes().is_empty(), "{:?}", notes());
}

// ---- what a command leaves ----

/// Each leaves a process that writes its PID to `pids`.
const LEAVERS: [&str; 4] = [
    "sleep 301 & echo $! >> pids",
    "setsid sh -c 'echo $$ >> pids; exec sleep 302' &",
    // Its parent is gone, and it has a child.
    "(setsid sh -c 'echo $$ >> pids; sleep 303; true' &) &",
    "env -i setsid sh -c 'echo $$ >> pids; exec sleep 304' &",
];
/// So does this one, which is deaf to SIGTERM and stands still. It has to be waited for.
const DEAF: &str =
    "setsid sh -c 'trap \"\" TERM; echo $$ >> pids; kill -STOP $$; while :; do sleep 1; done' &";

/// Those of the processes in `pids` that are still there, with what they run.
fn alive(pids: &Path) -> Vec<String> {
    let text = fs::read_to_string(pids).unwrap_or_default();
    let runs = |pid: &&str| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !matches!(stat.rsplit_once(") ").map_or("Z", |it| &it.1[..1]), "Z" | "X")
    };
    let shown = |pid: &str| {
        let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        format!("{pid} {}", command.replace('\0', " "))
    };
    text.lines().filter(runs).map(shown).collect()
}

#[test]
fn nothing_that_a_command_has_started_is_left_after_any_end() {
    let fixture = Fixture::new(&[]);
    let pids = fixture.path("pids");
    // Of the same user and session, and none of the command's.
    let mut stranger = Neighbour(Command::new("sleep").arg("301").spawn().unwrap());
    let exec = |script: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(["exec", "--", "sh", "-c", script]);
        fixture.isolate(&mut command, 1);
        command
    };
    let leave = |leavers: &[&str]| {
        let all = "while test $(cat pids 2>/dev/null | wc -l) -lt";
        format!("{}\n{all} {}; do sleep 0.01; done", leavers.join("\n"), leavers.len())
    };
    let all = [&LEAVERS[..], &[DEAF]].concat();
    // A kill by the kernel at this moment would be taken for the cause of the third.
    let turn = kernel_does_not_kill();
    for (end, code, leavers) in
        [("exit 0", 0, &all[..]), ("exit 3", 3, &LEAVERS), ("kill -9 $$", 128 + 9, &LEAVERS)]
    {
        fs::remove_file(&pids).ok();
        // Its pipes close, or this would not return.
        let ended = Ended::from(exec(&format!("{}\n{end}", leave(leavers))).output().unwrap());
        assert_eq!(alive(&pids), [""; 0], "{end}: {ended:#?}");
        ended.code(code);
        assert_eq!(ended.stderr.contains("beforehand"), code == 0, "{ended:#?}");
    }
    drop(turn);
    for (signal, leavers) in [("KILL", &all[..]), ("TERM", &LEAVERS), ("INT", &LEAVERS)] {
        let n = leavers.len();
        fs::remove_file(&pids).ok();
        let mut command = exec(&format!("{}\necho $$ >> pids; sleep 305", leave(leavers)));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut xtask = command.spawn().unwrap();
        until("all run", || fs::read_to_string(&pids).is_ok_and(|it| it.lines().count() == n + 1));
        assert_eq!(alive(&pids).len(), n + 1);
        let pid = xtask.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        let status = xtask.wait().unwrap();
        if signal == "KILL" {
            until("they end", || alive(&pids).is_empty());
        } else {
            assert_eq!(alive(&pids), [""; 0], "{signal}");
            assert_eq!(status.code(), Some(130), "{signal}");
        }
    }
    assert!(stranger.is_alive());
}

#[test]
fn what_a_command_still_has_to_say_is_heard() {
    let fixture = Fixture::new(&[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    // As a shell does not wait for `>(tee log)`.
    command.args(["exec", "--", "sh", "-c", "(sleep 0.05; echo late; echo later >&2) & exit 0"]);
    fixture.isolate(&mut command, 1);
    let ended = Ended::from(command.output().unwrap());
    assert_eq!(ended.code(0).says("later").stdout, "late\n");
    assert!(!ended.stderr.contains("beforehand"), "{ended:#?}");
}

#[test]
fn a_group_that_is_made_for_a_command_is_removed_with_it() {
    let fixture = Fixture::new(&[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["exec", "--", "sh", "-c", "cat /proc/self/cgroup; setsid sleep 301 &"]);
    fixture.isolate(&mut command, 1);
    let ended = Ended::from(command.output().unwrap());
    let group = ended.code(0).stdout.lines().find_map(|it| it.strip_prefix("0::"));
    let Some(group) = group.filter(|it| it.contains("/xtask-")) else {
        skipped("no cgroup v2 that can be written");
        return;
    };
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mount = mounts.lines().find(|it| it.contains(" - cgroup2 ")).unwrap();
    let folder = format!("{}{group}", mount.split(' ').nth(4).unwrap());
    assert!(!Path::new(&folder).exists(), "{folder}");
}

// ---- the run ----

/// Stands in for the study: each worker takes 70 MiB; a row for each start, and the last when it
/// has finished.
const STUDY: &str = r#"
use std::{env, fs::{self, OpenOptions}, io::Write, thread::sleep, time::Duration};
unsafe extern "C" {
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
    fn _exit(code: i32) -> !;
}
extern "C" fn stop(_: i32) { unsafe { _exit(130) } }
fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.iter().any(|it| it == "--help") { return; }
    unsafe { signal(2, stop) };
    let value = |name| args.iter().position(|it| it == name).map(|it| args[it + 1].clone());
    let folder = format!("{}/{}", value("--runs").unwrap(), value("--run").unwrap());
    fs::create_dir_all(&folder).unwrap();
    let jobs: usize = value("--workers").map_or(2, |it| it.parse().unwrap());
    let csv = format!("{folder}/results.csv");
    let new = !fs::exists(&csv).unwrap();
    if args.iter().any(|it| it == "--prepare") {
        let rows = fs::read_to_string(&csv).map_or(0, |it| it.lines().count() - 1);
        let results = format!(
            "{{\"folder\":{folder:?},\"csv\":{csv:?},\"summary\":\"{folder}/s\",\"rows_done\":{rows}}}"
        );
        let workers = "{\"asked\":null,\"worker_bytes\":50331648,\"shared_bytes\":33554432}";
        println!(
            "{{\"event\":\"prepared\",\"schema\":\"phi-validation/events\",\"version\":1,\"program\":\"0\",\
             \"task\":{{\"kind\":\"study\",\"results\":{results},\"workers\":{workers}}},\"elapsed_ms\":0}}"
        );
        return;
    }
    let mut rows = OpenOptions::new().create(true).append(true).open(csv).unwrap();
    if new { rows.write_all(b"jobs\n").unwrap(); }
    writeln!(rows, "{jobs}").unwrap();
    let mut blocks = Vec::new();
    for _ in 0..70 * jobs {
        blocks.push(vec![1_u8; 1 << 20]);
        sleep(Duration::from_millis(20));
    }
    // Two are too many: it waits to be told so.
    sleep(if jobs > 1 { Duration::from_secs(240) } else { Duration::from_millis(300) });
    println!("finished with {jobs} and {} blocks", blocks.len());
}
"#;

#[test]
fn a_run_that_memory_is_short_for_goes_on_with_fewer_workers() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(170) else { return };
    let fixture = Fixture::new(&[]);
    let manifest = "[package]\nname = \"phi-validation\"\nversion = \"0.1.0\"\n\
        edition = \"2024\"\n\n[workspace]\n\n\
        [features]\npyphi = []\n";
    fixture.write("Cargo.toml", manifest);
    fixture.write("examples/pyphi_validation.rs", STUDY);
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["validate", "--yes", "--format", "json"]);
    fixture.isolate(&mut command, 1);
    let ended = group.run(&command);
    ended.code(0).says("memory is short: it goes on with 1 worker").says("finished with 1");
    assert_eq!(ended.kills, 0, "{ended:#?}");
    let run = &ended.document()["run"];
    assert_eq!((&run["n_restarts"], &run["workers"]), (&1.into(), &1.into()), "{run:#}");
    assert!(run["peak_bytes"].as_u64() > Some(70 << 20), "{run:#}");
    let rows = fs::read_to_string(fixture.path("runs/validation/results.csv")).unwrap();
    assert_eq!(rows.lines().last(), Some("1"), "{rows}");
    group.is_empty_soon();
}

// ---- the table ----

/// One situation of the table.
struct Situation {
    name: &'static str,
    fixture: Fixture,
    limit_mib: u64,
    jobs: u32,
    /// The arguments of `Group::neighbour`.
    neighbour: Option<(u32, u32, u32)>,
    eating_linker_mib: Option<u32>,
    /// Set the limit on the parent group.
    nested: bool,
}

impl Situation {
    fn new(name: &'static str, fixture: Fixture, limit_mib: u64, jobs: u32) -> Situation {
        Situation {
            name,
            fixture,
            limit_mib,
            jobs,
            neighbour: None,
            eating_linker_mib: None,
            nested: false,
        }
    }

    /// Runs the command from an empty target folder. The second value is `true` if the neighbour
    /// survived as well.
    fn run(&self, mut command: Command) -> (Watched, bool) {
        let group = Group::new(self.limit_mib).expect("groups can be made: that was tried");
        if let Some(mib) = self.eating_linker_mib {
            command.env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER", helper());
            command.env("EAT_MIB", mib.to_string());
        }
        let mut neighbour =
            self.neighbour.map(|(mib, delay, ramp)| group.neighbour(mib, delay, ramp));
        let nested = self.nested.then(|| group.nested());
        let ended = nested.as_ref().unwrap_or(&group).run(&command);
        let survived = neighbour.as_mut().is_none_or(Neighbour::is_alive);
        drop(neighbour);
        (ended, survived)
    }

    /// A row: the guard's first build, one with a ledger, and plain cargo with several fixed
    /// numbers of jobs.
    fn row(&self, n_repeats: u32) -> String {
        let dead = |survived: bool| if survived { "" } else { ", neighbour killed" };
        let mut first = Vec::new();
        let mut later = Vec::new();
        let shown = |ended: &Watched, survived: bool| {
            let attempts = ended.attempts();
            let names: Vec<&str> = attempts.iter().map(|it| it.0.as_str()).collect();
            format!(
                "exit {}, {}, {} kills, {:.1} s{}",
                ended.code.unwrap_or(-1),
                names.join(" > "),
                ended.kills,
                ended.seconds,
                dead(survived)
            )
        };
        let (mut seconds, mut reaction, mut own, mut resident) = (Vec::new(), 0, 0, 0);
        for _ in 0..n_repeats {
            for (keep_ledger, rows) in [(false, &mut first), (true, &mut later)] {
                self.fixture.clean(keep_ledger);
                let (ended, survived) = self.run(self.fixture.xtask(self.jobs));
                rows.push(shown(&ended, survived));
                let document = ended.document();
                for attempt in document["attempts"].as_array().into_iter().flatten() {
                    let number = |field: &str| attempt["guard"][0][field].as_u64().unwrap_or(0);
                    reaction = reaction.max(number("slowest_reaction_ms"));
                    own = own.max(number("xtask_own_bytes"));
                    resident = resident.max(number("xtask_peak_resident_bytes"));
                }
                if keep_ledger {
                    seconds.push(ended.seconds);
                }
            }
        }
        let mut plain = Vec::new();
        let mut best = f64::INFINITY;
        for jobs in [4, 2, 1].into_iter().filter(|it| *it <= self.jobs) {
            self.fixture.clean(false);
            let (ended, survived) = self.run(self.fixture.cargo(jobs));
            plain.push(format!(
                "-j{jobs}: exit {}, {} kills, {:.1} s{}",
                ended.code.unwrap_or(-1),
                ended.kills,
                ended.seconds,
                dead(survived)
            ));
            if ended.code == Some(0) && ended.kills == 0 {
                best = best.min(ended.seconds);
            }
        }
        seconds.sort_by(f64::total_cmp);
        let median = seconds[seconds.len() / 2];
        // No fixed number of jobs survives: there is nothing to compare with.
        let ratio = if best.is_finite() { format!("{:.2}", median / best) } else { "-".into() };
        format!(
            "| {} | {} | {} | {ratio} | {} | {reaction} ms, {} and {} MiB |",
            self.name,
            first.join("; "),
            later.join("; "),
            plain.join("; "),
            own >> 20,
            resident >> 20
        )
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is the result")]
fn table() {
    if std::env::var_os("XTASK_GUARD_TABLE").is_none() {
        return;
    }
    let _turn = kernel_does_not_kill();
    if Group::new(100).is_none() {
        return;
    }
    let light = appetite(40, 300, 700);
    let mut mixed: Vec<(String, Appetite)> = (0..24).map(|it| (format!("l{it}"), light)).collect();
    mixed.insert(6, ("heavy".into(), appetite(300, 1500, 1500)));
    let mixed: Vec<(&str, Appetite)> = mixed.iter().map(|it| (it.0.as_str(), it.1)).collect();
    let mixed = Fixture::new(&mixed);
    // Others wait for the heavy one, so cargo begins with it: alone it would be the last by chance.
    let manifest = mixed.sh.read_file(mixed.path("l0/Cargo.toml")).unwrap();
    mixed.write("l0/Cargo.toml", &(manifest + "heavy = { path = \"../heavy\" }\n"));
    let wide = || Fixture::wide(4, appetite(300, 1500, 1500));
    let fat = Appetite { release_mib: 600, debug_mib: 100, ramp_ms: 2000, hold_ms: 500 };
    let long = || Fixture::wide(24, appetite(40, 500, 9000));
    let situations = [
        Situation::new("plenty of memory", long(), 8000, 2),
        Situation::new("one fits, two do not", wide(), 450, 4),
        Situation {
            nested: true,
            ..Situation::new("the same, limit on the parent", wide(), 450, 4)
        },
        Situation::new("light ones and a heavy one", mixed, 400, 4),
        Situation {
            neighbour: Some((300, 3000, 1500)),
            ..Situation::new(
                "a neighbour takes half",
                Fixture::wide(6, appetite(150, 800, 1500)),
                600,
                4,
            )
        },
        Situation::new("release does not fit", Fixture::wide(2, fat), 450, 4),
        Situation {
            eating_linker_mib: Some(600),
            ..Situation::new(
                "the link does not fit",
                Fixture::wide(2, appetite(40, 200, 200)),
                450,
                4,
            )
        },
        Situation::new("nothing fits", Fixture::wide(2, appetite(600, 2000, 500)), 450, 4),
    ];
    let only = std::env::var("XTASK_GUARD_TABLE").unwrap_or_default();
    for it in situations.iter().filter(|it| only == "1" || it.name.contains(&only)) {
        let n_repeats = if it.limit_mib > 1000 { 1 } else { 3 };
        println!("{}", it.row(n_repeats));
    }
}
