#!/bin/bash
# A stand-in for the study's program. Items are numbers from 1 to the one in job.json; item N is done when
# journals/N is there. A task is a line of round-R/plan, an item.
set -u
if [ "$1" = launch ]; then
    if [ "$2" = --prepare ]; then
        echo '{"event": "prepared", "schema": "phi-validation/events", "version": 1, "program": "0",' \
            '"task": {"kind": "other"}, "elapsed_ms": 0}'
        exit
    fi
    shift 2
fi
[ "$3" = --format ] && set -- "$1" "$2" "${@:5}"
command=$2 folder=$3
n=$(tr -cd 0-9 < "$folder/job.json")
missing() { for i in $(seq "$n"); do [ -e "$folder/journals/$i" ] || echo "$i"; done; }
round=0
while [ -e "$folder/round-$((round + 1))/plan" ]; do round=$((round + 1)); done
answer() {
    local state=planned m
    m=$(missing | wc -l)
    [ "$m" = 0 ] && state=finished
    [ "$round" -gt 4 ] && state=given-up
    echo "{\"schema\": \"phi-validation/cluster-round\", \"version\": 1, \"folder\": \"-\", \"job\": \"study\"," \
        "\"state\": \"$state\", \"round\": $round, \"stage\": \"comparisons\", \"n_items\": $n," \
        "\"items_done\": $((n - m)), \"n_tasks\": $(wc -l < "$folder/round-$round/plan"), \"tasks_done\": 0," \
        "\"cpus\": 1, \"efficiency\": 1, \"cpu_features\": [], \"unfinished_tasks\": []," \
        "\"memory_bytes\": 50000000, \"task_seconds\": 5, \"cpu_seconds\": $n, \"cpu_seconds_done\": $((n - m))," \
        "\"given_up\": [{\"item\": \"the last\", \"attempts\": 4}], \"n_given_up\": $m}"
}
case $command in
status) answer ;;
next)
    if [ "$(missing | wc -l)" != 0 ]; then
        round=$((round + 1))
        mkdir "$folder/round-$round"
        missing > "$folder/round-$round/plan"
    fi
    answer
    ;;
task)
    item=$(sed -n "${7}p" "$folder/round-$5/plan")
    # shellcheck disable=SC1091 # What the test wants: a command that may fail.
    . "$folder/behaviour" || exit $?
    touch "$folder/journals/$item"
    ;;
gather) echo "gathered $((n - $(missing | wc -l))) of $n ${4:-}" ;;
esac
