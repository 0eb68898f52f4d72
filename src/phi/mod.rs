//! Exact Φ of networks from a file, with their cause-effect structures (under IIT 4.0 Φ-structures), as text
//! or JSON.
//!
//! All networks are checked before the first is analysed, and each answer is written as soon as it
//! is there: what is interrupted keeps the answers so far, as valid JSON if that was asked for.

pub mod figure;
pub(crate) mod structure;

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use crate::engine::exact::{
    ComplexesRecord, ConceptRecord, CoreRecord, Engine, OwnNetwork, PartRecord, PhiComplexesRecord,
    PhiRecord, PhiStructureRecord, RangeRecord, Rules, Scope,
};
use crate::error::Error;
use crate::escape::{terminal, terminal_lines};
use crate::phi::figure::Picture;
use crate::report::drawing::Drawing;
use crate::report::text::left_table;
use crate::suite::Settings;

/// The networks of a file, and what is asked of them.
#[derive(Debug)]
pub struct Question {
    networks: Vec<OwnNetwork>,
    is_list: bool,
    scope: Scope,
    /// Count tied choices over all cuts, whatever the size.
    ties: bool,
    /// IIT 4.0 by these rules instead of IIT 3.0.
    iit4: Option<Rules>,
}

/// Why an answer is not complete.
#[derive(Debug)]
pub enum Failure {
    /// The analysis was stopped.
    Study(Error),
    /// The answer could not be written.
    Output(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Output(error)
    }
}

impl Question {
    /// Up to this many units, `purview_ties` is counted without being asked for: it is cheap there.
    pub const TIES_UP_TO: usize = 6;

    /// Reads and checks the networks in `text`, which comes from `place`; `state` replaces theirs.
    /// With `ties`, choices tied over all cuts are counted for networks of any size, for which every
    /// cut is evaluated in full. With `iit4`, the answer is that of IIT 4.0.
    ///
    /// # Errors
    /// [`Error::Network`].
    pub fn new(
        text: &str,
        place: &str,
        state: Option<&[u8]>,
        scope: Scope,
        ties: bool,
        iit4: Option<Rules>,
    ) -> Result<Question, Error> {
        let (networks, is_list) = OwnNetwork::read(text, place, state, scope, iit4)?;
        Ok(Question { networks, is_list, scope, ties, iit4 })
    }

    /// Writes Φ and structure of each network for a person. Concepts are in a table; in blocks, where that is
    /// wider than `width`, if there is a width.
    ///
    /// # Errors
    /// [`Failure`]; the answers before it are written.
    pub fn answer_text(
        &self,
        engine: &Engine,
        width: Option<usize>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        for (index, network) in self.networks.iter().enumerate() {
            let labels = network.labels();
            let answer = match self.analyse(engine, index, self.ties)? {
                Answer::System(answer) => text(&answer, labels, width),
                Answer::Complexes(answer) => complexes_text(&answer, labels, width),
                Answer::PhiStructure(answer) => structure::text(&answer, labels),
                Answer::PhiComplexes(answer) => structure::complexes_text(&answer, labels),
            };
            let separator = if index == 0 { "" } else { "\n" };
            // Names went through `terminal` one by one; this is for what was forgotten.
            write!(out, "{separator}{}", terminal_lines(&answer))?;
            out.flush()?;
        }
        Ok(())
    }

    /// Writes the answers as JSON, a line each: an object, or a list for a list.
    ///
    /// # Errors
    /// [`Failure`]; the answers before it are written, and the list is closed.
    pub fn answer_json(&self, engine: &Engine, out: &mut dyn Write) -> Result<(), Failure> {
        if self.is_list {
            writeln!(out, "[")?;
        }
        let mut stopped = Ok(());
        for index in 0..self.networks.len() {
            let count_ties = self.ties || self.networks[index].n_units() <= Question::TIES_UP_TO;
            let answer = match self.analyse(engine, index, count_ties) {
                Ok(answer) => answer,
                Err(failure) => {
                    stopped = Err(failure);
                    break;
                }
            };
            if index > 0 {
                writeln!(out, ",")?;
            }
            write!(out, "{}", serde_json::to_string(&answer).expect("plain data"))?;
            out.flush()?;
        }
        match (self.is_list, self.networks.is_empty() || stopped.is_err()) {
            (true, false) => writeln!(out, "\n]")?,
            (true, true) => writeln!(out, "]")?,
            (false, _) => writeln!(out)?,
        }
        out.flush()?;
        stopped
    }

