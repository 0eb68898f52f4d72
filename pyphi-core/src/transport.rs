//! The transportation problem, exactly: integer masses, integer costs, costs found out only when
//! used.
//!
//! A primal network simplex: the routes in use form a spanning tree over the rows, the columns and
//! a root; the potentials that make the routes of the tree cost nothing show which other route
//! would pay, and sending mass along the cycle it closes takes one route out of the tree. Trees are
//! kept strongly feasible (every route without flow points to the root; Cunningham 1976), so it
//! cannot cycle.
//!
//! Costs start as lower bounds. The problem is solved with them; wherever the solution moves mass
//! at a cost that is only a bound, the exact cost is asked for, and the solving goes on from the
//! same tree. When every route in use has its exact cost, the solution is optimal for the exact
//! costs too, because all others are at least their bounds.

use crate::limits::{Stop, steps};
use crate::vectors::least_difference;

/// The meaning of a column's demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnDemand {
    /// Every column receives exactly its demand.
    Filled,
    /// Every column receives at most its demand.
    Limited,
}

/// The result of a solve: total cost, mass × cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Total {
    /// The exact minimum.
    Exact(i128),
    /// The minimum is at least this, which reaches the bound at which the solve was to stop.
    AtLeast(i128),
}

/// A transportation problem with its scratch space: rows supply, columns demand. Nodes of the tree
/// are numbered rows first, then columns, then the root.
#[derive(Debug, Default)]
pub(crate) struct Transport {
    supply: Vec<i64>,
    demand: Vec<i64>,
    /// Row-major lower bounds or exact costs.
    cost: Vec<i64>,
    is_exact: Vec<bool>,
    /// Of rows (what leaving costs) and of columns (what arriving saves): a route's reduced cost is
    /// its cost less both, 0 for routes of the tree.
    potential: Vec<i64>,
    /// By node, of the route to its parent in the tree.
    parent: Vec<u32>,
    flow: Vec<i64>,
    /// `true` if mass moves from the node to its parent, `false` for the other way.
    is_upward: Vec<bool>,
    depth: Vec<u32>,
    first_child: Vec<u32>,
    next_sibling: Vec<u32>,
    previous_sibling: Vec<u32>,
    stack: Vec<u32>,
    next_row: usize,
    /// The shipments of the first tree, listed by row and by column.
    shipments: Vec<Shipment>,
    first_shipment: Vec<u32>,
    room: Vec<i64>,
    /// Prices of the columns that have room.
    open: Vec<i64>,
}

#[derive(Debug)]
struct Shipment {
    row: u32,
    column: u32,
    flow: i64,
    next_of_row: u32,
    next_of_column: u32,
}

const NONE: u32 = u32::MAX;
/// Cost of a route to or from the root: dearer than any real one, and small enough to be added up.
const DEAR: i64 = 1 << 59;
/// The price of a column without room. Others are at least -DEAR and costs less than DEAR: any
/// column with room is better.
const FULL: i64 = -(1 << 61);

impl Transport {
    /// Sets the problem, which [`Transport::start`] makes ready to be solved: all supply has to go;
    /// `lower_bounds(row, costs)` fills in what is at most the cost of each column and may be the
    /// cost. If the columns are to be filled, both sides must have the same sum.
    pub(crate) fn set(
        &mut self,
        columns_are: ColumnDemand,
        supply: impl IntoIterator<Item = i64>,
        demand: impl IntoIterator<Item = i64>,
        mut lower_bounds: impl FnMut(usize, &mut [i64]),
    ) {
        self.supply.clear();
        self.supply.extend(supply);
        self.demand.clear();
        self.demand.extend(demand);
        let columns = self.demand.len();
        reset(&mut self.cost, self.supply.len() * columns, 0);
        steps(2 * self.cost.len());
        for row in 0..self.supply.len() {
            lower_bounds(row, &mut self.cost[row * columns..][..columns]);
        }
        let unused = self.demand.iter().sum::<i64>() - self.supply.iter().sum::<i64>();
        if columns_are == ColumnDemand::Limited {
            // One more row fills, for nothing, the room that is not used.
            self.supply.push(unused);
            self.cost.resize(self.cost.len() + columns, 0);
        } else {
            debug_assert_eq!(unused, 0, "unbalanced");
        }
        reset(&mut self.is_exact, self.cost.len(), false);
    }

