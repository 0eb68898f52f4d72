//! The account of a transition as a drawing.
//!
//! The units stand in two columns, before and after. Every causal link has a knot between them with
//! its α: lines come from the units of its occurrence and arrows go to its actual cause (to the
//! left) or its actual effect (to the right), the wider the larger α is. Where it is undetermined
//! which of several purviews it is, all have dashed arrows. Everything can be read without colours.

use crate::engine::causes::{AccountRecord, LinkRecord, ValuesRecord};
use crate::phi::Names;
use crate::phi::picture::graph::{INSIDE, UNIT};
use crate::phi::picture::shapes::{along, head, ring};
use crate::phi::picture::written;
use crate::report::drawing::{Anchor, Drawing, Ink, Mark, Shape};
use crate::report::plot::label;

/// The distance between two knots.
const LINK: f64 = 34.0;

/// The distance between the knots and the units.
const REACH: f64 = 210.0;

/// The widest arrow.
const WIDEST: f64 = 7.0;

/// An account, of a network called `name`.
pub fn account(answer: &AccountRecord, name: &str, own: Names<'_>) -> Drawing {
    let asked = &answer.transition;
    let n = asked.before.len();
    let states = [&asked.before, &asked.after];
    // Where more than ON and OFF is to be told apart, a value is written beside its unit.
    let has_values = asked.values != ValuesRecord::default();
    let name_of = |unit: usize, state: &[u8]| match has_values {
        true => format!("{}={}", written(unit, own.labels), own.value(unit, state[unit])),
        false => written(unit, own.labels),
    };
    let names: [Vec<String>; 2] =
        states.map(|state| (0..n).map(|unit| name_of(unit, state)).collect());
    let longest = names.iter().flatten().map(|it| it.chars().count()).max().unwrap_or(0);
    let beside = if longest > INSIDE { 8.0 * longest as f64 + 12.0 } else { 0.0 };
    let title = format!(
        "{name}: {} causal links, Σα = {:.6}, irreducibility {:.6}",
        answer.links.len(),
        answer.sum_alpha,
        answer.account_irreducibility.bi.irreducibility
    );
    let said = [
        "arrows to the left: actual causes, to the right: actual effects; as wide as α is large",
        "dashed arrows: undetermined, the actual cause or effect is one of these",
        match has_values {
            true => "empty: the first value of the unit; in a dashed ring: not considered",
            false => "filled: 1, empty: 0; in a dashed ring: not considered",
        },
    ];
    let letters = said.iter().map(|it| it.chars().count()).max().unwrap_or(0);
    let letters = letters.max(title.chars().count() + 12);
    let side = 2.0 * (REACH + 2.0 * UNIT + beside);
    let width = (side + 40.0).max(6.2 * letters as f64 + 40.0);
    let middle = width / 2.0;
    let columns = [middle - REACH, middle + REACH];
    let inner = (LINK * answer.links.len() as f64).max(3.0 * UNIT * n as f64);
    let top = 78.0;
    let spread = |k: usize, of: usize| top + inner * (k as f64 + 0.5) / of.max(1) as f64;
    let centered = |y, text: &str, size, ink| label((middle, y), text, size, Anchor::Middle, ink);

    let mut marks = vec![centered(24.0, &title, 14.0, Ink::Text)];
    let considered = [&asked.cause, &asked.effect];
    let largest = answer.links.iter().map(|it| it.alpha).fold(0.0, f64::max);
    for (k, link) in answer.links.iter().enumerate() {
        let knot = (middle, spread(k, answer.links.len()));
        let width = 1.0 + (WIDEST - 1.0) * link.alpha / largest;
        let place = |column: usize, unit: usize| (columns[column], spread(unit, n));
        marks.extend(link_marks(link, knot, width, &place));
    }
    // The knots are above all lines.
    for (k, link) in answer.links.iter().enumerate() {
        let at = (middle, spread(k, answer.links.len()));
        let (ink, [from, to]) = look(link);
        let purviews: Vec<String> =
            link.purviews.iter().map(|it| own.valued(it, states[to])).collect();
        let arrow = if link.direction == "cause" { "←" } else { "→" };
        let occurrence = own.valued(&link.mechanism, states[from]);
        let title =
            format!("{occurrence} {arrow} {}: α = {:.6}", purviews.join(" or "), link.alpha);
        let shape = if link.direction == "cause" { Shape::Diamond } else { Shape::Circle };
        marks.push(Mark::Point { at, shape, ink, filled: true, title });
        let text = format!("{:.4}", link.alpha);
        marks.push(label((at.0, at.1 - 8.0), &text, 11.0, Anchor::Middle, Ink::Text));
    }
    for (column, heading) in ["before", "after"].into_iter().enumerate() {
        let x = columns[column];
        marks.push(label((x, 56.0), heading, 12.0, Anchor::Middle, Ink::Text));
        for (unit, name) in names[column].iter().enumerate() {
            let at = (x, spread(unit, n));
            let is_considered = considered[column].contains(&unit);
            let ink = if is_considered { Ink::Text } else { Ink::Muted };
            let value = states[column][unit];
            let fill = if value != 0 { ink } else { Ink::Paper };
            let is = if has_values { name.clone() } else { format!("{name} = {value}") };
            let title = format!(
                "{is} {heading}, {}",
                if is_considered { "considered" } else { "not considered" }
            );
            let points = ring(at, UNIT);
            marks.push(Mark::Area { points, fill, ink, width: 2.0, title });
            if !is_considered {
                let points = ring(at, UNIT + 4.0);
                marks.push(Mark::Line { points, ink, width: 1.5, dashed: true });
            }
            if name.chars().count() <= INSIDE {
                let ink = if value != 0 { Ink::Paper } else { Ink::Text };
                marks.push(label((at.0, at.1 + 4.5), name, 13.0, Anchor::Middle, ink));
                continue;
            }
            let (anchor, dx) = match column {
                0 => (Anchor::End, -UNIT - 8.0),
                _ => (Anchor::Start, UNIT + 8.0),
            };
            marks.push(label((at.0 + dx, at.1 + 4.5), name, 13.0, anchor, Ink::Text));
        }
    }
    let bottom = top + inner + 22.0;
    for (k, text) in said.into_iter().enumerate() {
        marks.push(centered(bottom + 17.0 * k as f64, text, 11.0, Ink::Muted));
    }
    Drawing { width, height: bottom + 52.0, title, marks }
}

