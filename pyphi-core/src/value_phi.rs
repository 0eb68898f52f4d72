//! Small φ of units of which some have more than two values, from the same places as that of binary
//! units in `mip`: what is above a mechanism and its purview is the same search for all.
//!
//! Effect side. As with binary units, every unit of the purview chooses its part by itself; what it
//! loses is half the L1 distance of its distributions. Cause side: every partition, whose transport
//! is only solved where the marginals do not rule it out.

use crate::fixed::Fixed;
use crate::mip::{ANY, Scratch, SmallPhi};
use crate::partition::local_partitions;
use crate::repertoire::Direction;
use crate::symmetry::KnownPhi;
use crate::transport::Total;
use crate::unit_set::bits;
use crate::value_tables::ValueTables;

impl SmallPhi<'_> {
    /// The distance of each unit of `reach` from its distribution given the mechanism, if it only
    /// sees a part of that.
    pub(crate) fn losses_of_values(
        &self,
        values: &ValueTables,
        mechanism: u32,
        part: u32,
        reach: u32,
    ) -> [Fixed; 16] {
        let mut losses = [0; 16];
        for (loss, unit) in losses.iter_mut().zip(bits(reach)) {
            let lanes = |known| values.lanes_of(unit, self.wiring.seen_by(unit, known));
            let apart = lanes(mechanism).iter().zip(lanes(part));
            *loss = apart.map(|(whole, part)| (whole - part).abs()).sum();
        }
        losses
    }

    /// φ of one pair, exactly; or a bound as soon as one is known that is below `floor`. Anything,
    /// if the analysis is to stop.
    pub(crate) fn cause_phi_of_values(
        &self,
        values: &ValueTables,
        mechanism: u32,
        purview: u32,
        floor: Fixed,
        scratch: &mut Scratch,
    ) -> KnownPhi {
        scratch.stats.purviews_evaluated += 1;
        let mut phi = Fixed::MAX;
        let whole = values.repertoire(self.wiring, Direction::Cause, mechanism, purview);
        for first in local_partitions(mechanism, purview) {
            let stop_at = if self.rules.prune { phi } else { Fixed::MAX };
            let distance = self.distance_of_values(
                values,
                &whole,
                (mechanism, purview),
                first,
                stop_at,
                scratch,
            );
            match distance {
                None => return ANY,
                Some(Total::Exact(distance)) => phi = phi.min(distance as Fixed),
                Some(Total::AtLeast(_)) => {}
            }
            if self.rules.prune && phi < floor {
                return KnownPhi::AtMost(phi);
            }
        }
        if phi >= floor { KnownPhi::Exactly(phi) } else { KnownPhi::AtMost(phi) }
    }

    /// Goes through the partitions whose distance is at most `limit` on the cause side, in order
    /// and as long as `visit` says so. `false` if the analysis is to stop.
    pub(crate) fn for_each_tied_of_values(
        &self,
        values: &ValueTables,
        limit: Fixed,
        mechanism: u32,
        purview: u32,
        scratch: &mut Scratch,
        mut visit: impl FnMut((u32, u32)) -> bool,
    ) -> bool {
        let whole = values.repertoire(self.wiring, Direction::Cause, mechanism, purview);
        for first in local_partitions(mechanism, purview) {
            let of = (mechanism, purview);
            match self.distance_of_values(values, &whole, of, first, limit + 1, scratch) {
                None => return false,
                Some(Total::Exact(distance)) if distance <= limit.into() && !visit(first) => break,
                _ => {}
            }
        }
        true
    }

    /// The distance of the repertoire under a partition, given by its first part, from the whole
    /// one; or that it is at least `stop_at`. `None` if the analysis is to stop.
    fn distance_of_values(
        &self,
        values: &ValueTables,
        whole: &[f64],
        (mechanism, purview): (u32, u32),
        (m1, p1): (u32, u32),
        stop_at: Fixed,
        scratch: &mut Scratch,
    ) -> Option<Total> {
        if self.stop.is_due() {
            return None;
        }
        scratch.stats.partitions_bounded += 1;
        let (m2, p2) = (mechanism & !m1, purview & !p1);
        let part = |m, p| values.repertoire(self.wiring, Direction::Cause, m, p);
        let product = values.product((&part(m1, p1), p1), (&part(m2, p2), p2));
        let room = &mut scratch.of_states;
        let total = values.transport(purview, (whole, &product), stop_at, self.stop, room);
        scratch.stats.emds_solved += u64::from(matches!(total, Some(Total::Exact(_))));
        total
    }
}
