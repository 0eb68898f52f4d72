//! The scripts of a round: plain bash, the same whether xtask or a person submits it.
//!
//! `task.sh` is what a node runs, `submit.sh` submits the round and a job that gathers, `gather.sh`
//! is that job. Every word of a path or a name is quoted, whatever it holds.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use headroom::{
    Coded, Exit,
    escape::{is_hidden, shell as quote},
    files::write_whole,
};

use super::{
    options::{Further, VARIABLES},
    slurm_record::{Array, Round, SlurmRecord},
};

/// The folder of a round.
pub(super) fn round_folder(folder: &Path, round: u32) -> PathBuf {
    folder.join(format!("round-{round}"))
}

/// Returns the folder in which the tasks of a round print.
pub(super) fn out_folder(folder: &Path, round: u32) -> PathBuf {
    round_folder(folder, round).join("out")
}

/// The file that one task prints to, `%x.%A_%a.out` in sbatch's words.
pub(super) fn out_file(folder: &Path, round: u32, name: &str, job_id: u64, task: u32) -> PathBuf {
    out_folder(folder, round).join(format!("{name}.{job_id}_{task}.out"))
}

/// The job number in the name of a file that [`out_file`] named.
pub(super) fn job_of_out_file(file: &str, name: &str) -> Option<u64> {
    let rest = file.strip_prefix(name)?.strip_prefix('.')?.strip_suffix(".out")?;
    let (job, task) = rest.split_once('_')?;
    task.parse::<u32>().ok()?;
    job.parse().ok()
}

/// The folder as text that sbatch can be told.
///
/// # Errors
/// If the path is no Unicode, or has a backslash: sbatch would write elsewhere.
pub(super) fn check_folder(folder: &Path) -> anyhow::Result<&str> {
    match folder.to_str() {
        Some(text) if !text.contains(['\\', '\n']) => Ok(text),
        _ => bail!(Coded {
            exit: Exit::Usage,
            message: format!(
                "{}: Slurm cannot write to a folder with a backslash, a line break or bytes that \
                 are no Unicode in its \
                 name; choose another with `-- --runs FOLDER`",
                folder.display()
            ),
        }),
    }
}

/// Returns the options with which every job of a round is submitted.
fn options(record: &SlurmRecord, round: &Round, folder: &str, out: &str) -> Vec<String> {
    let task_options = &record.task_options;
    let mut options = vec![
        "--nodes=1".to_owned(),
        "--ntasks=1".to_owned(),
        format!("--cpus-per-task={}", round.cpus),
        format!("--time={}", round.time),
        format!("--chdir={folder}"),
        // A percent sign begins a placeholder.
        format!("--output={}/round-{}/out/{out}", folder.replace('%', "%%"), round.round),
        "--open-mode=append".to_owned(),
        // Preempted, or its node lost: it starts again and skips what is done.
        "--requeue".to_owned(),
    ];
    let mut named = |name: &str, value: Option<String>| {
        options.extend(value.map(|it| format!("--{name}={it}")));
    };
    named("mem", round.mem.map(|it| it.to_string()));
    named("partition", task_options.partition.clone());
    named("account", task_options.account.clone());
    named("qos", task_options.qos.clone());
    // The last --exclude would win.
    let (excluded, others): (Vec<&str>, Vec<&str>) = task_options
        .sbatch
        .iter()
        .map(Further::as_str)
        .partition(|it| it.starts_with("--exclude="));
    let excluded = excluded.into_iter().filter_map(|it| it.strip_prefix("--exclude="));
    let excluded: Vec<&str> = excluded.chain(record.exclude.iter().map(String::as_str)).collect();
    if !excluded.is_empty() {
        options.push(format!("--exclude={}", excluded.join(",")));
    }
    options.extend(others.into_iter().map(str::to_owned));
    options
}

/// Returns the options that make a job an array.
fn of_array(array: &Array) -> [String; 2] {
    [format!("--job-name={}", array.name), format!("--array=1-{}", array.n_tasks)]
}

/// The arguments with which xtask calls sbatch.
pub(super) fn sbatch_args(
    record: &SlurmRecord,
    round: &Round,
    array: &Array,
    folder: &str,
) -> Vec<String> {
    let mut args = vec!["--parsable".to_owned()];
    args.extend(options(record, round, folder, "%x.%A_%a.out"));
    args.extend(of_array(array));
    args.extend([format!("{folder}/round-{}/task.sh", round.round), array.offset.to_string()]);
    args
}

/// Writes the scripts of a round and the folder of its output.
pub(super) fn write(record: &SlurmRecord, round: &Round, folder: &Path) -> anyhow::Result<()> {
    let text = check_folder(folder)?;
    let to = round_folder(folder, round.round);
    let out = to.join("out");
    std::fs::create_dir_all(&out).with_context(|| format!("could not create {}", out.display()))?;
    let scripts = [
        ("task.sh", task(record, round, text)),
        ("gather.sh", gather(record, text)),
        ("submit.sh", submit(record, round, text)),
    ];
    for (name, script) in scripts {
        write_whole(&to.join(name), script.as_bytes(), true)?;
    }
    Ok(())
}

