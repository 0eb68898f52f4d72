//! The limits of an analysis, its cancellation and progress, and the reason for which it ended.
//!
//! Nothing here but the order of choice among ties changes a result that is complete. A stopped
//! analysis returns what is proven so far.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::alphabet::Alphabet;
use crate::big_phi::is_zero_without_search;
use crate::journal::Journal;
use crate::mip::{CauseMemo, KEPT_UNITS};
use crate::subsystem::Subsystem;
use crate::tie_order::TieOrder;
use crate::variant::Variant;

/// The options of an analysis. But for `tie_order` and `variant`, none of them changes a result
/// that is complete.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The time and memory that the analysis may take. [default: no limits]
    pub limits: Limits,
    /// Set this to stop the analysis soon; its result then says [`StopReason::Cancelled`].
    /// [default: cannot be cancelled]
    pub cancel: Option<Arc<AtomicBool>>,
    /// Told about every step that is done. [default: none]
    pub progress: Option<Observer>,
    /// Evaluate every partition, purview and cut instead of those that bounds leave open. For
    /// checking: the result has the same bits. [default: false]
    pub exhaustive: bool,
    /// Search every core cause and core effect of every cut, also where the result does not depend
    /// on it, so that [`BigPhi::purview_ties`](crate::BigPhi::purview_ties) is known. [default:
    /// false]
    pub count_ties: bool,
    /// Work φ out anew for every arrangement of interchangeable units. For checking. [default:
    /// false]
    pub no_symmetry: bool,
    /// Which of the core causes or core effects of IIT 3.0 that φ and size leave tied is chosen,
    /// and under IIT 4.0 with principled ties which of the congruent purviews. Where there are such
    /// ties Φ depends on it; see [`phi_range`](crate::phi_range) and
    /// [`iit4::phi_range`](crate::iit4::phi_range). [default: lexicographically the first]
    pub tie_order: TieOrder,
    /// IIT 3.0 by other measures, partitions or approximations, for [`big_phi`](crate::big_phi()),
    /// [`big_phi_under`](crate::big_phi_under), [`complexes`](crate::complexes) and
    /// [`Subsystem::purview_analysis`]. What ties allow, and the pieces of one Φ, are for the
    /// default only, and panic at another. IIT 4.0 has no variants. [default: IIT 3.0 as published]
    pub variant: Variant,
    /// Where a search over [grains](crate::grain) keeps its steps, and from which it goes on. Other
    /// analyses do not look at it. [default: nowhere]
    pub journal: Option<Arc<Mutex<dyn Journal>>>,
}

impl Options {
    /// The same with as much time as is left since an analysis began: for the next step of one of
    /// several steps, all of which share the limit.
    pub fn left(&self, began: Instant) -> Options {
        let mut options = self.clone();
        options.limits.time = self.limits.time.map(|time| time.saturating_sub(began.elapsed()));
        options
    }
}

/// The time and memory that an analysis may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Wall time. When it is over, the analysis stops within a moment and says what it has.
    /// [default: no limit]
    pub time: Option<Duration>,
    /// Memory that the tables of the search may take, in bytes; see [`memory_needed`] and
    /// [`iit4::memory_needed`](crate::iit4::memory_needed). An analysis that would need more does
    /// not start. [default: no limit]
    pub memory_bytes: Option<u64>,
}

/// Why an analysis ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// Everything was decided: the result is exact.
    Complete,
    /// [`Options::cancel`] was set.
    Cancelled,
    /// [`Limits::time`], which was this, is over.
    TimeLimit(Duration),
    /// The tables would need more than [`Limits::memory_bytes`]: nothing was computed.
    MemoryLimit {
        /// The memory that they would need, in bytes.
        needed_bytes: u64,
    },
    /// There are too many combinations of tied causes, effects and states to find out which has the
    /// largest Φ, and something depends on that.
    TieLimit,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StopReason::Complete => f.write_str("complete"),
            StopReason::Cancelled => f.write_str("cancelled"),
            StopReason::TimeLimit(limit) => {
                write!(f, "time limit of {:.3} s reached", limit.as_secs_f64())
            }
            StopReason::MemoryLimit { needed_bytes } => {
                write!(f, "not started: it would need {needed_bytes} bytes of memory")
            }
            StopReason::TieLimit => f.write_str("too many combinations of ties"),
        }
    }
}

