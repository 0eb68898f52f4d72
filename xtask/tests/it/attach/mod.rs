//! `runs attach` end to end with a stand-in for Slurm and for the study's program, so it is tested
//! where there is no Slurm.
//!
//! `slurm` does the same with the real ones, where it can.

use std::{
    env, fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use xshell::{Shell, TempDir};

use crate::common::Ended;

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
        let record = serde_json::json!({
            "schema": "phi-validation/slurm", "version": 1, "run": "it's 5%", "run_args": [],
            "wishes": {}, "prefix": "phi-5-a1", "proven": false, "exclude": [], "rounds": [],
        });
        fs::write(job.join("slurm.json"), record.to_string()).unwrap();
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
        let path =
            format!("{}:{}", self.dir.path().join("bin").display(), env::var("PATH").unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(["runs", "attach", "runs/it's 5%"]).args(args).current_dir(self.dir.path());
        command.env("PATH", path).env("FAKE", self.dir.path()).env("NO_COLOR", "1");
        command.env_remove("SBATCH_PARTITION").stdin(Stdio::null());
        command.output().unwrap().into()
    }

    /// Number of calls of a command of Slurm.
    fn n_calls(&self, name: &str) -> usize {
        let asked = fs::read_to_string(self.dir.path().join("asked")).unwrap();
        asked.lines().filter(|it| it.starts_with(name)).count()
    }
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
    let ended = login.attach(&[]);
    ended
        .code(4)
        .says("error: the program does not run on the nodes: their system library is another one");
    assert!(login.n_calls("scancel") > 0);
    // Once the cause is mended, it goes on.
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
