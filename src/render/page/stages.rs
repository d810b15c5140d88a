//! What the page of a model written in WGSL holds: its graph, its shaders, its data.

use std::sync::Arc;

use base64::Engine as _;
use indexmap::IndexSet;
use minijinja::context;
use minijinja::value::Serde;
use sha2::{Digest, Sha256};

use super::{PageError, short_digest};
use crate::graph::memory::{Place, Texture};
use crate::graph::{Fill, Graph, JobVars, Memory, Sampler, Stage, Start, TensorId, TensorRole};
use crate::manifest::Model;
use crate::protocol::job::{
    Common, DispatchSpec, PartSpec, SamplerSpec, ShaderSpec, StagesJob, StartSpec, TensorSource, TensorSpec,
    TextureSpec,
};
use crate::reference::{FillError, fill};
use crate::render::target::Target;
use crate::render::wgsl::{Dispatch, Rendered, Shader, render_stages};
use crate::render::{RenderError, Templates};
use crate::units::{Bytes, Flops};

/// A job of the engine `wgsl`, rendered.
#[derive(Debug, Clone)]
pub struct StagesPage {
    /// What runs.
    pub graph: Arc<Graph>,
    /// Each stage's WGSL and dispatch.
    pub rendered: Rendered,
    /// What is loaded together.
    pub parts: Vec<Part>,
    spec: StagesJob,
}

/// Tensors that are loaded together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// For messages, for instance `weights of text.embeddings`.
    pub name: String,
    /// Positions in [`Graph::tensors`].
    pub tensors: Vec<TensorId>,
}

impl StagesPage {
    pub(super) fn render(
        templates: &Templates,
        model: &Model,
        vars: &JobVars,
        target: &Target<'_>,
        common: Common,
    ) -> Result<Self, PageError> {
        let graph = Graph::of(model, vars)?;
        let rendered = render_stages(templates, &graph, vars, target)?;
        let parts = parts(&graph);
        let memory = Memory::of(&graph);
        let spec = StagesJob {
            tensors: tensor_specs(&graph, &memory),
            textures: texture_specs(&memory),
            buffers: memory.buffers,
            parts: part_specs(common.number, &parts),
            common,
            shaders: rendered
                .shaders
                .iter()
                .map(|shader| ShaderSpec {
                    name: shader.name.clone(),
                    code: shader.code.clone(),
                    entry_point: shader.entry.name.clone(),
                    constants: shader.entry.constants.iter().cloned().collect(),
                })
                .collect(),
            stages: stage_specs(&graph, &rendered),
            outputs: graph.outputs.clone(),
        };
        Ok(Self { graph: Arc::new(graph), rendered, parts, spec })
    }

