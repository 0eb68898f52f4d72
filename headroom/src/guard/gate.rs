//! The gate: this program as `RUSTC_WRAPPER`, one process per compiler.
//!
//! It asks the controller before it starts the compiler, and starts it again if it was ended for
//! lack of memory; cargo sees one compiler that took longer. What must be known at once (a finished
//! metadata file, on which others wait) is passed on at once and only once; everything else the
//! compiler says is held back until it has ended by itself. What the compiler is to read from
//! standard input, as a build script's probe, is kept: the second compiler reads it from the
//! beginning, too. Without a controller, and for anything that is not a compilation, it is the
//! compiler.

use std::{
    cell::OnceCell,
    collections::HashSet,
    env,
    ffi::{OsStr, OsString},
    fmt,
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, Write as _},
    mem,
    os::{
        fd::AsFd as _,
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixStream},
            process::{CommandExt as _, ExitStatusExt as _},
        },
    },
    path::Path,
    process::{Child, Command, ExitCode, ExitStatus, Stdio},
    thread,
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        memfd::{MFdFlags, memfd_create},
        resource::{UsageWho, getrusage},
        signal::{Signal, killpg, raise},
        socket::{getsockopt, sockopt::PeerCredentials},
    },
    unistd::{Pid, geteuid},
};

use crate::{escape::terminal, machine::process_files::prefer_as_victim, numbers::kib};

use super::linux::OwnController;
use super::wire::{
    AGAIN, C_WRAPPERS, CompilerExit, DOCTESTS, GATE, GO, INNER, INSIDE, Message, NOT_YOURS, NOTE,
    RUN_GATE, RUSTDOC, RUSTDOC_GATE, SOCKET, Unit, is_always, is_c_compiler, is_gate, off_switch,
};

/// The most that is held back of either stream.
const HELD_MOST: usize = 16 << 20;
/// The most that is kept of standard input. No source that a build script has its compiler read is
/// nearly as long.
const INPUT_MOST: u64 = 16 << 20;
/// The score of a compiler for the kernel's choice of a victim. cargo has 500.
const VICTIM: i32 = 700;

/// If this process was started as the gate: be it.
pub(crate) fn entered() -> Option<ExitCode> {
    let mut args = env::args_os();
    let name = args.next()?;
    if !is_gate(Path::new(&name)) {
        return None;
    }
    let role = match Path::new(&name).file_name()?.to_str()? {
        RUSTDOC_GATE => Role::Rustdoc,
        RUN_GATE => Role::Run,
        _ => Role::Compiler,
    };
    let rustdoc = (role == Role::Rustdoc).then(rustdoc);
    let args: Vec<OsString> = rustdoc.into_iter().chain(args).collect();
    let is_off = || Some(off_switch(Path::new(&name).parent()?).exists());
    let always = is_always(Path::new(&name)) && is_off() != Some(true);
    Some(pass(&args, role, always).unwrap_or_else(|err| {
        say(&format!("{GATE}: {err}"));
        ExitCode::FAILURE
    }))
}

/// The kind of program that a gate stands before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Compiler,
    Rustdoc,
    /// A test, or whatever else cargo runs. It is started once, and what it says and reads is not
    /// the gate's.
    Run,
}

/// The rustdoc that cargo would have run.
fn rustdoc() -> OsString {
    let set = env::var_os(RUSTDOC).filter(|it| !it.is_empty());
    let beside_cargo = || {
        let beside = Path::new(&env::var_os("CARGO")?).with_file_name("rustdoc");
        beside.is_file().then(|| beside.into_os_string())
    };
    set.or_else(beside_cargo).unwrap_or_else(|| "rustdoc".into())
}

/// The wrapper that the user has set up, if it is one for this compiler: for rustc it always is.
fn inner(words: &[String], role: Role) -> Option<OsString> {
    let inner = env::var_os(INNER).filter(|it| !it.is_empty() && role == Role::Compiler)?;
    let stem = Path::new(&inner).file_stem().and_then(OsStr::to_str);
    let is_for_c = stem.is_some_and(|it| C_WRAPPERS.contains(&it));
    (is_for_c || !is_c_compiler(words)).then_some(inner)
}

