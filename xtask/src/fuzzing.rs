//! The parsers of what comes from outside, one function each, for fuzz targets.
//!
//! Each takes any bytes and may refuse them in any way but one: a panic is a finding. Those of
//! builds are the library's own.

pub use headroom::fuzzing::{
    build_output, cargo_message, cargo_metadata, cgroup, compiler_arguments, guard_messages,
    ledger, meminfo, pressure, process_stat,
};

use crate::slurm;

/// Answers of squeue, sacct, sinfo, scontrol, sacctmgr and sbatch.
pub fn slurm_answers(bytes: &[u8]) {
    slurm::parse_answers(&text(bytes));
}

/// `slurm.json`, the record of what was submitted.
pub fn slurm_record(bytes: &[u8]) {
    slurm::parse_record(bytes);
}

/// The document in which the study's program plans a round of tasks.
pub fn cluster_plan(bytes: &[u8]) {
    slurm::parse_plan(bytes);
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
            "m*|h|idle|18446744073709551615/1/0/1|1|18446744073709551615:60|NO|\n7|1-5|PENDING|x|65536|n|a\n",
            r#"{"version":1,"job":"study","rounds":[{"round":1,"arrays":[{"first":0,"n_tasks":1}]}]}"#,
        ];
        let parsers: [fn(&[u8]); 3] = [slurm_answers, slurm_record, cluster_plan];
        for text in texts {
            for end in 0..=text.len() {
                parsers.iter().for_each(|parse| parse(&text.as_bytes()[..end]));
            }
        }
    }
}
