//! The study's door to exact Φ. `exact` and, for what only estimates need, `approximate` are the
//! only files that know `pyphi-core`; `result` is what a study keeps of a result.
//!
//! It knows no study and no file but networks.

pub mod approximate;
pub mod causes;
pub mod exact;
pub mod grains;
pub mod intrinsic;
pub mod result;
pub mod steps;