/// The progress of an analysis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The phase that is under way.
    pub phase: Phase,
    /// Steps of the phase that are done: mechanisms searched, cuts or partitions decided, orders
    /// tried.
    pub done: u64,
    /// Steps of the phase in all.
    pub total: u64,
    /// The smallest distance of a cut so far: an upper bound on Φ.
    pub best: Option<f64>,
    /// Time since the analysis began.
    pub elapsed: Duration,
    /// Time the phase may still take, judged by its pace so far. Most cuts are decided faster once
    /// good ones are known, so it tends to be too long.
    pub remaining: Option<Duration>,
}

/// The parts of an analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// IIT 3.0: the concepts of the intact system.
    Concepts,
    /// IIT 3.0: the distances of the cuts.
    Cuts,
    /// IIT 3.0: Φ under other orders of choice; see [`phi_range`](crate::phi_range).
    Orders,
    /// IIT 4.0: the partitions of the system.
    SystemPartitions,
    /// IIT 4.0: the distinctions, mechanism by mechanism.
    Distinctions,
    /// IIT 4.0: the candidate systems of a substrate.
    Systems,
    /// Actual causation: the occurrences, each with all its candidates.
    Occurrences,
    /// Actual causation: the sets of units that transitions of a [nexus](crate::causation::nexus)
    /// start from.
    Nexus,
    /// Macro systems: the grains of IIT 3.0, the systems of intrinsic units of IIT 4.0.
    Grains,
}

/// Tells the observer, if there is one, how far a phase has come.
pub(crate) struct Watch<'a> {
    observer: Option<&'a Observer>,
    analysis_began: Instant,
    phase: Phase,
    total: u64,
    done: AtomicU64,
    began: Instant,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(
        options: &'a Options,
        analysis_began: Instant,
        phase: Phase,
        total: u64,
    ) -> Watch<'a> {
        let (observer, done) = (options.progress.as_ref(), AtomicU64::new(0));
        Watch { observer, analysis_began, phase, total, done, began: Instant::now() }
    }

    /// `steps` more are done.
    pub(crate) fn add(&self, steps: u64, best: Option<f64>) {
        let done = self.done.fetch_add(steps, Ordering::Relaxed) + steps;
        if let Some(observer) = self.observer {
            let left = self.total.saturating_sub(done) as f64 / done.max(1) as f64;
            observer.tell(Progress {
                phase: self.phase,
                done,
                total: self.total,
                best,
                elapsed: self.analysis_began.elapsed(),
                remaining: Some(self.began.elapsed().mul_f64(left)),
            });
        }
    }
}

/// A function that is told about progress, from any thread of the analysis, often: it should return
/// soon.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::sync::Arc;
/// use pyphi_core::{Observer, Options, big_phi, fixtures};
///
/// let decided = Arc::new(AtomicU64::new(0));
/// let seen = Arc::clone(&decided);
/// let observer = Observer::new(move |progress| seen.store(progress.done, Ordering::Relaxed));
/// big_phi(&fixtures::or_and_xor(), &Options { progress: Some(observer), ..Options::default() });
/// assert_eq!(decided.load(Ordering::Relaxed), 6); // cuts of three units
/// ```
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(Progress) + Send + Sync>);

impl Observer {
    /// An observer that calls `tell`.
    pub fn new(tell: impl Fn(Progress) + Send + Sync + 'static) -> Observer {
        Observer(Arc::new(tell))
    }

