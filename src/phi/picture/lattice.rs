//! A Φ-structure (IIT 4.0) on the lattice of purviews.
//!
//! Every purview has a cell, the larger ones above. In it a triangle that points down is a cause
//! over this purview, one that points up an effect; the name above is that of the mechanism.
//! Relations of two distinctions are lines between causes and effects, those of three are areas,
//! the larger φ_r the wider or darker. Σφ_r of all relations, by the number of their distinctions,
//! stands beneath.

use std::collections::BTreeMap;

use super::{Picture, text, width_of};
use crate::engine::exact::{DistinctionRecord, Listing, PhiStructureRecord, RelationRecord};
use crate::phi::bits;
use crate::phi::structure::sum;
use crate::report::drawing::{Anchor, Drawing, Ink, Mark, Shape};
use crate::report::plot::label;

/// The distance from one triangle to the next.
const PITCH: f64 = 14.0;

/// Up to so many distinctions the names of mechanisms are written.
const NAMED: usize = 31;

/// The relations that are drawn: more hide each other.
pub(super) const DRAWN: Listing = Listing::Largest { pairs: 120, triples: 12 };

/// A cause or an effect: the position of its distinction, and whether it is a cause.
type Pole = (usize, bool);

/// The place where each cause and effect is drawn.
type Places = BTreeMap<Pole, (f64, f64)>;

/// A purview in a state, with the causes and effects over it.
struct Cell {
    said: String,
    poles: Vec<Pole>,
}

/// The size of the cells.
#[derive(Clone, Copy)]
struct Measure {
    /// The names of mechanisms stand above their causes and effects.
    is_named: bool,
    /// The distance from one line of a cell to the next.
    up: f64,
    /// The distance from one triangle to the next.
    across: f64,
}

/// Between two cells of a row.
const BESIDE: f64 = 22.0;

/// Between two rows.
const BETWEEN: f64 = 54.0;

impl Measure {
    fn columns(self, n: usize) -> usize {
        let square = (n as f64).sqrt().ceil() as usize;
        if self.is_named { n.min(8) } else { (2 * square).min(n) }.max(1)
    }

    fn width(self, cell: &Cell) -> f64 {
        let columns = self.columns(cell.poles.len());
        (columns as f64 * self.across + 10.0).max(width_of(&cell.said, 11.0) + 12.0)
    }

    fn row_width(self, row: &[Cell]) -> f64 {
        row.iter().map(|it| self.width(it) + BESIDE).sum()
    }

    fn row_height(self, row: &[Cell]) -> f64 {
        let lines = |it: &Cell| it.poles.len().div_ceil(self.columns(it.poles.len()));
        row.iter().map(lines).max().unwrap_or(1) as f64 * self.up + 24.0
    }
}

/// The place of a cell.
struct Frame<'a> {
    said: &'a str,
    /// Its upper left corner.
    at: (f64, f64),
    size: (f64, f64),
}

/// Cells and what is in them, at their places.
struct Layout<'a> {
    frames: Vec<Frame<'a>>,
    places: Places,
    /// The bottom of the last row.
    bottom: f64,
}

