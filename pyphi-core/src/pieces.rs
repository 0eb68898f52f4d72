//! One Φ in pieces: the mechanisms and the cuts of one system decided by several processes, in any
//! division, and put together to exactly what [`big_phi`](crate::big_phi) gives.
//!
//! There are two stages. First every *mechanism* of the intact system gets a [`MechanismDecision`]:
//! its core cause and core effect, or that it has no concept. All of them are the
//! [`IntactStructure`]. Then every *cut* gets a [`CutDecision`]: the exact distance of its
//! structure from the intact one, or that the distance is at least some number. A piece that
//! decides cuts knows a [`Bound`], the smallest distance that any piece has found so far; a cut is
//! only looked at until it is clear that it has more than that.
//!
//! Invariants:
//! - A decision is true whatever it was pruned by. An "at least x" whose x is not above the
//!   smallest distance (and the tolerance) settles nothing, so a bound that was too low costs work
//!   and changes no result: [`CutDecisions`] says that the cut is undecided.
//! - Decisions are integers (φ in units of 2⁻⁵⁶, [`Distance`]s in units of 2⁻¹⁰⁰), functions of the
//!   system alone. So the same decision may come twice, from any piece, in any order. Two that
//!   cannot both be true are an error.
//! - A decision names its analysis ([`AnalysisId`]) and is refused by any other.
//!
//! Decisions are made and reported one by one: what is interrupted keeps what it has reported. They
//! are plain JSON by [`serde`], one object each:
//!
//! ```json
//! {"analysis":"1-…","mechanism":3,"concept":{"cause":{"purview":[0,1,2],"phi":"18014398509481984",
//!  "tied":3,"tied_in_size":1},"effect":{"purview":[2],"phi":"36028797018963968","tied":1,
//!  "tied_in_size":1},"to_null":"1125899906842624"}}
//! {"analysis":"1-…","mechanism":4,"concept":null}
//! {"analysis":"1-…","cut":2,"distance":{"exact":"2429663650437439217077053292544"}}
//! {"analysis":"1-…","cut":0,"distance":{"at_least":"2500088683783029624039592281134"}}
//! ```
//!
//! `mechanism` and `cut` are positions in the orders of [`UnitSet::subsets_by_size`] and
//! [`Cut::all`]; `purview` lists units; `tied` counts purviews; `to_null` is a distance in units of
//! 2⁻⁵⁰; `purview_ties` is there with [`Options::count_ties`]. The number before the dash is the
//! version of this form, the rest a hash.
//!
//! ```
//! use pyphi_core::pieces::{Bound, CutDecision, CutDecisions, MechanismDecisions, Pieces, deal};
//! use pyphi_core::{Options, big_phi, fixtures};
//! use std::sync::Mutex;
//!
//! let (subsystem, options) = (fixtures::or_and_xor(), Options::default());
//! let pieces = Pieces::new(&subsystem, &options);
//!
//! // Every piece could be another process: all they have in common is what decisions say.
//! let mechanisms = Mutex::new(MechanismDecisions::new(&pieces));
//! for piece in deal(&pieces.mechanisms_largest_first(), 3) {
//!     let add = |decision| mechanisms.lock().unwrap().add(&decision).unwrap();
//!     pieces.decide_mechanisms(&piece, add)?;
//! }
//! let mechanisms = mechanisms.into_inner().unwrap();
//! let intact = mechanisms.intact_structure().expect("all mechanisms are decided");
//!
//! let mut cuts = CutDecisions::new(&pieces, &intact)?;
//! for piece in deal(&cuts.undecided(), 2) {
//!     let bound = Bound::new(cuts.best()); // what the pieces before have found
//!     let lines = Mutex::new(Vec::new());
//!     pieces.decide_cuts(&intact, &piece, &bound, |decision| {
//!         lines.lock().unwrap().push(serde_json::to_string(&decision).unwrap());
//!     })?;
//!     for line in lines.into_inner().unwrap() {
//!         cuts.add(&serde_json::from_str::<CutDecision>(&line).unwrap())?;
//!     }
//! }
//! let result = pieces.big_phi(&intact, &cuts)?.expect("all cuts are decided");
//! assert_eq!(result.phi.to_bits(), big_phi(&subsystem, &options).phi.to_bits());
//! # Ok::<(), pyphi_core::Error>(())
//! ```

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::big_phi::{
    BigPhi, BigPhiSearch, CutResult, MechanismResult, coarse_tolerance, is_zero_without_search,
    sort_likely_first, with_ties, without_search,
};
pub use crate::bound::{Bound, Distance};
use crate::error::{ErrorKind, Result};
use crate::fixed::Fixed;
use crate::limits::{Options, StopReason};
use crate::mip::Core;
use crate::partition::Cut;
use crate::stats::Stats;
use crate::subsystem::Subsystem;
use crate::tables::to_network;
use crate::transport::Total;
use crate::unit_set::UnitSet;

