//! Estimators beside each other over several suites: a table, a figure of agreement against cost,
//! and for each estimator its scatter by suite.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Serialize;

use crate::error::Error;
use crate::files::append::{check_ours, exists, is_folder, write_whole};
use crate::report::drawing::{Anchor, Drawing, Ink, Mark};
use crate::report::figures::{Figure, estimators};
use crate::report::plot::{Axis, Plot, label};
use crate::report::text;
use crate::report::{Block, FIGURES, Report, Table};
use crate::run::store::{Contents, Entry};
use crate::stats::agreement::{Agreement, Compared, agreements};
use crate::stats::statistics::{SAME, Stat, number};
use crate::suite;

/// The judgement of one suite on the estimators, by one exact value.
#[derive(Debug, Clone, Serialize)]
pub struct Judgement {
    /// The name of the suite.
    pub suite: String,
    /// The exact value: a theory, with ` Φ` behind it where that has φ_s too.
    pub exact: String,
    /// The comparisons.
    pub n_rows: usize,
    /// The networks in them; their states count once.
    pub n_networks: usize,
    /// The mean time of an exact value, in milliseconds.
    pub exact_ms: f64,
    /// The judgement on each estimator, by its name.
    pub estimators: BTreeMap<String, Judged>,
    /// For the figures: the exact values, and each estimator's.
    #[serde(skip)]
    points: (Vec<f64>, BTreeMap<String, Vec<f64>>),
}

/// An estimator in one suite.
#[derive(Debug, Clone, Serialize)]
pub struct Judged {
    /// The agreement with the exact values.
    #[serde(flatten)]
    pub agreement: Agreement,
    /// The mean time of an estimate, in milliseconds, as it was measured on some of the networks.
    pub estimate_ms: f64,
}

