//! Records that carry a check of themselves, so that a flipped bit, a lost line or a cut end is
//! noticed.
//!
//! A sealed record is a JSON object whose last member is `"check"`: 16 hexadecimal digits of a
//! BLAKE3 hash of every byte before that member. Only the bytes that the program wrote pass; the
//! check is of damage, not of intent. This module knows nothing of what the records say.
//!
//! The lines of a [`Chain`] are sealed together with the line before them: a line that was lost,
//! moved or written twice is noticed as well.

use std::collections::HashMap;
use std::fmt;

/// The check of a record, which stands at its end: the first bytes of a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Check([u8; 8]);

impl Check {
    /// The check that the first line of a chain follows.
    const NONE: Check = Check([0; 8]);

    /// Reads what [`Display`](fmt::Display) writes, and some that it does not.
    fn parse(text: &str) -> Option<Check> {
        u64::from_str_radix(text, 16).ok().map(|it| Check(it.to_be_bytes()))
    }

    fn of(kind: &str, after: Check, body: impl AsRef<[u8]>) -> Check {
        let mut hasher = blake3::Hasher::new_derive_key("phi-validation sealed record v1");
        hasher.update(&(kind.len() as u64).to_le_bytes());
        hasher.update(kind.as_bytes());
        hasher.update(&after.0);
        hasher.update(body.as_ref());
        let hash = hasher.finalize();
        Check(*hash.as_bytes().first_chunk().expect("a hash has 32 bytes"))
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// The text around the member in an object, up to the object's end: on one line, and on several.
const FORMS: [(&str, &str); 2] = [(",\"check\":\"", "\"}"), (",\n  \"check\": \"", "\"\n}")];

/// The number of hexadecimal digits.
const DIGITS: usize = 16;

/// The checks of lines that have no room for them. Each is one of its line and of all lines before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LineChecks {
    kind: &'static str,
    last: Check,
}

impl LineChecks {
    /// The checks of the lines of a file of some kind, from its first line on.
    pub(crate) fn new(kind: &'static str) -> LineChecks {
        LineChecks { kind, last: Check::NONE }
    }

    /// The check of the next line, given without its newline.
    pub(crate) fn follow(&mut self, line: &[u8]) -> String {
        self.last = Check::of(self.kind, self.last, line);
        self.last.to_string()
    }

    /// `true` if a file begins as one of checks, a line each, or is the torn beginning of one.
    pub(crate) fn begins(content: &[u8]) -> bool {
        let (check, rest) = content.split_at(content.len().min(DIGITS));
        check.iter().all(u8::is_ascii_hexdigit) && rest.first().is_none_or(|it| *it == b'\n')
    }

    /// The number of bytes by which [`begins`](LineChecks::begins) tells.
    pub(crate) const BEGINNING: usize = DIGITS + 1;
}

/// Seals a JSON object of some kind, which is written on one line or as `serde_json` writes it for
/// people. It ends as it did, without a newline.
pub(crate) fn seal(kind: &str, object: &str) -> String {
    seal_after(kind, Check::NONE, object).0
}

fn seal_after(kind: &str, after: Check, object: &str) -> (String, Check) {
    let body = object.strip_suffix('}').expect("a JSON object").trim_end();
    let (before, end) = FORMS[usize::from(object.contains('\n'))];
    let check = Check::of(kind, after, body);
    (format!("{body}{before}{check}{end}"), check)
}

/// The object that was sealed.
///
/// # Errors
/// If it has no check, or another one than expected.
pub(crate) fn unseal(kind: &str, text: &str) -> Result<String, String> {
    let (body, found) = parts(text)?;
    let expected = Check::of(kind, Check::NONE, body).to_string();
    if found != expected {
        return Err(format!(
            "check {found:?}: expected {expected:?}, so it was changed or damaged"
        ));
    }
    Ok(format!("{body}}}"))
}

/// Divides a text into what stands before the check, and the check.
fn parts(text: &str) -> Result<(&str, &str), String> {
    let of_form = |(before, end): (&str, &str)| {
        let text = text.strip_suffix(end)?;
        let (text, check) = text.split_at_checked(text.len().checked_sub(DIGITS)?)?;
        Some((text.strip_suffix(before)?, check))
    };
    FORMS.into_iter().find_map(of_form).ok_or_else(|| {
        "no check at its end: it was cut or changed, or written by an earlier version of this \
         program, whose runs are not gone on with: give the run another name"
            .to_owned()
    })
}

/// The lines of a file to which sessions append, one after the other.
///
/// Each line follows the one before it. If two sessions wrote at the same time, which locks prevent
/// where there are any, their lines stand among each other, but each still follows one of its own.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    kind: &'static str,
    last: Check,
    /// The last line of each session.
    ends: Vec<Check>,
    /// The number of each line, counted from 1, and the check that it follows.
    lines: HashMap<Check, (usize, Check)>,
    n_lines: usize,
}

