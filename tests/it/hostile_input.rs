#[cfg(unix)]
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::own_network::{or_and_xor, phi};
use crate::program::Place;

/// Clears the screen, begins a line, turns the text around, ends a cell.
const HOSTILE: &str = "a\u{1b}[2J\n| b | \u{202e}c";

/// That, where it is shown.
const SHOWN: &str = "a\\u{1b}[2J\\n| b | \\u{202e}c";

/// Nothing in the text but newlines moves the cursor or hides letters.
#[track_caller]
fn check_visible(text: &str) {
    let is_hidden =
        |it: char| it.is_control() && it != '\n' || "\u{202e}\u{2028}\u{fffe}".contains(it);
    assert!(!text.contains(is_hidden), "{text:?}");
}

fn with(field: &str, value: Value) -> Value {
    let mut network = or_and_xor();
    network[field] = value;
    network
}

#[test]
fn a_misspelt_or_doubled_field_is_refused() {
    let refused = phi(&with("nodse", json!([0])), "");
    assert_eq!(refused.code, Some(2));
    assert_eq!(
        refused.stderr,
        "error: standard input: unknown field \"nodse\", perhaps for \"nodes\": expected one of \
         tpm, cm, state, states, \
         nodes, name, labels, row_order\n"
    );
    let place = Place::new();
    let twice = or_and_xor().to_string().replacen('{', "{\"state\": [0, 0, 0],", 1);
    place.write("twice.json", twice);
    for arguments in ["phi --network twice.json", "draw --network twice.json"] {
        let refused = place.run(arguments);
        assert_eq!(refused.code, Some(2));
        let message = "error: twice.json: field \"state\" is there twice, expected it once\n";
        assert_eq!(refused.stderr, message);
    }
    assert_eq!(place.files(), ["twice.json"]);
}

#[test]
fn a_byte_order_mark_is_no_mistake() {
    let place = Place::new();
    place.write("net.json", format!("\u{feff}{}", or_and_xor()));
    place.write("suite.toml", "\u{feff}sizes = 3\n[[networks]]\nfile = \"net.json\"\n");
    place.run("phi --network net.json").succeeded();
    let listed = place.run("--suite suite.toml --list").succeeded().stdout;
    assert!(listed.contains("net "), "{listed}");
}

#[test]
fn no_input_is_read_without_an_end() {
    let place = Place::new();
    std::fs::create_dir(place.path("folder")).unwrap();
    place.write("spaces", vec![b' '; (1 << 20) + 1]);
    place.write("suite.toml", "[[networks]]\nfile = \"folder\"\n");
    let check = |arguments: &str, message: &str| {
        let refused = place.command(arguments).env("PHI_MAX_INPUT_MIB", "1").output().unwrap();
        let stderr = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{stderr}");
        assert!(stderr.starts_with(&format!("error: {message}")), "{stderr}");
    };
    let folder = "cannot read folder: it is a folder, expected a file";
    for arguments in ["phi --network folder", "draw --network folder", "--suite folder"] {
        check(arguments, folder);
    }
    check("--suite suite.toml", &format!("suite.toml, line 2, column 8: {folder}"));
    let large = "1 MiB, expected at most 1 MiB; PHI_MAX_INPUT_MIB in the environment";
    check("phi --network spaces", &format!("cannot read spaces: {large}"));
    check("--suite spaces", &format!("cannot read spaces: {large}"));
    #[cfg(unix)]
    {
        let zero = "cannot read /dev/zero: byte 1 is 0, expected text in UTF-8";
        check("phi --network /dev/zero", zero);
        check("--suite /dev/zero", zero);
        check("phi --network /dev/null", "/dev/null: not JSON: EOF");
        // Without an end, and without a zero.
        let endless = "mkfifo pipe; yes > pipe 2> /dev/null & export PHI_MAX_INPUT_MIB=1";
        let refused = place.run_after(endless, "phi --network - < pipe");
        assert_eq!(refused.code, Some(2));
        let more = "error: cannot read standard input: more than 1 MiB, expected at most 1 MiB; ";
        assert!(refused.stderr.starts_with(more), "{}", refused.stderr);
    }
}

