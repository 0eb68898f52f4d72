//! What this machine has and who holds it: memory, control groups, processes, disk.
//!
//! This is the only room that reads `/proc` and control groups. It makes plain values and judges
//! nothing, so that everything after it can be tested on made-up machines.

pub mod cgroup;
#[cfg(target_os = "linux")]
pub(crate) mod probe;
pub mod process_id;
pub mod resources;
mod show;

pub(crate) use show::processes_shown;
