//! The policy of the guard: it decides which compiler may start, which has to wait, and which must
//! give its memory back.
//!
//! A state machine without clock or I/O: it is told what happens ([`Policy::asked`],
//! [`Policy::ended`]) and, every few milliseconds, how much memory is left ([`Policy::tick`]); it
//! answers with [`Action`]s. What always holds:
//!
//! - **No compiler waits for ever.** With nothing running, the compiler that has waited longest is
//!   let in, whatever it is taken to need, once the memory of those that were just ended is back.
//! - **The oldest compiler is never ended for the sake of another one** that could be ended itself,
//!   so every round of evictions ends with one finished compiler more.
//! - **A compiler that is ended while alone does not fit.** If others outside took the memory
//!   meanwhile it waits for them, as long as they give memory back or the user wants to wait;
//!   otherwise the build is given up in this form ([`Action::GiveUp`]).
//! - **What cannot be started again is never ended**: compilers that no gate has let in, since a
//!   build script's make has started them, and tests. They are suspended at most.
//!
//! "Nothing", "the oldest", "longest" and "alone" hold for all builds of the user in the same
//! memory: each has a policy of its own, is told of the others ([`OtherBuilds`]), and acts upon its
//! own compilers only.
//!
//! The reserves follow measurements: one compiler or linker grows by at most about 500 MiB/s, a
//! look at memory every 25 ms and the signal that follows take up to 50 ms, and what a killed
//! process held is back after 100 to 400 ms.

use serde::{Deserialize, Serialize};

/// The number of one request for a start. It is never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct JobId(pub(crate) u32);

/// Milliseconds on a clock that all processes of the machine share.
pub(crate) type Millis = u64;

/// The time at which a compiler was let in or asked, and the number of its build. All builds agree
/// on which was first.
pub(crate) type Stamp = (Millis, u64);

const MIB: u64 = 1 << 20;

/// The memory by which one compiler can grow between two looks and the signal after the second: 500
/// MiB/s for 50 ms.
const BURST: u64 = 25 * MIB;
/// The assumed need of a compiler that was never measured. It is frugal: a wrong guess costs a
/// restart at most.
const UNKNOWN_BYTES: u64 = 120 * MIB;
/// The same for a compiler that runs a linker.
const UNKNOWN_LINKING_BYTES: u64 = 160 * MIB;
/// A compiler that was never measured, and would share a processor with others that were not, gains
/// next to nothing by an early start. It is let in only if it fits even if it needs so many times
/// what is assumed; and so is the first one that could not be ended. Where there is swap, a wrong
/// guess costs less than that waiting.
const UNKNOWN_TIMES: u64 = 3;
/// After this time the memory of a killed process is back, or will not come back.
const MEMORY_RETURN: Millis = 1000;
/// The rate at which memory shrinks is looked at over this long.
const RATE_OVER: Millis = 100;
/// A suspended compiler stays so for at least this long, or stop and go would follow every ripple.
const LEAST_SUSPENSION: Millis = 150;
/// A compiler that others have overtaken for this long is let in before any further one.
const OVERTAKEN_MOST: Millis = 8000;
/// A compiler waits for memory that other programs have taken for so long after they have given
/// back some the last time. Then the build is given up.
const FOREIGN_WAIT: Millis = 20_000;
/// Less than this more is no sign that another program gives memory back.
const GIVEN_BACK: u64 = 4 * MIB;
/// Programs that stand still for lack of memory for so long do not get over it by themselves: a
/// compiler that grows pushes idle programs into swap in less.
const STALLED_LONG: Millis = 1000;
/// Without a stall for so long, one more compiler may push idle programs into swap; after each
/// stall that it was too much the time doubles, up to the second figure.
const SWAP_PAUSE: Millis = 2000;
const SWAP_PAUSE_MOST: Millis = 60_000;
/// After so many evictions a compiler starts only when it can be alone.
const EVICTIONS_BEFORE_ALONE: u32 = 2;
/// Number of peaks of this build that are remembered for the guess about unknown crates.
const N_SEEN: usize = 256;

