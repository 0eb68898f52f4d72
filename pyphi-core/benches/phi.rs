//! Φ of the named networks, and its parts: `cargo bench -p pyphi-core`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
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

criterion_group!(benches, phi_of_networks, small_phi, emd);
criterion_main!(benches);
