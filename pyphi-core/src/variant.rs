//! IIT 3.0 otherwise than as published: the measures, partitions and approximations that PyPhi
//! 1.2.0 can be set to. In JSON the settings have PyPhi's names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, Result};
use crate::formalism::by_name;
use crate::tables::subsets_by_size;

/// The rules by which small φ and Φ of IIT 3.0 are computed: as published (the default), or as
/// PyPhi 1.2.0 can be set to. Each field is one of its settings, or more.
///
/// Displays as what is not the default, by the names of PyPhi.
///
/// ```
/// use pyphi_core::{CesDistance, Measure, Options, Variant, big_phi, fixtures};
///
/// let variant = Variant {
///     measure: Measure::Kld,
///     ces_distance: CesDistance::SumSmallPhi,
///     ..Variant::default()
/// };
/// let options = Options { variant, ..Options::default() };
/// let result = big_phi(&fixtures::or_and_xor(), &options);
/// assert_eq!(format!("{:.6}", result.phi), "1.753258"); // that of PyPhi 1.2.0
/// assert_eq!(variant.to_string(), "MEASURE = KLD, CES_DISTANCE = SUM_SMALL_PHI");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", deny_unknown_fields, default)]
pub struct Variant {
    /// The distance of two repertoires. [default: EMD]
    #[serde(skip_serializing_if = "is_default")]
    pub measure: Measure,
    /// The partitions of a mechanism over a purview. [default: BI]
    #[serde(rename = "PARTITION_TYPE", skip_serializing_if = "is_default")]
    pub partitions: MechanismPartitions,
    /// The distance of two cause-effect structures. [default: EMD]
    #[serde(skip_serializing_if = "is_default")]
    pub ces_distance: CesDistance,
    /// Of the purviews that tie for the largest φ, those with fewest units are preferred, instead
    /// of those with most (Hanson and Walker 2021 compare both). [default: false]
    #[serde(rename = "PICK_SMALLEST_PURVIEW", skip_serializing_if = "is_default")]
    pub smallest_purview: bool,
    /// An approximation (Mayner et al. 2018, PLoS Comput Biol 14(7): e1006343): a mechanism without
    /// a concept in the intact system is taken to have none under a cut either. Φ can come out
    /// smaller or larger. [default: false]
    #[serde(rename = "ASSUME_CUTS_CANNOT_CREATE_NEW_CONCEPTS", skip_serializing_if = "is_default")]
    pub no_new_concepts: bool,
    /// An approximation (Mayner et al. 2018): only cuts that part one unit from the rest are looked
    /// at, 2n of them instead of 2ⁿ - 2. Φ is never smaller than the exact one. [default: false]
    #[serde(rename = "CUT_ONE_APPROXIMATION", skip_serializing_if = "is_default")]
    pub cut_one: bool,
    /// An approximation: no mechanism and no purview of more units than this is looked at. What
    /// only larger ones do is not seen; Φ can come out smaller or larger. Not a setting of PyPhi.
    /// [default: all]
    #[serde(skip_serializing_if = "is_default")]
    pub largest_order: Option<u32>,
}

/// The distance of a repertoire p from another one q over the same purview of k units, n = 2ᵏ
/// states (PyPhi: `MEASURE`). Small φ is the distance of the repertoire p from a partitioned one q,
/// in this order; no measure is scaled by the size of anything. Where p(s) = 0 a state s adds
/// nothing. A partition averages, so q(s) = 0 only where p(s) = 0.
///
/// Displays as, and is parsed from, the names of PyPhi.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Measure {
    /// The earth mover's distance (`EMD`): the least probability × Hamming distance that makes q of
    /// p (Oizumi et al. 2014). In bit flips.
    #[default]
    Emd,
    /// `L1`: Σ |p(s) - q(s)| (one of the distances in Tegmark 2016, PLoS Comput Biol 12(11):
    /// e1005123).
    L1,
    /// `KLD`: Σ p(s) log₂(p(s) / q(s)), the relative entropy, which is effective information in IIT
    /// 2.0 (Balduzzi and Tononi 2008, PLoS Comput Biol 4(6): e1000091). Asymmetric. In bits.
    Kld,
    /// `ENTROPY_DIFFERENCE`: |H(p) - H(q)| with H(p) = -Σ p(s) log₂ p(s). A measure of PyPhi's; no
    /// paper is known to define it. In bits.
    EntropyDifference,
    /// `PSQ2`: |f(p) - f(q)| with f(p) = Σ p(s)² ln(n p(s)). A measure of PyPhi's; no paper is
    /// known to define it.
    Psq2,
    /// `MP2Q`: 1/n Σ p(s)² / q(s) · ln(p(s) / q(s)). A measure of PyPhi's; no paper is known to
    /// define it. Asymmetric.
    Mp2q,
    /// `KLM`, or `BLD` as it was called: max |p(s) ln(p(s) / q(s))|, which is AID in nats: what
    /// PyPhi 1.2.0 calls so. Asymmetric.
    #[serde(alias = "BLD")]
    Klm,
    /// `AID`, the absolute intrinsic difference: max |p(s) log₂(p(s) / q(s))| (Barbosa et al. 2020,
    /// Sci Rep 10: 18803). In PyPhi 2.0-dev `KLM` and `BLD` are names of it. Asymmetric. In bits.
    Aid,
}

