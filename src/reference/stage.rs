//! Checking one stage: what it wrote against its op's reference, or against the user's file.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::elements::{Compared, Found, root_mean_square};
use super::failure::{Failure, SENTINEL_BITS};
use super::fill;
use super::given::Given;
use super::position::index;
use crate::arrays::Numbers;
use crate::graph::ops::{self, Expected, Operands, TensorView, tolerance};
use crate::graph::{Element, ExpectSpec, Graph, Stage, Start, Tensor, TensorId, TensorRole, Values};

/// What checking a stage found.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Errors {
    pub(super) max_abs: f64,
    pub(super) max_rel: f64,
    /// Elements that are not finite, as they should be.
    pub(super) not_finite: usize,
}

/// A stage that is wrong.
pub(super) struct Wrong {
    pub(super) failure: Failure,
    /// Of what could be compared.
    pub(super) errors: Option<Errors>,
}

/// Tensors whose values are known.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    given: &'a HashMap<TensorId, Vec<f32>>,
    computed: &'a HashMap<TensorId, Vec<f32>>,
    /// Computed ones of whole numbers.
    whole: Option<&'a HashMap<TensorId, Vec<i64>>>,
    /// Where references may be kept.
    keeper: Option<&'a Given>,
}

impl<'a> Known<'a> {
    /// All in one map, all of floats.
    pub(super) fn only(tensors: &'a HashMap<TensorId, Vec<f32>>) -> Self {
        Self { given: tensors, computed: tensors, whole: None, keeper: None }
    }

    /// Given ones, and those computed of them.
    pub(super) fn beside(
        given: &'a Given,
        computed: &'a HashMap<TensorId, Vec<f32>>,
        whole: &'a HashMap<TensorId, Vec<i64>>,
    ) -> Self {
        Self { given: &given.values, computed, whole: Some(whole), keeper: Some(given) }
    }

    fn get(self, id: TensorId) -> Option<&'a Vec<f32>> {
        self.computed.get(&id).or_else(|| self.given.get(&id))
    }

    fn whole(self, id: TensorId) -> Option<&'a Vec<i64>> {
        self.whole?.get(&id)
    }
}

/// What is known of a stage that is not wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Right {
    /// Of the output that was compared; `None` if nothing says what the stage must compute.
    pub(super) errors: Option<Errors>,
    /// Whether all that it wrote was compared.
    pub(super) whole: bool,
}

/// Compares what a stage wrote with what it must compute, as far as something says that.
pub(super) fn check(graph: &Graph, stage: &Stage, tensors: Known<'_>) -> Result<Right, Box<Wrong>> {
    let errors = compared(graph, stage, tensors);
    for (place, (id, start)) in stage.outputs.iter().zip(&stage.starts).enumerate() {
        // A whole number or a texel of bytes may be the sentinel; where the file says so it was not left behind. Floats
        // and halves of the sentinel are NaN, and a file may expect those.
        let tensor = &graph.tensors[*id];
        let steps = tensor.texture.and_then(|format| format.channel().steps());
        let may_be = tensor.element.is_whole() || steps.is_some();
        let meant = place == 0 && stage.expect.is_some() && may_be && errors.is_ok();
        if !meant {
            written(graph, *id, *start, tensors)?;
        }
    }
    let errors = errors?;
    // A reference speaks of the first output only; known ops have no other.
    Ok(Right { errors, whole: errors.is_some() && stage.outputs.len() == 1 })
}

/// The largest errors of the first output, or `None` if nothing says what it must be.
fn compared(graph: &Graph, stage: &Stage, tensors: Known<'_>) -> Result<Option<Errors>, Box<Wrong>> {
    let Some(&output) = stage.outputs.first() else { return Ok(None) };
    there(graph, output, tensors)?;
    if let Some(expect) = &stage.expect {
        return against_file(graph, output, expect, tensors).map(Some);
    }
    let Some(expected) = kept_or_made(graph, stage, tensors)? else { return Ok(None) };
    let got = tensors.get(output).map_or(&[][..], Vec::as_slice);
    let element = |at: usize| Compared {
        got: f64::from(got[at]),
        expected: expected.value[at],
        allowed: expected.tolerance[at] + tolerance::FLUSHED,
    };
    judged(graph, output, element).map(Some)
}

