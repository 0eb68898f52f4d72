//! Which compiler may start, which has to wait, and which must give its memory back.
//!
//! A state machine without clock or I/O: it is told what happens ([`Policy::asked`],
//! [`Policy::ended`]) and, every few milliseconds, how much memory is left ([`Policy::tick`]); it
//! answers with [`Action`]s. What always holds:
//!
//! - **No compiler waits for ever.** With nothing running, the compiler that has waited longest is
//!   let in, whatever it is taken to need, once the memory of those that were just ended is back.
//! - **The oldest compiler is never ended for the sake of another one**, so every round of
//!   evictions ends with one finished compiler more.
//! - **A compiler that is ended while alone does not fit.** If others outside took the memory
//!   meanwhile it waits a while for them; otherwise the build is given up in this form
//!   ([`Action::GiveUp`]).
//!
//! The reserves follow measurements: one compiler or linker grows by at most about 500 MiB/s, a
//! look at memory every 25 ms and the signal that follows take up to 50 ms, and what a killed
//! process held is back after 100 to 400 ms.

/// The number of one request for a start. It is never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct JobId(pub(crate) u32);

/// Milliseconds since the guard began.
pub(crate) type Millis = u64;

const MIB: u64 = 1 << 20;

/// What one compiler can grow by between two looks and the signal after the second: 500 MiB/s for
/// 50 ms.
const BURST: u64 = 25 * MIB;
/// What a compiler that was never measured is taken to need. Frugal: a wrong guess costs a restart
/// at most.
const UNKNOWN_BYTES: u64 = 120 * MIB;
/// The same for a compiler that runs a linker.
const UNKNOWN_LINKING_BYTES: u64 = 160 * MIB;
/// After this time the memory of a killed process is back, or will not come back.
const MEMORY_RETURN: Millis = 1000;
/// The rate at which memory shrinks is looked at over this long.
const RATE_OVER: Millis = 100;
/// A suspended compiler stays so for at least this long, or stop and go would follow every ripple.
const LEAST_SUSPENSION: Millis = 150;
/// A compiler that others have overtaken for this long is let in before any further one.
const OVERTAKEN_MOST: Millis = 8000;
/// Longest wait of a compiler for memory that other programs have taken, before the build is given
/// up.
const FOREIGN_WAIT: Millis = 20_000;
/// After so many evictions a compiler starts only when it can be alone.
const EVICTIONS_BEFORE_ALONE: u32 = 2;
/// Number of peaks of this build that are remembered for the guess about unknown crates.
const N_SEEN: usize = 256;

/// What does not change during a build.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PolicySettings {
    /// Memory at the start: what is available then. The reserves are scaled to it.
    pub(crate) room_bytes: u64,
    /// `true` if a group's limit is what counts, or the machine's memory, of which the system needs
    /// a part.
    pub(crate) is_group: bool,
    pub(crate) n_cpus: usize,
}

/// One look at memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    /// What can be taken before the kernel kills: RAM and swap, the tightest group counts.
    pub(crate) headroom_bytes: u64,
    /// What a further compiler may count on; less than the headroom where part of that is swap.
    pub(crate) grantable_bytes: u64,
    /// `true` if programs stand still for lack of memory for a good part of the time.
    pub(crate) stalled: bool,
}

/// A compiler that asks for a start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CompileRequest {
    pub(crate) job: JobId,
    /// The most that it needed in earlier builds.
    pub(crate) known_bytes: Option<u64>,
    /// `true` if it runs a linker as well.
    pub(crate) links: bool,
    /// The request whose compiler was ended by the guard or the kernel, if this is its second try.
    pub(crate) again: Option<JobId>,
}

/// How a compiler ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself, or ended by neither this guard nor the kernel for lack of memory.
    Finished { peak_bytes: u64 },
    /// By this guard.
    Evicted,
    /// By the kernel, for lack of memory.
    KernelKilled,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Let the compiler start.
    Grant(JobId),
    /// Stop it where it is; it keeps its memory.
    Suspend(JobId),
    /// Let it go on.
    Resume(JobId),
    /// End it; it asks again.
    Evict(JobId),
    /// This compiler does not fit, not even alone: another way to build is needed.
    GiveUp(OversizedJob),
}

