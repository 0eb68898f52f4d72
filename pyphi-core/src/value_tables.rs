//! Repertoires of the units of a subsystem where some have more than two values (IIT 3.0), and the
//! distances between them.
//!
//! As in `tables`, a cut changes none of it: it hides inputs. The ground distance between two
//! states is the number of units in which they differ; the values of a unit are names, all equally
//! far apart.
//!
//! Where binary units have a lane each, P(ON), units of any number of values have a lane for each
//! value: half of its probability. So distances of marginals are sums of differences of lanes here,
//! too: of one unit, half the L1 distance of its distributions.

use smallvec::SmallVec;

use crate::alphabet::Alphabet;
use crate::fixed::{Fixed, place_distribution, to_f64, to_fixed};
use crate::known::{KnownIndex, mean};
use crate::limits::{Stop, steps};
use crate::network::Network;
use crate::repertoire::Direction;
use crate::tables::{SAFE_SUM, SCALE, Wiring};
use crate::transport::{ColumnDemand, Total, Transport};
use crate::unit_set::{bits, extract};
use crate::wide::{Wide, to_common_scale};

/// A distribution on the grid.
fn placed(distribution: &[f64]) -> Vec<Fixed> {
    let mut placed = vec![0; distribution.len()];
    place_distribution(distribution, &mut placed);
    placed
}

/// The tables of a subsystem, units numbered inside it.
#[derive(Debug, Clone)]
pub(crate) struct ValueTables {
    pub(crate) alphabet: Alphabet,
    /// The present state.
    present: u32,
    index: KnownIndex,
    /// By unit: P(unit is as it is now | known units) times [`SCALE`], at [`KnownIndex::at`].
    causes: Vec<Vec<f64>>,
    /// By unit and value: P(unit has that value | known units).
    effects: Vec<Vec<Vec<f64>>>,
    /// By unit where its lanes begin, and how many there are in all.
    starts: Vec<usize>,
    /// The lanes of all units, on the grid, by set of units that are known to be as they are now.
    lanes: Vec<Fixed>,
}

impl ValueTables {
    /// The tables of the units `members` of `network`, the rest fixed as in the state of this
    /// number.
    pub(crate) fn new(network: &Network, state: u32, members: u32) -> ValueTables {
        let (all, whole) = (network.units().bits(), network.alphabet());
        let alphabet = whole.of_units(members);
        let present = whole.part(state, members);
        let index = KnownIndex::new(&alphabet);
        let own: Vec<u32> = whole.states_of(members).collect();
        let (mut causes, mut effects) = (Vec::new(), Vec::new());
        for (i, unit) in bits(members).enumerate() {
            let inputs = network.inputs(unit).bits();
            let fixed = whole.masked(state, inputs & !members);
            // What is no input is averaged over.
            let noise: Vec<u32> = whole.states_of(all & !inputs).collect();
            let p = |s: usize, value: usize, scale: f64| {
                let known = whole.masked(own[s], inputs) + fixed;
                let row = |w: &u32| network.tpm().probability((known + w) as usize, unit, value);
                mean(&mut noise.iter().map(|w| row(w) * scale))
            };
            steps(own.len() * noise.len());
            let now = alphabet.value(present, i) as usize;
            causes.push(index.tabulate(|s| p(s, now, SCALE)));
            let of_value = |value| index.tabulate(|s| p(s, value, 1.0));
            effects.push((0..alphabet.size(i)).map(of_value).collect());
        }
        let mut starts = vec![0];
        starts.extend(alphabet.sizes().into_iter().scan(0, |n_lanes, size| {
            *n_lanes += size;
            Some(*n_lanes)
        }));
        let (mut tables, n) = (
            ValueTables { alphabet, present, index, causes, effects, starts, lanes: Vec::new() },
            members.count_ones(),
        );
        steps(tables.n_lanes() << n);
        let lanes = |known: u32| {
            let of_unit = |unit| tables.effect_of(unit, known).map(|p| to_fixed(p / 2.0));
            (0..n as usize).flat_map(of_unit).collect::<Vec<Fixed>>()
        };
        tables.lanes = (0..1u32 << n).flat_map(lanes).collect();
        tables
    }

    /// Returns the number of lanes of all units.
    pub(crate) fn n_lanes(&self) -> usize {
        *self.starts.last().expect("one more than units")
    }

