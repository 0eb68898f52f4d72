//! Every number of a summary, of a report and of a leaderboard, computed again from the journals:
//! by textbook formulas, written out and slow, that share nothing with the program but the stream
//! of seeded numbers.

use std::collections::{BTreeMap, BTreeSet};

use phi_validation::model::seeded::SeededStream;
use phi_validation::stats::agreement::{N_RESAMPLES, PURPOSE};
use phi_validation::stats::uncertainty::Bootstrap;
use serde_json::Value;

use crate::program::Place;

/// Two values this close are one.
const SAME: f64 = 1e-9;

/// A row of the journal.
#[derive(Debug, Clone)]
struct Line {
    topology: String,
    n: u64,
    seed: u64,
    problem: String,
    json: Value,
    x: f64,
    y: f64,
}

/// The rows of a run's journal, with the estimates of one estimator.
fn lines(place: &Place, estimator: &str) -> Vec<Line> {
    let journal = place.read("runs/whole/journal.jsonl");
    let lines = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .filter(|line| line["kind"] == "comparison")
        .map(|json| Line {
            topology: json["topology"].as_str().unwrap().to_owned(),
            n: json["n"].as_u64().unwrap(),
            seed: json["seed"].as_u64().unwrap(),
            problem: json["problem"].as_str().unwrap().to_owned(),
            x: json["estimates"][estimator].as_f64().unwrap(),
            y: json["exact"]["phi"].as_f64().unwrap(),
            json,
        })
        .collect()
}

type Points = [(f64, f64)];

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Σ (a - ā)(b - b̄).
fn co(points: &Points) -> f64 {
    let (a, b): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    points.iter().map(|(x, y)| (x - mean(&a)) * (y - mean(&b))).sum()
}

fn first(points: &Points) -> Vec<(f64, f64)> {
    points.iter().map(|it| (it.0, it.0)).collect()
}

fn second(points: &Points) -> Vec<(f64, f64)> {
    points.iter().map(|it| (it.1, it.1)).collect()
}

fn flat(values: &[f64]) -> bool {
    values.iter().all(|a| values.iter().all(|b| (a - b).abs() <= SAME))
}

/// Pearson's correlation. `None` where it is not defined.
fn pearson(points: &Points) -> Option<f64> {
    let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    (points.len() > 2 && !flat(&x) && !flat(&y))
        .then(|| co(points) / (co(&first(points)) * co(&second(points))).sqrt())
}