    /// The first tree: every row fills the columns that are cheapest for it among those with room
    /// left, what arriving saves at the prices of the columns taken off, if there are any. Each of
    /// these shipments uses up its row or its column, so they close no cycle. What they do not
    /// connect hangs from the root by routes without flow.
    pub(crate) fn start(&mut self, prices: &[i64]) {
        let (rows, columns) = (self.supply.len(), self.demand.len());
        let root = rows + columns;
        reset(&mut self.parent, root + 1, NONE);
        reset(&mut self.depth, root + 1, 0);
        reset(&mut self.first_child, root + 1, NONE);
        reset(&mut self.next_sibling, root + 1, NONE);
        reset(&mut self.previous_sibling, root + 1, NONE);
        reset(&mut self.is_upward, root + 1, true);
        reset(&mut self.flow, root + 1, 0);
        reset(&mut self.potential, root + 1, 0);
        self.ship(prices);
        for node in 0..root as u32 {
            if self.parent[node as usize] != NONE {
                continue;
            }
            self.potential[node as usize] = self.potential_below_root(node as usize);
            self.depth[node as usize] = 1;
            self.attach(node, root as u32);
            self.stack.clear();
            self.stack.push(node);
            while let Some(node) = self.stack.pop() {
                let mut idx = self.first_shipment[node as usize];
                while idx != NONE {
                    let shipment = &self.shipments[idx as usize];
                    let (row, column, flow) = (shipment.row, shipment.column, shipment.flow);
                    let (is_row, next) = if node == row {
                        (true, shipment.next_of_row)
                    } else {
                        (false, shipment.next_of_column)
                    };
                    idx = next;
                    let other = if is_row { rows as u32 + column } else { row };
                    if self.parent[other as usize] != NONE {
                        continue;
                    }
                    let other_idx = other as usize;
                    self.potential[other_idx] = self.cost[row as usize * columns + column as usize]
                        - self.potential[node as usize];
                    self.depth[other_idx] = self.depth[node as usize] + 1;
                    self.flow[other_idx] = flow;
                    self.is_upward[other_idx] = !is_row;
                    self.attach(other, node);
                    self.stack.push(other);
                }
            }
        }
        self.next_row = 0;
    }

    /// Fills `shipments`.
    fn ship(&mut self, prices: &[i64]) {
        let (rows, columns) = (self.supply.len(), self.demand.len());
        self.shipments.clear();
        reset(&mut self.first_shipment, rows + columns, NONE);
        self.room.clear();
        self.room.extend_from_slice(&self.demand);
        self.open.clear();
        // Prices are only a guess here: whatever they are, a column with room is better than one
        // without.
        let price = |column: usize| prices.get(column).map_or(0, |&it| it.clamp(-DEAR, DEAR));
        let open = self.demand.iter().enumerate();
        self.open.extend(open.map(|(column, &room)| if room > 0 { price(column) } else { FULL }));
        for row in 0..rows {
            let mut left = self.supply[row];
            let costs = &self.cost[row * columns..][..columns];
            while left > 0 {
                steps(2 * columns);
                let least = least_difference(costs, &self.open);
                let mut routes = costs.iter().zip(&self.open);
                let column = routes.position(|(cost, price)| cost - price == least);
                let column = column.expect("the least difference is one of them");
                let flow = left.min(self.room[column]);
                assert!(flow > 0, "supply and demand have the same sum");
                left -= flow;
                self.room[column] -= flow;
                if self.room[column] == 0 {
                    self.open[column] = FULL;
                }
                let idx = self.shipments.len() as u32;
                self.shipments.push(Shipment {
                    row: row as u32,
                    column: column as u32,
                    flow,
                    next_of_row: std::mem::replace(&mut self.first_shipment[row], idx),
                    next_of_column: std::mem::replace(&mut self.first_shipment[rows + column], idx),
                });
            }
        }
    }

