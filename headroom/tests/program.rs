//! `cargo headroom` from outside, on a small workspace with the real cargo.

#![cfg(unix)]

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

fn workspace() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| {
        let file = folder.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    let manifest =
        "[package]\nname = \"fixture\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n";
    write("Cargo.toml", manifest);
    write("src/main.rs", "fn main() { std::process::exit(7) }");
    folder
}

fn headroom(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-headroom"));
    command.args(args).current_dir(folder).stdin(Stdio::null());
    command.env("CARGO_TARGET_DIR", folder.join("target"));
    for name in ["CARGO_BUILD_JOBS", "CARGO_TERM_COLOR", "RUSTFLAGS", "RUSTC_WRAPPER"] {
        command.env_remove(name);
    }
    command.output().unwrap()
}

#[track_caller]
fn code(output: &Output, expected: i32) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(expected), "{said:?}");
    said
}

#[test]
fn a_workspace_is_planned_and_built_and_a_command_is_watched() {
    let folder = workspace();
    let run = |args: &[&str]| headroom(folder.path(), args);

    let (plan, _) = code(&run(&["plan"]), 0);
    assert!(plan.contains("would try"), "{plan}");
    assert!(plan.contains("what this workspace needs is not known yet"), "{plan}");
    assert!(!plan.contains("GB") && !plan.contains("estimates"), "{plan}");
    // As cargo calls it.
    let (json, _) = code(&run(&["headroom", "check", "--json"]), 0);
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&document["command"], &document["exit_code"]), (&"check".into(), &0.into()));
    assert!(document["workspace"].get("is_study").is_none(), "{document:#}");

    let (built, _) = code(&run(&["build"]), 0);
    let program = folder.path().join("target/release/fixture");
    assert_eq!(built.trim(), program.canonicalize().unwrap_or(program).to_str().unwrap());
    // The compilers went through the gate, so the ledger knows what they need.
    if cfg!(target_os = "linux") {
        let ledger = fs::read_to_string(folder.path().join("target/xtask/ledger.json")).unwrap();
        assert!(ledger.contains("\"crate_name\": \"fixture\""), "{ledger}");
    }
    code(&run(&["--", "cargo", "run", "--quiet"]), 7);
    code(&run(&["run", "--quiet"]), 7);
    code(&run(&["--wait", "--budget", "2G", "test", "--quiet"]), 0);
    let (json, _) = code(&run(&["build", "--json", "--bins", "-j", "1", "--keep-going"]), 0);
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    let command = document["attempts"][0]["commands"][0].as_str().unwrap();
    assert!(command.contains("--bins --keep-going"), "{command}");
    code(&run(&["--", "no-such-program"]), 127);
}