/// Elements of a stage's outputs that are NaN or infinite.
pub(super) fn not_finite(stage: &Stage, tensors: Known<'_>) -> usize {
    let outputs = stage.outputs.iter().filter_map(|id| tensors.get(*id));
    outputs.map(|values| values.iter().filter(|value| !value.is_finite()).count()).sum()
}

/// Compares an output with the user's file. Whole numbers must be equal; floats may be off by a share of their own size, or of
/// the root mean square of all, whichever is larger.
fn against_file(
    graph: &Graph,
    output: TensorId,
    expect: &ExpectSpec,
    tensors: Known<'_>,
) -> Result<Errors, Box<Wrong>> {
    let path = &expect.file.path;
    let unread =
        |message: String| unreadable(graph, output, format!("can't be compared with {}: {message}", path.display()));
    let numbers = expect.file.read().map_err(unread)?;
    let texture = graph.tensors[output].texture;
    match (numbers, graph.tensors[output].element.is_whole()) {
        (Numbers::Whole(expected), true) => {
            let (low, high) = texture.map_or((f64::MIN, f64::MAX), |format| format.channel().range());
            let beyond = |value: i64| !(low..=high).contains(&(value as f64));
            if let (Some(format), Some(at)) = (texture, expected.iter().position(|value| beyond(*value))) {
                return Err(unread(format!("it holds {} at [{at}], beyond {format}", expected[at])));
            }
            let got = tensors.whole(output).map_or(&[][..], Vec::as_slice);
            judged(graph, output, |at| Compared { got: got[at] as f64, expected: expected[at] as f64, allowed: 0.0 })
        }
        (numbers, _) => {
            let steps = texture.and_then(|format| format.channel().steps());
            let (expected, rounded) = match numbers {
                Numbers::Floats(values) => (values, false),
                // Of a fraction of 1 whole numbers are its bytes, which were rounded once themselves.
                Numbers::Whole(values) => {
                    (values.into_iter().map(|value| value as f64 / steps.unwrap_or(1.0)).collect(), steps.is_some())
                }
            };
            // The share is one of what the texels can hold, not of what is beyond them.
            let held: Cow<'_, [f64]> = match texture {
                Some(format) => expected.iter().map(|value| format.held(*value)).collect(),
                None => Cow::Borrowed(&expected),
            };
            let got = tensors.get(output).map_or(&[][..], Vec::as_slice);
            let rms = root_mean_square(&held);
            if rms > 0.0 && rms < tolerance::FLUSHED {
                let remedy = "give the output the `type` that the shader writes";
                return Err(unread(format!(
                    "its values are as small as whole numbers whose bits are taken for floats: {remedy}"
                )));
            }
            // Among zeros nothing is flushed: the bits of a small whole number must not pass for one.
            let flushed = if rms > 0.0 { tolerance::FLUSHED } else { 0.0 };
            judged(graph, output, |at| {
                let overflows = texture.is_some_and(|format| format.overflows(expected[at], got[at]));
                let expected = if overflows { f64::from(got[at]) } else { held[at] };
                let step = texture.map_or(0.0, |format| format.step(expected));
                let step = if rounded { 2.0 * step } else { step };
                Compared {
                    got: f64::from(got[at]),
                    expected,
                    allowed: expect.tolerance * expected.abs().max(rms) + expect.absolute + step + flushed,
                }
            })
        }
    }
}

/// As [`expect`], from what is kept where the stage reads only what is given.
fn kept_or_made(graph: &Graph, stage: &Stage, tensors: Known<'_>) -> Result<Option<Arc<Expected>>, Box<Wrong>> {
    let keeper = tensors.keeper.filter(|_| stage.reads().all(|id| graph.tensors[id].role != TensorRole::Computed));
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
pub(super) fn expect(graph: &Graph, stage: &Stage, tensors: Known<'_>) -> Result<Option<Expected>, Box<Wrong>> {
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
            None => match fill(tensor).map_err(|error| unreadable(graph, id, error.to_string()))? {
                Values::Floats(values) => Ok(Cow::Owned(values)),
                // Its type was checked with the graph.
                Values::Whole(_) => Err(problem(graph, id, "holds whole numbers".to_owned())),
            },
        }
    })
    .collect()
}

