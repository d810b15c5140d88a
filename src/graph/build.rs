//! Evaluates a model for one job: dims first, then stages and repeated blocks in the order of the file.

mod values;

use std::collections::HashMap;
use std::path::Path;

use indexmap::IndexMap;
use minijinja::Value;
use toml::Spanned;

use super::names::Names;
use super::ops::{About, Complaint};
use super::textures;
use super::{
    Element, Graph, GraphError, JobVars, Param, Stage, Start, Tensor, TensorId, TensorRole, TextureFormat, element, ops,
};
use crate::manifest::model::expr::brief;
use crate::manifest::model::stages::{Block, Item, ParamSpec, StageSpec, Stages, StartSpec};
use crate::manifest::model::{Expr, Model, Program};
use crate::manifest::problem::{Problem, nearest, with_near};
use crate::units::Bytes;

impl Graph {
    /// The graph of `model` for one job.
    pub fn of(model: &Model, vars: &JobVars) -> Result<Self, GraphError> {
        let Program::Stages(stages) = &model.program else {
            return Err(GraphError::NoStages { model: model.name.clone(), engine: model.engine().into() });
        };
        let mut builder = Builder {
            model,
            weights: stages.weights.as_deref(),
            scope: Names::of(model, vars)?,
            graph: Self { tensors: Vec::new(), stages: Vec::new(), outputs: Vec::new() },
            latest: HashMap::new(),
            index: None,
        };
        builder.inputs(stages)?;
        for item in &stages.items {
            match item {
                Item::Stage(stage) => builder.stage(stage)?,
                Item::Block(block) => builder.block(block)?,
            }
        }
        for name in &stages.output {
            let id = builder.latest.get(name).copied().ok_or_else(|| {
                let near = nearest(name, builder.latest.keys().map(String::as_str));
                let help = with_near(near, "`output` names tensors that stages write");
                let problem = Problem::whole(format!("`output`: no tensor `{name}` was written"));
                GraphError::of_model(model, problem.help(help))
            })?;
            builder.graph.outputs.push(id);
        }
        let mut graph = builder.graph;
        element::assign(&mut graph, &vars.dtype);
        for index in 0..graph.stages.len() {
            graph.stages[index].bytes = traffic(&graph.tensors, &graph.stages[index]);
        }
        Ok(graph)
    }
}

/// Stages of a model; the largest that are known have some hundreds. A block's `times` is a number of a file, and each time
/// takes memory.
const MOST_STAGES: usize = 10_000;

struct Builder<'a> {
    model: &'a Model,
    /// The file of the model's weights, if it has one.
    weights: Option<&'a Path>,
    scope: Names<'a>,
    graph: Graph,
    /// The tensor that each name means now.
    latest: HashMap<String, TensorId>,
    /// The index of the block that is being repeated.
    index: Option<(&'a str, i64)>,
}

impl<'a> Builder<'a> {
    fn inputs(&mut self, stages: &Stages) -> Result<(), GraphError> {
        for input in &stages.inputs {
            let shape = self.shape(&input.shape, &input.name)?;
            let span = input.shape.first().map(Expr::span).unwrap_or_default();
            let shape = extents((input.texture, shape), &input.name, span)
                .map_err(|problem| GraphError::of_model(self.model, problem))?;
            let fill = self.given(input, &shape)?;
            let role = TensorRole::Input(fill);
            let id = self.tensor(input.name.clone(), shape, role, (input.element, input.texture));
            self.latest.insert(input.name.clone(), id);
        }
        Ok(())
    }

    fn block(&mut self, block: &'a Block) -> Result<(), GraphError> {
        let times = self.extent(&block.times, || "a block's `times`".to_owned())?;
        let stages = times.saturating_mul(block.stages.len().max(1)).saturating_add(self.graph.stages.len());
        if stages > MOST_STAGES {
            let message = format!("it makes {stages} stages, and a model has at most {MOST_STAGES}");
            return Err(self.value_error("a block's `times`", &block.times, &message));
        }
        for round in 0..times {
            self.scope.set(&block.index, Value::from(round));
            self.index = Some((&block.index, i64::try_from(round).unwrap_or(i64::MAX)));
            for stage in &block.stages {
                self.stage(stage)?;
            }
        }
        self.index = None;
        Ok(())
    }