/// One more than the number of smaller values, and half of the equal others.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |a: &f64| {
        let below = values.iter().filter(|b| **b < a - SAME).count() as f64;
        let equal = values.iter().filter(|b| (*b - a).abs() <= SAME).count() as f64;
        below + (equal + 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

fn spearman(points: &Points) -> Option<f64> {
    pearson(points)?;
    let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    pearson(&ranks(&x).into_iter().zip(ranks(&y)).collect::<Vec<_>>())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    (values[(n - 1) / 2] + values[n / 2]) / 2.0
}

/// ∫ f from a to b, by Simpson's rule.
fn integral(f: impl Fn(f64) -> f64, a: f64, b: f64) -> f64 {
    let n = 4000;
    let h = (b - a) / f64::from(n);
    let weight = |k: i32| if k == 0 || k == n { 1.0 } else { f64::from(2 + 2 * (k % 2)) };
    (0..=n).map(|k| weight(k) * f(a + h * f64::from(k))).sum::<f64>() * h / 3.0
}

/// Student's two-sided p: with t = r √(df / (1 - r²)) = √df tan θ the density goes as cos^(df - 1)
/// θ, and sin θ = r.
fn p_value(r: f64, n: usize) -> f64 {
    let density = |theta: f64| theta.cos().powi(n as i32 - 3);
    let right = std::f64::consts::FRAC_PI_2;
    integral(density, r.abs().min(1.0).asin(), right) / integral(density, 0.0, right)
}

fn normal_cdf(z: f64) -> f64 {
    let density = |t: f64| (-t * t / 2.0).exp() / std::f64::consts::TAU.sqrt();
    0.5 + integral(density, 0.0, z)
}

fn normal_quantile(share: f64) -> f64 {
    let (mut low, mut high) = (-12.0, 12.0);
    for _ in 0..80 {
        let middle = (low + high) / 2.0;
        if normal_cdf(middle) < share { low = middle } else { high = middle }
    }
    low
}

/// The statistics of the intervals, by name.
fn all_statistics(points: &Points) -> Vec<(&'static str, Option<f64>)> {
    let errors: Vec<f64> = points.iter().map(|(x, y)| x - y).collect();
    let absolute: Vec<f64> = errors.iter().map(|it| it.abs()).collect();
    let squares: Vec<f64> = errors.iter().map(|it| it * it).collect();
    let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    let few = points.len() < 3;
    let slope = (!few && !flat(&x)).then(|| co(points) / co(&first(points)));
    let r_squared =
        (!few && !flat(&y)).then(|| 1.0 - squares.iter().sum::<f64>() / co(&second(points)));
    vec![
        ("r", pearson(points)),
        ("ρ", spearman(points)),
        ("RMSE", Some(mean(&squares).sqrt())),
        ("MAE", Some(mean(&absolute))),
        ("bias", Some(mean(&errors))),
        ("median error", Some(median(errors))),
        ("median absolute error", Some(median(absolute))),
        ("R²", r_squared),
        ("slope", slope),
        ("intercept", slope.map(|slope| mean(&y) - slope * mean(&x))),
    ]
}

#[track_caller]
fn check(found: &Value, expected: Option<f64>, what: &str) {
    match (found["value"].as_f64(), expected) {
        (None, None) => assert!(found["reason"].is_string(), "{what}: no reason"),
        (Some(found), Some(expected)) => close(found, expected, what),
        _ => panic!("{what}: {found}, expected {expected:?}"),
    }
}

#[track_caller]
fn close(found: f64, expected: f64, what: &str) {
    let scale = expected.abs().max(1.0);
    assert!((found - expected).abs() <= 1e-8 * scale, "{what}: {found}, expected {expected}");
}

/// All fields of `statistics`.
#[track_caller]
fn check_statistics(found: &Value, points: &Points, what: &str) {
    assert_eq!(found["n"].as_u64(), Some(points.len() as u64), "{what}");
    let names = [
        &["pearson", "coefficient"][..],
        &["spearman", "coefficient"],
        &["rmse"],
        &["mae"],
        &["bias"],
        &["median_error"],
        &["median_absolute_error"],
        &["r_squared"],
        &["line", "slope"],
        &["line", "intercept"],
    ];
    let expected = all_statistics(points);
    for ((name, expected), path) in expected.iter().zip(names) {
        let field = path.iter().fold(found, |it, key| &it[*key]);
        check(field, *expected, &format!("{what}: {name}"));
    }
    let n = points.len();
    for (name, r) in [("pearson", expected[0].1), ("spearman", expected[1].1)] {
        check(&found[name]["p_value"], r.map(|r| p_value(r, n)), &format!("{what}: p of {name}"));
    }
    check(&found["line"]["r_squared"], expected[0].1.map(|r| r * r), what);
    let (slope, intercept) = (expected[8].1, expected[9].1);
    let errors = slope.zip(intercept).map(|(b, a)| {
        let residuals = points.iter().map(|(x, y)| (y - a - b * x).powi(2)).sum::<f64>();
        let variance = residuals / (n as f64 - 2.0);
        let xx = co(&first(points));
        let x = mean(&points.iter().map(|it| it.0).collect::<Vec<_>>());
        ((variance / xx).sqrt(), (variance * (1.0 / n as f64 + x * x / xx)).sqrt())
    });
    check(&found["line"]["slope_error"], errors.map(|it| it.0), what);
    check(&found["line"]["intercept_error"], errors.map(|it| it.1), what);
}

/// Percentile of ascending values, between the two next ones.
fn percentile(values: &[f64], share: f64) -> f64 {
    let at = share * (values.len() - 1) as f64;
    let (below, above) = (values[at as usize], values[(at as usize + 1).min(values.len() - 1)]);
    below + (above - below) * at.fract()
}

/// The statistics of 10,000 resamples of clusters of points, written out.
fn resamples(clusters: &[Vec<(f64, f64)>], number: u64) -> Vec<Vec<f64>> {
    let Bootstrap { n_resamples, seed, .. } = Bootstrap::default();
    let mut stream = SeededStream::new(Bootstrap::PURPOSE, &[seed, number]);
    let mut bytes = vec![0; 4 * clusters.len()];
    let mut found = vec![Vec::new(); 10];
    for _ in 0..n_resamples {
        stream.fill(&mut bytes);
        let words = bytes.chunks(4).map(|it| u32::from_le_bytes(it.try_into().unwrap()));
        let draws =
            words.map(|it| (f64::from(it) / 4_294_967_296.0 * clusters.len() as f64) as usize);
        let drawn: Vec<(f64, f64)> = draws.flat_map(|it| clusters[it].iter().copied()).collect();
        for (values, (_, value)) in found.iter_mut().zip(all_statistics(&drawn)) {
            values.extend(value);
        }
    }
    found.iter_mut().for_each(|it| it.sort_by(f64::total_cmp));
    found
}

/// The rows of each exact problem, in the order of their first.
fn clusters(lines: &[Line]) -> Vec<Vec<(f64, f64)>> {
    let mut names: Vec<&str> = Vec::new();
    lines.iter().for_each(|it| {
        if !names.contains(&it.problem.as_str()) {
            names.push(&it.problem);
        }
    });
    let of = |name: &&str| {
        lines.iter().filter(|it| it.problem == **name).map(|it| (it.x, it.y)).collect()
    };
    names.iter().map(of).collect()
}

#[track_caller]
fn check_interval(found: &Value, expected: (f64, f64), what: &str) {
    close(found["low"].as_f64().unwrap_or(f64::NAN), expected.0, what);
    close(found["high"].as_f64().unwrap_or(f64::NAN), expected.1, what);
}

#[track_caller]
fn check_intervals(found: &Value, lines: &[Line]) {
    let points: Vec<(f64, f64)> = lines.iter().map(|it| (it.x, it.y)).collect();
    let clusters = clusters(lines);
    assert_eq!(found["n_clusters"].as_u64(), Some(clusters.len() as u64));
    let over_clusters = resamples(&clusters, 0);
    let over_rows = resamples(&points.iter().map(|it| vec![*it]).collect::<Vec<_>>(), 1);
    let without: Vec<Vec<(&str, Option<f64>)>> = (0..clusters.len())
        .map(|left_out| {
            let kept = clusters.iter().enumerate().filter(|(at, _)| *at != left_out);
            all_statistics(&kept.flat_map(|(_, it)| it.iter().copied()).collect::<Vec<_>>())
        })
        .collect();
    for (which, (name, value)) in all_statistics(&points).into_iter().enumerate() {
        let found = &found["intervals"][which];
        assert_eq!(found["statistic"], name);
        check(&found["value"], value, name);
        let values = &over_clusters[which];
        let ends = |values: &[f64]| (percentile(values, 0.025), percentile(values, 0.975));
        check_interval(&found["percentile"], ends(values), &format!("{name}, percentile"));
        check_interval(&found["naive"], ends(&over_rows[which]), &format!("{name}, naive"));
        // Bias-corrected and accelerated (Efron and Tibshirani 1993, 14.3).
        let value = value.unwrap();
        let below = values.iter().filter(|it| **it < value - SAME).count() as f64;
        let equal = values.iter().filter(|it| (**it - value).abs() <= SAME).count() as f64;
        let z0 = normal_quantile((below + equal / 2.0) / values.len() as f64);
        let jackknife: Vec<f64> = without.iter().map(|it| it[which].1.unwrap()).collect();
        let center = mean(&jackknife);
        let power = |p: i32| jackknife.iter().map(|it| (center - it).powi(p)).sum::<f64>();
        let acceleration = power(3) / (6.0 * power(2).powf(1.5));
        let corrected = |share: f64| {
            let z = z0 + normal_quantile(share);
            percentile(values, normal_cdf(z0 + z / (1.0 - acceleration * z)))
        };
        check_interval(
            &found["bca"],
            (corrected(0.025), corrected(0.975)),
            &format!("{name}, BCa"),
        );
        let n_undefined = 10_000 - values.len();
        assert_eq!(found["n_undefined"].as_u64(), Some(n_undefined as u64));
    }
}

/// Every matching of the topologies, by the correlation itself.
fn check_permutation(found: &Value, lines: &[Line]) {
    let topologies: Vec<&str> = {
        let mut names: Vec<&str> = lines.iter().map(|it| it.topology.as_str()).collect();
        let mut seen = BTreeSet::new();
        names.retain(|it| seen.insert(*it));
        names
    };
    let orders: Vec<Vec<usize>> = vec![
        vec![0, 1, 2],
        vec![0, 2, 1],
        vec![1, 0, 2],
        vec![1, 2, 0],
        vec![2, 0, 1],
        vec![2, 1, 0],
    ];
    let matched = |order: &[usize]| -> Vec<(f64, f64)> {
        let partner = |it: &Line| {
            let own = topologies.iter().position(|name| *name == it.topology).unwrap();
            let other = topologies[order[own]];
            let other =
                lines.iter().find(|at| (at.n, at.seed) == (it.n, it.seed) && at.topology == other);
            (other.unwrap().x, it.y)
        };
        lines.iter().map(partner).collect()
    };
    let share = |of: &dyn Fn(&Points) -> Option<f64>| {
        let observed = of(&matched(&orders[0])).unwrap().abs();
        let as_far =
            orders.iter().filter(|it| of(&matched(it)).unwrap().abs() >= observed - SAME).count();
        as_far as f64 / 6.0
    };
    assert_eq!((found["n_groups"].as_u64(), found["exhaustive"].as_bool()), (Some(3), Some(true)));
    assert_eq!(found["n_permutations"].as_u64(), Some(6));
    check(&found["p_pearson"], Some(share(&pearson)), "permutation, r");
    check(&found["p_spearman"], Some(share(&spearman)), "permutation, ρ");
}

/// Returns the prediction at `x` of a model fitted to points.
fn predicted(model: &str, points: &Points, x: f64) -> f64 {
    let line = |points: &Points| {
        let slope = co(points) / co(&first(points));
        let (xs, ys): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
        mean(&ys) + slope * (x - mean(&xs))
    };
    match model {
        "mean" => mean(&points.iter().map(|it| it.1).collect::<Vec<_>>()),
        "affine" => line(points),
        "log" => {
            let logs = points.iter().filter(|it| it.1 > 1e-6).map(|it| (it.0, it.1.ln()));
            line(&logs.collect::<Vec<_>>()).exp()
        }
        "isotonic" => {
            // At each x the largest over starts of the smallest over ends of the mean in between.
            let mut at: Vec<f64> = points.iter().map(|it| it.0).collect();
            at.sort_by(f64::total_cmp);
            at.dedup_by(|b, a| *b - *a <= SAME);
            let mean_between = |from: f64, to: f64| {
                let inside = points.iter().filter(|it| it.0 >= from - SAME && it.0 <= to + SAME);
                mean(&inside.map(|it| it.1).collect::<Vec<_>>())
            };
            let fitted = |k: usize| {
                (0..=k)
                    .map(|from| {
                        let ends = k..at.len();
                        ends.map(|to| mean_between(at[from], at[to])).fold(f64::INFINITY, f64::min)
                    })
                    .fold(f64::NEG_INFINITY, f64::max)
            };
            let next = at.iter().position(|it| *it >= x);
            match next {
                None => fitted(at.len() - 1),
                Some(0) => fitted(0),
                Some(k) => {
                    let (low, high) = (fitted(k - 1), fitted(k));
                    low + (high - low) * (x - at[k - 1]) / (at[k] - at[k - 1])
                }
            }
        }
        other => panic!("no model {other}"),
    }
}

fn check_calibration(found: &Value, lines: &[Line]) {
    let judged = found.as_array().unwrap();
    assert_eq!(judged.len(), 8);
    for it in judged {
        let (model, left_out) = (it["model"].as_str().unwrap(), it["left_out"].as_str().unwrap());
        let together = |a: &Line, b: &Line| match left_out {
            "topology" => a.topology == b.topology,
            _ => a.n == b.n,
        };
        let points: Vec<(f64, f64)> = lines
            .iter()
            .map(|row| {
                // Not its group, and no row whose exact problem is that of one of its group.
                let hidden: BTreeSet<&str> = lines
                    .iter()
                    .filter(|other| together(row, other))
                    .map(|other| other.problem.as_str())
                    .collect();
                let seen = lines
                    .iter()
                    .filter(|other| !together(row, other) && !hidden.contains(&other.problem[..]));
                let seen: Vec<(f64, f64)> = seen.map(|other| (other.x, other.y)).collect();
                (predicted(model, &seen, row.x), row.y)
            })
            .collect();
        check_statistics(&it["statistics"], &points, &format!("{model} without a {left_out}"));
    }
}

/// The levels of success: r above, RMSE and MAE below.
fn reached(points: &Points) -> Option<&'static str> {
    let all = all_statistics(points);
    let (r, rmse, mae) = (all[0].1?, all[2].1?, all[3].1?);
    if r > 0.9 && rmse < 0.10 && mae < 0.05 {
        Some("stretch")
    } else if r > 0.8 && rmse < 0.15 && mae < 0.10 {
        Some("target")
    } else if r > 0.6 {
        Some("minimum")
    } else {
        None
    }
}

