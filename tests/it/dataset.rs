//! Data sets: what is in them, that they are always the same, and that they go on.

use std::fs;

use serde_json::Value;

use crate::program::{Place, sealed};

/// Networks of all sorts by two theories.
const SUITE: &str = "topologies = [\"Ring\", \"Random\"]\nsizes = [3]\nseeds = [1, 2]\n\
     rules = [\"or\", \"xor\"]\nstates = { sampled = 2, seed = 1 }\n\
     formalisms = [\"iit3\", \"iit4-2023\"]\nestimators = [\"te\", \"ci\"]\n\
     [[networks]]\nfamily = \"threshold\"\nsizes = [3, 4]\ncount = 3\n\
     [[networks]]\nfamily = \"tables\"\nsizes = [3]\ncount = 2\nstates = \"reachable\"\n";

fn place() -> Place {
    let place = Place::new();
    place.write("some.toml", SUITE);
    place
}

fn lines(place: &Place, name: &str) -> Vec<Value> {
    place.read(name).lines().map(|it| serde_json::from_str(it).unwrap()).collect()
}

#[test]
fn it_has_what_a_study_and_the_program_say() {
    let place = place();
    let all = "--estimators te,ci --ranges --complexes --quiet";
    place.phi(&format!("dataset --suite some.toml --out x.jsonl {all}")).succeeded();
    place.phi("study --suite some.toml --run whole --quiet").succeeded();
    place.phi("study --suite some.toml --exact major-complex --run major --quiet").succeeded();
    let entries = |run: &str| -> Vec<Value> {
        let all = lines(&place, &format!("runs/{run}/journal.jsonl"));
        all.into_iter().filter(|it| it["kind"] == "comparison").collect()
    };
    let rows = lines(&place, "x.jsonl");
    let (whole, major) = (entries("whole"), entries("major"));
    assert_eq!((whole.len(), major.len()), (2 * rows.len(), 2 * rows.len()));
    let mut n_smaller = 0;
    // The theories of a comparison follow each other.
    for ((row, whole), major) in rows.iter().zip(whole.chunks(2)).zip(major.chunks(2)) {
        for (column, of) in [("seed", "seed"), ("n", "n"), ("topology", "topology")] {
            assert_eq!(row[column], whole[0][of]);
        }
        assert_eq!(row["state"], whole[0]["case"]["state"]);
        assert_eq!(row["network"], whole[0]["case"]["network"]);
        assert_eq!(row["te"], whole[0]["estimates"]["te"]);
        assert_eq!(row["ci"], whole[0]["estimates"]["ci"]);
        let (iit3, iit4) = (&whole[0]["exact"], &whole[1]["exact"]);
        assert_eq!(row["phi_iit3"], iit3["phi"]);
        assert_eq!(row["concepts_iit3"], iit3["n_concepts"]);
        assert_eq!(row["phi_s_iit4-2023"], iit4["phi"]);
        assert_eq!(row["phi_iit4-2023"], iit4["structure"]["big_phi"]);
        let range = &iit3["range"];
        assert_eq!((&row["phi_low_iit3"], &row["phi_high_iit3"]), (&range["low"], &range["high"]));
        let number = |name: &str| row[name].as_f64().unwrap();
        let (low, high) = (number("phi_low_iit4-2023"), number("phi_high_iit4-2023"));
        assert!(low <= number("phi_iit4-2023") + 1e-9, "{row}");
        assert!(high >= number("phi_iit4-2023") - 1e-9, "{row}");
        let (iit3, iit4) = (&major[0]["exact"], &major[1]["exact"]);
        assert_eq!(row["major_phi_iit3"], iit3["phi"]);
        assert_eq!(row["major_phi_s_iit4-2023"], iit4["phi"]);
        assert_eq!(row["major_phi_iit4-2023"], iit4["structure"]["big_phi"]);
        assert!(number("major_phi_iit3") >= number("phi_iit3") - 1e-9);

        // What the program says of the same network.
        let digits = row["state"].as_str().unwrap().bytes();
        let state: Vec<u8> = digits.map(|it| it - b'0').collect();
        let network = serde_json::json!({"tpm": row["tpm"], "cm": row["cm"], "state": state});
        place.write("one.json", network.to_string());
        let found = place.phi("compute one.json --complexes --format json").succeeded();
        let found: Value = serde_json::from_str(&found.stdout).unwrap();
        let largest = &found["complexes"][0];
        if largest.is_null() {
            assert_eq!((number("major_phi_iit3"), number("complexes_iit3")), (0.0, 0.0));
            assert!(row["major_iit3"].is_null());
            continue;
        }
        assert_eq!(row["major_phi_iit3"], largest["phi"]);
        let nodes: Vec<usize> = serde_json::from_value(largest["nodes"].clone()).unwrap();
        assert_eq!(iit3["complex"], largest["nodes"]);
        let is_in = |unit: usize| if nodes.contains(&unit) { '1' } else { '0' };
        let expected: String = (0..state.len()).map(is_in).collect();
        assert_eq!(row["major_iit3"], expected);
        n_smaller += usize::from(nodes.len() < state.len());
    }
    assert!(n_smaller > 2, "{n_smaller}");

    // The same as cells.
    place.phi(&format!("dataset --suite some.toml --out x.csv {all}")).succeeded();
    let csv = place.read("x.csv");
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    assert_eq!(csv.lines().count(), rows.len() + 1);
    for (line, row) in csv.lines().skip(1).zip(&rows) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), header.len(), "{line}");
        assert_eq!(header.len(), row.as_object().unwrap().len());
        for (name, cell) in header.iter().zip(cells) {
            match &row[*name] {
                Value::Null => assert_eq!(cell, ""),
                Value::String(text) => assert_eq!(cell, text),
                Value::Array(items) => {
                    let flat = items.iter().flat_map(|it| it.as_array().unwrap());
                    let expected: Vec<f64> = flat.map(|it| it.as_f64().unwrap()).collect();
                    let found: Vec<f64> = cell.split(' ').map(|it| it.parse().unwrap()).collect();
                    assert_eq!(found, expected);
                }
                other => assert_eq!(cell, other.to_string()),
            }
        }
    }
    let card = place.read("x.csv.card.md");
    let hash = blake3::hash(csv.as_bytes()).to_hex();
    for said in [&*format!("| {hash} |"), "CC0-1.0", "IIT 4.0", "`major_phi_s_iit4-2023`"] {
        assert!(card.contains(said), "{said}: {card}");
    }
    // Every column is described.
    assert!(!card.contains("| |\n") || card.matches("| |\n").count() == 1, "{card}");
}

