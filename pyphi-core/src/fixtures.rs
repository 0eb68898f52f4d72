//! Named networks that the documentation, the tests and the benchmarks share.

use crate::alphabet::Alphabet;
use crate::network::Network;
use crate::split_mix::SplitMix;
use crate::state::State;
use crate::subsystem::Subsystem;
use crate::tpm::Tpm;
use crate::unit_set::UnitSet;

/// The OR-AND-XOR network of Oizumi et al. 2014, Fig. 4: A = OR(B, C), B = AND(A, C), C = XOR(A,
/// B), in the state (1, 0, 0).
pub fn or_and_xor() -> Subsystem {
    let tpm: Vec<Vec<f64>> = (0..8u8)
        .map(|s| {
            let [a, b, c] = [s & 1, s >> 1 & 1, s >> 2 & 1];
            [b | c, a & c, a ^ b].into_iter().map(f64::from).collect()
        })
        .collect();
    let cm = [vec![0, 1, 1], vec![1, 0, 1], vec![1, 1, 0]];
    let state = State::new(&[1, 0, 0]).expect("a valid state");
    whole(in_state(&tpm, &cm, state))
}

/// The complete graph of `n` strict-majority units without self-loops, all OFF: a unit is ON next
/// if more than half of the others are ON.
///
/// # Panics
/// If `n` is 0 or more than [`Subsystem::MAX_UNITS`].
pub fn complete_majority(n: usize) -> Subsystem {
    let tpm: Vec<Vec<f64>> = (0..1u32 << n)
        .map(|s| {
            (0..n)
                .map(|j| f64::from(u8::from(2 * (s & !(1 << j)).count_ones() as usize > n - 1)))
                .collect()
        })
        .collect();
    let cm: Vec<Vec<u8>> = (0..n).map(|i| (0..n).map(|j| u8::from(i != j)).collect()).collect();
    whole(in_state(&tpm, &cm, State::all_off(n)))
}

/// A generic network: `n` units, each connected with all including itself, logistic with normal
/// weights of standard deviation 1.5: P(j ON | s) = 1 / (1 + exp(-Σᵢ w_ij (2 sᵢ - 1))), in a random
/// state. Every state is reachable. The same for ever for the same `n` and `seed`.
///
/// # Panics
/// If `n` is 0 or more than [`Subsystem::MAX_UNITS`].
pub fn generic_logistic(n: usize, seed: u64) -> Subsystem {
    let (weights, state) = random_weights_and_state(n, seed);
    logistic(1.0, &weights, &state)
}

/// As [`generic_logistic`], but units 0 and 1 are interchangeable: same weights to and from all
/// others, to each other and to themselves, and the same state.
///
/// # Panics
/// If `n` is less than 2 or more than [`Subsystem::MAX_UNITS`].
pub fn generic_twins(n: usize, seed: u64) -> Subsystem {
    let (mut weights, mut state) = random_weights_and_state(n, seed);
    for row in &mut weights[2..] {
        row[1] = row[0];
    }
    weights[1] = weights[0].clone();
    weights[1].swap(0, 1);
    state[1] = state[0];
    logistic(1.0, &weights, &state)
}

/// Normal weights of standard deviation 1.5, from unit i (row) to unit j (column), and a state.
fn random_weights_and_state(n: usize, seed: u64) -> (Vec<Vec<f64>>, Vec<u8>) {
    let mut random = SplitMix(seed);
    let weights = (0..n).map(|_| (0..n).map(|_| 1.5 * random.normal()).collect()).collect();
    let state = (0..n).map(|_| (random.next() >> 63) as u8).collect();
    (weights, state)
}

/// The three-unit system of Albantakis et al. 2023, Fig. 1: logistic units A, B, C of slope 4 in
/// the state (0, 1, 1).
pub fn iit4_figure_1() -> Subsystem {
    let weights = [[-0.2, 0.7, 0.2], [0.7, -0.2, 0.0], [0.0, -0.8, 0.2]];
    logistic(4.0, &weights.map(|row| row.to_vec()), &[0, 1, 1])
}

/// A and B of [`iit4_figure_1`], with C as background: the example that the paper works out.
pub fn iit4_figure_1_ab() -> Subsystem {
    let figure = iit4_figure_1();
    Subsystem::new(figure.network(), figure.state(), UnitSet::all(2)).expect("a reachable state")
}

