//! The controller: a thread that looks at memory, hears the gates and does what the policy says.
//!
//! While the build runs it starts no process, and it works in buffers it has, but for what it reads
//! of other builds and of trees of processes. The controller must never block: every socket is
//! non-blocking, and a gate that stops reading is dropped.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Read as _, Write as _},
    os::{
        fd::AsFd as _,
        unix::net::{UnixListener, UnixStream},
    },
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use nix::sys::{
    epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
    signal::Signal,
};

use super::{
    GuardStatus, ObservedRun,
    agreement::{Agreement, OtherBuild, machine_now},
    gate,
    guard_record::{
        CompilerRun, Event, GuardAction, GuardRecord, OversizedCompiler, Point, RunEnd, Timeline,
        push_row,
    },
    policy::{
        Action, CompileRequest, CompilerEnd, JobId, MemorySample, Millis, OtherBuilds, Policy,
        PolicySettings, Published,
    },
    wire::{AGAIN, CompilerExit, FINAL, GO, Message, NOT_YOURS, Unit, is_gate_name, tool},
};
use crate::build_ledger::UnitKind;
use crate::machine::{
    cgroup::KillCounters,
    headroom::{Headroom, HeadroomReader, Stalls},
    process_files::{
        OpenProcess, OwnMemory, ProcessReader, children_of, leaves_below,
        peak_and_own_bytes_of_this, variable_of,
    },
    process_id::{Activity, ProcessId, ProcessSignal},
};

/// Time between two looks at memory: when memory is short, and otherwise.
const TICK_TIGHT: Millis = 25;
const TICK: Millis = 100;
/// Time between two looks at what costs more to read: pressure, and trees of processes.
const SLOW_TICK: Millis = 250;
/// The last part of a build, whose lowest headroom is recorded.
const LATELY: Millis = 2000;
/// The part of the time from which on no further compiler is let in, if some program stands still
/// for lack of memory for that long.
const STALLED: f64 = 0.3;
/// A compiler of which more than one look of so many was in such a time is not taken for measured.
const STALLED_PART: u32 = 10;
/// Pages that a compiler shares with all others. They are taken off the resident set of a compiler
/// that ended before it was looked at.
const SHARED_BYTES: u64 = 100 << 20;

/// After a turn that could not be had, the next try.
const RETRY: Millis = 2;
/// Without a turn for so long, other builds are taken for any other programs.
const NO_TURN: Millis = 2000;
/// A build of which nothing has run for so long, because of another one, says so.
const WAITS_SILENTLY: Millis = 3000;

const LISTENER: u64 = 0;
const STOP: u64 = 1;
const FIRST_CLIENT: u64 = 2;

/// The state that the controller's thread and the thread that started it share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// cargo, which leads the build's group; 0 before it is started.
    pub(crate) build: AtomicU32,
    pub(crate) gave_up: AtomicBool,
    live: Mutex<GuardStatus>,
    /// Events that the user has not been told of, in order.
    events: Mutex<VecDeque<Event>>,
}

impl Shared {
    pub(crate) fn live(&self) -> MutexGuard<'_, GuardStatus> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn events(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks up the known need of a unit.
pub(crate) type KnownNeeds = Box<dyn Fn(&Unit) -> Option<u64> + Send>;

/// The surroundings that a controller works with.
pub(crate) struct ControllerContext {
    pub(crate) listener: UnixListener,
    pub(crate) reader: HeadroomReader,
    /// The agreement with the other builds of this user. `None` if there is none.
    pub(crate) agreement: Option<Agreement>,
    /// Memory that other programs have taken is waited for at least this long.
    pub(crate) wait: Duration,
    /// The memory that the build may hold altogether, if the user has set a limit.
    pub(crate) budget_bytes: Option<u64>,
    /// There is no build around that ends the gates when the guard gives up.
    pub(crate) is_of_a_gate: bool,
}

pub(crate) struct Controller {
    epoll: Epoll,
    listener: UnixListener,
    agreement: Option<Agreement>,
    /// Another build that shares the memory.
    other_build: Option<OtherBuild>,
    budget_bytes: Option<u64>,
    is_of_a_gate: bool,
    had_turn_at: Millis,
    missed_turn: bool,
    /// The time since which nothing of this build runs because of another one.
    held_up_since: Option<Millis>,
    clients: Vec<Option<Client>>,
    /// Compilers of the build that no gate has let in.
    found: Vec<Found>,
    looks_for_compilers_at: Millis,
    policy: Policy,
    actions: Vec<Action>,
    reader: HeadroomReader,
    processes: ProcessReader,
    headroom: Headroom,
    /// On the machine's clock, as everything that the policy is told.
    began: Millis,
    looked_at: Millis,
    looked_slowly_at: Millis,
    stalls: Option<Stalls>,
    pressure: f64,
    /// Memory of cargo and of what it runs besides compilers.
    rest_bytes: u64,
    kills: KillCounters,
    /// The number of compilers that either the kernel or the guard has ended: which was first
    /// cannot be told.
    n_perhaps_killed: u64,
    next_job: u32,
    known: KnownNeeds,
    shared: Arc<Shared>,
    timeline: Timeline,
    record: GuardRecord,
    observed: Vec<ObservedRun>,
}

/// A gate.
struct Client {
    stream: UnixStream,
    /// Its PID.
    gate: u32,
    buffer: [u8; 1024],
    n_read: usize,
    unit: Option<Arc<Unit>>,
    job: Option<JobId>,
    /// The request whose compiler was ended, until it asks again.
    ended: Option<JobId>,
    asked_at: Millis,
    granted_at: Option<Millis>,
    compiler: Option<Compiler>,
    desired: DesiredState,
    /// `true` if the kernel had killed an unknown process when this compiler was ended for room.
    too_late: bool,
}

/// The state that the policy wants the compiler to be in, whether it was started already or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DesiredState {
    Running,
    Stopped,
    Ended,
}

