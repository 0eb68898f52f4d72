//! Questions about networks of one's own that are answered with numbers: Φ, mechanisms, causes,
//! grains, distances.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::output::{Format, ThreadArgs, display, output_failed, print, print_path};
use crate::engine::exact::{
    self, CutChoices, Direction, Listing, Rules, Scope, SpectrumRules, TiePolicy, TieRule,
    UnitName, Variant,
};
use crate::engine::steps::Detail;
use crate::error::Error;
use crate::escape::{terminal, terminal_lines};
use crate::phi::causes::{CausalQuestion, Causes, TransitionArgs};
use crate::phi::grains::GrainArgs;
use crate::phi::reading::{NetworkArgs, read};
use crate::phi::variant::{ApproximationArgs, SmallPhiArgs, StructureArgs};
use crate::phi::{self, CutUnits, MechanismUnits};
use crate::run::journal::IfExists;
use crate::run::search::{AskedSearch, SearchFiles};
use crate::suite::Formalism;
use crate::ui::progress::Watch;

#[derive(Debug, Args)]
pub(super) struct PhiArgs {
    #[command(flatten)]
    networks: NetworkArgs,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Theory: iit3; iit4-2023, iit4-2026 (its cap on φ_s as PyPhi has it), iit4-2026-paper (as
    /// published)
    #[arg(long, default_value = "iit3")]
    formalism: Formalism,
    /// IIT 4.0: which of several causes or effects with the same φ counts. max-phi: those that make
    /// Φ largest; principled: the largest that is congruent, then the first in order; pyphi: as
    /// PyPhi 2.0-dev has it [default: max-phi]
    #[arg(long, value_name = "POLICY")]
    ties_policy: Option<TiePolicy>,
    /// All complexes of the network, instead of Φ of the units in `nodes`
    #[arg(long)]
    complexes: bool,
    /// IIT 4.0: φ_s of the system alone, without its Φ-structure
    #[arg(long, conflicts_with = "complexes")]
    phi_s_only: bool,
    /// Measure only this cut, instead of finding the one that takes least away. It severs the
    /// connections from some units to the others: "A,B -> C". IIT 4.0 (φ_s): or any partition, "A |
    /// B in | C out": what is between the parts is cut, but for what goes from parts whose inputs
    /// only are cut (in) to those whose outputs only are (out)
    #[arg(long, value_name = "UNITS -> UNITS",
          conflicts_with_all = ["complexes", "ties", "relations"])]
    cut: Option<CutUnits>,
    /// IIT 4.0: list the first N relations of the Φ-structure; in JSON each with N faces at most
    #[arg(long, value_name = "N", conflicts_with_all = ["complexes", "phi_s_only"])]
    relations: Option<usize>,
    /// All Φ that ties allow: the smallest and the largest, proven or as intervals, and where they
    /// are few all values with their choices; under IIT 3.0 also purviews within 1e-4 of the
    /// winner, and the number of tied choices over all cuts (purview_ties). RULE says which of the
    /// purviews of a mechanism that tie count: all; largest (in units), as PyPhi has it; smallest;
    /// unresolved-dropped (a mechanism that has several has no concept) [default: all]
    #[arg(long, value_name = "RULE", num_args = 0..=1, require_equals = true,
          default_missing_value = "all")]
    ties: Option<TieRule>,
    /// With --ties, what a cut leaves to choose: inherited (what it does not touch keeps its
    /// choice, as in PyPhi) or independent (everything is chosen anew, as in PyPhi-Spectrum)
    /// [default: inherited]
    #[arg(long, value_name = "WHICH", requires = "ties")]
    cut_choices: Option<CutChoices>,
    #[command(flatten)]
    variant: ApproximationArgs,
    #[command(flatten)]
    threads: ThreadArgs,
}

