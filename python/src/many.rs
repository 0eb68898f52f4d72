//! Φ of many networks at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use pyphi_core::iit4;
use pyphi_core::input::{Connectivity, Reader, Table};
use pyphi_core::{
    Cut, Error, ErrorKind, PhiSummary, Progress, State, Subsystem, UnitSet, big_phi, big_phi_many,
};
use rayon::prelude::*;

use crate::error::{refused, wrong};
use crate::network::{Network, floats, reader};
use crate::options::Options;
use crate::run::{Whole, check, run_with};

/// So many networks are done between two looks at what the user wants.
const AT_A_TIME: usize = 4096;

/// The networks.
struct Networks {
    source: Source,
    states: PyBackedBytes,
    nodes: Option<u32>,
    n_units: usize,
}

enum Source {
    Arrays(Arrays),
    /// Networks that are made already.
    Made(Vec<Arc<pyphi_core::Network>>),
}

/// Networks as arrays say.
struct Arrays {
    /// State after state of network after network, 8-byte floats: every piece but the last has
    /// those of as many networks.
    tpms: Vec<PyBackedBytes>,
    /// The shape of one of them.
    shape: Vec<usize>,
    /// The matrix of each, where it has one of its own.
    cms: Option<PyBackedBytes>,
    reader: Reader,
}

impl Arrays {
    /// Returns the size of a TPM in bytes.
    fn size(&self) -> usize {
        self.shape.iter().product::<usize>() * size_of::<f64>()
    }

    fn len(&self) -> usize {
        self.tpms.iter().map(|it| it.len()).sum::<usize>() / self.size()
    }

    fn tpm(&self, number: usize) -> pyphi_core::Result<Table> {
        let size = self.size();
        let n_each = self.tpms[0].len() / size;
        let piece = &self.tpms[number / n_each];
        Table::shaped(&self.shape, floats(&piece[number % n_each * size..][..size]))
    }

    fn network(&self, number: usize, n: usize) -> pyphi_core::Result<Arc<pyphi_core::Network>> {
        let table = self.tpm(number)?;
        let mut input = match &self.cms {
            None => self.reader.table(table),
            Some(cms) => {
                let rows = cms[number * n * n..][..n * n].chunks(n).map(<[u8]>::to_vec);
                let connectivity = Connectivity::Rows(rows.collect());
                Reader { connectivity, ..self.reader.clone() }.table(table)
            }
        };
        Ok(Arc::new(input.networks.remove(0).record?.network()?))
    }
}

impl Networks {
    fn len(&self) -> usize {
        match &self.source {
            Source::Arrays(it) => it.len(),
            Source::Made(networks) => networks.len(),
        }
    }

    /// The network with this number; `None` if it cannot be in its state.
    fn system<T>(
        &self,
        number: usize,
        make: impl Fn(&Arc<pyphi_core::Network>, State, UnitSet) -> pyphi_core::Result<T>,
    ) -> pyphi_core::Result<Option<T>> {
        let n = self.n_units;
        let make = || {
            let network = match &self.source {
                Source::Arrays(it) => it.network(number, n)?,
                Source::Made(networks) => Arc::clone(&networks[number]),
            };
            let state = network.state(&self.states[number * n..][..n])?;
            let units = self.nodes.map_or(network.units(), UnitSet::from_bits);
            make(&network, state, units)
        };
        match make() {
            Ok(system) => Ok(Some(system)),
            Err(error) if matches!(error.kind(), ErrorKind::Unreachable { .. }) => Ok(None),
            Err(error) => Err(error.at(format!("network {number}"))),
        }
    }
}

