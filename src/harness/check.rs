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
pub struct OutputChecker(Kind);

#[derive(Debug)]
enum Kind {
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
    #[must_use]
    pub fn of_stages(graph: Arc<Graph>, payload: Arc<Payload>, keep: bool) -> Self {
        Self(Kind::Stages { graph, payload, recording: None, repeats: Box::default(), keep })
    }

    /// Of a job that calls ONNX models.
    pub(super) fn of_calls(checker: OnnxChecker) -> Self {
        Self(Kind::Onnx(Box::new(checker)))
    }

    /// Of a job of a module.
    pub(super) fn of_module(checker: ModuleChecker) -> Self {
        Self(Kind::Module(Box::new(checker)))
    }

    /// Checks the piece that a page posted. One at 0 starts over. The error is of the page's words, not of its numbers.
    pub fn check(&mut self, subject: Subject, from: u64, posted: &[u8]) -> Result<Checked, String> {
        match (&mut self.0, subject) {
            (Kind::Stages { graph, payload, recording, repeats, keep }, Subject::Computed) => {
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
            (Kind::Stages { graph, payload, repeats, .. }, Subject::Outputs) => {
                repeats.take(graph, payload.given(), from, posted)
            }
            (Kind::Onnx(checker), Subject::Computed) => checker.check(posted),
            (Kind::Module(checker), Subject::Computed) => checker.check(posted),
            (Kind::Onnx(_) | Kind::Module(_), Subject::Outputs) => {
                Err("the page posted outputs by themselves, which this engine does not".to_owned())
            }
        }
    }
}
