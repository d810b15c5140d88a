//! The check of what a page computed: stages against the references in Rust, ONNX models call by call (`onnx_check`).
//!
//! Made by `live` with each job.

use std::sync::Arc;

use super::executor::Checked;
use super::onnx_check::OnnxChecker;
use super::payload::Payload;
use super::recording::Recording;
use crate::graph::Graph;

/// What checks a job.
#[derive(Debug)]
pub(super) enum OutputChecker {
    /// Stage by stage, as they come in.
    Stages {
        graph: Arc<Graph>,
        payload: Arc<Payload>,
        /// The run that is being posted.
        recording: Option<Box<Recording>>,
        /// Whether outputs are to be in the check.
        keep: bool,
    },
    /// Call by call.
    Onnx(Box<OnnxChecker>),
}

impl OutputChecker {
    /// Of a job that runs stages; `keep` says whether its outputs are to be in its check.
    pub(super) fn of_stages(graph: Arc<Graph>, payload: Arc<Payload>, keep: bool) -> Self {
        Self::Stages { graph, payload, recording: None, keep }
    }

    /// Checks the piece that a page posted. One at 0 starts over. The error is of the page's words, not of its numbers.
    pub(super) fn check(&mut self, from: u64, posted: &[u8]) -> Result<Checked, String> {
        match self {
            Self::Stages { graph, payload, recording, keep } => {
                let begun = recording.take().filter(|_| from != 0);
                let fresh = || Box::new(Recording::begin(graph.clone(), payload.clone(), *keep));
                let mut run = begun.unwrap_or_else(fresh);
                if run.take(from, posted)? {
                    return Ok(Checked::Done(Box::new(run.end())));
                }
                *recording = Some(run);
                Ok(Checked::More)
            }
            Self::Onnx(checker) => checker.check(posted),
        }
    }
}
