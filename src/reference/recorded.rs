//! What a recorded run computed, as far as it judges other inferences of the same job: those whose outputs differ from its
//! own in bits, as sums do that atomics make in any order.
//!
//! Left by [`Progress`](super::Progress); `harness::repeats` asks it.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::elements::Compared;
use super::failure::Failure;
use super::given::Given;
use super::stage::{Errors, Known, Wrong, check, judged};
use crate::graph::{Element, Graph, Stage, TensorId, TensorRole, Values, ops};

/// How far outputs of floats may be apart that agree, as a share of the largest element: without a reference nothing is known
/// of the rounding, and functions such as `exp` and `tanh` may differ by hundreds of ULP between drivers. What is wrong is
/// usually off by much more.
const AGREES: f64 = 1e-3;
/// The same where halves are computed.
const HALVES_AGREE: f64 = 2e-2;

/// How far outputs of floats may be apart that agree, as a share of the largest element.
#[must_use]
pub fn agrees(halves: bool) -> f64 {
    if halves { HALVES_AGREE } else { AGREES }
}

/// Values of computed tensors.
#[derive(Debug, Default)]
pub(super) struct Tensors {
    pub(super) floats: HashMap<TensorId, Vec<f32>>,
    pub(super) whole: HashMap<TensorId, Vec<i64>>,
}

impl Tensors {
    /// Takes the values of one, and gives those that it had.
    pub(super) fn insert(&mut self, id: TensorId, values: Values) -> Option<Values> {
        match values {
            Values::Floats(values) => self.floats.insert(id, values).map(Values::Floats),
            Values::Whole(values) => self.whole.insert(id, values).map(Values::Whole),
        }
    }

    pub(super) fn holds(&self, id: TensorId) -> bool {
        self.floats.contains_key(&id) || self.whole.contains_key(&id)
    }

    pub(super) fn retain(&mut self, keep: impl Fn(TensorId) -> bool) {
        self.floats.retain(|id, _| keep(*id));
        self.whole.retain(|id, _| keep(*id));
    }

    pub(super) fn len(&self) -> usize {
        self.floats.len() + self.whole.len()
    }

    pub(super) fn beside<'a>(&'a self, given: &'a Given) -> Known<'a> {
        Known::beside(given, &self.floats, &self.whole)
    }
}

/// A recorded run that was right.
#[derive(Debug, Default)]
pub struct Recorded {
    /// What the stages that make the model's outputs wrote, and what their references read.
    pub(super) tensors: Tensors,
    /// Of every computed tensor's bits.
    pub(super) digests: HashMap<TensorId, u64>,
}

/// How far outputs are from those of the recorded run.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spread {
    /// As a share of the largest element; 0 where none differed.
    pub share: f64,
    /// Whether one was beyond the tolerance of its reference, and near the recorded run's: what its stage read comes out in
    /// several ways. Nothing says whether it is right.
    pub open: bool,
}

impl Spread {
    /// The farther of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { share: self.share.max(other.share), open: self.open || other.open }
    }
}

/// What a recorded run says of the outputs of another inference.
#[derive(Debug)]
pub enum Judged {
    /// They are right, and so far from its own.
    Right(Spread),
    /// They are wrong.
    Wrong(Box<Failure>),
    /// They are near its own, and wrong by the reference of a stage that read what others computed. That may have been
    /// otherwise in the inference, of which another recorded run may be a sign.
    Unsure(Box<Failure>),
}

impl Recorded {
    /// What has to be kept of a run of a graph to judge others by it.
    pub(super) fn needed(graph: &Graph) -> HashSet<TensorId> {
        let by_reference = |stage: &&Stage| stage.expect.is_none() && ops::named(&stage.op).is_some();
        let reads = makers(graph).filter(by_reference).flat_map(Stage::reads);
        // A check of a stage looks at all that it wrote.
        let written = makers(graph).flat_map(|stage| stage.outputs.iter().copied());
        reads.filter(|id| is_computed(graph, *id)).chain(written).collect()
    }

