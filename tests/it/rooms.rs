//! The folders of `src/` know each other in one direction only.

use std::fs;
use std::path::{Path, PathBuf};

/// In the order of ARCHITECTURE.md: a folder may use those before it and no others.
const ROOMS: [&str; 13] = [
    "files", "machine", "model", "engine", "suite", "run", "stats", "ui", "study", "report", "phi",
    "cluster", "cli",
];

/// What serves all rooms, and uses none.
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

/// Where a room is in the order; 0 for what serves all.
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

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
    found
}
