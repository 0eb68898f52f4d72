use std::fs;
use std::process::Child;
use std::thread;
use std::time::Duration;

use phi_validation::model::seeded::SeededStream;
use serde_json::Value;

use crate::program::{Finished, Place, resealed};

/// 63 rows of 26 exact problems, in about a second of a debug build: ties of other random networks
/// of 6 units take ten times as long.
const STUDY: &str = "--topologies Star,Ring,Random --sizes 4,5,6 --seeds 1,2,4,6,7,10,11";

/// 4 rows, 2 exact problems.
const SHORT: &str = "--topologies Ring,Line --sizes 4 --seeds 42,123";

/// Returns the JSON that a command prints.
#[track_caller]
pub(crate) fn json(finished: Finished) -> Value {
    serde_json::from_str(&finished.succeeded().stdout).unwrap()
}

/// The files in the folder of journals, by name.
pub(crate) fn journals(place: &Place, run: &str) -> Vec<String> {
    let folder = place.path(&format!("runs/{run}/cluster/journals"));
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        names.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|it| it.ends_with(".jsonl"));
    names.sort();
    names
}

/// The numbers 1 to n, shuffled.
pub(crate) fn shuffled(n: usize, stream: &mut SeededStream) -> Vec<usize> {
    let mut numbers: Vec<usize> = (1..=n).collect();
    for last in (1..n).rev() {
        numbers.swap(last, stream.next_u64() as usize % (last + 1));
    }
    numbers
}

/// Lets a task go on until it has a journal of its own, and then ends it as a power cut would.
pub(crate) fn kill_midway(place: &Place, run: &str, arguments: &str, prefix: &str) -> bool {
    let own = || journals(place, run).iter().filter(|it| it.starts_with(prefix)).count();
    let before = own();
    let mut child: Child =
        place.command(&format!("{arguments} --checkpoint-seconds 0.001")).spawn().unwrap();
    while own() == before && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap().code().is_none()
}

#[test]
fn tasks_in_any_order_killed_and_doubled_make_the_run_of_one_process() {
    let place = Place::new();
    place.run(&format!("{STUDY} --run whole")).succeeded();
    let mut stream = SeededStream::new("phi-validation test of tasks v1", &[1]);
    let plan =
        format!("cluster plan --format json --slots 2 --task-seconds 0.03 {STUDY} --run job");
    let mut standing = json(place.run(&plan));
    assert_eq!(standing["schema"], "phi-validation/cluster-round");
    assert_eq!((&standing["job"], &standing["stage"]), (&"study".into(), &"comparisons".into()));
    assert_eq!((&standing["n_items"], &standing["items_done"]), (&26.into(), &0.into()));
    let (mut n_killed, mut n_partial) = (0, 0);
    while standing["state"] == "planned" {
        let round = standing["round"].as_u64().unwrap();
        assert!(round <= 4, "{standing}");
        let n_tasks = standing["n_tasks"].as_u64().unwrap() as usize;
        for task in shuffled(n_tasks, &mut stream) {
            let one = format!("cluster task job --round {round} --task {task}");
            match stream.next_u64() % 4 {
                // A task that was not started.
                0 if round == 1 => {}
                1 if round <= 2 => {
                    let prefix = format!("r{round}-t{task:05}.");
                    n_killed += usize::from(kill_midway(&place, "job", &one, &prefix));
                }
                2 => {
                    let twins = [0, 1].map(|_| place.command(&one).spawn().unwrap());
                    for twin in twins {
                        Finished::from(twin.wait_with_output().unwrap()).succeeded();
                    }
                }
                _ => drop(place.run(&one).succeeded()),
            }
        }
        let status = json(place.run("cluster status job --format json"));
        let unfinished = status["unfinished_tasks"].as_array().unwrap();
        n_partial += unfinished.len();
        assert_eq!(status["tasks_done"], n_tasks - unfinished.len());
        if round == 1 {
            let missing = place.run("cluster gather job");
            assert_eq!(missing.code, Some(2));
            assert!(missing.stderr.contains(" of 26 exact problems are missing: "));
            assert!(!place.path("runs/job/settings.json").exists());
        }
        standing = json(place.run("cluster next job --format json"));
        let done = status["items_done"].as_u64().unwrap();
        assert_eq!(standing["items_done"], done);
        assert_eq!(standing["state"] == "finished", done == 26);
    }
    assert!(n_killed > 0 && n_partial > 0, "{n_killed} killed, {n_partial} partial");
    assert_eq!(standing["state"], "finished");

    let gathered = place.run("cluster gather job").succeeded();
    assert_eq!(place.untimed("runs/job/results.csv"), place.untimed("runs/whole/results.csv"));
    assert_eq!(gathered.stdout, place.run(&format!("{STUDY} --run whole")).succeeded().stdout);
    assert!(place.path("runs/job/report.html").exists());
    // It is an ordinary run: another start finds nothing to do, and gathering again changes
    // nothing.
    let journal = place.read("runs/job/journal.jsonl");
    assert_eq!(place.run("cluster gather runs/job").succeeded().stdout, gathered.stdout);
    assert_eq!(place.read("runs/job/journal.jsonl"), journal);
    let again = place.run(&format!("{STUDY} --run job")).succeeded();
    assert!(again.stderr.contains("; 63 rows are done"), "{}", again.stderr);
    assert_eq!(json(place.run(&plan))["state"], "finished");
}

