//! One small test per fixed bug: the smallest network that showed it, with what it should have
//! given.

use pyphi_core::Options;

use crate::answer::by_engine;
use crate::networks::Network;

/// Ties were counted again where a cut leaves a core alone, and not where the mechanism has no
/// concept.
#[test]
fn purview_ties_count_searches() {
    let network = Network {
        name: "two units".to_owned(),
        tpm: vec![vec![1.0, 0.0], vec![0.0, 1.0], vec![1.0, 0.0], vec![1.0, 1.0]],
        cm: vec![vec![1, 1], vec![1, 0]],
        state: vec![1, 0],
        nodes: vec![0, 1],
    };
    // Tied are the cause of unit 0, which the cut {0} to {1} leaves alone, and the effect of both
    // units, which have no cause.
    let options = Options { count_ties: true, ..Options::default() };
    assert_eq!(by_engine(&network, &options).purview_ties, Some(2));
}
