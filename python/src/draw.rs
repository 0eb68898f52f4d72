//! Drawings and pages, by the code of the program: they show the same.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use phi_validation::Error;
use phi_validation::engine::exact::{CheckedNetwork, Engine, OwnNetwork, Scope};
use phi_validation::phi::explore::{self, Theories, Which};
use phi_validation::phi::picture::{self, Kind, Picture};
use phi_validation::report::drawing::{Drawing, Theme};
use pyo3::prelude::*;
use pyphi_core::iit4::Rules;
use pyphi_core::input::NetworkRecord;

use crate::error::{InternalError, MemoryLimitError, wrong};
use crate::network::Network;
use crate::options::Options;
use crate::run::run_with;

/// What a network without a name is called.
const NAME: &str = "network";

/// A network in a state, checked by the rules of IIT 4.0 or by IIT 3.0.
fn own(record: NetworkRecord, rules: Option<Rules>) -> Result<OwnNetwork, Error> {
    let state = record.state.clone();
    let network = CheckedNetwork::new(record, Scope::System, rules)
        .and_then(|it| OwnNetwork::new(&it, &state, Scope::System, rules));
    network.map_err(|it| Error::Settings(it.message))
}

/// What `work` makes, with an engine on as many threads as the options say.
fn with_engine<T: Send + 'static>(
    py: Python<'_>,
    options: &Options,
    work: impl FnOnce(&Engine) -> Result<T, Error> + Send + 'static,
) -> PyResult<T> {
    let cancel = Arc::new(AtomicBool::new(false));
    let (threads, variant, flag) = (options.threads, options.engine.variant, Arc::clone(&cancel));
    let made = run_with(py, options, &cancel, &Arc::new(Mutex::new(None)), move || {
        work(&Engine::new(threads, flag)?.by(variant))
    })?;
    made.map_err(|error| match error {
        Error::Settings(_) | Error::Network { .. } | Error::UnknownName { .. } => {
            wrong(error.to_string())
        }
        Error::Memory { .. } => MemoryLimitError::new_err(error.to_string()),
        error => InternalError::new_err(error.to_string()),
    })
}

/// The drawings of a system, one below the other, as SVG.
#[pyfunction]
pub(crate) fn drawing(
    py: Python<'_>,
    network: &Network,
    state: Vec<u8>,
    nodes: Option<Vec<usize>>,
    show: Vec<String>,
    dark: bool,
    options: &Options,
) -> PyResult<String> {
    let rules = options.rules;
    let kind = |it: &String| {
        let all = || Kind::all().iter().map(|it| it.name()).collect::<Vec<_>>().join(", ");
        Kind::named(it).ok_or_else(|| wrong(format!("show: {it:?}, expected of {}", all())))
    };
    let kinds = match show.is_empty() {
        true => Kind::usual(rules),
        false => show.iter().map(kind).collect::<PyResult<_>>()?,
    };
    let record = NetworkRecord { nodes, ..network.full_record(state) };
    let drawn = with_engine(py, options, move |engine| {
        picture::draw(engine, &own(record, rules)?, rules, NAME, &kinds)
    })?;
    let all = drawn.into_iter().reduce(Drawing::above);
    let theme = if dark { Theme::Dark } else { Theme::Light };
    Ok(all.map_or_else(String::new, |it| it.svg_file(theme)))
}

/// The units and connections of a network, as SVG, without an analysis. `state` is empty where none
/// is shown; `severed` are the connections that a partition severs, and `said` stands beneath.
#[pyfunction]
pub(crate) fn graph(
    network: &Network,
    title: &str,
    state: Vec<u8>,
    nodes: Vec<usize>,
    severed: Vec<(usize, usize)>,
    said: &str,
) -> String {
    let network = &network.network;
    let (cm, sizes, labels) = (network.cm(), network.alphabet().sizes(), network.labels());
    let picture = Picture { title, cm: &cm, state: &state, sizes: &sizes, nodes: &nodes, labels };
    picture.graph(&severed, said, &[]).svg_file(Theme::Light)
}

/// The page of a network. The theory of the options is in it, IIT 3.0 as well if asked for.
/// `states` is `given`, `reachable` or `all`.
#[pyfunction]
#[pyo3(signature = (network, state, nodes, iit3, states, options))]
pub(crate) fn page(
    py: Python<'_>,
    network: &Network,
    state: Vec<u8>,
    nodes: Option<Vec<usize>>,
    iit3: bool,
    states: Option<&str>,
    options: &Options,
) -> PyResult<String> {
    let which = match states {
        None => None,
        Some("given") => Some(Which::Given),
        Some("reachable") => Some(Which::Reachable),
        Some("all") => Some(Which::All),
        Some(other) => {
            let expected = "expected given, reachable or all";
            return Err(wrong(format!("states: {other:?}, {expected}")));
        }
    };
    let theories = Theories { iit3: iit3 || options.rules.is_none(), iit4: options.rules };
    let record = NetworkRecord { nodes, ..network.full_record(state) };
    with_engine(py, options, move |engine| {
        let network = own(record, theories.iit4.filter(|_| !theories.iit3))?;
        Ok(explore::page(engine, &network, theories, which, NAME, &|_, _| {})?.html)
    })
}
