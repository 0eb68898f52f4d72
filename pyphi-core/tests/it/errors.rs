//! Input that makes no network: the error names the place, the value and what was expected.

use pyphi_core::{Error, Network, State, Subsystem, UnitSet, input};
use serde_json::{Value, json};

/// The message of an input that must be refused.
#[track_caller]
fn check<T>(input: Result<T, Error>, expected: &str) {
    match input {
        Ok(_) => panic!("accepted, expected the error: {expected}"),
        Err(error) => assert_eq!(error.to_string(), expected),
    }
}

/// Two units that copy each other, both OFF, as a record with some fields replaced.
fn copies(changes: Value) -> String {
    let mut record = json!({
        "tpm": [[0, 0], [0, 1], [1, 0], [1, 1]],
        "cm": [[0, 1], [1, 0]],
        "state": [0, 0],
        "nodes": [0, 1],
    });
    for (field, value) in changes.as_object().expect("fields to replace") {
        record[field] = value.clone();
    }
    record.to_string()
}

/// Reads and checks a record.
fn subsystem(text: &str) -> Result<Subsystem, Error> {
    input::parse(text)?[0].subsystem()
}

#[test]
fn the_record_itself_is_good() {
    assert_eq!(subsystem(&copies(json!({}))).expect("two copies").n_units(), 2);
}

#[test]
fn tpm() {
    let check =
        |tpm: Value, expected: &str| check(subsystem(&copies(json!({ "tpm": tpm }))), expected);
    check(json!([]), "tpm: no rows, expected 2^n rows for n units");
    check(
        json!([[0, 0], [0, 1], [1, 0]]),
        "tpm: 3 rows, expected a power of two (2^n rows for n units); 2 columns are 2 units \
         (state-by-node), \
         which have 4 states",
    );
    check(json!([[0, 0], [0, 1], [1], [1, 1]]), "tpm: row 2: 1 columns, expected 2");
    check(json!([[0, 0], [0, 1], [1, 0, 1], [1, 1]]), "tpm: row 2: 3 columns, expected 2");
    check(
        json!([[0, 0], [0, 1.5], [1, 0], [1, 1]]),
        "tpm: row 1, column 1: 1.5 is not a probability, expected a number from 0 to 1",
    );
    check(
        json!([[0, 0], [0, 1], [1, 0], [-0.25, 1]]),
        "tpm: row 3, column 0: -0.25 is not a probability, expected a number from 0 to 1",
    );
    check(
        json!([[0, 0], [0, null], [1, 0], [1, 1]]),
        "tpm[1][1]: expected a number from 0 to 1, found null",
    );
    check(
        json!([[0, 0], [0, "NaN"], [1, 0], [1, 1]]),
        "tpm: row 1, column 1: NaN is not a probability, expected a number from 0 to 1",
    );
    check(json!(7), "tpm: expected a list, found 7");
    check(json!([0, 1]), "tpm[0]: expected a list, found 0");
}

#[test]
fn tpm_of_a_program() {
    let cm = [vec![0, 1], vec![1, 0]];
    let check = |value: f64, expected: &str| {
        let tpm = [vec![0.0, 0.0], vec![0.0, 1.0], vec![1.0, value], vec![1.0, 1.0]];
        check(Network::from_state_by_node(&tpm, &cm), expected);
    };
    check(
        f64::NAN,
        "tpm: row 2, column 1: NaN is not a probability, expected a number from 0 to 1",
    );
    check(
        f64::INFINITY,
        "tpm: row 2, column 1: inf is not a probability, expected a number from 0 to 1",
    );
    check(
        1.0 + 1e-15,
        "tpm: row 2, column 1: 1.000000000000001 is not a probability, expected a number from 0 \
         to 1",
    );
    check(
        -1e-9,
        "tpm: row 2, column 1: -0.000000001 is not a probability, expected a number from 0 to 1",
    );
}

