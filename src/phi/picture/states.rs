//! The states of a network as a graph: which follows which, and how large Φ is in each.

use std::f64::consts::{PI, TAU};

use super::shapes::{bow, head, ring};
use super::{Picture, text, width_of};
use crate::error::Error;
use crate::phi::values_of;
use crate::report::drawing::{Anchor, Drawing, Ink, Mark};
use crate::report::plot::label;

/// So many states are drawn at most: each has a place on a circle.
const MOST_STATES: usize = 64;

/// The radius of a state.
const STATE: f64 = 15.0;

/// Transitions that are less likely than this are not drawn.
const LEAST_LIKELY: f64 = 0.02;

/// Φ of a state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StateValue {
    /// Φ of the system in this state.
    Phi(f64),
    /// No previous state leads to it.
    Unreachable,
}

impl Picture<'_> {
    /// Refuses what has too many states to be drawn.
    ///
    /// # Errors
    /// [`Error::Settings`].
    pub fn check_states(&self) -> Result<(), Error> {
        let n_states = self.sizes.iter().try_fold(1_usize, |all, it| all.checked_mul(*it));
        if n_states.is_none_or(|it| it > MOST_STATES) {
            return Err(Error::Settings(format!(
                "states of {} units: expected at most {MOST_STATES} states, of which each has \
                 a place (6 units of two values)",
                self.state.len()
            )));
        }
        Ok(())
    }

    /// The states, each with Φ (`what`), and the transitions by the TPM: a row for each state of
    /// the network, unit 0 varying fastest, with P(unit is ON), or where units have more values
    /// with their distributions one after the other.
    pub fn states(&self, tpm: &[Vec<f64>], values: &[StateValue], what: &str) -> Drawing {
        let (n, n_states) = (self.state.len(), tpm.len());
        let names: Vec<String> = (0..n_states).map(|it| self.state_name(it)).collect();
        let radius = (n_states as f64 * 2.9 * STATE / TAU).max(70.0);
        let beside = width_of(&names[0], 11.0) + 14.0;
        let width = (2.0 * (radius + STATE + beside) + 30.0).max(460.0);
        let center = (width / 2.0, 50.0 + radius + STATE + 16.0);
        let angle = |state: usize| TAU * state as f64 / n_states as f64 - PI / 2.0;
        let at = |state: usize| {
            let (x, y) = (angle(state).cos(), angle(state).sin());
            (center.0 + radius * x, center.1 + radius * y)
        };
        let title = format!("{}: {what} in every state", self.title);
        let mut marks = vec![label((width / 2.0, 24.0), &title, 14.0, Anchor::Middle, Ink::Text)];
        let mut n_left_out = 0;
        for (from, row) in tpm.iter().enumerate() {
            for to in 0..n_states {
                let likely = self.likely(row, to);
                if likely <= LEAST_LIKELY {
                    n_left_out += usize::from(likely > 0.0);
                    continue;
                }
                marks.extend(transition(at(from), at(to), angle(from), likely));
            }
        }
        let largest = values.iter().fold(0.0_f64, |most, it| match it {
            StateValue::Phi(phi) => most.max(*phi),
            StateValue::Unreachable => most,
        });
        let units = self.state.iter().zip(self.sizes).rev();
        let now = units.fold(0, |now, (value, size)| now * size + usize::from(*value));
        for (state, value) in values.iter().enumerate() {
            let (x, y) = at(state);
            let ring = |radius| ring((x, y), radius);
            let (share, said) = match value {
                StateValue::Phi(phi) if largest > 0.0 => (phi / largest, format!("{phi:.6}")),
                StateValue::Phi(phi) => (0.0, format!("{phi:.6}")),
                StateValue::Unreachable => (0.0, "no state leads to it".to_owned()),
            };
            let title = format!("{}: {what} {said}", names[state]);
            let paper = Mark::Area {
                points: ring(STATE),
                fill: Ink::Paper,
                ink: Ink::Paper,
                width: 0.0,
                title: String::new(),
            };
            let fill = Ink::Veil(1, (85.0 * share).round() as u8);
            let is_possible = *value != StateValue::Unreachable;
            let ink = if is_possible { Ink::Text } else { Ink::Muted };
            let outline = if is_possible { 1.6 } else { 0.0 };
            marks.push(paper);
            marks.push(Mark::Area { points: ring(STATE), fill, ink, width: outline, title });
            if !is_possible {
                marks.push(Mark::Line { points: ring(STATE), ink, width: 1.2, dashed: true });
            }
            if state == now {
                marks.push(Mark::Line {
                    points: ring(STATE + 4.0),
                    ink,
                    width: 2.0,
                    dashed: false,
                });
            }
            // The value inside, the state beside it, away from the others.
            if let StateValue::Phi(phi) = value {
                let ink = if share > 0.5 { Ink::Paper } else { Ink::Text };
                let short = if *phi >= 99.5 { format!("{phi:.0}") } else { format!("{phi:.2}") };
                marks.push(label((x, y + 3.5), &short, 9.0, Anchor::Middle, ink));
            }
            let (dx, dy) = (angle(state).cos(), angle(state).sin());
            let far = STATE + 11.0;
            let (anchor, place) = match dx {
                0.2.. => (Anchor::Start, (x + far * dx, y + far * dy + 4.0)),
                ..-0.2 => (Anchor::End, (x + far * dx, y + far * dy + 4.0)),
                _ => (Anchor::Middle, (x, y + (far + 4.0) * dy + 4.0)),
            };
            marks.push(label(place, &names[state], 11.0, anchor, Ink::Text));
        }
        let mut y = center.1 + radius + STATE + 44.0;
        let units: Vec<usize> = (0..n).collect();
        let mut said = vec![
            format!("units {} in this order; the darker, the larger {what}", self.names(&units)),
            "double ring: the present state; dashed: no state leads to it".to_owned(),
            "arrows: what follows, the wider the likelier".to_owned(),
        ];
        if n_left_out > 0 {
            said.push(format!("{n_left_out} transitions of at most {LEAST_LIKELY} are not drawn"));
        }
        for line in said {
            marks.push(text((20.0, y), &line, 11.0, Ink::Muted));
            y += 16.0;
        }
        Drawing { width, height: y, title, marks }
    }
}

