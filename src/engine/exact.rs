//! Exact Φ by `pyphi-core`: the only file of the study that knows the engine.
//!
//! The engine uses every thread of the pool it runs in, so problems are given to it one at a time.

use std::collections::BTreeMap;
use std::iter;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub use pyphi_core::Error as InputError;
use pyphi_core::iit4;
pub use pyphi_core::iit4::Rules;
use pyphi_core::{
    BigPhi, CauseEffectStructure, DifferentiationCap, ErrorKind, Journal, Observer, Options, Phase,
    PhiRange, State, Stats, Subsystem, big_phi, big_phi_under, candidates, ces_distance,
    complex_ranges, complexes, conceptual_information, condensed, memory_needed,
    memory_needed_of_complexes, phi_range, phi_spectrum, tie_range,
};
use rayon::{ThreadPool, ThreadPoolBuilder};

pub use pyphi_core::iit4::record::{
    ComplexesRecord as PhiComplexesRecord, DistinctionRecord, MiceRecord, PhiSpectrumRecord,
    PhiStructureRecord, PurviewRecord as PhiPurviewRecord, RelationRecord, SystemRecord,
};
pub use pyphi_core::iit4::{PartDirection, SystemPartition};
pub use pyphi_core::input::{
    Connectivity, Entry, Form, Input, NetworkRecord, Reader, RowOrder, Series, States, Table,
    UnitName, Unseen, state, unknown_field,
};
pub use pyphi_core::pieces;
pub use pyphi_core::record::{
    ChosenRecord, ComplexesRecord, ConceptRecord, CoreRecord, DistanceRecord, ExtremeRecord,
    MajorOverTies, MechanismRecord, NearTieRecord, PartRecord, PhiRecord, PurviewRecord,
    RangeRecord, SpectrumRecord, StructureRecord, SystemRange,
};
pub use pyphi_core::{
    CesDistance, Cut, CutChoices, Direction, Measure, MechanismPartitions, NEAR, SpectrumRules,
    StopReason, TOLERANCE, TiePolicy, TieRule, UnitSet, Variant,
};

use crate::engine::result::{ExactPhi, PhiStructure, SystemCut, TieRange};
use crate::engine::steps::{Detail, Steps};
use crate::error::Error;
use crate::machine::memory;
use crate::model::formalism::{Exact, Formalism};
use crate::model::network::{Network, Tables};

/// The engine on a pool of threads.
#[derive(Debug)]
pub struct Engine {
    pool: ThreadPool,
    cancel: Arc<AtomicBool>,
    options: Options,
    /// The time since which the limit on time holds.
    began: Instant,
    /// Many problems are under way at once, so that how far one of them is says nothing.
    is_batch: Arc<AtomicBool>,
    /// The memory that was left when the system was last asked.
    left: Arc<Mutex<Option<MemoryLeft>>>,
}

/// The memory that is left, as the system said, and the time when it did.
#[derive(Debug, Clone, Copy)]
struct MemoryLeft {
    bytes: Option<u64>,
    asked: Instant,
}

/// For so long what the system said of its memory is believed: many problems take less time than
/// asking it.
const MEMORY_IS_KNOWN_FOR: Duration = Duration::from_millis(50);

impl Engine {
    /// An engine on `jobs` threads (0: one for each CPU), which stops soon after `cancel` is set.
    ///
    /// # Errors
    /// [`Error::Internal`] if the system gives no threads.
    pub fn new(jobs: usize, cancel: Arc<AtomicBool>) -> Result<Engine, Error> {
        let pool = threads(jobs)?;
        let options = Options { cancel: Some(Arc::clone(&cancel)), ..Options::default() };
        let (began, is_batch, left) = (Instant::now(), Arc::default(), Arc::default());
        Ok(Engine { pool, cancel, options, began, is_batch, left })
    }

    /// The memory that is left, if the system tells.
    fn memory_left(&self) -> Option<u64> {
        let mut known = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        match *known {
            Some(it) if it.asked.elapsed() < MEMORY_IS_KNOWN_FOR => it.bytes,
            _ => {
                let bytes = memory::left();
                *known = Some(MemoryLeft { bytes, asked: Instant::now() });
                bytes
            }
        }
    }

    /// The same engine by a variant of IIT 3.0, where that is asked of it.
    #[must_use]
    pub fn by(mut self, variant: Variant) -> Engine {
        self.options.variant = variant;
        self
    }

    /// The same engine by these options, but for what cancels it. Their limit on time is that of
    /// all that it does from now on.
    #[must_use]
    pub fn with(mut self, options: Options) -> Engine {
        self.options = Options { cancel: self.options.cancel, ..options };
        self.began = Instant::now();
        self
    }

    /// The same engine, whose searches over grains keep their steps, and go on from those that are
    /// known.
    #[must_use]
    pub fn keeping(mut self, journal: Arc<Mutex<dyn Journal>>) -> Engine {
        self.options.journal = Some(journal);
        self
    }

    /// The same engine, telling `detail` how far the problem under way has come.
    #[must_use]
    pub fn telling(mut self, detail: Detail) -> Engine {
        let is_batch = Arc::clone(&self.is_batch);
        let tell = move |progress: pyphi_core::Progress| {
            if is_batch.load(Ordering::Relaxed) {
                return;
            }
            detail.set(Some(Steps {
                what: match progress.phase {
                    Phase::Concepts => "mechanisms",
                    Phase::Cuts => "cuts",
                    Phase::Orders => "numberings",
                    Phase::SystemPartitions => "partitions",
                    Phase::Distinctions => "mechanisms",
                    Phase::Systems => "systems",
                    Phase::Occurrences => "occurrences",
                    Phase::Nexus => "sets of causes",
                    Phase::Grains => "grains",
                },
                done: progress.done,
                total: progress.total,
                best: progress.best,
                remaining: progress.remaining,
            }));
        };
        self.options.progress = Some(Observer::new(tell));
        self
    }

