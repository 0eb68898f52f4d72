//! Actual causation.

use std::sync::Arc;

use pyo3::prelude::*;
use pyphi_core::causation::record::AccountRecord;
use pyphi_core::causation::{Background, Scheme, account};
use pyphi_core::Direction;

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
        let background = if has_noise { Background::Noise } else { Background::Fixed };
        let made = || {
            let before = network.network.state(&before).map_err(|it| it.at("before"))?;
            let after = network.network.state(&after).map_err(|it| it.at("after"))?;
            pyphi_core::causation::Transition::of_shared(
                &network.network,
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
        Ok(Answer::new(phi, pyphi_core::StopReason::Complete, move || {
            json(&AccountRecord::new(name.as_deref(), &account, &irreducibilities, has_candidates))
        }))
    }
}
