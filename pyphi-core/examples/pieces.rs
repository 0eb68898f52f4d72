//! The cost of dividing one Φ: Φ of a generic network as one search, and in pieces that exchange
//! decisions only. Each search runs on one thread. The work that all of them counted is printed.
//!
//! ```sh
//! cargo run --release -p pyphi-core --example pieces -- UNITS PIECES one|once|turns|alone
//! ```
//!
//! `one`: one search. In pieces, the bounds make most of the difference: `once`, all pieces of a
//! stage at the same moment with one bound, as processes that read each other's decisions; `turns`,
//! one after the other, each with the best distance of those before it; `alone`, without any bound
//! but their own.

use std::sync::Mutex;

use pyphi_core::pieces::{Bound, CutDecisions, MechanismDecisions, Pieces, deal};
use pyphi_core::{Options, Stats, big_phi, fixtures};
use rayon::ThreadPoolBuilder;

#[expect(clippy::print_stdout, reason = "an example shows its result")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [units, n_pieces, bounds] = arguments.as_slice() else {
        return Err("UNITS PIECES one|once|turns|alone, please".into());
    };
    let (subsystem, n_pieces) = (fixtures::generic_logistic(units.parse()?, 1), n_pieces.parse()?);
    let options = Options::default();
    if bounds == "one" {
        let pool = ThreadPoolBuilder::new().num_threads(1).build()?;
        let result = pool.install(|| big_phi(&subsystem, &options));
        println!("Φ = {}\n{}", result.phi, result.stats);
        return Ok(());
    }
    let is_at_once = bounds == "once";
    let pieces = Pieces::new(&subsystem, &options);

    let known = Mutex::new(MechanismDecisions::new(&pieces));
    let ranks = known.lock().expect("no panic").undecided();
    let decide = |piece: &[usize]| {
        let add = |decision| known.lock().expect("no panic").add(&decision).expect("it is true");
        pieces.decide_mechanisms(piece, add).expect("its own mechanisms").stats
    };
    let stats = work(&deal(&ranks, n_pieces), is_at_once, decide)?;
    println!("mechanisms: {stats}");
    let known = known.into_inner().expect("no panic");
    let intact = known.intact_structure().ok_or("mechanisms are undecided")?;

    let known = Mutex::new(CutDecisions::new(&pieces, &intact)?);
    let ranks = known.lock().expect("no panic").undecided();
    let shared = Bound::default();
    let decide = |piece: &[usize]| {
        let own = Bound::default();
        let bound = if bounds == "alone" { &own } else { &shared };
        let add = |decision| known.lock().expect("no panic").add(&decision).expect("it is true");
        pieces.decide_cuts(&intact, piece, bound, add).expect("its own cuts").stats
    };
    let stats = work(&deal(&ranks, n_pieces), is_at_once, decide)?;
    println!("cuts: {stats}");
    let known = known.into_inner().expect("no panic");
    let result = pieces.big_phi(&intact, &known)?.ok_or("cuts are undecided")?;
    println!("Φ = {}", result.phi);
    Ok(())
}

/// Does the pieces, each on a thread of its own, at once or one after the other.
fn work(
    pieces: &[Vec<usize>],
    is_at_once: bool,
    decide: impl Fn(&[usize]) -> Stats + Sync,
) -> Result<Stats, rayon::ThreadPoolBuildError> {
    let pools = pieces.iter().map(|_| ThreadPoolBuilder::new().num_threads(1).build());
    let pools = pools.collect::<Result<Vec<_>, _>>()?;
    let total = Mutex::new(Stats::default());
    let work = |(pool, piece): (&rayon::ThreadPool, &Vec<usize>)| {
        let stats = pool.install(|| decide(piece));
        *total.lock().expect("no panic") += stats;
    };
    if is_at_once {
        std::thread::scope(|scope| {
            for piece in pools.iter().zip(pieces) {
                let work = &work;
                scope.spawn(move || work(piece));
            }
        });
    } else {
        pools.iter().zip(pieces).for_each(work);
    }
    Ok(total.into_inner().expect("no panic"))
}