    /// Exact Φ of a network from a file, with the whole structure. With `count_ties`, also the
    /// number of tied choices over all cuts, for which no cut can be left out; with `ties`, all Φ
    /// that these allow, and where that is not proven the range of Φ over `tie_orders` random
    /// numberings.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn analyse(
        &self,
        network: &OwnNetwork,
        count_ties: bool,
        ties: Option<SpectrumRules>,
        tie_orders: u32,
    ) -> Result<PhiRecord, Error> {
        let (subsystem, place) = (network.subsystem(), network.place());
        let variant = self.options.variant;
        if !variant.is_default() {
            let needed = |n_threads| memory_needed(subsystem, n_threads, false);
            let work = |options: Options| big_phi(subsystem, &Options { count_ties, ..options });
            let found = self.within_memory(&place, needed, work)?;
            ended(found.stop_reason, &place)?;
            return Ok(network.answer(&found).by(variant));
        }
        let Some(rules) = ties else {
            let found = self.range(subsystem, count_ties, 0, &place)?;
            return Ok(network.answer(&found.result));
        };
        let needed = |n_threads| memory_needed(subsystem, n_threads, true);
        let (spectrum, found) = self.within_memory(&place, needed, |options| {
            let spectrum = phi_spectrum(subsystem, &options, rules);
            let n_more = if spectrum.is_complete() { 0 } else { tie_orders };
            let options = Options { count_ties, ..options };
            let found = phi_range(subsystem, &options, n_more, TieRange::SEED);
            (spectrum, found)
        })?;
        ended(found.stop_reason, &place)?;
        if spectrum.stop_reason != StopReason::TieLimit {
            ended(spectrum.stop_reason, &place)?;
        }
        // A numbering decides as these rules allow.
        let is_of_these = matches!(rules.ties, TieRule::All | TieRule::Largest)
            && rules.cuts == CutChoices::Inherited;
        let tried = Some((found.low, found.high)).filter(|_| is_of_these);
        let range = (!spectrum.is_complete()).then(|| RangeRecord::from(&found));
        Ok(PhiRecord {
            range,
            spectrum: Some(SpectrumRecord::new(rules, &spectrum, tried)),
            ..network.answer(&found.result)
        })
    }

    /// Φ by IIT 3.0 with its range, over all choices or over that many random numberings.
    fn range(
        &self,
        subsystem: &Subsystem,
        count_ties: bool,
        tie_orders: u32,
        place: &str,
    ) -> Result<PhiRange, Error> {
        let needed = |n_threads| memory_needed(subsystem, n_threads, tie_orders > 0);
        let found = self.within_memory(place, needed, |options| {
            let options = Options { count_ties, ..options };
            tie_range(subsystem, &options, tie_orders, TieRange::SEED)
        })?;
        ended(found.stop_reason, place)?;
        Ok(found)
    }

    /// Runs `work` with the options, and with the memory that there is as their limit: on all
    /// threads, or on as many as there is memory for. The result does not depend on their number.
    pub(super) fn within_memory<T: Send>(
        &self,
        place: &str,
        needed_bytes: impl Fn(usize) -> u64,
        work: impl FnOnce(Options) -> T + Send,
    ) -> Result<T, Error> {
        let limit = self.options.limits.memory_bytes;
        let left = [self.memory_left(), limit].into_iter().flatten().min();
        let all = self.pool.current_num_threads();
        let needed_bytes = |n_threads: usize| {
            let needed = needed_bytes(n_threads);
            // What is small beside the tables, and the stacks of threads that are still to be
            // started.
            let stacks = if n_threads < all { n_threads as u64 * BYTES_OF_THREAD } else { 0 };
            needed.saturating_add(needed / 16 + needed.min(16 << 20) + stacks)
        };
        let fits = |n_threads: &usize| left.is_none_or(|left| needed_bytes(*n_threads) <= left);
        let Some(n_threads) = (1..=all).rev().find(fits) else {
            return Err(Error::Memory {
                place: place.to_owned(),
                needed_bytes: needed_bytes(1),
                left_bytes: left.unwrap_or_default(),
                note: String::new(),
            });
        };
        let mut options = self.options.left(self.began);
        options.limits.memory_bytes = left;
        if n_threads == all {
            return Ok(self.pool.install(|| work(options)));
        }
        Ok(threads(n_threads)?.install(|| work(options)))
    }

    /// Runs `work` on the analysis of a network from a file by IIT 3.0 in pieces, on the threads of
    /// this engine. `count_ties` as in [`analyse`](Engine::analyse).
    pub fn divided<T: Send>(
        &self,
        network: &OwnNetwork,
        count_ties: bool,
        work: impl FnOnce(&pieces::Pieces<'_>) -> T + Send,
    ) -> T {
        let mut options = Options { count_ties, ..self.options.left(self.began) };
        options.limits.memory_bytes = memory::left();
        let subsystem = network.subsystem();
        self.pool.install(|| work(&pieces::Pieces::new(subsystem, &options)))
    }

    /// Runs `work` on each item, several at once, and returns the results in the order of the
    /// items. Each has an engine on one thread: threads that share a small problem wait for each
    /// other more than they work.
    ///
    /// # Errors
    /// [`Error::Internal`] if the system gives no threads.
    pub fn batch<I: Sync, T: Send>(
        &self,
        items: &[I],
        work: impl Fn(&Engine, &I) -> T + Send + Sync,
    ) -> Result<Vec<T>, Error> {
        let alone = || -> Result<Engine, Error> {
            Ok(Engine {
                pool: threads(1)?,
                cancel: Arc::clone(&self.cancel),
                options: self.options.clone(),
                began: self.began,
                is_batch: Arc::clone(&self.is_batch),
                left: Arc::clone(&self.left),
            })
        };
        let engines: Vec<Engine> =
            (0..self.n_threads().min(items.len())).map(|_| alone()).collect::<Result<_, _>>()?;
        let next = AtomicUsize::new(0);
        let do_some = |engine: &Engine| {
            let idx = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|it| *it < items.len());
            iter::from_fn(idx).map(|idx| (idx, work(engine, &items[idx]))).collect::<Vec<_>>()
        };
        self.is_batch.store(true, Ordering::Relaxed);
        // Within the pool of an engine, what it does itself stays on that thread.
        let mut found: Vec<(usize, T)> = thread::scope(|scope| {
            let do_some = &do_some;
            let shares: Vec<_> = engines
                .iter()
                .map(|engine| scope.spawn(move || engine.pool.install(|| do_some(engine))))
                .collect();
            shares.into_iter().flat_map(|it| it.join().expect("work does not panic")).collect()
        });
        self.is_batch.store(false, Ordering::Relaxed);
        found.sort_unstable_by_key(|(idx, _)| *idx);
        Ok(found.into_iter().map(|(_, it)| it).collect())
    }

    /// `true` if the user asked to stop.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    /// `true` if the user asked to stop, or the limit on time is over.
    pub(crate) fn is_stopped(&self) -> bool {
        let is_over = |limit| self.began.elapsed() >= limit;
        self.is_cancelled() || self.options.limits.time.is_some_and(is_over)
    }

    /// Number of its threads.
    pub fn n_threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// All complexes of a network from a file, whatever its `nodes`: the subsystems with Φ > 0,
    /// largest Φ first. `count_ties` as in [`analyse`](Engine::analyse). If it `has_ranges`, also
    /// whether ties could change which of them is the major one.
    ///
    /// # Errors
    /// [`Error::Interrupted`]; [`Error::Network`] if the network does not fit its state.
    pub fn complexes(
        &self,
        network: &OwnNetwork,
        count_ties: bool,
        has_ranges: bool,
    ) -> Result<ComplexesRecord, Error> {
        let place = network.place();
        let core = &*network.network;
        let needed = |n_threads| memory_needed_of_complexes(core, n_threads);
        let found = self.within_memory(&place, needed, |options| {
            let began = Instant::now();
            let options = Options { count_ties, ..options };
            let state = core.state(&network.state)?;
            let found = complexes(core, state, &options)?;
            let has_ranges = has_ranges && options.variant.is_default() && !found.is_empty();
            let ranges = has_ranges
                .then(|| {
                    complex_ranges(core, state, &options.left(began), SpectrumRules::default())
                })
                .transpose()?;
            Ok((found, ranges))
        })?;
        let (found, ranges) = found.map_err(|error: pyphi_core::Error| match *error.kind() {
            ErrorKind::Memory { needed_bytes, most_bytes, .. } => Error::Memory {
                place: place.clone(),
                needed_bytes,
                left_bytes: most_bytes,
                note: String::new(),
            },
            _ => wrong(&place, &error),
        })?;
        if self.is_stopped() {
            return Err(Error::Interrupted(String::new()));
        }
        let ties = found.iter().skip(1).filter(|it| it.phi >= found[0].phi - TOLERANCE);
        Ok(ComplexesRecord {
            name: network.record.name.clone(),
            state: network.state.clone(),
            alphabet: network.record.alphabet.clone(),
            values: network.record.values.clone(),
            condensed: condensed(&found).map(|it| it.units.iter().collect()).collect(),
            major_ties: ties.map(|it| it.units.iter().collect()).collect(),
            major_over_ties: ranges.map(|it| MajorOverTies::new(found[0].units, &it)),
            complexes: (found.iter())
                .map(|it| network.answer(it).by(self.options.variant))
                .collect(),
        })
    }

    /// Measures the effect of one cut on a network from a file, by IIT 3.0: see [`big_phi_under`].
    ///
    /// # Errors
    /// [`Error::Network`] if the cut does not divide the system in two; [`Error::Interrupted`].
    pub fn under_cut(&self, network: &OwnNetwork, cut: Cut) -> Result<PhiRecord, Error> {
        let subsystem = network.subsystem();
        let place = network.place();
        let needed = |n_threads| price(subsystem, n_threads);
        let work = |options: Options| big_phi_under(subsystem, cut, &options);
        let found = self.within_memory(&place, needed, work)?;
        let found = found.map_err(|error| wrong(&place, &error))?;
        ended(found.stop_reason, &place)?;
        Ok(network.answer(&found).by(self.options.variant))
    }

    /// Measures the effect of one partition on a network from a file, by IIT 4.0: see
    /// [`iit4::phi_s_under`].
    ///
    /// # Errors
    /// [`Error::Network`] if it is no partition of the system; [`Error::Interrupted`].
    pub fn under_partition(
        &self,
        network: &OwnNetwork,
        partition: &SystemPartition,
        rules: Rules,
    ) -> Result<SystemRecord, Error> {
        let system = &network.system();
        let place = network.place();
        let needed = |n_threads| iit4::memory_needed_of_phi_s(system, n_threads);
        let work = |options: Options| iit4::phi_s_under(system, partition, rules, &options);
        let sia = self.within_memory(&place, needed, work)?;
        let sia = sia.map_err(|error| wrong(&place, &error))?;
        ended(sia.stop_reason, &place)?;
        Ok(network.system_answer(rules, &sia))
    }

    /// The distance of the cause-effect structures of two networks on the same units, by IIT 3.0.
    ///
    /// # Errors
    /// [`Error::Network`] if the units differ; [`Error::Interrupted`]; [`Error::Memory`].
    pub fn distance(&self, networks: [&OwnNetwork; 2]) -> Result<DistanceRecord, Error> {
        let variant = self.options.variant;
        let structure = |network: &OwnNetwork| {
            let (subsystem, place) = (network.subsystem(), network.place());
            let needed = |n_threads| price(subsystem, n_threads);
            let work = |options: Options| subsystem.structure(&options);
            let found = self.within_memory(&place, needed, work)?;
            found
                .or_else(|reason| ended(reason, &place).and(Err(Error::Interrupted(String::new()))))
        };
        let [first, second] = networks;
        let (a, b) = (structure(first)?, structure(second)?);
        let distance = ces_distance((first.subsystem(), &a), (second.subsystem(), &b), variant)
            .map_err(|error| wrong(&second.place(), &error))?;
        let described = |network: &OwnNetwork, ces: &CauseEffectStructure| {
            let information = conceptual_information(network.subsystem(), ces, variant);
            StructureRecord {
                name: network.record.name.clone(),
                nodes: network.subsystem().units().iter().collect(),
                state: network.state.clone(),
                alphabet: network.record.alphabet.clone(),
                values: network.record.values.clone(),
                conceptual_information: information.expect("the variant compares structures"),
                ces: ces.concepts.iter().map(ConceptRecord::from).collect(),
            }
        };
        let structures = [described(first, &a), described(second, &b)];
        Ok(DistanceRecord { distance, variant, structures })
    }

    /// A mechanism of a network from a file by IIT 3.0: over `purview`, or over all for which
    /// φ > 0.
    ///
    /// # Errors
    /// [`Error::Interrupted`]; [`Error::Memory`].
    pub fn mechanism(
        &self,
        network: &OwnNetwork,
        mechanism: UnitSet,
        purview: Option<UnitSet>,
        directions: &[Direction],
        cut: Option<Cut>,
    ) -> Result<MechanismRecord<PurviewRecord>, Error> {
        let subsystem = network.subsystem();
        let needed = price(subsystem, 1);
        let analyse = |direction, options: &Options| {
            let found = match purview {
                None => subsystem.purview_analyses(cut, direction, mechanism, options),
                Some(purview) => subsystem
                    .purview_analysis(cut, direction, mechanism, purview, options)
                    .map(|it| vec![it]),
            };
            found.map(|found| found.iter().map(PurviewRecord::from).collect())
        };
        let found = self.over_purviews(network, "iit3", mechanism, directions, needed, analyse)?;
        Ok(MechanismRecord { cut, ..found })
    }

    /// As [`mechanism`](Engine::mechanism), by IIT 4.0.
    ///
    /// # Errors
    /// [`Error::Interrupted`]; [`Error::Memory`].
    pub fn phi_mechanism(
        &self,
        network: &OwnNetwork,
        rules: Rules,
        mechanism: UnitSet,
        purview: Option<UnitSet>,
        directions: &[Direction],
    ) -> Result<MechanismRecord<PhiPurviewRecord>, Error> {
        let system = &network.system();
        let formalism = rules.formalism().to_string();
        let needed = iit4::memory_needed(system, 1);
        let analyse = |direction, options: &Options| {
            let found = match purview {
                None => system.purview_analyses(direction, mechanism, options),
                Some(purview) => system
                    .purview_analysis(direction, mechanism, purview, options)
                    .map(|it| vec![it]),
            };
            found.map(|found| found.iter().map(PhiPurviewRecord::from).collect())
        };
        self.over_purviews(network, &formalism, mechanism, directions, needed, analyse)
    }

    /// Runs `analyse` on a mechanism in each direction, on one thread, which takes so much memory.
    fn over_purviews<P: Send>(
        &self,
        network: &OwnNetwork,
        formalism: &str,
        mechanism: UnitSet,
        directions: &[Direction],
        needed_bytes: u64,
        analyse: impl Fn(Direction, &Options) -> Result<Vec<P>, StopReason> + Send + Sync,
    ) -> Result<MechanismRecord<P>, Error> {
        let (record, place) = (&network.record, network.place());
        let needed = |_| needed_bytes;
        let [cause, effect] = self.within_memory(&place, needed, |options| {
            [Direction::Cause, Direction::Effect].map(|direction| {
                directions.contains(&direction).then(|| analyse(direction, &options)).transpose()
            })
        })?;
        let of = |found: Result<Option<Vec<P>>, StopReason>| {
            found.or_else(|reason| ended(reason, &place).map(|()| None))
        };
        Ok(MechanismRecord {
            name: record.name.clone(),
            nodes: network.units.iter().collect(),
            state: network.state.clone(),
            alphabet: record.alphabet.clone(),
            values: record.values.clone(),
            formalism: formalism.to_owned(),
            mechanism: mechanism.iter().collect(),
            cut: None,
            variant: self.options.variant,
            cause: of(cause)?,
            effect: of(effect)?,
        })
    }

    /// φ_s and the Φ-structure (IIT 4.0) of a network from a file. If it `has_spectrum`, with the
    /// smallest and the largest Φ that ties allow; with the relations that are asked for.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn phi_structure(
        &self,
        network: &OwnNetwork,
        rules: Rules,
        has_spectrum: bool,
        relations: Listing,
    ) -> Result<PhiStructureRecord, Error> {
        let system = &network.system();
        let place = network.place();
        let (structure, spectrum) = if has_spectrum {
            let needed = |n_threads| iit4::memory_needed(system, n_threads);
            let work = |options: Options| iit4::phi_spectrum(system, rules, &options);
            let spectrum = self.within_memory(&place, needed, work)?;
            ended(spectrum.largest.stop_reason, &place)?;
            let record = PhiSpectrumRecord::from(&spectrum);
            let structure = match rules.ties {
                TiePolicy::MaxPhi => spectrum.largest,
                TiePolicy::Principled | TiePolicy::Pyphi => {
                    self.structure(system, rules, &place)?
                }
            };
            (structure, Some(record))
        } else {
            (self.structure(system, rules, &place)?, None)
        };
        let record = PhiStructureRecord { spectrum, ..network.structure_answer(rules, &structure) };
        Ok(match relations {
            Listing::None => record,
            Listing::First(most) => record.with_relations(&structure, most),
            Listing::Largest { pairs, triples } => {
                record.with_largest_relations(&structure, pairs, triples)
            }
        })
    }

    /// φ_s (IIT 4.0) of a network from a file, without its Φ-structure.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn phi_s(&self, network: &OwnNetwork, rules: Rules) -> Result<SystemRecord, Error> {
        let system = &network.system();
        let place = network.place();
        let needed = |n_threads| iit4::memory_needed_of_phi_s(system, n_threads);
        let work = |options: Options| iit4::system_irreducibility_analysis(system, rules, &options);
        let sia = self.within_memory(&place, needed, work)?;
        ended(sia.stop_reason, &place)?;
        Ok(network.system_answer(rules, &sia))
    }

    pub(super) fn structure(
        &self,
        system: &iit4::System,
        rules: Rules,
        place: &str,
    ) -> Result<iit4::PhiStructure, Error> {
        let needed = |n_threads| iit4::memory_needed(system, n_threads);
        let work = |options: Options| iit4::phi_structure(system, rules, &options);
        let structure = self.within_memory(place, needed, work)?;
        ended(structure.stop_reason, place)?;
        Ok(structure)
    }

    /// All complexes (IIT 4.0) of a network from a file, whatever its `nodes`, each with its
    /// Φ-structure: largest φ_s first. `None` if the network cannot be in its state.
    ///
    /// # Errors
    /// [`Error::Interrupted`]; [`Error::Network`] if the network does not fit its state.
    pub fn phi_complexes(
        &self,
        network: &OwnNetwork,
        rules: Rules,
    ) -> Result<PhiComplexesRecord, Error> {
        let (record, place) = (&network.record, network.place());
        let wrong = |error: pyphi_core::Error| wrong(&place, &error);
        let core = &network.network;
        let state = core.state(&network.state).map_err(wrong)?;
        let needed =
            |n_threads| iit4::predicted_bytes_of_complexes(core, n_threads).unwrap_or(u64::MAX);
        let found = self.within_memory(&place, needed, |options| {
            iit4::complexes(core, state, rules, &options)
        })?;
        let found = found.map_err(wrong)?;
        ended(found.stop_reason, &place)?;
        let structure = |units| {
            let system = iit4::System::of_shared(core, state, units).map_err(wrong)?;
            Ok(network.structure_answer(rules, &self.structure(&system, rules, &place)?))
        };
        Ok(PhiComplexesRecord {
            name: record.name.clone(),
            state: network.state.clone(),
            alphabet: record.alphabet.clone(),
            values: record.values.clone(),
            formalism: rules.formalism().to_string(),
            ties_policy: rules.ties.to_string(),
            complexes: (found.complexes.iter().map(|it| structure(it.units)))
                .collect::<Result<_, Error>>()?,
        })
    }
}

