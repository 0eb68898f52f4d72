//! The forms of JSON that networks are kept in, each made into a [`Draft`].
//!
//! Numbers of a TPM are read straight into rows. Everything else is small, so it is read into a
//! tree, which can say where in it something is wrong.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::table::{self, Table};
use super::units::asked_unit;
use super::values::{self, StateText, Values};
use super::{AskedTransition, Draft, Form, NetworkRecord, RowOrder, States, UnitName, state};
use crate::alphabet::Alphabet;
use crate::error::{Error, ErrorKind, Result};

/// The longest text of a field but `tpm`, in bytes: many times what 32 units need.
const LONGEST_FIELD: usize = 1 << 20;

/// The fields of a network, by their own names.
const FIELDS: [&str; 8] = ["tpm", "cm", "state", "states", "nodes", "name", "labels", "row_order"];

/// Those of units with more than two values.
const FIELDS_OF_VALUES: [&str; 4] = ["alphabet", "next", "values", "marginals"];

/// Those of transitions between two states.
const FIELDS_OF_TRANSITIONS: [&str; 5] = ["before", "after", "cause", "effect", "transitions"];

/// Those of intrinsic units.
const FIELDS_OF_UNITS: [&str; 2] = ["units", "history"];

/// Other names of some of them: PyPhi's, and those of the first files of the web calculator.
const ALIASES: [(&str, &str); 6] = [
    ("connectivity_matrix", "cm"),
    ("connectivityMatrix", "cm"),
    ("node_indices", "nodes"),
    ("node_labels", "labels"),
    ("current_state", "state"),
    ("currentState", "state"),
];

/// Fields that say nothing about Φ.
const PASSED_OVER: [&str; 3] = ["past_state", "pastState", "size"];

pub(super) fn wrong(message: impl Into<String>) -> Error {
    ErrorKind::Json(message.into()).into()
}

/// The networks of a text, each as it is stated or with what is wrong with it, and how they are put
/// together.
///
/// # Errors
/// If the text is not JSON, or there are none in it.
pub(super) fn drafts(text: &str, strict: bool) -> Result<(Vec<Result<Draft>>, Form)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match items_of(text) {
        Ok((items, Form::List)) if items.is_empty() => {
            Err(wrong("no networks: expected at least one"))
        }
        Ok((items, form)) => Ok((items.iter().map(|item| draft(item, strict)).collect(), form)),
        Err(error) => {
            // Python writes numbers that JSON does not have. As text they are found at their place.
            if let Some(quoted) = quote_numbers_of_python(text)
                && let Ok((items, form)) = items_of(&quoted)
            {
                return Ok((items.iter().map(|item| draft(item, strict)).collect(), form));
            }
            Err(not_json(text, &error))
        }
    }
}

fn items_of(text: &str) -> std::result::Result<(Vec<&RawValue>, Form), serde_json::Error> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str::<Vec<&RawValue>>(text).map(|items| (items, Form::List));
    }
    let mut items = Vec::new();
    for item in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        items.push(item?);
    }
    match items.len() {
        // Says what is missing, and where.
        0 => serde_json::from_str::<&RawValue>(text).map(|item| (vec![item], Form::One)),
        1 => Ok((items, Form::One)),
        _ => Ok((items, Form::Lines)),
    }
}

fn not_json(text: &str, error: &serde_json::Error) -> Error {
    match place_in_tpm(text, error) {
        Some(place) => wrong(format!("not JSON: {place}: {error}")),
        None => wrong(format!("not JSON: {error}")),
    }
}

/// The row and the column of a TPM in which the text stops being JSON, if it does so there.
fn place_in_tpm(text: &str, error: &serde_json::Error) -> Option<String> {
    let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
    let line = line_starts.into_iter().nth(error.line().checked_sub(1)?)?;
    let before = text.get(..(line + error.column()).min(text.len()))?;
    let tpm = before.rfind("\"tpm\"")?;
    let (mut depth, mut counts) = (0, [0_usize; 3]);
    for byte in before[tpm..].bytes() {
        match byte {
            b'[' => {
                depth += 1;
                if let Some(count) = counts.get_mut(depth) {
                    *count = 0;
                }
            }
            b']' => depth = depth.checked_sub(1).filter(|it| *it > 0)?,
            b',' if depth < counts.len() => counts[depth] += 1,
            _ => {}
        }
    }
    match depth {
        1 => Some(format!("tpm: row {}", counts[1])),
        2 => Some(format!("tpm: row {}, column {}", counts[1], counts[2])),
        _ => None,
    }
}

