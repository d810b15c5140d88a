//! Comparing what a page computed with the references, stage by stage.

#![expect(clippy::implicit_hasher, reason = "one map type for tensors; no caller has another hasher")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::stage::{Errors, Known, check, expect, not_finite};
use crate::graph::ops::Expected;
use crate::graph::{Graph, Stage, TensorId, Values, memory};

/// Output buffers hold this before each sample: a NaN that no arithmetic yields, so what was not written is seen.
pub const SENTINEL_BITS: u32 = 0x7fc0_5e17;

/// What verification found.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// `None` if a stage has neither reference nor expected file and nothing was wrong.
    pub verified: Option<bool>,
    /// Largest |got - expected| of all elements that were compared; `None` where none was.
    pub max_abs_error: Option<f64>,
    /// Largest over the tensors of: largest |got - expected| by largest |expected|; `None` where none was compared.
    pub max_rel_error: Option<f64>,
    /// Elements that are NaN or infinite, and not wrong: their reference says so, or nothing says otherwise.
    pub not_finite: usize,
    /// The stages that nothing says the results of.
    pub unknown: Vec<String>,
    /// The first stage that is wrong.
    pub failure: Option<Failure>,
}

/// Where and how an output is wrong: the element furthest beyond its tolerance.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "stage `{stage}`: `{tensor}` {reason} ({wrong} of {of} elements); at {index:?} it is {got}, expected {expected} ± {tolerance:e}"
)]
pub struct Failure {
    /// The stage.
    pub stage: String,
    /// The tensor that it wrote.
    pub tensor: String,
    /// For instance `differs from its reference`.
    pub reason: String,
    /// Position of the worst element, an index a dimension.
    pub index: Vec<usize>,
    /// Its value; NaN where there is none.
    pub got: f64,
    /// What it should be; NaN where that is not known.
    pub expected: f64,
    /// How far it could have been off.
    pub tolerance: f64,
    /// How many elements are wrong.
    pub wrong: usize,
    /// Of how many.
    pub of: usize,
}

/// Computes every stage of `graph` by its reference, each output rounded to f32: what a faultless device would return.
///
/// `given` may hold inputs and weights; the others are filled. The error says which stage has no reference, or what
/// could not be filled.
pub fn compute(graph: &Graph, given: HashMap<TensorId, Vec<f32>>) -> Result<HashMap<TensorId, Vec<f32>>, String> {
    let mut tensors = given;
    for stage in &graph.stages {
        let expected = expect(graph, stage, Known::only(&tensors)).map_err(|wrong| wrong.failure.to_string())?;
        let (Some(expected), &[output]) = (expected, stage.outputs.as_slice()) else {
            return Err(format!("stage `{}`: op `{}` has no reference", stage.name, stage.op));
        };
        #[expect(clippy::cast_possible_truncation, reason = "a device's tensors are f32")]
        tensors.insert(output, expected.value.into_par_iter().map(|value| value as f32).collect());
    }
    Ok(tensors)
}

/// Verifies every stage of `graph`.
///
/// `tensors` holds every computed tensor; inputs and weights that it lacks are made by [`fill`](super::fill()). Each
/// output is compared with the reference of the tensors that its stage read.
#[must_use]
pub fn verify(graph: &Graph, tensors: &HashMap<TensorId, Vec<f32>>) -> Verdict {
    let mut verdict = Verdict::default();
    for stage in &graph.stages {
        if !verdict.add(graph, stage, Known::only(tensors)) {
            break;
        }
    }
    verdict
}

impl Default for Verdict {
    /// Of nothing yet.
    fn default() -> Self {
        Self {
            verified: Some(true),
            max_abs_error: None,
            max_rel_error: None,
            not_finite: 0,
            unknown: Vec::new(),
            failure: None,
        }
    }
}

impl Verdict {
    /// Counts errors of what was compared.
    pub(crate) fn measured(&mut self, max_abs: f64, max_rel: f64, not_finite: usize) {
        let larger = |known: Option<f64>, found: f64| Some(known.map_or(found, |known| known.max(found)));
        self.max_abs_error = larger(self.max_abs_error, max_abs);
        self.max_rel_error = larger(self.max_rel_error, max_rel);
        self.not_finite += not_finite;
    }

