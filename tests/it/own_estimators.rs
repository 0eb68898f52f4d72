//! Estimates of one's own: by a program, and by a CSV of values.

use serde_json::Value;

use crate::program::{Finished, PHI, Place};

/// The comparisons in the journal of a run.
fn entries(place: &Place, journal: &str) -> Vec<Value> {
    let text = place.read(journal);
    let lines = text.lines().map(|it| serde_json::from_str::<Value>(it).unwrap());
    lines.filter(|it| it["kind"] == "comparison").collect()
}

/// `phi` with arguments that may have spaces.
fn phi(place: &Place, arguments: &[&str]) -> Finished {
    let mut command = std::process::Command::new(PHI);
    command.current_dir(place.path("")).args(arguments).env_remove("CI");
    command.stdin(std::process::Stdio::null()).output().unwrap().into()
}

#[test]
fn a_csv_of_values_is_an_estimate() {
    let place = Place::new();
    let study = "study --topologies Ring,Star --sizes 3,4 --seeds 1,2 --quiet";
    place.phi(&format!("{study} --estimators te --out te.csv")).succeeded();
    // A file with the columns of a study and one more, in another order.
    let with = |value: &dyn Fn(usize) -> String| -> Vec<String> {
        let csv = place.read("te.csv");
        let lines = csv.lines().enumerate();
        lines.map(|(at, line)| format!("{},{line}", value(at))).collect()
    };
    let value = |at: usize| match at {
        0 => "mine".to_owned(),
        at => format!("{}", at as f64 / 8.0),
    };
    let mut lines = with(&value);
    lines[1..].reverse();
    lines.push("9,Dense,8,1,0,0,0,0,0".to_owned()); // of another study
    place.write("mine.csv", lines.join("\n"));
    let own = format!("{study} --estimator-values mine=mine.csv");
    place.phi(&format!("{own} --estimators te,mine --out both.csv")).succeeded();
    for (at, entry) in entries(&place, "both.journal.jsonl").iter().enumerate() {
        assert_eq!(entry["estimates"]["mine"].as_f64().unwrap(), (at + 1) as f64 / 8.0);
    }
    assert!(place.read("both.csv").lines().next().unwrap().ends_with("duration_ms,mine"));
    // Without --estimators the study is about it.
    place.phi(&format!("{own} --out one.csv")).succeeded();
    assert_eq!(entries(&place, "one.journal.jsonl").len(), 8);
    assert!(place.read("one.csv").contains("\nStar,3,1,0.125,"));

    let refused = |lines: &[String], message: &str| {
        place.write("wrong.csv", lines.join("\n"));
        let own = format!("{study} --estimator-values mine=wrong.csv --out wrong-rows.csv");
        let found = place.phi(&own);
        assert_eq!(found.code, Some(2), "{}", found.stderr);
        assert!(found.stderr.contains(message), "{}\nexpected {message}", found.stderr);
        // Nothing was begun.
        assert!(!place.path("wrong-rows.csv").exists());
    };
    refused(&lines[..8], "wrong.csv: no row of Star n = 3 seed 1: expected one");
    let mut twice = lines.clone();
    twice.push(lines[3].clone());
    let cells: Vec<&str> = lines[3].split(',').collect();
    let key = format!("{} n = {} seed {}", cells[1], cells[2], cells[3]);
    let message = format!("wrong.csv, line 11: {key} is in line 4 already: expected it once");
    refused(&twice, &message);
    let changed = |at: usize, from: &str, to: &str| {
        let mut lines = lines.clone();
        lines[at] = lines[at].replacen(from, to, 1);
        lines
    };
    refused(&changed(0, "mine", "other"), "wrong.csv, line 1: no column \"mine\" in ");
    for wrong in ["nan", "x", "", "1e999"] {
        let cell = lines[2].split(',').next().unwrap();
        let message = format!("wrong.csv, line 3: mine {wrong:?}: expected a finite number");
        refused(&changed(2, cell, wrong), &message);
    }
    refused(&changed(2, "Ring", "Comet"), "wrong.csv, line 3: topology \"Comet\": ");
    let mut short = lines.clone();
    short[4] = "1,Ring".to_owned();
    refused(&short, "wrong.csv, line 5: ");

    // Rows of a study of several cases have more columns.
    place.write(
        "cases.toml",
        "topologies = [\"Ring\"]\nsizes = [3]\nseeds = 1\nrules = [\"or\", \"xor\"]\n\
         estimators = [\"te\", \"mine\"]\n",
    );
    let cases = "study --quiet --suite cases.toml --estimator-values mine=";
    let found = place.phi(&format!("{cases}mine.csv --out cases.csv"));
    let message = "expected one with the columns network, rule, state, formalism";
    assert!(found.stderr.contains(message), "{}", found.stderr);
    let header = "topology,n,seed,rule,state,formalism,mine\n";
    place.write("values.csv", format!("{header}Ring,3,1,xor,000,iit3,2\nRing,3,1,or,000,iit3,1\n"));
    place.phi(&format!("{cases}values.csv --out cases.csv")).succeeded();
    let found: Vec<Value> = entries(&place, "cases.journal.jsonl");
    assert_eq!(found.len(), 2);
    for entry in found {
        let is_or = entry["case"]["rule"].to_string().contains("\"or\"");
        assert_eq!(entry["estimates"]["mine"], if is_or { 1.0 } else { 2.0 }, "{entry}");
    }
}

