//! The JSON document of a command: what it has found out, in the order in which it was found.
//!
//! Each part is turned into text when it is handed in, so that the document needs to know none of
//! the types. What a command did not reach is absent.

use serde::Serialize;

use crate::exit::Exit;

/// Grows when a field changes its meaning or goes away.
const VERSION: u32 = 1;

#[derive(Debug)]
pub(super) struct Document {
    command: &'static str,
    dry_run: bool,
    parts: Vec<(&'static str, Part)>,
    /// The first value that has no JSON, as a path that is not Unicode.
    error: Option<String>,
}

/// Indented JSON of one value or of a list.
#[derive(Debug)]
enum Part {
    One(String),
    List(Vec<String>),
}

impl Document {
    pub(super) fn new(command: &'static str, dry_run: bool) -> Document {
        Document { command, dry_run, parts: Vec::new(), error: None }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.parts.iter().any(|it| it.0 == name)
    }

    pub(super) fn set(&mut self, name: &'static str, value: &impl Serialize) {
        let Some(json) = self.json(value) else { return };
        match self.parts.iter_mut().find(|it| it.0 == name) {
            Some(part) => part.1 = Part::One(json),
            None => self.parts.push((name, Part::One(json))),
        }
    }

    pub(super) fn push(&mut self, name: &'static str, value: &impl Serialize) {
        let Some(json) = self.json(value) else { return };
        match self.parts.iter_mut().find(|it| it.0 == name) {
            Some((_, Part::List(list))) => list.push(json),
            Some((_, part)) => *part = Part::List(vec![json]),
            None => self.parts.push((name, Part::List(vec![json]))),
        }
    }

    fn json(&mut self, value: &impl Serialize) -> Option<String> {
        let json = serde_json::to_string_pretty(value);
        json.map_err(|err| self.error.get_or_insert(err.to_string()).len()).ok()
    }

    /// The document with how the command ended. It is told even if a part has no JSON.
    pub(super) fn finish(&self, exit: Exit) -> String {
        let text = |it: &str| serde_json::Value::from(it).to_string();
        let mut fields = vec![("version", VERSION.to_string()), ("command", text(self.command))];
        match &self.error {
            Some(error) => fields.push(("error", text(error))),
            None => {
                fields.push(("dry_run", self.dry_run.to_string()));
                let parts = self.parts.iter().map(|(name, part)| (*name, part.indented()));
                fields.extend(parts);
            }
        }
        fields.push(("exit_code", exit.code().to_string()));
        fields.push(("exit", text(exit.name())));
        let fields: Vec<String> =
            fields.into_iter().map(|(name, json)| format!("  \"{name}\": {json}")).collect();
        format!("{{\n{}\n}}", fields.join(",\n"))
    }
}

impl Part {
    /// Strings of JSON hold no line break as such, so every line break is one of the layout.
    fn indented(&self) -> String {
        match self {
            Part::One(json) => json.replace('\n', "\n  "),
            Part::List(list) => {
                let list: Vec<String> =
                    list.iter().map(|it| format!("    {}", it.replace('\n', "\n    "))).collect();
                format!("[\n{}\n  ]", list.join(",\n"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_laid_out_like_one_that_was_written_at_once() {
        let mut document = Document::new("plan", false);
        document.set("memory", &vec![1, 2]);
        document.push("attempts", &serde_json::json!({"name": "a\nb", "steps": [1]}));
        document.set("memory", &3);
        document.push("attempts", &"second");
        let whole = serde_json::json!([{"name": "a\nb", "steps": [1]}, "second"]);
        let json = document.finish(Exit::NotReady);
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["attempts"], whole);
        assert_eq!((&read["memory"], &read["exit_code"]), (&3.into(), &4.into()));
        // The same layout, with the fields in the order in which they came.
        let pretty =
            serde_json::to_string_pretty(&serde_json::json!({ "attempts": whole })).unwrap();
        let pretty = pretty.trim_start_matches("{\n").trim_end_matches("\n}");
        assert!(json.contains(pretty), "{json}");
    }

    #[test]
    fn the_end_is_told_even_if_a_part_has_no_json() {
        let mut document = Document::new("plan", false);
        // A map whose keys are no strings.
        document.set("bad", &std::collections::BTreeMap::from([((1, 2), 3)]));
        document.set("good", &1);
        let read: serde_json::Value =
            serde_json::from_str(&document.finish(Exit::Success)).unwrap();
        assert!(read["error"].is_string() && read["exit"] == "success", "{read}");
        assert!(read.get("good").is_none(), "{read}");
    }
}
