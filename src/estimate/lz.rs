//! `lz`: how hard runs of states are to compress.

use crate::error::Error;
use crate::estimate::{About, Case, Estimator, Reads};
use std::collections::HashMap;

use crate::estimate::transitions::RUN;
use crate::model::seeded::SeededStream;

/// Complexity of Lempel and Ziv 1978 (LZ of Casali et al. 2013, Schartner et al. 2015, and Nilsen,
/// Juel, Marshall 2019), as the length in bits of a compressed run: c log₂ L / R.
///
/// R = min(2ⁿ, 256) runs of [`RUN`] states begin in the states 0, 2ⁿ/R, 2 · 2ⁿ/R, …. Their bits,
/// state by state and unit 0 first, run after run, are a string of L = 8 n R bits; from the left,
/// the shortest prefix of the rest that is not yet a phrase becomes one. c is the number of
/// phrases; what is left at the end counts as one. Not normalised, so it grows with the units.
///
/// The run from x₀ under a seed reads the [`SeededStream`] with purpose [`Lz::PURPOSE`] and the
/// numbers seed, n, x₀: for every state after the first and every unit j in turn 8 bytes, lowest
/// first, of which the upper 53 bits count steps of 2⁻⁵³. The unit is ON if that is below its
/// probability. It decides nothing where that is 0 or 1.
#[derive(Debug, Clone, Copy)]
pub struct Lz;

impl Estimator for Lz {
    fn name(&self) -> &str {
        "lz"
    }

    fn summary(&self) -> &str {
        "the compressed length of a run of 8 states"
    }

    fn about(&self) -> About {
        About {
            is_seeded: true,
            ..About::asked_for(Reads::Dynamics, "bits a run", "8 n · min(2^n, 256)", 32)
        }
    }

    fn estimate(&self, case: &Case, seed: u64) -> Result<f64, Error> {
        let network = case.network();
        let n = network.n_units();
        // Larger networks are those of a rule, which sees the inputs only.
        let transitions = (n <= 16).then(|| case.transitions());
        let probability_on = |x: u32, j| match transitions {
            Some(transitions) => transitions.on(x as usize, j),
            None => network.probability_on(x, j),
        };
        let n_runs = 256.min(1_u64 << n);
        let mut bits = Vec::with_capacity(RUN * n * n_runs as usize);
        for k in 0..n_runs {
            let first = (k * ((1 << n) / n_runs)) as u32;
            let mut stream = SeededStream::new(Lz::PURPOSE, &[seed, n as u64, first.into()]);
            let mut state = first;
            for time in 0..RUN {
                if time > 0 {
                    state = (0..n).fold(0, |next, j| {
                        let draw = (stream.next_u64() >> 11) as f64 * (f64::EPSILON / 2.0);
                        next | u32::from(draw < probability_on(state, j)) << j
                    });
                }
                bits.extend((0..n).map(|j| state >> j & 1 == 1));
            }
        }
        let length = bits.len() as f64;
        Ok(phrases(&bits) as f64 * length.log2() / n_runs as f64)
    }
}

impl Lz {
    /// The purpose of the streams that runs are drawn from.
    pub const PURPOSE: &str = "phi-validation time series v1";
}

/// The number of phrases of Lempel and Ziv 1978.
fn phrases(bits: &[bool]) -> usize {
    // A phrase is a phrase before it and a bit more; number 0 is the empty one.
    let mut longer = HashMap::new();
    let mut current = 0_usize;
    for bit in bits {
        match longer.get(&(current, *bit)) {
            Some(next) => current = *next,
            None => {
                longer.insert((current, *bit), longer.len() + 1);
                current = 0;
            }
        }
    }
    longer.len() + usize::from(current != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_those_of_the_paper() {
        let of = |text: &str| phrases(&text.chars().map(|it| it == '1').collect::<Vec<_>>());
        // 0, 01, 011, 010; 0, 00, 0.
        assert_eq!((of("001011010"), of("0000"), of("")), (4, 3, 0));
    }
}
