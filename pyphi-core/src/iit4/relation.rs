//! Relations: how the causes and effects of distinctions overlap.
//!
//! An element is a unit in a state. O(d) are the elements of the cause and of the effect of a
//! distinction d, I(d) those of both, r(d) = φ_d / |O(d)|. A set D of two distinctions or more is
//! related if all its O(d) share some elements V: φ_r = |V| · min r(d). A single one is related
//! with itself if I(d) is not empty: φ_r = |I(d)| · r(d) (Albantakis et al. 2023).
//!
//! There are up to 2^(2^n - 1) - 1 relations, so their number and their sum are never found by
//! listing them:
//! - Σ φ_r over the sets of two or more. |V| counts elements: element by element, over the sets of
//!   distinctions that have it. With v_0 ≤ v_1 ≤ … ≤ v_(k-1) their r, v_i is the smallest of
//!   2^(k-1-i) - 1 sets (itself with any non-empty choice of later ones).
//! - Their number. A set is related if V is not empty; by inclusion and exclusion over the
//!   non-empty subsets T of V, 1 = Σ_T (-1)^(|T|-1), so it is Σ_T (-1)^(|T|-1) (2^m - m - 1), m
//!   being the number of distinctions with T ⊆ O(d). The coefficients of equal m are added up
//!   first: they are small integers, and one sum of as many wide terms as there are distinctions
//!   remains.

use std::sync::Arc;

use num_bigint::{BigInt, BigUint};

use super::distinction::{Distinction, Mice};

/// The relations among some distinctions.
#[derive(Debug, Clone)]
pub struct Relations {
    nodes: Vec<Node>,
    /// The element of each bit of the nodes: a unit with its value. Ascending.
    elements: Arc<[(usize, u8)]>,
}

/// The elements that a distinction brings into its relations. Each bit is one of the elements that
/// there are.
#[derive(Debug, Clone, Copy)]
struct Node {
    cause: u64,
    effect: u64,
    /// φ_d / |O(d)|.
    per_element: f64,
}

impl Node {
    fn union(self) -> u64 {
        self.cause | self.effect
    }

    fn both(self) -> u64 {
        self.cause & self.effect
    }
}

impl Relations {
    /// The relations among `distinctions`, which relations name by their positions here.
    ///
    /// # Panics
    /// If they have more than 64 units with a value between them. Those of one system that are
    /// congruent with its states have at most two a unit.
    pub fn new(distinctions: &[Distinction]) -> Relations {
        let mut all: Vec<(usize, u8)> = (distinctions.iter())
            .flat_map(|it| it.cause.state.elements().chain(it.effect.state.elements()))
            .collect();
        all.sort_unstable();
        all.dedup();
        assert!(all.len() <= 64, "{} units with a value, expected at most 64", all.len());
        let elements = |mice: &Mice| {
            let of_state = mice.state.elements();
            of_state.fold(0u64, |set, it| {
                set | 1 << all.binary_search(&it).expect("one of all elements")
            })
        };
        let node = |it: &Distinction| {
            let (cause, effect) = (elements(&it.cause), elements(&it.effect));
            let n_elements = f64::from((cause | effect).count_ones());
            Node { cause, effect, per_element: it.phi / n_elements }
        };
        Relations { nodes: distinctions.iter().map(node).collect(), elements: all.into() }
    }

    /// The number of relations, those of single distinctions included.
    pub fn count(&self) -> BigUint {
        let several = |m: usize| (BigInt::from(1) << m) - BigInt::from(m) - BigInt::from(1);
        let coefficients = self.coefficients().into_iter().enumerate();
        let several: BigInt = coefficients.map(|(m, it)| several(m) * it).sum();
        (several + BigInt::from(self.n_single())).to_biguint().expect("a number of sets")
    }

    /// The numbers of relations of one, of two and of three distinctions.
    pub fn count_of_degrees(&self) -> [u64; 3] {
        let coefficients = self.coefficients();
        let of_degree = |n_sets: &dyn Fn(i128) -> i128| {
            let terms = coefficients.iter().enumerate();
            let sum: i128 = terms.map(|(m, &it)| n_sets(m as i128) * i128::from(it)).sum();
            u64::try_from(sum).expect("a number of sets")
        };
        let pairs = of_degree(&|m| m * (m - 1) / 2);
        let triples = of_degree(&|m| m * (m - 1) * (m - 2) / 6);
        [self.n_single() as u64, pairs, triples]
    }

