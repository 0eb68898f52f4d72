//! The figures of a study's report.
//!
//! Each is computed from the journal's contents alone. Topologies keep their colour and shape in
//! all figures; a point that is not filled has a Φ that depends on ties.

use std::collections::BTreeMap;

use crate::estimate::{Hdc, HdcLimit};
use crate::model::topology::Topology;
use crate::report::drawing::{Anchor, Drawing, Ink, Mark, distance};
use crate::report::plot::{Axis, Plot, label};
use crate::run::row::Row;
use crate::run::store::{Contents, Entry};
use crate::stats::calibration::{Calibration, LeftOut, Model};
use crate::stats::statistics::number;
use crate::stats::statistics::{Stat, Statistics, ranks};
use crate::stats::summary::Summary;
use crate::wording::list;

/// A figure with its place in the report.
#[derive(Debug)]
pub struct Figure {
    /// The name of its files.
    pub name: String,
    /// The caption: what to see in it.
    pub caption: String,
    /// The drawing.
    pub drawing: Drawing,
    /// The position where a page shows the title of the point that is pointed at.
    pub names_at: Option<(f64, f64)>,
}

/// A row as the figures show it.
struct Point {
    row: Row,
    topology: usize,
    ties: bool,
    /// The smallest and the largest exact Φ, where other choices among ties give another one.
    range: Option<(f64, f64)>,
    /// `true` if it is drawn: of very many some are, and everything is computed from all.
    is_drawn: bool,
}

impl Point {
    fn title(&self) -> String {
        let Row { key, phi_hdc, phi_exact, .. } = self.row;
        let ties = match self.range {
            Some((low, high)) => format!(", {low:.4} to {high:.4} by numbering"),
            None if self.ties => ", hangs on ties".to_owned(),
            None => String::new(),
        };
        format!("{key}: estimate {phi_hdc:.4}, exact Φ {phi_exact:.4}{ties}")
    }
}

const WIDTH: f64 = 760.0;

/// The points of one topology that are drawn, at most: more could not be told apart.
const DRAWN: usize = 1_000;

/// All figures. Without rows there are none. If they are some of `several`, of theories each for
/// itself, their names say of which.
pub fn figures(contents: &Contents, summary: &Summary, several: bool) -> Vec<Figure> {
    if contents.rows.is_empty() {
        return Vec::new();
    }
    let topologies = summary.settings.families();
    let place = |topology: Topology| topologies.iter().position(|it| *it == topology).unwrap_or(0);
    let mut points: Vec<Point> = contents
        .rows
        .iter()
        .zip(&contents.entries)
        .map(|(row, entry)| Point {
            row: *row,
            topology: place(row.key.topology),
            // φ_s, which is drawn under IIT 4.0, does not depend on ties.
            ties: entry.exact.ties > 0 && entry.exact.structure.is_none(),
            range: entry.exact.range.filter(|it| it.is_wide()).map(|it| (it.low, it.high)),
            is_drawn: true,
        })
        .collect();
    for topology in 0..topologies.len() {
        let of: Vec<&mut Point> = points.iter_mut().filter(|it| it.topology == topology).collect();
        let step = of.len().div_ceil(DRAWN).max(1);
        of.into_iter().enumerate().for_each(|(at, it)| it.is_drawn = at % step == 0);
    }
    let formalisms = &contents.suite.settings().formalisms;
    let prefix = if several { format!("{}-", list(formalisms)) } else { String::new() };
    let study = StudyFigures { contents, summary, topologies, prefix, points };
    vec![
        study.scatter(),
        study.by_topology(),
        study.by_size(),
        study.histogram(),
        study.errors_by_group(),
        study.errors_by_phi(),
        study.residuals(),
        study.ranking(),
        study.estimators(),
        study.dimensions(),
    ]
}

struct StudyFigures<'a> {
    contents: &'a Contents,
    summary: &'a Summary,
    topologies: Vec<Topology>,
    /// The beginning of the figures' names, which tells them from those of another theory.
    prefix: String,
    points: Vec<Point>,
}