/// The colour of a link, and the columns of its occurrence and of its cause or effect.
fn look(link: &LinkRecord) -> (Ink, [usize; 2]) {
    if link.direction == "cause" { (Ink::Series(0), [1, 0]) } else { (Ink::Series(1), [0, 1]) }
}

/// Lines from the units of the occurrence to the knot, and arrows from there.
fn link_marks(
    link: &LinkRecord,
    knot: (f64, f64),
    width: f64,
    place: &dyn Fn(usize, usize) -> (f64, f64),
) -> Vec<Mark> {
    let (ink, [from, to]) = look(link);
    let mut marks = Vec::new();
    for &unit in &link.mechanism {
        let points = vec![edge(place(from, unit), knot, 2.0), knot];
        marks.push(Mark::Line { points, ink, width, dashed: false });
    }
    let mut units: Vec<usize> = link.purviews.concat();
    units.sort_unstable();
    units.dedup();
    for unit in units {
        let tip = edge(place(to, unit), knot, 3.0);
        let (ux, uy) = along(knot, tip);
        let long = 8.0 + width;
        let back = (tip.0 - long * ux, tip.1 - long * uy);
        let dashed = link.undetermined;
        marks.push(Mark::Line { points: vec![knot, back], ink, width, dashed });
        let points = head(knot, tip, long, 3.0 + 0.6 * width);
        marks.push(Mark::Area { points, fill: ink, ink, width: 1.0, title: String::new() });
    }
    marks
}

/// Returns the point where the line from a unit to a point leaves the unit.
fn edge(unit: (f64, f64), point: (f64, f64), gap: f64) -> (f64, f64) {
    let (ux, uy) = along(unit, point);
    let far = UNIT + gap;
    (unit.0 + far * ux, unit.1 + far * uy)
}
