//! IIT 4.0.

use std::sync::Arc;

use num_bigint::BigUint;
use pyo3::prelude::*;
use pyphi_core::iit4::record::{
    ComplexesRecord, DistinctionRecord, PhiSpectrumRecord, PhiStructureRecord, PurviewRecord,
    SystemRecord,
};
use pyphi_core::iit4::{
    self, Distinction, FaceSide, JointPartition, Mice, PartDirection, Relation, Relations, Rules,
    SpecifiedState, SystemIrreducibilityAnalysis, SystemPartition, phi_s_under,
    system_irreducibility_analysis,
};
use pyphi_core::input::NetworkRecord;
use pyphi_core::record::MechanismRecord;
use pyphi_core::{StopReason, TiePolicy};

use crate::error::{refused, wrong};
use crate::mechanism::{self, Question, units, within};
use crate::network::{Network, scale};
use crate::options::Options;
use crate::run::{Answer, Whole, check, json, run, run_of_size};

/// A candidate system of IIT 4.0.
#[pyclass(frozen, module = "pyphi_core._engine")]
pub(crate) struct System {
    system: iit4::System,
    scale: usize,
    record: Arc<NetworkRecord>,
}

impl System {
    fn answer(&self, rules: Rules, sia: SystemIrreducibilityAnalysis) -> PyResult<Answer> {
        check(sia.stop_reason)?;
        let record = Arc::clone(&self.record);
        Ok(Answer::new(sia.phi_s, sia.stop_reason, move || {
            json(&SystemRecord::new(&record, rules, &sia))
        }))
    }
}

#[pymethods]
impl System {
    #[new]
    fn new(network: &Network, state: Vec<u8>, nodes: u32) -> PyResult<System> {
        let system = || {
            iit4::System::of_shared(&network.network, network.network.state(&state)?, units(nodes))
        };
        let system = system().map_err(|it| refused(&it))?;
        let scale = scale(&network.network, units(nodes));
        Ok(System { system, scale, record: Arc::new(network.record(&state)) })
    }

    /// Returns the memory that φ_s, or the structure, on so many threads needs, in bytes.
    fn memory_needed(&self, threads: usize, of_structure: bool) -> u64 {
        match of_structure {
            true => iit4::memory_needed(&self.system, threads),
            false => iit4::memory_needed_of_phi_s(&self.system, threads),
        }
    }

    /// φ_s.
    fn sia(&self, py: Python<'_>, options: &Options) -> PyResult<Answer> {
        let rules = options.iit4()?;
        let (system, n) = (self.system.clone(), self.scale);
        let work = move |it: &_| system_irreducibility_analysis(&system, rules, it);
        let sia = run_of_size(py, options, n, work)?;
        self.answer(rules, sia)
    }

    /// Measures only this partition: its parts as masks, each with the direction in which it is
    /// cut.
    fn under_partition(
        &self,
        py: Python<'_>,
        parts: Vec<(u32, String)>,
        options: &Options,
    ) -> PyResult<Answer> {
        let rules = options.iit4()?;
        let part = |(mask, cut): (u32, String)| {
            let cut = match cut.as_str() {
                "inputs_cut" => PartDirection::InputsCut,
                "outputs_cut" => PartDirection::OutputsCut,
                "both" => PartDirection::Both,
                other => {
                    let expected = "expected inputs_cut, outputs_cut or both";
                    return Err(wrong(format!("partition: {other:?}, {expected}")));
                }
            };
            Ok((units(mask), cut))
        };
        let parts = parts.into_iter().map(part).collect::<PyResult<_>>()?;
        let (system, partition) = (self.system.clone(), SystemPartition { parts });
        let sia = run(py, options, move |it| phi_s_under(&system, &partition, rules, it))?;
        let sia = sia.map_err(|it| refused(&it))?;
        self.answer(rules, sia)
    }

