//! The study: 160 comparisons of a cheap estimate of Φ with exact Φ, or exact Φ of one's own
//! network. Everything is in the library; `--help` says what can be asked for.

use phi_validation::exit::Exit;

#[cfg(feature = "pyphi")]
fn main() -> Exit {
    phi_validation::cli::main(&phi_validation::estimator::Registry::default())
}

#[cfg(not(feature = "pyphi"))]
#[expect(clippy::print_stderr, reason = "the program's only message")]
fn main() -> Exit {
    eprintln!(
        "error: built without the exact engine\n\
         build it with: cargo build --example pyphi_validation --features pyphi --release\n\
         then run:      ./target/release/examples/pyphi_validation --help"
    );
    Exit::BadInput
}
