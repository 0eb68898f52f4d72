//! Items into tasks, by what they are expected to cost.
//!
//! Expected costs err by a factor of 2, and a slot that is idle while another one works is lost. So
//! the tasks come in batches, as in *factoring* (Hummel, Schonberg and Flynn 1992): every batch has
//! a task for each slot and half of the work that is left, so tasks of a batch are alike and the
//! last ones are short. Within the lengths so chosen, each item, the most expensive first, goes to
//! the task with the most room. All of this is a function of its arguments: the same items are
//! always packed alike.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// The wanted division of the work into tasks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TaskDivision {
    /// The number of tasks that run at the same time.
    pub slots: usize,
    /// The most tasks.
    pub max_tasks: usize,
    /// The expected time of each task, in seconds, instead of what factoring gives.
    pub task_seconds: Option<f64>,
}

/// The longest a task should be expected to take, in seconds, unless one item alone takes longer:
/// what is lost with a node, and what a scheduler can still fit in somewhere.
pub const LONGEST: f64 = 1800.0;

/// The shortest, in seconds: a start costs about a second.
pub const SHORTEST: f64 = 5.0;

/// The time that a task takes besides its items, in seconds: the scheduler's latency and the start
/// of the program.
pub const OVERHEAD: f64 = 1.0;

/// Items in tasks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Packed {
    /// For each task the places of its items, ascending.
    pub tasks: Vec<Vec<usize>>,
    /// For each task what it is expected to cost. Descending.
    pub costs: Vec<f64>,
}

/// Packs items of these costs (in seconds; finite, not negative). Every item is in exactly one
/// task, and no task is empty.
///
/// ```
/// use phi_validation::cluster::packing::{TaskDivision, pack};
///
/// let wish = TaskDivision { slots: 2, max_tasks: 10, task_seconds: Some(6.0) };
/// let packed = pack(&[5.0, 1.0, 3.0, 3.0], &wish);
/// assert_eq!(packed.tasks, [vec![0, 1], vec![2, 3]]);
/// ```
pub fn pack(costs: &[f64], wish: &TaskDivision) -> Packed {
    let rooms = rooms(costs.iter().sum(), costs.len(), wish);
    // The task with the most room left first, then the first.
    let rooms = rooms.into_iter().enumerate();
    let mut heap: BinaryHeap<(Room, Reverse<usize>)> =
        rooms.map(|(task, room)| (Room(room), Reverse(task))).collect();
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by(|&a, &b| costs[b].total_cmp(&costs[a]).then(a.cmp(&b)));
    let mut tasks = vec![Vec::new(); heap.len()];
    for item in order {
        let (Room(room), Reverse(task)) = heap.pop().expect("as many tasks as items, or fewer");
        tasks[task].push(item);
        heap.push((Room(room - costs[item]), Reverse(task)));
    }
    tasks.retain(|it| !it.is_empty());
    tasks.iter_mut().for_each(|it| it.sort_unstable());
    let cost = |task: &Vec<usize>| task.iter().map(|&item| costs[item]).sum::<f64>();
    let mut tasks: Vec<(f64, Vec<usize>)> = tasks.into_iter().map(|it| (cost(&it), it)).collect();
    tasks.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let (costs, tasks) = tasks.into_iter().unzip();
    Packed { tasks, costs }
}

/// Returns the lengths of the tasks that work of `total` seconds should be divided into, longest
/// first. There may be more of them than items, of which there are `n_items`: those are only
/// counted.
fn rooms(total: f64, n_items: usize, wish: &TaskDivision) -> Vec<f64> {
    let slots = wish.slots.max(1);
    let most = wish.max_tasks.max(1);
    let alike = |n: f64| {
        let n = (n.ceil() as usize).clamp(1, most);
        vec![total / n as f64; n.min(n_items)]
    };
    if let Some(seconds) = wish.task_seconds {
        return alike(total / seconds.max(1e-6));
    }
    let (mut rooms, mut n_rooms) = (Vec::new(), 0_usize);
    let mut add = |length: f64, n: usize| {
        n_rooms = n_rooms.saturating_add(n);
        rooms.resize(n_rooms.min(n_items), length);
        n_rooms
    };
    let (mut left, mut n) = (total, 0);
    while left > 0.0 && n <= most {
        let half = left / (2.0 * slots as f64);
        if half <= SHORTEST {
            let n_short = (left / SHORTEST).ceil().max(1.0);
            n = add(left / n_short, n_short as usize);
            break;
        }
        let length = half.min(LONGEST);
        n = add(length, slots);
        left -= length * slots as f64;
    }
    if n > most || n == 0 { alike(most as f64) } else { rooms }
}

/// The room that is left in a task.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Room(f64);

impl Eq for Room {}

