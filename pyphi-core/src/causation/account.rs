//! The account of a transition: its causal links.

use std::fmt;
use std::time::Instant;

use super::TOLERANCE;
use super::alpha::Alphas;
use super::partitions::Scheme;
use super::transition::{Transition, by_size, to_network};
use crate::iit4::JointPartition;
use crate::limits::{Options, Phase, Stop, StopReason, Watch};
use crate::repertoire::Direction;
use crate::unit_set::{UnitSet, bits};

/// An occurrence with its actual cause or its actual effect. Displays as `{0} <- {1} 0.415037` (a
/// cause) or `{0} -> {1} 0.415037` (an effect), with ` or ` between purviews that tie.
#[derive(Debug, Clone, PartialEq)]
pub struct CausalLink {
    /// The direction: the cause or the effect of the occurrence.
    pub direction: Direction,
    /// The units of the occurrence: after for causes, before for effects.
    pub mechanism: UnitSet,
    /// α of the strongest candidates, in bits; more than 0.
    pub alpha: f64,
    /// The candidates of this α that have no part of the same α, by size and then
    /// lexicographically. One is the actual cause or effect; of several it is undetermined which.
    pub purviews: Vec<UnitSet>,
    /// Candidates of this α of which such a purview is a part, by size and then lexicographically.
    pub tied_supersets: Vec<UnitSet>,
    /// The probability of the state of the first purview, given the occurrence.
    pub probability: f64,
    /// The same without knowledge of the occurrence.
    pub unconstrained: f64,
    /// log2 of how many times as large the first is: ρ, in bits.
    pub ratio: f64,
    /// A partition of the occurrence and the first purview that takes α away.
    pub partition: JointPartition,
}

impl CausalLink {
    /// Returns `true` if several candidates could each be the cause or the effect.
    pub fn is_undetermined(&self) -> bool {
        self.purviews.len() > 1
    }
}

impl fmt::Display for CausalLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let purviews: Vec<String> = self.purviews.iter().map(UnitSet::to_string).collect();
        let arrow = match self.direction {
            Direction::Cause => "<-",
            Direction::Effect => "->",
        };
        write!(f, "{} {arrow} {} {:.6}", self.mechanism, purviews.join(" or "), self.alpha)
    }
}

/// An occurrence with a candidate for its cause or effect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The direction: a candidate for the cause or for the effect.
    pub direction: Direction,
    /// The units of the occurrence.
    pub mechanism: UnitSet,
    /// The units of the candidate.
    pub purview: UnitSet,
    /// The probability of the state of the candidate, given the occurrence.
    pub probability: f64,
    /// The same without knowledge of the occurrence.
    pub unconstrained: f64,
    /// log2 of how many times as large the first is: ρ, in bits.
    pub ratio: f64,
    /// The α that is lost by the partition that takes least, in bits. It is negative if that
    /// partition makes the state of the candidate more probable.
    pub signed_alpha: f64,
    /// α: the same, or 0 if that is not more than the tolerance.
    pub alpha: f64,
}

/// The account of a transition: which occurrences caused which.
#[derive(Debug, Clone)]
pub struct Account {
    pub(super) transition: Transition,
    pub(super) scheme: Scheme,
    /// Causes and effects; `None` if there are no units on one of the sides.
    pub(super) alphas: Option<[Alphas; 2]>,
    links: Vec<CausalLink>,
}

/// The account of a transition: all its causal links.
///
/// # Errors
/// The reason, if the analysis was stopped, or needs more memory than it may take.
pub fn account(
    transition: &Transition,
    scheme: Scheme,
    options: &Options,
) -> Result<Account, StopReason> {
    let (began, stop) = (Instant::now(), Stop::new(options));
    let [n_cause, n_effect] = transition.n_units();
    check_memory(transition.predicted_bytes(), options)?;
    let empty = Account { transition: transition.clone(), scheme, alphas: None, links: Vec::new() };
    if n_cause == 0 || n_effect == 0 {
        return Ok(empty);
    }
    let total = (1 << n_cause) + (1 << n_effect) - 2;
    let watch = Watch::new(options, began, Phase::Occurrences, total);
    let both = [Direction::Cause, Direction::Effect]
        .map(|direction| Alphas::new(transition, direction, scheme, &stop, Some(&watch)));
    let [Some(causes), Some(effects)] = both else { return Err(stop.why()) };
    let mut links = Vec::new();
    for alphas in [&causes, &effects] {
        for mechanism in by_size(alphas.mechanisms.len()) {
            if let Some(reason) = stop.reason() {
                return Err(reason);
            }
            links.extend(link(transition, alphas, mechanism));
        }
    }
    Ok(Account { alphas: Some([causes, effects]), links, ..empty })
}

