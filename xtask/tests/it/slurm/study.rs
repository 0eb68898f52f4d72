//! Studies on two nodes are those of one process.

use std::{env, fs, process::Command};

use serde_json::{Value, json};

use super::login::{Login, TASKS, program};
use crate::common::tell;

/// All 160 comparisons if `PHI_SLURM_WHOLE` is set, else 40 that are quick.
fn study() -> &'static str {
    if env::var_os("PHI_SLURM_WHOLE").is_some() { "--sizes 5,6,7,8" } else { TASKS }
}

#[test]
fn a_study_on_two_nodes_is_that_of_one_process() {
    let Some(login) = Login::start() else { return };
    program();
    let args = study();
    let before = login.cluster.cpu_seconds();
    let ended = login.run(login.validate("--max-tasks 6", "nodes", args));
    ended.code(0);
    let after = login.cluster.cpu_seconds();
    let alone = login.one_process("one", args);
    if let (Some(before), Some(after), Some(alone)) = (before, after, alone) {
        let on_nodes = after - before;
        tell(&format!(
            "{args}: {on_nodes:.1} s of CPU time on two nodes with their daemons, {alone:.1} s in \
            one process"
        ));
    }
    login.is_the_same("nodes", "one");
    // Nothing is left of it in the queue, and the same command finds it done.
    let queue = login.cluster.run("squeue --noheader");
    assert_eq!(queue.stdout, "", "{queue:?}");
    login.run(login.validate("--max-tasks 6", "nodes", args)).code(0);
    login.is_the_same("nodes", "one");
}

#[test]
fn a_run_that_was_left_is_attached() {
    let Some(login) = Login::start() else { return };
    program();
    let args = "--sizes 4 --tie-orders 0";
    let ended = login.run(login.validate("--detach", "left", args));
    ended.code(0).says("detached; the tasks go on").says("cargo xtask runs attach");
    assert!(!login.runs().join("left/results.csv").exists());
    login.run(login.attach("left")).code(0);
    login.one_process("one", args);
    login.is_the_same("left", "one");
}

#[test]
fn scripts_that_are_submitted_by_hand_give_the_finished_run() {
    let Some(login) = Login::start() else { return };
    program();
    let args = "--sizes 4 --tie-orders 0";
    let written = login.run(login.validate("--dry-run", "hand", args));
    written.code(0);
    assert!(written.stdout.contains("nothing is submitted"), "{written:#?}");
    assert_eq!(login.cluster.run("squeue --noheader").stdout, "");
    let mut bash = login.cluster.command("bash");
    bash.arg(login.runs().join("hand/cluster/round-1/submit.sh"));
    login.run(bash).code(0);
    login.cluster.until("the last job gathers", || {
        let is_over = login.cluster.run("squeue --noheader").stdout.is_empty();
        is_over && login.runs().join("hand/report.html").exists()
    });
    login.one_process("one", args);
    login.is_the_same("hand", "one");
}

#[test]
fn one_phi_on_two_nodes_is_that_of_one_process() {
    let Some(login) = Login::start() else { return };
    // Six units that all see each other and have nothing in common.
    let n = 6;
    let tpm: Vec<Vec<f64>> = (0..1 << n)
        .map(|s| (0..n).map(|j| f64::from((s * 37 + j * 17 + s * j) % 89 + 5) / 100.0).collect())
        .collect();
    let network = login.runs().join("six.json");
    let text = json!({"tpm": tpm, "cm": vec![[1; 6]; 6], "state": [0, 1, 0, 0, 1, 1]}).to_string();
    fs::write(&network, text).unwrap();
    let phi = format!("phi --network {}", network.display());
    let mut alone = Command::new(program());
    alone.args(phi.split_whitespace()).args(["--format", "json"]);
    let alone = String::from_utf8(alone.output().unwrap().stdout).unwrap();

    let ended = login.run(login.validate("", "six", &phi));
    ended.code(0).says("round 2:");
    let untimed = |text: &str| {
        let mut document: Value = serde_json::from_str(text).unwrap();
        for name in ["stats", "elapsed_ms", "duration_ms"] {
            document.as_object_mut().unwrap().remove(name);
        }
        document
    };
    assert_eq!(untimed(&login.read("six/phi.json")), untimed(&alone));
}
