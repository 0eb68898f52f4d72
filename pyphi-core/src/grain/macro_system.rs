//! Grains, and what a network is on one of them.
//!
//! From micro to macro, in this order (the order matters):
//! 1. the background is as it is now; severed connections are averaged over;
//! 2. no unit sees hidden units of other boxes;
//! 3. several updates are one; what happens in boxes after the first one is not influenced by the
//!    outputs of other boxes;
//! 4. only the outputs are left; hidden units are averaged over;
//! 5. groups are left, of which it is counted how many units are ON.

use crate::error::{Error, ErrorKind, Result};
use crate::iit4::check_connections;
use crate::limits::{Options, Stop, StopReason, steps};
use crate::network::Network;
use crate::partition::Cut;
use crate::repertoire::product_repertoire;
use crate::state::State;
use crate::subsystem::Subsystem;
use crate::tpm::Tpm;
use crate::unit_set::{UnitSet, bits, deposit, extract};

/// The distance that a macro TPM may have from the product of its units' probabilities.
const DEPENDS: f64 = 1e-8;

/// A way to look at some units of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grain {
    /// The micro units of the system; the others are the background, as they are.
    pub units: UnitSet,
    /// The number of updates in one step. More than one needs a black boxing. [default: 1]
    pub time_scale: u32,
    /// Boxes with outputs. [default: none]
    pub boxes: Option<BlackBoxing>,
    /// Groups of units, or of the outputs of boxes. [default: none]
    pub groups: Option<CoarseGraining>,
}

/// Units in boxes, of which only the outputs are seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlackBoxing {
    /// The boxes: each unit of the system is in one.
    pub boxes: Vec<UnitSet>,
    /// The outputs: one at least in each box; several need to be in one group.
    pub outputs: UnitSet,
}

/// Units in groups, each of which is a macro unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoarseGraining {
    /// The groups: each unit of the system, or each output of its boxes, is in one.
    pub groups: Vec<Group>,
}

/// Units of which it only counts how many are ON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// The units.
    pub units: UnitSet,
    /// Bit k: the macro unit is OFF if k units are ON.
    off: u64,
}

impl Group {
    /// The macro unit is OFF if as many units are ON as one of `off` says. Numbers from 63 on,
    /// which no group has, are taken for 63.
    pub fn new(units: UnitSet, off: &[usize]) -> Group {
        let bit = |&count: &usize| 1u64 << count.min(63);
        Group { units, off: off.iter().map(bit).fold(0, |all, it| all | it) }
    }

    /// The numbers of ON units at which the macro unit is OFF.
    pub fn off(self) -> Vec<usize> {
        (0..64).filter(|&count| self.off >> count & 1 == 1).collect()
    }

    fn is_on(self, n_on: u32) -> bool {
        self.off >> n_on & 1 == 0
    }

    /// Returns `true` if it can be both ON and OFF, and no count is impossible.
    fn is_valid(self) -> bool {
        let all = (2u64 << self.units.len()) - 1;
        !self.units.is_empty() && self.off != 0 && self.off & !all == 0 && self.off != all
    }
}

impl Grain {
    /// The grain of the units as they are.
    pub fn micro(units: UnitSet) -> Grain {
        Grain { units, time_scale: 1, boxes: None, groups: None }
    }

