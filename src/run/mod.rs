//! The one store of a run: its rows and records, written down as they come, read back and put
//! together.
//!
//! It knows no statistic and nothing of how a run is shown.

pub(crate) mod assembled;
pub mod journal;
pub mod ledger;
pub mod row;
pub mod search;
pub(crate) mod set_aside;
pub mod store;
pub mod timeline;
