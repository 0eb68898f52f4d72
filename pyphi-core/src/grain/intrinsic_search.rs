//! Which units of a network are intrinsic units, and which systems of them are complexes (Marshall
//! et al. 2024, Eqs 15 to 19).
//!
//! Units are found from small to large. Whether some constituents may be taken for one unit only
//! depends on them and on what is apportioned to it: the system that they make must be irreducible,
//! and more so than all others that valid units make within the same micro units. All systems that
//! valid units make are analysed once, as soon as these are known; of systems of the same micro
//! units only the largest φ_s and what ties with it is kept.

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};
use std::iter;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::intrinsic_system::{IntrinsicSystem, Prepared, Universe, check_own};
use super::unit::{IntrinsicUnit, Mapping, Part};
use crate::error::{ErrorKind, Result};
use crate::iit4::{self, Rules, is_tied};
use crate::journal::{Course, SearchStep};
use crate::limits::{Options, Phase, Stop, StopReason, Watch};
use crate::network::Network;
use crate::state::State;
use crate::unit_set::{UnitSet, submasks};

/// Which units are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitBounds {
    /// The most micro units of a unit. [default: 4]
    pub micro_units: usize,
    /// The most updates of its constituents that are one of a unit. [default: 1]
    pub grain: u32,
    /// The number of times that units are made of units. [default: 1]
    pub depth: u32,
    /// The mappings of each. [default: [`Mappings::Families`]]
    pub mappings: Mappings,
    /// The most background that is apportioned to the units of a system. [default: 0]
    pub apportioned: usize,
}

/// Which mappings are tried. Of a mapping and its complement, which are the same unit with its
/// states renamed, the one that is OFF if everything is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mappings {
    /// All coarse grainings of one update, and all black boxes.
    #[default]
    Families,
    /// All tables, which may have at most [`Mappings::MAX_ENTRIES`].
    Exhaustive,
}

impl Mappings {
    /// The most entries of tables all of which are tried.
    pub const MAX_ENTRIES: usize = 8;

    /// The mappings of so many constituents over so many updates.
    ///
    /// ```
    /// use pyphi_core::grain::Mappings;
    ///
    /// // AND, OR, XOR, the first and the second; and all tables.
    /// assert_eq!(Mappings::Families.of(2, 1).len(), 5);
    /// assert_eq!(Mappings::Exhaustive.of(2, 1).len(), 7);
    /// ```
    ///
    /// # Panics
    /// If there are no constituents or updates, or tables would have too many entries.
    pub fn of(self, n_parts: usize, grain: u32) -> Vec<Mapping> {
        assert!(n_parts > 0 && grain > 0, "a unit has parts and updates");
        let n_bits = n_parts * grain as usize;
        match self {
            Mappings::Exhaustive => {
                let n_entries = 1usize << n_bits;
                assert!(n_entries <= Mappings::MAX_ENTRIES, "at most 8 entries, not {n_entries}");
                let table = |bits: u32| (0..n_entries).map(|it| bits >> it & 1 == 1).collect();
                // Bit 0 is the entry of all OFF.
                let tables = (2..1u32 << n_entries).step_by(2);
                tables.map(|bits| Mapping::Table(table(bits))).collect()
            }
            Mappings::Families => {
                assert!(n_bits <= IntrinsicUnit::MAX_INDEX_BITS, "at most 16 bits, not {n_bits}");
                let members =
                    |bits: u32| -> Vec<usize> { UnitSet::from_bits(bits).iter().collect() };
                // Whatever the counts, the unit is OFF if 0 are ON.
                let coarse = (1..1u32 << n_parts).map(|bits| Mapping::Coarse(members(bits << 1)));
                let coarse = coarse.filter(|_| grain == 1);
                // Of one update, all parts being ON is a number of ON parts as well. No other two
                // of these are the same: no other box is the same for all parts.
                let n_boxes = if grain == 1 { (1u32 << n_parts) - 1 } else { 1 << n_parts };
                let boxes = (1..n_boxes).map(|bits| Mapping::BlackBox(members(bits)));
                coarse.chain(boxes).collect()
            }
        }
    }

    /// As many as [`Mappings::of`] are, or more.
    fn at_most(self, n_parts: usize, grain: u32) -> usize {
        match self {
            Mappings::Exhaustive => 1 << (Mappings::MAX_ENTRIES - 1),
            Mappings::Families if grain == 1 => 2 << n_parts,
            Mappings::Families => 1 << n_parts,
        }
    }
}

impl Default for UnitBounds {
    fn default() -> UnitBounds {
        UnitBounds {
            micro_units: 4,
            grain: 1,
            depth: 1,
            mappings: Mappings::Families,
            apportioned: 0,
        }
    }
}

impl UnitBounds {
    /// The number of micro updates that the slowest unit may take: a history has as many states.
    pub fn updates(&self) -> u32 {
        self.grain.saturating_pow(self.depth)
    }

