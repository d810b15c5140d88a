//! The stages of a `wgsl` model, before a job's values are known.

use std::path::PathBuf;

use indexmap::IndexMap;
use toml::Spanned;

use super::Expr;
use super::element::Element;
use super::texture::{Sampler, TextureFormat};
use crate::arrays::{self, Header, Numbers};

/// Stages over named tensors.
#[derive(Debug, Clone, PartialEq)]
pub struct Stages {
    /// What is given to the model.
    pub inputs: Vec<Input>,
    /// Stages and blocks in the order of the file.
    pub items: Vec<Item>,
    /// Names of the tensors that are read back; never empty.
    pub output: Vec<String>,
    /// A `.safetensors` file, relative to the model's own, else under the model store; without it weights are seeded.
    pub weights: Option<PathBuf>,
}

/// A tensor made before the run and given to the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The tensor's name.
    pub name: String,
    /// Extents, outermost first.
    pub shape: Vec<Expr>,
    /// How its values are stored; with the dtype `fp16`, floats are f16 all the same.
    pub element: Element,
    /// Of the texture in which it lies, if it does.
    pub texture: Option<TextureFormat>,
    /// Where its values come from.
    pub values: InputValues,
}

/// Where an input's values come from.
#[derive(Debug, Clone, PartialEq)]
pub enum InputValues {
    /// Made like a weight's.
    Filled(FillSpec),
    /// Whole numbers from 0 up to `below`, exclusive.
    Tokens {
        /// One more than the largest.
        below: Expr,
        /// Picks the sequence; by default a hash of the tensor's name.
        seed: Option<u32>,
    },
    /// As written; repeated where the shape holds a multiple of them.
    Given(Numbers),
    /// From a file.
    File(ArrayFile),
}

/// How values are made, before shapes are known.
#[derive(Debug, Clone, PartialEq)]
pub struct FillSpec {
    /// Which values.
    pub kind: FillKind,
    /// Picks the sequence; by default a hash of the tensor's name.
    pub seed: Option<u32>,
}

/// Which values a tensor has.
#[derive(Debug, Clone, PartialEq)]
pub enum FillKind {
    /// Uniform in mean ± spread; what is absent follows from the shape (see `graph`).
    Uniform {
        /// The middle of the range.
        mean: Option<f32>,
        /// Half the width of the range.
        spread: Option<f32>,
    },
    /// One of [`NAMED_FILLS`].
    Named(String),
}

/// Tables and signals that `reference::fill` computes; each reads its sizes from the tensor's shape.
pub const NAMED_FILLS: [&str; 5] = ["speech", "dft_cos", "dft_sin", "mel_filters", "sinusoids"];

/// A stage, or stages repeated.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// One dispatch.
    Stage(Box<StageSpec>),
    /// Stages repeated.
    Block(Block),
}

/// Stages repeated with an index; `{i}`, `{i-1}` and `{i+1}` in names, tensors and texts are replaced.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// How often.
    pub times: Expr,
    /// The name of the index, counted from 0.
    pub index: String,
    /// What is repeated.
    pub stages: Vec<StageSpec>,
}

/// A stage before its names and expressions are known. It keeps the places in the file of what its op may refuse.
#[derive(Debug, Clone, PartialEq)]
pub struct StageSpec {
    /// Its name; weights are named `NAME.KEY`.
    pub name: String,
    /// What it must compute.
    pub op: Spanned<String>,
    /// Template under the shader folders.
    pub shader: String,
    /// Tensors that it reads.
    pub inputs: Vec<Spanned<String>>,
    /// Weights by the shader's name for them.
    pub weights: IndexMap<Spanned<String>, WeightSpec>,
    /// Tensors that it writes.
    pub outputs: IndexMap<Spanned<String>, OutputSpec>,
    /// Parameters of the op.
    pub params: IndexMap<Spanned<String>, Spanned<ParamSpec>>,
    /// Samplers by the shader's name for them.
    pub samplers: IndexMap<String, Sampler>,
    /// The shader's entry point; `None` where it has one only.
    pub entry: Option<String>,
    /// The output from a file, for an op without a reference.
    pub expect: Option<ExpectSpec>,
}

/// A weight before its shape is known.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightSpec {
    /// Extents, outermost first; all but the last are inputs of a dot product (its fan-in).
    pub shape: Vec<Expr>,
    /// How its values are made where the model has no file of weights.
    pub fill: FillSpec,
    /// Where they lie in that file.
    pub stored: Option<StoredSpec>,
}

/// Tensors of a `.safetensors` file that make up a weight.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSpec {
    /// Their names; several are joined along the last axis.
    pub tensors: Vec<String>,
    /// The stored axes in the order in which the weight has them; empty where that is the stored order.
    pub permute: Vec<usize>,
}

/// The value of a stage parameter as written.
#[derive(Debug, Clone, PartialEq)]
pub enum ParamSpec {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A text.
    Text(String),
    /// A text that begins with `=`: the value of the expression after it.
    Expr(Expr),
}

/// A tensor that a stage writes, before its shape is known.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputSpec {
    /// Extents, outermost first.
    pub shape: Vec<Expr>,
    /// How its values are stored.
    pub element: Element,
    /// Of the texture in which it lies, if it does.
    pub texture: Option<TextureFormat>,
    /// What it holds before the stage runs.
    pub start: StartSpec,
}

/// What an output holds before its stage runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum StartSpec {
    /// A pattern that no arithmetic yields: what the stage does not write is seen.
    #[default]
    Sentinel,
    /// Zeros, before each inference: what a shader adds to.
    Zeros,
    /// A copy of this tensor, before each inference: what a shader works on in place.
    Copy(String),
}

/// Numbers in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrayFile {
    /// Where it is.
    pub path: PathBuf,
    /// Which of the arrays of an `.npz`.
    pub array: Option<String>,
    /// What it said of its numbers when the model was read.
    pub header: Header,
}

impl ArrayFile {
    /// Its numbers; the error says what is wrong with it now, without naming it.
    pub fn read(&self) -> Result<Numbers, String> {
        let (header, numbers) = arrays::read(&self.path, self.array.as_deref())?;
        if header == self.header { Ok(numbers) } else { Err("it has changed since the run began".to_owned()) }
    }
}

/// A stage's expected output.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectSpec {
    /// Its values, as many as the stage's first output has.
    pub file: ArrayFile,
    /// How far an element may be off, as a share of its own size or, where that is larger, of the root mean square of
    /// all.
    pub tolerance: f64,
    /// How far it may be off whatever the sizes.
    pub absolute: f64,
}
