//! Sizes, times and factors: as they are shown to people, and conversions that say why they are
//! exact enough.

/// A size for people: GiB with one decimal, or MiB.
pub fn bytes(n: u64) -> String {
    const GIB: u64 = 1 << 30;
    if n >= GIB {
        format!("{:.1} GiB", as_f64(n) / as_f64(GIB))
    } else {
        format!("{} MiB", n >> 20)
    }
}

/// More memory than any machine has, 1 PiB. A figure from outside that is larger is a wrong one;
/// below it, thousands of them can be added up.
pub const MOST_BYTES: u64 = 1 << 50;

/// The bytes of so many KiB, [`MOST_BYTES`] at most.
pub fn kib(n: u64) -> u64 {
    n.saturating_mul(1 << 10).min(MOST_BYTES)
}

/// The bytes of so many MiB, for people.
pub fn mib(n: u64) -> u64 {
    n.saturating_mul(1 << 20)
}

/// A size as people write it: `6G`, `512MiB`, `1.5g`, or bytes.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let number = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
    let factor = match text[number.len()..].trim_end_matches('b').trim_end_matches('i') {
        "" => 1.0,
        "k" => 1024.0,
        "m" => 1024.0 * 1024.0,
        "g" => 1024.0 * 1024.0 * 1024.0,
        "t" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = number.trim().parse::<f64>().ok()? * factor;
    (1.0..=as_f64(MOST_BYTES)).contains(&bytes).then(|| round(bytes))
}

/// A sum of figures from outside, which may be anything.
pub fn sum(numbers: impl IntoIterator<Item = u64>) -> u64 {
    numbers.into_iter().fold(0, u64::saturating_add)
}

/// So many bytes, times a factor.
pub fn times(bytes: u64, factor: f64) -> u64 {
    round(as_f64(bytes) * factor)
}

/// Exact below 2⁵³, which no size or time here reaches.
pub fn as_f64(n: impl TryInto<u64>) -> f64 {
    n.try_into().unwrap_or(u64::MAX) as f64
}

/// `as` saturates, and nothing here is negative.
pub fn round(x: f64) -> u64 {
    x.round() as u64
}

/// A time for people.
pub fn duration(seconds: u64) -> String {
    match seconds {
        0..300 => format!("{seconds} s"),
        300..5400 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{}.{} h", seconds / 3600, seconds % 3600 / 360),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        let cases = [
            (0, "0 s"),
            (299, "299 s"),
            (300, "5 min"),
            (5399, "90 min"),
            (5400, "1.5 h"),
            (9000, "2.5 h"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(duration(seconds), expected);
        }
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let cases = [
            ("6G", Some(6 << 30)),
            ("1.5g", Some(3 << 29)),
            ("512 MiB", Some(512 << 20)),
            ("800MB", Some(800 << 20)),
            ("65536", Some(65536)),
            ("", None),
            ("G", None),
            ("-1G", None),
            ("6X", None),
            ("1e300G", None),
            ("NaN", None),
            ("0", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_bytes(text), expected, "{text}");
        }
    }

    #[test]
    fn sizes_are_short() {
        let cases = [
            (0, "0 MiB"),
            (1 << 29, "512 MiB"),
            (3 << 29, "1.5 GiB"),
            (25_000_000_000, "23.3 GiB"),
        ];
        for (n, expected) in cases {
            assert_eq!(bytes(n), expected);
        }
    }
}
