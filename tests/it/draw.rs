use std::fs;

use serde_json::{Value, json};

use crate::cluster::json;
use crate::own_network::{copies_of_three_values, or_and_xor};
use crate::program::Place;

/// A place with the network of the paper in `net.json`.
fn place() -> Place {
    let place = Place::new();
    place.write("net.json", or_and_xor().to_string());
    place
}

#[test]
fn a_network_and_its_structure_are_drawn() {
    let place = place();
    let drawn = place.run("draw --network net.json --out figures").succeeded();
    assert_eq!(drawn.stdout, "figures/net.graph.svg\nfigures/net.structure.svg\n");
    let graph = place.read("figures/net.graph.svg");
    assert!(graph.contains("OR-AND-XOR: Φ = 1.916667 in state (1,0,0)"), "{graph}");
    assert!(graph.contains("severed by the MIP, {A,B} → {C}"), "{graph}");
    // Six connections, of which A → C and B → C are severed.
    assert_eq!(graph.matches("stroke-dasharray").count(), 2);
    assert!(graph.contains("<title>A: ON, in the system</title>"));
    assert!(graph.contains("<title>B: OFF, in the system</title>"));
    let structure = place.read("figures/net.structure.svg");
    assert!(structure.contains("6 concepts, Σφ = 1.666667"), "{structure}");
    assert!(structure.contains("φ of {A,B,C}: 0.500000"), "{structure}");
    assert!(structure.contains("effect φ 0.5000 by ∅/{C} × {A,B,C}/{A}"), "{structure}");

    // One file for both, in another state; without a loss nothing is severed.
    place.run("draw --network net.json --state 0,0,0 --out both.svg").succeeded();
    let both = place.read("both.svg");
    assert!(
        both.contains("in state (0,0,0)") && both.contains(">minimum information partitions<"),
        "{both}"
    );
    place.run("draw --network net.json --out both.png").succeeded();
    assert!(fs::read(place.path("both.png")).unwrap().starts_with(b"\x89PNG\r\n\x1a\n"));
    place.run("draw --network net.json --out both.pdf --dark").succeeded();
    assert!(fs::read(place.path("both.pdf")).unwrap().starts_with(b"%PDF-"));
}

/// The network of the figure, with its system {A,B} and the relations of the structure, as it
/// stands in the paper (Albantakis et al. 2023, Fig. 1, which truncates).
#[test]
fn a_structure_of_iit4_is_drawn_with_its_relations() {
    let place = Place::new();
    let network = include_str!("../../examples/networks/albantakis_2023_fig1.json");
    place.write("net.json", network);
    let drawn = place.run("draw net.json --formalism iit4-2023").succeeded();
    assert_eq!(drawn.stdout, "./net.graph.svg\n./net.structure.svg\n./net.lattice.svg\n");
    let graph = place.read("net.graph.svg");
    assert!(graph.contains("φ_s = 0.171863, Φ = 1.562686 in state (0,1,1)"), "{graph}");
    // Only A → B is severed of the connections; C is outside the system.
    assert_eq!(graph.matches("stroke-dasharray").count(), 2);
    let structure = place.read("net.structure.svg");
    assert!(structure.contains("3 distinctions, Σφ_d = 0.727763"), "{structure}");
    assert!(structure.contains("effect φ 0.0714 by {A}/{B} × {B}/{A}"), "{structure}");
    let lattice = place.read("net.lattice.svg");
    assert!(lattice.contains("7 relations, Σφ_r = 0.834924; Φ = 1.562686"), "{lattice}");
    for pole in [
        "cause of {A}: {B}=(0), φ = 0.825858; φ_d = 0.332728",
        "effect of {A,B}: {A,B}=(1,0), φ = 0.071440; φ_d = 0.071440",
    ] {
        assert!(lattice.contains(&format!("<title>{pole}</title>")), "{pole}: {lattice}");
    }
    // Every face that takes one purview of each distinction is a line, or an area.
    let asked = "compute net.json --formalism iit4-2023 --relations 99 --format json";
    let listed = json(place.run(asked));
    let (mut lines, mut areas) = (0, 0);
    for relation in listed["relations"].as_array().unwrap() {
        let faces = relation["faces"].as_array().unwrap();
        let has_both =
            |it: &&serde_json::Value| it["sides"].as_array().unwrap().iter().all(|it| it != "both");
        let n = faces.iter().filter(has_both).count();
        match relation["mechanisms"].as_array().unwrap().len() {
            1 => lines += 1,
            2 => lines += n,
            _ => areas += n,
        }
    }
    assert_eq!(lattice.matches("<polyline").count(), lines);
    assert_eq!(lattice.matches("stroke-opacity=\"0.00\"").count(), areas);
    assert!(lines > 3 && areas > 1);
}

