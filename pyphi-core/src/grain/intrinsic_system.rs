//! A network in its history as a system of intrinsic units of IIT 4.0.
//!
//! The causes and effects of each unit are worked out apart from the others (Marshall et al. 2024,
//! Eqs 26 to 42):
//! 1. discount: what is not the unit's own acts on it as chance, what is apportioned to a unit only
//!    sees that unit;
//! 2. as many updates as the unit takes are one, of which only the unit's own micro states count;
//! 3. the background is as it is now for effects, and as it may have been for causes;
//! 4. micro states of the system that look the same are averaged over.
//!
//! The result is a system of IIT 4.0 without background, in which every unit is connected with
//! every unit.

use std::sync::{Arc, OnceLock};

use super::macro_system::average;
use super::unit::{IntrinsicUnit, of_unit};
use crate::error::{Error, ErrorKind, Result};
use crate::iit4::{Substrate, System, check_connections};
use crate::limits::{Options, Stop, StopReason, steps};
use crate::network::Network;
use crate::repertoire::product_repertoire;
use crate::state::State;
use crate::tpm::Tpm;
use crate::unit_set::{UnitSet, bits, deposit, extract};

/// Some intrinsic units of a network in its history. Micro units that are in none of them are the
/// background.
///
/// ```
/// use pyphi_core::grain::{IntrinsicSystem, IntrinsicUnit, Mapping, Part};
/// use pyphi_core::iit4::{Rules, system_irreducibility_analysis};
/// use pyphi_core::{Network, Options, State, UnitSet};
///
/// // Two units that are seldom ON unless both are; and one that is ON if both are.
/// let tpm = [[0.05, 0.05], [0.05, 0.06], [0.06, 0.05], [0.95, 0.95]].map(Vec::from);
/// let network = Network::from_state_by_node(&tpm, &vec![vec![1; 2]; 2])?;
/// let history = [State::all_off(2)];
/// let parts = [0, 1].map(Part::Micro).to_vec();
/// let both = IntrinsicUnit::new(parts, 1, Mapping::Coarse(vec![2]), UnitSet::EMPTY)?;
/// let phi_s = |units: &[IntrinsicUnit]| -> pyphi_core::Result<String> {
///     let it = IntrinsicSystem::new(&network, &history, units)?;
///     let options = Options::default();
///     let sia = system_irreducibility_analysis(it.system(), Rules::default(), &options);
///     Ok(format!("{:.6}", sia.phi_s))
/// };
/// assert_eq!(phi_s(&[both])?, "0.788334");
/// assert_eq!(phi_s(&[0, 1].map(IntrinsicUnit::micro))?, "0.005107");
/// # Ok::<(), pyphi_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct IntrinsicSystem {
    network: Arc<Network>,
    history: Vec<State>,
    units: Vec<IntrinsicUnit>,
    system: System,
    cause: Tpm,
}

impl IntrinsicSystem {
    /// The most units of the network.
    pub const MAX_MICRO_UNITS: usize = System::MAX_UNITS;

    /// Makes the system of the units, after the states of the network in `history`: the oldest
    /// first, the present one last, as many as the slowest unit takes.
    ///
    /// # Errors
    /// If the units do not fit the network or each other, the history is too long or too short, a
    /// micro unit depends on another without a connection, a state that the causes are of or the
    /// present state of the units is unreachable, or there are too many units.
    pub fn new(
        network: &Network,
        history: &[State],
        units: &[IntrinsicUnit],
    ) -> Result<IntrinsicSystem> {
        let found = IntrinsicSystem::until(network, history, units, &Stop::never())?;
        Ok(found.expect("nothing stops it"))
    }

    /// As [`IntrinsicSystem::new`], which the limit on time and [`Options::cancel`] can stop. Other
    /// options are not looked at.
    ///
    /// # Errors
    /// As [`IntrinsicSystem::new`]. Inside: the reason, if it was stopped.
    pub fn within(
        network: &Network,
        history: &[State],
        units: &[IntrinsicUnit],
        options: &Options,
    ) -> Result<std::result::Result<IntrinsicSystem, StopReason>> {
        let stop = Stop::new(options);
        let found = IntrinsicSystem::until(network, history, units, &stop)?;
        Ok(found.ok_or_else(|| stop.why()))
    }

