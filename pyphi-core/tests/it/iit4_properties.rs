//! IIT 4.0: the engine against the oracle on random networks, and laws that hold for all of them.
//!
//! `PHI_IIT4_NETWORKS` sets how many networks of 1 to 3 units are compared, `PHI_IIT4_NETWORKS_4`
//! how many of 4 units.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyphi_core::{Direction, ErrorKind, Options, UnitSet, iit4};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::answer::{record, subsystem};
use crate::iit4_answer::{
    SystemAnswer, by_engine, by_oracle, different, engine_differs, far, phi_s_by_engine, rules,
};
use crate::iit4_oracle::{self, Cap, Ties};
use crate::iit4_relations;
use crate::networks::{Family, Network, logistic, numberings, random};
use crate::oracle::{self, Mask, elements};
use crate::properties::{check, count, how_many};

const DIRECTIONS: [(Direction, oracle::Direction); 2] =
    [(Direction::Cause, oracle::Direction::Cause), (Direction::Effect, oracle::Direction::Effect)];

const POLICIES: [Ties; 2] = [Ties::Principled, Ties::Pyphi];

/// A ring of logistic units that all hear the same from their neighbours: full of ties that
/// rounding could tell apart.
fn symmetric_logistic(n: usize, seed: u64) -> Network {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let weights: Vec<f64> =
        (0..n).map(|_| *[0.0, 0.2, 0.3, 0.4, 1.0, -0.7].choose(&mut rng).expect("some")).collect();
    let slope = *[0.7, 1.3, 2.0, 4.0].choose(&mut rng).expect("some");
    let mut network = logistic(n, slope, |i, j| weights[(j + n - i) % n]);
    network.name = format!("symmetric logistic, {n} units, seed {seed}");
    let n_on = rng.random_range(0..=n);
    network.state = (0..n).map(|i| u8::from(i < n_on)).collect();
    if n > 1 && rng.random_bool(0.2) {
        network.nodes.pop();
    }
    network
}

/// The first networks of the given sizes, every family in turn. Units that hear what the CM does
/// not connect are left out: IIT 4.0 refuses them.
fn networks(sizes: &'static [usize], count: usize) -> impl IndexedParallelIterator<Item = Network> {
    let families: Vec<Option<Family>> = (Family::ALL.into_iter().map(Some))
        .filter(|&it| it != Some(Family::Overheard))
        .chain([None])
        .collect();
    (0..count).into_par_iter().map(move |idx| {
        let n = sizes[idx / families.len() % sizes.len()];
        match families[idx % families.len()] {
            Some(family) => random(family, n, idx as u64),
            None => symmetric_logistic(n, idx as u64),
        }
    })
}

const UP_TO_THREE: &[usize] = &[3, 2, 3, 3, 1];
const FOUR: &[usize] = &[4];

// --- Engine and oracle ---------------------------------------------------------------------------

#[test]
fn engine_agrees_with_oracle() {
    check(networks(UP_TO_THREE, count("PHI_IIT4_NETWORKS", how_many(1000, 3000))), engine_differs);
}

#[test]
fn engine_agrees_with_oracle_on_four_units() {
    check(networks(FOUR, count("PHI_IIT4_NETWORKS_4", how_many(80, 300))), engine_differs);
}

/// Every relation and the number of its faces, listed one by one.
#[test]
fn relations_agree_with_oracle() {
    let n_listed = AtomicUsize::new(0);
    check(networks(UP_TO_THREE, 600), |network| {
        let Network { tpm, cm, state, nodes, .. } = network;
        let system = iit4_oracle::System::new(tpm, cm, state, nodes)?;
        let ties = Ties::Principled;
        let states = system.irreducibility(ties, Cap::None).states;
        let mut expected = iit4_relations::relations(&system.structure(states, ties).distinctions);
        // In the order in which the engine lists them.
        expected.sort_by_key(|it| elements(it.relata).collect::<Vec<_>>());
        let system = iit4::System::new(&subsystem(network)).expect("a network of IIT 4.0");
        let structure = iit4::phi_structure(&system, rules(ties, Cap::None), &Options::default());
        let relations = structure.relations();
        let found: Vec<iit4::Relation> = relations.iter().collect();
        n_listed.fetch_add(found.len(), Ordering::Relaxed);
        if found.len() != expected.len() {
            return Some(format!("{} relations, expected {}", found.len(), expected.len()));
        }
        expected.iter().zip(&found).find_map(|(expected, found)| {
            let relata = elements(expected.relata).collect::<Vec<_>>();
            let n_faces = relations.faces(found).count();
            let differs = relata != found.distinctions
                || far(expected.phi_r, found.phi)
                || expected.n_faces != n_faces
                || relations.n_faces(found) != n_faces.into();
            differs.then(|| format!("{found:?} with {n_faces} faces, expected {expected:?}"))
        })
    });
    assert!(n_listed.into_inner() >= 1000);
}