    /// The lanes of all units, given these units in their present state.
    pub(crate) fn effect_lanes(&self, known: u32) -> &[Fixed] {
        &self.lanes[known as usize * self.n_lanes()..][..self.n_lanes()]
    }

    /// The lanes of a unit, given what it sees in its present state.
    pub(crate) fn lanes_of(&self, unit: usize, known: u32) -> &[Fixed] {
        &self.effect_lanes(known)[self.starts[unit]..self.starts[unit + 1]]
    }

    /// The lanes of all units as an effect repertoire has them that is expanded to all units.
    pub(crate) fn expanded_lanes(
        &self,
        wiring: &Wiring,
        mechanism: u32,
        purview: u32,
    ) -> SmallVec<[Fixed; 8]> {
        let mut lanes = SmallVec::from_slice(self.effect_lanes(0));
        for unit in bits(purview) {
            let own = self.lanes_of(unit, wiring.seen_by(unit, mechanism));
            lanes[self.starts[unit]..][..own.len()].copy_from_slice(own);
        }
        lanes
    }

    /// The lanes of all units as a cause repertoire over some of them has them, expanded to all. Of
    /// thousands of states they are added up on the grid, where no sum is rounded.
    pub(crate) fn cause_lanes(&self, purview: u32, repertoire: &[f64]) -> SmallVec<[f64; 8]> {
        let sizes = self.alphabet.sizes();
        let unconstrained = |&size: &usize| std::iter::repeat_n(0.5 / size as f64, size);
        let mut lanes: SmallVec<[f64; 8]> = sizes.iter().flat_map(unconstrained).collect();
        let own = self.alphabet.of_units(purview);
        let placed = placed(repertoire);
        for (place, unit) in bits(purview).enumerate() {
            let mut sums = vec![0; own.size(place)];
            for (z, p) in placed.iter().enumerate() {
                sums[own.value(z as u32, place) as usize] += p;
            }
            let lanes = &mut lanes[self.starts[unit]..self.starts[unit + 1]];
            lanes.iter_mut().zip(sums).for_each(|(lane, sum)| *lane = to_f64(sum) / 2.0);
        }
        lanes
    }

    /// Returns `true` if exchanging two units leaves state and probabilities as they are; their
    /// connections are not looked at.
    pub(crate) fn may_exchange(&self, i: usize, j: usize) -> bool {
        let value = |state, unit| self.alphabet.value(state, unit);
        if self.alphabet.size(i) != self.alphabet.size(j)
            || value(self.present, i) != value(self.present, j)
        {
            return false;
        }
        let n = self.alphabet.n_units();
        let all = ((1u64 << n) - 1) as u32;
        let (n_states, at) = (self.alphabet.n_states() as u32, |s| self.index.at(all, s));
        steps(self.n_lanes() * n_states as usize);
        let [of_i, of_j] = [i, j].map(|unit| self.alphabet.stride(unit) as u32);
        (0..n_states).all(|s| {
            let (a, b) = (value(s, i), value(s, j));
            let (here, there) = (at(s), at(s - a * of_i - b * of_j + b * of_i + a * of_j));
            (0..n).all(|k| {
                let exchanged = if k == i {
                    j
                } else if k == j {
                    i
                } else {
                    k
                };
                let same = |(of_k, of_exchanged): (&Vec<f64>, &Vec<f64>)| {
                    of_k[here] == of_exchanged[there]
                };
                self.effects[k].iter().zip(&self.effects[exchanged]).all(same)
            })
        })
    }

