//! The range of Φ over orders of choice among tied core causes and core effects.
//!
//! φ of every mechanism and purview is the same in every order, so it is worked out once; only
//! choices and the distances of structures are redone. Orders are independent of each other: each
//! gives the Φ that [`big_phi`](crate::big_phi) gives with it.

use std::time::{Duration, Instant};

use crate::big_phi::{BigPhi, BigPhiSearch, with_ties, without_search};
use crate::limits::{Options, Phase, StopReason, Watch};
use crate::spectrum::{CutChoices, SpectrumRules, TieRule, quick_extremes};
use crate::subsystem::Subsystem;
use crate::symmetry::Symmetry;
use crate::tie_order::{LocalOrder, TieOrder};

/// Φ, and how small and how large other numberings of the units make it.
#[derive(Debug, Clone)]
pub struct PhiRange {
    /// The result in the order that [`Options::tie_order`] asks for.
    pub result: BigPhi,
    /// The smallest Φ over that order and the numberings tried. Of a search that was stopped, over
    /// those that were finished.
    pub low: f64,
    /// The largest.
    pub high: f64,
    /// The different numberings that stand for all that were asked for: numberings that differ by
    /// an exchange of interchangeable units count once.
    pub numberings: u32,
    /// `true` if these are all numberings there are, so that `low` and `high` are the extremes.
    pub is_exhaustive: bool,
    /// `true` if `low` and `high` are proven to be the extremes over all choices among purviews of
    /// the same φ and size, made for every mechanism and under every cut by itself; not only over
    /// numberings. See [`tie_range`].
    pub is_exact: bool,
    /// The reason for the end: all numberings were tried, or the analysis was stopped.
    pub stop_reason: StopReason,
    /// The time that `low` and `high` took beyond `result`.
    pub elapsed: Duration,
}

/// Φ of a subsystem with its range over numberings of the units: their own, and `n_more` drawn from
/// `seed` (all, if there are no more than these). Where φ and size decide every choice, that is Φ
/// itself.
///
/// IIT 3.0 does not say which of several purviews with the same φ and size is the core cause or
/// core effect, and programs take the first. So they print another Φ of the same network when its
/// units are numbered otherwise, and every Φ between `low` and `high` that occurs is one that they
/// print.
///
/// ```
/// use pyphi_core::{Network, Options, State, Subsystem, phi_range};
///
/// // A lattice of 5 strict-majority units, all OFF: 0 1 2 over 3 4.
/// let edges = [(0, 1), (1, 2), (0, 3), (1, 4), (3, 4)];
/// let mut cm = vec![vec![0u8; 5]; 5];
/// for (i, j) in edges {
///     (cm[i][j], cm[j][i]) = (1, 1);
/// }
/// let is_on = |s: usize, j: usize| {
///     let n_on = (0..5).filter(|&i| cm[i][j] == 1 && s >> i & 1 == 1).count();
///     2 * n_on > cm.iter().filter(|row| row[j] == 1).count()
/// };
/// let tpm: Vec<Vec<f64>> = (0..32)
///     .map(|s| (0..5).map(|j| f64::from(u8::from(is_on(s, j)))).collect())
///     .collect();
/// let network = Network::from_state_by_node(&tpm, &cm)?;
/// let subsystem = Subsystem::new(&network, State::all_off(5), network.units())?;
///
/// let range = phi_range(&subsystem, &Options::default(), 32, 1);
/// assert!((range.result.phi - 0.135556).abs() < 1e-6);
/// assert!((range.low - 0.055556).abs() < 1e-6 && range.high == range.result.phi);
/// # Ok::<(), pyphi_core::Error>(())
/// ```
pub fn phi_range(subsystem: &Subsystem, options: &Options, n_more: u32, seed: u64) -> PhiRange {
    range(subsystem, options, n_more, seed, false)
}

/// Φ of a subsystem with the smallest and largest Φ over all choices among purviews of the same φ
/// and size, where these are quickly proven: where nothing is tied, and where
/// [`phi_spectrum`](crate::phi_spectrum()) takes little work. Elsewhere the range is that of
/// [`phi_range`]; [`PhiRange::is_exact`] says which. With `n_more` = 0 it is Φ alone.
///
/// The subsystem alone decides what is quick, not the machine.
///
/// ```
/// use pyphi_core::{Network, Options, State, Subsystem, tie_range};
///
/// // A ring of 4 strict-majority units, all OFF: no numbering and no other choice changes Φ.
/// let cm: Vec<Vec<u8>> =
///     (0..4).map(|i: usize| (0..4).map(|j| u8::from((i + j) % 2 == 1)).collect()).collect();
/// let is_on = |s: usize, j: usize| (0..4).all(|i| cm[i][j] == 0 || s >> i & 1 == 1);
/// let tpm: Vec<Vec<f64>> =
///     (0..16).map(|s| (0..4).map(|j| f64::from(u8::from(is_on(s, j)))).collect()).collect();
/// let network = Network::from_state_by_node(&tpm, &cm)?;
/// let subsystem = Subsystem::new(&network, State::all_off(4), network.units())?;
/// let range = tie_range(&subsystem, &Options::default(), 32, 1);
/// assert!(range.is_exact && range.low == range.high);
/// # Ok::<(), pyphi_core::Error>(())
/// ```
pub fn tie_range(subsystem: &Subsystem, options: &Options, n_more: u32, seed: u64) -> PhiRange {
    range(subsystem, options, n_more, seed, n_more > 0)
}

