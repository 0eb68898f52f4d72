//! Concepts (IIT 3.0) or distinctions (IIT 4.0), a line each: mechanism, cause and effect as dots,
//! φ as a bar, and the partitions in words.

use super::{Picture, text, width_of};
use crate::engine::exact::{ConceptRecord, CoreRecord, DistinctionRecord, MiceRecord, PhiRecord};
use crate::phi::{bits, partition, severed};
use crate::report::drawing::{Anchor, Drawing, Ink, Mark, Shape};
use crate::report::plot::label;

/// A purview, or a mechanism.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowSide {
    /// The units.
    pub units: Vec<usize>,
    /// The state of each of them; empty where none is specified.
    pub state: Vec<u8>,
}

impl RowSide {
    fn title(&self, picture: &Picture<'_>) -> String {
        let units = picture.names(&self.units);
        if self.state.is_empty() { units } else { format!("{units}={}", bits(&self.state)) }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureRow {
    /// The units of the mechanism.
    pub mechanism: Vec<usize>,
    /// Its cause.
    pub cause: RowSide,
    /// Its effect.
    pub effect: RowSide,
    /// φ of the whole.
    pub phi: f64,
    /// The partitions in words.
    pub said: String,
    /// It does not count: its cause or effect is not congruent.
    pub is_left_out: bool,
}

impl Picture<'_> {
    /// The line of a concept.
    pub fn concept(&self, concept: &ConceptRecord) -> PictureRow {
        let labels = self.short_labels();
        let part = |core: &CoreRecord| {
            format!("φ {:.4} by {}", core.phi, partition(&core.mip, labels.as_deref()))
        };
        let side = |core: &CoreRecord| RowSide { units: core.purview.clone(), state: Vec::new() };
        PictureRow {
            mechanism: concept.mechanism.clone(),
            cause: side(&concept.cause),
            effect: side(&concept.effect),
            phi: concept.phi,
            said: format!("cause {}; effect {}", part(&concept.cause), part(&concept.effect)),
            is_left_out: false,
        }
    }

    /// The line of a distinction.
    pub fn distinction(&self, distinction: &DistinctionRecord, is_left_out: bool) -> PictureRow {
        let labels = self.short_labels();
        let part = |mice: &MiceRecord| {
            format!("φ {:.4} by {}", mice.phi, partition(&mice.partition, labels.as_deref()))
        };
        let side =
            |mice: &MiceRecord| RowSide { units: mice.purview.clone(), state: mice.state.clone() };
        let (cause, effect) = (&distinction.cause, &distinction.effect);
        let not = if is_left_out { "not congruent; " } else { "" };
        PictureRow {
            mechanism: distinction.mechanism.clone(),
            cause: side(cause),
            effect: side(effect),
            phi: distinction.phi_d,
            said: format!("{not}cause {}; effect {}", part(cause), part(effect)),
            is_left_out,
        }
    }

    /// The concepts that the minimum information partition of the system leaves.
    pub fn partitioned(&self, answer: &PhiRecord) -> Drawing {
        let rows: Vec<PictureRow> =
            answer.partitioned_ces.iter().map(|it| self.concept(it)).collect();
        let Some(cut) = answer.cut.as_ref().filter(|_| answer.phi > 0.0) else {
            let title = format!("{}: nothing is lost by severing connections: Φ = 0", self.title);
            return self.structure(&title, &rows);
        };
        let title = format!(
            "{}: {} of {} concepts are left by {}; what is lost is Φ = {:.6}",
            self.title,
            rows.len(),
            answer.ces.len(),
            severed(cut, self.short_labels().as_deref()),
            answer.phi
        );
        self.structure(&title, &rows)
    }

    /// The concepts or distinctions, a line each, the largest φ first, under a `title`.
    pub fn structure(&self, title: &str, rows: &[PictureRow]) -> Drawing {
        const CELL: f64 = 16.0;
        const LINE: f64 = 20.0;
        const BAR: f64 = 110.0;
        let columns = self.nodes.len() as f64 * CELL;
        let longest = self.nodes.iter().map(|&it| self.name(it).chars().count()).max().unwrap_or(1);
        // Names run upwards if they are wider than their column.
        let upwards = longest > 2;
        let head = 62.0 + if upwards { 7.0 * longest as f64 } else { 14.0 };
        let dots = columns.max(76.0) + 18.0;
        let [cause, mechanism_at, effect, bar] = [0.0, 1.0, 2.0, 3.0].map(|k| 20.0 + k * dots);
        let words = bar + BAR + 66.0;

        let mut rows: Vec<&PictureRow> = rows.iter().collect();
        rows.sort_by(|a, b| a.is_left_out.cmp(&b.is_left_out).then(b.phi.total_cmp(&a.phi)));
        let largest = rows.iter().map(|it| it.phi).fold(0.0, f64::max);
        let widest = rows.iter().map(|it| it.said.chars().count()).max().unwrap_or(0);
        let has_states = rows.iter().any(|it| !it.cause.state.is_empty());
        let foot = match (has_states, self.has_values()) {
            (false, _) => "",
            (true, false) => "purviews: filled ON, empty OFF",
            (true, true) => "purviews: the value of each unit",
        };
        let width =
            (words + 6.2 * widest as f64 + 20.0).max(460.0).max(width_of(title, 14.0) + 40.0);
        let height = head + LINE * rows.len() as f64 + 24.0;

        let mut marks = vec![text((20.0, 24.0), title, 14.0, Ink::Text)];
        let title = title.to_owned();
        if rows.is_empty() {
            marks.push(text((20.0, 48.0), "nothing with φ > 0", 12.0, Ink::Muted));
            return Drawing { width, height: 70.0, title, marks };
        }
        let headings = [
            (cause, "cause"),
            (mechanism_at, "mechanism"),
            (effect, "effect"),
            (bar, "φ"),
            (words, "minimum information partitions"),
        ];
        for (x, heading) in headings {
            marks.push(text((x, 48.0), heading, 12.0, Ink::Text));
        }
        for left in [cause, mechanism_at, effect] {
            for (k, &unit) in self.nodes.iter().enumerate() {
                let x = left + CELL * (k as f64 + 0.5);
                let anchor = if upwards { Anchor::Start } else { Anchor::Middle };
                let at = (if upwards { x + 4.0 } else { x }, head - 8.0);
                let text = self.name(unit);
                marks.push(Mark::Text { at, text, size: 11.0, anchor, ink: Ink::Muted, upwards });
            }
        }
        for (at, row) in rows.iter().enumerate() {
            let y = head + LINE * (at as f64 + 0.5);
            let strong = if row.is_left_out { Ink::Muted } else { Ink::Text };
            let mechanism = RowSide { units: row.mechanism.clone(), state: Vec::new() };
            for (left, side) in
                [(cause, &row.cause), (mechanism_at, &mechanism), (effect, &row.effect)]
            {
                for (k, unit) in self.nodes.iter().enumerate() {
                    let at = (left + CELL * (k as f64 + 0.5), y);
                    marks.push(self.dot(side, *unit, at, strong));
                }
            }
            let length = if largest > 0.0 { BAR * row.phi / largest } else { 0.0 };
            let title = format!("φ of {}: {:.6}", self.names(&row.mechanism), row.phi);
            let size = (length.max(1.0), 10.0);
            let ink = if row.is_left_out { Ink::Grid } else { Ink::Series(1) };
            marks.push(Mark::Bar { at: (bar, y - 5.0), size, ink, title });
            let value = format!("{:.4}", row.phi);
            marks.push(text((bar + length + 6.0, y + 4.0), &value, 11.0, strong));
            marks.push(text((words, y + 4.0), &row.said, 11.0, strong));
        }
        if !foot.is_empty() {
            marks.push(text((20.0, height - 6.0), foot, 11.0, Ink::Muted));
        }
        Drawing { width, height, title, marks }
    }

    /// Draws a dot for a unit: it shows whether the unit is in a set, and ON. Where there are more
    /// than two values, the value is drawn instead.
    fn dot(&self, side: &RowSide, unit: usize, (x, y): (f64, f64), strong: Ink) -> Mark {
        let place = side.units.iter().position(|&it| it == unit);
        let value = place.and_then(|it| side.state.get(it));
        if let Some(value) = value.filter(|_| self.has_values()) {
            return label((x, y + 4.0), &value.to_string(), 11.0, Anchor::Middle, strong);
        }
        Mark::Point {
            at: (x, y),
            shape: Shape::Circle,
            ink: if place.is_some() { strong } else { Ink::Grid },
            filled: place.is_some() && value != Some(&0),
            title: side.title(self),
        }
    }
}
