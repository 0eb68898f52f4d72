//! Exact Φ of one's own networks, and the study, as a program to install. Everything is in the
//! library; `phi --help` says what can be asked for.

use phi_validation::exit::Exit;

fn main() -> Exit {
    phi_validation::cli::phi_main(&phi_validation::estimate::Registry::default())
}
