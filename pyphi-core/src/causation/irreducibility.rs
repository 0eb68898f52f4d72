//! 𝒜: how irreducible an account is.
//!
//! A partition of the transition severs connections from units before to units after, and the
//! account is made anew under the cut. It need not be searched anew:
//!
//! **A cut changes no α.** Blocks (C_b, E_b) of units before and after keep the connections inside
//! them and no others. If an occurrence and its candidate are inside one block, all that α depends
//! on is given what is known of units of that block, and what is severed is averaged over whether
//! it is severed or only unknown: α is what it was. If they are not, the connections that are left
//! fall apart, or leave a unit without one, and α is 0 or that of a smaller candidate. So the
//! account under the cut has, for each occurrence inside a block, the strongest of the intact α
//! whose candidate is inside it as well, and nothing else.
//!
//! So 𝒜 is never negative, and the partition that leaves most, which is the one that takes least,
//! is found by the same search as α ([`partitions`](super::partitions)): a block costs minus the
//! sum of the links inside it.

use super::TOLERANCE;
use super::account::{Account, check_memory};
use super::alpha::{Alphas, strongest, sums};
use super::partitions::{Blocks, PartitionSearch};
use super::transition::to_network;
use crate::iit4::JointPartition;
use crate::limits::{Options, Stop, StopReason, steps};
use crate::network::Network;
use crate::repertoire::Direction;
use crate::unit_set::{UnitSet, bits};

/// The irreducibility of an account.
#[derive(Debug, Clone, PartialEq)]
pub struct Irreducibility {
    /// The direction of the links and partitions that it is about; `None` for all.
    pub direction: Option<Direction>,
    /// 𝒜: what the partition that takes least takes from the sum of α, in bits.
    pub irreducibility: f64,
    /// The sum of α over these links.
    pub alpha: f64,
    /// The partition: one of the effects with the causes that each block keeps
    /// ([`Direction::Cause`]), or of the causes with the effects. Of those that tie it is the first
    /// found. `None` where none was tried.
    pub partition: Option<(Direction, JointPartition)>,
    /// The connections that it severs, from units before to units after.
    pub severed: Vec<(usize, usize)>,
    /// The reason why no partition was tried.
    pub reason: Option<Reason>,
}

/// The reason why 𝒜 is 0 without a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// No unit before or no unit after is considered.
    #[error("there are no units on one of the sides")]
    NoUnits,
    /// The units considered fall apart.
    #[error("the units are not connected")]
    NotConnected,
    /// There is no causal link.
    #[error("there is no causal link")]
    NoLinks,
}

