use std::fs;

use serde_json::{Value, json};

use crate::own_network::copies_of_three_values;
use crate::program::{Finished, PHI, Place};

/// The example of PyPhi's documentation: four units in two pairs, each of which is ON for sure if
/// both of the other pair are.
fn macro_network() -> Value {
    let row = |s: u32| {
        let [first, second] = [s & 3 == 3, s >> 2 == 3].map(|on| if on { 1.0 } else { 0.3 });
        [second, second, first, first]
    };
    json!({
        "name": "pairs",
        "tpm": (0..16).map(row).collect::<Vec<_>>(),
        "cm": [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]],
        "state": [0, 0, 0, 0],
        "labels": ["A", "B", "C", "D"],
    })
}

fn grains(network: &Value, arguments: &[&str]) -> Finished {
    let arguments = [&["grains", "-"], arguments].concat();
    Place::new().run_arguments_with_input(&arguments, &network.to_string())
}

fn answer(network: &Value, arguments: &[&str]) -> Value {
    let finished = grains(network, &[&["--format", "json"], arguments].concat()).succeeded();
    serde_json::from_str(&finished.stdout).unwrap()
}

#[track_caller]
fn near(found: &Value, expected: f64) {
    let found = found.as_f64().expect("a number");
    assert!((found - expected).abs() < 2e-6, "{found}, expected {expected}");
}

const PAIRS: [&str; 4] = ["--groups", "A,B | C,D", "--off", "0,1 | 0,1"];

#[test]
fn a_grain_has_its_phi() {
    let found = answer(&macro_network(), &PAIRS);
    near(&found["found"]["phi"], 0.597212);
    near(&found["effective_information"]["bits"], 1.148579);
    assert_eq!(found["found"]["grain"]["groups"], json!([[0, 1], [2, 3]]));
    assert_eq!(found["found"]["tpm"][3], json!([1.0, 1.0]));
    assert_eq!(found.get("search"), None);
    let shown = grains(&macro_network(), &PAIRS).succeeded().stdout;
    let line = "grain of {A,B,C,D}, groups {A,B} OFF if 0 or 1 ON, {C,D} OFF if 0 or 1 ON\n";
    assert!(shown.contains(line), "{shown}");
    assert!(shown.contains("Φ = 0.597213, lost by severing"), "{shown}");
    assert!(shown.contains("(1,0)  0.090000  1.000000"), "{shown}");
    let boxes = ["--boxes", "A,B | C,D", "--outputs", "B,D", "--time-scale", "2"];
    let found = answer(&macro_network(), &boxes);
    assert_eq!(found["found"]["grain"]["outputs"], json!([1, 3]));
    assert_eq!(found["found"]["grain"]["time_scale"], 2);
}

#[test]
fn the_best_grain_is_found() {
    let found = answer(&macro_network(), &[]);
    near(&found["search"]["emergence"], 0.483323);
    near(&found["search"]["micro_phi"], 0.113889);
    assert_eq!(found["found"]["grain"]["off"], json!([[0, 1], [0, 1]]));
    let shown = grains(&macro_network(), &[]).succeeded().stdout;
    let line = "emergence 0.483324: the micro units {A,B,C,D} have Φ = 0.113889\n";
    assert!(shown.contains(line), "{shown}");
    // Of all units only, and of fewer.
    let whole = answer(&macro_network(), &["--nodes", "A,B,C,D"]);
    assert_eq!(whole["search"]["n_grains"], 88);
    let part = answer(&macro_network(), &["--nodes", "A,B", "--black-boxes"]);
    assert!(part["search"]["n_grains"].as_u64().unwrap() > 3, "{part}");
}

#[test]
fn what_is_wrong_is_said() {
    let check = |arguments: &[&str], message: &str| {
        let refused = grains(&macro_network(), arguments);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(message), "{}", refused.stderr);
    };
    let missing = "grain: groups: {3} are in none, expected each in one";
    check(&["--groups", "A,B | C", "--off", "0 | 0"], missing);
    check(&["--groups", "A,B | C,D", "--off", "0"], "--off: 1 lists, expected one for each of the");
    check(&["--groups", "A,B | C,D", "--off", "0 | x"], "--off \"x\": expected counts");
    check(&["--boxes", "A,B | C,D", "--outputs", "A"], "outputs: none of the box {2,3}");
    check(&["--groups", "A,X | C,D", "--off", "0 | 0"], "groups: no unit \"X\"");
    check(&["--time-scale", "2"], "--time-scale: expected --boxes with it");
}

