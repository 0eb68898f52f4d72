//! The statistics of the rows: how sure they are, what depends on ties, the summary and the
//! verdict.
//!
//! It knows nothing of how they are shown.

pub mod agreement;
pub mod calibration;
pub mod statistics;
pub mod summary;
pub mod ties;
pub mod uncertainty;
pub mod verdict;
