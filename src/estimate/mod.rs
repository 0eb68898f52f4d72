//! Cheap estimates of Φ, and the registry in which a study finds them by name.
//!
//! An [`Estimator`] is a function of a network in a state, here a [`Case`], and a seed. Each has a
//! file of its own with its formula and its source; `docs/estimators.md` compares them.
//!
//! To add one, implement the trait and register it:
//!
//! ```
//! use phi_validation::Error;
//! use phi_validation::estimate::{Case, Estimator, Registry};
//!
//! /// Edges per pair of units.
//! struct Density;
//!
//! impl Estimator for Density {
//!     fn name(&self) -> &str {
//!         "density"
//!     }
//!     fn summary(&self) -> &str {
//!         "edges per pair of units"
//!     }
//!     fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
//!         let n = case.network().n_units();
//!         Ok(case.network().graph().edges().len() as f64 / (n * (n - 1) / 2) as f64)
//!     }
//! }
//!
//! let registry = Registry::default().with(Density);
//! assert!(registry.names().starts_with(&["hdc", "hdc-limit", "spectral"]));
//! assert!(registry.get("density").is_ok());
//! ```
//!
//! An estimate that is not in Rust is a [`Program`] or a file of [`Values`].
//!
//! [`cli::main`](crate::cli::main) takes such a registry; a copy of `examples/pyphi_validation.rs`
//! with one more line is a program that knows the new estimator.

mod case;
mod ci;
mod coalition;
mod cut_one;
mod d1;
mod d2;
mod ei;
mod few_cuts;
mod hdc;
mod hdc_limit;
mod laplacian;
mod lz;
mod mi;
mod no_new_concepts;
mod order_3;
mod pair_cuts;
mod phi2;
mod phi_g;
mod phi_star;
mod phi_wms;
mod program;
mod si;
mod spectral;
mod sum_phi;
mod tc;
mod te;
mod transitions;
mod values;

pub use case::Case;
pub use ci::Ci;
pub use coalition::Coalition;
pub use cut_one::CutOne;
pub use d1::D1;
pub use d2::D2;
pub use ei::Ei;
pub use few_cuts::FewCuts;
pub use hdc::Hdc;
pub use hdc_limit::HdcLimit;
pub use laplacian::half_lambda2;
pub use lz::Lz;
pub use mi::Mi;
pub use no_new_concepts::NoNewConcepts;
pub use order_3::Order3;
pub use pair_cuts::PairCuts;
pub use phi_g::PhiG;
pub use phi_star::PhiStar;
pub use phi_wms::PhiWms;
pub use phi2::Phi2;
pub use program::Program;
pub use si::{Si, SiAtomic, SiObserved};
pub use spectral::Spectral;
pub use sum_phi::SumPhi;
pub use tc::Tc;
pub use te::Te;
pub use transitions::{Parts, Past, RUN, Transitions};
pub use values::Values;

use std::sync::Arc;

use crate::error::Error;
use crate::model::key::Key;
use crate::model::network::Network;
use crate::model::topology::MAX_UNITS;

/// A cheap estimate of Φ.
pub trait Estimator: Send + Sync {
    /// The name by which a study asks for it: lower case, digits and hyphens.
    fn name(&self) -> &str;

    /// Describes the estimator in a few words, for `--help`.
    fn summary(&self) -> &str;

    /// Returns the facts that have to be known before it is chosen.
    fn about(&self) -> About {
        About::default()
    }

    /// The estimate for the network of `case`; a finite number.
    ///
    /// It must depend on the network and the seed only, on every platform alike to about 1e-12: a
    /// resumed study computes it again and compares.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the user asked to stop, which what takes long has to
    /// [ask](Case::go_on); what the exact engine says, if it is used.
    fn estimate(&self, case: &Case, seed: u64) -> Result<f64, Error>;

    /// Told of all comparisons of a study before anything is computed.
    ///
    /// # Errors
    /// If one of them cannot be estimated. The message says why.
    fn prepare(&self, keys: &mut dyn Iterator<Item = Key>) -> Result<(), Error> {
        let _ = keys;
        Ok(())
    }