impl Picture<'_> {
    /// Returns the probability that the state `to` follows, by a row of the TPM.
    fn likely(&self, row: &[f64], to: usize) -> f64 {
        let values = values_of(to, self.sizes).map(usize::from);
        if !self.has_values() {
            let one = |(value, on): (usize, &f64)| if value == 1 { *on } else { 1.0 - on };
            return values.zip(row).map(one).product();
        }
        let mut from = 0;
        let one = |(value, size): (usize, &usize)| {
            let likely = row[from + value];
            from += size;
            likely
        };
        values.zip(self.sizes).map(one).product()
    }
}

/// An arrow from one state to another, or a loop away from the circle.
fn transition(from: (f64, f64), to: (f64, f64), angle: f64, likely: f64) -> Vec<Mark> {
    let line: Vec<(f64, f64)> = if from == to {
        let (x, y) = (from.0 - 1.5 * STATE * angle.cos(), from.1 - 1.5 * STATE * angle.sin());
        let turns = (0..=24).map(|k| angle + 0.8 + (TAU - 1.6) * f64::from(k) / 24.0);
        turns.map(|it| (x + 0.8 * STATE * it.cos(), y + 0.8 * STATE * it.sin())).collect()
    } else {
        bow(from, to, 0.08, [STATE, STATE + 3.0])
    };
    let [.., before, tip] = line[..] else { return Vec::new() };
    let head = head(before, tip, 7.0, 3.0);
    let ink = Ink::Muted;
    vec![
        Mark::Line { points: line, ink, width: 0.4 + 1.4 * likely, dashed: false },
        Mark::Area { points: head, fill: ink, ink, width: 0.5, title: String::new() },
    ]
}
