//! The files that xtask writes, with a fault at every call; `tests/crash` of the workspace says
//! how.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use self::harness::{Ended, Files, Finished, KILLS, Scenario, files, run};

#[path = "../../../tests/crash/harness.rs"]
mod harness;

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_xtask"))
}

/// xtask, without what the cargo that runs this test has put into the environment.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).env("NO_COLOR", "1").env_remove("CI").env_remove("RUST_BACKTRACE");
    for name in
        ["CARGO_BUILD_JOBS", "CARGO_TERM_COLOR", "CARGO_TARGET_DIR", "RUSTFLAGS", "RUSTC_WRAPPER"]
    {
        command.env_remove(name);
    }
    command.env_remove("SBATCH_PARTITION");
    command
}

/// Returns the number of processes to kill at random moments, of each command.
fn n_kills() -> usize {
    std::env::var(KILLS).map_or(1, |it| it.parse().expect("a number of kills"))
}

fn text(text: &str) -> Option<Vec<u8>> {
    Some(text.as_bytes().to_vec())
}

fn json(content: &[u8]) -> Value {
    let text = String::from_utf8_lossy(content);
    serde_json::from_slice(content).unwrap_or_else(|it| panic!("{it}: {text}"))
}

#[test]
fn a_build_and_what_is_remembered_of_it() {
    let manifest =
        "[package]\nname = \"small\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n";
    let lock = "version = 4\n\n[[package]]\nname = \"small\"\nversion = \"0.1.0\"\n";
    let mut before = Files::from([
        ("Cargo.toml".into(), text(manifest)),
        ("Cargo.lock".into(), text(lock)),
        ("src".into(), None),
        ("src/main.rs".into(), text("fn main() {}\n")),
        ("target".into(), None),
        ("target/xtask".into(), None),
        ("target/lifeguard-2024".into(), None),
        ("target/lifeguard-2024/photo".into(), text("of someone else")),
        ("target/xtask/ledger.json.4711.tmp".into(), text("of someone else")),
    ]);
    let build = ["build", "--bin", "small"];
    // What a build knows already must not be lost either.
    let first = tempfile::tempdir().unwrap();
    harness::write(first.path(), &before);
    let ended = run(command(&build).current_dir(first.path()));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let ledger = fs::read(first.path().join("target/xtask/ledger.json")).unwrap();
    before.insert("target/xtask/ledger.json".into(), Some(ledger));

    let known = |folder: &Path| -> Finished {
        let ledger = json(&fs::read(folder.join("target/xtask/ledger.json")).unwrap());
        let units = ledger["units"].as_array().unwrap().iter();
        units.map(|it| (format!("{} {}", it["package"], it["kind"]), String::new())).collect()
    };
    let normal = |folder: &Path| -> Files {
        let all = files(folder).into_iter();
        let is_kept = |name: &PathBuf| {
            let is_written = name.starts_with("target") && !name.starts_with("target/xtask");
            let is_first = name.starts_with("target/lifeguard-2024");
            let is_lock = name.ends_with("ledger.lock");
            // A file of its own for each of cargo's artifacts, and one that only says which gate it
            // is.
            (!is_written || is_first) && !is_lock && !name.starts_with("target/xtask/xtask-gate")
        };
        all.filter(|(name, _)| is_kept(name))
            .map(|(name, content)| {
                let file = name.file_name().unwrap().to_string_lossy().into_owned();
                let content = content.map(|it| match file.as_str() {
                    "ledger.json" | "build.json" => {
                        json(&it);
                        Vec::new()
                    }
                    "build.svg" => {
                        assert!(it.trim_ascii_end().ends_with(b"</svg>"));
                        Vec::new()
                    }
                    _ => it,
                });
                (name, content)
            })
            .collect()
    };
    let scenario = Scenario {
        name: "xtask build",
        sample: 4,
        before,
        program: program(),
        command: &|_| command(&build),
        codes: &[1, 2],
        optional: &["target"],
        go_on: &|folder| {
            let ended = run(command(&build).current_dir(folder));
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        },
        finished: &known,
        normal: &normal,
    };
    scenario.check();
    scenario.kill_at_random(n_kills());
}

/// The answer of `runs attach`, with stand-ins for Slurm and for the study's program.
fn attach(folder: &Path) -> Command {
    let mut command = command(&["runs", "attach", "runs/a", "--format", "json"]);
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", folder.join("bin").display())).env("FAKE", folder);
    command.current_dir(folder);
    command
}

#[test]
fn a_run_on_a_cluster() {
    let record = serde_json::json!({
        "schema": "phi-validation/slurm", "version": 1, "run": "a", "run_args": [], "wishes": {},
        "prefix": "phi-a-a1", "proven": false, "exclude": [], "rounds": [],
    });
    let record = xtask::fuzzing::sealed_slurm_record(&record.to_string()).unwrap();
    let mut before = Files::from([
        ("runs".into(), None),
        ("runs/a".into(), None),
        ("runs/a/cluster".into(), None),
        ("runs/a/cluster/journals".into(), None),
        ("runs/a/cluster/round-1".into(), None),
        ("runs/a/cluster/round-1/plan".into(), text("1\n2\n")),
        ("runs/a/cluster/job.json".into(), text("{\"items\": 2}")),
        ("runs/a/cluster/behaviour".into(), text("")),
        ("runs/a/cluster/program".into(), text(include_str!("attach/program.sh"))),
        ("runs/a/cluster/slurm.json".into(), text(&record)),
        ("runs/a/cluster/slurm.json.4711.tmp".into(), text("of someone else")),
        ("bin".into(), None),
    ]);
    for name in ["sbatch", "squeue", "scancel", "scontrol", "sinfo"] {
        before.insert(format!("bin/{name}").into(), text(include_str!("attach/slurm.sh")));
    }
    let end = |ended: &Ended| {
        // A follower that died is known to be dead, so the next one may follow.
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    };
    let scenario = Scenario {
        name: "runs attach",
        sample: 4,
        before,
        program: program(),
        command: &attach,
        codes: &[1, 2, 4],
        optional: &["cluster", "jobs", "asked"],
        go_on: &|folder| end(&run(&mut attach(folder))),
        // Each task is submitted once, whatever happened: the record is written before the
        // submission.
        finished: &|folder| {
            let jobs = fs::read_dir(folder.join("jobs")).into_iter().flatten();
            jobs.map(|it| (it.unwrap().file_name().into_string().unwrap(), String::new())).collect()
        },
        normal: &|folder| {
            let all = files(folder).into_iter();
            let is_kept = |name: &PathBuf| {
                !name.starts_with("jobs")
                    && name != Path::new("asked")
                    && !name.starts_with("runs/a/cluster/out")
            };
            all.filter(|(name, _)| is_kept(name))
                .map(|(name, content)| {
                    let content = content.map(|it| match name.ends_with("slurm.json") {
                        true => json(&it)["rounds"][0]["arrays"].to_string().into(),
                        // Scripts name their folder.
                        false => String::from_utf8_lossy(&it)
                            .replace(&folder.display().to_string(), "FOLDER")
                            .into(),
                    });
                    (name, content)
                })
                .collect()
        },
    };
    scenario.check();
    scenario.kill_at_random(n_kills());
}
