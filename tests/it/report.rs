use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::program::Place;

const STUDY: &str = "--run first --topologies Star,Ring,Random --sizes 3,4,5 --seeds 42,123";

/// The text of each cell of each row of each table of a page.
fn tables(html: &str) -> Vec<Vec<Vec<String>>> {
    let plain = |cell: &str| {
        let text = cell.split_once('>').map_or(cell, |(_, text)| text);
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
    };
    let cells = |row: &str| -> Vec<String> {
        row.replace("<th", "<td")
            .split("<td")
            .skip(1)
            .map(|it| plain(it.split("</").next().unwrap()))
            .collect()
    };
    let table =
        |table: &str| -> Vec<Vec<String>> { table.split("<tr>").skip(1).map(cells).collect() };
    html.split("<table").skip(1).map(|it| table(it.split("</table>").next().unwrap())).collect()
}

/// `true` if a number that is none is in a page or a drawing.
fn has_holes(text: &str) -> bool {
    let readable = text.split("<script>").next().unwrap();
    ["NaN", ">inf", "-inf", " inf<", "\"inf\"", ",inf"].iter().any(|it| readable.contains(it))
}

#[track_caller]
fn check_shown(found: &str, expected: f64) {
    let found: f64 = found.replace('−', "-").parse().unwrap();
    assert!((found - expected).abs() <= 5.1e-5, "{found}, expected {expected}");
}

#[test]
fn a_report_needs_nothing_else() {
    let place = Place::new();
    place.run(STUDY).succeeded();
    let html = place.read("runs/first/report.html");
    // Nothing is loaded from anywhere.
    let without_namespace = html.replace("http://www.w3.org/2000/svg", "");
    for forbidden in ["http:", "https:", "src=", "href=", "@import", "url("] {
        assert!(!without_namespace.contains(forbidden), "{forbidden}");
    }
    assert!(!has_holes(&html), "a hole in the report");
    assert!(html.contains("prefers-color-scheme: dark") && html.contains("@media print"));
    assert_eq!(html.matches("<figure").count(), 11);
    assert_eq!(html.matches("<svg").count(), 11);
    let mut figures: Vec<String> = fs::read_dir(place.path("runs/first/figures"))
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    figures.sort();
    assert_eq!(figures.len(), 22, "{figures:?}");
    for figure in figures {
        let content = fs::read(place.path("runs/first/figures").join(&figure)).unwrap();
        if figure.ends_with(".png") {
            assert!(content.starts_with(b"\x89PNG\r\n\x1a\n") && content.len() > 5000, "{figure}");
        } else {
            let text = String::from_utf8(content).unwrap();
            assert!(text.ends_with("</svg>\n") && !text.contains("var("), "{figure}");
            assert!(!has_holes(&text), "{figure}");
        }
    }
    // Markdown says the same, number by number.
    let markdown = place.read("runs/first/report.md");
    for table in tables(&html) {
        for row in table {
            let cells: Vec<String> = row.iter().map(|it| it.replace('|', "\\|")).collect();
            let line = format!("| {} |", cells.join(" | "));
            assert!(markdown.contains(&line), "{line}");
        }
    }
    assert_eq!(markdown.matches("](figures/").count(), 11);
    // The run is drawn from its timeline, to its very end.
    let timeline = place.read("runs/first/timeline.jsonl");
    let last: Value = serde_json::from_str(timeline.lines().last().unwrap()).unwrap();
    assert_eq!((&last["session"], &last["rows_done"]), (&1.into(), &18.into()));
    assert!(html.contains("available memory (GiB)"));
    // Written again it is the same.
    let again = place.run("report first").succeeded();
    assert_eq!(again.stdout, "runs/first/report.html\n");
    assert_eq!(place.read("runs/first/report.html"), html);
}

