//! One small test per fixed bug: the smallest network that showed it, with what it should have
//! given.

use pyphi_core::Options;

use crate::answer::{by_engine, by_oracle, difference};
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

/// The oracle took a purview whose φ is 0, being at most the tolerance, for tied with one whose φ
/// is hardly more, and gave a concept with φ = 0.
#[test]
fn what_is_zero_is_tied_with_nothing() {
    // Unit 0 hears itself a little, and unit 1 less. Over {0} the cause of unit 0 has φ = 1.5e-6;
    // over {0, 1} it has what unit 1 adds, 0.7e-6. They are within 1e-6 of each other, and the
    // larger purview would win.
    let on = |from_0: f64, from_1: f64| 0.5 + 3e-6 * from_0 + 1.4e-6 * from_1;
    let tpm = (0..4).map(|s| [f64::from(s & 1), f64::from(s >> 1)]);
    let network = Network {
        name: "two units".to_owned(),
        tpm: tpm.map(|[a, b]| vec![on(a, b), a]).collect(),
        cm: vec![vec![1, 1], vec![1, 0]],
        state: vec![1, 1],
        nodes: vec![0, 1],
    };
    let expected = by_oracle(&network);
    for exhaustive in [false, true] {
        let found =
            by_engine(&network, &Options { exhaustive, count_ties: true, ..Options::default() });
        let cause = &found.ces[0].cause;
        assert_eq!((&found.ces[0].mechanism[..], &cause.purview[..]), (&[0][..], &[0][..]));
        assert!((cause.phi - 1.5e-6).abs() < 1e-9, "{}", cause.phi);
        assert_eq!(difference(&expected, &found), None);
    }
}
