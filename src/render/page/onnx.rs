//! What the page of a model in onnxruntime-web holds: the model's files, and what is given to it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use indexmap::IndexMap;
use minijinja::context;
use minijinja::value::Serde;
use sha2::{Digest, Sha256};

use super::remembered::{file_digest, signature_of, unreadable};
use super::{PageError, generation, ports, short_digest};
use crate::graph::inputs::{Call, Feeds};
use crate::graph::{GraphError, JobVars};
use crate::manifest::axes::DEFAULT;
use crate::manifest::model::tasks::Loader;
use crate::manifest::model::{OnnxFile, OutputFile, Pipeline};
use crate::manifest::problem::listed;
use crate::manifest::{Manifest, Model, Problem};
use crate::plan::Job;
use crate::protocol::job::{
    ArgumentSpec, Common, FileSpec, GenerationSpec, OnnxInputSpec, OnnxJob, OnnxPart, PartWeights, PictureSpec,
    PipelineSpec, ProgramSpec, ServedFile, TaskPart,
};
use crate::reference::made::{self, InputData, MadeError};
use crate::reference::onnx::{Dim, OnnxError, Signature, Tensor};
use crate::render::{RenderError, Templates};
use crate::store::model_files::{MissingFile, Weights, beside_or_stored, pipeline_files};
use crate::user_file;

/// A job of the engines `transformers` and `onnxruntime`.
#[derive(Debug, Clone)]
pub struct OnnxPage {
    /// The model's files by the names under which the page asks for them, with their places.
    pub files: IndexMap<String, PathBuf>,
    /// Those of `files` that are ONNX models.
    pub models: Vec<String>,
    /// Number formats of their weights, by the same names.
    pub dtypes: HashMap<String, String>,
    /// Outputs that are compared with files.
    pub expect: Vec<OutputFile>,
    /// Seconds of sound that an inference is given; `None` where it takes none.
    pub sound_seconds: Option<f64>,
    /// How a text is generated; `None` of jobs that generate none.
    pub generation: Option<GenerationSpec>,
    pub(super) spec: OnnxJob,
}

/// What a page loads.
struct Loaded {
    /// See [`OnnxPage::files`].
    files: IndexMap<String, PathBuf>,
    /// The ONNX models among them.
    models: Vec<Weights>,
    /// The extents of the named dimensions of a model's inputs.
    free_dimensions: IndexMap<String, usize>,
}

/// Of the sounds that tasks take.
const SAMPLES_A_SECOND: f64 = 16_000.0;

/// From `jobs/N/frame` to the root …
pub(super) const UP: &str = "../../";
/// … and from `JOB/index.html` in a folder of rendered jobs.
pub(super) const UP_OF_RENDERED: &str = "../";

/// The folder of a runtime's libraries, where `up` leads to the root.
fn libraries(up: &str, runtime: &str) -> String {
    if runtime == DEFAULT { format!("{up}libraries/") } else { format!("{up}runtimes/{runtime}/") }
}

/// Where a page finds onnxruntime-web's files.
fn onnxruntime(up: &str, runtime: &str) -> String {
    format!("{}onnxruntime-web/dist/", libraries(up, runtime))
}

impl OnnxPage {
    pub(super) fn of_pipeline(
        manifest: &Manifest,
        model: &Model,
        pipeline: &Pipeline,
        job: &Job,
        common: Common,
    ) -> Result<Self, PageError> {
        let call = Call::of(model, pipeline, &JobVars::of(job))?;
        let (files, models) = pipeline_files(manifest, model, pipeline, job)?;
        let parts = match &pipeline.task.loader {
            Loader::Pipeline(_) => None,
            Loader::Parts(parts) => Some(
                parts
                    .iter()
                    .map(|part| TaskPart {
                        name: part.name,
                        model: part.model,
                        processor: part.processor,
                        argument: part.input,
                        file: models
                            .iter()
                            .find(|one| one.part == part.file)
                            .map_or_else(String::new, |one| one.path.clone()),
                    })
                    .collect(),
            ),
        };
        let session = manifest.sessions.get(&job.axes.session);
        let weights = models.iter().map(|one| {
            let device = session.and_then(|session| session.device.get(&one.part).copied()).unwrap_or(common.backend);
            (one.part.clone(), PartWeights { file: one.path.clone(), dtype: one.dtype.clone(), device })
        });
        let weights = weights.collect();
        let given: Vec<InputData> =
            call.arguments.iter().map(|argument| made::argument(argument, job.axes.batch)).collect::<Result<_, _>>()?;
        let sound_seconds = seconds(&given);
        let generation = generation::of(pipeline, job);
        if let Some(config) = files.get("config.json") {
            generation::fits(&job.axes.model, pipeline, generation, config)?;
        }
        // What is no ONNX file the runtime refuses in its own words.
        let declared =
            models.iter().filter_map(|one| Some(ports::of(&one.path, &*signature_of(&files[&one.path]).ok()?)));
        let program = ProgramSpec::Pipeline(Box::new(PipelineSpec {
            model: pipeline.id.clone(),
            models: declared.collect(),
            weights,
            task: pipeline.task.name,
            model_file_name: pipeline.file_name.clone(),
            subfolder: pipeline.subfolder.clone(),
            parts,
            arguments: given.into_iter().map(Into::into).collect(),
            options: generation::options(pipeline, generation),
            tokens: call.tokens,
            generation,
        }));
        let page =
            Self::new(manifest, job, common, Loaded { files, models, free_dimensions: IndexMap::new() }, program)?;
        Ok(Self { sound_seconds, generation, ..page })
    }

