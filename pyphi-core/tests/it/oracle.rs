//! Integrated information (IIT 3.0) straight from its definition: slow, short, and meant to be read
//! beside Oizumi, Albantakis and Tononi 2014 and Mayner et al. 2018.
//!
//! This is the judge of the engine, so it shares nothing with it: no code, no tables, no bounds, no
//! pruning. Every probability is an average over the rows of the TPM, every distance between
//! distributions is solved by a general transport solver that proves its own answer.
//!
//! A set of units is a bit mask over the candidate system: bit `k` is the `k`-th unit of `nodes`. A
//! state is one too, with the units that are ON. A repertoire is a vector over the states of its
//! purview, bit `k` of the index being the `k`-th unit of the purview.

/// A value of at most this is 0; values no further apart are tied, but none is tied with 0.
pub(crate) const TOLERANCE: f64 = 1e-6;

/// Repertoires no further apart than this, entry by entry, are the same.
const SAME_REPERTOIRE: f64 = 1e-9;

/// A set of units of the candidate system, or a state of them.
pub(crate) type Mask = usize;

/// One part of a partition: some of the mechanism and some of the purview.
pub(crate) type Part = (Mask, Mask);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Cause,
    Effect,
}

/// The answer, in the numbering of the network's units.
#[derive(Clone, Debug)]
pub(crate) struct BigPhi {
    pub(crate) phi: f64,
    /// The units whose outputs are severed, and the units that no longer hear them.
    pub(crate) cut: Option<(Vec<usize>, Vec<usize>)>,
    pub(crate) ces: Vec<Concept>,
    pub(crate) partitioned_ces: Vec<Concept>,
    pub(crate) ties: Ties,
}

/// Choices of a core cause or core effect that φ does not decide.
///
/// Counted are the searches in the intact system and in every cut one, in both directions whatever
/// the other finds, that end with φ > 0; a core that is taken over unchanged was not searched for.
/// All zero if Φ is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ties {
    /// Several purviews have the largest φ.
    pub(crate) in_phi: usize,
    /// Several of those have the most units, so that only their order decides.
    pub(crate) in_size: usize,
}

/// A mechanism with its core cause and core effect.
#[derive(Clone, Debug)]
pub(crate) struct Concept {
    pub(crate) mechanism: Vec<usize>,
    pub(crate) phi: f64,
    pub(crate) cause: Core,
    pub(crate) effect: Core,
    mask: Mask,
}

/// A core cause or core effect.
#[derive(Clone, Debug)]
pub(crate) struct Core {
    pub(crate) phi: f64,
    pub(crate) purview: Vec<usize>,
    pub(crate) repertoire: Vec<f64>,
    mask: Mask,
}

/// The purview that is preferred among several with the same φ and the same number of units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The first by the numbers of its units.
    Lexicographic,
    /// The same, unit `k` of the system being called `numbers[k]`.
    Numbering(Vec<usize>),
    /// The one of lowest rank, every mechanism having its own ranks in each direction.
    Seeded(u64),
}

impl Order {
    /// The best of some purviews of a mechanism.
    fn first(&self, direction: Direction, mechanism: Mask, purviews: &[Mask]) -> Option<Mask> {
        let renamed = |purview: Mask, numbers: &[usize]| {
            let mut names: Vec<usize> = elements(purview).map(|unit| numbers[unit]).collect();
            names.sort_unstable();
            names
        };
        let purviews = purviews.iter().copied();
        match self {
            Order::Lexicographic => purviews.min_by_key(|&it| elements(it).collect::<Vec<usize>>()),
            Order::Numbering(numbers) => purviews.min_by_key(|&it| renamed(it, numbers)),
            Order::Seeded(seed) => purviews.min_by_key(|&it| {
                let direction = u64::from(direction == Direction::Effect) << 32;
                mixed(mixed(mixed(*seed) ^ (direction | mechanism as u64)) ^ it as u64)
            }),
        }
    }
}

/// The first number of SplitMix64 (Steele, Lea, Flood 2014) in a state.
fn mixed(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e3779b97f4a7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d049bb133111eb);
    z ^ (z >> 31)
}

/// A candidate system: units, their connections and what each does next, with the background fixed.
#[derive(Clone, Debug)]
pub(crate) struct System {
    nodes: Vec<usize>,
    /// The units that unit `j` hears: its inputs inside the system.
    inputs: Vec<Mask>,
    /// `as_now[j][s]` = P(unit `j` is next as it is now | the system is in state `s`) × [`UNIT`].
    as_now: Vec<Vec<f64>>,
    state: Mask,
    /// The order in which ties among purviews are broken.
    order: Order,
}

