#!/bin/sh
# What another user of the machine tries during a run, without the ports (SECURITY.md says what those give away). Prints each
# thing that succeeds and fails then.
#
#   tests/neighbour.sh TEMPORARY_FOLDER RUN_FOLDER PID...
#
# with the numbers of the run's processes; tests/it/neighbours.rs runs it as `nobody`.
temporary=$1
run=$2
shift 2
breaches=0
# The run's token has 32 digits, as nothing else has that is written there.
holds_token() {
    grep -Eq '(^|[^0-9a-f])[0-9a-f]{32}([^0-9a-f]|$)' "$@" 2> /dev/null
}
breach() {
    echo "$1"
    breaches=$((breaches + 1))
}

for folder in "$temporary"/gpujobs-*; do
    ls "$folder" > /dev/null 2>&1 && breach "can list $folder"
    find "$folder" -mindepth 1 2> /dev/null | grep -q . && breach "can see into $folder"
    touch "$folder/planted" 2> /dev/null && breach "can write into $folder"
    mv "$folder" "$folder-moved" 2> /dev/null && breach "can move $folder"
done

for file in "$run"/* "$run"/*/*; do
    [ -f "$file" ] || continue
    (: >> "$file") 2> /dev/null && breach "can change $file"
    rm -f "$file" 2> /dev/null && breach "can remove $file"
    holds_token "$file" && breach "can read the token in $file"
done
touch "$run/planted" 2> /dev/null && breach "can write into $run"

for process; do
    kill -0 "$process" 2> /dev/null && breach "can signal $process"
    cat "/proc/$process/environ" > /dev/null 2>&1 && breach "can read the environment of $process"
    ls "/proc/$process/fd/" > /dev/null 2>&1 && breach "can see the files of $process"
    tr '\0' ' ' < "/proc/$process/cmdline" 2> /dev/null | holds_token && breach "can read the token of $process"
done

exit "$((breaches > 0))"
