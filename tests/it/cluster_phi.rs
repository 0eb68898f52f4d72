use std::collections::BTreeSet;

use phi_validation::model::seeded::SeededStream;
use serde_json::{Value, json};

use crate::cluster::{journals, json, kill_midway, shuffled};
use crate::program::{Finished, Place, how_many, resealed};

/// A network of `n` units with random probabilities, each the input of itself and the `n_outputs -
/// 1` next.
fn generic(n: usize, n_outputs: usize) -> Value {
    let is_input = |i: usize, j: usize| (j + n - i) % n < n_outputs;
    let on = |state: usize, unit: usize| {
        let inputs = (0..n).filter(|&i| is_input(i, unit) && state >> i & 1 == 1);
        let key = [n, unit, inputs.map(|i| 1 << i).sum()].map(|it: usize| it as u64);
        let mut stream = SeededStream::new("phi-validation test of one Φ v2", &key);
        (stream.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    };
    let row = |state| -> Vec<f64> { (0..n).map(|unit| on(state, unit)).collect() };
    let tpm: Vec<Vec<f64>> = (0..1 << n).map(row).collect();
    let inputs = |i| -> Vec<u8> { (0..n).map(|j| is_input(i, j).into()).collect() };
    let cm: Vec<Vec<u8>> = (0..n).map(inputs).collect();
    json!({ "name": "generic", "tpm": tpm, "cm": cm, "state": vec![0; n] })
}

/// OR, AND, XOR of Oizumi et al. 2014, Fig. 4.
fn or_and_xor() -> Value {
    json!({
        "tpm": [
            [0, 0, 0], [0, 0, 1], [1, 0, 1], [1, 0, 0],
            [1, 0, 0], [1, 1, 1], [1, 0, 1], [1, 1, 0]
        ],
        "cm": [[0, 1, 1], [1, 0, 1], [1, 1, 0]],
        "state": [1, 0, 0],
        "labels": ["A", "B", "C"],
    })
}

/// Does all tasks of all rounds, in order; what the last `next` prints.
fn do_all(place: &Place, run: &str, mut standing: Value) -> Value {
    while standing["state"] == "planned" {
        let round = &standing["round"];
        for task in 1..=standing["n_tasks"].as_u64().unwrap() {
            place.run(&format!("cluster task {run} --round {round} --task {task}")).succeeded();
        }
        standing = json(place.run(&format!("cluster next {run} --format json")));
    }
    standing
}

#[test]
fn one_phi_in_tasks_in_any_order_killed_and_doubled_is_that_of_one_process() {
    let place = Place::new();
    place.write("net.json", generic(7, how_many(4, 7)).to_string());
    let expected = place.run("phi --network net.json --format json").succeeded().stdout;
    let mut stream = SeededStream::new("phi-validation test of tasks of one Φ v1", &[1]);
    let plan = "cluster plan --format json --slots 3 --task-seconds 0.008 --max-tasks 6 --run big \
                phi --network net.json";
    let mut standing = json(place.run(plan));
    assert_eq!((&standing["job"], &standing["stage"]), (&"phi".into(), &"concepts".into()));
    assert_eq!((&standing["n_items"], &standing["items_done"]), (&127.into(), &0.into()));
    let early = place.run("cluster gather big");
    assert_eq!(early.code, Some(2));
    assert!(early.stderr.contains("127 of 127 concepts are missing: mechanism {0}, "));
    let (mut n_killed, mut stages) = (0, Vec::new());
    while standing["state"] == "planned" {
        let round = standing["round"].as_u64().unwrap();
        assert!(round <= 8, "{standing}");
        let stage = standing["stage"].as_str().unwrap().to_owned();
        let is_first = stages.last() != Some(&stage);
        stages.push(stage);
        let n_tasks = standing["n_tasks"].as_u64().unwrap() as usize;
        assert!(!is_first || n_tasks > 2, "{standing}");
        for (index, task) in shuffled(n_tasks, &mut stream).into_iter().enumerate() {
            let one = format!("cluster task big --round {round} --task {task}");
            match index % 4 {
                0 if is_first => {
                    let prefix = format!("r{round}-t{task:05}.");
                    n_killed += usize::from(kill_midway(&place, "big", &one, &prefix));
                }
                1 => {
                    let twins = [0, 1].map(|_| place.command(&one).spawn().unwrap());
                    for twin in twins {
                        Finished::from(twin.wait_with_output().unwrap()).succeeded();
                    }
                }
                // A task that was not started.
                2 if is_first => {}
                _ => drop(place.run(&one).succeeded()),
            }
        }
        standing = json(place.run("cluster next big --format json"));
    }
    assert!(n_killed > 0, "nothing was killed midway");
    let both: BTreeSet<&str> = stages.iter().map(String::as_str).collect();
    assert_eq!(both, BTreeSet::from(["concepts", "cuts"]));
    assert_eq!((&standing["state"], &standing["n_items"]), (&"finished".into(), &126.into()));
    assert_eq!(place.run("cluster gather big --format json").succeeded().stdout, expected);
    assert_eq!(place.read("runs/big/phi.json"), expected);
    let text = place.run("phi --network net.json").succeeded().stdout;
    assert_eq!(place.run("cluster gather big").succeeded().stdout, text);
    assert_eq!(json(place.run(plan))["state"], "finished");
    // The bound went from task to task: few cuts were worked out to the end.
    let all: String = journals(&place, "big")
        .iter()
        .map(|it| place.read(&format!("runs/big/cluster/journals/{it}")))
        .collect();
    let (exact, at_least) = (all.matches("\"exact\"").count(), all.matches("\"at_least\"").count());
    assert!(at_least > 2 * exact, "{exact} exactly, {at_least} at least");
}

#[test]
fn small_and_reducible_networks_too() {
    let copies = json!([[0, 0], [0, 1], [0, 0], [0, 1]]);
    // One direction only: no concept is looked for. A unit that is always ON: no mechanism has a
    // cause.
    let one_way = json!({ "tpm": copies, "cm": [[0, 1], [0, 0]], "state": [0, 0] });
    let constant = json!({ "tpm": vec![[1, 1]; 4], "cm": [[0, 1], [1, 0]], "state": [1, 1] });
    let place = Place::new();
    for (name, network, n_items) in
        [("oax", or_and_xor(), 7), ("oneway", one_way, 0), ("constant", constant, 3)]
    {
        place.write("net.json", network.to_string());
        let expected = place.run("phi --network net.json --format json").succeeded().stdout;
        let plan = format!("cluster plan --format json --run {name} phi --network net.json");
        let standing = json(place.run(&plan));
        assert_eq!(standing["n_items"], n_items, "{standing}");
        let standing = do_all(&place, name, standing);
        assert_eq!(standing["state"], "finished");
        let gathered = place.run(&format!("cluster gather {name} --format json")).succeeded();
        assert_eq!(gathered.stdout, expected);
        let text = place.run("phi --network net.json").succeeded().stdout;
        assert_eq!(place.run(&format!("cluster gather {name}")).succeeded().stdout, text);
    }
}

#[track_caller]
fn check_refused(place: &Place, arguments: &str, message: &str) {
    let finished = place.run(arguments);
    assert_eq!(finished.code, Some(2), "{}", finished.stderr);
    assert!(finished.stderr.contains(message), "{}, expected {message}", finished.stderr);
}

#[test]
fn what_is_no_job_of_one_phi_is_refused_and_contradictions_are_named() {
    let place = Place::new();
    place.write("net.json", or_and_xor().to_string());
    place.write("list.json", json!([or_and_xor()]).to_string());
    let list = "cluster plan --run a phi --network list.json";
    check_refused(&place, list, "list.json: a list: expected one network");
    let study = "cluster plan --run a --sizes 5 phi --network net.json";
    check_refused(&place, study, "cluster plan phi with settings of a study");
    check_refused(&place, "cluster plan phi --network net.json", "expected --run NAME");

    let standing = json(place.run("cluster plan --format json --run a phi --network net.json"));
    let other = "cluster plan --run a phi --network net.json --state 0,0,0";
    check_refused(&place, other, "another state of the network");
    check_refused(&place, "cluster plan --run a --sizes 4", "a phi instead of a study");
    do_all(&place, "a", standing);
    place.run("cluster gather a").succeeded();

    let folder = "runs/a/cluster/journals";
    let name = journals(&place, "a").pop().unwrap();
    let text = place.read(&format!("{folder}/{name}"));
    let line = text.lines().find(|it| it.contains("\"exact\"")).unwrap();
    let item: Value = serde_json::from_str(line).unwrap();
    let distance = item["result"]["distance"]["exact"].as_str().unwrap();
    place.write(&format!("{folder}/z-{name}"), &text);
    check_refused(&place, "cluster gather a", "is not a journal of this program");
    std::fs::remove_file(place.path(&format!("{folder}/z-{name}"))).unwrap();
    let copy = name.replace(".jsonl", "0.jsonl");
    let (first, items) = text.split_at(text.find('\n').unwrap() + 1);
    let twisted = resealed("phi-validation/cluster-item", items, |it| {
        it.replace(distance, &format!("{distance}0"))
    });
    place.write(&format!("{folder}/{copy}"), first.to_owned() + &twisted);
    let message = format!("cut {} (", item["item"]);
    check_refused(&place, "cluster gather a", &message);
    check_refused(&place, "cluster gather a", "; see also ");
    check_refused(&place, "cluster next a", "expected the same each time that it is decided");
}