#[test]
fn what_is_given_is_used_and_has_a_name_of_its_own() {
    let place = Place::new();
    place.write("v.csv", "topology,n,seed,mine\n");
    for (arguments, message) in [
        ("--estimator-values te=v.csv", "there is an estimator te already"),
        ("--estimator-values all=v.csv", "expected NAME=…"),
        ("--estimator-values v.csv", "expected NAME=…"),
        ("--estimator-program mine=", "expected NAME=…"),
        ("--estimator-values mine=nowhere.csv", "cannot read nowhere.csv"),
        (
            "--estimator-values mine=v.csv --estimators te",
            "estimator mine is given but not asked for: expected it in --estimators",
        ),
        ("--estimator-seconds 5", "--estimator-seconds without --estimator-program"),
    ] {
        let found = place.phi(&format!("study --sizes 3 {arguments}"));
        assert_eq!(found.code, Some(2), "{arguments}: {}", found.stderr);
        assert!(found.stderr.contains(message), "{arguments}: {}", found.stderr);
    }
    let plan = place.phi("cluster plan --run x --sizes 3 --estimator-values mine=v.csv");
    assert!(plan.stderr.contains("cluster plan with --estimator-values"), "{}", plan.stderr);
    assert_eq!(place.files(), ["v.csv"]);
}

#[cfg(unix)]
mod by_a_program {
    use super::*;
    use std::process::{Command, Stdio};
    use std::thread;
    use std::time::Duration;

    /// A study of four comparisons with an estimate by this shell script. It is called with the
    /// number of seconds for an answer.
    fn study(place: &Place, script: &str, seconds: &str) -> Finished {
        place.write("own.sh", script);
        let arguments = [
            "study",
            "--topologies",
            "Ring,Star",
            "--sizes",
            "3,4",
            "--seeds",
            "1",
            "--quiet",
            "--estimator-program",
            "mine=sh own.sh",
            "--estimator-seconds",
            seconds,
            "--out",
            "x.csv",
            "--force",
        ];
        phi(place, &arguments)
    }

    /// The programs that wrote their numbers into `pids` end. They are killed, but the system may
    /// take a moment.
    fn end(place: &Place) {
        for pid in place.read("pids").lines() {
            let lives = || {
                let status = std::fs::read_to_string(format!("/proc/{pid}/stat"));
                // What no process waits for is dead all the same.
                let is_dead = status.as_ref().is_ok_and(|it| it.contains(") Z "));
                let found = Command::new("kill").args(["-0", pid]).stderr(Stdio::null()).status();
                found.unwrap().success() && !is_dead
            };
            while lives() {
                thread::sleep(Duration::from_millis(10));
            }
        }
    }

    const N: &str = "sed -n 's/.*\"n\":\\([0-9]*\\).*/\\1/p'";

    #[test]
    fn it_answers_each_network_with_a_number() {
        let place = Place::new();
        for answer in [
            format!("echo \"$line\" | {N}"),
            format!(
                "id=$((id + 1)); n=$(echo \"$line\" | {N}); \
                 echo \"{{\\\"id\\\": $id, \\\"value\\\": $n}}\""
            ),
        ] {
            let script = format!("while read -r line; do {answer}; done\necho end >> ended\n");
            study(&place, &script, "60").succeeded();
            let found = entries(&place, "x.journal.jsonl");
            assert_eq!(found.len(), 4);
            for entry in found {
                assert_eq!(entry["estimates"]["mine"].as_f64(), entry["n"].as_f64());
            }
        }
        // It was let end by itself.
        assert_eq!(place.read("ended"), "end\nend\n");
        // What it reads is a network as `phi compute` reads it.
        let script = "read -r line; echo \"$line\" > first.json\necho 1\n\
                      while read -r line; do echo 1; done\n";
        study(&place, script, "60").succeeded();
        let question = place.json("first.json");
        assert_eq!((&question["id"], &question["key"]["topology"]), (&1.into(), &"Star".into()));
        let mut network = question.clone();
        network
            .as_object_mut()
            .unwrap()
            .retain(|name, _| ["tpm", "cm", "state"].contains(&&**name));
        place.write("network.json", network.to_string());
        let found = place.phi("compute network.json --format json").succeeded();
        let phi: Value = serde_json::from_str(&found.stdout).unwrap();
        assert_eq!(phi["phi"], entries(&place, "x.journal.jsonl")[0]["exact"]["phi"]);
    }

