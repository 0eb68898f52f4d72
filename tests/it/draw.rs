use std::fs;

use crate::cluster::json;
use crate::own_network::or_and_xor;
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
