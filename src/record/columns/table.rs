//! The entries.

mod generation;

use super::{Column, ColumnGroup};
use crate::measure::Measurement;
use crate::protocol::session;
use crate::record::cell::{Cell, of};

/// All columns.
pub static GROUPS: [ColumnGroup; 8] = [
    ColumnGroup { title: "identity", columns: IDENTITY, axes: false },
    // Those of the model stand behind its name.
    ColumnGroup { title: "axes", columns: MODEL, axes: true },
    ColumnGroup { title: "what really ran", columns: WHAT_RAN, axes: false },
    ColumnGroup { title: "correctness", columns: CORRECTNESS, axes: false },
    ColumnGroup { title: "start-up", columns: START_UP, axes: false },
    ColumnGroup { title: "steady state", columns: STEADY_STATE, axes: false },
    ColumnGroup { title: "text and sound", columns: generation::COLUMNS, axes: false },
    ColumnGroup { title: "trust", columns: TRUST, axes: false },
];

const INTERVAL: &str = "The 95 % interval of the median: from the medians of the instances where there are three or more, else by \
                        order statistics of the samples, widened by what instances are assumed to be apart. Empty below six \
                        samples and three instances.";

const IDENTITY: &[Column] = &[
    Column {
        name: "run_id",
        unit: "",
        doc: "The name of the run folder.",
        cell: |facts| Cell::text(&facts.context.run_id),
    },
    Column {
        name: "job_id",
        unit: "",
        doc: "A stable readable key made of the axes: the same job has the same one in every run and on every machine.",
        cell: |facts| Cell::text(&facts.report.job.id.0),
    },
    Column {
        name: "manifest",
        unit: "",
        doc: "The manifest's name.",
        cell: |facts| Cell::text(&facts.context.manifest),
    },
    Column {
        name: "status",
        unit: "",
        doc: "`ok`, `incorrect` (ran, and the output is wrong: its times stay empty), `unsupported`, `failed`, `timed_out` or `skipped`.",
        cell: |facts| Cell::text(facts.report.status.to_string()),
    },
    Column {
        name: "reason",
        unit: "",
        doc: "Why it did not end well.",
        cell: |facts| Cell::text(&facts.report.reason),
    },
    Column {
        name: "attempts",
        unit: "",
        doc: "How often it was tried.",
        cell: |facts| Cell::whole(facts.report.attempts),
    },
    Column {
        name: "group",
        unit: "",
        doc: "Jobs with the same number took turns.",
        cell: |facts| of(facts.report.circumstances.group, |group| Cell::whole(group as u64)),
    },
    Column {
        name: "started_at",
        unit: "",
        doc: "When the last try began, RFC 3339, UTC.",
        cell: |facts| Cell::text(facts.report.started_at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()),
    },
];

const MODEL: &[Column] = &[
    Column {
        name: "family",
        unit: "",
        doc: "`text`, `vision`, `audio` or `multimodal`.",
        cell: |facts| of(facts.model, |model| Cell::text(model.family)),
    },
    Column {
        name: "engine",
        unit: "",
        doc: "What runs the model: `wgsl`, `onnxruntime`, `transformers` or `module`.",
        cell: |facts| of(facts.model, |model| Cell::text(model.engine)),
    },
    Column {
        name: "task",
        unit: "",
        doc: "The task of a model of transformers.js.",
        cell: |facts| of(facts.model, |model| Cell::text(&model.task)),
    },
];