/// The same text with `NaN`, `Infinity` and `-Infinity` in quotes, if there are any outside of
/// strings.
fn quote_numbers_of_python(text: &str) -> Option<String> {
    let mut quoted = String::with_capacity(text.len() + 16);
    let (mut is_string, mut escaped, mut found) = (false, false, false);
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if !is_string
            && let Some(name) =
                ["NaN", "Infinity", "-Infinity"].into_iter().find(|it| rest.starts_with(it))
        {
            quoted.extend(["\"", name, "\""]);
            found = true;
            rest = &rest[name.len()..];
            continue;
        }
        match next {
            _ if escaped => escaped = false,
            '\\' if is_string => escaped = true,
            '"' => is_string = !is_string,
            _ => {}
        }
        quoted.push(next);
        rest = &rest[next.len_utf8()..];
    }
    found.then_some(quoted)
}

/// The fields of an object in their order, each as text. A map would keep the last of two of one
/// name, silently.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Fields<'de>, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl<'a> Fields<'a> {
    fn read(place: &str, json: &'a RawValue) -> Result<Fields<'a>> {
        serde_json::from_str(json.get()).map_err(|error| in_field(place, &error))
    }

    fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(found, _)| found == name).map(|it| it.1)
    }

    /// The text of a field that must be there.
    fn text(&self, place: &str, name: &str) -> Result<String> {
        let place = if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
        match self.get(name).map(|it| value(&place, it)).transpose()? {
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err(json(&format!("{place}: expected a string"), &other)),
            None => Err(wrong(format!("{place}: missing, expected a string"))),
        }
    }

    fn object(&self, place: &str, name: &str) -> Result<Fields<'a>> {
        let place = if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
        let json = self.get(name);
        Fields::read(
            &place,
            json.ok_or_else(|| wrong(format!("{place}: missing, expected an object")))?,
        )
    }
}

fn draft(json: &RawValue, strict: bool) -> Result<Draft> {
    if !json.get().starts_with('{') {
        let expected = "expected an object with the fields tpm, cm and state";
        return Err(self::json(expected, &value("record", json)?));
    }
    let fields = Fields::read("record", json)?;
    if fields.get("format_version").is_some() && fields.get("payload").is_some() {
        return of_pyphi_2(&fields);
    }
    if let Some(class) = fields.get("__class__") {
        let class = match value("__class__", class)? {
            Value::String(class) => class,
            other => return Err(self::json("__class__: expected a string", &other)),
        };
        return of_pyphi_1(&class, &fields);
    }
    own(&fields, strict)
}

