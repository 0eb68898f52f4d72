//! IIT 4.0 straight from its definition: slow, short, and meant to be read beside Albantakis et al.
//! 2023 (PLoS Comput Biol 19(10): e1011465) and Mayner, Marshall and Tononi 2026 (Entropy 28: 410).
//!
//! This is the judge of the engine, so it shares nothing with it: no code, no tables, no bounds.
//! Every probability is an average over the rows of the TPM, every minimum is taken over the full
//! list of partitions; only a partition that makes no difference ends a list early, since no other
//! one can be smaller.
//!
//! A set of units is a bit mask over the units of the substrate: bit `i` is unit `i`. A state of a
//! set is one too, with the units of the set that are ON.

use std::collections::HashSet;

use serde::Deserialize;

use crate::iit4_relations::{Distinction, n_relations, sum_phi_r};
use crate::networks::numberings;
use crate::oracle::{Direction, Mask, elements, mean, pick, size, subsets};

/// The rule that decides between equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ties {
    /// Rules that do not depend on how a program is written: the largest congruent purview, and of
    /// several the lexicographically first.
    Principled,
    /// The choices of PyPhi 2.0-dev: a purview is represented by the first of those tied in the
    /// order of a Python set, and another one is considered only if that one is incongruent.
    Pyphi,
}

/// The cap on φ_s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cap {
    /// Nothing, as in 2023.
    None,
    /// Intrinsic information and intrinsic differentiation (2026), the latter as PyPhi has it: from
    /// the forward probability of the current state.
    Pyphi,
    /// The same, intrinsic differentiation by the paper's Eqs 4 and 6: from the selectivity of the
    /// specified state.
    Paper,
}

/// φ of at most this is 0.
const ZERO: f64 = 1e-13;

/// Intrinsic informations no further apart than this are tied.
const SAME_INFORMATION: f64 = 1e-12;

impl Ties {
    /// φ values no further apart than this are tied.
    fn same_phi(self) -> f64 {
        match self {
            Ties::Principled => 1e-12,
            Ties::Pyphi => 1e-13,
        }
    }

    fn equal(self, a: f64, b: f64) -> bool {
        same(a, b, self.same_phi())
    }
}

fn same(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * 1_f64.max(a.abs()).max(b.abs())
}

/// The items tied for the largest value, in order.
fn largest<T: Clone>(items: &[T], value: impl Fn(&T) -> f64, tolerance: f64) -> Vec<T> {
    let top = items.iter().map(&value).fold(f64::NEG_INFINITY, f64::max);
    items.iter().filter(|it| same(value(it), top, tolerance)).cloned().collect()
}

const DIRECTIONS: [Direction; 2] = [Direction::Cause, Direction::Effect];

/// Something for the cause side and for the effect side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Sides<T> {
    pub(crate) cause: T,
    pub(crate) effect: T,
}

impl<T: Copy> Sides<T> {
    fn new(side: impl Fn(Direction) -> T) -> Sides<T> {
        Sides { cause: side(Direction::Cause), effect: side(Direction::Effect) }
    }

    fn get(&self, direction: Direction) -> T {
        match direction {
            Direction::Cause => self.cause,
            Direction::Effect => self.effect,
        }
    }
}

/// The connections of a part with other parts that a system partition cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Cut {
    #[serde(rename = "inputs_cut")]
    Inputs,
    #[serde(rename = "outputs_cut")]
    Outputs,
    #[serde(rename = "both")]
    Both,
}

/// The ordered pairs of units that a partition of the system cuts, connected or not.
pub(crate) type CutEdges = Vec<(usize, usize)>;

/// System irreducibility.
#[derive(Clone, Debug)]
pub(crate) struct Irreducibility {
    pub(crate) phi_s: f64,
    pub(crate) normalized_phi_s: f64,
    /// Integration on either side at the MIP, before the cap. `None` if no partition was tried.
    pub(crate) phi: Option<Sides<f64>>,
    /// The minimum information partition, and all that are tied for it. Empty unless φ_s > 0 before
    /// the cap.
    pub(crate) tied_mips: Vec<CutEdges>,
    /// The reasons why nothing was tried.
    pub(crate) reasons: Vec<&'static str>,
    /// The specified states, also if nothing was tried.
    pub(crate) states: Sides<Mask>,
    /// The number of pairs of specified states that there were to choose from.
    pub(crate) n_tied_pairs: usize,
}

/// An irreducible cause or effect of a mechanism.
#[derive(Clone, Debug)]
pub(crate) struct Mice {
    pub(crate) phi: f64,
    pub(crate) purview: Mask,
    /// The states tied for the largest φ.
    pub(crate) states: Vec<Mask>,
}

