//! Judge resources and toolchain against what the plan needs: pass, warn or fail, each with a hint.
//!
//! `judge` is pure. A check fails only where a build could not work; the user's advisory
//! thresholds (25 GB used, 8 GB available, other builds running) warn, and fail with `--strict`.

use serde::Serialize;

use crate::{
    machine::cgroup::Pressure,
    machine::resources::{ProcessKind, Resources},
    numbers::{bytes, sum},
    plan::{Fit, Plan, Rung, Source},
    workspace::{
        Workspace,
        toolchain::{Linker, Toolchain, Version},
    },
};

/// "Less than 25 GB in use."
const USED_MOST_BYTES: u64 = 25_000_000_000;
/// The same for smaller machines.
const USED_MOST_PERCENT: u64 = 80;
/// "At least 8 GB of RAM + swap available": binding only with `--strict`.
const AVAILABLE_LEAST_STRICT_BYTES: u64 = 8_000_000_000;
/// The percentage of used swap from which on the machine is likely to be busy swapping.
const SWAP_USED_MOST_PERCENT: u64 = 80;

/// Tasks that wait for memory for this part of the time are swapping.
const STALLED_MOST_PERCENT: u64 = 10;
/// The percentage of stalled time from which on the machine is thrashing, if it also has less RAM
/// left than cargo and one compiler take.
const THRASHING_PERCENT: u64 = 50;
const LEAST_RAM_BYTES: u64 = 160 << 20;
/// The memory that a compiler maps besides what it holds: its own libraries, metadata, thread
/// stacks.
const MAPPED_BYTES: u64 = 512 << 20;
/// Measured: below 620 MiB no crate of middling size compiles, and from 340 MiB downwards nothing
/// does.
const ADDRESS_SPACE_LEAST_BYTES: u64 = 400 << 20;

/// Names of checks that can fail now and pass later, without anything being done.
pub(crate) const MEMORY_USED: &str = "memory used";
pub(crate) const MEMORY_AVAILABLE: &str = "memory available";
pub(crate) const COMPETING_PROCESSES: &str = "competing processes";
pub(crate) const MEMORY_PRESSURE: &str = "memory pressure";
pub(crate) const PASSING: [&str; 4] =
    [MEMORY_USED, MEMORY_AVAILABLE, MEMORY_PRESSURE, COMPETING_PROCESSES];

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Nothing stands in the way.
    Pass,
    /// Something may stand in the way, or makes it slow.
    Warn,
    /// It could not work.
    Fail,
}

/// One check: its number, its threshold, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The name of the check.
    pub name: &'static str,
    /// The result of the check.
    pub status: Status,
    /// The quantity that was found. `None` if it could not be read.
    pub(crate) value: Option<Quantity>,
    /// The threshold for the quantity. `None` if the check only informs.
    pub(crate) threshold: Option<Quantity>,
    /// One sentence with both.
    pub message: String,
    /// Something to do, whenever the check did not pass.
    pub hint: Option<String>,
}

impl Check {
    /// A check without a number.
    pub fn new(name: &'static str, status: Status, message: String, hint: Option<String>) -> Check {
        Check { name, status, value: None, threshold: None, message, hint }
    }
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
    /// `true` if a build may start: no check failed.
    pub(crate) ready: bool,
    pub(crate) checks: Vec<Check>,
}

