//! Intrinsic information, and the states it specifies.
//!
//! Of one mechanism in its state over one purview: for every state z of the purview selectivity
//! times informativeness, `R(z) · log2(F(z) / G)`, where F is the forward probability, R the
//! repertoire (selectivity) and G the forward probability with the mechanism unconstrained or
//! partitioned (Albantakis et al. 2023). The state with the largest value is the one that the
//! mechanism specifies.
//!
//! States are numbers among those of the purview, its first unit varying fastest: with two values a
//! unit, bit k is the k-th unit of the purview. Nothing here knows of partitions.

use std::fmt;

use rayon::prelude::*;

use super::system::{Causes, System};
use crate::limits::{Stop, steps};
use crate::repertoire::Direction;
use crate::unit_set::{UnitSet, bits};
use crate::wide::{Wide, to_common_scale};

/// Two values this close are tied: absolutely below 1, relatively above.
pub const TIE_TOLERANCE: f64 = 1e-12;

/// Values of at most this are 0.
pub const ZERO_TOLERANCE: f64 = 1e-13;

/// Of a state that is selected with at most this probability no φ is more than [`ZERO_TOLERANCE`]:
/// of no unit can a partition take more than some twenty thousand bits.
pub(crate) const NEGLIGIBLE_SELECTIVITY: f64 = 1e-19;

/// The unconstrained effects of so many states take more than a moment.
const LONG_FROM: usize = 1 << 13;

/// Forward probabilities of at most this, of effects or beside the largest one of causes, are as
/// good as 0.
const NEGLIGIBLE: f64 = 1e-290;

/// Returns `true` if two values are tied.
#[inline]
pub(crate) fn is_tied(a: f64, b: f64) -> bool {
    (a - b).abs() <= TIE_TOLERANCE * a.abs().max(b.abs()).max(1.0)
}

/// A state of some units, which a mechanism or a system specifies. Displays as `{0,2}=(1,0)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpecifiedState {
    /// The units, in the numbering of the network.
    pub purview: UnitSet,
    /// Those that are ON: whose value is not 0.
    pub on: UnitSet,
    /// The values of the units of the purview, lowest unit first, and zeros.
    values: [u8; System::MAX_UNITS],
}

impl SpecifiedState {
    /// The state in which the units of a purview, lowest unit first, have these values. `None` if
    /// there is not one value for each, or there are more units than a system can have.
    pub fn new(purview: UnitSet, of_units: &[u8]) -> Option<SpecifiedState> {
        let mut values = [0; System::MAX_UNITS];
        if of_units.len() != purview.len() {
            return None;
        }
        values.get_mut(..of_units.len())?.copy_from_slice(of_units);
        let on = purview.iter().zip(of_units).filter(|it| *it.1 != 0).map(|it| it.0).collect();
        Some(SpecifiedState { purview, on, values })
    }

    /// The value of each unit of the purview, lowest unit first: of binary units 0 or 1.
    pub fn values(self) -> Vec<u8> {
        self.values[..self.purview.len()].to_vec()
    }

    /// The units of the purview, each with its value.
    pub fn elements(self) -> impl Iterator<Item = (usize, u8)> {
        self.purview.iter().zip(self.values)
    }

    /// Returns `true` if this is the state that `whole` gives the same units.
    pub fn is_congruent(self, whole: SpecifiedState) -> bool {
        let all: Vec<(usize, u8)> = whole.elements().collect();
        self.elements().all(|it| all.contains(&it))
    }
}

impl fmt::Display for SpecifiedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<String> = self.values().iter().map(u8::to_string).collect();
        write!(f, "{}=({})", self.purview, values.join(","))
    }
}

/// Intrinsic information of a mechanism over a purview, in bits, and all states that attain it.
#[derive(Debug, Clone, PartialEq)]
pub struct IntrinsicInformation {
    /// The largest value over the states of the purview.
    pub value: f64,
    /// The states that attain it, the first unit varying fastest. Never empty.
    pub states: Vec<SpecifiedState>,
}

impl System {
    /// Intrinsic cause or effect information of `mechanism` over `purview` (units of the network).
    ///
    /// ```
    /// use pyphi_core::{Direction, UnitSet, fixtures, iit4::System};
    ///
    /// // Albantakis et al. 2023, Fig. 1: A and B with C as background.
    /// let figure = fixtures::iit4_figure_1_ab();
    /// let system = System::new(&figure)?;
    /// let cause = system.intrinsic_information(Direction::Cause, system.units(), system.units());
    /// assert_eq!(format!("{:.6}", cause.value), "0.843228");
    /// assert_eq!(cause.states[0].to_string(), "{0,1}=(1,0)");
    /// # Ok::<(), pyphi_core::Error>(())
    /// ```
    ///
    /// # Panics
    /// If a unit is not in the system.
    pub fn intrinsic_information(
        &self,
        direction: Direction,
        mechanism: UnitSet,
        purview: UnitSet,
    ) -> IntrinsicInformation {
        let (m, p) = (self.local(mechanism), self.local(purview));
        let mut information = Information::default();
        match direction {
            Direction::Cause => information.cause(self, m, p),
            Direction::Effect => {
                let mut unconstrained = Vec::new();
                self.unconstrained_effects(m, p, &mut unconstrained);
                information.effect_from(self, m, p, unconstrained.into_iter());
            }
        }
        IntrinsicInformation {
            value: information.value,
            states: information.states.iter().map(|&z| self.specified(p, z)).collect(),
        }
    }