#[cfg(target_os = "linux")]
#[test]
fn plain_cargo_can_be_held_back_and_not_any_more() {
    let folder = workspace();
    let at = |it: &str| folder.path().join(it);
    let run = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        command.args(args).current_dir(folder.path()).stdin(Stdio::null());
        command.env("XDG_DATA_HOME", at("data")).env("CARGO_TARGET_DIR", at("target"));
        for name in ["CARGO_TERM_COLOR", "RUSTFLAGS", "RUSTC_WRAPPER", "RUSTDOC"] {
            command.env_remove(name);
        }
        command.env_remove("XTASK_GUARD_INSIDE_COMPILER");
        command.output().unwrap()
    };
    let headroom = |args: &[&str]| run(env!("CARGO_BIN_EXE_cargo-headroom"), args);
    let (lines, _) = code(&headroom(&["on"]), 0);
    let gates = at("data/cargo-headroom/xtask-gate-always");
    let gate = gates.join("cachepot");
    assert!(lines.contains(&format!("[build]\nrustc-wrapper = {gate:?}\n")), "{lines}");
    fs::create_dir(at(".cargo")).unwrap();
    fs::write(at(".cargo/config.toml"), &lines).unwrap();
    code(&run(env!("CARGO"), &["run", "--quiet"]), 7);
    code(&run(env!("CARGO"), &["doc", "--quiet"]), 0);
    code(&headroom(&["build"]), 0);
    // What is printed again is the same, and nothing wraps itself.
    assert_eq!(code(&headroom(&["on"]), 0).0, lines);

    // The guard has set this for what the compiler runs.
    let source = "fn main() { println!(\"{:?}\", option_env!(\"XTASK_GUARD_INSIDE_COMPILER\")) }";
    fs::write(at("src/main.rs"), source).unwrap();
    let is_guarded = || {
        fs::remove_dir_all(at("target")).ok();
        code(&run(env!("CARGO"), &["run", "--quiet"]), 0).0 != "None\n"
    };
    assert!(is_guarded());
    // Whatever the configuration here, that of another workspace may name the gates.
    let (_, said) = code(&headroom(&["off"]), 0);
    assert!(said.contains("cargo's configuration here names /"), "{said}");
    assert!(!is_guarded());
    fs::write(at(".cargo/config.toml"), format!("{lines}rustflags = \n")).unwrap();
    code(&headroom(&["off"]), 0);
    fs::remove_file(at(".cargo/config.toml")).unwrap();
    code(&headroom(&["off"]), 0);
    fs::write(at(".cargo/config.toml"), &lines).unwrap();
    assert!(!is_guarded());
    assert_eq!(code(&headroom(&["on"]), 0).0, lines);
    assert!(is_guarded());
    fs::remove_file(at(".cargo/config.toml")).unwrap();
    // A file that the program has not made is not replaced.
    fs::remove_file(&gate).unwrap();
    fs::write(&gate, "mine").unwrap();
    code(&headroom(&["on"]), 1);
    assert_eq!(fs::read_to_string(&gate).unwrap(), "mine");
    fs::remove_file(&gate).unwrap();

    // A wrapper that is set up already is kept.
    let wrapper = at("sccache");
    fs::write(&wrapper, "#!/bin/sh\necho \"$*\" >> said\nexec \"$@\"\n").unwrap();
    code(&run("chmod", &["+x", wrapper.to_str().unwrap()]), 0);
    let own = format!("[build]\nrustc-wrapper = {wrapper:?}\n");
    fs::write(at(".cargo/config.toml"), own).unwrap();
    let (lines, _) = code(&headroom(&["on"]), 0);
    assert!(lines.contains("xtask-gate-always/sccache\""), "{lines}");
    fs::write(at(".cargo/config.toml"), &lines).unwrap();
    assert_eq!(code(&headroom(&["on"]), 0).0, lines);
    fs::remove_dir_all(at("target")).unwrap();
    for (program, args) in [
        (env!("CARGO"), ["build", "--quiet"]),
        (env!("CARGO_BIN_EXE_cargo-headroom"), ["build", "--json"]),
    ] {
        code(&run(program, &args), 0);
        let said = fs::read_to_string(at("said")).unwrap();
        assert!(said.contains("--crate-name fixture"), "{said}");
        fs::remove_file(at("said")).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_gate_without_a_build_around_leaves_nothing() {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, symlink};
    let folder = tempfile::tempdir().unwrap();
    let at = |it: &str| folder.path().join(it);
    fs::DirBuilder::new().mode(0o700).create(at("runtime")).unwrap();
    fs::create_dir(at("xtask-gate-always")).unwrap();
    let gate = at("xtask-gate-always/cachepot");
    symlink(env!("CARGO_BIN_EXE_cargo-headroom"), &gate).unwrap();
    fs::write(at("compiler"), "#!/bin/sh\ntest -e runtime/cargo-headroom && cat > bytes\n")
        .unwrap();
    fs::set_permissions(at("compiler"), fs::Permissions::from_mode(0o755)).unwrap();
    // What is longer than a gate keeps is passed on.
    for length in [3, 20 << 20] {
        let source = fs::File::create_new(at("source")).unwrap();
        source.set_len(length).unwrap();
        let mut command = Command::new(&gate);
        command.arg(at("compiler")).args(["--crate-name", "a", "--crate-type", "lib", "-"]);
        command.current_dir(folder.path()).env("XDG_RUNTIME_DIR", at("runtime"));
        command.env_remove("XTASK_GUARD_SOCKET").env_remove("XTASK_GUARD_INSIDE_COMPILER");
        command.stdin(fs::File::open(at("source")).unwrap());
        code(&command.output().unwrap(), 0);
        assert_eq!(fs::metadata(at("bytes")).unwrap().len(), length);
        assert_eq!(fs::read_dir(at("runtime")).unwrap().count(), 0);
        fs::remove_file(at("source")).unwrap();
    }
}

/// Another cargo holds the lock of the build folder: what a build waits for, if it is told to.
#[cfg(target_os = "linux")]
#[test]
fn a_build_waits_as_long_as_it_is_told_to() {
    use std::io::{BufRead as _, BufReader};
    let folder = workspace();
    fs::create_dir_all(folder.path().join("target/release")).unwrap();
    let lock = folder.path().join("target/release/.cargo-lock");
    let lock = fs::File::create(lock).unwrap();
    lock.lock().unwrap();
    let (_, stderr) = code(&headroom(folder.path(), &["--wait=1s", "build"]), 4);
    assert!(stderr.contains("the wait timed out after 1 s: process "), "{stderr}");

    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-headroom"));
    command.args(["--wait", "build"]).current_dir(folder.path()).stdin(Stdio::null());
    command.env("CARGO_TARGET_DIR", folder.path().join("target"));
    let mut build = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(build.stderr.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|it| it.contains("waiting: process ")).expect("it waits");
    lock.unlock().unwrap();
    let rest: Vec<String> = lines.collect();
    assert!(build.wait().unwrap().success(), "{rest:?}");
    assert!(rest.iter().any(|it| it.contains("going on")), "{rest:?}");
}

