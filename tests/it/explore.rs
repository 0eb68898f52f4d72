//! The page of `phi explore`: what is in it, and, where there is a browser, what it does.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use phi_validation::model::dynamics::Rule;
use phi_validation::model::key::State;
use phi_validation::model::network::Network;
use phi_validation::model::topology::Topology;
use serde_json::{Value, json};
use tiny_skia::{IntRect, Pixmap};

use crate::draw::hostile;
use crate::own_network::{copies_of_three_values, dense, or_and_xor};
use crate::program::Place;

/// Returns the data that the script of a page reads.
fn data(page: &str) -> Value {
    let begin = "<script type=\"application/json\" id=\"data\">";
    let (_, rest) = page.split_once(begin).unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

fn without(mut answer: Value, fields: &[&str]) -> Value {
    for field in fields {
        answer.as_object_mut().unwrap().remove(*field);
    }
    answer
}

#[test]
fn every_number_of_a_page_is_that_of_the_program() {
    let place = Place::new();
    place.write("net.json", or_and_xor().to_string());
    let written = place.run("explore net.json").succeeded();
    assert_eq!(written.stdout, "net.html\n");
    assert!(written.stderr.contains("MiB, 8 states"), "{}", written.stderr);
    let page = place.read("net.html");
    assert!(page.contains("The above copyright notice and this permission notice"), "of three.js");
    let data = data(&page);
    assert_eq!(data["labels"], json!(["A", "B", "C"]));
    assert_eq!(data["states"][data["given"].as_u64().unwrap() as usize]["state"], json!([1, 0, 0]));
    let mut unreachable = 0;
    for state in data["states"].as_array().unwrap() {
        let bits: Vec<String> =
            state["state"].as_array().unwrap().iter().map(Value::to_string).collect();
        let answer = |flags: &str| {
            let finished =
                place.run(&format!("compute net.json --state {} {flags}", bits.join(",")));
            (finished.code == Some(0))
                .then(|| -> Value { serde_json::from_str(&finished.stdout).unwrap() })
        };
        let Some(iit3) = answer("--format json") else {
            unreachable += 1;
            assert!(state["iit3"]["error"].as_str().unwrap().contains("no previous state"));
            assert!(state["iit4"]["error"].as_str().unwrap().contains("no previous state"));
            continue;
        };
        // What is left out of the page, and what is only known where ties are asked for.
        let aside = ["partitioned_ces", "purview_ties", "range"];
        assert_eq!(without(state["iit3"].clone(), &aside), without(iit3, &aside));
        let iit4 = answer("--formalism iit4-2023 --relations 999 --format json").unwrap();
        let listed = state["iit4"]["relations"].as_array().unwrap();
        for relation in listed {
            let its = |it: &&Value| it["mechanisms"] == relation["mechanisms"];
            let found = iit4["relations"].as_array().unwrap().iter().find(its).unwrap();
            assert_eq!(without(found.clone(), &["faces"]), without(relation.clone(), &["faces"]));
        }
        let aside = ["relations", "n_small_relations", "sum_phi_r_by_degree"];
        assert_eq!(without(state["iit4"].clone(), &aside), without(iit4, &aside));
        let complexes = |flags: &str, fields: &[&str]| -> Value {
            let answer = answer(&format!("--complexes --format json {flags}")).unwrap();
            let some = |it: &Value| {
                let kept = fields.iter().map(|field| ((*field).to_owned(), it[*field].clone()));
                Value::Object(kept.collect())
            };
            answer["complexes"].as_array().unwrap().iter().map(some).collect()
        };
        assert_eq!(state["complexes"]["iit3"], complexes("", &["nodes", "phi"]));
        let fields = ["nodes", "phi_s", "big_phi"];
        assert_eq!(state["complexes"]["iit4"], complexes("--formalism iit4-2023", &fields));
    }
    assert_eq!(unreachable, 2);
}

#[test]
fn states_and_theories_are_chosen_and_files_kept() {
    let place = Place::new();
    place.write("net.json", or_and_xor().to_string());
    let pages = [
        ("--states given --formalism iit3", 1, json!(["iit3"])),
        ("--states reachable --formalism iit4-2026", 6, json!(["iit4"])),
        ("--states all", 8, json!(["iit3", "iit4"])),
    ];
    for (flags, n_states, theories) in pages {
        place.run(&format!("explore net.json --out page.html --force {flags}")).succeeded();
        let data = data(&place.read("page.html"));
        assert_eq!(data["states"].as_array().unwrap().len(), n_states, "{flags}");
        assert_eq!(data["theories"], theories, "{flags}");
    }
    let refused = |arguments: &str, message: &str| {
        let finished = place.run(arguments);
        assert_eq!(finished.code, Some(2), "{}", finished.stderr);
        assert!(finished.stderr.contains(message), "{}", finished.stderr);
    };
    refused("explore net.json --out page.html", "page.html: exists: pass --force");
    place.write("two.json", format!("[{0}, {0}]", or_and_xor()));
    refused("explore two.json", "two.json: 2 networks or states; expected one");
    let cm = vec![[1; 13]; 13];
    let rows = vec![[0.5; 13]; 1 << 13];
    let large = json!({ "tpm": rows, "cm": cm, "state": vec![0; 13] });
    place.write("large.json", large.to_string());
    let many = "explore large.json --states all --formalism iit4-2023";
    refused(many, "--states of 13 units: expected at most 4096");
    refused("explore net.json --formalism iit4-2023,iit4-2026 --out x", "expected one theory");
    refused("explore net.json --formalism iit3 --ties-policy pyphi --out x", "--ties-policy with");
}

#[test]
fn units_of_more_values_are_shown_with_their_value() {
    let place = Place::new();
    let network = copies_of_three_values();
    place.write("net.json", network.to_string());
    place.run("explore net.json --states all").succeeded();
    let data = data(&place.read("net.html"));
    assert_eq!(data["sizes"], json!([3, 3]));
    assert_eq!(data["states"].as_array().unwrap().len(), 9);
    let given = &data["states"][data["given"].as_u64().unwrap() as usize];
    let answer = place.run("compute net.json --formalism iit4-2023 --format json").succeeded();
    let answer: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert!(answer["phi_s"].as_f64().unwrap() > 0.0);
    for field in ["phi_s", "big_phi", "distinctions", "partition"] {
        assert_eq!(given["iit4"][field], answer[field], "{field}");
    }
    let answer = place.run("compute net.json --complexes --format json").succeeded();
    let answer: Value = serde_json::from_str(&answer.stdout).unwrap();
    let of = |found: &Value| -> Vec<(Value, Value)> {
        let all = found.as_array().unwrap().iter();
        all.map(|it| (it["nodes"].clone(), it["phi"].clone())).collect()
    };
    assert_eq!(of(&given["complexes"]["iit3"]), of(&answer["complexes"]));
    place.run("draw net.json --formalism iit4-2023 --out net.svg").succeeded();
    let svg = place.read("net.svg");
    assert!(svg.contains(">0=2</text>") && svg.contains("purviews: the value of each unit"));
}

#[test]
fn names_are_inert() {
    let place = Place::new();
    place.write("good.json", or_and_xor().to_string());
    place.write("evil.json", hostile().to_string());
    place.run("explore good.json").succeeded();
    place.run("explore evil.json").succeeded();
    let (good, evil) = (place.read("good.html"), place.read("evil.html"));
    for sign in ["<script", "</script", "<img", "onerror"] {
        let count = |page: &str| page.split("id=\"data\"").next().unwrap().matches(sign).count();
        assert_eq!(count(&good), count(&evil), "{sign}");
    }
    let json = |page: &str| page.split("id=\"data\">").nth(1).unwrap().split("</script>").count();
    assert_eq!(json(&good), json(&evil));
    assert!(!evil.contains('\u{202e}'));
}

/// Chromium, if it is here.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn chromium(place: &Place) -> Option<Command> {
    let browser = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|it| Command::new(it).arg("--version").output().is_ok_and(|it| it.status.success()));
    let Some(browser) = browser else {
        eprintln!("skipped: no Chromium here");
        return None;
    };
    let mut command = Command::new(browser);
    command
        .args(["--headless", "--no-sandbox", "--disable-dev-shm-usage", "--use-gl=angle"])
        .args(["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--hide-scrollbars"])
        .arg("--virtual-time-budget=20000")
        .arg(format!("--user-data-dir={}", place.path("browser").display()));
    Some(command)
}

