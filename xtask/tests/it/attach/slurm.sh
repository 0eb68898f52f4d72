#!/bin/bash
# A stand-in for Slurm's commands, by the name it is called with. $FAKE/jobs/ID holds a job: its name, and a file
# for each task with its state, reason and status. Tasks run one after the other in sbatch itself.
set -u
mkdir -p "$FAKE/jobs"
echo "${0##*/} $*" >> "$FAKE/asked"
case ${0##*/} in
scontrol)
    printf 'MaxArraySize = 4\nMaxJobCount = 100\nSelectType = select/cons_tres\nSLURM_VERSION = 22.05.8\n'
    ;;
sinfo)
    echo 'main*|n1|idle|0/1/0/1|2000|1:00:00|NO|'
    echo 'main*|n2|idle|0/1/0/1|2000|1:00:00|NO|'
    ;;
squeue)
    for job in "$FAKE"/jobs/*; do
        [ -d "$job" ] || continue
        for task in "$job"/t*; do
            echo "${job##*/}|${task##*/t}|$(cat "$task")|n1|$(cat "$job/folder")|$(cat "$job/name")|"
        done
    done
    ;;
scancel)
    for id in "$@"; do
        task='*'
        [ "$id" = "${id#*_}" ] || task=${id#*_}
        for file in "$FAKE/jobs/${id%_*}"/t$task; do
            grep -q '^PENDING' "$file" && echo 'CANCELLED|None|15' > "$file"
        done
    done
    ;;
sbatch)
    [ "$1" = --version ] && exit
    if [ -e "$FAKE/refuse" ]; then
        cat "$FAKE/refuse" >&2
        exit 1
    fi
    id=$(($(find "$FAKE/jobs" -mindepth 1 -maxdepth 1 | wc -l) + 100))
    job=$FAKE/jobs/$id
    mkdir "$job"
    while [ $# -gt 2 ]; do
        case $1 in
        --job-name=*) name=${1#*=} && echo "$name" > "$job/name" ;;
        --array=1-*) last=${1##*-} ;;
        --output=*) output=${1#*=} ;;
        --chdir=*) cd "${1#*=}" || exit 1 ;;
        esac
        shift
    done
    pwd > "$job/folder"
    for i in $(seq "$last"); do
        if [ -e "$FAKE/busy" ] && [ "$i" = "$last" ]; then
            echo 'PENDING|Resources|0' > "$job/t$i"
            continue
        fi
        file=${output//%x/$name}
        file=${file//%A/$id}
        file=${file//%a/$i}
        if SLURM_ARRAY_TASK_ID=$i SLURM_ARRAY_JOB_ID=$id bash "$1" "$2" >> "${file//%%/%}" 2>&1; then
            echo 'COMPLETED|None|0' > "$job/t$i"
        else
            echo "FAILED|NonZeroExitCode|$(($? * 256))" > "$job/t$i"
        fi
    done
    # The answer may be lost although the job is there.
    if [ -e "$FAKE/lose" ]; then
        rm "$FAKE/lose"
        echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2
        exit 1
    fi
    echo "$id"
    ;;
esac
