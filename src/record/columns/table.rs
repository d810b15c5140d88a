//! The entries.

mod generation;
mod steady_state;
mod what_ran;

use super::{Column, ColumnGroup};
use crate::record::cell::CellKind::{Flag, Float, Text, Time, Whole};
use crate::record::cell::{Cell, of};

/// All columns.
pub static GROUPS: [ColumnGroup; 8] = [
    ColumnGroup { title: "identity", columns: IDENTITY, axes: false },
    // Those of the model stand behind its name.
    ColumnGroup { title: "axes", columns: MODEL, axes: true },
    ColumnGroup { title: "what really ran", columns: what_ran::COLUMNS, axes: false },
    ColumnGroup { title: "correctness", columns: CORRECTNESS, axes: false },
    ColumnGroup { title: "start-up", columns: START_UP, axes: false },
    ColumnGroup { title: "steady state", columns: steady_state::COLUMNS, axes: false },
    ColumnGroup { title: "text and sound", columns: generation::COLUMNS, axes: false },
    ColumnGroup { title: "trust", columns: TRUST, axes: false },
];

const IDENTITY: &[Column] = &[
    Column {
        name: "run_id",
        unit: "",
        kind: Text,
        doc: "The name of the run folder.",
        cell: |facts| Cell::text(&facts.context.run_id),
    },
    Column {
        name: "job_id",
        unit: "",
        kind: Text,
        doc: "A stable readable key made of the axes: the same job has the same one in every run and on every machine.",
        cell: |facts| Cell::text(&facts.report.job.id.0),
    },
    Column {
        name: "job_number",
        unit: "",
        kind: Whole,
        doc: "Its place among all jobs of the manifest, from 1, whichever of them run: rows that are sorted by it stand in the documented order.",
        cell: |facts| Cell::whole(facts.report.job.number),
    },
    Column {
        name: "machine",
        unit: "",
        kind: Text,
        doc: "The name that `--machine` or the manifest gives the machine; empty where nobody named it. Of a remote browser the \
              address of its node, after that name.",
        cell: |facts| Cell::text(facts.machine()),
    },
    Column {
        name: "manifest",
        unit: "",
        kind: Text,
        doc: "The manifest's name.",
        cell: |facts| Cell::text(&facts.context.manifest),
    },
    Column {
        name: "status",
        unit: "",
        kind: Text,
        doc: "`ok`, `incorrect` (ran, and the output is wrong: its times stay empty), `unsupported`, `failed`, `timed_out` or `skipped`.",
        cell: |facts| Cell::text(facts.report.status.to_string()),
    },
    Column {
        name: "reason",
        unit: "",
        kind: Text,
        doc: "Why it did not end well.",
        cell: |facts| Cell::text(&facts.report.reason),
    },
    Column {
        name: "attempts",
        unit: "",
        kind: Whole,
        doc: "How often it was tried.",
        cell: |facts| Cell::whole(facts.report.attempts),
    },
    Column {
        name: "group",
        unit: "",
        kind: Whole,
        doc: "Jobs with the same number took turns.",
        cell: |facts| of(facts.report.circumstances.group, |group| Cell::whole(group as u64)),
    },
    Column {
        name: "started_at",
        unit: "",
        kind: Time,
        doc: "When the last try began, RFC 3339, UTC.",
        cell: |facts| Cell::text(facts.report.started_at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()),
    },
];

const MODEL: &[Column] = &[
    Column {
        name: "family",
        unit: "",
        kind: Text,
        doc: "`text`, `vision`, `audio` or `multimodal`.",
        cell: |facts| of(facts.model, |model| Cell::text(model.family)),
    },
    Column {
        name: "engine",
        unit: "",
        kind: Text,
        doc: "What runs the model: `wgsl`, `onnxruntime`, `transformers` or `module`.",
        cell: |facts| of(facts.model, |model| Cell::text(model.engine)),
    },
    Column {
        name: "task",
        unit: "",
        kind: Text,
        doc: "The task of a model of transformers.js.",
        cell: |facts| of(facts.model, |model| Cell::text(&model.task)),
    },
];