    /// The number of networks.
    pub fn len(&self) -> usize {
        self.networks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }

    /// Drawings of the system in the network at `index`, by IIT 3.0: its graph with the cut, and its cause-effect
    /// structure. `name` stands for a network without one.
    ///
    /// # Errors
    /// [`Failure::Study`].
    ///
    /// # Panics
    /// If the question is about complexes, or about IIT 4.0.
    pub fn draw(&self, engine: &Engine, index: usize, name: &str) -> Result<[Drawing; 2], Failure> {
        let Answer::System(answer) = self.analyse(engine, index, false)? else {
            panic!("a question about systems, by IIT 3.0")
        };
        let network = &self.networks[index];
        let cut: Option<[Vec<usize>; 2]> = answer
            .cut
            .as_ref()
            .map(|cut| [cut.severed_from.iter().collect(), cut.severed_to.iter().collect()]);
        let state: Vec<String> = answer.state.iter().map(u8::to_string).collect();
        let name = answer.name.as_deref().unwrap_or(name);
        let title = format!("{name}: Φ = {:.6} in state ({})", answer.phi, state.join(","));
        let picture = Picture {
            title: &title,
            cm: network.connectivity(),
            state: &answer.state,
            nodes: &answer.nodes,
            labels: network.labels(),
            cut: cut.as_ref().map(|[from, to]| (from.as_slice(), to.as_slice())),
            concepts: &answer.ces,
        };
        Ok([picture.graph(), Picture { title: name, ..picture }.structure()])
    }

    fn analyse(&self, engine: &Engine, index: usize, count_ties: bool) -> Result<Answer, Failure> {
        let network = &self.networks[index];
        let answer = match (self.scope, self.iit4) {
            (Scope::System, None) => {
                let tie_orders = if self.ties { Settings::TIE_ORDERS } else { 0 };
                engine.analyse(network, count_ties, tie_orders).map(Answer::System)
            }
            (Scope::Complexes, None) => {
                engine.complexes(network, count_ties).map(Answer::Complexes)
            }
            (Scope::System, Some(rules)) => {
                let answer = engine.phi_structure(network, rules);
                answer.map(|it| Answer::PhiStructure(Box::new(it)))
            }
            (Scope::Complexes, Some(rules)) => {
                engine.phi_complexes(network, rules).map(Answer::PhiComplexes)
            }
        };
        answer.map_err(|error| match error {
            Error::Interrupted(_) => Failure::Study(Error::Interrupted(format!(
                ": {index} of {} networks were analysed",
                self.networks.len()
            ))),
            other => Failure::Study(other),
        })
    }
}

/// The answer for one network.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Answer {
    System(PhiRecord),
    Complexes(ComplexesRecord),
    PhiStructure(Box<PhiStructureRecord>),
    PhiComplexes(PhiComplexesRecord),
}

/// Reads a state as a person writes it: `1,0,0`, `100` or `(1, 0, 0)`, unit 0 first.
///
/// # Errors
/// If anything but 0, 1 and separators is in it, or no digit.
pub fn state(text: &str) -> Result<Vec<u8>, Error> {
    let wrong =
        || Error::Settings(format!("state {text:?}: expected a 0 or 1 for each unit, as in 1,0,0"));
    let digits = text.chars().filter(|it| !matches!(it, ',' | ' ' | '(' | ')'));
    let bits: Vec<u8> = digits
        .map(|digit| match digit {
            '0' => Ok(0),
            '1' => Ok(1),
            _ => Err(wrong()),
        })
        .collect::<Result<_, _>>()?;
    if bits.is_empty() { Err(wrong()) } else { Ok(bits) }
}

