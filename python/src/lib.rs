//! The part of the Python package that is compiled: `pyphi_core._engine`. What it hands over are
//! numbers, bytes and JSON; `pyphi_core/*.py` makes the objects of the package of them.

mod actual;
mod draw;
mod engine;
mod error;
mod grain;
mod iit3;
mod iit4;
mod many;
mod mechanism;
mod network;
mod options;
mod run;

use pyo3::prelude::*;

/// The engine.
#[pymodule(gil_used = false)]
mod _engine {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::actual::{Transition, events, nexus};
    #[pymodule_export]
    use crate::draw::{drawing, graph, page};
    #[pymodule_export]
    use crate::error::{InputError, InternalError, MemoryLimitError, html, terminal};
    #[pymodule_export]
    use crate::grain::{best_grain, effective_information, intrinsic_units, on_grain};
    #[pymodule_export]
    use crate::iit3::{Subsystem, complexes};
    #[pymodule_export]
    use crate::iit4::{RelationList, System, phi_complexes};
    #[pymodule_export]
    use crate::many::Many;
    #[pymodule_export]
    use crate::network::{Network, read};
    #[pymodule_export]
    use crate::options::Options;
    #[pymodule_export]
    use crate::run::{Answer, fail_on_purpose};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::run::keep_panics_quiet();
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