/// There is no result, because the analysis was stopped.
pub(super) fn stopped<T>(reason: StopReason, place: &str) -> Result<T, Error> {
    ended(reason, place).and(Err(Error::Interrupted(String::new())))
}

/// Makes the error of an analysis that did not end.
pub(crate) fn ended(stop_reason: StopReason, place: &str) -> Result<(), Error> {
    match stop_reason {
        StopReason::Complete => Ok(()),
        StopReason::MemoryLimit { needed_bytes } => Err(Error::Memory {
            place: place.to_owned(),
            needed_bytes,
            left_bytes: memory::left().unwrap_or_default(),
            note: String::new(),
        }),
        StopReason::Cancelled | StopReason::TimeLimit(_) => Err(Error::Interrupted(String::new())),
        StopReason::TieLimit => Err(Error::Interrupted(format!(": {stop_reason}"))),
    }
}

/// The memory that a thread takes before it does anything.
const BYTES_OF_THREAD: u64 = 4 << 20;

fn threads(n_threads: usize) -> Result<ThreadPool, Error> {
    let pool = ThreadPoolBuilder::new().num_threads(n_threads).build();
    pool.map_err(|error| Error::Internal(format!("cannot start threads: {error}")))
}

/// The rules that a formalism of IIT 4.0 stands for; `None` for IIT 3.0.
pub fn rules(formalism: Formalism, ties: TiePolicy) -> Option<Rules> {
    let cap = match formalism {
        Formalism::Iit3 => return None,
        Formalism::Iit4_2023 => None,
        Formalism::Iit4_2026 => Some(DifferentiationCap::CurrentState),
        Formalism::Iit4_2026Paper => Some(DifferentiationCap::SpecifiedState),
    };
    Some(Rules { cap, ties })
}

