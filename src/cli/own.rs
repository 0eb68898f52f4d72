//! Estimates of one's own, by a program or a file.

use std::path::Path;
use std::time::Duration;

use clap::Args;

use super::interrupt;
use crate::error::Error;
use crate::estimate::{ALL, Program, Registry, Values};
use crate::suite::Settings;

/// The flags that add estimators to those that there are.
#[derive(Debug, Default, Args)]
pub(crate) struct OwnEstimators {
    /// An estimate of your own by a program in any language: for each network it reads a line of
    /// JSON (n, state, tpm, cm, seed, id, key) and writes a line with a number. The command is
    /// split into words as by a shell: --estimator-program "mine=python3 mine.py". May be given
    /// several times; docs/estimators.md says more
    #[arg(long, value_name = "NAME=COMMAND")]
    estimator_program: Vec<String>,
    /// An estimate of your own by a CSV of values: the columns of a row's key (topology, n, seed;
    /// network, rule, state and formalism where a study has these), and a column NAME. May be given
    /// several times
    #[arg(long, value_name = "NAME=FILE.csv")]
    estimator_values: Vec<String>,
    /// The time within which a program has to answer [default: 60]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    estimator_seconds: Option<u32>,
}

impl OwnEstimators {
    /// The flag that was given, if one was.
    pub(crate) fn given(&self) -> Option<&'static str> {
        match (self.estimator_program.is_empty(), self.estimator_values.is_empty()) {
            (false, _) => Some("--estimator-program"),
            (_, false) => Some("--estimator-values"),
            _ => None,
        }
    }

    /// The registry with these too.
    ///
    /// # Errors
    /// If a name is not possible or is taken, or a file of values cannot be read.
    pub(crate) fn added_to(&self, registry: &Registry) -> Result<Registry, Error> {
        let mut registry = registry.clone();
        let patience = Duration::from_secs(self.estimator_seconds.unwrap_or(60).into());
        for given in &self.estimator_program {
            let (name, command) = named(given, "--estimator-program", &registry)?;
            registry = registry.with(Program::new(name, command, patience)?);
        }
        for given in &self.estimator_values {
            let (name, file) = named(given, "--estimator-values", &registry)?;
            registry = registry.with(Values::read(name, Path::new(file))?);
        }
        if !self.estimator_program.is_empty() {
            interrupt::at_once(Program::end_all);
        } else if self.estimator_seconds.is_some() {
            return Err(Error::Settings(
                "--estimator-seconds without --estimator-program: expected both".to_owned(),
            ));
        }
        Ok(registry)
    }

    /// Their names.
    pub(crate) fn names(&self) -> Vec<String> {
        let given = self.estimator_program.iter().chain(&self.estimator_values);
        given.filter_map(|it| it.split_once('=')).map(|(name, _)| name.to_owned()).collect()
    }

    /// The files of values that are read.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> + Clone {
        self.estimator_values.iter().filter_map(|it| Some(Path::new(it.split_once('=')?.1)))
    }

    /// The estimators that are asked for: these, if no others are named.
    pub(crate) fn or_asked(&self, estimators: &[String]) -> Vec<String> {
        if estimators.is_empty() { self.names() } else { estimators.to_vec() }
    }

    /// Checks that each of them is used.
    ///
    /// # Errors
    /// [`Error::Settings`] with the first that is not.
    pub(crate) fn check_used(&self, settings: &Settings) -> Result<(), Error> {
        let is_used =
            |it: &String| *it == settings.estimator || settings.other_estimators.contains(it);
        match self.names().into_iter().find(|it| !is_used(it)) {
            None => Ok(()),
            Some(name) => Err(Error::Settings(format!(
                "estimator {name} is given but not asked for: expected it in --estimators"
            ))),
        }
    }
}

/// Name and value of `NAME=VALUE`.
fn named<'a>(given: &'a str, flag: &str, registry: &Registry) -> Result<(&'a str, &'a str), Error> {
    let is_letter = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
    let (name, value) = given.split_once('=').unwrap_or((given, ""));
    let is_name = (1..=40).contains(&name.len()) && name.bytes().all(is_letter) && name != ALL;
    if !is_name || value.is_empty() {
        return Err(Error::Settings(format!(
            "{flag} {given:?}: expected NAME=…, a name of 1 to 40 lower-case letters, digits and \
             hyphens"
        )));
    }
    if registry.names().contains(&name) {
        return Err(Error::Settings(format!(
            "{flag} {given:?}: there is an estimator {name} already; expected another name"
        )));
    }
    Ok((name, value))
}
