//! Option D: pause or end programs the user has named, never others, never without being told to.
//!
//! A program is a process and everything below it. It is touched only if it is the user's own,
//! neither this process nor an ancestor of it, and still the one that was looked at: a PID can be
//! given to another process. Ending is asked for with SIGTERM and may be refused. What is paused
//! goes on when [`PausedPrograms`] is dropped, and if this process is killed the watchdog sees to
//! it.

use std::{
    collections::HashSet,
    io::{self, BufRead as _, IsTerminal as _, Read as _},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::{
    child::watchdog::Watchdog,
    console::Console,
    exit::{Coded, Exit},
    machine::{
        process_id::{Activity, ProcessId, ProcessSignal},
        processes_shown,
        resources::{ProcessTree, ProcessUse, Resources},
    },
    numbers::{bytes, sum},
};

/// Time that a process has to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer of the user.
const MOST_BYTES: u64 = 4096;
/// Number of times that a program that is being paused is searched for what it has just started.
const N_ROUNDS: usize = 5;

/// A program that the user has named, as it was when it was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedProgram {
    pub(crate) root: ProcessId,
    pub(crate) name: String,
    /// The root first. Only the user's own.
    pub(crate) processes: Vec<ProcessId>,
    /// The memory that all of them hold.
    pub(crate) own_bytes: u64,
}

/// The programs that the user has chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProgramChoice {
    pub(crate) pause: Vec<u32>,
    pub(crate) stop: Vec<u32>,
}

/// A program that was asked to end.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StoppedProgram {
    pub(crate) pid: u32,
    pub(crate) name: String,
    pub(crate) n_processes: usize,
    /// The memory that it held before.
    pub(crate) own_bytes: u64,
    /// `true` if all of it was gone in time.
    pub(crate) gone: bool,
}

/// A program that was paused.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PausedProgram {
    pub(crate) pid: u32,
    pub(crate) name: String,
    /// Those that were running; what another process had paused is not resumed here.
    pub(crate) n_processes: usize,
    /// The memory that it holds, and keeps.
    pub(crate) own_bytes: u64,
}

/// The paused programs. Dropped, they go on.
#[derive(Debug, Default)]
pub(crate) struct PausedPrograms {
    watchdog: Option<Watchdog>,
    paused: HashSet<ProcessId>,
}

impl ProgramChoice {
    pub(crate) fn is_empty(&self) -> bool {
        self.pause.is_empty() && self.stop.is_empty()
    }
}

/// Looks up programs by PID; all of them must be fit to be touched, or nothing is done.
pub(crate) fn named(resources: &Resources, pids: &[u32]) -> Result<Vec<NamedProgram>, Coded> {
    let refuse = |pid: &u32, why: &str| Coded {
        exit: Exit::Usage,
        message: format!("process {pid} {why}; nothing was paused or stopped"),
    };
    pids.iter()
        .map(|pid| {
            let all = resources.below(*pid);
            let root = match all.first() {
                None => return Err(refuse(pid, "does not exist")),
                Some(it) if it.related => {
                    return Err(refuse(pid, "is this program or one of its ancestors"));
                }
                Some(it) if !it.own => return Err(refuse(pid, "belongs to another user")),
                Some(it) => it,
            };
            let touchable = |it: &&&ProcessUse| it.own && !it.related;
            let own: Vec<_> = all.iter().filter(touchable).collect();
            Ok(NamedProgram {
                root: root.id,
                name: root.name.clone(),
                processes: own.iter().map(|it| it.id).collect(),
                own_bytes: sum(own.iter().map(|it| it.own_bytes)),
            })
        })
        .collect()
}

/// Reads an answer: `pause` or `stop` before PIDs between blanks or commas, each among the
/// candidates. Empty means nothing.
pub(crate) fn read_answer(
    answer: &str,
    candidates: &[ProcessTree],
) -> Result<ProgramChoice, String> {
    let mut chosen = ProgramChoice::default();
    let mut verb = None;
    for word in answer.split([' ', ',', '\t']).map(str::trim).filter(|it| !it.is_empty()) {
        match (word, verb) {
            ("pause" | "stop", _) => verb = Some(word),
            (_, None) => return Err("say `pause` or `stop` before the PIDs".into()),
            (_, Some(verb)) => {
                let pid = word.parse().map_err(|_| format!("`{word}` is not a PID"))?;
                if !candidates.iter().any(|it| it.root.pid == pid) {
                    return Err(format!("{pid} is not in the list"));
                }
                let pids = if verb == "pause" { &mut chosen.pause } else { &mut chosen.stop };
                pids.push(pid);
            }
        }
    }
    Ok(chosen)
}

