//! Networks: from arrays and from files, both by the engine's one reader.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use pyphi_core::UnitSet;
use pyphi_core::input::{
    Connectivity, Entry, Form, Input, NetworkRecord, Reader, RowOrder, States, Table,
};

use crate::error::{refused, wrong};
use crate::run::{heard, json};

/// Reading and writing of more bytes takes a while.
const LONG: usize = 1 << 20;

/// A checked network, and what its file says of states and units.
#[pyclass(frozen, module = "pyphi_core._engine")]
pub(crate) struct Network {
    pub(crate) network: Arc<pyphi_core::Network>,
    pub(crate) name: Option<String>,
    states: States,
    nodes: Option<Vec<usize>>,
    notes: Vec<String>,
}

/// Numbers of 8 bytes, as this machine has them.
pub(crate) fn floats(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks::<8>().0.iter().map(|it| f64::from_ne_bytes(*it)).collect()
}

/// Numbers as Python takes them: see [`floats`].
pub(crate) fn bytes<'py>(py: Python<'py>, numbers: &[f64]) -> Bound<'py, PyBytes> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|it| it.to_ne_bytes()).collect();
    PyBytes::new(py, &bytes)
}

/// Returns the size of some units' state space, as the number of binary units whose state space is
/// not smaller.
pub(crate) fn scale(network: &pyphi_core::Network, units: UnitSet) -> usize {
    let alphabet = network.alphabet();
    if alphabet.is_binary() {
        return units.len();
    }
    let of_unit = |unit: usize| (alphabet.size(unit) as f64).log2();
    units.iter().map(of_unit).sum::<f64>().ceil() as usize
}

/// Makes the reader of networks from the arguments of the package: `cm` is rows of 0 and 1.
pub(crate) fn reader(
    connectivity: &str,
    cm: Option<Vec<Vec<u8>>>,
    row_order: Option<&str>,
    flags: (bool, bool, bool),
) -> PyResult<Reader> {
    let (strict, force_cm, project) = flags;
    let connectivity = match connectivity {
        _ if let Some(rows) = cm => Connectivity::Rows(rows),
        "file" => Connectivity::File,
        "inferred" => Connectivity::Inferred,
        "full" => Connectivity::Full,
        other => {
            let expected = "expected an array, \"inferred\" or \"full\"";
            return Err(wrong(format!("cm: {other:?}, {expected}")));
        }
    };
    let row_order = match row_order {
        None => None,
        Some("little-endian" | "first-unit-fastest") => Some(RowOrder::FirstUnitFastest),
        Some("big-endian" | "last-unit-fastest") => Some(RowOrder::LastUnitFastest),
        Some(other) => {
            let expected = "expected \"little-endian\" or \"big-endian\"";
            return Err(wrong(format!("row_order: {other:?}, {expected}")));
        }
    };
    let default_states = Some(States::All);
    Ok(Reader {
        strict,
        connectivity,
        force_cm,
        project,
        row_order,
        default_states,
        ..Reader::default()
    })
}

/// A name as the reader of files takes it, which is asked about it in a network of one unit: what
/// is made of an array can be written to a file and read again.
fn checked_name(name: String) -> pyphi_core::Result<String> {
    let text = serde_json::json!({ "name": &name, "tpm": [[0], [1]], "state": [0] }).to_string();
    Reader::default().json(&text)?.networks.remove(0).record?;
    Ok(name)
}

impl Network {
    pub(crate) fn of(entry: Entry) -> pyphi_core::Result<Network> {
        let Entry { record, states, notes, .. } = entry;
        let record = record?;
        let network = Arc::new(record.network()?);
        Ok(Network { network, name: record.name, states, nodes: record.nodes, notes })
    }

    /// The number of values of each unit, if a unit has more than two.
    pub(crate) fn more_values(&self) -> Option<Vec<usize>> {
        let alphabet = self.network.alphabet();
        (!alphabet.is_binary()).then(|| alphabet.sizes())
    }

    /// The record that answers repeat: the name, the state and what its values are called.
    pub(crate) fn record(&self, state: &[u8]) -> NetworkRecord {
        NetworkRecord {
            name: self.name.clone(),
            state: state.to_vec(),
            alphabet: self.more_values(),
            values: self.network.value_names().map(<[Vec<String>]>::to_vec),
            ..NetworkRecord::default()
        }
    }
}

impl Network {
    /// The network in the form of the program's files, in a state if there is one.
    fn text(&self, state: Option<Vec<u8>>) -> serde_json::Result<String> {
        let has_state = state.is_some();
        let mut value = serde_json::to_value(self.full_record(state.unwrap_or_default()))?;
        if !has_state && let Some(fields) = value.as_object_mut() {
            fields.remove("state");
            let states = match &self.states {
                States::All => serde_json::json!("all"),
                States::Reachable => serde_json::json!("reachable"),
                States::Listed(states) => serde_json::json!(states),
            };
            fields.insert("states".to_owned(), states);
        }
        Ok(json(&value))
    }

    /// The record with everything, in a state.
    pub(crate) fn full_record(&self, state: Vec<u8>) -> NetworkRecord {
        NetworkRecord {
            name: self.name.clone(),
            tpm: self.network.tpm().to_rows(),
            cm: self.network.cm(),
            state,
            nodes: self.nodes.clone(),
            labels: self.network.labels().map(<[String]>::to_vec),
            alphabet: self.more_values(),
            values: self.network.value_names().map(<[Vec<String>]>::to_vec),
        }
    }
}

