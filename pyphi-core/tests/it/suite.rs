//! Every fixture of `tests/fixtures`, compared at 1e-9.

use std::fs;
use std::path::Path;

use rayon::prelude::*;
use serde::Deserialize;

use crate::networks::{self, Network};
use crate::oracle;

/// Largest difference between two values that count as equal.
pub(crate) const EQUAL: f64 = 1e-9;

/// What a program answers for a network, in the numbering of its units.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Answer {
    pub(crate) phi: f64,
    pub(crate) cut: Option<Cut>,
    pub(crate) ces: Vec<Concept>,
    pub(crate) partitioned_ces: Vec<Concept>,
    pub(crate) purview_ties: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Cut {
    pub(crate) severed_from: Vec<usize>,
    pub(crate) severed_to: Vec<usize>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Concept {
    pub(crate) mechanism: Vec<usize>,
    pub(crate) phi: f64,
    pub(crate) cause: Core,
    pub(crate) effect: Core,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Core {
    pub(crate) phi: f64,
    pub(crate) purview: Vec<usize>,
    pub(crate) repertoire: Vec<f64>,
}

#[derive(Deserialize)]
struct Golden {
    #[serde(flatten)]
    network: Network,
    #[serde(flatten)]
    answer: Answer,
}

fn fixture<T: serde::de::DeserializeOwned>(name: &str) -> Vec<T> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}

fn by_oracle(network: &Network) -> Answer {
    let system = network.system().expect("the state is reachable");
    let oracle::BigPhi { phi, cut, ces, partitioned_ces, ties } = system.big_phi();
    let core = |c: oracle::Core| Core { phi: c.phi, purview: c.purview, repertoire: c.repertoire };
    let concepts = |ces: Vec<oracle::Concept>| -> Vec<Concept> {
        ces.into_iter()
            .map(|c| Concept {
                mechanism: c.mechanism,
                phi: c.phi,
                cause: core(c.cause),
                effect: core(c.effect),
            })
            .collect()
    };
    Answer {
        phi,
        cut: cut.map(|(severed_from, severed_to)| Cut { severed_from, severed_to }),
        ces: concepts(ces),
        partitioned_ces: concepts(partitioned_ces),
        purview_ties: ties.in_phi,
    }
}

/// What differs between two answers, `None` if nothing does.
pub(crate) fn difference(expected: &Answer, actual: &Answer) -> Option<String> {
    let far = |a: f64, b: f64| (a - b).abs() > EQUAL;
    if far(expected.phi, actual.phi) {
        return Some(format!("Φ is {}, expected {}", actual.phi, expected.phi));
    }
    if expected.cut != actual.cut {
        return Some(format!("the cut is {:?}, expected {:?}", actual.cut, expected.cut));
    }
    if expected.purview_ties != actual.purview_ties {
        return Some(format!(
            "{} tied choices, expected {}",
            actual.purview_ties, expected.purview_ties
        ));
    }
    let structures = [
        ("structure", &expected.ces, &actual.ces),
        ("partitioned structure", &expected.partitioned_ces, &actual.partitioned_ces),
    ];
    for (what, expected, actual) in structures {
        let mechanisms =
            |ces: &[Concept]| ces.iter().map(|c| c.mechanism.clone()).collect::<Vec<_>>();
        if mechanisms(expected) != mechanisms(actual) {
            let (expected, actual) = (mechanisms(expected), mechanisms(actual));
            return Some(format!("{what}: concepts are {actual:?}, expected {expected:?}"));
        }
        for (expected, actual) in expected.iter().zip(actual) {
            let sides = [(&expected.cause, &actual.cause), (&expected.effect, &actual.effect)];
            let same = !far(expected.phi, actual.phi)
                && sides.iter().all(|(expected, actual)| {
                    !far(expected.phi, actual.phi)
                        && expected.purview == actual.purview
                        && expected.repertoire.len() == actual.repertoire.len()
                        && expected
                            .repertoire
                            .iter()
                            .zip(&actual.repertoire)
                            .all(|(&a, &b)| !far(a, b))
                });
            if !same {
                return Some(format!("{what}: concept is {actual:?}, expected {expected:?}"));
            }
        }
    }
    None
}

/// Panics with all differences, each with the name of its network.
#[track_caller]
fn check(file: &str, answer: impl Fn(&Network) -> Answer + Sync) {
    let failures: Vec<String> = fixture::<Golden>(file)
        .par_iter()
        .filter_map(|golden| {
            let difference = difference(&golden.answer, &answer(&golden.network))?;
            Some(format!("{}: {difference}", golden.network.name))
        })
        .collect();
    assert!(failures.is_empty(), "{file}:\n{}", failures.join("\n"));
}

#[test]
fn oracle_up_to_four_units() {
    check("iit3_dev.json", by_oracle);
}

#[test]
fn oracle_five_units() {
    check("iit3_dev_n5.json", by_oracle);
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

#[track_caller]
fn check_matrix(answer: impl Fn(&Network) -> Answer + Sync) {
    for cell in fixture::<Cell>("matrix_n5_n6.json") {
        let network = networks::majority(&cell.topology, cell.n);
        let actual = answer(&network);
        assert!((actual.phi - cell.phi).abs() <= EQUAL, "{}: Φ is {}", network.name, actual.phi);
        assert_eq!(actual.cut, Some(cell.cut), "{}", network.name);
        assert_eq!(actual.ces.len(), cell.n_concepts, "{}", network.name);
        assert_eq!(actual.purview_ties, cell.purview_ties, "{}", network.name);
    }
}

#[test]
fn oracle_matrix() {
    check_matrix(by_oracle);
}
