//! The formulations of the theory.

use std::fmt;
use std::str::FromStr;

/// A formulation of Integrated Information Theory.
///
/// Displays as, and is parsed from, `iit3`, `iit4-2023`, `iit4-2026` and `iit4-2026-paper`.
///
/// ```
/// use pyphi_core::{DifferentiationCap, Formalism};
///
/// let formalism: Formalism = "iit4-2026".parse().unwrap();
/// assert_eq!(formalism, Formalism::Iit4_2026(DifferentiationCap::CurrentState));
/// assert!("iit5".parse::<Formalism>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Formalism {
    /// IIT 3.0 (Oizumi, Albantakis, Tononi 2014, PLoS Comput Biol 10(5): e1003588): see
    /// [`big_phi`](crate::big_phi()).
    Iit3,
    /// IIT 4.0 (Albantakis et al. 2023, PLoS Comput Biol 19(10): e1011465): see
    /// [`iit4`](crate::iit4).
    Iit4_2023,
    /// IIT 4.0 as refined by Mayner, Marshall and Tononi (2026): φ_s is also at most the intrinsic
    /// differentiation and the intrinsic information of the system. Nothing else differs from 2023.
    Iit4_2026(DifferentiationCap),
}

/// The definition of intrinsic differentiation: the cap on φ_s that the 2026 formulation adds. Its
/// paper and PyPhi 2.0-dev disagree. Both are in bits; -log2 of 0 and of 1 count as 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DifferentiationCap {
    /// As PyPhi 2.0-dev computes it: -log2 of the forward probability of the *current* state x, for
    /// effects P(x → x) and for causes the probability of x given that the past was x.
    CurrentState,
    /// As the paper defines it (Eqs 4, 6, 11 to 13): -log2 of the probability of the *specified*
    /// states; for effects the forward probability of s'_e, for causes the Bayesian probability
    /// (selectivity) of s'_c.
    SpecifiedState,
}

impl Formalism {
    /// All formulations, with both readings of the cap of 2026.
    pub const ALL: [Formalism; 4] = [
        Formalism::Iit3,
        Formalism::Iit4_2023,
        Formalism::Iit4_2026(DifferentiationCap::CurrentState),
        Formalism::Iit4_2026(DifferentiationCap::SpecifiedState),
    ];

    /// Returns `true` if this is a formulation of IIT 4.0.
    pub fn is_iit4(self) -> bool {
        self != Formalism::Iit3
    }

    /// The cap on φ_s, if there is one.
    pub fn differentiation_cap(self) -> Option<DifferentiationCap> {
        match self {
            Formalism::Iit3 | Formalism::Iit4_2023 => None,
            Formalism::Iit4_2026(cap) => Some(cap),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Formalism::Iit3 => "iit3",
            Formalism::Iit4_2023 => "iit4-2023",
            Formalism::Iit4_2026(DifferentiationCap::CurrentState) => "iit4-2026",
            Formalism::Iit4_2026(DifferentiationCap::SpecifiedState) => "iit4-2026-paper",
        }
    }
}

impl fmt::Display for Formalism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Formalism {
    type Err = String;

    fn from_str(text: &str) -> Result<Formalism, String> {
        by_name(&Formalism::ALL, Formalism::name, text)
    }
}

/// The choice of IIT 4.0 among purviews that tie. Displays as, and is parsed from, `principled`,
/// `pyphi` and `max-phi`.
///
/// Two values are tied if they differ by at most 1e-12 (relative above 1), under every policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TiePolicy {
    /// The largest purview, then the lexicographically first: among all purviews and states that
    /// tie for the largest φ, those congruent with the system's specified state.
    Principled,
    /// The choice of PyPhi 2.0-dev: the purview that comes first when CPython iterates over the set
    /// of candidates, a larger congruent one only if that one is incongruent. With it the published
    /// figures come out to the last digit.
    Pyphi,
    /// The rule of the theory (Albantakis et al. 2023, S1): of all congruent purviews and states
    /// that tie, and of the states of the system that also tie in φ_s, the combination that makes Φ
    /// of the whole structure largest. Φ does not depend on how units are numbered. See
    /// [`PhiStructure::choice`](crate::iit4::PhiStructure::choice). Where Φ is not asked for, the
    /// states of the system are those of `Principled`.
    #[default]
    MaxPhi,
}

impl TiePolicy {
    /// All policies.
    pub const ALL: [TiePolicy; 3] = [TiePolicy::Principled, TiePolicy::Pyphi, TiePolicy::MaxPhi];

    fn name(self) -> &'static str {
        match self {
            TiePolicy::Principled => "principled",
            TiePolicy::Pyphi => "pyphi",
            TiePolicy::MaxPhi => "max-phi",
        }
    }
}

impl fmt::Display for TiePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for TiePolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<TiePolicy, String> {
        by_name(&TiePolicy::ALL, TiePolicy::name, text)
    }
}

pub(crate) fn by_name<T: Copy>(
    all: &[T],
    name: impl Fn(T) -> &'static str,
    text: &str,
) -> Result<T, String> {
    all.iter().copied().find(|&it| name(it) == text).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|&it| name(it)).collect();
        format!("{text}: expected one of {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for formalism in Formalism::ALL {
            assert_eq!(formalism.to_string().parse(), Ok(formalism));
        }
        for policy in TiePolicy::ALL {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        assert_eq!(
            "random".parse::<TiePolicy>(),
            Err("random: expected one of principled, pyphi, max-phi".to_owned())
        );
    }
}
