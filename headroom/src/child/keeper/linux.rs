//! The keeper on Linux: a child subreaper, with a cgroup of its own where one can be made.
//!
//! It and its parent, the supervisor, have a pair of sockets. The keeper says `started PID` (or
//! `failed ERRNO`), `ended CODE SIGNAL` when the command has ended, and then what was left. The
//! supervisor says nothing. It closes its side, or is gone, and that is when everything is to end.

use std::{
    collections::HashSet,
    env,
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::Shutdown,
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::{net::UnixStream, process::CommandExt as _},
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, FdFlag, fcntl},
    sys::{
        prctl,
        signal::{Signal, kill, killpg},
        wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid},
    },
    unistd::{Pid, dup2_stderr, dup2_stdin, dup2_stdout},
};

use super::{GroupSignal, Leftovers, Streams};
use crate::{
    child::{Ending, NotStarted},
    files,
    machine::{
        cgroup,
        process_files::{children_of, name_and_pid, prefer_as_victim},
        process_id::ProcessId,
        system::own_program,
    },
};

/// The first argument of a keeper.
const COMMAND: &str = "__keeper";
/// After a successful command, the time in which its other processes may end by themselves, as a
/// `tee` that prints the rest.
const SETTLE: Duration = Duration::from_secs(1);
/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);
/// The longest wait for a killed process. A process that waits for a disk ends only after that.
const LAST: Duration = Duration::from_secs(3);
/// The score of the command for the kernel's choice of a victim; compilers have more.
const VICTIM: i32 = 500;
const ROUND: Duration = Duration::from_millis(10);

/// The command below its keeper. When this is dropped, everything that the command has started is
/// ended.
#[derive(Debug)]
pub(crate) struct KeptCommand {
    keeper: Child,
    stream: UnixStream,
    heard: Vec<u8>,
    leader: ProcessId,
    ending: Option<Ending>,
    left: Leftovers,
    is_over: bool,
}

