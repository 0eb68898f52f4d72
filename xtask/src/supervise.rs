//! One child in a process group of its own: its output streamed, its memory watched, its end certain.
//!
//! Whatever ends the watch (the child's own end, Ctrl-C, an error here, a `kill -9` of xtask), nothing of the group is
//! left running afterwards. Linux's kernel is told to prefer a build over its neighbours when memory runs out. A build
//! has a [`Guard`] as well, which looks at memory more often than this does.

use std::{
    fmt,
    io::{self, ErrorKind, Read},
    process::{Child, Command, ExitStatus},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;

use crate::{
    guard::{Guard, Live, record::Event},
    interrupt,
    outcome::Ending,
    process::ProcessId,
    resources::TreeWatch,
    watchdog::Watchdog,
};

/// How often the child is looked at.
const TICK: Duration = Duration::from_millis(25);
/// The least time between two looks at memory…
const SAMPLE_EVERY: Duration = Duration::from_millis(100);
/// …and how many times longer than the look itself: at most 5 % of one CPU.
const SAMPLE_COST: u32 = 20;
/// Between two looks at how things stand with the guard.
const LIVE_EVERY: Duration = Duration::from_millis(200);
/// How long an interrupted child that should end by itself may take.
const GRACE: Duration = Duration::from_secs(2);

/// What to do about the child.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Care {
    /// After the first interruption: kill after a grace time, or wait for the second one.
    pub(crate) patience: Patience,
    /// Let the kernel pick this group before anything else when memory runs out.
    pub(crate) expendable: bool,
    /// Ask it to stop, as Ctrl-C does, when less than this is available.
    pub(crate) stop_below_bytes: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Two seconds after Ctrl-C, kill.
    Short,
    /// The child saves its work: kill only when asked a second time.
    UntilAskedAgain,
}

/// A piece of the child's output.
#[derive(Debug)]
pub(crate) enum Piece<'a> {
    Stdout(&'a [u8]),
    Stderr(&'a [u8]),
    /// The user asked to stop; the child has been told.
    Stopping,
    /// Memory available to this process, seen at the last sample.
    Available(u64),
    /// The guard has done something.
    Guard(&'a Event),
    /// How things stand with the guard.
    Live(&'a Live),
}

/// What was seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watched {
    pub(crate) ending: Ending,
    pub(crate) interrupted: bool,
    /// It was asked to stop because memory was short.
    pub(crate) stopped_for_memory: bool,
    pub(crate) seconds: f64,
    /// Highest sample of the tree's own memory; 0 if it was too quick to be seen. A guard knows better.
    pub(crate) peak_bytes: u64,
    /// Lowest sample of the memory available to this process.
    pub(crate) lowest_available_bytes: Option<u64>,
}

/// The program could not be started.
#[derive(Debug)]
pub(crate) struct NotStarted(pub(crate) io::Error, String);

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NotStarted(source, program) = self;
        match source.kind() {
            ErrorKind::NotFound if !program.contains('/') => {
                write!(f, "could not start `{program}`: it is not in the PATH")
            }
            _ => write!(f, "could not start `{program}`: {source}"),
        }
    }
}

impl std::error::Error for NotStarted {}

