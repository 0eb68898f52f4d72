//! The cost of exact problems: measured in runs that are there, and expected for those that are
//! not.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::model::network::Network;
use crate::run::journal::SettingsFile;
use crate::run::store::Contents;
use crate::suite::{Formalism, Settings};
use crate::ui::forecast::{Forecasts, Load};

/// The time that all estimates of a comparison take for each unit, in seconds. Nearly all of it is
/// spent on the random vectors of the hyperdimensional estimate. Measured in a release build:
/// `docs/cluster.md`.
const ESTIMATES_PER_UNIT: f64 = 2.5e-4;

/// Factor by which an exact problem of IIT 3.0 takes longer if its range over numberings is taken
/// too. Measured for 32 numberings: 2.8 for 8 units, 3.6 for 7, 4.3 for 5.
const WITH_RANGE: f64 = 3.0;

/// The expected time of the estimates of one comparison, in seconds.
pub fn estimates_seconds(n_units: usize) -> f64 {
    ESTIMATES_PER_UNIT * n_units as f64
}

/// An exact problem and its theory, and the time that it took on one processor in seconds.
pub type Cost = (Formalism, Load, f64);

/// The costs of the problems of a run, its ranges over numberings included if `with_range`; those
/// whose time is not known in this form are left out.
pub fn of_run(contents: &Contents, with_range: bool) -> Vec<Cost> {
    let mut known = HashSet::new();
    let mut costs = Vec::new();
    let mut before = (0, Some(0));
    for (entry, &session) in contents.entries.iter().zip(&contents.session_of) {
        // The processor time since the row before, if that is of the same session.
        let since = if before.0 == session { before.1 } else { Some(0) };
        let cpu_ms = entry.cpu_ms.zip(since).map(|(now, since)| now.saturating_sub(since));
        before = (session, entry.cpu_ms);
        if !known.insert(entry.problem) {
            continue;
        }
        let Some(position) = contents.suite.position(entry.key) else { continue };
        let problem = &contents.suite.problems()[contents.suite.comparisons()[position].problem];
        let range_ms = entry.exact.range.map(|it| it.duration_ms);
        // Only IIT 3.0 has such ranges.
        let wall_ms = match (with_range && !problem.formalism.is_iit4(), range_ms) {
            (false, _) => entry.duration_ms,
            (true, Some(range_ms)) => entry.duration_ms + range_ms,
            (true, None) => continue,
        };
        // Processor time knows neither threads nor other programs, but has steps of 10 ms. The
        // share of the range in it is taken to be that in the wall time.
        let share = wall_ms / (entry.duration_ms + range_ms.unwrap_or(0.0)).max(1e-6);
        let cpu_ms = cpu_ms.filter(|_| wall_ms > 100.0).map(|it| it as f64 * share);
        costs.push((
            problem.formalism,
            Load::of(&problem.network),
            cpu_ms.unwrap_or(wall_ms) / 1e3,
        ));
    }
    costs
}

/// Forecasts for the problems of a study, learned from the finished and unfinished runs in the
/// folder `runs`: those with the same rules if there are any, else all that share a formalism.
pub fn forecasts(settings: &Settings, runs: &Path) -> Forecasts {
    let with_range = settings.tie_orders > 0;
    let mut forecasts = Forecasts::default();
    let mut folders: Vec<PathBuf> =
        fs::read_dir(runs).into_iter().flatten().filter_map(|it| Some(it.ok()?.path())).collect();
    folders.sort();
    let is_alike = |it: &Settings| it.formalisms.iter().any(|it| settings.formalisms.contains(it));
    let theirs = folders.into_iter().filter_map(|folder| {
        let theirs = SettingsFile::read(&folder.join("settings.json")).ok()?;
        is_alike(&theirs).then_some((folder, theirs))
    });
    let (same, other): (Vec<_>, Vec<_>) = theirs.partition(|(_, it)| it.rules == settings.rules);
    for runs in [same, other] {
        // A run that cannot be read teaches nothing.
        let contents = runs.iter().filter_map(|(folder, _)| Contents::read(folder).ok());
        let costs: Vec<Cost> = contents.flat_map(|it| of_run(&it, with_range)).collect();
        if !costs.is_empty() {
            forecasts.learn_all(costs);
            break;
        }
    }
    forecasts
}

/// The expected time of a problem with so many comparisons, in seconds.
pub fn expected(
    forecasts: &Forecasts,
    formalism: Formalism,
    with_range: bool,
    network: &Network,
    n_comparisons: usize,
) -> f64 {
    let estimates = estimates_seconds(network.n_units()) * n_comparisons as f64;
    // What was learned has the ranges in it.
    let is_longer = with_range && !formalism.is_iit4() && !forecasts.has_learned(formalism);
    let factor = if is_longer { WITH_RANGE } else { 1.0 };
    factor * forecasts.seconds(formalism, &Load::of(network)) + estimates
}