/// Marshall et al. 2024, example 1, by its rule: two pairs of units, each of which is one unit that
/// is ON if both are.
fn coarse_example() -> Value {
    let row = |s: u32| {
        let [a, b, c, d] = [0, 1, 2, 3].map(|it| f64::from(s >> it & 1));
        let on = |own: f64, beside: f64, others: [f64; 2]| {
            let both = if others == [1.0, 1.0] { 0.8 } else { 0.0 };
            0.05 + 0.01 * own + 0.1 * beside + both
        };
        [on(a, b, [c, d]), on(b, a, [c, d]), on(c, d, [a, b]), on(d, c, [a, b])]
    };
    json!({
        "tpm": (0..16).map(row).collect::<Vec<_>>(),
        "cm": [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]],
        "history": ["0000"],
        "labels": ["A", "B", "C", "D"],
    })
}

#[test]
fn intrinsic_units_of_a_file_are_a_system() {
    let mut network = coarse_example();
    network["units"] = json!([
        {"parts": ["A", "B"], "mapping": {"coarse": [2]}},
        {"parts": [2, 3], "grain": 1, "mapping": {"table": [0, 0, 0, 1]}, "apportioned": []},
    ]);
    let found = answer(&network, &[]);
    near(&found["found"]["structure"]["phi_s"], 1.004021);
    near(&found["found"]["cause_tpm"][3][0], 0.9216);
    assert_eq!(found["formalism"], "iit4-2023");
    assert_eq!(found["verdicts"][0]["validity"], "VALID");
    assert_eq!(found["found"]["units"][0]["mapping"], json!({"coarse": [2]}));
    assert_eq!(answer(&network, &["--no-validity"]).get("verdicts"), None);
    let shown = grains(&network, &["--formalism", "iit4"]).succeeded().stdout;
    assert!(shown.contains("0: {A,B} ON if 2 are\n"), "{shown}");
    assert!(shown.contains("(1,1)  0.921600"), "{shown}");
    assert!(shown.contains("1.004021"), "{shown}");

    // Updates and history: the unit looks at the last one of two.
    network["history"] = json!(["0000", [1, 1, 0, 0]]);
    network["units"][0] = json!({"parts": [0, 1], "grain": 2, "mapping": {"blackbox": [0]}});
    let found = answer(&network, &[]);
    assert_eq!(found["found"]["structure"]["state"], json!([1, 0]));
    let shown = grains(&network, &[]).succeeded().stdout;
    assert!(shown.contains("0: {A,B} ON if A is at the last of 2 updates\n"), "{shown}");
}

#[test]
fn intrinsic_units_are_searched() {
    let found = answer(&coarse_example(), &["--formalism", "iit4", "--micro-units", "2"]);
    let complexes = found["search"]["complexes"].as_array().unwrap();
    assert_eq!(complexes.len(), 1);
    near(&complexes[0]["phi_s"], 1.004021);
    assert_eq!(found["search"]["n_units"], 14);
    near(&found["found"]["structure"]["phi_s"], 1.004021);
    let arguments = ["--formalism", "iit4-2023", "--micro-units", "2"];
    let shown = grains(&coarse_example(), &arguments).succeeded().stdout;
    let line = "φ_s = 1.004021  {A,B} ON if 2 are | {C,D} ON if 2 are\n";
    assert!(shown.contains(line), "{shown}");
    assert!(
        shown.contains("{A,C}    0.000000          0.003976    not valid: its parts are"),
        "{shown}"
    );
}

