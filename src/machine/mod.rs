//! The machine and this program: memory, processor, build, versions.
//!
//! It knows nothing of Φ.

pub mod cpu;
pub mod memory;
pub mod provenance;
