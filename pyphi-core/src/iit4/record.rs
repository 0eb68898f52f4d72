//! Results of IIT 4.0 as JSON.
//!
//! Networks are read as for IIT 3.0 (see [`record`](crate::record)).

use num_bigint::BigUint;
use serde::{Deserialize, Serialize};

use super::Rules;
use super::distinction::{Distinction, Mice, PurviewAnalysis, PurviewState};
use super::measure::SpecifiedState;
use super::partition::{JointPartition, PartDirection, SystemPartition};
use super::relation::{Face, FaceSide, Relation, Relations};
use super::sia::{Reason, SystemIrreducibilityAnalysis, SystemState};
use super::structure::{PhiSpectrum, PhiStructure};
use crate::concept::unit_list;
use crate::formalism::DifferentiationCap;
use crate::input::NetworkRecord;
use crate::record::{ExtremeRecord, PartRecord};

/// φ_s of a system and what it rests on, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SystemRecord {
    /// Name of the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Units of the system.
    pub nodes: Vec<usize>,
    /// State of the whole network.
    pub state: Vec<u8>,
    /// The number of values of each unit of the network; absent where that is two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alphabet: Option<Vec<usize>>,
    /// For each unit of the network the names of its values, if they have such: a value in a state
    /// is the place of its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Vec<String>>>,
    /// `iit4-2023`, `iit4-2026` or `iit4-2026-paper`.
    pub formalism: String,
    /// `principled`, `pyphi` or `max-phi`.
    pub ties_policy: String,
    /// φ_s in bits.
    pub phi_s: f64,
    /// φ_s for each pair of units that the partition cuts.
    pub normalized_phi_s: f64,
    /// Integration of the cause side at the partition, before the cap; null if no partition was
    /// tried.
    pub phi_cause: Option<f64>,
    /// The same of the effect side.
    pub phi_effect: Option<f64>,
    /// The minimum information partition; any that makes no difference where φ_s = 0.
    pub partition: PartitionRecord,
    /// The number of partitions that are tied for the minimum, this one included; 0 where φ_s = 0.
    pub mip_ties: u64,
    /// The reasons why no partition was tried.
    pub reasons: Vec<String>,
    /// The states that the system specifies; null if it was not asked for them.
    pub sia_system_state: Option<SidesRecord<SystemStateRecord>>,
    /// By the present state, as PyPhi 2.0-dev defines it.
    pub intrinsic_differentiation: Option<SidesRecord<f64>>,
    /// By the specified states, as the paper of 2026 defines it.
    pub intrinsic_differentiation_paper: Option<SidesRecord<f64>>,
    /// Pairs of specified states that are also tied in φ_s.
    pub tied_state_pairs: usize,
    /// `false` if the analysis was stopped: `phi_s` is then an upper bound.
    pub exact: bool,
}

/// Something for causes and for effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SidesRecord<T> {
    /// For causes.
    pub cause: T,
    /// For effects.
    pub effect: T,
}

/// A state that a system specifies, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SystemStateRecord {
    /// The value of each unit of the system: 0 or 1 of binary units.
    pub state: Vec<u8>,
    /// Intrinsic information, in bits.
    pub ii: f64,
    /// All states with this intrinsic information.
    pub ties: Vec<Vec<u8>>,
}

/// A partition of a system, as JSON has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionRecord {
    /// `none`, `complete` (of a single unit) or `directed_set`.
    pub kind: String,
    /// The parts.
    pub parts: Vec<Vec<usize>>,
    /// The direction in which each is cut: `inputs_cut`, `outputs_cut` or `both`.
    pub directions: Vec<String>,
    /// All pairs `[u, v]` with u → v cut, connected or not.
    pub cut_edges: Vec<(usize, usize)>,
}