    #[test]
    fn whatever_it_does_is_said_and_it_is_not_left_running() {
        let place = Place::new();
        let begin = "echo $$ >> pids; sleep 1000 & echo $! >> pids\n";
        let answering = "while read -r line; do echo 1; done\n";
        for (script, seconds, message) in [
            (
                "echo no module >&2; exit 3\n".to_owned(),
                "60",
                "ended (exit status: 3) without an answer: expected a line; its standard \
                 error ends with \"no module\"",
            ),
            (
                "read -r line; echo 1; read -r line\n".to_owned(),
                "60",
                "Ring n = 3 seed 1: ended (exit status: 0) without an answer",
            ),
            (
                "read -r line; echo one\nsleep 1000\n".to_owned(),
                "60",
                "wrote \"one\": expected a finite number",
            ),
            (
                "read -r line; echo nan\nsleep 1000\n".to_owned(),
                "60",
                "wrote \"nan\": expected a finite number",
            ),
            ("read -r line; echo\nsleep 1000\n".to_owned(), "60", "wrote \"\": expected"),
            (
                "read -r line; echo '{\"id\": 2, \"value\": 1}'\nsleep 1000\n".to_owned(),
                "60",
                "expected the answer to id 1",
            ),
            (format!("echo hello; {answering}"), "60", "expected"),
            (format!("read -r line; echo 1; echo 2; {answering}"), "60", "mine (sh own.sh)"),
            (
                format!("{answering}echo bye\nsleep 1000\n"),
                "60",
                "wrote \"bye\" after its last answer",
            ),
            ("read -r line; sleep 1000\n".to_owned(), "1", "has not answered after 1s"),
            ("exec <&-; sleep 1000\n".to_owned(), "1", "has not answered after 1s"),
            ("read -r line; yes 1 | tr -d '\\n'\n".to_owned(), "60", "more than 4096 bytes"),
            ("yes\n".to_owned(), "60", "expected"),
        ] {
            let _ = std::fs::remove_file(place.path("pids"));
            let found = study(&place, &(begin.to_owned() + &script), seconds);
            assert_eq!(found.code, Some(2), "{script}: {}", found.stderr);
            assert!(found.stderr.contains(message), "{script}: {}", found.stderr);
            end(&place);
        }
        let missing =
            phi(&place, &["study", "--sizes", "3", "--estimator-program", "mine=./nothing"]);
        assert_eq!(missing.code, Some(2));
        let message = "estimator mine (./nothing): cannot be started: No such file";
        assert!(missing.stderr.contains(message), "{}", missing.stderr);
        assert!(!place.path("results.csv").exists(), "nothing was begun");
    }

    #[test]
    fn it_ends_with_the_study_that_is_interrupted() {
        let place = Place::new();
        place.write("own.sh", "echo $$ > pids.new; mv pids.new pids; read -r line; sleep 1000\n");
        let mut command = Command::new(PHI);
        command.current_dir(place.path("")).stdin(Stdio::null()).stderr(Stdio::piped());
        command.args(["study", "--sizes", "3", "--estimator-program", "mine=sh own.sh", "--quiet"]);
        let child = command.spawn().unwrap();
        while !place.path("pids").exists() {
            thread::sleep(Duration::from_millis(5));
        }
        let pid = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
        let found: Finished = child.wait_with_output().unwrap().into();
        assert_eq!(found.code, Some(130), "{}", found.stderr);
        end(&place);
    }

    #[test]
    fn the_example_in_python_runs() {
        let is_there = Command::new("python3").arg("--version").output().is_ok();
        if !is_there {
            return;
        }
        let place = Place::new();
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/own_estimator.py");
        let own = format!("density=python3 '{example}'");
        let study = ["study", "--topologies", "Ring,Star", "--sizes", "3,4", "--seeds", "1"];
        let arguments = [&study[..], &["--quiet", "--estimator-program", &own]].concat();
        phi(&place, &arguments).succeeded();
        let found = entries(&place, "results.journal.jsonl");
        let found: Vec<f64> =
            found.iter().map(|it| it["estimates"]["density"].as_f64().unwrap()).collect();
        // Star and Ring of 3, then of 4 units.
        assert_eq!(found, [4.0 / 6.0, 1.0, 0.5, 8.0 / 12.0]);
    }

    #[test]
    fn a_leaderboard_ranks_it() {
        let place = Place::new();
        place.write("own.sh", format!("while read -r line; do echo \"$line\" | {N}; done\n"));
        place.write(
            "one.toml",
            "seeds = 1\n[[networks]]\nfamily = \"tables\"\nsizes = [2, 3]\ncount = 4\n",
        );
        let arguments = [
            "leaderboard",
            "--suites",
            "one.toml",
            "--estimators",
            "te,mine",
            "--quiet",
            "--estimator-program",
            "mine=sh own.sh",
        ];
        phi(&place, &arguments).succeeded();
        let board = place.json("runs/leaderboard/leaderboard.json");
        let judged = &board["judgements"][0]["estimators"]["mine"];
        assert!(judged["r"]["value"].is_f64(), "{judged}");
        assert!(judged["estimate_ms"].as_f64().unwrap() > 0.0, "{judged}");
    }
}
