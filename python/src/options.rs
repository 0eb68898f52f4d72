//! The options of an analysis, made from the keyword arguments of the package.

use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use pyphi_core::iit4::Rules;
use pyphi_core::{
    CutChoices, Formalism, Limits, Numbering, SpectrumRules, TieOrder, TiePolicy, TieRule, Variant,
};

use crate::error::{refused, wrong};

/// Options, checked once.
#[pyclass(frozen, module = "pyphi_core._engine")]
pub(crate) struct Options {
    pub(crate) engine: pyphi_core::Options,
    /// 0: as many as there are processors, or as `RAYON_NUM_THREADS` says.
    pub(crate) threads: usize,
    /// The rules of IIT 4.0; `None` for IIT 3.0.
    pub(crate) rules: Option<Rules>,
    /// All Φ that ties allow are asked for, too.
    pub(crate) spectrum: Option<SpectrumRules>,
    /// So many numberings are tried where the range of Φ is not proven.
    pub(crate) numberings: u32,
    /// Called with what is being done, how many steps are done, how many there are, the smallest
    /// value so far and the seconds that it took.
    pub(crate) progress: Option<Arc<Py<PyAny>>>,
}

#[pymethods]
impl Options {
    #[new]
    #[pyo3(signature = (*, formalism, ties, threads=0, time=None, memory=None, count_ties=false,
        exhaustive=false, variant=None, tie_order=None, tie_seed=None, spectrum=None,
        numberings=0, progress=None))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        formalism: &str,
        ties: &str,
        threads: usize,
        time: Option<f64>,
        memory: Option<u64>,
        count_ties: bool,
        exhaustive: bool,
        variant: Option<&str>,
        tie_order: Option<Vec<usize>>,
        tie_seed: Option<u64>,
        spectrum: Option<(String, String)>,
        numberings: u32,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Options> {
        let named = |what: &str, error: String| wrong(format!("{what}: {error}"));
        let formalism: Formalism = formalism.parse().map_err(|it| named("formalism", it))?;
        let ties: TiePolicy = ties.parse().map_err(|it| named("ties", it))?;
        let time = match time {
            None => None,
            Some(seconds) => Some(Duration::try_from_secs_f64(seconds).map_err(|_| {
                wrong(format!("time_limit: {seconds}, expected a number of seconds, 0 or more"))
            })?),
        };
        let variant: Variant = match variant {
            None => Variant::default(),
            Some(text) => {
                serde_json::from_str(text).map_err(|it| wrong(format!("variant: {it}")))?
            }
        };
        let tie_order = match (tie_order, tie_seed) {
            (None, None) => TieOrder::default(),
            (None, Some(seed)) => TieOrder::Seeded(seed),
            (Some(numbers), _) => {
                TieOrder::Numbering(Numbering::new(&numbers).map_err(|it| refused(&it))?)
            }
        };
        let spectrum = match spectrum {
            None => None,
            Some((ties, cuts)) => Some(SpectrumRules {
                ties: ties.parse::<TieRule>().map_err(|it| named("rule", it))?,
                cuts: cuts.parse::<CutChoices>().map_err(|it| named("cut_choices", it))?,
            }),
        };
        if threads > MOST_THREADS {
            return Err(wrong(format!("threads: {threads}, expected at most {MOST_THREADS}")));
        }
        let limits = Limits { time, memory_bytes: memory };
        Ok(Options {
            engine: pyphi_core::Options {
                limits,
                count_ties,
                exhaustive,
                tie_order,
                variant,
                ..pyphi_core::Options::default()
            },
            threads,
            rules: Rules::of(formalism, ties),
            spectrum,
            numberings,
            progress: progress.map(Arc::new),
        })
    }
}

/// More than any machine has a use for.
const MOST_THREADS: usize = 4096;

impl Options {
    /// The rules of IIT 4.0.
    pub(crate) fn iit4(&self) -> PyResult<Rules> {
        self.rules.ok_or_else(|| wrong("formalism: iit3, expected one of IIT 4.0"))
    }
}