    fn check(&self) -> Result<()> {
        let wrong = |message: String| Err(Error::from(ErrorKind::Grain(message)));
        let parts = |parts: &[UnitSet], of: UnitSet, name: &str| {
            let mut seen = UnitSet::EMPTY;
            for &part in parts {
                if part.is_empty() || !part.intersection(seen).is_empty() || !part.is_subset(of) {
                    return wrong(format!("{name}: {part}, expected the units {of}, each in one"));
                }
                seen = seen.union(part);
            }
            if seen == of {
                return Ok(());
            }
            wrong(format!("{name}: {} are in none, expected each in one", of.difference(seen)))
        };
        if self.units.is_empty() {
            return wrong("nodes: no units, expected at least one".to_owned());
        }
        if self.time_scale == 0 || self.time_scale > 1 && self.boxes.is_none() {
            let found = self.time_scale;
            return wrong(format!("time scale {found}: expected 1, or more with boxes"));
        }
        let mut seen = self.units;
        if let Some(BlackBoxing { boxes, outputs }) = &self.boxes {
            parts(boxes, self.units, "boxes")?;
            if !outputs.is_subset(self.units) {
                return wrong(format!("outputs: {outputs}, expected units of {}", self.units));
            }
            if let Some(none) = boxes.iter().find(|it| it.intersection(*outputs).is_empty()) {
                return wrong(format!("outputs: none of the box {none}, expected one at least"));
            }
            seen = *outputs;
        }
        let outputs_of = |it: &UnitSet| it.intersection(seen);
        let boxes = self.boxes.iter().flat_map(|it| it.boxes.iter());
        match &self.groups {
            None => match boxes.map(outputs_of).find(|it| it.len() > 1) {
                None => Ok(()),
                Some(several) => wrong(format!(
                    "outputs: {several} of one box, expected one, or a group for them"
                )),
            },
            Some(CoarseGraining { groups }) => {
                let sets: Vec<UnitSet> = groups.iter().map(|it| it.units).collect();
                parts(&sets, seen, "groups")?;
                if let Some(it) = groups.iter().find(|it| !it.is_valid()) {
                    let (units, most) = (it.units, it.units.len());
                    return wrong(format!(
                        "groups: {units} is OFF if {:?} are ON, expected some of the numbers from \
                         0 to {most}, and not all",
                        it.off()
                    ));
                }
                let is_split = |it: &UnitSet| !sets.iter().any(|set| it.is_subset(*set));
                match boxes.map(outputs_of).find(is_split) {
                    None => Ok(()),
                    Some(split) => wrong(format!(
                        "groups: the outputs {split} of one box are in several, expected one group"
                    )),
                }
            }
        }
    }

    /// Returns `true` if its parts fit together.
    pub(super) fn is_valid(&self) -> bool {
        self.check().is_ok()
    }

    /// The units that are left before they are grouped.
    fn seen(&self) -> UnitSet {
        self.boxes.as_ref().map_or(self.units, |it| it.outputs)
    }

    /// The micro units of each macro unit, in the order of the macro units.
    pub fn micro_units(&self) -> Vec<UnitSet> {
        let all_of = |seen: UnitSet| match &self.boxes {
            None => seen,
            Some(it) => {
                let with = it.boxes.iter().filter(|it| !it.intersection(seen).is_empty());
                with.fold(UnitSet::EMPTY, |all, it| all.union(*it))
            }
        };
        match &self.groups {
            Some(it) => it.groups.iter().map(|it| all_of(it.units)).collect(),
            None => self.seen().iter().map(|it| all_of(UnitSet::from_iter([it]))).collect(),
        }
    }
}

/// A network in a state on a grain.
#[derive(Debug, Clone)]
pub struct MacroSystem {
    network: Network,
    state: State,
    grain: Grain,
    subsystem: Subsystem,
}

impl MacroSystem {
    /// Makes the macro system of the network in its state on this grain.
    ///
    /// # Errors
    /// If the grain does not fit the network, a unit depends on another without a connection, there
    /// are more than [`Subsystem::MAX_UNITS`] units, the macro units depend on each other given the
    /// past, or the state is unreachable on the macro level.
    pub fn new(network: &Network, state: State, grain: &Grain) -> Result<MacroSystem> {
        let system = MacroSystem::until(network, state, grain, &Stop::never())?;
        Ok(system.expect("nothing stops it"))
    }

    /// As [`MacroSystem::new`], which the limit on time and [`Options::cancel`] can stop: many
    /// updates of many units in one step take long. Other options are not looked at.
    ///
    /// # Errors
    /// As [`MacroSystem::new`]. Inside: the reason, if it was stopped.
    pub fn within(
        network: &Network,
        state: State,
        grain: &Grain,
        options: &Options,
    ) -> Result<std::result::Result<MacroSystem, StopReason>> {
        let stop = Stop::new(options);
        let system = MacroSystem::until(network, state, grain, &stop)?;
        Ok(system.ok_or_else(|| stop.why()))
    }

    /// `None` if it was stopped.
    pub(super) fn until(
        network: &Network,
        state: State,
        grain: &Grain,
        stop: &Stop,
    ) -> Result<Option<MacroSystem>> {
        network.check_part(state, grain.units)?;
        grain.check()?;
        check_connections(network)?;
        network.require_binary("a grain")?;
        check_size(grain.units)?;
        let of = |subsystem| MacroSystem {
            network: network.clone(),
            state,
            grain: grain.clone(),
            subsystem,
        };
        Ok(built(network, state, grain, None, stop)?.map(of))
    }

    /// The grain.
    pub fn grain(&self) -> &Grain {
        &self.grain
    }

