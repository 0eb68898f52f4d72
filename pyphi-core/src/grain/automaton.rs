//! The finite automaton that maps the states of the micro units to the state of a unit of several
//! constituents over several updates.
//!
//! Sequences that the unit does not tell apart are one state of it. So a chain of updates is worked
//! out over a few states of the automaton, not over all sequences, of which there are 2^(units ×
//! updates).

use std::collections::HashMap;

use super::unit::Mapping;
use crate::error::{Error, ErrorKind, Result};
use crate::unit_set::{UnitSet, extract};

/// The most entries of all tables of an automaton.
const MOST_ENTRIES: usize = 1 << 22;

/// Reads a state of some micro units at each update, and ends in OFF (0) or ON (1).
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Automaton {
    /// The micro units, the lowest of which is bit 0 of a letter.
    units: UnitSet,
    /// By update, state and letter: the next state. The first layer has one state, and what the
    /// last one leads to is OFF or ON.
    layers: Vec<Vec<u32>>,
}

impl Automaton {
    /// Reads one micro unit at one update.
    pub(super) fn micro(unit: usize) -> Automaton {
        Automaton { units: UnitSet::from_iter([unit]), layers: vec![vec![0, 1]] }
    }

    /// Reads constituents, all with as many updates, `grain` times, and looks up what they are.
    ///
    /// # Errors
    /// If it has too many states.
    pub(super) fn new(parts: &[&Automaton], grain: usize, table: &[bool]) -> Result<Automaton> {
        let units = parts.iter().fold(UnitSet::EMPTY, |all, it| all.union(it.units));
        let steps = diagram(table, parts.len(), grain);
        let n_letters = 1usize << units.len();
        let n_updates = parts[0].layers.len();
        let letters: Vec<Vec<u32>> = parts
            .iter()
            .map(|it| {
                let within = extract(it.units.bits(), units.bits());
                (0..n_letters).map(|letter| extract(letter as u32, within)).collect()
            })
            .collect();
        // A state is one of the diagram, with those of the constituents in the midst of a step.
        type Composed = (u32, Vec<u32>);
        let begin = |step: u32| -> Composed { (step, vec![0; parts.len()]) };
        let mut now: Vec<Composed> = vec![begin(0)];
        let mut layers = Vec::with_capacity(grain * n_updates);
        let mut n_entries = 0;
        for step in &steps {
            for update in 0..n_updates {
                n_entries += now.len() * n_letters;
                let has_next = layers.len() + 1 < grain * n_updates;
                let mut next: Vec<Composed> = Vec::new();
                let mut places: HashMap<Composed, u32> = HashMap::new();
                let mut layer = Vec::with_capacity(now.len() * n_letters);
                let is_last = update + 1 == n_updates;
                for (at, of_parts) in &now {
                    for letter in 0..n_letters {
                        let read = parts.iter().zip(&letters).zip(of_parts);
                        let mut moved = Vec::with_capacity(parts.len());
                        moved.extend(
                            read.map(|((part, of), &at)| part.next(update, at, of[letter])),
                        );
                        let composed = match is_last {
                            false => (*at, moved),
                            true => {
                                let on = moved.iter().rev().fold(0, |all, bit| all << 1 | bit);
                                begin(step[(*at as usize) << parts.len() | on as usize])
                            }
                        };
                        let place = places.entry(composed).or_insert_with_key(|it| {
                            next.push(it.clone());
                            next.len() as u32 - 1
                        });
                        layer.push(*place);
                    }
                    // Each state that was met takes entries at the next update.
                    if has_next && n_entries + next.len() * n_letters > MOST_ENTRIES {
                        return Err(too_large());
                    }
                }
                layers.push(layer);
                now = next;
            }
        }
        // The states after the last update are numbered as they were met.
        for place in layers.last_mut().expect("one update at least") {
            *place = now[*place as usize].0;
        }
        Ok(Automaton { units, layers: numbered(merged(layers, n_letters), n_letters) })
    }

    pub(super) fn n_letters(&self) -> usize {
        1 << self.units.len()
    }

    pub(super) fn n_updates(&self) -> usize {
        self.layers.len()
    }

    /// The number of states before an update.
    pub(super) fn n_states(&self, update: usize) -> usize {
        self.layers[update].len() / self.n_letters()
    }

