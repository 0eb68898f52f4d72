//! Files that a crash at any byte cannot spoil, and what is read from outside, within bounds.
//!
//! It knows nothing of what is in them.

pub(crate) mod append;
pub mod input;
pub(crate) mod seal;
// The library of builds writes its files in the same way, and neither package needs the other.
#[path = "../../headroom/src/files/temporary.rs"]
pub(crate) mod temporary;
