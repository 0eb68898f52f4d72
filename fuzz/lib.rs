//! The oracles of pyphi-core and the bodies of the targets that they judge, for the programs in
//! `fuzz_targets`.

#![allow(dead_code, reason = "the tests of pyphi-core use all of it")]

#[path = "../pyphi-core/tests/it/answer.rs"]
mod answer;
#[path = "../pyphi-core/tests/it/fuzzing.rs"]
mod fuzzing;
#[path = "../pyphi-core/tests/it/iit4_answer.rs"]
mod iit4_answer;
#[path = "../pyphi-core/tests/it/iit4_oracle.rs"]
mod iit4_oracle;
#[path = "../pyphi-core/tests/it/iit4_relations.rs"]
mod iit4_relations;
#[path = "../pyphi-core/tests/it/networks.rs"]
mod networks;
#[path = "../pyphi-core/tests/it/oracle.rs"]
mod oracle;

/// IIT 3.0.
pub fn phi_iit3(bytes: &[u8]) {
    fuzzing::phi_iit3(bytes);
}

/// IIT 4.0.
pub fn phi_iit4(bytes: &[u8]) {
    fuzzing::phi_iit4(bytes);
}

/// Files of networks.
pub fn network_record(bytes: &[u8]) {
    fuzzing::network_record(bytes);
}
