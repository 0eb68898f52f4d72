//! IIT 3.0.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pyphi_core::input::NetworkRecord;
use pyphi_core::record::{
    ComplexesRecord, ConceptRecord, DistanceRecord, MajorOverTies, MechanismRecord, PhiRecord,
    PurviewRecord, RangeRecord, SpectrumRecord, StructureRecord,
};
use pyphi_core::{
    BigPhi, CauseEffectStructure, Cut, CutChoices, Error, ErrorKind, Partition, StopReason,
    TOLERANCE, TieRule, Variant, big_phi, big_phi_under, ces_distance, complex_ranges,
    conceptual_information, memory_needed, phi_range, phi_spectrum,
};

use crate::error::{refused, wrong};
use crate::mechanism::{self, Question, direction, units, within};
use crate::network::{Network, bytes, scale};
use crate::options::Options;
use crate::run::{Answer, Whole, check, json, run, run_of_size, stopped};

/// The seed of the numberings that are tried where the range of Φ is not proven.
const SEED: u64 = 0x7469_6573;

/// A candidate system of IIT 3.0.
#[pyclass(frozen, module = "pyphi_core._engine")]
pub(crate) struct Subsystem {
    subsystem: pyphi_core::Subsystem,
    record: Arc<NetworkRecord>,
}

/// The two sides of a cut, as masks.
type Sides = (u32, u32);

/// A cut of the system, a direction, and the parts of a mechanism with a purview, as masks.
type Severed = (Option<Sides>, String, Vec<(u32, u32)>);

impl Subsystem {
    fn scale(&self) -> usize {
        scale(self.subsystem.network(), self.subsystem.units())
    }

    fn cut(&self, sides: Option<Sides>) -> PyResult<Option<Cut>> {
        let Some((from, to)) = sides else { return Ok(None) };
        let cut = Cut { severed_from: units(from), severed_to: units(to) };
        cut.check(self.subsystem.units()).map_err(|it| refused(&it))?;
        Ok(Some(cut))
    }
}

/// The answer that the program gives.
fn answer(record: Arc<NetworkRecord>, variant: Variant, result: BigPhi) -> Answer {
    let (phi, reason) = (result.phi, result.stop_reason);
    Answer::new(phi, reason, move || json(&PhiRecord::new(&record, &result).by(variant)))
}

#[pymethods]
impl Subsystem {
    #[new]
    fn new(network: &Network, state: Vec<u8>, nodes: u32) -> PyResult<Subsystem> {
        let subsystem = || {
            pyphi_core::Subsystem::of(
                &network.network,
                network.network.state(&state)?,
                units(nodes),
            )
        };
        let subsystem = subsystem().map_err(|it| refused(&it))?;
        Ok(Subsystem { subsystem, record: Arc::new(network.record(&state)) })
    }

    /// Returns the memory that a search on so many threads needs, in bytes.
    fn memory_needed(&self, threads: usize, keeps_choices: bool) -> u64 {
        memory_needed(&self.subsystem, threads, keeps_choices)
    }

    /// Φ.
    fn sia(&self, py: Python<'_>, options: &Options) -> PyResult<Answer> {
        let variant = options.engine.variant;
        variant.check().map_err(|it| refused(&it))?;
        if options.spectrum.is_some() {
            return self.over_ties(py, options);
        }
        let (subsystem, n) = (self.subsystem.clone(), self.scale());
        let result = run_of_size(py, options, n, move |options| big_phi(&subsystem, options))?;
        check(result.stop_reason)?;
        Ok(answer(Arc::clone(&self.record), variant, result))
    }

    /// Measures only this cut.
    fn under_cut(&self, py: Python<'_>, cut: Sides, options: &Options) -> PyResult<Answer> {
        let variant = options.engine.variant;
        variant.check().map_err(|it| refused(&it))?;
        let Some(cut) = self.cut(Some(cut))? else { return Err(wrong("cut: none")) };
        let subsystem = self.subsystem.clone();
        let result = run(py, options, move |options| big_phi_under(&subsystem, cut, options))?;
        let result = result.map_err(|it| refused(&it))?;
        check(result.stop_reason)?;
        Ok(answer(Arc::clone(&self.record), variant, result))
    }

    /// The concepts, as the program writes them in `distance`, with conceptual information.
    fn structure(&self, py: Python<'_>, options: &Options) -> PyResult<Answer> {
        let (structure, information) = self.concepts(py, options)?;
        let (record, subsystem) = (Arc::clone(&self.record), self.subsystem.clone());
        Ok(Answer::new(structure.sum_phi(), StopReason::Complete, move || {
            json(&described(&record, &subsystem, &structure, information))
        }))
    }