/// The partitions of a mechanism M over a purview P that small φ is the minimum over (PyPhi:
/// `PARTITION_TYPE`). Displays as, and is parsed from, the names of PyPhi.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MechanismPartitions {
    /// `BI`: all {M1/P1, M2/P2} but the one that has an empty part (Oizumi et al. 2014).
    #[default]
    Bi,
    /// `TRI`, the wedge partitions: {M1/P1, M2/P2, ∅/P3} with M1, M2 and P1 ∪ P2 not empty, and the
    /// complete one, {M/∅, ∅/P}. PyPhi defines them.
    Tri,
    /// `ALL`: every set partition of M into two parts or more with every assignment of each unit of
    /// P to one of them or to none, and the complete one (Albantakis et al. 2019, Entropy 21(5):
    /// 459; the partitions of IIT 4.0).
    All,
}

/// The distance of the structure of a cut system from that of the intact one.
///
/// Displays as, and is parsed from, the names of PyPhi.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CesDistance {
    /// `EMD`, the extended earth mover's distance (Oizumi et al. 2014): φ is moved from concepts of
    /// the one structure to concepts of the other, or to or from the null concept, at the distance
    /// of their cause repertoires plus that of their effect repertoires. This is the distance of
    /// [`Variant::measure`], as in PyPhi 1.2.0: an asymmetric one cannot be used, here as there.
    #[default]
    Emd,
    /// `SUM_SMALL_PHI` (in PyPhi 1.2.0 `USE_SMALL_PHI_DIFFERENCE_FOR_CES_DISTANCE`): Σφ of the
    /// intact structure less Σφ of the other one. It is negative where a cut makes more φ than it
    /// takes; Φ then is, too, unless some cut makes no difference.
    SumSmallPhi,
    /// `ABSOLUTE_SUM_SMALL_PHI`: the absolute difference of the Σφ, so that Φ is that of the cut
    /// which changes Σφ least (Gomez et al. 2021, Entropy 23: 6). PyPhi 2.0-dev, by the settings of
    /// that paper, takes the smallest signed difference.
    AbsoluteSumSmallPhi,
}

impl Measure {
    /// All measures.
    pub const ALL: [Measure; 8] = [
        Measure::Emd,
        Measure::L1,
        Measure::Kld,
        Measure::EntropyDifference,
        Measure::Psq2,
        Measure::Mp2q,
        Measure::Klm,
        Measure::Aid,
    ];

    /// Returns `true` if the order of the two repertoires matters.
    pub fn is_asymmetric(self) -> bool {
        matches!(self, Measure::Kld | Measure::Mp2q | Measure::Klm | Measure::Aid)
    }

    fn name(self) -> &'static str {
        match self {
            Measure::Emd => "EMD",
            Measure::L1 => "L1",
            Measure::Kld => "KLD",
            Measure::EntropyDifference => "ENTROPY_DIFFERENCE",
            Measure::Psq2 => "PSQ2",
            Measure::Mp2q => "MP2Q",
            Measure::Klm => "KLM",
            Measure::Aid => "AID",
        }
    }

    /// The distance of `q` from `p`, entry by entry. The earth mover's distance is not of this
    /// kind.
    pub(crate) fn of_entries(self, p: &[f64], q: &[f64]) -> f64 {
        debug_assert_eq!(p.len(), q.len(), "repertoires over different purviews");
        // What may be too small for a float is small, not 0.
        let ratio = |p: f64, q: f64| p / q.max(1e-300);
        let pairs = || p.iter().copied().zip(q.iter().copied()).filter(|&(p, _)| p > 0.0);
        let entropy = |of: &[f64]| -> f64 {
            of.iter().filter(|it| **it > 0.0).map(|it| -it * it.log2()).sum()
        };
        let squares = |of: &[f64]| -> f64 {
            let n = of.len() as f64;
            of.iter().filter(|it| **it > 0.0).map(|it| it * it * (it * n).ln()).sum()
        };
        match self {
            Measure::Emd => unreachable!("a transport problem"),
            Measure::L1 => p.iter().zip(q).map(|(p, q)| (p - q).abs()).sum(),
            Measure::Kld => pairs().map(|(p, q)| p * ratio(p, q).log2()).sum(),
            Measure::EntropyDifference => (entropy(p) - entropy(q)).abs(),
            Measure::Psq2 => (squares(p) - squares(q)).abs(),
            Measure::Mp2q => {
                let sum: f64 = pairs().map(|(p, q)| p * ratio(p, q) * ratio(p, q).ln()).sum();
                sum / p.len() as f64
            }
            Measure::Klm => pairs().map(|(p, q)| (p * ratio(p, q).ln()).abs()).fold(0.0, f64::max),
            Measure::Aid => {
                pairs().map(|(p, q)| (p * ratio(p, q).log2()).abs()).fold(0.0, f64::max)
            }
        }
    }
}

