//! Actual causation in transitions of networks of one's own, as text, JSON or a drawing.

use std::fmt::Write as _;
use std::io::{self, Write};

use clap::Args;
use serde::Serialize;

use crate::engine::causes::{
    AccountRecord, AskedTransition, Background, CausalRules, EventsRecord, IrreducibilityRecord,
    LinkRecord, NexusRecord, OwnTransition, Scheme,
};
use crate::engine::exact::{
    Engine, Entry, Form, Input, InputError, NetworkRecord, UnitName, state,
};
use crate::error::Error;
use crate::escape::terminal;
use crate::phi::answers::{self, Failure};
use crate::phi::picture;
use crate::phi::{Names, partition};
use crate::report::drawing::Drawing;
use crate::report::text::left_table;

/// The transition that is asked about, where the file does not say or another one is meant.
#[derive(Debug, Args)]
pub struct TransitionArgs {
    /// State before, instead of that in the file: a value for each unit, unit 0 first (1,0,0)
    #[arg(long, value_name = "STATE")]
    before: Option<String>,
    /// State after, instead of that in the file
    #[arg(long, value_name = "STATE")]
    after: Option<String>,
    /// Units considered before, by number or label, instead of those in the file; the others are
    /// the background [default: all]
    #[arg(long, value_name = "UNIT,UNIT")]
    cause: Option<String>,
    /// Units considered after, instead of those in the file [default: all]
    #[arg(long, value_name = "UNIT,UNIT")]
    effect: Option<String>,
    /// Units that are not considered before are averaged over [default: they are as they were]
    #[arg(long)]
    noise_background: bool,
    /// Partitions that are tried: all, as published; tri, an approximation; bi, as in IIT 3.0,
    /// which gives other accounts
    #[arg(long, value_name = "SCHEME", default_value_t)]
    scheme: Scheme,
}

impl TransitionArgs {
    /// Returns `true` if the command line names the units that are considered.
    pub fn names_units(&self) -> bool {
        self.cause.is_some() || self.effect.is_some()
    }

    /// Returns `true` if the command line gives any property of a transition.
    pub fn is_given(&self) -> bool {
        let states = self.before.is_some() || self.after.is_some();
        states || self.names_units() || self.rules() != CausalRules::default()
    }

    fn given(&self) -> GivenTransition {
        let units = |text: &Option<String>| text.as_deref().map(UnitName::parse_list);
        GivenTransition {
            before: self.before.clone(),
            after: self.after.clone(),
            cause: units(&self.cause),
            effect: units(&self.effect),
        }
    }

    fn rules(&self) -> CausalRules {
        let background = match self.noise_background {
            true => Background::Noise,
            false => Background::Fixed,
        };
        CausalRules { background, scheme: self.scheme }
    }
}

/// The transition that the command line gives. The network decides which values its units have.
#[derive(Debug)]
struct GivenTransition {
    before: Option<String>,
    after: Option<String>,
    cause: Option<Vec<UnitName>>,
    effect: Option<Vec<UnitName>>,
}

impl GivenTransition {
    /// # Errors
    /// If a state is none of the network.
    fn of(&self, record: &NetworkRecord) -> Result<AskedTransition, InputError> {
        let state = |text: &Option<String>, flag: &str| {
            text.as_deref().map(|it| given_state(record, it, flag)).transpose()
        };
        Ok(AskedTransition {
            before: state(&self.before, "--before")?,
            after: state(&self.after, "--after")?,
            cause: self.cause.clone(),
            effect: self.effect.clone(),
        })
    }
}

/// A state of a network from the command line.
fn given_state(record: &NetworkRecord, text: &str, flag: &str) -> Result<Vec<u8>, InputError> {
    // The length is looked at where the transition is.
    let values =
        if is_plain(record) { state(text) } else { record.state_of(text).map(|it| it.values()) };
    values.map_err(|error| error.at(flag))
}

/// Returns `true` if units have two values without names.
fn is_plain(record: &NetworkRecord) -> bool {
    record.alphabet.is_none() && record.values.is_none()
}

/// The question about each transition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CausalQuestion {
    /// The account, with α of all candidates if `has_candidates`.
    Account {
        /// All candidates are listed.
        has_candidates: bool,
    },
    /// 𝒜 of all parts of the transition.
    Nexus,
    /// Events that have both a cause and an effect.
    Events {
        /// The state in which effects are, as the command line has it.
        next: String,
        /// Causes and effects are looked for among all units.
        is_extrinsic: bool,
    },
}

/// Networks with transitions, and what is asked of them.
#[derive(Debug)]
pub struct Causes {
    input: Input,
    place: String,
    given: GivenTransition,
    rules: CausalRules,
    asked: CausalQuestion,
}

/// The answer for one transition.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Answer {
    Account(Box<AccountRecord>),
    Nexus(NexusRecord),
    Events(EventsRecord),
}

