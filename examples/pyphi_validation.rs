//! The program `phi` under its first name, and a pattern for a program with an estimator of its
//! own.

use phi_validation::exit::Exit;

fn main() -> Exit {
    phi_validation::cli::main(&phi_validation::estimate::Registry::default())
}