/// The Φ-structure.
#[derive(Clone, Debug)]
pub(crate) struct Structure {
    pub(crate) distinctions: Vec<Distinction>,
    /// Choices among purviews of the same φ and size, both congruent, which only their order
    /// decides.
    pub(crate) n_open_choices: usize,
    /// Mechanisms with φ_d > 0 whose cause or effect is not congruent with the system's.
    pub(crate) dropped: Vec<(Mask, f64)>,
    pub(crate) sum_phi_d: f64,
    pub(crate) n_relations: i128,
    pub(crate) sum_phi_r: f64,
    pub(crate) big_phi: f64,
}

/// A candidate system of a substrate in its state.
#[derive(Clone, Debug)]
pub(crate) struct System {
    tpm: Vec<Vec<f64>>,
    cm: Vec<Vec<u8>>,
    /// The state of every unit of the substrate.
    substrate_state: Mask,
    /// The units of the system.
    units: Mask,
    /// The states of the system, in little-endian order.
    states: Vec<Mask>,
    /// By direction, unit `i` of the system and state `s` of the system: P(the unit is OFF next),
    /// P(it is ON next), the background as the present state of all units lets it be expected in
    /// the past (cause), or as it is now (effect). Both are kept, for what is left of a rounded
    /// mean is no impossible state any more.
    next: [Vec<Vec<[f64; 2]>>; 2],
}

// --- Partitions ----------------------------------------------------------------------------------

/// All ways to put the units of a set into parts.
fn set_partitions(set: Mask) -> Vec<Vec<Mask>> {
    if set == 0 {
        return vec![Vec::new()];
    }
    let first = set & set.wrapping_neg();
    let mut all = Vec::new();
    for rest in set_partitions(set & !first) {
        for at in 0..rest.len() {
            let mut joined = rest.clone();
            joined[at] |= first;
            all.push(joined);
        }
        all.push([vec![first], rest].concat());
    }
    all
}

/// The partitions of a system, each set of cut pairs once.
pub(crate) fn system_partitions(system: Mask) -> Vec<CutEdges> {
    if size(system) == 1 {
        return vec![cut_edges(&[(system, Cut::Both)])];
    }
    let mut seen = HashSet::new();
    let mut partitions = Vec::new();
    for parts in set_partitions(system).into_iter().filter(|parts| parts.len() > 1) {
        for labels in tuples(3, parts.len()) {
            let labels = labels.iter().map(|&at| [Cut::Inputs, Cut::Outputs, Cut::Both][at]);
            let parts: Vec<(Mask, Cut)> = parts.iter().copied().zip(labels).collect();
            let edges = cut_edges(&parts);
            if seen.insert(edges.clone()) {
                partitions.push(edges);
            }
        }
    }
    partitions
}

/// Returns the connections that are cut between the parts of a system, or of its only unit with
/// itself.
pub(crate) fn cut_edges(parts: &[(Mask, Cut)]) -> CutEdges {
    let mut edges = Vec::new();
    for &(from, from_cut) in parts {
        for &(to, to_cut) in parts {
            let is_cut = from_cut != Cut::Inputs || to_cut != Cut::Outputs;
            if is_cut && (from != to || parts.len() == 1) {
                edges.extend(elements(from).flat_map(|u| elements(to).map(move |v| (u, v))));
            }
        }
    }
    edges.sort_unstable();
    edges
}

/// All sequences of `length` digits below `base`, the last one counting fastest.
pub(crate) fn tuples(base: usize, length: usize) -> impl Iterator<Item = Vec<usize>> {
    let place = move |at: usize| base.pow((length - 1 - at) as u32);
    let all = 0..base.pow(length as u32);
    all.map(move |number| (0..length).map(|at| number / place(at) % base).collect())
}

/// The partitions of a mechanism and a purview into blocks of both.
///
/// One leaves the mechanism whole and takes the purview away. The others divide the mechanism, and
/// put every unit of the purview with one of its blocks, or with none.
pub(crate) fn joint_partitions(
    mechanism: Mask,
    purview: Mask,
) -> impl Iterator<Item = Vec<(Mask, Mask)>> {
    let complete = vec![(mechanism, 0), (0, purview)];
    let divided = set_partitions(mechanism).into_iter().filter(|blocks| blocks.len() > 1);
    let joint = divided.flat_map(move |mut blocks| {
        blocks.push(0);
        tuples(blocks.len(), size(purview)).map(move |places| {
            let with = |at: usize| {
                let units = elements(purview).zip(&places);
                units.filter(|&(_, &place)| place == at).map(|(unit, _)| 1 << unit).sum()
            };
            blocks.iter().enumerate().map(|(at, &block)| (block, with(at))).collect()
        })
    });
    std::iter::once(complete).chain(joint)
}