/// The relations of a Φ-structure that are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// None: they are counted only.
    None,
    /// The first ones, in lexicographic order of their distinctions.
    First(usize),
    /// Those with the largest φ_r: so many of two distinctions, or of one with itself, and so many
    /// of three.
    Largest {
        /// The number of relations of one or two distinctions.
        pairs: usize,
        /// The number of relations of three distinctions.
        triples: usize,
    },
}

/// A network from a file, checked.
#[derive(Debug, Clone)]
pub struct CheckedNetwork {
    record: Arc<NetworkRecord>,
    network: Arc<pyphi_core::Network>,
}

impl CheckedNetwork {
    /// A network as it was read. With `rules`, it is checked for IIT 4.0, which accepts less than
    /// IIT 3.0.
    ///
    /// # Errors
    /// [`Rejected`].
    pub fn new(
        mut record: NetworkRecord,
        scope: Scope,
        rules: Option<Rules>,
    ) -> Result<CheckedNetwork, Rejected> {
        if scope == Scope::Complexes {
            record.nodes = None;
        }
        let network = record.network()?;
        // Checks the network; nothing is computed before it is searched.
        match (scope, rules) {
            (Scope::Complexes, None) => {
                drop(candidates(&network)?);
            }
            (Scope::Complexes, Some(rules)) => {
                drop(iit4::sweep(&network, rules, &Options::default())?);
            }
            (Scope::System | Scope::SystemAlone, _) => {}
        }
        Ok(CheckedNetwork { record: Arc::new(record), network: Arc::new(network) })
    }
}