    pub(super) fn of_file(
        manifest: &Manifest,
        model: &Model,
        file: &OnnxFile,
        job: &Job,
        common: Common,
    ) -> Result<Self, PageError> {
        let path = beside_or_stored(manifest, model, &file.file)?;
        let signature = signature_of(&path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let feeds = Feeds::of(model, file, &JobVars::of(job))?;
        let given = made::feeds(&signature.inputs, &feeds).map_err(|error| of_an_input(model, file, error))?;
        let mut free = IndexMap::new();
        for (port, tensor) in signature.inputs.iter().zip(&given) {
            for (dim, extent) in port.dims.iter().flatten().zip(tensor.shape()) {
                if let Dim::Named(name) = dim {
                    free.insert(name.clone(), *extent);
                }
            }
        }
        for output in &file.expect {
            check_output(model, output, &signature, &free)?;
        }
        let mut files = IndexMap::from([(name.clone(), path)]);
        for beside in &signature.external {
            let place = folder.join(beside);
            if Path::new(beside).components().any(|part| !matches!(part, std::path::Component::Normal(_)))
                || !place.is_file()
            {
                let message = format!("its weights lie in `{beside}`, which is not in {}", folder.display());
                let remedy = "put it there, as the model's maker gives it".to_owned();
                return Err(MissingFile { model: model.name.clone(), message, remedy }.into());
            }
            if !lies_with(&place, &files[0]) {
                let message = format!("its weights lie in `{beside}`, a link that leads out of {}", folder.display());
                let remedy = "put the file itself there".to_owned();
                return Err(MissingFile { model: model.name.clone(), message, remedy }.into());
            }
            files.insert(beside.clone(), place);
        }
        let weights = Weights { part: name.clone(), dtype: job.axes.dtype.clone(), path: name.clone() };
        let feeds = given.iter().map(feed_spec).collect();
        let program = ProgramSpec::File(FileSpec { file: name, feeds });
        let page =
            Self::new(manifest, job, common, Loaded { files, models: vec![weights], free_dimensions: free }, program)?;
        Ok(Self { expect: file.expect.clone(), ..page })
    }

    fn new(
        manifest: &Manifest,
        job: &Job,
        common: Common,
        loaded: Loaded,
        program: ProgramSpec,
    ) -> Result<Self, PageError> {
        let Loaded { files, models, free_dimensions } = loaded;
        let sized = |(path, place): (&String, &PathBuf)| {
            let bytes = user_file::regular(place).map_err(unreadable(place))?.len();
            Ok(ServedFile { path: path.clone(), bytes })
        };
        let part = OnnxPart {
            common,
            libraries: onnxruntime(UP, &job.axes.runtime),
            root: "files/",
            files: files.iter().map(sized).collect::<Result<_, OnnxError>>()?,
            threads: job.axes.threads,
            webnn_device: job.axes.webnn_device.clone(),
            free_dimensions,
            session: manifest.sessions.get(&job.axes.session).cloned().unwrap_or_default(),
        };
        let spec = OnnxJob { part, program };
        let dtypes = models.iter().map(|one| (one.path.clone(), one.dtype.clone())).collect();
        let models = models.into_iter().map(|one| one.path).collect();
        Ok(Self { files, models, dtypes, expect: Vec::new(), sound_seconds: None, generation: None, spec })
    }

    /// Which of several devices the job asks for, in words.
    #[must_use]
    pub fn device(&self) -> String {
        let OnnxPart { common, webnn_device, .. } = &self.spec.part;
        format!("{webnn_device} {}", common.power_preference.as_deref().unwrap_or_default())
    }

    /// The job's own module, for a page in a folder of rendered jobs: beside it are `files/`, beside its folder the
    /// harness and the libraries.
    pub fn rendered_module(&self, templates: &Templates, runtime: &str) -> Result<String, RenderError> {
        let mut spec = self.spec.clone();
        spec.part.libraries = onnxruntime(UP_OF_RENDERED, runtime);
        templates.render("templates/job.js", context! { job => Serde(&spec) })
    }

    /// The model's files by the paths under which the page asks for them: transformers.js begins them with the model's id.
    pub fn served(&self) -> impl Iterator<Item = (String, &PathBuf)> {
        let prefix = match &self.spec.program {
            ProgramSpec::Pipeline(pipeline) => format!("{}/", pipeline.model),
            ProgramSpec::File(_) => String::new(),
        };
        self.files.iter().map(move |(path, place)| (format!("{prefix}{path}"), place))
    }

    /// Its files, where the user names one of them: an ONNX file and what lies beside it.
    pub(super) fn of_the_user(&self) -> impl Iterator<Item = &PathBuf> {
        let named = matches!(self.spec.program, ProgramSpec::File(_));
        self.files.values().filter(move |_| named)
    }

    /// SHA-256 of the ONNX models, the first 16 hexadecimal digits.
    pub fn digest(&self) -> Result<String, PageError> {
        let mut hash = Sha256::new();
        for model in &self.models {
            hash.update(file_digest(&self.files[model])?);
        }
        Ok(short_digest(hash))
    }
}

/// How long sounds last together; `None` where there is none.
fn seconds(given: &[InputData]) -> Option<f64> {
    let sounds = given.iter().filter_map(|one| if let InputData::Sounds(sounds) = one { Some(sounds) } else { None });
    let samples: usize = sounds.flatten().map(Vec::len).sum();
    (samples > 0).then(|| samples as f64 / SAMPLES_A_SECOND)
}

/// Shows an input that can't be made where the model's file speaks of it.
fn of_an_input(model: &Model, file: &OnnxFile, error: MadeError) -> PageError {
    let MadeError::Feed { input, message } = &error else { return error.into() };
    let Some(feed) = file.feeds.iter().find(|feed| feed.name.get_ref() == input) else { return error.into() };
    let problem = Problem::at(feed.name.span(), format!("input `{input}`: {message}"), "this input");
    GraphError::of_model(model, problem).into()
}

/// Whether a file can be what an output holds, as far as the ONNX file and the inputs' extents tell.
fn check_output(
    model: &Model,
    expect: &OutputFile,
    signature: &Signature,
    extents: &IndexMap<String, usize>,
) -> Result<(), GraphError> {
    let (name, header) = (expect.name.get_ref(), &expect.file.header);
    let fail = |message: String, label: &str, help: &str| {
        let problem = Problem::at(expect.name.span(), message, label.to_owned());
        Err(GraphError::of_model(model, problem.help(help.to_owned())))
    };
    let Some(port) = signature.outputs.iter().find(|port| port.name == *name) else {
        let known: Vec<&str> = signature.outputs.iter().map(|port| port.name.as_str()).collect();
        let help = format!("its outputs are {}", listed(&known));
        return fail(format!("the ONNX file has no output `{name}`"), "no output", &help);
    };
    let (path, says) = (expect.file.path.display(), header.says());
    if header.stored.is_float() && !port.kind.is_float() {
        let help = "save it as whole numbers: np.save(\"y.npy\", y.astype(np.int64))";
        return fail(format!("{path} holds {says}, and `{name}` is of {}", port.kind), "of another type", help);
    }
    let tolerant = expect.tolerance.is_some_and(|tolerance| tolerance != 0.0) || expect.absolute != 0.0;
    if tolerant && !port.kind.is_float() {
        let help = "leave `tolerance` and `absolute` out: whole numbers must be equal";
        return fail(format!("`{name}` is of {}", port.kind), "of whole numbers", help);
    }
    let extent = |dim: &Dim| match dim {
        Dim::Fixed(extent) => Some(*extent),
        Dim::Named(name) => extents.get(name).copied(),
        Dim::Unknown => None,
    };
    // What is open is compared when the output is there.
    let shape: Option<Vec<usize>> = port.dims.as_ref().and_then(|dims| dims.iter().map(extent).collect());
    match shape {
        Some(shape) if !header.fits(&shape) => {
            fail(format!("{path} holds {says}, and `{name}` is {shape:?}"), "of another length", "make the file anew")
        }
        _ => Ok(()),
    }
}

/// The import map of a page with a runtime's libraries; `up` leads from the page to the root, `job` to the job's own module,
/// where that is imported by name.
#[must_use]
pub fn imports(up: &str, runtime: &str, job: Option<&str>) -> String {
    let libraries = libraries(up, runtime);
    let mut imports = serde_json::json!({
        "gpujobs/": format!("{up}harness/"),
        "onnxruntime-web/webgpu": format!("{libraries}onnxruntime-web/dist/ort.webgpu.min.mjs"),
        "onnxruntime-common": format!("{libraries}onnxruntime-common/dist/esm/index.js"),
        "@huggingface/transformers": format!("{libraries}@huggingface/transformers/dist/transformers.web.min.js"),
    });
    if let Some(job) = job {
        imports["gpujobs/job.js"] = job.into();
    }
    serde_json::json!({ "imports": imports }).to_string()
}

impl From<InputData> for ArgumentSpec {
    fn from(made: InputData) -> Self {
        let base64 = |bytes: Vec<u8>| base64::engine::general_purpose::STANDARD.encode(bytes);
        match made {
            InputData::Texts(texts) => Self::Texts(texts),
            InputData::Labels(labels) => Self::Labels(labels),
            InputData::Sounds(sounds) => {
                let bytes = |sound: Vec<f32>| sound.into_iter().flat_map(f32::to_le_bytes).collect();
                Self::Sounds(sounds.into_iter().map(|sound| base64(bytes(sound))).collect())
            }
            InputData::Pictures(pictures) => Self::Images(
                pictures
                    .into_iter()
                    .map(|picture| PictureSpec {
                        width: picture.width,
                        height: picture.height,
                        rgb: base64(picture.rgb),
                    })
                    .collect(),
            ),
        }
    }
}

pub(super) fn feed_spec(tensor: &Tensor) -> OnnxInputSpec {
    OnnxInputSpec {
        name: tensor.name().to_owned(),
        kind: tensor.kind().to_string(),
        shape: tensor.shape().to_vec(),
        base64: base64::engine::general_purpose::STANDARD.encode(tensor.bytes()),
    }
}

/// Whether a file lies, links followed, below the folder in which a model is found or in that of the model itself: a cache may
/// keep both elsewhere. What a model names must not be any other file of the user's.
fn lies_with(file: &Path, model: &Path) -> bool {
    let folder = |model: &Path| model.parent().unwrap_or(Path::new("")).join(".").canonicalize().ok();
    let folders = [folder(model), model.canonicalize().ok().and_then(|model| folder(&model))];
    let Ok(file) = file.canonicalize() else { return false };
    folders.iter().flatten().any(|folder| file.starts_with(folder))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn weights_lie_with_their_model_and_no_link_leads_elsewhere() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for folder in ["model", "cache", "home"] {
            std::fs::create_dir(at(folder)).unwrap();
        }
        for file in ["model/m.onnx", "model/m.data", "cache/m.onnx", "cache/m.data", "home/secret"] {
            std::fs::write(at(file), "x").unwrap();
        }
        symlink(at("home/secret"), at("model/link.data")).unwrap();
        symlink("m.data", at("model/alias.data")).unwrap();
        symlink("nowhere", at("model/dangling.data")).unwrap();
        symlink(at("cache/m.onnx"), at("model/cached.onnx")).unwrap();
        symlink(at("cache/m.data"), at("model/cached.data")).unwrap();
        let [own, cached] = ["model/m.onnx", "model/cached.onnx"].map(at);
        assert!(lies_with(&at("model/m.data"), &own) && lies_with(&at("model/alias.data"), &own));
        for out in ["model/link.data", "model/dangling.data", "model/cached.data", "home/secret"] {
            assert!(!lies_with(&at(out), &own), "{out}");
        }
        assert!(lies_with(&at("model/cached.data"), &cached) && !lies_with(&at("model/link.data"), &cached));
    }
}
