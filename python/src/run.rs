//! Running an analysis: off the thread of the interpreter and without its lock, on a pool of
//! threads of this process, until it is done or the user presses Ctrl-C.

use std::any::Any;
use std::cell::{OnceCell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::process;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyTimeoutError;
use pyo3::prelude::*;
use pyphi_core::{Observer, Phase, Progress, StopReason};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{InternalError, MemoryLimitError};
use crate::options::Options;

/// Systems of at most so many units are done before other threads have woken up.
const AT_ONCE: usize = 3;

/// The interval at which Ctrl-C is checked and progress is reported.
const GLANCE: Duration = Duration::from_millis(40);

/// The time that an analysis which was told to stop has to end. One that takes longer ends by
/// itself.
const PATIENCE: Duration = Duration::from_millis(80);

/// Pools that nothing runs on, each with its process and the number of threads that were asked for.
/// An analysis has a pool to itself: on a shared one it could be left under another, which a thread
/// took up while it was waiting.
static IDLE: Mutex<Vec<(u32, usize, ThreadPool)>> = Mutex::new(Vec::new());

/// More are not kept.
const MOST_IDLE: usize = 2;

/// So many threads of Python may have a pool of their own thread alone: what such a pool takes is
/// not given back when the thread ends.
const MOST_HERE: usize = 64;

/// So many have one.
static N_HERE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// A pool of the current thread alone, for what is done before other threads have woken up.
    static HERE: OnceCell<ThreadPool> = const { OnceCell::new() };
    /// The panic of this thread.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A pool of so many threads.
fn pool(threads: usize) -> PyResult<ThreadPool> {
    let process = process::id();
    {
        // Where another thread held the lock when this process was forked off, nothing releases it.
        let mut idle = match IDLE.try_lock() {
            Ok(idle) => idle,
            Err(TryLockError::Poisoned(idle)) => idle.into_inner(),
            Err(TryLockError::WouldBlock) => return new_pool(threads),
        };
        // The threads of a pool do not survive a fork, and nothing may wait for them.
        while let Some(at) = idle.iter().position(|it| it.0 != process) {
            std::mem::forget(idle.swap_remove(at));
        }
        if let Some(at) = idle.iter().position(|it| it.1 == threads) {
            return Ok(idle.swap_remove(at).2);
        }
    }
    new_pool(threads)
}

fn new_pool(threads: usize) -> PyResult<ThreadPool> {
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|number| format!("pyphi-core-{number}"))
        .build();
    pool.map_err(|error| InternalError::new_err(format!("cannot start threads: {error}")))
}

fn give_back(threads: usize, pool: ThreadPool) {
    if let Ok(mut idle) = IDLE.try_lock()
        && idle.len() < MOST_IDLE
    {
        idle.push((process::id(), threads, pool));
    }
}

/// Runs `work` with the options on this thread. It must not take long: nothing interrupts it.
fn at_once<T: Send>(
    py: Python<'_>,
    options: &Options,
    work: impl FnOnce(&pyphi_core::Options) -> T + Send,
) -> PyResult<T> {
    let engine = &options.engine;
    let work = || panic::catch_unwind(AssertUnwindSafe(|| work(engine))).map_err(said);
    let is_new = HERE.with(|here| here.get().is_none());
    if is_new && N_HERE.fetch_add(1, Ordering::Relaxed) >= MOST_HERE {
        N_HERE.fetch_sub(1, Ordering::Relaxed);
        let pool = pool(1)?;
        let found = py.detach(|| pool.install(work));
        give_back(1, pool);
        return found.map_err(InternalError::new_err);
    }
    let found = py.detach(|| {
        HERE.with(|here| {
            let pool = match here.get() {
                Some(pool) => pool,
                None => {
                    let built = ThreadPoolBuilder::new().num_threads(1).use_current_thread();
                    let built = built.build().map_err(|error| error.to_string())?;
                    here.get_or_init(|| built)
                }
            };
            pool.install(work)
        })
    });
    found.map_err(InternalError::new_err)
}

/// Runs `work` with the options, on as many threads as they say.
pub(crate) fn run<T: Send + 'static>(
    py: Python<'_>,
    options: &Options,
    work: impl FnOnce(&pyphi_core::Options) -> T + Send + 'static,
) -> PyResult<T> {
    let (cancel, latest) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(None)));
    let engine = watched(options, &cancel, &latest);
    run_with(py, options, &cancel, &latest, move || work(&engine))
}