// --- The system ----------------------------------------------------------------------------------

impl System {
    /// The units `nodes` of a substrate: `tpm[s][j]` = P(unit `j` is ON next | the substrate is in
    /// state `s`), `cm[i][j]` = 1 if `i` connects to `j`. `None` if the state is unreachable.
    pub(crate) fn new(
        tpm: &[Vec<f64>],
        cm: &[Vec<u8>],
        state: &[u8],
        nodes: &[usize],
    ) -> Option<System> {
        let all: Mask = (1 << cm.len()) - 1;
        let units: Mask = nodes.iter().map(|&i| 1 << i).sum();
        let background = all & !units;
        let now: Mask = (0..cm.len()).filter(|&i| state[i] == 1).map(|i| 1 << i).sum();
        let subset_states = |set: Mask| (0..1 << size(set)).map(move |k| pick(set, k));

        // P(all units of a set are next as they are now | the substrate is in state s).
        let stays = |set: Mask, s: Mask| -> f64 {
            let unit = |i: usize| if now >> i & 1 == 1 { tpm[s][i] } else { 1.0 - tpm[s][i] };
            elements(set).map(unit).product()
        };
        let total: f64 = subset_states(all).map(|u| stays(all, u)).sum();
        let possible = subset_states(units).any(|s| stays(units, s | now & background) > 0.0);
        if total <= 0.0 || !possible {
            return None;
        }
        // The background's distribution one step before, given the present state of all units.
        let weight = |w: Mask| -> f64 {
            subset_states(units).map(|s| stays(all, s | w)).sum::<f64>() / total
        };
        let weights: Vec<(Mask, f64)> = subset_states(background).map(|w| (w, weight(w))).collect();

        let states: Vec<Mask> = subset_states(units).collect();
        let mut next = [(); 2].map(|()| vec![vec![[0.0; 2]; tpm.len()]; cm.len()]);
        for i in elements(units) {
            for &s in &states {
                let p = |w: Mask| [1.0 - tpm[s | w][i], tpm[s | w][i]];
                next[0][i][s] =
                    [0, 1].map(|it| weights.iter().map(|&(w, weight)| weight * p(w)[it]).sum());
                next[1][i][s] = p(now & background);
            }
        }
        let (tpm, cm) = (tpm.to_vec(), cm.to_vec());
        Some(System { tpm, cm, substrate_state: now, units, states, next })
    }

    /// All units of a substrate, every one connected with every one, given by direction, unit and
    /// state P(it is ON next). `None` if by its effects its state is unreachable.
    pub(crate) fn of_tables(on: [Vec<Vec<f64>>; 2], state: &[u8]) -> Option<System> {
        let (n, states): (usize, Vec<Mask>) = (state.len(), (0..1 << state.len()).collect());
        let next = on.map(|units| {
            let unit = |of: Vec<f64>| of.into_iter().map(|p| [1.0 - p, p]).collect();
            units.into_iter().map(unit).collect::<Vec<Vec<[f64; 2]>>>()
        });
        let leads_here =
            |&s: &Mask| (0..n).all(|unit| next[1][unit][s][usize::from(state[unit])] > 0.0);
        states.iter().find(|s| leads_here(s))?;
        let row = |s: &Mask| next[1].iter().map(|unit| unit[*s][1]).collect();
        let tpm = states.iter().map(row).collect();
        let substrate_state = (0..n).filter(|&i| state[i] == 1).map(|i| 1 << i).sum();
        let (cm, units) = (vec![vec![1; n]; n], (1 << n) - 1);
        Some(System { tpm, cm, substrate_state, units, states, next })
    }

    /// The present state of the units of a set.
    fn now(&self, set: Mask) -> Mask {
        self.substrate_state & set
    }

    /// The states of a set of units, in little-endian order.
    fn states_of(&self, set: Mask) -> impl Iterator<Item = Mask> + use<> {
        (0..1 << size(set)).map(move |k| pick(set, k))
    }

    /// P(unit `i` is as in `value` | the units `fixed` are as in `z`, the other units uniform).
    fn unit_probability(
        &self,
        direction: Direction,
        i: usize,
        value: Mask,
        fixed: Mask,
        z: Mask,
    ) -> f64 {
        let next = &self.next[direction as usize][i];
        let given = self.states.iter().filter(|&s| (s ^ z) & fixed == 0);
        mean(given.map(|&s| next[s][value >> i & 1]))
    }

    // --- Probabilities of a mechanism and a purview ----------------------------------------------