/// Start `command` and stay until all of it has ended. Pieces arrive on this thread, in order.
///
/// Set the command's stdout and stderr to `piped` to receive them. `guard` is the one that was set up for this command.
pub(crate) fn supervise(
    mut command: Command,
    care: Care,
    guard: Option<&Guard>,
    mut on_piece: impl FnMut(Piece<'_>),
) -> anyhow::Result<Watched> {
    // From before the child exists until all of it is gone.
    let _watcher = interrupt::Watcher::new();
    own_group(&mut command);
    let started = Instant::now();
    let program = command.get_program().to_string_lossy().into_owned();
    let mut watchdog = Watchdog::spawn()?;
    let mut group = Group(command.spawn().map_err(|it| NotStarted(it, program))?);
    let group_number = group.0.id();
    let leader = ProcessId::of(group_number);
    if let Some(leader) = leader {
        // Without a watchdog only a `kill -9` of xtask leaves something behind: no reason not to go on.
        watchdog.also_end(leader).ok();
    }
    if let Some(guard) = guard {
        guard.watch(group_number);
    }
    if care.expendable {
        prefer_as_victim(group_number);
    }
    let output = Output::of(&mut group.0);
    let mut watch = TreeWatch::new(group_number)?;

    let mut watched = Watched {
        ending: Ending::default(),
        interrupted: false,
        stopped_for_memory: false,
        seconds: 0.0,
        peak_bytes: 0,
        lowest_available_bytes: None,
    };
    let mut n_asked = 0;
    let mut kill_at = None;
    let mut sample_at = Instant::now();
    let status = loop {
        if let Some(guard) = guard {
            while let Some(event) = guard.next_event() {
                on_piece(Piece::Guard(&event));
            }
            if guard.gave_up() {
                group.signal(Request::Kill);
            }
            if Instant::now() >= sample_at {
                on_piece(Piece::Live(&guard.live()));
                sample_at = Instant::now() + LIVE_EVERY;
            }
        } else if Instant::now() >= sample_at {
            let begun = Instant::now();
            watched.peak_bytes = watched.peak_bytes.max(watch.sample());
            let available = watch.available_bytes();
            let lowest = watched.lowest_available_bytes.unwrap_or(u64::MAX).min(available);
            watched.lowest_available_bytes = Some(lowest);
            on_piece(Piece::Available(available));
            let is_short = care.stop_below_bytes.is_some_and(|it| available < it);
            if is_short && !watched.stopped_for_memory && n_asked == 0 {
                watched.stopped_for_memory = true;
                group.signal(Request::Stop);
            }
            sample_at = Instant::now() + SAMPLE_EVERY.max(begun.elapsed() * SAMPLE_COST);
        }
        if output.forward(TICK, &mut on_piece) == Flow::Closed {
            thread::sleep(TICK);
        }
        if let Some(status) = group.0.try_wait().context("could not wait for the child")? {
            break status;
        }
        let n_interrupts = interrupt::count();
        if n_interrupts > n_asked {
            watched.interrupted = true;
            if n_asked == 0 {
                group.signal(Request::Stop);
                on_piece(Piece::Stopping);
                kill_at = (care.patience == Patience::Short).then(|| Instant::now() + GRACE);
            }
            if n_interrupts >= 2 {
                kill_at = Some(Instant::now());
            }
            n_asked = n_interrupts;
        }
        if kill_at.is_some_and(|it| Instant::now() >= it) {
            group.signal(Request::Kill);
            kill_at = None;
        }
    };
    if !status.success() {
        // A killed cargo leaves its compilers behind.
        group.signal(Request::Kill);
    }
    // What is still in the pipes comes without a pause. A daemon that the build started may hold them open
    // for ever, so their end is not waited for.
    while output.forward(4 * TICK, &mut on_piece) == Flow::Open {}
    if let Some(leader) = leader {
        // If the watchdog is gone there is nobody to be told.
        watchdog.has_ended(leader).ok();
    }
    while let Some(event) = guard.and_then(Guard::next_event) {
        on_piece(Piece::Guard(&event));
    }
    watched.interrupted |= interrupt::count() > 0;
    watched.seconds = started.elapsed().as_secs_f64();
    watched.ending = Ending { code: status.code(), signal: signal(status) };
    Ok(watched)
}

/// The child and everything it starts. Dropped before its end, it is killed.
struct Group(Child);

#[derive(Clone, Copy)]
enum Request {
    /// As Ctrl-C does.
    Stop,
    Kill,
}

impl Group {
    #[cfg(unix)]
    fn signal(&mut self, request: Request) {
        use nix::{
            sys::signal::{Signal, killpg},
            unistd::Pid,
        };
        let signal = match request {
            Request::Stop => Signal::SIGINT,
            Request::Kill => Signal::SIGKILL,
        };
        if let Ok(pid) = self.0.id().try_into() {
            // ESRCH: nothing of it is left, which is what was wanted.
            killpg(Pid::from_raw(pid), signal).ok();
        }
    }

    /// There are no groups to signal: end the tree from the top.
    #[cfg(not(unix))]
    fn signal(&mut self, _request: Request) {
        use std::process::Stdio;
        let pid = self.0.id().to_string();
        let mut taskkill = Command::new("taskkill");
        taskkill.args(["/T", "/F", "/PID", &pid]).stdout(Stdio::null()).stderr(Stdio::null());
        if !taskkill.status().is_ok_and(|it| it.success()) {
            self.0.kill().ok();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            self.signal(Request::Kill);
            self.0.wait().ok();
        }
    }
}

#[cfg(unix)]
fn own_group(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

#[cfg(not(unix))]
fn own_group(_command: &mut Command) {}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal()
}

#[cfg(not(unix))]
fn signal(_status: ExitStatus) -> Option<i32> {
    None
}

/// Raising one's own badness needs no privilege, and what the child starts inherits it. Without this the
/// kernel takes the largest process around, which may be someone else's.
#[cfg(target_os = "linux")]
fn prefer_as_victim(pid: u32) {
    let file = format!("/proc/{pid}/oom_score_adj");
    let current = std::fs::read_to_string(&file).ok().and_then(|it| it.trim().parse().ok());
    if current.is_some_and(|it: i32| it < 500) {
        std::fs::write(file, "500").ok();
    }
}

#[cfg(not(target_os = "linux"))]
fn prefer_as_victim(_pid: u32) {}

/// The child's pipes, read by a thread each so that neither can block it.
struct Output(Receiver<Chunk>);

enum Chunk {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
}

#[derive(PartialEq, Eq)]
enum Flow {
    Open,
    /// Nothing came in time.
    Paused,
    Closed,
}

impl Output {
    fn of(child: &mut Child) -> Output {
        let (sender, receiver) = mpsc::sync_channel(64);
        if let Some(stdout) = child.stdout.take() {
            let sender = sender.clone();
            thread::spawn(move || pump(stdout, |it| sender.send(Chunk::Stdout(it)).is_ok()));
        }
        if let Some(stderr) = child.stderr.take() {
            thread::spawn(move || pump(stderr, |it| sender.send(Chunk::Stderr(it)).is_ok()));
        }
        Output(receiver)
    }

    /// Hand on one piece, waiting for it at most this long.
    fn forward(&self, patience: Duration, on_piece: &mut impl FnMut(Piece<'_>)) -> Flow {
        match self.0.recv_timeout(patience) {
            Ok(Chunk::Stdout(bytes)) => on_piece(Piece::Stdout(&bytes)),
            Ok(Chunk::Stderr(bytes)) => on_piece(Piece::Stderr(&bytes)),
            Err(RecvTimeoutError::Timeout) => return Flow::Paused,
            Err(RecvTimeoutError::Disconnected) => return Flow::Closed,
        }
        Flow::Open
    }
}

fn pump(mut from: impl Read, mut send: impl FnMut(Vec<u8>) -> bool) {
    let mut buffer = [0; 8192];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(n) if !send(buffer[..n].to_vec()) => return,
            Ok(_) => {}
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// What is kept of either end of a line. Longer ones are not for reading: a command line has at most 2 MiB.
const END_BYTES: usize = 2 << 20;
/// Stands for the middle of a line that was longer.
const CUT: &[u8] = " … ".as_bytes();

/// Cuts a stream of bytes into lines. A carriage return ends one too: cargo's progress bar uses it.
///
/// However long a line is, every byte is looked at once, and memory is bounded: of a very long line both ends are kept.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// The line so far, without its end.
    line: Vec<u8>,
    is_cut: bool,
}

impl Lines {
    pub(crate) fn push(&mut self, mut bytes: &[u8], mut on_line: impl FnMut(&str)) {
        while let Some(end) = bytes.iter().position(|it| matches!(it, b'\n' | b'\r')) {
            self.extend(&bytes[..end]);
            self.end(&mut on_line);
            bytes = &bytes[end + 1..];
        }
        self.extend(bytes);
    }

    fn extend(&mut self, bytes: &[u8]) {
        self.line.extend_from_slice(bytes);
        // Not each time, so that moving the end costs less than reading it.
        if self.line.len() > 4 * END_BYTES {
            self.cut();
        }
    }

    /// Drop the middle.
    fn cut(&mut self) {
        let before = END_BYTES..self.line.len() - END_BYTES;
        self.line.drain(before);
        self.is_cut = true;
    }

    fn end(&mut self, on_line: &mut impl FnMut(&str)) {
        if self.is_cut {
            if self.line.len() > 2 * END_BYTES {
                self.cut();
            }
            self.line.splice(END_BYTES..END_BYTES, CUT.iter().copied());
        }
        on_line(&String::from_utf8_lossy(&self.line));
        self.line.clear();
        self.is_cut = false;
    }

    /// The last line, if it had no end.
    pub(crate) fn finish(mut self, mut on_line: impl FnMut(&str)) {
        if !self.line.is_empty() {
            self.end(&mut on_line);
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Stdio;

    use super::*;

    #[test]
    fn lines_survive_any_cut() {
        let text = "one\ntwo\r\n\x1b[1mdrei ü\x1b[0m\rlast".as_bytes();
        for cut in 0..text.len() {
            let (mut lines, mut found) = (Lines::default(), Vec::new());
            lines.push(&text[..cut], |it| found.push(it.to_owned()));
            lines.push(&text[cut..], |it| found.push(it.to_owned()));
            lines.finish(|it| found.push(it.to_owned()));
            assert_eq!(found, ["one", "two", "", "\x1b[1mdrei ü\x1b[0m", "last"], "cut at {cut}");
        }
    }

    #[test]
    fn a_line_that_does_not_end_costs_neither_time_nor_memory() {
        // 64 MiB: with a second look at what was there already, this would not end.
        let (mut lines, piece) = (Lines::default(), [b'x'; 65536]);
        lines.push(b"error: begun ", |it| panic!("{it}"));
        for _ in 0..1024 {
            lines.push(&piece, |_| panic!("no end"));
            assert!(lines.line.len() <= 4 * END_BYTES + piece.len());
        }
        let mut found = Vec::new();
        lines.push(b" (signal: 9, SIGKILL: kill)\nnext\n", |it| found.push(it.to_owned()));
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("error: begun xxx") && found[0].contains("x … x"));
        assert!(found[0].ends_with("xxx (signal: 9, SIGKILL: kill)") && found[1] == "next");
        assert!(found[0].len() <= 2 * END_BYTES + CUT.len());
        // What fits is whole.
        let text = "y".repeat(3 * END_BYTES);
        lines.push(text.as_bytes(), |_| panic!("no end"));
        lines.finish(|it| assert_eq!(it, text));
    }

    #[test]
    fn a_child_is_heard_measured_and_its_end_reported() {
        let shell = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]).stdout(Stdio::piped()).stderr(Stdio::piped());
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let care = Care { patience: Patience::Short, expendable: true, stop_below_bytes: None };
            let watched = supervise(command, care, None, |piece| match piece {
                Piece::Stdout(it) => out.extend_from_slice(it),
                Piece::Stderr(it) => err.extend_from_slice(it),
                Piece::Stopping | Piece::Available(_) | Piece::Guard(_) | Piece::Live(_) => {}
            });
            (watched.unwrap(), String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
        };
        let (watched, out, err) = shell("echo out; echo err >&2; sleep 0.2; exit 3");
        assert_eq!((out.as_str(), err.as_str()), ("out\n", "err\n"));
        assert_eq!(watched.ending, Ending { code: Some(3), signal: None });
        assert!(!watched.interrupted && watched.lowest_available_bytes.is_some());
        let (watched, ..) = shell("kill -9 $$");
        assert_eq!(watched.ending, Ending { code: None, signal: Some(9) });
    }

    #[test]
    fn what_a_killed_leader_leaves_behind_is_ended() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 300 & echo $!; kill -9 $$"]).stdout(Stdio::piped());
        let mut out = Vec::new();
        let care = Care { patience: Patience::Short, expendable: false, stop_below_bytes: None };
        supervise(command, care, None, |piece| {
            if let Piece::Stdout(it) = piece {
                out.extend_from_slice(it);
            }
        })
        .unwrap();
        let pid: i32 = String::from_utf8(out).unwrap().trim().parse().unwrap();
        let alive = || nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None).is_ok();
        let dead_or_zombie = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            !alive() || stat.contains(") Z ")
        };
        let deadline = Instant::now() + Duration::from_secs(10);
        while !dead_or_zombie() {
            assert!(Instant::now() < deadline, "{pid} still runs");
            thread::sleep(TICK);
        }
    }
}