    pub(crate) fn tell(&self, progress: Progress) {
        (self.0)(progress);
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// Memory that the search for Φ of `n_units` units plans for with `n_threads` threads, in bytes;
/// `None` if that does not fit in a `u64`. Each thread has a table of the marginals of 4ⁿ pairs of
/// a mechanism and a purview, a list of partitions that may be half as long, and a transport
/// problem of 2ⁿ by 2ⁿ concepts; all share the tables of the units, n·3ⁿ, and the values of φ that
/// cuts have in common, 7ⁿ up to 8 units and 4ⁿ beyond. What else is needed is small beside that,
/// except for networks with interchangeable units, which keep some MiB of φ values for their
/// arrangements instead.
///
/// This is the price of any system of so many units; [`memory_needed`] knows which of them cost
/// nothing.
///
/// ```
/// assert!(pyphi_core::predicted_bytes(8, 2).unwrap() < 64 << 20);
/// assert!(pyphi_core::predicted_bytes(12, 2).unwrap() > 3 << 30);
/// ```
pub fn predicted_bytes(n_units: usize, n_threads: usize) -> Option<u64> {
    let n = u32::try_from(n_units).ok()?;
    let pairs = 4u64.checked_pow(n)?;
    let of_repertoire = if n_units <= KEPT_UNITS { 8 << n_units } else { 0 };
    let of_thread = 8 * n_units.next_multiple_of(4) as u64 + 4 + 8 + 9 + of_repertoire;
    let of_units = 3u64.checked_pow(n)?.checked_mul(8 * n_units as u64)?;
    let shared = CauseMemo::n_slots(n_units).checked_mul(8)?.checked_add(of_units)?;
    pairs.checked_mul(of_thread.checked_mul(n_threads as u64)?)?.checked_add(shared)
}

/// As [`predicted_bytes`], for [`phi_range`](crate::phi_range) and
/// [`phi_by_order`](crate::phi_by_order), which keep for every cut what purviews are tied for every
/// cause and effect.
///
/// ```
/// use pyphi_core::{predicted_bytes, predicted_bytes_of_range};
///
/// assert!(predicted_bytes_of_range(12, 2) > predicted_bytes(12, 2));
/// ```
pub fn predicted_bytes_of_range(n_units: usize, n_threads: usize) -> Option<u64> {
    bytes_of_choices(n_units)?.checked_add(predicted_bytes(n_units, n_threads)?)
}

/// The memory for the purviews that tie, in bytes.
fn bytes_of_choices(n_units: usize) -> Option<u64> {
    // A slot of a hash map that is half empty, and a list of a purview or two.
    const BYTES_OF_CHOICE: u64 = 144;
    4u64.checked_pow(u32::try_from(n_units).ok()?)?.checked_mul(2 * BYTES_OF_CHOICE)
}

/// Memory that the search for Φ of a system plans for with `n_threads` threads, in bytes; 0 where Φ
/// is 0 without a search, `u64::MAX` where that is more. With `keeps_choices` as
/// [`predicted_bytes_of_range`].
///
/// ```
/// use pyphi_core::{fixtures, memory_needed, predicted_bytes};
///
/// let subsystem = fixtures::or_and_xor();
/// assert_eq!(memory_needed(&subsystem, 2, false), predicted_bytes(3, 2).unwrap());
/// assert!(memory_needed(&subsystem, 2, true) > memory_needed(&subsystem, 2, false));
/// ```
pub fn memory_needed(subsystem: &Subsystem, n_threads: usize, keeps_choices: bool) -> u64 {
    if is_zero_without_search(subsystem) {
        return 0;
    }
    let of_choices = if keeps_choices { bytes_of_choices(subsystem.n_units()) } else { Some(0) };
    of_choices.map_or(u64::MAX, |it| it.saturating_add(subsystem.price(n_threads)))
}

/// As [`predicted_bytes`], of units with these values; `u64::MAX` where that is more.
pub(crate) fn bytes_of_values(alphabet: &Alphabet, n_threads: usize) -> u64 {
    let sizes = alphabet.sizes().into_iter().map(|k| k as u64);
    let n_tables: u64 = sizes.clone().map(|k| k + 1).sum();
    let n_entries = sizes.fold(1u64, |product, k| product.saturating_mul(k + 1));
    let of_tables = n_entries.saturating_mul(8).saturating_mul(n_tables);
    let of_lanes = (8 * n_tables).saturating_mul(1 << alphabet.n_units());
    let n_states = alphabet.n_states() as u64;
    let n_mechanisms = 2u64.saturating_pow(alphabet.n_units() as u32);
    // The cause repertoires of a structure.
    let of_concepts = n_states.saturating_mul(8).saturating_mul(n_mechanisms);
    // Half of the states give, half take: a cost and a mark for each pair of them, once more for
    // the room in which canonical arrangements are worked out. So it is with two structures.
    let half = n_states / 2 + 1;
    let of_states = half.saturating_mul(half).saturating_mul(18);
    let of_structures = n_mechanisms.saturating_mul(n_mechanisms).saturating_mul(9);
    let of_thread = of_states.saturating_add(of_structures).saturating_add(of_concepts);
    let shared = CauseMemo::n_slots(alphabet.n_units()).saturating_mul(8);
    [of_tables, of_lanes, of_concepts, of_thread.saturating_mul(n_threads as u64)]
        .into_iter()
        .fold(shared, u64::saturating_add)
}

/// When to stop.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    cancel: Option<Arc<AtomicBool>>,
    deadline: Option<(Instant, Duration)>,
}

impl Stop {
    pub(crate) fn new(options: &Options) -> Stop {
        Stop {
            cancel: options.cancel.clone(),
            deadline: options
                .limits
                .time
                .and_then(|time| Some((Instant::now().checked_add(time)?, time))),
        }
    }

