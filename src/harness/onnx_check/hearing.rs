//! What a witness, another backend of the same browser, says of a job's calls, and what becomes of the check then.

use super::{Check, Failure, Heard, OnnxCall, OnnxChecker, Verdict, name_reference};
use crate::manifest::Backend;
use crate::units::significant;

impl OnnxChecker {
    /// Decides by what another backend of the same browser made of the same calls. A witness that could not run them has no
    /// calls, and changes nothing.
    pub(super) fn hear(&self, heard: &Heard, calls: &[OnnxCall], mut check: Check) -> Result<Check, String> {
        if heard.calls.is_empty() {
            return Ok(check);
        }
        if heard.calls.len() != calls.len() || heard.calls.iter().zip(calls).any(|(heard, own)| heard.file != own.file)
        {
            return Err("the page's witness ran other calls than the job".to_owned());
        }
        let witness = format!("{} in {}", witness_of(self.backend), self.browser);
        let shared = heard.shared.as_str();
        let between = self.between(calls, &heard.calls, check.verdict.failure.is_none())?;
        match check.verdict.failure.take() {
            Some(mut failure) => {
                let says = match (self.backs_reference(calls, &heard.calls)?, &between.failure) {
                    (true, _) => format!(", with which {witness} agrees"),
                    (false, Some(_)) => format!("; {witness} differs from it too, and from this output"),
                    (false, None) if !shared.is_empty() => {
                        format!("; {witness} gives the same, but both compute {shared} on the CPU")
                    }
                    (false, None) => {
                        suspect(&mut check, &between, &witness);
                        return Ok(check);
                    }
                };
                failure.reason.push_str(&says);
                check.verdict.failure = Some(failure);
            }
            None => self.decide_between(&mut check, between, &witness, shared),
        }
        Ok(check)
    }

    /// Where there is no reference: of two backends it is the GPU's that is held to the other, since wasm computes as
    /// onnxruntime does natively.
    fn decide_between(&self, check: &mut Check, between: Verdict, witness: &str, shared: &str) {
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
            (_, None) if !shared.is_empty() => {
                let beside = format!("that of {witness} is within {apart} of the largest element");
                check.unverified = format!("{}; {beside}, but both compute {shared} on the CPU", check.unverified);
            }
            (_, failure) => {
                let (max_abs, max_rel) = (between.max_abs_error.unwrap_or(0.0), between.max_rel_error.unwrap_or(0.0));
                check.verdict.measured(max_abs, max_rel, between.not_finite);
                check.verdict.verified = Some(failure.is_none());
                check.verdict.failure = failure;
                name_reference(check, witness);
                check.unverified.clear();
            }
        }
    }

    /// The job's outputs against those of the witness; of the calls without a reference alone, where `unknown` says so.
    fn between(&self, calls: &[OnnxCall], heard: &[OnnxCall], unknown: bool) -> Result<Verdict, String> {
        let mut all = Verdict::default();
        for (number, (own, heard)) in calls.iter().zip(heard).enumerate() {
            if unknown && self.reference(calls, number)?.outputs.is_some() {
                continue;
            }
            let verdict = self.compare(own, &self.without_files(&own.fetches), &heard.fetches)?;
            if let (Some(max_abs), Some(max_rel)) = (verdict.max_abs_error, verdict.max_rel_error) {
                all.measured(max_abs, max_rel, verdict.not_finite);
            }
            let failure = verdict.failure.map(|failure| Failure { stage: self.stage(calls, number), ..failure });
            all.failure = all.failure.or(failure);
        }
        Ok(all)
    }

    /// Whether the witness computed what the references say.
    fn backs_reference(&self, calls: &[OnnxCall], heard: &[OnnxCall]) -> Result<bool, String> {
        for (number, (own, heard)) in calls.iter().zip(heard).enumerate() {
            let reference = self.reference(calls, number)?;
            let Some(expected) = &reference.outputs else { continue };
            if self.compare(own, &self.without_files(&heard.fetches), expected)?.failure.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The backend that is a witness of jobs on another.
pub(super) fn witness_of(backend: Backend) -> Backend {
    if backend == Backend::Wasm { Backend::Webgpu } else { Backend::Wasm }
}

/// Leaves a check open whose output another backend computed as well, against the reference.
fn suspect(check: &mut Check, between: &Verdict, witness: &str) {
    let (off, apart) = (share(check.verdict.max_rel_error), share(between.max_rel_error));
    let reference = &check.reference;
    check.verdict.verified = None;
    check.unverified = format!(
        "it differs from that of {reference} by {off} of the largest element, and from that of {witness} by {apart} only: \
         the reference is the suspect"
    );
}

/// A share of the largest element, for messages.
fn share(error: Option<f64>) -> String {
    error.map_or_else(|| "an unknown share".to_owned(), |error| significant(error, 2))
}