// --- Sets ----------------------------------------------------------------------------------------

/// The units of a set, in order.
pub(crate) fn elements(set: Mask) -> impl Iterator<Item = usize> {
    (0..set.checked_ilog2().map_or(0, |last| last as usize + 1)).filter(move |i| set >> i & 1 == 1)
}

pub(crate) fn size(set: Mask) -> usize {
    set.count_ones() as usize
}

/// The elements of `set` at the positions that are ON in `k`: bit `i` of `k` picks the `i`-th
/// element.
pub(crate) fn pick(set: Mask, k: usize) -> Mask {
    elements(set).enumerate().filter(|(i, _)| k >> i & 1 == 1).map(|(_, unit)| 1 << unit).sum()
}

/// All non-empty subsets of `set`, by size and then lexicographically.
pub(crate) fn subsets(set: Mask) -> Vec<Mask> {
    let mut all: Vec<Mask> = (1..1 << size(set)).map(|k| pick(set, k)).collect();
    all.sort_by_cached_key(|&subset| (size(subset), elements(subset).collect::<Vec<usize>>()));
    all
}

/// The unordered bipartitions of `set`: the first part is what `k` picks, and never holds the last
/// element.
fn bipartitions(set: Mask) -> Vec<(Mask, Mask)> {
    let count = if set == 0 { 1 } else { 1 << (size(set) - 1) };
    (0..count).map(|k| (pick(set, k), set & !pick(set, k))).collect()
}

/// The ordered bipartitions of `set`: the unordered ones, then the same reversed with their parts
/// swapped.
fn directed_bipartitions(set: Mask) -> Vec<(Mask, Mask)> {
    let first = bipartitions(set);
    let second: Vec<_> = first.iter().rev().map(|&(a, b)| (b, a)).collect();
    [first, second].concat()
}

/// The partitions {M1/P1, M2/P2} of a mechanism and a purview.
fn mechanism_partitions(mechanism: Mask, purview: Mask) -> Vec<[Part; 2]> {
    let mut partitions = Vec::new();
    for (m1, m2) in bipartitions(mechanism) {
        for (p1, p2) in directed_bipartitions(purview) {
            if m1 | p1 != 0 && m2 | p2 != 0 {
                partitions.push([(m1, p1), (m2, p2)]);
            }
        }
    }
    partitions
}

// --- The system ----------------------------------------------------------------------------------

/// The factor of probabilities in [`System::as_now`]: the smallest float has no half, and a mean of
/// it and of 0 would be 0.
const UNIT: f64 = f64::from_bits((1023 + 100) << 52);

impl System {
    /// The units `nodes` of a network as a candidate system: `tpm[s][j]` = P(unit `j` is ON next |
    /// the network is in state `s`), `cm[i][j]` = 1 if `i` connects to `j`. `None` if its state is
    /// unreachable.
    pub(crate) fn new(
        tpm: &[Vec<f64>],
        cm: &[Vec<u8>],
        state: &[u8],
        nodes: &[usize],
    ) -> Option<System> {
        let n_network = cm.len();
        let network_state: Mask = (0..n_network).map(|i| usize::from(state[i]) << i).sum();
        let mask_of = |units: &[usize]| units.iter().map(|&u| 1 << u).sum::<Mask>();
        let candidate: Mask = mask_of(nodes);
        let background = ((1 << n_network) - 1) & !candidate;

        let mut inputs = Vec::new();
        let mut as_now = Vec::new();
        for &j in nodes {
            // The connectivity decides what unit j hears: it is averaged over all the others.
            let heard: Vec<usize> = (0..n_network).filter(|&i| cm[i][j] == 1).collect();
            let heard = mask_of(&heard);
            let next = |s: Mask| {
                let p = |t: Mask| if state[j] == 1 { tpm[t][j] } else { 1.0 - tpm[t][j] };
                mean((0..1 << n_network).filter(|t| (s ^ t) & heard == 0).map(|t| p(t) * UNIT))
            };
            as_now.push(
                (0..1 << nodes.len())
                    .map(|k| next(pick(candidate, k) | network_state & background))
                    .collect::<Vec<f64>>(),
            );
            inputs.push((0..nodes.len()).filter(|&i| cm[nodes[i]][j] == 1).map(|i| 1 << i).sum());
        }
        let state = (0..nodes.len()).filter(|&k| state[nodes[k]] == 1).map(|k| 1 << k).sum();
        let order = Order::Lexicographic;
        let system = System { nodes: nodes.to_vec(), inputs, as_now, state, order };

        let n = system.n();
        let reachable =
            (0..1 << n).any(|s| (0..n).all(|j| system.likelihood(j, system.all(), s) > 0.0));
        reachable.then_some(system)
    }

