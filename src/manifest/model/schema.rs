//! A model manifest exactly as written: everything optional, so that `check` can ask for what is missing.

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema};
use serde::Deserialize;
use toml::{Spanned, Value};

use super::number::Number;

/// A model: what it is given, and what runs.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "gpujobs model")]
pub struct ModelFile {
    /// `text`, `vision`, `audio` or `multimodal`.
    #[schemars(with = "Option<String>")]
    pub family: Option<Spanned<String>>,
    /// `wgsl` (the default), `transformers`, `onnxruntime` or `module`.
    #[schemars(with = "Option<String>")]
    pub engine: Option<Spanned<String>>,
    /// What it is for, for instance `automatic-speech-recognition`; what the pipeline of `transformers` does.
    #[schemars(with = "Option<String>")]
    pub task: Option<Spanned<String>>,
    /// One line for people.
    pub description: Option<String>,
    /// `transformers`: the model, a folder under the model store and its id on the hub.
    #[schemars(with = "Option<String>")]
    pub id: Option<Spanned<String>>,
    /// `onnxruntime`: the `.onnx` file, relative to this one or under the model store, or one of a registry's package, such as
    /// `pypi:silero-vad@6.2.3/silero_vad_16k_op15.onnx`; `module`: the ES module, relative to this one.
    #[schemars(with = "Option<String>")]
    pub file: Option<Spanned<String>>,
    /// `module`: the npm packages that it imports, each with an exact version, or with a folder that has it, relative to this
    /// file; or a table with `version` or `path`, and `entry`.
    #[schemars(with = "IndexMap<String, LibraryValue>")]
    pub libraries: IndexMap<Spanned<String>, Spanned<Value>>,
    /// `module`: files that it loads by `context.file`, relative to this one or under the model store.
    #[schemars(with = "Vec<String>")]
    pub files: Vec<Spanned<String>>,
    /// `wgsl`: a `.safetensors` file that weights with a `tensor` are read from, relative to this file or under the model
    /// store, or one of a registry's package, as `file` takes it; without it they are seeded.
    #[schemars(with = "Option<String>")]
    pub weights: Option<Spanned<String>>,
    /// `transformers`: passed to each call, for instance `{ pooling = "mean", normalize = true }`; `model_file_name` names the
    /// ONNX file instead of `model`, and `subfolder` the folder in which it lies instead of `onnx`.
    #[schemars(with = "Option<IndexMap<String, serde_json::Value>>")]
    pub options: Option<Spanned<toml::Table>>,
    /// `transformers`: texts are cut to so many tokens.
    #[schemars(with = "Option<Extent>")]
    pub tokens: Option<Spanned<Value>>,
    /// Numbers that a job's manifest, or an axis of the same name, may override.
    #[schemars(with = "IndexMap<String, f64>")]
    pub params: IndexMap<Spanned<String>, Spanned<f64>>,
    /// Whole numbers computed from params, earlier dims and the job's variables.
    #[schemars(with = "IndexMap<String, Extent>")]
    pub dims: IndexMap<Spanned<String>, Spanned<Value>>,
    /// What is given to the model.
    #[schemars(with = "Vec<InputEntry>")]
    pub input: Vec<Spanned<InputEntry>>,
    /// One dispatch each, in the order of the file.
    #[schemars(with = "Vec<StageEntry>")]
    pub stage: Vec<Spanned<StageEntry>>,
    /// Stages repeated.
    #[schemars(with = "Vec<BlockEntry>")]
    pub block: Vec<Spanned<BlockEntry>>,
    /// `onnxruntime`, `module`: outputs whose values are known, by their names; native onnxruntime is not asked about them.
    #[schemars(with = "IndexMap<String, ExpectEntry>")]
    pub expect: IndexMap<Spanned<String>, Spanned<ExpectEntry>>,
    /// Tensors that are read back; by default the last stage's outputs.
    #[schemars(with = "Option<Vec<String>>")]
    pub output: Option<Vec<Spanned<String>>>,
}

/// The JSON Schema of a model's file, draft 2020-12.
#[must_use]
pub fn json_schema() -> Schema {
    crate::manifest::schema::schema_of::<ModelFile>()
}