/// The settings that do not change during a build.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PolicySettings {
    /// Memory at the start: what is available then. The reserves are scaled to it.
    pub(crate) room_bytes: u64,
    /// `true` if a group's limit is what counts, or the machine's memory, of which the system needs
    /// a part.
    pub(crate) is_group: bool,
    pub(crate) n_cpus: usize,
    /// The number of this build, which no other on the machine has.
    pub(crate) build: u64,
    /// As long as the user wants to wait for memory in any case.
    pub(crate) wait: Millis,
}

/// The compilers and the memory of all other builds of the user in the same memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OtherBuilds {
    /// The time at which each of their compilers was let in, and `true` if it runs, `false` if it
    /// is suspended.
    pub(crate) active: Vec<(Stamp, bool)>,
    /// The youngest of them that its build could end for the sake of others.
    pub(crate) youngest: Option<Stamp>,
    /// By how much those that run may still grow, and what all of them hold.
    pub(crate) growth_bytes: u64,
    pub(crate) held_bytes: u64,
    /// The memory that their cargos, build scripts and tests hold besides.
    pub(crate) rest_bytes: u64,
    /// The time since which the compiler that has waited longest waits, and could be let in.
    pub(crate) waiting: Option<Stamp>,
    /// The memory of a compiler that one of them has ended is still on its way back.
    pub(crate) in_flight: bool,
    /// One of them goes on, and will give back what it holds.
    pub(crate) goes_on: bool,
    /// The state of the others is unknown at this moment, so nothing may be let in.
    pub(crate) is_unknown: bool,
}

/// The facts about this build that the other builds are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Published {
    pub(crate) active: Vec<(Millis, bool)>,
    pub(crate) youngest: Option<Millis>,
    pub(crate) growth_bytes: u64,
    pub(crate) held_bytes: u64,
    pub(crate) waiting: Option<Millis>,
    pub(crate) in_flight: bool,
    /// Nothing runs, and what waits waits for memory that programs outside have.
    pub(crate) is_stuck: bool,
}

/// One look at memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MemorySample {
    /// The memory that can be taken before the kernel kills: RAM and swap, the tightest group
    /// counts.
    pub(crate) headroom_bytes: u64,
    /// The part of it that is RAM: what a further compiler may count on.
    pub(crate) grantable_bytes: u64,
    /// The RAM that programs besides compilers hold.
    pub(crate) others_bytes: u64,
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
    /// `true` if its gate starts it again after the guard has ended it.
    pub(crate) can_restart: bool,
}

/// The end of a compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CompilerEnd {
    /// By itself, or ended by neither this guard nor the kernel for lack of memory.
    Finished { peak_bytes: u64 },
    /// By this guard.
    Evicted,
    /// By the kernel, for lack of memory.
    KernelKilled,
}

/// An action that the controller has to carry out.
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
    /// It waits until so much is available, since programs outside have taken the memory.
    Await(JobId, u64),
    /// This compiler does not fit, not even alone: another way to build is needed.
    GiveUp(OversizedJob),
}

/// A compiler that does not fit alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OversizedJob {
    pub(crate) job: JobId,
    /// The memory that it held when it was ended. It needs more.
    pub(crate) held_bytes: u64,
    /// The memory that there was for it altogether.
    pub(crate) room_bytes: u64,
    /// The memory that it waited for, until the wait was over.
    pub(crate) waited_for_bytes: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CompilerState {
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
    state: CompilerState,
    /// The memory that it is assumed to need.
    estimate: u64,
    /// The memory that it holds now, and the most it held.
    held: u64,
    peak: u64,
    /// The part of it that lies in swap.
    swapped: u64,
    /// Position in the order of starts, and the time of the start.
    turn: u64,
    started: Millis,
    n_evictions: u32,
    /// Starts only if nothing else runs.
    alone: bool,
    /// If it was ended while alone because other programs had taken memory.
    waits_for: Option<Wait>,
    was_killed: bool,
    can_restart: bool,
    /// What it needs was measured in earlier builds.
    is_known: bool,
}

/// A wait for memory that other programs have taken.
#[derive(Clone, Copy, Debug)]
struct Wait {
    /// So much must be available before the compiler starts.
    bytes: u64,
    until: Millis,
    /// The memory that there was for it when it was ended.
    failed_in_bytes: u64,
    /// The least that was available meanwhile, and the most since then.
    least_bytes: u64,
    most_bytes: u64,
}

