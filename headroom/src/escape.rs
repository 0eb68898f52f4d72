//! Text of users for each place where it is shown: one function a place.
//!
//! A name can hold anything: a newline that begins a line of its own, an escape sequence that
//! clears the screen, a letter that turns the rest of the line around, a bar that ends a cell, what
//! a spreadsheet takes for a formula. What is not seen, or moves what is seen, is written out
//! (`visible`); what means something in the place is escaped. Text of this program passes
//! unchanged, so whole sentences with names in them can be given.

use std::fmt::Write;

/// `true` if a character is not seen, or changes where others are seen: control characters,
/// separators of lines, marks of the direction of text, and what is no character.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{fdd0}'..='\u{fdef}'
                | '\u{e0000}'..='\u{e007f}'
        )
        || u32::from(character) & 0xfffe == 0xfffe
}

/// The text with everything hidden written out: `\n`, `\u{202e}`.
fn visible(text: &str) -> String {
    escaped(text, |_, it, _, out| write_out(it, out))
}

fn write_out(hidden: char, out: &mut String) -> bool {
    is_hidden(hidden) && write!(out, "{}", hidden.escape_default()).is_ok()
}

/// A word or a line for a terminal.
///
/// ```text
/// assert_eq!(terminal("pilot\n\u{1b}[2J"), "pilot\\n\\u{1b}[2J");
/// ```
pub fn terminal(text: &str) -> String {
    visible(text)
}

/// Lines for a terminal, whose newlines are those of this program: names in them went through
/// [`terminal`].
pub fn terminal_lines(text: &str) -> String {
    escaped(text, |_, it, _, out| it != '\n' && write_out(it, out))
}

/// Text for XML and HTML, within elements and attributes. The two accept almost the same
/// characters; what either refuses is hidden.
///
/// ```text
/// assert_eq!(xml("a < b\u{1b}\u{fffe}"), "a &lt; b\\u{1b}\\u{fffe}");
/// ```
pub fn xml(text: &str) -> String {
    escaped(&visible(text), |_, it, _, out| {
        out.push_str(match it {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\'' => "&#39;",
            _ => return false,
        });
        true
    })
}

/// Text within a paragraph, a heading or a cell of Markdown (CommonMark with the tables of GitHub).
///
/// ```text
/// assert_eq!(markdown("a|b `c` *d* <e>"), r"a\|b \`c\` \*d\* \<e>");
/// assert_eq!(markdown("phi_hdc < 0.5, R² > 0.6"), "phi_hdc < 0.5, R² > 0.6");
/// ```
pub fn markdown(text: &str) -> String {
    escaped(&visible(text), |before, it, after, out| {
        let special = match it {
            '\\' | '`' | '*' | '[' | ']' | '|' | '~' | '&' | '$' => true,
            // Within a word it is a letter.
            '_' => ![before, after].iter().all(|it| it.is_some_and(char::is_alphanumeric)),
            // Before anything else it is a sign.
            '<' => after.is_some_and(|it| it.is_ascii_alphabetic() || "/!?".contains(it)),
            // At the start these begin a heading, a quotation or a list.
            '#' | '>' => before.is_none(),
            '-' | '+' => before.is_none() && after == Some(' '),
            _ => false,
        };
        if special {
            out.extend(['\\', it]);
        }
        special
    })
}

/// A block of code of Markdown, whose fence is longer than any in the text.
pub fn markdown_code(text: &str) -> String {
    let text = visible(text);
    let longest = text.split(|it| it != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(3.max(longest + 1));
    format!("{fence}\n{text}\n{fence}")
}

/// A cell of a CSV. What a spreadsheet would take for a formula gets an apostrophe before it, which
/// spreadsheets do not show; numbers stay numbers.
///
/// ```text
/// assert_eq!(csv("-0.5"), "-0.5");
/// assert_eq!(csv("-cmd"), "'-cmd");
/// assert_eq!(csv("a,\"b\""), "\"a,\"\"b\"\"\"");
/// ```
pub fn csv(cell: &str) -> String {
    let mut cell = visible(cell);
    let is_number = cell.parse::<f64>().is_ok() || cell == "-";
    if cell.starts_with(FORMULA) && !is_number {
        cell.insert(0, '\'');
    }
    match cell.contains([',', '"']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}

/// The characters with which formulas begin.
const FORMULA: [char; 4] = ['=', '+', '-', '@'];

/// An argument as a POSIX shell reads it.
///
/// ```text
/// assert_eq!(shell("--out=a.csv"), "--out=a.csv");
/// assert_eq!(shell("it's; rm"), r"'it'\''s; rm'");
/// ```
pub fn shell(argument: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_./:=,@%+".contains(it);
    match !argument.is_empty() && argument.chars().all(is_plain) {
        true => argument.to_owned(),
        false => format!("'{}'", argument.replace('\'', r"'\''")),
    }
}

/// The text with some characters replaced: `replace` is given the character before, a character,
/// the one after, and where to write instead of it, and says whether it did.
fn escaped(
    text: &str,
    replace: impl Fn(Option<char>, char, Option<char>, &mut String) -> bool,
) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut before, mut rest) = (None, text.chars().peekable());
    while let Some(it) = rest.next() {
        if !replace(before, it, rest.peek().copied(), &mut out) {
            out.push(it);
        }
        before = Some(it);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that a name could do harm with.
    const HOSTILE: &str =
        "a\n| b\r\u{1b}[2J\u{202e}c\u{0}\u{9b}2J\u{2028}</title>&\u{fffe}\u{1ffff}\u{feff}`*_";

    #[test]
    fn no_place_gets_what_is_hidden() {
        for text in [terminal(HOSTILE), xml(HOSTILE), markdown(HOSTILE), csv(HOSTILE)] {
            assert!(!text.contains(is_hidden), "{text:?}");
            assert!(text.contains("\\u{202e}") || text.contains("\\\\u{202e}"), "{text}");
        }
        assert!(!terminal_lines(HOSTILE).replace('\n', "").contains(is_hidden));
        assert!(!markdown_code(HOSTILE).replace('\n', "").contains(is_hidden));
    }

    #[test]
    fn what_people_write_stays() {
        for text in
            ["Φ = 0.5 (r > 0.6: yes)", "神経 1", "naïve – “é”", "phi_hdc - phi_exact", "-0.5", "-"]
        {
            assert_eq!(terminal(text), text);
            assert_eq!(markdown(text), text);
            assert_eq!(csv(text), text);
        }
    }

    #[test]
    fn every_character_is_xml_or_is_written_out() {
        // XML 1.0, production 2, but without the control characters that HTML refuses.
        let is_allowed = |it: char| {
            matches!(it, ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
                && !it.is_control()
        };
        for it in (0..=0x10ffff).filter_map(char::from_u32) {
            assert!(xml(&it.to_string()).chars().all(is_allowed), "{it:?}");
        }
    }

    #[test]
    fn formulas_are_told_from_numbers() {
        for formula in ["=1+1", "+a", "-a", "@SUM(1)", "-1+2", "--1"] {
            assert_eq!(csv(formula), format!("'{formula}"));
        }
        for number in ["-0.5", "+1", "-1e-9", "0", "5", "-"] {
            assert_eq!(csv(number), number);
        }
        assert_eq!(csv("=1,\"2\""), "\"'=1,\"\"2\"\"\"");
    }

    #[test]
    fn a_fence_is_longer_than_what_is_in_it() {
        assert_eq!(markdown_code("a"), "```\na\n```");
        assert_eq!(markdown_code("```\n# b"), "````\n```\\n# b\n````");
    }
}