#[derive(Debug, Args)]
pub(super) struct MechanismArgs {
    #[command(flatten)]
    networks: NetworkArgs,
    /// Units of the mechanism, by number or label
    #[arg(long, value_name = "UNIT,UNIT")]
    mechanism: String,
    /// Units of the purview [default: all purviews with φ > 0]
    #[arg(long, value_name = "UNIT,UNIT")]
    purview: Option<String>,
    /// Causes or effects [default: both]
    #[arg(long, value_enum)]
    direction: Option<Side>,
    /// IIT 3.0: under this cut of the system, which severs the connections from some units to the
    /// others: "A,B -> C"
    #[arg(long, value_name = "UNITS -> UNITS")]
    cut: Option<CutUnits>,
    #[command(flatten)]
    variant: SmallPhiArgs,
    /// Theory: iit3, or iit4-2023 (the later versions of IIT 4.0 do not differ here)
    #[arg(long, default_value = "iit3")]
    formalism: Formalism,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    threads: ThreadArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Side {
    /// The past of the mechanism.
    Cause,
    /// The future of the mechanism.
    Effect,
}

#[derive(Debug, Args)]
pub(super) struct DistanceArgs {
    /// One file or two, with two networks in all, as for `compute`
    #[arg(value_name = "FILE", required = true, num_args = 1..=2)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    variant: StructureArgs,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    threads: ThreadArgs,
}

#[derive(Debug, Args)]
pub(super) struct CausesArgs {
    #[command(flatten)]
    networks: NetworkArgs,
    #[command(flatten)]
    transition: TransitionArgs,
    /// List α of every candidate as well
    #[arg(long)]
    candidates: bool,
    /// All parts of the transition with 𝒜 > 0 instead, the causal nexus first
    #[arg(long, conflicts_with = "candidates")]
    nexus: bool,
    /// Events instead: what has an actual cause in the state before and an actual effect in this
    /// one, being itself in the state after. Of the units in `nodes`; without them of the major
    /// complex by IIT 3.0
    #[arg(long, value_name = "STATE", conflicts_with_all = ["candidates", "nexus"])]
    next: Option<String>,
    /// With --next, causes and effects among all units, also outside of the complex
    #[arg(long, requires = "next")]
    extrinsic: bool,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    threads: ThreadArgs,
}

#[derive(Debug, Args)]
pub(super) struct GrainsArgs {
    #[command(flatten)]
    networks: NetworkArgs,
    #[command(flatten)]
    grains: GrainArgs,
    /// Theory: iit3 (macro systems), or iit4-2023, iit4-2026, iit4-2026-paper (intrinsic units;
    /// iit4 is iit4-2023) [default: iit4-2023 if the file has units, else iit3]
    #[arg(long, value_parser = grain_formalism)]
    formalism: Option<Formalism>,
    /// Write the answer to a file instead, and what a search finds to FILE.journal.jsonl while it
    /// goes: after a crash or Ctrl-C, --resume goes on from there. For one network in one state
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Go on from FILE.journal.jsonl, of the same network, settings and program
    #[arg(long, requires = "out", conflicts_with = "force")]
    resume: bool,
    /// Write files that exist anew
    #[arg(long, requires = "out")]
    force: bool,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    threads: ThreadArgs,
}

impl PhiArgs {
    pub(super) fn run(self) -> Result<(), Error> {
        let scope = match (self.complexes, self.phi_s_only) {
            (true, _) => Scope::Complexes,
            (false, true) => Scope::SystemAlone,
            (false, false) => Scope::System,
        };
        let rules = self.rules()?;
        let variant = self.variant.variant()?;
        only_iit3(self.formalism, &variant)?;
        let spectrum = self.spectrum()?;
        if spectrum.is_some() && !variant.is_default() {
            return Err(Error::Settings(format!("--ties with {variant}: expected one of them")));
        }
        let (place, networks) = self.networks.read()?;
        let question = phi::Question::new(networks, &place, scope, spectrum, rules)?;
        let relations = self.relations.map_or(Listing::None, Listing::First);
        let question = question.under(self.cut).listing_relations(relations);
        write_answers(question, variant, self.format, &self.threads)
    }

    /// Returns the rules for the Φ that are asked for besides that of the theory's own choices.
    fn spectrum(&self) -> Result<Option<SpectrumRules>, Error> {
        let Some(ties) = self.ties else { return Ok(None) };
        let is_plain = ties == TieRule::All && self.cut_choices.is_none();
        let refuse = |message: String| Err(Error::Settings(message));
        if self.phi_s_only {
            return refuse("--ties with --phi-s-only: expected one of them".to_owned());
        }
        if self.complexes && (self.formalism.is_iit4() || !is_plain) {
            return refuse(
                "--ties with --complexes: expected one of them, or, of IIT 3.0, --ties alone, \
                 which counts ties"
                    .to_owned(),
            );
        }
        if self.formalism.is_iit4() && !is_plain {
            return refuse(format!(
                "a rule for --ties with {}: expected --formalism iit3, or --ties alone",
                self.formalism
            ));
        }
        let cuts = self.cut_choices.unwrap_or_default();
        Ok(Some(SpectrumRules { ties, cuts }))
    }

