//! `cargo xtask`: a thin door to the library, which tests and fuzz targets enter as well.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::main()
}