/// The own form, with PyPhi's names for its fields, and the web calculator's export.
fn own(fields: &Fields<'_>, strict: bool) -> Result<Draft> {
    let mut draft = Draft::default();
    // The web calculator's nodes are objects; what else it writes is for its drawing.
    let is_drawn = fields.get("nodes").is_some_and(|it| {
        it.get().trim_start_matches(['[', ' ', '\n', '\t', '\r']).starts_with('{')
    });
    // What it says of the values decides how other fields are read.
    let stated = |name: &str| {
        fields.get(name).filter(|it| it.get() != "null").map(|it| value(name, it)).transpose()
    };
    let alphabet = stated("alphabet")?.map(|it| values::alphabet(&it)).transpose()?;
    let mut of_marginals = None;
    if let Some(json) = fields.get("marginals") {
        of_marginals = Some(values::marginals(json)?);
    }
    let names = stated("values")?.map(|it| values::names(&it)).transpose()?;
    let alphabet = one_alphabet(alphabet, of_marginals.as_ref())?;
    if let (Some(alphabet), Some(names)) = (&alphabet, &names) {
        check_names(alphabet, names)?;
    }
    let own = alphabet.as_ref().map(|alphabet| OwnValues { alphabet, names: names.as_deref() });
    let mut passed_over = Vec::new();
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for (name, json) in &fields.0 {
        let name = name.as_str();
        let ours = ALIASES.iter().find(|(theirs, _)| *theirs == name).map_or(name, |it| it.1);
        if ours == "counts" {
            continue;
        }
        if FIELDS_OF_TRANSITIONS.contains(&name) {
            transition_field(&mut draft, name, &value(name, json)?, own)?;
            continue;
        }
        if FIELDS_OF_UNITS.contains(&name) {
            if json.get() == "null" {
                continue;
            }
            units_field(&mut draft, name, &value(name, json)?, own)?;
            continue;
        }
        if !FIELDS.contains(&ours) && !FIELDS_OF_VALUES.contains(&ours) {
            if PASSED_OVER.contains(&name) || is_drawn && nearest(name, &FIELDS).is_none() {
                passed_over.push(name);
                continue;
            }
            return Err(wrong(unknown_field(name, &FIELDS)));
        }
        if let Some((_, before)) = seen.iter().find(|(known, _)| *known == ours) {
            return Err(wrong(match *before == name {
                true => format!("field {name:?} is there twice, expected it once"),
                false => {
                    format!("fields {before:?} and {name:?} mean the same, expected one of them")
                }
            }));
        }
        seen.push((ours, name));
        if json.get() == "null" && ours != "tpm" {
            continue;
        }
        match ours {
            "alphabet" | "values" | "marginals" => {}
            "tpm" | "next" if draft.tpm.is_some() || draft.values.is_some() => {
                return Err(two_tables());
            }
            "next" => {
                let alphabet = alphabet.clone().ok_or_else(|| {
                    wrong("next: there is no alphabet, expected the number of values of each unit")
                })?;
                let table = values::next(json, &alphabet, names.as_deref())?;
                draft.values = Some(Values { alphabet, table });
            }
            "tpm" if alphabet.is_some() => {
                let alphabet = alphabet.clone().expect("looked at before");
                match values::tpm(json, &alphabet)? {
                    Some(table) => draft.values = Some(Values { alphabet, table }),
                    None => draft.tpm = Some(tpm(json)?),
                }
            }
            "tpm" => draft.tpm = Some(tpm(json)?),
            "cm" => draft.cm = Some(matrix(&value(name, json)?, name)?),
            "state" | "states" if draft.states.is_some() || draft.of_values.is_some() => {
                return Err(two_states());
            }
            "state" if alphabet.is_some() => {
                draft.of_values = Some(("state", StateText::Listed(vec![value(name, json)?])));
            }
            "states" if alphabet.is_some() => {
                draft.of_values = Some(("states", states_of_values(value(name, json)?)?));
            }
            "state" => {
                draft.states = Some(States::Listed(vec![one_state(&value(name, json)?, name)?]))
            }
            "states" => draft.states = Some(states(&value(name, json)?)?),
            "nodes" if is_drawn => drawn_nodes(&value(name, json)?, &mut draft)?,
            "nodes" => draft.nodes = Some(items(&value(name, json)?, name, unit_name)?),
            "name" => match value(name, json)? {
                Value::String(name) => draft.name = Some(check_name(name)?),
                other => return Err(self::json("name: expected a string", &other)),
            },
            "labels" => draft.labels = Some(labels(name, json)?),
            "row_order" => draft.row_order = Some(row_order(&value(name, json)?)?),
            _ => unreachable!("one of the fields"),
        }
    }
    if let Some(values) = of_marginals {
        if draft.tpm.is_some() || draft.values.is_some() {
            return Err(two_tables());
        }
        draft.values = Some(values);
    }
    if let Some(alphabet) = alphabet {
        if let Some((place, text)) = draft.of_values.take() {
            draft.states = Some(text.read(&alphabet, names.as_deref(), place)?);
        }
        draft.alphabet = Some(alphabet);
    } else if names.is_some() {
        return Err(wrong(
            "values: there is no alphabet, expected the number of values of each unit",
        ));
    }
    draft.value_names = names;
    if !passed_over.is_empty() {
        let names = passed_over.join(", ");
        if strict {
            return Err(wrong(format!("fields {names}: unknown, which strict reading forbids")));
        }
        draft.notes.push(format!("fields without a meaning here were passed over: {names}"));
    }
    Ok(draft)
}

fn two_tables() -> Error {
    wrong("tpm, next and marginals: several are there, expected one of them")
}

/// The alphabet that is stated, which must be that of the marginals, if there are any.
fn one_alphabet(stated: Option<Alphabet>, marginals: Option<&Values>) -> Result<Option<Alphabet>> {
    match (stated, marginals) {
        (Some(stated), Some(Values { alphabet, .. })) if stated != *alphabet => {
            Err(wrong(format!("alphabet: {stated}, expected {alphabet} as in marginals")))
        }
        (stated, marginals) => Ok(stated.or_else(|| marginals.map(|it| it.alphabet.clone()))),
    }
}