    /// The Φ-structure; with the smallest and the largest Φ that ties allow, if options ask for
    /// them.
    fn structure(&self, py: Python<'_>, options: &Options) -> PyResult<Answer> {
        let rules = options.iit4()?;
        let (system, has_spectrum) = (self.system.clone(), options.spectrum.is_some());
        let n = self.scale;
        let (structure, spectrum) = run_of_size(py, options, n, move |options| {
            if !has_spectrum {
                return (iit4::phi_structure(&system, rules, options), None);
            }
            let whole = Whole::new(options);
            let spectrum = iit4::phi_spectrum(&system, rules, options);
            let record = PhiSpectrumRecord::from(&spectrum);
            let structure = match rules.ties {
                TiePolicy::MaxPhi => spectrum.largest,
                TiePolicy::Principled | TiePolicy::Pyphi => {
                    iit4::phi_structure(&system, rules, &whole.left())
                }
            };
            (structure, Some(record))
        })?;
        check(structure.stop_reason)?;
        let record = Arc::clone(&self.record);
        Ok(Answer::new(structure.big_phi, structure.stop_reason, move || {
            let found = PhiStructureRecord::new(&record, rules, &structure);
            json(&PhiStructureRecord { spectrum: spectrum.clone(), ..found })
        }))
    }

    /// The distinction of a mechanism as JSON, congruent or not, if φ_d > 0.
    fn distinction(
        &self,
        py: Python<'_>,
        mechanism: u32,
        options: &Options,
    ) -> PyResult<Option<String>> {
        let rules = options.iit4()?;
        let mechanism = within("mechanism", mechanism, self.system.units())?;
        if mechanism.is_empty() {
            return Ok(None);
        }
        let (system, n) = (self.system.clone(), self.scale);
        let work = move |it: &_| iit4::distinction(&system, mechanism, rules, it);
        let found = run_of_size(py, options, n, work)?;
        Ok(found.map(|it| json(&DistinctionRecord::from(&it))))
    }

    /// A mechanism over one purview, or over all with φ > 0, in the directions that are asked for.
    #[pyo3(signature = (mechanism, purview, directions, options))]
    fn mechanism(
        &self,
        py: Python<'_>,
        mechanism: u32,
        purview: Option<u32>,
        directions: Vec<String>,
        options: &Options,
    ) -> PyResult<Answer> {
        let rules = options.iit4()?;
        let all = self.system.units();
        let question = Question::new(mechanism, purview, &directions, all)?;
        if question.mechanism.is_empty() || question.purview.is_some_and(|it| it.is_empty()) {
            return Err(wrong("mechanism and purview: no units, expected one at least"));
        }
        let record = MechanismRecord {
            name: self.record.name.clone(),
            nodes: all.iter().collect(),
            state: self.record.state.clone(),
            alphabet: self.record.alphabet.clone(),
            values: self.record.values.clone(),
            formalism: rules.formalism().to_string(),
            mechanism: question.mechanism.iter().collect(),
            cut: None,
            variant: options.engine.variant,
            cause: None,
            effect: None,
        };
        let system = self.system.clone();
        let found = run_of_size(py, options, self.scale, move |options| {
            let (mechanism, whole) = (question.mechanism, Whole::new(options));
            let found = question.answered(
                |side, over| system.purview_analysis(side, mechanism, over, &whole.left()),
                |side| system.purview_analyses(side, mechanism, &whole.left()),
            );
            found.map(|it| it.map_err(|reason| whole.reason(reason)))
        })?;
        mechanism::answer(record, found, |it: &PurviewRecord| it.phi)
    }
}