impl<'a> Layout<'a> {
    fn new(rows: &'a [Vec<Cell>], measure: Measure, width: f64) -> Layout<'a> {
        let mut layout = Layout { frames: Vec::new(), places: Places::new(), bottom: 44.0 };
        for row in rows {
            let (mut x, y) = ((width - measure.row_width(row) + BESIDE) / 2.0, layout.bottom);
            let high = measure.row_height(row);
            for cell in row {
                let wide = measure.width(cell);
                layout.frames.push(Frame { said: &cell.said, at: (x, y), size: (wide, high) });
                let columns = measure.columns(cell.poles.len());
                let left = x + (wide - columns as f64 * measure.across) / 2.0;
                for (k, pole) in cell.poles.iter().enumerate() {
                    let (column, line) = ((k % columns) as f64, (k / columns) as f64);
                    let at = left + (column + 0.5) * measure.across;
                    layout.places.insert(*pole, (at, y + (line + 1.0) * measure.up + 14.0));
                }
                x += wide + BESIDE;
            }
            layout.bottom += high + BETWEEN;
        }
        layout.bottom -= BETWEEN;
        layout
    }
}

impl Picture<'_> {
    /// The structure, whose largest relations are listed.
    pub fn lattice(&self, structure: &PhiStructureRecord) -> Drawing {
        let distinctions = &structure.distinctions;
        let names: Vec<String> = distinctions.iter().map(|it| self.names(&it.mechanism)).collect();
        let longest = names.iter().map(|it| width_of(it, 10.0)).fold(0.0, f64::max);
        let measure = match distinctions.len() <= NAMED {
            true => Measure { is_named: true, up: longest + 16.0, across: 14.0 },
            false => Measure { is_named: false, up: PITCH, across: PITCH + 3.0 },
        };
        let title = format!(
            "{}: {} distinctions, Σφ_d = {:.6}; {} relations, Σφ_r = {}; Φ = {}",
            self.title,
            distinctions.len(),
            structure.sum_phi_d,
            structure.n_relations,
            sum(structure.sum_phi_r, 6),
            sum(structure.big_phi, 6)
        );
        let rows = self.cells(structure);
        let widest = rows.iter().map(|it| measure.row_width(it)).fold(0.0, f64::max);
        let width = (widest + 30.0).max(width_of(&title, 13.0) + 40.0).max(460.0);
        let layout = Layout::new(&rows, measure, width);

        let mut marks = vec![label((width / 2.0, 24.0), &title, 13.0, Anchor::Middle, Ink::Text)];
        for Frame { said, at, size } in &layout.frames {
            let (right, below) = (at.0 + size.0, at.1 + size.1);
            let points = vec![*at, (right, at.1), (right, below), (at.0, below)];
            let (fill, ink, title) = (Ink::Paper, Ink::Grid, (*said).to_owned());
            marks.push(Mark::Area { points, fill, ink, width: 1.5, title });
        }
        let relations = structure.relations.as_deref().unwrap_or_default();
        marks.extend(self.relations(structure, relations, &layout.places));
        for (at, distinction) in distinctions.iter().enumerate() {
            for is_cause in [true, false] {
                let place = layout.places[&(at, is_cause)];
                let name = Some(&names[at]).filter(|_| measure.is_named);
                marks.extend(self.pole(distinction, is_cause, place, name));
            }
        }
        for Frame { said, at: (x, y), size } in &layout.frames {
            let at = (x + size.0 / 2.0, y + 14.0);
            marks.push(label(at, said, 11.0, Anchor::Middle, Ink::Text));
        }
        let mut y = layout.bottom + 28.0;
        for said in self.said(structure, relations) {
            marks.push(text((20.0, y), &said, 11.0, Ink::Muted));
            y += 16.0;
        }
        let spectrum = structure.sum_phi_r_by_degree.as_deref().unwrap_or_default();
        y = bars(&mut marks, spectrum, y + 10.0);
        Drawing { width, height: y + 8.0, title, marks }
    }

    /// The purviews in their states, in rows, the larger ones first.
    fn cells(&self, structure: &PhiStructureRecord) -> Vec<Vec<Cell>> {
        let mut cells: BTreeMap<(&[usize], &[u8]), Vec<Pole>> = BTreeMap::new();
        for (at, it) in structure.distinctions.iter().enumerate() {
            for (mice, is_cause) in [(&it.cause, true), (&it.effect, false)] {
                cells.entry((&mice.purview, &mice.state)).or_default().push((at, is_cause));
            }
        }
        let mut rows: BTreeMap<usize, Vec<Cell>> = BTreeMap::new();
        for ((purview, state), poles) in cells {
            let said = format!("{}={}", self.names(purview), bits(state));
            rows.entry(purview.len()).or_default().push(Cell { said, poles });
        }
        rows.into_values().rev().collect()
    }

    /// A cause or an effect, with the name of its mechanism above if it is written.
    fn pole(
        &self,
        distinction: &DistinctionRecord,
        is_cause: bool,
        (x, y): (f64, f64),
        name: Option<&String>,
    ) -> Vec<Mark> {
        let (of, shape, mice) = match is_cause {
            true => ("cause", Shape::Down, &distinction.cause),
            false => ("effect", Shape::Up, &distinction.effect),
        };
        let title = format!(
            "{of} of {}: {}={}, φ = {:.6}; φ_d = {:.6}",
            self.names(&distinction.mechanism),
            self.names(&mice.purview),
            bits(&mice.state),
            mice.phi,
            distinction.phi_d
        );
        let point = Mark::Point { at: (x, y), shape, ink: Ink::Text, filled: !is_cause, title };
        let name = name.map(|name| Mark::Text {
            at: (x + 3.5, y - 8.0),
            text: name.clone(),
            size: 10.0,
            anchor: Anchor::Start,
            ink: Ink::Muted,
            upwards: true,
        });
        [Some(point), name].into_iter().flatten().collect()
    }