    /// The TPM of the macro units.
    pub fn tpm(&self) -> &Tpm {
        self.subsystem.network().tpm()
    }

    /// The macro units as a subsystem: their connections, their state, their concepts.
    pub fn subsystem(&self) -> &Subsystem {
        &self.subsystem
    }

    /// The macro system under a cut of the micro units; `None` if it was stopped.
    pub(super) fn under(&self, cut: Cut, stop: &Stop) -> Result<Option<Subsystem>> {
        built(&self.network, self.state, &self.grain, Some(cut), stop)
    }
}

/// # Errors
/// If there are more units than a macro system can be made of.
pub(super) fn check_size(units: UnitSet) -> Result<()> {
    let (units, most_units) = (units.len(), Subsystem::MAX_UNITS);
    if units <= most_units {
        return Ok(());
    }
    let bytes = |n: usize| 1u128 << (2 * n + 4);
    let (needed_bytes, most_bytes) = (bytes(units), bytes(most_units));
    Err(ErrorKind::TooLarge { units, most_units, needed_bytes, most_bytes }.into())
}

/// By unit: P(ON) by the state of all.
type Columns = Vec<Vec<f64>>;

/// `None` if it was stopped.
fn built(
    network: &Network,
    state: State,
    grain: &Grain,
    cut: Option<Cut>,
    stop: &Stop,
) -> Result<Option<Subsystem>> {
    let members = grain.units.bits();
    let n = members.count_ones() as usize;
    let n_states = 1usize << n;
    steps((8 * n) << n);
    let now = state.row() as u32;
    let local = |units: UnitSet| extract(units.bits(), members);
    // The inputs that are left.
    let inputs: Vec<u32> = grain
        .units
        .iter()
        .map(|unit| {
            let severed = match cut {
                Some(cut) if cut.severed_to.contains(unit) => cut.severed_from,
                _ => UnitSet::EMPTY,
            };
            local(network.inputs(unit).intersection(grain.units).difference(severed))
        })
        .collect();
    let all = UnitSet::all(n).bits();
    let mut columns: Columns = grain
        .units
        .iter()
        .zip(&inputs)
        .map(|(unit, inputs)| {
            let row = |s: usize| (deposit(s as u32, members) | now & !members) as usize;
            let mut column: Vec<f64> =
                (0..n_states).map(|s| network.tpm().row(row(s))[unit]).collect();
            average(&mut column, all & !inputs);
            column
        })
        .collect();
    let mut seen = all;
    let mut cm: Vec<Vec<u8>> = connections(n, |from, to| inputs[to] >> from & 1 == 1);
    let mut is_now = extract(now, members);
    if let Some(BlackBoxing { boxes, outputs }) = &grain.boxes {
        let outputs = local(*outputs);
        let boxes: Vec<u32> = boxes.iter().map(|&it| local(it)).collect();
        let box_of = |unit: usize| {
            boxes.iter().copied().find(|it| it >> unit & 1 == 1).expect("each unit is in a box")
        };
        for (unit, column) in columns.iter_mut().enumerate() {
            average(column, all & !outputs & !box_of(unit));
        }
        if grain.time_scale > 1 {
            let mut later = columns.clone();
            for (unit, column) in later.iter_mut().enumerate() {
                average(column, outputs & !box_of(unit));
            }
            let (mut all_steps, one) = (state_by_state(&columns), state_by_state(&later));
            for _ in 1..grain.time_scale {
                let Some(more) = product(&all_steps, &one, stop) else { return Ok(None) };
                all_steps = more;
            }
            columns = marginals(&all_steps, n);
        }
        seen = outputs;
        let units: Vec<usize> = bits(outputs).collect();
        columns = units
            .iter()
            .map(|&unit| {
                let mut column = std::mem::take(&mut columns[unit]);
                average(&mut column, all & !outputs);
                let states = 0..1u32 << units.len();
                states.map(|s| column[deposit(s, outputs) as usize]).collect()
            })
            .collect();
        cm = connections(units.len(), |from, to| {
            bits(box_of(units[to])).any(|unit| inputs[unit] >> units[from] & 1 == 1)
        });
        is_now = extract(is_now, outputs);
    }
    if let Some(CoarseGraining { groups }) = &grain.groups {
        let within = deposit(seen, members);
        let groups: Vec<(u32, Group)> =
            groups.iter().map(|it| (extract(it.units.bits(), within), *it)).collect();
        let macro_state = |s: u32| {
            let on = groups.iter().enumerate().map(|(unit, (units, group))| {
                u32::from(group.is_on((s & units).count_ones())) << unit
            });
            on.fold(0, |all, bit| all | bit)
        };
        columns = grouped(&columns, groups.len(), macro_state, cut.is_none())?;
        cm = vec![vec![1; groups.len()]; groups.len()];
        is_now = macro_state(is_now);
    }
    let n = columns.len();
    let rows: Vec<Vec<f64>> = (0..1usize << n)
        .map(|s| columns.iter().map(|it| it[s].clamp(0.0, 1.0)).collect())
        .collect();
    let network = Network::from_state_by_node(&rows, &cm)?;
    let values: Vec<u8> = (0..n).map(|unit| (is_now >> unit & 1) as u8).collect();
    Subsystem::new(&network, State::new(&values)?, network.units()).map(Some)
}

