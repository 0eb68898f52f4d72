//! The guard: under it a build does not run out of memory as long as one compiler at a time fits.
//!
//! cargo starts every compiler through a gate (`gate`, this program as `RUSTC_WRAPPER`), which asks a controller (a
//! thread, `controller`) first. The controller looks at memory (`sampling`), tells a state machine (`policy`) and does
//! what that says: let in, suspend, resume, end and start again. cargo notices nothing but time. The watchdog
//! ([`crate::watchdog`]) ends the compilers if xtask is killed. `docs/memory.md` tells it to the reader; `simulation` tries the policy on made-up machines.
//!
//! Only Linux says quickly enough how much memory is left, and to whom. Elsewhere [`Guard::start`] gives `None`, and a
//! build is watched from outside as any command.

pub(crate) mod figure;
mod policy;
pub(crate) mod record;
#[cfg(test)]
mod simulation;
mod wire;

#[cfg(target_os = "linux")]
mod controller;
#[cfg(target_os = "linux")]
mod gate;
#[cfg(target_os = "linux")]
mod sampling;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{Guard, entered};

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{Guard, entered};

pub(crate) use wire::Unit;

/// Lines between gate and controller; for fuzzing. What is understood is said again in the same words.
pub(crate) fn parse_messages(text: &str) {
    for message in text.split('\n').filter_map(wire::Message::parse) {
        let said = message.line();
        assert_eq!(wire::Message::parse(said.trim_end_matches('\n')), Some(message));
    }
}

/// The arguments of a compiler; for fuzzing.
pub(crate) fn parse_arguments(text: &str) {
    let args: Vec<String> = text.lines().map(str::to_owned).collect();
    Unit::of(&args, |_| None);
}

/// What one run of a compiler needed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Observed {
    pub(crate) unit: Unit,
    pub(crate) peak_bytes: u64,
    pub(crate) seconds: f64,
    /// Whether it ran to its end.
    pub(crate) complete: bool,
}

/// How things stand, for a line on the terminal.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Live {
    pub(crate) point: Option<record::Point>,
    /// What there was at the start.
    pub(crate) room_bytes: u64,
    /// Names of compilers that run, the first few.
    pub(crate) running: String,
}