/// Shows the candidates and, on a terminal, asks what to do with which. `None` if there is no
/// terminal to ask on.
pub(crate) fn ask(
    resources: &Resources,
    console: &Console,
) -> anyhow::Result<Option<ProgramChoice>> {
    let mut candidates = resources.stoppable();
    candidates.truncate(20);
    say_candidates(&candidates, resources, console);
    if candidates.is_empty() || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(None);
    }
    loop {
        console.question("`pause PID…` and `stop PID…` (nothing: neither)");
        let mut answer = String::new();
        if io::stdin().lock().take(MOST_BYTES).read_line(&mut answer)? == 0 {
            return Ok(Some(ProgramChoice::default()));
        }
        match read_answer(&answer, &candidates) {
            Ok(chosen) => return Ok(Some(chosen)),
            Err(message) => console.warning(&message, "as `pause 123 124 stop 130`, or nothing"),
        }
    }
}

/// Asks these programs to end and waits until they have.
pub(crate) fn stop(programs: &[NamedProgram]) -> Vec<StoppedProgram> {
    for it in programs.iter().flat_map(|it| &it.processes) {
        it.send(ProcessSignal::End);
        // One that is paused hears it only when it goes on.
        if it.activity() == Activity::Paused {
            it.send(ProcessSignal::Resume);
        }
    }
    let is_gone = |it: &NamedProgram| it.processes.iter().all(|it| it.activity() == Activity::Gone);
    let deadline = Instant::now() + PATIENCE;
    while !programs.iter().all(is_gone) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(50));
    }
    let stopped = programs.iter().map(|it| StoppedProgram {
        pid: it.root.pid,
        name: it.name.clone(),
        n_processes: it.processes.len(),
        own_bytes: it.own_bytes,
        gone: is_gone(it),
    });
    stopped.collect()
}

impl PausedPrograms {
    /// Pauses these programs until this is dropped.
    ///
    /// # Errors
    /// If there is no watchdog to resume them when this process is killed, or this is not Unix.
    /// Programs that were paused before go on.
    pub(crate) fn pause(
        &mut self,
        programs: &[NamedProgram],
    ) -> anyhow::Result<Vec<PausedProgram>> {
        if cfg!(not(unix)) {
            anyhow::bail!("only Unix can pause processes: use --stop");
        }
        let mut paused = Vec::new();
        for program in programs {
            let n_before = self.paused.len();
            let mut processes = program.processes.clone();
            // What runs can start more until it is paused, so it is looked at again.
            for _ in 0..N_ROUNDS {
                let mut is_new = false;
                for process in processes {
                    is_new |= self.pause_one(process)?;
                }
                if !is_new || program.root.activity() == Activity::Gone {
                    break;
                }
                let now = Resources::sample(Path::new("/"))?;
                let below = now.below(program.root.pid).into_iter();
                processes = below.filter(|it| it.own && !it.related).map(|it| it.id).collect();
            }
            paused.push(PausedProgram {
                pid: program.root.pid,
                name: program.name.clone(),
                n_processes: self.paused.len() - n_before,
                own_bytes: program.own_bytes,
            });
        }
        Ok(paused)
    }

    /// `true` if it was running until now.
    fn pause_one(&mut self, process: ProcessId) -> anyhow::Result<bool> {
        if self.paused.contains(&process) || process.activity() != Activity::Runs {
            return Ok(false);
        }
        let watchdog = match &mut self.watchdog {
            Some(it) => it,
            none => none.insert(Watchdog::spawn()?),
        };
        watchdog.also_resume(process)?;
        self.paused.insert(process);
        Ok(process.send(ProcessSignal::Pause))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.paused.is_empty()
    }
}

/// Tells of the programs that could be paused or stopped.
fn say_candidates(candidates: &[ProcessTree], resources: &Resources, console: &Console) {
    if candidates.is_empty() {
        console.note("no program of yours holds 50 MiB or more: there is nothing to pause or stop");
        return;
    }
    let sum = sum(candidates.iter().map(|it| it.own_bytes));
    console.say(&processes_shown("Programs of yours that could be paused or stopped", candidates));
    console.note(&format!(
        "stopping all of these would free about {}; {}. Only what you name is touched \
         (`--pause PID`, `--stop PID`)",
        bytes(sum),
        if resources.swap_available_bytes() == 0 {
            "without swap, pausing frees nothing and only keeps them from growing"
        } else {
            "what is paused can be moved to swap when memory is needed"
        }
    ));
}

