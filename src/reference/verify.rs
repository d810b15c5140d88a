//! Comparing what a page computed with the references, stage by stage.

#![expect(clippy::implicit_hasher, reason = "one map type for tensors; no caller has another hasher")]

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::fill;
use super::position::index;
use crate::graph::ops::{self, Expected, Operands, TensorView, tolerance};
use crate::graph::{Expect, Graph, Stage, TensorId, TensorRole, memory};

/// Output buffers hold this before each sample: a NaN that no arithmetic yields, so what was not written is seen.
pub const SENTINEL_BITS: u32 = 0x7fc0_5e17;

/// What verification found.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// `None` if a stage has neither reference nor expected file and nothing was wrong.
    pub verified: Option<bool>,
    /// Largest |got - expected| of all elements that were compared.
    pub max_abs_error: f64,
    /// Largest over the tensors of: largest |got - expected| by largest |expected|.
    pub max_rel_error: f64,
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
    /// For instance `is not finite`, `differs from its reference`.
    pub reason: String,
    /// Position of the worst element, an index a dimension.
    pub index: Vec<usize>,
    /// Its value; NaN where there is none.
    pub got: f32,
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
    let mut verdict = Verdict::begin();
    for stage in &graph.stages {
        if !verdict.add(stage, check_stage(graph, stage, Known::only(tensors))) {
            break;
        }
    }
    verdict
}

impl Verdict {
    /// Of no stage yet.
    fn begin() -> Self {
        Self { verified: Some(true), max_abs_error: 0.0, max_rel_error: 0.0, failure: None }
    }

    /// Adds what was found of a stage; whether all is well so far.
    fn add(&mut self, stage: &Stage, found: Result<Option<(f64, f64)>, Box<Wrong>>) -> bool {
        let (max_abs, max_rel) = match &found {
            Ok(errors) => errors.unwrap_or_default(),
            Err(wrong) => (wrong.max_abs, wrong.max_rel),
        };
        self.max_abs_error = self.max_abs_error.max(max_abs);
        self.max_rel_error = self.max_rel_error.max(max_rel);
        match found {
            Ok(Some(_)) => {}
            Ok(None) => self.verified = None,
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
        Self { computed: HashMap::new(), lifetimes, stage: 0, verdict: Verdict::begin() }
    }

    /// Takes the values of a computed tensor. `given` holds inputs and weights; those that it lacks are made.
    pub fn take(&mut self, graph: &Graph, given: &Given, id: TensorId, values: Vec<f32>) {
        if self.verdict.failure.is_some() {
            return;
        }
        self.computed.insert(id, values);
        while let Some(stage) = graph.stages.get(self.stage)
            && stage.outputs.iter().all(|id| self.computed.contains_key(id))
        {
            if !self.verdict.add(stage, check_stage(graph, stage, Known::beside(given, &self.computed))) {
                self.computed.clear();
                return;
            }
            self.computed.retain(|id, _| self.lifetimes[*id].1 > self.stage);
            self.stage += 1;
        }
    }

    /// What was found. A stage whose tensors never came is wrong.
    #[must_use]
    pub fn end(mut self, graph: &Graph, given: &Given) -> Verdict {
        if self.verdict.failure.is_none()
            && let Some(stage) = graph.stages.get(self.stage)
        {
            let found = check_stage(graph, stage, Known::beside(given, &self.computed));
            self.verdict.add(stage, found);
        }
        self.verdict
    }

    /// How many tensors are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.computed.len()
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

    fn kept(&self, stage: &Stage) -> Option<Arc<Expected>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(other, _)| other == stage).map(|(_, expected)| expected.clone())
    }

    fn keep(&self, stage: &Stage, expected: &Arc<Expected>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let held: usize = kept.iter().map(|(_, expected)| expected.value.len()).sum();
        if held + expected.value.len() <= KEPT {
            kept.push((stage.clone(), expected.clone()));
        }
    }
}

/// Tensors whose values are known.
#[derive(Clone, Copy)]
struct Known<'a> {
    given: &'a HashMap<TensorId, Vec<f32>>,
    computed: &'a HashMap<TensorId, Vec<f32>>,
    /// Where references may be kept.
    keeper: Option<&'a Given>,
}

