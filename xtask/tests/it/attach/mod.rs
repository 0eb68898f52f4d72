//! `runs attach` end to end with a stand-in for Slurm and for the study's program, so it is tested
//! where there is no Slurm.
//!
//! `slurm` does the same with the real ones, where it can.

use std::{
    env, fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use xshell::{Shell, TempDir};

use crate::common::{Ended, Running};

/// A planned run of a name that needs quoting, and a Slurm of arrays of three tasks at most.
struct Login {
    dir: TempDir,
}

impl Login {
    /// `behaviour`: bash that every task runs; `$item` is its item.
    fn new(n_items: usize, behaviour: &str) -> Login {
        let login = Login { dir: Shell::new().unwrap().create_temp_dir().unwrap() };
        let job = login.job();
        for folder in ["journals", "round-1"] {
            fs::create_dir_all(job.join(folder)).unwrap();
        }
        let items: String = (1..=n_items).map(|it| format!("{it}\n")).collect();
        fs::write(job.join("round-1/plan"), items).unwrap();
        fs::write(job.join("job.json"), format!("{{\"items\": {n_items}}}")).unwrap();
        fs::write(job.join("behaviour"), behaviour).unwrap();
        script(&job.join("program"), include_str!("program.sh"));
        fs::write(job.join("slurm.json"), sealed(&record(&serde_json::json!([])))).unwrap();
        let bin = login.dir.path().join("bin");
        fs::create_dir(&bin).unwrap();
        script(&bin.join("sbatch"), include_str!("slurm.sh"));
        for name in ["squeue", "scancel", "scontrol", "sinfo"] {
            symlink("sbatch", bin.join(name)).unwrap();
        }
        login
    }

    fn job(&self) -> PathBuf {
        self.dir.path().join("runs/it's 5%/cluster")
    }

    fn attach(&self, args: &[&str]) -> Ended {
        self.command(args).output().unwrap().into()
    }

    fn command(&self, args: &[&str]) -> Command {
        let path =
            format!("{}:{}", self.dir.path().join("bin").display(), env::var("PATH").unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(["runs", "attach", "runs/it's 5%"]).args(args).current_dir(self.dir.path());
        command.env("PATH", path).env("FAKE", self.dir.path()).env("NO_COLOR", "1");
        command.env_remove("SBATCH_PARTITION").stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Number of calls of a command of Slurm.
    fn n_calls(&self, name: &str) -> usize {
        self.calls(name).len()
    }

    fn calls(&self, name: &str) -> Vec<String> {
        let asked = fs::read_to_string(self.dir.path().join("asked")).unwrap_or_default();
        asked.lines().filter(|it| it.starts_with(name)).map(str::to_owned).collect()
    }

    /// Puts a job into the queue: an array of one task, which Slurm could not start and holds.
    fn put_aside(&self, id: u64, folder: &Path) {
        let job = self.dir.path().join(format!("jobs/{id}"));
        fs::create_dir_all(&job).unwrap();
        fs::write(job.join("name"), format!("{PREFIX}-r1-1\n")).unwrap();
        fs::write(job.join("folder"), format!("{}\n", folder.display())).unwrap();
        fs::write(job.join("t1"), "PENDING|launch failed requeued held|0\n").unwrap();
    }
}

/// The beginning of the names of this run's jobs.
const PREFIX: &str = "phi-it_s_5_-a1";

/// The content of a record with these rounds.
fn record(rounds: &Value) -> String {
    let record = serde_json::json!({
        "schema": "phi-validation/slurm", "version": 1, "run": "it's 5%", "run_args": [],
        "wishes": {}, "prefix": PREFIX, "proven": false, "exclude": [], "rounds": rounds,
    });
    record.to_string()
}

/// The content of a record whose one task was submitted as job 900.
fn submitted() -> String {
    record(&serde_json::json!([{
        "round": 1, "n_tasks": 1, "items_before": 0, "cpus": 1, "mem_mib": null,
        "time_minutes": 6, "over": false, "arrays": [{
            "name": format!("{PREFIX}-r1-1"), "offset": 0, "n_tasks": 1, "tried": true,
            "job_id": 900,
        }],
    }]))
}

fn sealed(record: &str) -> String {
    xtask::fuzzing::sealed_slurm_record(record).unwrap()
}

fn script(file: &Path, text: &str) {
    fs::write(file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_is_missing_is_submitted_again_and_all_is_gathered() {
    // Items 2 and 4 fail the first time.
    let login = Login::new(5, "case $item in 2 | 4) [ \"$5\" != 1 ] ;; esac || return 3");
    let ended = login.attach(&["--format", "json"]);
    ended.code(0).says("submitted 3 tasks as job 100 (1 of 2 arrays)");
    ended.says(
        "2 of 5 exact problems are missing after round 1 (2 × exit code 3): only these go \
        into round 2",
    );
    // With JSON, what the program prints is conversation.
    ended.says("gathered 5 of 5");
    let document = ended.document();
    let told = &document["cluster"];
    assert_eq!((&told["left"], &document["exit"]), (&"finished".into(), &"success".into()));
    let rounds = told["submissions"]["rounds"].as_array().unwrap();
    let arrays = |round: usize| rounds[round]["arrays"].as_array().unwrap().len();
    assert_eq!((rounds.len(), arrays(0), arrays(1)), (2, 2, 1));
    assert_eq!(rounds[0]["mem_mib"], 48);
    assert!(!login.job().join("follower.json").exists());
    // Nothing is left to do: it is gathered again, and nothing is submitted.
    login.attach(&[]).code(0);
    assert_eq!(login.n_calls("sbatch --parsable"), 3);
}

#[test]
fn a_submission_without_an_answer_is_found_by_its_name() {
    let login = Login::new(5, "");
    fs::write(login.dir.path().join("lose"), "").unwrap();
    login.attach(&[]).code(0).says("sbatch got no answer");
    assert_eq!(fs::read_dir(login.dir.path().join("jobs")).unwrap().count(), 2);
}

#[test]
fn a_program_that_cannot_run_there_is_said_in_one_sentence() {
    let login = Login::new(5, "echo \"program: version \\`GLIBC_2.39' not found\"; return 1");
    // The last task of each array waits in the queue.
    fs::write(login.dir.path().join("busy"), "").unwrap();
    let ended = login.attach(&[]);
    ended
        .code(4)
        .says("error: the program does not run on the nodes: their system library is another one")
        .says("the other tasks are cancelled)");
    assert_eq!(login.calls("scancel"), ["scancel 100 101"]);
    // Once the cause is mended, it goes on.
    fs::remove_file(login.dir.path().join("busy")).unwrap();
    fs::write(login.job().join("behaviour"), "").unwrap();
    login.attach(&[]).code(0);
}

#[test]
fn a_refusal_of_slurm_comes_with_a_remedy() {
    let login = Login::new(2, "");
    let words = "sbatch: error: Batch job submission failed: Invalid account or account/partition \
        combination specified\n";
    fs::write(login.dir.path().join("refuse"), words).unwrap();
    login.attach(&[]).code(4).says("sbatch: Batch job submission failed: Invalid account");
    fs::remove_file(login.dir.path().join("refuse")).unwrap();
    login.attach(&["--detach"]).code(0).says("to come back: cargo xtask runs attach '");
}

#[test]
fn what_fails_four_times_is_reported_with_the_rows_that_are_there() {
    let login = Login::new(3, "[ $item != 3 ] || return 1");
    let ended = login.attach(&[]);
    ended.code(1).says("1 item is missing after all attempts: the last (4 attempts)");
    assert!(ended.stdout.contains("gathered 2 of 3 --partial"), "{ended:#?}");
}

#[test]
fn a_job_is_cancelled_by_the_number_that_the_queue_shows() {
    let login = Login::new(1, "");
    // Whoever wrote the record: job 900 is another one, whose task is not ours to cancel.
    fs::write(login.job().join("slurm.json"), sealed(&submitted())).unwrap();
    login.put_aside(100, &login.job());
    login.attach(&[]).code(0).says("Slurm could not start 1 task and holds it: cancelled");
    assert_eq!(login.calls("scancel"), ["scancel 100_1"]);
    assert_eq!(fs::read_dir(login.job().join("journals")).unwrap().count(), 1);
}

#[test]
fn a_job_of_another_folder_is_not_cancelled() {
    let login = Login::new(1, "");
    fs::write(login.job().join("slurm.json"), sealed(&submitted())).unwrap();
    let folder = login.dir.path().join("runs/first/cluster");
    login.put_aside(100, &folder);
    let mut command = login.command(&[]);
    let mut xtask = Running::new(command.spawn().unwrap(), Duration::from_secs(120));
    // It looks once a second. A task that ends by itself ends the wait.
    let deadline = Instant::now() + Duration::from_secs(120);
    while login.n_calls("squeue -h") < 3 {
        assert!(Instant::now() < deadline && !xtask.has_ended(), "it does not look");
        thread::sleep(Duration::from_millis(20));
    }
    let task = login.dir.path().join("jobs/100/t1");
    assert!(fs::read_to_string(&task).unwrap().starts_with("PENDING"));
    fs::write(&task, "CANCELLED|None|15\n").unwrap();
    let ended = xtask.wait();
    ended.code(0).says("Slurm holds 1 task with the name of this run, and shows another folder");
    assert_eq!(login.n_calls("scancel"), 0);
    assert_eq!(ended.stderr.matches("shows another folder").count(), 1, "{ended:#?}");
}

#[test]
fn a_record_that_xtask_has_not_written_is_refused_and_nothing_is_asked_of_slurm() {
    let login = Login::new(1, "");
    login.put_aside(100, &login.job());
    let refused = |text: &str, why: &str| {
        fs::write(login.job().join("slurm.json"), text).unwrap();
        let ended = login.attach(&[]);
        ended.code(1).says(why).says("If `squeue --me` shows no tasks of this run any more");
        assert_eq!(fs::read_to_string(login.job().join("slurm.json")).unwrap(), text);
        for name in ["sbatch --parsable", "scancel"] {
            assert_eq!(login.calls(name), [""; 0]);
        }
    };
    let whole = sealed(&submitted());
    refused(&whole.replace("900", "100"), "it was changed or damaged");
    refused(&whole.replace("a1-r1-1", "a1-r1-2"), "it was changed or damaged");
    refused(&submitted(), "written by an earlier version of this program");
    refused(&sealed(&submitted().replace("-r1-1", "-r1-2")), "expected \"phi-it_s_5_-a1-r1-1\"");
    refused(&sealed(&submitted().replace("tried", "tired")), "not what xtask writes");
    // What the message says to do.
    fs::remove_file(login.job().join("slurm.json")).unwrap();
    login.attach(&[]).code(2).says("`cargo xtask validate --on slurm` with the arguments");
}

#[test]
fn what_is_no_file_in_the_place_of_a_record_is_left_alone() {
    let login = Login::new(1, "");
    let elsewhere = login.dir.path().join("elsewhere");
    for name in ["slurm.json", "follower.json"] {
        let file = login.job().join(name);
        let before = fs::read(&file).ok();
        fs::write(&elsewhere, before.as_deref().unwrap_or_default()).unwrap();
        let refused = || {
            login.attach(&[]).code(1).says(&format!("{name}: it is a folder, a link, a pipe"));
            assert_eq!(login.n_calls("sbatch --parsable"), 0);
            assert!(!fs::symlink_metadata(&file).unwrap().is_file());
            assert_eq!(fs::read(&elsewhere).unwrap(), before.as_deref().unwrap_or_default());
        };
        fs::remove_file(&file).ok();
        symlink(&elsewhere, &file).unwrap();
        refused();
        fs::remove_file(&file).unwrap();
        if Command::new("mkfifo").arg(&file).status().is_ok_and(|it| it.success()) {
            refused();
            fs::remove_file(&file).unwrap();
        }
        if let Some(content) = before {
            fs::write(&file, content).unwrap();
        }
    }
    // So is a script; nothing is submitted then.
    let script = login.job().join("round-1/task.sh");
    symlink(&elsewhere, &script).unwrap();
    login.attach(&[]).code(1).says("task.sh: it is a folder, a link, a pipe");
    assert_eq!(login.n_calls("sbatch --parsable"), 0);
    fs::remove_file(&script).unwrap();
    // A name of a follower from a time that no clock shows keeps nobody away.
    let name = serde_json::json!({"host": "x", "realm": "", "pid": 7, "started": 1,
        "written": u64::MAX});
    fs::write(login.job().join("follower.json"), name.to_string()).unwrap();
    login.attach(&[]).code(0);
}