    /// The same system with another way to break ties among purviews.
    pub(crate) fn with_order(self, order: Order) -> System {
        System { order, ..self }
    }

    fn n(&self) -> usize {
        self.nodes.len()
    }

    /// All units.
    pub(crate) fn all(&self) -> Mask {
        (1 << self.n()) - 1
    }

    /// The units of a mask in the numbering of the network.
    pub(crate) fn units(&self, set: Mask) -> Vec<usize> {
        elements(set).map(|k| self.nodes[k]).collect()
    }

    /// The system whose connections from `from` to `to` are severed: units of `to` hear noise
    /// instead.
    fn severed(&self, from: Mask, to: Mask) -> System {
        let mut cut = self.clone();
        for j in elements(to) {
            cut.inputs[j] &= !from;
            let states = 0..1 << self.n();
            cut.as_now[j] = states.map(|s| self.likelihood(j, !from & self.all(), s)).collect();
        }
        cut
    }

    /// P(unit `j` is next as it is now | the units `fixed` are as in `z`, the others uniform) ×
    /// [`UNIT`].
    fn likelihood(&self, j: usize, fixed: Mask, z: Mask) -> f64 {
        mean((0..1 << self.n()).filter(|s| (s ^ z) & fixed == 0).map(|s| self.as_now[j][s]))
    }

    /// P(unit `j` is next as it is in `value` | the units `fixed` are as in `z`, the others
    /// uniform).
    fn probability(&self, j: usize, value: Mask, fixed: Mask, z: Mask) -> f64 {
        let as_now = self.likelihood(j, fixed, z) / UNIT;
        if (value ^ self.state) >> j & 1 == 0 { as_now } else { 1.0 - as_now }
    }

    pub(crate) fn strongly_connected(&self) -> bool {
        // What hears unit i, directly or through others.
        let hearers = |i: usize| {
            let mut reached = 1 << i;
            for _ in 0..self.n() {
                for j in 0..self.n() {
                    if self.inputs[j] & reached != 0 {
                        reached |= 1 << j;
                    }
                }
            }
            reached
        };
        (0..self.n()).all(|i| hearers(i) == self.all())
    }

    // --- Repertoires -----------------------------------------------------------------------------

    /// Returns the distribution over past or future states of a purview, given a mechanism in its
    /// state.
    pub(crate) fn repertoire(
        &self,
        direction: Direction,
        mechanism: Mask,
        purview: Mask,
    ) -> Vec<f64> {
        let states = (0..1 << size(purview)).map(|k| pick(purview, k));
        match direction {
            Direction::Cause => {
                // Each unit of the mechanism hears noise of its own from outside the purview, so
                // the factors are averaged separately, and the product is normalised once. It may
                // be smaller than any float, so its logarithm is taken.
                let logarithms: Vec<f64> = states
                    .map(|z| elements(mechanism).map(|i| self.likelihood(i, purview, z).ln()).sum())
                    .collect();
                let largest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                // Some previous state has no factor 0, and averages over it have none either.
                assert!(largest > f64::NEG_INFINITY, "the state is reachable");
                let product: Vec<f64> = logarithms.iter().map(|it| (it - largest).exp()).collect();
                let total: f64 = product.iter().sum();
                product.iter().map(|p| p / total).collect()
            }
            Direction::Effect => states
                .map(|z| {
                    elements(purview)
                        .map(|j| self.probability(j, z, mechanism, self.state))
                        .product()
                })
                .collect(),
        }
    }

    /// The repertoire of a purview expanded to a larger one: the added units are unconstrained.
    fn expanded(
        &self,
        direction: Direction,
        purview: Mask,
        repertoire: &[f64],
        to: Mask,
    ) -> Vec<f64> {
        let added = to & !purview;
        product((purview, repertoire), (added, &self.repertoire(direction, 0, added)))
    }

    // --- Small φ ---------------------------------------------------------------------------------

    /// φ of a mechanism over a purview, the least that a partition changes the repertoire, and the
    /// minimum information partition, the first of those tied for it. A partition that changes
    /// nothing ends the search.
    pub(crate) fn mip(
        &self,
        direction: Direction,
        mechanism: Mask,
        purview: Mask,
    ) -> (f64, [Part; 2]) {
        let mut tried = Vec::new();
        for parts in mechanism_partitions(mechanism, purview) {
            let distance = self.loss(direction, mechanism, purview, parts);
            if distance <= TOLERANCE {
                return (distance, parts);
            }
            tried.push((distance, parts));
        }
        let least = tried.iter().map(|it| it.0).fold(f64::INFINITY, f64::min);
        let first = tried.iter().find(|it| it.0 <= least + TOLERANCE);
        (least, first.expect("the least is among them").1)
    }

