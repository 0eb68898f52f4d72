//! Φ of many networks at once.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use pyphi_core::iit4;
use pyphi_core::input::{Connectivity, Reader, Table};
use pyphi_core::{
    Cut, Error, ErrorKind, PhiSummary, Progress, State, StopReason, Subsystem, UnitSet, big_phi,
    big_phi_many,
};
use rayon::prelude::*;

use crate::error::{refused, wrong};
use crate::network::{Network, floats, reader};
use crate::options::Options;
use crate::run::{Whole, run_with, stopped};

/// A row of the answer: the numbers as bytes, and why the analysis ended if there was one.
type Row<const N: usize> = ([u8; N], Option<StopReason>);

/// So many networks are done between two looks at what the user wants.
const AT_A_TIME: usize = 4096;

/// The networks.
struct Networks {
    source: Source,
    /// The number of networks. Arrays may have those of the first ones only, if the time was over
    /// before all were copied.
    count: usize,
    /// The state of each, or one for all.
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
    /// The network with this number, unless the time is over.
    fn system<T>(
        &self,
        number: usize,
        whole: &Whole<'_>,
        make: impl Fn(&Arc<pyphi_core::Network>, State, UnitSet) -> pyphi_core::Result<T>,
    ) -> pyphi_core::Result<Looked<T>> {
        if whole.is_over() {
            return Ok(Looked::NotAtAll);
        }
        let n = self.n_units;
        let at = if self.states.len() == n { 0 } else { number * n };
        let make = || {
            let network = match &self.source {
                Source::Arrays(it) => it.network(number, n)?,
                Source::Made(networks) => Arc::clone(&networks[number]),
            };
            let state = network.state(&self.states[at..][..n])?;
            let units = self.nodes.map_or(network.units(), UnitSet::from_bits);
            make(&network, state, units)
        };
        match make() {
            Ok(system) => Ok(Looked::At(system)),
            Err(error) if matches!(error.kind(), ErrorKind::Unreachable { .. }) => {
                Ok(Looked::Unreachable)
            }
            Err(error) => Err(error.at(format!("network {number}"))),
        }
    }
}

/// What was found of a network before its analysis.
enum Looked<T> {
    At(T),
    /// It cannot be in its state.
    Unreachable,
    /// The time was over before.
    NotAtAll,
}

