use std::fs;

use serde_json::{Value, json};

use crate::program::{Finished, Place};

const EXAMPLES: &str = include_str!("../../pyphi-core/tests/fixtures/actual_causation_dev.json");

/// An OR and an AND gate, each with inputs from both: Fig. 6 of Albantakis et al. 2019.
fn or_and() -> Value {
    json!({
        "name": "OR-AND",
        "tpm": [[0, 0], [1, 0], [1, 0], [1, 1]],
        "cm": [[1, 1], [1, 1]],
        "labels": ["OR", "AND"],
        "before": [1, 0],
        "after": "10",
    })
}

fn causes(network: &Value, arguments: &str) -> Finished {
    Place::new().run_with_input(&format!("causes - {arguments}"), &network.to_string())
}

fn answer(network: &Value, arguments: &str) -> Value {
    let finished = causes(network, &format!("--format json {arguments}")).succeeded();
    serde_json::from_str(&finished.stdout).unwrap()
}

#[track_caller]
fn near(found: &Value, expected: &Value) {
    let [a, b] = [found, expected].map(|it| it.as_f64().expect("a number"));
    assert!((a - b).abs() <= 1e-9, "{a}, expected {b}");
}

/// The command line gives what the golden records have, from the file and from flags.
#[test]
fn accounts_are_the_golden_ones() {
    let examples: Value = serde_json::from_str(EXAMPLES).unwrap();
    let goldens: Vec<&Value> = examples["accounts"].as_array().unwrap().iter().take(24).collect();
    let fields = ["name", "tpm", "cm", "before", "after", "cause", "effect"];
    let networks: Vec<Value> = goldens
        .iter()
        .map(|golden| fields.iter().map(|&it| (it.to_owned(), golden[it].clone())).collect())
        .collect();
    let answers = answer(&Value::from(networks.clone()), "");
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), goldens.len());
    for (answer, golden) in answers.iter().zip(&goldens) {
        near(&answer["sum_alpha"], &golden["sum_alpha"]);
        let links = answer["links"].as_array().unwrap();
        assert_eq!(links.len(), golden["links"].as_array().unwrap().len());
        for (link, golden) in links.iter().zip(golden["links"].as_array().unwrap()) {
            near(&link["alpha"], &golden["alpha"]);
            for field in ["direction", "mechanism", "purviews"] {
                assert_eq!(link[field], golden[field]);
            }
            let n_purviews = link["purviews"].as_array().unwrap().len();
            assert_eq!(link["undetermined"], n_purviews > 1);
        }
        for of in ["bi", "cause", "effect"] {
            if let Some(golden) = golden.get("account_irreducibility") {
                near(&answer["account_irreducibility"][of]["A"], &golden[of]["A"]);
            }
        }
    }
    // The same by flags.
    let mut first = networks[5].clone();
    let flag = |field: &str| {
        let list = goldens[5][field].as_array().unwrap().iter().map(Value::to_string);
        format!("--{field} {}", list.collect::<Vec<_>>().join(","))
    };
    for field in ["before", "after", "cause", "effect"] {
        first.as_object_mut().unwrap().remove(field);
    }
    let flags = ["before", "after", "cause", "effect"].map(flag).join(" ");
    assert_eq!(answer(&first, &flags), answers[5]);
}

