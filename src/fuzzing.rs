//! The readers of what comes from outside, one function each, for fuzz targets and for tests on
//! their corpora.
//!
//! Each takes any bytes and may refuse them in any way but one: a panic is a finding. What is taken
//! must be of use: it is written and read again, and shown in every way in which the program shows
//! it.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Registry;
use crate::cluster::folder::{JobFile, Plan, Task, from_json, to_json};
use crate::cluster::journals::{Header, ItemLine};
use crate::engine::exact::{self, Reader, Scope, TiePolicy};
use crate::escape::{csv, markdown, terminal, xml};
use crate::files::seal::{Chain, seal};
use crate::model::formalism::Formalism;
use crate::phi::Question;
use crate::report::text;
use crate::report::{Links, Report};
use crate::run::journal::SettingsFile;
use crate::run::search;
use crate::run::store::Contents;
use crate::run::timeline;
use crate::stats::summary::Summaries;
use crate::study::dataset;
use crate::suite::Suite;
use crate::suite::from_toml;

/// The memory that a suite may take here, in bytes: hundreds of rows.
const MEMORY: u64 = 1 << 20;

/// Networks from a file, as `phi` reads them by every theory.
pub fn networks(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    for formalism in [Formalism::Iit3, Formalism::Iit4_2023] {
        for scope in [Scope::System, Scope::Complexes] {
            let rules = exact::rules(formalism, TiePolicy::default());
            let Ok(input) = Reader::default().json(text) else { continue };
            Question::new(input, "networks.json", scope, None, rules).ok();
        }
    }
    exact::state(text).ok();
}

/// A suite in TOML, that names no file of this machine.
pub fn suite(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if text.contains("file") && (text.contains('/') || text.contains('\\')) {
        return;
    }
    let path = Path::new("no such folder/suite.toml");
    let expand = |settings| Suite::within(settings, MEMORY);
    if let Ok(suite) = from_toml::parse(text, path, &Registry::default(), expand) {
        check(&suite);
    }
}

/// The settings of a run, without the check that only what the program has written has.
pub fn settings(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    SettingsFile::parse(text).ok();
    let Some(sealed) = sealed(SettingsFile::SCHEMA, text) else { return };
    let settings = SettingsFile::parse(&sealed);
    if let Some(Ok(suite)) = settings.ok().map(|it| Suite::within(it, MEMORY)) {
        check(&suite);
    }
}

/// The rows of a study, each by its own name; what was asked for is asked for again with the same
/// words.
fn check(suite: &Suite) {
    for (position, comparison) in suite.comparisons().iter().enumerate() {
        assert_eq!(suite.position(comparison.key), Some(position), "{}", comparison.key);
        one_line(&comparison.key.to_string());
    }
    let mut text = Vec::new();
    text::write_matrix(suite, &mut text).expect("memory takes all");
    let text = String::from_utf8(text).expect("it is text");
    assert!(!text.contains(|it: char| it.is_control() && it != '\n'), "{text:?}");
    let json = SettingsFile::text(suite.settings());
    let again = SettingsFile::parse(&json).expect("what was written is read");
    assert!(suite.settings().differences(&again).is_empty(), "{json}");
    let again = Suite::within(again, MEMORY).expect("what was taken is taken again");
    assert_eq!(suite.comparisons().len(), again.comparisons().len(), "{json}");
}

/// A journal without its checks: the first line is the settings, the others are sessions and rows.
/// What is read is summed up and shown in a report.
pub fn journal(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Some((settings, lines)) = text.split_once('\n') else { return };
    let Ok(settings) = serde_json::from_str(settings) else { return };
    let Ok(suite) = Suite::within(settings, MEMORY) else { return };
    let path = Path::new("journal.jsonl");
    Contents::parse(lines.as_bytes(), suite.clone(), path).ok();
    let mut chain = Chain::new("journal");
    let mut journal = String::new();
    for object in lines.lines() {
        if !object.ends_with('}') {
            return;
        }
        let line = chain.next(object);
        if chain.read(&line, |it| it.starts_with("{\"kind\":\"session\"")).is_err() {
            return;
        }
        journal += &(line + "\n");
    }
    let Ok(contents) = Contents::parse(journal.as_bytes(), suite.clone(), path) else { return };
    assert!(contents.rows.len() <= suite.comparisons().len());
    let summary = Summaries::of(&contents);
    let shown = summary.to_string();
    assert!(!shown.contains("NaN") && !shown.contains("inf"), "{shown}");
    let report = Report::new("name", &contents, &summary, &[], &Ok(None), &Links::default());
    assert!(report.html().trim_end().ends_with("</html>"));
    report.markdown();
    for line in contents.csv().lines().skip(1) {
        one_line(line);
    }
}