/// # Errors
/// If more memory is needed than there may be.
pub(super) fn check_memory(needed: Option<u64>, options: &Options) -> Result<(), StopReason> {
    let needed_bytes = needed.unwrap_or(u64::MAX);
    match options.limits.memory_bytes {
        Some(most) if needed_bytes > most => Err(StopReason::MemoryLimit { needed_bytes }),
        _ => Ok(()),
    }
}

/// The causal link of a mechanism, if it has one.
fn link(transition: &Transition, alphas: &Alphas, mechanism: u32) -> Option<CausalLink> {
    let n_sets = 1u32 << alphas.purviews.len();
    let alpha = (1..n_sets).map(|p| alphas.alpha(mechanism, p)).fold(0.0, f64::max);
    if alpha == 0.0 {
        return None;
    }
    let tied: Vec<u32> =
        (1..n_sets).filter(|&p| alphas.alpha(mechanism, p) >= alpha - TOLERANCE).collect();
    // A proper subset of p that ties is before p.
    let mut minimal: Vec<u32> = Vec::new();
    for &p in &tied {
        if !minimal.iter().any(|it| it & !p == 0) {
            minimal.push(p);
        }
    }
    let set = |p: u32| to_network(p, alphas.purviews);
    let is_larger = |p: &&u32| {
        !minimal.contains(p) && is_candidate(transition, alphas.direction, mechanism, **p)
    };
    let mut tied_supersets: Vec<UnitSet> = tied.iter().filter(is_larger).map(|&p| set(p)).collect();
    tied_supersets.sort_by(|a, b| a.cmp_by_size(*b));
    minimal.sort_by(|&a, &b| UnitSet::from_bits(a).cmp_by_size(UnitSet::from_bits(b)));
    let (first, direction) = (minimal[0], alphas.direction);
    let Candidate { probability, unconstrained, ratio, .. } =
        candidate(transition, alphas, mechanism, first);
    Some(CausalLink {
        direction,
        mechanism: to_network(mechanism, alphas.mechanisms),
        alpha,
        purviews: minimal.into_iter().map(set).collect(),
        tied_supersets,
        probability,
        unconstrained,
        ratio,
        partition: alphas.partition(mechanism, first),
    })
}

/// Returns `true` if mechanism and purview are connected. If they are not, α is 0 or that of a
/// part.
fn is_candidate(transition: &Transition, direction: Direction, m: u32, p: u32) -> bool {
    match direction {
        Direction::Cause => transition.are_connected(p, m),
        Direction::Effect => transition.are_connected(m, p),
    }
}

fn candidate(transition: &Transition, alphas: &Alphas, m: u32, p: u32) -> Candidate {
    let unconstrained = match alphas.direction {
        Direction::Cause => 1.0 / transition.n_states(p) as f64,
        Direction::Effect => bits(p).map(|it| transition.unconstrained_effect(it)).product(),
    };
    let ratio = alphas.ratio(m, p);
    Candidate {
        direction: alphas.direction,
        mechanism: to_network(m, alphas.mechanisms),
        purview: to_network(p, alphas.purviews),
        probability: unconstrained * ratio.exp2(),
        unconstrained,
        ratio,
        signed_alpha: alphas.signed(m, p),
        alpha: alphas.alpha(m, p),
    }
}

impl Account {
    /// The transition.
    pub fn transition(&self) -> &Transition {
        &self.transition
    }

    /// The partitions that were tried.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The links: causes and then effects, by the size of the mechanism and then lexicographically.
    pub fn links(&self) -> &[CausalLink] {
        &self.links
    }

    /// The sum of α over the links, in bits.
    pub fn alpha(&self) -> f64 {
        self.links.iter().map(|it| it.alpha).sum()
    }

    /// A candidate for the cause or the effect of an occurrence, connected with it or not. `None`
    /// if mechanism or purview is empty, or has a unit that is not considered on its side.
    pub fn candidate(
        &self,
        direction: Direction,
        mechanism: UnitSet,
        purview: UnitSet,
    ) -> Option<Candidate> {
        let alphas = self.of(direction)?;
        let (m, p) = alphas.local(mechanism, purview)?;
        Some(candidate(&self.transition, alphas, m, p))
    }

    /// All candidates that are connected with their occurrence: causes and then effects, mechanisms
    /// and their purviews by size and then lexicographically.
    pub fn candidates(&self) -> impl Iterator<Item = Candidate> + '_ {
        self.alphas.iter().flatten().flat_map(move |alphas| {
            let purviews = by_size(alphas.purviews.len());
            by_size(alphas.mechanisms.len()).into_iter().flat_map(move |m| {
                let connected =
                    move |&p: &u32| is_candidate(&self.transition, alphas.direction, m, p);
                let of = move |p| candidate(&self.transition, alphas, m, p);
                purviews.clone().into_iter().filter(connected).map(of)
            })
        })
    }

    pub(super) fn of(&self, direction: Direction) -> Option<&Alphas> {
        self.alphas.iter().flatten().find(|it| it.direction == direction)
    }
}