    /// Everything that there is in the tables.
    pub(crate) fn fingerprint(&self) -> impl Iterator<Item = u64> + '_ {
        let sizes = self.alphabet.sizes().into_iter().map(|k| k as u64);
        let tables = self.causes.iter().chain(self.effects.iter().flatten());
        sizes.chain([u64::from(self.present)]).chain(tables.flatten().map(|p| p.to_bits()))
    }

    /// Returns `true` if some previous state gives every unit its present value with probability >
    /// 0.
    pub(crate) fn is_reachable(&self) -> bool {
        let all = (1u32 << self.alphabet.n_units()) - 1;
        let mut previous = self.alphabet.states_of(all);
        previous.any(|s| self.causes.iter().all(|table| table[self.index.at(all, s)] > 0.0))
    }

    /// The repertoire of a mechanism over a purview.
    pub(crate) fn repertoire(
        &self,
        wiring: &Wiring,
        direction: Direction,
        mechanism: u32,
        purview: u32,
    ) -> Vec<f64> {
        match direction {
            Direction::Cause => self.cause(wiring, mechanism, purview),
            Direction::Effect => {
                let mut product = vec![1.0];
                for unit in bits(purview) {
                    let known = wiring.seen_by(unit, mechanism);
                    let own = self.effect_of(unit, known);
                    product = own.flat_map(|q| product.iter().map(move |p| p * q)).collect();
                }
                product
            }
        }
    }

    /// The distribution of a unit, given these units in their present state.
    fn effect_of(&self, unit: usize, known: u32) -> impl Iterator<Item = f64> + '_ {
        let at = self.index.at(known, self.present);
        self.effects[unit].iter().map(move |table| table[at])
    }

    fn cause(&self, wiring: &Wiring, mechanism: u32, purview: u32) -> Vec<f64> {
        steps(mechanism.count_ones() as usize * self.alphabet.n_states_of(purview));
        let factors = |z: u32| {
            let known = move |j: usize| purview & wiring.inputs[j];
            bits(mechanism).map(move |j| self.causes[j][self.index.at(known(j), z)])
        };
        let mut repertoire: Vec<f64> =
            self.alphabet.states_of(purview).map(|z| factors(z).product()).collect();
        let mut sum: f64 = repertoire.iter().sum();
        if mechanism != 0 && sum < SAFE_SUM {
            // Products so small that floats lose some of them: all multiplied by the same number.
            let wide = |z| factors(z).fold(Wide::ONE, |all, p| all.times(Wide::new(p, 0)));
            let products: Vec<Wide> = self.alphabet.states_of(purview).map(wide).collect();
            to_common_scale(&products, &mut repertoire);
            sum = repertoire.iter().sum();
        }
        repertoire.iter_mut().for_each(|p| *p /= sum);
        repertoire
    }

    /// Returns the unconstrained repertoire of some units.
    pub(crate) fn unconstrained(&self, direction: Direction, units: u32) -> Vec<f64> {
        match direction {
            Direction::Cause => {
                let n_states = self.alphabet.n_states_of(units);
                vec![1.0 / n_states as f64; n_states]
            }
            Direction::Effect => bits(units).fold(vec![1.0], |product, unit| {
                let own = self.effect_of(unit, 0);
                own.flat_map(|q| product.iter().map(move |p| p * q)).collect()
            }),
        }
    }

    /// Multiplies two distributions over disjoint sets of units into one over their union.
    pub(crate) fn product(
        &self,
        (first, first_units): (&[f64], u32),
        (second, second_units): (&[f64], u32),
    ) -> Vec<f64> {
        let union = first_units | second_units;
        let own = self.alphabet.of_units(union);
        let [of_first, of_second] = [first_units, second_units].map(|it| extract(it, union));
        let at = |z: u32, of: u32| own.part(z, of) as usize;
        let n_states = own.n_states() as u32;
        (0..n_states).map(|z| first[at(z, of_first)] * second[at(z, of_second)]).collect()
    }

    /// A distribution over some units, expanded to more by what is unconstrained.
    pub(crate) fn expanded(
        &self,
        direction: Direction,
        (entries, own): (&[f64], u32),
        union: u32,
    ) -> Vec<f64> {
        let others = union & !own;
        self.product((entries, own), (&self.unconstrained(direction, others), others))
    }

    /// The earth mover's distance between two distributions over a purview. Of effects, whose units
    /// are independent, it is the sum over the units of half the L1 distance of their
    /// distributions: no plan can move less in any unit, and that of the units apart moves that.
    /// Infinite, if the analysis is to stop.
    pub(crate) fn earth_movers(
        &self,
        direction: Direction,
        purview: u32,
        (p, q): (&[f64], &[f64]),
        stop: &Stop,
    ) -> f64 {
        let own = self.alphabet.of_units(purview);
        match direction {
            Direction::Effect => {
                let mut sum = 0.0;
                for unit in 0..own.n_units() {
                    let mut differences = vec![0.0; own.size(unit)];
                    for (z, (p, q)) in p.iter().zip(q).enumerate() {
                        differences[own.value(z as u32, unit) as usize] += p - q;
                    }
                    sum += differences.iter().map(|it| it.abs()).sum::<f64>() / 2.0;
                }
                sum
            }
            Direction::Cause => {
                let mut room = Transport::default();
                match self.transport(purview, (p, q), Fixed::MAX, stop, &mut room) {
                    Some(Total::Exact(total)) => to_f64(total as Fixed),
                    _ => f64::INFINITY,
                }
            }
        }
    }

    /// The least probability × number of units that makes `q` of `p`, exactly on the grid; or, as
    /// soon as that is known to be at least `stop_at`, that it is. `None`, if the analysis is to
    /// stop.
    ///
    /// Probability that both have in a state stays there, since the number of units in which states
    /// differ is a metric. No plan costs less than the units apart: half the L1 distance of the
    /// distributions of each.
    pub(crate) fn transport(
        &self,
        purview: u32,
        (p, q): (&[f64], &[f64]),
        stop_at: Fixed,
        stop: &Stop,
        room: &mut Transport,
    ) -> Option<Total> {
        let alphabet = self.alphabet.of_units(purview);
        let surplus: Vec<Fixed> = placed(p).iter().zip(placed(q)).map(|(p, q)| p - q).collect();
        steps(surplus.len() * alphabet.n_units());
        let of_unit = |unit: usize| -> Fixed {
            let mut of_values = vec![0; alphabet.size(unit)];
            for (z, surplus) in surplus.iter().enumerate() {
                of_values[alphabet.value(z as u32, unit) as usize] += surplus;
            }
            of_values.iter().map(|it: &Fixed| it.abs()).sum::<Fixed>() / 2
        };
        let apart: Fixed = (0..alphabet.n_units()).map(of_unit).sum();
        if alphabet.n_units() == 1 {
            return Some(Total::Exact(apart.into()));
        }
        if apart >= stop_at {
            return Some(Total::AtLeast(apart.into()));
        }
        let states = |sign: i64| -> Vec<u32> {
            (0..surplus.len()).filter(|&z| surplus[z] * sign > 0).map(|z| z as u32).collect()
        };
        let (from, to) = (states(1), states(-1));
        if from.is_empty() {
            return Some(Total::Exact(0));
        }
        let mass = |of: &[u32]| of.iter().map(|&z| surplus[z as usize].abs()).collect::<Vec<_>>();
        let cost = |row: usize, column: usize| -> i64 {
            let (a, b) = (from[row], to[column]);
            let differs = |unit: &usize| alphabet.value(a, *unit) != alphabet.value(b, *unit);
            (0..alphabet.n_units()).filter(differs).count() as i64
        };
        room.set(ColumnDemand::Filled, mass(&from), mass(&to), |row, out| {
            out.iter_mut().enumerate().for_each(|(column, it)| *it = cost(row, column));
        });
        room.start(&[]);
        room.solve(stop_at.into(), stop, cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mass_moves_to_the_nearest_states() {
        let alphabet = Alphabet::new(&[3, 2]).expect("an alphabet");
        let next: Vec<Vec<u8>> = (0..6).map(|row| vec![row % 3, row / 3]).collect();
        let tpm = crate::tpm::Tpm::from_next_values(&alphabet, &next).expect("a TPM");
        let network = Network::new(tpm, &[vec![1, 0], vec![0, 1]]).expect("a network");
        let tables = ValueTables::new(&network, 0, 0b11);
        let transport = |p: &[f64], q: &[f64]| {
            tables.earth_movers(Direction::Cause, 0b11, (p, q), &Stop::never())
        };
        // From 00 to 21 two units change, from 00 to 20 one; any two values are equally far.
        let at = |z: usize| (0..6).map(|it| f64::from(u8::from(it == z))).collect::<Vec<f64>>();
        assert_eq!(transport(&at(0), &at(5)), 2.0);
        assert_eq!(transport(&at(0), &at(2)), 1.0);
        assert_eq!(transport(&at(0), &at(1)), 1.0);
        let uniform = vec![1.0 / 6.0; 6];
        let expected = 2.0 / 3.0 + 0.5;
        assert!((transport(&at(0), &uniform) - expected).abs() < 1e-15);
        assert_eq!(transport(&uniform, &uniform), 0.0);
    }
}
