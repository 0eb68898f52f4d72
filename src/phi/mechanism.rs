//! One mechanism over its purviews as text for a person.

use std::fmt::Write as _;

use crate::engine::exact::{MechanismRecord, PhiPurviewRecord, PurviewRecord};
use crate::escape::terminal;
use crate::phi::{Names, partition, values_of, variant};
use crate::report::text::left_table;

/// One line of the list of purviews, and what more there is to say of it alone.
struct Shown {
    purview: String,
    numbers: Vec<String>,
    partitions: Vec<String>,
    are_all: bool,
    /// The units of the purview, and how many values each has.
    units: Vec<usize>,
    sizes: Vec<usize>,
    /// The names of the repertoires, and each of them.
    repertoires: Vec<(&'static str, Vec<f64>)>,
}

/// The answer by IIT 3.0. A purview that was asked for is shown with its repertoires.
pub(crate) fn text(
    answer: &MechanismRecord<PurviewRecord>,
    names: Names<'_>,
    is_chosen: bool,
) -> String {
    let shown = |it: &PurviewRecord| Shown {
        purview: names.set(&it.purview),
        numbers: vec![format!("{:.6}", it.phi)],
        partitions: it.mips.iter().map(|parts| partition(parts, names.labels)).collect(),
        are_all: true,
        units: it.purview.clone(),
        sizes: sizes(answer, &it.purview),
        repertoires: [
            Some(("repertoire", it.repertoire.clone())),
            it.partitioned_repertoire.clone().map(|it| ("partitioned", it)),
            Some(("unconstrained", it.unconstrained_repertoire.clone())),
        ]
        .into_iter()
        .flatten()
        .collect(),
    };
    written(answer, names, is_chosen, &["φ"], |it| vec![shown(it)])
}

/// The answer by IIT 4.0.
pub(crate) fn iit4_text(
    answer: &MechanismRecord<PhiPurviewRecord>,
    names: Names<'_>,
    is_chosen: bool,
) -> String {
    let shown = |it: &PhiPurviewRecord| -> Vec<Shown> {
        let of_state = it.states.iter().map(|state| Shown {
            purview: format!(
                "{}={}",
                names.set(&it.purview),
                names.state_of(&it.purview, &state.state)
            ),
            numbers: vec![format!("{:.6}", state.phi), format!("{:.6}", it.ii)],
            partitions: state.partitions.iter().map(|it| partition(it, names.labels)).collect(),
            are_all: state.partitions_are_all,
            units: it.purview.clone(),
            sizes: sizes(answer, &it.purview),
            repertoires: vec![
                ("repertoire", it.repertoire.clone()),
                ("forward", it.forward_repertoire.clone()),
                ("unconstrained forward", it.unconstrained_forward_repertoire.clone()),
            ],
        });
        of_state.collect()
    };
    written(answer, names, is_chosen, &["φ", "intrinsic information"], shown)
}

fn written<P>(
    answer: &MechanismRecord<P>,
    names: Names<'_>,
    is_chosen: bool,
    numbers: &[&str],
    shown: impl Fn(&P) -> Vec<Shown>,
) -> String {
    let mut text = String::new();
    if let Some(name) = &answer.name {
        let _ = writeln!(text, "{}", terminal(name));
    }
    let _ = write!(
        text,
        "units {}, state {}; {}, mechanism {}",
        names.set(&answer.nodes),
        names.state(&answer.state),
        answer.formalism,
        names.set(&answer.mechanism)
    );
    if let Some(cut) = &answer.cut {
        let [from, to] = [cut.severed_from, cut.severed_to].map(|it| it.iter().collect::<Vec<_>>());
        let _ = write!(text, ", under the cut {} → {}", names.set(&from), names.set(&to));
    }
    text.push('\n');
    text.push_str(&variant::line(&answer.variant));
    for (direction, purviews) in [("Cause", &answer.cause), ("Effect", &answer.effect)] {
        let Some(purviews) = purviews else { continue };
        let lines: Vec<Shown> = purviews.iter().flat_map(&shown).collect();
        let _ = writeln!(text, "\n{direction}");
        if lines.is_empty() {
            text.push_str("no purview with φ > 0\n");
            continue;
        }
        let mut table = vec![vec!["purview".to_owned()]];
        table[0].extend(numbers.iter().map(|&it| it.to_owned()));
        table[0].push("partition".to_owned());
        for line in &lines {
            let first = line.partitions.first().map_or("-", String::as_str);
            let others = match line.partitions.len() {
                0 | 1 if line.are_all => String::new(),
                0 | 1 => " (there may be others)".to_owned(),
                _ if is_chosen => String::new(),
                n => format!(" (and {} more)", n - 1),
            };
            let mut cells = vec![line.purview.clone()];
            cells.extend(line.numbers.iter().cloned());
            cells.push(format!("{first}{others}"));
            table.push(cells);
            // All of them, below the first.
            for other in line.partitions.iter().skip(1).filter(|_| is_chosen) {
                let mut cells = vec![String::new(); 1 + numbers.len()];
                cells.push(other.clone());
                table.push(cells);
            }
        }
        text.push_str(&left_table(&table));
        if is_chosen {
            text.push_str(&repertoires(&lines[0], names));
        }
    }
    text
}

/// Returns the number of values of each of some units.
fn sizes<P>(answer: &MechanismRecord<P>, units: &[usize]) -> Vec<usize> {
    let size = |&unit: &usize| answer.alphabet.as_ref().map_or(2, |it| it[unit]);
    units.iter().map(size).collect()
}

/// Repertoires beside each other, a line for each state.
fn repertoires(line: &Shown, names: Names<'_>) -> String {
    let Shown { units, sizes, repertoires: of, .. } = line;
    let mut table = vec![vec!["state".to_owned()]];
    table[0].extend(of.iter().map(|(name, _)| (*name).to_owned()));
    let n_states = of.first().map_or(0, |(_, it)| it.len());
    for state in 0..n_states {
        let values: Vec<u8> = values_of(state, sizes).collect();
        let mut cells = vec![names.state_of(units, &values)];
        cells.extend(of.iter().map(|(_, it)| format!("{:.6}", it[state])));
        table.push(cells);
    }
    left_table(&table)
}