/// A compiler or linker that a build script's make or cmake has started. It is paused at most,
/// since nothing starts it again.
struct Found {
    job: JobId,
    process: ProcessId,
    unit: Arc<Unit>,
    at: Millis,
    compiler: Compiler,
}

struct Compiler {
    group: u32,
    leader: Option<ProcessId>,
    /// Open for as long as it runs.
    status: Option<OpenProcess>,
    held: OwnMemory,
    peak_bytes: u64,
    n_looks: u32,
    /// Looks at which programs stood still for lack of memory.
    n_stalled_looks: u32,
}

impl Controller {
    pub(crate) fn new(
        around: ControllerContext,
        stop: &UnixStream,
        known: KnownNeeds,
        shared: Arc<Shared>,
    ) -> io::Result<Controller> {
        let ControllerContext {
            listener,
            mut reader,
            mut agreement,
            wait,
            budget_bytes,
            is_of_a_gate,
        } = around;
        let headroom = reader.look().within(budget_bytes, 0);
        let mut builds_bytes = 0;
        if let Some(agreement) = &mut agreement {
            let others = agreement.begin_turn(reader.binding_group()).map(|it| it.0);
            builds_bytes = others.map_or(0, |it| it.held_bytes.saturating_add(it.rest_bytes));
            agreement.end_turn(Published::default(), 0);
        }
        let settings = PolicySettings {
            room_bytes: headroom
                .ram_bytes
                .saturating_add(builds_bytes)
                .min(budget_bytes.unwrap_or(u64::MAX)),
            is_group: headroom.is_group,
            n_cpus: std::thread::available_parallelism().map_or(1, |it| it.get()),
            build: agreement.as_ref().map_or(0, Agreement::number),
            wait: u64::try_from(wait.as_millis()).unwrap_or(Millis::MAX),
        };
        let policy = Policy::new(settings, sample_of(headroom, 0, false));
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        listener.set_nonblocking(true)?;
        epoll.add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;
        epoll.add(stop, EpollEvent::new(EpollFlags::EPOLLIN, STOP))?;
        let record = GuardRecord {
            room_bytes: headroom.sum_bytes(),
            limited_by_group: headroom.is_group,
            floor_bytes: policy.floor(),
            lowest_headroom_bytes: headroom.sum_bytes(),
            ..GuardRecord::default()
        };
        Ok(Controller {
            epoll,
            listener,
            agreement,
            other_build: None,
            budget_bytes,
            is_of_a_gate,
            had_turn_at: 0,
            missed_turn: false,
            held_up_since: None,
            clients: Vec::with_capacity(64),
            found: Vec::new(),
            looks_for_compilers_at: 0,
            policy,
            actions: Vec::with_capacity(64),
            kills: reader.kills(),
            stalls: reader.stalls(),
            reader,
            processes: ProcessReader::new(),
            headroom,
            began: machine_now(),
            looked_at: 0,
            looked_slowly_at: 0,
            pressure: 0.0,
            rest_bytes: 0,
            n_perhaps_killed: 0,
            next_job: 0,
            known,
            shared,
            timeline: Timeline::new(),
            record,
            observed: Vec::with_capacity(256),
        })
    }

