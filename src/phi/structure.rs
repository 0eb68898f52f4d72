//! Φ-structures of IIT 4.0 as text for a person.

use std::fmt::Write as _;

use crate::engine::exact::{
    DistinctionRecord, MiceRecord, PhiComplexesRecord, PhiStructureRecord, RelationRecord,
    SystemRecord,
};
use crate::escape::terminal;
use crate::phi::{Names, TIED, set, spectrum};
use crate::report::text::left_table;

/// The answer for one system.
pub(crate) fn text(answer: &PhiStructureRecord, names: Names<'_>) -> String {
    head(&answer.system, names) + &result(answer, names)
}

/// φ_s of one system; or, if it `is_under_cut`, what a partition that was asked for takes away.
pub(crate) fn system_text(answer: &SystemRecord, names: Names<'_>, is_under_cut: bool) -> String {
    let which = if is_under_cut { "under the partition" } else { LEAST };
    head(answer, names) + &system_result(answer, names, which)
}

/// The partition that takes least, of all.
const LEAST: &str = "minimum information partition";

/// Writes the question: units, state and rules.
fn head(system: &SystemRecord, names: Names<'_>) -> String {
    let SystemRecord { name, nodes, state, formalism, ties_policy, .. } = system;
    let mut text = String::new();
    if let Some(name) = name {
        let _ = writeln!(text, "{}", terminal(name));
    }
    let _ = writeln!(
        text,
        "units {}, state {}; {formalism}, ties {ties_policy}",
        names.set(nodes),
        names.state(state)
    );
    text
}

/// All complexes of a network: a line each, and the structure of the first.
pub(crate) fn complexes_text(answer: &PhiComplexesRecord, names: Names<'_>) -> String {
    let PhiComplexesRecord { name, state, formalism, ties_policy, complexes, .. } = answer;
    let mut text = String::new();
    if let Some(name) = name {
        let _ = writeln!(text, "{}", terminal(name));
    }
    let _ = writeln!(text, "state {}; {formalism}, ties {ties_policy}", names.state(state));
    let Some(first) = complexes.first() else {
        text.push_str("no complexes: every system has φ_s = 0 or is in an unreachable state\n");
        return text;
    };
    let _ = match complexes.len() {
        1 => writeln!(text, "1 complex"),
        n => writeln!(text, "{n} complexes, largest φ_s first"),
    };
    let header = ["units", "φ_s", "partition", "distinctions", "relations", "Φ"];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    lines.extend(complexes.iter().map(|it| {
        vec![
            names.set(&it.system.nodes),
            format!("{:.6}", it.system.phi_s),
            partition(&it.system, names.labels),
            it.distinctions.len().to_string(),
            it.n_relations.to_string(),
            sum(it.big_phi, 6),
        ]
    }));
    text.push_str(&left_table(&lines));
    let _ = writeln!(text, "\nComplex {}", names.set(&first.system.nodes));
    text.push_str(&result(first, names));
    text
}

/// φ_s, the states, Φ and the distinctions.
fn result(answer: &PhiStructureRecord, names: Names<'_>) -> String {
    let mut text = system_result(&answer.system, names, LEAST);
    if answer.system.phi_s == 0.0 && answer.big_phi > 0.0 {
        text.push_str("\nThe system is not a complex, since φ_s = 0. Its structure:");
    }
    let _ = match answer.choice.as_ref().filter(|choice| !choice.proven) {
        None => writeln!(text, "\nΦ = {}", sum(answer.big_phi, 9)),
        // The largest one is not known; this one is attained.
        Some(choice) => {
            let at_most = choice.big_phi_at_most.map_or("unknown".to_owned(), |it| sum(it, 9));
            let found = sum(answer.big_phi, 9);
            writeln!(
                text,
                "\nΦ is at least {found}, at most {at_most}: ties allow {} combinations, too many \
                 to try (--ties-policy principled decides them one by one)",
                choice.combinations
            )
        }
    };
    if let Some(it) = &answer.spectrum {
        text.push_str(&spectrum::structure_text(it));
    }
    let _ = writeln!(
        text,
        "{}, Σφ_r = {}",
        counted(&answer.n_relations.to_string(), "relation"),
        sum(answer.sum_phi_r, 6)
    );
    text.push_str(&distinctions(answer, names));
    if let Some(relations) = &answer.relations {
        text.push_str(&relations_text(answer, relations, names));
    }
    text
}

/// The relations that were asked for, a line each.
fn relations_text(
    answer: &PhiStructureRecord,
    relations: &[RelationRecord],
    names: Names<'_>,
) -> String {
    let n_all = answer.n_relations.to_string();
    let mut text = match relations.len().to_string() {
        n if n == n_all => "\nRelations\n".to_owned(),
        n => format!("\nThe first {n} of {n_all} relations\n"),
    };
    let header = ["mechanisms", "in common", "φ_r", "faces"];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    lines.extend(relations.iter().map(|it| {
        let mechanisms: Vec<String> = it.mechanisms.iter().map(|it| names.set(it)).collect();
        let (units, states): (Vec<usize>, Vec<u8>) = it.overlap.iter().copied().unzip();
        vec![
            mechanisms.join(" "),
            format!("{}={}", names.set(&units), names.state_of(&units, &states)),
            format!("{:.6}", it.phi_r),
            it.n_faces.to_string(),
        ]
    }));
    text.push_str(&left_table(&lines));
    text
}

