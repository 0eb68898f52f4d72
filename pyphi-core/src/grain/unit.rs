//! Intrinsic units of IIT 4.0: some constituents over some updates, taken for one unit that is ON
//! or OFF.

use std::sync::Arc;

use super::automaton::{Automaton, table};
use super::intrinsic_system::IntrinsicSystem;
use crate::error::{Error, ErrorKind, Result};
use crate::unit_set::UnitSet;

/// The rule by which the constituents make a unit ON.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Mapping {
    /// ON if as many of them are ON as one of these numbers says. Of one update.
    Coarse(Vec<usize>),
    /// ON if all these, counted from 0 in the order of the constituents, are ON at the last update,
    /// whatever the others do.
    BlackBox(Vec<usize>),
    /// By a table. Its index has a bit for each constituent, the first one lowest, of the oldest
    /// update; above them those of the next one.
    Table(Vec<bool>),
}

/// A constituent of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// A unit of the network.
    Micro(usize),
    /// A unit of units.
    Unit(Box<IntrinsicUnit>),
}

/// A unit of IIT 4.0 made of others (Marshall, Findlay, Albantakis, Tononi 2024).
///
/// ```
/// use pyphi_core::UnitSet;
/// use pyphi_core::grain::{IntrinsicUnit, Mapping, Part};
///
/// // ON if both of two units are; and what is ON if that was so at the first of two such updates.
/// let parts = [0, 1].map(Part::Micro).to_vec();
/// let both = IntrinsicUnit::new(parts, 1, Mapping::Coarse(vec![2]), UnitSet::EMPTY)?;
/// assert_eq!(both.table(), [false, false, false, true]);
/// let first = Mapping::Table(vec![false, true, false, true]);
/// let nested = IntrinsicUnit::new(vec![both.into()], 2, first, UnitSet::EMPTY)?;
/// assert_eq!((nested.micro_units().to_string(), nested.micro_grain()), ("{0,1}".to_owned(), 2));
/// # Ok::<(), pyphi_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IntrinsicUnit {
    parts: Vec<Part>,
    grain: u32,
    mapping: Mapping,
    apportioned: UnitSet,
    micro_units: UnitSet,
    automaton: Arc<Automaton>,
}

fn wrong<T>(message: String) -> Result<T> {
    Err(ErrorKind::Grain(message).into())
}

impl From<IntrinsicUnit> for Part {
    fn from(unit: IntrinsicUnit) -> Part {
        match unit.as_micro() {
            Some(micro) => Part::Micro(micro),
            None => Part::Unit(Box::new(unit)),
        }
    }
}

impl Part {
    /// It as a unit of its own.
    pub fn unit(&self) -> IntrinsicUnit {
        match self {
            Part::Micro(unit) => IntrinsicUnit::micro(*unit),
            Part::Unit(it) => (**it).clone(),
        }
    }

    /// The micro units of it.
    pub fn micro_units(&self) -> UnitSet {
        match self {
            Part::Micro(unit) => UnitSet::from_iter([*unit]),
            Part::Unit(it) => it.micro_units(),
        }
    }

    /// The number of micro updates that it takes.
    pub fn micro_grain(&self) -> u32 {
        match self {
            Part::Micro(_) => 1,
            Part::Unit(it) => it.micro_grain(),
        }
    }

    /// The background that is apportioned to it.
    pub fn apportioned(&self) -> UnitSet {
        match self {
            Part::Micro(_) => UnitSet::EMPTY,
            Part::Unit(it) => it.apportioned(),
        }
    }
}

impl IntrinsicUnit {
    /// The most bits of the index of a table: constituents times updates.
    pub const MAX_INDEX_BITS: usize = 16;

    /// The most micro updates of a unit.
    pub const MAX_MICRO_GRAIN: u32 = 64;