/// The exact values that the rows of a theory have: how each is called, and where it is.
type Exact = (&'static str, fn(&Entry) -> f64);

impl Judgement {
    /// Judges the estimators by a finished run, once for each of its theories. `costs` are the mean
    /// times of an estimate in milliseconds.
    pub fn of(suite: &str, contents: &Contents, costs: &BTreeMap<String, f64>) -> Vec<Judgement> {
        let mut all = Vec::new();
        for part in contents.by_formalism() {
            let theory = part.suite.settings().formalism().expect("one theory");
            let mut exact: Vec<Exact> = vec![("", |it| it.exact.phi)];
            if theory.is_iit4() {
                exact = vec![
                    (" φ_s", |it| it.exact.phi),
                    (" Φ", |it| it.exact.structure.as_ref().map_or(0.0, |it| it.big_phi)),
                ];
            }
            for (name, value) in exact {
                let whose = match part.suite.settings().exact {
                    suite::Exact::System => "",
                    suite::Exact::MajorComplex => " of the major complex",
                };
                let exact = format!("{theory}{name}{whose}");
                all.push(Judgement::new(suite, &exact, &part, value, costs));
            }
        }
        all
    }

    fn new(
        suite: &str,
        exact: &str,
        contents: &Contents,
        value: fn(&Entry) -> f64,
        costs: &BTreeMap<String, f64>,
    ) -> Judgement {
        let entries = &contents.entries;
        let mut networks = HashMap::new();
        let compared: Vec<Compared> = entries
            .iter()
            .map(|entry| {
                let position = contents.suite.position(entry.key).expect("a row of the suite");
                let network = contents.suite.network(&contents.suite.comparisons()[position]);
                let next = networks.len();
                let network = *networks.entry(network.content()).or_insert(next);
                Compared { exact: value(entry), n: entry.key.n, network }
            })
            .collect();
        let is_everywhere =
            |name: &String| entries.iter().all(|it| it.estimates.contains_key(name));
        let names: Vec<String> = estimators(entries).into_iter().filter(is_everywhere).collect();
        let column = |name: &String| entries.iter().map(|it| it.estimates[name]).collect();
        let columns: Vec<Vec<f64>> = names.iter().map(column).collect();
        let judged = agreements(&compared, &columns).into_iter().zip(&names);
        let judged = judged.map(|(agreement, name)| {
            let estimate_ms = costs.get(name).copied().unwrap_or(0.0);
            (name.clone(), Judged { agreement, estimate_ms })
        });
        let durations: f64 = entries.iter().map(|it| it.duration_ms).sum();
        Judgement {
            suite: suite.to_owned(),
            exact: exact.to_owned(),
            n_rows: entries.len(),
            n_networks: networks.len(),
            exact_ms: durations / entries.len().max(1) as f64,
            estimators: judged.collect(),
            points: (
                compared.iter().map(|it| it.exact).collect(),
                names.iter().cloned().zip(columns).collect(),
            ),
        }
    }

    /// `true` if all exact values are equal.
    fn is_constant(&self) -> bool {
        let of = |choose: fn(f64, f64) -> f64| self.points.0.iter().copied().reduce(choose);
        of(f64::max).zip(of(f64::min)).is_none_or(|(most, least)| most - least <= SAME)
    }
}

/// The estimators by what several suites say of them.
#[derive(Debug, Serialize)]
pub struct Leaderboard {
    schema: &'static str,
    version: u32,
    /// The judgement of each suite by each exact value.
    judgements: Vec<Judgement>,
    /// By exact value, the best first.
    rankings: BTreeMap<String, Vec<Rank>>,
}

/// The place of an estimator.
#[derive(Debug, Clone, Serialize)]
pub struct Rank {
    /// Its name.
    pub estimator: String,
    /// The smallest r over the suites: an estimate is as good as where it is worst.
    pub worst_r: Stat,
    /// The mean of ρ over the suites.
    pub mean_rho: Stat,
    /// The mean time of an estimate over the suites, in milliseconds.
    pub estimate_ms: f64,
}

impl Leaderboard {
    /// The name of its document.
    pub const SCHEMA: &str = "phi-validation/leaderboard";

    /// The beginning of the page and of the Markdown.
    const TITLE: &str = "Which estimate follows Φ";

    /// The leaderboard of what the suites say.
    pub fn new(judgements: Vec<Judgement>) -> Leaderboard {
        let mut rankings = BTreeMap::<String, Vec<Rank>>::new();
        for exact in judgements.iter().map(|it| &it.exact) {
            if rankings.contains_key(exact) {
                continue;
            }
            let of: Vec<&Judgement> = judgements.iter().filter(|it| it.exact == *exact).collect();
            // Where all exact values are equal no estimate can be judged.
            let judging: Vec<&Judgement> =
                of.iter().copied().filter(|it| !it.is_constant()).collect();
            let of = if judging.is_empty() { of } else { judging };
            let names = of[0]
                .estimators
                .keys()
                .filter(|name| of.iter().all(|it| it.estimators.contains_key(*name)));
            let mut ranks: Vec<Rank> = names.map(|name| Rank::new(name, &of)).collect();
            let key = |it: &Rank| it.worst_r.value().unwrap_or(f64::NEG_INFINITY);
            ranks.sort_by(|a, b| key(b).total_cmp(&key(a)).then(a.estimator.cmp(&b.estimator)));
            rankings.insert(exact.clone(), ranks);
        }
        Leaderboard { schema: Leaderboard::SCHEMA, version: 1, judgements, rankings }
    }

    /// Checks that the files can be written into `folder`.
    ///
    /// # Errors
    /// [`Error::Output`] if it is the folder of a run, or holds something else of their names, or
    /// figures of something else.
    pub fn check_paths(folder: &Path) -> Result<(), Error> {
        if exists(&folder.join("settings.json"))? {
            return Err(Error::Output {
                path: folder.to_owned(),
                message: "is the folder of a run: choose another name".to_owned(),
            });
        }
        Report::check_files(folder, NAME, Leaderboard::TITLE)?;
        let document = folder.join(format!("{NAME}.json"));
        check_ours(&document, |text| text.contains(Leaderboard::SCHEMA))?;
        // The document is written before the figures.
        let figures = folder.join(FIGURES);
        if is_folder(&figures)? && !exists(&document)? {
            return Err(Error::Output {
                path: figures,
                message: "is there without a leaderboard: choose another name".to_owned(),
            });
        }
        Ok(())
    }

    /// `true` for the name of a file or folder that stands beside the runs of the suites, or that
    /// would make their folder one of a run.
    pub fn is_taken(name: &str) -> bool {
        let is_own = name.strip_prefix(NAME).is_some_and(|it| it.starts_with('.'));
        is_own || [FIGURES, "settings.json"].contains(&name)
    }

    /// The document of `leaderboard.json`.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a leaderboard is plain data") + "\n"
    }

    /// The ranking as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for exact in self.rankings.keys() {
            let (head, rows) = self.ranking(exact);
            let lines: Vec<Vec<String>> = [head].into_iter().chain(rows).collect();
            text += &format!("\n{exact}\n\n{}", text::table(&lines));
        }
        text
    }

    /// Writes `leaderboard.html`, `leaderboard.md`, `leaderboard.json` and their figures.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        write_whole(&folder.join(format!("{NAME}.json")), self.json())?;
        self.report().write_files(folder, NAME).map(drop)
    }

    fn of<'a>(&'a self, exact: &'a str) -> impl Iterator<Item = &'a Judgement> {
        self.judgements.iter().filter(move |it| it.exact == exact)
    }

    /// The table of a ranking: r and ρ of every suite.
    fn ranking(&self, exact: &str) -> (Vec<String>, Vec<Vec<String>>) {
        let suites = self.of(exact).map(|it| format!("{} r / ρ", it.suite));
        let head = ["estimator", "smallest r", "mean ρ", "ms"].map(str::to_owned);
        let row = |rank: &Rank| {
            let cell = |it: &Judgement| {
                let Agreement { r, rho, .. } = it.estimators[&rank.estimator].agreement;
                format!("{} / {}", short(r), short(rho))
            };
            let first =
                [rank.estimator.clone(), short(rank.worst_r), short(rank.mean_rho)].into_iter();
            let cost = format!("{:.3}", rank.estimate_ms);
            first.chain([cost]).chain(self.of(exact).map(cell)).collect()
        };
        let rows = self.rankings[exact].iter().map(row).collect();
        (head.into_iter().chain(suites).collect(), rows)
    }

    fn report(&self) -> Report {
        let mut report =
            Report { title: Leaderboard::TITLE.to_owned(), theory: None, blocks: Vec::new() };
        report.text(
            "Estimators are ranked by the smallest r over the suites: an estimate is as good as \
             where it is worst; a suite whose exact values are all equal says nothing. r is \
             Pearson's, ρ Spearman's; ms is the mean time of an estimate."
                .to_owned(),
        );
        for (at, exact) in self.rankings.keys().enumerate() {
            report.heading(&format!("Against {exact}"));
            let (head, rows) = self.ranking(exact);
            report.blocks.push(Block::Table(Table { head, rows, ..Table::default() }));
            report.blocks.push(Block::Figure(self.cost(at, exact)));
            for judgement in self.of(exact) {
                report.suite(judgement);
            }
        }
        for (at, exact) in self.rankings.keys().enumerate() {
            for rank in &self.rankings[exact] {
                report.heading(&format!("{} against {exact}", rank.estimator));
                report.blocks.push(Block::Figure(self.scatter(at, exact, &rank.estimator)));
            }
        }
        report
    }

    /// Agreement against cost.
    fn cost(&self, at: usize, exact: &str) -> Figure {
        let ranks: Vec<&Rank> =
            self.rankings[exact].iter().filter(|it| it.worst_r.value().is_some()).collect();
        let y_of = |it: &Rank| it.worst_r.value().expect("filtered");
        let x =
            Axis::fitting("time of an estimate, ms", ranks.iter().map(|it| it.estimate_ms), true);
        let y = Axis::fitting("smallest r over the suites", ranks.iter().map(|it| y_of(it)), false);
        let plot = Plot { area: [70.0, 20.0, WIDTH - 120.0, 400.0], x, y };
        let mut marks = plot.axes("");
        // From the top down, each name below the one before it where they would touch.
        let mut names: Vec<((f64, f64), &str)> = Vec::new();
        for rank in &ranks {
            let value = (rank.estimate_ms, y_of(rank));
            let title = format!("{}: r = {:.3}, {:.3} ms", rank.estimator, value.1, value.0);
            marks.push(plot.point(value, 0, true, title));
            let (left, top) = plot.at(value.0, value.1);
            names.push(((left + 8.0, top + 4.0), &rank.estimator));
        }
        names.sort_by(|a, b| a.0.1.total_cmp(&b.0.1));
        for k in 0..names.len() {
            let touched = |at: (f64, f64)| {
                let near = |it: &((f64, f64), &str)| {
                    (it.0.1 - at.1).abs() < 12.0 && (it.0.0 - at.0).abs() < 90.0
                };
                names[..k].iter().filter(|it| near(it)).map(|it| it.0.1).reduce(f64::max)
            };
            let mut place = names[k].0;
            while let Some(other) = touched(place) {
                place.1 = other + 12.0;
            }
            names[k].0 = place;
            marks.push(label(place, names[k].1, 11.0, Anchor::Start, Ink::Text));
        }
        let lowest = names.last().map_or(0.0, |it| it.0.1);
        Figure {
            name: format!("cost-{at}"),
            caption: "What an estimate costs, and the smallest r over the suites.".to_owned(),
            drawing: Drawing {
                width: WIDTH,
                height: (lowest + 20.0).max(450.0),
                title: format!("Agreement with {exact} against cost"),
                marks,
            },
            names_at: Some((plot.area[0], 14.0)),
        }
    }

    /// An estimator against the exact values, a panel for each suite.
    fn scatter(&self, at: usize, exact: &str, estimator: &str) -> Figure {
        const COLUMNS: usize = 3;
        let width = (WIDTH - 20.0) / COLUMNS as f64;
        let mut marks: Vec<Mark> = Vec::new();
        let mut n_panels = 0;
        for (k, judgement) in self.of(exact).enumerate() {
            n_panels = k + 1;
            let (exact, estimates) = (&judgement.points.0, &judgement.points.1[estimator]);
            let (left, top) = ((k % COLUMNS) as f64 * width, (k / COLUMNS) as f64 * 260.0);
            let plot = Plot {
                area: [left + 66.0, top + 30.0, left + width, top + 210.0],
                x: Axis::fitting("estimate", estimates.iter().copied(), false),
                y: Axis::fitting("exact", exact.iter().copied(), Axis::wants_log(exact.clone())),
            };
            let r = short(judgement.estimators[estimator].agreement.r);
            marks.extend(plot.axes(&format!("{}, r = {r}", judgement.suite)));
            let step = exact.len().div_ceil(DRAWN).max(1);
            for (x, y) in estimates.iter().zip(exact).step_by(step) {
                marks.push(plot.point((*x, *y), 1, false, String::new()));
            }
        }
        Figure {
            name: format!("{estimator}-{at}"),
            caption: format!("{estimator} against exact values, by suite; at most {DRAWN} points."),
            drawing: Drawing {
                width: WIDTH,
                height: n_panels.div_ceil(COLUMNS) as f64 * 260.0,
                title: format!("{estimator} against {exact}"),
                marks,
            },
            // Its points have no names.
            names_at: None,
        }
    }
}

