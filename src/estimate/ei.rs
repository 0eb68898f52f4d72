//! `ei`: effective information.

use crate::error::Error;
use crate::estimate::transitions::{Past, entropy, known};
use crate::estimate::{About, Case, Estimator, Reads};

/// Effective information (Tononi and Sporns 2003; Hoel, Albantakis, Tononi 2013): I(X; Y), X
/// uniform.
#[derive(Debug, Clone, Copy)]
pub struct Ei;

impl Estimator for Ei {
    fn name(&self) -> &str {
        "ei"
    }

    fn summary(&self) -> &str {
        "effective information of the whole"
    }

    fn about(&self) -> About {
        About::asked_for(Reads::Dynamics, "bits", "4^n", 12)
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        let transitions = case.transitions();
        let past = transitions.past(Past::Uniform);
        let noise = transitions.noise(&past, transitions.all());
        Ok(known(entropy(&transitions.next(&past)) - noise))
    }
}
