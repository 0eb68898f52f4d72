//! A job played through without doing it: how long planning takes, how well tasks fill the nodes,
//! how large the journals get, and how long putting them together takes.
//!
//! Everything but the problems is real: the suite is expanded, the round is planned and written,
//! journals are written, and the run is gathered from them. What a problem costs is drawn around
//! what is expected of it, with the scatter that was measured; the planner knows what is expected
//! only.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use super::costs;
use super::folder::{JobFile, JobFolder, Plan, program};
use super::job::Spec;
use super::journals::Header;
use super::packing::makespan;
use super::rounds::{self, RoundOptions};
use super::study::{self, STAGE, StudyJob};
use crate::engine::exact::Engine;
use crate::error::Error;
use crate::estimate::Registry;
use crate::machine::provenance::peak_memory_bytes;
use crate::model::seeded::SeededStream;
use crate::model::topology::Topology;
use crate::run::store::{Contents, Session};
use crate::suite::{Settings, Suite};
use crate::ui::forecast::Forecasts;

/// The settings of a simulated job.
#[derive(Debug, Clone, PartialEq)]
struct Question {
    /// The number of tasks that run at the same time.
    nodes: usize,
    /// The comparisons: random networks of these sizes, about as many of each.
    networks: usize,
    /// The numbers of units.
    sizes: Vec<usize>,
    /// The time that a task takes besides its items, in seconds.
    overhead: f64,
    /// Largest number of tasks.
    max_tasks: usize,
    /// The comparisons whose results are put together in the end.
    merge: usize,
    /// The seed of everything random.
    seed: u64,
}

/// The result of a simulated job.
#[derive(Debug, Clone, PartialEq)]
struct Outcome {
    /// Number of tasks that ran at the same time.
    nodes: usize,
    /// The comparisons.
    n_networks: usize,
    /// The different exact problems among them.
    n_problems: usize,
    /// The source of the costs.
    costs: String,
    /// The factor by which times scatter: e to the standard deviation of their logarithms.
    scatter: f64,
    /// The time to expand the suite, in seconds.
    expand_seconds: f64,
    /// The time to expand the suite, learn, pack, and write the round to the disk, in seconds.
    plan_seconds: f64,
    /// The size of the round's folder, in bytes.
    plan_bytes: u64,
    /// The tasks.
    n_tasks: usize,
    /// The longest, as expected, in seconds.
    task_seconds: f64,
    /// The time of all items as drawn, in seconds.
    cpu_seconds: f64,
    /// The time at which the last task ends, in seconds.
    makespan_seconds: f64,
    /// The share of the time of all nodes until then that is spent on items.
    efficiency: f64,
    /// The same if as many tasks were dealt like cards, without regard to cost.
    efficiency_of_dealing: f64,
    /// The bytes of a comparison in a journal.
    journal_bytes_per_row: f64,
    /// The bytes of all journals.
    journal_bytes: f64,
    /// The comparisons that were put together.
    merged_rows: usize,
    /// The time to merge them, from the journals to the files of the run, without statistics and
    /// report; in seconds.
    merge_seconds: f64,
    /// The most memory of the process until then, in bytes.
    peak_memory_bytes: Option<u64>,
}