    /// Returns the distance by which a partition changes the repertoire.
    fn loss(&self, direction: Direction, m: Mask, p: Mask, parts: [Part; 2]) -> f64 {
        let whole = self.repertoire(direction, m, p);
        let [(m1, p1), (m2, p2)] = parts;
        let first = self.repertoire(direction, m1, p1);
        let second = self.repertoire(direction, m2, p2);
        let partitioned = product((p1, &first), (p2, &second));
        match direction {
            Direction::Cause => emd(&whole, &partitioned),
            Direction::Effect => marginal_distance(&whole, &partitioned),
        }
    }

    /// All partitions tied for the least change, in order.
    pub(crate) fn mips(&self, direction: Direction, m: Mask, p: Mask) -> Vec<[Part; 2]> {
        let all = mechanism_partitions(m, p);
        let tried: Vec<(f64, [Part; 2])> =
            all.into_iter().map(|parts| (self.loss(direction, m, p, parts), parts)).collect();
        let least = tried.iter().map(|it| it.0).fold(f64::INFINITY, f64::min);
        tried.into_iter().filter(|it| it.0 <= least + TOLERANCE).map(|it| it.1).collect()
    }

    /// Do the connections between mechanism and purview hold them together? Every unit must send or
    /// receive, and the bipartite graph of the connections must be one piece.
    fn held_together(&self, direction: Direction, mechanism: Mask, purview: Mask) -> bool {
        let (from, to) = match direction {
            Direction::Cause => (purview, mechanism),
            Direction::Effect => (mechanism, purview),
        };
        // Grow a block from one receiver, to all senders it hears, to all receivers that hear those
        // ...
        let mut receivers = to & to.wrapping_neg();
        let mut senders = 0;
        for _ in 0..=2 * self.n() {
            for j in elements(to) {
                if receivers >> j & 1 == 1 {
                    senders |= self.inputs[j] & from;
                } else if self.inputs[j] & senders != 0 {
                    receivers |= 1 << j;
                }
            }
        }
        (senders, receivers) == (from, to)
    }

    /// The core cause or core effect of a mechanism: of the purviews tied for the largest φ the one
    /// with most units, and of those the first in the order of the system. `None` if no purview has
    /// φ > 0.
    fn core(&self, direction: Direction, mechanism: Mask, ties: &mut Ties) -> Option<Core> {
        let candidates: Vec<(f64, Mask)> = subsets(self.all())
            .into_iter()
            .filter(|&purview| self.held_together(direction, mechanism, purview))
            .map(|purview| (self.mip(direction, mechanism, purview).0, purview))
            .filter(|candidate| candidate.0 > TOLERANCE)
            .collect();
        let largest = candidates.iter().map(|c| c.0).fold(0.0, f64::max);
        let tied: Vec<_> = candidates.iter().filter(|c| c.0 >= largest - TOLERANCE).collect();
        let most_units = tied.iter().map(|c| size(c.1)).max()?;
        let biggest: Vec<Mask> =
            tied.iter().map(|c| c.1).filter(|&purview| size(purview) == most_units).collect();
        ties.in_phi += usize::from(tied.len() > 1);
        ties.in_size += usize::from(biggest.len() > 1);
        let purview = self.order.first(direction, mechanism, &biggest)?;
        let phi = tied.iter().find(|c| c.1 == purview)?.0;
        Some(Core {
            phi,
            purview: self.units(purview),
            repertoire: self.repertoire(direction, mechanism, purview),
            mask: purview,
        })
    }

    fn concept(&self, mask: Mask, cause: Option<Core>, effect: Option<Core>) -> Option<Concept> {
        let (cause, effect) = (cause?, effect?);
        let phi = cause.phi.min(effect.phi);
        Some(Concept { mechanism: self.units(mask), phi, cause, effect, mask })
    }

    // --- Structures ------------------------------------------------------------------------------

    /// The concepts of the system, mechanisms by size and then lexicographically.
    pub(crate) fn ces(&self, ties: &mut Ties) -> Vec<Concept> {
        let mut ces = Vec::new();
        for mechanism in subsets(self.all()) {
            let cause = self.core(Direction::Cause, mechanism, ties);
            let effect = self.core(Direction::Effect, mechanism, ties);
            ces.extend(self.concept(mechanism, cause, effect));
        }
        ces
    }