impl KeptCommand {
    /// Starts the command in a process group of its own. If it is `expendable`, the kernel is to
    /// kill it first when memory runs out.
    ///
    /// # Errors
    /// If the command cannot be started.
    pub(crate) fn start(
        command: &Command,
        streams: Streams,
        expendable: bool,
    ) -> anyhow::Result<KeptCommand> {
        let program = command.get_program();
        let (ours, theirs) = UnixStream::pair().context("could not make a socket")?;
        // The keeper inherits it and hands it down to no other process.
        fcntl(&theirs, FcntlArg::F_SETFD(FdFlag::empty()))?;
        let mut keeper = Command::new(own_program()?);
        keeper.arg0("xtask").arg(COMMAND).arg(theirs.as_raw_fd().to_string());
        keeper.arg(u8::from(expendable).to_string()).arg(program).args(command.get_args());
        keeper.stdin(streams.stdin).stdout(streams.stdout).stderr(streams.stderr);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => keeper.env(name, value),
                None => keeper.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            keeper.current_dir(folder);
        }
        // The keeper must survive Ctrl-C on the terminal, and the end of this process's group.
        keeper.process_group(0);
        let shown = program.to_string_lossy().into_owned();
        let mut keeper =
            keeper.spawn().with_context(|| format!("could not start the keeper of `{shown}`"))?;
        drop(theirs);
        let mut line = String::new();
        let mut stream = BufReader::new(ours);
        let started =
            stream.read_line(&mut line).ok().and_then(|_| line.trim_end().split_once(' '));
        let leader = match started {
            Some(("started", pid)) => pid.parse().ok().and_then(ProcessId::of),
            Some(("failed", errno)) => {
                keeper.wait().ok();
                let error = io::Error::from_raw_os_error(errno.parse().unwrap_or(0));
                return Err(NotStarted(error, shown).into());
            }
            _ => None,
        };
        let heard = stream.buffer().to_vec();
        let stream = stream.into_inner();
        let Some(leader) = leader else {
            drop(stream);
            let status = keeper.wait().context("could not wait for the keeper")?;
            bail!("could not start `{shown}`: its keeper ended with {status}, without a word");
        };
        stream.set_nonblocking(true).context("could not make a socket")?;
        let (ending, left) = (None, Leftovers::default());
        Ok(KeptCommand { keeper, stream, heard, leader, ending, left, is_over: false })
    }

    /// The command's PID, which is that of its process group.
    pub(crate) fn pid(&self) -> u32 {
        self.leader.pid
    }

    /// The child whose stdout and stderr are piped.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.keeper
    }

    pub(crate) fn signal(&self, request: GroupSignal) {
        self.leader.signal_group(match request {
            GroupSignal::Stop => Signal::SIGINT,
            GroupSignal::Kill => Signal::SIGKILL,
        });
    }

    /// Returns the end of the command, or `None` if it still runs. Other processes that it has
    /// started may still run.
    ///
    /// # Errors
    /// None here.
    pub(crate) fn try_wait(&mut self) -> io::Result<Option<Ending>> {
        self.hear();
        if self.is_over && self.ending.is_none() {
            // The keeper was killed, and the command with it.
            self.signal(GroupSignal::Kill);
            self.left.only_group = true;
            self.ending = Some(Ending { code: None, signal: Some(Signal::SIGKILL as i32) });
        }
        Ok(self.ending)
    }

    /// Begins to end what is left of the command.
    pub(crate) fn end(&mut self) {
        self.stream.shutdown(Shutdown::Write).ok();
    }

    /// After [`KeptCommand::end`]: what was left, when all of it has ended.
    pub(crate) fn left(&mut self) -> Option<Leftovers> {
        self.hear();
        self.is_over.then(|| self.left.clone())
    }

    fn hear(&mut self) {
        let mut buffer = [0; 4096];
        while !self.is_over {
            match self.stream.read(&mut buffer) {
                Ok(0) => self.is_over = true,
                Ok(n) => self.heard.extend_from_slice(&buffer[..n]),
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => break,
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.is_over = true,
            }
        }
        while let Some(end) = self.heard.iter().position(|it| *it == b'\n') {
            let line: Vec<u8> = self.heard.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line[..end]);
            let (what, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match what {
                "ended" => {
                    let mut numbers = rest.split(' ').map(|it| it.parse().ok());
                    let mut number = || numbers.next().flatten();
                    self.ending = Some(Ending { code: number(), signal: number() });
                }
                "left" => self.left.ended.push(rest.to_owned()),
                "alive" => self.left.alive.push(rest.to_owned()),
                "blind" => self.left.only_group = true,
                _ => {}
            }
        }
    }
}

impl Drop for KeptCommand {
    fn drop(&mut self) {
        self.end();
        self.stream.set_nonblocking(false).ok();
        self.hear();
        self.keeper.wait().ok();
    }
}

/// If this process is a keeper, be it. Call first in `main`.
pub(crate) fn entered() -> Option<ExitCode> {
    let args: Vec<OsString> = env::args_os().skip(1).collect();
    let [what, fd, expendable, program, args @ ..] = args.as_slice() else { return None };
    if what != COMMAND {
        return None;
    }
    let fd = fd.to_str()?.parse().ok()?;
    // SAFETY: the supervisor has handed this descriptor down for this purpose, and nothing else
    // here uses it.
    let stream = UnixStream::from(unsafe { OwnedFd::from_raw_fd(fd) });
    Some(match keep(stream, expendable == "1", program, args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    })
}

