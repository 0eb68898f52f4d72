//! Probabilities at the end of the range of floats, whose products floats do not hold: what is
//! computed from their ratios is right all the same, and nothing panics.
//!
//! `PHI_TINY_NETWORKS` sets how many random networks of 2 to 4 units are tried. IIT 3.0 is compared
//! with the oracle, which takes logarithms; φ_s of IIT 4.0 with [`Exact`], which computes with
//! integers of any size.

use std::ops::ControlFlow;

use num_bigint::BigUint;
use pyphi_core::iit4::{
    self, PhiStructure, Rules, System, SystemIrreducibilityAnalysis, system_irreducibility_analysis,
};
use pyphi_core::{
    DifferentiationCap, Direction, Formalism, Options, State, Subsystem, TieOrder, TiePolicy,
    complexes, phi_range,
};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::answer::{by_engine, by_oracle, difference, record, subsystem};
use crate::iit4_oracle::system_partitions;
use crate::networks::Network;
use crate::oracle::{Mask, elements, pick, size};
use crate::properties::{check, count, how_many};

/// Probabilities that a file may hold, from one end to the other. No two of them have the tolerance
/// of IIT 3.0 as their ratio: what lies on its edge is a matter of the last bit.
const ENTRIES: [f64; 11] =
    [0.0, 5e-324, 1e-320, 1e-300, 1e-160, 1e-21, 1e-14, 0.5, 0.75, 1.0 - f64::EPSILON / 2.0, 1.0];

/// A network of 2 to 4 units with such entries, in a state that it can be in.
fn random(seed: u64) -> Network {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let n = [2, 3, 3, 4][seed as usize % 4];
    let some: Vec<f64> = (0..2 + seed as usize / 4 % 4)
        .map(|_| *ENTRIES.choose(&mut rng).expect("some entries"))
        .chain([0.5])
        .collect();
    with_entries(n, &mut rng, &format!("tiny {seed}"), |rng| {
        *some.choose(rng).expect("some entries")
    })
}

fn with_entries(
    n: usize,
    rng: &mut ChaCha8Rng,
    name: &str,
    entry: impl Fn(&mut ChaCha8Rng) -> f64,
) -> Network {
    let density = rng.random_range(0.5..1.0);
    let cm: Vec<Vec<u8>> =
        (0..n).map(|_| (0..n).map(|_| u8::from(rng.random_bool(density))).collect()).collect();
    let mut tpm = vec![vec![0.0; n]; 1 << n];
    for j in 0..n {
        let heard: Mask = (0..n).filter(|&i| cm[i][j] == 1).map(|i| 1 << i).sum();
        for s in 0..1 << n {
            // What a unit does not hear makes no difference to it.
            tpm[s][j] = if s & heard == s { entry(rng) } else { tpm[s & heard][j] };
        }
    }
    let before = rng.random_range(0..1 << n);
    let state = (0..n)
        .map(|j| match tpm[before][j] {
            0.0 => 0,
            1.0 => 1,
            _ => u8::from(rng.random_bool(0.5)),
        })
        .collect();
    let nodes = if rng.random_bool(0.7) { (0..n).collect() } else { (0..n - 1).collect() };
    Network { name: name.to_owned(), tpm, cm, state, nodes }
}

/// Returns `true` if the candidate system can be in its state, the rest being as it is.
fn is_reachable(network: &Network) -> bool {
    network.system().is_some()
}

fn random_networks(n_default: usize) -> impl ParallelIterator<Item = Network> {
    let n_networks = count("PHI_TINY_NETWORKS", n_default) as u64;
    (0..n_networks).into_par_iter().map(random).filter(is_reachable)
}

/// 2^power, of which only the last few digits of the range of floats are left if it is below
/// 2⁻¹⁰²².
fn power_of_two(power: i32) -> f64 {
    2f64.powi(power / 2) * 2f64.powi(power - power / 2)
}

// --- IIT 3.0 -------------------------------------------------------------------------------------

