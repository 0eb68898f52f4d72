//! Φ of the named networks, and its parts: `cargo bench -p pyphi-core`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use pyphi_core::iit4::{Rules, System, complexes, phi_structure, system_irreducibility_analysis};
use pyphi_core::{Direction, Options, Subsystem, UnitSet, big_phi, fixtures};

fn phi_of_networks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("big_phi");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    let networks: Vec<(String, Subsystem)> =
        std::iter::once(("or-and-xor".to_owned(), fixtures::or_and_xor()))
            .chain((5..=7).map(|n| (format!("complete {n}"), fixtures::complete_majority(n))))
            .chain((4..=7).map(|n| (format!("generic {n} 1"), fixtures::generic_logistic(n, 1))))
            .collect();
    for (name, subsystem) in &networks {
        group.bench_with_input(
            BenchmarkId::from_parameter(name),
            subsystem,
            |bencher, subsystem| {
                bencher.iter(|| big_phi(black_box(subsystem), &Options::default()));
            },
        );
    }
}

fn small_phi(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mip");
    group.sample_size(20);
    let subsystem = fixtures::generic_logistic(8, 1);
    for n in [2, 4, 6] {
        for direction in [Direction::Cause, Direction::Effect] {
            let id = BenchmarkId::new(format!("{direction:?}"), n);
            let units = UnitSet::all(n);
            group.bench_with_input(id, &units, |bencher, &units| {
                bencher.iter(|| subsystem.mip(direction, black_box(units), units));
            });
        }
    }
}

fn emd(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("emd");
    let subsystem = fixtures::generic_logistic(8, 1);
    for n in [3, 5, 8] {
        let purview = UnitSet::all(n);
        let [p, q] = [3, 5].map(|m| subsystem.cause_repertoire(UnitSet::all(m), purview));
        group.bench_function(BenchmarkId::from_parameter(n), |bencher| {
            bencher.iter(|| black_box(&p).emd(&q))
        });
    }
}

fn iit4_of_networks(criterion: &mut Criterion) {
    let (rules, options) = (Rules::default(), Options::default());
    let system = |subsystem: &Subsystem| System::new(subsystem).expect("a valid system");
    let mut group = criterion.benchmark_group("iit4");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    for n in 5..=8 {
        let dense = fixtures::dense_logistic(n, 1);
        group.bench_with_input(BenchmarkId::new("phi_s", n), &dense, |bencher, dense| {
            bencher.iter(|| {
                system_irreducibility_analysis(&system(black_box(dense)), rules, &options)
            });
        });
    }
    let structures = (4..=7)
        .map(|n| (format!("dense {n}"), fixtures::dense_logistic(n, 1)))
        .chain([("figure 6D".to_owned(), fixtures::iit4_figure_6d())]);
    for (name, subsystem) in structures {
        group.bench_with_input(BenchmarkId::new("structure", name), &subsystem, |bencher, it| {
            bencher.iter(|| phi_structure(&system(black_box(it)), rules, &options));
        });
    }
    let dense = fixtures::dense_logistic(6, 1);
    group.bench_function(BenchmarkId::new("complexes", 6), |bencher| {
        bencher.iter(|| complexes(black_box(dense.network()), dense.state(), rules, &options));
    });
}

criterion_group!(benches, phi_of_networks, small_phi, emd, iit4_of_networks);
criterion_main!(benches);
