//! Exact optimal transport between two distributions over the states of `k` units, with the Hamming
//! metric.
//!
//! The Hamming metric is the shortest-path metric of the hypercube, so the transport problem is a
//! minimum-cost flow along the k·2^(k-1) edges of the cube, each of cost 1 and without capacity.
//! Its dual:
//!
//! > EMD(p, q) = max over f: states → ℤ with |f(x) - f(y)| <= 1 on every edge, of
//! > Σ f(x)·(p(x) - q(x))
//!
//! (integers suffice, because the costs are integers). The solver is primal-dual: it holds such an
//! `f` and a flow that only uses edges on which `f` falls by 1 (complementary slackness), routes as
//! much as fits, and raises `f` where excess is stuck. It starts from the best `f` that is a sum
//! over units, whose value is the sum of the differences of the marginals, and usually ends there
//! or one step further.
//!
//! Of `f` only the edges on which it falls matter, so it is held as one set of states per unit, and
//! the searches run on sets of states, 64 at a time. All amounts are integers (see `fixed`), so
//! "optimal" is exact, and the value does not depend on which of several optimal flows is found.

use crate::fixed::Fixed;
use crate::limits::steps;
use crate::vectors::widest;

/// The result of a solve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Emd {
    /// The exact distance.
    Exact(Fixed),
    /// The distance is at least this, which is at least the bound at which the solve was to stop.
    AtLeast(Fixed),
    /// The distance is at most this, which is less than what was enough to know.
    AtMost(Fixed),
}

/// A solver with its scratch space; one per thread.
#[derive(Debug, Default)]
pub(crate) struct EmdSolver {
    /// The number of problems that took more than a bound.
    pub(crate) n_solved: u64,
    k: usize,
    /// Words of 64 states in a set of states.
    n_words: usize,
    /// The mass that is still to be moved away (positive) or to arrive (negative), by state.
    excess: Vec<Fixed>,
    fold: Vec<Fixed>,
    /// Flow out of `x` along unit `d`, to `x ^ 1 << d`, at `d << k | x`. At most one direction of
    /// an edge is positive.
    flow: Vec<Fixed>,
    /// Sets by unit d: the states x from which f falls by 1 to `x ^ 1 << d`.
    falls: Vec<u64>,
    /// Sets by unit d: the states x to which flow comes from `x ^ 1 << d`, so that it could be sent
    /// back.
    back: Vec<u64>,
    /// Cost of the flow, and excess that it leaves.
    cost: Fixed,
    stuck: Fixed,
    sources: Vec<u64>,
    sinks: Vec<u64>,
    seen: Vec<u64>,
    /// Sets by breadth-first level.
    levels: Vec<u64>,
    /// By state: see [`EmdSolver::entries`].
    entries: Vec<u16>,
    path: Vec<(u32, u8)>,
    /// `f` itself, kept only to check it.
    #[cfg(debug_assertions)]
    potential: Vec<i32>,
}

/// No state can be entered along this many units.
const NOT_LOOKED: u16 = u16::MAX;

/// For units below 6: the states of a word in which the unit is ON.
const ON: [u64; 6] = [
    0xAAAA_AAAA_AAAA_AAAA,
    0xCCCC_CCCC_CCCC_CCCC,
    0xF0F0_F0F0_F0F0_F0F0,
    0xFF00_FF00_FF00_FF00,
    0xFFFF_0000_FFFF_0000,
    0xFFFF_FFFF_0000_0000,
];

impl EmdSolver {
    /// Distance between two distributions on the grid, `2^k` entries each, both with the same sum.
    pub(crate) fn distance(&mut self, p: &[Fixed], q: &[Fixed]) -> Fixed {
        match self.compare(p, q, Fixed::MIN, Fixed::MAX) {
            Emd::Exact(distance) => distance,
            other => unreachable!("nothing was asked for at which {other:?} could end it"),
        }
    }

