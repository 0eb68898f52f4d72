//! `phi-wms`: whole minus sum.

use crate::error::Error;
use crate::estimate::transitions::{Past, known};
use crate::estimate::{About, Case, Estimator, Reads};

/// Whole minus sum (Balduzzi and Tononi 2008; Barrett and Seth 2011; Oizumi, Amari et al. 2016,
/// PLoS Comput Biol, eq. 2): the smallest I(X; Y) - I(X_A; Y_A) - I(X_B; Y_B) over the bipartitions
/// {A, B}, X uniform. It is never negative, and equals [`PhiStar`](super::PhiStar) of that past.
#[derive(Debug, Clone, Copy)]
pub struct PhiWms;

impl Estimator for PhiWms {
    fn name(&self) -> &str {
        "phi-wms"
    }

    fn summary(&self) -> &str {
        "whole minus sum, at the minimum bipartition"
    }

    fn about(&self) -> About {
        About::asked_for(Reads::Dynamics, "bits", "6^n", 10)
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        let parts = case.parts(Past::Uniform)?;
        let whole = parts.information(case.transitions().all());
        let lost = |a, b| whole - parts.information(a) - parts.information(b);
        case.at_minimum_bipartition(|a, b| Ok(lost(a, b))).map(known)
    }
}
