//! The user's options for the cluster, and the part of them that is kept in `slurm.json`.

use std::{fmt, str::FromStr};

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::queue::parse_minutes;

/// The place to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Place {
    /// On the nodes of a Slurm cluster, as job arrays.
    Slurm,
}

/// Flags of `validate` for a cluster.
#[derive(Debug, Args)]
#[command(next_help_heading = "On a cluster")]
pub(crate) struct ClusterFlags {
    /// Compute on a cluster. With `--dry-run`, build, plan and write the scripts, and submit
    /// nothing.
    #[arg(long, value_enum, value_name = "PLACE")]
    pub(crate) on: Option<Place>,

    /// The nodes' processor, as rustc names it: `native` (as this machine), `x86-64-v3`. [default:
    /// any x86-64, with faster code where the processor has it; flags in the environment that say
    /// otherwise do not count]
    #[arg(long, value_name = "CPU", requires = "on")]
    pub(crate) cpu: Option<String>,

    /// Submit, and do not stay: `cargo xtask runs attach NAME` goes on from there.
    #[arg(long, requires = "on")]
    pub(crate) detach: bool,

    #[command(flatten)]
    pub(crate) task_options: TaskOptions,
}

/// The resources that are asked of Slurm. Those not given are chosen from the plan and the
/// partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TaskOptions {
    /// The partition. [default: Slurm's]
    #[arg(long, value_name = "NAME", requires = "on")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) partition: Option<String>,

    /// Time limit of a task, as Slurm writes it: minutes, `h:mm:ss`, `d-hh:mm:ss`. [default: three
    /// times what is expected and 5 minutes]
    #[arg(long, value_name = "TIME", requires = "on")]
    #[serde(rename = "time_minutes", skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<Minutes>,

    /// Memory of a task, as Slurm writes it: `500M`, `2G`. [default: what the exact engine
    /// predicts]
    #[arg(long, value_name = "SIZE", requires = "on")]
    #[serde(rename = "mem_mib", skip_serializing_if = "Option::is_none")]
    pub(crate) mem: Option<Mebibytes>,

    /// At most this many tasks in a round. [default: what the cluster's limits allow]
    #[arg(long, value_name = "N", requires = "on")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_tasks: Option<u64>,

    /// CPUs of a task. [default: 1, or those of a node where jobs get whole nodes]
    #[arg(long, value_name = "N", requires = "on")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpus: Option<u64>,

    /// Slurm account to charge (`sbatch --account`).
    #[arg(long, value_name = "NAME", requires = "on")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,

    /// Quality of service.
    #[arg(long, value_name = "NAME", requires = "on")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) qos: Option<String>,

    /// Another option for sbatch, as `--sbatch=--constraint=avx2`; may be repeated.
    #[arg(long, value_name = "OPTION", requires = "on", allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) sbatch: Vec<Further>,
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

/// `90` as `1:30:00`, a day and more as `1-02:00:00`: unlike plain minutes, it cannot be taken for
/// something else.
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

/// Another option for sbatch: one word, a long option in full with its value, so that it means to
/// sbatch what it means here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Further(String);

impl Further {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Further> for String {
    fn from(it: Further) -> String {
        it.0
    }
}

impl TryFrom<String> for Further {
    type Error = String;