fn keep(
    stream: UnixStream,
    expendable: bool,
    program: &OsStr,
    args: &[OsString],
) -> io::Result<()> {
    fcntl(&stream, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    // An empty handler: unlike the default action, it lets this process live; unlike an ignored
    // signal, it is not inherited.
    ctrlc::set_handler(|| {}).ok();
    let adopts = prctl::set_child_subreaper(true).is_ok();
    let cgroup = Cgroup::new();
    let entrance = cgroup.as_ref().and_then(|it| it.entrance().ok());
    let mut command = Command::new(program);
    command.args(args).process_group(0);
    // SAFETY: between fork and exec nothing is called but `prctl` and `write`, which are bare
    // system calls.
    unsafe {
        command.pre_exec(move || {
            // If the keeper is killed, the command must not go on without it.
            prctl::set_pdeathsig(Signal::SIGKILL)?;
            if let Some(mut entrance) = entrance.as_ref() {
                // The command runs without a control group of its own, too.
                let _ = entrance.write(b"0");
            }
            Ok(())
        });
    }
    let leader = match command.spawn() {
        Ok(child) => child.id(),
        Err(err) => {
            let errno = err.raw_os_error().unwrap_or(Errno::EINVAL as i32);
            return (&stream).write_all(format!("failed {errno}\n").as_bytes());
        }
    };
    drop(command);
    if expendable {
        // Without this the kernel takes the largest process around, which may be another user's.
        prefer_as_victim(leader, VICTIM);
    }
    // The command runs, so nothing may fail from here on. If the supervisor is gone already, the
    // loop below sees that.
    (&stream).write_all(format!("started {leader}\n").as_bytes()).ok();
    if let Ok(nothing) = File::options().read(true).write(true).open("/dev/null") {
        // The command's pipes are to close when the command closes them.
        dup2_stdin(&nothing).ok();
        dup2_stdout(&nothing).ok();
        dup2_stderr(&nothing).ok();
    }
    let leader = Pid::from_raw(leader.cast_signed());
    let (collecting, stream) = (Arc::new(Mutex::new(())), Arc::new(stream));
    let (teller, mutex) = (stream.clone(), collecting.clone());
    // Without a thread the supervisor hears of no end. It hears of the keeper's end, and the
    // command ends with that.
    let watcher = thread::Builder::new().spawn(move || watch(leader, &teller, &mutex));
    if watcher.is_err() {
        stream.shutdown(Shutdown::Both).ok();
    }
    // The supervisor says nothing: it closes its side, or is gone.
    let mut buffer = [0; 64];
    loop {
        match (&*stream).read(&mut buffer) {
            Ok(1..) => {}
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            _ => break,
        }
    }
    let left = end_all(leader, cgroup.as_ref(), &collecting, adopts);
    drop(cgroup);
    let mut text = String::new();
    text.extend(left.ended.iter().map(|it| format!("left {it}\n")));
    text.extend(left.alive.iter().map(|it| format!("alive {it}\n")));
    text.push_str(if left.only_group { "blind\n" } else { "" });
    // If the supervisor is gone, these words are lost.
    (&*stream).write_all(text.as_bytes()).ok();
    Ok(())
}

/// Tells of the command's end, and collects orphans that end before it. The command itself is not
/// collected: until the end its number means its process group.
fn watch(leader: Pid, mut teller: &UnixStream, collecting: &Mutex<()>) {
    loop {
        let status = match waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {
            Ok(status) => status,
            Err(Errno::EINTR) => continue,
            Err(_) => return,
        };
        if status.pid() == Some(leader) {
            let (code, signal) = match status {
                WaitStatus::Exited(_, code) => (code.to_string(), "-".into()),
                WaitStatus::Signaled(_, signal, _) => ("-".into(), (signal as i32).to_string()),
                _ => ("-".into(), "-".into()),
            };
            teller.write_all(format!("ended {code} {signal}\n").as_bytes()).ok();
            return;
        }
        let _collecting = collecting.lock().unwrap_or_else(PoisonError::into_inner);
        waitpid(status.pid(), Some(WaitPidFlag::WNOHANG)).ok();
    }
}

/// Ends everything below this process. Its children are signalled, and when they are gone theirs
/// are its children.
fn end_all(
    leader: Pid,
    cgroup: Option<&Cgroup>,
    collecting: &Mutex<()>,
    adopts: bool,
) -> Leftovers {
    let without_collecting = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    let mut left = Leftovers { only_group: !adopts, ..Leftovers::default() };
    if children_of(std::process::id()).is_none() {
        // Without /proc it is not known which they are.
        killpg(leader, Signal::SIGKILL).ok();
        left.only_group = true;
        return left;
    }
    let status = waitid(Id::Pid(leader), without_collecting);
    let was_successful = matches!(status, Ok(WaitStatus::Exited(_, 0)));
    let steps: &[_] = if was_successful {
        &[(None, SETTLE), (Some(Signal::SIGTERM), GRACE), (Some(Signal::SIGKILL), LAST)]
    } else {
        // A killed cargo leaves its compilers behind.
        killpg(leader, Signal::SIGKILL).ok();
        &[(Some(Signal::SIGTERM), GRACE), (Some(Signal::SIGKILL), LAST)]
    };
    let mut named = HashSet::new();
    for (signal, patience) in steps {
        let deadline = Instant::now() + *patience;
        let mut signalled = HashSet::new();
        if *signal == Some(Signal::SIGKILL)
            && let Some(cgroup) = cgroup
        {
            cgroup.kill();
        }
        loop {
            {
                // A process that is not collected keeps its PID.
                let _collecting = collecting.lock().unwrap_or_else(PoisonError::into_inner);
                if collect() == Rest::None {
                    return left;
                }
                let children = children_of(std::process::id()).unwrap_or_default();
                for pid in children.into_iter().filter_map(|it| i32::try_from(it).ok()) {
                    let Some(signal) = *signal else { break };
                    if was_successful && named.insert(pid) {
                        left.ended.push(name_and_pid(pid));
                    }
                    if signalled.insert(pid) {
                        kill(Pid::from_raw(pid), signal).ok();
                        // A stopped process hears SIGTERM only when it goes on.
                        kill(Pid::from_raw(pid), Signal::SIGCONT).ok();
                    }
                }
            }
            if Instant::now() >= deadline {
                break;
            }
            thread::sleep(ROUND);
        }
    }
    let children = children_of(std::process::id()).unwrap_or_default();
    left.alive =
        children.into_iter().filter_map(|it| Some(name_and_pid(it.try_into().ok()?))).collect();
    if left.alive.is_empty() {
        left.alive.push("a process that cannot be seen".into());
    }
    left.ended.retain(|it| !left.alive.contains(it));
    left
}

#[derive(PartialEq, Eq)]
enum Rest {
    Some,
    None,
}

/// Collects the children that have ended, and tells whether others are left.
fn collect() -> Rest {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return Rest::Some,
            Err(Errno::EINTR) | Ok(_) => {}
            Err(_) => return Rest::None,
        }
    }
}

