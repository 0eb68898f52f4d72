//! `--wait`: wait until the plan fits and no other cargo builds in the same folder, and say what is
//! waited for.
//!
//! Only what can go away by itself is waited for ([`crate::plan::obstacle`]).

use std::{
    str::FromStr,
    thread,
    time::{Duration, Instant},
};

use anyhow::bail;

use crate::{
    console::Console,
    exit::{Coded, Exit},
    numbers::duration,
    plan::obstacle::Obstacle,
};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// Longest wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitTimeout {
    /// As long as it takes.
    Endless,
    /// At most this long.
    For(Duration),
}

/// Looks again and again until nothing stands in the way. Whether there was anything to wait for.
///
/// # Errors
/// If the time is up, or `look` fails.
pub(crate) fn until_clear(
    patience: WaitTimeout,
    console: &mut Console,
    mut look: impl FnMut() -> anyhow::Result<Vec<Obstacle>>,
) -> anyhow::Result<bool> {
    let begun = Instant::now();
    let mut said: Vec<Obstacle> = Vec::new();
    loop {
        let obstacles = look()?;
        if obstacles.is_empty() {
            if !said.is_empty() {
                say_waited(begun.elapsed(), console);
            }
            return Ok(!said.is_empty());
        }
        let is_new = obstacles.len() != said.len()
            || obstacles.iter().zip(&said).any(|(now, said)| now.differs(said));
        if is_new {
            say_waiting(&obstacles, begun.elapsed(), console);
            said.clone_from(&obstacles);
        }
        if let WaitTimeout::For(most) = patience
            && begun.elapsed() >= most
        {
            let what: Vec<String> = obstacles.iter().map(ToString::to_string).collect();
            let message =
                format!("the wait timed out after {} s: {}", most.as_secs(), what.join("; "));
            bail!(Coded { exit: Exit::NotReady, message });
        }
        thread::sleep(EVERY);
    }
}

/// Tells what is waited for.
fn say_waiting(obstacles: &[Obstacle], since: Duration, console: &mut Console) {
    let after = match since.as_secs() {
        0 => String::new(),
        seconds => format!(" ({} so far)", duration(seconds)),
    };
    for it in obstacles {
        console.note(&format!("waiting{after}: {it}"));
    }
    if !console.has_recorded("waited_for") {
        console.record("waited_for", &obstacles);
    }
}

/// Tells that nothing stands in the way any more.
fn say_waited(time: Duration, console: &mut Console) {
    console.note(&format!("waited {}; going on", duration(time.as_secs())));
    console.record("waited_seconds", &time.as_secs_f64());
}

impl FromStr for WaitTimeout {
    type Err = String;

    /// `90`, `90s`, `15m`, `2h`.
    fn from_str(text: &str) -> Result<WaitTimeout, String> {
        let expected = || format!("expected a time as `90s`, `15m` or `2h`, found `{text}`");
        if text == "endless" {
            return Ok(WaitTimeout::Endless);
        }
        let digits = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
        let factor = match &text[digits.len()..] {
            "" | "s" => 1,
            "m" | "min" => 60,
            "h" => 3600,
            _ => return Err(expected()),
        };
        let n: u64 = digits.parse().map_err(|_| expected())?;
        let seconds = n.checked_mul(factor).ok_or_else(expected)?;
        Ok(WaitTimeout::For(Duration::from_secs(seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let seconds = |it| Ok(WaitTimeout::For(Duration::from_secs(it)));
        let cases = [
            ("90", seconds(90)),
            ("90s", seconds(90)),
            ("15m", seconds(900)),
            ("2h", seconds(7200)),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<WaitTimeout>(), expected);
        }
        assert_eq!("endless".parse(), Ok(WaitTimeout::Endless));
        for bad in ["", "m", "5 m", "-5", "1d", "1.5h", "99999999999999999999h"] {
            let error = bad.parse::<WaitTimeout>().unwrap_err();
            assert!(error.contains(&format!("found `{bad}`")), "{error}");
        }
    }
}