/// A pipe without a writer is waited for, and that is said; what comes from it then is read.
#[cfg(unix)]
#[test]
fn a_pipe_is_waited_for_with_a_word() {
    use std::io::{BufRead, BufReader, Read};

    let place = Place::new();
    let fifo = place.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut child = place.command("phi --network pipe --format json").spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut hint = String::new();
    stderr.read_line(&mut hint).unwrap();
    let expected = "hint: waiting for pipe: nothing has come from it yet; Ctrl-C ends this\n";
    assert_eq!(hint, expected);
    std::fs::write(&fifo, or_and_xor().to_string()).unwrap();
    let done = child.wait_with_output().unwrap();
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert!(done.status.success(), "{rest}");
    let answer: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(answer["name"], "OR-AND-XOR");
    // As what a shell makes of `<(...)`.
    place.write("net.json", or_and_xor().to_string());
    place.run_after("exec 3< net.json", "phi --network /dev/fd/3").succeeded();
}

#[test]
fn names_of_networks_and_units_have_limits() {
    let check = |field: &str, value: Value, message: &str| {
        let refused = phi(&with(field, value), "");
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(message), "{}", refused.stderr);
        check_visible(&refused.stderr);
        assert_eq!(refused.stderr.lines().count(), 1);
    };
    let long = "x".repeat(65_536);
    check("labels", json!(["A", "B", long]), "labels[2]: 65536 characters, expected at most 64");
    check("name", json!(long), "name: 65536 characters, expected at most 256");
    check("labels", json!([HOSTILE, "B", "C"]), "labels[0]: ");
    check("name", json!(HOSTILE), "name: ");
    check(HOSTILE, json!(1), "unknown field ");
}

#[test]
fn what_a_name_may_hold_is_shown_as_it_is_or_written_out() {
    let mut network = with("labels", json!(["\u{202e}A", "\u{fffe}", "\u{2028}"]));
    network["name"] = json!("n\u{202e}|*_\u{fffe}");
    let text = phi(&network, "").succeeded().stdout;
    check_visible(&text);
    assert!(text.starts_with("n\\u{202e}|*_\\u{fffe}\n"), "{text}");
    let complexes = phi(&network, "--complexes").succeeded().stdout;
    check_visible(&complexes);
    check_visible(&phi(&network, "--formalism iit4-2023").succeeded().stdout);
    let place = Place::new();
    place.write("net.json", network.to_string());
    place.run("draw --network net.json --out both.svg").succeeded();
    let svg = place.read("both.svg");
    check_visible(&svg);
    assert!(svg.contains("n\\u{202e}|*_\\u{fffe}: Φ = "), "{svg}");
    place.run("draw --network net.json --out both.png").succeeded();
}

#[test]
fn arguments_forge_no_line() {
    let place = Place::new();
    for arguments in [
        ["phi", "--network", HOSTILE],
        ["--suite", HOSTILE, "--list"],
        ["report", "--runs", HOSTILE],
        ["--sizes", HOSTILE, "--list"],
        ["--run", HOSTILE, "--sizes=3"],
        ["cluster", "plan", HOSTILE],
    ] {
        let refused = place.command("").args(arguments).output().unwrap();
        assert_eq!(refused.status.code(), Some(2));
        let stderr = String::from_utf8(refused.stderr).unwrap();
        check_visible(&stderr);
        assert!(!stderr.contains("\n| b |"), "{stderr}");
    }
    let refused = place.command("--sizes 3 --run").arg("pi\nlot").output().unwrap();
    let stderr = String::from_utf8(refused.stderr).unwrap();
    let expected = "error: run \"pi\\nlot\": expected a name that can be that of a folder, \
                    without separators and \
                    control characters\n";
    assert_eq!(stderr, expected);
    assert!(place.files().is_empty());
}