    /// The state after an update.
    #[inline]
    pub(super) fn next(&self, update: usize, at: u32, letter: u32) -> u32 {
        self.layers[update][(at as usize) << self.units.len() | letter as usize]
    }

    /// Returns `true` if a sequence of letters, as many as there are updates, ends in ON.
    pub(super) fn is_on(&self, letters: impl Iterator<Item = u32>) -> bool {
        letters.enumerate().fold(0, |at, (update, letter)| self.next(update, at, letter)) == 1
    }

    /// Returns `true` if it tells the same sequences apart as another one, which may call OFF what
    /// it calls ON.
    pub(super) fn is_same_as(&self, other: &Automaton) -> bool {
        let (Some((last, before)), Some((other_last, other_before))) =
            (self.layers.split_last(), other.layers.split_last())
        else {
            return false;
        };
        let is_renamed = last.first() != other_last.first();
        let is_end = |(end, other): (&u32, &u32)| (end != other) == is_renamed;
        self.units == other.units
            && before == other_before
            && last.len() == other_last.len()
            && last.iter().zip(other_last).all(is_end)
    }

    /// Returns the fraction of all sequences that end in OFF which has each letter as its last; and
    /// the same of those that end in ON.
    pub(super) fn last_letters(&self) -> [Vec<f64>; 2] {
        let n_letters = self.n_letters();
        let each = 1.0 / n_letters as f64;
        let mut reached = vec![1.0];
        let (last, before) = self.layers.split_last().expect("one update at least");
        for layer in before {
            let n_next = layer.iter().max().map_or(0, |it| *it as usize + 1);
            let mut next = vec![0.0; n_next];
            for (place, &to) in layer.iter().enumerate() {
                next[to as usize] += reached[place / n_letters] * each;
            }
            reached = next;
        }
        let mut of = [vec![0.0; n_letters], vec![0.0; n_letters]];
        for (place, &to) in last.iter().enumerate() {
            of[to as usize][place % n_letters] += reached[place / n_letters];
        }
        for fractions in &mut of {
            let total: f64 = fractions.iter().sum();
            fractions.iter_mut().for_each(|it| *it /= total);
        }
        of
    }
}

fn too_large() -> Error {
    let message = "a unit tells too many sequences of micro states apart, expected at most 2^22 \
                   changes of what it remembers";
    ErrorKind::Grain(message.to_owned()).into()
}

/// The states that a table goes through while it is read, update by update: by update, state and
/// states of the constituents the next state; the last is the entry.
fn diagram(table: &[bool], n_parts: usize, grain: usize) -> Vec<Vec<u32>> {
    let n_letters = 1usize << n_parts;
    let mut layers = Vec::with_capacity(grain);
    let mut of_prefix: Vec<u32> = table.iter().map(|&on| u32::from(on)).collect();
    for update in (0..grain).rev() {
        let n_prefixes = 1usize << (n_parts * update);
        let mut places: HashMap<Vec<u32>, u32> = HashMap::new();
        let mut layer = Vec::new();
        let shorter = (0..n_prefixes).map(|prefix| {
            let row = (0..n_letters).map(|it| of_prefix[it * n_prefixes + prefix]).collect();
            let n_found = places.len() as u32;
            *places.entry(row).or_insert_with_key(|row: &Vec<u32>| {
                layer.extend_from_slice(row);
                n_found
            })
        });
        of_prefix = shorter.collect();
        layers.push(layer);
    }
    layers.reverse();
    layers
}

/// The same automaton without states that lead to the same.
fn merged(mut layers: Vec<Vec<u32>>, n_letters: usize) -> Vec<Vec<u32>> {
    let mut same: Vec<u32> = vec![0, 1];
    for layer in layers.iter_mut().rev() {
        let mut places: HashMap<Vec<u32>, u32> = HashMap::new();
        let mut kept = Vec::new();
        let states = layer.chunks_exact(n_letters).map(|row| {
            let row: Vec<u32> = row.iter().map(|&to| same[to as usize]).collect();
            let n_found = places.len() as u32;
            *places.entry(row).or_insert_with_key(|row| {
                kept.extend_from_slice(row);
                n_found
            })
        });
        same = states.collect();
        *layer = kept;
    }
    layers
}