/// A network from a file in one state, checked and ready to be analysed.
#[derive(Debug, Clone)]
pub struct OwnNetwork {
    /// The record that was read; the state of this network is `state`.
    record: Arc<NetworkRecord>,
    network: Arc<pyphi_core::Network>,
    state: Vec<u8>,
    /// The units that `nodes` asks for, for IIT 3.0; `None` if complexes are.
    subsystem: Option<Subsystem>,
    /// The units of the system; none if complexes are asked for.
    units: UnitSet,
    n_units: usize,
}

/// The reason why a network cannot be analysed in its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The fault, its place, and what was expected.
    pub message: String,
    /// No previous state leads to this one, which is no mistake where all states are asked for.
    pub is_unreachable: bool,
}

impl From<pyphi_core::Error> for Rejected {
    fn from(error: pyphi_core::Error) -> Rejected {
        let is_unreachable = matches!(error.kind(), ErrorKind::Unreachable { .. });
        Rejected { message: error.to_string(), is_unreachable }
    }
}

/// The systems that are to be analysed in each network of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The system of the units in `nodes`, which must be in a reachable state.
    System,
    /// The same system, of which only φ_s is asked for (IIT 4.0).
    SystemAlone,
    /// Every subsystem; those in an unreachable state are no complexes.
    Complexes,
}

impl OwnNetwork {
    /// A checked network in one state.
    ///
    /// # Errors
    /// [`Rejected`].
    pub fn new(
        checked: &CheckedNetwork,
        state: &[u8],
        scope: Scope,
        rules: Option<Rules>,
    ) -> Result<OwnNetwork, Rejected> {
        let CheckedNetwork { record, network } = checked;
        let n_units = record.nodes.as_ref().map_or(state.len(), Vec::len);
        let (mut subsystem, mut units) = (None, UnitSet::EMPTY);
        if scope != Scope::Complexes {
            let (state, asked) = (network.state(state)?, record.units(network)?);
            units = match rules {
                None => subsystem.insert(Subsystem::of(network, state, asked)?).units(),
                Some(_) => iit4::System::of_shared(network, state, asked)?.units(),
            };
        }
        let (record, network) = (Arc::clone(record), Arc::clone(network));
        Ok(OwnNetwork { record, network, state: state.to_vec(), subsystem, units, n_units })
    }

    /// The same network and units in another state.
    ///
    /// # Errors
    /// [`Rejected`], for one if no previous state leads to it.
    pub fn in_state(&self, state: &[u8], rules: Option<Rules>) -> Result<OwnNetwork, Rejected> {
        let checked =
            CheckedNetwork { record: Arc::clone(&self.record), network: Arc::clone(&self.network) };
        OwnNetwork::new(&checked, state, Scope::System, rules)
    }

