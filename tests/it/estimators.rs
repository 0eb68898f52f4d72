//! The estimators against an independent slow program, and by the laws that tie them together.

use std::sync::Arc;

use phi_validation::Registry;
use phi_validation::engine::exact::Engine;
use phi_validation::estimate::{Case, Estimator, Reads};
use phi_validation::model::formalism::Formalism;
use phi_validation::model::key::State;
use phi_validation::model::network::{Network, Tables};
use phi_validation::model::seeded::SeededStream;
use serde_json::Value;

use crate::program::Place;

/// Values of networks of 2 to 6 units; see `fixtures/README.md`.
const GOLDEN: &str = include_str!("../fixtures/estimators.json");
/// The estimators of the fixture that are known less well than to 1e-9.
const ROUGH: [(&str, f64); 1] = [("phi-g", 1e-7)];

fn engine() -> Engine {
    Engine::new(1, Default::default()).unwrap()
}

fn network(tpm: Vec<Vec<f64>>, cm: Vec<Vec<u8>>, state: &[u8]) -> Network {
    Network::own(Arc::new(Tables::new(tpm, cm).unwrap()), State::of(state))
}

#[test]
fn all_estimators_have_the_values_of_the_slow_program() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let seed = golden["seed"].as_u64().unwrap();
    let (engine, registry) = (engine(), Registry::default());
    let mut n_values = 0;
    let mut wrong = Vec::new();
    for record in golden["networks"].as_array().unwrap() {
        let field = |name: &str| record[name].clone();
        let network = network(
            serde_json::from_value(field("tpm")).unwrap(),
            serde_json::from_value(field("cm")).unwrap(),
            &serde_json::from_value::<Vec<u8>>(field("state")).unwrap(),
        );
        let case = Case::new(&network, &engine);
        for (name, expected) in record["values"].as_object().unwrap() {
            let Some(expected) = expected.as_f64() else { continue };
            let rough = ROUGH.iter().find(|it| it.0 == name);
            let tolerance = rough.map_or(1e-9, |it| it.1);
            let found = case.value(registry.get(name).unwrap(), seed).unwrap();
            n_values += 1;
            if (found - expected).abs() > tolerance * expected.max(1.0) {
                wrong.push(format!("{}, {name}: {found}, expected {expected}", record["name"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Of the largest networks some were not computed.
    assert!(n_values > 58 * 19, "{n_values} values");
}

/// A network of random tables, some of whose connections are missing, in a random state.
fn random(n: usize, seed: u64) -> Network {
    let mut stream = SeededStream::new("test of estimators v1", &[n as u64, seed]);
    let mut draw = || (stream.next_u64() >> 11) as f64 * (f64::EPSILON / 2.0);
    let cm: Vec<Vec<u8>> =
        (0..n).map(|_| (0..n).map(|_| u8::from(draw() < 0.7)).collect()).collect();
    // A third of the units are deterministic, a third noisy, the rest are nearly certain.
    let tpm = (0..1 << n).map(|_| (0..n).map(|_| draw()).collect()).collect::<Vec<Vec<f64>>>();
    let kinds: Vec<f64> = (0..n).map(|_| draw()).collect();
    let tpm = tpm.into_iter().map(|row| {
        let of = |(p, kind): (f64, &f64)| match kind {
            kind if *kind < 0.33 => f64::from(u8::from(p < 0.5)),
            kind if *kind < 0.67 => p,
            _ => p.powi(9),
        };
        row.into_iter().zip(&kinds).map(of).collect()
    });
    let network = network(tpm.collect(), cm, &vec![0; n]);
    let reachable = network.reachable();
    let first = (draw() * f64::from(1 << n)) as usize;
    let state = (0..1 << n).map(|it| (first + it) % (1 << n)).find(|it| reachable[*it]).unwrap();
    network.in_state(State::new(n, state as u32))
}

#[test]
fn the_information_measures_bound_each_other() {
    let (engine, registry) = (engine(), Registry::default());
    for (n, seed) in (2..=4).flat_map(|n| (0..40).map(move |seed| (n, seed))) {
        let network = random(n, seed);
        let case = Case::new(&network, &engine);
        let of = |name: &str| case.value(registry.get(name).unwrap(), 42).unwrap();
        let is_ordered =
            |names: &[&str]| names.windows(2).all(|pair| of(pair[0]) <= of(pair[1]) + 1e-12);
        for names in [["phi-wms", "si", "si-atomic"], ["phi-wms", "ei", "ei"]] {
            assert!(is_ordered(&names), "n = {n}, seed {seed}: {names:?}");
        }
        // It takes long, and is known to 1e-9.
        let bound = of("si").min(of("ei")) + 1e-8;
        assert!(n > 3 || of("phi-g") <= bound, "n = {n}, seed {seed}: phi-g {}", of("phi-g"));
        for name in ["phi-wms", "phi-star", "mi", "te", "tc", "phi2", "coalition", "d2"] {
            assert!(of(name) >= 0.0, "n = {n}, seed {seed}: {name} {}", of(name));
        }
        let reachable = network.reachable().into_iter().filter(|it| *it).count();
        assert!(of("d1") >= reachable as f64, "averaging only blurs: n = {n}, seed {seed}");
    }
}

#[test]
fn the_bounds_on_phi_hold_and_are_phi_for_three_units() {
    let (engine, registry) = (engine(), Registry::default());
    let mut n_positive = 0;
    for (n, seed) in (2..=4).flat_map(|n| (0..30).map(move |seed| (n, seed))) {
        let network = random(n, seed);
        let phi = engine.solve(&network, Formalism::Iit3, 0, "random").unwrap().phi;
        let case = Case::new(&network, &engine);
        let of = |name: &str| case.value(registry.get(name).unwrap(), 42).unwrap();
        let (few, one, ci) = (of("few-cuts"), of("cut-one"), of("ci"));
        let place = format!("n = {n}, seed {seed}: Φ {phi}, few {few}, one {one}, ci {ci}");
        assert!(one >= few - 1e-9 && few >= phi - 1e-9, "{place}");
        // Not a law, but exceptions are rare.
        assert!(ci >= phi - 1e-9, "{place}");
        assert!(n > 3 || ((one - phi).abs() < 1e-9 && (few - phi).abs() < 1e-9), "{place}");
        // All cuts are among those that it looks at.
        assert!((of("pair-cuts") - phi).abs() < 1e-9, "{place}");
        n_positive += usize::from(phi > 0.0);
    }
    assert!(n_positive > 30, "{n_positive}");
}

/// The same network, with unit `i` called `order[i]`.
fn renumbered(network: &Network, order: &[usize]) -> Network {
    let n = order.len();
    let (tpm, cm, state) = (network.tpm(), network.connectivity(), network.state().values());
    let to = |x: usize| (0..n).fold(0, |y, i| y | (x >> i & 1) << order[i]);
    let (mut new_tpm, mut new_cm) = (tpm.clone(), cm.clone());
    let mut new_state = state.clone();
    for i in 0..n {
        new_state[order[i]] = state[i];
        for j in 0..n {
            new_cm[order[i]][order[j]] = cm[i][j];
        }
        for x in 0..1 << n {
            new_tpm[to(x)][order[i]] = tpm[x][i];
        }
    }
    self::network(new_tpm, new_cm, &new_state)
}

#[test]
fn numbers_of_units_and_states_do_not_matter_where_they_should_not() {
    let (engine, registry) = (engine(), Registry::default());
    // What is of IIT 3.0 changes with the numbering where core causes or effects tie.
    let depends = |it: &&dyn Estimator| {
        ["hdc", "lz"].contains(&it.name()) || it.about().unit == "φ · bit flips"
    };
    // What is a minimum to 1e-9 takes long for four units.
    let is_known = |it: &&dyn Estimator| it.name() != "phi-g";
    for seed in 0..20 {
        let network = random(4, seed);
        let other = renumbered(&network, &[2, 0, 3, 1]);
        let state: Vec<u8> = network.state().values().iter().map(|it| 1 - it).collect();
        let elsewhere = network.in_state(State::of(&state));
        let [case, other, elsewhere] =
            [&network, &other, &elsewhere].map(|it| Case::new(it, &engine));
        for estimator in registry.iter().filter(|it| !depends(it) && is_known(it)) {
            let of = |case: &Case| case.value(estimator, 42).unwrap();
            let is_same = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(1.0);
            let (name, value) = (estimator.name(), of(&case));
            assert!(is_same(value, of(&other)), "seed {seed}: {name} {value}, {}", of(&other));
            if estimator.about().reads < Reads::State {
                assert_eq!(value, of(&elsewhere), "seed {seed}: {name} reads the state");
            }
        }
    }
}

#[test]
fn a_leaderboard_goes_on_and_overwrites_nothing_of_others() {
    let place = Place::new();
    place.write(
        "few.toml",
        "seeds = 42\ntie_orders = 0\n[[networks]]\nfamily = \"tables\"\nsizes = [2, 3]\n\
         count = 6\n",
    );
    let arguments = "leaderboard --suites few.toml --estimators te,si,d1 --run board";
    let finished = place.phi(arguments).succeeded();
    assert!(finished.stdout.contains("few r / ρ"), "{}", finished.stdout);
    let board = place.json("runs/board/leaderboard.json");
    // What is there is not computed again, and what is of another program is not overwritten.
    let again = place.phi(&format!("{arguments} --format json")).succeeded();
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    let rs = |board: &Value| board["judgements"][0]["estimators"]["te"]["r"].clone();
    assert_eq!(rs(&again), rs(&board));
    place.write("runs/board/leaderboard.md", "# My notes\n");
    let refused = place.phi(arguments);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert_eq!(place.read("runs/board/leaderboard.md"), "# My notes\n");
    std::fs::create_dir_all(place.path("runs/mine/figures")).unwrap();
    place.write("runs/mine/figures/te-0.svg", "my figure");
    let refused = place.phi("leaderboard --suites few.toml --run mine");
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("is there without a leaderboard"), "{}", refused.stderr);
    assert_eq!(place.read("runs/mine/figures/te-0.svg"), "my figure");
    let in_a_run = place.phi("leaderboard --suites few.toml --runs runs/board --run few");
    assert_eq!(in_a_run.code, Some(2));
    assert!(in_a_run.stderr.contains("is the folder of a run"), "{}", in_a_run.stderr);
    for name in ["figures", "leaderboard.html", "settings.json"] {
        std::fs::copy(place.path("few.toml"), place.path(&format!("{name}.toml"))).unwrap();
        let taken = place.phi(&format!("leaderboard --suites {name}.toml --run new"));
        let expected = format!("suite {name}: the leaderboard has something of its own");
        assert!(taken.code == Some(2) && taken.stderr.contains(&expected), "{}", taken.stderr);
    }
    assert!(!place.path("runs/new").exists());
    let twice = place.phi("leaderboard --suites few.toml,./few.toml");
    assert_eq!(
        (twice.code, twice.stderr.as_str()),
        (Some(2), "error: two suites of the name few\n")
    );
}

#[test]
fn every_estimate_of_a_run_is_in_its_csv() {
    let place = Place::new();
    let study = "study --topologies Ring,Star --sizes 3,4 --seeds 1,2 --estimators te,si,d1";
    place.phi(&format!("{study} --out x.csv")).succeeded();
    place.phi(&format!("{study} --run x")).succeeded();
    let untimed = |csv: &str| -> Vec<Vec<String>> {
        let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<String>>();
        let mut rows: Vec<Vec<String>> = csv.lines().map(cells).collect();
        rows.iter_mut().for_each(|row| drop(row.remove(7)));
        rows
    };
    let csv = place.read("x.csv");
    assert_eq!(untimed(&csv), untimed(&place.read("runs/x/results.csv")));
    let rows = untimed(&csv);
    // The first is that of the rows, the others are in alphabetical order.
    assert_eq!(rows[0][3..], ["phi_hdc", "phi_exact", "error", "relative_error", "d1", "si"]);
    let journal = place.read("x.journal.jsonl");
    let entries = journal.lines().map(|it| serde_json::from_str::<Value>(it).unwrap());
    let entries: Vec<Value> = entries.filter(|it| it["kind"] == "comparison").collect();
    assert_eq!((entries.len(), rows.len()), (8, 9));
    for (row, entry) in rows[1..].iter().zip(&entries) {
        for (column, name) in [(3, "te"), (7, "d1"), (8, "si")] {
            let found: f64 = row[column].parse().unwrap();
            assert_eq!(found, entry["estimates"][name].as_f64().unwrap(), "{name}");
        }
    }

    // A file that an earlier version wrote, with one estimate a row, is written anew.
    let narrow = |csv: &str, n: usize| -> String {
        csv.lines().take(n).map(|it| it.rsplitn(3, ',').nth(2).unwrap().to_owned() + "\n").collect()
    };
    for n in [1, 5, 9] {
        for name in ["x.csv", "runs/x/results.csv"] {
            let whole = place.read(name);
            place.write(name, narrow(&whole, n));
            let goes_on = if name == "x.csv" { "--out x.csv --resume" } else { "--run x" };
            place.phi(&format!("{study} {goes_on}")).succeeded();
            assert_eq!(place.read(name), whole, "{name}, {n} lines");
        }
    }
    // But not one whose numbers are others.
    place.write("x.csv", narrow(&csv, 5).replacen("Ring,3,1,", "Ring,3,1,9", 1));
    let refused = place.phi(&format!("{study} --out x.csv --resume"));
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("x.csv, line "), "{}", refused.stderr);
}

#[test]
fn exact_values_may_be_those_of_the_major_complex() {
    let place = Place::new();
    let suite = "seeds = 1\ntie_orders = 0\n[[networks]]\nfamily = \"threshold\"\n\
                 sizes = [3, 4]\ncount = 6\n";
    place.write("few.toml", suite);
    place.write("major.toml", format!("exact = \"major-complex\"\n{suite}"));
    let board = "leaderboard --suites few.toml --estimators te,ci --quiet";
    place.phi(&format!("{board} --exact major-complex --run one")).succeeded();
    // A run of other settings is another run.
    assert_eq!(place.phi(&format!("{board} --run one")).code, Some(2));
    place.phi("study --suite major.toml --estimators te,ci --run major --quiet").succeeded();
    let board = place.json("runs/one/leaderboard.json");
    assert_eq!(board["judgements"][0]["exact"], "iit3 of the major complex");
    let entries = |journal: &str| -> Vec<Value> {
        let text = place.read(journal);
        let all = text.lines().map(|it| serde_json::from_str::<Value>(it).unwrap());
        all.filter(|it| it["kind"] == "comparison").collect()
    };
    let phi = |journal: &str| -> Vec<f64> {
        entries(journal).iter().map(|it| it["exact"]["phi"].as_f64().unwrap()).collect()
    };
    let major = phi("runs/one/few/journal.jsonl");
    assert_eq!(major, phi("runs/major/journal.jsonl"));
    place.phi("study --suite few.toml --estimators te --run whole --quiet").succeeded();
    let whole = phi("runs/whole/journal.jsonl");
    assert!(major.iter().zip(&whole).all(|(major, whole)| *major >= whole - 1e-9));
    assert!(major.iter().zip(&whole).any(|(major, whole)| *major > whole + 0.01));
    let wrong = place.phi("study --suite few.toml --exact all");
    assert!(wrong.stderr.contains("expected one of system, major-complex"), "{}", wrong.stderr);
}

#[test]
fn a_suite_of_one_exact_value_decides_no_ranking() {
    let place = Place::new();
    // Majority units that are OFF lose nothing by a cut under IIT 4.0.
    place.write(
        "off.toml",
        "topologies = [\"Ring\", \"Line\"]\nsizes = [3, 4]\nseeds = 1\n\
                             rules = \"majority\"\n",
    );
    place.write(
        "few.toml",
        "seeds = 1\n[[networks]]\nfamily = \"tables\"\nsizes = [3]\n\
                             count = 6\n",
    );
    let board = "leaderboard --suites off.toml,few.toml --estimators te,si --quiet";
    place.phi(&format!("{board} --formalisms iit4-2023")).succeeded();
    let board = place.json("runs/leaderboard/leaderboard.json");
    let exact = "iit4-2023 φ_s";
    for rank in board["rankings"][exact].as_array().unwrap() {
        let judgements = board["judgements"].as_array().unwrap();
        let few = judgements.iter().find(|it| it["suite"] == "few" && it["exact"] == exact);
        let name = rank["estimator"].as_str().unwrap();
        assert_eq!(rank["worst_r"], few.unwrap()["estimators"][name]["r"], "{rank}");
        assert!(rank["worst_r"]["value"].is_f64());
    }
}

#[test]
fn geometric_information_depends_on_no_number_and_no_state() {
    let (engine, registry) = (engine(), Registry::default());
    let phi_g = registry.get("phi-g").unwrap();
    let mut n_positive = 0;
    for seed in 0..12 {
        let network = random(3, seed);
        let of = |network: &Network| Case::new(network, &engine).value(phi_g, 42).unwrap();
        let value = of(&network);
        let other = of(&renumbered(&network, &[2, 0, 1]));
        assert!((value - other).abs() < 1e-8, "seed {seed}: {value}, {other}");
        let state: Vec<u8> = network.state().values().iter().map(|it| 1 - it).collect();
        assert_eq!(value, of(&network.in_state(State::of(&state))), "seed {seed}");
        n_positive += usize::from(value > 0.0);
    }
    assert!(n_positive > 6, "{n_positive}");
    // Units that do not hear of each other.
    let tpm = (0..8).map(|s| (0..3).map(|j| f64::from(s >> j & 1_u8)).collect()).collect();
    let cm = vec![vec![1, 0, 0], vec![0, 1, 0], vec![0, 0, 1]];
    let apart = network(tpm, cm, &[0, 0, 0]);
    assert_eq!(Case::new(&apart, &engine).value(phi_g, 42).unwrap(), 0.0);
}

#[test]
fn conceptual_information_can_be_less_than_phi() {
    let engine = engine();
    let tpm = vec![vec![0.1, 0.3], vec![0.5, 0.0], vec![0.8, 0.0], vec![0.1, 0.6]];
    let network = network(tpm, vec![vec![1, 1]; 2], &[1, 1]);
    let found = engine.solve(&network, Formalism::Iit3, 32, "two units").unwrap();
    let registry = Registry::default();
    let case = Case::new(&network, &engine);
    let ci = case.value(registry.get("ci").unwrap(), 42).unwrap();
    assert!((found.phi - 0.168_541_666_7).abs() < 1e-9, "{}", found.phi);
    assert!((ci - 0.139_583_333_3).abs() < 1e-9, "{ci}");
    // Whatever is chosen among ties.
    let range = found.range.unwrap();
    assert!(range.is_exact && range.low > ci + 0.02, "{range:?}");
}

#[test]
fn distances_of_hundreds_of_cuts_need_little_stack() {
    let place = Place::new();
    // A thread that waits for a part of one cut must not begin another: of 11 units it went so deep
    // that the usual 2 MiB were not enough.
    let study = "--topologies Star --sizes 9 --seeds 1 --tie-orders 0 --estimators few-cuts";
    let mut command = place.command(&format!("{study} --quiet --out x.csv"));
    let finished = command.env("RUST_MIN_STACK", "1048576").output().unwrap();
    crate::program::Finished::from(finished).succeeded();
}