#[test]
fn complexes_states_and_tables_are_drawn() {
    let place = place();
    place.run("draw net.json --show complexes,states,tpm,cm").succeeded();
    let complexes = place.read("net.complexes.svg");
    assert!(complexes.contains(">{A,B,C}: Φ = 1.916667</text>"), "{complexes}");
    let states = place.read("net.states.svg");
    assert!(states.contains("<title>100: Φ 1.916667</title>"), "{states}");
    assert!(states.contains("<title>010: Φ no state leads to it</title>"), "{states}");
    let tpm = place.read("net.tpm.svg");
    // OR of B and C, AND of A and C, XOR of A and B after the state (0,1,0).
    for (unit, value) in [("A", 1), ("B", 0), ("C", 1)] {
        assert!(tpm.contains(&format!("<title>010, {unit}: {value}</title>")), "{unit}: {tpm}");
    }
    assert!(place.read("net.cm.svg").contains("<title>A, A: 0</title>"));

    let refused = place.run("draw net.json --show lattice --out x");
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("--show lattice with iit3: expected"), "{}", refused.stderr);
    let (rows, cm) = (vec![[0.5; 7]; 128], vec![[1; 7]; 7]);
    let network = serde_json::json!({ "tpm": rows, "cm": cm, "state": vec![0; 7] });
    place.write("seven.json", network.to_string());
    let refused = place.run("draw seven.json --show states --out x");
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("states of 7 units: expected at most 6"), "{}", refused.stderr);
}

/// Fig. 12 of Oizumi et al. 2014: six concepts, and the two that the cut {A,B} → {C} leaves, whose
/// distance is Φ = 1.92. Mechanism, φ, cause and its φ, effect and its φ by PyPhi 1.2.0 (whose
/// transport solver has an error of up to 1e-6 here), read off the drawing.
#[test]
fn figure_12_of_the_paper_is_redrawn() {
    let place = Place::new();
    let network = include_str!("../../examples/networks/oizumi_2014_fig4.json");
    place.write("net.json", network);
    place.run("draw net.json --show graph,structure,partitioned").succeeded();
    let graph = place.read("net.graph.svg");
    assert!(graph.contains("Φ = 1.916667 in state (1,0,0)"), "{graph}");
    assert!(graph.contains("severed by the MIP, {A,B} → {C}"), "{graph}");
    let concepts: [(&str, f64, &str, f64, &str, f64); 6] = [
        ("{A,B,C}", 0.499999, "{A,B,C}", 0.499999, "{A,C}", 0.5),
        ("{B,C}", 0.333334, "{A,B}", 0.333334, "{A}", 0.5),
        ("{C}", 0.25, "{A,B}", 0.5, "{A,B}", 0.25),
        ("{A,B}", 0.25, "{A,B,C}", 0.25, "{C}", 0.5),
        ("{A}", 0.166667, "{B,C}", 0.166667, "{B}", 0.25),
        ("{B}", 0.166667, "{A,C}", 0.166667, "{A}", 0.25),
    ];
    check_concepts(&place.read("net.structure.svg"), &concepts);
    let partitioned = place.read("net.partitioned.svg");
    let title = "2 of 6 concepts are left by {A,B} → {C}; what is lost is Φ = 1.916667";
    assert!(partitioned.contains(title), "{partitioned}");
    check_concepts(&partitioned, &concepts[4..]);

    let refused = place.run("draw net.json --formalism iit4-2023 --show partitioned --out x");
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("--show partitioned under IIT 4.0"), "{}", refused.stderr);
    // What has no Φ has nothing to lose.
    place.run("draw net.json --state 0,0,0 --nodes A --show partitioned --out one.svg").succeeded();
    assert!(place.read("one.svg").contains("nothing is lost by severing connections: Φ = 0"));
}

