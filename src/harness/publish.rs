//! What a job's page loads from the server, and what checks the job.

use std::collections::HashMap;

use super::check::OutputChecker;
use super::context::RunContext;
use super::executor::ExecuteError;
use super::module_check::ModuleChecker;
use super::onnx_check::OnnxChecker;
use super::payload::PayloadError;
use crate::graph::{Graph, Tensor, TensorRole};
use crate::reference::{FillError, verifiable};
use crate::render::page::{Content, Page};
use crate::serve::{Posted, Program, Published};

/// The most that a page may post to be checked: what a runtime was given and returned has no size known before.
const MOST_POSTED: u64 = 1 << 30;

/// What a page loads, and what checks it.
pub(super) fn publishable(
    context: &RunContext,
    page: &Page,
    browser: String,
    session: u64,
) -> Result<(Published, OutputChecker), ExecuteError> {
    let fail = |error: &dyn std::fmt::Display| ExecuteError::Failed(error.to_string());
    let module = page.module(&context.templates).map_err(|error| fail(&error))?.into();
    let frame = page.frame(&context.templates).map_err(|error| fail(&error))?.map(Into::into);
    Ok(match &page.content {
        Content::Stages(stages) => {
            let payload = context.payloads.of(stages).map_err(|error| match error {
                PayloadError::TooLarge { .. } | PayloadError::Fill(FillError::TooLarge { .. }) => {
                    ExecuteError::Unsupported(error.to_string())
                }
                error @ PayloadError::Fill(_) => fail(&error),
            })?;
            let (parts, posted) = (payload.parts.clone(), Posted::InPieces(stages.posted_bytes()));
            let published = Published { module, frame, parts, files: HashMap::new(), program: None, posted, session };
            // What nothing verifies is held against other jobs' outputs.
            let keep = context.keep_outputs || !verifiable(&stages.graph);
            (published, OutputChecker::of_stages(stages.graph.clone(), payload, keep))
        }
        Content::Onnx(onnx) => {
            let files = onnx.served().map(|(path, place)| (path, place.clone())).collect();
            let posted = Posted::AtMost(MOST_POSTED);
            let published = Published { module, frame, parts: Vec::new(), files, program: None, posted, session };
            let checker =
                OnnxChecker::new(onnx, page.backend, browser, context.references.clone(), context.keep_outputs);
            (published, OutputChecker::of_calls(checker))
        }
        Content::Module(program) => {
            let files = program.files.iter().map(|(path, place)| (path.clone(), place.clone())).collect();
            let posted = Posted::AtMost(MOST_POSTED);
            let from = Program { folder: program.folder.clone(), packages: program.packages.roots.clone() };
            let published = Published { module, frame, parts: Vec::new(), files, program: Some(from), posted, session };
            // What nothing verifies is held against other jobs' outputs.
            let keep = context.keep_outputs || program.expect.is_empty();
            let checker = ModuleChecker::new(program, &page.job.axes.dtype, context.references.clone(), keep);
            (published, OutputChecker::of_module(checker))
        }
    })
}

/// The inputs and weights of a graph.
pub(super) fn given(graph: &Graph) -> Vec<Tensor> {
    graph.tensors.iter().filter(|tensor| tensor.role != TensorRole::Computed).cloned().collect()
}