    fn try_from(text: String) -> Result<Further, String> {
        text.parse()
    }
}

/// Options of sbatch that are chosen here, because submitting and following depend on them.
const OWN: [&str; 13] = [
    "array",
    "job-name",
    "output",
    "error",
    "chdir",
    "dependency",
    "parsable",
    "wrap",
    "wait",
    "test-only",
    "open-mode",
    "nodes",
    "ntasks",
];

/// Options that have a flag of their own, or would be in its way.
const SAID: [(&str, &str); 8] = [
    ("partition", "--partition"),
    ("time", "--time"),
    ("mem", "--mem"),
    ("mem-per-cpu", "--mem"),
    ("mem-per-gpu", "--mem"),
    ("cpus-per-task", "--cpus"),
    ("account", "--account"),
    ("qos", "--qos"),
];

/// With these nothing is submitted, or nothing that can be followed from here.
const ELSEWHERE: [&str; 5] = ["help", "usage", "version", "clusters", "uid"];

/// Options without a value. Any other one would take the next word for its value.
const FLAGS: [&str; 12] = [
    "contiguous",
    "hold",
    "ignore-pbs",
    "no-requeue",
    "overcommit",
    "oversubscribe",
    "quiet",
    "reboot",
    "requeue",
    "spread-job",
    "use-min-nodes",
    "verbose",
];

/// Options whose value is only taken from the same word.
const OPTIONAL: [&str; 6] =
    ["exclusive", "get-user-env", "nice", "no-kill", "propagate", "resv-ports"];

/// Short options with the long ones that they stand for.
const SHORT: [(char, &str); 34] = [
    ('A', "account"),
    ('B', "extra-node-info"),
    ('C', "constraint"),
    ('D', "chdir"),
    ('F', "nodefile"),
    ('G', "gpus"),
    ('H', "hold"),
    ('J', "job-name"),
    ('L', "licenses"),
    ('M', "clusters"),
    ('N', "nodes"),
    ('O', "overcommit"),
    ('Q', "quiet"),
    ('S', "core-spec"),
    ('V', "version"),
    ('W', "wait"),
    ('a', "array"),
    ('b', "begin"),
    ('c', "cpus-per-task"),
    ('d', "dependency"),
    ('e', "error"),
    ('h', "help"),
    ('i', "input"),
    ('k', "no-kill"),
    ('m', "distribution"),
    ('n', "ntasks"),
    ('o', "output"),
    ('p', "partition"),
    ('q', "qos"),
    ('s', "oversubscribe"),
    ('t', "time"),
    ('v', "verbose"),
    ('w', "nodelist"),
    ('x', "exclude"),
];

/// Variables that sbatch takes for options, where those are chosen here and not said on the command
/// line.
pub(super) const VARIABLES: [&str; 4] =
    ["SBATCH_ARRAY_INX", "SBATCH_ERROR", "SBATCH_WAIT", "SBATCH_MEM_PER_CPU"];

impl FromStr for Further {
    type Err = String;

    fn from_str(option: &str) -> Result<Further, String> {
        let (name, value) = match option.strip_prefix("--") {
            Some(long) => match long.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value)),
                None => (long.to_owned(), None),
            },
            None => of_short(option)?,
        };
        let is_plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
        if name.is_empty()
            || !name.starts_with(|it: char| it.is_ascii_lowercase())
            || !name.chars().all(is_plain)
        {
            return Err("expected an option with its value, as `--sbatch=--constraint=avx2`".into());
        }
        check_name(&name)?;
        let is_flag = FLAGS.contains(&name.as_str());
        match value {
            Some("") => Err(format!("`--{name}=`: expected a value")),
            Some(_) if is_flag => Err(format!("`--{name}` takes no value")),
            Some(value) => Ok(Further(format!("--{name}={value}"))),
            None if is_flag || OPTIONAL.contains(&name.as_str()) => {
                Ok(Further(format!("--{name}")))
            }
            None => Err(format!("`--{name}`: expected its value with it, as `--{name}=VALUE`")),
        }
    }
}

/// The long name and the value of `-Cavx2`. Of several letters in a word each could be an option.
fn of_short(option: &str) -> Result<(String, Option<&str>), String> {
    let expected =
        || "expected an option with its value, as `--sbatch=--constraint=avx2`".to_owned();
    let mut rest = option.strip_prefix('-').ok_or_else(expected)?.chars();
    let letter = rest.next().ok_or_else(expected)?;
    let long = SHORT.iter().find(|(short, _)| *short == letter);
    let Some((_, long)) = long else {
        return Err(format!("`-{letter}`: expected the long form of the option"));
    };
    check_name(long).map_err(|it| format!("`-{letter}` is `--{long}`: {it}"))?;
    let value = Some(rest.as_str()).filter(|it| !it.is_empty());
    if FLAGS.contains(long) && value.is_some() {
        return Err(format!("`{option}`: expected one option, and `-{letter}` takes no value"));
    }
    Ok(((*long).to_owned(), value))
}