/// The network of the bug: products of `e` came to 0.
fn conflict(e: f64) -> Network {
    let rows = [
        [2.0 * e, 2.0 * e, 1.0],
        [e, e, 1.0],
        [2.0 * e, e, 1.0],
        [2.0 * e, 2.0 * e, 0.0],
        [e, e, 0.0],
        [e, e, 1.0],
        [e, e, 0.0],
        [e, e, 1.0],
    ];
    Network {
        name: format!("e = {e:e}"),
        tpm: rows.map(Vec::from).to_vec(),
        cm: vec![vec![1; 3]; 3],
        state: vec![1, 1, 0],
        nodes: vec![0, 1, 2],
    }
}

#[test]
fn phi_does_not_depend_on_how_small_small_is() {
    for e in [1e-20, 1e-80, 1e-161, 1e-162, 1e-200, 1e-300, 1e-310, 5e-324] {
        let answer = by_engine(&conflict(e), &Options::default());
        assert!((answer.phi - 0.605_287_699).abs() < 1e-9, "e = {e:e}: Φ = {}", answer.phi);
    }
    // To the last digit, if the digits of e are always the same.
    let phi = |power: i32| by_engine(&conflict(power_of_two(power)), &Options::default()).phi;
    for power in [-200, -537, -538, -700, -1022, -1060, -1074] {
        assert_eq!(phi(power).to_bits(), phi(-70).to_bits(), "e = 2^{power}");
    }
}

/// Concepts and cuts of random networks whose entries are multiples of a tiny number, whatever that
/// is.
#[test]
fn structures_do_not_depend_on_how_small_small_is() {
    let with = |seed: u64, e: f64| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let n = 2 + seed as usize % 3;
        with_entries(n, &mut rng, &format!("seed {seed}, e = {e:e}"), |rng| {
            let factor = *[0.0, 1.0, 2.0, 3.0, 7.0].choose(rng).expect("some factors");
            if rng.random_bool(0.6) {
                factor * e
            } else {
                *[0.0, 0.25, 0.5, 1.0].choose(rng).unwrap()
            }
        })
    };
    let count = count("PHI_TINY_NETWORKS", 200) as u64;
    let networks = (0..count).into_par_iter().map(|seed| with(seed, power_of_two(-70)));
    check(networks.filter(is_reachable), |network| {
        let seed = network.name.split([' ', ',']).nth(1)?.parse().ok()?;
        let expected = by_engine(network, &Options::default());
        [-300, -1000, -1040, -1074].into_iter().find_map(|power| {
            let actual = by_engine(&with(seed, power_of_two(power)), &Options::default());
            match difference(&expected, &actual) {
                Some(difference) => Some(format!("e = 2^{power}: {difference}")),
                None if expected.phi.to_bits() != actual.phi.to_bits() => {
                    Some(format!("e = 2^{power}: Φ = {}, expected {}", actual.phi, expected.phi))
                }
                None => None,
            }
        })
    });
}

#[test]
fn iit3_agrees_with_the_oracle() {
    check(random_networks(how_many(150, 400)), |network| {
        let expected = by_oracle(network);
        let settings = [
            ("pruned", Options::default()),
            ("exhaustive", Options { exhaustive: true, count_ties: true, ..Options::default() }),
        ];
        settings.into_iter().find_map(|(setting, options)| {
            let actual = by_engine(network, &options);
            Some(format!("{setting}: {}", difference(&expected, &actual)?))
        })
    });
}

#[test]
fn ranges_and_complexes_of_iit3_are_in_order() {
    check(random_networks(100), |network| {
        let subsystem = subsystem(network);
        let range = phi_range(&subsystem, &Options::default(), 3, 1);
        let is_ordered = 0.0 <= range.low
            && range.low <= range.result.phi
            && range.result.phi <= range.high
            && range.high.is_finite();
        let state = State::new(&network.state).expect("a state");
        let all = complexes(subsystem.network(), state, &Options::default()).expect("a network");
        let is_positive = all.iter().all(|it| it.phi > 0.0 && it.phi.is_finite());
        (!is_ordered || !is_positive).then(|| format!("from {} to {}", range.low, range.high))
    });
}

/// A probability of being OFF that only the units tell which make no difference to it.
#[test]
fn what_is_left_of_a_mean_near_one_keeps_its_digits() {
    // Unit 0 has no input, so it is averaged over all states; in one of them it may be OFF.
    let almost = 1.0 - f64::EPSILON / 2.0;
    let tpm = vec![vec![almost, 0.0], vec![1.0, 1.0], vec![1.0, 0.0], vec![1.0, 1.0]];
    let network = Network {
        name: "almost always ON".to_owned(),
        tpm,
        cm: vec![vec![0, 1], vec![0, 0]],
        state: vec![0, 1],
        nodes: vec![0, 1],
    };
    assert!(record(&network).subsystem().is_ok(), "the state is reachable");
}