fn range(
    subsystem: &Subsystem,
    options: &Options,
    n_more: u32,
    seed: u64,
    tries_choices: bool,
) -> PhiRange {
    options.variant.expect_default("a range over ties");
    let classes = Symmetry::classes(&subsystem.tables);
    let (numberings, is_exhaustive) =
        LocalOrder::numberings(subsystem.n_units(), &classes, n_more, seed);
    let (result, others) = over(subsystem, options, &numberings, tries_choices);
    let Others { phis, extremes, stop_reason, elapsed } = others;
    let all = || phis.iter().copied().chain(extremes.iter().flat_map(|&(low, high)| [low, high]));
    PhiRange {
        low: all().fold(result.phi, f64::min),
        high: all().fold(result.phi, f64::max),
        result,
        numberings: numberings.len() as u32,
        is_exhaustive,
        is_exact: extremes.is_some(),
        stop_reason,
        elapsed,
    }
}

/// Φ of a subsystem in each of several orders of choice; fewer if the analysis is stopped.
///
/// ```
/// use pyphi_core::{Options, TieOrder, fixtures, phi_by_order};
///
/// // The complete graph is the same in every numbering; yet its Φ hangs on ties.
/// let orders = [TieOrder::Lexicographic, TieOrder::Seeded(1)];
/// let phis = phi_by_order(&fixtures::complete_majority(5), &Options::default(), &orders);
/// assert!((phis[0] - phis[1]).abs() > 1e-3);
/// ```
pub fn phi_by_order(subsystem: &Subsystem, options: &Options, orders: &[TieOrder]) -> Vec<f64> {
    options.variant.expect_default("Φ by order");
    let Some((&first, others)) = orders.split_first() else { return Vec::new() };
    let options = Options { tie_order: first, ..options.clone() };
    let members = subsystem.units().bits();
    let others: Vec<LocalOrder> = others.iter().map(|order| order.within(members)).collect();
    let (result, others) = over(subsystem, &options, &others, false);
    if !result.is_complete() {
        return Vec::new();
    }
    let mut phis = vec![result.phi];
    phis.extend(others.phis);
    phis
}

/// Φ in other orders than that of the options.
struct Others {
    /// In the order of those; fewer if the analysis was stopped.
    phis: Vec<f64>,
    /// The smallest and the largest Φ over all choices, where that is asked for and quickly proven:
    /// then no other order was tried.
    extremes: Option<(f64, f64)>,
    stop_reason: StopReason,
    elapsed: Duration,
}

/// The result in the order of the options, and Φ in others; or over all choices.
fn over(
    subsystem: &Subsystem,
    options: &Options,
    orders: &[LocalOrder],
    tries_choices: bool,
) -> (BigPhi, Others) {
    // Of the searches in other orders nothing is told but that they are done, and only Φ is wanted.
    let quiet = Options { progress: None, count_ties: false, ..options.clone() };
    let own = options.tie_order.within(subsystem.units().bits());
    let is_needed = tries_choices || orders.iter().any(|&order| order != own);
    let (result, mut search) = match without_search(subsystem, options, is_needed) {
        Some(result) => (result, None),
        None => {
            let search = BigPhiSearch::new(subsystem, options);
            let search = if is_needed { search.keeping_choices() } else { search };
            (with_ties(search.run(), options), Some(search))
        }
    };
    let mut others = Others {
        phis: Vec::with_capacity(orders.len()),
        extremes: None,
        stop_reason: result.stop_reason,
        elapsed: Duration::ZERO,
    };
    if !result.is_complete() {
        return (result, others);
    }
    let began = Instant::now();
    let is_open = search.as_ref().is_some_and(|it| it.n_open_choices() > 0);
    let Some(search) = search.as_mut().filter(|_| is_open) else {
        others.phis = vec![result.phi; orders.len()];
        // The search is the same whatever is chosen.
        others.extremes = tries_choices.then_some((result.phi, result.phi));
        return (result, others);
    };
    if tries_choices {
        let rules = SpectrumRules { ties: TieRule::Largest, cuts: CutChoices::Inherited };
        others.extremes = quick_extremes(subsystem, &search.stop, rules);
        if others.extremes.is_some() {
            others.elapsed = began.elapsed();
            return (result, others);
        }
    }
    // Cuts that were minimal in one order are likely to be so in others.
    let mut likely: Vec<usize> = Vec::new();
    search.options = &quiet;
    search.rules.count_ties = false;
    let phase = Watch::new(options, began, Phase::Orders, orders.len() as u64);
    for &order in orders {
        search.rules.order = order;
        let (phi, cut) = match order == own {
            true => (result.phi, None),
            false => match search.phi(&likely) {
                Some(found) => found,
                None => {
                    others.stop_reason = search.stop.reason().unwrap_or(StopReason::Complete);
                    break;
                }
            },
        };
        likely.extend(cut.filter(|cut| !likely.contains(cut)));
        others.phis.push(phi);
        phase.add(1, None);
    }
    others.elapsed = began.elapsed();
    (result, others)
}
