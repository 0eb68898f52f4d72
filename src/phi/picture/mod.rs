//! Results as drawings: a network, structures of both theories, complexes, transitions between
//! states, and the tables behind them.
//!
//! Everything can be read without colours: what is ON is filled, what is severed is dashed and
//! struck through, causes point down and effects up, larger values are longer, wider or darker.

mod account;
mod graph;
mod lattice;
mod rows;
mod shapes;
mod states;
mod tables;

pub use account::account;
pub use graph::Hull;
pub use rows::{PictureRow, RowSide};
pub use states::StateValue;

use clap::ValueEnum;

use crate::engine::exact::{Cut, Engine, OwnNetwork, PhiRecord, PhiStructureRecord, Rules};
use crate::error::Error;
use crate::phi::{bits, severed, structure, values_of};
use crate::report::drawing::{Anchor, Drawing, Ink, Mark};
use crate::report::plot::label;

/// The kinds of drawings of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// The units and their connections, with the minimum information partition of the system.
    Graph,
    /// Concepts or distinctions, a line each.
    Structure,
    /// IIT 4.0: distinctions on the lattice of their purviews, joined by their relations.
    Lattice,
    /// IIT 3.0: the concepts that the minimum information partition leaves, a line each.
    Partitioned,
    /// The network with all its complexes.
    Complexes,
    /// All states: which follows which, and Φ in each (up to 64, those of 6 units of two values).
    States,
    /// The TPM: what each unit does after each state.
    Tpm,
    /// The connections as a table.
    Cm,
}

impl Kind {
    /// Those that are drawn unless others are asked for.
    pub fn usual(rules: Option<Rules>) -> Vec<Kind> {
        match rules {
            None => vec![Kind::Graph, Kind::Structure],
            Some(_) => vec![Kind::Graph, Kind::Structure, Kind::Lattice],
        }
    }

    /// All that there are.
    pub fn all() -> &'static [Kind] {
        Kind::value_variants()
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Kind> {
        Kind::from_str(name, false).ok()
    }

    /// Its name in files and arguments.
    pub fn name(self) -> String {
        self.to_possible_value().expect("none is hidden").get_name().to_owned()
    }
}

/// The drawings of a network by IIT 3.0, or by the `rules` of IIT 4.0. `name` stands for a network
/// without one.
///
/// # Errors
/// As [`Engine::analyse`]; [`Error::Settings`] if the network is too large for one of them.
pub fn draw(
    engine: &Engine,
    network: &OwnNetwork,
    rules: Option<Rules>,
    name: &str,
    kinds: &[Kind],
) -> Result<Vec<Drawing>, Error> {
    let name = network.name().unwrap_or(name);
    let nodes = network.nodes();
    let sizes = network.sizes();
    let picture = Picture {
        title: name,
        cm: network.connectivity(),
        state: network.state(),
        sizes: &sizes,
        nodes: &nodes,
        labels: network.labels(),
    };
    check(&picture, rules, kinds)?;
    let has = |some: &[Kind]| kinds.iter().any(|it| some.contains(it));
    let found = match has(&[Kind::Graph, Kind::Structure, Kind::Lattice, Kind::Partitioned]) {
        true => Some(Found::new(engine, network, rules)?),
        false => None,
    };
    let found = || found.as_ref().expect("asked for");
    let of_kind = |kind: &Kind| {
        Ok(match kind {
            Kind::Graph => {
                let title = format!("{name}: {} in state {}", found().phi(), bits(picture.state));
                let (cut, said) = found().severed(&picture);
                Picture { title: &title, ..picture }.graph(&cut, &said, &[])
            }
            Kind::Structure => found().structure(&picture),
            Kind::Lattice => match found() {
                Found::Iit4(it) => picture.lattice(it),
                Found::Iit3(_) => unreachable!("checked"),
            },
            Kind::Partitioned => match found() {
                Found::Iit3(it) => picture.partitioned(it),
                Found::Iit4(_) => unreachable!("checked"),
            },
            Kind::Complexes => complexes(engine, network, rules, &picture)?,
            Kind::States => {
                let what = if rules.is_some() { "φ_s" } else { "Φ" };
                let values = values(engine, network, rules)?;
                picture.states(network.tpm(), &values, what)
            }
            Kind::Tpm => picture.probabilities(network.tpm()),
            Kind::Cm => picture.connections(),
        })
    };
    kinds.iter().map(of_kind).collect()
}