    /// Returns the time since the guard began.
    fn now(&self) -> Millis {
        machine_now().saturating_sub(self.began)
    }

    /// Looks at the other builds, before the policy is told anything.
    fn begin_turn(&mut self) {
        let now = self.now();
        let Some(agreement) = &mut self.agreement else { return };
        match agreement.begin_turn(self.reader.binding_group()) {
            Some((others, shown)) => {
                self.policy.others(others);
                (self.other_build, self.had_turn_at, self.missed_turn) = (shown, now, false);
            }
            // A build was stopped in its turn, perhaps for long.
            None if now > self.had_turn_at + NO_TURN => {
                self.policy.others(OtherBuilds::default());
                self.missed_turn = false;
            }
            None => {
                self.policy.others_are_unknown();
                self.missed_turn = true;
            }
        }
    }

    /// Tells the other builds what the policy has decided.
    fn end_turn(&mut self) {
        let published = self.policy.published(machine_now());
        if let Some(agreement) = &mut self.agreement {
            agreement.end_turn(published, self.rest_bytes);
        }
    }

    /// Tells if nothing of this build runs because of another one.
    fn tell_if_held_up(&mut self, now: Millis) {
        let n_here = self.policy.n_running() + self.policy.n_suspended();
        let is_held_up =
            n_here == 0 && self.policy.n_waiting() > 0 && self.policy.n_active_elsewhere() > 0;
        self.held_up_since = is_held_up.then(|| self.held_up_since.unwrap_or(now));
        if self.held_up_since.is_none_or(|it| now < it + WAITS_SILENTLY)
            || self.record.was_held_up_by_another_build
        {
            return;
        }
        self.record.was_held_up_by_another_build = true;
        let waiting = self.clients.iter().flatten().find(|it| it.job.is_some());
        if let Some(unit) = waiting.and_then(|it| it.unit.clone()) {
            self.tell(GuardAction::Waits, &unit, 0, None);
        }
    }

    /// Runs until `stop` says something or is closed.
    pub(crate) fn run(mut self) -> (GuardRecord, Vec<ObservedRun>) {
        let mut events = [EpollEvent::empty(); 64];
        loop {
            let pause = match self.missed_turn {
                true => RETRY,
                false if self.policy.is_tight() => TICK_TIGHT,
                false => TICK,
            };
            let next = self.looked_at + pause;
            let patience = u16::try_from(next.saturating_sub(self.now())).unwrap_or(0);
            let n = self.epoll.wait(&mut events, EpollTimeout::from(patience)).unwrap_or(0);
            for event in &events[..n] {
                match event.data() {
                    LISTENER => self.accept(),
                    STOP => return self.finish(),
                    client => self.hear((client - FIRST_CLIENT) as usize),
                }
            }
            self.act();
            if self.now() >= next {
                self.tick();
                self.act();
            }
        }
    }

