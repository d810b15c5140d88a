//! The columns of the steady state: times with their intervals, rates, and what the GPU was doing.

use super::super::Column;
use crate::measure::Measurement;
use crate::record::cell::CellKind::{Float, Whole};
use crate::record::cell::{Cell, of};

const INTERVAL: &str = "The 95 % interval of the median: from the medians of the instances where there are three or more, else by \
                        order statistics of the samples, widened by what instances are assumed to be apart. Empty below six \
                        samples and three instances.";

pub(super) const COLUMNS: &[Column] = &[
    Column {
        name: "samples",
        unit: "",
        kind: Whole,
        doc: "Samples of the steady state.",
        cell: |facts| of(facts.wall, |wall| Cell::whole(wall.count as u64)),
    },
    Column {
        name: "warmup",
        unit: "",
        kind: Whole,
        doc: "Inferences that warmed the job up.",
        cell: |facts| of(facts.measurement, |measurement| Cell::whole(measurement.warmups() as u64)),
    },
    Column {
        name: "iterations",
        unit: "",
        kind: Whole,
        doc: "Inferences in each sample.",
        cell: |facts| of(facts.measurement.and_then(Measurement::iterations), Cell::whole),
    },
    Column {
        name: "wall_median_ms",
        unit: "ms",
        kind: Float,
        doc: "Wall time of an inference in the steady state.",
        cell: |facts| of(facts.wall, |times| Cell::Float(times.median)),
    },
    Column {
        name: "wall_low_ms",
        unit: "ms",
        kind: Float,
        doc: INTERVAL,
        cell: |facts| of(facts.wall.and_then(|times| times.interval), |interval| Cell::Float(interval.0)),
    },
    Column {
        name: "wall_high_ms",
        unit: "ms",
        kind: Float,
        doc: "The same.",
        cell: |facts| of(facts.wall.and_then(|times| times.interval), |interval| Cell::Float(interval.1)),
    },
    Column {
        name: "wall_p95_ms",
        unit: "ms",
        kind: Float,
        doc: "95 % of the samples took at most that.",
        cell: |facts| of(facts.wall, |times| Cell::Float(times.p95)),
    },
    Column {
        name: "gpu_median_ms",
        unit: "ms",
        kind: Float,
        doc: "GPU time of one; empty where its clock can't be believed.",
        cell: |facts| of(facts.gpu, |times| Cell::Float(times.median)),
    },
    Column {
        name: "gpu_low_ms",
        unit: "ms",
        kind: Float,
        doc: INTERVAL,
        cell: |facts| of(facts.gpu.and_then(|times| times.interval), |interval| Cell::Float(interval.0)),
    },
    Column {
        name: "gpu_high_ms",
        unit: "ms",
        kind: Float,
        doc: "The same.",
        cell: |facts| of(facts.gpu.and_then(|times| times.interval), |interval| Cell::Float(interval.1)),
    },
    Column {
        name: "gpu_p95_ms",
        unit: "ms",
        kind: Float,
        doc: "95 % of the samples took at most that.",
        cell: |facts| of(facts.gpu, |times| Cell::Float(times.p95)),
    },
    Column {
        name: "latency_median_ms",
        unit: "ms",
        kind: Float,
        doc: "Wall time of a single inference, submitted by itself and waited for; with `latency = true`.",
        cell: |facts| of(facts.latency, |times| Cell::Float(times.median)),
    },
    Column {
        name: "latency_raw_median_ms",
        unit: "ms",
        kind: Float,
        doc: "The same as an application sees it that only awaits: some browsers look for finished work late.",
        cell: |facts| of(facts.latency_raw, |times| Cell::Float(times.median)),
    },
    Column {
        name: "latency_low_ms",
        unit: "ms",
        kind: Float,
        doc: "The 95 % interval of the median by order statistics; empty below six samples.",
        cell: |facts| of(facts.latency.and_then(|times| times.interval), |interval| Cell::Float(interval.0)),
    },
    Column {
        name: "latency_high_ms",
        unit: "ms",
        kind: Float,
        doc: "The same.",
        cell: |facts| of(facts.latency.and_then(|times| times.interval), |interval| Cell::Float(interval.1)),
    },
    Column {
        name: "latency_p95_ms",
        unit: "ms",
        kind: Float,
        doc: "95 % of the samples took at most that.",
        cell: |facts| of(facts.latency, |times| Cell::Float(times.p95)),
    },
    Column {
        name: "throughput_per_s",
        unit: "1/s",
        kind: Float,
        doc: "Inputs a second (texts, images, sounds or tensors), by wall time: `batch` by `wall_median_ms`.",
        cell: |facts| of(facts.throughput_per_s(), Cell::Float),
    },
    Column {
        name: "gflops",
        unit: "GFLOP/s",
        kind: Float,
        doc: "Arithmetic of an inference by its GPU time, or by wall time where there is none.",
        cell: |facts| of(facts.gflops(), Cell::Float),
    },
    Column {
        name: "gbytes_per_s",
        unit: "GB/s",
        kind: Float,
        doc: "The same of its least traffic: each tensor of a stage once.",
        cell: |facts| of(facts.gbytes_per_s(), Cell::Float),
    },
    Column {
        name: "gpu_clock_mhz",
        unit: "MHz",
        kind: Float,
        doc: "Clock of the GPU's multiprocessors while samples were taken, median; where NVIDIA's management library is installed \
              and knows one GPU.",
        cell: |facts| of(facts.gpu_state().and_then(|state| state.clock_mhz), Cell::Float),
    },
    Column {
        name: "gpu_power_w",
        unit: "W",
        kind: Float,
        doc: "What the GPU drew meanwhile, median; what keeps it busy between samples is part of it.",
        cell: |facts| of(facts.gpu_state().and_then(|state| state.power_w), Cell::Float),
    },
    Column {
        name: "gpu_temperature_c",
        unit: "°C",
        kind: Float,
        doc: "Its temperature meanwhile, median.",
        cell: |facts| of(facts.gpu_state().and_then(|state| state.temperature_c), Cell::Float),
    },
    Column {
        name: "gpu_joules",
        unit: "J",
        kind: Float,
        doc: "`gpu_power_w` times the time of an inference, by the GPU's clock where there is one: an estimate, since a reading \
              of power takes longer than most inferences.",
        cell: |facts| of(facts.gpu_joules(), Cell::Float),
    },
    Column {
        name: "of_peak_gflops_percent",
        unit: "%",
        kind: Float,
        doc: "Share of what `[hardware]` says that the machine can compute.",
        cell: |facts| of(facts.of_peak_gflops(), Cell::Float),
    },
    Column {
        name: "of_peak_gbytes_percent",
        unit: "%",
        kind: Float,
        doc: "Share of what it says that its memory can move.",
        cell: |facts| of(facts.of_peak_gbytes(), Cell::Float),
    },
];
