//! Results as JSON: [`PhiRecord`] repeats `name`, `nodes` and `state` of the network and adds
//! `phi`, `cut`, `ces`, `partitioned_ces` and the counts of ties. How networks are read is in
//! [`input`](crate::input).

use serde::{Deserialize, Serialize};

use crate::big_phi::BigPhi;
use crate::complex::ComplexRange;
use crate::concept::{Concept, CoreRepertoire, unit_list};
use crate::input::NetworkRecord;
use crate::limits::StopReason;
use crate::network::Network;
use crate::partition::{Cut, Partition};
use crate::phi_range::PhiRange;
use crate::purview::PurviewAnalysis;
use crate::repertoire::Direction;
use crate::spectrum::{
    ChosenPurviews, Extreme, NearTie, PhiSpectrum, SpectrumRules, SpectrumValue,
};
use crate::structure::CauseEffectStructure;
use crate::subsystem::TOLERANCE;
use crate::unit_set::UnitSet;
use crate::variant::Variant;

/// The result of one analysis, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhiRecord {
    /// Name of the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Units of the subsystem.
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
    /// Φ.
    pub phi: f64,
    /// The system's MIP; null where Φ = 0 without search. Where Φ = 0 after a search, the cut that
    /// makes no difference.
    pub cut: Option<Cut>,
    /// Concepts of the intact system.
    pub ces: Vec<ConceptRecord>,
    /// Concepts of the cut system; empty where Φ = 0.
    pub partitioned_ces: Vec<ConceptRecord>,
    /// Core causes and core effects with several purviews of the same φ, over the intact and all
    /// cut systems; absent where not all cuts were evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purview_ties: Option<u64>,
    /// Of those in the two structures listed here, the choices still open after the size rule. If
    /// this is not 0, Φ depends on the numbering of the units.
    pub ties: u64,
    /// Φ over numberings of the units; absent where that was not asked for, or where `spectrum`
    /// is proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<RangeRecord>,
    /// All Φ that ties allow; absent where that was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spectrum: Option<SpectrumRecord>,
    /// The distance of `ces` from a structure without concepts; absent where that is not known
    /// because Φ = 0 without search, and of an analysis that was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conceptual_information: Option<f64>,
    /// The settings that differ from IIT 3.0 as published, by their names in PyPhi; absent if none
    /// does.
    #[serde(default, skip_serializing_if = "Variant::is_default")]
    pub variant: Variant,
    /// `false` if the analysis was stopped: `phi` is then an upper bound. `false` also if `variant`
    /// has an approximation.
    pub exact: bool,
}

/// The range of Φ over numberings of the units, as JSON has it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RangeRecord {
    /// The smallest Φ.
    pub low: f64,
    /// The largest Φ.
    pub high: f64,
    /// The different numberings tried, the network's own included.
    pub numberings: u32,
    /// `true` if these are all there are.
    pub is_exhaustive: bool,
}

impl From<&PhiRange> for RangeRecord {
    fn from(range: &PhiRange) -> RangeRecord {
        let PhiRange { low, high, numberings, is_exhaustive, .. } = *range;
        RangeRecord { low, high, numberings, is_exhaustive }
    }
}

/// All Φ that ties allow, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpectrumRecord {
    /// The purviews that count among those that tie: `all`, `largest`, `smallest` or
    /// `unresolved-dropped`.
    pub rule: String,
    /// The choice that cuts leave: `inherited` or `independent`.
    pub cut_choices: String,
    /// `true` if smallest and largest Φ are proven: both ends of each are then equal.
    pub proven: bool,
    /// The smallest Φ.
    pub smallest: ExtremeRecord,
    /// The largest Φ.
    pub largest: ExtremeRecord,
    /// The number of choices that the intact system leaves; null where that is not known, or beyond
    /// the range of a double.
    pub choices: Option<f64>,
    /// All values, ascending; null if they are too many to list.
    pub values: Option<Vec<SpectrumValueRecord>>,
    /// Searches in which several purviews have a φ within 1e-4 of the largest, exact ties included:
    /// at most [`SpectrumRecord::MOST_NEAR_TIES`] of them, the intact system first.
    pub near_ties: Vec<NearTieRecord>,
    /// The number of near ties, listed or not.
    pub n_near_ties: usize,
}