#[test]
fn it_is_always_the_same_and_goes_on_from_any_byte() {
    let place = place();
    let dataset = "dataset --suite some.toml --estimators te --formalisms iit3 --quiet";
    for form in ["csv", "jsonl"] {
        let names = [format!("one.{form}"), format!("two.{form}")];
        for (name, jobs) in names.iter().zip([1, 3]) {
            place.phi(&format!("{dataset} --out {name} --jobs {jobs}")).succeeded();
        }
        let whole = place.read(&names[0]);
        assert_eq!(place.read(&names[1]), whole);
        let card = place.read(&format!("one.{form}.card.md"));
        for cut in [0, 1, whole.find('\n').unwrap(), whole.len() / 2, whole.len() - 1, whole.len()]
        {
            place.write(&names[0], &whole[..cut]);
            place.phi(&format!("{dataset} --out {} --resume", names[0])).succeeded();
            assert_eq!(place.read(&names[0]), whole, "cut at {cut}");
            assert_eq!(place.read(&format!("one.{form}.card.md")), card, "cut at {cut}");
        }
        let refused = |arguments: &str, message: &str| {
            let before = fs::read(place.path(&names[0])).unwrap();
            let found = place.phi(arguments);
            assert_eq!(found.code, Some(2), "{arguments}: {}", found.stderr);
            assert!(found.stderr.contains(message), "{arguments}: {}", found.stderr);
            assert_eq!(fs::read(place.path(&names[0])).unwrap(), before);
        };
        let out = format!("--out {}", names[0]);
        refused(&format!("{dataset} {out}"), "exists: pass --resume");
        refused(&format!("{dataset} {out} --resume --complexes"), "is another data set (columns: ");
        refused(&format!("{dataset} {out} --resume --licence MIT"), "licence: CC0-1.0, not MIT");
        let changed = whole.replacen("threshold", "thresholD", 1);
        let line = changed.lines().position(|it| it.contains("thresholD")).unwrap() + 1;
        place.write(&names[0], &changed);
        let message = format!("{}, line {line}: expected ", names[0]);
        refused(&format!("{dataset} {out} --resume"), &message);
        let more = whole.lines().last().unwrap();
        place.write(&names[0], format!("{whole}{more}\n"));
        refused(&format!("{dataset} {out} --resume"), ": expected no line: pass --force");
        place.phi(&format!("{dataset} {out} --force")).succeeded();
        assert_eq!(place.read(&names[0]), whole);
        for companion in ["dataset.json", "card.md"] {
            let ours = place.read(&format!("one.{form}.{companion}"));
            place.write(&format!("one.{form}.{companion}"), "mine");
            refused(&format!("{dataset} {out} --force"), "was not written by this program");
            place.write(&format!("one.{form}.{companion}"), ours);
        }
        fs::remove_file(place.path(&format!("one.{form}.card.md"))).unwrap();
        fs::remove_file(place.path(&format!("one.{form}.dataset.json"))).unwrap();
        refused(&format!("{dataset} {out} --resume"), "its record ");
    }
    let found = place.phi(&format!("{dataset} --out x.txt"));
    let expected = "expected FILE.csv, FILE.jsonl or FILE.parquet";
    assert!(found.code == Some(2) && found.stderr.contains(expected), "{}", found.stderr);
}

