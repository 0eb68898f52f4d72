//! A study of an estimator of one's own: the density of the graph.
//!
//! `cargo run --release --example own_estimator` compares it with exact Φ on 20 networks.

use std::io::Write;

use phi_validation::engine::exact::Engine;
use phi_validation::estimate::{Case, Estimator};
use phi_validation::model::topology::Topology;
use phi_validation::run::store::RunFolder;
use phi_validation::ui::progress::Progress;
use phi_validation::{Error, Registry, Settings, Study, Suite, Summaries};

struct Density;

impl Estimator for Density {
    fn name(&self) -> &str {
        "density"
    }

    fn summary(&self) -> &str {
        "the share of all possible connections that there are"
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        Ok(case.network().density())
    }
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    // With `phi_validation::cli::main(&registry)` it is a program like `pyphi_validation`.
    let registry = Registry::default().with(Density);
    let suite = Suite::new(Settings {
        topologies: vec![Topology::Star, Topology::Ring, Topology::Dense, Topology::Random],
        sizes: vec![4],
        estimator: "density".to_owned(),
        ..Settings::default()
    })?;
    let engine = Engine::new(0, Default::default())?;
    let estimator = registry.get("density")?;
    let study = Study { suite: &suite, estimator, others: Vec::new(), engine: &engine };
    let folder = std::env::temp_dir().join(format!("own-estimator-{}", std::process::id()));
    let mut run = RunFolder::open(&folder, &suite)?;
    let progress = Progress::silent(&suite, &run);
    study.run(&mut run, &progress)?;
    writeln!(std::io::stdout(), "{}", Summaries::of(run.contents()))?;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