    /// The forward probability. Effect: of the purview's state `z` given a state of the mechanism;
    /// cause: of the mechanism's state given the purview's state `z`.
    fn forward_from(
        &self,
        direction: Direction,
        (mechanism, state): (Mask, Mask),
        purview: Mask,
        z: Mask,
    ) -> f64 {
        match direction {
            Direction::Cause => elements(mechanism)
                .map(|j| self.unit_probability(direction, j, state, purview, z))
                .product(),
            Direction::Effect => elements(purview)
                .map(|p| self.unit_probability(direction, p, z, mechanism, state))
                .product(),
        }
    }

    /// The forward probability for the mechanism in its present state. It is 1 where there is
    /// nothing to be probable.
    fn forward(&self, direction: Direction, mechanism: Mask, purview: Mask, z: Mask) -> f64 {
        self.forward_from(direction, (mechanism, self.now(mechanism)), purview, z)
    }

    /// The probability of the purview's state `z` given the mechanism: selectivity. On the cause
    /// side it follows from Bayes' rule, all states of the purview being equally likely before.
    fn selectivity(&self, direction: Direction, mechanism: Mask, purview: Mask, z: Mask) -> f64 {
        let probability = self.forward(direction, mechanism, purview, z);
        match direction {
            Direction::Effect => probability,
            Direction::Cause => {
                let states = self.states_of(purview);
                let total: f64 =
                    states.map(|z| self.forward(direction, mechanism, purview, z)).sum();
                if total == 0.0 { 0.0 } else { probability / total }
            }
        }
    }

    /// The forward probability when nothing is known of the mechanism (effect) or of the purview
    /// (cause).
    fn unconstrained(&self, direction: Direction, mechanism: Mask, purview: Mask, z: Mask) -> f64 {
        match direction {
            Direction::Cause => mean(
                self.states_of(purview).map(|z| self.forward(direction, mechanism, purview, z)),
            ),
            Direction::Effect => mean(
                self.states_of(mechanism)
                    .map(|state| self.forward_from(direction, (mechanism, state), purview, z)),
            ),
        }
    }

    /// Selectivity × informativeness: how much the mechanism, against a baseline, says about state
    /// `z`.
    fn information(
        &self,
        direction: Direction,
        mechanism: Mask,
        purview: Mask,
        z: Mask,
        baseline: f64,
    ) -> f64 {
        let forward = self.forward(direction, mechanism, purview, z);
        if forward == 0.0 {
            return 0.0;
        }
        self.selectivity(direction, mechanism, purview, z) * (forward / baseline).log2()
    }

    /// Intrinsic information, and the states tied for it, in little-endian order.
    pub(crate) fn specified_states(
        &self,
        direction: Direction,
        mechanism: Mask,
        purview: Mask,
    ) -> (f64, Vec<Mask>) {
        let states: Vec<(Mask, f64)> = self
            .states_of(purview)
            .map(|z| {
                let baseline = self.unconstrained(direction, mechanism, purview, z);
                (z, self.information(direction, mechanism, purview, z, baseline))
            })
            .collect();
        let tied = largest(&states, |it| it.1, SAME_INFORMATION);
        (tied[0].1, tied.into_iter().map(|it| it.0).collect())
    }

    /// Intrinsic information of the system over itself.
    pub(crate) fn information_of_system(&self) -> Sides<f64> {
        Sides::new(|direction| self.specified_states(direction, self.units, self.units).0)
    }

    // --- The system as a whole -------------------------------------------------------------------

    /// φ_s, and the states that the system specifies.
    pub(crate) fn irreducibility(&self, ties: Ties, cap: Cap) -> Irreducibility {
        let all = self.units;
        let specified = |direction| self.specified_states(direction, all, all);
        let (cause, effect) = (specified(Direction::Cause), specified(Direction::Effect));
        let none = Irreducibility {
            phi_s: 0.0,
            normalized_phi_s: 0.0,
            phi: None,
            tied_mips: Vec::new(),
            reasons: Vec::new(),
            states: Sides { cause: cause.1[0], effect: effect.1[0] },
            n_tied_pairs: cause.1.len() * effect.1.len(),
        };
        if !self.strongly_connected() {
            return Irreducibility { reasons: vec!["NO_STRONG_CONNECTIVITY"], ..none };
        }
        let first = all.ilog2() as usize;
        if size(all) == 1 && self.cm[first][first] == 0 {
            return Irreducibility { reasons: vec!["MONAD_WITH_NO_SELFLOOP"], ..none };
        }
        let mut reasons = Vec::new();
        reasons.extend((cause.0 <= ZERO).then_some("NO_CAUSE"));
        reasons.extend((effect.0 <= ZERO).then_some("NO_EFFECT"));
        if !reasons.is_empty() {
            return Irreducibility { reasons, ..none };
        }

        let mip = self.one_of(self.pairs(&cause.1, &effect.1, ties));
        if cap == Cap::None || mip.phi_s == 0.0 {
            return mip;
        }
        let differentiation = self.differentiation(cap, mip.states);
        let bounds = [cause.0, effect.0, differentiation.cause, differentiation.effect];
        let phi_s = bounds.into_iter().fold(mip.phi_s, f64::min).max(0.0);
        let n_cut = mip.tied_mips[0].len() as f64;
        Irreducibility { phi_s, normalized_phi_s: phi_s / n_cut, ..mip }
    }