/// Returns the DOM of the page on a phone, after a script has acted like a reader.
fn used(place: &Place, page: &str, acts: &str) -> Option<String> {
    let mut browser = chromium(place)?;
    let text = place.read(page).replace("</body>", &format!("<script>{{{acts}}}</script></body>"));
    place.write("used.html", text);
    // Windows are 500 pixels wide at least.
    browser.args(["--window-size=500,2100", "--dump-dom"]);
    let page = format!("file://{}", place.path("used.html").display());
    Some(String::from_utf8(browser.arg(page).output().unwrap().stdout).unwrap())
}

/// Returns the value of an element's attribute.
#[track_caller]
fn attribute<'a>(page: &'a str, name: &str) -> &'a str {
    let after = page.split(&format!("{name}=\"")).nth(1).unwrap_or_else(|| panic!("no {name}"));
    after.split('"').next().unwrap()
}

#[test]
fn a_page_is_used_in_a_browser() {
    let place = Place::new();
    place.write("net.json", or_and_xor().to_string());
    place.run("explore net.json").succeeded();
    // Unit C is switched, by mouse; then A by keyboard; a distinction is chosen.
    let acts = "document.querySelector('[data-unit=\"2\"]').dispatchEvent(new MouseEvent('click'));\
                const press = new KeyboardEvent('keydown', { key: 'Enter', bubbles: true });\
                document.querySelector('[data-unit=\"0\"]').dispatchEvent(press);\
                document.querySelector('#table button').click();\
                const range = document.getElementById('related'); range.value = 100;\
                range.dispatchEvent(new Event('input'));\
                document.documentElement.style.width = '390px';\
                window.dispatchEvent(new Event('resize'));\
                setTimeout(() => { document.body.dataset.wide = String(document.body.scrollWidth); \
                }, 5000);";
    let Some(page) = used(&place, "net.html", acts) else { return };
    assert!(page.contains("data-ready=\"true\"") && !page.contains("data-failures"), "{page}");
    assert!(page.contains("state <span id=\"now\">(0,0,1)</span>"));
    let answer = place.run("compute net.json --state 0,0,1 --format json").succeeded().stdout;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let phi = format!("Φ, IIT 3.0</span><strong>{:.6}</strong>", answer["phi"].as_f64().unwrap());
    assert!(page.contains(&phi), "{phi}");
    assert!(page.contains("aria-pressed=\"true\">{"), "a distinction is chosen");
    // The figure is there: something was drawn in three dimensions.
    assert!(page.contains("<canvas"), "no figure");
    // Nothing is wider than the phone.
    assert_eq!(attribute(&page, "data-wide"), "390");

    place.write("evil.json", hostile().to_string());
    place.run("explore evil.json").succeeded();
    let acts = "document.body.dataset.hacked = String(window.hacked);\
                document.documentElement.style.width = '390px';\
                window.dispatchEvent(new Event('resize'));\
                setTimeout(() => { document.body.dataset.wide = String(document.body.scrollWidth); \
                }, 5000);";
    let page = used(&place, "evil.html", acts).unwrap();
    assert!(page.contains("data-hacked=\"undefined\"") && !page.contains("data-failures"));
    assert_eq!(attribute(&page, "data-wide"), "390");
}

