//! One network that is estimated, with what several estimators need of it.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;

use crate::engine::approximate::{Approximation, Concepts};
use crate::engine::exact::Engine;
use crate::error::Error;
use crate::estimate::Estimator;
use crate::estimate::transitions::{Parts, Past, Transitions, bipartitions};
use crate::model::key::Key;
use crate::model::network::Network;

/// The name of the network in errors of the engine. A study has asked before whether the engine
/// accepts the network.
const PLACE: &str = "a network to be estimated";

/// A network in a state that is to be estimated.
///
/// Tables that several estimators read are made when the first of them asks, and kept.
pub struct Case<'a> {
    network: &'a Network,
    engine: &'a Engine,
    key: Cell<Option<Key>>,
    transitions: OnceCell<Transitions>,
    uniform: OnceCell<Parts>,
    observed: OnceCell<Parts>,
    concepts: OnceCell<Concepts>,
    /// The estimates that no seed changes, by name.
    values: RefCell<HashMap<String, f64>>,
}

impl<'a> Case<'a> {
    /// A network, and the engine that computes what an estimate needs of the exact theory. Its
    /// user's wish to stop also ends an estimate.
    pub fn new(network: &'a Network, engine: &'a Engine) -> Case<'a> {
        Case {
            network,
            engine,
            key: Cell::new(None),
            transitions: OnceCell::new(),
            uniform: OnceCell::new(),
            observed: OnceCell::new(),
            concepts: OnceCell::new(),
            values: RefCell::default(),
        }
    }

    /// The same case, as the network of this comparison of a study.
    #[must_use]
    pub fn of(self, key: Key) -> Case<'a> {
        self.set_key(key);
        self
    }

    /// It is the network of this comparison too.
    pub(crate) fn set_key(&self, key: Key) {
        self.key.set(Some(key));
    }

    /// The comparison of a study that it is, if it is one. Networks of several are the same.
    pub fn key(&self) -> Option<Key> {
        self.key.get()
    }

    /// The network.
    pub fn network(&self) -> &'a Network {
        self.network
    }

    /// The exact engine.
    pub fn engine(&self) -> &'a Engine {
        self.engine
    }

    /// Returns the dynamics of each unit, given its inputs alone.
    pub fn transitions(&self) -> &Transitions {
        self.transitions.get_or_init(|| Transitions::new(self.network))
    }

    /// Returns the information that the parts of the network have about their own past.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn parts(&self, past: Past) -> Result<&Parts, Error> {
        let cell = match past {
            Past::Uniform => &self.uniform,
            Past::Observed => &self.observed,
        };
        if cell.get().is_none() {
            let parts = Parts::new(self.transitions(), past, || self.go_on())?;
            cell.set(parts).ok();
        }
        Ok(cell.get().expect("it was set"))
    }

    /// The smallest value over the bipartitions {A, B}; 0 of a single unit.
    ///
    /// # Errors
    /// The error of `of`; [`Error::Interrupted`].
    pub fn at_minimum_bipartition(
        &self,
        of: impl Fn(u32, u32) -> Result<f64, Error>,
    ) -> Result<f64, Error> {
        let mut least = f64::INFINITY;
        for (a, b) in bipartitions(self.network.n_units()) {
            self.go_on()?;
            least = least.min(of(a, b)?);
        }
        Ok(if least.is_finite() { least } else { 0.0 })
    }

    /// Returns the exact engine's facts about the concepts of the intact network by IIT 3.0.
    ///
    /// # Errors
    /// As [`Engine::concepts`].
    pub fn concepts(&self) -> Result<Concepts, Error> {
        if let Some(known) = self.concepts.get() {
            return Ok(*known);
        }
        let found = self.engine.concepts(self.network, PLACE)?;
        Ok(*self.concepts.get_or_init(|| found))
    }

    /// A part of the analysis by IIT 3.0, as a number.
    ///
    /// # Errors
    /// As [`Engine::approximate`].
    pub fn approximate(&self, approximation: Approximation) -> Result<f64, Error> {
        self.engine.approximate(self.network, approximation, PLACE)
    }

    /// The value of an estimator under a seed; computed once if it reads no seed.
    ///
    /// # Errors
    /// As [`Estimator::estimate`].
    pub fn value(&self, estimator: &dyn Estimator, seed: u64) -> Result<f64, Error> {
        if estimator.about().is_seeded {
            return estimator.estimate(self, seed);
        }
        if let Some(known) = self.values.borrow().get(estimator.name()) {
            return Ok(*known);
        }
        let value = estimator.estimate(self, seed)?;
        self.values.borrow_mut().insert(estimator.name().to_owned(), value);
        Ok(value)
    }

    /// To be asked at least every tenth of a second of work.
    ///
    /// # Errors
    /// [`Error::Interrupted`] once the user has asked to stop.
    pub fn go_on(&self) -> Result<(), Error> {
        match self.engine.is_cancelled() {
            true => Err(Error::Interrupted(String::new())),
            false => Ok(()),
        }
    }
}
