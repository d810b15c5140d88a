//! A reference is what an op must compute, in plain Rust: f64 sums over the f32 values that the GPU read.
//!
//! [`verify()`] compares every stage of a graph with its reference; [`fill()`] makes the inputs and weights that both
//! sides use. One file per kind of op. Used by `run`, which hands over the tensors read back from the page.
//!
//! Verification is stage by stage: a stage's expected output is computed from the GPU's *own* inputs of that stage, so
//! an error is named where it arises and each tolerance covers one op only (see `tolerance`).

mod activation;
mod attention;
mod dot;
mod elementwise;
mod fill;
mod images;
mod linear;
pub mod made;
mod norm;
pub mod onnx;
mod reduction;
mod spectral;
mod stored;
mod tokens;
pub mod tolerance;
mod verify;

use crate::plan::graph::{Activation, Param, Stage};

pub use fill::{FillError, fill};
pub use stored::StoredError;
pub use verify::{Failure, Given, Progress, SENTINEL_BITS, Verdict, compute, verify};

/// The values that an op must produce, and how far each may be off.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Row-major, as long as the stage's output.
    pub value: Vec<f64>,
    /// Largest allowed |got - value|, an element each.
    pub tolerance: Vec<f64>,
}

impl Expected {
    fn zeros(len: usize) -> Self {
        Self { value: vec![0.0; len], tolerance: vec![0.0; len] }
    }

    /// From an element's value and tolerance.
    fn from_elements(elements: impl rayon::iter::IndexedParallelIterator<Item = (f64, f64)>) -> Self {
        let (value, tolerance) = elements.unzip();
        Self { value, tolerance }
    }
}

/// A tensor's shape and values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) shape: &'a [usize],
    pub(crate) values: &'a [f32],
}

impl View<'_> {
    /// The extent `back` places from the end, 1 beyond the first.
    fn extent(&self, back: usize) -> usize {
        self.shape.len().checked_sub(back).map_or(1, |position| self.shape[position])
    }
}

/// What a reference sees of a stage; `plan::graph` has checked the shapes.
pub(crate) struct Args<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) inputs: Vec<View<'a>>,
    pub(crate) weights: Vec<(&'a str, View<'a>)>,
    pub(crate) output: &'a [usize],
}

impl<'a> Args<'a> {
    fn weight(&self, key: &str) -> Option<View<'a>> {
        self.weights.iter().find(|(name, _)| *name == key).map(|(_, view)| *view)
    }

    /// A weight that the op's rule requires.
    fn needed(&self, key: &str) -> View<'a> {
        self.weight(key).unwrap_or(View { shape: &[], values: &[] })
    }

    fn int(&self, key: &str, default: usize) -> usize {
        match self.stage.params.get(key) {
            Some(Param::Int(value)) => usize::try_from(*value).unwrap_or(default),
            _ => default,
        }
    }

    fn float(&self, key: &str, default: f64) -> f64 {
        match self.stage.params.get(key) {
            Some(Param::Int(value)) => *value as f64,
            Some(Param::Float(value)) => *value,
            _ => default,
        }
    }

    fn signed(&self, key: &str, default: i64) -> i64 {
        match self.stage.params.get(key) {
            Some(Param::Int(value)) => *value,
            _ => default,
        }
    }

    fn switch(&self, key: &str) -> bool {
        matches!(self.stage.params.get(key), Some(Param::Bool(true)))
    }

    fn activation(&self) -> Activation {
        match self.stage.params.get("activation") {
            Some(Param::Text(name)) => Activation::named(name).unwrap_or(Activation::None),
            _ => Activation::None,
        }
    }

    fn output_len(&self) -> usize {
        self.output.iter().product()
    }
}

/// The reference of an op; `None` for an op of the user's own.
pub(crate) fn reference(op: &str) -> Option<fn(&Args<'_>) -> Expected> {
    Some(match op {
        "attention" => attention::attention,
        "attention_context" => attention::attention_context,
        "attention_scores" => attention::attention_scores,
        "axpy" => elementwise::axpy,
        "batch_matmul" => linear::batch_matmul,
        "conv1d" => linear::conv1d,
        "conv2d" => images::conv2d,
        "copy" => elementwise::copy,
        "embedding" => tokens::embedding,
        "gelu" => elementwise::gelu,
        "layer_norm" => norm::layer_norm,
        "linear" => linear::linear,
        "log_mel_scale" => spectral::log_mel_scale,
        "matmul" => linear::matmul,
        "max" => reduction::max,
        "mean_pool" => tokens::mean_pool,
        "mel_log" => spectral::mel_log,
        "patch_embed" => images::patch_embed,
        "select_row" => tokens::select_row,
        "softmax" => norm::softmax,
        "stft_power" => spectral::stft_power,
        "sum" => reduction::sum,
        _ => return None,
    })
}