impl<'a> Known<'a> {
    /// All in one map.
    fn only(tensors: &'a HashMap<TensorId, Vec<f32>>) -> Self {
        Self { given: tensors, computed: tensors, keeper: None }
    }

    /// Given ones, and those computed of them.
    fn beside(given: &'a Given, computed: &'a HashMap<TensorId, Vec<f32>>) -> Self {
        Self { given: &given.values, computed, keeper: Some(given) }
    }

    fn get(self, id: TensorId) -> Option<&'a Vec<f32>> {
        self.computed.get(&id).or_else(|| self.given.get(&id))
    }
}

struct Wrong {
    failure: Failure,
    max_abs: f64,
    max_rel: f64,
}

/// The stage's largest errors, or `None` if nothing says what it must compute.
fn check_stage(graph: &Graph, stage: &Stage, tensors: Known<'_>) -> Result<Option<(f64, f64)>, Box<Wrong>> {
    for id in &stage.outputs {
        finite(graph, *id, tensors)?;
    }
    let Some(&output) = stage.outputs.first() else { return Ok(None) };
    let got = tensors.get(output).map_or(&[][..], Vec::as_slice);
    let Some(expected) = (match &stage.expect {
        Some(file) => Some(Arc::new(from_file(file, got.len()).map_err(|message| problem(graph, output, message))?)),
        None => kept_or_made(graph, stage, tensors)?,
    }) else {
        return Ok(None);
    };
    // A reference speaks of the first output only; known ops have no other.
    compare(graph, output, got, &expected).map(|errors| (stage.outputs.len() == 1).then_some(errors))
}

/// As [`expect`], from what is kept where the stage reads only what is given.
fn kept_or_made(graph: &Graph, stage: &Stage, tensors: Known<'_>) -> Result<Option<Arc<Expected>>, Box<Wrong>> {
    let mut reads = stage.inputs.iter().chain(stage.weights.values());
    let keeper = tensors.keeper.filter(|_| reads.all(|id| graph.tensors[*id].role != TensorRole::Computed));
    if let Some(kept) = keeper.and_then(|given| given.kept(stage)) {
        return Ok(Some(kept));
    }
    let made = expect(graph, stage, tensors)?.map(Arc::new);
    if let (Some(given), Some(expected)) = (keeper, &made) {
        given.keep(stage, expected);
    }
    Ok(made)
}

/// What a stage must write, by its op's reference; `None` without one.
fn expect(graph: &Graph, stage: &Stage, tensors: Known<'_>) -> Result<Option<Expected>, Box<Wrong>> {
    let Some(op) = ops::named(&stage.op) else { return Ok(None) };
    let inputs = values(graph, stage.inputs.iter().copied(), tensors)?;
    let weights = values(graph, stage.weights.values().copied(), tensors)?;
    let shape = |id: TensorId| graph.tensors[id].shape.as_slice();
    Ok(Some((op.reference)(&Operands {
        stage,
        inputs: stage.inputs.iter().zip(&inputs).map(|(id, values)| TensorView { shape: shape(*id), values }).collect(),
        weights: stage
            .weights
            .iter()
            .zip(&weights)
            .map(|((key, id), values)| (key.as_str(), TensorView { shape: shape(*id), values }))
            .collect(),
        output: stage.outputs.first().map_or(&[], |id| shape(*id)),
    })))
}

fn values<'a>(
    graph: &Graph,
    ids: impl Iterator<Item = TensorId>,
    tensors: Known<'a>,
) -> Result<Vec<Cow<'a, [f32]>>, Box<Wrong>> {
    ids.map(|id| {
        let tensor = &graph.tensors[id];
        match tensors.get(id) {
            Some(values) if values.len() == tensor.len() => Ok(Cow::Borrowed(values.as_slice())),
            Some(values) => Err(wrong_length(graph, id, values.len())),
            None if tensor.role == TensorRole::Computed => Err(problem(graph, id, "was not read back".to_owned())),
            None => fill(tensor).map(Cow::Owned).map_err(|error| problem(graph, id, error.to_string())),
        }
    })
    .collect()
}

