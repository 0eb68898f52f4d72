#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| phi_validation::fuzzing::dataset(bytes));
