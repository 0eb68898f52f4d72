//! Actual causation.

use std::sync::Arc;

use phi_validation::Error;
use phi_validation::engine::causes::{AskedTransition, CausalRules, OwnTransition};
use phi_validation::engine::exact::Engine;
use pyo3::prelude::*;
use pyphi_core::causation::record::AccountRecord;
use pyphi_core::causation::{Background, Scheme, account};
use pyphi_core::input::NetworkRecord;
use pyphi_core::{Direction, StopReason};

use crate::engine::with_engine;
use crate::error::{refused, wrong};
use crate::mechanism::units;
use crate::network::Network;
use crate::options::Options;
use crate::run::{Answer, Whole, json, run, stopped};

/// A network that was in one state and then in another.
#[pyclass(frozen, module = "pyphi_core._engine")]
pub(crate) struct Transition {
    transition: pyphi_core::causation::Transition,
    name: Option<String>,
}

#[pymethods]
impl Transition {
    #[new]
    fn new(
        network: &Network,
        before: Vec<u8>,
        after: Vec<u8>,
        cause: u32,
        effect: u32,
        has_noise: bool,
    ) -> PyResult<Transition> {
        let background = background(has_noise);
        let made = || {
            let core = &network.network;
            let before = core.state(&before).map_err(|it| it.at("before"))?;
            let after = core.state(&after).map_err(|it| it.at("after"))?;
            pyphi_core::causation::Transition::of_shared(
                core,
                before,
                after,
                units(cause),
                units(effect),
                background,
            )
        };
        let transition = made().map_err(|it| refused(&it))?;
        Ok(Transition { transition, name: network.name.clone() })
    }

    /// P(the effects are as they are after | all units before).
    fn probability(&self) -> f64 {
        self.transition.probability()
    }

    /// The account with its 𝒜.
    fn account(
        &self,
        py: Python<'_>,
        scheme: &str,
        has_candidates: bool,
        options: &Options,
    ) -> PyResult<Answer> {
        let scheme: Scheme = scheme.parse().map_err(|it| wrong(format!("scheme: {it}")))?;
        let transition = self.transition.clone();
        let found = run(py, options, move |options| {
            let whole = Whole::new(options);
            let found = || {
                let account = account(&transition, scheme, options)?;
                let of = |direction| account.irreducibility(direction, &whole.left());
                let all = [None, Some(Direction::Cause), Some(Direction::Effect)].map(of);
                let [both, cause, effect] = all;
                Ok((account, [both?, cause?, effect?]))
            };
            found().map_err(|reason| whole.reason(reason))
        })?;
        let (account, irreducibilities) = found.map_err(stopped)?;
        let name = Arc::new(self.name.clone());
        let phi = irreducibilities[0].irreducibility;
        Ok(Answer::new(phi, StopReason::Complete, move || {
            json(&AccountRecord::new(name.as_deref(), &account, &irreducibilities, has_candidates))
        }))
    }
}

fn background(has_noise: bool) -> Background {
    if has_noise { Background::Noise } else { Background::Fixed }
}

/// The rules for causes: `true` if units that are not considered are noise, and the partitions.
type Way = (bool, String);

/// Runs `work` on the transition of a network from one state to another.
fn asked<T: Send + 'static>(
    py: Python<'_>,
    network: &Network,
    (before, after): (Vec<u8>, Vec<u8>),
    nodes: Option<Vec<usize>>,
    (has_noise, scheme): Way,
    options: &Options,
    work: impl FnOnce(&Engine, &OwnTransition) -> Result<T, Error> + Send + 'static,
) -> PyResult<T> {
    if !options.engine.variant.is_default() {
        return Err(wrong("actual causation has no settings of IIT 3.0"));
    }
    let scheme: Scheme = scheme.parse().map_err(|it| wrong(format!("scheme: {it}")))?;
    let rules = CausalRules { background: background(has_noise), scheme };
    let record = NetworkRecord { nodes, ..network.full_record(before.clone()) };
    let states =
        AskedTransition { before: Some(before), after: Some(after), ..AskedTransition::default() };
    with_engine(py, options, move |engine| {
        let transition = OwnTransition::new(&record, &states, rules, "network".to_owned())?;
        work(engine, &transition)
    })
}

/// All parts of a transition with 𝒜 > 0.
#[pyfunction]
pub(crate) fn nexus(
    py: Python<'_>,
    network: &Network,
    states: (Vec<u8>, Vec<u8>),
    way: Way,
    options: &Options,
) -> PyResult<Answer> {
    let found = asked(py, network, states, None, way, options, |engine, it| engine.nexus(it))?;
    let most = found.nexus.first().map_or(0.0, |it| it.irreducibility);
    Ok(Answer::new(most, StopReason::Complete, move || json(&found)))
}

/// Returns the events that have a cause in the state before and an effect in the state `next`:
/// those of `nodes`, or else of the major complex.
#[pyfunction]
#[pyo3(signature = (network, states, next, nodes, is_extrinsic, way, options))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn events(
    py: Python<'_>,
    network: &Network,
    states: (Vec<u8>, Vec<u8>),
    next: Vec<u8>,
    nodes: Option<Vec<usize>>,
    is_extrinsic: bool,
    way: Way,
    options: &Options,
) -> PyResult<Answer> {
    let found = asked(py, network, states, nodes, way, options, move |engine, it| {
        engine.events(it, &next, is_extrinsic)
    })?;
    let phi = found.phi.unwrap_or(f64::NAN);
    Ok(Answer::new(phi, StopReason::Complete, move || json(&found)))
}
