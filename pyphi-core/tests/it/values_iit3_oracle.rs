//! IIT 3.0 of units with any number of values straight from its definition: slow, short, and meant
//! to be read. States are lists of values, means are taken over all states that agree, partitions
//! and cuts are listed, and a cut system is made anew.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::oracle::{Eligible, transport};
use crate::values_oracle::{Network, State, states, subsets};

/// Values this close are tied; those that are no larger are 0.
pub(crate) const TOLERANCE: f64 = 1e-6;
/// Repertoires this close are the same.
const SAME_REPERTOIRE: f64 = 1e-9;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    Cause,
    Effect,
}

/// The irreducible cause or effect of a mechanism. Units are those of the network.
#[derive(Clone, Debug)]
pub(crate) struct Core {
    pub(crate) phi: f64,
    pub(crate) purview: Vec<usize>,
    pub(crate) repertoire: Vec<f64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Concept {
    pub(crate) mechanism: Vec<usize>,
    pub(crate) phi: f64,
    pub(crate) cause: Core,
    pub(crate) effect: Core,
}

/// Some units of a network, the others as they are, perhaps under a cut.
#[derive(Debug)]
pub(crate) struct System<'a> {
    network: &'a Network,
    all: Vec<State>,
    /// Units whose connections to those others are severed.
    cut: Option<(Vec<usize>, Vec<usize>)>,
    /// Repertoires that were made.
    met: RefCell<HashMap<Asked, Vec<f64>>>,
}

/// A side, a mechanism and a purview.
type Asked = (Side, Vec<usize>, Vec<usize>);

/// Two parts of some units, the second one being what is left.
fn in_two(units: &[usize]) -> Vec<[Vec<usize>; 2]> {
    let side = |set: usize, bit: usize| {
        (0..units.len()).filter(|&k| set >> k & 1 == bit).map(|k| units[k]).collect()
    };
    (0..1 << units.len()).map(|set| [side(set, 1), side(set, 0)]).collect()
}

/// The earth mover's distance; states are as far apart as the number of units that differ.
fn earth_movers(states: &[State], p: &[f64], q: &[f64]) -> f64 {
    let more = |p: &[f64], q: &[f64]| -> Vec<(usize, f64)> {
        (0..p.len()).filter(|&s| p[s] > q[s]).map(|s| (s, p[s] - q[s])).collect()
    };
    let (from, to) = (more(p, q), more(q, p));
    let apart = |a: &State, b: &State| a.iter().zip(b).filter(|(a, b)| a != b).count() as f64;
    let cost: Vec<Vec<f64>> = (from.iter())
        .map(|a| to.iter().map(|b| apart(&states[a.0], &states[b.0])).collect())
        .collect();
    let mass = |side: &[(usize, f64)]| side.iter().map(|it| it.1).collect::<Vec<f64>>();
    transport(&mass(&from), &mass(&to), &cost)
}

