//! The check of what onnxruntime-web computed in a page: call by call against [`References`], and where those contradict the
//! page or are lacking, against a witness: another backend of the same browser that computed the same.
//!
//! The reference is a witness too: where both backends of a browser agree against it, the row is unverified, not wrong.

mod hearing;

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use self::hearing::witness_of;
use super::calls::{self, OnnxCall, PostedCalls};
use super::executor::{Check, Checked, PostedOutput};
use super::generation::{self, Token};
use super::references::{self, Heard, Reference, References, Testimony};
use crate::graph::{Element, Values};
use crate::manifest::Backend;
use crate::manifest::model::OutputFile;
use crate::protocol::job::GenerationSpec;
use crate::protocol::on_cpu;
use crate::reference::onnx::{self, ElementType, Tensor, Tolerance};
use crate::reference::{Failure, Spread, Verdict};
use crate::render::page::{OnnxPage, short_digest};
use crate::units::Flops;

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
    /// How it was asked to generate a text; `None` of jobs that generate none.
    generation: Option<GenerationSpec>,
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
        Self {
            files,
            dtypes: page.dtypes.clone(),
            backend,
            device: page.device(),
            browser,
            references,
            generation: page.generation,
            expect: page.expect.clone(),
            keep,
            doubtful: None,
            verified: false,
        }
    }

    pub(super) fn check(&mut self, posted: &[u8]) -> Result<Checked, String> {
        let PostedCalls { witness, calls, chosen } = calls::read(posted).map_err(|error| error.to_string())?;
        match (witness, self.doubtful.take()) {
            (None, Some(Doubtful { check, .. })) if check.verdict.failure.is_some() => Ok(self.done(check)),
            (None, _) => self.first(calls, &chosen),
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
    fn first(&mut self, calls: Vec<OnnxCall>, chosen: &[Vec<u64>]) -> Result<Checked, String> {
        let mut check = nothing_compared();
        let mut hash = Sha256::new();
        let (mut unknown, mut contradicted, mut incomplete) = (false, false, calls.is_empty());
        for (number, call) in calls.iter().enumerate() {
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
                let reference = self.reference(&calls, number);
                check.flops = check.flops.zip(reference.ok().and_then(|reference| reference.flops)).map(sum);
            } else if call.complete && !call.fetches.is_empty() {
                let reference = self.reference(&calls, number)?;
                unknown |= reference.outputs.is_none();
                incomplete |= !self.add(&mut check, &calls, number, &reference)?;
            } else {
                check.flops = None;
            }
        }
        if calls.is_empty() {
            leave_open(&mut check, "the model was never called".to_owned());
        }
        if let Some(asked) = self.generation.filter(|_| check.verdict.failure.is_none()) {
            let wrong = generation::choice(asked, &calls, chosen)?;
            contradicted |= wrong.is_some();
            fail(&mut check, wrong);
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

    /// What a call must give. Those of a text that goes on depend on all before them.
    fn reference(&self, calls: &[OnnxCall], number: usize) -> Result<Reference, String> {
        let call = &calls[number];
        let path = self.path(call)?;
        match self.generation {
            Some(_) => Ok(self.references.forced(path, calls)?[number].clone()),
            None => self.references.of(path, call, self.backend, &self.browser),
        }
    }

    /// What messages call one of a job's calls.
    fn stage(&self, calls: &[OnnxCall], number: usize) -> String {
        let file = &calls[number].file;
        match self.generation {
            Some(_) => Token { number, of: calls.len(), file }.to_string(),
            None => file.clone(),
        }
    }

    /// Adds one call's verdict to the check; whether the page returned all that there is to compare.
    fn add(&self, check: &mut Check, calls: &[OnnxCall], number: usize, reference: &Reference) -> Result<bool, String> {
        let call = &calls[number];
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
        add_verdict(
            check,
            &self.stage(calls, number),
            self.compare(call, &self.without_files(&call.fetches), expected)?,
        );
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
            add_verdict(check, &call.file, onnx::compare_with_file(fetch, &output.file, tolerance));
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
}

/// The check of no call.
fn nothing_compared() -> Check {
    Check {
        verdict: Verdict::default(),
        reference: String::new(),
        unverified: String::new(),
        spread: Spread::default(),
        random: false,
        flops: Some(Flops(0)),
        output_digest: String::new(),
        outputs: Vec::new(),
    }
}

fn sum((sum, more): (Flops, Flops)) -> Flops {
    Flops(sum.0 + more.0)
}

/// Adds to the names of what a job was compared with.
pub(super) fn name_reference(check: &mut Check, name: &str) {
    if check.reference.is_empty() {
        name.clone_into(&mut check.reference);
    } else if !name.is_empty() && !check.reference.split(" and ").any(|known| known == name) {
        check.reference = format!("{} and {name}", check.reference);
    }
}

/// Adds what was found of a call; the first failure counts.
pub(super) fn add_verdict(check: &mut Check, stage: &str, verdict: Verdict) {
    if let (Some(max_abs), Some(max_rel)) = (verdict.max_abs_error, verdict.max_rel_error) {
        check.verdict.measured(max_abs, max_rel, verdict.not_finite);
    }
    fail(check, verdict.failure.map(|failure| Failure { stage: stage.to_owned(), ..failure }));
}

/// Adds a failure, where there is one; the first counts.
fn fail(check: &mut Check, failure: Option<Failure>) {
    if check.verdict.failure.is_none() && failure.is_some() {
        check.verdict.failure = failure;
        check.verdict.verified = Some(false);
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