/// An analysis that is done in pieces: a subsystem, and options of which only
/// [`Options::tie_order`] and [`Options::count_ties`] have to be the same for all pieces. See the
/// [module](self).
#[derive(Debug)]
pub struct Pieces<'a> {
    subsystem: &'a Subsystem,
    options: &'a Options,
    id: AnalysisId,
    mechanisms: Vec<UnitSet>,
    cuts: Vec<Cut>,
}

/// The identity that decisions must share to be put together: a hash of the system (tables, state,
/// units), of tolerance, order of choice and whether ties are counted, and of the version of this
/// library. Prints as the version of the form of decisions, a dash and 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AnalysisId(String);

/// The version of the form of decisions, as the head of this module describes it.
const FORM: u32 = 1;

impl AnalysisId {
    fn new(subsystem: &Subsystem, options: &Options) -> AnalysisId {
        let mut words = subsystem.tables.fingerprint();
        let state = subsystem.state();
        let (units, order) =
            (subsystem.units().bits(), options.tie_order.within(subsystem.units().bits()));
        words.extend([u64::from(units), state.n_units() as u64, state.row() as u64]);
        words.extend([subsystem.tolerance_fixed() as u64, u64::from(options.count_ties)]);
        words.extend(order.fingerprint());
        let mut hasher = blake3::Hasher::new();
        hasher.update(concat!("pyphi-core ", env!("CARGO_PKG_VERSION"), " pieces\n").as_bytes());
        for word in words {
            hasher.update(&word.to_le_bytes());
        }
        AnalysisId(format!("{FORM}-{}", &hasher.finalize().to_hex()[..32]))
    }
}

impl fmt::Display for AnalysisId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The decision about one mechanism of the intact system: its core cause and core effect, or that
/// it has no concept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MechanismDecision {
    /// The analysis that it belongs to.
    pub analysis: AnalysisId,
    /// The mechanism: its place in the order of [`UnitSet::subsets_by_size`].
    pub mechanism: usize,
    concept: Option<Cores>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    purview_ties: Option<u64>,
}

impl MechanismDecision {
    /// Returns `true` if the mechanism has a concept.
    pub fn has_concept(&self) -> bool {
        self.concept.is_some()
    }
}

/// The core cause and core effect of a concept; repertoires follow from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cores {
    cause: CoreDecision,
    effect: CoreDecision,
    /// The distance of the concept to the null concept, in units of 2⁻⁵⁰.
    #[serde(with = "in_quotes")]
    to_null: i64,
}

/// A core cause or core effect, with its purview in the numbering of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CoreDecision {
    purview: UnitSet,
    #[serde(with = "in_quotes")]
    phi: Fixed,
    tied: u32,
    tied_in_size: u32,
}

/// All concepts of the intact system, as those who decide cuts need them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntactStructure {
    /// The analysis that it belongs to.
    pub analysis: AnalysisId,
    /// By mechanism, as in [`MechanismDecision::mechanism`].
    concepts: BTreeMap<usize, Cores>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    purview_ties: Option<u64>,
}

impl IntactStructure {
    /// The number of concepts.
    pub fn n_concepts(&self) -> usize {
        self.concepts.len()
    }
}