    /// The pairs of specified states that are tied for φ_s.
    fn pairs(&self, causes: &[Mask], effects: &[Mask], ties: Ties) -> Vec<Irreducibility> {
        let mut pairs = Vec::new();
        for &cause in causes {
            for &effect in effects {
                pairs.push(self.system_mip(Sides { cause, effect }, ties));
            }
        }
        largest(&pairs, |it| it.phi_s, ties.same_phi())
    }

    /// All pairs of specified states that intrinsic information and φ_s leave.
    pub(crate) fn tied_pairs(&self, ties: Ties) -> Vec<Sides<Mask>> {
        let [causes, effects] =
            DIRECTIONS.map(|it| self.specified_states(it, self.units, self.units).1);
        if !self.irreducibility(ties, Cap::None).reasons.is_empty() {
            let pair = |cause: Mask| effects.iter().map(move |&effect| Sides { cause, effect });
            return causes.into_iter().flat_map(pair).collect();
        }
        self.pairs(&causes, &effects, ties).into_iter().map(|it| it.states).collect()
    }

    /// Is every unit of the system reached from every other, inside the system?
    fn strongly_connected(&self) -> bool {
        elements(self.units).all(|start| {
            let mut reached: Mask = 1 << start;
            for _ in elements(self.units) {
                for i in elements(reached) {
                    let heard_by = |&j: &usize| self.cm[i][j] == 1;
                    elements(self.units).filter(heard_by).for_each(|j| reached |= 1 << j);
                }
            }
            reached == self.units
        })
    }

    /// Integration of the system over one partition, with the sign it has.
    fn integration(&self, direction: Direction, partition: &CutEdges, specified: Mask) -> f64 {
        let (value, given) = match direction {
            Direction::Cause => (self.now(self.units), specified),
            Direction::Effect => (specified, self.now(self.units)),
        };
        let partitioned = elements(self.units)
            .map(|i| {
                let cut: Mask =
                    partition.iter().filter(|(_, to)| *to == i).map(|(from, _)| 1 << from).sum();
                self.unit_probability(direction, i, value, self.units & !cut, given)
            })
            .product();
        self.information(direction, self.units, self.units, specified, partitioned)
    }

    /// The minimum over all partitions for one pair of specified states.
    fn system_mip(&self, states: Sides<Mask>, ties: Ties) -> Irreducibility {
        let mut tried: Vec<(f64, Sides<f64>, CutEdges)> = Vec::new();
        for partition in system_partitions(self.units) {
            let phi = Sides::new(|it| self.integration(it, &partition, states.get(it)));
            if phi.cause.min(phi.effect) <= ZERO {
                return Irreducibility {
                    phi_s: 0.0,
                    normalized_phi_s: 0.0,
                    phi: Some(phi),
                    tied_mips: Vec::new(),
                    reasons: Vec::new(),
                    states,
                    n_tied_pairs: 1,
                };
            }
            let n_cut = partition.len() as f64;
            tried.push((phi.cause.min(phi.effect) / n_cut, phi, partition));
        }
        let tied = largest(&tried, |it| -it.0, ties.same_phi());
        let mut tied = largest(&tied, |it| it.1.cause.min(it.1.effect), ties.same_phi());
        // Of those that are left, the smallest matrix of what is cut, row by row.
        tied.sort_by_cached_key(|it| self.cut_matrix(&it.2));
        let (normalized_phi_s, phi, _) = tied[0];
        Irreducibility {
            phi_s: phi.cause.min(phi.effect),
            normalized_phi_s,
            phi: Some(phi),
            tied_mips: tied.into_iter().map(|it| it.2).collect(),
            reasons: Vec::new(),
            states,
            n_tied_pairs: 1,
        }
    }

    fn cut_matrix(&self, partition: &CutEdges) -> Vec<bool> {
        let n = self.cm.len();
        (0..n * n).map(|at| partition.contains(&(at / n, at % n))).collect()
    }