#[test]
fn an_account_is_shown() {
    let shown = causes(&or_and(), "").succeeded().stdout;
    let expected = "\
OR-AND
from {OR=1,AND=0} to {OR=1,AND=0}, probability 1
states (1,0) and (1,0), background fixed, partitions all
𝒜 = 0.169925, lost by severing OR → AND, AND → OR
𝒜 of the causes 0.169925, of the effects 0

5 causal links, Σα = 1.830075
occurrence       cause or effect  α         ρ         partition
{OR=1}        ←  {OR=1}           0.415037  0.415037  {OR}/∅ × ∅/{OR}
{AND=0}       ←  {AND=0}          0.415037  0.415037  {AND}/∅ × ∅/{AND}
{OR=1,AND=0}  ←  {OR=1,AND=0}     0.169925  1.000000  {OR}/{OR} × {AND}/{AND}
{OR=1}        →  {OR=1}           0.415037  0.415037  {OR}/∅ × ∅/{OR}
{AND=0}       →  {AND=0}          0.415037  0.415037  {AND}/∅ × ∅/{AND}
";
    assert_eq!(shown, expected);

    // Every candidate, with the sign of what is lost.
    let shown = causes(&or_and(), "--candidates").succeeded().stdout;
    assert!(shown.contains("\n18 candidates\n"), "{shown}");
    let line = "{OR=1}        →  {AND=0}       0         -0.584963  -0.584963\n";
    assert!(shown.contains(line), "{shown}");
    let both = answer(&or_and(), "--candidates");
    assert_eq!(both["candidates"].as_array().unwrap().len(), 18);

    // Fig. 7A: it is undetermined which input is the cause.
    let or = json!({
        "tpm": [[0, 0, 0], [0, 0, 1], [0, 0, 1], [0, 0, 1], [0, 0, 0], [0, 0, 1], [0, 0, 1],
                [0, 0, 1]],
        "cm": [[0, 0, 1], [0, 0, 1], [0, 0, 0]],
        "before": [1, 1, 0], "after": [0, 0, 1], "cause": [0, 1], "effect": [2],
    });
    let shown = causes(&or, "").succeeded().stdout;
    assert!(shown.contains("{2=1}       ←  {0=1} or {1=1}   0.415037"), "{shown}");
    assert!(shown.contains("or: undetermined, these have the same α\n"), "{shown}");
}

#[test]
fn the_nexus_and_events_are_found() {
    let shown = causes(&or_and(), "--nexus").succeeded().stdout;
    let expected = "\
OR-AND
from (1,0) to (1,0), background fixed, partitions all
3 parts with 𝒜 > 0, the causal nexus first
𝒜         causes        effects
2.000000  {OR=1}        {OR=1}
2.000000  {AND=0}       {AND=0}
0.169925  {OR=1,AND=0}  {OR=1,AND=0}
";
    assert_eq!(shown, expected);
    assert_eq!(answer(&or_and(), "--nexus")["nexus"][0]["cause"], json!([0]));

    // The complex is found, or given.
    let found = answer(&or_and(), "--next 10");
    assert_eq!(found["nodes"], json!([0, 1]));
    assert!(found["phi"].as_f64().unwrap() > 0.0);
    assert_eq!(found["events"].as_array().unwrap().len(), 2);
    let given = answer(&or_and(), "--next 10 --nodes OR");
    assert_eq!(given["nodes"], json!([0]));
    assert_eq!(given["events"].as_array().unwrap().len(), 1);
    let extrinsic = answer(&or_and(), "--next 10 --nodes OR --extrinsic");
    assert_eq!(extrinsic["events"][0]["effect"]["purviews"], json!([[0]]));
    let shown = causes(&or_and(), "--next 10 --nodes OR --extrinsic").succeeded().stdout;
    assert!(shown.contains("1 extrinsic event\n"), "{shown}");
}

/// Several transitions of one network; what is wrong with one of them stands in its place.
#[test]
fn transitions_come_in_lists() {
    let mut network = or_and();
    network["transitions"] = json!([
        {},
        {"cause": ["OR"], "effect": ["OR"]},
        {"after": [1, 1]},
        {"before": [1]},
    ]);
    let finished = causes(&network, "--format json");
    assert_eq!(finished.code, Some(3), "{}", finished.stderr);
    let answers: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(answers[0]["sum_alpha"], answer(&or_and(), "")["sum_alpha"]);
    assert_eq!(answers[1]["account_irreducibility"]["bi"]["A"], 2.0);
    let impossible = "standard input: transitions[2]: after: unit AND has probability 0 of being \
                      1 after (1,0), expected a state that can follow";
    assert_eq!(
        answers[2],
        json!({
            "name": "OR-AND", "record": 0, "transition": 2, "error": impossible
        })
    );
    let error = answers[3]["error"].as_str().unwrap();
    assert!(error.contains("before: state: 1 entries, expected 2"), "{error}");
    let message = "2 of 4 networks have no answer";
    assert!(finished.stderr.contains(message), "{}", finished.stderr);
}

