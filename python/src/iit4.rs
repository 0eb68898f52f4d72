//! IIT 4.0.

use std::sync::Arc;

use num_bigint::BigUint;
use pyo3::prelude::*;
use pyphi_core::iit4::record::{
    ComplexesRecord, DistinctionRecord, PhiSpectrumRecord, PhiStructureRecord, PurviewRecord,
    SystemRecord,
};
use pyphi_core::iit4::{
    self, Distinction, FaceSide, JointPartition, Mice, PartDirection, PhiStructure, Relation,
    Relations, SpecifiedState, SystemPartition, phi_s_under, system_irreducibility_analysis,
};
use pyphi_core::input::NetworkRecord;
use pyphi_core::record::MechanismRecord;
use pyphi_core::{Direction, State, StopReason, TiePolicy};

use crate::error::{refused, wrong};
use crate::iit3::{direction, units, within};
use crate::network::Network;
use crate::options::Options;
use crate::run::{Answer, at_once, check, finished, json, run};

/// Systems of at most so many units are done before other threads have woken up.
const AT_ONCE: usize = 3;

/// A candidate system of IIT 4.0.
#[pyclass(frozen, module = "pyphi_core._engine")]
pub(crate) struct System {
    system: iit4::System,
    record: Arc<NetworkRecord>,
}

impl System {
    fn is_small(&self, options: &Options) -> bool {
        self.system.n_units() <= AT_ONCE && options.progress.is_none()
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
        Ok(System { system, record: Arc::new(network.record(&state)) })
    }

    /// What φ_s, or the structure, on so many threads needs, in bytes.
    fn memory_needed(&self, threads: usize, of_structure: bool) -> u64 {
        match of_structure {
            true => iit4::memory_needed(&self.system, threads),
            false => iit4::memory_needed_of_phi_s(&self.system, threads),
        }
    }

    /// φ_s.
    fn sia(&self, py: Python<'_>, options: &Options) -> PyResult<Answer> {
        let rules = options.iit4()?;
        let system = self.system.clone();
        let sia = if self.is_small(options) {
            at_once(py, options, |it| system_irreducibility_analysis(&system, rules, it))?
        } else {
            run(py, options, move |it| system_irreducibility_analysis(&system, rules, it))?
        };
        check(sia.stop_reason)?;
        let record = Arc::clone(&self.record);
        Ok(Answer::new(sia.phi_s, sia.stop_reason, move || {
            json(&SystemRecord::new(&record, rules, &sia))
        }))
    }

