//! One page to look at a network: its units to switch, Φ of both theories in every state, the
//! complexes, and the structures in three dimensions.
//!
//! The page needs nothing else: no network, no fonts, no other file. All numbers in it are the
//! program's answers in JSON; the script places them and shows names as text only. The figure in
//! three dimensions is drawn by three.js (`vendor/`, MIT). The pages beside a report, by
//! [`of_run()`], share one file of it.

mod of_run;

pub use of_run::{check_folder, of_run};

use std::fmt::Write as _;

use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;

use crate::engine::exact::{
    Engine, Listing, OwnNetwork, PhiRecord, PhiStructureRecord, Rejected, Rules,
};
use crate::error::Error;
use crate::escape::{is_hidden, terminal, xml};
use crate::phi::values_of;

const HTML: &str = include_str!("page.html");
const CSS: &str = include_str!("page.css");
const FIGURE: &str = include_str!("figure.js");
const SCRIPT: &str = include_str!("page.js");
/// three.js, with its licence as that asks, after what marks the file as one of this program.
const THREE: &str = concat!(
    "/* phi explore: the library of the pages\n\n",
    include_str!("vendor/LICENSE-three"),
    "*/\n",
    include_str!("vendor/three.min.js")
);

/// Up to so many states all are in the page unless others are asked for: those of 5 binary units.
const USUALLY_ALL: usize = 32;

/// So many states are looked at, at most.
const MOST_STATES: usize = 4096;

/// The relations of each structure that are in the page.
const LISTED: Listing = Listing::Largest { pairs: 600, triples: 300 };

/// The largest page, in bytes. States that do not fit are left out.
const LARGEST: usize = 8_000_000;

/// The place of the library that draws in three dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Library {
    /// In itself.
    Inside,
    /// In the file [`Library::FILE`] of the same folder.
    Beside,
}

impl Library {
    const FILE: &str = "three.min.js";

    /// `true` if a file is this one, or that of another version: they begin alike.
    fn is_ours(text: &str) -> bool {
        text.lines().next() == THREE.lines().next()
    }

    /// The element that runs it, and from where the page may take scripts besides itself.
    fn parts(self) -> (String, &'static str) {
        match self {
            Library::Inside => (format!("<script>{THREE}</script>"), ""),
            // A page that is opened from disk is of no site, as some browsers have it.
            Library::Beside => {
                (format!("<script src=\"{}\"></script>", Library::FILE), "'self' file: ")
            }
        }
    }
}

/// The theories in the page.
#[derive(Debug, Clone, Copy)]
pub struct Theories {
    /// IIT 3.0.
    pub iit3: bool,
    /// IIT 4.0, by these rules.
    pub iit4: Option<Rules>,
}

/// The states in the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PageStates {
    /// The one in the file.
    Given,
    /// All that some state leads to.
    Reachable,
    /// All.
    All,
}

/// A page, and how much is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The whole page.
    pub html: String,
    /// The number of states in it.
    pub n_states: usize,
    /// The number of states that do not fit into it.
    pub n_left_out: usize,
}

/// The data that the page's script reads.
#[derive(Debug, Serialize)]
struct Data<'a> {
    program: &'static str,
    labels: Option<Vec<String>>,
    cm: &'a [Vec<u8>],
    /// The number of values of each unit.
    sizes: Vec<usize>,
    nodes: Vec<usize>,
    theories: Vec<&'static str>,
    /// The name of the rules of IIT 4.0.
    iit4: String,
    /// The position of the state in the file.
    given: usize,
    notes: Vec<String>,
    states: Vec<StateData>,
}

/// A state with the answers of both theories: `null` where a theory is not in the page, or an
/// `error`.
#[derive(Debug, Serialize)]
struct StateData {
    state: Vec<u8>,
    iit3: Value,
    iit4: Value,
    complexes: Complexes,
}

#[derive(Debug, Default, Serialize)]
struct Complexes {
    #[serde(skip_serializing_if = "Option::is_none")]
    iit3: Option<Vec<Complex3>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iit4: Option<Vec<Complex4>>,
}