    /// Chooses one of the pairs of specified states tied for φ_s: the canonically smallest if the
    /// system is the whole substrate, otherwise the first.
    fn one_of(&self, pairs: Vec<Irreducibility>) -> Irreducibility {
        let mut pairs = pairs;
        let n_tied_pairs = pairs.len();
        if pairs.len() > 1 && self.units == (1 << self.cm.len()) - 1 {
            let achievers = self.canonical_numberings();
            let canonical = |state: Mask| {
                let renamed = achievers
                    .iter()
                    .map(|order| order.iter().map(|&i| state >> i & 1).collect::<Vec<usize>>());
                renamed.min()
            };
            pairs
                .sort_by_cached_key(|it| (canonical(it.states.cause), canonical(it.states.effect)));
        }
        Irreducibility { n_tied_pairs, ..pairs.swap_remove(0) }
    }

    /// The numberings of the substrate that keep its connections and make its TPM, as bytes, the
    /// smallest.
    fn canonical_numberings(&self) -> Vec<Vec<usize>> {
        let n = self.cm.len();
        let keeps_cm = |order: &Vec<usize>| {
            (0..n * n).all(|at| {
                let (i, j) = (at / n, at % n);
                self.cm[order[i]][order[j]] == self.cm[i][j]
            })
        };
        let bytes = |order: &Vec<usize>| -> Vec<u8> {
            let mut bytes = Vec::new();
            for digits in tuples(2, n) {
                let s: Mask = order.iter().zip(&digits).map(|(unit, digit)| digit << unit).sum();
                for &unit in order {
                    for probability in [1.0 - self.tpm[s][unit], self.tpm[s][unit]] {
                        let rounded = (probability * 1e12).round_ties_even() / 1e12;
                        bytes.extend(rounded.to_le_bytes());
                    }
                }
            }
            bytes
        };
        let candidates = numberings(n).into_iter().filter(keeps_cm);
        let mut candidates: Vec<(Vec<u8>, Vec<usize>)> =
            candidates.map(|order| (bytes(&order), order)).collect();
        candidates.sort();
        let least = candidates[0].0.clone();
        candidates.into_iter().take_while(|it| it.0 == least).map(|it| it.1).collect()
    }

    /// Intrinsic differentiation.
    pub(crate) fn differentiation(&self, cap: Cap, specified: Sides<Mask>) -> Sides<f64> {
        let all = self.units;
        Sides::new(|direction| {
            let state = match cap {
                Cap::Paper => specified.get(direction),
                _ => self.now(all),
            };
            let probability = match cap {
                Cap::Paper => self.selectivity(direction, all, all, state),
                _ => self.forward(direction, all, all, state),
            };
            if cap == Cap::Pyphi && probability == 0.0 { 0.0 } else { -probability.log2() }
        })
    }

    // --- Distinctions ----------------------------------------------------------------------------

    /// The partitions of a mechanism and a purview, in one state, that take least away, each with
    /// what it takes: φ. The largest φ comes first; none if one makes no difference, for φ is 0.
    pub(crate) fn mechanism_mips(
        &self,
        direction: Direction,
        mechanism: Mask,
        purview: Mask,
        z: Mask,
        ties: Ties,
    ) -> Vec<(f64, Vec<(Mask, Mask)>)> {
        let mut tried = Vec::new();
        for blocks in joint_partitions(mechanism, purview) {
            let parts = blocks.iter().map(|&(m, p)| self.forward(direction, m, p, z));
            let phi = self.information(direction, mechanism, purview, z, parts.product());
            if phi <= ZERO {
                return Vec::new();
            }
            let severed = blocks.iter().map(|&(m, p)| size(m) * (size(purview) - size(p)));
            let severed = severed.sum::<usize>() as f64;
            let blocks = blocks.into_iter().filter(|&it| it != (0, 0)).collect();
            tried.push((phi / severed, (phi, blocks)));
        }
        let tied = largest(&tried, |it| -it.0, ties.same_phi());
        let tied: Vec<_> = tied.into_iter().map(|it| it.1).collect();
        // The largest first: it is what the others are tied with.
        let mut minima = largest(&tied, |it| it.0, ties.same_phi());
        minima.sort_by(|a, b| b.0.total_cmp(&a.0));
        minima
    }