fn check_names(alphabet: &Alphabet, names: &[Vec<String>]) -> Result<()> {
    let found: Vec<usize> = names.iter().map(Vec::len).collect();
    let expected = alphabet.sizes();
    match found == expected {
        true => Ok(()),
        false => Err(wrong(format!(
            "values: {found:?} names, expected {expected:?}, one for each value of each unit"
        ))),
    }
}

fn states_of_values(value: Value) -> Result<StateText> {
    match value {
        Value::Array(list) => Ok(StateText::Listed(list)),
        Value::String(text) if text == "all" => Ok(StateText::All),
        Value::String(text) if text == "reachable" => Ok(StateText::Reachable),
        other => {
            let expected = "states: expected \"all\", \"reachable\" or a list of states";
            Err(json(expected, &other))
        }
    }
}

/// A field that says which transition is asked about, or which ones are.
fn transition_field(
    draft: &mut Draft,
    name: &str,
    value: &Value,
    own: Option<OwnValues<'_>>,
) -> Result<()> {
    if name != "transitions" {
        return set_transition(&mut draft.transition, ("", name), value, own);
    }
    if draft.transitions.is_some() {
        return Err(wrong(format!("field {name:?} is there twice, expected it once")));
    }
    let read = |item: &Value, place: Place<'_>| {
        let Value::Object(fields) = item else {
            return Err(json(&format!("{place}: expected an object with before and after"), item));
        };
        let mut asked = AskedTransition::default();
        for (name, value) in fields {
            let known = &FIELDS_OF_TRANSITIONS[..4];
            if !known.contains(&name.as_str()) {
                return Err(wrong(format!("{place}: {}", unknown_field(name, known))));
            }
            set_transition(&mut asked, (&format!("{place}."), name), value, own)?;
        }
        Ok(asked)
    };
    draft.transitions = Some(items(value, name, read)?);
    Ok(())
}

/// A field that says which intrinsic units are asked about, or in which states.
fn units_field(
    draft: &mut Draft,
    name: &str,
    value: &Value,
    own: Option<OwnValues<'_>>,
) -> Result<()> {
    let is_there = match name {
        "units" => draft.units.replace(items(value, name, asked_unit)?).is_some(),
        _ => {
            let read = |item: &Value, place: Place<'_>| own_state(item, &place.to_string(), own);
            let history = items(value, name, read)?;
            if history.is_empty() {
                return Err(wrong("history: no states, expected one at least"));
            }
            draft.history.replace(history).is_some()
        }
    };
    match is_there {
        true => Err(wrong(format!("field {name:?} is there twice, expected it once"))),
        false => Ok(()),
    }
}

fn set_transition(
    asked: &mut AskedTransition,
    (place, name): (&str, &str),
    value: &Value,
    own: Option<OwnValues<'_>>,
) -> Result<()> {
    let place = format!("{place}{name}");
    let is_there = match name {
        "before" => asked.before.replace(own_state(value, &place, own)?).is_some(),
        "after" => asked.after.replace(own_state(value, &place, own)?).is_some(),
        "cause" => asked.cause.replace(items(value, &place, unit_name)?).is_some(),
        _ => asked.effect.replace(items(value, &place, unit_name)?).is_some(),
    };
    if is_there {
        return Err(wrong(format!("field {place:?} is there twice, expected it once")));
    }
    Ok(())
}

fn two_states() -> Error {
    wrong("state and states: both are there, expected one of them")
}

