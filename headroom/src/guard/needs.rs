//! The needs of crates that are the same in every workspace: the user's ledger.

use super::{ObservedRun, Unit};
use crate::build_ledger::{BuildLedger, Observation, UnitKey};

/// Returns the key of a unit in the user's ledger, or `None` if the unit is not the same in every
/// workspace.
pub(crate) fn user_key(unit: &Unit, profile: &str, toolchain: &str) -> Option<UnitKey> {
    let features = unit.features?;
    Some(UnitKey {
        package: unit.package.clone(),
        version: unit.version.clone(),
        kind: unit.kind,
        crate_name: unit.crate_name.clone(),
        profile: format!("{profile} features={features:016x}"),
        toolchain: toolchain.into(),
    })
}

/// Have the user's ledger learn what units needed that are the same in every workspace. What it
/// knows helps only, so it is no loss where it cannot be written, as in a home that is read-only.
pub(crate) fn learn_for_all<'a>(
    observed: impl IntoIterator<Item = (&'a ObservedRun, &'a str)>,
    toolchain: &str,
) {
    let Some(mut ledger) = BuildLedger::load_of_user() else { return };
    for (seen, profile) in observed {
        let Some(key) = user_key(&seen.unit, profile, toolchain) else { continue };
        ledger.observe_unit(key, Observation::from(seen));
    }
    ledger.save_of_user(toolchain).ok();
}

impl From<&ObservedRun> for Observation {
    fn from(seen: &ObservedRun) -> Observation {
        let ObservedRun { peak_bytes, seconds, complete, .. } = *seen;
        Observation { peak_bytes, seconds, complete }
    }
}

/// The most that the user's ledger knows of a unit, whatever the profile. `toolchain`: `None` if
/// it is not known either.
pub(crate) fn known_for_all(
    toolchain: Option<&str>,
) -> impl Fn(&Unit) -> Option<u64> + Send + 'static {
    let (ledger, toolchain) = (BuildLedger::load_of_user(), toolchain.map(str::to_owned));
    move |unit| {
        let is_it = |key: &UnitKey| {
            let toolchain = toolchain.as_ref().unwrap_or(&key.toolchain);
            let profile = key.profile.split(" features=").next().unwrap_or_default();
            user_key(unit, profile, toolchain).as_ref() == Some(key)
        };
        let units = ledger.iter().flat_map(BuildLedger::units);
        units.filter(|it| is_it(it.0)).map(|it| it.1.peak_bytes).max()
    }
}
