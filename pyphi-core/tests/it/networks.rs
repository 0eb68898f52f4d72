//! Networks to compute Φ of: the graphs of the validation study, and random ones from a seed.
//!
//! A seed gives the same network on every platform. Half of the families are made to be full of
//! ties, since that is where two programs part.

use std::fmt;

use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::oracle;

/// A network, its state and the units of the candidate system; the background is the rest.
///
/// `Display` is the JSON record that `NetworkRecord` reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Network {
    pub(crate) name: String,
    /// `tpm[s][j]` = P(unit `j` is ON next | the network is in state `s`), bit `i` of `s` is unit
    /// `i`.
    pub(crate) tpm: Vec<Vec<f64>>,
    /// `cm[i][j]` = 1 if `i` connects to `j`.
    pub(crate) cm: Vec<Vec<u8>>,
    pub(crate) state: Vec<u8>,
    pub(crate) nodes: Vec<usize>,
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Network {
    pub(crate) fn n_units(&self) -> usize {
        self.cm.len()
    }

    /// The candidate system in the oracle's words, `None` if its state is unreachable.
    pub(crate) fn system(&self) -> Option<oracle::System> {
        oracle::System::new(&self.tpm, &self.cm, &self.state, &self.nodes)
    }

    /// The same network with unit `i` called `order[i]`.
    pub(crate) fn relabelled(&self, order: &[usize]) -> Network {
        let n = self.n_units();
        let mut new = self.clone();
        for i in 0..n {
            new.state[order[i]] = self.state[i];
            for j in 0..n {
                new.cm[order[i]][order[j]] = self.cm[i][j];
            }
        }
        for (s, row) in self.tpm.iter().enumerate() {
            let t: usize = (0..n).map(|i| (s >> i & 1) << order[i]).sum();
            for j in 0..n {
                new.tpm[t][order[j]] = row[j];
            }
        }
        new.nodes = self.nodes.iter().map(|&i| order[i]).collect();
        new.nodes.sort_unstable();
        new
    }
}

/// All numberings of `n` units.
pub(crate) fn numberings(n: usize) -> Vec<Vec<usize>> {
    let Some(last) = n.checked_sub(1) else { return vec![Vec::new()] };
    let insert = |at: usize, order: &Vec<usize>| [&order[..at], &[last], &order[at..]].concat();
    numberings(last).iter().flat_map(|order| (0..n).map(move |at| insert(at, order))).collect()
}

// --- The graphs of the study ---------------------------------------------------------------------

/// The edges of a named graph of the study.
pub(crate) fn edges(topology: &str, n: usize) -> Vec<(usize, usize)> {
    let columns = (1..).find(|c| c * c >= n).unwrap_or(1);
    let half = n.div_ceil(2);
    let joined = |i: usize, j: usize| match topology {
        "Dense" => true,
        "Star" => i == 0,
        "Ring" => j == i + 1 || (i, j) == (0, n - 1),
        "Line" => j == i + 1,
        "BinaryTree" => i == (j - 1) / 2,
        "Lattice" => (j == i + 1 && !j.is_multiple_of(columns)) || j == i + columns,
        "Modular" => (i < half) == (j < half) || (i, j) == (half - 1, half),
        _ => panic!("no topology {topology}"),
    };
    (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).filter(|&(i, j)| joined(i, j)).collect()
}

/// A graph whose edges are two connections each, of strict majority units, all OFF.
pub(crate) fn majority(topology: &str, n: usize) -> Network {
    let mut cm = vec![vec![0; n]; n];
    for (i, j) in edges(topology, n) {
        (cm[i][j], cm[j][i]) = (1, 1);
    }
    let unit = |s: usize, j: usize| {
        let n_inputs = (0..n).filter(|&i| cm[i][j] == 1).count();
        let n_on = (0..n).filter(|&i| cm[i][j] == 1 && s >> i & 1 == 1).count();
        f64::from(u8::from(2 * n_on > n_inputs))
    };
    let tpm = (0..1 << n).map(|s| (0..n).map(|j| unit(s, j)).collect()).collect();
    let name = format!("{topology} of {n} majority units");
    Network { name, tpm, cm, state: vec![0; n], nodes: (0..n).collect() }
}