/// An object of PyPhi 1 (`jsonify`): a network, a subsystem, or a result that holds one.
fn of_pyphi_1(class: &str, fields: &Fields<'_>) -> Result<Draft> {
    match class {
        "Network" => {
            let labels = match fields.get("node_labels").filter(|it| it.get() != "null") {
                None => None,
                Some(json) if json.get().starts_with('[') => Some(labels("node_labels", json)?),
                Some(_) => {
                    let inner = fields.object("", "node_labels")?;
                    inner.get("labels").map(|it| labels("node_labels.labels", it)).transpose()?
                }
            };
            let json = fields.get("tpm").ok_or_else(|| wrong("tpm: missing, expected a list"))?;
            let cm = match fields.get("cm") {
                None => None,
                Some(json) => Some(matrix(&value("cm", json)?, "cm")?),
            };
            Ok(Draft { tpm: Some(tpm(json)?), cm, labels, ..Draft::default() })
        }
        "Subsystem" => {
            let mut draft = of_pyphi_1("Network", &fields.object("", "network")?)?;
            let part = |name: &str| {
                let json = fields
                    .get(name)
                    .ok_or_else(|| wrong(format!("{name}: missing, expected a list")));
                value(name, json?)
            };
            draft.states = Some(States::Listed(vec![one_state(&part("state")?, "state")?]));
            let nodes = ["nodes", "node_indices"].into_iter().find(|it| fields.get(it).is_some());
            let nodes = nodes.unwrap_or("nodes");
            draft.nodes = Some(items(&part(nodes)?, nodes, unit_name)?);
            if fields.get("cut").is_some() {
                let cut = fields.object("", "cut")?.text("cut", "__class__")?;
                if cut != "NullCut" {
                    return Err(wrong(format!("cut: {cut}, expected an intact system (NullCut)")));
                }
            }
            Ok(draft)
        }
        _ if fields.get("subsystem").is_some() => {
            let mut draft = of_pyphi_1("Subsystem", &fields.object("", "subsystem")?)?;
            draft.notes.push(format!("of {class} only the subsystem was read"));
            Ok(draft)
        }
        _ => Err(wrong(format!("__class__: {class:?} of PyPhi, expected Network or Subsystem"))),
    }
}

/// A document of PyPhi 2 (`serialize`): a substrate, a system, or a result that holds one.
fn of_pyphi_2(fields: &Fields<'_>) -> Result<Draft> {
    let version = value("format_version", fields.get("format_version").expect("looked at before"))?;
    if version != 1 {
        return Err(json("format_version: expected 1", &version));
    }
    let payload = fields.object("", "payload")?;
    let kind = payload.text("payload", "type")?;
    match kind.as_str() {
        "substrate" => substrate("payload", &payload),
        "system" => {
            let mut draft =
                substrate("payload.substrate", &payload.object("payload", "substrate")?)?;
            let part = |name: &str| {
                let place = format!("payload.{name}");
                let json = payload
                    .get(name)
                    .ok_or_else(|| wrong(format!("{place}: missing, expected a list")));
                Ok::<_, Error>((value(&place, json?)?, place))
            };
            let (state, place) = part("state")?;
            draft.states = Some(States::Listed(vec![one_state(&state, &place)?]));
            let (nodes, place) = part("node_indices")?;
            draft.nodes = Some(items(&nodes, &place, unit_name)?);
            let partition =
                payload.object("payload", "partition")?.text("payload.partition", "type")?;
            if partition != "null_cut" {
                let message = "expected an intact system (null_cut)";
                return Err(wrong(format!("payload.partition: {partition}, {message}")));
            }
            Ok(draft)
        }
        _ if payload.get("substrate").is_some() => {
            let mut draft =
                substrate("payload.substrate", &payload.object("payload", "substrate")?)?;
            draft.notes.push(format!("of {kind} only the substrate was read"));
            Ok(draft)
        }
        _ => Err(wrong(format!("payload.type: {kind:?} of PyPhi, expected substrate or system"))),
    }
}

fn substrate(place: &str, fields: &Fields<'_>) -> Result<Draft> {
    let array = |name: &str| {
        let text = fields.text(place, name)?;
        let decoded = BASE64_STANDARD.decode(text);
        decoded.map_err(|error| wrong(format!("{place}.{name}: not base64: {error}")))
    };
    let at = |name: &'static str| move |error: Error| error.at(format!("{place}.{name}"));
    let tpm = Table::npy(&array("tpm")?).map_err(at("tpm"))?;
    let cm = Table::npy_matrix(&array("cm")?).map_err(at("cm"))?;
    let labels = match fields.get("node_labels").filter(|it| it.get() != "null") {
        None => None,
        Some(_) => {
            let inner = fields.object(place, "node_labels")?;
            inner.get("labels").map(|it| labels("node_labels.labels", it)).transpose()?
        }
    };
    Ok(Draft { tpm: Some(tpm), cm: Some(cm), labels, ..Draft::default() })
}