impl StudyFigures<'_> {
    fn name(&self, topology: usize) -> &'static str {
        self.topologies[topology].name()
    }

    fn estimator(&self) -> String {
        format!("estimate ({})", self.summary.settings.estimator)
    }

    fn exact(&self) -> impl Iterator<Item = f64> + Clone + '_ {
        self.points.iter().map(|it| it.row.phi_exact)
    }

    /// All that exact Φ can be, for axes.
    fn exact_reach(&self) -> impl Iterator<Item = f64> + Clone + '_ {
        let ends = self.points.iter().filter_map(|it| it.range);
        self.exact().chain(ends.flat_map(|(low, high)| [low, high]))
    }

    /// Points where `place` puts a row of some exact Φ, with a bar over the range of exact Φ.
    fn with_bars<'a>(
        plot: &Plot,
        points: impl Iterator<Item = &'a Point>,
        place: impl Fn(&Point, f64) -> (f64, f64),
    ) -> Vec<Mark> {
        let mut marks = Vec::new();
        for it in points.filter(|it| it.is_drawn) {
            if let Some((low, high)) = it.range {
                let ends = [low, high].map(|exact| place(it, exact)).map(|(x, y)| plot.at(x, y));
                let ink = Ink::Series(it.topology);
                marks.push(Mark::Line { points: ends.to_vec(), ink, width: 1.5, dashed: false });
                // A short stroke across each end, so that short bars are seen.
                let ((x0, y0), (x1, y1)) = (ends[0], ends[1]);
                let length = distance(ends[0], ends[1]).max(1e-9);
                let (across, along) = (-4.0 * (y1 - y0) / length, 4.0 * (x1 - x0) / length);
                for (x, y) in ends {
                    let points = vec![(x - across, y - along), (x + across, y + along)];
                    marks.push(Mark::Line { points, ink, width: 1.5, dashed: false });
                }
            }
            marks.push(plot.point(place(it, it.row.phi_exact), it.topology, !it.ties, it.title()));
        }
        marks
    }

    fn estimates(&self) -> impl Iterator<Item = f64> + Clone + '_ {
        self.points.iter().map(|it| it.row.phi_hdc)
    }

    /// Estimate across, exact Φ upwards.
    fn axes(&self) -> (Axis, Axis) {
        let log = Axis::wants_log(self.exact());
        let x = Axis::fitting(&self.estimator(), self.estimates(), false);
        let y = Axis::fitting("exact Φ (bits flipped, weighted by φ)", self.exact_reach(), log);
        (x, y)
    }

    /// The line that the rows fit best.
    fn line(statistics: &Statistics) -> Option<(f64, f64)> {
        Some((statistics.line.intercept.value()?, statistics.line.slope.value()?))
    }

    /// A legend of the topologies in a row under the panels.
    fn legend(&self, y: f64, marks: &mut Vec<Mark>) {
        let n = self.topologies.len();
        for topology in 0..n {
            let x = 70.0 + topology as f64 * (WIDTH - 80.0) / n.max(8) as f64;
            let (shape, ink) =
                (crate::report::drawing::Shape::series(topology), Ink::Series(topology));
            let title = self.name(topology).to_owned();
            marks.push(Mark::Point { at: (x, y - 4.0), shape, ink, filled: true, title });
            marks.push(label((x + 8.0, y), self.name(topology), 11.0, Anchor::Start, Ink::Text));
        }
    }

    fn figure(
        &self,
        name: &'static str,
        title: &str,
        caption: String,
        height: f64,
        marks: Vec<Mark>,
    ) -> Figure {
        let drawing = Drawing { width: WIDTH, height, title: title.to_owned(), marks };
        Figure { name: format!("{}{name}", self.prefix), caption, drawing, names_at: None }
    }

    fn scatter(&self) -> Figure {
        let (x, y) = self.axes();
        let log = y.is_log();
        let plot = Plot { area: [70.0, 20.0, WIDTH - 20.0, 400.0], x, y };
        let mut marks = plot.axes("");
        marks.extend(plot.graph(|x| x, Ink::Muted, true));
        if let Some((a, b)) = Self::line(&self.summary.overall) {
            marks.extend(plot.graph(|x| a + b * x, Ink::Text, false));
        }
        marks.extend(Self::with_bars(&plot, self.points.iter(), |it, exact| {
            (it.row.phi_hdc, exact)
        }));
        self.legend(458.0, &mut marks);
        let axis = if log { " The vertical axis is logarithmic." } else { "" };
        let drawn = match self.points.iter().filter(|it| it.is_drawn).count() {
            n if n == self.points.len() => String::new(),
            n => format!(", {n} of which are drawn here and below"),
        };
        let caption = format!(
            "Exact Φ against the estimate, all {} rows{drawn}. Dashed: where both are equal. \
             Solid: least-squares \
             line.{axis} Points that are not filled: Φ hangs on the order of choice among ties. \
             Bars: from the \
             smallest to the largest Φ over choices among ties, where they differ.",
            self.points.len()
        );
        let figure = self.figure("scatter", "Exact Φ against the estimate", caption, 470.0, marks);
        Figure { names_at: Some((plot.area[0], 14.0)), ..figure }
    }

    /// Panels in rows of four, each with its axes.
    fn panels(
        &self,
        titles: &[String],
        axes: impl Fn(usize) -> (Axis, Axis),
        draw: impl Fn(usize, &Plot) -> Vec<Mark>,
    ) -> (Vec<Mark>, f64) {
        let columns = titles.len().clamp(1, 4);
        let width = (WIDTH - 20.0) / columns as f64;
        let mut marks = Vec::new();
        for (k, title) in titles.iter().enumerate() {
            let left = (k % columns) as f64 * width;
            let top = (k / columns) as f64 * 260.0;
            let area = [left + 66.0, top + 30.0, left + width, top + 210.0];
            let (x, y) = axes(k);
            let plot = Plot { area, x, y };
            marks.extend(plot.axes(title));
            marks.extend(draw(k, &plot));
        }
        (marks, titles.len().div_ceil(columns) as f64 * 260.0)
    }

    fn with_r(name: String, statistics: &Statistics) -> String {
        match statistics.pearson.coefficient {
            Stat::Defined(r) => format!("{name}, r = {r:.2}"),
            Stat::Undefined(_) => name,
        }
    }

    fn by_topology(&self) -> Figure {
        let groups = &self.summary.by_topology;
        let titles: Vec<String> =
            groups.iter().map(|it| Self::with_r(it.group.to_string(), &it.statistics)).collect();
        let (mut x, mut y) = self.axes();
        (x.label, y.label) = ("estimate".to_owned(), "exact Φ".to_owned());
        let (marks, height) = self.panels(
            &titles,
            |_| (x.clone(), y.clone()),
            |k, plot| {
                let of = self.points.iter().filter(|it| it.topology == k);
                Self::with_bars(plot, of, |it, exact| (it.row.phi_hdc, exact))
            },
        );
        let caption = "The same by topology, on common axes.".to_owned();
        self.figure(
            "by-topology",
            "Exact Φ against the estimate, by topology",
            caption,
            height,
            marks,
        )
    }

    fn by_size(&self) -> Figure {
        let groups = &self.summary.by_size;
        let titles: Vec<String> = groups
            .iter()
            .map(|it| Self::with_r(format!("n = {}", it.group), &it.statistics))
            .collect();
        let (mut x, mut y) = self.axes();
        (x.label, y.label) = ("estimate".to_owned(), "exact Φ".to_owned());
        let (mut marks, height) = self.panels(
            &titles,
            |_| (x.clone(), y.clone()),
            |k, plot| {
                let of = self.points.iter().filter(|it| it.row.key.n == groups[k].group);
                Self::with_bars(plot, of, |it, exact| (it.row.phi_hdc, exact))
            },
        );
        self.legend(height + 12.0, &mut marks);
        let caption = "The same by number of units, on common axes.".to_owned();
        self.figure(
            "by-size",
            "Exact Φ against the estimate, by size",
            caption,
            height + 24.0,
            marks,
        )
    }

    fn histogram(&self) -> Figure {
        let errors: Vec<f64> = self.points.iter().map(|it| it.row.error()).collect();
        let x = Axis::fitting("error = estimate − exact Φ", errors.iter().copied(), false);
        let (low, high) = x.range();
        let n_bins = 24;
        let width = (high - low) / n_bins as f64;
        let mut counts = vec![0_usize; n_bins];
        for error in &errors {
            let bin = ((error - low) / width) as usize;
            counts[bin.min(n_bins - 1)] += 1;
        }
        let most = counts.iter().max().copied().unwrap_or(1) as f64;
        let y = Axis::fitting("rows", [0.0, most], false);
        let plot = Plot { area: [70.0, 20.0, WIDTH - 20.0, 250.0], x, y };
        let mut marks = plot.axes("");
        for (bin, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let from = low + bin as f64 * width;
            let (left, top) = plot.at(from, *count as f64);
            let (right, bottom) = plot.at(from + width, 0.0);
            let title = format!("{count} rows from {from:.3} to {:.3}", from + width);
            let size = (right - left - 1.0, bottom - top);
            marks.push(Mark::Bar { at: (left, top), size, ink: Ink::Series(1), title });
        }
        let caption = format!(
            "Errors of all rows: mean {}, median {}.",
            number(self.summary.overall.bias),
            number(self.summary.overall.median_error)
        );
        self.figure("errors", "Histogram of the errors", caption, 300.0, marks)
    }

    /// |error| by topology and by size: a dot a row, a bar at the median.
    fn errors_by_group(&self) -> Figure {
        let absolute = |it: &Point| it.row.error().abs();
        let values = || self.points.iter().map(absolute);
        let y = Axis::fitting("|error|", values(), Axis::wants_log(values()));
        let by_topology = self.topologies.iter().enumerate().map(|(k, it)| {
            let of: Vec<&Point> = self.points.iter().filter(|it| it.topology == k).collect();
            (it.to_string(), of)
        });
        let by_size = self.summary.settings.all_sizes().into_iter().map(|n| {
            let of: Vec<&Point> = self.points.iter().filter(|it| it.row.key.n == n).collect();
            (format!("n = {n}"), of)
        });
        let groups: Vec<(String, Vec<&Point>)> = by_topology.chain(by_size).collect();
        let x = Axis::fitting("", [0.0, groups.len() as f64], false);
        let plot = Plot { area: [70.0, 20.0, WIDTH - 20.0, 300.0], x, y };
        // The horizontal axis has names, not numbers.
        let mut marks = plot.axes("");
        marks.retain(|mark| !matches!(mark, Mark::Text { at, .. } if at.1 > 300.0));
        for (k, (name, points)) in groups.iter().enumerate() {
            let (center, _) = plot.at(k as f64 + 0.5, 1.0);
            marks.push(label((center, 318.0), name, 10.0, Anchor::Middle, Ink::Text));
            for (row, it) in points.iter().enumerate().filter(|(_, it)| it.is_drawn) {
                let side = (row % 5) as f64 / 5.0 - 0.4;
                let at = (k as f64 + 0.5 + 0.5 * side, absolute(it));
                marks.push(plot.point(at, it.topology, !it.ties, it.title()));
            }
            let errors: Vec<(f64, f64)> = points.iter().map(|it| (absolute(it), 0.0)).collect();
            if let Stat::Defined(median) = Statistics::new(&errors).median_error {
                let ends = [(k as f64 + 0.15, median), (k as f64 + 0.85, median)];
                let points = ends.map(|(x, y)| plot.at(x, y)).to_vec();
                marks.push(Mark::Line { points, ink: Ink::Text, width: 2.5, dashed: false });
            }
        }
        self.legend(344.0, &mut marks);
        let log = if plot.y.is_log() { " The vertical axis is logarithmic." } else { "" };
        let caption = format!("Absolute errors by topology and by size, with their medians.{log}");
        self.figure("errors-by-group", "Errors by topology and by size", caption, 356.0, marks)
    }

    fn errors_by_phi(&self) -> Figure {
        let log = Axis::wants_log(self.exact());
        let x = Axis::fitting("exact Φ", self.exact_reach(), log);
        let ends = self.points.iter().filter_map(|it| Some((it.row.phi_hdc, it.range?)));
        let errors = self.points.iter().map(|it| it.row.error());
        let errors = errors.chain(ends.flat_map(|(it, (low, high))| [it - low, it - high]));
        let y = Axis::fitting("error = estimate − exact Φ", errors, false);
        let plot = Plot { area: [70.0, 20.0, WIDTH - 20.0, 300.0], x, y };
        let mut marks = plot.axes("");
        marks.extend(plot.graph(|_| 0.0, Ink::Muted, true));
        marks.extend(Self::with_bars(&plot, self.points.iter(), |it, exact| {
            (exact, it.row.phi_hdc - exact)
        }));
        self.legend(358.0, &mut marks);
        let axis = if log { " The horizontal axis is logarithmic." } else { "" };
        let caption = format!("The error against exact Φ.{axis} Dashed: no error.");
        self.figure("errors-by-phi", "Error against exact Φ", caption, 370.0, marks)
    }

    fn residuals(&self) -> Figure {
        let judged: Vec<&Calibration> = self
            .summary
            .calibration
            .iter()
            .filter(|it| it.left_out == LeftOut::Topology && it.model != Model::Mean)
            .filter(|it| it.undefined.is_none())
            .collect();
        let titles: Vec<String> = judged.iter().map(|it| it.model.name().to_owned()).collect();
        let log = Axis::wants_log(self.exact());
        let x = Axis::fitting("exact Φ", self.exact(), log);
        let residual =
            |it: &Calibration, k: usize| it.predictions[k] - self.points[k].row.phi_exact;
        let all = judged.iter().flat_map(|it| (0..self.points.len()).map(|k| residual(it, k)));
        let y = Axis::fitting("predicted − exact Φ", all, false);
        let (mut marks, height) = self.panels(
            &titles,
            |_| (x.clone(), y.clone()),
            |panel, plot| {
                let mut marks = plot.graph(|_| 0.0, Ink::Muted, true);
                for (k, it) in self.points.iter().enumerate().filter(|(_, it)| it.is_drawn) {
                    let at = (it.row.phi_exact, residual(judged[panel], k));
                    marks.push(plot.point(at, it.topology, !it.ties, it.title()));
                }
                marks
            },
        );
        let height = height.max(60.0);
        self.legend(height + 12.0, &mut marks);
        let caption =
            "Residuals after calibration: what models predict for topologies that they have \
                       not seen, less exact Φ. Dashed: none."
                .to_owned();
        self.figure("residuals", "Residuals after calibration", caption, height + 24.0, marks)
    }

    fn ranking(&self) -> Figure {
        let mean = |topology: usize, of: &dyn Fn(&Row) -> f64| {
            let of: Vec<f64> = self
                .points
                .iter()
                .filter(|it| it.topology == topology)
                .map(|it| of(&it.row))
                .collect();
            of.iter().sum::<f64>() / of.len().max(1) as f64
        };
        let present: Vec<usize> = (0..self.topologies.len())
            .filter(|k| self.points.iter().any(|it| it.topology == *k))
            .collect();
        let estimate: Vec<f64> = present.iter().map(|k| mean(*k, &|row| row.phi_hdc)).collect();
        let exact: Vec<f64> = present.iter().map(|k| mean(*k, &|row| row.phi_exact)).collect();
        let (from, to) = (ranks(&estimate), ranks(&exact));
        let n = present.len() as f64;
        let height = 70.0 + 30.0 * n;
        let y = |rank: f64| 50.0 + 30.0 * (n - rank);
        let (left, right) = (260.0, 500.0);
        let mut marks = vec![
            label((left, 24.0), "by mean estimate", 13.0, Anchor::End, Ink::Text),
            label((right, 24.0), "by mean exact Φ", 13.0, Anchor::Start, Ink::Text),
        ];
        // Names of tied topologies share a line.
        let mut side = |ranks: &[f64], values: &[f64], x: f64, anchor: Anchor, gap: f64| {
            let mut lines: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
            for (at, rank) in ranks.iter().enumerate() {
                lines.entry((rank * 2.0) as u64).or_default().push(at);
            }
            for (rank, tied) in lines {
                let names: Vec<&str> = tied.iter().map(|&at| self.name(present[at])).collect();
                let text = format!("{} {:.3}", names.join(", "), values[tied[0]]);
                marks.push(label(
                    (x + gap, y(rank as f64 / 2.0) + 4.0),
                    &text,
                    12.0,
                    anchor,
                    Ink::Text,
                ));
            }
        };
        side(&from, &estimate, left, Anchor::End, -12.0);
        side(&to, &exact, right, Anchor::Start, 12.0);
        for (at, topology) in present.iter().enumerate() {
            let ends = vec![(left, y(from[at])), (right, y(to[at]))];
            let ink = Ink::Series(*topology);
            let shape = crate::report::drawing::Shape::series(*topology);
            let title = self.name(*topology).to_owned();
            marks.push(Mark::Line { points: ends.clone(), ink, width: 2.0, dashed: false });
            marks.extend(ends.into_iter().map(|at| Mark::Point {
                at,
                shape,
                ink,
                filled: true,
                title: title.clone(),
            }));
        }
        let caption =
            "The topologies ranked by both, largest on top, joined by lines: where lines cross, \
                       the estimate puts topologies in another order than exact Φ does."
                .to_owned();
        self.figure("ranking", "Ranking of the topologies", caption, height, marks)
    }

    /// The names of the estimators in the journal.
    fn estimator_names(&self) -> Vec<String> {
        estimators(&self.contents.entries)
    }

    fn estimators(&self) -> Figure {
        let names = self.estimator_names();
        let titles: Vec<String> = names
            .iter()
            .map(|name| Self::with_r(name.clone(), &by_estimator(&self.contents.entries, name)))
            .collect();
        let of = |name: &str, at: usize| self.contents.entries[at].estimates.get(name).copied();
        let axes = |panel: usize| {
            let all = (0..self.points.len()).filter_map(|at| of(&names[panel], at));
            let x = Axis::fitting("estimate", all, false);
            (x, Axis::fitting("exact Φ", self.exact_reach(), Axis::wants_log(self.exact())))
        };
        let (mut marks, height) = self.panels(&titles, axes, |panel, plot| {
            let known = self.points.iter().enumerate();
            let known = known.filter_map(|(at, it)| Some((it, of(&names[panel], at)?)));
            known
                .flat_map(|(it, estimate)| {
                    Self::with_bars(plot, std::iter::once(it), |_, exact| (estimate, exact))
                })
                .collect()
        });
        self.legend(height + 12.0, &mut marks);
        let caption =
            "All estimators side by side, each in its own unit; bars as in the first figure."
                .to_owned();
        self.figure("estimators", "Estimators side by side", caption, height + 24.0, marks)
    }

    fn dimensions(&self) -> Figure {
        let found = distances_from_limit(self.contents);
        let dimensions = found.iter().map(|it| it.dimension as f64);
        let distances = found.iter().flat_map(|it| [it.mean, it.largest]);
        let x = Axis::fitting("dimension of the vectors", dimensions, true);
        let y = Axis::fitting("|Φ_HDC − limit|", distances, true);
        let plot = Plot { area: [70.0, 20.0, WIDTH - 20.0, 300.0], x, y };
        let mut marks = plot.axes("");
        let middle = &found[found.len() / 2];
        let scale = middle.mean * (middle.dimension as f64).sqrt();
        marks.extend(plot.graph(|d| scale / d.sqrt(), Ink::Muted, true));
        for (which, series) in [(0, 1), (1, 0)] {
            let value = |it: &Distance| if which == 0 { it.mean } else { it.largest };
            let points = found.iter().map(|it| plot.at(it.dimension as f64, value(it))).collect();
            let ink = Ink::Series(series);
            marks.push(Mark::Line { points, ink, width: 1.5, dashed: false });
            for it in &found {
                let title = format!("dimension {}: {:.2e}", it.dimension, value(it));
                marks.push(plot.point((it.dimension as f64, value(it)), series, true, title));
            }
            let last = found.last().expect("nine dimensions");
            let (x, y) = plot.at(last.dimension as f64, value(last));
            let name = if which == 0 { "mean" } else { "largest" };
            marks.push(label((x, y - 10.0), name, 11.0, Anchor::End, Ink::Text));
        }
        let caption = format!(
            "How far Φ_HDC is from its limit for infinite dimension, over {} rows, by dimension \
             of the \
             vectors (the study uses {}). Both axes are logarithmic. Dashed: ∝ 1/√dimension.",
            match sampled(&self.points, DISTANCES).count() {
                n if n == self.points.len() => format!("all {n}"),
                n => format!("{n} of {}", self.points.len()),
            },
            Hdc::DIMENSION
        );
        self.figure("dimensions", "Distance of Φ_HDC from its limit", caption, 350.0, marks)
    }
}

