#!/usr/bin/env bash
# tachometer 0.7.2 and gpujobs side by side, in Chromium on its software adapter: the same WGSL, the same sizes, 50
# samples of each of two variants. Prints the wall time of each command and the intervals that it ends with.
#
#   tests/bench/tachometer/run.sh [TIMES]     how often each, in turns (default 3)
#
# Needs Node, Chromium with chromedriver, and GPUJOBS or target/release/gpujobs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
gpujobs=${GPUJOBS:-$here/../../../target/release/gpujobs}
times=${1:-3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# The driver that npm would download is older than the browser; the one beside the browser is used. SE_OFFLINE keeps
# Selenium from looking for yet another.
export CHROMEDRIVER_SKIP_DOWNLOAD=true SE_OFFLINE=true
npm install --silent --no-audit --no-fund --no-package-lock tachometer@0.7.2 'chromedriver@*'

# The very job that gpujobs runs, as a module that the page can import by itself.
"$gpujobs" render "$here/gpujobs.toml" --out rendered >/dev/null
cp "$here/page.html" "$here/tachometer.json" .
for k in 1600 1680; do
    grep -v '^export { prepare }' rendered/*k="$k"/job.js >"k$k.js"
done

seconds() { # prints how long a command took; its output goes to a file
    local log=$1 began
    shift
    began=$(date +%s.%N)
    "$@" >"$log" 2>&1 || { cat "$log" >&2; return 1; }
    echo "$(date +%s.%N) - $began" | bc
}

for turn in $(seq "$times"); do
    echo "## $turn of $times, load $(cut -d' ' -f1-3 /proc/loadavg)"
    # Not by npx, under which it has been seen to hang.
    echo "tachometer: $(seconds "tach$turn.log" node node_modules/tachometer/bin/tach.js \
        --config tachometer.json --json-file "tach$turn.json") s"
    node -e '
        const { benchmarks } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
        const interval = ({ low, high }, digits) => `${low.toFixed(digits)} to ${high.toFixed(digits)}`;
        for (const { name, mean } of benchmarks) {
            const width = (200 * (mean.high - mean.low)) / (mean.high + mean.low);
            console.log(`  ${name}: mean ${interval(mean, 3)} ms, width ${width.toFixed(2)} %`);
        }
        const { percentChange } = benchmarks[1].differences[0];
        console.log(`  difference: ${interval(percentChange, 2)} %, width ${(percentChange.high - percentChange.low).toFixed(2)}`);
    ' "tach$turn.json"
    echo "gpujobs: $(seconds "gpu$turn.log" "$gpujobs" run "$here/gpujobs.toml" --out "out$turn" --quiet --format json) s"
    "$gpujobs" compare out"$turn"/* --by k --format json >"compare$turn.json"
    node -e '
        const read = (path) => JSON.parse(require("fs").readFileSync(path, "utf8"));
        for (const job of read(process.argv[1])) {
            for (const clock of ["wall", "gpu"]) {
                const [low, high] = [job[`${clock}_low_ms`], job[`${clock}_high_ms`]];
                const width = (200 * (high - low)) / (high + low);
                console.log(`  k${job.axis_k ?? job.k}: ${clock} median ${low} to ${high} ms, width ${width.toFixed(2)} %`);
            }
        }
        const [{ clock, ratio_low: low, ratio_high: high, verdict }] = read(process.argv[2]);
        const percent = (ratio) => (100 * (ratio - 1)).toFixed(2);
        console.log(`  difference (${clock}): ${percent(low)} to ${percent(high)} %, width ${(100 * (high - low)).toFixed(2)}, ${verdict}`);
    ' "gpu$turn.log" "compare$turn.json"
done