fn check_ties(found: &Value, verdict: &Value, lines: &[Line]) {
    let end = |it: &Line, end: &str| it.json["exact"]["range"][end].as_f64().unwrap();
    let wide = lines.iter().filter(|it| end(it, "high") - end(it, "low") > 1e-6).count();
    assert!(wide > 0, "nothing hangs on the numbering");
    assert_eq!(found["n_wide_rows"].as_u64(), Some(wide as u64));
    let mut survives = true;
    for side in ["low", "high"] {
        let points: Vec<(f64, f64)> = lines.iter().map(|it| (it.x, end(it, side))).collect();
        check_statistics(&found[side]["statistics"], &points, side);
        assert_eq!(found[side]["verdict"]["reached"].as_str(), reached(&points));
        survives &= found[side]["verdict"]["reached"] == verdict["reached"];
    }
    assert_eq!(found["verdict_survives"], survives);
}

/// The cells of each row of each table of the report, as Markdown has them.
fn tables(markdown: &str) -> Vec<Vec<Vec<String>>> {
    let mut tables: Vec<Vec<Vec<String>>> = vec![Vec::new()];
    for line in markdown.lines() {
        match line.strip_prefix("| ").and_then(|it| it.strip_suffix(" |")) {
            Some(cells) => {
                let cells = cells.replace("\\|", "¦");
                let cells: Vec<String> =
                    cells.split(" | ").map(|it| it.replace('¦', "|").trim().to_owned()).collect();
                tables.last_mut().unwrap().push(cells);
            }
            None if tables.last().unwrap().is_empty() => {}
            None => tables.push(Vec::new()),
        }
    }
    tables
}