    /// The potential of a child of the root.
    fn potential_below_root(&self, node: usize) -> i64 {
        let is_row = node < self.supply.len();
        // A row sends up, a column receives; a column without demand would have to send.
        if is_row || !self.is_upward[node] { DEAR } else { -DEAR }
    }

    /// Solves the problem, or stops as soon as its minimum is known to be at least `stop_at`;
    /// `None` if the analysis is to stop.
    pub(crate) fn solve(
        &mut self,
        stop_at: i128,
        stop: &Stop,
        mut exact_cost: impl FnMut(usize, usize) -> i64,
    ) -> Option<Total> {
        let (rows, columns) = (self.supply.len(), self.demand.len());
        let patience = 2 * (rows + columns);
        let mut until_look = patience;
        loop {
            if stop.is_due() {
                return None;
            }
            if let Some((row, column)) = self.entering() {
                self.pivot(row, column);
                until_look -= 1;
                if until_look == 0 {
                    until_look = patience;
                    let dual = self.dual();
                    if dual >= stop_at {
                        return Some(Total::AtLeast(dual));
                    }
                }
                continue;
            }
            // Optimal at the present costs, which bound the exact ones.
            let total = self.total();
            debug_assert_eq!(total, self.dual(), "a transport plan and its dual disagree");
            if total >= stop_at {
                return Some(Total::AtLeast(total));
            }
            let mut is_settled = true;
            for node in 0..rows + columns {
                if self.flow[node] > 0
                    && let Some((row, column)) = self.route(node)
                {
                    let idx = row * columns + column;
                    if !self.is_exact[idx] {
                        if stop.is_due() {
                            return None;
                        }
                        self.is_exact[idx] = true;
                        let cost = exact_cost(row, column);
                        debug_assert!(
                            cost >= self.cost[idx],
                            "a lower bound of a cost was above the cost"
                        );
                        is_settled &= cost == self.cost[idx];
                        self.cost[idx] = cost;
                    }
                }
            }
            if is_settled {
                return Some(Total::Exact(total));
            }
            self.renew_potentials((rows + columns) as u32);
        }
    }

    /// The minimum, all costs being exact; `None` if the analysis is to stop.
    pub(crate) fn minimum(&mut self, stop: &Stop) -> Option<i128> {
        while let Some((row, column)) = self.entering() {
            if stop.is_due() {
                return None;
            }
            self.pivot(row, column);
        }
        Some(self.total())
    }

    /// Returns `true` if the minimum is at least `stop_at`, all costs being exact. Any plan's cost
    /// is at least the minimum, any dual's value at most: the first of either on its side of
    /// `stop_at` decides. Also returns `false` if the analysis is to stop.
    pub(crate) fn reaches(&mut self, stop_at: i128, stop: &Stop) -> bool {
        let patience = self.supply.len() + self.demand.len();
        let mut until_look = patience;
        let mut total = self.total();
        while total >= stop_at {
            if stop.is_due() {
                return false;
            }
            let Some((row, column)) = self.entering() else {
                debug_assert_eq!(total, self.dual(), "a transport plan and its dual disagree");
                return true;
            };
            total += self.pivot(row, column);
            until_look -= 1;
            if until_look == 0 {
                until_look = patience;
                if self.dual() >= stop_at {
                    return true;
                }
            }
        }
        false
    }