    /// The distance of two structures.
    fn distance(&self, py: Python<'_>, other: &Subsystem, options: &Options) -> PyResult<Answer> {
        let variant = options.engine.variant;
        variant.check().map_err(|it| refused(&it))?;
        let (first, second) = (self.subsystem.clone(), other.subsystem.clone());
        let records = [self, other].map(|it| Arc::clone(&it.record));
        let found = run(py, options, move |options| {
            let whole = Whole::new(options);
            let both = || Ok([concepts(&first, &whole.left())?, concepts(&second, &whole.left())?]);
            let [(a, of_a), (b, of_b)] = both().map_err(|reason| whole.reason(reason))?;
            Ok(ces_distance((&first, &a), (&second, &b), variant).map(|distance| {
                let structures = [
                    described(&records[0], &first, &a, of_a),
                    described(&records[1], &second, &b, of_b),
                ];
                DistanceRecord { distance, variant, structures }
            }))
        })?;
        let found = found.map_err(stopped)?;
        let found = found.map_err(|it| refused(&it))?;
        Ok(Answer::new(found.distance, StopReason::Complete, move || json(&found)))
    }

    /// A mechanism over one purview, or over all with φ > 0, in the directions that are asked for.
    #[pyo3(signature = (mechanism, purview, directions, cut, options))]
    fn mechanism(
        &self,
        py: Python<'_>,
        mechanism: u32,
        purview: Option<u32>,
        directions: Vec<String>,
        cut: Option<Sides>,
        options: &Options,
    ) -> PyResult<Answer> {
        let (all, cut) = (self.subsystem.units(), self.cut(cut)?);
        let question = Question::new(mechanism, purview, &directions, all)?;
        let record = MechanismRecord {
            name: self.record.name.clone(),
            nodes: all.iter().collect(),
            state: self.record.state.clone(),
            alphabet: self.record.alphabet.clone(),
            values: self.record.values.clone(),
            formalism: "iit3".to_owned(),
            mechanism: question.mechanism.iter().collect(),
            cut,
            variant: options.engine.variant,
            cause: None,
            effect: None,
        };
        let subsystem = self.subsystem.clone();
        let found = run_of_size(py, options, self.scale(), move |options| {
            let (mechanism, whole) = (question.mechanism, Whole::new(options));
            let found = question.answered(
                |side, over| subsystem.purview_analysis(cut, side, mechanism, over, &whole.left()),
                |side| subsystem.purview_analyses(cut, side, mechanism, &whole.left()),
            );
            found.map(|it| it.map_err(|reason| whole.reason(reason)))
        })?;
        mechanism::answer(record, found, |it: &PurviewRecord| it.phi)
    }

    /// The concept of a mechanism as JSON, if it has one.
    fn concept(
        &self,
        py: Python<'_>,
        mechanism: u32,
        options: &Options,
    ) -> PyResult<Option<String>> {
        let mechanism = within("mechanism", mechanism, self.subsystem.units())?;
        let subsystem = self.subsystem.clone();
        let n = self.scale();
        let found = run_of_size(py, options, n, move |it| subsystem.concept_within(mechanism, it))?;
        let found = found.map_err(stopped)?;
        Ok(found.map(|it| json(&ConceptRecord::from(&it))))
    }

    /// The partitioned repertoires of some partitions, each with the cut of the system and the
    /// direction: 8-byte floats one after the other, the first unit of the purview fastest.
    fn partitioned<'py>(
        &self,
        py: Python<'py>,
        partitions: Vec<Severed>,
    ) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let all = self.subsystem.units();
        let one = |(cut, side, parts): Severed| {
            let (cut, side) = (self.cut(cut)?, direction(&side)?);
            let part = |(m, p)| Ok((within("mechanism", m, all)?, within("purview", p, all)?));
            let parts = parts.into_iter().map(part).collect::<PyResult<Vec<_>>>()?;
            let found = self.subsystem.partitioned_repertoire(cut, side, &Partition { parts });
            Ok(bytes(py, &found.probabilities))
        };
        partitions.into_iter().map(one).collect()
    }

    /// A repertoire: 8-byte floats, the first unit of the purview fastest.
    fn repertoire<'py>(
        &self,
        py: Python<'py>,
        side: &str,
        mechanism: u32,
        purview: u32,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let (side, all) = (direction(side)?, self.subsystem.units());
        let mechanism = within("mechanism", mechanism, all)?;
        let purview = within("purview", purview, all)?;
        let found = py.detach(|| self.subsystem.repertoire(side, mechanism, purview));
        Ok(bytes(py, &found.probabilities))
    }
}