/// A compiler that does not fit alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OversizedJob {
    pub(crate) job: JobId,
    /// What it held when it was ended: it needs more.
    pub(crate) held_bytes: u64,
    /// What there was for it altogether.
    pub(crate) room_bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting {
        since: Millis,
    },
    Running,
    Suspended {
        since: Millis,
    },
    Evicting {
        since: Millis,
    },
    /// Ended by the guard or the kernel; kept until it asks again.
    Between,
}

#[derive(Clone, Copy, Debug)]
struct Job {
    id: JobId,
    state: State,
    /// What it is taken to need.
    estimate: u64,
    /// What it holds now, and the most it held.
    held: u64,
    peak: u64,
    /// Position in the order of starts.
    turn: u64,
    n_evictions: u32,
    /// Starts only if nothing else runs.
    alone: bool,
    /// Headroom plus everything the compilers held when it started: moves only with programs
    /// outside.
    room_at_start: u64,
    /// If it was ended while alone because other programs had taken memory: how much must be
    /// available before it starts, and until when that is waited for.
    waits_for: Option<(u64, Millis)>,
    was_killed: bool,
}

/// The state machine.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    settings: PolicySettings,
    jobs: Vec<Job>,
    sample: Sample,
    /// Recent headrooms, newest last.
    history: [(Millis, u64); 8],
    n_turns: u64,
    /// Peaks of finished compilers, ascending.
    seen: Vec<u64>,
    gave_up: bool,
    /// The time since which no compiler has run.
    idle_since: Option<Millis>,
    /// Only tests change these: the simulation must find every defect.
    faults: Faults,
}

/// Defects for the simulation, which has to find them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    pub(crate) never_evicts: bool,
    pub(crate) never_lets_the_last_one_in: bool,
    pub(crate) forgets_to_resume: bool,
    pub(crate) gives_up_at_the_first_eviction: bool,
}

impl Policy {
    pub(crate) fn new(settings: PolicySettings, sample: Sample) -> Policy {
        Policy {
            settings,
            jobs: Vec::with_capacity(256),
            sample,
            history: [(0, sample.headroom_bytes); 8],
            n_turns: 0,
            seen: Vec::with_capacity(N_SEEN),
            gave_up: false,
            idle_since: Some(0),
            faults: Faults::default(),
        }
    }

    #[cfg(test)]
    pub(crate) fn with_faults(self, faults: Faults) -> Policy {
        Policy { faults, ..self }
    }

    /// The reserve that must stay free.
    pub(crate) fn floor(&self) -> u64 {
        let room = self.settings.room_bytes;
        if self.settings.is_group {
            (room / 32).clamp(8 * MIB, 48 * MIB)
        } else {
            // The machine itself needs some page cache, or everything crawls long before the kernel
            // kills.
            (room / 32).clamp(32 * MIB, 256 * MIB)
        }
    }

    /// `true` if memory is so short that it should be looked at as often as possible.
    pub(crate) fn is_tight(&self) -> bool {
        let running = self.jobs.iter().filter(|it| it.state == State::Running).count() as u64;
        self.sample.headroom_bytes < self.floor() + (running + 1) * 16 * BURST
    }

    /// A compiler asks for a start.
    pub(crate) fn asked(
        &mut self,
        now: Millis,
        request: CompileRequest,
        actions: &mut Vec<Action>,
    ) {
        let state = State::Waiting { since: now };
        let before = request.again.and_then(|it| self.position(it));
        match before.map(|it| &mut self.jobs[it]) {
            Some(job) => {
                job.id = request.job;
                job.state = state;
                job.held = 0;
            }
            None => {
                let prior = if request.links { UNKNOWN_LINKING_BYTES } else { UNKNOWN_BYTES };
                self.jobs.push(Job {
                    id: request.job,
                    state,
                    estimate: request.known_bytes.unwrap_or_else(|| self.guess(prior)),
                    held: 0,
                    peak: 0,
                    turn: 0,
                    n_evictions: 0,
                    alone: false,
                    room_at_start: 0,
                    waits_for: None,
                    was_killed: false,
                });
            }
        }
        self.admit(now, actions);
    }