    /// Reads one network in its one state from JSON, for IIT 3.0. `place` names the file in errors.
    ///
    /// # Errors
    /// [`Error::Network`] that says what is wrong, where, and what was expected.
    pub fn read(text: &str, place: &str, state: Option<String>) -> Result<OwnNetwork, Error> {
        let refuse = |message: String| Error::Network { place: place.to_owned(), message };
        let reader = Reader { state, ..Reader::default() };
        let Input { mut networks, form } =
            reader.json(text).map_err(|error| refuse(error.to_string()))?;
        let entry = networks.pop().filter(|_| form == Form::One).ok_or_else(|| {
            refuse("a list: expected one network, whose Φ is to be computed".to_owned())
        })?;
        match entry.states {
            States::Listed(states) if states.len() <= 1 => {}
            _ => return Err(refuse("states: several, expected one state".to_owned())),
        }
        let record = entry.record.map_err(|error| refuse(error.to_string()))?;
        let state = record.state.clone();
        let network = CheckedNetwork::new(record, Scope::System, None)
            .and_then(|it| OwnNetwork::new(&it, &state, Scope::System, None));
        network.map_err(|rejected| refuse(rejected.message))
    }

    /// The system that is analysed by IIT 3.0, where one is.
    fn subsystem(&self) -> &Subsystem {
        self.subsystem.as_ref().expect("read as a system of IIT 3.0")
    }

    /// The system that is analysed by IIT 4.0. Its tables last as long as it does.
    fn system(&self) -> iit4::System {
        let state = self.network.state(&self.state).expect("read as a state");
        iit4::System::of_shared(&self.network, state, self.units)
            .expect("read as a system of IIT 4.0")
    }

    /// The name of the network in errors.
    pub(crate) fn place(&self) -> String {
        self.record.name.clone().unwrap_or_else(|| "network".to_owned())
    }

    /// The network as a file has it.
    pub fn to_json(&self) -> serde_json::Value {
        let state = self.state.clone();
        let record = NetworkRecord { state, ..NetworkRecord::clone(&self.record) };
        serde_json::to_value(&record).expect("plain data")
    }

    /// Its answer, given the result.
    pub fn answer(&self, result: &BigPhi) -> PhiRecord {
        PhiRecord { state: self.state.clone(), ..PhiRecord::new(&self.record, result) }
    }

    /// Its answer under IIT 4.0, as far as φ_s goes.
    fn system_answer(
        &self,
        rules: Rules,
        found: &iit4::SystemIrreducibilityAnalysis,
    ) -> SystemRecord {
        let state = self.state.clone();
        SystemRecord { state, ..SystemRecord::new(&self.record, rules, found) }
    }

    /// Its answer under IIT 4.0.
    fn structure_answer(&self, rules: Rules, found: &iit4::PhiStructure) -> PhiStructureRecord {
        let mut answer = PhiStructureRecord::new(&self.record, rules, found);
        answer.system.state.clone_from(&self.state);
        answer
    }

    /// The network, its state and the units of the system.
    ///
    /// # Errors
    /// [`Error::Network`] if a unit has more than two values, for which `what` is not there.
    pub(super) fn binary_parts(
        &self,
        what: &'static str,
    ) -> Result<(&pyphi_core::Network, State, UnitSet), Error> {
        let state = (self.network.require_binary(what)).and_then(|()| State::new(&self.state));
        let state = state.map_err(|error| wrong(&self.place(), &error))?;
        Ok((&self.network, state, self.units))
    }

    /// The network and its state.
    ///
    /// # Errors
    /// If a unit has more than two values, for which `what` is not there.
    pub(super) fn binary_whole(
        &self,
        what: &'static str,
    ) -> pyphi_core::Result<(&pyphi_core::Network, State)> {
        self.network.require_binary(what)?;
        Ok((&self.network, self.network.state(&self.state)?))
    }

    /// Returns `true` if the file, or the command line, names the units of the system.
    pub fn has_nodes(&self) -> bool {
        self.record.nodes.is_some()
    }

    /// Units of the system by their names. `field` is what names them, in errors.
    ///
    /// # Errors
    /// [`Error::Network`] if there are none, or one is not in the system or named twice.
    pub(crate) fn units(&self, names: &[UnitName], field: &str) -> Result<UnitSet, Error> {
        let refuse = |message: String| Error::Network { place: self.place(), message };
        let system = self.units;
        let expected = format!("units of {system}");
        let units = named_units(names, self.labels(), field, system, &expected).map_err(refuse)?;
        if units.is_empty() {
            return Err(refuse(format!("{field}: no units, expected one at least")));
        }
        Ok(units)
    }

    /// The cut of the system that severs the connections from some units to the others.
    ///
    /// # Errors
    /// [`Error::Network`] if these are not all units of the system in two parts.
    pub(crate) fn cut(&self, severed_from: UnitSet, severed_to: UnitSet) -> Result<Cut, Error> {
        let cut = Cut { severed_from, severed_to };
        cut.check(self.units).map_err(|error| wrong(&self.place(), &error))?;
        Ok(cut)
    }

    /// The units of the system.
    pub fn nodes(&self) -> Vec<usize> {
        self.units.iter().collect()
    }

    /// The number of all its units.
    pub fn n_all_units(&self) -> usize {
        self.record.cm.len()
    }

    /// The number of units to analyse.
    pub fn n_units(&self) -> usize {
        self.n_units
    }

    /// The number of states of the units to analyse; `u64::MAX` if there are more.
    pub fn n_states(&self) -> u64 {
        let sizes = self.sizes();
        self.units.iter().fold(1, |product: u64, unit| product.saturating_mul(sizes[unit] as u64))
    }

    /// The number of states of all its units; `u64::MAX` if there are more.
    pub fn n_all_states(&self) -> u64 {
        self.sizes().into_iter().fold(1, |product: u64, k| product.saturating_mul(k as u64))
    }

    /// The memory that the search for Φ of the system plans for (IIT 3.0).
    pub fn predicted_bytes(&self, n_threads: usize) -> u64 {
        price(self.subsystem(), n_threads)
    }

    /// `cm[i][j]` is 1 where i is an input of j.
    pub fn connectivity(&self) -> &[Vec<u8>] {
        &self.record.cm
    }

    /// The number of values of each unit.
    pub fn sizes(&self) -> Vec<usize> {
        sizes(&self.record)
    }

    /// P(unit is ON) by state of the network (unit 0 in the lowest bit) and unit.
    pub fn tpm(&self) -> &[Vec<f64>] {
        &self.record.tpm
    }

    /// The state it is in.
    pub fn state(&self) -> &[u8] {
        &self.state
    }

    /// The name that the file gives it.
    pub fn name(&self) -> Option<&str> {
        self.record.name.as_deref()
    }

    /// The names of the values of each unit, if the file gives them.
    pub fn value_names(&self) -> Option<&[Vec<String>]> {
        self.record.values.as_deref()
    }

