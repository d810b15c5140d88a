//! A page is everything that a browser needs for one job: HTML, modules, WGSL, and what is to be loaded.
//!
//! Made from a job and the templates; `serve` hands it out, `browser` runs it, and `gpujobs render` writes it to disk.

use std::sync::Arc;

use base64::Engine as _;
use minijinja::context;
use minijinja::value::Serde;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::wgsl::{Rendered, render_stages};
use super::{RenderError, Templates};
use crate::manifest::{Backend, Manifest};
use crate::plan::Job;
use crate::plan::graph::{Fill, Graph, GraphError, JobVars, TensorId, TensorRole};
use crate::reference::{FillError, fill};
use crate::units::{Bytes, Flops};

/// A job, rendered.
#[derive(Debug, Clone)]
pub struct Page {
    /// The job.
    pub job: Job,
    /// Its position in the run; names it in messages and paths.
    pub number: u64,
    /// What runs.
    pub graph: Arc<Graph>,
    /// Each stage's WGSL and dispatch.
    pub rendered: Rendered,
    /// What is loaded together.
    pub parts: Vec<Part>,
    spec: Spec,
}

/// Tensors that are loaded together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// For messages.
    pub name: &'static str,
    /// Positions in [`Graph::tensors`].
    pub tensors: Vec<TensorId>,
}

/// Why a job has no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The model can't be unfolded with this job's values.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A template can't be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// An input can't be made.
    #[error(transparent)]
    Fill(#[from] FillError),
    /// The job names a model that the manifest does not hold: the plan was not made from it.
    #[error("the model `{0}` is not one of the manifest's")]
    Model(String),
}

/// The job as the page reads it: `Job` of `templates/harness/types.js`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    number: u64,
    id: String,
    engine: &'static str,
    backend: &'static str,
    shader_precompilation: bool,
    parallel_loading: bool,
    require_hardware: bool,
    workgroup_size: [u32; 3],
    warmup: u32,
    tensors: Vec<TensorSpec>,
    parts: Vec<PartSpec>,
    shaders: Vec<ShaderSpec>,
    stages: Vec<StageSpec>,
    outputs: Vec<TensorId>,
}

#[derive(Debug, Clone, Serialize)]
struct TensorSpec {
    name: String,
    shape: Vec<usize>,
    role: &'static str,
}

#[derive(Debug, Clone, Serialize)]
struct PartSpec {
    name: &'static str,
    url: Option<String>,
    tensors: Vec<TensorId>,
    sources: Vec<Option<Source>>,
}

/// How a page without a runner makes a tensor.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "lowercase")]
enum Source {
    Uniform { seed: u32, mean: f32, spread: f32 },
    Base64(String),
}

#[derive(Debug, Clone, Serialize)]
struct ShaderSpec {
    name: String,
    code: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct StageSpec {
    name: String,
    shader: usize,
    bindings: Vec<TensorId>,
    grid: [u32; 3],
    workgroup_bytes: u32,
}

impl Page {
    /// Renders a job; `number` is its position in the run, `backend` the one to try (the job's own, or a fallback).
    pub fn render(
        templates: &Templates,
        manifest: &Manifest,
        job: &Job,
        number: u64,
        backend: Backend,
    ) -> Result<Self, PageError> {
        let model = manifest.models.get(&job.model).ok_or_else(|| PageError::Model(job.model.clone()))?;
        let vars = JobVars::of(job);
        let graph = Graph::of(model, &vars)?;
        let rendered = render_stages(templates, &graph, &vars)?;
        let parts = parts(&graph);
        let spec = Spec {
            number,
            id: job.id.to_string(),
            engine: model.engine.name(),
            backend: backend.name(),
            shader_precompilation: job.shader_precompilation,
            parallel_loading: job.parallel_loading,
            require_hardware: manifest.measure.require_hardware,
            workgroup_size: job.workgroup_size,
            warmup: manifest.measure.warmup,
            tensors: tensor_specs(&graph),
            parts: part_specs(number, &parts),
            shaders: rendered
                .shaders
                .iter()
                .map(|shader| ShaderSpec { name: shader.name.clone(), code: shader.code.clone() })
                .collect(),
            stages: stage_specs(&graph, &rendered),
            outputs: graph.outputs.clone(),
        };
        Ok(Self { job: job.clone(), number, graph: Arc::new(graph), rendered, parts, spec })
    }

    /// The job's own module, for a page that a runner serves.
    pub fn module(&self, templates: &Templates) -> Result<String, RenderError> {
        templates.render("templates/job.js", context! { job => Serde(&self.spec) })
    }

    /// The job's own module with all that it needs inside, for a page that is opened by hand.
    pub fn standalone_module(&self, templates: &Templates) -> Result<String, PageError> {
        let mut spec = self.spec.clone();
        for part in &mut spec.parts {
            part.url = None;
            part.sources = part.tensors.iter().map(|id| self.source(*id)).collect::<Result<_, _>>()?;
        }
        Ok(templates.render("templates/job.js", context! { job => Serde(&spec) })?)
    }

