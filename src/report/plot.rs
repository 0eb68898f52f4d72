//! Axes, and marks at the coordinates of data.
//!
//! A [`Plot`] is a panel of a drawing: it draws its axes with ticks that people like, and puts data
//! at their places. Values that a logarithmic axis cannot hold (0 and below) stand on its lower
//! edge.

use crate::report::drawing::{Anchor, Ink, Mark, Shape};

/// One axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// The quantity that it shows, with its unit.
    pub label: String,
    low: f64,
    high: f64,
    log: bool,
}

impl Axis {
    /// An axis that holds all values, with some room. Logarithmic if asked for and if the positive
    /// ones allow it.
    pub fn fitting(label: &str, values: impl IntoIterator<Item = f64>, log: bool) -> Axis {
        let values: Vec<f64> = values.into_iter().filter(|it| it.is_finite()).collect();
        let of = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), it| {
                (low.min(it), high.max(it))
            })
        };
        let positive = of(&mut values.iter().copied().filter(|it| *it > 0.0));
        let log = log && positive.0.is_finite();
        let (low, high) = if log {
            (positive.0.log10(), positive.1.log10())
        } else {
            of(&mut values.iter().copied())
        };
        let (low, high) = match (low.is_finite(), high - low > 1e-12) {
            (false, _) => (0.0, 1.0),
            (true, false) => (low - 0.5, high + 0.5),
            (true, true) => (low, high),
        };
        let room = 0.05 * (high - low);
        Axis { label: label.to_owned(), low: low - room, high: high + room, log }
    }

    /// `true` if values that span so much are better seen on a logarithmic axis.
    pub fn wants_log(values: impl IntoIterator<Item = f64>) -> bool {
        let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
        for value in values.into_iter().filter(|it| *it > 0.0) {
            (low, high) = (low.min(value), high.max(value));
        }
        high > 50.0 * low
    }

    /// `true` if it is logarithmic.
    pub fn is_log(&self) -> bool {
        self.log
    }

    /// The smallest and the largest value on it.
    pub fn range(&self) -> (f64, f64) {
        if self.log {
            (10_f64.powf(self.low), 10_f64.powf(self.high))
        } else {
            (self.low, self.high)
        }
    }

    /// Returns the place of a value, from 0 to 1.
    fn place(&self, value: f64) -> f64 {
        let value = match self.log {
            true if value <= 0.0 => return 0.0,
            true => value.log10(),
            false => value,
        };
        (value - self.low) / (self.high - self.low)
    }

    /// Round values within the axis, and their texts.
    fn ticks(&self, wanted: f64) -> Vec<(f64, String)> {
        if self.log {
            let (low, high) = (self.low.ceil() as i32, self.high.floor() as i32);
            if high > low {
                let step = ((f64::from(high - low) / wanted).ceil() as usize).max(1);
                return (low..=high).step_by(step).map(|k| (10_f64.powi(k), power(k))).collect();
            }
            let (low, high) = self.range();
            return steps(low, high, wanted);
        }
        steps(self.low, self.high, wanted)
    }
}

/// `0.01`, `1`, `1000`: a power of ten.
fn power(k: i32) -> String {
    let value = 10_f64.powi(k);
    if k < 0 { format!("{value:.*}", k.unsigned_abs() as usize) } else { format!("{value:.0}") }
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn steps(low: f64, high: f64, wanted: f64) -> Vec<(f64, String)> {
    let rough = (high - low) / wanted;
    let scale = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|it| it * scale).find(|it| *it >= rough);
    let step = step.unwrap_or(10.0 * scale);
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last)
        .map(|k| k as f64 * step)
        .map(|value| (value, format!("{value:.decimals$}").replace('-', "−")))
        .collect()
}

/// A panel with its axes.
#[derive(Debug, Clone)]
pub struct Plot {
    /// The left, upper, right and lower edge of the data's area.
    pub area: [f64; 4],
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
}

