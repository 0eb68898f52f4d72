//! The theories by which exact Φ is computed, by the names a study knows them under.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::model::dynamics::Rule;

/// The theory by which exact Φ is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Formalism {
    /// IIT 3.0 (Oizumi, Albantakis, Tononi 2014), by the rules of PyPhi 1.2.0.
    #[serde(rename = "iit3")]
    Iit3,
    /// IIT 4.0 (Albantakis et al. 2023).
    #[serde(rename = "iit4-2023")]
    Iit4_2023,
    /// IIT 4.0 with the cap on φ_s of Mayner, Marshall and Tononi 2026, as PyPhi 2.0-dev computes
    /// it.
    #[serde(rename = "iit4-2026")]
    Iit4_2026,
    /// The same with the cap as the paper defines it.
    #[serde(rename = "iit4-2026-paper")]
    Iit4_2026Paper,
}

impl Formalism {
    /// All formalisms.
    pub const ALL: [Formalism; 4] =
        [Formalism::Iit3, Formalism::Iit4_2023, Formalism::Iit4_2026, Formalism::Iit4_2026Paper];

    /// The name, as it is understood on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Formalism::Iit3 => "iit3",
            Formalism::Iit4_2023 => "iit4-2023",
            Formalism::Iit4_2026 => "iit4-2026",
            Formalism::Iit4_2026Paper => "iit4-2026-paper",
        }
    }

    /// `true` if it is a version of IIT 4.0: the exact value is then φ_s, and there is Φ of the
    /// Φ-structure too.
    pub fn is_iit4(self) -> bool {
        self != Formalism::Iit3
    }

    /// The dynamics of a study that asks for none.
    ///
    /// Deterministic units at a fixed point lose nothing by a cut under IIT 4.0: φ_s would be 0
    /// throughout.
    pub fn default_rule(self) -> Rule {
        match self {
            Formalism::Iit3 => Rule::Majority,
            Formalism::Iit4_2023 | Formalism::Iit4_2026 | Formalism::Iit4_2026Paper => {
                Rule::Logistic { gain: Rule::DEFAULT_GAIN }
            }
        }
    }
}

impl fmt::Display for Formalism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Formalism {
    type Err = Error;

    fn from_str(text: &str) -> Result<Formalism, Error> {
        let wanted = text.trim();
        // PyPhi's names of the same.
        let wanted = match wanted.to_ascii_uppercase().as_str() {
            "IIT_3_0" => Formalism::Iit3.name(),
            "IIT_4_0_2023" => Formalism::Iit4_2023.name(),
            "IIT_4_0_2026" => Formalism::Iit4_2026.name(),
            _ => wanted,
        };
        Formalism::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(wanted)).ok_or_else(
            || Error::UnknownName {
                what: "formalism",
                name: text.to_owned(),
                known: Formalism::ALL.map(Formalism::name).join(", "),
            },
        )
    }
}

/// The system whose Φ the exact value of a comparison is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exact {
    /// The whole network.
    #[default]
    System,
    /// The network's major complex: of all its subsystems the one with the largest Φ (IIT 3.0) or
    /// φ_s (IIT 4.0); 0 if there is none. Estimates are of the whole network all the same.
    MajorComplex,
}

impl Exact {
    /// All of them.
    pub const ALL: [Exact; 2] = [Exact::System, Exact::MajorComplex];

    /// The name, as it is understood on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Exact::System => "system",
            Exact::MajorComplex => "major-complex",
        }
    }

    /// `true` if it is the one that is not named.
    pub fn is_default(&self) -> bool {
        *self == Exact::default()
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Exact {
    type Err = Error;

    fn from_str(text: &str) -> Result<Exact, Error> {
        Exact::ALL.into_iter().find(|it| it.name() == text).ok_or_else(|| Error::UnknownName {
            what: "exact value",
            name: text.to_owned(),
            known: Exact::ALL.map(Exact::name).join(", "),
        })
    }
}
