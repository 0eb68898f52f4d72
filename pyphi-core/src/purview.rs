//! One mechanism over chosen purviews by IIT 3.0: small φ with all partitions that attain it, and
//! the repertoires that it is a distance of.

use crate::by_definition::Definition;
use crate::fixed::{Fixed, to_f64};
use crate::limits::{Options, Stop, StopReason};
use crate::mip::{Scratch, SmallPhi};
use crate::partition::{Cut, Partition, two_parts};
use crate::repertoire::{Direction, Repertoire};
use crate::subsystem::{Subsystem, are_connected};
use crate::tables::Wiring;
use crate::tie_order::LocalOrder;
use crate::unit_set::UnitSet;
use crate::variant::Variant;

/// Small φ of a mechanism over one purview, with all that it rests on (Oizumi et al. 2014).
#[derive(Debug, Clone, PartialEq)]
pub struct PurviewAnalysis {
    /// Units of the purview.
    pub purview: UnitSet,
    /// φ: the smallest earth mover's distance from the repertoire to a partitioned one; by the
    /// measure and over the partitions of [`Options::variant`], if that says so.
    pub phi: f64,
    /// All partitions at that distance, within the tolerance, in a fixed order: the first is the
    /// minimum information partition. Empty if mechanism and purview are not
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
        let mut found = self.over_all(cut, direction, mechanism, &[purview], options)?;
        Ok(found.pop().expect("one purview"))
    }

    /// As [`Subsystem::purview_analysis`], of all purviews for which φ > 0. First come those that
    /// tie for the largest φ, by size from the largest down (or from the smallest up, if the
    /// variant says so) and then lexicographically, so that the first is that of the core cause or
    /// core effect; then the others, by φ.
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
        let purviews: Vec<UnitSet> = self.units().subsets_by_size().collect();
        let mut found = self.over_all(cut, direction, mechanism, &purviews, options)?;
        found.retain(|it| it.phi > 0.0);
        let largest = found.iter().map(|it| it.phi).fold(0.0, f64::max);
        let is_tied = |it: &PurviewAnalysis| it.phi >= largest - self.tolerance();
        found.sort_by(|a, b| {
            let by_size = || match options.variant.smallest_purview {
                true => a.purview.len().cmp(&b.purview.len()),
                false => b.purview.len().cmp(&a.purview.len()),
            };
            match (is_tied(a), is_tied(b)) {
                (true, true) => by_size(),
                (a_is_tied, b_is_tied) if a_is_tied != b_is_tied => b_is_tied.cmp(&a_is_tied),
                _ => b.phi.total_cmp(&a.phi).then_with(by_size),
            }
        });
        Ok(found)
    }

    /// The repertoire of a mechanism over a purview as it is where this partition severs them: the
    /// product of the repertoires of its parts. Under a cut of the system if there is one.
    ///
    /// ```
    /// use pyphi_core::{Direction, Options, UnitSet, fixtures};
    ///
    /// let subsystem = fixtures::or_and_xor();
    /// let [m, p] = [UnitSet::from_iter([0, 1]), UnitSet::from_iter([2])];
    /// let (effect, options) = (Direction::Effect, Options::default());
    /// let found = subsystem.purview_analysis(None, effect, m, p, &options).unwrap();
    /// let partitioned = subsystem.partitioned_repertoire(None, effect, &found.mips[0]);
    /// assert_eq!(partitioned.probabilities, [0.5, 0.5]);
    /// assert_eq!(Some(partitioned), found.partitioned);
    /// ```
    ///
    /// # Panics
    /// If a unit is not in the subsystem.
    pub fn partitioned_repertoire(
        &self,
        cut: Option<Cut>,
        direction: Direction,
        partition: &Partition,
    ) -> Repertoire {
        let (wiring, stop) = (self.wiring(cut), Stop::never());
        let definition = Definition {
            subsystem: self,
            variant: Variant::default(),
            wiring: &wiring,
            order: LocalOrder::Lexicographic,
            stop: &stop,
        };
        let local = |&(m, p): &(UnitSet, UnitSet)| (self.local(m), self.local(p));
        let parts: Vec<(u32, u32)> = partition.parts.iter().map(local).collect();
        let purview = partition.parts.iter().fold(UnitSet::EMPTY, |all, it| all.union(it.1));
        Repertoire { purview, probabilities: definition.partitioned(direction, &parts) }
    }

    fn over_all(
        &self,
        cut: Option<Cut>,
        direction: Direction,
        mechanism: UnitSet,
        purviews: &[UnitSet],
        options: &Options,
    ) -> Result<Vec<PurviewAnalysis>, StopReason> {
        let (wiring, stop, variant) = (self.wiring(cut), Stop::new(options), options.variant);
        let over = |&purview: &UnitSet, bounds: (&SmallPhi<'_>, &mut Scratch)| {
            self.over(&wiring, &stop, direction, (mechanism, purview), variant, bounds)
        };
        self.with_small_phi(&wiring, &stop, |small_phi, scratch| {
            purviews.iter().map(|it| over(it, (small_phi, &mut *scratch))).collect()
        })
    }

    /// One purview; by another variant straight from the definition, without bounds.
    fn over(
        &self,
        wiring: &Wiring,
        stop: &Stop,
        direction: Direction,
        (mechanism, purview): (UnitSet, UnitSet),
        variant: Variant,
        bounds: (&SmallPhi<'_>, &mut Scratch),
    ) -> Result<PurviewAnalysis, StopReason> {
        let (m, p) = (self.local(mechanism), self.local(purview));
        let bounds = variant.has_bounds_of_small_phi().then_some(bounds);
        let order = LocalOrder::Lexicographic;
        let definition = Definition { subsystem: self, variant, wiring, order, stop };
        let published = |(phi, mips): (Fixed, Vec<(u32, u32)>)| {
            (to_f64(phi), mips.iter().map(|&first| two_parts(m, p, first).to_vec()).collect())
        };
        let (phi, mips): (f64, Vec<Vec<(u32, u32)>>) = match (bounds, direction) {
            _ if !are_connected(wiring, direction, m, p) => (0.0, Vec::new()),
            (None, _) => definition.mips(direction, m, p, usize::MAX),
            (Some((small_phi, scratch)), Direction::Cause) => {
                published(small_phi.cause_mips(m, p, usize::MAX, scratch))
            }
            (Some((small_phi, _)), Direction::Effect) => {
                published(small_phi.effect_mips(m, p, usize::MAX))
            }
        };
        if let Some(reason) = stop.reason() {
            return Err(reason);
        }
        let of_purview = |probabilities| Repertoire { purview, probabilities };
        let repertoire = |m: u32, p: u32| of_purview(self.probabilities(wiring, direction, m, p));
        let partitioned = |parts: &Vec<_>| of_purview(definition.partitioned(direction, parts));
        Ok(PurviewAnalysis {
            purview,
            phi: if phi <= self.tolerance() { 0.0 } else { phi },
            mips: mips.iter().map(|it| Partition::of_local(it, self.units().bits())).collect(),
            repertoire: repertoire(m, p),
            partitioned: mips.first().map(partitioned),
            unconstrained: repertoire(0, p),
        })
    }
}
