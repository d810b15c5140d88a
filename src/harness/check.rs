//! The check of what a page computed: stages against the references in Rust, ONNX models call by call against
//! [`References`].
//!
//! Made by `live` with each job.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::calls::{self, OnnxCall};
use super::executor::{Check, PostedOutput};
use super::payload::Payload;
use super::recording::Recording;
use super::references::References;
use crate::graph::{Element, Graph, Values};
use crate::manifest::Backend;
use crate::reference::Verdict;
use crate::reference::onnx::{self, ElementType, Tensor, Tolerance};
use crate::render::page::{OnnxPage, short_digest};
use crate::units::Flops;

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
    Onnx(Arc<OnnxChecker>),
}

/// What checks a job in onnxruntime-web.
#[derive(Debug)]
pub(super) struct OnnxChecker {
    files: HashMap<String, PathBuf>,
    dtype: String,
    backend: Backend,
    browser: String,
    references: Arc<References>,
    /// Whether outputs are to be in the check.
    keep: bool,
}

impl OutputChecker {
    /// Of a job that runs stages; `keep` says whether its outputs are to be in its check.
    pub(super) fn of_stages(graph: Arc<Graph>, payload: Arc<Payload>, keep: bool) -> Self {
        Self::Stages { graph, payload, recording: None, keep }
    }

    /// Checks the piece that a page posted; `None` until it was the last one. A piece at 0 starts over. The error is of the
    /// page's words, not of its numbers.
    pub(super) fn check(&mut self, from: u64, posted: &[u8]) -> Result<Option<Check>, String> {
        match self {
            Self::Stages { graph, payload, recording, keep } => {
                let begun = recording.take().filter(|_| from != 0);
                let fresh = || Box::new(Recording::begin(graph.clone(), payload.clone(), *keep));
                let mut run = begun.unwrap_or_else(fresh);
                if run.take(from, posted)? {
                    return Ok(Some(run.end()));
                }
                *recording = Some(run);
                Ok(None)
            }
            Self::Onnx(checker) => checker.check(posted).map(Some),
        }
    }
}

impl OnnxChecker {
    pub(super) fn new(
        page: &OnnxPage,
        backend: Backend,
        browser: String,
        references: Arc<References>,
        keep: bool,
    ) -> Self {
        let files = page.models.iter().map(|model| (model.clone(), page.files[model].clone())).collect();
        Self { files, dtype: page.dtype.clone(), backend, browser, references, keep }
    }

    fn check(&self, posted: &[u8]) -> Result<Check, String> {
        let calls = calls::read(posted).map_err(|error| error.to_string())?;
        let mut check = Check {
            verdict: Verdict::default(),
            reference: String::new(),
            unverified: String::new(),
            random: false,
            flops: Some(Flops(0)),
            output_digest: String::new(),
            outputs: Vec::new(),
        };
        let mut hash = Sha256::new();
        let mut checked = 0;
        for (number, call) in calls.iter().enumerate() {
            let path = self
                .files
                .get(&call.file)
                .ok_or_else(|| format!("the page ran a model that is not the job's: {:?}", call.file))?;
            for fetch in &call.fetches {
                hash.update(fetch.bytes());
                if self.keep {
                    let name = fetch.name();
                    let name = if calls.len() == 1 { name.to_owned() } else { format!("{number}.{name}") };
                    #[expect(clippy::cast_possible_truncation, reason = "outputs of models are saved as f32")]
                    let values = Values::Floats(fetch.values_f64().into_iter().map(|value| value as f32).collect());
                    check.outputs.push(PostedOutput { name, element: Element::F32, values: Arc::new(values) });
                }
            }
            if call.complete && !call.fetches.is_empty() {
                self.add(&mut check, call, path)?;
                checked += 1;
            } else {
                check.flops = None;
            }
        }
        if checked == 0 {
            check.verdict.verified = None;
        }
        check.output_digest = short_digest(hash);
        Ok(check)
    }

    /// Adds one call's verdict to the check.
    fn add(&self, check: &mut Check, call: &OnnxCall, path: &Path) -> Result<(), String> {
        let reference = self.references.of(path, call, self.backend, &self.browser)?;
        check.random |= reference.random;
        check.flops = check.flops.zip(reference.flops).map(|(sum, more)| Flops(sum.0 + more.0));
        if check.reference.is_empty() {
            check.reference.clone_from(&reference.name);
        }
        let Some(expected) = &reference.outputs else {
            if check.unverified.is_empty() {
                check.unverified.clone_from(&reference.why_none);
            }
            if check.verdict.failure.is_none() {
                check.verdict.verified = None;
            }
            return Ok(());
        };
        let half = call.feeds.iter().chain(&call.fetches).any(|tensor| *tensor.kind() == ElementType::F16);
        let dtype = if half { "fp16" } else { self.dtype.as_str() };
        let tolerance = Tolerance::of(dtype).ok_or_else(|| format!("there is no tolerance for the dtype {dtype}"))?;
        let comparable: Vec<Tensor> = expected
            .iter()
            .filter(|tensor| call.fetches.iter().any(|fetch| fetch.name() == tensor.name()))
            .cloned()
            .collect();
        // What nothing was compared with must not count as right.
        if comparable.len() != call.fetches.len() {
            let names = |tensors: &[Tensor]| tensors.iter().map(Tensor::name).collect::<Vec<_>>().join(", ");
            let (found, known) = (names(&call.fetches), names(expected));
            return Err(format!("the page returned {found} from {}, whose outputs are {known}", call.file));
        }
        let mut verdict = onnx::compare(&call.fetches, &comparable, tolerance);
        let total = &mut check.verdict;
        if let (Some(max_abs), Some(max_rel)) = (verdict.max_abs_error, verdict.max_rel_error) {
            total.measured(max_abs, max_rel, verdict.not_finite);
        }
        if let Some(failure) = &mut verdict.failure {
            failure.stage.clone_from(&call.file);
        }
        if total.failure.is_none() {
            total.failure = verdict.failure;
            total.verified = match (total.verified, verdict.verified) {
                (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
        }
        Ok(())
    }
}