/// What is given to the model.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InputEntry {
    /// The tensor's name.
    #[schemars(with = "Option<String>")]
    pub name: Option<Spanned<String>>,
    /// Extents, outermost first: numbers, names of dims or expressions.
    #[schemars(with = "Option<Vec<Extent>>")]
    pub shape: Option<Spanned<Value>>,
    /// `uniform` (the default), `zeros`, `ones`, `tokens` (whole numbers, with `below`), `speech` or a named table.
    #[schemars(with = "Option<String>")]
    pub fill: Option<Spanned<String>>,
    /// Picks the sequence; by default a hash of the name.
    pub seed: Option<u32>,
    /// The middle of a uniform fill.
    pub mean: Option<f32>,
    /// Half the width of a uniform fill.
    pub spread: Option<f32>,
    /// `wgsl`, `module`: how its values are stored: `f32` (the default), `f16`, `i32` or `u32`.
    #[serde(rename = "type")]
    #[schemars(with = "Option<String>")]
    pub element: Option<Spanned<String>>,
    /// `wgsl`: it lies in a texture of this format, for instance `rgba8unorm`; its `shape` is `[height, width]`.
    #[schemars(with = "Option<String>")]
    pub texture: Option<Spanned<String>>,
    /// `wgsl`, `onnxruntime`, `module`: the values themselves, in row-major order; repeated where the shape holds a multiple of them.
    #[schemars(with = "Option<Vec<f64>>")]
    pub values: Option<Spanned<Vec<Number>>>,
    /// `wgsl`, `onnxruntime`, `module`: which of the arrays of an `.npz` in `file`.
    pub array: Option<String>,
    /// The values of a fill with `tokens`, or of a whole-number input of `onnxruntime`, are 0 up to this, exclusive.
    #[schemars(with = "Option<Extent>")]
    pub below: Option<Spanned<Value>>,
    /// `transformers`: a text, or several.
    #[schemars(with = "Option<Texts>")]
    pub text: Option<Spanned<Value>>,
    /// `transformers`: so many words of a seeded text.
    #[schemars(with = "Option<Extent>")]
    pub words: Option<Spanned<Value>>,
    /// `transformers`: candidate labels.
    #[schemars(with = "Option<Vec<String>>")]
    pub labels: Option<Spanned<Value>>,
    /// `transformers`: so many samples of a voice-like sound, 16,000 a second.
    #[schemars(with = "Option<Extent>")]
    pub samples: Option<Spanned<Value>>,
    /// `transformers`: the width of a seeded image.
    #[schemars(with = "Option<Extent>")]
    pub width: Option<Spanned<Value>>,
    /// `transformers`: the height of a seeded image; default its width.
    #[schemars(with = "Option<Extent>")]
    pub height: Option<Spanned<Value>>,
    /// `transformers`: a text, a WAV, a PNG or a JPEG; of the other engines numbers as .npy, .npz, .f32, .f16, .i32 or .u32, or
    /// the bytes of a PNG or a JPEG, `[height, width, 4]`. Relative to this file.
    #[schemars(with = "Option<String>")]
    pub file: Option<Spanned<String>>,
}

/// One dispatch.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StageEntry {
    /// Unique; weights are named `NAME.KEY`.
    #[schemars(with = "Option<String>")]
    pub name: Option<Spanned<String>>,
    /// What it must compute: an op that gpujobs knows, or a name of your own.
    #[schemars(with = "Option<String>")]
    pub op: Option<Spanned<String>>,
    /// Template under the shader folders; by default `OP.wgsl`.
    pub shader: Option<String>,
    /// Tensors that it reads.
    #[serde(rename = "in")]
    #[schemars(with = "Vec<String>")]
    pub inputs: Vec<Spanned<String>>,
    /// Weights by the shader's name for them: a shape, or a table with `shape`, `fill`, `seed`, `mean`, `spread`.
    #[schemars(with = "IndexMap<String, WeightValue>")]
    pub weights: IndexMap<Spanned<String>, Spanned<Value>>,
    /// Tensors that it writes: a shape, or a table with `shape`, `type` or `texture`, and `start`.
    #[schemars(with = "IndexMap<String, OutputValue>")]
    pub out: IndexMap<Spanned<String>, Spanned<Value>>,
    /// Parameters of the op; a text that begins with `=` is an expression.
    #[schemars(with = "IndexMap<String, ParamValue>")]
    pub params: IndexMap<Spanned<String>, Spanned<Value>>,
    /// Samplers by the shader's name for them, for instance `{ smooth = { filter = "linear", address = "clamp-to-edge" } }`.
    #[schemars(with = "IndexMap<String, SamplerEntry>")]
    pub samplers: IndexMap<Spanned<String>, Spanned<SamplerEntry>>,
    /// The shader's entry point, where it has several.
    #[schemars(with = "Option<String>")]
    pub entry: Option<Spanned<String>>,
    /// The output from a file, for an op without a reference.
    #[schemars(with = "Option<ExpectEntry>")]
    pub expect: Option<Spanned<ExpectEntry>>,
}

/// Stages repeated.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BlockEntry {
    /// How often: a number or an expression.
    #[schemars(with = "Option<Extent>")]
    pub times: Option<Spanned<Value>>,
    /// The name of the index; by default `i`.
    #[schemars(with = "Option<String>")]
    pub index: Option<Spanned<String>>,
    /// What is repeated.
    #[schemars(with = "Vec<StageEntry>")]
    pub stage: Vec<Spanned<StageEntry>>,
}