    /// Never.
    pub(crate) fn never() -> Stop {
        Stop { cancel: None, deadline: None }
    }

    /// Returns the reason to stop now, or `None` if the analysis may go on.
    pub(crate) fn reason(&self) -> Option<StopReason> {
        #[cfg(test)]
        if stretch::look() && self.cancel.is_some() {
            return Some(StopReason::Cancelled);
        }
        if self.cancel.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            return Some(StopReason::Cancelled);
        }
        self.deadline
            .filter(|(at, _)| Instant::now() >= *at)
            .map(|(_, limit)| StopReason::TimeLimit(limit))
    }

    pub(crate) fn is_due(&self) -> bool {
        self.reason().is_some()
    }

    /// Why a search came to no end.
    pub(crate) fn why(&self) -> StopReason {
        self.reason().unwrap_or(StopReason::Cancelled)
    }
}

/// Says that so many entries of a table, or things like that, have been looked at or made. Loops
/// that may be long say so; tests see to it that there are never many between two looks at
/// [`Stop`].
#[inline(always)]
pub(crate) fn steps(n: usize) {
    #[cfg(test)]
    stretch::add(n as u64);
    #[cfg(not(test))]
    let _ = n;
}

/// Counts the steps of this thread between two looks, and after it is told to stop.
#[cfg(test)]
pub(crate) mod stretch {
    use std::cell::Cell;

    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Stretches {
        /// The most steps between two looks.
        pub(crate) longest: u64,
        /// Steps after the look at which the thread was told to stop.
        pub(crate) after: u64,
        pub(crate) n_looks: u64,
        since_look: u64,
        stop_at: u64,
    }

    thread_local! {
        static NOW: Cell<Stretches> = const { Cell::new(Stretches::until(u64::MAX)) };
    }

    impl Stretches {
        const fn until(stop_at: u64) -> Stretches {
            Stretches { longest: 0, after: 0, n_looks: 0, since_look: 0, stop_at }
        }

        fn is_told_to_stop(self) -> bool {
            self.n_looks >= self.stop_at
        }
    }

    pub(crate) fn add(n: u64) {
        let mut now = NOW.get();
        now.since_look += n;
        now.after += if now.is_told_to_stop() { n } else { 0 };
        NOW.set(now);
    }

    /// Looks, and says whether to stop.
    pub(crate) fn look() -> bool {
        let mut now = NOW.get();
        now.longest = now.longest.max(now.since_look);
        now.since_look = 0;
        now.n_looks += 1;
        NOW.set(now);
        now.is_told_to_stop()
    }