    fn check(&self) -> Result<()> {
        let wrong = |message: String| Err(ErrorKind::Grain(message).into());
        let UnitBounds { micro_units, grain, mappings, .. } = *self;
        let (most_bits, most_updates) =
            (IntrinsicUnit::MAX_INDEX_BITS, IntrinsicUnit::MAX_MICRO_GRAIN);
        let n_bits = (micro_units as u64).saturating_mul(u64::from(grain));
        if micro_units == 0 || grain == 0 || n_bits > most_bits as u64 {
            return wrong(format!(
                "units of {micro_units} micro units over {grain} updates, expected 1 or more, and \
                 a product of at most {most_bits}"
            ));
        }
        if self.updates() > most_updates {
            return wrong(format!(
                "{} micro updates of a unit, expected at most {most_updates}",
                self.updates()
            ));
        }
        if mappings == Mappings::Exhaustive && 1 << n_bits > Mappings::MAX_ENTRIES {
            return wrong(format!(
                "all tables of {micro_units} micro units over {grain} updates, expected a product \
                 of at most 3"
            ));
        }
        Ok(())
    }
}

/// The verdict on constituents that may be taken for one unit. In JSON as in the names in
/// parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Validity {
    /// They make an irreducible system, and one more so than all others within (`VALID`).
    Valid,
    /// The system that they make is reducible or cannot be in its state (`NOT_INTEGRATED`).
    NotIntegrated,
    /// Another system within is more irreducible (`NOT_MAXIMAL`).
    NotMaximal,
    /// Another one is as irreducible, within the tolerance (`TIED`).
    Tied,
}

impl Validity {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Validity::Valid => "VALID",
            Validity::NotIntegrated => "NOT_INTEGRATED",
            Validity::NotMaximal => "NOT_MAXIMAL",
            Validity::Tied => "TIED",
        }
    }
}

/// The findings about a unit, whatever its mapping and its update grain.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Its constituents.
    pub parts: Vec<Part>,
    /// The background that is apportioned to it.
    pub apportioned: UnitSet,
    /// φ_s of the system that its constituents make.
    pub phi_s: f64,
    /// The largest φ_s of another system within; `None` if there is no other.
    pub best_competitor: Option<f64>,
    /// The verdict: it is valid, or why it is not.
    pub validity: Validity,
}

/// A system of units with its φ_s.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundSystem {
    /// Which of the valid units it is made of.
    pub units: Vec<usize>,
    /// Their micro units.
    pub micro_units: UnitSet,
    /// φ_s.
    pub phi_s: f64,
}

/// The result of a search over units.
#[derive(Debug, Clone)]
pub struct IntrinsicComplexes {
    /// The valid units, the micro units first.
    pub units: Vec<IntrinsicUnit>,
    /// All constituents that were tried as a unit, in that order; of several levels each once.
    pub verdicts: Vec<Verdict>,
    /// The number of systems that have a φ_s.
    pub n_systems: u64,
    /// The number of further systems that cannot be in their state.
    pub n_unreachable: u64,
    /// The complexes: systems with a larger φ_s than all that have a micro unit in common with
    /// them. The largest first. Empty if the search was stopped.
    pub complexes: Vec<FoundSystem>,
    /// Systems that would be complexes, did not others with a micro unit in common tie with them.
    pub tied: Vec<FoundSystem>,
    /// The system with the largest φ_s, the first one of those that tie; `None` if none has
    /// φ_s > 0.
    pub best: Option<FoundSystem>,
    /// The reason for the end: the search is complete, or it was stopped.
    pub stop_reason: StopReason,
}

/// The intrinsic units of a network in its history within bounds, and the complexes of them. The
/// limit on time is that of all of it.
///
/// ```
/// use pyphi_core::grain::{UnitBounds, intrinsic_complexes};
/// use pyphi_core::{Network, Options, State, iit4::Rules};
///
/// // Two units that are seldom ON unless both are: one unit that is ON if both are.
/// let tpm = [[0.05, 0.05], [0.05, 0.06], [0.06, 0.05], [0.95, 0.95]].map(Vec::from);
/// let network = Network::from_state_by_node(&tpm, &vec![vec![1; 2]; 2])?;
/// let (history, bounds) = ([State::all_off(2)], UnitBounds::default());
/// let found =
///     intrinsic_complexes(&network, &history, &bounds, Rules::default(), &Options::default())?;
/// let [complex] = &found.complexes[..] else { panic!("one complex") };
/// assert_eq!(found.units[complex.units[0]].table(), [false, false, false, true]);
/// assert_eq!(format!("{:.6}", complex.phi_s), "0.788334");
/// # Ok::<(), pyphi_core::Error>(())
/// ```
///
/// # Errors
/// If the bounds or the history are wrong, there are too many units, a unit has more than two
/// values or depends on another without a connection.
pub fn intrinsic_complexes(
    network: &Network,
    history: &[State],
    bounds: &UnitBounds,
    rules: Rules,
    options: &Options,
) -> Result<IntrinsicComplexes> {
    bounds.check()?;
    let expected = bounds.updates() as usize;
    if history.len() != expected {
        let found = history.len();
        let message = format!(
            "history: {found} states, expected {expected}, as many updates as the slowest unit may \
             take"
        );
        return Err(ErrorKind::Grain(message).into());
    }
    let universe = Universe::new(network, history)?;
    let mut search = Search::new(&universe, network.units(), *bounds, rules, options);
    let ended = search.units(usize::MAX);
    Ok(search.outcome(ended))
}

