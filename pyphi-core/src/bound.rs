//! The smallest distance of a cut so far: what the search for Φ prunes by, shared by all who
//! search.

use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::fixed::cost_to_f64;

/// A distance between cause-effect structures, exactly: an integer number of 2⁻¹⁰⁰ bit flips
/// weighted by φ. In text and JSON it is that integer, in quotes there, since most readers of JSON
/// round large numbers.
///
/// ```
/// use pyphi_core::pieces::Distance;
///
/// let distance: Distance = "633825300114114700748351602688".parse()?;
/// assert_eq!(distance.to_f64(), 0.5);
/// # Ok::<(), std::num::ParseIntError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Distance(pub(crate) i128);

impl Distance {
    /// In bit flips weighted by φ, as Φ is.
    pub fn to_f64(self) -> f64 {
        cost_to_f64(self.0)
    }
}

impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Distance {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Distance, Self::Err> {
        text.parse().map(Distance)
    }
}

impl TryFrom<String> for Distance {
    type Error = String;

    fn try_from(text: String) -> Result<Distance, String> {
        text.parse().map_err(|_| format!("{text:?}, expected a whole number"))
    }
}

impl From<Distance> for String {
    fn from(distance: Distance) -> String {
        distance.to_string()
    }
}

/// The smallest distance of a cut that anyone knows of. A search reads it often, also in the midst
/// of a cut, and lowers it to what it finds; so can other pieces, at any time.
#[derive(Debug, Default)]
pub struct Bound {
    best: Mutex<Option<i128>>,
}

impl Bound {
    /// The bound that a known distance is.
    pub fn new(best: Option<Distance>) -> Bound {
        Bound { best: Mutex::new(best.map(|it| it.0)) }
    }

    /// The smallest distance so far, if there is one.
    pub fn get(&self) -> Option<Distance> {
        self.total().map(Distance)
    }

    /// Says that some cut has this distance. A larger one than is known changes nothing.
    pub fn lower(&self, distance: Distance) {
        self.lower_total(distance.0);
    }

    pub(crate) fn total(&self) -> Option<i128> {
        *self.best.lock().expect("no thread panics with the lock held")
    }

    pub(crate) fn lower_total(&self, total: i128) {
        let mut best = self.best.lock().expect("no thread panics with the lock held");
        *best = Some(best.map_or(total, |best| best.min(total)));
    }
}