    fn stage(&mut self, spec: &StageSpec) -> Result<(), GraphError> {
        let name = self.text(&spec.name);
        let inputs = self.read(spec, &name)?;
        let mut params = IndexMap::with_capacity(spec.params.len());
        for (key, param) in &spec.params {
            params.insert(key.get_ref().clone(), self.param(param.get_ref(), &name, key.get_ref())?);
        }
        let mut weights = IndexMap::with_capacity(spec.weights.len());
        for (key, weight) in &spec.weights {
            let tensor = format!("{name}.{}", key.get_ref());
            let shape = self.shape(&weight.shape, &tensor)?;
            let fill = self.weight(weight, &tensor, key.get_ref(), &shape).map_err(|message| {
                let problem = Problem::at(key.span(), message, "no `tensor`");
                let help = "add one to its table, as { shape = […], tensor = \"encoder.weight\" }";
                self.stage_error(&name, spec, problem.help(help))
            })?;
            let id = self.tensor(tensor, shape, TensorRole::Weight(fill), (Element::F32, None));
            weights.insert(key.get_ref().clone(), id);
        }
        let mut outputs = Vec::with_capacity(spec.outputs.len());
        let mut starts = Vec::with_capacity(spec.outputs.len());
        for (written, output) in &spec.outputs {
            let key = self.text(written.get_ref());
            let shape = self.shape(&output.shape, &key)?;
            let shape = extents((output.texture, shape), &key, written.span())
                .map_err(|problem| self.stage_error(&name, spec, problem))?;
            let unique = if self.latest.contains_key(&key) { format!("{key}@{name}") } else { key.clone() };
            let id = self.tensor(unique, shape, TensorRole::Computed, (output.element, output.texture));
            let start = self.start(&output.start, id);
            starts.push(start.map_err(|message| {
                self.stage_error(&name, spec, Problem::at(written.span(), message, "can't begin so"))
            })?);
            outputs.push((key, id));
        }
        let mut stage = Stage {
            name,
            op: spec.op.get_ref().clone(),
            shader: spec.shader.clone(),
            inputs,
            weights,
            outputs: outputs.iter().map(|(_, id)| *id).collect(),
            starts,
            samplers: spec.samplers.clone(),
            entry: spec.entry.clone(),
            params,
            expect: spec.expect.clone(),
            flops: None,
            bytes: Bytes(0),
        };
        self.latest.extend(outputs);
        self.types(&stage, spec)?;
        stage.flops = ops::check(&mut stage, &self.graph.tensors)
            .map_err(|complaint| self.stage_error(&stage.name, spec, self.placed(spec, complaint)))?;
        self.graph.stages.push(stage);
        Ok(())
    }

    /// What an output begins with.
    fn start(&self, spec: &StartSpec, output: TensorId) -> Result<Start, String> {
        let name = match spec {
            StartSpec::Sentinel => return Ok(Start::Sentinel),
            StartSpec::Zeros => return Ok(Start::Zeros),
            StartSpec::Copy(name) => self.text(name),
        };
        let from = self.latest.get(&name).copied().ok_or_else(|| format!("no tensor `{name}` exists before it"))?;
        let (source, tensor) = (&self.graph.tensors[from], &self.graph.tensors[output]);
        let alike = match tensor.texture {
            Some(_) => source.shape == tensor.shape,
            None => source.len() == tensor.len(),
        };
        if !alike || source.storage() != tensor.storage() || source.texture != tensor.texture {
            let of = |tensor: &Tensor| format!("{:?} of {}", tensor.shape, tensor.storage());
            let (tensor, name, own, other) = (&tensor.name, &source.name, of(tensor), of(source));
            return Err(format!("`{tensor}` {own} can't start as a copy of `{name}` {other}"));
        }
        Ok(Start::Copy(from))
    }

    /// Whether its op takes the types of its tensors, and its file the first output's length.
    fn types(&self, stage: &Stage, spec: &StageSpec) -> Result<(), GraphError> {
        let tensors = &self.graph.tensors;
        if let Some(tensor) = textures::of_other_kind(stage, tensors) {
            let (name, op, storage) = (&tensor.name, &stage.op, tensor.storage());
            let message = format!("`{name}` is {storage}, and the op `{op}` takes and gives f32 in buffers");
            let help = format!(
                "leave its `type` or `texture` out (dtype = \"fp16\" stores weights and inputs in f16), or give the stage an \
                 op name of its own and `shader = \"{}\"`",
                stage.shader
            );
            let problem = Problem::at(spec.op.span(), message, "of another type").help(help);
            return Err(self.stage_error(&stage.name, spec, problem));
        }
        let (Some(expect), Some(id)) = (&stage.expect, stage.outputs.first()) else { return Ok(()) };
        let Tensor { name, shape, .. } = &tensors[*id];
        let header = &expect.file.header;
        if header.fits(shape) {
            return Ok(());
        }
        let (path, says, storage) = (expect.file.path.display(), header.says(), tensors[*id].storage());
        let message = format!("{path} holds {says}, and `{name}` is {shape:?} of {storage}");
        let span = spec.outputs.keys().next().map_or(spec.op.span(), Spanned::span);
        let problem = Problem::at(span, message, "of another length").help("write as many values as it has elements");
        Err(self.stage_error(&stage.name, spec, problem))
    }

