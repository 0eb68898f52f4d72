//! Solves one of the named networks and says what it took, as one line of JSON: for benchmarks.
//!
//! `named or-and-xor | complete N | generic N SEED | twins N SEED [--repeat R] [--network]`
//!
//! With `--repeat` the times are of the fastest of R analyses; `--network` prints the network instead.
//! The threads are those of rayon: RAYON_NUM_THREADS=1 for one.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use std::process::ExitCode;
use std::time::Instant;

use pyphi_core::record::NetworkRecord;
use pyphi_core::{Options, Subsystem, big_phi, fixtures};

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let prints_network = args.iter().any(|arg| arg == "--network");
    args.retain(|arg| arg != "--network");
    let mut repeat = 1;
    if let Some(at) = args.iter().position(|arg| arg == "--repeat") {
        repeat = args.get(at + 1).and_then(|it| it.parse().ok()).unwrap_or(1);
        args.drain(at..(at + 2).min(args.len()));
    }
    let Some((name, subsystem)) = named(&args) else {
        eprintln!(
            "usage: named or-and-xor | complete N | generic N SEED | twins N SEED [--repeat R] [--network] (N from 2 to {})",
            Subsystem::MAX_UNITS
        );
        return ExitCode::from(2);
    };
    if prints_network {
        let network = subsystem.network();
        let record = NetworkRecord {
            name: Some(name),
            tpm: network.tpm().to_rows(),
            cm: network.cm(),
            state: subsystem.state().values(),
            nodes: None,
            labels: None,
        };
        println!("{}", serde_json::json!(record));
        return ExitCode::SUCCESS;
    }
    let options = Options::default();
    let mut seconds = f64::INFINITY;
    let mut result = None;
    for _ in 0..repeat.max(1) {
        let start = Instant::now();
        result = Some(big_phi(&subsystem, &options));
        seconds = seconds.min(start.elapsed().as_secs_f64());
    }
    let result = result.expect("at least one analysis");
    let answer = serde_json::json!({
        "name": name,
        "n": subsystem.n_units(),
        "phi": result.phi,
        "cut": result.cut,
        "n_concepts": result.ces.concepts.len(),
        "ties": result.ties,
        "threads": rayon::current_num_threads(),
        "seconds": seconds,
        "cpu_seconds": cpu_seconds(),
        "peak_bytes": peak_bytes(),
        "stats": result.stats,
    });
    println!("{answer}");
    ExitCode::SUCCESS
}

fn named(args: &[String]) -> Option<(String, Subsystem)> {
    let name = args.join(" ");
    let size = |text: &String| text.parse().ok().filter(|n| (2..=Subsystem::MAX_UNITS).contains(n));
    let subsystem = match args {
        [kind] if kind == "or-and-xor" => fixtures::or_and_xor(),
        [kind, n] if kind == "complete" => fixtures::complete_majority(size(n)?),
        [kind, n, seed] if kind == "generic" => {
            fixtures::generic_logistic(size(n)?, seed.parse().ok()?)
        }
        [kind, n, seed] if kind == "twins" => fixtures::generic_twins(size(n)?, seed.parse().ok()?),
        _ => return None,
    };
    Some((name, subsystem))
}

/// CPU time of this process so far, all threads; Linux only.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // After the name in parentheses: state is field 3, utime and stime are 14 and 15, in ticks of 1/100 s.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(ticks / 100.0)
}

/// Largest resident set of this process so far; Linux only.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(1024 * line.split_whitespace().next()?.parse::<u64>().ok()?)
}