impl Account {
    /// 𝒜 of the account: of its causes, of its effects, or of all of it under the partitions of
    /// both.
    ///
    /// # Errors
    /// The reason, if the analysis was stopped, or needs more memory than it may take.
    pub fn irreducibility(
        &self,
        direction: Option<Direction>,
        options: &Options,
    ) -> Result<Irreducibility, StopReason> {
        let stop = Stop::new(options);
        let [n_cause, n_effect] = self.transition.n_units();
        check_memory(self.transition.predicted_bytes(), options)?;
        let is_asked = |of: Direction| direction.is_none_or(|it| it == of);
        let links = self.links().iter().filter(|it| is_asked(it.direction));
        let alpha: f64 = links.map(|it| it.alpha).sum();
        let none = |reason| Irreducibility {
            direction,
            irreducibility: 0.0,
            alpha,
            partition: None,
            severed: Vec::new(),
            reason: Some(reason),
        };
        let Some(both) = &self.alphas else { return Ok(none(Reason::NoUnits)) };
        let transition = &self.transition;
        let units = transition.cause().union(transition.effect());
        if !are_connected(transition.network(), units) {
            return Ok(none(Reason::NotConnected));
        }
        if alpha == 0.0 {
            return Ok(none(Reason::NoLinks));
        }
        // The links between units before and units after, by causes or by effects.
        let strongest: Option<Vec<(&Alphas, Vec<f64>)>> = (both.iter())
            .filter(|it| is_asked(it.direction))
            .map(|it| Some((it, strongest(it, &stop)?)))
            .collect();
        let strongest = strongest.ok_or_else(|| stop.why())?;
        let mut best: Option<(f64, Direction, Blocks)> = None;
        for of in [Direction::Cause, Direction::Effect].into_iter().filter(|&it| is_asked(it)) {
            let (n_mechanism, n_purview) = match of {
                Direction::Cause => (n_effect, n_cause),
                Direction::Effect => (n_cause, n_effect),
            };
            let search = costs(&strongest, of, [n_cause, n_effect], &stop).and_then(|costs| {
                PartitionSearch::new(self.scheme, n_mechanism, n_purview, costs, &stop, None)
            });
            let search = search.ok_or_else(|| stop.why())?;
            let all = |n: usize| UnitSet::all(n).bits();
            let blocks = search.partition(all(n_mechanism), all(n_purview));
            let lost = lost(&strongest, of, &blocks);
            if best.as_ref().is_none_or(|it| lost < it.0 - TOLERANCE) {
                best = Some((lost, of, blocks));
            }
        }
        let (lost, of, blocks) = best.expect("a direction is asked for");
        let [mechanisms, purviews] = match of {
            Direction::Cause => [transition.effect(), transition.cause()],
            Direction::Effect => [transition.cause(), transition.effect()],
        };
        let to_network =
            |&(m, p): &(u32, u32)| (to_network(m, mechanisms), to_network(p, purviews));
        let blocks: Vec<(UnitSet, UnitSet)> = blocks.iter().map(to_network).collect();
        let is_kept = |from: usize, to: usize| {
            let (m, p) = if of == Direction::Cause { (to, from) } else { (from, to) };
            blocks.iter().any(|block| block.0.contains(m) && block.1.contains(p))
        };
        let network = transition.network();
        let edges = transition.cause().iter().flat_map(|from| {
            let to =
                transition.effect().iter().filter(move |&to| network.inputs(to).contains(from));
            to.map(move |to| (from, to))
        });
        let severed = edges.filter(|&(from, to)| !is_kept(from, to)).collect();
        Ok(Irreducibility {
            direction,
            irreducibility: if lost <= TOLERANCE { 0.0 } else { lost },
            alpha,
            partition: Some((of, JointPartition { blocks })),
            severed,
            reason: None,
        })
    }
}

/// Sums the links that are kept inside a block, times -1, by mechanism units and purview units of
/// partitions of this direction. Returns `None` if it was stopped.
pub(super) fn costs(
    strongest: &[(&Alphas, Vec<f64>)],
    of: Direction,
    [n_cause, n_effect]: [usize; 2],
    stop: &Stop,
) -> Option<Vec<f64>> {
    let mut all = vec![0.0; 1 << (n_cause + n_effect)];
    for (alphas, strongest) in strongest {
        let (n_mechanism, n_purview) = (alphas.mechanisms.len(), alphas.purviews.len());
        let sums = sums(strongest.clone(), n_mechanism, n_purview, stop)?;
        steps(all.len());
        if alphas.direction == of {
            all.iter_mut().zip(sums).for_each(|(sum, value)| *sum += value);
            continue;
        }
        for (m, row) in sums.chunks_exact(1 << n_purview).enumerate() {
            if stop.is_due() {
                return None;
            }
            for (p, value) in row.iter().enumerate() {
                all[p << n_mechanism | m] += value;
            }
        }
    }
    Some(all)
}

/// Sums the α that a partition takes from the links, one by one: links that it leaves alone lose
/// exactly 0.
fn lost(strongest: &[(&Alphas, Vec<f64>)], of: Direction, blocks: &[(u32, u32)]) -> f64 {
    let mut lost = 0.0;
    for (alphas, strongest) in strongest {
        let n_purview = alphas.purviews.len();
        let all = (1usize << n_purview) - 1;
        for (m, row) in strongest.chunks_exact(1 << n_purview).enumerate() {
            let kept = blocks
                .iter()
                .map(|&(a, b)| if alphas.direction == of { (a, b) } else { (b, a) })
                .find(|block| m as u32 & !block.0 == 0)
                .map_or(0.0, |block| row[block.1 as usize]);
            lost += kept - row[all];
        }
    }
    lost
}

/// Returns `true` if the units are connected by connections among them.
pub(super) fn are_connected(network: &Network, units: UnitSet) -> bool {
    let all = units.bits();
    let mut seen = all & all.wrapping_neg();
    loop {
        let mut next = seen;
        for unit in bits(all) {
            let inputs = network.inputs(unit).bits() & all;
            if seen >> unit & 1 == 1 {
                next |= inputs;
            } else if inputs & seen != 0 {
                next |= 1 << unit;
            }
        }
        if next == seen {
            return seen == all;
        }
        seen = next;
    }
}