/// A Φ-structure, as JSON has it: everything about the system, then the distinctions and the sums.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhiStructureRecord {
    /// φ_s and what goes with it.
    #[serde(flatten)]
    pub system: SystemRecord,
    /// The state that causes must be congruent with, also where the system was not asked for it.
    pub system_cause_state: Vec<u8>,
    /// The state that effects must be congruent with.
    pub system_effect_state: Vec<u8>,
    /// The congruent distinctions, by size of the mechanism, then lexicographically.
    pub distinctions: Vec<DistinctionRecord>,
    /// Distinctions that are left out because their cause or effect is not congruent.
    pub dropped_incongruent: Vec<DistinctionRecord>,
    /// Σφ_d over the congruent distinctions, in bits.
    pub sum_phi_d: f64,
    /// The number of relations: a number up to 2⁶⁴ - 1, beyond that a string of decimal digits.
    #[serde(with = "count")]
    pub n_relations: BigUint,
    /// Σφ_r over the relations, in bits.
    pub sum_phi_r: f64,
    /// Φ = Σφ_d + Σφ_r, in bits.
    pub big_phi: f64,
    /// The number of relations of one, two and three distinctions, where `relations` are the
    /// largest of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_small_relations: Option<u64>,
    /// Σφ_r over the relations of one distinction, of two, and so on, where the largest relations
    /// were asked for; null where it is beyond the range of an `f64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum_phi_r_by_degree: Option<Vec<Option<f64>>>,
    /// The first of the relations, or the largest, if they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relations: Option<Vec<RelationRecord>>,
    /// Under `max-phi`: what is proven about the choice among ties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<ChoiceRecord>,
    /// The smallest and the largest Φ that ties allow; absent where that was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spectrum: Option<PhiSpectrumRecord>,
}

/// The smallest and the largest Φ over all choices of causes, effects and system states that tie,
/// as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhiSpectrumRecord {
    /// `true` if both are proven: both ends of each are then equal.
    pub proven: bool,
    /// The smallest Φ.
    pub smallest: ExtremeRecord,
    /// The largest Φ.
    pub largest: ExtremeRecord,
    /// The number of combinations: a number up to 2⁶⁴ - 1, beyond that a string of digits.
    #[serde(with = "count")]
    pub combinations: BigUint,
}

impl From<&PhiSpectrum> for PhiSpectrumRecord {
    fn from(spectrum: &PhiSpectrum) -> PhiSpectrumRecord {
        let (least, most) = spectrum.bounds();
        let finite = |it: f64| Some(it).filter(|it| it.is_finite());
        let (smallest, largest) = (spectrum.smallest, spectrum.largest.big_phi);
        let choice = spectrum.largest.choice.as_ref();
        PhiSpectrumRecord {
            proven: spectrum.is_complete(),
            smallest: ExtremeRecord { at_least: least.min(smallest), at_most: finite(smallest) },
            largest: ExtremeRecord { at_least: largest, at_most: finite(most.max(largest)) },
            combinations: choice.map_or(BigUint::from(1u32), |it| it.combinations.clone()),
        }
    }
}

/// The proven facts about a choice among ties, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChoiceRecord {
    /// `true` if Φ is proven to be the largest that the choice allows.
    pub proven: bool,
    /// The Φ that no choice exceeds: `big_phi` where that is proven; null if nothing is known.
    pub big_phi_at_most: Option<f64>,
    /// Pairs of a cause and an effect state of the system to choose from.
    pub state_pairs: usize,
    /// Combinations of congruent causes and effects: a number up to 2⁶⁴ - 1, beyond that a string
    /// of digits.
    #[serde(with = "count")]
    pub combinations: BigUint,
}

/// A distinction, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DistinctionRecord {
    /// Units of the mechanism.
    pub mechanism: Vec<usize>,
    /// φ_d in bits.
    pub phi_d: f64,
    /// Its cause.
    pub cause: MiceRecord,
    /// Its effect.
    pub effect: MiceRecord,
}

/// A maximally irreducible cause or effect, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MiceRecord {
    /// Units of the purview.
    pub purview: Vec<usize>,
    /// Its state: a value for each of them.
    pub state: Vec<u8>,
    /// φ in bits.
    pub phi: f64,
    /// The minimum information partition: blocks of mechanism and purview.
    pub partition: Vec<PartRecord>,
    /// All purviews and states with this φ; absent if there is only this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tied: Vec<(Vec<usize>, Vec<u8>)>,
}