/// Prints a line on stderr. The gate has no console.
fn say(what: &str) {
    writeln!(io::stderr(), "{}", terminal(what)).ok();
}

/// Replaces this process by the command.
fn exec(mut command: Command) -> io::Error {
    let error = command.exec();
    not_started(&command, &error)
}

/// The error that cargo shows to a user whose wrapper is missing or cannot be run.
fn not_started(command: &Command, error: &io::Error) -> io::Error {
    let program = command.get_program().to_string_lossy().into_owned();
    let wrapper = env::var_os(INNER).is_some_and(|it| !it.is_empty() && it == *program);
    let whose = if wrapper { ", the wrapper of RUSTC_WRAPPER or build.rustc-wrapper" } else { "" };
    io::Error::new(error.kind(), format!("could not start `{program}`{whose}: {error}"))
}

/// `args`: the compiler and its arguments, as cargo calls a wrapper. `always`: cargo's
/// configuration names this gate, so there need not be a controller, and it is not switched off.
fn pass(args: &[OsString], role: Role, always: bool) -> io::Result<ExitCode> {
    let kept: OnceCell<File> = OnceCell::new();
    let texts: Vec<String> = args.iter().map(|it| it.to_string_lossy().into_owned()).collect();
    let runs_doctests = role == Role::Rustdoc && texts.iter().any(|it| it == "--test");
    let command = || {
        let inner = inner(&texts, role);
        let words: Vec<&OsString> = inner.iter().chain(args).collect();
        let (program, args) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        command.args(args);
        if runs_doctests
            && let Some(n) = env::var_os(DOCTESTS)
            && env::var_os("RUST_TEST_THREADS").is_none()
        {
            command.env("RUST_TEST_THREADS", n);
        }
        if role == Role::Run {
            // A compiler that a test starts must not wait for that test.
            command.env_remove(SOCKET);
        }
        if let Some(mut input) = kept.get() {
            input.rewind()?;
            command.stdin(input.try_clone()?);
        }
        Ok::<_, io::Error>(command)
    };
    // Doctests are not held back, since no test is ended and run again.
    let variable = |name: &str| env::var(name).ok();
    let unit = match role {
        Role::Compiler => Unit::of(&texts, variable),
        Role::Rustdoc => Unit::of(&texts, variable)
            .filter(|_| !runs_doctests)
            .map(|it| Unit { crate_name: format!("{} (documentation)", it.crate_name), ..it }),
        Role::Run => texts.first().map(|it| Unit::of_a_run(it, variable)),
    };
    let Some(unit) = unit else { return Err(exec(command()?)) };
    let socket = env::var_os(SOCKET);
    let own = match socket {
        None if always => OwnController::start().unwrap_or_else(|err| {
            say(&format!("{GATE}: {} was compiled without the guard: {err:#}", unit.crate_name));
            None
        }),
        _ => None,
    };
    let Some(name) = socket.or_else(|| Some(own.as_ref()?.name.clone().into())) else {
        return Err(exec(command()?));
    };
    let tell_unguarded = |err: &dyn fmt::Display| {
        let what = if role == Role::Run { "ran" } else { "was compiled" };
        let line = format!("{} {what} without the guard: {err}", unit.crate_name);
        // cargo would repeat what is said on stderr in every build until the crate is compiled
        // again. The file is not created here: when the guard has ended, nothing reads it.
        let note = env::var_os(NOTE).ok_or(io::ErrorKind::NotFound.into());
        let told = note
            .and_then(|it| OpenOptions::new().append(true).open(it))
            .and_then(|mut it| it.write_all(format!("{line}\n").as_bytes()));
        if told.is_err() {
            say(&format!("{GATE}: {line}"));
        }
    };
    let unguarded = |err: io::Error| {
        tell_unguarded(&err);
        Err(exec(command()?))
    };
    let controller = match connect(&name) {
        Ok(controller) => controller,
        Err(err) => return unguarded(err),
    };
    // `-` is standard input, which can be read once.
    if role != Role::Run && args.iter().any(|it| it == "-") {
        // Not within `match`: the lock would be held, and be waited for in vain.
        let input = keep(&mut io::stdin().lock(), INPUT_MOST)?;
        match input {
            Input::Whole(file) => drop(kept.set(file)),
            // It is not kept, so this compiler must not be ended.
            Input::TooLong(beginning) => {
                tell_unguarded(&format!("it reads more than {INPUT_MOST} bytes from stdin"));
                return feed(command()?, beginning, &mut io::stdin().lock()).map(end_like);
            }
        }
    }
    let mut gate = Gate { controller: BufReader::new(controller), passed_on: HashSet::new() };
    loop {
        // If the gate is refused, the controller does not read this.
        let asked = gate.tell(&Message::Ask(unit.clone()));
        match gate.answer()?.as_str() {
            GO => asked?,
            NOT_YOURS => return unguarded(io::ErrorKind::PermissionDenied.into()),
            _ => {
                tell_if_given_up(own.as_ref());
                return Ok(ExitCode::FAILURE);
            }
        }
        let (status, said) = gate.run(command()?, role)?;
        let again = !status.success() && gate.answer()? == AGAIN;
        if !again {
            io::stdout().write_all(&said.stdout)?;
            io::stderr().write_all(&said.held)?;
            tell_if_given_up(own.as_ref());
            // Nothing is dropped by a signal.
            drop(own);
            return Ok(end_like(status));
        }
    }
}