impl<'a> System<'a> {
    pub(crate) fn new(network: &'a Network) -> System<'a> {
        System { network, all: states(&network.sizes), cut: None, met: RefCell::default() }
    }

    fn units(&self) -> &[usize] {
        &self.network.nodes
    }

    fn states_of(&self, units: &[usize]) -> Vec<State> {
        states(&units.iter().map(|&it| self.network.sizes[it]).collect::<Vec<_>>())
    }

    fn is_severed(&self, from: usize, to: usize) -> bool {
        let is_in = |(a, b): &(Vec<usize>, Vec<usize>)| a.contains(&from) && b.contains(&to);
        self.cut.as_ref().is_some_and(is_in)
    }

    /// The distribution of a unit, some of its inputs in the system being known.
    fn unit(&self, unit: usize, known: &[(usize, usize)]) -> Vec<f64> {
        let Network { sizes, tpm, cm, state, nodes } = self.network;
        let agrees = |row: &&usize| {
            (0..sizes.len()).filter(|&from| cm[from][unit]).all(|from| {
                let value = self.all[**row][from];
                match known.iter().find(|it| it.0 == from) {
                    _ if !nodes.contains(&from) => value == state[from],
                    Some(known) if !self.is_severed(from, unit) => value == known.1,
                    _ => true,
                }
            })
        };
        let rows: Vec<usize> = (0..self.all.len()).collect();
        let agreeing: Vec<&usize> = rows.iter().filter(agrees).collect();
        let mean = |value: usize| {
            agreeing.iter().map(|&&row| tpm[row][unit][value]).sum::<f64>() / agreeing.len() as f64
        };
        (0..sizes[unit]).map(mean).collect()
    }

    fn present(&self, units: &[usize]) -> Vec<(usize, usize)> {
        units.iter().map(|&unit| (unit, self.network.state[unit])).collect()
    }

    pub(crate) fn is_reachable(&self) -> bool {
        self.cause(self.units(), self.units()).iter().all(|p| !p.is_nan())
    }

    fn cause(&self, mechanism: &[usize], purview: &[usize]) -> Vec<f64> {
        let of_state = |z: State| -> f64 {
            let known: Vec<(usize, usize)> = purview.iter().copied().zip(z).collect();
            mechanism.iter().map(|&j| self.unit(j, &known)[self.network.state[j]]).product()
        };
        let product: Vec<f64> = self.states_of(purview).into_iter().map(of_state).collect();
        let sum: f64 = product.iter().sum();
        product.iter().map(|p| p / sum).collect()
    }

    pub(crate) fn repertoire(
        &self,
        side: Side,
        mechanism: &[usize],
        purview: &[usize],
    ) -> Vec<f64> {
        let asked = (side, mechanism.to_vec(), purview.to_vec());
        if let Some(known) = self.met.borrow().get(&asked) {
            return known.clone();
        }
        let found = match side {
            Side::Cause => self.cause(mechanism, purview),
            Side::Effect => self.effect(mechanism, purview),
        };
        self.met.borrow_mut().insert(asked, found.clone());
        found
    }

    fn effect(&self, mechanism: &[usize], purview: &[usize]) -> Vec<f64> {
        let known = self.present(mechanism);
        let each: Vec<Vec<f64>> = purview.iter().map(|&unit| self.unit(unit, &known)).collect();
        let of_state = |z: State| z.iter().zip(&each).map(|(&value, of)| of[value]).product();
        self.states_of(purview).into_iter().map(of_state).collect()
    }

    /// The product of repertoires over purviews that together are `purview`.
    fn product(&self, purview: &[usize], parts: [(&[usize], &[f64]); 2]) -> Vec<f64> {
        let of_state = |z: State| {
            let of_part = |(units, repertoire): (&[usize], &[f64])| {
                let (mut number, mut stride) = (0, 1);
                for unit in units {
                    let at = purview.iter().position(|it| it == unit).expect("a part of it");
                    number += z[at] * stride;
                    stride *= self.network.sizes[*unit];
                }
                repertoire[number]
            };
            parts.into_iter().map(of_part).product()
        };
        self.states_of(purview).into_iter().map(of_state).collect()
    }

    fn distance(&self, side: Side, purview: &[usize], p: &[f64], q: &[f64]) -> f64 {
        let all = self.states_of(purview);
        if side == Side::Cause {
            return earth_movers(&all, p, q);
        }
        // Half the L1 distance of the distributions of each unit.
        let of_unit = |k: usize| {
            let of_value = |value: usize| {
                let here = (0..all.len()).filter(|&s| all[s][k] == value);
                here.map(|s| p[s] - q[s]).sum::<f64>().abs()
            };
            (0..self.network.sizes[purview[k]]).map(of_value).sum::<f64>() / 2.0
        };
        (0..purview.len()).map(of_unit).sum()
    }

    fn phi(&self, side: Side, mechanism: &[usize], purview: &[usize]) -> f64 {
        let whole = self.repertoire(side, mechanism, purview);
        let mut least = f64::INFINITY;
        for [m1, m2] in in_two(mechanism) {
            for [p1, p2] in in_two(purview) {
                if m1.is_empty() && p1.is_empty() || m2.is_empty() && p2.is_empty() {
                    continue;
                }
                let parts = [(&m1, &p1), (&m2, &p2)].map(|(m, p)| self.repertoire(side, m, p));
                let parted = self.product(purview, [(&p1, &parts[0]), (&p2, &parts[1])]);
                least = least.min(self.distance(side, purview, &whole, &parted));
            }
        }
        least
    }

    /// Every purview that may be chosen, as a core.
    fn eligible(&self, side: Side, mechanism: &[usize], rule: Eligible) -> Vec<Core> {
        let all = subsets(self.units()).into_iter();
        let found: Vec<(f64, Vec<usize>)> =
            all.map(|purview| (self.phi(side, mechanism, &purview), purview)).collect();
        let most = found.iter().map(|it| it.0).fold(0.0, f64::max);
        let is_tied = |it: &(f64, Vec<usize>)| it.0 > TOLERANCE && it.0 >= most - TOLERANCE;
        let tied: Vec<(f64, Vec<usize>)> = found.into_iter().filter(is_tied).collect();
        let sizes = || tied.iter().map(|it| it.1.len());
        let (fewest, largest) = (sizes().min(), sizes().max());
        let is_eligible = |purview: &[usize]| match rule {
            Eligible::All => true,
            Eligible::Largest => Some(purview.len()) == largest,
            Eligible::Smallest => Some(purview.len()) == fewest,
            Eligible::Single => tied.len() == 1,
        };
        let core = |(phi, purview): &(f64, Vec<usize>)| Core {
            phi: *phi,
            repertoire: self.repertoire(side, mechanism, purview),
            purview: purview.clone(),
        };
        tied.iter().filter(|it| is_eligible(&it.1)).map(core).collect()
    }

    /// The largest, and of those the first.
    fn core(&self, side: Side, mechanism: &[usize]) -> Option<Core> {
        let all = self.eligible(side, mechanism, Eligible::Largest).into_iter();
        all.min_by_key(|it| it.purview.clone())
    }

    /// The concepts of some mechanisms.
    fn concepts(&self, mechanisms: impl Iterator<Item = Vec<usize>>) -> Vec<Concept> {
        let concept = |mechanism: Vec<usize>| {
            let cause = self.core(Side::Cause, &mechanism)?;
            let effect = self.core(Side::Effect, &mechanism)?;
            Some(Concept { phi: cause.phi.min(effect.phi), mechanism, cause, effect })
        };
        mechanisms.filter_map(concept).collect()
    }

    pub(crate) fn structure(&self) -> Vec<Concept> {
        self.concepts(subsets(self.units()).into_iter())
    }

    fn concept_distance(&self, a: Option<&Concept>, b: Option<&Concept>) -> f64 {
        let of_side = |side: Side| {
            let core = |it: Option<&Concept>| {
                it.map(|it| if side == Side::Cause { &it.cause } else { &it.effect }).cloned()
            };
            let nothing = || Core { phi: 0.0, purview: Vec::new(), repertoire: vec![1.0] };
            let (a, b) = (core(a).unwrap_or_else(nothing), core(b).unwrap_or_else(nothing));
            let is_in = |unit: &&usize| a.purview.contains(unit) || b.purview.contains(unit);
            let union: Vec<usize> = self.units().iter().filter(is_in).copied().collect();
            // What a concept leaves open is unconstrained.
            let expanded = |it: &Core| {
                let is_open = |unit: &&usize| !it.purview.contains(unit);
                let open: Vec<usize> = union.iter().filter(is_open).copied().collect();
                let rest = match side {
                    Side::Cause => {
                        let n = self.states_of(&open).len();
                        vec![1.0 / n as f64; n]
                    }
                    Side::Effect => self.repertoire(side, &[], &open),
                };
                self.product(&union, [(&it.purview, &it.repertoire), (&open, &rest)])
            };
            self.distance(side, &union, &expanded(&a), &expanded(&b))
        };
        of_side(Side::Cause) + of_side(Side::Effect)
    }

    fn structure_distance(&self, intact: &[Concept], other: &[Concept]) -> f64 {
        let is_same = |a: &Concept, b: &Concept| {
            let core = |a: &Core, b: &Core| {
                let near = |(p, q): (&f64, &f64)| (p - q).abs() <= SAME_REPERTOIRE;
                a.purview == b.purview && a.repertoire.iter().zip(&b.repertoire).all(near)
            };
            a.mechanism == b.mechanism
                && (a.phi - b.phi).abs() <= TOLERANCE
                && core(&a.cause, &b.cause)
                && core(&a.effect, &b.effect)
        };
        let without = |these: &'_ [Concept], those: &[Concept]| -> Vec<Concept> {
            these.iter().filter(|a| !those.iter().any(|b| is_same(a, b))).cloned().collect()
        };
        let (gone, new) = (without(intact, other), without(other, intact));
        let mut rows: Vec<Option<&Concept>> = gone.iter().map(Some).collect();
        let mut columns: Vec<Option<&Concept>> = new.iter().map(Some).collect();
        let sum = |of: &[Concept]| of.iter().map(|it| it.phi).sum::<f64>();
        let surplus = sum(&gone) - sum(&new);
        // The null concept takes what is too much, or gives what is missing.
        if surplus > 0.0 {
            columns.push(None);
        } else {
            rows.push(None);
        }
        let mass = |it: &Option<&Concept>| it.map_or(surplus.abs(), |it| it.phi);
        let cost: Vec<Vec<f64>> = (rows.iter())
            .map(|&a| columns.iter().map(|&b| self.concept_distance(a, b)).collect())
            .collect();
        let masses = |side: &[Option<&Concept>]| side.iter().map(mass).collect::<Vec<f64>>();
        transport(&masses(&rows), &masses(&columns), &cost)
    }