    /// What a compiler holds now.
    pub(crate) fn holds(&mut self, job: JobId, bytes: u64) {
        if let Some(position) = self.position(job) {
            let job = &mut self.jobs[position];
            job.held = bytes;
            job.peak = job.peak.max(bytes);
        }
    }

    /// A compiler has ended. One that was evicted or killed is kept in mind until it asks again.
    pub(crate) fn ended(&mut self, now: Millis, job: JobId, end: End, actions: &mut Vec<Action>) {
        let Some(position) = self.position(job) else { return };
        let job = &mut self.jobs[position];
        match end {
            End::Finished { peak_bytes } => {
                let peak = peak_bytes.max(job.peak);
                self.jobs.remove(position);
                self.remember(peak);
            }
            End::Evicted => job.state = State::Between,
            End::KernelKilled => {
                job.estimate = job.estimate.max(job.peak + job.peak / 4);
                job.alone = true;
                job.was_killed = true;
                job.state = State::Between;
            }
        }
        self.admit(now, actions);
    }

    /// `true` if a compiler the kernel killed gets a second try, alone.
    pub(crate) fn may_try_again(&self, job: JobId) -> bool {
        self.position(job).is_some_and(|it| !self.jobs[it].was_killed) && !self.gave_up
    }

    /// Memory was looked at. Tell what the compilers hold first ([`Policy::holds`]).
    pub(crate) fn tick(&mut self, now: Millis, sample: Sample, actions: &mut Vec<Action>) {
        self.sample = sample;
        self.history.rotate_left(1);
        self.history[7] = (now, sample.headroom_bytes);
        if self.gave_up {
            return;
        }
        self.protect(now, actions);
        self.resume(now, actions);
        self.admit(now, actions);
    }

    /// Make the memory that is left last: suspend the youngest compilers, then end them.
    fn protect(&mut self, now: Millis, actions: &mut Vec<Action>) {
        let headroom = self.sample.headroom_bytes;
        let floor = self.floor();
        let in_flight = self.in_flight(now);
        // Each running compiler may take a burst before the next look. All of them stop while the
        // memory of one that was ended is on its way back: it comes within a second.
        let spare = headroom.saturating_sub(floor);
        let least = u64::from(!in_flight);
        let allowed = (spare / BURST).max(least);
        let cpus = self.settings.n_cpus as u64;
        if allowed < cpus {
            while self.n_running() as u64 > allowed {
                let Some(youngest) = self.youngest(|it| it.state == State::Running) else { break };
                self.set(youngest, State::Suspended { since: now }, Action::Suspend, actions);
            }
        }
        if self.faults.never_evicts {
            return;
        }
        let n_active = self.n_active();
        let critical = headroom < floor / 2;
        if n_active >= 2 && (!in_flight || critical) {
            let soon = self.falls_by(now, RATE_OVER);
            if headroom < floor + BURST + soon
                && let Some(youngest) = self.youngest(|it| it.is_active())
            {
                // While one runs, those that stand still are what can be spared; else the youngest
                // of all.
                self.evict(now, youngest, actions);
            }
        } else if n_active == 1 && !in_flight {
            let soon = self.falls_by(now, RATE_OVER) / 2;
            if headroom < floor / 2 + soon
                && let Some(last) = self.youngest(|it| it.is_active())
            {
                self.evict_the_last(now, last, actions);
            }
        }
    }

    fn evict(&mut self, now: Millis, position: usize, actions: &mut Vec<Action>) {
        let job = &mut self.jobs[position];
        job.n_evictions += 1;
        job.alone |= job.n_evictions >= EVICTIONS_BEFORE_ALONE;
        job.estimate = job.estimate.max(job.held + job.held / 2);
        self.set(position, State::Evicting { since: now }, Action::Evict, actions);
        if self.faults.gives_up_at_the_first_eviction {
            self.give_up(position, actions);
        }
    }

