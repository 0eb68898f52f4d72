//! Actual causation as JSON.

use serde::{Deserialize, Serialize};

use super::account::{Account, Candidate, CausalLink};
use super::events::Event;
use super::irreducibility::Irreducibility;
use super::nexus::NexusTransition;
use super::transition::{Background, Transition};
use crate::concept::unit_list;
use crate::iit4::JointPartition;
use crate::record::{PartRecord, ValuesRecord};
use crate::repertoire::Direction;
use crate::unit_set::UnitSet;

/// A transition and the rules for it, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransitionRecord {
    /// Name of the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The number of values of each unit of the network, and their names.
    #[serde(flatten)]
    pub values: ValuesRecord,
    /// State of the whole network before.
    pub before: Vec<u8>,
    /// State of the whole network after.
    pub after: Vec<u8>,
    /// Units considered before.
    pub cause: Vec<usize>,
    /// Units considered after.
    pub effect: Vec<usize>,
    /// `fixed` or `noise`.
    pub background: String,
    /// The partitions tried: `all`, `tri` or `bi`.
    pub scheme: String,
    /// P(the effects are as they are after | all units before).
    pub transition_probability: f64,
}

/// The account of a transition, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountRecord {
    /// The transition.
    #[serde(flatten)]
    pub transition: TransitionRecord,
    /// The causal links: causes and then effects.
    pub links: Vec<LinkRecord>,
    /// The sum of α over them, in bits.
    pub sum_alpha: f64,
    /// 𝒜.
    pub account_irreducibility: IrreducibilitiesRecord,
    /// All candidates; absent where they were not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidates: Option<Vec<CandidateRecord>>,
}

/// 𝒜 of an account and of each of its directions, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IrreducibilitiesRecord {
    /// 𝒜 of all links, under the partitions of both directions.
    pub bi: IrreducibilityRecord,
    /// 𝒜 of the causes alone.
    pub cause: IrreducibilityRecord,
    /// 𝒜 of the effects alone.
    pub effect: IrreducibilityRecord,
}

/// 𝒜, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IrreducibilityRecord {
    /// 𝒜 in bits.
    #[serde(rename = "A")]
    pub irreducibility: f64,
    /// The sum of α over the links in question.
    pub sum_alpha: f64,
    /// The direction of the partition: `cause` if its blocks are of effects with causes, `effect`
    /// if they are of causes with effects; null where no partition was tried.
    pub partition_direction: Option<String>,
    /// The blocks of the partition.
    pub partition: Vec<PartRecord>,
    /// The connections that it severs, from a unit before to a unit after.
    pub severed: Vec<(usize, usize)>,
    /// The reason why no partition was tried; null if one was.
    pub reason: Option<String>,
}

/// A causal link, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkRecord {
    /// `cause` or `effect`.
    pub direction: String,
    /// Units of the occurrence.
    pub mechanism: Vec<usize>,
    /// α in bits.
    pub alpha: f64,
    /// The candidates of this α that have no part of the same α.
    pub purviews: Vec<Vec<usize>>,
    /// `true` if these are several.
    pub undetermined: bool,
    /// Candidates of this α of which one of these is a part.
    pub tied_supersets: Vec<Vec<usize>>,
    /// The probability of the state of the first purview, given the occurrence.
    pub probability: f64,
    /// The same without knowledge of the occurrence.
    pub unconstrained: f64,
    /// log2 of their ratio: ρ in bits.
    pub ratio: f64,
    /// A partition that takes α away.
    pub partition: Vec<PartRecord>,
}

/// A candidate, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CandidateRecord {
    /// `cause` or `effect`.
    pub direction: String,
    /// Units of the occurrence.
    pub mechanism: Vec<usize>,
    /// Units of the candidate.
    pub purview: Vec<usize>,
    /// The probability of its state, given the occurrence.
    pub probability: f64,
    /// The same without knowledge of the occurrence.
    pub unconstrained: f64,
    /// log2 of their ratio: ρ in bits.
    pub ratio: f64,
    /// α in bits.
    pub alpha: f64,
    /// The α that is lost by the partition that takes least, which may be negative.
    pub signed_alpha: f64,
}

/// A part of a transition with 𝒜 > 0, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NexusTransitionRecord {
    /// 𝒜 in bits.
    #[serde(rename = "A")]
    pub irreducibility: f64,
    /// Units considered before.
    pub cause: Vec<usize>,
    /// Units considered after.
    pub effect: Vec<usize>,
}

