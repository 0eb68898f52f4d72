//! Every fixture of `tests/fixtures`, compared at 1e-9, through the oracle and through every
//! setting of the engine.

use std::fs;
use std::path::Path;

use pyphi_core::{Options, Subsystem, fixtures, input};
use rayon::prelude::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::answer::{Answer, Cut, by_engine, by_oracle, difference, far};
use crate::networks::{Network, majority};
use crate::properties::how_many;

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

pub(crate) fn text(fixture: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(fixture);
    fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}

pub(crate) fn read<T: DeserializeOwned>(fixture: &str) -> Vec<T> {
    serde_json::from_str(&text(fixture)).unwrap_or_else(|err| panic!("{fixture}: {err}"))
}

/// Panics with everything that differs, each with the name of its network.
#[track_caller]
fn check(fixture: &str, n_records: usize, answer: impl Fn(&Network) -> Answer + Sync) {
    check_first(usize::MAX, fixture, n_records, &answer);
}

/// The same for the first records only.
#[track_caller]
fn check_first(
    n_checked: usize,
    fixture: &str,
    n_records: usize,
    answer: &(dyn Fn(&Network) -> Answer + Sync),
) {
    let goldens: Vec<Golden> = read(fixture);
    assert_eq!(goldens.len(), n_records);
    let failures: Vec<String> = goldens[..n_checked.min(n_records)]
        .par_iter()
        .filter_map(|golden| {
            let difference = difference(&golden.answer, &answer(&golden.network))?;
            Some(format!("{}: {difference}", golden.network.name))
        })
        .collect();
    assert!(failures.is_empty(), "{fixture}:\n{}", failures.join("\n"));
}

/// The first cells of the matrix.
#[track_caller]
fn check_matrix(n_checked: usize, answer: impl Fn(&Network) -> Answer + Sync) {
    let cells: Vec<Cell> = read(MATRIX);
    assert_eq!(cells.len(), 12);
    for cell in cells.into_iter().take(n_checked) {
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
    check_first(how_many(1, 10), FIVE_UNITS, 10, &by_oracle);
}

#[test]
fn oracle_matrix() {
    check_matrix(how_many(2, 12), by_oracle);
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
    check_matrix(12, answer);
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

/// Oizumi et al. 2014, Fig. 4 and following: A = OR(B, C), B = AND(A, C), C = XOR(A, B), in (1, 0,
/// 0).
#[test]
fn example_of_the_paper() {
    let tpm = (0..8_u8)
        .map(|s| (s & 1, s >> 1 & 1, s >> 2 & 1))
        .map(|(a, b, c)| [b | c, a & c, a ^ b].map(f64::from).to_vec())
        .collect();
    let network = Network {
        name: "OR-AND-XOR".to_owned(),
        tpm,
        cm: vec![vec![0, 1, 1], vec![1, 0, 1], vec![1, 1, 0]],
        state: vec![1, 0, 0],
        nodes: vec![0, 1, 2],
    };
    for answer in [by_oracle(&network), by_engine(&network, &Options::default())] {
        let published = |value: f64| format!("{value:.2}");
        assert_eq!(published(answer.phi), "1.92");
        let concepts: Vec<_> =
            answer.ces.iter().map(|it| (it.mechanism.as_slice(), published(it.phi))).collect();
        let phis = ["0.17", "0.17", "0.25", "0.25", "0.33", "0.50"].map(str::to_owned);
        let mechanisms: [&[usize]; 6] = [&[0], &[1], &[2], &[0, 1], &[1, 2], &[0, 1, 2]];
        assert_eq!(concepts, mechanisms.into_iter().zip(phis).collect::<Vec<_>>());
    }
}

#[test]
fn a_golden_file_is_a_list_of_networks() {
    // The answers beside them are no fields of a network.
    let mut list: Vec<serde_json::Map<String, serde_json::Value>> = read(UP_TO_FOUR_UNITS);
    let fields = ["name", "tpm", "cm", "state", "nodes"];
    list.iter_mut().for_each(|it| it.retain(|name, _| fields.contains(&name.as_str())));
    let records = input::parse(&serde_json::to_string(&list).unwrap()).expect("networks");
    let goldens: Vec<Golden> = read(UP_TO_FOUR_UNITS);
    assert_eq!(records.len(), goldens.len());
    for (record, golden) in records.iter().zip(&goldens) {
        let Network { name, tpm, cm, state, nodes } = &golden.network;
        assert_eq!(record.name.as_ref(), Some(name));
        assert_eq!((&record.tpm, &record.cm, &record.state), (tpm, cm, state));
        assert_eq!(record.nodes.as_ref(), Some(nodes));
    }
}

/// `examples/networks` of the root package has networks of the generic family, too large to be
/// solved in a test.
#[test]
fn generic_examples_are_of_their_family() {
    for n in [9, 10] {
        let file = format!("../examples/networks/generic_{n}.json");
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        let found = input::parse(&text).unwrap()[0].subsystem().unwrap();
        let expected = fixtures::generic_logistic(n, 1);
        assert_eq!(found.state(), expected.state());
        assert_eq!(found.network().cm(), expected.network().cm());
        let rows = |it: &Subsystem| it.network().tpm().to_rows().concat();
        // An exponential function may differ in the last place.
        let pairs = rows(&found).into_iter().zip(rows(&expected));
        assert_eq!(pairs.filter(|(a, b)| (a - b).abs() > 1e-15).count(), 0, "n = {n}");
    }
}
