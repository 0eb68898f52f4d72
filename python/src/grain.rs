//! The same network on another grain: macro systems of IIT 3.0, intrinsic units of IIT 4.0.

use phi_validation::Error;
use phi_validation::engine::exact::{CheckedNetwork, OwnNetwork, Scope, UnitName};
use phi_validation::engine::grains::{AskedGrain, EffectiveInformationRecord, Grains};
use phi_validation::engine::intrinsic::{AskedUnits, Mappings, UnitBounds};
use pyo3::prelude::*;
use pyphi_core::grain::effective_information as information_of;
use pyphi_core::input::{NetworkRecord, Reader};
use pyphi_core::{StopReason, Variant};

use crate::engine::{own, with_engine};
use crate::error::{refused, wrong};
use crate::network::Network;
use crate::options::Options;
use crate::run::{Answer, json, run, stopped};

/// Sets of units.
type Sets = Vec<Vec<usize>>;

/// EI of the TPM of a network.
#[pyfunction]
pub(crate) fn effective_information(
    py: Python<'_>,
    network: &Network,
    options: &Options,
) -> PyResult<Answer> {
    let core = network.network.clone();
    let found = run(py, options, move |engine| information_of(core.tpm(), engine))?;
    let found = found.map_err(stopped)?;
    let record = EffectiveInformationRecord::from(found);
    Ok(Answer::new(found.bits, StopReason::Complete, move || json(&record)))
}

/// Φ (IIT 3.0) on one grain: of boxes with their outputs, of groups with the numbers of ON units
/// for which each is OFF, or of both.
#[pyfunction]
#[pyo3(signature = (network, state, nodes, time_scale, boxes, groups, options))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn on_grain(
    py: Python<'_>,
    network: &Network,
    state: Vec<u8>,
    nodes: Option<Vec<usize>>,
    time_scale: u32,
    boxes: Option<(Sets, Vec<usize>)>,
    groups: Option<(Sets, Sets)>,
    options: &Options,
) -> PyResult<Answer> {
    as_published(options.engine.variant)?;
    let names = |units: Vec<usize>| units.into_iter().map(UnitName::Number).collect::<Vec<_>>();
    let all = |sets: Sets| sets.into_iter().map(names).collect::<Vec<_>>();
    let (boxes, outputs) = boxes.map(|(sets, outputs)| (all(sets), names(outputs))).unzip();
    let (groups, off) = groups.map(|(sets, off)| (all(sets), off)).unzip();
    let asked = AskedGrain { time_scale, boxes, outputs, groups, off: off.unwrap_or_default() };
    let record = NetworkRecord { nodes, ..network.full_record(state) };
    let found =
        with_engine(py, options, move |engine| engine.on_grain(&own(record, None)?, &asked))?;
    let phi = found.found.as_ref().map_or(0.0, |it| it.phi);
    Ok(Answer::new(phi, StopReason::Complete, move || json(&found)))
}

/// The grain with the largest Φ (IIT 3.0): of `nodes`, or of all units.
#[pyfunction]
#[pyo3(signature = (network, state, nodes, black_boxes, time_scales, options))]
pub(crate) fn best_grain(
    py: Python<'_>,
    network: &Network,
    state: Vec<u8>,
    nodes: Option<Vec<usize>>,
    black_boxes: bool,
    time_scales: Vec<u32>,
    options: &Options,
) -> PyResult<Answer> {
    as_published(options.engine.variant)?;
    let grains = Grains { black_boxes, time_scales, ..Grains::default() };
    let record = NetworkRecord { nodes, ..network.full_record(state) };
    let found = with_engine(py, options, move |engine| {
        let network = own(record, None)?;
        engine.search_grains(&network, &grains, network.has_nodes())
    })?;
    let phi = found.found.as_ref().map_or(0.0, |it| it.phi);
    Ok(Answer::new(phi, StopReason::Complete, move || json(&found)))
}

/// Units as a system, or the best of all (IIT 4.0). `text` is the network as a file has it, with
/// its `history` and, if they are given, its `units`. `bounds`: micro units, updates, depth,
/// mappings, apportioned units.
#[pyfunction]
pub(crate) fn intrinsic_units(
    py: Python<'_>,
    text: &str,
    bounds: (usize, u32, u32, String, usize),
    has_validity: bool,
    options: &Options,
) -> PyResult<Answer> {
    let rules = options.iit4()?;
    let (micro_units, grain, depth, mappings, apportioned) = bounds;
    let mappings = match mappings.as_str() {
        "families" => Mappings::Families,
        "exhaustive" => Mappings::Exhaustive,
        other => {
            return Err(wrong(format!("mappings: {other:?}, expected families or exhaustive")));
        }
    };
    let bounds = UnitBounds { micro_units, grain, depth, mappings, apportioned };
    let input = Reader::default().json(text).map_err(|it| refused(&it))?;
    let entry = input.networks.into_iter().next().ok_or_else(|| wrong("network: none"))?;
    let record = entry.record.map_err(|it| refused(&it))?;
    let found = with_engine(py, options, move |engine| {
        let state = record.state.clone();
        let network = CheckedNetwork::new(record, Scope::Complexes, Some(rules))
            .and_then(|it| OwnNetwork::new(&it, &state, Scope::Complexes, Some(rules)))
            .map_err(|it| Error::Settings(it.message))?;
        let (units, history) = (entry.units.as_deref(), entry.history.as_deref());
        engine.intrinsic_units(&network, AskedUnits { units, history, bounds, has_validity, rules })
    })?;
    let phi = found.found.as_ref().map_or(0.0, |it| it.structure.system.phi_s);
    Ok(Answer::new(phi, StopReason::Complete, move || json(&found)))
}

/// # Errors
/// If the settings are not those of IIT 3.0 as published.
fn as_published(variant: Variant) -> PyResult<()> {
    match variant.is_default() {
        true => Ok(()),
        false => Err(wrong(format!("a grain is for IIT 3.0 as published, not for {variant}"))),
    }
}