#[test]
fn what_is_wrong_is_said() {
    let check = |network: &Value, arguments: &str, message: &str| {
        let refused = causes(network, arguments);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(message), "{}", refused.stderr);
        assert_eq!(refused.stdout, "");
    };
    let unreachable = "standard input: after: unit AND has probability 0 of being 1 after (1,0)";
    check(&or_and(), "--after 11", unreachable);
    check(&or_and(), "--before 1", "before: state: 1 entries, expected 2 (one per unit)");
    check(&or_and(), "--before 1,2", "--before: state \"1,2\": expected a 0 or 1");
    check(&or_and(), "--cause X", "cause: no unit \"X\", expected one of OR, AND");
    check(&or_and(), "--effect 0,0", "effect: unit 0 is named twice");
    check(&or_and(), "--effect 2", "effect: unit 2, expected a unit from 0 to 1");
    check(&or_and(), "--state 10", "--state with a transition: expected --before and --after");
    check(&or_and(), "--scheme most", "\"most\", expected all, tri or bi");
    check(&or_and(), "--nexus --cause OR", "--cause or --effect with --nexus or --next");
    let mut network = or_and();
    network.as_object_mut().unwrap().remove("after");
    check(&network, "", "after: missing, expected a state of the network");
    network["transitions"] = json!([{"befor": [1, 0]}]);
    check(&network, "", "transitions[0]: unknown field \"befor\", perhaps for \"before\"");
    network["transitions"] = json!([]);
    check(&network, "", "transitions: none, expected at least one");
    // A question about one state still needs one.
    let refused = Place::new().run_with_input("compute -", &or_and().to_string());
    assert!(refused.stderr.contains("state: missing"), "{}", refused.stderr);
}

#[test]
fn an_account_is_drawn() {
    let place = Place::new();
    let mut network = or_and();
    network["name"] = "<script>alert(\"1\")</script>".into();
    network["labels"] = json!(["</text>", "\"&\""]);
    place.write("net.json", network.to_string());
    let drawn = place.run("draw net.json --causes --out figures").succeeded();
    assert_eq!(drawn.stdout, "figures/net.account.svg\n");
    let svg = place.read("figures/net.account.svg");
    assert!(svg.contains("&lt;script&gt;") && !svg.contains("<script"), "{svg}");
    assert!(svg.contains("&lt;/text&gt;") && svg.contains("&quot;&amp;&quot;"), "{svg}");
    let count = |what: &str| svg.matches(what).count();
    assert_eq!(count("<text "), count("</text>"));
    assert!(svg.contains("5 causal links, Σα = 1.830075, irreducibility 0.169925"), "{svg}");
    // A line for each unit of an occurrence and of its cause or effect.
    assert_eq!(count("<polyline"), 4 * 2 + 4);
    assert!(svg.contains("=1} ← {") && svg.contains("α = 0.415037</title>"), "{svg}");

    place.run("draw net.json --causes --cause 0 --out one.png").succeeded();
    assert!(fs::read(place.path("one.png")).unwrap().starts_with(b"\x89PNG\r\n\x1a\n"));
    let refused = place.run("draw net.json --before 10 --out x");
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("a transition without --causes"), "{}", refused.stderr);
}

