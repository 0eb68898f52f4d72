//! Tables of how every unit of a subsystem depends on its inputs, made once.
//!
//! For unit j and every subset F of its inputs: `T_j[F](z)` = P(unit j = its current state | F = z,
//! its other inputs uniform). A cut that severs A → B hides the units of A from those of B: for j
//! in B it replaces F by F minus A. So these tables serve the intact system and every cut of it.
//!
//! Units are numbered inside the subsystem here (0 to k-1, in the order of their numbers in the
//! network).
//!
//! All entries are multiplied by [`SCALE`]. The smallest floats have no half, so a mean of them and
//! of 0 would be rounded to 0, and with it every product that it is a factor of.

use std::sync::OnceLock;

use smallvec::SmallVec;

use crate::fixed::{Fixed, to_fixed};
use crate::limits::steps;
use crate::network::Network;
use crate::unit_set::{bits, cmp_lexicographic, deposit, extract, submasks};
use crate::value_tables::ValueTables;

/// The factor of the entries of the tables for causes, a power of two. The product of the entries
/// of 12 units is within the range of a float, and so is a mean of the smallest probabilities over
/// as many states as any network has.
pub(crate) const SCALE: f64 = f64::from_bits((1023 + 75) << 52);
/// Where products of scaled entries have a sum of at least this, what floats lose of them does not
/// matter. A product that passes through the range below 2⁻¹⁰²² is wrong by at most 2⁻¹⁰⁷⁵ there,
/// and by 2⁻²⁵⁰ when the other factors, 11 at most, have been multiplied.
pub(crate) const SAFE_SUM: f64 = 1.0;
const UNSCALE: f64 = f64::from_bits((1023 - 75) << 52);

/// The tables of one subsystem.
#[derive(Debug, Clone)]
pub(crate) struct Tables {
    /// Number of units.
    pub(crate) n: usize,
    /// For each unit, the units of the subsystem that send to it.
    pub(crate) inputs: Vec<u32>,
    units: Vec<UnitTable>,
    /// The units that are ON.
    on: u32,
    /// P(j is ON | units of `mask` at their state, others uniform), at `mask * n + j`; on the grid.
    effect: Vec<Fixed>,
    /// The same, as floats.
    effect_on: Vec<f64>,
    /// Instead of all of these, where a unit has more than two values: code that only knows ON and
    /// OFF finds nothing to misread.
    pub(crate) values: Option<Box<ValueTables>>,
}

#[derive(Debug, Clone)]
struct UnitTable {
    /// Where the table of F starts, by set of units, of which only the inputs count.
    starts: Vec<u32>,
    /// The tables of all F, `2^|F|` entries each, bit k of the index being the k-th unit of F.
    entries: Vec<f64>,
}

impl Tables {
    /// The tables of the units `members` of `network`, the rest fixed as in `state`.
    pub(crate) fn new(network: &Network, state: u32, members: u32) -> Tables {
        let n = members.count_ones() as usize;
        let mut tables = Tables {
            n,
            inputs: Vec::with_capacity(n),
            units: Vec::with_capacity(n),
            on: extract(state, members),
            effect: vec![0; n << n],
            effect_on: vec![0.0; n << n],
            values: None,
        };
        let local_state = tables.on;
        for (j, unit) in bits(members).enumerate() {
            let inputs = extract(network.inputs(unit).bits(), members);
            let is_on = state >> unit & 1 == 1;
            let table =
                UnitTable::new(n, inputs, network.unit_table(unit, is_on, members, state, SCALE));
            for mask in 0..1u32 << n {
                let known = mask & inputs;
                let p = table.table(known)[extract(local_state, known) as usize] * UNSCALE;
                let p_on = if is_on { p } else { 1.0 - p };
                tables.effect_on[mask as usize * n + j] = p_on;
                tables.effect[mask as usize * n + j] = to_fixed(p_on);
            }
            steps(table.entries.len() + (1 << n));
            tables.inputs.push(inputs);
            tables.units.push(table);
        }
        tables
    }

