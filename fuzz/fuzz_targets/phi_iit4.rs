#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| phi_fuzz::phi_iit4(bytes));