/// Plays a question through in an empty folder. Costs are those of `run`, or what is expected where
/// nothing was measured.
fn simulate(
    question: &Question,
    run: Option<&Contents>,
    scratch: &Path,
    engine: &Engine,
    registry: &Registry,
) -> Result<Outcome, Error> {
    let mut settings = run.map_or_else(Settings::default, |it| it.suite.settings().clone());
    let with_range = settings.tie_orders > 0;
    let formalism = settings.formalisms[0];
    let per_size = question.networks.div_ceil(question.sizes.len().max(1)).max(1) as u64;
    settings = Settings {
        topologies: vec![Topology::Random],
        sizes: question.sizes.clone(),
        seeds: (1..=per_size).collect(),
        formalisms: vec![formalism],
        tie_orders: settings.tie_orders,
        ..Settings::default()
    };

    let started = Instant::now();
    let suite = Suite::new(settings.clone())?;
    let expand_seconds = started.elapsed().as_secs_f64();
    let settings = suite.settings().clone();
    drop(suite);

    let mut forecasts = Forecasts::default();
    if let Some(run) = run {
        forecasts.learn_all(costs::of_run(run, with_range));
    }
    let scatter = match forecasts.of(formalism).scatter() {
        known if known.len() >= 10 => known,
        _ => factor_of_two(),
    };

    let started = Instant::now();
    let run_path = scratch.join("simulated");
    let job = StudyJob::open(&settings, &run_path, 1)?.expecting(forecasts.clone());
    let folder = JobFolder::of_run(&run_path);
    let file = JobFile {
        job: Spec::Study { settings: Box::new(settings.clone()) },
        program: program(),
        cpus: 1,
        slots: question.nodes,
        max_tasks: question.max_tasks,
        task_seconds: None,
    };
    folder.write_job(&file)?;
    let folder = JobFolder::locate(scratch, folder.path())?;
    rounds::next(&folder, &file, &job, &RoundOptions::default(), true)?;
    let plan_seconds = started.elapsed().as_secs_f64();
    let plan = folder.plan(1)?;

    let suite = job.suite();
    let mut stream = SeededStream::new("phi-validation simulated costs v1", &[question.seed]);
    let mut n_comparisons = vec![0; suite.problems().len()];
    suite.comparisons().iter().for_each(|it| n_comparisons[it.problem] += 1);
    let real: Vec<f64> = suite
        .problems()
        .iter()
        .zip(&n_comparisons)
        .map(|(problem, n)| {
            let factor = scatter[(stream.next_u64() % scatter.len() as u64) as usize];
            let estimates = costs::estimates_seconds(problem.key.n) * f64::from(*n);
            let network = &problem.network;
            let all = costs::expected(&forecasts, formalism, with_range, network, 0);
            all * factor + estimates
        })
        .collect();
    let tasks: Vec<Vec<usize>> =
        plan.tasks.iter().map(|it| it.items().map(|item| item as usize).collect()).collect();
    let (end, efficiency) = play(&tasks, &real, question.nodes, question.overhead);
    let dealt = deal(real.len(), tasks.len());
    let (_, efficiency_of_dealing) = play(&dealt, &real, question.nodes, question.overhead);

    let (merged_rows, bytes) =
        write_journals(&folder, &file, &plan, &job, question, engine, registry)?;
    let started = Instant::now();
    study::gather(&folder, &settings, true)?;
    let merge_seconds = started.elapsed().as_secs_f64();

    let n_networks = suite.comparisons().len();
    let per_row = bytes as f64 / merged_rows.max(1) as f64;
    let logarithms: Vec<f64> = scatter.iter().map(|it| it.ln()).collect();
    let mean = logarithms.iter().sum::<f64>() / logarithms.len() as f64;
    let variance = logarithms.iter().map(|it| (it - mean).powi(2)).sum::<f64>();
    Ok(Outcome {
        nodes: question.nodes,
        n_networks,
        n_problems: suite.problems().len(),
        costs: match run {
            Some(run) => format!("{} problems of a run", run.records().len()),
            None => "what is expected where nothing was measured".to_owned(),
        },
        scatter: (variance / logarithms.len() as f64).sqrt().exp(),
        expand_seconds,
        plan_seconds,
        plan_bytes: bytes_in(&folder.round(1)),
        n_tasks: tasks.len(),
        task_seconds: plan.task_seconds,
        cpu_seconds: real.iter().sum(),
        makespan_seconds: end,
        efficiency,
        efficiency_of_dealing,
        journal_bytes_per_row: per_row,
        journal_bytes: per_row * n_networks as f64,
        merged_rows,
        merge_seconds,
        peak_memory_bytes: peak_memory_bytes(),
    })
}