/// The decision about the distance of one cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutDecision {
    /// The analysis that it belongs to.
    pub analysis: AnalysisId,
    /// The cut: its place in the order of [`Cut::all`].
    pub cut: usize,
    /// The distance between its structure and the intact one.
    pub distance: CutDistance,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    purview_ties: Option<u64>,
}

/// A distance, as far as it was found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutDistance {
    /// This.
    Exact(Distance),
    /// This or more.
    AtLeast(Distance),
}

impl fmt::Display for CutDistance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CutDistance::Exact(distance) => write!(f, "exactly {distance}"),
            CutDistance::AtLeast(distance) => write!(f, "at least {distance}"),
        }
    }
}

/// The end of a piece. Its decisions have been reported by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PieceEnd {
    /// The reason for the end: the piece is complete, or it was stopped.
    pub stop_reason: StopReason,
    /// Counts of the work that was done.
    pub stats: Stats,
}

impl PieceEnd {
    fn nothing(stop_reason: StopReason) -> PieceEnd {
        PieceEnd { stop_reason, stats: Stats::default() }
    }
}

/// Deals items to pieces in turn, so that each gets its share of the first ones. Pieces without an
/// item are left out.
///
/// In the order of [`CutDecisions::undecided`] every piece has cuts that are likely to be minimal,
/// which it looks at first, and finds a bound of its own early.
///
/// ```
/// assert_eq!(pyphi_core::pieces::deal(&[7, 5, 3, 1, 0], 2), [vec![7, 3, 0], vec![5, 1]]);
/// ```
pub fn deal(items: &[usize], n_pieces: usize) -> Vec<Vec<usize>> {
    let n_pieces = n_pieces.clamp(1, items.len().max(1));
    let mut pieces = vec![Vec::new(); n_pieces];
    items.iter().enumerate().for_each(|(idx, &item)| pieces[idx % n_pieces].push(item));
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

impl<'a> Pieces<'a> {
    /// The analysis of a subsystem with these options. Limits, cancelling and progress are those of
    /// each call, on the threads of the current rayon pool; time counts from the call.
    pub fn new(subsystem: &'a Subsystem, options: &'a Options) -> Pieces<'a> {
        options.variant.expect_default("an analysis in pieces");
        let id = AnalysisId::new(subsystem, options);
        // Where Φ is 0 without search there is nothing to decide.
        let (mechanisms, cuts) = match is_zero_without_search(subsystem) {
            true => (Vec::new(), Vec::new()),
            false => {
                let units = subsystem.units();
                (units.subsets_by_size().collect(), Cut::all(units).collect())
            }
        };
        Pieces { subsystem, options, id, mechanisms, cuts }
    }

    /// The identity that all its decisions carry.
    pub fn analysis(&self) -> &AnalysisId {
        &self.id
    }

    /// The number of mechanisms to decide: 2ⁿ - 1, or 0 if Φ is 0 without search.
    pub fn n_mechanisms(&self) -> usize {
        self.mechanisms.len()
    }

    /// The number of cuts of the system: 2ⁿ - 2, or 0 if Φ is 0 without search.
    pub fn n_cuts(&self) -> usize {
        self.cuts.len()
    }

    /// The mechanism that a decision calls by this number, in the numbering of the network.
    ///
    /// # Panics
    /// If there is no such mechanism.
    pub fn mechanism(&self, rank: usize) -> UnitSet {
        self.mechanisms[rank]
    }

    /// The cut that a decision calls by this number.
    ///
    /// # Panics
    /// If there is no such cut.
    pub fn cut(&self, rank: usize) -> Cut {
        self.cuts[rank]
    }

    /// The numbers of all mechanisms, those that take longest first.
    pub fn mechanisms_largest_first(&self) -> Vec<usize> {
        (0..self.n_mechanisms()).rev().collect()
    }

    /// Decides the mechanisms of these numbers, in this order, and reports each as soon as it is
    /// decided, from any of the threads.
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchItem`]; nothing is decided then.
    pub fn decide_mechanisms(
        &self,
        ranks: &[usize],
        report: impl Fn(MechanismDecision) + Sync,
    ) -> Result<PieceEnd> {
        ranks.iter().try_for_each(|&rank| exists("mechanism", rank, self.n_mechanisms()))?;
        if let Some(known) = without_search(self.subsystem, self.options, false) {
            return Ok(PieceEnd::nothing(known.stop_reason));
        }
        let search = BigPhiSearch::new(self.subsystem, self.options);
        let (results, stats) =
            search.mechanisms(ranks, |result| report(self.mechanism_decision(result)));
        Ok(self.end(&search, results.len() == ranks.len(), stats))
    }

    /// Decides the cuts of these numbers beside `bound`, which may be lowered meanwhile and is
    /// lowered to what is found; those first that are likely to be minimal. Each is reported as
    /// soon as it is decided, from any of the threads. If the bound says that Φ = 0, the rest is
    /// reported as "at least 0": no cut matters any more.
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchItem`], and if the intact structure is of another analysis or none at
    /// all; nothing is decided then.
    pub fn decide_cuts(
        &self,
        intact: &IntactStructure,
        ranks: &[usize],
        bound: &Bound,
        report: impl Fn(CutDecision) + Sync,
    ) -> Result<PieceEnd> {
        self.check_intact(intact)?;
        ranks.iter().try_for_each(|&rank| exists("cut", rank, self.n_cuts()))?;
        if let Some(known) = without_search(self.subsystem, self.options, false) {
            return Ok(PieceEnd::nothing(known.stop_reason));
        }
        let mut ranks = ranks.to_vec();
        sort_likely_first(self.subsystem, &self.cuts, &mut ranks);
        let search = BigPhiSearch::new(self.subsystem, self.options);
        let concepts = search.restore(self.cores(intact));
        let tell = |result: &CutResult| report(self.cut_decision(result));
        let (results, stats) = search.evaluate(&ranks, &concepts, bound, tell);
        let end = self.end(&search, results.len() == ranks.len(), stats);
        if end.stop_reason == StopReason::Complete {
            let is_reported = |rank| results.binary_search_by_key(&rank, |it| it.rank).is_ok();
            for rank in ranks.into_iter().filter(|&rank| !is_reported(rank)) {
                tell(&CutResult { rank, total: Total::AtLeast(0), purview_ties: 0 });
            }
        }
        Ok(end)
    }

    /// Φ with MIP, both structures and ties: bit for bit that of [`big_phi`](crate::big_phi) with
    /// the same options; only [`BigPhi::stats`] are empty. `None` if cuts are undecided.
    ///
    /// Works the structure under the minimal cut out anew, which takes about as long as one cut in
    /// full. If that is stopped the result says so, and has no structures.
    ///
    /// # Errors
    /// If the intact structure is of another analysis or none at all, or the decisions are of
    /// another.
    pub fn big_phi(
        &self,
        intact: &IntactStructure,
        cuts: &CutDecisions<'_>,
    ) -> Result<Option<BigPhi>> {
        self.check_intact(intact)?;
        self.check_analysis(&cuts.pieces.id)?;
        if let Some(result) = without_search(self.subsystem, self.options, false) {
            return Ok(Some(result));
        }
        if !cuts.is_decided() {
            return Ok(None);
        }
        let search = BigPhiSearch::new(self.subsystem, self.options);
        let concepts = search.restore(self.cores(intact));
        let mut results: Vec<CutResult> = cuts.results().collect();
        let before = search.before_idle(&concepts, &results);
        results.retain(|known| before.iter().all(|it| it.rank != known.rank));
        results.extend(before);
        let ties = intact.purview_ties.unwrap_or(0);
        let result = search.conclude(&concepts, ties, &results, Stats::default());
        Ok(Some(with_ties(result, self.options)))
    }

    /// Returns the end of a search. `is_through` says that it went through all its items.
    fn end(&self, search: &BigPhiSearch<'_>, is_through: bool, stats: Stats) -> PieceEnd {
        let stop_reason = match search.stop.reason() {
            Some(reason) if !is_through => reason,
            _ => StopReason::Complete,
        };
        PieceEnd { stop_reason, stats }
    }

    fn mechanism_decision(&self, result: &MechanismResult) -> MechanismDecision {
        let members = self.subsystem.units().bits();
        let core = |core: Core| CoreDecision {
            purview: UnitSet::from_bits(to_network(core.purview, members)),
            phi: core.phi,
            tied: core.n_tied,
            tied_in_size: core.n_tied_in_size,
        };
        MechanismDecision {
            analysis: self.id.clone(),
            mechanism: result.rank,
            concept: result.concept.as_ref().map(|(concept, to_null)| Cores {
                cause: core(concept.cause),
                effect: core(concept.effect),
                to_null: *to_null,
            }),
            purview_ties: self.options.count_ties.then_some(result.purview_ties),
        }
    }

    fn cut_decision(&self, result: &CutResult) -> CutDecision {
        CutDecision {
            analysis: self.id.clone(),
            cut: result.rank,
            distance: match result.total {
                Total::Exact(total) => CutDistance::Exact(Distance(total)),
                Total::AtLeast(total) => CutDistance::AtLeast(Distance(total)),
            },
            purview_ties: self.options.count_ties.then_some(result.purview_ties),
        }
    }

    /// The concepts of an intact structure that was checked, as the search knows them.
    fn cores<'b>(
        &self,
        intact: &'b IntactStructure,
    ) -> impl Iterator<Item = (usize, Core, Core, i64)> + use<'b, '_> {
        let core = |it: &CoreDecision| Core {
            purview: self.subsystem.local(it.purview),
            phi: it.phi,
            n_tied: it.tied,
            n_tied_in_size: it.tied_in_size,
        };
        let concepts = intact.concepts.iter();
        concepts.map(move |(&rank, it)| (rank, core(&it.cause), core(&it.effect), it.to_null))
    }

    fn check_analysis(&self, found: &AnalysisId) -> Result<()> {
        if *found == self.id {
            return Ok(());
        }
        let (found, expected) = (found.to_string(), self.id.to_string());
        Err(ErrorKind::OtherAnalysis { found, expected }.into())
    }

    fn check_intact(&self, intact: &IntactStructure) -> Result<()> {
        self.check_analysis(&intact.analysis)?;
        self.check_ties(|| "intact structure".to_owned(), intact.purview_ties)?;
        intact.concepts.iter().try_for_each(|(&rank, cores)| {
            exists("mechanism", rank, self.n_mechanisms())?;
            self.check_cores(rank, cores)
        })
    }

    /// Checks that these may be the core cause and core effect of a mechanism.
    fn check_cores(&self, rank: usize, cores: &Cores) -> Result<()> {
        let wrong = |found: String, expected| {
            Err(ErrorKind::NoDecision { item: self.mechanism_name(rank), found, expected }.into())
        };
        let Cores { cause, effect, to_null } = cores;
        for CoreDecision { purview, phi, tied, tied_in_size } in [cause, effect] {
            if purview.is_empty() || !purview.is_subset(self.subsystem.units()) {
                return wrong(format!("purview {purview}"), "units of the subsystem");
            }
            if *phi <= self.subsystem.tolerance_fixed() || *phi > MOST {
                return wrong(format!("phi {phi}"), "a number above the tolerance");
            }
            if *tied_in_size == 0 || tied < tied_in_size {
                return wrong(format!("{tied} tied, {tied_in_size} in size"), "at least 1 each");
            }
        }
        if !(0..=MOST).contains(to_null) {
            return wrong(format!("to_null {to_null}"), "a distance");
        }
        Ok(())
    }

    /// Checks that ties are counted where, and only where, that was asked for.
    fn check_ties(&self, item: impl Fn() -> String, purview_ties: Option<u64>) -> Result<()> {
        let expected = match (self.options.count_ties, purview_ties) {
            (true, None) => "a number, since ties are counted",
            (false, Some(_)) => "none, since ties are not counted",
            _ => return Ok(()),
        };
        let found = purview_ties.map_or("none".to_owned(), |ties| ties.to_string());
        let found = format!("purview_ties: {found}");
        Err(ErrorKind::NoDecision { item: item(), found, expected }.into())
    }

    fn mechanism_name(&self, rank: usize) -> String {
        format!("mechanism {rank} ({})", self.mechanisms[rank])
    }

    fn cut_name(&self, rank: usize) -> String {
        format!("cut {rank} ({})", self.cuts[rank])
    }
}