impl MechanismPartitions {
    /// All kinds of partitions.
    pub const ALL: [MechanismPartitions; 3] =
        [MechanismPartitions::Bi, MechanismPartitions::Tri, MechanismPartitions::All];

    fn name(self) -> &'static str {
        match self {
            MechanismPartitions::Bi => "BI",
            MechanismPartitions::Tri => "TRI",
            MechanismPartitions::All => "ALL",
        }
    }
}

impl CesDistance {
    /// All distances.
    pub const ALL: [CesDistance; 3] =
        [CesDistance::Emd, CesDistance::SumSmallPhi, CesDistance::AbsoluteSumSmallPhi];

    fn name(self) -> &'static str {
        match self {
            CesDistance::Emd => "EMD",
            CesDistance::SumSmallPhi => "SUM_SMALL_PHI",
            CesDistance::AbsoluteSumSmallPhi => "ABSOLUTE_SUM_SMALL_PHI",
        }
    }
}

impl Variant {
    /// IIT 3.0 by the settings with which units of several values were published (Gomez et al.
    /// 2021, Entropy 23: 6): small φ by AID over TRI partitions, Φ as the smallest absolute change
    /// of Σφ. On the command line `--settings iit3-aid`.
    pub const AID: Variant = Variant {
        measure: Measure::Aid,
        partitions: MechanismPartitions::Tri,
        ces_distance: CesDistance::AbsoluteSumSmallPhi,
        smallest_purview: false,
        no_new_concepts: false,
        cut_one: false,
        largest_order: None,
    };

    /// Returns `true` if this is IIT 3.0 as published.
    pub fn is_default(&self) -> bool {
        *self == Variant::default()
    }