/// Binary units with P(ON) = 1 / (1 + exp(-slope Σ w s)), s = ±1; `weight(i, j)` is that of `i` on
/// `j`.
pub(crate) fn logistic(n: usize, slope: f64, weight: impl Fn(usize, usize) -> f64) -> Network {
    let on = |s: usize, j: usize| {
        let drive = (0..n).map(|i| weight(i, j) * if s >> i & 1 == 1 { 1.0 } else { -1.0 });
        1.0 / (1.0 + (-slope * drive.sum::<f64>()).exp())
    };
    let connected = |i: usize, j: usize| u8::from(weight(i, j) != 0.0);
    Network {
        name: format!("{n} logistic units"),
        tpm: (0..1 << n).map(|s| (0..n).map(|j| on(s, j)).collect()).collect(),
        cm: (0..n).map(|i| (0..n).map(|j| connected(i, j)).collect()).collect(),
        state: vec![0; n],
        nodes: (0..n).collect(),
    }
}

// --- Random networks -----------------------------------------------------------------------------

/// The dynamics of a random network's units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Every unit has its own random truth table.
    Boolean,
    /// Every unit is ON if enough of its inputs are: its own threshold.
    Threshold,
    /// Every unit is a parity of its inputs, some negated.
    Parity,
    /// One rule for all units of a symmetric graph.
    Symmetric,
    /// Truth tables whose answer is flipped with one probability.
    Noisy,
    /// Probabilities in quarters.
    Quarters,
    /// Any probabilities.
    Free,
    /// Any probabilities, of states that differ also in units that the CM does not connect.
    Overheard,
    /// A logistic function of weighted inputs.
    Logistic,
}

impl Family {
    /// Those whose networks often have ties.
    pub(crate) const TYING: [Family; 6] = [
        Family::Boolean,
        Family::Threshold,
        Family::Parity,
        Family::Symmetric,
        Family::Noisy,
        Family::Quarters,
    ];

    pub(crate) const ALL: [Family; 9] = [
        Family::Boolean,
        Family::Threshold,
        Family::Parity,
        Family::Symmetric,
        Family::Noisy,
        Family::Quarters,
        Family::Free,
        Family::Overheard,
        Family::Logistic,
    ];
}

/// The random network of a family with `n` units that this seed stands for, in a reachable state.
pub(crate) fn random(family: Family, n: usize, seed: u64) -> Network {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    loop {
        let cm = random_cm(family, n, &mut rng);
        let tpm = random_tpm(family, &cm, &mut rng);
        let name = format!("{family:?}, {n} units, seed {seed}");
        let mut network = Network { name, tpm, cm, state: vec![0; n], nodes: (0..n).collect() };
        // Not every network has a state that the candidate can be in: then another network is
        // drawn.
        for _ in 0..20 {
            network.state = (0..n).map(|_| rng.random_range(0..2)).collect();
            network.nodes = (0..n).collect();
            if n > 1 && rng.random_bool(0.3) {
                let n_background = if rng.random_bool(0.8) { 1 } else { rng.random_range(1..n) };
                network.nodes.shuffle(&mut rng);
                network.nodes.truncate(n - n_background);
                network.nodes.sort_unstable();
            }
            if network.system().is_some() {
                return network;
            }
        }
    }
}

