//! Φ of the named networks, and its parts: `cargo bench -p pyphi-core`.

use divan::{Bencher, black_box};
use pyphi_core::iit4::{Rules, System, complexes, phi_structure, system_irreducibility_analysis};
use pyphi_core::{Direction, Options, Subsystem, UnitSet, big_phi, fixtures};

fn main() {
    divan::main();
}

#[divan::bench_group(max_time = 3, skip_ext_time)]
mod iit3 {
    use super::*;

    #[divan::bench]
    fn phi_of_or_and_xor(bencher: Bencher) {
        phi(bencher, &fixtures::or_and_xor());
    }

    #[divan::bench(args = 5..=7)]
    fn phi_of_complete_majority(bencher: Bencher, n_units: usize) {
        phi(bencher, &fixtures::complete_majority(n_units));
    }

    #[divan::bench(args = 4..=7)]
    fn phi_of_generic(bencher: Bencher, n_units: usize) {
        phi(bencher, &fixtures::generic_logistic(n_units, 1));
    }

    fn phi(bencher: Bencher, subsystem: &Subsystem) {
        bencher.bench_local(|| big_phi(black_box(subsystem), &Options::default()));
    }

    #[divan::bench(args = [2, 4, 6])]
    fn mip_of_a_cause(bencher: Bencher, n_units: usize) {
        mip(bencher, Direction::Cause, n_units);
    }

    #[divan::bench(args = [2, 4, 6])]
    fn mip_of_an_effect(bencher: Bencher, n_units: usize) {
        mip(bencher, Direction::Effect, n_units);
    }

    fn mip(bencher: Bencher, direction: Direction, n_units: usize) {
        let subsystem = fixtures::generic_logistic(8, 1);
        let units = UnitSet::all(n_units);
        bencher.bench_local(|| subsystem.mip(direction, black_box(units), units));
    }

    #[divan::bench(args = [3, 5, 8])]
    fn emd(bencher: Bencher, n_units: usize) {
        let subsystem = fixtures::generic_logistic(8, 1);
        let purview = UnitSet::all(n_units);
        let [p, q] = [3, 5].map(|m| subsystem.cause_repertoire(UnitSet::all(m), purview));
        bencher.bench_local(|| black_box(&p).emd(&q));
    }
}

#[divan::bench_group(max_time = 3, skip_ext_time)]
mod iit4 {
    use super::*;

    fn system(subsystem: &Subsystem) -> System {
        System::new(subsystem).expect("a valid system")
    }

    #[divan::bench(args = [5, 6, 7, 8, 10, 12, 14])]
    fn phi_s(bencher: Bencher, n_units: usize) {
        let (network, state) = fixtures::dense_logistic_network(n_units, 1);
        let options = Options::default();
        bencher.bench_local(|| {
            let system = System::of(black_box(&network), state, network.units());
            let system = system.expect("a valid system");
            system_irreducibility_analysis(&system, Rules::default(), &options)
        });
    }

    #[divan::bench(args = 4..=7)]
    fn structure(bencher: Bencher, n_units: usize) {
        structure_of(bencher, &fixtures::dense_logistic(n_units, 1));
    }

    #[divan::bench]
    fn structure_of_figure_6d(bencher: Bencher) {
        structure_of(bencher, &fixtures::iit4_figure_6d());
    }

    fn structure_of(bencher: Bencher, subsystem: &Subsystem) {
        let options = Options::default();
        bencher.bench_local(|| {
            phi_structure(&system(black_box(subsystem)), Rules::default(), &options)
        });
    }

    #[divan::bench]
    fn all_complexes(bencher: Bencher) {
        let (dense, options) = (fixtures::dense_logistic(6, 1), Options::default());
        let (network, state) = (dense.network(), dense.state());
        bencher.bench_local(|| complexes(black_box(network), state, Rules::default(), &options));
    }
}
