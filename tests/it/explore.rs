//! The page of `phi explore`: what is in it, and, where there is a browser, what it does.

use std::process::Command;

use serde_json::{Value, json};

use crate::own_network::{copies_of_three_values, or_and_xor};
use crate::program::Place;

/// What the script of a page reads.
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
    let data = data(&place.read("net.html"));
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
    place.run("draw net.json --formalism iit4-2023 --out net.svg").succeeded();
    let svg = place.read("net.svg");
    assert!(svg.contains(">0=2</text>") && svg.contains("purviews: the value of each unit"));
    let refused = place.run("draw net.json --show states --out x");
    assert!(refused.stderr.contains("--show states of units with more than two values"));
}

/// A network with names that would like to be more than text.
fn hostile() -> Value {
    let mut network = or_and_xor();
    network["name"] = "</script><script>window.hacked = 1</script>{{js}}\u{202e}".into();
    let image = "<img src=x onerror='window.hacked=1'>";
    network["labels"] = json!([image, "&amp;<b>\u{202e}", "x".repeat(64)]);
    network
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

/// What the page shows after it was used: a script like a reader, and then the page as it is.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn used(place: &Place, page: &str, acts: &str) -> Option<String> {
    let browser = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|it| Command::new(it).arg("--version").output().is_ok_and(|it| it.status.success()));
    let Some(browser) = browser else {
        eprintln!("skipped: no Chromium here");
        return None;
    };
    let text = place.read(page).replace("</body>", &format!("<script>{{{acts}}}</script></body>"));
    place.write("used.html", text);
    let out = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-dev-shm-usage", "--use-gl=angle"])
        .args(["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--dump-dom"])
        .arg("--virtual-time-budget=20000")
        .arg(format!("--user-data-dir={}", place.path("browser").display()))
        .arg(format!("file://{}", place.path("used.html").display()))
        .output()
        .unwrap();
    Some(String::from_utf8(out.stdout).unwrap())
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
                range.dispatchEvent(new Event('input'));";
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

    place.write("evil.json", hostile().to_string());
    place.run("explore evil.json").succeeded();
    let acts = "document.body.dataset.hacked = String(window.hacked);";
    let page = used(&place, "evil.html", acts).unwrap();
    assert!(page.contains("data-hacked=\"undefined\"") && !page.contains("data-failures"));
}