/// Where many causes and effects are close to each other, some of their names are not written, and
/// no two cover each other.
#[test]
fn names_in_three_dimensions_do_not_cover_each_other() {
    let place = Place::new();
    place.write("net.json", dense(5).to_string());
    place.run("explore net.json --states given --formalism iit3").succeeded();
    // Looked at when it rests: at first, and after a turn.
    let acts = "const look = (name) => { figure.rest(); const its = figure.names; \
                document.body.dataset[name] = JSON.stringify({ boxes: its.boxes.map((it) => \
                [it.left, it.right, it.top, it.bottom]), written: \
                its.mesh.geometry.drawRange.count / 6, all: figure.dots.filter((it) => it.name)\
                .length }); };\
                figure.resize(); look('first'); figure.controls.rotateLeft(1); look('turned');";
    let Some(page) = used(&place, "net.html", acts) else { return };
    assert!(!page.contains("data-failures"), "{page}");
    let mut seen = Vec::new();
    for name in ["data-first", "data-turned"] {
        let found: Value =
            serde_json::from_str(&attribute(&page, name).replace("&quot;", "\"")).unwrap();
        let boxes: Vec<Vec<f64>> = serde_json::from_value(found["boxes"].clone()).unwrap();
        assert_eq!(found["written"], boxes.len(), "{name}");
        assert!(boxes.len() > 5 && found["all"].as_u64().unwrap() > boxes.len() as u64, "{name}");
        for (k, a) in boxes.iter().enumerate() {
            for b in &boxes[..k] {
                let is_beside = a[0] >= b[1] || b[0] >= a[1] || a[2] >= b[3] || b[2] >= a[3];
                assert!(is_beside, "{name}: {a:?} {b:?}");
            }
        }
        seen.push(boxes);
    }
    assert_ne!(seen[0], seen[1], "it was turned");
}

