//! IIT 4.0 of units with any number of values straight from its definition: slow, short, and meant
//! to be read. Nothing of the engine is in it: states are lists of values, means are taken over all
//! states that agree, partitions are listed.

/// Two values this close are tied.
const TIE: f64 = 1e-12;
/// Values of at most this are 0.
const ZERO: f64 = 1e-13;

/// A value for each of some units, in their order.
pub(crate) type State = Vec<usize>;

/// A network in a state, with the units of the system.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    /// The number of values of each unit.
    pub(crate) sizes: Vec<usize>,
    /// By state (first unit fastest) and unit: its distribution.
    pub(crate) tpm: Vec<Vec<Vec<f64>>>,
    /// `cm[i][j]`: i → j.
    pub(crate) cm: Vec<Vec<bool>>,
    pub(crate) state: State,
    pub(crate) nodes: Vec<usize>,
}

/// All states of units that have so many values, the first unit fastest.
pub(crate) fn states(sizes: &[usize]) -> Vec<State> {
    let Some((&last, rest)) = sizes.split_last() else { return vec![Vec::new()] };
    let of_rest = states(rest);
    let with = |value: usize| of_rest.iter().map(move |it| [&it[..], &[value]].concat());
    (0..last).flat_map(with).collect()
}

fn is_tied(a: f64, b: f64) -> bool {
    (a - b).abs() <= TIE * a.abs().max(b.abs()).max(1.0)
}

/// All non-empty subsets, small ones first, then lexicographically.
pub(crate) fn subsets(of: &[usize]) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = (1..1u32 << of.len())
        .map(|set| (0..of.len()).filter(|&i| set >> i & 1 == 1).map(|i| of[i]).collect())
        .collect();
    all.sort_by_key(|it: &Vec<usize>| (it.len(), it.clone()));
    all
}

/// All ways to divide items into parts.
fn set_partitions(items: &[usize]) -> Vec<Vec<Vec<usize>>> {
    let Some((&first, rest)) = items.split_first() else { return vec![Vec::new()] };
    let mut all = Vec::new();
    for parts in set_partitions(rest) {
        for at in 0..parts.len() {
            let mut with = parts.clone();
            with[at].insert(0, first);
            all.push(with);
        }
        let mut alone = vec![vec![first]];
        alone.extend(parts);
        all.push(alone);
    }
    all
}

/// A unit with a value.
type Element = (usize, usize);

/// Mechanism, φ, elements of the cause and of the effect.
type Distinction = (Vec<usize>, f64, Vec<Element>, Vec<Element>);

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Side {
    Cause,
    Effect,
}

/// The dynamics of each unit of the system, after each state of the system.
pub(crate) struct System<'a> {
    network: &'a Network,
    states: Vec<State>,
    /// By side, unit of the system, state: a distribution.
    units: [Vec<Vec<Vec<f64>>>; 2],
}

/// φ of a mechanism over a purview: all purviews and states with the largest φ.
pub(crate) struct Maximal {
    pub(crate) phi: f64,
    /// Purview (units of the system by position) and state.
    pub(crate) tied: Vec<(Vec<usize>, State)>,
}

