//! Session options are what onnxruntime-web is told when it makes a job's sessions: `[session.NAME]`, chosen by the axis
//! `session`.
//!
//! Read here, checked by `check`; `render` passes them to the page, which says what became of each.

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use strum::VariantNames;

use super::Backend;
use super::axes::DTYPES;
use super::values::At;

/// The values of `graph_optimization_level`.
pub const OPTIMIZATION_LEVELS: [&str; 5] = ["disabled", "basic", "extended", "layout", "all"];
/// The values of `preferred_layout`.
pub const LAYOUTS: [&str; 2] = ["NCHW", "NHWC"];
/// The values of `preferred_output_location`.
pub const LOCATIONS: [&str; 2] = ["cpu", "gpu-buffer"];
/// The values of the buffer cache modes.
pub const CACHE_MODES: [&str; 4] = ["disabled", "lazyRelease", "simple", "bucket"];
/// The values of `execution_mode`.
pub const EXECUTION_MODES: [&str; 2] = ["sequential", "parallel"];

/// Options of the sessions of models of ONNX; what is left out is left to the runtime.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SessionFile {
    /// How far the runtime optimises the graph; its own default is all.
    #[schemars(schema_with = "levels")]
    pub graph_optimization_level: Option<At<String>>,
    /// true: WebGPU's commands are captured at the first inference and replayed by later ones.
    pub graph_capture: Option<At<bool>>,
    /// How images lie in memory on WebGPU.
    #[schemars(schema_with = "layouts")]
    pub preferred_layout: Option<At<String>>,
    /// Where WebGPU leaves outputs; by default on the GPU, in a task of transformers.js as it asks.
    #[schemars(schema_with = "locations")]
    pub preferred_output_location: Option<At<String>>,
    /// How WebGPU's buffers of tensors are kept for reuse.
    #[schemars(schema_with = "cache_modes")]
    pub storage_buffer_cache_mode: Option<At<String>>,
    /// The same of uniforms.
    #[schemars(schema_with = "cache_modes")]
    pub uniform_buffer_cache_mode: Option<At<String>>,
    /// The same of the profiler's timestamps.
    #[schemars(schema_with = "cache_modes")]
    pub query_resolve_buffer_cache_mode: Option<At<String>>,
    /// The same of all other buffers.
    #[schemars(schema_with = "cache_modes")]
    pub default_buffer_cache_mode: Option<At<String>>,
    /// Whether the memory of earlier inferences plans that of later ones; WebGPU turns it off.
    pub enable_mem_pattern: Option<bool>,
    /// Whether memory on the CPU is taken from an arena.
    pub enable_cpu_mem_arena: Option<bool>,
    /// Whether nodes that don't need each other run one after the other.
    #[schemars(schema_with = "execution_modes")]
    pub execution_mode: Option<At<String>>,
    /// false: open dimensions of a model stay open, as an application that doesn't name its shapes leaves them; by default they
    /// are fixed from the job's shapes.
    pub fix_dimensions: Option<bool>,
    /// Session config entries, passed on as they are, such as { `session.disable_prepacking` = "1" }.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub extra: Option<At<toml::Table>>,
    /// Number formats of parts of a model of transformers.js, as { `encoder_model` = "fp32" }; the others have the job's.
    #[schemars(schema_with = "part_dtypes")]
    pub dtype: IndexMap<At<String>, At<String>>,
    /// What computes parts of a model of transformers.js, as { `decoder_model_merged` = "wasm" }; the others run on the
    /// job's backend.
    #[schemars(schema_with = "part_devices")]
    pub device: IndexMap<At<String>, At<String>>,
}

fn levels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": OPTIMIZATION_LEVELS })
}

fn layouts(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": LAYOUTS })
}

fn locations(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": LOCATIONS })
}

fn cache_modes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": CACHE_MODES })
}

fn execution_modes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": EXECUTION_MODES })
}

fn part_dtypes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": { "enum": DTYPES } })
}

fn part_devices(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": { "enum": Backend::VARIANTS } })
}