/// The nodes of the web calculator: objects with an index, a label and perhaps a state.
fn drawn_nodes(value: &Value, draft: &mut Draft) -> Result<()> {
    let Value::Array(nodes) = value else { unreachable!("begins with a list") };
    let mut by_index: Vec<Option<(Option<String>, Option<u8>)>> = vec![None; nodes.len()];
    for (position, node) in nodes.iter().enumerate() {
        let place = format!("nodes[{position}]");
        let Value::Object(node) = node else {
            return Err(json(&format!("{place}: expected an object as in the others"), node));
        };
        let index = match node.get("index") {
            None => position,
            Some(index) => {
                let number = index.as_u64().and_then(|it| usize::try_from(it).ok());
                let number = number.filter(|it| *it < nodes.len());
                let expected = format!("{place}.index: expected a number below {}", nodes.len());
                number.ok_or_else(|| json(&expected, index))?
            }
        };
        if by_index[index].is_some() {
            return Err(wrong(format!("{place}.index: {index} is there twice, expected it once")));
        }
        let label = match node.get("label") {
            None | Some(Value::Null) => None,
            Some(Value::String(label)) => Some(label.clone()),
            Some(other) => return Err(json(&format!("{place}.label: expected a string"), other)),
        };
        let own = ["state", "on"].into_iter().find_map(|it| Some((it, node.get(it)?)));
        let own = match own {
            None => None,
            Some((name, value)) => {
                Some(zero_or_one(value, Place(&format!("{place}.{name}"), None))?)
            }
        };
        by_index[index] = Some((label, own));
    }
    let (labels, states): (Vec<_>, Vec<_>) = by_index.into_iter().flatten().unzip();
    if draft.labels.is_none() {
        draft.labels = labels.into_iter().collect();
    }
    let state: Option<Vec<u8>> = states.into_iter().collect();
    if let (None, Some(state)) = (&draft.states, state) {
        draft.states = Some(States::Listed(vec![state]));
    }
    Ok(())
}

pub(super) fn unit_name(value: &Value, place: Place<'_>) -> Result<UnitName> {
    match value {
        Value::String(label) => Ok(UnitName::Label(label.clone())),
        _ => match value.as_u64().and_then(|unit| usize::try_from(unit).ok()) {
            Some(number) => Ok(UnitName::Number(number)),
            None => {
                Err(json(&format!("{place}: expected the number or the label of a unit"), value))
            }
        },
    }
}

fn labels(name: &str, json: &RawValue) -> Result<Vec<String>> {
    items(&value(name, json)?, name, |item, place| match item {
        Value::String(label) => Ok(label.clone()),
        other => Err(self::json(&format!("{place}: expected a string"), other)),
    })
}

fn matrix(value: &Value, name: &str) -> Result<Vec<Vec<u8>>> {
    items(value, name, |row, place| items(row, &place.to_string(), zero_or_one))
}

/// The values that a file gives its units, where it has an alphabet.
#[derive(Clone, Copy)]
struct OwnValues<'a> {
    alphabet: &'a Alphabet,
    names: Option<&'a [Vec<String>]>,
}

/// A state of units with these values, or with two.
fn own_state(value: &Value, name: &str, own: Option<OwnValues<'_>>) -> Result<Vec<u8>> {
    match own {
        None => one_state(value, name),
        Some(OwnValues { alphabet, names }) => values::values(value, alphabet, names, name),
    }
}

fn one_state(value: &Value, name: &str) -> Result<Vec<u8>> {
    match value {
        Value::String(text) => state(text),
        // YAML without quotes.
        Value::Number(digits) => state(&digits.to_string()),
        _ => items(value, name, zero_or_one),
    }
}

fn states(value: &Value) -> Result<States> {
    match value {
        Value::String(text) => match text.as_str() {
            "all" => Ok(States::All),
            "reachable" => Ok(States::Reachable),
            _ => Err(json("states: expected \"all\", \"reachable\" or a list of states", value)),
        },
        _ => items(value, "states", |item, place| one_state(item, &place.to_string()))
            .map(States::Listed),
    }
}

fn row_order(value: &Value) -> Result<RowOrder> {
    match value.as_str() {
        Some("first-unit-fastest" | "little-endian") => Ok(RowOrder::FirstUnitFastest),
        Some("last-unit-fastest" | "big-endian") => Ok(RowOrder::LastUnitFastest),
        _ => {
            let expected = "row_order: expected first-unit-fastest (little-endian) or \
                            last-unit-fastest (big-endian)";
            Err(json(expected, value))
        }
    }
}