#[track_caller]
fn check_cell(cell: &str, expected: Option<f64>) {
    match expected {
        None => assert_eq!(cell, "-"),
        Some(expected) => {
            let found: f64 = cell.replace('−', "-").parse().unwrap_or_else(|_| panic!("{cell:?}"));
            assert!((found - expected).abs() <= 5.1e-5, "{found}, expected {expected}");
        }
    }
}

/// The tables of the report have the numbers of the summary, which were checked, to four decimals.
fn check_report(markdown: &str, summary: &Value, place: &Place) {
    let tables = tables(markdown);
    let find = |head: &str| -> &Vec<Vec<String>> {
        tables.iter().find(|it| it.first().is_some_and(|it| it[0] == head)).unwrap()
    };
    let row = |table: &[Vec<String>], name: &str| -> Vec<String> {
        table.iter().find(|it| it[0] == name).unwrap_or_else(|| panic!("no {name}")).clone()
    };
    let value = |it: &Value| it["value"].as_f64();
    for it in summary["uncertainty"]["intervals"].as_array().unwrap() {
        let cells = row(find("statistic"), it["statistic"].as_str().unwrap());
        check_cell(&cells[1], value(&it["value"]));
        for (cell, kind) in cells[2..5].iter().zip(["bca", "percentile", "naive"]) {
            let (low, high) = cell.split_once(" to ").unwrap();
            check_cell(low, it[kind]["low"].as_f64());
            check_cell(high, it[kind]["high"].as_f64());
        }
    }
    let statistics_of = |it: &Value| -> Vec<Option<f64>> {
        let mut found =
            vec![value(&it["pearson"]["coefficient"]), value(&it["spearman"]["coefficient"])];
        let names = ["rmse", "mae", "bias", "median_error", "r_squared"];
        found.extend(names.map(|name| value(&it[name])));
        found
    };
    let groups = summary["by_topology"].as_array().unwrap().iter();
    for it in groups.chain(summary["by_size"].as_array().unwrap()) {
        let name = match &it["group"] {
            Value::String(name) => name.clone(),
            n => format!("n = {n}"),
        };
        let cells = row(find("group"), &name);
        for (cell, expected) in cells[3..].iter().zip(statistics_of(&it["statistics"])) {
            check_cell(cell, expected);
        }
    }
    for it in summary["calibration"].as_array().unwrap() {
        let model = |cells: &&Vec<String>| it["model"] == cells[0] && it["left_out"] == cells[1];
        let cells = find("model").iter().find(model).unwrap();
        let names = ["rmse", "mae", "median_absolute_error", "r_squared"];
        for (cell, name) in cells[2..6].iter().zip(names) {
            check_cell(cell, value(&it["statistics"][name]));
        }
        check_cell(&cells[6], value(&it["statistics"]["spearman"]["coefficient"]));
    }
    for (name, side) in [("all at their lowest", "low"), ("all at their highest", "high")] {
        let cells = row(find("exact Φ"), name);
        let expected = statistics_of(&summary["ties"][side]["statistics"]);
        for (cell, expected) in cells[2..].iter().zip(expected) {
            check_cell(cell, expected);
        }
    }
    for name in ["hdc", "hdc-limit", "spectral"] {
        let points: Vec<(f64, f64)> = lines(place, name).iter().map(|it| (it.x, it.y)).collect();
        let all = all_statistics(&points);
        let cells = row(find("estimator"), name);
        for (cell, which) in cells[1..].iter().zip([0, 1, 2, 3, 4, 7]) {
            check_cell(cell, all[which].1);
        }
    }
    let rows = find("topology");
    let lines = lines(place, "hdc");
    assert_eq!(rows.len(), lines.len() + 2, "a head, a rule, and a row each");
    for (cells, line) in rows[2..].iter().zip(lines) {
        assert_eq!(cells[..3], [line.topology, line.n.to_string(), line.seed.to_string()]);
        let range = |end: &str| line.json["exact"]["range"][end].as_f64();
        let wide = range("high").unwrap() - range("low").unwrap() > 1e-6;
        assert_eq!(cells[10].contains('↕'), wide);
        for (cell, expected) in
            cells[3..7].iter().zip([Some(line.x), Some(line.y), range("low"), range("high")])
        {
            check_cell(cell, expected);
        }
        check_cell(&cells[8], Some(line.x - line.y));
        check_cell(&cells[9], (line.y > 1e-6).then(|| (line.x - line.y).abs() / line.y));
    }
}

