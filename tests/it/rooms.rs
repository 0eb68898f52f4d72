//! The folders of `src/` know each other in one direction only.

use std::fs;
use std::path::Path;

use crate::sources::sources;

/// In the order of ARCHITECTURE.md: a folder may use those before it and no others.
const ROOMS: [&str; 14] = [
    "files", "machine", "model", "engine", "estimate", "suite", "run", "stats", "ui", "study",
    "report", "phi", "cluster", "cli",
];

/// The modules that serve all rooms and use none.
const BELOW_ALL: [&str; 4] = ["error", "exit", "escape", "wording"];

#[test]
fn no_folder_uses_one_that_comes_after_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut n_uses = 0;
    for file in sources(&src) {
        let path = file.strip_prefix(&src).unwrap();
        let room = path.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        // The root re-exports; the others are tests of all rooms, or for them.
        if ["lib", "bin", "damage", "fixtures", "fuzzing"].contains(&room) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for used in used(&text) {
            n_uses += 1;
            let Some(its) = place(&used) else {
                wrong.push(format!("{}: `crate::{used}` is not in the list", path.display()));
                continue;
            };
            if its > place(room).expect("the list has every folder") {
                wrong.push(format!("{}: uses `crate::{used}`", path.display()));
            }
        }
    }
    assert!(n_uses > 200, "only {n_uses} uses were found: does this test still read them?");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns the place of a room in the order; 0 for modules that serve all.
fn place(room: &str) -> Option<usize> {
    let at = ROOMS.iter().position(|it| *it == room).map(|it| it + 1);
    at.or_else(|| BELOW_ALL.contains(&room).then_some(0))
}

/// The first words after `crate::` in the code of a file: not in comments, and not in its tests.
fn used(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let words = lines.flat_map(|line| {
        let after = line.split("crate::").skip(1);
        after.map(|rest| {
            rest.chars().take_while(|it| it.is_ascii_lowercase() || *it == '_').collect()
        })
    });
    words.filter(|it: &String| !it.is_empty()).collect()
}

/// The lines, counted from 1, that are longer than 100 characters. Rows of tables and what stands
/// in raw strings cannot be broken.
fn too_long(text: &str) -> Vec<usize> {
    let mut within: Option<&str> = None;
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let is_table = line.trim_start().trim_start_matches(['/', '!']).starts_with(" |");
        let opened = [("r##\"", "\"##"), ("r#\"", "\"#"), ("r\"", "\"")]
            .into_iter()
            .find_map(|(open, close)| Some((line.split_once(open)?.1, close)));
        let is_raw = within.is_some() || opened.is_some();
        within = match (within, opened) {
            (Some(close), _) => Some(close).filter(|close| !line.contains(*close)),
            (None, Some((rest, close))) => Some(close).filter(|close| !rest.contains(*close)),
            (None, None) => None,
        };
        if line.chars().count() > 100 && !is_table && !is_raw {
            found.push(index + 1);
        }
    }
    found
}

#[test]
fn no_line_has_more_than_100_columns() {
    let long = "x".repeat(101);
    assert_eq!(too_long(&format!("{long}\n/// | {long}\nr#\"{long}\n{long}\"#\n{long}")), [1, 5]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["src", "tests", "examples", "phi-protocol", "pyphi-core", "headroom", "xtask"];
    let folders = folders.iter().chain(&["python/src"]);
    let more = ["ARCHITECTURE.md", "fuzz/lib.rs", "fuzz/mutations.rs", "fuzz/fuzz_targets"];
    let (more, mut files) = (more.map(|it| root.join(it)), Vec::new());
    files.extend(folders.flat_map(|it| sources(&root.join(it))));
    for it in more {
        if it.is_dir() { files.extend(sources(&it)) } else { files.push(it) }
    }
    assert!(files.len() > 100, "{}", files.len());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let tables = |it: &usize| {
            file.extension().is_some_and(|it| it == "md")
                && text.lines().nth(it - 1).unwrap().starts_with('|')
        };
        let found: Vec<usize> = too_long(&text).into_iter().filter(|it| !tables(it)).collect();
        assert!(found.is_empty(), "{}: lines {found:?} have more than 100 columns", file.display());
    }
}
