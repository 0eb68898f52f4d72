//! Networks of units with more than two values: what `alphabet` and its companions say.
//!
//! A table of probabilities can be misread in more ways here than with two values a unit. So each
//! distribution is written out in full, the number of rows must be that of the states, and the
//! order of the rows is named.

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;

use super::{NOISE, Reader, RowOrder, States};
use crate::alphabet::Alphabet;
use crate::error::{Error, ErrorKind, Result};
use crate::tpm::Tpm;

/// The difference from 1 up to which the sum of a distribution is divided out.
const ROUNDED: f64 = 1e-6;

fn wrong(message: impl Into<String>) -> Error {
    ErrorKind::Json(message.into()).into()
}

/// A TPM of units with any number of values as a file states it.
#[derive(Debug)]
pub(super) struct Values {
    pub(super) alphabet: Alphabet,
    pub(super) table: ValueTable,
}

/// Its numbers, in one of the forms.
#[derive(Debug)]
pub(super) enum ValueTable {
    /// A row for each state, in it a distribution for each unit.
    Distributions(Vec<Vec<Vec<f64>>>),
    /// A row for each state: the next value of each unit.
    Next(Vec<Vec<u8>>),
    /// A row for each state, in it a probability for each state.
    StateByState(Vec<Vec<f64>>),
    /// For each unit its distributions, by the states with the first unit fastest.
    Marginals(Vec<Vec<f64>>),
}

/// The states in which a network is to be analysed, before its values are known.
#[derive(Debug)]
pub(super) enum StateText {
    All,
    Reachable,
    Listed(Vec<Value>),
}

/// The value of `alphabet`: the number of values of each unit.
pub(super) fn alphabet(value: &Value) -> Result<Alphabet> {
    let Value::Array(list) = value else {
        return Err(wrong(format!("alphabet: expected a list, found {}", shortened(value))));
    };
    let size = |(unit, item): (usize, &Value)| {
        let size = item.as_u64().and_then(|it| usize::try_from(it).ok());
        size.ok_or_else(|| {
            let found = shortened(item);
            wrong(format!("alphabet[{unit}]: expected a number of values, found {found}"))
        })
    };
    let sizes: Vec<usize> = list.iter().enumerate().map(size).collect::<Result<_>>()?;
    if sizes.is_empty() {
        return Err(wrong("alphabet: no units, expected one number of values for each unit"));
    }
    Alphabet::new(&sizes)
}

/// The value of `values`: for each unit the names of its values.
pub(super) fn names(value: &Value) -> Result<Vec<Vec<String>>> {
    let place = "values: expected a list of names for each unit";
    let list =
        value.as_array().ok_or_else(|| wrong(format!("{place}, found {}", shortened(value))));
    let of_unit = |(unit, names): (usize, &Value)| {
        let name = |item: &Value| item.as_str().map(str::to_owned);
        let names = names.as_array().and_then(|it| it.iter().map(name).collect());
        names.ok_or_else(|| wrong(format!("values[{unit}]: expected a list of names")))
    };
    list?.iter().enumerate().map(of_unit).collect()
}

fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.chars().count() > 40 {
        true => text.chars().take(40).collect::<String>() + "…",
        false => text,
    }
}

/// The value of `tpm` where there is an alphabet: distributions, or state-by-state; `None` if it is
/// neither, as the table of binary units is.
pub(super) fn tpm(json: &RawValue, alphabet: &Alphabet) -> Result<Option<ValueTable>> {
    let text = json.get();
    let depth =
        text.bytes().filter(|it| !it.is_ascii_whitespace()).take_while(|it| *it == b'[').count();
    let n_states = alphabet.n_states();
    if depth == 3 {
        let most = [n_states, alphabet.n_units(), Alphabet::MOST_VALUES];
        let mut reader = serde_json::Deserializer::from_str(text);
        let rows = Lists { most: &most }.rows(&mut reader).map_err(|error| in_tpm(&error))?;
        return Ok(Some(ValueTable::Distributions(rows)));
    }
    if depth == 2 && !alphabet.is_binary() {
        let rows: Vec<Vec<f64>> = serde_json::from_str(text).map_err(|error| in_tpm(&error))?;
        let columns = rows.first().map_or(0, Vec::len);
        if rows.len() == n_states && columns == n_states {
            return Ok(Some(ValueTable::StateByState(rows)));
        }
        return Err(wrong(format!(
            "tpm: row 0: {columns} numbers, expected a distribution for each unit, as in {} \
             (alphabet {alphabet}); or {n_states} rows of {n_states} numbers (state-by-state)",
            example(alphabet)
        )));
    }
    if alphabet.is_binary() {
        return Ok(None);
    }
    Err(wrong(format!(
        "tpm: expected {n_states} rows, in each of them a distribution for each unit, as in {} \
         (alphabet {alphabet})",
        example(alphabet)
    )))
}

