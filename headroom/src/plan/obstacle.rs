//! The obstacles to a build that may go away by themselves.
//!
//! That is memory that others hold, the user's own thresholds with `--strict`, or a lock. A missing
//! compiler, or a need that is larger than the whole machine, does not go away. All of it is pure.

use std::fmt;

use serde::Serialize;

use super::{
    Fit, Plan, Rung, Source,
    preflight::{Check, MEMORY_AVAILABLE, MEMORY_PRESSURE, PASSING, Preflight, Status},
    strategy::Strategy,
};
use crate::{machine::resources::Resources, numbers::bytes, workspace::build_lock::BuildLock};

/// An unknown build starts with this much, or with half of a machine that is smaller than twice
/// that.
const UNKNOWN_BYTES: u64 = 1 << 30;
/// A change that is worth a line.
const WORTH_TELLING_PERCENT: u64 = 10;

/// Something that may go away by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub(crate) enum Obstacle {
    /// Not enough memory for what `wants` it.
    Memory { wants: String, available_bytes: u64, need_bytes: u64 },
    /// A threshold that `--strict` makes binding.
    Check { name: &'static str, message: String },
    /// Another cargo builds in the same folder.
    Lock(BuildLock),
}

/// Returns the obstacles to the build at the moment. If there are none, it may start.
pub(crate) fn obstacles(
    resources: &Resources,
    plan: &Plan,
    preflight: &Preflight,
    lock: Option<BuildLock>,
    strict: bool,
) -> Vec<Obstacle> {
    let mut obstacles = Vec::new();
    let (available, total) = (resources.room_bytes(), resources.total_bytes());
    let wanted = wanted(plan);
    let needed = wanted.iter().map(|it| (need(it, total), it.strategy.name())).min();
    if let Some((need_bytes, option)) = needed
        && available < need_bytes
        && !wanted.iter().any(|it| is_ready(it))
    {
        let wants = format!("option {option}");
        obstacles.push(Obstacle::Memory { wants, available_bytes: available, need_bytes });
    }
    let thrashes = |it: &&Check| it.name == MEMORY_PRESSURE && it.status == Status::Fail;
    if strict {
        let failed = preflight
            .checks
            .iter()
            .filter(|it| it.status == Status::Fail && PASSING.contains(&it.name))
            // Said already, with the number to wait for.
            .filter(|it| it.name != MEMORY_AVAILABLE || obstacles.is_empty());
        let failed: Vec<_> = failed
            .map(|it| Obstacle::Check { name: it.name, message: it.message.clone() })
            .collect();
        obstacles.extend(failed);
    } else if let Some(it) = preflight.checks.iter().find(thrashes) {
        obstacles.push(Obstacle::Check { name: it.name, message: it.message.clone() });
    }
    obstacles.extend(lock.map(Obstacle::Lock));
    obstacles
}

/// Returns the reason why waiting cannot help, or `None` if it can.
pub(crate) fn hopeless(resources: &Resources, plan: &Plan) -> Option<String> {
    let total = resources.total_bytes();
    let least = wanted(plan).iter().map(|it| need(it, total)).min()?;
    (least > total).then(|| {
        format!(
            "waiting cannot help: {} are needed, and there are only {} altogether",
            bytes(least),
            bytes(total)
        )
    })
}

/// The ways to build that are worth waiting for: the one that was named, or all that give an
/// optimised program.
fn wanted(plan: &Plan) -> Vec<&Rung> {
    if plan.by_name {
        return plan.start().into_iter().collect();
    }
    plan.rungs.iter().filter(|it| it.on_ladder && it.strategy != Strategy::B).collect()
}

fn is_ready(rung: &Rung) -> bool {
    match rung.expected.source {
        Source::Prior => false,
        _ => matches!(rung.fit, Fit::Fits | Fit::Guarded),
    }
}

/// An estimate for another project is not worth waiting for: room to start frugally is.
fn need(rung: &Rung, total: u64) -> u64 {
    match rung.expected.source {
        Source::Prior => rung.at_least_bytes.max(UNKNOWN_BYTES.min(total / 2)),
        _ => rung.least_bytes,
    }
}

/// Like [`obstacles`] for a command of which nothing is known.
pub(crate) fn obstacles_to_a_command(resources: &Resources) -> Vec<Obstacle> {
    let (available_bytes, total) = (resources.available_bytes(), resources.total_bytes());
    let need_bytes = UNKNOWN_BYTES.min(total / 2);
    let wants = "an unknown build".to_owned();
    let memory = Obstacle::Memory { wants, available_bytes, need_bytes };
    (available_bytes < need_bytes).then_some(memory).into_iter().collect()
}

