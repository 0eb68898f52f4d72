//! The transportation problem, exactly: integer masses, integer costs, costs found out only when used.
//!
//! Costs start as lower bounds. The problem is solved with them; wherever the solution moves mass at a cost
//! that is only a bound, the exact cost is asked for, and the solution is mended (a raised cost keeps the
//! dual feasible, so only the mass of that route has to move again). When every route in use has its exact
//! cost, the solution is optimal for the exact costs too, because all others are at least their bounds.

/// A balanced transportation problem: rows supply, columns demand.
#[derive(Debug, Default)]
pub(crate) struct Transport {
    supply: Vec<i64>,
    demand: Vec<i64>,
    /// Row-major lower bounds or exact costs.
    cost: Vec<i64>,
    is_exact: Vec<bool>,
    flow: Vec<i64>,
    row_potential: Vec<i64>,
    column_potential: Vec<i64>,
    row_left: Vec<i64>,
    column_left: Vec<i64>,
    row_distance: Vec<i64>,
    column_distance: Vec<i64>,
    row_settled: Vec<bool>,
    column_settled: Vec<bool>,
    row_from: Vec<usize>,
    column_from: Vec<usize>,
}

/// What a solve ended with: total cost, mass × cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Total {
    /// The exact minimum.
    Exact(i128),
    /// The minimum is at least this, which reaches the bound at which the solve was to stop.
    AtLeast(i128),
}

const NONE: usize = usize::MAX;

impl Transport {
    /// Sets the problem: `lower_bound(row, column)` is at most the cost and may be the cost.
    pub(crate) fn set(
        &mut self,
        supply: impl IntoIterator<Item = i64>,
        demand: impl IntoIterator<Item = i64>,
        mut lower_bound: impl FnMut(usize, usize) -> i64,
    ) {
        self.supply.clear();
        self.supply.extend(supply);
        self.demand.clear();
        self.demand.extend(demand);
        let (rows, columns) = (self.supply.len(), self.demand.len());
        self.cost.clear();
        for row in 0..rows {
            self.cost.extend((0..columns).map(|column| lower_bound(row, column)));
        }
        reset(&mut self.is_exact, rows * columns, false);
        reset(&mut self.flow, rows * columns, 0);
        self.row_left.clone_from(&self.supply);
        self.column_left.clone_from(&self.demand);
        // A feasible dual to begin with: the cheapest way out of each row, then into each column.
        self.row_potential.clear();
        self.row_potential.extend(
            self.cost.chunks(columns.max(1)).map(|costs| costs.iter().copied().min().unwrap_or(0)),
        );
        reset(&mut self.column_potential, columns, i64::MAX);
        for row in 0..rows {
            for column in 0..columns {
                let reduced = self.cost[row * columns + column] - self.row_potential[row];
                self.column_potential[column] = self.column_potential[column].min(reduced);
            }
        }
    }

    /// Solves the problem, or stops as soon as its minimum is known to be at least `stop_at`.
    pub(crate) fn solve(
        &mut self,
        stop_at: i128,
        mut exact_cost: impl FnMut(usize, usize) -> i64,
    ) -> Total {
        debug_assert_eq!(
            self.supply.iter().sum::<i64>(),
            self.demand.iter().sum::<i64>(),
            "unbalanced"
        );
        let columns = self.demand.len();
        loop {
            // By weak duality this is at most the minimum at the present costs, which bound the exact ones.
            let dual = self.dual();
            if dual >= stop_at {
                return Total::AtLeast(dual);
            }
            if self.row_left.iter().any(|&left| left > 0) {
                self.augment();
                continue;
            }
            let mut is_settled = true;
            for idx in 0..self.flow.len() {
                if self.flow[idx] > 0 && !self.is_exact[idx] {
                    self.is_exact[idx] = true;
                    let (row, column) = (idx / columns, idx % columns);
                    let cost = exact_cost(row, column);
                    debug_assert!(
                        cost >= self.cost[idx],
                        "a lower bound of a cost was above the cost"
                    );
                    if cost > self.cost[idx] {
                        self.cost[idx] = cost;
                        self.row_left[row] += self.flow[idx];
                        self.column_left[column] += self.flow[idx];
                        self.flow[idx] = 0;
                        is_settled = false;
                    }
                }
            }
            if is_settled {
                let total = self
                    .flow
                    .iter()
                    .zip(&self.cost)
                    .map(|(&f, &c)| i128::from(f) * i128::from(c))
                    .sum();
                debug_assert_eq!(total, self.dual(), "a transport plan and its dual disagree");
                return Total::Exact(total);
            }
        }
    }