// --- IIT 4.0 -------------------------------------------------------------------------------------

/// `number · 2^exponent`, exactly.
#[derive(Clone, Debug)]
struct Exact {
    number: BigUint,
    exponent: i64,
}

impl Exact {
    fn of(p: f64) -> Exact {
        assert!((0.0..=1.0).contains(&p));
        let (bits, fraction) = (p.to_bits(), p.to_bits() & ((1 << 52) - 1));
        let (number, exponent) = match (bits >> 52) as i64 {
            0 => (fraction, -1074),
            exponent => (fraction | 1 << 52, exponent - 1075),
        };
        Exact { number: number.into(), exponent }
    }

    fn zero() -> Exact {
        Exact::of(0.0)
    }

    fn is_zero(&self) -> bool {
        self.number.bits() == 0
    }

    fn plus(&self, other: &Exact) -> Exact {
        let exponent = self.exponent.min(other.exponent);
        let shifted = |it: &Exact| it.number.clone() << (it.exponent - exponent) as u64;
        Exact { number: shifted(self) + shifted(other), exponent }
    }

    fn times(&self, other: &Exact) -> Exact {
        Exact { number: &self.number * &other.number, exponent: self.exponent + other.exponent }
    }

    fn over_power_of_two(&self, power: usize) -> Exact {
        Exact { exponent: self.exponent - power as i64, ..self.clone() }
    }

    /// Fraction in [1, 2) and exponent.
    fn parts(&self) -> (f64, i64) {
        let n_bits = self.number.bits();
        let kept = &self.number >> n_bits.saturating_sub(64);
        let kept = kept.to_u64_digits()[0];
        let top = 63 - i64::from(kept.leading_zeros());
        let fraction = kept as f64 / 2f64.powi(top as i32);
        (fraction, self.exponent + n_bits as i64 - 1)
    }

    /// `self / other`, as a float.
    fn over(&self, other: &Exact) -> f64 {
        if self.is_zero() {
            return 0.0;
        }
        let ((a, m), (b, n)) = (self.parts(), other.parts());
        a / b * 2f64.powi((m - n).max(-2000) as i32)
    }

    /// `log2(self / other)`.
    fn log_over(&self, other: &Exact) -> f64 {
        let ((a, m), (b, n)) = (self.parts(), other.parts());
        (a / b).log2() + (m - n) as f64
    }
}

fn sum(all: impl Iterator<Item = Exact>) -> Exact {
    all.fold(Exact::zero(), |sum, it| sum.plus(&it))
}

fn product(all: impl Iterator<Item = Exact>) -> Exact {
    all.fold(Exact::of(1.0), |product, it| product.times(&it))
}

/// φ_s of 2023 straight from its definition, as `iit4_oracle` has it, but exact until logarithms
/// are taken.
struct Reference {
    units: Mask,
    now: Mask,
    /// By direction, unit of the system and state of the system: P(the unit is OFF), P(it is ON),
    /// times a number that is the same for all.
    probabilities: [Vec<Vec<[Exact; 2]>>; 2],
}

impl Reference {
    fn new(network: &Network) -> Option<Reference> {
        let n = network.n_units();
        let all: Mask = (1 << n) - 1;
        let units: Mask = network.nodes.iter().map(|&i| 1 << i).sum();
        let background = all & !units;
        let now: Mask = (0..n).filter(|&i| network.state[i] == 1).map(|i| 1 << i).sum();
        let p = |s: Mask, i: usize| [1.0 - network.tpm[s][i], network.tpm[s][i]].map(Exact::of);
        let stays = |s: Mask| product((0..n).map(|i| p(s, i)[now >> i & 1].clone()));
        let states = |set: Mask| (0..1 << size(set)).map(move |k| pick(set, k));
        let weights: Vec<(Mask, Exact)> =
            states(background).map(|w| (w, sum(states(units).map(|s| stays(s | w))))).collect();
        if weights.iter().all(|(_, weight)| weight.is_zero()) {
            return None;
        }
        let mut probabilities =
            [(); 2].map(|()| vec![vec![[Exact::zero(), Exact::zero()]; 1 << n]; n]);
        for i in elements(units) {
            for s in states(units) {
                probabilities[0][i][s] = [0, 1].map(|value| {
                    sum(weights.iter().map(|(w, weight)| weight.times(&p(s | w, i)[value])))
                });
                probabilities[1][i][s] = p(s | now & background, i);
            }
        }
        Some(Reference { units, now, probabilities })
    }

