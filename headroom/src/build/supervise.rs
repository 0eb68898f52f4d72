//! One child in a process group of its own: its output streamed, its memory watched, its end
//! certain.
//!
//! Whatever ends the watch (the child's own end, Ctrl-C, an error here, a `kill -9` of this
//! process), nothing of what it has started is left running afterwards: [`crate::child::keeper`].
//! Linux's kernel is told to prefer a build over its neighbours when memory runs out. A build has a
//! guard as well, which looks at memory more often than this does.

use std::{
    io::{self, Read},
    process::{Child, Command},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;

use crate::{
    child::{
        Ending, interrupt,
        keeper::{GroupSignal, KeptCommand, Leftovers, Streams},
    },
    console::Console,
    guard::{Guard, GuardStatus, guard_record::Event},
    machine::resources::TreeWatch,
    numbers::bytes,
};

/// Time between two looks at the child.
const TICK: Duration = Duration::from_millis(25);
/// The same when the child has ended and its other processes are being ended.
const SHORT_TICK: Duration = Duration::from_millis(2);
/// The least time between two looks at memory.
const SAMPLE_EVERY: Duration = Duration::from_millis(100);
/// The time between two looks is also so many times as long as a look took, which is at most 5 % of
/// one CPU.
const SAMPLE_COST: u32 = 20;
/// Between two looks at how things stand with the guard.
const LIVE_EVERY: Duration = Duration::from_millis(200);
/// Time that an interrupted child has to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// Below this much available memory a running child gets a warning.
const LITTLE_MEMORY_BYTES: u64 = 256 << 20;

/// The settings with which a child is supervised.
#[derive(Clone, Copy, Debug)]
pub struct Supervision {
    /// The policy after the user has asked to stop.
    pub patience: InterruptPolicy,
    /// Let the kernel pick this group before anything else when memory runs out.
    pub expendable: bool,
    /// Ask it to stop, as Ctrl-C does, when less than this is available.
    pub stop_below_bytes: Option<u64>,
}

/// The policy after the user has asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterruptPolicy {
    /// Two seconds after Ctrl-C, kill.
    Short,
    /// The child saves its work: kill only when asked a second time.
    UntilAskedAgain,
}