/// The options of the engine, for an analysis that can be stopped and says how far it is.
pub(crate) fn watched(
    options: &Options,
    cancel: &Arc<AtomicBool>,
    latest: &Arc<Mutex<Option<Progress>>>,
) -> pyphi_core::Options {
    let mut engine = options.engine.clone();
    engine.cancel = Some(Arc::clone(cancel));
    if options.progress.is_some() {
        let latest = Arc::clone(latest);
        engine.progress = Some(Observer::new(move |progress| {
            *latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress);
        }));
    }
    engine
}

/// As [`run`]; of a system of few units on this thread, before others have woken up.
pub(crate) fn run_of_size<T: Send + 'static>(
    py: Python<'_>,
    options: &Options,
    n_units: usize,
    work: impl FnOnce(&pyphi_core::Options) -> T + Send + 'static,
) -> PyResult<T> {
    let is_small = n_units <= AT_ONCE && options.spectrum.is_none() && options.progress.is_none();
    if is_small { at_once(py, options, work) } else { run(py, options, work) }
}

/// Runs `work`. Meanwhile the user can stop it by `cancel` and is told what is `latest`.
pub(crate) fn run_with<T: Send + 'static>(
    py: Python<'_>,
    options: &Options,
    cancel: &Arc<AtomicBool>,
    latest: &Arc<Mutex<Option<Progress>>>,
    work: impl FnOnce() -> T + Send + 'static,
) -> PyResult<T> {
    watch(py, options.threads, cancel, || tell_progress(py, options, latest), work)
}

/// Runs `work` without the lock of the interpreter. Where it takes long, Ctrl-C is heard meanwhile;
/// nothing stops the work then: it ends by itself, and nothing waits for it.
pub(crate) fn heard<T: Send + 'static>(
    py: Python<'_>,
    is_long: bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> PyResult<T> {
    match is_long {
        true => watch(py, 1, &AtomicBool::new(false), || Ok(()), work),
        false => Ok(py.detach(work)),
    }
}

/// Runs `work` on a pool. Now and then it looks for Ctrl-C, and calls `tell_user`.
fn watch<T: Send + 'static>(
    py: Python<'_>,
    threads: usize,
    cancel: &AtomicBool,
    tell_user: impl Fn() -> PyResult<()>,
    work: impl FnOnce() -> T + Send + 'static,
) -> PyResult<T> {
    let pool = pool(threads)?;
    let (tell, told) = mpsc::sync_channel(1);
    pool.spawn(move || {
        let found = panic::catch_unwind(AssertUnwindSafe(work)).map_err(said);
        // Where it is too late, nothing listens.
        drop(tell.send(found));
    });
    let told = Mutex::new(told);
    let wait = |time: Duration| {
        py.detach(|| told.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(time))
    };
    loop {
        match wait(GLANCE) {
            Ok(found) => {
                tell_user()?;
                give_back(threads, pool);
                return found.map_err(InternalError::new_err);
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(InternalError::new_err("a thread ended before its work was done"));
            }
            Err(RecvTimeoutError::Timeout) => {
                let wish = py.check_signals().and_then(|()| tell_user());
                if let Err(wish) = wish {
                    cancel.store(true, Ordering::Relaxed);
                    if wait(PATIENCE).is_ok() {
                        give_back(threads, pool);
                    }
                    return Err(wish);
                }
            }
        }
    }
}

fn tell_progress(
    py: Python<'_>,
    options: &Options,
    latest: &Mutex<Option<Progress>>,
) -> PyResult<()> {
    let Some(callback) = &options.progress else { return Ok(()) };
    let latest = latest.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(Progress { phase, done, total, best, elapsed, .. }) = latest else { return Ok(()) };
    let what = match phase {
        Phase::Concepts | Phase::Distinctions => "mechanisms",
        Phase::Cuts => "cuts",
        Phase::Orders => "numberings",
        Phase::SystemPartitions => "partitions",
        Phase::Systems => "systems",
        Phase::Occurrences => "occurrences",
        Phase::Nexus => "sets of causes",
        Phase::Grains => "grains",
    };
    callback.call1(py, (what, done, total, best, elapsed.as_secs_f64())).map(drop)
}