    /// The concepts of the system with the connections `from` → `to` severed, given those of the
    /// intact one.
    fn cut_ces(&self, intact: &[Concept], from: Mask, to: Mask, ties: &mut Ties) -> Vec<Concept> {
        let cut = self.severed(from, to);
        let mut ces = Vec::new();
        for mechanism in subsets(self.all()) {
            let before = intact.iter().find(|c| c.mask == mechanism);
            let splits_mechanism = mechanism & from != 0 && mechanism & to != 0;
            if before.is_none() && !splits_mechanism {
                continue;
            }
            // What the cut does not touch is taken over as it was.
            let before = before.filter(|_| !splits_mechanism);
            let cause =
                before.map(|c| &c.cause).filter(|c| c.mask & from == 0 || mechanism & to == 0);
            let effect =
                before.map(|c| &c.effect).filter(|c| mechanism & from == 0 || c.mask & to == 0);
            let cause = cause.cloned().or_else(|| cut.core(Direction::Cause, mechanism, ties));
            let effect = effect.cloned().or_else(|| cut.core(Direction::Effect, mechanism, ties));
            ces.extend(self.concept(mechanism, cause, effect));
        }
        ces
    }

    /// Returns the distance of two concepts: the EMDs of their cause and of their effect
    /// repertoires, each pair expanded to the union of the two purviews. `None` is the null
    /// concept.
    fn concept_distance(&self, a: Option<&Concept>, b: Option<&Concept>) -> f64 {
        let distance = |direction, a: Option<&Core>, b: Option<&Core>| {
            let purview = |core: Option<&Core>| core.map_or(0, |core| core.mask);
            let union = purview(a) | purview(b);
            let expand = |core: Option<&Core>| {
                let repertoire = core.map_or(&[1.0][..], |core| &core.repertoire);
                self.expanded(direction, purview(core), repertoire, union)
            };
            emd(&expand(a), &expand(b))
        };
        distance(Direction::Cause, a.map(|c| &c.cause), b.map(|c| &c.cause))
            + distance(Direction::Effect, a.map(|c| &c.effect), b.map(|c| &c.effect))
    }

    /// The least φ × distance that turns one structure into the other.
    pub(crate) fn ces_distance(&self, intact: &[Concept], cut: &[Concept]) -> f64 {
        let without = |these: &[Concept], those: &[Concept]| -> Vec<Concept> {
            these.iter().filter(|a| !those.iter().any(|b| same_concept(a, b))).cloned().collect()
        };
        let sources = without(intact, cut);
        let sinks = without(cut, intact);
        if sources.is_empty() || sinks.is_empty() {
            let left = sources.iter().chain(&sinks);
            return left.map(|c| c.phi * self.concept_distance(Some(c), None)).sum();
        }
        let mut supply: Vec<(Option<&Concept>, f64)> =
            sources.iter().map(|c| (Some(c), c.phi)).collect();
        let mut demand: Vec<(Option<&Concept>, f64)> =
            sinks.iter().map(|c| (Some(c), c.phi)).collect();
        // The null concept supplies what the intact structure lacks, or takes what it has too much.
        let excess =
            sources.iter().map(|c| c.phi).sum::<f64>() - sinks.iter().map(|c| c.phi).sum::<f64>();
        if excess > 0.0 {
            demand.push((None, excess))
        } else {
            supply.push((None, -excess))
        }
        let cost: Vec<Vec<f64>> = supply
            .iter()
            .map(|&(a, _)| demand.iter().map(|&(b, _)| self.concept_distance(a, b)).collect())
            .collect();
        let mass =
            |side: &[(Option<&Concept>, f64)]| side.iter().map(|s| s.1).collect::<Vec<f64>>();
        transport(&mass(&supply), &mass(&demand), &cost)
    }

    // --- Big Φ -----------------------------------------------------------------------------------

    /// Φ: the least that a directed cut changes the structure.
    pub(crate) fn big_phi(&self) -> BigPhi {
        let zero = |ces| BigPhi {
            phi: 0.0,
            cut: None,
            ces,
            partitioned_ces: Vec::new(),
            ties: Ties::default(),
        };
        if self.n() < 2 || !self.strongly_connected() {
            return zero(Vec::new());
        }
        let mut ties = Ties::default();
        let intact = self.ces(&mut ties);
        if intact.is_empty() {
            return zero(intact);
        }
        let mut cuts = Vec::new();
        for (from, to) in directed_bipartitions(self.all()) {
            if from != 0 && to != 0 {
                let ces = self.cut_ces(&intact, from, to, &mut ties);
                cuts.push((self.ces_distance(&intact, &ces), from, to, ces));
            }
        }
        let least = cuts.iter().map(|cut| cut.0).fold(f64::INFINITY, f64::min);
        if least <= TOLERANCE {
            return zero(intact);
        }
        let first = cuts.into_iter().find(|cut| cut.0 <= least + TOLERANCE);
        let (_, from, to, partitioned_ces) = first.expect("the least is among them");
        let cut = Some((self.units(from), self.units(to)));
        BigPhi { phi: least, cut, ces: intact, partitioned_ces, ties }
    }
}