    fn tick(&mut self) {
        let now = self.now();
        self.headroom = self.reader.look();
        let slow = now >= self.looked_slowly_at + SLOW_TICK;
        if slow {
            let stalls = self.reader.stalls();
            let elapsed = now - self.looked_slowly_at;
            if let (Some(stalls), Some(then)) = (stalls, self.stalls) {
                self.pressure = stalls.since(then, elapsed);
            }
            if self.pressure > STALLED {
                self.record.stalled_ms += elapsed;
            }
            self.stalls = stalls;
            self.looked_slowly_at = now;
        }
        let (mut compilers, mut swapped) = (0, 0);
        for client in self.clients.iter_mut().flatten() {
            let (Some(_), Some(compiler)) = (client.job, &mut client.compiler) else { continue };
            let own = compiler.status.as_ref().and_then(|it| self.processes.own(it));
            let links = client.unit.as_ref().is_some_and(|it| it.links());
            let larger = |a: OwnMemory, b: OwnMemory| if a.bytes > b.bytes { a } else { b };
            let held = match own {
                // A linker may run below this compiler.
                Some(own) if links && slow => larger(own, self.processes.tree(compiler.group)),
                Some(own) if links => larger(own, compiler.held),
                own => own.unwrap_or_default(),
            };
            compiler.holds(held, self.pressure > STALLED);
            compilers += held.bytes;
            swapped += held.swapped_bytes;
        }
        let (gone, new) = self.look_for_compilers(now);
        for Found { compiler, .. } in &mut self.found {
            let own = compiler.status.as_ref().and_then(|it| self.processes.own(it));
            let held = own.unwrap_or_default();
            compiler.holds(held, self.pressure > STALLED);
            compilers += held.bytes;
            swapped += held.swapped_bytes;
        }
        if slow {
            let build = self.shared.build.load(Ordering::Relaxed);
            let tree = if build == 0 { 0 } else { self.processes.tree(build).bytes };
            self.rest_bytes = tree.saturating_sub(compilers);
        }
        self.record.was_short_for_others |=
            self.reader.is_shared() && self.headroom.sum_bytes() < self.record.floor_bytes;
        self.headroom = self.headroom.within(self.budget_bytes, compilers + self.rest_bytes);
        let used = self.reader.total_bytes().saturating_sub(self.headroom.ram_bytes);
        let others = used.saturating_sub(compilers.saturating_sub(swapped));
        let sample = sample_of(self.headroom, others, self.pressure > STALLED);
        self.begin_turn();
        for client in self.clients.iter().flatten() {
            if let (Some(job), Some(compiler)) = (client.job, &client.compiler) {
                let OwnMemory { bytes, swapped_bytes } = compiler.held;
                self.policy.holds(job, bytes, swapped_bytes);
            }
        }
        for (job, peak_bytes) in gone {
            let end = CompilerEnd::Finished { peak_bytes };
            self.policy.ended(self.began + now, job, end, &mut self.actions);
        }
        for request in new {
            self.policy.found(self.began + now, request, &mut self.actions);
        }
        for it in &self.found {
            let OwnMemory { bytes, swapped_bytes } = it.compiler.held;
            self.policy.holds(it.job, bytes, swapped_bytes);
        }
        self.policy.tick(self.began + now, sample, &mut self.actions);
        self.end_turn();
        self.tell_if_held_up(now);

        let build_bytes = compilers + self.rest_bytes;
        let headroom = self.headroom.sum_bytes();
        self.record.peak_bytes = self.record.peak_bytes.max(build_bytes);
        self.record.lowest_headroom_bytes = self.record.lowest_headroom_bytes.min(headroom);
        let count = |it: usize| u16::try_from(it).unwrap_or(u16::MAX);
        let point = Point {
            at_ms: now,
            headroom_bytes: headroom,
            build_bytes,
            swap_headroom_bytes: self.headroom.swap_bytes,
            pressure: self.pressure as f32,
            n_running: count(self.policy.n_running()),
            n_suspended: count(self.policy.n_suspended()),
            n_waiting: count(self.policy.n_waiting()),
        };
        self.timeline.push(point);
        {
            let mut live = self.shared.live();
            live.point = Some(point);
            live.room_bytes = self.record.room_bytes;
            live.running.clear();
            let running = self.clients.iter().flatten().filter(|it| it.compiler.is_some());
            for unit in running.filter_map(|it| it.unit.as_ref()).take(4) {
                let comma = if live.running.is_empty() { "" } else { ", " };
                live.running.extend([comma, &unit.crate_name]);
            }
        }
        let before = std::mem::replace(&mut self.looked_at, now);
        let acts = |it: &Action| matches!(it, Action::Suspend(_) | Action::Evict(_));
        if self.actions.iter().any(acts) {
            self.act();
            let reaction = self.now() - before;
            let slowest = self.record.slowest_reaction_ms.unwrap_or(0);
            self.record.slowest_reaction_ms = Some(slowest.max(reaction));
        }
    }