    /// The only one left has to go: for lack of memory, or because a program outside the build has
    /// taken it.
    fn evict_the_last(&mut self, now: Millis, position: usize, actions: &mut Vec<Action>) {
        let room = self.room();
        let headroom = self.sample.headroom_bytes;
        let job = &mut self.jobs[position];
        // The compiler held this much when it wanted more.
        let needs = job.held + headroom + BURST;
        // It may have been let in as the last one when others had taken the memory already.
        let before = job.room_at_start.max(self.settings.room_bytes);
        let taken = before.saturating_sub(room);
        job.estimate = job.estimate.max(needs);
        let is_foreign = taken > BURST + before / 16;
        if is_foreign && job.waits_for.is_none() {
            job.waits_for = Some((needs, now + FOREIGN_WAIT));
            job.alone = true;
            job.n_evictions += 1;
            self.set(position, State::Evicting { since: now }, Action::Evict, actions);
        } else {
            self.set(position, State::Evicting { since: now }, Action::Evict, actions);
            self.give_up(position, actions);
        }
    }

    fn give_up(&mut self, position: usize, actions: &mut Vec<Action>) {
        let job = &self.jobs[position];
        self.gave_up = true;
        actions.push(Action::GiveUp(OversizedJob {
            job: job.id,
            held_bytes: job.held.max(job.peak),
            room_bytes: self.room(),
        }));
    }

    /// Resume the oldest suspended compiler when there is room for what it may still need.
    fn resume(&mut self, now: Millis, actions: &mut Vec<Action>) {
        if self.faults.forgets_to_resume {
            return;
        }
        while let Some(oldest) = self.oldest(|it| matches!(it.state, State::Suspended { .. })) {
            let job = &self.jobs[oldest];
            let State::Suspended { since } = job.state else { return };
            let n_running = self.n_running() as u64;
            if n_running == 0 {
                // One always runs; only the memory of one that was ended is waited for, or enough
                // room without.
                let enough = self.sample.headroom_bytes > self.floor() + 2 * BURST;
                if self.in_flight(now) && !enough {
                    return;
                }
            } else {
                let wanted =
                    self.growth() + job.may_grow_by() + self.floor() + (n_running + 2) * BURST;
                if self.in_flight(now)
                    || now < since + LEAST_SUSPENSION
                    || self.sample.headroom_bytes < wanted
                {
                    return;
                }
            }
            self.set(oldest, State::Running, Action::Resume, actions);
        }
    }

    /// Let in the compilers that fit, in the order in which they asked.
    fn admit(&mut self, now: Millis, actions: &mut Vec<Action>) {
        if self.gave_up || self.in_flight(now) {
            return;
        }
        loop {
            let n_active = self.n_active();
            self.idle_since = (n_active == 0).then(|| self.idle_since.unwrap_or(now));
            let Some(next) = self.next(now, n_active, actions) else { return };
            let room = self.room();
            self.n_turns += 1;
            let turn = self.n_turns;
            let job = &mut self.jobs[next];
            (job.turn, job.room_at_start) = (turn, room);
            self.set(next, State::Running, Action::Grant, actions);
        }
    }

    /// The next compiler that may start now.
    fn next(&mut self, now: Millis, n_active: usize, actions: &mut Vec<Action>) -> Option<usize> {
        // In the order of asking; a short list.
        let mut last: Option<(Millis, JobId)> = None;
        loop {
            let later = |it: &Job| {
                it.waiting_since().map(|since| (since, it.id)).filter(|it| Some(*it) > last)
            };
            let position = (0..self.jobs.len())
                .filter(|it| later(&self.jobs[*it]).is_some())
                .min_by_key(|it| later(&self.jobs[*it]))?;
            let job = self.jobs[position];
            let since = job.waiting_since()?;
            last = Some((since, job.id));
            if n_active == 0 {
                if self.faults.never_lets_the_last_one_in
                    && job.estimate + self.floor() > self.sample.grantable_bytes
                {
                    continue;
                }
                match job.waits_for {
                    Some((bytes, until)) if self.sample.headroom_bytes < bytes + self.floor() => {
                        // The look at memory may be older than the end of the last that ran.
                        if now >= until
                            && self.idle_since.is_some_and(|it| now >= it + MEMORY_RETURN)
                        {
                            self.give_up(position, actions);
                            return None;
                        }
                        continue;
                    }
                    _ => return Some(position),
                }
            }
            if !job.alone && self.fits(&job) {
                return Some(position);
            }
            if now >= since + OVERTAKEN_MOST {
                // Its turn comes when those before it have ended.
                return None;
            }
        }
    }