#[test]
fn every_number_comes_from_the_journal() {
    let place = Place::new();
    place
        .run("--run whole --topologies Star,Lattice,Random --sizes 4,5 --seeds 42,123,456,789")
        .succeeded();
    let summary = place.json("runs/whole/summary.json");
    let lines = lines(&place, "hdc");
    let points = |wanted: &dyn Fn(&Line) -> bool| -> Vec<(f64, f64)> {
        lines.iter().filter(|it| wanted(it)).map(|it| (it.x, it.y)).collect()
    };
    let all = points(&|_| true);
    assert_eq!(all.len(), 24);
    check_statistics(&summary["overall"], &all, "overall");
    for it in summary["by_topology"].as_array().unwrap() {
        let group = it["group"].as_str().unwrap();
        check_statistics(&it["statistics"], &points(&|it| it.topology == group), group);
    }
    for it in summary["by_size"].as_array().unwrap() {
        let n = it["group"].as_u64().unwrap();
        check_statistics(&it["statistics"], &points(&|it| it.n == n), &format!("n = {n}"));
    }
    assert_eq!(summary["verdict"]["reached"].as_str(), reached(&all));
    check_intervals(&summary["uncertainty"], &lines);
    check_permutation(&summary["permutation"], &lines);
    check_calibration(&summary["calibration"], &lines);
    check_ties(&summary["ties"], &summary["verdict"], &lines);
    check_report(&place.read("runs/whole/report.md"), &summary, &place);
}

