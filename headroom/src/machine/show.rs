//! The display of processes.

use super::resources::{ProcessTree, Resources};
use crate::{
    console::{BOLD, table::table},
    numbers::{bytes, sum},
};

/// Number of processes that are shown, and from which size on.
const N_PROCESSES: usize = 10;
const LARGE_PROCESS_BYTES: u64 = 16 << 20;

impl Resources {
    /// The programs that hold most memory, each with all it has started.
    pub(crate) fn largest_programs(&self) -> Vec<ProcessTree> {
        let mut large = self.trees();
        large.retain(|it| sum([it.own_bytes, it.swapped_bytes]) >= LARGE_PROCESS_BYTES);
        large.truncate(N_PROCESSES);
        large
    }
}

/// A table of programs.
pub(crate) fn processes_shown(title: &str, trees: &[ProcessTree]) -> String {
    if trees.is_empty() {
        return format!("no program holds {} or more\n", bytes(LARGE_PROCESS_BYTES));
    }
    let header = ["PID", "processes", "memory", "in swap", "looks like", "command"];
    let rows = trees.iter().map(|it| {
        let command =
            if it.command.is_empty() { format!("[{}]", it.name) } else { it.command.clone() };
        vec![
            it.root.pid.to_string(),
            it.n_processes.to_string(),
            bytes(it.own_bytes),
            bytes(it.swapped_bytes),
            it.kind.name().into(),
            command,
        ]
    });
    let rows: Vec<Vec<String>> =
        [header.map(String::from).to_vec()].into_iter().chain(rows).collect();
    format!("{BOLD}{title}{BOLD:#}\n{}", table(&rows, &[0, 1, 2, 3]))
}