/// Factors whose logarithms are normal with a standard deviation of ln 2, and whose mean is 1.
fn factor_of_two() -> Vec<f64> {
    let mut stream = SeededStream::new("phi-validation simulated scatter v1", &[]);
    let mut unit = || ((stream.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    // Box and Muller 1958.
    let mut normal = || (-2.0 * unit().ln()).sqrt() * (2.0 * std::f64::consts::PI * unit()).cos();
    let factors: Vec<f64> = (0..1000).map(|_| 2.0_f64.powf(normal())).collect();
    let mean = factors.iter().sum::<f64>() / factors.len() as f64;
    factors.into_iter().map(|it| it / mean).collect()
}

/// Returns the time at which the last task ends, and the share of the time of all nodes until then
/// that is spent on items.
fn play(tasks: &[Vec<usize>], real: &[f64], nodes: usize, overhead: f64) -> (f64, f64) {
    let times: Vec<f64> =
        tasks.iter().map(|items| items.iter().map(|&it| real[it]).sum()).collect();
    let end = makespan(&times, nodes, overhead);
    (end, times.iter().sum::<f64>() / (end * nodes as f64))
}

/// Items dealt like cards: a packer that knows nothing of costs.
fn deal(n_items: usize, n_tasks: usize) -> Vec<Vec<usize>> {
    (0..n_tasks).map(|task| (task..n_items).step_by(n_tasks)).map(Iterator::collect).collect()
}

/// Writes the journals that the first tasks would have left: for each problem the result of one
/// that is really solved. Gives the comparisons and the bytes.
fn write_journals(
    folder: &JobFolder,
    file: &JobFile,
    plan: &Plan,
    job: &StudyJob,
    question: &Question,
    engine: &Engine,
    registry: &Registry,
) -> Result<(usize, usize), Error> {
    let suite = job.suite();
    let sample = study::SolvedSample::solve(suite, engine, registry)?;
    let mut comparisons: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, it) in suite.comparisons().iter().enumerate() {
        comparisons.entry(it.problem).or_default().push(index);
    }
    let (mut n_rows, mut n_bytes) = (0, 0);
    let session = Session::here();
    for (index, task) in plan.tasks.iter().enumerate() {
        if n_rows >= question.merge {
            break;
        }
        let header = Header {
            job: file.job.fingerprint(),
            stage: STAGE.to_owned(),
            round: 1,
            task: index + 1,
            session: Session {
                started_unix_ms: session.started_unix_ms + index as u64,
                ..session.clone()
            },
            items: task.0.clone(),
        };
        let mut text = header.to_line();
        for item in task.items() {
            let of_problem = &comparisons[&(item as usize)];
            n_rows += of_problem.len();
            text += &sample.line(suite, item, of_problem);
        }
        n_bytes += text.len();
        let path = folder.journals().join(format!("r1-t{:05}.simulated-1-1.jsonl", index + 1));
        let written = fs::write(&path, text);
        written.map_err(|source| Error::Write { path, source, note: String::new() })?;
    }
    Ok((n_rows, n_bytes))
}

/// The bytes of the files in a folder.
fn bytes_in(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|it| it.metadata().ok()).map(|it| it.len()).sum()
}