/// As under `nohup`.
#[test]
fn a_hangup_that_is_ignored_does_not_end_it() {
    use std::os::unix::process::CommandExt as _;

    use nix::sys::signal::{SigHandler, Signal, signal};
    let folder = workspace();
    let program = env!("CARGO_BIN_EXE_cargo-headroom");
    for (before, after, expected) in [("trap '' HUP;", "exit 3", 3), ("", "sleep 300", 130)] {
        let script = format!("{before} export P=$$; exec \"$0\" -- sh -c 'kill -HUP $P; {after}'");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, program]).current_dir(folder.path()).stdin(Stdio::null());
        // This test itself may run under `nohup`.
        // SAFETY: between fork and exec only `signal` is called, which is a bare system call.
        unsafe {
            shell.pre_exec(|| Ok(signal(Signal::SIGHUP, SigHandler::SigDfl).map(drop)?));
        }
        code(&shell.output().unwrap(), expected);
    }
}

/// The shell in the place of the runner: the steps of the action, but for the cache.
#[cfg(target_os = "linux")]
#[test]
fn the_steps_of_the_action_for_github_build_and_pass_the_exit_code_on() {
    let action = concat!(env!("CARGO_MANIFEST_DIR"), "/action.yml");
    let action = fs::read_to_string(action).unwrap();
    let steps = action.lines().filter_map(|it| it.trim_start().strip_prefix("run: "));
    let steps: Vec<&str> = steps.collect();
    assert_eq!(steps.len(), 2, "{steps:?}");
    let folder = workspace();
    let program = Path::new(env!("CARGO_BIN_EXE_cargo-headroom"));
    let places = std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect::<Vec<_>>();
    let path = std::env::join_paths([program.parent().unwrap().into()].iter().chain(&places));
    let run = |step: &str, arguments: &str| {
        let mut shell = Command::new("bash");
        // As GitHub runs a step.
        shell.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", step]);
        shell.env("PATH", path.as_ref().unwrap()).env("ARGUMENTS", arguments);
        shell.env("GITHUB_ACTION_PATH", folder.path().join("nothing is installed from here"));
        shell.env("CARGO_TARGET_DIR", folder.path().join("target")).env_remove("RUSTC_WRAPPER");
        shell.current_dir(folder.path()).stdin(Stdio::null()).output().unwrap()
    };
    code(&run(steps[0], ""), 0);
    code(&run(steps[1], "build --bins"), 0);
    assert!(folder.path().join("target/release/fixture").exists());
    code(&run(steps[1], "run --quiet"), 7);
    // Without the program it is installed: here that fails, and so does the step.
    let mut shell = Command::new("bash");
    shell.args(["-eo", "pipefail", "-c", steps[0]]).current_dir(folder.path());
    let cargo = Path::new(env!("CARGO")).parent().unwrap().display();
    shell
        .env("PATH", format!("{cargo}:/usr/bin:/bin"))
        .env("GITHUB_ACTION_PATH", folder.path().join("nothing"));
    let (_, stderr) = code(&shell.output().unwrap(), 101);
    assert!(stderr.contains("nothing"), "{stderr}");
}

#[test]
fn arguments_that_mean_nothing_are_refused() {
    let folder = workspace();
    let (_, stderr) = code(&headroom(folder.path(), &["bild"]), 2);
    assert!(stderr.contains("expected a command, found `bild`"), "{stderr}");
    code(&headroom(folder.path(), &[]), 2);
    let (_, stderr) = code(&headroom(folder.path(), &["build", "-j", "none"]), 2);
    assert!(stderr.contains("-j: expected a number from 1, found `none`"), "{stderr}");
    let (_, stderr) = code(&headroom(folder.path(), &["--budget", "much", "plan"]), 2);
    assert!(stderr.contains("--budget: expected a size as `6G`, found `much`"), "{stderr}");
    code(&headroom(folder.path(), &["--"]), 2);
    let (_, stderr) = code(&headroom(folder.path(), &["--wait=soon", "build"]), 2);
    assert!(stderr.contains("--wait: expected a time as `90s`"), "{stderr}");
    for command in ["check", "plan", "on", "off"] {
        let (_, stderr) = code(&headroom(folder.path(), &["--wait=1s", command]), 2);
        let expected = format!("`{command}` does not wait");
        assert!(stderr.contains("is for commands that build") && stderr.contains(&expected));
    }
    let (_, stderr) = code(&headroom(folder.path(), &["--run-too", "build"]), 2);
    assert!(stderr.contains("`--run-too` is for commands that run"), "{stderr}");
    let (help, _) = code(&headroom(folder.path(), &["--help"]), 0);
    assert!(help.contains("cargo headroom -- COMMAND"), "{help}");
}