#[derive(Debug, Serialize)]
struct Complex3 {
    nodes: Vec<usize>,
    phi: f64,
}

#[derive(Debug, Serialize)]
struct Complex4 {
    nodes: Vec<usize>,
    phi_s: f64,
    big_phi: f64,
}

/// The page of a network in these states; unless they are said in all, up to those of 5 binary
/// units, and in the one of the file where there are more. `name` stands for a network without one.
/// `told` is called with the number of states that are done, and that of all.
///
/// # Errors
/// As [`Engine::analyse`]; [`Error::Settings`] if even one state is too large for a page.
pub fn page(
    engine: &Engine,
    network: &OwnNetwork,
    theories: Theories,
    which: Option<PageStates>,
    name: &str,
    told: &dyn Fn(u64, u64),
) -> Result<Page, Error> {
    made(engine, network, theories, which, name, Library::Inside, told)
}

/// The page, with its library there.
fn made(
    engine: &Engine,
    network: &OwnNetwork,
    theories: Theories,
    which: Option<PageStates>,
    name: &str,
    library: Library,
    told: &dyn Fn(u64, u64),
) -> Result<Page, Error> {
    let title = terminal(network.name().unwrap_or(name));
    let states = states(network, which)?;
    let given = states.iter().position(|it| it == network.state()).unwrap_or(0);
    let empty = Data {
        program: concat!("phi-validation ", env!("CARGO_PKG_VERSION")),
        labels: network.labels().map(|it| it.iter().map(|it| terminal(it)).collect()),
        cm: network.connectivity(),
        sizes: network.sizes(),
        nodes: network.nodes(),
        theories: [("iit3", theories.iit3), ("iit4", theories.iit4.is_some())]
            .into_iter()
            .filter_map(|(it, is_shown)| is_shown.then_some(it))
            .collect(),
        iit4: theories.iit4.map_or(String::new(), |it| it.formalism().to_string()),
        given: 0,
        notes: Vec::new(),
        states: Vec::new(),
    };
    // The one in the file first: whatever is left out, it is not.
    let mut order: Vec<usize> = (0..states.len()).collect();
    order.sort_by_key(|&at| at != given);
    let (three, source) = library.parts();
    let own = [HTML, CSS, FIGURE, SCRIPT].map(str::len).iter().sum::<usize>();
    let mut size = three.len() + own + in_page(&empty).len();
    let (mut kept, mut n_left_out) = (Vec::new(), 0);
    for (done, &at) in order.iter().enumerate() {
        told(done as u64, states.len() as u64);
        let found = answers(engine, network, theories, &states[at])?;
        if which == Some(PageStates::Reachable) && found.is_unreachable() {
            continue;
        }
        size += in_page(&found).len() + 1;
        if size > LARGEST {
            if kept.is_empty() {
                return Err(Error::Settings(format!(
                    "page of {size} bytes for one state: expected at most {LARGEST}; draw shows a \
                     structure of any size"
                )));
            }
            // Those behind it are not looked at.
            n_left_out = order.len() - done;
            break;
        }
        kept.push((at, found));
    }
    kept.sort_by_key(|(at, _)| *at);
    let mut notes = Vec::new();
    if n_left_out > 0 {
        notes.push(format!("{n_left_out} more states do not fit into a page of {LARGEST} bytes."));
    }
    if states.len() == 1 {
        notes.push(
            "Only one state is in this page (phi explore --states all has every state).".to_owned(),
        );
    }
    let given = kept.iter().position(|(at, _)| *at == given).unwrap_or(0);
    let n_states = kept.len();
    let data = Data { given, notes, states: kept.into_iter().map(|(_, it)| it).collect(), ..empty };
    let parts = [
        ("source", source.to_owned()),
        ("title", xml(&title)),
        ("css", CSS.to_owned()),
        ("data", in_page(&data)),
        ("three", three),
        ("figure", FIGURE.to_owned()),
        ("js", SCRIPT.to_owned()),
    ];
    Ok(Page { html: filled(HTML, &parts), n_states, n_left_out })
}