#[cfg(not(feature = "parquet"))]
#[test]
fn a_program_without_parquet_says_how_it_is_built_with_it() {
    let place = place();
    let found = place.phi("dataset --suite some.toml --out x.parquet");
    assert_eq!(found.code, Some(2));
    assert!(found.stderr.contains("build it with `--features parquet`"), "{}", found.stderr);
    assert!(!place.path("x.parquet.jsonl").exists());
}

#[cfg(feature = "parquet")]
#[test]
fn a_parquet_file_has_the_values_of_the_lines() {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::Field;

    /// A number, text, flag or list of them, as JSON.
    fn json(field: &Field) -> Value {
        match field {
            Field::Null => Value::Null,
            Field::Bool(it) => (*it).into(),
            Field::ULong(it) => (*it).into(),
            Field::Double(it) => (*it).into(),
            Field::Str(it) => it.as_str().into(),
            Field::ListInternal(it) => it.elements().iter().map(json).collect(),
            other => panic!("{other:?}"),
        }
    }

    let place = place();
    let dataset = "dataset --suite some.toml --estimators te,d1 --ranges --complexes --quiet";
    place.phi(&format!("{dataset} --out x.parquet")).succeeded();
    let bytes = fs::read(place.path("x.parquet")).unwrap();
    let reader = SerializedFileReader::new(fs::File::open(place.path("x.parquet")).unwrap());
    let found: Vec<_> = reader.unwrap().get_row_iter(None).unwrap().map(Result::unwrap).collect();
    let rows = lines(&place, "x.parquet.jsonl");
    assert!(rows.len() > 20 && found.len() == rows.len());
    let mut n_missing = 0;
    for (found, row) in found.iter().zip(&rows) {
        assert_eq!(found.len(), row.as_object().unwrap().len());
        for (name, field) in found.get_column_iter() {
            let expected = match &row[name] {
                // Lists within lists are one.
                Value::Array(items) => {
                    items.iter().flat_map(|it| it.as_array().unwrap().clone()).collect()
                }
                other => other.clone(),
            };
            n_missing += u32::from(expected.is_null());
            assert_eq!(json(field), expected, "{name}");
        }
    }
    assert!(n_missing > 0);
    let card = place.read("x.parquet.card.md");
    assert!(card.contains(&*blake3::hash(&bytes).to_hex()), "{card}");
    assert!(card.contains("`x.parquet.jsonl.dataset.json`"), "{card}");

    // It goes on from the lines, and is the same.
    let whole = place.read("x.parquet.jsonl");
    for cut in [0, whole.len() / 2, whole.len()] {
        place.write("x.parquet.jsonl", &whole[..cut]);
        place.phi(&format!("{dataset} --out x.parquet --resume --jobs 1")).succeeded();
        assert_eq!(fs::read(place.path("x.parquet")).unwrap(), bytes);
    }
    let refused = |arguments: &str, message: &str| {
        let before = fs::read(place.path("x.parquet")).unwrap();
        let found = place.phi(&format!("{dataset} --out x.parquet {arguments}"));
        assert_eq!(found.code, Some(2), "{}", found.stderr);
        assert!(found.stderr.contains(message), "{}", found.stderr);
        assert_eq!(fs::read(place.path("x.parquet")).unwrap(), before);
    };
    refused("", "exists: pass --resume");
    let damaged = whole.replacen("\"cm\":[[", "\"cm\":[[1,", 1);
    assert_ne!(damaged, whole);
    place.write("x.parquet.jsonl", damaged);
    refused("--resume", "x.parquet.jsonl, line 1: expected the line with the check");
    place.write("x.parquet.jsonl", &whole);
    for others in [b"PAR1, not ours".as_slice(), b"", &bytes[..bytes.len() / 2]] {
        fs::write(place.path("x.parquet"), others).unwrap();
        for arguments in ["", "--resume", "--force"] {
            refused(arguments, "exists and is no data set of this program");
        }
    }
}

