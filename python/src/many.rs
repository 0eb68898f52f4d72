//! Φ of many networks at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pyphi_core::iit4;
use pyphi_core::input::{Connectivity, Reader, Table};
use pyphi_core::{Cut, Error, ErrorKind, Progress, State, Subsystem, UnitSet, big_phi_many};
use rayon::prelude::*;

use crate::error::refused;
use crate::network::{floats, reader};
use crate::options::Options;
use crate::run::{check, run_with, steps};

/// So many networks are done between two looks at what the user wants.
const AT_A_TIME: usize = 4096;

/// The networks, as arrays say.
struct Arrays {
    tpms: Vec<f64>,
    shape: Vec<usize>,
    cms: Option<Vec<u8>>,
    /// Each has a matrix of its own.
    has_cms: bool,
    states: Vec<u8>,
    nodes: Option<u32>,
    n_units: usize,
    reader: Reader,
}

impl Arrays {
    fn len(&self) -> usize {
        self.tpms.len().checked_div(self.shape.iter().product()).unwrap_or(0)
    }

    /// The network with this number; none if it cannot be in its state.
    fn system<T>(
        &self,
        number: usize,
        make: impl Fn(&Arc<pyphi_core::Network>, State, UnitSet) -> pyphi_core::Result<T>,
    ) -> pyphi_core::Result<Option<T>> {
        let (size, n) = (self.shape.iter().product::<usize>(), self.n_units);
        let make = || {
            let table = Table::shaped(&self.shape, self.tpms[number * size..][..size].to_vec())?;
            let at = if self.has_cms { number * n * n } else { 0 };
            let rows = |cms: &Vec<u8>| cms[at..][..n * n].chunks(n).map(<[u8]>::to_vec).collect();
            let connectivity = match &self.cms {
                None => self.reader.connectivity.clone(),
                Some(cms) => Connectivity::Rows(rows(cms)),
            };
            let reader = Reader { connectivity, ..self.reader.clone() };
            let network = Arc::new(reader.table(table).networks.remove(0).record?.network()?);
            let state = State::new(&self.states[number * n..][..n])?;
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

/// What is done with the networks, chunk by chunk.
fn over_chunks<R: Send + 'static>(
    py: Python<'_>,
    options: &Options,
    arrays: Arrays,
    chunk: impl Fn(&Arrays, std::ops::Range<usize>, &pyphi_core::Options) -> Result<Vec<R>, Error>
    + Send
    + 'static,
) -> PyResult<Vec<R>> {
    let cancel = Arc::new(AtomicBool::new(false));
    let latest: Arc<Mutex<Option<Progress>>> = Arc::default();
    let (told, stopped) = (Arc::clone(&latest), Arc::clone(&cancel));
    let engine =
        pyphi_core::Options { cancel: Some(Arc::clone(&cancel)), ..options.engine.clone() };
    let found = run_with(py, options, &cancel, &latest, move || {
        let (began, total) = (Instant::now(), arrays.len());
        let mut rows = Vec::with_capacity(total);
        while rows.len() < total && !stopped.load(Ordering::Relaxed) {
            let end = total.min(rows.len() + AT_A_TIME);
            let mut engine = engine.clone();
            // The limit on time is that of all together.
            engine.limits.time = engine.limits.time.map(|it| it.saturating_sub(began.elapsed()));
            rows.extend(chunk(&arrays, rows.len()..end, &engine)?);
            let now = steps(rows.len(), total, began);
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        }
        Ok(rows)
    })?;
    found.map_err(|it: Error| refused(&it))
}

#[allow(clippy::too_many_arguments)]
fn arrays(
    tpms: &[u8],
    shape: Vec<usize>,
    cms: Option<Vec<u8>>,
    has_cms: bool,
    connectivity: &str,
    states: Vec<u8>,
    nodes: Option<u32>,
    n_units: usize,
    row_order: Option<&str>,
    flags: (bool, bool, bool),
) -> PyResult<Arrays> {
    let (tpms, reader) = (floats(tpms)?, reader(connectivity, row_order, flags)?);
    Ok(Arrays { tpms, shape, cms, has_cms, states, nodes, n_units, reader })
}

/// A row of the result under IIT 3.0, 48 bytes: Φ, Σφ, ties, both sides of the cut, the number of
/// concepts, whether it is exact, whether the state is unreachable.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub(crate) fn phi_many<'py>(
    py: Python<'py>,
    tpms: &[u8],
    shape: Vec<usize>,
    cms: Option<Vec<u8>>,
    has_cms: bool,
    connectivity: &str,
    states: Vec<u8>,
    nodes: Option<u32>,
    n_units: usize,
    row_order: Option<&str>,
    flags: (bool, bool, bool),
    options: &Options,
) -> PyResult<Bound<'py, PyBytes>> {
    options.engine.variant.check().map_err(|it| refused(&it))?;
    let arrays =
        arrays(tpms, shape, cms, has_cms, connectivity, states, nodes, n_units, row_order, flags)?;
    let rows = over_chunks(py, options, arrays, |arrays, range, engine| {
        let make = |number| arrays.system(number, Subsystem::of);
        let systems: Vec<Option<Subsystem>> =
            range.into_par_iter().map(make).collect::<Result<_, _>>()?;
        let reachable: Vec<Subsystem> = systems.iter().flatten().cloned().collect();
        // A variant without bounds is not for many at once.
        let found = match engine.variant.is_default() {
            true => big_phi_many(&reachable, engine),
            false => reachable.par_iter().map(|it| pyphi_core::big_phi(it, engine)).collect(),
        };
        let mut found = found.into_iter();
        let row = |system: &Option<Subsystem>| {
            let Some(result) = system.as_ref().and_then(|_| found.next()) else {
                return (f64::NAN, f64::NAN, 0, [0, 0], 0, false, true, None);
            };
            let masks = |it: Cut| [it.severed_from, it.severed_to].map(UnitSet::bits);
            let cut = result.cut.map_or([0, 0], masks);
            let n_concepts = result.ces.concepts.len() as u32;
            let is_exact = result.is_complete() && engine.variant.approximations().is_empty();
            let reason = Some(result.stop_reason);
            (
                result.phi,
                result.ces.sum_phi(),
                result.ties,
                cut,
                n_concepts,
                is_exact,
                false,
                reason,
            )
        };
        Ok(systems.iter().map(row).collect())
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

/// A row of the result under IIT 4.0: φ_s, normalized φ_s, then of the structure, where it is asked
/// for, Φ, Σφ_d, Σφ_r, all floats; the number of distinctions, whether it is exact, whether the
/// state is unreachable.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub(crate) fn phi_s_many<'py>(
    py: Python<'py>,
    tpms: &[u8],
    shape: Vec<usize>,
    cms: Option<Vec<u8>>,
    has_cms: bool,
    connectivity: &str,
    states: Vec<u8>,
    nodes: Option<u32>,
    n_units: usize,
    row_order: Option<&str>,
    flags: (bool, bool, bool),
    options: &Options,
    has_structure: bool,
) -> PyResult<Bound<'py, PyBytes>> {
    let rules = options.iit4()?;
    let arrays =
        arrays(tpms, shape, cms, has_cms, connectivity, states, nodes, n_units, row_order, flags)?;
    let rows = over_chunks(py, options, arrays, move |arrays, range, engine| {
        let row = |number| {
            let Some(system) = arrays.system(number, iit4::System::of_shared)? else {
                return Ok(([f64::NAN; 5], 0, false, true, None));
            };
            if !has_structure {
                let sia = iit4::system_irreducibility_analysis(&system, rules, engine);
                let numbers = [sia.phi_s, sia.normalized_phi_s, f64::NAN, f64::NAN, f64::NAN];
                return Ok((numbers, 0, sia.is_complete(), false, Some(sia.stop_reason)));
            }
            let found = iit4::phi_structure(&system, rules, engine);
            let (sia, n) = (&found.sia, found.distinctions.len() as u32);
            let numbers =
                [sia.phi_s, sia.normalized_phi_s, found.big_phi, found.sum_phi_d, found.sum_phi_r];
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