    fn until(
        network: &Network,
        history: &[State],
        units: &[IntrinsicUnit],
        stop: &Stop,
    ) -> Result<Option<IntrinsicSystem>> {
        let grain = units.iter().map(IntrinsicUnit::micro_grain).max().unwrap_or(1) as usize;
        if history.len() != grain {
            let found = history.len();
            let message = format!(
                "history: {found} states, expected {grain}, as many updates as the slowest unit \
                 takes"
            );
            return Err(ErrorKind::Grain(message).into());
        }
        let universe = Universe::new(network, history)?;
        check_units(network, units)?;
        let units: Vec<Prepared> =
            units.iter().map(|it| Prepared::new(it.clone(), &universe)).collect();
        let units: Vec<&Prepared> = units.iter().collect();
        let Some(made) = universe.system(&units, stop)? else { return Ok(None) };
        Ok(Some(universe.described(&units, made)?))
    }

    /// The units.
    pub fn units(&self) -> &[IntrinsicUnit] {
        &self.units
    }

    /// The network of the micro units.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The states of the network, the oldest first.
    pub fn history(&self) -> &[State] {
        &self.history
    }

    /// The units as a system of IIT 4.0, numbered from 0: what φ_s and Φ-structure are asked of.
    pub fn system(&self) -> &System {
        &self.system
    }

    /// The state of the units.
    pub fn state(&self) -> State {
        self.system.state()
    }

    /// T_c: for causes, P(ON) of each unit by the state of all units before.
    pub fn cause_tpm(&self) -> &Tpm {
        &self.cause
    }

    /// T_e: for effects, P(ON) of each unit by the state of all units before.
    pub fn effect_tpm(&self) -> &Tpm {
        self.system.network().tpm()
    }

    /// Memory that making it takes, in bytes, without the analyses of it.
    pub fn predicted_bytes(network: &Network, units: &[IntrinsicUnit]) -> u64 {
        let of_unit = |it: &IntrinsicUnit| bytes_of_unit(network.n_units(), it);
        // The chain of each is kept until all are made.
        let kept = (units.len() as u64) << (3 + network.n_units().min(40));
        kept.saturating_add(units.iter().map(of_unit).max().unwrap_or(0))
    }
}

/// Memory that the chain of a unit takes: two layers of probabilities by what the unit remembers
/// and the state of the network, and a column for each unit that it sees in motion.
fn bytes_of_unit(n_micro: usize, unit: &IntrinsicUnit) -> u64 {
    let automaton = unit.automaton();
    let most = (0..automaton.n_updates()).map(|it| automaton.n_states(it)).max().unwrap_or(1);
    let columns = unit.own().len() as u64 + 1;
    (2 * most as u64).saturating_add(columns).saturating_mul(8u64 << n_micro.min(40))
}

/// # Errors
/// If units do not fit the network or each other.
fn check_units(network: &Network, units: &[IntrinsicUnit]) -> Result<()> {
    let wrong = |number: usize, message: String| {
        Err(of_unit(number)(Error::from(ErrorKind::Grain(message))))
    };
    if units.is_empty() {
        let message = "units: none, expected one at least".to_owned();
        return Err(ErrorKind::Grain(message).into());
    }
    if units.len() > System::MAX_UNITS {
        return Err(System::too_large(units.len()));
    }
    for (number, unit) in units.iter().enumerate() {
        check_own(network, unit).map_err(of_unit(number))?;
        for (other_number, other) in units.iter().enumerate().filter(|it| it.0 != number) {
            let common = unit.own().intersection(other.micro_units());
            if !common.is_empty() {
                return wrong(
                    number,
                    format!("{common} belongs to units[{other_number}], expected one owner"),
                );
            }
            let common = unit.apportioned().intersection(other.apportioned());
            if !common.is_empty() {
                return wrong(
                    number,
                    format!(
                        "apportioned: {common} is apportioned to units[{other_number}] too, \
                         expected one owner"
                    ),
                );
            }
        }
    }
    Ok(())
}

/// # Errors
/// If the unit has micro units that the network does not have.
pub(super) fn check_own(network: &Network, unit: &IntrinsicUnit) -> Result<()> {
    match unit.own().difference(network.units()).iter().next() {
        None => Ok(()),
        Some(unit) => {
            let last = network.n_units() - 1;
            let message = format!("unit {unit}, expected units from 0 to {last}");
            Err(ErrorKind::Grain(message).into())
        }
    }
}

/// A network with its history.
#[derive(Debug)]
pub(super) struct Universe {
    network: Arc<Network>,
    history: Vec<State>,
    /// By unit: P(ON), averaged over all states.
    means: Vec<f64>,
    /// By number of updates, from 1: the network in the first state of so many, or why it cannot be
    /// in it.
    windows: Vec<Result<Substrate>>,
}

