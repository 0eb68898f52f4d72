//! YAML as the JSON that it stands for. What JSON does not have (aliases, keys that are no text) is
//! refused.

use std::fmt::Write as _;

use saphyr_parser::{Event, Parser, ScalarStyle};

use crate::error::{Error, ErrorKind, Result};

/// The sequence or mapping that a node is written into.
enum Open {
    Sequence { is_empty: bool },
    Mapping { is_empty: bool, is_key: bool },
}

fn wrong(message: impl std::fmt::Display) -> Error {
    ErrorKind::Json(format!("not YAML: {message}")).into()
}

/// The JSON of a YAML text: of its one document, or for several a list.
///
/// # Errors
/// If the text is not YAML; the message names line and column.
pub(super) fn to_json(text: &str) -> Result<String> {
    let mut documents: Vec<String> = Vec::new();
    let mut json = String::new();
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let message = error.to_string();
            wrong(message.lines().next().unwrap_or_default())
        })?;
        let place = || format!("line {}, column {}", span.start.line(), span.start.col() + 1);
        match event {
            Event::SequenceStart(..) => {
                before(&mut json, &mut open, false)
                    .map_err(|it| wrong(format!("{}: {it}", place())))?;
                json.push('[');
                open.push(Open::Sequence { is_empty: true });
            }
            Event::MappingStart(..) => {
                before(&mut json, &mut open, false)
                    .map_err(|it| wrong(format!("{}: {it}", place())))?;
                json.push('{');
                open.push(Open::Mapping { is_empty: true, is_key: true });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                json.push(if matches!(event, Event::SequenceEnd) { ']' } else { '}' });
                open.pop();
            }
            Event::Scalar(text, style, ..) => {
                let is_text = before(&mut json, &mut open, true)
                    .map_err(|it| wrong(format!("{}: {it}", place())))?;
                let is_plain = style == ScalarStyle::Plain && !is_text;
                match is_plain.then(|| plain(&text)).flatten() {
                    Some(value) => json.push_str(&value),
                    None => json.push_str(&serde_json::Value::from(text.as_ref()).to_string()),
                }
            }
            Event::Alias(_) => {
                return Err(wrong(format!("{}: an alias, expected the value itself", place())));
            }
            Event::DocumentEnd => documents.push(std::mem::take(&mut json)),
            _ => {}
        }
    }
    match documents.len() {
        1 => Ok(documents.remove(0)),
        _ => Ok(format!("[{}]", documents.join(","))),
    }
}

/// Writes what separates a node from the one before it. `true` if the node is a key.
fn before(
    json: &mut String,
    open: &mut [Open],
    is_scalar: bool,
) -> std::result::Result<bool, &'static str> {
    match open.last_mut() {
        None => Ok(false),
        Some(Open::Sequence { is_empty }) => {
            if !std::mem::replace(is_empty, false) {
                json.push(',');
            }
            Ok(false)
        }
        Some(Open::Mapping { is_key: true, .. }) if !is_scalar => Err("a key that is no text"),
        Some(Open::Mapping { is_empty, is_key: is_key @ true }) => {
            if !std::mem::replace(is_empty, false) {
                json.push(',');
            }
            *is_key = false;
            Ok(true)
        }
        Some(Open::Mapping { is_key, .. }) => {
            json.push(':');
            *is_key = true;
            Ok(false)
        }
    }
}

/// Reads a scalar without quotes that is null, a truth value, or a number. Returns `None` for text.
/// Digits alone that begin with 0 are a state (`011`).
fn plain(text: &str) -> Option<String> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some("null".to_owned()),
        "true" | "True" | "TRUE" => return Some("true".to_owned()),
        "false" | "False" | "FALSE" => return Some("false".to_owned()),
        ".nan" | ".NaN" | ".NAN" => return Some("\"NaN\"".to_owned()),
        ".inf" | ".Inf" | ".INF" | "+.inf" => return Some("\"Infinity\"".to_owned()),
        "-.inf" | "-.Inf" | "-.INF" => return Some("\"-Infinity\"".to_owned()),
        _ => {}
    }
    if text.len() > 1 && text.bytes().all(|it| it.is_ascii_digit()) && text.starts_with('0') {
        return None;
    }
    let is_number = text.starts_with(|it: char| it.is_ascii_digit() || "+-.".contains(it))
        && !text.contains(['x', 'X', '_']);
    let number = text.parse::<f64>().ok().filter(|it| is_number && it.is_finite())?;
    // As it stands where JSON allows that, so that no digit is lost.
    if serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok() {
        return Some(text.to_owned());
    }
    let mut shown = String::new();
    let _ = write!(shown, "{number:e}");
    Some(shown)
}
