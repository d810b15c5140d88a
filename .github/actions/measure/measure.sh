#!/usr/bin/env bash
# Measures a manifest and compares it with an earlier run; what the action beside it does, and what any other CI can call.
#
#   MANIFEST=bench/gpu.toml FAIL_ABOVE=10% BASELINE=gpujobs-baseline .github/actions/measure/measure.sh
#
# MANIFEST    the manifest
# ARGUMENTS   more arguments of `gpujobs run`, such as --require-hardware or --filter 'browser=firefox model=mine'
# BASELINE    the folder of the run to compare with; nothing is compared where there is none
# FAIL_ABOVE  a share, such as 10%: fail where a job is clearly slower than the baseline by more
# OUT         where the run's folder and report.html are written; gpujobs-results by default
#
# The tables go to the job's summary ($GITHUB_STEP_SUMMARY, else stdout), as markdown. To $GITHUB_OUTPUT go `run` and `report`, the
# paths of the run's folder and of the page, and `sound`: whether all jobs were. The exit code is that of the run, or else that of
# the comparison.
set -euo pipefail

: "${MANIFEST:?name the manifest}"
out=${OUT:-gpujobs-results}
summary=${GITHUB_STEP_SUMMARY:-/dev/stdout}
# Quotes hold words together, as on a command line.
words=$(xargs -n 1 printf '%s\n' <<<"${ARGUMENTS:-}")
arguments=()
while IFS= read -r one; do
    [ -z "$one" ] || arguments+=("$one")
done <<<"$words"

say() { printf '%s\n' "$@" >>"$summary"; }

if ! command -v gpujobs >/dev/null; then
    cargo install --locked --path "$(dirname "${BASH_SOURCE[0]}")/../../.."
fi
if [ -n "$(ls -A "$out" 2>/dev/null)" ]; then
    echo "$out holds results already: name another folder as OUT" >&2
    exit 2
fi

code=0
say "## \`$MANIFEST\`" ""
gpujobs run "$MANIFEST" --setup --quiet --format markdown --out "$out/runs" ${arguments[@]+"${arguments[@]}"} >>"$summary" || code=$?
run=$(find "$out/runs" -mindepth 1 -maxdepth 1 -type d 2>/dev/null | head -n 1 || true)
if [ -z "$run" ]; then
    say "Nothing was run: see the log of this step."
    exit "$code"
fi

sound=$([ "$code" -eq 0 ] && echo true || echo false)

compared=()
if [ -f "${BASELINE:-}/run.toml" ]; then
    compared=("$BASELINE")
    say "" "### Compared with the baseline" ""
    gpujobs compare "$BASELINE" "$run" --format markdown ${FAIL_ABOVE:+--fail-above "$FAIL_ABOVE"} >>"$summary" || {
        compared_code=$?
        if [ "$compared_code" -eq 1 ]; then
            [ "$code" -ne 0 ] || code=1
        else
            # Another matrix, for instance: nothing was found slower.
            say "The two could not be compared: see the log of this step."
        fi
    }
else
    say "" "There is no baseline to compare with."
fi
gpujobs report ${compared[@]+"${compared[@]}"} "$run" -o "$out/report.html" >/dev/null || {
    reported=$?
    [ "$code" -ne 0 ] || code=$reported
}

if [ -n "${GITHUB_OUTPUT:-}" ]; then
    printf 'run=%s\nreport=%s\nsound=%s\n' "$run" "$out/report.html" "$sound" >>"$GITHUB_OUTPUT"
fi
exit "$code"
