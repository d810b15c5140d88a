//! What a page says, exactly as it comes over the channel.
//!
//! A page is hostile until read: sizes are bounded where it is received, and a number here is finite and not
//! negative, or the message is refused.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::adapter::AdapterFacts;
use super::generation::RawGeneration;
use super::memory::GpuMemory;
use super::numbers::{figure, finite, iterations, millis, optional_figure, optional_millis, step};
use super::session::OptionEffect;
use super::webnn::WebNnCheck;
use crate::units::Nanos;

/// One message from a page.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum PageEvent {
    /// The page is there and listens.
    Hello {
        /// What it has.
        facts: PageFacts,
    },
    /// The adapter that a job would get.
    Probed {
        /// `None` where there is none.
        adapter: Option<AdapterFacts>,
        /// Bytes of the largest buffer that its shaders can be given.
        #[serde(rename = "largestBuffer", default, deserialize_with = "optional_figure")]
        largest_buffer: Option<f64>,
    },
    /// The job has given its first result, and the result was verified.
    Prepared(Box<RawPrepared>),
    /// One sample was taken.
    Sample {
        /// The sample.
        sample: RawSample,
    },
    /// How many inferences make a sample long enough.
    Piloted {
        /// In one submission, at least 1.
        #[serde(deserialize_with = "iterations")]
        iterations: u32,
        /// About how long one of them takes.
        #[serde(rename = "inferenceMs")]
        #[serde(deserialize_with = "millis")]
        #[cfg_attr(test, ts(type = "number"))]
        #[cfg_attr(test, ts(type = "number"))]
        inference: Nanos,
    },
    /// All samples that were asked for have been taken.
    Measured {},
    /// What each kernel costs.
    Profiled {
        /// The costliest first.
        kernels: Vec<RawKernel>,
    },
    /// What the job's document holds of the JS heap.
    Weighed {
        /// In bytes; `None` where the browser does not say.
        #[serde(rename = "heapBytes")]
        heap_bytes: Option<u64>,
    },
    /// This browser can't run the job.
    Unsupported {
        /// The browser's words.
        message: String,
    },
    /// The output is wrong.
    Incorrect {
        /// How the page saw it.
        message: String,
    },
    /// The job, or the page itself, failed.
    Failed {
        /// What was thrown or reported.
        message: String,
        /// What is wrong with a shader, where that is why.
        #[serde(default)]
        #[cfg_attr(test, ts(optional, as = "Option<Vec<RawFault>>"))]
        faults: Vec<RawFault>,
    },
    /// The GPU is gone in the middle of the job.
    Lost {
        /// What the browser said.
        message: String,
    },
    /// The page wrote on its console.
    Log {
        /// `log`, `info`, `warn` or `error`.
        level: String,
        /// What it wrote.
        text: String,
    },
}

/// What a browser's compiler says of a shader.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "ShaderFault"))]
pub struct RawFault {
    /// The shader, as the job names it.
    pub shader: String,
    /// Of its text, from 1.
    pub line: usize,
    /// In units of UTF-16, from 1; 0 where the compiler does not say.
    pub column: usize,
    /// The compiler's words.
    pub message: String,
}

/// A job's first result.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RawPrepared {
    /// The adapter that it got; `None` where no GPU computes.
    pub adapter: Option<AdapterFacts>,
    /// What really ran, beside the adapter.
    pub ran: ExecutionInfo,
    /// What the start cost.
    pub phases: RawPhases,
    /// What each part of the model cost, where there are parts.
    pub parts: Vec<RawPart>,
    /// The first inference as a sample.
    pub first: RawSample,
    /// The session's clocks.
    pub clocks: ClockFacts,
}

