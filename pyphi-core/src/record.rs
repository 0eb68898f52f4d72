//! Results as JSON: [`PhiRecord`] repeats `name`, `nodes` and `state` of the network and adds
//! `phi`, `cut`, `ces`, `partitioned_ces` and the counts of ties. How networks are read is in
//! [`input`](crate::input).

use serde::{Deserialize, Serialize};

use crate::big_phi::BigPhi;
use crate::concept::{Concept, CoreRepertoire, unit_list};
use crate::input::NetworkRecord;
use crate::limits::StopReason;
use crate::partition::Cut;
use crate::phi_range::PhiRange;
use crate::structure::CauseEffectStructure;

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
    /// Φ.
    pub phi: f64,
    /// The system's MIP; null where Φ = 0.
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
    /// Φ over numberings of the units; absent where that was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<RangeRecord>,
    /// False if the analysis was stopped: `phi` is then an upper bound.
    pub exact: bool,
}

/// How far Φ depends on the numbering of the units, as JSON has it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RangeRecord {
    /// The smallest Φ.
    pub low: f64,
    /// The largest Φ.
    pub high: f64,
    /// The different numberings tried, the network's own included.
    pub numberings: u32,
    /// Whether these are all there are.
    pub is_exhaustive: bool,
}

impl From<&PhiRange> for RangeRecord {
    fn from(range: &PhiRange) -> RangeRecord {
        let PhiRange { low, high, numberings, is_exhaustive, .. } = *range;
        RangeRecord { low, high, numberings, is_exhaustive }
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
    /// The minimum information partition, its two parts.
    pub mip: [PartRecord; 2],
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

impl PhiRecord {
    /// The result of the analysis of a record.
    pub fn new(network: &NetworkRecord, result: &BigPhi) -> PhiRecord {
        let concepts =
            |ces: &CauseEffectStructure| ces.concepts.iter().map(ConceptRecord::from).collect();
        PhiRecord {
            name: network.name.clone(),
            nodes: unit_list(result.units),
            state: network.state.clone(),
            phi: result.phi,
            cut: result.cut,
            ces: concepts(&result.ces),
            partitioned_ces: concepts(&result.partitioned_ces),
            purview_ties: result.purview_ties,
            ties: result.ties,
            range: None,
            exact: result.stop_reason == StopReason::Complete,
        }
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
        let part = |mechanism, purview| PartRecord {
            mechanism: unit_list(mechanism),
            purview: unit_list(purview),
        };
        CoreRecord {
            phi: core.phi,
            purview: unit_list(core.purview),
            repertoire: core.repertoire.clone(),
            mip: [
                part(core.mip.first_mechanism, core.mip.first_purview),
                part(core.mip.second_mechanism, core.mip.second_purview),
            ],
            ties: core.ties,
        }
    }
}
