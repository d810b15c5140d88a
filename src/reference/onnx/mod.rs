//! The reference for ONNX models: what a model must compute for given inputs, by tract, on the CPU.
//!
//! A page runs a model with onnxruntime-web; [`run()`], or [`Prepared`] where a model runs more than once, computes the
//! same outputs here and [`compare()`] holds the page's against them. [`signature()`] says what a file declares,
//! [`flops()`] what a run of it costs. Used by `run`.
//!
//! The reference is another implementation, not a proof: it shares the model's arithmetic (f32 where the model says
//! f32) and none of onnxruntime's code. Where tract's kernels approximate, exact functions stand in (see `exact`), and a
//! model of f16 is computed in f32. Against onnxruntime on the CPU the outputs of small BERT, `ViT`, AST, wav2vec2 and
//! CLIP models differ by less than 1e-6 of their size, those of `MiniLM` by 1e-5.
//!
//! A file may be hostile: tract's panics are caught, but a graph that asks for more memory than there is ends the
//! program.

mod branch;
mod compare;
mod convert;
mod cover;
mod exact;
mod file;
mod flops;
mod prepared;
mod signature;
mod tensor;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use compare::{Tolerance, compare};
pub use flops::flops;
pub use prepared::Prepared;
pub use signature::{Dim, Port, Signature, signature, signature_of_bytes};
pub use tensor::{ElementType, Tensor};

/// What keeps a model from being computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OnnxError {
    /// The file can't be read or is no ONNX model.
    #[error("{}: {message}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// Bytes that are no tensor of the type and shape given.
    #[error("tensor `{tensor}`: {message}")]
    BadTensor {
        /// Its name.
        tensor: String,
        /// Why.
        message: String,
    },
    /// An input that is missing or not what the model declares.
    #[error("input `{input}`: {message}")]
    BadFeed {
        /// The input.
        input: String,
        /// Why.
        message: String,
    },
    /// An output that the model does not have.
    #[error("there is no output `{output}`; the model has {}", known.join(", "))]
    NoOutput {
        /// What was wanted.
        output: String,
        /// The outputs that there are.
        known: Vec<String>,
    },
    /// tract can't compute the model: the operator, or the node and tract's words.
    #[error("the reference does not cover this model: {0}")]
    NotCovered(String),
    /// The computation failed with these inputs, in tract's words: an index out of range, for instance.
    #[error("the reference failed: {0}")]
    Failed(String),
}

/// Computes the outputs named in `wanted`, in that order, or all of them if it is empty.
///
/// `feeds` must hold every input; others are ignored. A model that is run again costs less as a [`Prepared`].
pub fn run(path: &Path, feeds: &[Tensor], wanted: &[String]) -> Result<Vec<Tensor>, OnnxError> {
    Prepared::new(path, feeds, wanted)?.run(feeds)
}