/// The place where a line belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// It begins a session.
    Start,
    /// It goes on with this session, counted from 0.
    Of(usize),
    /// It is the same as this earlier line, counted from 1.
    Again(usize),
}

impl Chain {
    /// A chain without lines.
    pub(crate) fn new(kind: &'static str) -> Chain {
        let (ends, lines) = (Vec::new(), HashMap::new());
        Chain { kind, last: Check::NONE, ends, lines, n_lines: 0 }
    }

    /// The next line, without its newline. It counts once [`read`](Chain::read) has seen it.
    pub(crate) fn next(&self, object: &str) -> String {
        seal_after(self.kind, self.last, object).0
    }

    /// The number of lines that were read.
    pub(crate) fn len(&self) -> usize {
        self.n_lines
    }

    /// Reads the next line of the file: its object, and where it belongs. `is_start` says of the
    /// object whether it begins a session.
    ///
    /// # Errors
    /// If it has no check, or follows no line that is there.
    pub(crate) fn read(
        &mut self,
        line: &str,
        is_start: impl Fn(&str) -> bool,
    ) -> Result<(String, Link), String> {
        self.n_lines += 1;
        let (body, found) = parts(line)?;
        let object = format!("{body}}}");
        let check_after = |after: Check| {
            let check = Check::of(self.kind, after, body);
            (check.to_string() == found).then_some((check, after))
        };
        // A line that was written twice follows what it followed at first.
        let earlier = Check::parse(found).and_then(|it| self.lines.get(&it));
        if let Some(&(line, after)) = earlier
            && check_after(after).is_some()
        {
            return Ok((object, Link::Again(line)));
        }
        let linked = if is_start(&object) {
            let mut ends = [self.last, Check::NONE].into_iter().chain(self.lines.keys().copied());
            ends.find_map(check_after).map(|it| (it, Link::Start))
        } else {
            let mut sessions = (0..self.ends.len()).rev();
            sessions.find_map(|it| Some((check_after(self.ends[it])?, Link::Of(it))))
        };
        let Some(((check, after), link)) = linked else {
            return Err(format!(
                "check {found:?}: this line was changed or damaged, or the line before it was \
                 lost or moved"
            ));
        };
        match link {
            Link::Of(session) => self.ends[session] = check,
            _ => self.ends.push(check),
        }
        self.lines.insert(check, (self.n_lines, after));
        self.last = check;
        Ok((object, link))
    }
}

