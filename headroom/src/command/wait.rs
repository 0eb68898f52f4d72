//! `--wait`: wait until the plan fits and no other cargo builds in the same folder, and say what is
//! waited for.
//!
//! [`obstacles`] is pure: from one look at the machine, what stands in the way. Only what can go
//! away by itself is waited for: memory that others hold, the user's own thresholds with
//! `--strict`, a lock. A missing compiler, or a need that is larger than the whole machine, is not.

use std::{
    fmt, fs,
    fs::TryLockError,
    path::{Path, PathBuf},
    str::FromStr,
    thread,
    time::{Duration, Instant},
};

use anyhow::bail;
use serde::Serialize;

use crate::{
    console::Console,
    exit::{Coded, Exit},
    machine::{host::lock_holder, resources::Resources},
    numbers::{bytes, duration},
    plan::{
        Fit, Plan, Rung, Source,
        preflight::{MEMORY_AVAILABLE, PASSING, Preflight, Status},
        strategy::Strategy,
    },
    workspace::{Workspace, profile},
};

/// An unknown build starts with this much, or with half of a machine that is smaller than twice
/// that.
const UNKNOWN_BYTES: u64 = 1 << 30;
/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// A change that is worth a line.
const WORTH_TELLING_PERCENT: u64 = 10;

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitTimeout {
    /// As long as it takes.
    Endless,
    /// At most this long.
    For(Duration),
}

/// Something that may go away by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub(crate) enum Obstacle {
    /// Not enough memory for what `wants` it.
    Memory { wants: String, available_bytes: u64, need_bytes: u64 },
    /// A threshold that `--strict` makes binding.
    Check { name: &'static str, message: String },
    /// Another cargo builds in the same folder.
    Lock(Lock),
}

/// A build folder that another cargo holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Lock {
    pub(crate) folder: PathBuf,
    /// `None` if the system does not tell.
    pub(crate) pid: Option<u32>,
}

/// What stands in the way of the build now. Empty: it may start.
pub(crate) fn obstacles(
    resources: &Resources,
    plan: &Plan,
    preflight: &Preflight,
    lock: Option<Lock>,
    strict: bool,
) -> Vec<Obstacle> {
    let mut obstacles = Vec::new();
    let (available, total) = (resources.available_bytes(), resources.total_bytes());
    let wanted = wanted(plan);
    let needed = wanted.iter().map(|it| (need(it, total), it.strategy.name())).min();
    if let Some((need_bytes, option)) = needed
        && available < need_bytes
        && !wanted.iter().any(|it| is_ready(it))
    {
        let wants = format!("option {option}");
        obstacles.push(Obstacle::Memory { wants, available_bytes: available, need_bytes });
    }
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
    }
    obstacles.extend(lock.map(Obstacle::Lock));
    obstacles
}

/// Why waiting cannot help, if it cannot.
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

/// Look again and again until nothing stands in the way. Whether there was anything to wait for.
///
/// # Errors
/// Time is up, or whatever `look` says.
pub(crate) fn until_clear(
    patience: WaitTimeout,
    console: &mut Console,
    mut look: impl FnMut() -> anyhow::Result<Vec<Obstacle>>,
) -> anyhow::Result<bool> {
    let begun = Instant::now();
    let mut said: Vec<Obstacle> = Vec::new();
    loop {
        let obstacles = look()?;
        if obstacles.is_empty() {
            if !said.is_empty() {
                say_waited(begun.elapsed(), console);
            }
            return Ok(!said.is_empty());
        }
        let is_new = obstacles.len() != said.len()
            || obstacles.iter().zip(&said).any(|(now, said)| now.differs(said));
        if is_new {
            say_waiting(&obstacles, begun.elapsed(), console);
            said.clone_from(&obstacles);
        }
        if let WaitTimeout::For(most) = patience
            && begun.elapsed() >= most
        {
            let what: Vec<String> = obstacles.iter().map(ToString::to_string).collect();
            let message =
                format!("the wait timed out after {} s: {}", most.as_secs(), what.join("; "));
            bail!(Coded { exit: Exit::NotReady, message });
        }
        thread::sleep(EVERY);
    }
}

