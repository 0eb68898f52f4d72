//! Shards: a study divided among several machines.
//!
//! `--shard i/k` does the i-th of k parts. The division is by exact problem, so no problem is solved twice, and
//! every machine finds the same one: it depends on whole numbers only. [`merge`](crate::run::merge) puts the parts
//! together again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::model::network::Network;

/// One of several parts of a study, written `i/k`: the i-th of k, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    index: usize,
    of: usize,
}

impl Shard {
    /// The `index`-th of `of` shards; none unless `1 <= index <= of`.
    pub fn new(index: usize, of: usize) -> Option<Shard> {
        (1..=of).contains(&index).then_some(Shard { index, of })
    }

    /// Which one, counted from 1.
    pub fn index(self) -> usize {
        self.index
    }

    /// How many there are.
    pub fn of(self) -> usize {
        self.of
    }

    /// For each network, the number of the shard that has it, counted from 1.
    ///
    /// The networks are dealt like cards: the largest first (by units, then connections, then place in the
    /// list), in the order 1, 2, …, k, k, …, 2, 1 and again. So the shards take about the same time.
    ///
    /// ```
    /// use phi_validation::suite::shard::Shard;
    /// use phi_validation::suite::{Settings, Suite};
    ///
    /// let suite = Suite::new(Settings::default()).unwrap();
    /// let shards = Shard::deal(suite.problems().iter().map(|it| &it.network), 3);
    /// assert_eq!(shards.len(), 48);
    /// assert!((1..=3).all(|shard| shards.iter().filter(|it| **it == shard).count() == 16));
    /// ```
    pub fn deal<'a>(networks: impl IntoIterator<Item = &'a Network>, of: usize) -> Vec<usize> {
        let size = |it: &Network| (it.n_units(), it.graph().edges().len());
        let sizes: Vec<(usize, usize)> = networks.into_iter().map(size).collect();
        let mut places: Vec<usize> = (0..sizes.len()).collect();
        places.sort_by(|&a, &b| sizes[b].cmp(&sizes[a]).then(a.cmp(&b)));
        let mut shards = vec![0; sizes.len()];
        for (card, place) in places.into_iter().enumerate() {
            let (round, turn) = (card / of, card % of);
            shards[place] = 1 + if round.is_multiple_of(2) { turn } else { of - 1 - turn };
        }
        shards
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.index, self.of))
    }
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Shard, Error> {
        let number = |text: &str| text.trim().parse::<usize>().ok();
        let shard =
            text.split_once('/').and_then(|(index, of)| Shard::new(number(index)?, number(of)?));
        shard.ok_or_else(|| {
            Error::Settings(format!(
                "shard {text:?}: expected i/k, the i-th of k shards counted from 1, as in 2/3"
            ))
        })
    }
}

impl TryFrom<String> for Shard {
    type Error = Error;

    fn try_from(text: String) -> Result<Shard, Error> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> String {
        shard.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::topology::Topology;
    use crate::suite::{Problem, Settings, Suite};
    use std::collections::HashSet;

    fn shard(text: &str) -> Shard {
        text.parse().unwrap()
    }

    #[test]
    fn shards_are_counted_from_one() {
        assert_eq!(shard("2/3"), Shard { index: 2, of: 3 });
        assert_eq!(shard("1/1").to_string(), "1/1");
        for wrong in ["0/3", "4/3", "1", "1/0", "a/b", "", "-1/3", "1/3/5"] {
            let error = wrong.parse::<Shard>().unwrap_err().to_string();
            assert!(error.contains("expected i/k, the i-th of k shards"), "{error}");
        }
    }

    #[test]
    fn every_problem_is_in_exactly_one_shard_with_all_its_comparisons() {
        let whole = Suite::new(Settings::default()).unwrap();
        for of in [1, 2, 3, 7, 48] {
            let (mut keys, mut problems) = (HashSet::new(), HashSet::new());
            for index in 1..=of {
                let shard = Shard::new(index, of);
                let part = Suite::new(Settings { shard, ..Settings::default() }).unwrap();
                assert!(!part.comparisons().is_empty(), "{index}/{of}");
                for it in part.problems() {
                    assert!(problems.insert(it.id), "{} twice", it.key);
                    let first = whole.problems().iter().find(|other| other.id == it.id).unwrap();
                    assert_eq!(it.key, first.key);
                }
                for it in part.comparisons() {
                    assert!(keys.insert(it.key), "{} twice", it.key);
                    let position = whole.position(it.key).unwrap();
                    let there = whole.problems()[whole.comparisons()[position].problem].id;
                    assert_eq!(part.problems()[it.problem].id, there);
                }
            }
            assert_eq!((keys.len(), problems.len()), (160, 48), "{of} shards");
        }
    }

    #[test]
    fn shards_have_problems_of_all_sizes_alike() {
        let suite = Suite::new(Settings::default()).unwrap();
        for of in [2, 3, 5] {
            let shards = Shard::deal(suite.problems().iter().map(|it| &it.network), of);
            for n in Settings::SIZES {
                let problems = suite.problems().iter().zip(&shards).filter(|(it, _)| it.key.n == n);
                let of_size: Vec<usize> = problems.map(|(_, shard)| *shard).collect();
                let counts =
                    (1..=of).map(|shard| of_size.iter().filter(|it| **it == shard).count());
                let (least, most) = (counts.clone().min().unwrap(), counts.max().unwrap());
                assert!(most - least <= 2, "n = {n}: {least} to {most} of {of} shards");
            }
        }
        // The largest go to different shards.
        let shards = Shard::deal(suite.problems().iter().map(|it| &it.network), 3);
        let of_key = |topology, n| {
            let is_it = |it: &&Problem| (it.key.topology, it.key.n) == (topology, n);
            let problem = suite.problems().iter().find(is_it).unwrap();
            shards[suite.problems().iter().position(|it| it.id == problem.id).unwrap()]
        };
        assert_ne!(of_key(Topology::Dense, 8), of_key(Topology::Modular, 8));
    }

    #[test]
    fn an_empty_shard_is_refused() {
        let settings = Settings { shard: Shard::new(49, 49), ..Settings::default() };
        let error = Suite::new(settings).unwrap_err().to_string();
        assert_eq!(
            error,
            "shard 49/49: the matrix has only 48 exact problems; expected at most 48 shards"
        );
    }
}
