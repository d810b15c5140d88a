//! A graph is a model with every expression evaluated for one job: tensors with shapes, stages in order.
//!
//! Made from a [`Model`](crate::manifest::Model) and a job's variables by `build`; `ops` says what each stage computes and
//! what must come out of it, `reference` verifies it, `render` writes each stage's WGSL, the page runs it. `inputs` evaluates
//! what a model of ONNX is given, and `check` says before a run whether all of it goes with the values of its jobs.

mod build;
mod check;
mod element;
mod error;
mod fills;
pub mod inputs;
pub mod memory;
mod names;
pub mod ops;
mod textures;

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

use indexmap::IndexMap;

use crate::arrays::Numbers;
use crate::manifest::AxisValue;
use crate::manifest::axes::DEFAULT_SHAPE;
use crate::plan::{Job, Workgroup};
use crate::units::{Bytes, Flops};

pub use crate::manifest::model::stages::{ArrayFile, ExpectSpec};
pub use crate::manifest::model::texture::{Channel, Sampler};
pub use crate::manifest::model::{Element, TextureFormat};
pub use check::check;
pub use element::Values;
pub use error::GraphError;
pub use memory::Memory;

/// A job's variables as the expressions and templates of its model see them.
#[derive(Debug, Clone, PartialEq)]
pub struct JobVars {
    /// The workgroup of its kernels.
    pub workgroup: Workgroup,
    /// Inputs computed together: `batch` in expressions and templates.
    pub batch: u32,
    /// Number format: `fp32`, or `fp16` for weights and inputs in f16.
    pub dtype: String,
    /// The user's custom axes: numbers reach expressions (one named like a param replaces it), all reach templates.
    pub custom: IndexMap<String, AxisValue>,
}

impl JobVars {
    /// Of a job.
    #[must_use]
    pub fn of(job: &Job) -> Self {
        Self {
            workgroup: job.axes.workgroup_size,
            batch: job.axes.batch,
            dtype: job.axes.dtype.clone(),
            custom: job.axes.custom.clone(),
        }
    }
}

impl Default for JobVars {
    /// The defaults of the axes: 64x1x1, batch 1, fp32, no axis of one's own.
    fn default() -> Self {
        Self { workgroup: DEFAULT_SHAPE.into(), batch: 1, dtype: "fp32".to_owned(), custom: IndexMap::new() }
    }
}

/// Index into [`Graph::tensors`].
pub type TensorId = usize;

/// Tensors and the stages that compute them; a stage reads only tensors that exist before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// Inputs, weights and results; the ids are positions here.
    pub tensors: Vec<Tensor>,
    /// In the order in which they are dispatched.
    pub stages: Vec<Stage>,
    /// What the model is for: read back and hashed after each sample.
    pub outputs: Vec<TensorId>,
}

impl Graph {
    /// The computed tensors, in the order in which the stages write them.
    pub fn results(&self) -> impl Iterator<Item = TensorId> {
        self.stages.iter().flat_map(|stage| stage.outputs.iter().copied())
    }

    /// The stages, by position, in groups that share no tensor; groups and what is in them in the order of the stages.
    #[must_use]
    pub fn apart(&self) -> Vec<Vec<usize>> {
        let mut groups: Vec<(HashSet<TensorId>, Vec<usize>)> = Vec::new();
        for (position, stage) in self.stages.iter().enumerate() {
            let touched = stage.reads().chain(stage.outputs.iter().copied());
            let mut group = (touched.collect::<HashSet<_>>(), vec![position]);
            let (joined, rest) = groups.into_iter().partition(|(tensors, _)| !tensors.is_disjoint(&group.0));
            groups = rest;
            for (tensors, stages) in joined {
                group.0.extend(tensors);
                group.1.extend(stages);
            }
            groups.push(group);
        }
        let mut apart: Vec<Vec<usize>> = groups.into_iter().map(|(_, stages)| stages).collect();
        for stages in &mut apart {
            stages.sort_unstable();
        }
        apart.sort_unstable();
        apart
    }
}

/// A dense row-major array.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Unique in the graph, for instance `blocks.0.q.weight`; one that replaces an earlier `x` is named `x@STAGE`.
    pub name: String,
    /// Extents, outermost first, each at least 1.
    pub shape: Vec<usize>,
    /// What it is for.
    pub role: TensorRole,
    /// How it is stored on the GPU; of a texture, what shaders read and write.
    pub element: Element,
    /// Of the texture in which it lies, if it does: then its extents are the height, the width and, where there are several,
    /// the channels.
    pub texture: Option<TextureFormat>,
}