    /// The tables of units with any number of values, of which some have more than two.
    pub(crate) fn of_values(network: &Network, state: u32, members: u32) -> Tables {
        let inputs = |unit: usize| extract(network.inputs(unit).bits(), members);
        Tables {
            n: members.count_ones() as usize,
            inputs: bits(members).map(inputs).collect(),
            units: Vec::new(),
            on: 0,
            effect: Vec::new(),
            effect_on: Vec::new(),
            values: Some(Box::new(ValueTables::new(network, state, members))),
        }
    }

    /// Returns the number of states of the units.
    pub(crate) fn n_states(&self) -> usize {
        self.values.as_ref().map_or(1 << self.n, |values| values.alphabet.n_states())
    }

    /// Everything that Φ depends on: two subsystems with equal fingerprints have the same Φ, in the
    /// numbering of the subsystem.
    pub(crate) fn fingerprint(&self) -> Vec<u64> {
        if let Some(values) = &self.values {
            let inputs = self.inputs.iter().map(|&it| u64::from(it));
            return inputs.chain(values.fingerprint()).collect();
        }
        let mut bits = vec![self.n as u64, u64::from(self.on)];
        for (j, &inputs) in self.inputs.iter().enumerate() {
            bits.push(u64::from(inputs));
            bits.extend(self.cause(j, inputs).iter().map(|&scaled| {
                let p = scaled * UNSCALE;
                // What only the scaled number tells apart gets a sign, so that it equals no other.
                if scaled == 0.0 || p.is_normal() { p.to_bits() } else { (-scaled).to_bits() }
            }));
        }
        bits
    }

    /// Returns `true` if unit j is ON.
    pub(crate) fn is_on(&self, j: usize) -> bool {
        self.on >> j & 1 == 1
    }

    /// `T_j[F]` times [`SCALE`], `2^|F|` entries. `known` must be a subset of j's inputs.
    #[inline]
    pub(crate) fn cause(&self, j: usize, known: u32) -> &[f64] {
        debug_assert_eq!(known & !self.inputs[j], 0);
        self.units[j].table(known)
    }

    /// P(j is ON | units of `mask` at their current state, the other inputs of j uniform), for
    /// every j.
    #[inline]
    pub(crate) fn effect(&self, mask: u32) -> &[Fixed] {
        &self.effect[mask as usize * self.n..][..self.n]
    }

    /// As [`Tables::effect`], as floats.
    #[inline]
    pub(crate) fn effect_on(&self, mask: u32) -> &[f64] {
        &self.effect_on[mask as usize * self.n..][..self.n]
    }

    /// Returns `true` if some previous state gives every unit its present value with probability >
    /// 0.
    pub(crate) fn is_reachable(&self) -> bool {
        if let Some(values) = &self.values {
            return values.is_reachable();
        }
        (0..1u32 << self.n).any(|previous| {
            (0..self.n).all(|j| {
                self.cause(j, self.inputs[j])[extract(previous, self.inputs[j]) as usize] > 0.0
            })
        })
    }
}

impl UnitTable {
    fn new(n: usize, inputs: u32, full: Vec<f64>) -> UnitTable {
        let n_subsets = 1usize << inputs.count_ones();
        let mut places = Vec::with_capacity(n_subsets);
        let mut n_entries = 0;
        for subset in 0..n_subsets {
            places.push(n_entries);
            n_entries += 1 << subset.count_ones();
        }
        let mut entries = vec![0.0; n_entries];
        entries[places[n_subsets - 1]..].copy_from_slice(&full);
        // Each table is the mean of the two halves of one with one more unit, which is after it.
        for subset in (0..n_subsets - 1).rev() {
            let added = (!subset).trailing_zeros() as usize;
            let (before, larger) = entries.split_at_mut(places[subset | 1 << added]);
            let table = &mut before[places[subset]..][..1 << subset.count_ones()];
            let bit = 1usize << (subset & ((1 << added) - 1)).count_ones();
            for (z, entry) in table.iter_mut().enumerate() {
                let low = z & (bit - 1) | (z & !(bit - 1)) << 1;
                *entry = f64::midpoint(larger[low], larger[low | bit]);
            }
        }
        let place = |known: u32| places[extract(known & inputs, inputs) as usize] as u32;
        UnitTable { starts: (0..1u32 << n).map(place).collect(), entries }
    }