    fn is_strongly_connected(&self) -> bool {
        let units = self.units();
        let reaches = |backward: bool| {
            let mut seen = vec![units[0]];
            let mut next = 0;
            while let Some(&unit) = seen.get(next) {
                next += 1;
                for &other in units {
                    let (from, to) = if backward { (other, unit) } else { (unit, other) };
                    if self.network.cm[from][to] && !seen.contains(&other) {
                        seen.push(other);
                    }
                }
            }
            seen.len() == units.len()
        };
        reaches(false) && reaches(true)
    }

    /// Φ, and the concepts of the intact system.
    pub(crate) fn big_phi(&self) -> (f64, Vec<Concept>) {
        if self.units().len() < 2 || !self.is_strongly_connected() {
            return (0.0, Vec::new());
        }
        let intact = self.structure();
        if intact.is_empty() {
            return (0.0, intact);
        }
        let mut least = f64::INFINITY;
        for [from, to] in in_two(self.units()) {
            if from.is_empty() || to.is_empty() {
                continue;
            }
            let cut = Some((from.clone(), to.clone()));
            let cut = System { cut, ..System::new(self.network) };
            let splits = |it: &Vec<usize>| {
                [&from, &to].iter().all(|side| it.iter().any(|unit| side.contains(unit)))
            };
            let had = |it: &Vec<usize>| intact.iter().any(|concept| concept.mechanism == *it);
            let candidates = subsets(self.units()).into_iter().filter(|it| had(it) || splits(it));
            let found = cut.concepts(candidates);
            least = least.min(self.structure_distance(&intact, &found));
        }
        (if least <= TOLERANCE { 0.0 } else { least }, intact)
    }
}