    /// As [`EmdSolver::distance`], but may stop as soon as the distance is known to be at least
    /// `stop_at`, or to be less than `enough`.
    ///
    /// A flow that leaves some of the excess where it is costs, with that taken to go all the way,
    /// at least the distance: between any two states there are at most k steps, and edges have no
    /// capacity.
    pub(crate) fn compare(
        &mut self,
        p: &[Fixed],
        q: &[Fixed],
        enough: Fixed,
        stop_at: Fixed,
    ) -> Emd {
        if let Some(found) = small(p, q, stop_at) {
            self.n_solved += u64::from(matches!(found, Emd::Exact(_)));
            return found;
        }
        self.compare_by_flow(p, q, enough, stop_at)
    }

    /// As [`EmdSolver::compare`], for a number of states that is known to be small.
    #[inline(always)]
    pub(crate) fn compare_small<const N: usize>(
        &mut self,
        p: &[Fixed],
        q: &[Fixed; N],
        stop_at: Fixed,
    ) -> Emd {
        let found = small(&p[..N], q, stop_at).expect("at most 16 states");
        self.n_solved += u64::from(matches!(found, Emd::Exact(_)));
        found
    }

    /// As [`EmdSolver::compare`], for any number of states.
    fn compare_by_flow(&mut self, p: &[Fixed], q: &[Fixed], enough: Fixed, stop_at: Fixed) -> Emd {
        self.load(p, q);
        let signs = self.marginal_signs();
        if signs.distance >= stop_at {
            return Emd::AtLeast(signs.distance);
        }
        if signs.distance < enough {
            // Often what goes to a neighbour is all it takes, and then it is all the same which
            // way it went.
            self.send_to_neighbours::<false>(&signs);
            let upper = self.upper();
            if upper < enough {
                return Emd::AtMost(upper);
            }
            self.load(p, q);
        }
        self.n_solved += 1;
        self.flow.resize(self.k << self.k, 0);
        self.send_to_neighbours::<true>(&signs);
        if self.stuck == 0 {
            Emd::Exact(signs.distance)
        } else {
            self.solve(&signs, enough, stop_at)
        }
    }

    /// Returns the cost of the flow, if the mass that it leaves goes all the way: an upper bound on
    /// the distance.
    fn upper(&self) -> Fixed {
        self.cost + self.stuck * self.k as Fixed
    }

    fn load(&mut self, p: &[Fixed], q: &[Fixed]) {
        debug_assert_eq!(p.len(), q.len());
        debug_assert_eq!(p.iter().sum::<Fixed>(), q.iter().sum::<Fixed>());
        self.k = p.len().trailing_zeros() as usize;
        steps((self.k + 2) << self.k);
        self.excess.clear();
        self.excess.extend(p.iter().zip(q).map(|(a, b)| a - b));
    }

    /// The best f that is a sum over units: f(x) = Σ over ON units of the sign of the unit's
    /// difference.
    fn marginal_signs(&mut self) -> Signs {
        let mut signs = Signs { distance: 0, of_unit: [0; 32] };
        self.fold.clear();
        self.fold.extend_from_slice(&self.excess);
        for d in (0..self.k).rev() {
            let (off, on) = self.fold.split_at_mut(1 << d);
            let mut difference = 0;
            for (a, b) in off.iter_mut().zip(on.iter()) {
                difference += b;
                *a += b;
            }
            self.fold.truncate(1 << d);
            signs.distance += difference.abs();
            signs.of_unit[d] = difference.signum() as i32;
        }
        signs
    }

    /// Sends excess to neighbouring deficits along edges on which the marginal potential falls.
    fn send_to_neighbours<const RECORD: bool>(&mut self, signs: &Signs) {
        let k = self.k;
        let total: Fixed = self.excess.iter().map(|it| it.max(&0)).sum();
        for d in 0..k {
            let half = 1usize << d;
            let sign = signs.of_unit[d];
            if RECORD {
                self.flow[d << k..][..1 << k].fill(0);
            }
            if sign == 0 {
                continue;
            }
            for (block, states) in self.excess.chunks_exact_mut(2 * half).enumerate() {
                let (off, on) = states.split_at_mut(half);
                let (from, to) = if sign > 0 { (on, off) } else { (off, on) };
                let amounts = from.iter_mut().zip(to).map(|(from, to)| {
                    let amount = (*from).min(-*to).max(0);
                    *from -= amount;
                    *to += amount;
                    amount
                });
                if RECORD {
                    let first = (d << k) + 2 * half * block + if sign > 0 { half } else { 0 };
                    self.flow[first..][..half]
                        .iter_mut()
                        .zip(amounts)
                        .for_each(|(flow, amount)| *flow = amount);
                } else {
                    amounts.for_each(drop);
                }
            }
        }
        self.stuck = self.excess.iter().map(|it| it.max(&0)).sum();
        self.cost = total - self.stuck;
    }