/// Times and amounts, newest last.
type History = [(Millis, u64); 8];

/// The state machine.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    settings: PolicySettings,
    jobs: Vec<Job>,
    sample: MemorySample,
    others: OtherBuilds,
    /// The most there was for compilers at any time.
    most_room: u64,
    /// Recent headrooms, and what there was for compilers, newest last.
    history: History,
    rooms: History,
    n_turns: u64,
    /// Peaks of finished compilers, ascending.
    seen: Vec<u64>,
    /// The largest peak of one that could not be started again.
    largest_unended: Option<u64>,
    gave_up: bool,
    /// The time since which programs have stood still, or the last time that this was acted upon.
    stalled_since: Option<Millis>,
    /// The last time that they did.
    stalled_at: Option<Millis>,
    /// The last time that a compiler was let in for which there was not enough RAM but swap, and
    /// how long it is waited then for what comes of it.
    tried_swap_at: Option<Millis>,
    swap_pause: Millis,
    /// The time since which no compiler of any build has run.
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
    pub(crate) knows_of_no_other_build: bool,
    pub(crate) sees_no_stall: bool,
}

impl OtherBuilds {
    /// The build of this number does this. `gives_up_first`: of builds that wait for each other it
    /// gives up before the one that is told of it.
    pub(crate) fn add(&mut self, number: u64, published: Published, gives_up_first: bool) {
        let Published { active, youngest, growth_bytes, held_bytes, waiting, in_flight, is_stuck } =
            published;
        self.youngest = self.youngest.max(youngest.map(|at| (at, number)));
        self.active.extend(active.into_iter().map(|(at, runs)| ((at, number), runs)));
        self.growth_bytes = self.growth_bytes.saturating_add(growth_bytes);
        self.held_bytes = self.held_bytes.saturating_add(held_bytes);
        let waiting = waiting.map(|at| (at, number));
        self.waiting = self.waiting.into_iter().chain(waiting).min();
        self.in_flight |= in_flight;
        self.goes_on |= !is_stuck || gives_up_first;
    }
}

