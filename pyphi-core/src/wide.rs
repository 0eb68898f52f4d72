//! Probabilities whose exponent has no end: for products that a float would round to 0.
//!
//! A product of a few probabilities that a file may hold (the smallest is 5e-324) is below the
//! range of a float. Where such products are compared with each other, and only their ratios count,
//! the range must not end. A [`Wide`] is rounded as a float is, so both give the same digits
//! wherever a float has them.

/// A number that is not negative: `mantissa · 2^exponent`, the mantissa being 0 or in [0.5, 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Wide {
    mantissa: f64,
    exponent: i32,
}

impl Wide {
    pub(crate) const ZERO: Wide = Wide { mantissa: 0.0, exponent: 0 };
    pub(crate) const ONE: Wide = Wide { mantissa: 0.5, exponent: 1 };

    /// The number `mantissa · 2^exponent` of any finite mantissa that is not negative.
    pub(crate) fn new(mantissa: f64, exponent: i32) -> Wide {
        debug_assert!(mantissa >= 0.0 && mantissa.is_finite());
        if mantissa == 0.0 {
            return Wide::ZERO;
        }
        // Subnormal numbers get a normal exponent first.
        let (normal, shift) = match mantissa < f64::MIN_POSITIVE {
            true => (mantissa * power_of_two(64), 64),
            false => (mantissa, 0),
        };
        let bits = normal.to_bits();
        let stored = (bits >> 52) as i32;
        Wide {
            mantissa: f64::from_bits(bits & ((1 << 52) - 1) | 1022 << 52),
            exponent: stored - 1022 - shift + exponent,
        }
    }

    pub(crate) fn is_zero(self) -> bool {
        self.mantissa == 0.0
    }

    pub(crate) fn exponent(self) -> i32 {
        self.exponent
    }

    pub(crate) fn times(self, other: Wide) -> Wide {
        Wide::new(self.mantissa * other.mantissa, self.exponent + other.exponent)
    }

    pub(crate) fn plus(self, other: Wide) -> Wide {
        if self.is_zero() || other.is_zero() {
            return if self.is_zero() { other } else { self };
        }
        let (large, small) = match self.exponent < other.exponent {
            true => (other, self),
            false => (self, other),
        };
        Wide::new(large.mantissa + small.scaled(-large.exponent), large.exponent)
    }

    /// The quotient. `other` must not be 0.
    pub(crate) fn over(self, other: Wide) -> Wide {
        Wide::new(self.mantissa / other.mantissa, self.exponent - other.exponent)
    }

    pub(crate) fn half(self) -> Wide {
        if self.is_zero() { self } else { Wide { exponent: self.exponent - 1, ..self } }
    }

    pub(crate) fn midpoint(self, other: Wide) -> Wide {
        self.plus(other).half()
    }

    /// The float nearest to `self · 2^by`, which must be below the largest one.
    pub(crate) fn scaled(self, by: i32) -> f64 {
        let exponent = self.exponent + by;
        if self.is_zero() || exponent < -1100 {
            return 0.0;
        }
        // In two steps, since 2^exponent itself may not be a float.
        let first = exponent.clamp(-1000, 1000);
        self.mantissa * power_of_two(first) * power_of_two(exponent - first)
    }

    /// `-log2(self · 2^by)`: more digits than by taking the logarithm first, if little is left of
    /// the exponent.
    pub(crate) fn surprise(self, by: i32) -> f64 {
        -(self.mantissa.log2() + f64::from(self.exponent + by))
    }
}

/// 2^exponent, which must be a normal float.
pub(crate) fn power_of_two(exponent: i32) -> f64 {
    debug_assert!((-1022..=1023).contains(&exponent));
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// Numbers as floats, all multiplied by the power of two that brings the largest to [0.5, 1), and
/// that power's negative exponent: `numbers[i] = out[i] · 2^returned`. 0 if all are 0.
pub(crate) fn to_common_scale(numbers: &[Wide], out: &mut Vec<f64>) -> i32 {
    let largest = numbers.iter().filter(|it| !it.is_zero()).map(|it| it.exponent).max();
    let exponent = largest.unwrap_or(0);
    out.clear();
    out.extend(numbers.iter().map(|it| it.scaled(-exponent)));
    exponent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_floats_where_floats_are_exact() {
        let values = [0.0, 1.0, 0.75, 1e-10, 3.0, 1e-160, 0.1, f64::MIN_POSITIVE, 5e-324, 1e-310];
        for a in values {
            assert_eq!(Wide::new(a, 0).scaled(0), a);
            assert_eq!(Wide::new(a, 7).half().scaled(-6), a);
            for b in values {
                let (x, y) = (Wide::new(a, 0), Wide::new(b, 0));
                assert_eq!(x.plus(y).scaled(0), a + b);
                if a * b == 0.0 || a * b > 1e-300 {
                    assert_eq!(x.times(y).scaled(0), a * b, "{a} times {b}");
                }
                if b > 0.0 && (a / b).is_finite() && (a == 0.0 || a / b > 1e-300) {
                    assert_eq!(x.over(y).scaled(0), a / b);
                }
            }
        }
        assert_eq!(Wide::new(0.25, 0).surprise(0), 2.0);
        assert_eq!(Wide::ONE.scaled(3), 8.0);
    }

    #[test]
    fn products_below_the_range_of_floats_keep_their_ratio() {
        let tiny = Wide::new(5e-324, 0);
        let power = |n: u32| (0..n).fold(Wide::ONE, |product, _| product.times(tiny));
        assert_eq!(power(9).surprise(0), 9.0 * 1074.0);
        let mut out = Vec::new();
        let exponent = to_common_scale(&[power(9).plus(power(9)), power(9), Wide::ZERO], &mut out);
        assert_eq!(out, [0.5, 0.25, 0.0]);
        assert_eq!(exponent, 2 - 9 * 1074);
        assert_eq!(to_common_scale(&[Wide::ZERO; 2], &mut out), 0);
    }
}