/// Tells of the programs that were asked to end.
pub(crate) fn say_stopped(stopped: &[StoppedProgram], console: &mut Console) {
    for it in stopped {
        let StoppedProgram { pid, name, .. } = it;
        if it.gone {
            console.note(&format!("{name} ({pid}) has ended; it held {}", bytes(it.own_bytes)));
        } else {
            console.warning(
                &format!("{name} ({pid}) was asked to end and still runs"),
                "end it yourself, or choose another",
            );
        }
        console.append("stopped", it);
    }
}

/// Tells of the programs that were paused.
pub(crate) fn say_paused(paused: &[PausedProgram], resources: &Resources, console: &mut Console) {
    for it in paused {
        let PausedProgram { pid, name, n_processes, own_bytes } = it;
        let processes =
            if *n_processes == 1 { "1 process".into() } else { format!("{n_processes} processes") };
        console.note(&format!(
            "{name} ({pid}) is paused until the build is done: {processes}, {}",
            bytes(*own_bytes)
        ));
        console.append("paused", it);
    }
    if !paused.is_empty() && resources.swap_available_bytes() == 0 {
        console.warning(
            "there is no swap, so what is paused keeps its memory and only stops growing",
            "`--stop PID` frees it",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::resources::tests::users_evening;

    #[test]
    fn answers_name_candidates_only() {
        let candidates = users_evening().stoppable();
        #[track_caller]
        fn check(candidates: &[ProcessTree], answer: &str, expected: Result<[&[u32]; 2], &str>) {
            let expected = expected
                .map(|[pause, stop]| ProgramChoice { pause: pause.into(), stop: stop.into() });
            assert_eq!(
                read_answer(answer, candidates),
                expected.map_err(String::from),
                "{answer:?}"
            );
        }
        check(&candidates, "\n", Ok([&[], &[]]));
        check(&candidates, "pause 100, 101 200\n", Ok([&[100, 101, 200], &[]]));
        check(&candidates, "stop 100 pause 101 stop 102\n", Ok([&[101], &[100, 102]]));
        check(&candidates, "100\n", Err("say `pause` or `stop` before the PIDs"));
        check(&candidates, "stop 1\n", Err("1 is not in the list"));
        check(&candidates, "stop all\n", Err("`all` is not a PID"));
        check(&candidates, "pause 100 -1\n", Err("`-1` is not a PID"));
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

    #[test]
    fn a_program_is_everything_below_it_that_is_the_user_s_own() {
        let mut resources = users_evening();
        // 100 has started 101, 102 and 200; 102 belongs to another user, and 200 is this process.
        for index in [1, 2, 14] {
            resources.processes[index].parent = Some(100);
        }
        resources.processes[2].own = false;
        resources.processes[14].related = true;
        let program = named(&resources, &[100]).unwrap().remove(0);
        let pids: Vec<u32> = program.processes.iter().map(|it| it.pid).collect();
        assert_eq!(pids, [100, 101]);
        assert_eq!(program.own_bytes, 2 * resources.processes[0].own_bytes);
    }

    /// The only processes this test ends are those it starts.
    #[cfg(unix)]
    #[test]
    fn a_program_ends_unless_its_pid_means_another_one() {
        let start =
            |script: &str| std::process::Command::new("sh").args(["-c", script]).spawn().unwrap();
        // The second has a child of its own, which a signal to the shell alone would leave behind.
        let (mut child, mut parent, mut other) =
            (start("exec sleep 300"), start("sleep 301; true"), start("exec sleep 302"));
        let find = |pid: u32| {
            let resources = Resources::sample(Path::new("/")).unwrap();
            // These are children of this test, and thus related to it.
            let all: Vec<ProcessId> = resources.below(pid).iter().map(|it| it.id).collect();
            let root = *all.first()?;
            Some(NamedProgram { root, name: String::new(), processes: all, own_bytes: 0 })
        };
        let deadline = Instant::now() + PATIENCE;
        let family = loop {
            match find(parent.id()) {
                Some(it) if it.processes.len() == 2 => break it,
                _ => assert!(Instant::now() < deadline, "the shell has no child"),
            }
        };
        let wanted = find(child.id()).unwrap();
        // A paused one hears of it too.
        wanted.root.send(ProcessSignal::Pause);
        let mut recycled = find(other.id()).unwrap();
        recycled.root.started += 1;
        recycled.processes = vec![recycled.root];
        let stopped = stop(&[wanted, family.clone(), recycled]);
        assert!(!child.wait().unwrap().success());
        assert!(!parent.wait().unwrap().success());
        assert!(stopped.iter().all(|it| it.gone), "{stopped:?}");
        assert!(family.processes.iter().all(|it| it.activity() == Activity::Gone));
        assert!(other.try_wait().unwrap().is_none(), "a process with another start time was ended");
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