/// Runs `chunk` on the networks, a range of them at a time, and returns all results.
fn over_chunks<R: Send + 'static>(
    py: Python<'_>,
    options: &Options,
    networks: &Arc<Networks>,
    chunk: impl Fn(&Networks, std::ops::Range<usize>, &Whole<'_>) -> Result<Vec<R>, Error>
    + Send
    + 'static,
) -> PyResult<Vec<R>> {
    let cancel = Arc::new(AtomicBool::new(false));
    let latest: Arc<Mutex<Option<Progress>>> = Arc::default();
    let (told, stopped) = (Arc::clone(&latest), Arc::clone(&cancel));
    let engine =
        pyphi_core::Options { cancel: Some(Arc::clone(&cancel)), ..options.engine.clone() };
    let networks = Arc::clone(networks);
    let found = run_with(py, options, &cancel, &latest, move || {
        let (whole, total) = (Whole::new(&engine), networks.len());
        let mut rows = Vec::with_capacity(total);
        while rows.len() < total && !stopped.load(Ordering::Relaxed) {
            let end = total.min(rows.len() + AT_A_TIME);
            rows.extend(chunk(&networks, rows.len()..end, &whole)?);
            let now = whole.progress(rows.len(), total);
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        }
        Ok(rows)
    })?;
    found.map_err(|it: Error| refused(&it))
}

/// Many networks of the same size, each in a state.
#[pyclass(frozen, module = "pyphi_core._engine")]
pub(crate) struct Many {
    networks: Arc<Networks>,
}

