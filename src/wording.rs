//! Lists, times and sizes in words for a person.

use std::fmt;
use std::time::Duration;

/// A text with at most some hundred letters: what a damaged file says may be of any length.
pub(crate) fn short(text: &str) -> String {
    const MOST: usize = 300;
    match text.char_indices().nth(MOST) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

/// The items as a list for a person: `a, b, c`.
pub(crate) fn list<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|it| it.to_string()).collect::<Vec<_>>().join(", ")
}

/// Ascending whole numbers for a person: `1 to 400, 999`. Of very many only the first are named.
pub(crate) fn numbers(items: &[u64]) -> String {
    const NAMED: usize = 20;
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for &it in items {
        match runs.last_mut() {
            Some((_, end)) if end.checked_add(1) == Some(it) => *end = it,
            _ => runs.push((it, it)),
        }
    }
    let text = |&(from, to): &(u64, u64)| match to - from {
        0 => from.to_string(),
        1 => format!("{from}, {to}"),
        _ => format!("{from} to {to}"),
    };
    let named = list(runs.iter().take(NAMED).map(text));
    match runs.get(NAMED) {
        None => named,
        Some((from, _)) => {
            format!("{named} and {} more", items.iter().filter(|it| *it >= from).count())
        }
    }
}

/// A duration for a person: `40 s`, `12 min`, `3 h 20 min`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().ceil() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Bytes for a person: `24 MiB`, `11.2 GiB`.
pub(crate) fn size(bytes: u64) -> String {
    match bytes >> 20 {
        mib @ 0..1024 => format!("{mib} MiB"),
        _ => format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_numbers_are_short() {
        assert_eq!(numbers(&[]), "");
        assert_eq!(numbers(&[42, 123]), "42, 123");
        assert_eq!(
            numbers(&[1, 2, 4, 5, 6, u64::MAX - 1, u64::MAX]),
            "1, 2, 4 to 6, 18446744073709551614, 18446744073709551615"
        );
        let even: Vec<u64> = (0..100).map(|it| 2 * it).collect();
        assert!(numbers(&even).ends_with("36, 38 and 80 more"), "{}", numbers(&even));
    }
}