/// The lines of a drawing of concepts, in its order: the dots by their titles, φ by that of the
/// bar, small φ by the words.
#[track_caller]
fn check_concepts(svg: &str, expected: &[(&str, f64, &str, f64, &str, f64)]) {
    let titles: Vec<&str> = svg.split("<title>").skip(2).map(|it| until(it, "</title>")).collect();
    // Three units: three dots each for cause, mechanism and effect, then the bar.
    let rows: Vec<&[&str]> = titles.chunks(10).collect();
    let words: Vec<&str> = svg.split(">cause φ ").skip(1).map(|it| until(it, "</text>")).collect();
    assert_eq!((rows.len(), words.len()), (expected.len(), expected.len()), "{svg}");
    let close = |text: &str, value: f64, within: f64| {
        let found: f64 = text.parse().unwrap();
        assert!((found - value).abs() < within, "{found}, expected {value}");
    };
    for ((row, words), it) in rows.iter().zip(words).zip(expected) {
        let (mechanism, phi, cause, cause_phi, effect, effect_phi) = *it;
        assert_eq!([row[0], row[3], row[6]], [cause, mechanism, effect]);
        close(row[9].rsplit(' ').next().unwrap(), phi, 2e-6);
        close(until(words, " "), cause_phi, 6e-5);
        close(until(words.split("effect φ ").nth(1).unwrap(), " "), effect_phi, 6e-5);
    }
}

fn until<'a>(text: &'a str, end: &str) -> &'a str {
    text.split(end).next().unwrap()
}

/// Each of the two units takes the value that the other one had.
#[test]
fn units_of_three_values_have_states_and_tables() {
    let place = Place::new();
    place.write("net.json", copies_of_three_values().to_string());
    for theory in ["iit3", "iit4-2023"] {
        let command = format!("draw net.json --formalism {theory} --show states,tpm,cm --force");
        place.run(&command).succeeded();
        let states = place.read("net.states.svg");
        let listed = "compute net.json --state all --phi-s-only --formalism iit4-2023";
        let listed = match theory {
            "iit3" => "compute net.json --state all",
            _ => listed,
        };
        let listed = json(place.run(&format!("{listed} --format json")));
        let listed = listed.as_array().unwrap();
        assert_eq!(listed.len(), 9);
        let (what, field) = if theory == "iit3" { ("Φ", "phi") } else { ("φ_s", "phi_s") };
        for it in listed {
            let digits: String =
                it["state"].as_array().unwrap().iter().map(|it| it.to_string()).collect();
            let value = it[field].as_f64().unwrap();
            let title = format!("<title>{digits}: {what} {value:.6}</title>");
            assert!(states.contains(&title), "{title}: {states}");
        }
        // Nine arrows, of which those of equal values lead back, and the ring of the present state.
        assert_eq!(states.matches("<polyline").count(), 9 + 1, "{states}");
    }
    let tpm = place.read("net.tpm.svg");
    assert!(tpm.contains("P(unit has this value) after each state"), "{tpm}");
    for (cell, value) in [("21, 0=1", 1), ("21, 0=2", 0), ("21, 1=2", 1), ("02, 0=2", 1)] {
        assert!(tpm.contains(&format!("<title>{cell}: {value}</title>")), "{cell}: {tpm}");
    }
    assert!(place.read("net.cm.svg").contains("<title>0, 1: 1</title>"));
    // Four units of three values have 81 states.
    let four = json!({
        "alphabet": [3, 3, 3, 3], "row_order": "first-unit-fastest", "state": [0, 0, 0, 0],
        "next": vec![[0; 4]; 81], "cm": vec![[1; 4]; 4],
    });
    place.write("four.json", four.to_string());
    let refused = place.run("draw four.json --show states --out x");
    assert!(
        refused.stderr.contains("states of 4 units: expected at most 64"),
        "{}",
        refused.stderr
    );
}

/// Names that would like to be more than text: elements, references, control sequences of a
/// terminal, letters that turn the direction of what follows, and very long ones.
pub(crate) fn hostile() -> Value {
    let mut network = or_and_xor();
    let name = "</script><script>window.hacked = 1</script>{{js}}&amp;\u{202e}".to_owned();
    network["name"] = (name + &"x".repeat(200)).into();
    let image = "<img src=x onerror='window.hacked=1'>&\u{202e}";
    network["labels"] = json!([image, "</text>\"&amp;\"<b>\u{2066}", "x".repeat(64)]);
    network
}