    /// The causes or effects of a mechanism that are tied for the largest φ, in the order of the
    /// policy.
    pub(crate) fn mices(&self, direction: Direction, mechanism: Mask, ties: Ties) -> Vec<Mice> {
        let purviews = match ties {
            Ties::Principled => subsets(self.units),
            Ties::Pyphi => {
                let all = (1 << self.cm.len()) - 1;
                let keys = subsets(all);
                let held = |&purview: &Mask| self.held_together(direction, mechanism, purview);
                let order = python_set_order(keys.into_iter().filter(held).collect());
                order.into_iter().filter(|purview| purview & !self.units == 0).collect()
            }
        };
        let mut mices = Vec::new();
        for purview in purviews {
            if !self.held_together(direction, mechanism, purview) {
                continue;
            }
            let (_, states) = self.specified_states(direction, mechanism, purview);
            let phis: Vec<(Mask, f64)> = states
                .into_iter()
                .map(|z| (z, self.mechanism_mips(direction, mechanism, purview, z, ties)))
                .map(|(z, minima)| (z, minima.first().map_or(0.0, |it| it.0)))
                .collect();
            let tied = largest(&phis, |it| it.1, ties.same_phi());
            let states = tied.iter().map(|it| it.0).collect();
            mices.push(Mice { phi: tied[0].1, purview, states });
        }
        mices.retain(|mice| mice.phi > ZERO);
        largest(&mices, |mice| mice.phi, ties.same_phi())
    }

    /// Do the connections between mechanism and purview hold them together? Every unit must send or
    /// receive, and the bipartite graph of the connections must be one piece.
    fn held_together(&self, direction: Direction, mechanism: Mask, purview: Mask) -> bool {
        let (from, to) = match direction {
            Direction::Cause => (purview, mechanism),
            Direction::Effect => (mechanism, purview),
        };
        let mut senders = from & from.wrapping_neg();
        let mut receivers = 0;
        for _ in 0..2 * self.cm.len() {
            for i in elements(from) {
                for j in elements(to).filter(|&j| self.cm[i][j] == 1) {
                    if senders >> i & 1 == 1 || receivers >> j & 1 == 1 {
                        (senders, receivers) = (senders | 1 << i, receivers | 1 << j);
                    }
                }
            }
        }
        (senders, receivers) == (from, to)
    }

    /// The purview and state that agree with the state the system specifies, if any of those tied
    /// does.
    fn congruent(mices: &[Mice], specified: Mask, ties: Ties) -> Option<(f64, Mask, Mask)> {
        let agreeing = |mice: &Mice| {
            let state = mice.states.iter().find(|&&z| z == specified & mice.purview)?;
            Some((mice.phi, mice.purview, *state))
        };
        // Of those with most units the first.
        let biggest = |those: &mut dyn Iterator<Item = (f64, Mask, Mask)>| {
            those.fold(None, |best: Option<(f64, Mask, Mask)>, it| match best {
                Some(best) if size(best.1) >= size(it.1) => Some(best),
                _ => Some(it),
            })
        };
        match ties {
            Ties::Principled => biggest(&mut mices.iter().filter_map(agreeing)),
            Ties::Pyphi => agreeing(mices.first()?).or_else(|| {
                let represented =
                    |mice: &Mice| Mice { states: vec![mice.states[0]], ..mice.clone() };
                biggest(&mut mices[1..].iter().filter_map(|mice| agreeing(&represented(mice))))
            }),
        }
    }

    // --- The structure ---------------------------------------------------------------------------

    /// The distinctions congruent with the specified states, their relations, and Φ.
    pub(crate) fn structure(&self, specified: Sides<Mask>, ties: Ties) -> Structure {
        let (mut distinctions, mut dropped) = (Vec::new(), Vec::new());
        let mut n_open_choices = 0;
        for mechanism in subsets(self.units) {
            let [causes, effects] = DIRECTIONS.map(|it| self.mices(it, mechanism, ties));
            if causes.is_empty() || effects.is_empty() {
                continue;
            }
            let phi_d = causes[0].phi.min(effects[0].phi);
            let cause = System::congruent(&causes, specified.cause, ties);
            let effect = System::congruent(&effects, specified.effect, ties);
            match (cause, effect) {
                (Some(cause), Some(effect)) => {
                    let is_open = |mices: &[Mice], chosen: Mask, specified: Mask| {
                        let equals = mices.iter().filter(|it| {
                            size(it.purview) == size(chosen)
                                && it.states.contains(&(specified & it.purview))
                        });
                        usize::from(equals.count() > 1)
                    };
                    n_open_choices += is_open(&causes, cause.1, specified.cause);
                    n_open_choices += is_open(&effects, effect.1, specified.effect);
                    distinctions.push(Distinction { mechanism, phi_d, cause, effect });
                }
                _ => dropped.push((mechanism, phi_d)),
            }
        }
        let sum_phi_d = distinctions.iter().map(|it| it.phi_d).sum();
        let sum_phi_r = sum_phi_r(&distinctions);
        Structure {
            sum_phi_d,
            n_relations: n_relations(&distinctions),
            sum_phi_r,
            big_phi: sum_phi_d + sum_phi_r,
            distinctions,
            n_open_choices,
            dropped,
        }
    }
}

