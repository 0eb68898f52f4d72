//! From a TPM to Φ.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use pyphi_core::{Network, Options, State, Subsystem, big_phi};

fn main() -> Result<(), pyphi_core::Error> {
    // A = OR(B, C), B = AND(A, C), C = XOR(A, B). Rows are states at t, unit A in the lowest bit.
    let tpm: Vec<Vec<f64>> = (0..8u8)
        .map(|s| {
            let (a, b, c) = (s & 1, s >> 1 & 1, s >> 2 & 1);
            vec![f64::from(b | c), f64::from(a & c), f64::from(a ^ b)]
        })
        .collect();
    let cm = [vec![0, 1, 1], vec![1, 0, 1], vec![1, 1, 0]];
    let network = Network::from_state_by_node(&tpm, &cm)?;
    let subsystem = Subsystem::new(&network, State::new(&[1, 0, 0])?, network.units())?;
    let result = big_phi(&subsystem, &Options::default());
    println!(
        "Φ = {:.6}, MIP {}",
        result.phi,
        result.cut.map_or("none".into(), |cut| cut.to_string())
    );
    Ok(())
}