/// For a person.
impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mib = |bytes: f64| bytes / f64::from(1 << 20);
        let percent = |share: f64| 100.0 * share;
        writeln!(
            f,
            "{} networks, {} exact problems, on {} nodes; costs of {}, scattered by a factor of \
             {:.2}",
            self.n_networks, self.n_problems, self.nodes, self.costs, self.scatter
        )?;
        writeln!(
            f,
            "plan     {:.1} s, of which the suite takes {:.1} s; {} tasks, {:.0} MiB",
            self.plan_seconds,
            self.expand_seconds,
            self.n_tasks,
            mib(self.plan_bytes as f64)
        )?;
        writeln!(
            f,
            "run      {:.0} s of CPU in {:.0} s: efficiency {:.1} % ({:.1} % if dealt without \
             regard to cost)",
            self.cpu_seconds,
            self.makespan_seconds,
            percent(self.efficiency),
            percent(self.efficiency_of_dealing)
        )?;
        writeln!(
            f,
            "journals {:.0} MiB, {:.0} bytes a network",
            mib(self.journal_bytes),
            self.journal_bytes_per_row
        )?;
        writeln!(
            f,
            "merge    {} rows in {:.1} s; peak memory of all this {:.0} MiB",
            self.merged_rows,
            self.merge_seconds,
            mib(self.peak_memory_bytes.unwrap_or_default() as f64)
        )
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::cluster::packing::{OVERHEAD, TaskDivision, pack};
    use crate::engine::result::TieRange;
    use crate::fixtures::{record, row, suite, temporary};
    use crate::model::dynamics::Rule;
    use crate::model::formalism::Formalism;
    use crate::model::key::State;
    use crate::model::network::Network;
    use crate::run::ledger::Ledger;
    use crate::run::row::Row;
    use crate::run::store::RunFolder;
    use crate::ui::forecast::Load;

    /// The efficiency of 40 nodes on random networks of 5 to 8 units, each packer by its name.
    fn efficiencies(per_size: u64) -> BTreeMap<&'static str, f64> {
        let (scatter, forecasts) = (factor_of_two(), Forecasts::default());
        let mut stream = SeededStream::new("phi-validation test of simulations v1", &[per_size]);
        let (mut expected, mut real) = (Vec::new(), Vec::new());
        for n in 5..=8 {
            for seed in 1..=per_size {
                let graph = Topology::Random.graph(n, seed);
                let network = Network::new(graph, Rule::Majority, State::new(n, 0));
                let seconds = forecasts.seconds(Formalism::Iit3, &Load::of(&network));
                expected.push(seconds);
                real.push(seconds * scatter[(stream.next_u64() % 1000) as usize]);
            }
        }
        let wish = TaskDivision { slots: 40, max_tasks: 10_000, task_seconds: None };
        let packed = pack(&expected, &wish).tasks;
        let one_each = pack(&expected, &TaskDivision { max_tasks: 40, ..wish }).tasks;
        let alike = pack(&vec![1.0; expected.len()], &TaskDivision { max_tasks: 40, ..wish }).tasks;
        let packers = [
            ("dealt", deal(real.len(), packed.len())),
            ("packed", packed),
            ("one each", one_each),
            ("alike", alike),
        ];
        packers.into_iter().map(|(name, tasks)| (name, play(&tasks, &real, 40, 1.0).1)).collect()
    }

    /// `PHI_SIMULATED_NETWORKS=1000000` plays so many through on a thousand nodes, and says what
    /// came out.
    #[test]
    fn a_large_job_is_played_through() {
        let asked = std::env::var("PHI_SIMULATED_NETWORKS").ok();
        let asked = asked.map(|it| it.parse().expect("a number of networks"));
        let question = Question {
            nodes: if asked.is_some() { 1000 } else { 3 },
            networks: asked.unwrap_or(300),
            sizes: if asked.is_some() { vec![5, 6, 7, 8] } else { vec![4, 5] },
            overhead: if asked.is_some() { OVERHEAD } else { 0.001 },
            max_tasks: 10_000,
            merge: asked.unwrap_or(300),
            seed: 1,
        };
        let engine = Engine::new(1, Default::default()).unwrap();
        let play = |run: Option<&Contents>| {
            let folder = temporary();
            simulate(&question, run, folder.path(), &engine, &Registry::default()).unwrap()
        };
        let found = play(None);
        assert_eq!(found.n_networks, question.networks);
        let busy = found.cpu_seconds / (question.nodes as f64 * found.makespan_seconds);
        assert!((busy - found.efficiency).abs() < 1e-9, "{found:?}");
        if asked.is_some() {
            let _ = writeln!(std::io::stderr(), "{found}");
            return;
        }
        assert_eq!(found.merged_rows, 300);
        assert!((100..300).contains(&found.n_problems), "{found:?}");
        assert!(found.journal_bytes_per_row > 200.0, "{found:?}");
        // The same again, and with the times of a run.
        assert_eq!(play(None).makespan_seconds, found.makespan_seconds);
        let folder = temporary();
        let suite = suite();
        let mut run = RunFolder::open(&folder.path().join("run"), &suite).unwrap();
        for (position, comparison) in suite.comparisons().iter().enumerate() {
            let mut slow = record(&suite, comparison.problem);
            slow.duration_ms = 90.0;
            let phi = slow.exact.phi;
            slow.exact.range = Some(TieRange {
                low: phi,
                high: phi,
                numberings: 1,
                is_exhaustive: true,
                is_exact: false,
                duration_ms: 1.0,
            });
            run.append_record(slow).unwrap();
            run.append_row(Row { duration_ms: 90.0, ..row(&suite, position) }, &[]).unwrap();
        }
        let of_run = play(Some(run.contents()));
        assert_eq!(of_run.costs, "3 problems of a run");
        assert_ne!(of_run.cpu_seconds, found.cpu_seconds);
    }

    #[test]
    fn tasks_fill_the_nodes_and_defective_packers_are_found_out() {
        let found = efficiencies(10_000);
        assert!(found["packed"] >= 0.95, "{found:?}");
        // As many tasks without regard to cost, one task a node, and costs taken to be alike.
        for defective in ["dealt", "one each", "alike"] {
            assert!(found[defective] < found["packed"] - 0.01, "{defective}: {found:?}");
        }
        assert!(found["dealt"] < 0.95, "{found:?}");
    }

    #[test]
    fn the_built_in_scatter_is_a_factor_of_two() {
        let factors = factor_of_two();
        assert!((factors.iter().sum::<f64>() / 1000.0 - 1.0).abs() < 1e-9);
        let below = factors.iter().filter(|it| it.ln() + 0.5 * 2.0_f64.ln().powi(2) < 2.0_f64.ln());
        // One standard deviation above the median: 84 %.
        assert!((800..880).contains(&below.count()));
    }
}