// --- Complexes -----------------------------------------------------------------------------------

/// The complexes of a substrate in a state, strongest first: units and φ_s.
///
/// Of the candidates that overlap, the one with the largest φ_s is a complex and excludes the
/// others; if several are tied, the one with the largest Φ, and if that is tied too, none.
pub(crate) fn complexes(
    tpm: &[Vec<f64>],
    cm: &[Vec<u8>],
    state: &[u8],
    ties: Ties,
    cap: Cap,
) -> Vec<(Mask, f64)> {
    let n = cm.len();
    let sends_and_hears =
        |&i: &usize| (0..n).any(|j| cm[i][j] == 1) && (0..n).any(|j| cm[j][i] == 1);
    let units: Mask = (0..n).filter(sends_and_hears).map(|i| 1 << i).sum();
    let system = |units: Mask| System::new(tpm, cm, state, &elements(units).collect::<Vec<_>>());
    let mut candidates: Vec<(Mask, f64)> = subsets(units)
        .into_iter()
        .filter_map(|units| Some((units, system(units)?.irreducibility(ties, cap).phi_s)))
        .filter(|it| it.1 > ZERO)
        .collect();
    candidates.sort_by(|a, b| b.1.total_cmp(&a.1)); // stable
    let big_phi = |units: Mask| {
        let system = system(units).expect("a candidate is reachable");
        system.structure(system.irreducibility(ties, cap).states, ties).big_phi
    };

    let mut complexes: Vec<(Mask, f64)> = Vec::new();
    while let Some(&(_, phi_s)) = candidates.first() {
        let n_tied = candidates.iter().take_while(|it| ties.equal(it.1, phi_s)).count();
        let mut tied: Vec<(Mask, f64)> = candidates.drain(..n_tied).collect();
        tied.retain(|it| complexes.iter().all(|complex| complex.0 & it.0 == 0));
        while let Some(first) = tied.first() {
            let mut piece = first.0;
            for _ in 0..n {
                let overlapping = tied.iter().filter(|it| it.0 & piece != 0);
                piece = overlapping.fold(piece, |piece, it| piece | it.0);
            }
            let (rivals, others): (Vec<_>, Vec<_>) =
                tied.into_iter().partition(|it| it.0 & piece != 0);
            tied = others;
            if let [only] = rivals[..] {
                complexes.push(only);
                continue;
            }
            let rivals: Vec<_> = rivals.into_iter().map(|it| (it, big_phi(it.0))).collect();
            if let [(winner, _)] = largest(&rivals, |it| it.1, ties.same_phi())[..] {
                complexes.push(winner);
            }
        }
    }
    complexes
}

// --- The order of a Python set -------------------------------------------------------------------

/// The order in which CPython walks through a set of index tuples inserted in the given order: that
/// of its hash table.
pub(crate) fn python_set_order(keys: Vec<Mask>) -> Vec<Mask> {
    let mut table: Vec<Option<Mask>> = vec![None; 8];
    for (at, key) in keys.into_iter().enumerate() {
        insert(&mut table, key);
        let used = at + 1;
        if 5 * used >= 3 * (table.len() - 1) {
            let mut size = 8;
            while size <= 4 * used {
                size *= 2;
            }
            let old = std::mem::replace(&mut table, vec![None; size]);
            old.into_iter().flatten().for_each(|key| insert(&mut table, key));
        }
    }
    table.into_iter().flatten().collect()
}

fn insert(table: &mut [Option<Mask>], key: Mask) {
    let mask = table.len() - 1;
    let mut perturbation = tuple_hash(key);
    let mut slot = perturbation as usize & mask;
    loop {
        let last = if slot + 9 > mask { slot } else { slot + 9 };
        if let Some(free) = (slot..=last).find(|&at| table[at].is_none()) {
            table[free] = Some(key);
            return;
        }
        perturbation >>= 5;
        slot = (5 * slot + 1).wrapping_add(perturbation as usize) & mask;
    }
}

/// CPython's hash of the tuple of a set's indices.
fn tuple_hash(set: Mask) -> u64 {
    const START: u64 = 2_870_177_450_012_600_261;
    let mut hash = START;
    for unit in elements(set) {
        hash = hash.wrapping_add((unit as u64).wrapping_mul(14_029_467_366_897_019_727));
        hash = hash.rotate_left(31).wrapping_mul(11_400_714_785_074_694_791);
    }
    hash = hash.wrapping_add(size(set) as u64 ^ START ^ 3_527_539);
    if hash == u64::MAX { 1_546_275_796 } else { hash }
}
