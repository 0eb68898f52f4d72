//! Effective information: how much a uniform choice of the past says about the present.

use crate::tpm::Tpm;
use crate::unit_set::bits;

/// Effective information of a TPM and what it is made of (Hoel, Albantakis, Tononi 2013).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EffectiveInformation {
    /// EI: the mean over past states of the divergence of what follows from the mean of what
    /// follows, in bits.
    pub bits: f64,
    /// How far what follows is from chance, from 0 to 1.
    pub determinism: f64,
    /// How far different states lead to the same, from 0 to 1. EI is the difference of the two
    /// times the number of units.
    pub degeneracy: f64,
}

/// Effective information of a TPM. It depends neither on a state nor on a partition.
///
/// ```
/// use pyphi_core::{Tpm, grain::effective_information};
///
/// // Two units that copy each other, and two that are always OFF.
/// let copies = [vec![0.0, 0.0], vec![0.0, 1.0], vec![1.0, 0.0], vec![1.0, 1.0]];
/// let found = effective_information(&Tpm::from_state_by_node(&copies)?);
/// assert_eq!((found.bits, found.determinism, found.degeneracy), (2.0, 1.0, 0.0));
/// let found = effective_information(&Tpm::from_state_by_node(&vec![vec![0.0; 2]; 4])?);
/// assert_eq!((found.bits, found.determinism, found.degeneracy), (0.0, 1.0, 1.0));
/// # Ok::<(), pyphi_core::Error>(())
/// ```
pub fn effective_information(tpm: &Tpm) -> EffectiveInformation {
    let (n_units, n_states) = (tpm.n_units(), tpm.n_states());
    let mut mean = vec![0.0; n_states];
    let mut next = Vec::new();
    let mut entropy = 0.0;
    for row in 0..n_states {
        distribution(tpm.row(row), &mut next);
        mean.iter_mut().zip(&next).for_each(|(sum, p)| *sum += p / n_states as f64);
        // Units are independent given the past, so their entropies add up.
        entropy += tpm.row(row).iter().map(|&on| surprise(on) + surprise(1.0 - on)).sum::<f64>();
    }
    let n = n_units as f64;
    let entropy = entropy / n_states as f64;
    let of_mean: f64 = mean.iter().map(|&p| surprise(p)).sum();
    EffectiveInformation {
        bits: (of_mean - entropy).max(0.0),
        determinism: 1.0 - entropy / n,
        degeneracy: 1.0 - of_mean / n,
    }
}

/// -p log2 p.
fn surprise(p: f64) -> f64 {
    if p > 0.0 { -p * p.log2() } else { 0.0 }
}

/// The distribution over the states of units that are ON with these probabilities.
pub(super) fn distribution(on: &[f64], out: &mut Vec<f64>) {
    out.clear();
    out.push(1.0);
    for &on in on {
        let n = out.len();
        out.extend_from_within(..);
        out[..n].iter_mut().for_each(|p| *p *= 1.0 - on);
        out[n..].iter_mut().for_each(|p| *p *= on);
    }
}

/// The probability of a state of such units.
pub(super) fn probability(on: &[f64], state: u32) -> f64 {
    let of_state = |unit: usize| if state >> unit & 1 == 1 { on[unit] } else { 1.0 - on[unit] };
    bits(((1u64 << on.len()) - 1) as u32).map(of_state).product()
}