const WHAT_RAN: &[Column] = &[
    Column {
        name: "backend_used",
        unit: "",
        doc: "What computed; `webgpu+cpu` where a part of the model ran on the CPU.",
        cell: |facts| of(facts.backend_used(), Cell::text),
    },
    Column {
        name: "fallback_reason",
        unit: "",
        doc: "Why it is not the backend that was asked for.",
        cell: |facts| Cell::text(&facts.report.fallback_reason),
    },
    Column {
        name: "browser_version",
        unit: "",
        doc: "The browser's version.",
        cell: |facts| of(facts.session, |session| Cell::text(&session.browser_version)),
    },
    Column {
        name: "driver_version",
        unit: "",
        doc: "Its driver's version; some don't say.",
        cell: |facts| of(facts.session, |session| Cell::text(&session.driver_version)),
    },
    Column {
        name: "headless",
        unit: "",
        doc: "Whether it ran without a window.",
        cell: |facts| of(facts.session, |session| Cell::Flag(session.headless)),
    },
    Column {
        name: "os",
        unit: "",
        doc: "Of the machine that drove the browser.",
        cell: |facts| Cell::text(&facts.context.os),
    },
    Column {
        name: "cpu",
        unit: "",
        doc: "Its processor, with the number of cores.",
        cell: |facts| Cell::text(&facts.context.cpu),
    },
    Column {
        name: "adapter_vendor",
        unit: "",
        doc: "`GPUAdapterInfo`: empty where the browser hides it.",
        cell: |facts| of(facts.adapter, |adapter| Cell::text(&adapter.vendor)),
    },
    Column {
        name: "adapter_architecture",
        unit: "",
        doc: "The same.",
        cell: |facts| of(facts.adapter, |adapter| Cell::text(&adapter.architecture)),
    },
    Column {
        name: "adapter_device",
        unit: "",
        doc: "The same.",
        cell: |facts| of(facts.adapter, |adapter| Cell::text(&adapter.device)),
    },
    Column {
        name: "adapter_description",
        unit: "",
        doc: "The same.",
        cell: |facts| of(facts.adapter, |adapter| Cell::text(&adapter.description)),
    },
    Column {
        name: "adapter_backend",
        unit: "",
        doc: "What the browser computes through, such as `vulkan`, `metal` or `D3D12`: Chromium says it, others don't.",
        cell: |facts| of(facts.adapter, |adapter| Cell::text(&adapter.backend)),
    },
    Column {
        name: "adapter_kind",
        unit: "",
        doc: "`hardware`, `software`, `unknown` where the browser does not say which, or `none` where a page had no WebGPU.",
        cell: |facts| of(facts.adapter_kind(), Cell::text),
    },
    Column {
        name: "threads",
        unit: "",
        doc: "Threads of wasm that there were.",
        cell: |facts| of(facts.ran.and_then(|ran| ran.threads), Cell::whole),
    },
    Column {
        name: "runtime",
        unit: "",
        doc: "The libraries with their versions.",
        cell: |facts| of(facts.ran, |ran| Cell::text(&ran.runtime)),
    },
    Column {
        name: "session_used",
        unit: "",
        doc: "The options of `[session.NAME]` that were seen to take effect, with their values; the others are warnings.",
        cell: |facts| of(facts.ran, |ran| Cell::text(session::used(&ran.session))),
    },
    Column {
        name: "webnn_context",
        unit: "",
        doc: "The WebNN context that was made.",
        cell: |facts| of(facts.ran, |ran| Cell::text(&ran.context)),
    },
    Column {
        name: "dispatches",
        unit: "",
        doc: "Of one inference, on the GPU or in WebNN.",
        cell: |facts| of(facts.ran.and_then(|ran| ran.dispatches), Cell::whole),
    },
    Column {
        name: "nodes",
        unit: "",
        doc: "Of an ONNX graph, as the runtime made it.",
        cell: |facts| of(facts.ran.and_then(|ran| ran.nodes), Cell::whole),
    },
    Column {
        name: "cpu_nodes",
        unit: "",
        doc: "Those left to the CPU.",
        cell: |facts| of(facts.ran.filter(|ran| ran.nodes.is_some()), |ran| Cell::whole(ran.cpu_nodes())),
    },
    Column {
        name: "gpu_memory_bytes",
        unit: "bytes",
        doc: "What the job holds on the GPU after its first inference: bytes of the buffers and textures that its engine has made and \
              neither destroyed nor lost to the garbage collector. Not in it: what gpujobs makes to check and to time the job, \
              and what browser and driver take beside that, which no page sees.",
        cell: |facts| of(facts.memory.live, Cell::whole),
    },
    Column {
        name: "gpu_memory_peak_bytes",
        unit: "bytes",
        doc: "The most of that at any moment, from the start of the job to its last sample; while its first output is checked \
              nothing is counted.",
        cell: |facts| of(facts.memory.peak, Cell::whole),
    },
    Column {
        name: "gpu_memory_growth_bytes",
        unit: "bytes",
        doc: "By how much it grows in an inference: the median slope between samples (Theil and Sen), in the later half of each \
              instance's; below zero where it shrinks. Empty below eight samples of an instance, first inference and warm-ups \
              included.",
        cell: |facts| of(facts.memory.growth, Cell::Float),
    },
    Column {
        name: "gpu_buffers_per_inference",
        unit: "",
        doc: "Buffers and textures that the engine makes in an inference of the steady state.",
        cell: |facts| of(facts.memory.made, Cell::Float),
    },
    Column {
        name: "js_heap_peak_bytes",
        unit: "bytes",
        doc: "JS heap of the job's document after the last sample, when the browser has collected its garbage \
              (`measureUserAgentSpecificMemory`), buffers of JS included, WebAssembly's not. Jobs of the engine `wgsl` share one \
              document and have what it holds. Only Chromium says it; empty elsewhere.",
        cell: |facts| of(facts.report.circumstances.heap, Cell::whole),
    },
    Column {
        name: "wasm_memory_bytes",
        unit: "bytes",
        doc: "WebAssembly memory of the job, which only grows: what it has after its last sample. Much of it may never have been \
              touched.",
        cell: |facts| of(facts.measurement.and_then(Measurement::wasm_bytes), Cell::whole),
    },
    Column {
        name: "browser_rss_peak_bytes",
        unit: "bytes",
        doc: "Resident memory of the processes of the browser and its driver, the most that was read: when the job was ready, and \
              after each of its turns. Other jobs that the browser holds are in it. On Linux without mapped files, which \
              processes share and the system can drop, so that it is less than what `ps` adds up to. Empty for a remote browser.",
        cell: |facts| of(facts.report.circumstances.resident, Cell::whole),
    },
];