    /// What one partition takes away: its parts as masks, each with what of it is cut.
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
        check(sia.stop_reason)?;
        let record = Arc::clone(&self.record);
        Ok(Answer::new(sia.phi_s, sia.stop_reason, move || {
            json(&SystemRecord::new(&record, rules, &sia))
        }))
    }

    /// The Φ-structure; with the smallest and the largest Φ that ties allow, if options ask for
    /// them.
    #[pyo3(signature = (options, relations=None))]
    fn structure(
        &self,
        py: Python<'_>,
        options: &Options,
        relations: Option<usize>,
    ) -> PyResult<Answer> {
        let rules = options.iit4()?;
        let (system, has_spectrum) = (self.system.clone(), options.spectrum.is_some());
        let work = move |options: &pyphi_core::Options| {
            if !has_spectrum {
                return (iit4::phi_structure(&system, rules, options), None);
            }
            let spectrum = iit4::phi_spectrum(&system, rules, options);
            let record = PhiSpectrumRecord::from(&spectrum);
            let structure = match rules.ties {
                TiePolicy::MaxPhi => spectrum.largest,
                TiePolicy::Principled | TiePolicy::Pyphi => {
                    iit4::phi_structure(&system, rules, options)
                }
            };
            (structure, Some(record))
        };
        let (structure, spectrum): (PhiStructure, _) = match self.is_small(options) {
            true => at_once(py, options, work)?,
            false => run(py, options, work)?,
        };
        check(structure.stop_reason)?;
        let record = Arc::clone(&self.record);
        Ok(Answer::new(structure.big_phi, structure.stop_reason, move || {
            let found = PhiStructureRecord::new(&record, rules, &structure);
            let found = PhiStructureRecord { spectrum: spectrum.clone(), ..found };
            match relations {
                None => json(&found),
                Some(most) => json(&found.with_relations(&structure, most)),
            }
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
        let system = self.system.clone();
        let found = run(py, options, move |it| iit4::distinction(&system, mechanism, rules, it))?;
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
        let mechanism = within("mechanism", mechanism, all)?;
        let purview = purview.map(|it| within("purview", it, all)).transpose()?;
        if mechanism.is_empty() || purview.is_some_and(|it| it.is_empty()) {
            return Err(wrong("mechanism and purview: no units, expected one at least"));
        }
        let directions: Vec<Direction> =
            directions.iter().map(|it| direction(it)).collect::<PyResult<_>>()?;
        let system = self.system.clone();
        let work = move |options: &pyphi_core::Options| {
            [Direction::Cause, Direction::Effect].map(|direction| {
                let analyse = || match purview {
                    None => system.purview_analyses(direction, mechanism, options),
                    Some(purview) => system
                        .purview_analysis(direction, mechanism, purview, options)
                        .map(|it| vec![it]),
                };
                directions.contains(&direction).then(analyse).transpose()
            })
        };
        let [cause, effect] = match self.is_small(options) {
            true => at_once(py, options, work)?,
            false => run(py, options, work)?,
        };
        let mut reason = StopReason::Complete;
        let mut of = |found: Result<Option<Vec<_>>, StopReason>| match found {
            Ok(found) => found.map(|it| it.iter().map(PurviewRecord::from).collect::<Vec<_>>()),
            Err(why) => {
                reason = why;
                None
            }
        };
        let (cause, effect) = (of(cause), of(effect));
        finished(reason)?;
        let of_side = |side: &Option<Vec<PurviewRecord>>| {
            side.as_ref().map(|it| it.first().map_or(0.0, |it| it.phi))
        };
        let phis = [of_side(&cause), of_side(&effect)];
        let phi = phis.into_iter().flatten().fold(f64::INFINITY, f64::min);
        let found = MechanismRecord {
            name: self.record.name.clone(),
            nodes: all.iter().collect(),
            state: self.record.state.clone(),
            alphabet: None,
            formalism: rules.formalism().to_string(),
            mechanism: mechanism.iter().collect(),
            cut: None,
            variant: options.engine.variant,
            cause,
            effect,
        };
        Ok(Answer::new(phi, reason, move || json(&found)))
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
        let state = State::new(&values)?;
        let found = iit4::complexes(&core, state, rules, options)?;
        let mut reason = found.stop_reason;
        let mut structures = Vec::new();
        for it in &found.complexes {
            let system = iit4::System::of_shared(&core, state, it.units)?;
            let structure = iit4::phi_structure(&system, rules, options);
            if reason == StopReason::Complete {
                reason = structure.stop_reason;
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
        formalism: rules.formalism().to_string(),
        ties_policy: rules.ties.to_string(),
        complexes: (structures.iter())
            .map(|it| PhiStructureRecord::new(&record, rules, it))
            .collect(),
    };
    let phi = structures.first().map_or(0.0, |it| it.sia.phi_s);
    Ok(Answer::new(phi, reason, move || json(&answer)))
}

/// What relations need of a distinction: its mechanism, φ_d, and of cause and effect the units that
/// are OFF and those that are ON, as masks.
type Brief = (u32, f64, (u32, u32), (u32, u32));

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
    fn new(distinctions: Vec<Brief>) -> RelationList {
        let mice = |(off, on): (u32, u32), phi| Mice {
            phi,
            state: SpecifiedState::of_binary(units(off | on), units(on)),
            partition: JointPartition { blocks: Vec::new() },
            tied: Vec::new(),
        };
        let all: Vec<Distinction> = (distinctions.into_iter())
            .map(|(mechanism, phi, cause, effect)| Distinction {
                mechanism: units(mechanism),
                phi,
                cause: mice(cause, phi),
                effect: mice(effect, phi),
            })
            .collect();
        RelationList { relations: Relations::new(&all) }
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