impl Policy {
    pub(crate) fn new(settings: PolicySettings, sample: MemorySample) -> Policy {
        Policy {
            settings,
            jobs: Vec::with_capacity(256),
            sample,
            others: OtherBuilds::default(),
            most_room: settings.room_bytes,
            history: [(0, sample.headroom_bytes); 8],
            rooms: [(0, settings.room_bytes); 8],
            n_turns: 0,
            seen: Vec::with_capacity(N_SEEN),
            largest_unended: None,
            gave_up: false,
            stalled_since: None,
            stalled_at: None,
            tried_swap_at: None,
            swap_pause: SWAP_PAUSE,
            idle_since: None,
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

    /// Other builds were looked at. Tell this before anything else is told.
    pub(crate) fn others(&mut self, others: OtherBuilds) {
        self.others =
            if self.faults.knows_of_no_other_build { OtherBuilds::default() } else { others };
    }

    /// Other builds could not be looked at. They are taken to do what they did last, and nothing is
    /// let in before they have been looked at.
    pub(crate) fn others_are_unknown(&mut self) {
        self.others.is_unknown = !self.faults.knows_of_no_other_build;
    }

    /// Returns the facts that other builds are to be told of this one.
    pub(crate) fn published(&self, now: Millis) -> Published {
        let active = self.jobs.iter().filter(|it| it.is_active());
        let waiting = self.jobs.iter().filter(|it| !self.lacks_memory(it) && !self.gave_up);
        let is_waiting = |it: &Job| it.waiting_since().is_some();
        Published {
            active: active.map(|it| (it.started, it.state == CompilerState::Running)).collect(),
            youngest: self.youngest(Job::may_be_ended).map(|it| self.jobs[it].started),
            growth_bytes: self.growth(),
            held_bytes: self.held(),
            waiting: waiting.filter_map(Job::waiting_since).min(),
            in_flight: self.in_flight_here(now),
            is_stuck: self.n_active() == 0
                && self.jobs.iter().any(is_waiting)
                && self.jobs.iter().filter(|it| is_waiting(it)).all(|it| self.lacks_memory(it)),
        }
    }

    /// `true` if memory is so short that it should be looked at as often as possible.
    pub(crate) fn is_tight(&self) -> bool {
        let running = self.n_running_anywhere() as u64;
        self.sample.headroom_bytes < self.floor() + (running + 1) * 16 * BURST
    }

    /// A compiler asks for a start.
    pub(crate) fn asked(
        &mut self,
        now: Millis,
        request: CompileRequest,
        actions: &mut Vec<Action>,
    ) {
        let state = CompilerState::Waiting { since: now };
        let before = request.again.and_then(|it| self.position(it));
        match before.map(|it| &mut self.jobs[it]) {
            Some(job) => {
                job.id = request.job;
                job.state = state;
                (job.held, job.swapped) = (0, 0);
            }
            None => self.jobs.push(self.job(request, state)),
        }
        self.admit(now, actions);
    }

    fn job(&self, request: CompileRequest, state: CompilerState) -> Job {
        let CompileRequest { job, known_bytes, links, can_restart, .. } = request;
        let prior = if links { UNKNOWN_LINKING_BYTES } else { UNKNOWN_BYTES };
        Job {
            id: job,
            state,
            estimate: known_bytes.unwrap_or_else(|| match can_restart {
                true => self.guess(prior),
                false => self.guess_for_good(prior),
            }),
            held: 0,
            peak: 0,
            swapped: 0,
            turn: 0,
            started: 0,
            n_evictions: 0,
            alone: false,
            waits_for: None,
            was_killed: false,
            can_restart,
            is_known: known_bytes.is_some(),
        }
    }

    /// Tells the policy of a compiler that runs already, since no gate is before it. Where there is
    /// no room for it, it is suspended.
    pub(crate) fn found(
        &mut self,
        now: Millis,
        request: CompileRequest,
        actions: &mut Vec<Action>,
    ) {
        let job = self.job(request, CompilerState::Running);
        let fits = self.n_active_anywhere() == 0 || self.fits(&job, self.sample.grantable_bytes);
        self.n_turns += 1;
        self.jobs.push(Job { turn: self.n_turns, started: now, ..job });
        if !fits {
            let state = CompilerState::Suspended { since: now };
            self.set(self.jobs.len() - 1, state, Action::Suspend, actions);
        }
    }

    /// Tells the policy the memory that a compiler holds now.
    pub(crate) fn holds(&mut self, job: JobId, bytes: u64, swapped_bytes: u64) {
        if let Some(position) = self.position(job) {
            let job = &mut self.jobs[position];
            (job.held, job.swapped) = (bytes, swapped_bytes);
            job.peak = job.peak.max(bytes);
        }
    }

    /// A compiler has ended. One that was evicted or killed is kept in mind until it asks again.
    pub(crate) fn ended(
        &mut self,
        now: Millis,
        job: JobId,
        end: CompilerEnd,
        actions: &mut Vec<Action>,
    ) {
        let Some(position) = self.position(job) else { return };
        let job = &mut self.jobs[position];
        match end {
            CompilerEnd::Finished { peak_bytes } => {
                let peak = peak_bytes.max(job.peak);
                let can_restart = self.jobs.remove(position).can_restart;
                self.remember(peak);
                if !can_restart {
                    self.largest_unended = self.largest_unended.max(Some(peak));
                    let guess = self.guess_for_good(UNKNOWN_BYTES);
                    let others = self.jobs.iter_mut().filter(|it| !it.can_restart && !it.is_known);
                    others.for_each(|it| it.estimate = guess);
                }
            }
            CompilerEnd::Evicted => job.state = CompilerState::Between,
            CompilerEnd::KernelKilled => {
                job.estimate = job.estimate.max(job.peak + job.peak / 4);
                job.alone = true;
                job.was_killed = true;
                job.state = CompilerState::Between;
            }
        }
        self.admit(now, actions);
    }

    /// `true` if a compiler the kernel killed gets a second try, alone.
    pub(crate) fn may_try_again(&self, job: JobId) -> bool {
        let may = |it: usize| self.jobs[it].can_restart && !self.jobs[it].was_killed;
        self.position(job).is_some_and(may) && !self.gave_up
    }

    /// Memory was looked at. Tell what the compilers hold first ([`Policy::holds`]).
    pub(crate) fn tick(&mut self, now: Millis, sample: MemorySample, actions: &mut Vec<Action>) {
        self.sample = sample;
        self.history.rotate_left(1);
        self.history[7] = (now, sample.headroom_bytes);
        self.rooms.rotate_left(1);
        self.rooms[7] = (now, self.room());
        self.most_room = self.most_room.max(self.room());
        if self.gave_up {
            return;
        }
        self.lengthen_waits(now);
        if sample.stalled && !self.faults.sees_no_stall {
            self.stalled_at = Some(now);
            self.stalled_since.get_or_insert(now);
        } else {
            self.stalled_since = None;
        }
        self.protect(now, actions);
        self.relieve(now, actions);
        self.resume(now, actions);
        self.admit(now, actions);
    }

    /// Makes the memory that is left last: suspends the youngest compilers, then ends them.
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
            self.suspend_down_to(allowed, now, actions);
        }
        if self.faults.never_evicts {
            return;
        }
        let n_active = self.n_active_anywhere();
        let critical = headroom < floor / 2;
        // While one runs, those that stand still are what can be spared; else the youngest of all.
        // That of another build is ended by that build.
        let youngest = self.youngest(Job::may_be_ended);
        let Some(youngest) = youngest.filter(|it| self.is_youngest_anywhere(*it)) else { return };
        if n_active >= 2 && (!in_flight || critical) {
            let soon = falls_by(&self.history, now, RATE_OVER);
            if headroom < floor + BURST + soon {
                self.evict(now, youngest, actions);
            }
        } else if n_active == 1 && !in_flight {
            let soon = falls_by(&self.history, now, RATE_OVER) / 2;
            if headroom < floor / 2 + soon {
                self.evict_the_last(now, youngest, actions);
            }
        }
    }

