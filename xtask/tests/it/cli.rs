//! End to end: arguments in; stdout, stderr and exit code out.
//!
//! Every test builds a small workspace of its own with the real cargo. Processes are ended only if
//! the test started them. What needs a memory limit is in `guard.rs`. They use `kill`, `ps` and
//! `sh`, so they are for Unix.

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use phi_protocol::BuildRecord;
use serde_json::Value;
use xshell::{Shell, TempDir};

use crate::common::{Ended, Running, ignores_hangup, kernel_does_not_kill, skipped};
#[cfg(target_os = "linux")]
use crate::{common::kernel_may_kill, guard::Group};

/// Long enough for a cold build on a busy machine; nothing waits this long when all is well.
const PATIENCE: Duration = Duration::from_secs(120);

/// A workspace in a temporary folder, with its own target folder.
struct Fixture {
    sh: Shell,
    dir: TempDir,
}

impl Fixture {
    /// `files` beside a manifest with an example `demo`.
    fn new(files: &[(&str, &str)]) -> Fixture {
        let sh = Shell::new().unwrap();
        let dir = sh.create_temp_dir().unwrap();
        let manifest = "[package]\nname = \"fixture\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
            [workspace]\n";
        let fixture = Fixture { sh, dir };
        fixture.write("Cargo.toml", manifest);
        fixture.write("src/lib.rs", "");
        files.iter().for_each(|(path, text)| fixture.write(path, text));
        fixture
    }

    fn write(&self, path: &str, text: &str) {
        self.sh.write_file(self.path(path), text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        self.sh.read_file(self.path(path)).unwrap()
    }

    fn path(&self, path: &str) -> PathBuf {
        // Temporary folders are behind a symbolic link on macOS.
        self.dir.path().canonicalize().unwrap().join(path)
    }

    /// `cargo xtask ARGS` in the fixture's root.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(args).current_dir(self.path("."));
        self.isolate(&mut command);
        command
    }

    /// No terminal, no colour, and none of the variables of the cargo that runs this test.
    fn isolate(&self, command: &mut Command) {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("CARGO_TARGET_DIR", self.path("target"));
        for name in
            ["CARGO_BUILD_JOBS", "CARGO_TERM_COLOR", "NO_COLOR", "CLICOLOR_FORCE", "RUSTFLAGS"]
        {
            command.env_remove(name);
        }
    }

    fn run(&self, args: &[&str]) -> Ended {
        self.start(args).wait()
    }

    /// Starts and lets the test go on; [`Running::wait`] collects the end.
    fn start(&self, args: &[&str]) -> Running {
        Running::new(self.command(args).spawn().unwrap(), PATIENCE)
    }

