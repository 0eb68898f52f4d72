//! A network and its cause-effect structure as drawings.
//!
//! Units stand on a circle, filled if they are ON; an arrow is a connection, dashed and struck
//! through if the system's minimum information partition severs it. The structure has a line for
//! each concept: its mechanism, core cause and core effect as dots, φ as a bar, and the partitions
//! in words. Everything can be read without colours.

use std::f64::consts::{PI, TAU};

use crate::engine::exact::{ConceptRecord, CoreRecord};
use crate::phi::partition;
use crate::report::drawing::{Anchor, Drawing, Ink, Mark, Shape, distance};
use crate::report::plot::label;

/// What is drawn of a network.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    /// What stands above.
    pub title: &'a str,
    /// `cm[i][j]` is not 0 where i is an input of j.
    pub cm: &'a [Vec<u8>],
    /// The state of every unit.
    pub state: &'a [u8],
    /// Some unit has more than two values: then they are written, and not ON and OFF.
    pub has_values: bool,
    /// The units of the system; the others are its background.
    pub nodes: &'a [usize],
    /// The names of the units, where they have some.
    pub labels: Option<&'a [String]>,
    /// The units whose outgoing connections are severed, and those that no longer receive them.
    pub cut: Option<(&'a [usize], &'a [usize])>,
    /// The concepts.
    pub concepts: &'a [ConceptRecord],
}

/// The radius of a unit.
pub(crate) const UNIT: f64 = 18.0;

/// The longest name that stands inside its unit.
pub(crate) const INSIDE: usize = 3;

/// The longest name that is written in full.
const NAME: usize = 12;

