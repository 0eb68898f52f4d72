//! Files in every form that networks are kept in. The first are written by PyPhi and numpy; all
//! hold the network of PyPhi's documentation, whose Φ in the state (1,0,0) is 2.3125.

use std::fs;
use std::path::PathBuf;

use pyphi_core::input::{
    Connectivity, Entry, Form, Input, NetworkRecord, Reader, RowOrder, Series, States, Table,
    UnitName, Unseen,
};
use pyphi_core::{Error, Options, big_phi};
use serde_json::json;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/forms").join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(path(name)).expect("a fixture")
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(path(name)).expect("a fixture")
}

/// For files that have no state.
fn in_state(state: [u8; 3]) -> Reader {
    Reader { states: Some(States::Listed(vec![state.to_vec()])), ..Reader::default() }
}

#[track_caller]
fn only(input: Result<Input, Error>) -> (NetworkRecord, Vec<String>) {
    let Input { mut networks, form } = input.expect("networks");
    assert_eq!((networks.len(), form), (1, Form::One));
    let Entry { record, notes, .. } = networks.remove(0);
    (record.unwrap_or_else(|error| panic!("{error}")), notes)
}

#[track_caller]
fn refused(input: Result<Input, Error>) -> String {
    match input {
        Err(error) => error.to_string(),
        Ok(input) => input.networks[0].record.as_ref().expect_err("refused").to_string(),
    }
}

/// Checks the network of a file, which is the same in every form, and the notes about it.
#[track_caller]
fn check(input: Result<Input, Error>, notes: &[&str]) {
    let (record, found) = only(input);
    let tpm = [
        [0., 0., 0.],
        [0., 0., 1.],
        [1., 0., 1.],
        [1., 0., 0.],
        [1., 1., 0.],
        [1., 1., 1.],
        [1., 1., 1.],
        [1., 1., 0.],
    ];
    assert_eq!(record.tpm, tpm);
    assert_eq!(record.cm, [[0, 0, 1], [1, 0, 1], [1, 1, 0]]);
    assert_eq!(found, notes);
    let result = big_phi(&record.subsystem().expect("a subsystem"), &Options::default());
    assert!((result.phi - 2.3125).abs() < 1e-9, "{}", result.phi);
}

const INFERRED: &str = "cm: inferred from tpm, 5 of 9 connections";

#[test]
fn files_of_pyphi_1_2() {
    check(in_state([1, 0, 0]).json(&text("pyphi_1_2_network.json")), &[]);
    check(Reader::default().json(&text("pyphi_1_2_subsystem.json")), &[]);
    check(
        Reader::default().json(&text("pyphi_1_2_sia.json")),
        &["of SystemIrreducibilityAnalysis only the subsystem was read"],
    );
    let (record, _) = only(Reader::default().json(&text("pyphi_1_2_subsystem.json")));
    assert_eq!(record.labels.expect("labels"), ["A", "B", "C"]);
    assert_eq!(record.nodes.expect("nodes"), [0, 1, 2]);
    let missing = refused(Reader::default().json(&text("pyphi_1_2_network.json")));
    assert_eq!(missing, "state: missing, expected a list");
    let cut = text("pyphi_1_2_subsystem.json").replace("NullCut", "Cut");
    let message = "cut: Cut, expected an intact system (NullCut)";
    assert_eq!(refused(Reader::default().json(&cut)), message);
}

#[test]
fn files_of_pyphi_2() {
    check(in_state([1, 0, 0]).json(&text("pyphi_2_substrate.json")), &[]);
    check(Reader::default().json(&text("pyphi_2_system.json")), &[]);
    let newer = text("pyphi_2_system.json").replace("\"format_version\":1", "\"format_version\":2");
    assert_eq!(refused(Reader::default().json(&newer)), "format_version: expected 1, found 2");
    let damaged = text("pyphi_2_system.json").replace("k05VTVBZ", "k05VTVBa");
    let message = refused(Reader::default().json(&damaged));
    assert!(
        message.starts_with("payload.substrate.tpm: npy: the first bytes are not"),
        "{message}"
    );
}