    /// The number of sets of k distinctions that are related is Σ over m of the m-th of these times
    /// the number of sets of k among m.
    fn coefficients(&self) -> Vec<i64> {
        let elements = bits_of(self.nodes.iter().fold(0, |all, node| all | node.union()));
        // By set T of elements: how many distinctions have all of them.
        let mut n_having = vec![0u32; 1 << elements.len()];
        for node in &self.nodes {
            let set = elements
                .iter()
                .enumerate()
                .fold(0, |set, (idx, &element)| set | (node.union() >> element & 1) << idx);
            n_having[set as usize] += 1;
        }
        // The first elements within blocks that stay in the cache: with 24 elements that is most of
        // the time.
        let n_within = elements.len().min(16);
        let add_supersets = |table: &mut [u32], half: usize| {
            for pair in table.chunks_exact_mut(2 * half) {
                let (without, with) = pair.split_at_mut(half);
                without.iter_mut().zip(with).for_each(|(a, b)| *a += *b);
            }
        };
        for block in n_having.chunks_exact_mut(1 << n_within) {
            (0..n_within).for_each(|idx| add_supersets(block, 1 << idx));
        }
        (n_within..elements.len()).for_each(|idx| add_supersets(&mut n_having, 1 << idx));
        let mut coefficients = vec![0i64; self.nodes.len() + 1];
        for (set, &m) in n_having.iter().enumerate().skip(1) {
            coefficients[m as usize] += if set.count_ones() % 2 == 1 { 1 } else { -1 };
        }
        coefficients
    }

    /// The number of distinctions that are related with themselves.
    fn n_single(&self) -> usize {
        self.nodes.iter().filter(|node| node.both() != 0).count()
    }

    /// The number of relations among the first distinctions, as many as do not have too many
    /// elements for this to be quick.
    pub(crate) fn count_of_some(&self) -> BigUint {
        const QUICK: u32 = 18;
        let mut all = 0;
        let is_quick = |node: &&Node| {
            all |= node.union();
            all.count_ones() <= QUICK
        };
        let nodes = self.nodes.iter().take_while(is_quick).copied().collect();
        Relations { nodes, elements: Arc::clone(&self.elements) }.count()
    }

    /// Σ φ_r over all relations, in bits. Infinite beyond the range of an `f64`, which takes more
    /// than a thousand distinctions with a common element.
    pub fn sum_phi(&self) -> f64 {
        let mut sum = 0.0;
        for values in self.values_by_element() {
            let n = values.len();
            sum += values
                .iter()
                .enumerate()
                .map(|(idx, value)| value * (2f64.powi((n - 1 - idx) as i32) - 1.0))
                .sum::<f64>();
        }
        sum + self.nodes.iter().map(|node| self_phi(*node)).sum::<f64>()
    }

