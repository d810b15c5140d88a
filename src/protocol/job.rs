//! A job as the page reads it: everything that the page needs, and nothing that it has to decide.
//!
//! Made by `render`, read by the engines of `templates/harness/`.

use indexmap::IndexMap;
use serde::Serialize;

use super::ports::OnnxModelSpec;
use super::session::SessionSpec;

/// What every job has.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of the job by itself")]
pub struct Common {
    /// Position in the run; names the job in messages.
    pub number: u64,
    /// The stable readable key.
    pub id: String,
    /// What runs it.
    #[cfg_attr(test, ts(type = "\"wgsl\" | \"onnxruntime\" | \"transformers\" | \"module\""))]
    pub engine: &'static str,
    /// What computes.
    #[cfg_attr(test, ts(type = "\"webgpu\" | \"webnn\" | \"wasm\""))]
    pub backend: &'static str,
    /// All pipelines before the first inference, or each at its first use.
    pub shader_precompilation: bool,
    /// Parts fetched at the same time, or in turn.
    pub parallel_loading: bool,
    /// Whether a software adapter is a failure.
    pub require_hardware: bool,
    /// Which of several GPUs; null where the browser chooses.
    #[cfg_attr(test, ts(type = "\"high-performance\" | \"low-power\" | null"))]
    pub power_preference: Option<String>,
    /// Inferences after the first one that are not counted, at least.
    pub warmup: u32,
    /// Whether each inference of a sample is submitted by itself.
    pub queued: bool,
}

/// A job of the engine `wgsl`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct StagesJob {
    /// See there.
    #[serde(flatten)]
    pub common: Common,
    /// Sizes in bytes of the GPU buffers in which the tensors lie.
    pub buffers: Vec<u64>,
    /// The textures in which tensors lie.
    pub textures: Vec<TextureSpec>,
    /// Inputs, weights and results.
    pub tensors: Vec<TensorSpec>,
    /// What is loaded, in the order in which it is asked for.
    pub parts: Vec<PartSpec>,
    /// Each once.
    pub shaders: Vec<ShaderSpec>,
    /// In the order in which they are dispatched.
    pub stages: Vec<DispatchSpec>,
    /// Tensors that are the model's result.
    pub outputs: Vec<usize>,
}

/// A dense row-major array.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "Tensor"))]
pub struct TensorSpec {
    /// Unique in the job.
    pub name: String,
    /// Extents, outermost first.
    pub shape: Vec<usize>,
    /// Where its values come from.
    #[cfg_attr(test, ts(type = "\"input\" | \"weight\" | \"computed\""))]
    pub role: &'static str,
    /// How it is stored.
    #[cfg_attr(test, ts(type = "\"f32\" | \"f16\" | \"i32\" | \"u32\""))]
    pub element: &'static str,
    /// Bytes of its values as they are stored, one after the other: a multiple of 4.
    pub bytes: u64,
    /// Where it lies, from the buffer's beginning on; results that are not needed at the same time share one. Null for a
    /// texture.
    pub buffer: Option<usize>,
    /// The texture that it fills; null for a buffer.
    pub texture: Option<usize>,
}

/// A texture.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "Texture"))]
#[serde(rename_all = "camelCase")]
pub struct TextureSpec {
    /// In texels.
    pub width: usize,
    /// In texels.
    pub height: usize,
    /// As WebGPU names it.
    #[cfg_attr(test, ts(type = "GPUTextureFormat"))]
    pub format: &'static str,
    /// Bytes of a texel.
    pub texel_bytes: u64,
}