/// While it is turned, a figure that takes long is drawn in part; what rests is whole.
#[test]
fn a_slow_figure_is_turned_in_part() {
    let place = Place::new();
    let rule = Rule::logistic(4.0);
    let network = Network::new(Topology::Dense.graph(5, 42), rule, State::new(5, 0));
    let cm = network.graph().connectivity();
    let network = json!({"tpm": network.tpm(), "cm": cm, "state": network.state().values()});
    place.write("net.json", network.to_string());
    place.run("explore net.json --states given --formalism iit4-2023").succeeded();
    // All relations of the page are shown; pictures come late, two in a row and alone.
    let acts = "const drawn = []; const draw = figure.draw; figure.draw = function (ease) { \
                draw.call(this, ease); drawn.push({ ratio: this.renderer.getPixelRatio(), lines: \
                this.lines.reduce((sum, it) => sum + it.line.geometry.instanceCount, 0), areas: \
                Math.min(this.areas.geometry.drawRange.count, \
                this.areas.geometry.attributes.position.count) / 3 }); };\
                const range = document.getElementById('related'); range.value = 0; \
                range.dispatchEvent(new Event('input')); figure.resize(); \
                const whole = drawn.at(-1), levels = []; const took = (time) => { figure.drewAt = \
                0; figure.changedAt = 0; figure.step(time); levels.push(figure.level); }; \
                figure.level = figure.slow = 0; [50, 20, 50, 50, 20, 50, 50, 50, 50].forEach(took);\
                figure.rest(); drawn.length = 0; figure.controls.rotateLeft(1); \
                const now = figure.changedAt; figure.step(now); figure.step(now + 100); \
                figure.step(now + 1000); document.body.dataset.drawn = JSON.stringify({ whole, \
                levels, drawn, shown: document.getElementById('shown').textContent });";
    let Some(page) = used(&place, "net.html", acts) else { return };
    assert!(!page.contains("data-failures"), "{page}");
    let found = attribute(&page, "data-drawn").replace("&quot;", "\"");
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found["levels"], json!([0, 0, 0, 1, 1, 1, 2, 2, 2]), "{found}");
    let state = &data(&place.read("net.html"))["states"][0]["iit4"];
    let n_listed = state["relations"].as_array().unwrap().len();
    let shown = format!("{n_listed} of {} relations", state["n_relations"]);
    assert!(found["shown"].as_str().unwrap().contains(&shown), "{found}");
    assert!(found["whole"]["lines"].as_u64().unwrap() > 600, "{found}");
    assert!(found["whole"]["areas"].as_u64().unwrap() > 150, "{found}");
    assert_eq!(found["whole"]["ratio"], 2);
    // One picture while it is turned, and one when it rests.
    let turned = json!({"ratio": 1, "lines": 200, "areas": 30});
    assert_eq!(found["drawn"], json!([turned, found["whole"]]));
}