    fn solve(&mut self, signs: &Signs, enough: Fixed, stop_at: Fixed) -> Emd {
        let mut dual = signs.distance;
        self.make_sets(signs);
        loop {
            self.route(enough);
            if self.stuck == 0 {
                debug_assert_eq!(self.cost, dual, "what flow costs was added up wrongly");
                #[cfg(debug_assertions)]
                self.check(dual);
                return Emd::Exact(dual);
            }
            let upper = self.upper();
            if upper < enough {
                debug_assert!(dual <= upper);
                return Emd::AtMost(upper);
            }
            // Raising f on the states that excess can reach keeps it 1-Lipschitz, as long as no
            // edge out of the set comes to fall by more than 1 (one that falls by 1 already would
            // have been followed). It keeps slackness: flow neither enters nor leaves the set,
            // since it can be followed both ways. It gains 1 for each unit of stuck excess, as no
            // deficit is in the set.
            dual += self.stuck * Fixed::from(self.raise());
            if dual >= stop_at {
                return Emd::AtLeast(dual);
            }
        }
    }

    fn make_sets(&mut self, signs: &Signs) {
        let (k, n_words) = (self.k, (1usize << self.k).div_ceil(64));
        self.n_words = n_words;
        let valid = if k < 6 { (1u64 << (1 << k)) - 1 } else { u64::MAX };
        for set in [&mut self.sources, &mut self.sinks, &mut self.seen] {
            set.clear();
            set.resize(n_words, 0);
        }
        for (word, states) in self.excess.chunks(64).enumerate() {
            for (bit, &excess) in states.iter().enumerate() {
                self.sources[word] |= u64::from(excess > 0) << bit;
                self.sinks[word] |= u64::from(excess < 0) << bit;
            }
        }
        self.falls.clear();
        self.back.clear();
        for d in 0..k {
            for word in 0..n_words {
                let on = match ON.get(d) {
                    Some(on) => *on,
                    None => 0u64.wrapping_sub((word >> (d - 6) & 1) as u64),
                };
                let falls = match signs.of_unit[d] {
                    1 => on,
                    -1 => !on,
                    _ => 0,
                };
                self.falls.push(falls & valid);
                let flow = &self.flow[(d << k) + word * 64..][..64.min(1 << k)];
                let out = flow
                    .iter()
                    .enumerate()
                    .fold(0, |set, (bit, &flow)| set | u64::from(flow > 0) << bit);
                self.back.push(out);
            }
            across(&mut self.back[d * n_words..], d);
        }
        #[cfg(debug_assertions)]
        {
            self.potential = (0..1usize << k)
                .map(|x| (0..k).map(|d| if x >> d & 1 == 1 { signs.of_unit[d] } else { 0 }).sum())
                .collect();
        }
    }

    /// Routes as much excess as possible along edges on which `f` falls, and back along existing
    /// flow. Ends early if the distance is known to be less than `enough`; if not, `seen` is then
    /// the set of states that what is stuck can reach.
    fn route(&mut self, enough: Fixed) {
        while self.upper() >= enough
            && let Some(n_levels) = self.search()
        {
            self.augment(n_levels);
        }
    }