/// A sampler.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "Sampler"))]
pub struct SamplerSpec {
    /// Between texels.
    #[cfg_attr(test, ts(type = "GPUFilterMode"))]
    pub filter: &'static str,
    /// Beyond the edges, across and down.
    #[cfg_attr(test, ts(type = "[GPUAddressMode, GPUAddressMode]"))]
    pub address: [&'static str; 2],
}

/// Tensors that are loaded together.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "Part"))]
pub struct PartSpec {
    /// For messages.
    pub name: String,
    /// Where the bytes are: each tensor's values as it is stored, one tensor after the other, each from a multiple of 4 bytes on.
    pub url: Option<String>,
    /// In that order.
    pub tensors: Vec<usize>,
    /// For a page without a runner: how to make each tensor.
    pub sources: Vec<Option<TensorSource>>,
}

/// How a page without a runner makes a tensor: by the hash that `reference/fill.rs` uses, or from base64.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "Source"))]
#[serde(rename_all = "lowercase")]
pub enum TensorSource {
    /// `mean + spread * u` with u uniform in [-1, 1).
    Uniform {
        /// Picks the sequence.
        seed: u32,
        /// The middle of the range.
        mean: f32,
        /// Half the width of the range.
        spread: f32,
    },
    /// The values as they are stored.
    Base64(String),
}

/// A shader.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "Shader"))]
#[serde(rename_all = "camelCase")]
pub struct ShaderSpec {
    /// For messages.
    pub name: String,
    /// WGSL.
    pub code: String,
    /// The function of it that runs.
    pub entry_point: String,
    /// Constants that are overridden, by name.
    #[cfg_attr(test, ts(type = "Record<string, number>"))]
    pub constants: IndexMap<String, f64>,
}

/// A dispatch.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "Stage"))]
#[serde(rename_all = "camelCase")]
pub struct DispatchSpec {
    /// Unique in the job.
    pub name: String,
    /// Position among the shaders.
    pub shader: usize,
    /// Tensors bound in group 0 from binding 0 on.
    pub bindings: Vec<usize>,
    /// Those bindings that are uniform buffers.
    pub uniforms: Vec<usize>,
    /// Those bindings that are storage textures.
    pub storage_textures: Vec<usize>,
    /// Bound after the tensors.
    pub samplers: Vec<SamplerSpec>,
    /// Whether its shader asks how long its buffers are.
    pub asks_lengths: bool,
    /// Those of the tensors that it writes.
    pub outputs: Vec<usize>,
    /// Outputs that must hold something before the stage runs.
    pub starts: Vec<StartSpec>,
    /// Workgroups dispatched.
    pub grid: [u32; 3],
    /// Its shape.
    pub workgroup: [u32; 3],
    /// Workgroup memory that the shader declares.
    pub workgroup_bytes: u32,
    /// That its shader needs of the device.
    pub features: Vec<String>,
}

/// What an output holds before each run of its stage.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "Start"))]
pub struct StartSpec {
    /// The tensor.
    pub output: usize,
    /// The tensor of which it is a copy; null for zeros.
    pub copy: Option<usize>,
}

/// A job that runs in onnxruntime-web.
#[derive(Debug, Clone, Serialize)]
pub struct OnnxJob {
    /// See there.
    #[serde(flatten)]
    pub part: OnnxPart,
    /// What runs.
    #[serde(flatten)]
    pub program: ProgramSpec,
}

/// What all jobs have that run in onnxruntime-web.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct OnnxPart {
    /// See there.
    #[serde(flatten)]
    pub common: Common,
    /// The folder of onnxruntime-web's files, relative to the page.
    pub libraries: String,
    /// The folder of the model's files, relative to the page.
    pub root: &'static str,
    /// The model's files that are loaded; no others exist.
    pub files: Vec<ServedFile>,
    /// Of wasm; null where the engine chooses.
    pub threads: Option<u32>,
    /// Which device a `WebNN` context is asked for.
    #[cfg_attr(test, ts(type = "\"cpu\" | \"gpu\" | \"npu\""))]
    pub webnn_device: String,
    /// Extents that the model leaves open, by name.
    #[cfg_attr(test, ts(type = "{ [name: string]: number }"))]
    pub free_dimensions: IndexMap<String, usize>,
    /// Options of its sessions.
    pub session: SessionSpec,
}

