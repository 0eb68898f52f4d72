//! Drawings and pages of networks of one's own.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::compute::{iit4_rules, say_note, say_notes};
use super::output::{ThreadArgs, display, print_path};
use crate::engine::exact::{Engine, Scope, TiePolicy};
use crate::engine::steps::{Detail, Steps};
use crate::error::Error;
use crate::files::append::{check_can_write, exists, write_one_of_many, write_whole};
use crate::files::temporary::remove_all_left_over;
use crate::phi;
use crate::phi::causes::{CausalQuestion, Causes, TransitionArgs};
use crate::phi::explore::{self, PageStates, Theories};
use crate::phi::picture::{self, Kind};
use crate::phi::reading::NetworkArgs;
use crate::report::drawing::{Drawing, Theme};
use crate::suite::Formalism;
use crate::ui::progress::Watch;

#[derive(Debug, Args)]
pub(super) struct DrawArgs {
    #[command(flatten)]
    networks: NetworkArgs,
    /// The account of a transition instead: the units before and after, and causal links as arrows
    #[arg(long)]
    causes: bool,
    #[command(flatten)]
    transition: TransitionArgs,
    /// Theory: iit3, iit4-2023, iit4-2026 or iit4-2026-paper
    #[arg(long, default_value = "iit3")]
    formalism: Formalism,
    /// IIT 4.0, which of tied causes and effects count: max-phi, principled or pyphi, as for
    /// `compute` [default: max-phi]
    #[arg(long, value_name = "POLICY")]
    ties_policy: Option<TiePolicy>,
    /// Parts to draw [default: graph,structure, under IIT 4.0 also lattice]
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    show: Vec<Kind>,
    /// A file ending in .svg, .png or .pdf for all drawings, one below the other, or a folder for
    /// NAME.graph.svg, NAME.structure.svg and so on (with --causes NAME.account.svg), NAME being
    /// that of the network's file
    #[arg(long, value_name = "FILE|FOLDER", default_value = ".")]
    out: PathBuf,
    /// On dark paper
    #[arg(long)]
    dark: bool,
    /// Write files anew that exist
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    threads: ThreadArgs,
}

#[derive(Debug, Args)]
pub(super) struct ExploreArgs {
    #[command(flatten)]
    networks: NetworkArgs,
    /// Theories: iit3, iit4-2023, iit4-2026 or iit4-2026-paper; one, or iit3 and one of the others
    #[arg(long, value_delimiter = ',', default_value = "iit3,iit4-2023")]
    formalism: Vec<Formalism>,
    /// IIT 4.0, which of tied causes and effects count, as for `compute` [default: max-phi]
    #[arg(long, value_name = "POLICY")]
    ties_policy: Option<TiePolicy>,
    /// States in the page [default: all up to 5 units, given for more]
    #[arg(long, value_enum)]
    states: Option<PageStates>,
    /// The page [default: NAME.html here, NAME being that of the network's file]
    #[arg(long, value_name = "FILE.html")]
    out: Option<PathBuf>,
    /// Write the file anew if it exists
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    threads: ThreadArgs,
}

impl DrawArgs {
    pub(super) fn run(self) -> Result<(), Error> {
        if self.causes {
            if !self.show.is_empty() || self.formalism.is_iit4() {
                return Err(Error::Settings(
                    "--causes with --show or --formalism: expected one of them".to_owned(),
                ));
            }
            let (place, input) = self.networks.read_transitions()?;
            let asked = CausalQuestion::Account { has_candidates: false };
            let question = Causes::new(input, place, &self.transition, asked)?;
            let all = question.transitions().collect::<Result<Vec<_>, _>>()?;
            question.notes().iter().for_each(|note| say_note(note));
            let kinds = ["account".to_owned()];
            return self.draw(all.len(), "transitions", &kinds, |engine, index, name| {
                Ok(vec![question.draw(engine, &all[index], name)?])
            });
        }
        if self.transition.is_given() {
            return Err(Error::Settings(
                "a transition without --causes: expected both, or neither".to_owned(),
            ));
        }
        let rules = iit4_rules(self.formalism, self.ties_policy)?;
        let (place, networks) = self.networks.read()?;
        let question = phi::Question::new(networks, &place, Scope::System, None, rules)?;
        let networks = question.networks().collect::<Result<Vec<_>, _>>()?;
        say_notes(&question);
        let kinds = match self.show.as_slice() {
            [] => Kind::usual(rules),
            some => some.to_vec(),
        };
        let names: Vec<String> = kinds.iter().map(|it| it.name()).collect();
        self.draw(networks.len(), "networks", &names, |engine, index, name| {
            picture::draw(engine, &networks[index], rules, name, &kinds)
        })
    }

