//! The relations among distinctions (IIT 4.0): one by one, and in closed form.
//!
//! A part of the oracle: it shares nothing with the engine.

use std::collections::HashSet;

use crate::iit4_oracle::tuples;
use crate::oracle::{Mask, elements, size, subsets};

/// A mechanism with its cause and its effect: φ, purview and state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Distinction {
    pub(crate) mechanism: Mask,
    pub(crate) phi_d: f64,
    pub(crate) cause: (f64, Mask, Mask),
    pub(crate) effect: (f64, Mask, Mask),
}

impl Distinction {
    /// The units of the cause and of the effect, each with its state: bit 2i is unit i OFF, 2i + 1
    /// ON.
    fn relata(&self) -> [Mask; 2] {
        [self.cause, self.effect].map(|(_, purview, state)| {
            elements(purview).map(|unit| 1 << (2 * unit + (state >> unit & 1))).sum()
        })
    }

    fn union(&self) -> Mask {
        let [cause, effect] = self.relata();
        cause | effect
    }

    fn intersection(&self) -> Mask {
        let [cause, effect] = self.relata();
        cause & effect
    }

    /// φ_d per distinct unit and state of the purviews.
    fn share(&self) -> f64 {
        self.phi_d / size(self.union()) as f64
    }
}

/// A relation: the positions of its distinctions, φ_r, and the number of its faces.
#[derive(Clone, Debug)]
pub(crate) struct Relation {
    pub(crate) relata: Mask,
    pub(crate) phi_r: f64,
    pub(crate) n_faces: usize,
}

/// All relations, one by one.
pub(crate) fn relations(distinctions: &[Distinction]) -> Vec<Relation> {
    let mut relations = Vec::new();
    for relata in 1..1 << distinctions.len() {
        let these: Vec<&Distinction> = elements(relata).map(|at| &distinctions[at]).collect();
        let overlap = if let [one] = these[..] {
            one.intersection()
        } else {
            these.iter().map(|it| it.union()).fold(Mask::MAX, |a, b| a & b)
        };
        if overlap == 0 {
            continue;
        }
        let share = these.iter().map(|it| it.share()).fold(f64::INFINITY, f64::min);
        let n_faces = if these.len() == 1 { 1 } else { n_faces(&these) };
        relations.push(Relation { relata, phi_r: size(overlap) as f64 * share, n_faces });
    }
    relations
}

/// In how many ways the cause, the effect or both of every distinction can be taken so that all
/// share a unit in a state.
fn n_faces(distinctions: &[&Distinction]) -> usize {
    let taken = |it: &Distinction, how: usize| {
        let [cause, effect] = it.relata();
        [cause, effect, cause & effect][how]
    };
    let shares = |choice: &Vec<usize>| {
        let each = distinctions.iter().zip(choice).map(|(it, &how)| taken(it, how));
        each.fold(Mask::MAX, |a, b| a & b) != 0
    };
    tuples(3, distinctions.len()).filter(shares).count()
}

/// Σφ_r. A relation counts its weakest share once for every unit and state in its overlap; so sum
/// over these, and over which of the distinctions that have it is the weakest.
pub(crate) fn sum_phi_r(distinctions: &[Distinction]) -> f64 {
    let among_several: f64 = elements(distinctions.iter().fold(0, |all, it| all | it.union()))
        .map(|element| {
            let having = distinctions.iter().filter(|it| it.union() >> element & 1 == 1);
            let mut shares: Vec<f64> = having.map(Distinction::share).collect();
            shares.sort_by(f64::total_cmp);
            let stronger = |at: usize| (shares.len() - 1 - at) as i32;
            let weakest = |at: usize| shares[at] * (2_f64.powi(stronger(at)) - 1.0);
            (0..shares.len()).map(weakest).sum::<f64>()
        })
        .sum();
    let alone = distinctions.iter().map(|it| size(it.intersection()) as f64 * it.share());
    among_several + alone.sum::<f64>()
}

/// The number of relations, by inclusion and exclusion over what they overlap in.
pub(crate) fn n_relations(distinctions: &[Distinction]) -> i128 {
    let mut overlaps = HashSet::new();
    for distinction in distinctions {
        overlaps.extend(subsets(distinction.union()));
    }
    let among_several = overlaps.into_iter().map(|overlap| {
        let m = distinctions.iter().filter(|it| overlap & !it.union() == 0).count();
        let sign = if size(overlap) % 2 == 1 { 1 } else { -1 };
        sign * ((1_i128 << m) - m as i128 - 1)
    });
    let alone = distinctions.iter().filter(|it| it.intersection() != 0).count();
    among_several.sum::<i128>() + alone as i128
}