/// A piece of the child's output.
#[derive(Debug)]
pub enum OutputPiece<'a> {
    /// A piece of its stdout.
    Stdout(&'a [u8]),
    /// A piece of its stderr.
    Stderr(&'a [u8]),
    /// The user asked to stop; the child has been told.
    Stopping,
    /// Memory available to this process, seen at the last sample.
    Available(u64),
}

/// A message from the guard while the command runs.
#[derive(Debug)]
pub(crate) enum GuardNews<'a> {
    /// It has done something.
    Event(&'a Event),
    /// The present state.
    Live(&'a GuardStatus),
}

/// The observations of a child that has ended.
#[derive(Clone, Debug)]
pub struct SupervisedRun {
    /// The end of the child.
    pub ending: Ending,
    /// `true` if the user asked to stop.
    pub interrupted: bool,
    /// It was asked to stop because memory was short.
    pub stopped_for_memory: bool,
    /// The time from its start to the end of all that it had started.
    pub seconds: f64,
    /// Highest sample of the tree's own memory; 0 if it was too quick to be seen. A guard knows
    /// better.
    pub peak_bytes: u64,
    /// Lowest sample of the memory available to this process.
    pub lowest_available_bytes: Option<u64>,
    /// Processes that it had left.
    pub left: Leftovers,
}

/// Starts `command` and stays until all of it has ended. Pieces arrive on this thread, in order.
///
/// Streams that are `piped` are received.
///
/// # Errors
/// If the program cannot be started, or the system does not tell of its end.
pub fn supervise(
    command: &Command,
    streams: Streams,
    supervision: Supervision,
    on_piece: impl FnMut(OutputPiece<'_>),
) -> anyhow::Result<SupervisedRun> {
    supervise_guarded(command, streams, supervision, None, on_piece, |_| ())
}

/// The same for a command for which `guard` was set up.
pub(crate) fn supervise_guarded(
    command: &Command,
    streams: Streams,
    supervision: Supervision,
    guard: Option<&Guard>,
    mut on_piece: impl FnMut(OutputPiece<'_>),
    mut on_news: impl FnMut(GuardNews<'_>),
) -> anyhow::Result<SupervisedRun> {
    // Ctrl-C is counted from before the child exists until all that it has started is gone.
    let _watcher = interrupt::Watcher::new();
    let started = Instant::now();
    let mut kept = KeptCommand::start(command, streams, supervision.expendable)?;
    if let Some(guard) = guard {
        guard.watch(kept.pid());
    }
    let output = Output::of(kept.child());
    let mut watch = TreeWatch::new(kept.pid())?;

    let mut watched = SupervisedRun {
        ending: Ending::default(),
        interrupted: false,
        stopped_for_memory: false,
        seconds: 0.0,
        peak_bytes: 0,
        lowest_available_bytes: None,
        left: Leftovers::default(),
    };
    let mut n_asked = 0;
    let mut kill_at = None;
    let mut sample_at = Instant::now();
    let ending = loop {
        if let Some(guard) = guard {
            while let Some(event) = guard.next_event() {
                on_news(GuardNews::Event(&event));
            }
            if guard.gave_up() {
                kept.signal(GroupSignal::Kill);
            }
            if Instant::now() >= sample_at {
                on_news(GuardNews::Live(&guard.live()));
                sample_at = Instant::now() + LIVE_EVERY;
            }
        } else if Instant::now() >= sample_at {
            let begun = Instant::now();
            watched.peak_bytes = watched.peak_bytes.max(watch.sample());
            let available = watch.available_bytes()?;
            let lowest = watched.lowest_available_bytes.unwrap_or(u64::MAX).min(available);
            watched.lowest_available_bytes = Some(lowest);
            on_piece(OutputPiece::Available(available));
            let is_short = supervision.stop_below_bytes.is_some_and(|it| available < it);
            if is_short && !watched.stopped_for_memory && n_asked == 0 {
                watched.stopped_for_memory = true;
                kept.signal(GroupSignal::Stop);
            }
            sample_at = Instant::now() + SAMPLE_EVERY.max(begun.elapsed() * SAMPLE_COST);
        }
        if output.forward(TICK, &mut on_piece) == Flow::Closed {
            thread::sleep(TICK);
        }
        if let Some(ending) = kept.try_wait().context("could not wait for the child")? {
            break ending;
        }
        let n_interrupts = interrupt::count();
        if n_interrupts > n_asked {
            watched.interrupted = true;
            if n_asked == 0 {
                kept.signal(GroupSignal::Stop);
                on_piece(OutputPiece::Stopping);
                kill_at = (supervision.patience == InterruptPolicy::Short)
                    .then(|| Instant::now() + GRACE);
            }
            if n_interrupts >= 2 {
                kill_at = Some(Instant::now());
            }
            n_asked = n_interrupts;
        }
        if kill_at.is_some_and(|it| Instant::now() >= it) {
            kept.signal(GroupSignal::Kill);
            kill_at = None;
        }
    };
    kept.end();
    watched.left = loop {
        if let Some(left) = kept.left() {
            break left;
        }
        if output.forward(SHORT_TICK, &mut on_piece) == Flow::Closed {
            thread::sleep(SHORT_TICK);
        }
    };
    // What is still in the pipes comes without a pause. A process that could not be ended may hold
    // them open for ever, so their end is not waited for.
    while output.forward(4 * TICK, &mut on_piece) == Flow::Open {}
    while let Some(event) = guard.and_then(Guard::next_event) {
        on_news(GuardNews::Event(&event));
    }
    watched.interrupted |= interrupt::count() > 0;
    watched.seconds = started.elapsed().as_secs_f64();
    watched.ending = ending;
    Ok(watched)
}

/// Tells how much memory is available to a running child, once, if it is little.
pub fn say_available(available: u64, console: &Console) {
    if available < LITTLE_MEMORY_BYTES {
        console.warning_once(
            "little-memory",
            &format!("{} of memory left", bytes(available)),
            "close what you can spare, or the kernel may end a process",
        );
    }
}

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

    /// Hands on one piece, waiting for it at most this long.
    fn forward(&self, patience: Duration, on_piece: &mut impl FnMut(OutputPiece<'_>)) -> Flow {
        match self.0.recv_timeout(patience) {
            Ok(Chunk::Stdout(bytes)) => on_piece(OutputPiece::Stdout(&bytes)),
            Ok(Chunk::Stderr(bytes)) => on_piece(OutputPiece::Stderr(&bytes)),
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

/// The number of bytes kept of either end of a line. A command line has at most 2 MiB, so longer
/// lines are not meant to be read.
const END_BYTES: usize = 2 << 20;
/// Stands for the middle of a line that was longer.
const CUT: &[u8] = " … ".as_bytes();

/// Cuts a stream of bytes into lines. A carriage return ends one too: cargo's progress bar uses it.
///
/// However long a line is, every byte is looked at once, and memory is bounded: of a very long line
/// both ends are kept.
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
        // Not at every piece, so that moving the end costs less than reading the line.
        if self.line.len() > 4 * END_BYTES {
            self.cut();
        }
    }

    /// Drops the middle.
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

#[cfg(test)]
mod tests {
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
}