/// A table of numbers that stops where it cannot be a TPM any more: `n` entries in a row make at
/// most `2^n` rows. Without that, a file of nothing but brackets would take many times its size.
struct Rows(Vec<Vec<f64>>);

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Rows, D::Error> {
        struct Rectangle;
        impl<'de> Visitor<'de> for Rectangle {
            type Value = Rows;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of lists of numbers")
            }

            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut list: A,
            ) -> std::result::Result<Rows, A::Error> {
                let mut rows: Vec<Vec<f64>> = Vec::new();
                while let Some(row) = list.next_element::<Vec<f64>>()? {
                    rows.push(row);
                    let n = rows[0].len();
                    if n < 32 && rows.len() > 1 << n {
                        return Err(de::Error::custom(TooManyRows(n)));
                    }
                }
                Ok(Rows(rows))
            }
        }
        deserializer.deserialize_seq(Rectangle)
    }
}

/// Says so of a table whose first row has so many entries.
struct TooManyRows(usize);

impl fmt::Display for TooManyRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = 1_u64 << self.0;
        write!(f, "more than {rows} rows, the first of {} entries: expected at most {rows}", self.0)
    }
}

/// The table, read fast; what is wrong with one is found out afterwards.
fn tpm(json: &RawValue) -> Result<Table> {
    let error = match serde_json::from_str(json.get()) {
        Ok(Rows(rows)) => return Ok(Table { rows, ..Table::default() }),
        Err(error) => error,
    };
    if let Some(table) = multidimensional(json.get())? {
        return Ok(table);
    }
    if !json.get().starts_with('[') {
        return Err(self::json("tpm: expected a list", &value("tpm", json)?));
    }
    // Row by row, so that only what is wrong becomes a tree.
    if json.get().len() <= LONGEST_FIELD
        && let Ok(rows) = serde_json::from_str::<Vec<&RawValue>>(json.get())
    {
        for (row, cells) in rows.iter().enumerate() {
            let place = Place("tpm", Some(row));
            let Ok(cells) = serde_json::from_str::<Vec<&RawValue>>(cells.get()) else {
                return Err(self::json(
                    &format!("{place}: expected a list"),
                    &value("tpm", cells)?,
                ));
            };
            for (column, cell) in cells.iter().enumerate() {
                if serde_json::from_str::<f64>(cell.get()).is_ok() {
                    continue;
                }
                let not_finite = match cell.get() {
                    "\"NaN\"" => Some(f64::NAN),
                    "\"Infinity\"" => Some(f64::INFINITY),
                    "\"-Infinity\"" => Some(f64::NEG_INFINITY),
                    _ => None,
                };
                if let Some(value) = not_finite {
                    return Err(ErrorKind::NotAProbability { row, column, value }.into());
                }
                let expected = format!("{place}[{column}]: expected a number from 0 to 1");
                return Err(match value("tpm", cell) {
                    Ok(found) => self::json(&expected, &found),
                    Err(_) => {
                        let found: String = cell.get().chars().take(40).collect();
                        wrong(format!("{expected}, found {found}"))
                    }
                });
            }
        }
    }
    Err(in_field("tpm", &error))
}

/// `tpm[a][b][c]`, lists in lists for three or more units, or two: deeper than a table.
fn multidimensional(text: &str) -> Result<Option<Table>> {
    let depth =
        text.bytes().filter(|it| !it.is_ascii_whitespace()).take_while(|it| *it == b'[').count();
    if !(3..=crate::unit_set::UnitSet::MAX_UNITS + 1).contains(&depth) {
        return Ok(None);
    }
    let n = depth - 1;
    let mut values = Vec::new();
    // Every list but the innermost has two items; a number may be what there is to read first or
    // last.
    let mut counts = vec![0_usize; depth + 1];
    let mut level = 0;
    let shape = |found: String| {
        let expected =
            format!("expected lists of 2, {n} deep, of {n} numbers each (multidimensional)");
        wrong(format!("tpm: {found}, {expected}"))
    };
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'[' => {
                level += 1;
                if level > depth {
                    return Err(shape(format!("lists {level} deep")));
                }
                counts[level] = 0;
                at += 1;
            }
            b']' => {
                let (expected, found) = (if level == depth { n } else { 2 }, counts[level]);
                if found != expected {
                    return Err(shape(format!("a list of {found} at depth {level}")));
                }
                level -= 1;
                counts[level] += 1;
                at += 1;
            }
            byte if byte == b',' || byte.is_ascii_whitespace() => at += 1,
            _ => {
                let end = bytes[at..].iter().position(|it| b",] \t\r\n".contains(it));
                let end = at + end.unwrap_or(bytes.len() - at);
                let number = text[at..end].parse::<f64>().ok().filter(|_| level == depth);
                let Some(number) = number else {
                    let found: String = text[at..end].chars().take(40).collect();
                    return Err(shape(format!("{found} at depth {level}")));
                };
                values.push(number);
                counts[level] += 1;
                at = end;
            }
        }
    }
    Ok(Some(table::multidimensional(&values, n)))
}