impl Subsystem {
    fn concepts(
        &self,
        py: Python<'_>,
        options: &Options,
    ) -> PyResult<(CauseEffectStructure, Option<f64>)> {
        let subsystem = self.subsystem.clone();
        let n = self.scale();
        run_of_size(py, options, n, move |it| concepts(&subsystem, it))?.map_err(stopped)
    }

    /// As the program's `--ties`.
    fn over_ties(&self, py: Python<'_>, options: &Options) -> PyResult<Answer> {
        let variant = options.engine.variant;
        let Some(rules) = options.spectrum.filter(|_| variant.is_default()) else {
            return Err(wrong(format!("ties are for IIT 3.0 as published, not for {variant}")));
        };
        let (subsystem, numberings) = (self.subsystem.clone(), options.numberings);
        let (spectrum, found) = run(py, options, move |options| {
            let whole = Whole::new(options);
            let spectrum = phi_spectrum(&subsystem, options, rules);
            let n_more = if spectrum.is_complete() { 0 } else { numberings };
            (spectrum, phi_range(&subsystem, &whole.left(), n_more, SEED))
        })?;
        check(found.stop_reason)?;
        let is_of_these = matches!(rules.ties, TieRule::All | TieRule::Largest)
            && rules.cuts == CutChoices::Inherited;
        let tried = Some((found.low, found.high)).filter(|_| is_of_these);
        let range = (!spectrum.is_complete()).then(|| RangeRecord::from(&found));
        let spectrum = SpectrumRecord::new(rules, &spectrum, tried);
        let record = PhiRecord {
            range,
            spectrum: Some(spectrum),
            ..PhiRecord::new(&self.record, &found.result)
        };
        Ok(Answer::new(record.phi, found.stop_reason, move || json(&record)))
    }
}

/// The concepts, and the distance of their structure from one without concepts.
fn concepts(
    subsystem: &pyphi_core::Subsystem,
    options: &pyphi_core::Options,
) -> Result<(CauseEffectStructure, Option<f64>), StopReason> {
    let structure = subsystem.structure(options)?;
    let information = conceptual_information(subsystem, &structure, options.variant).ok();
    Ok((structure, information))
}

/// As the program writes a structure.
fn described(
    record: &NetworkRecord,
    subsystem: &pyphi_core::Subsystem,
    structure: &CauseEffectStructure,
    information: Option<f64>,
) -> StructureRecord {
    StructureRecord {
        name: record.name.clone(),
        nodes: subsystem.units().iter().collect(),
        state: record.state.clone(),
        alphabet: record.alphabet.clone(),
        values: record.values.clone(),
        conceptual_information: information.unwrap_or(f64::NAN),
        ces: structure.concepts.iter().map(ConceptRecord::from).collect(),
    }
}

/// The complexes of a network; with `has_ranges` also whether ties could change the major one.
#[pyfunction]
pub(crate) fn complexes(
    py: Python<'_>,
    network: &Network,
    state: Vec<u8>,
    options: &Options,
    has_ranges: bool,
) -> PyResult<Answer> {
    let variant = options.engine.variant;
    variant.check().map_err(|it| refused(&it))?;
    let (core, values) = (Arc::clone(&network.network), state.clone());
    let found = run(py, options, move |options| {
        let (state, whole) = (core.state(&values)?, Whole::new(options));
        let found = pyphi_core::complexes(&core, state, options)?;
        let has_ranges = has_ranges && variant.is_default() && !found.is_empty();
        let rules = pyphi_core::SpectrumRules::default();
        let ranges =
            has_ranges.then(|| complex_ranges(&core, state, &whole.left(), rules)).transpose()?;
        Ok((found, ranges))
    })?;
    let (found, ranges) = found.map_err(|error: Error| match error.kind() {
        ErrorKind::Memory { .. } => crate::error::MemoryLimitError::new_err(error.to_string()),
        _ => refused(&error),
    })?;
    let record = network.record(&state);
    let reason = found.iter().map(|it| it.stop_reason).find(|it| *it != StopReason::Complete);
    let ties = found.iter().skip(1).filter(|it| it.phi >= found[0].phi - TOLERANCE);
    let list = |it: &BigPhi| it.units.iter().collect::<Vec<usize>>();
    let answer = ComplexesRecord {
        name: record.name.clone(),
        state: state.clone(),
        alphabet: record.alphabet.clone(),
        values: record.values.clone(),
        condensed: pyphi_core::condensed(&found).map(list).collect(),
        major_ties: ties.map(list).collect(),
        major_over_ties: ranges.map(|it| MajorOverTies::new(found[0].units, &it)),
        complexes: found.iter().map(|it| PhiRecord::new(&record, it).by(variant)).collect(),
    };
    let phi = found.first().map_or(0.0, |it| it.phi);
    Ok(Answer::new(phi, reason.unwrap_or(StopReason::Complete), move || json(&answer)))
}