    fn unit(&self, direction: usize, i: usize, value: Mask, fixed: Mask, z: Mask) -> Exact {
        let unknown = self.units & !fixed;
        let all = (0..1 << size(unknown)).map(|k| pick(unknown, k) | z & fixed);
        let total = sum(all.map(|s| self.probabilities[direction][i][s][value >> i & 1].clone()));
        total.over_power_of_two(size(unknown))
    }

    /// Returns the states whose probability the value is, and those that are given.
    fn ends(&self, direction: usize, z: Mask) -> (Mask, Mask) {
        if direction == 0 { (self.now, z) } else { (z, self.now) }
    }

    fn forward(&self, direction: usize, z: Mask) -> Exact {
        let (value, given) = self.ends(direction, z);
        product(elements(self.units).map(|i| self.unit(direction, i, value, self.units, given)))
    }

    /// Selectivity and intrinsic information of every state of the system.
    fn information(&self, direction: usize) -> Vec<(Mask, f64, f64)> {
        let states = || (0..1 << size(self.units)).map(|k| pick(self.units, k));
        let forward: Vec<Exact> = states().map(|z| self.forward(direction, z)).collect();
        let norm = if direction == 0 { sum(forward.iter().cloned()) } else { Exact::of(1.0) };
        let unconstrained = |z: Mask| {
            let all = states().map(|known| {
                let (value, given) = if direction == 0 { (self.now, known) } else { (z, known) };
                product(
                    elements(self.units).map(|i| self.unit(direction, i, value, self.units, given)),
                )
            });
            sum(all).over_power_of_two(size(self.units))
        };
        states()
            .zip(&forward)
            .map(|(z, forward)| {
                if forward.is_zero() {
                    return (z, 0.0, 0.0);
                }
                let selectivity = forward.over(&norm);
                (z, selectivity, selectivity * forward.log_over(&unconstrained(z)))
            })
            .collect()
    }

    /// φ of a partition, for the specified state z.
    fn integration(
        &self,
        direction: usize,
        cut: &[(usize, usize)],
        z: Mask,
        selectivity: f64,
    ) -> f64 {
        let (value, given) = self.ends(direction, z);
        let lost = elements(self.units).map(|i| {
            let severed: Mask =
                cut.iter().filter(|(_, to)| *to == i).map(|(from, _)| 1 << from).sum();
            let known = self.unit(direction, i, value, self.units & !severed, given);
            self.unit(direction, i, value, self.units, given).log_over(&known)
        });
        selectivity * lost.sum::<f64>()
    }

    /// φ_s where the system is connected: intrinsic information of both sides, then φ_s.
    fn phi_s(&self) -> ([f64; 2], f64) {
        let information = [0, 1].map(|direction| self.information(direction));
        let largest = information.each_ref().map(|it| it.iter().map(|it| it.2).fold(0.0, f64::max));
        if largest.iter().any(|&it| it <= 1e-13) {
            return (largest, 0.0);
        }
        let tied = [0, 1].map(|it| {
            let is_tied = |state: &&(Mask, f64, f64)| (state.2 - largest[it]).abs() <= 1e-12;
            information[it].iter().filter(is_tied).collect::<Vec<_>>()
        });
        let mut phi_s: f64 = 0.0;
        for &&(cause, r_cause, _) in &tied[0] {
            for &&(effect, r_effect, _) in &tied[1] {
                let of = |cut: &Vec<(usize, usize)>| {
                    let phi = self.integration(0, cut, cause, r_cause);
                    let phi = phi.min(self.integration(1, cut, effect, r_effect));
                    (phi / cut.len() as f64, phi)
                };
                let all: Vec<(f64, f64)> = system_partitions(self.units).iter().map(of).collect();
                if all.iter().any(|it| it.1 <= 1e-13) {
                    continue;
                }
                let least = all.iter().map(|it| it.0).fold(f64::INFINITY, f64::min);
                let close = |it: &&(f64, f64)| it.0 - least <= 1e-12 * least.max(1.0);
                phi_s = phi_s.max(all.iter().filter(close).map(|it| it.1).fold(0.0, f64::max));
            }
        }
        (largest, phi_s)
    }
}

