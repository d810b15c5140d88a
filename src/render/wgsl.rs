//! A rendered stage: the WGSL of one dispatch and the grid that its template computed.
//!
//! Made from a graph and a job's variables; the page compiles each distinct shader once and dispatches the stages in
//! order. A stage template sees `wg`, `inputs`, `weights`, `outputs`, `params`, `axes` (and each own axis by its name),
//! `batch`, `dtype` and `compiler`, and sets `grid` (and `workgroup_bytes`) at its top level.

use std::collections::{BTreeMap, HashMap};

use minijinja::Value;
use rayon::prelude::*;

use super::{MAX_GROUPS, RenderError, Templates, from_minijinja};
use crate::manifest::AxisValue;
use crate::plan::graph::{Graph, JobVars, Param, Stage, TensorId};

/// All stages of a graph, rendered.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// Distinct texts, in the order of their first use.
    pub shaders: Vec<Shader>,
    /// One for each of `graph.stages`.
    pub dispatches: Vec<Dispatch>,
}

/// One WGSL module with an entry point `main`.
#[derive(Debug, Clone, PartialEq)]
pub struct Shader {
    /// The template and the first stage that uses it, for instance `linear.wgsl (blocks.0.q)`.
    pub name: String,
    /// WGSL.
    pub code: String,
}

/// How one stage is dispatched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dispatch {
    /// Position in [`Rendered::shaders`].
    pub shader: usize,
    /// Workgroups along x, y, z, each 1..=65535.
    pub grid: [u32; 3],
    /// Workgroup memory of one workgroup, as its template states it.
    pub workgroup_bytes: u32,
}

/// Renders every stage, in parallel; the first error in stage order is returned.
pub fn render_stages(templates: &Templates, graph: &Graph, vars: &JobVars) -> Result<Rendered, RenderError> {
    let job = job_context(vars);
    let stages: Vec<Result<Dispatchable, RenderError>> =
        graph.stages.par_iter().map(|stage| render_stage(templates, graph, stage, &job)).collect();
    let mut rendered = Rendered { shaders: Vec::new(), dispatches: Vec::with_capacity(stages.len()) };
    let mut known: HashMap<String, usize> = HashMap::new();
    for (stage, result) in graph.stages.iter().zip(stages) {
        let (code, grid, workgroup_bytes) = result?;
        let shader = *known.entry(code).or_insert_with_key(|code| {
            let name = format!("{} ({})", stage.shader, stage.name);
            rendered.shaders.push(Shader { name, code: code.clone() });
            rendered.shaders.len() - 1
        });
        rendered.dispatches.push(Dispatch { shader, grid, workgroup_bytes });
    }
    Ok(rendered)
}

type Context = BTreeMap<String, Value>;

/// WGSL, grid and bytes of workgroup memory.
type Dispatchable = (String, [u32; 3], u32);

fn render_stage(
    templates: &Templates,
    graph: &Graph,
    stage: &Stage,
    job: &Context,
) -> Result<Dispatchable, RenderError> {
    let name = format!("shaders/{}", stage.shader);
    let mut context = job.clone();
    let bindings = (0_usize..).zip(stage.inputs.iter().chain(stage.weights.values()).chain(&stage.outputs));
    let mut tensors: Vec<Value> = bindings.map(|(binding, id)| tensor(graph, *id, binding)).collect();
    let outputs = tensors.split_off(stage.inputs.len() + stage.weights.len());
    let weights = tensors.split_off(stage.inputs.len());
    context.insert("inputs".to_owned(), Value::from(tensors));
    context.insert("weights".to_owned(), Value::from_pairs(stage.weights.keys().map(String::as_str).zip(weights)));
    context.insert("outputs".to_owned(), Value::from(outputs));
    context.insert(
        "params".to_owned(),
        Value::from_pairs(stage.params.iter().map(|(key, value)| (key.as_str(), param(value)))),
    );
    let captured =
        templates.get(&name)?.render_captured(Value::from(context)).map_err(|error| from_minijinja(&error, &name))?;
    let grid = grid(&name, captured.state().lookup("grid"))?;
    let bytes = match captured.state().lookup("workgroup_bytes") {
        None => 0,
        Some(value) => u32::try_from(value.clone()).map_err(|_| RenderError::Dispatch {
            template: name.clone(),
            message: format!("`workgroup_bytes` is {value}, expected a whole number of bytes"),
            help: None,
        })?,
    };
    Ok((captured.into_output(), grid, bytes))
}

/// What is the same for all stages of a job.
fn job_context(vars: &JobVars) -> Context {
    let axes: Vec<(&String, Value)> = vars.own.iter().map(|(name, value)| (name, axis(value))).collect();
    let mut context: Context = axes.iter().map(|(name, value)| ((*name).clone(), value.clone())).collect();
    context.insert("axes".to_owned(), Value::from_pairs(axes.into_iter().map(|(name, value)| (name.as_str(), value))));
    context.insert("wg".to_owned(), Value::from(vars.workgroup.to_vec()));
    context.insert("batch".to_owned(), Value::from(vars.batch));
    context.insert("dtype".to_owned(), Value::from(vars.dtype.as_str()));
    context.insert("compiler".to_owned(), Value::from(Context::new()));
    context
}

fn tensor(graph: &Graph, id: TensorId, binding: usize) -> Value {
    let tensor = &graph.tensors[id];
    Value::from_pairs([
        ("name", Value::from(tensor.name.as_str())),
        ("shape", Value::from(tensor.shape.clone())),
        ("binding", Value::from(binding)),
        ("len", Value::from(tensor.len())),
    ])
}

fn axis(value: &AxisValue) -> Value {
    match value {
        AxisValue::Bool(value) => Value::from(*value),
        AxisValue::Int(value) => Value::from(*value),
        AxisValue::Float(value) => Value::from(*value),
        AxisValue::Text(value) => Value::from(value.as_str()),
        AxisValue::Shape(shape) => Value::from(shape.to_vec()),
    }
}

fn param(value: &Param) -> Value {
    match value {
        Param::Bool(value) => Value::from(*value),
        Param::Int(value) => Value::from(*value),
        Param::Float(value) => Value::from(*value),
        Param::Text(value) => Value::from(value.as_str()),
    }
}

fn grid(template: &str, value: Option<Value>) -> Result<[u32; 3], RenderError> {
    let fail = |message: String| RenderError::Dispatch {
        template: template.to_owned(),
        message,
        help: Some(
            "set it at the top level: {% set grid = [ceil_div(n, wg[0]), 1, 1] %}; `fold(n)` splits a long one"
                .to_owned(),
        ),
    };
    let value = value.filter(|value| !value.is_undefined()).ok_or_else(|| fail("it sets no `grid`".to_owned()))?;
    let extents: Vec<Value> = value.try_iter().map(Iterator::collect).unwrap_or_default();
    let [x, y, z] = extents.as_slice() else {
        return Err(fail(format!("`grid` is {value}, expected three group counts")));
    };
    let mut grid = [0; 3];
    for (slot, extent) in grid.iter_mut().zip([x, y, z]) {
        match u32::try_from(extent.clone()) {
            Ok(groups) if (1..=MAX_GROUPS).contains(&u64::from(groups)) => *slot = groups,
            _ => return Err(fail(format!("`grid` is {value}, expected three whole numbers in 1..={MAX_GROUPS}"))),
        }
    }
    Ok(grid)
}