/// φ of every mechanism over every purview, in every state it specifies, with all partitions.
#[test]
fn purviews_agree_with_oracle() {
    let n_tied = AtomicUsize::new(0);
    check(networks(UP_TO_THREE, 600), |network| {
        let Network { tpm, cm, state, nodes, .. } = network;
        let slow = iit4_oracle::System::new(tpm, cm, state, nodes)?;
        let system = iit4::System::new(&subsystem(network)).expect("a network of IIT 4.0");
        let units = |mask: Mask| elements(mask).collect::<UnitSet>();
        let all: Vec<Mask> = oracle::subsets(nodes.iter().map(|unit| 1 << unit).sum());
        for (m, p) in all.iter().flat_map(|&m| all.iter().map(move |&p| (m, p))) {
            for (direction, of_oracle) in DIRECTIONS {
                let options = Options::default();
                let found = system.purview_analysis(direction, units(m), units(p), &options);
                let found = found.expect("nothing stops it");
                let (information, states) = slow.specified_states(of_oracle, m, p);
                let mut wrong = far(found.intrinsic_information, information)
                    || found.states.len() != states.len();
                for (&z, state) in states.iter().zip(&found.states) {
                    let minima = slow.mechanism_mips(of_oracle, m, p, z, Ties::Principled);
                    let phi = minima.first().map_or(0.0, |it| it.0);
                    let mut expected: Vec<Vec<(UnitSet, UnitSet)>> = minima
                        .iter()
                        .map(|(_, it)| it.iter().map(|&(m, p)| (units(m), units(p))).collect())
                        .collect();
                    let mut listed: Vec<_> =
                        state.partitions.iter().map(|it| it.blocks.clone()).collect();
                    // Their order, and that of their blocks, is of no matter.
                    for list in [&mut expected, &mut listed] {
                        list.iter_mut().for_each(|blocks| blocks.sort());
                        list.sort();
                    }
                    n_tied.fetch_add(usize::from(listed.len() > 1), Ordering::Relaxed);
                    wrong |=
                        state.state.on != units(z) || far(state.phi, phi) || listed != expected;
                }
                if wrong {
                    let (m, p) = (units(m), units(p));
                    return Some(format!("{direction:?} of {m} over {p}: {found:?}"));
                }
            }
        }
        None
    });
    assert!(n_tied.into_inner() > 100);
}

/// The complexes of every state that can be reached.
fn complexes_differ(network: &Network, cap: Cap) -> Option<String> {
    POLICIES.into_iter().find_map(|ties| {
        let core = record(network).network().expect("a network");
        let options = Options::default();
        let n_found = AtomicUsize::new(0);
        let mut states = iit4::sweep(&core, rules(ties, cap), &options).expect("it is connected");
        let why = states.find_map(|(state, found)| {
            n_found.fetch_add(1, Ordering::Relaxed);
            let state = state.values();
            let mut expected = iit4_oracle::complexes(&network.tpm, &network.cm, &state, ties, cap);
            let found = found.expect("a state that is reached").complexes;
            let mut found: Vec<(Mask, f64)> = found
                .iter()
                .map(|it| (it.units.iter().map(|unit| 1 << unit).sum(), it.phi_s))
                .collect();
            for list in [&mut expected, &mut found] {
                list.sort_by_key(|it| it.0);
            }
            let same = expected.len() == found.len()
                && expected.iter().zip(&found).all(|(a, b)| a.0 == b.0 && !far(a.1, b.1));
            (!same).then(|| format!("{ties:?}, state {state:?}: {found:?}, expected {expected:?}"))
        });
        let n_reached = (0..1 << network.n_units()).filter(|state: &usize| {
            let state: Vec<u8> = (0..network.n_units()).map(|i| (state >> i & 1) as u8).collect();
            let possible = |row: &Vec<f64>| {
                let mut units = row.iter().zip(&state);
                units.all(|(&on, &is_on)| if is_on == 1 { on > 0.0 } else { on < 1.0 })
            };
            network.tpm.iter().any(possible)
        });
        why.or_else(|| different("states", n_reached.count(), n_found.into_inner()))
    })
}

#[test]
fn complexes_agree_with_oracle() {
    check(networks(UP_TO_THREE, 400), |network| complexes_differ(network, Cap::None));
    check(networks(UP_TO_THREE, 100), |network| complexes_differ(network, Cap::Paper));
}

#[test]
fn complexes_agree_with_oracle_on_four_units() {
    check(networks(FOUR, 18), |network| complexes_differ(network, Cap::None));
}

// --- Laws ---

