//! Effective information: how much a uniform choice of the past says about the present.

use crate::limits::{Options, Stop, StopReason, steps};
use crate::tpm::Tpm;

/// Effective information of a TPM and what it is made of (Hoel, Albantakis, Tononi 2013).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EffectiveInformation {
    /// EI: the mean over past states of the divergence of what follows from the mean of what
    /// follows, in bits.
    pub bits: f64,
    /// The distance of the successors from chance, from 0 to 1.
    pub determinism: f64,
    /// The extent to which different states lead to the same, from 0 to 1. EI is the difference of
    /// the two times log2 of the number of states: the number of units, if they are binary.
    pub degeneracy: f64,
}

/// Effective information of a TPM. It depends neither on a state nor on a partition. It takes 4ⁿ
/// steps for n binary units, which the limit on time and [`Options::cancel`] can end; other options
/// are not looked at.
///
/// ```
/// use pyphi_core::{Options, Tpm, grain::effective_information};
///
/// // Two units that copy each other, and two that are always OFF.
/// let options = Options::default();
/// let copies = [vec![0.0, 0.0], vec![0.0, 1.0], vec![1.0, 0.0], vec![1.0, 1.0]];
/// let found = effective_information(&Tpm::from_state_by_node(&copies)?, &options).unwrap();
/// assert_eq!((found.bits, found.determinism, found.degeneracy), (2.0, 1.0, 0.0));
/// let never = Tpm::from_state_by_node(&vec![vec![0.0; 2]; 4])?;
/// let found = effective_information(&never, &options).unwrap();
/// assert_eq!((found.bits, found.determinism, found.degeneracy), (0.0, 1.0, 1.0));
/// # Ok::<(), pyphi_core::Error>(())
/// ```
///
/// # Errors
/// The reason, if it was stopped.
pub fn effective_information(
    tpm: &Tpm,
    options: &Options,
) -> Result<EffectiveInformation, StopReason> {
    let stop = Stop::new(options);
    let (n_units, n_states) = (tpm.n_units(), tpm.n_states());
    let alphabet = tpm.alphabet();
    let mut mean = vec![0.0; n_states];
    let mut next = Vec::new();
    let mut entropy = 0.0;
    for row in 0..n_states {
        if let Some(reason) = stop.reason() {
            return Err(reason);
        }
        next.clear();
        next.push(1.0);
        // Units are independent given the past, so their entropies add up.
        let mut of_row = 0.0;
        for unit in 0..n_units {
            let of_unit: Vec<f64> =
                (0..alphabet.size(unit)).map(|value| tpm.probability(row, unit, value)).collect();
            of_row += of_unit.iter().map(|&p| surprise(p)).sum::<f64>();
            next = of_unit.iter().flat_map(|q| next.iter().map(move |p| p * q)).collect();
        }
        mean.iter_mut().zip(&next).for_each(|(sum, p)| *sum += p / n_states as f64);
        entropy += of_row;
        // The distribution has been doubled until it had all states, and was added.
        steps(3 * n_states);
    }
    let most = (n_states as f64).log2();
    let entropy = entropy / n_states as f64;
    let of_mean: f64 = mean.iter().map(|&p| surprise(p)).sum();
    steps(n_states);
    Ok(EffectiveInformation {
        bits: (of_mean - entropy).max(0.0),
        determinism: 1.0 - entropy / most,
        degeneracy: 1.0 - of_mean / most,
    })
}

/// -p log2 p.
fn surprise(p: f64) -> f64 {
    if p > 0.0 { -p * p.log2() } else { 0.0 }
}