#[test]
fn what_is_in_the_run_already_is_not_done_again() {
    let place = Place::new();
    place.run(&format!("{SHORT} --run whole")).succeeded();
    place.run(&format!("{SHORT} --run job")).succeeded();
    let text = place.read("runs/job/journal.jsonl");
    // One problem and half of the other.
    let kept: Vec<&str> = text.lines().take(4).collect();
    place.write("runs/job/journal.jsonl", kept.join("\n") + "\n");
    fs::remove_file(place.path("runs/job/results.csv")).unwrap();
    let plan = json(place.run(&format!("cluster plan --format json {SHORT} --run job")));
    assert_eq!((&plan["n_items"], &plan["items_done"]), (&2.into(), &1.into()));
    place.run("cluster task job --round 1 --task 1").succeeded();
    place.run("cluster gather job").succeeded();
    assert_eq!(place.untimed("runs/job/results.csv"), place.untimed("runs/whole/results.csv"));
    let lines: Vec<Value> = place
        .read("runs/job/journal.jsonl")
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    let sessions: Vec<&Value> = lines.iter().map(|it| &it["session"]).collect();
    assert_eq!(lines[1]["kind"], "session");
    assert_eq!(lines[1]["provenance"]["arguments"][1], "task");
    assert_eq!(sessions[2..], [1, 1, 1, 2]);
}

#[test]
fn rows_that_are_there_can_be_gathered() {
    let place = Place::new();
    place.run(&format!("{SHORT} --run whole")).succeeded();
    let plan = format!("cluster plan --format json --task-seconds 1e-6 {SHORT} --run job");
    assert_eq!(json(place.run(&plan))["n_tasks"], 2);
    place.run("cluster task job --round 1 --task 2").succeeded();
    place.run("cluster gather job --partial").succeeded();
    assert_eq!(place.read("runs/job/results.csv").lines().count(), 3);
    // Either way leads on: by tasks, or by one process in the folder.
    place.run("cluster task job --round 1 --task 1").succeeded();
    place.run("cluster gather job").succeeded();
    assert_eq!(place.untimed("runs/job/results.csv"), place.untimed("runs/whole/results.csv"));
    let sessions = place.read("runs/job/journal.jsonl");
    assert_eq!(sessions.matches("\"kind\":\"session\"").count(), 2);
}

/// The command must end with exit code 2 and this message (`{}` stands for the folder of the job).
#[track_caller]
fn check_refused(place: &Place, arguments: &str, message: &str) {
    let refused = place.run(arguments);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    let folder = fs::canonicalize(place.path("runs/job/cluster")).unwrap_or_default();
    let expected = message.replace("{}", &folder.display().to_string());
    assert!(refused.stderr.contains(&expected), "{}\nexpected {expected}", refused.stderr);
    assert_eq!(refused.stdout, "");
}

