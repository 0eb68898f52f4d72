//! A look at the machine, the workspace and the ledger, and what follows from it.

use std::{env, path::Path};

use super::Host;
use crate::{
    build_ledger::BuildLedger,
    console::Console,
    exit::Exit,
    guard::{Guard, held_by_other_builds},
    machine::{processes_shown, resources::Resources},
    plan::{self, Choice, Facts, Plan, checks_shown, preflight::Preflight, strategy::Strategy},
    workspace::{Selection, Workspace, toolchain::Toolchain},
};

/// Checks that this machine can build; changes nothing.
///
/// # Errors
/// If the machine or the workspace cannot be looked at.
pub fn preflight(
    host: &Host,
    selection: &Selection,
    choice: Choice,
    strict: bool,
    console: &mut Console,
) -> anyhow::Result<Exit> {
    let look = Look::take(host, selection, choice, strict, console)?;
    look.show(console);
    Ok(if look.preflight.ready { Exit::Success } else { Exit::NotReady })
}

/// Shows the ways to build and which would be tried; changes nothing.
///
/// # Errors
/// If the machine or the workspace cannot be looked at.
pub fn plan(
    host: &Host,
    selection: &Selection,
    choice: Choice,
    console: &mut Console,
) -> anyhow::Result<Exit> {
    let look = Look::take(host, selection, choice, false, console)?;
    console.result(&look.plan.shown(&look.resources));
    Ok(if look.plan.order.is_empty() { Exit::NotReady } else { Exit::Success })
}

/// The findings of one look at the machine and the workspace.
pub(super) struct Look {
    pub(super) workspace: Workspace,
    pub(super) toolchain: Toolchain,
    pub(super) resources: Resources,
    pub(super) plan: Plan,
    pub(super) preflight: Preflight,
    pub(super) ledger: BuildLedger,
}

impl Look {
    pub(super) fn take(
        host: &Host,
        selection: &Selection,
        choice: Choice,
        strict: bool,
        console: &mut Console,
    ) -> anyhow::Result<Look> {
        let workspace = Workspace::locate(selection, host.default_target.as_ref())?;
        let toolchain = Toolchain::sample();
        let ledger = BuildLedger::load(&workspace.target_dir);
        if let Some(warning) = ledger.warning() {
            console.warning(warning, "nothing needs to be done");
        }
        let resources = sample(&workspace.target_dir)?;
        let (plan, preflight) =
            judge(host, &resources, &workspace, &toolchain, &ledger, choice, strict);
        let look = Look { workspace, toolchain, resources, plan, preflight, ledger };
        look.record(console);
        Ok(look)
    }

    /// Looks at the machine once more.
    pub(super) fn refresh(
        &mut self,
        host: &Host,
        choice: Choice,
        strict: bool,
    ) -> anyhow::Result<()> {
        self.resources = sample(&self.workspace.target_dir)?;
        let Look { workspace, toolchain, resources, ledger, .. } = self;
        (self.plan, self.preflight) =
            judge(host, resources, workspace, toolchain, ledger, choice, strict);
        Ok(())
    }

    /// Puts everything into the document.
    pub(super) fn record(&self, console: &mut Console) {
        console.record("workspace", &self.workspace);
        console.record("toolchain", &self.toolchain);
        console.record("resources", &self.resources);
        let programs = self.resources.largest_programs();
        if !programs.is_empty() {
            console.record("processes", &programs);
        }
        console.record("preflight", &self.preflight);
        console.record("plan", &self.plan);
    }

    /// The checks and the programs that hold the memory, as the result of the command.
    pub(super) fn show(&self, console: &Console) {
        console.result(&checks_shown(&self.preflight.checks));
        let title = "Who holds the memory (a program with all it has started)";
        let programs = processes_shown(title, &self.resources.largest_programs());
        console.result(&format!("\n{programs}"));
        console.result(&format!("\n{}", self.preflight.verdict(&self.plan)));
    }
}

/// The machine, and what other builds hold of its memory.
fn sample(target_dir: &Path) -> anyhow::Result<Resources> {
    let mut resources = Resources::sample(target_dir)?;
    resources.builds_bytes = held_by_other_builds();
    Ok(resources)
}

fn judge(
    host: &Host,
    resources: &Resources,
    workspace: &Workspace,
    toolchain: &Toolchain,
    ledger: &BuildLedger,
    choice: Choice,
    strict: bool,
) -> (Plan, Preflight) {
    let figures = host.figures.filter(|_| workspace.is_default_target);
    let asked = workspace.jobs.map(|it| it.to_string());
    let jobs = asked.or_else(|| env::var("CARGO_BUILD_JOBS").ok());
    let facts = Facts {
        resources,
        workspace,
        toolchain: &toolchain.key(),
        ledger,
        figures,
        // Made for the host's own program, it says nothing of another one.
        estimate: if figures.is_some() { host.estimate } else { Strategy::estimate },
        full_jobs: plan::full_jobs(jobs.as_deref(), resources.n_cpus),
        guarded: Guard::IS_SUPPORTED,
    };
    let plan = plan::plan(&facts, choice);
    let disk_need = figures.map_or(0, |it| it.disk_bytes());
    let preflight =
        plan::preflight::judge(resources, toolchain, workspace, &plan, disk_need, strict);
    (plan, preflight)
}