    /// `true` if the compiler can run beside those that run already.
    fn fits(&self, job: &Job) -> bool {
        let tight = self.sample.stalled
            || self.jobs.iter().any(|it| matches!(it.state, State::Suspended { .. }));
        let n = (self.n_running() as u64 + 1).min(self.settings.n_cpus as u64);
        let reserve = self.floor() + n * BURST + self.growth();
        !tight && self.sample.grantable_bytes >= reserve.saturating_add(job.estimate)
    }

    /// By how much the running compilers may still grow.
    fn growth(&self) -> u64 {
        self.jobs.iter().filter(|it| it.state == State::Running).map(Job::may_grow_by).sum()
    }

    /// Headroom and what the compilers hold: moves only with programs outside.
    fn room(&self) -> u64 {
        self.sample.headroom_bytes
            + self.jobs.iter().filter(|it| it.is_active()).map(|it| it.held).sum::<u64>()
    }

    /// By how much the headroom will shrink in so long, if it goes on as lately.
    fn falls_by(&self, now: Millis, over: Millis) -> u64 {
        let newest = self.history[7];
        let earlier = self.history.iter().filter(|it| it.0 + RATE_OVER >= now && it.0 < newest.0);
        let steepest = earlier.map(|it| {
            let fallen = it.1.saturating_sub(newest.1);
            fallen.saturating_mul(over) / (newest.0 - it.0)
        });
        steepest.max().unwrap_or(0).min(4 * BURST)
    }

    /// `true` if the memory of a compiler that was ended is still on its way back.
    fn in_flight(&self, now: Millis) -> bool {
        self.jobs
            .iter()
            .any(|it| matches!(it.state, State::Evicting { since } if now < since + MEMORY_RETURN))
    }

    /// A guess about a crate that was never measured: what most of this build's crates needed.
    fn guess(&self, prior: u64) -> u64 {
        let upper_quartile = self.seen.get(self.seen.len() * 3 / 4).copied();
        upper_quartile.filter(|_| self.seen.len() >= 4).unwrap_or(0).max(prior)
    }

    fn remember(&mut self, peak: u64) {
        if self.seen.len() < N_SEEN {
            let position = self.seen.partition_point(|it| *it < peak);
            self.seen.insert(position, peak);
        }
    }

    fn set(
        &mut self,
        position: usize,
        state: State,
        action: impl Fn(JobId) -> Action,
        actions: &mut Vec<Action>,
    ) {
        let job = &mut self.jobs[position];
        job.state = state;
        actions.push(action(job.id));
    }

    fn position(&self, job: JobId) -> Option<usize> {
        self.jobs.iter().position(|it| it.id == job)
    }

    fn youngest(&self, is_it: impl Fn(&Job) -> bool) -> Option<usize> {
        let it = (0..self.jobs.len()).filter(|it| is_it(&self.jobs[*it]));
        it.max_by_key(|it| self.jobs[*it].turn)
    }

    fn oldest(&self, is_it: impl Fn(&Job) -> bool) -> Option<usize> {
        let it = (0..self.jobs.len()).filter(|it| is_it(&self.jobs[*it]));
        it.min_by_key(|it| self.jobs[*it].turn)
    }

    pub(crate) fn n_running(&self) -> usize {
        self.jobs.iter().filter(|it| it.state == State::Running).count()
    }

    pub(crate) fn n_suspended(&self) -> usize {
        self.n_active() - self.n_running()
    }

    pub(crate) fn n_waiting(&self) -> usize {
        self.jobs.iter().filter(|it| it.waiting_since().is_some()).count()
    }

    fn n_active(&self) -> usize {
        self.jobs.iter().filter(|it| it.is_active()).count()
    }
}

impl Job {
    /// `true` if it holds memory and may go on.
    fn is_active(&self) -> bool {
        matches!(self.state, State::Running | State::Suspended { .. })
    }

    fn waiting_since(&self) -> Option<Millis> {
        match self.state {
            State::Waiting { since } => Some(since),
            _ => None,
        }
    }

    /// By how much it may still grow: the rest of its estimate, or a quarter of what it holds where
    /// the estimate was too low.
    fn may_grow_by(&self) -> u64 {
        match self.estimate.checked_sub(self.held) {
            Some(rest) => rest,
            None => self.held / 4,
        }
    }
}