    /// Σ φ_r over the relations of one distinction, of two, of three, and so on, in bits. The
    /// smallest of the r of k distinctions with an element is v_i in `binomial(n - 1 - i, k - 1)`
    /// cases.
    pub fn sum_phi_by_degree(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.nodes.len()];
        if let Some(first) = sums.first_mut() {
            *first = self.nodes.iter().map(|node| self_phi(*node)).sum();
        }
        for values in self.values_by_element() {
            for (idx, value) in values.iter().enumerate() {
                let later = values.len() - 1 - idx;
                let mut cases = 1.0;
                for (chosen, sum) in (1..=later).zip(&mut sums[1..]) {
                    cases *= (later + 1 - chosen) as f64 / chosen as f64;
                    *sum += value * cases;
                }
            }
        }
        sums
    }

    /// For each element the r of the distinctions that have it, in increasing order.
    fn values_by_element(&self) -> impl Iterator<Item = Vec<f64>> + '_ {
        let all = self.nodes.iter().fold(0, |all, node| all | node.union());
        bits_of(all).into_iter().map(|element| {
            let has_it = self.nodes.iter().filter(|node| node.union() >> element & 1 == 1);
            let mut values: Vec<f64> = has_it.map(|node| node.per_element).collect();
            values.sort_by(f64::total_cmp);
            values
        })
    }

    /// The relations themselves, in lexicographic order of their distinctions: {0}, {0,1}, {0,1,2},
    /// …, {1}, … There are a great many: take as many as you need.
    ///
    /// ```
    /// use pyphi_core::iit4::{Rules, System, phi_structure};
    /// use pyphi_core::{Options, fixtures};
    ///
    /// let system = System::new(&fixtures::iit4_figure_1_ab())?;
    /// let structure = phi_structure(&system, Rules::default(), &Options::default());
    /// let relations = structure.relations();
    /// assert_eq!(relations.iter().count(), 7);
    /// let pair = relations.iter().find(|it| it.distinctions == [0, 2]).unwrap();
    /// assert_eq!(format!("{:.3}", pair.phi), "0.036"); // 0.035 in the paper, which truncates
    /// assert_eq!(pair.overlap, [(1, 0)]); // B = 0
    /// assert_eq!(relations.faces(&pair).count(), 9);
    /// # Ok::<(), pyphi_core::Error>(())
    /// ```
    pub fn iter(&self) -> RelationIter<'_> {
        RelationIter { relations: self, stack: Vec::new(), next: 0 }
    }

    /// The relations of one and two distinctions whose φ_r is largest, so many `pairs`, and those
    /// of three, so many `triples`; of equal ones the first in the order of [`Relations::iter`].
    ///
    /// By decreasing r of their last distinction: where even all its elements would not do, nothing
    /// is looked at, and no more is kept than was asked for.
    pub fn largest(&self, pairs: usize, triples: usize) -> [Vec<Relation>; 2] {
        let mut order: Vec<usize> = (0..self.nodes.len()).collect();
        order.sort_by(|&a, &b| self.nodes[b].per_element.total_cmp(&self.nodes[a].per_element));
        let (mut pairs, mut triples) = (Largest::new(pairs), Largest::new(triples));
        for (at, &last) in order.iter().enumerate() {
            let node = self.nodes[last];
            let phi = |set: u64| f64::from(set.count_ones()) * node.per_element;
            pairs.add(phi(node.both()), node.both(), &[last]);
            if !pairs.may_have(phi(node.union())) && !triples.may_have(phi(node.union())) {
                continue;
            }
            for (before, &second) in order[..at].iter().enumerate() {
                let shared = node.union() & self.nodes[second].union();
                pairs.add(phi(shared), shared, &[second, last]);
                if !triples.may_have(phi(shared)) {
                    continue;
                }
                for &first in &order[..before] {
                    let shared = shared & self.nodes[first].union();
                    triples.add(phi(shared), shared, &[first, second, last]);
                }
            }
        }
        [pairs, triples].map(|it| it.relations(self))
    }

    /// Goes on with [`Relations::iter`] after one of its relations.
    ///
    /// ```
    /// use pyphi_core::iit4::{Rules, System, phi_structure};
    /// use pyphi_core::{Options, fixtures};
    ///
    /// let system = System::new(&fixtures::iit4_figure_1_ab())?;
    /// let structure = phi_structure(&system, Rules::default(), &Options::default());
    /// let relations = structure.relations();
    /// let third = relations.iter().nth(2).unwrap();
    /// assert!(relations.iter_after(&third).eq(relations.iter().skip(3)));
    /// # Ok::<(), pyphi_core::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the relation is not one of these distinctions.
    pub fn iter_after(&self, relation: &Relation) -> RelationIter<'_> {
        let mut stack: Vec<(usize, u64, f64)> = Vec::new();
        for &idx in &relation.distinctions {
            let node = self.nodes[idx];
            let (overlap, least) =
                stack.last().map_or((u64::MAX, f64::INFINITY), |&(_, all, least)| (all, least));
            stack.push((idx, overlap & node.union(), least.min(node.per_element)));
        }
        RelationIter {
            relations: self,
            stack,
            next: relation.distinctions.last().map_or(0, |it| it + 1),
        }
    }

    /// The faces of a relation: every choice of the cause, the effect or both from each of its
    /// distinctions such that all chosen purviews share an element. A relation of a single
    /// distinction has one face, its cause with its effect.
    ///
    /// # Panics
    /// If the relation is not one of these distinctions.
    pub fn faces(&self, relation: &Relation) -> FaceIter {
        let nodes = relation.distinctions.iter().map(|&idx| self.nodes[idx]).collect();
        let elements = Arc::clone(&self.elements);
        FaceIter { nodes, elements, stack: Vec::new(), next: Some(0) }
    }

    /// The number of faces that [`Relations::faces`] lists: with T over the non-empty subsets of
    /// the overlap, the sum of `(-1)^(|T|-1)` times the product over the distinctions of the number
    /// of its choices that have all of T.
    ///
    /// # Panics
    /// If the relation is not one of these distinctions.
    pub fn n_faces(&self, relation: &Relation) -> BigUint {
        if relation.distinctions.len() == 1 {
            return BigUint::from(1u32);
        }
        let bit = |it| self.elements.binary_search(it).expect("an element of these distinctions");
        let overlap: u64 = relation.overlap.iter().fold(0, |all, it| all | 1 << bit(it));
        let mut sum = BigInt::from(0);
        let mut set = overlap;
        while set != 0 {
            let mut product = BigInt::from(if set.count_ones() % 2 == 1 { 1 } else { -1 });
            for &idx in &relation.distinctions {
                let node = self.nodes[idx];
                let has = |side: u64| u32::from(side & set == set);
                product *= has(node.cause) + has(node.effect) + has(node.both());
            }
            sum += product;
            set = (set - 1) & overlap;
        }
        sum.to_biguint().expect("a number of faces")
    }
}

