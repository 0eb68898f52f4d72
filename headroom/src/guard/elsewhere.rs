//! No guard: what the other rooms see of it where there is no Linux.

use std::{
    convert::Infallible,
    path::Path,
    process::{Command, ExitCode},
    time::Duration,
};

use super::{
    GuardStatus, ObservedRun, Unit,
    guard_record::{Event, GuardRecord},
};

/// Never made.
#[derive(Debug)]
pub(crate) struct Guard(Infallible);

impl Guard {
    /// `true` if this system can have one.
    pub(crate) const IS_SUPPORTED: bool = false;

    pub(crate) fn start(
        _target_dir: Option<&Path>,
        _cargo: &mut Command,
        _wait: Duration,
        _runner: Option<&str>,
        _known: impl Fn(&Unit) -> Option<u64> + Send + 'static,
    ) -> anyhow::Result<Option<Guard>> {
        Ok(None)
    }

    pub(crate) fn alone(&self) -> Option<&str> {
        match self.0 {}
    }

    pub(crate) fn other_runner(&self) -> Option<&str> {
        match self.0 {}
    }

    pub(crate) fn watch(&self, _build: u32) {
        match self.0 {}
    }

    pub(crate) fn gave_up(&self) -> bool {
        match self.0 {}
    }

    pub(crate) fn live(&self) -> GuardStatus {
        match self.0 {}
    }

    pub(crate) fn next_event(&self) -> Option<Event> {
        match self.0 {}
    }

    pub(crate) fn finish(self) -> (GuardRecord, Vec<ObservedRun>) {
        match self.0 {}
    }
}

pub(crate) fn gates_for_always() -> anyhow::Result<Vec<String>> {
    anyhow::bail!("compilers can be held back on Linux only")
}

pub(crate) fn switch_gates_off() -> anyhow::Result<GatesOff> {
    Ok(GatesOff { folder: None, named: None })
}

pub(crate) fn held_by_other_builds() -> u64 {
    0
}

pub(crate) fn entered() -> Option<ExitCode> {
    None
}