    pub(super) fn module(&self, templates: &Templates) -> Result<String, RenderError> {
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

    fn source(&self, id: TensorId) -> Result<Option<TensorSource>, FillError> {
        let tensor = &self.graph.tensors[id];
        Ok(match &tensor.role {
            TensorRole::Computed => None,
            TensorRole::Input(Fill::Uniform { seed, mean, spread })
            | TensorRole::Weight(Fill::Uniform { seed, mean, spread })
                if !tensor.element.is_whole() && tensor.texture.is_none() =>
            {
                Some(TensorSource::Uniform { seed: *seed, mean: *mean, spread: *spread })
            }
            TensorRole::Input(_) | TensorRole::Weight(_) => {
                let bytes = tensor.encode(&fill(tensor)?);
                Some(TensorSource::Base64(base64::engine::general_purpose::STANDARD.encode(bytes)))
            }
        })
    }

    /// Bytes that the page posts to be checked: all computed tensors, in the order of the stages.
    #[must_use]
    pub fn posted_bytes(&self) -> u64 {
        self.graph.results().map(|id| self.graph.tensors[id].bytes()).sum()
    }

    /// See [`Page::tuning`](super::Page::tuning).
    #[must_use]
    pub fn tuning(&self) -> String {
        let all = self.rendered.dispatches.iter().map(|dispatch| dispatch.configuration.as_str());
        let distinct: IndexSet<&str> = all.filter(|one| !one.is_empty()).collect();
        distinct.into_iter().collect::<Vec<_>>().join("; ")
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

/// Inputs and weights are parts of their own, so that they can load at the same time; so are the weights of models that
/// lie side by side in one graph, as the two encoders of CLIP do, and share no tensor.
fn parts(graph: &Graph) -> Vec<Part> {
    let weight = |id: &TensorId| matches!(graph.tensors[*id].role, TensorRole::Weight(_));
    let inputs = (0..graph.tensors.len()).filter(|id| matches!(graph.tensors[*id].role, TensorRole::Input(_)));
    let mut parts = vec![Part { name: "inputs".to_owned(), tensors: inputs.collect() }];
    let apart = graph.apart();
    for stages in &apart {
        let mut tensors: Vec<TensorId> =
            stages.iter().flat_map(|stage| graph.stages[*stage].weights.values().copied().filter(weight)).collect();
        // In the order of the graph, each once, though several stages may read it.
        tensors.sort_unstable();
        tensors.dedup();
        let of = stages.first().filter(|_| apart.len() > 1).map(|stage| format!(" of {}", graph.stages[*stage].name));
        parts.push(Part { name: format!("weights{}", of.unwrap_or_default()), tensors });
    }
    parts.retain(|part| !part.tensors.is_empty());
    parts
}

fn part_specs(number: u64, parts: &[Part]) -> Vec<PartSpec> {
    let spec = |(index, part): (usize, &Part)| PartSpec {
        name: part.name.clone(),
        // Relative to the page, `…/page/N`.
        url: Some(format!("../jobs/{number}/parts/{index}")),
        tensors: part.tensors.clone(),
        sources: part.tensors.iter().map(|_| None).collect(),
    };
    parts.iter().enumerate().map(spec).collect()
}

fn tensor_specs(graph: &Graph, memory: &Memory) -> Vec<TensorSpec> {
    let spec = |(tensor, place): (&crate::graph::Tensor, &Place)| TensorSpec {
        bytes: tensor.bytes(),
        buffer: if let Place::Buffer(buffer) = place { Some(*buffer) } else { None },
        texture: if let Place::Texture(texture) = place { Some(*texture) } else { None },
        element: tensor.element.into(),
        name: tensor.name.clone(),
        shape: tensor.shape.clone(),
        role: match tensor.role {
            TensorRole::Input(_) => "input",
            TensorRole::Weight(_) => "weight",
            TensorRole::Computed => "computed",
        },
    };
    graph.tensors.iter().zip(&memory.of).map(spec).collect()
}

fn texture_specs(memory: &Memory) -> Vec<TextureSpec> {
    let spec = |texture: &Texture| TextureSpec {
        width: texture.width,
        height: texture.height,
        format: texture.format.into(),
        texel_bytes: texture.format.texel_bytes(),
    };
    memory.textures.iter().map(spec).collect()
}

fn sampler_specs(stage: &Stage) -> Vec<SamplerSpec> {
    let spec =
        |Sampler { filter, address }: &Sampler| SamplerSpec { filter: filter.into(), address: address.map(Into::into) };
    stage.samplers.values().map(spec).collect()
}

/// What the page does before the stage runs.
fn starts(stage: &Stage) -> Vec<StartSpec> {
    let start = |(output, start): (&TensorId, &Start)| match start {
        Start::Sentinel => None,
        Start::Zeros => Some(StartSpec { output: *output, copy: None }),
        Start::Copy(from) => Some(StartSpec { output: *output, copy: Some(*from) }),
    };
    stage.outputs.iter().zip(&stage.starts).filter_map(start).collect()
}

/// What a dispatch needs of the device.
fn features(dispatch: &Dispatch, shader: &Shader) -> Vec<String> {
    let mut features = dispatch.features.clone();
    features.extend(shader.entry.features.iter().map(|feature| (*feature).to_owned()));
    features
}

fn stage_specs(graph: &Graph, rendered: &Rendered) -> Vec<DispatchSpec> {
    graph
        .stages
        .iter()
        .zip(&rendered.dispatches)
        .map(|(stage, dispatch)| DispatchSpec {
            name: stage.name.clone(),
            shader: dispatch.shader,
            bindings: stage.tensors().collect(),
            outputs: stage.outputs.clone(),
            starts: starts(stage),
            uniforms: rendered.shaders[dispatch.shader].entry.uniforms.clone(),
            storage_textures: rendered.shaders[dispatch.shader].entry.storage_textures.clone(),
            samplers: sampler_specs(stage),
            asks_lengths: rendered.shaders[dispatch.shader].entry.asks_lengths,
            grid: dispatch.grid,
            workgroup: dispatch.workgroup,
            workgroup_bytes: dispatch.workgroup_bytes,
            features: features(dispatch, &rendered.shaders[dispatch.shader]),
        })
        .collect()
}
