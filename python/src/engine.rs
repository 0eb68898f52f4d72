//! Analyses for which the program has an engine of its own. They use that engine, so that the
//! answers are the same.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use phi_validation::Error;
use phi_validation::engine::exact::{CheckedNetwork, Engine, OwnNetwork, Scope};
use pyo3::prelude::*;
use pyphi_core::StopReason;
use pyphi_core::iit4::Rules;
use pyphi_core::input::NetworkRecord;

use crate::error::{InternalError, MemoryLimitError, wrong};
use crate::options::Options;
use crate::run::{run_with, stopped, watched};

/// A network in a state, checked by the rules of IIT 4.0 or by IIT 3.0.
pub(crate) fn own(record: NetworkRecord, rules: Option<Rules>) -> Result<OwnNetwork, Error> {
    let state = record.state.clone();
    let network = CheckedNetwork::new(record, Scope::System, rules)
        .and_then(|it| OwnNetwork::new(&it, &state, Scope::System, rules));
    network.map_err(|it| Error::Settings(it.message))
}

/// Runs `work` with an engine that is set up as the options say.
pub(crate) fn with_engine<T: Send + 'static>(
    py: Python<'_>,
    options: &Options,
    work: impl FnOnce(&Engine) -> Result<T, Error> + Send + 'static,
) -> PyResult<T> {
    let (cancel, latest) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(None)));
    let (threads, flag) = (options.threads, Arc::clone(&cancel));
    let engine = watched(options, &cancel, &latest);
    let made = run_with(py, options, &cancel, &latest, move || {
        work(&Engine::new(threads, flag)?.with(engine))
    })?;
    made.map_err(|error| match error {
        Error::Network { message, .. } => wrong(message),
        Error::Settings(_) | Error::UnknownName { .. } => wrong(error.to_string()),
        Error::Memory { .. } => MemoryLimitError::new_err(error.to_string()),
        Error::Interrupted(_) if let Some(limit) = options.engine.limits.time => {
            stopped(StopReason::TimeLimit(limit))
        }
        error => InternalError::new_err(error.to_string()),
    })
}
