//! A network: units on a circle, filled if they are ON; an arrow is a connection, dashed and
//! struck through if a partition severs it; hulls around complexes.

use std::f64::consts::{PI, TAU};

use super::shapes::{along, bow, convex, head, ring};
use super::{Picture, text, width_of};
use crate::report::drawing::{Anchor, Drawing, Ink, Mark};
use crate::report::plot::label;

/// The radius of a unit.
pub(super) const UNIT: f64 = 18.0;

/// The longest name that stands inside its unit.
pub(super) const INSIDE: usize = 3;

/// A line around units that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Hull {
    /// The units.
    pub units: Vec<usize>,
    /// The text about it in the legend.
    pub said: String,
}

impl Hull {
    /// The outline `reach` away from all places, in the colour of the series `at`.
    fn marks(&self, places: &[(f64, f64)], reach: f64, at: usize) -> Vec<Mark> {
        let mut points = convex(places.iter().flat_map(|&it| ring(it, reach)).collect());
        let (fill, ink) = (Ink::Veil(at, 10), Ink::Series(at));
        let title = self.said.clone();
        let area = Mark::Area { points: points.clone(), fill, ink: fill, width: 0.0, title };
        points.extend(points.first().copied());
        vec![area, Mark::Line { points, ink, width: 2.0, dashed: at % 2 == 1 }]
    }
}

impl Picture<'_> {
    /// The units and their connections, some of which are `severed`, which is `said` beneath; with
    /// hulls around some of the units.
    pub fn graph(&self, severed: &[(usize, usize)], said: &str, hulls: &[Hull]) -> Drawing {
        let n = self.cm.len();
        // Neighbours on the circle are some diameters apart.
        let radius = (n as f64 * 3.6 * UNIT / TAU).max(60.0);
        let side = 2.0 * (radius + 3.6 * UNIT);
        let longest = (0..n).map(|it| self.name(it).chars().count()).max().unwrap_or(0);
        let beside = if longest > INSIDE { 8.0 * longest as f64 } else { 0.0 };
        let letters = said.chars().count().max(self.title.chars().count() + 10);
        let of_hulls = hulls.iter().map(|it| it.said.chars().count() + 6).max().unwrap_or(0);
        let letters = letters.max(of_hulls);
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
        for (k, hull) in hulls.iter().enumerate() {
            // Those that share units lie inside each other.
            let reach = UNIT + 9.0 + 5.0 * (hulls.len() - 1 - k).min(5) as f64;
            let places: Vec<(f64, f64)> = hull.units.iter().map(|&unit| at(unit)).collect();
            marks.extend(hull.marks(&places, reach, k));
        }
        for (from, row) in self.cm.iter().enumerate() {
            for to in (0..n).filter(|&to| row[to] != 0) {
                let severed = severed.contains(&(from, to));
                let line = if from == to {
                    // A loop outside the circle.
                    let (x, y) = at(from);
                    let (dx, dy) = (angle(from).cos(), angle(from).sin());
                    let (x, y) = (x + 1.7 * UNIT * dx, y + 1.7 * UNIT * dy);
                    let turn = angle(from) + PI;
                    let around = (0..=24).map(|k| turn + 0.75 + (TAU - 1.5) * f64::from(k) / 24.0);
                    around.map(|it| (x + UNIT * it.cos(), y + UNIT * it.sin())).collect()
                } else {
                    bow(at(from), at(to), 0.1, [UNIT + 2.0, UNIT + 3.0])
                };
                marks.extend(arrow(line, severed));
            }
        }
        for unit in 0..n {
            let state = self.state.get(unit);
            let (on, inside) = (state.is_some_and(|it| *it != 0), self.nodes.contains(&unit));
            let words = |yes, no, is| if is { yes } else { no };
            let value = match state {
                None => String::new(),
                Some(state) if self.has_values() => format!(" value {state},"),
                Some(_) => format!(" {},", words("ON", "OFF", on)),
            };
            let title = format!(
                "{}:{value} {}",
                self.name(unit),
                words("in the system", "outside the system", inside)
            );
            let ink = if inside { Ink::Text } else { Ink::Muted };
            let (x, y) = at(unit);
            let ring = |radius| ring((x, y), radius);
            let fill = if on { ink } else { Ink::Paper };
            marks.push(Mark::Area { points: ring(UNIT), fill, ink, width: 2.0, title });
            if !inside {
                let points = ring(UNIT + 4.0);
                marks.push(Mark::Line { points, ink, width: 1.5, dashed: true });
            }
            let name = match state {
                Some(state) if self.has_values() => format!("{}={state}", self.name(unit)),
                _ => self.name(unit),
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
        let legend = match self.state {
            [] => "in a dashed ring: outside the system",
            _ => "filled: ON, empty: OFF, in a dashed ring: outside the system",
        };
        marks.push(middle(bottom, legend, 11.0, Ink::Muted));
        marks.push(middle(bottom + 18.0, said, 11.0, Ink::Muted));
        for (at, hull) in hulls.iter().enumerate() {
            let y = bottom + 40.0 + 18.0 * at as f64;
            let left = width / 2.0 - width_of(&hull.said, 11.0) / 2.0 - 14.0;
            let line = vec![(left - 16.0, y - 4.0), (left + 6.0, y - 4.0)];
            let (ink, dashed) = (Ink::Series(at), at % 2 == 1);
            marks.push(Mark::Line { points: line, ink, width: 2.5, dashed });
            marks.push(text((left + 12.0, y), &hull.said, 11.0, Ink::Text));
        }
        let height = bottom + 34.0 + 18.0 * hulls.len() as f64;
        Drawing { width, height, title: self.title.to_owned(), marks }
    }
}

/// A line with a head at its end; dashed and struck through if it is severed.
fn arrow(line: Vec<(f64, f64)>, severed: bool) -> Vec<Mark> {
    let [.., before, tip] = line[..] else { return Vec::new() };
    let ink = if severed { Ink::Series(0) } else { Ink::Muted };
    let (a, b) = (line[line.len() / 2 - 1], line[line.len() / 2]);
    let head = head(before, tip, 9.0, 4.0);
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
    use crate::phi::picture::tests::picture;
    use crate::report::drawing::Theme;

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
        let drawing = picture(&cm, None).graph(&[(0, 1)], "severed: {0} → {1}", &[]);
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
        assert!(drawing.svg_file(Theme::Light).contains("severed: {0} → {1}"));
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
        let svg = picture(&cm, Some(&names)).graph(&[], "", &[]).svg_file(Theme::Light);
        assert!(svg.contains("&lt;b&gt;&amp;&quot;") && svg.contains("a &lt; b"), "{svg}");
        assert!(svg.contains("a name that…") && !svg.contains("goes on and on"), "{svg}");
    }

    #[test]
    fn a_hull_is_drawn_and_named() {
        let cm = [vec![1, 1, 0], vec![1, 0, 1], vec![0, 0, 1]];
        let one = Hull { units: vec![0, 1], said: "{0,1}: φ_s = 1".to_owned() };
        let drawing = picture(&cm, None).graph(&[], "", &[one]);
        let is_hull = |it: &&Mark| matches!(it, Mark::Area { fill: Ink::Veil(0, _), .. });
        assert_eq!(drawing.marks.iter().filter(is_hull).count(), 1);
        assert!(drawing.svg_file(Theme::Light).contains(">{0,1}: φ_s = 1</text>"));
    }
}