/// The complexes of a network, each with its Φ-structure.
#[pyfunction]
pub(crate) fn phi_complexes(
    py: Python<'_>,
    network: &Network,
    state: Vec<u8>,
    options: &Options,
) -> PyResult<Answer> {
    let rules = options.iit4()?;
    let core = Arc::clone(&network.network);
    let values = state.clone();
    let record = network.record(&state);
    let found = run(py, options, move |options| {
        let (state, whole) = (core.state(&values)?, Whole::new(options));
        let found = iit4::complexes(&core, state, rules, options)?;
        let mut reason = found.stop_reason;
        let mut structures = Vec::new();
        for it in &found.complexes {
            let system = iit4::System::of_shared(&core, state, it.units)?;
            let structure = iit4::phi_structure(&system, rules, &whole.left());
            if reason == StopReason::Complete {
                reason = whole.reason(structure.stop_reason);
            }
            structures.push(structure);
        }
        Ok::<_, pyphi_core::Error>((structures, reason))
    })?;
    let (structures, reason) = found.map_err(|it| refused(&it))?;
    check(reason)?;
    let answer = ComplexesRecord {
        name: record.name.clone(),
        state,
        alphabet: record.alphabet.clone(),
        values: record.values.clone(),
        formalism: rules.formalism().to_string(),
        ties_policy: rules.ties.to_string(),
        complexes: (structures.iter())
            .map(|it| PhiStructureRecord::new(&record, rules, it))
            .collect(),
    };
    let phi = structures.first().map_or(0.0, |it| it.sia.phi_s);
    Ok(Answer::new(phi, reason, move || json(&answer)))
}

/// The parts of a distinction that relations need: its mechanism, φ_d, and of cause and effect the
/// purview and the value of each of its units, lowest unit first.
type Brief = (u32, f64, (u32, Vec<u8>), (u32, Vec<u8>));

/// A relation as it is handed over: positions of distinctions, units with their states, φ_r.
type Found = (Vec<usize>, Vec<(usize, u8)>, f64);

/// The relations among some distinctions, listed as they are asked for.
#[pyclass(frozen, module = "pyphi_core._engine")]
pub(crate) struct RelationList {
    relations: Relations,
}

/// A face as it is handed over: what is chosen of each distinction, units with their states.
type FoundFace = (Vec<&'static str>, Vec<(usize, u8)>);

fn handed_over(it: Relation) -> Found {
    (it.distinctions, it.overlap, it.phi)
}

impl RelationList {
    fn relation(&self, (distinctions, overlap, phi): Found) -> Relation {
        Relation { distinctions, overlap, phi }
    }
}

#[pymethods]
impl RelationList {
    #[new]
    fn new(distinctions: Vec<Brief>) -> PyResult<RelationList> {
        let mice = |(purview, values): (u32, Vec<u8>), phi| -> PyResult<Mice> {
            let state = SpecifiedState::new(units(purview), &values);
            let wrong = || wrong(format!("distinctions: {values:?}, expected a value a unit"));
            let (state, partition) = (state.ok_or_else(wrong)?, JointPartition { blocks: vec![] });
            Ok(Mice { phi, state, partition, tied: Vec::new() })
        };
        let one = |(mechanism, phi, cause, effect)| {
            let (cause, effect) = (mice(cause, phi)?, mice(effect, phi)?);
            Ok(Distinction { mechanism: units(mechanism), phi, cause, effect })
        };
        let all: PyResult<Vec<Distinction>> = distinctions.into_iter().map(one).collect();
        Ok(RelationList { relations: Relations::new(&all?) })
    }

    fn count(&self) -> BigUint {
        self.relations.count()
    }

    /// So many relations after that one, or from the first.
    #[pyo3(signature = (after, most))]
    fn some(&self, after: Option<Found>, most: usize) -> Vec<Found> {
        match after {
            None => self.relations.iter().take(most).map(handed_over).collect(),
            Some(after) => {
                let after = self.relation(after);
                self.relations.iter_after(&after).take(most).map(handed_over).collect()
            }
        }
    }

    fn n_faces(&self, relation: Found) -> BigUint {
        self.relations.n_faces(&self.relation(relation))
    }

    /// The first faces of a relation: what is chosen of each distinction, and the overlap.
    fn faces(&self, relation: Found, most: usize) -> Vec<FoundFace> {
        let side = |it: &FaceSide| match it {
            FaceSide::Cause => "cause",
            FaceSide::Effect => "effect",
            FaceSide::Both => "both",
        };
        let faces = self.relations.faces(&self.relation(relation));
        faces.take(most).map(|it| (it.sides.iter().map(side).collect(), it.overlap)).collect()
    }
}
