//! Inner loops with the widest vectors of this machine. These change nothing but the speed: every
//! element is computed by itself, in integers or by the same float operations.

/// Defines a function that is compiled twice on x86-64, and picks the version when it is called.
macro_rules! widest {
    ($(#[$meta:meta])* fn $name:ident($($arg:ident: $type:ty),*) $(-> $out:ty)? $body:block) => {
        $(#[$meta])*
        pub(crate) fn $name($($arg: $type),*) $(-> $out)? {
            #[inline(always)]
            fn any($($arg: $type),*) $(-> $out)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn avx2($($arg: $type),*) $(-> $out)? {
                    any($($arg),*)
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: the feature has just been detected.
                    return unsafe { avx2($($arg),*) };
                }
            }
            any($($arg),*)
        }
    };
}
pub(crate) use widest;

widest! {
    /// The smallest of `a[i] - b[i]`; `i64::MAX` if there are none.
    fn least_difference(a: &[i64], b: &[i64]) -> i64 {
        a.iter().zip(b).map(|(a, b)| a - b).min().unwrap_or(i64::MAX)
    }
}

widest! {
    /// Adds `|x - values[i]|` to `sums[i]`.
    fn add_distances(sums: &mut [i64], x: i64, values: &[i64]) {
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += (x - value).abs());
    }
}

widest! {
    /// Adds `|x - values[i]|` to `sums[i]`.
    fn add_distances_f64(sums: &mut [f64], x: f64, values: &[f64]) {
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += (x - value).abs());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_element_by_element() {
        let a: Vec<i64> = (0..37).map(|it| (it * 7919) % 101 - 50).collect();
        let b: Vec<i64> = (0..37).map(|it| (it * 104_729) % 97 - 40).collect();
        let expected = (0..37).map(|idx| a[idx] - b[idx]).min();
        assert_eq!(Some(least_difference(&a, &b)), expected);
        assert_eq!(least_difference(&[], &[]), i64::MAX);
        let mut sums = b.clone();
        add_distances(&mut sums, 3, &a);
        assert!((0..37).all(|idx| sums[idx] == b[idx] + (3 - a[idx]).abs()));
        let floats: Vec<f64> = a.iter().map(|&it| it as f64 / 8.0).collect();
        let mut sums = vec![0.25; 37];
        add_distances_f64(&mut sums, 0.5, &floats);
        assert!((0..37).all(|idx| sums[idx] == 0.25 + (0.5 - floats[idx]).abs()));
    }
}