/// Refuses a drawing that is not possible, before anything is computed.
fn check(picture: &Picture<'_>, rules: Option<Rules>, kinds: &[Kind]) -> Result<(), Error> {
    if rules.is_none() && kinds.contains(&Kind::Lattice) {
        let message = "--show lattice with iit3: expected --formalism iit4-2023, iit4-2026 or \
                       iit4-2026-paper";
        return Err(Error::Settings(message.to_owned()));
    }
    if rules.is_some() && kinds.contains(&Kind::Partitioned) {
        let message = "--show partitioned under IIT 4.0, where a system is partitioned and not its \
                       structure: expected --formalism iit3";
        return Err(Error::Settings(message.to_owned()));
    }
    if kinds.contains(&Kind::States) { picture.check_states() } else { Ok(()) }
}

/// The answer that is drawn.
enum Found {
    Iit3(Box<PhiRecord>),
    Iit4(Box<PhiStructureRecord>),
}

impl Found {
    fn new(engine: &Engine, network: &OwnNetwork, rules: Option<Rules>) -> Result<Found, Error> {
        Ok(match rules {
            None => Found::Iit3(Box::new(engine.analyse(network, false, None, 0)?)),
            Some(rules) => {
                let found = engine.phi_structure(network, rules, false, lattice::DRAWN)?;
                Found::Iit4(Box::new(found))
            }
        })
    }

    fn phi(&self) -> String {
        match self {
            Found::Iit3(it) => format!("Φ = {:.6}", it.phi),
            Found::Iit4(it) => {
                let big_phi = structure::sum(it.big_phi, 6);
                format!("φ_s = {:.6}, Φ = {big_phi}", it.system.phi_s)
            }
        }
    }

    /// The connections that the minimum information partition severs, and it in words.
    fn severed(&self, picture: &Picture<'_>) -> (Vec<(usize, usize)>, String) {
        let labels = picture.short_labels();
        match self {
            Found::Iit3(it) => match it.cut.as_ref().filter(|_| it.phi > 0.0) {
                Some(cut) => {
                    let said = severed(cut, labels.as_deref());
                    (pairs(cut), format!("dashed and struck through: severed by the MIP, {said}"))
                }
                None => (Vec::new(), "nothing is lost by severing connections: Φ = 0".to_owned()),
            },
            Found::Iit4(it) if it.system.phi_s > 0.0 => {
                let said = structure::partition(&it.system, labels.as_deref());
                let edges = it.system.partition.cut_edges.clone();
                (edges, format!("dashed and struck through: severed by the MIP, {said}"))
            }
            Found::Iit4(_) => {
                (Vec::new(), "nothing is lost by severing connections: φ_s = 0".to_owned())
            }
        }
    }

    fn structure(&self, picture: &Picture<'_>) -> Drawing {
        let name = picture.title;
        match self {
            Found::Iit3(it) => {
                let rows: Vec<PictureRow> = it.ces.iter().map(|it| picture.concept(it)).collect();
                let sum = rows.iter().fold(0.0, |sum, it| sum + it.phi);
                let title = format!("{name}: {} concepts, Σφ = {sum:.6}", rows.len());
                picture.structure(&title, &rows)
            }
            Found::Iit4(it) => {
                let congruent = it.distinctions.iter().map(|it| picture.distinction(it, false));
                let others = it.dropped_incongruent.iter().map(|it| picture.distinction(it, true));
                let rows: Vec<PictureRow> = congruent.chain(others).collect();
                let title = format!(
                    "{name}: {} distinctions, Σφ_d = {:.6}",
                    it.distinctions.len(),
                    it.sum_phi_d
                );
                picture.structure(&title, &rows)
            }
        }
    }
}

/// The pairs of units that a cut severs.
fn pairs(cut: &Cut) -> Vec<(usize, usize)> {
    let from = cut.severed_from.iter();
    from.flat_map(|from| cut.severed_to.iter().map(move |to| (from, to))).collect()
}