/// p53-Mdm2 of Gomez et al. 2021: P has three values.
fn p53() -> Value {
    json!({
        "name": "p53-Mdm2",
        "labels": ["P", "Mc", "Mn"],
        "alphabet": [3, 2, 2],
        "values": [["none", "some", "much"], ["0", "1"], ["0", "1"]],
        "row_order": "first-unit-fastest",
        "next": [[2, 0, 1], [2, 0, 0], [2, 1, 0], [2, 0, 1], [2, 0, 1], [2, 1, 1],
                 [0, 0, 1], [0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 1, 1]],
        "before": ["much", 0, 1],
        "after": "010",
    })
}

#[test]
fn units_have_any_number_of_values() {
    let examples: Value = serde_json::from_str(EXAMPLES).unwrap();
    let goldens: Vec<&Value> = examples["kary"].as_array().unwrap().iter().take(12).collect();
    let of_golden = |golden: &&Value| {
        let fields = ["name", "alphabet", "tpm", "cm", "before", "after", "cause", "effect"];
        let fields = fields.iter().map(|&it| (it.to_owned(), golden[it].clone()));
        let order = ("row_order".to_owned(), json!("first-unit-fastest"));
        fields.chain([order]).collect::<Value>()
    };
    let answers = answer(&goldens.iter().map(of_golden).collect::<Value>(), "");
    for (answer, golden) in answers.as_array().unwrap().iter().zip(&goldens) {
        near(&answer["sum_alpha"], &golden["sum_alpha"]);
        assert_eq!(answer["alphabet"], golden["alphabet"]);
        let links = answer["links"].as_array().unwrap();
        assert_eq!(links.len(), golden["links"].as_array().unwrap().len());
        for (link, golden) in links.iter().zip(golden["links"].as_array().unwrap()) {
            near(&link["alpha"], &golden["alpha"]);
            assert_eq!(link["purviews"], golden["purviews"]);
        }
    }

    // Values by their names, from the file and from flags.
    let shown = causes(&p53(), "").succeeded().stdout;
    assert!(shown.contains("from {P=much,Mc=0,Mn=1} to {P=none,Mc=1,Mn=0}"), "{shown}");
    assert!(shown.contains("states (much,0,1) and (none,1,0)"), "{shown}");
    let by_name = answer(&p53(), "");
    assert_eq!(by_name["before"], json!([2, 0, 1]));
    assert_eq!(by_name["values"][0], json!(["none", "some", "much"]));
    let mut without = p53();
    without.as_object_mut().unwrap().remove("before");
    for before in ["2,0,1", "201", "much,0,1"] {
        assert_eq!(answer(&without, &format!("--before {before}")), by_name);
    }
    let nexus = causes(&p53(), "--nexus").succeeded().stdout;
    assert!(nexus.contains("from (much,0,1) to (none,1,0)"), "{nexus}");
    let events = causes(&p53(), "--nodes P,Mn,Mc --next much,0,1").succeeded().stdout;
    assert!(events.contains("states (much,0,1), (none,1,0), (much,0,1)"), "{events}");

    let check = |arguments: &str, message: &str| {
        let refused = causes(&p53(), arguments);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(message), "{}", refused.stderr);
    };
    let expected = "expected a value from 0 to 2, or one of none, some, much, found \"3\"";
    check("--before 301", &format!("--before: state[0]: {expected}"));
    check("--before 20", "--before: state: 2 entries, expected 3 (one per unit)");
    check("--after 110", "after: unit P has probability 0 of being 1 after (2,0,1)");

    // Of several networks the error says which one.
    let several = causes(&json!([p53(), p53()]), "--nodes P,Mn,Mc --next much,0,2").stdout;
    assert!(several.contains("record 1 (p53-Mdm2): --next: state[2]: "), "{several}");

    // A drawing says the values.
    let place = Place::new();
    place.write("p53.json", p53().to_string());
    place.run("draw p53.json --causes --out account.svg").succeeded();
    let svg = place.read("account.svg");
    assert!(svg.contains(">P=much</text>") && svg.contains(">P=none</text>"), "{svg}");
    assert!(svg.contains("empty: the first value of the unit"), "{svg}");
}