    /// The tensors that a stage reads.
    fn read(&self, spec: &StageSpec, stage: &str) -> Result<Vec<TensorId>, GraphError> {
        let find = |input: &Spanned<String>| {
            let name = self.text(input.get_ref());
            self.latest.get(&name).copied().ok_or_else(|| {
                let problem =
                    Problem::at(input.span(), format!("no tensor `{name}` exists before it"), "not written yet");
                let near = nearest(&name, self.latest.keys().map(String::as_str));
                let help = with_near(near, "a stage reads inputs of the model and what stages before it write");
                self.stage_error(stage, spec, problem.help(help))
            })
        };
        spec.inputs.iter().map(find).collect()
    }

    /// Where the file of the model has what an op complains of.
    fn placed(&self, spec: &StageSpec, complaint: Complaint) -> Problem {
        let Complaint { about, message, label, help } = complaint;
        let param = |key: &str| spec.params.get_key_value(key);
        let span = match &about {
            About::Op => None,
            About::Input(position) => spec.inputs.get(*position).map(Spanned::span),
            About::Weight(key) => spec.weights.get_key_value(key.as_str()).map(|(key, _)| key.span()),
            About::Output => spec.outputs.keys().next().map(Spanned::span),
            About::Key(key) => param(key).map(|(key, _)| key.span()),
            About::Value(key) => param(key).map(|(_, value)| value.span()),
        };
        let came_from = match &about {
            About::Value(key) => match param(key).map(|(_, value)| value.get_ref()) {
                Some(ParamSpec::Expr(expr)) => Some(format!("it is `{}`: {}", expr.text(), self.scope.help(expr))),
                _ => None,
            },
            _ => None,
        };
        let problem = Problem::at(span.unwrap_or_else(|| spec.op.span()), message, label);
        let help: Vec<String> = help.into_iter().chain(came_from).collect();
        if help.is_empty() { problem } else { problem.help(help.join(" ")) }
    }

    fn stage_error(&self, stage: &str, spec: &StageSpec, problem: Problem) -> GraphError {
        GraphError::of_stage(self.model, &format!("stage `{stage}` ({})", spec.op.get_ref()), problem)
    }

    fn tensor(
        &mut self,
        name: String,
        shape: Vec<usize>,
        role: TensorRole,
        (element, texture): (Element, Option<TextureFormat>),
    ) -> TensorId {
        self.graph.tensors.push(Tensor { name, shape, role, element, texture });
        self.graph.tensors.len() - 1
    }

    fn extent(&self, expr: &Expr, what: impl FnOnce() -> String) -> Result<usize, GraphError> {
        self.scope.extent(expr, what)
    }

    fn shape(&self, shape: &[Expr], tensor: &str) -> Result<Vec<usize>, GraphError> {
        let extents = shape.iter().map(|expr| self.extent(expr, || format!("an extent of `{tensor}`")));
        let shape = extents.collect::<Result<Vec<_>, _>>()?;
        GraphError::check_size(self.model, tensor, &shape)?;
        Ok(shape)
    }

    fn value_error(&self, what: &str, expr: &Expr, message: &str) -> GraphError {
        self.scope.error(what, expr, message)
    }

    fn param(&self, param: &ParamSpec, stage: &str, key: &str) -> Result<Param, GraphError> {
        let expr = match param {
            ParamSpec::Bool(value) => return Ok(Param::Bool(*value)),
            ParamSpec::Int(value) => return Ok(Param::Int(*value)),
            ParamSpec::Float(value) => return Ok(Param::Float(*value)),
            ParamSpec::Text(text) => return Ok(Param::Text(self.text(text))),
            ParamSpec::Expr(expr) => expr,
        };
        let error =
            |message: String| self.value_error(&format!("parameter `{key}` of stage `{stage}`"), expr, &message);
        let value = expr.value(&self.scope).map_err(error)?;
        if let Ok(value) = bool::try_from(value.clone()) {
            return Ok(Param::Bool(value));
        }
        if let Some(value) = value.as_i64().filter(|_| value.is_integer()) {
            return Ok(Param::Int(value));
        }
        match (f64::try_from(value.clone()), value.as_str()) {
            (Ok(value), _) if value.is_finite() => Ok(Param::Float(value)),
            (_, Some(text)) => Ok(Param::Text(text.to_owned())),
            _ => Err(error(format!("it is {}", brief(&value)))),
        }
    }