    /// Looks at the compilers of the build that no gate has let in. Returns those that are gone,
    /// with their peaks, and those that are new.
    fn look_for_compilers(&mut self, now: Millis) -> (Vec<(JobId, u64)>, Vec<CompileRequest>) {
        let build = self.shared.build.load(Ordering::Relaxed);
        if build == 0 || now < self.looks_for_compilers_at {
            return (Vec::new(), Vec::new());
        }
        let clients = &self.clients;
        let leaves = leaves_below(build, |pid, name| {
            is_gate_name(name) || clients.iter().flatten().any(|it| it.gate == pid)
        });
        // Where nothing runs but gates there is nothing to find at the next look either.
        self.looks_for_compilers_at = now + if leaves.is_empty() { TICK } else { 0 };
        let tools = leaves.into_iter().filter_map(|(pid, name)| {
            let process = ProcessId::of(pid).filter(|it| it.activity() != Activity::Gone)?;
            Some((process, tool(&name)?))
        });
        let tools: Vec<(ProcessId, &str)> = tools.collect();
        // One that has started another program only waits for it.
        let is_gone = |it: &mut Found| tools.iter().all(|tool| tool.0 != it.process);
        let gone: Vec<Found> = self.found.extract_if(.., is_gone).collect();
        let gone = gone.into_iter().map(|it| {
            it.process.send(ProcessSignal::Resume);
            let peak_bytes = it.compiler.peak_bytes;
            // How it has ended is not known.
            let times = [it.at, it.at, now];
            push_row(
                &mut self.record.details.runs,
                run_of(&it.unit, times, peak_bytes, RunEnd::NotTold),
            );
            self.observed.push(ObservedRun {
                unit: (*it.unit).clone(),
                peak_bytes,
                seconds: (now - it.at) as f64 / 1000.0,
                complete: false,
            });
            (it.job, peak_bytes)
        });
        let gone = gone.collect();
        let mut new = Vec::new();
        for (process, tool) in tools {
            if self.found.iter().any(|it| it.process == process) {
                continue;
            }
            let unit = Unit::of_a_build_script(tool, |name| variable_of(process.pid, name));
            let job = JobId(self.next_job);
            self.next_job += 1;
            self.record.n_compilers += 1;
            new.push(CompileRequest {
                job,
                known_bytes: (self.known)(&unit),
                links: false,
                again: None,
                can_restart: false,
            });
            let compiler = Compiler::of(process.pid, Some(process));
            self.found.push(Found { job, process, unit: Arc::new(unit), at: now, compiler });
        }
        (gone, new)
    }

    /// Pauses a compiler that no gate has let in, or lets it go on.
    fn act_on_found(&mut self, action: Action, job: JobId) {
        let (signal, action_done) = match action {
            Action::Suspend(_) => (ProcessSignal::Pause, GuardAction::Suspended),
            Action::Resume(_) => (ProcessSignal::Resume, GuardAction::Resumed),
            // The others are for those that can be started again.
            _ => return,
        };
        let Some(it) = self.found.iter().find(|it| it.job == job) else { return };
        it.process.send(signal);
        self.record.n_suspensions += usize::from(action_done == GuardAction::Suspended);
        let (unit, held) = (it.unit.clone(), it.compiler.held.bytes);
        self.tell(action_done, &unit, held, None);
    }

    /// Does what the policy has decided.
    fn act(&mut self) {
        for index in 0..self.actions.len() {
            let action = self.actions[index];
            let job = match action {
                Action::Grant(job)
                | Action::Suspend(job)
                | Action::Resume(job)
                | Action::Evict(job)
                | Action::Await(job, _) => job,
                Action::GiveUp(misfit) => misfit.job,
            };
            let Some(position) = self
                .clients
                .iter()
                .position(|it| it.as_ref().is_some_and(|it| it.job == Some(job)))
            else {
                self.act_on_found(action, job);
                continue;
            };
            let now = self.now();
            // The kernel may have chosen the same compiler a moment ago.
            let too_late = matches!(action, Action::Evict(_)) && self.n_unexplained_kills() > 0;
            let Some(client) = &mut self.clients[position] else { continue };
            client.too_late |= too_late;
            let action_done = match action {
                Action::Grant(_) => {
                    client.granted_at = Some(now);
                    client.say(GO);
                    None
                }
                Action::Suspend(_) => {
                    client.set_desired(DesiredState::Stopped);
                    self.record.n_suspensions += 1;
                    Some(GuardAction::Suspended)
                }
                Action::Resume(_) => {
                    client.set_desired(DesiredState::Running);
                    Some(GuardAction::Resumed)
                }
                Action::Evict(_) => {
                    client.set_desired(DesiredState::Ended);
                    self.record.n_evictions += 1;
                    Some(GuardAction::Evicted)
                }
                Action::Await(_, _) => Some(GuardAction::Waits),
                Action::GiveUp(misfit) => {
                    self.record.misfit = client.unit.as_ref().map(|unit| OversizedCompiler {
                        package: unit.package.clone(),
                        crate_name: unit.crate_name.clone(),
                        held_bytes: misfit.held_bytes,
                        room_bytes: misfit.room_bytes,
                        waited_for_bytes: misfit.waited_for_bytes,
                    });
                    self.shared.gave_up.store(true, Ordering::SeqCst);
                    Some(GuardAction::GaveUp)
                }
            };
            if let (Some(action_done), Some(unit)) = (action_done, client.unit.clone()) {
                let held = client.compiler.as_ref().map_or(0, |it| it.held.bytes);
                let wanted = match action {
                    Action::Await(_, bytes) => Some(bytes),
                    Action::GiveUp(misfit) => misfit.waited_for_bytes,
                    _ => None,
                };
                self.tell(action_done, &unit, held, wanted);
            }
            // The gate reads why. One whose compiler runs is answered when that has ended.
            if self.is_of_a_gate
                && let Action::GiveUp(_) = action
                && let Some(client) = &mut self.clients[position]
                && client.compiler.is_none()
            {
                client.say(FINAL);
            }
        }
        self.actions.clear();
    }