// --- All choices among ties ----------------------------------------------------------------------

/// A mechanism with the core causes and core effects that may be chosen.
type Lists = (Mask, Vec<Core>, Vec<Core>);

/// The purviews tied for the largest φ that may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Eligible {
    All,
    Largest,
    Smallest,
    /// `None`, if there are several.
    Single,
}

impl System {
    /// Every purview that may be chosen, as a core.
    fn eligible(&self, direction: Direction, mechanism: Mask, rule: Eligible) -> Vec<Core> {
        let candidates: Vec<(f64, Mask)> = subsets(self.all())
            .into_iter()
            .filter(|&purview| self.held_together(direction, mechanism, purview))
            .map(|purview| (self.mip(direction, mechanism, purview).0, purview))
            .filter(|candidate| candidate.0 > TOLERANCE)
            .collect();
        let largest = candidates.iter().map(|c| c.0).fold(0.0, f64::max);
        let tied: Vec<_> = candidates.into_iter().filter(|c| c.0 >= largest - TOLERANCE).collect();
        let sizes = || tied.iter().map(|c| size(c.1));
        let (fewest, most) = (sizes().min(), sizes().max());
        let is_eligible = |purview: Mask| match rule {
            Eligible::All => true,
            Eligible::Largest => Some(size(purview)) == most,
            Eligible::Smallest => Some(size(purview)) == fewest,
            Eligible::Single => tied.len() == 1,
        };
        let core = |&(phi, purview): &(f64, Mask)| Core {
            phi,
            purview: self.units(purview),
            repertoire: self.repertoire(direction, mechanism, purview),
            mask: purview,
        };
        tied.iter().filter(|c| is_eligible(c.1)).map(core).collect()
    }

    /// Every structure of choices for the concepts that the lists of cores of each mechanism allow;
    /// `None` if there are more than `most`.
    fn structures(&self, cores: Vec<Lists>, most: usize) -> Option<Vec<Vec<Concept>>> {
        let mut all: Vec<Vec<Concept>> = vec![Vec::new()];
        for (mechanism, causes, effects) in cores {
            let concepts: Vec<Concept> = causes
                .iter()
                .flat_map(|cause| effects.iter().map(move |effect| (cause, effect)))
                .filter_map(|(c, e)| self.concept(mechanism, Some(c.clone()), Some(e.clone())))
                .collect();
            if concepts.is_empty() {
                continue;
            }
            if all.len() * concepts.len() > most {
                return None;
            }
            let with =
                |ces: &Vec<Concept>, it: &Concept| [&ces[..], std::slice::from_ref(it)].concat();
            all = all.iter().flat_map(|ces| concepts.iter().map(move |it| with(ces, it))).collect();
        }
        Some(all)
    }

