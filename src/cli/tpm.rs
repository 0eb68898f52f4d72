//! `tpm from-series`: a TPM counted from time series, as the file of a network.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::output::print;
use crate::engine::exact::{Series, Unseen};
use crate::error::Error;
use crate::phi::reading;

#[derive(Debug, Args)]
pub(crate) struct TpmArgs {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    /// Count a TPM from binary time series
    ///
    /// A line is a point in time, a column a unit (0 or 1); an empty line ends a trial, and each
    /// file is at least one. What is printed is a network in JSON, state-by-state, with its counts,
    /// to be saved and given to `compute`.
    FromSeries(SeriesArgs),
}

#[derive(Debug, Args)]
struct SeriesArgs {
    /// Files with numbers in lines (CSV); - for standard input
    #[arg(value_name = "FILE.csv", required = true)]
    files: Vec<PathBuf>,
    /// The number of points in time from a state to the next
    #[arg(long, value_name = "N", default_value_t = 1)]
    lag: usize,
    /// Added to every count
    #[arg(long, value_name = "X", default_value_t = 0.0)]
    pseudo_count: f64,
    /// The row of a state that was never seen: refuse (an error), uniform (every next state as
    /// likely), absorb (the state stays)
    #[arg(long, value_name = "RULE", default_value_t = Unseen::Refuse)]
    unseen: Unseen,
}

impl TpmArgs {
    pub(crate) fn run(self) -> Result<(), Error> {
        let From::FromSeries(args) = self.from;
        let mut series = Series::default();
        for file in &args.files {
            let (place, text) = reading::text(file)?;
            series.add_csv(&text).map_err(|error| reading::wrong(&place, &error))?;
        }
        let counted = series
            .tpm(args.lag, args.pseudo_count, args.unseen)
            .map_err(|error| Error::Settings(error.to_string()))?;
        print(&(serde_json::to_string(&counted).expect("plain data") + "\n"))
    }
}
