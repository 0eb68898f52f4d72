//! What the user says about the cluster, and what is written down of it.

use std::{fmt, str::FromStr};

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::queue::parse_minutes;

/// Where to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Place {
    /// On the nodes of a Slurm cluster, as job arrays.
    Slurm,
}

/// Flags of `validate` for a cluster.
#[derive(Debug, Args)]
#[command(next_help_heading = "On a cluster")]
pub(crate) struct ClusterFlags {
    /// Compute on a cluster. With `--dry-run`, build, plan and write the scripts, and submit nothing.
    #[arg(long, value_enum, value_name = "PLACE")]
    pub(crate) on: Option<Place>,

    /// The nodes' processor, as rustc names it: `native` (as this machine), `x86-64-v3`. [default: any x86-64, with faster code where
    /// the processor has it; flags in the environment that say otherwise do not count]
    #[arg(long, value_name = "CPU", requires = "on")]
    pub(crate) cpu: Option<String>,

    /// Submit, and do not stay: `cargo xtask runs attach NAME` goes on from there.
    #[arg(long, requires = "on")]
    pub(crate) detach: bool,

    #[command(flatten)]
    pub(crate) wishes: Wishes,
}

/// What is asked of Slurm; what is not said is chosen from the plan and the partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Wishes {
    /// The partition. [default: Slurm's]
    #[arg(long, value_name = "NAME", requires = "on")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) partition: Option<String>,

    /// Time limit of a task, as Slurm writes it: minutes, `h:mm:ss`, `d-hh:mm:ss`. [default: three times what is
    /// expected and 5 minutes]
    #[arg(long, value_name = "TIME", requires = "on")]
    #[serde(rename = "time_minutes", skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<Minutes>,

    /// Memory of a task, as Slurm writes it: `500M`, `2G`. [default: what the exact engine predicts]
    #[arg(long, value_name = "SIZE", requires = "on")]
    #[serde(rename = "mem_mib", skip_serializing_if = "Option::is_none")]
    pub(crate) mem: Option<Mebibytes>,

    /// At most this many tasks in a round. [default: what the cluster's limits allow]
    #[arg(long, value_name = "N", requires = "on", value_parser = clap::value_parser!(u64).range(1..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_tasks: Option<u64>,

    /// CPUs of a task. [default: 1, or those of a node where jobs get whole nodes]
    #[arg(long, value_name = "N", requires = "on", value_parser = clap::value_parser!(u64).range(1..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpus: Option<u64>,

    /// Whom to charge.
    #[arg(long, value_name = "NAME", requires = "on")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,

    /// Quality of service.
    #[arg(long, value_name = "NAME", requires = "on")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) qos: Option<String>,

    /// Another option for sbatch, as `--sbatch=--constraint=avx2`; may be repeated.
    #[arg(long, value_name = "OPTION", requires = "on", allow_hyphen_values = true, value_parser = further)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) sbatch: Vec<String>,
}

/// A time limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Minutes(pub(crate) u64);

impl FromStr for Minutes {
    type Err = String;

    fn from_str(text: &str) -> Result<Minutes, String> {
        let minutes = parse_minutes(text).filter(|it| *it > 0);
        let expected = "expected minutes (`90`), `h:mm:ss` or `d-hh:mm:ss`";
        minutes.map(Minutes).ok_or_else(|| expected.to_owned())
    }
}

/// `90` as `1:30:00`, a day and more as `1-02:00:00`: unlike plain minutes, nobody takes it for something else.
impl fmt::Display for Minutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, hours, minutes) = (self.0 / 1440, self.0 / 60 % 24, self.0 % 60);
        if days > 0 {
            write!(f, "{days}-")?;
        }
        write!(f, "{hours:02}:{minutes:02}:00")
    }
}

/// A size of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Mebibytes(pub(crate) u64);

impl FromStr for Mebibytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Mebibytes, String> {
        let expected = || "expected a size like `500M` or `2G`".to_owned();
        let upper = text.to_uppercase();
        let plain = upper.strip_suffix('B').unwrap_or(&upper);
        let split = plain.find(|it: char| !it.is_ascii_digit()).unwrap_or(plain.len());
        let (number, unit) = plain.split_at(split);
        let number: u64 = number.parse().map_err(|_| expected())?;
        let mebibytes = match unit {
            "K" => Some(number.div_ceil(1 << 10)),
            "" | "M" => Some(number),
            "G" => number.checked_mul(1 << 10),
            "T" => number.checked_mul(1 << 20),
            _ => None,
        };
        mebibytes.filter(|it| *it > 0).map(Mebibytes).ok_or_else(expected)
    }
}

impl fmt::Display for Mebibytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}M", self.0)
    }
}

/// Options of sbatch that are chosen here, because submitting and following depend on them.
const OWN: [&str; 22] = [
    "--array",
    "-a",
    "--job-name",
    "-J",
    "--output",
    "-o",
    "--error",
    "-e",
    "--chdir",
    "-D",
    "--dependency",
    "-d",
    "--parsable",
    "--wrap",
    "--wait",
    "-W",
    "--test-only",
    "--open-mode",
    "--nodes",
    "-N",
    "--ntasks",
    "-n",
];

fn further(option: &str) -> Result<String, String> {
    let name = option.split('=').next().unwrap_or(option);
    if !option.starts_with('-') {
        return Err("expected an option with its value, as `--sbatch=--constraint=avx2`".into());
    }
    if OWN.contains(&name) {
        return Err(format!("`{name}` is set by xtask itself"));
    }
    let said = [
        ("--partition", "-p"),
        ("--time", "-t"),
        ("--mem", "--mem"),
        ("--cpus-per-task", "-c"),
        ("--account", "-A"),
        ("--qos", "-q"),
    ];
    match said.iter().find(|(long, short)| name == *long || name == *short) {
        Some(("--cpus-per-task", _)) => Err("say `--cpus N` instead".into()),
        Some((long, _)) => Err(format!("say `{long}` without `--sbatch`")),
        None => Ok(option.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_slurm_s() {
        let sizes =
            [("500", 500), ("500M", 500), ("2G", 2048), ("2gb", 2048), ("1T", 1 << 20), ("1K", 1)];
        for (text, mebibytes) in sizes {
            assert_eq!(text.parse(), Ok(Mebibytes(mebibytes)), "{text}");
        }
        for text in ["", "0", "G", "1.5G", "-1", "2X", "99999999999999999999"] {
            assert!(text.parse::<Mebibytes>().is_err(), "{text}");
        }
        for (text, shown) in [("5", "00:05:00"), ("1:30:00", "01:30:00"), ("2-1", "2-01:00:00")] {
            assert_eq!(text.parse::<Minutes>().unwrap().to_string(), shown);
        }
        assert!("0".parse::<Minutes>().is_err() && "soon".parse::<Minutes>().is_err());
    }

    #[test]
    fn options_that_xtask_sets_are_not_taken_from_the_user() {
        assert_eq!(further("--constraint=avx2").as_deref(), Ok("--constraint=avx2"));
        assert_eq!(further("--exclude=n[1-3]").as_deref(), Ok("--exclude=n[1-3]"));
        for option in ["--array=1-3", "-J", "--mem=3G", "-c", "constraint=avx2", ""] {
            assert!(further(option).is_err(), "{option}");
        }
    }
}