/// A file of a model.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "ModelFile"))]
pub struct ServedFile {
    /// Below the root.
    pub path: String,
    /// Its size.
    pub bytes: u64,
}

/// What runs in onnxruntime-web.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum ProgramSpec {
    /// A task of transformers.js.
    Pipeline(Box<PipelineSpec>),
    /// An ONNX file.
    File(FileSpec),
}

/// What a job of the engine `transformers` has beside.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PipelineSpec {
    /// The id of the model.
    pub model: String,
    /// What is loaded of each part, by the name of its ONNX file without dtype and ending.
    #[cfg_attr(test, ts(type = "{ [part: string]: PartWeights }"))]
    pub weights: IndexMap<String, PartWeights>,
    /// As transformers.js names it.
    pub task: &'static str,
    /// The name of its ONNX file, without dtype and ending; null where it has the usual one.
    pub model_file_name: Option<String>,
    /// The folder of its ONNX files below the model's; empty for that itself.
    pub subfolder: String,
    /// Its ONNX models, with what they take and give.
    pub models: Vec<OnnxModelSpec>,
    /// Models that are loaded by themselves; null for a pipeline.
    pub parts: Option<Vec<TaskPart>>,
    /// In the order of the task's inputs.
    pub arguments: Vec<ArgumentSpec>,
    /// Passed to each call.
    #[cfg_attr(test, ts(type = "{ [name: string]: unknown }"))]
    pub options: serde_json::Map<String, serde_json::Value>,
    /// Texts are cut to so many tokens.
    pub tokens: Option<usize>,
    /// How a text goes on; null of tasks that generate none.
    pub generation: Option<GenerationSpec>,
}

/// How a text is generated. `options` says all that the library is told.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct GenerationSpec {
    /// Tokens of each prompt; null where the texts are taken as they are.
    pub prompt_tokens: Option<u32>,
    /// Tokens that are generated; null where the library decides.
    pub new_tokens: Option<u32>,
}

/// What is loaded of a part of a model.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PartWeights {
    /// Its ONNX file, one of `files`.
    pub file: String,
    /// Number format.
    pub dtype: String,
    /// What computes it.
    #[cfg_attr(test, ts(type = "\"webgpu\" | \"webnn\" | \"wasm\""))]
    pub device: &'static str,
}

/// A model of several that belong together.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TaskPart {
    /// As in `parts.csv`.
    pub name: &'static str,
    /// The class of transformers.js that loads it.
    pub model: &'static str,
    /// The class that prepares its input.
    pub processor: &'static str,
    /// The position of its input among the arguments.
    pub argument: usize,
    /// Its ONNX file, one of `files`.
    pub file: String,
}

/// An argument of a task: as many as the job's batch, one by itself where that is 1.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "Argument"))]
#[serde(rename_all = "lowercase")]
pub enum ArgumentSpec {
    /// Texts.
    Texts(Vec<String>),
    /// Candidate labels.
    Labels(Vec<String>),
    /// Base64 of f32, 16,000 samples a second.
    Sounds(Vec<String>),
    /// Images.
    Images(Vec<PictureSpec>),
}

/// An image.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "Picture"))]
pub struct PictureSpec {
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// Base64 of 8-bit red, green, blue.
    pub rgb: String,
}

/// What a job of the engine `onnxruntime` has beside.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FileSpec {
    /// The ONNX file, one of `files`.
    pub file: String,
    /// What it is given.
    pub feeds: Vec<OnnxInputSpec>,
}

/// An input of an ONNX file.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(rename = "FeedSpec"))]
pub struct OnnxInputSpec {
    /// As the file names it.
    pub name: String,
    /// As onnxruntime-web names it: `float32`, `int64`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Extents.
    pub shape: Vec<usize>,
    /// Little-endian.
    pub base64: String,
}
