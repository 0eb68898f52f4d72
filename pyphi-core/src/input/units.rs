//! Units of IIT 4.0 as files state them.

use serde_json::Value;

use super::UnitName;
use super::json::{Place, items, json, unit_name, unknown_field, wrong, zero_or_one};
use crate::error::Result;
use crate::grain::{IntrinsicUnit, Mapping, Part};
use crate::iit4::System;
use crate::unit_set::UnitSet;

/// A unit that is asked about: one of the network, or one made of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedUnit {
    /// One of the network.
    Micro(UnitName),
    /// One of these parts, which may be made of others again.
    Made {
        /// Its constituents.
        parts: Vec<AskedUnit>,
        /// The number of their updates that are one of its own.
        grain: u32,
        /// The rule by which it is ON.
        mapping: Mapping,
        /// Background that counts as its own.
        apportioned: Vec<UnitName>,
    },
}

/// The fields of a unit.
const FIELDS: [&str; 4] = ["parts", "grain", "mapping", "apportioned"];

/// The mappings.
const MAPPINGS: [&str; 3] = ["coarse", "blackbox", "table"];

impl AskedUnit {
    /// A list of them, among units with these labels.
    ///
    /// # Errors
    /// If there are more than a system has, a unit has no such label, or as [`IntrinsicUnit::new`].
    pub fn units(asked: &[AskedUnit], labels: Option<&[String]>) -> Result<Vec<IntrinsicUnit>> {
        // What is refused anyway is not made: that can take much longer than reading it.
        if asked.len() > System::MAX_UNITS {
            return Err(System::too_large(asked.len()));
        }
        let unit = |(number, it): (usize, &AskedUnit)| {
            it.part(labels, &format!("units[{number}]")).map(|it| it.unit())
        };
        asked.iter().enumerate().map(unit).collect()
    }

    fn part(&self, labels: Option<&[String]>, place: &str) -> Result<Part> {
        let number = |name: &UnitName, field: &str| -> Result<usize> {
            let unit = name.number(labels, field)?;
            match unit < UnitSet::MAX_UNITS {
                true => Ok(unit),
                false => Err(wrong(format!("{field}: unit {unit}, expected one of the network"))),
            }
        };
        let AskedUnit::Made { parts, grain, mapping, apportioned } = self else {
            let AskedUnit::Micro(name) = self else { unreachable!("the other one") };
            return number(name, place).map(Part::Micro);
        };
        IntrinsicUnit::check_size(parts.len(), *grain).map_err(|error| error.at(place))?;
        let of_part =
            |(idx, it): (usize, &AskedUnit)| it.part(labels, &format!("{place}.parts[{idx}]"));
        let parts = parts.iter().enumerate().map(of_part).collect::<Result<Vec<_>>>()?;
        let background = |name| number(name, &format!("{place}.apportioned"));
        let apportioned = apportioned.iter().map(background).collect::<Result<UnitSet>>()?;
        let unit = IntrinsicUnit::new(parts, *grain, mapping.clone(), apportioned);
        Ok(Part::Unit(Box::new(unit.map_err(|error| error.at(place))?)))
    }
}

/// Reads an item of `units`, or of the parts of one.
pub(super) fn asked_unit(value: &Value, place: Place<'_>) -> Result<AskedUnit> {
    let Value::Object(fields) = value else {
        return match value {
            Value::String(_) | Value::Number(_) => unit_name(value, place).map(AskedUnit::Micro),
            _ => Err(json(&format!("{place}: expected a unit, or an object with parts"), value)),
        };
    };
    if let Some(name) = fields.keys().find(|it| !FIELDS.contains(&it.as_str())) {
        return Err(wrong(format!("{place}: {}", unknown_field(name, &FIELDS))));
    }
    let missing =
        |field: &str, what: &str| wrong(format!("{place}.{field}: missing, expected {what}"));
    let parts = fields.get("parts").ok_or_else(|| missing("parts", "a list of units"))?;
    let parts = items(parts, &format!("{place}.parts"), asked_unit)?;
    let grain = match fields.get("grain") {
        None => 1,
        Some(value) => {
            let grain = value.as_u64().and_then(|it| u32::try_from(it).ok()).filter(|it| *it > 0);
            let expected = format!("{place}.grain: expected a number of updates from 1");
            grain.ok_or_else(|| json(&expected, value))?
        }
    };
    let apportioned = match fields.get("apportioned") {
        None => Vec::new(),
        Some(value) => items(value, &format!("{place}.apportioned"), unit_name)?,
    };
    let expected = "an object with coarse, blackbox or table";
    let mapping = fields.get("mapping").ok_or_else(|| missing("mapping", expected))?;
    let mapping = read_mapping(mapping, &format!("{place}.mapping"))?;
    Ok(AskedUnit::Made { parts, grain, mapping, apportioned })
}

fn read_mapping(value: &Value, place: &str) -> Result<Mapping> {
    let expected = || json(&format!("{place}: expected one of coarse, blackbox, table"), value);
    let Value::Object(fields) = value else { return Err(expected()) };
    if let Some(name) = fields.keys().find(|it| !MAPPINGS.contains(&it.as_str())) {
        return Err(wrong(format!("{place}: {}", unknown_field(name, &MAPPINGS))));
    }
    let mut fields = fields.iter();
    let (Some((name, of)), None) = (fields.next(), fields.next()) else { return Err(expected()) };
    let place = format!("{place}.{name}");
    let number = |value: &Value, place: Place<'_>| {
        let number = value.as_u64().and_then(|it| usize::try_from(it).ok());
        number.ok_or_else(|| json(&format!("{place}: expected a number from 0"), value))
    };
    match name.as_str() {
        "coarse" => items(of, &place, number).map(Mapping::Coarse),
        "blackbox" => items(of, &place, number).map(Mapping::BlackBox),
        _ => {
            let entry = |value: &Value, place: Place<'_>| Ok(zero_or_one(value, place)? == 1);
            items(of, &place, entry).map(Mapping::Table)
        }
    }
}