    fn tell(&mut self, what: GuardAction, unit: &Unit, held_bytes: u64, wanted_bytes: Option<u64>) {
        let other = self.other_build.as_ref().filter(|_| what == GuardAction::Waits);
        let other_build = other.map(|it| format!("process {} in {}", it.pid, it.folder.display()));
        let event = Event {
            at_ms: self.now(),
            what,
            crate_name: unit.crate_name.clone(),
            held_bytes,
            headroom_bytes: self.headroom.sum_bytes(),
            wanted_bytes,
            other_build,
        };
        push_row(&mut self.record.details.events, event.clone());
        self.shared.events().push_back(event);
    }

    fn accept(&mut self) {
        while let Ok((mut stream, _)) = self.listener.accept() {
            if stream.set_nonblocking(true).is_err() {
                continue;
            }
            // Every user of the machine can connect.
            let Ok(gate) = gate::peer(&stream) else {
                stream.write_all(format!("{NOT_YOURS}\n").as_bytes()).ok();
                continue;
            };
            let free = self.clients.iter().position(Option::is_none);
            let position = free.unwrap_or(self.clients.len());
            let event = EpollEvent::new(EpollFlags::EPOLLIN, FIRST_CLIENT + position as u64);
            if self.epoll.add(stream.as_fd(), event).is_err() {
                continue;
            }
            let client = Client {
                stream,
                gate,
                buffer: [0; 1024],
                n_read: 0,
                unit: None,
                job: None,
                ended: None,
                asked_at: 0,
                granted_at: None,
                compiler: None,
                desired: DesiredState::Running,
                too_late: false,
            };
            match self.clients.get_mut(position) {
                Some(slot) => *slot = Some(client),
                None => self.clients.push(Some(client)),
            }
        }
    }

    /// Reads what a gate says.
    fn hear(&mut self, position: usize) {
        loop {
            let Some(client) = self.clients.get_mut(position).and_then(Option::as_mut) else {
                return;
            };
            let free = &mut client.buffer[client.n_read..];
            match client.stream.read(free) {
                Ok(0) => return self.leave(position),
                Ok(n) => client.n_read += n,
                Err(err) if err.kind() == ErrorKind::WouldBlock => return,
                Err(err) if err.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return self.leave(position),
            }
            while let Some(client) = self.clients.get_mut(position).and_then(Option::as_mut)
                && let Some(end) = client.buffer[..client.n_read].iter().position(|it| *it == b'\n')
            {
                let message =
                    std::str::from_utf8(&client.buffer[..end]).ok().and_then(Message::parse);
                client.buffer.copy_within(end + 1..client.n_read, 0);
                client.n_read -= end + 1;
                match message {
                    Some(Message::Ask(unit)) => self.asked(position, unit),
                    Some(Message::Started(pid)) => self.started(position, pid),
                    Some(Message::Ended(ended)) => self.ended(position, ended),
                    None => return self.leave(position),
                }
            }
        }
    }

    fn asked(&mut self, position: usize, unit: Unit) {
        let now = self.now();
        let job = JobId(self.next_job);
        self.next_job += 1;
        let Some(client) = &mut self.clients[position] else { return };
        let can_restart = unit.kind != UnitKind::Run;
        let request = CompileRequest {
            job,
            known_bytes: (self.known)(&unit),
            links: unit.links(),
            again: client.ended.take(),
            can_restart,
        };
        if request.again.is_none() {
            self.record.n_compilers += 1;
        }
        client.unit = Some(Arc::new(unit));
        (client.job, client.asked_at, client.granted_at) = (Some(job), now, None);
        (client.desired, client.too_late) = (DesiredState::Running, false);
        self.begin_turn();
        self.policy.asked(self.began + now, request, &mut self.actions);
        self.end_turn();
    }