/// An answer for a person: Φ and structure, as [`Question::answer_text`] writes them.
pub(crate) fn text(answer: &PhiRecord, labels: Option<&[String]>, width: Option<usize>) -> String {
    let units = |units: &[usize]| set(units, labels);
    let mut text = String::new();
    if let Some(name) = &answer.name {
        let _ = writeln!(text, "{}", terminal(name));
    }
    let state: Vec<String> = answer.state.iter().map(u8::to_string).collect();
    let _ = writeln!(text, "units {}, state ({})", units(&answer.nodes), state.join(","));
    text.push_str(&result(answer, labels, width));
    text
}

/// Φ, ties and structures of a system, for a person.
fn result(answer: &PhiRecord, labels: Option<&[String]>, width: Option<usize>) -> String {
    let units = |units: &[usize]| set(units, labels);
    let mut text = String::new();
    let _ = write!(text, "Φ = {}", answer.phi);
    match &answer.cut {
        Some(cut) => {
            let (from, to): (Vec<usize>, Vec<usize>) =
                (cut.severed_from.iter().collect(), cut.severed_to.iter().collect());
            let _ = writeln!(
                text,
                ", lost by severing the connections from {} to {}",
                units(&from),
                units(&to)
            );
        }
        None => text.push('\n'),
    }
    if answer.ties > 0 {
        let _ = writeln!(
            text,
            "{} core causes or effects were chosen among equals: with another numbering of the \
             units Φ may differ",
            answer.ties
        );
    }
    if let Some(ties) = answer.purview_ties {
        let _ = writeln!(
            text,
            "{ties} core causes or effects of the intact and all cut systems have several purviews \
             of the same φ"
        );
    }
    if let Some(RangeRecord { low, high, numberings, is_exhaustive }) = answer.range {
        let which = if is_exhaustive { "all" } else { "drawn at random" };
        let _ = match numberings {
            1 => writeln!(text, "Φ is the same in every numbering of the units"),
            _ => writeln!(text, "Φ from {low} to {high} over {numberings} numberings ({which})"),
        };
    }
    let _ = writeln!(text, "\nCause-effect structure: {}", structure(&answer.ces, labels, width));
    if answer.cut.is_some() {
        let _ = writeln!(
            text,
            "\nUnder the cut: {}",
            structure(&answer.partitioned_ces, labels, width)
        );
    }
    text
}

/// All complexes of a network for a person: a line each, and the structure of the major one.
fn complexes_text(
    answer: &ComplexesRecord,
    labels: Option<&[String]>,
    width: Option<usize>,
) -> String {
    let mut text = String::new();
    if let Some(name) = &answer.name {
        let _ = writeln!(text, "{}", terminal(name));
    }
    let state: Vec<String> = answer.state.iter().map(u8::to_string).collect();
    let _ = writeln!(text, "state ({})", state.join(","));
    let Some(major) = answer.complexes.first() else {
        text.push_str("no complexes: every subsystem has Φ = 0 or is in an unreachable state\n");
        return text;
    };
    let _ = match answer.complexes.len() {
        1 => writeln!(text, "1 complex"),
        n => writeln!(text, "{n} complexes, the major complex first"),
    };
    let mut lines = vec![["units", "Φ", "severed", "concepts", "ties"].map(str::to_owned).to_vec()];
    lines.extend(answer.complexes.iter().map(|it| {
        let severed = it.cut.as_ref().map_or("-".to_owned(), |cut| {
            let (from, to): (Vec<usize>, Vec<usize>) =
                (cut.severed_from.iter().collect(), cut.severed_to.iter().collect());
            format!("{} → {}", set(&from, labels), set(&to, labels))
        });
        let numbers = [it.ces.len().to_string(), it.ties.to_string()];
        let mut line = vec![set(&it.nodes, labels), format!("{:.6}", it.phi), severed];
        line.extend(numbers);
        line
    }));
    text.push_str(&left_table(&lines));
    let _ = writeln!(text, "\nMajor complex {}", set(&major.nodes, labels));
    text.push_str(&result(major, labels, width));
    text
}