/// Checks that an option of this name is the user's to give.
fn check_name(name: &str) -> Result<(), String> {
    if OWN.contains(&name) {
        return Err(format!("`--{name}` is set by xtask itself"));
    }
    if let Some((_, flag)) = SAID.iter().find(|it| it.0 == name) {
        return Err(format!("say `{flag}` without `--sbatch`"));
    }
    if ELSEWHERE.contains(&name) {
        return Err(format!("with `--{name}` there are no tasks here to be followed"));
    }
    // sbatch takes the beginning of an option for the option.
    let names = OWN.iter().chain(SAID.iter().map(|it| &it.0)).chain(&ELSEWHERE).chain(&["exclude"]);
    match names.chain(&FLAGS).find(|it| it.starts_with(name) && **it != name) {
        Some(long) => Err(format!("`--{name}` could be `--{long}`: expected an option in full")),
        None => Ok(()),
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
        let further = |option: &str| option.parse::<Further>().map(String::from);
        for option in [
            "--constraint=avx2",
            "--exclude=n[1-3]",
            "--gres=gpu:1",
            "--no-requeue",
            "--comment=a b",
        ] {
            assert_eq!(further(option).as_deref(), Ok(option));
        }
        assert_eq!(further("-Cavx2|avx512").as_deref(), Ok("--constraint=avx2|avx512"));
        assert_eq!(further("-xn1").as_deref(), Ok("--exclude=n1"));
        assert_eq!(further("-H").as_deref(), Ok("--hold"));
        assert_eq!(further("-koff").as_deref(), Ok("--no-kill=off"));
        assert_eq!(further("--exclusive").as_deref(), Ok("--exclusive"));
        let refused = [
            ("--array=1-3", "`--array` is set by xtask itself"),
            ("-a1-9", "`-a` is `--array`: `--array` is set by xtask itself"),
            ("-J", "`-J` is `--job-name`: `--job-name` is set by xtask itself"),
            ("-oFILE", "`-o` is `--output`: `--output` is set by xtask itself"),
            ("--outp=FILE", "`--outp` could be `--output`: expected an option in full"),
            ("--o=FILE", "`--o` could be `--output`: expected an option in full"),
            ("--exclu=n1", "`--exclu` could be `--exclude`: expected an option in full"),
            ("--wra=true", "`--wra` could be `--wrap`: expected an option in full"),
            ("--mem=3G", "say `--mem` without `--sbatch`"),
            ("-c2", "`-c` is `--cpus-per-task`: say `--cpus` without `--sbatch`"),
            ("--clusters=other", "with `--clusters` there are no tasks here to be followed"),
            // A second option in the same word.
            ("-Ho/tmp/x", "`-Ho/tmp/x`: expected one option, and `-H` takes no value"),
            ("-vo/tmp/x", "`-vo/tmp/x`: expected one option, and `-v` takes no value"),
            ("-Zo/tmp/x", "`-Z`: expected the long form of the option"),
            // What would take the next word, which is one of xtask's, for its value.
            ("--constraint", "`--constraint`: expected its value with it, as `--constraint=VALUE`"),
            ("-C", "`--constraint`: expected its value with it, as `--constraint=VALUE`"),
            ("--hold=1", "`--hold` takes no value"),
            ("--comment=", "`--comment=`: expected a value"),
        ];
        for (option, message) in refused {
            assert_eq!(further(option), Err(message.to_owned()), "{option}");
        }
        // What ends the options, or is none.
        for option in [
            "--",
            "-",
            "",
            "constraint=avx2",
            "--=x",
            "---output=x",
            "--Output=x",
            "--out put=x",
            "--ö=x",
        ] {
            let error = further(option).unwrap_err();
            assert!(error.starts_with("expected an option with its value"), "{option}: {error}");
        }
        // Nor from a record that was changed.
        let task_options = serde_json::from_str::<TaskOptions>(r#"{"sbatch": ["--outp=/tmp/x"]}"#);
        assert!(task_options.unwrap_err().to_string().contains("expected an option in full"));
    }

    /// sbatch reads its arguments with getopt_long. Whatever passes here must be, by its rules, one
    /// word that is none of the options that are set here.
    #[test]
    fn no_word_that_passes_is_one_of_xtask_s_own_options() {
        let pieces = [
            "-", "--", "o", "out", "output", "a", "array", "H", "w", "wait", "wa", "=", "1", "mem",
            "hold", "C",
        ];
        for a in pieces {
            for b in pieces {
                for c in pieces {
                    for d in pieces {
                        let word = format!("{a}{b}{c}{d}");
                        let Ok(Further(passed)) = word.parse::<Further>() else { continue };
                        let name = passed.strip_prefix("--").unwrap().split('=').next().unwrap();
                        let own = OWN.iter().chain(SAID.iter().map(|it| &it.0));
                        let meant = own.filter(|it| it.starts_with(name)).count();
                        assert!(meant == 0 && !name.is_empty(), "{word} is {passed}");
                        assert!(
                            passed.contains('=') || FLAGS.contains(&name),
                            "{word} is {passed}"
                        );
                    }
                }
            }
        }
    }
}
