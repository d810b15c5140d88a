//! A rendered stage: the WGSL of one dispatch and the grid that its template computed.
//!
//! Made from a graph and a job's variables; the page compiles each distinct shader once and dispatches the stages in
//! order. A stage template sees `wg`, `tuning` (its kernel's parameters), `inputs`, `weights`, `outputs`, `samplers`, `params`,
//! `axes` (and each custom axis by its name), `batch`, `dtype`, `half` (whether a tensor of the stage is f16) and `compiler`, and
//! sets `grid` (and `workgroup_bytes`, `features`, `size`) at its top level. What it enables is a feature that it needs.

use std::collections::{BTreeMap, HashMap};

use minijinja::Value;
use rayon::prelude::*;

use super::interface::{EntryPoint, OwnShader};
use super::kernels::{Configuration, Kernel};
use super::source_map::Origin;
use super::target::Target;
use super::{MAX_GROUPS, RenderError, Templates, axis, from_minijinja, wgsl_text};
use crate::graph::{Element, Graph, JobVars, Param, Stage, TensorId};
use crate::manifest::axes::DEFAULT_SHAPE;
use crate::manifest::compiler::Values;
use crate::plan::Workgroup;

/// All stages of a graph, rendered.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// Distinct texts, in the order of their first use.
    pub shaders: Vec<Shader>,
    /// One for each of `graph.stages`.
    pub dispatches: Vec<Dispatch>,
}

/// One WGSL module and the function of it that runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Shader {
    /// The template and the first stage that uses it, for instance `linear.wgsl (blocks.0.q)`.
    pub name: String,
    /// WGSL.
    pub code: String,
    /// What runs of it.
    pub entry: EntryPoint,
    /// What it was rendered from.
    pub origin: Origin,
}

/// How one stage is dispatched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatch {
    /// Position in [`Rendered::shaders`].
    pub shader: usize,
    /// The workgroup's shape.
    pub workgroup: [u32; 3],
    /// The kernel with what its parameters were, for instance `product form=tiled tm=8`; empty for one that declares none.
    pub configuration: String,
    /// Features that the shader needs of the device, for instance `subgroups`.
    pub features: Vec<String>,
    /// Workgroups along x, y, z, each 1..=65535.
    pub grid: [u32; 3],
    /// Workgroup memory of one workgroup, as its template states it.
    pub workgroup_bytes: u32,
}

/// Renders every stage, in parallel; the first error in stage order is returned.
pub fn render_stages(
    templates: &Templates,
    graph: &Graph,
    vars: &JobVars,
    target: &Target<'_>,
) -> Result<Rendered, RenderError> {
    let job = job_context(templates, vars, target);
    let stages: Vec<Result<(String, Dispatch, Value), RenderError>> = graph
        .stages
        .par_iter()
        .map(|stage| StageContext { templates, graph, stage, job: &job }.configured(vars, target))
        .collect();
    let mut rendered = Rendered { shaders: Vec::new(), dispatches: Vec::with_capacity(stages.len()) };
    // Stages that run the same function of the same text share a pipeline.
    let mut known: HashMap<String, Vec<usize>> = HashMap::new();
    for (stage, result) in graph.stages.iter().zip(stages) {
        let (code, mut dispatch, context) = result?;
        let origin = Origin { template: format!("shaders/{}", stage.shader), context };
        let entry = own_entry_point(templates, (graph, stage), (&code, &origin))?;
        let alike = known.entry(code).or_default();
        let same = alike.iter().copied().find(|shader| rendered.shaders[*shader].entry == entry);
        dispatch.shader = same.unwrap_or_else(|| {
            let name = format!("{} ({})", stage.shader, stage.name);
            alike.push(rendered.shaders.len());
            rendered.shaders.push(Shader { name, code: String::new(), entry, origin });
            rendered.shaders.len() - 1
        });
        rendered.dispatches.push(dispatch);
    }
    for (code, shaders) in known {
        for shader in shaders {
            rendered.shaders[shader].code.clone_from(&code);
        }
    }
    Ok(rendered)
}

/// The entry point of a stage, whose shader is compared with the stage where it is the user's own.
fn own_entry_point(
    templates: &Templates,
    (graph, stage): (&Graph, &Stage),
    (code, origin): (&str, &Origin),
) -> Result<EntryPoint, RenderError> {
    if !templates.is_own(&origin.template) {
        return Ok(EntryPoint::main());
    }
    OwnShader { templates, graph, stage, code, origin }.entry_point()
}

pub(super) type Context = BTreeMap<String, Value>;