/// Judges a unit in a network in its history, with regard to the units that bounds allow within it.
/// The history is as long as the slowest of all these takes, or longer.
///
/// # Errors
/// As [`intrinsic_complexes`], or if the unit is not in the network. Inside: the reason, if the
/// analysis was stopped.
pub fn validity(
    network: &Network,
    history: &[State],
    unit: &IntrinsicUnit,
    bounds: &UnitBounds,
    rules: Rules,
    options: &Options,
) -> Result<std::result::Result<Verdict, StopReason>> {
    bounds.check()?;
    let of_parts = unit.parts().iter().map(Part::micro_grain).max().unwrap_or(1);
    let expected = bounds.updates().max(of_parts) as usize;
    if history.len() < expected {
        let found = history.len();
        let message = format!("history: {found} states, expected {expected} at least");
        return Err(ErrorKind::Grain(message).into());
    }
    check_own(network, unit)?;
    let universe = Universe::new(network, history)?;
    let micro = unit.micro_units();
    let mut search = Search::new(&universe, micro, *bounds, rules, options);
    if let ControlFlow::Break(reason) = search.units(micro.len() - 1) {
        return Ok(Err(reason));
    }
    let parts: Vec<Prepared> =
        unit.parts().iter().map(|it| Prepared::new(it.unit(), &universe)).collect();
    // The same parts among those that compete, which may be written otherwise.
    let numbers = parts.iter().map(|part| {
        search.pool.iter().position(|it| it.unit.is_same_as(&part.unit)).map(|it| it as u32)
    });
    let mut numbers: Vec<u32> = numbers.collect::<Option<_>>().unwrap_or_default();
    numbers.sort_unstable();
    let references: Vec<&Prepared> = parts.iter().collect();
    let mut course = std::mem::replace(&mut search.course, Course::unkept());
    let phi_s = match search.phi_s_of_parts(&references, &mut course) {
        ControlFlow::Continue(phi_s) => phi_s,
        ControlFlow::Break(reason) => return Ok(Err(reason)),
    };
    // The steps of another unit may follow, but not if these are missing.
    if let ControlFlow::Break(reason) = course.hand_over() {
        return Ok(Err(reason));
    }
    let (best_competitor, validity) = search.judge(&numbers, micro, unit.apportioned(), phi_s);
    let (parts, apportioned) = (unit.parts().to_vec(), unit.apportioned());
    Ok(Ok(Verdict { parts, apportioned, phi_s, best_competitor, validity }))
}

/// Systems that are analysed before their results are taken in; where results are kept, one on each
/// thread at first, and then as many as take about a second.
const CHUNK: usize = 4096;
const AT_MOST: Duration = Duration::from_secs(2);

/// Verdicts may take so much before memory is looked at again.
const BETWEEN_LOOKS: u64 = 1 << 20;

/// Systems that tie and are kept; there may be very many.
const MOST_TIED: usize = 1000;

/// The systems of the same micro units.
#[derive(Debug, Default)]
struct Top {
    /// φ_s of the largest, and the second largest.
    phi_s: [Option<f64>; 2],
    /// The largest one, and those that tie with it.
    systems: Vec<(Vec<u32>, f64)>,
}

impl Top {
    fn add(&mut self, units: &[u32], phi_s: f64) {
        let [largest, second] = &mut self.phi_s;
        if largest.is_none_or(|it| phi_s > it) {
            *second = *largest;
            *largest = Some(phi_s);
            // Those that were tied with the former one may not be so with this one.
            self.systems.retain(|it| is_tied(it.1, phi_s));
            self.systems.insert(0, (units.to_vec(), phi_s));
        } else {
            if second.is_none_or(|it| phi_s > it) {
                *second = Some(phi_s);
            }
            if largest.is_some_and(|it| is_tied(it, phi_s)) && self.systems.len() < MOST_TIED {
                self.systems.push((units.to_vec(), phi_s));
            }
        }
    }

    /// The largest φ_s of a system that is not this one.
    fn largest_without(&self, units: &[u32]) -> Option<f64> {
        let is_first = self.systems.first().is_some_and(|it| it.0 == units);
        self.phi_s[usize::from(is_first)]
    }
}

/// The memory that a verdict takes, with the note that its parts were tried. Lists may have twice
/// the room that they need.
fn bytes_of_verdict(verdict: &Verdict) -> u64 {
    let of_parts: u64 = verdict.parts.iter().map(bytes_of_part).sum();
    2 * (size_of::<Verdict>() as u64 + NOTE) + 4 * verdict.parts.len() as u64 + of_parts
}

/// A list and a set of units among those that were tried, and what the allocator adds.
const NOTE: u64 = 64;

/// The memory that a part takes: a unit of units is copied, but for the chain of its updates.
fn bytes_of_part(part: &Part) -> u64 {
    let own = size_of::<Part>() as u64;
    let Part::Unit(unit) = part else { return own };
    let of_mapping = match unit.mapping() {
        Mapping::Coarse(list) | Mapping::BlackBox(list) => 8 * list.len(),
        Mapping::Table(table) => table.len(),
    };
    let of_unit = size_of::<IntrinsicUnit>() as u64 + of_mapping as u64;
    own + of_unit + unit.parts().iter().map(bytes_of_part).sum::<u64>()
}

/// The key that tells systems apart: their micro units, the background apportioned to them, and
/// `true` if it is one unit.
type Key = (u32, u32, bool);

type Ended = ControlFlow<StopReason>;