    /// The state with index z of a purview in the numbering of the system, for the outside.
    pub(crate) fn specified(&self, purview: u32, z: u32) -> SpecifiedState {
        let state = self.alphabet.whole(z, purview);
        let (mut values, mut on) = ([0; System::MAX_UNITS], 0);
        for (place, unit) in values.iter_mut().zip(bits(purview)) {
            let value = self.alphabet.value(state, unit);
            *place = value as u8;
            on |= u32::from(value != 0) << unit;
        }
        SpecifiedState { purview: self.to_network(purview), on: self.to_network(on), values }
    }

    /// The number of a state of all units of the system, from the outside.
    pub(crate) fn number_of(&self, state: SpecifiedState) -> u32 {
        self.alphabet.row(&state.values()) as u32
    }

    /// `U_e(z)`: the mean over all states m' of the mechanism of `prod_p q_e(p = z_p | M = m')`.
    pub(crate) fn unconstrained_effects(&self, mechanism: u32, purview: u32, sums: &mut Vec<f64>) {
        sums.clear();
        sums.resize(self.alphabet.n_states_of(purview), 0.0);
        let mut product = Vec::new();
        for m in self.alphabet.states_of(mechanism) {
            self.effects(mechanism, m, purview, &mut product);
            sums.iter_mut().zip(&product).for_each(|(sum, p)| *sum += p);
        }
        let n_states = self.alphabet.n_states_of(mechanism) as f64;
        sums.iter_mut().for_each(|sum| *sum /= n_states);
    }

    /// The same of all units over all units; `None` if that takes long and was stopped.
    ///
    /// Every state adds what it adds there, in the same order: the bits are the same.
    pub(crate) fn unconstrained_effects_of_all(&self, stop: &Stop) -> Option<Vec<f64>> {
        let all = self.all();
        if self.alphabet.n_states() >= LONG_FROM {
            return self.unconstrained_effects_in_shares(stop);
        }
        let mut sums = Vec::new();
        self.unconstrained_effects(all, all, &mut sums);
        Some(sums)
    }

    fn unconstrained_effects_in_shares(&self, stop: &Stop) -> Option<Vec<f64>> {
        let (n, all) = (self.n, self.all());
        let n_states = self.alphabet.n_states();
        // The states that the last units are in, on as many threads as there are.
        let mut first_high = n;
        while first_high > 0 && n_states / self.n_states_before(first_high) < 8 {
            first_high -= 1;
        }
        let low = UnitSet::all(first_high).bits();
        let n_low = self.n_states_before(first_high);
        let share = |high: usize| -> Option<Vec<f64>> {
            let mut sums = vec![0.0; n_low];
            let mut product = Vec::with_capacity(n_low);
            let values: Vec<(usize, u32)> = (first_high..n)
                .map(|unit| (unit, self.alphabet.value((high * n_low) as u32, unit)))
                .collect();
            for m in 0..n_states as u32 {
                if m % 1024 == 0 && stop.is_due() {
                    return None;
                }
                steps(3 * n_low);
                self.effects(all, m, low, &mut product);
                for &(unit, value) in &values {
                    let q = self.effect(unit, value, all, m);
                    product.iter_mut().for_each(|p| *p *= q);
                }
                sums.iter_mut().zip(&product).for_each(|(sum, p)| *sum += p);
            }
            Some(sums)
        };
        let shares: Option<Vec<Vec<f64>>> =
            (0..n_states / n_low).into_par_iter().map(share).collect();
        let mut sums = shares?.concat();
        sums.iter_mut().for_each(|sum| *sum /= n_states as f64);
        Some(sums)
    }

    /// The number of states of the first units.
    fn n_states_before(&self, unit: usize) -> usize {
        self.alphabet.n_states_of(UnitSet::all(unit).bits())
    }

    /// `prod_p q_e(p = z_p | M = m)` for every z.
    fn effects(&self, mechanism: u32, m: u32, purview: u32, product: &mut Vec<f64>) {
        steps(2 * self.alphabet.n_states_of(purview));
        product.clear();
        product.push(1.0);
        let (tables, at) = self.effects_at(mechanism, m);
        for p in bits(purview) {
            let first = tables[p][0][at];
            let so_far = product.len();
            for table in &tables[p][1..] {
                let q = table[at];
                for z in 0..so_far {
                    product.push(product[z] * q);
                }
            }
            product[..so_far].iter_mut().for_each(|it| *it *= first);
        }
    }
}

