//! Sizes and factors: what is shown to people, and conversions that say why they are exact enough.

/// A size for people: GiB with one decimal, or MiB.
pub(crate) fn bytes(n: u64) -> String {
    const GIB: u64 = 1 << 30;
    if n >= GIB {
        format!("{:.1} GiB", as_f64(n) / as_f64(GIB))
    } else {
        format!("{} MiB", n >> 20)
    }
}

/// More memory than any machine has, 1 PiB. A figure from outside that is larger is a wrong one; below it, thousands of
/// them can be added up.
pub(crate) const MOST_BYTES: u64 = 1 << 50;

/// The bytes of so many KiB, [`MOST_BYTES`] at most.
pub(crate) fn kib(n: u64) -> u64 {
    n.saturating_mul(1 << 10).min(MOST_BYTES)
}

/// The bytes of so many MiB, for people.
pub(crate) fn mib(n: u64) -> u64 {
    n.saturating_mul(1 << 20)
}

/// A sum of figures from outside, which may be anything.
pub(crate) fn sum(numbers: impl IntoIterator<Item = u64>) -> u64 {
    numbers.into_iter().fold(0, u64::saturating_add)
}

pub(crate) fn times(bytes: u64, factor: f64) -> u64 {
    round(as_f64(bytes) * factor)
}

/// Exact below 2⁵³, which no size or time here reaches.
pub(crate) fn as_f64(n: impl TryInto<u64>) -> f64 {
    n.try_into().unwrap_or(u64::MAX) as f64
}

/// `as` saturates, and nothing here is negative.
pub(crate) fn round(x: f64) -> u64 {
    x.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

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