    /// The tensors that another run of the same job made otherwise.
    pub fn unlike<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = TensorId> + 'a {
        self.digests.iter().filter(|(id, digest)| other.digests.get(id) != Some(digest)).map(|(id, _)| *id)
    }

    /// Judges the outputs of another inference, all of [`Graph::outputs`]. `varied` are tensors that were known to come out
    /// in several ways.
    pub fn judge(
        &mut self,
        graph: &Graph,
        given: &Given,
        outputs: Vec<(TensorId, Values)>,
        varied: &HashSet<TensorId>,
    ) -> Judged {
        let mut own = Tensors::default();
        for (id, values) in outputs {
            if let Some(values) = self.tensors.insert(id, values) {
                own.insert(id, values);
            }
        }
        let judged = self.compare(graph, given, &own, varied);
        self.tensors.floats.extend(own.floats);
        self.tensors.whole.extend(own.whole);
        judged
    }

    /// Holds the outputs, which took the place of this run's `own`, against the references, and where there are none against
    /// its own.
    fn compare(&self, graph: &Graph, given: &Given, own: &Tensors, varied: &HashSet<TensorId>) -> Judged {
        let share = agrees(graph.tensors.iter().any(|tensor| tensor.element == Element::F16));
        let (mut spread, mut unsure) = (Spread::default(), None);
        for stage in makers(graph) {
            let by_reference = check(graph, stage, self.tensors.beside(given));
            let compared = by_reference.as_ref().is_ok_and(|right| right.errors.is_some());
            let mut near = Ok(());
            for (place, id) in stage.outputs.iter().enumerate().filter(|(_, id)| graph.outputs.contains(id)) {
                let found = self.apart(graph, *id, own, share);
                let errors = found.as_ref().map_or_else(|wrong| wrong.errors, |errors| Some(*errors));
                spread.share = spread.share.max(errors.map_or(0.0, |errors| errors.max_rel));
                if let Err(wrong) = found
                    && !(compared && place == 0)
                {
                    near = near.and(Err(wrong));
                }
            }
            match (by_reference, near) {
                (Ok(_), Ok(())) => {}
                (Ok(_), Err(wrong)) => return Judged::Wrong(named(*wrong, stage)),
                (Err(wrong), near) => {
                    let why = if wrong.failure.compared { ", though each stage by itself is right" } else { "" };
                    let mut failure = named(*wrong, stage);
                    failure.reason = format!("of an inference {}{why}", failure.reason);
                    let before = before(graph, stage);
                    if near.is_err() || !failure.compared || stage.expect.is_some() || before.is_empty() {
                        return Judged::Wrong(failure);
                    }
                    if before.is_disjoint(varied) {
                        unsure = Some(failure);
                    }
                    spread.open = true;
                }
            }
        }
        unsure.map_or(Judged::Right(spread), Judged::Unsure)
    }

    /// Holds an output against this run's own.
    fn apart(&self, graph: &Graph, id: TensorId, own: &Tensors, share: f64) -> Result<Errors, Box<Wrong>> {
        let found = if let (Some(got), Some(own)) = (self.tensors.whole.get(&id), own.whole.get(&id)) {
            judged(graph, id, |at| Compared { got: got[at] as f64, expected: own[at] as f64, allowed: 0.0 })
        } else {
            let (got, own) = (floats(&self.tensors, id), floats(own, id));
            let largest = own.iter().filter(|value| value.is_finite()).fold(0.0_f32, |most, one| most.max(one.abs()));
            let texture = graph.tensors[id].texture;
            judged(graph, id, |at| {
                let expected = f64::from(own[at]);
                let step = texture.map_or(0.0, |format| format.step(expected));
                Compared { got: f64::from(got[at]), expected, allowed: share * f64::from(largest) + step }
            })
        };
        found.map_err(|mut wrong| {
            "of an inference differs from what its stages made in turn".clone_into(&mut wrong.failure.reason);
            wrong
        })
    }
}

fn floats(tensors: &Tensors, id: TensorId) -> &[f32] {
    tensors.floats.get(&id).map_or(&[], Vec::as_slice)
}