    #[inline]
    fn table(&self, known: u32) -> &[f64] {
        &self.entries[self.starts[known as usize] as usize..][..1 << known.count_ones()]
    }
}

/// Which inputs each unit has once a cut has severed some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wiring {
    /// Inputs by unit.
    pub(crate) inputs: SmallVec<[u32; 12]>,
    /// A of the cut A → B; 0 for the intact system.
    pub(crate) from: u32,
    /// B of the cut; 0 for the intact system.
    pub(crate) to: u32,
}

impl Wiring {
    /// The intact system.
    pub(crate) fn intact(tables: &Tables) -> Wiring {
        Wiring { inputs: SmallVec::from_slice(&tables.inputs), from: 0, to: 0 }
    }

    /// The system without its connections from `from` to `to`.
    pub(crate) fn cut(tables: &Tables, from: u32, to: u32) -> Wiring {
        let inputs = tables
            .inputs
            .iter()
            .enumerate()
            .map(|(j, &it)| if to >> j & 1 == 1 { it & !from } else { it })
            .collect();
        Wiring { inputs, from, to }
    }

    /// The units that send to some unit of `mask`.
    pub(crate) fn inputs_of(&self, mask: u32) -> u32 {
        bits(mask).fold(0, |inputs, j| inputs | self.inputs[j])
    }

    /// The units that some unit of `mask` sends to.
    pub(crate) fn outputs(&self, mask: u32) -> u32 {
        let is_output = |&(_, &inputs): &(usize, &u32)| inputs & mask != 0;
        self.inputs.iter().enumerate().filter(is_output).fold(0, |outputs, (j, _)| outputs | 1 << j)
    }

    /// Returns the units of `mask` that unit `j` can still see.
    #[inline]
    pub(crate) fn seen_by(&self, j: usize, mask: u32) -> u32 {
        if self.to >> j & 1 == 1 { mask & !self.from } else { mask }
    }

    /// Returns `true` if the connections between `senders` and `receivers` leave every pair of
    /// parts something to lose: every sender sends, every receiver receives, and the bipartite
    /// graph of the connections is in one piece. If not, some partition severs nothing and φ = 0.
    pub(crate) fn is_connected(&self, senders: u32, receivers: u32) -> bool {
        if receivers == 0 {
            return false;
        }
        let mut senders_left = senders;
        let mut receivers_left = receivers;
        let first = receivers.trailing_zeros();
        let mut frontier = 1u32 << first;
        // Grow one block from the first receiver; receivers join when they share a sender with it.
        let mut block_senders = 0;
        while frontier != 0 {
            receivers_left &= !frontier;
            for j in bits(frontier) {
                let sources = self.inputs[j] & senders;
                if sources == 0 {
                    return false;
                }
                block_senders |= sources;
            }
            senders_left &= !block_senders;
            frontier = bits(receivers_left)
                .filter(|&j| self.inputs[j] & block_senders != 0)
                .fold(0, |mask, j| mask | 1 << j);
        }
        senders_left == 0 && receivers_left == 0
    }
}

/// All subsets of the first `n` units except the empty one, by size and then lexicographically.
/// They are listed once, for all analyses.
pub(crate) fn subsets_by_size(n: usize) -> &'static [u32] {
    static LISTS: [OnceLock<Box<[u32]>>; 17] = [const { OnceLock::new() }; 17];
    LISTS[n].get_or_init(|| {
        let mut subsets: Box<[u32]> = submasks((1 << n) - 1).filter(|&it| it != 0).collect();
        subsets.sort_by(|&a, &b| by_size(a, b));
        subsets
    })
}

/// By size and then lexicographically.
pub(crate) fn by_size(a: u32, b: u32) -> std::cmp::Ordering {
    a.count_ones().cmp(&b.count_ones()).then_with(|| cmp_lexicographic(a, b))
}

/// Moves a set from the numbering of the subsystem to that of the network.
pub(crate) fn to_network(local: u32, members: u32) -> u32 {
    deposit(local, members)
}
