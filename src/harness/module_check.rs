//! The check of what a user's module computed: its outputs against files, or against what another model makes of the same
//! inputs, which gpujobs computes itself.
//!
//! Made by `publish` with each job; `check` asks it.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::calls::{self, OnnxCall, PostedCalls};
use super::executor::{Check, Checked};
use super::onnx_check::{add_verdict, name_reference, outputs};
use super::references::References;
use crate::manifest::Backend;
use crate::manifest::problem::listed;
use crate::reference::onnx::{self, Tensor, Tolerance};
use crate::reference::{Spread, Verdict};
use crate::render::page::{ExpectedOutput, ExpectedSource, ModulePage, short_digest};

/// What checks a job of the engine `module`.
#[derive(Debug)]
pub(super) struct ModuleChecker {
    expect: Vec<ExpectedOutput>,
    /// What the module was given.
    inputs: Vec<Tensor>,
    dtype: String,
    references: Arc<References>,
    /// Whether outputs are to be in the check.
    keep: bool,
}

impl ModuleChecker {
    pub(super) fn new(page: &ModulePage, dtype: &str, references: Arc<References>, keep: bool) -> Self {
        let (expect, inputs) = (page.expect.clone(), page.inputs.clone());
        Self { expect, inputs, dtype: dtype.to_owned(), references, keep }
    }

    /// Checks the outputs of an inference. The error is of the page's words, not of its numbers.
    pub(super) fn check(&mut self, posted: &[u8]) -> Result<Checked, String> {
        let PostedCalls { witness, calls, .. } = calls::read(posted).map_err(|error| error.to_string())?;
        let (None, [call]) = (witness, calls.as_slice()) else {
            return Err(format!("the page posted {} inferences of a module, expected one", calls.len()));
        };
        let mut hash = Sha256::new();
        call.fetches.iter().for_each(|fetch| hash.update(fetch.bytes()));
        let mut check = Check {
            verdict: Verdict::default(),
            reference: String::new(),
            unverified: String::new(),
            spread: Spread::default(),
            random: false,
            flops: None,
            output_digest: short_digest(hash),
            outputs: if self.keep { outputs(call, None).collect() } else { Vec::new() },
        };
        for expected in &self.expect {
            let name = &expected.name;
            let fetch = call.fetches.iter().find(|fetch| fetch.name() == name);
            let fetch = fetch.ok_or_else(|| format!("the module returned no `{name}`, which `expect` names"))?;
            self.compare(&mut check, call, expected, fetch)?;
        }
        self.leave_open(&mut check, call);
        Ok(Checked::Done(Box::new(check)))
    }

    fn compare(
        &self,
        check: &mut Check,
        call: &OnnxCall,
        expected: &ExpectedOutput,
        fetch: &Tensor,
    ) -> Result<(), String> {
        let usual =
            Tolerance::of(&self.dtype).ok_or_else(|| format!("there is no tolerance for the dtype {}", self.dtype))?;
        let tolerance = Tolerance { share: expected.tolerance.unwrap_or(usual.share), absolute: expected.absolute };
        let name = fetch.name();
        let verdict = match &expected.source {
            ExpectedSource::File(file) => {
                name_reference(check, "file");
                let shape = file.file.header.shape.as_deref();
                onnx::compare_with_file(&shaped(fetch, shape), &file.file, tolerance)
            }
            ExpectedSource::Graph(graph, id) => {
                let computed = self.references.of_graph(graph, &self.inputs);
                let computed = computed.map_err(|error| format!("what `{name}` must hold: {error}"))?;
                let shape = graph.tensors[*id].shape.clone();
                let values = computed.get(id).map_or(&[][..], Vec::as_slice);
                let expected = Tensor::from_f32(name, shape, values).map_err(|error| error.to_string())?;
                name_reference(check, "rust");
                onnx::compare(&[shaped(fetch, Some(expected.shape()))], std::slice::from_ref(&expected), tolerance)
            }
            ExpectedSource::Onnx(path, output) => {
                let feeds = self.inputs.clone();
                let asked =
                    OnnxCall { file: String::new(), feeds, fetches: Vec::new(), unread: Vec::new(), complete: true };
                let reference = self.references.of(path, &asked, Backend::Webgpu, "")?;
                let found = reference.outputs.as_deref().and_then(|all| all.iter().find(|one| one.name() == output));
                let Some(expected) = found else {
                    let why = if reference.why_none.is_empty() {
                        format!("native onnxruntime gives no `{output}`")
                    } else {
                        reference.why_none
                    };
                    open(check, why);
                    return Ok(());
                };
                let (kind, shape) = (expected.kind().clone(), expected.shape().to_vec());
                let expected =
                    Tensor::new(name, kind, shape, expected.bytes().to_vec()).map_err(|error| error.to_string())?;
                name_reference(check, &reference.name);
                onnx::compare(&[shaped(fetch, Some(expected.shape()))], std::slice::from_ref(&expected), tolerance)
            }
        };
        add_verdict(check, &call.file, verdict);
        Ok(())
    }

    /// Says which outputs nothing was compared with.
    fn leave_open(&self, check: &mut Check, call: &OnnxCall) {
        let is_expected = |fetch: &&Tensor| self.expect.iter().any(|expected| expected.name == fetch.name());
        let unknown: Vec<&Tensor> = call.fetches.iter().filter(|fetch| !is_expected(fetch)).collect();
        if unknown.is_empty() {
            return;
        }
        let finite = |tensor: &Tensor| tensor.values_f64().into_iter().filter(|value| value.is_finite()).count();
        check.verdict.not_finite += unknown.iter().map(|tensor| tensor.len() - finite(tensor)).sum::<usize>();
        let names: Vec<&str> = unknown.iter().map(|tensor| tensor.name()).collect();
        open(check, format!("nothing says what {} must hold: no `expect` of the model names it", listed(&names)));
    }
}

/// An output that came without extents, with those that it must have if it has as many elements.
fn shaped(fetch: &Tensor, shape: Option<&[usize]>) -> Tensor {
    let fits = |shape: &&[usize]| fetch.shape().len() == 1 && shape.iter().product::<usize>() == fetch.len();
    let Some(shape) = shape.filter(fits) else { return fetch.clone() };
    let made = Tensor::new(fetch.name(), fetch.kind().clone(), shape.to_vec(), fetch.bytes().to_vec());
    made.unwrap_or_else(|_| fetch.clone())
}

/// Says why a check has no verdict, unless something was wrong.
fn open(check: &mut Check, why: String) {
    if check.verdict.failure.is_none() {
        check.verdict.verified = None;
    }
    if check.unverified.is_empty() {
        check.unverified = why;
    }
}