/// The network with hulls around its complexes: those that remain when each excludes the smaller
/// ones it overlaps with.
fn complexes(
    engine: &Engine,
    network: &OwnNetwork,
    rules: Option<Rules>,
    picture: &Picture<'_>,
) -> Result<Drawing, Error> {
    let all: Vec<usize> = (0..picture.state.len()).collect();
    let hulls: Vec<Hull> = match rules {
        None => {
            let found = engine.complexes(network, false, false)?;
            let is_kept = |it: &&PhiRecord| found.condensed.contains(&it.nodes);
            let hull = |it: &PhiRecord| Hull {
                units: it.nodes.clone(),
                said: format!("{}: Φ = {:.6}", picture.names(&it.nodes), it.phi),
            };
            found.complexes.iter().filter(is_kept).map(hull).collect()
        }
        Some(rules) => {
            let hull = |it: &PhiStructureRecord| Hull {
                units: it.system.nodes.clone(),
                said: format!(
                    "{}: φ_s = {:.6}, Φ = {}",
                    picture.names(&it.system.nodes),
                    it.system.phi_s,
                    structure::sum(it.big_phi, 6)
                ),
            };
            engine.phi_complexes(network, rules)?.complexes.iter().map(hull).collect()
        }
    };
    let title = match hulls.len() {
        0 => format!("{}: no complexes", picture.title),
        1 => format!("{}: 1 complex", picture.title),
        n => format!("{}: {n} complexes", picture.title),
    };
    let said = format!("complexes that do not overlap, in state {}", bits(picture.state));
    Ok(Picture { title: &title, nodes: &all, ..*picture }.graph(&[], &said, &hulls))
}

/// Φ, or φ_s by the rules of IIT 4.0, of the system in every state of the network.
fn values(
    engine: &Engine,
    network: &OwnNetwork,
    rules: Option<Rules>,
) -> Result<Vec<StateValue>, Error> {
    let sizes = network.sizes();
    let value = |state: usize| {
        let state: Vec<u8> = values_of(state, &sizes).collect();
        let network = match network.in_state(&state, rules) {
            Ok(network) => network,
            Err(rejected) if rejected.is_unreachable => return Ok(StateValue::Unreachable),
            Err(rejected) => {
                return Err(Error::Network { place: network.place(), message: rejected.message });
            }
        };
        Ok(StateValue::Phi(match rules {
            None => engine.analyse(&network, false, None, 0)?.phi,
            Some(rules) => engine.phi_s(&network, rules)?.phi_s,
        }))
    };
    (0..sizes.iter().product()).map(value).collect()
}

/// The subject of a drawing: a network in a state.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    /// The title above the drawing.
    pub title: &'a str,
    /// `cm[i][j]` is not 0 where i is an input of j.
    pub cm: &'a [Vec<u8>],
    /// The state of every unit; empty where none is shown, which only a graph can do.
    pub state: &'a [u8],
    /// The number of values of each unit.
    pub sizes: &'a [usize],
    /// The units of the system; the others are its background.
    pub nodes: &'a [usize],
    /// The names of the units, where they have some.
    pub labels: Option<&'a [String]>,
}

/// The longest name that is written in full.
const NAME: usize = 12;

impl Picture<'_> {
    /// Some unit has more than two values: then they are written, and not ON and OFF.
    fn has_values(&self) -> bool {
        self.sizes.iter().any(|it| *it > 2)
    }

    /// The state of this number, unit 0 first.
    fn state_name(&self, state: usize) -> String {
        let values: Vec<String> = values_of(state, self.sizes).map(|it| it.to_string()).collect();
        // A value of two digits is not two values.
        values.join(if self.sizes.iter().any(|it| *it > 10) { "," } else { "" })
    }

    fn name(&self, unit: usize) -> String {
        written(unit, self.labels)
    }

    fn names(&self, units: &[usize]) -> String {
        let names: Vec<String> = units.iter().map(|&unit| self.name(unit)).collect();
        format!("{{{}}}", names.join(","))
    }

    /// The names of all units as they are written, if they have some.
    fn short_labels(&self) -> Option<Vec<String>> {
        self.labels.map(|it| it.iter().map(|it| shortened(it)).collect())
    }
}

/// A unit as it is written: its name, shortened, or its number.
fn written(unit: usize, labels: Option<&[String]>) -> String {
    let name = labels.and_then(|it| it.get(unit));
    name.map_or_else(|| unit.to_string(), |it| shortened(it))
}

/// A name of a bearable length.
fn shortened(name: &str) -> String {
    if name.chars().count() <= NAME {
        return name.to_owned();
    }
    name.chars().take(NAME - 1).chain(['…']).collect()
}

/// About how wide a text is.
fn width_of(text: &str, size: f64) -> f64 {
    0.62 * size * text.chars().count() as f64
}

/// A text that begins at a place.
fn text((x, y): (f64, f64), text: &str, size: f64, ink: Ink) -> Mark {
    label((x, y), text, size, Anchor::Start, ink)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three units, of which the last is outside the system.
    pub(super) fn picture<'a>(cm: &'a [Vec<u8>], labels: Option<&'a [String]>) -> Picture<'a> {
        Picture { title: "a < b", cm, state: &[1, 0, 0], sizes: &[2, 2, 2], nodes: &[0, 1], labels }
    }
}