    fn started(&mut self, position: usize, group: u32) {
        let Some(client) = &mut self.clients[position] else { return };
        // In another PID namespace the same number means another process; a gate has no other
        // child.
        let leader = ProcessId::of_child(group, client.gate).or_else(|| {
            let child = *children_of(client.gate)?.first()?;
            ProcessId::of_child(child, client.gate)
        });
        let group = leader.map_or(group, |it| it.pid);
        client.compiler = Some(Compiler::of(group, leader));
        // The policy may have decided to stop or end the compiler before it was started.
        let desired = client.desired;
        if desired != DesiredState::Running {
            client.set_desired(desired);
        }
    }

    fn ended(&mut self, position: usize, ended: CompilerExit) {
        let Some(client) = &mut self.clients[position] else { return };
        let (Some(job), Some(compiler)) = (client.job, client.compiler.take()) else { return };
        let evicted = client.desired == DesiredState::Ended;
        let perhaps_killed = evicted && client.too_late;
        let killed = ended.signal == Some(9) || ended.linker_was_killed;
        let peak_bytes = match compiler.n_looks {
            0..4 => compiler.peak_bytes.max(ended.max_resident_bytes.saturating_sub(SHARED_BYTES)),
            _ => compiler.peak_bytes,
        };
        // One that had to swap may have got less than it needs.
        let was_stalled = compiler.n_stalled_looks > compiler.n_looks / STALLED_PART;
        let unit = client.unit.clone();
        let (asked_ms, started_ms) =
            (client.asked_at, client.granted_at.unwrap_or(client.asked_at));
        let end = if ended.is_success() {
            RunEnd::Succeeded
        } else if evicted {
            // Perhaps the kernel was first; any other compiler that reports a kill counts before
            // this one.
            self.n_perhaps_killed += u64::from(perhaps_killed);
            RunEnd::Evicted
        } else if killed && self.kernel_killed() || self.daemon_killed(ended) {
            RunEnd::KernelKilled
        } else {
            RunEnd::Failed
        };
        let now = self.now();
        if let Some(unit) = unit {
            push_row(
                &mut self.record.details.runs,
                run_of(&unit, [asked_ms, started_ms, now], peak_bytes, end),
            );
            if end == RunEnd::KernelKilled && unit.kind != UnitKind::Run {
                self.tell(GuardAction::KernelKilled, &unit, peak_bytes, None);
            }
            if end != RunEnd::Failed {
                self.observed.push(ObservedRun {
                    unit: (*unit).clone(),
                    peak_bytes,
                    seconds: (now - started_ms) as f64 / 1000.0,
                    complete: end == RunEnd::Succeeded && !was_stalled,
                });
            }
        }
        let again = match end {
            RunEnd::Evicted => true,
            RunEnd::KernelKilled => self.policy.may_try_again(job),
            _ => false,
        };
        let policy_end = match end {
            RunEnd::Evicted => CompilerEnd::Evicted,
            RunEnd::KernelKilled if again => CompilerEnd::KernelKilled,
            _ => CompilerEnd::Finished { peak_bytes },
        };
        self.policy.holds(job, peak_bytes, 0);
        self.begin_turn();
        self.policy.ended(self.began + now, job, policy_end, &mut self.actions);
        self.end_turn();
        let Some(client) = &mut self.clients[position] else { return };
        client.job = None;
        client.ended = again.then_some(job);
        if self.shared.gave_up.load(Ordering::SeqCst) {
            // Else the gate ends with the build, so it needs no answer.
            if self.is_of_a_gate {
                client.say(FINAL);
            }
        } else if again {
            client.say(AGAIN);
        } else if !ended.is_success() {
            client.say(FINAL);
        }
    }

    /// `true` if the kernel has killed more for lack of memory than is accounted for; if so, this
    /// compiler is it.
    fn kernel_killed(&mut self) -> bool {
        let killed = self.n_unexplained_kills() > 0;
        self.record.n_kernel_kills += usize::from(killed);
        killed
    }

    /// `true` if a memory daemon, as earlyoom, is what ended this compiler: by its signals, and
    /// when memory was short.
    fn daemon_killed(&self, ended: CompilerExit) -> bool {
        let lowest = self.timeline.lowest_lately(LATELY).unwrap_or(u64::MAX);
        let is_short = lowest < self.policy.floor() || self.pressure > STALLED;
        is_short && (matches!(ended.signal, Some(9 | 15)) || ended.linker_was_killed)
    }

