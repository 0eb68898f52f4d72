//! Macro systems of networks of one's own, as text or JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Args;

use crate::engine::exact::UnitName;
use crate::engine::grains::{
    AskedGrain, EffectiveInformationRecord, GrainRecord, Grains, GrainsRecord, MacroRecord,
};
use crate::engine::intrinsic::{Mappings, UnitBounds};
use crate::error::Error;
use crate::escape::terminal;
use crate::phi::{bits, by_state, set, severed, structure};
use crate::suite::Formalism;
use crate::wording::list;

/// The grain that is asked about, or the grains that are searched.
#[derive(Debug, Args)]
pub struct GrainArgs {
    /// Units in boxes, of which only the outputs are seen from outside: "A,B | C,D"
    #[arg(long, value_name = "UNITS | UNITS", requires = "outputs")]
    boxes: Option<String>,
    /// The outputs of the boxes
    #[arg(long, value_name = "UNIT,UNIT", requires = "boxes")]
    outputs: Option<String>,
    /// The number of updates in one step; more than one with boxes [default: 1]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=1024))]
    time_scale: Option<u32>,
    /// Units in groups, or the outputs of boxes: "A,B | C"
    #[arg(long, value_name = "UNITS | UNITS", requires = "off")]
    groups: Option<String>,
    /// For each group, how many of its units are ON while it is OFF: "0,1 | 0"
    #[arg(long, value_name = "COUNTS | COUNTS", requires = "groups")]
    off: Option<String>,
    /// Search black boxings too, not only coarse grainings
    #[arg(long, conflicts_with_all = ["boxes", "groups"])]
    black_boxes: bool,
    /// Time scales of the black boxings that are searched [default: 1]
    #[arg(long, value_name = "K,K", value_delimiter = ',', requires = "black_boxes",
          value_parser = clap::value_parser!(u32).range(1..=1024))]
    time_scales: Vec<u32>,
    /// IIT 4.0: the most micro units of a unit [default: 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16))]
    micro_units: Option<u8>,
    /// IIT 4.0: the most updates of its parts that are one update of a unit [default: 1]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u8).range(1..=16))]
    grain: Option<u8>,
    /// IIT 4.0: how often units are made of units [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=6))]
    depth: Option<u8>,
    /// IIT 4.0: which mappings are tried: families (coarse grainings and black boxes) or
    /// exhaustive (all tables of at most 8 entries) [default: families]
    #[arg(long, value_name = "WHICH", value_parser = mappings)]
    mappings: Option<Mappings>,
    /// IIT 4.0: the most background units that are apportioned to units [default: 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=16))]
    apportioned: Option<u8>,
    /// IIT 4.0: do not find out whether given units are valid, which takes long for units of many
    #[arg(long)]
    no_validity: bool,
}

fn mappings(text: &str) -> Result<Mappings, String> {
    match text {
        "families" => Ok(Mappings::Families),
        "exhaustive" => Ok(Mappings::Exhaustive),
        _ => Err(format!("{text}: expected families or exhaustive")),
    }
}

impl GrainArgs {
    /// The one grain that is asked about, if there is one.
    ///
    /// # Errors
    /// [`Error::Settings`] if there is not a list of counts for each group.
    pub fn asked(&self) -> Result<Option<AskedGrain>, Error> {
        let sets = |text: &String| text.split('|').map(UnitName::parse_list).collect::<Vec<_>>();
        let groups = self.groups.as_ref().map(sets);
        let counts = |text: &str| -> Result<Vec<usize>, Error> {
            let count = |it: &str| {
                let wrong = || {
                    Error::Settings(format!(
                        "--off {:?}: expected counts, as in 0,1 | 0",
                        it.trim()
                    ))
                };
                it.trim().parse().map_err(|_| wrong())
            };
            text.split(',').map(count).collect()
        };
        let off = match &self.off {
            None => Vec::new(),
            Some(text) => text.split('|').map(counts).collect::<Result<Vec<_>, _>>()?,
        };
        let n_groups = groups.as_ref().map_or(0, Vec::len);
        if off.len() != n_groups {
            return Err(Error::Settings(format!(
                "--off: {} lists, expected one for each of the {n_groups} groups",
                off.len()
            )));
        }
        let asked = AskedGrain {
            time_scale: self.time_scale.unwrap_or(1),
            boxes: self.boxes.as_ref().map(sets),
            outputs: self.outputs.as_deref().map(UnitName::parse_list),
            groups,
            off,
        };
        if !asked.is_given() && self.time_scale.is_some() {
            return Err(Error::Settings(
                "--time-scale: expected --boxes with it; of a search --black-boxes --time-scales"
                    .to_owned(),
            ));
        }
        Ok(Some(asked).filter(AskedGrain::is_given))
    }