    /// Waits until the file exists and has a full line.
    fn wait_for(&self, path: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match fs::read_to_string(self.path(path)) {
                Ok(text) if text.ends_with('\n') => return text,
                _ => assert!(Instant::now() < deadline, "{path} did not appear"),
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Returns the state of a process that `ps` shows: `S` sleeping, `T` paused, …
fn state(pid: u32) -> char {
    let output = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().chars().next().unwrap_or('-')
}

#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A program of the test's own with one child, in a group of its own; ended when dropped.
struct Program {
    child: Child,
    pids: [u32; 2],
}

impl Program {
    /// `command` is the one child.
    fn start(command: &str, fixture: &Fixture) -> Program {
        let note = fixture.path("program");
        fs::remove_file(&note).ok();
        let script = format!("{command} & echo $$ $! > {}; wait", note.display());
        let mut command = Command::new("sh");
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.args(["-c", &script]).stdin(Stdio::null()).spawn().unwrap();
        let pids = fixture.wait_for("program");
        let pids: Vec<u32> = pids.split_whitespace().map(|it| it.parse().unwrap()).collect();
        Program { child, pids: pids.try_into().unwrap() }
    }

    fn states(&self) -> [char; 2] {
        self.pids.map(state)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let group = format!("-{}", self.pids[0]);
        Command::new("kill")
            .args(["-s", "KILL", "--", &group])
            .stderr(Stdio::null())
            .status()
            .unwrap();
        self.child.wait().ok();
    }
}

/// `true` if the process runs; one that has ended but was not collected does not.
fn runs(pid: u32) -> bool {
    let output = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
    let state = String::from_utf8(output.stdout).unwrap();
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

#[track_caller]
fn gone_soon(pids: &[u32]) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while pids.iter().any(|it| runs(*it)) {
        assert!(Instant::now() < deadline, "still running: {pids:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

fn strategies(document: &Value) -> Vec<(&str, &str)> {
    let attempts = document["attempts"].as_array().unwrap();
    attempts
        .iter()
        .map(|it| (it["strategy"].as_str().unwrap(), it["outcome"].as_str().unwrap()))
        .collect()
}

const HELLO: (&str, &str) = ("examples/demo.rs", "fn main() { println!(\"hello\"); }\n");

// ---- arguments ----

#[test]
fn help_names_the_commands_and_the_exit_codes() {
    let help = Fixture::new(&[]).run(&["--help"]);
    for word in ["cargo xtask", "preflight", "plan", "build", "validate", "Exit codes:", "101"] {
        assert!(help.code(0).stdout.contains(word), "{help:#?}");
    }
}

#[test]
fn bad_input_ends_with_2_and_says_what_was_expected() {
    let fixture = Fixture::new(&[HELLO]);
    let cases: &[(&[&str], &str)] = &[
        (&[], "Usage"),
        (&["biuld"], "unrecognized subcommand"),
        (
            &["build", "--option", "e"],
            "possible values: auto, full, fewer, a, no-lto, no-debuginfo, c, b, d",
        ),
        (&["preflight", "--format", "xml"], "possible values: text, json"),
        (&["build", "--stop", "one"], "invalid value 'one' for '--stop <PID>"),
        (&["build", "--wait=soon"], "expected a time as `90s`, `15m` or `2h`, found `soon`"),
        (&["exec"], "required"),
        (&["exec", "--pause", "4194999", "--", "true"], "process 4194999 does not exist"),
        (&["build", "--sizes", "5"], "unexpected argument"),
        (&["build", "--example", "demo", "--stop", "4194999"], "process 4194999 does not exist"),
        (&["build", "--example", "nope"], "has an example `nope`"),
        (&["build", "--bin", "nope"], "has a program `nope`"),
        (&["build", "--profile", "dev", "--release"], "cannot be used with '--release'"),
        (&["validate"], "not the workspace of the study"),
        (&["build", "--manifest-path", "no/Cargo.toml"], "no file no/Cargo.toml"),
        (&["validate", "--example", "demo", "--fresh"], "is for this project's study"),
        (&["validate", "--partition", "main"], "--on <PLACE>"),
        (&["validate", "--on", "pbs"], "possible values: slurm"),
        (&["validate", "--on", "slurm", "--time", "soon"], "expected minutes (`90`)"),
        (&["validate", "--on", "slurm", "--mem", "lots"], "expected a size like `500M`"),
        (&["validate", "--on", "slurm", "--sbatch=--array=1-3"], "set by xtask itself"),
        (&["validate", "--on", "slurm", "--example", "demo"], "only this project's study"),
        (&["runs", "attach", "nope"], "nope is no run on a cluster"),
    ];
    for (args, text) in cases {
        fixture.run(args).code(2).says(text);
    }
    let own = std::process::id().to_string();
    fixture
        .run(&["build", "--example", "demo", "--stop", &own])
        .code(2)
        .says("is this program or one of its ancestors; nothing was paused or stopped");
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
        return skipped("there is no /dev/full");
    };
    let fixture = Fixture::new(&[HELLO]);
    for args in [
        &["preflight", "--format", "json"][..],
        &["preflight"],
        &["plan"],
        &["plan", "--format", "json"],
        &["build", "--example", "demo", "--dry-run"],
        &["--help"],
        &["plan", "--help"],
    ] {
        let mut command = fixture.command(args);
        let child = command.stdout(full.try_clone().unwrap()).spawn().unwrap();
        let ended = Running::new(child, PATIENCE).wait();
        ended.says("could not write to stdout: No space left on device");
        assert!(![0, 101].contains(&ended.code.unwrap()), "{args:?} {ended:#?}");
        // A reader that has seen enough is no failure.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = fixture.command(args).stdout(writer).spawn().unwrap();
        let ended = Running::new(child, PATIENCE).wait();
        assert!(!ended.stderr.contains("could not write"), "{args:?} {ended:#?}");
    }
}

#[test]
fn a_program_that_is_missing_is_named() {
    let fixture = Fixture::new(&[HELLO]);
    let mut command = fixture.command(&["build", "--example", "demo"]);
    let ended = Running::new(
        command.env_remove("CARGO").env("PATH", "/nowhere").spawn().unwrap(),
        PATIENCE,
    )
    .wait();
    ended.code(1).says("could not start `cargo`: it is not in the PATH");
    let mut command = fixture.command(&["build", "--example", "demo"]);
    let ended =
        Running::new(command.env("CARGO", "/nowhere/cargo").spawn().unwrap(), PATIENCE).wait();
    ended.code(1).says("could not start `/nowhere/cargo`, which the variable CARGO names");
    // Where there is no guard, cargo names it itself.
    let mut command = fixture.command(&["build", "--example", "demo", "--option", "b"]);
    let ended =
        Running::new(command.env("RUSTC_WRAPPER", "no-such-wrapper").spawn().unwrap(), PATIENCE)
            .wait();
    ended.code(101).says("no-such-wrapper");
    if cfg!(target_os = "linux") {
        ended.says("could not start `no-such-wrapper`, the wrapper of RUSTC_WRAPPER or");
    }
}

#[test]
fn what_a_name_holds_forges_no_line_and_moves_no_cursor() {
    let fixture = Fixture::new(&[HELLO]);
    let name = "no\u{1b}(B\nready: forged\u{202e}";
    for args in [
        &["build", "--example", name][..],
        &["build", "--target-dir", name, "--dry-run", "--example", "demo"],
        &["plan", "--target-dir", name],
        &["exec", "--", name],
        &["runs", "attach", name],
        &["validate", "--example", "demo", "--dry-run", "--", "--run", name],
    ] {
        let ended = fixture.run(args);
        let said = [ended.stdout.as_str(), &ended.stderr].concat();
        assert!(said.contains("no\\u{1b}(B\\nready: forged\\u{202e}"), "{args:?} {ended:#?}");
        for hidden in ["\u{1b}", "\nready: forged", "\u{202e}"] {
            assert!(!said.contains(hidden), "{args:?} {ended:#?}");
        }
    }
    // clap leaves some of it out.
    for args in [&["build", name][..], &["build", "--option", name]] {
        let ended = fixture.run(args);
        assert!(
            !ended.code(2).stderr.trim_end().contains(['\u{1b}', '\n', '\u{202e}']),
            "{ended:#?}"
        );
    }
}

#[test]
fn a_manifest_that_cannot_be_read_is_cargo_s_to_explain() {
    let fixture = Fixture::new(&[("Cargo.toml", "[package\n"), HELLO]);
    let ended = fixture.run(&["build", "--example", "demo", "--format", "json"]);
    ended.code(101).says("cargo cannot read this workspace");
    assert_eq!(ended.document()["exit"], "cargo-failed");
    assert!(ended.stderr.contains("[package"), "cargo's own words are missing: {ended:#?}");
}

// ---- preflight ----

#[test]
fn preflight_is_text_or_one_document_and_exits_by_its_verdict() {
    let fixture = Fixture::new(&[HELLO]);
    let text = fixture.run(&["preflight", "--example", "demo"]);
    for check in
        ["memory used", "memory available", "competing processes", "disk free", "rustc", "linker"]
    {
        assert!(text.stdout.contains(check), "{text:#?}");
    }
    assert!(!text.stdout.contains('\x1b') && !text.stderr.contains('\x1b'), "{text:#?}");

    let json = fixture.run(&["preflight", "--example", "demo", "--format", "json"]);
    let document = json.document();
    assert_eq!(document["command"], "preflight");
    let ready = document["preflight"]["ready"].as_bool().unwrap();
    json.code(if ready { 0 } else { 4 });
    let checks = document["preflight"]["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 12);
    for check in checks {
        let passed = check["status"] == "pass";
        assert!(["pass", "warn", "fail"].contains(&check["status"].as_str().unwrap()));
        assert_eq!(check["hint"].is_null(), passed, "{check}");
    }
    assert!(document["resources"]["memory"]["total_bytes"].as_u64().unwrap() > 0);
    assert!(json.stderr.is_empty(), "{json:#?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_limit_on_the_address_space_is_seen() {
    let fixture = Fixture::new(&[HELLO]);
    let plain = fixture.command(&["preflight", "--example", "demo", "--format", "json"]);
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -v 3145728; exec \"$@\"", "sh"]).arg(plain.get_program());
    command.args(plain.get_args()).current_dir(fixture.path("."));
    fixture.isolate(&mut command);
    let document = Ended::from(command.output().unwrap()).document();
    assert_eq!(document["resources"]["address_space_limit_bytes"].as_u64(), Some(3 << 30));
}

#[test]
fn a_compiler_that_is_too_old_is_not_ready() {
    let fixture = Fixture::new(&[HELLO]);
    let manifest =
        fixture.read("Cargo.toml").replace("edition", "rust-version = \"1.9999\"\nedition");
    fixture.write("Cargo.toml", &manifest);
    let ended = fixture.run(&["preflight", "--example", "demo"]);
    assert!(ended.code(4).stdout.contains("older than 1.9999.0"), "{ended:#?}");
    assert!(ended.stdout.contains("not ready: rustc"), "{ended:#?}");
    // A build does not start either.
    let ended = fixture.run(&["build", "--example", "demo", "--format", "json"]);
    assert!(ended.code(4).document().get("attempts").is_none());
}

// ---- build ----

#[test]
fn a_dry_run_prints_the_ladder_and_builds_nothing() {
    let fixture = Fixture::new(&[HELLO]);
    let text = fixture.run(&["build", "--example", "demo", "--dry-run", "--yes"]);
    for words in [
        "none yet",
        "$ cargo build --example demo --release",
        "$ CARGO_BUILD_JOBS=1 CARGO_PROFILE_DEV_DEBUG=0 cargo build --example demo\n",
        "$ CARGO_BUILD_JOBS=1 cargo build --lib --release\n",
        "would try",
    ] {
        assert!(text.stdout.contains(words), "no `{words}`\n{text:#?}");
    }
    assert!(!text.stdout.contains("80-150 h"), "of this project, not of that one: {text:#?}");
    let json = fixture.run(&["validate", "--example", "demo", "--dry-run", "--format", "json"]);
    let document = json.document();
    assert_eq!(document["plan"]["rungs"].as_array().unwrap().len(), 7);
    assert_eq!(document["dry_run"], true);
    assert!(!fixture.path("target").exists() && !fixture.path("runs").exists());
}

#[test]
fn a_build_prints_its_executable_and_is_reused() {
    let fixture = Fixture::new(&[HELLO]);
    let ended = fixture.run(&["build", "--example", "demo", "--option", "a"]);
    let executable = PathBuf::from(ended.code(0).stdout.trim());
    assert_eq!(executable, fixture.path("target/release/examples/demo"));
    let output = Command::new(&executable).output().unwrap();
    assert_eq!(output.stdout, b"hello\n");
    ended
        .says("$ CARGO_BUILD_JOBS=1 cargo build --example demo --release")
        .says("option a was asked for");
    // What the report of a run reads of its build.
    let record: BuildRecord =
        serde_json::from_str(&fixture.read("target/xtask/build.json")).unwrap();
    let attempt = &record.attempts[0];
    assert_eq!((attempt.strategy.as_str(), attempt.outcome.as_str()), ("a", "built"));
    assert_eq!(attempt.commands, ["CARGO_BUILD_JOBS=1 cargo build --example demo --release"]);
    if cfg!(target_os = "linux") {
        assert!(!attempt.details[0].timeline.is_empty(), "{record:?}");
    }

    // From a folder below, and by cargo itself: there is nothing left to do.
    let mut command = fixture.command(&["build", "--example", "demo", "--option", "a"]);
    let again = Ended::from(command.current_dir(fixture.path("src")).output().unwrap());
    again.code(0).says("everything was up to date");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--example", "demo", "--release"]).current_dir(fixture.path("."));
    fixture.isolate(&mut cargo);
    let cargo = Ended::from(cargo.output().unwrap());
    assert!(!cargo.code(0).stderr.contains("Compiling"), "{cargo:#?}");
}

/// Two packages; the root has a library and a program, `tool` a program.
fn workspace() -> Fixture {
    Fixture::new(&[
        (
            "Cargo.toml",
            "[package]\nname = \"fixture\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
            [workspace]\nmembers = [\"tool\"]\n\n\
             [features]\nloud = []\n\n[profile.dist]\ninherits = \"release\"\n",
        ),
        (
            "src/bin/hello.rs",
            "fn main() { println!(\"{}\", if cfg!(feature = \"loud\") { \"HELLO\" } else { \
            \"hello\" }); }\n",
        ),
        (
            "tool/Cargo.toml",
            "[package]\nname = \"tool\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
        ),
        ("tool/src/main.rs", "fn main() { println!(\"tool\"); }\n"),
    ])
}

#[test]
fn another_workspace_is_built_as_cargo_would() {
    let fixture = workspace();
    #[track_caller]
    fn check(fixture: &Fixture, args: &[&str], folder: &str, built: &[(&str, &str)]) {
        let mut command = fixture.command(&[&["build", "--option", "full"][..], args].concat());
        let ended = Ended::from(command.current_dir(fixture.path(folder)).output().unwrap());
        let expected: Vec<String> =
            built.iter().map(|(path, _)| fixture.path(path).display().to_string()).collect();
        let lines: Vec<&str> = ended.code(0).stdout.lines().collect();
        assert_eq!(lines, expected, "{args:?} {ended:#?}");
        for (path, says) in built {
            let output = Command::new(fixture.path(path)).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), *says, "{args:?}");
        }
    }
    let (hello, tool) = ("target/release/hello", "target/release/tool");
    // Plain cargo builds the root's package, or the one around the current folder.
    check(&fixture, &[], ".", &[(hello, "hello")]);
    check(&fixture, &[], "tool", &[(tool, "tool")]);
    check(&fixture, &["-p", "tool"], ".", &[(tool, "tool")]);
    check(&fixture, &["--bin", "hello", "--features", "loud"], "tool", &[(hello, "HELLO")]);
    check(&fixture, &["--bin", "hello", "--all-features", "--offline"], ".", &[(hello, "HELLO")]);
    check(&fixture, &["--lib"], ".", &[]);
    check(
        &fixture,
        &["--bin", "hello", "--profile", "dist"],
        ".",
        &[("target/dist/hello", "hello")],
    );
    let elsewhere = ["-p", "tool", "--profile", "dev", "--target-dir", "elsewhere", "--locked"];
    check(&fixture, &elsewhere, ".", &[("elsewhere/debug/tool", "tool")]);
    assert!(fixture.path("elsewhere/xtask/ledger.json").exists());
    let manifest = ["--manifest-path", "../tool/Cargo.toml"];
    check(&fixture, &manifest, "src", &[(tool, "tool")]);
    // What the flags mean is cargo's to judge.
    fixture.run(&["build", "-p", "nobody"]).code(101).says("nobody");
    fixture.run(&["build", "--profile", "nobody"]).code(101).says("nobody");
}

#[test]
fn a_plan_knows_what_was_built_before() {
    let fixture = workspace();
    let plan = || {
        let ended = fixture.run(&["plan", "--bin", "hello", "--format", "json"]);
        ended.document()["plan"]["rungs"].as_array().unwrap().clone()
    };
    assert!(plan().iter().all(|it| it["expected"]["source"] == "prior"));
    fixture.run(&["build", "--bin", "hello", "--option", "a"]).code(0);
    let rungs = plan();
    let by_name = |name: &str| rungs.iter().find(|it| it["strategy"] == name).unwrap();
    let measured = &by_name("a")["expected"];
    assert_eq!(measured["source"], "measured");
    assert!(measured["peak_bytes"].as_u64().unwrap() < 1 << 30, "{measured}");
    assert!(measured["build_seconds"].as_f64().unwrap() > 0.0);
    // A debug build was not tried, but what it differs by is known.
    assert_eq!(by_name("b")["expected"]["source"], "derived");

    let text = fixture.run(&["plan", "--bin", "hello"]);
    for words in ["measured", "lowers no peak", "would try"] {
        assert!(text.stdout.contains(words), "no `{words}`\n{text:#?}");
    }
    // A ledger that cannot be read is set aside, and everything goes on.
    fixture.write("target/xtask/ledger.json", "{");
    let ended = fixture.run(&["build", "--bin", "hello", "--option", "a"]);
    ended.code(0).says("ledger.json.aside");
    assert_eq!(fixture.read("target/xtask/ledger.json.aside"), "{");
}

#[test]
fn stages_compile_the_library_once() {
    let fixture = Fixture::new(&[HELLO]);
    let ended = fixture.run(&["build", "--example", "demo", "--option", "c", "--format", "json"]);
    let document = ended.code(0).document();
    let attempt = &document["attempts"][0];
    assert_eq!(attempt["commands"].as_array().unwrap().len(), 2);
    // Library and example compiled; the second step found the library fresh.
    assert_eq!((attempt["n_compiled"].as_u64(), attempt["n_fresh"].as_u64()), (Some(2), Some(1)));
}

#[test]
fn a_compile_error_stops_at_once_and_is_shown_as_cargo_shows_it() {
    let fixture = Fixture::new(&[("examples/demo.rs", "fn main() { let n: u32 = \"one\"; }\n")]);
    let ended = fixture.run(&["build", "--example", "demo", "--format", "json"]);
    ended
        .code(101)
        .says("error[E0308]: mismatched types")
        .says("could not compile `fixture` (example \"demo\")");
    assert!(!ended.stderr.contains("out of memory") && !ended.stderr.contains("next is option"));
    let document = ended.document();
    let attempts = strategies(&document);
    assert_eq!(attempts.len(), 1, "{attempts:?}");
    assert_eq!(attempts[0].1, "compile-error");

    // Word for word what cargo says.
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--example", "demo", "--release"]).current_dir(fixture.path("."));
    fixture.isolate(&mut cargo);
    let cargo = Ended::from(cargo.output().unwrap());
    let diagnostics = |text: &str| text[text.find("error[E0308]").unwrap()..].to_owned();
    assert_eq!(diagnostics(&ended.stderr), diagnostics(&cargo.stderr));
}

#[test]
fn colours_are_kept_when_asked_for() {
    let fixture = Fixture::new(&[("examples/demo.rs", "fn main() { let n: u32 = \"one\"; }\n")]);
    let mut command = fixture.command(&["build", "--example", "demo"]);
    let ended = Ended::from(command.env("CLICOLOR_FORCE", "1").output().unwrap());
    assert!(ended.code(101).stderr.contains("\x1b["), "{ended:#?}");
    assert!(ended.stderr.contains("E0308"), "{ended:#?}");
}

#[test]
fn a_signal_from_elsewhere_is_not_a_lack_of_memory() {
    let _turn = kernel_does_not_kill();
    let build_rs = r#"
        fn main() {
            let pid = std::process::id().to_string();
            std::process::Command::new("kill").args(["-9", &pid]).status().unwrap();
        }
    "#;
    let fixture = Fixture::new(&[("build.rs", build_rs), HELLO]);
    let ended = fixture.run(&["build", "--example", "demo", "--format", "json"]);
    let document = ended.document();
    let kills = &document["attempts"][0]["memory_kills"];
    let counts = [kills["group"].as_u64(), kills["machine"].as_u64()];
    if counts == [None, None] {
        skipped("the kernel's memory kills cannot be counted here");
        return;
    }
    if counts.iter().flatten().sum::<u64>() > 0 {
        skipped("this machine ran out of memory meanwhile");
        return;
    }
    ended.code(6).says("signal: 9, SIGKILL: kill").says("was killed, and not by the kernel");
    assert_eq!(strategies(&document).len(), 1);
}

#[test]
fn an_interrupted_build_leaves_nothing_running() {
    // The build script and its child would run for minutes.
    let build_rs = r#"
        fn main() {
            let child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
            let root = std::env::var("CARGO_MANIFEST_DIR").unwrap();
            let pids = format!("{} {}\n", std::process::id(), child.id());
            std::fs::write(format!("{root}/pids"), pids).unwrap();
            std::thread::sleep(std::time::Duration::from_secs(600));
        }
    "#;
    let fixture = Fixture::new(&[("build.rs", build_rs), HELLO]);
    for signal in ["INT", "TERM", "HUP"] {
        if signal == "HUP" && ignores_hangup() {
            continue;
        }
        let running = fixture.start(&["build", "--example", "demo", "--format", "json"]);
        let pids = fixture.wait_for("pids");
        let pids: Vec<u32> = pids.split_whitespace().map(|it| it.parse().unwrap()).collect();
        assert!(pids.iter().all(|it| runs(*it)));
        running.signal(signal);
        let ended = running.wait();
        let document = ended.code(130).document();
        let attempts = strategies(&document);
        assert_eq!(attempts.len(), 1);
        assert_eq!(attempts[0].1, "interrupted");
        gone_soon(&pids);
        fs::remove_file(fixture.path("pids")).unwrap();
    }
}

/// An example whose compiler needs this much memory in a release and in a debug build.
#[cfg(target_os = "linux")]
fn eater(release_mib: usize, debug_mib: usize) -> Fixture {
    let eater = format!(
        r#"
        #[proc_macro]
        pub fn eat(_: proc_macro::TokenStream) -> proc_macro::TokenStream {{
            let mib: usize = if cfg!(debug_assertions) {{ {debug_mib} }} else {{ {release_mib} }};
            let mut memory = vec![0_u8; mib << 20];
            memory.iter_mut().step_by(4096).for_each(|it| *it = 1);
            std::hint::black_box(&memory);
            proc_macro::TokenStream::new()
        }}
        "#
    );
    let manifest = "[package]\nname = \"fixture\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
        [workspace]\n\n\
        [dependencies]\neater = { path = \"eater\" }\n";
    let eater_manifest = "[package]\nname = \"eater\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
        [lib]\nproc-macro = true\n";
    Fixture::new(&[
        ("Cargo.toml", manifest),
        ("eater/Cargo.toml", eater_manifest),
        ("eater/src/lib.rs", &eater),
        ("examples/demo.rs", "eater::eat!();\nfn main() { println!(\"hello\"); }\n"),
    ])
}

#[cfg(target_os = "linux")]
#[test]
fn a_group_without_a_limit_is_limited_by_those_above_it() {
    let Some(group) = Group::new(300) else { return };
    let nested = group.nested();
    let fixture = Fixture::new(&[HELLO]);
    let command = fixture.command(&["preflight", "--example", "demo", "--format", "json"]);
    let ended = Running::new(nested.around(&command).spawn().unwrap(), PATIENCE).wait();
    let container = &ended.document()["resources"]["container"];
    assert_eq!(container["smallest_limit_bytes"], 300 << 20, "{container}");
    let tightest = container["tightest"]["group"].as_str().unwrap();
    let own = group.0.file_name().unwrap().to_str().unwrap();
    assert!(tightest.ends_with(own), "{container}");
    // xtask itself and its shell are all there is.
    let headroom = container["tightest"]["headroom_bytes"].as_u64().unwrap();
    assert!((250 << 20..=300 << 20).contains(&headroom), "{container}");
}

// ---- waiting ----

#[test]
fn a_build_waits_for_another_cargo_and_says_so() {
    let fixture = Fixture::new(&[HELLO]);
    fixture.write("target/release/.cargo-lock", "");
    let lock = fs::File::open(fixture.path("target/release/.cargo-lock")).unwrap();
    lock.lock().unwrap();
    let build = ["build", "--example", "demo", "--option", "a"];
    let ended = fixture.run(&[&build[..], &["--wait=1s"]].concat());
    ended.code(4).says("the wait timed out after 1 s: ").says("is building in");
    assert!(!fixture.path("target/release/examples").exists());
    if cfg!(target_os = "linux") {
        ended.says(&format!("process {} is building in", std::process::id()));
    }

    let said = fs::File::create(fixture.path("said")).unwrap();
    let mut command = fixture.command(&[&build[..], &["--wait", "--format", "json"]].concat());
    let child = command.stderr(said).spawn().unwrap();
    until("it waits", || fixture.read("said").contains("is building in"));
    drop(lock);
    let output = child.wait_with_output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["exit"], "success", "{document}");
    assert_eq!(document["waited_for"][0]["what"], "lock");
    assert!(document["waited_seconds"].as_f64().unwrap() > 0.0);
    assert!(fixture.read("said").contains("going on"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_build_waits_for_memory_that_others_hold() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(400) else { return };
    let fixture = Fixture::new(&[HELLO]);
    // `tail` keeps what may be the end: 300 MiB.
    let mut hog = Command::new("sh");
    std::os::unix::process::CommandExt::process_group(&mut hog, 0);
    let script =
        "echo $$ > \"$0\"; { head -c 300M /dev/zero; sleep 600; } | tail -c 1G > /dev/null & wait";
    hog.args(["-c", script]).arg(group.0.join("cgroup.procs"));
    let mut hog = hog.stdin(Stdio::null()).spawn().unwrap();
    let usage = || {
        let text = fs::read_to_string(group.0.join("memory.usage_in_bytes")).unwrap();
        text.trim().parse::<u64>().unwrap()
    };
    until("the hog is full", || usage() > 300 << 20);

    let said = fs::File::create(fixture.path("said")).unwrap();
    let command = fixture.command(&["build", "--example", "demo", "--wait"]);
    let mut child = group.around(&command).stderr(said).spawn().unwrap();
    // Nothing is known of it: half of the group is what it waits for.
    until("it waits", || fixture.read("said").contains("needs 200 MiB"));
    let pid = format!("-{}", hog.id());
    assert!(Command::new("kill").args(["-s", "KILL", "--", &pid]).status().unwrap().success());
    hog.wait().unwrap();
    assert!(child.wait().unwrap().success(), "{}", fixture.read("said"));
    assert!(fixture.read("said").contains("going on"), "{}", fixture.read("said"));
}

// ---- any command ----

#[test]
fn a_command_keeps_its_output_and_its_code() {
    let fixture = Fixture::new(&[HELLO]);
    let ended = fixture.run(&["exec", "--", "sh", "-c", "echo out; echo err >&2; exit 3"]);
    ended.code(3).says("err\n").says("ended after");
    assert_eq!(ended.stdout, "out\n");
    fixture.run(&["exec", "--", "sh", "-c", "kill -ABRT $$"]).code(128 + 6);
    // As a shell has it.
    fixture
        .run(&["exec", "--", "no-such-program"])
        .code(127)
        .says("could not start `no-such-program`: it is not in");
    fixture
        .run(&["exec", "--", "./no/such"])
        .code(127)
        .says("could not start `./no/such`: No such file");
    fixture
        .run(&["exec", "--", "./src/lib.rs"])
        .code(126)
        .says("could not start `./src/lib.rs`: Permission");
    fixture.run(&["exec", "--", "./src"]).code(126);
    // Where there is no workspace, nothing of one is said.
    let mut command = fixture.command(&["exec", "--", "true"]);
    let ended = Running::new(command.current_dir("/").spawn().unwrap(), PATIENCE).wait();
    assert!(!ended.code(0).stderr.contains("Cargo.toml"), "{ended:#?}");
    let cargo = env!("CARGO");
    fixture.run(&["exec", "--wait", "--", cargo, "build", "--example", "demo"]).code(0);
    assert!(fixture.path("target/debug/examples/demo").exists());
    if cfg!(target_os = "linux") {
        // The guard saw its compilers, and the ledger remembers them.
        assert!(fixture.read("target/xtask/ledger.json").contains("\"profile\": \"exec\""));
    }
    fixture.write("examples/demo.rs", "fn main() { let n: u32 = \"one\"; }\n");
    let ended = fixture.run(&["exec", "--", cargo, "build", "--example", "demo"]);
    ended.code(101).says("error[E0308]: mismatched types");
    assert!(!ended.stderr.contains("out of memory"), "{ended:#?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_that_runs_out_of_memory_has_a_code_of_its_own() {
    let _turn = kernel_may_kill();
    let Some(group) = Group::new(400) else { return };
    let fixture = eater(700, 700);
    let command = fixture.command(&["exec", "--", env!("CARGO"), "build", "--example", "demo"]);
    let ended = Running::new(group.around(&command).spawn().unwrap(), PATIENCE).wait();
    // By the guard or, with so sudden a need, by the kernel.
    ended.code(5).says("the command ran out of memory");
    assert_eq!(group.processes(), [0; 0]);
}

// ---- making room ----

/// A build that lasts until there is a file `go`, and says by a file `begun` that it has begun.
const WAITS_FOR_GO: (&str, &str) = (
    "build.rs",
    r#"
    fn main() {
        let root = std::env::var("CARGO_MANIFEST_DIR").unwrap();
        std::fs::write(format!("{root}/begun"), "\n").unwrap();
        while !std::path::Path::new(&format!("{root}/go")).exists() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
    "#,
);

#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_option_d_asks() {
    let in_path = |it: &str| Command::new(it).arg("--version").output().is_ok();
    if !in_path("script") {
        return skipped("there is no program `script` to make a terminal");
    }
    let fixture = Fixture::new(&[HELLO]);
    // `tail` holds 60 MiB and belongs to no other program, since it was started by a shell.
    let program =
        Program::start("{ head -c 60M /dev/zero; sleep 600; } | tail -c 1G > /dev/null", &fixture);
    let tail = program.pids[1];
    let held = || {
        let status = fs::read_to_string(format!("/proc/{tail}/status")).unwrap();
        let line = status.lines().find_map(|it| it.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    until("it is full", || held() > 60 << 10);

    let plain = fixture.command(&["build", "--example", "demo", "--option", "d"]);
    let words: Vec<_> = plain.get_args().map(|it| it.to_str().unwrap()).collect();
    let line = format!("{} {}", plain.get_program().to_str().unwrap(), words.join(" "));
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(fixture.path("."));
    fixture.isolate(&mut command);
    command.env("NO_COLOR", "1").stdin(Stdio::piped());
    let mut running = Running::new(command.spawn().unwrap(), PATIENCE);
    // What is not in the list is asked for again.
    let answers = format!("stop 1\nstop {tail}\n");
    let mut stdin = running.child.stdin.take().unwrap();
    stdin.write_all(answers.as_bytes()).unwrap();
    let ended = running.wait();
    drop(stdin);
    ended.code(0);
    for words in ["1 is not in the list", "could be paused or stopped", "has ended; it held"] {
        assert!(ended.stdout.contains(words), "no `{words}`\n{ended:#?}");
    }
    gone_soon(&[tail]);
    assert!(fixture.path("target/release/examples/demo").exists());
}

#[test]
fn what_is_paused_goes_on_when_the_build_is_done() {
    let fixture = Fixture::new(&[WAITS_FOR_GO, HELLO]);
    let program = Program::start("sleep 600", &fixture);
    let pid = program.pids[0].to_string();
    let dry = fixture.run(&["build", "--example", "demo", "--pause", &pid, "--dry-run"]);
    assert!(dry.stdout.contains(&format!("would pause process {pid}")), "{dry:#?}");
    assert_eq!(program.states(), ['S', 'S']);

    let build = ["build", "--example", "demo", "--pause", &pid, "--format", "json"];
    let running = fixture.start(&build);
    fixture.wait_for("begun");
    assert_eq!(program.states(), ['T', 'T']);
    fixture.write("go", "");
    let ended = running.wait();
    ended.code(0).says("is paused until the build is done").says("what was paused goes on");
    assert_eq!(ended.document()["paused"][0]["n_processes"], 2);
    assert_eq!(program.states(), ['S', 'S']);
}

#[test]
fn what_is_paused_goes_on_whatever_happens_to_xtask() {
    for signal in ["KILL", "INT"] {
        let fixture = Fixture::new(&[WAITS_FOR_GO, HELLO]);
        let program = Program::start("sleep 600", &fixture);
        let pid = program.pids[1].to_string();
        let running = fixture.start(&["build", "--example", "demo", "--pause", &pid]);
        fixture.wait_for("begun");
        // The child alone was named.
        assert_eq!(program.states(), ['S', 'T']);
        running.signal(signal);
        until("it goes on", || program.states() == ['S', 'S']);
        drop(running);
        // Whatever a killed xtask has left behind ends by itself.
        fixture.write("go", "");
    }
}

#[test]
fn what_another_process_has_paused_stays_so() {
    let fixture = Fixture::new(&[HELLO]);
    let program = Program::start("sleep 600", &fixture);
    let child = program.pids[1].to_string();
    assert!(Command::new("kill").args(["-s", "STOP", &child]).status().unwrap().success());
    until("it is paused", || program.states() == ['S', 'T']);
    let pid = program.pids[0].to_string();
    let ended = fixture.run(&["build", "--example", "demo", "--pause", &pid, "--format", "json"]);
    assert_eq!(ended.code(0).document()["paused"][0]["n_processes"], 1);
    assert_eq!(program.states(), ['S', 'T']);
}

/// Needs root, to start something as another user.
#[test]
fn another_user_s_program_is_never_touched() {
    use std::os::unix::process::CommandExt as _;
    const NOBODY: u32 = 65534;
    let fixture = Fixture::new(&[HELLO]);
    let other = Command::new("sleep").arg("600").current_dir("/").uid(NOBODY).gid(NOBODY).spawn();
    let Ok(other) = other else {
        return skipped("nothing can be started as another user (needs root)");
    };
    let other = Running::new(other, PATIENCE);
    let pid = other.child.id().to_string();
    for flag in ["--pause", "--stop"] {
        let ended = fixture.run(&["build", "--example", "demo", flag, &pid]);
        ended.code(2).says("belongs to another user; nothing was paused or stopped");
    }
    assert_eq!(state(other.child.id()), 'S');
}

#[test]
fn a_program_that_is_named_is_ended_with_all_it_has_started() {
    let fixture = Fixture::new(&[HELLO]);
    let program = Program::start("sleep 600", &fixture);
    let pid = program.pids[0].to_string();
    let ended = fixture.run(&["exec", "--stop", &pid, "--", "true"]);
    ended.code(0).says("has ended");
    // The shell waits to be collected by this test.
    assert!(['Z', '-'].contains(&program.states()[0]));
    gone_soon(&[program.pids[1]]);
}

#[test]
fn nothing_is_stopped_without_a_yes() {
    let fixture = Fixture::new(&[HELLO]);
    // There is no terminal to ask on. `--yes` is no consent to this.
    let ended = fixture.run(&["build", "--example", "demo", "--option", "d", "--yes"]);
    ended.code(4).says("nothing was paused or stopped");
    assert!(!fixture.path("target").exists());
}

#[test]
fn a_process_that_is_named_is_asked_to_end() {
    let fixture = Fixture::new(&[HELLO]);
    let mut sleep = Command::new("sh").args(["-c", "exec sleep 600"]).spawn().unwrap();
    // Related processes are refused, and xtask is a sibling of this one, not an ancestor.
    let pid = sleep.id().to_string();
    let dry = fixture.run(&["build", "--example", "demo", "--stop", &pid, "--dry-run"]);
    assert!(dry.stdout.contains(&format!("would ask process {pid}")), "{dry:#?}");
    assert!(runs(sleep.id()));
    let ended = fixture.run(&[
        "build",
        "--example",
        "demo",
        "--option",
        "d",
        "--stop",
        &pid,
        "--format",
        "json",
    ]);
    let document = ended.code(0).document();
    assert_eq!(document["stopped"][0]["gone"], true, "{document:#}");
    assert!(!sleep.wait().unwrap().success());
    assert_eq!(strategies(&document), [("a", "built")]);
}

// ---- validate ----

/// Stands in for the study: three rows, the last of which takes for ever unless it resumes. It says
/// what it was asked, and refuses bad sizes.
const STUDY: [(&str, &str); 2] = [
    (
        "Cargo.toml",
        "[package]\nname = \"phi-validation\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
        [workspace]\n\n[features]\npyphi = []\n",
    ),
    (
        "examples/pyphi_validation.rs",
        r#"
        use std::{fs::{self, OpenOptions}, io::Write, path::Path};
        fn main() {
            let args: Vec<String> = std::env::args().skip(1).collect();
            if args == ["--help"] { return; }
            let at = args.iter().position(|it| it == "--").unwrap();
            let (launch, user) = (&args[..at], &args[at + 1..]);
            assert_eq!(launch[0], "launch");
            let asks = |name: &str| launch.contains(&name.to_string());
            let of = |args: &[String], name: &str| args.iter().position(|it| it == name).map(|it| args[it + 1].clone());
            let value = |name: &str| of(user, name).or_else(|| of(launch, name));
            eprintln!("asked: {}", args[1]);
            if value("--sizes").is_some_and(|it| it == "99") { std::process::exit(2); }
            let folder = format!("{}/{}", value("--runs").unwrap(), value("--run").unwrap());
            let out = value("--out");
            let csv = out.clone().unwrap_or_else(|| format!("{folder}/results.csv"));
            let summary = format!("{csv}.summary");
            let done = fs::read_to_string(&csv).unwrap_or_default().lines().count();
            if asks("--prepare") {
                let folder = if out.is_some() { "null".to_string() } else { format!("{folder:?}") };
                println!("{{\"event\":\"prepared\",\"schema\":\"phi-validation/events\",\"version\":1,\"program\":\"0\",\
                    \"task\":{{\"kind\":\"study\",\"results\":{{\"folder\":{folder},\"csv\":{csv:?},\"summary\":{summary:?},\
                    \"rows_done\":{}}},\"workers\":{{\"asked\":null,\"worker_bytes\":1,\"shared_bytes\":1}}}},\"elapsed_ms\":0}}",
                    done.saturating_sub(1));
                return;
            }
            if asks("--set-aside") {
                if out.is_some() { eprintln!("give the run --force"); std::process::exit(2); }
                fs::rename(&folder, format!("{folder}.1")).unwrap();
                return;
            }
            if user.contains(&"--fail".to_string()) { std::process::exit(1); }
            if out.is_some_and(|it| Path::new(&it).exists()) { std::process::exit(2); }
            fs::create_dir_all(&folder).unwrap();
            let mut file = OpenOptions::new().create(true).append(true).open(&csv).unwrap();
            if done == 0 { file.write_all(b"topology,n\n").unwrap(); }
            let last = value("--rows").map_or(4, |it| it.parse().unwrap());
            for row in done.max(1)..last {
                if row == 3 && done == 0 { std::thread::sleep(std::time::Duration::from_secs(600)); }
                writeln!(file, "row,{row}").unwrap();
            }
            fs::write(summary, "{\"n\": 3}").unwrap();
            println!("the summary");
        }
        "#,
    ),
];

#[test]
fn a_dry_run_for_a_cluster_prints_all_checks_although_it_builds() {
    let fixture = Fixture::new(&STUDY);
    // What the stand-in answers to the plan of tasks does not matter here.
    let ended = fixture.run(&["validate", "--on", "slurm", "--dry-run"]);
    let built = fixture.path("target/release/examples/pyphi_validation");
    assert!(ended.stdout.contains("memory available") && built.exists(), "{ended:#?}");
}

#[test]
fn an_interrupted_run_keeps_its_rows_and_is_resumed() {
    let fixture = Fixture::new(&STUDY);
    let out = "runs/validation/results.csv";
    let validate = ["validate", "--option", "b"];

    let running = fixture.start(&validate);
    while fixture.wait_for(out).lines().count() < 3 {
        thread::sleep(Duration::from_millis(20));
    }
    running.signal("INT");
    running.wait().code(130).says("2 rows").says("goes on from there");

    let resumed = fixture.run(&validate);
    resumed.code(0).says("going on in").says("3 rows");
    assert_eq!(resumed.stdout, "the summary\n");
    assert_eq!(fixture.read(out).lines().count(), 4);

    // Once more: nothing to do, and the summary again, now within one document.
    let json = [&validate[..], &["--format", "json"]].concat();
    let finished = fixture.run(&json);
    finished.code(0).says("complete already");
    let document = finished.document();
    assert_eq!(document["run"]["summary"]["n"], 3);
    assert_eq!(document["run"]["n_rows"], 3);
    assert_eq!(document["run"]["resumed"], true);
}

#[test]
fn a_fresh_run_has_the_study_check_everything_before_the_old_one_moves() {
    let fixture = Fixture::new(&STUDY);
    fixture.write("runs/validation/results.csv", "topology,n\nold,1\n");
    let fresh = |args: &[&str]| {
        fixture.run(&[&["validate", "--option", "b", "--fresh", "--"], args].concat())
    };
    let refused = fresh(&["--sizes", "99"]);
    refused.code(2).says("asked: --set-aside").says("nothing was moved and nothing begun");
    assert!(!refused.stderr.contains("asked: --prepare"), "{refused:#?}");
    assert_eq!(fixture.read("runs/validation/results.csv"), "topology,n\nold,1\n");
    // What the study refuses, xtask does not move by itself.
    fs::create_dir(fixture.path("adir")).unwrap();
    for args in [
        &["--run", "../adir", "--sizes", "99"][..],
        &["--runs", ".", "--run", "adir", "--sizes", "99"],
        &["--runs", ".", "--run", "adir", "--out", "x.csv"],
    ] {
        fresh(args).code(2);
        assert!(fixture.path("adir").is_dir());
    }
    let done = fresh(&["--rows", "2"]);
    done.code(0).says("asked: --set-aside").says("asked: --prepare").says("1 row in");
    assert!(!done.stderr.contains("going on in"), "{done:#?}");
    assert_eq!(fixture.read("runs/validation.1/results.csv"), "topology,n\nold,1\n");
    assert_eq!(fixture.read("runs/validation/results.csv"), "topology,n\nrow,1\n");
}

#[test]
fn the_run_s_own_codes_are_passed_on() {
    let fixture = Fixture::new(&STUDY);
    let validate =
        |args: &[&str]| fixture.run(&[&["validate", "--option", "b", "--"], args].concat());
    validate(&["--fail"]).code(1).says("the run failed (exit code 1)");
    fixture.write("mine.csv", "topology,n\n");
    validate(&["--out", "mine.csv"]).code(2).says("choose another (");
    assert_eq!(fixture.read("mine.csv"), "topology,n\n");
    // Refused before anything is begun.
    let refused =
        fixture.run(&["validate", "--option", "b", "--format", "json", "--", "--sizes", "99"]);
    refused.code(2).says("asked: --prepare");
    assert_eq!(refused.document()["run"]["exit_code"], 2);
}

#[test]
fn a_program_that_is_not_the_study_gets_its_arguments_as_they_are() {
    let main = r#"fn main() { println!("{:?}", std::env::args().skip(1).collect::<Vec<_>>()); }"#;
    let fixture = Fixture::new(&[("examples/demo.rs", main)]);
    let ended =
        fixture.run(&["validate", "--example", "demo", "--option", "b", "--", "--out", "--jobs"]);
    ended.code(0);
    assert_eq!(ended.stdout, "[\"--out\", \"--jobs\"]\n");
}

#[test]
fn a_run_that_is_killed_is_reported_by_the_signal_s_name() {
    let main = r#"fn main() {
        let pid = std::process::id().to_string();
        std::process::Command::new("kill").args(["-ABRT", &pid]).status().unwrap();
        std::thread::sleep(std::time::Duration::from_secs(600));
    }"#;
    let fixture = Fixture::new(&[("examples/demo.rs", main)]);
    let ended = fixture.run(&["validate", "--example", "demo", "--option", "b"]);
    ended.code(128 + 6).says("ended by SIGABRT (6)");
}
