//! Intrinsic units straight from their definition: slow, short, and meant to be read beside
//! Marshall, Findlay, Albantakis, Tononi 2024 (bioRxiv 2024.04.12.589163).
//!
//! It shares nothing with the engine: every sequence of states of the whole network is listed, and
//! a search looks at every system anew. φ_s is that of the slow reference for IIT 4.0.
//!
//! States of the network are numbers, bit `i` being unit `i`.

use std::collections::HashMap;

use crate::iit4_oracle::{Cap, System, Ties};
use crate::oracle::{Mask, mean, pick, size};

/// A unit, from a micro unit on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Unit {
    Micro(usize),
    Made { parts: Vec<Unit>, grain: usize, table: Vec<bool>, apportioned: Mask },
}

impl Unit {
    pub(crate) fn micro(&self) -> Mask {
        match self {
            Unit::Micro(unit) => 1 << unit,
            Unit::Made { parts, .. } => parts.iter().map(Unit::micro).sum(),
        }
    }

    pub(crate) fn apportioned(&self) -> Mask {
        match self {
            Unit::Micro(_) => 0,
            Unit::Made { apportioned, .. } => *apportioned,
        }
    }

    /// In micro updates.
    pub(crate) fn grain(&self) -> usize {
        match self {
            Unit::Micro(_) => 1,
            Unit::Made { parts, grain, .. } => grain * parts[0].grain(),
        }
    }

    /// Its state after these states of the network, as many as it takes updates.
    fn is_on(&self, window: &[Mask]) -> bool {
        match self {
            Unit::Micro(unit) => window[0] >> unit & 1 == 1,
            Unit::Made { parts, table, .. } => {
                let stretches = window.chunks(parts[0].grain());
                let states = stretches.flat_map(|it| parts.iter().map(|part| part.is_on(it)));
                table[states.enumerate().map(|(bit, on)| usize::from(on) << bit).sum::<usize>()]
            }
        }
    }
}

/// A network with its last states, the oldest first.
pub(crate) struct Universe {
    pub(crate) tpm: Vec<Vec<f64>>,
    pub(crate) history: Vec<Mask>,
}

/// P(ON) by unit and state of all units.
pub(crate) type Table = Vec<Vec<f64>>;

impl Universe {
    fn states(&self) -> std::ops::Range<Mask> {
        0..self.tpm.len()
    }

    fn all(&self) -> Mask {
        self.tpm.len() - 1
    }

    /// P(micro unit `i` is ON | the network is in state `u`), as it matters to a unit of a system.
    fn discounted(&self, unit: &Unit, system: &[Unit], i: usize, u: Mask) -> f64 {
        if unit.micro() >> i & 1 == 1 {
            return self.tpm[u][i];
        }
        let owner = system.iter().find(|it| it.apportioned() >> i & 1 == 1);
        let seen = owner.map_or(0, |it| it.micro() | it.apportioned());
        mean(self.states().filter(|v| (v ^ u) & seen == 0).map(|v| self.tpm[v][i]))
    }

    /// P(the unit is ON after as many updates as it takes | the network is in state `u`).
    fn ends_on(&self, unit: &Unit, system: &[Unit], u: Mask, window: &mut Vec<Mask>) -> f64 {
        if window.len() == unit.grain() {
            return f64::from(u8::from(unit.is_on(window)));
        }
        let on: Vec<f64> =
            (0..self.tpm[0].len()).map(|i| self.discounted(unit, system, i, u)).collect();
        let mut sum = 0.0;
        for v in self.states() {
            let p = |(i, p): (usize, &f64)| if v >> i & 1 == 1 { *p } else { 1.0 - p };
            let p: f64 = on.iter().enumerate().map(p).product();
            if p > 0.0 {
                window.push(v);
                sum += p * self.ends_on(unit, system, v, window);
                window.pop();
            }
        }
        sum
    }

    /// P(all units are as in `now` | the network is in state `u`).
    fn leads_to(&self, now: Mask, u: Mask) -> f64 {
        let unit = |(i, p): (usize, &f64)| if now >> i & 1 == 1 { *p } else { 1.0 - p };
        self.tpm[u].iter().enumerate().map(unit).product()
    }

    /// The state of each unit.
    pub(crate) fn state(&self, system: &[Unit]) -> Vec<u8> {
        let window = |it: &Unit| &self.history[self.history.len() - it.grain()..];
        system.iter().map(|it| u8::from(it.is_on(window(it)))).collect()
    }