#[test]
fn state_by_state_tpm() {
    let check = |tpm: [[f64; 4]; 4], expected: &str| {
        let tpm: Vec<Vec<f64>> = tpm.iter().map(|row| row.to_vec()).collect();
        check(Network::from_state_by_state(&tpm, &[vec![0, 1], vec![1, 0]]), expected);
    };
    let swap =
        |row: [f64; 4]| [[1.0, 0.0, 0.0, 0.0], row, [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]];
    check(swap([0.0, 0.0, 0.9, 0.0]), "tpm: row 1 sums to 0.9, expected 1");
    check(swap([0.0, 0.0, 0.9, 0.2]), "tpm: row 1 sums to 1.1, expected 1");
    check(
        swap([0.0, 0.0, 2.0, -1.0]),
        "tpm: row 1, column 2: 2 is not a probability, expected a number from 0 to 1",
    );
    check(
        swap([0.0, 0.0, f64::NAN, 0.0]),
        "tpm: row 1, column 2: NaN is not a probability, expected a number from 0 to 1",
    );
    // Both units ON or both OFF: each is a coin, but they are one coin.
    check(
        swap([0.5, 0.0, 0.0, 0.5]),
        "tpm: row 1, column 0: 0.5, expected 0.25: the units are not conditionally independent \
         given the previous state",
    );
}

#[test]
fn cm() {
    let check =
        |cm: Value, expected: &str| check(subsystem(&copies(json!({ "cm": cm }))), expected);
    check(json!([[0, 1]]), "cm: rows: 1 entries, expected 2 (one per unit)");
    check(json!([[0, 1], [1]]), "cm: row 1: 1 entries, expected 2 (one per unit)");
    check(json!([[0, 1], [1, 0], [0, 0]]), "cm: rows: 3 entries, expected 2 (one per unit)");
    check(json!([[0, 2], [1, 0]]), "cm[0][1]: expected 0 or 1, found 2");
    check(json!([[0, 0.5], [1, 0]]), "cm[0][1]: expected 0 or 1, found 0.5");
    check(json!([[0, -1], [1, 0]]), "cm[0][1]: expected 0 or 1, found -1");
    check(json!([[0, "1"], [1, 0]]), "cm[0][1]: expected 0 or 1, found \"1\"");
}

#[test]
fn cm_of_a_program() {
    let tpm = [vec![0.0, 0.0], vec![0.0, 1.0], vec![1.0, 0.0], vec![1.0, 1.0]];
    check(
        Network::from_state_by_node(&tpm, &[vec![0, 1], vec![2, 0]]),
        "cm: row 1, column 0: 2, expected 0 or 1",
    );
    check(
        Network::from_state_by_node(&tpm, &[vec![0, 1, 0], vec![1, 0]]),
        "cm: row 0: 3 entries, expected 2 (one per unit)",
    );
}

#[test]
fn state() {
    let check = |state: Value, expected: &str| {
        check(subsystem(&copies(json!({ "state": state }))), expected)
    };
    check(json!([0]), "state: 1 entries, expected 2 (one per unit)");
    check(json!([0, 0, 1]), "state: 3 entries, expected 2 (one per unit)");
    check(json!([]), "state: 0 entries, expected 2 (one per unit)");
    check(json!([0, 2]), "state[1]: expected 0 or 1, found 2");
    check(json!([0, 0.5]), "state[1]: expected 0 or 1, found 0.5");
    check(json!("0x"), "state \"0x\": expected a 0 or 1 for each unit, as in 1,0,0");
    check(json!(7), "state \"7\": expected a 0 or 1 for each unit, as in 1,0,0");
    check(json!({}), "state: expected a list, found {}");
}

#[test]
fn state_of_a_program() {
    check(State::new(&[0, 3]), "state: unit 1: 3, expected 0 (OFF) or 1 (ON)");
    check(
        State::new(&[0; 33]),
        "33 units would need 2.1 TiB of memory, expected at most 32 units (1.0 TiB at most)",
    );
    let copies = input::parse(&copies(json!({}))).expect("a record").remove(0);
    let network = copies.network().expect("a network");
    let state = State::new(&[0, 0, 0]).expect("three units");
    check(
        Subsystem::new(&network, state, network.units()),
        "state: 3 entries, expected 2 (one per unit)",
    );
    check(
        Subsystem::new(&network, State::all_off(2), UnitSet::from_iter([1, 5])),
        "nodes: unit 5, expected a unit from 0 to 1",
    );
}