fn task(record: &SlurmRecord, round: &Round, folder: &str) -> String {
    let (run, round) = (comment(&record.run), round.round);
    let folder = quote(folder);
    format!(
        r#"#!/bin/bash
# One task of round {round} of the run {run}, as a node runs it; submit.sh beside this file submits all of them.
#
# The argument is the number of tasks in the arrays before this one. A task may run twice, be cancelled or
# lose its node: what it has finished is in a journal of its own, and what is missing goes into the next round.
set -u

folder={folder}
task=$(($1 + SLURM_ARRAY_TASK_ID))

if [ ! -d "$folder" ]; then
    echo "$(hostname) does not see the folder $folder" >&2
    exit 127
fi
exec "$folder/program" cluster task "$folder" --round {round} --task "$task" --jobs "${{SLURM_CPUS_PER_TASK:-1}}"
"#
    )
}

fn gather(record: &SlurmRecord, folder: &str) -> String {
    let (run, folder) = (comment(&record.run), quote(folder));
    format!(
        r#"#!/bin/bash
# Puts the results of the run {run} together and writes its report; says what is missing, if anything is.
set -u

folder={folder}

exec "$folder/program" cluster gather "$folder"
"#
    )
}

fn submit(record: &SlurmRecord, round: &Round, folder: &str) -> String {
    let number = round.round;
    let run = comment(&record.run);
    let variables = VARIABLES.join(" ");
    let mut text = format!(
        r#"#!/bin/bash
# Submits round {number} of the run {run}: {} tasks, and a job that puts the results together when they have ended.
set -eu
unset {variables}

folder={}

options=(
"#,
        round.n_tasks,
        quote(folder)
    );
    for option in options(record, round, folder, "%x.%A_%a.out") {
        text += &format!("    {}\n", quote(&option));
    }
    text += ")\njobs=()\n";
    for array in &round.arrays {
        let [name, range] = of_array(array).map(|it| quote(&it));
        let (first, last) = (array.offset + 1, array.offset + array.n_tasks);
        text += &format!(
            "\n# Tasks {first} to {last}.\njob=$(sbatch --parsable \"${{options[@]}}\" {name} \
             {range} \
             \"$folder/round-{number}/task.sh\" {})\n",
            array.offset
        );
        text += "jobs+=(\"${job%%;*}\")\n";
    }
    let name = quote(&format!("--job-name={}-gather", record.prefix));
    let out = options(record, round, folder, "gather.out");
    let out = out.iter().find(|it| it.starts_with("--output=")).map(|it| quote(it));
    text += &format!(
        r#"
# However they end: what is there is gathered, and what is missing is named.
gather=$(sbatch --parsable "${{options[@]}}" {name} {} \
    --dependency="afterany:$(IFS=:; echo "${{jobs[*]}}")" "$folder/round-{number}/gather.sh")

echo "submitted: ${{jobs[*]}}, and ${{gather%%;*}} to put the results together"
echo "their state:  squeue --me"
echo "to cancel:    scancel ${{jobs[*]}} ${{gather%%;*}}"
echo "at the end:   cat $(printf %q "$folder/round-{number}/out/gather.out")"
echo "to follow, and to submit what is missing then:"
echo "    cargo xtask runs attach $(printf %q {})"
"#,
        out.unwrap_or_default(),
        quote(Path::new(folder).parent().and_then(Path::to_str).unwrap_or(folder))
    );
    text
}

/// Text that stays on one line of a comment.
fn comment(text: &str) -> String {
    text.chars().map(|it| if is_hidden(it) { ' ' } else { it }).collect()
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        process::{Command, Stdio},
    };

    use super::*;
    use crate::slurm::options::{Mebibytes, Minutes, TaskOptions};

    fn record(run: &str, n_tasks: u64, array_size: u64) -> SlurmRecord {
        let task_options = TaskOptions {
            partition: Some("main".into()),
            account: Some("o'brien lab".into()),
            sbatch: vec![
                "--exclude=n7".parse().unwrap(),
                "--comment=a $HOME \"b\"".parse().unwrap(),
            ],
            ..TaskOptions::default()
        };
        let mut record = SlurmRecord::new(run, Vec::new(), task_options, 0xa1);
        record.exclude = vec!["n9".into()];
        let arrays = record.arrays(1, n_tasks, array_size);
        let (mem, time) = (Some(Mebibytes(64)), Minutes(8));
        let (round, items_before, cpus, over) = (1, 0, 1, false);
        let round = Round { round, n_tasks, items_before, cpus, mem, time, over, arrays };
        record.rounds.push(round);
        record
    }

    #[test]
    fn xtask_asks_sbatch_for_what_the_script_asks_for() {
        let record = record("pilot", 7, 5);
        let round = &record.rounds[0];
        let args = sbatch_args(&record, round, &round.arrays[1], "/r/50%/cluster");
        let expected = [
            "--parsable",
            "--nodes=1",
            "--ntasks=1",
            "--cpus-per-task=1",
            "--time=00:08:00",
            "--chdir=/r/50%/cluster",
            "--output=/r/50%%/cluster/round-1/out/%x.%A_%a.out",
            "--open-mode=append",
            "--requeue",
            "--mem=64M",
            "--partition=main",
            "--account=o'brien lab",
            "--exclude=n7,n9",
            "--comment=a $HOME \"b\"",
            "--job-name=phi-pilot-a1-r1-2",
            "--array=1-2",
            "/r/50%/cluster/round-1/task.sh",
            "5",
        ];
        assert_eq!(args, expected);
    }

    #[test]
    fn a_task_s_output_is_found_by_its_name() {
        let file = out_file(Path::new("/r"), 2, "phi-x-r2-1", 17, 3);
        assert_eq!(file, Path::new("/r/round-2/out/phi-x-r2-1.17_3.out"));
        let name = file.file_name().unwrap().to_str().unwrap();
        assert_eq!(job_of_out_file(name, "phi-x-r2-1"), Some(17));
        assert_eq!(job_of_out_file(name, "phi-x-r2"), None);
        assert_eq!(job_of_out_file("gather.out", "gather"), None);
    }

    #[test]
    fn folders_that_sbatch_would_misread_are_refused() {
        assert!(check_folder(Path::new("/r/a b'c%\"$x/cluster")).is_ok());
        for bad in ["/r/a\\b", "/r/a\nb"] {
            let error = check_folder(Path::new(bad)).unwrap_err().to_string();
            assert!(error.contains("backslash"), "{error}");
        }
    }

    /// Runs the scripts with a stand-in for sbatch and for the program that write down their
    /// arguments.
    #[cfg(unix)]
    #[test]
    fn the_scripts_mean_what_they_say_in_folders_with_odd_names() {
        let sh = xshell::Shell::new().unwrap();
        let dir = sh.create_temp_dir().unwrap();
        let bin = dir.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let said = dir.path().join("said");
        let script = "#!/bin/bash\nprintf '%s\\n' \"${0##*/}\" \"$@\" >> \"$SAID\"\necho 17\n";
        write_whole(&bin.join("sbatch"), script.as_bytes(), true).unwrap();
        let odd = "it's 5% of \"$HOME\" `x` & ü;*";
        let folder = dir.path().join(odd).join("cluster");
        fs::create_dir_all(&folder).unwrap();
        write_whole(&folder.join("program"), script.as_bytes(), true).unwrap();
        let record = record("a\nb", 7, 5);
        let round = &record.rounds[0];
        write(&record, round, &folder).unwrap();
        let scripts = round_folder(&folder, 1);
        let bash = |script: &str, args: &[&str]| {
            fs::write(&said, "").unwrap();
            let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
            let mut command = Command::new("bash");
            command.arg(scripts.join(script)).args(args).stdin(Stdio::null());
            command.env("PATH", path).env("SAID", &said).env("SLURM_ARRAY_TASK_ID", "2");
            command.env_remove("SLURM_CPUS_PER_TASK");
            let output = command.output().unwrap();
            assert!(output.status.success(), "{output:?}");
            (fs::read_to_string(&said).unwrap(), String::from_utf8(output.stdout).unwrap())
        };
        let text = folder.to_str().unwrap();
        let lines = |words: &[&str]| words.iter().map(|it| format!("{it}\n")).collect::<String>();
        let (said, _) = bash("task.sh", &["5"]);
        let words =
            ["program", "cluster", "task", text, "--round", "1", "--task", "7", "--jobs", "1"];
        assert_eq!(said, lines(&words));
        let (said, _) = bash("gather.sh", &[]);
        assert_eq!(said, lines(&["program", "cluster", "gather", text]));
        let (said, told) = bash("submit.sh", &[]);
        let mut expected = String::new();
        for array in &round.arrays {
            let args = sbatch_args(&record, round, array, text);
            expected += &lines(&["sbatch"]);
            expected += &args.iter().map(|it| format!("{it}\n")).collect::<String>();
        }
        assert!(said.starts_with(&expected), "{said}\nbegins otherwise:\n{expected}");
        assert!(said.contains("--dependency=afterany:17:17\n"), "{said}");
        assert!(said.ends_with(&format!("{text}/round-1/gather.sh\n")), "{said}");
        assert!(told.contains("scancel 17 17 17\n"), "{told}");
        // A shell takes the printed command for the run's folder.
        let attach = told.lines().last().unwrap().trim().strip_prefix("cargo xtask runs attach ");
        let echo = format!("printf %s {}", attach.unwrap());
        let echoed = Command::new("bash").args(["-c", &echo]).output().unwrap().stdout;
        assert_eq!(Path::new(&String::from_utf8(echoed).unwrap()), folder.parent().unwrap());

        // Where there is no shellcheck, bash's own look at the syntax has to do.
        let check = Command::new("shellcheck")
            // The folder's name looks as if it was meant to be expanded.
            .args(["--exclude=SC2016", "task.sh", "gather.sh", "submit.sh"])
            .current_dir(&scripts)
            .output()
            .or_else(|_| {
                Command::new("bash").args(["-n", "submit.sh"]).current_dir(&scripts).output()
            })
            .unwrap();
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    }
}
