//! What github-action-benchmark reads with the tool `customSmallerIsBetter`: a list of `{name, unit, value, range, extra}`, the
//! `BenchmarkResult` of its `src/extract.ts`. One figure a job, the time of an inference: one threshold of the action's is for all.

use serde::Serialize;

use super::benchmarks::Benchmark;
use crate::record::csv::original;
use crate::record::run_toml::RunToml;
use crate::units::significant;

/// An entry of the list.
#[derive(Debug, Serialize)]
pub struct Entry {
    name: String,
    unit: &'static str,
    /// The median.
    value: f64,
    /// `± ` and the longer arm of the interval, the form of which the action reads the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<String>,
    /// What the chart shows beside the figure.
    extra: String,
}

/// The list, in the order of the benchmarks.
#[must_use]
pub fn entries(benchmarks: &[Benchmark<'_>], facts: &RunToml) -> Vec<Entry> {
    let entry = |benchmark: &Benchmark<'_>| {
        let time = benchmark.time;
        let arm = time.interval.map(|(low, high)| (high - time.median).max(time.median - low));
        Entry {
            name: benchmark.name.clone(),
            unit: "ms",
            value: time.median,
            range: arm.map(|arm| format!("± {}", significant(arm, 3))),
            extra: extra(benchmark, facts),
        }
    };
    benchmarks.iter().map(entry).collect()
}

/// What ran it, a line a fact.
fn extra(benchmark: &Benchmark<'_>, facts: &RunToml) -> String {
    let cells = |columns: &[&str]| {
        let cells = columns.iter().map(|column| original(benchmark.job.cell(column))).filter(|cell| !cell.is_empty());
        cells.collect::<Vec<_>>().join(" ")
    };
    let clock = if benchmark.gpu { "GPU" } else { "wall" };
    let interval = benchmark
        .time
        .interval
        .map(|(low, high)| format!(", 95 % interval {} to {} ms", significant(low, 6), significant(high, 6)));
    let lines = [
        ("browser", cells(&["browser", "browser_version"])),
        ("driver", cells(&["driver_version"])),
        ("adapter", cells(&["adapter_kind", "adapter_vendor", "adapter_architecture", "adapter_description"])),
        ("libraries", cells(&["runtime"])),
        ("machine", cells(&["machine", "os", "cpu"])),
        ("clock", format!("{clock}, {} samples{}", benchmark.time.count, interval.unwrap_or_default())),
        ("gpujobs", facts.gpujobs_version.clone()),
        ("run", cells(&["run_id"])),
    ];
    let lines = lines.iter().filter(|(_, text)| !text.is_empty()).map(|(what, text)| format!("{what}: {text}"));
    lines.collect::<Vec<_>>().join("\n")
}