#[test]
fn rows_lead_to_pages_of_their_networks_on_request() {
    let place = Place::new();
    place.run(STUDY).succeeded();
    let plain = place.read("runs/first/report.html");
    fs::create_dir(place.path("runs/first/explore")).unwrap();
    place.write("runs/first/explore/Ring.html", "mine");
    let refused = place.run("report first --explore");
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("Ring.html: exists and was not written by"));
    assert_eq!(place.read("runs/first/explore/Ring.html"), "mine");
    fs::remove_file(place.path("runs/first/explore/Ring.html")).unwrap();

    place.run("report first --explore").succeeded();
    let html = place.read("runs/first/report.html");
    let table = html.split("<table class=\"sortable\">").nth(1).unwrap();
    let rows: Vec<&str> = table.split("<tr>").skip(2).collect();
    assert_eq!(rows.len(), 18);
    let shown = tables(&html.replace("</a>", "").replace("<a href=\"", "<a>"));
    let shown = shown.iter().find(|it| it[0][0] == "topology").unwrap();
    let markdown = place.read("runs/first/report.md");
    let mut linked = BTreeSet::new();
    for (row, cells) in rows.iter().zip(&shown[1..]) {
        let link = row.split("href=\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(markdown.contains(&format!("](<{link}>) |")), "{link}");
        let (file, state) = link.split_once('#').unwrap();
        linked.insert(file);
        let page = place.read(&format!("runs/first/{file}"));
        let data = page.split("id=\"data\">").nth(1).unwrap().split("</script>").next().unwrap();
        let data: Value = serde_json::from_str(data).unwrap();
        let values: Vec<Value> = state.bytes().map(|it| (it - b'0').into()).collect();
        let states = data["states"].as_array().unwrap();
        let of_state = states.iter().find(|it| it["state"] == Value::from(values.clone()));
        check_shown(&cells[4], of_state.unwrap()["iit3"]["phi"].as_f64().unwrap());
        assert_eq!(data["theories"], serde_json::json!(["iit3"]));
        // The library is in a file that the pages share.
        assert!(page.contains("<script src=\"three.min.js\">") && page.len() < 1_000_000);
    }
    // Star and Ring of each size, and Random by seed, unless those are the same network.
    let files = fs::read_dir(place.path("runs/first/explore")).unwrap().count();
    assert_eq!(files, linked.len() + 1);
    assert!((7..=12).contains(&linked.len()), "{linked:?}");
    assert!(place.path("runs/first/explore/three.min.js").exists());
    // Again: its own pages may be written anew. Without the flag the report is as it was.
    place.run("report first --explore").succeeded();
    place.run("report first").succeeded();
    assert_eq!(place.read("runs/first/report.html"), plain);
}

#[test]
fn the_row_of_a_point_is_named_without_script() {
    let place = Place::new();
    place.run(STUDY).succeeded();
    let html = place.read("runs/first/report.html");
    let scatter = html.split("<figure id=\"scatter\">").nth(1).unwrap();
    let scatter = scatter.split("</figure>").next().unwrap();
    for point in scatter.split("<g class=\"point\"").skip(1).filter(|it| it.contains(" seed ")) {
        let title = point.split("<title>").nth(1).unwrap().split("</title>").next().unwrap();
        assert!(title.contains(": estimate "), "{title}");
        assert!(point.contains(&format!("aria-hidden=\"true\">{title}</text>")), "{title}");
    }
    assert_eq!(scatter.matches(" seed ").count(), 2 * 18);
    assert!(html.contains(".point .name { visibility: hidden; }"));
    assert!(html.contains(".point:hover .name { visibility: visible; }"));
    // Files have no style of the page.
    assert!(!place.read("runs/first/figures/scatter.svg").contains("class="));
}