/// A suite of a leaderboard by one exact value, as its journal has it.
struct Suite {
    /// The number of units of each comparison.
    sizes: Vec<f64>,
    /// The network of each comparison, numbered in the order of their first.
    networks: Vec<usize>,
    exact: Vec<f64>,
    exact_ms: f64,
    estimates: BTreeMap<&'static str, Vec<f64>>,
}

const JUDGED: [&str; 3] = ["d1", "si", "te"];

impl Suite {
    /// The exact value is called `exact`.
    fn read(place: &Place, suite: &str, exact: &str) -> Suite {
        let journal = place.read(&format!("runs/board/{suite}/journal.jsonl"));
        let (formalism, value) = match exact.split_once(' ') {
            Some((formalism, "Φ")) => (formalism, "/exact/structure/big_phi"),
            Some((formalism, _)) => (formalism, "/exact/phi"),
            None => (exact, "/exact/phi"),
        };
        let rows = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let rows: Vec<Value> = rows
            .filter(|it| it["kind"] == "comparison" && it["case"]["formalism"] == formalism)
            .collect();
        // Small networks of different names can be equal: then they have the same problems.
        let problems_of = |name: &Value| -> BTreeSet<&str> {
            let of = rows.iter().filter(|it| it["case"]["network"] == *name);
            of.map(|it| it["problem"].as_str().unwrap()).collect()
        };
        let mut known: Vec<BTreeSet<&str>> = Vec::new();
        let networks = rows.iter().map(|row| {
            let problems = problems_of(&row["case"]["network"]);
            known.iter().position(|it| *it == problems).unwrap_or_else(|| {
                known.push(problems);
                known.len() - 1
            })
        });
        let networks = networks.collect();
        let column = |pointer: &str| -> Vec<f64> {
            rows.iter().map(|it| it.pointer(pointer).unwrap().as_f64().unwrap()).collect()
        };
        Suite {
            networks,
            sizes: column("/n"),
            exact: column(value),
            exact_ms: mean(&column("/duration_ms")),
            estimates: JUDGED.map(|it| (it, column(&format!("/estimates/{it}")))).into(),
        }
    }

    fn points(&self, name: &str) -> Vec<(f64, f64)> {
        self.estimates[name].iter().copied().zip(self.exact.iter().copied()).collect()
    }

    /// The estimate and the exact value of each network, those of its states made one.
    fn per_network(&self, name: &str, one: fn(&[f64]) -> f64) -> Vec<(f64, f64)> {
        let points = self.points(name);
        let of = |network: usize| {
            let states = points.iter().zip(&self.networks).filter(|it| *it.1 == network);
            let (x, y): (Vec<f64>, Vec<f64>) = states.map(|it| *it.0).unzip();
            (one(&x), one(&y))
        };
        (0..=*self.networks.iter().max().unwrap()).map(of).collect()
    }

    /// The correlation of what a line through the number of units leaves of both ranks.
    fn given_n(&self, name: &str) -> Option<f64> {
        let points = self.points(name);
        let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
        let sizes = ranks(&self.sizes);
        let left = |values: &[f64]| -> Vec<f64> {
            let points: Vec<(f64, f64)> = sizes.iter().copied().zip(ranks(values)).collect();
            points.iter().map(|it| it.1 - predicted("affine", &points, it.0)).collect()
        };
        spearman(&points)?;
        pearson(&left(&x).into_iter().zip(left(&y)).collect::<Vec<_>>())
    }

    /// The share of the pairs of a Φ > 0 and a Φ = 0 in which the first has the larger estimate.
    fn auc(&self, name: &str) -> Option<f64> {
        let points = self.points(name);
        let (mut right, mut pairs) = (0.0, 0.0);
        for positive in points.iter().filter(|it| it.1 > SAME) {
            for zero in points.iter().filter(|it| it.1 <= SAME) {
                pairs += 1.0;
                let ahead = positive.0 - zero.0;
                right += if ahead.abs() <= SAME { 0.5 } else { f64::from(u8::from(ahead > 0.0)) };
            }
        }
        (pairs > 0.0).then(|| right / pairs)
    }

    /// The r of each estimator, in the order of their names, in each resample of the networks.
    fn resamples(&self) -> Vec<[Option<f64>; JUDGED.len()]> {
        let n = self.networks.iter().max().unwrap() + 1;
        let of = |resample: usize| {
            let mut stream = SeededStream::new(PURPOSE, &[resample as u64]);
            let drawn: Vec<usize> = (0..n)
                .map(|_| ((u128::from(stream.next_u64()) * n as u128) >> 64) as usize)
                .collect();
            JUDGED.map(|name| {
                let points = self.points(name);
                let of = |network: &usize| {
                    let rows = 0..points.len();
                    let rows = rows.filter(|row| self.networks[*row] == *network);
                    rows.map(|row| points[row]).collect::<Vec<_>>()
                };
                pearson(&drawn.iter().flat_map(of).collect::<Vec<_>>())
            })
        };
        (0..N_RESAMPLES).map(of).collect()
    }
}

