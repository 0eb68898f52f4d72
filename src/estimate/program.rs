//! An estimate by a program of one's own, in any language.
//!
//! The program is started once. For each network it gets a line of JSON on its standard input, and
//! answers with a line on its standard output: a number, or `{"id": …, "value": …}` with the `id`
//! of the question. It ends when its input does. `docs/estimators.md` has the fields.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::estimate::{About, Case, Estimator};
use crate::model::key::Key;
use crate::wording::short;

/// For so long an answer is waited for before it is asked whether the user wants to stop.
const TICK: Duration = Duration::from_millis(20);
/// For so long a program may take to end once its input has ended.
const TO_END: Duration = Duration::from_secs(2);
/// The longest line that is read of a program, in bytes.
const LONGEST: u64 = 4096;
/// The length of the end of its standard error that is kept, in bytes.
const TAIL: usize = 2000;

/// The programs that run, so that none is left behind if this process ends at once.
static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// An estimate by a program.
#[derive(Debug)]
pub struct Program {
    name: String,
    command: String,
    words: Vec<String>,
    patience: Duration,
    running: Mutex<Option<Running>>,
}

/// A question, as the program reads it.
#[derive(Serialize)]
struct Question<'a> {
    /// Counts the questions from 1.
    id: u64,
    n: usize,
    seed: u64,
    /// A 0 or 1 for each unit.
    state: &'a [u8],
    /// Row s is what follows state s, in which unit i is ON where bit i of s is 1.
    tpm: &'a [Vec<f64>],
    /// Entry `[i][j]` is 1 where i is an input of j.
    cm: &'a [Vec<u8>],
    /// The key of the comparison, as the journal has it.
    key: Option<Key>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    id: u64,
    value: f64,
}

impl Program {
    /// The estimate `name` by this command, which is split into words as a shell does but not given
    /// to one. An answer may take as long as `patience`.
    ///
    /// # Errors
    /// [`Error::Settings`] if the command cannot be split, or is empty.
    pub fn new(name: &str, command: &str, patience: Duration) -> Result<Program, Error> {
        let words = shlex::split(command).filter(|it| !it.is_empty()).ok_or_else(|| {
            Error::Settings(format!(
                "estimator {name}: command {:?}: expected a program and its arguments, with \
                 quotes in pairs",
                short(command)
            ))
        })?;
        Ok(Program {
            name: name.to_owned(),
            command: command.to_owned(),
            words,
            patience,
            running: Mutex::new(None),
        })
    }

    /// Kills every program that this process has started. For a process that ends at once.
    pub fn end_all() {
        let running = std::mem::take(&mut *RUNNING.lock().unwrap_or_else(PoisonError::into_inner));
        running.into_iter().for_each(kill_group);
    }

    fn wrong(&self, of: &str, message: &str) -> Error {
        Error::Content {
            place: format!("estimator {} ({}){of}", self.name, short(&self.command)),
            message: message.to_owned(),
        }
    }

    /// Runs `work` on the running program and returns its result. The program is started if it does
    /// not run, and killed if something goes wrong.
    fn with<T>(&self, work: impl FnOnce(&mut Running) -> Result<T, Error>) -> Result<T, Error> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let program = match running.take() {
            Some(program) => program,
            None => Running::start(&self.words)
                .map_err(|error| self.wrong("", &format!("cannot be started: {error}")))?,
        };
        let done = work(running.insert(program));
        if done.is_err() {
            *running = None;
        }
        done
    }
}

impl Estimator for Program {
    fn name(&self) -> &str {
        &self.name
    }

    fn summary(&self) -> &str {
        &self.command
    }

    fn about(&self) -> About {
        About { largest: 14, is_kept: false, ..About::default() }
    }

    fn prepare(&self, _keys: &mut dyn Iterator<Item = Key>) -> Result<(), Error> {
        self.with(|_| Ok(()))
    }

