//! The exactness tests of the engine, in one binary so that it links once.

/// What a program answers for a network, and where two answers differ.
mod answer;
/// Input that makes no network: the error names the place, the value and what was expected.
mod errors;
/// Networks to compute Φ of: the graphs of the study, and random ones from a seed.
mod networks;
/// Φ straight from its definition: slow, short, and meant to be read.
mod oracle;
/// Laws that hold for all networks, and the engine against the oracle on random ones.
mod properties;
/// One small test per fixed bug.
mod regressions;
/// Every fixture, through the oracle and through every setting of the engine.
mod suite;