    /// Breadth-first levels from the states with excess, up to the first level with a deficit.
    /// Returns the number of that level, or `None` if no deficit can be reached.
    fn search(&mut self) -> Option<usize> {
        let (k, n_words) = (self.k, self.n_words);
        self.levels.clear();
        self.levels.extend_from_slice(&self.sources);
        self.seen.copy_from_slice(&self.sources);
        let mut level = 0;
        loop {
            let start = level * n_words;
            steps(k * n_words);
            self.levels.resize(start + 2 * n_words, 0);
            let (now, next) = self.levels[start..].split_at_mut(n_words);
            for d in 0..k {
                let usable = self.falls[d * n_words..].iter().zip(&self.back[d * n_words..]);
                if d < 6 {
                    for ((next, now), (falls, back)) in next.iter_mut().zip(now.iter()).zip(usable)
                    {
                        *next |= swap(now & (falls | back), d);
                    }
                } else {
                    for (word, (falls, back)) in usable.take(n_words).enumerate() {
                        next[word ^ 1 << (d - 6)] |= now[word] & (falls | back);
                    }
                }
            }
            let (mut any, mut found) = (0, 0);
            for ((next, seen), sinks) in next.iter_mut().zip(&mut self.seen).zip(&self.sinks) {
                *next &= !*seen;
                *seen |= *next;
                any |= *next;
                found |= *next & sinks;
            }
            level += 1;
            if found != 0 {
                return Some(level);
            }
            if any == 0 {
                return None;
            }
        }
    }

    /// Moves excess along shortest paths until none is left: from each deficit back to a source.
    fn augment(&mut self, n_levels: usize) {
        let n_words = self.n_words;
        self.entries.clear();
        self.entries.resize(1 << self.k, NOT_LOOKED);
        for word in 0..n_words {
            let mut targets = self.levels[n_levels * n_words + word] & self.sinks[word];
            while targets != 0 {
                let target = word * 64 + targets.trailing_zeros() as usize;
                targets &= targets - 1;
                while self.excess[target] < 0 && self.trace_back(target, n_levels) {}
            }
        }
    }

    /// The units along which a state of a level can be entered from the level before, worked out
    /// when first asked for. What a path finds to lead nowhere is struck out, so no edge is tried
    /// twice in a phase.
    #[inline]
    fn entries(&mut self, y: usize, level: usize) -> u16 {
        if self.entries[y] != NOT_LOOKED {
            return self.entries[y];
        }
        let (k, n_words) = (self.k, self.n_words);
        let previous = &self.levels[(level - 1) * n_words..][..n_words];
        let mut entries = 0;
        for d in 0..k {
            let x = y ^ 1 << d;
            let word = x >> 6;
            let usable = self.falls[d * n_words + word] | self.back[d * n_words + word];
            entries |= ((previous[word] & usable) >> (x & 63) & 1) << d;
        }
        self.entries[y] = entries as u16;
        entries as u16
    }

    /// Finds one path from a source to `target` and moves what it can carry. `false` if there is
    /// none.
    fn trace_back(&mut self, target: usize, n_levels: usize) -> bool {
        let (k, n_words) = (self.k, self.n_words);
        steps(2 * k);
        self.path.clear();
        let mut y = target;
        let mut level = n_levels;
        while level > 0 {
            let entries = self.entries(y, level);
            if entries != 0 {
                let d = entries.trailing_zeros() as usize;
                let x = y ^ 1 << d;
                if level == 1 && self.excess[x] <= 0 {
                    // A source that has nothing left.
                    self.entries[y] &= !(1 << d);
                    continue;
                }
                y = x;
                self.path.push((y as u32, d as u8));
                level -= 1;
            } else {
                let Some((x, d)) = self.path.pop() else { return false };
                y = x as usize ^ 1 << d;
                self.entries[y] &= !(1 << d);
                level += 1;
            }
        }
        let source = y;
        let mut amount = self.excess[source].min(-self.excess[target]);
        for &(x, d) in &self.path {
            let (x, d) = (x as usize, d as usize);
            if self.falls[d * n_words + (x >> 6)] >> (x & 63) & 1 == 0 {
                amount = amount.min(self.flow[d << k | (x ^ 1 << d)]);
            }
        }
        let mut length = 0;
        for &(x, d) in &self.path {
            let (x, d) = (x as usize, d as usize);
            let y = x ^ 1 << d;
            let (x_word, x_bit, y_word, y_bit) =
                (d * n_words + (x >> 6), x & 63, d * n_words + (y >> 6), y & 63);
            if self.falls[x_word] >> x_bit & 1 == 1 {
                length += 1;
                self.flow[d << k | x] += amount;
                self.back[y_word] |= 1 << y_bit;
            } else {
                length -= 1;
                self.flow[d << k | y] -= amount;
                if self.flow[d << k | y] == 0 {
                    self.back[x_word] &= !(1 << x_bit);
                    self.entries[y] &= !(1 << d);
                }
            }
        }
        self.cost += length * amount;
        self.stuck -= amount;
        self.excess[source] -= amount;
        self.excess[target] += amount;
        if self.excess[source] == 0 {
            self.sources[source >> 6] &= !(1 << (source & 63));
        }
        if self.excess[target] == 0 {
            self.sinks[target >> 6] &= !(1 << (target & 63));
        }
        true
    }

