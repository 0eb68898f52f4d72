//! Subsystems: some units of a network in a state, the rest being background.
//!
//! The context that every later step takes first. Its state is reachable, and its tables fit in
//! memory.

use std::sync::Arc;

use crate::big_phi::{BigPhiSearch, memory_limit};
use crate::by_definition;
use crate::concept::{Concept, Mip};
use crate::error::{Error, ErrorKind, Result};
use crate::fixed::{Fixed, to_f64, to_fixed};
use crate::limits::{Options, Stop, StopReason, bytes_of_values, predicted_bytes};
use crate::mip::{CauseMemo, Scratch, SmallPhi, SmallPhiRules};
use crate::network::Network;
use crate::partition::{Cut, Partition};
use crate::repertoire::{
    Direction, Repertoire, RepertoireScratch, cause_repertoire, effect_on, product_repertoire,
};
use crate::state::State;
use crate::structure::CauseEffectStructure;
use crate::symmetry::{PhiCache, Symmetry};
use crate::tables::{Tables, Wiring, subsets_by_size};
use crate::unit_set::{UnitSet, extract};

/// Values of at most this are 0, and two values this close are tied, unless asked otherwise. A
/// value that is 0 is tied with none that is not.
pub const TOLERANCE: f64 = 1e-6;

/// A candidate system: units of a network in its state. The other units (background) are fixed at
/// their current state, for causes and for effects alike.
#[derive(Debug, Clone)]
pub struct Subsystem {
    network: Arc<Network>,
    state: State,
    units: UnitSet,
    pub(crate) tables: Arc<Tables>,
    tolerance: f64,
}

impl Subsystem {
    /// The most units a subsystem can have: small φ is tabulated for pairs of subsets.
    pub const MAX_UNITS: usize = 12;

    /// The most states of a subsystem: as many as so many binary units have.
    pub const MAX_STATES: usize = 1 << Subsystem::MAX_UNITS;

    /// The subsystem `units` of `network` in `state`.
    ///
    /// # Errors
    /// If the state has the wrong length, a unit does not exist, there are too many units, or the
    /// state of the units is unreachable: no previous state gives all of them their present value
    /// with probability > 0. Where a unit has more than two values, also if there are more than
    /// [`Subsystem::MAX_STATES`] states.
    pub fn new(network: &Network, state: State, units: UnitSet) -> Result<Subsystem> {
        Subsystem::of(&Arc::new(network.clone()), state, units)
    }

    /// As [`Subsystem::new`], sharing the network.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use pyphi_core::{Alphabet, Network, Options, Subsystem, Tpm, big_phi};
    ///
    /// // Two units of three values that copy each other.
    /// let alphabet = Alphabet::new(&[3, 3])?;
    /// let next: Vec<Vec<u8>> = (0..9).map(|row| vec![row / 3, row % 3]).collect();
    /// let tpm = Tpm::from_next_values(&alphabet, &next)?;
    /// let network = Arc::new(Network::new(tpm, &[vec![0, 1], vec![1, 0]])?);
    /// let subsystem = Subsystem::of(&network, network.state(&[1, 2])?, network.units())?;
    /// assert_eq!(format!("{:.6}", big_phi(&subsystem, &Options::default()).phi), "1.777778");
    /// # Ok::<(), pyphi_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Subsystem::new`].
    pub fn of(network: &Arc<Network>, state: State, units: UnitSet) -> Result<Subsystem> {
        let state = network.check_part(state, units)?;
        if units.len() > Self::MAX_UNITS {
            return Err(Subsystem::too_large(units.len()));
        }
        let row = state.row() as u32;
        let tables = if network.alphabet().is_binary() {
            Tables::new(network, row, units.bits())
        } else {
            let n_states = network.alphabet().n_states_of(units.bits()) as u128;
            let most_states = Self::MAX_STATES as u128;
            if n_states > most_states {
                return Err(ErrorKind::TooManyStates { n_states, most_states }.into());
            }
            Tables::of_values(network, row, units.bits())
        };
        if !tables.is_reachable() {
            return Err(state.unreachable(units));
        }
        Ok(Subsystem {
            network: Arc::clone(network),
            state,
            units,
            tables: Arc::new(tables),
            tolerance: TOLERANCE,
        })
    }

    /// More units than a subsystem can have.
    pub(crate) fn too_large(units: usize) -> Error {
        let bytes = |n| predicted_bytes(n, 1).map_or(u128::MAX, u128::from);
        let kind = ErrorKind::TooLarge {
            units,
            most_units: Subsystem::MAX_UNITS,
            needed_bytes: bytes(units),
            most_bytes: bytes(Subsystem::MAX_UNITS),
        };
        kind.into()
    }

