//! The study's door to exact Φ. `exact` is the only file that knows `pyphi-core`; `solver` is what a study needs of an engine.
//!
//! It knows no study and no file but networks.

pub mod exact;
pub mod solver;
pub mod steps;