/// φ_s with its partition, and the states that the system specifies.
fn system_result(system: &SystemRecord, names: Names<'_>, which: &str) -> String {
    let mut text = match system.phi_s {
        0.0 => "φ_s = 0".to_owned(),
        phi_s => format!("φ_s = {phi_s:.9}"),
    };
    let (tried, reasons) = (system.phi_cause.zip(system.phi_effect), &system.reasons);
    let _ = match tried {
        None => {
            let reasons: Vec<&str> = reasons.iter().map(|reason| explain(reason)).collect();
            writeln!(text, ": {}", reasons.join(", "))
        }
        // Some partition that makes no difference, not the one that makes least.
        Some((cause, effect)) if cause.min(effect) <= 0.0 || system.mip_ties == 0 => {
            writeln!(
                text,
                ": the partition {} makes no difference",
                partition(system, names.labels)
            )
        }
        Some((cause, effect)) => writeln!(
            text,
            ", {which} {}\n\
             integrated cause information {cause:.6}, effect information {effect:.6}, normalized \
             φ_s {:.6}",
            partition(system, names.labels),
            system.normalized_phi_s
        ),
    };
    if let Some(states) = &system.sia_system_state {
        let (cause, effect) = (&states.cause, &states.effect);
        let _ = writeln!(
            text,
            "specified cause {}, intrinsic information {:.6}; effect {}, intrinsic information \
             {:.6}",
            names.state_of(&system.nodes, &cause.state),
            cause.ii,
            names.state_of(&system.nodes, &effect.state),
            effect.ii
        );
    }
    let differentiation = match system.formalism.as_str() {
        "iit4-2026" => system.intrinsic_differentiation,
        "iit4-2026-paper" => system.intrinsic_differentiation_paper,
        _ => None,
    };
    if let Some(it) = differentiation {
        let (cause, effect) = (it.cause, it.effect);
        let _ = writeln!(text, "intrinsic differentiation: cause {cause:.6}, effect {effect:.6}");
    }
    text
}

/// The congruent distinctions, a line each, and those that are left out.
fn distinctions(answer: &PhiStructureRecord, names: Names<'_>) -> String {
    let n = answer.distinctions.len();
    let mut text =
        format!("{}, Σφ_d = {:.6}\n", counted(&n.to_string(), "distinction"), answer.sum_phi_d);
    if n > 0 {
        let header = ["mechanism", "φ_d", "cause", "φ", "effect", "φ"];
        let mut lines = vec![header.map(str::to_owned).to_vec()];
        lines.extend(answer.distinctions.iter().map(|it| {
            let DistinctionRecord { mechanism, phi_d, cause, effect } = it;
            let mut line = vec![names.set(mechanism), format!("{phi_d:.6}")];
            for side in [cause, effect] {
                line.extend([mice(side, names), format!("{:.6}", side.phi)]);
            }
            line
        }));
        let marked = lines.iter().flatten().any(|cell| cell.ends_with(TIED));
        text.push_str(&left_table(&lines));
        if marked {
            text.push_str("tied: another purview has the same φ\n");
        }
    }
    let dropped: Vec<String> = answer
        .dropped_incongruent
        .iter()
        .map(|it| format!("{} ({:.6})", names.set(&it.mechanism), it.phi_d))
        .collect();
    if !dropped.is_empty() {
        let _ = writeln!(
            text,
            "left out, not congruent with the specified states: {}",
            dropped.join(", ")
        );
    }
    text
}

/// `{A,B}=(1,0)`, marked if another purview has the same φ.
fn mice(mice: &MiceRecord, names: Names<'_>) -> String {
    let tied = mice.tied.iter().any(|(purview, _)| *purview != mice.purview);
    let mark = if tied { TIED } else { "" };
    format!("{}={}{mark}", names.set(&mice.purview), names.state_of(&mice.purview, &mice.state))
}

/// The parts, each with what is cut of it.
pub(crate) fn partition(system: &SystemRecord, labels: Option<&[String]>) -> String {
    let parts = system.partition.parts.iter().zip(&system.partition.directions);
    let parts: Vec<String> = parts
        .map(|(units, direction)| {
            let cut = match direction.as_str() {
                "inputs_cut" => "inputs cut",
                "outputs_cut" => "outputs cut",
                _ => "cut",
            };
            format!("{} {cut}", set(units, labels))
        })
        .collect();
    parts.join(" | ")
}

fn explain(reason: &str) -> &str {
    match reason {
        "NO_SYSTEM" => "there are no units",
        "NO_STRONG_CONNECTIVITY" => "the units are not strongly connected",
        "MONAD_WITH_NO_SELFLOOP" => "a single unit without a connection with itself",
        "NO_CAUSE" => "the system specifies no cause",
        "NO_EFFECT" => "the system specifies no effect",
        other => other,
    }
}

/// A sum over relations, which can have any number of digits before the point.
pub(crate) fn sum(phi: f64, n_decimals: usize) -> String {
    if phi < 1e9 { format!("{phi:.n_decimals$}") } else { format!("{phi:.n_decimals$e}") }
}

fn counted(n: &str, what: &str) -> String {
    if n == "1" { format!("1 {what}") } else { format!("{n} {what}s") }
}