impl Plot {
    /// Returns the position of a pair of data.
    pub fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let [left, top, right, bottom] = self.area;
        (left + self.x.place(x) * (right - left), bottom - self.y.place(y) * (bottom - top))
    }

    /// The frame, the grid, the ticks and the labels; a title over it if it is one of several
    /// panels.
    pub fn axes(&self, title: &str) -> Vec<Mark> {
        let [left, top, right, bottom] = self.area;
        let line = |a, b, ink| Mark::Line { points: vec![a, b], ink, width: 1.0, dashed: false };
        let mut marks = Vec::new();
        for (value, text) in self.x.ticks((right - left) / 55.0) {
            let (x, _) = self.at(value, 1.0);
            marks.push(line((x, top), (x, bottom), Ink::Grid));
            marks.push(label((x, bottom + 16.0), &text, 11.0, Anchor::Middle, Ink::Muted));
        }
        for (value, text) in self.y.ticks((bottom - top) / 45.0) {
            let (_, y) = self.at(1.0, value);
            marks.push(line((left, y), (right, y), Ink::Grid));
            marks.push(label((left - 6.0, y + 4.0), &text, 11.0, Anchor::End, Ink::Muted));
        }
        marks.push(line((left, bottom), (right, bottom), Ink::Muted));
        marks.push(line((left, top), (left, bottom), Ink::Muted));
        let middle = (left + right) / 2.0;
        marks.push(label((middle, bottom + 34.0), &self.x.label, 12.0, Anchor::Middle, Ink::Text));
        marks.push(Mark::Text {
            at: (left - 46.0, (top + bottom) / 2.0),
            text: self.y.label.clone(),
            size: 12.0,
            anchor: Anchor::Middle,
            ink: Ink::Text,
            upwards: true,
        });
        if !title.is_empty() {
            marks.push(label((middle, top - 8.0), title, 13.0, Anchor::Middle, Ink::Text));
        }
        marks
    }

    /// A point, if it is within the horizontal axis.
    pub fn point(&self, (x, y): (f64, f64), series: usize, filled: bool, title: String) -> Mark {
        let shape = Shape::series(series);
        Mark::Point { at: self.at(x, y), shape, ink: Ink::Series(series), filled, title }
    }

    /// The graph of a function within both axes.
    pub fn graph(&self, f: impl Fn(f64) -> f64, ink: Ink, dashed: bool) -> Vec<Mark> {
        const STEPS: usize = 200;
        let (y_low, y_high) = self.y.range();
        let mut pieces: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
        for k in 0..=STEPS {
            let share = k as f64 / STEPS as f64;
            let x = self.x.low + share * (self.x.high - self.x.low);
            let x = if self.x.log { 10_f64.powf(x) } else { x };
            let y = f(x);
            if y.is_finite() && y >= y_low && y <= y_high {
                pieces.last_mut().expect("one at least").push(self.at(x, y));
            } else if pieces.last().is_some_and(|it| !it.is_empty()) {
                pieces.push(Vec::new());
            }
        }
        let drawn = pieces.into_iter().filter(|it| it.len() > 1);
        drawn.map(|points| Mark::Line { points, ink, width: 1.5, dashed }).collect()
    }
}

/// A text that runs to the right.
pub fn label(at: (f64, f64), text: &str, size: f64, anchor: Anchor, ink: Ink) -> Mark {
    Mark::Text { at, text: text.to_owned(), size, anchor, ink, upwards: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(axis: &Axis, expected: &[&str]) {
        let ticks: Vec<String> = axis.ticks(5.0).into_iter().map(|(_, text)| text).collect();
        assert_eq!(ticks, expected);
    }

    #[test]
    fn ticks_are_round() {
        check(&Axis::fitting("", [0.0, 1.0], false), &["0.0", "0.5", "1.0"]);
        check(&Axis::fitting("", [0.5, 0.64], false), &["0.50", "0.55", "0.60"]);
        check(&Axis::fitting("", [-130.0, 1.0], false), &["−100", "−50", "0"]);
        check(&Axis::fitting("", [0.03, 130.0], true), &["0.1", "1", "10", "100"]);
        check(&Axis::fitting("", [2.0, 5.0], true), &["2", "3", "4", "5"]);
        check(&Axis::fitting("", [0.3, 0.3], false), &["0.0", "0.5"]);
        check(&Axis::fitting("", [], false), &["0.0", "0.5", "1.0"]);
        check(&Axis::fitting("", [0.0, 0.0], true), &["−0.5", "0.0", "0.5"]);
    }

    #[test]
    fn data_are_where_the_axes_say() {
        let x = Axis { label: String::new(), low: 0.0, high: 2.0, log: false };
        let y = Axis { label: String::new(), low: -1.0, high: 1.0, log: true };
        let plot = Plot { area: [100.0, 50.0, 300.0, 250.0], x, y };
        assert_eq!(plot.at(0.0, 0.1), (100.0, 250.0));
        assert_eq!(plot.at(1.0, 1.0), (200.0, 150.0));
        assert_eq!(plot.at(2.0, 10.0), (300.0, 50.0));
        assert_eq!(plot.at(2.0, 0.0), (300.0, 250.0));
        assert!(Axis::wants_log([0.0, 0.01, 1.0]) && !Axis::wants_log([0.0, 0.1, 1.0]));
        // The identity leaves the area below 0.1; it is drawn where it is inside.
        let Mark::Line { points, .. } = &plot.graph(|x| x, Ink::Text, false)[0] else { panic!() };
        assert!(
            points.iter().all(|(x, y)| (100.0..=300.0).contains(x) && (50.0..=250.0).contains(y))
        );
    }
}