fn connections(n: usize, connects: impl Fn(usize, usize) -> bool) -> Vec<Vec<u8>> {
    (0..n).map(|from| (0..n).map(|to| u8::from(connects(from, to))).collect()).collect()
}

/// Averages over these units.
pub(super) fn average(column: &mut [f64], over: u32) {
    for unit in bits(over) {
        for off in (0..column.len()).filter(|s| s >> unit & 1 == 0) {
            let mean = f64::midpoint(column[off], column[off | 1 << unit]);
            (column[off], column[off | 1 << unit]) = (mean, mean);
        }
    }
}

/// The distribution over the next states, by the state before.
fn state_by_state(columns: &Columns) -> Vec<Vec<f64>> {
    let n_states = columns.first().map_or(1, Vec::len);
    (0..n_states)
        .map(|s| {
            let on: Vec<f64> = columns.iter().map(|it| it[s]).collect();
            let mut row = Vec::new();
            product_repertoire(&on, UnitSet::all(on.len()).bits(), &mut row);
            steps(row.len());
            row
        })
        .collect()
}

/// One step after another; `None` if it was stopped.
fn product(first: &[Vec<f64>], then: &[Vec<f64>], stop: &Stop) -> Option<Vec<Vec<f64>>> {
    let row = |of_first: &Vec<f64>| {
        let mut row = vec![0.0; then.len()];
        for (p, of_then) in of_first.iter().zip(then).filter(|(p, _)| **p > 0.0) {
            steps(row.len());
            row.iter_mut().zip(of_then).for_each(|(sum, q)| *sum += p * q);
        }
        (!stop.is_due()).then_some(row)
    };
    first.iter().map(row).collect()
}

/// P(ON) of each of `n` units.
fn marginals(rows: &[Vec<f64>], n: usize) -> Columns {
    let on = |unit: usize, row: &Vec<f64>| -> f64 {
        row.iter().enumerate().filter(|(s, _)| s >> unit & 1 == 1).map(|(_, p)| p).sum()
    };
    (0..n).map(|unit| rows.iter().map(|row| on(unit, row)).collect()).collect()
}

/// The columns of macro units, each state of which stands for several.
///
/// # Errors
/// If they depend on each other given the past, and that `must_be_independent`.
fn grouped(
    columns: &Columns,
    n_macro: usize,
    macro_state: impl Fn(u32) -> u32,
    must_be_independent: bool,
) -> Result<Columns> {
    let rows = state_by_state(columns);
    let n_states = 1usize << n_macro;
    let mut sums = vec![vec![0.0; n_states]; n_states];
    let mut counts = vec![0.0; n_states];
    let macro_states: Vec<usize> =
        (0..rows.len()).map(|s| macro_state(s as u32) as usize).collect();
    for (row, &from) in rows.iter().zip(&macro_states) {
        counts[from] += 1.0;
        for (p, &to) in row.iter().zip(&macro_states) {
            sums[from][to] += p;
        }
    }
    for (row, count) in sums.iter_mut().zip(counts) {
        row.iter_mut().for_each(|p| *p /= count);
    }
    let on = marginals(&sums, n_macro);
    if must_be_independent {
        let mut product = Vec::new();
        for (row, found) in sums.iter().enumerate() {
            let of_row: Vec<f64> = on.iter().map(|it| it[row]).collect();
            product_repertoire(&of_row, UnitSet::all(n_macro).bits(), &mut product);
            for (column, (&found, &expected)) in found.iter().zip(&product).enumerate() {
                if (found - expected).abs() > DEPENDS {
                    let kind = ErrorKind::ConditionallyDependent { row, column, found, expected };
                    return Err(Error::from(kind).at("macro units"));
                }
            }
        }
    }
    Ok(on)
}
