//! Solves one of the named networks and says what it took, as one line of JSON: for benchmarks.
//!
//! `named or-and-xor | complete N | generic N SEED | twins N SEED | ring N | dense4 N SEED
//! | ring4 N | fig6d | fig1 [--repeat R] [--network] [--iit4 phi-s|structure|complexes]`
//!
//! `named survey N COUNT` is Φ of the generic networks of N units with the seeds from 1 to COUNT,
//! in every state, in a row.
//!
//! The last four are networks of IIT 4.0: they are solved by it (2023), the whole structure unless
//! `--iit4` asks for less or for all complexes. `--iit4` does so with the others too. With
//! `--repeat` the times are of the fastest of R analyses; `--network` prints the network instead.
//! The threads are those of rayon: RAYON_NUM_THREADS=1 for one.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use pyphi_core::iit4::{self, Rules, System};
use pyphi_core::input::NetworkRecord;
use pyphi_core::{Network, Options, State, Subsystem, UnitSet, big_phi, big_phi_many, fixtures};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let prints_network = args.iter().any(|arg| arg == "--network");
    args.retain(|arg| arg != "--network");
    let mut repeat = 1;
    if let Some(at) = args.iter().position(|arg| arg == "--repeat") {
        repeat = args.get(at + 1).and_then(|it| it.parse().ok()).unwrap_or(1);
        args.drain(at..(at + 2).min(args.len()));
    }
    let mut what = None;
    if let Some(at) = args.iter().position(|arg| arg == "--iit4") {
        what = Some(args.get(at + 1).cloned().unwrap_or_default());
        args.drain(at..(at + 2).min(args.len()));
    }
    let is_iit4 = |kind: &String| ["dense4", "ring4", "fig6d", "fig1"].contains(&kind.as_str());
    if what.is_none() && args.first().is_some_and(is_iit4) {
        what = Some("structure".to_owned());
    }
    if let Some(subsystems) = survey(&args) {
        let start = Instant::now();
        let results = big_phi_many(&subsystems, &Options::default());
        let seconds = start.elapsed().as_secs_f64();
        let answer = json!({
            "name": args.join(" "),
            "n_phi": results.len(),
            "sum_phi": results.iter().map(|it| it.phi).sum::<f64>(),
            "threads": rayon::current_num_threads(),
            "seconds": seconds,
            "seconds_per_phi": seconds / results.len() as f64,
            "cpu_seconds": cpu_seconds(),
            "peak_bytes": peak_bytes(),
        });
        println!("{answer}");
        return ExitCode::SUCCESS;
    }
    let is_known = |it: &String| ["phi-s", "structure", "complexes"].contains(&it.as_str());
    let found = named(&args, what.is_some()).filter(|_| what.iter().all(is_known));
    let Some((network, state, units)) = found else {
        eprintln!(
            "usage: named or-and-xor | complete N | generic N SEED | twins N SEED | ring N \
             | dense4 N SEED | ring4 N | fig6d | fig1 | survey N COUNT \
             [--repeat R] [--network] [--iit4 phi-s|structure|complexes] \
             (N from 2 to {}, dense4 to {})",
            Subsystem::MAX_UNITS,
            System::MAX_UNITS
        );
        return ExitCode::from(2);
    };
    if prints_network {
        let record = NetworkRecord {
            name: Some(args.join(" ")),
            tpm: network.tpm().to_rows(),
            cm: network.cm(),
            state: state.values(),
            ..NetworkRecord::default()
        };
        println!("{}", serde_json::json!(record));
        return ExitCode::SUCCESS;
    }
    let iit3 = match what {
        None => Some(Subsystem::new(&network, state, units).expect("a system of IIT 3.0")),
        Some(_) => None,
    };
    let solve = || match (&iit3, what.as_deref()) {
        (Some(subsystem), _) => solve_iit3(subsystem),
        (None, what) => solve_iit4(&network, state, units, what.unwrap_or("structure")),
    };
    let mut seconds = f64::INFINITY;
    let mut result = Value::Null;
    for _ in 0..repeat.max(1) {
        let start = Instant::now();
        result = solve();
        seconds = seconds.min(start.elapsed().as_secs_f64());
    }
    let mut answer = json!({ "name": args.join(" "), "n": units.len() });
    let took = json!({
        "threads": rayon::current_num_threads(),
        "seconds": seconds,
        "cpu_seconds": cpu_seconds(),
        "peak_bytes": peak_bytes(),
    });
    for part in [result, took] {
        if let (Value::Object(answer), Value::Object(part)) = (&mut answer, part) {
            answer.extend(part);
        }
    }
    println!("{answer}");
    ExitCode::SUCCESS
}