    /// Some constituents over `grain` of their own updates. `apportioned` is background that counts
    /// as the unit's own.
    ///
    /// # Errors
    /// If there is no constituent, two have a micro unit in common or take different numbers of
    /// updates, there are more than [`IntrinsicSystem::MAX_MICRO_UNITS`] micro units or too many
    /// updates, the mapping does not fit or is the same for all states, or the apportioned units
    /// are its own or not all that is apportioned to its constituents.
    pub fn new(
        parts: Vec<Part>,
        grain: u32,
        mapping: Mapping,
        apportioned: UnitSet,
    ) -> Result<IntrinsicUnit> {
        let Some(first) = parts.first() else {
            return wrong("parts: none, expected one at least".to_owned());
        };
        let mut micro_units = UnitSet::EMPTY;
        for part in &parts {
            if let Part::Micro(unit) = part
                && *unit >= UnitSet::MAX_UNITS
            {
                return wrong(format!("parts: unit {unit}, expected one below 32"));
            }
            let common = part.micro_units().intersection(micro_units);
            if !common.is_empty() {
                return wrong(format!("parts: {common} is in several, expected it in one"));
            }
            micro_units = micro_units.union(part.micro_units());
            let (found, expected) = (part.micro_grain(), first.micro_grain());
            if found != expected {
                return wrong(format!(
                    "parts: {} takes {found} micro updates, expected {expected} as the first",
                    part.micro_units()
                ));
            }
            let missing = part.apportioned().difference(apportioned);
            if !missing.is_empty() {
                return wrong(format!(
                    "apportioned: {missing} is apportioned to a part, expected it here too"
                ));
            }
        }
        let overlap = micro_units.intersection(apportioned);
        if !overlap.is_empty() {
            return wrong(format!("apportioned: {overlap} is in the parts, expected others"));
        }
        let (found, most) = (micro_units.len(), IntrinsicSystem::MAX_MICRO_UNITS);
        if found > most {
            return wrong(format!(
                "parts: {found} micro units, expected at most {most}, as many as a network may have"
            ));
        }
        IntrinsicUnit::check_size(parts.len(), grain)?;
        let micro_grain = u64::from(grain) * u64::from(first.micro_grain());
        if micro_grain > u64::from(IntrinsicUnit::MAX_MICRO_GRAIN) {
            return wrong(format!(
                "grain: {micro_grain} micro updates, expected at most {}",
                IntrinsicUnit::MAX_MICRO_GRAIN
            ));
        }
        mapping.check(parts.len(), grain)?;
        let table = table(&mapping, parts.len(), grain as usize);
        if table.iter().all(|it| *it == table[0]) {
            let value = if table[0] { "ON" } else { "OFF" };
            return wrong(format!("mapping: always {value}, expected both ON and OFF"));
        }
        let automaton = match (&parts[..], &table[..]) {
            ([Part::Micro(unit)], [false, true]) => Automaton::micro(*unit),
            _ => {
                let micro: Vec<Automaton> = micro_units.iter().map(Automaton::micro).collect();
                let of = |part: &'_ Part| match part {
                    Part::Micro(unit) => Err(micro_units.iter().position(|it| it == *unit)),
                    Part::Unit(it) => Ok(Arc::clone(&it.automaton)),
                };
                let units: Vec<_> = parts.iter().map(of).collect();
                let of_parts: Vec<&Automaton> = units
                    .iter()
                    .map(|it| match it {
                        Ok(automaton) => &**automaton,
                        Err(position) => &micro[position.expect("one of the micro units")],
                    })
                    .collect();
                Automaton::new(&of_parts, grain as usize, &table)?
            }
        };
        let automaton = Arc::new(automaton);
        Ok(IntrinsicUnit { parts, grain, mapping, apportioned, micro_units, automaton })
    }

    /// # Errors
    /// If there are no updates, or the index of so many parts over so many of them has too many
    /// bits.
    pub(crate) fn check_size(n_parts: usize, grain: u32) -> Result<()> {
        let n_bits = (n_parts as u64).saturating_mul(u64::from(grain));
        let most = IntrinsicUnit::MAX_INDEX_BITS;
        match grain > 0 && n_bits <= most as u64 {
            true => Ok(()),
            false => wrong(format!(
                "grain: {grain} with {n_parts} parts, expected 1 or more, and at most {most} for \
                 all parts"
            )),
        }
    }

    /// A unit of the network as it is.
    ///
    /// # Panics
    /// If it is none of 32.
    pub fn micro(unit: usize) -> IntrinsicUnit {
        let mapping = Mapping::Table(vec![false, true]);
        let parts = vec![Part::Micro(unit)];
        IntrinsicUnit::new(parts, 1, mapping, UnitSet::EMPTY).expect("a unit of the network")
    }

    /// The unit of the network that it is, if it is one, with nothing apportioned to it.
    pub fn as_micro(&self) -> Option<usize> {
        match self.parts[..] {
            [Part::Micro(unit)]
                if self.grain == 1 && self.apportioned.is_empty() && self.table()[1] =>
            {
                Some(unit)
            }
            _ => None,
        }
    }

    /// Its direct constituents.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Its update grain: how many updates of its constituents are one of its own.
    pub fn grain(&self) -> u32 {
        self.grain
    }

    /// Its mapping, as it was given.
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Its mapping as a table; see [`Mapping::Table`].
    pub fn table(&self) -> Vec<bool> {
        table(&self.mapping, self.parts.len(), self.grain as usize)
    }

    /// Background that is apportioned to it.
    pub fn apportioned(&self) -> UnitSet {
        self.apportioned
    }

    /// The micro units that it is made of.
    pub fn micro_units(&self) -> UnitSet {
        self.micro_units
    }

    /// The number of micro updates in one of its own.
    pub fn micro_grain(&self) -> u32 {
        self.automaton.n_updates() as u32
    }

    /// The units that belong to it: its micro units and those apportioned to it.
    pub(super) fn own(&self) -> UnitSet {
        self.micro_units.union(self.apportioned)
    }

    /// Returns `true` if it has the same states as another one, which may have other names, however
    /// both are put together.
    pub(super) fn is_same_as(&self, other: &IntrinsicUnit) -> bool {
        self.apportioned == other.apportioned && self.automaton.is_same_as(&other.automaton)
    }

    pub(super) fn automaton(&self) -> &Automaton {
        &self.automaton
    }
}

impl Mapping {
    fn check(&self, n_parts: usize, grain: u32) -> Result<()> {
        match self {
            Mapping::Coarse(_) if grain != 1 => {
                wrong(format!("mapping: coarse with grain {grain}, expected grain 1"))
            }
            Mapping::Coarse(on) => match on.iter().find(|&&it| it > n_parts) {
                Some(count) => wrong(format!(
                    "mapping: coarse: {count} of {n_parts} parts ON, expected at most {n_parts}"
                )),
                None => Ok(()),
            },
            Mapping::BlackBox(outputs) => match outputs.iter().find(|&&it| it >= n_parts) {
                Some(output) => wrong(format!(
                    "mapping: blackbox: output {output}, expected positions of parts, below \
                     {n_parts}"
                )),
                None => Ok(()),
            },
            Mapping::Table(table) => {
                let expected = 1usize << (n_parts * grain as usize);
                match table.len() == expected {
                    true => Ok(()),
                    false => wrong(format!(
                        "mapping: table of {} entries, expected {expected}",
                        table.len()
                    )),
                }
            }
        }
    }
}

/// Places an error in a unit of a list.
pub(super) fn of_unit(number: usize) -> impl Fn(Error) -> Error {
    move |error| error.at(format!("units[{number}]"))
}
