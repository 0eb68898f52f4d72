//! Actual causation straight from its definition (Albantakis et al. 2019): slow, short, and meant
//! to be read. Every partition is listed, and an account under a cut is made from scratch.

use std::collections::BTreeSet;

use crate::values_oracle::states;

/// Values closer than this are tied; those that are no larger are 0.
const TOLERANCE: f64 = 1e-12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Cause,
    Effect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    All,
    Tri,
    Bi,
}

/// A transition of a network, some of whose connections may be severed.
#[derive(Clone, Debug)]
pub(crate) struct Transition {
    /// The number of values of each unit.
    pub(crate) sizes: Vec<usize>,
    /// By state, the first unit fastest, and unit: the distribution over its next value.
    pub(crate) tpm: Vec<Vec<Vec<f64>>>,
    pub(crate) cm: Vec<Vec<u8>>,
    pub(crate) before: Vec<usize>,
    pub(crate) after: Vec<usize>,
    pub(crate) cause: Vec<usize>,
    pub(crate) effect: Vec<usize>,
    pub(crate) is_noise: bool,
    pub(crate) scheme: Scheme,
}

/// Mechanism units and purview units of each block.
type Blocks = Vec<(Vec<usize>, Vec<usize>)>;

#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) direction: Direction,
    pub(crate) mechanism: Vec<usize>,
    pub(crate) alpha: f64,
    /// All tied purviews of which no part is tied, by size and then lexicographically.
    pub(crate) purviews: Vec<Vec<usize>>,
}

/// All subsets but the empty one, by size and then lexicographically.
fn subsets(units: &[usize]) -> Vec<Vec<usize>> {
    let set = |mask: usize| (0..units.len()).filter(move |k| mask >> k & 1 == 1).map(|k| units[k]);
    let mut all: Vec<Vec<usize>> = (1..1 << units.len()).map(|mask| set(mask).collect()).collect();
    all.sort_by_key(|it| (it.len(), it.clone()));
    all
}

/// All ways to put the units into `k` numbered boxes.
fn assignments(units: &[usize], k: usize) -> Vec<Vec<Vec<usize>>> {
    let Some((&unit, rest)) = units.split_first() else { return vec![vec![Vec::new(); k]] };
    let with = |boxes: Vec<Vec<usize>>| {
        (0..k).map(move |idx| {
            let mut boxes = boxes.clone();
            boxes[idx].insert(0, unit);
            boxes
        })
    };
    assignments(rest, k).into_iter().flat_map(with).collect()
}

/// All partitions of a set into parts that are not empty.
fn set_partitions(units: &[usize]) -> Vec<Vec<Vec<usize>>> {
    let Some((&unit, rest)) = units.split_first() else { return vec![Vec::new()] };
    let mut all = Vec::new();
    for parts in set_partitions(rest) {
        for idx in 0..parts.len() {
            let mut joined = parts.clone();
            joined[idx].push(unit);
            all.push(joined);
        }
        all.push([parts, vec![vec![unit]]].concat());
    }
    all
}

/// All partitions of a mechanism and a purview.
pub(crate) fn partitions(scheme: Scheme, mechanism: &[usize], purview: &[usize]) -> Vec<Blocks> {
    let none = Vec::new;
    if scheme == Scheme::Bi {
        let mut all = Vec::new();
        for m in assignments(mechanism, 2) {
            for p in assignments(purview, 2) {
                let is_part = |k: usize| !m[k].is_empty() || !p[k].is_empty();
                if is_part(0) && is_part(1) {
                    all.push((0..2).map(|k| (m[k].clone(), p[k].clone())).collect());
                }
            }
        }
        return all;
    }
    let mut all = vec![vec![(mechanism.to_vec(), none()), (none(), purview.to_vec())]];
    for parts in set_partitions(mechanism) {
        let k = parts.len();
        if k < 2 || scheme == Scheme::Tri && k != 2 {
            continue;
        }
        for p in assignments(purview, k + 1) {
            let parts = parts.iter().cloned().chain([none()]);
            all.push(parts.zip(p).collect());
        }
    }
    all
}

impl Transition {
    /// P(unit j is as it is after | these units have these values before).
    fn unit(&self, j: usize, known: &[(usize, usize)]) -> f64 {
        let is_possible = |state: &[usize]| {
            (0..self.cm.len()).filter(|&i| self.cm[i][j] == 1).all(|i| {
                match known.iter().find(|it| it.0 == i) {
                    Some((_, known)) => state[i] == *known,
                    None if self.is_noise || self.cause.contains(&i) => true,
                    None => state[i] == self.before[i],
                }
            })
        };
        let all = states(&self.sizes);
        let possible: Vec<usize> = (0..all.len()).filter(|&s| is_possible(&all[s])).collect();
        let sum: f64 = possible.iter().map(|&s| self.tpm[s][j][self.after[j]]).sum();
        sum / possible.len() as f64
    }