/// Checks that a computed tensor is there, complete and finite: the sentinel is a NaN.
fn finite(graph: &Graph, id: TensorId, tensors: Known<'_>) -> Result<(), Box<Wrong>> {
    let Some(values) = tensors.get(id) else {
        return Err(problem(graph, id, "was not read back".to_owned()));
    };
    if values.len() != graph.tensors[id].len() {
        return Err(wrong_length(graph, id, values.len()));
    }
    let bad = values.par_iter().filter(|value| !value.is_finite()).count();
    let Some(first) = values.iter().position(|value| !value.is_finite()) else { return Ok(()) };
    let unwritten = values.par_iter().filter(|value| value.to_bits() == SENTINEL_BITS).count();
    let reason = if unwritten == 0 {
        "is not finite".to_owned()
    } else {
        format!("has {unwritten} elements that were never written")
    };
    let mut wrong = problem(graph, id, reason);
    wrong.failure.index = index(first, &graph.tensors[id].shape);
    wrong.failure.got = values[first];
    wrong.failure.wrong = bad;
    Err(wrong)
}

fn compare(graph: &Graph, id: TensorId, got: &[f32], expected: &Expected) -> Result<(f64, f64), Box<Wrong>> {
    let excess = |at: usize| {
        let error = (f64::from(got[at]) - expected.value[at]).abs();
        // Written so that a NaN in the reference or its tolerance counts as wrong.
        let allowed = expected.tolerance[at] + tolerance::FLUSHED;
        (error, if error <= allowed { 0.0 } else { (error / allowed).max(1.0) })
    };
    let worst = (0..got.len())
        .into_par_iter()
        .map(|at| {
            let (error, excess) = excess(at);
            (error, expected.value[at].abs(), excess, at, usize::from(excess > 0.0))
        })
        .reduce(
            || (0.0, 0.0, 0.0, 0, 0),
            |a, b| {
                let (excess, at) = if b.2 > a.2 { (b.2, b.3) } else { (a.2, a.3) };
                (a.0.max(b.0), a.1.max(b.1), excess, at, a.4 + b.4)
            },
        );
    let (max_abs, scale, _, at, wrong) = worst;
    let max_rel = if max_abs == 0.0 { 0.0 } else { max_abs / scale.max(f64::MIN_POSITIVE) };
    if wrong == 0 {
        return Ok((max_abs, max_rel));
    }
    let mut problem = problem(graph, id, "differs from its reference".to_owned());
    problem.failure.index = index(at, &graph.tensors[id].shape);
    problem.failure.got = got[at];
    problem.failure.expected = expected.value[at];
    problem.failure.tolerance = expected.tolerance[at];
    problem.failure.wrong = wrong;
    (problem.max_abs, problem.max_rel) = (max_abs, max_rel);
    Err(problem)
}

/// A failure of the whole tensor.
fn problem(graph: &Graph, id: TensorId, reason: String) -> Box<Wrong> {
    let tensor = &graph.tensors[id];
    let failure = Failure {
        stage: String::new(),
        tensor: tensor.name.clone(),
        reason,
        index: vec![0; tensor.shape.len()],
        got: f32::NAN,
        expected: f64::NAN,
        tolerance: 0.0,
        wrong: tensor.len(),
        of: tensor.len(),
    };
    Box::new(Wrong { failure, max_abs: 0.0, max_rel: 0.0 })
}

fn wrong_length(graph: &Graph, id: TensorId, found: usize) -> Box<Wrong> {
    problem(graph, id, format!("was read back with {found} elements, expected {}", graph.tensors[id].len()))
}

/// A stage's expected output from its file.
fn from_file(expect: &Expect, len: usize) -> Result<Expected, String> {
    let path: &Path = &expect.file;
    let bytes = std::fs::read(path).map_err(|error| format!("can't be compared with {}: {error}", path.display()))?;
    let (values, rest) = bytes.as_chunks::<4>();
    if values.len() != len || !rest.is_empty() {
        let found = bytes.len();
        return Err(format!("can't be compared with {}: it has {found} bytes, expected {}", path.display(), 4 * len));
    }
    Ok(Expected::from_elements(values.par_iter().map(|bytes| {
        let value = f64::from(f32::from_le_bytes(*bytes));
        (value, expect.tolerance * value.abs().max(1.0))
    })))
}