/// Runs `chunk` on the networks, a range of them at a time, and returns all rows. Those that the
/// time was over for are `left_out`.
fn over_chunks<'py, const N: usize>(
    py: Python<'py>,
    options: &Options,
    networks: &Arc<Networks>,
    left_out: [u8; N],
    chunk: impl Fn(&Networks, std::ops::Range<usize>, &Whole<'_>) -> Result<Vec<Row<N>>, Error>
    + Send
    + 'static,
) -> PyResult<Bound<'py, PyBytes>> {
    let cancel = Arc::new(AtomicBool::new(false));
    let latest: Arc<Mutex<Option<Progress>>> = Arc::default();
    let told = Arc::clone(&latest);
    let engine =
        pyphi_core::Options { cancel: Some(Arc::clone(&cancel)), ..options.engine.clone() };
    let networks = Arc::clone(networks);
    let found = run_with(py, options, &cancel, &latest, move || {
        let (whole, total) = (Whole::new(&engine), networks.count);
        let mut bytes = Vec::with_capacity(total * N);
        for start in (0..total).step_by(AT_A_TIME) {
            if whole.is_over() {
                break;
            }
            let end = total.min(start + AT_A_TIME);
            for (row, reason) in chunk(&networks, start..end, &whole)? {
                if let Some(reason @ StopReason::MemoryLimit { .. }) = reason {
                    return Ok(Err(reason));
                }
                bytes.extend_from_slice(&row);
            }
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(whole.progress(end, total));
        }
        bytes.extend(std::iter::repeat_n(left_out, total - bytes.len() / N).flatten());
        Ok(Ok(bytes))
    })?;
    match found.map_err(|it: Error| refused(&it))? {
        Ok(bytes) => Ok(PyBytes::new(py, &bytes)),
        Err(reason) => Err(stopped(reason)),
    }
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
    #[pyo3(signature = (tpms, count, shape, cm, cms, connectivity, states, nodes, n_units,
        row_order, flags))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        tpms: Vec<PyBackedBytes>,
        count: usize,
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
        let networks = Networks { source, count, states, nodes, n_units };
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
        let count = made.len();
        let fits = [n_units, count * n_units].contains(&states.len());
        if made.iter().any(|it| it.n_units() != n_units) || !fits {
            return Err(wrong(format!("networks: expected {n_units} units and states of them")));
        }
        let networks = Networks { source: Source::Made(made), count, states, nodes, n_units };
        Ok(Many { networks: Arc::new(networks) })
    }

    /// By IIT 3.0. A row is of 40 bytes: Φ, Σφ, ties, both sides of the cut, the number of
    /// concepts, whether it is exact, whether the state is unreachable.
    fn phi<'py>(&self, py: Python<'py>, options: &Options) -> PyResult<Bound<'py, PyBytes>> {
        let variant = options.engine.variant;
        variant.check().map_err(|it| refused(&it))?;
        let left_out = row_of_iit3([f64::INFINITY, -0.0], 0, [0, 0], 0, [false, false]);
        let unreachable = row_of_iit3([f64::NAN; 2], 0, [0, 0], 0, [false, true]);
        over_chunks(py, options, &self.networks, left_out, move |networks, range, whole| {
            let make = |number| networks.system(number, whole, Subsystem::of);
            let looked: Vec<Looked<Subsystem>> =
                range.into_par_iter().map(make).collect::<Result<_, _>>()?;
            let mut reachable = Vec::with_capacity(looked.len());
            let mut rows = Vec::with_capacity(looked.len());
            for (number, looked) in looked.into_iter().enumerate() {
                rows.push((
                    if let Looked::Unreachable = looked { unreachable } else { left_out },
                    None,
                ));
                if let Looked::At(system) = looked {
                    reachable.push((number, system));
                }
            }
            let (numbers, reachable): (Vec<usize>, Vec<Subsystem>) = reachable.into_iter().unzip();
            // A variant without bounds is not for many at once.
            let found = match variant.is_default() {
                true => big_phi_many(&reachable, &whole.left()),
                false => {
                    let solve = |it| PhiSummary::from(&big_phi(it, &whole.left()));
                    reachable.par_iter().map(solve).collect()
                }
            };
            for (number, result) in numbers.into_iter().zip(found) {
                let masks = |it: Cut| [it.severed_from, it.severed_to].map(UnitSet::bits);
                let cut = result.cut.map_or([0, 0], masks);
                let n_concepts = result.n_concepts as u32;
                let is_exact = result.is_complete() && variant.approximations().is_empty();
                let floats = [result.phi, result.sum_phi];
                let row = row_of_iit3(floats, result.ties, cut, n_concepts, [is_exact, false]);
                rows[number] = (row, Some(result.stop_reason));
            }
            Ok(rows)
        })
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
        let nothing = if has_structure { 0.0 } else { f64::NAN };
        let left_out = [f64::INFINITY, f64::INFINITY, nothing, nothing, nothing];
        let left_out = row_of_iit4(left_out, 0, [false, false]);
        over_chunks(py, options, &self.networks, left_out, move |networks, range, whole| {
            let row = |number| {
                let system = match networks.system(number, whole, iit4::System::of_shared)? {
                    Looked::At(system) => system,
                    Looked::Unreachable => {
                        return Ok((row_of_iit4([f64::NAN; 5], 0, [false, true]), None));
                    }
                    Looked::NotAtAll => return Ok((left_out, None)),
                };
                let engine = &whole.left();
                if !has_structure {
                    let sia = iit4::system_irreducibility_analysis(&system, rules, engine);
                    let numbers = [sia.phi_s, sia.normalized_phi_s, f64::NAN, f64::NAN, f64::NAN];
                    let row = row_of_iit4(numbers, 0, [sia.is_complete(), false]);
                    return Ok((row, Some(sia.stop_reason)));
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
                let row = row_of_iit4(numbers, n, [found.is_complete(), false]);
                Ok((row, Some(found.stop_reason)))
            };
            range.into_par_iter().map(row).collect()
        })
    }
}

/// A row of IIT 3.0: see [`Many::phi`].
fn row_of_iit3(
    numbers: [f64; 2],
    ties: u64,
    cut: [u32; 2],
    n_concepts: u32,
    flags: [bool; 2],
) -> [u8; 40] {
    let numbers = numbers.into_iter().flat_map(f64::to_ne_bytes);
    let masks = cut.into_iter().chain([n_concepts]).flat_map(u32::to_ne_bytes);
    row(numbers.chain(ties.to_ne_bytes()).chain(masks), flags)
}

/// A row of IIT 4.0: see [`Many::phi_s`].
fn row_of_iit4(numbers: [f64; 5], n_distinctions: u32, flags: [bool; 2]) -> [u8; 48] {
    let numbers = numbers.into_iter().flat_map(f64::to_ne_bytes);
    row(numbers.chain(n_distinctions.to_ne_bytes()), flags)
}

fn row<const N: usize>(bytes: impl Iterator<Item = u8>, flags: [bool; 2]) -> [u8; N] {
    let mut row = [0; N];
    let all = bytes.chain(flags.map(u8::from));
    row.iter_mut().zip(all).for_each(|(to, byte)| *to = byte);
    row
}