    /// Where programs have stood still for lack of memory for long, fewer compilers are to run: the
    /// youngest is suspended, so that its memory can be swapped out, and if that does not help the
    /// youngest is ended, until one is left. That one may swap.
    fn relieve(&mut self, now: Millis, actions: &mut Vec<Action>) {
        let is_long = self.stalled_since.is_some_and(|it| now >= it + STALLED_LONG);
        if !is_long || self.n_active_anywhere() < 2 || self.in_flight(now) {
            return;
        }
        // What follows needs time to have an effect.
        self.stalled_since = Some(now);
        self.swap_pause = (2 * self.swap_pause).min(SWAP_PAUSE_MOST);
        let n_running = self.n_running_anywhere();
        if n_running >= 2 {
            self.suspend_down_to(n_running as u64 - 1, now, actions);
        } else if let Some(youngest) = self.youngest(Job::may_be_ended)
            && self.is_youngest_anywhere(youngest)
        {
            self.evict(now, youngest, actions);
        }
    }

    /// Suspends the youngest until so many compilers of all builds run. Those of another build are
    /// suspended by that build.
    fn suspend_down_to(&mut self, allowed: u64, now: Millis, actions: &mut Vec<Action>) {
        let others = self.others.active.iter().filter(|it| it.1).map(|it| it.0);
        let mut others: Vec<Stamp> = others.collect();
        others.sort_unstable();
        while (self.n_running() + others.len()) as u64 > allowed {
            let own = self.youngest(|it| it.state == CompilerState::Running);
            match own.filter(|it| others.last().is_none_or(|other| *other < self.stamp(*it))) {
                Some(own) => {
                    self.set(
                        own,
                        CompilerState::Suspended { since: now },
                        Action::Suspend,
                        actions,
                    );
                }
                None if others.pop().is_some() => {}
                None => return,
            }
        }
    }

    fn evict(&mut self, now: Millis, position: usize, actions: &mut Vec<Action>) {
        let job = &mut self.jobs[position];
        job.n_evictions += 1;
        job.alone |= job.n_evictions >= EVICTIONS_BEFORE_ALONE;
        job.estimate = job.estimate.max(job.held + job.held / 2);
        self.set(position, CompilerState::Evicting { since: now }, Action::Evict, actions);
        if self.faults.gives_up_at_the_first_eviction {
            self.give_up(position, self.room(), None, actions);
        }
    }