/// At most `most` of the items, at even distances.
fn sampled<T>(items: &[T], most: usize) -> impl Iterator<Item = &T> {
    items.iter().step_by(items.len().div_ceil(most).max(1))
}

/// The names of the estimators in a journal, in alphabetical order.
pub fn estimators(entries: &[Entry]) -> Vec<String> {
    entries.first().map(|it| it.estimates.keys().cloned().collect()).unwrap_or_default()
}

/// Computes how one estimator follows exact Φ.
pub fn by_estimator(entries: &[Entry], name: &str) -> Statistics {
    let points: Vec<(f64, f64)> =
        entries.iter().filter_map(|it| Some((*it.estimates.get(name)?, it.exact.phi))).collect();
    Statistics::new(&points)
}

/// Distance of Φ_HDC of some dimension from its limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distance {
    /// The dimension of the vectors.
    pub dimension: usize,
    /// The mean of |Φ_HDC - limit| over the rows.
    pub mean: f64,
    /// The largest of them.
    pub largest: f64,
}

/// The rows that the distance of Φ_HDC from its limit is taken over, at most.
const DISTANCES: usize = 200;

/// The distance of Φ_HDC from its limit, for the dimensions 256, 512, …, 65,536, over the rows;
/// over some of them, at even distances, where there are very many.
pub fn distances_from_limit(contents: &Contents) -> Vec<Distance> {
    let rows: Vec<&Row> = sampled(&contents.rows, DISTANCES).collect();
    let of = |dimension: usize| {
        let hdc = Hdc::new(dimension);
        let distances: Vec<f64> = rows
            .iter()
            .filter_map(|row| Some((row, contents.suite.position(row.key)?)))
            .map(|(row, at)| {
                let network = contents.suite.network(&contents.suite.comparisons()[at]);
                let seed = row.key.seed;
                (hdc.of(network.graph(), seed) - HdcLimit.of(network.graph())).abs()
            })
            .collect();
        let mean = distances.iter().sum::<f64>() / distances.len().max(1) as f64;
        Distance { dimension, mean, largest: distances.into_iter().fold(0.0, f64::max) }
    };
    (8..=16).map(|power| of(1 << power)).collect()
}
