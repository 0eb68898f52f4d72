//! Networks of few connections: what cannot be connected to anything costs nothing.

use pyphi_core::iit4::{self, Rules};
use pyphi_core::{
    Network, Options, State, Subsystem, UnitSet, big_phi, candidates, complexes, condensed,
};

/// A network of deterministic units: `next(s, j)` is what unit j does after state s.
fn network(n: usize, edges: &[(usize, usize)], next: impl Fn(usize, usize) -> usize) -> Network {
    let tpm: Vec<Vec<f64>> =
        (0..1 << n).map(|s| (0..n).map(|j| next(s, j) as f64).collect()).collect();
    let mut cm = vec![vec![0; n]; n];
    for &(from, to) in edges {
        cm[from][to] = 1;
    }
    Network::from_state_by_node(&tpm, &cm).expect("a valid network")
}

/// A ring of units that copy the one before them. It took minutes: every mechanism was searched.
#[test]
fn a_copy_ring_of_eleven_units_has_phi_1() {
    let n = 11;
    let before = |j: usize| (j + n - 1) % n;
    let edges: Vec<(usize, usize)> = (0..n).map(|j| (before(j), j)).collect();
    let ring = network(n, &edges, |s, j| s >> before(j) & 1);
    let subsystem = Subsystem::new(&ring, State::all_off(n), ring.units()).unwrap();
    let result = big_phi(&subsystem, &Options::default());
    assert_eq!(result.phi, 1.0);
    assert_eq!(result.cut.unwrap().severed_from, UnitSet::from_iter([0]));
    assert_eq!(result.ces.concepts.len(), n);
}

/// Oizumi et al. 2014, Fig. 4, and a chain of units that copy it: `n` units in all.
fn core_with_chain(n: usize) -> (Network, State) {
    let mut edges = vec![(1, 0), (2, 0), (0, 1), (2, 1), (0, 2), (1, 2)];
    edges.extend((3..n).map(|j| (j - 1, j)));
    let network = network(n, &edges, |s, j| {
        let at = |unit: usize| s >> unit & 1;
        match j {
            0 => at(1) | at(2),
            1 => at(0) & at(2),
            2 => at(0) ^ at(1),
            _ => at(j - 1),
        }
    });
    let mut state = vec![0; n];
    state[0] = 1;
    (network, State::new(&state).unwrap())
}

/// The values are those of PyPhi 1.2.0, which has noise of 1e-6.
#[test]
fn complexes_of_a_network_larger_than_a_subsystem() {
    let (network, state) = core_with_chain(14);
    let sets: Vec<String> = candidates(&network).unwrap().map(|it| it.to_string()).collect();
    assert_eq!(sets, ["{0,1}", "{0,2}", "{1,2}", "{0,1,2}"]);
    let found = complexes(&network, state, &Options::default()).unwrap();
    let text: Vec<String> = found.iter().map(|it| format!("{} {:.6}", it.units, it.phi)).collect();
    assert_eq!(text, ["{0,1,2} 1.916667", "{1,2} 1.000000", "{0,2} 1.000000"]);
    let left: Vec<String> = condensed(&found).map(|it| it.units.to_string()).collect();
    assert_eq!(left, ["{0,1,2}"]);

    // The memory is that of three units.
    let needed = pyphi_core::memory_needed_of_complexes(&network, 1);
    assert_eq!(Some(needed), pyphi_core::predicted_bytes(3, 1));
}

/// Under IIT 4.0 the first unit of the chain says what the core was: it has a unit of it as its
/// only input. Further units of the chain say nothing more.
#[test]
fn complexes_of_iit_4_of_a_network_larger_than_a_system() {
    let found = |n| {
        let (network, state) = core_with_chain(n);
        let (rules, options) = (Rules::default(), Options::default());
        let found = iit4::complexes(&network, state, rules, &options).unwrap();
        [&found.irreducible, &found.complexes].map(|found| -> Vec<String> {
            found.iter().map(|it| format!("{} {:.9}", it.units, it.phi_s)).collect()
        })
    };
    assert_eq!(found(14), found(5));
    assert_eq!(found(14)[1], ["{1,2} 2.000000000"]);
}

#[test]
fn too_many_units_that_reach_each_other_are_refused() {
    let n = 13;
    let edges: Vec<(usize, usize)> = (0..n).map(|j| ((j + n - 1) % n, j)).collect();
    let ring = network(n, &edges, |s, j| s >> ((j + n - 1) % n) & 1);
    let error = complexes(&ring, State::all_off(n), &Options::default()).unwrap_err();
    assert!(error.to_string().contains("13 units would need"), "{error}");
    assert!(error.to_string().contains("expected at most 12 units"), "{error}");
}
