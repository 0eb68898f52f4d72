//! The command line's options for variants of IIT 3.0.

use clap::Args;

use crate::engine::exact::{CesDistance, Measure, MechanismPartitions, Variant};
use crate::error::Error;

/// The options that define small φ.
#[derive(Debug, Args)]
pub struct SmallPhiArgs {
    /// IIT 3.0: distance of repertoires, as in PyPhi: EMD, L1, KLD, ENTROPY_DIFFERENCE, PSQ2, MP2Q,
    /// KLM, AID (docs/iit3.md has the formulas) [default: EMD]
    #[arg(long, value_name = "MEASURE")]
    measure: Option<Measure>,
    /// IIT 3.0: partitions of a mechanism over a purview: BI; TRI (wedges); ALL (any number of
    /// parts) [default: BI]
    #[arg(long, value_name = "TYPE")]
    partitions: Option<MechanismPartitions>,
    /// IIT 3.0: of the purviews that tie for the largest φ one with fewest units, instead of most
    #[arg(long)]
    smallest_purview: bool,
    /// IIT 3.0: all three at once, as a paper has them: iit3-aid (Gomez et al. 2021: AID, TRI,
    /// ABSOLUTE_SUM_SMALL_PHI)
    #[arg(long, value_name = "NAME", conflicts_with_all = ["measure", "partitions"])]
    settings: Option<PublishedSettings>,
}

/// Settings by the name of what was published with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum PublishedSettings {
    /// [`Variant::AID`].
    #[value(name = "iit3-aid")]
    Aid,
}

/// The options that define the comparison of structures.
#[derive(Debug, Args)]
pub struct StructureArgs {
    #[command(flatten)]
    small_phi: SmallPhiArgs,
    /// IIT 3.0: distance of cause-effect structures: EMD, of the measure's own distances;
    /// SUM_SMALL_PHI, the difference of Σφ, which asymmetric measures need;
    /// ABSOLUTE_SUM_SMALL_PHI, its absolute value [default: EMD]
    #[arg(long, value_name = "DISTANCE")]
    ces_distance: Option<CesDistance>,
}

/// Approximations of the search over the cuts.
#[derive(Debug, Args)]
pub struct ApproximationArgs {
    #[command(flatten)]
    structures: StructureArgs,
    /// IIT 3.0, an approximation: a cut makes no concept of a mechanism that had none
    #[arg(long)]
    no_new_concepts: bool,
    /// IIT 3.0, an approximation: only cuts that part one unit from the rest. Φ comes out no
    /// smaller
    #[arg(long)]
    cut_one: bool,
}

impl SmallPhiArgs {
    /// The variant.
    pub fn variant(&self) -> Variant {
        if let Some(PublishedSettings::Aid) = self.settings {
            return Variant { smallest_purview: self.smallest_purview, ..Variant::AID };
        }
        Variant {
            measure: self.measure.unwrap_or_default(),
            partitions: self.partitions.unwrap_or_default(),
            smallest_purview: self.smallest_purview,
            ..Variant::default()
        }
    }
}

impl StructureArgs {
    /// The variant.
    ///
    /// # Errors
    /// [`Error::Settings`] if it cannot compare structures.
    pub fn variant(&self) -> Result<Variant, Error> {
        let settings = self.small_phi.variant();
        let ces_distance = self.ces_distance.unwrap_or(settings.ces_distance);
        let variant = Variant { ces_distance, ..settings };
        match variant.check() {
            Ok(()) => Ok(variant),
            Err(_) => Err(Error::Settings(format!(
                "--measure {} with --ces-distance {ces_distance}: the measure is asymmetric; \
                 expected --ces-distance SUM_SMALL_PHI",
                variant.measure
            ))),
        }
    }
}

impl ApproximationArgs {
    /// The variant.
    ///
    /// # Errors
    /// As [`StructureArgs::variant`].
    pub fn variant(&self) -> Result<Variant, Error> {
        let ApproximationArgs { no_new_concepts, cut_one, .. } = *self;
        Ok(Variant { no_new_concepts, cut_one, ..self.structures.variant()? })
    }
}

/// A line that says which variant an answer is by; nothing, if that is IIT 3.0 as published.
pub(crate) fn line(variant: &Variant) -> String {
    if variant.is_default() {
        return String::new();
    }
    let what = match variant.approximations().as_slice() {
        [] => "",
        _ if variant.cut_one && !variant.no_new_concepts => {
            " (an approximation: the exact Φ is not larger)"
        }
        _ => " (an approximation: the exact Φ may be another)",
    };
    format!("IIT 3.0 by {variant}{what}\n")
}