    /// Raises `f` on the states seen, by as much as keeps it 1-Lipschitz: by 2 if it rises by 1
    /// along every edge out of the set, else by 1. Returns by how much.
    fn raise(&mut self) -> i32 {
        let (k, n_words) = (self.k, self.n_words);
        let seen = &self.seen;
        // What a set has at the other ends of the edges of unit d.
        let other_end = |set: &[u64], d: usize, word: usize| {
            if d < 6 { swap(set[word], d) } else { set[word ^ 1 << (d - 6)] }
        };
        let mut is_level = false;
        for d in 0..k {
            let falls = &self.falls[d * n_words..][..n_words];
            is_level |= (0..n_words).any(|word| {
                let out = seen[word] & !other_end(seen, d, word);
                out & !other_end(falls, d, word) != 0
            });
        }
        let by = if is_level { 1 } else { 2 };
        for d in 0..k {
            let old: [u64; 64] = {
                let mut old = [0; 64];
                old[..n_words].copy_from_slice(&self.falls[d * n_words..][..n_words]);
                old
            };
            let falls = &mut self.falls[d * n_words..][..n_words];
            for (word, (falls, seen_here)) in falls.iter_mut().zip(seen).enumerate() {
                let across = other_end(seen, d, word);
                // States of the set whose edge leaves it, and those outside at its other end.
                let (out, outside) = (seen_here & !across, !seen_here & across);
                let rises = other_end(&old, d, word);
                // Rising by 1 becomes level, level becomes falling (by 1); or rising becomes
                // falling (by 2).
                let now_falls = if by == 1 { out & !rises } else { out };
                *falls = *falls & !outside | now_falls;
            }
        }
        #[cfg(debug_assertions)]
        for (x, potential) in self.potential.iter_mut().enumerate() {
            if self.seen[x >> 6] >> (x & 63) & 1 == 1 {
                *potential += by;
            }
        }
        by
    }

    /// Checks the result by its dual: `f` is 1-Lipschitz, and the flow costs exactly what `f`
    /// proves.
    #[cfg(debug_assertions)]
    fn check(&self, dual: Fixed) {
        let mut cost = 0;
        for x in 0..1usize << self.k {
            for d in 0..self.k {
                let fall = self.potential[x] - self.potential[x ^ 1 << d];
                assert!(fall.abs() <= 1, "the dual of an EMD is not 1-Lipschitz");
                let falls = self.falls[d * self.n_words + (x >> 6)] >> (x & 63) & 1 == 1;
                assert_eq!(
                    falls,
                    fall == 1,
                    "the edges on which the dual of an EMD falls are not those noted"
                );
                cost += self.flow[d << self.k | x];
            }
        }
        assert_eq!(cost, dual, "flow and dual of an EMD disagree");
    }
}

/// The distance between distributions over at most 16 states, in closed form; `None` of more.
///
/// Of the functions f in the dual those suffice that differ by exactly 1 along every edge: at a
/// corner of the set of all f the edges along which f differs by 1 connect all states, so that f(x)
/// is even where an even number of units is ON and odd elsewhere, or the other way round. Given f
/// on the even states, an odd state has no choice, unless its neighbours all have the same value v:
/// then it takes v + 1 where its excess is positive and v - 1 where it is negative. Two even states
/// that differ in two units differ by at most 2. So the even states have two values, 0 and 2, and f
/// is given by the set that has 2; but for four units, where one state can have 4, the opposite
/// state 0 and all others 2.
#[inline(always)]
fn small(p: &[Fixed], q: &[Fixed], stop_at: Fixed) -> Option<Emd> {
    Some(match p.len() {
        1 => Emd::Exact(0),
        2 => Emd::Exact((p[0] - q[0]).abs()),
        4 => Emd::Exact(square(excess(p, q))),
        8 => Emd::Exact(cube(excess(p, q))),
        16 => tesseract(&excess(p, q), stop_at),
        _ => return None,
    })
}