    /// π: the probability of the state of a purview given that of a mechanism.
    pub(crate) fn probability(&self, direction: Direction, m: &[usize], p: &[usize]) -> f64 {
        let before = |units: &[usize]| -> Vec<(usize, usize)> {
            units.iter().map(|&i| (i, self.before[i])).collect()
        };
        if direction == Direction::Effect {
            return p.iter().map(|&j| self.unit(j, &before(m))).product();
        }
        let forward =
            |z: &[(usize, usize)]| -> f64 { m.iter().map(|&j| self.unit(j, z)).product() };
        let sizes: Vec<usize> = p.iter().map(|&i| self.sizes[i]).collect();
        let of_states = states(&sizes).into_iter().map(|z| {
            let state: Vec<(usize, usize)> = p.iter().copied().zip(z).collect();
            forward(&state)
        });
        forward(&before(p)) / of_states.sum::<f64>()
    }

    /// Returns the α that the partition that takes least takes, in bits.
    pub(crate) fn signed(&self, direction: Direction, m: &[usize], p: &[usize]) -> f64 {
        let whole = self.probability(direction, m, p);
        let under = |blocks: Blocks| -> f64 {
            blocks.iter().map(|(m, p)| self.probability(direction, m, p)).product()
        };
        let lost = |blocks: Blocks| (whole / under(blocks)).log2();
        partitions(self.scheme, m, p).into_iter().map(lost).fold(f64::INFINITY, f64::min)
    }

    /// Returns `true` if mechanism and purview are connected, no unit being left out.
    fn is_candidate(&self, direction: Direction, m: &[usize], p: &[usize]) -> bool {
        let connects = |m: usize, p: usize| match direction {
            Direction::Effect => self.cm[m][p] == 1,
            Direction::Cause => self.cm[p][m] == 1,
        };
        let (mut seen_m, mut seen_p) = (BTreeSet::from([m[0]]), BTreeSet::new());
        for _ in 0..m.len() + p.len() {
            seen_p.extend(p.iter().filter(|&&p| seen_m.iter().any(|&m| connects(m, p))));
            seen_m.extend(m.iter().filter(|&&m| seen_p.iter().any(|&&p| connects(m, p))));
        }
        seen_m.len() == m.len() && seen_p.len() == p.len()
    }

    pub(crate) fn account(&self) -> Vec<Link> {
        let mut links = Vec::new();
        let sides = [
            (Direction::Cause, &self.effect, &self.cause),
            (Direction::Effect, &self.cause, &self.effect),
        ];
        for (direction, mechanisms, purviews) in sides {
            for m in subsets(mechanisms) {
                let candidates = subsets(purviews).into_iter();
                let candidates = candidates.filter(|p| self.is_candidate(direction, &m, p));
                let found: Vec<(Vec<usize>, f64)> =
                    candidates.map(|p| (p.clone(), self.signed(direction, &m, &p))).collect();
                let alpha = found.iter().map(|it| it.1).fold(0.0, f64::max);
                if alpha <= TOLERANCE {
                    continue;
                }
                let tied: Vec<&Vec<usize>> =
                    found.iter().filter(|it| it.1 >= alpha - TOLERANCE).map(|it| &it.0).collect();
                let has_part = |p: &Vec<usize>| {
                    tied.iter().any(|it| *it != p && it.iter().all(|unit| p.contains(unit)))
                };
                let mut purviews: Vec<Vec<usize>> =
                    tied.iter().filter(|p| !has_part(p)).map(|&p| p.clone()).collect();
                purviews.sort_by_key(|it| (it.len(), it.clone()));
                links.push(Link { direction, mechanism: m, alpha, purviews });
            }
        }
        links
    }

    /// The same under a partition of the transition.
    fn cut(&self, direction: Direction, blocks: &Blocks) -> Transition {
        let mut cut = self.clone();
        for (m, p) in blocks {
            let (from, kept) = match direction {
                Direction::Cause => (p, m),
                Direction::Effect => (m, p),
            };
            for &u in from {
                for &v in self.effect.iter().filter(|v| !kept.contains(v)) {
                    cut.cm[u][v] = 0;
                }
            }
        }
        cut
    }

    /// 𝒜 of causes, of effects, or of both.
    pub(crate) fn irreducibility(&self, of: &[Direction]) -> f64 {
        let sum = |links: Vec<Link>| -> f64 {
            links.iter().filter(|it| of.contains(&it.direction)).map(|it| it.alpha).sum()
        };
        let whole = sum(self.account());
        if !self.is_connected() || whole == 0.0 {
            return 0.0;
        }
        let mut least = f64::INFINITY;
        for &direction in of {
            let (m, p) = match direction {
                Direction::Cause => (&self.effect, &self.cause),
                Direction::Effect => (&self.cause, &self.effect),
            };
            let mut seen = BTreeSet::new();
            for blocks in partitions(self.scheme, m, p) {
                let cut = self.cut(direction, &blocks);
                if seen.insert(cut.cm.clone()) {
                    least = least.min(whole - sum(cut.account()));
                }
            }
        }
        // No cut makes an account larger.
        assert!(least > -1e-9, "a cut raises the sum of alpha by {least}");
        least.max(0.0)
    }

    fn is_connected(&self) -> bool {
        let units: BTreeSet<usize> = self.cause.iter().chain(&self.effect).copied().collect();
        let Some(&first) = units.iter().next() else { return false };
        let mut seen = BTreeSet::from([first]);
        for _ in 0..units.len() {
            let next = units
                .iter()
                .filter(|&&i| seen.iter().any(|&j| self.cm[i][j] == 1 || self.cm[j][i] == 1));
            seen.extend(next.copied().collect::<Vec<_>>());
        }
        seen == units
    }
}
