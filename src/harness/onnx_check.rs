//! The check of what onnxruntime-web computed in a page: call by call against [`References`], and where those contradict the
//! page or are lacking, against a witness: another backend of the same browser that computed the same.
//!
//! The reference is a witness too: where both backends of a browser agree against it, the row is unverified, not wrong.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::calls::{self, OnnxCall, PostedCalls};
use super::executor::{Check, Checked, PostedOutput};
use super::references::{self, Heard, Reference, References, Testimony};
use crate::graph::{Element, Values};
use crate::manifest::Backend;
use crate::manifest::model::OutputFile;
use crate::protocol::on_cpu;
use crate::reference::onnx::{self, ElementType, Tensor, Tolerance};
use crate::reference::{Failure, Spread, Verdict};
use crate::render::page::{OnnxPage, short_digest};
use crate::units::{Flops, significant};

/// What checks a job in onnxruntime-web.
#[derive(Debug)]
pub(super) struct OnnxChecker {
    files: HashMap<String, PathBuf>,
    /// Number formats of their weights.
    dtypes: HashMap<String, String>,
    backend: Backend,
    /// Which of several devices the job asked for.
    device: String,
    browser: String,
    references: Arc<References>,
    /// Outputs that files say the values of.
    expect: Vec<OutputFile>,
    /// Whether outputs are to be in the check.
    keep: bool,
    /// What waits for a witness.
    doubtful: Option<Doubtful>,
    /// Whether an output of the job was verified.
    verified: bool,
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
        let (dtypes, device, expect) = (page.dtypes.clone(), page.device(), page.expect.clone());
        Self { files, dtypes, backend, device, browser, references, expect, keep, doubtful: None, verified: false }
    }

    pub(super) fn check(&mut self, posted: &[u8]) -> Result<Checked, String> {
        let PostedCalls { witness, calls } = calls::read(posted).map_err(|error| error.to_string())?;
        match (witness, self.doubtful.take()) {
            (None, Some(Doubtful { check, .. })) if check.verdict.failure.is_some() => Ok(self.done(check)),
            (None, _) => self.first(calls),
            (Some(witness), Some(doubtful)) => {
                if witness.backend != witness_of(self.backend).to_string() {
                    return Err("the page brought another witness than it was asked for".to_owned());
                }
                let heard = Heard { shared: on_cpu::work(&witness.on_cpu), calls };
                let check = self.hear(&heard, &doubtful.calls, doubtful.check)?;
                self.references.heard(self.testimony(&doubtful.calls), Arc::new(heard));
                Ok(self.done(check))
            }
            (Some(_), None) => Err("the page brought a witness that it was not asked for".to_owned()),
        }
    }

    fn done(&mut self, check: Check) -> Checked {
        self.verified |= check.verdict.verified == Some(true);
        Checked::Done(Box::new(check))
    }

    /// What a witness's words are kept by: who it is, and what it was given.
    fn testimony(&self, calls: &[OnnxCall]) -> Testimony {
        let given = calls.iter().map(|call| (call.file.clone(), references::digest(&call.feeds))).collect();
        Testimony { browser: self.browser.clone(), job: self.backend, device: self.device.clone(), given }
    }

    /// Compares the job's own calls with the references.
    fn first(&mut self, calls: Vec<OnnxCall>) -> Result<Checked, String> {
        let mut check = Check {
            verdict: Verdict::default(),
            reference: String::new(),
            unverified: String::new(),
            spread: Spread::default(),
            random: false,
            flops: Some(Flops(0)),
            output_digest: String::new(),
            outputs: Vec::new(),
        };
        let mut hash = Sha256::new();
        let (mut unknown, mut contradicted, mut incomplete) = (false, false, calls.is_empty());
        for (number, call) in calls.iter().enumerate() {
            let path = self.path(call)?;
            call.fetches.iter().for_each(|fetch| hash.update(fetch.bytes()));
            if self.keep {
                check.outputs.extend(outputs(call, (calls.len() > 1).then_some(number)));
            }
            if let [name, ..] = call.unread.as_slice() {
                leave_open(&mut check, format!("`{name}` of {} holds texts, which are not compared", call.file));
            }
            let well = check.verdict.failure.is_none();
            if call.fetches.is_empty() && call.unread.is_empty() {
                leave_open(&mut check, format!("{} returned nothing", call.file));
                incomplete = true;
            }
            let by_file = self.add_files(&mut check, call)?;
            contradicted |= well && check.verdict.failure.is_some();
            if by_file == call.fetches.len() && by_file > 0 {
                // Only its arithmetic is asked for: what onnxruntime says against the file does not count.
                let reference = self.references.of(path, call, self.backend, &self.browser);
                check.flops = check.flops.zip(reference.ok().and_then(|reference| reference.flops)).map(sum);
            } else if call.complete && !call.fetches.is_empty() {
                let reference = self.references.of(path, call, self.backend, &self.browser)?;
                unknown |= reference.outputs.is_none();
                incomplete |= !self.add(&mut check, call, &reference)?;
            } else {
                check.flops = None;
            }
        }
        if calls.is_empty() {
            leave_open(&mut check, "the model was never called".to_owned());
        }
        check.output_digest = short_digest(hash);
        let can_be_repeated = calls.iter().all(|call| call.unread.is_empty());
        // A file is no witness: what it says is what must come out. Nor may an output change from one that the reference
        // confirms into one that it contradicts.
        let contradicted = contradicted || self.verified;
        // What the page kept back no witness can speak of.
        let doubtful = match check.verdict.failure {
            Some(_) => !contradicted,
            None => unknown && !incomplete,
        };
        if !doubtful || !can_be_repeated || check.random {
            return Ok(self.done(check));
        }
        if let Some(heard) = self.references.testimony(&self.testimony(&calls)) {
            let check = self.hear(&heard, &calls, check)?;
            return Ok(self.done(check));
        }
        let as_it_stands = Box::new(check.clone());
        self.doubtful = Some(Doubtful { calls, check });
        Ok(Checked::Witness(as_it_stands))
    }

    fn path(&self, call: &OnnxCall) -> Result<&Path, String> {
        let path = self.files.get(&call.file);
        path.map(PathBuf::as_path).ok_or_else(|| format!("the page ran a model that is not the job's: {:?}", call.file))
    }

    /// Adds one call's verdict to the check; whether the page returned all that there is to compare.
    fn add(&self, check: &mut Check, call: &OnnxCall, reference: &Reference) -> Result<bool, String> {
        check.random |= reference.random;
        check.flops = check.flops.zip(reference.flops).map(sum);
        name_reference(check, &reference.name);
        let Some(expected) = &reference.outputs else {
            leave_open(check, reference.why_none.clone());
            return Ok(true);
        };
        let returned = |name: &str| call.fetches.iter().any(|fetch| fetch.name() == name);
        let missing =
            expected.iter().find(|one| !returned(one.name()) && !call.unread.iter().any(|name| name == one.name()));
        if let Some(missing) = missing {
            leave_open(check, format!("{} did not return `{}`", call.file, missing.name()));
        }
        add_verdict(check, call, self.compare(call, &self.without_files(&call.fetches), expected)?);
        Ok(missing.is_none())
    }

    /// The outputs that no file speaks of.
    fn without_files<'a>(&self, fetches: &'a [Tensor]) -> Cow<'a, [Tensor]> {
        if self.expect.is_empty() {
            return Cow::Borrowed(fetches);
        }
        let has_file = |fetch: &&Tensor| self.expect.iter().any(|output| output.name.get_ref() == fetch.name());
        Cow::Owned(fetches.iter().filter(|fetch| !has_file(fetch)).cloned().collect())
    }

    /// Compares the outputs of a call that files speak of, and says how many they are.
    fn add_files(&self, check: &mut Check, call: &OnnxCall) -> Result<usize, String> {
        let mut compared = 0;
        for output in &self.expect {
            let name = output.name.get_ref();
            let fetch = call.fetches.iter().find(|fetch| fetch.name() == name);
            let fetch =
                fetch.ok_or_else(|| format!("the page returned no numbers of `{name}`, which `expect` names"))?;
            let usual = self.tolerance(call, std::slice::from_ref(fetch))?;
            let share = output.tolerance.unwrap_or(usual.share);
            let tolerance = Tolerance { share, absolute: output.absolute };
            name_reference(check, "file");
            add_verdict(check, call, onnx::compare_with_file(fetch, &output.file, tolerance));
            compared += 1;
        }
        Ok(compared)
    }

    /// What elements of outputs may be off by.
    fn tolerance(&self, call: &OnnxCall, found: &[Tensor]) -> Result<Tolerance, String> {
        let half = call.feeds.iter().chain(found).any(|tensor| *tensor.kind() == ElementType::F16);
        let dtype = if half { "fp16" } else { self.dtypes.get(&call.file).map_or("", String::as_str) };
        Tolerance::of(dtype).ok_or_else(|| format!("there is no tolerance for the dtype {dtype}"))
    }

    /// Compares outputs of a call with what they should be; the error is of outputs that are not the model's.
    fn compare(&self, call: &OnnxCall, found: &[Tensor], expected: &[Tensor]) -> Result<Verdict, String> {
        let tolerance = self.tolerance(call, found)?;
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
    fn hear(&self, heard: &Heard, calls: &[OnnxCall], mut check: Check) -> Result<Check, String> {
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
        for (own, heard) in calls.iter().zip(heard) {
            if unknown && self.references.of(self.path(own)?, own, self.backend, &self.browser)?.outputs.is_some() {
                continue;
            }
            let verdict = self.compare(own, &self.without_files(&own.fetches), &heard.fetches)?;
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
            if self.compare(own, &self.without_files(&heard.fetches), expected)?.failure.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn sum((sum, more): (Flops, Flops)) -> Flops {
    Flops(sum.0 + more.0)
}

/// The backend that is a witness of jobs on another.
fn witness_of(backend: Backend) -> Backend {
    if backend == Backend::Wasm { Backend::Webgpu } else { Backend::Wasm }
}

/// Adds to the names of what a job was compared with.
pub(super) fn name_reference(check: &mut Check, name: &str) {
    if check.reference.is_empty() {
        name.clone_into(&mut check.reference);
    } else if !name.is_empty() && !check.reference.split(" and ").any(|known| known == name) {
        check.reference = format!("{} and {name}", check.reference);
    }
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

/// Adds what was found of a call; the first failure counts.
pub(super) fn add_verdict(check: &mut Check, call: &OnnxCall, verdict: Verdict) {
    let total = &mut check.verdict;
    if let (Some(max_abs), Some(max_rel)) = (verdict.max_abs_error, verdict.max_rel_error) {
        total.measured(max_abs, max_rel, verdict.not_finite);
    }
    if let (Some(failure), None) = (verdict.failure, &total.failure) {
        total.failure = Some(Failure { stage: call.file.clone(), ..failure });
        total.verified = Some(false);
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

/// The outputs of a call; of several each with its number.
pub(super) fn outputs(call: &OnnxCall, number: Option<usize>) -> impl Iterator<Item = PostedOutput> {
    call.fetches.iter().map(move |fetch| {
        let name = number.map_or_else(|| fetch.name().to_owned(), |number| format!("{number}.{}", fetch.name()));
        output(name, fetch)
    })
}

fn output(name: String, fetch: &Tensor) -> PostedOutput {
    #[expect(clippy::cast_possible_truncation, reason = "outputs of models are saved as f32")]
    let values = Values::Floats(fetch.values_f64().into_iter().map(|value| value as f32).collect());
    PostedOutput { name, element: Element::F32, values: Arc::new(values) }
}
