//! The answer of a program under IIT 4.0, by the oracle or by the engine, and its difference from a
//! golden record.

use pyphi_core::iit4::record::{PhiStructureRecord, SystemRecord};
use pyphi_core::iit4::{self, Rules};
use pyphi_core::{DifferentiationCap, ErrorKind, Options, TiePolicy};
use serde::Deserialize;

use crate::answer;
use crate::iit4_oracle::{
    Cap, Cut, CutEdges, Irreducibility, Sides, Structure, System, Ties, cut_edges,
};
use crate::networks::Network;
use crate::oracle::{Mask, elements};

/// Largest difference between two values that count as equal, relative above 1.
const EQUAL: f64 = 1e-9;

/// The result for a network, in the numbering of its units. The fields are those of a golden
/// record.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Answer {
    #[serde(flatten)]
    pub(crate) system: SystemAnswer,
    /// Not known if only φ_s was asked for.
    #[serde(flatten)]
    pub(crate) structure: Option<StructureAnswer>,
}

/// The part of an answer that concerns the system as a whole.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct SystemAnswer {
    pub(crate) phi_s: f64,
    pub(crate) normalized_phi_s: f64,
    /// Before the cap, at the partition; says nothing if the system is reducible.
    pub(crate) phi_cause: Option<f64>,
    pub(crate) phi_effect: Option<f64>,
    pub(crate) partition: Partition,
    pub(crate) reasons: Vec<String>,
    pub(crate) sia_system_state: Option<Specified>,
    pub(crate) intrinsic_differentiation: Option<Sides<f64>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Partition {
    pub(crate) parts: Vec<Vec<usize>>,
    pub(crate) directions: Vec<Cut>,
    pub(crate) cut_edges: CutEdges,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Specified {
    pub(crate) cause: SpecifiedState,
    pub(crate) effect: SpecifiedState,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct SpecifiedState {
    pub(crate) state: Vec<u8>,
    pub(crate) ii: f64,
}

/// The Φ-structure and what it is made of.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct StructureAnswer {
    pub(crate) system_cause_state: Vec<u8>,
    pub(crate) system_effect_state: Vec<u8>,
    pub(crate) distinctions: Vec<Distinction>,
    pub(crate) dropped_incongruent: Vec<Dropped>,
    #[serde(flatten)]
    pub(crate) sums: Sums,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Sums {
    pub(crate) sum_phi_d: f64,
    pub(crate) n_relations: u64,
    pub(crate) sum_phi_r: f64,
    pub(crate) big_phi: f64,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Distinction {
    pub(crate) mechanism: Vec<usize>,
    pub(crate) phi_d: f64,
    pub(crate) cause: Mice,
    pub(crate) effect: Mice,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Mice {
    pub(crate) purview: Vec<usize>,
    pub(crate) state: Vec<u8>,
    pub(crate) phi: f64,
    /// All purviews and states tied for this φ, if there are several.
    #[serde(default)]
    pub(crate) tied: Vec<(Vec<usize>, Vec<u8>)>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dropped {
    pub(crate) mechanism: Vec<usize>,
    pub(crate) phi_d: f64,
}

// --- The oracle ----------------------------------------------------------------------------------

/// The oracle's answer, and what only the oracle knows: all partitions tied for the minimum.
pub(crate) struct ByOracle {
    pub(crate) answer: Answer,
    pub(crate) tied_cuts: Vec<CutEdges>,
    /// `true` if the specified states, or a purview, were chosen by the order of the units.
    pub(crate) depends_on_order: bool,
}

/// The oracle's answer, `None` if the state is unreachable.
pub(crate) fn by_oracle(network: &Network, ties: Ties, cap: Cap) -> Option<ByOracle> {
    let (system, irreducibility) = system_by_oracle(network, ties, cap)?;
    let structure = system.structure(irreducibility.states, ties);
    let mut oracle = answer_of(network, &system, &irreducibility);
    oracle.answer.structure = Some(structure_answer(network, &irreducibility, &structure));
    oracle.depends_on_order |= structure.n_open_choices > 0;
    Some(oracle)
}

/// The oracle's answer about the system only.
pub(crate) fn phi_s_by_oracle(network: &Network, ties: Ties, cap: Cap) -> Option<ByOracle> {
    let (system, irreducibility) = system_by_oracle(network, ties, cap)?;
    Some(answer_of(network, &system, &irreducibility))
}

fn system_by_oracle(network: &Network, ties: Ties, cap: Cap) -> Option<(System, Irreducibility)> {
    let Network { tpm, cm, state, nodes, .. } = network;
    let system = System::new(tpm, cm, state, nodes)?;
    let irreducibility = system.irreducibility(ties, cap);
    Some((system, irreducibility))
}

/// The state of the units of a set.
fn state_of<'a>(units: impl IntoIterator<Item = &'a usize>, state: Mask) -> Vec<u8> {
    units.into_iter().map(|&unit| u8::from(state >> unit & 1 == 1)).collect()
}

fn answer_of(network: &Network, system: &System, it: &Irreducibility) -> ByOracle {
    let is_connected = it.reasons.iter().all(|it| matches!(*it, "NO_CAUSE" | "NO_EFFECT"));
    let information = system.information_of_system();
    let side = |ii: f64, state: Mask| SpecifiedState { state: state_of(&network.nodes, state), ii };
    let answer = SystemAnswer {
        phi_s: it.phi_s,
        normalized_phi_s: it.normalized_phi_s,
        phi_cause: it.phi.map(|phi| phi.cause),
        phi_effect: it.phi.map(|phi| phi.effect),
        partition: Partition {
            parts: Vec::new(),
            directions: Vec::new(),
            cut_edges: it.tied_mips.first().cloned().unwrap_or_default(),
        },
        reasons: it.reasons.iter().map(|&reason| reason.to_owned()).collect(),
        sia_system_state: is_connected.then(|| Specified {
            cause: side(information.cause, it.states.cause),
            effect: side(information.effect, it.states.effect),
        }),
        intrinsic_differentiation: is_connected
            .then(|| system.differentiation(Cap::Pyphi, it.states)),
    };
    ByOracle {
        answer: Answer { system: answer, structure: None },
        tied_cuts: it.tied_mips.clone(),
        depends_on_order: it.n_tied_pairs > 1,
    }
}

fn structure_answer(
    network: &Network,
    irreducibility: &Irreducibility,
    structure: &Structure,
) -> StructureAnswer {
    let units = |set: Mask| elements(set).collect::<Vec<usize>>();
    let mice = |(phi, purview, state): (f64, Mask, Mask)| {
        let purview = units(purview);
        Mice { state: state_of(&purview, state), purview, phi, tied: Vec::new() }
    };
    let distinctions = structure.distinctions.iter().map(|it| Distinction {
        mechanism: units(it.mechanism),
        phi_d: it.phi_d,
        cause: mice(it.cause),
        effect: mice(it.effect),
    });
    let dropped = structure.dropped.iter();
    let dropped = dropped.map(|&(mechanism, phi_d)| Dropped { mechanism: units(mechanism), phi_d });
    StructureAnswer {
        system_cause_state: state_of(&network.nodes, irreducibility.states.cause),
        system_effect_state: state_of(&network.nodes, irreducibility.states.effect),
        distinctions: distinctions.collect(),
        dropped_incongruent: dropped.collect(),
        sums: Sums {
            sum_phi_d: structure.sum_phi_d,
            n_relations: structure.n_relations.try_into().expect("a count of a small structure"),
            sum_phi_r: structure.sum_phi_r,
            big_phi: structure.big_phi,
        },
    }
}

// --- The engine ----------------------------------------------------------------------------------

/// The rules of the engine that say the same.
pub(crate) fn rules(ties: Ties, cap: Cap) -> Rules {
    Rules {
        cap: match cap {
            Cap::None => None,
            Cap::Pyphi => Some(DifferentiationCap::CurrentState),
            Cap::Paper => Some(DifferentiationCap::SpecifiedState),
        },
        ties: match ties {
            Ties::Principled => TiePolicy::Principled,
            Ties::Pyphi => TiePolicy::Pyphi,
        },
    }
}

/// The engine's answer, read back from the JSON that a user gets.
///
/// # Errors
/// The engine's error, if it refuses the network.
pub(crate) fn by_engine(
    network: &Network,
    ties: Ties,
    cap: Cap,
) -> Result<Answer, pyphi_core::Error> {
    let record = answer::record(network);
    let system = iit4::System::new(&record.subsystem()?)?;
    let rules = rules(ties, cap);
    let structure = iit4::phi_structure(&system, rules, &Options::default());
    let result = PhiStructureRecord::new(&record, rules, &structure);
    let json = serde_json::to_string(&result).expect("a result is JSON");
    let read: PhiStructureRecord = serde_json::from_str(&json).expect("what was written");
    assert_eq!(read, result);
    let answer: Answer = serde_json::from_str(&json).expect("the fields of a golden record");
    assert!(answer.structure.is_some(), "{json}");
    Ok(answer)
}

/// The engine's answer about the system only, read back from the JSON that a user gets.
///
/// # Errors
/// The engine's error, if it refuses the network.
pub(crate) fn phi_s_by_engine(
    network: &Network,
    ties: Ties,
    cap: Cap,
) -> Result<SystemAnswer, pyphi_core::Error> {
    let record = answer::record(network);
    let system = iit4::System::new(&record.subsystem()?)?;
    let rules = rules(ties, cap);
    let sia = iit4::system_irreducibility_analysis(&system, rules, &Options::default());
    let result = SystemRecord::new(&record, rules, &sia);
    let json = serde_json::to_string(&result).expect("a result is JSON");
    Ok(serde_json::from_str(&json).expect("the fields of a golden record"))
}

// --- Comparing -----------------------------------------------------------------------------------

/// Returns `true` if two values are not equal; a NaN equals nothing.
pub(crate) fn far(a: f64, b: f64) -> bool {
    let close = (a - b).abs() <= EQUAL * 1_f64.max(a.abs()).max(b.abs());
    !close
}

/// The first of the named values that differs.
fn different_value<const N: usize>(values: [(&str, f64, f64); N]) -> Option<String> {
    let (what, expected, actual) = values.into_iter().find(|it| far(it.1, it.2))?;
    Some(format!("{what} is {actual}, expected {expected}"))
}

pub(crate) fn different<T: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: T,
    actual: T,
) -> Option<String> {
    (expected != actual).then(|| format!("{what}: {actual:?}, expected {expected:?}"))
}

impl ByOracle {
    /// Returns the first difference of an answer that may have any of the tied partitions, and
    /// lists all that is tied.
    pub(crate) fn difference(&self, actual: &Answer) -> Option<String> {
        let system = self.answer.system.difference(&actual.system);
        let structure = || {
            let expected = self.answer.structure.as_ref()?;
            expected.difference(actual.structure.as_ref()?, false)
        };
        system.or_else(|| self.partition_difference(&actual.system)).or_else(structure)
    }

    /// Returns the fault of a partition, any of those tied being right.
    pub(crate) fn partition_difference(&self, actual: &SystemAnswer) -> Option<String> {
        let (found, tied) = (&actual.partition, &self.tied_cuts);
        if !found.cuts_what_it_says() {
            return Some(format!("{found:?}"));
        }
        let is_minimal = tied.is_empty() || tied.contains(&found.cut_edges);
        (!is_minimal).then(|| format!("{found:?}, expected one of {tied:?}"))
    }
}

impl Partition {
    /// Returns `true` if the parts with their directions cut the edges that are listed.
    pub(crate) fn cuts_what_it_says(&self) -> bool {
        let part = |units: &[usize]| units.iter().map(|&unit| 1 << unit).sum();
        let parts = self.parts.iter().zip(&self.directions);
        let parts: Vec<(Mask, Cut)> = parts.map(|(units, &cut)| (part(units), cut)).collect();
        self.parts.len() == self.directions.len() && cut_edges(&parts) == self.cut_edges
    }
}

impl SystemAnswer {
    /// Returns `true` if a partition was found that makes a difference. Only then it means
    /// something.
    pub(crate) fn has_mip(&self) -> bool {
        let least =
            self.phi_cause.zip(self.phi_effect).map_or(0.0, |(cause, effect)| cause.min(effect));
        least > EQUAL
    }

    /// Returns the first difference, the partition aside.
    pub(crate) fn difference(&self, actual: &SystemAnswer) -> Option<String> {
        let ii = |it: &SystemAnswer| {
            it.sia_system_state.as_ref().map_or([0.0; 2], |it| [it.cause.ii, it.effect.ii])
        };
        let states = |it: &SystemAnswer| {
            it.sia_system_state.as_ref().map(|it| [it.cause.state.clone(), it.effect.state.clone()])
        };
        let i_diff = |it: &SystemAnswer| it.intrinsic_differentiation.unwrap_or_default();
        let phi = |it: &SystemAnswer| {
            if self.has_mip() {
                [it.phi_cause, it.phi_effect].map(|phi| phi.unwrap_or(f64::NAN))
            } else {
                [0.0; 2]
            }
        };
        different_value([
            ("φ_s", self.phi_s, actual.phi_s),
            ("normalized φ_s", self.normalized_phi_s, actual.normalized_phi_s),
            ("φ_c", phi(self)[0], phi(actual)[0]),
            ("φ_e", phi(self)[1], phi(actual)[1]),
            ("ii_c", ii(self)[0], ii(actual)[0]),
            ("ii_e", ii(self)[1], ii(actual)[1]),
            ("i_diff, cause", i_diff(self).cause, i_diff(actual).cause),
            ("i_diff, effect", i_diff(self).effect, i_diff(actual).effect),
        ])
        .or_else(|| different("reasons", &self.reasons, &actual.reasons))
        .or_else(|| different("specified states", states(self), states(actual)))
    }
}

impl Sums {
    pub(crate) fn difference(&self, actual: &Sums) -> Option<String> {
        different_value([
            ("Σφ_d", self.sum_phi_d, actual.sum_phi_d),
            ("Σφ_r", self.sum_phi_r, actual.sum_phi_r),
            ("Φ", self.big_phi, actual.big_phi),
        ])
        .or_else(|| different("relations", self.n_relations, actual.n_relations))
    }
}

impl StructureAnswer {
    pub(crate) fn mechanisms(&self) -> Vec<Vec<usize>> {
        self.distinctions.iter().map(|it| it.mechanism.clone()).collect()
    }

    /// Returns the first difference. With `any_tied`, every one of the tied purviews and states
    /// that this answer lists is as good as the one it names, and so is a mechanism that is
    /// incongruent or not through another choice.
    pub(crate) fn difference(&self, actual: &StructureAnswer, any_tied: bool) -> Option<String> {
        let dropped = |it: &StructureAnswer| {
            it.dropped_incongruent.iter().map(|it| it.mechanism.clone()).collect::<Vec<_>>()
        };
        let states =
            |it: &StructureAnswer| [it.system_cause_state.clone(), it.system_effect_state.clone()];
        let mechanisms = different("distinctions", self.mechanisms(), actual.mechanisms());
        mechanisms
            .or_else(|| different("system states", states(self), states(actual)))
            .or_else(|| different("incongruent", dropped(self), dropped(actual)))
            .or_else(|| {
                let pairs = self.dropped_incongruent.iter().zip(&actual.dropped_incongruent);
                pairs.into_iter().find_map(|(expected, actual)| {
                    different_value([("incongruent φ_d", expected.phi_d, actual.phi_d)])
                })
            })
            .or_else(|| {
                let mut pairs = self.distinctions.iter().zip(&actual.distinctions);
                pairs.find_map(|(expected, actual)| expected.difference(actual, any_tied))
            })
            .or_else(|| self.sums.difference(&actual.sums))
    }
}

impl Distinction {
    fn difference(&self, actual: &Distinction, any_tied: bool) -> Option<String> {
        let side = |expected: &Mice, actual: &Mice| {
            let chosen = (actual.purview.clone(), actual.state.clone());
            let agrees = (&expected.purview, &expected.state) == (&chosen.0, &chosen.1)
                || any_tied && expected.tied.contains(&chosen);
            !agrees || far(expected.phi, actual.phi)
        };
        let differs = far(self.phi_d, actual.phi_d)
            || side(&self.cause, &actual.cause)
            || side(&self.effect, &actual.effect);
        differs.then(|| format!("distinction {actual:?}, expected {self:?}"))
    }
}

/// Returns the first difference between the engine and the oracle, by each policy and cap.
pub(crate) fn engine_differs(network: &Network) -> Option<String> {
    [Ties::Principled, Ties::Pyphi].into_iter().find_map(|ties| {
        let why = match (by_oracle(network, ties, Cap::None), by_engine(network, ties, Cap::None)) {
            (None, Err(err)) if matches!(err.kind(), ErrorKind::Unreachable { .. }) => return None,
            (Some(expected), Ok(actual)) => expected.difference(&actual),
            (expected, actual) => Some(format!(
                "{actual:?}, expected a state that is reached: {}",
                expected.is_some()
            )),
        };
        let capped = [Cap::Pyphi, Cap::Paper].into_iter().find_map(|cap| {
            let expected = phi_s_by_oracle(network, ties, cap)?;
            let actual = phi_s_by_engine(network, ties, cap).expect("the same network");
            let difference = expected.answer.system.difference(&actual);
            let difference = difference.or_else(|| expected.partition_difference(&actual));
            difference.map(|why| format!("{cap:?}: {why}"))
        });
        why.or(capped).map(|why| format!("{ties:?}: {why}"))
    })
}