impl Obstacle {
    /// `true` if the difference to what was said last is worth another line.
    pub(crate) fn differs(&self, said: &Obstacle) -> bool {
        match (self, said) {
            (
                Obstacle::Memory { available_bytes: now, need_bytes, wants },
                Obstacle::Memory { available_bytes: then, need_bytes: need_then, wants: wanted },
            ) => {
                wants != wanted
                    || need_bytes != need_then
                    || now.abs_diff(*then) > need_bytes / 100 * WORTH_TELLING_PERCENT
            }
            (Obstacle::Check { name: now, .. }, Obstacle::Check { name: then, .. }) => now != then,
            (now, then) => now != then,
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::Memory { wants, available_bytes, need_bytes } => write!(
                f,
                "{} available, {wants} needs {}: {} more",
                bytes(*available_bytes),
                bytes(*need_bytes),
                bytes(need_bytes.saturating_sub(*available_bytes))
            ),
            Obstacle::Check { name, message } => write!(f, "{name}: {message}"),
            Obstacle::Lock(BuildLock { folder, pid: Some(pid) }) => {
                write!(f, "process {pid} is building in {}", folder.display())
            }
            Obstacle::Lock(BuildLock { folder, pid: None }) => {
                write!(f, "another cargo is building in {}", folder.display())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        machine::resources::tests::{contained, gib, machine, users_evening},
        plan::Choice,
        plan::measured::tests::figures,
        plan::preflight::Check,
        plan::tests::{planned, planned_with, workspace},
    };

    fn nothing_failed() -> Preflight {
        Preflight { ready: true, checks: Vec::new() }
    }

    fn shown(resources: &Resources, plan: &Plan) -> Vec<String> {
        let obstacles = obstacles(resources, plan, &nothing_failed(), None, false);
        obstacles.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn it_waits_for_an_optimised_build_and_not_for_a_debug_one() {
        #[track_caller]
        fn check(gib: f64, choice: Choice, expected: &[&str]) {
            let resources = machine(16.0, gib, 8.0, 8.0, 8);
            let plan = planned_with(&resources, &workspace(), Some(&figures()), choice);
            assert_eq!(shown(&resources, &plan), expected, "{gib} {choice:?}");
        }
        // One job needs 600 MiB, all eight 1650, and the debug build 450. Swap is no reason to
        // start.
        check(2.0, Choice::Auto, &[]);
        check(0.6, Choice::Auto, &[]);
        check(0.5, Choice::Auto, &["512 MiB available, option a needs 600 MiB: 88 MiB more"]);
        check(
            0.6,
            Choice::Strategy(Strategy::Full),
            &["614 MiB available, option full needs 1.6 GiB: 1.0 GiB more"],
        );
        check(0.5, Choice::Strategy(Strategy::B), &[]);
    }

    #[test]
    fn an_estimate_is_not_worth_waiting_for() {
        let check = |resources: &Resources| {
            let plan = planned(resources, &workspace(), Choice::Auto);
            shown(resources, &plan)
        };
        assert!(check(&users_evening()).is_empty());
        let little = machine(31.0, 0.5, 8.0, 8.0, 8);
        assert_eq!(check(&little), ["512 MiB available, option a needs 1.0 GiB: 512 MiB more"]);
        assert!(check(&machine(1.0, 0.5, 0.0, 0.0, 1)).is_empty());
    }

    #[test]
    fn what_can_never_be_is_not_waited_for() {
        let hopeless = |resources: &Resources| {
            let plan = planned_with(resources, &workspace(), Some(&figures()), Choice::Auto);
            hopeless(resources, &plan)
        };
        assert_eq!(hopeless(&machine(2.0, 0.1, 0.0, 0.0, 2)), None);
        let small = contained(machine(64.0, 60.0, 0.0, 0.0, 8), 0.5, 0.4);
        assert_eq!(
            hopeless(&small).unwrap(),
            "waiting cannot help: 600 MiB are needed, and there are only 512 MiB altogether"
        );
    }

    #[test]
    fn strict_thresholds_and_locks_are_waited_for() {
        let resources = machine(64.0, 60.0, 0.0, 0.0, 8);
        let plan = planned_with(&resources, &workspace(), Some(&figures()), Choice::Auto);
        let failed = |name| Check {
            name,
            status: Status::Fail,
            value: None,
            threshold: None,
            message: "3 rustc running".into(),
            hint: None,
        };
        let checks = vec![failed("competing processes"), failed("rustc")];
        let preflight = Preflight { ready: false, checks };
        let lock = Some(BuildLock { folder: "/w/target/release".into(), pid: Some(42) });
        let strict = obstacles(&resources, &plan, &preflight, lock.clone(), true);
        let strict: Vec<String> = strict.iter().map(ToString::to_string).collect();
        assert_eq!(
            strict,
            ["competing processes: 3 rustc running", "process 42 is building in /w/target/release"]
        );
        assert_eq!(obstacles(&resources, &plan, &preflight, lock, false).len(), 1);
    }

    #[test]
    fn a_line_is_said_when_it_says_something_new() {
        let memory = |available| Obstacle::Memory {
            wants: "option a".into(),
            available_bytes: gib(available),
            need_bytes: gib(4.0),
        };
        assert!(!memory(1.0).differs(&memory(1.3)));
        assert!(memory(1.0).differs(&memory(1.5)) && memory(1.5).differs(&memory(1.0)));
        let check =
            |message: &str| Obstacle::Check { name: "memory used", message: message.into() };
        assert!(!check("29.6 GiB").differs(&check("29.5 GiB")));
        assert!(check("x").differs(&memory(1.0)));
    }
}