    /// The names of the units, if the file gives them.
    pub fn labels(&self) -> Option<&[String]> {
        self.record.labels.as_deref()
    }
}

/// The most units that the engine holds.
pub const MAX_UNITS: usize = Subsystem::MAX_UNITS;

/// The tables of the networks in a file, one or a list of them, each with its state. `place` names
/// the file in errors; with `in_its_state`, the state must be reachable. A study is of whole
/// networks: `nodes` must not leave out a unit.
///
/// # Errors
/// [`Error::Network`] that says what is wrong, where, and what was expected.
pub fn tables(
    text: &str,
    place: &str,
    in_its_state: bool,
) -> Result<Vec<(Tables, Vec<u8>)>, Error> {
    let file = Reader::default().json(text).map_err(|error| wrong(place, &error))?;
    let read = |(index, entry): (usize, Entry)| {
        let place = match file.form {
            Form::One => place.to_owned(),
            Form::List | Form::Lines => format!("{place}: record {index}"),
        };
        let refuse = |message| Error::Network { place: place.clone(), message };
        let record = entry.record.map_err(|error| wrong(&place, &error))?;
        if !matches!(entry.states, States::Listed(states) if states.len() == 1) {
            return Err(refuse("states: several, expected one state".to_owned()));
        }
        let network = record.network().map_err(|error| wrong(&place, &error))?;
        network.require_binary("an estimate").map_err(|error| wrong(&place, &error))?;
        let n = network.n_units();
        if record.nodes.as_ref().is_some_and(|it| it.len() != n) {
            return Err(refuse(format!("nodes: expected all {n} units, or no nodes")));
        }
        if in_its_state {
            drop(record.subsystem().map_err(|error| wrong(&place, &error))?);
        }
        let tables = Tables::new(network.tpm().to_rows(), network.cm()).map_err(refuse)?;
        Ok((tables, record.state))
    };
    file.networks.into_iter().enumerate().map(read).collect()
}

/// The number of values of each unit of a network.
pub(crate) fn sizes(record: &NetworkRecord) -> Vec<usize> {
    record.alphabet.clone().unwrap_or_else(|| vec![2; record.cm.len()])
}

/// Units by their names, which must be among these: `expected` says so. `field` is what names them.
///
/// # Errors
/// If one is not among them or named twice.
pub(super) fn named_units(
    names: &[UnitName],
    labels: Option<&[String]>,
    field: &str,
    among: UnitSet,
    expected: &str,
) -> Result<UnitSet, String> {
    let mut units = UnitSet::EMPTY;
    for name in names {
        let unit = name.number(labels, field).map_err(|it| it.to_string())?;
        if unit >= UnitSet::MAX_UNITS || !among.contains(unit) {
            return Err(format!("{field}: unit {unit}, expected {expected}"));
        }
        if units.contains(unit) {
            return Err(format!("{field}: unit {unit} is named twice, expected each unit once"));
        }
        units = units.union(UnitSet::from_iter([unit]));
    }
    Ok(units)
}

/// The price of an analysis of any system like this one, in bytes.
fn price(subsystem: &Subsystem, n_threads: usize) -> u64 {
    match subsystem.is_binary() {
        true => pyphi_core::predicted_bytes(subsystem.n_units(), n_threads).unwrap_or(u64::MAX),
        false => memory_needed(subsystem, n_threads, false),
    }
}

impl Engine {
    /// Checks that a network of a study is accepted at all: size, reachable state. Cheap.
    ///
    /// # Errors
    /// [`Error::Network`] with what is wrong with it; `place` says which network it is.
    /// [`Error::Interrupted`].
    pub fn check(&self, network: &Network, formalism: Formalism, place: &str) -> Result<(), Error> {
        // The tables of thousands of networks take a while.
        if self.cancel.load(Ordering::Relaxed) {
            return Err(Error::Interrupted(": nothing was begun".to_owned()));
        }
        subsystem(network, formalism, place).map(drop)
    }

    /// Exact Φ of a network of a study. With `tie_orders` > 0 also its range: over all choices
    /// among ties where that is quickly proven, else over that many random numberings of the units.
    ///
    /// # Errors
    /// As [`check`](Engine::check); [`Error::Interrupted`] if the user asked to stop;
    /// [`Error::Memory`].
    pub fn solve(
        &self,
        network: &Network,
        formalism: Formalism,
        tie_orders: u32,
        place: &str,
    ) -> Result<ExactPhi, Error> {
        let subsystem = subsystem(network, formalism, place)?;
        if let Some(rules) = rules(formalism, TiePolicy::Principled) {
            let system = iit4::System::new(&subsystem).map_err(|error| wrong(place, &error))?;
            return Ok(exact_phi(&self.structure(&system, rules, place)?));
        }
        let found = self.range(&subsystem, false, tie_orders, place)?;
        let range = (tie_orders > 0).then(|| kept_range(&found));
        Ok(ExactPhi { range, ..kept(&found.result) })
    }

    /// Computes the exact value that a study uses for a network: as [`solve`](Engine::solve), or of
    /// its major complex, which has no range.
    ///
    /// # Errors
    /// As [`solve`](Engine::solve).
    pub fn exact(
        &self,
        exact: Exact,
        network: &Network,
        formalism: Formalism,
        tie_orders: u32,
        place: &str,
    ) -> Result<ExactPhi, Error> {
        match exact {
            Exact::System => self.solve(network, formalism, tie_orders, place),
            Exact::MajorComplex => Ok(self.major_complex(network, formalism, place)?.1),
        }
    }

    /// The smallest and the largest Φ (IIT 4.0) of a network of a study that ties allow, and
    /// whether both are proven; if not, no Φ is beyond them.
    ///
    /// # Errors
    /// As [`solve`](Engine::solve).
    pub fn big_phi_range(
        &self,
        network: &Network,
        rules: Rules,
        place: &str,
    ) -> Result<(f64, f64, bool), Error> {
        let subsystem = subsystem(network, Formalism::Iit4_2023, place)?;
        let system = &iit4::System::new(&subsystem).map_err(|error| wrong(place, &error))?;
        let needed = |n_threads| iit4::memory_needed(system, n_threads);
        let work = |options: Options| iit4::phi_spectrum(system, rules, &options);
        let spectrum = self.within_memory(place, needed, work)?;
        ended(spectrum.largest.stop_reason, place)?;
        let (least, most) = spectrum.bounds();
        Ok((least, most, spectrum.is_complete()))
    }

