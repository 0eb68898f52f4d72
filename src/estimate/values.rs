//! An estimate that another program has made: a CSV of values.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use csv::{ReaderBuilder, StringRecord};

use crate::error::Error;
use crate::estimate::{About, Case, Estimator};
use crate::files::input;
use crate::model::dynamics::Rule;
use crate::model::key::{self, Key};
use crate::wording::{list, short};

/// The most bytes of such a file: some millions of rows.
const MOST: u64 = 256 << 20;

/// The columns that say which comparison a row is, those that every study has first.
const KEYS: [&str; 7] = ["topology", "n", "seed", "network", "rule", "state", "formalism"];
/// The number of those that every study has.
const ALWAYS: usize = 3;

/// An estimate by a CSV of values. Its rows are keyed as those of a study, and the column of its
/// name has the values; other columns, and rows of other comparisons, mean nothing.
#[derive(Debug)]
pub struct Values {
    name: String,
    path: PathBuf,
    summary: String,
    values: HashMap<Key, f64>,
    has_cases: bool,
}

impl Values {
    /// The estimate `name` by the file at `path`.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Content`] with file and line.
    pub fn read(name: &str, path: &Path) -> Result<Values, Error> {
        let text = input::text(path, MOST)?;
        let wrong = |line: u64, message: String| Error::Content {
            place: format!("{}, line {line}", path.display()),
            message,
        };
        let mut reader = ReaderBuilder::new().from_reader(text.as_bytes());
        let header = reader.headers().map_err(|error| wrong(1, error.to_string()))?.clone();
        let column = |wanted: &str| header.iter().position(|it| it.trim() == wanted);
        let needed = KEYS[..ALWAYS].iter().copied().chain([name]);
        if let Some(missing) = needed.clone().find(|it| column(it).is_none()) {
            let found = short(&header.iter().collect::<Vec<_>>().join(","));
            return Err(wrong(
                1,
                format!("no column {missing:?} in {found:?}: expected {}", list(needed)),
            ));
        }
        let columns = Columns {
            keys: KEYS.map(column),
            value: column(name).expect("checked"),
            name: name.to_owned(),
        };
        let mut lines: HashMap<Key, u64> = HashMap::new();
        let mut values = HashMap::new();
        for record in reader.records() {
            let record = record.map_err(|error| {
                let line = error.position().map_or(1, csv::Position::line);
                wrong(line, short(&error.to_string()))
            })?;
            let line = record.position().map_or(0, csv::Position::line);
            let (key, value) = columns.read(&record).map_err(|message| wrong(line, message))?;
            if let Some(first) = lines.insert(key, line) {
                let message = format!("{key} is in line {first} already: expected it once");
                return Err(wrong(line, message));
            }
            values.insert(key, value);
        }
        Ok(Values {
            name: name.to_owned(),
            path: path.to_owned(),
            summary: format!("values of {}", path.display()),
            has_cases: columns.keys[ALWAYS..].iter().any(Option::is_some),
            values,
        })
    }

    fn value(&self, key: Key) -> Result<f64, Error> {
        self.values.get(&key).copied().ok_or_else(|| {
            let hint = match key.case {
                Some(_) if !self.has_cases => {
                    format!(" with the columns {}", list(&KEYS[ALWAYS..]))
                }
                _ => String::new(),
            };
            Error::Content {
                place: self.path.display().to_string(),
                message: format!("no row of {key}: expected one{hint}"),
            }
        })
    }
}

impl Estimator for Values {
    fn name(&self) -> &str {
        &self.name
    }

    fn summary(&self) -> &str {
        &self.summary
    }

    fn about(&self) -> About {
        About { is_kept: false, ..About::default() }
    }

    fn prepare(&self, keys: &mut dyn Iterator<Item = Key>) -> Result<(), Error> {
        for key in keys {
            self.value(key)?;
        }
        Ok(())
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        let key = case.key().ok_or_else(|| {
            Error::Internal(format!("estimator {}: the network is of no study", self.name))
        })?;
        self.value(key)
    }
}

/// The columns in which the cells of a row are.
struct Columns {
    keys: [Option<usize>; KEYS.len()],
    value: usize,
    name: String,
}

impl Columns {
    /// The key and the value of a row, or what is wrong with it.
    fn read(&self, record: &StringRecord) -> Result<(Key, f64), String> {
        let cell = |at: usize| {
            let cell = self.keys[at].and_then(|it| record.get(it)).unwrap_or_default().trim();
            Some(cell).filter(|it| !it.is_empty())
        };
        let needed = |at: usize| cell(at).ok_or_else(|| format!("{} is empty", KEYS[at]));
        let case = match cell(5) {
            None => None,
            Some(state) => Some(key::RowCase {
                network: cell(3).map(str::parse).transpose()?,
                rule: cell(4).map(Rule::from_code).transpose().map_err(|it| it.to_string())?,
                state: state.parse()?,
                formalism: parsed(needed(6)?, KEYS[6])?,
            }),
        };
        let key = Key {
            topology: parsed(needed(0)?, KEYS[0])?,
            n: parsed(needed(1)?, KEYS[1])?,
            seed: parsed(needed(2)?, KEYS[2])?,
            case,
        };
        let text = record.get(self.value).unwrap_or_default().trim();
        let value = text.parse::<f64>().ok().filter(|it| it.is_finite());
        let value = value
            .ok_or_else(|| format!("{} {:?}: expected a finite number", self.name, short(text)))?;
        Ok((key, value))
    }
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(text: &str, column: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("{column} {:?}: {error}", short(text)))
}
