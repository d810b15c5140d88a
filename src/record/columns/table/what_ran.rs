//! The columns of what really ran: browser, adapter, backend, libraries, memory.

use super::super::Column;
use crate::measure::Measurement;
use crate::protocol::session;
use crate::record::cell::CellKind::{Flag, Float, Text, Whole};
use crate::record::cell::{Cell, of};

pub(super) const COLUMNS: &[Column] = &[
    Column {
        name: "backend_used",
        unit: "",
        kind: Text,
        doc: "What computed; `webgpu+cpu` where a part of the model ran on the CPU.",
        cell: |facts| of(facts.backend_used(), Cell::text),
    },
    Column {
        name: "fallback_reason",
        unit: "",
        kind: Text,
        doc: "Why it is not the backend that was asked for.",
        cell: |facts| Cell::text(&facts.report.fallback_reason),
    },
    Column {
        name: "browser_version",
        unit: "",
        kind: Text,
        doc: "The browser's version.",
        cell: |facts| of(facts.session, |session| Cell::text(&session.browser_version)),
    },
    Column {
        name: "driver_version",
        unit: "",
        kind: Text,
        doc: "Its driver's version; some don't say.",
        cell: |facts| of(facts.session, |session| Cell::text(&session.driver_version)),
    },
    Column {
        name: "headless",
        unit: "",
        kind: Flag,
        doc: "Whether it ran without a window.",
        cell: |facts| of(facts.session, |session| Cell::Flag(session.headless)),
    },
    Column {
        name: "os",
        unit: "",
        kind: Text,
        doc: "Of the machine that the browser ran on.",
        cell: |facts| Cell::text(facts.os()),
    },
    Column {
        name: "cpu",
        unit: "",
        kind: Text,
        doc: "Its processor, with the number of cores; empty where the browser ran at a remote endpoint, which does not say.",
        cell: |facts| Cell::text(facts.cpu()),
    },
    Column {
        name: "adapter_vendor",
        unit: "",
        kind: Text,
        doc: "`GPUAdapterInfo`: empty where the browser hides it.",
        cell: |facts| of(facts.adapter, |adapter| Cell::text(&adapter.vendor)),
    },
    Column {
        name: "adapter_architecture",
        unit: "",
        kind: Text,
        doc: "The same.",
        cell: |facts| of(facts.adapter, |adapter| Cell::text(&adapter.architecture)),
    },
    Column {
        name: "adapter_device",
        unit: "",
        kind: Text,
        doc: "The same.",
        cell: |facts| of(facts.adapter, |adapter| Cell::text(&adapter.device)),
    },
    Column {
        name: "adapter_description",
        unit: "",
        kind: Text,
        doc: "The same.",
        cell: |facts| of(facts.adapter, |adapter| Cell::text(&adapter.description)),
    },
    Column {
        name: "adapter_backend",
        unit: "",
        kind: Text,
        doc: "What the browser computes through, such as `vulkan`, `metal` or `D3D12`: Chromium says it, others don't.",
        cell: |facts| of(facts.adapter, |adapter| Cell::text(&adapter.backend)),
    },
    Column {
        name: "adapter_driver",
        unit: "",
        kind: Text,
        doc: "The GPU's driver with its version: Chromium says it, others don't.",
        cell: |facts| of(facts.adapter, |adapter| Cell::text(&adapter.driver)),
    },
    Column {
        name: "adapter_kind",
        unit: "",
        kind: Text,
        doc: "`hardware`, `software`, `unknown` where the browser does not say which, or `none` where a page had no WebGPU.",
        cell: |facts| of(facts.adapter_kind(), Cell::text),
    },
    Column {
        name: "threads",
        unit: "",
        kind: Whole,
        doc: "Threads of wasm that there were.",
        cell: |facts| of(facts.ran.and_then(|ran| ran.threads), Cell::whole),
    },
    Column {
        name: "runtime",
        unit: "",
        kind: Text,
        doc: "The libraries with their versions.",
        cell: |facts| of(facts.ran, |ran| Cell::text(&ran.runtime)),
    },
    Column {
        name: "session_used",
        unit: "",
        kind: Text,
        doc: "The options of `[session.NAME]` that were seen to take effect, with their values; the others are warnings.",
        cell: |facts| of(facts.ran, |ran| Cell::text(session::used(&ran.session))),
    },
    Column {
        name: "webnn_context",
        unit: "",
        kind: Text,
        doc: "The WebNN context that was made.",
        cell: |facts| of(facts.ran, |ran| Cell::text(&ran.context)),
    },
    Column {
        name: "dispatches",
        unit: "",
        kind: Whole,
        doc: "Of one inference, on the GPU or in WebNN.",
        cell: |facts| of(facts.ran.and_then(|ran| ran.dispatches), Cell::whole),
    },
    Column {
        name: "nodes",
        unit: "",
        kind: Whole,
        doc: "Of an ONNX graph, as the runtime made it.",
        cell: |facts| of(facts.ran.and_then(|ran| ran.nodes), Cell::whole),
    },
    Column {
        name: "cpu_nodes",
        unit: "",
        kind: Whole,
        doc: "Those left to the CPU.",
        cell: |facts| of(facts.ran.filter(|ran| ran.nodes.is_some()), |ran| Cell::whole(ran.cpu_nodes())),
    },
    Column {
        name: "gpu_memory_bytes",
        unit: "bytes",
        kind: Whole,
        doc: "What the job holds on the GPU after its first inference: bytes of the buffers and textures that its engine has made and \
              neither destroyed nor lost to the garbage collector. Not in it: what gpujobs makes to check and to time the job, \
              and what browser and driver take beside that, which no page sees.",
        cell: |facts| of(facts.memory.live, Cell::whole),
    },
    Column {
        name: "gpu_memory_peak_bytes",
        unit: "bytes",
        kind: Whole,
        doc: "The most of that at any moment, from the start of the job to its last sample; while its first output is checked \
              nothing is counted.",
        cell: |facts| of(facts.memory.peak, Cell::whole),
    },
    Column {
        name: "gpu_memory_growth_bytes",
        unit: "bytes",
        kind: Float,
        doc: "By how much it grows in an inference: the median slope between samples (Theil and Sen), in the later half of each \
              instance's; below zero where it shrinks. Empty below eight samples of an instance, first inference and warm-ups \
              included.",
        cell: |facts| of(facts.memory.growth, Cell::Float),
    },
    Column {
        name: "gpu_buffers_per_inference",
        unit: "",
        kind: Float,
        doc: "Buffers and textures that the engine makes in an inference of the steady state.",
        cell: |facts| of(facts.memory.made, Cell::Float),
    },
    Column {
        name: "js_heap_peak_bytes",
        unit: "bytes",
        kind: Whole,
        doc: "JS heap of the job's document after the last sample, when the browser has collected its garbage \
              (`measureUserAgentSpecificMemory`), buffers of JS included, WebAssembly's not. Jobs of the engine `wgsl` share one \
              document and have what it holds. Only Chromium says it; empty elsewhere.",
        cell: |facts| of(facts.report.circumstances.heap, Cell::whole),
    },
    Column {
        name: "wasm_memory_bytes",
        unit: "bytes",
        kind: Whole,
        doc: "WebAssembly memory of the job, which only grows: what it has after its last sample. Much of it may never have been \
              touched.",
        cell: |facts| of(facts.measurement.and_then(Measurement::wasm_bytes), Cell::whole),
    },
    Column {
        name: "browser_rss_peak_bytes",
        unit: "bytes",
        kind: Whole,
        doc: "Resident memory of the processes of the browser and its driver, the most that was read: when the job was ready, and \
              after each of its turns. Other jobs that the browser holds are in it. On Linux without mapped files, which \
              processes share and the system can drop, so that it is less than what `ps` adds up to. Empty for a remote browser.",
        cell: |facts| of(facts.report.circumstances.resident, Cell::whole),
    },
];
