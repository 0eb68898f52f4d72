//! The objects of a comparison: topologies, rules, networks in a state, their names, and the
//! formalisms of the theory.
//!
//! It knows no engine, no estimate and no file.

pub mod dynamics;
pub mod family;
pub mod formalism;
pub mod key;
pub mod network;
pub mod seeded;
pub mod topology;