/// A row for an alphabet: `[[1,0,0],[1,0]]`.
fn example(alphabet: &Alphabet) -> String {
    let of_unit = |k: usize| {
        let rest = ",0".repeat(k.min(9) - 1);
        format!("[1{rest}{}]", if k > 9 { ",…" } else { "" })
    };
    let units: Vec<String> = alphabet.sizes().into_iter().map(of_unit).collect();
    format!("[{}]", units.join(","))
}

fn in_tpm(error: &serde_json::Error) -> Error {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    wrong(format!("tpm: {}", text.strip_suffix(&place).unwrap_or(&text)))
}

/// Lists in lists that stop where they are longer than they can be: a file of nothing but brackets
/// would take many times its size.
struct Lists<'a> {
    most: &'a [usize; 3],
}

impl Lists<'_> {
    fn rows<'de, D: de::Deserializer<'de>>(
        self,
        from: D,
    ) -> std::result::Result<Vec<Vec<Vec<f64>>>, D::Error> {
        let [rows, units, values] = *self.most;
        let of_values = Bounded { most: values, item: Number };
        let of_units = Bounded { most: units, item: of_values };
        Bounded { most: rows, item: of_units }.deserialize(from)
    }
}

#[derive(Clone, Copy)]
struct Number;

impl<'de> DeserializeSeed<'de> for Number {
    type Value = f64;

    fn deserialize<D: de::Deserializer<'de>>(self, from: D) -> std::result::Result<f64, D::Error> {
        f64::deserialize(from)
    }
}

/// A list of at most so many items.
#[derive(Clone, Copy)]
struct Bounded<S> {
    most: usize,
    item: S,
}

impl<'de, S: DeserializeSeed<'de> + Copy> DeserializeSeed<'de> for Bounded<S> {
    type Value = Vec<S::Value>;

    fn deserialize<D: de::Deserializer<'de>>(
        self,
        from: D,
    ) -> std::result::Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de, S: DeserializeSeed<'de> + Copy> Visitor<'de> for Bounded<S> {
    type Value = Vec<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {}", self.most)
    }

    fn visit_seq<A: SeqAccess<'de>>(
        self,
        mut list: A,
    ) -> std::result::Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(self.item)? {
            if items.len() == self.most {
                let most = self.most;
                return Err(de::Error::custom(format!(
                    "a list of more than {most}, expected {most}"
                )));
            }
            items.push(item);
        }
        Ok(items)
    }
}

/// The value of `next`: for each state the next value of each unit.
pub(super) fn next(
    json: &RawValue,
    alphabet: &Alphabet,
    names: Option<&[Vec<String>]>,
) -> Result<ValueTable> {
    let expected = "next: expected a row for each state, a list with the next value of each unit";
    let rows: Vec<Vec<Value>> = serde_json::from_str(json.get()).map_err(|_| wrong(expected))?;
    let row = |(row, items): (usize, Vec<Value>)| {
        let place = format!("next: row {row}");
        values(&Value::Array(items), alphabet, names, &place)
    };
    rows.into_iter().enumerate().map(row).collect::<Result<_>>().map(ValueTable::Next)
}