    /// The names of the approximations in use. A result with one of them is not exact.
    pub fn approximations(&self) -> Vec<&'static str> {
        let all = [
            (self.no_new_concepts, "ASSUME_CUTS_CANNOT_CREATE_NEW_CONCEPTS"),
            (self.cut_one, "CUT_ONE_APPROXIMATION"),
            (self.largest_order.is_some(), "LARGEST_ORDER"),
        ];
        all.into_iter().filter(|(is_on, _)| *is_on).map(|(_, name)| name).collect()
    }

    /// Checks that structures can be compared: for [`CesDistance::Emd`] the measure has to be
    /// symmetric.
    ///
    /// # Errors
    /// If it is not.
    pub fn check(&self) -> Result<()> {
        if self.ces_distance == CesDistance::Emd && self.measure.is_asymmetric() {
            return Err(ErrorKind::AsymmetricMeasure { measure: self.measure.to_string() }.into());
        }
        Ok(())
    }

    /// The mechanisms, and purviews, of `n` units that are looked at, in their order.
    pub(crate) fn subsets(&self, n: usize) -> &'static [u32] {
        let subsets = subsets_by_size(n);
        let is_listed = |it: &u32| self.largest_order.is_none_or(|most| it.count_ones() <= most);
        &subsets[..subsets.partition_point(is_listed)]
    }

    /// Returns `true` if small φ is that of bipartitions by the earth mover's distance: bounds on
    /// it are proven for no other.
    pub(crate) fn has_bounds_of_small_phi(&self) -> bool {
        self.measure == Measure::Emd && self.partitions == MechanismPartitions::Bi
    }

    /// Returns `true` if the distance of a cut can be bounded, too.
    pub(crate) fn has_bounds(&self) -> bool {
        self.has_bounds_of_small_phi() && self.ces_distance == CesDistance::Emd
    }

    /// # Panics
    /// If this is not IIT 3.0 as published, the only one that `what` is for.
    #[track_caller]
    pub(crate) fn expect_default(&self, what: &str) {
        assert!(self.is_default(), "{what} is for IIT 3.0 as published, not for {self}");
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Variant { measure, partitions, ces_distance, smallest_purview, .. } = *self;
        let named = [
            (!is_default(&measure)).then(|| format!("MEASURE = {measure}")),
            (!is_default(&partitions)).then(|| format!("PARTITION_TYPE = {partitions}")),
            (!is_default(&ces_distance)).then(|| format!("CES_DISTANCE = {ces_distance}")),
            smallest_purview.then(|| "PICK_SMALLEST_PURVIEW".to_owned()),
        ];
        let approximations = self.approximations().into_iter().map(str::to_owned);
        let shown: Vec<String> = named.into_iter().flatten().chain(approximations).collect();
        f.pad(&shown.join(", "))
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

macro_rules! names {
    ($($kind:ty),*) => {$(
        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $kind {
            type Err = String;

            fn from_str(text: &str) -> std::result::Result<$kind, String> {
                let name = match text.to_uppercase().replace('-', "_") {
                    // What KLM was called in older versions of PyPhi.
                    name if name == "BLD" => "KLM".to_owned(),
                    name => name,
                };
                by_name(&<$kind>::ALL, <$kind>::name, &name)
            }
        }
    )*};
}
names!(Measure, MechanismPartitions, CesDistance);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_are_those_in_json() {
        for measure in Measure::ALL {
            assert_eq!(measure.to_string().parse(), Ok(measure));
            assert_eq!(serde_json::to_value(measure).unwrap(), measure.to_string());
        }
        for partitions in MechanismPartitions::ALL {
            assert_eq!(partitions.to_string().parse(), Ok(partitions));
            assert_eq!(serde_json::to_value(partitions).unwrap(), partitions.to_string());
        }
        for distance in CesDistance::ALL {
            assert_eq!(distance.to_string().parse(), Ok(distance));
            assert_eq!(serde_json::to_value(distance).unwrap(), distance.to_string());
        }
        assert_eq!("bld".parse(), Ok(Measure::Klm));
        assert_eq!("sum-small-phi".parse(), Ok(CesDistance::SumSmallPhi));
        assert_eq!(
            "QUAD".parse::<MechanismPartitions>(),
            Err("QUAD: expected one of BI, TRI, ALL".to_owned())
        );
    }

    #[test]
    fn a_variant_is_told_by_what_is_not_the_default() {
        assert_eq!(serde_json::to_string(&Variant::default()).unwrap(), "{}");
        let variant = Variant { cut_one: true, measure: Measure::L1, ..Variant::default() };
        let json = r#"{"MEASURE":"L1","CUT_ONE_APPROXIMATION":true}"#;
        assert_eq!(serde_json::to_string(&variant).unwrap(), json);
        assert_eq!(serde_json::from_str::<Variant>(json).unwrap(), variant);
        assert_eq!(variant.to_string(), "MEASURE = L1, CUT_ONE_APPROXIMATION");
        assert_eq!(variant.approximations(), ["CUT_ONE_APPROXIMATION"]);
    }

    /// By hand: p = (1/2, 1/2), q = (1/4, 3/4).
    #[test]
    fn measures_are_their_formulas() {
        let (p, q) = ([0.5, 0.5], [0.25, 0.75]);
        let third = (2.0f64 / 3.0).log2();
        let ln = std::f64::consts::LN_2;
        let entropy_of_q = 0.25 * 2.0 + 0.75 * (2.0 - 3f64.log2());
        let expected = [
            (Measure::L1, 0.5),
            (Measure::Kld, 0.5 + 0.5 * third),
            (Measure::EntropyDifference, 1.0 - entropy_of_q),
            (Measure::Psq2, (0.0625 * 0.5f64.ln() + 0.5625 * 1.5f64.ln()).abs()),
            (Measure::Mp2q, 0.5 * (1.0 * ln + 1.0 / 3.0 * third * ln)),
            (Measure::Klm, 0.5 * ln),
            (Measure::Aid, 0.5),
        ];
        for (measure, value) in expected {
            let found = measure.of_entries(&p, &q);
            assert!((found - value).abs() < 1e-15, "{measure}: {found}, expected {value}");
        }
        // What is impossible adds nothing, and nothing is infinite.
        for (measure, _) in expected {
            assert_eq!(measure.of_entries(&[1.0, 0.0], &[1.0, 0.0]), 0.0, "{measure}");
            let found = measure.of_entries(&[1.0, 0.0], &[0.5, 0.5]);
            assert!(found > 0.0 && found.is_finite(), "{measure}: {found}");
        }
    }
}