    /// The route between a node and its parent, as row and column; `None` if the parent is the
    /// root.
    fn route(&self, node: usize) -> Option<(usize, usize)> {
        let rows = self.supply.len();
        let parent = self.parent[node] as usize;
        if parent == rows + self.demand.len() {
            None
        } else if node < rows {
            Some((node, parent - rows))
        } else {
            Some((parent, node - rows))
        }
    }

    fn total(&self) -> i128 {
        (0..self.supply.len() + self.demand.len())
            .filter(|&node| self.flow[node] > 0)
            .map(|node| {
                let cost = self
                    .route(node)
                    .map_or(DEAR, |(row, column)| self.cost[row * self.demand.len() + column]);
                i128::from(self.flow[node]) * i128::from(cost)
            })
            .sum()
    }

    /// A lower bound on the minimum: the value of the dual with the present potentials of the
    /// columns.
    fn dual(&self) -> i128 {
        self.dual_at(self.prices())
    }

    /// A lower bound on the minimum: the value of the dual with these prices of the columns, each
    /// row paying its cheapest route (weak duality: any prices give a bound).
    pub(crate) fn dual_at(&self, prices: &[i64]) -> i128 {
        let columns = self.demand.len();
        let value = |mass: i64, potential: i64| i128::from(mass) * i128::from(potential);
        steps(self.cost.len());
        let mut dual: i128 =
            self.demand.iter().zip(prices).map(|(&mass, &it)| value(mass, it)).sum();
        for (row, &mass) in self.supply.iter().enumerate() {
            let costs = &self.cost[row * columns..][..columns];
            dual += value(mass, least_difference(costs, prices));
        }
        dual
    }

    /// A lower bound on the minimum by weak duality, from prices of the columns that were good for
    /// a similar problem: any prices give a bound. Columns without a price get one that fits the
    /// others.
    pub(crate) fn bound_by(&self, price: impl Fn(usize) -> Option<i64>) -> i128 {
        let columns = self.demand.len();
        steps(2 * self.cost.len());
        let known: Vec<Option<i64>> = (0..columns).map(price).collect();
        let costs_of = |row: usize| &self.cost[row * columns..][..columns];
        // What leaving a row may cost at these prices, then what arriving may: the most that leaves
        // no route cheaper than its two ends.
        let of_rows = (0..self.supply.len()).map(|row| {
            let costs = costs_of(row).iter().zip(&known);
            costs.filter_map(|(cost, known)| Some(cost - (*known)?)).min().unwrap_or(0)
        });
        let mut of_columns = vec![i64::MAX; columns];
        let mut bound = 0i128;
        for (row, of_row) in of_rows.enumerate() {
            bound += i128::from(self.supply[row]) * i128::from(of_row);
            for (least, cost) in of_columns.iter_mut().zip(costs_of(row)) {
                *least = (*least).min(cost - of_row);
            }
        }
        for (&demand, of_column) in self.demand.iter().zip(of_columns) {
            bound += i128::from(demand) * i128::from(of_column);
        }
        bound
    }

    /// The cost of a route, or a bound on it.
    pub(crate) fn cost(&self, row: usize, column: usize) -> i64 {
        self.cost[row * self.demand.len() + column]
    }

    /// Sets the demand of a column and what it costs from each row, in a problem whose columns are
    /// limited. [`Transport::start`] makes it ready to be solved again.
    pub(crate) fn set_column(
        &mut self,
        column: usize,
        demand: i64,
        lower_bound: impl Fn(usize) -> i64,
    ) {
        let columns = self.demand.len();
        let unused = self.supply.len() - 1;
        steps(2 * unused);
        self.supply[unused] += demand - self.demand[column];
        self.demand[column] = demand;
        for row in 0..unused {
            self.cost[row * columns + column] = lower_bound(row);
        }
    }