const CORRECTNESS: &[Column] = &[
    Column {
        name: "verified",
        unit: "",
        doc: "Whether each output was within its tolerance of the reference; empty where there is none.",
        cell: |facts| of(facts.verified(), Cell::Flag),
    },
    Column {
        name: "reference",
        unit: "",
        doc: "Whose reference that is: `rust`, `file` (an `expect` of the user's), `onnxruntime`, or `wasm in BROWSER`; empty where not all was compared.",
        cell: |facts| of(facts.compared(), |check| Cell::text(&check.reference)),
    },
    Column {
        name: "max_abs_error",
        unit: "",
        doc: "Largest distance from it of all elements; empty where not all was compared.",
        cell: |facts| of(facts.compared().and_then(|check| check.verdict.max_abs_error), Cell::Float),
    },
    Column {
        name: "max_rel_error",
        unit: "",
        doc: "Largest over the tensors of: largest distance by largest element of the reference.",
        cell: |facts| of(facts.compared().and_then(|check| check.verdict.max_rel_error), Cell::Float),
    },
    Column {
        name: "output_digest",
        unit: "",
        doc: "SHA-256 of the outputs, the first 16 digits.",
        cell: |facts| of(facts.check, |check| Cell::text(&check.output_digest)),
    },
    Column {
        name: "tuning",
        unit: "",
        doc: "Engine `wgsl`: each kernel with its workgroup and the values of its parameters.",
        cell: |facts| of(facts.report.page.as_ref(), |page| Cell::text(&page.tuning)),
    },
    Column {
        name: "shader_digest",
        unit: "",
        doc: "SHA-256 of the WGSL, or of the ONNX files, the first 16 digits.",
        cell: |facts| of(facts.report.page.as_ref(), |page| Cell::text(&page.shader_digest)),
    },
];