    fn estimate(&self, case: &Case, seed: u64) -> Result<f64, Error> {
        let network = case.network();
        let of = case.key().map(|it| format!(", {it}")).unwrap_or_default();
        self.with(|program| {
            program.n_asked += 1;
            let question = serde_json::to_string(&Question {
                id: program.n_asked,
                n: network.n_units(),
                seed,
                state: &network.state().values(),
                tpm: &network.tpm(),
                cm: &network.connectivity(),
                key: case.key(),
            });
            let question = question.expect("plain data") + "\n";
            let answer = program.ask(question, self.patience, || case.go_on())?;
            let answer = answer.and_then(|line| value(&line, program.n_asked));
            answer.map_err(|message| self.wrong(&of, &(message + &program.last_words())))
        })
    }

    fn finish(&self) -> Result<(), Error> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        match running.map(Running::end) {
            Some(Some(line)) => Err(self.wrong(
                "",
                &format!(
                    "wrote {:?} after its last answer: expected one line for each line that it \
                     reads; which of its answers belong to which network is not known",
                    short(&line)
                ),
            )),
            _ => Ok(()),
        }
    }
}

/// The number that a line says.
fn value(line: &str, id: u64) -> Result<f64, String> {
    let expected = "expected a finite number, or {\"id\": …, \"value\": …}";
    let text = line.trim();
    let found = match serde_json::from_str::<Answer>(text) {
        Ok(answer) if answer.id != id => {
            return Err(format!("wrote {:?}: expected the answer to id {id}", short(text)));
        }
        Ok(answer) => answer.value,
        Err(_) => text.parse().map_err(|_| format!("wrote {:?}: {expected}", short(text)))?,
    };
    if found.is_finite() { Ok(found) } else { Err(format!("wrote {text:?}: {expected}")) }
}

/// A program that runs. It is killed, with all that it has started, when this is dropped.
#[derive(Debug)]
struct Running {
    child: Child,
    /// The lines that are to be written to it. `None` once its input has ended.
    questions: Option<Sender<String>>,
    /// Its lines; closed when its output has ended.
    lines: Receiver<Result<String, String>>,
    /// The end of its standard error.
    tail: Arc<Mutex<Vec<u8>>>,
    n_asked: u64,
    /// The system knows it no longer: its number may be that of another by now.
    is_collected: bool,
}

impl Running {
    fn start(words: &[String]) -> std::io::Result<Running> {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-C is for this program, which ends that one. What that one starts ends with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).push(child.id());
        let mut input = child.stdin.take().expect("piped");
        let (output, errors) =
            (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        // A program that does not read must not block this one.
        let (questions, to_write) = channel::<String>();
        thread::spawn(move || {
            for question in to_write {
                if input.write_all(question.as_bytes()).and_then(|()| input.flush()).is_err() {
                    break;
                }
            }
        });
        let (to_read, lines) = sync_channel(16);
        thread::spawn(move || read_lines(output, &to_read));
        let tail = Arc::default();
        let kept = Arc::clone(&tail);
        thread::spawn(move || keep_tail(errors, &kept));
        let questions = Some(questions);
        Ok(Running { child, questions, lines, tail, n_asked: 0, is_collected: false })
    }

