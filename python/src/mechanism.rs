//! A mechanism over its purviews, as both theories ask about it.

use pyo3::prelude::*;
use pyphi_core::record::MechanismRecord;
use pyphi_core::{Direction, StopReason, UnitSet};

use crate::error::wrong;
use crate::run::{Answer, json, stopped};

/// The units of a mask.
pub(crate) fn units(mask: u32) -> UnitSet {
    UnitSet::from_bits(mask)
}

/// `cause` or `effect`.
pub(crate) fn direction(name: &str) -> PyResult<Direction> {
    match name {
        "cause" => Ok(Direction::Cause),
        "effect" => Ok(Direction::Effect),
        other => Err(wrong(format!("direction: {other:?}, expected \"cause\" or \"effect\""))),
    }
}

/// # Errors
/// If a unit is not in the system.
pub(crate) fn within(what: &str, mask: u32, system: UnitSet) -> PyResult<UnitSet> {
    let these = units(mask);
    match these.difference(system).iter().next() {
        None => Ok(these),
        Some(unit) => {
            Err(wrong(format!("{what}: unit {unit}, expected units of the system {system}")))
        }
    }
}

/// A question about a mechanism: the purview and the directions.
pub(crate) struct Question {
    pub(crate) mechanism: UnitSet,
    /// One purview; without it all with φ > 0.
    pub(crate) purview: Option<UnitSet>,
    directions: Vec<Direction>,
}

/// The findings in one direction. `None` where it was not asked for.
type Side<T> = Result<Option<Vec<T>>, StopReason>;

impl Question {
    pub(crate) fn new(
        mechanism: u32,
        purview: Option<u32>,
        directions: &[String],
        system: UnitSet,
    ) -> PyResult<Question> {
        Ok(Question {
            mechanism: within("mechanism", mechanism, system)?,
            purview: purview.map(|it| within("purview", it, system)).transpose()?,
            directions: directions.iter().map(|it| direction(it)).collect::<PyResult<_>>()?,
        })
    }

    /// Answers by `over` for the given purview, or else by `all` for all of them.
    pub(crate) fn answered<T>(
        &self,
        over: impl Fn(Direction, UnitSet) -> Result<T, StopReason>,
        all: impl Fn(Direction) -> Result<Vec<T>, StopReason>,
    ) -> [Side<T>; 2] {
        [Direction::Cause, Direction::Effect].map(|direction| {
            let analyse = || match self.purview {
                None => all(direction),
                Some(purview) => over(direction, purview).map(|it| vec![it]),
            };
            self.directions.contains(&direction).then(analyse).transpose()
        })
    }
}

/// The answer: `record` with what was found. Its φ is the smaller one of cause and effect.
pub(crate) fn answer<T, P>(
    mut record: MechanismRecord<P>,
    [cause, effect]: [Side<T>; 2],
    phi: impl Fn(&P) -> f64,
) -> PyResult<Answer>
where
    P: for<'a> From<&'a T> + serde::Serialize + Send + Sync + 'static,
{
    let records = |side: Side<T>| {
        side.map(|found| found.map(|it| it.iter().map(P::from).collect::<Vec<P>>()))
            .map_err(stopped)
    };
    (record.cause, record.effect) = (records(cause)?, records(effect)?);
    let sides = [&record.cause, &record.effect].into_iter().flatten();
    let phis = sides.map(|it| it.first().map_or(0.0, &phi));
    let phi = phis.fold(f64::INFINITY, f64::min);
    Ok(Answer::new(phi, StopReason::Complete, move || json(&record)))
}