/// A dot that is pointed at shows its description, and keys turn the figure.
#[test]
fn a_figure_is_pointed_at_and_turned_by_keys() {
    let place = Place::new();
    place.write("net.json", or_and_xor().to_string());
    place.run("explore net.json --states given --formalism iit4-2023").succeeded();
    let acts = "const plot = document.getElementById('plot'), canvas = \
                plot.querySelector('canvas'), tip = plot.querySelector('.tip'); figure.resize(); \
                const point = (dot) => { const box = canvas.getBoundingClientRect(), [x, y] = \
                figure.seen(dot); canvas.dispatchEvent(new PointerEvent('pointermove', \
                { pointerType: 'mouse', clientX: box.left + x, clientY: box.top + y })); return \
                tip.hidden ? null : tip.textContent; };\
                const told = figure.dots.map((it) => [it.said, point(it)]);\
                const from = () => figure.camera.position.toArray(); const press = (key) => { \
                plot.dispatchEvent(new KeyboardEvent('keydown', { key })); return from(); };\
                document.body.dataset.found = JSON.stringify({ told, from: [from(), \
                press('ArrowLeft'), press('ArrowUp'), press('+'), press('Home')], hidden: \
                tip.hidden });";
    let Some(page) = used(&place, "net.html", acts) else { return };
    assert!(!page.contains("data-failures"), "{page}");
    let found = attribute(&page, "data-found").replace("&quot;", "\"").replace("&amp;", "&");
    let found: Value = serde_json::from_str(&found).unwrap();
    let told = found["told"].as_array().unwrap();
    let answer = place.run("compute net.json --formalism iit4-2023 --format json").succeeded();
    let answer: Value = serde_json::from_str(&answer.stdout).unwrap();
    for distinction in answer["distinctions"].as_array().unwrap() {
        for side in ["cause", "effect"] {
            let phi = distinction[side]["phi"].as_f64().unwrap();
            let whole = distinction["phi_d"].as_f64().unwrap();
            let values = format!("φ = {phi:.6}, of the whole {whole:.6}");
            let is_told = |it: &&Value| {
                let said = it[1].as_str().unwrap();
                said.starts_with(side) && said.ends_with(&values)
            };
            assert!(told.iter().any(|it| is_told(&it)), "{side}: {values}: {told:?}");
        }
    }
    // What is behind another dot is not told.
    let n_own = told.iter().filter(|it| it[0] == it[1]).count();
    assert!(n_own > told.len() / 2 && told.iter().any(|it| it[1].to_string().contains("φ_r")));
    let from: Vec<Vec<f64>> = serde_json::from_value(found["from"].clone()).unwrap();
    let far = |a: &[f64]| a.iter().map(|it| it * it).sum::<f64>().sqrt();
    let apart = |a: usize, b: usize| {
        let between: Vec<f64> = from[a].iter().zip(&from[b]).map(|(a, b)| a - b).collect();
        far(&between)
    };
    assert!(apart(0, 1) > 0.1 && (from[0][2] - from[1][2]).abs() < 1e-9, "around: {from:?}");
    assert!(from[2][2] > from[1][2], "up: {from:?}");
    assert!(far(&from[3]) < far(&from[2]) - 0.1, "nearer: {from:?}");
    assert!(apart(4, 0) < 1e-9, "as at first: {from:?}");
    assert_eq!(found["hidden"], true, "what it says is not where the dot was");
}

