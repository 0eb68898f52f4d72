//! The study's program from outside: arguments in; files, standard output, standard error and exit
//! code out.

/// The folders that each folder may use.
mod rooms;
/// The source files below a folder.
mod sources;

/// Running the program.
mod program;

/// The computation and the files of a study.
mod study;

/// The output for a program that launches this one.
mod protocol;

/// The events for programs.
mod events;

/// Reports of runs.
mod report;

/// The display for people while it runs.
#[cfg(unix)]
mod terminal;

/// The numbers of a summary and a report, computed again from the journal.
mod recompute;

/// Runs that were stopped, damaged, or met a full disk.
mod resume;

/// Readers on corpora of fuzz targets.
mod fuzz;

/// Faults at every call.
mod crash;

/// Runs in folders of their own.
mod run_folder;

/// Suites from files: several rules, states, formalisms, and networks of one's own.
mod suite;

/// A study in tasks.
mod cluster;

/// One Φ in tasks.
mod cluster_phi;

/// `causes`: what caused what.
mod causes;

/// `grains`: macro systems.
mod grains;

/// `draw`: the same as pictures.
mod dataset;
mod draw;
mod estimators;
mod explore;

/// `phi --network`: one's own networks.
mod own_estimators;
mod own_network;

/// Units with more than two values.
mod values;
/// IIT 3.0 by other measures, distances of structures, partitions that are asked for.
mod variants;

/// IIT 4.0: `phi --formalism`, and studies of it.
mod iit4;

/// Usage and input that is refused, with exit code and message.
mod bad_input;

/// Input without an end, and names that would forge what is shown.
mod hostile_input;

/// Limits of memory.
#[cfg(target_os = "linux")]
mod memory;