/// A journal of a search without its checks: what is read is written, and read again.
pub fn search(bytes: &[u8]) {
    let path = Path::new("found.journal.jsonl");
    search::parse(bytes, path).ok();
    let Ok(text) = str::from_utf8(bytes) else { return };
    let mut chain = Chain::new(search::CHAIN);
    let mut journal = String::new();
    for object in text.lines() {
        if !object.ends_with('}') {
            return;
        }
        let line = chain.next(object);
        if chain.read(&line, search::is_start).is_err() {
            return;
        }
        journal += &(line + "\n");
    }
    let Ok((Some(asked), steps)) = search::parse(journal.as_bytes(), path) else { return };
    let again = search::parse(search::journal_of(&asked, &steps).as_bytes(), path);
    assert_eq!(again.expect("what was written is read"), (Some(asked), steps));
}

/// The record of a data set, its lines and their checks, with a byte 0xff between them.
pub fn dataset(bytes: &[u8]) {
    let mut parts = bytes.splitn(3, |it| *it == 0xff);
    let mut part = || parts.next().unwrap_or_default();
    let (record, rows, checks) = (part(), part(), part());
    dataset::read_any(&String::from_utf8_lossy(record), rows, checks);
}

/// Documents of a job in tasks, without their checks.
pub fn cluster_documents(bytes: &[u8]) {
    fn document<T: Serialize + DeserializeOwned>(schema: &str, text: &str) {
        from_json::<T>(schema, text).ok();
        let Some(sealed) = sealed(schema, text) else { return };
        if let Ok(read) = from_json::<T>(schema, &sealed) {
            from_json::<T>(schema, &to_json(schema, &read)).expect("what was written is read");
        }
    }
    let Ok(text) = str::from_utf8(bytes) else { return };
    document::<JobFile>("phi-validation/cluster", text);
    document::<Plan>("phi-validation/cluster-plan", text);
    document::<Task>("phi-validation/cluster-task", text);
    document::<Header>("phi-validation/cluster-journal", text);
    for line in text.lines() {
        serde_json::from_str::<ItemLine>(line).ok();
        crate::cluster::journals::agree(line, text).ok();
    }
}

/// A timeline, with and without its checks.
pub fn timeline(bytes: &[u8]) {
    for line in bytes.split(|it| *it == b'\n') {
        timeline::parse(line);
        let sealed = str::from_utf8(line).ok().and_then(|it| sealed(timeline::NAME, it));
        if let Some(sample) = sealed.and_then(|it| timeline::parse(it.as_bytes())) {
            let again = timeline::parse(timeline::line(&sample).trim_end().as_bytes());
            assert_eq!(again, Some(sample));
        }
    }
}

/// Any name, as it is shown on a terminal, in Markdown and in CSV.
pub fn names(bytes: &[u8]) {
    let name = String::from_utf8_lossy(bytes);
    one_line(&terminal(&name));
    one_line(&markdown(&name));
    one_line(&xml(&name));
    assert!(!xml(&name).contains(['<', '>', '"', '\'']), "{name:?}");
    let field = csv(&name);
    let is_number = field.parse::<f64>().is_ok() || field == "-";
    assert!(is_number || !field.starts_with(['=', '+', '-', '@', '\t', '\r']), "{field:?}");
}

/// A text with its check, if it is one of an object.
fn sealed(kind: &str, text: &str) -> Option<String> {
    let text = text.trim_end();
    (text.starts_with('{') && text.ends_with('}')).then(|| seal(kind, text))
}

/// Asserts that a text for people can neither move the cursor nor forge a line.
fn one_line(shown: &str) {
    assert!(!shown.contains(char::is_control), "{shown:?}");
}