impl Preflight {
    /// `true` if only time stands in the way: what fails can go away by itself.
    pub(crate) fn can_be_waited_for(&self) -> bool {
        self.checks.iter().all(|it| it.status != Status::Fail || PASSING.contains(&it.name))
    }
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
        pressure(resources),
        address_space(resources, plan),
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
        name: MEMORY_USED,
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
    let builds = resources.builds_bytes;
    let sum = ram.saturating_add(swap).saturating_add(builds);
    let rung = plan.start();
    // With nothing chosen because nothing fits, the most frugal strategy is the one to compare
    // with.
    let compared = rung.or_else(|| plan.most_frugal());
    // What would do is enough to compare with where nothing does.
    let need = compared.map_or(0, |it| if rung.is_some() { it.need_bytes } else { it.least_bytes });
    let floor = if strict { AVAILABLE_LEAST_STRICT_BYTES } else { 0 };
    let threshold = need.max(floor);
    let is_guess = |it: &Rung| matches!(it.expected.source, Source::Prior | Source::Derived);
    let known = compared.is_some_and(|it| !is_guess(it));
    let fit = rung.map_or(Fit::No, |it| it.fit);
    // An estimate made for another project is no reason to refuse.
    let status = match fit {
        _ if sum < floor => Status::Fail,
        Fit::Fits | Fit::Guarded => Status::Pass,
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
            "the need was never measured here, so the build may start; it steps down from {name} \
             if it must"
        )),
        Status::Fail => Some(format!(
            "free {}: wait for it (`--wait`), make room (`--option d`), or try anyway (`--yes`)",
            bytes(threshold.saturating_sub(sum))
        )),
    };
    Check {
        name: MEMORY_AVAILABLE,
        status,
        value: Some(Quantity::Bytes(sum)),
        threshold: Some(Quantity::Bytes(threshold)),
        message: format!(
            "{} of RAM + {} of swap{}; {}{}{}",
            bytes(ram),
            bytes(swap),
            match builds {
                0 => String::new(),
                _ => format!(" + {} that other builds will give back", bytes(builds)),
            },
            match compared.map(|it| it.expected.source) {
                Some(Source::Prior) => format!("what option {name} needs was never measured here"),
                _ if known => format!("option {name} needs {}", bytes(need)),
                _ => format!("option {name} is taken to need {}", bytes(need)),
            },
            if fit == Fit::Guarded && compared.is_some_and(|it| it.jobs > 1) {
                " with all compilers at once, and runs as many as fit"
            } else {
                ""
            },
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
                crate::machine::cgroup::CgroupVersion::V1 => "v1",
                crate::machine::cgroup::CgroupVersion::V2 => "v2",
            }
        ),
        hint: full.then(|| "raise the container's limit, or stop what runs in it".into()),
    }
}

/// Time lost waiting for memory, on the machine and in this group.
///
/// It only informs of swapping that goes on: without swap it stays at nothing until it is too late.
fn pressure(resources: &Resources) -> Check {
    let name = MEMORY_PRESSURE;
    let threshold = Some(Quantity::Percent(STALLED_MOST_PERCENT));
    let shown = |it: Pressure, whose: &str| {
        format!("{whose} some {:.0} %, full {:.0} %", it.some_percent, it.full_percent)
    };
    let both = [(resources.pressure, "machine"), (resources.group_pressure, "this group")];
    let known: Vec<_> = both.iter().filter_map(|(it, whose)| Some(((*it)?, *whose))).collect();
    if known.is_empty() {
        let message = "not counted here".into();
        return Check { name, status: Status::Pass, value: None, threshold, message, hint: None };
    }
    let most = known.iter().map(|(it, _)| it.some_percent).fold(0.0, f64::max);
    let fine = most < STALLED_MOST_PERCENT as f64;
    // What other builds hold is no sign of room here: it is there, and in the way.
    let is_little = resources.available_bytes() < LEAST_RAM_BYTES;
    let status = match fine {
        true => Status::Pass,
        false if most >= THRASHING_PERCENT as f64 && is_little => Status::Fail,
        false => Status::Warn,
    };
    let parts: Vec<String> = known.into_iter().map(|(it, whose)| shown(it, whose)).collect();
    Check {
        name,
        status,
        value: Some(Quantity::Percent(most.round() as u64)),
        threshold,
        message: format!("tasks waited for memory in the last 10 s: {}", parts.join("; ")),
        hint: (!fine)
            .then(|| "the machine is swapping: wait (`--wait`) or close what you can spare".into()),
    }
}

/// A limit on what one process may map makes compilers fail in misleading ways: crashes, and errors
/// in code that has none.
fn address_space(resources: &Resources, plan: &Plan) -> Check {
    let name = "address space";
    let one = plan.rungs.iter().filter(|it| it.jobs == 1 && it.expected.source != Source::Prior);
    let peak = one.map(|it| it.expected.peak_bytes).max().unwrap_or(0);
    let least = peak.saturating_add(MAPPED_BYTES);
    let threshold = Some(Quantity::Bytes(least));
    let Some(limit) = resources.address_space_limit_bytes else {
        let message = "no limit on a process (RLIMIT_AS)".into();
        return Check { name, status: Status::Pass, value: None, threshold, message, hint: None };
    };
    let status = match limit {
        _ if limit < ADDRESS_SPACE_LEAST_BYTES => Status::Fail,
        _ if limit < least => Status::Warn,
        _ => Status::Pass,
    };
    Check {
        name,
        status,
        value: Some(Quantity::Bytes(limit)),
        threshold,
        message: format!(
            "{} for each process (RLIMIT_AS), a compiler maps {}",
            bytes(limit),
            bytes(least)
        ),
        hint: (status != Status::Pass).then(|| {
            "raise it (`ulimit -v unlimited`): below it compilers crash or report errors \
                that are none"
                .into()
        }),
    }
}