/// An event, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventRecord {
    /// Units of the occurrence, in the current state.
    pub mechanism: Vec<usize>,
    /// Its actual cause, in the previous state.
    pub cause: LinkRecord,
    /// Its actual effect, in the next state.
    pub effect: LinkRecord,
}

impl TransitionRecord {
    /// The record of a transition.
    pub fn new(name: Option<&str>, transition: &Transition, scheme: super::Scheme) -> Self {
        TransitionRecord {
            name: name.map(str::to_owned),
            values: ValuesRecord::from(transition.network()),
            before: transition.before().values(),
            after: transition.after().values(),
            cause: unit_list(transition.cause()),
            effect: unit_list(transition.effect()),
            background: background(transition.background()).to_owned(),
            scheme: scheme.to_string(),
            transition_probability: transition.probability(),
        }
    }
}

impl AccountRecord {
    /// The record of an account with its 𝒜: of both directions, of causes, of effects.
    pub fn new(
        name: Option<&str>,
        account: &Account,
        [both, cause, effect]: &[Irreducibility; 3],
        has_candidates: bool,
    ) -> AccountRecord {
        AccountRecord {
            transition: TransitionRecord::new(name, account.transition(), account.scheme()),
            links: account.links().iter().map(LinkRecord::from).collect(),
            sum_alpha: account.alpha(),
            account_irreducibility: IrreducibilitiesRecord {
                bi: both.into(),
                cause: cause.into(),
                effect: effect.into(),
            },
            candidates: has_candidates
                .then(|| account.candidates().map(CandidateRecord::from).collect()),
        }
    }
}

impl From<&Irreducibility> for IrreducibilityRecord {
    fn from(found: &Irreducibility) -> IrreducibilityRecord {
        let (of, partition) = match &found.partition {
            Some((of, partition)) => (Some(direction(*of)), parts(partition)),
            None => (None, Vec::new()),
        };
        IrreducibilityRecord {
            irreducibility: found.irreducibility,
            sum_alpha: found.alpha,
            partition_direction: of,
            partition,
            severed: found.severed.clone(),
            reason: found.reason.map(|it| it.to_string()),
        }
    }
}

impl From<&CausalLink> for LinkRecord {
    fn from(link: &CausalLink) -> LinkRecord {
        let sets = |sets: &[UnitSet]| sets.iter().map(|&it| unit_list(it)).collect();
        LinkRecord {
            direction: direction(link.direction),
            mechanism: unit_list(link.mechanism),
            alpha: link.alpha,
            purviews: sets(&link.purviews),
            undetermined: link.is_undetermined(),
            tied_supersets: sets(&link.tied_supersets),
            probability: link.probability,
            unconstrained: link.unconstrained,
            ratio: link.ratio,
            partition: parts(&link.partition),
        }
    }
}

impl From<Candidate> for CandidateRecord {
    fn from(it: Candidate) -> CandidateRecord {
        CandidateRecord {
            direction: direction(it.direction),
            mechanism: unit_list(it.mechanism),
            purview: unit_list(it.purview),
            probability: it.probability,
            unconstrained: it.unconstrained,
            ratio: it.ratio,
            alpha: it.alpha,
            signed_alpha: it.signed_alpha,
        }
    }
}

impl From<&NexusTransition> for NexusTransitionRecord {
    fn from(it: &NexusTransition) -> NexusTransitionRecord {
        NexusTransitionRecord {
            irreducibility: it.irreducibility,
            cause: unit_list(it.cause),
            effect: unit_list(it.effect),
        }
    }
}

impl From<&Event> for EventRecord {
    fn from(it: &Event) -> EventRecord {
        EventRecord {
            mechanism: unit_list(it.mechanism),
            cause: (&it.cause).into(),
            effect: (&it.effect).into(),
        }
    }
}

/// `fixed` or `noise`.
pub fn background(background: Background) -> &'static str {
    match background {
        Background::Fixed => "fixed",
        Background::Noise => "noise",
    }
}

fn direction(direction: Direction) -> String {
    match direction {
        Direction::Cause => "cause",
        Direction::Effect => "effect",
    }
    .to_owned()
}

fn parts(partition: &JointPartition) -> Vec<PartRecord> {
    let part = |&(mechanism, purview): &(UnitSet, UnitSet)| PartRecord {
        mechanism: unit_list(mechanism),
        purview: unit_list(purview),
    };
    partition.blocks.iter().map(part).collect()
}
