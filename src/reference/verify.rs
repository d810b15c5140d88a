//! Comparing what a page computed with the references, stage by stage.

#![expect(clippy::implicit_hasher, reason = "one map type for tensors; no caller has another hasher")]

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::failure::Failure;
use super::given::Given;
use super::later::checked_later;
use super::recorded::{Recorded, Tensors, digest};
use super::stage::{Errors, Known, Right, check, expect, not_finite};
use crate::graph::{Graph, Stage, TensorId, Values, memory};

/// What verification found.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// `None` if a stage has neither reference nor expected file, no later stage's file speaks for it, and nothing was
    /// wrong.
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
            Ok(right) => right.errors,
            Err(wrong) => wrong.errors,
        };
        if let Some(Errors { max_abs, max_rel, not_finite }) = errors {
            self.measured(max_abs, max_rel, not_finite);
        }
        match found {
            Ok(Right { whole: true, .. }) => {}
            Ok(_) => {
                let counted = errors.map_or(0, |errors| errors.not_finite);
                self.not_finite += not_finite(stage, tensors) - counted;
                if !checked_later(graph, stage) {
                    self.verified = None;
                    self.unknown.push(stage.name.clone());
                }
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
    tensors: Tensors,
    lifetimes: Vec<(usize, usize)>,
    /// The stage that is checked next.
    stage: usize,
    verdict: Verdict,
    /// What is not let go of; `None` where nothing is to be kept.
    kept: Option<HashSet<TensorId>>,
    digests: HashMap<TensorId, u64>,
}

impl Progress {
    /// Of a graph of which nothing is there yet.
    #[must_use]
    pub fn begin(graph: &Graph) -> Self {
        let lifetimes = memory::lifetimes(graph);
        Self {
            tensors: Tensors::default(),
            lifetimes,
            stage: 0,
            verdict: Verdict::default(),
            kept: None,
            digests: HashMap::new(),
        }
    }

    /// The same, which keeps what other inferences are judged by.
    #[must_use]
    pub fn keeping(graph: &Graph) -> Self {
        Self { kept: Some(Recorded::needed(graph)), ..Self::begin(graph) }
    }

    /// Takes the values of a computed tensor. `given` holds inputs and weights; those that it lacks are made.
    pub fn take(&mut self, graph: &Graph, given: &Given, id: TensorId, values: Values) {
        if self.verdict.failure.is_some() {
            return;
        }
        if self.kept.is_some() {
            self.digests.insert(id, digest(&values));
        }
        self.tensors.insert(id, values);
        while let Some(stage) = graph.stages.get(self.stage)
            && stage.outputs.iter().all(|id| self.tensors.holds(*id))
        {
            if !self.verdict.add(graph, stage, self.tensors.beside(given)) {
                self.tensors = Tensors::default();
                return;
            }
            let is_kept = |id| self.kept.as_ref().is_some_and(|kept| kept.contains(&id));
            self.tensors.retain(|id| self.lifetimes[id].1 > self.stage || is_kept(id));
            self.stage += 1;
        }
    }

    /// What was found. A stage whose tensors never came is wrong.
    #[must_use]
    pub fn end(self, graph: &Graph, given: &Given) -> Verdict {
        self.end_keeping(graph, given).0
    }

    /// The same with what was kept: nothing unless it began so, or of what is wrong.
    #[must_use]
    pub fn end_keeping(mut self, graph: &Graph, given: &Given) -> (Verdict, Option<Recorded>) {
        if self.verdict.failure.is_none()
            && let Some(stage) = graph.stages.get(self.stage)
        {
            self.verdict.add(graph, stage, self.tensors.beside(given));
        }
        let keeps = self.kept.is_some() && self.verdict.failure.is_none();
        let recorded = keeps.then_some(Recorded { tensors: self.tensors, digests: self.digests });
        (self.verdict, recorded)
    }

    /// How many tensors are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.tensors.len()
    }
}