fn self_phi(node: Node) -> f64 {
    f64::from(node.both().count_ones()) * node.per_element
}

/// A relation: distinctions whose causes and effects overlap.
#[derive(Debug, Clone, PartialEq)]
pub struct Relation {
    /// Positions of the distinctions, increasing.
    pub distinctions: Vec<usize>,
    /// The units, with their states, that they have in common.
    pub overlap: Vec<(usize, u8)>,
    /// φ_r in bits.
    pub phi: f64,
}

/// The relations with the largest φ_r of those added, in order.
struct Largest {
    most: usize,
    /// φ_r, the distinctions in increasing order, and what they share.
    found: Vec<(f64, Vec<usize>, u64)>,
}

impl Largest {
    fn new(most: usize) -> Largest {
        Largest { most, found: Vec::new() }
    }

    /// Returns `true` if one with this φ_r, which is 0 where nothing is shared, could be among
    /// them.
    fn may_have(&self, phi: f64) -> bool {
        let is_full = self.found.len() == self.most;
        phi > 0.0 && !(is_full && self.found.last().is_none_or(|(least, ..)| phi < *least))
    }

    fn add(&mut self, phi: f64, shared: u64, distinctions: &[usize]) {
        if shared == 0 || !self.may_have(phi) {
            return;
        }
        let mut distinctions = distinctions.to_vec();
        distinctions.sort_unstable();
        let comes_before = |(other, others, _): &(f64, Vec<usize>, u64)| {
            other.total_cmp(&phi).is_gt() || (*other == phi && *others < distinctions)
        };
        let at = self.found.partition_point(comes_before);
        self.found.insert(at, (phi, distinctions, shared));
        self.found.truncate(self.most);
    }

    fn relations(self, of: &Relations) -> Vec<Relation> {
        let found = self.found.into_iter();
        let overlap = |shared| named(shared, &of.elements);
        found
            .map(|(phi, distinctions, shared)| Relation {
                distinctions,
                overlap: overlap(shared),
                phi,
            })
            .collect()
    }
}

/// Lists relations: see [`Relations::iter`].
#[derive(Debug, Clone)]
pub struct RelationIter<'a> {
    relations: &'a Relations,
    /// The distinctions chosen, each with the overlap and the smallest r up to it.
    stack: Vec<(usize, u64, f64)>,
    /// The next distinction to try.
    next: usize,
}

impl Iterator for RelationIter<'_> {
    type Item = Relation;

    fn next(&mut self) -> Option<Relation> {
        let nodes = &self.relations.nodes;
        loop {
            let Some(&node) = nodes.get(self.next) else {
                // Nothing more with these: the last one makes room for the one after it.
                let (last, ..) = self.stack.pop()?;
                self.next = last + 1;
                continue;
            };
            let (overlap, least) = self
                .stack
                .last()
                .map_or((u64::MAX, f64::INFINITY), |&(_, all, least)| (all, least));
            let (overlap, least) = (overlap & node.union(), least.min(node.per_element));
            if overlap == 0 {
                self.next += 1;
                continue;
            }
            self.stack.push((self.next, overlap, least));
            self.next += 1;
            let shared = if self.stack.len() == 1 { node.both() } else { overlap };
            if shared != 0 {
                return Some(Relation {
                    distinctions: self.stack.iter().map(|&(idx, ..)| idx).collect(),
                    overlap: named(shared, &self.relations.elements),
                    phi: f64::from(shared.count_ones()) * least,
                });
            }
        }
    }
}

