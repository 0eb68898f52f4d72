//! The parsers of what comes from outside, one function for each kind of source, for fuzz targets.
//!
//! Each takes any bytes and may refuse them in any way but one: a panic is a finding. Those of
//! builds are the library's own.

pub use headroom::fuzzing::{build_output, cargo, cgroup, guard, ledger, proc};

use crate::slurm;

/// Answers of squeue, sacct, sinfo, scontrol, sacctmgr and sbatch.
pub fn slurm_answers(bytes: &[u8]) {
    slurm::parse_answers(&text(bytes));
}

/// `slurm.json`, the record of what was submitted, and the document in which the study's program
/// plans a round of tasks.
pub fn slurm_documents(bytes: &[u8]) {
    slurm::parse_record(bytes);
    slurm::parse_plan(bytes);
}

/// A `slurm.json` with this content, as xtask seals it; `None` if it is no JSON object. For tests.
pub fn sealed_slurm_record(object: &str) -> Option<String> {
    slurm::seal_record(object)
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_parser_panics_on_texts_that_are_cut_anywhere() {
        let texts = [
            "m*|h|idle|18446744073709551615/1/0/1|1|18446744073709551615:60|NO|\n\
            7|1-5|PENDING|x|65536|n|a\n",
            r#"{"version":1,"job":"study","rounds":[{"round":1,"arrays":[{"first":0,"n_tasks":1}]}]}"#,
        ];
        let parsers: [fn(&[u8]); 2] = [slurm_answers, slurm_documents];
        for text in texts {
            for end in 0..=text.len() {
                parsers.iter().for_each(|parse| parse(&text.as_bytes()[..end]));
            }
        }
    }
}