/// φ_s and what goes with it does not depend on how the units are numbered, whatever is tied.
#[test]
fn relabelling_keeps_phi_s() {
    check(networks(UP_TO_THREE, 600), |network| {
        let ties = Ties::Principled;
        let before = phi_s_by_engine(network, ties, Cap::None).ok()?;
        numberings(network.n_units()).into_iter().find_map(|order| {
            let after = phi_s_by_engine(&network.relabelled(&order), ties, Cap::None).ok()?;
            let ii = |it: &SystemAnswer| {
                it.sia_system_state.as_ref().map_or([0.0; 2], |it| [it.cause.ii, it.effect.ii])
            };
            let differs = far(before.phi_s, after.phi_s)
                || far(before.normalized_phi_s, after.normalized_phi_s)
                || before.reasons != after.reasons
                || ii(&before).iter().zip(ii(&after)).any(|(a, b)| far(*a, b));
            differs.then(|| format!("{before:?}, and {after:?} under {order:?}"))
        })
    });
}

/// Nor does the structure, unless states or purviews are tied and only the order of the units
/// decides.
#[test]
fn relabelling_keeps_the_structure_without_ties() {
    let n_untied = AtomicUsize::new(0);
    check(networks(UP_TO_THREE, 600), |network| {
        let ties = Ties::Principled;
        let oracle = by_oracle(network, ties, Cap::None)?;
        if oracle.depends_on_order {
            return None;
        }
        n_untied.fetch_add(1, Ordering::Relaxed);
        let expected = oracle.answer.structure.expect("asked for");
        numberings(network.n_units()).into_iter().find_map(|order| {
            let after = by_engine(&network.relabelled(&order), ties, Cap::None);
            let after = after.expect("the same network").structure.expect("asked for");
            let n_distinctions = (expected.distinctions.len(), after.distinctions.len());
            let counts = different("distinctions", n_distinctions.0, n_distinctions.1);
            let difference = counts.or_else(|| expected.sums.difference(&after.sums));
            difference.map(|why| format!("{why} under {order:?}"))
        })
    });
    let n_untied = n_untied.into_inner();
    assert!(n_untied >= 200, "only {n_untied} networks without ties were tried");
}

/// The cap of 2026 only lowers φ_s.
#[test]
fn phi_s_of_2026_is_at_most_that_of_2023() {
    let n_lowered = AtomicUsize::new(0);
    check(networks(UP_TO_THREE, 1200), |network| {
        let answer = |cap| phi_s_by_engine(network, Ties::Principled, cap).ok();
        let uncapped = answer(Cap::None)?;
        [Cap::Pyphi, Cap::Paper].into_iter().find_map(|cap| {
            let capped = answer(cap)?;
            n_lowered.fetch_add(usize::from(capped.phi_s < uncapped.phi_s), Ordering::Relaxed);
            let is_wrong = capped.phi_s > uncapped.phi_s || capped.phi_s < 0.0;
            let what = is_wrong.then(|| format!("{} > {}", capped.phi_s, uncapped.phi_s));
            let cut = |it: &SystemAnswer| it.partition.cut_edges.clone();
            what.or_else(|| different("partition", cut(&uncapped), cut(&capped)))
        })
    });
    let n_lowered = n_lowered.into_inner();
    assert!(n_lowered >= 50, "only {n_lowered} networks were capped");
}

#[test]
fn phi_s_is_zero_unless_strongly_connected() {
    let n_weak = AtomicUsize::new(0);
    check(networks(UP_TO_THREE, 1500), |network| {
        if network.system()?.strongly_connected() {
            return None;
        }
        n_weak.fetch_add(1, Ordering::Relaxed);
        let answer = phi_s_by_engine(network, Ties::Principled, Cap::None).ok()?;
        let is_zero = answer.phi_s == 0.0 && answer.reasons == ["NO_STRONG_CONNECTIVITY"];
        (!is_zero).then(|| format!("{answer:?}"))
    });
    let n_weak = n_weak.into_inner();
    assert!(n_weak >= 100, "only {n_weak} networks that are not strongly connected were tried");
}

/// A unit that depends on another one without a connection makes no network of IIT 4.0.
#[test]
fn what_is_heard_must_be_connected() {
    let n_refused = AtomicUsize::new(0);
    let overheard = (0..200).into_par_iter().map(|seed| random(Family::Overheard, 3, seed));
    check(overheard, |network| {
        let n = network.n_units();
        let depends = |i: usize, j: usize| {
            let rows = (0..1 << n).filter(|row| row >> i & 1 == 0);
            { rows }.any(|row: usize| network.tpm[row][j] != network.tpm[row | 1 << i][j])
        };
        let is_heard =
            (0..n * n).any(|at| network.cm[at / n][at % n] == 0 && depends(at / n, at % n));
        n_refused.fetch_add(usize::from(is_heard), Ordering::Relaxed);
        match phi_s_by_engine(network, Ties::Principled, Cap::None) {
            Err(err) if matches!(err.kind(), ErrorKind::MissingConnection { .. }) => {
                (!is_heard).then(|| err.to_string())
            }
            answer => is_heard.then(|| format!("{answer:?}")),
        }
    });
    assert!(n_refused.into_inner() >= 100);
}
