//! Families of random networks, for studies of networks that were not chosen one by one.
//!
//! A network of a family is a function of its size, a seed and its number, on every platform and
//! for ever: it reads the [`SeededStream`] with purpose [`Family::PURPOSE`] and the numbers (place
//! of the family in [`Family::ALL`], seed, n, number), 8 bytes a draw, of which the upper 53 bits
//! count steps of 2⁻⁵³ from 0 to below 1. "With probability p" means that a draw is below p. What
//! is drawn is said at each family, in that order; a change takes a new purpose.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::model::dynamics::Rule;
use crate::model::network::Tables;
use crate::model::seeded::SeededStream;

/// A family of random networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Linear threshold units, some of whose connections inhibit, as in Nilsen, Juel, Marshall 2019
    /// (whose recipe is not known; this is ours): p uniform in [0.3, 1); for each ordered pair (i,
    /// j), i ≠ j, i first, whether i is an input of j, with probability p; for each connection in
    /// the same order its weight, -1 with probability 0.3, else +1. ON if the weights of the active
    /// inputs sum to 1 or more.
    Threshold,
    /// One rule for all units, on a graph: p uniform in [0.3, 1); for each pair i < j, i first,
    /// whether it is connected, in both directions, with probability p; the rule, each of majority,
    /// and, or, xor, logistic with probability 1/5; the gain, uniform in [1, 5), which only the
    /// logistic rule has.
    Rules,
    /// A table of its own for every unit: p uniform in [0.3, 1); connections as of
    /// [`Threshold`](Family::Threshold); whether the network is deterministic, with probability
    /// 1/2; for each unit and each state of its inputs (the first is the lowest bit) P(ON), a draw,
    /// or 1 if it is below 1/2 and else 0 in a deterministic network.
    Tables,
}

impl Family {
    /// All families.
    pub const ALL: [Family; 3] = [Family::Threshold, Family::Rules, Family::Tables];

    /// The purpose of the streams that networks are drawn from.
    pub const PURPOSE: &str = "phi-validation random network v1";