    /// Told that a study has all estimates.
    ///
    /// # Errors
    /// If these cannot be believed. The message says why.
    fn finish(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// The facts that have to be known of an estimator before it is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// The part of a network that it depends on.
    pub reads: Reads,
    /// `true` if it depends on the seed.
    pub is_seeded: bool,
    /// The unit of its values.
    pub unit: &'static str,
    /// The growth of its time with the number n of units.
    pub cost: &'static str,
    /// The most units that it is made for; a study of larger networks refuses it.
    pub largest: usize,
    /// A study that names no estimators beside its own keeps it all the same: it costs nothing.
    pub is_kept: bool,
}

impl About {
    /// The facts about an estimator that reads no seed, and is kept beside others only where it is
    /// named.
    pub fn asked_for(
        reads: Reads,
        unit: &'static str,
        cost: &'static str,
        largest: usize,
    ) -> About {
        About { reads, is_seeded: false, unit, cost, largest, is_kept: false }
    }
}

/// The facts about an estimator that says nothing else: it may depend on everything.
impl Default for About {
    fn default() -> About {
        About {
            reads: Reads::State,
            is_seeded: true,
            unit: "1",
            cost: "",
            largest: MAX_UNITS,
            is_kept: true,
        }
    }
}

/// The part of a network that an estimator depends on. Each part includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reads {
    /// The connections, in either direction.
    Graph,
    /// The dynamics of the units: the estimate is that of a network, whatever its state.
    Dynamics,
    /// The current state too.
    State,
}

/// The name that stands for all estimators where names are expected, but for those of so few units
/// that hardly a study could have them.
pub const ALL: &str = "all";
/// Those for fewer units have to be named.
const UNITS_OF_ALL: usize = 8;

/// The estimators a study can choose from. `Registry::default()` holds those of this folder.
#[derive(Clone)]
pub struct Registry {
    estimators: Vec<Arc<dyn Estimator>>,
}

impl Default for Registry {
    fn default() -> Registry {
        Registry { estimators: Vec::new() }
            .with(Hdc::default())
            .with(HdcLimit)
            .with(Spectral)
            .with(D1)
            .with(D2)
            .with(Coalition)
            .with(Lz)
            .with(Mi)
            .with(Si)
            .with(SiAtomic)
            .with(SiObserved)
            .with(PhiStar)
            .with(PhiWms)
            .with(Ei)
            .with(Te)
            .with(Tc)
            .with(Phi2)
            .with(CutOne)
            .with(NoNewConcepts)
            .with(Ci)
            .with(SumPhi)
            .with(Order3)
            .with(FewCuts)
            .with(PairCuts)
            .with(PhiG)
    }
}

impl Registry {
    /// This registry and one estimator more.
    ///
    /// # Panics
    /// If the name is taken: a mistake in the program that registers it.
    pub fn with(mut self, estimator: impl Estimator + 'static) -> Registry {
        let name = estimator.name();
        assert!(!self.names().contains(&name), "two estimators of the name {name:?}");
        self.estimators.push(Arc::new(estimator));
        self
    }

    /// All names, in the order of registration.
    pub fn names(&self) -> Vec<&str> {
        self.iter().map(Estimator::name).collect()
    }

    /// The estimators, in the order of registration.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Estimator> {
        self.estimators.iter().map(Arc::as_ref)
    }

    /// The estimator of this name.
    ///
    /// # Errors
    /// If there is none; the message names those that there are.
    pub fn get(&self, name: &str) -> Result<&dyn Estimator, Error> {
        self.iter().find(|it| it.name() == name).ok_or_else(|| Error::UnknownName {
            what: "estimator",
            name: name.to_owned(),
            known: self.names().join(", "),
        })
    }

    /// The names in the order in which they are asked for, each once; [`ALL`] stands for all that
    /// are not named.
    ///
    /// # Errors
    /// As [`get`](Registry::get).
    pub fn chosen(&self, names: &[String]) -> Result<Vec<String>, Error> {
        let mut chosen: Vec<String> = Vec::new();
        for name in names {
            let is_all = name == ALL;
            let all = self.iter().filter(|it| it.about().largest >= UNITS_OF_ALL);
            let these = match is_all {
                true => all.map(Estimator::name).collect(),
                false => vec![self.get(name)?.name()],
            };
            for it in these {
                let is_named = is_all && names.iter().any(|name| name == it);
                if !is_named && !chosen.iter().any(|known| known == it) {
                    chosen.push(it.to_owned());
                }
            }
        }
        Ok(chosen)
    }

    /// The estimators that are kept in a study beside its first: those of these names, or those
    /// that are [always kept](About::is_kept).
    ///
    /// # Errors
    /// As [`get`](Registry::get).
    pub fn kept(&self, first: &str, others: &[String]) -> Result<Vec<&dyn Estimator>, Error> {
        others.iter().try_for_each(|it| self.get(it).map(drop))?;
        let is_kept = |it: &&dyn Estimator| match others {
            [] => it.about().is_kept,
            names => names.iter().any(|name| name == it.name()),
        };
        Ok(self.iter().filter(|it| it.name() == first || is_kept(it)).collect())
    }
}

