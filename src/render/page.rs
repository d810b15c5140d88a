//! A page is everything that a browser needs for one job: HTML, modules, and what is to be loaded.
//!
//! Made from a job and the templates; `serve` hands it out, `harness` has it run, and `gpujobs render` writes it to disk.
//! `stages` holds what a model written in WGSL needs, `onnx` what one in onnxruntime-web does, `module` what a JS module of the
//! user's does.

pub mod generation;
pub mod module;
pub mod onnx;
mod ports;
mod remembered;
pub mod stages;

use std::path::PathBuf;

use base64::Engine as _;
use minijinja::context;
use minijinja::value::Serde;
use sha2::{Digest, Sha256};

use super::kernels::KernelOverride;
use super::target::{AdapterHint, Target, UNKNOWN};
use super::{RenderError, Templates};
use crate::graph::{GraphError, JobVars};
use crate::manifest::model::{Program, Stages};
use crate::manifest::{Backend, Manifest, Model};
use crate::plan::Job;
use crate::protocol::job::Common;
use crate::reference::FillError;
use crate::reference::made::MadeError;
use crate::reference::onnx::OnnxError;
use crate::store::model_files::{MissingFile, beside_or_stored};
use crate::units::{Bytes, Flops};
use crate::webdriver::BrowserKind;

pub use generation::TooLong;
pub use module::{ExpectedOutput, ExpectedSource, ModulePage};
pub use onnx::OnnxPage;
pub use stages::{Part, StagesPage};

/// A job, rendered.
#[derive(Debug, Clone)]
pub struct Page {
    /// The job.
    pub job: Job,
    /// Its position in the run; names it in messages and paths.
    pub number: u64,
    /// What computes: the job's own backend, or a fallback.
    pub backend: Backend,
    /// What runs.
    pub content: Content,
}

/// What runs, by the kind of its engine.
#[derive(Debug, Clone)]
pub enum Content {
    /// Stages in WGSL.
    Stages(Box<StagesPage>),
    /// A model in onnxruntime-web.
    Onnx(Box<OnnxPage>),
    /// A JS module of the user's.
    Module(Box<ModulePage>),
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
    /// What is given to the model can't be made.
    #[error(transparent)]
    Made(#[from] MadeError),
    /// The ONNX file can't be read.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// A file of the model is not there.
    #[error(transparent)]
    Missing(#[from] MissingFile),
    /// The model has too few positions for the tokens that the job asks for.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// The job names a model that the manifest does not hold: the plan was not made from it.
    #[error("the model `{0}` is not one of the manifest's")]
    Model(String),
}

impl PageError {
    /// Why the job can't be run at all, here or with these values, where that is what is wrong; another error is a fault.
    #[must_use]
    pub fn unsupported_reason(&self) -> Option<String> {
        match self {
            Self::Render(RenderError::Unsupported { reason, .. }) => Some(reason.clone()),
            Self::Graph(GraphError::TooLarge { .. })
            | Self::Fill(FillError::TooLarge { .. })
            | Self::Made(MadeError::TooLarge { .. })
            | Self::TooLong(_) => Some(self.to_string()),
            _ => None,
        }
    }
}

/// What a page is made of besides the templates: a job, and what is known of the session that will run it.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest<'a> {
    /// The manifest that the job is from.
    pub manifest: &'a Manifest,
    /// The job.
    pub job: &'a Job,
    /// The page's position in the run.
    pub number: u64,
    /// What computes: the job's own backend, or a fallback.
    pub backend: Backend,
    /// The adapter that it will meet.
    pub adapter_hint: &'a AdapterHint,
    /// Configurations of some kernels, which go before all else.
    pub overrides: &'a [KernelOverride],
}

impl<'a> PageRequest<'a> {
    /// The page of a job as its manifest has it, number 0, before any session is open.
    #[must_use]
    pub fn new(manifest: &'a Manifest, job: &'a Job) -> Self {
        Self { manifest, job, number: 0, backend: job.axes.backend, adapter_hint: &UNKNOWN, overrides: &[] }
    }
}

impl Page {
    /// Renders a job.
    pub fn render(templates: &Templates, request: &PageRequest<'_>) -> Result<Self, PageError> {
        let &PageRequest { manifest, job, number, backend, adapter_hint, overrides } = request;
        let model = manifest.models.get(&job.axes.model).ok_or_else(|| PageError::Model(job.axes.model.clone()))?;
        let common = Common {
            number,
            id: job.id.to_string(),
            engine: model.engine().into(),
            backend: backend.into(),
            shader_precompilation: job.axes.shader_precompilation,
            parallel_loading: job.axes.parallel_loading,
            require_hardware: manifest.measure.require_hardware,
            power_preference: job.axes.power_preference.clone(),
            warmup: manifest.measure.warmup,
            queued: manifest.measure.iterations.is_some(),
        };
        let vars = JobVars::of(job);
        let browser = manifest.browsers.get(&job.axes.browser).map_or(BrowserKind::Chrome, |browser| browser.kind);
        let target =
            Target { compiler: browser.product().compiler, adapter_hint, settings: &manifest.compiler, overrides };
        let content = match &model.program {
            Program::Stages(stages) => {
                let found = with_weights(manifest, model, stages)?;
                let model = found.as_ref().unwrap_or(model);
                Content::Stages(Box::new(StagesPage::render(templates, model, &vars, &target, common)?))
            }
            Program::Pipeline(pipeline) => {
                Content::Onnx(Box::new(OnnxPage::of_pipeline(manifest, model, pipeline, job, common)?))
            }
            Program::OnnxFile(file) => Content::Onnx(Box::new(OnnxPage::of_file(manifest, model, file, job, common)?)),
            Program::Module(module) => Content::Module(Box::new(ModulePage::of(manifest, model, module, job, common)?)),
        };
        Ok(Self { job: job.clone(), number, backend, content })
    }

