//! All Φ that ties allow, as text for a person.

use std::fmt::Write as _;

use crate::engine::exact::{
    ChosenRecord, ExtremeRecord, NEAR, NearTieRecord, PhiSpectrumRecord, RangeRecord,
    SpectrumRecord,
};
use crate::phi::{set, severed};
use crate::report::text::left_table;

/// As many values are listed.
const MOST_VALUES: usize = 20;

/// As many near ties of the intact system are listed.
const MOST_NEAR: usize = 8;

/// The spectrum of a system under IIT 3.0, and where it is not proven what was tried.
pub(crate) fn text(
    spectrum: &SpectrumRecord,
    range: Option<&RangeRecord>,
    labels: Option<&[String]>,
) -> String {
    let rule = match spectrum.rule.as_str() {
        "all" => "",
        "largest" => ", with most units",
        "smallest" => ", with fewest units",
        _ => ": a mechanism that has several has no concept",
    };
    let cuts = match spectrum.cut_choices.as_str() {
        "inherited" => "",
        _ => "; every concept of a cut system chosen anew",
    };
    let mut text = format!(
        "\nAll choices among core causes and effects of the same φ (rule {}{rule}{cuts}):\n",
        spectrum.rule
    );
    let choices = spectrum.choices.map(|it| match it {
        1.0 => "1 choice in the intact system".to_owned(),
        _ if it < 1e9 => format!("{it} choices in the intact system"),
        _ => format!("{it:.1e} choices in the intact system"),
    });
    let choices = choices.unwrap_or_else(|| "too many choices to count".to_owned());
    let ends = extremes(spectrum.smallest, spectrum.largest, spectrum.proven, 6);
    let n_values = spectrum.values.as_ref().map(Vec::len);
    let _ = match n_values.filter(|&n| n > 1) {
        Some(n) => writeln!(text, "{ends}, {n} values; {choices}"),
        None => writeln!(text, "{ends}; {choices}"),
    };
    if let Some(range) = range {
        text.push_str(&tried(range));
    }
    if let Some(values) = spectrum.values.as_ref().filter(|it| it.len() > 1) {
        let header = ["Φ", "severed", "chosen in the intact system", "chosen under the cut"];
        let mut lines = vec![header.map(str::to_owned).to_vec()];
        lines.extend(values.iter().take(MOST_VALUES).map(|it| {
            let cut = it.cut.as_ref().map_or("-".to_owned(), |cut| severed(cut, labels));
            let chosen = |these: &[ChosenRecord]| match these {
                [] => "-".to_owned(),
                _ => these.iter().map(|it| choice(it, labels)).collect::<Vec<_>>().join("; "),
            };
            vec![format!("{:.6}", it.phi), cut, chosen(&it.intact), chosen(&it.partitioned)]
        }));
        text.push_str(&left_table(&lines));
        if values.len() > MOST_VALUES {
            let more = values.len() - MOST_VALUES;
            let _ = writeln!(text, "… and {more} more values (all with --format json)");
        }
        text.push_str("chosen: mechanism: purview of its cause / purview of its effect\n");
    }
    text.push_str(&near_ties(spectrum, labels));
    text
}

/// `from X to Y, proven`, or between what each end is.
fn extremes(
    smallest: ExtremeRecord,
    largest: ExtremeRecord,
    is_proven: bool,
    n_decimals: usize,
) -> String {
    let number = |it: f64| match it {
        _ if it < 1e9 => format!("{it:.n_decimals$}"),
        _ => format!("{it:.n_decimals$e}"),
    };
    let end = |it: ExtremeRecord| match it.at_most {
        Some(at_most) if it.at_least == at_most => format!("is {} (proven)", number(at_most)),
        Some(at_most) => format!("is between {} and {}", number(it.at_least), number(at_most)),
        None => format!("is at least {}", number(it.at_least)),
    };
    match is_proven {
        true if smallest.at_least == largest.at_least => {
            format!("Φ = {} whatever is chosen (proven)", number(smallest.at_least))
        }
        true => {
            format!("Φ from {} to {} (proven)", number(smallest.at_least), number(largest.at_least))
        }
        false => format!("the smallest Φ {}, the largest {}", end(smallest), end(largest)),
    }
}

/// Describes the numberings that were tried where nothing is proven.
fn tried(range: &RangeRecord) -> String {
    let RangeRecord { low, high, numberings, is_exhaustive } = *range;
    let which = if is_exhaustive { "all there are" } else { "drawn at random" };
    match numberings {
        1 => format!("tried: the network's own numbering, which gives Φ = {low:.6}\n"),
        _ if low == high => {
            format!("tried: Φ = {low:.6} in {numberings} numberings of the units, {which}\n")
        }
        _ => format!(
            "tried: Φ from {low:.6} to {high:.6} in {numberings} numberings of the units, {which}\n"
        ),
    }
}

fn choice(chosen: &ChosenRecord, labels: Option<&[String]>) -> String {
    let ChosenRecord { mechanism, cause, effect } = chosen;
    format!("{}: {} / {}", set(mechanism, labels), set(cause, labels), set(effect, labels))
}

/// A warning of what noise may decide.
fn near_ties(spectrum: &SpectrumRecord, labels: Option<&[String]>) -> String {
    let SpectrumRecord { near_ties, n_near_ties, .. } = spectrum;
    if *n_near_ties == 0 {
        return format!("No purview is within {NEAR:e} of a winner.\n");
    }
    let mut text = format!(
        "warning: in {n_near_ties} searches, of the intact system and of the cut ones, other \
         purviews are within {NEAR:e} of the winner; noise decides there in programs whose \
         transport is inexact, as that of PyPhi 1.2.0 (5e-6)\n"
    );
    let intact: Vec<&NearTieRecord> = near_ties.iter().filter(|it| it.cut.is_none()).collect();
    for it in intact.iter().take(MOST_NEAR) {
        let purviews: Vec<String> = (it.purviews.iter())
            .map(|(units, phi)| format!("{} {phi:.6}", set(units, labels)))
            .collect();
        let _ = writeln!(
            text,
            "  {} of {}: {}",
            it.direction,
            set(&it.mechanism, labels),
            purviews.join(", ")
        );
    }
    if intact.len() > MOST_NEAR {
        let _ = writeln!(text, "  … and {} more of the intact system", intact.len() - MOST_NEAR);
    }
    text
}

/// The smallest and the largest Φ under IIT 4.0.
pub(crate) fn structure_text(spectrum: &PhiSpectrumRecord) -> String {
    let PhiSpectrumRecord { proven, smallest, largest, combinations } = spectrum;
    format!(
        "All choices among causes, effects and system states that tie: {}; {combinations} \
         combination{}\n",
        extremes(*smallest, *largest, *proven, 9),
        if *combinations == 1u32.into() { "" } else { "s" }
    )
}