    /// The stretches of some work on this thread, which is told to stop at its look number
    /// `stop_at`.
    pub(crate) fn of(stop_at: u64, work: impl FnOnce()) -> Stretches {
        NOW.set(Stretches::until(stop_at));
        work();
        look();
        NOW.replace(Stretches::until(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{
        complete_majority, dense_logistic, dense_of_values, generic_logistic, ring_logistic,
    };
    use crate::iit4;
    use crate::tpm::Tpm;
    use crate::{big_phi, causation, complexes, grain, phi_range};

    /// The most steps between two looks: a fraction of a second in a release build.
    const MOST_STEPS: u64 = 100_000_000;

    type Analysis = fn(&Subsystem, &Options);

    const ANALYSES: [(&str, Analysis); 8] = [
        ("IIT 3.0", |it, options| drop(big_phi(it, options))),
        ("IIT 3.0, exhaustive", |it, options| {
            drop(big_phi(it, &Options { exhaustive: true, ..options.clone() }));
        }),
        ("IIT 3.0, other orders", |it, options| drop(phi_range(it, options, 3, 1))),
        ("IIT 3.0, complexes", |it, options| {
            drop(complexes(it.network(), it.state(), options));
        }),
        ("IIT 4.0", |it, options| {
            let system = iit4::System::new(it).expect("a reachable state");
            drop(iit4::phi_range(&system, iit4::Rules::default(), options, 3, 1));
        }),
        ("IIT 4.0, exhaustive", |it, options| {
            let system = iit4::System::new(it).expect("a reachable state");
            let options = Options { exhaustive: true, ..options.clone() };
            drop(iit4::phi_structure(&system, iit4::Rules::default(), &options));
        }),
        ("IIT 4.0, all ties", |it, options| {
            let system = iit4::System::new(it).expect("a reachable state");
            drop(iit4::phi_spectrum(&system, iit4::Rules::default(), options));
        }),
        ("IIT 4.0, complexes", |it, options| {
            drop(iit4::complexes(it.network(), it.state(), iit4::Rules::default(), options));
        }),
    ];

    /// However late an analysis is told to stop, it has looked not long before, and has ended not
    /// long after.
    #[track_caller]
    fn check(what: &str, subsystem: &Subsystem, analyses: &[(&str, Analysis)], stop_at: u64) {
        for (analysis, work) in analyses {
            check_one(&format!("{what}, {analysis}"), stop_at, |options| work(subsystem, options));
        }
    }

    #[track_caller]
    fn check_one(what: &str, stop_at: u64, work: impl FnOnce(&Options) + Send) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
        let cancel = Some(Arc::new(AtomicBool::new(false)));
        let options = Options { cancel, ..Options::default() };
        let found = pool.install(|| stretch::of(stop_at, || work(&options)));
        let is_soon = found.longest + found.after <= MOST_STEPS;
        assert!(is_soon, "{what}, told to stop at look {stop_at}: {found:?}");
    }

    #[test]
    fn analyses_stop_soon_after_they_are_told() {
        let [iit3, _, _, _, iit4, _, _, complexes] = ANALYSES;
        check("generic 12", &generic_logistic(12, 1), &[iit3, iit4], 30);
        check("dense 12", &dense_logistic(12, 1), &[iit3, complexes], 0);
        check("complete 11", &complete_majority(11), &ANALYSES, 300);
        check("generic 8", &generic_logistic(8, 1), &ANALYSES[..3], 20_000);
        check("ring 10", &ring_logistic(10), &ANALYSES, 1000);
    }

    #[test]
    fn analyses_of_many_values_stop_soon_after_they_are_told() {
        let subsystem = dense_of_values(&[8, 8, 8], 1);
        check("(8,8,8)", &subsystem, &ANALYSES[..4], 100);
        check("(8,8)", &dense_of_values(&[8, 8], 1), &ANALYSES[..4], u64::MAX);
    }

    #[test]
    fn actual_causation_stops_soon_after_it_is_told() {
        let analyses: [(&str, Analysis); 2] = [
            ("account", |it, options| {
                let (network, state, all) = (it.network(), it.state(), it.units());
                let fixed = causation::Background::Fixed;
                let it = causation::Transition::new(network, state, state, all, all, fixed);
                let it = it.expect("a possible transition");
                let account = causation::account(&it, causation::Scheme::All, options);
                drop(account.map(|it| it.irreducibility(None, options)));
            }),
            ("nexus", |it, options| {
                let (network, state) = (it.network(), it.state());
                let (fixed, all) = (causation::Background::Fixed, causation::Scheme::All);
                drop(causation::nexus(network, state, state, fixed, all, options));
            }),
        ];
        check("generic 12", &generic_logistic(12, 1), &analyses, 6000);
        check("dense 9", &dense_logistic(9, 1), &analyses, 300);
        check("dense 6", &dense_logistic(6, 1), &analyses, u64::MAX);
    }

    /// The steps of 14 units are several times as many as there may be between two looks.
    #[test]
    fn effective_information_stops_soon_after_it_is_told() {
        let tpm = Tpm::from_state_by_node(&vec![vec![0.5; 14]; 1 << 14]).expect("a TPM");
        for stop_at in [0, 300] {
            check_one("effective information", stop_at, |options| {
                let found = grain::effective_information(&tpm, options);
                assert_eq!(found, Err(StopReason::Cancelled));
            });
        }
        let small = Tpm::from_state_by_node(&vec![vec![0.5; 6]; 1 << 6]).expect("a TPM");
        check_one("effective information of 6", u64::MAX, |options| {
            assert!(grain::effective_information(&small, options).is_ok());
        });
    }

    #[test]
    fn analyses_that_are_not_stopped_look_often_too() {
        check("complete 6", &complete_majority(6), &ANALYSES[..1], u64::MAX);
        check("generic 4", &generic_logistic(4, 1), &ANALYSES[..4], u64::MAX);
        check("dense 6", &dense_logistic(6, 1), &ANALYSES[4..], u64::MAX);
    }
}