impl Picture<'_> {
    fn name(&self, unit: usize) -> String {
        let name = self.labels.and_then(|it| it.get(unit));
        name.map_or_else(|| unit.to_string(), |it| shortened(it))
    }

    fn names(&self, units: &[usize]) -> String {
        let names: Vec<String> = units.iter().map(|&unit| self.name(unit)).collect();
        format!("{{{}}}", names.join(","))
    }

    fn is_severed(&self, from: usize, to: usize) -> bool {
        self.cut.is_some_and(|(a, b)| a.contains(&from) && b.contains(&to))
    }

    /// The units and their connections.
    pub fn graph(&self) -> Drawing {
        let n = self.state.len();
        // Neighbours on the circle are some diameters apart.
        let radius = (n as f64 * 3.6 * UNIT / TAU).max(60.0);
        let side = 2.0 * (radius + 3.6 * UNIT);
        let longest = (0..n).map(|it| self.name(it).chars().count()).max().unwrap_or(0);
        let beside = if longest > INSIDE { 8.0 * longest as f64 } else { 0.0 };
        let severed = match self.cut {
            Some((from, to)) => format!(
                "dashed and struck through: severed by the MIP, {} → {}",
                self.names(from),
                self.names(to)
            ),
            None => "nothing is lost by severing connections: Φ = 0".to_owned(),
        };
        let letters = severed.chars().count().max(self.title.chars().count() + 10);
        let width = (side + 2.0 * beside).max(6.4 * letters as f64 + 40.0).max(460.0);
        let center = (width / 2.0, 34.0 + side / 2.0);
        let angle = |unit: usize| TAU * unit as f64 / n as f64 - PI / 2.0;
        let at = |unit: usize| {
            let (x, y) = (angle(unit).cos(), angle(unit).sin());
            if n == 1 { center } else { (center.0 + radius * x, center.1 + radius * y) }
        };
        let middle =
            |y, text: &str, size, ink| label((width / 2.0, y), text, size, Anchor::Middle, ink);
        let mut marks = vec![middle(24.0, self.title, 14.0, Ink::Text)];
        for (from, row) in self.cm.iter().enumerate() {
            for to in (0..n).filter(|&to| row[to] != 0) {
                let severed = self.is_severed(from, to);
                let line = if from == to {
                    // A loop outside the circle.
                    let (x, y) = at(from);
                    let (dx, dy) = (angle(from).cos(), angle(from).sin());
                    let (x, y) = (x + 1.7 * UNIT * dx, y + 1.7 * UNIT * dy);
                    let turn = angle(from) + PI;
                    let around = (0..=24).map(|k| turn + 0.75 + (TAU - 1.5) * f64::from(k) / 24.0);
                    around.map(|it| (x + UNIT * it.cos(), y + UNIT * it.sin())).collect()
                } else {
                    bow(at(from), at(to))
                };
                marks.extend(arrow(line, severed));
            }
        }
        for (unit, &state) in self.state.iter().enumerate() {
            let (on, inside) = (state != 0, self.nodes.contains(&unit));
            let words = |yes, no, is| if is { yes } else { no };
            let value = match self.has_values {
                true => format!("value {state}"),
                false => words("ON", "OFF", on).to_owned(),
            };
            let title = format!(
                "{}: {value}, {}",
                self.name(unit),
                words("in the system", "outside the system", inside)
            );
            let ink = if inside { Ink::Text } else { Ink::Muted };
            let (x, y) = at(unit);
            let ring = |radius: f64| {
                let angles = (0..=48).map(|k| TAU * f64::from(k) / 48.0);
                angles.map(|it| (x + radius * it.cos(), y + radius * it.sin())).collect()
            };
            let fill = if on { ink } else { Ink::Paper };
            marks.push(Mark::Area { points: ring(UNIT), fill, ink, width: 2.0, title });
            if !inside {
                let points = ring(UNIT + 4.0);
                marks.push(Mark::Line { points, ink, width: 1.5, dashed: true });
            }
            let name = match self.has_values {
                true => format!("{}={state}", self.name(unit)),
                false => self.name(unit),
            };
            if name.chars().count() <= INSIDE {
                let ink = if on { Ink::Paper } else { Ink::Text };
                marks.push(label((x, y + 4.5), &name, 13.0, Anchor::Middle, ink));
                continue;
            }
            // Names that do not fit stand beside their unit, away from the others and from its
            // loop.
            let (dx, dy) = (angle(unit).cos(), angle(unit).sin());
            let far = UNIT * if self.cm[unit][unit] != 0 { 3.1 } else { 1.4 };
            let (anchor, place) = match dx {
                0.3.. => (Anchor::Start, (x + far * dx, y + far * dy + 4.5)),
                ..-0.3 => (Anchor::End, (x + far * dx, y + far * dy + 4.5)),
                _ => (Anchor::Middle, (x, y + (far + 8.0) * dy + 4.5)),
            };
            marks.push(label(place, &name, 13.0, anchor, Ink::Text));
        }
        let bottom = center.1 + side / 2.0;
        marks.push(middle(
            bottom,
            "filled: ON, empty: OFF, in a dashed ring: outside the system",
            11.0,
            Ink::Muted,
        ));
        marks.push(middle(bottom + 18.0, &severed, 11.0, Ink::Muted));
        Drawing { width, height: bottom + 34.0, title: self.title.to_owned(), marks }
    }

    /// The concepts, a line each, the largest φ first.
    pub fn structure(&self) -> Drawing {
        const CELL: f64 = 16.0;
        const LINE: f64 = 20.0;
        const BAR: f64 = 110.0;
        let columns = self.nodes.len() as f64 * CELL;
        let longest = self.nodes.iter().map(|&it| self.name(it).chars().count()).max().unwrap_or(1);
        // Names run upwards if they are wider than their column.
        let upwards = longest > 2;
        let head = 62.0 + if upwards { 7.0 * longest as f64 } else { 14.0 };
        let dots = columns.max(76.0) + 18.0;
        let [cause, mechanism, effect, bar] = [0.0, 1.0, 2.0, 3.0].map(|k| 20.0 + k * dots);
        let words = bar + BAR + 66.0;

        let labels = self.labels.map(|it| it.iter().map(|it| shortened(it)).collect::<Vec<_>>());
        let mut concepts: Vec<&ConceptRecord> = self.concepts.iter().collect();
        concepts.sort_by(|a, b| b.phi.total_cmp(&a.phi));
        let largest = concepts.first().map_or(1.0, |it| it.phi);
        let said: Vec<String> = concepts
            .iter()
            .map(|it| {
                let part = |core: &CoreRecord| {
                    format!("φ {:.4} by {}", core.phi, partition(&core.mip, labels.as_deref()))
                };
                format!("cause {}; effect {}", part(&it.cause), part(&it.effect))
            })
            .collect();
        let widest = said.iter().map(|it| it.chars().count()).max().unwrap_or(0);
        let width = (words + 6.2 * widest as f64 + 20.0).max(460.0);
        let height = head + LINE * concepts.len() as f64 + 24.0;

        let sum = concepts.iter().fold(0.0, |sum, it| sum + it.phi);
        let title = format!("{}: {} concepts, Σφ = {sum:.6}", self.title, concepts.len());
        let mut marks = vec![label((20.0, 24.0), &title, 14.0, Anchor::Start, Ink::Text)];
        if concepts.is_empty() {
            marks.push(label((20.0, 48.0), "no concepts", 12.0, Anchor::Start, Ink::Muted));
            return Drawing { width: 460.0, height: 70.0, title, marks };
        }
        let headings = [
            (cause, "core cause"),
            (mechanism, "mechanism"),
            (effect, "core effect"),
            (bar, "φ"),
            (words, "minimum information partitions"),
        ];
        for (x, text) in headings {
            marks.push(label((x, 48.0), text, 12.0, Anchor::Start, Ink::Text));
        }
        for left in [cause, mechanism, effect] {
            for (k, &unit) in self.nodes.iter().enumerate() {
                let x = left + CELL * (k as f64 + 0.5);
                let anchor = if upwards { Anchor::Start } else { Anchor::Middle };
                let at = (if upwards { x + 4.0 } else { x }, head - 8.0);
                let text = self.name(unit);
                marks.push(Mark::Text { at, text, size: 11.0, anchor, ink: Ink::Muted, upwards });
            }
        }
        for (row, (concept, said)) in concepts.iter().zip(&said).enumerate() {
            let y = head + LINE * (row as f64 + 0.5);
            let sets = [
                (cause, &concept.cause.purview),
                (mechanism, &concept.mechanism),
                (effect, &concept.effect.purview),
            ];
            for (left, units) in sets {
                for (k, unit) in self.nodes.iter().enumerate() {
                    let inside = units.contains(unit);
                    marks.push(Mark::Point {
                        at: (left + CELL * (k as f64 + 0.5), y),
                        shape: Shape::Circle,
                        ink: if inside { Ink::Text } else { Ink::Grid },
                        filled: inside,
                        title: self.names(units),
                    });
                }
            }
            let length = if largest > 0.0 { BAR * concept.phi / largest } else { 0.0 };
            let title = format!("φ of {}: {:.6}", self.names(&concept.mechanism), concept.phi);
            let size = (length.max(1.0), 10.0);
            marks.push(Mark::Bar { at: (bar, y - 5.0), size, ink: Ink::Series(1), title });
            let value = format!("{:.4}", concept.phi);
            marks.push(label(
                (bar + length + 6.0, y + 4.0),
                &value,
                11.0,
                Anchor::Start,
                Ink::Text,
            ));
            marks.push(label((words, y + 4.0), said, 11.0, Anchor::Start, Ink::Text));
        }
        Drawing { width, height, title, marks }
    }
}