    /// Every Φ that some choice among tied core causes, core effects and cuts gives; `None` if
    /// there are more than `most` pairs of structures under some cut. If `inherits`, what a cut
    /// does not touch keeps its choice.
    pub(crate) fn all_big_phi(
        &self,
        rule: Eligible,
        inherits: bool,
        most: usize,
    ) -> Option<Vec<f64>> {
        if self.n() < 2 || !self.strongly_connected() {
            return Some(vec![0.0]);
        }
        let lists = |system: &System, mechanism: Mask| {
            let side = |direction| system.eligible(direction, mechanism, rule);
            (mechanism, side(Direction::Cause), side(Direction::Effect))
        };
        let intact = subsets(self.all()).into_iter().map(|it| lists(self, it)).collect();
        let intact = self.structures(intact, most)?;
        let mut all = Vec::new();
        let cuts: Vec<(Mask, Mask)> = directed_bipartitions(self.all())
            .into_iter()
            .filter(|&(from, to)| from != 0 && to != 0)
            .collect();
        let anew: Vec<Vec<Lists>> = cuts
            .iter()
            .map(|&(from, to)| {
                let cut = self.severed(from, to);
                subsets(self.all()).into_iter().map(|it| lists(&cut, it)).collect()
            })
            .collect();
        for before in &intact {
            if before.is_empty() {
                return Some(vec![0.0]);
            }
            // By cut: the distances that its choices give.
            let mut by_cut: Vec<Vec<f64>> = Vec::new();
            for (&(from, to), anew) in cuts.iter().zip(&anew) {
                let cores = anew.iter().filter_map(|(mechanism, causes, effects)| {
                    let (mechanism, mut causes, mut effects) =
                        (*mechanism, causes.clone(), effects.clone());
                    let splits = mechanism & from != 0 && mechanism & to != 0;
                    let concept = before.iter().find(|c| c.mask == mechanism);
                    if inherits && concept.is_none() && !splits {
                        return None;
                    }
                    if let Some(concept) = concept.filter(|_| inherits && !splits) {
                        if concept.cause.mask & from == 0 || mechanism & to == 0 {
                            causes = vec![concept.cause.clone()];
                        }
                        if mechanism & from == 0 || concept.effect.mask & to == 0 {
                            effects = vec![concept.effect.clone()];
                        }
                    }
                    Some((mechanism, causes, effects))
                });
                let after = self.structures(cores.collect(), most / intact.len())?;
                by_cut.push(after.iter().map(|ces| self.ces_distance(before, ces)).collect());
            }
            // A value is Φ if some choice gives it under one cut and no less under each of the
            // others.
            let of = |distances: &Vec<f64>| distances.iter().copied().fold(0.0, f64::max);
            let bound = by_cut.iter().map(of).fold(f64::INFINITY, f64::min);
            all.extend(by_cut.into_iter().flatten().filter(|it| *it <= bound + 1e-9));
        }
        Some(all.into_iter().map(|phi| if phi <= TOLERANCE { 0.0 } else { phi }).collect())
    }
}

// --- Complexes -----------------------------------------------------------------------------------

/// The complexes of a network in a state, each with its units: the candidate systems with Φ > 0, by
/// size and then lexicographically. Candidates that cannot be in that state are none.
pub(crate) fn complexes(
    tpm: &[Vec<f64>],
    cm: &[Vec<u8>],
    state: &[u8],
) -> Vec<(Vec<usize>, BigPhi)> {
    subsets((1 << cm.len()) - 1)
        .into_iter()
        .map(|candidate| elements(candidate).collect::<Vec<usize>>())
        .filter_map(|nodes| {
            let big_phi = System::new(tpm, cm, state, &nodes)?.big_phi();
            (big_phi.phi > TOLERANCE).then_some((nodes, big_phi))
        })
        .collect()
}

/// Returns the complex with most units of those tied for the largest Φ, and of those the last.
pub(crate) fn major_complex(complexes: &[(Vec<usize>, BigPhi)]) -> Option<&(Vec<usize>, BigPhi)> {
    let largest = complexes.iter().map(|(_, it)| it.phi).fold(0.0, f64::max);
    let tied = complexes.iter().filter(|(_, it)| it.phi >= largest - TOLERANCE);
    tied.max_by_key(|(nodes, _)| nodes.len()) // the last of several
}

// --- Comparing -----------------------------------------------------------------------------------

fn same_concept(a: &Concept, b: &Concept) -> bool {
    let same = |a: &Core, b: &Core| {
        a.mask == b.mask
            && a.repertoire.iter().zip(&b.repertoire).all(|(x, y)| (x - y).abs() <= SAME_REPERTOIRE)
    };
    a.mask == b.mask
        && (a.phi - b.phi).abs() <= TOLERANCE
        && same(&a.cause, &b.cause)
        && same(&a.effect, &b.effect)
}

// --- Distributions -------------------------------------------------------------------------------

pub(crate) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count)
}

/// The joint distribution of two independent ones over disjoint purviews.
fn product((p1, first): (Mask, &[f64]), (p2, second): (Mask, &[f64])) -> Vec<f64> {
    let both = p1 | p2;
    // The index of state z within a purview: bit k is the purview's k-th unit.
    let index = |purview: Mask, z: Mask| -> usize {
        elements(purview).enumerate().map(|(k, unit)| (z >> unit & 1) << k).sum()
    };
    let states = (0..1 << size(both)).map(|k| pick(both, k));
    states.map(|z| first[index(p1, z)] * second[index(p2, z)]).collect()
}

/// The sum over the units of how much the probability of being ON differs.
pub(crate) fn marginal_distance(p: &[f64], q: &[f64]) -> f64 {
    let n_units = p.len().ilog2();
    let on =
        |p: &[f64], u: u32| (0..p.len()).filter(|s| s >> u & 1 == 1).map(|s| p[s]).sum::<f64>();
    (0..n_units).map(|u| (on(p, u) - on(q, u)).abs()).sum()
}