    /// The name by which a suite asks for it.
    pub fn name(self) -> &'static str {
        match self {
            Family::Threshold => "threshold",
            Family::Rules => "rules",
            Family::Tables => "tables",
        }
    }

    /// Network `number` of `n` units under `seed`.
    ///
    /// # Panics
    /// If there are more than 20 units: their tables would take gigabytes.
    pub fn network(self, n: usize, seed: u64, number: u64) -> Tables {
        assert!(n <= 20, "tables of {n} units");
        let place = Family::ALL.iter().position(|it| *it == self).expect("one of all") as u64;
        let mut stream = SeededStream::new(Family::PURPOSE, &[place, seed, n as u64, number]);
        let mut draw = || (stream.next_u64() >> 11) as f64 * (f64::EPSILON / 2.0);
        let p = 0.3 + 0.7 * draw();
        let mut cm = vec![vec![0_u8; n]; n];
        let pairs = (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
        for (i, j) in pairs.filter(|(i, j)| if self == Family::Rules { i < j } else { i != j }) {
            cm[i][j] = u8::from(draw() < p);
            if self == Family::Rules {
                cm[j][i] = cm[i][j];
            }
        }
        // P(ON) of unit j by the states of its inputs; `inputs` are their numbers.
        let inputs = |j: usize| (0..n).filter(|&i| cm[i][j] == 1).collect::<Vec<usize>>();
        let inputs: Vec<Vec<usize>> = (0..n).map(inputs).collect();
        let n_active = |s: usize| s.count_ones();
        let mut units: Vec<Vec<f64>> = Vec::with_capacity(n);
        match self {
            Family::Threshold => {
                let mut weights = vec![vec![0_i32; n]; n];
                for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
                    if cm[i][j] == 1 {
                        weights[j][i] = if draw() < 0.3 { -1 } else { 1 };
                    }
                }
                for (inputs, weights) in inputs.iter().zip(&weights) {
                    let sum = |s: usize| -> i32 {
                        let active = inputs.iter().enumerate().filter(|(bit, _)| s >> bit & 1 == 1);
                        active.map(|(_, i)| weights[*i]).sum()
                    };
                    let on = |s| f64::from(u8::from(sum(s) >= 1));
                    units.push((0..1 << inputs.len()).map(on).collect());
                }
            }
            Family::Rules => {
                let which = (5.0 * draw()) as usize;
                let gain = 1.0 + 4.0 * draw();
                let rule =
                    [Rule::Majority, Rule::And, Rule::Or, Rule::Xor, Rule::Logistic { gain }]
                        [which];
                for inputs in &inputs {
                    let on = |s| rule.probability_on(n_active(s), inputs.len() as u32);
                    units.push((0..1 << inputs.len()).map(on).collect());
                }
            }
            Family::Tables => {
                let is_deterministic = draw() < 0.5;
                for inputs in &inputs {
                    let on = |p: f64| f64::from(u8::from(p < 0.5));
                    let mut entry = || if is_deterministic { on(draw()) } else { draw() };
                    units.push((0..1 << inputs.len()).map(|_| entry()).collect());
                }
            }
        }
        let of_inputs = |s: usize, j: usize| {
            let bits = inputs[j].iter().enumerate();
            bits.fold(0, |packed, (bit, i)| packed | (s >> i & 1) << bit)
        };
        let row = |s| (0..n).map(|j| units[j][of_inputs(s, j)]).collect();
        Tables::new((0..1 << n).map(row).collect(), cm).expect("tables of a network")
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Family {
    type Err = Error;

    fn from_str(name: &str) -> Result<Family, Error> {
        Family::ALL.into_iter().find(|it| it.name() == name).ok_or_else(|| Error::UnknownName {
            what: "family",
            name: name.to_owned(),
            known: Family::ALL.map(Family::name).join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::key::State;
    use crate::model::network::Network;

    /// Drawn by a second program in another language, from the description above.
    #[test]
    fn networks_of_a_family_are_pinned() {
        let network =
            |family: Family| Network::own(family.network(3, 1, 7).into(), State::new(3, 0));
        let digits = |it: &Network| {
            let row = |row: &Vec<f64>| row.iter().map(|p| p.to_string()).collect::<String>();
            it.tpm().iter().map(row).collect::<Vec<String>>().join(" ")
        };
        let threshold = network(Family::Threshold);
        assert_eq!(threshold.connectivity(), [[0, 1, 1], [1, 0, 1], [1, 0, 0]]);
        assert_eq!(digits(&threshold), "000 000 101 100 000 000 001 000");
        let rules = network(Family::Rules);
        assert_eq!(rules.connectivity(), [[0, 1, 0], [1, 0, 1], [0, 1, 0]]);
        assert_eq!(digits(&rules), "000 010 101 111 010 000 111 101");
        let tables = network(Family::Tables);
        assert_eq!(tables.connectivity(), [[0, 1, 1], [0, 0, 1], [1, 1, 0]]);
        let last = [0.798863079398783, 0.36024450082625625, 0.05161108946294446];
        assert_eq!(
            (tables.tpm()[2][1], tables.tpm()[7].clone()),
            (0.764397857347388, last.to_vec())
        );
    }

    #[test]
    fn a_unit_depends_on_its_inputs_only_and_on_nothing_else() {
        for (family, number) in Family::ALL.into_iter().flat_map(|it| (0..30).map(move |k| (it, k)))
        {
            let tables = family.network(4, 3, number);
            let network = Network::own(tables.into(), State::new(4, 0));
            let cm = network.connectivity();
            for (i, j) in (0..4).flat_map(|i| (0..4).map(move |j| (i, j))) {
                let changes =
                    |s: u32| network.probability_on(s, j) != network.probability_on(s ^ 1 << i, j);
                let depends = (0..16).any(changes);
                assert!(!depends || cm[i][j] == 1, "{family} {number}: {i} changes {j}");
            }
        }
    }

    #[test]
    fn sizes_seeds_and_numbers_give_other_networks() {
        for family in Family::ALL {
            let first = family.network(5, 1, 0);
            assert_eq!(family.network(5, 1, 0), first);
            assert_ne!(family.network(5, 2, 0), first);
            assert_ne!(family.network(5, 1, 1), first);
        }
    }

    /// Half of the tables are deterministic, a fifth of the rules xor, the density is 0.65.
    #[test]
    fn families_are_as_they_are_described() {
        let share = |count: usize| count as f64 / 400.0;
        let all = |family: Family| (0..400).map(move |k| family.network(4, 9, k));
        let network = |tables| Network::own(std::sync::Arc::new(tables), State::new(4, 0));
        let is_deterministic =
            |it: &Network| it.tpm().iter().flatten().all(|p| *p == 0.0 || *p == 1.0);
        let deterministic = all(Family::Tables).map(network).filter(is_deterministic).count();
        assert!((share(deterministic) - 0.5).abs() < 0.08, "{deterministic} of 400");
        let noisy = all(Family::Rules).map(network).filter(|it| !is_deterministic(it)).count();
        assert!((share(noisy) - 0.2).abs() < 0.07, "{noisy} of 400");
        for family in Family::ALL {
            let density = all(family).map(network).map(|it| it.density()).sum::<f64>() / 400.0;
            assert!((density - 0.65).abs() < 0.05, "{family}: {density}");
        }
    }
}