/// Numbers of any size. JSON readers of 64 bits would silently round a longer one.
mod count {
    use num_bigint::BigUint;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Count {
        Number(u64),
        Digits(String),
    }

    pub(super) fn serialize<S: Serializer>(count: &BigUint, to: S) -> Result<S::Ok, S::Error> {
        let number = u64::try_from(count).map(Count::Number);
        number.unwrap_or_else(|_| Count::Digits(count.to_string())).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BigUint, D::Error> {
        match Count::deserialize(from)? {
            Count::Number(number) => Ok(number.into()),
            Count::Digits(digits) => digits.parse().map_err(D::Error::custom),
        }
    }
}

impl PhiStructureRecord {
    /// The result of the analysis of a record.
    pub fn new(
        network: &NetworkRecord,
        rules: Rules,
        structure: &PhiStructure,
    ) -> PhiStructureRecord {
        let sia = &structure.sia;
        let state = |side: &Option<SystemState>| {
            side.as_ref().map_or(Vec::new(), |side| side.state.values())
        };
        let records = |these: &[Distinction]| these.iter().map(DistinctionRecord::from).collect();
        PhiStructureRecord {
            system: SystemRecord {
                exact: structure.is_complete(),
                ..SystemRecord::new(network, rules, sia)
            },
            system_cause_state: state(&sia.cause),
            system_effect_state: state(&sia.effect),
            distinctions: records(&structure.distinctions),
            dropped_incongruent: records(&structure.incongruent),
            sum_phi_d: structure.sum_phi_d,
            n_relations: structure.n_relations.clone(),
            sum_phi_r: structure.sum_phi_r,
            big_phi: structure.big_phi,
            n_small_relations: None,
            sum_phi_r_by_degree: None,
            relations: None,
            choice: structure.choice.as_ref().map(|choice| ChoiceRecord {
                proven: choice.is_proven,
                big_phi_at_most: choice.bound.is_finite().then_some(choice.bound),
                state_pairs: choice.state_pairs,
                combinations: choice.combinations.clone(),
            }),
            spectrum: None,
        }
    }
}

/// A relation, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RelationRecord {
    /// The mechanisms of its distinctions.
    pub mechanisms: Vec<Vec<usize>>,
    /// The units, each with its state, that their causes and effects have in common.
    pub overlap: Vec<(usize, u8)>,
    /// φ_r in bits.
    pub phi_r: f64,
    /// The number of its faces, as `n_relations`.
    #[serde(with = "count")]
    pub n_faces: BigUint,
    /// The first of them.
    pub faces: Vec<FaceRecord>,
}

/// A face of a relation, as JSON has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaceRecord {
    /// For each of the mechanisms `cause`, `effect` or `both`.
    pub sides: Vec<String>,
    /// The units, each with its state, that all of these have in common.
    pub overlap: Vec<(usize, u8)>,
}

impl PhiStructureRecord {
    /// The same with the first `most` relations of the structure, each with as many faces at most.
    #[must_use]
    pub fn with_relations(mut self, structure: &PhiStructure, most: usize) -> PhiStructureRecord {
        let relations = structure.relations();
        let record = |relation| RelationRecord::new(structure, &relations, &relation, most);
        self.relations = Some(relations.iter().take(most).map(record).collect());
        self
    }

    /// The same with the relations whose φ_r is largest, each with all its faces: so many `pairs`,
    /// which are relations of two distinctions or of one with itself, and so many `triples`; and
    /// with what there is of them in all.
    #[must_use]
    pub fn with_largest_relations(
        mut self,
        structure: &PhiStructure,
        pairs: usize,
        triples: usize,
    ) -> PhiStructureRecord {
        let relations = structure.relations();
        self.n_small_relations = Some(relations.count_of_degrees().iter().sum());
        let sums = relations.sum_phi_by_degree().into_iter();
        self.sum_phi_r_by_degree =
            Some(sums.map(|it| Some(it).filter(|it| it.is_finite())).collect());
        let mut small = relations.largest(pairs, triples).concat();
        // As they are listed: of equal ones the first.
        small.sort_by(|a, b| {
            b.phi.total_cmp(&a.phi).then_with(|| a.distinctions.cmp(&b.distinctions))
        });
        let record = |it: &Relation| RelationRecord::new(structure, &relations, it, usize::MAX);
        self.relations = Some(small.iter().map(record).collect());
        self
    }
}

