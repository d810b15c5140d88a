//! The check of what a page computed: stages against the references in Rust, ONNX models call by call (`onnx_check`),
//! a module by its outputs (`module_check`).
//!
//! Made by `live` with each job.

use std::sync::Arc;

use super::executor::Checked;
use super::module_check::ModuleChecker;
use super::onnx_check::OnnxChecker;
use super::payload::Payload;
use super::recording::Recording;
use super::repeats::Repeats;
use crate::graph::Graph;
use crate::serve::Subject;

/// What checks a job.
#[derive(Debug)]
pub(super) enum OutputChecker {
    /// Stage by stage, as they come in.
    Stages {
        graph: Arc<Graph>,
        payload: Arc<Payload>,
        /// The run that is being posted.
        recording: Option<Box<Recording>>,
        /// The inferences whose outputs differ from its own.
        repeats: Box<Repeats>,
        /// Whether outputs are to be in the check.
        keep: bool,
    },
    /// Call by call.
    Onnx(Box<OnnxChecker>),
    /// By the outputs of an inference.
    Module(Box<ModuleChecker>),
}

impl OutputChecker {
    /// Of a job that runs stages; `keep` says whether its outputs are to be in its check.
    pub(super) fn of_stages(graph: Arc<Graph>, payload: Arc<Payload>, keep: bool) -> Self {
        Self::Stages { graph, payload, recording: None, repeats: Box::default(), keep }
    }

    /// Checks the piece that a page posted. One at 0 starts over. The error is of the page's words, not of its numbers.
    pub(super) fn check(&mut self, subject: Subject, from: u64, posted: &[u8]) -> Result<Checked, String> {
        match (self, subject) {
            (Self::Stages { graph, payload, recording, repeats, keep }, Subject::Computed) => {
                let begun = recording.take().filter(|_| from != 0);
                let fresh = || {
                    let run = Recording::begin(graph.clone(), payload.clone(), *keep);
                    Box::new(if repeats.wanted { run.keeping() } else { run })
                };
                let mut run = begun.unwrap_or_else(fresh);
                if run.take(from, posted)? {
                    let (check, recorded) = run.end_keeping();
                    if let Some(recorded) = recorded {
                        repeats.keep(recorded);
                    }
                    return Ok(Checked::Done(Box::new(check)));
                }
                *recording = Some(run);
                Ok(Checked::More)
            }
            (Self::Stages { graph, payload, repeats, .. }, Subject::Outputs) => {
                repeats.take(graph, payload.given(), from, posted)
            }
            (Self::Onnx(checker), Subject::Computed) => checker.check(posted),
            (Self::Module(checker), Subject::Computed) => checker.check(posted),
            (Self::Onnx(_) | Self::Module(_), Subject::Outputs) => {
                Err("the page posted outputs by themselves, which this engine does not".to_owned())
            }
        }
    }
}