/// No φ and no distance of concepts is larger: a few dozen at most, in units of 2⁻⁵⁶.
const MOST: Fixed = 64 << 56;

fn exists(what: &'static str, rank: usize, count: usize) -> Result<()> {
    if rank < count { Ok(()) } else { Err(ErrorKind::NoSuchItem { what, rank, count }.into()) }
}

/// Decisions about mechanisms, from any piece, in any order.
#[derive(Debug, Clone)]
pub struct MechanismDecisions<'a> {
    pieces: &'a Pieces<'a>,
    /// By mechanism.
    known: Vec<Option<MechanismDecision>>,
}

impl<'a> MechanismDecisions<'a> {
    /// None so far.
    pub fn new(pieces: &'a Pieces<'a>) -> MechanismDecisions<'a> {
        MechanismDecisions { pieces, known: vec![None; pieces.n_mechanisms()] }
    }

    /// Takes a decision. The same one again changes nothing.
    ///
    /// # Errors
    /// If it is of another analysis, is none, or contradicts one that is there, which stays then.
    pub fn add(&mut self, decision: &MechanismDecision) -> Result<()> {
        let (pieces, rank) = (self.pieces, decision.mechanism);
        pieces.check_analysis(&decision.analysis)?;
        exists("mechanism", rank, self.known.len())?;
        pieces.check_ties(|| pieces.mechanism_name(rank), decision.purview_ties)?;
        if let Some(cores) = &decision.concept {
            pieces.check_cores(rank, cores)?;
        }
        match &self.known[rank] {
            Some(known) if known != decision => {
                let text = |it: &MechanismDecision| {
                    serde_json::to_string(&(it.concept, it.purview_ties)).expect("plain data")
                };
                let (first, second) = (text(known), text(decision));
                let item = pieces.mechanism_name(rank);
                Err(ErrorKind::Contradiction { item, first, second }.into())
            }
            Some(_) => Ok(()),
            None => {
                self.known[rank] = Some(decision.clone());
                Ok(())
            }
        }
    }

    /// The mechanisms that nothing is known of, those that take longest first.
    pub fn undecided(&self) -> Vec<usize> {
        (0..self.known.len()).rev().filter(|&rank| self.known[rank].is_none()).collect()
    }

    /// All concepts; `None` if mechanisms are undecided.
    pub fn intact_structure(&self) -> Option<IntactStructure> {
        let known: Option<Vec<&MechanismDecision>> =
            self.known.iter().map(Option::as_ref).collect();
        let known = known?;
        let concepts = known.iter().filter_map(|it| Some((it.mechanism, it.concept?))).collect();
        let ties = known.iter().filter_map(|it| it.purview_ties).sum();
        Some(IntactStructure {
            analysis: self.pieces.id.clone(),
            concepts,
            purview_ties: self.pieces.options.count_ties.then_some(ties),
        })
    }
}