/// Writes the answer for a transition of the network of this number, or why there is none.
type WriteAnswer<'a> = dyn FnMut(usize, Result<&Answer, &Refusal>) -> io::Result<()> + 'a;

/// The record that stands in the place of an answer.
#[derive(Debug, Serialize)]
struct Refusal {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The number of the network in the file, from 0.
    record: usize,
    /// The number of its transition, from 0.
    transition: usize,
    error: String,
}

impl Causes {
    /// A question about the transitions of networks that come from `place`.
    ///
    /// # Errors
    /// [`Error::Settings`] if a state of the command line is none.
    pub fn new(
        input: Input,
        place: String,
        args: &TransitionArgs,
        asked: CausalQuestion,
    ) -> Result<Causes, Error> {
        let records = || input.networks.iter().filter_map(|it| it.record.as_ref().ok());
        // What no network can be in is said once, and before any is analysed.
        if records().all(is_plain) {
            let next = match &asked {
                CausalQuestion::Events { next, .. } => Some(next),
                _ => None,
            };
            let (before, after) = (args.before.as_ref(), args.after.as_ref());
            for (text, flag) in [(before, "--before"), (after, "--after"), (next, "--next")] {
                let found = text.map(|it| state(it)).transpose();
                found.map_err(|error| Error::Settings(format!("{flag}: {error}")))?;
            }
        }
        Ok(Causes { input, place, given: args.given(), rules: args.rules(), asked })
    }

    /// Returns the notes on guesses, conversions and ignored fields in reading, each once.
    pub fn notes(&self) -> Vec<String> {
        answers::notes(&self.input, &self.place)
    }

    /// Each transition by the number of its network and its own.
    fn items(&self) -> Vec<(usize, usize)> {
        let entries = self.input.networks.iter().enumerate();
        let of_entry = |(index, entry): (usize, &Entry)| {
            // A network that is wrong is said to be so once.
            let n = if entry.record.is_ok() { entry.transitions.len() } else { 1 };
            (0..n).map(move |number| (index, number)).collect::<Vec<_>>()
        };
        entries.flat_map(of_entry).collect()
    }

    /// One network with one transition.
    fn is_single(&self) -> bool {
        self.input.form == Form::One && self.items().len() == 1
    }