/// What the page's browser has.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each says whether one thing is there")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PageFacts {
    /// `navigator.userAgent`.
    pub user_agent: String,
    /// `isSecureContext`, which WebGPU needs; absent in what older versions recorded.
    #[serde(default)]
    pub secure_context: Option<bool>,
    /// `crossOriginIsolated`, which fine clocks and threads need.
    pub cross_origin_isolated: bool,
    /// Whether `SharedArrayBuffer` is there.
    pub shared_memory: bool,
    /// `navigator.hardwareConcurrency`.
    pub cores: u32,
    /// Whether `navigator.gpu` is there.
    pub webgpu: bool,
    /// Whether `navigator.ml` is there and makes a context.
    pub webnn: bool,
    /// Why it does not, in the browser's words.
    pub webnn_refusal: String,
    /// What a context computed and supports, where there is one; absent in what older versions recorded.
    #[serde(default)]
    pub webnn_check: Option<WebNnCheck>,
}

/// How good a session's clocks are.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ClockFacts {
    /// Smallest step of `performance.now`, in µs.
    #[serde(deserialize_with = "step")]
    pub clock_step_us: f64,
    /// Step of GPU timestamps in ns; `None` without timestamps.
    #[serde(default, deserialize_with = "optional_figure")]
    pub timestamp_step_ns: Option<f64>,
    /// How much faster GPU timestamps advance than `performance.now`, in percent, known to about one; `None` without
    /// timestamps.
    #[serde(default, deserialize_with = "finite")]
    pub timestamp_drift_percent: Option<f64>,
    /// Median latency of an empty submission as the harness waits, in ms; `None` where no GPU computes.
    #[serde(default, deserialize_with = "optional_figure")]
    pub empty_submit_ms: Option<f64>,
    /// The same where the page just waits, in ms: 100 in Firefox.
    #[serde(default, deserialize_with = "optional_figure")]
    pub empty_submit_raw_ms: Option<f64>,
}

/// What really ran, beyond what the adapter says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "Ran"))]
pub struct ExecutionInfo {
    /// The libraries with their versions; empty for the engine `wgsl`.
    pub runtime: String,
    /// Threads of wasm; `None` where none ran.
    pub threads: Option<u32>,
    /// Dispatches of one inference on the GPU or in `WebNN`; `None` where neither ran.
    pub dispatches: Option<u64>,
    /// The `WebNN` context; empty where none ran.
    pub context: String,
    /// Nodes of an ONNX model's graph, as the runtime made it; `None` where they are not known.
    pub nodes: Option<u32>,
    /// Those of them that the runtime left to the CPU though another backend was asked for, by operator.
    pub on_cpu: Vec<OnCpu>,
    /// Why it left them there, in its own words, each once; absent in what older versions recorded.
    #[serde(default)]
    pub why_on_cpu: Vec<String>,
    /// What became of each option that its sessions were given; empty where they were given none.
    #[serde(default)]
    pub session: Vec<OptionEffect>,
}

/// Nodes of one operator that ran on the CPU.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct OnCpu {
    /// The operator, for instance `Conv`.
    pub op: String,
    /// How many of them.
    pub count: u32,
}

/// What a part of a model cost until the first result.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "PartCost"))]
pub struct RawPart {
    /// The part's name.
    pub name: String,
    /// What was fetched.
    pub bytes: u64,
    /// The request of its first file, from when the job began.
    #[serde(deserialize_with = "millis")]
    #[cfg_attr(test, ts(type = "number"))]
    pub fetch_began_ms: Nanos,
    /// From the request of its first file to the end of its last.
    #[serde(deserialize_with = "millis")]
    #[cfg_attr(test, ts(type = "number"))]
    pub fetch_ms: Nanos,
    /// Making its session; of a part of the engine `wgsl`, handing its values to the GPU.
    #[serde(deserialize_with = "millis")]
    #[cfg_attr(test, ts(type = "number"))]
    pub create_ms: Nanos,
    /// Shaders and pipelines that were being made; null where it can't be measured by itself.
    #[serde(deserialize_with = "optional_millis")]
    #[cfg_attr(test, ts(type = "number | null"))]
    pub compile_ms: Option<Nanos>,
    /// Its first inference; null where it can't be measured by itself.
    #[serde(deserialize_with = "optional_millis")]
    #[cfg_attr(test, ts(type = "number | null"))]
    pub first_inference_ms: Option<Nanos>,
}