const CORRECTNESS: &[Column] = &[
    Column {
        name: "verified",
        unit: "",
        kind: Flag,
        doc: "Whether each output was within its tolerance of the reference; empty where there is none.",
        cell: |facts| of(facts.verified(), Cell::Flag),
    },
    Column {
        name: "reference",
        unit: "",
        kind: Text,
        doc: "Whose reference that is: `rust`, `file` (an `expect` of the user's), `onnxruntime`, or `wasm in BROWSER`; empty where not all was compared.",
        cell: |facts| of(facts.compared(), |check| Cell::text(&check.reference)),
    },
    Column {
        name: "max_abs_error",
        unit: "",
        kind: Float,
        doc: "Largest distance from it of all elements; empty where not all was compared.",
        cell: |facts| of(facts.compared().and_then(|check| check.verdict.max_abs_error), Cell::Float),
    },
    Column {
        name: "max_rel_error",
        unit: "",
        kind: Float,
        doc: "Largest over the tensors of: largest distance by largest element of the reference.",
        cell: |facts| of(facts.compared().and_then(|check| check.verdict.max_rel_error), Cell::Float),
    },
    Column {
        name: "output_digest",
        unit: "",
        kind: Text,
        doc: "SHA-256 of the outputs, the first 16 digits.",
        cell: |facts| of(facts.check, |check| Cell::text(&check.output_digest)),
    },
    Column {
        name: "tuning",
        unit: "",
        kind: Text,
        doc: "Engine `wgsl`: each kernel with its workgroup and the values of its parameters.",
        cell: |facts| of(facts.report.page.as_ref(), |page| Cell::text(&page.tuning)),
    },
    Column {
        name: "shader_digest",
        unit: "",
        kind: Text,
        doc: "SHA-256 of the WGSL, or of the ONNX files, the first 16 digits.",
        cell: |facts| of(facts.report.page.as_ref(), |page| Cell::text(&page.shader_digest)),
    },
];

const START_UP: &[Column] = &[
    Column {
        name: "session_start_ms",
        unit: "ms",
        kind: Float,
        doc: "Start of driver and browser; empty where it waited in the queue of a Grid.",
        cell: |facts| of(facts.session.and_then(|session| session.session_start), |start| Cell::millis(start.into())),
    },
    Column {
        name: "page_ready_ms",
        unit: "ms",
        kind: Float,
        doc: "From the navigation to the page's first word.",
        cell: |facts| of(facts.session, |session| Cell::millis(session.page_ready.into())),
    },
    Column {
        name: "device_ready_ms",
        unit: "ms",
        kind: Float,
        doc: "`requestAdapter` and `requestDevice`.",
        cell: |facts| of(facts.phases, |phases| Cell::millis(phases.device_ready)),
    },
    Column {
        name: "model_load_ms",
        unit: "ms",
        kind: Float,
        doc: "Fetching and uploading inputs and weights.",
        cell: |facts| of(facts.phases, |phases| Cell::millis(phases.model_load)),
    },
    Column {
        name: "shader_compile_ms",
        unit: "ms",
        kind: Float,
        doc: "Making all pipelines: with precompilation it overlaps `model_load_ms`, without it lies inside `first_inference_ms`.",
        cell: |facts| of(facts.phases, |phases| Cell::millis(phases.shader_compile)),
    },
    Column {
        name: "first_inference_ms",
        unit: "ms",
        kind: Float,
        doc: "From the preparation of the first dispatch to its completion.",
        cell: |facts| of(facts.phases, |phases| Cell::millis(phases.first_inference)),
    },
    Column {
        name: "time_to_first_result_ms",
        unit: "ms",
        kind: Float,
        doc: "From the job's start to its first output, all of the above included.",
        cell: |facts| of(facts.phases, |phases| Cell::millis(phases.time_to_first_result)),
    },
];

const TRUST: &[Column] = &[
    Column {
        name: "clock_step_us",
        unit: "µs",
        kind: Float,
        doc: "Smallest step of `performance.now`.",
        cell: |facts| of(facts.clocks, |clocks| Cell::Float(clocks.clock_step_us)),
    },
    Column {
        name: "timestamp_step_ns",
        unit: "ns",
        kind: Float,
        doc: "Step of GPU timestamps.",
        cell: |facts| of(facts.clocks.and_then(|clocks| clocks.timestamp_step_ns), Cell::Float),
    },
    Column {
        name: "timestamp_drift_percent",
        unit: "%",
        kind: Float,
        doc: "How much faster they advance than `performance.now`.",
        cell: |facts| of(facts.clocks.and_then(|clocks| clocks.timestamp_drift_percent), Cell::Float),
    },
    Column {
        name: "empty_submit_ms",
        unit: "ms",
        kind: Float,
        doc: "Latency of an empty submission as the harness waits for it.",
        cell: |facts| of(facts.clocks.and_then(|clocks| clocks.empty_submit_ms), Cell::Float),
    },
    Column {
        name: "empty_submit_raw_ms",
        unit: "ms",
        kind: Float,
        doc: "The same where the page just waits.",
        cell: |facts| of(facts.clocks.and_then(|clocks| clocks.empty_submit_raw_ms), Cell::Float),
    },
    Column {
        name: "other_load",
        unit: "",
        kind: Float,
        doc: "Processors that other programs kept busy while its samples were taken; empty where the system does not say.",
        cell: |facts| of(facts.report.circumstances.others, Cell::Float),
    },
    Column {
        name: "warnings",
        unit: "",
        kind: Text,
        doc: "What a reader has to know to trust the figures.",
        cell: |facts| Cell::text(facts.warnings()),
    },
];