impl RelationRecord {
    fn new(
        structure: &PhiStructure,
        relations: &Relations,
        relation: &Relation,
        most_faces: usize,
    ) -> RelationRecord {
        let side = |side: &FaceSide| match side {
            FaceSide::Cause => "cause",
            FaceSide::Effect => "effect",
            FaceSide::Both => "both",
        };
        let face = |face: Face| FaceRecord {
            sides: face.sides.iter().map(|it| side(it).to_owned()).collect(),
            overlap: face.overlap,
        };
        let mechanism = |&idx: &usize| unit_list(structure.distinctions[idx].mechanism);
        RelationRecord {
            mechanisms: relation.distinctions.iter().map(mechanism).collect(),
            phi_r: relation.phi,
            n_faces: relations.n_faces(relation),
            faces: relations.faces(relation).take(most_faces).map(face).collect(),
            overlap: relation.overlap.clone(),
        }
    }
}

/// All complexes of one network under IIT 4.0, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComplexesRecord {
    /// Name of the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// State of the whole network.
    pub state: Vec<u8>,
    /// The number of values of each unit of the network; absent where that is two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alphabet: Option<Vec<usize>>,
    /// For each unit of the network the names of its values, if they have such: a value in a state
    /// is the place of its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Vec<String>>>,
    /// The version of IIT 4.0.
    pub formalism: String,
    /// The policy for ties.
    pub ties_policy: String,
    /// The complexes, largest φ_s first.
    pub complexes: Vec<PhiStructureRecord>,
}

/// A mechanism over one purview, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PurviewRecord {
    /// Units of the purview.
    pub purview: Vec<usize>,
    /// φ in bits: the largest one of the states.
    pub phi: f64,
    /// Intrinsic information in bits.
    pub ii: f64,
    /// The states that the mechanism specifies.
    pub states: Vec<PurviewStateRecord>,
    /// The probabilities that states are selected with, the first unit of the purview varying
    /// fastest: `2^k` for k binary units; bit i of the index is the i-th unit.
    pub repertoire: Vec<f64>,
    /// By state of the purview: P(it | mechanism) of effects, P(mechanism | it) of causes.
    pub forward_repertoire: Vec<f64>,
    /// The same with the mechanism (effects) or the purview (causes) unconstrained.
    pub unconstrained_forward_repertoire: Vec<f64>,
}

/// A state that a mechanism specifies of a purview, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PurviewStateRecord {
    /// The state, lowest unit first.
    pub state: Vec<u8>,
    /// φ of the state.
    pub phi: f64,
    /// Its probability in the repertoire.
    pub selectivity: f64,
    /// The minimum information partitions that tie, block by block; empty where φ = 0.
    pub partitions: Vec<Vec<PartRecord>>,
    /// `false` if there may be more that tie.
    pub partitions_are_all: bool,
}

impl From<&PurviewAnalysis> for PurviewRecord {
    fn from(found: &PurviewAnalysis) -> PurviewRecord {
        let state = |it: &PurviewState| PurviewStateRecord {
            state: it.state.values(),
            phi: it.phi,
            selectivity: it.selectivity,
            partitions: it.partitions.iter().map(blocks).collect(),
            partitions_are_all: it.are_all,
        };
        PurviewRecord {
            purview: unit_list(found.purview),
            phi: found.phi,
            ii: found.intrinsic_information,
            states: found.states.iter().map(state).collect(),
            repertoire: found.repertoire.clone(),
            forward_repertoire: found.forward.clone(),
            unconstrained_forward_repertoire: found.unconstrained_forward.clone(),
        }
    }
}