/// Checks that a computed tensor is there and complete.
fn there(graph: &Graph, id: TensorId, tensors: Known<'_>) -> Result<(), Box<Wrong>> {
    match tensors.get(id).map(Vec::len).or(tensors.whole(id).map(Vec::len)) {
        None => Err(problem(graph, id, "was not read back".to_owned())),
        Some(len) if len != graph.tensors[id].len() => Err(wrong_length(graph, id, len)),
        Some(_) => Ok(()),
    }
}

/// Checks that a computed tensor is there, complete, and holds no sentinel.
fn written(graph: &Graph, id: TensorId, start: Start, tensors: Known<'_>) -> Result<(), Box<Wrong>> {
    there(graph, id, tensors)?;
    let tensor = &graph.tensors[id];
    let (floats, whole) = (tensors.get(id), tensors.whole(id));
    // What starts otherwise holds no sentinel, and the halves of one are numbers like others.
    if start != Start::Sentinel || tensor.element == Element::F16 {
        return Ok(());
    }
    let floats = floats.into_iter().flatten().map(|value| i64::from(value.to_bits()));
    let bits: Vec<i64> = floats.chain(whole.into_iter().flatten().copied()).collect();
    let sentinel = sentinel(tensor);
    let texels = bits.chunks(sentinel.len()).enumerate().filter(|(_, texel)| *texel == sentinel.as_slice());
    let mut unwritten = texels.map(|(at, _)| at * sentinel.len());
    let Some(first) = unwritten.next() else { return Ok(()) };
    let count = sentinel.len() * (1 + unwritten.count());
    let mut wrong = problem(graph, id, format!("has {count} elements that were never written"));
    wrong.failure.index = index(first, &tensor.shape);
    wrong.failure.wrong = count;
    Err(wrong)
}

/// What an element, or all channels of a texel, hold that nothing wrote.
fn sentinel(tensor: &Tensor) -> Vec<i64> {
    let Some(format) = tensor.texture else { return vec![i64::from(SENTINEL_BITS)] };
    let texel = Tensor { shape: vec![1, 1, format.channels()], ..tensor.clone() };
    match texel.decode(&SENTINEL_BITS.to_le_bytes().repeat(4)) {
        Values::Floats(values) => values.into_iter().map(|value| i64::from(value.to_bits())).collect(),
        Values::Whole(values) => values,
    }
}

pub(super) fn judged(
    graph: &Graph,
    id: TensorId,
    element: impl Fn(usize) -> Compared + Sync,
) -> Result<Errors, Box<Wrong>> {
    let tensor = &graph.tensors[id];
    let found = Found::of(tensor.len(), &element);
    let errors = Errors { max_abs: found.max_abs, max_rel: found.max_rel(), not_finite: found.not_finite };
    let Some(worst) = found.worst() else { return Ok(errors) };
    let Compared { got, expected, allowed } = element(worst);
    let mut problem = problem(graph, id, "differs from its reference".to_owned());
    problem.failure.index = index(worst, &tensor.shape);
    (problem.failure.got, problem.failure.expected, problem.failure.tolerance) = (got, expected, allowed);
    problem.failure.wrong = found.wrong;
    problem.errors = Some(errors);
    Err(problem)
}

/// A failure of the whole tensor.
pub(super) fn problem(graph: &Graph, id: TensorId, reason: String) -> Box<Wrong> {
    let tensor = &graph.tensors[id];
    let failure = Failure {
        stage: String::new(),
        tensor: tensor.name.clone(),
        reason,
        index: vec![0; tensor.shape.len()],
        got: f64::NAN,
        expected: f64::NAN,
        tolerance: 0.0,
        wrong: tensor.len(),
        of: tensor.len(),
        compared: true,
    };
    Box::new(Wrong { failure, errors: None })
}

/// What a tensor is compared with, or computed from, can't be read.
fn unreadable(graph: &Graph, id: TensorId, reason: String) -> Box<Wrong> {
    let mut problem = problem(graph, id, reason);
    problem.failure.compared = false;
    problem
}

fn wrong_length(graph: &Graph, id: TensorId, found: usize) -> Box<Wrong> {
    problem(graph, id, format!("was read back with {found} elements, expected {}", graph.tensors[id].len()))
}