    fn source(&self, id: TensorId) -> Result<Option<Source>, FillError> {
        let tensor = &self.graph.tensors[id];
        Ok(match &tensor.role {
            TensorRole::Computed => None,
            TensorRole::Input(Fill::Uniform { seed, mean, spread })
            | TensorRole::Weight(Fill::Uniform { seed, mean, spread }) => {
                Some(Source::Uniform { seed: *seed, mean: *mean, spread: *spread })
            }
            TensorRole::Input(_) | TensorRole::Weight(_) => {
                let bytes: Vec<u8> = fill(tensor)?.iter().flat_map(|value| value.to_le_bytes()).collect();
                Some(Source::Base64(base64::engine::general_purpose::STANDARD.encode(bytes)))
            }
        })
    }

    /// Bytes that the page posts to be checked: all computed tensors, in their order.
    #[must_use]
    pub fn posted_bytes(&self) -> u64 {
        let computed = self.graph.tensors.iter().filter(|tensor| tensor.role == TensorRole::Computed);
        computed.map(|tensor| tensor.len() as u64 * 4).sum()
    }

    /// SHA-256 of all WGSL in the order of the stages, the first 16 hexadecimal digits.
    #[must_use]
    pub fn shader_digest(&self) -> String {
        let mut hash = Sha256::new();
        for shader in &self.rendered.shaders {
            hash.update(shader.code.as_bytes());
            hash.update([0]);
        }
        short_digest(hash)
    }

    /// Arithmetic of one inference; `None` where a stage has no formula.
    #[must_use]
    pub fn flops(&self) -> Option<Flops> {
        self.graph.stages.iter().map(|stage| stage.flops.map(|flops| flops.0)).sum::<Option<u64>>().map(Flops)
    }

    /// Least traffic of one inference.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        Bytes(self.graph.stages.iter().map(|stage| stage.bytes.0).sum())
    }
}

/// The first 16 hexadecimal digits of a hash: enough to tell rows apart, short enough for a spreadsheet.
#[must_use]
pub fn short_digest(hash: Sha256) -> String {
    let head = hash.finalize().iter().take(8).fold(0_u64, |head, byte| head << 8 | u64::from(*byte));
    format!("{head:016x}")
}

/// The HTML of a page that a runner serves: modules come from beside it, commands over the channel.
pub fn served_html(templates: &Templates, channel_url: &str) -> Result<String, RenderError> {
    let imports = r#"{"imports":{"gpujobs/":"../harness/"}}"#;
    templates.render("templates/page.html", context! { title => "gpujobs", imports, channel => channel_url })
}

/// Entries of an import map, as JSON without the braces, that hold the modules themselves.
#[must_use]
pub fn inlined<'a>(modules: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let entry = |(name, text): (&str, &str)| {
        let encoded = base64::engine::general_purpose::STANDARD.encode(text);
        // A name is that of a template file, and base64 needs no escape.
        format!("\"gpujobs/{name}\":\"data:text/javascript;base64,{encoded}\"")
    };
    modules.into_iter().map(entry).collect::<Vec<_>>().join(",")
}

/// The HTML of a page that is opened by hand: every module is inside, since `file:` pages may not import others.
/// `harness` is [`inlined`] once for all jobs, whose pages would else spend most of their time on it.
pub fn standalone_html(templates: &Templates, title: &str, harness: &str, module: &str) -> Result<String, RenderError> {
    let imports = format!("{{\"imports\":{{{harness},{}}}}}", inlined([("job.js", module)]));
    templates.render("templates/page.html", context! { title, imports })
}

/// Inputs and weights are parts of their own, so that they can load at the same time.
fn parts(graph: &Graph) -> Vec<Part> {
    let with = |is: fn(&TensorRole) -> bool| {
        graph.tensors.iter().enumerate().filter(|(_, tensor)| is(&tensor.role)).map(|(id, _)| id).collect()
    };
    let parts = [
        Part { name: "inputs", tensors: with(|role| matches!(role, TensorRole::Input(_))) },
        Part { name: "weights", tensors: with(|role| matches!(role, TensorRole::Weight(_))) },
    ];
    parts.into_iter().filter(|part: &Part| !part.tensors.is_empty()).collect()
}

fn part_specs(number: u64, parts: &[Part]) -> Vec<PartSpec> {
    let spec = |(index, part): (usize, &Part)| PartSpec {
        name: part.name,
        // Relative to the page, `…/page/N`.
        url: Some(format!("../jobs/{number}/parts/{index}")),
        tensors: part.tensors.clone(),
        sources: part.tensors.iter().map(|_| None).collect(),
    };
    parts.iter().enumerate().map(spec).collect()
}

fn tensor_specs(graph: &Graph) -> Vec<TensorSpec> {
    let spec = |tensor: &crate::plan::graph::Tensor| TensorSpec {
        name: tensor.name.clone(),
        shape: tensor.shape.clone(),
        role: match tensor.role {
            TensorRole::Input(_) => "input",
            TensorRole::Weight(_) => "weight",
            TensorRole::Computed => "computed",
        },
    };
    graph.tensors.iter().map(spec).collect()
}

fn stage_specs(graph: &Graph, rendered: &Rendered) -> Vec<StageSpec> {
    graph
        .stages
        .iter()
        .zip(&rendered.dispatches)
        .map(|(stage, dispatch)| StageSpec {
            name: stage.name.clone(),
            shader: dispatch.shader,
            bindings: stage.inputs.iter().chain(stage.weights.values()).chain(&stage.outputs).copied().collect(),
            grid: dispatch.grid,
            workgroup_bytes: dispatch.workgroup_bytes,
        })
        .collect()
}
