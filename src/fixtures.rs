//! A small study that needs no engine, for the tests of whatever keeps, reads or shows one.

use std::collections::BTreeMap;

use tempfile::TempDir;

use crate::engine::result::{ExactPhi, SystemCut};
use crate::model::topology::Topology;
use crate::run::journal::ExactRecord;
use crate::run::ledger::Ledger;
use crate::run::row::Row;
use crate::suite::{Key, Settings, Suite};

/// A folder for files that are written and flushed often: in memory, where the system has such a
/// place.
pub(crate) fn temporary() -> TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    in_memory.or_else(|_| tempfile::tempdir()).unwrap()
}

/// Four comparisons of three exact problems.
pub(crate) fn suite() -> Suite {
    let settings = Settings {
        topologies: vec![Topology::Ring, Topology::Random],
        sizes: vec![5],
        seeds: vec![42, 123],
        ..Settings::default()
    };
    Suite::new(settings).unwrap()
}

/// The row at a position, with numbers that depend on the position only.
pub(crate) fn row(suite: &Suite, position: usize) -> Row {
    let comparison = suite.comparisons()[position];
    let problem = comparison.problem as f64;
    Row {
        key: comparison.key,
        phi_hdc: 0.5 + position as f64 / 7.0,
        phi_exact: problem / 3.0,
        duration_ms: 0.125,
    }
}

/// The result of a problem.
pub(crate) fn record(suite: &Suite, problem: usize) -> ExactRecord {
    let it = &suite.problems()[problem];
    let cut = Some(SystemCut { severed_from: vec![0], severed_to: vec![1, 2, 3, 4] });
    let phi = problem as f64 / 3.0;
    let counters = BTreeMap::from([("cuts".to_owned(), 7)]);
    let range = None;
    let exact = ExactPhi {
        phi,
        cut,
        n_concepts: 5,
        ties: 2,
        range,
        counters,
        complex: None,
        structure: None,
    };
    ExactRecord { problem: it.id, key: it.key, exact, duration_ms: 0.125 }
}

/// Does what is not done, as a study would.
pub(crate) fn finish(ledger: &mut dyn Ledger, suite: &Suite) {
    let done: Vec<Key> = ledger.rows().iter().map(|row| row.key).collect();
    for (position, comparison) in suite.comparisons().iter().enumerate() {
        if done.contains(&comparison.key) {
            continue;
        }
        if ledger.record(suite.problems()[comparison.problem].id).is_none() {
            ledger.append_record(record(suite, comparison.problem)).unwrap();
        }
        ledger.append_row(row(suite, position), &[("spectral".to_owned(), 0.25)]).unwrap();
    }
}