/// A name of a bearable length.
pub(crate) fn shortened(name: &str) -> String {
    if name.chars().count() <= NAME {
        return name.to_owned();
    }
    name.chars().take(NAME - 1).chain(['…']).collect()
}

/// A bow from one unit to another, bent to the right of its way, so that the way back does not
/// cover it. It begins and ends at the edges of the units.
fn bow((x0, y0): (f64, f64), (x1, y1): (f64, f64)) -> Vec<(f64, f64)> {
    let (dx, dy) = (x1 - x0, y1 - y0);
    let (mx, my) = ((x0 + x1) / 2.0 - 0.1 * dy, (y0 + y1) / 2.0 + 0.1 * dx);
    let points = (0..=40).map(|k| f64::from(k) / 40.0).map(|t| {
        let (a, b, c) = ((1.0 - t).powi(2), 2.0 * t * (1.0 - t), t * t);
        (a * x0 + b * mx + c * x1, a * y0 + b * my + c * y1)
    });
    let outside = |point: &(f64, f64)| {
        let far = |from: (f64, f64), gap: f64| distance(*point, from) > UNIT + gap;
        far((x0, y0), 2.0) && far((x1, y1), 3.0)
    };
    points.filter(outside).collect()
}

/// A line with a head at its end; dashed and struck through if it is severed.
fn arrow(line: Vec<(f64, f64)>, severed: bool) -> Vec<Mark> {
    let [.., before, tip] = line[..] else { return Vec::new() };
    let ink = if severed { Ink::Series(0) } else { Ink::Muted };
    let middle = line.len() / 2;
    let (a, b) = (line[middle - 1], line[middle]);
    let along = |from: (f64, f64), to: (f64, f64)| {
        let length = distance(from, to).max(1e-9);
        ((to.0 - from.0) / length, (to.1 - from.1) / length)
    };
    let (ux, uy) = along(before, tip);
    let head = vec![
        tip,
        (tip.0 - 9.0 * ux + 4.0 * uy, tip.1 - 9.0 * uy - 4.0 * ux),
        (tip.0 - 9.0 * ux - 4.0 * uy, tip.1 - 9.0 * uy + 4.0 * ux),
    ];
    let mut marks = vec![
        Mark::Line { points: line, ink, width: 1.6, dashed: severed },
        Mark::Area { points: head, fill: ink, ink, width: 1.0, title: String::new() },
    ];
    if severed {
        let (ux, uy) = along(a, b);
        let stroke = vec![(b.0 - 7.0 * uy, b.1 + 7.0 * ux), (b.0 + 7.0 * uy, b.1 - 7.0 * ux)];
        marks.push(Mark::Line { points: stroke, ink, width: 2.5, dashed: false });
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture<'a>(cm: &'a [Vec<u8>], labels: Option<&'a [String]>) -> Picture<'a> {
        Picture {
            title: "a < b",
            cm,
            state: &[1, 0, 0],
            has_values: false,
            nodes: &[0, 1],
            labels,
            cut: Some((&[0], &[1])),
            concepts: &[],
        }
    }

    /// The lines of arrows: all, and those that are severed.
    fn arrows(drawing: &Drawing) -> (usize, usize) {
        let dashed = drawing.marks.iter().filter_map(|it| match it {
            // What ends where it began is a ring, what has two points strikes through.
            Mark::Line { dashed, points, .. }
                if points.len() > 2 && points.first() != points.last() =>
            {
                Some(*dashed)
            }
            _ => None,
        });
        (dashed.clone().count(), dashed.filter(|it| *it).count())
    }

    #[test]
    fn a_graph_has_an_arrow_a_connection_and_shows_the_cut() {
        let cm = [vec![1, 1, 0], vec![1, 0, 1], vec![0, 0, 1]];
        let drawing = picture(&cm, None).graph();
        assert_eq!(arrows(&drawing), (5, 1));
        let fills: Vec<Ink> = drawing
            .marks
            .iter()
            .filter_map(|it| match it {
                Mark::Area { points, fill, .. } if points.len() > 3 => Some(*fill),
                _ => None,
            })
            .collect();
        // Unit 0 is ON, unit 2 outside the system.
        assert_eq!(fills, [Ink::Text, Ink::Paper, Ink::Paper]);
        let rings = drawing.marks.iter().filter(
            |it| matches!(it, Mark::Line { points, dashed: true, .. } if points.len() == 49),
        );
        assert_eq!(rings.count(), 1);
        assert!(drawing.svg_file().contains("severed by the MIP, {0} → {1}"));
        // Every line stays on the sheet.
        for mark in &drawing.marks {
            let (Mark::Line { points, .. } | Mark::Area { points, .. }) = mark else { continue };
            for (x, y) in points {
                assert!((0.0..=drawing.width).contains(x) && (0.0..=drawing.height).contains(y));
            }
        }
    }

    #[test]
    fn names_are_escaped_and_shortened() {
        let names = ["<b>&\"", "a name that goes on and on", "C"].map(str::to_owned);
        let cm = [vec![0, 1, 0], vec![0, 0, 1], vec![1, 0, 0]];
        let svg = picture(&cm, Some(&names)).graph().svg_file();
        assert!(svg.contains("&lt;b&gt;&amp;&quot;") && svg.contains("a &lt; b"), "{svg}");
        assert!(svg.contains("a name that…") && !svg.contains("goes on and on"), "{svg}");
    }
}