    /// Returns the fraction of the sequences that leave a unit ON or OFF which ends as in `u`.
    fn ends_in(&self, unit: &Unit, on: bool, u: Mask) -> f64 {
        let (micro, n_updates) = (unit.micro(), unit.grain());
        let n_states = 1usize << size(micro);
        let sequence = |mut number: usize| -> Vec<Mask> {
            let state = |_| {
                let state = pick(micro, number % n_states);
                number /= n_states;
                state
            };
            (0..n_updates).map(state).collect()
        };
        let all = (0..n_states.pow(n_updates as u32)).map(sequence);
        let all: Vec<Vec<Mask>> = all.filter(|it| unit.is_on(it) == on).collect();
        let ends = all.iter().filter(|it| *it.last().unwrap() == u & micro).count();
        ends as f64 / all.len() as f64
    }

    /// T_c and T_e. `None` if a state that causes are of is unreachable.
    pub(crate) fn tables(&self, system: &[Unit]) -> Option<[Table; 2]> {
        let micro: Mask = system.iter().map(Unit::micro).sum();
        let background = self.all() & !micro;
        let states_of = |set: Mask| (0..1usize << size(set)).map(move |it| pick(set, it));
        let (mut cause, mut effect) = (Table::new(), Table::new());
        for unit in system {
            let earliest = self.history[self.history.len() - unit.grain()];
            let total: f64 = self.states().map(|u| self.leads_to(earliest, u)).sum();
            if total <= 0.0 {
                return None;
            }
            let past = |w: Mask| -> f64 {
                states_of(micro).map(|s| self.leads_to(earliest, s | w)).sum::<f64>() / total
            };
            let chain: Vec<f64> =
                self.states().map(|u| self.ends_on(unit, system, u, &mut Vec::new())).collect();
            let past: Vec<(Mask, f64)> = states_of(background).map(|w| (w, past(w))).collect();
            let by_cause = |s: Mask| past.iter().map(|(w, p)| p * chain[s | w]).sum::<f64>();
            let now = self.history.last().unwrap() & background;
            let by_effect = |s: Mask| chain[s | now];
            let of_macro = |of: &dyn Fn(Mask) -> f64| -> Vec<f64> {
                let state = |macro_state: usize| {
                    states_of(micro)
                        .map(|s| {
                            let weight = |(number, it): (usize, &Unit)| {
                                self.ends_in(it, macro_state >> number & 1 == 1, s)
                            };
                            let weights: f64 = system.iter().enumerate().map(weight).product();
                            weights * of(s)
                        })
                        .sum()
                };
                (0..1usize << system.len()).map(state).collect()
            };
            // What is left of a rounded sum is no probability.
            let exact = |p: &f64| match p.min(1.0 - p) < 4e-15 {
                true => p.round(),
                false => *p,
            };
            cause.push(of_macro(&by_cause).iter().map(exact).collect());
            effect.push(of_macro(&by_effect).iter().map(exact).collect());
        }
        Some([cause, effect])
    }

    /// φ_s. `None` if the system cannot be in its state.
    pub(crate) fn phi_s(&self, system: &[Unit]) -> Option<f64> {
        let [cause, effect] = self.tables(system)?;
        let system = System::of_tables([cause, effect], &self.state(system))?;
        Some(system.irreducibility(Ties::Principled, Cap::None).phi_s)
    }
}

/// The bounds of a search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) micro_units: usize,
    pub(crate) grain: usize,
    pub(crate) depth: usize,
}