    /// Replaces `{i}`, `{i-1}` and `{i+1}` inside a block; other texts stay as they are.
    fn text(&self, text: &str) -> String {
        match self.index {
            Some((index, round)) if text.contains('{') => text
                .replace(&format!("{{{index}}}"), &round.to_string())
                .replace(&format!("{{{index}-1}}"), &(round - 1).to_string())
                .replace(&format!("{{{index}+1}}"), &(round + 1).to_string()),
            _ => text.to_owned(),
        }
    }
}

/// The extents of a tensor that may lie in a texture, its shape standing at `span`.
fn extents(
    (format, shape): (Option<TextureFormat>, Vec<usize>),
    tensor: &str,
    span: std::ops::Range<usize>,
) -> Result<Vec<usize>, Problem> {
    let Some(format) = format else { return Ok(shape) };
    textures::extents(format, shape).map_err(|message| {
        let problem = Problem::at(span, format!("`{tensor}`: {message}"), "of another size");
        problem.help("leave the third extent out: the format says it")
    })
}

/// Each tensor once.
fn traffic(tensors: &[Tensor], stage: &Stage) -> Bytes {
    let mut ids: Vec<TensorId> = stage.reads().chain(stage.outputs.iter().copied()).collect();
    ids.sort_unstable();
    ids.dedup();
    Bytes(ids.into_iter().map(|id| tensors[id].bytes()).sum())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::manifest::AxisValue;

    fn graph(text: &str, vars: &JobVars) -> Result<Graph, String> {
        let text = format!("family = 'text'\n{text}");
        let model = Model::parse("m", Path::new("m.toml"), &text).unwrap();
        Graph::of(&model, vars).map_err(|error| error.to_string())
    }

    const LINEAR: &str = "[params]\nn = 6\n[dims]\nrows = 'batch * 2'\n[[input]]\nname = 'x'\nshape = ['rows', 4]\n\
                          [[block]]\ntimes = 2\n[[block.stage]]\nname = 'layer.{i}'\nop = 'linear'\nin = ['x']\n\
                          weights = { weight = [4, 4] }\nout = { x = ['rows', 4] }\n";

    #[test]
    fn blocks_chain_through_a_name_that_is_used_again() {
        let graph = graph(LINEAR, &JobVars { batch: 3, ..JobVars::default() }).unwrap();
        let names: Vec<&str> = graph.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        assert_eq!(names, ["x", "layer.0.weight", "x@layer.0", "layer.1.weight", "x@layer.1"]);
        assert_eq!(graph.stages[1].inputs, graph.stages[0].outputs);
        assert_eq!(graph.tensors[0].shape, [6, 4]);
        assert_eq!(graph.stages[0].flops.unwrap().0, 2 * 6 * 4 * 4);
        assert_eq!(graph.stages[0].bytes, Bytes(4 * (24 + 16 + 24)));
        assert_eq!(graph.outputs, [4]);
    }

    #[test]
    fn a_block_is_repeated_as_often_as_stages_can_be_run() {
        let message = graph(&LINEAR.replace("times = 2", "times = 2147483648"), &JobVars::default()).unwrap_err();
        let why = "it makes 2147483648 stages, and a model has at most 10000";
        assert_eq!(message, format!("model `m`: a block's `times` = `2147483648`: {why}"));
    }

    #[test]
    fn a_shape_that_does_not_fit_says_what_would() {
        let message = graph(&LINEAR.replace("[4, 4]", "[5, 4]"), &JobVars::default()).unwrap_err();
        assert_eq!(message, "model `m`, stage `layer.0` (linear): weight `weight` has shape [5, 4], expected [4, 4]");
    }

    #[test]
    fn a_dim_that_is_no_extent_is_named_with_its_value() {
        let message = graph(&LINEAR.replace("batch * 2", "n / 4"), &JobVars::default()).unwrap_err();
        assert_eq!(message, "model `m`: dim `rows` = `n / 4`: it is 1.5, which is not a whole number");
        let message = graph(&LINEAR.replace("batch * 2", "nn * 2"), &JobVars::default()).unwrap_err();
        assert_eq!(message, "model `m`: dim `rows` = `nn * 2`: `nn` is not defined");
    }

    #[test]
    fn an_own_axis_reaches_expressions_and_replaces_a_parameter() {
        let mut vars = JobVars::default();
        vars.custom.insert("n".to_owned(), AxisValue::Int(8));
        let graph = graph(&LINEAR.replace("batch * 2", "n / 4"), &vars).unwrap();
        assert_eq!(graph.tensors[0].shape, [2, 4]);
    }
}
