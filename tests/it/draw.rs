use std::fs;

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
    assert!(both.contains("in state (0,0,0)") && both.contains("core cause"), "{both}");
    place.run("draw --network net.json --out both.png").succeeded();
    assert!(fs::read(place.path("both.png")).unwrap().starts_with(b"\x89PNG\r\n\x1a\n"));
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