/// A folder can be renamed to anything, and a record of a build hold anything.
#[cfg(unix)]
#[test]
fn the_name_of_a_folder_forges_nothing() {
    let place = Place::new();
    place.write(
        "build.json",
        json!({ "version": 1, "reason": format!("```\n# {HOSTILE} <b>"), "attempts": [] })
            .to_string(),
    );
    place
        .run(
            "launch --build-record build.json -- --run pilot --topologies Line --sizes 3 --seeds \
              42 --tie-orders 0",
        )
        .succeeded();
    let folder = place.path("runs").join(HOSTILE);
    std::fs::rename(place.path("runs/pilot"), &folder).unwrap();
    let listed = place.run("runs").succeeded().stdout;
    check_visible(&listed);
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(listed.contains(SHOWN), "{listed}");
    let reported = place.command("report").arg(HOSTILE).output().unwrap();
    assert!(reported.status.success(), "{}", String::from_utf8_lossy(&reported.stderr));
    let path = String::from_utf8(reported.stdout).unwrap();
    assert_eq!(path, format!("runs/{SHOWN}/report.html\n"));
    let markdown = std::fs::read_to_string(folder.join("report.md")).unwrap();
    check_visible(&markdown);
    let title = markdown.lines().next().unwrap();
    assert_eq!(title, r"# Exact Φ and its estimate: a\\u{1b}\[2J\\n\| b \| \\u{202e}c");
    assert!(!markdown.contains("\n# a"), "{markdown}");
    let html = std::fs::read_to_string(folder.join("report.html")).unwrap();
    check_visible(&html);
    assert!(!html.contains("<b>"), "{html}");
}

#[test]
fn a_matrix_that_no_memory_holds_is_refused_with_both_numbers() {
    let place = Place::new();
    let rules: Vec<String> = (0..40).map(|gain| format!("\"logistic:{gain}\"")).collect();
    place.write(
        "suite.toml",
        format!(
            "sizes = [2,3,4,5,6,7,8,9,10,11,12]\nseeds = {{ from = 1, count = 10_000_000 \
             }}\nrules = [{}]\n",
            rules.join(",")
        ),
    );
    for arguments in ["--suite suite.toml --list", "--suite suite.toml --run large"] {
        let refused = place.run(arguments);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        let start = "error: suite.toml, line 1, column 1: 35200000000 comparisons would take ";
        assert!(refused.stderr.starts_with(start), "{}", refused.stderr);
        assert!(
            refused.stderr.contains(" MiB of memory before the first is done, expected at most ")
        );
    }
    // A limit of the process counts as well as what the machine has.
    #[cfg(target_os = "linux")]
    {
        place.write("suite.toml", "seeds = { from = 1, count = 400_000 }\n");
        let refused = place.run_after("ulimit -v 400000", "--suite suite.toml --list");
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        let start = "error: suite.toml, line 1, column 1: 12800000 comparisons would take ";
        assert!(refused.stderr.starts_with(start), "{}", refused.stderr);
    }
    assert_eq!(place.files(), ["suite.toml"]);
}

/// All that stands in a folder: what is in the files, and what else there is.
#[cfg(unix)]
fn all(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        let what = match () {
            () if kind.is_file() => String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned(),
            () if kind.is_symlink() => format!("to {}", fs::read_link(&path).unwrap().display()),
            () => format!("{kind:?}"),
        };
        if kind.is_dir() {
            found.extend(all(&path));
        }
        found.insert(path, what);
    }
    found
}