/// A unit with what is known of it whatever system it is in.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) unit: IntrinsicUnit,
    /// Its state.
    pub(super) is_on: bool,
    /// By its state: how likely each micro state is to be the last one of a sequence that it comes
    /// from.
    last: [Vec<f64>; 2],
    /// Its chain, if nothing is apportioned to others.
    alone: OnceLock<Arc<[f64]>>,
}

impl Prepared {
    pub(super) fn new(unit: IntrinsicUnit, universe: &Universe) -> Prepared {
        let (automaton, micro) = (unit.automaton(), unit.micro_units().bits());
        let window = &universe.history[universe.history.len() - automaton.n_updates()..];
        let letters = window.iter().map(|state| extract(state.row() as u32, micro));
        let (is_on, last) = (automaton.is_on(letters), automaton.last_letters());
        Prepared { is_on, last, alone: OnceLock::new(), unit }
    }
}

/// A system of IIT 4.0 that units make, and for causes P(a unit is as it is now), by unit and state
/// of all.
pub(super) type Made = (System, Vec<Vec<f64>>);

impl Universe {
    /// # Errors
    /// If the network has units with more than two values or too many units, a unit depends on
    /// another without a connection, or the history is not one of the network.
    pub(super) fn new(network: &Network, history: &[State]) -> Result<Universe> {
        network.require_binary("a grain")?;
        if network.n_units() > IntrinsicSystem::MAX_MICRO_UNITS {
            return Err(System::too_large(network.n_units()));
        }
        check_connections(network)?;
        let network = Arc::new(network.clone());
        let check = |(place, state): (usize, &State)| {
            let checked = network.check_part(*state, UnitSet::EMPTY);
            checked.map_err(|it| it.at(format!("history[{place}]")))
        };
        let history: Vec<State> = history.iter().enumerate().map(check).collect::<Result<_>>()?;
        let n_states = network.tpm().n_states();
        let mean = |unit: usize| {
            (0..n_states).map(|row| network.tpm().row(row)[unit]).sum::<f64>() / n_states as f64
        };
        let means = (0..network.n_units()).map(mean).collect();
        let window = |n_updates: usize| {
            let place = history.len() - n_updates;
            let substrate = Substrate::of_checked(&network, history[place]);
            substrate.map_err(|it| it.at(format!("history[{place}]")))
        };
        let windows = (1..=history.len()).map(window).collect();
        Ok(Universe { network, history, means, windows })
    }

    pub(super) fn network(&self) -> &Network {
        &self.network
    }

    fn present(&self) -> u32 {
        self.history.last().expect("one state at least").row() as u32
    }

    /// By state of the network: P(the unit is ON after as many updates as it takes). `owners` are
    /// the units to which background is apportioned, the unit itself included if there is some.
    /// `None` if it was stopped.
    fn chain(
        &self,
        unit: &IntrinsicUnit,
        owners: &[(UnitSet, UnitSet)],
        stop: &Stop,
    ) -> Option<Vec<f64>> {
        let tpm = self.network.tpm();
        let n_states = tpm.n_states();
        let own = unit.micro_units().bits();
        let automaton = unit.automaton();
        // What moves, and does not only act as chance.
        let apportioned = owners.iter().fold(0, |all, (_, background)| all | background.bits());
        let moving = own | apportioned;
        let all = self.network.units().bits();
        let sees_part = |i: usize| -> Option<u32> {
            let (units, background) = owners.iter().find(|(_, it)| it.contains(i))?;
            Some(units.union(*background).bits())
        };
        let columns: Vec<Vec<f64>> = bits(moving)
            .map(|i| {
                let mut column: Vec<f64> = (0..n_states).map(|row| tpm.row(row)[i]).collect();
                if let Some(seen) = sees_part(i) {
                    average(&mut column, all & !seen);
                }
                steps(n_states);
                column
            })
            .collect();
        let n_updates = automaton.n_updates();
        // The last update: only the unit itself is looked at.
        let own_columns: Vec<&Vec<f64>> =
            bits(moving).zip(&columns).filter(|(i, _)| own >> i & 1 == 1).map(|it| it.1).collect();
        let n_own = UnitSet::all(own_columns.len()).bits();
        let mut now = vec![vec![0.0; n_states]; automaton.n_states(n_updates - 1)];
        let (mut on, mut next) = (Vec::new(), Vec::new());
        for row in 0..n_states {
            on.clear();
            on.extend(own_columns.iter().map(|it| it[row]));
            product_repertoire(&on, n_own, &mut next);
            for (at, of_state) in now.iter_mut().enumerate() {
                let sum = |end: u32| -> f64 {
                    let ends = |&(letter, _): &(usize, &f64)| {
                        automaton.next(n_updates - 1, at as u32, letter as u32) == end
                    };
                    next.iter().enumerate().filter(ends).map(|it| it.1).sum()
                };
                of_state[row] = certain(sum(1), || sum(0));
            }
            steps(next.len() * now.len());
            if stop.is_due() {
                return None;
            }
        }
        let local_own = extract(own, moving);
        let n_moving = UnitSet::all(moving.count_ones() as usize).bits();
        let letters: Vec<u32> =
            (0..1u32 << moving.count_ones()).map(|s| extract(s, local_own)).collect();
        for update in (0..n_updates - 1).rev() {
            let later: Vec<Vec<f64>> =
                now.iter().map(|it| self.over_chance(it, all & !moving)).collect();
            now = vec![vec![0.0; n_states]; automaton.n_states(update)];
            for row in 0..n_states {
                on.clear();
                on.extend(columns.iter().map(|it| it[row]));
                product_repertoire(&on, n_moving, &mut next);
                for (at, of_state) in now.iter_mut().enumerate() {
                    let of_next = next.iter().zip(&letters).enumerate();
                    let of_next = of_next.map(|(s, (p, &letter))| {
                        (*p, later[automaton.next(update, at as u32, letter) as usize][s])
                    });
                    let off = || of_next.clone().map(|(p, on)| p * (1.0 - on)).sum();
                    of_state[row] = certain(of_next.clone().map(|(p, on)| p * on).sum(), off);
                }
                steps(next.len() * now.len());
                if stop.is_due() {
                    return None;
                }
            }
        }
        now.pop()
    }