    /// The only one left has to go: for lack of memory, or because a program outside the build has
    /// taken it.
    fn evict_the_last(&mut self, now: Millis, position: usize, actions: &mut Vec<Action>) {
        let room = self.room();
        let headroom = self.sample.headroom_bytes;
        let floor = self.floor();
        // It may have been let in as the last one when others had taken the memory already. What
        // other builds hold comes back when they end.
        let before = self.most_room.max(room + self.others.rest_bytes);
        let job = &mut self.jobs[position];
        // The compiler held this much when it wanted more.
        let failed_in_bytes = job.held + headroom;
        let needs = failed_in_bytes + BURST;
        // What others are taking at this moment is what it is ended for, before it is missing.
        let taken = before.saturating_sub(room) + falls_by(&self.rooms, now, RATE_OVER);
        job.estimate = job.estimate.max(needs);
        let is_foreign = taken > BURST + before / 16;
        self.set(position, CompilerState::Evicting { since: now }, Action::Evict, actions);
        if !is_foreign {
            // It had all the memory that there ever was.
            self.give_up(position, room, None, actions);
            return;
        }
        let until = now.saturating_add(FOREIGN_WAIT.max(self.settings.wait));
        // More than there ever was is not waited for.
        let most = self.most_room.saturating_sub(floor + BURST);
        let job = &mut self.jobs[position];
        let needs = needs.max(job.waits_for.map_or(0, |it| it.bytes)).min(most);
        let (least_bytes, most_bytes) = (u64::MAX, 0);
        job.waits_for =
            Some(Wait { bytes: needs, until, failed_in_bytes, least_bytes, most_bytes });
        job.alone = true;
        job.n_evictions += 1;
        actions.push(Action::Await(job.id, needs + floor));
    }

    /// `true` if it waits for memory that programs outside have.
    fn lacks_memory(&self, job: &Job) -> bool {
        job.waits_for.is_some_and(|it| self.sample.headroom_bytes < it.bytes + self.floor())
    }

    /// Extends the waits for memory while other programs give some back, or will.
    fn lengthen_waits(&mut self, now: Millis) {
        let available = self.sample.headroom_bytes;
        let will_give = self.others.goes_on || self.n_active_anywhere() > 0;
        for job in &mut self.jobs {
            let is_waiting = job.waiting_since().is_some();
            let Some(wait) = job.waits_for.as_mut().filter(|_| is_waiting) else { continue };
            if available < wait.least_bytes {
                // The others still take memory.
                (wait.least_bytes, wait.most_bytes) = (available, available);
            }
            let has_given = available > wait.most_bytes + GIVEN_BACK;
            if has_given {
                wait.most_bytes = available;
            }
            if has_given || will_give {
                wait.until = wait.until.max(now + FOREIGN_WAIT);
            }
        }
    }

    fn give_up(
        &mut self,
        position: usize,
        room_bytes: u64,
        waited_for_bytes: Option<u64>,
        actions: &mut Vec<Action>,
    ) {
        let job = &self.jobs[position];
        self.gave_up = true;
        actions.push(Action::GiveUp(OversizedJob {
            job: job.id,
            held_bytes: job.held.max(job.peak),
            room_bytes,
            waited_for_bytes,
        }));
    }

    /// Resumes the oldest suspended compiler when there is room for what it may still need.
    fn resume(&mut self, now: Millis, actions: &mut Vec<Action>) {
        if self.faults.forgets_to_resume {
            return;
        }
        while let Some(oldest) =
            self.oldest(|it| matches!(it.state, CompilerState::Suspended { .. }))
        {
            let job = &self.jobs[oldest];
            let CompilerState::Suspended { since } = job.state else { return };
            let n_running = self.n_running_anywhere() as u64;
            if n_running == 0 {
                // One always runs: the oldest of all builds. Only the memory of one that was ended
                // is waited for, or enough room without.
                if self.others.active.iter().any(|it| it.0 < self.stamp(oldest)) {
                    return;
                }
                let enough = self.sample.headroom_bytes > self.floor() + 2 * BURST;
                if self.in_flight(now) && !enough {
                    return;
                }
            } else {
                let growth = self.growth() + self.others.growth_bytes;
                let may_take = job.swapped + job.may_grow_by();
                let wanted = growth + may_take + self.floor() + (n_running + 2) * BURST;
                let is_calm = self.stalled_at.is_none_or(|it| now >= it + STALLED_LONG);
                if self.in_flight(now)
                    || !is_calm
                    || now < since + LEAST_SUSPENSION
                    || self.sample.grantable_bytes < wanted
                {
                    return;
                }
            }
            self.set(oldest, CompilerState::Running, Action::Resume, actions);
        }
    }