/// A group of the command's own, below that of this process, in which the kernel kills everything
/// at once: also what forks faster than one can look, and what belongs to another user. It has no
/// limits, and only v2 has such groups.
struct Cgroup(PathBuf);

impl Cgroup {
    /// A new group. `None` where none can be made, as in most containers and for most services.
    fn new() -> Option<Cgroup> {
        let own = cgroup::own_v2_dir(Path::new("/"))?;
        let folder = own.join(format!("xtask-{:016x}", files::random()));
        fs::create_dir(&folder).ok()?;
        // Dropped, it is removed.
        let group = Cgroup(folder);
        // Linux has it from 5.14 on.
        group.0.join("cgroup.kill").exists().then_some(group)
    }

    /// Opens the file of the group's members. A process that writes `0` to it belongs to the group
    /// from then on.
    fn entrance(&self) -> io::Result<File> {
        File::options().write(true).open(self.0.join("cgroup.procs"))
    }

    fn kill(&self) {
        fs::write(self.0.join("cgroup.kill"), "1").ok();
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Only groups without processes can be removed. Those below were made by the command.
        fn remove(group: &Path) {
            for entry in fs::read_dir(group).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|it| it.is_dir()) {
                    remove(&entry.path());
                }
            }
            fs::remove_dir(group).ok();
        }
        remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_can_be_made_ends_what_is_in_it() {
        let Some(group) = Cgroup::new() else { return };
        let folder = group.0.clone();
        let mut entrance = group.entrance().unwrap();
        let mut inside = Command::new("sleep").arg("300").spawn().unwrap();
        entrance.write_all(inside.id().to_string().as_bytes()).unwrap();
        fs::create_dir(folder.join("nested")).unwrap();
        let mut outside = Command::new("sleep").arg("300").spawn().unwrap();
        group.kill();
        assert_eq!(inside.wait().unwrap().code(), None);
        assert!(outside.try_wait().unwrap().is_none(), "what is in another group was ended");
        outside.kill().unwrap();
        outside.wait().unwrap();
        drop(group);
        assert!(!folder.exists());
    }
}