/// Proven bounds on the smallest or the largest Φ, as JSON has it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ExtremeRecord {
    /// It is at least this.
    pub at_least: f64,
    /// It is at most this; null if nothing is known.
    pub at_most: Option<f64>,
}

/// A Φ that some choice gives, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpectrumValueRecord {
    /// Φ.
    pub phi: f64,
    /// The cut that is minimal; null where no cut was searched.
    pub cut: Option<Cut>,
    /// The choices in the intact system, of mechanisms that there is a choice for.
    pub intact: Vec<ChosenRecord>,
    /// The choices under the cut, of mechanisms that there is a choice for.
    pub partitioned: Vec<ChosenRecord>,
}

/// Core cause and core effect that are chosen for a mechanism, as JSON has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenRecord {
    /// Units of the mechanism.
    pub mechanism: Vec<usize>,
    /// Units of the purview of its core cause.
    pub cause: Vec<usize>,
    /// Units of the purview of its core effect.
    pub effect: Vec<usize>,
}

/// A search in which several purviews tie or nearly tie, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NearTieRecord {
    /// The cut; null in the intact system.
    pub cut: Option<Cut>,
    /// Units of the mechanism.
    pub mechanism: Vec<usize>,
    /// `cause` or `effect`.
    pub direction: String,
    /// The purviews, each with its φ.
    pub purviews: Vec<(Vec<usize>, f64)>,
}

impl SpectrumRecord {
    /// As many near ties are listed.
    pub const MOST_NEAR_TIES: usize = 1000;

    /// A spectrum by these rules. Of `tried`, each Φ is one that some choice gives.
    pub fn new(
        rules: SpectrumRules,
        spectrum: &PhiSpectrum,
        tried: Option<(f64, f64)>,
    ) -> SpectrumRecord {
        let PhiSpectrum { mut smallest, mut largest, .. } = *spectrum;
        if let Some((low, high)) = tried {
            // The proof is good to rounding.
            smallest.at_most = smallest.at_most.min(low).max(smallest.at_least);
            largest.at_least = largest.at_least.max(high).min(largest.at_most);
        }
        SpectrumRecord {
            rule: rules.ties.to_string(),
            cut_choices: rules.cuts.to_string(),
            proven: smallest.is_proven() && largest.is_proven(),
            smallest: smallest.into(),
            largest: largest.into(),
            choices: Some(spectrum.choices).filter(|it| it.is_finite()),
            values: spectrum.values.as_ref().map(|it| it.iter().map(Into::into).collect()),
            near_ties: (spectrum.near_ties.iter().take(SpectrumRecord::MOST_NEAR_TIES))
                .map(NearTieRecord::from)
                .collect(),
            n_near_ties: spectrum.near_ties.len(),
        }
    }
}

impl From<Extreme> for ExtremeRecord {
    fn from(Extreme { at_least, at_most }: Extreme) -> ExtremeRecord {
        ExtremeRecord { at_least, at_most: Some(at_most).filter(|it| it.is_finite()) }
    }
}

impl From<&SpectrumValue> for SpectrumValueRecord {
    fn from(value: &SpectrumValue) -> SpectrumValueRecord {
        let chosen = |of: &[ChosenPurviews]| of.iter().map(ChosenRecord::from).collect();
        SpectrumValueRecord {
            phi: value.phi,
            cut: value.cut,
            intact: chosen(&value.intact),
            partitioned: chosen(&value.partitioned),
        }
    }
}

impl From<&ChosenPurviews> for ChosenRecord {
    fn from(chosen: &ChosenPurviews) -> ChosenRecord {
        ChosenRecord {
            mechanism: unit_list(chosen.mechanism),
            cause: unit_list(chosen.cause),
            effect: unit_list(chosen.effect),
        }
    }
}

impl From<&NearTie> for NearTieRecord {
    fn from(tie: &NearTie) -> NearTieRecord {
        let direction = match tie.direction {
            Direction::Cause => "cause",
            Direction::Effect => "effect",
        };
        NearTieRecord {
            cut: tie.cut,
            mechanism: unit_list(tie.mechanism),
            direction: direction.to_owned(),
            purviews: tie.purviews.iter().map(|&(units, phi)| (unit_list(units), phi)).collect(),
        }
    }
}