fn random_cm(family: Family, n: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<u8>> {
    let mut cm = vec![vec![0; n]; n];
    let self_loops = rng.random_bool(0.4);
    if family == Family::Symmetric {
        let topology = *["Dense", "Star", "Ring", "Line", "Dense"].choose(rng).expect("some");
        for (i, j) in edges(topology, n) {
            (cm[i][j], cm[j][i]) = (1, 1);
        }
        (0..n).for_each(|i| cm[i][i] = u8::from(self_loops));
        return cm;
    }
    let density = *[0.2, 0.5, 0.8, 1.0].choose(rng).expect("some");
    for (i, row) in cm.iter_mut().enumerate() {
        for (j, entry) in row.iter_mut().enumerate() {
            *entry = u8::from((i != j || self_loops) && rng.random_bool(density));
        }
    }
    // Most random graphs are not strongly connected and have no Φ: a cycle through all units helps.
    if rng.random_bool(0.8) {
        let mut cycle: Vec<usize> = (0..n).collect();
        cycle.shuffle(rng);
        (0..n).filter(|_| n > 1).for_each(|k| cm[cycle[k]][cycle[(k + 1) % n]] = 1);
    }
    cm
}

fn random_tpm(family: Family, cm: &[Vec<u8>], rng: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
    let n = cm.len();
    let mut tpm = vec![vec![0.0; n]; 1 << n];
    let noise = rng.random_range(0.02..0.3);
    let common_rule = rng.random_range(0..4);
    for j in 0..n {
        let heard = |i: usize| family == Family::Overheard || cm[i][j] == 1;
        let inputs: Vec<usize> = (0..n).filter(|&i| heard(i)).collect();
        let threshold = rng.random_range(0..inputs.len().max(1));
        let negated = rng.random_bool(0.3);
        let weights: Vec<f64> = inputs.iter().map(|_| rng.random_range(-3.0..3.0)).collect();
        let bias = rng.random_range(-1.5..1.5);
        // P(ON) for each pattern of the inputs, so that the units it does not hear make no
        // difference.
        let pattern_on: Vec<f64> = (0..1_usize << inputs.len())
            .map(|pattern| {
                let n_on = pattern.count_ones() as usize;
                let bit = |on: bool| f64::from(u8::from(on));
                match family {
                    Family::Boolean => bit(rng.random()),
                    Family::Threshold => bit((n_on > threshold) != negated),
                    Family::Parity => bit((n_on % 2 == 1) != negated),
                    Family::Symmetric => bit(match common_rule {
                        0 => 2 * n_on > inputs.len(),
                        1 => n_on > 0,
                        2 => n_on == inputs.len(),
                        _ => n_on % 2 == 1,
                    }),
                    Family::Noisy => {
                        if rng.random() {
                            1.0 - noise
                        } else {
                            noise
                        }
                    }
                    Family::Quarters => f64::from(rng.random_range(0..=4)) / 4.0,
                    Family::Free | Family::Overheard => rng.random(),
                    Family::Logistic => {
                        let on = (0..inputs.len()).filter(|k| pattern >> k & 1 == 1);
                        let drive: f64 = on.map(|k| weights[k]).sum();
                        1.0 / (1.0 + (-(bias + drive)).exp())
                    }
                }
            })
            .collect();
        for (s, row) in tpm.iter_mut().enumerate() {
            let pattern: usize = inputs.iter().enumerate().map(|(k, &i)| (s >> i & 1) << k).sum();
            row[j] = pattern_on[pattern];
        }
    }
    tpm
}

/// The seeds in a failure's message are worth something only as long as they stand for the same
/// networks.
#[test]
fn a_seed_stands_for_one_network() {
    let network = random(Family::Free, 3, 7);
    assert_eq!(network, random(Family::Free, 3, 7));
    assert_eq!(network.tpm[0], [0.07576904585132382, 0.47321001046242606, 0.42769914549750887]);
    assert_eq!(network.cm, [[0, 1, 1], [1, 0, 0], [0, 1, 0]]);
    assert_eq!((&network.state[..], &network.nodes[..]), (&[0, 0, 0][..], &[0, 1, 2][..]));
}