/// The interval of an estimator's r, and the share of resamples in which its r is the largest.
fn resampled(all: &[[Option<f64>; JUDGED.len()]], which: usize) -> (Option<(f64, f64)>, f64) {
    let values: Option<Vec<f64>> = all.iter().map(|it| it[which]).collect();
    let interval = values.map(|mut values| {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| values[(share * (values.len() - 1) as f64).round() as usize];
        (at(0.025), at(0.975))
    });
    let first = |rs: &[Option<f64>; JUDGED.len()]| {
        let best = rs.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
        let is_best = |r: &Option<f64>| r.is_some_and(|r| r >= best - SAME);
        let n_best = rs.iter().filter(|it| is_best(it)).count();
        if is_best(&rs[which]) { 1.0 / n_best as f64 } else { 0.0 }
    };
    (interval, all.iter().map(first).sum::<f64>() / all.len() as f64)
}

/// A number of a table is `expected`, rounded to so many decimals.
#[track_caller]
fn check_rounded(cell: &str, expected: Option<f64>, decimals: i32, what: &str) {
    let cell = cell.trim_start_matches('\\').trim_end_matches(" %");
    let Some(expected) = expected else {
        return assert_eq!(cell, "-", "{what}");
    };
    let found: f64 = cell.parse().unwrap_or_else(|_| panic!("{what}: {cell:?}"));
    let half = 0.5001 * 10f64.powi(-decimals);
    assert!((found - expected).abs() <= half, "{what}: {found}, expected {expected}");
}

/// Two numbers of a cell.
#[track_caller]
fn check_pair(cell: &str, expected: [Option<f64>; 2], what: &str) {
    let (r, rho) = cell.split_once(" / ").unwrap();
    check_rounded(r, expected[0], 3, what);
    check_rounded(rho, expected[1], 3, what);
}

/// Checks the document and a row of the table about an estimator in a suite; returns r and ρ.
#[track_caller]
fn check_judged(
    found: &Value,
    cells: &[String],
    suite: &Suite,
    name: &str,
    (interval, first): (Option<(f64, f64)>, f64),
    what: &str,
) -> [Option<f64>; 2] {
    let what = &format!("{what}: {name}");
    let points = suite.points(name);
    let all = all_statistics(&points);
    assert_eq!((found["n_rows"].as_u64(), &cells[0][..]), (Some(points.len() as u64), name));
    let (given_n, auc) = (suite.given_n(name), suite.auc(name));
    let stats = [
        ("r", all[0].1, 1, 3),
        ("rho", all[1].1, 3, 3),
        ("rmse", all[2].1, 4, 4),
        ("mae", all[3].1, 5, 4),
        ("given_n", given_n, 6, 3),
        ("auc", auc, 7, 3),
    ];
    for (field, expected, at, decimals) in stats {
        let what = format!("{what}, {field}");
        check(&found[field], expected, &what);
        check_rounded(&cells[at], expected, decimals, &what);
    }
    match interval {
        None => assert_eq!((&found["r_interval"], &cells[2][..]), (&Value::Null, "-"), "{what}"),
        Some((low, high)) => {
            close(found["r_interval"][0].as_f64().unwrap(), low, what);
            close(found["r_interval"][1].as_f64().unwrap(), high, what);
            let ends = cells[2].split_once(" to ").unwrap();
            check_rounded(ends.0, Some(low), 2, what);
            check_rounded(ends.1, Some(high), 2, what);
        }
    }
    let nontrivial = points.iter().filter(|it| it.1 > SAME && (it.1 - 1.0).abs() > SAME);
    let largest = |it: &[f64]| it.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let groups = [
        ("nontrivial", nontrivial.copied().collect::<Vec<_>>(), 8),
        ("peak", suite.per_network(name, largest), 9),
        ("mean", suite.per_network(name, mean), 10),
    ];
    for (field, points, at) in groups {
        let what = format!("{what}, {field}");
        let expected = [pearson(&points), spearman(&points)];
        assert_eq!(found[field][0].as_u64(), Some(points.len() as u64), "{what}");
        check(&found[field][1], expected[0], &what);
        check(&found[field][2], expected[1], &what);
        check_pair(&cells[at], expected, &what);
    }
    close(found["is_first"].as_f64().unwrap(), first, what);
    check_rounded(&cells[11], Some(100.0 * first), 0, what);
    check_rounded(&cells[12], found["estimate_ms"].as_f64(), 3, what);
    [all[0].1, all[1].1]
}

/// The cells of the tables of a page.
fn cells_of_page(page: &str) -> Vec<&str> {
    let of_tables = page.split("<table").skip(1).filter_map(|it| it.split("</table>").next());
    let cells = of_tables.flat_map(|it| it.split("<td").skip(1));
    cells.map(|it| it.split_once('>').unwrap().1.split("</td>").next().unwrap()).collect()
}