    /// Returns the bounds within which intrinsic units are searched, or compete with given ones
    /// (IIT 4.0).
    ///
    /// # Errors
    /// [`Error::Settings`] if something is asked for that only IIT 3.0 has.
    pub fn bounds(&self) -> Result<UnitBounds, Error> {
        let of_iit3 = [
            ("--boxes", self.boxes.is_some()),
            ("--groups", self.groups.is_some()),
            ("--time-scale", self.time_scale.is_some()),
            ("--black-boxes", self.black_boxes),
        ];
        if let Some((flag, _)) = of_iit3.iter().find(|it| it.1) {
            return Err(Error::Settings(format!(
                "{flag} with intrinsic units: expected --formalism iit3"
            )));
        }
        let default = UnitBounds::default();
        Ok(UnitBounds {
            micro_units: self.micro_units.map_or(default.micro_units, usize::from),
            grain: self.grain.map_or(default.grain, u32::from),
            depth: self.depth.map_or(default.depth, u32::from),
            mappings: self.mappings.unwrap_or(default.mappings),
            apportioned: self.apportioned.map_or(default.apportioned, usize::from),
        })
    }

    /// The settings by name, as far as the answer depends on them.
    ///
    /// # Errors
    /// As [`asked`](GrainArgs::asked) and [`bounds`](GrainArgs::bounds).
    pub fn settings(&self, formalism: Formalism) -> Result<BTreeMap<String, String>, Error> {
        let mut all = vec![("formalism", formalism.to_string())];
        if formalism.is_iit4() {
            let UnitBounds { micro_units, grain, depth, mappings, apportioned } = self.bounds()?;
            all.extend([
                ("micro-units", micro_units.to_string()),
                ("grain", grain.to_string()),
                ("depth", depth.to_string()),
                ("mappings", format!("{mappings:?}").to_lowercase()),
                ("apportioned", apportioned.to_string()),
                ("validity", self.has_validity().to_string()),
            ]);
        } else {
            let Grains { black_boxes, time_scales, .. } = self.searched();
            all.push(("black-boxes", black_boxes.to_string()));
            all.push(("time-scales", list(&time_scales)));
            if let Some(grain) = self.asked()? {
                all.push(("one grain", format!("{grain:?}")));
            }
        }
        Ok(all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// Returns `true` if given intrinsic units are to be judged.
    pub fn has_validity(&self) -> bool {
        !self.no_validity
    }

    /// # Errors
    /// [`Error::Settings`] if something is asked for that only IIT 4.0 has.
    pub fn only_iit3(&self) -> Result<(), Error> {
        let of_iit4 = [
            ("--micro-units", self.micro_units.is_some()),
            ("--grain", self.grain.is_some()),
            ("--depth", self.depth.is_some()),
            ("--mappings", self.mappings.is_some()),
            ("--apportioned", self.apportioned.is_some()),
            ("--no-validity", self.no_validity),
        ];
        match of_iit4.iter().find(|it| it.1) {
            None => Ok(()),
            Some((flag, _)) => Err(Error::Settings(format!(
                "{flag} with iit3: expected --formalism iit4-2023, iit4-2026 or iit4-2026-paper"
            ))),
        }
    }

    /// The grains that are searched.
    pub fn searched(&self) -> Grains {
        let default = Grains::default();
        let time_scales = match self.time_scales.is_empty() {
            true => default.time_scales,
            false => self.time_scales.clone(),
        };
        Grains { black_boxes: self.black_boxes, time_scales, coarse: default.coarse }
    }
}

/// The answer about one network.
pub(crate) fn text(
    answer: &GrainsRecord,
    labels: Option<&[String]>,
    width: Option<usize>,
) -> String {
    let mut text = String::new();
    if let Some(name) = &answer.name {
        let _ = writeln!(text, "{}", terminal(name));
    }
    let information = effective_information(&answer.effective_information);
    let _ = writeln!(text, "state {}, {information}", bits(&answer.state));
    if let Some(it) = &answer.search {
        let _ = writeln!(
            text,
            "{} grains, {} of them make no macro system",
            it.n_grains, it.n_without_system
        );
        let micro = match it.micro.as_slice() {
            [] => "no micro units have Φ > 0".to_owned(),
            units => format!("the micro units {} have Φ = {:.6}", set(units, labels), it.micro_phi),
        };
        let _ = writeln!(text, "emergence {:.6}: {micro}", it.emergence);
    }
    let Some(found) = &answer.found else {
        text.push_str("no grain has Φ > 0\n");
        return text;
    };
    text.push('\n');
    text.push_str(&grain(&found.grain, labels));
    text.push_str(&system(found, labels, width));
    text
}

fn effective_information(it: &EffectiveInformationRecord) -> String {
    let EffectiveInformationRecord { bits, determinism, degeneracy } = it;
    format!("EI = {bits:.6}, determinism {determinism:.6}, degeneracy {degeneracy:.6}")
}

fn grain(grain: &GrainRecord, labels: Option<&[String]>) -> String {
    let sets = |sets: &Vec<Vec<usize>>| {
        sets.iter().map(|it| set(it, labels)).collect::<Vec<_>>().join(" ")
    };
    let mut text = format!("grain of {}", set(&grain.nodes, labels));
    if let (Some(boxes), Some(outputs)) = (&grain.boxes, &grain.outputs) {
        let _ = write!(text, ", boxes {}, outputs {}", sets(boxes), set(outputs, labels));
    }
    if grain.time_scale > 1 {
        let _ = write!(text, ", {} updates a step", grain.time_scale);
    }
    if let (Some(groups), Some(off)) = (&grain.groups, &grain.off) {
        let of_group = |(units, off): (&Vec<usize>, &Vec<usize>)| {
            let counts: Vec<String> = off.iter().map(usize::to_string).collect();
            format!("{} OFF if {} ON", set(units, labels), counts.join(" or "))
        };
        let all: Vec<String> = groups.iter().zip(off).map(of_group).collect();
        let _ = write!(text, ", groups {}", all.join(", "));
    }
    text + "\n"
}

fn system(found: &MacroRecord, labels: Option<&[String]>, width: Option<usize>) -> String {
    let mut text = String::new();
    let n = found.state.len();
    let _ = writeln!(
        text,
        "{n} macro unit{} in state {}, {}",
        if n == 1 { "" } else { "s" },
        bits(&found.state),
        effective_information(&found.effective_information)
    );
    let _ = match (&found.cut, found.phi > 0.0) {
        (Some(cut), true) => {
            writeln!(text, "Φ = {:.6}, lost by severing {}", found.phi, severed(cut, labels))
        }
        (Some(cut), false) => {
            writeln!(text, "Φ = 0: severing {} makes no difference", severed(cut, labels))
        }
        (None, _) => writeln!(text, "Φ = 0"),
    };
    let names = (0..n).map(|unit| format!("P({unit} ON)"));
    let tpm = by_state(n, names, found.tpm.iter().cloned());
    let _ = write!(text, "\nmacro units by number\n{tpm}");
    let ces = structure(&found.ces, None, None, width);
    let _ = writeln!(text, "\nCause-effect structure: {ces}");
    text
}
