//! A study of one's own from a TOML file: `--suite FILE`.
//!
//! The file says what [`Settings`] hold, in the words of the command line; `docs/study.md`
//! describes it. Every mistake is refused with file, line and column, what stands there and what
//! was expected. Networks from other files are read here and now: a holder of the settings needs
//! none of the files again.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt::Display;
use std::hash::Hash;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::engine::exact;
use crate::error::Error;
use crate::estimate::{self, Registry};
use crate::files::input;
use crate::model::dynamics::Rule;
use crate::model::family::Family;
use crate::model::formalism::{Exact, Formalism};
use crate::model::key::NetworkName;
use crate::model::network::{Network, StatePattern};
use crate::model::topology::Topology;
use crate::suite::Suite;
use crate::suite::settings::{
    FileNetwork, MAX_SEEDS, Settings, States, check_rule, check_size, check_states, run_of_seeds,
};

/// The fields of a suite.
const FIELDS: [&str; 11] = [
    "topologies",
    "sizes",
    "seeds",
    "random_seeds",
    "rules",
    "states",
    "formalisms",
    "exact",
    "estimators",
    "tie_orders",
    "networks",
];

/// The fields of `[[networks]]`.
const FIELDS_OF_NETWORK: [&str; 7] = ["file", "name", "states", "family", "sizes", "count", "seed"];

/// The tables that all networks of families may take.
const MOST_BYTES: u128 = 1 << 30;
/// The memory that a network takes beside its rows: connections, states and headers.
const NETWORK_BYTES: u128 = 512;

/// The suites of this program by their names, which stand for files that need not be there.
pub const BUILT_IN: [(&str, &str); 5] = [
    ("comparisons-160", include_str!("../../examples/suites/comparisons-160.toml")),
    ("threshold", include_str!("../../examples/suites/threshold.toml")),
    ("rules", include_str!("../../examples/suites/rules.toml")),
    ("tables", include_str!("../../examples/suites/tables.toml")),
    ("large", include_str!("../../examples/suites/large.toml")),
];

/// Values that replace those of the suite's file, where there are any.
#[derive(Debug, Clone, Copy, Default)]
pub struct Overrides<'a> {
    /// The names of the estimators.
    pub estimators: &'a [String],
    /// The theories of the exact values.
    pub formalisms: &'a [Formalism],
    /// The system whose Φ the exact values are.
    pub exact: Option<Exact>,
}

/// The suite in the file at `path`, or of this name if it is [`BUILT_IN`]. Its estimators are some
/// of `registry`.
///
/// # Errors
/// [`Error::Read`]; [`Error::Content`] with file, line and column; as [`Suite::new`].
pub fn read(path: &Path, registry: &Registry, overrides: Overrides<'_>) -> Result<Suite, Error> {
    of_text(&text(path)?, path, registry, overrides)
}

/// The text of the suite in the file at `path`, or of this name if it is [`BUILT_IN`].
///
/// # Errors
/// [`Error::Read`].
pub(crate) fn text(path: &Path) -> Result<String, Error> {
    let built_in = BUILT_IN.iter().find(|(name, _)| path.as_os_str() == *name);
    if let Some((_, text)) = built_in {
        return Ok((*text).to_owned());
    }
    input::text(path, input::SUITE).map_err(|error| match error {
        Error::Read { path, source } if path.extension().is_none() => {
            let known = BUILT_IN.map(|(name, _)| name).join(", ");
            let message = format!("{source}; built in: {known}");
            Error::Read { path, source: io::Error::new(source.kind(), message) }
        }
        other => other,
    })
}

/// As [`read`], of a text that comes from `path`.
pub(crate) fn of_text(
    text: &str,
    path: &Path,
    registry: &Registry,
    overrides: Overrides<'_>,
) -> Result<Suite, Error> {
    let Overrides { estimators, formalisms, exact } = overrides;
    let chosen = registry.chosen(estimators)?;
    parse(text, path, registry, |mut settings| {
        if let [first, others @ ..] = &*chosen {
            settings.estimator.clone_from(first);
            settings.other_estimators = others.to_vec();
        }
        if !formalisms.is_empty() {
            settings.formalisms = formalisms.to_vec();
        }
        settings.exact = exact.unwrap_or(settings.exact);
        Suite::new(settings)
    })
}

/// The suite that `text` describes, which comes from `path`: other files are looked for beside it.
/// `expand` makes it of its settings.
pub(crate) fn parse(
    text: &str,
    path: &Path,
    registry: &Registry,
    expand: impl FnOnce(Settings) -> Result<Suite, Error>,
) -> Result<Suite, Error> {
    let file = File { path, text, registry, read: RefCell::default() };
    let table = DeTable::parse(text)
        .map_err(|error| file.wrong(error.span().unwrap_or_default(), error.message()))?;
    let settings = file.settings(table.get_ref())?;
    let states = |name: &str| table.get_ref().get(name).map(Spanned::span);
    let suite = expand(settings).map_err(|error| match error {
        // States that cannot be are known when the networks are made. Which of several fields said
        // so hardly matters: the message names the network.
        Error::States(message) => {
            file.wrong(states("states").or(states("networks")).unwrap_or_default(), message)
        }
        Error::Settings(message) => file.wrong(0..0, message),
        other => other,
    })?;
    let mut files = file.read.into_inner();
    files.push(path.to_owned());
    Ok(Suite { files, ..suite })
}

