//! The names of a network's units and of their values.

use crate::engine::exact::NetworkRecord;
use crate::escape::terminal;
use crate::phi::{set, unit};

/// The names that a file gives, as far as it does: without one, a unit or a value is its number.
#[derive(Debug, Clone, Copy, Default)]
pub struct Names<'a> {
    /// By unit.
    pub labels: Option<&'a [String]>,
    /// By unit and value.
    pub values: Option<&'a [Vec<String>]>,
}

impl<'a> Names<'a> {
    /// Those of a record; none without one.
    pub(crate) fn of(record: Option<&'a NetworkRecord>) -> Names<'a> {
        Names {
            labels: record.and_then(|it| it.labels.as_deref()),
            values: record.and_then(|it| it.values.as_deref()),
        }
    }
}

impl Names<'_> {
    /// A unit.
    pub(crate) fn unit(self, number: usize) -> String {
        unit(number, self.labels)
    }

    /// Units: `{A,C}`.
    pub(crate) fn set(self, units: &[usize]) -> String {
        set(units, self.labels)
    }

    /// A value of a unit.
    pub(crate) fn value(self, unit: usize, value: u8) -> String {
        let own = self.values.and_then(|it| it.get(unit)?.get(usize::from(value)));
        own.map_or_else(|| value.to_string(), |name| terminal(name))
    }

    /// A state of all units: `(1,0,0)`, or `(high,0,low)`.
    pub(crate) fn state(self, values: &[u8]) -> String {
        let units: Vec<usize> = (0..values.len()).collect();
        self.state_of(&units, values)
    }

    /// A state of these units.
    pub(crate) fn state_of(self, units: &[usize], values: &[u8]) -> String {
        let each = units.iter().zip(values);
        let values: Vec<String> = each.map(|(&unit, &value)| self.value(unit, value)).collect();
        format!("({})", values.join(","))
    }

    /// Units with their values in a state of all units: `{A=1,B=0}`.
    pub(crate) fn valued(self, units: &[usize], state: &[u8]) -> String {
        let of = |&it: &usize| format!("{}={}", self.unit(it), self.value(it, state[it]));
        format!("{{{}}}", units.iter().map(of).collect::<Vec<_>>().join(","))
    }
}