/// Earth mover's distance between distributions over the same states, moving a unit of mass costing
/// the number of bits that change.
pub(crate) fn emd(p: &[f64], q: &[f64]) -> f64 {
    // The cost is a metric: what both have in the same place need not move.
    let excess = |p: &[f64], q: &[f64]| -> Vec<(usize, f64)> {
        (0..p.len()).filter(|&s| p[s] > q[s]).map(|s| (s, p[s] - q[s])).collect()
    };
    let (sources, sinks) = (excess(p, q), excess(q, p));
    let cost: Vec<Vec<f64>> = sources
        .iter()
        .map(|(a, _)| sinks.iter().map(|(b, _)| f64::from((a ^ b).count_ones())).collect())
        .collect();
    let mass = |side: &[(usize, f64)]| side.iter().map(|s| s.1).collect::<Vec<f64>>();
    transport(&mass(&sources), &mass(&sinks), &cost)
}

/// The least cost of moving `supply` to `demand` (equal totals, up to rounding), `cost[i][j]` a
/// unit from `i` to `j`.
///
/// Successive shortest paths: as long as there is supply left, send as much as possible along the
/// cheapest path of the residual network. The result is checked against its dual, which proves that
/// no plan is cheaper.
pub(crate) fn transport(supply: &[f64], demand: &[f64], cost: &[Vec<f64>]) -> f64 {
    const NO_MASS: f64 = 1e-15;
    const NO_GAIN: f64 = 1e-13;
    let (rows, columns) = (0..supply.len(), 0..demand.len());
    let (mut supply_left, mut demand_left) = (supply.to_vec(), demand.to_vec());
    let mut flow = vec![vec![0.0; demand.len()]; supply.len()];

    // Shortest distances over the residual network, Bellman and Ford's way, and the last step of
    // each path.
    let relax = |flow: &[Vec<f64>], to_row: &mut [f64], to_column: &mut [f64]| {
        let mut row_from = vec![None; to_row.len()];
        let mut column_from = vec![None; to_column.len()];
        loop {
            let mut changed = false;
            for i in rows.clone() {
                for j in columns.clone() {
                    if to_row[i] + cost[i][j] < to_column[j] - NO_GAIN {
                        (to_column[j], column_from[j], changed) =
                            (to_row[i] + cost[i][j], Some(i), true);
                    }
                    if flow[i][j] > NO_MASS && to_column[j] - cost[i][j] < to_row[i] - NO_GAIN {
                        (to_row[i], row_from[i], changed) =
                            (to_column[j] - cost[i][j], Some(j), true);
                    }
                }
            }
            if !changed {
                return (row_from, column_from);
            }
        }
    };

    loop {
        let mut to_row: Vec<f64> = supply_left
            .iter()
            .map(|&mass| if mass > NO_MASS { 0.0 } else { f64::INFINITY })
            .collect();
        let mut to_column = vec![f64::INFINITY; demand.len()];
        let (row_from, column_from) = relax(&flow, &mut to_row, &mut to_column);
        let open =
            columns.clone().filter(|&j| demand_left[j] > NO_MASS && to_column[j].is_finite());
        let Some(end) = open.min_by(|&a, &b| to_column[a].total_cmp(&to_column[b])) else { break };

        // The path as pairs (row, column) walked forward, and the pairs walked back in between.
        let (mut forward, mut back) = (Vec::new(), Vec::new());
        let mut column = end;
        let start = loop {
            let row: usize = column_from[column].expect("a column is reached from a row");
            forward.push((row, column));
            match row_from[row] {
                None => break row,
                Some(previous) => {
                    back.push((row, previous));
                    column = previous;
                }
            }
        };
        let room = back.iter().map(|&(i, j)| flow[i][j]);
        let mass = room.fold(supply_left[start].min(demand_left[end]), f64::min);
        forward.iter().for_each(|&(i, j)| flow[i][j] += mass);
        back.iter().for_each(|&(i, j)| flow[i][j] -= mass);
        supply_left[start] -= mass;
        demand_left[end] -= mass;
    }

    let price = |i: usize| columns.clone().map(|j| flow[i][j] * cost[i][j]).sum::<f64>();
    let primal: f64 = rows.clone().map(price).sum();
    let (mut row_price, mut column_price) = (vec![0.0; supply.len()], vec![0.0; demand.len()]);
    relax(&flow, &mut row_price, &mut column_price);
    let earned: f64 = columns.clone().map(|j| demand[j] * column_price[j]).sum();
    let spent: f64 = rows.clone().map(|i| supply[i] * row_price[i]).sum();
    let dual = earned - spent;
    assert!((primal - dual).abs() < 1e-11, "transport: cost {primal}, but its dual is {dual}");
    primal
}