/// The share of squares of 12 pixels whose mean colour differs by more than a twentieth.
fn differing(a: &Pixmap, b: &Pixmap) -> f64 {
    const SIDE: u32 = 12;
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let mean = |of: &Pixmap, left: u32, top: u32| {
        let mut sum = [0.0; 3];
        for (x, y) in (0..SIDE * SIDE).map(|k| (left + k % SIDE, top + k / SIDE)) {
            let it = of.pixel(x, y).unwrap();
            for (sum, it) in sum.iter_mut().zip([it.red(), it.green(), it.blue()]) {
                *sum += f64::from(it) / 255.0 / f64::from(SIDE * SIDE);
            }
        }
        sum
    };
    let (columns, rows) = (a.width() / SIDE, a.height() / SIDE);
    let places = (0..columns * rows).map(|k| (k % columns * SIDE, k / columns * SIDE));
    let differs = |(left, top): &(u32, u32)| {
        let (a, b) = (mean(a, *left, *top), mean(b, *left, *top));
        a.iter().zip(b).any(|(a, b)| (a - b).abs() > 0.05)
    };
    places.filter(differs).count() as f64 / f64::from(columns * rows)
}

/// The page of docs/pictures.md, wide and on a phone, compared with the pictures there: in squares,
/// so that the last pixel of a letter does not matter. Where the fonts are others, lines break
/// elsewhere, and nothing is compared. `PHI_SCREENSHOTS=write` makes the pictures anew.
#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn the_page_looks_as_in_the_documentation() {
    let place = Place::new();
    let network = include_str!("../../examples/networks/albantakis_2023_fig1.json");
    place.write("albantakis_2023_fig1.json", network);
    place.run("explore albantakis_2023_fig1.json").succeeded();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for (width, height) in [(1440, 1450), (390, 2100)] {
        let Some(mut browser) = chromium(&place) else { return };
        let shot = place.path(&format!("{width}.png"));
        // In a frame, since windows are 500 pixels wide at least.
        let style = format!("border: 0; width: {width}px; height: {height}px");
        let frame = format!("<iframe src=\"albantakis_2023_fig1.html\" style=\"{style}\">");
        place.write("frame.html", format!("<!doctype html><body style=\"margin: 0\">{frame}"));
        let out = browser
            .arg(format!("--window-size={},{height}", width.max(500)))
            .arg(format!("--screenshot={}", shot.display()))
            .arg(format!("file://{}", place.path("frame.html").display()))
            .output()
            .unwrap();
        assert!(out.status.success());
        let whole = Pixmap::load_png(&shot).unwrap();
        let part = whole.clone_rect(IntRect::from_xywh(0, 0, width, height).unwrap());
        part.unwrap().save_png(&shot).unwrap();
        let reference = docs.join(format!("explore-{width}.png"));
        if env::var("PHI_SCREENSHOTS").is_ok_and(|it| it == "write") {
            fs::copy(&shot, &reference).unwrap();
        }
        let found = Pixmap::load_png(&shot).unwrap();
        let expected = Pixmap::load_png(&reference).unwrap();
        assert_eq!((found.width(), found.height()), (width, height));
        // The heading has one line everywhere: if its letters differ, so do the fonts.
        let heading = |of: &Pixmap| of.clone_rect(IntRect::from_xywh(0, 0, 384, 60).unwrap());
        let (a, b) = (heading(&found).unwrap(), heading(&expected).unwrap());
        if differing(&a, &b) > 0.0 {
            eprintln!("not compared at {width} pixels: other fonts than in the documentation");
            continue;
        }
        let share = differing(&found, &expected);
        if share > 0.005 {
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("explore-{width}.png"));
            fs::copy(&shot, &kept).unwrap();
            panic!("{:.1} % of the page differ: see {}", 100.0 * share, kept.display());
        }
        // What is compared can tell pictures apart: without the lower half they differ.
        let mut without = found.clone();
        let paper = without.pixel(2, 2).unwrap();
        let from = without.pixels().len() / 2;
        without.pixels_mut()[from..].fill(paper);
        assert!(differing(&without, &expected) > 0.02);
    }
}