/// Checks that an estimator is made for networks of this size.
///
/// # Errors
/// [`Error::Network`]; `place` says which network it is.
pub fn check(estimator: &dyn Estimator, network: &Network, place: &str) -> Result<(), Error> {
    let (name, n, largest) = (estimator.name(), network.n_units(), estimator.about().largest);
    if n <= largest {
        return Ok(());
    }
    Err(Error::Network {
        place: place.to_owned(),
        message: format!("{n} units; the estimator {name} is made for at most {largest}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::exact::Engine;
    use crate::model::dynamics::Rule;
    use crate::model::key::State;
    use crate::model::topology::{Graph, Topology};

    #[test]
    fn degenerate_networks_have_an_estimate() {
        let engine = Engine::new(1, Default::default()).unwrap();
        let single = Network::new(Graph::new(1, []), Rule::Majority, State::new(1, 0));
        let apart = Network::new(Graph::new(3, [(0, 1)]), Rule::Majority, State::new(3, 0));
        for estimator in Registry::default().iter() {
            let of = |network| estimator.estimate(&Case::new(network, &engine), 42).unwrap();
            assert!(of(&single).is_finite() && of(&apart).is_finite(), "{}", estimator.name());
        }
    }

    #[test]
    fn what_has_no_seed_is_estimated_once() {
        let engine = Engine::new(1, Default::default()).unwrap();
        let network = Network::new(Topology::Ring.graph(4, 0), Rule::Xor, State::new(4, 0));
        let case = Case::new(&network, &engine);
        let registry = Registry::default();
        let values = |seed| -> Vec<f64> {
            registry.iter().map(|it| case.value(it, seed).unwrap()).collect()
        };
        for (estimator, (first, second)) in registry.iter().zip(values(1).iter().zip(values(2))) {
            let differs = first.to_bits() != second.to_bits();
            assert!(!differs || estimator.about().is_seeded, "{}", estimator.name());
        }
    }

    #[test]
    fn a_network_that_is_too_large_is_refused() {
        let network = Network::new(Topology::Ring.graph(11, 0), Rule::Xor, State::new(11, 0));
        let error = check(&Si, &network, "Ring n = 11 seed 42").unwrap_err().to_string();
        let expected = "Ring n = 11 seed 42: 11 units; the estimator si is made for at most 10";
        assert_eq!(error, expected);
    }

    #[test]
    fn those_that_cost_something_are_kept_when_they_are_named() {
        let registry = Registry::default();
        let names = |others: &[&str]| -> Vec<String> {
            let others: Vec<String> = others.iter().map(|it| (*it).to_owned()).collect();
            let kept = registry.kept("hdc", &others).unwrap();
            kept.iter().map(|it| it.name().to_owned()).collect()
        };
        assert_eq!(names(&[]), ["hdc", "hdc-limit", "spectral"]);
        assert_eq!(names(&["te", "mi"]), ["hdc", "mi", "te"]);
        let chosen = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
            registry.chosen(&names).unwrap()
        };
        assert_eq!(chosen(&["te", "mi", "te"]), ["te", "mi"]);
        let mut names = registry.names();
        assert_eq!(names.pop(), Some("phi-g"), "it is for few units only");
        assert_eq!(chosen(&["all"]), names);
        let all = chosen(&["te", "all", "d1"]);
        assert_eq!((&*all[0], &*all[1], all.last().unwrap().as_str()), ("te", "hdc", "d1"));
        assert_eq!(all.len(), names.len());
        assert!(registry.kept("hdc", &["magic".to_owned()]).is_err());
    }

    #[test]
    fn an_unknown_name_is_refused_with_those_known() {
        let registry = Registry::default();
        let error = registry.get("magic").err().unwrap().to_string();
        let expected =
            "unknown estimator \"magic\": expected one of hdc, hdc-limit, spectral, d1, ";
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    #[should_panic(expected = "two estimators of the name \"spectral\"")]
    fn a_name_is_registered_once() {
        let _ = Registry::default().with(Spectral);
    }
}
