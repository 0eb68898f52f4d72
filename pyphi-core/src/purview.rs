//! One mechanism over chosen purviews by IIT 3.0: small φ with all partitions that attain it, and
//! the repertoires that it is a distance of.

use crate::fixed::to_f64;
use crate::limits::{Options, Stop, StopReason};
use crate::mip::{Scratch, SmallPhi};
use crate::partition::{Cut, Partition};
use crate::repertoire::{Direction, Repertoire, RepertoireScratch, multiply};
use crate::subsystem::{Subsystem, are_connected};
use crate::unit_set::UnitSet;

/// Small φ of a mechanism over one purview, with all that it rests on (Oizumi et al. 2014).
#[derive(Debug, Clone, PartialEq)]
pub struct PurviewAnalysis {
    /// Units of the purview.
    pub purview: UnitSet,
    /// φ: the smallest earth mover's distance from the repertoire to a partitioned one.
    pub phi: f64,
    /// All partitions at that distance, within the tolerance, in the order of [`Partition::all`]:
    /// the first is the minimum information partition. Empty if mechanism and purview are not
    /// connected, or one of them is empty.
    pub mips: Vec<Partition>,
    /// The repertoire.
    pub repertoire: Repertoire,
    /// The repertoire under the first of the partitions.
    pub partitioned: Option<Repertoire>,
    /// The repertoire of the empty mechanism.
    pub unconstrained: Repertoire,
}

impl Subsystem {
    /// Small φ of `mechanism` over `purview`, under a cut of the system if there is one, with all
    /// partitions that attain it.
    ///
    /// ```
    /// use pyphi_core::{Direction, Options, UnitSet, fixtures};
    ///
    /// let subsystem = fixtures::or_and_xor();
    /// let [mechanism, purview] = [UnitSet::from_iter([0, 1]), UnitSet::from_iter([2])];
    /// let (effect, options) = (Direction::Effect, Options::default());
    /// let found = subsystem.purview_analysis(None, effect, mechanism, purview, &options).unwrap();
    /// assert_eq!(found.phi, 0.5);
    /// assert_eq!(found.mips.len(), 3);
    /// assert_eq!(found.mips[0].to_string(), "{}/{2} × {0,1}/{}");
    /// assert_eq!(found.repertoire.probabilities, [0.0, 1.0]);
    /// assert_eq!(found.partitioned.unwrap().probabilities, [0.5, 0.5]);
    /// ```
    ///
    /// # Errors
    /// The reason, if the analysis was stopped.
    ///
    /// # Panics
    /// If a unit is not in the subsystem.
    pub fn purview_analysis(
        &self,
        cut: Option<Cut>,
        direction: Direction,
        mechanism: UnitSet,
        purview: UnitSet,
        options: &Options,
    ) -> Result<PurviewAnalysis, StopReason> {
        let stop = Stop::new(options);
        self.with_small_phi(&self.wiring(cut), &stop, |small_phi, scratch| {
            self.over(small_phi, direction, mechanism, purview, &stop, scratch)
        })
    }

    /// As [`Subsystem::purview_analysis`], of all purviews for which φ > 0. First come those that
    /// tie for the largest φ, by size from the largest down and then lexicographically, so that the
    /// first is that of the core cause or core effect; then the others, by φ.
    ///
    /// # Errors
    /// The reason, if the analysis was stopped.
    ///
    /// # Panics
    /// If a unit is not in the subsystem.
    pub fn purview_analyses(
        &self,
        cut: Option<Cut>,
        direction: Direction,
        mechanism: UnitSet,
        options: &Options,
    ) -> Result<Vec<PurviewAnalysis>, StopReason> {
        let stop = Stop::new(options);
        let mut found = self.with_small_phi(&self.wiring(cut), &stop, |small_phi, scratch| {
            self.units()
                .subsets_by_size()
                .map(|purview| self.over(small_phi, direction, mechanism, purview, &stop, scratch))
                .filter(|it| it.as_ref().map_or(true, |it| it.phi > 0.0))
                .collect::<Result<Vec<_>, _>>()
        })?;
        let largest = found.iter().map(|it| it.phi).fold(0.0, f64::max);
        let is_tied = |it: &PurviewAnalysis| it.phi >= largest - self.tolerance();
        found.sort_by(|a, b| {
            let by_size = || b.purview.len().cmp(&a.purview.len());
            match (is_tied(a), is_tied(b)) {
                (true, true) => by_size(),
                (a_is_tied, b_is_tied) if a_is_tied != b_is_tied => b_is_tied.cmp(&a_is_tied),
                _ => b.phi.total_cmp(&a.phi).then_with(by_size),
            }
        });
        Ok(found)
    }

    fn over(
        &self,
        small_phi: &SmallPhi<'_>,
        direction: Direction,
        mechanism: UnitSet,
        purview: UnitSet,
        stop: &Stop,
        scratch: &mut Scratch,
    ) -> Result<PurviewAnalysis, StopReason> {
        let (m, p) = (self.local(mechanism), self.local(purview));
        let wiring = small_phi.wiring;
        let (phi, mips) = match direction {
            _ if !are_connected(wiring, direction, m, p) => (0, Vec::new()),
            Direction::Cause => small_phi.cause_mips(m, p, usize::MAX, scratch),
            Direction::Effect => small_phi.effect_mips(m, p, usize::MAX),
        };
        if let Some(reason) = stop.reason() {
            return Err(reason);
        }
        let repertoire = |m: u32, p: u32| self.probabilities(wiring, direction, m, p);
        let of_purview = |probabilities| Repertoire { purview, probabilities };
        let partitioned = mips.first().map(|&(m1, p1)| {
            let (first, second) = (repertoire(m1, p1), repertoire(m & !m1, p & !p1));
            let mut product = Vec::new();
            multiply(&first, p1, &second, p, &mut RepertoireScratch::default(), &mut product);
            of_purview(product)
        });
        let partition = |&first: &_| Partition::from_local(m, p, first, self.units().bits());
        Ok(PurviewAnalysis {
            purview,
            phi: if phi <= self.tolerance_fixed() { 0.0 } else { to_f64(phi) },
            mips: mips.iter().map(partition).collect(),
            repertoire: of_purview(repertoire(m, p)),
            partitioned,
            unconstrained: of_purview(repertoire(0, p)),
        })
    }
}