#[inline(always)]
fn excess<const N: usize>(p: &[Fixed], q: &[Fixed]) -> [Fixed; N] {
    steps(N);
    let (p, q) = (&p[..N], &q[..N]);
    debug_assert_eq!(p.iter().sum::<Fixed>(), q.iter().sum::<Fixed>());
    std::array::from_fn(|state| p[state] - q[state])
}

/// Two units: both even states with the same value, or with two.
#[inline(always)]
fn square(e: [Fixed; 4]) -> Fixed {
    (e[1].abs() + e[2].abs()).max((e[0] - e[3]).abs())
}

/// Three units. Each odd state has all even states but one, the opposite one, as neighbours.
#[inline(always)]
fn cube(e: [Fixed; 8]) -> Fixed {
    let [even, odd] = [[e[0], e[3], e[5], e[6]], [e[7], e[4], e[2], e[1]]];
    let of_odd = odd[0] + odd[1] + odd[2] + odd[3];
    // All even states have the same value; then two and two have.
    let mut best = odd[0].abs() + odd[1].abs() + odd[2].abs() + odd[3].abs();
    for other in 1..4 {
        best = best.max((2 * (even[0] + even[other]) + of_odd).abs());
    }
    // One has another value than three, which the opposite state has as its only neighbours.
    for (one, opposite) in even.into_iter().zip(odd) {
        best = best.max((2 * one + of_odd - opposite).abs() + opposite.abs());
    }
    best
}

/// Four units. The even states are four pairs of opposite ones, and an odd state has one state of
/// each pair as neighbours: those of a pattern of signs with an odd number of minuses.
#[inline(always)]
fn tesseract(e: &[Fixed; 16], stop_at: Fixed) -> Emd {
    // Of each pair the difference and the sum.
    let pairs = [(e[0], e[15]), (e[3], e[12]), (e[5], e[10]), (e[6], e[9])];
    let d = pairs.map(|(plus, minus)| plus - minus);
    let s = pairs.map(|(plus, minus)| plus + minus);
    // Of the states with one unit ON the same, and what an odd state has as neighbours.
    let odd = [(1, 14), (2, 13), (4, 11), (8, 7)];
    let [i, j, k, l] = odd.map(|(x, y)| e[x] - e[y]);
    let of_odd = [
        d[0] + d[1] + d[2] - d[3],
        d[0] + d[1] - d[2] + d[3],
        d[0] - d[1] + d[2] + d[3],
        d[0] - d[1] - d[2] - d[3],
    ];
    // f is the number of steps from a state.
    let steps_from = [
        2 * d[0] + i + j + k + l,
        2 * d[1] + i + j - k - l,
        2 * d[2] + i - j + k - l,
        2 * d[3] - i + j + k - l,
        2 * i + of_odd[0],
        2 * j + of_odd[1],
        2 * k + of_odd[2],
        2 * l + of_odd[3],
    ];
    let mut best = steps_from.into_iter().fold(0, |best, it| best.max(it.abs()));
    if best >= stop_at {
        return Emd::AtLeast(best);
    }
    // The neighbours of no odd state have the same value.
    best = best.max(pairs.into_iter().map(|(plus, minus)| plus.abs() + minus.abs()).sum());
    // One state of each pair is in the set, and these are the neighbours of an odd state.
    for (neighbours, (x, y)) in of_odd.into_iter().zip(odd) {
        best = best.max(neighbours + 2 * (e[x].max(0) - e[y].min(0)));
        best = best.max(2 * (e[y].max(0) - e[x].min(0)) - neighbours);
    }
    Emd::Exact(best.max(one_or_both_of_pairs(e, &d, &s)))
}

