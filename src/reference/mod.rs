//! What must come out of a job: of stages by the references of `graph::ops`, of models of ONNX by native onnxruntime.
//!
//! [`verify()`] compares every stage of a graph with its reference; [`fill()`] makes the inputs and weights that both
//! sides use. Used by `harness`, which hands over the tensors read back from the page.
//!
//! Verification is stage by stage: a stage's expected output is computed from the GPU's *own* inputs of that stage, so
//! an error is named where it arises and each tolerance covers one op only (see `graph::ops::tolerance`). A stage of the
//! user's own without an expected file is checked by the files of the stages that its results flow into.

mod elements;
mod failure;
mod fill;
mod given;
mod later;
pub mod made;
pub mod onnx;
mod position;
mod recorded;
mod stage;
mod stored;
mod verify;

pub use failure::{Failure, SENTINEL_BITS};
pub use fill::{FillError, fill};
pub use given::Given;
pub use later::verifiable;
pub use recorded::{Judged, Recorded, Spread, agrees};
pub use stored::StoredError;
pub use verify::{Progress, Verdict, compute, verify};
