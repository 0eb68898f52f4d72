//! Builds on cgroup v2 with swap and memory daemons, in a virtual machine: `docs/memory.md` has the
//! table. Without `HEADROOM_VM=1` it only prints a line.
//!
//! This program plays every part. On the host (`host`) it makes a small Debian and starts it; in
//! there it is the service that runs the scenarios (`guest`), the compiler, and programs that hold
//! memory (`actors`). The machine is emulated; its clock counts instructions, 250 million a second,
//! and skips the time in which everything sleeps, so what else runs on the host does not make the
//! times longer, and compilers that only hold memory cost no time. Two runs still differ: 67.5 and
//! 69.1 s for a first build beside earlyoom.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that shows a table")]

#[cfg(target_os = "linux")]
mod actors;
#[cfg(target_os = "linux")]
mod guest;
#[cfg(target_os = "linux")]
mod host;

#[cfg(target_os = "linux")]
use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let name = std::path::Path::new(words[0]).file_name().and_then(|it| it.to_str());
    match (name, &words[1..]) {
        (Some(actors::COMPILER), args) => actors::compile(args),
        (Some(actors::ACTOR), ["guest"]) => guest::run(),
        (Some(actors::ACTOR), ["hold", mib]) => actors::hold(mib),
        (Some(actors::ACTOR), ["intrude", folder, pids @ ..]) => actors::intrude(folder, pids),
        (Some(actors::LINKER), _) => ExitCode::SUCCESS,
        (_, args) => host::run(args),
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("vm: skipped; it needs Linux");
}