/// The six-unit system of Albantakis et al. 2023, Fig. 6D: specialised units of slope 4, first one
/// ON.
pub fn iit4_figure_6d() -> Subsystem {
    let weights = [
        [0.09, 0.7, 0.03, 0.03, 0.03, 0.12],
        [0.03, 0.03, 0.12, 0.09, 0.03, 0.7],
        [0.03, 0.09, 0.03, 0.7, 0.12, 0.03],
        [0.12, 0.03, 0.09, 0.03, 0.7, 0.03],
        [0.7, 0.12, 0.03, 0.03, 0.09, 0.03],
        [0.03, 0.03, 0.7, 0.12, 0.03, 0.09],
    ];
    logistic(4.0, &weights.map(|row| row.to_vec()), &[1, 0, 0, 0, 0, 0])
}

/// A dense network without early ends for IIT 4.0: logistic units of slope 2, all ON; every weight
/// is uniform in [0.05, 0.35], those of the ring i → i+1 are 0.55 more. The same for ever for the
/// same `n` and `seed`.
///
/// # Panics
/// If `n` is 0 or more than [`Subsystem::MAX_UNITS`].
pub fn dense_logistic(n: usize, seed: u64) -> Subsystem {
    whole(dense_logistic_network(n, seed))
}

/// The network and the state of [`dense_logistic`], of more units than a subsystem can have.
///
/// # Panics
/// If `n` is 0 or more than a network can have.
pub fn dense_logistic_network(n: usize, seed: u64) -> (Network, State) {
    let mut random = SplitMix(seed);
    let weights: Vec<Vec<f64>> = (0..n)
        .map(|i| {
            (0..n)
                .map(|j| {
                    let ring = if j == (i + 1) % n { 0.55 } else { 0.0 };
                    0.05 + 0.3 * random.uniform() + ring
                })
                .collect()
        })
        .collect();
    logistic_network(2.0, &weights, &vec![1; n])
}

/// Units with so many values each, all connected with all, with random probabilities of which none
/// is 0; every unit has its first value.
///
/// # Panics
/// If there are no units, a unit has fewer than 2 values, or all have more states than
/// [`Subsystem::MAX_STATES`].
pub fn dense_of_values(sizes: &[usize], seed: u64) -> Subsystem {
    let mut random = SplitMix(seed);
    let alphabet = Alphabet::new(sizes).expect("an alphabet");
    let mut distribution = |&k: &usize| {
        let weights: Vec<f64> = (0..k).map(|_| 0.05 + random.uniform()).collect();
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|it| it / sum).collect::<Vec<f64>>()
    };
    let row = |_| sizes.iter().map(&mut distribution).collect();
    let rows: Vec<Vec<Vec<f64>>> = (0..alphabet.n_states()).map(row).collect();
    let tpm = Tpm::from_distributions(&alphabet, &rows).expect("a TPM");
    let cm = vec![vec![1; sizes.len()]; sizes.len()];
    let network = Network::new(tpm, &cm).expect("a network");
    let state = network.state(&vec![0; sizes.len()]).expect("a state");
    whole((network, state))
}

/// The copy ring: logistic units of slope 2, each with the one before it as its only input, first
/// one ON.
///
/// # Panics
/// If `n` is 0 or more than [`Subsystem::MAX_UNITS`].
pub fn ring_logistic(n: usize) -> Subsystem {
    let weights: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(j == (i + 1) % n))).collect()).collect();
    let state: Vec<u8> = (0..n).map(|unit| u8::from(unit == 0)).collect();
    logistic(2.0, &weights, &state)
}

/// Logistic units: P(j ON | s) = 1 / (1 + exp(-k Σᵢ w_ij (2 sᵢ - 1))), connected where w_ij is not
/// 0.
fn logistic(slope: f64, weights: &[Vec<f64>], state: &[u8]) -> Subsystem {
    whole(logistic_network(slope, weights, state))
}

fn logistic_network(slope: f64, weights: &[Vec<f64>], state: &[u8]) -> (Network, State) {
    let n = weights.len();
    let drive = |s: usize, j: usize| -> f64 {
        (0..n).map(|i| weights[i][j] * if s >> i & 1 == 1 { 1.0 } else { -1.0 }).sum()
    };
    let tpm: Vec<Vec<f64>> = (0..1usize << n)
        .map(|s| (0..n).map(|j| 1.0 / (1.0 + (-slope * drive(s, j)).exp())).collect())
        .collect();
    let cm: Vec<Vec<u8>> =
        weights.iter().map(|row| row.iter().map(|&w| u8::from(w != 0.0)).collect()).collect();
    in_state(&tpm, &cm, State::new(state).expect("a valid state"))
}

fn in_state(tpm: &[Vec<f64>], cm: &[Vec<u8>], state: State) -> (Network, State) {
    (Network::from_state_by_node(tpm, cm).expect("a valid network"), state)
}

fn whole((network, state): (Network, State)) -> Subsystem {
    Subsystem::new(&network, state, network.units()).expect("a reachable state of at most 12 units")
}
