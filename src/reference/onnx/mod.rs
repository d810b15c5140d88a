//! The reference for ONNX models: what a model must compute for given inputs, by onnxruntime's own library, on the CPU.
//!
//! A page runs a model with onnxruntime-web; a [`Prepared`] of the same file computes the same outputs here, and
//! [`compare()`] holds the page's against them. [`signature()`] says what a file declares. Used by `run`.
//!
//! The reference is another build of the same project, not a proof: it knows every operator that onnxruntime-web knows,
//! shares its CPU kernels' sources with wasm and none with WebGPU or `WebNN`, and runs each node as the model writes it, with no
//! optimiser. What has one right answer that can be worked out by hand is tested against that.
//!
//! A file may be hostile: onnxruntime returns an error for one that is malformed, but a graph that asks for more memory than
//! there is ends the program.

mod compare;
mod flops;
mod proto;
mod runtime;
mod signature;
mod tensor;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use compare::{Tolerance, compare, compare_with_file};
pub use runtime::{Computed, PACKAGE, Prepared, Runtime, disable_telemetry, library};
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
    /// onnxruntime's library can't be opened.
    #[error("{} can't be opened: {message}", library.display())]
    NoRuntime {
        /// The library.
        library: PathBuf,
        /// Why.
        message: String,
    },
    /// There is no one right answer, or onnxruntime can't compute the model: the operator, or onnxruntime's words.
    #[error("the reference does not cover this model: {0}")]
    NotCovered(String),
    /// Operators without one right answer.
    #[error("{0}")]
    Random(String),
    /// The computation failed with these inputs, in onnxruntime's words: an index out of range, for instance.
    #[error("the reference failed: {0}")]
    Failed(String),
}
