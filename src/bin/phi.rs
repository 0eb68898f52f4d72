//! The study and exact Φ of one's own networks, as a program to install. Everything is in the
//! library; `phi --help` says what can be asked for.

use phi_validation::exit::Exit;

fn main() -> Exit {
    phi_validation::cli::main(&phi_validation::study::estimator::Registry::default())
}
