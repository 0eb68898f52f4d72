//! Exact Φ of networks of one's own, with their cause-effect structures (under IIT 4.0
//! Φ-structures), as text or JSON; and what caused what in their transitions.
//!
//! Each answer is written as soon as it is there: what is interrupted keeps the answers so far, as
//! valid JSON if that was asked for.

mod answers;
pub mod causes;
pub mod distance;
pub mod explore;
pub mod grains;
mod intrinsic;
mod mechanism;
mod names;
pub mod picture;
mod question;
pub mod reading;
mod spectrum;
pub(crate) mod structure;
pub mod variant;

use std::fmt::Write as _;
use std::iter;

use crate::engine::exact::{
    ComplexesRecord, ConceptRecord, CoreRecord, Cut, MajorOverTies, PartRecord, PhiRecord,
    SystemRange, TOLERANCE,
};
use crate::escape::terminal;
use crate::report::text::left_table;

pub use answers::Failure;
pub use names::Names;
pub use question::{CutUnits, MechanismUnits, Question};

/// Behind a set of units: others could stand in its place. Sets end in a brace, so no label ends
/// so.
pub(crate) const TIED: &str = " tied";

/// An answer for a person: Φ and structure, as [`Question::answer_text`] writes them.
pub(crate) fn text(answer: &PhiRecord, names: Names<'_>, width: Option<usize>) -> String {
    let mut text = String::new();
    if let Some(name) = &answer.name {
        let _ = writeln!(text, "{}", terminal(name));
    }
    let _ =
        writeln!(text, "units {}, state {}", names.set(&answer.nodes), names.state(&answer.state));
    text.push_str(&result(answer, names.labels, width));
    text
}

/// Φ, ties and structures of a system, for a person.
fn result(answer: &PhiRecord, labels: Option<&[String]>, width: Option<usize>) -> String {
    let units = |units: &[usize]| set(units, labels);
    let mut text = String::new();
    // Six digits, as of the concepts' φ; the JSON has them all.
    let phi = if answer.phi == 0.0 { "0".to_owned() } else { format!("{:.6}", answer.phi) };
    text.push_str(&variant::line(&answer.variant));
    let _ = write!(text, "Φ = {phi}");
    match &answer.cut {
        Some(cut) => {
            let (from, to): (Vec<usize>, Vec<usize>) =
                (cut.severed_from.iter().collect(), cut.severed_to.iter().collect());
            let (from, to) = (units(&from), units(&to));
            let _ = match answer.phi > 0.0 {
                true => {
                    writeln!(text, ", lost by severing the connections from {from} to {to}")
                }
                false => writeln!(
                    text,
                    ": severing the connections from {from} to {to} makes no difference"
                ),
            };
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
    if let Some(it) = &answer.spectrum {
        text.push_str(&spectrum::text(it, answer.range.as_ref(), labels));
    }
    let ces = structure(&answer.ces, answer.conceptual_information, labels, width);
    let _ = writeln!(text, "\nCause-effect structure: {ces}");
    if answer.cut.is_some() && answer.phi > 0.0 {
        let _ = writeln!(
            text,
            "\nUnder the cut: {}",
            structure(&answer.partitioned_ces, None, labels, width)
        );
    }
    text
}

/// All complexes of a network for a person: a line each, and the structure of the major one.
fn complexes_text(answer: &ComplexesRecord, names: Names<'_>, width: Option<usize>) -> String {
    let (labels, mut text) = (names.labels, String::new());
    if let Some(name) = &answer.name {
        let _ = writeln!(text, "{}", terminal(name));
    }
    let _ = writeln!(text, "state {}", names.state(&answer.state));
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
        let severed = it.cut.as_ref().map_or("-".to_owned(), |cut| severed(cut, labels));
        let numbers = [it.ces.len().to_string(), it.ties.to_string()];
        let mut line = vec![set(&it.nodes, labels), format!("{:.6}", it.phi), severed];
        line.extend(numbers);
        line
    }));
    text.push_str(&left_table(&lines));
    let sets =
        |sets: &[Vec<usize>]| sets.iter().map(|it| set(it, labels)).collect::<Vec<_>>().join(", ");
    if answer.complexes.len() > 1 {
        let _ = writeln!(text, "without those that overlap: {}", sets(&answer.condensed));
    }
    if !answer.major_ties.is_empty() {
        let _ = writeln!(
            text,
            "the major complex is one of several with the same Φ: {} as well",
            sets(&answer.major_ties)
        );
    }
    if let Some(it) = &answer.major_over_ties {
        text.push_str(&major_over_ties(it, &major.nodes, labels));
    }
    let _ = writeln!(text, "\nMajor complex {}", set(&major.nodes, labels));
    text.push_str(&result(major, labels, width));
    text
}