/// A guard may end a compiler at any moment and have it start again, as often as it likes. Of a
/// source on standard input, as build scripts have it compiled, comes what comes without a guard.
#[cfg(target_os = "linux")]
#[test]
fn a_compiler_that_is_ended_at_any_moment_makes_the_same_of_its_input() {
    use std::{
        env,
        io::{BufRead as _, BufReader, ErrorKind, Write as _},
        os::{
            linux::net::SocketAddrExt as _,
            unix::{
                fs::symlink,
                net::{SocketAddr, UnixListener},
            },
        },
        process::Child,
        thread,
        time::{Duration, Instant},
    };

    use nix::{
        sys::signal::{Signal, killpg},
        unistd::Pid,
    };

    let n_wanted: u32 =
        env::var("HEADROOM_EVICTIONS").map_or(20, |it| it.parse().expect("a number"));
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("xtask-gate-test");
    fs::create_dir(&gate).unwrap();
    let gate = gate.join("cachepot");
    symlink(env!("CARGO_BIN_EXE_cargo-headroom"), &gate).unwrap();
    let name = format!("xtask-guard-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let controller = UnixListener::bind_addr(&address).unwrap();

    // The second has an error in its last line.
    let good: String = (0..300).map(|n| format!("pub fn f{n}() -> usize {{ {n} }}\n")).collect();
    let bad = good.clone() + "pub fn name() -> u8 { \"a\" }\n";
    let start = |mut command: Command, source: &str| -> Child {
        command.args("--crate-name probe --crate-type lib --emit metadata,link -".split(' '));
        command.args(["--edition", "2024", "--out-dir", "."]).current_dir(folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
        child
    };
    let rustc = || env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let files = ["libprobe.rlib", "libprobe.rmeta"].map(|it| folder.path().join(it));
    // What it makes, after which nothing of it is left.
    let take = |ended: Output| {
        let made = files.each_ref().map(|it| fs::read(it).ok());
        files.iter().filter(|it| it.exists()).for_each(|it| fs::remove_file(it).unwrap());
        (ended.status.code(), ended.stdout, ended.stderr, made)
    };
    let began = Instant::now();
    let [of_good, of_bad] = [&good, &bad].map(|it| {
        let child = start(Command::new(rustc()), it);
        take(child.wait_with_output().unwrap())
    });
    let micros = began.elapsed().as_micros() as u64 / 2;
    assert_eq!((of_good.0, of_bad.0), (Some(0), Some(1)));
    assert!(of_good.3.iter().all(Option::is_some), "nothing was made");

    let (mut n_started, mut n_ended) = (0, 0);
    for round in 0.. {
        if n_ended >= n_wanted {
            break;
        }
        let (source, expected) = [(&good, &of_good), (&bad, &of_bad)][round % 2];
        let mut command = Command::new(&gate);
        command.arg(rustc()).env("XTASK_GUARD_SOCKET", &name).env_remove("RUSTC_WRAPPER");
        let child = start(command, source);
        let end = thread::spawn(move || child.wait_with_output().unwrap());
        let mut stream = BufReader::new(controller.accept().unwrap().0);
        let mut n_left = 10;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).unwrap() == 0 {
                break;
            }
            let fields: Vec<&str> = line.trim_end().split('\t').collect();
            match fields[..] {
                ["ask", ..] => stream.get_mut().write_all(b"go\n").unwrap(),
                ["started", pid] if n_left > 0 => {
                    // It is ended unless it ends first.
                    let moment = Duration::from_micros(1 + n_started * 37 % 101 * micros / 100);
                    n_started += 1;
                    stream.get_ref().set_read_timeout(Some(moment)).unwrap();
                    let said = stream.fill_buf().map(<[u8]>::is_empty);
                    stream.get_ref().set_read_timeout(None).unwrap();
                    match said {
                        Err(err) if err.kind() == ErrorKind::WouldBlock => {
                            let group = Pid::from_raw(pid.parse().unwrap());
                            n_ended += u32::from(killpg(group, Signal::SIGKILL).is_ok());
                            n_left -= 1;
                        }
                        it => assert!(!it.unwrap(), "the gate is gone"),
                    }
                }
                ["started", _] => {}
                ["ended", "0", ..] => {}
                ["ended", "1", ..] => stream.get_mut().write_all(b"final\n").unwrap(),
                ["ended", ..] => stream.get_mut().write_all(b"again\n").unwrap(),
                _ => panic!("{line}"),
            }
        }
        let found = take(end.join().unwrap());
        assert!(&found == expected, "after {n_ended} ends: {:?}, {:?}", found.0, found.2);
    }
}