    /// Adds what was found of a stage; whether all is well so far.
    fn add(&mut self, graph: &Graph, stage: &Stage, tensors: Known<'_>) -> bool {
        let found = check(graph, stage, tensors);
        let errors = match &found {
            Ok(errors) => *errors,
            Err(wrong) => wrong.errors,
        };
        if let Some(Errors { max_abs, max_rel, not_finite }) = errors {
            self.measured(max_abs, max_rel, not_finite);
        }
        match found {
            Ok(Some(_)) => {}
            Ok(None) => {
                self.verified = None;
                self.not_finite += not_finite(stage, tensors);
                self.unknown.push(stage.name.clone());
            }
            Err(mut wrong) => {
                wrong.failure.stage.clone_from(&stage.name);
                self.failure = Some(wrong.failure);
                self.verified = Some(false);
            }
        }
        self.failure.is_none()
    }
}

/// Verification of a graph whose tensors come one after the other: each stage is checked as soon as all that it wrote is
/// there, and what no later stage reads is let go of.
#[derive(Debug)]
pub struct Progress {
    computed: HashMap<TensorId, Vec<f32>>,
    whole: HashMap<TensorId, Vec<i64>>,
    lifetimes: Vec<(usize, usize)>,
    /// The stage that is checked next.
    stage: usize,
    verdict: Verdict,
}

impl Progress {
    /// Of a graph of which nothing is there yet.
    #[must_use]
    pub fn begin(graph: &Graph) -> Self {
        let lifetimes = memory::lifetimes(graph);
        Self { computed: HashMap::new(), whole: HashMap::new(), lifetimes, stage: 0, verdict: Verdict::default() }
    }

    /// Takes the values of a computed tensor. `given` holds inputs and weights; those that it lacks are made.
    pub fn take(&mut self, graph: &Graph, given: &Given, id: TensorId, values: Values) {
        if self.verdict.failure.is_some() {
            return;
        }
        match values {
            Values::Floats(values) => drop(self.computed.insert(id, values)),
            Values::Whole(values) => drop(self.whole.insert(id, values)),
        }
        while let Some(stage) = graph.stages.get(self.stage)
            && stage.outputs.iter().all(|id| self.computed.contains_key(id) || self.whole.contains_key(id))
        {
            if !self.verdict.add(graph, stage, Known::beside(given, &self.computed, &self.whole)) {
                self.computed.clear();
                self.whole.clear();
                return;
            }
            self.computed.retain(|id, _| self.lifetimes[*id].1 > self.stage);
            self.whole.retain(|id, _| self.lifetimes[*id].1 > self.stage);
            self.stage += 1;
        }
    }

    /// What was found. A stage whose tensors never came is wrong.
    #[must_use]
    pub fn end(mut self, graph: &Graph, given: &Given) -> Verdict {
        if self.verdict.failure.is_none()
            && let Some(stage) = graph.stages.get(self.stage)
        {
            self.verdict.add(graph, stage, Known::beside(given, &self.computed, &self.whole));
        }
        self.verdict
    }

    /// How many tensors are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.computed.len() + self.whole.len()
    }
}

/// Inputs and weights, with what stages must make of them alone: the jobs of a sweep ask for it again and again, and a
/// large product takes seconds.
#[derive(Debug, Default)]
pub struct Given {
    /// By their ids.
    pub values: HashMap<TensorId, Vec<f32>>,
    kept: Mutex<Vec<(Stage, Arc<Expected>)>>,
}

/// Elements of the references that are kept beside one set of inputs: 16 bytes each.
const KEPT: usize = 1 << 26;

impl Given {
    /// Of values.
    #[must_use]
    pub fn new(values: HashMap<TensorId, Vec<f32>>) -> Self {
        Self { values, kept: Mutex::default() }
    }

    pub(super) fn kept(&self, stage: &Stage) -> Option<Arc<Expected>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(other, _)| other == stage).map(|(_, expected)| expected.clone())
    }

    pub(super) fn keep(&self, stage: &Stage, expected: &Arc<Expected>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let held: usize = kept.iter().map(|(_, expected)| expected.value.len()).sum();
        if held + expected.value.len() <= KEPT {
            kept.push((stage.clone(), expected.clone()));
        }
    }
}