/// A call of several analyses: the limit on time is that of all of them.
pub(crate) struct Whole<'a> {
    options: &'a pyphi_core::Options,
    began: Instant,
}

impl Whole<'_> {
    pub(crate) fn new(options: &pyphi_core::Options) -> Whole<'_> {
        Whole { options, began: Instant::now() }
    }

    /// The options of the next analysis: with as much time as is left.
    pub(crate) fn left(&self) -> pyphi_core::Options {
        self.options.left(self.began)
    }

    /// `true` if no time is left, or the user has stopped it.
    pub(crate) fn is_over(&self) -> bool {
        let is_stopped = self.options.cancel.as_ref().is_some_and(|it| it.load(Ordering::Relaxed));
        is_stopped || self.options.limits.time.is_some_and(|it| it <= self.began.elapsed())
    }

    /// Returns the progress: how many of the systems are done.
    pub(crate) fn progress(&self, done: usize, total: usize) -> Progress {
        Progress {
            phase: Phase::Systems,
            done: done as u64,
            total: total as u64,
            best: None,
            elapsed: self.began.elapsed(),
            remaining: None,
        }
    }

    /// Returns the reason why an analysis ended, with the limit that was asked for.
    pub(crate) fn reason(&self, of_step: StopReason) -> StopReason {
        match (of_step, self.options.limits.time) {
            (StopReason::TimeLimit(_), Some(limit)) => StopReason::TimeLimit(limit),
            (reason, _) => reason,
        }
    }
}

/// Panics are handed over as exceptions instead of being printed. This is the hook of this library
/// alone: others have a standard library of their own.
pub(crate) fn keep_panics_quiet() {
    panic::set_hook(Box::new(|info| {
        let message = info.to_string();
        PANIC.with(|it| *it.borrow_mut() = Some(message));
    }));
}

/// Returns the message of a panic, and its place.
fn said(panic: Box<dyn Any + Send>) -> String {
    let kept = PANIC.with(|it| it.borrow_mut().take());
    let text = kept.or_else(|| {
        let text = panic.downcast_ref::<&str>().map(|it| (*it).to_owned());
        text.or_else(|| panic.downcast_ref::<String>().cloned())
    });
    text.unwrap_or_else(|| "a panic without a message".to_owned())
}

/// Panics, for the tests: in the engine's threads, or on this one.
#[pyfunction]
pub(crate) fn fail_on_purpose(py: Python<'_>, options: &Options, here: bool) -> PyResult<()> {
    match here {
        true => at_once(py, options, |_| panic!("on purpose")),
        false => run(py, options, |_| panic!("on purpose")),
    }
}

/// The exception for an analysis that gave no result to speak of.
pub(crate) fn stopped(reason: StopReason) -> PyErr {
    match reason {
        StopReason::MemoryLimit { needed_bytes } => MemoryLimitError::new_err(format!(
            "memory: it would need {needed_bytes} bytes, more than memory_limit or than is left"
        )),
        _ => PyTimeoutError::new_err(reason.to_string()),
    }
}

/// # Errors
/// If the analysis did not begin for want of memory, or went nowhere.
pub(crate) fn check(reason: StopReason) -> PyResult<()> {
    match reason {
        StopReason::MemoryLimit { .. } => Err(stopped(reason)),
        _ => Ok(()),
    }
}

/// The result of an analysis: a number or two, and its record as JSON when that is asked for.
#[pyclass(frozen, module = "pyphi_core._engine")]
pub(crate) struct Answer {
    /// Φ, φ_s or φ.
    #[pyo3(get)]
    phi: f64,
    /// The reason for the end: `complete`, or what stopped the analysis.
    #[pyo3(get)]
    stop_reason: String,
    json: Box<dyn Fn() -> String + Send + Sync>,
}

impl Answer {
    pub(crate) fn new(
        phi: f64,
        stop_reason: StopReason,
        json: impl Fn() -> String + Send + Sync + 'static,
    ) -> Answer {
        Answer { phi, stop_reason: stop_reason.to_string(), json: Box::new(json) }
    }
}

#[pymethods]
impl Answer {
    /// The record, as the program `phi` writes it.
    fn json(&self, py: Python<'_>) -> String {
        py.detach(|| (self.json)())
    }
}

/// A record as JSON.
pub(crate) fn json(record: &impl serde::Serialize) -> String {
    serde_json::to_string(record).expect("plain data")
}
