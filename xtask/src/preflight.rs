//! Judge resources and toolchain against what the plan needs: pass, warn or fail, each with a hint.
//!
//! [`judge`] is pure. A check fails only where a build could not work; the user's advisory thresholds (25 GB used,
//! 8 GB available, other builds running) warn, and fail with `--strict`.

use serde::Serialize;

use crate::{
    plan::{Fit, Plan, Source, bytes},
    resources::{ProcessKind, Resources},
    workspace::{Linker, Toolchain, Version, Workspace},
};

/// "Less than 25 GB in use."
const USED_MOST_BYTES: u64 = 25_000_000_000;
/// The same for smaller machines.
const USED_MOST_PERCENT: u64 = 80;
/// "At least 8 GB of RAM + swap available": binding only with `--strict`.
const AVAILABLE_LEAST_STRICT_BYTES: u64 = 8_000_000_000;
/// From here on the machine is likely to be busy swapping.
const SWAP_USED_MOST_PERCENT: u64 = 80;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    Pass,
    Warn,
    Fail,
}

/// One check: its number, its threshold, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) status: Status,
    /// What was found; `None` if it could not be read.
    pub(crate) value: Option<Quantity>,
    /// What it is compared with; `None` if the check only informs.
    pub(crate) threshold: Option<Quantity>,
    /// One sentence with both.
    pub(crate) message: String,
    /// Something to do, whenever the check did not pass.
    pub(crate) hint: Option<String>,
}

/// A number with its unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "unit", content = "value", rename_all = "kebab-case")]
pub(crate) enum Quantity {
    Bytes(u64),
    Processes(u64),
    Cpus(u64),
    Percent(u64),
    Version(Version),
    Path(String),
}

/// All checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Preflight {
    /// Whether a build may start: no check failed.
    pub(crate) ready: bool,
    pub(crate) checks: Vec<Check>,
}

/// Judge everything. `disk_need_bytes` is what the target folder may grow by.
pub(crate) fn judge(
    resources: &Resources,
    toolchain: &Toolchain,
    workspace: &Workspace,
    plan: &Plan,
    disk_need_bytes: u64,
    strict: bool,
) -> Preflight {
    let advice = if strict { Status::Fail } else { Status::Warn };
    let checks = vec![
        memory_used(resources, advice),
        memory_available(resources, plan, strict),
        swap(resources),
        container(resources),
        competitors(resources, advice),
        cpus(resources),
        disk(resources, disk_need_bytes),
        rustc(toolchain, workspace),
        cargo(toolchain),
        linker(toolchain),
    ];
    Preflight { ready: checks.iter().all(|it| it.status != Status::Fail), checks }
}

/// The user's first check: less than 25 GB used, or 80 % of a machine that is smaller than that.
fn memory_used(resources: &Resources, advice: Status) -> Check {
    let (used, total) = (resources.used_bytes(), resources.total_bytes());
    let most = USED_MOST_BYTES.min(total / 100 * USED_MOST_PERCENT);
    let fine = used < most;
    Check {
        name: "memory used",
        status: if fine { Status::Pass } else { advice },
        value: Some(Quantity::Bytes(used)),
        threshold: Some(Quantity::Bytes(most)),
        message: format!(
            "{} of {} used, {} {}",
            bytes(used),
            bytes(total),
            if fine { "less than" } else { "not less than" },
            bytes(most)
        ),
        hint: (!fine).then(|| "close what you can spare; `--option d` lists candidates".into()),
    }
}