    /// The next line that it writes, or what is wrong with it.
    fn ask(
        &mut self,
        question: String,
        patience: Duration,
        go_on: impl Fn() -> Result<(), Error>,
    ) -> Result<Result<String, String>, Error> {
        if let Ok(line) = self.lines.try_recv() {
            let line = line.unwrap_or_default();
            return Ok(Err(format!(
                "wrote {:?} without being asked: expected one line for each line that it reads",
                short(&line)
            )));
        }
        let _ = self.questions.as_ref().expect("its input is open").send(question);
        let asked = Instant::now();
        loop {
            go_on()?;
            match self.lines.recv_timeout(TICK) {
                Ok(line) => return Ok(line),
                // What it has started may hold its output open.
                Err(RecvTimeoutError::Timeout) if self.has_ended() => {
                    return Ok(self
                        .lines
                        .recv_timeout(TICK)
                        .unwrap_or_else(|_| Err(self.end_of())));
                }
                Err(RecvTimeoutError::Timeout) if asked.elapsed() < patience => {}
                Err(RecvTimeoutError::Timeout) => {
                    return Ok(Err(format!(
                        "has not answered after {:?}: expected a line within that time \
                         (--estimator-seconds)",
                        patience
                    )));
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(Err(self.end_of())),
            }
        }
    }

    /// On Linux the system goes on to know it, so that its number stays its own.
    fn has_ended(&mut self) -> bool {
        #[cfg(target_os = "linux")]
        {
            use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
            let without_collecting =
                WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
            let child = nix::unistd::Pid::from_raw(self.child.id() as i32);
            !matches!(waitid(Id::Pid(child), without_collecting), Ok(WaitStatus::StillAlive))
        }
        #[cfg(not(target_os = "linux"))]
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Describes the end of a program that answers no more.
    fn end_of(&mut self) -> String {
        let how = match self.status() {
            Some(status) => format!("ended ({status})"),
            None => "closed its output".to_owned(),
        };
        format!("{how} without an answer: expected a line")
    }

    /// Waits for the end of the program and returns its status. Processes that it has left running
    /// end too.
    fn status(&mut self) -> Option<ExitStatus> {
        let start = Instant::now();
        while !self.has_ended() {
            if start.elapsed() >= TO_END {
                return None;
            }
            thread::sleep(TICK);
        }
        self.collect()
    }

    /// Ends it and all that it has started, while its number is still its own.
    fn collect(&mut self) -> Option<ExitStatus> {
        if self.is_collected {
            return None;
        }
        self.is_collected = true;
        let id = self.child.id();
        kill_group(id);
        let _ = self.child.kill();
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).retain(|it| *it != id);
        self.child.wait().ok()
    }

    /// Lets it end. A line that it writes all the same is returned.
    fn end(mut self) -> Option<String> {
        self.questions = None;
        let start = Instant::now();
        while start.elapsed() < TO_END {
            match self.lines.recv_timeout(TICK) {
                Ok(line) => return Some(line.unwrap_or_else(|error| error)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.status();
                    break;
                }
            }
        }
        None
    }

    /// Returns the last line of its standard error, for a message.
    fn last_words(&self) -> String {
        // What a program says before it ends may still be on its way.
        thread::sleep(TICK);
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&tail);
        match text.trim().lines().last() {
            None => String::new(),
            Some(last) => format!("; its standard error ends with {:?}", short(last)),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.collect();
    }
}

/// Kills a program and all that it has started.
fn kill_group(id: u32) {
    #[cfg(unix)]
    {
        use nix::sys::signal::{Signal, killpg};
        use nix::unistd::Pid;
        let _ = i32::try_from(id).map(|it| killpg(Pid::from_raw(it), Signal::SIGKILL));
    }
    #[cfg(not(unix))]
    let _ = id;
}

fn read_lines(output: ChildStdout, lines: &SyncSender<Result<String, String>>) {
    let mut output = BufReader::new(output);
    loop {
        let mut line = Vec::new();
        let read = output.by_ref().take(LONGEST).read_until(b'\n', &mut line);
        if !matches!(read, Ok(1..)) {
            return;
        }
        let is_whole = line.last() == Some(&b'\n');
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        let line = match is_whole || (line.len() as u64) < LONGEST {
            true => Ok(text),
            false => Err(format!("wrote a line of more than {LONGEST} bytes: expected a number")),
        };
        if lines.send(line).is_err() {
            return;
        }
    }
}

fn keep_tail(mut errors: ChildStderr, tail: &Mutex<Vec<u8>>) {
    let mut bytes = [0; 4096];
    while let Ok(n @ 1..) = errors.read(&mut bytes) {
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend_from_slice(&bytes[..n]);
        let extra = tail.len().saturating_sub(TAIL);
        tail.drain(..extra);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_number_or_has_the_id_of_its_question() {
        for (line, expected) in [
            ("0.5", 0.5),
            (" -1e-3\r", -1e-3),
            ("{\"id\": 7, \"value\": 2}", 2.0),
            ("{\"value\":0.25,\"id\":7}", 0.25),
        ] {
            assert_eq!(value(line, 7), Ok(expected), "{line}");
        }
        for line in ["", "nan", "inf", "1e999", "0.5 0.6", "[1]", "{\"id\": 6, \"value\": 2}", "x"]
        {
            assert!(value(line, 7).unwrap_err().contains("expected"), "{line}");
        }
        for command in ["", "  ", "python3 'own.py"] {
            assert!(Program::new("own", command, TICK).is_err(), "{command}");
        }
    }
}