    /// The kernel's kills that no compiler has reported to be its end.
    ///
    /// The group's counter tells those of this build. That of the machine also has the kills of
    /// other builds, so it is read only where the group has none.
    fn n_unexplained_kills(&mut self) -> u64 {
        let since = self.reader.kills().since(self.kills);
        let n_kills = since.group.or(since.machine).unwrap_or(0);
        n_kills.saturating_sub(self.record.n_kernel_kills as u64)
    }

    /// A gate is gone. If it was killed, its compiler's linker may still run.
    fn leave(&mut self, position: usize) {
        let Some(mut client) = self.clients[position].take() else { return };
        self.epoll.delete(&client.stream).ok();
        client.set_desired(DesiredState::Ended);
        if let Some(job) = client.job.or(client.ended) {
            let now = self.now();
            let peak_bytes = client.compiler.as_ref().map_or(0, |it| it.peak_bytes);
            if client.compiler.is_some() {
                self.abandoned(&client, now);
            }
            self.begin_turn();
            let end = CompilerEnd::Finished { peak_bytes };
            self.policy.ended(self.began + now, job, end, &mut self.actions);
            self.end_turn();
        }
    }

    fn abandoned(&mut self, client: &Client, now: Millis) {
        let (Some(unit), Some(compiler)) = (&client.unit, &client.compiler) else { return };
        let times = [client.asked_at, client.granted_at.unwrap_or(client.asked_at), now];
        let run = run_of(unit, times, compiler.peak_bytes, RunEnd::Abandoned);
        push_row(&mut self.record.details.runs, run);
    }

    /// Ends every compiler of the build that is left.
    fn finish(mut self) -> (GuardRecord, Vec<ObservedRun>) {
        for position in 0..self.clients.len() {
            self.leave(position);
        }
        for it in &self.found {
            it.process.send(ProcessSignal::Resume);
        }
        let unexplained = self.n_unexplained_kills().min(self.n_perhaps_killed);
        self.record.n_kernel_kills += usize::try_from(unexplained).unwrap_or(0);
        (self.record.xtask_peak_resident_bytes, self.record.xtask_own_bytes) =
            peak_and_own_bytes_of_this();
        let lowest = self.record.lowest_headroom_bytes;
        self.record.last_headroom_bytes = self.timeline.lowest_lately(LATELY).unwrap_or(lowest);
        self.record.details.timeline = self.timeline.into_points();
        (self.record, self.observed)
    }
}

impl Compiler {
    fn of(group: u32, leader: Option<ProcessId>) -> Compiler {
        Compiler {
            group,
            leader,
            status: leader.and_then(|_| OpenProcess::open(group)),
            held: OwnMemory::default(),
            peak_bytes: 0,
            n_looks: 0,
            n_stalled_looks: 0,
        }
    }

    fn holds(&mut self, held: OwnMemory, is_stalled: bool) {
        self.held = held;
        self.peak_bytes = self.peak_bytes.max(held.bytes);
        self.n_looks += 1;
        self.n_stalled_looks += u32::from(is_stalled);
    }
}

impl Client {
    /// Sends a word of at most 6 bytes. A gate that does not take it is dropped when its socket
    /// closes.
    fn say(&mut self, word: &str) {
        let mut line = [b'\n'; 8];
        line[..word.len()].copy_from_slice(word.as_bytes());
        self.stream.write_all(&line[..=word.len()]).ok();
    }

    fn set_desired(&mut self, desired: DesiredState) {
        self.desired = desired;
        let Some(leader) = self.compiler.as_ref().and_then(|it| it.leader) else { return };
        let signal = match desired {
            DesiredState::Running => Signal::SIGCONT,
            DesiredState::Stopped => Signal::SIGSTOP,
            DesiredState::Ended => Signal::SIGKILL,
        };
        leader.signal_group(signal);
    }
}

/// A look at memory as the policy is told of it.
fn sample_of(headroom: Headroom, others_bytes: u64, stalled: bool) -> MemorySample {
    MemorySample {
        others_bytes,
        headroom_bytes: headroom.sum_bytes(),
        // Swap keeps a build alive. A build that counts on it crawls.
        grantable_bytes: headroom.ram_bytes,
        stalled,
    }
}

fn run_of(unit: &Unit, times: [Millis; 3], peak_bytes: u64, end: RunEnd) -> CompilerRun {
    let [asked_ms, started_ms, ended_ms] = times;
    let Unit { package, version, kind, crate_name, .. } = unit.clone();
    CompilerRun {
        package,
        version,
        crate_name,
        kind,
        asked_ms,
        started_ms,
        ended_ms,
        peak_bytes,
        end,
    }
}