/// Tells if the own controller has given up.
fn tell_if_given_up(own: Option<&OwnController>) {
    if let Some(why) = own.and_then(OwnController::why_given_up) {
        say(&format!("error: out of memory: {why}"));
    }
}

/// Standard input, or what has been read of it.
enum Input {
    /// All of it, in a file that only this process has.
    Whole(File),
    TooLong(Vec<u8>),
}

fn keep(from: &mut impl io::Read, most_bytes: u64) -> io::Result<Input> {
    let mut content = Vec::new();
    from.by_ref().take(most_bytes + 1).read_to_end(&mut content)?;
    if content.len() as u64 > most_bytes {
        return Ok(Input::TooLong(content));
    }
    // In memory: it takes no room on a disk, and no name that could be left behind.
    let mut file = File::from(memfd_create(c"source", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(&content)?;
    Ok(Input::Whole(file))
}

/// Runs the command to its end, and has it read this and then the rest.
fn feed(
    mut command: Command,
    beginning: Vec<u8>,
    rest: &mut impl io::Read,
) -> io::Result<ExitStatus> {
    command.stdin(Stdio::piped());
    let mut child = command.spawn().map_err(|it| not_started(&command, &it))?;
    if let Some(mut pipe) = child.stdin.take() {
        // It need not read to the end.
        pipe.write_all(&beginning).and_then(|()| io::copy(rest, &mut pipe)).ok();
    }
    child.wait()
}

fn connect(name: &OsStr) -> io::Result<UnixStream> {
    let stream = UnixStream::connect_addr(&SocketAddr::from_abstract_name(name.as_bytes())?)?;
    // When the controller is gone, any process may take its name.
    peer(&stream)?;
    Ok(stream)
}

/// The PID of the process at the other end, which belongs to this user (or to root).
pub(super) fn peer(stream: &UnixStream) -> io::Result<u32> {
    let peer = getsockopt(stream, PeerCredentials)?;
    if ![0, geteuid().as_raw()].contains(&peer.uid()) {
        let message = format!("the process at the other end belongs to user {}", peer.uid());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    u32::try_from(peer.pid()).map_err(io::Error::other)
}

struct Gate {
    controller: BufReader<UnixStream>,
    /// Lines that cargo has seen already.
    passed_on: HashSet<Vec<u8>>,
}

/// The output of a compiler.
#[derive(Default)]
struct CompilerOutput {
    stdout: Vec<u8>,
    /// stderr, but for what was passed on at once.
    held: Vec<u8>,
    /// The beginning of a line of stderr.
    rest: Vec<u8>,
}

impl Gate {
    fn tell(&mut self, message: &Message) -> io::Result<()> {
        self.controller.get_mut().write_all(message.line().as_bytes())
    }

    fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.controller.by_ref().take(64).read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// Runs the compiler once.
    fn run(
        &mut self,
        mut command: Command,
        role: Role,
    ) -> io::Result<(ExitStatus, CompilerOutput)> {
        command.env(INSIDE, "1");
        if role != Role::Run {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        // A group of its own: the controller ends or stops it with its linker and without this
        // gate.
        command.process_group(0);
        // Whatever ends the gate ends the compiler.
        // SAFETY: between fork and exec only `prctl` is called, which is a bare system call.
        unsafe {
            command.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?));
        }
        let mut compiler = command.spawn().map_err(|it| not_started(&command, &it))?;
        let pid = compiler.id();
        // Should the kernel be faster than the guard, a compiler is to die and not cargo, which
        // could not go on. The linker inherits it.
        prefer_as_victim(pid, VICTIM);
        self.tell(&Message::Started(pid))?;
        let mut said = CompilerOutput::default();
        let status = self.listen(&mut compiler, &mut said)?;
        said.held.append(&mut said.rest);
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        self.tell(&Message::Ended(CompilerExit {
            code: status.code(),
            signal: status.signal(),
            max_resident_bytes: kib(u64::try_from(usage.max_rss()).unwrap_or(0)),
            linker_was_killed: says_that_a_linker_was_killed(&said.held),
        }))?;
        Ok((status, said))
    }

    /// Takes in what the compiler says until it ends.
    fn listen(
        &mut self,
        compiler: &mut Child,
        said: &mut CompilerOutput,
    ) -> io::Result<ExitStatus> {
        let group = Pid::from_raw(compiler.id().try_into().map_err(io::Error::other)?);
        let mut stdout = compiler.stdout.take();
        let mut stderr = compiler.stderr.take();
        // The end of the compiler as something to poll for: the other end of this pair is closed
        // then.
        let (ended, end) = UnixStream::pair()?;
        thread::scope(|scope| {
            let waiter = scope.spawn(move || {
                let status = compiler.wait();
                drop(end);
                status
            });
            let mut has_ended = false;
            let mut buffer = [0; 8192];
            loop {
                let ready = {
                    let readable = |it| PollFd::new(it, PollFlags::POLLIN);
                    let mut fds =
                        vec![readable(ended.as_fd()), readable(self.controller.get_ref().as_fd())];
                    fds.extend(stdout.as_ref().map(|it| readable(it.as_fd())));
                    let stdout_is_open = stdout.is_some();
                    fds.extend(stderr.as_ref().map(|it| readable(it.as_fd())));
                    // After the end only what is in the pipes: another process may hold them open.
                    let patience = if has_ended { PollTimeout::ZERO } else { PollTimeout::NONE };
                    match poll(&mut fds, patience) {
                        Err(nix::Error::EINTR) => continue,
                        other => other?,
                    };
                    let is = |index: usize| fds.get(index).and_then(PollFd::any).unwrap_or(false);
                    let out = stdout_is_open && is(2);
                    let err = stderr.is_some() && is(2 + usize::from(stdout_is_open));
                    (is(0), is(1), out, err)
                };
                let (end, controller, out, err) = ready;
                if controller && !has_ended {
                    // The controller says nothing unasked, so it is gone.
                    killpg(group, Signal::SIGKILL).ok();
                    return Err(io::Error::other("the controller is gone"));
                }
                let mut read = false;
                if out && let Some(pipe) = &mut stdout {
                    match pipe.read(&mut buffer)? {
                        0 => stdout = None,
                        n => {
                            said.stdout.extend_from_slice(&buffer[..n]);
                            if said.stdout.len() > HELD_MOST {
                                io::stdout().write_all(&said.stdout)?;
                                said.stdout.clear();
                            }
                        }
                    }
                    read = true;
                }
                if err && let Some(pipe) = &mut stderr {
                    match pipe.read(&mut buffer)? {
                        0 => stderr = None,
                        n => self.hear(&buffer[..n], said)?,
                    }
                    read = true;
                }
                if has_ended && !read {
                    break;
                }
                has_ended |= end;
            }
            waiter.join().map_err(|_| io::Error::other("could not wait for the compiler"))?
        })
    }

    fn hear(&mut self, bytes: &[u8], said: &mut CompilerOutput) -> io::Result<()> {
        // Every byte is looked at once, however long a line is.
        for piece in bytes.split_inclusive(|it| *it == b'\n') {
            said.rest.extend_from_slice(piece);
            if !piece.ends_with(b"\n") && said.rest.len() <= HELD_MOST {
                continue;
            }
            if !said.rest.starts_with(b"{\"$message_type\":\"artifact\"") {
                said.held.append(&mut said.rest);
            } else if self.passed_on.contains(&said.rest) {
                said.rest.clear();
            } else {
                let line = mem::take(&mut said.rest);
                io::stderr().write_all(&line)?;
                self.passed_on.insert(line);
            }
        }
        // No compiler says that much. If it has to start again, these words are printed twice.
        if said.held.len() > HELD_MOST {
            io::stderr().write_all(&said.held)?;
            said.held.clear();
        }
        Ok(())
    }
}

/// `true` if the compiler says that its linker was killed. rustc itself ends with exit code 1 then.
fn says_that_a_linker_was_killed(said: &[u8]) -> bool {
    let said = String::from_utf8_lossy(said);
    ["terminated with signal 9", "signal: 9 (SIGKILL)", "unable to execute command: Killed"]
        .iter()
        .any(|it| said.contains(it))
}

/// Ends as the compiler did, by the same signal if it was one.
fn end_like(status: ExitStatus) -> ExitCode {
    if let Some(signal) = status.signal().and_then(|it| Signal::try_from(it).ok()) {
        raise(signal).ok();
    }
    let code = status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_compiler_reads_is_kept_or_passed_on_whole() {
        let whole = |mut input: &[u8]| keep(&mut input, 4).unwrap();
        let Input::Whole(mut file) = whole(b"1234") else { panic!("4 bytes are not too long") };
        for _ in 0..2 {
            file.rewind().unwrap();
            let mut cat = Command::new("cat");
            let output = cat.stdin(file.try_clone().unwrap()).output().unwrap();
            assert_eq!(output.stdout, b"1234");
        }
        let mut input: &[u8] = b"123456789";
        let Input::TooLong(beginning) = keep(&mut input, 4).unwrap() else { panic!("too long") };
        assert_eq!((&*beginning, input), (&b"12345"[..], &b"6789"[..]));
        let mut compare = Command::new("sh");
        compare.args(["-c", "test \"$(cat)\" = 123456789"]);
        assert!(feed(compare, beginning, &mut input).unwrap().success());
        // One that reads nothing is no error.
        let status = feed(Command::new("true"), vec![0; 1 << 20], &mut io::empty()).unwrap();
        assert!(status.success());
    }

    #[test]
    fn a_line_that_does_not_end_costs_neither_time_nor_memory() {
        let (one, _other) = UnixStream::pair().unwrap();
        let mut gate = Gate { controller: BufReader::new(one), passed_on: HashSet::new() };
        let (mut said, piece) = (CompilerOutput::default(), [b'x'; 8192]);
        // 15 MiB: with a second look at what was there already, this would not end.
        for _ in 0..1920 {
            gate.hear(&piece, &mut said).unwrap();
        }
        assert_eq!((said.rest.len(), said.held.len()), (15 << 20, 0));
        gate.hear(b"\nerror: ld terminated with signal 9\nrest", &mut said).unwrap();
        assert_eq!(said.rest, b"rest");
        assert!(says_that_a_linker_was_killed(&said.held) && said.held.len() <= HELD_MOST);
    }
}