    /// The rules of IIT 4.0, if that is asked for.
    fn rules(&self) -> Result<Option<Rules>, Error> {
        only_iit4(self.formalism, "--phi-s-only", self.phi_s_only)?;
        only_iit4(self.formalism, "--relations", self.relations.is_some())?;
        iit4_rules(self.formalism, self.ties_policy)
    }
}

/// The rules of IIT 4.0, if that is asked for.
pub(super) fn iit4_rules(
    formalism: Formalism,
    policy: Option<TiePolicy>,
) -> Result<Option<Rules>, Error> {
    only_iit4(formalism, "--ties-policy", policy.is_some())?;
    Ok(exact::rules(formalism, policy.unwrap_or_default()))
}

/// IIT 3.0 has no such option.
fn only_iit4(formalism: Formalism, option: &str, is_asked: bool) -> Result<(), Error> {
    if is_asked && !formalism.is_iit4() {
        return Err(Error::Settings(format!(
            "{option} with {formalism}: expected --formalism iit4-2023, iit4-2026 or \
             iit4-2026-paper"
        )));
    }
    Ok(())
}

impl MechanismArgs {
    pub(super) fn run(self) -> Result<(), Error> {
        let rules = exact::rules(self.formalism, TiePolicy::default());
        if rules.is_some() && self.cut.is_some() {
            let asked = self.formalism;
            return Err(Error::Settings(format!("--cut with {asked}: expected --formalism iit3")));
        }
        let variant = self.variant.variant();
        only_iit3(self.formalism, &variant)?;
        let mechanism = MechanismUnits {
            mechanism: UnitName::parse_list(&self.mechanism),
            purview: self.purview.as_deref().map(UnitName::parse_list),
            directions: match self.direction {
                Some(Side::Cause) => vec![Direction::Cause],
                Some(Side::Effect) => vec![Direction::Effect],
                None => vec![Direction::Cause, Direction::Effect],
            },
        };
        let (place, networks) = self.networks.read()?;
        let question = phi::Question::new(networks, &place, Scope::System, None, rules)?;
        let question = question.of_mechanism(mechanism).under(self.cut);
        write_answers(question, variant, self.format, &self.threads)
    }
}

/// IIT 4.0 has no variants.
fn only_iit3(formalism: Formalism, variant: &Variant) -> Result<(), Error> {
    if formalism.is_iit4() && !variant.is_default() {
        return Err(Error::Settings(format!(
            "{variant} with {formalism}: expected --formalism iit3"
        )));
    }
    Ok(())
}

impl DistanceArgs {
    pub(super) fn run(self) -> Result<(), Error> {
        let variant = self.variant.variant()?;
        let read = |path: &PathBuf| {
            let (place, input) = read(path, &exact::Reader::default(), false)?;
            let question = phi::Question::new(input, &place, Scope::System, None, None)?;
            say_notes(&question);
            question.networks().collect::<Result<Vec<_>, _>>()
        };
        let networks = self.files.iter().map(read).collect::<Result<Vec<_>, _>>()?.concat();
        let [first, second] = networks.as_slice() else {
            return Err(Error::Settings(format!(
                "distance of {} networks: expected two, in two files or in one",
                networks.len()
            )));
        };
        let engine = self.threads.engine()?;
        let found = engine.by(variant).distance([first, second])?;
        match self.format {
            Format::Text => {
                let width = console::Term::stdout().size_checked().map(|(_, width)| width.into());
                let text = phi::distance::text(&found, [first, second], width);
                print(&terminal_lines(&text))
            }
            Format::Json => print(&(serde_json::to_string(&found).expect("plain data") + "\n")),
        }
    }
}

/// Writes the answers to a question to standard output.
fn write_answers(
    question: phi::Question,
    variant: Variant,
    format: Format,
    threads: &ThreadArgs,
) -> Result<(), Error> {
    let detail = Detail::default();
    let question = question.telling(detail.clone());
    say_notes(&question);
    let engine = threads.engine()?.by(variant).telling(detail.clone());
    let _watch = Watch::new(display(false), detail);
    let mut out = io::stdout().lock();
    let solved = match format {
        Format::Text => {
            let width = console::Term::stdout().size_checked().map(|(_, width)| width.into());
            question.answer_text(&engine, width, &mut out)
        }
        Format::Json => question.answer_json(&engine, &mut out),
    };
    answered(solved)
}

fn answered(solved: Result<(), phi::Failure>) -> Result<(), Error> {
    match solved {
        Ok(()) => Ok(()),
        Err(phi::Failure::Study(error)) => Err(error),
        Err(phi::Failure::Output(error)) => output_failed(error),
    }
}

/// Says what was guessed, converted or passed over in reading.
pub(super) fn say_notes(question: &phi::Question) {
    question.notes().iter().for_each(|note| say_note(note));
}

pub(super) fn say_note(note: &str) {
    let _ = writeln!(io::stderr(), "note: {}", terminal(note));
}

/// The names of theories, and `iit4` for the one of 2023.
fn grain_formalism(text: &str) -> Result<Formalism, String> {
    match text {
        "iit4" => Ok(Formalism::Iit4_2023),
        _ => text.parse().map_err(|error: Error| error.to_string()),
    }
}

impl GrainsArgs {
    pub(super) fn run(self) -> Result<(), Error> {
        let (place, networks) = self.networks.read()?;
        let has_units = networks.networks.iter().any(|it| it.units.is_some());
        let default = if has_units { Formalism::Iit4_2023 } else { Formalism::Iit3 };
        let formalism = self.formalism.unwrap_or(default);
        if let Some(rules) = exact::rules(formalism, TiePolicy::default()) {
            let bounds = self.grains.bounds()?;
            let scope = Scope::Complexes;
            let question = phi::Question::new(networks, &place, scope, None, Some(rules))?;
            let question = question.of_units(bounds, self.grains.has_validity());
            return self.answer(question, formalism);
        }
        self.grains.only_iit3()?;
        if has_units {
            return Err(Error::Settings(format!(
                "{place}: units with iit3: expected --formalism iit4-2023, iit4-2026 or \
                 iit4-2026-paper"
            )));
        }
        let (asked, searched) = (self.grains.asked()?, self.grains.searched());
        let question = phi::Question::new(networks, &place, Scope::System, None, None)?;
        let question = question.on_grains(asked, searched);
        self.answer(question, formalism)
    }