struct Search<'a> {
    universe: &'a Universe,
    /// Units are made of these.
    within: UnitSet,
    bounds: UnitBounds,
    rules: Rules,
    options: &'a Options,
    /// Without an observer: what an inner search says of its own steps would be lost.
    quiet: Options,
    stop: Stop,
    began: Instant,
    /// The valid units.
    pool: Vec<Prepared>,
    verdicts: Vec<Verdict>,
    /// The memory that they take, and that they took when memory was last looked at.
    bytes_of_verdicts: u64,
    bytes_looked_at: u64,
    tops: BTreeMap<Key, Top>,
    n_systems: u64,
    n_unreachable: u64,
    /// The steps so far: φ_s of every system, and of all parts that are tried as a unit.
    course: Course,
    /// So many systems are under way at once where that is kept.
    n_together: usize,
}

impl<'a> Search<'a> {
    fn new(
        universe: &'a Universe,
        within: UnitSet,
        bounds: UnitBounds,
        rules: Rules,
        options: &'a Options,
    ) -> Search<'a> {
        Search {
            universe,
            within,
            bounds,
            rules,
            options,
            quiet: Options { progress: None, ..options.clone() },
            stop: Stop::new(options),
            began: Instant::now(),
            pool: Vec::new(),
            verdicts: Vec::new(),
            bytes_of_verdicts: 0,
            bytes_looked_at: 0,
            tops: BTreeMap::new(),
            n_systems: 0,
            n_unreachable: 0,
            course: Course::new(options),
            n_together: rayon::current_num_threads(),
        }
    }

    /// Finds all valid units of at most so many micro units, and analyses their systems.
    fn units(&mut self, most: usize) -> Ended {
        let micro = self.within.iter().map(IntrinsicUnit::micro).collect();
        self.add(micro)?;
        let most = most.min(self.within.len()).min(self.bounds.micro_units);
        let least = if self.bounds.grain > 1 { 1 } else { 2 };
        let mut seen: HashSet<(Vec<u32>, UnitSet)> = HashSet::new();
        for _ in 0..self.bounds.depth {
            let n_before = self.pool.len();
            for size in least..=most {
                let mut valid = Vec::new();
                let of_size = self.within.subsets_by_size().filter(|it| it.len() == size);
                for micro in of_size {
                    let known = self.known(micro, n_before);
                    let stop = self.stop.clone();
                    for_each_division(&known, micro, &mut Vec::new(), &stop, &mut |parts| {
                        // One part over one update is that part.
                        if parts.len() == 1 && self.bounds.grain == 1 {
                            return ControlFlow::Continue(());
                        }
                        for apportioned in self.apportionments(micro, parts) {
                            if seen.insert((parts.to_vec(), apportioned))
                                && self.try_unit(parts, micro, apportioned)?
                            {
                                self.check_memory(valid.len() + self.most_variants(parts.len()))?;
                                valid.extend(self.variants(parts, apportioned));
                            }
                        }
                        ControlFlow::Continue(())
                    })?;
                }
                self.add(valid)?;
            }
            if self.pool.len() == n_before {
                break;
            }
        }
        ControlFlow::Continue(())
    }

    /// Those of the first `n_known` valid units that are within some micro units.
    fn known(&self, micro: UnitSet, n_known: usize) -> Vec<KnownUnit> {
        let known = self.pool[..n_known].iter().enumerate().map(|(number, it)| KnownUnit {
            number: number as u32,
            micro_units: it.unit.micro_units(),
            micro_grain: it.unit.micro_grain(),
        });
        known.filter(|it| it.micro_units.is_subset(micro)).collect()
    }

    /// Returns the sets of units that can be apportioned to a unit of these parts.
    fn apportionments(&self, micro: UnitSet, parts: &[u32]) -> Vec<UnitSet> {
        let of_part = |it: &u32| self.pool[*it as usize].unit.apportioned();
        let of_parts = parts.iter().map(of_part).fold(UnitSet::EMPTY, UnitSet::union);
        if self.bounds.apportioned == 0 {
            return vec![of_parts];
        }
        let others = self.universe.network().units().difference(micro).difference(of_parts);
        let more = submasks(others.bits()).map(|it| UnitSet::from_bits(it).union(of_parts));
        let mut all: Vec<UnitSet> = more.filter(|it| it.len() <= self.bounds.apportioned).collect();
        all.sort_by(|a, b| a.cmp_by_size(*b));
        all
    }

    /// Judges parts as a unit.
    fn try_unit(
        &mut self,
        parts: &[u32],
        micro: UnitSet,
        apportioned: UnitSet,
    ) -> ControlFlow<StopReason, bool> {
        let mut course = std::mem::replace(&mut self.course, Course::unkept());
        let units: Vec<&Prepared> = parts.iter().map(|it| &self.pool[*it as usize]).collect();
        let phi_s = self.phi_s_of_parts(&units, &mut course);
        self.course = course;
        let phi_s = phi_s?;
        let units = parts.iter().map(|it| &self.pool[*it as usize]);
        let parts_of = units.map(|it| Part::from(it.unit.clone())).collect();
        let (best_competitor, validity) = self.judge(parts, micro, apportioned, phi_s);
        let verdict = Verdict { parts: parts_of, apportioned, phi_s, best_competitor, validity };
        self.bytes_of_verdicts += bytes_of_verdict(&verdict);
        self.verdicts.push(verdict);
        // There may be very many of them.
        if self.bytes_of_verdicts >= self.bytes_looked_at + BETWEEN_LOOKS {
            self.bytes_looked_at = self.bytes_of_verdicts;
            self.check_memory(0)?;
        }
        ControlFlow::Continue(validity == Validity::Valid)
    }

    /// Returns the largest φ_s that competes with the system of these valid units, and the verdict
    /// that follows.
    fn judge(
        &self,
        parts: &[u32],
        micro: UnitSet,
        apportioned: UnitSet,
        phi_s: f64,
    ) -> (Option<f64>, Validity) {
        let (micro, apportioned) = (micro.bits(), apportioned.bits());
        let competes = |&(units, background, is_one): &Key| {
            let is_within = units & !micro == 0 && background & !apportioned == 0;
            is_within && !(is_one && units == micro)
        };
        let within = self.tops.iter().filter(|(key, _)| competes(key));
        let best = within.filter_map(|(_, top)| top.largest_without(parts)).reduce(f64::max);
        let validity = match best {
            _ if phi_s <= iit4::ZERO_TOLERANCE => Validity::NotIntegrated,
            Some(best) if is_tied(best, phi_s) => Validity::Tied,
            Some(best) if best > phi_s => Validity::NotMaximal,
            _ => Validity::Valid,
        };
        (best, validity)
    }

    /// All units of these parts.
    fn variants(&self, parts: &[u32], apportioned: UnitSet) -> Vec<IntrinsicUnit> {
        let of_part = |it: &u32| Part::from(self.pool[*it as usize].unit.clone());
        let parts: Vec<Part> = parts.iter().map(of_part).collect();
        let least = if parts.len() == 1 { 2 } else { 1 };
        let of_grain = |grain: u32| {
            let mappings = self.bounds.mappings.of(parts.len(), grain).into_iter();
            let unit = |it| IntrinsicUnit::new(parts.clone(), grain, it, apportioned);
            mappings.filter_map(move |it| unit(it).ok()).collect::<Vec<_>>()
        };
        (least..=self.bounds.grain).flat_map(of_grain).collect()
    }

    /// As many as [`Search::variants`] are of so many parts, or more.
    fn most_variants(&self, n_parts: usize) -> usize {
        (1..=self.bounds.grain).map(|grain| self.bounds.mappings.at_most(n_parts, grain)).sum()
    }

    /// φ_s of a system; `None` if it cannot be in its state.
    fn phi_s(&self, units: &[&Prepared]) -> std::result::Result<Option<f64>, StopReason> {
        let made = match self.universe.system(units, &self.stop) {
            Ok(Some((system, _))) => system,
            Ok(None) => return Err(self.stop.why()),
            Err(_) => return Ok(None),
        };
        let found = iit4::analyse(&made, self.rules, &self.quiet, &self.stop);
        match found.is_complete() {
            true => Ok(Some(found.phi_s)),
            false => Err(found.stop_reason),
        }
    }

    /// φ_s of parts that are tried as a unit, 0 if they cannot be in their state: the next step.
    fn phi_s_of_parts(
        &self,
        parts: &[&Prepared],
        course: &mut Course,
    ) -> ControlFlow<StopReason, f64> {
        let step = match course.known() {
            Some(step) => step,
            None => {
                let step = match self.phi_s(parts) {
                    Ok(Some(phi_s)) => SearchStep::Value(phi_s),
                    Ok(None) => SearchStep::NoSystem,
                    Err(reason) => return ControlFlow::Break(reason),
                };
                course.add(step)?;
                step
            }
        };
        match step {
            SearchStep::Value(phi_s) if is_phi(phi_s) => ControlFlow::Continue(phi_s),
            SearchStep::NoSystem => ControlFlow::Continue(0.0),
            _ => ControlFlow::Break(course.refuse()),
        }
    }

    /// Takes valid units in, with all systems that they make with one another and with those that
    /// are there.
    fn add(&mut self, units: Vec<IntrinsicUnit>) -> Ended {
        let first_new = self.pool.len();
        let universe = self.universe;
        self.pool.extend(units.into_iter().map(|it| Prepared::new(it, universe)));
        self.check_memory(0)?;
        let mut total = 0;
        self.for_each_new(first_new, &mut |_| {
            total += 1;
            // A look at the clock takes longer than this.
            match total % CHUNK as u64 == 0 && self.stop.is_due() {
                true => ControlFlow::Break(self.stop.why()),
                false => ControlFlow::Continue(()),
            }
        })?;
        let mut systems: Vec<Vec<u32>> = Vec::with_capacity(CHUNK);
        let mut found: Vec<std::result::Result<SearchStep, StopReason>> = Vec::new();
        let mut tops = std::mem::take(&mut self.tops);
        let mut course = std::mem::replace(&mut self.course, Course::unkept());
        let (mut n_systems, mut n_unreachable) = (self.n_systems, self.n_unreachable);
        let watch = Watch::new(self.options, self.began, Phase::Grains, total);
        // What is not kept is lost with the process: of slow systems, few are under way at once.
        let n_together = Cell::new(if course.is_kept() { self.n_together } else { CHUNK });
        let mut take_in = |systems: &mut Vec<Vec<u32>>| -> Ended {
            let analyse = |units: &Vec<u32>| {
                if let Some(reason) = self.stop.reason() {
                    return Err(reason);
                }
                let of: Vec<&Prepared> = units.iter().map(|it| &self.pool[*it as usize]).collect();
                let phi_s = self.phi_s(&of)?;
                watch.add(1, None);
                Ok(phi_s.map_or(SearchStep::NoSystem, SearchStep::Value))
            };
            found.clear();
            found.extend(iter::from_fn(|| course.known()).take(systems.len()).map(Ok));
            let n_known = found.len();
            if n_known > 0
                && let Some(reason) = self.stop.reason()
            {
                return ControlFlow::Break(reason);
            }
            watch.add(n_known as u64, None);
            let began = Instant::now();
            found.par_extend(systems[n_known..].par_iter().with_max_len(16).map(analyse));
            let took = began.elapsed();
            if course.is_kept() && n_known == 0 {
                n_together.set(match n_together.get() {
                    n if took < AT_MOST / 4 && found.len() >= n => (2 * n).min(CHUNK),
                    n if took > AT_MOST => (n / 2).max(rayon::current_num_threads()).min(n),
                    n => n,
                });
            }
            for (number, (units, step)) in systems.drain(..).zip(found.drain(..)).enumerate() {
                let step = match step {
                    Ok(step) => step,
                    Err(reason) => {
                        return ControlFlow::Break(self.stop.reason().unwrap_or(reason));
                    }
                };
                match step {
                    SearchStep::Value(phi_s) if is_phi(phi_s) => {
                        n_systems += 1;
                        tops.entry(self.key(&units)).or_default().add(&units, phi_s);
                    }
                    SearchStep::NoSystem => n_unreachable += 1,
                    _ => return ControlFlow::Break(course.refuse()),
                }
                if number >= n_known {
                    course.add(step)?;
                }
            }
            ControlFlow::Continue(())
        };
        let ended = self.for_each_new(first_new, &mut |units| {
            systems.push(units.iter().rev().copied().collect());
            match systems.len() >= n_together.get() {
                true => take_in(&mut systems),
                false => ControlFlow::Continue(()),
            }
        });
        let ended = match ended {
            ControlFlow::Continue(()) => take_in(&mut systems),
            ended => ended,
        };
        self.n_together = n_together.get();
        self.tops = tops;
        self.course = course;
        (self.n_systems, self.n_unreachable) = (n_systems, n_unreachable);
        ended
    }

    fn key(&self, units: &[u32]) -> Key {
        let all = units.iter().map(|it| &self.pool[*it as usize].unit);
        let (micro, apportioned) = all.fold((0, 0), |(micro, apportioned), it| {
            (micro | it.micro_units().bits(), apportioned | it.apportioned().bits())
        });
        (micro, apportioned, units.len() == 1)
    }

    /// Visits all systems of valid units with one at least of those from `first_new` on, the last
    /// unit of each first.
    fn for_each_new(&self, first_new: usize, visit: &mut impl FnMut(&[u32]) -> Ended) -> Ended {
        let own: Vec<(u32, u32)> = (self.pool.iter())
            .map(|it| (it.unit.own().bits(), it.unit.apportioned().bits().count_ones()))
            .collect();
        let most = self.bounds.apportioned as u32;
        let mut chosen = Vec::new();
        for last in first_new..own.len() {
            if own[last].1 <= most {
                chosen.push(last as u32);
                visit_systems(&own[..last], own[last], most, &mut chosen, visit)?;
                chosen.pop();
            }
        }
        ControlFlow::Continue(())
    }

    /// Checks that there is memory for the units that there are and some more, each with its chain,
    /// for one system on each thread, and for the verdicts on units.
    fn check_memory(&self, n_more: usize) -> Ended {
        let network = self.universe.network();
        let units: Vec<IntrinsicUnit> = self.within.iter().map(IntrinsicUnit::micro).collect();
        let of_system = IntrinsicSystem::predicted_bytes(network, &units);
        let of_phi_s = iit4::predicted_bytes_of_phi_s(self.within.len(), 1).unwrap_or(u64::MAX);
        let of_thread = of_system.saturating_add(of_phi_s);
        // The chain, by micro state how likely it is the last one, and the automaton.
        let of_states = 16 + 4 * u64::from(self.bounds.updates());
        let own = of_states << self.within.len().min(self.bounds.micro_units);
        let of_unit = (8u64 << network.n_units()) + own + 512;
        let of_units = ((self.pool.len() + n_more) as u64).saturating_mul(of_unit);
        let n_threads = rayon::current_num_threads() as u64;
        let of_systems = of_thread.saturating_mul(n_threads);
        let needed_bytes =
            of_systems.saturating_add(of_units).saturating_add(self.bytes_of_verdicts);
        match self.options.limits.memory_bytes.is_some_and(|limit| needed_bytes > limit) {
            true => ControlFlow::Break(StopReason::MemoryLimit { needed_bytes }),
            false => ControlFlow::Continue(()),
        }
    }

    fn outcome(self, ended: Ended) -> IntrinsicComplexes {
        let (complexes, tied, best) = self.complexes();
        let (complexes, tied, stop_reason) = match ended {
            ControlFlow::Continue(()) => (complexes, tied, StopReason::Complete),
            ControlFlow::Break(reason) => (Vec::new(), Vec::new(), reason),
        };
        IntrinsicComplexes {
            units: self.pool.into_iter().map(|it| it.unit).collect(),
            verdicts: self.verdicts,
            n_systems: self.n_systems,
            n_unreachable: self.n_unreachable,
            complexes,
            tied,
            best,
            stop_reason,
        }
    }

    /// The complexes, what would be one but for a tie, and the system with the largest φ_s.
    fn complexes(&self) -> (Vec<FoundSystem>, Vec<FoundSystem>, Option<FoundSystem>) {
        let mut by_micro: BTreeMap<u32, Vec<&(Vec<u32>, f64)>> = BTreeMap::new();
        for ((micro, _, _), top) in &self.tops {
            by_micro.entry(*micro).or_default().extend(&top.systems);
        }
        let largest: BTreeMap<u32, f64> = by_micro
            .iter()
            .map(|(micro, all)| (*micro, all.iter().map(|it| it.1).fold(0.0, f64::max)))
            .collect();
        let (mut complexes, mut tied) = (Vec::new(), Vec::new());
        for (&micro, systems) in &by_micro {
            let phi_s = largest[&micro];
            let others = largest.iter().filter(|it| it.0 & micro != 0 && *it.0 != micro);
            let most = others.map(|it| *it.1).fold(0.0, f64::max);
            if phi_s <= iit4::ZERO_TOLERANCE || most > phi_s && !is_tied(most, phi_s) {
                continue;
            }
            let tops: Vec<FoundSystem> = (systems.iter().filter(|it| is_tied(it.1, phi_s)))
                .map(|(units, phi_s)| FoundSystem {
                    units: units.iter().map(|it| *it as usize).collect(),
                    micro_units: UnitSet::from_bits(micro),
                    phi_s: *phi_s,
                })
                .collect();
            let is_tie = tops.len() > 1 || is_tied(most, phi_s);
            if is_tie { &mut tied } else { &mut complexes }.extend(tops);
        }
        for list in [&mut complexes, &mut tied] {
            list.sort_by(|a: &FoundSystem, b| {
                let by_size = a.micro_units.cmp_by_size(b.micro_units);
                b.phi_s.total_cmp(&a.phi_s).then(by_size).then_with(|| a.units.cmp(&b.units))
            });
        }
        let firsts = [&complexes, &tied].into_iter().filter_map(|it| it.first());
        let best = firsts.reduce(|a, b| if b.phi_s > a.phi_s { b } else { a }).cloned();
        (complexes, tied, best)
    }
}