    /// The transitions, checked.
    ///
    /// # Errors
    /// [`Error::Network`] for each that cannot be analysed.
    pub fn transitions(&self) -> impl Iterator<Item = Result<OwnTransition, Error>> + '_ {
        self.items().into_iter().map(|item| self.transition(item))
    }

    fn record(&self, index: usize) -> Option<&NetworkRecord> {
        self.input.networks[index].record.as_ref().ok()
    }

    fn transition(&self, (index, number): (usize, usize)) -> Result<OwnTransition, Error> {
        let entry = &self.input.networks[index];
        let name = self.record(index).and_then(|it| it.name.as_ref());
        let mut place = answers::record_place(&self.place, self.input.form, index, name);
        if entry.transitions.len() > 1 {
            place += &format!(": transitions[{number}]");
        }
        let record = entry
            .record
            .as_ref()
            .map_err(|error| Error::Network { place: place.clone(), message: error.to_string() })?;
        let given = self
            .given
            .of(record)
            .map_err(|error| Error::Network { place: place.clone(), message: error.to_string() })?;
        let asked = given.or(&entry.transitions[number]);
        OwnTransition::new(record, &asked, self.rules, place)
    }

    fn answer(&self, engine: &Engine, item: (usize, usize)) -> Result<Answer, Error> {
        let transition = self.transition(item)?;
        match &self.asked {
            CausalQuestion::Account { has_candidates } => {
                engine.account(&transition, *has_candidates).map(|it| Answer::Account(Box::new(it)))
            }
            CausalQuestion::Nexus => engine.nexus(&transition).map(Answer::Nexus),
            CausalQuestion::Events { next, is_extrinsic } => {
                let record = self.record(item.0).expect("a transition of it was read");
                let next = given_state(record, next, "--next")
                    .map_err(|error| transition.wrong(&error))?;
                engine.events(&transition, &next, *is_extrinsic).map(Answer::Events)
            }
        }
    }

    /// The account of a transition as a drawing. `name` stands for a network without one.
    ///
    /// # Errors
    /// As [`Engine::account`].
    pub fn draw(
        &self,
        engine: &Engine,
        transition: &OwnTransition,
        name: &str,
    ) -> Result<Drawing, Error> {
        let answer = engine.account(transition, false)?;
        let name = transition.name().unwrap_or(name);
        let (labels, values) = (transition.labels(), transition.value_names());
        Ok(picture::account(&answer, name, Names { labels, values }))
    }

    /// The answers in their order; what is wrong with one of several stands in its place.
    fn answers(&self, engine: &Engine, write: &mut WriteAnswer<'_>) -> Result<(), Failure> {
        let (items, mut refused) = (self.items(), 0);
        if items.is_empty() {
            let message = "transitions: none, expected at least one".to_owned();
            return Err(Failure::Study(Error::Network { place: self.place.clone(), message }));
        }
        for (done, &item) in items.iter().enumerate() {
            match self.answer(engine, item) {
                Ok(answer) => write(item.0, Ok(&answer))?,
                Err(error @ (Error::Network { .. } | Error::Memory { .. }))
                    if !self.is_single() =>
                {
                    refused += 1;
                    let (record, transition) = item;
                    let name = self.record(record).and_then(|it| it.name.clone());
                    let error = error.to_string();
                    write(record, Err(&Refusal { name, record, transition, error }))?;
                }
                Err(Error::Interrupted(_)) => {
                    let so_far = format!(": {done} of {} transitions were analysed", items.len());
                    return Err(Failure::Study(Error::Interrupted(so_far)));
                }
                Err(error) => return Err(Failure::Study(error)),
            }
        }
        match refused {
            0 => Ok(()),
            refused => {
                let (place, total) = (self.place.clone(), items.len());
                Err(Failure::Study(Error::Refused { place, refused, total }))
            }
        }
    }

    /// Writes the answers for a person.
    ///
    /// # Errors
    /// [`Failure`]; the answers before it are written.
    pub fn answer_text(&self, engine: &Engine, out: &mut dyn Write) -> Result<(), Failure> {
        let mut is_first = true;
        self.answers(engine, &mut |index, outcome| {
            let record = self.record(index);
            let names = Names::of(record);
            let answer = match outcome {
                Ok(Answer::Account(answer)) => text(answer, names),
                Ok(Answer::Nexus(answer)) => nexus_text(answer, names),
                Ok(Answer::Events(answer)) => events_text(answer, names),
                Err(refusal) => format!("{}\n", refusal.error),
            };
            answers::block(out, &mut is_first, &answer)
        })
    }

    /// Writes the answers as JSON, a line each: an object; a list for a list, or for several
    /// transitions; lines for lines.
    ///
    /// # Errors
    /// [`Failure`]; the answers before it are written, and the list is closed.
    pub fn answer_json(&self, engine: &Engine, out: &mut dyn Write) -> Result<(), Failure> {
        let is_list = self.input.form != Form::Lines && !self.is_single();
        answers::json(out, is_list, |lines| {
            self.answers(engine, &mut |_, outcome| match outcome {
                Ok(answer) => lines.write(answer),
                Err(refusal) => lines.write(refusal),
            })
        })
    }
}

/// A number of bits, or 0.
fn number(value: f64) -> String {
    if value == 0.0 { "0".to_owned() } else { format!("{value:.6}") }
}

fn text(answer: &AccountRecord, names: Names<'_>) -> String {
    let asked = &answer.transition;
    let mut text = String::new();
    if let Some(name) = &asked.name {
        let _ = writeln!(text, "{}", terminal(name));
    }
    let _ = writeln!(
        text,
        "from {} to {}, probability {}",
        names.valued(&asked.cause, &asked.before),
        names.valued(&asked.effect, &asked.after),
        asked.transition_probability
    );
    let _ = writeln!(
        text,
        "states {} and {}, background {}, partitions {}",
        names.state(&asked.before),
        names.state(&asked.after),
        asked.background,
        asked.scheme
    );
    let all = &answer.account_irreducibility;
    let _ = writeln!(text, "𝒜 = {}{}", number(all.bi.irreducibility), lost(&all.bi, names));
    let _ = writeln!(
        text,
        "𝒜 of the causes {}, of the effects {}",
        number(all.cause.irreducibility),
        number(all.effect.irreducibility)
    );
    if answer.links.is_empty() {
        text.push_str("\nno causal links\n");
    } else {
        let n = answer.links.len();
        let links = if n == 1 { "1 causal link".to_owned() } else { format!("{n} causal links") };
        let _ = writeln!(text, "\n{links}, Σα = {:.6}", answer.sum_alpha);
        text.push_str(&links_table(&answer.links, [&asked.before, &asked.after], names));
    }
    if let Some(candidates) = &answer.candidates {
        let _ = writeln!(text, "\n{} candidates", candidates.len());
        let header = ["occurrence", "", "candidate", "α", "signed", "ρ"];
        let mut lines = vec![header.map(str::to_owned).to_vec()];
        lines.extend(candidates.iter().map(|it| {
            let [occurrence, of] = states_of(&it.direction, [&asked.before, &asked.after]);
            vec![
                names.valued(&it.mechanism, occurrence),
                arrow(&it.direction).to_owned(),
                names.valued(&it.purview, of),
                number(it.alpha),
                format!("{:.6}", it.signed_alpha),
                format!("{:.6}", it.ratio),
            ]
        }));
        text.push_str(&left_table(&lines));
    }
    text
}