/// What is no file is neither waited for, nor written through, nor replaced, whatever has its name,
/// and this is found out before anything is changed.
#[cfg(unix)]
#[test]
fn outputs_are_written_where_files_are_and_nowhere_else() {
    let place = Place::new();
    place.write("net.json", or_and_xor().to_string());
    place.write("s.toml", "topologies = [\"Ring\"]\nsizes = [3]\nseeds = [1]\n");
    place.write("build.json", "{\"version\":1,\"reason\":\"\",\"attempts\":[]}\n");
    for made in [
        "launch --build-record build.json -- --suite s.toml --run a --quiet",
        "report a --explore",
        "cluster plan --suite s.toml --run t",
        "cluster task t --round 1 --task 1",
        "cluster gather t",
    ] {
        place.run(made).succeeded();
    }
    let figure = fs::read_dir(place.path("runs/a/figures")).unwrap().next().unwrap().unwrap();
    let figure = format!("figures/{}", figure.file_name().to_str().unwrap());
    // The commands with what each of them writes. A folder ends with `/`.
    let run = "lock settings.json journal.jsonl results.csv timeline.jsonl build.json";
    let report = format!("report.md report.html figures/ {figure}");
    let of_job = "settings.json journal.jsonl results.csv summary.json";
    let writers = [
        ("draw net.json --out d.svg --force", "", "d.svg"),
        ("draw net.json --out d.png --force", "", "d.png"),
        ("draw net.json --out drawn --force", "drawn/", "net.graph.svg"),
        ("explore net.json --out e.html --force", "", "e.html"),
        ("grains net.json --formalism iit3 --out g.txt --force", "", "g.txt g.txt.journal.jsonl"),
        (
            "dataset --suite s.toml --out x.csv --force --quiet",
            "x.csv",
            " .checks .dataset.json .card.md",
        ),
        ("dataset --suite s.toml --out x.csv --resume --quiet", "x.csv", " .checks .dataset.json"),
        (
            "study --suite s.toml --out r.csv --force --quiet",
            "r.",
            "csv settings.json journal.jsonl summary.json",
        ),
        (
            "study --suite s.toml --out r.csv --resume --quiet",
            "r.",
            "csv settings.json journal.jsonl summary.json",
        ),
        ("study --suite s.toml --run a --quiet", "runs/a/", run),
        ("study --suite s.toml --run a --quiet", "runs/a/", &format!("summary.json {report}")),
        ("report a", "runs/a/", &report),
        ("report a --explore", "runs/a/", &format!("{report} explore/ explore/three.min.js")),
        (
            "leaderboard --suites s.toml --estimators te --run l --quiet",
            "runs/l/",
            "leaderboard.json leaderboard.md leaderboard.html figures/",
        ),
        ("cluster gather t", "runs/t/", of_job),
        ("cluster gather t", "runs/t/", &report),
    ];
    let parquet = cfg!(feature = "parquet").then_some((
        "dataset --suite s.toml --out x.parquet --force --quiet",
        "x.parquet",
        " .jsonl .jsonl.checks .jsonl.dataset.json .card.md",
    ));
    let writers = || writers.iter().chain(&parquet);
    // None is there, or a whole one.
    for (command, _, _) in writers() {
        let first = command.replace("--resume", "--force");
        let made = place.phi(&first).succeeded();
        assert!(made.code == Some(0), "{first}");
    }
    let aside = place.path("aside");
    let mut n = 0;
    for (command, before, names) in writers() {
        for name in names.split(' ') {
            let path = place.path(format!("{before}{name}").trim_end_matches('/'));
            fs::rename(&path, &aside).unwrap_or_else(|it| panic!("{}: {it}", path.display()));
            for kind in 0..3 {
                // All is as it should be behind a link. A pipe would be waited for.
                if kind == 2 && command.starts_with("draw") {
                    continue; // it draws into a folder
                }
                match kind {
                    0 => std::os::unix::fs::symlink(&aside, &path).unwrap(),
                    1 => nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap(),
                    _ if name.ends_with('/') => fs::write(&path, "mine").unwrap(),
                    _ => fs::create_dir(&path).unwrap(),
                }
                n += 1;
                let found_before = all(&place.path(""));
                let found = place.phi(command);
                let what = format!("{command}, {before}{name}, {kind}: {}", found.stderr);
                assert_eq!(found.code, Some(2), "{what}");
                let shown = path.strip_prefix(place.path("")).unwrap().display().to_string();
                let is_named = ["is a ", "it is a "]
                    .iter()
                    .any(|it| found.stderr.contains(&format!("{shown}: {it}")))
                    || kind == 2 && found.stderr.contains(&shown);
                assert!(is_named, "{what}");
                assert!(all(&place.path("")) == found_before, "{what}");
                match kind == 2 && !name.ends_with('/') {
                    true => fs::remove_dir(&path).unwrap(),
                    false => fs::remove_file(&path).unwrap(),
                }
            }
            fs::rename(&aside, &path).unwrap();
        }
    }
    assert!(n > 150, "{n}");

    // A folder that the user names may be a link.
    fs::rename(place.path("runs"), &aside).unwrap();
    std::os::unix::fs::symlink(&aside, place.path("runs")).unwrap();
    for command in ["study --suite s.toml --run a --quiet", "report a", "cluster gather t"] {
        place.phi(command).succeeded();
    }
}