widest! {
    /// The best set that has one or both states of each pair, or one or none, which is the same
    /// with the signs turned; given difference and sum of each pair.
    fn one_or_both_of_pairs(e: &[Fixed; 16], d: &[Fixed; 4], s: &[Fixed; 4]) -> Fixed {
        let turned = one_or_both(&e.map(|it| -it), d.map(|it| -it), s.map(|it| -it));
        one_or_both(e, *d, *s).max(turned)
    }
}

/// By the states of two pairs in the set: the first or the second of either, ++, +-, -+, --.
type Lanes = [Fixed; 4];

#[inline(always)]
fn lanes(of: impl Fn(usize) -> Fixed) -> Lanes {
    [of(0), of(1), of(2), of(3)]
}

/// The best set that has one or both states of each pair, given difference and sum of each.
#[inline(always)]
fn one_or_both(e: &[Fixed; 16], d: [Fixed; 4], s: [Fixed; 4]) -> Fixed {
    // What an odd state gains if its neighbours are all in the set, by those in the first two pairs
    // and in the last two.
    let gain = |odd: usize| 2 * e[odd].max(0);
    let [pp, pm, mp, mm] = [
        [0, gain(1), gain(2), 0],
        [gain(4), 0, 0, gain(8)],
        [gain(7), 0, 0, gain(11)],
        [0, gain(13), gain(14), 0],
    ];
    let add = |a: Lanes, b: Lanes| lanes(|lane| a[lane] + b[lane]);
    // Both of the first pair, or of the second, or of both.
    let [bp, bm, pb, mb] = [add(pp, mp), add(pm, mm), add(pp, pm), add(mp, mm)];
    let bb = add(bp, bm);
    // What the pairs themselves are worth: with one state of each, and with both of the first or
    // both of the second.
    let one = |d: [Fixed; 2]| [d[0] + d[1], d[0] - d[1], d[1] - d[0], -d[0] - d[1]];
    let both = |d: [Fixed; 2], s: [Fixed; 2]| [s[0] + d[1], s[0] - d[1], d[0] + s[1], s[1] - d[0]];
    let (d_first, s_first, d_last, s_last) =
        ([d[0], d[1]], [s[0], s[1]], [d[2], d[3]], [s[2], s[3]]);
    let (one_first, both_first) = (one(d_first), both(d_first, s_first));
    let (one_last, both_last) = (one(d_last), both(d_last, s_last));
    let (all_first, all_last) = (s[0] + s[1], s[2] + s[3]);
    let better = |best: Lanes, gains: Lanes, one: Lanes, both: Lanes, others: Fixed| {
        lanes(|lane| {
            let other = gains[[0, 1, 0, 2][lane]] + gains[[2, 3, 1, 3][lane]];
            let here = (gains[lane] + one[lane]).max(other + both[lane]);
            best[lane].max(here + others)
        })
    };
    let mut best = [Fixed::MIN; 4];
    for (gains, others) in [
        (pp, one_first[0]),
        (pm, one_first[1]),
        (mp, one_first[2]),
        (mm, one_first[3]),
        (bp, both_first[0]),
        (bm, both_first[1]),
        (pb, both_first[2]),
        (mb, both_first[3]),
        (bb, all_first),
    ] {
        best = better(best, gains, one_last, both_last, others);
    }
    // Both of both last pairs.
    let sums = [pp, pm, mp, mm].map(|gains| gains.iter().sum());
    best = better(best, sums, one_first, both_first, all_last);
    let all = sums.iter().sum::<Fixed>() + all_first + all_last;
    best.into_iter().fold(all, Fixed::max)
}

/// The marginal potential.
struct Signs {
    /// Its value: the sum of the differences of the marginals.
    distance: Fixed,
    of_unit: [i32; 32],
}

/// Exchanges the states of a word in which unit `d` (below 6) is ON with those in which it is OFF.
#[inline]
fn swap(word: u64, d: usize) -> u64 {
    let shift = 1 << d;
    (word & ON[d]) >> shift | (word & !ON[d]) << shift
}