/// Describes the connections that the partition that takes least severs.
fn lost(found: &IrreducibilityRecord, names: Names<'_>) -> String {
    if let Some(reason) = &found.reason {
        return format!(": {reason}");
    }
    let edge = |&(from, to): &(usize, usize)| format!("{} → {}", names.unit(from), names.unit(to));
    let edges = found.severed.iter().map(edge);
    let edges = edges.collect::<Vec<_>>().join(", ");
    match (found.irreducibility > 0.0, edges.is_empty()) {
        (true, _) => format!(", lost by severing {edges}"),
        (false, true) => ": a partition severs no connection".to_owned(),
        (false, false) => format!(": severing {edges} makes no difference"),
    }
}

fn arrow(direction: &str) -> &'static str {
    if direction == "cause" { "←" } else { "→" }
}

/// The state of occurrences and that of their causes or effects.
fn states_of<'a>(direction: &str, [before, after]: [&'a [u8]; 2]) -> [&'a [u8]; 2] {
    if direction == "cause" { [after, before] } else { [before, after] }
}

/// Links, a line each.
fn links_table(links: &[LinkRecord], states: [&[u8]; 2], names: Names<'_>) -> String {
    let header = ["occurrence", "", "cause or effect", "α", "ρ", "partition"];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    for it in links {
        let [occurrence, of] = states_of(&it.direction, states);
        let purviews: Vec<String> =
            it.purviews.iter().map(|units| names.valued(units, of)).collect();
        lines.push(vec![
            names.valued(&it.mechanism, occurrence),
            arrow(&it.direction).to_owned(),
            purviews.join(" or "),
            format!("{:.6}", it.alpha),
            format!("{:.6}", it.ratio),
            partition(&it.partition, names.labels),
        ]);
    }
    let mut text = left_table(&lines);
    if links.iter().any(|it| it.undetermined) {
        text.push_str("or: undetermined, these have the same α\n");
    }
    text
}

fn nexus_text(answer: &NexusRecord, names: Names<'_>) -> String {
    let NexusRecord { name, before, after, background, scheme, nexus, .. } = answer;
    let mut text = String::new();
    if let Some(name) = name {
        let _ = writeln!(text, "{}", terminal(name));
    }
    let (was, is) = (names.state(before), names.state(after));
    let _ = writeln!(text, "from {was} to {is}, background {background}, partitions {scheme}");
    if nexus.is_empty() {
        text.push_str("no part of the transition has 𝒜 > 0\n");
        return text;
    }
    let _ = writeln!(text, "{} parts with 𝒜 > 0, the causal nexus first", nexus.len());
    let mut lines = vec![["𝒜", "causes", "effects"].map(str::to_owned).to_vec()];
    lines.extend(nexus.iter().map(|it| {
        let sets = [names.valued(&it.cause, before), names.valued(&it.effect, after)];
        [vec![format!("{:.6}", it.irreducibility)], sets.to_vec()].concat()
    }));
    text.push_str(&left_table(&lines));
    text
}

fn events_text(answer: &EventsRecord, names: Names<'_>) -> String {
    let mut text = String::new();
    if let Some(name) = &answer.name {
        let _ = writeln!(text, "{}", terminal(name));
    }
    let [previous, current, next] =
        [&answer.previous, &answer.current, &answer.next].map(|it| names.state(it));
    let _ = writeln!(text, "states {previous}, {current}, {next}");
    let _ = match answer.phi {
        Some(phi) => {
            writeln!(text, "complex {}, Φ = {phi:.6} by IIT 3.0", names.set(&answer.nodes))
        }
        None => writeln!(text, "units {}", names.set(&answer.nodes)),
    };
    let kind = if answer.extrinsic { "extrinsic" } else { "true" };
    if answer.events.is_empty() {
        let _ = writeln!(text, "no {kind} events");
        return text;
    }
    let header = ["cause", "α", "occurrence", "effect", "α"];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    for it in &answer.events {
        let purviews = |link: &LinkRecord, state: &[u8]| {
            let all = link.purviews.iter().map(|units| names.valued(units, state));
            all.collect::<Vec<_>>().join(" or ")
        };
        lines.push(vec![
            purviews(&it.cause, &answer.previous),
            format!("{:.6}", it.cause.alpha),
            names.valued(&it.mechanism, &answer.current),
            purviews(&it.effect, &answer.next),
            format!("{:.6}", it.effect.alpha),
        ]);
    }
    let n = answer.events.len();
    let _ = writeln!(text, "{n} {kind} event{}", if n == 1 { "" } else { "s" });
    text.push_str(&left_table(&lines));
    text
}