    /// The same subsystem with another tolerance: values of at most `tolerance` are 0, and two
    /// values within `tolerance` are tied. The default is [`TOLERANCE`].
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: f64) -> Subsystem {
        self.tolerance = tolerance.max(0.0);
        self
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    pub(crate) fn shared_network(&self) -> &Arc<Network> {
        &self.network
    }

    /// The state of the whole network.
    pub fn state(&self) -> State {
        self.state
    }

    /// The units of the subsystem.
    pub fn units(&self) -> UnitSet {
        self.units
    }

    /// Number of units.
    pub fn n_units(&self) -> usize {
        self.units.len()
    }

    /// Returns `true` if every unit reaches every other along connections inside the subsystem.
    pub fn is_strongly_connected(&self) -> bool {
        self.network.is_strongly_connected(self.units)
    }

    /// The cause repertoire of `mechanism` over `purview`: proportional to `prod_{i in M} P(i = its
    /// state | P = z, other inputs of i uniform)`; uniform for an empty mechanism. Units are those
    /// of the network.
    ///
    /// # Panics
    /// If a unit is not in the subsystem.
    pub fn cause_repertoire(&self, mechanism: UnitSet, purview: UnitSet) -> Repertoire {
        self.repertoire(Direction::Cause, mechanism, purview)
    }

    /// The effect repertoire of `mechanism` over `purview`: `prod_{j in P} P(j = its value | inputs
    /// of j in M at their state, other inputs uniform)`; for an empty mechanism the unconstrained
    /// effect repertoire. Units are those of the network.
    ///
    /// # Panics
    /// If a unit is not in the subsystem.
    pub fn effect_repertoire(&self, mechanism: UnitSet, purview: UnitSet) -> Repertoire {
        self.repertoire(Direction::Effect, mechanism, purview)
    }

    /// The repertoire of either direction.
    ///
    /// # Panics
    /// If a unit is not in the subsystem.
    pub fn repertoire(
        &self,
        direction: Direction,
        mechanism: UnitSet,
        purview: UnitSet,
    ) -> Repertoire {
        let wiring = Wiring::intact(&self.tables);
        let (m, p) = (self.local(mechanism), self.local(purview));
        Repertoire { purview, probabilities: self.probabilities(&wiring, direction, m, p) }
    }

    /// The repertoire of a mechanism over a purview, both in the numbering of the subsystem.
    pub(crate) fn probabilities(
        &self,
        wiring: &Wiring,
        direction: Direction,
        mechanism: u32,
        purview: u32,
    ) -> Vec<f64> {
        if let Some(values) = &self.tables.values {
            return values.repertoire(wiring, direction, mechanism, purview);
        }
        let mut probabilities = vec![0.0; 1 << purview.count_ones()];
        match direction {
            Direction::Cause => cause_repertoire(
                &self.tables,
                wiring,
                mechanism,
                purview,
                &mut RepertoireScratch::default(),
                &mut probabilities,
            ),
            Direction::Effect => {
                let on = effect_on(&self.tables, wiring, mechanism);
                product_repertoire(&on, purview, &mut probabilities);
            }
        }
        probabilities
    }

    /// Small φ of `mechanism` over `purview`: the smallest earth mover's distance between the
    /// repertoire and a partitioned one, over all bipartitions. 0 if the connections between them
    /// are trivially reducible or one of them is empty.
    ///
    /// ```
    /// use pyphi_core::{Direction, UnitSet, fixtures};
    ///
    /// let subsystem = fixtures::or_and_xor();
    /// let pair = UnitSet::from_iter([0, 1]);
    /// assert_eq!(subsystem.mip(Direction::Effect, pair, UnitSet::from_iter([2])).phi, 0.5);
    /// ```
    ///
    /// # Panics
    /// If a unit is not in the subsystem.
    pub fn mip(&self, direction: Direction, mechanism: UnitSet, purview: UnitSet) -> Mip {
        self.mip_under(None, direction, mechanism, purview)
    }

    /// As [`Subsystem::mip`], under a cut of the system.
    ///
    /// # Panics
    /// If a unit is not in the subsystem.
    pub fn mip_under(
        &self,
        cut: Option<Cut>,
        direction: Direction,
        mechanism: UnitSet,
        purview: UnitSet,
    ) -> Mip {
        let (m, p) = (self.local(mechanism), self.local(purview));
        let wiring = self.wiring(cut);
        if !are_connected(&wiring, direction, m, p) {
            return Mip { phi: 0.0, partition: None };
        }
        self.with_small_phi(&wiring, &Stop::never(), |small_phi, scratch| {
            let (phi, first) = match direction {
                Direction::Cause => small_phi.cause_mip(m, p, scratch),
                Direction::Effect => small_phi.effect_mip(m, p),
            };
            Mip {
                phi: if phi <= self.tolerance_fixed() { 0.0 } else { to_f64(phi) },
                partition: Some(Partition::from_local(m, p, first, self.units.bits())),
            }
        })
    }

    /// The concept of `mechanism`, or `None` if it has no irreducible cause or no irreducible
    /// effect.
    ///
    /// # Panics
    /// If a unit is not in the subsystem.
    pub fn concept(&self, mechanism: UnitSet) -> Option<Concept> {
        self.concept_until(mechanism, &Stop::never()).expect("nothing stops it")
    }

    /// As [`Subsystem::concept`], which the limit on time and [`Options::cancel`] can stop. Other
    /// options are not looked at.
    ///
    /// # Errors
    /// The reason, if the analysis was stopped.
    ///
    /// # Panics
    /// If a unit is not in the subsystem.
    pub fn concept_within(
        &self,
        mechanism: UnitSet,
        options: &Options,
    ) -> std::result::Result<Option<Concept>, StopReason> {
        self.concept_until(mechanism, &Stop::new(options))
    }

    fn concept_until(
        &self,
        mechanism: UnitSet,
        stop: &Stop,
    ) -> std::result::Result<Option<Concept>, StopReason> {
        let mechanism = self.local(mechanism);
        if mechanism == 0 {
            return Ok(None);
        }
        let found = self.with_small_phi(&self.wiring(None), stop, |small_phi, scratch| {
            let concept = small_phi.concept(mechanism, scratch)?;
            Some(small_phi.describe(&concept, self.units.bits(), scratch))
        });
        stop.reason().map_or(Ok(found), Err)
    }

    /// The cause-effect structure of the intact subsystem, by [`Options::variant`] and on the
    /// threads of the current rayon pool: all its concepts.
    ///
    /// # Errors
    /// The reason, if the analysis was stopped.
    pub fn structure(
        &self,
        options: &Options,
    ) -> std::result::Result<CauseEffectStructure, StopReason> {
        let needed = self.price(rayon::current_num_threads());
        if let Some(reason) = memory_limit(needed, options) {
            return Err(reason);
        }
        match options.variant.has_bounds_of_small_phi() {
            true => BigPhiSearch::new(self, options).structure(),
            false => by_definition::structure(self, options),
        }
    }

    /// The cause-effect structure of the intact subsystem: all its concepts.
    pub fn cause_effect_structure(&self) -> CauseEffectStructure {
        let concepts =
            self.units.subsets_by_size().filter_map(|mechanism| self.concept(mechanism)).collect();
        CauseEffectStructure { concepts }
    }

    /// Memory that an analysis of any system like this one plans for, in bytes.
    pub(crate) fn price(&self, n_threads: usize) -> u64 {
        match &self.tables.values {
            None => predicted_bytes(self.n_units(), n_threads).unwrap_or(u64::MAX),
            Some(values) => bytes_of_values(&values.alphabet, n_threads),
        }
    }

    /// Returns `true` if every unit of the network has two values.
    pub fn is_binary(&self) -> bool {
        self.tables.values.is_none()
    }

    pub(crate) fn wiring(&self, cut: Option<Cut>) -> Wiring {
        match cut {
            None => Wiring::intact(&self.tables),
            Some(cut) => {
                Wiring::cut(&self.tables, self.local(cut.severed_from), self.local(cut.severed_to))
            }
        }
    }

    pub(crate) fn tolerance(&self) -> f64 {
        self.tolerance
    }

    pub(crate) fn tolerance_fixed(&self) -> Fixed {
        to_fixed(self.tolerance)
    }

    pub(crate) fn with_small_phi<T>(
        &self,
        wiring: &Wiring,
        stop: &Stop,
        work: impl FnOnce(&SmallPhi<'_>, &mut Scratch) -> T,
    ) -> T {
        let symmetry = Symmetry::find(&self.tables);
        let small_phi = SmallPhi {
            tables: &self.tables,
            wiring,
            memo: &CauseMemo::none(),
            symmetry: &symmetry,
            cache: &PhiCache::for_twins(&symmetry),
            rules: SmallPhiRules::published(self.tolerance_fixed()),
            stop,
            purviews: subsets_by_size(self.n_units()),
            choices: None,
        };
        work(&small_phi, &mut Scratch::new(self.n_units()))
    }

    /// From the numbering of the network to that of the subsystem.
    pub(crate) fn local(&self, units: UnitSet) -> u32 {
        assert!(
            units.is_subset(self.units),
            "{units} is not a part of the subsystem {}",
            self.units
        );
        extract(units.bits(), self.units.bits())
    }
}

/// `false` if some partition of mechanism and purview severs nothing, or one of them is empty.
pub(crate) fn are_connected(
    wiring: &Wiring,
    direction: Direction,
    mechanism: u32,
    purview: u32,
) -> bool {
    mechanism != 0
        && purview != 0
        && match direction {
            Direction::Cause => wiring.is_connected(purview, mechanism),
            Direction::Effect => wiring.is_connected(mechanism, purview),
        }
}
