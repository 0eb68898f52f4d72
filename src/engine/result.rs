//! An exact Φ as the study keeps it, and whether its numbers can be.
//!
//! It knows nothing of how [`exact`](crate::engine::exact) computes it: journals are read with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An exact Φ and what one must know to trust it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExactPhi {
    /// Φ, in the units of the formalism; under IIT 4.0 φ_s. Finite, not negative.
    pub phi: f64,
    /// The system's minimum information partition; `None` where Φ = 0.
    pub cut: Option<SystemCut>,
    /// The number of concepts of the intact system; under IIT 4.0 of distinctions.
    pub n_concepts: usize,
    /// The core causes and core effects, in the intact structure and in that of the cut, that were
    /// chosen from several purviews of the same φ and size: where it is not 0, Φ is not unique.
    pub ties: u64,
    /// Smallest and largest Φ of other numberings of the units; `None` if that was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<TieRange>,
    /// Counts of the search's work, by name. Some depend on the order in which threads finish.
    #[serde(default)]
    pub counters: BTreeMap<String, u64>,
    /// The units of the major complex, where the exact value is that of one and there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complex: Option<Vec<usize>>,
    /// Under IIT 4.0: the Φ-structure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structure: Option<PhiStructure>,
}

impl ExactPhi {
    /// A Φ of at most this is 0, by the tolerance of the theory's comparisons.
    pub const ZERO: f64 = 1e-6;

    /// No Φ and no estimate is larger: then sums of squares and what is drawn stay within what a
    /// number holds. Networks of a study have Φ below a million.
    pub const LARGEST: f64 = 1e12;

    /// The exact value of nothing at all: Φ = 0.
    pub(super) fn none(structure: Option<PhiStructure>) -> ExactPhi {
        ExactPhi {
            phi: 0.0,
            cut: None,
            n_concepts: 0,
            ties: 0,
            range: None,
            counters: BTreeMap::new(),
            complex: None,
            structure,
        }
    }

    /// Checks that its numbers can be those of a network of `n` units.
    ///
    /// # Errors
    /// If one of them cannot. The message names it and says what was expected.
    pub fn check(&self, n: usize) -> Result<(), String> {
        let phi = self.phi;
        if !(0.0..=ExactPhi::LARGEST).contains(&phi) {
            let most = ExactPhi::LARGEST;
            return Err(format!(
                "phi {phi:?}: expected a number of at least 0 and at most {most:e}"
            ));
        }
        let count = |what: &str, count: u64| match count {
            0..=MOST => Ok(()),
            _ => Err(format!("{what} {count}: expected at most {MOST}")),
        };
        count("n_concepts", self.n_concepts as u64)?;
        count("ties", self.ties)?;
        if let Some(unit) = self.complex.iter().flatten().find(|unit| **unit >= n) {
            return Err(format!("complex with unit {unit}: expected units 0 to {}", n - 1));
        }
        let severed = self.cut.iter().flat_map(|it| it.severed_from.iter().chain(&it.severed_to));
        let structure = self.structure.iter();
        let cut_edges = structure.flat_map(|it| it.cut_edges.iter().flat_map(|(a, b)| [a, b]));
        if let Some(unit) = severed.chain(cut_edges).find(|unit| **unit >= n) {
            return Err(format!("cut with unit {unit}: expected units 0 to {}", n - 1));
        }
        if let Some(TieRange { low, high, duration_ms, .. }) = self.range {
            if !(low >= 0.0 && low <= phi && phi <= high && high <= ExactPhi::LARGEST) {
                return Err(format!(
                    "range from {low:?} to {high:?}: expected phi {phi:?} within it"
                ));
            }
            check_ms("range duration_ms", duration_ms)?;
        }
        self.structure.as_ref().map_or(Ok(()), PhiStructure::check)
    }
}

/// The most of anything that is counted in a result.
const MOST: u64 = 1 << 40;

/// Checks that a time in milliseconds can be: some centuries at most.
pub(crate) fn check_ms(what: &str, ms: f64) -> Result<(), String> {
    match (0.0..=1e13).contains(&ms) {
        true => Ok(()),
        false => Err(format!("{what} {ms:?}: expected a number of at least 0 and at most 1e13")),
    }
}

/// Checks that there can be so much memory.
pub(crate) fn check_bytes(what: &str, bytes: Option<u64>) -> Result<(), String> {
    match bytes.unwrap_or(0) {
        0..=0x0fff_ffff_ffff_ffff => Ok(()),
        bytes => Err(format!("{what} {bytes}: expected less than 2^60")),
    }
}

/// The facts of IIT 4.0 beyond φ_s.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhiStructure {
    /// Φ: the sum of φ over the distinctions and relations. Finite, not negative.
    pub big_phi: f64,
    /// The sum over the distinctions.
    pub sum_phi_d: f64,
    /// The sum over the relations.
    pub sum_phi_r: f64,
    /// The number of relations, in decimal digits: it may be larger than any machine word.
    pub n_relations: String,
    /// The pairs of units that the minimum information partition cuts; none where φ_s = 0.
    pub cut_edges: Vec<(usize, usize)>,
}

impl PhiStructure {
    /// The structure of nothing at all.
    pub(super) fn none() -> PhiStructure {
        PhiStructure {
            big_phi: 0.0,
            sum_phi_d: 0.0,
            sum_phi_r: 0.0,
            n_relations: "0".to_owned(),
            cut_edges: Vec::new(),
        }
    }

    fn check(&self) -> Result<(), String> {
        let PhiStructure { big_phi, sum_phi_d, sum_phi_r, n_relations, .. } = self;
        let sums = [("big_phi", big_phi), ("sum_phi_d", sum_phi_d), ("sum_phi_r", sum_phi_r)];
        for (what, sum) in sums {
            if !(*sum >= 0.0 && sum.is_finite()) {
                return Err(format!("{what} {sum:?}: expected a finite number of at least 0"));
            }
        }
        // There are at most 2 to the number of subsets of the units.
        let is_count = (1..=10_000).contains(&n_relations.len())
            && n_relations.bytes().all(|it| it.is_ascii_digit());
        match is_count {
            true => Ok(()),
            false => Err(format!("n_relations {n_relations:?}: expected a whole number")),
        }
    }
}

/// Φ over what ties leave open: over all choices among core causes and core effects, or over
/// numberings of the units, which decide such choices.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TieRange {
    /// The smallest Φ.
    pub low: f64,
    /// The largest Φ.
    pub high: f64,
    /// The different numberings that this is over, the network's own included; numberings that
    /// differ by an exchange of interchangeable units count once.
    pub numberings: u32,
    /// `true` if these are all there are.
    pub is_exhaustive: bool,
    /// `true` if `low` and `high` are proven to be the extremes over all choices among purviews of
    /// the same φ and size, not only over numberings. Older files do not say so.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_exact: bool,
    /// The wall time it took beyond that of Φ, in milliseconds.
    pub duration_ms: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl TieRange {
    /// The seed from which numberings are drawn.
    pub const SEED: u64 = 1;

    /// `true` if the numbering makes a difference: the ends are further apart than the theory's
    /// tolerance.
    pub fn is_wide(&self) -> bool {
        self.high - self.low > ExactPhi::ZERO
    }
}

/// A directed cut of a system: the connections from one part to the other are severed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemCut {
    /// The units whose outgoing connections are severed, ascending.
    pub severed_from: Vec<usize>,
    /// The units that no longer receive them, ascending.
    pub severed_to: Vec<usize>,
}