fn solve_iit3(subsystem: &Subsystem) -> Value {
    let result = big_phi(subsystem, &Options::default());
    json!({
        "phi": result.phi,
        "cut": result.cut,
        "n_concepts": result.ces.concepts.len(),
        "ties": result.ties,
        "stats": result.stats,
    })
}

fn solve_iit4(network: &Network, state: State, units: UnitSet, what: &str) -> Value {
    let (rules, options) = (Rules::default(), Options::default());
    let fail = |error: pyphi_core::Error| -> Value { json!({ "error": error.to_string() }) };
    if what == "complexes" {
        return match iit4::complexes(network, state, rules, &options) {
            Err(error) => fail(error),
            Ok(found) => {
                let complex = |it: &iit4::SystemIrreducibilityAnalysis| {
                    let (units, phi_s) = (it.units.to_string(), it.phi_s);
                    json!({ "units": units, "phi_s": phi_s })
                };
                json!({ "complexes": found.complexes.iter().map(complex).collect::<Vec<_>>() })
            }
        };
    }
    let system = match System::of(network, state, units) {
        Err(error) => return fail(error),
        Ok(system) => system,
    };
    if what == "phi-s" {
        let sia = iit4::system_irreducibility_analysis(&system, rules, &options);
        return json!({
            "phi_s": sia.phi_s,
            "normalized_phi_s": sia.normalized_phi_s,
            "partition": sia.partition.map(|it| it.to_string()),
        });
    }
    let structure = iit4::phi_structure(&system, rules, &options);
    json!({
        "phi_s": structure.sia.phi_s,
        "n_distinctions": structure.distinctions.len(),
        "n_relations": structure.n_relations.to_string(),
        "sum_phi_d": structure.sum_phi_d,
        "sum_phi_r": structure.sum_phi_r,
        "big_phi": structure.big_phi,
    })
}

/// The systems of a survey: every state of some generic networks.
fn survey(args: &[String]) -> Option<Vec<Subsystem>> {
    let [kind, n, count] = args else { return None };
    let n = n.parse().ok().filter(|n| (2..=Subsystem::MAX_UNITS).contains(n))?;
    let count: u64 = count.parse().ok().filter(|_| kind == "survey")?;
    let in_every_state = |seed: u64| {
        let network = Arc::new(fixtures::generic_logistic(n, seed).network().clone());
        (0..1u32 << n).map(move |row| {
            let values: Vec<u8> = (0..n).map(|unit| (row >> unit & 1) as u8).collect();
            let state = State::new(&values).expect("a valid state");
            Subsystem::of(&network, state, network.units()).expect("every state is reachable")
        })
    };
    Some((1..=count).flat_map(in_every_state).collect())
}

/// The network, its state and the system: of more units for IIT 4.0 than a subsystem of IIT 3.0 can
/// have.
fn named(args: &[String], is_iit4: bool) -> Option<(Network, State, UnitSet)> {
    let most = if is_iit4 { System::MAX_UNITS } else { Subsystem::MAX_UNITS };
    let number = |text: &String| text.parse().ok().filter(|n| (2..=most).contains(n));
    let size = |text: &String| number(text).filter(|&n| n <= Subsystem::MAX_UNITS);
    let subsystem = match args {
        [kind, n, seed] if kind == "dense4" => {
            let (network, state) = fixtures::dense_logistic_network(number(n)?, seed.parse().ok()?);
            let units = network.units();
            return Some((network, state, units));
        }
        [kind] if kind == "or-and-xor" => fixtures::or_and_xor(),
        [kind, n] if kind == "complete" => fixtures::complete_majority(size(n)?),
        [kind, n, seed] if kind == "generic" => {
            fixtures::generic_logistic(size(n)?, seed.parse().ok()?)
        }
        [kind, n, seed] if kind == "twins" => fixtures::generic_twins(size(n)?, seed.parse().ok()?),
        [kind, n] if kind == "ring" || kind == "ring4" => fixtures::ring_logistic(size(n)?),
        [kind] if kind == "fig6d" => fixtures::iit4_figure_6d(),
        [kind] if kind == "fig1" => fixtures::iit4_figure_1_ab(),
        _ => return None,
    };
    Some((subsystem.network().clone(), subsystem.state(), subsystem.units()))
}

/// CPU time of this process so far, all threads; Linux only.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // After the name in parentheses: state is field 3, utime and stime are 14 and 15, in ticks of
    // 1/100 s.
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