impl<'a> System<'a> {
    pub(crate) fn new(network: &'a Network) -> System<'a> {
        let Network { sizes, tpm, state, nodes, .. } = network;
        let all = states(sizes);
        let likelihood = |row: usize| -> f64 {
            (0..sizes.len()).map(|unit| tpm[row][unit][state[unit]]).product()
        };
        let total: f64 = (0..all.len()).map(likelihood).sum();
        let own: Vec<usize> = nodes.iter().map(|&unit| sizes[unit]).collect();
        let system_states = states(&own);
        let of_system = |row: usize| -> State { nodes.iter().map(|&it| all[row][it]).collect() };
        let background: Vec<usize> = (0..sizes.len()).filter(|it| !nodes.contains(it)).collect();
        let of_background =
            |row: usize| -> State { background.iter().map(|&it| all[row][it]).collect() };
        let now: State = background.iter().map(|&it| state[it]).collect();
        let mut units = [Vec::new(), Vec::new()];
        for &unit in nodes {
            let effect = |s: &State| {
                let row = |row: &usize| of_system(*row) == *s && of_background(*row) == now;
                tpm[(0..all.len()).find(row).expect("a row")][unit].clone()
            };
            let cause = |s: &State| {
                let mut mean = vec![0.0; sizes[unit]];
                for row in (0..all.len()).filter(|&row| of_system(row) == *s) {
                    let same = (0..all.len()).filter(|&it| of_background(it) == of_background(row));
                    let weight = same.map(likelihood).sum::<f64>() / total;
                    mean.iter_mut().zip(&tpm[row][unit]).for_each(|(sum, p)| *sum += weight * p);
                }
                mean
            };
            units[0].push(system_states.iter().map(cause).collect());
            units[1].push(system_states.iter().map(effect).collect());
        }
        System { network, states: system_states, units }
    }

    fn n(&self) -> usize {
        self.network.nodes.len()
    }

    fn all(&self) -> Vec<usize> {
        (0..self.n()).collect()
    }

    fn present(&self) -> State {
        self.network.nodes.iter().map(|&it| self.network.state[it]).collect()
    }

    fn sizes(&self, units: &[usize]) -> Vec<usize> {
        units.iter().map(|&it| self.network.sizes[self.network.nodes[it]]).collect()
    }

    pub(crate) fn connects(&self, from: usize, to: usize) -> bool {
        self.network.cm[self.network.nodes[from]][self.network.nodes[to]]
    }

    /// q(unit = value | known units as in `state`, a state of all units).
    fn q(&self, side: Side, unit: usize, value: usize, known: &[usize], state: &State) -> f64 {
        let agrees = |it: &&State| known.iter().all(|&unit| it[unit] == state[unit]);
        let agreeing: Vec<usize> =
            (0..self.states.len()).filter(|&idx| agrees(&&self.states[idx])).collect();
        let table = &self.units[side as usize][unit];
        agreeing.iter().map(|&idx| table[idx][value]).sum::<f64>() / agreeing.len() as f64
    }

    /// A state of all units in which some are as in `part`, the others 0.
    fn whole(&self, units: &[usize], part: &[usize]) -> State {
        let mut state = vec![0; self.n()];
        units.iter().zip(part).for_each(|(&unit, &value)| state[unit] = value);
        state
    }

    /// The forward probability of a state of the purview, the mechanism being in the state `m`.
    fn forward(
        &self,
        side: Side,
        (mechanism, m): (&[usize], &State),
        (purview, z): (&[usize], &State),
    ) -> f64 {
        match side {
            Side::Cause => mechanism.iter().map(|&j| self.q(side, j, m[j], purview, z)).product(),
            Side::Effect => purview.iter().map(|&p| self.q(side, p, z[p], mechanism, m)).product(),
        }
    }

    /// Intrinsic information, and by state that attains it its selectivity.
    pub(crate) fn specified(
        &self,
        side: Side,
        mechanism: &[usize],
        purview: &[usize],
    ) -> (f64, Vec<(State, f64)>) {
        let present = self.present();
        let all: Vec<State> = states(&self.sizes(purview));
        let at = |z: &State| {
            self.forward(side, (mechanism, &present), (purview, &self.whole(purview, z)))
        };
        let forward: Vec<f64> = all.iter().map(at).collect();
        let norm = if side == Side::Cause { forward.iter().sum() } else { 1.0 };
        let of_mechanism = states(&self.sizes(mechanism));
        let unconstrained = |z: &State| match side {
            Side::Cause => norm / all.len() as f64,
            Side::Effect => {
                let whole = self.whole(purview, z);
                let of = |m: &State| {
                    let m = self.whole(mechanism, m);
                    self.forward(side, (mechanism, &m), (purview, &whole))
                };
                of_mechanism.iter().map(of).sum::<f64>() / of_mechanism.len() as f64
            }
        };
        let value = |(z, &f): (&State, &f64)| match f > 0.0 {
            true => f / norm * (f / unconstrained(z)).log2(),
            false => 0.0,
        };
        let values: Vec<f64> = all.iter().zip(&forward).map(value).collect();
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let tied = (0..all.len()).filter(|&idx| is_tied(values[idx], most));
        (most, tied.map(|idx| (all[idx].clone(), forward[idx] / norm)).collect())
    }

    /// φ_s and, of all pairs of specified states that have it, which.
    pub(crate) fn phi_s(&self) -> (f64, Vec<(State, State)>) {
        let all = self.all();
        let [causes, effects] =
            [Side::Cause, Side::Effect].map(|side| self.specified(side, &all, &all));
        let pairs: Vec<(State, State)> = (causes.1.iter())
            .flat_map(|(c, _)| effects.1.iter().map(move |(e, _)| (c.clone(), e.clone())))
            .collect();
        if !self.is_strongly_connected() || causes.0 <= ZERO || effects.0 <= ZERO {
            return (0.0, pairs);
        }
        let mut found = Vec::new();
        for (c, c_selectivity) in &causes.1 {
            for (e, e_selectivity) in &effects.1 {
                found.push(self.of_pair((c, *c_selectivity), (e, *e_selectivity)));
            }
        }
        let most = found.iter().copied().fold(0.0, f64::max);
        let tied = (0..pairs.len()).filter(|&idx| is_tied(found[idx], most));
        (most, tied.map(|idx| pairs[idx].clone()).collect())
    }

    fn is_strongly_connected(&self) -> bool {
        let reached = |backward: bool| {
            let mut seen = vec![0];
            let mut next = 0;
            while let Some(&unit) = seen.get(next) {
                next += 1;
                for other in 0..self.n() {
                    let (from, to) = if backward { (other, unit) } else { (unit, other) };
                    if self.connects(from, to) && !seen.contains(&other) {
                        seen.push(other);
                    }
                }
            }
            seen.len() == self.n()
        };
        let has_loop = self.n() > 1 || self.connects(0, 0);
        reached(false) && reached(true) && has_loop
    }

    /// φ at the partition with the smallest normalized φ, for one pair of states.
    fn of_pair(&self, (c, c_selectivity): (&State, f64), (e, e_selectivity): (&State, f64)) -> f64 {
        let (n, present) = (self.n(), self.present());
        // By unit: what it still knows.
        let evaluate = |known: &[Vec<usize>]| {
            let all = self.all();
            let mut phi = [0.0; 2];
            for i in 0..n {
                let ratio = |side, value, state: &State| {
                    let q = |known: &[usize]| self.q(side, i, value, known, state);
                    (q(&all) / q(&known[i])).log2()
                };
                phi[0] += c_selectivity * ratio(Side::Cause, present[i], c);
                phi[1] += e_selectivity * ratio(Side::Effect, e[i], &present);
            }
            phi[0].min(phi[1])
        };
        if n == 1 {
            let phi = evaluate(&[Vec::new()]);
            return if phi <= ZERO { 0.0 } else { phi };
        }
        let mut best = (f64::INFINITY, 0.0);
        for parts in set_partitions(&self.all()).into_iter().filter(|it| it.len() > 1) {
            // Of each part its inputs, its outputs or both are cut.
            for directions in states(&vec![3; parts.len()]) {
                let part =
                    |unit: usize| parts.iter().position(|it| it.contains(&unit)).expect("one");
                let is_cut = |from: usize, to: usize| {
                    let (a, b) = (part(from), part(to));
                    a != b && !(directions[a] == 0 && directions[b] == 1)
                };
                let knows = |i: usize| (0..n).filter(|&u| !is_cut(u, i)).collect::<Vec<usize>>();
                let known: Vec<Vec<usize>> = (0..n).map(knows).collect();
                let n_cut: usize = known.iter().map(|it| n - it.len()).sum();
                let phi = evaluate(&known);
                if phi <= ZERO {
                    return 0.0;
                }
                let normalized = phi / n_cut as f64;
                if best.0.is_finite() && is_tied(normalized, best.0) {
                    best.1 = f64::max(best.1, phi);
                } else if normalized < best.0 {
                    best = (normalized, phi);
                }
            }
        }
        best.1
    }

    /// The purviews and states with the largest φ of a mechanism; `None` if that is 0.
    pub(crate) fn maximal(&self, side: Side, mechanism: &[usize]) -> Option<Maximal> {
        let mut found: Vec<(f64, Vec<usize>, State)> = Vec::new();
        for purview in subsets(&self.all()) {
            if !self.hang_together(side, mechanism, &purview) {
                continue;
            }
            let (_, specified) = self.specified(side, mechanism, &purview);
            for (z, selectivity) in specified {
                let phi = self.phi(side, mechanism, (&purview, &z), selectivity);
                found.push((phi, purview.clone(), z));
            }
        }
        let phi = found.iter().map(|it| it.0).fold(0.0, f64::max);
        found.retain(|it| is_tied(it.0, phi));
        let tied = found.into_iter().map(|(_, purview, z)| (purview, z)).collect();
        (phi > ZERO).then_some(Maximal { phi, tied })
    }

    /// Returns `true` if mechanism and purview are connected and no unit is left out.
    fn hang_together(&self, side: Side, mechanism: &[usize], purview: &[usize]) -> bool {
        let is_edge = |m: usize, p: usize| match side {
            Side::Cause => self.connects(p, m),
            Side::Effect => self.connects(m, p),
        };
        let (mut of_mechanism, mut of_purview) = (vec![mechanism[0]], Vec::new());
        loop {
            let before = of_mechanism.len() + of_purview.len();
            let reached = |&&p: &&usize| of_mechanism.iter().any(|&m| is_edge(m, p));
            of_purview = purview.iter().filter(reached).copied().collect();
            let known = of_mechanism.clone();
            let reached = |&&m: &&usize| {
                known.contains(&m) || of_purview.iter().any(|&p: &usize| is_edge(m, p))
            };
            of_mechanism = mechanism.iter().filter(reached).copied().collect();
            if of_mechanism.len() + of_purview.len() == before {
                return of_mechanism.len() == mechanism.len() && of_purview.len() == purview.len();
            }
        }
    }

    /// φ over one purview in one state.
    fn phi(
        &self,
        side: Side,
        mechanism: &[usize],
        (purview, z): (&[usize], &State),
        selectivity: f64,
    ) -> f64 {
        let (present, whole) = (self.present(), self.whole(purview, z));
        let forward = |m: &[usize], p: &[usize]| self.forward(side, (m, &present), (p, &whole));
        let intact = forward(mechanism, purview);
        if intact <= 0.0 {
            return 0.0;
        }
        let mut best = (f64::INFINITY, 0.0);
        let mut offer = |blocks: &[(Vec<usize>, Vec<usize>)]| {
            let partitioned: f64 = blocks.iter().map(|(m, p)| forward(m, p)).product();
            let phi = selectivity * (intact / partitioned).log2();
            let kept: usize = blocks.iter().map(|(m, p)| m.len() * p.len()).sum();
            let normalized = phi / (mechanism.len() * purview.len() - kept) as f64;
            if best.0.is_finite() && is_tied(normalized, best.0) {
                best.1 = f64::max(best.1, phi);
            } else if normalized < best.0 {
                best = (normalized, phi);
            }
            phi <= ZERO
        };
        let complete = [(mechanism.to_vec(), Vec::new()), (Vec::new(), purview.to_vec())];
        if offer(&complete) {
            return 0.0;
        }
        for parts in set_partitions(mechanism).into_iter().filter(|it| it.len() > 1) {
            for assignment in states(&vec![parts.len() + 1; purview.len()]) {
                let block = |idx: usize| -> Vec<usize> {
                    (0..purview.len())
                        .filter(|&it| assignment[it] == idx)
                        .map(|it| purview[it])
                        .collect()
                };
                let mut blocks: Vec<_> =
                    parts.iter().enumerate().map(|(idx, m)| (m.clone(), block(idx))).collect();
                blocks.push((Vec::new(), block(parts.len())));
                if offer(&blocks) {
                    return 0.0;
                }
            }
        }
        best.1
    }

    /// Φ, and the mechanisms of congruent distinctions, given the specified states of the system,
    /// under the principled policy.
    pub(crate) fn structure(&self, cause: &State, effect: &State) -> (f64, Vec<Vec<usize>>) {
        let mut distinctions: Vec<Distinction> = Vec::new();
        for mechanism in subsets(&self.all()) {
            let sides = [(Side::Cause, cause), (Side::Effect, effect)].map(|(side, specified)| {
                let found = self.maximal(side, &mechanism)?;
                let agrees = |(purview, z): &&(Vec<usize>, State)| {
                    purview.iter().zip(z).all(|(&unit, &value)| specified[unit] == value)
                };
                let mut congruent: Vec<_> = found.tied.iter().filter(agrees).collect();
                congruent.sort_by_key(|(purview, _)| std::cmp::Reverse(purview.len()));
                let (purview, z) = congruent.first()?;
                let elements: Vec<(usize, usize)> =
                    purview.iter().copied().zip(z.iter().copied()).collect();
                Some((found.phi, elements))
            });
            let [Some(cause), Some(effect)] = sides else { continue };
            distinctions.push((mechanism, cause.0.min(effect.0), cause.1, effect.1));
        }
        let sum: f64 = distinctions.iter().map(|it| it.1).sum();
        // Relations, one by one.
        let union = |it: &Distinction| {
            let mut all = [&it.2[..], &it.3[..]].concat();
            all.sort_unstable();
            all.dedup();
            all
        };
        let mut sum_of_relations = 0.0;
        for set in 1u32..1 << distinctions.len() {
            let members: Vec<usize> =
                (0..distinctions.len()).filter(|&i| set >> i & 1 == 1).collect();
            let per_element = |&i: &usize| distinctions[i].1 / union(&distinctions[i]).len() as f64;
            let least = members.iter().map(per_element).fold(f64::INFINITY, f64::min);
            let shared = match members.as_slice() {
                [only] => {
                    let it = &distinctions[*only];
                    it.2.iter().filter(|element| it.3.contains(element)).count()
                }
                _ => union(&distinctions[members[0]])
                    .iter()
                    .filter(|element| {
                        members.iter().all(|&i| union(&distinctions[i]).contains(element))
                    })
                    .count(),
            };
            sum_of_relations += shared as f64 * least;
        }
        (sum + sum_of_relations, distinctions.into_iter().map(|it| it.0).collect())
    }
}
