//! Concepts: a mechanism with its core cause and core effect.

use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};

use crate::fixed::{Fixed, to_f64};
use crate::mip::{Core, Scratch, SmallPhi};
use crate::partition::Partition;
use crate::repertoire::{Direction, cause_repertoire, effect_on, marginals, product_repertoire};
use crate::tables::to_network;
use crate::unit_set::{UnitSet, bits};

/// A mechanism that specifies an irreducible cause and an irreducible effect (Oizumi et al. 2014).
#[derive(Debug, Clone, PartialEq)]
pub struct Concept {
    /// The units, in the numbering of the network.
    pub mechanism: UnitSet,
    /// The smaller of the φ of core cause and core effect.
    pub phi: f64,
    /// The purview about which the mechanism says most irreducibly, in the past.
    pub cause: CoreRepertoire,
    /// The same, in the future.
    pub effect: CoreRepertoire,
}

/// A core cause or a core effect.
#[derive(Debug, Clone, PartialEq)]
pub struct CoreRepertoire {
    /// Cause or effect.
    pub direction: Direction,
    /// The units, in the numbering of the network.
    pub purview: UnitSet,
    /// Its φ: the earth mover's distance to the minimum information partition, in bit flips.
    pub phi: f64,
    /// The probabilities of the purview's states, given the mechanism in its state: one for each
    /// state of the purview, its first unit fastest (of binary units bit k of the index is the k-th
    /// unit).
    pub repertoire: Vec<f64>,
    /// The minimum information partition.
    pub mip: Partition,
    /// The number of other purviews of the same size that have the same φ. If this is not 0,
    /// another order of the units could have chosen another purview.
    pub ties: u32,
}

impl Concept {
    /// The core cause or the core effect.
    pub fn core(&self, direction: Direction) -> &CoreRepertoire {
        match direction {
            Direction::Cause => &self.cause,
            Direction::Effect => &self.effect,
        }
    }
}

/// φ of one mechanism over one purview, with its minimum information partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mip {
    /// The smallest earth mover's distance over the partitions, in bit flips; 0 if at most the
    /// tolerance.
    pub phi: f64,
    /// The first of the partitions tied for it; `None` if no partition matters because the
    /// connections between mechanism and purview are trivially reducible.
    #[serde(skip)]
    pub partition: Option<Partition>,
}

/// A number on the grid for each unit.
pub(crate) type ByUnit = SmallVec<[Fixed; 8]>;

/// A concept in the numbering of the subsystem, with what distances need.
#[derive(Debug, Clone)]
pub(crate) struct LocalConcept {
    pub(crate) mechanism: u32,
    pub(crate) phi: Fixed,
    pub(crate) cause: Core,
    pub(crate) effect: Core,
    /// Over the purview.
    pub(crate) cause_repertoire: SmallVec<[f64; 16]>,
    /// P(unit is ON), by unit: the marginals of the cause repertoire expanded to all units. Of
    /// units with more than two values the lanes of `value_tables`.
    pub(crate) cause_on: SmallVec<[f64; 8]>,
    /// The same of the effect repertoire, on the grid.
    pub(crate) effect_on: ByUnit,
}

impl SmallPhi<'_> {
    /// The concept of a mechanism, or `None` if it specifies no irreducible cause or no irreducible
    /// effect.
    pub(crate) fn concept(&self, mechanism: u32, scratch: &mut Scratch) -> Option<LocalConcept> {
        // The effect side is cheap, and without it the cause does not matter.
        let effect = self.core_effect(mechanism, scratch);
        if effect.is_none() && !self.rules.count_ties {
            return None;
        }
        let cause = self.core_cause(mechanism, scratch);
        Some(self.fill(mechanism, cause?, effect?, scratch))
    }

    /// The concept with this core cause and core effect.
    pub(crate) fn fill(
        &self,
        mechanism: u32,
        cause: Core,
        effect: Core,
        scratch: &mut Scratch,
    ) -> LocalConcept {
        let Scratch { repertoires, product: repertoire, .. } = scratch;
        let purview = cause.purview;
        let cause_on = if let Some(values) = &self.tables.values {
            *repertoire = values.repertoire(self.wiring, Direction::Cause, mechanism, purview);
            values.cause_lanes(purview, repertoire)
        } else {
            repertoire.resize(1 << purview.count_ones(), 0.0);
            cause_repertoire(self.tables, self.wiring, mechanism, purview, repertoires, repertoire);
            let mut cause_on = smallvec![0.5; self.tables.n];
            marginals(repertoire, purview, repertoires, &mut cause_on);
            cause_on
        };
        LocalConcept {
            mechanism,
            phi: cause.phi.min(effect.phi),
            cause,
            effect,
            cause_repertoire: SmallVec::from_slice(repertoire),
            cause_on,
            effect_on: self.effect_on(mechanism, effect.purview),
        }
    }

    /// The concept as the user sees it, in the numbering of the network.
    pub(crate) fn describe(
        &self,
        concept: &LocalConcept,
        members: u32,
        scratch: &mut Scratch,
    ) -> Concept {
        let network = |local: u32| UnitSet::from_bits(to_network(local, members));
        let partition =
            |mechanism, purview, first| Partition::from_local(mechanism, purview, first, members);
        let mechanism = concept.mechanism;
        let (cause_purview, effect_purview) = (concept.cause.purview, concept.effect.purview);
        // Where there are twins, φ is that of another arrangement, in which the last bits of
        // repertoires may be others.
        let cause_mip = match self.symmetry.is_trivial() {
            true => self.cause_mip_at(concept.cause.phi, mechanism, cause_purview, scratch),
            false => self.cause_mip(mechanism, cause_purview, scratch).1,
        };
        let effect_mip = self.effect_mip_at(concept.effect.phi, mechanism, effect_purview);
        let effect_repertoire = if let Some(values) = &self.tables.values {
            values.repertoire(self.wiring, Direction::Effect, mechanism, effect_purview)
        } else {
            let on = effect_on(self.tables, self.wiring, mechanism);
            let mut repertoire = Vec::with_capacity(1 << effect_purview.count_ones());
            product_repertoire(&on, effect_purview, &mut repertoire);
            repertoire
        };
        let core = |direction, core: &Core, repertoire, mip| CoreRepertoire {
            direction,
            purview: network(core.purview),
            phi: to_f64(core.phi),
            repertoire,
            mip: partition(mechanism, core.purview, mip),
            ties: core.n_tied_in_size - 1,
        };
        Concept {
            mechanism: network(mechanism),
            phi: to_f64(concept.phi),
            cause: core(
                Direction::Cause,
                &concept.cause,
                concept.cause_repertoire.to_vec(),
                cause_mip,
            ),
            effect: core(Direction::Effect, &concept.effect, effect_repertoire, effect_mip),
        }
    }
}

/// Numbers of the units in a set.
pub(crate) fn unit_list(set: UnitSet) -> Vec<usize> {
    bits(set.bits()).collect()
}