#[test]
fn files_of_the_web_calculator() {
    let said = "fields without a meaning here were passed over: pastState, version";
    check(Reader::default().json(&text("web_calculator.json")), &[said]);
    let (record, _) = only(Reader::default().json(&text("web_calculator.json")));
    assert_eq!(record.labels.expect("labels"), ["A", "B", "C"]);
    let strict = Reader { strict: true, ..Reader::default() };
    assert_eq!(
        refused(strict.json(&text("web_calculator.json"))),
        "fields pastState, version: unknown, which strict reading forbids"
    );
    // What nearly is a known name is a mistake there too.
    let misspelt = text("web_calculator.json").replace("\"currentState\"", "\"statee\"");
    let message = refused(Reader::default().json(&misspelt));
    assert!(message.starts_with("unknown field \"statee\", perhaps for \"state\""), "{message}");
}

#[test]
fn yaml() {
    check(Reader::default().yaml(&text("network.yaml")), &[INFERRED]);
    let bad = |text: &str| Reader::default().yaml(text).expect_err("refused").to_string();
    assert!(bad("tpm: [1, 2").starts_with("not YAML: "), "{}", bad("tpm: [1, 2"));
    assert_eq!(
        bad("a: &x [1]\nb: *x"),
        "not YAML: line 2, column 4: an alias, expected the value itself"
    );
    assert_eq!(bad("? [1]\n: 2"), "not YAML: line 1, column 3: a key that is no text");
    let twice = "state: 10\nstate: 10\ntpm: [[0,0],[0,1],[1,0],[1,1]]";
    let input = Reader::default().yaml(twice).expect("YAML");
    let error = input.networks[0].record.as_ref().expect_err("twice").to_string();
    assert_eq!(error, "field \"state\" is there twice, expected it once");
}

#[test]
fn arrays_of_numpy() {
    let npy = |name: &str| in_state([1, 0, 0]).table(Table::npy(&bytes(name)).expect("an array"));
    check(Ok(npy("tpm_multidimensional.npy")), &[INFERRED]);
    check(Ok(npy("tpm_fortran.npy")), &[INFERRED]);
    let cm = Table::npy_matrix(&bytes("cm.npy")).expect("a matrix");
    let reader = Reader { connectivity: Connectivity::Rows(cm), ..in_state([1, 0, 0]) };
    check(Ok(reader.table(Table::npy(&bytes("tpm_fortran.npy")).expect("an array"))), &[]);
    let mut short = bytes("tpm_fortran.npy");
    short.pop();
    let error = Table::npy(&short).expect_err("cut short").to_string();
    assert_eq!(error, "npy: 95 bytes of data, expected 96");
    for len in 0..short.len() {
        assert!(Table::npy(&short[..len]).is_err(), "{len}");
    }
}

#[test]
fn tables_of_numbers() {
    let csv = |name: &str| Table::csv(&text(name)).expect("a table");
    check(Ok(in_state([1, 0, 0]).table(csv("tpm_state_by_state.csv"))), &[INFERRED]);
    let big = Reader { row_order: Some(RowOrder::LastUnitFastest), ..in_state([1, 0, 0]) };
    check(Ok(big.table(csv("tpm_big_endian.csv"))), &[INFERRED]);
    let bad = |text: &str| Table::csv(text).expect_err("refused").to_string();
    assert_eq!(bad("0,0\n0,x\n"), "line 2, column 2: \"x\", expected a number");
    assert_eq!(
        bad("0;0\n0;nan\n"),
        "tpm: row 1, column 1: NaN is not a probability, expected a number from 0 to 1"
    );
    assert_eq!(bad("A,B,C\n0,0\n"), "line 1: 3 names, expected 2 as in the rows");
    // What spreadsheets write: a byte order mark, CRLF, a separator at the end of every line.
    let table = Table::csv("\u{feff}\"A\";\"B\";\r\n0;0;\r\n0;1;\r\n1;0;\r\n1;1;\r\n").unwrap();
    let reader = Reader { states: Some(States::Listed(vec![vec![0, 0]])), ..Reader::default() };
    let (record, _) = only(Ok(reader.table(table)));
    assert_eq!(record.labels.expect("labels"), ["A", "B"]);
    assert_eq!(record.cm, [[0, 1], [1, 0]]);
}

/// Two units that copy each other, with some fields replaced; null removes one.
fn copies(changes: serde_json::Value) -> String {
    let mut record = json!({ "tpm": [[0, 0], [0, 1], [1, 0], [1, 1]], "state": [1, 0] });
    for (field, value) in changes.as_object().expect("fields") {
        record[field] = value.clone();
    }
    record.as_object_mut().expect("an object").retain(|_, it| !it.is_null());
    record.to_string()
}

