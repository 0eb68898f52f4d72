//! A cluster's limits, or what it lacks, are reported in one sentence, with what to do.

use std::{env, fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::login::{Login, TASKS, program};
use crate::common::Ended;

/// A study of one task.
const SMALL: &str = "--sizes 4 --tie-orders 0";

impl Login {
    /// Have the nodes, but not this machine, see a file or a folder as another one, or as an empty
    /// folder.
    fn hide(&mut self, path: &Path, behind: Option<&Path>) {
        let path = path.display();
        let mount = match behind {
            Some(other) => format!("mount --bind '{}' '{path}'", other.display()),
            None => format!("mount -t tmpfs none '{path}'"),
        };
        let done = self.cluster.path("hidden");
        self.cluster.tell(&format!("{mount} && touch '{}'", done.display()));
        self.cluster.until("it is hidden", || done.exists());
        fs::remove_file(done).unwrap();
    }

    /// The run ends with code 4 and one error, which has all these words, and nothing of it is left
    /// in the queue.
    #[track_caller]
    fn refuses(&self, ended: &Ended, words: &[&str]) {
        ended.code(4);
        for it in words {
            ended.says(it);
        }
        let errors: Vec<&str> = ended.stderr.lines().filter(|it| it.starts_with("error")).collect();
        assert!(errors.len() <= 1, "{errors:#?}");
        self.cluster.until("the queue is empty", || {
            self.cluster.run("squeue --noheader").stdout.is_empty()
        });
    }
}

#[test]
fn without_slurm_in_the_path_nothing_is_built() {
    let Some(login) = Login::start() else { return };
    let mut command = login.validate("", "x", SMALL);
    // The toolchain's own programs.
    command.env("PATH", Path::new(env!("CARGO")).parent().unwrap());
    let ended = login.run(command);
    login.refuses(&ended, &["is not in the PATH"]);
    assert!(!login.runs().join("x").exists());
}

#[test]
fn a_partition_that_is_not_there_is_named_with_those_that_are() {
    let Some(login) = Login::start() else { return };
    let ended = login.run(login.validate("--partition nope", "x", SMALL));
    login.refuses(&ended, &["there is no partition nope", "main"]);
    assert!(!login.runs().join("x").exists());
}

#[test]
fn a_controller_that_does_not_answer_is_told_of() {
    let Some(login) = Login::start() else { return };
    let controller = login.cluster.controller().unwrap();
    assert!(login.cluster.kill(&controller));
    login.cluster.until("it is gone", || login.cluster.controller().is_none());
    let ended = login.run(login.validate("", "x", SMALL));
    ended.code(4).says("Unable to contact slurm controller");
    assert!(!login.runs().join("x").exists());
}

#[test]
fn more_tasks_than_an_array_may_have_are_several_arrays() {
    let Some(login) = Login::with("MaxArraySize=3") else { return };
    program();
    let args = TASKS;
    login.run(login.validate("", "arrays", args)).code(0);
    let record =
        serde_json::from_str::<serde_json::Value>(&login.read("arrays/cluster/slurm.json"));
    let record = record.unwrap();
    let arrays = record["rounds"][0]["arrays"].as_array().unwrap();
    assert!(arrays.len() > 1, "one array shows nothing: {record:#}");
    assert!(arrays.iter().all(|it| it["n_tasks"].as_u64().unwrap() <= 2), "{record:#}");
    login.one_process("one", args);
    login.is_the_same("arrays", "one");
}

#[test]
fn nodes_that_do_not_see_the_folder_are_told_of_at_the_first_task() {
    let Some(mut login) = Login::start() else { return };
    program();
    let runs = login.runs();
    login.hide(&runs, None);
    let ended = login.run(login.validate("", "x", SMALL));
    login.refuses(&ended, &["do not see", "-- --runs FOLDER"]);
}

/// The nodes see this instead of the program.
#[track_caller]
fn program_is(script: &str, words: &[&str]) {
    let Some(mut login) = Login::start() else { return };
    program();
    login.run(login.validate("--dry-run", "x", SMALL)).code(0);
    let other = login.cluster.path("other");
    fs::write(&other, script).unwrap();
    fs::set_permissions(&other, fs::Permissions::from_mode(0o755)).unwrap();
    let program = login.runs().join("x/cluster/program");
    login.hide(&program, Some(&other));
    let ended = login.run(login.validate("", "x", SMALL));
    login.refuses(&ended, words);
}

#[test]
fn a_processor_that_lacks_instructions_is_told_of_at_the_first_task() {
    program_is(
        "#!/bin/bash\nkill -ILL $$\n",
        &["instructions that the nodes' processors do not have"],
    );
}

#[test]
fn an_older_system_library_is_told_of_at_the_first_task() {
    let loader = "#!/bin/bash\necho \"program: /lib64/libc.so.6: version \\`GLIBC_2.34' not found \
        (required by program)\" >&2\nexit 1\n";
    program_is(loader, &["their system library is another one", "GLIBC_2.34"]);
}