    /// The routes of the present plan that move mass from a row to a column, with how much.
    pub(crate) fn routes(&self) -> impl Iterator<Item = (usize, usize, i64)> {
        let nodes = self.supply.len() + self.demand.len();
        steps(nodes);
        (0..nodes).filter(|&node| self.flow[node] > 0).filter_map(|node| {
            let (row, column) = self.route(node)?;
            Some((row, column, self.flow[node]))
        })
    }

    /// The present prices of the columns.
    pub(crate) fn prices(&self) -> &[i64] {
        &self.potential[self.supply.len()..][..self.demand.len()]
    }

    /// A route that pays: of a few rows, the one with the lowest reduced cost. `None` if there is
    /// none at all.
    fn entering(&mut self) -> Option<(usize, usize)> {
        let (rows, columns) = (self.supply.len(), self.demand.len());
        let block = (256 / columns.max(1)).clamp(1, rows.max(1));
        let (of_rows, of_columns) = self.potential.split_at(rows);
        let mut best: Option<(i64, usize)> = None;
        let mut row = self.next_row;
        for looked in 1..=rows {
            let costs = &self.cost[row * columns..][..columns];
            steps(columns);
            let least = least_difference(costs, of_columns) - of_rows[row];
            if least < best.map_or(0, |(least, _)| least) {
                best = Some((least, row));
            }
            row = if row + 1 == rows { 0 } else { row + 1 };
            if looked % block == 0 && best.is_some() {
                break;
            }
        }
        self.next_row = row;
        let (least, row) = best?;
        let costs = self.cost[row * columns..][..columns].iter().zip(of_columns);
        let column = costs
            .map(|(cost, it)| cost - it - of_rows[row])
            .position(|reduced| reduced == least)?;
        Some((row, column))
    }

    /// Brings the route from `row` to `column` into the tree. Returns by how much that changes the
    /// cost.
    fn pivot(&mut self, row: usize, column: usize) -> i128 {
        let rows = self.supply.len();
        steps(rows + self.demand.len());
        let (tail, head) = (row as u32, (rows + column) as u32);
        let reduced = self.cost[row * self.demand.len() + column]
            - self.potential[row]
            - self.potential[rows + column];
        // The cycle: along the new route, from its head up to the apex, and down again to its tail.
        // Of the routes whose flow it takes away the last one, going round from the apex, leaves
        // the tree; that keeps the tree strongly feasible.
        let (mut a, mut b) = (tail, head);
        let (mut least_a, mut leaving_a) = (i64::MAX, NONE);
        let (mut least_b, mut leaving_b) = (i64::MAX, NONE);
        while a != b {
            if self.depth[a as usize] >= self.depth[b as usize] {
                if self.is_upward[a as usize] && self.flow[a as usize] < least_a {
                    (least_a, leaving_a) = (self.flow[a as usize], a);
                }
                a = self.parent[a as usize];
            } else {
                if !self.is_upward[b as usize] && self.flow[b as usize] <= least_b {
                    (least_b, leaving_b) = (self.flow[b as usize], b);
                }
                b = self.parent[b as usize];
            }
        }
        let apex = a;
        let amount = least_a.min(least_b);
        for (start, is_tail_side) in [(tail, true), (head, false)] {
            let mut node = start;
            while node != apex {
                let idx = node as usize;
                if self.is_upward[idx] == is_tail_side {
                    self.flow[idx] -= amount;
                } else {
                    self.flow[idx] += amount;
                }
                node = self.parent[idx];
            }
        }
        // The part of the tree below the leaving route hangs from the new route instead.
        let (leaving, inner, outer, is_upward) = if least_b <= least_a {
            (leaving_b, head, tail, false)
        } else {
            (leaving_a, tail, head, true)
        };
        let (mut node, mut parent) = (inner, outer);
        let (mut flow, mut upward) = (amount, is_upward);
        loop {
            let idx = node as usize;
            let old_parent = self.parent[idx];
            self.detach(node);
            std::mem::swap(&mut self.flow[idx], &mut flow);
            std::mem::swap(&mut self.is_upward[idx], &mut upward);
            // Seen from the other end.
            upward = !upward;
            self.attach(node, parent);
            if node == leaving {
                break;
            }
            parent = node;
            node = old_parent;
        }
        // Potentials of rows and columns shift in opposite directions.
        let inner_is_row = (inner as usize) < rows;
        let shift = reduced;
        self.stack.clear();
        self.stack.push(inner);
        while let Some(node) = self.stack.pop() {
            let idx = node as usize;
            self.depth[idx] = self.depth[self.parent[idx] as usize] + 1;
            self.potential[idx] += if (idx < rows) == inner_is_row { shift } else { -shift };
            let mut child = self.first_child[idx];
            while child != NONE {
                self.stack.push(child);
                child = self.next_sibling[child as usize];
            }
        }
        i128::from(amount) * i128::from(reduced)
    }