/// `expect = { file = "y.npy", tolerance = 1e-5 }`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectEntry {
    /// The values of a stage's first output, or of the model's output: .npy, .npz, or raw little-endian ones in .f32, .f16,
    /// .i32 or .u32; of a texture of bytes also a PNG. Relative to the model's file.
    #[schemars(with = "Option<String>")]
    pub file: Option<Spanned<String>>,
    /// Which of the arrays of an `.npz`.
    pub array: Option<String>,
    /// `module`: instead of a file, another model of the engine `wgsl` or `onnxruntime`, which gpujobs computes itself from the
    /// same inputs.
    #[schemars(with = "Option<String>")]
    pub model: Option<Spanned<String>>,
    /// `module`: the output of that model; default the one of the same name.
    pub output: Option<String>,
    /// How far an element of floats may be off, as a share of its size or of the root mean square of all, whichever is
    /// larger; default 1e-5, for `onnxruntime` and `module` that of the dtype. Whole numbers must be equal.
    pub tolerance: Option<f64>,
    /// How far an element of floats may be off whatever the sizes; default 0.
    pub absolute: Option<f64>,
}

/// An extent: a whole number, the name of a dim, or an expression. At least 1; of `[dims]` and inputs of `onnxruntime` also 0.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its JSON Schema is used: as serde types, untagged enums lose spans")]
enum Extent {
    /// A whole number.
    Number(u32),
    /// An expression.
    Expression(String),
}

/// A weight: its shape, or a table.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its JSON Schema is used: as serde types, untagged enums lose spans")]
enum WeightValue {
    /// The shape, filled as its name and rank suggest.
    Shape(Vec<Extent>),
    /// Shape and fill.
    Table(Box<WeightEntry>),
}

/// A sampler.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SamplerEntry {
    /// Between texels: `nearest` (the default) or `linear`.
    #[schemars(with = "Option<String>")]
    pub filter: Option<Spanned<String>>,
    /// Beyond the edges: `clamp-to-edge` (the default), `repeat` or `mirror-repeat`; two of them for across and down.
    #[schemars(with = "Option<AddressValue>")]
    pub address: Option<Spanned<Value>>,
}

/// A package: its version or its folder, or a table.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its JSON Schema is used: as serde types, untagged enums lose spans")]
enum LibraryValue {
    /// An exact version, or a folder.
    Source(String),
    /// Version or folder, and the file.
    Table(LibraryEntry),
}

/// A package.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LibraryEntry {
    /// The exact version, such as "4.22.0", which `gpujobs setup MANIFEST` installs.
    pub version: Option<String>,
    /// A folder instead, relative to the model's file: the package itself, or one that has it, by itself or in its `node_modules`.
    pub path: Option<String>,
    /// The file of it that its name stands for, such as "dist/index.mjs"; by default the one that its `package.json` names.
    pub entry: Option<String>,
}

/// A text, or several.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its JSON Schema is used: as serde types, untagged enums lose spans")]
enum Texts {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

/// What a sampler gives beyond the edges.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its JSON Schema is used: as serde types, untagged enums lose spans")]
enum AddressValue {
    /// Both ways the same.
    Both(String),
    /// Across and down.
    Each([String; 2]),
}

/// An output: its shape, or a table.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its JSON Schema is used: as serde types, untagged enums lose spans")]
enum OutputValue {
    /// The shape, of f32.
    Shape(Vec<Extent>),
    /// Shape, type and start.
    Table(OutputEntry),
}

/// An output with its type.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OutputEntry {
    /// Extents, outermost first.
    #[schemars(with = "Option<Vec<Extent>>")]
    pub shape: Option<Value>,
    /// How its values are stored: `f32` (the default), `f16`, `i32` or `u32`.
    #[serde(rename = "type")]
    pub element: Option<String>,
    /// It lies in a texture of this format, for instance `rgba8unorm`; its `shape` is `[height, width]`.
    pub texture: Option<String>,
    /// What it holds before the stage runs: `zeros`, or a tensor of which it is a copy; by default a pattern that shows what
    /// was not written.
    pub start: Option<String>,
}

/// A weight with its fill.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WeightEntry {
    /// Extents, outermost first.
    #[schemars(with = "Option<Vec<Extent>>")]
    pub shape: Option<Value>,
    /// `uniform` (the default), `zeros`, `ones` or a named table.
    pub fill: Option<String>,
    /// Picks the sequence.
    pub seed: Option<u32>,
    /// The middle of a uniform fill.
    pub mean: Option<f32>,
    /// Half the width of a uniform fill.
    pub spread: Option<f32>,
    /// Its name in the model's file of weights, or several that are joined along the last axis.
    #[schemars(with = "Option<Texts>")]
    pub tensor: Option<Value>,
    /// Whether a matrix is stored as its transpose, as `PyTorch`'s linear layers are.
    pub transpose: bool,
    /// The stored axes in the order in which the weight has them, for instance `[2, 3, 1, 0]` for
    /// `PyTorch`'s 2-D kernels.
    pub permute: Option<Vec<usize>>,
}

/// The value of a stage parameter.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its JSON Schema is used: as serde types, untagged enums lose spans")]
enum ParamValue {
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A text, or an expression after `=`.
    Text(String),
}
