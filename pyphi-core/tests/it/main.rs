//! The exactness tests of the engine, in one binary so that it links once.

/// Networks to compute Φ of: the graphs of the study, and random ones from a seed.
mod networks;
/// Φ straight from its definition: slow, short, and meant to be read.
mod oracle;
/// Every fixture, through the oracle and through the engine.
mod suite;