    /// Lets in the compilers that fit, in the order in which they asked.
    fn admit(&mut self, now: Millis, actions: &mut Vec<Action>) {
        if self.gave_up || self.in_flight(now) || self.others.is_unknown {
            return;
        }
        loop {
            let n_active = self.n_active_anywhere();
            self.idle_since = (n_active == 0).then(|| self.idle_since.unwrap_or(now));
            let Some(next) = self.next(now, n_active, actions) else { return };
            if n_active > 0 && !self.fits(&self.jobs[next], self.sample.grantable_bytes) {
                self.tried_swap_at = Some(now);
            }
            self.n_turns += 1;
            let job = &mut self.jobs[next];
            (job.turn, job.started) = (self.n_turns, now);
            self.set(next, CompilerState::Running, Action::Grant, actions);
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
            let older = self.others.waiting.filter(|it| *it < (since, self.settings.build));
            if n_active == 0 {
                if self.faults.never_lets_the_last_one_in
                    && job.estimate + self.floor() > self.sample.grantable_bytes
                {
                    continue;
                }
                match job.waits_for {
                    Some(wait) if self.lacks_memory(&job) => {
                        // The look at memory may be older than the end of the last that ran.
                        if now >= wait.until
                            && self.idle_since.is_some_and(|it| now >= it + MEMORY_RETURN)
                        {
                            // It failed in less than there is now. Whether it needs more is not
                            // known.
                            let available = self.sample.headroom_bytes;
                            if available > wait.failed_in_bytes + GIVEN_BACK && older.is_none() {
                                return Some(position);
                            }
                            let wanted = wait.bytes + self.floor();
                            self.give_up(position, self.room(), Some(wanted), actions);
                            return None;
                        }
                        continue;
                    }
                    // The build that it belongs to lets it in.
                    _ if older.is_some() => return None,
                    _ => return Some(position),
                }
            }
            if older.is_some_and(|it| now >= it.0 + OVERTAKEN_MOST) {
                return None;
            }
            if !job.alone && self.fits(&job, self.room_for_one_more(now)) {
                return Some(position);
            }
            if now >= since + OVERTAKEN_MOST {
                // Its turn comes when those before it have ended.
                return None;
            }
        }
    }

    /// RAM; and where nothing has stood still since it was counted on last, what other
    /// programs hold, for they may sleep and give it for swap.
    fn room_for_one_more(&self, now: Millis) -> u64 {
        let MemorySample { headroom_bytes, grantable_bytes, others_bytes, .. } = self.sample;
        let was_lately = |it: Option<Millis>| it.is_some_and(|it| now < it + self.swap_pause);
        if was_lately(self.stalled_at) || was_lately(self.tried_swap_at) {
            return grantable_bytes;
        }
        let swap = headroom_bytes.saturating_sub(grantable_bytes);
        grantable_bytes + swap.min(others_bytes)
    }

    /// `true` if the compiler can run beside those that run already in this room.
    fn fits(&self, job: &Job, room: u64) -> bool {
        let tight = self.stalled_since.is_some()
            || self.jobs.iter().any(|it| matches!(it.state, CompilerState::Suspended { .. }))
            || self.others.active.iter().any(|it| !it.1);
        let n = (self.n_running_anywhere() as u64 + 1).min(self.settings.n_cpus as u64);
        let reserve = self.floor() + n * BURST + self.growth() + self.others.growth_bytes;
        let is_unknown = |it: &&Job| it.state == CompilerState::Running && !it.is_known;
        let shares_a_cpu = self.jobs.iter().filter(is_unknown).count() >= self.settings.n_cpus;
        let has_swap = self.sample.headroom_bytes > self.sample.grantable_bytes;
        let is_doubtful = shares_a_cpu && !job.is_known && !has_swap;
        let times = if is_doubtful { UNKNOWN_TIMES } else { 1 };
        !tight && room >= reserve.saturating_add(job.estimate.saturating_mul(times))
    }