/// The user's second check: RAM + swap must hold what the chosen strategy needs.
fn memory_available(resources: &Resources, plan: &Plan, strict: bool) -> Check {
    let (ram, swap) = (resources.available_bytes(), resources.swap_available_bytes());
    let sum = ram.saturating_add(swap);
    let rung = plan.start();
    // With nothing chosen because nothing fits, the most frugal strategy is the one to compare with.
    let compared = rung.or_else(|| plan.rungs.iter().min_by_key(|it| it.need.bytes));
    let need = compared.map_or(0, |it| it.need.bytes);
    let floor = if strict { AVAILABLE_LEAST_STRICT_BYTES } else { 0 };
    let threshold = need.max(floor);
    let known = compared.is_some_and(|it| it.need.source == Source::Measured);
    let fit = rung.map_or(Fit::No, |it| it.fit);
    // An estimate made for another project is no reason to refuse.
    let status = match fit {
        _ if sum < floor => Status::Fail,
        Fit::Fits => Status::Pass,
        Fit::WithSwap => Status::Warn,
        Fit::No if known => Status::Fail,
        Fit::No => Status::Warn,
    };
    let name = compared.map_or("the build", |it| it.strategy.name());
    let hint = match status {
        Status::Pass => None,
        Status::Warn if fit == Fit::WithSwap => {
            Some("this will swap and be slow; close what you can spare".into())
        }
        Status::Warn => Some(format!(
            "the need is an estimate for a large project, so the build may start; it steps down from {name} if it must"
        )),
        Status::Fail => Some(format!(
            "free {}: `--option d` lists processes you could stop, `--yes` tries anyway",
            bytes(threshold.saturating_sub(sum))
        )),
    };
    Check {
        name: "memory available",
        status,
        value: Some(Quantity::Bytes(sum)),
        threshold: Some(Quantity::Bytes(threshold)),
        message: format!(
            "{} of RAM + {} of swap; option {name} {} {}{}",
            bytes(ram),
            bytes(swap),
            if known { "needs" } else { "is taken to need" },
            bytes(need),
            if need < floor {
                format!(", --strict asks for {}", bytes(floor))
            } else {
                String::new()
            },
        ),
        hint,
    }
}

fn swap(resources: &Resources) -> Check {
    let (total, free) = (resources.memory.swap_total_bytes, resources.memory.swap_free_bytes);
    let used = total.saturating_sub(free);
    let percent = if total == 0 { 0 } else { used / (total / 100).max(1) };
    let busy = percent >= SWAP_USED_MOST_PERCENT;
    Check {
        name: "swap used",
        status: if busy { Status::Warn } else { Status::Pass },
        value: Some(Quantity::Percent(percent)),
        threshold: Some(Quantity::Percent(SWAP_USED_MOST_PERCENT)),
        message: if total == 0 {
            "there is none".into()
        } else {
            format!("{} of {} used ({percent} %)", bytes(used), bytes(total))
        },
        hint: busy.then(|| "the machine is likely swapping: everything will be slow".into()),
    }
}

fn container(resources: &Resources) -> Check {
    let name = "container limit";
    let Some(container) = &resources.container else {
        let message = "no memory limit on this process's group or its ancestors".into();
        return Check {
            name,
            status: Status::Pass,
            value: None,
            threshold: None,
            message,
            hint: None,
        };
    };
    let group = &container.tightest;
    // The verdict on the headroom is that of "memory available"; here a full group is named.
    let full = group.headroom_bytes < group.limit_bytes / 10;
    Check {
        name,
        status: if full { Status::Warn } else { Status::Pass },
        value: Some(Quantity::Bytes(group.headroom_bytes)),
        threshold: Some(Quantity::Bytes(group.limit_bytes / 10)),
        message: format!(
            "{} of {} left in {} (cgroup {})",
            bytes(group.headroom_bytes),
            bytes(group.limit_bytes),
            group.group,
            match container.version {
                crate::cgroup::Version::V1 => "v1",
                crate::cgroup::Version::V2 => "v2",
            }
        ),
        hint: full.then(|| "raise the container's limit, or stop what runs in it".into()),
    }
}