/// Every kind of picture, of both theories and of a transition, in every format.
#[test]
fn hostile_names_are_inert_in_every_picture() {
    let place = Place::new();
    place.write("good.json", or_and_xor().to_string());
    place.write("evil.json", hostile().to_string());
    let transition = "--causes --before 1,0,0 --after 0,0,1";
    let both = "structure,complexes,states,tpm,cm";
    let pictures = [
        format!("--show graph,partitioned,{both}"),
        format!("--formalism iit4-2023 --show graph,lattice,{both}"),
        transition.to_owned(),
    ];
    for picture in pictures {
        for name in ["good", "evil"] {
            let command = format!("draw {name}.json {picture} --force --out {name}");
            place.run(&format!("{command}.svg")).succeeded();
            place.run(&format!("{command}.pdf")).succeeded();
            place.run(&format!("{command}.png")).succeeded();
        }
        let (good, evil) = (place.read("good.svg"), place.read("evil.svg"));
        // As many elements of each kind as with good names, and nothing that turns or hides.
        for element in ["<", "<text", "</text>", "<title>", "<polyline", "<polygon", "<path"] {
            let count = |svg: &str| svg.matches(element).count();
            assert_eq!(count(&good), count(&evil), "{element} in {picture}");
        }
        for sign in ["<script", "<img", "<b>", "\u{202e}", "\u{2066}", "\u{1b}", "&amp;amp;amp;"] {
            assert!(!evil.contains(sign), "{sign:?} in {picture}");
        }
        assert!(evil.contains("&lt;img src="), "{picture}: {evil}");
        let pdf = fs::read(place.path("evil.pdf")).unwrap();
        let pdf = String::from_utf8_lossy(&pdf);
        assert!(pdf.starts_with("%PDF-") && !pdf.contains("<script"));
        for sign in ["/JavaScript", "/JS", "/URI", "/Launch", "/OpenAction"] {
            assert!(!pdf.contains(sign), "{sign} in {picture}");
        }
    }
    // What cannot be a name at all is refused where it is read, and said in one plain line.
    for name in ["x".repeat(200), "\u{1b}[31mred".to_owned(), "a\nb".to_owned()] {
        let mut network = or_and_xor();
        network["labels"] = json!([name, "B", "C"]);
        place.write("bad.json", network.to_string());
        for command in ["draw bad.json --out bad.svg", "explore bad.json --out bad.html"] {
            let refused = place.run(command);
            assert_eq!(refused.code, Some(2), "{}", refused.stderr);
            assert!(refused.stderr.contains("labels"), "{}", refused.stderr);
            let is_plain = |it: char| !it.is_control() || it == '\n';
            assert!(refused.stderr.chars().all(is_plain), "{:?}", refused.stderr);
            assert_eq!(refused.stderr.lines().count(), 1, "{:?}", refused.stderr);
        }
    }
}

#[test]
fn names_cannot_break_a_drawing() {
    let place = Place::new();
    let mut network = or_and_xor();
    network["name"] = "<script>alert(\"1\")</script>".into();
    network["labels"] = serde_json::json!(["</text>", "\"&\"", "C"]);
    place.write("net.json", network.to_string());
    place.run("draw --network net.json --out both.svg").succeeded();
    let svg = place.read("both.svg");
    assert!(svg.contains("&lt;script&gt;") && !svg.contains("<script"), "{svg}");
    assert!(svg.contains("&lt;/text&gt;") && svg.contains("&quot;&amp;&quot;"), "{svg}");
    let count = |what: &str| svg.matches(what).count();
    assert_eq!(count("<text "), count("</text>"));
    let all = "draw --network net.json --formalism iit4-2023 --out all.svg --show \
               graph,structure,lattice,complexes,states,tpm,cm";
    place.run(all).succeeded();
    let svg = place.read("all.svg");
    assert!(svg.contains("&lt;script&gt;") && !svg.contains("<script"), "{svg}");
    let count = |what: &str| svg.matches(what).count();
    assert_eq!(count("<text "), count("</text>"));
}

#[test]
fn what_exists_is_kept_and_what_is_wrong_is_said() {
    let place = place();
    place.write("net.graph.svg", "mine");
    let check = |arguments: &str, message: &str| {
        let refused = place.run(arguments);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.starts_with(&format!("error: {message}")), "{}", refused.stderr);
        assert_eq!(refused.stdout, "");
    };
    check("draw --network net.json", "./net.graph.svg: exists: pass --force");
    assert_eq!(place.read("net.graph.svg"), "mine");
    place.run("draw --network net.json --force").succeeded();
    assert!(place.read("net.graph.svg").contains("<svg"));
    place.write("two.json", format!("[{0}, {0}]", or_and_xor()));
    check("draw --network two.json --out one.svg", "output one.svg: the file has 2 networks");
    place.run("draw --network two.json --out two").succeeded();
    assert!(place.path("two/two-1.structure.svg").exists());
    check("draw --network nothing.json", "cannot read nothing.json: ");
    let message = "net.json: state: 2 entries, expected 3 (one per unit)";
    check("draw --network net.json --state 1,2 --out x", message);
    assert!(!place.path("x").exists());
}