    /// Computes the potentials of everything below `top` anew.
    fn renew_potentials(&mut self, top: u32) {
        let (rows, columns) = (self.supply.len(), self.demand.len());
        self.stack.clear();
        self.stack.push(top);
        while let Some(node) = self.stack.pop() {
            let mut child = self.first_child[node as usize];
            while child != NONE {
                let idx = child as usize;
                self.potential[idx] = match self.route(idx) {
                    None => self.potential_below_root(idx),
                    Some((row, column)) => {
                        self.cost[row * columns + column] - self.potential[node as usize]
                    }
                };
                self.stack.push(child);
                child = self.next_sibling[idx];
            }
        }
        debug_assert_eq!(top as usize, rows + columns);
    }

    fn attach(&mut self, node: u32, parent: u32) {
        let first = self.first_child[parent as usize];
        self.parent[node as usize] = parent;
        self.next_sibling[node as usize] = first;
        self.previous_sibling[node as usize] = NONE;
        if first != NONE {
            self.previous_sibling[first as usize] = node;
        }
        self.first_child[parent as usize] = node;
    }

    fn detach(&mut self, node: u32) {
        let (next, previous) =
            (self.next_sibling[node as usize], self.previous_sibling[node as usize]);
        if next != NONE {
            self.previous_sibling[next as usize] = previous;
        }
        if previous == NONE {
            self.first_child[self.parent[node as usize] as usize] = next;
        } else {
            self.next_sibling[previous as usize] = next;
        }
    }
}