    fn answer(self, question: phi::Question, formalism: Formalism) -> Result<(), Error> {
        let Some(out) = &self.out else {
            return write_answers(question, Variant::default(), self.format, &self.threads);
        };
        let network = question.identity().ok_or_else(|| {
            Error::Settings("--out with several networks or states: expected one".to_owned())
        })?;
        let mut settings = self.grains.settings(formalism)?;
        settings.insert("format".to_owned(), format!("{:?}", self.format).to_lowercase());
        let asked = AskedSearch::new(&network, settings);
        let detail = Detail::default();
        say_notes(&question);
        let engine = self.threads.engine()?.telling(detail.clone());
        self.networks.check_output(out)?;
        let files = SearchFiles::open(out, IfExists::asked(self.resume, self.force), &asked)?;
        files.note().into_iter().for_each(say_note);
        let engine = engine.keeping(files.journal());
        let watch = Watch::new(display(false), detail);
        let mut answer = Vec::new();
        let solved = match self.format {
            Format::Text => question.answer_text(&engine, None, &mut answer),
            Format::Json => question.answer_json(&engine, &mut answer),
        };
        drop(watch);
        answered(solved).map_err(|error| files.explained(error))?;
        let answer = String::from_utf8(answer).expect("text, or JSON");
        files.finish(&answer)?;
        print_path(out)
    }
}

impl CausesArgs {
    pub(super) fn run(self) -> Result<(), Error> {
        let asked = match (&self.next, self.nexus) {
            (Some(next), _) => {
                CausalQuestion::Events { next: next.clone(), is_extrinsic: self.extrinsic }
            }
            (None, true) => CausalQuestion::Nexus,
            (None, false) => CausalQuestion::Account { has_candidates: self.candidates },
        };
        if !matches!(asked, CausalQuestion::Account { .. }) && self.transition.names_units() {
            return Err(Error::Settings(
                "--cause or --effect with --nexus or --next: expected them with an account"
                    .to_owned(),
            ));
        }
        let (place, input) = self.networks.read_transitions()?;
        let question = Causes::new(input, place, &self.transition, asked)?;
        question.notes().iter().for_each(|note| say_note(note));
        let detail = Detail::default();
        let engine = self.threads.engine()?.telling(detail.clone());
        let _watch = Watch::new(display(false), detail);
        let mut out = io::stdout().lock();
        answered(match self.format {
            Format::Text => question.answer_text(&engine, &mut out),
            Format::Json => question.answer_json(&engine, &mut out),
        })
    }
}