#[test]
fn unreachable_state() {
    let unreachable = |state: &str| {
        format!(
            "state: {state} is unreachable: no previous state gives every unit its present value, \
             expected a state that the network can be in"
        )
    };
    // Neither unit is ever ON.
    let never = json!({ "tpm": [[0, 0], [0, 0], [0, 0], [0, 0]], "state": [0, 1] });
    check(subsystem(&copies(never)), &unreachable("(0,1) of the units {0,1}"));
    // Unit 0 copies unit 1: with that one in the background and ON, it cannot be OFF.
    check(
        subsystem(&copies(json!({ "state": [0, 1], "nodes": [0] }))),
        &unreachable("(0) of the units {0}"),
    );
    // Both copy unit 0, so they are never different; each state alone is reachable.
    let same =
        json!({ "tpm": [[0, 0], [1, 1], [0, 0], [1, 1]], "cm": [[1, 1], [0, 0]], "state": [1, 0] });
    check(subsystem(&copies(same)), &unreachable("(1,0) of the units {0,1}"));
}

#[test]
fn nodes() {
    let check = |nodes: Value, expected: &str| {
        check(subsystem(&copies(json!({ "nodes": nodes }))), expected)
    };
    check(json!([0, 2]), "nodes: unit 2, expected a unit from 0 to 1");
    check(json!([1, 1]), "nodes: unit 1 is named twice, expected each unit once");
    check(json!([-1]), "nodes[0]: expected the number or the label of a unit, found -1");
    check(json!([0.5]), "nodes[0]: expected the number or the label of a unit, found 0.5");
    check(json!("all"), "nodes: expected a list, found \"all\"");
    check(json!([]), "nodes: no units, expected at least one");
    check(json!(["A"]), "nodes: no unit \"A\", expected a number, since the units have no labels");
}

#[test]
fn labels() {
    check(subsystem(&copies(json!({ "labels": ["A"] }))), "labels: 1, expected 2 (one per unit)");
    check(
        subsystem(&copies(json!({ "labels": ["A", 2] }))),
        "labels[1]: expected a string, found 2",
    );
    check(
        subsystem(&copies(json!({ "labels": ["A", "x".repeat(65)] }))),
        "labels[1]: 65 characters, expected at most 64 characters, none a control character",
    );
    check(
        subsystem(&copies(json!({ "labels": ["A\u{1b}[2J", "B"] }))),
        "labels[0]: \"A\\u{1b}[2J\" with a control character as number 2, expected at most 64 \
         characters, none \
         a control character",
    );
    // What is written elsewhere than in ASCII is a name as good.
    subsystem(&copies(json!({ "labels": ["φ".repeat(64), "神経 1"] }))).expect("names");
}

#[test]
fn name() {
    check(input::parse(&copies(json!({ "name": 7 }))), "name: expected a string, found 7");
    check(
        input::parse(&copies(json!({ "name": "a\nΦ = 7" }))),
        "name: \"a\\nΦ = 7\" with a control character as number 2, expected at most 256 \
         characters, none a \
         control character",
    );
    check(
        input::parse(&copies(json!({ "name": "n".repeat(257) }))),
        "name: 257 characters, expected at most 256 characters, none a control character",
    );
    input::parse(&copies(json!({ "name": null, "labels": null, "nodes": null })))
        .expect("no names");
}

#[test]
fn fields_are_known_and_there_once() {
    let with =
        |more: &str| input::parse(&copies(json!({})).replacen('{', &format!("{{{more},"), 1));
    check(with("\"state\": [1, 0]"), "field \"state\" is there twice, expected it once");
    check(with("\"tpm\": []"), "field \"tpm\" is there twice, expected it once");
    let known = "expected one of tpm, cm, state, states, nodes, name, labels, row_order";
    check(
        with("\"nodse\": [0]"),
        &format!("unknown field \"nodse\", perhaps for \"nodes\": {known}"),
    );
    check(
        with("\"State\": [0]"),
        &format!("unknown field \"State\", perhaps for \"state\": {known}"),
    );
    check(with("\"phi\": 1"), &format!("unknown field \"phi\": {known}"));
    let long = "x".repeat(1_000_000);
    let short = "x".repeat(40);
    check(with(&format!("\"{long}\": 1")), &format!("unknown field \"{short}…\": {known}"));
    // PyPhi's names are names of the same fields.
    for (theirs, ours) in
        [("connectivity_matrix", "cm"), ("node_indices", "nodes"), ("currentState", "state")]
    {
        let message = format!("fields {theirs:?} and {ours:?} mean the same, expected one of them");
        check(with(&format!("\"{theirs}\": null")), &message);
    }
    check(input::parse("[]"), "no networks: expected at least one");
    check(input::parse("{}"), "tpm: missing, expected a list");
    input::parse(&format!("\u{feff}{}", copies(json!({}))))
        .expect("a byte order mark is no mistake");
}