fn reset<T: Clone>(buffer: &mut Vec<T>, len: usize, value: T) {
    buffer.clear();
    buffer.resize(len, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(supply: &[i64], demand: &[i64], costs: &[i64], expected: i128) {
        let columns = demand.len();
        for bound in [0, 1] {
            let mut transport = Transport::default();
            // Everything to be found out, and exact costs from the start.
            let (supply, demand) = (supply.iter().copied(), demand.iter().copied());
            transport.set(ColumnDemand::Filled, supply, demand, |row, bounds| {
                let costs = &costs[row * columns..][..columns];
                bounds.iter_mut().zip(costs).for_each(|(it, cost)| *it = bound * cost);
            });
            transport.start(&[]);
            assert_eq!(
                transport.solve(i128::MAX, &Stop::never(), |r, c| costs[r * columns + c]),
                Some(Total::Exact(expected))
            );
        }
    }

    #[test]
    fn small_problems() {
        check(&[5], &[5], &[3], 15);
        // Sending each row to its cheaper column would overfill column 0.
        check(&[3, 4], &[4, 3], &[1, 5, 2, 4], 3 + 2 + 12);
        check(&[20, 30, 25], &[10, 28, 37], &[8, 6, 10, 9, 12, 13, 14, 9, 16], 763);
        check(&[1, 1, 0], &[0, 2], &[1, 2, 3, 4, 5, 6], 6);
    }

    #[test]
    fn columns_that_need_not_be_filled() {
        let costs = [1, 5, 3, 2, 4, 3];
        let mut transport = Transport::default();
        // Both rows like column 0 best; it has room for one unit.
        transport.set(ColumnDemand::Limited, [2, 2], [1, 9, 2], |row, bounds| {
            bounds.copy_from_slice(&costs[3 * row..][..3]);
        });
        transport.start(&[]);
        assert_eq!(
            transport.solve(i128::MAX, &Stop::never(), |r, c| match r {
                0 | 1 => costs[r * 3 + c],
                _ => 0,
            }),
            Some(Total::Exact(11))
        );
    }

    #[test]
    fn stops_at_a_bound_below_the_minimum() {
        let mut transport = Transport::default();
        transport.set(ColumnDemand::Filled, [5], [5], |_, bounds| bounds.fill(3));
        transport.start(&[]);
        assert_eq!(transport.solve(10, &Stop::never(), |_, _| 3), Some(Total::AtLeast(15)));
    }

    /// The answer whether the minimum reaches a value is that of comparing the two, also next to
    /// the minimum itself.
    #[test]
    fn reaching_is_comparing_with_the_minimum() {
        let mut seed = 3u64;
        let mut random = |range: u64| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((seed >> 33) % range) as i64
        };
        for round in 0..300 {
            let (rows, columns) = (1 + random(9) as usize, 1 + random(9) as usize);
            let range = [3, 10, 1000][round % 3];
            let costs: Vec<i64> = (0..rows * columns).map(|_| random(range)).collect();
            let supply: Vec<i64> = (0..rows).map(|_| random(20)).collect();
            // Room for all, and some more.
            let mut room: Vec<i64> = (0..columns).map(|_| random(20)).collect();
            let missing = supply.iter().sum::<i64>() - room.iter().sum::<i64>();
            room[0] += missing.max(0);
            let prices: Vec<i64> = (0..columns).map(|_| random(range) - random(range)).collect();
            let problem = |prices: &[i64]| {
                let mut transport = Transport::default();
                let (supply, room) = (supply.iter().copied(), room.iter().copied());
                transport.set(ColumnDemand::Limited, supply, room, |row, bounds| {
                    bounds.copy_from_slice(&costs[row * columns..][..columns]);
                });
                transport.start(prices);
                transport
            };
            let cost = |row: usize, column: usize| {
                if row < rows { costs[row * columns + column] } else { 0 }
            };
            let exact = problem(&[]).solve(i128::MAX, &Stop::never(), cost);
            let Some(Total::Exact(minimum)) = exact else { panic!("nothing stops it") };
            // Any prices give a start and a bound.
            assert!(problem(&[]).dual_at(&prices) <= minimum);
            for value in [minimum / 2, minimum - 1, minimum, minimum + 1, 2 * minimum + 1] {
                for prices in [&[], &prices[..]] {
                    let reaches = problem(prices).reaches(value, &Stop::never());
                    assert_eq!(reaches, minimum >= value, "{value} of {minimum}");
                }
            }
        }
    }

    /// Permutation matrices are the extreme points of the assignment problem: try them all.
    #[test]
    fn assignments_against_all_permutations() {
        fn best(costs: &[i64], n: usize, row: usize, used: u32) -> i64 {
            if row == n {
                return 0;
            }
            let free = (0..n).filter(|column| used >> column & 1 == 0);
            free.map(|column| costs[row * n + column] + best(costs, n, row + 1, used | 1 << column))
                .min()
                .unwrap()
        }
        let mut seed = 7u64;
        for n in 1..=7 {
            for range in [2, 5, 1000] {
                let costs: Vec<i64> = (0..n * n)
                    .map(|_| {
                        seed = seed
                            .wrapping_mul(6364136223846793005)
                            .wrapping_add(1442695040888963407);
                        ((seed >> 33) % range) as i64
                    })
                    .collect();
                check(&vec![1; n], &vec![1; n], &costs, i128::from(best(&costs, n, 0, 0)));
            }
        }
    }
}