    /// A function of the state of the network, averaged over units that are chance: by the state of
    /// the others.
    fn over_chance(&self, by_state: &[f64], chance: u32) -> Vec<f64> {
        let mut left = by_state.to_vec();
        steps(2 * left.len());
        for unit in bits(chance).collect::<Vec<_>>().into_iter().rev() {
            let p = self.means[unit];
            let mut next = Vec::with_capacity(left.len() / 2);
            for block in left.chunks_exact(2 << unit) {
                let (off, on) = block.split_at(1 << unit);
                let mean = |(&off, &on): (&f64, &f64)| match off == on {
                    true => on,
                    false => (1.0 - p) * off + p * on,
                };
                next.extend(off.iter().zip(on).map(mean));
            }
            left = next;
        }
        left
    }

    /// The chain of a unit in a system, made when it is first asked for.
    fn chain_in(&self, number: usize, units: &[&Prepared], stop: &Stop) -> Option<Arc<[f64]>> {
        let it = units[number];
        let owner = |it: &&Prepared| {
            let apportioned = it.unit.apportioned();
            (!apportioned.is_empty()).then(|| (it.unit.micro_units(), apportioned))
        };
        let owners: Vec<(UnitSet, UnitSet)> = units.iter().filter_map(owner).collect();
        let is_alone = owners.iter().all(|(units, _)| *units == it.unit.micro_units());
        if is_alone && let Some(found) = it.alone.get() {
            return Some(Arc::clone(found));
        }
        let found: Arc<[f64]> = self.chain(&it.unit, &owners, stop)?.into();
        match is_alone {
            true => Some(Arc::clone(it.alone.get_or_init(|| found))),
            false => Some(found),
        }
    }