/// The states that differ from those of `set` in unit `d`.
fn across(set: &mut [u64], d: usize) {
    if d < 6 {
        set.iter_mut().for_each(|word| *word = swap(*word, d));
    } else {
        let half = 1 << (d - 6);
        for block in set.chunks_exact_mut(2 * half) {
            let (off, on) = block.split_at_mut(half);
            off.swap_with_slice(on);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::ONE;

    /// Distributions with entries that are often equal or 0.
    fn distribution(k: u32, seed: &mut u64, coarse: u64) -> Vec<Fixed> {
        let mut cells: Vec<Fixed> = (0..1 << k)
            .map(|_| {
                *seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                ((*seed >> 33) % coarse) as Fixed * (ONE >> 30)
            })
            .collect();
        cells[0] += ONE - cells.iter().sum::<Fixed>();
        cells
    }

    /// The dual, over every 1-Lipschitz f on the 3-cube with f(0) = 0.
    fn brute_force(p: &[Fixed], q: &[Fixed]) -> Fixed {
        let mut best = 0;
        for code in 0..7u32.pow(7) {
            let f: Vec<i32> = std::iter::once(0)
                .chain((0..7).map(|i| (code / 7u32.pow(i) % 7) as i32 - 3))
                .collect();
            if (0..8usize).all(|x| (0..3).all(|d| (f[x] - f[x ^ 1 << d]).abs() <= 1)) {
                best = best.max((0..8).map(|x| Fixed::from(f[x]) * (p[x] - q[x])).sum());
            }
        }
        best
    }

    #[test]
    fn three_units_against_the_dual() {
        let mut seed = 1;
        for coarse in [2, 3, 1000] {
            for _ in 0..4 {
                let (p, q) =
                    (distribution(3, &mut seed, coarse), distribution(3, &mut seed, coarse));
                assert_eq!(EmdSolver::default().distance(&p, &q), brute_force(&p, &q));
            }
        }
    }

    #[test]
    fn closed_forms_are_what_flow_finds() {
        let (mut solver, mut seed, mut n_exact) = (EmdSolver::default(), 3, 0);
        for k in 1..=4 {
            for coarse in [2, 3, 5, 1 << 20] {
                for _ in 0..500 {
                    let [p, q] = std::array::from_fn(|_| distribution(k, &mut seed, coarse));
                    let flow = match solver.compare_by_flow(&p, &q, Fixed::MIN, Fixed::MAX) {
                        Emd::Exact(flow) => flow,
                        other => panic!("nothing was asked for at which {other:?} could end it"),
                    };
                    assert_eq!(solver.distance(&p, &q), flow, "{p:?} {q:?}");
                    match solver.compare(&p, &q, Fixed::MIN, flow) {
                        Emd::Exact(found) => {
                            n_exact += 1;
                            assert_eq!(found, flow);
                        }
                        other => assert_eq!(other, Emd::AtLeast(flow)),
                    }
                }
            }
        }
        assert!(n_exact > 0, "marginals were always enough");
    }

    #[test]
    fn bounds_hold_and_the_metric_laws_too() {
        let mut solver = EmdSolver::default();
        let (mut seed, mut n_enough) = (2, 0);
        for k in 1..=10 {
            for coarse in [2, 5, 1 << 20] {
                let [a, b, c] = std::array::from_fn(|_| distribution(k, &mut seed, coarse));
                let mut distance = |p: &[Fixed], q: &[Fixed]| solver.distance(p, q);
                let (ab, bc, ac) = (distance(&a, &b), distance(&b, &c), distance(&a, &c));
                assert_eq!(distance(&a, &a), 0);
                assert_eq!(distance(&b, &a), ab);
                assert!(ac <= ab + bc);
                let values = [0, 1, ab / 2, ab - 1, ab, ab + 1, ab + ab / 4, 2 * ab, 9 * ab + 1];
                for stop_at in values {
                    for enough in values.into_iter().filter(|it| *it <= stop_at) {
                        match solver.compare(&a, &b, enough, stop_at) {
                            Emd::Exact(value) => assert_eq!(value, ab),
                            Emd::AtLeast(bound) => assert!(stop_at <= bound && bound <= ab),
                            Emd::AtMost(bound) => {
                                n_enough += 1;
                                assert!(ab <= bound && bound < enough);
                            }
                        }
                    }
                }
            }
        }
        assert!(n_enough > 100, "an upper bound was enough {n_enough} times only");
    }
}