/// The name of the page, its Markdown and its document.
const NAME: &str = "leaderboard";
/// The width of the figures.
const WIDTH: f64 = 760.0;
/// The points of a panel, at most.
const DRAWN: usize = 400;

impl Rank {
    fn new(name: &str, of: &[&Judgement]) -> Rank {
        let judged = of.iter().map(|it| &it.estimators[name]);
        let r: Option<Vec<f64>> = judged.clone().map(|it| it.agreement.r.value()).collect();
        let rho: Option<Vec<f64>> = judged.clone().map(|it| it.agreement.rho.value()).collect();
        let one = |values: Option<Vec<f64>>, one: fn(&[f64]) -> f64| match values {
            Some(values) => Stat::Defined(one(&values)),
            None => Stat::Undefined("it is not defined for every suite"),
        };
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        Rank {
            estimator: name.to_owned(),
            worst_r: one(r, |it| it.iter().copied().fold(f64::INFINITY, f64::min)),
            mean_rho: one(rho, mean),
            estimate_ms: judged.map(|it| it.estimate_ms).sum::<f64>() / of.len() as f64,
        }
    }
}

impl Report {
    /// Writes the judgement of a suite, statistic by statistic.
    fn suite(&mut self, judgement: &Judgement) {
        let Judgement { suite, n_rows, n_networks, exact_ms, estimators, exact, .. } = judgement;
        self.heading(&format!("{suite}, {exact}"));
        self.text(format!(
            "{n_rows} comparisons of {n_networks} networks; an exact value took {exact_ms:.3} ms \
             on average. \"Given n\" is ρ with the number of units taken out, \"AUC\" how often \
             the estimate tells Φ > 0 from Φ = 0, \"not 0, 1\" leaves out the comparisons with \
             these exact values, \"peak\" and \"mean\" are per network over its states, \"first\" \
             is how often the estimate has the largest r over resampled networks."
        ));
        let head = [
            "estimator",
            "r",
            "95 % of r",
            "ρ",
            "RMSE",
            "MAE",
            "given n",
            "AUC",
            "not 0, 1: r / ρ",
            "peak: r / ρ",
            "mean: r / ρ",
            "first",
            "ms",
        ];
        let mut table = Table::new(&head);
        for (name, Judged { agreement, estimate_ms }) in estimators {
            let pair = |(_, r, rho): (usize, Stat, Stat)| format!("{} / {}", short(r), short(rho));
            let interval = agreement.r_interval;
            table.row(vec![
                name.clone(),
                short(agreement.r),
                interval.map_or("-".to_owned(), |(low, high)| format!("{low:.2} to {high:.2}")),
                short(agreement.rho),
                number(agreement.rmse),
                number(agreement.mae),
                short(agreement.given_n),
                short(agreement.auc),
                pair(agreement.nontrivial),
                pair(agreement.peak),
                pair(agreement.mean),
                format!("{:.0} %", 100.0 * agreement.is_first),
                format!("{estimate_ms:.3}"),
            ]);
        }
        self.blocks.push(Block::Table(table));
    }
}

/// A correlation with three decimals.
fn short(stat: Stat) -> String {
    match stat {
        Stat::Defined(value) => format!("{value:.3}"),
        Stat::Undefined(_) => "-".to_owned(),
    }
}