    /// The system that units make, which fit each other. `None` if it was stopped.
    ///
    /// # Errors
    /// If a state that the causes are of, or the present state of the units, is unreachable.
    pub(super) fn system(&self, units: &[&Prepared], stop: &Stop) -> Result<Option<Made>> {
        let members = units.iter().fold(UnitSet::EMPTY, |all, it| all.union(it.unit.micro_units()));
        let background = self.network.units().difference(members).bits();
        let now = self.present() & background;
        // The micro states of the system, those of the first unit varying fastest.
        let mut rows: Vec<u32> = vec![0];
        for it in units {
            let micro = it.unit.micro_units().bits();
            let of_unit = 0..it.unit.automaton().n_letters() as u32;
            rows = of_unit
                .map(|letter| deposit(letter, micro))
                .flat_map(|high| rows.iter().map(move |low| low | high).collect::<Vec<_>>())
                .collect();
        }
        let mut pasts: Vec<Option<Vec<(u32, f64)>>> = vec![None; self.windows.len()];
        let n_macro = 1usize << units.len();
        let mut causes = Vec::with_capacity(units.len());
        let mut effects = vec![vec![0.0; units.len()]; n_macro];
        for (number, it) in units.iter().enumerate() {
            let Some(chain) = self.chain_in(number, units, stop) else { return Ok(None) };
            let window = it.unit.automaton().n_updates() - 1;
            let past = match &mut pasts[window] {
                Some(past) => past,
                empty => {
                    let substrate = self.windows[window].as_ref().map_err(Error::clone)?;
                    steps(self.network.tpm().n_states());
                    empty.insert(substrate.past_of_background(members))
                }
            };
            let as_now = |row: u32| {
                let on = chain[row as usize];
                if it.is_on { on } else { 1.0 - on }
            };
            let cause = |s: &u32| past.iter().map(|&(w, weight)| weight * as_now(s + w)).sum();
            let of_causes: Vec<f64> = rows.iter().map(cause).collect();
            steps(rows.len() * past.len());
            if stop.is_due() {
                return Ok(None);
            }
            causes.push(over_micro_states(of_causes, units));
            let on: Vec<f64> = rows.iter().map(|s| chain[(s | now) as usize]).collect();
            let off = || over_micro_states(on.iter().map(|p| 1.0 - p).collect(), units);
            let of_effects = over_micro_states(on.clone(), units);
            let off = if of_effects.iter().any(is_nearly_certain) { off() } else { Vec::new() };
            for (s, (row, on)) in effects.iter_mut().zip(of_effects).enumerate() {
                row[number] = within_one(certain(on, || off[s]));
            }
        }
        for causes in &mut causes {
            causes.iter_mut().for_each(|p| *p = within_one(*p));
        }
        let network =
            Network::from_state_by_node(&effects, &vec![vec![1; units.len()]; units.len()])?;
        let values: Vec<u8> = units.iter().map(|it| u8::from(it.is_on)).collect();
        let system = System::with_causes(network, State::new(&values)?, causes.clone());
        Ok(Some((system.map_err(|it| it.at("units"))?, causes)))
    }

    /// The same with all that there is to say of it.
    ///
    /// # Errors
    /// None: its causes are probabilities.
    pub(super) fn described(&self, units: &[&Prepared], made: Made) -> Result<IntrinsicSystem> {
        let (system, causes) = made;
        let on = |s: usize| {
            let of_unit = |(it, causes): (&&Prepared, &Vec<f64>)| match it.is_on {
                true => causes[s],
                false => 1.0 - causes[s],
            };
            units.iter().zip(&causes).map(of_unit).collect()
        };
        let rows: Vec<Vec<f64>> = (0..1usize << units.len()).map(on).collect();
        Ok(IntrinsicSystem {
            network: Arc::clone(&self.network),
            history: self.history.clone(),
            units: units.iter().map(|it| it.unit.clone()).collect(),
            system,
            cause: Tpm::from_state_by_node(&rows)?,
        })
    }
}

/// A sum of probabilities that comes to 1, but perhaps for rounding.
fn is_nearly_certain(on: &f64) -> bool {
    *on > 1.0 - 1e-9
}

/// P(ON), exactly 1 where P(OFF) is 0: rounding makes nothing possible.
fn certain(on: f64, off: impl FnOnce() -> f64) -> f64 {
    if is_nearly_certain(&on) && off() == 0.0 { 1.0 } else { on }
}

/// Sums of probabilities may be above 1 by rounding.
fn within_one(p: f64) -> f64 {
    p.clamp(0.0, 1.0)
}

/// A function of the micro states of units, the first unit's varying fastest, averaged over those
/// that are the same state of all units.
fn over_micro_states(mut by_state: Vec<f64>, units: &[&Prepared]) -> Vec<f64> {
    let mut below = by_state.len();
    for it in units.iter().rev() {
        let n_letters = it.unit.automaton().n_letters();
        below /= n_letters;
        let mut next = Vec::with_capacity(by_state.len() / n_letters * 2);
        for block in by_state.chunks_exact(below * n_letters) {
            for weights in &it.last {
                let at = next.len();
                next.resize(at + below, 0.0);
                let sums = &mut next[at..];
                for (of_letter, weight) in block.chunks_exact(below).zip(weights) {
                    sums.iter_mut().zip(of_letter).for_each(|(sum, p)| *sum += weight * p);
                }
            }
        }
        steps(by_state.len() * 2);
        by_state = next;
    }
    by_state
}