/// A mechanism with the cores that may be chosen for it.
type Lists = (Vec<usize>, Vec<Core>, Vec<Core>);

/// Every structure that the lists allow; `None` if there are more than `most`.
fn structures(lists: &[Lists], most: usize) -> Option<Vec<Vec<Concept>>> {
    let mut all: Vec<Vec<Concept>> = vec![Vec::new()];
    for (mechanism, causes, effects) in lists {
        if causes.is_empty() || effects.is_empty() {
            continue;
        }
        if all.len() * causes.len() * effects.len() > most {
            return None;
        }
        let mut longer = Vec::new();
        for structure in &all {
            for cause in causes {
                for effect in effects {
                    let (cause, effect) = (cause.clone(), effect.clone());
                    let phi = cause.phi.min(effect.phi);
                    let concept = Concept { mechanism: mechanism.clone(), phi, cause, effect };
                    longer.push([&structure[..], &[concept]].concat());
                }
            }
        }
        all = longer;
    }
    Some(all)
}

impl System<'_> {
    fn lists(&self, rule: Eligible) -> Vec<Lists> {
        let of = |mechanism: Vec<usize>| {
            let [causes, effects] =
                [Side::Cause, Side::Effect].map(|side| self.eligible(side, &mechanism, rule));
            (mechanism, causes, effects)
        };
        subsets(self.units()).into_iter().map(of).collect()
    }

    /// Every Φ that some choice among tied core causes, core effects and cuts gives; `None` if
    /// there are more than `most` pairs of structures under some cut. If `inherits`, what a cut
    /// does not touch keeps its choice.
    pub(crate) fn all_big_phi(
        &self,
        rule: Eligible,
        inherits: bool,
        most: usize,
    ) -> Option<Vec<f64>> {
        if self.units().len() < 2 || !self.is_strongly_connected() {
            return Some(vec![0.0]);
        }
        let intact = structures(&self.lists(rule), most)?;
        let whole = |part: &[usize]| !part.is_empty() && part.len() < self.units().len();
        let cuts: Vec<(Vec<usize>, Vec<usize>)> = (in_two(self.units()).into_iter())
            .filter(|[from, _]| whole(from))
            .map(|[from, to]| (from, to))
            .collect();
        let anew: Vec<Vec<Lists>> = (cuts.iter())
            .map(|cut| System { cut: Some(cut.clone()), ..System::new(self.network) }.lists(rule))
            .collect();
        let meets = |a: &[usize], b: &[usize]| a.iter().any(|unit| b.contains(unit));
        let mut found = Vec::new();
        for before in &intact {
            if before.is_empty() {
                return Some(vec![0.0]);
            }
            // By cut: the distances that its choices give.
            let mut by_cut: Vec<Vec<f64>> = Vec::new();
            for ((from, to), anew) in cuts.iter().zip(&anew) {
                let mut lists = Vec::new();
                for (mechanism, causes, effects) in anew {
                    let (mut causes, mut effects) = (causes.clone(), effects.clone());
                    let is_split = meets(mechanism, from) && meets(mechanism, to);
                    let concept = before.iter().find(|it| it.mechanism == *mechanism);
                    if inherits && concept.is_none() && !is_split {
                        continue;
                    }
                    if let Some(concept) = concept.filter(|_| inherits && !is_split) {
                        if !meets(&concept.cause.purview, from) || !meets(mechanism, to) {
                            causes = vec![concept.cause.clone()];
                        }
                        if !meets(mechanism, from) || !meets(&concept.effect.purview, to) {
                            effects = vec![concept.effect.clone()];
                        }
                    }
                    lists.push((mechanism.clone(), causes, effects));
                }
                let after = structures(&lists, most / intact.len())?;
                by_cut.push(after.iter().map(|it| self.structure_distance(before, it)).collect());
            }
            // A value is Φ if some choice gives it under one cut and no less under each of the
            // others.
            let largest = |of: &Vec<f64>| of.iter().copied().fold(0.0, f64::max);
            let bound = by_cut.iter().map(largest).fold(f64::INFINITY, f64::min);
            found.extend(by_cut.into_iter().flatten().filter(|it| *it <= bound + 1e-9));
        }
        Some(found.into_iter().map(|phi| if phi <= TOLERANCE { 0.0 } else { phi }).collect())
    }
}

/// Φ of all sets of units that have one, the others being as they are.
pub(crate) fn complexes(network: &Network) -> Vec<(Vec<usize>, f64)> {
    let all: Vec<usize> = (0..network.sizes.len()).collect();
    let phi = |nodes: Vec<usize>| {
        let part = Network { nodes: nodes.clone(), ..network.clone() };
        let system = System::new(&part);
        let phi = if system.is_reachable() { system.big_phi().0 } else { 0.0 };
        (phi > TOLERANCE).then_some((nodes, phi))
    };
    subsets(&all).into_iter().filter_map(phi).collect()
}