/// The states that are looked at.
fn states(network: &OwnNetwork, which: Option<PageStates>) -> Result<Vec<Vec<u8>>, Error> {
    let sizes = network.sizes();
    let n_states = sizes.iter().try_fold(1usize, |all, it| all.checked_mul(*it));
    let is_usual = n_states.is_some_and(|it| it <= USUALLY_ALL);
    let is_all = matches!(which, Some(PageStates::Reachable | PageStates::All));
    match n_states.filter(|it| *it <= MOST_STATES) {
        Some(n) if is_all || which.is_none() && is_usual => {
            Ok((0..n).map(|it| values_of(it, &sizes).collect()).collect())
        }
        None if is_all => Err(Error::Settings(format!(
            "--states of {} units: expected at most {MOST_STATES} states",
            sizes.len()
        ))),
        _ => Ok(vec![network.state().to_vec()]),
    }
}

fn answers(
    engine: &Engine,
    network: &OwnNetwork,
    theories: Theories,
    state: &[u8],
) -> Result<StateData, Error> {
    let mut found = StateData {
        state: state.to_vec(),
        iit3: Value::Null,
        iit4: Value::Null,
        complexes: Complexes::default(),
    };
    if theories.iit3 {
        found.iit3 = match network.in_state(state, None) {
            Ok(network) => {
                let answer = engine.analyse(&network, false, None, 0)?;
                let complexes = engine.complexes(&network, false, false)?.complexes;
                let one = |it: PhiRecord| Complex3 { nodes: it.nodes, phi: it.phi };
                found.complexes.iit3 = Some(complexes.into_iter().map(one).collect());
                let mut answer = serde_json::to_value(&answer).expect("plain data");
                // The page shows what there is, not what a cut leaves of it.
                answer["partitioned_ces"] = Value::Array(Vec::new());
                answer
            }
            Err(rejected) => refusal(network, rejected)?,
        };
    }
    if let Some(rules) = theories.iit4 {
        found.iit4 = match network.in_state(state, Some(rules)) {
            Ok(network) => {
                let mut answer = engine.phi_structure(&network, rules, false, LISTED)?;
                // The script finds the faces by their definition: they would take most of the page.
                answer.relations.iter_mut().flatten().for_each(|it| it.faces.clear());
                let complexes = engine.phi_complexes(&network, rules)?.complexes;
                let one = |it: PhiStructureRecord| Complex4 {
                    nodes: it.system.nodes,
                    phi_s: it.system.phi_s,
                    big_phi: it.big_phi,
                };
                found.complexes.iit4 = Some(complexes.into_iter().map(one).collect());
                serde_json::to_value(&answer).expect("plain data")
            }
            Err(rejected) => refusal(network, rejected)?,
        };
    }
    Ok(found)
}

impl StateData {
    fn is_unreachable(&self) -> bool {
        [&self.iit3, &self.iit4].iter().any(|it| it.get("error").is_some())
    }
}

/// A state that no state leads to has no answer, which is said.
fn refusal(network: &OwnNetwork, rejected: Rejected) -> Result<Value, Error> {
    match rejected.is_unreachable {
        true => Ok(serde_json::json!({ "error": "no previous state leads to this one" })),
        false => Err(Error::Network { place: network.place(), message: rejected.message }),
    }
}

/// JSON that cannot end the element it stands in, nor hide or turn what is beside it.
fn in_page(data: &impl Serialize) -> String {
    let json = serde_json::to_string(data).expect("plain data");
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if character == '<' || is_hidden(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    out
}

/// A text with `{{name}}` replaced, once each: what is put in is not searched.
fn filled(text: &str, parts: &[(&str, String)]) -> String {
    let mut pieces = text.split("{{");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").expect("a name in braces");
        let part = parts.iter().find(|(it, _)| *it == name).expect("a known name");
        out.push_str(&part.1);
        out.push_str(rest);
    }
    out
}