#[test]
fn a_job_of_other_settings_or_another_version_or_no_job_is_refused() {
    let place = Place::new();
    check_refused(&place, &format!("cluster plan {SHORT}"), "expected --run NAME");
    check_refused(
        &place,
        "cluster task runs/job/cluster --round 1 --task 1",
        "error: runs/job/cluster: is not the folder of a cluster job that this machine can see",
    );
    place.run(&format!("cluster plan {SHORT} --run job")).succeeded();
    check_refused(
        &place,
        &format!("cluster plan {SHORT} --rule xor --run job"),
        "cluster: holds a job of other settings (rule: majority, not xor)",
    );
    check_refused(
        &place,
        &format!("{SHORT} --run job"),
        "is not the folder of a run, but holds \"cluster\"",
    );
    place.run(&format!("{SHORT} --rule xor --run other")).succeeded();
    check_refused(
        &place,
        &format!("cluster plan {SHORT} --run other"),
        "runs/other: holds a run of other settings (rule: xor, not majority)",
    );
    fs::create_dir(place.path("runs/mine")).unwrap();
    place.write("runs/mine/notes", "");
    check_refused(
        &place,
        &format!("cluster plan {SHORT} --run mine"),
        "runs/mine: is not the folder of a run, but holds \"notes\"",
    );
    check_refused(
        &place,
        "cluster task job --round 2 --task 1",
        "cannot read {}/round-2/t00001.json: No such file",
    );
    let job = place.read("runs/job/cluster/job.json");
    let with = |from: &str, to: &str| {
        let changed = resealed("phi-validation/cluster", &job, |it| it.replacen(from, to, 1));
        assert_ne!(changed, job);
        changed
    };
    assert_eq!(resealed("phi-validation/cluster", &job, str::to_owned), job);
    let other = with(env!("CARGO_PKG_VERSION"), "9.9.9");
    place.write("runs/job/cluster/job.json", other);
    check_refused(
        &place,
        "cluster task job --round 1 --task 1",
        "the job was planned by version 9.9.9",
    );
    place.write("runs/job/cluster/job.json", job.replacen("\"cpus\":1", "\"cpus\":2", 1));
    check_refused(&place, "cluster status job", "error: {}/job.json: check \"");
    place.write("runs/job/cluster/job.json", with("\"cpus\":1", "\"cpus\":0"));
    check_refused(
        &place,
        "cluster status job",
        "error: {}/job.json: cpus 0: expected a number from",
    );
    place.write("runs/job/cluster/job.json", with("\"version\":1", "\"version\":2"));
    check_refused(
        &place,
        "cluster status job",
        "error: {}/job.json: schema \"phi-validation/cluster\" version 2: expected \
         \"phi-validation/cluster\" version 1",
    );
}

#[test]
fn journals_that_do_not_fit_are_named() {
    let place = Place::new();
    place.run(&format!("cluster plan {SHORT} --run job")).succeeded();
    place.run("cluster task job --round 1 --task 1").succeeded();
    let name = journals(&place, "job").remove(0);
    let folder = "runs/job/cluster/journals";
    let own = format!("{folder}/{name}");
    let text = place.read(&own);

    // What a process has not finished writing, and what the system hides, is no journal.
    place.write(&format!("{folder}/{name}.77.tmp"), &text[..100]);
    place.write(&format!("{folder}/.nfs0001"), "");
    place.run("cluster gather job").succeeded();
    fs::remove_file(place.path("runs/job/settings.json")).unwrap();

    let other = format!("{folder}/r1-t00001.-1-1.jsonl");
    let is_refused = |content: &str, message: &str| {
        place.write(&other, content);
        check_refused(&place, "cluster gather job", &format!("error: {{}}/journals/{message}"));
        fs::remove_file(place.path(&other)).unwrap();
    };
    // The same again, by another process, with other times: that is no harm.
    let (first, items) = text.split_at(text.find('\n').unwrap() + 1);
    let with = |from: &str, to: &str| {
        let kind = "phi-validation/cluster-item";
        first.to_owned() + &resealed(kind, items, |it| it.replacen(from, to, 1))
    };
    place.write(&other, with("\"elapsed_ms\":", "\"elapsed_ms\":1"));
    place.run("cluster gather job").succeeded();
    fs::remove_file(place.path("runs/job/settings.json")).unwrap();

    let twisted = with("\"phi\":", "\"phi\":1");
    is_refused(
        &twisted,
        &format!(
            "{name}, line 2: item 0 has another result than in {{}}/journals/r1-t00001.-1-1.jsonl, \
                  line 2: result.exact.phi is "
        ),
    );
    let file = "r1-t00001.-1-1.jsonl";
    is_refused("", &format!("{file}, line 1: no check at its end"));
    is_refused("{}\n", &format!("{file}, line 1: no check at its end"));
    let damaged = text.replacen("\"phi\":", "\"phi\":1", 1);
    is_refused(&damaged, &format!("{file}, line 2: check \""));
    let negative = with("\"work\":{\"duration_ms\":", "\"work\":{\"duration_ms\":-1");
    is_refused(&negative, &format!("{file}, line 2: duration_ms -1"));
    let head = |from: &str, to: &str| {
        resealed("phi-validation/cluster-journal", first, |it| it.replacen(from, to, 1)) + items
    };
    let late = head("\"started_unix_ms\":", "\"started_unix_ms\":999");
    is_refused(&late, &format!("{file}, line 1: started_unix_ms 999"));
    let of_other = head("\"job\":\"", "\"job\":\"0");
    is_refused(&of_other, "r1-t00001.-1-1.jsonl, line 1: belongs to another job (0");
    let cut: String = text.lines().take(2).map(|it| format!("{it}\n")).collect();
    is_refused(&cut, "r1-t00001.-1-1.jsonl, line 1: the items of the lines are not those");
    let torn = &text[..text.len() - 10];
    is_refused(torn, "r1-t00001.-1-1.jsonl, line 3: no check at its end");
    // What is not of this job is not overwritten, though it is in the folder of the run.
    for name in ["journal.jsonl", "summary.json", "report.md"] {
        let path = format!("runs/job/{name}");
        let kept = fs::read_to_string(place.path(&path)).unwrap_or_default();
        place.write(&path, "mine\n");
        check_refused(&place, "cluster gather job", &format!("runs/job/{name}: exists"));
        assert_eq!(place.read(&path), "mine\n");
        place.write(&path, kept);
    }
    place.run("cluster gather job").succeeded();
    place.write(&format!("{folder}/notes.txt"), "");
    check_refused(
        &place,
        "cluster status job",
        "{}/journals/notes.txt: is not a journal of this program",
    );
}

