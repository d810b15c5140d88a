//! The check of what onnxruntime-web computed in a page: call by call against [`References`], and where those contradict the
//! page or are lacking, against a witness: another backend of the same browser that computed the same.
//!
//! The reference is a witness too: where both backends of a browser agree against it, the row is unverified, not wrong.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::calls::{self, OnnxCall, PostedCalls};
use super::executor::{Check, Checked, PostedOutput};
use super::references::{Reference, References};
use crate::graph::{Element, Values};
use crate::manifest::Backend;
use crate::reference::onnx::{self, ElementType, Tensor, Tolerance};
use crate::reference::{Failure, Verdict};
use crate::render::page::{OnnxPage, short_digest};
use crate::units::{Flops, significant};

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
    /// What waits for a witness.
    doubtful: Option<Doubtful>,
}

/// A check that a witness is asked about.
#[derive(Debug)]
struct Doubtful {
    calls: Vec<OnnxCall>,
    check: Check,
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
        Self { files, dtype: page.dtype.clone(), backend, browser, references, keep, doubtful: None }
    }

    pub(super) fn check(&mut self, posted: &[u8]) -> Result<Checked, String> {
        let PostedCalls { witness, calls } = calls::read(posted).map_err(|error| error.to_string())?;
        match (witness, self.doubtful.take()) {
            (None, _) => self.first(calls),
            (Some(backend), Some(doubtful)) => {
                let check = self.hear(&backend, &calls, doubtful)?;
                Ok(Checked::Done(Box::new(check)))
            }
            (Some(_), None) => Err("the page brought a witness that it was not asked for".to_owned()),
        }
    }

    /// Compares the job's own calls with the references.
    fn first(&mut self, calls: Vec<OnnxCall>) -> Result<Checked, String> {
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
        let mut unknown = false;
        for (number, call) in calls.iter().enumerate() {
            let path = self.path(call)?;
            for fetch in &call.fetches {
                hash.update(fetch.bytes());
                if self.keep {
                    let name = fetch.name();
                    let name = if calls.len() == 1 { name.to_owned() } else { format!("{number}.{name}") };
                    check.outputs.push(output(name, fetch));
                }
            }
            if let [name, ..] = call.unread.as_slice() {
                leave_open(&mut check, format!("`{name}` of {} holds texts, which are not compared", call.file));
            }
            if call.complete && !call.fetches.is_empty() {
                let reference = self.references.of(path, call, self.backend, &self.browser)?;
                unknown |= reference.outputs.is_none();
                self.add(&mut check, call, &reference)?;
            } else {
                check.flops = None;
            }
        }
        if calls.is_empty() {
            leave_open(&mut check, "the model was never called".to_owned());
        }
        check.output_digest = short_digest(hash);
        let can_be_repeated = calls.iter().all(|call| call.unread.is_empty());
        if (check.verdict.failure.is_some() || unknown) && can_be_repeated && !check.random && !calls.is_empty() {
            self.doubtful = Some(Doubtful { calls, check });
            return Ok(Checked::Witness);
        }
        Ok(Checked::Done(Box::new(check)))
    }

    fn path(&self, call: &OnnxCall) -> Result<&Path, String> {
        let path = self.files.get(&call.file);
        path.map(PathBuf::as_path).ok_or_else(|| format!("the page ran a model that is not the job's: {:?}", call.file))
    }

    /// Adds one call's verdict to the check.
    fn add(&self, check: &mut Check, call: &OnnxCall, reference: &Reference) -> Result<(), String> {
        check.random |= reference.random;
        check.flops = check.flops.zip(reference.flops).map(|(sum, more)| Flops(sum.0 + more.0));
        if check.reference.is_empty() {
            check.reference.clone_from(&reference.name);
        }
        let Some(expected) = &reference.outputs else {
            leave_open(check, reference.why_none.clone());
            return Ok(());
        };
        let mut verdict = self.compare(call, &call.fetches, expected)?;
        let total = &mut check.verdict;
        if let (Some(max_abs), Some(max_rel)) = (verdict.max_abs_error, verdict.max_rel_error) {
            total.measured(max_abs, max_rel, verdict.not_finite);
        }
        if total.failure.is_none() && verdict.failure.is_some() {
            if let Some(failure) = &mut verdict.failure {
                failure.stage.clone_from(&call.file);
            }
            total.failure = verdict.failure;
            total.verified = Some(false);
        }
        Ok(())
    }

    /// Compares outputs of a call with what they should be; the error is of outputs that are not the model's.
    fn compare(&self, call: &OnnxCall, found: &[Tensor], expected: &[Tensor]) -> Result<Verdict, String> {
        let half = call.feeds.iter().chain(found).any(|tensor| *tensor.kind() == ElementType::F16);
        let dtype = if half { "fp16" } else { self.dtype.as_str() };
        let tolerance = Tolerance::of(dtype).ok_or_else(|| format!("there is no tolerance for the dtype {dtype}"))?;
        let comparable = expected.iter().filter(|tensor| found.iter().any(|one| one.name() == tensor.name()));
        let comparable: Vec<Tensor> = comparable.cloned().collect();
        // What nothing was compared with must not count as right.
        if comparable.len() != found.len() {
            let names = |tensors: &[Tensor]| tensors.iter().map(Tensor::name).collect::<Vec<_>>().join(", ");
            let (found, known) = (names(found), names(expected));
            return Err(format!("the page returned {found} from {}, whose outputs are {known}", call.file));
        }
        Ok(onnx::compare(found, &comparable, tolerance))
    }

    /// Decides by what another backend of the same browser made of the same calls. A witness that could not run them has no
    /// calls, and changes nothing.
    fn hear(&self, backend: &str, heard: &[OnnxCall], doubtful: Doubtful) -> Result<Check, String> {
        let Doubtful { calls, mut check } = doubtful;
        if heard.is_empty() {
            return Ok(check);
        }
        if heard.len() != calls.len() || heard.iter().zip(&calls).any(|(heard, own)| heard.file != own.file) {
            return Err("the page's witness ran other calls than the job".to_owned());
        }
        let witness = format!("{backend} in {}", self.browser);
        let between = self.between(&calls, heard)?;
        match check.verdict.failure.take() {
            Some(mut failure) if between.failure.is_some() => {
                let agrees = self.backs_reference(&calls, heard)?;
                let says = if agrees { ", with which {} agrees" } else { ", as that of {} does in another way" };
                failure.reason += &says.replace("{}", &witness);
                check.verdict.failure = Some(failure);
            }
            Some(_) => {
                let (off, apart) = (share(check.verdict.max_rel_error), share(between.max_rel_error));
                check.verdict.verified = None;
                check.unverified = format!(
                    "it is off from that of {} by {off} of the largest element, and from that of {witness} by {apart}: \
                     the reference is the suspect",
                    check.reference
                );
            }
            None => self.decide_between(&mut check, between, witness),
        }
        Ok(check)
    }

    /// Where there is no reference: of two backends it is the GPU's that is held to the other, since wasm computes as
    /// onnxruntime does natively.
    fn decide_between(&self, check: &mut Check, between: Verdict, witness: String) {
        let apart = share(between.max_rel_error);
        match (self.backend, between.failure) {
            (Backend::Wasm, failure) => {
                let beside = if failure.is_none() {
                    format!("within {apart} of the largest element")
                } else {
                    format!("off from it by {apart} of the largest element, and nothing says which is right")
                };
                check.unverified = format!("{}; that of {witness} is {beside}", check.unverified);
            }
            (_, failure) => {
                let (max_abs, max_rel) = (between.max_abs_error.unwrap_or(0.0), between.max_rel_error.unwrap_or(0.0));
                check.verdict.measured(max_abs, max_rel, between.not_finite);
                check.verdict.verified = Some(failure.is_none());
                check.verdict.failure = failure;
                check.reference = witness;
                check.unverified.clear();
            }
        }
    }

    /// The job's outputs against those of the witness.
    fn between(&self, calls: &[OnnxCall], heard: &[OnnxCall]) -> Result<Verdict, String> {
        let mut all = Verdict::default();
        for (own, heard) in calls.iter().zip(heard) {
            let verdict = self.compare(own, &own.fetches, &heard.fetches)?;
            if let (Some(max_abs), Some(max_rel)) = (verdict.max_abs_error, verdict.max_rel_error) {
                all.measured(max_abs, max_rel, verdict.not_finite);
            }
            let failure = verdict.failure.map(|failure| Failure { stage: own.file.clone(), ..failure });
            all.failure = all.failure.or(failure);
        }
        Ok(all)
    }

    /// Whether the witness computed what the references say.
    fn backs_reference(&self, calls: &[OnnxCall], heard: &[OnnxCall]) -> Result<bool, String> {
        for (own, heard) in calls.iter().zip(heard) {
            let reference = self.references.of(self.path(own)?, own, self.backend, &self.browser)?;
            let Some(expected) = &reference.outputs else { continue };
            if self.compare(own, &heard.fetches, expected)?.failure.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Says why a check has no verdict, unless something was wrong.
fn leave_open(check: &mut Check, why: String) {
    if check.verdict.failure.is_none() {
        check.verdict.verified = None;
    }
    if check.unverified.is_empty() {
        check.unverified = why;
    }
}

/// A share of the largest element, for messages.
fn share(error: Option<f64>) -> String {
    error.map_or_else(|| "an unknown share".to_owned(), |error| significant(error, 2))
}

fn output(name: String, fetch: &Tensor) -> PostedOutput {
    #[expect(clippy::cast_possible_truncation, reason = "outputs of models are saved as f32")]
    let values = Values::Floats(fetch.values_f64().into_iter().map(|value| value as f32).collect());
    PostedOutput { name, element: Element::F32, values: Arc::new(values) }
}
