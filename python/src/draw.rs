//! Drawings and pages, by the code of the program: they show the same.

use phi_validation::phi::explore::{self, PageStates, Theories};
use phi_validation::phi::picture::{self, Kind, Picture};
use phi_validation::report::drawing::{Drawing, Theme};
use pyo3::prelude::*;
use pyphi_core::input::NetworkRecord;

use crate::engine::{own, with_engine};
use crate::error::wrong;
use crate::network::Network;
use crate::options::Options;

/// The name of a network that has none.
const NAME: &str = "network";

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
        Some("given") => Some(PageStates::Given),
        Some("reachable") => Some(PageStates::Reachable),
        Some("all") => Some(PageStates::All),
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