#[test]
fn one_that_is_interrupted_goes_on() {
    let place = Place::new();
    // Every network of seven units takes a while.
    place.write(
        "long.toml",
        "[[networks]]\nfamily = \"rules\"\nsizes = [3, 4]\ncount = 60\n\
         [[networks]]\nfamily = \"tables\"\nsizes = [7]\ncount = 20\n",
    );
    let out = "--suite long.toml --formalisms iit3 --quiet --jobs 1 --out x.csv";
    let mut child = place.command(&format!("dataset {out}")).spawn().unwrap();
    // The rows of three and four units are done.
    while fs::read_to_string(place.path("x.csv")).unwrap_or_default().lines().count() < 64 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = place.read("x.csv");
    // A smaller suite would be another data set; so the lines that are there are but looked at.
    let resumed = place.command(&format!("dataset {out} --resume")).spawn().unwrap();
    let mut resumed = resumed;
    while fs::read_to_string(place.path("x.csv")).unwrap().len() <= before.len() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    resumed.kill().unwrap();
    resumed.wait().unwrap();
    assert!(place.read("x.csv").starts_with(&before));
}

#[test]
fn a_row_that_was_changed_is_never_gone_on_from() {
    let place = place();
    let dataset = "dataset --suite some.toml --estimators te --formalisms iit3 --quiet --out x.csv";
    place.phi(dataset).succeeded();
    let (whole, checks) = (place.read("x.csv"), place.read("x.csv.checks"));
    let resume = || place.phi(&format!("{dataset} --resume"));
    let refused = |place_of_fault: &str| {
        let before = place.read("x.csv");
        let found = resume();
        assert!(found.code == Some(2) && found.stderr.contains(place_of_fault), "{}", found.stderr);
        assert_eq!(place.read("x.csv"), before);
    };
    // Every digit of a row that is not its key, one at a time.
    let second = whole.split_inclusive('\n').take(2).map(str::len).sum::<usize>();
    let row = whole[second..].lines().next().unwrap();
    for (at, _) in row.match_indices(|it: char| it.is_ascii_digit()) {
        let mut changed = whole.clone().into_bytes();
        let digit = &mut changed[second + at];
        *digit = if *digit == b'9' { b'0' } else { *digit + 1 };
        place.write("x.csv", &changed);
        refused("x.csv, line 3: expected the line with the check in line 3 of x.csv.checks");
    }
    // A row that is lost, one twice, and the names of columns.
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let mut lost = lines.clone();
    lost.remove(4);
    let mut twice = lines.clone();
    twice[4] = twice[3];
    let named = whole.replacen("topology", "Topology", 1);
    for (changed, line) in [(lost.concat(), 5), (twice.concat(), 5), (named, 1)] {
        place.write("x.csv", changed);
        refused(&format!("x.csv, line {line}: expected"));
    }
    place.write("x.csv", &whole);
    place.write("x.csv.checks", checks.replacen(&checks[17..20], "fff", 1));
    refused("x.csv, line 2: expected");
    fs::remove_file(place.path("x.csv.checks")).unwrap();
    refused("x.csv: its checks x.csv.checks are missing: pass --force");

    // A crash leaves no row without its check, so none is dropped for the lack of it.
    for n in [0, 1, 20] {
        place.write("x.csv.checks", &checks[..17 * n + 5 * usize::from(n > 0)]);
        refused(&format!("x.csv, line {}: expected", n + 1));
    }
    // What it may leave is done again: checks without rows, and zeros at the end.
    place.write("x.csv.checks", &checks);
    place.write("x.csv", &whole[..whole.len() / 2]);
    resume().succeeded();
    assert_eq!((place.read("x.csv"), place.read("x.csv.checks")), (whole.clone(), checks.clone()));
    let torn = [&whole.as_bytes()[..whole.len() - 20], &[0; 19], b"\n"].concat();
    place.write("x.csv", torn);
    resume().succeeded();
    assert_eq!((place.read("x.csv"), place.read("x.csv.checks")), (whole.clone(), checks));
    // A file of any length is read within bounds.
    let rows = fs::File::options().write(true).open(place.path("x.csv")).unwrap();
    rows.set_len(6 << 30).unwrap();
    let n_rows = whole.lines().count();
    refused(&format!("x.csv, line {}: expected a row of at most 16 MiB", n_rows + 1));
    rows.set_len(whole.len() as u64).unwrap();
    let record = place.read("x.csv.dataset.json");
    place.write(
        "x.csv.dataset.json",
        record.replacen("\"licence\": \"CC0-1.0\"", "\"licence\": \"MIT\"", 1),
    );
    refused("x.csv.dataset.json: check ");
}