fn all_rules() -> impl Iterator<Item = Rules> {
    let formalisms = [
        Formalism::Iit4_2023,
        Formalism::Iit4_2026(DifferentiationCap::CurrentState),
        Formalism::Iit4_2026(DifferentiationCap::SpecifiedState),
    ];
    formalisms.into_iter().flat_map(|formalism| {
        [TiePolicy::Principled, TiePolicy::Pyphi]
            .into_iter()
            .map(move |ties| Rules::of(formalism, ties).expect("IIT 4.0"))
    })
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

/// Returns the fault of an analysis by itself.
fn is_wrong(sia: &SystemIrreducibilityAnalysis) -> Option<String> {
    let numbers = [sia.phi_s, sia.normalized_phi_s];
    let is_fine = numbers.iter().all(|it| it.is_finite() && *it >= 0.0)
        && [sia.phi_cause, sia.phi_effect].into_iter().flatten().all(f64::is_finite)
        && sia.is_complete();
    (!is_fine).then(|| format!("φ_s = {}, of {:?}", sia.phi_s, (sia.phi_cause, sia.phi_effect)))
}

fn structure_is_wrong(structure: &PhiStructure) -> Option<String> {
    let phis = structure.distinctions.iter().flat_map(|it| [it.phi, it.cause.phi, it.effect.phi]);
    let is_fine = phis
        .chain([structure.big_phi, structure.sum_phi_d, structure.sum_phi_r])
        .all(|it| it.is_finite() && it >= 0.0);
    if !is_fine || !structure.is_complete() {
        return Some(format!("Φ = {}", structure.big_phi));
    }
    is_wrong(&structure.sia)
}

/// All that is said of two structures, without what is only evidence.
fn same_bits(a: &PhiStructure, b: &PhiStructure) -> bool {
    let of = |it: &PhiStructure| {
        let distinctions: Vec<_> = it
            .distinctions
            .iter()
            .chain(&it.incongruent)
            .map(|it| (it.mechanism, it.phi.to_bits(), it.cause.clone(), it.effect.clone()))
            .collect();
        (it.sia.phi_s.to_bits(), it.big_phi.to_bits(), it.n_relations.clone(), distinctions)
    };
    of(a) == of(b)
}

#[test]
fn a_probability_beside_which_floats_end_is_no_panic() {
    let network = Network {
        name: "issue".to_owned(),
        tpm: vec![
            vec![5e-324, 0.999999],
            vec![5e-324, 1e-14],
            vec![0.0, 0.999999],
            vec![0.0, 1e-14],
        ],
        cm: vec![vec![0, 1], vec![1, 0]],
        state: vec![1, 1],
        nodes: vec![0, 1],
    };
    let system = System::new(&subsystem(&network)).expect("a reachable state");
    let sia = system_irreducibility_analysis(&system, Rules::default(), &Options::default());
    assert_eq!(is_wrong(&sia), None);
    let (_, expected) = Reference::new(&network).expect("a reachable state").phi_s();
    assert!(close(sia.phi_s, expected), "φ_s = {}, expected {expected}", sia.phi_s);
}

/// Every state of a Star that has a probability is one that the engine takes, however steep the
/// units are.
#[test]
fn states_of_steep_units_are_reachable() {
    let gain = 250.0;
    let n = 5;
    let tpm: Vec<Vec<f64>> = (0..1usize << n)
        .map(|s| {
            let logistic = |n_on: usize, d: usize| {
                1.0 / (1.0 + (-gain * (2.0 * n_on as f64 - d as f64) / d as f64).exp())
            };
            let ends = (1..n).filter(|i| s >> i & 1 == 1).count();
            std::iter::once(logistic(ends, n - 1))
                .chain((1..n).map(|_| logistic(s & 1, 1)))
                .collect()
        })
        .collect();
    let cm: Vec<Vec<u8>> =
        (0..n).map(|i| (0..n).map(|j| u8::from((i == 0) != (j == 0))).collect()).collect();
    let network = pyphi_core::Network::from_state_by_node(&tpm, &cm).expect("a network");
    let mut n_tried = 0;
    for bits in 0..1usize << n {
        let values: Vec<u8> = (0..n).map(|i| (bits >> i & 1) as u8).collect();
        let positive = |s: usize| {
            (0..n).all(|i| if values[i] == 1 { tpm[s][i] > 0.0 } else { tpm[s][i] < 1.0 })
        };
        if !(0..1 << n).any(positive) {
            continue;
        }
        n_tried += 1;
        let state = State::new(&values).expect("a state");
        let subsystem = Subsystem::new(&network, state, network.units()).expect("reachable");
        let system = System::new(&subsystem).unwrap_or_else(|error| panic!("{error}"));
        let options = Options::default();
        let structure = iit4::phi_structure(&system, Rules::default(), &options);
        assert_eq!(structure_is_wrong(&structure), None, "state {state}");
        let sweep =
            iit4::complexes(&network, state, Rules::default(), &options).expect("reachable");
        assert!(sweep.is_complete());
    }
    assert!(n_tried > 8, "{n_tried}");
}

#[test]
fn phi_s_agrees_with_exact_numbers() {
    check(random_networks(how_many(150, 400)), |network| {
        let subsystem = subsystem(network);
        let reference = Reference::new(network);
        let system = match (System::new(&subsystem), reference.is_some()) {
            (Ok(system), true) => system,
            (Err(_), false) => return None,
            (found, _) => return Some(format!("{:?}", found.err())),
        };
        let sia = system_irreducibility_analysis(&system, Rules::default(), &Options::default());
        if let Some(wrong) = is_wrong(&sia) {
            return Some(wrong);
        }
        let (information, phi_s) = reference?.phi_s();
        let found = [Direction::Cause, Direction::Effect]
            .map(|it| system.intrinsic_information(it, system.units(), system.units()).value);
        if !close(found[0], information[0]) || !close(found[1], information[1]) {
            return Some(format!("intrinsic information {found:?}, expected {information:?}"));
        }
        let has_search = sia.reasons.is_empty();
        (has_search && !close(sia.phi_s, phi_s))
            .then(|| format!("φ_s = {}, expected {phi_s}", sia.phi_s))
    });
}

#[test]
fn structures_of_iit4_are_finite_and_the_same_however_they_are_searched() {
    check(random_networks(200), |network| {
        let system = System::new(&subsystem(network)).ok()?;
        all_rules().find_map(|rules| {
            let with = |options: &Options| iit4::phi_structure(&system, rules, options);
            let structure = with(&Options::default());
            let exhaustive = with(&Options { exhaustive: true, ..Options::default() });
            let seeded = with(&Options { tie_order: TieOrder::Seeded(1), ..Options::default() });
            let range = iit4::phi_range(&system, rules, &Options::default(), 3, 1);
            let wrong = structure_is_wrong(&structure).or_else(|| structure_is_wrong(&seeded));
            if wrong.is_some() {
                wrong
            } else if !same_bits(&structure, &exhaustive) {
                Some(format!("Φ = {}, exhaustively {}", structure.big_phi, exhaustive.big_phi))
            } else if !same_bits(&structure, &with(&Options::default())) {
                Some("another result the second time".to_owned())
            } else if !(0.0 <= range.low && range.low <= range.high && range.high.is_finite()) {
                Some(format!("from {} to {}", range.low, range.high))
            } else {
                None
            }
        })
    });
}

#[test]
fn complexes_of_iit4_are_found() {
    check(random_networks(100), |network| {
        let network = record(network).network().expect("a network");
        let options = Options::default();
        let all = iit4::sweep(&network, Rules::default(), &options).ok()?;
        let flow = all.into_iter().try_for_each(|(state, found)| {
            let found = found.expect("states that are swept are reachable");
            let wrong = found.irreducible.iter().find_map(is_wrong);
            match wrong {
                Some(wrong) => ControlFlow::Break(format!("state {state}: {wrong}")),
                None => ControlFlow::Continue(()),
            }
        });
        flow.break_value()
    });
}