#[test]
fn every_number_of_a_leaderboard_comes_from_the_journals_of_its_suites() {
    let place = Place::new();
    for (suite, family, count) in [("few", "tables", 4), ("more", "threshold", 6)] {
        let suite_file = format!(
            "seeds = 42\ntie_orders = 0\n[[networks]]\nfamily = \"{family}\"\nsizes = [2, 3]\n\
             count = {count}\n"
        );
        place.write(&format!("{suite}.toml"), suite_file);
    }
    let arguments = "leaderboard --suites few.toml,more.toml --formalisms iit3,iit4-2023 \
                     --estimators d1,si,te --run board";
    place.phi(arguments).succeeded();
    let board = place.json("runs/board/leaderboard.json");
    let markdown = place.read("runs/board/leaderboard.md");
    let tables = tables(&markdown);
    let mut tables = tables.iter();
    let exact_values = ["iit3", "iit4-2023 Φ", "iit4-2023 φ_s"];
    for (number, exact) in exact_values.into_iter().enumerate() {
        let ranking = tables.next().unwrap();
        let mut of_suites: Vec<BTreeMap<&str, [Option<f64>; 2]>> = Vec::new();
        let mut costs: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for name in ["few", "more"] {
            let what = format!("{name}, {exact}");
            let mut judgements = board["judgements"].as_array().unwrap().iter();
            let found = judgements.find(|it| it["suite"] == name && it["exact"] == exact).unwrap();
            let suite = Suite::read(&place, name, exact);
            let n_networks = suite.networks.iter().max().unwrap() + 1;
            assert_eq!(found["n_rows"].as_u64(), Some(suite.exact.len() as u64));
            assert_eq!(found["n_networks"].as_u64(), Some(n_networks as u64), "{what}");
            close(found["exact_ms"].as_f64().unwrap(), suite.exact_ms, &what);
            let sentence = format!(
                "{} comparisons of {n_networks} networks; an exact value took {:.3} ms",
                suite.exact.len(),
                suite.exact_ms
            );
            assert!(markdown.contains(&sentence), "{sentence}");
            let table = tables.next().unwrap();
            assert_eq!(table.len(), JUDGED.len() + 2, "a head, a rule, and a row each");
            let resamples = suite.resamples();
            let mut correlations = BTreeMap::new();
            for (which, estimator) in JUDGED.into_iter().enumerate() {
                let judged = &found["estimators"][estimator];
                let (cells, resampled) = (&table[which + 2], resampled(&resamples, which));
                let both = check_judged(judged, cells, &suite, estimator, resampled, &what);
                correlations.insert(estimator, both);
                costs.entry(estimator).or_default().push(judged["estimate_ms"].as_f64().unwrap());
                let figure = place.read(&format!("runs/board/figures/{estimator}-{number}.svg"));
                let r = both[0].map_or("-".to_owned(), |r| format!("{r:.3}"));
                assert!(figure.contains(&format!("{name}, r = {r}<")), "{what}: {estimator}");
            }
            of_suites.push(correlations);
        }
        let ranks = board["rankings"][exact].as_array().unwrap();
        assert_eq!((ranks.len(), ranking.len()), (JUDGED.len(), JUDGED.len() + 2));
        let figure = place.read(&format!("runs/board/figures/cost-{number}.svg"));
        let mut before = f64::INFINITY;
        for (found, cells) in ranks.iter().zip(&ranking[2..]) {
            let estimator = found["estimator"].as_str().unwrap();
            let what = format!("{estimator} against {exact}");
            let both: Vec<[Option<f64>; 2]> = of_suites.iter().map(|it| it[estimator]).collect();
            let worst = both[0][0].zip(both[1][0]).map(|it| it.0.min(it.1));
            let mean_rho = both[0][1].zip(both[1][1]).map(|it| (it.0 + it.1) / 2.0);
            check(&found["worst_r"], worst, &what);
            check(&found["mean_rho"], mean_rho, &what);
            let cost = mean(&costs[estimator]);
            close(found["estimate_ms"].as_f64().unwrap(), cost, &what);
            assert_eq!(cells[0], estimator);
            check_rounded(&cells[1], worst, 3, &what);
            check_rounded(&cells[2], mean_rho, 3, &what);
            check_rounded(&cells[3], Some(cost), 3, &what);
            for (cell, both) in cells[4..].iter().zip(both) {
                check_pair(cell, both, &what);
            }
            let worst = worst.unwrap_or(f64::NEG_INFINITY);
            assert!(worst <= before, "{what} is not in its place");
            before = worst;
            let title = format!("<title>{estimator}: r = {worst:.3}, ");
            assert_eq!(figure.contains(&title), worst.is_finite(), "{title}");
        }
    }
    assert!(tables.all(Vec::is_empty));
    // The page has the same cells.
    let page = place.read("runs/board/leaderboard.html");
    let of_markdown: Vec<String> = self::tables(&markdown)
        .iter()
        .flat_map(|it| it.iter().skip(2).flatten())
        .map(|it| it.trim_start_matches('\\').to_owned())
        .collect();
    assert!(of_markdown.len() > 200);
    assert_eq!(cells_of_page(&page), of_markdown);
}
