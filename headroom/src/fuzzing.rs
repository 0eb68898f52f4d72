//! The parsers of what comes from outside, one function for each kind of source, for fuzz targets.
//!
//! Each takes any bytes and may refuse them in any way but one: a panic is a finding.

use crate::{
    build::{attempt, outcome::Symptoms, supervise::Lines},
    build_ledger, guard,
    machine::{cgroup as groups, parse_process_files},
    workspace,
};

/// The ledger of past builds.
pub fn ledger(bytes: &[u8]) {
    build_ledger::parse(bytes);
}

/// Reads the messages between the guard's gate and its controller, and the arguments with which
/// cargo calls a compiler, one a line.
pub fn guard(bytes: &[u8]) {
    let text = text(bytes);
    guard::parse_messages(&text);
    guard::parse_arguments(&text);
}

/// `/proc/self/cgroup` and `/proc/self/mountinfo`, with a NUL between them.
pub fn cgroup(bytes: &[u8]) {
    let text = text(bytes);
    let (groups, mounts) = text.split_once('\0').unwrap_or((&text, &text));
    groups::parse_hierarchy(groups, mounts);
}

/// `/proc/pressure/memory`, `/proc/meminfo`, `/proc/PID/status` and `/proc/PID/stat`.
pub fn proc(bytes: &[u8]) {
    let text = text(bytes);
    groups::Pressure::parse(&text);
    parse_process_files(&text);
}

/// A line of `cargo build --message-format json`, and the document of `cargo metadata`.
pub fn cargo(bytes: &[u8]) {
    attempt::parse_message(&text(bytes));
    workspace::parse_metadata(bytes);
}

/// Reads the output of cargo and the compilers on stderr.
pub fn build_output(bytes: &[u8]) {
    let (mut lines, mut symptoms) = (Lines::default(), Symptoms::default());
    for piece in bytes.chunks(7) {
        lines.push(piece, |line| symptoms.read(line));
    }
    lines.finish(|line| symptoms.read(line));
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_parser_panics_on_texts_that_are_cut_anywhere() {
        let texts = [
            "ask\tsyn\t1.0\tlib\tsyn\nstarted\t1\nended\t0\t-\t18446744073709551615\t1\n",
            "0::/a/b\n4:memory:/c\0 35 31 0:32 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
            "some avg10=1.0 avg60=0 total=18446744073709551616\nCommitLimit: 18446744073709551615 \
            kB\n",
            "RssAnon: 18446744073709551615 kB\nRssShmem: 18446744073709551615 kB\n\
            1 (a) b) S 1 2 3\n",
            "error: could not compile\r\u{1b}[1m12 | ü\ncollect2: fatal error: ld terminated\n",
            r#"{"schema":"xtask-ledger","version":1,"units":[],"builds":[]}"#,
        ];
        let parsers: [fn(&[u8]); 6] = [ledger, guard, cgroup, proc, cargo, build_output];
        for text in texts {
            for end in 0..=text.len() {
                parsers.iter().for_each(|parse| parse(&text.as_bytes()[..end]));
            }
        }
    }
}