#[test]
fn what_is_huge_or_deep_is_refused_soon() {
    let check_start = |text: &str, start: &str| {
        let error = input::parse(text).expect_err("huge").to_string();
        assert!(error.starts_with(start) && error.len() < 200, "{error}");
    };
    let deep = "[".repeat(1_000_000);
    let of_field =
        |field: &str, text: &str| copies(json!({ field: "HERE" })).replace("\"HERE\"", text);
    check_start(&deep, "not JSON: EOF while parsing a list");
    check_start(&format!("{deep}{}", "]".repeat(1_000_000)), "record 0: record: ");
    let nested = |n: usize| "[".repeat(n) + &"]".repeat(n);
    check_start(&of_field("state", &nested(1_000)), "state: recursion limit exceeded");
    check_start(&of_field("tpm", &nested(1_000)), "tpm[0][0]: ");
    check_start(&of_field("tpm", &nested(1_000_000)), "tpm: ");
    check_start(
        &of_field("state", &nested(1_000_000)),
        "state: 2000000 bytes, expected at most 1048576",
    );
    check_start(
        &of_field("tpm", "[[1e999]]"),
        "tpm[0][0]: expected a number from 0 to 1, found 1e999",
    );
    check_start(&of_field("name", "\"\\ud800\""), "name: ");
    // Rows without entries, or with too few for so many rows, are not kept to the last.
    let rows = |row: &str| format!("[{}]", vec![row; 100_000].join(","));
    check_start(&of_field("tpm", &rows("[]")), "tpm: more than 1 rows, the first of 0 entries");
    check_start(
        &of_field("tpm", &rows("[0,0,0,0,0,0,0,0]")),
        "tpm: more than 256 rows, the first of 8 entries: expected at most 256",
    );
}

#[test]
fn too_many_units() {
    // Units that copy each other in a circle: a network, but one too large to search.
    let n = Subsystem::MAX_UNITS + 1;
    let tpm: Vec<Vec<f64>> = (0..1_usize << n)
        .map(|s| (0..n).map(|j| f64::from(u8::from(s >> ((j + 1) % n) & 1 == 1))).collect())
        .collect();
    let cm: Vec<Vec<u8>> =
        (0..n).map(|i| (0..n).map(|j| u8::from((j + 1) % n == i)).collect()).collect();
    let network = Network::from_state_by_node(&tpm, &cm).expect("a network");
    let error =
        Subsystem::new(&network, State::all_off(n), network.units()).expect_err("too large");
    let message = error.to_string();
    assert!(message.starts_with(&format!("{n} units would need ")), "{message}");
    assert!(message.contains(&format!("of memory, expected at most {} units", n - 1)), "{message}");
    // Few of them with the others in the background can be searched.
    let few = UnitSet::from_iter([0, 1, 2]);
    assert_eq!(Subsystem::new(&network, State::all_off(n), few).expect("3 units").n_units(), 3);
}

#[test]
fn text() {
    check(input::parse(""), "not JSON: EOF while parsing a value at line 1 column 0");
    check(
        input::parse("{\"tpm\": ["),
        "not JSON: tpm: row 0: EOF while parsing a list at line 1 column 9",
    );
    check(input::parse("3"), "expected an object with the fields tpm, cm and state, found 3");
    check(input::parse("{\"tpm\": [[0], [1]], \"cm\": [[1]]}"), "state: missing, expected a list");
    check(
        input::parse("[{\"tpm\": [[0], [1]], \"cm\": [[1]], \"state\": [0]}, 3]"),
        "record 1: expected an object with the fields tpm, cm and state, found 3",
    );
}