/// The purviews of a distinction that a face binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaceSide {
    /// Its cause.
    Cause,
    /// Its effect.
    Effect,
    /// Both.
    Both,
}

/// A face of a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Face {
    /// The sides that are chosen from each distinction of the relation, in their order.
    pub sides: Vec<FaceSide>,
    /// The units, with their states, that all chosen purviews have in common.
    pub overlap: Vec<(usize, u8)>,
}

/// Lists the faces of a relation: see [`Relations::faces`].
#[derive(Debug, Clone)]
pub struct FaceIter {
    nodes: Vec<Node>,
    elements: Arc<[(usize, u8)]>,
    /// The choices made, each with the overlap up to it.
    stack: Vec<(usize, u64)>,
    /// The next choice to try; `None` when all are listed.
    next: Option<usize>,
}

impl FaceIter {
    const SIDES: [FaceSide; 3] = [FaceSide::Cause, FaceSide::Effect, FaceSide::Both];
}

impl Iterator for FaceIter {
    type Item = Face;

    fn next(&mut self) -> Option<Face> {
        if let [only] = self.nodes.as_slice() {
            let overlap = only.both();
            self.next.take().filter(|_| overlap != 0)?;
            let overlap = named(overlap, &self.elements);
            return Some(Face { sides: vec![FaceSide::Both], overlap });
        }
        loop {
            let choice = self.next?;
            let Some(side) = Self::SIDES.get(choice) else {
                self.next = self.stack.pop().map(|(choice, _)| choice + 1);
                continue;
            };
            let node = self.nodes[self.stack.len()];
            let elements_of = match side {
                FaceSide::Cause => node.cause,
                FaceSide::Effect => node.effect,
                FaceSide::Both => node.both(),
            };
            let overlap = self.stack.last().map_or(u64::MAX, |&(_, all)| all) & elements_of;
            if overlap == 0 {
                self.next = Some(choice + 1);
            } else if self.stack.len() + 1 < self.nodes.len() {
                self.stack.push((choice, overlap));
                self.next = Some(0);
            } else {
                self.next = Some(choice + 1);
                let chosen = self.stack.iter().map(|&(choice, _)| choice).chain([choice]);
                return Some(Face {
                    sides: chosen.map(|choice| Self::SIDES[choice]).collect(),
                    overlap: named(overlap, &self.elements),
                });
            }
        }
    }
}

fn bits_of(mut set: u64) -> Vec<u32> {
    let mut bits = Vec::new();
    while set != 0 {
        bits.push(set.trailing_zeros());
        set &= set - 1;
    }
    bits
}