#[pymethods]
impl Network {
    /// Makes a network from an array of 8-byte floats, last index fastest. `cm` is rows of 0 and 1.
    #[staticmethod]
    #[pyo3(signature = (tpm, shape, cm, connectivity, labels, name, row_order, flags))]
    #[allow(clippy::too_many_arguments)]
    fn of_array(
        py: Python<'_>,
        tpm: PyBackedBytes,
        shape: Vec<usize>,
        cm: Option<Vec<Vec<u8>>>,
        connectivity: &str,
        labels: Option<Vec<String>>,
        name: Option<String>,
        row_order: Option<&str>,
        flags: (bool, bool, bool),
    ) -> PyResult<Network> {
        let reader = reader(connectivity, cm, row_order, flags)?;
        if !tpm.len().is_multiple_of(8) {
            return Err(wrong(format!("{} bytes, expected numbers of 8 bytes", tpm.len())));
        }
        let name = name.map(checked_name).transpose().map_err(|it| refused(&it))?;
        let network = heard(py, tpm.len() > LONG, move || {
            let mut table = Table::shaped(&shape, floats(&tpm))?;
            if let Some(labels) = labels {
                table = table.with_labels(labels);
            }
            Network::of(reader.table(table).networks.remove(0))
        })?;
        Ok(Network { name, ..network.map_err(|it| refused(&it))? })
    }

    #[getter]
    fn n(&self) -> usize {
        self.network.n_units()
    }

    /// The number of values of each unit.
    #[getter]
    fn alphabet(&self) -> Vec<usize> {
        self.network.alphabet().sizes()
    }

    /// The names of the values of each unit, if they have names.
    #[getter]
    fn values(&self) -> Option<Vec<Vec<String>>> {
        self.network.value_names().map(<[Vec<String>]>::to_vec)
    }

    #[getter]
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    #[getter]
    fn labels(&self) -> Option<Vec<String>> {
        self.network.labels().map(<[String]>::to_vec)
    }

    #[getter]
    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    /// The states of the file; `all` or `reachable` for those.
    #[getter]
    fn states(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(match &self.states {
            States::All => "all".into_pyobject(py)?.into_any().unbind(),
            States::Reachable => "reachable".into_pyobject(py)?.into_any().unbind(),
            States::Listed(states) => {
                let states: Vec<Vec<u32>> =
                    states.iter().map(|it| it.iter().map(|&it| it.into()).collect()).collect();
                states.into_pyobject(py)?.into_any().unbind()
            }
        })
    }

    #[getter]
    fn nodes(&self) -> Option<Vec<usize>> {
        self.nodes.clone()
    }

    /// State-by-node, 8-byte floats by row; of units of more than two values, the distributions of
    /// the units one after the other.
    fn tpm<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        bytes(py, &self.network.tpm().to_rows().concat())
    }

    /// A byte for each entry.
    fn cm<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.network.cm().concat())
    }

    /// The network in the form of the program's files. Its state, where there is one, is `state`.
    #[pyo3(signature = (state=None))]
    fn json(slf: Py<Network>, py: Python<'_>, state: Option<Vec<u8>>) -> PyResult<String> {
        let network = &slf.get().network;
        let is_long = network.n_units() << scale(network, network.units()) > LONG / 8;
        let text = heard(py, is_long, move || slf.get().text(state))?;
        text.map_err(|it| wrong(format!("cannot be written as JSON: {it}")))
    }

    fn is_equal(&self, other: &Network) -> bool {
        let key = |it: &Network| (it.name.clone(), it.network.labels().map(<[String]>::to_vec));
        *self.network == *other.network && key(self) == key(other)
    }

    fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let rows = self.network.tpm().to_rows();
        let bits = rows.iter().flatten().map(|it| (it + 0.0).to_bits());
        bits.for_each(|it| it.hash(&mut hasher));
        self.network.cm().hash(&mut hasher);
        hasher.finish()
    }
}

/// The networks of a file. `form` is `json`, `yaml`, `csv` or `npy`. `place` names the file in
/// errors, where it is not empty.
#[pyfunction]
#[pyo3(signature = (text, form, place, connectivity, cm, row_order, flags))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn read(
    py: Python<'_>,
    text: PyBackedBytes,
    form: String,
    place: String,
    connectivity: &str,
    cm: Option<Vec<Vec<u8>>>,
    row_order: Option<&str>,
    flags: (bool, bool, bool),
) -> PyResult<Vec<Network>> {
    let reader = reader(connectivity, cm, row_order, flags)?;
    let at = |error: pyphi_core::Error, place: String| match place.is_empty() {
        true => refused(&error),
        false => refused(&error.at(place)),
    };
    heard(py, text.len() > LONG, move || {
        let utf8 = || {
            std::str::from_utf8(&text)
                .map_err(|it| wrong(format!("{place}: not text: {it}, expected UTF-8")))
        };
        let input = match form.as_str() {
            "json" => reader.json(utf8()?),
            "yaml" => reader.yaml(utf8()?),
            "csv" => Table::csv(utf8()?).map(|it| reader.table(it)),
            "npy" => Table::npy(&text).map(|it| reader.table(it)),
            other => {
                return Err(wrong(format!("form: {other:?}, expected json, yaml, csv or npy")));
            }
        };
        let Input { networks, form } = input.map_err(|it| at(it, place.clone()))?;
        let networks = networks.into_iter().enumerate().map(|(number, entry)| {
            let place = match form {
                Form::One => place.clone(),
                _ => format!("{place}: record {number}"),
            };
            Network::of(entry).map_err(|it| at(it, place))
        });
        networks.collect()
    })?
}