/// Returns `true` if a number that was kept can be a φ_s.
fn is_phi(phi_s: f64) -> bool {
    phi_s.is_finite() && phi_s >= 0.0
}

/// A valid unit that others may be made of.
struct KnownUnit {
    number: u32,
    micro_units: UnitSet,
    micro_grain: u32,
}

/// Visits all ways to divide the micro units that are left among known units, which take as many
/// updates as the chosen ones. There may be too many ways to keep.
fn for_each_division<'a>(
    known: &'a [KnownUnit],
    left: UnitSet,
    chosen: &mut Vec<&'a KnownUnit>,
    stop: &Stop,
    visit: &mut impl FnMut(&[u32]) -> Ended,
) -> Ended {
    if stop.is_due() {
        return ControlFlow::Break(stop.why());
    }
    let Some(first) = left.iter().next() else {
        let mut parts: Vec<u32> = chosen.iter().map(|it| it.number).collect();
        parts.sort_unstable();
        return visit(&parts);
    };
    let grain = chosen.first().map(|it| it.micro_grain);
    for it in known {
        if it.micro_units.contains(first)
            && it.micro_units.is_subset(left)
            && grain.is_none_or(|grain| grain == it.micro_grain)
        {
            chosen.push(it);
            for_each_division(known, left.difference(it.micro_units), chosen, stop, visit)?;
            chosen.pop();
        }
    }
    ControlFlow::Continue(())
}