/// Intrinsic information over one purview: room to compute it in, and the result.
#[derive(Debug, Default)]
pub(crate) struct Information {
    /// Forward probabilities `F(z)`.
    pub(crate) forward: Vec<f64>,
    /// Sum of the forward probabilities: what turns `F_c` into the repertoire. 1 for effects.
    pub(crate) norm: f64,
    /// The largest value.
    pub(crate) value: f64,
    /// The states that attain it, in order.
    pub(crate) states: Vec<u32>,
    values: Vec<f64>,
    /// `F(z)` where floats could not hold it: `forward` is then in another unit. Otherwise empty.
    wide: Vec<Wide>,
}

/// -log2 of a probability, in bits; 0 if it is 0 or 1.
pub(crate) fn surprise(p: f64) -> f64 {
    if p > 0.0 && p < 1.0 { -p.log2() } else { 0.0 }
}

impl Information {
    /// Computes the information of a cause. `F_c(z) = prod_{j in M} q_c(j as it is | P = z)`.
    pub(crate) fn cause(&mut self, system: &System, mechanism: u32, purview: u32) {
        let is_all = purview == system.all();
        let causes = if is_all { &system.causes } else { &system.known().causes };
        let places = if is_all { None } else { system.known().places(purview) };
        let at = |z| if is_all { z as usize } else { system.known().index(purview, z) };
        match (causes, places) {
            (Causes::Floats(causes), Some(places)) => {
                let forward = |&at: &u32| bits(mechanism).map(|j| causes[j][at as usize]).product();
                self.cause_from(places.iter().map(forward));
            }
            (Causes::Floats(causes), None) => {
                let forward = |z| bits(mechanism).map(|j| causes[j][at(z)]).product();
                self.cause_from(system.alphabet.states_of(purview).map(forward));
            }
            (Causes::Wide(causes), _) => {
                let factors = |z| bits(mechanism).map(move |j| causes[j][at(z)]);
                let forward = |z| factors(z).fold(Wide::ONE, Wide::times);
                self.cause_from_wide(system.alphabet.states_of(purview).map(forward));
            }
        }
    }

    /// Computes the information of a cause, given `F_c`.
    pub(crate) fn cause_from(&mut self, forward: impl Iterator<Item = f64>) {
        self.wide.clear();
        self.forward.clear();
        self.forward.extend(forward);
        self.find_cause();
    }

    /// The same of numbers that floats may not hold. Only their ratios count.
    pub(crate) fn cause_from_wide(&mut self, forward: impl Iterator<Item = Wide>) {
        self.wide.clear();
        self.wide.extend(forward);
        to_common_scale(&self.wide, &mut self.forward);
        self.find_cause();
    }

    fn find_cause(&mut self) {
        self.norm = self.forward.iter().sum();
        let unconstrained = self.norm / self.forward.len() as f64;
        self.find(std::iter::repeat(unconstrained));
    }

    /// -log2 of the forward probability of a state, in bits; 0 if it is 0 or 1.
    pub(crate) fn surprise(&self, z: u32) -> f64 {
        match self.wide.get(z as usize) {
            Some(forward) if forward.is_zero() => 0.0,
            Some(forward) => forward.surprise(0),
            None => surprise(self.forward[z as usize]),
        }
    }

    /// The forward probability of a state.
    pub(crate) fn probability(&self, z: u32) -> f64 {
        match self.wide.get(z as usize) {
            Some(forward) if forward.is_zero() => 0.0,
            Some(forward) => (-forward.surprise(0)).exp2(),
            None => self.forward[z as usize],
        }
    }

    /// Computes the information of an effect, given `U_e` of the same mechanism and purview.
    pub(crate) fn effect_from(
        &mut self,
        system: &System,
        mechanism: u32,
        purview: u32,
        unconstrained: impl Iterator<Item = f64>,
    ) {
        self.wide.clear();
        system.effects(mechanism, system.present, purview, &mut self.forward);
        self.norm = 1.0;
        self.find(unconstrained);
    }

    /// The selectivity of a state; 0 if the mechanism is impossible whatever the purview.
    pub(crate) fn selectivity(&self, z: u32) -> f64 {
        if self.norm > 0.0 { self.forward[z as usize] / self.norm } else { 0.0 }
    }

    fn find(&mut self, unconstrained: impl Iterator<Item = f64>) {
        steps(4 * self.forward.len());
        self.values.clear();
        let norm = self.norm;
        self.values.extend(
            self.forward
                .iter()
                .zip(unconstrained)
                .map(|(&f, u)| if f > NEGLIGIBLE { f / norm * (f / u).log2() } else { 0.0 }),
        );
        self.value = self.values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        self.states.clear();
        for (z, &value) in self.values.iter().enumerate() {
            if is_tied(value, self.value) {
                self.states.push(z as u32);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn unconstrained_effects_in_shares_have_the_same_bits() {
        let system = System::new(&fixtures::generic_logistic(5, 1)).expect("a reachable state");
        let mut sums = Vec::new();
        system.unconstrained_effects(system.all(), system.all(), &mut sums);
        assert_eq!(system.unconstrained_effects_in_shares(&Stop::never()), Some(sums));
    }
}