/// A value with its place in the file.
type Value<'a, 'i> = &'a Spanned<DeValue<'i>>;

/// The families, sizes and rules of networks that are not from files.
#[derive(Default)]
struct Made {
    topologies: Vec<Topology>,
    sizes: Vec<usize>,
    rules: Vec<Rule>,
}

/// The text of a suite's file, its place, and the registry of the names in it.
struct File<'a> {
    path: &'a Path,
    text: &'a str,
    registry: &'a Registry,
    /// The files of networks that were read.
    read: RefCell<Vec<PathBuf>>,
}

impl File<'_> {
    /// `survey.toml, line 4, column 9`.
    fn place(&self, at: usize) -> String {
        let before = &self.text[..at.min(self.text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{}, line {line}, column {column}", self.path.display())
    }

    fn wrong(&self, span: Range<usize>, message: impl Display) -> Error {
        Error::Content { place: self.place(span.start), message: message.to_string() }
    }

    /// Makes an error about a value that is not what it should be.
    fn expected(&self, value: Value<'_, '_>, field: &str, expected: &str) -> Error {
        let found = self.text.get(value.span()).unwrap_or_default();
        let short: String = found.chars().take(40).collect();
        let more = if short.len() < found.len() { "…" } else { "" };
        self.wrong(value.span(), format!("{field} = {short}{more}: expected {expected}"))
    }

    fn settings(&self, table: &DeTable<'_>) -> Result<Settings, Error> {
        self.check_fields(table, &FIELDS)?;
        let default = Settings::default();
        let formalisms = match table.get("formalisms") {
            None => default.formalisms,
            Some(value) => self.names(value, "formalisms", str::parse::<Formalism>)?,
        };
        // With networks from files alone, nothing else is made.
        let makes = ["topologies", "sizes", "rules", "states", "random_seeds"];
        let only_own =
            table.contains_key("networks") && !makes.iter().any(|it| table.contains_key(*it));
        let Made { topologies, sizes, rules } = match only_own {
            true => Made::default(),
            false => self.made(table, &formalisms)?,
        };
        let states = match table.get("states") {
            None => default.states,
            Some(value) => {
                let states = self.states(value)?;
                for &n in &sizes {
                    let checked = check_states(&states, n, "the sizes include");
                    checked.map_err(|error| self.wrong(value.span(), error))?;
                }
                states
            }
        };
        let seeds = |name: &str| table.get(name).map(|value| self.seeds(value, name)).transpose();
        let estimators = match table.get("estimators") {
            None => vec![default.estimator],
            Some(value) => {
                let named = self.names(value, "estimators", |name| match name {
                    estimate::ALL => Ok(name.to_owned()),
                    name => self.registry.get(name).map(|it| it.name().to_owned()),
                })?;
                self.registry.chosen(&named)?
            }
        };
        let (estimator, others) = estimators.split_first().expect("lists have an item");
        let tie_orders = match table.get("tie_orders") {
            None => default.tie_orders,
            Some(value) => {
                let number = self.number(value, "tie_orders", "a whole number from 0 on")?;
                u32::try_from(number).map_err(|_| {
                    self.expected(value, "tie_orders", &format!("at most {}", u32::MAX))
                })?
            }
        };
        Ok(Settings {
            topologies,
            sizes,
            seeds: seeds("seeds")?.unwrap_or(default.seeds),
            random_seeds: seeds("random_seeds")?.unwrap_or_default(),
            rules,
            states,
            estimator: estimator.clone(),
            other_estimators: others.to_vec(),
            networks: match table.get("networks") {
                None => Vec::new(),
                Some(value) => self.networks(value)?,
            },
            formalisms,
            exact: match table.get("exact") {
                None => default.exact,
                Some(value) => self
                    .string(value, "exact")?
                    .parse()
                    .map_err(|error: Error| self.wrong(value.span(), error))?,
            },
            tie_orders,
        })
    }

    /// Numbers of units.
    fn sizes(&self, value: Value<'_, '_>) -> Result<Vec<usize>, Error> {
        self.items(value, "sizes", |item| {
            let n = self.number(item, "sizes", "a whole number of units")?;
            let n = usize::try_from(n).unwrap_or(usize::MAX);
            check_size(n).map_err(|error| self.wrong(item.span(), error))?;
            if n > exact::MAX_UNITS {
                let most = exact::MAX_UNITS;
                return Err(self.wrong(
                    item.span(),
                    format!(
                        "size {n}: expected at most {most} units, as many as the exact \
                             engine holds"
                    ),
                ));
            }
            Ok(n)
        })
    }

    /// Reads the families, sizes and rules of networks that are not from files.
    fn made(&self, table: &DeTable<'_>, formalisms: &[Formalism]) -> Result<Made, Error> {
        let default = Settings::default();
        let topologies = match table.get("topologies") {
            None => default.topologies,
            Some(value) => self.names(value, "topologies", str::parse::<Topology>)?,
        };
        let sizes = match table.get("sizes") {
            None => default.sizes,
            Some(value) => self.sizes(value)?,
        };
        let rules = match table.get("rules") {
            // Majority units that stay OFF lose nothing by a cut under IIT 4.0.
            None => {
                let iit4 = formalisms.iter().find(|it| it.is_iit4());
                vec![iit4.or(formalisms.first()).expect("one formalism").default_rule()]
            }
            Some(value) => self.items(value, "rules", |item| self.rule(item))?,
        };
        Ok(Made { topologies, sizes, rules })
    }

    /// A name, or a table with `name` and `gain`.
    fn rule(&self, value: Value<'_, '_>) -> Result<Rule, Error> {
        const EXPECTED: &str = "a name, or { name = \"logistic\", gain = 4.0 }";
        let rule = match value.get_ref() {
            DeValue::String(code) => Rule::from_code(code),
            DeValue::Table(table) => {
                self.check_fields(table, &["name", "gain"])?;
                let name =
                    table.get("name").ok_or_else(|| self.expected(value, "rules", EXPECTED))?;
                let rule: Rule = self
                    .string(name, "name")?
                    .parse()
                    .map_err(|error: Error| self.wrong(name.span(), error))?;
                match (rule, table.get("gain")) {
                    (rule, None) => Ok(rule),
                    (Rule::Logistic { .. }, Some(gain)) => {
                        let text = match gain.get_ref() {
                            DeValue::Integer(gain) => gain.to_string(),
                            DeValue::Float(gain) => gain.to_string(),
                            _ => return Err(self.expected(gain, "gain", "a number")),
                        };
                        let gain_of = text.replace('_', "").parse::<f64>();
                        let rule = gain_of.map(Rule::logistic);
                        let rule = rule.map_err(|_| self.expected(gain, "gain", "a number"))?;
                        check_rule(&rule).map_err(|error| self.wrong(gain.span(), error))?;
                        return Ok(rule);
                    }
                    (other, Some(gain)) => {
                        let message = format!(
                            "gain with the rule {other}: expected name = \"logistic\", the only \
                             one \
                             that has a gain"
                        );
                        return Err(self.wrong(gain.span(), message));
                    }
                }
            }
            _ => return Err(self.expected(value, "rules", EXPECTED)),
        };
        rule.map_err(|error| self.wrong(value.span(), error))
    }

    /// A word, a list of patterns, or a table with `sampled` and `seed`.
    fn states(&self, value: Value<'_, '_>) -> Result<States, Error> {
        const EXPECTED: &str = "\"off\", \"on\", a string of 0 and 1 with unit 0 first, a list of \
                                these, \"all\", \
                                \"reachable\", or { sampled = 4, seed = 1 }";
        match value.get_ref() {
            DeValue::String(word) => {
                States::from_word(word).map_err(|error| self.wrong(value.span(), error))
            }
            DeValue::Array(_) => {
                let pattern = |text: &str| text.parse::<StatePattern>();
                self.names(value, "states", pattern).map(States::Patterns)
            }
            DeValue::Table(table) => {
                self.check_fields(table, &["sampled", "seed"])?;
                let number = |name: &str, expected: &str| match table.get(name) {
                    Some(value) => self.number(value, name, expected),
                    None => Err(self.expected(value, "states", EXPECTED)),
                };
                let count = number("sampled", "how many states of each network, from 1 on")?;
                if count == 0 {
                    let value = table.get("sampled").expect("read above");
                    let expected = "how many states of each network, from 1 on";
                    return Err(self.expected(value, "sampled", expected));
                }
                let seed = number("seed", "a whole number from 0 on")?;
                Ok(States::Sampled { count: usize::try_from(count).unwrap_or(usize::MAX), seed })
            }
            _ => Err(self.expected(value, "states", EXPECTED)),
        }
    }

    /// A number, a list of them, or a table with `from` and `count`.
    fn seeds(&self, value: Value<'_, '_>, field: &str) -> Result<Vec<u64>, Error> {
        let expected = "whole numbers from 0 on, or { from = 1, count = 100 }";
        if let DeValue::Table(table) = value.get_ref() {
            self.check_fields(table, &["from", "count"])?;
            let number = |name: &str| match table.get(name) {
                Some(value) if name == "count" => {
                    self.number(value, name, &format!("a whole number from 1 to {MAX_SEEDS}"))
                }
                Some(value) => self.number(value, name, "a whole number from 0 on"),
                None => Err(self.expected(value, field, expected)),
            };
            return run_of_seeds(number("from")?, number("count")?)
                .map_err(|message| self.wrong(value.span(), message));
        }
        self.items(value, field, |item| self.number(item, field, expected))
    }

    fn networks(&self, value: Value<'_, '_>) -> Result<Vec<FileNetwork>, Error> {
        let expected = "tables, as in [[networks]] with file = \"network.json\"";
        let DeValue::Array(items) = value.get_ref() else {
            return Err(self.expected(value, "networks", expected));
        };
        if items.is_empty() {
            return Err(self.expected(value, "networks", expected));
        }
        let mut networks: Vec<FileNetwork> = Vec::new();
        let mut names = HashSet::new();
        for item in items {
            let DeValue::Table(table) = item.get_ref() else {
                return Err(self.expected(item, "networks", expected));
            };
            self.check_fields(table, &FIELDS_OF_NETWORK)?;
            let found = match (table.get("file"), table.get("family")) {
                (Some(file), None) => {
                    let only_of_a_family = ["sizes", "count", "seed"];
                    if let Some(name) = only_of_a_family.iter().find(|it| table.contains_key(**it))
                    {
                        let message = format!("{name} of networks from a file: expected family");
                        return Err(self.wrong(table[*name].span(), message));
                    }
                    self.own(file, table.get("name"), table.get("states"))?
                }
                (None, Some(family)) => self.family(family, table)?,
                _ => {
                    return Err(self.wrong(
                        item.span(),
                        "[[networks]]: expected file = \"network.json\", or family = \
                         \"threshold\"",
                    ));
                }
            };
            for (own, span) in found {
                if !names.insert(own.name) {
                    let message = format!(
                        "network {} is listed twice: expected another name = \"...\"",
                        own.name
                    );
                    return Err(self.wrong(span, message));
                }
                networks.push(own);
            }
        }
        Ok(networks)
    }

    /// The networks in one file, each with the place that named it.
    fn own(
        &self,
        file: Value<'_, '_>,
        name: Option<Value<'_, '_>>,
        states: Option<Value<'_, '_>>,
    ) -> Result<Vec<(FileNetwork, Range<usize>)>, Error> {
        let file_name = self.string(file, "file")?;
        let path = self.path.parent().unwrap_or(Path::new("")).join(file_name);
        let text = input::text(&path, input::NETWORKS);
        let text = text.map_err(|error| self.wrong(file.span(), error))?;
        self.read.borrow_mut().push(path.clone());
        let states = states.map(|value| Ok((self.states(value)?, value))).transpose()?;
        let found = exact::tables(&text, &path.display().to_string(), states.is_none());
        let found = found.map_err(|error| self.wrong(file.span(), error))?;
        let (given, named_at) = match name {
            Some(name) => (self.string(name, "name")?.to_owned(), name.span()),
            None => {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                (stem, file.span())
            }
        };
        let (is_given, n_found) = (name.is_some(), found.len());
        let mut networks = Vec::with_capacity(n_found);
        for (index, (tables, state)) in found.into_iter().enumerate() {
            let name = if n_found == 1 { given.clone() } else { format!("{given}-{index}") };
            let name: NetworkName = name.parse().map_err(|message| {
                let hint = if is_given { "" } else { "; name = \"...\" gives it another" };
                self.wrong(named_at.clone(), format!("{message}{hint}"))
            })?;
            let n = tables.n_units();
            check_size(n).map_err(|error| self.wrong(file.span(), format!("{name}: {error}")))?;
            let states = match &states {
                Some((states, value)) => {
                    let checked = check_states(states, n, "the network has");
                    checked
                        .map_err(|error| self.wrong(value.span(), format!("{name}: {error}")))?;
                    states.clone()
                }
                None => States::Patterns(vec![StatePattern::Bits(state)]),
            };
            networks.push((FileNetwork { name, states, tables: tables.into() }, named_at.clone()));
        }
        Ok(networks)
    }

    /// The networks of a family, each with the place that named it.
    fn family(
        &self,
        value: Value<'_, '_>,
        table: &DeTable<'_>,
    ) -> Result<Vec<(FileNetwork, Range<usize>)>, Error> {
        let family: Family = self
            .string(value, "family")?
            .parse()
            .map_err(|error: Error| self.wrong(value.span(), error))?;
        let needed = |name: &str, expected: &str| match table.get(name) {
            Some(found) => Ok(found),
            None => Err(self.wrong(value.span(), format!("family {family}: expected {expected}"))),
        };
        let sizes = needed("sizes", "sizes = [3, 4]")?;
        let sizes = self.sizes(sizes)?;
        let count = needed("count", "count = 100, networks of each size")?;
        let n_each = self.number(count, "count", "how many networks of each size")?;
        let bytes_of = |n: &usize| Network::tpm_bytes(*n) + NETWORK_BYTES;
        let bytes: u128 = sizes.iter().map(|n| u128::from(n_each) * bytes_of(n)).sum();
        if n_each == 0 || bytes > MOST_BYTES {
            let expected = "at least 1, and networks whose tables take at most 1 GiB together";
            return Err(self.expected(count, "count", expected));
        }
        let seed = table.get("seed").map(|it| self.number(it, "seed", "a whole number from 0 on"));
        let seed = seed.transpose()?.unwrap_or(1);
        let states = match table.get("states") {
            Some(states) => self.states(states)?,
            None => States::Reachable,
        };
        let (name, at) = match table.get("name") {
            Some(name) => (self.string(name, "name")?, name.span()),
            None => (family.name(), value.span()),
        };
        let mut networks = Vec::with_capacity(n_each as usize * sizes.len());
        for (n, number) in sizes.iter().flat_map(|n| (0..n_each).map(move |number| (*n, number))) {
            let name = format!("{name}-{n}-{number}");
            let name = name.parse().map_err(|message: String| self.wrong(at.clone(), message))?;
            let tables = family.network(n, seed, number).into();
            networks.push((FileNetwork { name, states: states.clone(), tables }, at.clone()));
        }
        Ok(networks)
    }

    /// Refuses fields that mean nothing, the first of them in the file.
    fn check_fields(&self, table: &DeTable<'_>, known: &[&str]) -> Result<(), Error> {
        let unknown = table.keys().filter(|it| !known.contains(&it.get_ref().as_ref()));
        match unknown.min_by_key(|it| it.span().start) {
            Some(field) => {
                let name = field.get_ref();
                Err(self.wrong(field.span(), exact::unknown_field(name, known)))
            }
            None => Ok(()),
        }
    }

    /// Names as `read` knows them; one may stand without a list.
    fn names<T: Eq + Hash + Clone>(
        &self,
        value: Value<'_, '_>,
        field: &str,
        read: impl Fn(&str) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        self.items(value, field, |item| {
            read(self.string(item, field)?).map_err(|error| self.wrong(item.span(), error))
        })
    }

    /// The items of a list, or the one item that stands without a list; none of them twice.
    fn items<T: Eq + Hash + Clone>(
        &self,
        value: Value<'_, '_>,
        field: &str,
        read: impl Fn(Value<'_, '_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let DeValue::Array(items) = value.get_ref() else { return Ok(vec![read(value)?]) };
        if items.is_empty() {
            return Err(self.expected(value, field, "at least one item"));
        }
        let mut seen = HashSet::new();
        let mut found = Vec::with_capacity(items.len());
        for item in items {
            let read = read(item)?;
            if !seen.insert(read.clone()) {
                let text = self.text.get(item.span()).unwrap_or_default();
                return Err(self.wrong(item.span(), format!("{field}: {text} is listed twice")));
            }
            found.push(read);
        }
        Ok(found)
    }

    fn string<'a>(&self, value: Value<'a, '_>, field: &str) -> Result<&'a str, Error> {
        value.get_ref().as_str().ok_or_else(|| self.expected(value, field, "a string"))
    }

    fn number(&self, value: Value<'_, '_>, field: &str, expected: &str) -> Result<u64, Error> {
        let number = value.get_ref().as_integer();
        let number = number.and_then(|it| u64::from_str_radix(it.as_str(), it.radix()).ok());
        number.ok_or_else(|| self.expected(value, field, expected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn suite(text: &str) -> Result<Suite, Error> {
        parse(text, Path::new("survey.toml"), &Registry::default(), Suite::new)
    }

    /// The text must be refused with this message, after `survey.toml, line `.
    #[track_caller]
    fn check(text: &str, message: &str) {
        let error = suite(text).unwrap_err();
        assert_eq!(error.to_string(), format!("survey.toml, line {message}"));
        assert_eq!(error.exit(), crate::exit::Exit::BadInput);
    }

    #[test]
    fn the_built_in_suite_as_a_file_is_the_same() {
        let text = include_str!("../../examples/suites/comparisons-160.toml");
        let (file, built_in) = (suite(text).unwrap(), Suite::new(Settings::default()).unwrap());
        assert_eq!(file.settings(), built_in.settings());
        assert_eq!(file.comparisons().len(), 160);
        for (a, b) in file.comparisons().iter().zip(built_in.comparisons()) {
            assert_eq!((a.key, a.problem), (b.key, b.problem));
        }
        for (a, b) in file.problems().iter().zip(built_in.problems()) {
            assert_eq!((a.id, a.key), (b.id, b.key));
        }
        // So is an empty file.
        assert_eq!(suite("").unwrap().settings(), built_in.settings());
    }

    #[test]
    fn built_in_suites_are_known_by_name() {
        for (name, text) in BUILT_IN {
            let te = ["te".to_owned()];
            let te = Overrides { estimators: &te, ..Overrides::default() };
            let suite = read(Path::new(name), &Registry::default(), te).unwrap();
            let estimator = Settings {
                estimator: "te".to_owned(),
                ..self::suite(text).unwrap().settings().clone()
            };
            assert_eq!(
                *suite.settings(),
                Settings { other_estimators: Vec::new(), ..estimator },
                "{name}"
            );
        }
        let error = read(Path::new("survey"), &Registry::default(), Overrides::default())
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("cannot read survey: No such file"), "{error}");
        assert!(error.contains("built in: comparisons-160, threshold, rules"), "{error}");
    }

    #[test]
    fn networks_of_a_family_are_drawn() {
        let text = "
            [[networks]]
            family = \"tables\"
            sizes = [3, 2]
            count = 2
            [[networks]]
            family = \"threshold\"
            sizes = 3
            count = 1
            seed = 7
            name = \"inhibited\"
            states = { sampled = 1, seed = 1 }
        ";
        let suite = suite(text).unwrap();
        let named: Vec<String> = suite
            .settings()
            .networks
            .iter()
            .map(|it| format!("{} {}", it.name, it.states))
            .collect();
        assert_eq!(
            named,
            [
                "inhibited-3-0 1 reachable ones sampled with seed 1",
                "tables-2-0 reachable",
                "tables-2-1 reachable",
                "tables-3-0 reachable",
                "tables-3-1 reachable"
            ]
        );
        let family = |rest: &str| format!("[[networks]]\nfamily = \"tables\"\n{rest}");
        check(&family("count = 1"), "2, column 10: family tables: expected sizes = [3, 4]");
        check(
            &family("sizes = 3"),
            "2, column 10: family tables: expected count = 100, networks of each size",
        );
        check(
            &family("sizes = 12\ncount = 9999999"),
            "4, column 9: count = 9999999: expected at least 1, and networks whose tables take at \
             most 1 GiB together",
        );
        check(
            "[[networks]]\nfamily = \"small-world\"",
            "2, column 10: unknown family \"small-world\": expected one of threshold, rules, \
             tables",
        );
        check(
            "[[networks]]\nfile = \"a.json\"\ncount = 3",
            "3, column 9: count of networks from a file: expected family",
        );
    }

    #[test]
    fn everything_can_be_said_in_a_file() {
        let text = "
            topologies = [\"ring\", \"Random\"]
            sizes = 3
            seeds = [42, 0xff, 18_446_744_073_709_551_615]
            random_seeds = { from = 7, count = 3 }
            rules = [\"xor\", { name = \"logistic\", gain = -1_0.5 }, \"logistic:2\", { name = \
            \"and\" }]
            states = [\"off\", \"110\"]
            formalisms = [\"iit4-2023\", \"iit3\"]
            estimators = [\"spectral\", \"hdc\"]
            tie_orders = 4
        ";
        let expected = Settings {
            exact: Exact::System,
            topologies: vec![Topology::Ring, Topology::Random],
            sizes: vec![3],
            seeds: vec![42, 255, u64::MAX],
            random_seeds: vec![7, 8, 9],
            rules: vec![
                Rule::And,
                Rule::Xor,
                Rule::Logistic { gain: -10.5 },
                Rule::Logistic { gain: 2.0 },
            ],
            states: States::Patterns(vec![StatePattern::Off, StatePattern::Bits(vec![1, 1, 0])]),
            estimator: "spectral".to_owned(),
            other_estimators: vec!["hdc".to_owned()],
            formalisms: vec![Formalism::Iit3, Formalism::Iit4_2023],
            networks: Vec::new(),
            tie_orders: 4,
        };
        assert_eq!(*suite(text).unwrap().settings(), expected);
        let states = |text: &str| suite(text).unwrap().settings().states.clone();
        assert_eq!(states("states = \"reachable\""), States::Reachable);
        assert_eq!(
            states("states = { sampled = 4, seed = 1 }"),
            States::Sampled { count: 4, seed: 1 }
        );
        assert_eq!(states("rules = \"logistic\"\nstates = \"all\"\nsizes = 3"), States::All);
        // Majority units at rest lose nothing by a cut under IIT 4.0.
        let rules = |text: &str| suite(text).unwrap().settings().rules.clone();
        let logistic = Rule::Logistic { gain: Rule::DEFAULT_GAIN };
        assert_eq!(rules("formalisms = [\"iit3\", \"iit4-2026\"]\nsizes = 3"), [logistic]);
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        check("sizes = [5,\n 6", "2, column 3: unclosed array, expected `]`");
        check("sizes = 5\nsizes = 6", "2, column 1: duplicate key");
        check(
            "sizes = 5\n\nrule = \"xor\"\n",
            "3, column 1: unknown field \"rule\", perhaps for \"rules\": expected one of \
             topologies, sizes, seeds, random_seeds, \
             rules, states, formalisms, exact, estimators, tie_orders, networks",
        );
        check("sizes = \"5\"", "1, column 9: sizes = \"5\": expected a whole number of units");
        check("sizes = [5, 6.0]", "1, column 13: sizes = 6.0: expected a whole number of units");
        check("sizes = []", "1, column 9: sizes = []: expected at least one item");
        check(
            "# small\nsizes = [\n  3,\n  1]",
            "4, column 3: size 1: expected at least 2 units; fewer have Φ = 0 by definition and \
             no estimate",
        );
        check(
            "sizes = [5, 13]",
            "1, column 13: size 13: expected at most 12 units, as many as the exact engine holds",
        );
        check("sizes = [5, 6, 5]", "1, column 16: sizes: 5 is listed twice");
        // What is the same content is the same rule.
        check(
            "rules = [\"logistic:0\", \"logistic:-0.0\"]",
            "1, column 24: rules: \"logistic:-0.0\" is listed twice",
        );
        check(
            "rules = [\"logistic:0\", { name = \"logistic\", gain = -0.0 }]",
            "1, column 24: rules: { name = \"logistic\", gain = -0.0 } is listed twice",
        );
        check(
            &format!("sizes = {}5{}", "[".repeat(100_000), "]".repeat(100_000)),
            "1, column 89: cannot recurse further; max recursion depth met",
        );
        check("topologies = 7", "1, column 14: topologies = 7: expected a string");
        check(
            "topologies = [\"Ring\", \"Torus\"]",
            "1, column 23: unknown topology \"Torus\": expected one of Dense, Star, Ring, Line, \
             BinaryTree, \
             Lattice, Modular, Random",
        );
        check(
            "topologies = [\"binary-tree\", \"BinaryTree\"]",
            "1, column 30: topologies: \"BinaryTree\" is listed twice",
        );
        check(
            "rules = [\"nand\"]",
            "1, column 10: unknown rule \"nand\": expected one of majority, and, or, xor, logistic",
        );
        check(
            "rules = { name = \"xor\", gain = 2 }",
            "1, column 32: gain with the rule xor: expected name = \"logistic\", the only one \
             that has a gain",
        );
        check(
            "rules = { name = \"logistic\", gain = inf }",
            "1, column 37: gain inf: expected a finite number",
        );
        check(
            "rules = { gain = 2 }",
            "1, column 9: rules = { gain = 2 }: expected a name, or { name = \"logistic\", gain = \
             4.0 }",
        );
        check(
            "formalisms = \"iit5\"",
            "1, column 14: unknown formalism \"iit5\": expected one of iit3, iit4-2023, iit4-2026, \
             iit4-2026-paper",
        );
        check(
            "estimators = [\"hdc\", \"magic\"]",
            &format!(
                "1, column 22: unknown estimator \"magic\": expected one of {}",
                Registry::default().names().join(", ")
            ),
        );
        check(
            "tie_orders = -1",
            "1, column 14: tie_orders = -1: expected a whole number from 0 on",
        );
        check(
            "tie_orders = 4294967296",
            "1, column 14: tie_orders = 4294967296: expected at most 4294967295",
        );
        let seeds = "expected whole numbers from 0 on, or { from = 1, count = 100 }";
        check("seeds = [1, -2]", &format!("1, column 13: seeds = -2: {seeds}"));
        check("seeds = { from = 1 }", &format!("1, column 9: seeds = {{ from = 1 }}: {seeds}"));
        check("seeds = { from = 1, count = 0 }", "1, column 9: 0 seeds: expected 1 to 10000000");
        check(
            "random_seeds = { from = 1, to = 9 }",
            "1, column 28: unknown field \"to\": expected one of from, count",
        );
        check(
            "sizes = [3, 4]\nstates = \"110\"",
            "2, column 10: state 110 has 3 units, but the sizes include 4: expected one digit for \
             each unit",
        );
        check(
            "states = [\"off\", \"sideways\"]",
            "1, column 18: unknown state \"sideways\": expected one of off, on, a string of 0 and \
             1 with unit \
             0 first",
        );
        check(
            "states = \"some\"",
            "1, column 10: unknown state \"some\": expected one of off, on, a string of 0 and 1 \
             with unit 0 \
             first, all, reachable",
        );
        check(
            "states = { sampled = 0, seed = 1 }",
            "1, column 22: sampled = 0: expected how many states of each network, from 1 on",
        );
        check(
            "topologies = \"Line\"\nsizes = 3\nstates = \"all\"",
            "3, column 10: Line n = 3 seed 42, majority: state 100 is not reachable: no state of \
             the network \
             leads to it, so it has no Φ; expected states = \"reachable\", which are 4 of 8",
        );
        check(
            "networks = \"fig1.json\"",
            "1, column 12: networks = \"fig1.json\": expected tables, as in [[networks]] with \
             file = \
             \"network.json\"",
        );
        check(
            "[[networks]]\nname = \"fig1\"",
            "1, column 1: [[networks]]: expected file = \"network.json\", or family = \
             \"threshold\"",
        );
        check("[[networks]]\nfile = 4", "2, column 8: file = 4: expected a string");
    }

    /// A suite with these own networks beside these files must be refused with this message, after
    /// the name of the file; `{}` stands for the folder.
    #[track_caller]
    fn check_own(files: &[(&str, &str)], text: &str, message: &str) {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let path = folder.path().join("survey.toml");
        fs::write(&path, text).unwrap();
        let error =
            read(&path, &Registry::default(), Overrides::default()).unwrap_err().to_string();
        let error = error.replace(&folder.path().display().to_string(), "{}");
        assert_eq!(error, format!("{{}}/survey.toml, line {message}"));
    }

    const PAIR: &str =
        r#"{"tpm": [[0, 0], [0, 1], [1, 0], [1, 1]], "cm": [[0, 1], [1, 0]], "state": [0, 1]}"#;

    #[test]
    fn networks_from_files_are_read_and_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("pair.json"), PAIR).unwrap();
        fs::write(folder.path().join("two.json"), format!("[{PAIR}, {PAIR}]")).unwrap();
        let path = folder.path().join("survey.toml");
        let text = "
            [[networks]]
            file = \"two.json\"
            states = [\"off\", \"on\"]
            [[networks]]
            file = \"pair.json\"
            name = \"copy\"
        ";
        fs::write(&path, text).unwrap();
        let suite = read(&path, &Registry::default(), Overrides::default()).unwrap();
        let settings = suite.settings();
        let named: Vec<String> =
            settings.networks.iter().map(|it| format!("{} {}", it.name, it.states)).collect();
        assert_eq!(named, ["copy 01", "two-0 off, on", "two-1 off, on"]);
        // Nothing else was asked for: five networks with five seeds, of three exact problems.
        assert!(settings.topologies.is_empty() && settings.sizes.is_empty());
        assert_eq!((suite.comparisons().len(), suite.problems().len()), (25, 3));
        // The files are not needed again.
        let json = serde_json::to_string(settings).unwrap();
        let again = Suite::new(serde_json::from_str(&json).unwrap()).unwrap();
        assert_eq!(again.problems()[1].id, suite.problems()[1].id);
        assert_eq!(again.problems()[1].network, suite.problems()[1].network);
    }

    #[test]
    fn many_networks_from_files_take_a_pass_not_a_search() {
        let compared = |n: usize| {
            let folder = tempfile::tempdir().unwrap();
            let list = format!("[{}]", vec![PAIR; n].join(","));
            fs::write(folder.path().join("list.json"), list).unwrap();
            let path = folder.path().join("survey.toml");
            fs::write(&path, "seeds = 1\n[[networks]]\nfile = \"list.json\"\n").unwrap();
            let _ = crate::model::key::counted::compared();
            let suite = read(&path, &Registry::default(), Overrides::default()).unwrap();
            assert_eq!(suite.comparisons().len(), n);
            let mut listed = Vec::new();
            crate::report::text::write_matrix(&suite, &mut listed).unwrap();
            crate::model::key::counted::compared()
        };
        // They are sorted, which takes a few comparisons each; a search takes as many as there are
        // names.
        let (few, many) = (compared(500), compared(2_000));
        assert!(many < 40 * 2_000, "{many} comparisons");
        assert!(many < 6 * few.max(500), "{few}, then {many} comparisons");
    }

    #[test]
    fn mistakes_in_networks_from_files_are_named_with_their_place() {
        let own = |rest: &str| format!("sizes = 3\n[[networks]]\nfile = \"pair.json\"\n{rest}");
        check_own(
            &[],
            &own(""),
            "3, column 8: cannot read {}/pair.json: No such file or directory (os error 2)",
        );
        check_own(
            &[("pair.json", &PAIR.replace("[1, 0], [1, 1]", "[1, 2], [1, 1]"))],
            &own(""),
            "3, column 8: {}/pair.json: tpm: row 2, column 1: 2 is not a probability, expected a \
             number from 0 to 1",
        );
        check_own(
            &[("pair.json", &format!("[{PAIR}, {}]", PAIR.replace("[0, 1]}", "[0]}")))],
            &own("states = \"off\""),
            "3, column 8: {}/pair.json: record 1: state: 1 entries, expected 2 (one per unit)",
        );
        let nodes = PAIR.replace("[0, 1]}", "[0, 1], \"nodes\": [0]}");
        check_own(
            &[("pair.json", &nodes)],
            &own(""),
            "3, column 8: {}/pair.json: nodes: expected all 2 units, or no nodes",
        );
        check_own(
            &[("pair.json", PAIR)],
            &own("states = \"101\""),
            "4, column 10: pair: state 101 has 3 units, but the network has 2: expected one digit \
             for each unit",
        );
        check_own(
            &[("pair.json", PAIR)],
            &own("name = \"a pair\""),
            "4, column 8: network name \"a pair\": expected 1 to 24 letters, digits, \"-\", \"_\" \
             or \".\"",
        );
        check_own(
            &[("pair.json", PAIR)],
            &own("[[networks]]\nfile = \"pair.json\""),
            "5, column 8: network pair is listed twice: expected another name = \"...\"",
        );
        check_own(
            &[("pair.json", "[]")],
            &own(""),
            "3, column 8: {}/pair.json: no networks: expected at least one",
        );
        // A state that its file says must be reachable; of the units that copy each other every one
        // is.
        let stuck =
            PAIR.replace("[0, 0], [0, 1], [1, 0], [1, 1]", "[0, 0], [0, 0], [0, 0], [0, 0]");
        check_own(
            &[("pair.json", &stuck)],
            &own(""),
            "3, column 8: {}/pair.json: state: (0,1) of the units {0,1} is unreachable: no \
             previous state gives \
             every unit its present value, expected a state that the network can be in",
        );
    }
}
