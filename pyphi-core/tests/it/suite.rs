//! Every fixture of `tests/fixtures`, compared at 1e-9, through the oracle and through every setting of the
//! engine.

use std::fs;
use std::path::Path;

use pyphi_core::{Options, record};
use rayon::prelude::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::answer::{Answer, Cut, by_engine, by_oracle, difference, far};
use crate::networks::{Network, majority};

/// A network with the answer of an independent program.
#[derive(Deserialize)]
struct Golden {
    #[serde(flatten)]
    network: Network,
    #[serde(flatten)]
    answer: Answer,
}

/// A cell of the validation matrix.
#[derive(Deserialize)]
struct Cell {
    topology: String,
    n: usize,
    phi: f64,
    cut: Cut,
    n_concepts: usize,
    purview_ties: usize,
}

const UP_TO_FOUR_UNITS: &str = "iit3_dev.json";
const FIVE_UNITS: &str = "iit3_dev_n5.json";
const MATRIX: &str = "matrix_n5_n6.json";

fn text(fixture: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(fixture);
    fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}

fn read<T: DeserializeOwned>(fixture: &str) -> Vec<T> {
    serde_json::from_str(&text(fixture)).unwrap_or_else(|err| panic!("{fixture}: {err}"))
}

/// Panics with everything that differs, each with the name of its network.
#[track_caller]
fn check(fixture: &str, n_records: usize, answer: impl Fn(&Network) -> Answer + Sync) {
    let goldens: Vec<Golden> = read(fixture);
    assert_eq!(goldens.len(), n_records);
    let failures: Vec<String> = goldens
        .par_iter()
        .filter_map(|golden| {
            let difference = difference(&golden.answer, &answer(&golden.network))?;
            Some(format!("{}: {difference}", golden.network.name))
        })
        .collect();
    assert!(failures.is_empty(), "{fixture}:\n{}", failures.join("\n"));
}

#[track_caller]
fn check_matrix(answer: impl Fn(&Network) -> Answer + Sync) {
    let cells: Vec<Cell> = read(MATRIX);
    assert_eq!(cells.len(), 12);
    for cell in cells {
        let network = majority(&cell.topology, cell.n);
        let actual = answer(&network);
        assert!(!far(actual.phi, cell.phi), "{}: Φ is {}", network.name, actual.phi);
        assert_eq!(actual.cut, Some(cell.cut), "{}", network.name);
        assert_eq!(actual.ces.len(), cell.n_concepts, "{}", network.name);
        let ties = actual.purview_ties.unwrap_or(cell.purview_ties);
        assert_eq!(ties, cell.purview_ties, "{}", network.name);
    }
}

#[test]
fn oracle_up_to_four_units() {
    check(UP_TO_FOUR_UNITS, 122, by_oracle);
}

#[test]
fn oracle_five_units() {
    check(FIVE_UNITS, 10, by_oracle);
}

#[test]
fn oracle_matrix() {
    check_matrix(by_oracle);
}

/// Every fixture by one setting of the engine. Ties are compared if they are counted.
#[track_caller]
fn check_engine(options: &Options) {
    let answer = |network: &Network| {
        let answer = by_engine(network, options);
        assert_eq!(answer.purview_ties.is_some(), options.count_ties, "{network}");
        answer
    };
    check(UP_TO_FOUR_UNITS, 122, answer);
    check(FIVE_UNITS, 10, answer);
    check_matrix(answer);
}

#[test]
fn engine_pruned() {
    check_engine(&Options::default());
}

#[test]
fn engine_pruned_with_ties() {
    check_engine(&Options { count_ties: true, ..Options::default() });
}

#[test]
fn engine_exhaustive() {
    check_engine(&Options { exhaustive: true, count_ties: true, ..Options::default() });
}

#[test]
fn a_golden_file_is_a_list_of_networks() {
    let records = record::parse(&text(UP_TO_FOUR_UNITS)).expect("networks with more fields");
    assert!(records.is_list);
    let goldens: Vec<Golden> = read(UP_TO_FOUR_UNITS);
    assert_eq!(records.records.len(), goldens.len());
    for (record, golden) in records.records.iter().zip(&goldens) {
        let Network { name, tpm, cm, state, nodes } = &golden.network;
        assert_eq!(record.name.as_ref(), Some(name));
        assert_eq!((&record.tpm, &record.cm, &record.state), (tpm, cm, state));
        assert_eq!(record.nodes.as_ref(), Some(nodes));
    }
}