/// A concept, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConceptRecord {
    /// Units of the mechanism.
    pub mechanism: Vec<usize>,
    /// φ.
    pub phi: f64,
    /// The core cause.
    pub cause: CoreRecord,
    /// The core effect.
    pub effect: CoreRecord,
}

/// A core cause or core effect, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoreRecord {
    /// φ.
    pub phi: f64,
    /// Units of the purview.
    pub purview: Vec<usize>,
    /// `2^k` probabilities, bit i of the index being the i-th unit of the purview.
    pub repertoire: Vec<f64>,
    /// The minimum information partition: its parts, which are two unless a variant allows more.
    pub mip: Vec<PartRecord>,
    /// Other purviews of the same size and φ.
    pub ties: u32,
}

/// One part of a mechanism partition, as JSON has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRecord {
    /// Mechanism units.
    pub mechanism: Vec<usize>,
    /// Purview units.
    pub purview: Vec<usize>,
}

/// All complexes of one network, as JSON has it.
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
    /// The units of those that remain when each complex excludes the later ones it overlaps with.
    pub condensed: Vec<Vec<usize>>,
    /// The units of other complexes whose Φ is that of the major complex.
    pub major_ties: Vec<Vec<usize>>,
    /// The sensitivity of the major complex to ties; absent where that was not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub major_over_ties: Option<MajorOverTies>,
    /// The subsystems with Φ > 0, largest Φ first: the first is the major complex.
    pub complexes: Vec<PhiRecord>,
}

/// The sensitivity of the major complex to ties, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MajorOverTies {
    /// `true` if some choice gives another subsystem a larger Φ than another choice gives the major
    /// complex; null if that is not proven.
    pub could_change: Option<bool>,
    /// The smallest and the largest Φ of each subsystem that has a Φ under some choice.
    pub ranges: Vec<SystemRange>,
    /// The subsystems whose range is not quickly proven.
    pub unproven: Vec<Vec<usize>>,
}

/// All Φ that ties allow a subsystem are between these, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SystemRange {
    /// Its units.
    pub nodes: Vec<usize>,
    /// The smallest Φ.
    pub smallest: f64,
    /// The largest Φ.
    pub largest: f64,
}

impl MajorOverTies {
    /// Compares the ranges of all candidates with that of the major complex, whose units these are.
    pub fn new(major: UnitSet, found: &[ComplexRange]) -> MajorOverTies {
        let of_major = found.iter().find(|it| it.units == major).and_then(|it| it.range);
        let mut others = found.iter().filter(|it| it.units != major);
        let could_change = of_major.and_then(|(smallest, _)| {
            let overtakes = |it: &ComplexRange| it.range.map(|(_, it)| it > smallest + TOLERANCE);
            match others.clone().any(|it| overtakes(it) == Some(true)) {
                true => Some(true),
                false => others.all(|it| it.range.is_some()).then_some(false),
            }
        });
        let range = |it: &ComplexRange| {
            let (smallest, largest) = it.range.filter(|(_, largest)| *largest > TOLERANCE)?;
            Some(SystemRange { nodes: it.units.iter().collect(), smallest, largest })
        };
        let unproven = found.iter().filter(|it| it.range.is_none());
        MajorOverTies {
            could_change,
            ranges: found.iter().filter_map(range).collect(),
            unproven: unproven.map(|it| it.units.iter().collect()).collect(),
        }
    }
}

/// Two cause-effect structures and their distance, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DistanceRecord {
    /// The distance from the first to the second.
    pub distance: f64,
    /// As in [`PhiRecord::variant`].
    #[serde(skip_serializing_if = "Variant::is_default")]
    pub variant: Variant,
    /// The structures.
    pub structures: [StructureRecord; 2],
}

/// A cause-effect structure by itself, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StructureRecord {
    /// Name of the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Units of the subsystem.
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
    /// Its distance from a structure without concepts.
    pub conceptual_information: f64,
    /// Its concepts.
    pub ces: Vec<ConceptRecord>,
}

/// The values of the units of a network, as JSON has them beside its states.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ValuesRecord {
    /// The number of values of each unit; absent where that is two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alphabet: Option<Vec<usize>>,
    /// For each unit the names of its values, if they have such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Vec<String>>>,
}