    /// The job's own module, for a page that a runner serves.
    pub fn module(&self, templates: &Templates) -> Result<String, RenderError> {
        match &self.content {
            Content::Stages(page) => page.module(templates),
            Content::Onnx(page) => templates.render("templates/job.js", context! { job => Serde(&page.spec) }),
            Content::Module(page) => page.module(templates),
        }
    }

    /// The document of a job that needs one of its own, for a page that a runner serves.
    pub fn frame(&self, templates: &Templates) -> Result<Option<String>, RenderError> {
        let imports = match &self.content {
            Content::Stages(_) => return Ok(None),
            Content::Onnx(_) => onnx::imports(onnx::UP, &self.job.axes.runtime, None),
            Content::Module(page) => page.imports(),
        };
        let context = context! { title => "gpujobs", imports, frame => "./job.js" };
        templates.render("templates/page.html", context).map(Some)
    }

    /// Each kernel with its workgroup and what its parameters are, once, in the order of the stages; empty for kernels that
    /// declare none, and for models of ONNX.
    #[must_use]
    pub fn tuning(&self) -> String {
        match &self.content {
            Content::Stages(page) => page.tuning(),
            Content::Onnx(_) | Content::Module(_) => String::new(),
        }
    }

    /// The files of the user's that its content was found to be made of, besides those that the model's own file names: the
    /// parts of an ONNX file, a module and what it imports. Those of a model in the store are none.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        match &self.content {
            Content::Stages(_) => Vec::new(),
            Content::Onnx(page) => page.of_the_user().cloned().collect(),
            Content::Module(page) => page.program.values().chain(page.files.values()).cloned().collect(),
        }
    }

    /// SHA-256 of what computes, the first 16 hexadecimal digits: all WGSL in the order of the stages, or the model's files.
    pub fn shader_digest(&self) -> Result<String, PageError> {
        match &self.content {
            Content::Stages(page) => Ok(page.shader_digest()),
            Content::Onnx(page) => page.digest(),
            Content::Module(page) => page.digest(),
        }
    }

    /// Arithmetic of one inference; `None` where a stage has no formula, or only a run tells.
    #[must_use]
    pub fn flops(&self) -> Option<Flops> {
        match &self.content {
            Content::Stages(page) => page.flops(),
            Content::Onnx(_) | Content::Module(_) => None,
        }
    }

    /// Seconds of sound that an inference is given; `None` where it takes none.
    #[must_use]
    pub fn sound_seconds(&self) -> Option<f64> {
        match &self.content {
            Content::Stages(_) | Content::Module(_) => None,
            Content::Onnx(page) => page.sound_seconds,
        }
    }

    /// Least traffic of one inference; `None` where it is not known.
    #[must_use]
    pub fn bytes(&self) -> Option<Bytes> {
        match &self.content {
            Content::Stages(page) => Some(page.bytes()),
            Content::Onnx(_) | Content::Module(_) => None,
        }
    }
}

/// A model of stages whose file of weights was found; `None` where it names none.
fn with_weights(manifest: &Manifest, model: &Model, stages: &Stages) -> Result<Option<Model>, MissingFile> {
    let Some(file) = &stages.weights else { return Ok(None) };
    let weights = Some(beside_or_stored(manifest, model, file)?);
    Ok(Some(Model { program: Program::Stages(Stages { weights, ..stages.clone() }), ..model.clone() }))
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

/// The HTML of a page in a folder of rendered jobs, which a server of plain files must hand out: pages opened from `file:`
/// load no modules and no wasm.
pub fn rendered_html(templates: &Templates, page: &Page) -> Result<String, RenderError> {
    let imports = match &page.content {
        Content::Module(module) => module.rendered_imports(),
        Content::Stages(_) | Content::Onnx(_) => {
            onnx::imports(onnx::UP_OF_RENDERED, &page.job.axes.runtime, Some("./job.js"))
        }
    };
    let title = &page.job.id.0;
    templates.render("templates/page.html", context! { title, imports, over_http => true })
}
