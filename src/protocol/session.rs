//! Options of onnxruntime-web's sessions: what a page is told of them, and what it found to have taken effect.
//!
//! Told by `render`, from `[session.NAME]` of the manifest; the page's answer stands in the row.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// The options of a job's sessions; null or empty leaves one to the runtime.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SessionSpec {
    /// How far the graph is optimised.
    #[cfg_attr(test, ts(type = "\"disabled\" | \"basic\" | \"extended\" | \"layout\" | \"all\" | null"))]
    pub graph_optimization_level: Option<&'static str>,
    /// Whether the GPU's commands are captured once and replayed.
    pub graph_capture: Option<bool>,
    /// Of images, on WebGPU.
    #[cfg_attr(test, ts(type = "\"NCHW\" | \"NHWC\" | null"))]
    pub preferred_layout: Option<&'static str>,
    /// Where outputs stay, on WebGPU.
    #[cfg_attr(test, ts(type = "\"cpu\" | \"gpu-buffer\" | null"))]
    pub preferred_output_location: Option<&'static str>,
    /// How buffers of tensors are kept for reuse.
    #[cfg_attr(test, ts(type = "\"disabled\" | \"lazyRelease\" | \"simple\" | \"bucket\" | null"))]
    pub storage_buffer_cache_mode: Option<&'static str>,
    /// The same of uniforms.
    #[cfg_attr(test, ts(type = "\"disabled\" | \"lazyRelease\" | \"simple\" | \"bucket\" | null"))]
    pub uniform_buffer_cache_mode: Option<&'static str>,
    /// The same of the profiler's timestamps.
    #[cfg_attr(test, ts(type = "\"disabled\" | \"lazyRelease\" | \"simple\" | \"bucket\" | null"))]
    pub query_resolve_buffer_cache_mode: Option<&'static str>,
    /// The same of all others.
    #[cfg_attr(test, ts(type = "\"disabled\" | \"lazyRelease\" | \"simple\" | \"bucket\" | null"))]
    pub default_buffer_cache_mode: Option<&'static str>,
    /// Whether memory of earlier runs plans that of later ones.
    pub enable_mem_pattern: Option<bool>,
    /// Whether memory is taken from an arena.
    pub enable_cpu_mem_arena: Option<bool>,
    /// How nodes that don't need each other run.
    #[cfg_attr(test, ts(type = "\"sequential\" | \"parallel\" | null"))]
    pub execution_mode: Option<&'static str>,
    /// Whether open dimensions are fixed from the job's shapes; null: they are.
    pub fix_dimensions: Option<bool>,
    /// Session config entries by their whole keys.
    #[cfg_attr(test, ts(type = "{ [key: string]: string }"))]
    pub extra: IndexMap<String, String>,
    /// Number formats of parts of a model of transformers.js, by the names of their files.
    #[cfg_attr(test, ts(type = "{ [part: string]: string }"))]
    pub dtype: IndexMap<String, String>,
    /// Backends of such parts.
    #[cfg_attr(test, ts(type = "{ [part: string]: \"webgpu\" | \"webnn\" | \"wasm\" }"))]
    pub device: IndexMap<String, &'static str>,
}

/// What became of an option that a session was given.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct OptionEffect {
    /// As the manifest names it, for instance `graph_capture`.
    pub option: String,
    /// What was asked for.
    pub value: String,
    /// What became of it.
    pub effect: Effect,
    /// How it is known, or why not.
    pub why: String,
}

/// What became of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Effect {
    /// It was seen to take effect.
    Taken,
    /// It was seen not to.
    Ignored,
    /// Nothing shows whether it did.
    Unknown,
}

/// The options that took effect, for instance `graph_capture=true, preferred_layout=NCHW`.
#[must_use]
pub fn used(effects: &[OptionEffect]) -> String {
    let taken = effects.iter().filter(|one| one.effect == Effect::Taken);
    taken.map(|one| format!("{}={}", one.option, one.value)).collect::<Vec<_>>().join(", ")
}
