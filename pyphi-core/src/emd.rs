//! Exact optimal transport between two distributions over the states of `k` units, with the Hamming metric.
//!
//! The Hamming metric is the shortest-path metric of the hypercube, so the transport problem is a
//! minimum-cost flow along the k·2^(k-1) edges of the cube, each of cost 1 and without capacity. Its dual:
//!
//! > EMD(p, q) = max over f: states → ℤ with |f(x) - f(y)| <= 1 on every edge, of Σ f(x)·(p(x) - q(x))
//!
//! (integers suffice, because the costs are integers). The solver is primal-dual: it holds such an `f` and
//! a flow that only uses edges on which `f` falls by 1 (complementary slackness), routes as much as fits,
//! and raises `f` where excess is stuck. It starts from the best `f` that is a sum over units, whose value
//! is the sum of the differences of the marginals, and usually ends there.
//!
//! All amounts are integers (see `fixed`), so "optimal" is exact, and the value does not depend on which of
//! several optimal flows is found.

use crate::fixed::Fixed;

/// What a solve ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Emd {
    /// The exact distance.
    Exact(Fixed),
    /// The distance is at least this, which is at least the bound at which the solve was to stop.
    AtLeast(Fixed),
}

/// A solver with its scratch space; one per thread.
#[derive(Debug, Default)]
pub(crate) struct EmdSolver {
    /// What is still to be moved away (positive) or to arrive (negative), by state.
    excess: Vec<Fixed>,
    /// `f` of the dual.
    potential: Vec<i32>,
    /// Flow from `x` to `x ^ 1 << d`, at `x * k + d`. At most one direction of an edge is positive.
    flow: Vec<Fixed>,
    level: Vec<u32>,
    next_dim: Vec<u8>,
    queue: Vec<u32>,
    path: Vec<(u32, u8)>,
    /// Solves that needed more than the closed form or the first potential.
    pub(crate) n_solved: u64,
}

const UNSEEN: u32 = u32::MAX;

impl EmdSolver {
    /// Distance between two distributions on the grid, `2^k` entries each, both with the same sum.
    /// May stop as soon as the distance is known to be at least `stop_at`.
    pub(crate) fn distance(&mut self, p: &[Fixed], q: &[Fixed], stop_at: Fixed) -> Emd {
        debug_assert_eq!(p.len(), q.len());
        debug_assert_eq!(p.iter().sum::<Fixed>(), q.iter().sum::<Fixed>());
        self.excess.clear();
        self.excess.extend(p.iter().zip(q).map(|(a, b)| a - b));
        let k = p.len().trailing_zeros() as usize;
        match k {
            0 => Emd::Exact(0),
            1 => Emd::Exact(self.excess[0].abs()),
            2 => Emd::Exact(self.square()),
            _ => self.solve(k, stop_at),
        }
    }

    /// k = 2: a cycle of four states. The flow around the cycle is fixed up to a constant; the best
    /// constant is a median.
    fn square(&self) -> Fixed {
        let e = &self.excess;
        // Around the cycle 00, 01, 11, 10: flow along each edge if nothing goes from 10 to 00.
        let mut along = [0, e[0], e[0] + e[1], e[0] + e[1] + e[3]];
        along.sort_unstable();
        // With two medians, any point between them is optimal.
        (along[3] - along[0]) + (along[2] - along[1])
    }

    fn solve(&mut self, k: usize, stop_at: Fixed) -> Emd {
        let n_states = 1usize << k;
        // The marginal potential: f(x) = Σ over units of the sign of the unit's difference.
        let mut dual = 0;
        let mut signs = [0i32; 32];
        for (d, sign) in signs.iter_mut().enumerate().take(k) {
            let difference: Fixed = self
                .excess
                .iter()
                .enumerate()
                .filter(|(x, _)| x >> d & 1 == 1)
                .map(|(_, e)| e)
                .sum();
            dual += difference.abs();
            *sign = difference.signum() as i32;
        }
        if dual >= stop_at {
            return Emd::AtLeast(dual);
        }
        self.potential.clear();
        self.potential.resize(n_states, 0);
        for x in 1..n_states {
            let d = x.trailing_zeros() as usize;
            self.potential[x] = self.potential[x & (x - 1)] + signs[d];
        }
        self.flow.clear();
        self.flow.resize(n_states * k, 0);
        // Neighbours first: cheap, and most of the mass.
        for (d, sign) in signs.iter().enumerate().take(k) {
            let bit = 1usize << d;
            for x in (0..n_states).filter(|x| x & bit == 0) {
                let (from, to) = match sign {
                    1 => (x | bit, x),
                    -1 => (x, x | bit),
                    _ => continue,
                };
                let amount = self.excess[from].min(-self.excess[to]);
                if amount > 0 {
                    self.excess[from] -= amount;
                    self.excess[to] += amount;
                    self.flow[from * k + d] += amount;
                }
            }
        }
        self.n_solved += 1;
        loop {
            self.route(k);
            // `level` now marks what excess can still reach; nothing there can absorb any.
            let stuck: Fixed = self.excess.iter().filter(|e| **e > 0).sum();
            if stuck == 0 {
                #[cfg(debug_assertions)]
                self.check(k, dual);
                return Emd::Exact(dual);
            }
            // Raising f by 1 on the reachable states keeps it 1-Lipschitz: an edge on which f falls by 1
            // out of that set would have been followed. It keeps slackness: flow never enters or leaves the
            // set, since along flow one can go both ways. It gains 1 for each unit of stuck excess.
            for (potential, &level) in self.potential.iter_mut().zip(&self.level) {
                if level != UNSEEN {
                    *potential += 1;
                }
            }
            dual += stuck;
            if dual >= stop_at {
                return Emd::AtLeast(dual);
            }
        }
    }