    /// The number of the complexes of a network of a study, and the exact value of the largest; Φ
    /// = 0 if there is none. They do not overlap.
    ///
    /// # Errors
    /// As [`solve`](Engine::solve).
    pub fn major_complex(
        &self,
        network: &Network,
        formalism: Formalism,
        place: &str,
    ) -> Result<(usize, ExactPhi), Error> {
        // Checks the network.
        let subsystem = subsystem(network, formalism, place)?;
        let (core, state) = (Arc::new(subsystem.network().clone()), subsystem.state());
        let refused = |error: pyphi_core::Error| match *error.kind() {
            ErrorKind::Memory { needed_bytes, most_bytes, .. } => Error::Memory {
                place: place.to_owned(),
                needed_bytes,
                left_bytes: most_bytes,
                note: String::new(),
            },
            _ => wrong(place, &error),
        };
        let Some(rules) = rules(formalism, TiePolicy::Principled) else {
            let needed = |n_threads| memory_needed_of_complexes(&core, n_threads);
            let found = self.within_memory(place, needed, |options| {
                complexes(&core, state, &Options { progress: None, ..options })
            })?;
            let found = found.map_err(refused)?;
            if self.is_cancelled() {
                return Err(Error::Interrupted(String::new()));
            }
            let largest = found.first().map_or_else(
                || ExactPhi::none(None),
                |it| ExactPhi { complex: Some(it.units.iter().collect()), ..kept(it) },
            );
            return Ok((condensed(&found).count(), largest));
        };
        let needed =
            |n_threads| iit4::predicted_bytes_of_complexes(&core, n_threads).unwrap_or(u64::MAX);
        let found = self.within_memory(place, needed, |options| {
            iit4::complexes(&core, state, rules, &Options { progress: None, ..options })
        })?;
        let found = found.map_err(refused)?;
        ended(found.stop_reason, place)?;
        let largest = match found.complexes.first() {
            None => ExactPhi::none(Some(PhiStructure::none())),
            Some(largest) => {
                let system = iit4::System::of_shared(&core, state, largest.units);
                let system = system.map_err(|error| wrong(place, &error))?;
                let structure = self.structure(&system, rules, place)?;
                let complex = Some(largest.units.iter().collect());
                ExactPhi { complex, ..exact_phi(&structure) }
            }
        };
        Ok((found.complexes.len(), largest))
    }

    /// The memory that is planned for to solve a network of `n_units` units on `n_threads` threads,
    /// in bytes, with the range over numberings if it `has_ranges`; `None` if that is more than any
    /// machine has.
    pub fn predicted_bytes(
        n_units: usize,
        formalism: Formalism,
        n_threads: usize,
        has_ranges: bool,
    ) -> Option<u64> {
        let price = match (formalism.is_iit4(), has_ranges) {
            (true, _) => iit4::predicted_bytes,
            (false, true) => pyphi_core::predicted_bytes_of_range,
            (false, false) => pyphi_core::predicted_bytes,
        };
        price(n_units, n_threads)
    }
}

/// Returns the part of Φ by IIT 3.0 that the study keeps, but for its range.
fn kept(result: &BigPhi) -> ExactPhi {
    ExactPhi {
        phi: result.phi,
        // A study tells what is lost by a cut.
        cut: result.cut.filter(|_| result.phi > 0.0).map(|cut| SystemCut {
            severed_from: cut.severed_from.iter().collect(),
            severed_to: cut.severed_to.iter().collect(),
        }),
        n_concepts: result.ces.concepts.len(),
        ties: result.ties,
        range: None,
        counters: counters(&result.stats),
        complex: None,
        structure: None,
    }
}

/// Returns the part of a Φ-structure that the study keeps.
fn exact_phi(structure: &iit4::PhiStructure) -> ExactPhi {
    let sia = &structure.sia;
    // Choices among causes or effects that are congruent and as large, which only their order
    // decides.
    let is_open = |mice: &iit4::Mice, system: Option<&iit4::SystemState>| {
        let equals = mice.tied.iter().filter(|it| {
            it.purview.len() == mice.state.purview.len()
                && system.is_some_and(|system| it.is_congruent(system.state))
        });
        equals.count() > 1
    };
    let ties = structure.distinctions.iter().map(|it| {
        u64::from(is_open(&it.cause, sia.cause.as_ref()))
            + u64::from(is_open(&it.effect, sia.effect.as_ref()))
    });
    let partition = sia.partition.as_ref().filter(|_| sia.phi_s > 0.0);
    ExactPhi {
        phi: sia.phi_s,
        cut: None,
        n_concepts: structure.distinctions.len(),
        ties: ties.sum(),
        range: None,
        counters: BTreeMap::new(),
        complex: None,
        structure: Some(PhiStructure {
            big_phi: structure.big_phi,
            sum_phi_d: structure.sum_phi_d,
            sum_phi_r: structure.sum_phi_r,
            n_relations: structure.n_relations.to_string(),
            cut_edges: partition.map(iit4::SystemPartition::cut_edges).unwrap_or_default(),
        }),
    }
}

/// The range as the study keeps it; times in whole microseconds, as everywhere.
fn kept_range(found: &PhiRange) -> TieRange {
    let PhiRange { low, high, numberings, is_exhaustive, is_exact, elapsed, .. } = *found;
    let duration_ms = (elapsed.as_secs_f64() * 1e6).round() / 1e3;
    TieRange { low, high, numberings, is_exhaustive, is_exact, duration_ms }
}

/// The engine's counters by name.
fn counters(stats: &Stats) -> BTreeMap<String, u64> {
    let fields = serde_json::to_value(stats).expect("plain data");
    let fields = fields.as_object().into_iter().flatten();
    fields.filter_map(|(name, value)| Some((name.clone(), value.as_u64()?))).collect()
}

/// The whole network as the engine has it.
pub(super) fn subsystem(
    network: &Network,
    formalism: Formalism,
    place: &str,
) -> Result<Subsystem, Error> {
    let subsystem = || {
        let core =
            pyphi_core::Network::from_state_by_node(&network.tpm(), &network.connectivity())?;
        let state = State::new(&network.state().values())?;
        let subsystem = Subsystem::new(&core, state, core.units())?;
        if formalism.is_iit4() {
            drop(iit4::System::new(&subsystem)?);
        }
        Ok(subsystem)
    };
    subsystem().map_err(|error| wrong(place, &error))
}

pub(super) fn wrong(place: &str, error: &pyphi_core::Error) -> Error {
    Error::Network { place: place.to_owned(), message: error.to_string() }
}