#[test]
fn states() {
    let states =
        |changes| Reader::default().json(&copies(changes)).unwrap().networks.remove(0).states;
    assert_eq!(states(json!({})), States::Listed(vec![vec![1, 0]]));
    assert_eq!(states(json!({ "state": "10" })), States::Listed(vec![vec![1, 0]]));
    assert_eq!(states(json!({ "state": null, "states": "all" })), States::All);
    assert_eq!(states(json!({ "state": null, "states": "reachable" })), States::Reachable);
    let listed = States::Listed(vec![vec![1, 0], vec![0, 1]]);
    assert_eq!(states(json!({ "state": null, "states": [[1, 0], "0,1"] })), listed);
    let refused = |changes| refused(Reader::default().json(&copies(changes)));
    assert_eq!(
        refused(json!({ "states": "all" })),
        "state and states: both are there, expected one of them"
    );
    assert_eq!(
        refused(json!({ "state": null, "states": "some" })),
        "states: expected \"all\", \"reachable\" or a list of states, found \"some\""
    );
    assert_eq!(
        refused(json!({ "state": null, "states": [] })),
        "states: none, expected at least one"
    );
    assert_eq!(
        refused(json!({ "state": "1x" })),
        "state \"1x\": expected a 0 or 1 for each unit, as in 1,0,0"
    );
}

#[test]
fn units_by_label() {
    let nodes = |nodes, labels| {
        let (record, _) =
            only(Reader::default().json(&copies(json!({ "nodes": nodes, "labels": labels }))));
        record.nodes.expect("nodes")
    };
    assert_eq!(nodes(json!(["B", 0]), json!(["A", "B"])), [1, 0]);
    // A label that looks like a number is one only in quotes.
    assert_eq!(nodes(json!(["0"]), json!(["1", "0"])), [1]);
    assert_eq!(nodes(json!([0]), json!(["1", "0"])), [0]);
    let refused = |changes| refused(Reader::default().json(&copies(changes)));
    assert_eq!(
        refused(json!({ "nodes": ["C"], "labels": ["A", "B"] })),
        "nodes: no unit \"C\", expected one of A, B"
    );
    assert_eq!(
        refused(json!({ "labels": ["A", "A"] })),
        "labels[1]: \"A\" is that of unit 0 too, expected each label once"
    );
    let reader = Reader { nodes: Some(UnitName::parse_list("B")), ..Reader::default() };
    let (record, _) = only(reader.json(&copies(json!({ "labels": ["A", "B"] }))));
    assert_eq!(record.nodes.expect("nodes"), [1]);
}

#[test]
fn connections() {
    let cm = |reader: Reader, changes| only(reader.json(&copies(changes)));
    let default = Reader::default;
    let (record, notes) = cm(default(), json!({}));
    assert_eq!(record.cm, [[0, 1], [1, 0]]);
    assert_eq!(notes, ["cm: inferred from tpm, 2 of 4 connections"]);
    let full = Reader { connectivity: Connectivity::Full, ..default() };
    assert_eq!(cm(full, json!({})).0.cm, [[1, 1], [1, 1]]);
    let denies = json!({ "cm": [[0, 0], [0, 0]] });
    assert_eq!(
        refused(default().json(&copies(denies.clone()))),
        "cm: 0, expected 1, for 0 → 1, 1 → 0: there the tpm has a dependence (--force-cm averages \
         over it)"
    );
    let (record, notes) = cm(Reader { force_cm: true, ..default() }, denies);
    assert_eq!(record.tpm, [[0.5, 0.5]; 4]);
    assert_eq!(notes, ["cm: the tpm was averaged over what the cm denies: 0 → 1, 1 → 0"]);
    let strict = Reader { strict: true, ..default() };
    assert_eq!(
        refused(strict.json(&copies(json!({})))),
        "cm: inferred from tpm, 2 of 4 connections (which strict reading forbids)"
    );
    // Differences of rounding errors are none, which is said.
    let rounded = json!({ "tpm": [[0, 1e-17], [0, 1], [1, 0], [1, 1]] });
    let (record, notes) = cm(default(), rounded);
    assert_eq!(record.cm, [[0, 1], [1, 0]]);
    assert_eq!(
        notes,
        ["cm: inferred from tpm, 2 of 4 connections; differences of up to 1e-17 were taken for \
             rounding"]
    );
}