    /// Draws what there is, each in several kinds of drawings.
    fn draw(
        &self,
        n_drawn: usize,
        what: &str,
        kinds: &[String],
        draw: impl Fn(&Engine, usize, &str) -> Result<Vec<Drawing>, Error>,
    ) -> Result<(), Error> {
        let stem = self.networks.stem();
        let names: Vec<String> = match n_drawn {
            1 => vec![stem],
            n => (0..n).map(|index| format!("{stem}-{index}")).collect(),
        };
        let extension = self.out.extension().and_then(|it| it.to_str());
        let one = extension.filter(|it| ["svg", "png", "pdf"].contains(it) && !self.out.is_dir());
        if one.is_some() && n_drawn != 1 {
            return Err(Error::Settings(format!(
                "output {}: the file has {n_drawn} {what}; expected a folder",
                self.out.display()
            )));
        }
        // All names are checked before anything is computed.
        let paths = |name: &str| match one {
            Some(_) => vec![self.out.clone()],
            None => kinds.iter().map(|it| self.out.join(format!("{name}.{it}.svg"))).collect(),
        };
        for path in names.iter().flat_map(|it| paths(it)) {
            self.networks.check_output(&path)?;
            if !self.force && exists(&path)? {
                let message = "exists: pass --force to write it anew, or another --out".to_owned();
                return Err(Error::Output { path, message });
            }
        }
        if one.is_none() {
            fs::create_dir_all(&self.out).map_err(|source| Error::Write {
                path: self.out.clone(),
                source,
                note: String::new(),
            })?;
        }
        let all: HashSet<PathBuf> = names.iter().flat_map(|it| paths(it)).collect();
        if let Some(first) = all.iter().next() {
            check_can_write(first)?;
            // For thousands of drawings the folder is looked through once.
            let folder = first.parent().filter(|it| !it.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            remove_all_left_over(folder, |it| all.contains(&first.with_file_name(it)));
        }
        let detail = Detail::default();
        let engine = self.threads.engine()?.telling(detail.clone());
        let _watch = Watch::new(display(false), detail);
        let theme = if self.dark { Theme::Dark } else { Theme::Light };
        for (index, name) in names.iter().enumerate() {
            let drawings = draw(&engine, index, name)?;
            let contents = match one {
                None => drawings.iter().map(|it| it.svg_file(theme).into_bytes()).collect(),
                Some(form) => {
                    let all = drawings.into_iter().reduce(Drawing::above).expect("a drawing");
                    vec![match form {
                        "png" => (all.png(2.0, theme))
                            .or_else(|error| self.instead_of_png(&all, theme, error))?,
                        "pdf" => all.pdf(theme),
                        _ => all.svg_file(theme).into_bytes(),
                    }]
                }
            };
            for (path, content) in paths(name).iter().zip(contents) {
                write_one_of_many(path, content)?;
                print_path(path)?;
            }
        }
        Ok(())
    }

    /// Keeps a drawing that is too large for a PNG as an SVG beside it, if that is free: its Φ may
    /// have taken hours.
    fn instead_of_png(
        &self,
        drawing: &Drawing,
        theme: Theme,
        error: Error,
    ) -> Result<Vec<u8>, Error> {
        let path = self.out.with_extension("svg");
        if exists(&path)? {
            return Err(error);
        }
        write_whole(&path, drawing.svg_file(theme))?;
        Err(Error::Settings(format!("{error}; the drawing is in {}", path.display())))
    }
}

impl ExploreArgs {
    pub(super) fn run(self) -> Result<(), Error> {
        let theories = self.theories()?;
        let (place, networks) = self.networks.read()?;
        let rules = theories.iit4.filter(|_| !theories.iit3);
        let question = phi::Question::new(networks, &place, Scope::System, None, rules)?;
        let networks = question.networks().collect::<Result<Vec<_>, _>>()?;
        say_notes(&question);
        let [network] = networks.as_slice() else {
            let n = networks.len();
            return Err(Error::Settings(format!("{place}: {n} networks or states; expected one")));
        };
        let name = self.networks.stem();
        let path = self.out.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.html")));
        self.networks.check_output(&path)?;
        if !self.force && exists(&path)? {
            let message = "exists: pass --force to write it anew, or another --out".to_owned();
            return Err(Error::Output { path, message });
        }
        check_can_write(&path)?;
        let detail = Detail::default();
        let engine = self.threads.engine()?;
        let _watch = Watch::new(display(false), detail.clone());
        let told = |done, total| {
            detail.set(Some(Steps { what: "states", done, total, best: None, remaining: None }));
        };
        let page = explore::page(&engine, network, theories, self.states, &name, &told)?;
        let said = match page.n_left_out {
            0 => String::new(),
            n => format!("; {n} do not fit"),
        };
        let bytes = page.html.len();
        write_whole(&path, page.html)?;
        let mib = bytes as f64 / f64::from(1 << 20);
        let _ = writeln!(io::stderr(), "note: {mib:.1} MiB, {} states{said}", page.n_states);
        print_path(&path)
    }

    fn theories(&self) -> Result<Theories, Error> {
        let (iit4, iit3): (Vec<Formalism>, Vec<Formalism>) =
            self.formalism.iter().partition(|it| it.is_iit4());
        if iit3.len() > 1 || iit4.len() > 1 {
            return Err(Error::Settings(
                "--formalism: expected one theory, or iit3 and a version of IIT 4.0".to_owned(),
            ));
        }
        let rules = match iit4.first() {
            Some(it) => iit4_rules(*it, self.ties_policy)?,
            None => iit4_rules(Formalism::Iit3, self.ties_policy)?,
        };
        Ok(Theories { iit3: !iit3.is_empty(), iit4: rules })
    }
}