#[test]
fn what_is_never_done_is_given_up_after_four_rounds() {
    let place = Place::new();
    let plan = format!("cluster plan --format json --task-seconds 1e-6 {SHORT} --run job");
    let mut standing = json(place.run(&plan));
    place.run("cluster task job --round 1 --task 1").succeeded();
    for round in 2..=4 {
        standing = json(place.run("cluster next job --format json"));
        assert_eq!((&standing["state"], &standing["round"]), (&"planned".into(), &round.into()));
        assert_eq!((&standing["n_tasks"], &standing["items_done"]), (&1.into(), &1.into()));
    }
    let given_up = json(place.run("cluster next job --format json"));
    assert_eq!(given_up["state"], "given-up");
    assert_eq!((&given_up["round"], &given_up["n_given_up"]), (&4.into(), &1.into()));
    assert_eq!(given_up["given_up"][0]["attempts"], 4);
    let name = given_up["given_up"][0]["item"].as_str().unwrap();
    assert!(["Ring n = 4 seed 42", "Line n = 4 seed 42"].contains(&name), "{name}");
    check_refused(
        &place,
        "cluster gather job",
        &format!("1 of 2 exact problems are missing: {name}; `cluster next` plans them"),
    );
    place.run("cluster gather job --partial").succeeded();
    // A second plan is meant.
    let fresh = json(place.run(&plan));
    assert_eq!((&fresh["state"], &fresh["round"]), (&"planned".into(), &5.into()));
    // A task of a round long gone does no harm, and its rows count.
    place.run(&format!("cluster task job --round {} --task 1", standing["round"])).succeeded();
    let skipped = place.run("cluster task job --round 5 --task 1").succeeded();
    assert_eq!(skipped.stdout, "round 5 task 1: all 1 items were done before\n");
    assert_eq!(json(place.run("cluster next job --format json"))["state"], "finished");
    place.run("cluster gather job").succeeded();
}

#[cfg(unix)]
#[test]
fn a_task_that_is_asked_to_stop_writes_what_there_is() {
    let place = Place::new();
    // Dense of 9 takes many minutes: without the request the test would not end in time.
    let study = "--topologies Dense --sizes 4,5,9 --seeds 42";
    place.run(&format!("cluster plan --slots 1 --max-tasks 1 {study} --run job")).succeeded();
    for signal in ["TERM", "INT"] {
        let own = || journals(&place, "job").len();
        let before = own();
        // The second item is not in the file for an hour, unless the request brings it there.
        let arguments = "cluster task job --round 1 --task 1 --checkpoint-seconds 3600";
        let mut child = place.command(arguments).spawn().unwrap();
        while before == own() && before == 0 && child.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_millis(2));
        }
        thread::sleep(Duration::from_millis(500));
        let kill = format!("kill -{signal} {}", child.id());
        assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let stopped = Finished::from(child.wait_with_output().unwrap());
        assert_eq!(stopped.code, Some(130), "{}", stopped.stderr);
        assert!(stopped.stderr.contains("error: interrupted: "), "{}", stopped.stderr);
        let status = json(place.run("cluster status job --format json"));
        assert_eq!((&status["items_done"], &status["tasks_done"]), (&2.into(), &0.into()));
    }
}
