//! A model is data: a manifest of stages over named tensors, each stage a shader template.
//!
//! `schema` holds the file exactly as written, `check` turns it into the [`Model`] of this module and reports every
//! error at once, `expr` holds the expressions that stay open until a job is known. Used by `plan::graph`, which
//! evaluates the expressions with a job's variables.

pub mod check;
pub mod expr;
pub mod schema;

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

pub use expr::Expr;

use super::read::{self, ManifestError};

/// A checked model manifest; its expressions are evaluated when a job's graph is made.
#[derive(Debug, Clone)]
pub struct Model {
    /// The name in the matrix.
    pub name: String,
    /// The file it came from; files that it names (`expect`) are relative to its folder.
    pub path: PathBuf,
    /// What kind of data it works on.
    pub family: Family,
    /// What runs it.
    pub engine: Engine,
    /// What it is for, for instance `automatic-speech-recognition`.
    pub task: Option<String>,
    /// One line for people.
    pub description: String,
    /// Numbers that a job's manifest, or an own axis of the same name, may override.
    pub params: IndexMap<String, f64>,
    /// Whole numbers computed from params, the dims before them and the job's variables.
    pub dims: IndexMap<String, Expr>,
    /// What is given to the model.
    pub inputs: Vec<Input>,
    /// Stages and blocks in the order of the file.
    pub items: Vec<Item>,
    /// Names of the tensors that are read back; never empty.
    pub output: Vec<String>,
}

/// What kind of data a model works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Tokens.
    Text,
    /// Images.
    Vision,
    /// Sound.
    Audio,
    /// More than one of the others.
    Multimodal,
}

impl Family {
    /// All families.
    pub const ALL: [Self; 4] = [Self::Text, Self::Vision, Self::Audio, Self::Multimodal];

    /// As written in manifests and rows.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Vision => "vision",
            Self::Audio => "audio",
            Self::Multimodal => "multimodal",
        }
    }
}

/// What runs a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Engine {
    /// Stages rendered to WGSL by gpujobs itself.
    Wgsl,
}

impl Engine {
    /// All engines.
    pub const ALL: [Self; 1] = [Self::Wgsl];

    /// As written in manifests and rows.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wgsl => "wgsl",
        }
    }
}

/// A tensor made before the run and given to the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The tensor's name.
    pub name: String,
    /// Extents, outermost first.
    pub shape: Vec<Expr>,
    /// How its values are made.
    pub fill: FillSpec,
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
    /// Uniform in mean ± spread; what is absent follows from the shape (see `plan::graph`).
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

/// A stage before its names and expressions are known.
#[derive(Debug, Clone, PartialEq)]
pub struct StageSpec {
    /// Its name; weights are named `NAME.KEY`.
    pub name: String,
    /// What it must compute.
    pub op: String,
    /// Template under the shader folders.
    pub shader: String,
    /// Tensors that it reads.
    pub inputs: Vec<String>,
    /// Weights by the shader's name for them.
    pub weights: IndexMap<String, WeightSpec>,
    /// Tensors that it writes, with their shapes.
    pub outputs: IndexMap<String, Vec<Expr>>,
    /// Parameters of the op.
    pub params: IndexMap<String, ParamSpec>,
    /// The output from a file, for an op without a reference.
    pub expect: Option<ExpectSpec>,
}

/// A weight before its shape is known.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightSpec {
    /// Extents, outermost first; all but the last are inputs of a dot product (its fan-in).
    pub shape: Vec<Expr>,
    /// How its values are made.
    pub fill: FillSpec,
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

/// A stage's expected output: little-endian f32, row-major, of the first output's length.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectSpec {
    /// The file, absolute or relative to the working folder.
    pub file: PathBuf,
    /// An element may differ from its expected value by this much, times the value's size where that is above 1.
    pub tolerance: f64,
}

impl Model {
    /// Reads and checks a model manifest; `path` is named in errors and is what its files are relative to.
    pub fn parse(name: &str, path: &Path, text: &str) -> Result<Self, ManifestError> {
        let (file, problems) = read::read::<schema::ModelFile>(text);
        match check::check(name, path, &file, &problems) {
            Ok(model) if problems.is_empty() => Ok(model),
            Ok(_) => Err(ManifestError::new(path, text, problems)),
            Err(found) => Err(ManifestError::new(path, text, problems.into_iter().chain(found).collect())),
        }
    }

    /// The model with some params replaced; a name that is not a param is an error that lists the known ones.
    pub fn with_params(&self, overrides: &IndexMap<String, f64>) -> Result<Self, String> {
        let mut model = self.clone();
        for (name, value) in overrides {
            let Some(param) = model.params.get_mut(name) else {
                return Err(self.unknown_param(name));
            };
            if !value.is_finite() {
                return Err(format!(
                    "parameter `{name}` of model `{}` must be a finite number, not {value}",
                    self.name
                ));
            }
            *param = *value;
        }
        Ok(model)
    }

    fn unknown_param(&self, name: &str) -> String {
        let known: Vec<&str> = self.params.keys().map(String::as_str).collect();
        let model = &self.name;
        if known.is_empty() {
            return format!("model `{model}` has no parameters, so `{name}` can't be set");
        }
        let hint = read::nearest(name, known.iter().copied())
            .map(|near| format!("; did you mean `{near}`?"))
            .unwrap_or_default();
        format!("model `{model}` has no parameter `{name}`{hint} (it has {})", read::listed(&known))
    }
}