/// Counted from data: the two units are never different, which no two independent units can do.
#[test]
fn dependent_units_are_projected_when_asked() {
    let text = json!({
        "tpm": [[1, 0, 0, 0], [0, 0.5, 0.5, 0], [0, 0.5, 0.5, 0], [0, 0, 0, 1]],
        "cm": [[1, 1], [1, 1]],
        "state": [0, 0],
    })
    .to_string();
    assert_eq!(
        refused(Reader::default().json(&text)),
        "tpm: row 1, column 0: 0, expected 0.25: the units are not conditionally independent \
         given the previous \
         state; nothing differs by more (--project takes the units' own probabilities)"
    );
    let (record, notes) = only(Reader { project: true, ..Reader::default() }.json(&text));
    assert_eq!(record.tpm, [[0.0, 0.0], [0.5, 0.5], [0.5, 0.5], [1.0, 1.0]]);
    assert_eq!(notes.len(), 1, "{notes:?}");
    let result = big_phi(&record.subsystem().expect("a subsystem"), &Options::default());
    assert!((result.phi - 0.231667).abs() < 1e-6, "{}", result.phi);
}

#[test]
fn rounding_errors_are_taken_for_what_was_meant() {
    let tpm = json!([[0, -1e-10], [0, 1.0000000002], [1, 0], [1, 1]]);
    let (record, notes) = only(Reader::default().json(&copies(json!({ "tpm": tpm }))));
    assert_eq!(record.tpm, [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
    assert_eq!(
        notes[0],
        "tpm: row 1, column 1: 1.0000000002 was taken for 1, the largest such change"
    );
    let tpm = json!([[0, -1e-8], [0, 1], [1, 0], [1, 1]]);
    assert_eq!(
        refused(Reader::default().json(&copies(json!({ "tpm": tpm })))),
        "tpm: row 0, column 1: -0.00000001 is not a probability, expected a number from 0 to 1"
    );
    let rows = json!([[1, 0, 0, 0], [0, 0, 0.9999999, 0], [0, 1, 0, 0], [0, 0, 0, 1]]);
    let (record, notes) = only(Reader::default().json(&copies(json!({ "tpm": rows }))));
    assert_eq!(record.tpm[1], [0.0, 1.0]);
    assert_eq!(notes[0], "tpm: row 1 sums to 0.9999999 and was divided by it");
}

#[test]
fn numbers_that_json_does_not_have_are_found_at_their_place() {
    let text = "{\"tpm\": [[0, 0], [0, NaN], [1, 0], [1, 1]], \"state\": [0, 0]}";
    let message = "tpm: row 1, column 1: NaN is not a probability, expected a number from 0 to 1";
    assert_eq!(refused(Reader::default().json(text)), message);
    let message = "tpm: row 1, column 1: -inf is not a probability, expected a number from 0 to 1";
    assert_eq!(refused(Reader::default().json(&text.replace("NaN", "-Infinity"))), message);
    assert_eq!(
        refused(Reader::default().json(&text.replace("NaN", "0.5.5"))),
        "not JSON: tpm: row 1, column 1: expected `,` or `]` at line 1 column 25"
    );
    // In a name they are letters.
    let named = text.replace("NaN", "0").replacen('{', "{\"name\": \"NaN Infinity\",", 1);
    assert_eq!(only(Reader::default().json(&named)).0.name.expect("a name"), "NaN Infinity");
}

#[test]
fn a_table_of_an_animat_gets_a_hint() {
    let tpm = vec![vec![0; 11]; 256];
    let message = refused(Reader::default().json(&copies(json!({ "tpm": tpm }))));
    assert!(
        message
            .starts_with("tpm: row 0: 11 columns, expected 8; 256 rows are the states of 8 units"),
        "{message}"
    );
    let transposed =
        json!([[0, 0, 1, 1, 0, 0, 1, 1], [0, 1, 0, 1, 0, 1, 0, 1], [0, 0, 0, 0, 1, 1, 1, 1]]);
    assert_eq!(
        refused(Reader::default().json(&copies(json!({ "tpm": transposed })))),
        "tpm: 3 rows, expected a power of two (2^n rows for n units); 3 rows of 8: is it \
         transposed?"
    );
}

#[test]
fn lists_and_lines_keep_what_is_good() {
    let (good, bad) = (copies(json!({})), copies(json!({ "cm": 7 })));
    let list = format!("[{good},{bad},{good}]");
    let Input { networks, form } = Reader::default().json(&list).expect("a list");
    assert_eq!(form, Form::List);
    let found: Vec<bool> = networks.iter().map(|it| it.record.is_ok()).collect();
    assert_eq!(found, [true, false, true]);
    let Input { networks, form } =
        Reader::default().json(&format!("{good}\n{bad}\r\n\n{good}\n")).expect("lines");
    assert_eq!((form, networks.len()), (Form::Lines, 3));
    let error = pyphi_core::input::parse(&list).expect_err("one is bad").to_string();
    assert_eq!(error, "record 1: cm: expected a list, found 7");
}

#[test]
fn row_order_of_a_file() {
    let (record, _) = only(Reader::default().json(&copies(json!({
        "row_order": "last-unit-fastest",
        "tpm": [[0, 0], [1, 0], [0, 1], [1, 1]],
    }))));
    assert_eq!(record.tpm, [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
    let multidimensional = json!({
        "row_order": "big-endian",
        "tpm": [[[0, 0], [1, 0]], [[0, 1], [1, 1]]],
    });
    let message = refused(Reader::default().json(&copies(multidimensional)));
    assert!(
        message.starts_with("tpm: multidimensional, so that its rows have no order"),
        "{message}"
    );
}

#[test]
fn a_tpm_is_counted_from_series() {
    let mut series = Series::default();
    // Two trials: what ends one does not lead to what begins the other.
    series.add_csv("A;B\r\n0;0\r\n1;0\r\n0;0\r\n\r\n1;1\r\n0;0\r\n").expect("a series");
    series.add_csv("# a second file\nA;B\n0;0\n0;0\n").expect("a series");
    assert_eq!(series.n_trials(), 3);
    let counted = series.tpm(1, 0.0, Unseen::Uniform).expect("a TPM");
    assert_eq!(counted.counts, [[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]);
    assert_eq!(counted.tpm[0], [0.5, 0.5, 0.0, 0.0]);
    assert_eq!(counted.tpm[2], [0.25; 4]);
    assert_eq!(series.tpm(1, 0.0, Unseen::Absorb).expect("a TPM").tpm[2], [0.0, 0.0, 1.0, 0.0]);
    assert_eq!(series.tpm(1, 1.0, Unseen::Refuse).expect("a TPM").tpm[1], [0.4, 0.2, 0.2, 0.2]);
    let lagged = series.tpm(2, 0.0, Unseen::Uniform).expect("a TPM");
    assert_eq!(lagged.counts, [[1, 0, 0, 0], [0; 4], [0; 4], [0; 4]]);
    let message = |it: Result<_, Error>| {
        it.map(|_: pyphi_core::input::CountedTpm| ()).unwrap_err().to_string()
    };
    assert_eq!(
        message(series.tpm(1, 0.0, Unseen::Refuse)),
        "1 of 4 states were never seen with a successor (01); expected all, a pseudo-count above \
         0, or unseen states to \
         be uniform or absorbing"
    );
    assert_eq!(message(series.tpm(0, 0.0, Unseen::Uniform)), "lag: 0, expected at least 1");
    assert_eq!(
        message(series.tpm(3, 0.0, Unseen::Uniform)),
        "no state has a successor 3 later in 3 trials, expected one at least"
    );
    let bad = |text: &str| Series::default().add_csv(text).unwrap_err().to_string();
    assert_eq!(bad("0,1\n0,2\n"), "line 2, column 2: \"2\", expected 0 or 1");
    assert_eq!(bad("0,1\n0\n"), "line 2, column 1: 1 columns, expected 2 as before");
    assert_eq!(bad(&vec!["0"; 13].join(",")), "line 1, column 1: 13 units, expected at most 12");
    // What was counted is a network, with its counts in the file.
    let text = serde_json::to_string(&counted).expect("JSON");
    let reader = Reader {
        project: true,
        states: Some(States::Listed(vec![vec![0, 0]])),
        ..Reader::default()
    };
    let (record, _) = only(reader.json(&text));
    assert_eq!(record.tpm[0], [0.5, 0.0]);
    assert_eq!(record.labels.expect("labels"), ["A", "B"]);
}