/// The same automaton with the states numbered as they are met, so that two without states that
/// lead to the same are equal if they tell the same sequences apart.
fn numbered(layers: Vec<Vec<u32>>, n_letters: usize) -> Vec<Vec<u32>> {
    let n_layers = layers.len();
    let mut order: Vec<u32> = vec![0];
    let mut renumbered = Vec::with_capacity(n_layers);
    for (update, layer) in layers.iter().enumerate() {
        let row = |at: u32| &layer[at as usize * n_letters..(at as usize + 1) * n_letters];
        let met = order.iter().flat_map(|&at| row(at));
        if update + 1 == n_layers {
            renumbered.push(met.copied().collect());
            break;
        }
        let mut numbers: HashMap<u32, u32> = HashMap::new();
        let mut next = Vec::new();
        let row = met.map(|&to| {
            *numbers.entry(to).or_insert_with(|| {
                next.push(to);
                next.len() as u32 - 1
            })
        });
        renumbered.push(row.collect());
        order = next;
    }
    renumbered
}

/// The table of a mapping of so many constituents over so many updates.
pub(super) fn table(mapping: &Mapping, n_parts: usize, grain: usize) -> Vec<bool> {
    let states = 0..1u32 << (n_parts * grain);
    let last = |index: u32| index >> (n_parts * (grain - 1));
    match mapping {
        Mapping::Table(table) => table.clone(),
        Mapping::Coarse(on) => {
            let on: UnitSet = on.iter().copied().collect();
            states.map(|it| on.contains(it.count_ones() as usize)).collect()
        }
        Mapping::BlackBox(outputs) => {
            let outputs = outputs.iter().copied().collect::<UnitSet>().bits();
            states.map(|it| last(it) & outputs == outputs).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every table of two units over two updates, read letter by letter.
    #[test]
    fn an_automaton_is_its_table() {
        let micro = [3, 5].map(Automaton::micro);
        let parts: Vec<&Automaton> = micro.iter().collect();
        for bits in 1..(1u32 << 16) - 1 {
            let table: Vec<bool> = (0..16).map(|it| bits >> it & 1 == 1).collect();
            let it = Automaton::new(&parts, 2, &table).expect("a small one");
            let mut ending = [[0.0; 4]; 2];
            for (index, &on) in table.iter().enumerate() {
                let letters = [index as u32 & 3, index as u32 >> 2];
                assert_eq!(it.is_on(letters.into_iter()), on);
                ending[usize::from(on)][letters[1] as usize] += 1.0;
            }
            for (found, counts) in it.last_letters().iter().zip(&ending) {
                let total: f64 = counts.iter().sum();
                for (found, count) in found.iter().zip(counts) {
                    assert!((found - count / total).abs() < 1e-12);
                }
            }
        }
    }

    /// However a unit is put together, it is the same one if it tells the same sequences apart.
    #[test]
    fn equal_units_are_found_equal() {
        let micro: Vec<Automaton> = (0..3).map(Automaton::micro).collect();
        let and = [false, false, false, true];
        let nand = and.map(|it| !it);
        let pair = |first: &Automaton, second: &Automaton, table: &[bool]| {
            Automaton::new(&[first, second], 1, table).expect("a small one")
        };
        let of_all = table(&Mapping::Coarse(vec![3]), 3, 1);
        let all = Automaton::new(&[&micro[0], &micro[1], &micro[2]], 1, &of_all).expect("small");
        let left = pair(&pair(&micro[0], &micro[1], &and), &micro[2], &and);
        let right = pair(&micro[0], &pair(&micro[2], &micro[1], &and), &and);
        let renamed = pair(&pair(&micro[0], &micro[1], &and), &micro[2], &nand);
        assert!(left == right && right == all);
        assert!(renamed != all && renamed.is_same_as(&all) && all.is_same_as(&all));
        let or = pair(&pair(&micro[0], &micro[1], &and), &micro[2], &[false, true, true, true]);
        assert!(!or.is_same_as(&all));
    }

    /// A unit that only looks at the last update remembers nothing before it.
    #[test]
    fn a_black_box_has_one_state_until_the_end() {
        let micro = [0, 1, 2, 3].map(Automaton::micro);
        let parts: Vec<&Automaton> = micro.iter().collect();
        let table = table(&Mapping::BlackBox(vec![2]), 4, 4);
        let it = Automaton::new(&parts, 4, &table).expect("a small one");
        assert!((0..4).all(|update| it.n_states(update) == 1));
        assert_eq!(it.n_updates(), 4);
    }
}
