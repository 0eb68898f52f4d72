//! The answer of a program for a network, by the oracle or by the engine, and the difference of two
//! answers.

use pyphi_core::{Options, Subsystem, big_phi, input, record};
use serde::Deserialize;

use crate::networks::Network;
use crate::oracle;

/// Largest difference between two values that count as equal.
pub(crate) const EQUAL: f64 = 1e-9;

/// The result for a network, in the numbering of its units. The fields are those of a golden
/// record.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Answer {
    pub(crate) phi: f64,
    pub(crate) cut: Option<Cut>,
    pub(crate) ces: Vec<Concept>,
    pub(crate) partitioned_ces: Vec<Concept>,
    /// Not known to an engine that prunes.
    pub(crate) purview_ties: Option<usize>,
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

// --- Programs ------------------------------------------------------------------------------------

/// The oracle's answer.
pub(crate) fn by_oracle(network: &Network) -> Answer {
    let system = network.system().expect("the state is reachable");
    system.big_phi().into()
}

impl From<oracle::BigPhi> for Answer {
    fn from(big_phi: oracle::BigPhi) -> Answer {
        let core = |core: oracle::Core| Core {
            phi: core.phi,
            purview: core.purview,
            repertoire: core.repertoire,
        };
        let concept = |concept: oracle::Concept| Concept {
            mechanism: concept.mechanism,
            phi: concept.phi,
            cause: core(concept.cause),
            effect: core(concept.effect),
        };
        Answer {
            phi: big_phi.phi,
            cut: big_phi.cut.map(|(severed_from, severed_to)| Cut { severed_from, severed_to }),
            ces: big_phi.ces.into_iter().map(concept).collect(),
            partitioned_ces: big_phi.partitioned_ces.into_iter().map(concept).collect(),
            purview_ties: Some(big_phi.ties.in_phi),
        }
    }
}

/// The network as the engine reads it from a file.
pub(crate) fn record(network: &Network) -> input::NetworkRecord {
    // Not by the reader: it refuses a cm that denies a dependence, over which IIT 3.0 averages.
    let Network { name, tpm, cm, state, nodes } = network.clone();
    let (name, nodes) = (Some(name), Some(nodes));
    input::NetworkRecord { name, tpm, cm, state, nodes, labels: None, alphabet: None, values: None }
}

/// The candidate system, read by the engine.
#[track_caller]
pub(crate) fn subsystem(network: &Network) -> Subsystem {
    record(network).subsystem().unwrap_or_else(|err| panic!("{err}: {network}"))
}

/// The engine's answer as the JSON that a user gets.
pub(crate) fn json_by_engine(network: &Network, options: &Options) -> String {
    let record = record(network);
    let subsystem = record.subsystem().unwrap_or_else(|err| panic!("{err}: {network}"));
    let result = record::PhiRecord::new(&record, &big_phi(&subsystem, options));
    serde_json::to_string(&result).expect("a result is JSON")
}

/// The engine's answer, read back from the JSON that a user gets.
pub(crate) fn by_engine(network: &Network, options: &Options) -> Answer {
    serde_json::from_str(&json_by_engine(network, options)).expect("the fields of a golden record")
}

// --- Comparing -----------------------------------------------------------------------------------

/// Returns `true` if two values are not equal; a NaN equals nothing.
pub(crate) fn far(a: f64, b: f64) -> bool {
    let close = (a - b).abs() <= EQUAL;
    !close
}

/// Returns the first difference between two answers, or `None` if they agree.
pub(crate) fn difference(expected: &Answer, actual: &Answer) -> Option<String> {
    if far(expected.phi, actual.phi) {
        return Some(format!("Φ is {}, expected {}", actual.phi, expected.phi));
    }
    // Where Φ = 0 the records have no cut.
    if expected.cut != actual.cut && (expected.phi > 0.0 || expected.cut.is_some()) {
        return Some(format!("the cut is {:?}, expected {:?}", actual.cut, expected.cut));
    }
    if let (Some(expected), Some(actual)) = (expected.purview_ties, actual.purview_ties)
        && expected != actual
    {
        return Some(format!("{actual} tied choices, expected {expected}"));
    }
    let structures = [
        ("structure", &expected.ces, &actual.ces),
        ("partitioned structure", &expected.partitioned_ces, &actual.partitioned_ces),
    ];
    structures.into_iter().find_map(|(what, expected, actual)| {
        Some(format!("{what}: {}", structure_difference(expected, actual)?))
    })
}

/// Returns the first difference between the engine and the oracle, by each of its settings.
pub(crate) fn engine_differs(network: &Network) -> Option<String> {
    let settings = [
        ("pruned", Options::default()),
        ("pruned, ties counted", Options { count_ties: true, ..Options::default() }),
        ("exhaustive", Options { exhaustive: true, count_ties: true, ..Options::default() }),
    ];
    let expected = by_oracle(network);
    settings.into_iter().find_map(|(setting, options)| {
        Some(format!("{setting}: {}", difference(&expected, &by_engine(network, &options))?))
    })
}

fn structure_difference(expected: &[Concept], actual: &[Concept]) -> Option<String> {
    let mechanisms = |ces: &[Concept]| ces.iter().map(|c| c.mechanism.clone()).collect::<Vec<_>>();
    if mechanisms(expected) != mechanisms(actual) {
        let (expected, actual) = (mechanisms(expected), mechanisms(actual));
        return Some(format!("concepts are {actual:?}, expected {expected:?}"));
    }
    let same_core = |a: &Core, b: &Core| {
        !far(a.phi, b.phi)
            && a.purview == b.purview
            && a.repertoire.len() == b.repertoire.len()
            && a.repertoire.iter().zip(&b.repertoire).all(|(&p, &q)| !far(p, q))
    };
    let same = |a: &Concept, b: &Concept| {
        !far(a.phi, b.phi) && same_core(&a.cause, &b.cause) && same_core(&a.effect, &b.effect)
    };
    let (expected, actual) = expected.iter().zip(actual).find(|(a, b)| !same(a, b))?;
    Some(format!("concept is {actual:?}, expected {expected:?}"))
}