/// Visits the units that are chosen, and these with all more of the first ones that fit.
fn visit_systems(
    own: &[(u32, u32)],
    taken: (u32, u32),
    most_apportioned: u32,
    chosen: &mut Vec<u32>,
    visit: &mut impl FnMut(&[u32]) -> Ended,
) -> Ended {
    visit(chosen)?;
    for next in (0..own.len()).rev() {
        let (units, n_apportioned) = own[next];
        let n_apportioned = n_apportioned + taken.1;
        if units & taken.0 == 0 && n_apportioned <= most_apportioned {
            chosen.push(next as u32);
            let taken = (units | taken.0, n_apportioned);
            visit_systems(&own[..next], taken, most_apportioned, chosen, visit)?;
            chosen.pop();
        }
    }
    ControlFlow::Continue(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;

    /// Pairs of 16 micro units, each pair in as many ways.
    fn pairs(n_pairs: usize, n_ways: usize) -> Vec<KnownUnit> {
        let known = |number: usize| KnownUnit {
            number: number as u32,
            micro_units: UnitSet::from_iter([2 * (number / n_ways), 2 * (number / n_ways) + 1]),
            micro_grain: 2,
        };
        (0..n_pairs * n_ways).map(known).collect()
    }

    /// Of units with 16 parts, too, in no time and with little memory; and no two are the same.
    #[test]
    fn no_mapping_is_there_twice() {
        for (n_parts, grain) in [(1, 1), (2, 1), (3, 1), (5, 1), (1, 3), (3, 2)] {
            let all = Mappings::Families.of(n_parts, grain);
            let table = |it: &Mapping| super::super::automaton::table(it, n_parts, grain as usize);
            let tables: HashSet<Vec<bool>> = all.iter().map(table).collect();
            assert_eq!(tables.len(), all.len(), "{n_parts} parts, grain {grain}");
            let is_off = |it: &Vec<bool>| !it[0] && it.contains(&true);
            assert!(tables.iter().all(is_off), "{n_parts} parts, grain {grain}");
        }
        assert_eq!(Mappings::Families.of(16, 1).len(), (1 << 17) - 3);
    }

    /// A verdict is no smaller than is planned for it, and what is said of very many is too much.
    #[test]
    fn verdicts_count_as_memory() {
        let parts: Vec<Part> = [0, 1].map(Part::Micro).to_vec();
        let both = IntrinsicUnit::new(parts, 1, Mapping::Coarse(vec![2]), UnitSet::EMPTY).unwrap();
        let verdict = |parts: Vec<Part>| Verdict {
            parts,
            apportioned: UnitSet::EMPTY,
            phi_s: 0.5,
            best_competitor: None,
            validity: Validity::Valid,
        };
        let of_micro = bytes_of_verdict(&verdict([0, 1].map(Part::Micro).to_vec()));
        let of_unit = bytes_of_verdict(&verdict(vec![both.into(), Part::Micro(2)]));
        assert!(of_micro >= (size_of::<Verdict>() + 2 * size_of::<Part>()) as u64);
        assert!(of_unit > of_micro + size_of::<IntrinsicUnit>() as u64);

        let network =
            Network::from_state_by_node(&vec![vec![0.5; 3]; 8], &vec![vec![1; 3]; 3]).unwrap();
        let universe = Universe::new(&network, &[State::all_off(3)]).unwrap();
        let mut options = Options::default();
        options.limits.memory_bytes = Some(1 << 30);
        let (all, bounds) = (network.units(), UnitBounds::default());
        let mut search = Search::new(&universe, all, bounds, Rules::default(), &options);
        assert!(search.check_memory(0).is_continue());
        search.bytes_of_verdicts = 1 << 30;
        assert!(search.check_memory(0).is_break());
    }

    #[test]
    fn there_are_at_most_so_many_mappings() {
        for mappings in [Mappings::Families, Mappings::Exhaustive] {
            for (n_parts, grain) in [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1)] {
                let n = mappings.of(n_parts, grain).len();
                assert!(n <= mappings.at_most(n_parts, grain), "{n_parts} parts, grain {grain}");
            }
        }
    }

    /// There are 100^8 divisions, of which none is kept.
    #[test]
    fn divisions_are_visited_one_by_one() {
        let mut visited = Vec::new();
        let known = pairs(8, 100);
        let stop = Stop::never();
        let ended =
            for_each_division(&known, UnitSet::all(16), &mut Vec::new(), &stop, &mut |parts| {
                visited.push(parts.to_vec());
                match visited.len() {
                    3 => ControlFlow::Break(StopReason::Cancelled),
                    _ => ControlFlow::Continue(()),
                }
            });
        assert!(ended.is_break());
        assert_eq!(visited[0], [0, 100, 200, 300, 400, 500, 600, 700]);
        assert_eq!(visited[2][7], 702);
    }

    /// A ring is irreducible, and no part of it is: the ring is the one unit that is valid, in many
    /// ways. They are not made if they take more memory than there may be.
    #[test]
    fn units_that_take_too_much_memory_are_not_made() {
        let on =
            |row: usize, unit: usize| if row >> ((unit + 5) % 6) & 1 == 1 { 0.95 } else { 0.05 };
        let tpm: Vec<Vec<f64>> =
            (0..64).map(|row| (0..6).map(|unit| on(row, unit)).collect()).collect();
        let network = Network::from_state_by_node(&tpm, &vec![vec![1; 6]; 6]).unwrap();
        let (history, rules) = ([State::all_off(6)], Rules::default());
        let bounds = UnitBounds { micro_units: 6, ..UnitBounds::default() };
        let search = |memory_bytes| {
            let mut options = Options::default();
            options.limits.memory_bytes = memory_bytes;
            intrinsic_complexes(&network, &history, &bounds, rules, &options).unwrap()
        };
        let all = search(None);
        assert!(all.units.len() > 100 && all.stop_reason == StopReason::Complete);
        // What the six units take that there are at first is known by the limit that is too low.
        let StopReason::MemoryLimit { needed_bytes } = search(Some(0)).stop_reason else {
            panic!("no memory at all")
        };
        let few = search(Some(needed_bytes));
        assert!(matches!(few.stop_reason, StopReason::MemoryLimit { .. }));
        assert_eq!(few.units.len(), 6);
    }

    /// Where the last pair cannot be made, nothing is visited.
    #[test]
    fn a_search_for_divisions_is_stopped() {
        let cancel = Some(Arc::new(AtomicBool::new(true)));
        let stop = Stop::new(&Options { cancel, ..Options::default() });
        let known = pairs(7, 100);
        let ended =
            for_each_division(&known, UnitSet::all(16), &mut Vec::new(), &stop, &mut |_| {
                panic!("the last pair cannot be made")
            });
        assert_eq!(ended, ControlFlow::Break(StopReason::Cancelled));
    }
}