#[test]
fn the_numbers_of_a_report_can_be_computed_from_the_journal() {
    let place = Place::new();
    place.run(STUDY).succeeded();
    let html = place.read("runs/first/report.html");
    let tables = tables(&html);
    let lines: Vec<Value> = place
        .read("runs/first/journal.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["kind"] == "comparison")
        .collect();
    let points: Vec<(f64, f64)> = lines
        .iter()
        .map(|it| (it["estimates"]["hdc"].as_f64().unwrap(), it["exact"]["phi"].as_f64().unwrap()))
        .collect();

    // Statistics over the points of some lines, by the formulas of moments about zero.
    let of = |wanted: &dyn Fn(&Value) -> bool, estimator: &str| {
        let chosen: Vec<(f64, f64)> = lines
            .iter()
            .filter(|it| wanted(it))
            .map(|it| {
                (it["estimates"][estimator].as_f64().unwrap(), it["exact"]["phi"].as_f64().unwrap())
            })
            .collect();
        let n = chosen.len() as f64;
        let sum = |f: &dyn Fn(f64, f64) -> f64| chosen.iter().map(|(x, y)| f(*x, *y)).sum::<f64>();
        let (sx, sy, sxy) = (sum(&|x, _| x), sum(&|_, y| y), sum(&|x, y| x * y));
        let (sxx, syy) = (sum(&|x, _| x * x), sum(&|_, y| y * y));
        let r = (n * sxy - sx * sy) / ((n * sxx - sx * sx) * (n * syy - sy * sy)).sqrt();
        let rmse = (sum(&|x, y| (x - y).powi(2)) / n).sqrt();
        let mae = sum(&|x, y| (x - y).abs()) / n;
        let r_squared = 1.0 - sum(&|x, y| (x - y).powi(2)) / (syy - sy * sy / n);
        (r, rmse, mae, sum(&|x, y| x - y) / n, r_squared)
    };
    let find = |first: &str| -> &Vec<Vec<String>> {
        tables.iter().find(|it| it[0][0] == first).unwrap_or_else(|| panic!("no table {first}"))
    };
    let row = |table: &Vec<Vec<String>>, first: &str| -> Vec<String> {
        table.iter().find(|it| it[0] == first).unwrap_or_else(|| panic!("no row {first}")).clone()
    };

    let (r, rmse, mae, bias, r_squared) = of(&|_| true, "hdc");
    let overall = find("statistic");
    for (name, expected) in
        [("r", r), ("RMSE", rmse), ("MAE", mae), ("bias", bias), ("R²", r_squared)]
    {
        check_shown(&row(overall, name)[1], expected);
    }
    let mut errors: Vec<f64> = points.iter().map(|(x, y)| x - y).collect();
    errors.sort_by(f64::total_cmp);
    check_shown(&row(overall, "median error")[1], (errors[8] + errors[9]) / 2.0);
    let levels = find("level");
    check_shown(row(levels, "minimum")[2].split(' ').next().unwrap(), r);

    let groups = find("group");
    let (_, rmse, mae, bias, _) = of(&|it| it["topology"] == "Random", "hdc");
    let random = row(groups, "Random");
    for (found, expected) in random[5..8].iter().zip([rmse, mae, bias]) {
        check_shown(found, expected);
    }
    let (r, rmse, ..) = of(&|it| it["n"] == 5, "hdc");
    check_shown(&row(groups, "n = 5")[3], r);
    check_shown(&row(groups, "n = 5")[5], rmse);
    let (r, rmse, mae, bias, r_squared) = of(&|_| true, "spectral");
    let spectral = row(find("estimator"), "spectral");
    check_shown(&spectral[1], r);
    for (found, expected) in spectral[3..].iter().zip([rmse, mae, bias, r_squared]) {
        check_shown(found, expected);
    }

    let rows = find("topology");
    assert_eq!(rows.len() - 1, lines.len());
    for (shown, line) in rows[1..].iter().zip(&lines) {
        assert_eq!(shown[0], line["topology"].as_str().unwrap());
        assert_eq!(shown[1..3], [line["n"].to_string(), line["seed"].to_string()]);
        check_shown(&shown[3], line["estimates"]["hdc"].as_f64().unwrap());
        check_shown(&shown[4], line["exact"]["phi"].as_f64().unwrap());
        let ties = line["exact"]["ties"].as_u64().unwrap();
        assert_eq!(shown[10].contains('T'), ties > 0);
        assert_eq!(shown[12], line["exact"]["n_concepts"].to_string());
    }

    // Points: as many as rows in the first figure, besides eight of the legend at most.
    let figure = html.split("<figure id=\"scatter\">").nth(1).unwrap();
    let figure = figure.split("</figure>").next().unwrap();
    assert_eq!(figure.matches("exact Φ ").count() - 1, figure.matches(": estimate ").count());
    assert_eq!(figure.matches(": estimate ").count(), 2 * lines.len());
}

#[test]
fn a_run_that_is_not_finished_has_a_report_that_says_so() {
    let place = Place::new();
    place.run(STUDY).succeeded();
    let journal = place.read("runs/first/journal.jsonl");
    std::fs::remove_file(place.path("runs/first/results.csv")).unwrap();
    for n_rows in [0, 1, 2, 3, 7] {
        let kept: Vec<&str> = journal.lines().take(n_rows + 1).collect();
        // The next line is torn.
        place.write("runs/first/journal.jsonl", kept.join("\n") + "\n{\"kind\":");
        let before = place.read("runs/first/journal.jsonl");
        place.run("report first").succeeded();
        let html = place.read("runs/first/report.html");
        let sentence = format!("This run is not finished: {n_rows} of 18 comparisons are done");
        assert!(html.contains(&sentence), "{n_rows} rows");
        assert!(!has_holes(&html), "{n_rows} rows");
        assert_eq!(place.read("runs/first/journal.jsonl"), before);
    }
}

#[test]
fn the_record_of_the_build_is_shown() {
    let place = Place::new();
    place.run(STUDY).succeeded();
    assert!(place.read("runs/first/report.md").contains("| build record | none |"));
    // A file that is no record does not prevent a report.
    place.write("runs/first/build.json", r#"{"option": "A", "peak_memory_bytes": 123}"#);
    place.run("report runs/first").succeeded();
    let markdown = place.read("runs/first/report.md");
    assert!(!markdown.contains("| build record | none |"), "{markdown}");
    assert!(markdown.contains("missing field"), "{markdown}");
    // As xtask has it: attempts, of which the simple fields are told and the timeline is drawn.
    let point = |at_ms: u64| {
        format!(
            r#"{{"at_ms": {at_ms}, "build_bytes": 1048576, "headroom_bytes": 1, "n_running": 2}}"#
        )
    };
    let attempt = format!(
        r#"{{"strategy": "a", "seconds": 7.5, "cargo_signal": null, "commands": ["cargo build"],
            "outcome": "built", "peak_bytes": 581959680,
            "details": [{{"timeline": [{}, {}]}}]}}"#,
        point(0),
        point(1500)
    );
    let record = format!(r#"{{"version": 1, "reason": "a fits", "attempts": [{attempt}]}}"#);
    place.write("record.json", record);
    place.run(&format!("launch --build-record record.json -- {STUDY}")).succeeded();
    assert_eq!(place.read("runs/first/build.json"), place.read("record.json"));
    let markdown = place.read("runs/first/report.md");
    assert!(markdown.contains("| build: reason | a fits |"), "{markdown}");
    let attempt = "| build: attempt 1 | option a, built, 7.5 s, peak 555 MiB, cargo build |";
    assert!(markdown.contains(attempt), "{markdown}");
    assert!(markdown.contains("![The build over time](figures/build.svg)"), "{markdown}");
    assert!(!markdown.contains("at_ms"), "{markdown}");
    assert!(place.path("runs/first/figures/build.png").exists());
    // A record that is not there is no reason not to run.
    let run = place.run(&format!("launch --build-record nothing.json -- {STUDY}")).succeeded();
    assert!(run.stderr.contains("the record of the build is not kept: cannot read nothing.json"));
}

#[test]
fn what_is_no_run_is_refused() {
    let place = Place::new();
    let refused = place.run("report nothing");
    assert_eq!(refused.code, Some(2));
    let message =
        "error: runs/nothing: is not the folder of a run: expected a settings.json in it\n";
    assert_eq!(refused.stderr, message);
    place.run(STUDY).succeeded();
    let html = place.read("runs/first/report.html");
    let journal = place.read("runs/first/journal.jsonl");
    place.write("runs/first/journal.jsonl", journal.replacen("\"n\":3", "\"n\":33", 1));
    let refused = place.run("report first");
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("journal.jsonl, line 2: "), "{}", refused.stderr);
    assert_eq!(place.read("runs/first/report.html"), html);
}