/// Of a tensor's bits.
pub(super) fn digest(values: &Values) -> u64 {
    let mut hash = DefaultHasher::new();
    match values {
        Values::Floats(values) => values.iter().for_each(|value| value.to_bits().hash(&mut hash)),
        Values::Whole(values) => values.hash(&mut hash),
    }
    hash.finish()
}

/// The stages that make the outputs of the model.
fn makers(graph: &Graph) -> impl Iterator<Item = &Stage> {
    graph.stages.iter().filter(|stage| stage.outputs.iter().any(|id| graph.outputs.contains(id)))
}

/// The computed tensors that flow into a stage, by whatever way.
fn before(graph: &Graph, stage: &Stage) -> HashSet<TensorId> {
    let mut found: HashSet<TensorId> = stage.reads().filter(|id| is_computed(graph, *id)).collect();
    for stage in graph.stages.iter().rev() {
        if stage.outputs.iter().any(|id| found.contains(id)) {
            found.extend(stage.reads().filter(|id| is_computed(graph, *id)));
        }
    }
    found
}

fn is_computed(graph: &Graph, id: TensorId) -> bool {
    graph.tensors[id].role == TensorRole::Computed
}

fn named(wrong: Wrong, stage: &Stage) -> Box<Failure> {
    let mut failure = Box::new(wrong.failure);
    failure.stage.clone_from(&stage.name);
    failure
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::graph::JobVars;
    use crate::manifest::Model;
    use crate::reference::{Progress, fill};

    /// The graph of stages over an input `x` of eight values from 1.5 to 2.5.
    fn graph(stages: &str) -> Graph {
        let text = format!("family = 'text'\n[[input]]\nname = 'x'\nshape = [8]\nmean = 2\nspread = 0.5\n{stages}");
        Graph::of(&Model::parse("m", Path::new("m.toml"), &text).unwrap(), &JobVars::default()).unwrap()
    }

    fn given(graph: &Graph) -> Given {
        let ids = (0..graph.tensors.len()).filter(|id| !is_computed(graph, *id));
        let values = ids.map(|id| match fill(&graph.tensors[id]).unwrap() {
            Values::Floats(values) => (id, values),
            Values::Whole(_) => panic!("whole numbers"),
        });
        Given::new(values.collect())
    }

    /// A run in which each result is as given, in their order.
    fn recorded(graph: &Graph, given: &Given, results: &[Values]) -> Recorded {
        let mut progress = Progress::keeping(graph);
        for (id, values) in graph.results().zip(results) {
            progress.take(graph, given, id, values.clone());
        }
        let (verdict, recorded) = progress.end_keeping(graph, given);
        assert_eq!(verdict.failure, None);
        recorded.unwrap()
    }

    fn times(values: &[f32], factor: f32) -> Values {
        Values::Floats(values.iter().map(|value| value * factor).collect())
    }

    fn judge(recorded: &mut Recorded, graph: &Graph, given: &Given, output: Values, varied: &[TensorId]) -> String {
        let varied = varied.iter().copied().collect();
        match recorded.judge(graph, given, vec![(graph.outputs[0], output)], &varied) {
            Judged::Right(Spread { share, open: false }) => format!("right {share:.0e}"),
            Judged::Right(Spread { share, open: true }) => format!("open {share:.0e}"),
            Judged::Wrong(failure) => failure.to_string(),
            Judged::Unsure(_) => "unsure".to_owned(),
        }
    }

    const SCALE: &str = "[[stage]]\nop = 'axpy'\nin = ['x', 'x']\nparams = { a = 1.0 }\nout = { y = [8] }\n";

    #[test]
    fn an_output_is_held_against_the_reference_of_its_stage() {
        let graph = graph(SCALE);
        let given = given(&graph);
        let x = given.values[&0].clone();
        let mut run = recorded(&graph, &given, &[times(&x, 2.0)]);
        let ulp = f32::EPSILON;
        assert!(judge(&mut run, &graph, &given, times(&x, 2.0 + ulp), &[]).starts_with("right"));
        let found = judge(&mut run, &graph, &given, times(&x, 2.001), &[]);
        assert!(found.contains("`y` of an inference differs from its reference, though each stage"), "{found}");
        let mut sentinel = x.iter().map(|value| 2.0 * value).collect::<Vec<_>>();
        sentinel[3] = f32::from_bits(super::super::SENTINEL_BITS);
        let found = judge(&mut run, &graph, &given, Values::Floats(sentinel), &[]);
        assert!(found.contains("of an inference has 1 elements that were never written"), "{found}");
        // What was wrong took nobody's place.
        assert!(judge(&mut run, &graph, &given, times(&x, 2.0), &[]).starts_with("right 0"));
    }

    #[test]
    fn what_a_stage_read_may_have_been_otherwise_where_that_was_seen() {
        let graph = graph(&format!(
            "[[stage]]\nop = 'own'\nin = ['x']\nout = {{ w = [8] }}\n{}",
            SCALE.replace("['x', 'x']", "['w', 'w']")
        ));
        let given = given(&graph);
        let x = given.values[&0].clone();
        let run = |factor: f32| recorded(&graph, &given, &[times(&x, factor), times(&x, 2.0 * factor)]);
        let (mut first, other) = (run(1.0), run(1.0001));
        let w = graph.stages[0].outputs[0];
        assert_eq!(first.unlike(&run(1.0)).count(), 0);
        assert!(first.unlike(&other).any(|id| id == w));
        assert_eq!(judge(&mut first, &graph, &given, times(&x, 2.0002), &[]), "unsure");
        assert_eq!(judge(&mut first, &graph, &given, times(&x, 2.0002), &[w]), "open 1e-4");
        for varied in [vec![], vec![w]] {
            let found = judge(&mut first, &graph, &given, times(&x, 2.01), &varied);
            assert!(found.contains("`y` of an inference differs from its reference"), "{found}");
        }
    }

    #[test]
    fn what_has_no_reference_is_held_against_the_recorded_run() {
        let graph = |kind: &str| {
            graph(&format!("[[stage]]\nop = 'own'\nin = ['x']\nout = {{ y = {{ shape = [8], type = '{kind}' }} }}\n"))
        };
        let floats = graph("f32");
        let given = given(&floats);
        let mut run = recorded(&floats, &given, &[Values::Floats(vec![-4.0; 8])]);
        assert_eq!(judge(&mut run, &floats, &given, Values::Floats(vec![-4.002; 8]), &[]), "right 5e-4");
        let found = judge(&mut run, &floats, &given, Values::Floats(vec![-4.008; 8]), &[]);
        assert!(found.contains("`y` of an inference differs from what its stages made in turn (8 of 8"), "{found}");
        assert!(judge(&mut run, &floats, &given, Values::Floats(vec![f32::NAN; 8]), &[]).contains("differs"));
        let whole = graph("u32");
        let mut run = recorded(&whole, &given, &[Values::Whole(vec![1_000_000; 8])]);
        assert_eq!(judge(&mut run, &whole, &given, Values::Whole(vec![1_000_000; 8]), &[]), "right 0e0");
        let found = judge(&mut run, &whole, &given, Values::Whole(vec![1_000_001; 8]), &[]);
        assert!(found.contains("8 of 8 elements"), "{found}");
    }

    /// Only the first of them is an output of the model.
    #[test]
    fn a_stage_may_write_more_than_the_outputs() {
        let stage = "[[stage]]\nop = 'own'\nin = ['x']\nout = { y = [8], n = [1] }\n";
        let text = format!("family = 'text'\noutput = ['y']\n[[input]]\nname = 'x'\nshape = [8]\n{stage}");
        let graph = Graph::of(&Model::parse("m", Path::new("m.toml"), &text).unwrap(), &JobVars::default()).unwrap();
        let given = given(&graph);
        let mut run = recorded(&graph, &given, &[Values::Floats(vec![-4.0; 8]), Values::Floats(vec![1.0])]);
        assert_eq!(judge(&mut run, &graph, &given, Values::Floats(vec![-4.002; 8]), &[]), "right 5e-4");
    }
}
