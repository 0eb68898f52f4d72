//! The rooms of `headroom` and of `xtask` know each other in one direction only.
//!
//! A room is a folder or a file directly in `src/`.

use std::{fs, path::Path};

use crate::sources::sources;

/// In the order of ARCHITECTURE.md: a room may use those before it and no others.
const HEADROOM: [&str; 9] = [
    "console",
    "machine",
    "workspace",
    "build_ledger",
    "plan",
    "child",
    "guard",
    "build",
    "command",
];
/// The modules that serve all rooms of `headroom` and use none.
const BELOW_HEADROOM: [&str; 4] = ["numbers", "escape", "files", "exit"];

const XTASK: [&str; 7] = ["run", "slurm", "study", "validate", "bench", "commands", "cli"];
const BELOW_XTASK: [&str; 3] = ["exit_help", "flags", "project"];

#[test]
fn no_room_of_headroom_uses_one_that_comes_after_it() {
    check("../headroom/src", &HEADROOM, &BELOW_HEADROOM, 60);
}

#[test]
fn no_room_of_xtask_uses_one_that_comes_after_it() {
    check("src", &XTASK, &BELOW_XTASK, 15);
}

#[track_caller]
fn check(src: &str, rooms: &[&str], below: &[&str], least_uses: usize) {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join(src);
    let place = |room: &str| {
        let at = rooms.iter().position(|it| *it == room).map(|it| it + 1);
        at.or_else(|| below.contains(&room).then_some(0))
    };
    let mut wrong = Vec::new();
    let mut n_uses = 0;
    for file in sources(&src) {
        let path = file.strip_prefix(&src).unwrap();
        let room = path.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        // The roots re-export, and the entry points of fuzzing reach into all rooms.
        if ["lib", "main", "fuzzing"].contains(&room) {
            continue;
        }
        let Some(own) = place(room) else {
            wrong.push(format!("{}: its room is not in the list", path.display()));
            continue;
        };
        for used in used(&fs::read_to_string(&file).unwrap()) {
            n_uses += 1;
            match place(&used) {
                None => {
                    wrong.push(format!("{}: `crate::{used}` is not in the list", path.display()));
                }
                // What serves all uses nothing but itself.
                Some(its) if its > own || its == 0 && own == 0 && used != room => {
                    wrong.push(format!("{}: uses `crate::{used}`", path.display()));
                }
                Some(_) => {}
            }
        }
    }
    assert!(n_uses >= least_uses, "only {n_uses} uses were found: does this test still read them?");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One fact, one reading: what the kernel tells is read in one room.
#[test]
fn only_the_room_machine_reads_proc_and_control_groups() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for src in ["../headroom/src", "src"].map(|it| package.join(it)) {
        for file in sources(&src) {
            let path = file.strip_prefix(&src).unwrap().to_owned();
            let text = fs::read_to_string(&file).unwrap();
            let reads = ["\"/proc", "\"proc/", "\"/sys/fs/cgroup", "\"memory.max\""];
            if !path.starts_with("machine") && reads.iter().any(|it| code(&text).contains(it)) {
                wrong.push(path.display().to_string());
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// The rooms that the code of a file uses: not in comments, and not in its tests.
fn used(text: &str) -> Vec<String> {
    let code = code(text);
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(group) => found.extend(first_words(group)),
            None => found.extend(word(rest)),
        }
    }
    found
}

/// A file without its comments and its tests.
fn code(text: &str) -> String {
    text.split("#[cfg(test)]\nmod tests")
        .flat_map(|it| it.split("#[cfg(test)]\npub(crate) mod tests"))
        .next()
        .unwrap()
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// `console::Console, plan::{Plan, Rung}, files};` → `console`, `plan`, `files`.
fn first_words(group: &str) -> Vec<String> {
    let (mut depth, mut at_start, mut found) = (0, true, Vec::new());
    for (at, it) in group.char_indices() {
        match it {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            it if at_start && !it.is_whitespace() => {
                found.extend(word(&group[at..]));
                at_start = false;
            }
            _ => {}
        }
    }
    found
}

/// The name of a module; what begins with a capital is re-exported from the root.
fn word(text: &str) -> Option<String> {
    let word: String =
        text.chars().take_while(|it| it.is_ascii_lowercase() || *it == '_').collect();
    (!word.is_empty()).then_some(word)
}

#[test]
fn uses_are_read() {
    let text = "use crate::{\n    console::Console,\n    plan::{Plan, show::table},\n    files,\n\
        };\n\
                // crate::comment\nlet it = crate::guard::Guard::start();\n\
                #[cfg(test)]\nmod tests { use crate::tests; }";
    assert_eq!(used(text), ["console", "plan", "files", "guard"]);
}