#[pymethods]
impl Many {
    /// `tpms` are 8-byte floats in pieces that have as many networks but for the last. `cm` is the
    /// matrix of all, and `cms` has that of each.
    #[new]
    #[pyo3(signature = (tpms, shape, cm, cms, connectivity, states, nodes, n_units, row_order,
        flags))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        tpms: Vec<PyBackedBytes>,
        shape: Vec<usize>,
        cm: Option<Vec<Vec<u8>>>,
        cms: Option<PyBackedBytes>,
        connectivity: &str,
        states: PyBackedBytes,
        nodes: Option<u32>,
        n_units: usize,
        row_order: Option<&str>,
        flags: (bool, bool, bool),
    ) -> PyResult<Many> {
        if n_units == 0 || shape.contains(&0) {
            return Err(wrong(format!("tpms: TPMs of shape {shape:?}, expected units")));
        }
        let reader = reader(connectivity, cm, row_order, flags)?;
        let source = Source::Arrays(Arrays { tpms, shape, cms, reader });
        let networks = Networks { source, states, nodes, n_units };
        Ok(Many { networks: Arc::new(networks) })
    }

    /// The same of networks that are made already, all of as many units.
    #[staticmethod]
    fn of(
        networks: Vec<PyRef<'_, Network>>,
        states: PyBackedBytes,
        nodes: Option<u32>,
        n_units: usize,
    ) -> PyResult<Many> {
        let made: Vec<_> = networks.iter().map(|it| Arc::clone(&it.network)).collect();
        if made.iter().any(|it| it.n_units() != n_units) || states.len() != made.len() * n_units {
            return Err(wrong(format!("networks: expected {n_units} units and states of them")));
        }
        let networks = Networks { source: Source::Made(made), states, nodes, n_units };
        Ok(Many { networks: Arc::new(networks) })
    }

    /// By IIT 3.0. A row is of 40 bytes: Φ, Σφ, ties, both sides of the cut, the number of
    /// concepts, whether it is exact, whether the state is unreachable.
    fn phi<'py>(&self, py: Python<'py>, options: &Options) -> PyResult<Bound<'py, PyBytes>> {
        let variant = options.engine.variant;
        variant.check().map_err(|it| refused(&it))?;
        let rows = over_chunks(py, options, &self.networks, move |networks, range, whole| {
            let make = |number| networks.system(number, Subsystem::of);
            let systems: Vec<Option<Subsystem>> =
                range.into_par_iter().map(make).collect::<Result<_, _>>()?;
            let is_reachable: Vec<bool> = systems.iter().map(Option::is_some).collect();
            let reachable: Vec<Subsystem> = systems.into_iter().flatten().collect();
            // A variant without bounds is not for many at once.
            let found = match variant.is_default() {
                true => big_phi_many(&reachable, &whole.left()),
                false => {
                    let solve = |it| PhiSummary::from(&big_phi(it, &whole.left()));
                    reachable.par_iter().map(solve).collect()
                }
            };
            let mut found = found.into_iter();
            let row = |is_reachable: bool| {
                let Some(result) = is_reachable.then(|| found.next()).flatten() else {
                    return (f64::NAN, f64::NAN, 0, [0, 0], 0, false, true, None);
                };
                let masks = |it: Cut| [it.severed_from, it.severed_to].map(UnitSet::bits);
                let cut = result.cut.map_or([0, 0], masks);
                let n_concepts = result.n_concepts as u32;
                let is_exact = result.is_complete() && variant.approximations().is_empty();
                let reason = Some(result.stop_reason);
                (result.phi, result.sum_phi, result.ties, cut, n_concepts, is_exact, false, reason)
            };
            Ok(is_reachable.into_iter().map(row).collect())
        })?;
        let mut bytes = Vec::with_capacity(rows.len() * 40);
        for (phi, sum_phi, ties, cut, n_concepts, is_exact, is_unreachable, reason) in rows {
            reason.map_or(Ok(()), check)?;
            bytes.extend_from_slice(&phi.to_ne_bytes());
            bytes.extend_from_slice(&sum_phi.to_ne_bytes());
            bytes.extend_from_slice(&ties.to_ne_bytes());
            cut.iter().for_each(|it: &u32| bytes.extend_from_slice(&it.to_ne_bytes()));
            bytes.extend_from_slice(&n_concepts.to_ne_bytes());
            bytes.extend_from_slice(&[u8::from(is_exact), u8::from(is_unreachable), 0, 0]);
        }
        Ok(PyBytes::new(py, &bytes))
    }

    /// By IIT 4.0. A row is of 48 bytes: φ_s, normalized φ_s, then of the structure, where it is
    /// asked for, Φ, Σφ_d, Σφ_r, all floats; the number of distinctions, whether it is exact,
    /// whether the state is unreachable.
    fn phi_s<'py>(
        &self,
        py: Python<'py>,
        options: &Options,
        has_structure: bool,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let rules = options.iit4()?;
        let rows = over_chunks(py, options, &self.networks, move |networks, range, whole| {
            let row = |number| {
                let Some(system) = networks.system(number, iit4::System::of_shared)? else {
                    return Ok(([f64::NAN; 5], 0, false, true, None));
                };
                let engine = &whole.left();
                if !has_structure {
                    let sia = iit4::system_irreducibility_analysis(&system, rules, engine);
                    let numbers = [sia.phi_s, sia.normalized_phi_s, f64::NAN, f64::NAN, f64::NAN];
                    return Ok((numbers, 0, sia.is_complete(), false, Some(sia.stop_reason)));
                }
                let found = iit4::phi_structure(&system, rules, engine);
                let (sia, n) = (&found.sia, found.distinctions.len() as u32);
                let numbers = [
                    sia.phi_s,
                    sia.normalized_phi_s,
                    found.big_phi,
                    found.sum_phi_d,
                    found.sum_phi_r,
                ];
                Ok((numbers, n, found.is_complete(), false, Some(found.stop_reason)))
            };
            range.into_par_iter().map(row).collect()
        })?;
        let mut bytes = Vec::with_capacity(rows.len() * 48);
        for (numbers, n_distinctions, is_exact, is_unreachable, reason) in rows {
            reason.map_or(Ok(()), check)?;
            numbers.iter().for_each(|it: &f64| bytes.extend_from_slice(&it.to_ne_bytes()));
            let n_distinctions: u32 = n_distinctions;
            bytes.extend_from_slice(&n_distinctions.to_ne_bytes());
            bytes.extend_from_slice(&[u8::from(is_exact), u8::from(is_unreachable), 0, 0]);
        }
        Ok(PyBytes::new(py, &bytes))
    }
}