const START_UP: &[Column] = &[
    Column {
        name: "session_start_ms",
        unit: "ms",
        doc: "Start of driver and browser.",
        cell: |facts| of(facts.session, |session| Cell::millis(session.session_start.into())),
    },
    Column {
        name: "page_ready_ms",
        unit: "ms",
        doc: "From the navigation to the page's first word.",
        cell: |facts| of(facts.session, |session| Cell::millis(session.page_ready.into())),
    },
    Column {
        name: "device_ready_ms",
        unit: "ms",
        doc: "`requestAdapter` and `requestDevice`.",
        cell: |facts| of(facts.phases, |phases| Cell::millis(phases.device_ready)),
    },
    Column {
        name: "model_load_ms",
        unit: "ms",
        doc: "Fetching and uploading inputs and weights.",
        cell: |facts| of(facts.phases, |phases| Cell::millis(phases.model_load)),
    },
    Column {
        name: "shader_compile_ms",
        unit: "ms",
        doc: "Making all pipelines: with precompilation it overlaps `model_load_ms`, without it lies inside `first_inference_ms`.",
        cell: |facts| of(facts.phases, |phases| Cell::millis(phases.shader_compile)),
    },
    Column {
        name: "first_inference_ms",
        unit: "ms",
        doc: "From the preparation of the first dispatch to its completion.",
        cell: |facts| of(facts.phases, |phases| Cell::millis(phases.first_inference)),
    },
    Column {
        name: "time_to_first_result_ms",
        unit: "ms",
        doc: "From the job's start to its first output, all of the above included.",
        cell: |facts| of(facts.phases, |phases| Cell::millis(phases.time_to_first_result)),
    },
];

const STEADY_STATE: &[Column] = &[
    Column {
        name: "samples",
        unit: "",
        doc: "Samples of the steady state.",
        cell: |facts| of(facts.wall, |wall| Cell::whole(wall.count as u64)),
    },
    Column {
        name: "warmup",
        unit: "",
        doc: "Inferences that warmed the job up.",
        cell: |facts| of(facts.measurement, |measurement| Cell::whole(measurement.warmups() as u64)),
    },
    Column {
        name: "iterations",
        unit: "",
        doc: "Inferences in each sample.",
        cell: |facts| of(facts.measurement.and_then(Measurement::iterations), Cell::whole),
    },
    Column {
        name: "wall_median_ms",
        unit: "ms",
        doc: "Wall time of an inference in the steady state.",
        cell: |facts| of(facts.wall, |times| Cell::Float(times.median)),
    },
    Column {
        name: "wall_low_ms",
        unit: "ms",
        doc: INTERVAL,
        cell: |facts| of(facts.wall.and_then(|times| times.interval), |interval| Cell::Float(interval.0)),
    },
    Column {
        name: "wall_high_ms",
        unit: "ms",
        doc: "The same.",
        cell: |facts| of(facts.wall.and_then(|times| times.interval), |interval| Cell::Float(interval.1)),
    },
    Column {
        name: "wall_p95_ms",
        unit: "ms",
        doc: "95 % of the samples took at most that.",
        cell: |facts| of(facts.wall, |times| Cell::Float(times.p95)),
    },
    Column {
        name: "gpu_median_ms",
        unit: "ms",
        doc: "GPU time of one; empty where its clock can't be believed.",
        cell: |facts| of(facts.gpu, |times| Cell::Float(times.median)),
    },
    Column {
        name: "gpu_low_ms",
        unit: "ms",
        doc: INTERVAL,
        cell: |facts| of(facts.gpu.and_then(|times| times.interval), |interval| Cell::Float(interval.0)),
    },
    Column {
        name: "gpu_high_ms",
        unit: "ms",
        doc: "The same.",
        cell: |facts| of(facts.gpu.and_then(|times| times.interval), |interval| Cell::Float(interval.1)),
    },
    Column {
        name: "gpu_p95_ms",
        unit: "ms",
        doc: "95 % of the samples took at most that.",
        cell: |facts| of(facts.gpu, |times| Cell::Float(times.p95)),
    },
    Column {
        name: "latency_median_ms",
        unit: "ms",
        doc: "Wall time of a single inference, submitted by itself and waited for; with `latency = true`.",
        cell: |facts| of(facts.latency, |times| Cell::Float(times.median)),
    },
    Column {
        name: "latency_raw_median_ms",
        unit: "ms",
        doc: "The same as an application sees it that only awaits: some browsers look for finished work late.",
        cell: |facts| of(facts.latency_raw, |times| Cell::Float(times.median)),
    },
    Column {
        name: "latency_low_ms",
        unit: "ms",
        doc: "The 95 % interval of the median by order statistics; empty below six samples.",
        cell: |facts| of(facts.latency.and_then(|times| times.interval), |interval| Cell::Float(interval.0)),
    },
    Column {
        name: "latency_high_ms",
        unit: "ms",
        doc: "The same.",
        cell: |facts| of(facts.latency.and_then(|times| times.interval), |interval| Cell::Float(interval.1)),
    },
    Column {
        name: "latency_p95_ms",
        unit: "ms",
        doc: "95 % of the samples took at most that.",
        cell: |facts| of(facts.latency, |times| Cell::Float(times.p95)),
    },
    Column {
        name: "throughput_per_s",
        unit: "1/s",
        doc: "Inputs a second (texts, images, sounds or tensors), by wall time: `batch` by `wall_median_ms`.",
        cell: |facts| of(facts.throughput_per_s(), Cell::Float),
    },
    Column {
        name: "gflops",
        unit: "GFLOP/s",
        doc: "Arithmetic of an inference by its GPU time, or by wall time where there is none.",
        cell: |facts| of(facts.gflops(), Cell::Float),
    },
    Column {
        name: "gbytes_per_s",
        unit: "GB/s",
        doc: "The same of its least traffic: each tensor of a stage once.",
        cell: |facts| of(facts.gbytes_per_s(), Cell::Float),
    },
    Column {
        name: "gpu_clock_mhz",
        unit: "MHz",
        doc: "Clock of the GPU's multiprocessors while samples were taken, median; where NVIDIA's management library is installed \
              and knows one GPU.",
        cell: |facts| of(facts.gpu_state().and_then(|state| state.clock_mhz), Cell::Float),
    },
    Column {
        name: "gpu_power_w",
        unit: "W",
        doc: "What the GPU drew meanwhile, median; what keeps it busy between samples is part of it.",
        cell: |facts| of(facts.gpu_state().and_then(|state| state.power_w), Cell::Float),
    },
    Column {
        name: "gpu_temperature_c",
        unit: "°C",
        doc: "Its temperature meanwhile, median.",
        cell: |facts| of(facts.gpu_state().and_then(|state| state.temperature_c), Cell::Float),
    },
    Column {
        name: "gpu_joules",
        unit: "J",
        doc: "`gpu_power_w` times the time of an inference, by the GPU's clock where there is one: an estimate, since a reading \
              of power takes longer than most inferences.",
        cell: |facts| of(facts.gpu_joules(), Cell::Float),
    },
    Column {
        name: "of_peak_gflops_percent",
        unit: "%",
        doc: "Share of what `[hardware]` says that the machine can compute.",
        cell: |facts| of(facts.of_peak_gflops(), Cell::Float),
    },
    Column {
        name: "of_peak_gbytes_percent",
        unit: "%",
        doc: "Share of what it says that its memory can move.",
        cell: |facts| of(facts.of_peak_gbytes(), Cell::Float),
    },
];