/// The concepts of a structure, a line each.
fn structure(
    concepts: &[ConceptRecord],
    labels: Option<&[String]>,
    width: Option<usize>,
) -> String {
    let sum: f64 = concepts.iter().map(|it| it.phi).sum();
    let mut text = match concepts.len() {
        0 => return "no concepts".to_owned(),
        1 => format!("1 concept, φ = {sum:.6}\n"),
        n => format!("{n} concepts, Σφ = {sum:.6}\n"),
    };
    let header = ["mechanism", "φ", "cause", "φ", "partition", "effect", "φ", "partition"];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    for concept in concepts {
        let mut line = vec![set(&concept.mechanism, labels), format!("{:.6}", concept.phi)];
        for core in [&concept.cause, &concept.effect] {
            let CoreRecord { purview, phi, mip, ties, .. } = core;
            // A star marks a purview that another of the same size and φ could replace.
            let mark = if *ties > 0 { "*" } else { "" };
            line.push(format!("{}{mark}", set(purview, labels)));
            line.push(format!("{phi:.6}"));
            line.push(partition(mip, labels));
        }
        lines.push(line);
    }
    let marked = lines.iter().flatten().any(|cell| cell.ends_with('*'));
    let table = left_table(&lines);
    let widest = table.lines().map(|it| it.chars().count()).max().unwrap_or(0);
    match width {
        Some(width) if widest > width => text.push_str(&blocks(&lines[1..])),
        _ => text.push_str(&table),
    }
    if marked {
        text.push_str("* another purview of the same size has the same φ");
    }
    text.truncate(text.trim_end().len());
    text
}

/// The lines of the table of concepts as blocks, for narrow terminals.
fn blocks(lines: &[Vec<String>]) -> String {
    let mut cells = Vec::new();
    for line in lines {
        let [mechanism, phi, cause, cause_phi, cause_mip, effect, effect_phi, effect_mip] =
            line.as_slice()
        else {
            unreachable!("eight columns")
        };
        cells.push([mechanism.clone(), format!("φ {phi}"), String::new()].to_vec());
        let core = |name: &str, purview: &str, phi: &str, mip: &str| {
            [format!("  {name} {purview}"), format!("φ {phi}"), mip.to_owned()].to_vec()
        };
        cells.push(core("cause ", cause, cause_phi, cause_mip));
        cells.push(core("effect", effect, effect_phi, effect_mip));
    }
    left_table(&cells)
}

/// A partition of a mechanism and a purview: `{A}/{B} × ∅/{C}`, mechanisms over purviews.
pub(crate) fn partition(parts: &[PartRecord], labels: Option<&[String]>) -> String {
    parts.iter().map(|it| part(it, labels)).collect::<Vec<_>>().join(" × ")
}

/// One part of a mechanism partition: mechanism over purview.
fn part(part: &PartRecord, labels: Option<&[String]>) -> String {
    let side = |units: &[usize]| {
        if units.is_empty() { "∅".to_owned() } else { set(units, labels) }
    };
    format!("{}/{}", side(&part.mechanism), side(&part.purview))
}

/// `{0,2}`, or `{A,C}` where the units have names.
pub(crate) fn set(units: &[usize], labels: Option<&[String]>) -> String {
    let names: Vec<String> = units
        .iter()
        .map(|&unit| match labels.and_then(|it| it.get(unit)) {
            Some(label) => terminal(label),
            None => unit.to_string(),
        })
        .collect();
    format!("{{{}}}", names.join(","))
}