    /// Routes a maximum of excess along admissible edges: down edges on which `f` falls by 1, and back along
    /// existing flow (Dinic: shortest paths first, until none is left).
    fn route(&mut self, k: usize) {
        loop {
            if !self.label(k) {
                return;
            }
            self.next_dim.clear();
            self.next_dim.resize(self.excess.len(), 0);
            for start in 0..self.excess.len() {
                while self.excess[start] > 0 && self.augment(start, k) {}
            }
        }
    }

    /// Breadth-first levels from all states with excess. True if a state with a deficit was reached.
    fn label(&mut self, k: usize) -> bool {
        self.level.clear();
        self.level.resize(self.excess.len(), UNSEEN);
        self.queue.clear();
        for (x, &excess) in self.excess.iter().enumerate() {
            if excess > 0 {
                self.level[x] = 0;
                self.queue.push(x as u32);
            }
        }
        let mut found = false;
        let mut head = 0;
        while head < self.queue.len() {
            let x = self.queue[head] as usize;
            head += 1;
            for d in 0..k {
                let y = x ^ 1 << d;
                if self.level[y] == UNSEEN && self.capacity(x, y, d, k) > 0 {
                    self.level[y] = self.level[x] + 1;
                    found |= self.excess[y] < 0;
                    self.queue.push(y as u32);
                }
            }
        }
        found
    }

    #[inline]
    fn capacity(&self, x: usize, y: usize, d: usize, k: usize) -> Fixed {
        match self.potential[x] - self.potential[y] {
            1 => Fixed::MAX,
            -1 => self.flow[y * k + d],
            _ => 0,
        }
    }

    /// Moves excess of `start` along one path of increasing levels. False if there is none left.
    fn augment(&mut self, start: usize, k: usize) -> bool {
        self.path.clear();
        let mut x = start;
        loop {
            if self.excess[x] < 0 {
                break;
            }
            let mut advanced = false;
            while (self.next_dim[x] as usize) < k {
                let d = self.next_dim[x] as usize;
                let y = x ^ 1 << d;
                if self.level[y] == self.level[x] + 1
                    && self.level[x] != UNSEEN
                    && self.capacity(x, y, d, k) > 0
                {
                    self.path.push((x as u32, d as u8));
                    x = y;
                    advanced = true;
                    break;
                }
                self.next_dim[x] += 1;
            }
            if !advanced {
                // A dead end: never enter it again in this phase.
                let Some((previous, _)) = self.path.pop() else { return false };
                x = previous as usize;
                self.next_dim[x] += 1;
            }
        }
        let mut amount = self.excess[start].min(-self.excess[x]);
        for &(from, d) in &self.path {
            let from = from as usize;
            amount = amount.min(self.capacity(from, from ^ 1 << d, d as usize, k));
        }
        for &(from, d) in &self.path {
            let (from, d) = (from as usize, d as usize);
            let to = from ^ 1 << d;
            let back = self.flow[to * k + d].min(amount);
            self.flow[to * k + d] -= back;
            self.flow[from * k + d] += amount - back;
        }
        self.excess[start] -= amount;
        self.excess[x] += amount;
        true
    }

    /// Checks the result by its dual: `f` is 1-Lipschitz, and the flow costs exactly what `f` proves.
    #[cfg(debug_assertions)]
    fn check(&self, k: usize, dual: Fixed) {
        let mut cost = 0;
        for x in 0..self.potential.len() {
            for d in 0..k {
                let fall = self.potential[x] - self.potential[x ^ 1 << d];
                assert!(fall.abs() <= 1, "the dual of an EMD is not 1-Lipschitz");
                cost += self.flow[x * k + d];
            }
        }
        assert_eq!(cost, dual, "flow and dual of an EMD disagree");
    }
}