/// The lines of a text without their checks, changed by `change`, and sealed again: what a program
/// that computes wrongly would have written. `None` if they are no objects, or do not begin with a
/// session.
#[cfg(test)]
pub(crate) fn resealed(
    kind: &'static str,
    text: &str,
    change: impl FnOnce(&str) -> String,
) -> Option<String> {
    let objects = text.lines().map(|it| format!("{}}}\n", parts(it).unwrap().0));
    let changed = change(&objects.collect::<String>());
    let mut chain = Chain::new(kind);
    let mut sealed = String::new();
    for object in changed.lines().filter(|it| !it.is_empty()) {
        if !object.ends_with('}') {
            return None;
        }
        let line = chain.next(object);
        chain.read(&line, |it| it.contains("\"kind\":\"session\"")).ok()?;
        sealed += &(line + "\n");
    }
    Some(sealed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "test";

    fn is_start(object: &str) -> bool {
        object.starts_with("{\"start\"")
    }

    /// Returns the places where the lines belong, or the number of the first that belongs nowhere.
    fn links(lines: &[&str]) -> Result<Vec<Link>, usize> {
        let mut chain = Chain::new(KIND);
        let link = |(at, line): (usize, &&str)| match chain.read(line, is_start) {
            Ok((_, link)) => Ok(link),
            Err(_) => Err(at + 1),
        };
        lines.iter().enumerate().map(link).collect()
    }

    fn append(chain: &mut Chain, object: &str) -> String {
        let line = chain.next(object);
        let (found, _) = chain.read(&line, is_start).unwrap();
        assert_eq!(found, object);
        line
    }

    #[test]
    fn a_record_that_was_changed_at_any_bit_is_refused() {
        let pretty = serde_json::to_string_pretty(&serde_json::json!({"a": [1, 2], "b": "é"}));
        for object in ["{\"a\":1,\"b\":{\"c\":[2.5]}}", &pretty.unwrap()] {
            let sealed = seal(KIND, object);
            let value: serde_json::Value = serde_json::from_str(&sealed).unwrap();
            assert_eq!(value["check"].as_str().unwrap().len(), DIGITS);
            let found: serde_json::Value =
                serde_json::from_str(&unseal(KIND, &sealed).unwrap()).unwrap();
            assert_eq!(found, serde_json::from_str::<serde_json::Value>(object).unwrap());
            assert!(unseal("other", &sealed).is_err());
            for at in 0..sealed.len() {
                for bit in 0..8 {
                    let mut bytes = sealed.clone().into_bytes();
                    bytes[at] ^= 1 << bit;
                    if let Ok(text) = String::from_utf8(bytes) {
                        assert!(unseal(KIND, &text).is_err(), "{text}");
                    }
                }
                if sealed.is_char_boundary(at) {
                    assert!(unseal(KIND, &sealed[..at]).is_err());
                }
            }
        }
        let error = unseal(KIND, "{\"a\":1}").unwrap_err();
        assert!(error.contains("written by an earlier version"), "{error}");
    }

    #[test]
    fn a_lost_moved_or_doubled_line_is_noticed() {
        let mut chain = Chain::new(KIND);
        let objects = ["{\"start\":1}", "{\"a\":1}", "{\"b\":1}", "{\"start\":2}", "{\"c\":1}"];
        let lines = objects.map(|it| append(&mut chain, it));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let whole = vec![Link::Start, Link::Of(0), Link::Of(0), Link::Start, Link::Of(1)];
        assert_eq!(links(&lines), Ok(whole.clone()));
        for at in 0..lines.len() {
            assert_eq!(links(&lines[..at]), Ok(whole[..at].to_vec()), "cut after {at}");
            let mut lost = lines.clone();
            lost.remove(at);
            let expected =
                if at + 1 < lines.len() { Err(at + 1) } else { Ok(whole[..at].to_vec()) };
            assert_eq!(links(&lost), expected, "without line {}", at + 1);
            let mut doubled = lines.clone();
            doubled.insert(at, lines[at]);
            let mut expected = whole.clone();
            expected.insert(at + 1, Link::Again(at + 1));
            assert_eq!(links(&doubled), Ok(expected), "line {} twice", at + 1);
            if at > 0 {
                let mut swapped = lines.clone();
                swapped.swap(at - 1, at);
                assert!(links(&swapped).is_err(), "line {} moved", at + 1);
            }
        }
    }

    #[test]
    fn lines_of_two_sessions_at_once_are_told_apart() {
        let mut first = Chain::new(KIND);
        let a = ["{\"start\":1}", "{\"a\":1}", "{\"a\":2}"].map(|it| append(&mut first, it));
        let mut second = Chain::new(KIND);
        second.read(&a[0], is_start).unwrap();
        let b = ["{\"start\":2}", "{\"b\":1}"].map(|it| append(&mut second, it));
        let lines = [&a[0], &b[0], &a[1], &b[1], &a[2]].map(String::as_str);
        use Link::{Of, Start};
        assert_eq!(links(&lines), Ok(vec![Start, Start, Of(0), Of(1), Of(0)]));
        // Both may have begun before either had written.
        let c = append(&mut Chain::new(KIND), "{\"start\":3}");
        assert_eq!(links(&[&a[0], &c, &a[1]]), Ok(vec![Start, Start, Of(0)]));
    }

    #[test]
    fn checks_of_lines_are_told_from_those_of_others() {
        let mut checks = LineChecks::new("test");
        let ours = checks.follow(b"a") + "\n" + &checks.follow(b"b") + "\n";
        assert_ne!(ours[..DIGITS], ours[LineChecks::BEGINNING..][..DIGITS]);
        for len in 0..=ours.len() {
            assert!(LineChecks::begins(&ours.as_bytes()[..len]), "{len}");
        }
        let md5 = b"d41d8cd98f00b204e9800998ecf8427e  x.csv\n";
        for others in [md5.as_slice(), b"mine", b"\n", b"12 34"] {
            assert!(!LineChecks::begins(others), "{others:?}");
        }
    }
}
