//! The 160 comparisons.

fn main() {}