    /// By how much the running compilers may still grow.
    fn growth(&self) -> u64 {
        self.jobs.iter().filter(|it| it.state == CompilerState::Running).map(Job::may_grow_by).sum()
    }

    /// Headroom and what the compilers of all builds hold: moves only with programs outside.
    fn room(&self) -> u64 {
        self.sample.headroom_bytes + self.held() + self.others.held_bytes
    }

    /// Returns the memory that the compilers of this build hold.
    fn held(&self) -> u64 {
        self.jobs.iter().filter(|it| it.is_active()).map(|it| it.held).sum()
    }

    /// `true` if the memory of a compiler that was ended is still on its way back.
    fn in_flight(&self, now: Millis) -> bool {
        self.others.in_flight || self.in_flight_here(now)
    }

    fn in_flight_here(&self, now: Millis) -> bool {
        self.jobs.iter().any(|it| match it.state {
            CompilerState::Evicting { since } => now < since + MEMORY_RETURN,
            _ => false,
        })
    }

    /// A guess about a crate that was never measured: what most of this build's crates needed.
    fn guess(&self, prior: u64) -> u64 {
        let upper_quartile = self.seen.get(self.seen.len() * 3 / 4).copied();
        upper_quartile.filter(|_| self.seen.len() >= 4).unwrap_or(0).max(prior)
    }

    /// The same for one that cannot be ended, where a wrong guess cannot be taken back: what the
    /// largest such one needed, and some more.
    fn guess_for_good(&self, prior: u64) -> u64 {
        let largest = self.largest_unended.map(|it| it + it / 4);
        largest.map_or(UNKNOWN_TIMES * prior, |it| it.max(prior))
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
        state: CompilerState,
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
        self.jobs.iter().filter(|it| it.state == CompilerState::Running).count()
    }

    pub(crate) fn n_suspended(&self) -> usize {
        self.n_active() - self.n_running()
    }

    pub(crate) fn n_waiting(&self) -> usize {
        self.jobs.iter().filter(|it| it.waiting_since().is_some()).count()
    }

    pub(crate) fn n_active_elsewhere(&self) -> usize {
        self.others.active.len()
    }

    fn n_active(&self) -> usize {
        self.jobs.iter().filter(|it| it.is_active()).count()
    }

    fn n_active_anywhere(&self) -> usize {
        self.n_active() + self.others.active.len()
    }

    fn n_running_anywhere(&self) -> usize {
        self.n_running() + self.others.active.iter().filter(|it| it.1).count()
    }

    fn stamp(&self, position: usize) -> Stamp {
        (self.jobs[position].started, self.settings.build)
    }

    fn is_youngest_anywhere(&self, position: usize) -> bool {
        self.others.youngest.is_none_or(|it| it < self.stamp(position))
    }
}

impl Job {
    /// `true` if it holds memory and may go on.
    fn is_active(&self) -> bool {
        matches!(self.state, CompilerState::Running | CompilerState::Suspended { .. })
    }

    /// `true` if it holds memory, and could be ended for the sake of others.
    fn may_be_ended(&self) -> bool {
        self.is_active() && self.can_restart
    }

    fn waiting_since(&self) -> Option<Millis> {
        match self.state {
            CompilerState::Waiting { since } => Some(since),
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

/// By how much an amount will shrink in so long, if it goes on as lately.
fn falls_by(history: &History, now: Millis, over: Millis) -> u64 {
    let newest = history[7];
    let earlier = history.iter().filter(|it| it.0 + RATE_OVER >= now && it.0 < newest.0);
    let steepest = earlier.map(|it| {
        let fallen = it.1.saturating_sub(newest.1);
        fallen.saturating_mul(over) / (newest.0 - it.0)
    });
    steepest.max().unwrap_or(0).min(4 * BURST)
}