impl Tensor {
    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Size of its values as they are stored, a multiple of 4.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let each = self.texture.map_or(self.element.size(), |format| format.channel().size() as u64);
        (each * self.len() as u64).next_multiple_of(4)
    }

    /// Whether it has no element; a checked graph holds no such tensor.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Where a tensor's values come from.
#[derive(Debug, Clone, PartialEq)]
pub enum TensorRole {
    /// Made before the run and given to the model.
    Input(Fill),
    /// Part of the model.
    Weight(Fill),
    /// Written by a stage.
    Computed,
}

/// How the values of an input or a weight are made; the same on every machine.
#[derive(Debug, Clone, PartialEq)]
pub enum Fill {
    /// `mean + spread * u` with u uniform in [-1, 1) from the hash of (seed, index); the page can make it too.
    Uniform {
        /// Picks the sequence; by default a hash of the tensor's name.
        seed: u32,
        /// The middle of the range.
        mean: f32,
        /// Half the width of the range.
        spread: f32,
    },
    /// Whole numbers uniform in 0 up to `below`, exclusive.
    Tokens {
        /// Picks the sequence; by default a hash of the tensor's name.
        seed: u32,
        /// One more than the largest.
        below: usize,
    },
    /// These values, again and again: their number divides that of the elements.
    Given(Numbers),
    /// What a file of numbers holds.
    File(ArrayFile),
    /// What a file of weights holds.
    Stored(Stored),
    /// A named table or signal computed in `reference` (mel filters, DFT table, positions, speech-like sound).
    Named(String),
}

/// Tensors of a `.safetensors` file that make up one of a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The file.
    pub file: PathBuf,
    /// Names in it; several are joined along the last axis.
    pub tensors: Vec<String>,
    /// The stored axes in the order in which the graph's tensor has them; empty where that is the stored order.
    pub permute: Vec<usize>,
}

/// One dispatch: a shader, what it reads and what it writes.
///
/// What it has is bound in group 0 in the order inputs, weights, outputs, samplers, from binding 0 on.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Unique in the graph, for instance `blocks.0.q`.
    pub name: String,
    /// The op that says what it must compute; an unknown one is the user's own and has no reference.
    pub op: String,
    /// Template under the shader folders, for instance `linear.wgsl`.
    pub shader: String,
    /// What it reads.
    pub inputs: Vec<TensorId>,
    /// Weights by the shader's name for them.
    pub weights: IndexMap<String, TensorId>,
    /// What it writes.
    pub outputs: Vec<TensorId>,
    /// What each of these holds before it runs.
    pub starts: Vec<Start>,
    /// Samplers by the shader's name for them.
    pub samplers: IndexMap<String, Sampler>,
    /// The shader's entry point; `None` where it has one only.
    pub entry: Option<String>,
    /// Parameters, evaluated; they reach the template under `params`.
    pub params: IndexMap<String, Param>,
    /// The output from a file, for an op without a reference.
    pub expect: Option<ExpectSpec>,
    /// Arithmetic of one dispatch; `None` for an op without a formula.
    pub flops: Option<Flops>,
    /// Least traffic of one dispatch: each tensor read or written once.
    pub bytes: Bytes,
}

/// What an output holds before its stage runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// A pattern that no arithmetic yields.
    Sentinel,
    /// Zeros, before each inference.
    Zeros,
    /// A copy of this tensor, before each inference.
    Copy(TensorId),
}

impl Stage {
    /// The tensors that it binds, in the order of their bindings.
    pub fn tensors(&self) -> impl Iterator<Item = TensorId> {
        self.inputs.iter().chain(self.weights.values()).chain(&self.outputs).copied()
    }

    /// All that it reads: inputs, weights, and what outputs start as a copy of.
    pub fn reads(&self) -> impl Iterator<Item = TensorId> {
        let copied = self.starts.iter().filter_map(|start| match start {
            Start::Copy(id) => Some(*id),
            Start::Sentinel | Start::Zeros => None,
        });
        self.inputs.iter().chain(self.weights.values()).copied().chain(copied)
    }
}

/// The value of a stage parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Param {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A text.
    Text(String),
}

impl fmt::Display for Param {
    /// As it is written in TOML, for messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{value:?}"),
        }
    }
}