/// What a kernel cost.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "Kernel"))]
pub struct RawKernel {
    /// A node, a shader or a stage.
    pub name: String,
    /// What it computes, in the engine's words.
    pub op: String,
    /// In an inference.
    #[serde(deserialize_with = "figure")]
    pub dispatches: f64,
    /// All of them, in an inference.
    #[serde(deserialize_with = "millis")]
    #[cfg_attr(test, ts(type = "number"))]
    pub gpu_ms: Nanos,
}

/// [`Phases`](crate::measure::Phases) as the page says them, in ms.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "Phases"))]
pub struct RawPhases {
    /// `requestAdapter` and `requestDevice`.
    #[serde(deserialize_with = "millis")]
    #[cfg_attr(test, ts(type = "number"))]
    pub device_ready_ms: Nanos,
    /// Fetching and uploading inputs and weights.
    #[serde(deserialize_with = "millis")]
    #[cfg_attr(test, ts(type = "number"))]
    pub model_load_ms: Nanos,
    /// Making all pipelines.
    #[serde(deserialize_with = "millis")]
    #[cfg_attr(test, ts(type = "number"))]
    pub shader_compile_ms: Nanos,
    /// From the preparation of the first dispatch to its completion.
    #[serde(deserialize_with = "millis")]
    #[cfg_attr(test, ts(type = "number"))]
    pub first_inference_ms: Nanos,
    /// From the job's start to its first output.
    #[serde(deserialize_with = "millis")]
    #[cfg_attr(test, ts(type = "number"))]
    pub time_to_first_result_ms: Nanos,
}

/// [`Sample`](crate::measure::Sample) as the page says it, in ms.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "Sample"))]
pub struct RawSample {
    /// What it counts for.
    pub kind: SampleKind,
    /// Wall time of one inference.
    #[serde(deserialize_with = "millis")]
    #[cfg_attr(test, ts(type = "number"))]
    pub wall_ms: Nanos,
    /// GPU time of one inference.
    #[serde(deserialize_with = "optional_millis")]
    #[cfg_attr(test, ts(type = "number | null"))]
    pub gpu_ms: Option<Nanos>,
    /// Since the job began.
    #[serde(deserialize_with = "millis")]
    #[cfg_attr(test, ts(type = "number"))]
    pub at_ms: Nanos,
    /// Inferences in the submission, at least 1.
    #[serde(deserialize_with = "iterations")]
    pub iterations: u32,
    /// Whether the page was hidden meanwhile.
    pub hidden: bool,
    /// What the job holds on the GPU after it; `None` where no GPU computes.
    #[serde(default)]
    pub gpu_memory: Option<GpuMemory>,
    /// Bytes of its `WebAssembly.Memory`; `None` where it has none.
    #[serde(default)]
    pub wasm_bytes: Option<u64>,
    /// Of inferences that generate texts: when their tokens were there; empty for others.
    #[serde(default)]
    pub generations: Vec<RawGeneration>,
}

/// What a sample counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, strum::Display)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum SampleKind {
    /// The first inference: compilation, first touches and all.
    First,
    /// Run and not counted.
    Warmup,
    /// Counted.
    Steady,
    /// One inference submitted by itself and waited for, taken where it is asked for.
    Latency,
    /// The same, waited for as an application does that only awaits: however late its browser looks.
    LatencyRaw,
}

/// Reads one message: the number of the job that it speaks of, where it speaks of one, and what it says.
pub fn read(text: &str) -> Result<(Option<u64>, PageEvent), serde_json::Error> {
    #[derive(Deserialize)]
    struct Addressed {
        job: Option<u64>,
    }
    let Addressed { job } = serde_json::from_str(text)?;
    Ok((job, serde_json::from_str(text)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_is_refused() {
        assert!(read(r#"{"kind":"boast","message":"fast"}"#).is_err());
    }
}