/// Says whether ties could change which complex is the major one.
fn major_over_ties(found: &MajorOverTies, major: &[usize], labels: Option<&[String]>) -> String {
    let MajorOverTies { could_change, ranges, unproven } = found;
    let is_open = |it: &&SystemRange| it.largest - it.smallest > TOLERANCE;
    let Some(of_major) = ranges.iter().find(|it| it.nodes == major) else {
        return "whether ties could make another one the major complex is not proven\n".to_owned();
    };
    let smallest = of_major.smallest;
    let range = |it: &SystemRange| {
        let SystemRange { nodes, smallest, largest } = it;
        format!("{} has Φ from {smallest:.6} to {largest:.6}", set(nodes, labels))
    };
    match could_change {
        Some(false) if !ranges.iter().any(|it| is_open(&it)) => String::new(),
        Some(false) => format!(
            "whatever is chosen among ties it stays the major complex: {}, others at most {:.6}\n",
            range(of_major),
            (ranges.iter().filter(|it| it.nodes != major)).map(|it| it.largest).fold(0.0, f64::max)
        ),
        Some(true) => {
            let others = ranges.iter().filter(|it| it.nodes != major && it.largest > smallest);
            let others: Vec<String> = others.map(range).collect();
            format!(
                "ties could make another one the major complex: {}, {}\n",
                range(of_major),
                others.join(", ")
            )
        }
        None => format!(
            "whether ties could make another one the major complex is not proven: {}; not proven \
             of {}\n",
            range(of_major),
            unproven.iter().map(|it| set(it, labels)).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// Describes the connections that a cut severs: `{A,B} → {C}`.
pub(crate) fn severed(cut: &Cut, labels: Option<&[String]>) -> String {
    let (from, to): (Vec<usize>, Vec<usize>) =
        (cut.severed_from.iter().collect(), cut.severed_to.iter().collect());
    format!("{} → {}", set(&from, labels), set(&to, labels))
}

/// The concepts of a structure, a line each, with its conceptual information.
fn structure(
    concepts: &[ConceptRecord],
    information: Option<f64>,
    labels: Option<&[String]>,
    width: Option<usize>,
) -> String {
    let sum: f64 = concepts.iter().map(|it| it.phi).sum();
    let information =
        information.map_or_else(String::new, |it| format!(", conceptual information {it:.6}"));
    let mut text = match concepts.len() {
        0 => return "no concepts".to_owned(),
        1 => format!("1 concept, φ = {sum:.6}{information}\n"),
        n => format!("{n} concepts, Σφ = {sum:.6}{information}\n"),
    };
    let header = ["mechanism", "φ", "cause", "φ", "partition", "effect", "φ", "partition"];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    for concept in concepts {
        let mut line = vec![set(&concept.mechanism, labels), format!("{:.6}", concept.phi)];
        for core in [&concept.cause, &concept.effect] {
            let CoreRecord { purview, phi, mip, ties, .. } = core;
            // A word marks a purview that another of the same size and φ could replace: any sign
            // may be part of a label.
            let mark = if *ties > 0 { TIED } else { "" };
            line.push(format!("{}{mark}", set(purview, labels)));
            line.push(format!("{phi:.6}"));
            line.push(partition(mip, labels));
        }
        lines.push(line);
    }
    let marked = lines.iter().flatten().any(|cell| cell.ends_with(TIED));
    let table = left_table(&lines);
    let widest = table.lines().map(|it| it.chars().count()).max().unwrap_or(0);
    match width {
        Some(width) if widest > width => text.push_str(&blocks(&lines[1..])),
        _ => text.push_str(&table),
    }
    if marked {
        text.push_str("tied: another purview of the same size has the same φ");
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
    let names: Vec<String> = units.iter().map(|&it| unit(it, labels)).collect();
    format!("{{{}}}", names.join(","))
}

/// The values of units that have so many in the state of this number, the first unit fastest.
pub(crate) fn values_of(mut number: usize, sizes: &[usize]) -> impl Iterator<Item = u8> {
    sizes.iter().map(move |&k| {
        let value = (number % k) as u8;
        number /= k;
        value
    })
}

/// A table of numbers by the state of binary units, the first unit fastest.
pub(crate) fn by_state(
    n_units: usize,
    names: impl Iterator<Item = String>,
    rows: impl Iterator<Item = Vec<f64>>,
) -> String {
    let mut lines: Vec<Vec<String>> = vec![iter::once("state".to_owned()).chain(names).collect()];
    for (number, row) in rows.enumerate() {
        let state: Vec<u8> = values_of(number, &vec![2; n_units]).collect();
        lines.push(
            iter::once(bits(&state)).chain(row.iter().map(|it| format!("{it:.6}"))).collect(),
        );
    }
    left_table(&lines)
}

/// A unit by its name, or its number.
pub(crate) fn unit(unit: usize, labels: Option<&[String]>) -> String {
    match labels.and_then(|it| it.get(unit)) {
        Some(label) => terminal(label),
        None => unit.to_string(),
    }
}

/// A state: `(1,0,0)`.
pub(crate) fn bits(state: &[u8]) -> String {
    let bits: Vec<String> = state.iter().map(u8::to_string).collect();
    format!("({})", bits.join(","))
}