/// The value of `marginals`, as PyPhi 2 has them: for each unit an array with an index for the
/// value of every unit, unit 0 first, and one for its own next value. They have the alphabet in
/// them.
pub(super) fn marginals(json: &RawValue) -> Result<Values> {
    let place = "marginals: expected for each unit an array, its indices the values of all units \
                 and at last that of the unit at t+1";
    let units: Vec<Value> = serde_json::from_str(json.get()).map_err(|_| wrong(place))?;
    let sizes: Vec<usize> = units
        .iter()
        .map(|unit| {
            let mut innermost = unit;
            while let Some(first) = innermost.as_array().and_then(|it| it.first()) {
                if !first.is_array() {
                    break;
                }
                innermost = first;
            }
            innermost.as_array().map_or(0, Vec::len)
        })
        .collect();
    if sizes.is_empty() {
        return Err(wrong(place));
    }
    let alphabet = Alphabet::new(&sizes)?;
    let n_states = alphabet.n_states();
    let mut all = Vec::new();
    for (unit, array) in units.iter().enumerate() {
        let mut distributions = Vec::new();
        for state in 0..n_states {
            let mut at = array;
            for (other, &value) in alphabet.values(state).iter().enumerate() {
                let list = at.as_array().filter(|it| it.len() == sizes[other]);
                let (expected, shape) = (sizes[other], alphabet.to_string());
                at = &list.ok_or_else(|| {
                    wrong(format!(
                        "marginals[{unit}]: dimension {other}: expected lists of {expected}, since \
                         the alphabet is {shape}"
                    ))
                })?[usize::from(value)];
            }
            let numbers = at.as_array().filter(|it| it.len() == sizes[unit]);
            let numbers = numbers.and_then(|it| it.iter().map(Value::as_f64).collect());
            let numbers: Vec<f64> = numbers.ok_or_else(|| {
                let (expected, found) = (sizes[unit], shortened(at));
                wrong(format!(
                    "marginals[{unit}]: after the state {:?}: expected {expected} probabilities, \
                     found {found}",
                    alphabet.values(state)
                ))
            })?;
            distributions.extend(numbers);
        }
        all.push(distributions);
    }
    Ok(Values { alphabet, table: ValueTable::Marginals(all) })
}

/// A state: a value, by number or by name, for each unit; or a text of them, `2,0,1` or `201`.
pub(super) fn values(
    value: &Value,
    alphabet: &Alphabet,
    names: Option<&[Vec<String>]>,
    place: &str,
) -> Result<Vec<u8>> {
    let is_name = |text: &str| {
        let of_first = names.and_then(|it| it.first());
        alphabet.n_units() == 1 && of_first.is_some_and(|it| it.iter().any(|it| it == text.trim()))
    };
    let items: Vec<Value> = match value {
        Value::Array(items) => items.clone(),
        // The name of the only unit's value, which is not a digit for each unit.
        Value::String(text) if is_name(text) => vec![Value::from(text.trim())],
        Value::String(text) => super::split_values(text).into_iter().map(Value::String).collect(),
        Value::Number(digits) => {
            let digits = digits.to_string();
            super::split_values(&digits).into_iter().map(Value::String).collect()
        }
        other => {
            return Err(wrong(format!("{place}: expected a list, found {}", shortened(other))));
        }
    };
    let (found, expected) = (items.len(), alphabet.n_units());
    if found != expected {
        let error = Error::from(ErrorKind::StateLength { found, expected });
        return Err(if place == "state" { error } else { error.at(place) });
    }
    let one = |(unit, item): (usize, &Value)| {
        let k = alphabet.size(unit);
        let own = names.map(|it| &it[unit]);
        let by_name = |text: &str| own.and_then(|it| it.iter().position(|name| name == text));
        let number = match item {
            Value::Bool(bit) => Some(usize::from(*bit)),
            Value::String(text) => by_name(text).or_else(|| text.parse().ok()),
            _ => item.as_f64().filter(|it| it.fract() == 0.0 && *it >= 0.0).map(|it| it as usize),
        };
        number.filter(|&it| it < k).map(|it| it as u8).ok_or_else(|| {
            let found = shortened(item);
            let names = own.map(|it| format!(", or one of {}", it.join(", ")));
            wrong(format!(
                "{place}[{unit}]: expected a value from 0 to {}{}, found {found}",
                k - 1,
                names.unwrap_or_default()
            ))
        })
    };
    items.iter().enumerate().map(one).collect()
}

impl StateText {
    /// The states, now that the values of the units are known.
    pub(super) fn read(
        &self,
        alphabet: &Alphabet,
        names: Option<&[Vec<String>]>,
        place: &str,
    ) -> Result<States> {
        match self {
            StateText::All => Ok(States::All),
            StateText::Reachable => Ok(States::Reachable),
            StateText::Listed(list) => {
                let one = |(idx, value): (usize, &Value)| {
                    let place = match place {
                        "states" => format!("states[{idx}]"),
                        _ => place.to_owned(),
                    };
                    values(value, alphabet, names, &place)
                };
                list.iter().enumerate().map(one).collect::<Result<_>>().map(States::Listed)
            }
        }
    }
}