impl Ord for Room {
    fn cmp(&self, other: &Room) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Room {
    fn partial_cmp(&self, other: &Room) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Returns the time at which the last of these tasks ends if they are begun in this order, each as
/// soon as one of `slots` is free. The times are in seconds, and each task takes `overhead` more.
pub fn makespan(tasks: &[f64], slots: usize, overhead: f64) -> f64 {
    // More slots than tasks do not help.
    let slots = slots.clamp(1, tasks.len().max(1));
    let mut free: BinaryHeap<Reverse<Room>> = vec![Reverse(Room(0.0)); slots].into();
    let mut end: f64 = 0.0;
    for task in tasks {
        let Reverse(Room(since)) = free.pop().expect("at least one slot");
        let until = since + overhead + task;
        end = end.max(until);
        free.push(Reverse(Room(until)));
    }
    end
}

/// The share of the time of all slots, until the last task ends, that is spent on items; 1 for no
/// tasks.
pub fn efficiency(tasks: &[f64], slots: usize, overhead: f64) -> f64 {
    let busy: f64 = tasks.iter().sum();
    let end = makespan(tasks, slots, overhead);
    if end > 0.0 { busy / (end * slots.max(1) as f64) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::seeded::SeededStream;

    fn wish(slots: usize) -> TaskDivision {
        TaskDivision { slots, max_tasks: 100_000, task_seconds: None }
    }

    /// Costs that differ by a factor of 1000, as those of 5 and 8 units do.
    fn costs(n: usize) -> Vec<f64> {
        let mut stream = SeededStream::new("phi-validation test of packing v1", &[n as u64]);
        (0..n)
            .map(|_| 10_f64.powf((stream.next_u64() >> 40) as f64 / (1 << 24) as f64 * 3.0 - 2.0))
            .collect()
    }

    #[test]
    fn every_item_is_in_exactly_one_task() {
        for n in [0, 1, 2, 47, 1000] {
            let costs = costs(n);
            for slots in [1, 3, 64] {
                for task_seconds in [None, Some(1e-9), Some(3.0), Some(1e9)] {
                    for max_tasks in [1, 7, 1_000_000] {
                        let packed = pack(&costs, &TaskDivision { slots, max_tasks, task_seconds });
                        let mut items: Vec<usize> = packed.tasks.concat();
                        items.sort_unstable();
                        assert_eq!(items, (0..n).collect::<Vec<_>>());
                        assert!(packed.tasks.len() <= max_tasks.min(n));
                        assert!(packed.tasks.iter().all(|it| !it.is_empty()));
                        assert!(packed.costs.is_sorted_by(|a, b| a >= b));
                    }
                }
            }
        }
    }

    #[test]
    fn any_number_of_slots_and_tasks_can_be_asked_for() {
        let costs = costs(47);
        for slots in [1, 1 << 40, usize::MAX] {
            for max_tasks in [1 << 40, usize::MAX] {
                for task_seconds in [None, Some(5e-324), Some(1e308)] {
                    let packed = pack(&costs, &TaskDivision { slots, max_tasks, task_seconds });
                    assert_eq!(packed.tasks.concat().len(), 47);
                    let share = efficiency(&packed.costs, slots, OVERHEAD);
                    assert!((0.0..=1.0).contains(&share), "{share}");
                }
            }
        }
        assert_eq!(makespan(&[3.0, 2.0], usize::MAX, 1.0), 4.0);
    }

    #[test]
    fn tasks_of_a_wished_length_are_alike() {
        let costs = costs(5000);
        let packed = pack(&costs, &TaskDivision { task_seconds: Some(60.0), ..wish(10) });
        let (most, least) = (packed.costs[0], packed.costs.last().unwrap());
        assert!(most / least < 1.01, "{least} to {most}");
        assert!((most - 60.0).abs() < 2.0, "{most}");
    }

    #[test]
    fn tasks_get_shorter_towards_the_end() {
        let costs = costs(20_000);
        let packed = pack(&costs, &wish(100));
        let total: f64 = costs.iter().sum();
        assert!((packed.costs[0] / (total / 200.0) - 1.0).abs() < 0.2, "{}", packed.costs[0]);
        assert!(*packed.costs.last().unwrap() < 2.0 * SHORTEST);
        assert!(efficiency(&packed.costs, 100, 0.1) > 0.97);
    }

    #[test]
    fn no_task_is_longer_than_half_an_hour_but_for_a_single_item() {
        let mut costs = vec![100.0; 10_000];
        costs[77] = 5e4;
        let packed = pack(&costs, &wish(10));
        assert_eq!(packed.tasks[0], [77]);
        assert!(packed.costs[1] <= LONGEST + 100.0, "{}", packed.costs[1]);
    }

    #[test]
    fn a_schedule_worked_out_by_hand() {
        // 0-6 | 0-4, 4-7 | with an overhead of 1: 0-7 | 0-5, 5-9.
        assert_eq!(makespan(&[6.0, 4.0, 3.0], 2, 0.0), 7.0);
        assert_eq!(makespan(&[6.0, 4.0, 3.0], 2, 1.0), 9.0);
        assert_eq!(efficiency(&[6.0, 4.0, 3.0], 2, 1.0), 13.0 / 18.0);
        assert_eq!(efficiency(&[], 2, 1.0), 1.0);
    }
}