/// A field, or why its text has no value: numbers too large, names that are no Unicode, lists
/// nested too deep.
fn value(name: &str, json: &RawValue) -> Result<Value> {
    let len = json.get().len();
    if len > LONGEST_FIELD {
        return Err(wrong(format!("{name}: {len} bytes, expected at most {LONGEST_FIELD}")));
    }
    serde_json::from_str(json.get()).map_err(|error| in_field(name, &error))
}

/// An error without its place in the text, which is that in the field alone.
fn in_field(name: &str, error: &serde_json::Error) -> Error {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&place).unwrap_or(&text);
    wrong(format!("{name}: {text}"))
}

/// The message about a field that is not one of those known, with the one that was probably meant.
///
/// ```
/// use pyphi_core::input::unknown_field;
///
/// assert_eq!(
///     unknown_field("nodse", &["state", "nodes"]),
///     "unknown field \"nodse\", perhaps for \"nodes\": expected one of state, nodes"
/// );
/// ```
pub fn unknown_field(name: &str, known: &[&str]) -> String {
    const LONGEST: usize = 40;
    let expected = known.join(", ");
    if name.chars().count() > LONGEST {
        let start: String = name.chars().take(LONGEST).collect();
        return format!("unknown field {:?}: expected one of {expected}", start + "…");
    }
    let perhaps = nearest(name, known).map(|it| format!(", perhaps for {it:?}"));
    format!("unknown field {name:?}{}: expected one of {expected}", perhaps.unwrap_or_default())
}

/// The known name that was probably meant.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let distance = |known: &str| strsim::osa_distance(&name.to_lowercase(), known);
    let nearest = known.iter().min_by_key(|it| distance(it))?;
    (distance(nearest) <= 1 + nearest.len() / 4).then_some(nearest)
}

/// Refuses names that would spoil what they are printed in.
fn check_name(name: String) -> Result<String> {
    match unprintable(&name, NetworkRecord::LONGEST_NAME) {
        Some(found) => {
            let longest = NetworkRecord::LONGEST_NAME;
            let expected = format!("at most {longest} characters, none a control character");
            Err(wrong(format!("name: {found}, expected {expected}")))
        }
        None => Ok(name),
    }
}

/// Describes the fault of a name that is longer than so many characters, or has a control
/// character. Returns `None` if the name has no fault.
pub(crate) fn unprintable(name: &str, longest: usize) -> Option<String> {
    let len = name.chars().count();
    let control = name.chars().position(char::is_control);
    if len > longest {
        return Some(format!("{len} characters"));
    }
    control.map(|at| format!("{name:?} with a control character as number {}", at + 1))
}

/// The items of a list, each read by `read`, which is told its place (`tpm[3]`).
pub(super) fn items<T>(
    value: &Value,
    place: &str,
    read: impl Fn(&Value, Place<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let Value::Array(list) = value else {
        return Err(json(&format!("{place}: expected a list"), value));
    };
    list.iter().enumerate().map(|(idx, item)| read(item, Place(place, Some(idx)))).collect()
}

/// A place, or an item of a list there. It is text only where something is wrong with it.
#[derive(Clone, Copy)]
pub(super) struct Place<'a>(&'a str, Option<usize>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            None => f.write_str(self.0),
            Some(idx) => write!(f, "{}[{idx}]", self.0),
        }
    }
}

pub(super) fn zero_or_one(value: &Value, place: Place<'_>) -> Result<u8> {
    match value {
        Value::Bool(bit) => Ok(u8::from(*bit)),
        _ => match value.as_f64() {
            Some(0.0) => Ok(0),
            Some(1.0) => Ok(1),
            _ => Err(json(&format!("{place}: expected 0 or 1"), value)),
        },
    }
}

/// Makes an error from the expectation and the value that was found (cut short).
pub(super) fn json(expected: &str, found: &Value) -> Error {
    let mut found = found.to_string();
    if found.chars().count() > 40 {
        found = found.chars().take(40).collect::<String>() + "…";
    }
    wrong(format!("{expected}, found {found}"))
}