fn blocks(partition: &JointPartition) -> Vec<PartRecord> {
    let part = |&(mechanism, purview)| PartRecord {
        mechanism: unit_list(mechanism),
        purview: unit_list(purview),
    };
    partition.blocks.iter().map(part).collect()
}

impl From<&Distinction> for DistinctionRecord {
    fn from(distinction: &Distinction) -> DistinctionRecord {
        DistinctionRecord {
            mechanism: unit_list(distinction.mechanism),
            phi_d: distinction.phi,
            cause: (&distinction.cause).into(),
            effect: (&distinction.effect).into(),
        }
    }
}

impl From<&Mice> for MiceRecord {
    fn from(mice: &Mice) -> MiceRecord {
        let named = |it: &SpecifiedState| (unit_list(it.purview), it.values());
        let (purview, state) = named(&mice.state);
        let others = if mice.tied.len() > 1 { &mice.tied[..] } else { &[] };
        MiceRecord {
            purview,
            state,
            phi: mice.phi,
            partition: blocks(&mice.partition),
            tied: others.iter().map(named).collect(),
        }
    }
}

impl SystemRecord {
    /// The result of the analysis of a record.
    pub fn new(
        network: &NetworkRecord,
        rules: Rules,
        sia: &SystemIrreducibilityAnalysis,
    ) -> SystemRecord {
        // Before it is known to be connected, a system is not asked what it specifies.
        let is_connected =
            sia.reasons.iter().all(|it| matches!(it, Reason::NoCause | Reason::NoEffect));
        let asked = sia.cause.as_ref().zip(sia.effect.as_ref()).filter(|_| is_connected);
        let sides = |of: &dyn Fn(&SystemState) -> f64| {
            asked.map(|(cause, effect)| SidesRecord { cause: of(cause), effect: of(effect) })
        };
        let differentiation = |cap| sides(&move |side| side.differentiation(cap));
        SystemRecord {
            name: network.name.clone(),
            nodes: unit_list(sia.units),
            state: network.state.clone(),
            alphabet: network.alphabet.clone(),
            values: network.values.clone(),
            formalism: rules.formalism().to_string(),
            ties_policy: rules.ties.to_string(),
            phi_s: sia.phi_s,
            normalized_phi_s: sia.normalized_phi_s,
            phi_cause: sia.phi_cause,
            phi_effect: sia.phi_effect,
            partition: PartitionRecord::new(sia.partition.as_ref()),
            mip_ties: sia.mip_ties,
            reasons: sia.reasons.iter().map(ToString::to_string).collect(),
            sia_system_state: asked
                .map(|(cause, effect)| SidesRecord { cause: cause.into(), effect: effect.into() }),
            intrinsic_differentiation: differentiation(DifferentiationCap::CurrentState),
            intrinsic_differentiation_paper: differentiation(DifferentiationCap::SpecifiedState),
            tied_state_pairs: sia.tied_state_pairs,
            exact: sia.is_complete(),
        }
    }
}

impl From<&SystemState> for SystemStateRecord {
    fn from(side: &SystemState) -> SystemStateRecord {
        SystemStateRecord {
            state: side.state.values(),
            ii: side.intrinsic_information,
            ties: side.ties.iter().map(|it| it.values()).collect(),
        }
    }
}

impl PartitionRecord {
    fn new(partition: Option<&SystemPartition>) -> PartitionRecord {
        let parts = partition.map_or(&[][..], |it| &it.parts);
        let kind = match parts.len() {
            0 => "none",
            1 => "complete",
            _ => "directed_set",
        };
        let direction = |direction: PartDirection| match direction {
            PartDirection::InputsCut => "inputs_cut",
            PartDirection::OutputsCut => "outputs_cut",
            PartDirection::Both => "both",
        };
        PartitionRecord {
            kind: kind.to_owned(),
            parts: parts.iter().map(|it| unit_list(it.0)).collect(),
            directions: parts.iter().map(|it| direction(it.1).to_owned()).collect(),
            cut_edges: partition.map(SystemPartition::cut_edges).unwrap_or_default(),
        }
    }
}
