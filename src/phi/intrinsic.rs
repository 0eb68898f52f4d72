//! Intrinsic units of networks of one's own, as text.

use std::fmt::Write as _;

use crate::engine::intrinsic::{
    FoundRecord, IntrinsicRecord, IntrinsicUnitsRecord, MappingRecord, PartRecord, UnitRecord,
    VerdictRecord,
};
use crate::escape::terminal;
use crate::phi::{Names, bits, by_state, set, structure, unit as unit_name};
use crate::report::text::left_table;

/// The answer about one network.
pub(crate) fn text(answer: &IntrinsicUnitsRecord, labels: Option<&[String]>) -> String {
    let mut text = String::new();
    if let Some(name) = &answer.name {
        let _ = writeln!(text, "{}", terminal(name));
    }
    let history: Vec<String> = answer.history.iter().map(|it| bits(it)).collect();
    let states = if history.len() == 1 { "state" } else { "states" };
    let _ = writeln!(text, "{states} {}; {}", history.join(" "), answer.formalism);
    if let Some(search) = &answer.search {
        let _ = writeln!(
            text,
            "{} valid units, {} systems of them, {} more in unreachable states",
            search.n_units, search.n_systems, search.n_unreachable
        );
        text.push_str(&verdicts(&search.verdicts, labels));
        text.push_str(&systems("complex", "complexes", &search.complexes, labels));
        if !search.tied.is_empty() {
            text.push_str(&systems("tied system", "tied systems", &search.tied, labels));
            text.push_str("(no complexes, since others with a unit in common have the same φ_s)\n");
        }
    }
    if let Some(of_units) = answer.verdicts.as_ref().filter(|it| !it.is_empty()) {
        text.push_str(&verdicts(of_units, labels));
    }
    match &answer.found {
        Some(found) => text.push_str(&system(found, labels)),
        None => text.push_str("\nno system is a complex\n"),
    }
    text
}

/// Writes a line for each set of units that was tried as one unit.
fn verdicts(verdicts: &[VerdictRecord], labels: Option<&[String]>) -> String {
    if verdicts.is_empty() {
        return String::new();
    }
    let head = ["unit of", "φ_s of its parts", "best other", ""];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    lines.extend(verdicts.iter().map(|it| {
        let why = match it.validity.as_str() {
            "VALID" => "valid",
            "NOT_INTEGRATED" => "not valid: its parts are reducible",
            "NOT_MAXIMAL" => "not valid: another system within has more",
            _ => "not valid: another system within has as much",
        };
        let best = it.best_competitor.map_or("-".to_owned(), |it| format!("{it:.6}"));
        let parts = parts(&it.parts, labels) + &apportioned(&it.apportioned, labels);
        vec![parts, format!("{:.6}", it.phi_s), best, why.to_owned()]
    }));
    format!("\n{}", left_table(&lines))
}

fn systems(one: &str, several: &str, systems: &[FoundRecord], labels: Option<&[String]>) -> String {
    let mut text = match systems.len() {
        0 => return String::new(),
        1 => format!("\n1 {one}\n"),
        n => format!("\n{n} {several}, largest φ_s first\n"),
    };
    for it in systems {
        let units: Vec<String> = it.units.iter().map(|it| unit(it, labels)).collect();
        let _ = writeln!(text, "φ_s = {:.6}  {}", it.phi_s, units.join(" | "));
    }
    text
}

fn parts(parts: &[PartRecord], labels: Option<&[String]>) -> String {
    let micro: Option<Vec<usize>> = parts
        .iter()
        .map(|it| match it {
            PartRecord::Micro(unit) => Some(*unit),
            PartRecord::Unit(_) => None,
        })
        .collect();
    if let Some(micro) = micro {
        return set(&micro, labels);
    }
    let part = |it: &PartRecord| match it {
        PartRecord::Micro(unit) => unit_name(*unit, labels),
        PartRecord::Unit(it) => format!("({})", unit(it, labels)),
    };
    format!("{{{}}}", parts.iter().map(part).collect::<Vec<_>>().join(","))
}

fn apportioned(units: &[usize], labels: Option<&[String]>) -> String {
    match units {
        [] => String::new(),
        units => format!(" with {}", set(units, labels)),
    }
}

/// A unit: `{A,B} ON if 2 are`.
fn unit(it: &UnitRecord, labels: Option<&[String]>) -> String {
    if let Some(micro) = it.as_micro() {
        return unit_name(micro, labels);
    }
    let mut text = parts(&it.parts, labels) + &apportioned(&it.apportioned, labels);
    let part = |number: &usize| match &it.parts[*number] {
        PartRecord::Micro(unit) => unit_name(*unit, labels),
        PartRecord::Unit(_) => format!("part {number}"),
    };
    let _ = match &it.mapping {
        MappingRecord::Coarse(on) => {
            let counts: Vec<String> = on.iter().map(usize::to_string).collect();
            write!(text, " ON if {} are", counts.join(" or "))
        }
        MappingRecord::BlackBox(outputs) if outputs.is_empty() => write!(text, " always ON"),
        MappingRecord::BlackBox(outputs) => {
            let names: Vec<String> = outputs.iter().map(part).collect();
            let verb = if outputs.len() == 1 { "is" } else { "are" };
            let last = if it.grain > 1 { " at the last" } else { "" };
            write!(text, " ON if {} {verb}{last}", names.join(","))
        }
        MappingRecord::Table(table) => {
            let entries: String = table.iter().map(u8::to_string).collect();
            write!(text, " by {entries}")
        }
    };
    if it.grain > 1 {
        let _ = write!(text, " of {} updates", it.grain);
    }
    text
}

/// The units by number, their TPMs and their Φ-structure.
fn system(found: &IntrinsicRecord, labels: Option<&[String]>) -> String {
    let n = found.units.len();
    let mut text = "\nunits by number\n".to_owned();
    for (number, it) in found.units.iter().enumerate() {
        let _ = writeln!(text, "{number}: {}", unit(it, labels));
    }
    let names = |of: &'static str| (0..n).map(move |unit| format!("{of}: P({unit} ON)"));
    let rows = found
        .cause_tpm
        .iter()
        .zip(&found.effect_tpm)
        .map(|(causes, effects)| [&causes[..], &effects[..]].concat());
    let tpms = by_state(n, names("causes").chain(names("effects")), rows);
    let _ = write!(text, "\n{tpms}\n");
    text + &structure::text(&found.structure, Names::default())
}