#[test]
fn what_is_wrong_with_intrinsic_units_is_said() {
    let unit = json!({"parts": [0, 1], "mapping": {"coarse": [2]}});
    let check = |units: Value, arguments: &[&str], message: &str| {
        let mut network = coarse_example();
        network["units"] = units;
        let refused = grains(&network, arguments);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(message), "{message}: {}", refused.stderr);
    };
    check(json!([]), &[], "units: none, expected one at least");
    check(json!([{"parts": [0, 1]}]), &[], "units[0].mapping: missing, expected an object with");
    check(
        json!([{"parts": [0, 9], "mapping": {"coarse": [2]}}]),
        &[],
        "units[0]: grain: unit 9, expected units from 0 to 3",
    );
    check(
        json!([{"parts": [0], "grian": 2}]),
        &[],
        "unknown field \"grian\", perhaps for \"grain\"",
    );
    check(
        json!([{"parts": ["A", "X"], "mapping": {"coarse": [2]}}]),
        &[],
        "units[0].parts[1]: no unit \"X\"",
    );
    // What is too long is refused before its items are made, of which the last cannot be.
    let too_many = |last: Value| -> Value {
        (0..16).map(|_| unit.clone()).chain([last]).collect::<Vec<_>>().into()
    };
    let wrong = json!({"parts": ["X"], "mapping": {"coarse": [1]}});
    check(too_many(wrong.clone()), &[], "17 units would need");
    check(
        json!([{"parts": too_many(wrong), "mapping": {"coarse": [1]}}]),
        &[],
        "units[0]: grain: grain: 1 with 17 parts, expected 1 or more, and at most 16 for all parts",
    );
    check(
        json!([{"parts": [0, 1], "mapping": {"table": [0, 1]}}]),
        &[],
        "units[0]: grain: mapping: table of 2 entries, expected 4",
    );
    check(
        json!([unit, {"parts": [1, 2], "mapping": {"coarse": [2]}}]),
        &[],
        "units[0]: grain: {1} belongs to units[1], expected one owner",
    );
    check(
        json!([{"parts": [0], "grain": 2, "mapping": {"blackbox": [0]}}]),
        &[],
        "history: 1 states, expected 2, as many updates as the slowest unit takes",
    );
    check(json!([unit]), &["--state", "1000"], "history: it ends in (0,0,0,0), expected the state");
    check(json!([unit]), &["--nodes", "A,B"], "nodes: with intrinsic units, expected units");
    check(json!([unit]), &["--formalism", "iit3"], "units with iit3: expected --formalism iit4");
    check(json!([unit]), &["--black-boxes"], "--black-boxes with intrinsic units: expected");
    check(json!(7), &[], "units: expected a list");
    let refused = grains(&macro_network(), &["--grain", "2"]);
    assert!(refused.stderr.contains("--grain with iit3: expected"), "{}", refused.stderr);
}

#[test]
fn units_of_more_values_have_no_grains_yet() {
    let place = Place::new();
    place.write("net.json", copies_of_three_values().to_string());
    let refused = place.run("grains net.json");
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("a grain"), "{}", refused.stderr);
}

/// Units that all listen to themselves and to how many are ON: each is one over any number of
/// updates.
fn counting(n: u32, n_updates: usize) -> Value {
    let on = |s: u32, unit: u32| {
        0.1 + 0.5 * f64::from(s >> unit & 1) + 0.2 * f64::from(s.count_ones()) / f64::from(n)
    };
    let row = |s: u32| (0..n).map(|unit| on(s, unit)).collect::<Vec<_>>();
    json!({
        "tpm": (0..1 << n).map(row).collect::<Vec<_>>(),
        "cm": vec![vec![1; n as usize]; n as usize],
        "history": vec!["0".repeat(n as usize); n_updates],
    })
}

/// A search over thousands of systems of intrinsic units, and one over grains of IIT 3.0.
pub(crate) const SEARCHES: [&str; 2] = [
    "grains three.json --format json --formalism iit4 --micro-units 1 --grain 15",
    "grains pairs.json --black-boxes --time-scales 1,2",
];

pub(crate) fn place_of_searches() -> Place {
    let place = Place::new();
    place.write("three.json", counting(3, 15).to_string());
    place.write("pairs.json", macro_network().to_string());
    place
}

#[test]
fn a_search_that_was_stopped_goes_on_to_the_same_bytes() {
    for search in SEARCHES {
        let place = place_of_searches();
        let expected = place.run(search).succeeded().stdout;
        let whole = place.run(&format!("{search} --out found")).succeeded();
        assert_eq!(whole.stdout, "found\n");
        assert_eq!(place.read("found"), expected, "{search}");
        let journal = place.read("found.journal.jsonl");
        let ends: Vec<usize> = journal.match_indices('\n').map(|it| it.0 + 1).collect();
        assert!(ends.len() > 1, "{search}: {}", ends.len());
        let last = journal.len();
        for cut in [0, ends[0], ends[ends.len() / 2], last - 5, last] {
            fs::remove_file(place.path("found")).unwrap();
            place.write("found.journal.jsonl", &journal[..cut]);
            place.run(&format!("{search} --out found --resume")).succeeded();
            assert_eq!(place.read("found"), expected, "{search}, cut at {cut}");
            let kept = place.read("found.journal.jsonl");
            let n_whole = journal[..cut].rfind('\n').map_or(0, |it| it + 1);
            assert!(kept.starts_with(&journal[..n_whole]), "{search}, cut at {cut}");
        }
        assert_eq!(place.files(), ["found", "found.journal.jsonl", "pairs.json", "three.json"]);
    }
}

