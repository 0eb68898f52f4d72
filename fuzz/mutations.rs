//! The ordinary test of a fuzz target: its corpus, and inputs that a fixed seed makes of it.
//!
//! It is part of the tests of each package. `PHI_FUZZ=N` makes N times as many inputs.

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

/// Words that parsers are likely to stumble over.
const WORDS: [&str; 26] = [
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "4294967296",
    "1e308",
    "1e309",
    "-1e308",
    "5e-324",
    "-0.0",
    "0",
    "-1",
    "NaN",
    "null",
    "true",
    "{}",
    "[]",
    "\"\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\u{feff}",
    "\u{202e}",
    "\u{1b}[2J",
    "\n",
    "\0",
    "=1+1",
    "ü",
];

/// SplitMix64: the same numbers everywhere and for ever.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        it ^ (it >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// The inputs that were kept of a target: `fuzz/corpus/TARGET`, in the folder of the workspace.
fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let folder = above.map(|it| it.join("fuzz/corpus")).find(|it| it.exists());
    let folder = folder.expect("the corpora").join(target);
    let found = fs::read_dir(&folder).unwrap_or_else(|it| panic!("{}: {it}", folder.display()));
    let mut found: Vec<PathBuf> = found.map(|it| it.unwrap().path()).collect();
    found.sort();
    assert!(!found.is_empty(), "{}: no inputs", folder.display());
    found.into_iter().map(|it| (it.clone(), fs::read(it).unwrap())).collect()
}

/// Returns the range of a number's digits in a text, if there are any from `at` on.
fn number(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let from = at + bytes.get(at..)?.iter().position(u8::is_ascii_digit)?;
    let is_part = |it: &u8| it.is_ascii_digit() || matches!(it, b'.' | b'e' | b'E');
    Some((from, from + bytes[from..].iter().take_while(|it| is_part(it)).count()))
}

/// An input with some of it changed.
fn mutated(bytes: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len() + 1);
        let end = (at + 1 + random.below(16)).min(bytes.len());
        let word = WORDS[random.below(WORDS.len())].as_bytes();
        match random.below(9) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = random.next() as u8,
            2 => drop(bytes.drain(at.min(end)..end)),
            3 => {
                let again = bytes[at.min(end)..end].to_vec();
                bytes.splice(at..at, again);
            }
            4 => drop(bytes.splice(at..at, word.iter().copied())),
            5 => {
                if let Some((from, to)) = number(&bytes, at) {
                    bytes.splice(from..to, word.iter().copied());
                }
            }
            6 => bytes.truncate(at),
            7 => {
                let from = random.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            _ => {
                let line = bytes[at.min(end)..].split(|it| *it == b'\n').next().unwrap_or_default();
                let line = line.to_vec();
                bytes.extend_from_slice(&line);
                bytes.push(b'\n');
            }
        }
    }
    bytes
}

/// Fails unless the target takes all of its corpus and `n` inputs made of it, and shows the first
/// that it does not.
#[track_caller]
pub(crate) fn check(target: &str, n: usize, body: fn(&[u8])) {
    let corpus = corpus(target);
    let run = |bytes: &[u8], what: &str| {
        if let Err(panic) = panic::catch_unwind(AssertUnwindSafe(|| body(bytes))) {
            // The panic has said why.
            let input = bytes.escape_ascii();
            writeln!(io::stderr(), "target {target}, {what}: \"{input}\"").ok();
            panic::resume_unwind(panic);
        }
    };
    corpus.iter().for_each(|(path, bytes)| run(bytes, &path.display().to_string()));
    let times = env::var("PHI_FUZZ").map_or(1, |it| it.parse().expect("PHI_FUZZ: a number"));
    let mut random = Random(
        target
            .bytes()
            .fold(1_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte))),
    );
    for index in 0..n * times {
        let (_, bytes) = &corpus[random.below(corpus.len())];
        let (_, other) = &corpus[random.below(corpus.len())];
        run(&mutated(bytes, other, &mut random), &format!("input {index}"));
    }
}