/// The result of a search: the valid units, by constituents the verdict with φ_s and that of the
/// best competitor, and the complexes.
pub(crate) struct Found {
    pub(crate) units: Vec<Unit>,
    pub(crate) verdicts: Vec<(Vec<Unit>, f64, Option<f64>, &'static str)>,
    pub(crate) complexes: Vec<(Vec<Unit>, f64)>,
    pub(crate) n_tied: usize,
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * 1_f64.max(a.abs()).max(b.abs())
}

/// All sets of units that have no micro unit in common.
fn assembled(pool: &[Unit]) -> Vec<Vec<Unit>> {
    let Some((first, rest)) = pool.split_first() else { return vec![Vec::new()] };
    let mut all = assembled(rest);
    let with_first: Vec<Vec<Unit>> = (all.iter())
        .filter(|it| it.iter().all(|other| other.micro() & first.micro() == 0))
        .map(|it| [std::slice::from_ref(first), it].concat())
        .collect();
    all.extend(with_first);
    all
}

/// The tables of coarse grainings and black boxes, complemented if they begin with ON.
fn families(n_parts: usize, grain: usize) -> Vec<Vec<bool>> {
    let indices = 0..1usize << (n_parts * grain);
    let mut tables: Vec<Vec<bool>> = Vec::new();
    if grain == 1 {
        for counts in 1..(1usize << (n_parts + 1)) - 1 {
            tables.push(indices.clone().map(|it| counts >> it.count_ones() & 1 == 1).collect());
        }
    }
    for outputs in 1..1usize << n_parts {
        let last = |index: usize| index >> (n_parts * (grain - 1));
        tables.push(indices.clone().map(|it| last(it) & outputs == outputs).collect());
    }
    for table in &mut tables {
        if table[0] {
            table.iter_mut().for_each(|it| *it = !*it);
        }
    }
    let mut kept: Vec<Vec<bool>> = Vec::new();
    tables.into_iter().for_each(|it| {
        if !kept.contains(&it) {
            kept.push(it)
        }
    });
    kept
}

impl Universe {
    pub(crate) fn search(&self, bounds: Bounds) -> Found {
        let mut known: HashMap<String, Option<f64>> = HashMap::new();
        let mut phi_s = |system: &[Unit]| -> Option<f64> {
            *known.entry(format!("{system:?}")).or_insert_with(|| self.phi_s(system))
        };
        let n = self.tpm[0].len();
        let mut pool: Vec<Unit> = (0..n).map(Unit::Micro).collect();
        let mut verdicts: Vec<(Vec<Unit>, f64, Option<f64>, &'static str)> = Vec::new();
        for _ in 0..bounds.depth {
            let known_before = pool.clone();
            for n_micro in 1..=bounds.micro_units {
                let before = pool.clone();
                for parts in assembled(&known_before) {
                    let micro: Mask = parts.iter().map(Unit::micro).sum();
                    let is_tried = verdicts.iter().any(|it| it.0 == parts);
                    let is_common = parts.iter().all(|it| it.grain() == parts[0].grain());
                    let is_same = parts.len() == 1 && bounds.grain == 1;
                    if size(micro) != n_micro || is_tried || !is_common || is_same {
                        continue;
                    }
                    let phi = phi_s(&parts).unwrap_or(0.0);
                    let finer: Vec<Unit> = (before.iter())
                        .filter(|it| it.micro() & !micro == 0 && it.micro() != micro)
                        .cloned()
                        .collect();
                    let others = assembled(&finer).into_iter();
                    let others = others.filter(|it| !it.is_empty() && *it != parts);
                    let best = others.filter_map(|it| phi_s(&it)).reduce(f64::max);
                    let verdict = match best {
                        _ if phi <= 1e-13 => "NOT_INTEGRATED",
                        Some(best) if same(best, phi) => "TIED",
                        Some(best) if best > phi => "NOT_MAXIMAL",
                        _ => "VALID",
                    };
                    if verdict == "VALID" {
                        let least = if parts.len() == 1 { 2 } else { 1 };
                        for grain in least..=bounds.grain {
                            for table in families(parts.len(), grain) {
                                let parts = parts.clone();
                                pool.push(Unit::Made { parts, grain, table, apportioned: 0 });
                            }
                        }
                    }
                    verdicts.push((parts, phi, best, verdict));
                }
            }
        }
        let systems = assembled(&pool).into_iter().filter(|it| !it.is_empty());
        let systems: Vec<(Vec<Unit>, f64)> =
            systems.filter_map(|it| phi_s(&it).map(|phi| (it, phi))).collect();
        let micro = |it: &[Unit]| it.iter().map(Unit::micro).sum::<Mask>();
        let (mut complexes, mut n_tied) = (Vec::new(), 0);
        for (number, (system, phi)) in systems.iter().enumerate() {
            let others = systems.iter().enumerate().filter(|it| it.0 != number);
            let others = others.filter(|(_, it)| micro(&it.0) & micro(system) != 0);
            let others: Vec<f64> = others.map(|(_, it)| it.1).collect();
            let beats = |it: &f64| phi > it && !same(*phi, *it);
            let is_top = |it: &f64| beats(it) || same(*phi, *it);
            if *phi > 1e-13 && others.iter().all(is_top) {
                match others.iter().all(beats) {
                    true => complexes.push((system.clone(), *phi)),
                    false => n_tied += 1,
                }
            }
        }
        Found { units: pool, verdicts, complexes, n_tied }
    }
}
