//! The resources of this machine and their holders: memory, control groups, processes, disk.
//!
//! This is the only room that reads `/proc` and control groups. It makes plain values and judges
//! nothing, so that everything after it can be tested on made-up machines.

pub mod cgroup;
mod fields;
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only the guard looks often"))]
pub(crate) mod headroom;
pub(crate) mod memory;
pub(crate) mod process_files;
pub mod process_id;
pub mod resources;
mod show;
pub mod system;

pub use process_files::{cpu_seconds_of, peak_bytes_of};
pub(crate) use show::processes_shown;

/// `/proc/meminfo`, `/proc/PID/status` and `/proc/PID/stat`; for fuzzing.
pub(crate) fn parse_process_files(text: &str) {
    memory::Memory::parse(text, true);
    #[cfg(target_os = "linux")]
    process_files::parse_own_memory(text);
    process_files::parse_stat(text);
}