/// The user's third check: builds and tests of others that grow while this one does.
fn competitors(resources: &Resources, advice: Status) -> Check {
    let n_processes = resources.competitors().count() as u64;
    let sum: u64 = resources.competitors().map(|it| it.resident_bytes).sum();
    let count = |kinds: &[ProcessKind]| {
        resources.competitors().filter(|it| kinds.contains(&it.kind)).count()
    };
    let parts = [
        (count(&[ProcessKind::Cargo]), "cargo"),
        (count(&[ProcessKind::Rustc]), "rustc"),
        (count(&[ProcessKind::Linker]), "linker"),
        (count(&[ProcessKind::TestBinary]), "test"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let fine = n_processes == 0;
    Check {
        name: "competing processes",
        status: if fine { Status::Pass } else { advice },
        value: Some(Quantity::Processes(n_processes)),
        threshold: Some(Quantity::Processes(0)),
        message: if fine {
            "no other cargo, rustc, linker or test is running".into()
        } else {
            format!("{} running, {} resident", parts.join(", "), bytes(sum))
        },
        hint: (!fine).then(|| "wait for them, or pause what you can spare".into()),
    }
}

fn cpus(resources: &Resources) -> Check {
    let n_cpus = resources.n_cpus as u64;
    Check {
        name: "cpus",
        status: Status::Pass,
        value: Some(Quantity::Cpus(n_cpus)),
        threshold: None,
        message: format!("{n_cpus} usable"),
        hint: None,
    }
}

fn disk(resources: &Resources, need: u64) -> Check {
    let name = "disk free";
    let threshold = Some(Quantity::Bytes(need));
    let Some(disk) = &resources.disk else {
        return Check {
            name,
            status: Status::Warn,
            value: None,
            threshold,
            message: "the free space below the target folder cannot be read".into(),
            hint: Some(format!("make sure that {} are free", bytes(need))),
        };
    };
    let fine = disk.free_bytes >= need;
    Check {
        name,
        status: if fine { Status::Pass } else { Status::Fail },
        value: Some(Quantity::Bytes(disk.free_bytes)),
        threshold,
        message: format!(
            "{} free at {}, {} needed",
            bytes(disk.free_bytes),
            disk.path.display(),
            bytes(need)
        ),
        hint: (!fine).then(|| {
            "run `cargo clean`, or point CARGO_TARGET_DIR at a disk with more room".into()
        }),
    }
}

fn rustc(toolchain: &Toolchain, workspace: &Workspace) -> Check {
    let least = workspace.rust_version;
    let (status, message, hint) = match (toolchain.rustc, least) {
        (None, _) => (
            Status::Fail,
            "it does not run".into(),
            Some("install Rust from https://rustup.rs, or set RUSTC".into()),
        ),
        (Some(found), Some(least)) if found < least => (
            Status::Fail,
            format!("{found}, older than {least}"),
            Some("run `rustup update`".to_owned()),
        ),
        (Some(found), Some(least)) => (Status::Pass, format!("{found}, at least {least}"), None),
        (Some(found), None) => (Status::Pass, found.to_string(), None),
    };
    Check {
        name: "rustc",
        status,
        value: toolchain.rustc.map(Quantity::Version),
        threshold: least.map(Quantity::Version),
        message,
        hint,
    }
}

fn cargo(toolchain: &Toolchain) -> Check {
    Check {
        name: "cargo",
        status: if toolchain.cargo.is_some() { Status::Pass } else { Status::Fail },
        value: toolchain.cargo.map(Quantity::Version),
        threshold: None,
        message: toolchain.cargo.map_or("it does not run".into(), |it| it.to_string()),
        hint: toolchain.cargo.is_none().then(|| "install Rust from https://rustup.rs".into()),
    }
}

fn linker(toolchain: &Toolchain) -> Check {
    let (status, value, message, hint) = match &toolchain.linker {
        Linker::Found(path) => {
            let path = path.display().to_string();
            (Status::Pass, Some(Quantity::Path(path.clone())), path, None)
        }
        Linker::LeftToRustc => (Status::Pass, None, "rustc looks for it itself".into(), None),
        Linker::Missing(name) => (
            Status::Fail,
            None,
            format!("no program `{name}` in the PATH"),
            Some(
                "install a C compiler (Debian: `apt-get install gcc`, macOS: `xcode-select --install`); \
                 if cargo's configuration names a linker, add --yes"
                    .into(),
            ),
        ),
    };
    Check { name: "linker", status, value, threshold: None, message, hint }
}