/// What would be computed for hours is not begun if the result cannot be written.
#[test]
fn a_place_that_cannot_be_written_is_said_before_anything_is_computed() {
    let place = Place::new();
    let n = 12_usize;
    // Each unit has the parity of all others, so no bound spares much.
    let row = |state: usize| -> Vec<u32> {
        (0..n).map(|unit| (state & !(1 << unit)).count_ones() % 2).collect()
    };
    let tpm: Vec<_> = (0..1 << n).map(row).collect();
    let network = json!({"tpm": tpm, "cm": vec![vec![1; n]; n], "state": vec![0; n]});
    place.write("net.json", network.to_string());
    place.write("file", "");
    // Nothing in here would end if it was computed first.
    for (arguments, message) in [
        ("draw net.json --out none/x.svg", "cannot write none/x.svg: "),
        ("draw net.json --out none/x.svg/", "none/x.svg/: is a folder"),
        ("draw net.json --out file", "cannot write file: "),
        ("explore net.json --out none/x.html", "cannot write none/x.html: "),
        ("explore net.json --out file/x.html", "cannot write file/x.html: "),
        ("explore net.json --out x.html/", "x.html/: is a folder"),
    ] {
        let refused = place.phi(arguments);
        assert_eq!(refused.code, Some(2), "{arguments}: {}", refused.stderr);
        let message = format!("error: {message}");
        assert!(refused.stderr.starts_with(&message), "{arguments}: {}", refused.stderr);
    }
    assert_eq!(place.files(), ["file", "net.json"]);
}

/// A network that is read is not replaced by what is computed from it.
#[cfg(unix)]
#[test]
fn no_output_replaces_what_is_read() {
    let place = Place::new();
    let network = or_and_xor().to_string();
    place.write("net.json", &network);
    place.write("net.svg", &network);
    for command in [
        "draw net.svg --out net.svg --force",
        "explore net.json --out ./net.json --force",
        "grains net.json --formalism iit3 --out net.json --force",
    ] {
        let found = place.phi(command);
        let expected = "is a file that is read here: expected another --out";
        assert!(found.code == Some(2) && found.stderr.contains(expected), "{}", found.stderr);
    }
    assert_eq!((place.read("net.json"), place.read("net.svg")), (network.clone(), network.clone()));

    // So are a suite, the networks that it names, and values.
    let suite = "sizes = 3\nseeds = 1\n[[networks]]\nfile = \"net.csv\"\n";
    let values = "topology,n,seed,mine\nRing,3,1,0.5\n";
    let files = [("suite.csv", suite), ("net.csv", network.as_str()), ("values.csv", values)];
    files.iter().for_each(|(name, content)| place.write(name, content));
    let of_values =
        "study --topologies Ring --sizes 3 --seeds 1 --estimator-values mine=values.csv";
    for command in [
        "dataset --suite suite.csv --out suite.csv --force",
        "dataset --suite suite.csv --out ./net.csv --force",
        "study --suite suite.csv --out suite.csv --force",
        "study --suite suite.csv --out net.csv --force",
        &format!("{of_values} --out values.csv --force"),
    ] {
        let found = place.phi(command);
        let expected = "is a file that is read here: expected another --out";
        assert!(found.code == Some(2) && found.stderr.contains(expected), "{}", found.stderr);
    }
    let found = files.map(|(name, _)| place.read(name));
    assert_eq!(found, files.map(|(_, content)| content.to_owned()));
}

/// One run in whose place of files there are pipes hides no other.
#[cfg(unix)]
#[test]
fn a_pipe_in_a_run_hides_no_other_run() {
    let place = Place::new();
    place.write("s.toml", "topologies = [\"Ring\"]\nsizes = [3]\nseeds = [1]\n");
    place.phi("study --suite s.toml --run good --quiet").succeeded();
    place.phi("study --suite s.toml --run bad --quiet").succeeded();
    for name in ["timeline.jsonl", "lock", "settings.json"] {
        let path = place.path(&format!("runs/bad/{name}"));
        fs::remove_file(&path).unwrap();
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let found = place.phi("runs").succeeded();
        assert!(found.stdout.contains("good"), "{}", found.stdout);
        place.phi("report bad");
    }
}
