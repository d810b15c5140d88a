//! Bencher Metric Format: `{benchmark: {measure: {value, lower_value, upper_value}}}`, as <https://bencher.dev/bmf.json>
//! has it and `bencher run --adapter json` reads it.
//!
//! `latency` and `throughput` are Bencher's own measures, in nanoseconds and in operations a second; the slugs of the others
//! are new to it. All times are nanoseconds, all memory is bytes.

use serde_json::{Map, Value, json};

use super::benchmarks::Benchmark;
use crate::analyse::comparison::{Metric, Rules};
use crate::analyse::job_time;
use crate::measure::Summary;

/// Times that samples tell, with intervals, each with its slug.
const TIMES: [(Metric, &str); 5] = [
    (Metric::Gpu, "gpu-time"),
    (Metric::Wall, "wall-time"),
    (Metric::FirstResult, "time-to-first-result"),
    (Metric::Ttft, "time-to-first-token"),
    (Metric::Decode, "time-per-token"),
];

/// Columns of the start-up, in ms, each with its slug.
const START_UP: [(&str, &str); 6] = [
    ("session_start_ms", "session-start"),
    ("page_ready_ms", "page-ready"),
    ("device_ready_ms", "device-ready"),
    ("model_load_ms", "load"),
    ("shader_compile_ms", "shader-compile"),
    ("first_inference_ms", "first-inference"),
];

/// Columns that are taken as they are, each with its slug.
const AS_THEY_ARE: [(&str, &str); 6] = [
    ("throughput_per_s", "throughput"),
    ("gpu_memory_bytes", "gpu-memory"),
    ("gpu_memory_peak_bytes", "gpu-memory-peak"),
    ("js_heap_peak_bytes", "js-heap-peak"),
    ("wasm_memory_bytes", "wasm-memory"),
    ("browser_rss_peak_bytes", "browser-rss-peak"),
];

/// The document, in the order of the benchmarks.
#[must_use]
pub fn document(benchmarks: &[Benchmark<'_>]) -> Value {
    let object = |benchmark: &Benchmark<'_>| (benchmark.name.clone(), Value::Object(measures(benchmark)));
    Value::Object(benchmarks.iter().map(object).collect())
}

fn measures(benchmark: &Benchmark<'_>) -> Map<String, Value> {
    let mut measures = Map::new();
    measures.insert("latency".to_owned(), nanoseconds(&benchmark.time));
    for (metric, slug) in TIMES {
        // Whether the row counts was asked already.
        let rules = Rules { metric, unverified: true, ..Rules::default() };
        if let Ok(time) = job_time::of(benchmark.job, &rules, metric == Metric::Gpu) {
            measures.insert(slug.to_owned(), nanoseconds(&time));
        }
    }
    let cell = |column: &str| benchmark.job.cell(column).parse().ok().filter(|figure: &f64| figure.is_finite());
    for (column, slug) in START_UP {
        if let Some(figure) = cell(column) {
            measures.insert(slug.to_owned(), json!({ "value": in_nanoseconds(figure) }));
        }
    }
    for (column, slug) in AS_THEY_ARE {
        if let Some(figure) = cell(column) {
            measures.insert(slug.to_owned(), json!({ "value": figure }));
        }
    }
    measures
}

fn nanoseconds(time: &Summary) -> Value {
    let mut metric = json!({ "value": in_nanoseconds(time.median) });
    if let Some((low, high)) = time.interval {
        metric["lower_value"] = in_nanoseconds(low).into();
        metric["upper_value"] = in_nanoseconds(high).into();
    }
    metric
}

/// Of milliseconds, to the picosecond: what else there would be is of the arithmetic.
fn in_nanoseconds(millis: f64) -> f64 {
    (millis * 1e9).round() / 1e3
}
