//! The meaning of the exit codes: the table that closes every `--help`, which is also in
//! `docs/build.md`.

use headroom::Exit;

/// Every code but the open-ended ones, in ascending order, with its meaning.
const MEANINGS: [(Exit, &str); 9] = [
    (Exit::Success, "done"),
    (Exit::Internal, "an error of xtask or of the run that is none of those below"),
    (Exit::Usage, "bad flags or bad input, of xtask or of the run"),
    (
        Exit::NotReady,
        "not ready: preflight failed, the wait timed out, or the cluster cannot run it",
    ),
    (Exit::OutOfMemory, "every strategy that was tried ran out of memory"),
    (Exit::Killed, "the build was killed, and not for lack of memory"),
    (Exit::NeighbourKilled, "it built, but the kernel killed another program for lack of memory"),
    (Exit::CargoFailed, "cargo failed (compile error, manifest, full disk): as cargo says"),
    (Exit::Interrupted, "interrupted; what was finished is kept"),
];

/// The table.
pub(crate) fn table() -> String {
    let mut text = String::from("Exit codes:\n");
    for (exit, meaning) in MEANINGS {
        text += &format!("  {:>5}  {meaning}\n", exit.code());
    }
    text += "  128+N  signal N ended the run\n";
    text + "  other  what the command of `exec` ended with"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_distinct_and_ascending() {
        for pair in MEANINGS.windows(2) {
            assert!(pair[0].0.code() < pair[1].0.code(), "{pair:?}");
            assert_ne!(pair[0].0.name(), pair[1].0.name());
        }
        assert_eq!(Exit::RunSignal(9).code(), 137);
        assert_eq!(Exit::RunSignal(15).code(), 143);
    }

    #[test]
    fn the_documentation_lists_every_code_with_its_meaning() {
        let docs = include_str!("../../docs/build.md");
        for (exit, meaning) in MEANINGS {
            let row = format!("| {} | `{}` | {meaning} |", exit.code(), exit.name());
            assert!(docs.contains(&row), "docs/build.md lacks the row\n{row}");
        }
    }
}
