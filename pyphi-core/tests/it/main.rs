//! The exactness tests of the engine, in one binary so that it links once.

/// The number of requests for memory in the search for Φ of a small network.
mod allocations;
/// The answer of a program for a network, and the difference of two answers.
mod answer;
/// Actual causation straight from its definition: slow, short, and meant to be read.
mod causation_oracle;
/// Actual causation: laws that hold for all transitions, and the engine against the oracle.
mod causation_properties;
/// Every golden record of actual causation, and the published figures.
mod causation_suite;
/// Input that makes no network: the error names the place, the value and what was expected.
mod errors;
/// Networks from any bytes: the bodies of fuzz targets.
mod fuzzing;
/// Macro systems of IIT 3.0 straight from their definition: slow, short, and meant to be read.
mod grain_oracle;
/// Macro systems of IIT 3.0: every golden record, and laws.
mod grain_suite;
/// The answer of a program under IIT 4.0, and its difference from a golden record.
mod iit4_answer;
/// IIT 4.0: searches against listings, threads, limits.
mod iit4_engine;
/// IIT 4.0 straight from its definition: slow, short, and meant to be read.
mod iit4_oracle;
/// IIT 4.0: laws that hold for all networks, and the engine against the oracle on random ones.
mod iit4_properties;
/// The relations among distinctions: one by one, and in closed form.
mod iit4_relations;
/// Every golden record of IIT 4.0, and the figures of the papers.
mod iit4_suite;
/// IIT 4.0: the smallest and the largest Φ over all choices among ties, against a list of all of
/// them.
mod iit4_ties;
/// Networks in every form that they are kept in.
mod input_forms;
/// Intrinsic units straight from their definition: slow, short, and meant to be read.
mod intrinsic_oracle;
/// Intrinsic units: laws, and the engine against the oracle on random systems and searches.
mod intrinsic_properties;
/// Intrinsic units of IIT 4.0: every golden record, and the published figures.
mod intrinsic_suite;
/// Searches over grains that go on from the steps that were kept.
mod journal;
/// The ordinary test of a fuzz target.
#[path = "../../../fuzz/mutations.rs"]
mod mutations;
/// Networks to compute Φ of: the graphs of the study, and random ones from a seed.
mod networks;
/// Φ straight from its definition: slow, short, and meant to be read.
mod oracle;
/// One Φ in pieces: the same bits however it is divided.
mod pieces;
/// Laws that hold for all networks, and the engine against the oracle on random ones.
mod properties;
/// One small test per fixed bug.
mod regressions;
/// Networks of few connections: what cannot be connected to anything costs nothing.
mod sparse;
/// IIT 3.0: all Φ that ties allow, against a list of all choices.
mod spectrum;
/// Every fixture, through the oracle and through every setting of the engine.
mod suite;
/// Other orders of choice among tied purviews, and the range of Φ over them.
mod ties;
/// Probabilities at the end of the range of floats.
mod tiny;
/// Units with more than two values.
mod values;
/// The slow reference for them under IIT 3.0.
mod values_iit3_oracle;
/// The slow reference for them.
mod values_oracle;
/// Units with more than two values under IIT 3.0: ties, and orders of choice.
mod values_ties;
/// IIT 3.0 by other measures, partitions and approximations.
mod variants;
