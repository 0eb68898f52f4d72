//! Option D: end processes the user has named, never others, never without being told to.
//!
//! A process is ended only if it is the user's own, neither xtask nor an ancestor of it, and still the one that
//! was looked at: a PID can be given to another process. It is asked with SIGTERM and may refuse.

use std::{
    io::{self, BufRead as _, IsTerminal as _},
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;
use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, Signal, System};

use crate::{
    exit::{Coded, Exit},
    report::Report,
    resources::{ProcessUse, Resources},
};

/// How long a process may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// A process that was asked to end.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Stopped {
    pub(crate) pid: u32,
    pub(crate) name: String,
    /// What it held before.
    pub(crate) resident_bytes: u64,
    /// Whether it was gone in time.
    pub(crate) gone: bool,
}

/// Look up processes by PID; all of them must be fit to be stopped, or nothing is done.
pub(crate) fn named<'a>(
    resources: &'a Resources,
    pids: &[u32],
) -> Result<Vec<&'a ProcessUse>, Coded> {
    let refuse = |pid: &u32, why: &str| Coded {
        exit: Exit::Usage,
        message: format!("process {pid} {why}; nothing was stopped"),
    };
    pids.iter()
        .map(|pid| match resources.processes.iter().find(|it| it.pid == *pid) {
            None => Err(refuse(pid, "does not exist")),
            Some(it) if it.related => Err(refuse(pid, "is xtask or one of its ancestors")),
            Some(it) if !it.own => Err(refuse(pid, "belongs to another user")),
            Some(it) => Ok(it),
        })
        .collect()
}

/// Read PIDs from an answer: numbers between blanks or commas, each among the candidates. Empty means none.
pub(crate) fn read_answer(answer: &str, candidates: &[&ProcessUse]) -> Result<Vec<u32>, String> {
    answer
        .split([' ', ',', '\t'])
        .map(str::trim)
        .filter(|it| !it.is_empty())
        .map(|it| match it.parse() {
            Ok(pid) if candidates.iter().any(|candidate| candidate.pid == pid) => Ok(pid),
            Ok(pid) => Err(format!("{pid} is not in the list")),
            Err(_) => Err(format!("`{it}` is not a PID")),
        })
        .collect()
}

/// Show the candidates and, on a terminal, ask which to stop. `None` if nobody can be asked.
pub(crate) fn ask(resources: &Resources, report: &mut Report) -> anyhow::Result<Option<Vec<u32>>> {
    let candidates: Vec<&ProcessUse> = resources.stoppable().take(20).collect();
    report.candidates(&candidates);
    if candidates.is_empty() || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(None);
    }
    loop {
        report.question("PIDs to end, separated by blanks (nothing: none)");
        let mut answer = String::new();
        if io::stdin().lock().read_line(&mut answer)? == 0 {
            return Ok(Some(Vec::new()));
        }
        match read_answer(&answer, &candidates) {
            Ok(pids) => return Ok(Some(pids)),
            Err(message) => report.warning(&message, "give PIDs from the list, or nothing"),
        }
    }
}

/// Ask these processes to end and wait until they have.
pub(crate) fn stop(processes: &[&ProcessUse]) -> anyhow::Result<Vec<Stopped>> {
    let mut system = System::new()?;
    let pids: Vec<Pid> = processes.iter().map(|it| Pid::from_u32(it.pid)).collect();
    let mut look = || {
        let what = ProcessRefreshKind::nothing().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&pids), true, what);
        processes.iter().map(|it| still_runs(&system, it)).collect::<Vec<bool>>()
    };
    for it in processes {
        ask_to_end(it)?;
    }
    let deadline = Instant::now() + PATIENCE;
    let mut running = look();
    while running.contains(&true) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(50));
        running = look();
    }
    let stopped = processes.iter().zip(running).map(|(it, running)| Stopped {
        pid: it.pid,
        name: it.name.clone(),
        resident_bytes: it.resident_bytes,
        gone: !running,
    });
    Ok(stopped.collect())
}

/// Send SIGTERM, having looked once more that the PID still means the same process.
fn ask_to_end(it: &ProcessUse) -> anyhow::Result<()> {
    let mut system = System::new()?;
    let pid = Pid::from_u32(it.pid);
    let what = ProcessRefreshKind::nothing().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, what);
    if still_runs(&system, it)
        && let Some(process) = system.process(pid)
    {
        // Where there is no SIGTERM, ending is all there is.
        process.kill_with(Signal::Term).unwrap_or_else(|| process.kill());
    }
    Ok(())
}

fn still_runs(system: &System, it: &ProcessUse) -> bool {
    system.process(Pid::from_u32(it.pid)).is_some_and(|process| {
        process.start_time() == it.started_at_seconds && process.status() != ProcessStatus::Zombie
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::tests::users_evening;

    #[test]
    fn answers_name_candidates_only() {
        let resources = users_evening();
        let candidates: Vec<&ProcessUse> = resources.stoppable().collect();
        #[track_caller]
        fn check(candidates: &[&ProcessUse], answer: &str, expected: Result<&[u32], &str>) {
            let expected = expected.map(<[u32]>::to_vec).map_err(String::from);
            assert_eq!(read_answer(answer, candidates), expected, "{answer:?}");
        }
        check(&candidates, "\n", Ok(&[]));
        check(&candidates, "100, 101 200\n", Ok(&[100, 101, 200]));
        check(&candidates, "1\n", Err("1 is not in the list"));
        check(&candidates, "all\n", Err("`all` is not a PID"));
        check(&candidates, "100 -1\n", Err("`-1` is not a PID"));
    }

    #[test]
    fn one_unfit_pid_refuses_them_all() {
        let mut resources = users_evening();
        resources.processes[1].related = true;
        resources.processes[2].own = false;
        assert_eq!(named(&resources, &[100, 103]).unwrap().len(), 2);
        for (pid, why) in [(9999, "does not exist"), (101, "ancestors"), (102, "another user")] {
            let error = named(&resources, &[100, pid]).unwrap_err();
            assert_eq!(error.exit, Exit::Usage);
            assert!(error.message.contains(why), "{}", error.message);
        }
    }

    /// The only processes this test ends are those it starts.
    #[cfg(unix)]
    #[test]
    fn a_process_ends_unless_its_pid_means_another_one() {
        let start = || std::process::Command::new("sleep").arg("300").spawn().unwrap();
        let (mut child, mut other) = (start(), start());
        let resources = Resources::sample(std::path::Path::new("/")).unwrap();
        let find = |pid| resources.processes.iter().find(|it| it.pid == pid).unwrap().clone();
        let wanted = find(child.id());
        let mut recycled = find(other.id());
        recycled.started_at_seconds -= 1000;
        let stopped = stop(&[&wanted, &recycled]).unwrap();
        assert!(stopped.iter().all(|it| it.gone), "{stopped:?}");
        assert!(!child.wait().unwrap().success());
        assert!(other.try_wait().unwrap().is_none(), "a process with another start time was ended");
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