impl From<&Network> for ValuesRecord {
    fn from(network: &Network) -> ValuesRecord {
        let alphabet = network.alphabet();
        ValuesRecord {
            alphabet: (!alphabet.is_binary()).then(|| alphabet.sizes()),
            values: network.value_names().map(<[_]>::to_vec),
        }
    }
}

/// One mechanism over its purviews, as JSON has it: `P` is [`PurviewRecord`], or
/// [`iit4::record::PurviewRecord`](crate::iit4::record::PurviewRecord).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MechanismRecord<P> {
    /// Name of the network.
    #[serde(skip_serializing_if = "Option::is_none")]
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
    /// The theory.
    pub formalism: String,
    /// Units of the mechanism.
    pub mechanism: Vec<usize>,
    /// The cut of the system under which this is; absent for the intact system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
    /// As in [`PhiRecord::variant`].
    #[serde(skip_serializing_if = "Variant::is_default")]
    pub variant: Variant,
    /// Causes: the purview that was asked for, or all with φ > 0, largest φ first; absent where
    /// only effects were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Vec<P>>,
    /// Effects, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<Vec<P>>,
}

/// A mechanism over one purview by IIT 3.0, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PurviewRecord {
    /// Units of the purview.
    pub purview: Vec<usize>,
    /// φ.
    pub phi: f64,
    /// All minimum information partitions, each with its parts; empty where nothing connects
    /// mechanism and purview.
    pub mips: Vec<Vec<PartRecord>>,
    /// `2^k` probabilities, bit i of the index being the i-th unit of the purview.
    pub repertoire: Vec<f64>,
    /// The same under the first partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitioned_repertoire: Option<Vec<f64>>,
    /// The same of the empty mechanism.
    pub unconstrained_repertoire: Vec<f64>,
}

impl From<&PurviewAnalysis> for PurviewRecord {
    fn from(found: &PurviewAnalysis) -> PurviewRecord {
        PurviewRecord {
            purview: unit_list(found.purview),
            phi: found.phi,
            mips: found.mips.iter().map(parts).collect(),
            repertoire: found.repertoire.probabilities.clone(),
            partitioned_repertoire: found.partitioned.as_ref().map(|it| it.probabilities.clone()),
            unconstrained_repertoire: found.unconstrained.probabilities.clone(),
        }
    }
}

fn parts(partition: &Partition) -> Vec<PartRecord> {
    let part = |&(mechanism, purview): &_| PartRecord {
        mechanism: unit_list(mechanism),
        purview: unit_list(purview),
    };
    partition.parts.iter().map(part).collect()
}

impl PhiRecord {
    /// The result of the analysis of a record.
    pub fn new(network: &NetworkRecord, result: &BigPhi) -> PhiRecord {
        let concepts =
            |ces: &CauseEffectStructure| ces.concepts.iter().map(ConceptRecord::from).collect();
        PhiRecord {
            name: network.name.clone(),
            nodes: unit_list(result.units),
            state: network.state.clone(),
            alphabet: network.alphabet.clone(),
            values: network.values.clone(),
            phi: result.phi,
            cut: result.cut,
            ces: concepts(&result.ces),
            partitioned_ces: concepts(&result.partitioned_ces),
            purview_ties: result.purview_ties,
            ties: result.ties,
            range: None,
            spectrum: None,
            conceptual_information: result.conceptual_information,
            variant: Variant::default(),
            exact: result.stop_reason == StopReason::Complete,
        }
    }

    /// The same record, of an analysis by a variant.
    #[must_use]
    pub fn by(mut self, variant: Variant) -> PhiRecord {
        self.exact &= variant.approximations().is_empty();
        PhiRecord { variant, ..self }
    }
}

impl From<&Concept> for ConceptRecord {
    fn from(concept: &Concept) -> ConceptRecord {
        ConceptRecord {
            mechanism: unit_list(concept.mechanism),
            phi: concept.phi,
            cause: (&concept.cause).into(),
            effect: (&concept.effect).into(),
        }
    }
}

impl From<&CoreRepertoire> for CoreRecord {
    fn from(core: &CoreRepertoire) -> CoreRecord {
        CoreRecord {
            phi: core.phi,
            purview: unit_list(core.purview),
            repertoire: core.repertoire.clone(),
            mip: parts(&core.mip),
            ties: core.ties,
        }
    }
}
