//! The parsers of what comes from outside, on the corpora of the fuzz targets and on inputs made of
//! them.

use xtask::fuzzing;

#[path = "../../../fuzz/mutations.rs"]
mod mutations;

type Body = fn(&[u8]);

#[test]
fn parsers_take_or_refuse_whatever_comes() {
    let targets: [(&str, Body); 8] = [
        ("xtask_ledger", fuzzing::ledger),
        ("xtask_guard", fuzzing::guard),
        ("xtask_cgroup", fuzzing::cgroup),
        ("xtask_proc", fuzzing::proc),
        ("xtask_cargo", fuzzing::cargo),
        ("xtask_build_output", fuzzing::build_output),
        ("xtask_slurm_answers", fuzzing::slurm_answers),
        ("xtask_slurm_documents", fuzzing::slurm_documents),
    ];
    for (target, body) in targets {
        mutations::check(target, 2_000, body);
    }
}