#[test]
fn a_start_that_came_to_nothing_is_no_data_set() {
    let place = place();
    let dataset = "dataset --suite some.toml --formalisms iit3 --quiet --out x.csv";
    place.phi(dataset).succeeded();
    let whole = ["x.csv", "x.csv.checks", "x.csv.dataset.json"].map(|it| place.read(it));
    // The file may be there before its record, and with the record of what it replaces.
    for licence in ["MIT", ""] {
        fs::remove_file(place.path("x.csv.dataset.json")).unwrap();
        if licence.is_empty() {
            fs::remove_file(place.path("x.csv.checks")).unwrap();
        } else {
            place.phi(&format!("{dataset} --force --licence {licence}")).succeeded();
        }
        place.write("x.csv", "");
        let refused = place.phi(dataset);
        assert!(refused.code == Some(2) && refused.stderr.contains("exists: pass --resume"));
        place.phi(&format!("{dataset} --resume")).succeeded();
        let found = ["x.csv", "x.csv.checks", "x.csv.dataset.json"].map(|it| place.read(it));
        assert_eq!(found, whole);
    }
}

#[test]
fn programs_are_named_by_the_rows_that_they_computed() {
    let place = place();
    let dataset = "dataset --suite some.toml --formalisms iit3 --quiet --out x.csv";
    place.phi(dataset).succeeded();
    let (whole, record) = (place.read("x.csv"), place.read("x.csv.dataset.json"));
    let programs = |place: &Place| place.json("x.csv.dataset.json")["programs"].clone();
    let here = programs(&place)[0].as_str().unwrap().to_owned();
    let (before, _) = record.split_once(",\n  \"check\"").unwrap();
    let before = before.replacen(&format!("\"{here}\""), "\"0.0.1\"", 1);
    let line = sealed("phi-validation/dataset", &before, &mut [0; 8]);
    let check = &line[line.len() - 19..line.len() - 3];
    let theirs = format!("{before},\n  \"check\": \"{check}\"\n}}\n");
    let resume = |rows: &str| {
        place.write("x.csv", rows);
        place.write("x.csv.dataset.json", &theirs);
        let found = place.phi(&format!("{dataset} --resume")).succeeded();
        assert_eq!(place.read("x.csv"), whole);
        (programs(&place), found.stderr)
    };
    let header = whole.find('\n').unwrap() + 1;
    // Of all rows, of none, and of some.
    assert_eq!(resume(&whole), (serde_json::json!(["0.0.1"]), String::new()));
    assert_eq!(resume(&whole[..header]), (serde_json::json!([here]), String::new()));
    let (of_some, said) = resume(&whole[..whole.len() / 2]);
    assert_eq!(of_some, serde_json::json!(["0.0.1", here]));
    let expected = "note: rows of x.csv were computed by another program, version 0.0.1; this is ";
    assert!(said.starts_with(expected), "{said}");
}

#[test]
fn a_card_cannot_be_forged() {
    let place = place();
    let dataset = "dataset --suite some.toml --formalisms iit3 --quiet";
    let mut command = place.command(&format!("{dataset} --out x.csv"));
    let found = command.args(["--licence", "a\nb"]).output().unwrap();
    let stderr = String::from_utf8_lossy(&found.stderr);
    assert!(
        found.status.code() == Some(2) && stderr.contains("without control characters"),
        "{stderr}"
    );
    assert!(!place.path("x.csv").exists());
    let mut command = place.command(dataset);
    let out = ["--licence", "a|b", "--out", "h|x\n# forged\u{1b}[2J.csv"];
    assert!(command.args(out).output().unwrap().status.success());
    let card = place.read("h|x\n# forged\u{1b}[2J.csv.card.md");
    let forged = card.lines().filter(|it| it.starts_with("# ")).count();
    assert!(forged == 1 && !card.contains('\u{1b}') && card.contains(r"| a\|b |"), "{card}");
}