/// Tell what is waited for.
fn say_waiting(obstacles: &[Obstacle], since: Duration, console: &mut Console) {
    let after = match since.as_secs() {
        0 => String::new(),
        seconds => format!(" ({} so far)", duration(seconds)),
    };
    for it in obstacles {
        console.note(&format!("waiting{after}: {it}"));
    }
    if !console.has_recorded("waited_for") {
        console.record("waited_for", &obstacles);
    }
}

/// Tell that nothing stands in the way any more.
fn say_waited(time: Duration, console: &mut Console) {
    console.note(&format!("waited {}; going on", duration(time.as_secs())));
    console.record("waited_seconds", &time.as_secs_f64());
}

/// The lock that cargo takes while it builds `rung`, if another process holds it.
pub(crate) fn lock(workspace: &Workspace, rung: Option<&Rung>) -> Option<Lock> {
    let profile = rung.map_or(workspace.profile.as_str(), |it| {
        it.key.profile.split(' ').next().unwrap_or_default()
    });
    let folder = workspace.target_dir.join(profile::folder(profile));
    // The second name is that of cargo's new layout.
    [".cargo-lock", ".cargo-build-lock"].iter().find_map(|name| held(&folder, name))
}

fn held(folder: &Path, name: &str) -> Option<Lock> {
    let file = fs::File::open(folder.join(name)).ok()?;
    // Shared, and let go at once: a cargo that starts in this very moment waits for microseconds.
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            Some(Lock { folder: folder.to_owned(), pid: lock_holder(&file) })
        }
        _ => None,
    }
}

impl Obstacle {
    /// Whether the difference to what was said last is worth another line.
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
            Obstacle::Lock(Lock { folder, pid: Some(pid) }) => {
                write!(f, "process {pid} is building in {}", folder.display())
            }
            Obstacle::Lock(Lock { folder, pid: None }) => {
                write!(f, "another cargo is building in {}", folder.display())
            }
        }
    }
}

impl FromStr for WaitTimeout {
    type Err = String;

    /// `90`, `90s`, `15m`, `2h`.
    fn from_str(text: &str) -> Result<WaitTimeout, String> {
        let expected = || format!("expected a time as `90s`, `15m` or `2h`, found `{text}`");
        if text == "endless" {
            return Ok(WaitTimeout::Endless);
        }
        let digits = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
        let factor = match &text[digits.len()..] {
            "" | "s" => 1,
            "m" | "min" => 60,
            "h" => 3600,
            _ => return Err(expected()),
        };
        let n: u64 = digits.parse().map_err(|_| expected())?;
        let seconds = n.checked_mul(factor).ok_or_else(expected)?;
        Ok(WaitTimeout::For(Duration::from_secs(seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        machine::resources::tests::{contained, gib, machine, users_evening},
        plan::Choice,
        plan::measured::tests::figures,
        plan::preflight::{Check, Preflight},
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
        let lock = Some(Lock { folder: "/w/target/release".into(), pid: Some(42) });
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

    #[test]
    fn times_have_units() {
        let seconds = |it| Ok(WaitTimeout::For(Duration::from_secs(it)));
        let cases = [
            ("90", seconds(90)),
            ("90s", seconds(90)),
            ("15m", seconds(900)),
            ("2h", seconds(7200)),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<WaitTimeout>(), expected);
        }
        assert_eq!("endless".parse(), Ok(WaitTimeout::Endless));
        for bad in ["", "m", "5 m", "-5", "1d", "1.5h", "99999999999999999999h"] {
            let error = bad.parse::<WaitTimeout>().unwrap_err();
            assert!(error.contains(&format!("found `{bad}`")), "{error}");
        }
    }

    #[test]
    fn the_holder_of_a_lock_is_found() {
        let sh = xshell::Shell::new().unwrap();
        let dir = sh.create_temp_dir().unwrap();
        let file = dir.path().join("target/release/.cargo-lock");
        let workspace = Workspace { target_dir: dir.path().join("target"), ..workspace() };
        assert_eq!(lock(&workspace, None), None);
        sh.write_file(&file, "").unwrap();
        assert_eq!(lock(&workspace, None), None);
        let held = fs::File::open(&file).unwrap();
        held.lock().unwrap();
        let found = lock(&workspace, None).unwrap();
        assert_eq!(found.folder, dir.path().join("target/release"));
        if cfg!(target_os = "linux") {
            assert_eq!(found.pid, Some(std::process::id()));
        }
        drop(held);
        assert_eq!(lock(&workspace, None), None);
    }
}