const TRUST: &[Column] = &[
    Column {
        name: "clock_step_us",
        unit: "µs",
        doc: "Smallest step of `performance.now`.",
        cell: |facts| of(facts.clocks, |clocks| Cell::Float(clocks.clock_step_us)),
    },
    Column {
        name: "timestamp_step_ns",
        unit: "ns",
        doc: "Step of GPU timestamps.",
        cell: |facts| of(facts.clocks.and_then(|clocks| clocks.timestamp_step_ns), Cell::Float),
    },
    Column {
        name: "timestamp_drift_percent",
        unit: "%",
        doc: "How much faster they advance than `performance.now`.",
        cell: |facts| of(facts.clocks.and_then(|clocks| clocks.timestamp_drift_percent), Cell::Float),
    },
    Column {
        name: "empty_submit_ms",
        unit: "ms",
        doc: "Latency of an empty submission as the harness waits for it.",
        cell: |facts| of(facts.clocks.and_then(|clocks| clocks.empty_submit_ms), Cell::Float),
    },
    Column {
        name: "empty_submit_raw_ms",
        unit: "ms",
        doc: "The same where the page just waits.",
        cell: |facts| of(facts.clocks.and_then(|clocks| clocks.empty_submit_raw_ms), Cell::Float),
    },
    Column {
        name: "other_load",
        unit: "",
        doc: "Processors that other programs kept busy while its samples were taken; empty where the system does not say.",
        cell: |facts| of(facts.report.circumstances.others, Cell::Float),
    },
    Column {
        name: "warnings",
        unit: "",
        doc: "What a reader has to know to trust the figures.",
        cell: |facts| Cell::text(facts.warnings()),
    },
];