/// Decisions about cuts, from any piece, in any order. What is known best of each cut counts.
#[derive(Debug, Clone)]
pub struct CutDecisions<'a> {
    pieces: &'a Pieces<'a>,
    /// By cut; empty where the intact system has no concept, so that Φ = 0.
    known: Vec<Option<(CutDistance, Option<u64>)>>,
    best: Option<Distance>,
}

impl<'a> CutDecisions<'a> {
    /// None so far.
    ///
    /// # Errors
    /// If the intact structure is of another analysis or none at all.
    pub fn new(pieces: &'a Pieces<'a>, intact: &IntactStructure) -> Result<CutDecisions<'a>> {
        pieces.check_intact(intact)?;
        let n_cuts = if intact.concepts.is_empty() { 0 } else { pieces.n_cuts() };
        Ok(CutDecisions { pieces, known: vec![None; n_cuts], best: None })
    }

    /// Takes a decision. The same one again, or less than is known, changes nothing.
    ///
    /// # Errors
    /// If it is of another analysis, is none, or contradicts one that is there, which stays then.
    pub fn add(&mut self, decision: &CutDecision) -> Result<()> {
        use CutDistance::{AtLeast, Exact};
        let (pieces, rank) = (self.pieces, decision.cut);
        pieces.check_analysis(&decision.analysis)?;
        exists("cut", rank, self.known.len())?;
        pieces.check_ties(|| pieces.cut_name(rank), decision.purview_ties)?;
        let new = (decision.distance, decision.purview_ties);
        let (Exact(Distance(total)) | AtLeast(Distance(total))) = new.0;
        if total < 0 {
            let (item, found) = (pieces.cut_name(rank), new.0.to_string());
            let expected = "a distance that is not negative";
            return Err(ErrorKind::NoDecision { item, found, expected }.into());
        }
        let (agree, is_better) = match self.known[rank].map(|(distance, _)| (distance, new.0)) {
            None => (true, true),
            Some((Exact(_), Exact(_))) => (self.known[rank] == Some(new), false),
            Some((Exact(exact), AtLeast(least))) => (least <= exact, false),
            Some((AtLeast(least), Exact(exact))) => (least <= exact, true),
            Some((AtLeast(old), AtLeast(new))) => (true, new > old),
        };
        if let Some(known) = self.known[rank].filter(|_| !agree) {
            let text = |(distance, ties): (CutDistance, Option<u64>)| match ties {
                None => distance.to_string(),
                Some(ties) => format!("{distance} with {ties} ties"),
            };
            let (item, first, second) = (pieces.cut_name(rank), text(known), text(new));
            return Err(ErrorKind::Contradiction { item, first, second }.into());
        }
        if is_better {
            self.known[rank] = Some(new);
            if let Exact(distance) = new.0 {
                self.best = Some(self.best.map_or(distance, |best| best.min(distance)));
            }
        }
        Ok(())
    }

    /// The smallest distance so far: an upper bound on Φ, and what those who go on should know.
    pub fn best(&self) -> Option<Distance> {
        self.best
    }

    /// The cuts that may still matter, those first that are likely to be minimal: nothing is known
    /// of them, or not enough beside the smallest distance. None are left when one has no effect (Φ
    /// = 0).
    pub fn undecided(&self) -> Vec<usize> {
        if self.is_zero() {
            return Vec::new();
        }
        let mut ranks: Vec<usize> =
            (0..self.known.len()).filter(|&rank| self.result(rank).is_none()).collect();
        sort_likely_first(self.pieces.subsystem, &self.pieces.cuts, &mut ranks);
        ranks
    }

    /// Returns `true` if no further cut can matter.
    pub fn is_decided(&self) -> bool {
        self.is_zero() || (0..self.known.len()).all(|rank| self.result(rank).is_some())
    }

    /// Returns `true` if a cut is known that has no effect: it decides everything.
    fn is_zero(&self) -> bool {
        self.best.is_some_and(|best| best.0 <= coarse_tolerance(self.pieces.subsystem))
    }

    /// Returns the results that the search would have found for the cuts that are decided.
    fn results(&self) -> impl Iterator<Item = CutResult> {
        (0..self.known.len()).filter_map(|rank| self.result(rank))
    }

    fn result(&self, rank: usize) -> Option<CutResult> {
        let (distance, ties) = self.known[rank]?;
        let total = match distance {
            CutDistance::Exact(Distance(total)) => Total::Exact(total),
            // Ties are counted in searches that were gone through.
            CutDistance::AtLeast(_) if ties.is_some() => return None,
            CutDistance::AtLeast(Distance(total)) => {
                let best = self.best?.0;
                let limit = best.saturating_add(coarse_tolerance(self.pieces.subsystem));
                if total <= limit {
                    return None;
                }
                Total::AtLeast(total)
            }
        };
        Some(CutResult { rank, total, purview_ties: ties.unwrap_or(0) })
    }
}

/// Whole numbers in JSON as strings, since most readers of JSON round large ones.
mod in_quotes {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(value: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| {
            de::Error::invalid_value(de::Unexpected::Str(&text), &"a whole number in quotes")
        })
    }
}