fn named(set: u64, elements: &[(usize, u8)]) -> Vec<(usize, u8)> {
    bits_of(set).into_iter().map(|bit| elements[bit as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bit `2·u + s` is unit u in state s.
    fn elements() -> Arc<[(usize, u8)]> {
        (0..64).map(|bit| (bit / 2, (bit % 2) as u8)).collect()
    }

    /// Random causes and effects over `n_units` units.
    fn random(seed: u64, n_units: u32, n_nodes: usize) -> Relations {
        let mut word = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut random = move || {
            word ^= word << 13;
            word ^= word >> 7;
            word ^= word << 17;
            word >> 8
        };
        let mut purview = |n_units: u32| {
            let mut set = 0u64;
            while set == 0 {
                let (units, states) = (random(), random() | random());
                set = (0..n_units)
                    .filter(|unit| units >> unit & 1 == 1)
                    .fold(0, |set, unit| set | 1 << (2 * unit + (states >> unit & 1) as u32));
            }
            set
        };
        let nodes = (0..n_nodes).map(|idx| {
            let (cause, effect) = (purview(n_units), purview(n_units));
            // Some of them equal.
            let per_element = f64::from(1 + (idx as u32 * 7) % 5) / 8.0;
            Node { cause, effect, per_element }
        });
        Relations { nodes: nodes.collect(), elements: elements() }
    }

    #[test]
    fn number_and_sum_are_those_of_the_list() {
        for seed in 0..200 {
            let relations = random(seed, 2 + (seed % 4) as u32, (seed % 11) as usize);
            let list: Vec<Relation> = relations.iter().collect();
            assert_eq!(relations.count(), BigUint::from(list.len()), "seed {seed}");
            let sum: f64 = list.iter().map(|it| it.phi).sum();
            assert!((relations.sum_phi() - sum).abs() <= 1e-12 * sum.max(1.0), "seed {seed}");
            let by_degree = relations.sum_phi_by_degree();
            assert_eq!(by_degree.len(), relations.nodes.len());
            for (at, found) in by_degree.iter().enumerate() {
                let of_degree = list.iter().filter(|it| it.distinctions.len() == at + 1);
                let sum: f64 = of_degree.map(|it| it.phi).sum();
                assert!((found - sum).abs() <= 1e-12 * sum.max(1.0), "seed {seed}, {at}");
            }
            let of_degree = |it: usize| list.iter().filter(move |all| all.distinctions.len() == it);
            let counts = [1, 2, 3].map(|it| of_degree(it).count() as u64);
            assert_eq!(relations.count_of_degrees(), counts, "seed {seed}");
            for most in [0, 1, 3, 1000] {
                let largest = |mut some: Vec<Relation>| {
                    // Stable: of equal ones the first stays first.
                    some.sort_by(|a, b| b.phi.total_cmp(&a.phi));
                    some.truncate(most);
                    some
                };
                let mut pairs: Vec<Relation> = of_degree(1).chain(of_degree(2)).cloned().collect();
                pairs.sort_by(|a, b| a.distinctions.cmp(&b.distinctions));
                let triples = of_degree(3).cloned().collect();
                let expected = [largest(pairs), largest(triples)];
                assert_eq!(relations.largest(most, most), expected, "seed {seed}, {most}");
            }
            // In order, and none twice.
            assert!(list.windows(2).all(|it| it[0].distinctions < it[1].distinctions));
        }
    }

    #[test]
    fn relations_are_as_defined() {
        for seed in 0..50 {
            let relations = random(seed, 3, 6);
            let list: Vec<Relation> = relations.iter().collect();
            for set in 1..1u32 << 6 {
                let nodes: Vec<usize> = (0..6).filter(|idx| set >> idx & 1 == 1).collect();
                let shared = match nodes.as_slice() {
                    [only] => relations.nodes[*only].both(),
                    _ => {
                        nodes.iter().fold(u64::MAX, |all, &idx| all & relations.nodes[idx].union())
                    }
                };
                let found = list.iter().find(|it| it.distinctions == nodes);
                assert_eq!(found.is_some(), shared != 0);
                if let Some(found) = found {
                    assert_eq!(found.overlap, named(shared, &elements()));
                    let r = nodes.iter().map(|&idx| relations.nodes[idx].per_element);
                    let least = r.fold(f64::INFINITY, f64::min);
                    assert!((found.phi - least * f64::from(shared.count_ones())).abs() < 1e-15);
                }
            }
        }
    }

    #[test]
    fn faces_are_counted_and_share_elements() {
        for seed in 0..100 {
            let relations = random(seed, 3, 4);
            for relation in relations.iter() {
                let faces: Vec<Face> = relations.faces(&relation).collect();
                assert_eq!(relations.n_faces(&relation), BigUint::from(faces.len()));
                let in_some_face = faces.iter().flat_map(|it| &it.overlap);
                let mut elements: Vec<_> = in_some_face.copied().collect();
                elements.sort_unstable();
                elements.dedup();
                assert_eq!(elements, relation.overlap, "seed {seed}: {relation:?}");
            }
        }
    }

    /// All of 2^n - 1 distinctions with everything in common: every set of them is a relation.
    #[test]
    fn numbers_are_as_wide_as_they_need_to_be() {
        let node = Node { cause: 0b101, effect: 0b101, per_element: 1.0 };
        for n in [63, 64, 127, 128, 255] {
            let relations = Relations { nodes: vec![node; n], elements: elements() };
            assert_eq!(relations.count(), (BigUint::from(1u32) << n) - BigUint::from(1u32));
            let expected = 2.0 * (2f64.powi(n as i32) - 1.0);
            assert!((relations.sum_phi() - expected).abs() <= 1e-14 * expected);
        }
    }
}