/// The user's third check: builds and tests of others that grow while this one does.
fn competitors(resources: &Resources, advice: Status) -> Check {
    let n_processes = resources.competitors().count() as u64;
    let sum = sum(resources.competitors().map(|it| it.own_bytes));
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
        name: COMPETING_PROCESSES,
        status: if fine { Status::Pass } else { advice },
        value: Some(Quantity::Processes(n_processes)),
        threshold: Some(Quantity::Processes(0)),
        message: if fine {
            "no other cargo, rustc, linker or test is running".into()
        } else {
            format!("{} running, {} held", parts.join(", "), bytes(sum))
        },
        hint: (!fine).then(|| {
            "wait for them (`--strict --wait`), or pause what you can spare (`--pause PID`)".into()
        }),
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
                "install a C compiler (Debian: `apt-get install gcc`, macOS: `xcode-select \
                --install`); if cargo's configuration names a linker, add --yes"
                    .into(),
            ),
        ),
    };
    Check { name: "linker", status, value, threshold: None, message, hint }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        machine::resources::tests::{contained, gib, machine, users_evening},
        plan::measured::tests::figures,
        plan::tests::{planned, planned_with, workspace},
        plan::{Choice, strategy::Strategy},
    };

    fn toolchain() -> Toolchain {
        Toolchain {
            cargo: Version::parse("1.95.0"),
            rustc: Version::parse("1.95.0"),
            host: "x86_64-unknown-linux-gnu".into(),
            linker: Linker::Found("/usr/bin/cc".into()),
        }
    }

    fn judged(resources: &Resources, choice: Choice, strict: bool) -> Preflight {
        let figures = figures();
        let workspace = workspace();
        let plan = planned_with(resources, &workspace, Some(&figures), choice);
        judge(resources, &toolchain(), &workspace, &plan, figures.disk_bytes(), strict)
    }

    /// Checks that did not pass, as `name: status`.
    #[track_caller]
    fn check(resources: &Resources, choice: Choice, strict: bool, expected: &[&str]) {
        let preflight = judged(resources, choice, strict);
        let status = |it: &Check| match it.status {
            Status::Pass => "pass",
            Status::Warn => "warn",
            Status::Fail => "fail",
        };
        let others = preflight.checks.iter().filter(|it| it.status != Status::Pass);
        let others: Vec<String> = others.map(|it| format!("{}: {}", it.name, status(it))).collect();
        assert_eq!(others, expected, "{preflight:#?}");
        let fails = expected.iter().any(|it| it.ends_with("fail"));
        assert_eq!(preflight.ready, !fails);
        for it in &preflight.checks {
            assert_eq!(it.hint.is_some(), it.status != Status::Pass, "{it:?}");
        }
    }

    #[test]
    fn the_users_evening_is_warned_about_and_may_build() {
        let evening = users_evening();
        let warnings = ["memory used: warn", "swap used: warn", "competing processes: warn"];
        check(&evening, Choice::Auto, false, &warnings);
        // 1.4 + 7.7 GiB are more than 8 GB, so only the use and the neighbours are refused.
        let refused = ["memory used: fail", "swap used: warn", "competing processes: fail"];
        check(&evening, Choice::Auto, true, &refused);
        let message = |name: &str| {
            let preflight = judged(&evening, Choice::Auto, false);
            preflight.checks.into_iter().find(|it| it.name == name).unwrap().message
        };
        assert_eq!(message("memory used"), "29.6 GiB of 31.0 GiB used, not less than 23.3 GiB");
        assert_eq!(message("competing processes"), "3 rustc, 14 test running, 21.2 GiB held");
    }

    #[test]
    fn the_threshold_of_used_memory_is_25_gb_or_80_percent() {
        let threshold = |total: f64| {
            let preflight = judged(&machine(total, total, 0.0, 0.0, 4), Choice::Auto, false);
            preflight.checks[0].threshold.clone().unwrap()
        };
        assert_eq!(threshold(64.0), Quantity::Bytes(25_000_000_000));
        assert_eq!(threshold(31.0), Quantity::Bytes(25_000_000_000));
        assert_eq!(threshold(10.0), Quantity::Bytes(gib(10.0) / 100 * 80));
    }

    #[test]
    fn available_memory_is_compared_with_the_strategy() {
        // In the made-up figures option a needs 0.6 GiB and full on 8 CPUs 1.65 GiB.
        let roomy = machine(16.0, 12.0, 0.0, 0.0, 8);
        check(&roomy, Choice::Auto, false, &[]);
        let tight = machine(2.0, 1.0, 0.0, 0.0, 8);
        check(&tight, Choice::Auto, false, &[]);
        check(&tight, Choice::Strategy(Strategy::Full), false, &["memory available: fail"]);
        check(&tight, Choice::Strategy(Strategy::A), false, &[]);
        check(&tight, Choice::Auto, true, &["memory available: fail"]);
        let swapping = machine(2.0, 0.5, 4.0, 4.0, 8);
        check(&swapping, Choice::Strategy(Strategy::A), false, &["memory available: warn"]);
        let full = machine(1.0, 0.3, 0.0, 0.0, 2);
        check(&full, Choice::Auto, false, &["memory available: fail"]);
    }

    #[test]
    fn a_full_container_is_named() {
        let host = machine(64.0, 50.0, 0.0, 0.0, 32);
        check(&contained(host.clone(), 6.0, 1.0), Choice::Auto, false, &[]);
        let refused = ["memory used: warn", "memory available: fail", "container limit: warn"];
        check(&contained(host, 6.0, 5.8), Choice::Auto, false, &refused);
    }

    #[test]
    fn a_full_disk_and_a_missing_toolchain_fail() {
        let mut resources = machine(16.0, 12.0, 0.0, 0.0, 4);
        resources.disk.as_mut().unwrap().free_bytes = 1 << 20;
        check(&resources, Choice::Auto, false, &["disk free: fail"]);
        resources.disk = None;
        check(&resources, Choice::Auto, false, &["disk free: warn"]);

        let resources = machine(16.0, 12.0, 0.0, 0.0, 4);
        let plan = planned(&resources, &workspace(), Choice::Auto);
        let nothing = Toolchain {
            cargo: None,
            rustc: None,
            host: String::new(),
            linker: Linker::Missing("cc".into()),
        };
        let preflight = judge(&resources, &nothing, &workspace(), &plan, 0, false);
        let failed = preflight.checks.iter().filter(|it| it.status == Status::Fail);
        let failed: Vec<&str> = failed.map(|it| it.name).collect();
        assert_eq!(failed, ["rustc", "cargo", "linker"]);
    }

    #[test]
    fn pressure_warns_and_a_small_address_space_fails() {
        let mut resources = machine(16.0, 12.0, 4.0, 4.0, 4);
        resources.pressure = Some(Pressure { some_percent: 3.0, full_percent: 1.0 });
        check(&resources, Choice::Auto, false, &[]);
        resources.group_pressure = Some(Pressure { some_percent: 30.0, full_percent: 20.0 });
        check(&resources, Choice::Auto, true, &["memory pressure: warn"]);
        let of = |resources: &Resources, name: &str| {
            let checks = judged(resources, Choice::Auto, false).checks;
            checks.into_iter().find(|it| it.name == name).unwrap().message
        };
        assert_eq!(
            of(&resources, "memory pressure"),
            "tasks waited for memory in the last 10 s: machine some 3 %, full 1 %; this group some \
            30 %, full 20 %"
        );
        // A build would only make it worse.
        let mut thrashing = machine(16.0, 0.02, 4.0, 4.0, 4);
        thrashing.pressure = Some(Pressure { some_percent: 83.0, full_percent: 60.0 });
        let judged = judged(&thrashing, Choice::Auto, false);
        assert!(!judged.ready && judged.can_be_waited_for(), "{judged:#?}");
        resources.group_pressure = None;
        // One job holds 400 MiB in the made-up figures, and maps 512 more.
        resources.address_space_limit_bytes = Some(gib(4.0));
        check(&resources, Choice::Auto, false, &[]);
        resources.address_space_limit_bytes = Some(gib(0.8));
        check(&resources, Choice::Auto, false, &["address space: warn"]);
        resources.address_space_limit_bytes = Some(gib(0.3));
        check(&resources, Choice::Auto, false, &["address space: fail"]);
        assert!(of(&resources, "address space").contains("a compiler maps 912 MiB"));
    }

    #[test]
    fn only_what_can_pass_by_itself_is_waited_for() {
        let waits = |resources: &Resources| {
            let preflight = judged(resources, Choice::Auto, false);
            (preflight.ready, preflight.can_be_waited_for())
        };
        let full = machine(1.0, 0.3, 0.0, 0.0, 2);
        assert_eq!(waits(&full), (false, true));
        let mut no_disk = machine(1.0, 0.3, 0.0, 0.0, 2);
        no_disk.disk.as_mut().unwrap().free_bytes = 1 << 20;
        assert_eq!(waits(&no_disk), (false, false));
    }

    #[test]
    fn an_estimate_for_another_project_does_not_refuse() {
        let small = machine(2.0, 1.0, 0.0, 0.0, 2);
        let plan = planned(&small, &workspace(), Choice::Auto);
        let preflight = judge(&small, &toolchain(), &workspace(), &plan, 0, false);
        assert!(preflight.ready, "{preflight:#?}");
        assert_eq!(preflight.checks[1].status, Status::Warn);
    }
}