    /// Lines and areas for the relations.
    fn relations(
        &self,
        structure: &PhiStructureRecord,
        relations: &[RelationRecord],
        places: &Places,
    ) -> Vec<Mark> {
        let position: BTreeMap<&[usize], usize> = (structure.distinctions.iter().enumerate())
            .map(|(at, it)| (&*it.mechanism, at))
            .collect();
        let largest = relations.iter().map(|it| it.phi_r).fold(0.0, f64::max);
        let (mut areas, mut lines) = (Vec::new(), Vec::new());
        for relation in relations {
            let share = if largest > 0.0 { relation.phi_r / largest } else { 0.0 };
            for points in corners(relation, &position, places) {
                match points.as_slice() {
                    [a, b] => lines.push(Mark::Line {
                        points: bent(*a, *b),
                        ink: Ink::Veil(1, 25 + (50.0 * share) as u8),
                        width: 0.6 + 2.6 * share,
                        dashed: false,
                    }),
                    _ => areas.push(Mark::Area {
                        points,
                        fill: Ink::Veil(5, 3 + (12.0 * share) as u8),
                        ink: Ink::Veil(5, 0),
                        width: 0.0,
                        title: String::new(),
                    }),
                }
            }
        }
        areas.append(&mut lines);
        areas
    }

    /// Explains the signs, and says how much is not drawn.
    fn said(&self, structure: &PhiStructureRecord, relations: &[RelationRecord]) -> Vec<String> {
        let mut said = vec![
            "down: cause, up: effect, with the mechanism above; boxes: purviews in their states"
                .to_owned(),
            "lines: relations of two distinctions, or of one with itself; areas: of three"
                .to_owned(),
        ];
        let n_small = structure.n_small_relations.unwrap_or(0);
        if relations.len() as u64 != n_small {
            let n_triples = relations.iter().filter(|it| it.mechanisms.len() > 2).count();
            said.push(format!(
                "drawn are the {} and {n_triples} of them whose φ_r is largest, of {n_small}",
                relations.len() - n_triples
            ));
        }
        let left_out = structure.dropped_incongruent.len();
        if left_out > 0 {
            said.push(format!("not drawn: {left_out} that are not congruent"));
        }
        if structure.system.phi_s == 0.0 {
            said.push("the system is not a complex, since φ_s = 0".to_owned());
        }
        said
    }
}

/// The points that each face of a relation joins, which takes one cause or effect of each
/// distinction; of a single distinction its cause and its effect.
fn corners(
    relation: &RelationRecord,
    position: &BTreeMap<&[usize], usize>,
    places: &Places,
) -> Vec<Vec<(f64, f64)>> {
    let of: Vec<usize> = relation.mechanisms.iter().map(|it| position[&**it]).collect();
    if let [only] = of[..] {
        return vec![vec![places[&(only, true)], places[&(only, false)]]];
    }
    let singles = relation.faces.iter().filter(|it| it.sides.iter().all(|side| side != "both"));
    singles
        .map(|face| {
            let poles = of.iter().zip(&face.sides);
            poles.map(|(&at, side)| places[&(at, side == "cause")]).collect()
        })
        .collect()
}

/// A line from one point to another; bent, where others of its row would be in the way.
fn bent((x0, y0): (f64, f64), (x1, y1): (f64, f64)) -> Vec<(f64, f64)> {
    let rise = if (y0 - y1).abs() < 1.0 { 14.0 + 0.06 * (x0 - x1).abs() } else { 0.0 };
    if rise == 0.0 {
        return vec![(x0, y0), (x1, y1)];
    }
    let way = (0..=16).map(|k| f64::from(k) / 16.0);
    way.map(|t| (x0 + t * (x1 - x0), y0 + t * (y1 - y0) + 4.0 * rise * t * (1.0 - t))).collect()
}

/// Σφ_r by degree as bars; returns where they end.
fn bars(marks: &mut Vec<Mark>, sums: &[Option<f64>], mut y: f64) -> f64 {
    const MOST: usize = 12;
    const BAR: f64 = 200.0;
    let last = sums.iter().rposition(|it| *it != Some(0.0)).map_or(0, |it| it + 1);
    let shown = &sums[..last];
    let Some(largest) = shown.iter().flatten().copied().max_by(f64::total_cmp) else { return y };
    marks.push(text((20.0, y), "Σφ_r by the number of distinctions", 11.0, Ink::Text));
    // The middle of a long list is left out.
    let step = shown.len().div_ceil(MOST).max(1);
    for (at, value) in shown.iter().enumerate().step_by(step) {
        y += 15.0;
        let degree = (at + 1).to_string();
        marks.push(label((44.0, y), &degree, 10.0, Anchor::End, Ink::Muted));
        let length = value.map_or(BAR, |it| if largest > 0.0 { BAR * it / largest } else { 0.0 });
        let (size, ink) = ((length.max(0.5), 9.0), Ink::Series(1));
        let said = value.map_or("beyond the range of numbers".to_owned(), |it| sum(it, 4));
        let title = format!("relations of {degree}: Σφ_r = {said}");
        marks.push(Mark::Bar { at: (50.0, y - 8.0), size, ink, title });
        marks.push(text((56.0 + length, y), &said, 10.0, Ink::Text));
    }
    y + 10.0
}
