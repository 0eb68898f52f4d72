//! What this machine and this program are: memory, processor, build, versions.
//!
//! It knows nothing of Φ.

pub mod cpu;
pub mod memory;
pub mod provenance;
