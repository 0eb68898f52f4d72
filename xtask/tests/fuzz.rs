//! The parsers of what comes from outside, on the corpora of the fuzz targets and on inputs made of
//! them.

use xtask::fuzzing;

#[path = "../../fuzz/mutations.rs"]
mod mutations;

type Body = fn(&[u8]);

#[test]
fn parsers_take_or_refuse_whatever_comes() {
    let targets: [(&str, Body); 13] = [
        ("xtask_ledger", fuzzing::ledger),
        ("xtask_guard_messages", fuzzing::guard_messages),
        ("xtask_compiler_arguments", fuzzing::compiler_arguments),
        ("xtask_cgroup", fuzzing::cgroup),
        ("xtask_pressure", fuzzing::pressure),
        ("xtask_meminfo", fuzzing::meminfo),
        ("xtask_process_stat", fuzzing::process_stat),
        ("xtask_cargo_message", fuzzing::cargo_message),
        ("xtask_cargo_metadata", fuzzing::cargo_metadata),
        ("xtask_build_output", fuzzing::build_output),
        ("xtask_slurm_answers", fuzzing::slurm_answers),
        ("xtask_slurm_record", fuzzing::slurm_record),
        ("xtask_cluster_plan", fuzzing::cluster_plan),
    ];
    for (target, body) in targets {
        mutations::check(target, 2_000, body);
    }
}