    fn dual(&self) -> i128 {
        let side = |masses: &[i64], potentials: &[i64]| -> i128 {
            masses.iter().zip(potentials).map(|(&m, &p)| i128::from(m) * i128::from(p)).sum()
        };
        side(&self.supply, &self.row_potential) + side(&self.demand, &self.column_potential)
    }

    /// Moves mass along one cheapest path from any row with mass left to any column with room left
    /// (Dijkstra on the reduced costs, which are never negative), and updates the dual.
    fn augment(&mut self) {
        let (rows, columns) = (self.supply.len(), self.demand.len());
        reset(&mut self.row_distance, rows, i64::MAX);
        reset(&mut self.column_distance, columns, i64::MAX);
        reset(&mut self.row_settled, rows, false);
        reset(&mut self.column_settled, columns, false);
        reset(&mut self.row_from, rows, NONE);
        reset(&mut self.column_from, columns, NONE);
        // Rows are settled as soon as they are reached: the way back along flow costs nothing.
        let mut pending: Vec<usize> = Vec::new();
        for row in 0..rows {
            if self.row_left[row] > 0 {
                self.row_distance[row] = 0;
                self.row_settled[row] = true;
                pending.push(row);
            }
        }
        let (target, length) = loop {
            while let Some(row) = pending.pop() {
                let base = self.row_distance[row] - self.row_potential[row];
                let costs = &self.cost[row * columns..][..columns];
                for (column, &cost) in costs.iter().enumerate() {
                    let distance = base + cost - self.column_potential[column];
                    if distance < self.column_distance[column] && !self.column_settled[column] {
                        self.column_distance[column] = distance;
                        self.column_from[column] = row;
                    }
                }
            }
            let column = (0..columns)
                .filter(|&column| !self.column_settled[column])
                .min_by_key(|&column| (self.column_distance[column], self.column_left[column] == 0))
                .expect("a balanced problem has room left for mass left");
            self.column_settled[column] = true;
            let distance = self.column_distance[column];
            if self.column_left[column] > 0 {
                break (column, distance);
            }
            for row in 0..rows {
                if !self.row_settled[row] && self.flow[row * columns + column] > 0 {
                    self.row_settled[row] = true;
                    self.row_distance[row] = distance;
                    self.row_from[row] = column;
                    pending.push(row);
                }
            }
        };
        for row in 0..rows {
            if self.row_settled[row] {
                self.row_potential[row] += length - self.row_distance[row];
            }
        }
        for column in 0..columns {
            if self.column_settled[column] {
                self.column_potential[column] -= length - self.column_distance[column];
            }
        }
        // The most that fits along the path, then move it.
        let mut amount = self.column_left[target];
        let mut column = target;
        let source = loop {
            let row = self.column_from[column];
            let previous = self.row_from[row];
            if previous == NONE {
                break row;
            }
            amount = amount.min(self.flow[row * columns + previous]);
            column = previous;
        };
        amount = amount.min(self.row_left[source]);
        let mut column = target;
        loop {
            let row = self.column_from[column];
            self.flow[row * columns + column] += amount;
            let previous = self.row_from[row];
            if previous == NONE {
                break;
            }
            self.flow[row * columns + previous] -= amount;
            column = previous;
        }
        self.row_left[source] -= amount;
        self.column_left[target] -= amount;
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
            // Exact costs from the start, and everything to be found out.
            transport.set(supply.iter().copied(), demand.iter().copied(), |r, c| {
                costs[r * columns + c] * bound
            });
            assert_eq!(
                transport.solve(i128::MAX, |r, c| costs[r * columns + c]),
                Total::Exact(expected)
            );
        }
    }

    #[test]
    fn small_problems() {
        check(&[5], &[5], &[3], 15);
        // Sending each row to its cheaper column would overfill column 0.
        check(&[3, 4], &[4, 3], &[1, 5, 2, 4], 3 + 2 + 12);
        check(&[20, 30, 25], &[10, 28, 37], &[8, 6, 10, 9, 12, 13, 14, 9, 16], 763);
    }

    #[test]
    fn stops_at_a_bound_below_the_minimum() {
        let mut transport = Transport::default();
        transport.set([5], [5], |_, _| 3);
        assert_eq!(transport.solve(10, |_, _| 3), Total::AtLeast(15));
    }
}