/// A stage of a job, with all that its template sees besides a configuration.
#[derive(Clone, Copy)]
pub(super) struct StageContext<'a> {
    pub(super) templates: &'a Templates,
    pub(super) graph: &'a Graph,
    pub(super) stage: &'a Stage,
    /// What is the same for all stages of the job, see [`job_context`].
    pub(super) job: &'a Context,
}

/// What a template sets at its top level.
struct TemplateOutputs {
    grid: Option<Value>,
    workgroup_bytes: u32,
    features: Vec<String>,
    size: Vec<u64>,
}

impl StageContext<'_> {
    /// Renders the stage in the first configuration that fits it.
    fn configured(self, vars: &JobVars, target: &Target<'_>) -> Result<(String, Dispatch, Value), RenderError> {
        let Self { templates, stage, .. } = self;
        let Some((name, kernel)) = templates.kernels().behind(&stage.shader) else {
            let workgroup = vars.workgroup.shape().unwrap_or(DEFAULT_SHAPE);
            return self.render(&Configuration { workgroup, values: Values::new() });
        };
        let matters = vars.workgroup == Workgroup::Tuned || target.overrides.iter().any(|found| found.kernel == name);
        let size = if matters { self.size(kernel)? } else { Vec::new() };
        let mut refusal = None;
        for configuration in target.configurations(templates.kernels(), (name, kernel), vars, &size)? {
            let rendered = match kernel.broken(&configuration)? {
                Some(why) => {
                    let reason = format!("{} {why}", described(name, &configuration));
                    Err(RenderError::Unsupported { template: format!("shaders/{}", stage.shader), reason })
                }
                None => self.render(&configuration),
            };
            match rendered {
                Ok((code, dispatch, context)) => {
                    let dispatch = Dispatch { configuration: described(name, &configuration), ..dispatch };
                    return Ok((code, dispatch, context));
                }
                // The next winner may fit; what is reported is why the best one did not.
                Err(error @ RenderError::Unsupported { .. }) => refusal = refusal.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        Err(refusal.unwrap_or_else(|| self.unconfigured()))
    }

    fn unconfigured(self) -> RenderError {
        let template = format!("shaders/{}", self.stage.shader);
        RenderError::Unsupported { template, reason: "it has no configuration".to_owned() }
    }

    /// What the template calls the size of the stage. It is asked with its defaults, and where it refuses these with the
    /// first that it takes: one value changed, in one of its workgroups.
    pub(super) fn size(self, kernel: &Kernel) -> Result<Vec<u64>, RenderError> {
        let changed = kernel.parameters.iter().flat_map(|(name, parameter)| {
            parameter.values.iter().map(move |value| {
                let mut values = kernel.defaults();
                values.insert(name.clone(), value.clone());
                values
            })
        });
        let mut refusal = None;
        for values in std::iter::once(kernel.defaults()).chain(changed) {
            for workgroup in std::iter::once(&DEFAULT_SHAPE).chain(&kernel.workgroups) {
                let configuration = Configuration { workgroup: *workgroup, values: values.clone() };
                match self.captured(self.context(&configuration)) {
                    Ok((_, outputs)) => return Ok(outputs.size),
                    Err(error @ RenderError::Unsupported { .. }) => refusal = refusal.or(Some(error)),
                    Err(error) => return Err(error),
                }
            }
        }
        Err(refusal.unwrap_or_else(|| self.unconfigured()))
    }

    /// Renders the stage in a configuration.
    pub(super) fn render(self, configuration: &Configuration) -> Result<(String, Dispatch, Value), RenderError> {
        let context = self.context(configuration);
        let (code, outputs) = self.captured(context.clone())?;
        let dispatch = Dispatch {
            shader: 0,
            workgroup: configuration.workgroup,
            configuration: String::new(),
            features: outputs.features,
            grid: grid(&format!("shaders/{}", self.stage.shader), outputs.grid)?,
            workgroup_bytes: outputs.workgroup_bytes,
        };
        Ok((code, dispatch, context))
    }

    /// What the template sees.
    fn context(self, configuration: &Configuration) -> Value {
        let Self { graph, stage, .. } = self;
        let mut context = self.job.clone();
        let bindings = (0_usize..).zip(stage.tensors());
        let mut tensors: Vec<Value> = bindings.map(|(binding, id)| tensor(graph, id, binding)).collect();
        let outputs = tensors.split_off(stage.inputs.len() + stage.weights.len());
        let weights = tensors.split_off(stage.inputs.len());
        context.insert("inputs".to_owned(), Value::from(tensors));
        context.insert("weights".to_owned(), Value::from_pairs(stage.weights.keys().map(String::as_str).zip(weights)));
        context.insert("outputs".to_owned(), Value::from(outputs));
        let samplers = stage.samplers.keys().zip(stage.tensors().count()..);
        let samplers = samplers.map(|(name, binding)| (name.as_str(), Value::from_pairs([("binding", binding)])));
        context.insert("samplers".to_owned(), Value::from_pairs(samplers));
        let half = stage.tensors().any(|id| graph.tensors[id].element == Element::F16);
        context.insert("half".to_owned(), Value::from(half));
        context.insert(
            "params".to_owned(),
            Value::from_pairs(stage.params.iter().map(|(key, value)| (key.as_str(), param(value)))),
        );
        context.insert("wg".to_owned(), Value::from(configuration.workgroup.to_vec()));
        let tuning = configuration.values.iter().map(|(name, value)| (name.as_str(), axis(value)));
        context.insert("tuning".to_owned(), Value::from_pairs(tuning));
        Value::from(context)
    }

    fn captured(self, context: Value) -> Result<(String, TemplateOutputs), RenderError> {
        let name = format!("shaders/{}", self.stage.shader);
        let template = self.templates.get(&name)?;
        let captured = template.render_captured(context).map_err(|error| from_minijinja(&error, &name))?;
        let top = captured.state();
        let bad = |key: &str, value: &Value, expected: &str| RenderError::Dispatch {
            template: name.clone(),
            message: format!("`{key}` is {value}, expected {expected}"),
            help: None,
        };
        let workgroup_bytes = match top.lookup("workgroup_bytes") {
            None => 0,
            Some(value) => {
                u32::try_from(value.clone()).map_err(|_| bad("workgroup_bytes", &value, "a whole number of bytes"))?
            }
        };
        let list = |key: &str| -> Vec<Value> {
            let value = top.lookup(key).filter(|value| !value.is_undefined());
            value.and_then(|value| value.try_iter().ok().map(Iterator::collect)).unwrap_or_default()
        };
        let whole = |extent: &Value| u64::try_from(extent.clone()).map_err(|_| bad("size", extent, "a whole number"));
        let size = list("size").iter().map(whole).collect::<Result<_, _>>()?;
        let mut told = TemplateOutputs {
            grid: top.lookup("grid"),
            workgroup_bytes,
            features: list("features").iter().map(ToString::to_string).collect(),
            size,
        };
        let code = captured.into_output();
        told.features.extend(enabled(&code));
        told.features.sort();
        told.features.dedup();
        Ok((code, told))
    }
}

fn described(kernel: &str, configuration: &Configuration) -> String {
    let [x, y, z] = configuration.workgroup;
    let values = configuration.values.iter().map(|(name, value)| format!(" {name}={value}"));
    format!("{kernel} {x}x{y}x{z}{}", values.collect::<String>())
}

/// The features of the device that the `enable` directives of WGSL need. An included template can't tell the renderer
/// anything, and a feature that a shader enables and nobody asked for would fail validation.
fn enabled(code: &str) -> impl Iterator<Item = String> {
    wgsl_text::enabled(code).into_iter().map(|name| match name.as_str() {
        "f16" => "shader-f16".to_owned(),
        name => name.replace('_', "-"),
    })
}

/// What is the same for all stages of a job.
pub(super) fn job_context(templates: &Templates, vars: &JobVars, target: &Target<'_>) -> Context {
    let axes: Vec<(&String, Value)> = vars.custom.iter().map(|(name, value)| (name, axis(value))).collect();
    let mut context: Context = axes.iter().map(|(name, value)| ((*name).clone(), value.clone())).collect();
    context.insert("axes".to_owned(), Value::from_pairs(axes.into_iter().map(|(name, value)| (name.as_str(), value))));
    context.insert("batch".to_owned(), Value::from(vars.batch));
    context.insert("dtype".to_owned(), Value::from(vars.dtype.as_str()));
    let likes = templates.kernels().compilers.get(&target.compiler).cloned().unwrap_or_default();
    let likes = likes.iter().map(|(name, value)| (name.as_str(), axis(value)));
    context.insert("compiler".to_owned(), Value::from_pairs(likes));
    context
}

fn tensor(graph: &Graph, id: TensorId, binding: usize) -> Value {
    let tensor = &graph.tensors[id];
    Value::from_pairs([
        ("name", Value::from(tensor.name.as_str())),
        ("shape", Value::from(tensor.shape.clone())),
        ("binding", Value::from(binding)),
        ("len", Value::from(tensor.len())),
        ("element", Value::from(<&str>::from(tensor.element))),
        ("texture", tensor.texture.map_or(Value::from(()), |format| Value::from(<&str>::from(format)))),
    ])
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
