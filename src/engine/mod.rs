//! The study's door to exact Φ. `exact` is the only file that knows `pyphi-core`; `result` is
//! what a study keeps of a result.
//!
//! It knows no study and no file but networks.

pub mod exact;
pub mod result;
pub mod steps;
