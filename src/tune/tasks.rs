//! A task is a kernel of one size, for one model in one browser: what a search has to find the fastest configuration of.
//!
//! Made from a plan; `drive` carries it out.

use super::search::Candidate;
use crate::graph::{Graph, JobVars};
use crate::manifest::compiler::Values;
use crate::manifest::model::Engine;
use crate::manifest::{AxisValue, Backend};
use crate::plan::{Job, JobId, Plan, select};
use crate::render::Templates;
use crate::render::kernels::{Configuration, KernelOverride};
use crate::render::page::PageError;
use crate::render::space::{Space, spaces};
use crate::render::target::{AdapterHint, Target};
use crate::webdriver::Compiler;

/// What is to be tuned.
#[derive(Debug, Clone)]
pub struct TuneTask {
    /// The job as the manifest has it; its configuration is the default that a winner has to beat.
    pub base: Job,
    /// What compiles its WGSL.
    pub compiler: Compiler,
    /// What it may be instead.
    pub space: Space,
}

/// The tasks of a plan in the order of its jobs; those of one job one after the other. Jobs that differ in nothing that
/// a winner could tell apart, such as the workgroup, are one: the first.
pub fn tasks(plan: &Plan, templates: &Templates) -> Result<Vec<TuneTask>, (JobId, PageError)> {
    let manifest = &plan.manifest;
    let mut known: Vec<Vec<Option<String>>> = Vec::new();
    let mut tasks = Vec::new();
    for job in &plan.jobs {
        let Some(model) = manifest.models.get(&job.axes.model) else { continue };
        if model.engine() != Engine::Wgsl || job.axes.backend != Backend::Webgpu {
            continue;
        }
        let told_apart =
            ["browser", "model", "dtype", "batch"].into_iter().chain(job.axes.custom.keys().map(String::as_str));
        let key: Vec<Option<String>> =
            told_apart.map(|axis| select::value(job, axis).map(std::borrow::Cow::into_owned)).collect();
        if known.contains(&key) {
            continue;
        }
        known.push(key);
        let Some(browser) = manifest.browsers.get(&job.axes.browser) else { continue };
        let compiler = browser.kind.product().compiler;
        let vars = JobVars::of(job);
        let adapter_hint = AdapterHint::default();
        let target = Target { compiler, adapter_hint: &adapter_hint, settings: &manifest.compiler, overrides: &[] };
        let found = Graph::of(model, &vars)
            .map_err(PageError::from)
            .and_then(|graph| Ok(spaces(templates, &graph, &vars, &target, &manifest.tune)?));
        let found = found.map_err(|error| (job.id.clone(), error))?;
        tasks.extend(found.into_iter().map(|space| TuneTask { base: job.clone(), compiler, space }));
    }
    Ok(tasks)
}

impl TuneTask {
    /// The job of a point of the space, with an id of its own; [`kernel_override`](Self::kernel_override) makes its page.
    #[must_use]
    pub fn job(&self, point: usize) -> Job {
        let id = JobId(format!("{}/{}", self.base.id, self.described(point)));
        Job { id, ..self.base.clone() }
    }

    /// What gives a page the configuration of a point.
    #[must_use]
    pub fn kernel_override(&self, point: usize) -> KernelOverride {
        let Space { kernel, size, points, .. } = &self.space;
        KernelOverride { kernel: kernel.clone(), size: size.clone(), configuration: points[point].clone() }
    }

    /// Whether a point is what the job has without any search.
    #[must_use]
    pub fn is_default(&self, point: usize) -> bool {
        self.space.has_default && point == 0
    }

    /// A point in short, for instance `product=16x16x1/form=tiled`: parameters that are as in the default are left out.
    #[must_use]
    pub fn described(&self, point: usize) -> String {
        let Configuration { workgroup, values } = &self.space.points[point];
        let default = self.space.points.first().filter(|_| self.space.has_default).map(|default| &default.values);
        let is_default =
            |name: &String, value: &AxisValue| default.is_some_and(|default: &Values| default.get(name) == Some(value));
        let changed = values.iter().filter(|(name, value)| !is_default(name, value));
        let changed = changed.map(|(name, value)| format!("{name}={value}"));
        let workgroup = format!("{}={}", self.space.kernel, AxisValue::Shape(*workgroup));
        std::iter::once(workgroup).chain(changed).collect::<Vec<_>>().join("/")
    }

    /// The points as a search sees them.
    #[must_use]
    pub fn places(&self) -> Vec<Candidate> {
        (0..self.space.points.len()).map(|point| self.place(point)).collect()
    }

    fn place(&self, point: usize) -> Candidate {
        let on = self.space.coordinates(point);
        // Workgroups are alike where their traits are; a factor of eight is as far as from the first value of a parameter
        // to its last.
        let workgroup = self.space.traits[point].iter().map(|steps| steps / 3.0);
        let parameters = on.iter().zip(&self.space.axes).skip(1);
        let along = parameters.map(|(place, values)| *place as f64 / values.len().saturating_sub(1).max(1) as f64);
        Candidate { at: workgroup.chain(along).collect(), on }
    }
}

/// A size as it is written, `512x384x1536`; empty where a kernel tells none.
#[must_use]
pub fn size(extents: &[u64]) -> String {
    extents.iter().map(u64::to_string).collect::<Vec<_>>().join("x")
}
