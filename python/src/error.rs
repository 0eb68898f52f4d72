//! Errors of the engine as exceptions of Python, with the same words.

use phi_validation::escape;
use pyo3::exceptions::{PyMemoryError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::{create_exception, intern};

create_exception!(
    pyphi_core,
    InputError,
    PyValueError,
    "What was asked for makes no sense: the message names the place, the value and what was \
     expected."
);
create_exception!(
    pyphi_core,
    MemoryLimitError,
    PyMemoryError,
    "The analysis would need more memory than it may take: nothing was computed."
);
create_exception!(
    pyphi_core,
    InternalError,
    PyRuntimeError,
    "A fault of this package: please report it."
);

/// Converts an error of the engine.
pub(crate) fn refused(error: &pyphi_core::Error) -> PyErr {
    let kind = format!("{:?}", error.kind());
    let name = kind.split(|it: char| !it.is_alphanumeric()).next().unwrap_or_default();
    with_kind(error.to_string(), if name == "Json" { "Input" } else { name })
}

/// The message may have names in it, which a traceback must not print as they are.
fn with_kind(message: String, kind: &str) -> PyErr {
    let error = InputError::new_err(escape::terminal(&message));
    // Where even that fails, the message is what counts.
    Python::attach(|py| drop(error.value(py).setattr(intern!(py, "kind"), kind)));
    error
}

/// Makes an error about an argument.
pub(crate) fn wrong(message: impl Into<String>) -> PyErr {
    with_kind(message.into(), "Input")
}

/// Text with names in it, for a terminal: what is hidden in it is written out.
#[pyfunction]
pub(crate) fn terminal(text: &str) -> String {
    escape::terminal(text)
}

/// The same for HTML.
#[pyfunction]
pub(crate) fn html(text: &str) -> String {
    escape::xml(text)
}