impl Reader {
    /// The TPM of units with any number of values.
    pub(super) fn tpm_of_values(
        &self,
        values: Values,
        stated: Option<RowOrder>,
        notes: &mut Vec<String>,
    ) -> Result<Tpm> {
        let Values { alphabet, table } = values;
        let order = self.row_order.or(stated);
        // An array with an index for each unit has no order of rows.
        let order = match (&table, order) {
            (ValueTable::Marginals(_), None) => RowOrder::FirstUnitFastest,
            (ValueTable::Marginals(_), Some(RowOrder::LastUnitFastest)) => {
                return Err(wrong(
                    "row_order: last-unit-fastest, but marginals have an index for each unit and \
                     so no order of rows: expected none",
                ));
            }
            (_, Some(order)) => order,
            (_, None) => {
                return Err(wrong(
                    "row_order: missing, expected first-unit-fastest (rows 00,10,20,01,…) or \
                     last-unit-fastest (00,01,10,11,…) where there is an alphabet",
                ));
            }
        };
        let n_rows = match &table {
            ValueTable::Distributions(rows) => rows.len(),
            ValueTable::Next(rows) => rows.len(),
            ValueTable::StateByState(rows) => rows.len(),
            ValueTable::Marginals(_) => 0,
        };
        // A table without a row for each state is refused later. An alphabet may have 2³² states.
        let from = match n_rows == alphabet.n_states() {
            true => row_numbers(&alphabet, order),
            false => Vec::new(),
        };
        match table {
            ValueTable::Distributions(rows) => {
                let rows = in_order(rows, &from);
                self.distributions(&alphabet, rows, notes)
            }
            ValueTable::Marginals(units) => {
                let row = |state: usize| {
                    let of_unit = |(unit, all): (usize, &Vec<f64>)| {
                        let k = alphabet.size(unit);
                        all[state * k..][..k].to_vec()
                    };
                    units.iter().enumerate().map(of_unit).collect()
                };
                let rows: Vec<Vec<Vec<f64>>> = (0..alphabet.n_states()).map(row).collect();
                self.distributions(&alphabet, rows, notes)
            }
            ValueTable::Next(rows) => Tpm::from_next_values(&alphabet, &in_order(rows, &from)),
            ValueTable::StateByState(rows) => {
                let rows: Vec<Vec<f64>> =
                    rows.into_iter().map(|cells| in_order(cells, &from)).collect();
                Tpm::from_state_by_state_of(&alphabet, &in_order(rows, &from))
            }
        }
    }

    fn distributions(
        &self,
        alphabet: &Alphabet,
        mut rows: Vec<Vec<Vec<f64>>>,
        notes: &mut Vec<String>,
    ) -> Result<Tpm> {
        let mut most: Option<(usize, usize, f64)> = None;
        for (row, units) in rows.iter_mut().enumerate() {
            self.clip(units, notes)?;
            for (unit, distribution) in units.iter_mut().enumerate() {
                let sum: f64 = distribution.iter().sum();
                let far = (sum - 1.0).abs();
                if far > NOISE && far <= ROUNDED {
                    distribution.iter_mut().for_each(|p| *p /= sum);
                    if most.is_none_or(|(.., before)| far > (before - 1.0).abs()) {
                        most = Some((row, unit, sum));
                    }
                }
            }
        }
        if let Some((row, unit, sum)) = most {
            let what = format!(
                "tpm: row {row}, unit {unit}: the probabilities sum to {sum} and were divided by \
                 it, the largest such change"
            );
            self.note(notes, what)?;
        }
        Tpm::from_distributions(alphabet, &rows)
    }
}

/// Items of a file by the number of their state, first unit fastest. As many as there are, if they
/// are not one for each state: that is said later.
fn in_order<T>(items: Vec<T>, from: &[usize]) -> Vec<T> {
    if items.len() != from.len() {
        return items;
    }
    let mut items: Vec<Option<T>> = items.into_iter().map(Some).collect();
    from.iter().map(|&at| items[at].take().expect("each once")).collect()
}

/// By state: the row that it has in a file.
fn row_numbers(alphabet: &Alphabet, order: RowOrder) -> Vec<usize> {
    let sizes = alphabet.sizes();
    let row = |state: usize| match order {
        RowOrder::FirstUnitFastest => state,
        RowOrder::LastUnitFastest => {
            let values = alphabet.values(state);
            values.iter().zip(&sizes).fold(0, |row, (&value, &k)| row * k + usize::from(value))
        }
    };
    (0..alphabet.n_states()).map(row).collect()
}