#[test]
fn a_search_of_something_else_is_refused() {
    let place = place_of_searches();
    let search = "grains pairs.json --black-boxes";
    place.run(&format!("{search} --out found")).succeeded();
    let before = [place.read("found"), place.read("found.journal.jsonl")];
    let check = |arguments: &str, message: &str| {
        let refused = place.run(arguments);
        assert_eq!(refused.code, Some(2), "{arguments}: {}", refused.stderr);
        assert!(refused.stderr.contains(message), "{arguments}: {}", refused.stderr);
        assert_eq!([place.read("found"), place.read("found.journal.jsonl")], before);
    };
    check(&format!("{search} --out found"), "found: exists: pass --resume to go on from it");
    let resume = "--out found --resume";
    let other = "(time-scales: 1, not 1, 2): pass the same settings to the same program";
    check(&format!("{search} --time-scales 1,2 {resume}"), other);
    check(&format!("{search} --format json {resume}"), "(format: text, not json)");
    let network = "(another network, state or history): pass the same settings";
    check(&format!("{search} --state 1111 {resume}"), network);
    check(&format!("{search} {resume} --force"), "cannot be used with");
    check(&format!("{search} --resume"), "--out <FILE>");
    let several = format!("{search} --state all --out other");
    check(&several, "--out with several networks or states: expected one");
    // What the engine refuses is refused before anything is written over.
    let too_long = "grains three.json --formalism iit4 --grain 16 --out found --force";
    check(too_long, "grain: units of 4 micro units over 16 updates, expected 1 or more, and a");
    place.run(&format!("{search} --out found --force --format json")).succeeded();
    assert!(place.read("found").starts_with('{'));
}

/// `X` and `X.csv` have the same name for their journals.
#[test]
fn a_search_and_a_study_leave_the_journal_of_the_other_alone() {
    let place = place_of_searches();
    let search = "grains pairs.json --black-boxes --out";
    let study = "--topologies Ring --sizes 4 --seeds 42 --jobs 1 --quiet --out";
    place.run(&format!("{search} one")).succeeded();
    place.run(&format!("{study} two.csv")).succeeded();
    let read = || ["one", "two"].map(|it| place.read(&format!("{it}.journal.jsonl")));
    let before = read();
    for how in ["", "--resume", "--force"] {
        for command in [format!("{search} two {how}"), format!("{study} one.csv {how}")] {
            let refused = place.run(&command);
            assert_eq!(refused.code, Some(2), "{command}: {}", refused.stderr);
            assert_eq!(read(), before, "{command}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_search_that_is_interrupted_says_how_to_go_on() {
    let place = Place::new();
    // Far more systems than there is time for: without the interruption it would not end in time.
    let search = "grains six.json --formalism iit4 --micro-units 4 --grain 4 --out found";
    place.write("six.json", counting(6, 4).to_string());
    let mut child = std::process::Command::new(PHI);
    child.current_dir(place.path("")).args(search.split_whitespace());
    child.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped());
    let mut child = child.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let n_lines = || {
        let journal = fs::read_to_string(place.path("found.journal.jsonl"));
        journal.map_or(0, |it| it.matches('\n').count())
    };
    while n_lines() < 4 {
        assert!(child.try_wait().unwrap().is_none(), "it has ended");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    crate::resume::interrupt(&child);
    let stopped = Finished::from(child.wait_with_output().unwrap());
    assert_eq!(stopped.code, Some(130), "{}", stopped.stderr);
    let message = " steps are in found.journal.jsonl; the same command with --resume goes on from \
                   there\n";
    assert!(stopped.stderr.ends_with(message), "{}", stopped.stderr);
    assert!(!place.path("found").exists());
}
