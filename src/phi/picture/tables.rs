//! The tables of a network as heat maps: who is connected to whom, and what the units do.

use super::{Picture, width_of};
use crate::report::drawing::{Anchor, Drawing, Ink, Mark};
use crate::report::plot::label;

/// The size of a cell that has its value written in it.
const CELL: f64 = 30.0;

/// The largest height of a table; more rows are lower.
const HEIGHT: f64 = 960.0;

impl Picture<'_> {
    /// Connections: row i, column j is dark where i is an input of j.
    pub fn connections(&self) -> Drawing {
        let names: Vec<String> = (0..self.cm.len()).map(|it| self.name(it)).collect();
        let table: Vec<Vec<f64>> =
            self.cm.iter().map(|row| row.iter().map(|it| f64::from(*it)).collect()).collect();
        let title = format!("{}: connections, from the row to the column", self.title);
        heat(&title, &names, &names, &table, 0)
    }

    /// P(unit is ON) after each state of the network; where units have more values, P of each.
    pub fn probabilities(&self, tpm: &[Vec<f64>]) -> Drawing {
        let rows: Vec<String> = (0..tpm.len()).map(|it| self.state_name(it)).collect();
        let units = 0..self.state.len();
        let (columns, what): (Vec<String>, _) = if self.has_values() {
            let of =
                |unit| (0..self.sizes[unit]).map(move |it| format!("{}={it}", self.name(unit)));
            (units.flat_map(of).collect(), "P(unit has this value)")
        } else {
            (units.map(|it| self.name(it)).collect(), "P(unit is ON)")
        };
        let title = format!("{}: {what} after each state", self.title);
        heat(&title, &rows, &columns, tpm, 2)
    }
}

/// A table of numbers from 0 to 1, written with so many decimals.
fn heat(
    title: &str,
    rows: &[String],
    columns: &[String],
    table: &[Vec<f64>],
    n_decimals: usize,
) -> Drawing {
    let high = (HEIGHT / rows.len().max(1) as f64).clamp(1.0, 22.0);
    let has_names = high >= 9.0;
    let left = 20.0
        + if has_names {
            rows.iter().map(|it| width_of(it, 11.0)).fold(0.0, f64::max)
        } else {
            0.0
        };
    let longest = columns.iter().map(|it| width_of(it, 11.0)).fold(0.0, f64::max);
    let upwards = longest > CELL;
    let top = 44.0 + if upwards { longest } else { 12.0 };
    let width = (left + CELL * columns.len() as f64 + 30.0).max(width_of(title, 14.0) + 40.0);
    let mut marks = vec![label((width / 2.0, 24.0), title, 14.0, Anchor::Middle, Ink::Text)];
    for (k, name) in columns.iter().enumerate() {
        let x = left + CELL * (k as f64 + 0.5);
        let (at, anchor) = match upwards {
            true => ((x + 4.0, top - 4.0), Anchor::Start),
            false => ((x, top - 6.0), Anchor::Middle),
        };
        let text = name.clone();
        marks.push(Mark::Text { at, text, size: 11.0, anchor, ink: Ink::Text, upwards });
    }
    for (at, (name, row)) in rows.iter().zip(table).enumerate() {
        let y = top + high * at as f64;
        if has_names {
            let at = (left - 6.0, y + high / 2.0 + 4.0);
            marks.push(label(at, name, 11.0, Anchor::End, Ink::Text));
        }
        for (k, &value) in row.iter().enumerate() {
            let x = left + CELL * k as f64;
            let points = vec![(x, y), (x + CELL, y), (x + CELL, y + high), (x, y + high)];
            let share = value.clamp(0.0, 1.0);
            let fill = Ink::Veil(1, (90.0 * share).round() as u8);
            let title = format!("{name}, {}: {value}", columns[k]);
            let outline = if has_names { 1.0 } else { 0.0 };
            marks.push(Mark::Area { points, fill, ink: Ink::Grid, width: outline, title });
            if has_names {
                let ink = if share > 0.55 { Ink::Paper } else { Ink::Text };
                let at = (x + CELL / 2.0, y + high / 2.0 + 3.5);
                marks.push(label(at, &format!("{value:.n_decimals$}"), 9.0, Anchor::Middle, ink));
            }
        }
    }
    let height = top + high * rows.len() as f64 + 14.0;
    Drawing { width, height, title: title.to_owned(), marks }
}
