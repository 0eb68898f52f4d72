//! The instructions that this program may use without asking the processor it runs on.
//!
//! None beyond those of every x86-64, unless it was compiled with `-C target-cpu` or `-C
//! target-feature`. The engine's inner loops for AVX2 do not count: they ask.

macro_rules! compiled_for {
    ($($feature:literal),* $(,)?) => {
        /// The extensions of x86-64 that the compiler was told to use everywhere, by rustc's names.
        /// Empty for a program that runs on every x86-64, and on other kinds of processors.
        pub fn compiled_for() -> Vec<&'static str> {
            let all: &[(&str, bool)] = &[$(($feature, cfg!(target_feature = $feature))),*];
            all.iter().filter(|it| it.1).map(|it| it.0).collect()
        }
    };
}

#[cfg(target_arch = "x86_64")]
compiled_for!(
    "sse3",
    "ssse3",
    "sse4.1",
    "sse4.2",
    "popcnt",
    "cmpxchg16b",
    "avx",
    "avx2",
    "bmi1",
    "bmi2",
    "f16c",
    "fma",
    "lzcnt",
    "movbe",
    "avx512f",
    "avx512bw",
    "avx512cd",
    "avx512dq",
    "avx512vl",
    "adx",
    "aes",
    "pclmulqdq",
    "sha",
    "gfni",
    "vaes",
    "sse4a",
);

#[cfg(not(target_arch = "x86_64"))]
compiled_for!();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_builds_here_is_for_every_processor_unless_it_was_told_otherwise() {
        let features = compiled_for();
        assert_eq!(features.contains(&"avx2"), cfg!(target_feature = "avx2"));
        assert!(!features.contains(&"sse2"), "every x86-64 has it");
    }
}
